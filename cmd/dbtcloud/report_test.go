package main

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slimci/dbtcloud/dbtcloudtest"
	"github.com/slimci/dbtcloud/report"
)

const runResults = `{"metadata":{"dbt_schema_version":"https://schemas.getdbt.com/dbt/run-results/v6.json","invocation_id":"one"},"results":[
	{"unique_id":"model.shop.orders","status":"success","execution_time":1},
	{"unique_id":"test.shop.unique_id.ab","status":"STATUS","failures":3,"execution_time":1,"message":"Got 3 results\n::error::x ##vso[task.complete]"}]}`

// green and red are the outcomes of runs in which dbt built something.
func green() dbtcloudtest.Outcome { return buildsOf(dbtcloudtest.Success, "pass") }

func red() dbtcloudtest.Outcome { return buildsOf(dbtcloudtest.Error, "fail") }

func buildsOf(status dbtcloudtest.RunStatus, test string) dbtcloudtest.Outcome {
	return dbtcloudtest.Outcome{
		Status: status, Steps: []dbtcloudtest.Step{{Name: "Invoke dbt with `dbt build`", Logs: "log in with " + dbtcloudtest.DefaultToken + "\nDone. PASS=1"}},
		Artifacts: []dbtcloudtest.Artifact{
			{Path: "run_results.json", Data: []byte(strings.ReplaceAll(runResults, "STATUS", test))},
			{Path: "manifest.json", Data: []byte(`{"metadata":{"dbt_schema_version":"https://schemas.getdbt.com/dbt/manifest/v12.json"}}`)},
		},
	}
}

