package dbtcloud_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/slimci/dbtcloud"
)

// writable is a resource that is read, changed and written back.
type writable struct {
	name     string
	known    string // fields that an answer has and a write may carry
	readOnly []string
	defaults string // of what the write schema requires, where an answer lacks it
	rename   func(ctx context.Context, c *dbtcloud.Client) error
}

func writables() []writable {
	return []writable{
		{"project", `{"account_id":7,"name":"old","type":1,"state":1,"connection_id":5,"description":"d","docs_job_id":null}`,
			strings.Fields("id created_at updated_at connection environments repository group_permissions docs_job freshness_job fusion_readiness default_version skipped_setup"),
			`{"account_id":7,"state":1,"type":0}`,
			func(ctx context.Context, c *dbtcloud.Client) error {
				return ignore(c.Projects.Update(ctx, 9, dbtcloud.ProjectRequest{Name: "new"}))
			}},
		{"environment", `{"account_id":7,"project_id":3,"name":"old","dbt_version":"1.9.0","type":"development","connection_id":5,"credentials_id":null,"custom_branch":""}`,
			strings.Fields("id raw_dbt_version is_deferrable created_at updated_at project credentials fusion_readiness connection repository jobs custom_environment_variables"),
			`{"account_id":7,"project_id":3,"dbt_version":"latest","type":"deployment","use_custom_branch":false,"supports_docs":false,"state":1}`,
			func(ctx context.Context, c *dbtcloud.Client) error {
				return ignore(c.Environments.Update(ctx, 3, 9, dbtcloud.EnvironmentRequest{Name: "new"}))
			}},
		{"job", `{"id":9,"account_id":7,"name":"old","job_type":"other","settings":{"threads":8,"target_name":""},"schedule":{"cron":null,"date":{"type":"every_day"}}}`,
			strings.Fields("is_deferrable raw_dbt_version created_at updated_at account project environment deactivated integration_id"),
			`{"id":9,"settings":{"threads":4,"target_name":"default"}}`,
			func(ctx context.Context, c *dbtcloud.Client) error {
				return ignore(c.Jobs.Update(ctx, 9, dbtcloud.JobRequest{Name: "new"}))
			}},
	}
}

func ignore(_ any, err error) error { return err }

// TestUpdateLosesNothing: whatever the service has of a resource is written back, but for
// nulls, empty texts and what is read-only; the field that is set is the only one that changes.
func TestUpdateLosesNothing(t *testing.T) {
	t.Parallel()
	for _, w := range writables() {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				has := jsonObject(t, w.known)
				maps.Copy(has, rapid.MapOf(rapid.StringMatching(`x_[a-z]{1,4}`), anyJSON(3)).Draw(t, "unknown"))
				readOnly := readOnlyFields(t, w.readOnly)
				answer := maps.Clone(has)
				maps.Copy(answer, readOnly)
				answer["id"] = json.Number("9")
				c, s := scripted(t, always(200, "application/json", envelope(encoded(answer))))
				if err := w.rename(context.Background(), c); err != nil {
					t.Fatalf("%v for %s", err, encoded(answer))
				}
				want := jsonObject(t, w.defaults)
				for name, v := range pruned(has).(map[string]any) {
					part, ok := v.(map[string]any)
					if whole, both := want[name].(map[string]any); ok && both {
						maps.Copy(whole, part)
						v = whole
					}
					want[name] = v
				}
				want["name"] = "new"
				if diff := cmp.Diff(want, jsonObject(t, s.requests()[1].Body)); diff != "" {
					t.Fatalf("body of the update of %s (-want +got):\n%s", encoded(answer), diff)
				}
			})
		})
	}
}

