package dbtcloud

// JobModel is a model as one run of a job left it. GraphQL: ModelNode.
type JobModel struct {
	UniqueID           string           `json:"uniqueId,omitzero"`
	Name               string           `json:"name,omitzero"`
	Description        string           `json:"description,omitzero"`
	Status             NodeStatus       `json:"status,omitzero"`
	Error              string           `json:"error,omitzero"`         // what the warehouse or dbt said
	ExecutionTime      *float64         `json:"executionTime,omitzero"` // seconds
	ExecuteStartedAt   Time             `json:"executeStartedAt,omitzero"`
	ExecuteCompletedAt Time             `json:"executeCompletedAt,omitzero"`
	Database           string           `json:"database,omitzero"`
	Schema             string           `json:"schema,omitzero"`
	Alias              string           `json:"alias,omitzero"`
	MaterializedType   string           `json:"materializedType,omitzero"`
	Access             AccessLevel      `json:"access,omitzero"`
	DbtGroup           string           `json:"dbtGroup,omitzero"`
	PackageName        string           `json:"packageName,omitzero"`
	Packages           []string         `json:"packages,omitzero"` // packages whose macros it uses
	ResourceType       string           `json:"resourceType,omitzero"`
	Language           string           `json:"language,omitzero"`
	Tags               []string         `json:"tags,omitzero"`
	Meta               map[string]any   `json:"meta,omitzero"`
	Owner              string           `json:"owner,omitzero"`   // in the warehouse
	Type               string           `json:"type,omitzero"`    // in the warehouse, such as table
	Comment            string           `json:"comment,omitzero"` // in the warehouse
	Columns            []*CatalogColumn `json:"columns,omitzero"`
	Stats              []*CatalogStat   `json:"stats,omitzero"`
	Tests              []*JobTest       `json:"tests,omitzero"`
	DependsOn          []string         `json:"dependsOn,omitzero"`  // unique ids
	ChildrenL1         []string         `json:"childrenL1,omitzero"` // unique ids of what uses it directly
	ParentsModels      []*JobModel      `json:"parentsModels,omitzero"`
	ParentsSources     []*JobSource     `json:"parentsSources,omitzero"`
	RunResults         []*JobRunResult  `json:"runResults,omitzero"`
	RawCode            string           `json:"rawCode,omitzero"`
	CompiledCode       string           `json:"compiledCode,omitzero"`
	CompileStartedAt   Time             `json:"compileStartedAt,omitzero"`
	CompileCompletedAt Time             `json:"compileCompletedAt,omitzero"`
	RunGeneratedAt     Time             `json:"runGeneratedAt,omitzero"`
	RunElapsedTime     *float64         `json:"runElapsedTime,omitzero"` // seconds, of the whole invocation
	Skip               *bool            `json:"skip,omitzero"`
	ThreadID           string           `json:"threadId,omitzero"`
	InvocationID       string           `json:"invocationId,omitzero"`
	Args               string           `json:"args,omitzero"` // of the invocation, JSON
	DbtVersion         string           `json:"dbtVersion,omitzero"`
	AccountID          int64            `json:"accountId,omitzero"`
	ProjectID          int64            `json:"projectId,omitzero"`
	EnvironmentID      int64            `json:"environmentId,omitzero"`
	JobID              int64            `json:"jobId,omitzero"`
	RunID              int64            `json:"runId,omitzero"`
}

// JobRunResult is one execution of a model within a run, which may execute it more
// than once. GraphQL: RunInfoNode.
type JobRunResult struct {
	Status             NodeStatus `json:"status,omitzero"`
	Error              string     `json:"error,omitzero"`
	ExecutionTime      *float64   `json:"executionTime,omitzero"` // seconds
	ExecuteStartedAt   Time       `json:"executeStartedAt,omitzero"`
	ExecuteCompletedAt Time       `json:"executeCompletedAt,omitzero"`
	CompileStartedAt   Time       `json:"compileStartedAt,omitzero"`
	CompileCompletedAt Time       `json:"compileCompletedAt,omitzero"`
	RunGeneratedAt     Time       `json:"runGeneratedAt,omitzero"`
	RunElapsedTime     *float64   `json:"runElapsedTime,omitzero"` // seconds, of the whole invocation
	Skip               *bool      `json:"skip,omitzero"`
	ThreadID           string     `json:"threadId,omitzero"`
	InvocationID       string     `json:"invocationId,omitzero"`
	Args               string     `json:"args,omitzero"` // of the invocation, JSON
}

