package dbtcloud

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	gqlrules "github.com/vektah/gqlparser/v2/validator/rules"
	"pgregory.net/rapid"

	"github.com/slimci/dbtcloud/internal/discovery"
)

const modelNode = "ModelAppliedStateNode"

// TestSelects: what paths become.
func TestSelects(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		typ   string
		paths []string
		want  string
	}{
		{"plain values", modelNode, []string{"name", "tags"}, "{ uniqueId name tags }"},
		{"once", modelNode, []string{"name", "uniqueId", "name"}, "{ uniqueId name }"},
		{"nothing but the id", modelNode, []string{}, "{ uniqueId }"},
		{"nested", modelNode, []string{"executionInfo.lastRunStatus", "name", "executionInfo.lastRunId"}, "{ uniqueId executionInfo { lastRunStatus lastRunId } name }"},
		{"an object is its plain values", "SourceAppliedStateNode", []string{"freshness.criteria.warnAfter"}, "{ uniqueId freshness { criteria { warnAfter { count period } } } }"},
		{"not what is uncertain", modelNode, []string{"catalog.columns"}, "{ uniqueId catalog { columns { comment description index meta name tags type } } }"},
		{"what is uncertain by name", modelNode, []string{"relationName"}, "{ uniqueId relationName }"},
		{"of a list of several types", modelNode, []string{"children.name", "children.__typename"}, "{ uniqueId children { __typename uniqueId name } }"},
		{"what only one of them has", modelNode, []string{"parents.freshness.maxLoadedAt"},
			"{ uniqueId parents { __typename uniqueId ... on SourceAppliedStateNestedNode { freshness { maxLoadedAt } } } }"},
		{"what several have alike", modelNode, []string{"parents.alias"},
			"{ uniqueId parents { __typename uniqueId ... on ModelAppliedStateNestedNode { alias } ... on SeedAppliedStateNestedNode { alias } ... on SnapshotAppliedStateNestedNode { alias } } }"},
		{"what only one of them has below", "EnvironmentAppliedNode", []string{"executionInfo.lastRunSkip"},
			"{ __typename uniqueId ... on SeedAppliedStateNode { executionInfo { lastRunSkip } } }"},
		{"a job's nodes have their cursor", "ModelNode", []string{"name"}, "{ uniqueId paginationCursor name }"},
		{"arguments", modelNode, []string{"ancestors.name"}, "{ uniqueId ancestors(types: $ancestorTypes) { __typename uniqueId name } }"},
		{"ancestors without arguments", "MetricDefinitionNode", []string{"ancestors.name"}, "{ uniqueId ancestors { __typename uniqueId name } }"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			sel, err := selector{schema: discovery.GA()}.selects(test.typ, test.paths)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(strings.Fields(sel.String()), " "); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// TestSelectsAliases: what several types have in different ways is asked for by different
// names, and comes back under its own.
func TestSelectsAliases(t *testing.T) {
	t.Parallel()
	sel, err := selector{schema: discovery.GA()}.selects("EnvironmentAppliedNode", []string{"executionInfo.lastRunStatus"})
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"... on ModelAppliedStateNode { modelAppliedStateNode_executionInfo: executionInfo { lastRunStatus", "... on TestAppliedStateNode { testAppliedStateNode_executionInfo: executionInfo {"} {
		if !strings.Contains(sel.String(), part) {
			t.Errorf("no %q in %s", part, sel)
		}
	}
	for raw, want := range map[string]string{
		`{"uniqueId":"a","modelAppliedStateNode_executionInfo":{"lastRunStatus":"success"}}`: `{"executionInfo":{"lastRunStatus":"success"},"uniqueId":"a"}`,
		`[{"testAppliedStateNode_executionInfo":null}]`:                                      `[{"executionInfo":null}]`,
		`null`:                 `null`,
		` {"uniqueId":"a"} `:   `{"uniqueId":"a"}`,
		`{"executionInfo":{}}`: `{"executionInfo":{}}`,
	} {
		got, err := sel.unalias(json.RawMessage(raw))
		if err != nil || string(got) != want {
			t.Errorf("%s: got %s and %v, want %s", raw, got, err, want)
		}
	}
	if _, err := sel.unalias(json.RawMessage(`"no object"`)); err == nil {
		t.Error("a string is no node")
	}
}

// TestSelectsUnknown: what the schema does not have is sent if the caller says so.
func TestSelectsUnknown(t *testing.T) {
	t.Parallel()
	sel, err := selector{discovery.GA(), true}.selects(modelNode, []string{"tomorrow", "executionInfo.cost.credits", "executionInfo.cost.currency"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(strings.Fields(sel.String()), " "), "{ uniqueId tomorrow executionInfo { cost { credits currency } } }"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestIsName: what UnknownFields sends is a name, and can be nothing else.
func TestIsName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"a": true, "Z": true, "_": true, "__typename": true, "a1": true, "a0_9": true, "aZ": true,
		"": false, "1": false, "0a": false, "9": false, "a b": false, "a-b": false, "a{": false, "a:b": false, "a/": false, "é": false, "aé": false, "a\x00": false, "a\n": false, "$a": false, "a,": false, "\xff": false, "a\x7f": false, "a\u0080": false,
	} {
		if isName(name) != want {
			t.Errorf("%q: %v, want %v", name, !want, want)
		}
	}
}

// TestSelectsRefuses: a path that leads nowhere says what might have been meant.
func TestSelectsRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ typ, path, want string }{
		{"EnvironmentAppliedNode", "executionInfo.nope", `field "executionInfo.nope": `},
		{"EnvironmentAppliedNode", "materializedTyp", "did you mean materializedType?"},
		{modelNode, "x", `has no field "x"; it has access, accountId, alias, `},
		{"EnvironmentAppliedNode", "x", `has no field "x"; it has access, accountId, alias, `},
		{modelNode, strings.Repeat("a.", maxDepth) + "b", "is deeper than 8 names"},
	}
	for _, test := range tests {
		_, err := selector{schema: discovery.GA()}.selects(test.typ, []string{test.path})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s of %s: error %v, want %q", test.path, test.typ, err, test.want)
		}
	}
	if _, err := (selector{discovery.GA(), true}).selects(modelNode, []string{strings.Repeat("a.", maxDepth-1) + "b"}); err != nil {
		t.Errorf("%d names: %v", maxDepth, err)
	}
}

