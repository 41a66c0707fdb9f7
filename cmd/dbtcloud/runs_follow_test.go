package main

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// logged is a fake in virtual time with a Slim CI job, whose runs take a minute, end so
// and write such logs.
func logged(status dbtcloudtest.RunStatus, steps ...dbtcloudtest.Step) (*dbtcloudtest.Server, int64) {
	s := dbtcloudtest.New(dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome {
		return dbtcloudtest.Outcome{Duration: time.Minute, Status: status, Steps: steps}
	}))
	return s, s.AddJob(dbtcloudtest.JobSpec{Name: "Slim CI"})
}

// invokeIn carries out one invocation in a bubble, without sockets.
func invokeIn(ctx context.Context, s *dbtcloudtest.Server, args ...string) outcome {
	var stdout, stderr bytes.Buffer
	env := map[string]string{"DBT_CLOUD_SERVICE_TOKEN": s.Token(), "DBT_CLOUD_ACCOUNT_ID": id(s.AccountID()), "DBT_CLOUD_HOST": "ab123.us1.dbt.com"}
	a := app{
		getenv: func(name string) string { return env[name] },
		stdin:  strings.NewReader(""), stdout: &stdout, stderr: &stderr,
		options: []dbtcloud.Option{dbtcloud.WithHTTPClient(&http.Client{Transport: s.Transport()})},
	}
	status := a.run(ctx, args)
	return outcome{status, stdout.String(), stderr.String()}
}

// nasty are steps whose names and logs would steer terminals and CI services.
func nasty() []dbtcloudtest.Step {
	return []dbtcloudtest.Step{
		{Name: "Clone\n::error::x\x1b[2J", Logs: "cloned with " + dbtcloudtest.DefaultToken + "\r\n"},
		{Name: "Build ##vso[task.complete]", LineTime: time.Second, LogLag: 2 * time.Second,
			Logs: "::add-mask::x\n\x1b[32mOK\x1b[0m orders\u202e ##[group]a ##vso[task.setvariable variable=X]b\n0:05  run 5: success\n\nno end"},
	}
}

// quotedLogs are the lines of the logs that stderr has.
func (o outcome) quotedLogs() (lines []string) {
	for line := range strings.Lines(o.stderr) {
		if strings.HasPrefix(line, "== ") || strings.HasPrefix(line, "  | ") {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	return lines
}

func TestWaitWithLogs(t *testing.T) {
	t.Parallel()
	want := []string{
		"== 1. Clone ::error::x", "  | cloned with [redacted]",
		"== 2. Build # #vso[task.complete]", "  | ::add-mask::x", "  | OK orders # #[group]a # #vso[task.setvariable variable=X]b",
		"  | 0:05  run 5: success", "  | ", "  | no end",
	}
	commands := map[string]func(s *dbtcloudtest.Server, job int64) []string{
		"runs wait": func(s *dbtcloudtest.Server, job int64) []string {
			return []string{"runs", "wait", id(s.AddRun(dbtcloudtest.RunSpec{JobID: job}))}
		},
		"jobs trigger": func(_ *dbtcloudtest.Server, job int64) []string {
			return []string{"jobs", "trigger", id(job), "--wait"}
		},
		"jobs deploy": func(_ *dbtcloudtest.Server, job int64) []string {
			return []string{"jobs", "deploy", id(job), "--sha=" + sha1, "--report=off"}
		},
		"autoscale-ci": func(_ *dbtcloudtest.Server, job int64) []string {
			return []string{"autoscale-ci", "--job-id=" + id(job), "--pull-request=7", "--sha=" + sha1}
		},
	}
	for name, args := range commands {
		for _, status := range []dbtcloudtest.RunStatus{dbtcloudtest.Success, dbtcloudtest.Error} {
			t.Run(name+" "+status.String(), func(t *testing.T) {
				t.Parallel()
				play := func(more ...string) (o outcome, looks int) {
					synctest.Test(t, func(t *testing.T) {
						s, job := logged(status, nasty()...)
						o = invokeIn(t.Context(), s, append(args(s, job), more...)...)
						for _, r := range s.Requests() {
							if !strings.Contains(r.Query, "run_steps") {
								looks++
							}
						}
					})
					return o, looks
				}
				without, looks := play()
				with, looksWith := play("--logs")
				if without.status != with.status || without.stdout != with.stdout || looks != looksWith {
					t.Errorf("--logs changes the status from %d to %d, stdout from %q to %q, or the looks from %d to %d",
						without.status, with.status, without.stdout, with.stdout, looks, looksWith)
				}
				if diff := cmp.Diff(want, with.quotedLogs()); diff != "" {
					t.Errorf("stderr (-want +got):\n%s\n%s", diff, with.stderr)
				}
				var rest []string
				for line := range strings.Lines(with.stderr) {
					if !strings.HasPrefix(line, "== ") && !strings.HasPrefix(line, "  | ") {
						rest = append(rest, line)
					}
				}
				if diff := cmp.Diff(without.stderr, strings.Join(rest, "")); diff != "" {
					t.Errorf("the other lines of stderr (-without +with):\n%s", diff)
				}
			})
		}
	}
}

// TestWaitWithLogsLeaves: an interrupt and a deadline do not wait for logs.
func TestWaitWithLogsLeaves(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args   []string
		status int
	}{"interrupt": {nil, exitInterrupted}, "deadline": {[]string{"--timeout=30s"}, exitDeadline}}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, job := logged(dbtcloudtest.Success, dbtcloudtest.Step{Name: "one", Logs: "a\n"})
				ctx, cancel := context.WithCancel(t.Context())
				if test.args == nil {
					time.AfterFunc(30*time.Second, cancel)
				}
				defer cancel()
				begun := time.Now()
				run := s.AddRun(dbtcloudtest.RunSpec{JobID: job})
				o := invokeIn(ctx, s, append([]string{"runs", "wait", id(run), "--logs"}, test.args...)...).want(t, test.status)
				if took := time.Since(begun); took > 35*time.Second {
					t.Errorf("left after %s", took)
				}
				if diff := cmp.Diff([]string{"== 1. one", "  | a"}, o.quotedLogs()); diff != "" || strings.Contains(o.stderr, "following the logs") {
					t.Errorf("stderr (-want +got):\n%s\n%s", diff, o.stderr)
				}
			})
		})
	}
}