// JobSource is a source as one run of a job saw it. GraphQL: SourceNode.
type JobSource struct {
	UniqueID              string             `json:"uniqueId,omitzero"`
	SourceName            string             `json:"sourceName,omitzero"`
	Name                  string             `json:"name,omitzero"`
	Description           string             `json:"description,omitzero"`
	SourceDescription     string             `json:"sourceDescription,omitzero"`
	State                 FreshnessStatus    `json:"state,omitzero"` // freshness
	FreshnessChecked      *bool              `json:"freshnessChecked,omitzero"`
	MaxLoadedAt           Time               `json:"maxLoadedAt,omitzero"`
	MaxLoadedAtTimeAgoInS *float64           `json:"maxLoadedAtTimeAgoInS,omitzero"` // seconds
	SnapshottedAt         Time               `json:"snapshottedAt,omitzero"`
	Criteria              *FreshnessCriteria `json:"criteria,omitzero"`
	Database              string             `json:"database,omitzero"`
	Schema                string             `json:"schema,omitzero"`
	Identifier            string             `json:"identifier,omitzero"`
	Loader                string             `json:"loader,omitzero"`
	ResourceType          string             `json:"resourceType,omitzero"`
	Tags                  []string           `json:"tags,omitzero"`
	Meta                  map[string]any     `json:"meta,omitzero"`
	Owner                 string             `json:"owner,omitzero"`   // in the warehouse
	Type                  string             `json:"type,omitzero"`    // in the warehouse, such as table
	Comment               string             `json:"comment,omitzero"` // in the warehouse
	Columns               []*CatalogColumn   `json:"columns,omitzero"`
	Stats                 []*CatalogStat     `json:"stats,omitzero"`
	Tests                 []*JobTest         `json:"tests,omitzero"`
	ChildrenL1            []string           `json:"childrenL1,omitzero"` // unique ids of what uses it directly
	RunGeneratedAt        Time               `json:"runGeneratedAt,omitzero"`
	RunElapsedTime        *float64           `json:"runElapsedTime,omitzero"` // seconds, of the whole invocation
	DbtVersion            string             `json:"dbtVersion,omitzero"`
	AccountID             int64              `json:"accountId,omitzero"`
	ProjectID             int64              `json:"projectId,omitzero"`
	EnvironmentID         int64              `json:"environmentId,omitzero"`
	JobID                 int64              `json:"jobId,omitzero"`
	RunID                 int64              `json:"runId,omitzero"`
}

