package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slimci/dbtcloud/dbtcloudtest"
	"github.com/spf13/pflag"
)

func TestOutputOfASuccess(t *testing.T) {
	t.Parallel()
	c := newCloud(t, 0)
	text := c.test(t).want(t, exitSuccess)
	object := c.test(t, "--output", "json").want(t, exitSuccess)
	runs := c.Runs()
	names := []string{id(runs[0].ID), "RUN", id(runs[1].ID), "RUN", id(c.job), "JOB", id(c.AccountID()), "ACCOUNT", id(dbtcloudtest.DefaultProjectID), "PROJECT"}
	const link = "https://ab123.us1.dbt.com/deploy/ACCOUNT/projects/PROJECT/runs/RUN/"
	tests := []struct{ name, got, want string }{
		{"text, stdout", text.stdout, link + "\n"},
		{"text, stderr", text.stderr, "TIME  triggered run RUN on job JOB: the job is idle\nTIME  " + link + "\nTIME  run RUN: Success\n"},
		{"json, stdout", object.stdout, `{"run_id":RUN,"job_id":JOB,"clone_job_id":null,"clone_deleted":false,"decision":"source","reason":"the job is idle",` +
			`"adopted":false,"superseded_by_run_id":null,"cancelled_run_ids":[],"moved_run_ids":[],"status":"success","status_message":null,` +
			`"url":"` + link + `","warnings":[],"error":null}` + "\n"},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, steady(test.got, names...)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	if text.stderr == "" || steady(text.stderr) != steady(strings.ReplaceAll(object.stderr, id(runs[1].ID), id(runs[0].ID))) {
		t.Errorf("stderr differs with --output json:\n%s\n%s", text.stderr, object.stderr)
	}
}

func TestOutputOfAFailure(t *testing.T) {
	t.Parallel()
	c := newCloud(t, 0, dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome {
		return dbtcloudtest.Outcome{Status: dbtcloudtest.Error, Message: "2 of 3 models failed\n\x1b[31mred"}
	}))
	o := c.test(t, "--output=json").want(t, exitRunFailed)
	run := c.Runs()[0]
	got := o.object(t)
	want := fmt.Sprintf("run %d of job %d ended with status Error: 2 of 3 models failed; red", run.ID, c.job)
	if got["error"] != want || got["status"] != "error" || numberOf(t, got, "run_id") != run.ID {
		t.Errorf("object %v, want the error %q", got, want)
	}
	if !strings.HasSuffix(o.stderr, "\ndbtcloud: "+want+"\n") {
		t.Errorf("stderr:\n%s\ndoes not end with the error", o.stderr)
	}
	c.test(t).want(t, exitRunFailed)
}

func TestCancelledRun(t *testing.T) {
	t.Parallel()
	c := newCloud(t, 0, dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome {
		return dbtcloudtest.Outcome{Status: dbtcloudtest.Cancelled}
	}))
	if got := c.test(t, "--output=json").want(t, exitCancelled).object(t); got["status"] != "cancelled" || got["error"] == nil {
		t.Errorf("object %v", got)
	}
}

func TestSupersededChange(t *testing.T) {
	t.Parallel()
	for _, wait := range []string{"--wait", "--no-wait"} {
		c := newCloud(t, -1)
		newer := numberOf(t, c.test(t, "--sequence=9", "--no-wait", "--output=json").want(t, exitSuccess).object(t), "run_id")
		got := c.test(t, "--sequence=5", "--sha="+sha2, "--output=json", wait).want(t, exitCancelled).object(t)
		if got["decision"] != "superseded" || numberOf(t, got, "superseded_by_run_id") != newer || got["run_id"] != nil || got["url"] != nil {
			t.Errorf("%s: object %v, want it superseded by %d", wait, got, newer)
		}
		if runs := c.Runs(); len(runs) != 1 || runs[0].Status.Terminal() {
			t.Errorf("%s: runs %v, want the newer one alone, and active", wait, runs)
		}
	}
}

func TestNewCommitCancelsTheOld(t *testing.T) {
	t.Parallel()
	c := newCloud(t, -1)
	old := numberOf(t, c.test(t, "--no-wait", "--output=json").want(t, exitSuccess).object(t), "run_id")
	got := c.test(t, "--sha="+sha2, "--output=json").want(t, exitSuccess).object(t)
	if diff := cmp.Diff([]any{id(old)}, stringsOf(got["cancelled_run_ids"])); diff != "" {
		t.Errorf("cancelled (-want +got):\n%s", diff)
	}
	if run, _ := c.Run(old); run.Status != dbtcloudtest.Cancelled {
		t.Errorf("the old run is %s", run.Status)
	}
}

