package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// newHouse is a cloud with two projects, in which some names are there twice.
func newHouse(t *testing.T, opts ...dbtcloudtest.Option) *cloud {
	t.Helper()
	c := newCloud(t, -1, opts...)
	c.AddProject(11, "Finance")
	c.AddProject(12, "Marketing")
	c.AddEnvironment(21, 11, "CI")
	c.AddEnvironment(22, 11, "Production")
	c.AddEnvironment(23, 12, "CI")
	c.AddJob(dbtcloudtest.JobSpec{ID: 101, Name: "Test changes", ProjectID: 11, EnvironmentID: 21})
	c.AddJob(dbtcloudtest.JobSpec{ID: 102, Name: "Nightly", ProjectID: 11, EnvironmentID: 22, JobType: "scheduled", Extra: map[string]any{
		"triggers": map[string]any{"schedule": true, "github_webhook": false, "git_provider_webhook": false, "on_merge": false},
	}})
	c.AddJob(dbtcloudtest.JobSpec{ID: 103, Name: "nightly", ProjectID: 12, EnvironmentID: 23, JobType: "other"})
	return c
}

// bodies are what was sent with such an operation.
func (c *cloud) bodies(operation string) []map[string]any {
	var bodies []map[string]any
	for _, r := range c.Requests() {
		if r.Operation == operation {
			var body map[string]any
			_ = json.Unmarshal(r.Body, &body) // a body that is no object is none
			bodies = append(bodies, body)
		}
	}
	return bodies
}

func TestListsAsTables(t *testing.T) {
	t.Parallel()
	c := newHouse(t)
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"jobs", "list", "--project=finance"}, `
ID   NAME          TYPE       PROJECT  ENVIRONMENT  STARTED BY
101  Test changes  ci         11       21           -
102  Nightly       scheduled  11       22           schedule
`},
		{[]string{"jobs", "list", "--project=11", "--environment=Production"}, `
ID   NAME     TYPE       PROJECT  ENVIRONMENT  STARTED BY
102  Nightly  scheduled  11       22           schedule
`},
		{[]string{"jobs", "list", "--name=NIGHT"}, `
ID   NAME     TYPE       PROJECT  ENVIRONMENT  STARTED BY
102  Nightly  scheduled  11       22           schedule
103  nightly  other      12       23           -
`},
		{[]string{"projects", "list", "--name", "NAN"}, `
ID  NAME     CONNECTION  REPOSITORY  SUBDIRECTORY
11  Finance  -           -           -
`},
		{[]string{"environments", "list", "--project", "Finance"}, `
ID  NAME        TYPE        DEPLOYMENT  DBT VERSION  BRANCH
21  CI          deployment  -           latest       -
22  Production  deployment  production  latest       -
`},
	}
	for _, test := range tests {
		o := invoke(t, c.env, test.args...).want(t, exitSuccess)
		if diff := cmp.Diff(test.want[1:], o.stdout); diff != "" || o.stderr != "" {
			t.Errorf("%v (-want +got):\n%s\nstderr %q", test.args, diff, o.stderr)
		}
	}
}

// TestListsAsJSON: one array, of the objects as the API has them, with fields that nobody here knows.
func TestListsAsJSON(t *testing.T) {
	t.Parallel()
	c := newHouse(t)
	c.EditJob(102, func(fields map[string]any) { fields["field_of_tomorrow"] = "a\u009bb" })
	o := invoke(t, c.env, "jobs", "list", "--name=night", "--output=json").want(t, exitSuccess)
	var jobs []map[string]any
	if err := json.Unmarshal([]byte(o.stdout), &jobs); err != nil || strings.Count(o.stdout, "\n") != 1 {
		t.Fatalf("%v:\n%s", err, o.stdout)
	}
	if len(jobs) != 2 || jobs[0]["id"] != 102. || jobs[0]["field_of_tomorrow"] != "a\u009bb" || jobs[1]["environment_id"] != 23. {
		t.Errorf("jobs %v", jobs)
	}
	if strings.Contains(o.stdout, "\u009b") || !strings.Contains(o.stdout, `"a\u009bb"`) {
		t.Errorf("a control character came through:\n%s", o.stdout)
	}
	for _, args := range [][]string{{"jobs", "list", "--name=no such thing"}, {"accounts", "list", "--name=no such thing"}, {"runs", "list", "--job=101"}, {"env-vars", "list", "--project=11"}} {
		o := invoke(t, c.env, append(args, "--output=json")...).want(t, exitSuccess)
		if o.stdout != "[]\n" || !strings.Contains(o.stderr, " found\n") {
			t.Errorf("%v: stdout %q, stderr %q", args, o.stdout, o.stderr)
		}
		if o := invoke(t, c.env, args...).want(t, exitSuccess); o.stdout != "" {
			t.Errorf("%v: stdout %q", args, o.stdout)
		}
	}
}

