package contract

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

type object = map[string]any

// jobBody is a job write with what the document requires and nothing else; more overrides it, and a field called "-"
// names one to leave out.
func jobBody(more object) object {
	body := object{
		"account_id": dbtcloudtest.DefaultAccountID, "project_id": dbtcloudtest.DefaultProjectID, "environment_id": dbtcloudtest.DefaultEnvironmentID,
		"name": "made by a test", "execution": object{"timeout_seconds": 0}, "settings": object{"threads": 4, "target_name": "ci"},
		"triggers": object{"github_webhook": false, "schedule": false}, "state": 1, "generate_docs": false, "lifecycle_webhooks": false,
		"run_compare_changes": false, "run_generate_sources": false, "run_lint": false, "errors_on_lint_failure": true,
	}
	maps.Copy(body, more)
	if left, ok := body["-"].(string); ok {
		delete(body, "-")
		delete(body, left)
	}
	return body
}

// The validator reports exactly what is wrong with a request: otherwise that it reports nothing would say nothing.
func TestViolationsOfRequests(t *testing.T) {
	t.Parallel()
	c := newContract(load(t))
	const create, update, trigger = "POST jobs/", "POST jobs/7/", "POST jobs/7/run/"
	tests := []struct {
		name    string
		request string // method and path below the account
		body    any
		want    []string
	}{
		{"what the document requires", create, jobBody(nil), nil},
		{"is_deferrable", create, jobBody(object{"is_deferrable": false}), []string{"v2 Create Job body: is_deferrable: unknown"}},
		{"id on create", create, jobBody(object{"id": 7}), []string{"v2 Create Job body: id: unknown"}},
		{"id on update", update, jobBody(object{"id": 7}), nil},
		{"id on update is a text", update, jobBody(object{"id": "7"}), []string{"v2 Update Job body: id: type"}},
		{"unknown in an object", create, jobBody(object{"settings": object{"threads": 4, "target_name": "ci", "model": 1}}), []string{"v2 Create Job body: settings.model: unknown"}},
		{"unknown far down", create, jobBody(object{"schedule": object{"date": object{"type": "every_day", "week": 1}, "time": object{"type": "every_hour"}}}),
			[]string{"v2 Create Job body: schedule.date.week: unknown"}},
		{"null", create, jobBody(object{"dbt_version": nil}), []string{"v2 Create Job body: dbt_version: null"}},
		{"null in an object", create, jobBody(object{"triggers": object{"github_webhook": false, "schedule": false, "on_merge": nil}}), []string{"v2 Create Job body: triggers.on_merge: null"}},
		{"null for a word", create, jobBody(object{"job_type": nil}), []string{"v2 Create Job body: job_type: null"}},
		{"missing", create, jobBody(object{"-": "run_lint"}), []string{"v2 Create Job body: run_lint: missing"}},
		{"missing in an object", create, jobBody(object{"settings": object{"threads": 4}}), []string{"v2 Create Job body: settings.target_name: missing"}},
		{"wrong type", create, jobBody(object{"name": 7, "project_id": "7"}), []string{"v2 Create Job body: name: type", "v2 Create Job body: project_id: type"}},
		{"wrong type in a list", create, jobBody(object{"execute_steps": []any{"dbt build", 7}}), []string{"v2 Create Job body: execute_steps: type"}},
		{"no whole number", create, jobBody(object{"state": 1.5}), []string{"v2 Create Job body: state: type"}},
		{"unknown word", create, jobBody(object{"job_type": "slim"}), []string{"v2 Create Job body: job_type: enum"}},
		{"too short", create, jobBody(object{"description": ""}), []string{"v2 Create Job body: description: minLength"}},
		{"a departure of another shape", create, jobBody(object{"job_completion_trigger_condition": object{"condition": object{"job_id": 7, "statuses": []int{11}}}}), []string{
			"v2 Create Job body: job_completion_trigger_condition.condition.project_id: missing", "v2 Create Job body: job_completion_trigger_condition.condition.statuses: enum"}},
		{"no object", create, []int{7}, []string{"v2 Create Job body: : type"}},
		{"no body", trigger, nil, []string{"v2 Trigger Job Run body: all: missing"}},
		{"a body too many", "POST runs/7/cancel/", object{}, []string{"v2 Cancel Run body: all: unknown"}},
		{"trigger without cause", trigger, object{"git_sha": "a"}, []string{"v2 Trigger Job Run body: cause: missing"}},
		{"the documentation's name of a field", trigger, object{"cause": "a", "azure_devops_pull_request_id": 7}, []string{"v2 Trigger Job Run body: azure_devops_pull_request_id: unknown"}},
		{"unknown path", "GET clones/", nil, []string{"GET /api/v2/accounts/70506183000001/clones/: path: unknown"}},
		{"no slash at the end", "GET jobs", nil, []string{"GET /api/v2/accounts/70506183000001/jobs: path: unknown"}},
		{"unknown method", "PUT jobs/7/", nil, []string{"PUT /api/v2/accounts/70506183000001/jobs/7/: path: unknown"}},
		{"an id that is a word", "GET jobs/slim/", nil, []string{"v2 Retrieve Job path: id: type"}},
		{"unknown parameter", "GET runs/?status_in=1", nil, []string{"v2 List Runs query: status_in: unknown"}},
		{"wrong type of a parameter", "GET runs/?project_id=slim&has_docs_generated=2", nil, []string{"v2 List Runs query: has_docs_generated: type", "v2 List Runs query: project_id: type"}},
		{"too large a page", "GET jobs/?limit=1000", nil, []string{"v2 List Jobs query: limit: enum"}},
		{"unknown order", "GET runs/?order_by=-name", nil, []string{"v2 List Runs query: order_by: enum"}},
		{"known order", "GET runs/?order_by=-id", nil, nil},
		{"unknown related object", "GET runs/?include_related=trigger,run_steps", nil, []string{"v2 List Runs query: include_related: enum"}},
		{"known related object", "GET runs/7/?include_related=trigger,run_steps", nil, nil},
		{"a parameter twice", "GET runs/?status=1&status=2", nil, []string{"v2 List Runs query: status: repeated"}},
		{"a list as documented", "GET runs/?status__in=1&status__in=2", nil, nil},
		{"a list as JSON", "GET runs/?status__in=[1,2]", nil, nil},
		{"a list as JSON where nobody is known to send one", "GET runs/?status__in=[1,2&project_id__in=[\"x\"]", nil, []string{"v2 List Runs query: project_id__in: type", "v2 List Runs query: status__in: type"}},
		{"a list with commas", "GET runs/?status__in=1,2", nil, []string{"v2 List Runs query: status__in: type"}},
		{"no timestamp", "GET runs/?created_at__range=[\"yesterday\"]", nil, []string{"v2 List Runs query: created_at__range: format"}},
		{"two kinds of state", "GET jobs/?state=all", nil, nil},
		{"no kind of state", "GET jobs/?state=some", nil, []string{"v2 List Jobs query: state: oneOf"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := c.lax(t)
			method, path, _ := strings.Cut(test.request, " ")
			// What the fake answers does not matter here.
			_ = w.client.Do(t.Context(), method, "/api/v2/accounts/70506183000001/"+path, test.body, nil)
			got := slices.DeleteFunc(w.validator.violations(), func(v string) bool { return strings.HasPrefix(v, "answer ") })
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
		})
	}
}

