package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// anyText is every text that is asked for or answered, so that what was looked for is what is found.
const anyText = "model.p.m"

// oracle is a round tripper that judges every question, and answers it with a value for everything that was asked: one
// item in a list, or one of every type where an item can have several.
type oracle struct {
	graph *graph
	fake  *dbtcloudtest.Server // is asked as well, to see whether it takes what the SDK sends; nil: it is not

	mu    sync.Mutex
	asked []*question
}

func (o *oracle) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := drain(r.Body)
	if err != nil {
		return nil, err
	}
	q := o.graph.judge(r.URL.Path, body)
	if _, second := q.Variables["after"]; o.fake != nil && len(q.wrong) == 0 && !second { // whose cursor is not the fake's
		q.askFake(r, o.fake, o.graph, body)
	}
	o.mu.Lock()
	o.asked = append(o.asked, q)
	o.mu.Unlock()
	status, answer := http.StatusOK, map[string]any{"data": nil}
	if len(q.wrong) == 0 {
		_, second := q.Variables["after"]
		answer["data"] = answerer{graph: o.graph, second: second}.object("Query", q.query.Operations[0].SelectionSet)
	} else {
		status, answer = http.StatusBadRequest, map[string]any{"errors": []any{map[string]any{"message": strings.Join(q.wrong, "; ")}}}
	}
	raw, err := json.Marshal(answer)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(raw)), Request: r}, nil
}

// askFake asks the fake too, and notes what is wrong with its answer.
func (q *question) askFake(r *http.Request, fake *dbtcloudtest.Server, g *graph, body []byte) {
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	res, err := fake.Transport().RoundTrip(r)
	if err != nil {
		q.departs("%v", err)
		return
	}
	raw, err := drain(res.Body)
	var answer struct {
		Data   any
		Errors []any
	}
	if err = errors.Join(err, decode(raw, &answer)); err != nil || res.StatusCode != http.StatusOK || len(answer.Errors) > 0 {
		q.departs("answers %d %s: %v", res.StatusCode, raw, err)
		return
	}
	for _, misfit := range g.misfits(q.query, answer.Data) {
		q.departs("answers %s", misfit)
	}
}

// take returns what was asked since it was last called.
func (o *oracle) take() []*question {
	o.mu.Lock()
	defer o.mu.Unlock()
	asked := o.asked
	o.asked = nil
	return asked
}

// answerer makes up what a question wants. Of a list there are two pages, and none after the second.
type answerer struct {
	*graph
	second bool // the page
	kind   int  // which of the types of an item that can have several
}

// object answers what the selections want of an object of that type.
func (a answerer) object(typeName string, sets ...ast.SelectionSet) map[string]any {
	wanted := map[string][]*ast.Field{}
	for _, set := range sets {
		a.collect(wanted, typeName, set)
	}
	out := map[string]any{}
	for key, fields := range wanted {
		var below []ast.SelectionSet
		for _, f := range fields {
			below = append(below, f.SelectionSet)
		}
		out[key] = a.field(typeName, fields[0], below)
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
			if slices.Contains(g.objects(s.TypeCondition), typeName) {
				g.collect(wanted, typeName, s.SelectionSet)
			}
		case *ast.FragmentSpread:
			if slices.Contains(g.objects(s.Definition.TypeCondition), typeName) {
				g.collect(wanted, typeName, s.Definition.SelectionSet)
			}
		}
	}
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

func (a answerer) field(typeName string, f *ast.Field, below []ast.SelectionSet) any {
	def, list := a.Types[f.Definition.Type.Name()], f.Definition.Type.Elem != nil
	switch node := def.Fields.ForName("node"); {
	case f.Name == "__typename":
		return typeName
	case f.Name == "hasNextPage":
		return !a.second
	case !def.IsCompositeType() && list:
		return []any{plain(typeName, f.Name, def)}
	case !def.IsCompositeType():
		return plain(typeName, f.Name, def)
	case typeName == "JobNode" && list && a.second:
		return []any{}
	case list && node != nil: // the edges
		return a.each(def.Name, len(a.objects(node.Type.Name())), below)
	case list:
		return a.each(def.Name, len(a.objects(def.Name)), below)
	default:
		return a.one(def.Name, below)
	}
}

// each answers an object of every kind that there is.
func (a answerer) each(typeName string, kinds int, below []ast.SelectionSet) []any {
	var out []any
	for a.kind = range kinds {
		out = append(out, a.one(typeName, below))
	}
	return out
}

func (a answerer) one(typeName string, below []ast.SelectionSet) map[string]any {
	names := a.objects(typeName)
	return a.object(names[a.kind%len(names)], below...)
}

// plain is a value of a field which is not its zero.
func plain(typeName, name string, def *ast.Definition) any {
	switch {
	case def.Kind == ast.Enum:
		return def.EnumValues[0].Name
	case name == "uniqueId" && !strings.HasPrefix(typeName, "Model"): // no two of a mixed list are the same
		return typeName
	case name == "resourceType":
		return "model"
	case def.Name == "String" && strings.HasSuffix(strings.ToLower(name), "status"):
		return "success"
	}
	values := map[string]any{
		"String": anyText, "Boolean": true, "Int": 3, "BigInt": 7, "Float": 1.5, "Date": "2026-01-02", "DateTime": "2026-01-02T03:04:05Z",
		"JSONObject": map[string]any{"key": "value"}, "AnyScalar": "value",
	}
	return values[def.Name]
}