// readOnlyFields are some of the read-only fields, with a value that decodes.
func readOnlyFields(t *rapid.T, names []string) map[string]any {
	fields := map[string]any{}
	for _, name := range names {
		if !rapid.Bool().Draw(t, name) {
			continue
		}
		switch {
		case strings.HasSuffix(name, "_at"):
			fields[name] = "2026-01-01T00:00:00Z"
		case strings.HasPrefix(name, "is_") || name == "deactivated":
			fields[name] = true
		case strings.HasSuffix(name, "version"):
			fields[name] = "latest"
		case strings.HasSuffix(name, "_id"):
			fields[name] = json.Number("5")
		case name == "environments":
			fields[name] = []any{map[string]any{"id": json.Number("5")}}
		default:
			fields[name] = map[string]any{"id": json.Number("5")}
		}
	}
	return fields
}

// anyJSON is a JSON value of some depth, nulls and big numbers included.
func anyJSON(depth int) *rapid.Generator[any] {
	leaves := []*rapid.Generator[any]{
		rapid.Just[any](nil), rapid.Just[any](""), rapid.Just[any](false), rapid.Just[any](json.Number("9007199254740993")), rapid.Just[any](json.Number("0")),
		rapid.String().AsAny(),
	}
	if depth == 0 {
		return rapid.OneOf(leaves...)
	}
	deeper := anyJSON(depth - 1)
	return rapid.OneOf(append(leaves, rapid.SliceOfN(deeper, 0, 3).AsAny(), rapid.MapOfN(rapid.StringMatching(`[a-z]{1,3}`), deeper, 0, 3).AsAny())...)
}

// pruned is v without what a full replacement need not say.
func pruned(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := map[string]any{}
	for k, e := range m {
		if e = pruned(e); e != nil && e != "" {
			out[k] = e
		}
	}
	return out
}

// jsonObject decodes an object, with numbers as they are written.
func jsonObject(t failer, text string) map[string]any {
	t.Helper()
	var out map[string]any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&out); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return out
}

func encoded(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // of decoded JSON: cannot fail
	return b.String()
}

// TestUpdateOfAnother: an answer that is another resource is not written over the one that
// was asked for.
func TestUpdateOfAnother(t *testing.T) {
	t.Parallel()
	for _, w := range writables() {
		c, s := scripted(t, always(200, "application/json", envelope(`{"id":8,"name":"another"}`)))
		err := w.rename(t.Context(), c)
		if e, ok := errors.AsType[*dbtcloud.Error](err); !ok || !strings.Contains(e.Message, "asked for 9, the server answered with 8") || len(s.lines()) != 1 {
			t.Errorf("%s: error %v after %v, want one that names both, and no write", w.name, err, s.lines())
		}
	}
}

