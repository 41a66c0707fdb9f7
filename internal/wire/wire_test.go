package wire_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"testing"

	"gopkg.in/h2non/gock.v1"

	"github.com/slimci/dbtcloud"
)

const (
	host  = "https://dbt.invalid"
	token = "dbtc_wire"
)

// call is one request of one method, and its answer.
type call struct {
	name   string
	method string
	uri    string // path and query
	body   string // JSON; "" for none
	status int
	answer string
	do     func(ctx context.Context, c *dbtcloud.Client) error
}

func enveloped(data string) string {
	return `{"data":` + data + `,"status":{"code":200,"is_success":true,"user_message":"Success!","developer_message":""}}`
}

// expect arms gock with exactly this request.
func (c call) expect(t *testing.T) {
	t.Helper()
	request := gock.New(host)
	request.Method = c.method
	request.AddMatcher(func(req *http.Request, _ *gock.Request) (bool, error) {
		if req.Method != c.method || req.URL.RequestURI() != c.uri {
			t.Errorf("sent %s %s, want %s %s", req.Method, req.URL.RequestURI(), c.method, c.uri)
			return false, nil
		}
		headers := map[string]string{"Authorization": "Token " + token, "Accept": "application/json"}
		if c.body != "" {
			headers["Content-Type"] = "application/json"
		}
		for name, want := range headers {
			if got := req.Header.Values(name); len(got) != 1 || got[0] != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		return sameBody(t, req, c.body), nil
	})
	reply := request.Reply(c.status)
	if c.answer != "" {
		reply.SetHeader("Content-Type", "application/json").BodyString(c.answer)
	}
}

func sameBody(t *testing.T, req *http.Request, want string) bool {
	t.Helper()
	var sent []byte
	if req.Body != nil {
		var err error
		if sent, err = io.ReadAll(req.Body); err != nil {
			t.Errorf("body: %v", err)
		}
		req.Body = io.NopCloser(bytes.NewReader(sent))
	}
	if want == "" && len(sent) == 0 {
		return true
	}
	var got, expected any
	if err := errors.Join(json.Unmarshal(sent, &got), json.Unmarshal([]byte(want), &expected)); err != nil || !reflect.DeepEqual(got, expected) {
		t.Errorf("the body is %s, want %s (%v)", sent, want, err)
		return false
	}
	return true
}

func client(t *testing.T) *dbtcloud.Client {
	t.Helper()
	c, err := dbtcloud.New(dbtcloud.WithHost(host), dbtcloud.WithAccount(7), dbtcloud.WithToken(token),
		dbtcloud.WithHTTPClient(&http.Client{Transport: gock.NewTransport()}), dbtcloud.WithRetry(dbtcloud.Retry{Attempts: 1}))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestRequests: each operation of the services sends its documented request, and
// nothing else.
func TestRequests(t *testing.T) {
	for _, c := range append(jobs(), others()...) {
		t.Run(c.name, func(t *testing.T) {
			t.Cleanup(gock.OffAll)
			if c.name == "Update Job" {
				call{method: http.MethodGet, uri: "/api/v2/accounts/7/jobs/9/", status: 200, answer: enveloped(`{"id":9,"account_id":7,"name":"CI","description":null,"settings":{"threads":8,"target_name":"ci"},"is_deferrable":false}`)}.expect(t)
			}
			c.expect(t)
			if err := c.do(t.Context(), client(t)); err != nil {
				t.Fatal(err)
			}
			if !gock.IsDone() || gock.HasUnmatchedRequest() {
				t.Errorf("pending %d, unmatched %d", len(gock.Pending()), len(gock.GetUnmatchedRequests()))
			}
		})
	}
}

func ignore[T any](_ T, err error) error { return err }

func jobs() []call {
	request := dbtcloud.JobRequest{ProjectID: 3, EnvironmentID: 4, Name: "CI", Type: dbtcloud.JobCI, ExecuteSteps: []string{"dbt build --select state:modified+"}, DeferringEnvironmentID: 5}
	trigger := dbtcloud.Trigger{Cause: "PR 50", GitSHA: "0f3c5e9bd0f7a1c3d1f0a5b7c9e1d3f5a7b9c1d3", PullRequest: dbtcloud.PullRequest{Host: dbtcloud.GitHub, Number: 50}, SchemaOverride: "dbt_cloud_pr_9_50"}
	return []call{
		{"List Jobs", "GET", "/api/v2/accounts/7/jobs/?limit=100&name__icontains=CI&offset=0&order_by=id&project_id=3", "", 200,
			`{"data":[{"id":9}],"status":{"code":200,"is_success":true},"extra":{"pagination":{"count":1,"total_count":1}}}`,
			func(ctx context.Context, c *dbtcloud.Client) error {
				return ignore(dbtcloud.Collect(c.Jobs.All(ctx, dbtcloud.JobFilter{ProjectID: 3, NameContains: "CI"})))
			}},
		{"Retrieve Job", "GET", "/api/v2/accounts/7/jobs/9/", "", 200, enveloped(`{"id":9}`),
			func(ctx context.Context, c *dbtcloud.Client) error { return ignore(c.Jobs.Get(ctx, 9)) }},
		{"Create Job", "POST", "/api/v2/accounts/7/jobs/", `{"account_id":7,"project_id":3,"environment_id":4,"name":"CI","job_type":"ci","state":1,
			"execute_steps":["dbt build --select state:modified+"],"deferring_environment_id":5,"execution":{"timeout_seconds":0},"settings":{"threads":4,"target_name":"default"},
			"triggers":{"github_webhook":false,"git_provider_webhook":false,"schedule":false,"on_merge":false,"custom_branch_only":false},
			"schedule":{"date":{"type":"every_day"},"time":{"type":"every_hour","interval":1}},"generate_docs":false,"run_generate_sources":false,"run_lint":false,
			"errors_on_lint_failure":true,"run_compare_changes":false,"lifecycle_webhooks":false}`, 200, enveloped(`{"id":9}`),
			func(ctx context.Context, c *dbtcloud.Client) error { return ignore(c.Jobs.Create(ctx, request)) }},
		{"Update Job", "POST", "/api/v2/accounts/7/jobs/9/", `{"id":9,"account_id":7,"name":"CI","run_lint":true,"settings":{"threads":8,"target_name":"ci"}}`, 200, enveloped(`{"id":9}`),
			func(ctx context.Context, c *dbtcloud.Client) error {
				return ignore(c.Jobs.Update(ctx, 9, dbtcloud.JobRequest{RunLint: new(true)}))
			}},
		{"Destroy Job", "DELETE", "/api/v2/accounts/7/jobs/9/", "", 204, "",
			func(ctx context.Context, c *dbtcloud.Client) error { return c.Jobs.Delete(ctx, 9) }},
		{"Trigger Job Run", "POST", "/api/v2/accounts/7/jobs/9/run/",
			`{"cause":"PR 50","git_sha":"0f3c5e9bd0f7a1c3d1f0a5b7c9e1d3f5a7b9c1d3","github_pull_request_id":50,"schema_override":"dbt_cloud_pr_9_50"}`, 200, enveloped(`{"id":11}`),
			func(ctx context.Context, c *dbtcloud.Client) error { return ignore(c.Jobs.Trigger(ctx, 9, trigger)) }},
		{"Retry Failed Job", "POST", "/api/v2/accounts/7/jobs/9/rerun/", "", 200, enveloped(`{"id":11}`),
			func(ctx context.Context, c *dbtcloud.Client) error { return ignore(c.Jobs.Rerun(ctx, 9)) }},
	}
}

func others() []call {
	override := `{"account_id":7,"project_id":3,"name":"DBT_SCHEMAS","type":"job","job_definition_id":9,"raw_value":"a,b"}`
	return []call{
		{"List Runs", "GET", "/api/v2/accounts/7/runs/?include_related=trigger%2Cjob&job_definition_id=9&limit=100&order_by=id&status__in=%5B1%2C2%2C3%5D", "", 200,
			`{"data":[],"status":{"code":200,"is_success":true},"extra":{"pagination":{"count":0,"total_count":0}}}`,
			func(ctx context.Context, c *dbtcloud.Client) error {
				return ignore(dbtcloud.Collect(c.Runs.All(ctx, dbtcloud.RunFilter{JobID: 9, Statuses: dbtcloud.Active(), Include: []dbtcloud.RunInclude{dbtcloud.RunWithTrigger, dbtcloud.RunWithJob}})))
			}},
		{"Retrieve Run", "GET", "/api/v2/accounts/7/runs/11/?include_related=run_steps", "", 200, enveloped(`{"id":11}`),
			func(ctx context.Context, c *dbtcloud.Client) error {
				return ignore(c.Runs.Get(ctx, 11, dbtcloud.RunWithSteps))
			}},
		{"Cancel Run", "POST", "/api/v2/accounts/7/runs/11/cancel/", "", 200, enveloped(`{"id":11,"status":30}`),
			func(ctx context.Context, c *dbtcloud.Client) error { return ignore(c.Runs.Cancel(ctx, 11)) }},
		{"Retry Run", "POST", "/api/v2/accounts/7/runs/11/retry/", "", 200, enveloped(`{"id":12}`),
			func(ctx context.Context, c *dbtcloud.Client) error { return ignore(c.Runs.Retry(ctx, 11)) }},
		{"Retrieve Run Step", "GET", "/api/v2/accounts/7/steps/5/", "", 200, enveloped(`{"id":5}`),
			func(ctx context.Context, c *dbtcloud.Client) error { return ignore(c.Runs.Step(ctx, 5)) }},
		{"List Run Artifacts", "GET", "/api/v2/accounts/7/runs/11/artifacts/", "", 200, enveloped(`["manifest.json"]`),
			func(ctx context.Context, c *dbtcloud.Client) error { return ignore(c.Runs.Artifacts(ctx, 11)) }},
		{"List Accounts", "GET", "/api/v3/accounts/", "", 200, enveloped(`[{"id":7}]`),
			func(ctx context.Context, c *dbtcloud.Client) error {
				return ignore(dbtcloud.Collect(c.Accounts.All(ctx)))
			}},
		{"Retrieve Account", "GET", "/api/v2/accounts/7/", "", 200, enveloped(`{"id":7}`),
			func(ctx context.Context, c *dbtcloud.Client) error { return ignore(c.Accounts.Get(ctx)) }},
		{"Retrieve Projects Environment Variables Job", "GET", "/api/v3/accounts/7/projects/3/environment-variables/job/?job_definition_id=9", "", 200, enveloped(`{}`),
			func(ctx context.Context, c *dbtcloud.Client) error {
				return ignore(c.EnvironmentVariables.JobOverrides(ctx, 3, 9))
			}},
		{"Create Projects Environment Variables", "POST", "/api/v3/accounts/7/projects/3/environment-variables/", override, 200, enveloped(`{"id":1}`),
			func(ctx context.Context, c *dbtcloud.Client) error {
				return ignore(c.EnvironmentVariables.Create(ctx, 3, dbtcloud.EnvironmentVariableRequest{Name: "DBT_SCHEMAS", Value: "a,b", Scope: dbtcloud.ScopeJob, JobID: 9}))
			}},
		{"Update Projects Environment Variables", "POST", "/api/v3/accounts/7/projects/3/environment-variables/1/", override, 200, enveloped(`{"id":1}`),
			func(ctx context.Context, c *dbtcloud.Client) error {
				return ignore(c.EnvironmentVariables.Update(ctx, 3, 1, dbtcloud.EnvironmentVariableRequest{Name: "DBT_SCHEMAS", Value: "a,b", Scope: dbtcloud.ScopeJob, JobID: 9}))
			}},
		{"Destroy Projects Environment Variables", "DELETE", "/api/v3/accounts/7/projects/3/environment-variables/1/", "", 204, "",
			func(ctx context.Context, c *dbtcloud.Client) error {
				return c.EnvironmentVariables.Delete(ctx, 3, 1)
			}},
	}
}

// TestNewWhileDefaultTransportIsReplaced: gock and its like put something into
// http.DefaultTransport that is no *http.Transport. New neither panics nor changes it.
func TestNewWhileDefaultTransportIsReplaced(t *testing.T) {
	t.Cleanup(gock.OffAll)
	gock.New(host)
	before := http.DefaultTransport
	if _, ok := before.(*http.Transport); ok {
		t.Fatal("gock has not replaced http.DefaultTransport: the test shows nothing")
	}
	if _, err := dbtcloud.New(dbtcloud.WithHost(host), dbtcloud.WithAccount(7), dbtcloud.WithToken(token)); err != nil {
		t.Error(err)
	}
	if http.DefaultTransport != before {
		t.Error("http.DefaultTransport was changed")
	}
}
