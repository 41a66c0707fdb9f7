package discovery

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

func TestBetaHasMoreThanGA(t *testing.T) {
	t.Parallel()
	tests := []struct {
		query    string
		ga, beta bool
	}{
		{`{environment(id: 1) {dbtProjectName}}`, true, true},
		{`{environment(id: 1) {applied {models(first: 1) {edges {node {uniqueId relationName}}}}}}`, true, true},
		{`{environment(id: 1) {applied {models(filter: {lastRunStatus: reused}) {totalCount}}}}`, true, true},
		{`{environment(id: 1) {applied {lineage(filter: {types: [Model]}) {... on LineageNodeWithParents {parentIds}}}}}`, true, true},
		{`{job(id: 1) {models(first: 100, after: "x") {paginationCursor}}}`, true, true},
		{`{__typename __schema {queryType {name}}}`, true, true},
		{`{environment(id: 1) {consumerProjects {consumerProjectId}}}`, false, true},
		{`{environment(id: 1) {applied {models {edges {node {usageQueryCount}}}}}}`, false, true},
		{`{environment(id: 1) {applied {models {edges {node {catalog {columns {descriptionOriginColumnName}}}}}}}}`, false, true},
		{`{environment(id: 1) {applied {models {edges {node {catalog {columns {descriptionOriginResourceUniqueId}}}}}}}}`, false, true},
		{`{environment(id: 1) {applied {searchResults(filter: {query: "x"}) {totalCount}}}}`, false, true},
		{`{account(id: 1) {meshProjects {projectId}}}`, false, true},
		{`{column(environmentId: 1) {lineage(nodeUniqueId: "x") {depth}}}`, false, true},
		{`query ($day: Date!) {performance(environmentId: 1) {mostExecutedModels(start: $day, end: $day) {uniqueId}}}`, false, true},
		{`{recommendations(environmentId: 1) {metrics {name}}}`, false, true},
		{`{models(jobId: 1) {uniqueId}}`, false, false},
		{`{modelByEnvironment(environmentId: 1) {uniqueId}}`, false, false},
		{`{environment(id: 1) {name}}`, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.query, func(t *testing.T) {
			t.Parallel()
			for _, s := range []struct {
				schema *ast.Schema
				valid  bool
			}{{GA(), tt.ga}, {Beta(), tt.beta}} {
				if _, err := gqlparser.LoadQueryWithRules(s.schema, tt.query, rules.NewDefaultRules()); (err == nil) != s.valid {
					t.Errorf("valid is %t, want %t: %v", err == nil, s.valid, err)
				}
			}
		})
	}
}

func TestEveryTypeIsDefined(t *testing.T) {
	t.Parallel()
	for name, schema := range map[string]*ast.Schema{"GA": GA(), "beta": Beta()} {
		if len(schema.Types) < 100 {
			t.Errorf("%s has %d types: too few to be true", name, len(schema.Types))
		}
		for _, def := range schema.Types {
			for _, field := range def.Fields {
				if schema.Types[field.Type.Name()] == nil {
					t.Errorf("%s: the type %s of %s.%s is not there", name, field.Type, def.Name, field.Name)
				}
			}
		}
	}
}

func TestAttested(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"ModelAppliedStateNode.uniqueId": "", "ModelAppliedStateNode.relationName": "CD", "ModelAppliedStateNode.usageQueryCount": "H",
		"TestAppliedStateNode.lastKnownResult": "BCD", "JobNode.models": "", "ModelNode.paginationCursor": "B",
		"TestAppliedFilter.lastKnownResults": "B", "X_ColumnLineageNode.depth": "I", "X_ColumnLineageNode.name": "GHI", "X_Performance.mostQueriedResources": "H",
	}
	got := map[string]string{}
	for _, def := range Beta().Types {
		for _, field := range def.Fields {
			if name := def.Name + "." + field.Name; mapHas(want, name) {
				got[name] = Attested(field)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("attested (-want +got):\n%s", diff)
	}
}

func mapHas(m map[string]string, key string) bool {
	_, ok := m[key]
	return ok
}

func TestNearest(t *testing.T) {
	t.Parallel()
	var model []string
	for _, field := range GA().Types["ModelAppliedStateNode"].Fields {
		model = append(model, field.Name)
	}
	tests := []struct {
		name  string
		first string // "": nothing is near
	}{
		{"uniqueID", "uniqueId"},
		{"unique_id", "uniqueId"},
		{"UNIQUE_ID", "uniqueId"},
		{"uniqeId", "uniqueId"},
		{"exec", "executionInfo"},
		{"execution_info", "executionInfo"},
		{"contract_enforced", "contractEnforced"},
		{"materialised", "materializedType"},
		{"model", "modelingLayer"},
		{"descripton", "description"},
		{"package", "packages"},
		{"compileCode", "compiledCode"},
		{"zzzzzzzz", ""},
		{"", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			near := Nearest(tt.name, model)
			if len(near) > 3 {
				t.Errorf("%d names: %v", len(near), near)
			}
			if got := append(near, "")[0]; got != tt.first {
				t.Errorf("the nearest is %q of %v, want %q", got, near, tt.first)
			}
		})
	}
}