// TestWritesRefuse: what cannot be right is refused without a request, with every
// problem under the API's name of its field.
func TestWritesRefuse(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 256)
	completion := new(dbtcloud.JobCompletion)
	type call func(ctx context.Context, c *dbtcloud.Client) error
	createJob := func(req dbtcloud.JobRequest) call {
		return func(ctx context.Context, c *dbtcloud.Client) error { return ignore(c.Jobs.Create(ctx, req)) }
	}
	updateJob := func(id int64, req dbtcloud.JobRequest) call {
		return func(ctx context.Context, c *dbtcloud.Client) error { return ignore(c.Jobs.Update(ctx, id, req)) }
	}
	createEnvironment := func(project int64, req dbtcloud.EnvironmentRequest) call {
		return func(ctx context.Context, c *dbtcloud.Client) error {
			return ignore(c.Environments.Create(ctx, project, req))
		}
	}
	updateEnvironment := func(project, id int64, req dbtcloud.EnvironmentRequest) call {
		return func(ctx context.Context, c *dbtcloud.Client) error {
			return ignore(c.Environments.Update(ctx, project, id, req))
		}
	}
	tests := []struct {
		name string
		call call
		want []string
	}{
		{"job of nothing", createJob(dbtcloud.JobRequest{}), []string{"project_id: is required", "environment_id: is required", "name: is required", "execute_steps: is required"}},
		{"job of nonsense", createJob(dbtcloud.JobRequest{ProjectID: -1, EnvironmentID: -2, DeferringJobID: -3, Name: long, Description: long, ExecuteSteps: []string{"dbt build", " "}}),
			[]string{"project_id: must be positive, not -1", "environment_id: must be positive, not -2", "deferring_job_definition_id: must be positive, not -3",
				"name: has 256 characters", "description: has 256 characters", "execute_steps[1]: is empty"}},
		{"job with a blank name", createJob(dbtcloud.JobRequest{Name: " "}), []string{"name: is required"}},
		{"job update of nothing", updateJob(9, dbtcloud.JobRequest{}), []string{"the update sets nothing"}},
		{"job update of nonsense", updateJob(0, dbtcloud.JobRequest{Name: " ", Settings: &dbtcloud.JobSettings{Threads: -1}, Execution: &dbtcloud.JobExecution{TimeoutSeconds: -1}, CompletionTrigger: completion}),
			[]string{"{id} must be positive", "name: must not be blank", "settings.threads: must not", "execution.timeout_seconds: must not", "condition: job_id and project_id"}},
		{"job update to no steps", updateJob(9, dbtcloud.JobRequest{ExecuteSteps: []string{}}), []string{"execute_steps: must not be empty"}},
		{"job update with a completion of nothing", updateJob(9, dbtcloud.JobRequest{CompletionTrigger: &dbtcloud.JobCompletion{Condition: dbtcloud.JobCompletionCondition{JobID: 1, ProjectID: 2}}}), []string{"statuses: must be terminal"}},
		{"job update with a completion that never is", updateJob(9, dbtcloud.JobRequest{CompletionTrigger: &dbtcloud.JobCompletion{Condition: dbtcloud.JobCompletionCondition{JobID: 1, ProjectID: 2, Statuses: []dbtcloud.RunStatus{10, 3}}}}), []string{"statuses: must be terminal"}},
		{"job update with a schedule that never is", updateJob(9, dbtcloud.JobRequest{Schedule: dbtcloud.DailyAt(24)}), []string{"schedule.time.hours: must be between 0 and 23"}},
		{"project of nothing", func(ctx context.Context, c *dbtcloud.Client) error {
			return ignore(c.Projects.Create(ctx, dbtcloud.ProjectRequest{ConnectionID: -1}))
		}, []string{"name: is required", "connection_id: must be positive, not -1"}},
		{"project update", func(ctx context.Context, c *dbtcloud.Client) error {
			return ignore(c.Projects.Update(ctx, -1, dbtcloud.ProjectRequest{}))
		}, []string{"{id} must be positive, not -1", "the update sets nothing"}},
		{"project of id 0", func(ctx context.Context, c *dbtcloud.Client) error { return ignore(c.Projects.Get(ctx, 0)) }, []string{"{id} must be positive, not 0"}},
		{"project deletion", func(ctx context.Context, c *dbtcloud.Client) error { return c.Projects.Delete(ctx, 0) }, []string{"{id} must be positive, not 0"}},
		{"environment of nothing", createEnvironment(0, dbtcloud.EnvironmentRequest{}), []string{"{project} must be positive, not 0", "name: is required"}},
		{"environment with no branch", createEnvironment(3, dbtcloud.EnvironmentRequest{Name: "CI", UseCustomBranch: new(true)}), []string{"custom_branch: is required"}},
		{"environment update", updateEnvironment(3, 0, dbtcloud.EnvironmentRequest{CredentialsID: -8}), []string{"{id} must be positive", "credentials_id: must be positive, not -8"}},
		{"environment update of nothing", updateEnvironment(3, 4, dbtcloud.EnvironmentRequest{}), []string{"the update sets nothing"}},
		{"environment deletion", func(ctx context.Context, c *dbtcloud.Client) error { return c.Environments.Delete(ctx, 3, 0) }, []string{"{id} must be positive, not 0"}},
		{"state cache", func(ctx context.Context, c *dbtcloud.Client) error { return c.Environments.ClearStateCache(ctx, 0) }, []string{"{id} must be positive, not 0"}},
		{"environments of project 0", func(ctx context.Context, c *dbtcloud.Client) error {
			return ignore(dbtcloud.Collect(c.Environments.All(ctx, 0, dbtcloud.EnvironmentFilter{})))
		}, []string{"{project} must be positive, not 0"}},
		{"account update of nothing", func(ctx context.Context, c *dbtcloud.Client) error {
			return ignore(c.Accounts.Update(ctx, dbtcloud.AccountRequest{}))
		}, []string{"the update sets nothing"}},
		{"account update", func(ctx context.Context, c *dbtcloud.Client) error {
			return ignore(c.Accounts.Update(ctx, dbtcloud.AccountRequest{DocsJobID: -1}))
		}, []string{"docs_job_id: must be positive, not -1"}},
		{"account without a name", func(ctx context.Context, c *dbtcloud.Client) error {
			return ignore(c.Accounts.Replace(ctx, dbtcloud.AccountRequest{DocsJobID: 1}))
		}, []string{"name: is required"}},
		{"job artifact outside", func(ctx context.Context, c *dbtcloud.Client) error {
			return ignore(c.Jobs.OpenArtifact(ctx, 9, "../x"))
		}, []string{`"../x"`}},
		{"step 0", func(ctx context.Context, c *dbtcloud.Client) error { return ignore(c.Runs.Step(ctx, 0)) }, []string{"{id} must be positive, not 0"}},
		{"failure of run 0", func(ctx context.Context, c *dbtcloud.Client) error { return ignore(c.Runs.FailureDetails(ctx, 0)) }, []string{"{id} must be positive, not 0"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, s := scripted(t, func(int, *http.Request) (*http.Response, error) {
				return response(200, "application/json", envelope(`{"id":9}`)), nil
			})
			err := test.call(t.Context(), c)
			if !errors.Is(err, dbtcloud.ErrInvalid) {
				t.Errorf("error %v, want ErrInvalid", err)
			}
			for _, want := range test.want {
				if err != nil && !strings.Contains(err.Error(), want) {
					t.Errorf("error %v does not say %q", err, want)
				}
			}
			if len(s.lines()) != 0 {
				t.Errorf("sent %v", s.lines())
			}
		})
	}
}

