package dbtcloud_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// The pull request closed: its runs are cancelled and its clones deleted, nobody else's.
func TestClose(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		var ours, others []int64
		for pr, ids := range map[int64]*[]int64{7: &ours, 8: &others} {
			for _, job := range []int64{s.job, s.cloneJob(pr, "d"), s.cloneJob(pr, "k")} {
				*ids = append(*ids, s.AddRun(dbtcloudtest.RunSpec{JobID: job, PullRequest: pull(pr), SHA: commit(1)}))
			}
		}
		s.cloneJob(7, "d") // which never had a run
		s.cloneJob(8, "d")
		s.settle()
		if _, err := s.ci().Close(t.Context(), dbtcloud.Closing{PullRequest: push(7, 1).PullRequest}); err != nil {
			t.Fatal(err)
		}
		for _, id := range ours {
			s.wantStatus(id, dbtcloudtest.Cancelled)
		}
		for _, id := range others {
			if run := s.run(id); run.Status == dbtcloudtest.Cancelled {
				t.Errorf("run %d of pull request 8 was cancelled", id)
			}
		}
		for _, c := range s.clones() {
			if gone := !c.DeletedAt.IsZero(); gone != strings.Contains(c.Name, ":7:") {
				t.Errorf("clone %s deleted: %t", c.Name, gone)
			}
		}
		if j, _ := s.Job(s.job); !j.DeletedAt.IsZero() {
			t.Error("the source job was deleted")
		}
	})
}

// A close that knows its sequence leaves what is newer alone, and that of a killed
// pipeline what is not its commit's or older.
func TestCloseLeavesNewer(t *testing.T) {
	type begun struct {
		change dbtcloud.Change
		stays  bool
	}
	tests := map[string]struct {
		what dbtcloud.Closing
		runs []begun // on the source job and then on clones
	}{
		"all of it":                        {runs: []begun{{numbered(push(7, 1), 3), false}, {numbered(push(7, 2), 4), false}}},
		"a late close":                     {what: dbtcloud.Closing{Sequence: 5}, runs: []begun{{numbered(push(7, 1), 4), false}, {numbered(push(7, 2), 6), true}}},
		"a close, and no sequence":         {what: dbtcloud.Closing{Sequence: 5}, runs: []begun{{push(7, 1), false}}},
		"killed, nothing newer":            {what: dbtcloud.Closing{SHA: commit(2), Sequence: 5}, runs: []begun{{numbered(push(7, 1), 4), false}, {numbered(push(7, 2), 5), false}}},
		"killed for a newer pipeline":      {what: dbtcloud.Closing{SHA: commit(1), Sequence: 5}, runs: []begun{{numbered(push(7, 1), 5), false}, {numbered(push(7, 2), 6), true}}},
		"killed, and the same commit anew": {what: dbtcloud.Closing{SHA: commit(1), Sequence: 5}, runs: []begun{{numbered(push(7, 1), 6), true}}},
		"killed, without sequences":        {what: dbtcloud.Closing{SHA: commit(2)}, runs: []begun{{push(7, 1), false}, {push(7, 2), false}, {push(7, 3), true}}},
		"killed, gone, without sequences":  {what: dbtcloud.Closing{SHA: commit(2)}, runs: []begun{{push(7, 3), true}}},
	}
	t.Parallel()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t)
				var want dbtcloud.CloseReport
				jobs, kept := map[int64]bool{}, map[int64]bool{}
				for i, b := range tt.runs {
					job := s.job
					if i > 0 {
						job = s.cloneJob(7, "d")
					}
					id := s.markedRun(job, b.change)
					jobs[job], kept[job] = true, b.stays
					if b.stays {
						want.Newer = append(want.Newer, id)
						continue
					}
					want.Cancelled = append(want.Cancelled, id)
					if i > 0 {
						want.Deleted = append(want.Deleted, job)
					}
				}
				s.settle()
				tt.what.PullRequest = push(7, 1).PullRequest
				got, err := s.ci().Close(t.Context(), tt.what)
				if diff := cmp.Diff(want, got); diff != "" || err != nil {
					t.Errorf("%v, report (-want +got):\n%s", err, diff)
				}
				for job := range jobs {
					if j, _ := s.Job(job); kept[job] && !j.DeletedAt.IsZero() {
						t.Errorf("job %d is deleted, whose run stays", job)
					}
				}
			})
		})
	}
}

