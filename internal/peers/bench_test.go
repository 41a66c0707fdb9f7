package peers

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// busy is the pull request whose run keeps the job busy.
const busy = 1

// BenchmarkInvocation has dbtcloud and dbtc test pull requests by turns, on a job that is idle and on one that another
// pull request keeps busy, so that it takes a clone. Every run takes a second, and both look once a second.
func BenchmarkInvocation(b *testing.B) {
	python := program(b, "dbtc", "python")
	dbtc, ours := program(b, "dbtc", "dbtc"), build(b)
	for _, scenario := range []string{"idle", "busy"} {
		b.Run(scenario, func(b *testing.B) {
			s := dbtcloudtest.New(
				dbtcloudtest.WithWrites(dbtcloudtest.Lenient), dbtcloudtest.WithDeletes(dbtcloudtest.Envelope),
				dbtcloudtest.WithRunTime(func(r dbtcloudtest.Run) dbtcloudtest.Outcome {
					if r.PullRequest.Number == busy {
						return dbtcloudtest.Outcome{Duration: -1}
					}
					return dbtcloudtest.Outcome{Duration: time.Second}
				}))
			job := s.AddJob(dbtcloudtest.JobSpec{})
			if scenario == "busy" {
				s.AddRun(dbtcloudtest.RunSpec{JobID: job, PullRequest: dbtcloudtest.PullRequest{Host: dbtcloudtest.GitHub, Number: busy}})
			}
			contest{
				s:    s,
				dbtc: newPeer(b, dbtc, s), dbtcArgs: []string{"jobs", "trigger-autoscaling", "--should-poll", "--poll-interval", "1", "--job-id", id(job)},
				ours: newPeer(b, ours, s), oursArgs: []string{"autoscale-ci", "--poll-interval", "1", "--job-id", id(job)},
			}.hold(b, python)
		})
	}
}

// contest is two programs that have the same to do for one account.
type contest struct {
	s                  *dbtcloudtest.Server
	ours, dbtc         peer
	oursArgs, dbtcArgs []string
	number             int // of the next pull request
}

func (c contest) hold(b *testing.B, python string) {
	var ours, dbtc usage
	c.number = busy
	for b.Loop() {
		ours.add(c.s, c.ours, c.nextOurs())
		dbtc.add(c.s, c.dbtc, c.nextDbtc())
	}
	b.ReportMetric(0, "ns/op")
	ours.report(b, "dbtcloud")
	dbtc.report(b, "dbtc")
	b.ReportMetric(float64(dbtc.cpu)/float64(ours.cpu), "cpu-ratio")
	b.ReportMetric(c.ours.peakMemory(python, c.nextOurs()), "dbtcloud-peak-MB")
	b.ReportMetric(c.dbtc.peakMemory(python, c.nextDbtc()), "dbtc-peak-MB")
	for _, r := range c.s.Runs() {
		if r.PullRequest.Number != busy && r.Status != dbtcloudtest.Success {
			b.Errorf("run %d of pull request %d has ended as %s, want Success", r.ID, r.PullRequest.Number, r.Status)
		}
	}
}

func (c *contest) nextOurs() []string {
	c.number++
	return slices.Concat(c.oursArgs, []string{"--github-pull-request", strconv.Itoa(c.number), "--sha", fmt.Sprintf("%040x", c.number)})
}

func (c *contest) nextDbtc() []string {
	c.number++
	return slices.Concat(c.dbtcArgs, []string{"--payload", fmt.Sprintf(`{"cause":"CI","git_sha":"%040x","github_pull_request_id":%[1]d}`, c.number)})
}

// usage is what invocations of a program took in all.
type usage struct {
	invocations, requests int
	cpu, wall             time.Duration
}

func (u *usage) add(s *dbtcloudtest.Server, p peer, args []string) {
	began, before := time.Now(), len(s.Requests())
	run := p.run(args...)
	u.invocations++
	u.wall += time.Since(began)
	u.cpu += run.cmd.ProcessState.UserTime() + run.cmd.ProcessState.SystemTime()
	u.requests += len(s.Requests()) - before
}

func (u *usage) report(b *testing.B, name string) {
	n := float64(u.invocations)
	b.ReportMetric(u.cpu.Seconds()*1000/n, name+"-cpu-ms")
	b.ReportMetric(u.wall.Seconds()*1000/n, name+"-wall-ms")
	b.ReportMetric(float64(u.requests)/n, name+"-requests")
}

// peakMemory is the largest resident size of one more invocation, in MB. The system counts the size that a process has before
// it becomes another program, so a small shell starts it, and then becomes the program that reports.
func (p peer) peakMemory(python string, args []string) float64 {
	p.tb.Helper()
	const script = `"$@" >&2 || exit; exec "$0" -c '
import resource, sys
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6)'`
	program := p.path
	p.path = "/bin/sh"
	got := p.run(slices.Concat([]string{"-c", script, python, program}, args)...).at("")
	size, err := strconv.ParseFloat(got, 64)
	if err != nil {
		p.tb.Fatalf("the peak memory of %s: %v", program, err)
	}
	return size
}

// build makes the command of this repository.
func build(tb testing.TB) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "dbtcloud")
	cmd := exec.CommandContext(tb.Context(), "go", "build", "-o", path, "./dbtcloud")
	cmd.Dir = filepath.Join("..", "..", "cmd")
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("build the command: %v\n%s", err, out)
	}
	return path
}
