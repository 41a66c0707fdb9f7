package dbtcloud_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// merged is the n-th merge into main: its commit and its sequence have the number.
func merged(n int) dbtcloud.Merge {
	return dbtcloud.Merge{SHA: fmt.Sprintf("%08x%032x", n, n), Branch: "main", Sequence: int64(n)}
}

func unnumbered(m dbtcloud.Merge) dbtcloud.Merge {
	m.Sequence = 0
	return m
}

func (s *stage) deployer() *dbtcloud.Deployer {
	return &dbtcloud.Deployer{Client: s.client(), JobID: s.job}
}

// deploys triggers a merge, without errors.
func (s *stage) deploys(d *dbtcloud.Deployer, m dbtcloud.Merge) *dbtcloud.Deployment {
	s.t.Helper()
	x, err := d.Trigger(s.t.Context(), m)
	if err != nil {
		s.t.Fatalf("deploying %s: %v", m, err)
	}
	return x
}

// ran are the numbers of the merges whose runs ran to their ends, in that order.
func (s *stage) ran() []int {
	var out []int
	for _, r := range s.Runs() {
		var n int
		if r.Status == dbtcloudtest.Success {
			if _, err := fmt.Sscanf(r.SHA[:8], "%x", &n); err != nil {
				s.t.Error(err)
			}
			out = append(out, n)
		}
	}
	return out
}

func (s *stage) status(run int64) dbtcloudtest.RunStatus {
	r, _ := s.Run(run)
	return r.Status
}

// TestDeploy: a merge is deployed; the run has the commit, the branch, the overrides and a marker.
func TestDeploy(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		d := s.deployer()
		d.Overrides = dbtcloud.Trigger{Cause: "Release 7", StepsOverride: []string{"dbt build"}}
		var told []string
		d.Progress = func(_ *dbtcloud.Deployment, text string) { told = append(told, text) }
		x := s.deploys(d, merged(7))
		run, err := x.Wait(t.Context())
		if err != nil || run.Status != dbtcloud.RunSuccess || x.Adopted || x.SupersededBy != 0 || x.Reason == "" {
			t.Errorf("run %+v, %v; %+v", run, err, x)
		}
		got, _ := s.Run(run.ID)
		if got.SHA != merged(7).SHA || got.Branch != "main" || !strings.HasSuffix(got.Cause, ".c Release 7") {
			t.Errorf("triggered %+v", got)
		}
		want := []string{
			fmt.Sprintf("triggered run %d of job %d", run.ID, s.job),
			fmt.Sprintf("run %d: Running", run.ID), fmt.Sprintf("run %d: Success", run.ID),
		}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
	})
}

// TestMergesAreCoalesced: while one runs others arrive. Only the newest of them is deployed; the waiters of the others are
// told which run took over.
func TestMergesAreCoalesced(t *testing.T) {
	for _, sequences := range []bool{true, false} {
		t.Run(fmt.Sprintf("with sequences %t", sequences), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t)
				ends := make([]error, 4)
				waits := make([]func(), 4)
				var last *dbtcloud.Deployment
				for n := range 4 {
					m := merged(n + 1)
					if !sequences {
						m = unnumbered(m)
					}
					x := s.deploys(s.deployer(), m)
					waits[n] = func() { _, ends[n] = x.Wait(t.Context()) }
					last = x
					time.Sleep(20 * time.Second)
				}
				together(waits...)
				if diff := cmp.Diff([]int{1, 4}, s.ran()); diff != "" {
					t.Errorf("deployed (-want +got):\n%s", diff)
				}
				for n, err := range ends {
					replaced := n == 1 || n == 2
					if errors.Is(err, dbtcloud.ErrSuperseded) != replaced || !replaced && err != nil {
						t.Errorf("merge %d: %v", n+1, err)
					}
				}
				if runs := s.Runs(); !slices.Equal(last.Coalesced, []int64{runs[2].ID}) || !strings.Contains(ends[1].Error(), fmt.Sprintf("run %d deploys a newer merge", runs[2].ID)) {
					t.Errorf("coalesced %v; %v", last.Coalesced, ends[1])
				}
			})
		})
	}
}

