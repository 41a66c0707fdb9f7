package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

const runOperation = "POST /api/v2/accounts/{account}/jobs/{id}/run/"

// markPattern matches what a run is found by: the mark of a trigger, the marker of a deployment.
var markPattern = regexp.MustCompile(`^(\[[a-z2-7]{8}\]|dcd:[0-9a-f]{12}\.1{12}\.0\.[a-z2-7]{8}\.[ce]) `)

func TestTriggerRequests(t *testing.T) {
	t.Parallel()
	type object = map[string]any
	tests := []struct {
		args []string
		want object
	}{
		{[]string{"trigger", "Slim CI"}, object{"cause": "MARK Triggered by dbtcloud"}},
		{[]string{"trigger", "slim ci", "--cause=Because", "--sha=" + sha1, "--branch=b", "--schema=s", "--target=t", "--threads=8", "--timeout-override=90m", "--dbt-version=v",
			"--docs=false", "--steps-override=dbt build", "--steps-override", "dbt test --select a,b", "--github-pull-request=7"},
			object{"cause": "MARK Because", "git_sha": sha1, "git_branch": "b", "schema_override": "s", "target_name_override": "t", "threads_override": 8., "dbt_version_override": "v",
				"timeout_seconds_override": 5400., "generate_docs_override": false, "steps_override": []any{"dbt build", "dbt test --select a,b"}, "github_pull_request_id": 7.}},
		{[]string{"trigger", "Slim CI", "--schema-override=s"}, object{"cause": "MARK Triggered by dbtcloud", "schema_override": "s"}},
		{[]string{"deploy", "Slim CI", "--no-wait", "--sha=" + sha1}, object{"cause": "MARK Commit " + sha1, "git_sha": sha1}},
		{[]string{"deploy", "Slim CI", "--no-wait", "--sha=" + sha1, "--branch=main", "--cause=Release 7"}, object{"cause": "MARK Release 7", "git_sha": sha1, "git_branch": "main"}},
	}
	for _, test := range tests {
		c := newCloud(t, -1)
		o := invoke(t, c.env, append([]string{"jobs"}, append(test.args, "--output=json")...)...).want(t, exitSuccess)
		bodies := c.bodies(runOperation)
		if len(bodies) != 1 {
			t.Fatalf("%v: triggered %d times", test.args, len(bodies))
		}
		bodies[0]["cause"] = markPattern.ReplaceAllString(bodies[0]["cause"].(string), "MARK ")
		if diff := cmp.Diff(test.want, bodies[0]); diff != "" {
			t.Errorf("%v (-want +got):\n%s", test.args, diff)
		}
		run := c.Runs()[0]
		if numberOf(t, o.object(t), "id") != run.ID || !strings.HasPrefix(steady(o.stderr, "TIME  ", ""), "triggered run "+id(run.ID)+" of job "+id(c.job)+"\n") {
			t.Errorf("%v: stdout %q, stderr %q", test.args, o.stdout, o.stderr)
		}
	}
}

// TestTriggerAndFollow: the exit status tells how the run ended, and stdout has the run.
func TestTriggerAndFollow(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		args []string
		end  dbtcloudtest.RunStatus
		want int
	}{
		{"trigger, success", []string{"trigger", "--wait"}, dbtcloudtest.Success, exitSuccess},
		{"trigger, error", []string{"trigger", "--wait"}, dbtcloudtest.Error, exitRunFailed},
		{"trigger, cancelled", []string{"trigger", "--wait"}, dbtcloudtest.Cancelled, exitCancelled},
		{"deploy, success", []string{"deploy", "--sha=" + sha1}, dbtcloudtest.Success, exitSuccess},
		{"deploy, error", []string{"deploy", "--sha=" + sha1}, dbtcloudtest.Error, exitRunFailed},
		{"deploy, cancelled", []string{"deploy", "--sha=" + sha1}, dbtcloudtest.Cancelled, exitCancelled},
		{"deploy, deadline", []string{"deploy", "--sha=" + sha1, "--timeout=300ms"}, dbtcloudtest.Running, exitDeadline},
		{"trigger, deadline", []string{"trigger", "--wait", "--timeout=300ms"}, dbtcloudtest.Running, exitDeadline},
		{"trigger without waiting", []string{"trigger", "--wait", "--wait=false"}, dbtcloudtest.Running, exitSuccess},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			outcome := dbtcloudtest.Outcome{Status: test.end}
			if !test.end.Terminal() {
				outcome = dbtcloudtest.Outcome{Duration: -1}
			}
			c := newCloud(t, 0, dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome { return outcome }))
			for _, output := range []string{"text", "json"} {
				o := invoke(t, c.env, append([]string{"jobs", test.args[0], id(c.job), "--poll-interval=100ms", "--output=" + output}, test.args[1:]...)...).want(t, test.want)
				run := c.Runs()[len(c.Runs())-1]
				switch {
				case output == "text":
					if o.stdout != runLink(c, run.ID)+"\n" {
						t.Errorf("stdout %q", o.stdout)
					}
				case numberOf(t, o.object(t), "id") != run.ID:
					t.Errorf("stdout %q", o.stdout)
				}
				if test.want == exitDeadline && !strings.Contains(o.stderr, "run "+id(run.ID)+" goes on: `dbtcloud runs wait "+id(run.ID)+"` follows it") {
					t.Errorf("stderr %q does not tell that the run goes on", o.stderr)
				}
				c.FinishRun(run.ID, dbtcloudtest.Success)
			}
			if n := len(c.bodies(runOperation)); n != 2 {
				t.Errorf("triggered %d times by 2 invocations", n)
			}
		})
	}
}