func TestLogsNeedWaiting(t *testing.T) {
	t.Parallel()
	c := newHouse(t)
	for _, args := range [][]string{
		{"jobs", "trigger", "102", "--logs"}, {"jobs", "deploy", "102", "--sha=" + sha1, "--no-wait", "--logs"},
		{"autoscale-ci", "--pull-request=7", "--sha=" + sha1, "--no-wait", "--logs"}, {"runs", "logs", "5", "--follow", "--debug"},
	} {
		if o := invoke(t, c.env, args...).want(t, exitBadInput); !strings.Contains(o.stderr, "--logs: needs") && !strings.Contains(o.stderr, "--follow: the debug") {
			t.Errorf("%v: %s", args, o.stderr)
		}
	}
	if n := len(c.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestRunsLogsFollow(t *testing.T) {
	t.Parallel()
	steps := []dbtcloudtest.Step{
		{Name: "Clone", Logs: "cloned with " + dbtcloudtest.DefaultToken + "\n ::error::a ##[b]\n"},
		{Name: "Build", Logs: strings.Repeat("first\n", 900) + strings.Repeat("\tl\x1b[1mast\n", 1000)},
	}
	last := "== 2. Build\n== lines are missing here: the API shows the last 1,000\n" + strings.Repeat("\tlast\n", 1000)
	tests := []struct{ args, want string }{
		{"", "== 1. Clone\ncloned with [redacted]\n : :error::a # #[b]\n" + last},
		{"--step=2", last},
		{"--step=1 --output=json", `{"step":1,"step_name":"Clone","lines":["cloned with [redacted]"," ::error::a \u0023#[b]"],"gap":false,"last":false}` + "\n" +
			`{"step":1,"step_name":"Clone","lines":[],"gap":false,"last":true}` + "\n"},
	}
	for _, test := range tests {
		t.Run(test.args, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, job := logged(dbtcloudtest.Error, steps...)
				run := s.AddRun(dbtcloudtest.RunSpec{JobID: job})
				begun := time.Now()
				o := invokeIn(t.Context(), s, append([]string{"runs", "logs", id(run), "--follow"}, strings.Fields(test.args)...)...).want(t, exitSuccess)
				if diff := cmp.Diff(test.want, o.stdout); diff != "" {
					t.Errorf("stdout (-want +got):\n%s", diff)
				}
				if time.Since(begun) < time.Minute {
					t.Error("it ended before the run")
				}
			})
		})
	}
}

// TestLogsOfAMovedRun: the logs are those of the run on the clone, whole and once, and none of
// the run that was queued before.
func TestLogsOfAMovedRun(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"autoscale-ci --pull-request=7 --sha=" + sha1, "ci run --pull-request=7 --sha=" + sha1} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				steps := []dbtcloudtest.Step{{Name: "Clone", Logs: "cloned\n"}, {Name: "Build", LineTime: time.Second, Logs: "one\ntwo\n"}}
				s := dbtcloudtest.New(dbtcloudtest.WithRunSlots(2), dbtcloudtest.WithRunTime(func(r dbtcloudtest.Run) dbtcloudtest.Outcome {
					length := map[string]time.Duration{sha1: time.Minute, sha2: 2 * time.Minute, sha3: -1}[r.SHA]
					return dbtcloudtest.Outcome{Duration: length, Steps: steps}
				}))
				job, other := s.AddJob(dbtcloudtest.JobSpec{Name: "Slim CI"}), s.AddJob(dbtcloudtest.JobSpec{Name: "Nightly"})
				s.AddRun(dbtcloudtest.RunSpec{JobID: job, PullRequest: dbtcloudtest.PullRequest{Host: dbtcloudtest.GitHub, Number: 8}, SHA: sha3})
				s.AddRun(dbtcloudtest.RunSpec{JobID: other, SHA: sha2}) // keeps the second slot for a while
				o := invokeIn(t.Context(), s, append(strings.Fields(command), "--job-id="+id(job), "--logs", "--output=json")...).want(t, exitSuccess)
				got := o.object(t)
				if moved := stringsOf(got["moved_run_ids"]); len(moved) != 1 || numberOf(t, got, "job_id") == job || got["clone_deleted"] != true {
					t.Fatalf("the run was not moved: %v", got)
				}
				if diff := cmp.Diff([]string{"== 1. Clone", "  | cloned", "== 2. Build", "  | one", "  | two"}, o.quotedLogs()); diff != "" {
					t.Errorf("stderr (-want +got):\n%s\n%s", diff, o.stderr)
				}
			})
		})
	}
}
