package contract

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/slimci/dbtcloud"
)

// named is what a caller may want of any node.
type named struct {
	UniqueID string `json:"uniqueId"`
	Name     string
}

// built is what a caller may want of what runs.
type built struct {
	named
	ExecutionInfo struct {
		LastRunStatus string `json:"lastRunStatus"`
		ExecutionTime *float64
		LastRunID     json.Number `json:"lastRunId"`
	} `json:"executionInfo"`
}

// mixed is what a caller may want of nodes of several kinds.
type mixed struct {
	built
	Kind      string `json:"__typename"`
	Loader    *string
	Version   json.RawMessage
	Freshness *struct{ FreshnessStatus string }
}

// selected asks for the list of a filter by a struct, and counts what came.
func selected[T any](f dbtcloud.Filter) func(context.Context, *dbtcloud.MetadataService) (int, error) {
	return func(ctx context.Context, s *dbtcloud.MetadataService) (int, error) {
		items, err := dbtcloud.Collect(dbtcloud.Select[T](ctx, s, 7, f))
		return len(items), err
	}
}

// structQueries is one struct for every list of an environment.
func structQueries() map[reflect.Type]func(context.Context, *dbtcloud.MetadataService) (int, error) {
	type ancestry struct {
		built
		Meta      map[string]any
		Ancestors []*mixed
		Children  []mixed
		Tests     []*struct {
			ColumnName, TestType string
			ExecutionInfo        map[string]any `json:"-"`
		}
		Catalog *struct{ Columns []struct{ Name, Type string } }
	}
	kinds := []dbtcloud.ResourceType{dbtcloud.ResourceModel, dbtcloud.ResourceSource}
	return map[reflect.Type]func(context.Context, *dbtcloud.MetadataService) (int, error){
		reflect.TypeFor[dbtcloud.ModelFilter]():    selected[ancestry](dbtcloud.ModelFilter{Tags: []string{"nightly"}}),
		reflect.TypeFor[dbtcloud.SeedFilter]():     selected[built](dbtcloud.SeedFilter{}),
		reflect.TypeFor[dbtcloud.SnapshotFilter](): selected[built](dbtcloud.SnapshotFilter{}),
		reflect.TypeFor[dbtcloud.SourceFilter](): selected[struct {
			named
			Freshness struct {
				Criteria struct{ WarnAfter struct{ Count int } }
			}
		}](dbtcloud.SourceFilter{}),
		reflect.TypeFor[dbtcloud.TestFilter](): selected[struct {
			named
			Given        []any
			TestMetadata struct{ Kwargs json.RawMessage }
		}](dbtcloud.TestFilter{}),
		reflect.TypeFor[dbtcloud.ExposureFilter](): selected[struct {
			named
			Parents []mixed
		}](dbtcloud.ExposureFilter{}),
		reflect.TypeFor[dbtcloud.ResourceFilter](): selected[struct {
			Kind string `json:"__typename"`
			built
			MacroSQL string `json:"macroSql"`
		}](dbtcloud.ResourceFilter{Types: kinds}),
		reflect.TypeFor[dbtcloud.ResourceDefinitionFilter](): selected[struct {
			named
			RawCode string
			Exports []struct{ Config struct{ ExportAs string } }
		}](dbtcloud.ResourceDefinitionFilter{Types: kinds}),
		reflect.TypeFor[dbtcloud.ModelDefinitionFilter](): selected[struct {
			named
			Ancestors []named
			Parents   []struct{ SourceName, Alias string }
		}](dbtcloud.ModelDefinitionFilter{}),
		reflect.TypeFor[dbtcloud.SourceDefinitionFilter]():   selected[named](dbtcloud.SourceDefinitionFilter{}),
		reflect.TypeFor[dbtcloud.SeedDefinitionFilter]():     selected[map[string]any](dbtcloud.SeedDefinitionFilter{}),
		reflect.TypeFor[dbtcloud.SnapshotDefinitionFilter](): selected[json.RawMessage](dbtcloud.SnapshotDefinitionFilter{}),
		reflect.TypeFor[dbtcloud.TestDefinitionFilter]():     selected[named](dbtcloud.TestDefinitionFilter{}),
		reflect.TypeFor[dbtcloud.ExposureDefinitionFilter](): selected[named](dbtcloud.ExposureDefinitionFilter{}),
		reflect.TypeFor[dbtcloud.MacroFilter](): selected[struct {
			named
			Arguments []struct{ Name, Type string }
		}](dbtcloud.MacroFilter{}),
		reflect.TypeFor[dbtcloud.MetricFilter](): selected[named](dbtcloud.MetricFilter{}),
		reflect.TypeFor[dbtcloud.SemanticModelFilter](): selected[struct {
			named
			Measures []struct{ Agg, Expr string }
		}](dbtcloud.SemanticModelFilter{}),
		reflect.TypeFor[dbtcloud.SavedQueryFilter](): selected[struct {
			named
			QueryParams struct {
				Metrics []string
				Where   struct {
					WhereFilters []struct {
						WhereSQLTemplate string `json:"whereSqlTemplate"`
					}
				}
			}
		}](dbtcloud.SavedQueryFilter{}),
		reflect.TypeFor[dbtcloud.GroupFilter](): selected[struct {
			named
			Models []named
		}](dbtcloud.GroupFilter{}),
	}
}