func runLink(c *cloud, run int64) string {
	return "https://ab123.us1.dbt.com/deploy/" + id(c.AccountID()) + "/projects/" + id(dbtcloudtest.DefaultProjectID) + "/runs/" + id(run) + "/"
}

// TestTriggerWithoutAClearAnswer: a run that was started is found and never started again; one that was not is
// reported, with what to do.
func TestTriggerWithoutAClearAnswer(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		fault dbtcloudtest.Fault
		lag   time.Duration // of lists
		want  int
		runs  int
	}{
		{"the answer is lost", dbtcloudtest.Fault{Kind: dbtcloudtest.LostAnswer(), Times: 1}, 0, exitSuccess, 1},
		{"the answer is lost, and lists lag behind", dbtcloudtest.Fault{Kind: dbtcloudtest.LostAnswer(), Times: 1}, 40 * time.Second, exitSuccess, 1},
		{"the answer is lost, and lists lag behind for too long", dbtcloudtest.Fault{Kind: dbtcloudtest.LostAnswer(), Times: 1}, 5 * time.Minute, exitRefused, 1},
		{"502, and nothing was done", dbtcloudtest.Fault{Kind: dbtcloudtest.Status(502, dbtcloudtest.HTMLBody), Times: 1}, 0, exitRefused, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := dbtcloudtest.New(dbtcloudtest.WithListLag(dbtcloudtest.Fixed(test.lag)))
				job := s.AddJob(dbtcloudtest.JobSpec{})
				test.fault.Method, test.fault.Route = http.MethodPost, "/api/v2/accounts/{account}/jobs/{id}/run/"
				s.Inject(test.fault)
				begun := time.Now()
				o := invokeInside(t.Context(), s, "jobs", "deploy", id(job), "--sha="+sha1, "--no-wait").want(t, test.want)
				if n := (&cloud{Server: s}).bodies(runOperation); len(n) != 1 {
					t.Errorf("triggered %d times", len(n))
				}
				if len(s.Runs()) != test.runs {
					t.Errorf("runs %v, stderr %q", s.Runs(), o.stderr)
				}
				if test.want == exitRefused && !strings.Contains(o.stderr, "look for it before you trigger again") {
					t.Errorf("stderr %q does not tell what to do", o.stderr)
				}
				if took := time.Since(begun); test.want == exitRefused && (took < time.Minute || took > 80*time.Second) {
					t.Errorf("it was looked for during %s", took)
				}
			})
		})
	}
}

// TestInterruptedTrigger: the signal comes while the answer to the trigger is awaited. The run is looked for once more,
// so that its id is told.
func TestInterruptedTrigger(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		fault dbtcloudtest.Kind
		found bool
	}{
		{"the run was started", dbtcloudtest.Slow(time.Hour), true},
		{"nothing was done", dbtcloudtest.Hang(), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := dbtcloudtest.New()
				job := s.AddJob(dbtcloudtest.JobSpec{})
				other := s.AddRun(dbtcloudtest.RunSpec{JobID: job, Cause: "Commit " + sha1 + " [somebody]"})
				s.Inject(dbtcloudtest.Fault{Method: http.MethodPost, Kind: test.fault})
				ctx, interrupt := context.WithCancelCause(t.Context())
				time.AfterFunc(time.Second, func() { interrupt(errors.New("interrupt signal received")) })
				begun := time.Now()
				o := invokeInside(ctx, s, "jobs", "deploy", id(job), "--sha="+sha1, "--output=json").want(t, exitInterrupted)
				if took := time.Since(begun); took > 5*time.Second {
					t.Errorf("it took %s", took)
				}
				if !strings.Contains("\n"+o.stderr, "\ndbtcloud: interrupted: ") || strings.Contains(o.stderr, "before you trigger again") == test.found {
					t.Errorf("stderr %q", o.stderr)
				}
				if !test.found && o.stdout != "" {
					t.Errorf("stdout %q", o.stdout)
				}
				if !test.found {
					return
				}
				if run := s.Runs()[1]; numberOf(t, o.object(t), "id") != run.ID || run.ID == other || run.Status.Terminal() || !strings.Contains(o.stderr, "run "+id(run.ID)+" goes on") {
					t.Errorf("run %+v, stdout %q, stderr %q", run, o.stdout, o.stderr)
				}
			})
		})
	}
}

// invokeInside carries out one invocation without sockets, in virtual time.
func invokeInside(ctx context.Context, s *dbtcloudtest.Server, args ...string) outcome {
	env := map[string]string{"DBT_CLOUD_SERVICE_TOKEN": s.Token(), "DBT_CLOUD_ACCOUNT_ID": id(s.AccountID())}
	var stdout, stderr bytes.Buffer
	a := app{
		getenv: func(name string) string { return env[name] }, stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr,
		options: []dbtcloud.Option{dbtcloud.WithHTTPClient(&http.Client{Transport: s.Transport()})},
	}
	status := a.run(ctx, args)
	return outcome{status, stdout.String(), stderr.String()}
}
