package dbtcloudtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Node is a node of a dbt project as the Discovery API knows it, with keys as in GraphQL: uniqueId, name, executionInfo and so on.
//
// Only uniqueId is required. resourceType is as dbt writes it (model, semantic_model, ...; also group, and external_model for a model of
// another project), by default what the unique id begins with; name, packageName, fqn, alias, identifier, sourceName and testType follow from the
// unique id unless they are given. parentIds, or dependsOn, lists of unique ids, are the edges: parents, children, ancestors, tests and lineage follow from them.
//
// Three keys are the fake's own: "state" ("applied" or "definition") keeps a node out of the other state, "history" is a list of what
// was different about a model in its runs, the latest first, for modelHistoricalRuns, and a node with "executionInfo": nil has never run.
type Node map[string]any

// nodeKind is a kind of node: its name in the schema, dbt's name for it, and that of the lists.
type nodeKind struct{ name, resource, list string }

func nodeKinds() []nodeKind {
	return []nodeKind{
		{"Model", "model", "models"}, {"Source", "source", "sources"}, {"Seed", "seed", "seeds"}, {"Snapshot", "snapshot", "snapshots"},
		{"Test", "test", "tests"}, {"Exposure", "exposure", "exposures"}, {"Macro", "macro", "macros"}, {"Metric", "metric", "metrics"},
		{"SemanticModel", "semantic_model", "semanticModels"}, {"SavedQuery", "saved_query", "savedQueries"}, {"Group", "group", "groups"},
		{"ExternalModel", "external_model", ""}, {"Test", "unit_test", ""},
	}
}

// kindOf is the kind of a node: by its resource type or, without one, by its unique id.
func kindOf(fields map[string]any) (nodeKind, bool) {
	resource := text(fields["resourceType"])
	if resource == "" {
		resource, _, _ = strings.Cut(text(fields["uniqueId"]), ".")
	}
	for _, k := range nodeKinds() {
		if k.resource == resource {
			return k, true
		}
	}
	return nodeKind{}, false
}

// ParseNodes reads nodes from JSON: a list of objects, or one object after the other, as in JSON lines. A node without what [Node]
// requires is an error that names it.
func ParseNodes(data []byte) ([]Node, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var out []Node
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		if err := dec.Decode(&out); err != nil {
			return nil, fmt.Errorf("dbtcloudtest: the nodes do not decode: %w", err)
		}
		if _, err := dec.Token(); !errors.Is(err, io.EOF) {
			return nil, errors.New("dbtcloudtest: something follows the list of nodes")
		}
		return out, checkNodes(out)
	}
	for {
		var n Node
		err := dec.Decode(&n)
		if errors.Is(err, io.EOF) {
			return out, checkNodes(out)
		}
		if err != nil {
			return nil, fmt.Errorf("dbtcloudtest: node %d does not decode: %w", len(out), err)
		}
		out = append(out, n)
	}
}

func checkNodes(nodes []Node) error {
	for i, n := range nodes {
		if _, err := newNode(n, 0); err != nil {
			return fmt.Errorf("dbtcloudtest: node %d: %w", i, err)
		}
	}
	return nil
}

// AddNodes adds nodes to an environment, in this order; one whose unique id is there already is replaced. An environment that is not
// there yet is added too. A node that cannot be used (see [Node]) makes every question about the environment an error that names it.
func (s *Server) AddNodes(environmentID int64, nodes ...Node) {
	s.change(func(w *world, now time.Time) { w.metadataOf(environmentID, now).add(environmentID, nodes, now) })
}

// SetNodes replaces all nodes of an environment, as [Server.AddNodes] adds them.
func (s *Server) SetNodes(environmentID int64, nodes ...Node) {
	s.change(func(w *world, now time.Time) {
		m := w.metadataOf(environmentID, now)
		*m = metadata{at: map[string]int{}}
		m.add(environmentID, nodes, now)
	})
}

// metadata is what a test has handed over for one environment.
type metadata struct {
	nodes   []*node
	at      map[string]int // where a node is, by unique id
	problem error          // why one of the nodes cannot be used
	updated time.Time
	layers  map[string]*layer // by state, once somebody has asked
}

// metadataOf is the metadata of an environment, which is made when it is not there.
func (w *world) metadataOf(environmentID int64, at time.Time) *metadata {
	if w.environments[environmentID] == nil {
		w.addEnvironment(environmentID, DefaultProjectID, "Environment", at)
	}
	if w.metadata[environmentID] == nil {
		w.metadata[environmentID] = &metadata{at: map[string]int{}}
	}
	return w.metadata[environmentID]
}

func (m *metadata) add(environmentID int64, nodes []Node, at time.Time) {
	for i, given := range nodes {
		n, err := newNode(given, environmentID)
		if err != nil {
			m.problem = errors.Join(m.problem, fmt.Errorf("AddNodes: node %d: %w", i, err))
			continue
		}
		if old, known := m.at[n.id]; known {
			m.nodes[old] = n
			continue
		}
		m.at[n.id] = len(m.nodes)
		m.nodes = append(m.nodes, n)
	}
	m.updated, m.layers = at, map[string]*layer{}
}

// node is a node that can be used; it is never changed.
type node struct {
	id      string
	kind    nodeKind
	fields  map[string]any // as decoded from JSON, shared with nobody
	parents []string
	history []any
	state   string // "" for both
}

