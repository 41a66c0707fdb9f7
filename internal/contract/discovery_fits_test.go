package contract

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// misfits says where an answer is not what the selections of a document make of the schema.
func (g *graph) misfits(doc *ast.QueryDocument, data any) []string {
	f := &fitter{graph: g}
	f.object("Query", []ast.SelectionSet{doc.Operations[0].SelectionSet}, data, "data")
	return f.found
}

type fitter struct {
	*graph
	found []string
}

func (f *fitter) fail(where, format string, args ...any) {
	f.found = append(f.found, where+": "+fmt.Sprintf(format, args...))
}

// object compares an object with what is wanted of it. Of a type that stands for several, __typename says which it is.
func (f *fitter) object(typeName string, sets []ast.SelectionSet, value any, where string) {
	members, ok := value.(map[string]any)
	if !ok {
		f.fail(where, "%v is no %s", value, typeName)
		return
	}
	if f.Types[typeName].IsAbstractType() {
		name, _ := members["__typename"].(string)
		if !slices.Contains(f.objects(typeName), name) {
			f.fail(where, "%q is none of the types of %s", name, typeName)
			return
		}
		typeName = name
	}
	wanted := map[string][]*ast.Field{}
	for _, set := range sets {
		f.collect(wanted, typeName, set)
	}
	for _, key := range slices.Sorted(maps.Keys(wanted)) {
		var below []ast.SelectionSet
		for _, field := range wanted[key] {
			below = append(below, field.SelectionSet)
		}
		member, given := members[key]
		if !given {
			f.fail(where, "%s is not there", key)
			continue
		}
		f.value(wanted[key][0].Definition.Type, below, member, where+"."+key)
	}
	for key := range members {
		if wanted[key] == nil {
			f.fail(where, "nobody asked for %s", key)
		}
	}
}

func (f *fitter) value(typ *ast.Type, below []ast.SelectionSet, value any, where string) {
	def := f.Types[typ.Name()]
	list, isList := value.([]any)
	text, isText := value.(string)
	switch {
	case value == nil:
		if typ.NonNull {
			f.fail(where, "null is no %s", typ)
		}
	case typ.Elem != nil && isList:
		for i, item := range list {
			f.value(typ.Elem, below, item, where+"["+strconv.Itoa(i)+"]")
		}
	case typ.Elem == nil && def.IsCompositeType():
		f.object(def.Name, below, value, where)
	case typ.Elem == nil && def.Kind == ast.Enum && isText && def.EnumValues.ForName(text) != nil:
	case typ.Elem == nil && def.Kind == ast.Scalar && scalarTakes(def.Name, value):
	default:
		f.fail(where, "%v is no %s", value, typ)
	}
}

// TestMisfits is what the comparison of answers finds, so that its silence means something.
func TestMisfits(t *testing.T) {
	t.Parallel()
	const query = `{environment(id: 1) {adapterType applied {lastUpdatedAt tags {name} resources(filter: {types: []}) {totalCount
		edges {node {__typename accountId ... on SourceAppliedStateNode {freshness {freshnessStatus}}}}}}}}`
	const model = `{"node": {"__typename": "ModelAppliedStateNode", "accountId": 1}}`
	answer := func(adapter, updated, tags, count, edges string) string {
		return `{"environment": {"adapterType": ` + adapter + `, "applied": {"lastUpdatedAt": ` + updated + `, "tags": ` + tags + `, "resources": {"totalCount": ` + count + `, "edges": ` + edges + `}}}}`
	}
	tests := []struct {
		name, data string
		fits       bool
	}{
		{"fits", answer(`"duckdb"`, `"2026-01-02T03:04:05Z"`, `[{"name": "a"}]`, `1`, `[`+model+`]`), true},
		{"nulls", answer(`null`, `null`, `[]`, `0`, `[]`), true},
		{"a source", answer(`null`, `null`, `[]`, `0`, `[{"node": {"__typename": "SourceAppliedStateNode", "accountId": 1, "freshness": {"freshnessStatus": "Pass"}}}]`), true},
		{"no object", `[]`, false},
		{"null where none may be", `{"environment": null}`, false},
		{"number for a text", answer(`1`, `null`, `[]`, `0`, `[]`), false},
		{"no time", answer(`null`, `"now"`, `[]`, `0`, `[]`), false},
		{"object for a list", answer(`null`, `null`, `{"name": "a"}`, `0`, `[]`), false},
		{"null in a list", answer(`null`, `null`, `[null]`, `0`, `[]`), false},
		{"fraction", answer(`null`, `null`, `[]`, `0.5`, `[]`), false},
		{"member absent", `{"environment": {"adapterType": null}}`, false},
		{"member too many", `{"environment": {"adapterType": null, "applied": null, "more": 1}}`, false},
		{"no type", answer(`null`, `null`, `[]`, `0`, `[{"node": {"accountId": 1}}]`), false},
		{"another type", answer(`null`, `null`, `[]`, `0`, `[{"node": {"__typename": "GroupNode", "accountId": 1}}]`), false},
		{"member of another type", answer(`null`, `null`, `[]`, `0`, `[{"node": {"__typename": "ModelAppliedStateNode", "accountId": 1, "freshness": {"freshnessStatus": "Pass"}}}]`), false},
		{"unknown enum", answer(`null`, `null`, `[]`, `0`, `[{"node": {"__typename": "SourceAppliedStateNode", "accountId": 1, "freshness": {"freshnessStatus": "Stale"}}}]`), false},
	}
	g := loadGraph(t)
	doc, errs := gqlparser.LoadQueryWithRules(g.Schema, query, rules.NewDefaultRules())
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if found := g.misfits(doc, numbers(t, tt.data)); (len(found) == 0) != tt.fits {
				t.Errorf("found %v", found)
			}
		})
	}
}

