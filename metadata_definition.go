package dbtcloud

import (
	"context"
	"iter"
)

// ModelDefinitions are the models of an environment as the project last defined them,
// built or not. API: Discovery, environment(id).definition.models.
func (s *MetadataService) ModelDefinitions(ctx context.Context, environmentID int64, f ModelDefinitionFilter, opts ...QueryOption) iter.Seq2[*ModelDefinition, error] {
	return Select[ModelDefinition](ctx, s, environmentID, f, opts...)
}

// SourceDefinitions are the tables of the environment's sources as the project last
// defined them. API: Discovery, environment(id).definition.sources.
func (s *MetadataService) SourceDefinitions(ctx context.Context, environmentID int64, f SourceDefinitionFilter, opts ...QueryOption) iter.Seq2[*SourceDefinition, error] {
	return Select[SourceDefinition](ctx, s, environmentID, f, opts...)
}

// SeedDefinitions are the seeds of an environment as the project last defined them.
// API: Discovery, environment(id).definition.seeds.
func (s *MetadataService) SeedDefinitions(ctx context.Context, environmentID int64, f SeedDefinitionFilter, opts ...QueryOption) iter.Seq2[*SeedDefinition, error] {
	return Select[SeedDefinition](ctx, s, environmentID, f, opts...)
}

// SnapshotDefinitions are the snapshots of an environment as the project last defined
// them. API: Discovery, environment(id).definition.snapshots.
func (s *MetadataService) SnapshotDefinitions(ctx context.Context, environmentID int64, f SnapshotDefinitionFilter, opts ...QueryOption) iter.Seq2[*SnapshotDefinition, error] {
	return Select[SnapshotDefinition](ctx, s, environmentID, f, opts...)
}

// TestDefinitions are the tests of an environment as the project last defined them.
// API: Discovery, environment(id).definition.tests.
func (s *MetadataService) TestDefinitions(ctx context.Context, environmentID int64, f TestDefinitionFilter, opts ...QueryOption) iter.Seq2[*TestDefinition, error] {
	return Select[TestDefinition](ctx, s, environmentID, f, opts...)
}

// ExposureDefinitions are the exposures of an environment as the project last defined
// them. API: Discovery, environment(id).definition.exposures.
func (s *MetadataService) ExposureDefinitions(ctx context.Context, environmentID int64, f ExposureDefinitionFilter, opts ...QueryOption) iter.Seq2[*ExposureDefinition, error] {
	return Select[ExposureDefinition](ctx, s, environmentID, f, opts...)
}

// Macros are the macros of an environment, those of packages and dbt's own included.
// API: Discovery, environment(id).definition.macros.
func (s *MetadataService) Macros(ctx context.Context, environmentID int64, f MacroFilter, opts ...QueryOption) iter.Seq2[*Macro, error] {
	return Select[Macro](ctx, s, environmentID, f, opts...)
}

// Metrics are the metrics of an environment. API: Discovery,
// environment(id).definition.metrics.
func (s *MetadataService) Metrics(ctx context.Context, environmentID int64, f MetricFilter, opts ...QueryOption) iter.Seq2[*MetricNode, error] {
	return Select[MetricNode](ctx, s, environmentID, f, opts...)
}

// SemanticModels are the semantic models of an environment. API: Discovery,
// environment(id).definition.semanticModels.
func (s *MetadataService) SemanticModels(ctx context.Context, environmentID int64, f SemanticModelFilter, opts ...QueryOption) iter.Seq2[*SemanticModel, error] {
	return Select[SemanticModel](ctx, s, environmentID, f, opts...)
}

// SavedQueries are the saved queries of an environment. API: Discovery,
// environment(id).definition.savedQueries.
func (s *MetadataService) SavedQueries(ctx context.Context, environmentID int64, f SavedQueryFilter, opts ...QueryOption) iter.Seq2[*SavedQuery, error] {
	return Select[SavedQuery](ctx, s, environmentID, f, opts...)
}

// Groups are the groups of an environment. API: Discovery,
// environment(id).definition.groups.
func (s *MetadataService) Groups(ctx context.Context, environmentID int64, f GroupFilter, opts ...QueryOption) iter.Seq2[*GroupNode, error] {
	return Select[GroupNode](ctx, s, environmentID, f, opts...)
}