// reportFiles are the flags for files in a directory that is not there yet.
func reportFiles(dir string) []string {
	return []string{"--junit=" + dir + "/a/junit.xml", "--code-quality=" + dir + "/a/quality.json", "--markdown=" + dir + "/dbt.md", "--digest=" + dir + "/dbt.json"}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestReportFiles: every command that waits writes them, of a green run and of a red one,
// and neither its exit status nor its stdout is another than without.
func TestReportFiles(t *testing.T) {
	t.Parallel()
	commands := map[string]func(c *cloud) []string{
		"ci run":       func(*cloud) []string { return []string{"ci", "run", "--report=off"} },
		"autoscale-ci": func(*cloud) []string { return []string{"autoscale-ci", "--pull-request=7", "--sha=" + sha1} },
		"jobs trigger": func(c *cloud) []string { return []string{"jobs", "trigger", id(c.job), "--wait"} },
		"jobs deploy":  func(c *cloud) []string { return []string{"jobs", "deploy", id(c.job), "--sha=" + sha1} },
		"runs wait": func(c *cloud) []string {
			return []string{"runs", "wait", id(c.AddRun(dbtcloudtest.RunSpec{JobID: c.job, SHA: sha1}))}
		},
	}
	for name, command := range commands {
		for status, outcome := range map[int]dbtcloudtest.Outcome{exitSuccess: green(), exitRunFailed: red()} {
			t.Run(fmt.Sprint(name, " ", status), func(t *testing.T) {
				t.Parallel()
				c, dir := inPipeline(t, "gitlab/pull_request", outcome), t.TempDir()
				args := append(command(c), "--poll-interval=100ms")
				without := invoke(t, c.env, args...).want(t, status)
				first := c.Runs()[0].ID
				if name != "runs wait" {
					args = append(command(c), "--poll-interval=100ms")
				}
				with := invoke(t, c.env, append(args, reportFiles(dir)...)...).want(t, status)
				runs := c.Runs()
				last := runs[len(runs)-1].ID
				if strings.ReplaceAll(without.stdout, id(first), id(last)) != with.stdout || steady(strings.ReplaceAll(without.stderr, id(first), id(last))) != steady(with.stderr) {
					t.Errorf("without: %s\n%s\nwith: %s\n%s", without.stdout, without.stderr, with.stdout, with.stderr)
				}
				checkReportFiles(t, dir, last, status == exitSuccess)
			})
		}
	}
}

func checkReportFiles(t *testing.T, dir string, run int64, succeeded bool) {
	t.Helper()
	var d report.Digest
	if err := json.Unmarshal([]byte(readFile(t, dir+"/dbt.json")), &d); err != nil || d.Run.ID != run || d.Run.Succeeded() != succeeded || d.Counts.Nodes != 2 {
		t.Errorf("digest %+v, %v", d, err)
	}
	var suites struct {
		Failures int `xml:"failures,attr"`
	}
	if err := xml.Unmarshal([]byte(readFile(t, dir+"/a/junit.xml")), &suites); err != nil || (suites.Failures == 0) != succeeded {
		t.Errorf("JUnit %+v, %v", suites, err)
	}
	var quality []any
	if err := json.Unmarshal([]byte(readFile(t, dir+"/a/quality.json")), &quality); err != nil || (len(quality) == 0) != succeeded {
		t.Errorf("code quality %v, %v", quality, err)
	}
	if text := readFile(t, dir+"/dbt.md"); !strings.Contains(text, id(run)) {
		t.Errorf("Markdown %s", text)
	}
}

// TestReportPlaces: what each provider is shown, and what stderr says.
func TestReportPlaces(t *testing.T) {
	t.Parallel()
	const digest, annotation, issue = "\nfailed: test unique_id, 3 rows\n", "\n::error title=dbt test unique_id::Got 3 results%0A::error::x ##vso[task.complete]\n", "\n##vso[task.logissue type=error;]dbt test unique_id: "
	tests := []struct {
		fixture string
		outcome dbtcloudtest.Outcome
		args    string
		status  int
		has     []string // on stderr
		not     []string
		files   string // what the pipeline was shown in
	}{
		{"github/pull_request", red(), "", exitRunFailed, []string{digest, annotation}, []string{"report: "}, "output summary.md"},
		{"github/pull_request", red(), "--report=off", exitRunFailed, nil, []string{digest, "::error", "report: "}, ""},
		{"github/pull_request", green(), "", exitSuccess, nil, []string{"unique_id", "::error", "report: "}, "output summary.md"},
		{"azure/pull_request", red(), "", exitRunFailed, []string{digest, issue, "##vso[task.uploadsummary]"}, []string{"::error title", "report: "}, "dbt run RUN.md"},
		{"gitlab/pull_request", red(), "", exitRunFailed, []string{digest}, []string{"::error title", "##vso", "report: "}, ""},
		{"gitlab/pull_request", green(), "", exitSuccess, nil, []string{"unique_id", "report: "}, ""},
		{"", red(), "--pull-request=7 --sha=" + sha1, exitRunFailed, []string{digest}, []string{"report: "}, ""},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.fixture, test.status, test.args), func(t *testing.T) {
			t.Parallel()
			c := inPipeline(t, test.fixture, test.outcome)
			o := c.ciRun(t, strings.Fields(test.args)...).want(t, test.status)
			for _, text := range test.has {
				if !strings.Contains(o.stderr, text) {
					t.Errorf("stderr lacks %q:\n%s", text, o.stderr)
				}
			}
			for _, text := range test.not {
				if strings.Contains(o.stderr, text) {
					t.Errorf("stderr has %q:\n%s", text, o.stderr)
				}
			}
			written, err := filepath.Glob(c.env["AGENT_TEMPDIRECTORY"] + "/*")
			for i := range written {
				written[i] = strings.ReplaceAll(filepath.Base(written[i]), id(c.Runs()[0].ID), "RUN")
			}
			if diff := cmp.Diff(test.files, strings.Join(written, " ")); diff != "" || err != nil {
				t.Errorf("files (-want +got):\n%s%v", diff, err)
			}
		})
	}
}

