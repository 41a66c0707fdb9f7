package dbtcloud_test

import (
	"context"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
)

// shape is what a method wants to be answered with.
type shape int

const (
	object  shape = iota // data is an object with an id
	list                 // data is a list
	ignored              // the answer counts, its data does not
	scopes               // data is an object of other objects
	sheet                // data is an object without an id
	stream               // the body itself is the result
	graph                // a GraphQL answer
)

// method is one way to make requests, with all that can be said about it.
type method struct {
	name     string
	call     func(ctx context.Context, c *dbtcloud.Client) (any, error)
	requests []string // lines that are sent when each is answered with data
	bodies   []string // JSON of each request, "" for none
	answer   string   // the body of a good answer: a fixture's name, or data
	shape    shape
	once     bool // must not be repeated once it may have been carried out
}

const (
	runsPath = "/api/v2/accounts/7/runs/"
	jobsPath = "/api/v2/accounts/7/jobs/"
	projPath = "/api/v3/accounts/7/projects/"
	envsPath = "/api/v3/accounts/7/projects/3/environments/"
	varsPath = "/api/v3/accounts/7/projects/3/environment-variables/"
)

var quick = dbtcloud.Poll{Silence: time.Second}

// methods is every method of every service.
func methods() []method {
	return slices.Concat(jobMethods(), runMethods(), projectMethods(), environmentMethods(), variableMethods(), otherMethods())
}

func jobMethods() []method {
	request := dbtcloud.JobRequest{ProjectID: 3, EnvironmentID: 4, Name: "CI", ExecuteSteps: []string{"dbt build"}}
	trigger := dbtcloud.Trigger{Cause: "push", GitSHA: "abc", PullRequest: dbtcloud.PullRequest{Host: dbtcloud.GitHub, Number: 50}}
	return []method{
		{name: "Jobs.All", shape: list, answer: "job.json", requests: []string{"GET " + jobsPath + "?limit=100&offset=0&order_by=id"},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) {
				return collect(c.Jobs.All(ctx, dbtcloud.JobFilter{}))
			}},
		{name: "Jobs.Get", answer: "job.json", requests: []string{"GET " + jobsPath + "9/?include_related=environment%2Cmost_recent_run"},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) {
				return c.Jobs.Get(ctx, 9, dbtcloud.JobWithEnvironment, dbtcloud.JobWithMostRecentRun)
			}},
		{name: "Jobs.Create", answer: "job.json", once: true, requests: []string{"POST " + jobsPath},
			bodies: []string{`{"account_id":7,"project_id":3,"environment_id":4,"name":"CI","execute_steps":["dbt build"],"state":1,
				"execution":{"timeout_seconds":0},"settings":{"threads":4,"target_name":"default"},
				"triggers":{"github_webhook":false,"schedule":false,"git_provider_webhook":false,"on_merge":false,"custom_branch_only":false},
				"schedule":{"date":{"type":"every_day"},"time":{"type":"every_hour","interval":1}},
				"generate_docs":false,"run_generate_sources":false,"run_lint":false,"errors_on_lint_failure":true,
				"run_compare_changes":false,"lifecycle_webhooks":false}`},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) { return c.Jobs.Create(ctx, request) }},
		{name: "Jobs.Update", answer: "job.json", requests: []string{"GET " + jobsPath + "70506183137151/", "POST " + jobsPath + "70506183137151/"},
			bodies: []string{"", `{"id":70506183137151,"account_id":70506183000001,"project_id":70506183000002,"environment_id":70506183000003,
				"name":"renamed","job_type":"ci","state":1,"deferring_environment_id":70506183000004,
				"execute_steps":["dbt build --select state:modified+"],"execution":{"timeout_seconds":3600},
				"settings":{"threads":8,"target_name":"default"},
				"triggers":{"github_webhook":false,"custom_branch_only":true,"schedule":false,"on_merge":false},"triggers_on_draft_pr":false,
				"schedule":{"cron":"0 * * * *","date":{"type":"every_day"},"time":{"type":"every_hour","interval":1}},
				"job_completion_trigger_condition":{"condition":{"job_id":9,"project_id":70506183000002,"statuses":[10,20]}},
				"generate_docs":false,"generate_sources":false,"run_generate_sources":false,"run_lint":true,"errors_on_lint_failure":true,
				"run_compare_changes":false,"compare_changes_flags":"--select state:modified","lifecycle_webhooks":false,
				"shiny_new_setting":{"level":3}}`},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) {
				return c.Jobs.Update(ctx, 70506183137151, dbtcloud.JobRequest{Name: "renamed"})
			}},
		{name: "Jobs.Delete", shape: ignored, answer: "job.json", requests: []string{"DELETE " + jobsPath + "9/"},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) { return nil, c.Jobs.Delete(ctx, 9) }},
		{name: "Jobs.Trigger", answer: "run.json", once: true, requests: []string{"POST " + jobsPath + "9/run/"},
			bodies: []string{`{"cause":"push","git_sha":"abc","github_pull_request_id":50}`},
			call:   func(ctx context.Context, c *dbtcloud.Client) (any, error) { return c.Jobs.Trigger(ctx, 9, trigger) }},
		{name: "Jobs.OpenArtifact", shape: stream, answer: `{"nodes":{}}`, requests: []string{"GET " + jobsPath + "9/artifacts/compiled/my%20models/a%25b.sql"},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) {
				return drain(c.Jobs.OpenArtifact(ctx, 9, "compiled/my models/a%b.sql"))
			}},
		{name: "Jobs.Rerun", answer: "run.json", once: true, requests: []string{"POST " + jobsPath + "9/rerun/"},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) { return c.Jobs.Rerun(ctx, 9) }},
	}
}

