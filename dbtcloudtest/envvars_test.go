package dbtcloudtest_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// variables is where the variables of the default project are.
func variables() string {
	return "projects/" + id(dbtcloudtest.DefaultProjectID) + "/environment-variables/"
}

// variableBody is a write of a value for the whole project.
func (w *world) variableBody(more object) object {
	body := object{
		"account_id": w.AccountID(), "project_id": dbtcloudtest.DefaultProjectID, "name": "DBT_LIMIT", "type": "project", "raw_value": "10",
	}
	maps.Copy(body, more)
	return body
}

// variable makes a value and returns its id.
func (w *world) variable(more object) int64 {
	w.t.Helper()
	code, body := w.do("POST", variables(), w.variableBody(more))
	if code != 200 {
		w.t.Fatalf("create answered %d: %v", code, body["data"])
	}
	return number2(data(body)["id"])
}

func value(id int64, value string) object { return object{"id": number(id), "value": value} }

func TestScopesOfVariables(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.v3()
		development := w.AddEnvironment(0, dbtcloudtest.DefaultProjectID, "Development")
		w.EditEnvironment(development, func(fields object) { fields["type"] = "development" })
		project := w.variable(nil)
		ci := w.variable(object{"type": "environment", "environment_id": dbtcloudtest.DefaultEnvironmentID, "raw_value": "20"})
		dev := w.variable(object{"type": "environment", "environment_id": development, "raw_value": "30"})
		job := w.variable(object{"type": "job", "job_definition_id": w.job, "raw_value": "40"})
		user := w.variable(object{"type": "user", "user_id": 7, "raw_value": "50"})
		secret := w.variable(object{"name": "DBT_ENV_SECRET_KEY", "raw_value": "hunter2"})
		w.variable(object{"name": "DBT_ELSEWHERE", "type": "environment", "environment_id": dbtcloudtest.DefaultDeferringID})

		hidden := object{"project": value(secret, "**********")}
		for query, want := range map[string]object{
			"job/?job_definition_id=" + id(w.job): {
				"DBT_LIMIT":          object{"project": value(project, "10"), "environment": value(ci, "20"), "job": value(job, "40")},
				"DBT_ENV_SECRET_KEY": hidden,
			},
			"user/?user_id=7": {
				"DBT_LIMIT":          object{"project": value(project, "10"), "environment": value(dev, "30"), "user": value(user, "50")},
				"DBT_ENV_SECRET_KEY": hidden,
			},
			"user/?user_id=8": {
				"DBT_LIMIT":          object{"project": value(project, "10"), "environment": value(dev, "30")},
				"DBT_ENV_SECRET_KEY": hidden,
			},
		} {
			if _, body := w.do("GET", variables()+query, nil); !cmp.Equal(want, data(body)) {
				t.Errorf("%s (-want +got):\n%s", query, cmp.Diff(want, data(body)))
			}
		}
		_, body := w.do("GET", variables()+"environment", nil)
		table := data(body)
		limit := object{"project": value(project, "10"), "CI": value(ci, "20"), "Development": value(dev, "30")}
		got := []any{table["environments"], table["variables"].(object)["DBT_LIMIT"], table["variables"].(object)["DBT_ENV_SECRET_KEY"], body["extra"]}
		if diff := cmp.Diff([]any{[]any{"project", "CI", "Production", "Development"}, limit, hidden, object{}}, got); diff != "" {
			t.Errorf("the table (-want +got):\n%s", diff)
		}
		if v := w.EnvironmentVariables()[5]; v.Value != "hunter2" {
			t.Errorf("the test sees %q, want the secret itself", v.Value)
		}
		w.DeleteJob(w.job)
		if code, _ := w.do("DELETE", variables()+id(job)+"/", nil); code != 404 {
			t.Errorf("deleting a value of a job that is gone is answered %d, want 404", code)
		}
	})
}

