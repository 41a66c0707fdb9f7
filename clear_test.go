package dbtcloud_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// TestClear: an update empties what it is told to, and nothing else.
func TestClear(t *testing.T) {
	t.Parallel()
	s := dbtcloudtest.New()
	client, err := s.Client()
	if err != nil {
		t.Fatal(err)
	}
	job := s.AddJob(dbtcloudtest.JobSpec{JobType: "other", Extra: map[string]any{
		"description": "d", "deferring_environment_id": dbtcloudtest.DefaultDeferringID, "dbt_version": "1.9.0", "generate_docs": true,
		"job_completion_trigger_condition": map[string]any{"condition": map[string]any{"job_id": 1, "project_id": 2, "statuses": []int{10}}},
	}})
	clear := strings.Fields("description deferring_environment_id dbt_version job_completion_trigger_condition")
	before, err := client.Jobs.Get(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	after, err := client.Jobs.Update(t.Context(), job, dbtcloud.JobRequest{Name: "new", Clear: clear})
	if err != nil {
		t.Fatal(err)
	}
	want := *before
	want.Name, want.Description, want.DeferringEnvironmentID, want.DbtVersion, want.CompletionTrigger = "new", "", 0, "", nil
	diff := cmp.Diff(want, *after, cmp.FilterPath(func(p cmp.Path) bool {
		return p.String() == "raw" || p.String() == "UpdatedAt" || p.String() == "RawDbtVersion"
	}, cmp.Ignore()))
	if diff != "" {
		t.Errorf("the job (-want +got):\n%s", diff)
	}
	s.EditEnvironment(dbtcloudtest.DefaultEnvironmentID, func(fields map[string]any) {
		fields["connection_id"], fields["credentials_id"], fields["custom_branch"] = 5, 6, "main"
	})
	environment, err := client.Environments.Update(t.Context(), dbtcloudtest.DefaultProjectID, dbtcloudtest.DefaultEnvironmentID, dbtcloud.EnvironmentRequest{Clear: []string{"custom_branch", "credentials_id"}})
	if err != nil || environment.ConnectionID != 5 || environment.CredentialsID != 0 || environment.CustomBranch != "" {
		t.Errorf("the environment is %+v, %v", environment, err)
	}
	s.EditProject(dbtcloudtest.DefaultProjectID, func(fields map[string]any) { fields["description"], fields["docs_job_id"] = "d", job })
	project, err := client.Projects.Update(t.Context(), dbtcloudtest.DefaultProjectID, dbtcloud.ProjectRequest{Clear: []string{"docs_job_id"}})
	if err != nil || project.DocsJobID != 0 || project.Description != "d" {
		t.Errorf("the project is %+v, %v", project, err)
	}
}

func TestClearRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		want string
		call func(ctx context.Context, c *dbtcloud.Client) error
	}{
		"what a job must have": {"name: cannot be cleared, only description, ", func(ctx context.Context, c *dbtcloud.Client) error {
			return ignore(c.Jobs.Update(ctx, 9, dbtcloud.JobRequest{Clear: []string{"name"}}))
		}},
		"no field": {"nam: cannot be cleared, only deployment_type, ", func(ctx context.Context, c *dbtcloud.Client) error {
			return ignore(c.Environments.Update(ctx, 3, 9, dbtcloud.EnvironmentRequest{Name: "x", Clear: []string{"nam"}}))
		}},
		"set and cleared": {"description: is set and cleared at once", func(ctx context.Context, c *dbtcloud.Client) error {
			return ignore(c.Projects.Update(ctx, 3, dbtcloud.ProjectRequest{Description: "x", Clear: []string{"description"}}))
		}},
		"a new job": {"description: only an update can clear a field", func(ctx context.Context, c *dbtcloud.Client) error {
			return ignore(c.Jobs.Create(ctx, dbtcloud.JobRequest{ProjectID: 3, EnvironmentID: 4, Name: "x", ExecuteSteps: []string{"dbt build"}, Clear: []string{"description"}}))
		}},
		"a new project": {"description: only an update can clear a field", func(ctx context.Context, c *dbtcloud.Client) error {
			return ignore(c.Projects.Create(ctx, dbtcloud.ProjectRequest{Name: "x", Clear: []string{"description"}}))
		}},
		"a new environment": {"custom_branch: only an update can clear a field", func(ctx context.Context, c *dbtcloud.Client) error {
			return ignore(c.Environments.Create(ctx, 3, dbtcloud.EnvironmentRequest{Name: "x", Clear: []string{"custom_branch"}}))
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, s := scripted(t, always(200, "application/json", `{}`))
			err := test.call(t.Context(), c)
			if !errors.Is(err, dbtcloud.ErrInvalid) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v, want %s", err, test.want)
			}
			if lines := s.lines(); len(lines) != 0 {
				t.Errorf("sent %v", lines)
			}
		})
	}
}