// A late close does not take away the clone that a newer change has kept.
func TestCloseLeavesKept(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		clone := s.cloneJob(7, "k")
		s.FinishRun(s.markedRun(clone, numbered(push(7, 1), 6)), dbtcloudtest.Error)
		newer := s.markedRun(s.job, numbered(push(7, 2), 7))
		s.settle()
		got, err := s.ci().Close(t.Context(), dbtcloud.Closing{PullRequest: push(7, 1).PullRequest, Sequence: 5})
		if diff := cmp.Diff(dbtcloud.CloseReport{Newer: []int64{newer}}, got); diff != "" || err != nil {
			t.Errorf("%v, report (-want +got):\n%s", err, diff)
		}
	})
}

// markedRun is a run of a change that another runner has triggered.
func (s *stage) markedRun(job int64, c dbtcloud.Change) int64 {
	cause := fmt.Sprintf("dci:g%s.%s.%.12s.%s.abcdefgh.0n Autoscaling CI", base36(s.job), base36(c.PullRequest.Number), c.SHA, base36(c.Sequence))
	return s.AddRun(dbtcloudtest.RunSpec{JobID: job, PullRequest: pull(c.PullRequest.Number), SHA: c.SHA, Schema: s.schemaOf(c.PullRequest.Number), Cause: cause})
}

func base36(n int64) string { return strconv.FormatInt(n, 36) }

// dropping is a closing of pull request 7 that drops its schema.
func dropping(edit ...func(*dbtcloud.Closing)) dbtcloud.Closing {
	what := dbtcloud.Closing{PullRequest: push(7, 1).PullRequest, CleanupSteps: []string{"dbt run-operation drop_pr_schema"}}
	for _, e := range edit {
		e(&what)
	}
	return what
}

// cleanups are all runs that clean up, by id.
func (s *stage) cleanups() []dbtcloudtest.Run { return cleanupsOf(s.Server) }

func cleanupsOf(s *dbtcloudtest.Server) []dbtcloudtest.Run {
	return slices.DeleteFunc(s.Runs(), func(r dbtcloudtest.Run) bool { return !strings.HasPrefix(r.Cause, "dci-cleanup:") })
}

// wantCleanups checks that there were n cleanups, none of which ran beside a run of
// pull request 7.
func (s *stage) wantCleanups(n int) []dbtcloudtest.Run {
	s.t.Helper()
	cleanups := s.cleanups()
	if len(cleanups) != n {
		s.t.Fatalf("%d cleanups, want %d", len(cleanups), n)
	}
	now := time.Now()
	for _, c := range cleanups {
		for _, r := range s.runsOf(7) {
			if !c.StartedAt.IsZero() && r.CreatedAt.Before(orElse(c.FinishedAt, now)) && c.StartedAt.Before(orElse(r.FinishedAt, now)) {
				s.t.Errorf("the cleanup %d runs beside run %d", c.ID, r.ID)
			}
		}
	}
	return cleanups
}

func orElse(t, otherwise time.Time) time.Time {
	if t.IsZero() {
		return otherwise
	}
	return t
}

// The cleanup is a run of the job with the pull request's schema, and of no commit.
func TestCleanup(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		a := s.ci()
		a.Overrides = dbtcloud.Trigger{TargetNameOverride: "ci", Cause: "nightly"}
		own := s.markedRun(s.job, numbered(push(7, 1), 4))
		clone := s.cloneJob(7, "d")
		moved := s.markedRun(clone, numbered(push(7, 1), 4))
		s.settle()
		got, err := a.Close(t.Context(), dropping(func(c *dbtcloud.Closing) { c.Sequence = 35 }))
		if err != nil {
			t.Fatal(err)
		}
		id := s.wantCleanups(1)[0].ID
		if got.Cleanup == nil || got.Cleanup.ID != id || got.Cleanup.Status != dbtcloud.RunSuccess {
			t.Fatalf("cleanup %+v, want run %d", got.Cleanup, id)
		}
		got.Cleanup = nil
		if diff := cmp.Diff(dbtcloud.CloseReport{Cancelled: []int64{own, moved}, Deleted: []int64{clone}}, got); diff != "" {
			t.Errorf("report (-want +got):\n%s", diff)
		}
		run, err := s.client().Runs.Get(t.Context(), id, dbtcloud.RunWithTrigger)
		if err != nil {
			t.Fatal(err)
		}
		cause, isMarked := strings.CutPrefix(run.Trigger.Cause, fmt.Sprintf("dci-cleanup:g%s.7.z.", base36(s.job)))
		want := &dbtcloud.RunTrigger{SchemaOverride: s.schemaOf(7), TargetNameOverride: "ci", GenerateDocsOverride: new(false), StepsOverride: dropping().CleanupSteps}
		same := cmpopts.IgnoreFields(dbtcloud.RunTrigger{}, "ID", "Cause", "CauseCategory", "JobID", "CreatedAt")
		if diff := cmp.Diff(want, run.Trigger, same); diff != "" || run.JobID != s.job {
			t.Errorf("on job %d, trigger (-want +got):\n%s", run.JobID, diff)
		}
		if !isMarked || !strings.HasSuffix(cause, " Cleanup of github#7") {
			t.Errorf("cause %q", run.Trigger.Cause)
		}
	})
}