func TestEveryMerge(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		every := s.deployer()
		every.Every = true
		for n := range 3 {
			if x := s.deploys(every, merged(n+1)); len(x.Coalesced) > 0 {
				t.Errorf("coalesced %v", x.Coalesced)
			}
		}
		s.deploys(s.deployer(), merged(4)) // leaves what must not be left out
		time.Sleep(time.Hour)
		if diff := cmp.Diff([]int{1, 2, 3, 4}, s.ran()); diff != "" {
			t.Errorf("deployed (-want +got):\n%s", diff)
		}
	})
}

// TestLateOlderPipeline: a merge that is older than an active one is not deployed.
func TestLateOlderPipeline(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		first := s.deploys(s.deployer(), merged(5))
		x := s.deploys(s.deployer(), merged(4))
		if _, err := x.Wait(t.Context()); !errors.Is(err, dbtcloud.ErrSuperseded) || x.SupersededBy != first.Run.ID || x.Run != nil {
			t.Errorf("%v; %+v", err, x)
		}
		if n := len(s.Runs()); n != 1 {
			t.Errorf("%d runs", n)
		}
	})
}

// TestSameCommit: a pipeline that is run again follows the active run of the commit, and starts another when it has ended.
func TestSameCommit(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		first := s.deploys(s.deployer(), merged(5))
		begun := time.Now()
		again := s.deploys(s.deployer(), merged(5))
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("it took %s to find the active run", took)
		}
		if !again.Adopted || again.Run.ID != first.Run.ID {
			t.Errorf("%+v", again)
		}
		if run, err := again.Wait(t.Context()); err != nil || run.Status != dbtcloud.RunSuccess {
			t.Errorf("run %+v, %v", run, err)
		}
		if x := s.deploys(s.deployer(), merged(5)); x.Adopted || x.Run.ID == first.Run.ID {
			t.Errorf("the ended run %d was adopted: %+v", first.Run.ID, x)
		}
	})
}

// TestTwoRunnersDeployAtOnce: they converge on one run, whatever lists show.
func TestTwoRunnersDeployAtOnce(t *testing.T) {
	for _, lag := range []time.Duration{0, 5 * time.Second, 30 * time.Second} {
		t.Run(lag.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t, dbtcloudtest.WithListLag(dbtcloudtest.Fixed(lag)))
				s.deploys(s.deployer(), merged(1)) // both wait behind it
				var runs [2]int64
				one := func(i int) func() {
					d := s.deployer()
					return func() {
						run, err := s.deploys(d, merged(5)).Wait(t.Context())
						if err != nil {
							t.Errorf("%v", err)
							return
						}
						runs[i] = run.ID
					}
				}
				together(one(0), one(1))
				if runs[0] == 0 || runs[0] != runs[1] {
					t.Errorf("they follow the runs %v", runs)
				}
				if diff := cmp.Diff([]int{1, 5}, s.ran()); diff != "" {
					t.Errorf("deployed (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestDeployInDoubt: the answer to the trigger gets lost.
func TestDeployInDoubt(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t, dbtcloudtest.WithListLag(dbtcloudtest.Fixed(20*time.Second)))
		s.deploys(s.deployer(), merged(1))
		older := s.deploys(s.deployer(), merged(2))
		s.Inject(dbtcloudtest.Fault{Route: routeTrigger, Times: 1, Kind: dbtcloudtest.LostAnswer()})
		x := s.deploys(s.deployer(), merged(3))
		if !slices.Equal(x.Coalesced, []int64{older.Run.ID}) || len(s.Runs()) != 3 {
			t.Errorf("coalesced %v of the runs %v", x.Coalesced, s.Runs())
		}
	})
}

// TestRefusedDeployment: nothing is cancelled for a merge whose run cannot be started.
func TestRefusedDeployment(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		s.deploys(s.deployer(), merged(1))
		waits := s.deploys(s.deployer(), merged(2))
		s.Inject(dbtcloudtest.Fault{Route: routeTrigger, Kind: dbtcloudtest.Status(400, dbtcloudtest.EnvelopeBody)})
		x, err := s.deployer().Trigger(t.Context(), merged(3))
		if !errors.Is(err, dbtcloud.ErrBadRequest) || x.Run != nil {
			t.Errorf("%v; %+v", err, x)
		}
		if _, err := waits.Wait(t.Context()); err != nil || s.CountRequests()[routeCancel] > 0 {
			t.Errorf("the one that waited ends with %v; %v", err, s.CountRequests())
		}
	})
}