// TestRequestsDecode: a JSON object with the API's names is a request; a name that is
// unknown or read-only is found out.
func TestRequestsDecode(t *testing.T) {
	t.Parallel()
	tests := []struct {
		into any
		json string
		want any
		err  string
	}{
		{new(dbtcloud.JobRequest), `{"name":"CI","run_lint":false,"settings":{"threads":8}}`,
			&dbtcloud.JobRequest{Name: "CI", RunLint: new(false), Settings: &dbtcloud.JobSettings{Threads: 8}}, ""},
		{new(dbtcloud.JobRequest), `{"raw_dbt_version":"1"}`, nil, `unknown field "raw_dbt_version"`},
		{new(dbtcloud.ProjectRequest), `{"dbt_project_subdirectory":"dbt"}`, &dbtcloud.ProjectRequest{Subdirectory: "dbt"}, ""},
		{new(dbtcloud.ProjectRequest), `{"id":1}`, nil, `unknown field "id"`},
		{new(dbtcloud.EnvironmentRequest), `{"type":"development"}`, &dbtcloud.EnvironmentRequest{Type: dbtcloud.EnvironmentDevelopment}, ""},
		{new(dbtcloud.EnvironmentRequest), `{"is_deferrable":true}`, nil, `unknown field "is_deferrable"`},
		{new(dbtcloud.EnvironmentVariableRequest), `{"raw_value":"v","type":"user","user_id":8}`,
			&dbtcloud.EnvironmentVariableRequest{Value: "v", Scope: dbtcloud.ScopeUser, UserID: 8}, ""},
		{new(dbtcloud.AccountRequest), `{"plan":"free"}`, nil, `unknown field "plan"`},
	}
	for _, test := range tests {
		d := json.NewDecoder(strings.NewReader(test.json))
		d.DisallowUnknownFields()
		err := d.Decode(test.into)
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%s: error %v, want one that says %q", test.json, err, test.err)
			}
			continue
		}
		if diff := cmp.Diff(test.want, test.into); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", test.json, err, diff)
		}
	}
}
