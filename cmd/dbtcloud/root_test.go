package main

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

func TestFlagsAndEnvironment(t *testing.T) {
	t.Parallel()
	const wrong = "1"
	c := newCloud(t, -1)
	run, token, account, host, job := id(c.occupy()), c.Token(), id(c.AccountID()), c.env["DBT_CLOUD_HOST"], id(c.job)
	base := map[string]string{"DBT_CLOUD_SERVICE_TOKEN": token, "DBT_CLOUD_ACCOUNT_ID": account, "DBT_CLOUD_HOST": host}
	get := []string{"runs", "get", run}
	dry := []string{"autoscale-ci", "--github-pull-request=7", "--sha=" + sha1, "--dry-run"}
	tests := []struct {
		name string
		env  map[string]string // beside base
		args []string
		want int
	}{
		{"environment", nil, get, exitSuccess},
		{"DBT_CLOUD_API_KEY", map[string]string{"DBT_CLOUD_SERVICE_TOKEN": "", "DBT_CLOUD_API_KEY": token}, get, exitSuccess},
		{"DBT_CLOUD_TOKEN", map[string]string{"DBT_CLOUD_SERVICE_TOKEN": " ", "DBT_CLOUD_TOKEN": token + "\n"}, get, exitSuccess},
		{"the service token before the others", map[string]string{"DBT_CLOUD_API_KEY": wrong, "DBT_CLOUD_TOKEN": wrong}, get, exitSuccess},
		{"the API key before the token", map[string]string{"DBT_CLOUD_SERVICE_TOKEN": "", "DBT_CLOUD_API_KEY": token, "DBT_CLOUD_TOKEN": wrong}, get, exitSuccess},
		{"a wrong service token hides a right API key", map[string]string{"DBT_CLOUD_SERVICE_TOKEN": wrong, "DBT_CLOUD_API_KEY": token}, get, exitRefused},
		{"flag before DBT_CLOUD_ACCOUNT_ID", map[string]string{"DBT_CLOUD_ACCOUNT_ID": wrong}, append(get, "--account-id", account), exitSuccess},
		{"a wrong flag before a right DBT_CLOUD_ACCOUNT_ID", nil, append(get, "-a", wrong), exitRefused},
		{"a flag hides a malformed variable", map[string]string{"DBT_CLOUD_ACCOUNT_ID": "x"}, append(get, "-a", account), exitSuccess},
		{"flag before DBT_CLOUD_HOST", map[string]string{"DBT_CLOUD_HOST": "http://example.com"}, append(get, "--host", host+"/api/"), exitSuccess},
		{"flags before the command", map[string]string{"DBT_CLOUD_HOST": "", "DBT_CLOUD_ACCOUNT_ID": ""}, append([]string{"--host", host, "--account-id=" + account}, get...), exitSuccess},
		{"JOB_ID", map[string]string{"JOB_ID": job}, dry, exitSuccess},
		{"DBT_CLOUD_JOB_ID", map[string]string{"DBT_CLOUD_JOB_ID": job}, dry, exitSuccess},
		{"JOB_ID before DBT_CLOUD_JOB_ID", map[string]string{"JOB_ID": job, "DBT_CLOUD_JOB_ID": wrong}, dry, exitSuccess},
		{"a wrong JOB_ID before a right DBT_CLOUD_JOB_ID", map[string]string{"JOB_ID": wrong, "DBT_CLOUD_JOB_ID": job}, dry, exitRefused},
		{"flag before JOB_ID", map[string]string{"JOB_ID": wrong}, append(dry, "--job-id", job), exitSuccess},
		{"a wrong flag before a right JOB_ID", map[string]string{"JOB_ID": job}, append(dry, "--job-id", wrong), exitRefused},
		{"the last of --dry-run wins", map[string]string{"JOB_ID": wrong}, append(dry, "--job-id="+job, "--dry-run=false", "--dry-run"), exitSuccess},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			env := maps.Clone(base)
			maps.Copy(env, test.env)
			invoke(t, env, test.args...).want(t, test.want)
		})
	}
}

