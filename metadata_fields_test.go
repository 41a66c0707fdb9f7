package dbtcloud

import (
	"encoding/json"
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