// TestUntouched: runs of another branch, of other steps, and without the marker are neither cancelled nor followed.
func TestUntouched(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		s.occupy()
		release := merged(1)
		release.Branch = "release"
		other := s.deployer()
		other.Overrides.StepsOverride = []string{"dbt seed"}
		kept := []int64{
			s.deploys(s.deployer(), release).Run.ID, s.deploys(other, merged(1)).Run.ID,
			s.AddRun(dbtcloudtest.RunSpec{JobID: s.job, SHA: merged(1).SHA, Branch: "main", Cause: "Commit " + merged(1).SHA}),
			s.AddRun(dbtcloudtest.RunSpec{JobID: s.job, SHA: merged(5).SHA, Branch: "main", Cause: "dcd:000000000000.000000050000.5.abcdefgh.c Commit"}),
		}
		if x := s.deploys(s.deployer(), merged(5)); len(x.Coalesced) > 0 || x.Adopted {
			t.Errorf("%+v", x)
		}
		for _, run := range kept {
			if status := s.status(run); status != dbtcloudtest.Queued {
				t.Errorf("run %d: %s", run, status)
			}
		}
	})
}

// TestStartsWhileCoalesced: a queued run that begins before the last look is left alone; one that begins right after it is
// cancelled, and that is told.
func TestStartsWhileCoalesced(t *testing.T) {
	tests := []struct {
		name   string
		before string // the run begins while this request is on its way
		want   dbtcloudtest.RunStatus
	}{
		{"before the look", routeRun, dbtcloudtest.Running},
		{"after the look", routeCancel, dbtcloudtest.Cancelled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t, dbtcloudtest.WithLatency(nil), dbtcloudtest.WithListLag(nil), dbtcloudtest.WithCancelLatency(dbtcloudtest.Fixed(5*time.Second)))
				running := s.deploys(s.deployer(), merged(1))
				waits := s.deploys(s.deployer(), merged(2))
				s.Inject(dbtcloudtest.Fault{Route: tt.before, Times: 1, Match: func(r dbtcloudtest.Request) bool {
					return strings.Contains(r.Path, fmt.Sprintf("/%d/", waits.Run.ID))
				}, Kind: dbtcloudtest.Status(503, dbtcloudtest.EnvelopeBody)})
				s.At(time.Now().Add(time.Microsecond), func(s *dbtcloudtest.Server) { s.FinishRun(running.Run.ID, dbtcloudtest.Success) })
				x := s.deploys(s.deployer(), merged(3)) // the refused request is repeated later
				time.Sleep(10 * time.Second)
				begun := slices.ContainsFunc(x.Warnings, func(w string) bool { return strings.Contains(w, "began in the moment") })
				if status := s.status(waits.Run.ID); status != tt.want || begun != (tt.want == dbtcloudtest.Cancelled) {
					t.Errorf("%s; warnings %q", status, x.Warnings)
				}
			})
		})
	}
}

// TestLeavingADeployment: the run goes on whenever its runner leaves.
func TestLeavingADeployment(t *testing.T) {
	for _, after := range []time.Duration{100 * time.Millisecond, time.Second, 30 * time.Second} {
		t.Run(after.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t)
				s.deploys(s.deployer(), merged(1))
				ctx, leave := context.WithTimeout(t.Context(), after)
				defer leave()
				var err error
				took := leftIn(ctx, func() {
					var x *dbtcloud.Deployment
					if x, err = s.deployer().Trigger(ctx, merged(2)); err == nil {
						_, err = x.Wait(ctx)
					}
				})
				if !errors.Is(err, context.DeadlineExceeded) || took > 5*time.Second {
					t.Errorf("it left after %s with %v", took, err)
				}
				if n := s.CountRequests()[routeCancel]; n > 0 {
					t.Errorf("%d cancels", n)
				}
			})
		})
	}
}

