package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// headSHA is the head commit of the fixtures of events.
const headSHA = "8f2c4e6a0b1d3f5a7c9e8d6b4a2f0e1c3d5b7a90"

// eventVars are the variables of a fixture of an event.
func eventVars(t testing.TB, fixture string) map[string]string {
	t.Helper()
	path := filepath.Join("..", "..", "testdata", "events", fixture+".env")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	for line := range strings.Lines(string(raw)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(line, "#") {
			env[name] = value
		}
	}
	if name := env["GITHUB_EVENT_PATH"]; name != "" {
		env["GITHUB_EVENT_PATH"] = filepath.Join(filepath.Dir(path), name)
	}
	return env
}

// inPipeline is a cloud whose invocations have the variables of a fixture, and files for
// what a pipeline shows. Runs end at once, or so; without steps that dbt leaves anything of.
func inPipeline(t *testing.T, fixture string, outcome dbtcloudtest.Outcome, opts ...dbtcloudtest.Option) *cloud {
	t.Helper()
	runTime := dbtcloudtest.WithRunTime(func(r dbtcloudtest.Run) dbtcloudtest.Outcome {
		if r.SHA == sha3 {
			return dbtcloudtest.Outcome{Duration: -1}
		}
		return outcome
	})
	if outcome.Steps == nil {
		outcome.Steps = []dbtcloudtest.Step{{Name: "Clone", Logs: "cloned"}}
	}
	c := newCloud(t, 0, append([]dbtcloudtest.Option{runTime}, opts...)...)
	dir := t.TempDir()
	maps.Copy(c.env, map[string]string{"GITHUB_STEP_SUMMARY": dir + "/summary.md", "GITHUB_OUTPUT": dir + "/output", "AGENT_TEMPDIRECTORY": dir})
	if fixture != "" {
		maps.Copy(c.env, eventVars(t, fixture))
	}
	return c
}

// ciRun is ci run with quick looks.
func (c *cloud) ciRun(t *testing.T, args ...string) outcome {
	t.Helper()
	return invoke(t, c.env, append([]string{"ci", "run", "--poll-interval=100ms"}, args...)...)
}

// tested is what the last run was triggered for: host and number, commit, branch, sequence.
func tested(t *testing.T, c *cloud) string {
	t.Helper()
	runs := c.Runs()
	if len(runs) == 0 {
		return "nothing"
	}
	run := runs[len(runs)-1]
	marker := strings.Split(strings.Fields(run.Cause)[0], ".")
	sequence, err := strconv.ParseInt(marker[3], 36, 64)
	if err != nil {
		t.Fatalf("the cause %q carries no sequence", run.Cause)
	}
	return strings.Join(strings.Fields(fmt.Sprintf("%s#%d %s %s %d", run.PullRequest.Host, run.PullRequest.Number,
		strings.ReplaceAll(run.SHA, headSHA, "head"), run.Branch, sequence)), " ")
}

func TestCIRunTestsWhatItDetects(t *testing.T) {
	t.Parallel()
	other := "1111111111111111111111111111111111111111"
	tests := []struct{ fixture, args, want string }{
		{"github/pull_request", "", "github#42 head feature/orders 9017342501"},
		{"github/pull_request", "--sha=" + other, "github#42 " + other + " feature/orders 9017342501"},
		{"github/pull_request", "--sequence=5 --branch=b", "github#42 head b 5"},
		{"github/pull_request", "--github-pull-request=42", "github#42 head feature/orders 9017342501"},
		{"github/pull_request", "--gitlab-merge-request=42", "gitlab#42 head feature/orders 9017342501"},
		{"github/pull_request", "--github-pull-request=43 --sha=" + other, "github#43 " + other + " 9017342501"},
		{"github/pull_request", "--payload={\"github_pull_request_id\":43,\"git_branch\":\"b\"}", "github#43 b 9017342501"},
		{"github/pull_request", "--payload={\"git_sha\":\"" + other + "\",\"git_branch\":\"b\"} --branch=c", "github#42 " + other + " c 9017342501"},
		{"github/draft", "--github-pull-request=43 --sha=" + other, "github#43 " + other + " 9017342501"},
		{"github/closed", "--github-pull-request=43 --sha=" + other, "github#43 " + other + " 9017342501"},
		{"github/manual", "--github-pull-request=43 --sha=" + other, "github#43 " + other + " 9017342501"},
		{"circleci/push", "--github-pull-request=43", "github#43 head main 77"},
		{"gitlab/pull_request", "", "gitlab#42 head feature/orders 731"},
		{"azure/pull_request", "", "azure#42 head feature/orders 20417"},
		{"azure/no_head", "--branch=feature/orders", "azure#42 feature/orders 20417"},
		{"bitbucket/pull_request", "", "other#42 head feature/orders 204"},
		{"circleci/pull_request", "", "github#42 head feature/orders 0"},
		{"jenkins/pull_request", "--sha=" + headSHA, "github#42 head feature/orders 7"},
		{"jenkins/pull_request", "--github-pull-request=43 --sha=" + headSHA, "github#43 head 0"},
		{"buildkite/pull_request", "", "github#42 head feature/orders 1514"},
		{"codebuild/pull_request", "--sha=" + headSHA, "github#42 head feature/orders 88"},
		{"", "--pull-request=9 --sha=" + other, "other#9 " + other + " 0"},
		{"", "--pull-request=9 --branch=b", "other#9 b 0"},
	}
	for _, test := range tests {
		t.Run(test.fixture+" "+test.args, func(t *testing.T) {
			t.Parallel()
			c := inPipeline(t, test.fixture, dbtcloudtest.Outcome{})
			o := c.ciRun(t, strings.Fields(test.args)...).want(t, exitSuccess)
			if diff := cmp.Diff(test.want, tested(t, c)); diff != "" {
				t.Errorf("tested (-want +got):\n%s\n%s", diff, o.stderr)
			}
		})
	}
}

