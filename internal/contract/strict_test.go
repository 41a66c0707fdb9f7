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
			if diff := cmp.Diff(test.want, c.violationsOf(t, "v2", test.request, test.body)); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
		})
	}
}

// violationsOf sends a request and returns what is wrong with it. What the fake answers does not matter.
func (c *contract) violationsOf(t *testing.T, version, request string, body any) []string {
	t.Helper()
	w := c.lax(t)
	method, path, _ := strings.Cut(request, " ")
	_ = w.client.Do(t.Context(), method, "/api/"+version+"/accounts/70506183000001/"+path, body, nil)
	return slices.DeleteFunc(w.validator.violations(), func(v string) bool { return strings.HasPrefix(v, "answer ") })
}

func TestViolationsOfRequestsOfV3(t *testing.T) {
	t.Parallel()
	c := newContract(load(t))
	const vars = " projects/7/environment-variables/bulk/"
	const create, update, remove = "v3 Create Projects Environment Variables Bulk body: ", "v3 Update Projects Environment Variables Bulk body: ", "v3 Destroy Projects Environment Variables Bulk body: "
	one := func(item object) object { return object{"env_var": []any{item}} }
	tests := []struct {
		name    string
		request string
		body    any
		want    []string
	}{
		{"known related objects", "GET projects/?include_related=repository,connection,group_permissions,docs_job,freshness_job", nil, nil},
		{"unknown related object", "GET projects/?include_related=repository,environments", nil, []string{"v3 List Projects query: include_related: enum"}},
		{"known related object of an environment", "GET projects/7/environments/8/?include_related=credentials", nil, nil},
		{"unknown related object of an environment", "GET projects/7/environments/8/?include_related=docs_job", nil, []string{"v3 Retrieve Environment query: include_related: enum"}},
		{"unknown kind of deployment", "GET projects/7/environments/?deployment_type=ci", nil, []string{"v3 List Environments query: deployment_type: enum"}},
		{"unknown kinds of deployments", `GET projects/7/environments/?deployment_type__in=["ci"]`, nil,
			[]string{"v3 List Environments query: deployment_type__in: enum"}},
		{"unknown kind of project", "POST projects/", object{"account_id": 1, "name": "x", "state": 1, "type": 2}, []string{"v3 Create Project body: type: enum"}},
		{"read-only", "POST projects/7/", object{"account_id": 1, "name": "x", "state": 1, "type": 1, "default_version": "latest"},
			[]string{"v3 Update Project body: default_version: unknown"}},
		{"a value of any environment", "POST" + vars, one(object{"new_name": "DBT_A", "project": "a", "Tomorrow's": "b"}), nil},
		{"a value that is no text", "POST" + vars, one(object{"new_name": "DBT_A", "Production": 7}), []string{create + "env_var.Production: type"}},
		{"an empty value", "POST" + vars, one(object{"new_name": "DBT_A", "Production": ""}), []string{create + "env_var.Production: minLength"}},
		{"no name", "POST" + vars, one(object{"project": "a"}), []string{create + "env_var.new_name: missing"}},
		{"no list, as peers send it", "POST" + vars, object{"env_var": object{"new_name": "DBT_A"}}, []string{create + "env_var: type"}},
		{"beside the list", "POST" + vars, object{"env_var": []any{}, "Production": "a"}, []string{create + "Production: unknown"}},
		{"by id and by environment", "PUT" + vars, object{"env_vars": object{"name": "DBT_A", "new_name": "DBT_B", "7": "a", "Production": "b", "8": "", "9": nil}}, nil},
		{"an update that is no text", "PUT" + vars, object{"env_vars": object{"name": "DBT_A", "7": 1}}, []string{update + "env_vars: type"}},
		{"an update of nothing", "PUT" + vars, object{"env_vars": object{"7": "1"}}, []string{update + "env_vars.name: missing"}},
		{"beside the object", "PUT" + vars, object{"env_vars": object{"name": "DBT_A"}, "Production": "b"}, []string{update + "Production: unknown"}},
		{"the name in the body", "DELETE" + vars, object{"name": "DBT_A"}, nil},
		{"another body", "DELETE" + vars, object{"env_var": "DBT_A"}, []string{remove + "all.env_var: unknown", remove + "all.name: missing"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, c.violationsOf(t, "v3", test.request, test.body)); diff != "" {
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
	const bulk = "v3 Create Projects Environment Variables Bulk"
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
		{"an error of an operation whose errors are described", bulk, 404, `<html>`, nil},
		{"a described error", bulk, 400, `{"data":[{"status":"Bad Request","status_code":400,"key_name":"DBT_A","reason":"Such a variable exists."}],` + status + `}`, nil},
		{"an error other than described", bulk, 400, `{"data":{"env_var":"required key not provided"},` + status + `}`,
			[]string{"answer CustomEnvironmentVariableBulkResponseFail: data: type"}},
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
