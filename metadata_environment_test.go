package dbtcloud_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
)

func environmentAskings() []asking {
	return []asking{
		{name: "Model", needs: true, vars: `{"filter":{"uniqueIds":["model.shop.Orders"]}}`, asks: "{ applied { models(first: $first, after: $after, filter: $filter)",
			answer: page("applied", "models", `{"uniqueId":"model.shop.Orders","name":"Orders"}`), want: &dbtcloud.Model{UniqueID: "model.shop.Orders", Name: "Orders"},
			call: func(ctx context.Context, m *dbtcloud.MetadataService, environmentID int64) (any, error) {
				return m.Model(ctx, environmentID, "model.shop.Orders")
			}},
		{name: "Environment", vars: `{}`, asks: "adapterType dbtProjectName applied { lastUpdatedAt latestGitSha resourceCounts } definition { lastUpdatedAt resourceCounts }",
			answer: `{"adapterType":"snowflake","dbtProjectName":"shop","applied":{"lastUpdatedAt":"2026-03-01T10:00:00Z","latestGitSha":"abc","resourceCounts":{"model":12,"test":"30","odd":null,"half":1.5,"later":{"x":1}}},"definition":null}`,
			want: &dbtcloud.EnvironmentInfo{AdapterType: "snowflake", ProjectName: "shop", Applied: dbtcloud.AppliedInfo{LastUpdatedAt: at("2026-03-01T10:00:00Z"), LatestGitSHA: "abc",
				Counts: dbtcloud.ResourceCounts{"model": 12, "test": 30}}},
			call: func(ctx context.Context, m *dbtcloud.MetadataService, environmentID int64) (any, error) {
				return m.Environment(ctx, environmentID)
			}},
		{name: "Tags", vars: `{}`, asks: "{ applied { tags { name } } }", answer: `{"applied":{"tags":[{"name":"nightly"},{"name":"pii"}]}}`, want: []string{"nightly", "pii"},
			call: func(ctx context.Context, m *dbtcloud.MetadataService, environmentID int64) (any, error) {
				return m.Tags(ctx, environmentID)
			}},
		{name: "Packages", vars: `{"resource":"model"}`, asks: "{ applied { packages(resource: $resource) } }", answer: `{"applied":{"packages":["shop","dbt_utils"]}}`, want: []string{"shop", "dbt_utils"},
			call: func(ctx context.Context, m *dbtcloud.MetadataService, environmentID int64) (any, error) {
				return m.Packages(ctx, environmentID, dbtcloud.PackagesOfModels)
			}},
		{name: "Owners", vars: `{"resource":"group"}`, asks: "{ applied { owners(resource: $resource) { name email } } }", answer: `{"applied":{"owners":[{"name":"Ada","email":"ada@example.com"}]}}`,
			want: []*dbtcloud.Owner{{Name: "Ada", Email: "ada@example.com"}},
			call: func(ctx context.Context, m *dbtcloud.MetadataService, environmentID int64) (any, error) {
				return m.Owners(ctx, environmentID, dbtcloud.OwnersOfGroups)
			}},
		{name: "ExposureTile", needs: true, vars: `{"filter":{"biResourceId":"b-1","autoBiProvider":"tableau"}}`, asks: "{ applied { exposureTile(filter: $filter) { uniqueId name",
			answer: `{"applied":{"exposureTile":{"uniqueId":"exposure.shop.board","quality":"Warn","healthIssues":["FailedTestUpstreamModels","Later"],"autoBiProvider":null,"maxSnapshottedAt":null,"upstreamStats":{"sources":2}}}}`,
			want:   &dbtcloud.ExposureTile{UniqueID: "exposure.shop.board", Quality: dbtcloud.QualityWarn, HealthIssues: []dbtcloud.ExposureHealthIssue{dbtcloud.IssueFailedUpstreamTest, "Later"}, UpstreamStats: map[string]any{"sources": 2.0}},
			call: func(ctx context.Context, m *dbtcloud.MetadataService, environmentID int64) (any, error) {
				return m.ExposureTile(ctx, environmentID, dbtcloud.ExposureTileFilter{BIResourceID: "b-1", AutoBIProvider: dbtcloud.BIProviderTableau})
			}},
	}
}

