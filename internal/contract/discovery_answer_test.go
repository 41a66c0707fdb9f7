package contract

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/slimci/dbtcloud/internal/discovery"
)

// anyText is every text that is asked for or answered, so that what was looked for is what is found.
const anyText = "model.p.m"

// oracle is a round tripper that judges every question, and answers it with a value for everything that was asked: one
// item in a list, or one of every type where an item can have several.
type oracle struct {
	graph *graph

	mu    sync.Mutex
	asked []*question
}

func (o *oracle) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := drain(r.Body)
	if err != nil {
		return nil, err
	}
	q := o.graph.judge(r.URL.Path, body)
	o.mu.Lock()
	o.asked = append(o.asked, q)
	o.mu.Unlock()
	status, answer := http.StatusOK, map[string]any{"data": nil}
	if len(q.wrong) == 0 {
		answer["data"] = o.graph.object("Query", q.query.Operations[0].SelectionSet)
	} else {
		status, answer = http.StatusBadRequest, map[string]any{"errors": []any{map[string]any{"message": strings.Join(q.wrong, "; ")}}}
	}
	raw, err := json.Marshal(answer)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(raw)), Request: r}, nil
}

// take returns what was asked since it was last called.
func (o *oracle) take() []*question {
	o.mu.Lock()
	defer o.mu.Unlock()
	asked := o.asked
	o.asked = nil
	return asked
}

// object answers what the selections want of an object of that type.
func (g *graph) object(typeName string, sets ...ast.SelectionSet) map[string]any {
	wanted := map[string][]*ast.Field{}
	for _, set := range sets {
		g.collect(wanted, typeName, set)
	}
	out := map[string]any{}
	for key, fields := range wanted {
		var below []ast.SelectionSet
		for _, f := range fields {
			below = append(below, f.SelectionSet)
		}
		out[key] = g.answer(typeName, fields[0], below)
	}
	return out
}

// collect gathers the fields that an object of that type has, by their names in the answer.
func (g *graph) collect(wanted map[string][]*ast.Field, typeName string, set ast.SelectionSet) {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			wanted[s.Alias] = append(wanted[s.Alias], s)
		case *ast.InlineFragment:
			if g.is(typeName, s.TypeCondition) {
				g.collect(wanted, typeName, s.SelectionSet)
			}
		case *ast.FragmentSpread:
			if g.is(typeName, s.Definition.TypeCondition) {
				g.collect(wanted, typeName, s.Definition.SelectionSet)
			}
		}
	}
}

// is reports whether an object of the type is of the other type as well.
func (g *graph) is(typeName, other string) bool {
	return slices.Contains(g.objects(other), typeName)
}

// objects are the types that something of a type can have.
func (g *graph) objects(typeName string) []string {
	var names []string
	for _, def := range g.GetPossibleTypes(g.Types[typeName]) {
		names = append(names, def.Name)
	}
	slices.Sort(names)
	return names
}

func (g *graph) answer(typeName string, f *ast.Field, below []ast.SelectionSet) any {
	if f.Name == "__typename" {
		return typeName
	}
	def := g.Types[f.Definition.Type.Name()]
	var items []any
	switch {
	case !def.IsCompositeType():
		items = []any{plain(f.Name, def)}
	default:
		for _, name := range g.objects(def.Name) {
			items = append(items, g.object(name, below...))
		}
	}
	if f.Definition.Type.Elem != nil {
		return items
	}
	return items[0]
}

// plain is a value of that type which is not its zero.
func plain(name string, def *ast.Definition) any {
	switch {
	case def.Kind == ast.Enum:
		return def.EnumValues[0].Name
	case strings.HasPrefix(name, "has"): // another page
		return false
	case name == "resourceType":
		return "model"
	case strings.HasSuffix(name, "Status") || name == "status":
		return "success"
	}
	values := map[string]any{
		"String": anyText, "Boolean": true, "Int": 3, "BigInt": 7, "Float": 1.5, "Date": "2026-01-02", "DateTime": "2026-01-02T03:04:05Z",
		"JSONObject": map[string]any{"key": "value"}, "AnyScalar": "value",
	}
	return values[def.Name]
}

// paths are the dotted names of everything below a type that Fields takes and that is not of the beta endpoint. A path
// never has more than depth names, nor comes to a type for the third time. The value says whether it ends at an object.
func (g *graph) paths(typeName string, depth int) map[string]bool {
	out := map[string]bool{}
	g.addPaths(out, "", []string{typeName}, depth)
	return out
}

func (g *graph) addPaths(out map[string]bool, prefix string, trail []string, depth int) {
	here := trail[len(trail)-1]
	for _, f := range g.fieldsOf(here) {
		below := f.Type.Name()
		composite := g.Types[below].IsCompositeType()
		out[prefix+f.Name] = composite
		visits := len(slices.DeleteFunc(slices.Clone(trail), func(name string) bool { return name != below }))
		if composite && depth > 1 && visits < 2 {
			g.addPaths(out, prefix+f.Name+".", append(slices.Clip(trail), below), depth-1)
		}
	}
}

// fieldsOf are the fields of a type or, of one that stands for several, what any of them has.
func (g *graph) fieldsOf(typeName string) []*ast.FieldDefinition {
	var out []*ast.FieldDefinition
	for _, name := range append([]string{typeName}, g.objects(typeName)...) {
		for _, f := range g.Types[name].Fields {
			known := slices.ContainsFunc(out, func(other *ast.FieldDefinition) bool { return other.Name == f.Name })
			if !known && !strings.HasPrefix(f.Name, "__") && stableField(name, f.Name) {
				out = append(out, f)
			}
		}
	}
	return out
}

func stableField(typeName, name string) bool {
	def := discovery.Beta().Types[typeName].Fields.ForName(name)
	return def != nil && def.Directives.ForName("beta") == nil
}
