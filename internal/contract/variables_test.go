package contract

import (
	"errors"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// variableScenarios are the uses of environment variables.
func variableScenarios() []scenario {
	return []scenario{
		{"overrides", overrides},
		{"variables in every scope", everyScope},
		{"tables of variables", tables},
		{"variables whose ids are strings", variablesWithStringIDs},
		{"create variables in bulk", createBulk},
		{"create variables in bulk, and fail", createBulkFailing},
		{"update variables in bulk", updateBulk},
		{"update variables in bulk, and fail", updateBulkFailing},
	}
}

func overrides(t *testing.T, c *contract) {
	w := c.begin(t)
	project, job := dbtcloudtest.DefaultProjectID, w.AddJob(dbtcloudtest.JobSpec{})
	w.AddProjectEnvVar(project, "DBT_LIMIT", "0")
	vars := w.client.EnvironmentVariables
	try(vars.JobOverrides(t.Context(), project, job)).must(t)
	try(vars.Create(t.Context(), project, dbtcloud.EnvironmentVariableRequest{Name: "DBT_LIMIT", Value: "10", Scope: dbtcloud.ScopeJob, JobID: job})).must(t)
	found := try(vars.JobOverrides(t.Context(), project, job)).must(t)
	if len(found) != 1 || found[0].Value != "10" {
		t.Fatalf("the overrides are %v, want DBT_LIMIT", found)
	}
	noError(t, vars.Delete(t.Context(), project, found[0].ID))
	if found = try(vars.JobOverrides(t.Context(), project, job)).must(t); len(found) != 0 {
		t.Errorf("the overrides are %v after the last was deleted", found)
	}
}

// scopes is a request for every scope, with what it needs.
func scopes(job int64) []dbtcloud.EnvironmentVariableRequest {
	return []dbtcloud.EnvironmentVariableRequest{
		{Name: "DBT_LIMIT", Value: "1"},
		{Name: "DBT_LIMIT", Value: "2", Scope: dbtcloud.ScopeEnvironment, EnvironmentID: dbtcloudtest.DefaultEnvironmentID},
		{Name: "DBT_LIMIT", Value: "3", Scope: dbtcloud.ScopeJob, JobID: job},
		{Name: "DBT_LIMIT", Value: "4", Scope: dbtcloud.ScopeUser, UserID: 7},
	}
}

func everyScope(t *testing.T, c *contract) {
	for _, mode := range []dbtcloudtest.Deletes{dbtcloudtest.NoContent, dbtcloudtest.Envelope} {
		w := c.begin(t, dbtcloudtest.WithDeletes(mode))
		project, vars := dbtcloudtest.DefaultProjectID, w.client.EnvironmentVariables
		for _, req := range scopes(w.AddJob(dbtcloudtest.JobSpec{})) {
			made := try(vars.Create(t.Context(), project, req)).must(t)
			req.Value = "new"
			if v := try(vars.Update(t.Context(), project, made.ID, req)).must(t); v.ID != made.ID || v.DisplayValue != "new" || v.EnvironmentID != req.EnvironmentID || v.JobID != req.JobID || v.UserID != req.UserID {
				t.Errorf("%s came back as %s", req, v.Raw())
			}
			noError(t, vars.Delete(t.Context(), project, made.ID))
			if err := vars.Delete(t.Context(), project, made.ID); !errors.Is(err, dbtcloud.ErrNotFound) {
				t.Errorf("deleting it again: %v, want ErrNotFound", err)
			}
		}
	}
}

func tables(t *testing.T, c *contract) {
	w := c.begin(t)
	project, job, vars := dbtcloudtest.DefaultProjectID, w.AddJob(dbtcloudtest.JobSpec{}), w.client.EnvironmentVariables
	for range 2 { // without and with variables
		try(vars.ForEnvironments(t.Context(), project)).must(t)
		try(vars.ForJob(t.Context(), project, job)).must(t)
		try(vars.ForUser(t.Context(), project, 7)).must(t)
		if len(w.EnvironmentVariables()) > 0 {
			break
		}
		for _, req := range scopes(job) {
			try(vars.Create(t.Context(), project, req)).must(t)
		}
		w.AddProjectEnvVar(project, "DBT_ENV_SECRET_KEY", "hidden")
	}
	table := try(vars.ForEnvironments(t.Context(), project)).must(t)
	ofJob, ofUser := try(vars.ForJob(t.Context(), project, job)).must(t), try(vars.ForUser(t.Context(), project, 7)).must(t)
	if len(table.Variables) != 2 || len(ofJob) != 2 || len(ofUser) != 2 {
		t.Fatalf("there are %d, %d and %d variables, want 2", len(table.Variables), len(ofJob), len(ofUser))
	}
	var got []string
	for _, v := range []*dbtcloud.VariableValue{ofJob[1].Project, ofJob[1].Environment, ofJob[1].Job, ofUser[1].Project, ofUser[1].User, ofJob[0].Project} {
		if v == nil {
			t.Fatalf("a value is missing: %+v, %+v", ofJob, ofUser)
		}
		got = append(got, v.Value)
	}
	if diff := cmp.Diff([]string{"1", "2", "3", "1", "4", "**********"}, got); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

func variablesWithStringIDs(t *testing.T, c *contract) {
	w := c.lax(t, dbtcloudtest.WithStringIDs())
	project, vars := dbtcloudtest.DefaultProjectID, w.client.EnvironmentVariables
	made := try(vars.CreateBulk(t.Context(), project, []dbtcloud.VariableValues{{Name: "DBT_NEW", Project: "007"}})).must(t)
	table := try(vars.ForEnvironments(t.Context(), project)).must(t)
	value := table.Variables[0].Values["project"]
	if ids := made[0].Done.NewIDs; len(ids) != 1 || ids[0] != value.ID || value.Value != "007" {
		t.Errorf("the bulk request made %v, the table has %d with %q", ids, value.ID, value.Value)
	}
	req := dbtcloud.EnvironmentVariableRequest{Name: "DBT_NEW", Value: "8"}
	if v := try(vars.Update(t.Context(), project, value.ID, req)).must(t); v.ID != value.ID {
		t.Errorf("value %d came back as %d", value.ID, v.ID)
	}
	w.onlyAnswersDepart(t)
}

// environments are the names of two environments of the project.
func (w *world) environments() (one, two string) {
	w.AddEnvironment(0, dbtcloudtest.DefaultProjectID, "Tomorrow's staging")
	return w.Environments()[0].Name, "Tomorrow's staging"
}

func createBulk(t *testing.T, c *contract) {
	w := c.begin(t)
	one, two := w.environments()
	project, vars := dbtcloudtest.DefaultProjectID, w.client.EnvironmentVariables
	results := try(vars.CreateBulk(t.Context(), project, []dbtcloud.VariableValues{
		{Name: "DBT_FEW", Project: "1"},
		{Name: "DBT_SOME", Environments: map[string]string{two: "2"}},
		{Name: "DBT_ALL", Project: "3", Environments: map[string]string{one: "4", two: "5"}},
	})).must(t)
	var made []int
	for _, result := range results {
		made = append(made, len(result.Done.NewIDs))
	}
	if diff := cmp.Diff([]int{1, 1, 3}, made); diff != "" {
		t.Errorf("values that were made (-want +got):\n%s", diff)
	}
	noError(t, vars.DeleteBulk(t.Context(), project, "DBT_ALL"))
	if err := vars.DeleteBulk(t.Context(), project, "DBT_ALL"); !errors.Is(err, dbtcloud.ErrNotFound) {
		t.Errorf("deleting it again: %v, want ErrNotFound", err)
	}
	if table := try(vars.ForEnvironments(t.Context(), project)).must(t); len(table.Variables) != 2 {
		t.Errorf("%d variables are left, want 2", len(table.Variables))
	}
}

// createBulkFailing has one variable that exists already, and one with a value for an environment that does not exist.
func createBulkFailing(t *testing.T, c *contract) {
	w := c.begin(t)
	project, vars := dbtcloudtest.DefaultProjectID, w.client.EnvironmentVariables
	w.AddProjectEnvVar(project, "DBT_OLD", "0")
	fields := func(_ []dbtcloud.BulkResult, err error) []string {
		var names []string
		if refused, ok := errors.AsType[*dbtcloud.Error](err); ok {
			for name := range refused.Fields {
				names = append(names, name)
			}
		}
		return names
	}
	all := fields(vars.CreateBulk(t.Context(), project, []dbtcloud.VariableValues{{Name: "DBT_NEW", Project: "1"}, {Name: "DBT_OLD", Project: "1"}}))
	part := fields(vars.CreateBulk(t.Context(), project, []dbtcloud.VariableValues{{Name: "DBT_PART", Project: "1", Environments: map[string]string{"Nowhere": "1"}}}))
	if diff := cmp.Diff([][]string{{"DBT_OLD"}, {"DBT_PART.Nowhere"}}, [][]string{all, part}); diff != "" {
		t.Errorf("what failed (-want +got):\n%s", diff)
	}
}

func updateBulk(t *testing.T, c *contract) {
	w := c.begin(t)
	one, two := w.environments()
	project, vars := dbtcloudtest.DefaultProjectID, w.client.EnvironmentVariables
	kept, gone := w.AddProjectEnvVar(project, "DBT_OLD", "0"), w.AddEnvironmentEnvVar(w.Environments()[0].ID, "DBT_OLD", "1")
	updated := try(vars.UpdateBulk(t.Context(), project, dbtcloud.BulkUpdate{Name: "DBT_OLD", Values: map[string]*string{
		digits(kept): new("2"), digits(gone): nil, two: new("3"),
	}})).must(t)
	if len(updated.NewIDs) != 1 || !cmp.Equal(updated.DeletedIDs, []int64{gone}) {
		t.Errorf("the update made %v and deleted %v, want one and %d", updated.NewIDs, updated.DeletedIDs, gone)
	}
	try(vars.UpdateBulk(t.Context(), project, dbtcloud.BulkUpdate{Name: "DBT_OLD", NewName: "DBT_NEW"})).must(t)
	table := try(vars.ForEnvironments(t.Context(), project)).must(t)
	if len(table.Variables) != 1 || table.Variables[0].Name != "DBT_NEW" {
		t.Fatalf("the variables are %v, want DBT_NEW", table.Variables)
	}
	values := table.Variables[0].Values
	if _, there := values[one]; there || values["project"].Value != "2" || values[two].Value != "3" {
		t.Errorf("the project has %q, %s has %q, %s has a value: %v", values["project"].Value, two, values[two].Value, one, there)
	}
}

// updateBulkFailing names an environment and a value that do not exist, and then a variable.
func updateBulkFailing(t *testing.T, c *contract) {
	w := c.begin(t)
	project, vars := dbtcloudtest.DefaultProjectID, w.client.EnvironmentVariables
	w.AddProjectEnvVar(project, "DBT_OLD", "0")
	updated, err := vars.UpdateBulk(t.Context(), project, dbtcloud.BulkUpdate{Name: "DBT_OLD", Values: map[string]*string{"Nowhere": new("1"), "7": new("1")}})
	if refused, ok := errors.AsType[*dbtcloud.Error](err); !ok || len(refused.Fields) != 2 || updated == nil || len(updated.Failures) != 2 {
		t.Errorf("the update failed with %v and %v, want two reasons", updated, err)
	}
	if _, err = vars.UpdateBulk(t.Context(), project, dbtcloud.BulkUpdate{Name: "DBT_NONE", Values: map[string]*string{"project": new("1")}}); !errors.Is(err, dbtcloud.ErrBadRequest) {
		t.Errorf("of no variable: %v, want ErrBadRequest", err)
	}
}

func digits(id int64) string { return strconv.FormatInt(id, 10) }
