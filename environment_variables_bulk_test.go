package dbtcloud_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// TestCreateBulkAnswers: what became of each variable is told whatever the status, and
// what failed is an error that names it.
func TestCreateBulkAnswers(t *testing.T) {
	t.Parallel()
	made := dbtcloud.BulkUpdated{Message: "made", NewIDs: []int64{1, 2}}
	okA := `{"status":"success","status_code":201,"key_name":"DBT_A","data":{"message":"made","new_var_ids":[1,2],"failures":{}}}`
	resultA := dbtcloud.BulkResult{Name: "DBT_A", Status: "success", StatusCode: 201, Done: made}
	failedB := `{"status":"failed","status_code":400,"key_name":"DBT_B","reason":"It is there already."}`
	resultB := dbtcloud.BulkResult{Name: "DBT_B", Status: "failed", StatusCode: 400, Reason: "It is there already."}
	two := []dbtcloud.VariableValues{{Name: "DBT_A", Project: "1"}, {Name: "DBT_B", Project: "1"}}
	tests := []struct {
		name, body string
		status     int
		variables  []dbtcloud.VariableValues
		want       []dbtcloud.BulkResult
		fields     map[string]string // of the error; nil for none
	}{
		{"all made", envelope(`[` + okA + `]`), 200, two[:1], []dbtcloud.BulkResult{resultA}, nil},
		{"older servers answer one object", envelope(`{"message":"made","new_var_ids":[1,2]}`), 200, two[:1], []dbtcloud.BulkResult{{Name: "DBT_A", Done: made}}, nil},
		{"one of two refused", refusal("The request was invalid.", `[`+okA+`,`+failedB+`]`), 400, two, []dbtcloud.BulkResult{resultA, resultB},
			map[string]string{"DBT_B": "It is there already."}},
		{"one of two refused in a success", envelope(`[` + okA + `,` + failedB + `]`), 200, two, []dbtcloud.BulkResult{resultA, resultB},
			map[string]string{"DBT_B": "It is there already."}},
		{"one of two left out", envelope(`[` + okA + `]`), 200, two, []dbtcloud.BulkResult{resultA}, map[string]string{"DBT_B": "the answer does not say what became of it"}},
		{"without a reason", envelope(`[{"key_name":"DBT_A","status_code":409,"status":"conflict"},{"key_name":"DBT_B","status_code":500}]`), 200, two,
			[]dbtcloud.BulkResult{{Name: "DBT_A", StatusCode: 409, Status: "conflict"}, {Name: "DBT_B", StatusCode: 500}}, map[string]string{"DBT_A": "conflict", "DBT_B": "failed"}},
		{"an environment failed", envelope(`[{"key_name":"DBT_A","status_code":201,"data":{"new_var_ids":[1],"failures":{"CI":"There is no CI."}}}]`), 200, two[:1],
			[]dbtcloud.BulkResult{{Name: "DBT_A", StatusCode: 201, Done: dbtcloud.BulkUpdated{NewIDs: []int64{1}, Failures: map[string]string{"CI": "There is no CI."}}}},
			map[string]string{"DBT_A.CI": "There is no CI."}},
		{"a tree as of any other write", refusal("Invalid.", `{"env_var":["required"]}`), 400, two[:1], nil, map[string]string{"env_var": "required"}},
		{"a word", refusal("Invalid.", `"no"`), 400, two, nil, map[string]string{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, s := scripted(t, always(test.status, "application/json", test.body))
			got, err := c.EnvironmentVariables.CreateBulk(t.Context(), 3, test.variables)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			checkFields(t, err, test.fields)
			for name := range test.fields {
				if err != nil && !strings.Contains(err.Error(), name+": ") {
					t.Errorf("error %v does not name %s", err, name)
				}
			}
			if len(s.lines()) != 1 {
				t.Errorf("sent %v", s.lines())
			}
		})
	}
}

func checkFields(t *testing.T, err error, want map[string]string) {
	t.Helper()
	if want == nil {
		if err != nil {
			t.Errorf("error %v, want none", err)
		}
		return
	}
	e, ok := errors.AsType[*dbtcloud.Error](err)
	if _, uncertain := errors.AsType[*dbtcloud.UncertainError](err); !ok || uncertain {
		t.Fatalf("error %v, want an *Error that is not uncertain", err)
	}
	if diff := cmp.Diff(want, e.Fields, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("fields of the error (-want +got):\n%s", diff)
	}
}