func runMethods() []method {
	return []method{
		{name: "Runs.All", shape: list, answer: "run.json", requests: []string{"GET " + runsPath + "?limit=100&order_by=id&status__in=%5B1%2C2%2C3%5D"},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) {
				return collect(c.Runs.All(ctx, dbtcloud.RunFilter{Statuses: dbtcloud.Active()}))
			}},
		{name: "Runs.Get", answer: "run.json", requests: []string{"GET " + runsPath + "9/?include_related=trigger%2Crun_steps"},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) {
				return c.Runs.Get(ctx, 9, dbtcloud.RunWithTrigger, dbtcloud.RunWithSteps)
			}},
		{name: "Runs.Cancel", answer: "run.json", requests: []string{"POST " + runsPath + "9/cancel/"},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) { return c.Runs.Cancel(ctx, 9) }},
		{name: "Runs.Retry", answer: "run.json", once: true, requests: []string{"POST " + runsPath + "9/retry/"},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) { return c.Runs.Retry(ctx, 9) }},
		{name: "Runs.Steps", answer: "run.json", requests: []string{"GET " + runsPath + "9/?include_related=run_steps"},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) { return c.Runs.Steps(ctx, 9) }},
		{name: "Runs.FailureDetails", shape: sheet, answer: `{"failed_step":"dbt build","skipped_steps":["dbt docs generate"]}`, requests: []string{"GET " + runsPath + "9/retry/"},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) { return c.Runs.FailureDetails(ctx, 9) }},
		{name: "Runs.Step", answer: `{"id":11,"index":1,"status":10,"name":"dbt build"}`, requests: []string{"GET /api/v2/accounts/7/steps/11/?include_related=debug_logs"},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) {
				return c.Runs.Step(ctx, 11, dbtcloud.RunWithDebugLogs)
			}},
		{name: "Runs.Logs", answer: "run.json", requests: []string{"GET " + runsPath + "9/?include_related=run_steps"},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) { return c.Runs.Logs(ctx, 9) }},
		{name: "Runs.FollowLogs", answer: `{"id":9,"status":10,"started_at":"2020-01-02 03:04:05","finished_at":"2020-01-02 03:05:05","run_steps":[{"index":1,"logs":"done"}]}`,
			requests: []string{"GET " + runsPath + "9/?include_related=run_steps"},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) {
				return collect(c.Runs.FollowLogs(ctx, 9, quick))
			}},
		{name: "Runs.Artifacts", shape: list, answer: `["manifest.json"]`, requests: []string{"GET " + runsPath + "9/artifacts/"},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) { return c.Runs.Artifacts(ctx, 9) }},
		{name: "Runs.OpenArtifact", shape: stream, answer: `{"nodes":{}}`, requests: []string{"GET " + runsPath + "9/artifacts/compiled/my%20models/a%25b.sql"},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) {
				return drain(c.Runs.OpenArtifact(ctx, 9, "compiled/my models/a%b.sql"))
			}},
		{name: "Runs.OpenStepArtifact", shape: stream, answer: `{"nodes":{}}`, requests: []string{"GET " + runsPath + "9/artifacts/manifest.json?step=3"},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) {
				return drain(c.Runs.OpenStepArtifact(ctx, 9, 3, "manifest.json"))
			}},
		{name: "Runs.Wait", answer: "run.json", requests: []string{"GET " + runsPath + "9/?include_related=trigger%2Caudit"},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) { return c.Runs.Wait(ctx, 9, quick) }},
		{name: "Runs.Watch", answer: "run.json", requests: []string{"GET " + runsPath + "9/?include_related=trigger%2Caudit"},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) {
				return collect(c.Runs.Watch(ctx, 9, quick))
			}},
	}
}