// TestStructQueries asks for every list by a struct of the caller, and validates what is sent.
func TestStructQueries(t *testing.T) {
	t.Parallel()
	g, queries := loadGraph(t), structQueries()
	client, _ := asker(t, g)
	for _, c := range calls(client) {
		for in := range c.fn.Type().Ins() {
			if in.Implements(reflect.TypeFor[dbtcloud.Filter]()) && queries[in] == nil {
				t.Errorf("%s takes a %s, and no struct query is tried with it", c.name, in.Name())
			}
		}
	}
	for filter, query := range queries {
		t.Run(filter.Name(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client, o := asker(t, g)
				if n, err := query(t.Context(), client.Metadata); err != nil || n == 0 {
					t.Errorf("%d items: %v", n, err)
				}
				asked := o.take()
				if len(asked) != 2 {
					t.Errorf("%d questions for two pages", len(asked))
				}
				for _, q := range asked {
					for _, problem := range q.wrong {
						t.Errorf("%s: %s", q.Query, problem)
					}
				}
			})
		})
	}
}

// TestRawQueries sends the documents of callers as they are, and follows the lists in them.
func TestRawQueries(t *testing.T) {
	t.Parallel()
	const (
		models = `query Mine($id: BigInt!, $first: Int, $after: String) {environment(id: $id) {applied {models(first: $first, after: $after) {edges {node {uniqueId}} pageInfo {endCursor hasNextPage}}}}}`
		job    = `query Mine($id: BigInt!, $first: Int, $after: String) {job(id: $id) {models(first: $first, after: $after) {uniqueId paginationCursor}}}`
		rules  = `query Mine($id: BigInt!, $first: Int!, $after: String) {recommendations(environmentId: $id) {rules(first: $first, after: $after) {edges {node {name}} pageInfo {endCursor hasNextPage}}}}`
		shared = `query Mine($id: BigInt!) {account(id: $id) {meshProjects {...all}}} fragment all on X_MeshProject {projectId}`
	)
	g := loadGraph(t)
	all := func(query, connection string) func(context.Context, *dbtcloud.Client) (int, error) {
		return func(ctx context.Context, client *dbtcloud.Client) (int, error) {
			items, err := dbtcloud.Collect(dbtcloud.QueryAll[map[string]any](ctx, client.Metadata, query, map[string]any{"id": 7, "first": 1}, connection))
			return len(items), err
		}
	}
	tests := []struct {
		name, query string
		ask         func(context.Context, *dbtcloud.Client) (int, error)
		items       int
		path        string
		questions   int
		wrong       string
	}{
		{"one answer", models, func(ctx context.Context, client *dbtcloud.Client) (int, error) {
			return 1, client.Metadata.Query(ctx, models, map[string]any{"id": 7}, nil)
		}, 1, stablePath, 1, ""},
		{"pages", models, all(models, "environment.applied.models"), 2, stablePath, 2, ""},
		{"pages of a job", job, all(job, "job.models"), 1, stablePath, 2, ""},
		{"pages of beta", rules, func(ctx context.Context, client *dbtcloud.Client) (int, error) {
			items, err := dbtcloud.Collect(client.Metadata.Beta().QueryAll(ctx, rules, map[string]any{"id": 7}, "recommendations.rules"))
			return len(items), err
		}, 2, betaPath, 2, ""},
		{"what only the server knows to be wrong", shared, func(ctx context.Context, client *dbtcloud.Client) (int, error) {
			return 0, client.Metadata.Beta().Query(ctx, shared, map[string]any{"id": 7}, nil)
		}, 0, betaPath, 1, "made up"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client, o := asker(t, g)
				items, err := tt.ask(t.Context(), client)
				if items != tt.items || (err == nil) != (tt.wrong == "") {
					t.Errorf("%d items, want %d: %v", items, tt.items, err)
				}
				if err != nil && (!errors.Is(err, dbtcloud.ErrInvalidQuery) || !strings.Contains(err.Error(), tt.wrong)) {
					t.Errorf("the error is %v", err)
				}
				asked := o.take()
				if len(asked) != tt.questions {
					t.Errorf("%d questions, want %d", len(asked), tt.questions)
				}
				for _, q := range asked {
					if q.path != tt.path || q.Query != tt.query || (len(q.wrong) == 0) != (tt.wrong == "") {
						t.Errorf("sent %s to %s: %v", q.Query, q.path, q.wrong)
					}
				}
			})
		})
	}
}

// TestLatestRun leaves the run to the server.
func TestLatestRun(t *testing.T) {
	t.Parallel()
	g := loadGraph(t)
	synctest.Test(t, func(t *testing.T) {
		client, o := asker(t, g)
		for _, err := range client.Metadata.Job(7, 0).Models(t.Context(), dbtcloud.JobModelFilter{}) {
			noError(t, err)
		}
		for _, q := range o.take() {
			if _, given := q.Variables["runId"]; given || len(q.wrong) > 0 {
				t.Errorf("sent %s with %v: %v", q.Query, q.Variables, q.wrong)
			}
		}
	})
}
