package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// newVariables is a house with variables.
func newVariables(t *testing.T) *cloud {
	t.Helper()
	c := newHouse(t)
	c.AddProjectEnvVar(11, "DBT_SCHEMA", "dev")
	c.AddEnvironmentEnvVar(22, "DBT_SCHEMA", "prod")
	c.AddEnvVarOverride(102, "DBT_SCHEMA", "night")
	c.AddProjectEnvVar(11, "DBT_ENV_SECRET_KEY", "hunter2")
	c.AddProjectEnvVar(12, "DBT_OTHER", "x")
	return c
}

func TestEnvVarsListAndGet(t *testing.T) {
	t.Parallel()
	c := newVariables(t)
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"list"}, `
NAME                project     CI  Production
DBT_ENV_SECRET_KEY  **********  -   -
DBT_SCHEMA          dev         -   prod
`},
		{[]string{"list", "--environment=production"}, `
NAME                project     Production
DBT_ENV_SECRET_KEY  **********  -
DBT_SCHEMA          dev         prod
`},
		{[]string{"list", "--job=102"}, `
NAME                project     environment  job
DBT_ENV_SECRET_KEY  **********  -            -
DBT_SCHEMA          dev         prod         night
`},
		{[]string{"get", "dbt_schema"}, `
NAME        DBT_SCHEMA
project     dev
CI          -
Production  prod
`},
	}
	for _, test := range tests {
		o := invoke(t, c.env, append(append([]string{"env-vars"}, test.args...), "--project=Finance")...).want(t, exitSuccess)
		if diff := cmp.Diff(test.want[1:], o.stdout); diff != "" || o.stderr != "" {
			t.Errorf("%v (-want +got):\n%s\nstderr %q", test.args, diff, o.stderr)
		}
	}
	invoke(t, c.env, "env-vars", "create", "--project=11", "--user-id=5", "--name=DBT_SCHEMA", "--value=mine").want(t, exitSuccess)
	if o := invoke(t, c.env, "env-vars", "get", "DBT_SCHEMA", "--project=11", "--user-id=5").want(t, exitSuccess); !strings.HasSuffix(o.stdout, "\nuser         mine\n") {
		t.Errorf("of a user:\n%s", o.stdout)
	}
	c.env["DBT_CLOUD_PROJECT_ID"] = "12"
	o := invoke(t, c.env, "env-vars", "list", "--output=json").want(t, exitSuccess)
	var rows []variableRow
	if err := json.Unmarshal([]byte(o.stdout), &rows); err != nil || len(rows) != 1 || rows[0].Name != "DBT_OTHER" || rows[0].Values["project"].Value != "x" || rows[0].Values["project"].ID == 0 {
		t.Errorf("rows %v, %v", rows, err)
	}
}

