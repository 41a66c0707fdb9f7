package main

import (
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// closable is a cloud in whose pipeline there are runs of pull request 42 of the host, of
// sha1 with sequence 5, on a clone, and of another pull request. It returns the first one.
func closable(t *testing.T, fixture string, host string) (c *cloud, run dbtcloudtest.Run) {
	t.Helper()
	c = newCloud(t, -1)
	c.occupy()
	flag := map[string]string{"github": "--github-pull-request", "gitlab": "--gitlab-merge-request", "other": "--pull-request"}[host]
	invoke(t, c.env, "autoscale-ci", flag+"=42", "--sha="+sha1, "--sequence=5", "--no-wait").want(t, exitSuccess)
	if fixture != "" {
		maps.Copy(c.env, eventVars(t, fixture))
	}
	runs := c.Runs()
	return c, runs[len(runs)-1]
}

func TestCIClose(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, fixture, args string
		stays               bool
	}{
		{name: "closed", fixture: "github/closed"},
		{name: "merged", fixture: "github/merged"},
		{name: "reopened since", fixture: "github/closed", args: "--sequence=4", stays: true},
		{name: "said to be closed", fixture: "github/pull_request", args: "--closed"},
		{name: "killed, this commit", fixture: "github/pull_request", args: "--sha=" + sha1},
		{name: "killed, newer by sequence", fixture: "github/pull_request", args: "--sha=" + sha2 + " --sequence=4", stays: true},
		{name: "killed, older by sequence", fixture: "github/pull_request", args: "--sha=" + sha2 + " --sequence=6"},
		{name: "killed, another commit", fixture: "github/pull_request", args: "--sequence=4", stays: true},
		{name: "by flags", args: "--github-pull-request=42 --closed"},
		{name: "by flags, this commit", args: "--github-pull-request=42 --sha=" + sha1},
		{name: "by flags, another commit", args: "--github-pull-request=42 --sha=" + sha2, stays: true},
		{name: "by flags, in a push", fixture: "github/push", args: "--github-pull-request=42 --closed"},
		{name: "another pull request", fixture: "github/closed", args: "--github-pull-request=41 --closed", stays: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, run := closable(t, test.fixture, "github")
			o := invoke(t, c.env, append([]string{"ci", "close"}, strings.Fields(test.args)...)...).want(t, exitSuccess)
			want, wantOut := dbtcloudtest.Cancelled, id(run.ID)+"\n"
			if test.stays {
				want, wantOut = run.Status, ""
			}
			if got, _ := c.Run(run.ID); got.Status != want || o.stdout != wantOut {
				t.Errorf("the run is %s, want %s; stdout %q, stderr %q", got.Status, want, o.stdout, o.stderr)
			}
			if clone, _ := c.Job(run.JobID); clone.DeletedAt.IsZero() != test.stays {
				t.Errorf("the clone was deleted at %s", clone.DeletedAt)
			}
			for _, other := range c.Runs() {
				if other.SHA == sha3 && other.Status.Terminal() {
					t.Error("the run of the other pull request has ended")
				}
			}
		})
	}
}

func TestCICloseSays(t *testing.T) {
	t.Parallel()
	c, run := closable(t, "github/closed", "github")
	o := invoke(t, c.env, "ci", "close", "--output=json").want(t, exitSuccess)
	names := []string{id(run.ID), "RUN", id(run.JobID), "CLONE", id(c.job), "JOB"}
	want := `{"job_id":JOB,"pull_request":"github#42","sha":null,"sequence":9017342501,"cancelled_run_ids":[RUN],"deleted_job_ids":[CLONE],"newer_run_ids":[],` +
		`"cleanup_run_id":null,"cleanup_status":null,"cleanup_url":null,"error":null}` + "\n"
	if diff := cmp.Diff(want, steady(o.stdout, names...)); diff != "" {
		t.Errorf("stdout (-want +got):\n%s", diff)
	}
	want = "TIME  cancelling run RUN of github#42\ngithub#42: 1 runs cancelled, 1 clones deleted, 0 newer runs stay\n"
	if diff := cmp.Diff(want, steady(o.stderr, names...)); diff != "" {
		t.Errorf("stderr (-want +got):\n%s", diff)
	}
	c, run = closable(t, "github/pull_request", "github")
	got := invoke(t, c.env, "ci", "close", "--sequence=4", "--output=json").want(t, exitSuccess).object(t)
	if diff := cmp.Diff([]any{id(run.ID)}, stringsOf(got["newer_run_ids"])); diff != "" || got["sha"] != headSHA || numberOf(t, got, "sequence") != 4 {
		t.Errorf("object %v, newer (-want +got):\n%s", got, diff)
	}
}

