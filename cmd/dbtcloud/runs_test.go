package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

func TestRunsListQueries(t *testing.T) {
	t.Parallel()
	c := newHouse(t)
	tests := []struct {
		args string
		want map[string]string
	}{
		{"", map[string]string{"order_by": "-id", "limit": "20"}},
		{"--newest=3", map[string]string{"order_by": "-id", "limit": "3"}},
		{"--job=101 --project=11 --environment=21", map[string]string{"order_by": "-id", "limit": "20", "job_definition_id": "101", "project_id": "11", "environment_id": "21"}},
		{"--environment=ci --project=marketing", map[string]string{"order_by": "-id", "limit": "20", "project_id": "12", "environment_id": "23"}},
		{"--status=queued", map[string]string{"order_by": "-id", "limit": "20", "status": "1"}},
		{"--status=active,Error --status=cancelled", map[string]string{"order_by": "-id", "limit": "20", "status__in": "[1,2,3,20,30]"}},
		{"--since=2025-01-31", map[string]string{"order_by": "id", "limit": "100", "created_at__range": "since"}},
		{"--since=24h --newest=7", map[string]string{"order_by": "-id", "limit": "7", "created_at__range": "since"}},
	}
	for _, test := range tests {
		invoke(t, c.env, append([]string{"runs", "list"}, strings.Fields(test.args)...)...).want(t, exitSuccess)
		requests := c.Requests()
		q, err := url.ParseQuery(requests[len(requests)-1].Query)
		if err != nil || q.Get("include_related") != "trigger,job" {
			t.Errorf("%s: query %v, %v", test.args, q, err)
		}
		got := map[string]string{}
		for name := range q {
			got[name] = q.Get(name)
		}
		if got["created_at__range"] != "" {
			got["created_at__range"] = "since"
		}
		delete(got, "include_related")
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.args, diff)
		}
	}
}

func TestMoment(t *testing.T) {
	t.Parallel()
	now := time.Date(2025, 3, 10, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		text string
		want string
	}{
		{"90m", "2025-03-10T10:30:00Z"},
		{"24h", "2025-03-09T12:00:00Z"},
		{"7d", "2025-03-03T12:00:00Z"},
		{"2025-01-31", "2025-01-31T00:00:00Z"},
		{"2025-01-31T06:00:00+02:00", "2025-01-31T04:00:00Z"},
		{"", ""}, {"-1h", ""}, {"0d", ""}, {"d", ""}, {"yesterday", ""}, {"2025-02-30", ""}, {"1.5d", ""}, {"99999999d", ""},
	}
	for _, test := range tests {
		var m moment
		err := m.Set(test.text)
		if err != nil {
			if test.want != "" || m.given() {
				t.Errorf("%q: %v", test.text, err)
			}
			continue
		}
		if got := m.before(now).UTC().Format(time.RFC3339); got != test.want {
			t.Errorf("%q is %s, want %s", test.text, got, test.want)
		}
	}
}

func TestRunsListTable(t *testing.T) {
	t.Parallel()
	c := newHouse(t)
	first := c.AddRun(dbtcloudtest.RunSpec{JobID: 101, Cause: "Because\x1b[2J of\nthis", SHA: sha3})
	second := c.AddRun(dbtcloudtest.RunSpec{JobID: 102})
	c.FinishRun(second, dbtcloudtest.Error)
	o := invoke(t, c.env, "runs", "list", "--since=1h").want(t, exitSuccess)
	if newest := invoke(t, c.env, "runs", "list").want(t, exitSuccess); newest.stdout != o.stdout {
		t.Errorf("with --since:\n%s\nwithout:\n%s", o.stdout, newest.stdout)
	}
	lines := strings.Split(strings.TrimSuffix(o.stdout, "\n"), "\n")
	var got [][]string
	for _, line := range lines {
		words := strings.Fields(strings.NewReplacer(id(first), "FIRST", id(second), "SECOND").Replace(line))
		got = append(got, words[:3])
	}
	want := [][]string{{"ID", "STATUS", "JOB"}, {"SECOND", "error", "102"}, {"FIRST", "running", "101"}}
	if diff := cmp.Diff(want, got); diff != "" || !strings.Contains(lines[2], " 101 Test changes  20") || !strings.HasSuffix(lines[2], "  333333333333  Because of this") {
		t.Errorf("table (-want +got):\n%s\n%s", diff, o.stdout)
	}
}