// ModelDefinition is a model in the definition state: as the project last said, built or not.
type ModelDefinition struct {
	UniqueID         string             `json:"uniqueId,omitzero"`
	Name             string             `json:"name,omitzero"`
	ResourceType     string             `json:"resourceType,omitzero"`
	Description      string             `json:"description,omitzero"`
	Database         string             `json:"database,omitzero"`
	Schema           string             `json:"schema,omitzero"`
	Alias            string             `json:"alias,omitzero"` // the relation's name in the warehouse, which may differ from Name
	MaterializedType string             `json:"materializedType,omitzero"`
	ModelingLayer    string             `json:"modelingLayer,omitzero"`
	Access           AccessLevel        `json:"access,omitzero"`
	Group            string             `json:"group,omitzero"`
	Version          string             `json:"version,omitzero"`
	LatestVersion    string             `json:"latestVersion,omitzero"`
	ReleaseVersion   ReleaseVersion     `json:"releaseVersion,omitzero"`
	DeprecationDate  Time               `json:"deprecationDate,omitzero"`
	ContractEnforced *bool              `json:"contractEnforced,omitzero"`
	Constraints      []*ModelConstraint `json:"constraints,omitzero"`
	Language         string             `json:"language,omitzero"`
	Tags             []string           `json:"tags,omitzero"`
	Meta             map[string]any     `json:"meta,omitzero"`
	PackageName      string             `json:"packageName,omitzero"`
	Packages         []string           `json:"packages,omitzero"`
	FilePath         string             `json:"filePath,omitzero"`
	PatchPath        string             `json:"patchPath,omitzero"`
	FQN              []string           `json:"fqn,omitzero"`
	RawCode          string             `json:"rawCode,omitzero"` // as written; large
	Tests            []*NestedTest      `json:"tests,omitzero"`
	Parents          []*RelatedNode     `json:"parents,omitzero"`
	Children         []*RelatedNode     `json:"children,omitzero"`
	Ancestors        []*RelatedNode     `json:"ancestors,omitzero"` // of the kinds that AncestorTypes says
	RunGeneratedAt   Time               `json:"runGeneratedAt,omitzero"`
	JobDefinitionID  int64              `json:"jobDefinitionId,omitzero"`
	RunID            int64              `json:"runId,omitzero"`
	EnvironmentID    int64              `json:"environmentId,omitzero"`
	ProjectID        int64              `json:"projectId,omitzero"`
	AccountID        int64              `json:"accountId,omitzero"`
}

// SourceDefinition is a table of a source in the definition state.
type SourceDefinition struct {
	UniqueID          string         `json:"uniqueId,omitzero"`
	Name              string         `json:"name,omitzero"`
	ResourceType      string         `json:"resourceType,omitzero"`
	Description       string         `json:"description,omitzero"`
	Database          string         `json:"database,omitzero"`
	Schema            string         `json:"schema,omitzero"`
	Identifier        string         `json:"identifier,omitzero"` // of the table in the warehouse
	SourceName        string         `json:"sourceName,omitzero"` // the group of tables that it belongs to
	SourceDescription string         `json:"sourceDescription,omitzero"`
	Loader            string         `json:"loader,omitzero"`
	Tags              []string       `json:"tags,omitzero"`
	Meta              map[string]any `json:"meta,omitzero"`
	FilePath          string         `json:"filePath,omitzero"`
	PatchPath         string         `json:"patchPath,omitzero"`
	FQN               []string       `json:"fqn,omitzero"`
	Tests             []*NestedTest  `json:"tests,omitzero"`
	Children          []*RelatedNode `json:"children,omitzero"`
	DbtVersion        string         `json:"dbtVersion,omitzero"`
	RunGeneratedAt    Time           `json:"runGeneratedAt,omitzero"`
	EnvironmentID     int64          `json:"environmentId,omitzero"`
	ProjectID         int64          `json:"projectId,omitzero"`
	AccountID         int64          `json:"accountId,omitzero"`
}

// SeedDefinition is a seed in the definition state.
type SeedDefinition struct {
	UniqueID        string         `json:"uniqueId,omitzero"`
	Name            string         `json:"name,omitzero"`
	ResourceType    string         `json:"resourceType,omitzero"`
	Description     string         `json:"description,omitzero"`
	Database        string         `json:"database,omitzero"`
	Schema          string         `json:"schema,omitzero"`
	Alias           string         `json:"alias,omitzero"`
	Tags            []string       `json:"tags,omitzero"`
	Meta            map[string]any `json:"meta,omitzero"`
	PackageName     string         `json:"packageName,omitzero"`
	FilePath        string         `json:"filePath,omitzero"`
	PatchPath       string         `json:"patchPath,omitzero"`
	FQN             []string       `json:"fqn,omitzero"`
	Children        []*RelatedNode `json:"children,omitzero"`
	DbtVersion      string         `json:"dbtVersion,omitzero"`
	RunGeneratedAt  Time           `json:"runGeneratedAt,omitzero"`
	JobDefinitionID int64          `json:"jobDefinitionId,omitzero"`
	RunID           int64          `json:"runId,omitzero"`
	EnvironmentID   int64          `json:"environmentId,omitzero"`
	ProjectID       int64          `json:"projectId,omitzero"`
	AccountID       int64          `json:"accountId,omitzero"`
}