// TestReportIsMasked: a token that a step printed is nowhere.
func TestReportIsMasked(t *testing.T) {
	t.Parallel()
	outcome := red()
	outcome.Artifacts = nil
	outcome.Steps[0].Logs = "log in with " + dbtcloudtest.DefaultToken
	c, dir := inPipeline(t, "github/pull_request", outcome), t.TempDir()
	o := c.ciRun(t, reportFiles(dir)...).want(t, exitRunFailed)
	texts := map[string]string{"stderr": o.stderr, "stdout": o.stdout, "runs report": invoke(t, c.env, "runs", "report", id(c.Runs()[0].ID)).want(t, exitSuccess).stdout}
	for _, name := range []string{dir + "/dbt.json", dir + "/dbt.md", dir + "/a/junit.xml", dir + "/a/quality.json", c.env["GITHUB_STEP_SUMMARY"]} {
		texts[name] = readFile(t, name)
	}
	for name, text := range texts {
		if strings.Contains(text, dbtcloudtest.DefaultToken) {
			t.Errorf("%s has the token: %s", name, text)
		}
	}
	if !strings.Contains(o.stderr, "  | log in with [redacted]\n") {
		t.Errorf("stderr %s", o.stderr)
	}
}

// TestReportFailures: what goes wrong is told in one line each, and the run's outcome stays.
func TestReportFailures(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		set  func(t *testing.T, c *cloud)
		make func(o *dbtcloudtest.Outcome)
		args string
		want []string // lines of stderr
	}{
		{name: "no artifacts", make: func(o *dbtcloudtest.Outcome) { o.Artifacts, o.Steps[0].Logs = nil, "" }, args: "--report=off --digest=DIR/d.json",
			want: []string{"report: step 1 (Invoke dbt with `dbt build`) left no run_results.json"}},
		{name: "unknown version", make: func(o *dbtcloudtest.Outcome) {
			o.Artifacts[0].Data = []byte(strings.ReplaceAll(runResults, "v6.json", "v99.json"))
		}, args: "--report=off --digest=DIR/d.json", want: []string{"report: run_results.json of step 1 (Invoke dbt with `dbt build`): "}},
		{name: "broken artifact", make: func(o *dbtcloudtest.Outcome) { o.Artifacts[0].Data = []byte(`{"metadata":`) },
			args: "--report=off --digest=DIR/d.json", want: []string{"report: run_results.json of step 1 (Invoke dbt with `dbt build`): "}},
		{name: "files", args: "--report=off --junit=DIR/file/a --markdown=DIR/file/b", want: []string{"report: feedback: writing DIR/file/a: ", "report: feedback: writing DIR/file/b: "}},
		{name: "no summary", set: func(_ *testing.T, c *cloud) { delete(c.env, "GITHUB_STEP_SUMMARY") },
			want: []string{"report: feedback: the file that GITHUB_STEP_SUMMARY names: the variable is not set"}},
		{name: "no token", args: "--comment --commit-status", want: []string{"report: feedback: no access to the git host: there is no token for GitHub: set GITHUB_TOKEN to one with "}},
	}
	for _, test := range tests {
		for status, outcome := range map[int]dbtcloudtest.Outcome{exitSuccess: green(), exitRunFailed: red()} {
			t.Run(fmt.Sprint(test.name, status), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				if err := os.WriteFile(dir+"/file", nil, 0o600); err != nil {
					t.Fatal(err)
				}
				if test.make != nil {
					test.make(&outcome)
				}
				c := inPipeline(t, "github/pull_request", outcome)
				if test.set != nil {
					test.set(t, c)
				}
				o := c.ciRun(t, strings.Fields(strings.ReplaceAll(test.args, "DIR", dir))...).want(t, status)
				var told []string
				for line := range strings.Lines(o.stderr) {
					if strings.HasPrefix(line, "report: ") {
						told = append(told, strings.ReplaceAll(line, dir, "DIR"))
					}
				}
				if len(told) != len(test.want) {
					t.Fatalf("told %q, want %q\n%s", told, test.want, o.stderr)
				}
				for i := range told {
					if !strings.HasPrefix(told[i], test.want[i]) {
						t.Errorf("told %q, want %q", told[i], test.want[i])
					}
				}
			})
		}
	}
}