func projectMethods() []method {
	return []method{
		{name: "Projects.All", shape: list, answer: "project.json", requests: []string{"GET " + projPath + "?limit=100&order_by=id"},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) {
				return collect(c.Projects.All(ctx, dbtcloud.ProjectFilter{}))
			}},
		{name: "Projects.Get", answer: "project.json", requests: []string{"GET " + projPath + "3/?include_related=repository"},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) {
				return c.Projects.Get(ctx, 3, dbtcloud.ProjectWithRepository)
			}},
		{name: "Projects.Create", answer: "project.json", once: true, requests: []string{"POST " + projPath}, bodies: []string{`{"account_id":7,"name":"shop","state":1,"type":0}`},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) {
				return c.Projects.Create(ctx, dbtcloud.ProjectRequest{Name: "shop"})
			}},
		{name: "Projects.Update", answer: "project.json", requests: []string{"GET " + projPath + "70506183000002/", "POST " + projPath + "70506183000002/"},
			bodies: []string{"", `{"account_id":70506183000001,"name":"renamed","state":1,"type":0,"connection_id":70506183000005,"repository_id":70506183000006,
				"semantic_layer_config_id":70506183000007,"shiny_new_setting":{"level":3}}`},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) {
				return c.Projects.Update(ctx, 70506183000002, dbtcloud.ProjectRequest{Name: "renamed"})
			}},
		{name: "Projects.Delete", shape: ignored, answer: "project.json", requests: []string{"DELETE " + projPath + "3/"},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) { return nil, c.Projects.Delete(ctx, 3) }},
	}
}

func environmentMethods() []method {
	return []method{
		{name: "Environments.All", shape: list, answer: "environment.json", requests: []string{"GET " + envsPath + "?limit=100&order_by=id"},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) {
				return collect(c.Environments.All(ctx, 3, dbtcloud.EnvironmentFilter{}))
			}},
		{name: "Environments.Get", answer: "environment.json", requests: []string{"GET " + envsPath + "4/?include_related=project%2Ccredentials"},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) {
				return c.Environments.Get(ctx, 3, 4, dbtcloud.EnvironmentWithProject, dbtcloud.EnvironmentWithCredentials)
			}},
		{name: "Environments.Create", answer: "environment.json", once: true, requests: []string{"POST " + envsPath},
			bodies: []string{`{"account_id":7,"project_id":3,"name":"CI","dbt_version":"latest","type":"deployment","use_custom_branch":false,"supports_docs":false,"state":1}`},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) {
				return c.Environments.Create(ctx, 3, dbtcloud.EnvironmentRequest{Name: "CI"})
			}},
		{name: "Environments.Update", answer: "environment.json", requests: []string{"GET " + envsPath + "70506183000003/", "POST " + envsPath + "70506183000003/"},
			bodies: []string{"", `{"account_id":70506183000001,"project_id":70506183000002,"name":"renamed","dbt_version":"latest","type":"deployment","deployment_type":"production",
				"connection_id":70506183000005,"credentials_id":70506183000008,"extended_attributes_id":70506183000009,"use_custom_branch":true,"custom_branch":"release",
				"supports_docs":true,"enable_model_query_history":false,"enable_dbt_state":false,"state":1,"shiny_new_setting":{"level":3}}`},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) {
				return c.Environments.Update(ctx, 3, 70506183000003, dbtcloud.EnvironmentRequest{Name: "renamed"})
			}},
		{name: "Environments.Delete", shape: ignored, answer: "environment.json", requests: []string{"DELETE " + envsPath + "4/"},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) {
				return nil, c.Environments.Delete(ctx, 3, 4)
			}},
		{name: "Environments.ClearStateCache", shape: ignored, answer: `{}`, requests: []string{"DELETE /api/v3/accounts/7/environments/4/sao-cache/"},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) {
				return nil, c.Environments.ClearStateCache(ctx, 4)
			}},
	}
}

