package dbtcloud

// ExecutionInfo is the last run of a model, seed, snapshot or test.
type ExecutionInfo struct {
	LastRunStatus              NodeStatus `json:"lastRunStatus,omitzero"`
	LastRunError               string     `json:"lastRunError,omitzero"`
	LastRunFailures            *int64     `json:"lastRunFailures,omitzero"` // of tests: rows that failed
	LastRunSkip                *bool      `json:"lastRunSkip,omitzero"`     // of seeds
	ExecutionTime              *float64   `json:"executionTime,omitzero"`   // seconds
	CompileStartedAt           Time       `json:"compileStartedAt,omitzero"`
	CompileCompletedAt         Time       `json:"compileCompletedAt,omitzero"`
	ExecuteStartedAt           Time       `json:"executeStartedAt,omitzero"`
	ExecuteCompletedAt         Time       `json:"executeCompletedAt,omitzero"`
	RunElapsedTime             *float64   `json:"runElapsedTime,omitzero"`     // seconds, of the whole dbt invocation
	RunGeneratedAt             Time       `json:"runGeneratedAt,omitzero"`     // when the artifact was written that says all this
	LastRunGeneratedAt         Time       `json:"lastRunGeneratedAt,omitzero"` // the same of the last run, whatever its end
	LastRunID                  int64      `json:"lastRunId,omitzero"`
	LastJobDefinitionID        int64      `json:"lastJobDefinitionId,omitzero"`
	LastSuccessRunID           int64      `json:"lastSuccessRunId,omitzero"`
	LastSuccessJobDefinitionID int64      `json:"lastSuccessJobDefinitionId,omitzero"`
}

// Catalog is what the warehouse said about a relation when docs were last generated.
type Catalog struct {
	UniqueID        string           `json:"uniqueId,omitzero"` // of the node
	Type            string           `json:"type,omitzero"`     // the warehouse's word, such as "BASE TABLE"
	Owner           string           `json:"owner,omitzero"`
	Comment         string           `json:"comment,omitzero"`
	RowCountStat    *int64           `json:"rowCountStat,omitzero"` // nil where the warehouse does not say, as for views
	BytesStat       *int64           `json:"bytesStat,omitzero"`    // nil where the warehouse does not say
	Columns         []*CatalogColumn `json:"columns,omitzero"`
	Stats           []*CatalogStat   `json:"stats,omitzero"` // the API allows a null among them: nil
	RunGeneratedAt  Time             `json:"runGeneratedAt,omitzero"`
	JobDefinitionID int64            `json:"jobDefinitionId,omitzero"`
	RunID           int64            `json:"runId,omitzero"`
	EnvironmentID   int64            `json:"environmentId,omitzero"`
}

// CatalogColumn is a column of a relation. Names are in the warehouse's case: upper on
// Snowflake.
type CatalogColumn struct {
	Name                              string         `json:"name,omitzero"`
	Type                              string         `json:"type,omitzero"`        // the warehouse's word
	Index                             *int64         `json:"index,omitzero"`       // the place in the relation
	Description                       string         `json:"description,omitzero"` // of the project
	Comment                           string         `json:"comment,omitzero"`     // of the warehouse
	Tags                              []string       `json:"tags,omitzero"`
	Meta                              map[string]any `json:"meta,omitzero"`
	DescriptionOriginColumnName       string         `json:"descriptionOriginColumnName,omitzero"`       // beta: whose description was inherited
	DescriptionOriginResourceUniqueID string         `json:"descriptionOriginResourceUniqueId,omitzero"` // beta
}

// CatalogStat is a figure that the warehouse keeps about a relation.
type CatalogStat struct {
	ID          string `json:"id,omitzero"`
	Label       string `json:"label,omitzero"`
	Value       any    `json:"value,omitzero"` // a number, a string or a boolean
	Description string `json:"description,omitzero"`
	Include     *bool  `json:"include,omitzero"` // whether it is worth showing
}

// Freshness is the last check of a source's freshness.
type Freshness struct {
	FreshnessStatus          FreshnessStatus    `json:"freshnessStatus,omitzero"`
	FreshnessChecked         *bool              `json:"freshnessChecked,omitzero"`
	MaxLoadedAt              Time               `json:"maxLoadedAt,omitzero"`           // the newest row
	MaxLoadedAtTimeAgoInS    *float64           `json:"maxLoadedAtTimeAgoInS,omitzero"` // seconds between that and the check
	SnapshottedAt            Time               `json:"snapshottedAt,omitzero"`         // the check
	Criteria                 *FreshnessCriteria `json:"criteria,omitzero"`
	FreshnessRunGeneratedAt  Time               `json:"freshnessRunGeneratedAt,omitzero"`
	FreshnessRunID           int64              `json:"freshnessRunId,omitzero"`
	FreshnessJobDefinitionID int64              `json:"freshnessJobDefinitionId,omitzero"`
}