// TestCICloseOnJenkins: the number of a build of another branch orders nothing.
func TestCICloseOnJenkins(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		env  map[string]string
		want int64
	}{
		{"closed", map[string]string{"DBT_CLOUD_CI_ACTION": "closed"}, 0},
		{"closed, with a sequence", map[string]string{"DBT_CLOUD_CI_ACTION": "closed", "DBT_CLOUD_CI_SEQUENCE": "9"}, 9},
		{"killed", map[string]string{"DBT_CLOUD_CI_SHA": sha1}, 7},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, _ := closable(t, "jenkins/pull_request", "github")
			maps.Copy(c.env, test.env)
			if got := invoke(t, c.env, "ci", "close", "--output=json").want(t, exitSuccess).object(t); numberOf(t, got, "sequence") != test.want {
				t.Errorf("object %v, want sequence %d", got, test.want)
			}
		})
	}
}

func TestCICloseBadInput(t *testing.T) {
	t.Parallel()
	const step = "--cleanup-step=dbt run-operation drop_pr_schema"
	tests := []struct {
		name, fixture string
		args          []string
		want          string
	}{
		{name: "no provider", want: "no CI provider was recognized: "},
		{name: "no provider, commit only", args: []string{"--sha=" + sha1, "--closed"}, want: "give one of --github-pull-request, "},
		{name: "push", fixture: "github/push", want: "names no pull request: give one of --github-pull-request, "},
		{name: "push, said to be closed", fixture: "github/push", args: []string{"--closed"}, want: "names no pull request: "},
		{name: "manual", fixture: "gitlab/manual", want: "names no pull request: "},
		{name: "head not known", fixture: "jenkins/pull_request", want: "the head commit of github#42 is not known: give --sha for what was begun for it, or --closed for all of the pull request"},
		{name: "flags, head not known", args: []string{"--pull-request=7"}, want: "the head commit of other#7 is not known: "},
		{name: "another pull request, head not known", fixture: "github/closed", args: []string{"--github-pull-request=43"}, want: "the head commit of github#43 is not known: "},
		{name: "cleanup of an open one", fixture: "github/pull_request", args: []string{step}, want: "--cleanup-step: github#42 is open, and its next run needs what a cleanup drops: "},
		{name: "empty cleanup", fixture: "github/closed", args: []string{"--cleanup-step="}, want: "cleanup step"},
		{name: "empty sha", fixture: "github/pull_request", args: []string{"--sha="}, want: "--sha: is empty: "},
		{name: "short sha", fixture: "github/pull_request", args: []string{"--sha=123"}, want: `"123" is not a full commit id`},
		{name: "two pull requests", args: []string{"--github-pull-request=43", "--pull-request=43"}, want: "give only one"},
		{name: "no timeout", fixture: "github/closed", args: []string{"--timeout=0"}, want: "--timeout"},
	}
	for _, test := range tests {
		for _, output := range []string{"text", "json"} {
			t.Run(test.name+" "+output, func(t *testing.T) {
				t.Parallel()
				c := inPipeline(t, test.fixture, dbtcloudtest.Outcome{})
				o := invoke(t, c.env, append([]string{"ci", "close", "--output=" + output}, test.args...)...).want(t, exitBadInput)
				if !strings.Contains(o.stderr, test.want) || !strings.HasPrefix(o.stderr, "dbtcloud: ") || strings.Count(o.stderr, "\n") != 1 {
					t.Errorf("stderr %q, want one line with %q", o.stderr, test.want)
				}
				if word := goWords.FindString(o.stderr); word != "" {
					t.Errorf("stderr %q speaks Go: %q", o.stderr, word)
				}
				if output == "json" && o.stdout != "" && o.object(t)["error"] == nil {
					t.Errorf("stdout %q has no error", o.stdout)
				}
				if n := len(c.Requests()); n > 0 {
					t.Errorf("%d requests", n)
				}
			})
		}
	}
}

