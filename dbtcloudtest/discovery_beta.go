package dbtcloudtest

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// SetDiscovery hands over the value of a field of the Discovery API that does not follow from nodes and runs, by its path:
// "performance.mostExecutedModels", "column.lineage", "recommendations.rules", "account.meshProjects", "environment.consumerProjects",
// "environment.adapterType", "applied.recentResourceChanges" and so on; one that does follow ("applied.latestGitSha") is replaced.
// The value is as in GraphQL, for a connection the list of its nodes. The arguments first, after, limit and filter do their work on it.
// A func(args map[string]any) any is asked with the arguments of the field and of what leads to it, whole numbers as int64; it must not
// call the server. The value nil takes away what was handed over.
func (s *Server) SetDiscovery(path string, value any) {
	s.change(func(w *world, _ time.Time) {
		if value == nil {
			delete(w.handed, path)
			return
		}
		tell, ok := value.(func(map[string]any) any)
		if !ok {
			fixed := jsonValue(value)
			tell = func(map[string]any) any { return fixed }
		}
		w.handed[path] = tell
	})
}

// jsonValue is a value of a test as decoded JSON, nil when it cannot be.
func jsonValue(value any) any {
	encoded, err := json.Marshal(value)
	if err != nil {
		return nil
	}
	var out any
	if decodeJSON(encoded, &out) != nil {
		return nil
	}
	return out
}

// handedOver is what a test has handed over for a field, narrowed by the arguments that do the same everywhere.
func (s scope) handedOver(field string, args map[string]any) (any, bool) {
	tell := s.w.handed[s.name+"."+field]
	if tell == nil {
		return nil, false
	}
	all := maps.Clone(s.args)
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, args)
	value := jsonValue(tell(all))
	items, ok := value.([]any)
	if !ok {
		return value, true
	}
	if filter, ok := args["filter"].(map[string]any); ok {
		items = slices.DeleteFunc(items, func(item any) bool {
			return !passes(filter, func(name string) any { return dig(item, filterPath("", name)) })
		})
	}
	if limit, ok := args["limit"].(int64); ok {
		items = items[:min(len(items), int(max(limit, 0)))]
	}
	return items, true
}

// part is a root of the API that knows nothing by itself but what the test hands over.
func (x *execution) part(name string, fields map[string]resolver) resolver {
	return func(args map[string]any) (any, error) {
		if id, asked := args["environmentId"]; asked && x.w.openEnvironment(integer(id)) == nil {
			return nil, noEnvironment(integer(id))
		}
		if id, asked := args["id"]; asked && integer(id) != x.w.cfg.account {
			return nil, nil
		}
		return scope{w: x.w, name: name, args: args, fields: fields}, nil
	}
}

// publicModels are the public models of every environment that the token may see.
func (x *execution) publicModels(args map[string]any) (any, error) {
	rows := []any{}
	for _, id := range slices.Sorted(maps.Keys(x.w.metadata)) {
		e := x.w.openEnvironment(id)
		m, err := x.metadata(id)
		if err != nil {
			return nil, err
		}
		if e == nil {
			continue
		}
		p := x.w.lookAt(e, m.layer(stateApplied), x.c.now)
		public, err := p.filtered(publicOnly(p.layer.byKind["Model"]), args["filter"])
		if err != nil {
			return nil, err
		}
		rows = append(rows, public...)
	}
	return rows, nil
}

func publicOnly(nodes []*node) []*node {
	return slices.DeleteFunc(slices.Clone(nodes), func(n *node) bool {
		return n.kind.name != "ExternalModel" && n.fields["access"] != "public"
	})
}

// search looks for a text, whatever its case, in the fields of the nodes; the first field that has it counts.
func (p *place) search(args map[string]any) (any, error) {
	filter, _ := args["filter"].(map[string]any)
	filter = maps.Clone(filter)
	wanted, fields := strings.ToLower(text(filter["query"])), asList(filter["fields"])
	delete(filter, "query")
	delete(filter, "fields")
	rows, err := p.filtered(p.layer.nodes, filter)
	out := []any{}
	for _, row := range rows {
		if v, ok := row.(view); ok {
			if matched, highlight, ok := v.match(wanted, fields); ok {
				out = append(out, record{"hit": v, "matchedField": matched, "highlight": highlight})
			}
		}
	}
	return out, err
}

// match is the first of the fields, or of all, that contains the text, and what contains it.
func (v view) match(wanted string, fields []any) (matched, highlight string, ok bool) {
	for _, place := range []struct {
		name string
		path []string
	}{
		{"name", []string{"name"}}, {"description", []string{"description"}}, {"column", []string{"catalog", "columns", "name"}},
		{"code", []string{"rawCode"}}, {"relation", []string{"relationName"}},
	} {
		if len(fields) > 0 && !slices.Contains(fields, any(place.name)) {
			continue
		}
		for _, value := range asList(v.at(place.path...)) {
			if found := text(value); strings.Contains(strings.ToLower(found), wanted) && found != "" {
				return place.name, found, true
			}
		}
	}
	return "", "", false
}