func TestAccountsList(t *testing.T) {
	t.Parallel()
	c := newHouse(t)
	invoke(t, c.env, "accounts", "update", "--name=Us and Them").want(t, exitSuccess)
	o := invoke(t, c.env, "accounts", "list", "--name=US AND").want(t, exitSuccess)
	if lines := strings.Split(o.stdout, "\n"); len(lines) != 3 || !strings.HasPrefix(lines[0], "ID  ") || !strings.HasPrefix(lines[1], id(c.AccountID())+"  Us and Them  ") {
		t.Errorf("table:\n%s", o.stdout)
	}
}

func TestGetByIDAndName(t *testing.T) {
	t.Parallel()
	c := newHouse(t)
	tests := []struct {
		args []string
		id   int64
		want string // in the text
	}{
		{[]string{"jobs", "get", "101"}, 101, "NAME         Test changes\n"},
		{[]string{"jobs", "get", "TEST CHANGES"}, 101, "STEPS        dbt build --select state:modified+\n"},
		{[]string{"jobs", "get", "Nightly", "--project=Marketing"}, 103, "PROJECT      12\n"},
		{[]string{"jobs", "get", "103", "--project=Marketing"}, 103, "PROJECT      12\n"},
		{[]string{"projects", "get", "marketing"}, 12, "NAME           Marketing\n"},
		{[]string{"projects", "get", "11"}, 11, "NAME           Finance\n"},
		{[]string{"environments", "get", "ci", "--project=Marketing"}, 23, "PROJECT              12\n"},
		{[]string{"environments", "get", "21", "--project=11"}, 21, "NAME                 CI\n"},
		{[]string{"accounts", "get"}, c.AccountID(), "PLAN             "},
	}
	for _, test := range tests {
		o := invoke(t, c.env, test.args...).want(t, exitSuccess)
		if !strings.Contains(o.stdout, test.want) || o.stderr != "" {
			t.Errorf("%v: stderr %q, and no %q in\n%s", test.args, o.stderr, test.want, o.stdout)
		}
		if got := invoke(t, c.env, append(test.args, "--output=json")...).want(t, exitSuccess).object(t); numberOf(t, got, "id") != test.id {
			t.Errorf("%v: object %v, want id %d", test.args, got, test.id)
		}
	}
}