// SnapshotDefinition is a snapshot in the definition state.
type SnapshotDefinition struct {
	UniqueID        string         `json:"uniqueId,omitzero"`
	Name            string         `json:"name,omitzero"`
	ResourceType    string         `json:"resourceType,omitzero"`
	Description     string         `json:"description,omitzero"`
	Database        string         `json:"database,omitzero"`
	Schema          string         `json:"schema,omitzero"`
	Alias           string         `json:"alias,omitzero"`
	Tags            []string       `json:"tags,omitzero"`
	Meta            map[string]any `json:"meta,omitzero"`
	PackageName     string         `json:"packageName,omitzero"`
	FilePath        string         `json:"filePath,omitzero"`
	PatchPath       string         `json:"patchPath,omitzero"`
	FQN             []string       `json:"fqn,omitzero"`
	RawCode         string         `json:"rawCode,omitzero"` // as written; large
	Parents         []*RelatedNode `json:"parents,omitzero"`
	Children        []*RelatedNode `json:"children,omitzero"`
	RunGeneratedAt  Time           `json:"runGeneratedAt,omitzero"`
	JobDefinitionID int64          `json:"jobDefinitionId,omitzero"`
	RunID           int64          `json:"runId,omitzero"`
	EnvironmentID   int64          `json:"environmentId,omitzero"`
	ProjectID       int64          `json:"projectId,omitzero"`
	AccountID       int64          `json:"accountId,omitzero"`
}

// TestDefinition is a test in the definition state.
type TestDefinition struct {
	UniqueID              string           `json:"uniqueId,omitzero"`
	Name                  string           `json:"name,omitzero"`
	ResourceType          string           `json:"resourceType,omitzero"`
	Description           string           `json:"description,omitzero"`
	Model                 string           `json:"model,omitzero"` // of a unit test: the name of the model
	TestType              TestType         `json:"testType,omitzero"`
	ColumnName            string           `json:"columnName,omitzero"`  // "" for a test of a whole node
	EventStatus           map[string]any   `json:"eventStatus,omitzero"` // of a unit test
	Resource              string           `json:"resource,omitzero"`
	TestedNodeUniqueID    string           `json:"testedNodeUniqueId,omitzero"`
	ThisInputNodeUniqueID string           `json:"thisInputNodeUniqueId,omitzero"`
	Given                 []map[string]any `json:"given,omitzero"`     // of a unit test: the inputs
	Expect                map[string]any   `json:"expect,omitzero"`    // of a unit test: the rows to come out
	Overrides             map[string]any   `json:"overrides,omitzero"` // of a unit test: macros, variables, environment variables
	NumGiven              *int64           `json:"numGiven,omitzero"`
	NumGivenRows          *int64           `json:"numGivenRows,omitzero"`
	NumExpectRows         *int64           `json:"numExpectRows,omitzero"`
	Tags                  []string         `json:"tags,omitzero"`
	Meta                  map[string]any   `json:"meta,omitzero"`
	FilePath              string           `json:"filePath,omitzero"`
	PatchPath             string           `json:"patchPath,omitzero"`
	FQN                   []string         `json:"fqn,omitzero"`
	RawCode               string           `json:"rawCode,omitzero"` // as written; large
	Parents               []*RelatedNode   `json:"parents,omitzero"`
	DbtVersion            string           `json:"dbtVersion,omitzero"`
	RunGeneratedAt        Time             `json:"runGeneratedAt,omitzero"`
	JobDefinitionID       int64            `json:"jobDefinitionId,omitzero"`
	RunID                 int64            `json:"runId,omitzero"`
	EnvironmentID         int64            `json:"environmentId,omitzero"`
	ProjectID             int64            `json:"projectId,omitzero"`
	AccountID             int64            `json:"accountId,omitzero"`
}

