package dbtcloudtest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

func TestJobWrites(t *testing.T) {
	const invalid = "The request was invalid. Please double check the provided data and try again."
	type object = map[string]any
	extra := func(key string) object { return object{key: "extra keys not allowed"} }
	without := "(absent)"
	schedule := func(clock object) object {
		return object{"date": object{"type": "every_day"}, "time": clock}
	}
	tests := []struct {
		name    string
		change  object
		code    int
		message string
		tree    any
	}{
		{"as documented", nil, 200, "Success!", nil},
		{"id null", object{"id": nil}, 200, "Success!", nil},
		{"own id", object{"id": 7}, 400, invalid, object{"id": "The id is assigned by the service."}},
		{"read-only", object{"is_deferrable": false}, 400, invalid, extra("is_deferrable")},
		{"unknown", object{"colour": "red"}, 400, invalid, extra("colour")},
		{"nested unknown", object{"settings": object{"threads": 1, "target_name": "x", "colour": 1}}, 400, invalid, object{"settings": extra("colour")}},
		{"missing", object{"name": without}, 400, invalid, object{"name": "required key not provided"}},
		{"empty name", object{"name": ""}, 400, invalid, object{"name": "length of value must be at least 1"}},
		{"long name", object{"name": strings.Repeat("ä", 256)}, 400, invalid, object{"name": "length of value must be at most 255"}},
		{"longest name", object{"name": strings.Repeat("ä", 255)}, 200, "Success!", nil},
		{"long description", object{"description": strings.Repeat("x", 256)}, 400, invalid, object{"description": "length of value must be at most 255"}},
		{"wrong type", object{"run_lint": "yes"}, 400, invalid, object{"run_lint": "expected bool"}},
		{"text id", object{"environment_id": "5"}, 400, invalid, object{"environment_id": "expected int"}},
		{"null where none is taken", object{"settings": nil}, 400, invalid, object{"settings": "expected a dictionary"}},
		{"null version", object{"dbt_version": nil}, 200, "Success!", nil},
		{"no steps", object{"execute_steps": []string{}}, 400, invalid, object{"execute_steps": "length of value must be at least 1"}},
		{"empty step", object{"execute_steps": []string{""}}, 400, invalid, object{"execute_steps": "length of value must be at least 1"}},
		{"unknown type", object{"job_type": "nightly"}, 400, invalid, object{"job_type": `value must be one of ["ci","scheduled","other","merge","exposure_sync","adaptive","hybrid"]`}},
		{
			"two triggers", object{"triggers": object{"github_webhook": true, "schedule": true}}, 400, invalid,
			object{"triggers": "Only one of github_webhook, schedule, on_merge, git_provider_webhook can be true"},
		},
		{
			"hours of an hourly schedule", object{"schedule": schedule(object{"type": "every_hour", "hours": []int{1}})}, 400, invalid,
			object{"schedule": object{"time": object{"hours": "extra keys not allowed", "interval": "required key not provided"}}},
		},
		{"exact hours", object{"schedule": schedule(object{"type": "at_exact_hours", "hours": []int{1}})}, 200, "Success!", nil},
		{"unknown project", object{"project_id": 5}, 400, invalid, object{"project_id": "The project does not exist."}},
		{"unknown environment", object{"environment_id": 5}, 400, invalid, object{"environment_id": "The environment does not exist in this project."}},
		{"environment of another project", object{"environment_id": 22}, 400, invalid, object{"environment_id": "The environment does not exist in this project."}},
		{"environment that is gone", object{"environment_id": 23}, 400, invalid, object{"environment_id": "The environment does not exist in this project."}},
		{"other account", object{"account_id": 5}, 400, invalid, object{"account_id": "The provided account does not match."}},
		{"dbt_state", object{"cost_optimization_features": []string{"dbt_state"}}, 200, "Success!", nil},
		{
			"orchestration of a CI job", object{"cost_optimization_features": []string{"state_aware_orchestration"}}, 405,
			"State-aware orchestration is not available for CI and merge jobs.", nil,
		},
		{"node selection of a CI job", object{"force_node_selection": true}, 405, "State-aware orchestration is not available for CI and merge jobs.", nil},
		{"orchestration of another job", object{"job_type": "other", "cost_optimization_features": []string{"state_aware_orchestration"}}, 200, "Success!", nil},
		{"completion trigger", object{"job_completion_trigger_condition": nil}, 200, "Success!", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.AddEnvironment(22, w.AddProject(21, "Other"), "CI")
				w.AddEnvironment(23, dbtcloudtest.DefaultProjectID, "Old")
				w.v3()
				w.do("DELETE", "environments/23/", nil)
				w.base = strings.Replace(w.base, "/v3/", "/v2/", 1)
				send := w.jobBody(test.change)
				for key, value := range send {
					if value == without {
						delete(send, key)
					}
				}
				code, body := w.do("POST", "jobs/", send)
				tree := body["data"]
				if code == 200 {
					tree = nil
				}
				got := []any{code, body["status"].(map[string]any)["user_message"], tree}
				if diff := cmp.Diff([]any{test.code, test.message, test.tree}, got); diff != "" {
					t.Errorf("answer (-want +got):\n%s", diff)
				}
				if made := len(w.Jobs()) - 1; (made == 1) != (code == 200) {
					t.Errorf("answered %d and made %d jobs", code, made)
				}
			})
		})
	}
}