func TestReportBadInput(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"ci", "run", "--junit="}, `--junit" flag: is empty: is the variable set`},
		{[]string{"ci", "run", "--markdown=" + dir}, "--markdown: " + dir + " is a directory: give the name of a file"},
		{[]string{"ci", "run", "--junit=a.xml", "--digest=./a.xml"}, "--junit and --digest: are the same file, ./a.xml"},
		{[]string{"ci", "run", "--digest", "-"}, "--digest: stdout has the result: give the name of a file"},
		{[]string{"ci", "run", "--no-wait", "--junit=a.xml"}, "a report: needs a run that is waited for: give --wait too"},
		{[]string{"ci", "run", "--no-wait", "--comment"}, "a report: needs a run that is waited for"},
		{[]string{"ci", "run", "--no-wait", "--commit-status"}, "a report: needs a run that is waited for"},
		{[]string{"ci", "run", "--report=on"}, `--report" flag: must be one of auto, off`},
		{[]string{"autoscale-ci", "--pull-request=7", "--sha=" + sha1, "--no-wait", "--digest=a.xml"}, "a report: needs"},
		{[]string{"autoscale-ci", "--pull-request=7", "--sha=" + sha1, "--report=auto"}, "unknown flag --report"},
		{[]string{"jobs", "trigger", "5", "--digest=a.xml"}, "a report: needs"},
		{[]string{"jobs", "deploy", "5", "--sha=" + sha1, "--no-wait", "--digest=a.xml"}, "a report: needs"},
		{[]string{"runs", "wait", "5", "--code-quality=" + dir}, "--code-quality: " + dir + " is a directory"},
	}
	for _, test := range tests {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			t.Parallel()
			c := inPipeline(t, "github/pull_request", green())
			o := invoke(t, c.env, test.args...).want(t, exitBadInput)
			if !strings.Contains(o.stderr, test.want) || strings.Count(o.stderr, "\n") != 1 || o.stdout != "" || len(c.Requests()) > 0 {
				t.Errorf("stdout %q, %d requests, stderr %q, want one line with %q", o.stdout, len(c.Requests()), o.stderr, test.want)
			}
		})
	}
}

// TestReportIntoADevice: what is no plain file may be given twice.
func TestReportIntoADevice(t *testing.T) {
	t.Parallel()
	c := inPipeline(t, "gitlab/pull_request", green())
	if o := c.ciRun(t, "--junit="+os.DevNull, "--digest="+os.DevNull).want(t, exitSuccess); strings.Contains(o.stderr, "report: ") {
		t.Errorf("stderr %s", o.stderr)
	}
}

// codeHost is a GitHub that takes statuses and comments.
type codeHost struct {
	mu       sync.Mutex
	statuses []map[string]any
	comments []string
	status   int // to answer with; 0: as it should be
}

func (h *codeHost) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	raw, _ := io.ReadAll(r.Body)
	var body map[string]any
	_ = json.Unmarshal(raw, &body) // a GET has none
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.Header.Get("Authorization") != "Bearer ghs_token":
		w.WriteHeader(http.StatusUnauthorized)
	case h.status != 0:
		w.WriteHeader(h.status)
	case r.URL.Path == "/user":
		w.WriteHeader(http.StatusForbidden)
	case r.Method == http.MethodGet:
		_, _ = io.WriteString(w, "[]")
	case strings.HasPrefix(r.URL.Path, "/repos/acme/analytics/statuses/"):
		body["sha"] = filepath.Base(r.URL.Path)
		h.statuses = append(h.statuses, body)
		_, _ = io.WriteString(w, "{}")
	default:
		text, _ := body["body"].(string)
		h.comments = append(h.comments, r.URL.Path+" "+text)
		_, _ = io.WriteString(w, "{}")
	}
}

// seen is what has arrived.
func (h *codeHost) seen() (statuses []map[string]any, comments []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.statuses), slices.Clone(h.comments)
}