// What Client.Do cannot leave out or get wrong.
func TestViolationsOfHeaders(t *testing.T) {
	t.Parallel()
	d := load(t)
	const vars = "https://dbt.invalid/api/v3/accounts/1/projects/2/environment-variables/"
	tests := []struct {
		name, method, url, body string
		header                  http.Header
		want                    []string
	}{
		{"no authorization", "GET", vars + "job/?job_definition_id=7", "", nil, []string{"v3 Retrieve Projects Environment Variables Job header: Authorization: missing"}},
		{"another kind of authorization", "GET", vars + "job/?job_definition_id=7", "", http.Header{"Authorization": {"Basic abc"}},
			[]string{"v3 Retrieve Projects Environment Variables Job header: Authorization: missing"}},
		{"no required parameter", "GET", vars + "job/", "", http.Header{"Authorization": {"Token abc"}},
			[]string{"v3 Retrieve Projects Environment Variables Job query: job_definition_id: missing"}},
		{"no type of body", "POST", vars, "{}", http.Header{"Authorization": {"Bearer abc"}}, []string{"v3 Create Projects Environment Variable body: Content-Type: enum"}},
		{"no JSON", "POST", vars, "{", http.Header{"Authorization": {"Bearer abc"}, "Content-Type": {"application/json"}},
			[]string{"v3 Create Projects Environment Variable body: all: type"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := try(http.NewRequestWithContext(t.Context(), test.method, test.url, nil)).must(t)
			r.Header = test.header
			_, found := d.request(r, []byte(test.body))
			if diff := cmp.Diff(test.want, texts(found)); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
		})
	}
}