// TestSelectsOfAnotherSchema: what no type of this schema has yet.
func TestSelectsOfAnotherSchema(t *testing.T) {
	t.Parallel()
	schema := gqlparser.MustLoadSchema(&ast.Source{Input: `type Query { n: Node } interface Node { uniqueId: String! }
		type B implements Node { uniqueId: String!, at(zone: String): String, size: Int, parts(kind: String!): Part, pieces(kind: String! = "x", of: Int): Part, executionInfo: Part }
		type A implements Node { uniqueId: String!, size: Int } type Part { name: String, at(zone: String!): String }`})
	for path, want := range map[string]string{
		"size":   "{ __typename uniqueId ... on A { size } ... on B { size } }",
		"pieces": "{ __typename uniqueId ... on B { pieces { name } } }",
		"":       "{ __typename uniqueId ... on B { executionInfo { name } } }",
	} {
		paths := []string{path}
		if path == "" {
			paths = nil
		}
		sel, err := selector{schema: schema}.selects("Node", paths)
		if err != nil || strings.Join(strings.Fields(sel.String()), " ") != want {
			t.Errorf("%q: %v and %v, want %s", path, sel, err, want)
		}
	}
	if sel, err := (selector{schema: schema}).selects("B", nil); err != nil || strings.Join(strings.Fields(sel.String()), " ") != "{ uniqueId size executionInfo { name } }" {
		t.Errorf("defaults: %v and %v", sel, err)
	}
	if _, err := (selector{schema: schema}).selects("B", []string{"parts.name"}); err == nil || !strings.Contains(err.Error(), "parts takes arguments: ask for it with Query") {
		t.Errorf("arguments: %v", err)
	}
}

// TestDefaultsAreBounded: without being asked for, nothing comes that is large, uncertain
// or a list of other nodes.
func TestDefaultsAreBounded(t *testing.T) {
	t.Parallel()
	schema := discovery.GA()
	for _, typ := range schema.Types {
		if typ.IsLeafType() || typ.Fields.ForName("uniqueId") == nil {
			continue
		}
		sel, err := selector{schema: schema}.selects(typ.Name, nil)
		if err != nil {
			t.Errorf("%s: %v", typ.Name, err)
			continue
		}
		for _, f := range sel.fields {
			if heavy(f.name) || f.sub != nil && f.name != "executionInfo" && f.name != "freshness" {
				t.Errorf("%s: %s is among the defaults", typ.Name, f.name)
			}
			if def := typ.Fields.ForName(f.name); def != nil && discovery.Attested(def) != "" && f.name != "paginationCursor" {
				t.Errorf("%s: %s is uncertain", typ.Name, f.name)
			}
		}
	}
}