func TestCIRunSays(t *testing.T) {
	t.Parallel()
	c := inPipeline(t, "github/pull_request", dbtcloudtest.Outcome{})
	o := c.ciRun(t).want(t, exitSuccess)
	run := c.Runs()[0]
	const link = "https://ab123.us1.dbt.com/deploy/ACCOUNT/projects/PROJECT/runs/RUN/\n"
	names := []string{id(run.ID), "RUN", id(c.job), "JOB", id(c.AccountID()), "ACCOUNT", id(dbtcloudtest.DefaultProjectID), "PROJECT"}
	want := "GitHub Actions, pull_request github#42 at " + headSHA + " of feature/orders in acme/analytics\n" +
		"TIME  triggered run RUN on job JOB: the job is idle\nTIME  " + link + "TIME  run RUN: Success\n"
	if diff := cmp.Diff(want, steady(o.stderr, names...)); diff != "" {
		t.Errorf("stderr (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(link, steady(o.stdout, names...)); diff != "" {
		t.Errorf("stdout (-want +got):\n%s", diff)
	}
	if o := c.ciRun(t, "--dry-run", "--sha="+sha1).want(t, exitSuccess); !strings.HasPrefix(o.stdout, "source: ") || len(c.Runs()) != 1 {
		t.Errorf("a dry run: stdout %q, %d runs", o.stdout, len(c.Runs()))
	}
}

// TestCIRunExitStatus: each exit status but that of an interruption, which TestCIRunSignals shows.
func TestCIRunExitStatus(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		outcome dbtcloudtest.Outcome
		set     func(t *testing.T, c *cloud)
		args    string
		status  int
		want    string // on stderr
	}{
		{name: "green", status: exitSuccess, want: ": Success"},
		{name: "accepted", outcome: dbtcloudtest.Outcome{Duration: -1}, args: "--no-wait", status: exitSuccess, want: "triggered run"},
		{name: "red", outcome: dbtcloudtest.Outcome{Status: dbtcloudtest.Error}, status: exitRunFailed, want: "ended with status Error"},
		{name: "bad flag", args: "--mode=fast", status: exitBadInput, want: "--mode"},
		{name: "cancelled", outcome: dbtcloudtest.Outcome{Status: dbtcloudtest.Cancelled}, status: exitCancelled, want: "cancelled"},
		{name: "superseded", outcome: dbtcloudtest.Outcome{Duration: -1}, set: func(t *testing.T, c *cloud) {
			c.ciRun(t, "--no-wait", "--sequence=9017342502", "--sha="+sha1).want(t, exitSuccess)
		}, status: exitCancelled, want: "superseded"},
		{name: "deadline", outcome: dbtcloudtest.Outcome{Duration: -1}, args: "--timeout=300ms", status: exitDeadline, want: "the deadline of --timeout passed"},
		{name: "refused", set: func(_ *testing.T, c *cloud) {
			c.Inject(dbtcloudtest.Fault{Kind: dbtcloudtest.Status(403, dbtcloudtest.EnvelopeBody)})
		},
			status: exitRefused, want: "403"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := inPipeline(t, "github/pull_request", test.outcome)
			if test.set != nil {
				test.set(t, c)
			}
			o := c.ciRun(t, strings.Fields(test.args)...).want(t, test.status)
			if !strings.Contains(o.stderr, test.want) || test.args == "--no-wait" && strings.Contains(o.stderr, "report: ") {
				t.Errorf("stderr %q does not say %q, or reports what nobody waited for", o.stderr, test.want)
			}
		})
	}
}

