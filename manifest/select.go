package manifest

import (
	"fmt"
	"slices"
	"strings"
)

// Command is the command of dbt that a selection is for: it keeps the resources that it can do something with.
type Command string

// The commands. List keeps analyses too, as with --resource-type all.
const (
	List     Command = "ls"
	Build    Command = "build"
	Run      Command = "run"
	Test     Command = "test"
	Clone    Command = "clone"
	Seed     Command = "seed"
	Snapshot Command = "snapshot"
	Compile  Command = "compile"
)

// resourceTypes returns what a command keeps.
func (c Command) resourceTypes() ([]string, error) {
	switch c {
	case List, "list", "":
		return []string{
			"model", "snapshot", "seed", "test", "source", "exposure", "metric", "saved_query", "semantic_model", "unit_test", "function", "analysis",
		}, nil
	case Build:
		return []string{"model", "snapshot", "seed", "test", "unit_test", "saved_query", "function"}, nil
	case Run:
		return []string{"model"}, nil
	case Test:
		return []string{"test", "unit_test"}, nil
	case Clone:
		return []string{"model", "seed", "snapshot"}, nil
	case Seed, Snapshot:
		return []string{string(c)}, nil
	case Compile:
		return []string{"model", "test", "snapshot", "analysis", "operation", "seed", "function"}, nil
	}
	known := []string{string(List), string(Build), string(Run), string(Test), string(Clone), string(Seed), string(Snapshot), string(Compile)}
	return nil, &QueryError{Field: "Command", Value: string(c), Known: known}
}

// Query says what to select. The zero value is what `dbt ls` lists without arguments.
type Query struct {
	// Select and Exclude are what stands behind --select and --exclude, such as "state:modified+ tag:nightly". Without
	// either of them the YAML selector that is the default counts, if the manifest has one.
	Select, Exclude []string
	Selector        string   // the name of a YAML selector of the manifest, in place of Select and Exclude
	Indirect        Indirect // empty is [Eager]
	Command         Command  // empty is [List]

	State      *Comparison // for state:, a comparison of this manifest with an older one
	Results    *RunResults // for result:, those of the state to compare with
	OldSources *Sources    // for source_status:, sources.json of the state to compare with
	NewSources *Sources    // for source_status:, the sources.json of now
}

// QueryError says that a [Query] is none, apart from its selectors.
type QueryError struct {
	Field string   // of Query
	Value string   // what it is
	Known []string // what it could be; empty if Value is not one of several
}

// Error says in one line what is wrong, and what may have been meant.
func (e *QueryError) Error() string {
	if len(e.Known) == 0 {
		return fmt.Sprintf("manifest: cannot select: %s %s", e.Field, clip(e.Value))
	}
	nearest := suggest(e.Value, e.Known, func(name string) string { return name })
	return fmt.Sprintf("manifest: cannot select: unknown %s %q, there are %s%s", e.Field, clip(e.Value), clip(strings.Join(e.Known, ", ")), didYouMean(nearest))
}

// Selection is what a query selects.
type Selection struct {
	IDs      []string  // sorted
	Selector string    // the YAML selector that was used, if one was
	Warnings []Warning // what dbt would warn of, in its order
}

// Select returns what dbt-core 1.12 would select. The error is a [*SelectorError] or a [*QueryError] for what cannot be
// right, a [*ContractError] where dbt refuses what changed, and a [*CycleError] for a manifest that is none. What matches
// nothing is a warning.
func (m *Manifest) Select(q Query) (*Selection, error) {
	s := &selecting{manifest: m, query: q, answered: map[string]set{}, warned: map[string]bool{}}
	types, err := q.Command.resourceTypes()
	if err != nil {
		return nil, err
	}
	whole, name, err := s.parse()
	if err != nil {
		return nil, err
	}
	if s.graph, err = newGraph(m); err != nil {
		return nil, err
	}
	s.kept = s.graph.where(func(n *Node) bool {
		return slices.Contains(types, n.ResourceType) && (q.Command.lists() || !n.empty())
	})
	selected, err := s.selected(whole)
	if err != nil {
		return nil, err
	}
	out := &Selection{Selector: name, Warnings: s.warnings}
	for i := range selected.all() {
		out.IDs = append(out.IDs, s.graph.nodes[i].UniqueID)
	}
	if len(out.IDs) == 0 {
		out.Warnings = append(out.Warnings, Warning{Event: "NoNodesSelected", Message: "No nodes selected!"})
	}
	return out, nil
}

// lists reports whether the command keeps what has no code.
func (c Command) lists() bool { return c == List || c == "list" || c == "" }

// empty reports whether dbt has nothing to execute for a node.
func (n *Node) empty() bool { return n.Code.Blank && n.inNodes() && n.ResourceType != "seed" }

