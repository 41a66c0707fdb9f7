//go:build unix

package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/slimci/dbtcloud/dbtcloudtest"
	"github.com/slimci/dbtcloud/internal/testenv"
)

// How CI providers end a pipeline that nobody needs any more: they ask the entry process (GitHub, Azure), they ask the whole
// process group and listen no more (Jenkins), or they kill (Bitbucket). The shells are real ones, as the providers start them.

// script starts a shell as a provider's runner does: in a process group of its own, with dbtcloud in PATH.
func (c *cloud) script(t *testing.T, text string, shell ...string) *process {
	t.Helper()
	p := c.prepareScript(t, text, shell...)
	p.beginGroup(t)
	return p
}

func (c *cloud) prepareScript(t *testing.T, text string, shell ...string) *process {
	t.Helper()
	path, err := exec.LookPath(shell[0])
	if err != nil {
		testenv.Skip(t, "no shell: %v", err)
	}
	p, dir := c.prepare(t), t.TempDir()
	if err := os.Symlink(p.Path, filepath.Join(dir, "dbtcloud")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "script")
	if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.Path, p.Args = path, append(shell, file)
	p.Env = append(p.Env, "PATH="+dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
	p.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return p
}

func (p *process) beginGroup(t *testing.T) {
	t.Helper()
	p.begin(t)
	t.Cleanup(func() { _ = p.signalGroup(syscall.SIGKILL) }) // what a failed test left
}

func (p *process) signalGroup(s syscall.Signal) error { return syscall.Kill(-p.Process.Pid, s) }

// pipe is a pipe whose ends are closed when the test ends.
func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = r.Close(), w.Close() })
	return r, w
}

// inPipelineOf is a cloud with the variables of a fixture, in which pull request 42 waits for nothing but a clone. Runs of
// its head commit last until they are cancelled.
func inPipelineOf(t *testing.T, fixture string) *cloud {
	t.Helper()
	c := newCloud(t, 300*time.Millisecond, dbtcloudtest.WithCancelLatency(dbtcloudtest.Fixed(300*time.Millisecond)))
	maps.Copy(c.env, eventVars(t, fixture))
	c.occupy()
	return c
}

// awaitRun waits until a run of the commit runs.
func (c *cloud) awaitRun(t *testing.T, sha string) dbtcloudtest.Run {
	t.Helper()
	var found dbtcloudtest.Run
	await(t, "the run runs", func() bool {
		for _, run := range c.Runs() {
			if run.SHA == sha && run.Status == dbtcloudtest.Running {
				found = run
			}
		}
		return found.ID != 0
	})
	return found
}

// next changes the variables to those of Bitbucket's pipeline for the next commit.
func (c *cloud) next(t *testing.T, sha string) {
	t.Helper()
	build, err := strconv.Atoi(c.env["BITBUCKET_BUILD_NUMBER"])
	if err != nil {
		t.Fatal(err)
	}
	c.env["BITBUCKET_COMMIT"], c.env["BITBUCKET_BUILD_NUMBER"] = sha, strconv.Itoa(build+1)
}

// checkNothingLeft looks for unfinished runs of older commits and for clones whose runs have ended.
func (c *cloud) checkNothingLeft(t *testing.T, newest string) {
	t.Helper()
	onJob := map[int64]bool{}
	for _, run := range c.Runs() {
		onJob[run.JobID] = true
		if run.SHA != sha3 && run.SHA != newest && !run.Status.Terminal() {
			t.Errorf("run %d of the older commit %s is %s", run.ID, run.SHA, run.Status)
		}
		if run.SHA == newest && run.Status != dbtcloudtest.Success {
			t.Errorf("run %d of the newest commit is %s", run.ID, run.Status)
		}
		if run.SHA == sha3 && run.Status.Terminal() {
			t.Errorf("run %d of the other pull request is %s", run.ID, run.Status)
		}
	}
	for _, job := range c.Jobs() {
		if job.ID != c.job && job.DeletedAt.IsZero() && onJob[job.ID] {
			t.Errorf("clone %d was left behind", job.ID)
		}
	}
}

// TestSignalToTheShell: GitHub sends SIGINT to the entry process alone, SIGTERM 7.5 s later, and kills 2.5 s after that.
func TestSignalToTheShell(t *testing.T) {
	t.Parallel()
	c := inPipelineOf(t, "github/pull_request")
	p := c.script(t, "exec dbtcloud ci run --poll-interval=100ms --output=json", "bash", "--noprofile", "--norc", "-eo", "pipefail")
	run := c.awaitRun(t, headSHA)
	defer time.AfterFunc(7500*time.Millisecond, func() { _ = p.Process.Signal(syscall.SIGTERM) }).Stop()
	defer time.AfterFunc(10*time.Second, func() { _ = p.signalGroup(syscall.SIGKILL) }).Stop()
	signalled := p.signal(t, os.Interrupt)
	o := p.end().want(t, exitInterrupted)
	if took := p.at.Sub(signalled); took >= leaving {
		t.Errorf("leaving took %s", took)
	}
	c.checkLeft(t, run, dbtcloudtest.Cancelled, signalled)
	if got := o.object(t); numberOf(t, got, "run_id") != run.ID || got["clone_deleted"] != true {
		t.Errorf("object %v", got)
	}
}

