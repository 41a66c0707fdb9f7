package dbtcloudtest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

const exists = "An environment variable by this name already exists in this project and account"

// told is every value of a variable as scope=value, the scope of an environment being its id.
func (w *world) told(name string) []string {
	var out []string
	for _, v := range w.EnvironmentVariables() {
		scope := v.Scope
		if v.EnvironmentID != 0 {
			scope = id(v.EnvironmentID)
		}
		if v.Name == name {
			out = append(out, scope+"="+v.Value)
		}
	}
	slices.Sort(out)
	return out
}

func TestBulkCreate(t *testing.T) {
	ci := id(dbtcloudtest.DefaultEnvironmentID)
	inBubble(t, func(t *testing.T, w *world) {
		w.v3()
		send := func(items ...any) (int, any) {
			code, body := w.do("POST", variables()+"bulk/", object{"env_var": items})
			return code, body["data"]
		}
		code, got := send(object{"new_name": "DBT_A", "project": "1", "CI": "2", "Nowhere": "3"}, object{"new_name": "DBT_B", "CI": "4"})
		made := w.EnvironmentVariables()
		done := func(name string, failures object, ids ...any) object {
			return object{"status": "success", "status_code": number(200), "key_name": name, "data": object{
				"message": "Environment variable created.", "new_var_ids": ids, "failures": failures,
			}}
		}
		want := []any{
			done("DBT_A", object{"Nowhere": "There is no environment with this name."}, number(made[0].ID), number(made[1].ID)),
			done("DBT_B", object{}, number(made[2].ID)),
		}
		if diff := cmp.Diff([]any{200, want}, []any{code, got}); diff != "" {
			t.Errorf("answer (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{ci + "=2", "project=1"}, w.told("DBT_A")); diff != "" {
			t.Errorf("values (-want +got):\n%s", diff)
		}

		code, got = send(object{"new_name": "DBT_A", "project": "9"}, object{"new_name": "DBT_C", "project": "5"}, object{"new_name": "LIMIT", "project": "6"})
		refused := func(name, reason string) object {
			return object{"status": "failure", "status_code": number(400), "key_name": name, "reason": reason}
		}
		want = []any{
			refused("DBT_A", exists), object{"status": "success", "status_code": number(200), "key_name": "DBT_C"},
			refused("LIMIT", "Environment variable names must begin with DBT_ and be upper case."),
		}
		if diff := cmp.Diff([]any{400, want}, []any{code, got}); diff != "" {
			t.Errorf("answer to a list with bad ones (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([][]string{{"project=5"}, {ci + "=2", "project=1"}}, [][]string{w.told("DBT_C"), w.told("DBT_A")}); diff != "" {
			t.Errorf("values (-want +got):\n%s", diff)
		}

		complaint := object{"env_var": object{"new_name": "required key not provided"}}
		if code, got := send(object{"project": "1"}); code != 400 || !cmp.Equal(got, any(complaint)) {
			t.Errorf("without a name: %d %v, want 400 %v", code, got, complaint)
		}
		if code, got := send(object{"new_name": "DBT_D"}); code != 400 || !strings.Contains(got.([]any)[0].(object)["reason"].(string), "value") {
			t.Errorf("without a value: %d %v, want 400", code, got)
		}
		for _, body := range []any{object{}, object{"env_var": object{"new_name": "DBT_D", "project": "1"}}, object{"env_var": []int{1}}, []int{1}, nil} {
			if code, _ := w.do("POST", variables()+"bulk/", body); code != 400 {
				t.Errorf("%v is answered %d, want 400", body, code)
			}
		}
	})
}

// terraform-provider-dbtcloud sends one variable, not a list, and reads the answer of one.
func TestBulkCreateOfOne(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.v3()
		one := object{"env_var": object{"new_name": "DBT_A", "project": "1", "CI": "2"}}
		code, body := w.do("POST", variables()+"bulk/", one)
		if diff := cmp.Diff([]any{200, 2}, []any{code, len(data(body)["new_var_ids"].([]any))}); diff != "" {
			t.Errorf("create (-want +got):\n%s", diff)
		}
		if code, body := w.do("POST", variables()+"bulk/", one); code != 400 || !cmp.Equal(data(body), object{"reason": exists}) {
			t.Errorf("again: %d %v, want 400 %q", code, body["data"], exists)
		}
		// Environments by name stand for the values that they have.
		_, body = w.do("PUT", variables()+"bulk", object{"env_vars": object{"name": "DBT_A", "project": "9", "CI": "", "Production": "3"}})
		answer := []any{len(data(body)["new_var_ids"].([]any)), len(data(body)["deleted_var_ids"].([]any)), data(body)["failures"]}
		if diff := cmp.Diff([]any{1, 1, object{}}, answer); diff != "" {
			t.Errorf("update (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{id(dbtcloudtest.DefaultDeferringID) + "=3", "project=9"}, w.told("DBT_A")); diff != "" {
			t.Errorf("values (-want +got):\n%s", diff)
		}
		if code, _ := w.do("DELETE", variables()+"bulk/", object{"name": "DBT_A"}); code != 204 || len(w.EnvironmentVariables()) != 0 {
			t.Errorf("delete answered %d and left %v", code, w.EnvironmentVariables())
		}
	}, dbtcloudtest.WithWrites(dbtcloudtest.Lenient))
}

func TestBulkUpdate(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.v3()
		project := w.AddProjectEnvVar(dbtcloudtest.DefaultProjectID, "DBT_A", "1")
		ci := w.AddEnvironmentEnvVar(dbtcloudtest.DefaultEnvironmentID, "DBT_A", "2")
		w.AddEnvVarOverride(w.job, "DBT_A", "3")
		w.AddProjectEnvVar(dbtcloudtest.DefaultProjectID, "DBT_B", "4")
		code, body := w.do("PUT", variables()+"bulk/", object{"env_vars": object{
			"name": "DBT_A", "new_name": "DBT_C", id(project): "10", id(ci): nil, "Production": "5", "project": "6", "Nowhere": "7", "12": "8",
		}})
		made := w.EnvironmentVariables()[3].ID
		want := object{
			"message": "Environment variable updated.", "new_var_ids": []any{number(made)}, "deleted_var_ids": []any{number(ci)},
			"failures": object{
				"12": "The variable has no value with this id.", "Nowhere": "There is no environment with this name.",
				"project": "The variable has a value here already: name it by its id.",
			},
		}
		if diff := cmp.Diff([]any{200, want}, []any{code, body["data"]}); diff != "" {
			t.Errorf("answer (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{id(dbtcloudtest.DefaultDeferringID) + "=5", "job=3", "project=10"}, w.told("DBT_C")); diff != "" {
			t.Errorf("values (-want +got):\n%s", diff)
		}
		for _, test := range []struct {
			change object
			reason string
		}{
			{object{"name": "DBT_A"}, "There is no environment variable with this name."},
			{object{"name": "DBT_B", "new_name": "DBT_C"}, exists},
			{object{"name": "DBT_B", "new_name": "LIMIT"}, "Environment variable names must begin with DBT_ and be upper case."},
		} {
			code, body := w.do("PUT", variables()+"bulk/", object{"env_vars": test.change})
			if diff := cmp.Diff([]any{400, object{"reason": test.reason}}, []any{code, body["data"]}); diff != "" {
				t.Errorf("%v (-want +got):\n%s", test.change, diff)
			}
		}
		for _, body := range []any{object{}, object{"env_vars": object{"CI": "1"}}, object{"env_vars": object{"name": "DBT_B", "CI": 1}}, nil} {
			if code, _ := w.do("PUT", variables()+"bulk/", body); code != 400 {
				t.Errorf("%v is answered %d, want 400", body, code)
			}
		}
	})
}

func TestBulkDelete(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.v3()
		w.AddProjectEnvVar(dbtcloudtest.DefaultProjectID, "DBT_A", "1")
		w.AddEnvVarOverride(w.job, "DBT_A", "2")
		w.AddProjectEnvVar(dbtcloudtest.DefaultProjectID, "DBT_B", "3")
		w.AddProjectEnvVar(w.AddProject(21, "Other"), "DBT_A", "4")
		var codes []int
		for _, body := range []any{object{"name": "DBT_A"}, object{"name": "DBT_A"}, object{}, object{"name": "DBT_B", "colour": 1}, nil} {
			code, _ := w.do("DELETE", variables()+"bulk/", body)
			codes = append(codes, code)
		}
		if diff := cmp.Diff([]int{204, 404, 400, 400, 400}, codes); diff != "" {
			t.Errorf("answers (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([][]string{{"project=4"}, {"project=3"}}, [][]string{w.told("DBT_A"), w.told("DBT_B")}); diff != "" {
			t.Errorf("values (-want +got):\n%s", diff)
		}
	})
}
