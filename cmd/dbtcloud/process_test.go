//go:build unix

package main

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// process is the command running as a process of its own.
type process struct {
	*exec.Cmd
	stdout, stderr bytes.Buffer
	ended          chan struct{} // closed when it has ended
	at             time.Time     // when that was
}

// start starts this test binary as the command (see TestMain).
func (c *cloud) start(t *testing.T, args ...string) *process {
	t.Helper()
	p := c.prepare(t, args...)
	p.begin(t)
	return p
}

// prepare makes the process that start starts.
func (c *cloud) prepare(t *testing.T, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: exec.Command(self, args...), ended: make(chan struct{})}
	p.Stdout, p.Stderr = &p.stdout, &p.stderr
	p.Env = append(os.Environ(), asCommand+"=1")
	for name, value := range c.env {
		p.Env = append(p.Env, name+"="+value)
	}
	return p
}

func (p *process) begin(t *testing.T) {
	t.Helper()
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.Wait() // the exit status is looked at by the test
		p.at = time.Now()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.Process.Kill()
		<-p.ended
	})
}

// startTest has pull request 7 tested.
func (c *cloud) startTest(t *testing.T, args ...string) *process {
	t.Helper()
	return c.start(t, append([]string{"autoscale-ci", "--github-pull-request=7", "--sha=" + sha1, "--poll-interval=100ms", "--output=json"}, args...)...)
}

// signal sends a signal and returns when.
func (p *process) signal(t *testing.T, s os.Signal) time.Time {
	t.Helper()
	at := time.Now()
	if err := p.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
	return at
}

// end waits for the end of the process.
func (p *process) end() outcome {
	<-p.ended
	return outcome{p.ProcessState.ExitCode(), p.stdout.String(), p.stderr.String()}
}

// running is the run of pull request 7 that runs; false while there is none.
func (c *cloud) running() (dbtcloudtest.Run, bool) {
	for _, run := range c.Runs() {
		if run.SHA == sha1 && run.Status == dbtcloudtest.Running {
			return run, true
		}
	}
	return dbtcloudtest.Run{}, false
}

// leaving is how long the command may take to leave.
const leaving = 5 * time.Second

func TestSignals(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		signal os.Signal
		busy   bool // then the run is on a clone
		leave  string
		want   dbtcloudtest.RunStatus
	}{
		{"SIGINT", os.Interrupt, false, "cancel", dbtcloudtest.Cancelled},
		{"SIGTERM", syscall.SIGTERM, false, "cancel", dbtcloudtest.Cancelled},
		{"SIGINT, on a clone", os.Interrupt, true, "cancel", dbtcloudtest.Cancelled},
		{"SIGTERM, on a clone", syscall.SIGTERM, true, "cancel", dbtcloudtest.Cancelled},
		{"SIGINT, detached", os.Interrupt, false, "detach", dbtcloudtest.Running},
		{"SIGTERM, on a clone, detached", syscall.SIGTERM, true, "detach", dbtcloudtest.Running},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t, -1, dbtcloudtest.WithCancelLatency(dbtcloudtest.Fixed(300*time.Millisecond)))
			if test.busy {
				c.occupy()
			}
			p := c.startTest(t, "--on-interrupt="+test.leave)
			await(t, "the run runs", func() bool { _, ok := c.running(); return ok })
			run, _ := c.running()
			signalled := p.signal(t, test.signal)
			o := p.end().want(t, exitInterrupted)
			if took := p.at.Sub(signalled); took >= leaving {
				t.Errorf("leaving took %s", took)
			}
			c.checkLeft(t, run, test.want, signalled)
			got := o.object(t)
			if text, _ := got["error"].(string); numberOf(t, got, "run_id") != run.ID || numberOf(t, got, "job_id") != run.JobID || !strings.HasPrefix(text, "interrupted: left github#7, run ") {
				t.Errorf("object %v", got)
			}
			if clone := numberOf(t, got, "clone_job_id"); (clone != 0) != test.busy || got["clone_deleted"] != (test.busy && test.leave == "cancel") {
				t.Errorf("object %v names clone %d", got, clone)
			}
			if !strings.Contains(o.stderr, "\ndbtcloud: interrupted: ") {
				t.Errorf("stderr %q does not tell of the interruption", o.stderr)
			}
		})
	}
}