// FreshnessCriteria is what age a project allows; a limit that is not set is nil.
type FreshnessCriteria struct {
	WarnAfter  *FreshnessPeriod `json:"warnAfter,omitzero"`
	ErrorAfter *FreshnessPeriod `json:"errorAfter,omitzero"`
}

// FreshnessPeriod is a length of time, such as 12 hours.
type FreshnessPeriod struct {
	Count  *int64     `json:"count,omitzero"`
	Period TimePeriod `json:"period,omitzero"`
}

// ModelConstraint is a constraint of a model's contract.
type ModelConstraint struct {
	Name            string   `json:"name,omitzero"`
	Type            string   `json:"type,omitzero"` // such as "primary_key"
	Columns         []string `json:"columns,omitzero"`
	Expression      string   `json:"expression,omitzero"`
	WarnUnenforced  *bool    `json:"warnUnenforced,omitzero"`
	WarnUnsupported *bool    `json:"warnUnsupported,omitzero"`
}

// ModelVersion is a version of a model, which is a node of its own.
type ModelVersion struct {
	UniqueID       string         `json:"uniqueId,omitzero"`
	Name           string         `json:"name,omitzero"`
	ReleaseVersion ReleaseVersion `json:"releaseVersion,omitzero"`
}

// TestMetadata says which generic test a test is an instance of.
type TestMetadata struct {
	Name       string         `json:"name,omitzero"`      // such as "unique"
	Namespace  string         `json:"namespace,omitzero"` // its package, "" for dbt's own
	ColumnName string         `json:"columnName,omitzero"`
	Kwargs     map[string]any `json:"kwargs,omitzero"` // its arguments
}

// NestedTest is a test as the node that it tests shows it. What it found is known of
// the applied state alone, JobDefinitionID, RunID and RunGeneratedAt of the definition.
type NestedTest struct {
	UniqueID        string         `json:"uniqueId,omitzero"`
	Name            string         `json:"name,omitzero"`
	ResourceType    string         `json:"resourceType,omitzero"`
	Description     string         `json:"description,omitzero"`
	TestType        TestType       `json:"testType,omitzero"`
	ColumnName      string         `json:"columnName,omitzero"`
	LastKnownResult NodeStatus     `json:"lastKnownResult,omitzero"`
	ExecutionInfo   *ExecutionInfo `json:"executionInfo,omitzero"`
	TestMetadata    *TestMetadata  `json:"testMetadata,omitzero"`
	FilePath        string         `json:"filePath,omitzero"`
	PatchPath       string         `json:"patchPath,omitzero"`
	FQN             []string       `json:"fqn,omitzero"`
	DbtVersion      string         `json:"dbtVersion,omitzero"`
	RunGeneratedAt  Time           `json:"runGeneratedAt,omitzero"`
	JobDefinitionID int64          `json:"jobDefinitionId,omitzero"`
	RunID           int64          `json:"runId,omitzero"`
}