// TestCancelledByHand: that is no newer merge, and nothing is started again.
func TestCancelledByHand(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		x := s.deploys(s.deployer(), merged(1))
		adopter := s.deploys(s.deployer(), merged(1))
		s.At(time.Now().Add(time.Minute), func(s *dbtcloudtest.Server) { s.CancelRun(x.Run.ID, "Ada", "") })
		time.Sleep(2 * time.Minute)
		s.deploys(s.deployer(), merged(2)) // came later, and was not the reason
		for _, x := range []*dbtcloud.Deployment{x, adopter} {
			if _, err := x.Wait(t.Context()); !errors.Is(err, dbtcloud.ErrRunCancelled) || errors.Is(err, dbtcloud.ErrSuperseded) {
				t.Errorf("%v", err)
			}
		}
		if n := len(s.Runs()); n != 2 {
			t.Errorf("%d runs", n)
		}
	})
}

// TestAdoptedForAnOlderMerge: a run that was adopted by a newer pipeline of its commit is cancelled by one that does not know
// of that. The newest merge is deployed all the same.
func TestAdoptedForAnOlderMerge(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		s.occupy()
		first := s.deploys(s.deployer(), merged(1))
		again := merged(1)
		again.Sequence = 3
		adopter := s.deploys(s.deployer(), again)
		s.deploys(s.deployer(), merged(2))
		if run, err := adopter.Wait(t.Context()); err != nil || run.ID == first.Run.ID {
			t.Errorf("run %+v, %v", run, err)
		}
		if ran := s.ran(); ran[len(ran)-1] != 1 || slices.Contains(ran, 2) {
			t.Errorf("deployed %v", ran)
		}
	})
}

func TestUndeployable(t *testing.T) {
	t.Parallel()
	s := dbtcloudtest.New()
	client, err := s.Client()
	if err != nil {
		t.Fatal(err)
	}
	good := dbtcloud.Deployer{Client: client, JobID: 5}
	with := func(change func(*dbtcloud.Deployer)) dbtcloud.Deployer { d := good; change(&d); return d }
	tests := []struct {
		d    dbtcloud.Deployer
		m    dbtcloud.Merge
		want string
	}{
		{good, dbtcloud.Merge{Branch: "main"}, "git_sha: is missing"},
		{good, dbtcloud.Merge{SHA: "abcdef1"}, `git_sha: "abcdef1" is not a full commit id`},
		{good, dbtcloud.Merge{SHA: merged(1).SHA, Sequence: -1}, "sequence: must be between 0 and"},
		{good, dbtcloud.Merge{SHA: merged(1).SHA, Sequence: 1 << 60}, "sequence: must be between 0 and"},
		{dbtcloud.Deployer{JobID: 5}, merged(1), "client: is missing"},
		{dbtcloud.Deployer{Client: client}, merged(1), "job id: must be positive, not 0"},
		{with(func(d *dbtcloud.Deployer) { d.Overrides.GitBranch = "main" }), merged(1), "overrides: must not name a pull request, commit or branch"},
		{with(func(d *dbtcloud.Deployer) { d.Overrides.GitSHA = merged(1).SHA }), merged(1), "overrides: must not name a pull request, commit or branch"},
		{with(func(d *dbtcloud.Deployer) { d.Overrides.PullRequest = push(7, 1).PullRequest }), merged(1), "overrides: must not name a pull request, commit or branch"},
		{with(func(d *dbtcloud.Deployer) { d.Overrides.Cause = strings.Repeat("x", 256) }), merged(1), "cause: has 256 characters, the limit is 255"},
	}
	for _, tt := range tests {
		x, err := tt.d.Trigger(t.Context(), tt.m)
		if !errors.Is(err, dbtcloud.ErrInvalid) || !strings.Contains(err.Error(), tt.want) || x != nil {
			t.Errorf("%v, want %q", err, tt.want)
		}
	}
	if n := len(s.Requests()); n > 0 {
		t.Errorf("%d requests", n)
	}
}

