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

func TestEnvironmentDecodes(t *testing.T) {
	t.Parallel()
	c, _ := scripted(t, always(200, "application/json", envelope(fixture(t, "environment.json"))))
	got, err := c.Environments.Get(t.Context(), 70506183000002, 70506183000003)
	if err != nil {
		t.Fatal(err)
	}
	at := dbtcloud.Time{Time: time.Date(2021, 11, 16, 16, 26, 2, 542525000, time.UTC)}
	null := json.RawMessage("null")
	want := &dbtcloud.Environment{
		ID: 70506183000003, AccountID: 70506183000001, ProjectID: 70506183000002, Name: "Production", DbtVersion: "latest", RawDbtVersion: "latest",
		Type: dbtcloud.EnvironmentDeployment, DeploymentType: dbtcloud.DeploymentProduction, ConnectionID: 70506183000005, CredentialsID: 70506183000008,
		ExtendedAttributesID: 70506183000009, UseCustomBranch: true, CustomBranch: "release", SupportsDocs: true, IsDeferrable: true,
		State: dbtcloud.StateActive, CreatedAt: at, UpdatedAt: at,
		Project:    &dbtcloud.Project{ID: 70506183000002, Name: "jaffle_shop"},
		Repository: &dbtcloud.Repository{ID: 70506183000006, FullName: "jaffle/jaffle_shop", RemoteBackend: "github"},
		Connection: null, Credentials: json.RawMessage(`{"id":70506183000008,"type":"bigquery","password":"**********"}`), FusionReadiness: null,
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(dbtcloud.Project{}, dbtcloud.Environment{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !bytes.Contains(got.Raw(), []byte(`"shiny_new_setting"`)) {
		t.Error("Raw lacks a field that is not known")
	}
}

func TestEnvironmentFilterQuery(t *testing.T) {
	t.Parallel()
	filter := dbtcloud.EnvironmentFilter{IDs: []int64{1, 2}, After: 5, Name: "CI", NameContains: "c", Type: dbtcloud.EnvironmentDeployment,
		DeploymentTypes: []dbtcloud.DeploymentType{dbtcloud.DeploymentProduction, dbtcloud.DeploymentStaging}, CredentialsID: 8, DbtVersions: []string{"latest"},
		IncludeDeleted: true, Include: []dbtcloud.EnvironmentInclude{dbtcloud.EnvironmentWithConnection, dbtcloud.EnvironmentWithRepository}}
	var got url.Values
	c, _ := scripted(t, func(_ int, req *http.Request) (*http.Response, error) {
		got = req.URL.Query()
		return response(200, "application/json", envelope("[]")), nil
	})
	if _, err := dbtcloud.Collect(c.Environments.All(t.Context(), 3, filter)); err != nil {
		t.Fatal(err)
	}
	want := url.Values{"pk__in": {"[1,2]"}, "id__gt": {"5"}, "name": {"CI"}, "name__icontains": {"c"}, "type": {"deployment"},
		"deployment_type__in": {`["production","staging"]`}, "credentials_id": {"8"}, "dbt_version__in": {`["latest"]`}, "state": {"all"},
		"include_related": {"connection,repository"}, "order_by": {"id"}, "limit": {"100"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestEnvironmentsLive: an environment is made, listed, changed without losing its
// connection and credentials, and deleted once no job is in it.
func TestEnvironmentsLive(t *testing.T) {
	t.Parallel()
	s := dbtcloudtest.New(dbtcloudtest.WithNoise())
	c, err := s.Client()
	if err != nil {
		t.Fatal(err)
	}
	ctx, project := t.Context(), s.AddProject(0, "shop")
	made, err := c.Environments.Create(ctx, project, dbtcloud.EnvironmentRequest{Name: "Production", DeploymentType: dbtcloud.DeploymentProduction,
		ConnectionID: 5, CredentialsID: 8, ExtendedAttributesID: 9, UseCustomBranch: new(true), CustomBranch: "release", EnableDbtState: new(true)})
	if err != nil {
		t.Fatal(err)
	}
	s.EditEnvironment(made.ID, func(fields map[string]any) { fields["shiny_new_setting"] = map[string]any{"level": 3} })
	changed, err := c.Environments.Update(ctx, project, made.ID, dbtcloud.EnvironmentRequest{DbtVersion: "compatible"})
	if err != nil {
		t.Fatal(err)
	}
	want := []any{"Production", "compatible", dbtcloud.EnvironmentDeployment, dbtcloud.DeploymentProduction, int64(5), int64(8), int64(9), true, "release", true, true}
	got := []any{changed.Name, changed.DbtVersion, changed.Type, changed.DeploymentType, changed.ConnectionID, changed.CredentialsID, changed.ExtendedAttributesID,
		changed.UseCustomBranch, changed.CustomBranch, changed.EnableDbtState, bytes.Contains(changed.Raw(), []byte(`"level":3`))}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("after the update (-want +got):\n%s", diff)
	}
	found, err := dbtcloud.Collect(c.Environments.All(ctx, project, dbtcloud.EnvironmentFilter{DeploymentTypes: []dbtcloud.DeploymentType{dbtcloud.DeploymentProduction}}))
	if err != nil || len(found) != 1 || found[0].ID != made.ID {
		t.Errorf("found %v, %v; want the one that was made", found, err)
	}
	if err := c.Environments.ClearStateCache(ctx, made.ID); err != nil {
		t.Error(err)
	}
	if err := c.Environments.Delete(ctx, project, made.ID); err != nil {
		t.Error(err)
	}
	if _, err := c.Environments.Get(ctx, project, made.ID); !errors.Is(err, dbtcloud.ErrNotFound) {
		t.Errorf("getting what was deleted: %v, want ErrNotFound", err)
	}
}