// TestSignalToTheGroup: Jenkins sends SIGTERM to the whole group, and nobody reads the output any more. With or without
// exec: without it the shell ends at once, and the command goes on to say goodbye.
func TestSignalToTheGroup(t *testing.T) {
	t.Parallel()
	for _, start := range []string{"exec dbtcloud", "dbtcloud"} {
		t.Run(start, func(t *testing.T) {
			t.Parallel()
			c := inPipelineOf(t, "jenkins/pull_request")
			p := c.prepareScript(t, start+" ci run --poll-interval=100ms --sha="+headSHA, "sh", "-xe")
			output, outputEnd := pipe(t)
			alive, aliveEnd := pipe(t)
			p.Stdout, p.Stderr, p.ExtraFiles = outputEnd, outputEnd, []*os.File{aliveEnd}
			p.beginGroup(t)
			_, _ = outputEnd.Close(), aliveEnd.Close()
			run := c.awaitRun(t, headSHA)
			signalled := time.Now()
			if err := p.signalGroup(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			_ = output.Close()
			if _, err := alive.Read(make([]byte, 1)); !errors.Is(err, io.EOF) { // until the last process of the group has ended
				t.Error(err)
			}
			if took := time.Since(signalled); took >= leaving {
				t.Errorf("leaving took %s", took)
			}
			c.checkLeft(t, run, dbtcloudtest.Cancelled, signalled)
		})
	}
}

// killed is a pipeline of Bitbucket that was killed while it waited for a run on a clone.
func killed(t *testing.T) *cloud {
	t.Helper()
	c := inPipelineOf(t, "bitbucket/pull_request")
	p := c.script(t, "dbtcloud ci run --poll-interval=100ms --report=off", "bash", "-e")
	run := c.awaitRun(t, headSHA)
	if err := p.signalGroup(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	p.end().want(t, -1)
	if left, _ := c.Run(run.ID); left.Status != dbtcloudtest.Running || run.JobID == c.job {
		t.Fatalf("run %d on job %d is %s: nothing is left for a hook to do", run.ID, run.JobID, left.Status)
	}
	return c
}

// TestKill: Bitbucket kills with SIGKILL. The hook of the pipeline, the start of the next commit, or both leave nothing.
func TestKill(t *testing.T) {
	t.Parallel()
	t.Run("the next start", func(t *testing.T) {
		t.Parallel()
		c := killed(t)
		c.next(t, sha2)
		c.start(t, "ci", "run", "--poll-interval=100ms", "--report=off").end().want(t, exitSuccess)
		c.start(t, "sweep").end().want(t, exitSuccess)
		c.checkNothingLeft(t, sha2)
	})
	t.Run("the hook", func(t *testing.T) {
		t.Parallel()
		c := killed(t)
		c.start(t, "ci", "close").end().want(t, exitSuccess)
		c.checkNothingLeft(t, sha2)
		c.next(t, sha2)
		c.start(t, "ci", "run", "--poll-interval=100ms", "--report=off").end().want(t, exitSuccess)
		c.checkNothingLeft(t, sha2)
	})
	t.Run("the hook comes late", func(t *testing.T) {
		t.Parallel()
		c := killed(t)
		hook := c.prepare(t, "ci", "close") // with the variables of the killed pipeline
		c.next(t, sha1)
		next := c.start(t, "ci", "run", "--poll-interval=100ms", "--report=off")
		c.awaitRun(t, sha1)
		hook.begin(t)
		hook.end().want(t, exitSuccess)
		next.end().want(t, exitSuccess)
		c.checkNothingLeft(t, sha1)
	})
}

// TestKillAtAnyMoment: the command is killed while one of the requests of its life is under way, before or after the service
// has done what it asks for. The next start and a sweep leave nothing.
func TestKillAtAnyMoment(t *testing.T) {
	t.Parallel()
	life := len(killedAt(t, 0, dbtcloudtest.Kind{}).Requests())
	count := min(testenv.Count(6, 24, 2*life), 2*life)
	for i := range count {
		moment := i * 2 * life / count
		kind := dbtcloudtest.LostRequest()
		if moment%2 == 1 {
			kind = dbtcloudtest.LostAnswer()
		}
		t.Run(fmt.Sprintf("request %d of about %d, %s", moment/2+1, life, kind), func(t *testing.T) {
			t.Parallel()
			c := killedAt(t, moment/2+1, kind)
			c.next(t, sha2)
			invoke(t, c.env, "ci", "run", "--poll-interval=100ms", "--report=off").want(t, exitSuccess)
			invoke(t, c.env, "sweep").want(t, exitSuccess)
			c.checkNothingLeft(t, sha2)
		})
	}
}

// killedAt is a pipeline that was killed when its n-th request arrived; 0 is never. Its pull request has a run of an older
// commit, and needs a clone.
func killedAt(t *testing.T, n int, kind dbtcloudtest.Kind) *cloud {
	t.Helper()
	c := inPipelineOf(t, "bitbucket/pull_request")
	c.env["BITBUCKET_COMMIT"] = sha1 // whose runs end by themselves
	c.AddRun(dbtcloudtest.RunSpec{JobID: c.job, PullRequest: dbtcloudtest.PullRequest{Host: dbtcloudtest.OtherHost, Number: 42}, SHA: headSHA})
	var seen atomic.Int64
	group := make(chan *process, 1)
	c.Inject(dbtcloudtest.Fault{Times: 1, Kind: kind, Match: func(dbtcloudtest.Request) bool {
		return seen.Add(1) == int64(n) && (<-group).signalGroup(syscall.SIGKILL) == nil
	}})
	p := c.script(t, "dbtcloud ci run --poll-interval=100ms --report=off", "bash", "-e")
	group <- p
	<-p.ended
	want := -1
	if n == 0 || seen.Load() < int64(n) { // it looked less often, and has ended by itself
		want = exitSuccess
	}
	p.end().want(t, want)
	return c
}