// cleanupCase is a situation in which pull request 7 is closed.
type cleanupCase struct {
	opts     []dbtcloudtest.Option
	noWait   bool
	set      func(*stage)
	what     dbtcloud.Closing
	cleanups int
	status   dbtcloud.RunStatus
	fails    bool // with a RunFailedError of the cleanup
	err      error
	says     string
}

func cleanupCases() map[string]cleanupCase {
	failing := dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome {
		return dbtcloudtest.Outcome{Duration: runTime, Status: dbtcloudtest.Error}
	})
	newer := func(s *stage) { s.markedRun(s.job, numbered(push(7, 1), 6)) }
	return map[string]cleanupCase{
		"nothing was active": {what: dropping(), cleanups: 1, status: dbtcloud.RunSuccess},
		"it fails":           {opts: []dbtcloudtest.Option{failing}, what: dropping(), cleanups: 1, status: dbtcloud.RunError, fails: true},
		"nobody waits":       {opts: []dbtcloudtest.Option{failing}, noWait: true, what: dropping(), cleanups: 1, status: dbtcloud.RunRunning},
		"a newer change":     {set: newer, what: dropping(func(c *dbtcloud.Closing) { c.Sequence = 5 })},
		"the job is deactivated": {set: func(s *stage) { s.DeactivateJob(s.job) }, what: dropping(),
			says: "no cleanup"},
		"it is cancelled": {what: dropping(), cleanups: 1, status: dbtcloud.RunCancelled, fails: true, set: func(s *stage) {
			s.At(time.Now().Add(3*time.Minute), func(server *dbtcloudtest.Server) { server.CancelRun(cleanupsOf(server)[0].ID, "somebody", "") })
		}},
		"another pull request writes the schema": {what: dropping(), says: "github#8 writes the schema",
			set: func(s *stage) {
				s.AddRun(dbtcloudtest.RunSpec{JobID: s.job, PullRequest: pull(8), SHA: commit(8), Schema: s.schemaOf(7)})
			}},
		"it cannot be triggered": {what: dropping(), err: dbtcloud.ErrForbidden, says: "triggering the cleanup of github#7",
			set: func(s *stage) {
				s.Inject(dbtcloudtest.Fault{Route: routeTrigger, Times: 1, Kind: dbtcloudtest.Status(403, dbtcloudtest.EnvelopeBody)})
			}},
		"the answer is lost": {what: dropping(), cleanups: 1, status: dbtcloud.RunSuccess,
			set: func(s *stage) {
				s.Inject(dbtcloudtest.Fault{Route: routeTrigger, Times: 1, Kind: dbtcloudtest.LostAnswer()})
			}},
		"another's cleanup with other steps": {what: dropping(), cleanups: 2, status: dbtcloud.RunSuccess,
			set: func(s *stage) { s.foreignCleanup("dbt debug") }},
		"another's cleanup with these steps": {what: dropping(), cleanups: 1, status: dbtcloud.RunSuccess,
			set: func(s *stage) { s.foreignCleanup(dropping().CleanupSteps[0]) }},
	}
}

