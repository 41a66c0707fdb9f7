package dbtcloud

import (
	"context"
	"iter"
)

// Models are the models of an environment as they were last built. API: Discovery,
// environment(id).applied.models.
func (s *MetadataService) Models(ctx context.Context, environmentID int64, f ModelFilter, opts ...QueryOption) iter.Seq2[*Model, error] {
	return Select[Model](ctx, s, environmentID, f, opts...)
}

// Sources are the tables of the environment's sources, with the last check of their
// freshness. API: Discovery, environment(id).applied.sources.
func (s *MetadataService) Sources(ctx context.Context, environmentID int64, f SourceFilter, opts ...QueryOption) iter.Seq2[*Source, error] {
	return Select[Source](ctx, s, environmentID, f, opts...)
}

// Seeds are the seeds of an environment as they were last loaded. API: Discovery,
// environment(id).applied.seeds.
func (s *MetadataService) Seeds(ctx context.Context, environmentID int64, f SeedFilter, opts ...QueryOption) iter.Seq2[*Seed, error] {
	return Select[Seed](ctx, s, environmentID, f, opts...)
}

// Snapshots are the snapshots of an environment as they were last run. API: Discovery,
// environment(id).applied.snapshots.
func (s *MetadataService) Snapshots(ctx context.Context, environmentID int64, f SnapshotFilter, opts ...QueryOption) iter.Seq2[*Snapshot, error] {
	return Select[Snapshot](ctx, s, environmentID, f, opts...)
}

// Tests are the tests of an environment, with what they last found. API: Discovery,
// environment(id).applied.tests.
func (s *MetadataService) Tests(ctx context.Context, environmentID int64, f TestFilter, opts ...QueryOption) iter.Seq2[*Test, error] {
	return Select[Test](ctx, s, environmentID, f, opts...)
}

// Exposures are the exposures of an environment. API: Discovery,
// environment(id).applied.exposures.
func (s *MetadataService) Exposures(ctx context.Context, environmentID int64, f ExposureFilter, opts ...QueryOption) iter.Seq2[*Exposure, error] {
	return Select[Exposure](ctx, s, environmentID, f, opts...)
}

// Source is a table of a source in the applied state: with the last check of its freshness.
type Source struct {
	UniqueID          string         `json:"uniqueId,omitzero"`
	Name              string         `json:"name,omitzero"` // of the table in the project
	ResourceType      string         `json:"resourceType,omitzero"`
	Description       string         `json:"description,omitzero"`
	Database          string         `json:"database,omitzero"`
	Schema            string         `json:"schema,omitzero"`
	Identifier        string         `json:"identifier,omitzero"`        // of the table in the warehouse
	SourceName        string         `json:"sourceName,omitzero"`        // the group of tables that it belongs to
	SourceDescription string         `json:"sourceDescription,omitzero"` // of the group
	Loader            string         `json:"loader,omitzero"`
	Freshness         *Freshness     `json:"freshness,omitzero"`
	Tags              []string       `json:"tags,omitzero"`
	Meta              map[string]any `json:"meta,omitzero"`
	FilePath          string         `json:"filePath,omitzero"`
	PatchPath         string         `json:"patchPath,omitzero"`
	FQN               []string       `json:"fqn,omitzero"`
	ColumnCount       *int64         `json:"columnCount,omitzero"` // in the catalog
	Catalog           *Catalog       `json:"catalog,omitzero"`     // nil if docs were never generated
	Tests             []*NestedTest  `json:"tests,omitzero"`
	Children          []*RelatedNode `json:"children,omitzero"`
	DbtVersion        string         `json:"dbtVersion,omitzero"`
	EnvironmentID     int64          `json:"environmentId,omitzero"`
	ProjectID         int64          `json:"projectId,omitzero"`
	AccountID         int64          `json:"accountId,omitzero"`
}

// Seed is a seed in the applied state: as it was last loaded.
type Seed struct {
	UniqueID      string         `json:"uniqueId,omitzero"`
	Name          string         `json:"name,omitzero"`
	ResourceType  string         `json:"resourceType,omitzero"`
	Description   string         `json:"description,omitzero"`
	Database      string         `json:"database,omitzero"`
	Schema        string         `json:"schema,omitzero"`
	Alias         string         `json:"alias,omitzero"`
	ExecutionInfo *ExecutionInfo `json:"executionInfo,omitzero"`
	Tags          []string       `json:"tags,omitzero"`
	Meta          map[string]any `json:"meta,omitzero"`
	PackageName   string         `json:"packageName,omitzero"`
	FilePath      string         `json:"filePath,omitzero"`
	PatchPath     string         `json:"patchPath,omitzero"`
	FQN           []string       `json:"fqn,omitzero"`
	ColumnCount   *int64         `json:"columnCount,omitzero"` // in the catalog
	Catalog       *Catalog       `json:"catalog,omitzero"`     // nil if docs were never generated
	Tests         []*NestedTest  `json:"tests,omitzero"`
	Children      []*RelatedNode `json:"children,omitzero"`
	DbtVersion    string         `json:"dbtVersion,omitzero"`
	EnvironmentID int64          `json:"environmentId,omitzero"`
	ProjectID     int64          `json:"projectId,omitzero"`
	AccountID     int64          `json:"accountId,omitzero"`
}