func TestRunsRetry(t *testing.T) {
	t.Parallel()
	c := newHouse(t)
	failed := c.AddRun(dbtcloudtest.RunSpec{JobID: 102})
	c.FinishRun(failed, dbtcloudtest.Error)
	got := invoke(t, c.env, "runs", "retry", id(failed), "--output=json").want(t, exitSuccess).object(t)
	if run := c.Runs()[1]; numberOf(t, got, "id") != run.ID || run.ID == failed {
		t.Errorf("object %v, run %+v", got, run)
	}
	if o := invoke(t, c.env, "runs", "retry", id(failed)).want(t, exitRefused); !strings.Contains(o.stderr, "RETRY_NOT_LATEST_RUN") {
		t.Errorf("stderr %q", o.stderr)
	}
}

// TestLogsSteerNoTerminal: neither the name of a step nor its log can begin a line that looks like ours, colour, or turn text around.
func TestLogsSteerNoTerminal(t *testing.T) {
	t.Parallel()
	c := newHouse(t, dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome {
		return dbtcloudtest.Outcome{Steps: []dbtcloudtest.Step{{Name: "One\n== 2. Two\x1b[31m", Logs: "a\u202eb\x9bc\n"}, {Name: "Two"}}}
	}))
	run := c.AddRun(dbtcloudtest.RunSpec{JobID: 102})
	o := invoke(t, c.env, "runs", "logs", id(run)).want(t, exitSuccess)
	if n := strings.Count(o.stdout, "\n== "); n != 1 || strings.ContainsAny(o.stdout, "\x1b\u202e") || !strings.Contains(o.stdout, "\nab") {
		t.Errorf("stdout %q", o.stdout)
	}
}

// TestLogsCommandNoService: neither a CI service is told anything, nor the token.
func TestLogsCommandNoService(t *testing.T) {
	t.Parallel()
	const text = "cloned with " + dbtcloudtest.DefaultToken + "\n::error::a\n\u00a0 ::add-mask::b\nc ##vso[task.complete]d ##[group]e\r::set-output::f\n"
	c := newHouse(t, dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome {
		return dbtcloudtest.Outcome{Steps: []dbtcloudtest.Step{{Name: "One ##vso[x]", Logs: text, DebugLogs: text}, {Name: "::Two"}}}
	}))
	run := c.AddRun(dbtcloudtest.RunSpec{JobID: 102})
	const want = "cloned with [redacted]\n: :error::a\n\u00a0 : :add-mask::b\nc # #vso[task.complete]d # #[group]e\n: :set-output::f\n"
	tests := []struct{ args, want string }{
		{"", "== 1. One # #vso[x] (Success)\n" + want + "== 2. ::Two (Success)\n"},
		{"--step=1", want}, {"--step=1 --debug", want},
	}
	for _, test := range tests {
		o := invoke(t, c.env, append([]string{"runs", "logs", id(run)}, strings.Fields(test.args)...)...).want(t, exitSuccess)
		if diff := cmp.Diff(test.want, o.stdout); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.args, diff)
		}
	}
	o := invoke(t, c.env, "runs", "logs", id(run), "--debug", "--output=json").want(t, exitSuccess)
	var steps []map[string]any
	if err := json.Unmarshal([]byte(o.stdout), &steps); err != nil || steps[0]["logs"] != strings.ReplaceAll(text, dbtcloudtest.DefaultToken, "[redacted]") {
		t.Errorf("steps %v, %v", steps, err)
	}
	if command := commandOfService.FindString(o.stdout); command != "" || strings.Contains(o.stdout, dbtcloudtest.DefaultToken) {
		t.Errorf("%q, or the token, in %q", command, o.stdout)
	}
}

