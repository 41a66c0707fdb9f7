package dbtcloud_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
	"github.com/slimci/dbtcloud/internal/testenv"
)

// load is how pull requests arrive.
type load struct {
	name   string
	n      int
	within time.Duration // from the first to the last
	slots  int
	run    time.Duration
	poll   time.Duration
}

func loads(run, poll time.Duration) []load {
	n := 20
	if testenv.Race {
		n = 8 // the race detector makes it several times slower
	}
	return []load{
		{name: "burst", n: n, within: 100 * time.Millisecond, slots: 5, run: run, poll: poll},
		{name: "stream", n: n, within: time.Duration(n-1) * 150 * time.Millisecond, slots: 5, run: run, poll: poll},
	}
}

func (l load) options() []dbtcloudtest.Option {
	return []dbtcloudtest.Option{
		dbtcloudtest.WithRunSlots(l.slots),
		dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome { return dbtcloudtest.Outcome{Duration: l.run} }),
	}
}

// arrivals are when the pull requests come, after the first.
func (l load) arrivals() []time.Duration {
	out := make([]time.Duration, l.n)
	for i := range out {
		out[i] = l.within * time.Duration(i) / time.Duration(l.n-1)
	}
	return out
}

// play tests every pull request, each with a client and a runner of its own.
func (l load) play(tb testing.TB, client func() *dbtcloud.Client, job int64) {
	var wg sync.WaitGroup
	for i, at := range l.arrivals() {
		wg.Go(func() {
			time.Sleep(at)
			a := &dbtcloud.AutoscaleCI{Client: client(), JobID: job, Poll: dbtcloud.Poll{Interval: l.poll}}
			r, err := a.Trigger(tb.Context(), push(int64(i+1), i))
			if err == nil {
				_, err = r.Wait(tb.Context())
			}
			if err != nil {
				tb.Errorf("pull request %d: %v", i+1, err)
			}
		})
	}
	wg.Wait()
}

// lowerBound is the shortest makespan that any scheduler can reach that knows the
// future: for every moment, what arrives from then on has to be worked off by all
// slots, and the last of those runs needs at least its own time.
func lowerBound(arrivals []time.Duration, slots int, run time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(arrivals))
	var bound time.Duration
	for i, at := range sorted {
		left := len(sorted) - i
		// Runs of one length fill the slots in rounds.
		rounds := (left + slots - 1) / slots
		bound = max(bound, at+time.Duration(rounds)*run)
	}
	return bound
}

// makespan is the time from the first arrival to the end of the last run, by the
// server's own history. Every pull request must have succeeded once.
func makespan(tb testing.TB, s *dbtcloudtest.Server, begun time.Time, n int) time.Duration {
	tb.Helper()
	succeeded := map[int64]int{}
	var end time.Time
	for _, run := range s.Runs() {
		if run.Status == dbtcloudtest.Success {
			succeeded[run.PullRequest.Number]++
			end = slices.MaxFunc([]time.Time{end, run.FinishedAt}, time.Time.Compare)
		}
	}
	for pr := int64(1); pr <= int64(n); pr++ {
		if succeeded[pr] != 1 {
			tb.Errorf("pull request %d was tested %d times", pr, succeeded[pr])
		}
	}
	return end.Sub(begun)
}

// used counts what it took.
func used(s *dbtcloudtest.Server) string {
	clones := 0
	for _, j := range s.Jobs() {
		if len(j.Name) > 11 && j.Name[:11] == "dbtcloud-ci" {
			clones++
		}
	}
	moves := 0
	for _, run := range s.Runs() {
		if run.Status == dbtcloudtest.Cancelled {
			moves++
		}
	}
	return fmt.Sprintf("%d requests, %d clones, %d moves", len(s.Requests()), clones, moves)
}

func TestLowerBound(t *testing.T) {
	t.Parallel()
	tests := []struct {
		arrivals []time.Duration
		slots    int
		want     time.Duration
	}{
		{[]time.Duration{0}, 5, 10},
		{[]time.Duration{0, 0, 0}, 3, 10},
		{[]time.Duration{0, 0, 0, 0}, 3, 20},
		{[]time.Duration{0, 0, 0, 4}, 3, 20},
		{[]time.Duration{0, 0, 0, 14}, 3, 24},
		{[]time.Duration{3, 0, 3}, 1, 30},
		{[]time.Duration{0, 100, 101, 102}, 2, 120},
	}
	for _, tt := range tests {
		if got := lowerBound(tt.arrivals, tt.slots, 10); got != tt.want {
			t.Errorf("lowerBound(%v, %d) = %d, want %d", tt.arrivals, tt.slots, got, tt.want)
		}
	}
}

// Twenty pull requests on five slots (eight under the race detector), in virtual time.
func TestBurst(t *testing.T) {
	t.Parallel()
	for _, l := range loads(5*time.Minute, 10*time.Second) {
		t.Run(l.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t, l.options()...)
				begun := time.Now()
				l.play(t, func() *dbtcloud.Client { return s.client() }, s.job)
				took, bound := makespan(t, s.Server, begun, l.n), lowerBound(l.arrivals(), l.slots, l.run)
				ratio := float64(took) / float64(bound)
				t.Logf("%s: makespan %s, lower bound %s, ratio %.3f (%s)", l.name, took, bound, ratio, used(s.Server))
				if ratio > 1.15 {
					t.Errorf("makespan %s is %.3f times the lower bound, want at most 1.15", took, ratio)
				}
				if ratio < 1 {
					t.Errorf("makespan %s is below the lower bound %s", took, bound)
				}
				s.wantNoClones()
			})
		})
	}
}

// The same over HTTP and in real time, by the server's history. It takes 15 s.
func TestBurstOverHTTP(t *testing.T) {
	t.Parallel()
	switch {
	case testing.Short():
		t.Skip("takes 15 s of real time, which -short has not")
	case testenv.Race:
		t.Skip("measures time, which the race detector takes several times over")
	}
	for _, l := range loads(3*time.Second, time.Second) {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			ctx, done := context.WithTimeout(t.Context(), 2*time.Minute)
			defer done()
			s := dbtcloudtest.New(append(l.options(),
				dbtcloudtest.WithListLag(dbtcloudtest.Between(0, 100*time.Millisecond)),
				dbtcloudtest.WithCancelLatency(dbtcloudtest.Between(100*time.Millisecond, 300*time.Millisecond)))...)
			job := s.AddJob(dbtcloudtest.JobSpec{Name: "Slim CI"})
			url := s.Start(t)
			client := func() *dbtcloud.Client {
				c, err := dbtcloud.New(dbtcloud.WithHost(url), dbtcloud.WithAccount(s.AccountID()), dbtcloud.WithToken(s.Token()))
				if err != nil {
					t.Error(err)
				}
				return c
			}
			begun := time.Now()
			l.play(boundTB{t, ctx}, client, job)
			took, bound := makespan(t, s, begun, l.n), lowerBound(l.arrivals(), l.slots, l.run)
			ratio := float64(took) / float64(bound)
			t.Logf("%s over HTTP: makespan %s, lower bound %s, ratio %.3f (%s)", l.name, took.Round(time.Millisecond), bound, ratio, used(s))
			if ratio > 1.3 {
				t.Errorf("makespan %s is %.3f times the lower bound, want at most 1.3", took, ratio)
			}
		})
	}
}

// boundTB is a test with a context of its own.
type boundTB struct {
	*testing.T
	ctx context.Context
}

func (b boundTB) Context() context.Context { return b.ctx }