// checkLeft looks at what became of the run and of the clone that it may be on: in time, by the history.
func (c *cloud) checkLeft(t *testing.T, run dbtcloudtest.Run, want dbtcloudtest.RunStatus, signalled time.Time) {
	t.Helper()
	if left, _ := c.Run(run.ID); left.Status != want {
		t.Errorf("the run is %s, want %s", left.Status, want)
	}
	deleted := false
	for _, e := range c.History() {
		cancelled := e.Kind == dbtcloudtest.RunCancelled && e.RunID == run.ID
		deleted = deleted || e.Kind == dbtcloudtest.JobDeleted && e.JobID == run.JobID
		if (cancelled || deleted) && e.At.Sub(signalled) >= leaving {
			t.Errorf("%s %s after the signal", e.Kind, e.At.Sub(signalled))
		}
	}
	if onClone := run.JobID != c.job; deleted != (onClone && want == dbtcloudtest.Cancelled) {
		t.Errorf("job %d deleted: %t", run.JobID, deleted)
	}
	for _, other := range c.Runs() {
		if other.SHA == sha3 && other.Status.Terminal() {
			t.Errorf("the run of the other pull request is %s", other.Status)
		}
	}
}

// TestSignalWhileTheAPIHangs: no answer comes any more, and the command leaves in time all the same.
func TestSignalWhileTheAPIHangs(t *testing.T) {
	t.Parallel()
	c := newCloud(t, -1)
	p := c.startTest(t)
	await(t, "the command follows the run", func() bool {
		_, runs := c.running()
		return runs && c.CountRequests()["GET /api/v2/accounts/{account}/runs/{id}/"] > 0
	})
	run, _ := c.running()
	c.Inject(dbtcloudtest.Fault{Kind: dbtcloudtest.Hang()})
	signalled := p.signal(t, os.Interrupt)
	o := p.end().want(t, exitInterrupted)
	if took := p.at.Sub(signalled); took >= leaving {
		t.Errorf("leaving took %s", took)
	}
	if got := o.object(t); numberOf(t, got, "run_id") != run.ID {
		t.Errorf("object %v", got)
	}
}

// TestSecondSignal: while the cancel hangs, another signal ends the process at once.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	c := newCloud(t, -1)
	c.Inject(dbtcloudtest.Fault{Method: http.MethodPost, Route: "/api/v2/accounts/{account}/runs/{id}/cancel/", Kind: dbtcloudtest.Hang()})
	p := c.startTest(t)
	await(t, "the run runs", func() bool { _, ok := c.running(); return ok })
	p.signal(t, os.Interrupt)
	await(t, "the cancel hangs", func() bool {
		writes := c.writes()
		return strings.HasSuffix(writes[len(writes)-1], "/cancel/")
	})
	await(t, "the second signal ends it", func() bool {
		_ = p.Process.Signal(syscall.SIGTERM) // fails when it has ended
		select {
		case <-p.ended:
			return true
		default:
			return false
		}
	})
	if status, ok := p.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() {
		t.Errorf("it ended by itself with %s, not by the second signal", p.ProcessState)
	}
}

// TestSignalBeforeTheRun: the job is looked at, the answer hangs, nothing has been triggered.
func TestSignalBeforeTheRun(t *testing.T) {
	t.Parallel()
	c := newCloud(t, -1)
	c.Inject(dbtcloudtest.Fault{Kind: dbtcloudtest.Hang()})
	p := c.startTest(t)
	await(t, "the first request is there", func() bool { return len(c.Requests()) > 0 })
	p.signal(t, syscall.SIGTERM)
	o := p.end().want(t, exitInterrupted)
	if got := o.object(t); got["run_id"] != nil || len(c.writes()) > 0 {
		t.Errorf("object %v, writes %v", got, c.writes())
	}
}

// TestNobodyReads: whoever read the progress or the result is gone. The change is tested to its end all the same.
func TestNobodyReads(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		gone func(p *process, w *os.File)
		want int
	}{
		{"the progress", func(p *process, w *os.File) { p.Stderr = w }, exitSuccess},
		{"the result", func(p *process, w *os.File) { p.Stdout = w }, exitRefused},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			c := newCloud(t, 300*time.Millisecond)
			c.occupy()
			p := c.prepare(t, "autoscale-ci", "--github-pull-request=7", "--sha="+sha1, "--poll-interval=100ms")
			test.gone(p, w)
			p.begin(t)
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			p.end().want(t, test.want)
			for _, job := range c.Jobs() {
				if job.ID != c.job && job.DeletedAt.IsZero() {
					t.Errorf("clone %d was left behind", job.ID)
				}
			}
		})
	}
}

// TestProcess: the command as people start it, from its arguments to its exit status.
func TestProcess(t *testing.T) {
	t.Parallel()
	c := newCloud(t, 0)
	o := c.startTest(t).end().want(t, exitSuccess)
	if got := o.object(t); got["status"] != "success" {
		t.Errorf("object %v", got)
	}
	c.startTest(t, "--timeout=never").end().want(t, exitBadInput)
}