func TestLenientWritesIgnoreWhatTheyDoNotKnow(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		code, body := w.do("POST", "jobs/", map[string]any{
			"account_id": w.AccountID(), "project_id": dbtcloudtest.DefaultProjectID, "environment_id": dbtcloudtest.DefaultEnvironmentID,
			"name": "", "is_deferrable": true, "colour": "red",
		})
		job := data(body)
		got := []any{code, job["job_type"], job["is_deferrable"], job["colour"], job["execute_steps"]}
		if diff := cmp.Diff([]any{200, "other", false, nil, []any{"dbt build"}}, got); diff != "" {
			t.Errorf("answer (-want +got):\n%s", diff)
		}
		if code, _ := w.do("POST", "jobs/", map[string]any{"account_id": "x"}); code != 400 {
			t.Errorf("a wrong type is answered %d, want 400 also when lenient", code)
		}
		code, body = w.do("POST", "jobs/"+id(w.job)+"/run/", map[string]any{"cause": "x", "git_sha": "a", "id": 7, "colour": "red"})
		trigger, _ := data(body)["trigger"].(map[string]any)
		if got := []any{code, trigger["git_sha"], trigger["id"] == number(7), trigger["colour"]}; !cmp.Equal(got, []any{200, "a", false, nil}) {
			t.Errorf("the trigger is answered %d with %v, want 200 without what it does not know", code, trigger)
		}
	}, dbtcloudtest.WithWrites(dbtcloudtest.Lenient))
}