// JobSeed is a seed as one run of a job left it. GraphQL: SeedNode.
type JobSeed struct {
	UniqueID           string           `json:"uniqueId,omitzero"`
	Name               string           `json:"name,omitzero"`
	Description        string           `json:"description,omitzero"`
	Status             NodeStatus       `json:"status,omitzero"`
	Error              string           `json:"error,omitzero"`         // what the warehouse or dbt said
	ExecutionTime      *float64         `json:"executionTime,omitzero"` // seconds
	ExecuteStartedAt   Time             `json:"executeStartedAt,omitzero"`
	ExecuteCompletedAt Time             `json:"executeCompletedAt,omitzero"`
	Database           string           `json:"database,omitzero"`
	Schema             string           `json:"schema,omitzero"`
	Alias              string           `json:"alias,omitzero"`
	PackageName        string           `json:"packageName,omitzero"`
	ResourceType       string           `json:"resourceType,omitzero"`
	Tags               []string         `json:"tags,omitzero"`
	Meta               map[string]any   `json:"meta,omitzero"`
	Owner              string           `json:"owner,omitzero"`   // in the warehouse
	Type               string           `json:"type,omitzero"`    // in the warehouse, such as table
	Comment            string           `json:"comment,omitzero"` // in the warehouse
	Columns            []*CatalogColumn `json:"columns,omitzero"`
	Stats              []*CatalogStat   `json:"stats,omitzero"`
	ChildrenL1         []string         `json:"childrenL1,omitzero"` // unique ids of what uses it directly
	RawCode            string           `json:"rawCode,omitzero"`
	CompiledCode       string           `json:"compiledCode,omitzero"`
	CompileStartedAt   Time             `json:"compileStartedAt,omitzero"`
	CompileCompletedAt Time             `json:"compileCompletedAt,omitzero"`
	RunGeneratedAt     Time             `json:"runGeneratedAt,omitzero"`
	RunElapsedTime     *float64         `json:"runElapsedTime,omitzero"` // seconds, of the whole invocation
	Skip               *bool            `json:"skip,omitzero"`
	ThreadID           string           `json:"thread_id,omitzero"` // the API writes it so
	DbtVersion         string           `json:"dbtVersion,omitzero"`
	AccountID          int64            `json:"accountId,omitzero"`
	ProjectID          int64            `json:"projectId,omitzero"`
	EnvironmentID      int64            `json:"environmentId,omitzero"`
	JobID              int64            `json:"jobId,omitzero"`
	RunID              int64            `json:"runId,omitzero"`
}

// JobSnapshot is a snapshot as one run of a job left it. GraphQL: SnapshotNode.
type JobSnapshot struct {
	UniqueID           string           `json:"uniqueId,omitzero"`
	Name               string           `json:"name,omitzero"`
	Description        string           `json:"description,omitzero"`
	Status             NodeStatus       `json:"status,omitzero"`
	Error              string           `json:"error,omitzero"`         // what the warehouse or dbt said
	ExecutionTime      *float64         `json:"executionTime,omitzero"` // seconds
	ExecuteStartedAt   Time             `json:"executeStartedAt,omitzero"`
	ExecuteCompletedAt Time             `json:"executeCompletedAt,omitzero"`
	Database           string           `json:"database,omitzero"`
	Schema             string           `json:"schema,omitzero"`
	Alias              string           `json:"alias,omitzero"`
	PackageName        string           `json:"packageName,omitzero"`
	ResourceType       string           `json:"resourceType,omitzero"`
	Tags               []string         `json:"tags,omitzero"`
	Meta               map[string]any   `json:"meta,omitzero"`
	Owner              string           `json:"owner,omitzero"`   // in the warehouse
	Type               string           `json:"type,omitzero"`    // in the warehouse, such as table
	Comment            string           `json:"comment,omitzero"` // in the warehouse
	Columns            []*CatalogColumn `json:"columns,omitzero"`
	Stats              []*CatalogStat   `json:"stats,omitzero"`
	ChildrenL1         []string         `json:"childrenL1,omitzero"` // unique ids of what uses it directly
	ParentsModels      []*JobModel      `json:"parentsModels,omitzero"`
	ParentsSources     []*JobSource     `json:"parentsSources,omitzero"`
	RawCode            string           `json:"rawCode,omitzero"`
	CompiledCode       string           `json:"compiledCode,omitzero"`
	CompileStartedAt   Time             `json:"compileStartedAt,omitzero"`
	CompileCompletedAt Time             `json:"compileCompletedAt,omitzero"`
	RunGeneratedAt     Time             `json:"runGeneratedAt,omitzero"`
	RunElapsedTime     *float64         `json:"runElapsedTime,omitzero"` // seconds, of the whole invocation
	Skip               *bool            `json:"skip,omitzero"`
	ThreadID           string           `json:"threadId,omitzero"`
	DbtVersion         string           `json:"dbtVersion,omitzero"`
	AccountID          int64            `json:"accountId,omitzero"`
	ProjectID          int64            `json:"projectId,omitzero"`
	EnvironmentID      int64            `json:"environmentId,omitzero"`
	JobID              int64            `json:"jobId,omitzero"`
	RunID              int64            `json:"runId,omitzero"`
}

