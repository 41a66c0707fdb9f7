package main

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

const healthyJob = `ok       host            HOST: a local address, not dbt Cloud itself
unknown  token           it begins neither with dbtc_ (service token) nor with dbtu_ (personal access token)
ok       account         Fake account ACCOUNT (ACCOUNT)
ok       account lock    the account is not locked
ok       plan            starter_2025: a busy job is cloned while run slots are free, then runs queue
ok       run slots       5, 4 free now: 1 running, 0 waiting for one
ok       read runs       allowed; 1 are active
ok       job             Slim CI (JOB)
ok       source job      the job is no clone
ok       job type        ci
ok       own triggers    off
ok       deferral        to environment 70506183000004
ok       state selector  state:modified+
ok       commands        1, and nothing odd about them
ok       environment     CI (70506183000003), of type deployment
ok       cloneable       yes, no override of an environment variable is secret
ok       job settings    a clone has all of them
unknown  trigger/cancel  not looked at, because no run of the job has ended, and no other may be cancelled to try it
ok       list clones     allowed; there are 0
ok       create clones   allowed
ok       read overrides  allowed; the job has 0
ok       copy overrides  allowed
`

func TestDoctor(t *testing.T) {
	t.Parallel()
	c := newCloud(t, -1)
	c.occupy()
	o := invoke(t, c.env, "doctor").want(t, exitSuccess)
	got := steady(o.stdout, strings.TrimPrefix(c.env["DBT_CLOUD_HOST"], "http://"), "HOST", id(c.AccountID()), "ACCOUNT", id(c.job), "JOB")
	if diff := cmp.Diff(healthyJob, got); diff != "" || o.stderr != "" {
		t.Errorf("stderr %q, stdout (-want +got):\n%s", o.stderr, diff)
	}
	if writes := slices.DeleteFunc(c.writes(), func(operation string) bool {
		return operation == "POST /api/v2/accounts/{account}/jobs/" || strings.HasSuffix(operation, "/environment-variables/")
	}); len(writes) > 0 || len(c.Jobs()) != 1 {
		t.Errorf("sent %v, and there are %d jobs", writes, len(c.Jobs()))
	}
}

// TestDoctorProblem: what is to be mended stands behind the finding, and the exit status tells of it.
func TestDoctorProblem(t *testing.T) {
	t.Parallel()
	c := newCloud(t, -1, dbtcloudtest.WithPermissionSet("job_viewer"))
	c.EditJob(c.job, func(fields map[string]any) { fields["deferring_environment_id"] = nil })
	o := invoke(t, c.env, "doctor", "--job-id", id(c.job), "--max-run-slots=3").want(t, exitRunFailed)
	for _, want := range []string{
		`(?m)^problem  deferral        the job defers to nothing: .* -> defer to the production environment$`,
		`(?m)^problem  create clones   refused \(404 .* -> give the token a permission set that writes jobs`,
		`(?m)^ok       run slots       3, 3 free now`,
		`(?m)^note     account         cannot be read .* may be such a token$`,
	} {
		if !regexp.MustCompile(want).MatchString(o.stdout) {
			t.Errorf("%s is missing in\n%s", want, o.stdout)
		}
	}
	if strings.Count(o.stdout, "\n") != 22 || o.stderr != "dbtcloud: something is to be mended: 2 of 22 checks found a problem\n" {
		t.Errorf("%d lines, stderr %q", strings.Count(o.stdout, "\n"), o.stderr)
	}
	queue := invoke(t, c.env, "doctor", "--mode=queue").want(t, exitRunFailed)
	if !regexp.MustCompile(`(?m)^note     create clones   refused`).MatchString(queue.stdout) {
		t.Errorf("the mode does not show in\n%s", queue.stdout)
	}
}

func TestDoctorJSON(t *testing.T) {
	t.Parallel()
	c := newCloud(t, -1)
	c.LockAccount("unpaid\x1b[2J")
	env := maps.Clone(c.env)
	delete(env, "JOB_ID")
	o := invoke(t, env, "doctor", "--output=json").want(t, exitRunFailed)
	var got []map[string]any
	if err := json.Unmarshal([]byte(o.stdout), &got); err != nil || strings.Count(o.stdout, "\n") != 1 || strings.Contains(o.stdout, "\x1b") {
		t.Fatalf("stdout is not one line of JSON: %v\n%s", err, o.stdout)
	}
	want := []map[string]any{
		{"check": "read runs", "level": "ok", "text": "allowed; 0 are active", "mend": nil},
		{"check": "job", "level": "note", "text": "none was named, so neither a job nor the permissions for it were looked at", "mend": "set JobID (--job-id)"},
	}
	if diff := cmp.Diff(want, got[max(len(got)-2, 0):]); diff != "" || len(got) != 8 || got[3]["level"] != "problem" {
		t.Errorf("(-want +got):\n%s\n%s", diff, o.stdout)
	}
}

func TestDoctorElsewhere(t *testing.T) {
	t.Parallel()
	c := newCloud(t, -1)
	expired := maps.Clone(c.env)
	expired["DBT_CLOUD_SERVICE_TOKEN"] = "dbtc_hunter2"
	o := invoke(t, expired, "doctor").want(t, exitRunFailed)
	if !strings.Contains(o.stdout, "problem  token           a service token, and refused: 401 Invalid token -> check the token") || strings.Contains(o.stdout+o.stderr, "hunter2") {
		t.Errorf("expired: %s%s", o.stdout, o.stderr)
	}
	unreachable(t, c)
	o = invoke(t, c.env, "doctor").want(t, exitRunFailed)
	if !regexp.MustCompile(`^problem  host +127\.0\.0\.1:\d+ cannot be reached: .* -> check the address \(DBT_CLOUD_HOST\)`).MatchString(o.stdout) || strings.Count(o.stdout, "problem") != 1 {
		t.Errorf("unreachable: %s", o.stdout)
	}
	for _, args := range [][]string{{"--job-id=x"}, {"--mode=fast"}, {"--max-run-slots=-1"}, {"7"}, {"--account-id=0"}} {
		if o := invoke(t, c.env, append([]string{"doctor"}, args...)...).want(t, exitBadInput); o.stdout != "" {
			t.Errorf("%v: stdout %q", args, o.stdout)
		}
	}
	malformed := maps.Clone(c.env)
	malformed["JOB_ID"] = "twelve"
	if o := invoke(t, malformed, "doctor").want(t, exitBadInput); !strings.Contains(o.stderr, "JOB_ID: must be a whole number") {
		t.Errorf("malformed job id: %s", o.stderr)
	}
}