func TestUpdateBulkAnswers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		status     int
		want       *dbtcloud.BulkUpdated
		fields     map[string]string
	}{
		{"done", envelope(`{"message":"changed","new_var_ids":[1],"deleted_var_ids":["2"],"failures":{}}`), 200,
			&dbtcloud.BulkUpdated{Message: "changed", NewIDs: []int64{1}, DeletedIDs: []int64{2}}, nil},
		{"partly", envelope(`{"new_var_ids":[1],"deleted_var_ids":null,"failures":{"CI":"There is no CI."}}`), 200,
			&dbtcloud.BulkUpdated{NewIDs: []int64{1}, Failures: map[string]string{"CI": "There is no CI."}}, map[string]string{"CI": "There is no CI."}},
		{"refused", refusal("The request was invalid.", `{"reason":"There is no DBT_X."}`), 400, nil, map[string]string{"DBT_X": "There is no DBT_X."}},
		{"refused with a tree", refusal("Invalid.", `{"env_vars":{"name":"required"}}`), 400, nil, map[string]string{"env_vars.name": "required"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, _ := scripted(t, always(test.status, "application/json", test.body))
			got, err := c.EnvironmentVariables.UpdateBulk(t.Context(), 3, dbtcloud.BulkUpdate{Name: "DBT_X", Values: map[string]*string{"CI": new("v")}})
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			checkFields(t, err, test.fields)
		})
	}
}

// TestBulkRefuses: every problem of a bulk request is named, and no value.
func TestBulkRefuses(t *testing.T) {
	t.Parallel()
	values := func(v ...dbtcloud.VariableValues) []dbtcloud.VariableValues { return v }
	creates := []struct {
		project   int64
		variables []dbtcloud.VariableValues
		want      []string
	}{
		{3, nil, []string{"env_var: is required"}},
		{0, values(dbtcloud.VariableValues{Name: "x"}), []string{"{project} must be positive", `env_var[0].new_name: "x" must start with DBT_`, "env_var[0]: x has no value"}},
		{3, values(dbtcloud.VariableValues{Name: "DBT_A", Project: "v1sible"}, dbtcloud.VariableValues{Name: "DBT_B", Environments: map[string]string{"CI": "", "new_name": "v1sible", "project": "v", "": "v"}}),
			[]string{"env_var[1].CI: must not be empty", `env_var[1]: "new_name" cannot be`, `env_var[1]: "project" cannot be`, `env_var[1]: "" cannot be`}},
		{3, values(dbtcloud.VariableValues{Name: "DBT_A", Project: "v1sible\xff", Environments: map[string]string{"CI": "v1sible\xff"}}),
			[]string{"env_var[0].project: is not valid UTF-8", "env_var[0].CI: is not valid UTF-8"}},
		{3, values(dbtcloud.VariableValues{Name: "DBT_A", Project: "1"}, dbtcloud.VariableValues{Name: "DBT_A", Project: "2"}), []string{"env_var[1].new_name: DBT_A is there twice"}},
	}
	updates := []struct {
		update dbtcloud.BulkUpdate
		want   []string
	}{
		{dbtcloud.BulkUpdate{}, []string{`env_vars.name: "" must start with DBT_`, "env_vars: the update sets nothing"}},
		{dbtcloud.BulkUpdate{Name: "DBT_X", Values: map[string]*string{"5": new("v1sible\xff")}}, []string{"env_vars.5: is not valid UTF-8"}},
		{dbtcloud.BulkUpdate{Name: "DBT_X", NewName: "y"}, []string{`env_vars.new_name: "y" must start with DBT_`}},
		{dbtcloud.BulkUpdate{Name: "DBT_X", Values: map[string]*string{"CI": new(""), "name": new("v1sible")}}, []string{"env_vars.CI: must not be empty: nil removes", `env_vars: "name" cannot be`}},
	}
	c, s := scripted(t, always(200, "application/json", envelope(`{"id":1}`)))
	vars := c.EnvironmentVariables
	check := func(err error, want []string) {
		t.Helper()
		for _, w := range want {
			if !errors.Is(err, dbtcloud.ErrInvalid) || !strings.Contains(err.Error(), w) || strings.Contains(err.Error(), "v1sible") {
				t.Errorf("error %v, want ErrInvalid that says %q and no value", err, w)
			}
		}
	}
	for _, test := range creates {
		_, err := vars.CreateBulk(t.Context(), test.project, test.variables)
		check(err, test.want)
	}
	for _, test := range updates {
		_, err := vars.UpdateBulk(t.Context(), 3, test.update)
		check(err, test.want)
	}
	check(vars.DeleteBulk(t.Context(), 0, "x"), []string{"{project} must be positive", `name: "x" must start with DBT_`})
	if len(s.lines()) != 0 {
		t.Errorf("sent %v", s.lines())
	}
}

