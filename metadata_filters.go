package dbtcloud

// ModelFilter selects models in the applied state. UniqueIDs are compared with their
// case. Database and Schema are those of the relation, in lower case on Snowflake;
// Identifier is the alias, not the name.
type ModelFilter struct {
	UniqueIDs     []string    `json:"uniqueIds,omitempty"`
	Tags          []string    `json:"tags,omitempty"`
	LastRunStatus NodeStatus  `json:"lastRunStatus,omitzero"`
	PackageName   string      `json:"packageName,omitzero"`
	Database      string      `json:"database,omitzero"`
	Schema        string      `json:"schema,omitzero"`
	Identifier    string      `json:"identifier,omitzero"`
	Access        AccessLevel `json:"access,omitzero"`
	Group         string      `json:"group,omitzero"`
	ModelingLayer string      `json:"modelingLayer,omitzero"` // such as "marts"
	Sort          ModelSort   `json:"-"`
}

// SourceFilter selects tables of sources in the applied state. UniqueIDs are compared
// with their case; Database, Schema and Identifier are those of the table, in lower case
// on Snowflake.
type SourceFilter struct {
	UniqueIDs        []string        `json:"uniqueIds,omitempty"`
	Tags             []string        `json:"tags,omitempty"`
	SourceNames      []string        `json:"sourceNames,omitempty"`
	FreshnessStatus  FreshnessStatus `json:"freshnessStatus,omitzero"`
	FreshnessChecked *bool           `json:"freshnessChecked,omitzero"` // nil: both
	Database         string          `json:"database,omitzero"`
	Schema           string          `json:"schema,omitzero"`
	Identifier       string          `json:"identifier,omitzero"`
}

// SeedFilter selects seeds in the applied state. UniqueIDs are compared with their case;
// Identifier is the alias, not the name.
type SeedFilter struct {
	UniqueIDs  []string `json:"uniqueIds,omitempty"`
	Tags       []string `json:"tags,omitempty"`
	Database   string   `json:"database,omitzero"`
	Schema     string   `json:"schema,omitzero"`
	Identifier string   `json:"identifier,omitzero"`
}

// SnapshotFilter selects snapshots in the applied state. UniqueIDs are compared with
// their case; Identifier is the alias, not the name.
type SnapshotFilter struct {
	UniqueIDs  []string `json:"uniqueIds,omitempty"`
	Tags       []string `json:"tags,omitempty"`
	Database   string   `json:"database,omitzero"`
	Schema     string   `json:"schema,omitzero"`
	Identifier string   `json:"identifier,omitzero"`
}

// TestFilter selects tests in the applied state. UniqueIDs are compared with their case.
type TestFilter struct {
	UniqueIDs        []string     `json:"uniqueIds,omitempty"`
	Tags             []string     `json:"tags,omitempty"`
	TestTypes        []TestType   `json:"testTypes,omitempty"`
	LastKnownResults []NodeStatus `json:"lastKnownResults,omitempty"` // what they last found, whatever the last run did
	Status           string       `json:"status,omitzero"`            // of the last run
}

// ExposureFilter selects exposures in the applied state. UniqueIDs are compared with
// their case.
type ExposureFilter struct {
	UniqueIDs    []string `json:"uniqueIds,omitempty"`
	Tags         []string `json:"tags,omitempty"`
	ExposureType string   `json:"exposureType,omitzero"` // such as "dashboard"
}

// ResourceFilter selects nodes of several kinds in the applied state. Types is required.
// UniqueIDs are compared with their case.
type ResourceFilter struct {
	Types     []ResourceType `json:"types"`
	UniqueIDs []string       `json:"uniqueIds,omitempty"`
	Tags      []string       `json:"tags,omitempty"`
}

// ModelDefinitionFilter selects models in the definition state. UniqueIDs are compared
// with their case. Identifier is the alias, not the name.
type ModelDefinitionFilter struct {
	UniqueIDs     []string    `json:"uniqueIds,omitempty"`
	Tags          []string    `json:"tags,omitempty"`
	Database      string      `json:"database,omitzero"`
	Schema        string      `json:"schema,omitzero"`
	Identifier    string      `json:"identifier,omitzero"`
	Access        AccessLevel `json:"access,omitzero"`
	Group         string      `json:"group,omitzero"`
	ModelingLayer string      `json:"modelingLayer,omitzero"` // such as "marts"
}

