package dbtcloudtest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// The fixtures keep to answers of the service that were recorded; ids and times are those of the bubble.
const (
	envelopeOK = `"status":{"code":200,"is_success":true,"user_message":"Success!","developer_message":""}`

	queuedRun = `{` + envelopeOK + `,
 "data":{"id":70506183137152,"trigger_id":70506183137153,"account_id":70506183000001,"project_id":70506183000002,"environment_id":70506183000003,
  "job_definition_id":70506183137151,"job_id":70506183137151,"status":1,"status_humanized":"Queued","status_message":null,"dbt_version":"latest",
  "git_branch":null,"git_sha":null,"blocked_by":[],"deferring_run_id":null,"artifacts_saved":false,"artifact_s3_path":null,
  "created_at":"2000-01-01 00:00:00.000000+00:00","updated_at":"2000-01-01 00:00:00.000000+00:00","dequeued_at":null,"started_at":null,"finished_at":null,
  "trigger":{"id":70506183137153,"cause":"[ci:ab12] PR 50","job_definition_id":70506183137151,"git_sha":"0f3c","github_pull_request_id":50,
             "gitlab_merge_request_id":null,"azure_pull_request_id":null,"non_native_pull_request_id":null,"schema_override":"dbt_cloud_pr_70506183137151_50"},
  "job":null,"environment":null,"run_steps":[],"in_progress":true,"is_complete":false,"is_success":false,"is_error":false,"is_cancelled":false,
  "is_running":null,"duration":"00:00:00","queued_duration":"00:00:00","run_duration":"00:00:00",
  "href":"https://ab123.us1.dbt.com/deploy/70506183000001/projects/70506183000002/runs/70506183137152/"}}`

	cancelledRun = `{` + envelopeOK + `,
 "data":{"id":70506183137158,"status":30,"status_humanized":"Cancelled","status_message":"Cancelled by user.","started_at":null,
  "finished_at":"2000-01-01 00:00:00.000000+00:00","in_progress":false,"is_complete":true,"is_cancelled":true,"is_running":null,"trigger":null}}`

	finishedRun = `{` + envelopeOK + `,
 "data":{"id":70506183137152,"status":10,"status_message":null,"git_sha":"0f3c","git_branch":null,"is_success":true,"in_progress":false,
  "dequeued_at":"2000-01-01 00:00:00.000000+00:00","started_at":"2000-01-01 00:00:00.000000+00:00","finished_at":"2000-01-01 00:01:00.000000+00:00",
  "duration":"00:01:00","queued_duration":"00:00:00","run_duration":"00:01:00","trigger":null,"job":null,"run_steps":[],
  "environment":{"id":70506183000003,"name":"CI","project_id":70506183000002},
  "audit":{"trigger":{"actor":{"id":"70506183000009","type":"service_token","name":"api"}},"cancellation":null}}}`

	runList = `{` + envelopeOK + `,"data":[],
 "extra":{"filters":{"limit":100,"offset":0,"account_id":70506183000001},"order_by":"id","pagination":{"count":0,"total_count":0}}}`

	ciJob = `{` + envelopeOK + `,
 "data":{"id":70506183137151,"account_id":70506183000001,"project_id":70506183000002,"environment_id":70506183000003,"name":"Slim CI",
  "job_type":"ci","dbt_version":null,"raw_dbt_version":"latest","deferring_job_definition_id":null,"deferring_environment_id":70506183000004,
  "execute_steps":["dbt build --select state:modified+"],"execution":{"timeout_seconds":3600},"state":1,
  "triggers":{"github_webhook":false,"git_provider_webhook":null,"custom_branch_only":true,"schedule":false,"on_merge":false},
  "schedule":{"cron":"0 * * * *","date":{"type":"every_day"},"time":{"type":"every_hour","interval":1}},
  "created_at":"2000-01-01T00:00:00.000000+00:00","is_deferrable":false,"next_run":null,"deactivated":false,"run_failure_count":0,"is_system":false}}`

	deletedJob = `{` + envelopeOK + `,"data":{"id":70506183137151,"state":2,"name":"Slim CI"}}`

	account = `{` + envelopeOK + `,"data":{"id":70506183000001,"plan":"starter_2025","run_slots":5,"queue_limit":50,"locked":false,"lock_reason":null,"state":1}}`

	accountList = `{` + envelopeOK + `,"data":[{"id":70506183000001}],
 "extra":{"filters":{"pk__in":[70506183000001]},"order_by":null,"pagination":{"count":1,"total_count":1}}}`

	invalidToken = `{"status":{"code":401,"is_success":false,"user_message":"Invalid token.","developer_message":null},"data":null}`

	unpaidPlan = `{"status":{"code":401,"is_success":false,"user_message":"The API is not accessible to unpaid accounts.","developer_message":null},"data":null}`

	notFound = `{"status":{"code":404,"is_success":false,"user_message":"The requested resource was not found. Please check that you have the proper permissions.","developer_message":""},"data":null}`

	noArtifacts = `{` + envelopeOK + `,"data":null}`
)