func TestVariableWrites(t *testing.T) {
	tests := []struct {
		name   string
		change object
		code   int
		tree   any
	}{
		{"twice", nil, 400, object{"name": "The variable has a value in this scope already."}},
		{"no prefix", object{"name": "LIMIT"}, 400, object{"name": "Environment variable names must begin with DBT_ and be upper case."}},
		{"lower case", object{"name": "DBT_limit"}, 400, object{"name": "Environment variable names must begin with DBT_ and be upper case."}},
		{"unknown key", object{"colour": 1}, 400, object{"colour": "extra keys not allowed"}},
		{"unknown scope", object{"type": "account"}, 400, object{"type": `value must be one of ["project","environment","job","user"]`}},
		{"empty value", object{"raw_value": ""}, 400, object{"raw_value": "length of value must be at least 1"}},
		{"no job", object{"type": "job"}, 400, object{"job_definition_id": "required key not provided"}},
		{"no environment", object{"type": "environment"}, 400, object{"environment_id": "required key not provided"}},
		{"no user", object{"type": "user"}, 400, object{"user_id": "required key not provided"}},
		{"unknown job", object{"type": "job", "job_definition_id": 5}, 404, nil},
		{"unknown environment", object{"type": "environment", "environment_id": 5}, 404, nil},
		{"environment of another project", object{"type": "environment", "environment_id": 22}, 404, nil},
		{"other project", object{"project_id": 21}, 400, object{"project_id": "The provided project does not match."}},
		{"other account", object{"account_id": 21}, 400, object{"account_id": "The provided account does not match."}},
		{"null id", object{"id": nil, "name": "DBT_OTHER"}, 200, nil}, // terraform-provider-dbtcloud sends it
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.v3()
				w.AddEnvironment(22, w.AddProject(21, "Other"), "CI")
				w.variable(nil)
				code, body := w.do("POST", variables(), w.variableBody(test.change))
				if diff := cmp.Diff([]any{test.code, test.tree}, []any{code, refusal(code, body)}); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if made := len(w.EnvironmentVariables()) - 1; (made == 1) != (code == 200) {
					t.Errorf("answered %d and made %d values", code, made)
				}
			})
		})
	}
}

func TestVariableUpdateAndDelete(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.v3()
		v := w.variable(nil)
		w.variable(object{"name": "DBT_OTHER"})
		path := variables() + id(v) + "/"
		if code, _ := w.do("POST", path, w.variableBody(object{"name": "DBT_OTHER"})); code != 400 {
			t.Errorf("the name of another variable is answered %d, want 400", code)
		}
		renamed := w.variableBody(object{"name": "DBT_RENAMED"})
		delete(renamed, "raw_value")
		if code, body := w.do("POST", path, renamed); code != 200 || data(body)["display_value"] != "10" {
			t.Errorf("without a value answered %d with %v, want the value as it was", code, data(body)["display_value"])
		}
		if code, body := w.do("DELETE", path, nil); code != 200 || data(body)["state"] != number(2) {
			t.Errorf("delete answered %d with state %v, want 200 and 2", code, data(body)["state"])
		}
		for request, want := range map[string]int{
			"DELETE " + path: 404, "POST " + path: 404, "GET " + variables() + "job/": 400, "GET " + variables() + "job/?job_definition_id=x": 400,
			"GET " + variables() + "user/": 400, "GET " + variables() + "job/?job_definition_id=5": 404,
			"GET projects/5/environment-variables/environment/": 404, "GET projects/5/environment-variables/user/?user_id=1": 404,
			"POST projects/5/environment-variables/": 404, "POST projects/5/environment-variables/bulk/": 404,
			"PUT projects/5/environment-variables/bulk/": 404, "DELETE projects/5/environment-variables/bulk/": 404,
		} {
			method, path := cut(request)
			if code, _ := w.do(method, path, w.variableBody(nil)); code != want {
				t.Errorf("%s is answered %d, want %d", request, code, want)
			}
		}
	}, dbtcloudtest.WithDeletes(dbtcloudtest.Envelope))
}

// A token of one project knows nothing of the others.
func TestScopeHidesProjects(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.v3()
		w.AddEnvironment(22, w.AddProject(21, "Other"), "CI")
		hidden := w.AddProjectEnvVar(21, "DBT_X", "1")
		if got := len(w.list("projects/")) + len(w.list("environments/")); got != 3 {
			t.Errorf("%d projects and environments are seen, want 3", got)
		}
		for _, request := range []string{
			"GET projects/21/", "POST projects/21/", "DELETE projects/21/", "GET projects/21/environments/", "POST projects/21/environments/",
			"GET projects/21/environments/22/", "DELETE environments/22/sao-cache/", "GET projects/21/environment-variables/environment/",
			"POST projects/21/environment-variables/", "DELETE projects/21/environment-variables/" + id(hidden) + "/",
			"PUT projects/21/environment-variables/bulk/",
		} {
			method, path := cut(request)
			code, body := w.do(method, path, object{})
			if message := body["status"].(object)["user_message"].(string); code != 404 || !strings.Contains(message, "permissions") {
				t.Errorf("%s is answered %d %q, want 404 with a hint at permissions", request, code, message)
			}
		}
	}, dbtcloudtest.WithProjectScope(dbtcloudtest.DefaultProjectID))
}
