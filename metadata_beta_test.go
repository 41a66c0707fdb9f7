package dbtcloud_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/internal/discovery"
)

// betaAsking is a question to the beta endpoint: its variables, and the members of the
// result that the API is not asked for.
type betaAsking struct {
	name     string // of the method
	narrowed string
	call     func(ctx context.Context, b *dbtcloud.MetadataBeta) (any, error)
	vars     string
	blank    []string
}

var spring = dbtcloud.Period{From: time.Date(2026, 3, 1, 23, 59, 0, 0, time.FixedZone("", -5*3600)), To: time.Date(2026, 5, 31, 0, 0, 0, 0, time.UTC)}

const (
	days  = `"start":"2026-03-01","end":"2026-05-31"`
	model = "model.shop.Orders"
)

func betaAskings() []betaAsking {
	const env = `"environmentId":5`
	const ofModel = `"uniqueId":"` + model + `"`
	return []betaAsking{
		{name: "ColumnLineage", vars: `{` + env + `,"nodeUniqueId":"` + model + `"}`, call: func(ctx context.Context, b *dbtcloud.MetadataBeta) (any, error) {
			return b.ColumnLineage(ctx, 5, model, dbtcloud.ColumnLineageFilter{})
		}},
		{name: "ColumnLineage", narrowed: "narrowed", vars: `{` + env + `,"nodeUniqueId":"` + model + `","filters":{"columnName":"ID","maxDepth":2,"isError":true}}`, call: func(ctx context.Context, b *dbtcloud.MetadataBeta) (any, error) {
			return b.ColumnLineage(ctx, 5, model, dbtcloud.ColumnLineageFilter{ColumnName: "ID", MaxDepth: 2, ErrorsOnly: true})
		}},
		{name: "MeshProjects", vars: `{"accountId":7}`, blank: []string{"DependentProjects.Summary", "DependentProjects.DependentProjects"}, call: func(ctx context.Context, b *dbtcloud.MetadataBeta) (any, error) {
			return b.MeshProjects(ctx)
		}},
		{name: "PublicModels", vars: `{"accountId":7,"first":100}`, blank: []string{"PublicAncestors.ColumnCount", "PublicAncestors.DeprecationDate", "PublicAncestors.DependentProjects", "PublicAncestors.PublicAncestors"},
			call: func(ctx context.Context, b *dbtcloud.MetadataBeta) (any, error) {
				return collect(b.PublicModels(ctx, dbtcloud.PublicModelFilter{}))
			}},
		{name: "PublicModels", narrowed: "narrowed", vars: `{"accountId":7,"first":100,"filter":{"dbtCoreProjectName":"shop","projectId":3,"environmentIds":[5,6],"uniqueIds":["` + model + `"]}}`,
			blank: []string{"PublicAncestors.ColumnCount", "PublicAncestors.DeprecationDate", "PublicAncestors.DependentProjects", "PublicAncestors.PublicAncestors"},
			call: func(ctx context.Context, b *dbtcloud.MetadataBeta) (any, error) {
				return collect(b.PublicModels(ctx, dbtcloud.PublicModelFilter{DbtCoreProject: "shop", ProjectID: 3, EnvironmentIDs: []int64{5, 6}, UniqueIDs: []string{model}}))
			}},
		{name: "Search", vars: `{` + env + `,"first":100,"filter":{"query":"orders"}}`, call: func(ctx context.Context, b *dbtcloud.MetadataBeta) (any, error) {
			return collect(b.Search(ctx, 5, dbtcloud.SearchFilter{Query: "orders"}))
		}},
		{name: "Search", narrowed: "narrowed", vars: `{` + env + `,"first":100,"filter":{"query":"orders","fields":["code","name"],"resourceTypes":["Model"],"accessLevels":["public"],
			"materializationTypes":["table"],"modelingLayers":["marts"],"tags":["nightly"]}}`, call: func(ctx context.Context, b *dbtcloud.MetadataBeta) (any, error) {
			return collect(b.Search(ctx, 5, dbtcloud.SearchFilter{Query: "orders", Fields: []dbtcloud.SearchField{dbtcloud.SearchCode, dbtcloud.SearchName}, ResourceTypes: []dbtcloud.ResourceType{dbtcloud.ResourceModel},
				AccessLevels: []dbtcloud.AccessLevel{dbtcloud.AccessPublic}, MaterializationTypes: []string{"table"}, ModelingLayers: []string{"marts"}, Tags: []string{"nightly"}}))
		}},
		{name: "RecentChanges", vars: `{` + env + `,"first":500,"numDays":7}`, call: func(ctx context.Context, b *dbtcloud.MetadataBeta) (any, error) {
			return collect(b.RecentChanges(ctx, 5, 7))
		}},
		{name: "ConsumerProjects", vars: `{` + env + `}`, call: func(ctx context.Context, b *dbtcloud.MetadataBeta) (any, error) { return b.ConsumerProjects(ctx, 5) }},
		{name: "Recommendations", vars: `{` + env + `,"first":500}`, call: func(ctx context.Context, b *dbtcloud.MetadataBeta) (any, error) {
			return collect(b.Recommendations(ctx, 5, dbtcloud.RecommendationFilter{}))
		}},
		{name: "Recommendations", narrowed: "narrowed", vars: `{` + env + `,"first":500,"filter":{"severity":["high"],"categories":["testing"],"ruleNames":["untested"],"uniqueIds":["` + model + `"]}}`,
			call: func(ctx context.Context, b *dbtcloud.MetadataBeta) (any, error) {
				return collect(b.Recommendations(ctx, 5, dbtcloud.RecommendationFilter{Severities: []string{"high"}, Categories: []string{"testing"}, RuleNames: []string{"untested"}, UniqueIDs: []string{model}}))
			}},
		{name: "RecommendationMetrics", vars: `{` + env + `}`, call: func(ctx context.Context, b *dbtcloud.MetadataBeta) (any, error) {
			return b.RecommendationMetrics(ctx, 5)
		}},
		{name: "ModelExecutionHistory", vars: `{` + env + `,"startDate":"2026-03-01","endDate":"2026-05-31",` + ofModel + `}`, call: func(ctx context.Context, b *dbtcloud.MetadataBeta) (any, error) {
			return b.ModelExecutionHistory(ctx, 5, model, spring)
		}},
		{name: "MostExecutedModels", vars: `{` + env + `,` + days + `}`, call: func(ctx context.Context, b *dbtcloud.MetadataBeta) (any, error) {
			return b.MostExecutedModels(ctx, 5, spring, dbtcloud.MostExecutedFilter{})
		}},
		{name: "MostExecutedModels", narrowed: "narrowed", vars: `{` + env + `,` + days + `,"limit":3,"jobLimit":2}`, call: func(ctx context.Context, b *dbtcloud.MetadataBeta) (any, error) {
			return b.MostExecutedModels(ctx, 5, spring, dbtcloud.MostExecutedFilter{Limit: 3, JobLimit: 2})
		}},
		{name: "LongestExecutedModels", vars: `{` + env + `,` + days + `}`, call: func(ctx context.Context, b *dbtcloud.MetadataBeta) (any, error) {
			return b.LongestExecutedModels(ctx, 5, spring, dbtcloud.LongestExecutedFilter{})
		}},
		{name: "LongestExecutedModels", narrowed: "narrowed", vars: `{` + env + `,` + days + `,"limit":3,"jobLimit":2,"jobId":70506183137151,"orderBy":"AVG"}`, call: func(ctx context.Context, b *dbtcloud.MetadataBeta) (any, error) {
			return b.LongestExecutedModels(ctx, 5, spring, dbtcloud.LongestExecutedFilter{Limit: 3, JobLimit: 2, JobID: 70506183137151, OrderBy: dbtcloud.Average})
		}},
		{name: "MostFailedModels", vars: `{` + env + `,` + days + `}`, call: func(ctx context.Context, b *dbtcloud.MetadataBeta) (any, error) {
			return b.MostFailedModels(ctx, 5, spring, 0)
		}},
		{name: "MostTestFailures", vars: `{` + env + `,` + days + `,"limit":3}`, call: func(ctx context.Context, b *dbtcloud.MetadataBeta) (any, error) {
			return b.MostTestFailures(ctx, 5, spring, 3)
		}},
		{name: "ModelJobs", vars: `{` + env + `,` + days + `,` + ofModel + `}`, call: func(ctx context.Context, b *dbtcloud.MetadataBeta) (any, error) {
			return b.ModelJobs(ctx, 5, model, spring)
		}},
		{name: "MostQueried", vars: `{` + env + `,` + days + `,"resourceType":["model","source"]}`, call: func(ctx context.Context, b *dbtcloud.MetadataBeta) (any, error) {
			return b.MostQueried(ctx, 5, spring, dbtcloud.MostQueriedFilter{})
		}},
		{name: "MostQueried", narrowed: "narrowed", vars: `{` + env + `,` + days + `,"limit":3,"resourceType":["source"]}`, call: func(ctx context.Context, b *dbtcloud.MetadataBeta) (any, error) {
			return b.MostQueried(ctx, 5, spring, dbtcloud.MostQueriedFilter{Limit: 3, Types: []dbtcloud.ResourceType{dbtcloud.ResourceSource}})
		}},
		{name: "QueryHistory", vars: `{` + env + `,` + days + `,` + ofModel + `}`, call: func(ctx context.Context, b *dbtcloud.MetadataBeta) (any, error) {
			return b.QueryHistory(ctx, 5, model, spring)
		}},
	}
}