func variableMethods() []method {
	override := `{"account_id":7,"project_id":3,"name":"DBT_X","type":"job","job_definition_id":9,"raw_value":"1"}`
	return []method{
		{name: "EnvironmentVariables.ForEnvironments", shape: sheet, answer: `{"environments":["project","CI"],"variables":{"DBT_X":{"project":{"id":1,"value":"a"},"CI":null}}}`,
			requests: []string{"GET " + varsPath + "environment/"},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) {
				return c.EnvironmentVariables.ForEnvironments(ctx, 3)
			}},
		{name: "EnvironmentVariables.ForJob", shape: scopes, answer: `{"DBT_X":{"job":{"id":1,"value":"a"}}}`, requests: []string{"GET " + varsPath + "job/?job_definition_id=9"},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) {
				return c.EnvironmentVariables.ForJob(ctx, 3, 9)
			}},
		{name: "EnvironmentVariables.ForUser", shape: scopes, answer: `{"DBT_X":{"user":{"id":1,"value":"a"}}}`, requests: []string{"GET " + varsPath + "user/?user_id=8"},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) {
				return c.EnvironmentVariables.ForUser(ctx, 3, 8)
			}},
		{name: "EnvironmentVariables.JobOverrides", shape: scopes, answer: `{"DBT_X":{"job":{"id":1,"value":"a"}}}`,
			requests: []string{"GET " + varsPath + "job/?job_definition_id=9"},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) {
				return c.EnvironmentVariables.JobOverrides(ctx, 3, 9)
			}},
		{name: "EnvironmentVariables.Create", answer: `{"id":1}`, once: true, requests: []string{"POST " + varsPath}, bodies: []string{override},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) {
				return c.EnvironmentVariables.Create(ctx, 3, dbtcloud.EnvironmentVariableRequest{Name: "DBT_X", Value: "1", Scope: dbtcloud.ScopeJob, JobID: 9})
			}},
		{name: "EnvironmentVariables.Update", answer: `{"id":1}`, requests: []string{"POST " + varsPath + "1/"}, bodies: []string{override},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) {
				return c.EnvironmentVariables.Update(ctx, 3, 1, dbtcloud.EnvironmentVariableRequest{Name: "DBT_X", Value: "1", Scope: dbtcloud.ScopeJob, JobID: 9})
			}},
		{name: "EnvironmentVariables.Delete", shape: ignored, answer: `{}`, requests: []string{"DELETE " + varsPath + "1/"},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) {
				return nil, c.EnvironmentVariables.Delete(ctx, 3, 1)
			}},
		{name: "EnvironmentVariables.CreateBulk", shape: sheet, answer: `[{"status":"success","status_code":201,"key_name":"DBT_X","data":{"message":"made","new_var_ids":[1,2],"failures":{}}}]`,
			once: true, requests: []string{"POST " + varsPath + "bulk/"}, bodies: []string{`{"env_var":[{"new_name":"DBT_X","project":"1","CI":"2"}]}`},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) {
				return c.EnvironmentVariables.CreateBulk(ctx, 3, []dbtcloud.VariableValues{{Name: "DBT_X", Project: "1", Environments: map[string]string{"CI": "2"}}})
			}},
		{name: "EnvironmentVariables.UpdateBulk", shape: sheet, answer: `{"message":"changed","new_var_ids":[1],"deleted_var_ids":[2],"failures":{}}`,
			requests: []string{"PUT " + varsPath + "bulk/"}, bodies: []string{`{"env_vars":{"name":"DBT_X","new_name":"DBT_Y","5":"1","CI":null}}`},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) {
				return c.EnvironmentVariables.UpdateBulk(ctx, 3, dbtcloud.BulkUpdate{Name: "DBT_X", NewName: "DBT_Y", Values: map[string]*string{"5": new("1"), "CI": nil}})
			}},
		{name: "EnvironmentVariables.DeleteBulk", shape: ignored, answer: `{}`, requests: []string{"DELETE " + varsPath + "bulk/"}, bodies: []string{`{"name":"DBT_X"}`},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) {
				return nil, c.EnvironmentVariables.DeleteBulk(ctx, 3, "DBT_X")
			}},
	}
}