// JobTest is a data test as one run of a job left it. GraphQL: TestNode.
type JobTest struct {
	UniqueID           string         `json:"uniqueId,omitzero"`
	Name               string         `json:"name,omitzero"`
	Description        string         `json:"description,omitzero"`
	ColumnName         string         `json:"columnName,omitzero"`
	Status             NodeStatus     `json:"status,omitzero"`
	State              string         `json:"state,omitzero"`
	Fail               *bool          `json:"fail,omitzero"`
	Warn               *bool          `json:"warn,omitzero"`
	Skip               *bool          `json:"skip,omitzero"`
	Error              string         `json:"error,omitzero"`         // what the warehouse or dbt said
	ExecutionTime      *float64       `json:"executionTime,omitzero"` // seconds
	ExecuteStartedAt   Time           `json:"executeStartedAt,omitzero"`
	ExecuteCompletedAt Time           `json:"executeCompletedAt,omitzero"`
	DependsOn          []string       `json:"dependsOn,omitzero"` // unique ids
	ResourceType       string         `json:"resourceType,omitzero"`
	Language           string         `json:"language,omitzero"`
	Tags               []string       `json:"tags,omitzero"`
	Meta               map[string]any `json:"meta,omitzero"`
	RawCode            string         `json:"rawCode,omitzero"`
	CompiledCode       string         `json:"compiledCode,omitzero"`
	CompileStartedAt   Time           `json:"compileStartedAt,omitzero"`
	CompileCompletedAt Time           `json:"compileCompletedAt,omitzero"`
	RunGeneratedAt     Time           `json:"runGeneratedAt,omitzero"`
	RunElapsedTime     *float64       `json:"runElapsedTime,omitzero"` // seconds, of the whole invocation
	ThreadID           string         `json:"threadId,omitzero"`
	InvocationID       string         `json:"invocationId,omitzero"`
	DbtVersion         string         `json:"dbtVersion,omitzero"`
	AccountID          int64          `json:"accountId,omitzero"`
	ProjectID          int64          `json:"projectId,omitzero"`
	EnvironmentID      int64          `json:"environmentId,omitzero"`
	JobID              int64          `json:"jobId,omitzero"`
	RunID              int64          `json:"runId,omitzero"`
}

// JobMacro is a macro as a run of a job knew it. GraphQL: MacroNode.
type JobMacro struct {
	UniqueID         string         `json:"uniqueId,omitzero"`
	Name             string         `json:"name,omitzero"`
	Description      string         `json:"description,omitzero"`
	PackageName      string         `json:"packageName,omitzero"`
	ResourceType     string         `json:"resourceType,omitzero"`
	Path             string         `json:"path,omitzero"`
	OriginalFilePath string         `json:"originalFilePath,omitzero"`
	RootPath         string         `json:"rootPath,omitzero"`
	DependsOn        []string       `json:"dependsOn,omitzero"` // unique ids
	Tags             []string       `json:"tags,omitzero"`
	Meta             map[string]any `json:"meta,omitzero"`
	MacroSQL         string         `json:"macroSql,omitzero"`
	DbtVersion       string         `json:"dbtVersion,omitzero"`
	AccountID        int64          `json:"accountId,omitzero"`
	ProjectID        int64          `json:"projectId,omitzero"`
	EnvironmentID    int64          `json:"environmentId,omitzero"`
	JobID            int64          `json:"jobId,omitzero"`
	RunID            int64          `json:"runId,omitzero"`
}