// TestSignalWhileDeploying: the run goes on, and its id is told.
func TestSignalWhileDeploying(t *testing.T) {
	t.Parallel()
	c := newCloud(t, -1)
	p := c.start(t, "jobs", "deploy", "slim ci", "--sha="+sha1, "--output=json")
	await(t, "the run runs", func() bool { _, ok := c.running(); return ok })
	p.signal(t, os.Interrupt)
	o := p.end().want(t, exitInterrupted)
	run, ok := c.running()
	if !ok || numberOf(t, o.object(t), "id") != run.ID || !strings.Contains(o.stderr, "run "+id(run.ID)+" goes on") {
		t.Errorf("running: %t; stdout %q, stderr %q", ok, o.stdout, o.stderr)
	}
}

// TestHeadOfTheLogs: who reads the start of the logs only does not make the command fail.
func TestHeadOfTheLogs(t *testing.T) {
	t.Parallel()
	c := newCloud(t, 0, dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome {
		return dbtcloudtest.Outcome{Steps: []dbtcloudtest.Step{{Name: "Build", Logs: strings.Repeat("a line\n", 1<<20)}}}
	}))
	run := c.AddRun(dbtcloudtest.RunSpec{JobID: c.job})
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p := c.prepare(t, "runs", "logs", id(run))
	p.Stdout = w
	p.begin(t)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	head := make([]byte, 7)
	if _, err := r.Read(head); err != nil || string(head) != "a line\n" {
		t.Errorf("head %q, %v", head, err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if o := p.end().want(t, exitSuccess); o.stderr != "" {
		t.Errorf("stderr %q", o.stderr)
	}
}

// TestHeadOfTheModels: who reads the first items of a list only does not make the command fail, and no further page is asked for.
func TestHeadOfTheModels(t *testing.T) {
	t.Parallel()
	c := newShop(t)
	for i := range 5000 {
		c.AddNodes(22, dbtcloudtest.Node{"uniqueId": "model.shop.m" + id(int64(i)), "name": strings.Repeat("m", 500)})
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p := c.prepare(t, "metadata", "query", "--query", modelsQuery, "--var=id=22", "--all=environment.applied.models")
	p.Stdout = w
	p.begin(t)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	head := make([]byte, 22)
	if _, err := r.Read(head); err != nil || string(head) != `{"name":"stg_orders"}`+"\n" {
		t.Errorf("head %q, %v", head, err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if o := p.end().want(t, exitSuccess); o.stderr != "" || len(c.Requests()) > 3 {
		t.Errorf("%d requests, stderr %q", len(c.Requests()), o.stderr)
	}
}

// TestArtifactIntoAPipe: what is no plain file is written to as it is, and not replaced by one.
func TestArtifactIntoAPipe(t *testing.T) {
	t.Parallel()
	c := newCloud(t, 0)
	run := finished(c, dbtcloudtest.Artifact{Path: "x.txt", Data: []byte("content")})
	name := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	pipe, err := os.OpenFile(name, os.O_RDWR, 0) // with the reader there, nobody waits for one
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pipe.Close() })
	invoke(t, c.env, "runs", "artifacts", id(run), "x.txt", "-o", name).want(t, exitSuccess)
	if info, err := os.Stat(name); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		t.Fatalf("the pipe is %v now, %v", info, err)
	}
	got := make([]byte, 7)
	if _, err := pipe.Read(got); err != nil || string(got) != "content" {
		t.Errorf("read %q, %v", got, err)
	}
}

// TestArtifactIntoAPipeThatNobodyReads: the command ends when the reader of the pipe has gone, and says so.
func TestArtifactIntoAPipeThatNobodyReads(t *testing.T) {
	t.Parallel()
	c := newCloud(t, 0)
	run := finished(c, dbtcloudtest.Artifact{Path: "x.txt", Data: make([]byte, 1<<20)})
	name := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	p := c.start(t, "runs", "artifacts", id(run), "x.txt", "-o", name)
	pipe, err := os.Open(name) // waits for the writer
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pipe.Read(make([]byte, 7)); err != nil {
		t.Error(err)
	}
	if err := pipe.Close(); err != nil {
		t.Fatal(err)
	}
	await(t, "the command ends", func() bool {
		select {
		case <-p.ended:
			return true
		default:
			return false
		}
	})
	if o := p.end().want(t, exitRefused); !strings.Contains(o.stderr, "writing "+name+": ") {
		t.Errorf("stderr %q", o.stderr)
	}
}