func otherMethods() []method {
	return []method{
		{name: "Accounts.All", shape: list, answer: "account.json", requests: []string{"GET /api/v3/accounts/"},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) { return collect(c.Accounts.All(ctx)) }},
		{name: "Accounts.Get", answer: "account.json", requests: []string{"GET /api/v2/accounts/7/"},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) { return c.Accounts.Get(ctx) }},
		{name: "Accounts.Update", answer: "account.json", requests: []string{"GET /api/v2/accounts/7/", "PATCH /api/v2/accounts/7/"}, bodies: []string{"", `{"name":"Jaffle Shop","state":1,"docs_job_id":9}`},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) {
				return c.Accounts.Update(ctx, dbtcloud.AccountRequest{DocsJobID: 9})
			}},
		{name: "Accounts.Replace", answer: "account.json", requests: []string{"POST /api/v2/accounts/7/"}, bodies: []string{`{"name":"renamed","state":1}`},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) {
				return c.Accounts.Replace(ctx, dbtcloud.AccountRequest{Name: "renamed"})
			}},
		{name: "Metadata.Query", shape: graph, answer: `{"id":1}`, requests: []string{"POST /graphql"},
			bodies: []string{`{"query":"query($id: BigInt!) { job(id: $id) { id } }","variables":{"id":9}}`},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) {
				var out struct{ ID int64 }
				err := c.Metadata.Query(ctx, "query($id: BigInt!) { job(id: $id) { id } }", map[string]any{"id": 9}, &out)
				return out, err
			}},
		{name: "Client.Do", answer: `{"id":1}`, once: true, requests: []string{"POST /api/v3/accounts/7/projects/?dry=1"}, bodies: []string{`{"name":"x"}`},
			call: func(ctx context.Context, c *dbtcloud.Client) (any, error) {
				var out struct{ ID int64 }
				err := c.Do(ctx, "POST", "/api/v3/accounts/7/projects/?dry=1", map[string]string{"name": "x"}, &out)
				return out, err
			}},
	}
}

func drain(body io.ReadCloser, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }()
	b, err := io.ReadAll(body)
	return string(b), err
}

// good is a good answer to m; unlike the one recorded, a run has ended.
func (m method) good(t testing.TB) string {
	t.Helper()
	data := m.answer
	if strings.HasSuffix(data, ".json") {
		data = strings.Replace(fixture(t, data), `"status":3,`, `"status":10,`, 1)
	}
	if m.shape == list && !strings.HasPrefix(data, "[") {
		data = "[" + data + "]"
	}
	return data
}

// body puts data around as m expects it.
func (m method) body(data string) string {
	switch m.shape {
	case stream:
		return data
	case graph:
		return `{"data":` + data + `}`
	case list:
		return strings.TrimSuffix(envelope(data), "}") + `,"extra":{"filters":{},"order_by":null,"pagination":{"count":1,"total_count":1}}}`
	}
	return envelope(data)
}

// TestMethodsAreComplete finds methods that the table lacks, so that a new one
// cannot be left out.
func TestMethodsAreComplete(t *testing.T) {
	t.Parallel()
	var want []string
	for field := range reflect.TypeFor[dbtcloud.Client]().Fields() {
		if field.IsExported() {
			for m := range field.Type.Methods() {
				want = append(want, field.Name+"."+m.Name)
			}
		}
	}
	want = append(want, "Client.Do")
	// These ask more than once, or again: watch_test.go and trigger_once_test.go have their tests.
	composed := []string{"Runs.WatchAll", "Runs.WaitAll", "Jobs.TriggerOnce"}
	want = slices.DeleteFunc(want, func(name string) bool {
		// What the Discovery API is asked for by documents of this package has a table in metadata_methods_test.go.
		return slices.Contains(composed, name) || strings.HasPrefix(name, "Metadata.") && name != "Metadata.Query"
	})
	var got []string
	for _, m := range methods() {
		got = append(got, m.name)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("methods of the services and of the table (-services +table):\n%s", diff)
	}
}

// TestMethodSignatures: the context comes first, the error last, and there are at
// most two results; a list is an iterator.
func TestMethodSignatures(t *testing.T) {
	t.Parallel()
	local := []string{"Metadata.Beta", "Metadata.Job", "Metadata.PausedUntil"} // they make no request
	for field := range reflect.TypeFor[dbtcloud.Client]().Fields() {
		if !field.IsExported() {
			continue
		}
		for m := range field.Type.Methods() {
			ft, name := m.Type, field.Name+"."+m.Name
			if slices.Contains(local, name) {
				continue
			}
			if ft.NumIn() < 2 || ft.In(1) != reflect.TypeFor[context.Context]() {
				t.Errorf("%s: the context must come first", name)
			}
			iterator := ft.NumOut() == 1 && ft.Out(0).Kind() == reflect.Func
			if !iterator && (ft.NumOut() > 2 || ft.Out(ft.NumOut()-1) != reflect.TypeFor[error]()) {
				t.Errorf("%s: the error must come last, of at most two results", name)
			}
		}
	}
}