// stringsOf makes the numbers of a decoded array comparable.
func stringsOf(v any) []any {
	var out []any
	array, _ := v.([]any)
	for _, n := range array {
		out = append(out, fmt.Sprint(n))
	}
	return out
}

func TestCloneComesAndGoes(t *testing.T) {
	t.Parallel()
	c := newCloud(t, 0)
	c.occupy()
	got := c.test(t, "--output=json").want(t, exitSuccess).object(t)
	clone := c.Jobs()[1]
	if got["decision"] != "clone" || numberOf(t, got, "clone_job_id") != clone.ID || got["clone_deleted"] != true || numberOf(t, got, "job_id") != clone.ID {
		t.Errorf("object %v, want the run on clone %d, which is gone", got, clone.ID)
	}
	if clone.DeletedAt.IsZero() {
		t.Error("the clone is still there")
	}
}

func TestNoWaitNamesTheClone(t *testing.T) {
	t.Parallel()
	c := newCloud(t, -1)
	c.occupy()
	o := c.test(t, "--output=json", "--no-wait").want(t, exitSuccess)
	clone := c.Jobs()[1]
	if got := o.object(t); numberOf(t, got, "clone_job_id") != clone.ID || got["clone_deleted"] != false || !clone.DeletedAt.IsZero() {
		t.Errorf("object %v, clone %+v", got, clone)
	}
	run := c.Runs()[1]
	if cause := strings.Fields(run.Cause)[0]; !strings.HasSuffix(cause, "n") {
		t.Errorf("the marker %q says that somebody waits", cause)
	}
}

func TestKeepCloneAndSweep(t *testing.T) {
	t.Parallel()
	for _, keep := range []string{"--keep-clone", "--no-delete-cloned-job"} {
		c := newCloud(t, 0)
		c.occupy()
		clone := numberOf(t, c.test(t, "--output=json", keep).want(t, exitSuccess).object(t), "job_id")
		sweep := invoke(t, c.env, "sweep", "--output=json").want(t, exitSuccess)
		want := fmt.Sprintf(`{"job_id":%d,"deleted_job_ids":[],"active_job_ids":[],"young_job_ids":[],"kept_job_ids":[%d],"error":null}`+"\n", c.job, clone)
		if diff := cmp.Diff(want, sweep.stdout); diff != "" {
			t.Errorf("%s: sweep (-want +got):\n%s", keep, diff)
		}
		sweep = invoke(t, c.env, "sweep", "--kept").want(t, exitSuccess)
		if sweep.stdout != id(clone)+"\n" || sweep.stderr != fmt.Sprintf("clones of job %d: 1 deleted, 0 with an unfinished run, 0 new without a run, 0 kept\n", c.job) {
			t.Errorf("%s: sweep --kept said %q and %q", keep, sweep.stdout, sweep.stderr)
		}
		if job, _ := c.Job(clone); job.DeletedAt.IsZero() {
			t.Errorf("%s: sweep --kept left the clone", keep)
		}
	}
}

func TestSweepFailure(t *testing.T) {
	t.Parallel()
	c := newCloud(t, 0)
	c.Inject(dbtcloudtest.Fault{Kind: dbtcloudtest.Status(403, dbtcloudtest.EnvelopeBody)})
	if got := invoke(t, c.env, "sweep", "--output=json").want(t, exitRefused).object(t); got["error"] == nil {
		t.Errorf("object %v has no error", got)
	}
}

func TestDeadline(t *testing.T) {
	t.Parallel()
	tests := []struct {
		flag string
		want dbtcloudtest.RunStatus
	}{
		{"--on-interrupt=cancel", dbtcloudtest.Cancelled},
		{"--on-interrupt=detach", dbtcloudtest.Running},
	}
	for _, test := range tests {
		t.Run(test.flag, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t, -1)
			got := c.test(t, "--output=json", "--timeout=300ms", test.flag).want(t, exitDeadline).object(t)
			run := c.Runs()[0]
			if run.Status != test.want || numberOf(t, got, "run_id") != run.ID {
				t.Errorf("the run is %s, want %s; object %v", run.Status, test.want, got)
			}
			if text, _ := got["error"].(string); !strings.HasPrefix(text, "the deadline of --timeout passed: left github#7, run "+id(run.ID)) {
				t.Errorf("error %q", text)
			}
		})
	}
}