// What becomes of a cleanup is told.
func TestCleanupOutcome(t *testing.T) {
	t.Parallel()
	for name, tt := range cleanupCases() {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t, tt.opts...)
				if tt.set != nil {
					tt.set(s)
					s.settle()
				}
				a := s.ci()
				a.NoWait = tt.noWait
				got, err := a.Close(t.Context(), tt.what)
				failed, fails := errors.AsType[*dbtcloud.RunFailedError](err)
				switch {
				case fails != tt.fails || fails && failed.Run.ID != got.Cleanup.ID:
					t.Errorf("error %v, want one of the cleanup's run: %t", err, tt.fails)
				case tt.says != "":
					wantError(t, err, tt.err, tt.says)
					if errors.Is(err, dbtcloud.ErrInvalid) {
						t.Errorf("%v would mean that nothing was done", err)
					}
				case err != nil && !fails:
					t.Error(err)
				}
				s.wantCleanups(tt.cleanups)
				switch {
				case (got.Cleanup != nil) != (tt.status != 0):
					t.Errorf("cleanup %+v", got.Cleanup)
				case got.Cleanup != nil && got.Cleanup.Status != tt.status:
					t.Errorf("the cleanup is %s, want %s", got.Cleanup.Status, tt.status)
				}
			})
		})
	}
}

// foreignCleanup is an active cleanup of pull request 7 that another runner has begun.
func (s *stage) foreignCleanup(steps ...any) {
	s.AddRun(dbtcloudtest.RunSpec{JobID: s.job, Schema: s.schemaOf(7), Cause: fmt.Sprintf("dci-cleanup:g%s.7.0.abcdefgh Cleanup", base36(s.job)),
		Extra: map[string]any{"steps_override": steps}})
}

// Of two closes at the same time one cleans up, and both follow that.
func TestCleanupTwice(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		var reports [2]dbtcloud.CloseReport
		closing := func(i int) func() {
			return func() {
				var err error
				if reports[i], err = s.ci().Close(t.Context(), dropping()); err != nil {
					t.Error(err)
				}
			}
		}
		together(closing(0), closing(1))
		done := slices.DeleteFunc(s.cleanups(), func(r dbtcloudtest.Run) bool { return r.Status == dbtcloudtest.Cancelled })
		if len(done) != 1 || reports[0].Cleanup.ID != done[0].ID || reports[1].Cleanup.ID != done[0].ID {
			t.Errorf("runs %d and %d clean up, of %+v", reports[0].Cleanup.ID, reports[1].Cleanup.ID, s.cleanups())
		}
	})
}

// A change of a pull request that is reopened while it is cleaned up after cancels the
// cleanup, sees it end, and is then tested.
func TestReopened(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		together(func() {
			got, err := s.ci().Close(t.Context(), dropping())
			if err != nil || len(got.Newer) != 1 || got.Cleanup.Status != dbtcloud.RunCancelled {
				t.Errorf("error %v, newer %v, the cleanup is %s", err, got.Newer, got.Cleanup.Status)
			}
		}, func() {
			time.Sleep(2 * time.Minute)
			late := around(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
				if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/run/") {
					time.Sleep(30 * time.Second) // the close sees that its cleanup is cancelled, and not yet what for
				}
				return next.RoundTrip(r)
			})
			r := s.started(s.ci(late), push(7, 2))
			cleanup := s.wantCleanups(1)[0]
			if diff := cmp.Diff([]int64{cleanup.ID}, r.CancelledRunIDs); diff != "" || r.Decision != dbtcloud.OnSource {
				t.Errorf("%s, cancelled (-want +got):\n%s", r.Decision, diff)
			}
			s.succeeds(r)
		})
		s.wantCleanups(1)
	})
}

// A run that turns up when the cleanup was just triggered ends the cleanup: for good if
// it is newer, until it has ended itself if it is older.
func TestCleanupGivesWay(t *testing.T) {
	tests := map[string]struct {
		change   dbtcloud.Change
		cleanups int
		stays    bool
	}{
		"a newer change":       {numbered(push(7, 2), 9), 1, true},
		"one without sequence": {push(7, 2), 1, true},
		"an older change":      {numbered(push(7, 2), 3), 2, false},
	}
	t.Parallel()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t, dbtcloudtest.WithStartDelay(dbtcloudtest.Between(0, 0), dbtcloudtest.Between(time.Minute, time.Minute)))
				var late int64
				a := s.ci(around(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
					res, err := next.RoundTrip(r)
					if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/run/") && late == 0 {
						late = s.markedRun(s.cloneJob(7, "d"), tt.change)
					}
					return res, err
				}))
				var told strings.Builder
				a.Progress = func(_ *dbtcloud.CIRun, text string) { told.WriteString(text + "\n") }
				got, err := a.Close(t.Context(), dropping(func(c *dbtcloud.Closing) { c.Sequence = 5 }))
				if err != nil {
					t.Fatal(err)
				}
				want := map[bool]dbtcloud.RunStatus{true: dbtcloud.RunCancelled, false: dbtcloud.RunSuccess}[tt.stays]
				if stays := slices.Contains(got.Newer, late); stays != tt.stays || got.Cleanup.Status != want {
					t.Errorf("run %d stays: %t; the cleanup is %s", late, stays, got.Cleanup.Status)
				}
				cleanups := s.wantCleanups(tt.cleanups)
				s.wantStatus(cleanups[0].ID, dbtcloudtest.Cancelled)
				wantTold := fmt.Sprintf("triggered run %d on job %d, which cleans up after github#7\nrun %[1]d: Starting\ncancelling run %[1]d, the cleanup, because another run of github#7 is active\n", cleanups[0].ID, s.job)
				if !strings.HasPrefix(told.String(), wantTold) || strings.Contains(told.String(), fmt.Sprintf("no cleanup: runs %d of github#7 are newer", late)) != tt.stays {
					t.Errorf("told %s", &told)
				}
			})
		})
	}
}