func TestCICloseFails(t *testing.T) {
	t.Parallel()
	c, _ := closable(t, "github/closed", "github")
	c.Inject(dbtcloudtest.Fault{Kind: dbtcloudtest.Status(403, dbtcloudtest.EnvelopeBody)})
	if got := invoke(t, c.env, "ci", "close", "--output=json").want(t, exitRefused).object(t); got["error"] == nil {
		t.Errorf("object %v has no error", got)
	}
	c, run := closable(t, "github/closed", "github")
	c.DeactivateJob(c.job) // nothing can be cleaned up: what was done is told all the same
	o := invoke(t, c.env, "ci", "close", "--cleanup-step=dbt debug", "--output=json").want(t, exitRefused)
	if diff := cmp.Diff([]any{id(run.ID)}, stringsOf(o.object(t)["cancelled_run_ids"])); diff != "" || !strings.Contains(o.stderr, "1 runs cancelled, 1 clones deleted") {
		t.Errorf("stderr %q, cancelled (-want +got):\n%s", o.stderr, diff)
	}
	c, run = closable(t, "github/closed", "github")
	c.Inject(dbtcloudtest.Fault{Method: "POST", Kind: dbtcloudtest.Hang()})
	got := invoke(t, c.env, "ci", "close", "--timeout=300ms", "--output=json").want(t, exitDeadline).object(t)
	if text, _ := got["error"].(string); !strings.HasPrefix(text, "the deadline of --timeout passed: ") {
		t.Errorf("object %v, run %d", got, run.ID)
	}
}

// TestCICloseCleanup: the steps run when all has ended, in the schema of the pull request.
func TestCICloseCleanup(t *testing.T) {
	t.Parallel()
	const step = "dbt run-operation drop_pr_schema"
	tests := []struct {
		name    string
		outcome dbtcloudtest.Outcome
		args    string
		status  int
		cleanup any // its status; nil: there was none
		schema  string
	}{
		{name: "green", status: exitSuccess, cleanup: "success"},
		{name: "red", outcome: dbtcloudtest.Outcome{Status: dbtcloudtest.Error}, status: exitRunFailed, cleanup: "error"},
		{name: "cancelled", outcome: dbtcloudtest.Outcome{Status: dbtcloudtest.Cancelled}, status: exitCancelled, cleanup: "cancelled"},
		{name: "not waited for", outcome: dbtcloudtest.Outcome{Duration: time.Hour}, args: "--no-wait", status: exitSuccess, cleanup: "running"},
		{name: "deadline", outcome: dbtcloudtest.Outcome{Duration: time.Hour}, args: "--timeout=10m", status: exitDeadline, cleanup: "running"},
		{name: "a schema of its own", args: "--schema-override=pr_42", status: exitSuccess, cleanup: "success", schema: "pr_42"},
		{name: "a newer change", args: "--sequence=4", status: exitSuccess},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := dbtcloudtest.New(dbtcloudtest.WithRunTime(func(r dbtcloudtest.Run) dbtcloudtest.Outcome {
					if r.SHA == "" {
						return test.outcome
					}
					return dbtcloudtest.Outcome{Duration: -1}
				}))
				job := s.AddJob(dbtcloudtest.JobSpec{Name: "Slim CI"})
				invokeIn(t.Context(), s, "autoscale-ci", "--job-id="+id(job), "--pull-request=42", "--sha="+sha1, "--sequence=5", "--no-wait").want(t, exitSuccess)
				args := []string{"ci", "close", "--job-id=" + id(job), "--pull-request=42", "--closed", "--cleanup-step=" + step, "--output=json"}
				o := invokeIn(t.Context(), s, append(args, strings.Fields(test.args)...)...).want(t, test.status)
				got := o.object(t)
				if diff := cmp.Diff(test.cleanup, got["cleanup_status"]); diff != "" {
					t.Errorf("status (-want +got):\n%s\n%v", diff, got)
				}
				runs := s.Runs()
				last := runs[len(runs)-1]
				switch {
				case test.cleanup == nil:
					if len(runs) != 1 || runs[0].Status.Terminal() {
						t.Errorf("runs %v, want the newer one alone, and active", runs)
					}
				case len(runs) != 2 || numberOf(t, got, "cleanup_run_id") != last.ID || last.JobID != job:
					t.Errorf("runs %v, object %v", runs, got)
				case last.Schema != or(test.schema, "dbt_cloud_pr_"+id(job)+"_42") || !strings.Contains(o.stderr, "\ncleanup: run "+id(last.ID)+" of job "):
					t.Errorf("cleanup %+v, stderr %s", last, o.stderr)
				}
				if body := lastTrigger(s); test.cleanup != nil && !strings.Contains(body, `"steps_override":["`+step+`"]`) {
					t.Errorf("trigger %s", body)
				}
			})
		})
	}
}

// lastTrigger is the body of the last trigger.
func lastTrigger(s *dbtcloudtest.Server) (body string) {
	for _, r := range s.Requests() {
		if strings.HasSuffix(r.Operation, "/run/") {
			body = string(r.Body)
		}
	}
	return body
}