func TestAdoptedRunIsLeftAlone(t *testing.T) {
	t.Parallel()
	c := newCloud(t, -1)
	first := numberOf(t, c.test(t, "--output=json", "--no-wait").want(t, exitSuccess).object(t), "run_id")
	got := c.test(t, "--output=json", "--timeout=300ms").want(t, exitDeadline).object(t)
	if got["decision"] != "adopt" || got["adopted"] != true || numberOf(t, got, "run_id") != first {
		t.Errorf("object %v, want run %d adopted", got, first)
	}
	if run, _ := c.Run(first); run.Status.Terminal() {
		t.Errorf("the adopted run is %s", run.Status)
	}
}

func TestDryRun(t *testing.T) {
	t.Parallel()
	c := newCloud(t, -1)
	c.test(t, "--no-wait").want(t, exitSuccess)
	old, other := c.Runs()[0].ID, c.occupy()
	before := len(c.writes())
	names := []string{id(old), "OLD", id(other), "OTHER", id(c.job), "JOB"}
	args := []string{"--sha=" + sha2, "--dry-run", "--mode=clone", "--max-clones=3", "--max-run-slots=2"}
	tests := []struct{ output, want string }{
		{"text", "clone: the job is busy with run OTHER, and the mode is clone\n  cancel first: OLD\n  schema: dbt_cloud_pr_JOB_7\n"},
		{"json", `{"dry_run":true,"job_id":JOB,"clone_job_id":null,"decision":"clone","reason":"the job is busy with run OTHER, and the mode is clone",` +
			`"run_id":null,"status":null,"url":null,"cancel_run_ids":[OLD],"cancelled_run_ids":[],"moved_run_ids":[],"schema_override":"dbt_cloud_pr_JOB_7",` +
			`"run_slots":2,"free_run_slots":1,"warnings":[]}` + "\n"},
	}
	for _, test := range tests {
		o := c.test(t, append(args, "--output="+test.output)...).want(t, exitSuccess)
		if diff := cmp.Diff(test.want, steady(o.stdout, names...)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.output, diff)
		}
		if o.stderr != "" {
			t.Errorf("%s: stderr %q", test.output, o.stderr)
		}
	}
	if after := c.writes(); len(after) != before {
		t.Errorf("a dry run sent %v", after[before:])
	}
}

func TestAutoscalerFromFlags(t *testing.T) {
	t.Parallel()
	type settings struct {
		jobID                     int64
		mode, leave               string
		noMove, keepClone, noWait bool
		maxRunSlots, maxClones    int
		interval, timeout         time.Duration
	}
	defaults := settings{jobID: 5, mode: "auto", leave: "cancel", interval: 10 * time.Second}
	with := func(change func(*settings)) settings {
		s := defaults
		change(&s)
		return s
	}
	tests := []struct {
		args string
		want settings
	}{
		{"", defaults},
		{"--wait --no-move=false --keep-clone=false", defaults},
		{"--mode queue --on-interrupt=detach", with(func(s *settings) { s.mode, s.leave = "queue", "detach" })},
		{"--no-move --keep-clone --max-run-slots 3 --max-clones=2", with(func(s *settings) { s.noMove, s.keepClone, s.maxRunSlots, s.maxClones = true, true, 3, 2 })},
		{"--no-wait", with(func(s *settings) { s.noWait = true })},
		{"--no-wait --wait", defaults},
		{"--wait=false", with(func(s *settings) { s.noWait = true })},
		{"--no-wait=false", defaults},
		{"--no-should-poll", with(func(s *settings) { s.noWait = true })},
		{"--no-wait --should-poll", defaults},
		{"--no-delete-cloned-job", with(func(s *settings) { s.keepClone = true })},
		{"--keep-clone --delete-cloned-job", defaults},
		{"--poll-interval 5 --timeout 90m", with(func(s *settings) { s.interval, s.timeout = 5*time.Second, 90*time.Minute })},
		{"--poll-interval 1m30s --timeout 90", with(func(s *settings) { s.interval, s.timeout = 90*time.Second, 90*time.Second })},
	}
	for _, test := range tests {
		f := new(ciFlags)
		fs := pflag.NewFlagSet("", pflag.ContinueOnError)
		f.add(fs)
		if err := fs.Parse(append(strings.Fields(test.args), "--job-id=5")); err != nil {
			t.Errorf("%s: %v", test.args, err)
			continue
		}
		ci := f.autoscaler()
		got := settings{ci.JobID, string(ci.Mode), string(ci.OnLeave), ci.NoMove, ci.KeepClone, ci.NoWait, ci.MaxRunSlots, ci.MaxClones, ci.Poll.Interval, f.timeout.value}
		if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(settings{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.args, diff)
		}
	}
}