func TestRecordedShapes(t *testing.T) {
	trigger := map[string]any{
		"cause": "[ci:ab12] PR 50", "git_sha": "0f3c", "github_pull_request_id": 50, "schema_override": "dbt_cloud_pr_70506183137151_50",
	}
	run := func(w *world) { w.do("POST", "jobs/"+id(w.job)+"/run/", trigger) }
	tests := []struct {
		name    string
		opts    []dbtcloudtest.Option
		prepare func(w *world)
		request string
		code    int
		want    string
	}{
		{"trigger", nil, nil, "POST jobs/J/run/", 200, queuedRun},
		{"cancel of a queued run", nil, func(w *world) { run(w); run(w) }, "POST runs/70506183137158/cancel/", 200, cancelledRun},
		{"finished run", nil, func(w *world) { run(w); time.Sleep(time.Minute) }, "GET runs/70506183137152/?include_related=environment,audit", 200, finishedRun},
		{"list of runs", nil, nil, "GET runs/", 200, runList},
		{"no trailing slash", nil, nil, "GET runs", 200, runList},
		{"job", nil, nil, "GET jobs/J/", 200, ciJob},
		{"delete with a body", []dbtcloudtest.Option{dbtcloudtest.WithDeletes(dbtcloudtest.Envelope)}, nil, "DELETE jobs/J/", 200, deletedJob},
		{
			"deleted job", []dbtcloudtest.Option{dbtcloudtest.WithDeletedJobs()},
			func(w *world) { w.DeleteJob(w.job) }, "GET jobs/J/", 200, deletedJob,
		},
		{"account", nil, nil, "GET ", 200, account},
		{"accounts", nil, func(w *world) { w.base = "https://dbt.invalid/api/v3/accounts/" }, "GET ", 200, accountList},
		{"forbidden account", []dbtcloudtest.Option{dbtcloudtest.WithAccountForbidden()}, nil, "GET ", 404, notFound},
		{"wrong token", nil, func(w *world) { w.auth = "Token x" }, "GET ", 401, invalidToken},
		{"unpaid", []dbtcloudtest.Option{dbtcloudtest.WithUnpaidAccount()}, nil, "GET ", 401, unpaidPlan},
		{"other account", nil, func(w *world) { w.base = "https://dbt.invalid/api/v2/accounts/5/" }, "GET jobs/", 404, notFound},
		{"unknown run", nil, nil, "GET runs/5/", 404, notFound},
		{"unreadable id", nil, nil, "GET runs/five/", 404, notFound},
		{"no artifacts", nil, run, "GET runs/70506183137152/artifacts/", 200, noArtifacts},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				if test.prepare != nil {
					test.prepare(w)
				}
				method, path := cut(test.request)
				var send any
				if strings.HasSuffix(path, "/run/") {
					send = trigger
				}
				code, got := w.do(method, replace("/"+path, "J", id(w.job))[1:], send)
				var want any
				dec := json.NewDecoder(strings.NewReader(test.want))
				dec.UseNumber()
				if err := dec.Decode(&want); err != nil {
					t.Fatal(err)
				}
				if code != test.code {
					t.Errorf("HTTP status %d, want %d", code, test.code)
				}
				if diff := cmp.Diff(want, part(got, want)); diff != "" {
					t.Errorf("answer (-want +got):\n%s", diff)
				}
			}, test.opts...)
		})
	}
}

// part is what got says about the keys that want has.
func part(got, want any) any {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			return got
		}
		out := map[string]any{}
		for key := range want {
			if value, has := object[key]; has {
				out[key] = part(value, want[key])
			}
		}
		return out
	case []any:
		items, ok := got.([]any)
		if !ok || len(items) != len(want) {
			return got
		}
		out := make([]any, len(items))
		for i := range items {
			out[i] = part(items[i], want[i])
		}
		return out
	}
	return got
}

