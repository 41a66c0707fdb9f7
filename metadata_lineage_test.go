package dbtcloud_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/internal/discovery"
)

const lineageAnswer = `{"data":{"environment":{"applied":{"lineage":[
	{"uniqueId":"model.a.orders","name":"orders","resourceType":"Model","parentIds":["source.a.raw","macro.a.cents"],"publicParentIds":["model.b.customers"]},
	{"uniqueId":"source.a.raw","name":"raw","resourceType":"Source"},
	{"uniqueId":"exposure.a.board","name":null,"resourceType":"Exposure","parentIds":["model.a.orders"],"publicParentIds":[]}]}}}}`

func TestLineage(t *testing.T) {
	t.Parallel()
	c, s := scripted(t, always(200, "application/json", lineageAnswer))
	g, err := c.Metadata.Lineage(t.Context(), 5, dbtcloud.LineageFilter{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := lineageIDs(g.Nodes()), "exposure.a.board model.a.orders model.b.customers? source.a.raw"; got != want {
		t.Errorf("nodes %s, want %s", got, want)
	}
	if got, want := lineageSteps(g.Upstream("exposure.a.board", 0)), "model.a.orders1 model.b.customers2 source.a.raw2"; got != want {
		t.Errorf("upstream of the exposure %s, want %s", got, want)
	}
	if n, _ := g.Node("model.a.orders"); n.Name != "orders" || n.ResourceType != dbtcloud.ResourceModel || len(n.ParentIDs) != 2 {
		t.Errorf("the model is %+v", n)
	}
	if n := len(s.requests()); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

// lineageQuestion is what was sent.
type lineageQuestion struct {
	Query     string
	Variables struct {
		EnvironmentID int64 `json:"environmentId"`
		Filter        map[string]any
	}
}

// TestLineageRequests: what is sent fits the schema and says what was asked.
func TestLineageRequests(t *testing.T) {
	t.Parallel()
	const usual = "Exposure Metric Model SavedQuery Seed SemanticModel Snapshot Source Test"
	tests := []struct {
		name      string
		filter    dbtcloud.LineageFilter
		opts      []dbtcloud.QueryOption
		variables string // the filter
		holds     []string
		lacks     string
	}{
		{"all but macros", dbtcloud.LineageFilter{}, nil, fmt.Sprintf(`{"types":["%s"]}`, strings.ReplaceAll(usual, " ", `","`)),
			[]string{"applied { lineage(", "... on LineageNodeWithParents { parentIds }", "... on ModelLineageNode { publicParentIds }", "... on ExposureLineageNode { publicParentIds }"}, "MacroLineageNode"},
		{"definition", dbtcloud.LineageFilter{Definition: true, Types: []dbtcloud.ResourceType{dbtcloud.ResourceModel}}, nil, `{"types":["Model"]}`,
			[]string{"definition { lineage(", "... on ModelLineageNode { publicParentIds }"}, "ExposureLineageNode"},
		{"without parents, or a type of tomorrow", dbtcloud.LineageFilter{Types: []dbtcloud.ResourceType{dbtcloud.ResourceSource, dbtcloud.ResourceMacro, "Function"}}, nil, `{"types":["Source","Macro","Function"]}`,
			[]string{"... on LineageNodeWithParents { parentIds }"}, "publicParentIds"},
		{"some nodes", dbtcloud.LineageFilter{Types: []dbtcloud.ResourceType{dbtcloud.ResourceSeed}, UniqueIDs: []string{"seed.a.b"}, Tags: []string{"daily"}}, nil,
			`{"types":["Seed"],"uniqueIds":["seed.a.b"],"tags":["daily"]}`, nil, "publicParentIds"},
		{"fields", dbtcloud.LineageFilter{Types: []dbtcloud.ResourceType{dbtcloud.ResourceModel}}, []dbtcloud.QueryOption{dbtcloud.Fields("filePath", "lastRunStatus"), dbtcloud.Fields("parentIds", "sourceName")},
			`{"types":["Model"]}`, []string{"uniqueId name resourceType filePath ...", "... on ModelLineageNode { lastRunStatus publicParentIds }", "... on SourceLineageNode { sourceName }"}, "filePath parentIds"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, s := scripted(t, always(200, "application/json", `{"data":{"environment":{"applied":null,"definition":null}}}`))
			g, err := c.Metadata.Lineage(t.Context(), 5, tt.filter, tt.opts...)
			if err != nil || len(g.Nodes()) != 0 {
				t.Fatalf("an environment in which nothing has run has %v, %v", g, err)
			}
			var q lineageQuestion
			if err := json.Unmarshal([]byte(s.requests()[0].Body), &q); err != nil {
				t.Fatal(err)
			}
			if _, errs := gqlparser.LoadQueryWithRules(discovery.GA(), q.Query, rules.NewDefaultRules()); errs != nil {
				t.Errorf("the query is refused: %v\n%s", errs, q.Query)
			}
			squeezed := strings.Join(strings.Fields(q.Query), " ")
			for _, part := range tt.holds {
				if !strings.Contains(squeezed, part) {
					t.Errorf("the query has no %q:\n%s", part, squeezed)
				}
			}
			if tt.lacks != "" && strings.Contains(squeezed, tt.lacks) {
				t.Errorf("the query has %q:\n%s", tt.lacks, squeezed)
			}
			var want map[string]any
			_ = json.Unmarshal([]byte(tt.variables), &want)
			if diff := cmp.Diff(want, q.Variables.Filter); diff != "" || q.Variables.EnvironmentID != 5 {
				t.Errorf("variables (-want +got):\n%s\nof environment %d", diff, q.Variables.EnvironmentID)
			}
		})
	}
}

// TestLineageErrors: what cannot be right is refused before a request, and what is
// answered wrongly is no graph.
func TestLineageErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, answer string
		environment  int64
		opts         []dbtcloud.QueryOption
		is           error
		text         string
		requests     int
	}{
		{"no environment", "", 0, nil, dbtcloud.ErrInvalid, "environment id must be positive", 0},
		{"no such field", "", 5, []dbtcloud.QueryOption{dbtcloud.Fields("filepath")}, dbtcloud.ErrInvalid, "did you mean filePath", 0},
		{"no such environment", `{"errors":[{"message":"Environment 5 not found"}]}`, 5, nil, dbtcloud.ErrNotFound, "Environment 5 not found", 1},
		{"null", `{"data":{"environment":null}}`, 5, nil, dbtcloud.ErrNotFound, "not found", 1},
		{"partial", strings.TrimSuffix(lineageAnswer, "}") + `,"errors":[{"message":"half of it is missing"}]}`, 5, nil, nil, "half of it is missing", 1},
		{"a null node", `{"data":{"environment":{"applied":{"lineage":[null]}}}}`, 5, nil, nil, "null", 1},
		{"text for a list", `{"data":{"environment":{"applied":{"lineage":[{"uniqueId":"a","parentIds":"b"}]}}}}`, 5, nil, nil, "does not decode", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, s := scripted(t, always(200, "application/json", tt.answer), noRetry)
			g, err := c.Metadata.Lineage(t.Context(), tt.environment, dbtcloud.LineageFilter{}, tt.opts...)
			if err == nil || g != nil || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("Lineage = %v, %v, want an error with %q that is %v", g, err, tt.text, tt.is)
			}
			if _, ok := errors.AsType[*dbtcloud.Error](err); !ok && tt.requests > 0 {
				t.Errorf("%T is no *Error", err)
			}
			if n := len(s.requests()); n != tt.requests {
				t.Errorf("%d requests, want %d", n, tt.requests)
			}
		})
	}
}