func TestBetaIsComplete(t *testing.T) {
	t.Parallel()
	tested := []string{"Query", "QueryAll"} // see TestBetaQuery
	for _, a := range betaAskings() {
		tested = append(tested, a.name)
	}
	for m := range reflect.TypeFor[*dbtcloud.MetadataBeta]().Methods() {
		if !slices.Contains(tested, m.Name) {
			t.Errorf("%s has no test", m.Name)
		}
	}
}

// TestBeta: each question goes to the beta endpoint, fits its schema, carries only what
// is set, asks for each member of its result and gets it.
func TestBeta(t *testing.T) {
	t.Parallel()
	for _, a := range betaAskings() {
		t.Run(a.name+a.narrowed, func(t *testing.T) {
			t.Parallel()
			c, s := scripted(t, func(_ int, req *http.Request) (*http.Response, error) {
				return response(200, "application/json", filled(t, bodyOf(req))), nil
			})
			got, err := a.call(t.Context(), c.Metadata.Beta())
			if err != nil {
				t.Fatal(err)
			}
			if n := len(s.requests()); n != 1 || s.lines()[0] != "POST /beta/graphql" {
				t.Fatalf("sent %v", s.lines())
			}
			query, vars := documentOf(t, s.requests()[0])
			if diff := cmp.Diff(parsed(t, a.vars), any(vars)); diff != "" {
				t.Errorf("variables (-want +got):\n%s", diff)
			}
			if n := strings.Count(query, "$"); n%2 != 0 || strings.Contains(query, "... on") {
				t.Errorf("each variable stands in the document twice, and there are no fragments:\n%s", query)
			}
			if n := reflect.ValueOf(got).Len(); n != 1 {
				t.Fatalf("%d items, want 1", n)
			}
			if blank := blanks(reflect.ValueOf(got), ""); !slices.Equal(blank, a.blank) {
				t.Errorf("not filled: %q, want %q", blank, a.blank)
			}
		})
	}
}