// TestDeploymentBesideBlindLists: lists that show nothing for too long delay what is done about older merges, and it is done
// while the run is waited for; where nobody waits, that is told.
func TestDeploymentBesideBlindLists(t *testing.T) {
	for _, wait := range []bool{true, false} {
		t.Run(fmt.Sprintf("waiting %t", wait), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t, dbtcloudtest.WithListLag(dbtcloudtest.Fixed(2*time.Minute)))
				d := s.deployer()
				d.NoWait = !wait
				together(func() { s.deploys(d, merged(1)) }, func() { time.Sleep(time.Second); s.deploys(d, merged(2)) },
					func() {
						time.Sleep(2 * time.Second)
						begun := time.Now()
						x := s.deploys(d, merged(3))
						if took := time.Since(begun); took > 90*time.Second {
							t.Errorf("it looked for %s", took)
						}
						if told := len(x.Warnings) > 0; told == wait {
							t.Errorf("warnings %q", x.Warnings)
						}
						if wait {
							if _, err := x.Wait(t.Context()); err != nil || len(x.Coalesced) != 1 || len(x.Warnings) > 0 {
								t.Errorf("%v, coalesced %v, warnings %q", err, x.Coalesced, x.Warnings)
							}
						}
					})
			})
		})
	}
}

// TestRevertOfARevert: a commit is merged, another one, and the first again, all while the first is deployed. Its runner
// looks late, when the one between has been cancelled: it does not take the last for a duplicate of its own.
func TestRevertOfARevert(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		slow := s.deployer()
		slow.Client = s.client(around(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
			if r.URL.Query().Has("status__in") && len(s.Runs()) > 0 {
				time.Sleep(30 * time.Second)
			}
			return next.RoundTrip(r)
		}))
		again := merged(1)
		again.Sequence = 3
		together(
			func() { s.deploys(slow, merged(1)) },
			func() { time.Sleep(5 * time.Second); s.deploys(s.deployer(), merged(2)) },
			func() {
				time.Sleep(10 * time.Second)
				x := s.deploys(s.deployer(), again)
				if run, err := x.Wait(t.Context()); err != nil || run.ID != s.Runs()[2].ID || len(x.Coalesced) != 1 {
					t.Errorf("run %+v, %v; coalesced %v", run, err, x.Coalesced)
				}
			},
		)
		if diff := cmp.Diff([]int{1, 1}, s.ran()); diff != "" {
			t.Errorf("deployed (-want +got):\n%s", diff)
		}
	})
}

// TestRefusedLooks: a token that may trigger and not cancel deploys all the same.
func TestRefusedLooks(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		s.deploys(s.deployer(), merged(1))
		s.deploys(s.deployer(), merged(2))
		s.Inject(dbtcloudtest.Fault{Route: routeCancel, Kind: dbtcloudtest.Status(403, dbtcloudtest.EnvelopeBody)})
		d := s.deployer()
		var told []string
		d.Progress = func(_ *dbtcloud.Deployment, text string) { told = append(told, text) }
		x := s.deploys(d, merged(3))
		if len(x.Warnings) != 1 || !slices.Contains(told, "warning: "+x.Warnings[0]) {
			t.Errorf("warnings %q, told %q", x.Warnings, told)
		}
		if run, err := x.Wait(t.Context()); err != nil || run.Status != dbtcloud.RunSuccess || len(x.Warnings) != 1 {
			t.Errorf("%v; warnings %q", err, x.Warnings)
		}
	})
}

// TestListsRefusedLater: what is beside a deployment is looked for while it is waited for, which is not lost when the token
// may list no more.
func TestListsRefusedLater(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t, dbtcloudtest.WithListLag(dbtcloudtest.Fixed(2*time.Minute)))
		x := s.deploys(s.deployer(), merged(1))
		s.Inject(dbtcloudtest.Fault{Route: routeRuns, Kind: dbtcloudtest.Status(403, dbtcloudtest.EnvelopeBody)})
		if run, err := x.Wait(t.Context()); err != nil || run.Status != dbtcloud.RunSuccess || len(x.Warnings) != 1 {
			t.Errorf("%v; warnings %q", err, x.Warnings)
		}
	})
}