func TestCIRunUntestable(t *testing.T) {
	t.Parallel()
	tests := []struct {
		fixture string
		skipped bool // with --untestable=skip
		want    string
	}{
		{"github/push", true, "a push to a branch, not a pull request: start the workflow with on: pull_request"},
		{"github/draft", true, "the pull request is a draft: mark it ready"},
		{"github/fork", true, "the pull request comes from a fork"},
		{"github/closed", true, "the pull request is closed"},
		{"github/merge_queue", true, "a merge queue"},
		{"github/tag", true, "a tag"},
		{"gitlab/schedule", true, "a scheduled pipeline"},
		{"jenkins/pull_request", false, "the head commit of the pull request is not known"},
		{"azure/no_head", false, "the head commit of the pull request is not known"},
	}
	for _, test := range tests {
		for _, how := range []string{"", "--untestable=fail", "--untestable=skip"} {
			t.Run(test.fixture+" "+how, func(t *testing.T) {
				t.Parallel()
				c := inPipeline(t, test.fixture, dbtcloudtest.Outcome{})
				delete(c.env, "DBT_CLOUD_SERVICE_TOKEN") // as in a pipeline of a fork
				status := exitBadInput
				if skipped := how == "--untestable=skip" && test.skipped; skipped {
					status = exitSuccess
				}
				o := c.ciRun(t, append(strings.Fields(how), "--output=json")...).want(t, status)
				if !strings.Contains(o.stderr, test.want) || strings.Count(o.stderr, "\n") != 1 {
					t.Errorf("stderr %q, want one line with %q", o.stderr, test.want)
				}
				got := o.object(t)
				if (got["error"] == nil) != (status == exitSuccess) || (got["reason"] == nil) != (status != exitSuccess) || got["run_id"] != nil {
					t.Errorf("object %v", got)
				}
				if n := len(c.Requests()); n > 0 {
					t.Errorf("%d requests", n)
				}
			})
		}
	}
}

// eventFile names an event file with such content; of a size above 0, a file of so many bytes.
func eventFile(content string, size int64) func(t *testing.T, c *cloud) {
	return func(t *testing.T, c *cloud) {
		t.Helper()
		name := filepath.Join(t.TempDir(), "event.json")
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if size > 0 {
			if err := os.Truncate(name, size); err != nil {
				t.Fatal(err)
			}
		}
		c.env["GITHUB_EVENT_PATH"] = name
	}
}

func setenv(name, value string) func(*testing.T, *cloud) {
	return func(_ *testing.T, c *cloud) { c.env[name] = value }
}

