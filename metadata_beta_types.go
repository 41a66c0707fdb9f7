package dbtcloud

import "time"

// Period is from one day to another, both included; of the times only the dates
// count, in the time zone that each has.
type Period struct{ From, To time.Time }

// Aggregation is how several execution times become one.
type Aggregation string

// Aggregations of execution times.
const (
	Average Aggregation = "AVG"
	Maximum Aggregation = "MAX"
)

// MostExecutedFilter says how many models [MetadataBeta.MostExecutedModels] tells of.
// Zero leaves it to the server.
type MostExecutedFilter struct {
	Limit    int // models
	JobLimit int // jobs per model
}

// LongestExecutedFilter says what [MetadataBeta.LongestExecutedModels] tells of. Zero
// leaves it to the server.
type LongestExecutedFilter struct {
	JobID    int64       // executions by this job only
	OrderBy  Aggregation // by what is long
	Limit    int         // models
	JobLimit int         // jobs per model
}

// MostQueriedFilter says what [MetadataBeta.MostQueried] tells of.
type MostQueriedFilter struct {
	Types []ResourceType // ResourceModel, ResourceSource; none means both
	Limit int            // zero leaves it to the server
}

// ColumnLineageFilter narrows [MetadataBeta.ColumnLineage].
type ColumnLineageFilter struct {
	// ColumnName is one column; empty means all. It is written as in the warehouse, on
	// Snowflake in capitals.
	ColumnName string
	MaxDepth   int  // steps from the node; zero means all
	ErrorsOnly bool // only columns whose lineage could not be found out
}

// ColumnLineageNode is a column and where it comes from and goes to.
type ColumnLineageNode struct {
	UniqueID      string   `json:"uniqueId,omitzero"`     // of the column
	NodeUniqueID  string   `json:"nodeUniqueId,omitzero"` // of the model or source that has it
	Name          string   `json:"name,omitzero"`
	Relationship  string   `json:"relationship,omitzero"` // to the node that was asked about, such as child
	ParentColumns []string `json:"parentColumns,omitzero"`
	ChildColumns  []string `json:"childColumns,omitzero"`
	IsError       *bool    `json:"isError,omitzero"`
	Error         string   `json:"error,omitzero"`
	ErrorCategory string   `json:"errorCategory,omitzero"`
	AccountID     int64    `json:"accountId,omitzero"`
	ProjectID     int64    `json:"projectId,omitzero"`
	EnvironmentID int64    `json:"environmentId,omitzero"`
	RunID         int64    `json:"runId,omitzero"`
}

// MeshProject is a project of the account and its part in the mesh.
type MeshProject struct {
	DbtCoreProject       string          `json:"dbtCoreProject,omitzero"` // its name in dbt_project.yml
	DbtCloudProject      string          `json:"dbtCloudProject,omitzero"`
	ProjectID            int64           `json:"projectId,omitzero"`
	DefaultEnvironmentID int64           `json:"defaultEnvironmentId,omitzero"`
	IsProducer           *bool           `json:"isProducer,omitzero"`
	IsConsumer           *bool           `json:"isConsumer,omitzero"`
	Summary              *ProjectSummary `json:"projectSummary,omitzero"`    // nil of a dependent project
	DependentProjects    []*MeshProject  `json:"dependentProjects,omitzero"` // which use its public models
}

// ProjectSummary counts the resources of a project.
type ProjectSummary struct {
	TotalNodes     *int64 `json:"totalNodes,omitzero"`
	TotalModels    *int64 `json:"totalModels,omitzero"`
	PublicModels   *int64 `json:"publicModels,omitzero"`
	Sources        *int64 `json:"sources,omitzero"`
	Seeds          *int64 `json:"seeds,omitzero"`
	Snapshots      *int64 `json:"snapshots,omitzero"`
	Tests          *int64 `json:"tests,omitzero"`
	Macros         *int64 `json:"macros,omitzero"`
	Exposures      *int64 `json:"exposures,omitzero"`
	Metrics        *int64 `json:"metrics,omitzero"`
	SemanticModels *int64 `json:"semanticModels,omitzero"`
}

// ExecutionDay is what a day's executions of a model took. Times are in seconds.
type ExecutionDay struct {
	Date              Time             `json:"date,omitzero"`
	MeanExecutionTime *float64         `json:"meanExecutionTime,omitzero"`
	ExecutionTimes    []float64        `json:"executionTimes,omitzero"`
	ByJob             []*JobExecutions `json:"executionsByJob,omitzero"`
}

// JobExecutions is what a job's executions of a model took on a day. Times are in seconds.
type JobExecutions struct {
	JobID             int64             `json:"jobId,omitzero"`
	MeanExecutionTime *float64          `json:"meanExecutionTime,omitzero"`
	ExecutionTimes    []float64         `json:"executionTimes,omitzero"`
	Executions        []*ModelExecution `json:"executions,omitzero"`
}