func TestJobUpdate(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.EditJob(w.job, func(fields map[string]any) { fields["brand_new"] = "kept"; fields["description"] = "reset" })
		tests := []struct {
			name   string
			change map[string]any
			code   int
			tree   any
		}{
			{"no id", nil, 400, map[string]any{"id": "The provided id does not match."}},
			{"another id", map[string]any{"id": 5}, 400, map[string]any{"id": "The provided id does not match."}},
			{"another kind", map[string]any{"id": w.job, "job_type": "other"}, 400, map[string]any{"job_type": "A CI job cannot become another job, nor another job a CI job."}},
			{"unknown", map[string]any{"id": w.job, "colour": "red"}, 400, map[string]any{"colour": "extra keys not allowed"}},
			{"good", map[string]any{"id": w.job, "name": "renamed"}, 200, nil},
		}
		for _, test := range tests {
			code, body := w.do("POST", "jobs/"+id(w.job)+"/", w.jobBody(test.change))
			tree := body["data"]
			if code == 200 {
				tree = nil
			}
			if diff := cmp.Diff([]any{test.code, test.tree}, []any{code, tree}); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.name, diff)
			}
		}
		_, body := w.do("GET", "jobs/"+id(w.job)+"/", nil)
		got := []any{data(body)["name"], data(body)["description"], data(body)["brand_new"]}
		if diff := cmp.Diff([]any{"renamed", "", "kept"}, got); diff != "" {
			t.Errorf("an update replaces every field that the service knows (-want +got):\n%s", diff)
		}
		if code, _ := w.do("POST", "jobs/"+id(w.job)+"/", w.jobBody(map[string]any{"id": w.job, "brand_new": "changed"})); code != 200 {
			t.Errorf("sending back a field of the service is answered %d, want 200", code)
		}
		if code, body := w.do("POST", "jobs/"+id(w.job)+"/", w.jobBody(map[string]any{"id": w.job, "state": 2})); code != 200 || data(body)["state"] != number(2) {
			t.Errorf("state 2 is answered %d with state %v, want 200 and 2", code, data(body)["state"])
		}
		if j, _ := w.Job(w.job); j.DeletedAt.IsZero() || j.Fields["brand_new"] != "changed" {
			t.Errorf("after the writes the job is %+v, want deleted, with its own field changed", j)
		}
	})
}

func TestTriggerWrites(t *testing.T) {
	type object = map[string]any
	tests := []struct {
		name string
		body any
		code int
		tree any
	}{
		{"cause alone", object{"cause": "x"}, 200, nil},
		{"no cause", object{"git_sha": "a"}, 400, object{"cause": "required key not provided"}},
		{"empty cause", object{"cause": ""}, 400, object{"cause": "length of value must be at least 1"}},
		{"long cause", object{"cause": strings.Repeat("x", 256)}, 400, object{"cause": "length of value must be at most 255"}},
		{"empty sha", object{"cause": "x", "git_sha": ""}, 400, object{"git_sha": "length of value must be at least 1"}},
		{"unknown", object{"cause": "x", "pull_request": 1}, 400, object{"pull_request": "extra keys not allowed"}},
		{"text number", object{"cause": "x", "github_pull_request_id": "5"}, 400, object{"github_pull_request_id": "expected int"}},
		{"null for all that is not given", object{
			"cause": "x", "git_sha": nil, "git_branch": nil, "schema_override": nil, "dbt_version_override": nil, "target_name_override": nil,
			"threads_override": nil, "timeout_seconds_override": nil, "generate_docs_override": nil, "steps_override": nil,
			"github_pull_request_id": nil, "gitlab_merge_request_id": nil, "azure_pull_request_id": nil, "non_native_pull_request_id": nil,
		}, 200, nil},
		{"null cause", object{"cause": nil}, 400, object{"cause": "expected str"}},
		{"null step", object{"cause": "x", "steps_override": []any{nil}}, 400, object{"steps_override": "expected str"}},
		{"number zero", object{"cause": "x", "github_pull_request_id": 0}, 400, object{"github_pull_request_id": "value must be at least 1"}},
		{"two pull requests", object{"cause": "x", "github_pull_request_id": 1, "gitlab_merge_request_id": 1}, 400, object{"_model": "Only one pull request can be given"}},
		{"no body", nil, 500, nil},
		{"a list", []int{1}, 500, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				code, body := w.do("POST", "jobs/"+id(w.job)+"/run/", test.body)
				tree := body["data"]
				if code == 200 {
					tree = nil
				}
				if diff := cmp.Diff([]any{test.code, test.tree}, []any{code, tree}); diff != "" {
					t.Errorf("answer (-want +got):\n%s", diff)
				}
				recorded, _ := test.tree.(object)
				if diff := cmp.Diff(recorded, w.Requests()[0].Invalid); diff != "" {
					t.Errorf("recorded as invalid (-want +got):\n%s", diff)
				}
				if runs := len(w.Runs()); (runs == 1) != (code == 200) {
					t.Errorf("answered %d and made %d runs", code, runs)
				}
			})
		})
	}
}