func TestCIRunBadInput(t *testing.T) {
	t.Parallel()
	const pr = "github/pull_request"
	tests := []struct {
		name, fixture string
		args          []string
		set           func(t *testing.T, c *cloud)
		want          string
	}{
		{name: "no provider", want: "no CI provider was recognized: "},
		{name: "no provider, flags", want: "give one of --github-pull-request, --gitlab-merge-request, --azure-pull-request, --pull-request, and --sha"},
		{name: "no provider, no commit", args: []string{"--pull-request=7"}, want: "no CI provider was recognized: "},
		{name: "no provider, no pull request", args: []string{"--sha=" + sha1}, want: "no CI provider was recognized: "},
		{name: "no provider, skip", args: []string{"--untestable=skip"}, want: "no CI provider was recognized: "},
		{name: "event file missing", fixture: pr, set: setenv("GITHUB_EVENT_PATH", "/nowhere/event.json"), want: "GITHUB_EVENT_PATH: the event file cannot be read: "},
		{name: "event file not named", fixture: pr, set: setenv("GITHUB_EVENT_PATH", ""), want: "GITHUB_EVENT_PATH: is not set"},
		{name: "event file truncated", fixture: pr, set: eventFile(`{"action":"opened","pull_request":{"number":4`, 0), want: "GITHUB_EVENT_PATH: the event file is not JSON, or is cut short, at byte 45"},
		{name: "event file empty", fixture: pr, set: eventFile("", 0), want: "GITHUB_EVENT_PATH: the event file is not JSON, or is cut short"},
		{name: "event file of 50 MB", fixture: pr, set: eventFile("{", 50<<20), want: "GITHUB_EVENT_PATH: the event file has more than 25 MB"},
		{name: "event file of another kind", fixture: pr, set: eventFile("[]", 0), want: "is not a JSON object"},
		{name: "event without a pull request", fixture: pr, set: eventFile("{}", 0), want: "the event file has no pull_request"},
		{name: "event file broken, and all given", fixture: pr, args: []string{"--github-pull-request=7", "--sha=" + sha1}, set: eventFile("{", 0), want: "GITHUB_EVENT_PATH: the event file"},
		{name: "hostile number", fixture: "gitlab/pull_request", set: setenv("CI_MERGE_REQUEST_IID", "7; rm -rf ~"), want: `CI_MERGE_REQUEST_IID: "7; rm -rf ~" is not a number`},
		{name: "branch of two lines", fixture: "gitlab/pull_request", set: setenv("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "a\n::error::b"), want: "has a line break"},
		{name: "empty sha", fixture: pr, args: []string{"--sha="}, want: "--sha: is empty: is the variable set that it comes from?"},
		{name: "empty branch", fixture: pr, args: []string{"--branch", ""}, want: "--branch: is empty"},
		{name: "short sha", fixture: pr, args: []string{"--sha=1234567"}, want: `git_sha: "1234567" is not a full commit id`},
		{name: "another pull request without its commit", fixture: pr, args: []string{"--github-pull-request=43"}, want: "the head commit of the pull request is not known"},
		{name: "two pull requests", fixture: pr, args: []string{"--github-pull-request=43", "--pull-request=43"}, want: "--github-pull-request and --pull-request: give only one"},
		{name: "unknown word", fixture: pr, args: []string{"--untestable=ignore"}, want: `--untestable" flag: must be one of fail, skip`},
		{name: "logs of nothing", fixture: pr, args: []string{"--no-wait", "--logs"}, want: "--logs: needs a run that is waited for"},
		{name: "no job", fixture: pr, set: func(_ *testing.T, c *cloud) { delete(c.env, "JOB_ID") }, want: "--job-id: is missing: give it, or set JOB_ID or DBT_CLOUD_JOB_ID"},
		{name: "no token", fixture: pr, set: func(_ *testing.T, c *cloud) { delete(c.env, "DBT_CLOUD_SERVICE_TOKEN") }, want: "API token: is missing: "},
	}
	for _, test := range tests {
		for _, output := range []string{"text", "json"} {
			t.Run(test.name+" "+output, func(t *testing.T) {
				t.Parallel()
				c := inPipeline(t, test.fixture, dbtcloudtest.Outcome{})
				if test.set != nil {
					test.set(t, c)
				}
				o := c.ciRun(t, append(test.args, "--output="+output)...).want(t, exitBadInput)
				if !strings.Contains(o.stderr, test.want) || !strings.HasPrefix(o.stderr, "dbtcloud: ") || strings.Count(o.stderr, "\n") != 1 {
					t.Errorf("stderr %q, want one line with %q", o.stderr, test.want)
				}
				if word := goWords.FindString(o.stderr); word != "" {
					t.Errorf("stderr %q speaks Go: %q", o.stderr, word)
				}
				if output == "text" || strings.Contains(o.stderr, " flag") {
					if o.stdout != "" {
						t.Errorf("stdout %q, want nothing", o.stdout)
					}
				} else if got := o.object(t); got["error"] == nil || got["run_id"] != nil || got["decision"] != nil {
					t.Errorf("object %v, want an error and no run", got)
				}
				if n := len(c.Requests()); n > 0 {
					t.Errorf("%d requests", n)
				}
			})
		}
	}
}

// commandOfService is what GitHub Actions or Azure Pipelines would carry out.
var commandOfService = regexp.MustCompile(`(?m)^\s*::|##\w*\[`)

// TestCIRunHostileTexts: what others wrote steers neither a terminal nor a CI service.
func TestCIRunHostileTexts(t *testing.T) {
	t.Parallel()
	for _, branch := range []string{"$(touch x)`id`", "a##vso[task.complete result=Succeeded]b", "##[error]b", "::error::b", "a\u202eb"} {
		t.Run(branch, func(t *testing.T) {
			t.Parallel()
			c := inPipeline(t, "gitlab/pull_request", dbtcloudtest.Outcome{Status: dbtcloudtest.Error, Message: branch + "\n" + branch})
			c.env["CI_MERGE_REQUEST_SOURCE_BRANCH_NAME"] = branch
			for _, args := range [][]string{{"ci", "run"}, {"ci", "run", "--output=json"}, {"ci", "run", "--dry-run"}, {"ci", "doctor"}, {"ci", "doctor", "--output=json"}, {"runs", "list"}} {
				o := invoke(t, c.env, args...)
				for _, text := range []string{o.stdout, o.stderr} {
					if command := commandOfService.FindString(text); command != "" || strings.ContainsAny(text, "\x1b\u202e") {
						t.Errorf("%v: %q in %q", args, command, text)
					}
				}
				if args[0] == "ci" && args[1] == "run" && !strings.Contains(o.stderr, "gitlab#42") {
					t.Errorf("%v: stderr %q", args, o.stderr)
				}
			}
			if c.Runs()[0].Branch != branch {
				t.Errorf("the run is of branch %q", c.Runs()[0].Branch)
			}
		})
	}
}
