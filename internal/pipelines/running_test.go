package pipelines

import (
	"bytes"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// running is a job in the middle of its work.
type running struct {
	*job
	w        *world
	commands []*exec.Cmd
	status   int // that of the first step that failed
	log      journal
	group    atomic.Int64 // the process group of the step that is being carried out
	ended    chan struct{}
}

// journal is what the steps of a job have written so far.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// says tells whether the log has come to some text.
func (r *running) says(text string) func() bool {
	return func() bool { return strings.Contains(r.log.String(), text) }
}

// prepare makes the processes of a job.
func (w *world) prepare(t *testing.T, j job) *running {
	t.Helper()
	r := &running{job: &j, w: w, ended: make(chan struct{})}
	r.commands = w.commands(t, j, &r.log)
	return r
}

// start begins a job that nobody cancels.
func (w *world) start(t *testing.T, j job) *running {
	t.Helper()
	r := w.prepare(t, j)
	go func() {
		defer close(r.ended)
		for i := range r.commands {
			if now := r.moment(false); r.due(i, now) {
				r.note(i, r.carryOut(i))
			}
		}
	}()
	t.Cleanup(func() { <-r.ended })
	return r
}

// moment is the one that a job has come to.
func (r *running) moment(stopped bool) moment {
	switch {
	case stopped:
		return afterCancel
	case r.status != 0:
		return afterFailure
	}
	return afterSuccess
}

// due tells whether a step is carried out now.
func (r *running) due(i int, now moment) bool {
	when := r.steps[i].when
	return r.commands[i] != nil && (when&now != 0 || when == 0 && now == afterSuccess)
}

func (r *running) note(i, status int) {
	if r.status == 0 && !r.steps[i].hook {
		r.status = status
	}
}

// finish waits for the end of a job.
func (r *running) finish() *running {
	<-r.ended
	return r
}

// startAndStop begins a job and, as soon as its log says when, cancels it in the provider's way; before is called when it does not
// go on any more. What the file has for that moment is carried out behind it.
func (w *world) startAndStop(t *testing.T, j job, when string, before func()) *running {
	t.Helper()
	r := w.prepare(t, j)
	defer close(r.ended)
	stopped := false
	for i := range r.commands {
		switch {
		case !r.due(i, r.moment(stopped)):
		case stopped:
			r.note(i, r.carryOut(i))
		default:
			stopped = r.stopIn(t, i, when, before)
		}
	}
	if !stopped {
		t.Errorf("no step of %s was there to be stopped; log:\n%s", j.name, r.log.String())
	}
	return r
}

// stopIn carries out a step and stops it when the log says so; false: it ended before.
func (r *running) stopIn(t *testing.T, i int, when string, before func()) (stopped bool) {
	t.Helper()
	command := r.commands[i]
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		_ = command.Wait() // the status is looked at below
		close(done)
	}()
	over := func() bool {
		select {
		case <-done:
			return true
		default:
			return false
		}
	}
	defer func() {
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL) // fails when nothing is left
		<-done
	}()
	await(t, "the step is where it is to be stopped, or over", func() bool {
		stopped = r.says(when)()
		return stopped || over()
	})
	if stopped {
		signalGroup(syscall.SIGSTOP)(command.Process.Pid)
		before()
		r.w.stop(command.Process.Pid)
		signalGroup(syscall.SIGCONT)(command.Process.Pid)
		await(t, "the step that was stopped is over", over)
	}
	<-done
	r.note(i, command.ProcessState.ExitCode())
	return stopped
}

// carryOut carries out a step and returns its exit status.
func (r *running) carryOut(i int) int {
	command := r.commands[i]
	if err := command.Start(); err != nil {
		return -2
	}
	r.group.Store(int64(command.Process.Pid))
	_ = command.Wait() // its status follows
	r.group.Store(0)
	return command.ProcessState.ExitCode()
}

// signal sends a signal to the step that is being carried out.
func (r *running) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	group := int(r.group.Load())
	if group == 0 {
		t.Fatalf("%s to no step; log:\n%s", s, r.log.String())
	}
	if err := syscall.Kill(-group, s); err != nil {
		t.Fatalf("%s to a step: %v", s, err)
	}
}

// How providers stop a step. An error means that it has just ended.
func signalShell(s syscall.Signal) func(pid int) { return func(pid int) { _ = syscall.Kill(pid, s) } }
func signalGroup(s syscall.Signal) func(pid int) { return func(pid int) { _ = syscall.Kill(-pid, s) } }