// SourceDefinitionFilter selects tables of sources in the definition state. UniqueIDs
// are compared with their case.
type SourceDefinitionFilter struct {
	UniqueIDs   []string `json:"uniqueIds,omitempty"`
	Tags        []string `json:"tags,omitempty"`
	SourceNames []string `json:"sourceNames,omitempty"`
	Database    string   `json:"database,omitzero"`
	Schema      string   `json:"schema,omitzero"`
	Identifier  string   `json:"identifier,omitzero"`
}

// SeedDefinitionFilter selects seeds in the definition state. UniqueIDs are compared
// with their case; Identifier is the alias, not the name.
type SeedDefinitionFilter struct {
	UniqueIDs  []string `json:"uniqueIds,omitempty"`
	Tags       []string `json:"tags,omitempty"`
	Database   string   `json:"database,omitzero"`
	Schema     string   `json:"schema,omitzero"`
	Identifier string   `json:"identifier,omitzero"`
}

// SnapshotDefinitionFilter selects snapshots in the definition state. UniqueIDs are
// compared with their case; Identifier is the alias, not the name.
type SnapshotDefinitionFilter struct {
	UniqueIDs  []string `json:"uniqueIds,omitempty"`
	Tags       []string `json:"tags,omitempty"`
	Database   string   `json:"database,omitzero"`
	Schema     string   `json:"schema,omitzero"`
	Identifier string   `json:"identifier,omitzero"`
}

// TestDefinitionFilter selects tests in the definition state. UniqueIDs are compared
// with their case.
type TestDefinitionFilter struct {
	UniqueIDs []string `json:"uniqueIds,omitempty"`
	Tags      []string `json:"tags,omitempty"`
}

// ExposureDefinitionFilter selects exposures in the definition state. UniqueIDs are
// compared with their case.
type ExposureDefinitionFilter struct {
	UniqueIDs    []string `json:"uniqueIds,omitempty"`
	Tags         []string `json:"tags,omitempty"`
	ExposureType string   `json:"exposureType,omitzero"` // such as "dashboard"
}

// MacroFilter selects macros. UniqueIDs are compared with their case.
type MacroFilter struct {
	UniqueIDs   []string `json:"uniqueIds,omitempty"`
	PackageName string   `json:"packageName,omitzero"` // without it dbt's own macros come too, some hundreds
}

// MetricFilter selects metrics. UniqueIDs are compared with their case. The API takes
// the conditions on a relation too, which metrics do not have.
type MetricFilter struct {
	UniqueIDs  []string `json:"uniqueIds,omitempty"`
	Tags       []string `json:"tags,omitempty"`
	Database   string   `json:"database,omitzero"`
	Schema     string   `json:"schema,omitzero"`
	Identifier string   `json:"identifier,omitzero"`
}

// SemanticModelFilter selects semantic models. UniqueIDs are compared with their case.
// The API takes the conditions on a relation too.
type SemanticModelFilter struct {
	UniqueIDs  []string `json:"uniqueIds,omitempty"`
	Tags       []string `json:"tags,omitempty"`
	Database   string   `json:"database,omitzero"`
	Schema     string   `json:"schema,omitzero"`
	Identifier string   `json:"identifier,omitzero"`
}

// SavedQueryFilter selects saved queries. UniqueIDs are compared with their case. The
// API takes the conditions on a relation too.
type SavedQueryFilter struct {
	UniqueIDs  []string `json:"uniqueIds,omitempty"`
	Tags       []string `json:"tags,omitempty"`
	Database   string   `json:"database,omitzero"`
	Schema     string   `json:"schema,omitzero"`
	Identifier string   `json:"identifier,omitzero"`
}

// GroupFilter selects groups. UniqueIDs are compared with their case.
type GroupFilter struct {
	UniqueIDs []string `json:"uniqueIds,omitempty"`
}

// ResourceDefinitionFilter selects nodes of several kinds in the definition state. Types
// is required. UniqueIDs are compared with their case.
type ResourceDefinitionFilter struct {
	Types     []ResourceType `json:"types"`
	UniqueIDs []string       `json:"uniqueIds,omitempty"`
	Tags      []string       `json:"tags,omitempty"`
}