// TestLineageRefusesBlanks: an empty string in a filter is a variable that was not set.
func TestLineageRefusesBlanks(t *testing.T) {
	t.Parallel()
	c, s := scripted(t, always(200, "application/json", lineageAnswer))
	for name, f := range map[string]dbtcloud.LineageFilter{
		"uniqueIds": {UniqueIDs: []string{"model.a", ""}},
		"tags":      {Tags: []string{""}},
		"types":     {Types: []dbtcloud.ResourceType{""}},
	} {
		g, err := c.Metadata.Lineage(t.Context(), 5, f)
		if g != nil || !errors.Is(err, dbtcloud.ErrInvalid) || !strings.Contains(err.Error(), "the filter's "+name+" hold an empty string") || len(s.lines()) != 0 {
			t.Errorf("%s: %v after %v, want ErrInvalid", name, err, s.lines())
		}
	}
}

// TestLineageTooLarge: parents that would become nodes without end are an error.
func TestLineageTooLarge(t *testing.T) {
	t.Parallel()
	var answer strings.Builder
	answer.WriteString(`{"data":{"environment":{"applied":{"lineage":[{"uniqueId":"a","parentIds":["0"`)
	for i := range 1 << 20 {
		fmt.Fprintf(&answer, `,"%x"`, i)
	}
	answer.WriteString(`]}]}}}}`)
	c, _ := scripted(t, always(200, "application/json", answer.String()), noRetry)
	g, err := c.Metadata.Lineage(t.Context(), 5, dbtcloud.LineageFilter{})
	if _, ok := errors.AsType[*dbtcloud.Error](err); !ok || g != nil || !strings.Contains(err.Error(), "1048577 edges") {
		t.Errorf("Lineage = %v, %v", g, err)
	}
}
