package dbtcloud_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
)

// sourcesOf is a page of sources with these statuses of freshness; "-" is one without any.
func sourcesOf(statuses ...string) string {
	var edges []string
	for _, status := range statuses {
		freshness := `{"freshnessStatus":"` + status + `"}`
		if status == "-" {
			freshness = "null"
		}
		edges = append(edges, `{"node":{"uniqueId":"source.`+status+`","freshness":`+freshness+`}}`)
	}
	return `{"applied":{"sources":{"edges":[` + strings.Join(edges, ",") + `],"pageInfo":{"endCursor":"c","hasNextPage":false}}}}`
}

func healthAskings() []asking {
	freshness := func(status dbtcloud.FreshnessStatus) *dbtcloud.Source {
		return &dbtcloud.Source{UniqueID: "source." + string(status), Freshness: &dbtcloud.Freshness{FreshnessStatus: status}}
	}
	const sources = "{ applied { sources(first: $first, after: $after"
	return []asking{
		{name: "SourceFreshness", vars: `{}`, asks: sources + ") { edges { node { uniqueId name", answer: sourcesOf("Pass", "-", "Later"),
			want: []*dbtcloud.Source{freshness("Pass"), {UniqueID: "source.-"}, freshness("Later")},
			call: func(ctx context.Context, m *dbtcloud.MetadataService, environmentID int64) (any, error) {
				return dbtcloud.Collect(m.SourceFreshness(ctx, environmentID))
			}},
		{name: "SourceFreshness", vars: `{"filter":{"freshnessStatus":"Error"}}`, asks: sources + ", filter: $filter)", answer: sourcesOf("Error", "Pass"), want: []*dbtcloud.Source{freshness("Error")},
			call: func(ctx context.Context, m *dbtcloud.MetadataService, environmentID int64) (any, error) {
				return dbtcloud.Collect(m.SourceFreshness(ctx, environmentID, dbtcloud.FreshnessError))
			}},
		{name: "SourceFreshness", vars: `{}`, asks: "criteria { errorAfter { count period } warnAfter { count period } }", answer: sourcesOf("Warn", "-", "Pass", "Error", "Unknown"),
			want: []*dbtcloud.Source{freshness("Warn"), freshness("Error")},
			call: func(ctx context.Context, m *dbtcloud.MetadataService, environmentID int64) (any, error) {
				return dbtcloud.Collect(m.SourceFreshness(ctx, environmentID, dbtcloud.FreshnessError, dbtcloud.FreshnessWarn))
			}},
		{name: "FailingTests", vars: `{}`, asks: "{ applied { tests(first: $first, after: $after) {",
			answer: `{"applied":{"tests":{"edges":[{"node":{"uniqueId":"test.pass","executionInfo":{"lastRunStatus":"pass"}}},{"node":{"uniqueId":"test.fail","executionInfo":{"lastRunStatus":"fail","lastRunFailures":"3"}}},
				{"node":{"uniqueId":"test.never","executionInfo":{"lastRunStatus":null}}},{"node":{"uniqueId":"test.null","executionInfo":null}},{"node":{"uniqueId":"test.skipped","executionInfo":{"lastRunStatus":"skipped"}}},
				{"node":{"uniqueId":"test.warn","executionInfo":{"lastRunStatus":"warn"}}},{"node":{"uniqueId":"test.error","executionInfo":{"lastRunStatus":"error"}}}],"pageInfo":{"endCursor":"c","hasNextPage":false}}}}`,
			want: []*dbtcloud.Test{
				{UniqueID: "test.fail", ExecutionInfo: &dbtcloud.ExecutionInfo{LastRunStatus: dbtcloud.NodeFail, LastRunFailures: new(int64(3))}},
				{UniqueID: "test.error", ExecutionInfo: &dbtcloud.ExecutionInfo{LastRunStatus: dbtcloud.NodeError}},
			},
			call: func(ctx context.Context, m *dbtcloud.MetadataService, environmentID int64) (any, error) {
				return dbtcloud.Collect(m.FailingTests(ctx, environmentID))
			}},
		{name: "FailedModels", vars: `{"filter":{"lastRunStatus":"error"}}`, asks: "{ applied { models(first: $first, after: $after, filter: $filter",
			answer: page("applied", "models", `{"uniqueId":"model.a","executionInfo":{"lastRunStatus":"error","lastRunError":"Database Error"}}`),
			want:   []*dbtcloud.Model{{UniqueID: "model.a", ExecutionInfo: &dbtcloud.ExecutionInfo{LastRunStatus: dbtcloud.NodeError, LastRunError: "Database Error"}}},
			call: func(ctx context.Context, m *dbtcloud.MetadataService, environmentID int64) (any, error) {
				return dbtcloud.Collect(m.FailedModels(ctx, environmentID))
			}},
		{name: "ModelHealth", needs: true, vars: `{"filter":{"uniqueIds":["model.a"]},"ancestorTypes":["Model","Source","Seed","Snapshot"]}`, asks: "ancestors(types: $ancestorTypes) {",
			answer: page("applied", "models", `{"uniqueId":"model.a","description":"Orders","executionInfo":{"lastRunStatus":"success"},
				"tests":[{"uniqueId":"test.u","executionInfo":{"lastRunStatus":"fail","lastRunFailures":2}}],
				"ancestors":[{"__typename":"SourceAppliedStateNestedNode","uniqueId":"source.x","freshness":{"freshnessStatus":"Warn","maxLoadedAt":"2026-03-01T10:00:00Z"}},
					{"__typename":"ModelAppliedStateNestedNode","uniqueId":"model.up","modelAppliedStateNestedNode_executionInfo":{"lastRunStatus":"error"}},
					{"__typename":"SeedAppliedStateNestedNode","uniqueId":"seed.up","seedAppliedStateNestedNode_executionInfo":{"lastRunStatus":"success"}}]}`),
			want: &dbtcloud.ModelHealth{Health: dbtcloud.HealthDegraded,
				Model: &dbtcloud.Model{UniqueID: "model.a", Description: "Orders", ExecutionInfo: &dbtcloud.ExecutionInfo{LastRunStatus: dbtcloud.NodeSuccess},
					Tests: []*dbtcloud.NestedTest{{UniqueID: "test.u", ExecutionInfo: &dbtcloud.ExecutionInfo{LastRunStatus: dbtcloud.NodeFail, LastRunFailures: new(int64(2))}}},
					Ancestors: []*dbtcloud.RelatedNode{
						{UniqueID: "source.x", Freshness: &dbtcloud.Freshness{FreshnessStatus: dbtcloud.FreshnessWarn, MaxLoadedAt: at("2026-03-01T10:00:00Z")}},
						{UniqueID: "model.up", ExecutionInfo: &dbtcloud.ExecutionInfo{LastRunStatus: dbtcloud.NodeError}},
						{UniqueID: "seed.up", ExecutionInfo: &dbtcloud.ExecutionInfo{LastRunStatus: dbtcloud.NodeSuccess}}}},
				Reasons: []dbtcloud.HealthReason{
					{Health: dbtcloud.HealthDegraded, Issue: dbtcloud.ModelIssueFailedTest, UniqueID: "test.u", Text: "the test failed: 2 failures"},
					{Health: dbtcloud.HealthCaution, Issue: dbtcloud.ModelIssueFailedUpstream, UniqueID: "model.up", Text: "the last run of it, upstream, failed"},
					{Health: dbtcloud.HealthCaution, Issue: dbtcloud.ModelIssueCautionSources, UniqueID: "source.x", Text: "the source is getting stale, since 2026-03-01"}}},
			call: func(ctx context.Context, m *dbtcloud.MetadataService, environmentID int64) (any, error) {
				return m.ModelHealth(ctx, environmentID, "model.a")
			}},
	}
}

func TestModelHealthRefuses(t *testing.T) {
	t.Parallel()
	c, s := scripted(t, always(200, "application/json", `{"data":{}}`))
	if _, err := c.Metadata.ModelHealth(t.Context(), 5, ""); !errors.Is(err, dbtcloud.ErrInvalid) || len(s.lines()) != 0 {
		t.Errorf("error %v after %v, want ErrInvalid", err, s.lines())
	}
}

// TestHealthQuestionsCanBeLeft: a sequence that is left asks for no more.
func TestHealthQuestionsCanBeLeft(t *testing.T) {
	t.Parallel()
	c, s := scripted(t, always(200, "application/json", `{"data":{"environment":`+strings.Replace(sourcesOf("Error", "Error"), "false", "true", 1)+`}}`))
	var got []string
	for source, err := range c.Metadata.SourceFreshness(t.Context(), 5, dbtcloud.FreshnessError) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, source.UniqueID)
		break
	}
	if diff := cmp.Diff([]string{"source.Error"}, got); diff != "" || len(s.lines()) != 1 {
		t.Errorf("%d requests (-want +got):\n%s", len(s.lines()), diff)
	}
}