// TestRefusedQuestions: what cannot be meant is refused before any request.
func TestRefusedQuestions(t *testing.T) {
	t.Parallel()
	one := func(_ any, err error) error { return err }
	blank := []string{"model.a", ""}
	tests := []struct {
		name, text string
		call       func(ctx context.Context, m *dbtcloud.MetadataService) error
	}{
		{"a blank id", "uniqueIds hold an empty string", func(ctx context.Context, m *dbtcloud.MetadataService) error {
			return one(collect(m.Models(ctx, 5, dbtcloud.ModelFilter{UniqueIDs: blank})))
		}},
		{"a blank id of one", "uniqueIds hold an empty string", func(ctx context.Context, m *dbtcloud.MetadataService) error { return one(m.Model(ctx, 5, "")) }},
		{"a blank tag", "tags hold an empty string", func(ctx context.Context, m *dbtcloud.MetadataService) error {
			return one(collect(m.SeedDefinitions(ctx, 5, dbtcloud.SeedDefinitionFilter{Tags: blank})))
		}},
		{"a blank result", "lastKnownResults hold an empty string", func(ctx context.Context, m *dbtcloud.MetadataService) error {
			return one(collect(m.Tests(ctx, 5, dbtcloud.TestFilter{LastKnownResults: []dbtcloud.NodeStatus{""}})))
		}},
		{"no types", "types are empty", func(ctx context.Context, m *dbtcloud.MetadataService) error {
			return one(collect(m.Resources(ctx, 5, dbtcloud.ResourceFilter{UniqueIDs: []string{"a"}})))
		}},
		{"no types of definitions", "types are empty", func(ctx context.Context, m *dbtcloud.MetadataService) error {
			return one(collect(m.ResourceDefinitions(ctx, 5, dbtcloud.ResourceDefinitionFilter{})))
		}},
		{"a blank type", "types hold an empty string", func(ctx context.Context, m *dbtcloud.MetadataService) error {
			return one(collect(m.Resources(ctx, 5, dbtcloud.ResourceFilter{Types: []dbtcloud.ResourceType{""}})))
		}},
		{"a direction of nothing", "direction but no field", func(ctx context.Context, m *dbtcloud.MetadataService) error {
			return one(collect(m.Models(ctx, 5, dbtcloud.ModelFilter{Sort: dbtcloud.ModelSort{Direction: dbtcloud.Descending}})))
		}},
		{"packages of nothing", "PackagesOfModels or PackagesOfMacros", func(ctx context.Context, m *dbtcloud.MetadataService) error { return one(m.Packages(ctx, 5, "")) }},
		{"owners of nothing", "OwnersOfExposures or OwnersOfGroups", func(ctx context.Context, m *dbtcloud.MetadataService) error { return one(m.Owners(ctx, 5, "")) }},
		{"no exposure", "say which exposure", func(ctx context.Context, m *dbtcloud.MetadataService) error {
			return one(m.ExposureTile(ctx, 5, dbtcloud.ExposureTileFilter{AutoBIProvider: dbtcloud.BIProviderPowerBI}))
		}},
		{"no name", "the name is empty", func(ctx context.Context, m *dbtcloud.MetadataService) error {
			return one(collect(m.ModelsByName(ctx, 5, "")))
		}},
		{"a field that is none, before names are read", "did you mean description", func(ctx context.Context, m *dbtcloud.MetadataService) error {
			return one(collect(m.ModelsByName(ctx, 5, "orders", dbtcloud.Fields("descripton"))))
		}},
		{"a name in no environment", "environment id must be positive", func(ctx context.Context, m *dbtcloud.MetadataService) error {
			return one(collect(m.ModelsByName(ctx, 0, "orders")))
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, s := scripted(t, always(200, "application/json", `{"data":{}}`))
			err := test.call(t.Context(), c.Metadata)
			if !errors.Is(err, dbtcloud.ErrInvalid) || !strings.Contains(err.Error(), test.text) || len(s.lines()) != 0 {
				t.Errorf("error %v after %v, want ErrInvalid that says %q", err, s.lines(), test.text)
			}
		})
	}
}

// TestNotInTheEnvironment: what was asked for by name and is not there is told by name.
func TestNotInTheEnvironment(t *testing.T) {
	t.Parallel()
	c, _ := scripted(t, always(200, "application/json", `{"data":{"environment":{"applied":{"models":{"edges":[],"pageInfo":{"hasNextPage":false}},"exposureTile":null}}}}`))
	_, noModel := c.Metadata.Model(t.Context(), 5, "model.shop.Orders")
	_, noTile := c.Metadata.ExposureTile(t.Context(), 5, dbtcloud.ExposureTileFilter{UniqueID: "exposure.shop.Board"})
	for want, err := range map[string]error{`model "model.shop.Orders" not found in environment 5`: noModel, `exposure "exposure.shop.Board" not found in environment 5`: noTile} {
		if !errors.Is(err, dbtcloud.ErrNotFound) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want ErrNotFound that says %s", err, want)
		}
	}
}