// ModelExecution is one execution of a model.
type ModelExecution struct {
	RunID              int64      `json:"runId,omitzero"`
	RunStartedAt       Time       `json:"runStartedAt,omitzero"`
	Status             NodeStatus `json:"status,omitzero"`
	ExecutionStartedAt Time       `json:"executionStartedAt,omitzero"`
	ExecutionTime      *float64   `json:"executionTime,omitzero"` // seconds
	IsFullRefresh      *bool      `json:"isFullRefresh,omitzero"`
	Adapter            string     `json:"adapter,omitzero"`
	QueryID            string     `json:"queryId,omitzero"` // of the warehouse
}

// ExecutedModel is how often a model was executed.
type ExecutedModel struct {
	UniqueID        string      `json:"uniqueId,omitzero"`
	TotalExecutions *int64      `json:"totalExecutions,omitzero"`
	ByJob           []*JobCount `json:"byJob,omitzero"`
}

// JobCount is how often a job executed a model.
type JobCount struct {
	JobID           int64  `json:"jobId,omitzero"`
	TotalExecutions *int64 `json:"totalExecutions,omitzero"`
}

// LongModel is how long the executions of a model took, in seconds.
type LongModel struct {
	UniqueID             string      `json:"uniqueId,omitzero"`
	MaxExecutionTime     *float64    `json:"maxExecutionTime,omitzero"`
	AverageExecutionTime *float64    `json:"averageExecutionTime,omitzero"`
	ByJob                []*JobTimes `json:"byJob,omitzero"`
}

// JobTimes is how long a job's executions of a model took, in seconds.
type JobTimes struct {
	JobID                int64    `json:"jobId,omitzero"`
	MaxExecutionTime     *float64 `json:"maxExecutionTime,omitzero"`
	AverageExecutionTime *float64 `json:"averageExecutionTime,omitzero"`
}

// FailedModel is how often executions of a model failed.
type FailedModel struct {
	UniqueID              string   `json:"uniqueId,omitzero"`
	FailurePercentage     *float64 `json:"failurePercentage,omitzero"`
	TotalExecutions       *int64   `json:"totalExecutions,omitzero"`
	TotalFailedExecutions *int64   `json:"totalFailedExecutions,omitzero"`
}

// TestFailures is in how many runs tests of a model failed.
type TestFailures struct {
	UniqueID                  string   `json:"uniqueId,omitzero"` // of the model
	FailurePercentage         *float64 `json:"failurePercentage,omitzero"`
	TotalRunsWithTests        *int64   `json:"totalRunsWithTests,omitzero"`
	TotalRunsWithTestFailures *int64   `json:"totalRunsWithTestFailures,omitzero"`
}

// ModelJob is a job that builds a model.
type ModelJob struct {
	JobID int64  `json:"jobId,omitzero"`
	Name  string `json:"name,omitzero"`
}

// QueriedResource is how often a model or source was queried in the warehouse.
type QueriedResource struct {
	UniqueID   string `json:"uniqueId,omitzero"`
	TotalCount *int64 `json:"totalCount,omitzero"`
}

// QueryDay is how often something was queried in the warehouse on a day.
type QueryDay struct {
	Date       Time   `json:"date,omitzero"`
	TotalCount *int64 `json:"totalCount,omitzero"`
}

// RecommendationFilter narrows [MetadataBeta.Recommendations]. The zero value means all.
type RecommendationFilter struct {
	Severities []string
	Categories []string
	RuleNames  []string
	UniqueIDs  []string
}

// Recommendation is a rule of good practice that a resource breaks.
type Recommendation struct {
	ViolationID string `json:"violationId,omitzero"`
	UniqueID    string `json:"uniqueId,omitzero"` // of the resource
	Name        string `json:"name,omitzero"`     // of the rule
	Category    string `json:"category,omitzero"`
	Severity    string `json:"severity,omitzero"`
	Description string `json:"description,omitzero"`
}

// RecommendationMetric is a figure about how a project keeps to the rules.
type RecommendationMetric struct {
	Name  string   `json:"name,omitzero"`
	Value *float64 `json:"value,omitzero"`
}

// PublicModelFilter narrows [MetadataBeta.PublicModels]. The zero value means all.
type PublicModelFilter struct {
	DbtCoreProject string // its name in dbt_project.yml
	ProjectID      int64
	EnvironmentIDs []int64
	UniqueIDs      []string
}