func TestNamesThatMatchNothingOrTwo(t *testing.T) {
	t.Parallel()
	c := newHouse(t)
	tests := []struct{ args, want string }{
		{"jobs get Nightly", `2 jobs are called "Nightly": give the id: "Nightly" (id 102, project 11) or "nightly" (id 103, project 12)`},
		{"jobs get Nihgtly", `no job is called "Nihgtly": did you mean "Nightly" (id 102, project 11) or "nightly" (id 103, project 12)?`},
		{"jobs get Nihgtly --project Finance", `did you mean "Nightly" (id 102, project 11)?`},
		{"jobs get night", `no job is called "night": did you mean`},
		{"jobs delete nightly", `2 jobs are called "nightly"`},
		{"jobs trigger nightly", `2 jobs are called "nightly"`},
		{"jobs deploy Nihgtly --sha " + sha1, `no job is called "Nihgtly"`},
		{"jobs update Tests --threads 5", `no job is called "Tests"`},
		{"jobs list --project Financ", `no project is called "Financ": did you mean "Finance" (id 11)?`},
		{"projects delete Financ", `no project is called "Financ"`},
		{"environments get Prod --project Finance", `no environment is called "Prod": did you mean "Production" (id 22)?`},
		{"environments delete Staging --project Finance", `no environment is called "Staging", nor anything like it, among the 2 that the token may see`},
		{"jobs create --project 11 --environment Producton --name x --step x", `no environment is called "Producton": did you mean "Production" (id 22)?`},
		{"jobs create --project 11 --environment 22 --defer-to Producton --name x --step x", `--defer-to: invalid input: no environment is called "Producton"`},
		{"runs list --job Nihgtly", `no job is called "Nihgtly"`},
		{"env-vars list --project 11 --job Nihgtly", `no job is called "Nihgtly"`},
		{"jobs get 101 --project Marketing", `job 101 is in project 11, not in project 12: give another id or another --project`},
		{"jobs delete 101 --project 12", `job 101 is in project 11, not in project 12`},
		{"jobs update 101 --threads 5 --project 12", `job 101 is in project 11, not in project 12`},
		{"jobs trigger 101 --project 12", `job 101 is in project 11, not in project 12`},
		{"jobs deploy 101 --project 12 --sha " + sha1, `job 101 is in project 11, not in project 12`},
		{"env-vars list --project 11 --environment Producton", `no environment is called "Producton"`},
	}
	for _, test := range tests {
		for _, output := range []string{"text", "json"} {
			o := invoke(t, c.env, append(strings.Fields(test.args), "--output="+output)...).want(t, exitBadInput)
			if !strings.Contains(o.stderr, test.want) || strings.Count(o.stderr, "\n") != 1 || o.stdout != "" {
				t.Errorf("%s: stdout %q, stderr %q, want %q", test.args, o.stdout, o.stderr, test.want)
			}
		}
	}
	if writes := c.writes(); len(writes) > 0 {
		t.Errorf("sent %v", writes)
	}
}