// numbers decodes JSON and keeps its numbers as they are written.
func numbers(t *testing.T, text string) any {
	t.Helper()
	var value any
	noError(t, decode([]byte(text), &value))
	return value
}

// TestFakeAnswersFit asks the fake for what the SDK never asks for.
func TestFakeAnswersFit(t *testing.T) {
	t.Parallel()
	g := loadGraph(t)
	for _, state := range []string{"AppliedState", "DefinitionState"} {
		for _, list := range g.Types[state].Fields {
			if g.Types[list.Type.Name()].Fields.ForName("edges") == nil || list.Arguments.ForName("numDays") != nil || list.Name == "searchResults" {
				continue
			}
			t.Run(state+"."+list.Name, func(t *testing.T) {
				t.Parallel()
				field := strings.ToLower(strings.TrimSuffix(state, "State")) + " {" + list.Name
				if list.Name == "resources" {
					field += "(filter: {types: [Model, Source, Test]})"
				}
				g.fakeFits(t, `{environment(id: 7) {`+field+` {totalCount edges {cursor node {__typename uniqueId}} pageInfo {startCursor endCursor hasNextPage hasPreviousPage}}}}}`)
			})
		}
	}
	for name, query := range map[string]string{
		"names":       `{__typename environment(id: 7) {__typename definition {tags {name} packages(resource: model) resourceCounts}}}`,
		"aliases":     `{a: environment(id: 7) {x: applied {y: lastUpdatedAt}} b: environment(id: 7) {x: definition {y: lastUpdatedAt}}}`,
		"merged":      `{environment(id: 7) {applied {models {totalCount} models {edges {node {name}} edges {node {fqn}}}}}}`,
		"all kinds":   `{environment(id: 7) {applied {lineage(filter: {}) {__typename uniqueId parentIds ... on LineageNodeTestable {worstTestStatus} ... on LineageGraphNode {fqn}}}}}`,
		"not there":   `{environment(id: 7) {applied {exposureTile(filter: {uniqueId: "exposure.p.none"}) {name} modelHistoricalRuns(uniqueId: "model.p.none") {name}}}}`,
		"no such job": `{job(id: 7, runId: 8) {id runId model(uniqueId: "x") {name} tests {name}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g.fakeFits(t, query)
		})
	}
}

func (g *graph) fakeFits(t *testing.T, query string) {
	t.Helper()
	doc, errs := gqlparser.LoadQueryWithRules(g.Schema, query, rules.NewDefaultRules())
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	status, answer := exchangeWith(t, populated(), stablePath, sent{query: query}.body())
	if status != http.StatusOK || answer["errors"] != nil {
		t.Fatalf("%s: the fake answers %d %v", query, status, answer["errors"])
	}
	for _, misfit := range g.misfits(doc, answer["data"]) {
		t.Errorf("%s: the fake answers %s", query, misfit)
	}
}
