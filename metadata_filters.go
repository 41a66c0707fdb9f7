package dbtcloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// ModelFilter selects models in the applied state. As in every filter of nodes, the zero
// value selects all of them, and so does an empty list; of several conditions all must
// hold. UniqueIDs are compared with their case. Database and Schema are those of the
// relation, in lower case on Snowflake; Identifier is the alias, not the name.
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

func (f ModelFilter) listing() listing {
	l := nodeList("applied", "models", "ModelAppliedStateNode", "ModelAppliedFilter", f)
	switch {
	case f.Sort == ModelSort{}:
	case f.Sort.Field == "":
		l.problem = errors.Join(l.problem, errors.New("the sort has a direction but no field"))
	case f.Sort.Direction == "":
		l.sort = ModelSort{f.Sort.Field, Ascending}
	default:
		l.sort = f.Sort
	}
	return l
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

func (f SourceFilter) listing() listing {
	return nodeList("applied", "sources", "SourceAppliedStateNode", "SourceAppliedFilter", f)
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

func (f SeedFilter) listing() listing {
	return nodeList("applied", "seeds", "SeedAppliedStateNode", "GenericMaterializedFilter", f)
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

func (f SnapshotFilter) listing() listing {
	return nodeList("applied", "snapshots", "SnapshotAppliedStateNode", "GenericMaterializedFilter", f)
}

// TestFilter selects tests in the applied state. UniqueIDs are compared with their case.
type TestFilter struct {
	UniqueIDs        []string     `json:"uniqueIds,omitempty"`
	Tags             []string     `json:"tags,omitempty"`
	TestTypes        []TestType   `json:"testTypes,omitempty"`
	LastKnownResults []NodeStatus `json:"lastKnownResults,omitempty"` // what they last found, whatever the last run did
	Status           string       `json:"status,omitzero"`            // of the last run
}

func (f TestFilter) listing() listing {
	return nodeList("applied", "tests", "TestAppliedStateNode", "TestAppliedFilter", f)
}

// ExposureFilter selects exposures in the applied state. UniqueIDs are compared with
// their case.
type ExposureFilter struct {
	UniqueIDs    []string `json:"uniqueIds,omitempty"`
	Tags         []string `json:"tags,omitempty"`
	ExposureType string   `json:"exposureType,omitzero"` // such as "dashboard"
}

func (f ExposureFilter) listing() listing {
	return nodeList("applied", "exposures", "ExposureAppliedStateNode", "ExposureFilter", f)
}

// ResourceFilter selects nodes of several kinds in the applied state. Types is required.
// UniqueIDs are compared with their case.
type ResourceFilter struct {
	Types     []ResourceType `json:"types"`
	UniqueIDs []string       `json:"uniqueIds,omitempty"`
	Tags      []string       `json:"tags,omitempty"`
}

func (f ResourceFilter) listing() listing {
	return mixedList("applied", "EnvironmentAppliedNode", "AppliedResourcesFilter", f.Types, f)
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

func (f ModelDefinitionFilter) listing() listing {
	return nodeList("definition", "models", "ModelDefinitionNode", "ModelDefinitionFilter", f)
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

func (f SourceDefinitionFilter) listing() listing {
	return nodeList("definition", "sources", "SourceDefinitionNode", "SourceDefinitionFilter", f)
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

func (f SeedDefinitionFilter) listing() listing {
	return nodeList("definition", "seeds", "SeedDefinitionNode", "GenericMaterializedFilter", f)
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

func (f SnapshotDefinitionFilter) listing() listing {
	return nodeList("definition", "snapshots", "SnapshotDefinitionNode", "GenericMaterializedFilter", f)
}

// TestDefinitionFilter selects tests in the definition state. UniqueIDs are compared
// with their case.
type TestDefinitionFilter struct {
	UniqueIDs []string `json:"uniqueIds,omitempty"`
	Tags      []string `json:"tags,omitempty"`
}

func (f TestDefinitionFilter) listing() listing {
	return nodeList("definition", "tests", "TestDefinitionNode", "TestDefinitionFilter", f)
}

// ExposureDefinitionFilter selects exposures in the definition state. UniqueIDs are
// compared with their case.
type ExposureDefinitionFilter struct {
	UniqueIDs    []string `json:"uniqueIds,omitempty"`
	Tags         []string `json:"tags,omitempty"`
	ExposureType string   `json:"exposureType,omitzero"` // such as "dashboard"
}

func (f ExposureDefinitionFilter) listing() listing {
	return nodeList("definition", "exposures", "ExposureDefinitionNode", "ExposureFilter", f)
}

// MacroFilter selects macros. UniqueIDs are compared with their case.
type MacroFilter struct {
	UniqueIDs   []string `json:"uniqueIds,omitempty"`
	PackageName string   `json:"packageName,omitzero"` // without it dbt's own macros come too, some hundreds
}

func (f MacroFilter) listing() listing {
	return nodeList("definition", "macros", "MacroDefinitionNode", "MacroDefinitionFilter", f)
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

func (f MetricFilter) listing() listing {
	return nodeList("definition", "metrics", "MetricDefinitionNode", "GenericMaterializedFilter", f)
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

func (f SemanticModelFilter) listing() listing {
	return nodeList("definition", "semanticModels", "SemanticModelDefinitionNode", "GenericMaterializedFilter", f)
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

func (f SavedQueryFilter) listing() listing {
	return nodeList("definition", "savedQueries", "SavedQueryDefinitionNode", "GenericMaterializedFilter", f)
}

// GroupFilter selects groups. UniqueIDs are compared with their case.
type GroupFilter struct {
	UniqueIDs []string `json:"uniqueIds,omitempty"`
}

func (f GroupFilter) listing() listing {
	return nodeList("definition", "groups", "GroupNode", "GroupFilter", f)
}

// ResourceDefinitionFilter selects nodes of several kinds in the definition state. Types
// is required. UniqueIDs are compared with their case.
type ResourceDefinitionFilter struct {
	Types     []ResourceType `json:"types"`
	UniqueIDs []string       `json:"uniqueIds,omitempty"`
	Tags      []string       `json:"tags,omitempty"`
}

func (f ResourceDefinitionFilter) listing() listing {
	return mixedList("definition", "EnvironmentDefinitionNode", "DefinitionResourcesFilter", f.Types, f)
}

// nodeList is the list of that name in the applied or the definition state.
func nodeList(state, name, node, input string, filter any) listing {
	return listing{path: []string{state, name}, node: node, input: input, filter: filter, problem: refuseBlanks(filter)}
}

// mixedList is the list of nodes of several kinds in a state.
func mixedList(state, node, input string, types []ResourceType, filter any) listing {
	l := nodeList(state, "resources", node, input, filter)
	l.required = true
	if len(types) == 0 {
		l.problem = errors.Join(l.problem, errors.New("the filter's types are empty: say which kinds of nodes are wanted, such as ResourceModel"))
	}
	return l
}

// refuseBlanks refuses an empty string in a list of a filter, which is what a variable
// that was not set looks like.
func refuseBlanks(filter any) error {
	var fields map[string]any
	b, _ := json.Marshal(filter) // strings and booleans: cannot fail
	_ = json.Unmarshal(b, &fields)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if values, ok := fields[name].([]any); ok && slices.Contains(values, any("")) {
			return fmt.Errorf("the filter's %s hold an empty string", name)
		}
	}
	return nil
}