func TestViolationsOfAnswers(t *testing.T) {
	t.Parallel()
	d := load(t)
	const status = `"status":{"is_success":true,"user_message":"","developer_message":""}`
	const times = `"created_at":"2026-08-20T17:18:23Z","updated_at":"2026-08-20T17:18:23Z"`
	tests := []struct {
		name, operation string
		status          int
		body            string
		want            []string
	}{
		{"a run", "v2 Retrieve Run", 200, `{"data":{"id":7,` + times + `},` + status + `}`, nil},
		{"null", "v2 Retrieve Run", 200, `{"data":{"id":null,` + times + `},` + status + `}`, []string{"answer RunResponse: data.id: null"}},
		{"text for an id", "v2 Retrieve Run", 200, `{"data":{"id":"7",` + times + `},` + status + `}`, []string{"answer RunResponse: data.id: type"}},
		{"unknown", "v2 Retrieve Run", 200, `{"data":{"identity":7,` + times + `},` + status + `}`, []string{"answer RunResponse: data.identity: unknown"}},
		{"unknown in a list", "v2 List Runs", 200, `{"data":[{"trigger":{"cause":"a","job_definition_id":7,"reason":"a"},` + times + `}],` + status + `,"extra":{"filters":{"limit":1},"order_by":"id","pagination":{"count":1,"total_count":1}}}`,
			[]string{"answer RunResponse: data.trigger.reason: unknown"}},
		{"data within data", "v2 Cancel Run", 200, `{"data":{"data":{"id":7,` + times + `}},` + status + `}`, []string{"answer RunResponse: data: twice"}},
		{"no envelope", "v2 Retrieve Run", 200, `{"id":7}`, []string{"answer RunResponse: id: unknown", "answer RunResponse: data: missing", "answer RunResponse: status: missing"}},
		{"no JSON", "v2 Retrieve Run", 200, `<html>`, []string{"answer RunResponse: all: type"}},
		{"another status", "v2 Create Job", 201, `{}`, []string{"answer of v2 Create Job: 201: unknown"}},
		{"a body too many", "v2 Destroy Job", 204, `{}`, []string{"answer of v2 Destroy Job: all: unknown"}},
		{"an error", "v2 Retrieve Run", 502, `<html>`, nil},
		{"an artifact", "v2 Retrieve Run Artifact", 200, `anything`, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := texts(d.named(t, test.operation).answer(test.status, []byte(test.body)))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
		})
	}
}

func texts(found []violation) []string {
	var out []string
	for _, v := range found {
		out = append(out, v.String())
	}
	return out
}

// TestGaps takes one thing after the other out of a complete record of what was sent.
func TestGaps(t *testing.T) {
	t.Parallel()
	d := load(t)
	complete := func() *contract {
		c := newContract(d)
		for _, name := range covered() {
			c.sent[name] = map[string]bool{}
			for _, field := range c.documents.inputs(name) {
				c.sent[name][field] = !slices.Contains(strings.Fields(unsent()[name]), field)
			}
		}
		for _, name := range stale(c.departures, nil) {
			c.used[name] = true
		}
		return c
	}
	tests := []struct {
		name   string
		change func(c *contract)
		want   []string
	}{
		{"complete", func(*contract) {}, nil},
		{"an operation was never sent", func(c *contract) { delete(c.sent, "v2 Retry Run") }, []string{"v2 Retry Run was never sent"}},
		{"another operation was sent", func(c *contract) { c.sent["v2 List Users"] = map[string]bool{} }, []string{"v2 List Users was sent, but is not listed as covered"}},
		{"a parameter was never sent", func(c *contract) { delete(c.sent["v2 List Runs"], "id__gt") }, []string{"v2 List Runs: id__gt was never sent"}},
		{"a field was never sent", func(c *contract) { delete(c.sent["v2 Create Job"], "schedule.time.hours") }, []string{"v2 Create Job: schedule.time.hours was never sent"}},
		{"an unsent parameter was sent", func(c *contract) { c.sent["v2 List Runs"]["offset"] = true }, []string{"v2 List Runs: offset was sent, although it is listed as unsent"}},
		{"a departure was not used", func(c *contract) { delete(c.used, "v2 Update Job body: id: unknown") },
			[]string{"the departure is not needed any more: v2 Update Job body: id: unknown"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := complete()
			test.change(c)
			if diff := cmp.Diff(test.want, c.gaps(covered())); diff != "" {
				t.Errorf("gaps (-want +got):\n%s", diff)
			}
		})
	}
}

// Everything that excuses something names where it was seen, once.
func TestDeparturesAreSourced(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, d := range departures() {
		if strings.TrimSpace(d.source) == "" || len(strings.Fields(d.fields)) == 0 {
			t.Errorf("%s: %s %q: no source or no field", d.where, d.problem, d.fields)
		}
		if strings.HasSuffix(d.where, " body") && d.problem == "unknown" && d.shape == nil {
			t.Errorf("%s: %s: anything would do for it: give its shape", d.where, d.fields)
		}
		for field := range strings.FieldsSeq(d.fields) {
			v := violation{where: d.where, field: field, problem: d.problem}.String()
			if seen[v] {
				t.Errorf("%s stands twice", v)
			}
			seen[v] = true
		}
	}
}
