package contract

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/slimci/dbtcloud"
)

// call is an exported method of a service of the Discovery API, which reflection finds, so that none is forgotten.
type call struct {
	name string // such as "MetadataService.Models"
	fn   reflect.Value
}

// notCalled are the methods that ask nothing of their own, and why.
func notCalled() map[string]string {
	const raw, nothing = "its caller writes the document", "it asks nothing"
	return map[string]string{
		"MetadataBeta.Query": raw, "MetadataBeta.QueryAll": raw, "MetadataService.Query": raw,
		"MetadataService.Beta": nothing, "MetadataService.Job": nothing, "MetadataService.PausedUntil": nothing,
	}
}

// calls are the methods of the services on a client, but for those that ask nothing of their own.
func calls(client *dbtcloud.Client) []call {
	var out []call
	for _, service := range []any{client.Metadata, client.Metadata.Beta(), client.Metadata.Job(7, 7)} {
		v := reflect.ValueOf(service)
		for method, fn := range v.Methods() {
			if name := v.Type().Elem().Name() + "." + method.Name; notCalled()[name] == "" {
				out = append(out, call{name, fn})
			}
		}
	}
	return out
}

const oracleToken = "token"

// asker is a client of an oracle.
func asker(t *testing.T, g *graph) (*dbtcloud.Client, *oracle) {
	t.Helper()
	o := &oracle{graph: g}
	client, err := dbtcloud.New(dbtcloud.WithToken(oracleToken), dbtcloud.WithAccount(1), dbtcloud.WithHTTPClient(&http.Client{Transport: o}))
	if err != nil {
		t.Fatal(err)
	}
	return client, o
}

// takesOptions reports whether the method has field paths and the like.
func (c call) takesOptions() bool {
	t := c.fn.Type()
	return t.IsVariadic() && t.In(t.NumIn()-1).Elem() == reflect.TypeFor[dbtcloud.QueryOption]()
}

// do calls the method, with nothing left out of its arguments or with only what it needs, and returns what it gives.
func (c call) do(ctx context.Context, fill filler, opts ...dbtcloud.QueryOption) ([]any, error) {
	t := c.fn.Type()
	args := []reflect.Value{reflect.ValueOf(ctx)}
	for i := 1; i < t.NumIn(); i++ {
		switch in := t.In(i); {
		case !t.IsVariadic() || i < t.NumIn()-1:
			args = append(args, fill.value(in, in.Name()))
		case in.Elem() != reflect.TypeFor[dbtcloud.QueryOption]() && fill.all:
			args = append(args, fill.value(in.Elem(), in.Elem().Name()))
		}
	}
	if c.takesOptions() {
		for _, opt := range opts {
			args = append(args, reflect.ValueOf(opt))
		}
	}
	out := c.fn.Call(args)
	if out[0].Kind() == reflect.Func {
		return drainSequence(out[0])
	}
	if err, failed := reflect.TypeAssert[error](out[len(out)-1]); failed {
		return nil, err
	}
	if len(out) == 1 { // nothing but an error
		return []any{nil}, nil
	}
	if graph, ok := reflect.TypeAssert[*dbtcloud.Graph](out[0]); ok {
		out[0] = reflect.ValueOf(graph.Nodes())
	}
	if out[0].Kind() != reflect.Slice {
		return []any{out[0].Interface()}, nil
	}
	var items []any
	for _, item := range out[0].Seq2() {
		items = append(items, item.Interface())
	}
	return items, nil
}

func drainSequence(seq reflect.Value) ([]any, error) {
	var items []any
	for item, failure := range seq.Seq2() {
		if err, failed := reflect.TypeAssert[error](failure); failed {
			return items, err
		}
		items = append(items, item.Interface())
	}
	return items, nil
}

// item is the type of what the method gives one of.
func (c call) item() reflect.Type {
	t := c.fn.Type().Out(0)
	if t.Kind() == reflect.Func { // a sequence
		t = t.In(0).In(0)
	}
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t == reflect.TypeFor[dbtcloud.Graph]() {
		return reflect.TypeFor[dbtcloud.LineageNode]()
	}
	return t
}

// filler makes arguments. What a call cannot do without is always there, the rest only when all is set.
type filler struct {
	all       bool
	constants map[string]map[string]bool // of the text types of the SDK
	use       map[string]string          // by type: another constant than the usual
}

// needed are the members of filters that a call cannot do without.
func needed() []string {
	return []string{"ResourceFilter.Types", "ResourceDefinitionFilter.Types", "SearchFilter.Query", "ExposureTileFilter.UniqueID"}
}

func (f filler) value(t reflect.Type, name string) reflect.Value {
	v := reflect.New(t).Elem()
	switch t.Kind() {
	case reflect.String:
		v.SetString(f.text(t.Name()))
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Bool:
		v.SetBool(f.all)
	case reflect.Slice:
		v = reflect.Append(v, f.value(t.Elem(), name))
	case reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		v.Elem().Set(f.value(t.Elem(), name))
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			return reflect.ValueOf(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
		}
		for field := range t.Fields() {
			if f.all || field.Type == reflect.TypeFor[time.Time]() || slices.Contains(needed(), t.Name()+"."+field.Name) {
				v.FieldByIndex(field.Index).Set(f.value(field.Type, field.Name))
			}
		}
	}
	return v
}

// text is a value of a text type: one that is there for models where there are several kinds.
func (f filler) text(typeName string) string {
	values := f.constants[typeName]
	switch {
	case f.use[typeName] != "":
		return f.use[typeName]
	case len(values) == 0:
		return anyText
	case values["Model"]:
		return "Model"
	default:
		var all []string
		for value := range values {
			all = append(all, value)
		}
		return slices.Min(all)
	}
}

// node is the type of what a question wants a list of.
func (q *question) node() string {
	set := q.query.Operations[0].SelectionSet
	for {
		f := firstObject(set)
		name := f.Definition.Type.Name()
		inside := []string{"Environment", "AppliedState", "DefinitionState", "JobNode"}
		if !slices.Contains(inside, name) && !strings.HasSuffix(name, "Connection") && !strings.HasSuffix(name, "Edge") {
			return name
		}
		set = f.SelectionSet
	}
}

func firstObject(set ast.SelectionSet) *ast.Field {
	for _, s := range set {
		if f, ok := s.(*ast.Field); ok && len(f.SelectionSet) > 0 {
			return f
		}
	}
	return nil
}