// TestResourceCounts: counts that are no object are refused.
func TestResourceCounts(t *testing.T) {
	t.Parallel()
	counts := dbtcloud.ResourceCounts{"old": 1}
	if err := counts.UnmarshalJSON([]byte(`[1]`)); err == nil {
		t.Error("a list was taken for counts")
	}
	if err := counts.UnmarshalJSON([]byte(`null`)); err != nil || counts != nil {
		t.Errorf("null is %v, %v", counts, err)
	}
	if diff := cmp.Diff(dbtcloud.ResourceCounts(nil), counts); diff != "" {
		t.Error(diff)
	}
}

// TestModelsByName: the names of all models are read, and then the models that have the
// name are asked for by their ids, with what the caller wants of them.
func TestModelsByName(t *testing.T) {
	t.Parallel()
	answers := []string{
		`{"edges":[{"node":{"uniqueId":"model.shop.orders.v1","name":"orders"}},{"node":{"uniqueId":"model.shop.Orders","name":"Orders"}}],"pageInfo":{"endCursor":"c1","hasNextPage":true}}`,
		`{"edges":[{"node":{"uniqueId":"model.shop.orders_2","name":"orders_2"}},{"node":{"uniqueId":"model.other.orders","name":"orders"}}],"pageInfo":{"endCursor":"c2","hasNextPage":false}}`,
		`{"edges":[{"node":{"uniqueId":"model.other.orders","alias":"o"}},{"node":{"uniqueId":"model.shop.orders.v1","alias":"orders_v1"}}],"pageInfo":{"endCursor":"c3","hasNextPage":false}}`,
	}
	c, s := scripted(t, func(n int, _ *http.Request) (*http.Response, error) {
		return response(200, "application/json", `{"data":{"environment":{"applied":{"models":`+answers[(n-1)%3]+`}}}}`), nil
	})
	models := c.Metadata.ModelsByName(t.Context(), 5, "orders", dbtcloud.Fields("alias"))
	want := []*dbtcloud.Model{{UniqueID: "model.other.orders", Alias: "o"}, {UniqueID: "model.shop.orders.v1", Alias: "orders_v1"}}
	for range 2 { // it is restartable
		got, err := dbtcloud.Collect(models)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("error %v, models (-want +got):\n%s", err, diff)
		}
	}
	var sent []string
	for _, r := range s.requests()[:3] {
		var q struct {
			Query     string
			Variables json.RawMessage
		}
		if err := json.Unmarshal([]byte(r.Body), &q); err != nil {
			t.Fatal(err)
		}
		_, fields, _ := strings.Cut(q.Query, "node ")
		fields, _, _ = strings.Cut(fields, "}")
		sent = append(sent, strings.Join(strings.Fields(fields), " ")+" "+string(q.Variables))
	}
	if diff := cmp.Diff([]string{
		`{ uniqueId name {"environmentId":5,"first":500}`,
		`{ uniqueId name {"after":"c1","environmentId":5,"first":500}`,
		`{ uniqueId alias {"environmentId":5,"filter":{"uniqueIds":["model.shop.orders.v1","model.other.orders"]},"first":500}`,
	}, sent); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
}

// TestModelsByNameEnds: a name that nothing has costs no further request, and an error on
// the way is told.
func TestModelsByNameEnds(t *testing.T) {
	t.Parallel()
	c, s := scripted(t, always(200, "application/json", `{"data":{"environment":`+page("applied", "models", `{"uniqueId":"model.a","name":"a"}`)+`}}`))
	if got, err := dbtcloud.Collect(c.Metadata.ModelsByName(t.Context(), 5, "b")); err != nil || len(got) != 0 || len(s.lines()) != 1 {
		t.Errorf("got %v, %v after %d requests", got, err, len(s.lines()))
	}
	c, _ = scripted(t, always(200, "application/json", `{"errors":[{"message":"Environment 5 not found"}]}`))
	if _, err := dbtcloud.Collect(c.Metadata.ModelsByName(t.Context(), 5, "b")); !errors.Is(err, dbtcloud.ErrNotFound) {
		t.Errorf("error %v, want ErrNotFound", err)
	}
}