func TestRunsLogs(t *testing.T) {
	t.Parallel()
	c := newHouse(t, dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome {
		return dbtcloudtest.Outcome{Status: dbtcloudtest.Error, Steps: []dbtcloudtest.Step{
			{Name: "Clone", Logs: "cloned\r\n\n", DebugLogs: "all about it\n"},
			{Name: "Build", Logs: "\x1b[32mOK\x1b[0m orders\x1b]0;title\x07\n", DebugLogs: strings.Repeat("line\n", 1500)},
		}}
	}))
	run := c.AddRun(dbtcloudtest.RunSpec{JobID: 102})
	tests := []struct{ args, want string }{
		{"", "== 1. Clone (Success)\ncloned\n== 2. Build (Error)\nOK orders\n"},
		{"--step=1", "cloned\n"},
		{"--step 2", "OK orders\n"},
		{"--step 2 --debug", strings.Repeat("line\n", 1500)},
	}
	for _, test := range tests {
		o := invoke(t, c.env, append([]string{"runs", "logs", id(run)}, strings.Fields(test.args)...)...).want(t, exitSuccess)
		if diff := cmp.Diff(test.want, o.stdout); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.args, diff)
		}
	}
	var steps []map[string]any
	o := invoke(t, c.env, "runs", "logs", id(run), "--step=2", "--output=json").want(t, exitSuccess)
	if err := json.Unmarshal([]byte(o.stdout), &steps); err != nil || len(steps) != 1 || steps[0]["name"] != "Build" || steps[0]["run_step_command"] == nil {
		t.Errorf("steps %v, %v", steps, err)
	}
	if o := invoke(t, c.env, "runs", "logs", id(run), "--step=3").want(t, exitBadInput); !strings.Contains(o.stderr, "has no step 3: it has begun 2") {
		t.Errorf("stderr %q", o.stderr)
	}
}

// finished is a run that has ended, with artifacts.
func finished(c *cloud, artifacts ...dbtcloudtest.Artifact) int64 {
	run := c.AddRun(dbtcloudtest.RunSpec{JobID: c.job})
	c.AddArtifacts(run, artifacts...)
	c.FinishRun(run, dbtcloudtest.Success)
	return run
}

func TestRunsArtifacts(t *testing.T) {
	t.Parallel()
	c := newCloud(t, 0)
	run := finished(c, dbtcloudtest.Artifact{Path: "manifest.json", Data: []byte(`{"last":1}`)}, dbtcloudtest.Artifact{Path: "manifest.json", Step: 2, Data: []byte(`{"second":1}`)},
		dbtcloudtest.Artifact{Path: "compiled/a b/x.sql", Data: []byte("select 1\x00")})
	tests := []struct {
		args []string
		want string
	}{
		{nil, "compiled/a b/x.sql\nmanifest.json\n"},
		{[]string{"--output=json"}, `["compiled/a b/x.sql","manifest.json"]` + "\n"},
		{[]string{"manifest.json"}, `{"last":1}`},
		{[]string{"manifest.json", "-o", "-"}, `{"last":1}`},
		{[]string{"manifest.json", "--step=2"}, `{"second":1}`},
		{[]string{"compiled/a b/x.sql", "--output=json"}, "select 1\x00"},
	}
	for _, test := range tests {
		o := invoke(t, c.env, append([]string{"runs", "artifacts", id(run)}, test.args...)...).want(t, exitSuccess)
		if o.stdout != test.want || o.stderr != "" {
			t.Errorf("%v: stdout %q, stderr %q, want %q", test.args, o.stdout, o.stderr, test.want)
		}
	}
	none := finished(c)
	if o := invoke(t, c.env, "runs", "artifacts", id(none), "--output=json").want(t, exitSuccess); o.stdout != "[]\n" || o.stderr != "run "+id(none)+" has no artifacts\n" {
		t.Errorf("no artifacts: stdout %q, stderr %q", o.stdout, o.stderr)
	}
	o := invoke(t, c.env, "runs", "artifacts", id(run), "manifset.json").want(t, exitRefused)
	if !strings.Contains(o.stderr, `did you mean "manifest.json"?`) || o.stdout != "" {
		t.Errorf("stderr %q", o.stderr)
	}
}

// TestArtifactPathsAreHarmless: whoever writes artifacts does not steer the terminal of who lists them.
func TestArtifactPathsAreHarmless(t *testing.T) {
	t.Parallel()
	c := newCloud(t, 0)
	run := finished(c, dbtcloudtest.Artifact{Path: "a\x1b[2J\nb.json"})
	if o := invoke(t, c.env, "runs", "artifacts", id(run)).want(t, exitSuccess); o.stdout != "a b.json\n" {
		t.Errorf("stdout %q", o.stdout)
	}
	if o := invoke(t, c.env, "runs", "artifacts", id(run), "--output=json").want(t, exitSuccess); o.stdout != `["a\u001b[2J\nb.json"]`+"\n" {
		t.Errorf("stdout %q", o.stdout)
	}
}