// onGitHub is a cloud in a pipeline whose host it is.
func onGitHub(t *testing.T, outcome dbtcloudtest.Outcome) (*cloud, *codeHost) {
	t.Helper()
	h := &codeHost{}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c := inPipeline(t, "github/pull_request", outcome)
	maps.Copy(c.env, map[string]string{"GITHUB_TOKEN": "ghs_token", "GITHUB_API_URL": s.URL})
	return c, h
}

func TestReportToTheHost(t *testing.T) {
	t.Parallel()
	for state, outcome := range map[string]dbtcloudtest.Outcome{"success": green(), "failure": red(), "error": {Status: dbtcloudtest.Cancelled}} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			c, h := onGitHub(t, outcome)
			status := map[string]int{"success": exitSuccess, "failure": exitRunFailed, "error": exitCancelled}[state]
			o := c.ciRun(t, "--commit-status", "--comment").want(t, status)
			statuses, comments := h.seen()
			if len(statuses) != 1 || len(comments) != 1 || strings.Contains(o.stderr, "report: ") {
				t.Fatalf("%d statuses and %d comments\n%s", len(statuses), len(comments), o.stderr)
			}
			if s := statuses[0]; s["state"] != state || s["sha"] != headSHA || s["context"] != "dbtcloud/"+id(c.job) {
				t.Errorf("status %v", s)
			}
			if want := "/repos/acme/analytics/issues/42/comments <!-- dbtcloud job-" + id(c.job) + " -->\n"; !strings.HasPrefix(comments[0], want) {
				t.Errorf("comment %q, want %q in front", comments[0], want)
			}
		})
	}
}

// TestReportOfASupersededChange: its status says so, and the comment is left to the newer change.
func TestReportOfASupersededChange(t *testing.T) {
	t.Parallel()
	c, h := onGitHub(t, dbtcloudtest.Outcome{Duration: -1})
	dir := t.TempDir()
	older := make(chan outcome)
	go func() {
		older <- c.ciRun(t, append(reportFiles(dir), "--commit-status", "--comment", "--sequence=5")...)
	}()
	await(t, "the older change runs", func() bool { return len(c.Runs()) == 1 })
	c.AddRun(dbtcloudtest.RunSpec{JobID: c.job, PullRequest: dbtcloudtest.PullRequest{Host: dbtcloudtest.GitHub, Number: 42}, SHA: sha3}) // newer
	c.FinishRun(c.Runs()[0].ID, dbtcloudtest.Cancelled)
	o := (<-older).want(t, exitCancelled)
	if statuses, comments := h.seen(); len(comments) != 0 || len(statuses) != 1 || statuses[0]["state"] != "error" {
		t.Errorf("comments %q, statuses %v", comments, statuses)
	}
	var d report.Digest
	if err := json.Unmarshal([]byte(readFile(t, dir+"/dbt.json")), &d); err != nil || len(d.Notes) == 0 || !strings.Contains(d.Notes[0], "newer") {
		t.Errorf("notes %q, %v", d.Notes, err)
	}
	if !strings.Contains(o.stderr, "\nnote: ") || !strings.Contains(o.stderr, ": Cancelled\n") {
		t.Errorf("stderr %s", o.stderr)
	}
	// One that never had a run has nothing to report.
	c.ciRun(t, "--sha="+sha1, "--sequence=6", "--no-wait").want(t, exitSuccess)
	before := len(c.Runs())
	o = c.ciRun(t, "--commit-status", "--comment", "--sequence=4", "--junit="+dir+"/none.xml").want(t, exitCancelled)
	statuses, _ := h.seen()
	if _, err := os.Stat(dir + "/none.xml"); err == nil || len(c.Runs()) != before || len(statuses) != 1 || strings.Contains(o.stderr, "report: ") {
		t.Errorf("%d runs, %d statuses, stderr %s", len(c.Runs()), len(statuses), o.stderr)
	}
}

