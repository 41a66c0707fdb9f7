package dbtcloudtest

import (
	"fmt"
	"slices"
	"strings"
)

// scope is a part of the API that is not a node, such as environment or applied: fields that are functions of their arguments.
type scope struct {
	w      *world
	name   string
	args   map[string]any // of the fields that lead here
	fields map[string]resolver
}

type resolver func(args map[string]any) (any, error)

func (s scope) kind() string { return "" }

func (s scope) value(field string, args map[string]any) (any, error) {
	if value, ok := s.handedOver(field, args); ok {
		return value, nil
	}
	if resolve, ok := s.fields[field]; ok {
		return resolve(args)
	}
	return nil, nil
}

// constant is a resolver of a value that is known already.
func constant(value any) resolver { return func(map[string]any) (any, error) { return value, nil } }

// root is what an operation starts from.
func (x *execution) root() object {
	return scope{w: x.w, fields: map[string]resolver{
		"environment":     x.environment,
		"job":             x.job,
		"account":         x.part("account", map[string]resolver{"publicModels": x.publicModels}),
		"column":          x.part("column", nil),
		"performance":     x.part("performance", nil),
		"recommendations": x.part("recommendations", nil),
	}}
}

func (x *execution) environment(args map[string]any) (any, error) {
	id := integer(args["id"])
	e := x.w.openEnvironment(id)
	if e == nil {
		return nil, noEnvironment(id)
	}
	m, err := x.metadata(id)
	if err != nil {
		return nil, err
	}
	fields := map[string]resolver{"dbtProjectName": constant(x.projectName(e, m))}
	for _, state := range []string{stateApplied, stateDefinition} {
		fields[state] = func(map[string]any) (any, error) {
			if state == stateApplied && x.c.trick.nullApplied {
				return nil, nil
			}
			if s, ok := x.state(e, m, state, args); ok {
				return s, nil
			}
			return nil, nil
		}
	}
	return scope{w: x.w, name: "environment", args: args, fields: fields}, nil
}

func noEnvironment(id int64) error {
	return graphqlError(codeNotFound, fmt.Sprintf("Environment %d not found", id))
}

// metadata is what was handed over for an environment, nil for nothing; the error tells of a node that cannot be used.
func (x *execution) metadata(environmentID int64) (*metadata, error) {
	m := x.w.metadata[environmentID]
	if m != nil && m.problem != nil {
		return nil, graphqlError(codeInternal, m.problem.Error())
	}
	return m, nil
}

// projectName is the dbt project's name: the package of the first model, else the name of the project.
func (x *execution) projectName(e *resource, m *metadata) any {
	if models := m.layer(stateApplied).byKind["Model"]; len(models) > 0 {
		return models[0].fields["packageName"]
	}
	if p := x.w.projects[e.projectID()]; p != nil {
		return p.name()
	}
	return nil
}

// state is an environment's applied or definition state; there is none where nothing ever ran.
func (x *execution) state(e *resource, m *metadata, state string, args map[string]any) (scope, bool) {
	p := x.w.lookAt(e, m.layer(state), x.c.now)
	if (m == nil || len(m.nodes) == 0) && p.latest == nil {
		return scope{}, false
	}
	fields := map[string]resolver{
		"lastUpdatedAt":       constant(p.updated(m)),
		"latestGitSha":        constant(p.sha()),
		"lineage":             p.lineageOf,
		"owners":              p.owners,
		"packages":            p.packages,
		"resourceCounts":      p.counts,
		"resources":           p.resources,
		"tags":                p.tags,
		"exposureTile":        p.exposureTile,
		"searchResults":       p.search,
		"modelHistoricalRuns": p.history,
	}
	for _, kind := range nodeKinds() {
		fields[kind.list] = func(args map[string]any) (any, error) { return p.list(kind.name, args) }
	}
	return scope{w: x.w, name: state, args: args, fields: fields}, true
}

// list is the nodes of one kind.
func (p *place) list(kind string, args map[string]any) (any, error) {
	rows, err := p.filtered(p.layer.byKind[kind], args["filter"])
	if err != nil {
		return nil, err
	}
	if order, ok := args["sort"].(map[string]any); ok {
		sortRows(rows, order)
	}
	return rows, nil
}

// resources is the nodes of several kinds.
func (p *place) resources(args map[string]any) (any, error) {
	return p.filtered(p.layer.nodes, args["filter"])
}

// lineageOf is the nodes of the graph, all of those that have a place in one.
func (p *place) lineageOf(args map[string]any) (any, error) {
	inGraph := *p
	inGraph.lineage = true
	nodes := slices.DeleteFunc(slices.Clone(p.layer.nodes), func(n *node) bool {
		return n.kind.name == "Group" || n.kind.name == "ExternalModel"
	})
	return inGraph.filtered(nodes, args["filter"])
}

// owners is who owns exposures or groups, each once.
func (p *place) owners(args map[string]any) (any, error) {
	kind := map[any]string{"exposure": "Exposure", "group": "Group"}[args["resource"]]
	seen, out := map[[2]string]bool{}, []any{}
	for _, n := range p.layer.byKind[kind] {
		owner := [2]string{text(n.fields["ownerName"]), text(n.fields["ownerEmail"])}
		if owner != [2]string{} && !seen[owner] {
			seen[owner] = true
			out = append(out, record{"name": owner[0], "email": owner[1]})
		}
	}
	return out, nil
}

func (p *place) packages(args map[string]any) (any, error) {
	kind := map[any]string{"macro": "Macro", "model": "Model"}[args["resource"]]
	var names []string
	for _, n := range p.layer.byKind[kind] {
		names = append(names, text(n.fields["packageName"]))
	}
	return sortedTexts(names), nil
}

func (p *place) tags(map[string]any) (any, error) {
	var names []string
	for _, n := range p.layer.nodes {
		for _, tag := range asList(n.fields["tags"]) {
			names = append(names, text(tag))
		}
	}
	out := []any{}
	for _, name := range sortedTexts(names) {
		out = append(out, record{"name": name})
	}
	return out, nil
}

// counts is how many nodes of each kind there are, by dbt's name of the kind.
func (p *place) counts(map[string]any) (any, error) {
	out := map[string]any{}
	for _, kind := range nodeKinds() {
		if kind.list != "" {
			out[kind.resource] = len(p.layer.byKind[kind.name])
		}
	}
	return out, nil
}

func (p *place) updated(m *metadata) any {
	switch {
	case p.latest != nil && (m == nil || p.latest.versions.last().finished.After(m.updated)):
		return moment(p.latest.versions.last().finished)
	case m != nil:
		return moment(m.updated)
	}
	return nil
}

func (p *place) sha() any {
	if p.latest == nil || p.latest.trigger.sha == "" {
		return nil
	}
	return p.latest.trigger.sha
}

// exposureTile is the exposure that all members of the filter name.
func (p *place) exposureTile(args map[string]any) (any, error) {
	filter, _ := args["filter"].(map[string]any)
	return p.first("Exposure", filter)
}

// lower writes the first letter small: the name of a field that gives one node of a kind.
func lower(name string) string { return strings.ToLower(name[:1]) + name[1:] }