// TestArtifactToAFile: the file is there when all of it is, and nothing else is left in its directory.
func TestArtifactToAFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := newCloud(t, 0)
	run := finished(c, dbtcloudtest.Artifact{Path: "manifest.json", Data: []byte(`{"new":1}`)})
	put := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	old, kept, link := put("old.json", "old"), put("kept.json", "kept"), filepath.Join(dir, "link.json")
	if err := os.Symlink(old, link); err != nil {
		t.Fatal(err)
	}
	fresh := filepath.Join(dir, "fresh.json")
	download := func(to string) outcome {
		return invoke(t, c.env, "runs", "artifacts", id(run), "manifest.json", "--to", to)
	}
	for _, to := range []string{fresh, link} {
		if o := download(to).want(t, exitSuccess); o.stdout != "" || o.stderr != "wrote "+to+": 9 bytes\n" {
			t.Errorf("stdout %q, stderr %q", o.stdout, o.stderr)
		}
	}
	c.Inject(dbtcloudtest.Fault{Route: "/api/v2/accounts/{account}/runs/{id}/artifacts/{path...}", Kind: dbtcloudtest.Truncated()})
	for _, to := range []string{kept, filepath.Join(dir, "half.json")} {
		if o := download(to).want(t, exitRefused); !strings.Contains(o.stderr, "writing "+to+": ") {
			t.Errorf("stderr %q", o.stderr)
		}
	}
	c.ClearFaults()
	download(filepath.Join(dir, "no", "such", "directory")).want(t, exitRefused)
	if o := download(dir).want(t, exitBadInput); !strings.Contains(o.stderr, "--to: "+dir+" is a directory") {
		t.Errorf("stderr %q", o.stderr)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		got[entry.Name()] = string(text)
	}
	want := map[string]string{"old.json": `{"new":1}`, "link.json": `{"new":1}`, "fresh.json": `{"new":1}`, "kept.json": "kept"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if info, err := os.Stat(old); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file that was replaced is %v now, %v", info.Mode(), err)
	}
	if target, err := os.Readlink(link); err != nil || target != old {
		t.Errorf("the link leads to %q, %v", target, err)
	}
}

// TestLargeArtifact: what does not fit into memory at once comes through.
func TestLargeArtifact(t *testing.T) {
	t.Parallel()
	const size = 32 << 20
	c := newCloud(t, 0)
	run := finished(c, dbtcloudtest.Artifact{Path: "manifest.json", Size: size, Open: func() io.Reader { return io.LimitReader(zeros{}, size) }})
	to := filepath.Join(t.TempDir(), "manifest.json")
	invoke(t, c.env, "runs", "artifacts", id(run), "manifest.json", "-o", to).want(t, exitSuccess)
	if info, err := os.Stat(to); err != nil || info.Size() != size {
		t.Errorf("%v, %v", info, err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestGoneReader: who reads only the head of an output is no failure, but the disk that is full is one.
func TestGoneReader(t *testing.T) {
	t.Parallel()
	c := newHouse(t)
	run := finished(c, dbtcloudtest.Artifact{Path: "x.txt", Data: []byte("x")})
	tests := []struct {
		args []string
		err  error
		want int
	}{
		{[]string{"runs", "logs", id(run)}, syscall.EPIPE, exitSuccess},
		{[]string{"runs", "list"}, syscall.EPIPE, exitSuccess},
		{[]string{"runs", "artifacts", id(run)}, syscall.EPIPE, exitSuccess},
		{[]string{"runs", "artifacts", id(run), "x.txt"}, syscall.EPIPE, exitSuccess},
		{[]string{"jobs", "get", "101"}, syscall.EPIPE, exitSuccess},
		{[]string{"jobs", "list"}, errors.New("disk full"), exitRefused},
		{[]string{"runs", "artifacts", id(run), "x.txt"}, errors.New("disk full"), exitRefused},
		{[]string{"jobs", "update", "101", "--name=x"}, syscall.EPIPE, exitRefused},
	}
	for _, test := range tests {
		a := app{
			getenv: func(name string) string { return c.env[name] }, stdin: strings.NewReader(""), stdout: failing{&os.PathError{Op: "write", Path: "/dev/stdout", Err: test.err}}, stderr: io.Discard,
			options: []dbtcloud.Option{dbtcloud.WithRetry(dbtcloud.Retry{Attempts: 1})},
		}
		if status := a.run(t.Context(), test.args); status != test.want {
			t.Errorf("%v, %v: exit status %d, want %d", test.args, test.err, status, test.want)
		}
	}
}

// failing is an output that cannot be written.
type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