// JobMetric is a metric as a run of a job knew it. GraphQL: MetricNode.
type JobMetric struct {
	UniqueID          string             `json:"uniqueId,omitzero"`
	Name              string             `json:"name,omitzero"`
	Label             string             `json:"label,omitzero"`
	Description       string             `json:"description,omitzero"`
	Type              string             `json:"type,omitzero"`
	CalculationMethod string             `json:"calculation_method,omitzero"` // the API writes it so
	Expression        string             `json:"expression,omitzero"`
	SQL               string             `json:"sql,omitzero"`
	Timestamp         string             `json:"timestamp,omitzero"` // a column
	TimeGrains        []string           `json:"timeGrains,omitzero"`
	Dimensions        []string           `json:"dimensions,omitzero"`
	Filters           []*MetricCondition `json:"filters,omitzero"`
	Model             *JobModel          `json:"model,omitzero"`
	PackageName       string             `json:"packageName,omitzero"`
	ResourceType      string             `json:"resourceType,omitzero"`
	DependsOn         []string           `json:"dependsOn,omitzero"` // unique ids
	Tags              []string           `json:"tags,omitzero"`
	Meta              map[string]any     `json:"meta,omitzero"`
	EnvironmentName   string             `json:"environmentName,omitzero"`
	DbtVersion        string             `json:"dbtVersion,omitzero"`
	AccountID         int64              `json:"accountId,omitzero"`
	ProjectID         int64              `json:"projectId,omitzero"`
	EnvironmentID     int64              `json:"environmentId,omitzero"`
	JobID             int64              `json:"jobId,omitzero"`
	RunID             int64              `json:"runId,omitzero"`
}

// MetricCondition is what a metric counts only. GraphQL: MetricFilter.
type MetricCondition struct {
	Field    string `json:"field,omitzero"`
	Operator string `json:"operator,omitzero"`
	Value    string `json:"value,omitzero"`
}

// JobExposure is an exposure as one run of a job left it. GraphQL: ExposureNode.
type JobExposure struct {
	UniqueID            string         `json:"uniqueId,omitzero"`
	Name                string         `json:"name,omitzero"`
	Description         string         `json:"description,omitzero"`
	ExposureType        string         `json:"exposureType,omitzero"`
	Maturity            string         `json:"maturity,omitzero"`
	OwnerName           string         `json:"ownerName,omitzero"`
	OwnerEmail          string         `json:"ownerEmail,omitzero"`
	URL                 string         `json:"url,omitzero"`
	Status              NodeStatus     `json:"status,omitzero"`
	ExecutionTime       *float64       `json:"executionTime,omitzero"` // seconds
	ExecuteStartedAt    Time           `json:"executeStartedAt,omitzero"`
	ExecuteCompletedAt  Time           `json:"executeCompletedAt,omitzero"`
	PackageName         string         `json:"packageName,omitzero"`
	ResourceType        string         `json:"resourceType,omitzero"`
	DependsOn           []string       `json:"dependsOn,omitzero"` // unique ids
	Parents             []*JobParent   `json:"parents,omitzero"`
	ParentsModels       []*JobModel    `json:"parentsModels,omitzero"`
	ParentsSources      []*JobSource   `json:"parentsSources,omitzero"`
	Tags                []string       `json:"tags,omitzero"`
	Meta                map[string]any `json:"meta,omitzero"`
	CompileStartedAt    Time           `json:"compileStartedAt,omitzero"`
	CompileCompletedAt  Time           `json:"compileCompletedAt,omitzero"`
	ManifestGeneratedAt Time           `json:"manifestGeneratedAt,omitzero"`
	ThreadID            string         `json:"threadId,omitzero"`
	DbtVersion          string         `json:"dbtVersion,omitzero"`
	AccountID           int64          `json:"accountId,omitzero"`
	ProjectID           int64          `json:"projectId,omitzero"`
	EnvironmentID       int64          `json:"environmentId,omitzero"`
	JobID               int64          `json:"jobId,omitzero"`
	RunID               int64          `json:"runId,omitzero"`
}

// JobParent is what any resource that an exposure uses has. GraphQL: NodeInterface.
type JobParent struct {
	UniqueID     string         `json:"uniqueId,omitzero"`
	Name         string         `json:"name,omitzero"`
	ResourceType string         `json:"resourceType,omitzero"`
	Description  string         `json:"description,omitzero"`
	Tags         []string       `json:"tags,omitzero"`
	Meta         map[string]any `json:"meta,omitzero"`
	DbtVersion   string         `json:"dbtVersion,omitzero"`
}