// TestEnvVarsWrites: what is left after each command, by scope.
func TestEnvVarsWrites(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		args  []string
		stdin string
		want  string // what there is of the variable afterwards
		said  string // on stderr
	}{
		{"create the default", []string{"create", "--name=DBT_NEW", "--value=a"}, "", "project=a", "created variable ID \"DBT_NEW\""},
		{"create for an environment", []string{"create", "--name=DBT_NEW", "--environment=ci", "--value-from-env=SOURCE"}, "", "environment=from env", "created variable ID \"DBT_NEW\""},
		{"create for a job", []string{"create", "--name=DBT_NEW", "--job=Test changes", "--value-from-stdin"}, "from stdin\r\n", "job=from stdin", "created variable ID \"DBT_NEW\""},
		{"create for a user", []string{"create", "--name=DBT_NEW", "--user-id=5", "--value= spaces "}, "", "user= spaces ", "created variable ID \"DBT_NEW\""},
		{"update the default", []string{"update", "dbt_schema", "--value=b"}, "", "project=b environment=prod job=night", "updated variable ID \"DBT_SCHEMA\""},
		{"update an environment", []string{"update", "DBT_SCHEMA", "--environment=22", "--value=b"}, "", "project=dev environment=b job=night", "updated variable ID \"DBT_SCHEMA\""},
		{"update a job", []string{"update", "DBT_SCHEMA", "--job=102", "--value=b"}, "", "project=dev environment=prod job=b", "updated variable ID \"DBT_SCHEMA\""},
		{"delete all", []string{"delete", "DBT_SCHEMA"}, "", "", "deleted variable DBT_SCHEMA with all its values"},
		{"delete of an environment", []string{"delete", "DBT_SCHEMA", "--environment=Production"}, "", "project=dev job=night", "deleted the value of DBT_SCHEMA for environment 22"},
		{"delete of a job", []string{"delete", "DBT_SCHEMA", "--job=102"}, "", "project=dev environment=prod", "deleted the value of DBT_SCHEMA for job 102"},
	}
	for _, test := range tests {
		for _, output := range []string{"text", "json"} {
			t.Run(test.name+", "+output, func(t *testing.T) {
				t.Parallel()
				c := newVariables(t)
				c.env["SOURCE"] = "from env"
				args := append(append([]string{"env-vars"}, test.args...), "--project=11", "--output="+output)
				o := invokeWith(t.Context(), nil, c.env, test.stdin, args...).want(t, exitSuccess)
				name := "DBT_SCHEMA"
				if test.args[0] == "create" {
					name = "DBT_NEW"
				}
				var left []string
				for _, v := range c.EnvironmentVariables() {
					if v.Name == name {
						left = append(left, string(v.Scope)+"="+v.Value)
					}
				}
				if got := strings.Join(left, " "); got != test.want {
					t.Errorf("left: %s, want %s", got, test.want)
				}
				said := o.stderr
				if output == "json" && test.args[0] != "delete" {
					said = strings.ReplaceAll(said, id(numberOf(t, o.object(t), "id")), "ID")
					if said != test.said+"\n" {
						t.Errorf("stderr %q, want %q", said, test.said)
					}
				}
				if test.args[0] == "delete" && said != test.said+"\n" {
					t.Errorf("stderr %q, want %q", said, test.said)
				}
			})
		}
	}
}

// TestEnvVarsSecrets: a secret value is shown by nobody, also where the service refuses it and repeats it.
// TestEnvironmentCalledProject: the API has its values where it has those of the project, which must not be changed instead.
func TestEnvironmentCalledProject(t *testing.T) {
	t.Parallel()
	c := newHouse(t)
	c.AddEnvironment(24, 11, "project")
	c.AddProjectEnvVar(11, "DBT_LIMIT", "10")
	for _, args := range [][]string{{"delete", "DBT_LIMIT"}, {"update", "DBT_LIMIT", "--value=5"}, {"list"}} {
		o := invoke(t, c.env, append([]string{"env-vars", "--project=11", "--environment=24"}, args...)...).want(t, exitBadInput)
		if !strings.Contains(o.stderr, "environment 24 is called project") {
			t.Errorf("%v: stderr %q", args, o.stderr)
		}
	}
	if writes := c.writes(); len(writes) > 0 {
		t.Errorf("sent %v", writes)
	}
}

func TestEnvVarsSecrets(t *testing.T) {
	t.Parallel()
	c := newVariables(t)
	c.env["KEY"] = "hunter2-and-more"
	for _, output := range []string{"text", "json"} {
		for _, args := range [][]string{
			{"update", "DBT_ENV_SECRET_KEY"}, {"create", "--name=DBT_ENV_SECRET_KEY"}, {"create", "--name=DBT_ENV_SECRET_NEW_" + strings.ToUpper(output), "--environment=CI"},
			{"create", "--name=not upper case"}, {"create", "--name=DBT_X", "--job=999"},
		} {
			o := invoke(t, c.env, append(append([]string{"env-vars"}, args...), "--project=11", "--value-from-env=KEY", "--output="+output)...)
			if strings.Contains(o.stdout+o.stderr, "hunter2") {
				t.Errorf("%v: stdout %q, stderr %q", args, o.stdout, o.stderr)
			}
		}
		if o := invoke(t, c.env, "env-vars", "list", "--project=11", "--output="+output).want(t, exitSuccess); strings.Contains(o.stdout, "hunter2") {
			t.Errorf("list: %s", o.stdout)
		}
	}
}