// RelatedNode is a parent, a child or an ancestor, of any kind: it has the fields of
// every kind, and those that its own kind lacks stay empty. A public model of another
// project has a DbtProjectName.
type RelatedNode struct {
	UniqueID            string                    `json:"uniqueId,omitzero"`
	Name                string                    `json:"name,omitzero"`
	Label               string                    `json:"label,omitzero"`
	ResourceType        string                    `json:"resourceType,omitzero"`
	Description         string                    `json:"description,omitzero"`
	Database            string                    `json:"database,omitzero"`
	Schema              string                    `json:"schema,omitzero"`
	Alias               string                    `json:"alias,omitzero"`
	Identifier          string                    `json:"identifier,omitzero"` // sources and models of other projects
	RelationName        string                    `json:"relationName,omitzero"`
	MaterializedType    string                    `json:"materializedType,omitzero"`
	ModelingLayer       string                    `json:"modelingLayer,omitzero"`
	Access              AccessLevel               `json:"access,omitzero"`
	Group               string                    `json:"group,omitzero"`
	SourceName          string                    `json:"sourceName,omitzero"` // sources
	SourceDescription   string                    `json:"sourceDescription,omitzero"`
	Loader              string                    `json:"loader,omitzero"`
	TestType            TestType                  `json:"testType,omitzero"` // tests
	ColumnName          string                    `json:"columnName,omitzero"`
	LastKnownResult     NodeStatus                `json:"lastKnownResult,omitzero"`
	ExposureType        string                    `json:"exposureType,omitzero"` // exposures
	Maturity            string                    `json:"maturity,omitzero"`
	URL                 string                    `json:"url,omitzero"`
	OwnerName           string                    `json:"ownerName,omitzero"`
	OwnerEmail          string                    `json:"ownerEmail,omitzero"`
	Type                string                    `json:"type,omitzero"` // metrics
	Formula             string                    `json:"formula,omitzero"`
	Filter              map[string]any            `json:"filter,omitzero"`
	TypeParams          map[string]any            `json:"typeParams,omitzero"`
	QueryParams         *SavedQueryParams         `json:"queryParams,omitzero"` // saved queries
	Exports             []*SavedQueryExport       `json:"exports,omitzero"`
	Entities            []*SemanticModelEntity    `json:"entities,omitzero"` // semantic models
	Dimensions          []*SemanticModelDimension `json:"dimensions,omitzero"`
	Measures            []*SemanticModelMeasure   `json:"measures,omitzero"`
	ExecutionInfo       *ExecutionInfo            `json:"executionInfo,omitzero"` // models, seeds, snapshots, tests
	Freshness           *Freshness                `json:"freshness,omitzero"`     // sources
	TestMetadata        *TestMetadata             `json:"testMetadata,omitzero"`
	TestStatuses        map[string]any            `json:"testStatuses,omitzero"` // models and sources: how their tests ended
	Version             string                    `json:"version,omitzero"`
	LatestVersion       string                    `json:"latestVersion,omitzero"`
	ReleaseVersion      ReleaseVersion            `json:"releaseVersion,omitzero"`
	ContractEnforced    *bool                     `json:"contractEnforced,omitzero"`
	Tags                []string                  `json:"tags,omitzero"`
	Meta                map[string]any            `json:"meta,omitzero"`
	PackageName         string                    `json:"packageName,omitzero"`
	FilePath            string                    `json:"filePath,omitzero"`
	PatchPath           string                    `json:"patchPath,omitzero"`
	FQN                 []string                  `json:"fqn,omitzero"`
	DbtProjectName      string                    `json:"dbtProjectName,omitzero"` // models of other projects
	DbtVersion          string                    `json:"dbtVersion,omitzero"`
	ManifestGeneratedAt Time                      `json:"manifestGeneratedAt,omitzero"`
	RunGeneratedAt      Time                      `json:"runGeneratedAt,omitzero"`
	JobDefinitionID     int64                     `json:"jobDefinitionId,omitzero"`
	JobID               int64                     `json:"jobId,omitzero"`
	RunID               int64                     `json:"runId,omitzero"`
	EnvironmentID       int64                     `json:"environmentId,omitzero"`
	ProjectID           int64                     `json:"projectId,omitzero"`
	AccountID           int64                     `json:"accountId,omitzero"`
}

// MacroArgument is an argument that a macro's YAML describes.
type MacroArgument struct {
	Name        string `json:"name,omitzero"`
	Type        string `json:"type,omitzero"`
	Description string `json:"description,omitzero"`
}

// SavedQueryParams is what a saved query asks the Semantic Layer.
type SavedQueryParams struct {
	Metrics []string         `json:"metrics,omitzero"`
	GroupBy []string         `json:"groupBy,omitzero"`
	Where   *SavedQueryWhere `json:"where,omitzero"`
	OrderBy []string         `json:"orderBy,omitzero"`
	Limit   *int64           `json:"limit,omitzero"` // rows; nil is no limit
}

// SavedQueryWhere is the conditions of a saved query, all of which must hold.
type SavedQueryWhere struct {
	WhereFilters []*SavedQueryWhereFilter `json:"whereFilters,omitzero"`
}

// SavedQueryWhereFilter is one condition of a saved query.
type SavedQueryWhereFilter struct {
	WhereSQLTemplate string `json:"whereSqlTemplate,omitzero"` // Jinja and SQL
}

// SavedQueryExport is a relation that a saved query can be written to.
type SavedQueryExport struct {
	Name   string                  `json:"name,omitzero"`
	Config *SavedQueryExportConfig `json:"config,omitzero"`
}

// SavedQueryExportConfig says how and where an export is written.
type SavedQueryExportConfig struct {
	ExportAs string `json:"exportAs,omitzero"` // "table" or "view"
	Database string `json:"database,omitzero"`
	Schema   string `json:"schema,omitzero"`
	Alias    string `json:"alias,omitzero"`
}

// SemanticModelEntity is a key of a semantic model, by which it joins with others.
type SemanticModelEntity struct {
	Name        string `json:"name,omitzero"`
	Type        string `json:"type,omitzero"` // such as "primary"
	Description string `json:"description,omitzero"`
}

// SemanticModelDimension is what a semantic model's measures can be grouped by.
type SemanticModelDimension struct {
	Name        string         `json:"name,omitzero"`
	Type        string         `json:"type,omitzero"` // "categorical" or "time"
	Description string         `json:"description,omitzero"`
	TypeParams  map[string]any `json:"typeParams,omitzero"`
}

// SemanticModelMeasure is an aggregation of a semantic model.
type SemanticModelMeasure struct {
	Name         string `json:"name,omitzero"`
	Agg          string `json:"agg,omitzero"`  // such as "sum"
	Expr         string `json:"expr,omitzero"` // SQL
	Description  string `json:"description,omitzero"`
	CreateMetric *bool  `json:"createMetric,omitzero"`
}