func TestRelatedObjects(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		run := w.trigger(w.job, 50, "0f3c")
		for query, want := range map[string][2]bool{ // trigger, job
			"":                                 {false, false},
			"?include_related=trigger":         {true, false},
			"?include_related=trigger,job":     {true, true},
			`?include_related=["job"]`:         {false, true},
			"?include_related=%5B'trigger'%5D": {true, false},
			"?include_related=colour":          {false, false},
		} {
			_, body := w.do("GET", "runs/"+id(run)+"/"+query, nil)
			trigger, job := data(body)["trigger"], data(body)["job"]
			if got := [2]bool{trigger != nil, job != nil}; got != want {
				t.Errorf("%q: trigger and job are there: %v, want %v", query, got, want)
			}
			if want[1] {
				schedule := job.(map[string]any)["schedule"]
				if diff := cmp.Diff(map[string]any{"cron": "0 * * * *", "date": "every_day", "time": "every_hour"}, schedule); diff != "" {
					t.Errorf("the schedule of run.job (-want +got):\n%s", diff)
				}
			}
		}
		w.AddEnvVarOverride(w.job, "DBT_X", "1")
		_, body := w.do("GET", "jobs/"+id(w.job)+"/?include_related=environment,custom_environment_variables,most_recent_run,most_recent_completed_run", nil)
		job := data(body)
		got := []any{
			job["environment"].(map[string]any)["name"], len(job["custom_environment_variables"].(map[string]any)),
			job["most_recent_run"].(map[string]any)["id"], job["most_recent_completed_run"],
		}
		if diff := cmp.Diff([]any{"CI", 1, number(run), nil}, got); diff != "" {
			t.Errorf("related objects of a job (-want +got):\n%s", diff)
		}
	})
}

func TestNoise(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		run := w.trigger2(w.job)
		_, body := w.do("GET", "runs/"+run+"/?include_related=trigger,job", nil)
		r := data(body)
		got := []any{
			r["id"], r["job_id"], r["status"], r["field_of_tomorrow"] != nil, r["trigger"].(map[string]any)["cause_category"],
			r["job"].(map[string]any)["field_of_tomorrow"] != nil,
		}
		if diff := cmp.Diff([]any{run, id(w.job), number(3), true, "a_value_of_tomorrow", true}, got); diff != "" {
			t.Errorf("run (-want +got):\n%s", diff)
		}
		noisy := w.jobBody(map[string]any{"field_of_tomorrow": 1})
		if code, _ := w.do("POST", "jobs/", noisy); code != 400 {
			t.Errorf("a create with an unknown field is answered %d, want 400", code)
		}
		noisy["id"] = w.job
		if code, body := w.do("POST", "jobs/"+id(w.job)+"/", noisy); code != 200 {
			t.Errorf("an update that sends the unknown field back is answered %d: %v, want 200", code, body)
		}
	}, dbtcloudtest.WithNoise(), dbtcloudtest.WithStringIDs())
}

// trigger2 is trigger for ids that are texts.
func (w *world) trigger2(jobID int64) string {
	_, body := w.do("POST", "jobs/"+id(jobID)+"/run/", map[string]any{"cause": "test"})
	run, _ := data(body)["id"].(string)
	return run
}

func TestUnknownPaths(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		for request, want := range map[string]int{"GET colours/": 404, "PATCH jobs/": 405, "DELETE runs/": 405, "GET jobs/J/run/": 405} {
			method, path := cut(request)
			resp, err := w.send(method, path, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("%s is answered %d, want %d", request, resp.StatusCode, want)
			}
			if date, err := http.ParseTime(resp.Header.Get("Date")); err != nil || !date.Equal(time.Now()) {
				t.Errorf("%s: Date is %v (%v), want now", request, date, err)
			}
		}
	})
}

func TestRequestsAreRecorded(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.trigger(w.job, 5, "a")
		w.do("GET", "runs/?limit=3&pull_request_id=5&colour=red", nil)
		want := []dbtcloudtest.Request{
			{
				At: w.start, Method: "POST", Path: "/api/v2/accounts/70506183000001/jobs/70506183137151/run/", Status: 200,
				Body: []byte(`{"cause":"test","git_sha":"a","github_pull_request_id":5}`), Operation: triggerRoute,
			},
			{
				At: w.start, Method: "GET", Path: "/api/v2/accounts/70506183000001/runs/", Query: "limit=3&pull_request_id=5&colour=red", Status: 200,
				Operation: "GET /api/v2/accounts/{account}/runs/", Unknown: []string{"colour", "pull_request_id"},
			},
		}
		if diff := cmp.Diff(want, w.Requests()); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string]int{triggerRoute: 1, "GET /api/v2/accounts/{account}/runs/": 1}, w.CountRequests()); diff != "" {
			t.Errorf("counts (-want +got):\n%s", diff)
		}
	})
}