func TestHelpAndVersion(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, args string
		want       []string
	}{
		{"bare", "", []string{"Exit status:", "ci ", "autoscale-ci", "sweep", "runs", "DBT_CLOUD_SERVICE_TOKEN"}},
		{"autoscale-ci", "autoscale-ci --help", []string{"--no-should-poll", "--no-delete-cloned-job", "trigger-autoscaling-ci-job", "A flag overrides the field",
			"--job-id", "--github-pull-request", "--gitlab-merge-request", "--azure-pull-request", "--pull-request", "--sha", "--branch", "--sequence", "--payload",
			"--cause", "--schema-override", "--mode", "--no-move", "--max-run-slots", "--max-clones", "--keep-clone", "--wait", "--no-wait", "--poll-interval",
			"--timeout", "--on-interrupt", "--dry-run", "--output", "--account-id", "--host"}},
		{"ci", "ci", []string{"run", "close", "doctor", "GitHub", "AWS CodeBuild"}},
		{"ci run", "ci run --help", []string{"A flag overrides what was found", "--untestable", "--report", "--commit-status", "--comment", "--job-id", "--sequence", "--payload",
			"--mode", "--no-wait", "--on-interrupt", "--dry-run", "--logs", "--junit", "--code-quality", "--markdown", "--digest"}},
		{"ci close", "ci close --help", []string{"A newer change stays", "DBT_CLOUD_CI_ACTION=closed", "--closed", "--cleanup-step", "--sha", "--sequence", "--no-wait", "--timeout"}},
		{"ci doctor", "ci doctor --help", []string{"--job-id", "--mode", "--sha", "Exit status: 0 without a problem, 1 with one"}},
		{"doctor", "doctor --help", []string{"--job-id", "--mode", "--max-run-slots", "Nothing is changed", "Exit status: 0 without a problem, 1 with one"}},
		{"sweep", "sweep --help", []string{"--job-id", "--kept"}},
		{"runs", "runs", []string{"get", "wait", "cancel"}},
		{"help runs wait", "help runs wait", []string{"Follow a run to its end", "--poll-interval"}},
		{"env-vars", "env-vars create --help", []string{"A secret does not belong on a command line", "--value-from-env", "--value-from-stdin"}},
		{"jobs create", "jobs create --help", []string{"--file", "Fields that only the service sets", "--at-hours", "--defer-to"}},
		{"jobs update", "jobs update --help", []string{"Change a job. Only what is given changes.", "turns off what has started it so far"}},
		{"environments create", "environments create --help", []string{"Create an environment.\n"}},
		{"metadata", "metadata", []string{"models", "lineage", "query", "DBT_CLOUD_METADATA_URL"}},
		{"metadata models", "metadata models --help", []string{"List the models of an environment", "--fields", "--name", "DBT_CLOUD_ENVIRONMENT_ID"}},
		{"completion", "completion bash", []string{"bash completion"}},
		{"help help", "help help", []string{"Show the help of a command"}},
		{"version", "--version", []string{"dbtcloud version " + version()}},
	}
	for _, test := range tests {
		o := invoke(t, nil, strings.Fields(test.args)...).want(t, exitSuccess)
		for _, want := range test.want {
			if !strings.Contains(o.stdout, want) {
				t.Errorf("%s: %q is missing in\n%s", test.name, want, o.stdout)
			}
		}
	}
}

