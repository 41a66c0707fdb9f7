package dbtcloud_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

func TestJobDecodes(t *testing.T) {
	t.Parallel()
	c, _ := scripted(t, always(200, "application/json", envelope(fixture(t, "job.json"))))
	got, err := c.Jobs.Get(t.Context(), 70506183137151)
	if err != nil {
		t.Fatal(err)
	}
	completion := new(dbtcloud.JobCompletion)
	completion.Condition.JobID, completion.Condition.ProjectID = 9, 70506183000002
	completion.Condition.Statuses = []dbtcloud.RunStatus{dbtcloud.RunSuccess, dbtcloud.RunError}
	null := json.RawMessage("null")
	want := &dbtcloud.Job{
		ID: 70506183137151, AccountID: 70506183000001, ProjectID: 70506183000002, EnvironmentID: 70506183000003, Name: "CI", Type: dbtcloud.JobCI,
		State: dbtcloud.StateActive, RawDbtVersion: "latest", DeferringEnvironmentID: 70506183000004, ExecuteSteps: []string{"dbt build --select state:modified+"},
		Execution: dbtcloud.JobExecution{TimeoutSeconds: 3600}, Settings: dbtcloud.JobSettings{Threads: 8, TargetName: "default"},
		Triggers:          dbtcloud.JobTriggers{CustomBranchOnly: true},
		Schedule:          &dbtcloud.JobSchedule{Cron: "0 * * * *", Date: dbtcloud.JobScheduleDate{Type: "every_day"}, Time: dbtcloud.JobScheduleTime{Type: "every_hour", Interval: 1}},
		CompletionTrigger: completion, RunLint: true, ErrorsOnLintFailure: true, CompareChangesFlags: "--select state:modified", ForceNodeSelection: new(false),
		CostOptimizationFeatures: []string{"state_aware_orchestration"}, RunFailureCount: 2, CronHumanized: "Every hour",
		CreatedAt:       dbtcloud.Time{Time: time.Date(2021, 11, 18, 15, 19, 3, 185668000, time.UTC)},
		UpdatedAt:       dbtcloud.Time{Time: time.Date(2022, 8, 29, 14, 2, 57, 378279000, time.UTC)},
		FusionReadiness: json.RawMessage(`{"eligible":false}`), Environment: null, CustomEnvironmentVariables: null,
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(dbtcloud.Job{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !bytes.Contains(got.Raw(), []byte(`"integration_id":5150`)) {
		t.Error("Raw lacks a field that is not known")
	}
}

func TestJobFilterQuery(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		filter dbtcloud.JobFilter
		want   url.Values
	}{
		{"everything", dbtcloud.JobFilter{}, url.Values{}},
		{"all fields", dbtcloud.JobFilter{
			ProjectID: 1, ProjectIDs: []int64{2, 3}, EnvironmentID: 4, ID: 5, NameContains: "CI & more", DbtVersions: []string{"latest"},
			Scheduled: new(false), FusionReady: new(true), System: new(false), IncludeDeleted: true,
			Include: []dbtcloud.JobInclude{dbtcloud.JobWithEnvironment, dbtcloud.JobWithFusionReadiness},
		}, url.Values{"project_id": {"1"}, "project_id__in": {"[2,3]"}, "environment_id": {"4"}, "pk": {"5"}, "name__icontains": {"CI & more"}, "dbt_version__in": {`["latest"]`},
			"triggers_schedule": {"false"}, "is_fusion_ready": {"true"}, "is_system": {"false"}, "state": {"all"}, "include_related": {"environment,fusion_readiness"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var got url.Values
			c, _ := scripted(t, func(_ int, req *http.Request) (*http.Response, error) {
				got = req.URL.Query()
				return response(200, "application/json", envelope("[]")), nil
			})
			if _, err := dbtcloud.Collect(c.Jobs.All(t.Context(), test.filter)); err != nil {
				t.Fatal(err)
			}
			for key, value := range map[string]string{"limit": "100", "offset": "0", "order_by": "id"} {
				test.want.Set(key, value)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestCreateJobBody: every field of a request under its name; what is not set is left out or
// has the default that is documented.
func TestCreateJobBody(t *testing.T) {
	t.Parallel()
	completion := &dbtcloud.JobCompletion{Condition: dbtcloud.JobCompletionCondition{JobID: 5, ProjectID: 3, Statuses: []dbtcloud.RunStatus{dbtcloud.RunSuccess, dbtcloud.RunCancelled}}}
	c, s := scripted(t, always(200, "application/json", envelope(`{"id":9}`)))
	if _, err := c.Jobs.Create(t.Context(), dbtcloud.JobRequest{
		ProjectID: 3, EnvironmentID: 4, Name: "nightly", ExecuteSteps: []string{"dbt build"}, Description: "d", Type: dbtcloud.JobScheduled, DbtVersion: "latest",
		DeferringEnvironmentID: 6, DeferringJobID: 7, Execution: &dbtcloud.JobExecution{TimeoutSeconds: 60}, Settings: &dbtcloud.JobSettings{Threads: 9},
		Triggers: &dbtcloud.JobTriggers{Schedule: true}, TriggersOnDraftPR: new(true),
		Schedule:          &dbtcloud.JobSchedule{Date: dbtcloud.JobScheduleDate{Type: "days_of_week", Days: []int{0, 6}}, Time: dbtcloud.JobScheduleTime{Type: "at_exact_hours", Hours: []int{0, 12}}},
		CompletionTrigger: completion, GenerateDocs: new(true), GenerateSources: new(true), RunGenerateSources: new(true), RunLint: new(true), ErrorsOnLintFailure: new(false),
		RunCompareChanges: new(true), CompareChangesFlags: "-s x", CostOptimizationFeatures: []string{}, LifecycleWebhooks: new(true),
	}); err != nil {
		t.Fatal(err)
	}
	want := `{"account_id":7,"project_id":3,"environment_id":4,"name":"nightly","execute_steps":["dbt build"],"description":"d","job_type":"scheduled","dbt_version":"latest","state":1,
		"deferring_environment_id":6,"deferring_job_definition_id":7,"execution":{"timeout_seconds":60},"settings":{"threads":9,"target_name":"default"},
		"triggers":{"github_webhook":false,"schedule":true,"git_provider_webhook":false,"on_merge":false,"custom_branch_only":false},"triggers_on_draft_pr":true,
		"schedule":{"date":{"type":"days_of_week","days":[0,6]},"time":{"type":"at_exact_hours","hours":[0,12]}},
		"job_completion_trigger_condition":{"condition":{"job_id":5,"project_id":3,"statuses":[10,30]}},"generate_docs":true,"generate_sources":true,"run_generate_sources":true,
		"run_lint":true,"errors_on_lint_failure":false,"run_compare_changes":true,"compare_changes_flags":"-s x","cost_optimization_features":[],"lifecycle_webhooks":true}`
	if diff := cmp.Diff(parsed(t, want), parsed(t, s.requests()[0].Body)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCreateJobRefuses(t *testing.T) {
	t.Parallel()
	c, s := scripted(t, always(200, "application/json", envelope(`{"id":9}`)))
	_, err := c.Jobs.Create(t.Context(), dbtcloud.JobRequest{})
	for _, field := range []string{"project_id", "environment_id", "name", "execute_steps"} {
		if !errors.Is(err, dbtcloud.ErrInvalid) || !strings.Contains(err.Error(), field+": is required") {
			t.Errorf("error %v, want ErrInvalid that names %s", err, field)
		}
	}
	if len(s.lines()) != 0 {
		t.Errorf("sent %v", s.lines())
	}
}

// TestUpdateBody: what an update writes back of what it read.
func TestUpdateBody(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, job, want string
		request         dbtcloud.JobRequest
	}{
		{name: "unknown fields stay, and numbers keep their digits",
			job:  `{"id":9,"job_type":"other","later":{"big":9007199254740993,"ratio":2.50,"list":[null,""]}}`,
			want: `{"id":9,"job_type":"other","later":{"big":9007199254740993,"ratio":2.50,"list":[null,""]}}`},
		{name: "nulls and empty texts go, also inside",
			job: `{"id":9,"description":"","dbt_version":null,"later":{"a":null,"b":"","c":{"d":null}}}`, want: `{"id":9,"later":{"c":{}}}`},
		{name: "read-only fields go",
			job: `{"id":9,"is_deferrable":true,"lifecycle_webhooks_url":"u","raw_dbt_version":"v","run_failure_count":1,"created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z",
				"account":{},"project":{},"environment":{},"fusion_readiness":{},"integration_id":5,"deactivated":true,"is_system":false,"cron_humanized":"c","next_run":"2026-01-01T00:00:00Z","next_run_humanized":"n",
				"most_recent_run":{"id":1},"most_recent_completed_run":{"id":1},"custom_environment_variables":[]}`, want: `{"id":9}`},
		{name: "CI refuses force_node_selection and most cost features",
			job: `{"id":9,"job_type":"ci","force_node_selection":true,"cost_optimization_features":["state_aware_orchestration"]}`, want: `{"id":9,"job_type":"ci"}`},
		{name: "merge likewise", job: `{"id":9,"job_type":"merge","force_node_selection":false,"cost_optimization_features":[]}`, want: `{"id":9,"job_type":"merge"}`},
		{name: "CI takes dbt_state", job: `{"id":9,"job_type":"ci","cost_optimization_features":["dbt_state"]}`, want: `{"id":9,"job_type":"ci","cost_optimization_features":["dbt_state"]}`},
		{name: "others keep them", job: `{"id":9,"job_type":"scheduled","force_node_selection":true,"cost_optimization_features":["state_aware_orchestration"]}`,
			want: `{"id":9,"job_type":"scheduled","force_node_selection":true,"cost_optimization_features":["state_aware_orchestration"]}`},
		{name: "the request wins", job: `{"id":9,"name":"old","run_lint":true,"execute_steps":["a","b"],"settings":{"threads":4,"target_name":"t"}}`,
			request: dbtcloud.JobRequest{RunLint: new(false), ExecuteSteps: []string{"c"}, Settings: &dbtcloud.JobSettings{Threads: 8}},
			want:    `{"id":9,"run_lint":false,"execute_steps":["c"],"settings":{"threads":8,"target_name":"t"}}`},
		{name: "an empty target becomes the default, which the write schema takes", job: `{"id":9,"settings":{"threads":0,"target_name":"","later":1}}`,
			request: dbtcloud.JobRequest{Settings: &dbtcloud.JobSettings{Threads: 8}},
			want:    `{"id":9,"settings":{"threads":8,"target_name":"default","later":1}}`},
		{name: "so does one that is not touched", job: `{"id":9,"settings":{"threads":8,"target_name":null}}`, want: `{"id":9,"settings":{"threads":8,"target_name":"default"}}`},
		{name: "a schedule is replaced as a whole", job: `{"id":9,"schedule":{"cron":"0 * * * *","date":{"type":"every_day"},"time":{"type":"every_hour","interval":1},"later":1}}`,
			request: dbtcloud.JobRequest{Schedule: dbtcloud.DailyAt(6)},
			want:    `{"id":9,"schedule":{"date":{"type":"every_day"},"time":{"type":"at_exact_hours","hours":[6]}}}`},
		{name: "triggers that are not known stay", job: `{"id":9,"triggers":{"github_webhook":true,"schedule":true,"on_tide":true}}`,
			request: dbtcloud.JobRequest{Triggers: &dbtcloud.JobTriggers{Schedule: true}},
			want:    `{"id":9,"triggers":{"github_webhook":false,"schedule":true,"git_provider_webhook":false,"on_merge":false,"custom_branch_only":false,"on_tide":true}}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.request.Name = "new"
			c, s := scripted(t, always(200, "application/json", envelope(test.job)))
			if _, err := c.Jobs.Update(t.Context(), 9, test.request); err != nil {
				t.Fatal(err)
			}
			got := s.requests()[1].Body
			want := parsed(t, test.want).(map[string]any)
			want["name"] = "new"
			if want["settings"] == nil { // which the write schema requires
				want["settings"] = parsed(t, `{"threads":4,"target_name":"default"}`)
			}
			if diff := cmp.Diff(want, parsed(t, got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if strings.Contains(test.want, "9007199254740993") && !strings.Contains(got, `"big":9007199254740993,"list":[null,""],"ratio":2.50`) {
				t.Errorf("numbers were rounded: %s", got)
			}
		})
	}
}

// TestUpdateAgainstAStrictServer: what is written back is what the write schema takes.
func TestUpdateAgainstAStrictServer(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"ci", "other", "merge"} {
		s := dbtcloudtest.New(dbtcloudtest.WithNoise())
		job := s.AddJob(dbtcloudtest.JobSpec{Name: "old", JobType: kind, Extra: map[string]any{"shiny_new_setting": map[string]any{"level": 3}}})
		c, err := s.Client()
		if err != nil {
			t.Fatal(err)
		}
		updated, err := c.Jobs.Update(t.Context(), job, dbtcloud.JobRequest{Name: "new", RunLint: new(true)})
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		if updated.Name != "new" || !updated.RunLint || !bytes.Contains(updated.Raw(), []byte(`"level":3}`)) {
			t.Errorf("%s: updated to %s", kind, updated.Raw())
		}
	}
}

// TestUpdateIsRepeated: writing the whole job twice is writing it once.
func TestUpdateIsRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, s := scripted(t, func(n int, _ *http.Request) (*http.Response, error) {
			if n == 2 {
				return response(503, "text/plain", ""), nil
			}
			return response(200, "application/json", envelope(`{"id":9}`)), nil
		})
		if _, err := c.Jobs.Update(t.Context(), 9, dbtcloud.JobRequest{Name: "new"}); err != nil || len(s.lines()) != 3 || s.requests()[1].Body != s.requests()[2].Body {
			t.Errorf("%v after %v", err, s.lines())
		}
	})
}

// TestDeleteAgain: not found is an error at first, and success when an earlier attempt
// may have deleted the job.
func TestDeleteAgain(t *testing.T) {
	t.Parallel()
	gone := always(404, "application/json", refusal("Not found.", "null"))
	tests := map[string]struct {
		first func(int, *http.Request) (*http.Response, error)
		want  error
	}{
		"gone already":     {gone, dbtcloud.ErrNotFound},
		"answer lost":      {func(int, *http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }, nil},
		"answered 502":     {always(502, "text/html", "<html>"), nil},
		"deleted with 200": {always(200, "application/json", envelope(`{"id":9,"state":2}`)), nil},
		"deleted with 204": {always(204, "", ""), nil},
	}
	for name, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			c, _ := scripted(t, func(n int, req *http.Request) (*http.Response, error) {
				if n == 1 {
					return test.first(n, req)
				}
				return gone(n, req)
			})
			if err := c.Jobs.Delete(t.Context(), 9); !errors.Is(err, test.want) || test.want == nil && err != nil {
				t.Errorf("%s: error %v, want %v", name, err, test.want)
			}
		})
	}
}

// TestTriggerBody: every field under its name, one field for the pull request, and
// nothing that is not set.
func TestTriggerBody(t *testing.T) {
	t.Parallel()
	tests := map[string]dbtcloud.Trigger{
		`{"cause":"Triggered via API"}`: {},
		`{"cause":"c","git_sha":"s","git_branch":"b","github_pull_request_id":50,"schema_override":"dbt_cloud_pr_9_50","dbt_version_override":"latest","target_name_override":"ci",
			"threads_override":8,"timeout_seconds_override":60,"generate_docs_override":false,"steps_override":["dbt build"]}`: {
			Cause: "c", GitSHA: "s", GitBranch: "b", PullRequest: dbtcloud.PullRequest{Host: dbtcloud.GitHub, Number: 50}, SchemaOverride: "dbt_cloud_pr_9_50",
			DbtVersionOverride: "latest", TargetNameOverride: "ci", ThreadsOverride: 8, TimeoutSecondsOverride: 60, GenerateDocsOverride: new(false), StepsOverride: []string{"dbt build"}},
		`{"cause":"c","gitlab_merge_request_id":1}`:             {Cause: "c", PullRequest: dbtcloud.PullRequest{Host: dbtcloud.GitLab, Number: 1}},
		`{"cause":"c","azure_pull_request_id":2}`:               {Cause: "c", PullRequest: dbtcloud.PullRequest{Host: dbtcloud.AzureRepos, Number: 2}},
		`{"cause":"c","non_native_pull_request_id":3}`:          {Cause: "c", PullRequest: dbtcloud.PullRequest{Host: dbtcloud.OtherHost, Number: 3}},
		`{"cause":"` + strings.Repeat("é", 255) + `"}`:          {Cause: strings.Repeat("é", 255)},
		`{"cause":"<b> & more","schema_override":"\"quoted\""}`: {Cause: "<b> & more", SchemaOverride: `"quoted"`},
	}
	for want, trigger := range tests {
		c, s := scripted(t, always(200, "application/json", envelope(`{"id":5}`)))
		if _, err := c.Jobs.Trigger(t.Context(), 9, trigger); err != nil {
			t.Errorf("%+v: %v", trigger, err)
			continue
		}
		if diff := cmp.Diff(parsed(t, want), parsed(t, s.requests()[0].Body)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// TestTriggerRefuses: what cannot be right is refused without a request, and named.
func TestTriggerRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]dbtcloud.Trigger{
		"cause: has 256 characters":                                           {Cause: strings.Repeat("é", 256)},
		"github_pull_request_id: the":                                         {PullRequest: dbtcloud.PullRequest{Host: dbtcloud.GitHub}},
		"gitlab_merge_request_id: the":                                        {PullRequest: dbtcloud.PullRequest{Host: dbtcloud.GitLab, Number: -1}},
		`unknown git host "gitea"`:                                            {PullRequest: dbtcloud.PullRequest{Host: "gitea", Number: 1}},
		`unknown git host ""`:                                                 {PullRequest: dbtcloud.PullRequest{Number: 1}},
		"threads_override: must not":                                          {ThreadsOverride: -1},
		"timeout_seconds_override: must not":                                  {TimeoutSecondsOverride: -1},
		"steps_override[1]: is empty":                                         {StepsOverride: []string{"dbt build", " "}},
		"threads_override: must not be negative\nsteps_override[0]: is empty": {ThreadsOverride: -1, StepsOverride: []string{""}},
	}
	for want, trigger := range tests {
		c, s := scripted(t, always(200, "application/json", envelope(`{"id":5}`)))
		if _, err := c.Jobs.Trigger(t.Context(), 9, trigger); !errors.Is(err, dbtcloud.ErrInvalid) || !strings.Contains(err.Error(), want) || len(s.lines()) != 0 {
			t.Errorf("error %v after %v, want ErrInvalid that says %q", err, s.lines(), want)
		}
	}
}