// TestLinesForDbtc pastes the lines of the guides for dbtc.
func TestLinesForDbtc(t *testing.T) {
	t.Parallel()
	const payload = `{"cause": "Autoscaling Slim CI!","git_sha":"` + sha1 + `","schema_override":"dbt_cloud_pr_1_7",`
	tests := []struct {
		name string
		args []string
		host dbtcloudtest.GitHost
	}{
		{"GitHub", []string{"--payload=" + payload + `"github_pull_request_id":7}`, "--no-should-poll"}, dbtcloudtest.GitHub},
		{"GitLab", []string{"--payload=" + payload + `"gitlab_merge_request_id":7}`, "--no-should-poll"}, dbtcloudtest.GitLab},
		{"Azure", []string{"--payload", payload + `"azure_pull_request_id":7}`, "--no-should-poll"}, dbtcloudtest.AzureRepos},
		{"all of dbtc's flags", []string{"-d", payload + `"azure_pull_request_id":"7"}`, "--should-poll", "--no-should-poll", "--poll-interval", "10",
			"--delete-cloned-job", "--max-run-slots", "3"}, dbtcloudtest.AzureRepos},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t, -1)
			args := append([]string{"trigger-autoscaling-ci-job", "-j", id(c.job), "-a", id(c.AccountID())}, test.args...)
			invoke(t, c.env, args...).want(t, exitSuccess)
			run := c.Runs()[0]
			want := dbtcloudtest.Run{PullRequest: dbtcloudtest.PullRequest{Host: test.host, Number: 7}, SHA: sha1, Schema: "dbt_cloud_pr_1_7"}
			got := dbtcloudtest.Run{PullRequest: run.PullRequest, SHA: run.SHA, Schema: run.Schema}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("run (-want +got):\n%s", diff)
			}
			if !strings.HasSuffix(run.Cause, " Autoscaling Slim CI!") {
				t.Errorf("cause %q", run.Cause)
			}
		})
	}
}

func TestFlagsOverrideThePayload(t *testing.T) {
	t.Parallel()
	c := newCloud(t, -1)
	invoke(t, c.env, "autoscale-ci", "--no-wait",
		`--payload={"cause":"a","git_sha":"`+sha2+`","git_branch":"b","schema_override":"c","gitlab_merge_request_id":9,"threads_override":"5"}`,
		"--pull-request=7", "--sha="+sha1, "--branch=feature", "--cause=Because", "--schema-override=dev").want(t, exitSuccess)
	requests := c.Requests()
	i := slices.IndexFunc(requests, func(r dbtcloudtest.Request) bool { return r.Method == "POST" })
	body := steady(string(requests[i].Body), strings.Fields(c.Runs()[0].Cause)[0], "MARKER")
	want := `{"cause":"MARKER Because","git_sha":"` + sha1 + `","git_branch":"feature","non_native_pull_request_id":7,"schema_override":"dev","threads_override":5}`
	if diff := cmp.Diff(want, strings.TrimSpace(body)); diff != "" {
		t.Errorf("trigger (-want +got):\n%s", diff)
	}
}

func TestLiveLineOnATerminal(t *testing.T) {
	t.Parallel()
	c := newCloud(t, 300*time.Millisecond)
	o := invokeOn(t.Context(), func() int { return 60 }, c.env, "autoscale-ci", "--github-pull-request=7", "--sha="+sha1, "--poll-interval=100ms").want(t, exitSuccess)
	live := regexp.MustCompile(fmt.Sprintf(`\r\d:\d\d  run %d on job %d: \w+`, c.Runs()[0].ID, c.job))
	if !live.MatchString(o.stderr) {
		t.Errorf("stderr %q never showed %s", o.stderr, live)
	}
	for _, line := range screen(o.stderr) {
		if strings.Contains(line, " on job ") && !strings.Contains(line, "triggered") {
			t.Errorf("the live line stayed: %q", line)
		}
	}
}