// filled is an answer to a query that has a value in every place.
func filled(t *testing.T, query string) string {
	doc, errs := gqlparser.LoadQueryWithRules(discovery.Beta(), query, rules.NewDefaultRules())
	if errs != nil {
		t.Errorf("the document is refused: %v\n%s", errs, query)
		return `{}`
	}
	data, err := json.Marshal(map[string]any{"data": filledObject(doc.Operations[0].SelectionSet)})
	if err != nil {
		t.Error(err)
	}
	return string(data)
}

func filledObject(set ast.SelectionSet) map[string]any {
	object := map[string]any{}
	for _, s := range set {
		f, ok := s.(*ast.Field)
		if !ok {
			continue
		}
		value := filledValue(f.Definition.Type.Name(), f.Name)
		if len(f.SelectionSet) > 0 {
			value = filledObject(f.SelectionSet)
		}
		if f.Definition.Type.Elem != nil {
			value = []any{value}
		}
		object[f.Alias] = value
	}
	return object
}

func filledValue(typ, name string) any {
	switch typ {
	case "Int":
		return 3
	case "BigInt":
		return "70506183137151"
	case "Float":
		return 1.5
	case "Boolean":
		return name != "hasNextPage"
	case "DateTime":
		return "2026-03-01T10:00:00.5Z"
	case "Date":
		return "2026-03-01"
	case "JSONObject":
		return map[string]any{"key": "value"}
	}
	return name
}