// A runner of an older change, whose trigger was under way when the pull request was
// closed, cancels the cleanup before the close sees its run: the cleanup is not lost.
func TestCleanupCancelledForAnOlderChange(t *testing.T) {
	t.Parallel()
	for delay := 14; delay < 27; delay += 2 {
		t.Run(fmt.Sprint(delay), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t)
				late := around(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
					if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/run/") {
						time.Sleep(time.Duration(delay) * time.Second)
					}
					return next.RoundTrip(r)
				})
				together(func() {
					if _, err := s.tested(s.ci(late), numbered(push(7, 1), 3)); !errors.Is(err, dbtcloud.ErrRunCancelled) {
						t.Errorf("the older change ends with %v", err)
					}
				}, func() {
					time.Sleep(time.Second)
					got, err := s.ci().Close(t.Context(), dropping(func(c *dbtcloud.Closing) { c.Sequence = 5 }))
					if err != nil || len(got.Cancelled) != 1 || got.Cleanup.Status != dbtcloud.RunSuccess {
						t.Errorf("%v: cancelled %v, the cleanup is %s", err, got.Cancelled, got.Cleanup.Status)
					}
				})
				if n := len(s.cleanups()); n != 2 {
					t.Errorf("%d cleanups", n)
				}
			})
		})
	}
}

// Who follows the cleanup of another runner and is interrupted leaves it alone.
func TestCleanupFollowedInterrupted(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 8; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t)
				s.foreignCleanup(dropping().CleanupSteps[0])
				s.settle()
				ctx, end := context.WithCancel(t.Context())
				defer end()
				i := &interrupter{n: n, end: end}
				if _, err := s.ci(i.option(make(chan struct{}, 1))).Close(ctx, dropping()); !errors.Is(err, context.Canceled) {
					t.Errorf("at %s: error %v", i.at, err)
				}
				s.wantStatus(s.wantCleanups(1)[0].ID, dbtcloudtest.Running)
			})
		})
	}
}

// A cleanup that only a stale list shows as active has ended before the close began: it is not followed.
func TestCleanupInStaleList(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t, dbtcloudtest.WithListLag(dbtcloudtest.Fixed(30*time.Second)))
		s.foreignCleanup(dropping().CleanupSteps[0])
		time.Sleep(runTime + 15*time.Second)
		old := s.wantCleanups(1)[0]
		s.wantStatus(old.ID, dbtcloudtest.Success)
		if got, err := s.ci().Close(t.Context(), dropping()); err != nil || got.Cleanup.ID == old.ID {
			t.Errorf("%v: followed run %d, which had ended", err, got.Cleanup.ID)
		}
		s.wantCleanups(2)
	})
}

// A run whose cancel does not end keeps nothing else from ending, nor from being told.
func TestCloseBesideStuckRun(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t, dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome { return dbtcloudtest.Outcome{Duration: time.Hour} }))
		clones := []int64{s.cloneJob(7, "d"), s.cloneJob(7, "d")}
		stuck, other := s.markedRun(clones[0], push(7, 1)), s.markedRun(clones[1], push(7, 1))
		s.settle()
		s.Inject(dbtcloudtest.Fault{Route: routeCancel, Kind: dbtcloudtest.Status(500, dbtcloudtest.EnvelopeBody),
			Match: func(r dbtcloudtest.Request) bool { return strings.Contains(r.Path, fmt.Sprintf("/%d/", stuck)) }})
		got, err := s.ci().Close(t.Context(), dropping())
		wantError(t, err, context.DeadlineExceeded, fmt.Sprintf("has not ended: run %d: ", stuck))
		if diff := cmp.Diff(dbtcloud.CloseReport{Cancelled: []int64{other}, Deleted: clones[1:]}, got); diff != "" {
			t.Errorf("report (-want +got):\n%s", diff)
		}
		s.wantCleanups(0)
	})
}