// TestSelectsProperty: what any paths of the schema become is what the schema takes.
func TestSelectsProperty(t *testing.T) {
	t.Parallel()
	lists := map[string]string{"models": modelNode, "sources": "SourceAppliedStateNode", "tests": "TestAppliedStateNode", "snapshots": "SnapshotAppliedStateNode", "exposures": "ExposureAppliedStateNode", "resources": "EnvironmentAppliedNode"}
	rapid.Check(t, func(t *rapid.T) {
		schema := discovery.GA()
		x := selector{schema: schema}
		list := rapid.SampledFrom(sortedKeys(lists)).Draw(t, "list")
		var paths []string
		for range rapid.IntRange(1, 6).Draw(t, "paths") {
			paths = append(paths, drawPath(t, x, schema.Types[lists[list]]))
		}
		sel, err := x.selects(lists[list], paths)
		if err != nil {
			t.Fatalf("%q: %v", paths, err)
		}
		args := ""
		if list == "resources" {
			args = "(filter: {types: [Model]})"
		}
		text := "query($ancestorTypes: [AncestorNodeType!]! = [Model]) { environment(id: 1) { applied { " + list + args + " { edges { node " + sel.String() + " } } models(first: 1) { edges { node { ancestors(types: $ancestorTypes) { name } } } } } } }"
		if list == "models" {
			text = strings.Replace(text, "models(first: 1)", "more: models(first: 1)", 1)
		}
		if _, err := gqlparser.LoadQueryWithRules(schema, text, gqlrules.NewDefaultRules()); err != nil {
			t.Fatalf("%q becomes %s: %v", paths, text, err)
		}
	})
}

// drawPath draws the path of a field below typ.
func drawPath(t *rapid.T, x selector, typ *ast.Definition) string {
	types := append([]*ast.Definition{typ}, x.possible(typ)...)
	of := rapid.SampledFrom(types).Draw(t, "type")
	names := x.leaves(of)
	for _, f := range of.Fields {
		if x.schema.Types[f.Type.Name()].IsCompositeType() {
			names = append(names, f.Name)
		}
	}
	name := rapid.SampledFrom(names).Draw(t, "field")
	below := x.schema.Types[of.Fields.ForName(name).Type.Name()]
	if !below.IsCompositeType() {
		return name
	}
	if len(x.leaves(below)) > 0 && rapid.Bool().Draw(t, "whole") {
		return name
	}
	return name + "." + drawPath(t, x, below)
}

// TestFits: which Go types take the values of which fields.
func TestFits(t *testing.T) {
	t.Parallel()
	schema := gqlparser.MustLoadSchema(&ast.Source{Input: `scalar BigInt scalar JSONObject scalar AnyScalar scalar DateTime enum E { A } type O { s: String } type Query {
		s: String n: Int big: BigInt f: Float yes: Boolean j: JSONObject any: AnyScalar e: E d: DateTime list: [String!]! o: O os: [O!]! }`})
	type object struct{ S string }
	var (
		texts   = []any{"", new(""), new(new(""))}
		numbers = []any{0, int8(0), int64(0), uint16(0), uint64(0), json.Number(""), new(json.Number(""))}
		reals   = []any{float32(0), 0.0, new(0.0)}
		objects = []any{object{}, new(object), new(new(object)), map[string]any{}, map[string]string{}}
		lists   = []any{[]string{}, [2]string{}, new([]string{}), []*string{}}
		always  = []any{json.RawMessage{}, new(json.RawMessage{}), new(new(json.RawMessage{})), new(any(nil)), new(new(any(nil))), new(error(nil)), Time{}, new(Time), netip.Addr{}}
		never   = []any{func() {}, make(chan int), 1i, uintptr(0)}
	)
	fitting := map[string][][]any{
		"s": {texts}, "e": {texts}, "d": {texts}, "n": {numbers, reals}, "big": {numbers, reals}, "f": {reals, {json.Number(""), new(json.Number(""))}}, "yes": {{true, new(true)}},
		"j": {objects}, "any": {texts, numbers, reals, objects, lists, {true}, never}, "list": {lists, {[]any{}, []json.RawMessage{}}}, "o": {objects},
		"os": {{[]object{}, []*object{}, new([]object{}), []map[string]any{}, []any{}, []json.RawMessage{}, []Time{}}},
	}
	all := slices.Concat(texts, numbers, reals, objects, lists, never, []any{true, []any{}, []json.RawMessage{}, []object{}, []int{}, []bool{}, [][]string{}, []byte{}})
	for _, field := range schema.Query.Fields {
		if strings.HasPrefix(field.Name, "__") {
			continue
		}
		var want []string
		for _, values := range fitting[field.Name] {
			for _, v := range values {
				want = append(want, reflect.TypeOf(v).String())
			}
		}
		for _, v := range slices.Concat(all, always) {
			typ := reflect.TypeOf(v)
			err := fits(typ, field, schema.Types[field.Type.Name()])
			takes := slices.Contains(want, typ.String()) || slices.ContainsFunc(always, func(a any) bool { return reflect.TypeOf(a) == typ }) ||
				field.Name == "any" || typ == reflect.TypeFor[[]any]() && field.Type.Elem != nil || typ == reflect.TypeFor[[]json.RawMessage]() && field.Type.Elem != nil
			if (err == nil) != takes {
				t.Errorf("%s for %s: %v", typ, field.Type, err)
			}
		}
	}
}