// TestBulkValuesAreNotRepeated: a server that says values again, in a refusal or in a
// success, is not quoted; one value may be a part of another.
func TestBulkValuesAreNotRepeated(t *testing.T) {
	t.Parallel()
	variables := []dbtcloud.VariableValues{{Name: "DBT_A", Project: "s3cret", Environments: map[string]string{"CI": "s3cret-and-more"}}, {Name: "DBT_B", Project: `qu"ote`}}
	items := `[{"key_name":"DBT_A","status_code":400,"reason":"bad s3cret-and-more, s3cret"},{"key_name":"DBT_B","status":"s3cret","status_code":201,"data":{"message":"qu\"ote","failures":{"CI":"s3cret"}}}]`
	update := dbtcloud.BulkUpdate{Name: "DBT_A", Values: map[string]*string{"CI": new("s3cret"), "project": new("s3cret-and-more"), "5": nil}}
	updated := `{"message":"s3cret-and-more","failures":{"CI":"s3cret"}}`
	for status, body := range map[int]func(string) string{200: envelope, 400: func(data string) string { return refusal("bad s3cret", data) }} {
		c, _ := scripted(t, always(status, "application/json", body(items)))
		results, err := c.EnvironmentVariables.CreateBulk(t.Context(), 3, variables)
		c, _ = scripted(t, always(status, "application/json", body(updated)))
		changed, err2 := c.EnvironmentVariables.UpdateBulk(t.Context(), 3, update)
		for _, err := range []error{err, err2} {
			e, ok := errors.AsType[*dbtcloud.Error](err)
			if !ok {
				t.Fatalf("%d: error %v, want an *Error", status, err)
			}
			text := fmt.Sprintf("%v %+v %s %s %+v %+v", err, e, e.Body, e.Data, results, changed)
			if strings.Contains(text, "s3cret") || strings.Contains(text, "-and-more") || strings.Contains(text, "ote\"") {
				t.Errorf("%d: a value is in %s", status, text)
			}
		}
		if len(results) != 2 || results[0].Name != "DBT_A" || results[0].Reason != "bad [redacted], [redacted]" {
			t.Errorf("%d: results %+v", status, results)
		}
	}
}

// TestVariablesLive: one variable through every scope and every bulk request, with
// writes that are judged strictly.
func TestVariablesLive(t *testing.T) {
	t.Parallel()
	s := dbtcloudtest.New()
	c, err := s.Client()
	if err != nil {
		t.Fatal(err)
	}
	ctx, vars, project := t.Context(), c.EnvironmentVariables, s.AddProject(0, "shop")
	s.AddEnvironment(0, project, "CI")
	results, err := vars.CreateBulk(ctx, project, []dbtcloud.VariableValues{{Name: "DBT_LIMIT", Project: "0", Environments: map[string]string{"CI": "100"}}, {Name: "DBT_SCHEMA", Project: "x"}})
	if err != nil || len(results) != 2 || len(results[0].Done.NewIDs) != 2 {
		t.Fatalf("made %+v, %v", results, err)
	}
	results, err = vars.CreateBulk(ctx, project, []dbtcloud.VariableValues{{Name: "DBT_LIMIT", Project: "1"}, {Name: "DBT_NEW", Project: "2"}})
	if e, ok := errors.AsType[*dbtcloud.Error](err); !ok || e.Fields["DBT_LIMIT"] == "" || len(e.Fields) != 1 || len(results) != 2 {
		t.Errorf("made %+v, %v; want an error for DBT_LIMIT alone", results, err)
	}
	table, err := vars.ForEnvironments(ctx, project)
	if err != nil || len(table.Variables) != 3 {
		t.Fatalf("table %v, %v", table, err)
	}
	id := func(environment string) string {
		return strconv.FormatInt(table.Variables[0].Values[environment].ID, 10)
	}
	updated, err := vars.UpdateBulk(ctx, project, dbtcloud.BulkUpdate{Name: "DBT_LIMIT", NewName: "DBT_ROWS", Values: map[string]*string{id("CI"): nil, id("project"): new("5")}})
	if err != nil || len(updated.DeletedIDs) != 1 {
		t.Errorf("updated %+v, %v; want one value removed", updated, err)
	}
	if err := vars.DeleteBulk(ctx, project, "DBT_SCHEMA"); err != nil {
		t.Error(err)
	}
	table, err = vars.ForEnvironments(ctx, project)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, row := range table.Variables {
		for environment, v := range row.Values {
			got[row.Name+" "+environment] = v.Value
		}
	}
	if diff := cmp.Diff(map[string]string{"DBT_ROWS project": "5", "DBT_NEW project": "2"}, got); diff != "" {
		t.Errorf("in the end (-want +got):\n%s", diff)
	}
}