// newNode checks a node and fills in what follows from its unique id.
func newNode(given Node, environmentID int64) (*node, error) {
	encoded, err := json.Marshal(given)
	if err != nil {
		return nil, fmt.Errorf("it cannot be written as JSON: %w", err)
	}
	fields := map[string]any{}
	if err := decodeJSON(encoded, &fields); err != nil {
		return nil, fmt.Errorf("it cannot be read back from JSON: %w", err)
	}
	n := &node{id: text(fields["uniqueId"]), fields: fields, state: text(fields["state"])}
	if n.id == "" {
		return nil, errors.New("it has no uniqueId")
	}
	kind, ok := kindOf(fields)
	if !ok {
		return nil, fmt.Errorf("%s: it has no resourceType that is known, and its uniqueId does not begin with one", n.id)
	}
	if n.state != "" && n.state != stateApplied && n.state != stateDefinition {
		return nil, fmt.Errorf("%s: its state is %q, not %s or %s", n.id, n.state, stateApplied, stateDefinition)
	}
	n.kind = kind
	if n.history, ok = fields["history"].([]any); !ok && fields["history"] != nil {
		return nil, fmt.Errorf("%s: its history is not a list", n.id)
	}
	delete(fields, "state")
	delete(fields, "history")
	if err := n.connect(); err != nil {
		return nil, err
	}
	n.fill(environmentID)
	return n, nil
}

// connect reads the edges, which may come under either name.
func (n *node) connect() error {
	key := "parentIds"
	if n.fields[key] == nil {
		key = "dependsOn"
	}
	ids, isList := n.fields[key].([]any)
	if !isList && n.fields[key] != nil {
		return fmt.Errorf("%s: its %s is not a list of unique ids", n.id, key)
	}
	out := []any{}
	for _, id := range ids {
		if text(id) == "" {
			return fmt.Errorf("%s: its %s holds %v, which is not a unique id", n.id, key, id)
		}
		n.parents, out = append(n.parents, text(id)), append(out, id)
	}
	n.fields["parentIds"], n.fields["dependsOn"] = out, out
	return nil
}

// fill gives a node what follows from its unique id, such as source.package.source.table or model.package.name.v2.
func (n *node) fill(environmentID int64) {
	set := func(key string, value any) {
		if _, given := n.fields[key]; !given {
			n.fields[key] = value
		}
	}
	parts := append(strings.Split(n.id, "."), "", "", "")
	set("resourceType", n.kind.resource)
	set("tags", []any{})
	set("packageName", parts[1])
	name := parts[2]
	if n.kind.name == "Source" {
		set("sourceName", parts[2])
		name = parts[3]
	}
	set("name", name)
	set("alias", n.fields["name"])
	set("identifier", n.fields["alias"])
	fqn := []any{}
	for _, part := range parts[1 : len(parts)-3] {
		fqn = append(fqn, part)
	}
	set("fqn", fqn)
	if n.kind.name == "Test" {
		set("testType", n.testType())
	}
	if catalog, ok := n.fields["catalog"].(map[string]any); ok {
		for key, value := range map[string]any{"uniqueId": n.id, "environmentId": environmentID} {
			if catalog[key] == nil {
				catalog[key] = value
			}
		}
	}
}

func (n *node) testType() string {
	switch {
	case n.fields["resourceType"] == "unit_test" || strings.HasPrefix(n.id, "unit_test."):
		return "UNIT_TEST"
	case n.fields["testMetadata"] != nil:
		return "GENERIC_DATA_TEST"
	}
	return "SINGULAR_DATA_TEST"
}

// The two states of an environment.
const (
	stateApplied    = "applied"
	stateDefinition = "definition"
)

// layer is the nodes of one state, with what follows from their edges.
type layer struct {
	nodes    []*node
	byID     map[string]*node
	byKind   map[string][]*node
	children map[string][]*node
}

// layer is the nodes of that state.
func (m *metadata) layer(state string) *layer {
	if m == nil {
		return &layer{}
	}
	if known := m.layers[state]; known != nil {
		return known
	}
	l := &layer{byID: map[string]*node{}, byKind: map[string][]*node{}, children: map[string][]*node{}}
	for _, n := range m.nodes {
		if n.state == "" || n.state == state {
			l.nodes, l.byID[n.id] = append(l.nodes, n), n
			l.byKind[n.kind.name] = append(l.byKind[n.kind.name], n)
		}
	}
	for _, n := range l.nodes {
		for _, parent := range n.parents {
			l.children[parent] = append(l.children[parent], n)
		}
	}
	m.layers[state] = l
	return l
}

// parents are those of a node that are in the layer.
func (l *layer) parents(n *node) []*node {
	var out []*node
	for _, id := range n.parents {
		if parent := l.byID[id]; parent != nil {
			out = append(out, parent)
		}
	}
	return out
}

// ancestors are all nodes above one, the nearest first, each once.
func (l *layer) ancestors(n *node) []*node {
	seen := map[string]bool{n.id: true}
	var out []*node
	next := l.parents(n)
	for len(next) > 0 {
		var above []*node
		for _, parent := range next {
			if !seen[parent.id] {
				seen[parent.id] = true
				out = append(out, parent)
				above = append(above, l.parents(parent)...)
			}
		}
		next = above
	}
	return out
}
