package pipelines

import (
	"bytes"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

const (
	head  = "8f2c4e6a0b1d3f5a7c9e8d6b4a2f0e1c3d5b7a90" // of the fixtures
	older = "1111111111111111111111111111111111111111"
	newer = "9999999999999999999999999999999999999999"
)

// play is something that happens to a pipeline.
type play struct {
	name   string
	event  string                                       // the fixture
	job    string                                       // which one, where the event starts several
	goes   func(dbtcloudtest.Run) dbtcloudtest.Outcome  // how runs go
	act    func(t *testing.T, w *world, j job) *running // what is done with the job that the event starts; nil: nothing
	status int                                          // of the job
	check  func(t *testing.T, w *world)                 // what dbt Cloud must have come to; the golden file has the rest
	loose  bool                                         // what it prints depends on who is quicker: no golden file
}

// plays are what every provider is put through.
func plays() []play {
	return []play{
		{name: "green", event: "pull_request", goes: ends(dbtcloudtest.Success), check: one(dbtcloudtest.Success)},
		{name: "red", event: "pull_request", goes: ends(dbtcloudtest.Error), status: 1, check: one(dbtcloudtest.Error)},
		{name: "cancelled", event: "pull_request", goes: lasts, act: cancelInDbtCloud, status: 3, check: one(dbtcloudtest.Cancelled)},
		{name: "superseded", event: "pull_request", goes: lasts, act: supersede, status: 3, check: superseded},
		{name: "stopped", event: "pull_request", goes: lasts, act: stop, status: anyFailure, check: stopped},
		{name: "replaced", event: "pull_request", goes: lasts, act: replace, status: anyFailure, check: superseded, loose: true},
		{name: "closed", event: "closed", job: "close", goes: lasts, act: closePullRequest, check: closed},
		{name: "merged", event: "push", job: "deploy", goes: ends(dbtcloudtest.Success), check: deployed},
		{name: "coalesced", event: "push", job: "deploy", goes: lasts, act: coalesce, status: 3, check: coalesced},
		{name: "hostile", event: "pull_request", goes: ends(dbtcloudtest.Success), act: nameHostile, check: unharmed},
		{name: "tampered", event: "pull_request", goes: ends(dbtcloudtest.Success), act: tamper, status: 1, check: nothingAsked},
		{name: "unpinned", event: "pull_request", goes: ends(dbtcloudtest.Success), act: unpin, status: 1, check: nothingAsked},
	}
}

// anyFailure stands for the status of a job that was stopped, which nobody looks at.
const anyFailure = -1

func (c play) play(t *testing.T, w *world) {
	t.Helper()
	j := w.job(t, c.job)
	var r *running
	if c.act != nil {
		r = c.act(t, w, j)
	} else {
		r = w.start(t, j).finish()
	}
	if r.status != c.status && (c.status != anyFailure || r.status == 0) {
		t.Errorf("exit status %d, want %d; log:\n%s", r.status, c.status, r.log.String())
	}
	c.check(t, w)
	if story := r.story(t); !c.loose {
		golden(t, filepath.Join("testdata", "golden", or(w.golden, w.name), c.name+".txt"), story)
	}
}

// ends is that every run ends at once, with what dbt leaves behind.
func ends(status dbtcloudtest.RunStatus) func(dbtcloudtest.Run) dbtcloudtest.Outcome {
	outcome := dbtcloudtest.Outcome{Status: status, Steps: []dbtcloudtest.Step{
		{Name: "Clone git repository"}, {Name: "Invoke dbt with `dbt deps`"}, {Name: "Invoke dbt with `dbt build --select state:modified+`", Logs: "Done.\n"},
	}}
	return func(dbtcloudtest.Run) dbtcloudtest.Outcome {
		for _, name := range []string{"manifest.json", "run_results.json"} {
			if raw, err := os.ReadFile(filepath.Join("testdata", "runs", status.String(), name)); err == nil {
				outcome.Artifacts = append(outcome.Artifacts, dbtcloudtest.Artifact{Path: name, Data: raw})
			}
		}
		return outcome
	}
}

// lasts is that every run lasts until it is cancelled.
func lasts(dbtcloudtest.Run) dbtcloudtest.Outcome { return dbtcloudtest.Outcome{Duration: -1} }

// What the log says of the run that a pipeline follows.
const (
	itRuns  = ": Running\n"
	itWaits = ": Queued\n"
)

// of are the runs of a commit.
func (w *world) of(sha string) []dbtcloudtest.Run {
	var runs []dbtcloudtest.Run
	for _, run := range w.cloud.Runs() {
		if run.SHA == sha {
			runs = append(runs, run)
		}
	}
	return runs
}

// cancelInDbtCloud has a person cancel the run.
func cancelInDbtCloud(t *testing.T, w *world, j job) *running {
	t.Helper()
	r := w.start(t, j)
	await(t, "the run runs", r.says(itRuns))
	w.cloud.CancelRun(w.of(head)[0].ID, "Ada", "")
	return r.finish()
}

// supersede has a newer commit arrive. The older pipeline does not look while its run is cancelled and the newer one is not there
// yet: it could not say why.
func supersede(t *testing.T, w *world, j job) *running {
	t.Helper()
	r := w.start(t, j)
	await(t, "the run runs", r.says(itRuns))
	r.signal(t, syscall.SIGSTOP)
	w.testNewer(t, func() {
		r.signal(t, syscall.SIGCONT)
		r.finish()
	})
	return r
}

// testNewer is another pipeline of the same file, for a newer commit, up to its green end; meanwhile is what is waited for
// while its run runs.
func (w *world) testNewer(t *testing.T, meanwhile func()) {
	t.Helper()
	finish := w.beginNewer(t)
	meanwhile()
	finish()
}

// beginNewer begins another pipeline, up to its run. What it returns brings it to a green end.
func (w *world) beginNewer(t *testing.T) (finish func()) {
	t.Helper()
	second := *w
	second.renew(t, "pull_request")
	maps.Copy(second.env, map[string]string{"DBT_CLOUD_CI_SHA": newer, "DBT_CLOUD_CI_SEQUENCE": "9999999999"})
	later := second.start(t, second.job(t, ""))
	await(t, "the newer commit is tested", func() bool { return len(w.of(newer)) == 1 })
	return func() {
		t.Helper()
		w.cloud.FinishRun(w.of(newer)[0].ID, dbtcloudtest.Success)
		if later.finish(); later.status != 0 {
			t.Errorf("the newer pipeline ended with %d; log:\n%s", later.status, later.log.String())
		}
	}
}

func superseded(t *testing.T, w *world) {
	t.Helper()
	old, young := w.of(head), w.of(newer)
	if len(old) != 1 || len(young) != 1 || old[0].Status != dbtcloudtest.Cancelled || young[0].Status != dbtcloudtest.Success {
		t.Errorf("runs of the older commit %+v, of the newer %+v", old, young)
	}
}

// stop has the provider stop the job while the run runs.
func stop(t *testing.T, w *world, j job) *running {
	t.Helper()
	return w.startAndStop(t, j, itRuns, func() {})
}

// replace has the provider stop the job because of a newer commit, which is tested already.
func replace(t *testing.T, w *world, j job) *running {
	t.Helper()
	finish := func() {}
	r := w.startAndStop(t, j, itRuns, func() { finish = w.beginNewer(t) })
	finish()
	return r
}

// stopped checks that the run ended with its pipeline, or, where nothing can see to that, with the next one.
func stopped(t *testing.T, w *world) {
	t.Helper()
	if !w.leaves {
		one(dbtcloudtest.Cancelled)(t, w)
		return
	}
	one(dbtcloudtest.Running)(t, w)
	w.testNewer(t, func() {})
	superseded(t, w)
}

// one checks that there is one run: of the head commit of the pull request, on the Slim CI job, and how it ended.
func one(want dbtcloudtest.RunStatus) func(t *testing.T, w *world) {
	return func(t *testing.T, w *world) {
		t.Helper()
		runs := w.cloud.Runs()
		pr := dbtcloudtest.PullRequest{Host: w.host, Number: 42}
		if len(runs) != 1 || runs[0].SHA != head || runs[0].PullRequest != pr || runs[0].JobID != w.ci || runs[0].Status != want {
			t.Errorf("runs %+v, want one of %+v at %s that is %s", runs, pr, head, want)
		}
	}
}

// closePullRequest begins with runs of the pull request, of its head and of another commit, and one of another pull request.
func closePullRequest(t *testing.T, w *world, j job) *running {
	t.Helper()
	for _, run := range []struct {
		number int64
		sha    string
	}{{42, head}, {42, older}, {43, newer}} {
		w.cloud.AddRun(dbtcloudtest.RunSpec{JobID: w.ci, PullRequest: dbtcloudtest.PullRequest{Host: w.host, Number: run.number}, SHA: run.sha})
	}
	return w.start(t, j).finish()
}

func closed(t *testing.T, w *world) {
	t.Helper()
	for _, sha := range []string{head, older} {
		if runs := w.of(sha); len(runs) != 1 || runs[0].Status != dbtcloudtest.Cancelled {
			t.Errorf("runs of the pull request at %s: %+v, want one that is cancelled", sha, runs)
		}
	}
	if runs := w.of(newer); len(runs) != 1 || runs[0].Status.Terminal() {
		t.Errorf("runs of another pull request %+v, want one that goes on", runs)
	}
}

// deployed checks that the merged commit was built by the production job.
func deployed(t *testing.T, w *world) {
	t.Helper()
	runs := w.cloud.Runs()
	if len(runs) != 1 || runs[0].SHA != head || runs[0].PullRequest.Number != 0 || runs[0].JobID != w.prod || runs[0].Status != dbtcloudtest.Success {
		t.Errorf("runs %+v, want one of %s on job %d", runs, head, w.prod)
	}
}

// coalesce has a merge wait for one that is being deployed, until a newer merge takes its place.
func coalesce(t *testing.T, w *world, j job) *running {
	t.Helper()
	before := w.cloud.AddRun(dbtcloudtest.RunSpec{JobID: w.prod, SHA: older, Branch: "main"})
	r := w.start(t, j)
	await(t, "the merge waits", r.says(itWaits))
	second := *w
	second.renew(t, "push")
	maps.Copy(second.env, map[string]string{"DBT_CLOUD_CI_SHA": newer, "DBT_CLOUD_CI_SEQUENCE": "9999999999"})
	later := second.start(t, second.job(t, j.name))
	r.finish()
	w.cloud.FinishRun(before, dbtcloudtest.Success)
	await(t, "the newer merge is deployed", func() bool { return w.of(newer)[0].Status == dbtcloudtest.Running })
	w.cloud.FinishRun(w.of(newer)[0].ID, dbtcloudtest.Success)
	if later.finish(); later.status != 0 {
		t.Errorf("the newer pipeline ended with %d; log:\n%s", later.status, later.log.String())
	}
	return r
}

func coalesced(t *testing.T, w *world) {
	t.Helper()
	for sha, want := range map[string]dbtcloudtest.RunStatus{older: dbtcloudtest.Success, head: dbtcloudtest.Cancelled, newer: dbtcloudtest.Success} {
		if runs := w.of(sha); len(runs) != 1 || runs[0].Status != want {
			t.Errorf("runs of %s: %+v, want one that is %s", sha, runs, want)
		}
	}
}

// hostile is the name of a branch, which git allows, that is a command wherever it comes into a script.
const hostile = "feature/$(touch${IFS}pwned);touch${IFS}pwned&&`touch${IFS}pwned`;#'\""

// nameHostile has the branch of the pull request named so.
func nameHostile(t *testing.T, w *world, _ job) *running {
	t.Helper()
	w.renew(t, w.event)
	for name, value := range w.env {
		w.env[name] = strings.ReplaceAll(value, "feature/orders", hostile)
	}
	if file := w.env["GITHUB_EVENT_PATH"]; file != "" {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		quoted := strings.ReplaceAll(hostile, `"`, `\"`)
		w.env["GITHUB_EVENT_PATH"] = filepath.Join(t.TempDir(), "event.json")
		if err := os.WriteFile(w.env["GITHUB_EVENT_PATH"], bytes.ReplaceAll(raw, []byte("feature/orders"), []byte(quoted)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return w.start(t, w.job(t, "")).finish()
}

// unharmed checks that nothing but the test of the pull request came of the name.
func unharmed(t *testing.T, w *world) {
	t.Helper()
	one(dbtcloudtest.Success)(t, w)
	if w.cloud.Runs()[0].Branch != hostile {
		t.Errorf("branch %q, want %q", w.cloud.Runs()[0].Branch, hostile)
	}
	if _, err := os.Stat(filepath.Join(w.dir, "pwned")); err == nil {
		t.Error("the name of the branch was carried out")
	}
}

// tamper has somebody exchange the binary at the place that it is downloaded from.
func tamper(t *testing.T, w *world, j job) *running {
	t.Helper()
	dir := t.TempDir()
	evil := []byte("#!/bin/sh\nexit 0\n")
	if err := os.WriteFile(filepath.Join(dir, "dbtcloud_linux_amd64"), evil, 0o700); err != nil {
		t.Fatal(err)
	}
	w.curl = writeCurl(t, dir)
	return w.start(t, j).finish()
}

// unpin leaves the sum that the file carries: that of no release.
func unpin(t *testing.T, w *world, j job) *running {
	t.Helper()
	w.sum = ""
	return w.start(t, j).finish()
}

func nothingAsked(t *testing.T, w *world) {
	t.Helper()
	if requests := w.cloud.Requests(); len(requests) > 0 {
		t.Errorf("%d requests, the first is %s %s", len(requests), requests[0].Method, requests[0].Path)
	}
}

func nothingWritten(t *testing.T, w *world) {
	t.Helper()
	for _, request := range w.cloud.Requests() {
		if request.Method != http.MethodGet {
			t.Errorf("%s %s", request.Method, request.Path)
		}
	}
}

// TestIdle: what is no pull request that is ready for review, and no merge, starts nothing.
func TestIdle(t *testing.T) {
	t.Parallel()
	for _, p := range providers() {
		for _, event := range p.idle {
			t.Run(p.name+"/"+event, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, p, event, release{}, lasts)
				if jobs := w.jobs(t, w); len(jobs) > 0 {
					t.Errorf("%s starts %+v", event, jobs)
				}
			})
		}
	}
}