// blanks are the members in v that are zero. What is a type of another part of the
// package is not looked into.
func blanks(v reflect.Value, path string) []string {
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		return blanks(v.Elem(), path)
	case reflect.Slice:
		var all []string
		for i := range v.Len() {
			all = append(all, blanks(v.Index(i), path)...)
		}
		return all
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[dbtcloud.Time]() || v.Type() == reflect.TypeFor[dbtcloud.RelatedNode]() {
			return nil
		}
		var all []string
		for f, value := range v.Fields() {
			name := strings.TrimPrefix(path+"."+f.Name, ".")
			if value.IsZero() {
				all = append(all, name)
				continue
			}
			all = append(all, blanks(value, name)...)
		}
		return all
	}
	return nil
}

// TestBetaAnswers: answers as they may be, nulls and all.
func TestBetaAnswers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, data string
		call       func(ctx context.Context, b *dbtcloud.MetadataBeta) (any, error)
		want       any
	}{
		{"column lineage", `{"column":{"lineage":[{"uniqueId":"a.id","nodeUniqueId":"a","name":"ID","isError":false,"error":null,"parentColumns":[],"childColumns":null,"runId":"70506183629193","depth":1}]}}`,
			func(ctx context.Context, b *dbtcloud.MetadataBeta) (any, error) {
				return b.ColumnLineage(ctx, 5, "a", dbtcloud.ColumnLineageFilter{})
			},
			[]*dbtcloud.ColumnLineageNode{{UniqueID: "a.id", NodeUniqueID: "a", Name: "ID", IsError: new(false), ParentColumns: []string{}, RunID: 70506183629193}}},
		{"execution history", `{"performance":{"modelExecutionHistory":[{"date":"2026-03-01","meanExecutionTime":0,"executionTimes":[1.5,0],"executionsByJob":[
			{"jobId":9,"executions":[{"runId":7,"status":"reused","isFullRefresh":false,"executionTime":null,"runStartedAt":"2026-03-01T10:00:00Z","queryId":null}]}]},{"date":null,"executionTimes":null}]}}`,
			func(ctx context.Context, b *dbtcloud.MetadataBeta) (any, error) {
				return b.ModelExecutionHistory(ctx, 5, "a", spring)
			},
			[]*dbtcloud.ExecutionDay{{Date: at("2026-03-01"), MeanExecutionTime: new(0.0), ExecutionTimes: []float64{1.5, 0}, ByJob: []*dbtcloud.JobExecutions{
				{JobID: 9, Executions: []*dbtcloud.ModelExecution{{RunID: 7, Status: dbtcloud.NodeReused, IsFullRefresh: new(false), RunStartedAt: at("2026-03-01T10:00:00Z")}}}}}, {}}},
		{"nothing was executed", `{"performance":{"mostExecutedModels":null}}`,
			func(ctx context.Context, b *dbtcloud.MetadataBeta) (any, error) {
				return b.MostExecutedModels(ctx, 5, spring, dbtcloud.MostExecutedFilter{})
			}, []*dbtcloud.ExecutedModel(nil)},
		{"nothing has run", `{"environment":{"applied":null}}`,
			func(ctx context.Context, b *dbtcloud.MetadataBeta) (any, error) {
				return collect(b.Search(ctx, 5, dbtcloud.SearchFilter{Query: "x"}))
			}, []*dbtcloud.SearchResult(nil)},
		{"a hit of a kind that is not known", `{"environment":{"applied":{"searchResults":{"edges":[{"cursor":"c","node":{"highlight":null,"matchedField":"later","hit":{"uniqueId":"function.x","resourceType":"function","meta":null,"tags":[]}}}]}}}}`,
			func(ctx context.Context, b *dbtcloud.MetadataBeta) (any, error) {
				return collect(b.Search(ctx, 5, dbtcloud.SearchFilter{Query: "x"}))
			}, []*dbtcloud.SearchResult{{MatchedField: "later", Hit: &dbtcloud.SearchHit{UniqueID: "function.x", ResourceType: "function", Tags: []string{}}}}},
		{"what changed", `{"environment":{"applied":{"recentResourceChanges":{"edges":[{"node":{"uniqueId":"a","changes":["code"],"resource":{"uniqueId":"a","name":"A","fqn":null},"mostRecentChangedAt":"2026-03-01T10:00:00Z"}},
			{"node":{"uniqueId":"b","resource":null}}],"pageInfo":{"hasNextPage":false,"endCursor":null}}}}}`,
			func(ctx context.Context, b *dbtcloud.MetadataBeta) (any, error) {
				return collect(b.RecentChanges(ctx, 5, 7))
			}, []*dbtcloud.ResourceChange{{UniqueID: "a", Changes: []string{"code"}, Resource: &dbtcloud.RelatedNode{UniqueID: "a", Name: "A"}, MostRecentChangedAt: at("2026-03-01T10:00:00Z")}, {UniqueID: "b"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, _ := scripted(t, always(200, "application/json", `{"data":`+test.data+`}`))
			got, err := test.call(t.Context(), c.Metadata.Beta())
			if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
				t.Errorf("error %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// TestBetaPages: a list goes on from the cursor of pageInfo or, where only edges have
// one, from that of the last edge until a page is not full.
func TestBetaPages(t *testing.T) {
	t.Parallel()
	edges := func(from, to int) string {
		var all []string
		for i := from; i < to; i++ {
			all = append(all, fmt.Sprintf(`{"cursor":"after-%d","node":{"uniqueId":"u%d","highlight":"u%d"}}`, i, i, i))
		}
		return `"edges":[` + strings.Join(all, ",") + `]`
	}
	tests := []struct {
		name, before, after string
		page                func(n int) string
		call                func(ctx context.Context, b *dbtcloud.MetadataBeta) (any, error)
		items               int
		cursors             []any
	}{
		{"search", `{"environment":{"applied":{"searchResults":{`, `}}}}`, func(n int) string { return edges((n-1)*100, min(n*100, 250)) },
			func(ctx context.Context, b *dbtcloud.MetadataBeta) (any, error) {
				return collect(b.Search(ctx, 5, dbtcloud.SearchFilter{Query: "x"}))
			}, 250, []any{nil, "after-99", "after-199"}},
		{"public models, the last page full", `{"account":{"publicModels":{`, `}}}`, func(n int) string { return edges((n-1)*100, min(n*100, 200)) },
			func(ctx context.Context, b *dbtcloud.MetadataBeta) (any, error) {
				return collect(b.PublicModels(ctx, dbtcloud.PublicModelFilter{}))
			}, 200, []any{nil, "after-99", "after-199"}},
		{"recommendations", `{"recommendations":{"rules":{`, `}}}`, func(n int) string {
			return edges(n*2-2, n*2) + fmt.Sprintf(`,"pageInfo":{"hasNextPage":%t,"endCursor":"end-%d"}`, n < 3, n)
		}, func(ctx context.Context, b *dbtcloud.MetadataBeta) (any, error) {
			return collect(b.Recommendations(ctx, 5, dbtcloud.RecommendationFilter{}))
		}, 6, []any{nil, "end-1", "end-2"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, s := scripted(t, func(n int, _ *http.Request) (*http.Response, error) {
				return response(200, "application/json", `{"data":`+test.before+test.page(n)+test.after+`}`), nil
			})
			got, err := test.call(t.Context(), c.Metadata.Beta())
			if err != nil || reflect.ValueOf(got).Len() != test.items {
				t.Errorf("%d items, error %v, want %d", reflect.ValueOf(got).Len(), err, test.items)
			}
			var cursors []any
			for _, r := range s.requests() {
				_, vars := documentOf(t, r)
				cursors = append(cursors, vars["after"])
			}
			if diff := cmp.Diff(test.cursors, cursors); diff != "" {
				t.Errorf("cursors (-want +got):\n%s", diff)
			}
		})
	}
}

// TestBetaFails: what each question makes of answers that are none.
func TestBetaFails(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body string
		is   error // nil: an *Error of another kind
	}{
		"nothing there":   {`{"data":{"account":null,"environment":null,"performance":null,"recommendations":null,"column":null}}`, dbtcloud.ErrNotFound},
		"another schema":  {`{"errors":[{"message":"Cannot query field \"x\" on type \"Y\".","extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}]}`, dbtcloud.ErrInvalidQuery},
		"numbers":         {`{"data":{"account":7,"environment":7,"performance":7,"recommendations":7,"column":7}}`, nil},
		"a list of lists": {`{"data":[[]]}`, nil},
	} {
		for _, a := range betaAskings() {
			c, _ := scripted(t, always(200, "application/json", test.body))
			_, err := a.call(t.Context(), c.Metadata.Beta())
			if _, ok := errors.AsType[*dbtcloud.Error](err); !ok || test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("%s, %s: error %v, want an *Error that is %v", a.name, name, err, test.is)
			}
			if !strings.Contains(fmt.Sprint(err), "POST /beta/graphql") {
				t.Errorf("%s, %s: error %q does not name the endpoint", a.name, name, err)
			}
		}
	}
}

// TestBetaRefuses: what cannot be meant is refused before any request.
func TestBetaRefuses(t *testing.T) {
	t.Parallel()
	day := func(d int) time.Time { return time.Date(2026, 3, d, 12, 0, 0, 0, time.UTC) }
	one := func(_ any, err error) error { return err }
	tests := map[string]func(ctx context.Context, b *dbtcloud.MetadataBeta) error{
		"ColumnLineage: the environment id must be positive, not 0": func(ctx context.Context, b *dbtcloud.MetadataBeta) error {
			return one(b.ColumnLineage(ctx, 0, model, dbtcloud.ColumnLineageFilter{}))
		},
		"ColumnLineage: the unique id is empty": func(ctx context.Context, b *dbtcloud.MetadataBeta) error {
			return one(b.ColumnLineage(ctx, 5, " ", dbtcloud.ColumnLineageFilter{}))
		},
		"MaxDepth must not be negative, but is -1": func(ctx context.Context, b *dbtcloud.MetadataBeta) error {
			return one(b.ColumnLineage(ctx, 5, model, dbtcloud.ColumnLineageFilter{MaxDepth: -1}))
		},
		"PublicModels: ProjectID must be positive, not -3": func(ctx context.Context, b *dbtcloud.MetadataBeta) error {
			return one(collect(b.PublicModels(ctx, dbtcloud.PublicModelFilter{ProjectID: -3})))
		},
		"EnvironmentIDs: an id must be positive, not 0": func(ctx context.Context, b *dbtcloud.MetadataBeta) error {
			return one(collect(b.PublicModels(ctx, dbtcloud.PublicModelFilter{EnvironmentIDs: []int64{5, 0}})))
		},
		"Search: Query is empty": func(ctx context.Context, b *dbtcloud.MetadataBeta) error {
			return one(collect(b.Search(ctx, 5, dbtcloud.SearchFilter{Query: "\t"})))
		},
		"Search: the environment id must be positive, not -5": func(ctx context.Context, b *dbtcloud.MetadataBeta) error {
			return one(collect(b.Search(ctx, -5, dbtcloud.SearchFilter{Query: "x"})))
		},
		"RecentChanges: the number of days must be positive, not 0": func(ctx context.Context, b *dbtcloud.MetadataBeta) error {
			return one(collect(b.RecentChanges(ctx, 5, 0)))
		},
		"QueryHistory: the period needs both of its ends": func(ctx context.Context, b *dbtcloud.MetadataBeta) error {
			return one(b.QueryHistory(ctx, 5, model, dbtcloud.Period{From: day(1)}))
		},
		"ModelJobs: the period must not end before it begins": func(ctx context.Context, b *dbtcloud.MetadataBeta) error {
			return one(b.ModelJobs(ctx, 5, model, dbtcloud.Period{From: day(2), To: day(1)}))
		},
		"nor leave the years 0 to 9999": func(ctx context.Context, b *dbtcloud.MetadataBeta) error {
			return one(b.MostFailedModels(ctx, 5, dbtcloud.Period{From: day(2), To: day(2).AddDate(9000, 0, 0)}, 1))
		},
		"MostFailedModels: Limit must not be negative, but is -1": func(ctx context.Context, b *dbtcloud.MetadataBeta) error {
			return one(b.MostFailedModels(ctx, 5, spring, -1))
		},
		"JobLimit must not be negative, but is -2": func(ctx context.Context, b *dbtcloud.MetadataBeta) error {
			return one(b.MostExecutedModels(ctx, 5, spring, dbtcloud.MostExecutedFilter{JobLimit: -2}))
		},
		"JobID must be positive, not -9": func(ctx context.Context, b *dbtcloud.MetadataBeta) error {
			return one(b.LongestExecutedModels(ctx, 5, spring, dbtcloud.LongestExecutedFilter{JobID: -9}))
		},
		`Types: only models and sources are counted, not "Seed"`: func(ctx context.Context, b *dbtcloud.MetadataBeta) error {
			return one(b.MostQueried(ctx, 5, spring, dbtcloud.MostQueriedFilter{Types: []dbtcloud.ResourceType{dbtcloud.ResourceModel, dbtcloud.ResourceSeed}}))
		},
	}
	for text, call := range tests {
		c, s := scripted(t, always(200, "application/json", `{"data":{}}`))
		if err := call(t.Context(), c.Metadata.Beta()); !errors.Is(err, dbtcloud.ErrInvalid) || !strings.Contains(err.Error(), text) || len(s.lines()) != 0 {
			t.Errorf("error %v after %v, want ErrInvalid that says %q", err, s.lines(), text)
		}
	}
	c, _ := scripted(t, always(200, "application/json", `{"data":{"performance":{"resourceQueryHistory":[]}}}`))
	sameDay := dbtcloud.Period{From: day(1).Add(time.Hour), To: day(1)}
	if _, err := c.Metadata.Beta().QueryHistory(t.Context(), 5, model, sameDay); err != nil {
		t.Errorf("one day, whatever the hours: %v", err)
	}
}

// TestBetaQuery: a query of one's own goes to the beta endpoint; the others do not.
func TestBetaQuery(t *testing.T) {
	t.Parallel()
	c, s := scripted(t, always(200, "application/json", `{"data":{"account":{"id":7,"publicModels":{"edges":[],"pageInfo":{"hasNextPage":false}}}}}`))
	var out struct{ Account struct{ ID int64 } }
	if err := c.Metadata.Beta().Query(t.Context(), "query($id: BigInt!) { account(id: $id) { id } }", map[string]any{"id": 7}, &out); err != nil || out.Account.ID != 7 {
		t.Errorf("got %+v and %v", out, err)
	}
	if err := c.Metadata.Query(t.Context(), "query { x }", nil, nil); err != nil {
		t.Error(err)
	}
	all := `query($after: String) { account(id: 7) { publicModels(after: $after) { edges { node { uniqueId } } pageInfo { endCursor hasNextPage } } } }`
	if models, err := dbtcloud.Collect(c.Metadata.Beta().QueryAll(t.Context(), all, nil, "account.publicModels")); err != nil || len(models) != 0 {
		t.Errorf("got %d models and %v", len(models), err)
	}
	if diff := cmp.Diff([]string{"POST /beta/graphql", "POST /graphql", "POST /beta/graphql"}, s.lines()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