// TestStaleLists: lists show runs that have been cancelled by hand as queued. Nothing gives way to such a run, and nothing is
// cancelled for the sake of it.
func TestStaleLists(t *testing.T) {
	t.Run("a newer merge was cancelled", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			s := newStage(t, dbtcloudtest.WithListLag(dbtcloudtest.Fixed(30*time.Second)), dbtcloudtest.WithCancelLatency(nil))
			s.occupy()
			newer := s.deploys(s.deployer(), merged(5))
			s.settle()
			s.CancelRun(newer.Run.ID, "Ada", "")
			x := s.deploys(s.deployer(), merged(4))
			if run, err := x.Wait(t.Context()); err != nil || run.Status != dbtcloud.RunSuccess {
				t.Errorf("run %+v, %v", run, err)
			}
		})
	})
	t.Run("its own run was cancelled", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			s := newStage(t, dbtcloudtest.WithListLag(nil), dbtcloudtest.WithCancelLatency(nil))
			s.occupy()
			older := s.deploys(s.deployer(), merged(1))
			d := s.deployer()
			d.Client = s.client(around(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
				res, err := next.RoundTrip(r)
				if last := s.Runs()[len(s.Runs())-1]; r.URL.Query().Has("status__in") && last.ID != older.Run.ID {
					s.CancelRun(last.ID, "Ada", "") // the list has been made
				}
				return res, err
			}))
			x := s.deploys(d, merged(2))
			if got := s.status(older.Run.ID); x.Run.Status != dbtcloud.RunCancelled || got != dbtcloudtest.Queued || len(x.Coalesced) > 0 {
				t.Errorf("ours is %s, the older %s, coalesced %v", x.Run.Status, got, x.Coalesced)
			}
		})
	})
}

// TestNewerMergeInBetween: a newer merge is triggered while a request of an older one's runner is under way. The older gives
// way, although nobody waits for it; unless it has begun.
func TestNewerMergeInBetween(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		busy, lateTrigger bool // else its first look after the trigger is late
		status            dbtcloudtest.RunStatus
		coalesced         int
	}{
		"its trigger is late": {busy: true, lateTrigger: true, status: dbtcloudtest.Cancelled},
		"its look is late":    {busy: true, status: dbtcloudtest.Cancelled, coalesced: 1},
		"it has begun":        {status: dbtcloudtest.Running},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t)
				if tt.busy {
					s.deploys(s.deployer(), merged(1))
				}
				before := len(s.Runs())
				slow := s.deployer()
				slow.NoWait, slow.Client = true, s.client(around(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
					trigger, look := strings.HasSuffix(r.URL.Path, "/run/"), r.URL.Query().Has("status__in")
					if trigger && tt.lateTrigger || look && !tt.lateTrigger && len(s.Runs()) > before {
						time.Sleep(20 * time.Second)
					}
					return next.RoundTrip(r)
				}))
				var older, newer *dbtcloud.Deployment
				together(func() { older = s.deploys(slow, merged(2)) }, func() { time.Sleep(10 * time.Second); newer = s.deploys(s.deployer(), merged(3)) })
				var by int64
				if tt.status == dbtcloudtest.Cancelled {
					by = newer.Run.ID
				}
				if got := s.status(older.Run.ID); older.SupersededBy != by || got != tt.status || len(newer.Coalesced) != tt.coalesced {
					t.Errorf("superseded by %d, want %d; the older run is %s; the newer coalesced %v", older.SupersededBy, by, got, newer.Coalesced)
				}
				if by != 0 && !strings.HasSuffix(older.Reason, fmt.Sprintf("run %d deploys a newer merge than 000000020000 of main", by)) {
					t.Errorf("reason %q", older.Reason)
				}
			})
		})
	}
}