// ExposureDefinition is an exposure in the definition state.
type ExposureDefinition struct {
	UniqueID            string          `json:"uniqueId,omitzero"`
	Name                string          `json:"name,omitzero"`
	Label               string          `json:"label,omitzero"`
	ResourceType        string          `json:"resourceType,omitzero"`
	Description         string          `json:"description,omitzero"`
	ExposureType        string          `json:"exposureType,omitzero"`
	Maturity            string          `json:"maturity,omitzero"`
	URL                 string          `json:"url,omitzero"`
	OwnerName           string          `json:"ownerName,omitzero"`
	OwnerEmail          string          `json:"ownerEmail,omitzero"`
	FreshnessStatus     FreshnessStatus `json:"freshnessStatus,omitzero"` // the worst of the sources upstream
	Tags                []string        `json:"tags,omitzero"`
	Meta                map[string]any  `json:"meta,omitzero"`
	PackageName         string          `json:"packageName,omitzero"`
	FilePath            string          `json:"filePath,omitzero"`
	PatchPath           string          `json:"patchPath,omitzero"`
	FQN                 []string        `json:"fqn,omitzero"`
	Parents             []*RelatedNode  `json:"parents,omitzero"`
	Ancestors           []*RelatedNode  `json:"ancestors,omitzero"`
	DbtVersion          string          `json:"dbtVersion,omitzero"`
	ManifestGeneratedAt Time            `json:"manifestGeneratedAt,omitzero"`
	RunGeneratedAt      Time            `json:"runGeneratedAt,omitzero"`
	EnvironmentID       int64           `json:"environmentId,omitzero"`
	ProjectID           int64           `json:"projectId,omitzero"`
	AccountID           int64           `json:"accountId,omitzero"`
}

// Macro is a macro of the project or of a package.
type Macro struct {
	UniqueID       string           `json:"uniqueId,omitzero"`
	Name           string           `json:"name,omitzero"`
	ResourceType   string           `json:"resourceType,omitzero"`
	Description    string           `json:"description,omitzero"`
	Arguments      []*MacroArgument `json:"arguments,omitzero"` // that its YAML describes
	MacroSQL       string           `json:"macroSql,omitzero"`  // Jinja and SQL; large
	Tags           []string         `json:"tags,omitzero"`
	Meta           map[string]any   `json:"meta,omitzero"`
	PackageName    string           `json:"packageName,omitzero"`
	FilePath       string           `json:"filePath,omitzero"`
	PatchPath      string           `json:"patchPath,omitzero"`
	Parents        []*RelatedNode   `json:"parents,omitzero"`
	DbtVersion     string           `json:"dbtVersion,omitzero"`
	RunGeneratedAt Time             `json:"runGeneratedAt,omitzero"`
	JobID          int64            `json:"jobId,omitzero"`
	RunID          int64            `json:"runId,omitzero"`
	EnvironmentID  int64            `json:"environmentId,omitzero"`
	ProjectID      int64            `json:"projectId,omitzero"`
	AccountID      int64            `json:"accountId,omitzero"`
}

// MetricNode is a metric of the Semantic Layer, as a node of the project.
type MetricNode struct {
	UniqueID        string         `json:"uniqueId,omitzero"`
	Name            string         `json:"name,omitzero"`
	Label           string         `json:"label,omitzero"`
	ResourceType    string         `json:"resourceType,omitzero"`
	Description     string         `json:"description,omitzero"`
	Group           string         `json:"group,omitzero"`
	Type            string         `json:"type,omitzero"` // such as "simple" or "ratio"
	Formula         string         `json:"formula,omitzero"`
	Filter          map[string]any `json:"filter,omitzero"`     // conditions on all of it
	TypeParams      map[string]any `json:"typeParams,omitzero"` // its measures or metrics, and how they combine
	Tags            []string       `json:"tags,omitzero"`
	Meta            map[string]any `json:"meta,omitzero"`
	PackageName     string         `json:"packageName,omitzero"`
	FilePath        string         `json:"filePath,omitzero"`
	PatchPath       string         `json:"patchPath,omitzero"`
	FQN             []string       `json:"fqn,omitzero"`
	Parents         []*RelatedNode `json:"parents,omitzero"`
	Children        []*RelatedNode `json:"children,omitzero"`
	Ancestors       []*RelatedNode `json:"ancestors,omitzero"`
	DbtVersion      string         `json:"dbtVersion,omitzero"`
	RunGeneratedAt  Time           `json:"runGeneratedAt,omitzero"`
	JobDefinitionID int64          `json:"jobDefinitionId,omitzero"`
	RunID           int64          `json:"runId,omitzero"`
	EnvironmentID   int64          `json:"environmentId,omitzero"`
	ProjectID       int64          `json:"projectId,omitzero"`
	AccountID       int64          `json:"accountId,omitzero"`
}