func TestUnknownCommands(t *testing.T) {
	t.Parallel()
	tests := []struct{ args, want string }{
		{"autoscale", `unknown command "autoscale": dbtcloud has accounts, autoscale-ci, `},
		{"runs got", `unknown command "got": dbtcloud runs has artifacts, cancel, get, list, logs, report, retry, wait`},
		{"runs get", "dbtcloud runs get takes one argument, the id of the run, not 0"},
		{"runs cancel 1 2", "dbtcloud runs cancel takes one argument, the id of the run, not 2"},
		{"runs wait x", `run id "x": must be a whole number of at least 1`},
		{"sweep 5", "dbtcloud sweep takes flags only, but 1 other arguments were given"},
		{"sweep", "--job-id: is missing"},
		{"help bogus", `unknown command "bogus": dbtcloud has accounts, autoscale-ci, `},
		{"completion bogus", `unknown command "bogus": dbtcloud completion has bash, fish, `},
		{"help runs bogus", `unknown command "bogus": dbtcloud runs has artifacts, `},
		{"--frobnicate", "unknown flag --frobnicate: dbtcloud --help lists all"},
	}
	for _, test := range tests {
		if o := invoke(t, nil, strings.Fields(test.args)...).want(t, exitBadInput); !strings.HasPrefix(o.stderr, "dbtcloud: invalid input: "+test.want) || o.stdout != "" {
			t.Errorf("%s: stdout %q, stderr %q, want %q", test.args, o.stdout, o.stderr, test.want)
		}
	}
}

func TestRunsGetAndCancel(t *testing.T) {
	t.Parallel()
	c := newCloud(t, -1)
	run := c.occupy()
	link := "https://ab123.us1.dbt.com/deploy/" + id(c.AccountID()) + "/projects/" + id(dbtcloudtest.DefaultProjectID) + "/runs/" + id(run) + "/"
	o := invoke(t, c.env, "runs", "get", id(run)).want(t, exitSuccess)
	for _, want := range []string{"ID               " + id(run) + "\n", "\nSTATUS           running\n", "\nCOMMIT           " + sha3[:12] + "\n", "\nLINK             " + link + "\n"} {
		if !strings.Contains(o.stdout, want) || o.stderr != "" {
			t.Errorf("get said %q and %q, want %q", o.stdout, o.stderr, want)
		}
	}
	got := invoke(t, c.env, "runs", "get", id(run), "--output=json").want(t, exitSuccess).object(t)
	if numberOf(t, got, "id") != run || numberOf(t, got, "job_definition_id") != c.job || numberOf(t, got, "status") != int64(dbtcloudtest.Running) || got["href"] != link {
		t.Errorf("get: object %v", got)
	}
	o = invoke(t, c.env, "runs", "cancel", id(run), "--output=json").want(t, exitSuccess)
	if got = o.object(t); numberOf(t, got, "id") != run || numberOf(t, got, "status") != int64(dbtcloudtest.Cancelled) {
		t.Errorf("cancel: object %v", got)
	}
	if want := "cancel: run " + id(run) + " of job " + id(c.job) + ": cancelled"; !strings.HasPrefix(o.stderr, want) {
		t.Errorf("cancel said %q, want %q", o.stderr, want)
	}
	if r, _ := c.Run(run); r.Status != dbtcloudtest.Cancelled {
		t.Errorf("the run is %s", r.Status)
	}
}

func TestRunsThatDoNotExist(t *testing.T) {
	t.Parallel()
	c := newCloud(t, -1)
	tests := []struct {
		args string
		want int
	}{
		{"get 1", exitRefused},
		{"cancel 1", exitRefused},
		{"wait 1 --timeout=50ms", exitDeadline}, // it may be too new to be seen
	}
	for _, test := range tests {
		o := invoke(t, c.env, append([]string{"runs"}, strings.Fields(test.args)...)...).want(t, test.want)
		if o.stdout != "" || !strings.Contains(o.stderr, "It does not exist, belongs to another account") {
			t.Errorf("%s: stdout %q, stderr %q", test.args, o.stdout, o.stderr)
		}
	}
}