// inNodes reports whether a node is of the section "nodes" of manifest.json.
func (n *Node) inNodes() bool {
	switch n.ResourceType {
	case "source", "exposure", "metric", "semantic_model", "saved_query", "unit_test", "function":
		return false
	}
	return true
}

// selecting is one query at work.
type selecting struct {
	manifest *Manifest
	query    Query
	graph    *graph
	kept     set            // what the command keeps
	asking   []string       // the YAML selectors that are being looked up
	answered map[string]set // those that have been: many others may refer to one
	warnings []Warning
	warned   map[string]bool // the state: selectors whose warnings are among them
}

// parse returns the selector of the query, and its name if it is one of the YAML selectors.
func (s *selecting) parse() (*spec, string, error) {
	q := &s.query
	if q.State != nil && q.State.New != s.manifest {
		return nil, "", &QueryError{Field: "State", Value: "is the comparison of another manifest: its New must be the one to select from"}
	}
	mode, err := q.Indirect.mode()
	if err != nil {
		return nil, "", err
	}
	name, asked := q.Selector, len(q.Select) > 0 || len(q.Exclude) > 0
	switch {
	case name != "" && asked:
		return nil, "", &QueryError{Field: "Selector", Value: fmt.Sprintf("%q stands beside Select or Exclude, and takes their place: give one of them", name)}
	case name != "" && s.manifest.Selectors[name] == nil:
		return nil, "", &QueryError{Field: "Selector", Value: name, Known: s.manifest.selectorNames()}
	case name == "" && !asked:
		name = s.manifest.defaultSelector()
	}
	if name != "" {
		parsed, err := s.parseNamed(name)
		return parsed, name, err
	}
	include := everything()
	if len(q.Select) > 0 {
		include = q.Select
	}
	included, err := parseArguments(include, mode, len(q.Select) > 0)
	if err != nil {
		return nil, "", err
	}
	excluded, err := parseArguments(q.Exclude, mode, true)
	if err != nil {
		return nil, "", err
	}
	return &spec{op: difference, parts: []*spec{included, excluded}, indirect: Eager}, "", nil
}

// selected evaluates a selector and keeps what the command keeps.
func (s *selecting) selected(sp *spec) (set, error) {
	direct, _, err := s.evaluate(sp)
	if err != nil {
		return nil, err
	}
	return direct.and(s.kept), nil
}

// evaluate returns what a selector selects, and the tests that come in if more of their parents do.
func (s *selecting) evaluate(sp *spec) (direct, indirect set, err error) {
	if sp.op == leaf {
		return s.evaluateTerm(sp.term)
	}
	for i, part := range sp.parts {
		d, more, err := s.evaluate(part)
		if err != nil {
			return nil, nil, err
		}
		more = more.or(d)
		switch {
		case i == 0:
			direct, indirect = d, more
		case sp.op == union:
			direct, indirect = direct.or(d), indirect.or(more)
		case sp.op == intersection:
			direct, indirect = direct.and(d), indirect.and(more)
		case sp.op == difference:
			direct, indirect = direct.minus(d), indirect.minus(more)
		}
	}
	if len(sp.parts) == 0 {
		direct, indirect = s.graph.none(), s.graph.none()
	}
	direct = s.graph.reconsider(direct, indirect, sp.indirect)
	if sp.expected && direct.empty() {
		s.warn(sp)
	}
	return direct, indirect, nil
}

func (s *selecting) evaluateTerm(t *term) (direct, indirect set, err error) {
	found, err := s.find(t)
	if err != nil {
		return nil, nil, err
	}
	selected := slices.Clone(found)
	if t.childrenParents {
		below := s.graph.descendants(found, unlimited).or(found)
		selected.or(s.graph.ancestors(below, unlimited)).or(below)
	}
	if t.parents {
		selected.or(s.graph.ancestors(found, t.parentsDepth))
	}
	if t.children {
		selected.or(s.graph.descendants(found, t.childrenDepth))
	}
	if t.method == "selector" { // it has its tests already, and has left out what it excludes
		return selected, s.graph.none(), nil
	}
	direct, indirect = s.graph.expand(selected, t.indirect)
	return direct, indirect, nil
}

// warn says that a selector matches nothing, as dbt does, and what may have been meant.
func (s *selecting) warn(sp *spec) {
	var meant []string
	for _, part := range sp.parts {
		if part.op == leaf && part.term.meant() != "" {
			meant = append(meant, part.term.meant())
		}
	}
	s.warnings = append(s.warnings, Warning{
		Event:   "NoNodesForSelectionCriteria",
		Message: fmt.Sprintf("The selection criterion '%s' does not match any enabled nodes%s", clip(sp.raw), didYouMean(meant)),
	})
}