// Snapshot is a snapshot in the applied state: as it was last run.
type Snapshot struct {
	UniqueID      string         `json:"uniqueId,omitzero"`
	Name          string         `json:"name,omitzero"`
	ResourceType  string         `json:"resourceType,omitzero"`
	Description   string         `json:"description,omitzero"`
	Database      string         `json:"database,omitzero"`
	Schema        string         `json:"schema,omitzero"`
	Alias         string         `json:"alias,omitzero"`
	ExecutionInfo *ExecutionInfo `json:"executionInfo,omitzero"`
	Tags          []string       `json:"tags,omitzero"`
	Meta          map[string]any `json:"meta,omitzero"`
	Config        map[string]any `json:"config,omitzero"`
	PackageName   string         `json:"packageName,omitzero"`
	FilePath      string         `json:"filePath,omitzero"`
	PatchPath     string         `json:"patchPath,omitzero"`
	FQN           []string       `json:"fqn,omitzero"`
	RawCode       string         `json:"rawCode,omitzero"`      // as written; large
	CompiledCode  string         `json:"compiledCode,omitzero"` // as sent to the warehouse; large
	ColumnCount   *int64         `json:"columnCount,omitzero"`  // in the catalog
	Catalog       *Catalog       `json:"catalog,omitzero"`      // nil if docs were never generated
	Tests         []*NestedTest  `json:"tests,omitzero"`
	Parents       []*RelatedNode `json:"parents,omitzero"`
	Children      []*RelatedNode `json:"children,omitzero"`
	DbtVersion    string         `json:"dbtVersion,omitzero"`
	EnvironmentID int64          `json:"environmentId,omitzero"`
	ProjectID     int64          `json:"projectId,omitzero"`
	AccountID     int64          `json:"accountId,omitzero"`
}

// Test is a test in the applied state: with what it last found. Its result is in
// LastKnownResult, and in ExecutionInfo.LastRunStatus of the last run alone.
type Test struct {
	UniqueID              string           `json:"uniqueId,omitzero"`
	Name                  string           `json:"name,omitzero"`
	ResourceType          string           `json:"resourceType,omitzero"`
	Description           string           `json:"description,omitzero"`
	Model                 string           `json:"model,omitzero"` // of a unit test: the name of the model
	TestType              TestType         `json:"testType,omitzero"`
	ColumnName            string           `json:"columnName,omitzero"`            // "" for a test of a whole node
	LastKnownResult       NodeStatus       `json:"lastKnownResult,omitzero"`       // what it last found, also where a later run skipped it
	ExecutionInfo         *ExecutionInfo   `json:"executionInfo,omitzero"`         // the last run
	TestMetadata          *TestMetadata    `json:"testMetadata,omitzero"`          // of a generic test
	EventStatus           map[string]any   `json:"eventStatus,omitzero"`           // of a unit test
	TestedNodeUniqueID    string           `json:"testedNodeUniqueId,omitzero"`    // of a unit test
	ThisInputNodeUniqueID string           `json:"thisInputNodeUniqueId,omitzero"` // of a unit test: whose rows stand for "this"
	Given                 []map[string]any `json:"given,omitzero"`                 // of a unit test: the inputs
	Expect                map[string]any   `json:"expect,omitzero"`                // of a unit test: the rows to come out
	Overrides             map[string]any   `json:"overrides,omitzero"`             // of a unit test: macros, variables, environment variables
	NumGiven              *int64           `json:"numGiven,omitzero"`
	NumGivenRows          *int64           `json:"numGivenRows,omitzero"`
	NumExpectRows         *int64           `json:"numExpectRows,omitzero"`
	Tags                  []string         `json:"tags,omitzero"`
	Meta                  map[string]any   `json:"meta,omitzero"`
	Config                map[string]any   `json:"config,omitzero"`
	FilePath              string           `json:"filePath,omitzero"`
	PatchPath             string           `json:"patchPath,omitzero"`
	FQN                   []string         `json:"fqn,omitzero"`
	RawCode               string           `json:"rawCode,omitzero"`      // as written; large
	CompiledCode          string           `json:"compiledCode,omitzero"` // as sent to the warehouse; large
	Parents               []*RelatedNode   `json:"parents,omitzero"`
	DbtVersion            string           `json:"dbtVersion,omitzero"`
	EnvironmentID         int64            `json:"environmentId,omitzero"`
	ProjectID             int64            `json:"projectId,omitzero"`
	AccountID             int64            `json:"accountId,omitzero"`
}

// Exposure is a use of the project, such as a dashboard, in the applied state.
type Exposure struct {
	UniqueID            string         `json:"uniqueId,omitzero"`
	Name                string         `json:"name,omitzero"`
	Label               string         `json:"label,omitzero"`
	ResourceType        string         `json:"resourceType,omitzero"`
	Description         string         `json:"description,omitzero"`
	ExposureType        string         `json:"exposureType,omitzero"` // such as "dashboard"
	Maturity            string         `json:"maturity,omitzero"`     // "high", "medium" or "low"
	URL                 string         `json:"url,omitzero"`
	OwnerName           string         `json:"ownerName,omitzero"`
	OwnerEmail          string         `json:"ownerEmail,omitzero"`
	Tags                []string       `json:"tags,omitzero"`
	Meta                map[string]any `json:"meta,omitzero"`
	PackageName         string         `json:"packageName,omitzero"`
	FilePath            string         `json:"filePath,omitzero"`
	PatchPath           string         `json:"patchPath,omitzero"`
	FQN                 []string       `json:"fqn,omitzero"`
	Parents             []*RelatedNode `json:"parents,omitzero"`
	Ancestors           []*RelatedNode `json:"ancestors,omitzero"` // of the kinds that AncestorTypes says
	DbtVersion          string         `json:"dbtVersion,omitzero"`
	ManifestGeneratedAt Time           `json:"manifestGeneratedAt,omitzero"`
	EnvironmentID       int64          `json:"environmentId,omitzero"`
	ProjectID           int64          `json:"projectId,omitzero"`
	AccountID           int64          `json:"accountId,omitzero"`
}