// PublicModel is a model that other projects may use. Of its public ancestors the
// last four members are not known.
type PublicModel struct {
	UniqueID                  string              `json:"uniqueId,omitzero"`
	Name                      string              `json:"name,omitzero"`
	Description               string              `json:"description,omitzero"`
	DbtCoreProject            string              `json:"dbtCoreProject,omitzero"` // its project's name in dbt_project.yml
	Database                  string              `json:"database,omitzero"`
	Schema                    string              `json:"schema,omitzero"`
	Identifier                string              `json:"identifier,omitzero"`
	RelationName              string              `json:"relationName,omitzero"`
	MaterializationType       string              `json:"materializationType,omitzero"`
	LastRunStatus             NodeStatus          `json:"lastRunStatus,omitzero"`
	HealthIssues              []ModelHealthIssue  `json:"healthIssues,omitzero"`
	Group                     string              `json:"group,omitzero"`
	LatestVersion             string              `json:"latestVersion,omitzero"`
	PackageName               string              `json:"packageName,omitzero"`
	FQN                       []string            `json:"fqn,omitzero"`
	EnvironmentDeploymentType string              `json:"environmentDeploymentType,omitzero"`
	IsDefaultEnv              *bool               `json:"isDefaultEnv,omitzero"`
	RunGeneratedAt            Time                `json:"runGeneratedAt,omitzero"`
	AccountID                 int64               `json:"accountId,omitzero"`
	ProjectID                 int64               `json:"projectId,omitzero"`
	EnvironmentID             int64               `json:"environmentId,omitzero"`
	ColumnCount               *int64              `json:"columnCount,omitzero"`
	DeprecationDate           Time                `json:"deprecationDate,omitzero"`
	DependentProjects         []*DependentProject `json:"dependentProjects,omitzero"`
	PublicAncestors           []*PublicModel      `json:"publicAncestors,omitzero"`
}

// DependentProject is a project that uses a public model.
type DependentProject struct {
	DbtCoreProject       string `json:"dbtCoreProject,omitzero"`
	ProjectID            int64  `json:"projectId,omitzero"`
	EnvironmentID        int64  `json:"environmentId,omitzero"`
	DefaultEnvironmentID int64  `json:"defaultEnvironmentId,omitzero"`
	DependentModelsCount *int64 `json:"dependentModelsCount,omitzero"`
}

// SearchField is a part of a resource that a search looks into.
type SearchField string

// Parts of a resource that a search looks into.
const (
	SearchCode        SearchField = "code"
	SearchColumn      SearchField = "column"
	SearchDescription SearchField = "description"
	SearchName        SearchField = "name"
	SearchRelation    SearchField = "relation"
)

// SearchFilter says what [MetadataBeta.Search] looks for. Lists that are empty narrow nothing.
type SearchFilter struct {
	Query                string // required
	Fields               []SearchField
	ResourceTypes        []ResourceType
	AccessLevels         []AccessLevel
	MaterializationTypes []string
	ModelingLayers       []string
	Tags                 []string
}

// SearchResult is a resource that a search found, and where.
type SearchResult struct {
	MatchedField SearchField `json:"matchedField,omitzero"`
	Highlight    string      `json:"highlight,omitzero"` // of the text that matches
	Hit          *SearchHit  `json:"hit,omitzero"`
}

// SearchHit is what any resource that a search found has.
type SearchHit struct {
	UniqueID      string         `json:"uniqueId,omitzero"`
	Name          string         `json:"name,omitzero"`
	ResourceType  string         `json:"resourceType,omitzero"`
	Description   string         `json:"description,omitzero"`
	FilePath      string         `json:"filePath,omitzero"`
	Tags          []string       `json:"tags,omitzero"`
	Meta          map[string]any `json:"meta,omitzero"`
	AccountID     int64          `json:"accountId,omitzero"`
	ProjectID     int64          `json:"projectId,omitzero"`
	EnvironmentID int64          `json:"environmentId,omitzero"`
}

// ResourceChange is a resource that changed lately.
type ResourceChange struct {
	UniqueID            string       `json:"uniqueId,omitzero"`
	Resource            *RelatedNode `json:"resource,omitzero"`
	Changes             []string     `json:"changes,omitzero"` // what of it
	MostRecentChangedAt Time         `json:"mostRecentChangedAt,omitzero"`
	GitSHA              string       `json:"gitSha,omitzero"`
	JobDefinitionID     int64        `json:"jobDefinitionId,omitzero"`
	RunID               int64        `json:"runId,omitzero"`
	AccountID           int64        `json:"accountId,omitzero"`
	ProjectID           int64        `json:"projectId,omitzero"`
	EnvironmentID       int64        `json:"environmentId,omitzero"`
}

// ConsumerProject is a project that uses public models of an environment.
type ConsumerProject struct {
	CoreProject   string           `json:"consumerCoreProject,omitzero"` // its name in dbt_project.yml
	CloudProject  string           `json:"consumerCloudProject,omitzero"`
	ProjectID     int64            `json:"consumerProjectId,omitzero"`
	EnvironmentID int64            `json:"consumerEnvironmentId,omitzero"`
	PublicModels  []*ConsumedModel `json:"producerPublicModels,omitzero"` // which it uses
}

// ConsumedModel is a public model and how often a consumer refers to it.
type ConsumedModel struct {
	UniqueID string `json:"uniqueId,omitzero"`
	NumEdges *int64 `json:"numEdges,omitzero"`
}