func TestRunsWait(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		end    func(c *cloud, run int64)
		status dbtcloudtest.RunStatus
		want   int
	}{
		{"success", func(c *cloud, run int64) { c.FinishRun(run, dbtcloudtest.Success) }, dbtcloudtest.Success, exitSuccess},
		{"error", func(c *cloud, run int64) { c.FinishRun(run, dbtcloudtest.Error) }, dbtcloudtest.Error, exitRunFailed},
		{"cancelled", func(c *cloud, run int64) { c.CancelRun(run, "somebody", "") }, dbtcloudtest.Cancelled, exitCancelled},
		{"deadline", func(*cloud, int64) {}, dbtcloudtest.Running, exitDeadline},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t, -1)
			run := c.occupy()
			c.At(time.Now().Add(30*time.Millisecond), func(s *dbtcloudtest.Server) { test.end(&cloud{Server: s}, run) })
			o := invoke(t, c.env, "runs", "wait", id(run), "--poll-interval=100ms", "--timeout=500ms", "--output=json").want(t, test.want)
			got := o.object(t)
			if numberOf(t, got, "id") != run || numberOf(t, got, "status") != int64(test.status) || strings.Contains(o.stderr, "\ndbtcloud: ") != (test.want != exitSuccess) {
				t.Errorf("object %v, stderr %q", got, o.stderr)
			}
			if r, _ := c.Run(run); test.want == exitDeadline && r.Status.Terminal() {
				t.Errorf("the run is %s, though nobody cancelled it", r.Status)
			}
			if !strings.Contains(steady(o.stderr), "TIME  run "+id(run)+" of job "+id(c.job)+": running\n") {
				t.Errorf("stderr %q does not tell that it runs", o.stderr)
			}
		})
	}
}

// TestWaitForNoRun: a run that does not exist is not waited for as long as one that may just have been made.
func TestWaitForNoRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := dbtcloudtest.New()
		env := map[string]string{"DBT_CLOUD_SERVICE_TOKEN": s.Token(), "DBT_CLOUD_ACCOUNT_ID": id(s.AccountID())}
		a := app{
			getenv: func(name string) string { return env[name] }, stdout: io.Discard, stderr: io.Discard,
			options: []dbtcloud.Option{dbtcloud.WithHTTPClient(&http.Client{Transport: s.Transport()})},
		}
		begun := time.Now()
		if status := a.run(t.Context(), []string{"runs", "wait", "1"}); status != exitRefused {
			t.Errorf("exit status %d, want %d", status, exitRefused)
		}
		if took := time.Since(begun); took < newRun || took > 2*newRun {
			t.Errorf("it took %s, want about %s", took, newRun)
		}
	})
}

func TestInterruptedBeforeAnyAnswer(t *testing.T) {
	t.Parallel()
	c := newCloud(t, -1)
	ctx, interrupt := context.WithCancelCause(t.Context())
	interrupt(errors.New("interrupt signal received"))
	for _, args := range [][]string{
		{"runs", "get", "1"}, {"runs", "wait", "1"}, {"runs", "cancel", "1"}, {"runs", "list"}, {"runs", "logs", "1"}, {"runs", "artifacts", "1"}, {"sweep"},
		{"jobs", "list"}, {"jobs", "get", "Slim CI"}, {"jobs", "delete", "1"}, {"jobs", "trigger", "Slim CI", "--wait"}, {"jobs", "deploy", "1", "--sha", sha1}, {"projects", "list"}, {"accounts", "get"},
		{"autoscale-ci", "--pull-request=7", "--sha=" + sha1}, {"autoscale-ci", "--pull-request=7", "--sha=" + sha1, "--dry-run"},
	} {
		if o := invokeOn(ctx, nil, c.env, args...); o.status != exitInterrupted || !strings.Contains(o.stderr, "dbtcloud: interrupted: ") {
			t.Errorf("%v: exit status %d, stderr %q", args, o.status, o.stderr)
		}
	}
	if writes := c.writes(); len(writes) > 0 {
		t.Errorf("sent %v", writes)
	}
}
