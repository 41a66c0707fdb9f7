package dbtcloudtest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// violations says what in a history breaks the rules of the scheduler; runs tells what the events do not.
func violations(events []dbtcloudtest.Event, runs []dbtcloudtest.Run, slots int) []string {
	byID := map[int64]dbtcloudtest.Run{}
	for _, r := range runs {
		byID[r.ID] = r
	}
	var out []string
	complain := func(e dbtcloudtest.Event, format string, args ...any) {
		out = append(out, fmt.Sprintf("%v: run %d: ", e.At.Format(time.TimeOnly), e.RunID)+fmt.Sprintf(format, args...))
	}
	busy, ended := map[int64]bool{}, map[int64]bool{}
	for i, e := range events {
		if i > 0 && e.At.Before(events[i-1].At) {
			complain(e, "out of order")
		}
		if e.RunID == 0 {
			continue
		}
		if ended[e.RunID] {
			complain(e, "%s after its end", e.Kind)
		}
		switch e.Kind {
		case dbtcloudtest.RunStarting:
			for other := range busy {
				if sameLane(byID[other], byID[e.RunID]) {
					complain(e, "overlaps run %d", other)
				}
			}
			busy[e.RunID] = true
			if used := slotUsers(busy, byID); slots > 0 && used > slots {
				complain(e, "is the %dth on %d slots", used, slots)
			}
		case dbtcloudtest.RunFinished, dbtcloudtest.RunCancelled:
			delete(busy, e.RunID)
			ended[e.RunID] = true
		}
	}
	for _, r := range runs {
		if !ended[r.ID] {
			out = append(out, fmt.Sprintf("run %d never ends", r.ID))
		}
	}
	return out
}

// sameLane says whether two runs must not overlap.
func sameLane(a, b dbtcloudtest.Run) bool {
	return a.JobID == b.JobID && a.Native == b.Native && (!a.Native || a.PullRequest == b.PullRequest)
}

func slotUsers(busy map[int64]bool, runs map[int64]dbtcloudtest.Run) int {
	n := 0
	for run := range busy {
		if !runs[run].Native {
			n++
		}
	}
	return n
}

// schedule is a fake and what runners, people and time do to it; drawn before the bubble, where rapid cannot run.
type schedule struct {
	slots int
	opts  []dbtcloudtest.Option
	jobs  int
	steps []step
}

type step struct {
	Kind  int // 0 to 4 trigger, 5 cancel, 6 finish, 7 delete a job, else wait
	Which int
	PR    int64
	SHA   string
	Wait  time.Duration
}

func drawSchedule(rt *rapid.T) schedule {
	seconds := func(name string, most int) time.Duration {
		return time.Duration(rapid.IntRange(0, most).Draw(rt, name)) * time.Second
	}
	out := schedule{slots: rapid.IntRange(0, 4).Draw(rt, "slots"), jobs: rapid.IntRange(1, 4).Draw(rt, "jobs")}
	out.opts = []dbtcloudtest.Option{
		dbtcloudtest.WithSeed(rapid.Uint64().Draw(rt, "seed")), dbtcloudtest.WithRunSlots(out.slots), dbtcloudtest.WithQueueLimit(0),
		dbtcloudtest.WithCIConcurrency(rapid.Bool().Draw(rt, "ci concurrency")),
		dbtcloudtest.WithCancelLatency(dbtcloudtest.Between(0, time.Second+seconds("cancel latency", 90))),
		dbtcloudtest.WithStartDelay(dbtcloudtest.Between(0, time.Second+seconds("queued", 5)), dbtcloudtest.Fixed(seconds("starting", 20))),
		dbtcloudtest.WithRunTime(func(r dbtcloudtest.Run) dbtcloudtest.Outcome {
			return dbtcloudtest.Outcome{Duration: time.Duration(r.ID%7) * 20 * time.Second, Status: []dbtcloudtest.RunStatus{success, failed}[r.ID%2]}
		}),
	}
	for range rapid.IntRange(1, 40).Draw(rt, "steps") {
		out.steps = append(out.steps, step{
			Kind: rapid.IntRange(0, 9).Draw(rt, "kind"), Which: rapid.IntRange(0, 40).Draw(rt, "which"), PR: rapid.Int64Range(0, 3).Draw(rt, "pull request"),
			SHA: rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "sha"), Wait: seconds("wait", 120),
		})
	}
	return out
}

// play plays the schedule until every run must have ended.
func (p schedule) play(s *dbtcloudtest.Server) {
	var jobs []int64
	for i := range p.jobs {
		jobs = append(jobs, s.AddJob(dbtcloudtest.JobSpec{JobType: []string{"ci", "other"}[i%2]}))
	}
	for _, do := range p.steps {
		job, run := jobs[do.Which%len(jobs)], int64(0)
		if runs := s.Runs(); len(runs) > 0 {
			run = runs[do.Which%len(runs)].ID
		}
		switch do.Kind {
		case 0, 1, 2, 3, 4:
			s.AddRun(dbtcloudtest.RunSpec{JobID: job, SHA: do.SHA, PullRequest: dbtcloudtest.PullRequest{Host: dbtcloudtest.GitHub, Number: do.PR}})
		case 5:
			s.CancelRun(run, "somebody", "")
		case 6:
			s.FinishRun(run, success)
		case 7:
			if do.Which < 10 {
				s.DeleteJob(job)
			}
		default:
			time.Sleep(do.Wait)
		}
	}
	time.Sleep(24 * time.Hour)
}

func TestSchedulerProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		p := drawSchedule(rt)
		var bad []string
		synctest.Test(t, func(*testing.T) {
			s := dbtcloudtest.New(p.opts...)
			p.play(s)
			bad = violations(s.History(), s.Runs(), p.slots)
		})
		if len(bad) > 0 {
			rt.Fatalf("%s", strings.Join(bad, "\n"))
		}
	})
}

// TestViolationsAreSeen feeds the checker one bad history per rule.
func TestViolationsAreSeen(t *testing.T) {
	t.Parallel()
	start := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(second int, kind dbtcloudtest.EventKind, run int64) dbtcloudtest.Event {
		return dbtcloudtest.Event{At: start.Add(time.Duration(second) * time.Second), Kind: kind, RunID: run}
	}
	const begin, end = dbtcloudtest.RunStarting, dbtcloudtest.RunFinished
	runs := []dbtcloudtest.Run{{ID: 1, JobID: 1}, {ID: 2, JobID: 1}, {ID: 3, JobID: 2}}
	whole := []dbtcloudtest.Event{at(0, begin, 1), at(1, begin, 3), at(2, end, 1), at(3, begin, 2), at(4, end, 2), at(5, end, 3)}
	tests := []struct {
		name   string
		events []dbtcloudtest.Event
		slots  int
		want   string
	}{
		{"good", whole, 2, ""},
		{"slots", whole, 1, "00:00:01: run 3: is the 2th on 1 slots\n00:00:03: run 2: is the 2th on 1 slots"},
		{"overlap", slices.Insert(slices.Delete(slices.Clone(whole), 2, 3), 3, at(4, end, 1)), 0, "00:00:03: run 2: overlaps run 1"},
		{"order", append([]dbtcloudtest.Event{at(6, dbtcloudtest.RunQueued, 1)}, whole...), 0, "00:00:00: run 1: out of order"},
		{"end", whole[:5], 0, "run 3 never ends"},
		{"twice", append(slices.Clone(whole), at(6, end, 3)), 0, "00:00:06: run 3: run finished after its end"},
	}
	for _, test := range tests {
		if got := strings.Join(violations(test.events, runs, test.slots), "\n"); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}