// SemanticModel is a semantic model, on which metrics are built.
type SemanticModel struct {
	UniqueID        string                    `json:"uniqueId,omitzero"`
	Name            string                    `json:"name,omitzero"`
	ResourceType    string                    `json:"resourceType,omitzero"`
	Description     string                    `json:"description,omitzero"`
	Entities        []*SemanticModelEntity    `json:"entities,omitzero"`
	Dimensions      []*SemanticModelDimension `json:"dimensions,omitzero"`
	Measures        []*SemanticModelMeasure   `json:"measures,omitzero"`
	Tags            []string                  `json:"tags,omitzero"`
	Meta            map[string]any            `json:"meta,omitzero"`
	PackageName     string                    `json:"packageName,omitzero"`
	FilePath        string                    `json:"filePath,omitzero"`
	PatchPath       string                    `json:"patchPath,omitzero"`
	FQN             []string                  `json:"fqn,omitzero"`
	Parents         []*RelatedNode            `json:"parents,omitzero"`
	Children        []*RelatedNode            `json:"children,omitzero"`
	Ancestors       []*RelatedNode            `json:"ancestors,omitzero"`
	DbtVersion      string                    `json:"dbtVersion,omitzero"`
	RunGeneratedAt  Time                      `json:"runGeneratedAt,omitzero"`
	JobDefinitionID int64                     `json:"jobDefinitionId,omitzero"`
	RunID           int64                     `json:"runId,omitzero"`
	EnvironmentID   int64                     `json:"environmentId,omitzero"`
	ProjectID       int64                     `json:"projectId,omitzero"`
	AccountID       int64                     `json:"accountId,omitzero"`
}

// SavedQuery is a query of the Semantic Layer that the project keeps.
type SavedQuery struct {
	UniqueID        string              `json:"uniqueId,omitzero"`
	Name            string              `json:"name,omitzero"`
	ResourceType    string              `json:"resourceType,omitzero"`
	Description     string              `json:"description,omitzero"`
	Group           string              `json:"group,omitzero"`
	QueryParams     *SavedQueryParams   `json:"queryParams,omitzero"`
	Exports         []*SavedQueryExport `json:"exports,omitzero"`
	Tags            []string            `json:"tags,omitzero"`
	Meta            map[string]any      `json:"meta,omitzero"`
	PackageName     string              `json:"packageName,omitzero"`
	FilePath        string              `json:"filePath,omitzero"`
	FQN             []string            `json:"fqn,omitzero"`
	Parents         []*RelatedNode      `json:"parents,omitzero"`
	Children        []*RelatedNode      `json:"children,omitzero"`
	Ancestors       []*RelatedNode      `json:"ancestors,omitzero"`
	DbtVersion      string              `json:"dbtVersion,omitzero"`
	RunGeneratedAt  Time                `json:"runGeneratedAt,omitzero"`
	JobDefinitionID int64               `json:"jobDefinitionId,omitzero"`
	RunID           int64               `json:"runId,omitzero"`
	EnvironmentID   int64               `json:"environmentId,omitzero"`
	ProjectID       int64               `json:"projectId,omitzero"`
	AccountID       int64               `json:"accountId,omitzero"`
}

// GroupNode is a group of models with an owner, as a node of the project.
type GroupNode struct {
	UniqueID       string         `json:"uniqueId,omitzero"`
	Name           string         `json:"name,omitzero"`
	ResourceType   string         `json:"resourceType,omitzero"`
	Description    string         `json:"description,omitzero"`
	OwnerName      string         `json:"ownerName,omitzero"`
	OwnerEmail     string         `json:"ownerEmail,omitzero"`
	ModelCount     *int64         `json:"modelCount,omitzero"` // models of the group
	Models         []*RelatedNode `json:"models,omitzero"`     // models of the group
	Tags           []string       `json:"tags,omitzero"`
	Meta           map[string]any `json:"meta,omitzero"`
	PackageName    string         `json:"packageName,omitzero"`
	FilePath       string         `json:"filePath,omitzero"`
	RunGeneratedAt Time           `json:"runGeneratedAt,omitzero"`
	JobID          int64          `json:"jobId,omitzero"`
	RunID          int64          `json:"runId,omitzero"`
	EnvironmentID  int64          `json:"environmentId,omitzero"`
	ProjectID      int64          `json:"projectId,omitzero"`
	AccountID      int64          `json:"accountId,omitzero"`
}