func TestReportHostRefuses(t *testing.T) {
	t.Parallel()
	c, h := onGitHub(t, green())
	h.status = http.StatusNotFound
	o := c.ciRun(t, "--commit-status", "--comment").want(t, exitSuccess)
	if n := strings.Count(o.stderr, "\nreport: "); n != 2 || strings.Contains(o.stderr, "ghs_token") {
		t.Errorf("%d lines in %s", n, o.stderr)
	}
}

// TestReportHasAnEnd: an API that hangs holds a pipeline up for a minute at most, and an
// interrupted command not at all.
func TestReportHasAnEnd(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		interrupt time.Duration // after the end of the run was seen; 0: never
		most      time.Duration
	}{"patience": {0, 61 * time.Second}, "interrupt": {5 * time.Second, 6 * time.Second}}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				s, job := logged(dbtcloudtest.Error, red().Steps...)
				s.Inject(dbtcloudtest.Fault{Kind: dbtcloudtest.Hang(), Match: func(r dbtcloudtest.Request) bool { return strings.Contains(r.Query, "run_steps") }})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if test.interrupt > 0 {
					time.AfterFunc(time.Minute+10*time.Second+test.interrupt, cancel)
				}
				run := s.AddRun(dbtcloudtest.RunSpec{JobID: job})
				begun := time.Now()
				o := invokeIn(ctx, s, "runs", "wait", id(run), "--junit="+dir+"/a.xml").want(t, exitRunFailed)
				if took := time.Since(begun) - time.Minute; took > 10*time.Second+test.most {
					t.Errorf("it took %s after the end of the run", took)
				}
				if !strings.Contains(o.stderr, "\nreport: ") {
					t.Errorf("stderr %s", o.stderr)
				}
			})
		})
	}
}

// TestReportAfterTheDeadline: a run that was cancelled is reported, one that goes on is not.
func TestReportAfterTheDeadline(t *testing.T) {
	t.Parallel()
	for leave, want := range map[string]string{"cancel": "the deadline of --timeout passed: ", "detach": ""} {
		t.Run(leave, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				s := dbtcloudtest.New(dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome { return dbtcloudtest.Outcome{Duration: -1} }))
				job := s.AddJob(dbtcloudtest.JobSpec{Name: "Slim CI"})
				o := invokeIn(t.Context(), s, "ci", "run", "--job-id="+id(job), "--pull-request=7", "--sha="+sha1, "--timeout=5m", "--on-interrupt="+leave,
					"--digest="+dir+"/dbt.json").want(t, exitDeadline)
				if want == "" {
					if _, err := os.Stat(dir + "/dbt.json"); err == nil || !strings.Contains(o.stderr, "\nreport: run "+id(s.Runs()[0].ID)+" has not ended: ") {
						t.Errorf("stderr %s", o.stderr)
					}
					return
				}
				var d report.Digest
				if err := json.Unmarshal([]byte(readFile(t, dir+"/dbt.json")), &d); err != nil || d.Run.Status != "Cancelled" || !strings.HasPrefix(d.Notes[0], want) {
					t.Errorf("digest %+v, %v", d, err)
				}
			})
		})
	}
}

// TestReportOfADeployment: a merge is reported where the provider shows it, as a pull request is.
func TestReportOfADeployment(t *testing.T) {
	t.Parallel()
	for _, of := range []string{"auto", "off"} {
		t.Run(of, func(t *testing.T) {
			t.Parallel()
			c := inPipeline(t, "github/push", red())
			o := invoke(t, c.env, "jobs", "deploy", id(c.job), "--poll-interval=100ms", "--report="+of).want(t, exitRunFailed)
			if annotated := strings.Contains(o.stderr, "\n::error "); annotated != (of == "auto") {
				t.Errorf("annotated: %t\n%s", annotated, o.stderr)
			}
			summary, err := os.ReadFile(c.env["GITHUB_STEP_SUMMARY"])
			if shown := err == nil && len(summary) > 0; shown != (of == "auto") {
				t.Errorf("summary %q, %v", summary, err)
			}
		})
	}
}
