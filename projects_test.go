package dbtcloud_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

func TestProjectDecodes(t *testing.T) {
	t.Parallel()
	c, _ := scripted(t, always(200, "application/json", envelope(fixture(t, "project.json"))))
	got, err := c.Projects.Get(t.Context(), 70506183000002)
	if err != nil {
		t.Fatal(err)
	}
	at := dbtcloud.Time{Time: time.Date(2021, 11, 16, 16, 26, 24, 412439000, time.UTC)}
	null := json.RawMessage("null")
	want := &dbtcloud.Project{
		ID: 70506183000002, AccountID: 70506183000001, Name: "jaffle_shop", ConnectionID: 70506183000005, RepositoryID: 70506183000006,
		SemanticLayerConfigID: 70506183000007, Type: dbtcloud.ProjectDefault, State: dbtcloud.StateActive, DefaultVersion: "latest",
		CreatedAt: dbtcloud.Time{Time: time.Date(2021, 4, 14, 20, 23, 0, 395285000, time.UTC)},
		UpdatedAt: dbtcloud.Time{Time: time.Date(2021, 11, 16, 16, 32, 43, 960836000, time.UTC)},
		Environments: []dbtcloud.Environment{{ID: 70506183000003, AccountID: 70506183000001, Name: "Production", Type: dbtcloud.EnvironmentDeployment,
			DeploymentType: dbtcloud.DeploymentProduction}},
		Repository: &dbtcloud.Repository{ID: 70506183000006, AccountID: 70506183000001, ProjectID: 70506183000002, Name: "jaffle_shop",
			FullName: "jaffle/jaffle_shop", RemoteBackend: "github", GitCloneStrategy: "github_app", RemoteURL: "git://github.com/jaffle/jaffle_shop.git",
			State: dbtcloud.StateActive, CreatedAt: at, UpdatedAt: dbtcloud.Time{Time: at.Add(16 * time.Microsecond)}},
		Connection:       json.RawMessage(`{"id":70506183000005,"name":"Bigquery","type":"bigquery","details":{"retries":1,"location":null}}`),
		GroupPermissions: json.RawMessage("[]"), DocsJob: null, FreshnessJob: null, FusionReadiness: null,
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(dbtcloud.Project{}, dbtcloud.Environment{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !bytes.Contains(got.Raw(), []byte(`"skipped_setup":false`)) {
		t.Error("Raw lacks a field that is not known")
	}
}

func TestProjectFilterQuery(t *testing.T) {
	t.Parallel()
	filter := dbtcloud.ProjectFilter{IDs: []int64{1, 2}, After: 5, NameContains: "shop & more", IncludeDeleted: true,
		Include: []dbtcloud.ProjectInclude{dbtcloud.ProjectWithRepository, dbtcloud.ProjectWithConnection}}
	var got url.Values
	c, _ := scripted(t, func(_ int, req *http.Request) (*http.Response, error) {
		got = req.URL.Query()
		return response(200, "application/json", envelope("[]")), nil
	})
	if _, err := dbtcloud.Collect(c.Projects.All(t.Context(), filter)); err != nil {
		t.Fatal(err)
	}
	want := url.Values{"pk__in": {"[1,2]"}, "pk__gt": {"5"}, "name__icontains": {"shop & more"}, "state": {"all"},
		"include_related": {"repository,connection"}, "order_by": {"id"}, "limit": {"100"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestProjectsLive: a project is made, listed over more than a page, changed and
// deleted, with writes that are judged strictly.
func TestProjectsLive(t *testing.T) {
	t.Parallel()
	s := dbtcloudtest.New(dbtcloudtest.WithNoise())
	c, err := s.Client()
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	made, err := c.Projects.Create(ctx, dbtcloud.ProjectRequest{Name: "shop", Description: "the shop", Subdirectory: "dbt", ConnectionID: 5, Type: dbtcloud.ProjectHybrid})
	if err != nil {
		t.Fatal(err)
	}
	for range 120 {
		s.AddProject(0, "more")
	}
	found, err := dbtcloud.Collect(c.Projects.All(ctx, dbtcloud.ProjectFilter{NameContains: "MORE"}))
	if err != nil || len(found) != 120 {
		t.Errorf("found %d projects, %v; want 120", len(found), err)
	}
	s.EditProject(made.ID, func(fields map[string]any) { fields["shiny_new_setting"] = map[string]any{"level": 3} })
	changed, err := c.Projects.Update(ctx, made.ID, dbtcloud.ProjectRequest{Name: "store"})
	if err != nil {
		t.Fatal(err)
	}
	got := []any{changed.Name, changed.Description, changed.Subdirectory, changed.ConnectionID, changed.Type, bytes.Contains(changed.Raw(), []byte(`"level":3`))}
	if diff := cmp.Diff([]any{"store", "the shop", "dbt", int64(5), dbtcloud.ProjectHybrid, true}, got); diff != "" {
		t.Errorf("after the update (-want +got):\n%s", diff)
	}
	if err := c.Projects.Delete(ctx, made.ID); err != nil {
		t.Fatal(err)
	}
	if err := c.Projects.Delete(ctx, made.ID); !errors.Is(err, dbtcloud.ErrNotFound) {
		t.Errorf("deleting it again: %v, want ErrNotFound", err)
	}
}