// TestLookupAsksForLittle: an id needs no lookup, and a name no list of everything.
func TestLookupAsksForLittle(t *testing.T) {
	t.Parallel()
	c := newHouse(t)
	invoke(t, c.env, "runs", "list", "--job=101", "--project=11", "--environment=21").want(t, exitSuccess)
	invoke(t, c.env, "jobs", "get", "Test changes").want(t, exitSuccess)
	var got []string
	for _, r := range c.Requests() {
		got = append(got, r.Operation)
		if strings.HasSuffix(r.Operation, "/jobs/") && !strings.Contains(r.Query, "name__icontains=Test+changes") {
			t.Errorf("query %q lists every job", r.Query)
		}
	}
	want := []string{"GET /api/v2/accounts/{account}/runs/", "GET /api/v2/accounts/{account}/jobs/"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

const jobsOperation = "POST /api/v2/accounts/{account}/jobs/"

func TestJobsCreate(t *testing.T) {
	t.Parallel()
	type object = map[string]any
	file := filepath.Join(t.TempDir(), "job.json")
	if err := os.WriteFile(file, []byte(`{"name":"of the file","run_lint":true,"settings":{"target_name":"ci"},"execute_steps":["dbt test"],"project_id":11}`), 0o600); err != nil {
		t.Fatal(err)
	}
	everyDay := object{"type": "every_day"}
	schedule := object{"github_webhook": false, "schedule": true, "git_provider_webhook": false, "on_merge": false, "custom_branch_only": false}
	tests := []struct {
		name  string
		args  []string
		stdin string
		want  object // among what was sent
	}{
		{"nightly", []string{"--project=Finance", "--environment=production", "--name=Build", "--step=dbt build", "--step", "dbt test", "--at-hours=4,16"}, "",
			object{"name": "Build", "project_id": 11., "environment_id": 22., "execute_steps": []any{"dbt build", "dbt test"}, "triggers": schedule,
				"schedule": object{"date": everyDay, "time": object{"type": "at_exact_hours", "hours": []any{4., 16.}}}}},
		{"hourly on some days", []string{"--project=11", "--environment=22", "--name=Build", "--step=dbt build", "--every-hours=6", "--days=mon,Friday"}, "",
			object{"triggers": schedule, "schedule": object{"date": object{"type": "days_of_week", "days": []any{1., 5.}}, "time": object{"type": "every_hour", "interval": 6.}}}},
		{"cron", []string{"--project=11", "--environment=22", "--name=Build", "--step=dbt build", "--schedule-cron=5 4 * * 1-5"}, "",
			object{"schedule": object{"date": object{"type": "custom_cron", "cron": "5 4 * * 1-5"}, "time": object{"type": "every_hour", "interval": 1.}}}},
		{"slim ci", []string{"--project=Finance", "--environment=CI", "--name=Slim", "--type=ci", "--defer-to=Production", "--step=dbt build --select state:modified+", "--trigger-on-pull-requests",
			"--description=Tests", "--threads=8", "--target=ci", "--timeout=1h", "--docs=false", "--dbt-version=latest"}, "",
			object{"job_type": "ci", "environment_id": 21., "deferring_environment_id": 22., "description": "Tests", "dbt_version": "latest", "generate_docs": false,
				"settings": object{"threads": 8., "target_name": "ci"}, "execution": object{"timeout_seconds": 3600.},
				"triggers": object{"github_webhook": true, "schedule": false, "git_provider_webhook": false, "on_merge": false, "custom_branch_only": false}}},
		{"merge", []string{"--project=11", "--environment=22", "--name=Merge", "--type=merge", "--step=dbt build", "--trigger-on-merge", "--docs"}, "",
			object{"job_type": "merge", "generate_docs": true, "triggers": object{"github_webhook": false, "schedule": false, "git_provider_webhook": false, "on_merge": true, "custom_branch_only": false}}},
		{"file and flags, which win", []string{"--file", file, "--environment=Production", "--name=of the flag", "--threads=2"}, "",
			object{"name": "of the flag", "run_lint": true, "settings": object{"threads": 2., "target_name": "ci"}, "execute_steps": []any{"dbt test"}, "environment_id": 22., "project_id": 11.}},
		{"standard input, with a byte order mark", []string{"-f", "-"}, "\ufeff" + `{"project_id":11,"environment_id":22,"name":"x","execute_steps":["dbt build"]}`,
			object{"project_id": 11., "environment_id": 22., "name": "x"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := newHouse(t)
			o := invokeWith(t.Context(), nil, c.env, test.stdin, append([]string{"jobs", "create", "--output=json"}, test.args...)...).want(t, exitSuccess)
			bodies := c.bodies(jobsOperation)
			if len(bodies) != 1 {
				t.Fatalf("%d jobs were made", len(bodies))
			}
			got := object{}
			for name := range test.want {
				got[name] = bodies[0][name]
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("sent (-want +got):\n%s", diff)
			}
			made := numberOf(t, o.object(t), "id")
			if want := fmt.Sprintf("created job %d %q\n", made, bodies[0]["name"]); o.stderr != want {
				t.Errorf("stderr %q, want %q", o.stderr, want)
			}
		})
	}
}

// TestUpdateChangesWhatIsGiven: of each kind one field is changed, and all others stay.
func TestUpdateChangesWhatIsGiven(t *testing.T) {
	t.Parallel()
	c := newHouse(t)
	c.EditJob(101, func(fields map[string]any) { fields["field_of_tomorrow"] = "kept" })
	tests := []struct {
		args    []string
		stdin   string
		changed map[string]any
	}{
		{args: []string{"jobs", "update", "test changes", "--name=New"}, changed: map[string]any{"name": "New"}},
		{args: []string{"jobs", "update", "101", "--environment=production", "--step=dbt run"}, changed: map[string]any{"environment_id": 22., "execute_steps": []any{"dbt run"}}},
		{args: []string{"jobs", "update", "101", "--file=-"}, stdin: `{"description":"x","generate_docs":true}`, changed: map[string]any{"description": "x", "generate_docs": true}},
		{args: []string{"jobs", "update", "101", "--description=of the flag", "--file=-"}, stdin: `{"description":null,"dbt_version":null}`, changed: map[string]any{"description": "of the flag"}},
		{args: []string{"projects", "update", "Finance", "--description=Money"}, changed: map[string]any{"description": "Money"}},
		{args: []string{"environments", "update", "CI", "--project=11", "--branch=next"}, changed: map[string]any{"custom_branch": "next", "use_custom_branch": true}},
		{args: []string{"environments", "update", "22", "--project=11", "--deployment-type=production", "--file=-"}, stdin: `{"supports_docs":true}`, changed: map[string]any{"deployment_type": "production", "supports_docs": true}},
		{args: []string{"accounts", "update", "--name=Us"}, changed: map[string]any{"name": "Us"}},
	}
	for _, test := range tests {
		get := []string{test.args[0], "get", "--output=json"}
		if test.args[0] != "accounts" {
			get = append(get, idOfArgs(t, c, test.args))
		}
		for _, arg := range test.args {
			if strings.HasPrefix(arg, "--project") {
				get = append(get, arg)
			}
		}
		before := invoke(t, c.env, get...).want(t, exitSuccess).object(t)
		o := invokeWith(t.Context(), nil, c.env, test.stdin, append(test.args, "--output=json")...).want(t, exitSuccess)
		if !strings.HasPrefix(o.stderr, "updated "+strings.TrimSuffix(test.args[0], "s")+" ") {
			t.Errorf("%v: stderr %q", test.args, o.stderr)
		}
		after := invoke(t, c.env, get...).want(t, exitSuccess).object(t)
		for name, value := range test.changed {
			want, _ := json.Marshal(value)
			got, _ := json.Marshal(after[name])
			if string(want) != string(got) {
				t.Errorf("%v: %s is %s, want %s", test.args, name, got, want)
			}
			delete(before, name)
			delete(after, name)
		}
		for _, name := range []string{"updated_at", "environment", "project", "triggers", "raw_dbt_version"} { // nulls in triggers need not be written
			delete(before, name)
			delete(after, name)
		}
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("%v changed more (-before +after):\n%s", test.args, diff)
		}
	}
}

// idOfArgs is the id of the thing that an update is about.
func idOfArgs(t *testing.T, c *cloud, args []string) string {
	t.Helper()
	get := []string{args[0], "get", args[2], "--output=json"}
	for _, arg := range args {
		if strings.HasPrefix(arg, "--project") {
			get = append(get, arg)
		}
	}
	return id(numberOf(t, invoke(t, c.env, get...).want(t, exitSuccess).object(t), "id"))
}

func TestDelete(t *testing.T) {
	t.Parallel()
	c := newHouse(t)
	c.AddProject(13, "Empty")
	c.AddEnvironment(24, 11, "Unused")
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"jobs", "delete", "test changes"}, `deleted job 101 "Test changes"`},
		{[]string{"jobs", "delete", "102"}, `deleted job 102 "Nightly"`},
		{[]string{"environments", "delete", "Unused", "--project=Finance"}, `deleted environment 24 "Unused"`},
		{[]string{"projects", "delete", "Empty"}, `deleted project 13 "Empty"`},
	}
	for _, test := range tests {
		o := invoke(t, c.env, append(test.args, "--output=json")...).want(t, exitSuccess)
		if o.stderr != test.want+"\n" || !strings.Contains(test.want, " "+id(numberOf(t, o.object(t), "id"))+" ") {
			t.Errorf("%v: stdout %q, stderr %q, want %q", test.args, o.stdout, o.stderr, test.want)
		}
		if o := invoke(t, c.env, test.args...); o.status == exitSuccess {
			t.Errorf("%v: could be deleted twice", test.args)
		}
	}
	invoke(t, c.env, "jobs", "delete", "104").want(t, exitRefused)
}

// TestRefusals: what the service says, of the whole or of each field, is passed on in one line.
func TestRefusals(t *testing.T) {
	t.Parallel()
	c := newHouse(t)
	tests := []struct{ args, want string }{
		{"projects delete Finance", "400 The project is in use by active jobs; jobs: Test changes (101), Nightly (102)\n"},
		{"environments delete Production --project Finance", "400 The environment is in use by active jobs; jobs: Nightly (102)\n"},
		{"jobs create --project 11 --environment 999 --name x --step x", "environment_id: "},
		{"jobs update 101 --environment 999", "environment_id: "},
		{"jobs get 999", "It does not exist, belongs to another account"},
		{"jobs trigger 999", "It does not exist, belongs to another account"},
		{"projects update 999 --name x", "It does not exist"},
		{"environments get 21 --project 12", "It does not exist"},
	}
	for _, test := range tests {
		o := invoke(t, c.env, strings.Fields(test.args)...).want(t, exitRefused)
		if !strings.Contains(o.stderr, test.want) || strings.Count(o.stderr, "\n") != 1 || o.stdout != "" {
			t.Errorf("%s: stdout %q, stderr %q, want %q", test.args, o.stdout, o.stderr, test.want)
		}
	}
}