// A token that may not read how a cancelled run ends is refused at once.
func TestCloseRefused(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		s.markedRun(s.job, push(7, 1))
		s.settle()
		s.Inject(dbtcloudtest.Fault{Route: routeRun, Kind: dbtcloudtest.Status(403, dbtcloudtest.EnvelopeBody)})
		begun := time.Now()
		_, err := s.ci().Close(t.Context(), dropping())
		wantError(t, err, dbtcloud.ErrForbidden, "has not ended")
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("it took %s", took)
		}
		s.wantCleanups(0)
	})
}

// The clone of a run that was asked to cancel is deleted, also where that takes too long.
func TestCloseOfSlowlyCancelled(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t, dbtcloudtest.WithCancelLatency(dbtcloudtest.Fixed(4*time.Minute)))
		clone := s.cloneJob(7, "d")
		run := s.markedRun(clone, push(7, 1))
		s.settle()
		got, err := s.ci().Close(t.Context(), dropping())
		wantError(t, err, context.DeadlineExceeded, fmt.Sprintf("has not ended: run %d: ", run))
		if diff := cmp.Diff(dbtcloud.CloseReport{Deleted: []int64{clone}}, got); diff != "" {
			t.Errorf("report (-want +got):\n%s", diff)
		}
	})
}

// Another pull request sees only that the job is busy with a cleanup.
func TestCleanupOfAnother(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		a := s.ci()
		a.NoWait = true
		got, err := a.Close(t.Context(), dropping())
		if err != nil {
			t.Fatal(err)
		}
		r := s.started(s.ci(), push(8, 1))
		if r.Decision != dbtcloud.OnClone || len(r.CancelledRunIDs) > 0 {
			t.Errorf("%s: %s, cancelled %v", r.Decision, r.Reason, r.CancelledRunIDs)
		}
		s.succeeds(r)
		s.wantStatus(got.Cleanup.ID, dbtcloudtest.Success)
	})
}

// A close that is interrupted leaves in time, and leaves no cleanup of which it is not
// known whether it runs beside something.
func TestCleanupInterrupted(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 16; n++ {
		for _, lost := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d, lost %t", n, lost), func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					s := newStage(t)
					s.markedRun(s.job, push(7, 1))
					s.settle()
					ctx, end := context.WithCancel(t.Context())
					defer end()
					i := &interrupter{n: n, lost: lost, end: end}
					a := s.ci(i.option(make(chan struct{}, 1)))
					if took := leftIn(ctx, func() {
						if _, err := a.Close(ctx, dropping()); !errors.Is(err, context.Canceled) {
							t.Errorf("at %s: error %v", i.at, err)
						}
					}); took > leaving {
						t.Errorf("leaving takes %s at %s", took, i.at)
					}
					time.Sleep(time.Hour)
					if !strings.HasSuffix(i.at, "/run/") { // else nothing may be known of the cleanup
						s.wantLeft(s.looksAfter("/run/"), n == 16)
					}
				})
			})
		}
	}
}

// looksAfter counts the lists of active runs since a request.
func (s *stage) looksAfter(suffix string) int {
	n := -1
	for _, r := range s.Requests() {
		switch {
		case r.Method == http.MethodPost && strings.HasSuffix(r.Path, suffix):
			n = 0
		case n >= 0 && strings.Contains(r.Query, "status__in"):
			n++
		}
	}
	return n
}

// wantLeft checks what a close left that was interrupted after so many looks at its cleanup.
func (s *stage) wantLeft(looks int, well bool) {
	s.t.Helper()
	for _, c := range s.cleanups() {
		if looks == 0 && c.Status != dbtcloudtest.Cancelled || well && c.Status != dbtcloudtest.Success {
			s.t.Errorf("the cleanup %d, looked at %d times, is %s", c.ID, looks, c.Status)
		}
	}
	if well && len(s.cleanups()) != 1 {
		s.t.Errorf("%d cleanups", len(s.cleanups()))
	}
}
