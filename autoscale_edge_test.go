package dbtcloud_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// A pull request is closed although its job has been deactivated or deleted meanwhile.
func TestCloseWithoutASource(t *testing.T) {
	tests := map[string]struct {
		opts []dbtcloudtest.Option
		lose func(s *stage)
		want error
	}{
		"deactivated":              {lose: func(s *stage) { s.DeactivateJob(s.job) }},
		"deleted":                  {lose: func(s *stage) { s.DeleteJob(s.job) }, want: dbtcloud.ErrNotFound},
		"deleted, and still shown": {lose: func(s *stage) { s.DeleteJob(s.job) }, opts: []dbtcloudtest.Option{dbtcloudtest.WithDeletedJobs()}},
	}
	t.Parallel()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t, tt.opts...)
				var runs []int64
				for _, job := range []int64{s.job, s.cloneJob(7, "d")} {
					runs = append(runs, s.AddRun(dbtcloudtest.RunSpec{JobID: job, PullRequest: pull(7), SHA: commit(1)}))
				}
				s.settle()
				tt.lose(s)
				_, err := s.ci().Close(t.Context(), dbtcloud.Closing{PullRequest: push(7, 1).PullRequest})
				if tt.want != nil {
					wantError(t, err, tt.want, fmt.Sprint(s.job))
				} else if err != nil {
					t.Error(err)
				}
				for _, id := range runs {
					s.wantStatus(id, dbtcloudtest.Cancelled)
				}
				s.wantNoClones()
			})
		})
	}
	t.Run("a clone", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			s := newStage(t)
			s.job = s.cloneJob(7, "d")
			_, err := s.ci().Close(t.Context(), dbtcloud.Closing{PullRequest: push(7, 1).PullRequest})
			wantError(t, err, dbtcloud.ErrInvalid, "clone")
			s.wantUntouched()
		})
	})
}

// What the caller says of the head counts before a run of the same commit is adopted,
// and an answer without a commit is none.
func TestHeadAnswers(t *testing.T) {
	tests := map[string]struct {
		head string
		want dbtcloud.Decision
		says string
	}{
		"moved on": {head: commit(2), want: dbtcloud.Superseded, says: "the head of github#7 is"},
		"ours":     {head: commit(1), want: dbtcloud.Adopt},
		"empty":    {want: dbtcloud.Adopt},
	}
	t.Parallel()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t)
				s.AddRun(dbtcloudtest.RunSpec{JobID: s.job, PullRequest: pull(7), SHA: commit(1), Schema: s.schemaOf(7)})
				s.settle()
				a := s.ci()
				a.Head = func(context.Context, dbtcloud.PullRequest) (string, error) { return tt.head, nil }
				r := s.started(a, push(7, 1))
				if r.Decision != tt.want || !strings.Contains(r.Reason, tt.says) || r.SupersededBy != 0 {
					t.Errorf("decided %s: %s, superseded by %d", r.Decision, r.Reason, r.SupersededBy)
				}
				if warned := len(r.Warnings) > 0; warned != (tt.head == "") {
					t.Errorf("warnings %q", r.Warnings)
				}
				s.wantUntouched()
			})
		})
	}
}

// The answer to the copy of an override gets lost: reading back tells what became of it.
func TestUncertainOverride(t *testing.T) {
	tests := map[string]struct {
		kind dbtcloudtest.Kind
		want dbtcloud.Decision
	}{
		"after the work":  {dbtcloudtest.LostAnswer(), dbtcloud.OnClone},
		"before the work": {dbtcloudtest.Status(502, dbtcloudtest.HTMLBody), dbtcloud.Queue},
	}
	t.Parallel()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t)
				s.AddEnvVarOverride(s.job, "DBT_LIMIT", "100")
				s.occupy()
				s.Inject(dbtcloudtest.Fault{Route: routeOverride, Times: 1, Kind: tt.kind})
				r := s.started(s.ci(), push(7, 1))
				if r.Decision != tt.want {
					t.Errorf("decided %s: %s", r.Decision, r.Reason)
				}
				s.succeeds(r)
				s.wantNoClones()
			})
		})
	}
}

// However seldom the caller wants to look while waiting, a clone is looked for at once.
func TestLookForACloneIsNotPutOff(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t, dbtcloudtest.WithListLag(dbtcloudtest.Fixed(time.Second)))
		s.occupy()
		s.Inject(dbtcloudtest.Fault{Route: routeCreate, Times: 1, Kind: dbtcloudtest.LostAnswer()})
		a := s.ci()
		a.Poll = dbtcloud.Poll{First: time.Hour}
		begun := time.Now()
		s.started(a, push(7, 1))
		if took := time.Since(begun); took > time.Minute {
			t.Errorf("took %s", took)
		}
	})
}

// The deadline passes while our run is being cancelled for a newer one, and nothing is
// answered any more: one last look, and not one for each thing that was waited for.
func TestLeaveWhileGivingWay(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t, dbtcloudtest.WithCancelLatency(dbtcloudtest.Fixed(5*time.Minute)))
		r := s.started(s.ci(), push(7, 1))
		s.settle()
		ctx, done := context.WithTimeout(t.Context(), time.Minute)
		defer done()
		s.AddRun(dbtcloudtest.RunSpec{JobID: s.job, PullRequest: pull(7), SHA: commit(2), Schema: s.schemaOf(7)})
		time.AfterFunc(59*time.Second, func() { s.Inject(dbtcloudtest.Fault{Kind: dbtcloudtest.Hang()}) })
		took := leftIn(ctx, func() {
			_, err := r.Wait(ctx)
			wantError(t, err, context.DeadlineExceeded, fmt.Sprint(r.Run.ID))
		})
		if took > leaving {
			t.Errorf("leaving took %s", took)
		}
		if s.sent(routeCancel) == 0 {
			t.Error("our run did not give way: nothing was tried")
		}
	})
}

// Others fill the queue at the very moment in which a run leaves it in order to move:
// it waits for a place, and is not lost, also where no list tells that the queue is full.
func TestQueueFillsWhileMoving(t *testing.T) {
	t.Parallel()
	for _, lag := range []time.Duration{0, 10 * time.Second} {
		t.Run(fmt.Sprintf("lists lag by %s", lag), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s, _ := movable(t, dbtcloudtest.WithQueueLimit(8), dbtcloudtest.WithListLag(dbtcloudtest.Fixed(lag)))
				var rush sync.Once
				fill := around(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
					res, err := next.RoundTrip(r)
					if strings.HasSuffix(r.URL.Path, "/cancel/") {
						rush.Do(s.rush)
					}
					return res, err
				})
				r := s.started(s.ci(fill), push(7, 1))
				s.succeeds(r)
				if lag == 0 && (len(r.MovedRunIDs) != 1 || len(s.runsOf(7)) != 2) {
					t.Errorf("moved %v, %d runs, want one move", r.MovedRunIDs, len(s.runsOf(7)))
				}
				s.wantNoClones()
			})
		})
	}
}

// rush fills the queue with nine runs for five minutes.
func (s *stage) rush() {
	for range 9 {
		id := s.AddRun(dbtcloudtest.RunSpec{JobID: s.job, PullRequest: pull(900)})
		time.AfterFunc(5*time.Minute, func() { s.FinishRun(id, dbtcloudtest.Success) })
	}
}

// A run is queued for a while, and its job is changed meanwhile: a clone is made of what
// the job is then, or not at all.
func TestJobChangesBeforeTheMove(t *testing.T) {
	tests := map[string]struct {
		change func(s *stage)
		moves  bool
	}{
		"steps": {moves: true, change: func(s *stage) {
			s.EditJob(s.job, func(fields map[string]any) { fields["execute_steps"] = []any{"dbt build --full-refresh"} })
		}},
		"an override":        {moves: true, change: func(s *stage) { s.AddEnvVarOverride(s.job, "DBT_LIMIT", "100") }},
		"a secret override":  {change: func(s *stage) { s.AddEnvVarOverride(s.job, "DBT_ENV_SECRET_KEY", "hidden") }},
		"it was deactivated": {change: func(s *stage) { s.DeactivateJob(s.job) }},
	}
	t.Parallel()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s, free := movable(t)
				r := s.started(s.ci(), push(7, 1))
				time.AfterFunc(time.Until(free)-10*time.Second, func() { tt.change(s) })
				s.succeeds(r)
				if moved := len(r.MovedRunIDs) == 1; moved != tt.moves {
					t.Fatalf("moved: %t, %d clones, warnings %q", moved, len(s.clones()), r.Warnings)
				}
				if !tt.moves {
					if len(s.clones()) != 0 {
						t.Errorf("%d clones were made", len(s.clones()))
					}
					return
				}
				source, _ := s.Job(s.job)
				if diff := cmp.Diff(fmt.Sprint(source.Fields["execute_steps"]), fmt.Sprint(s.created()["execute_steps"])); diff != "" {
					t.Errorf("steps (-want +got):\n%s", diff)
				}
				if copied := s.sent(routeOverride) == 1; copied != (name == "an override") {
					t.Errorf("copied overrides: %t", copied)
				}
			})
		})
	}
}

// A cancel that takes an hour is asked for now and then, not with each look.
func TestStuckCancelIsNotAskedForAllTheTime(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t, dbtcloudtest.WithCancelLatency(dbtcloudtest.Fixed(time.Hour)),
			dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome { return dbtcloudtest.Outcome{Duration: 45 * time.Minute} }))
		s.AddRun(dbtcloudtest.RunSpec{JobID: s.job, PullRequest: pull(7), SHA: commit(1), Schema: s.schemaOf(7)})
		s.settle()
		s.succeeds(s.started(s.ci(), push(7, 2)))
		if n := s.sent(routeCancel); n < 2 || n > 45/2 {
			t.Errorf("%d cancels were sent, want one in two minutes", n)
		}
	})
}

// A run ends with a status of tomorrow: that is told, and not waited for to change.
func TestRunEndsWithAnUnknownStatus(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		tomorrow := rewriting(func(r *http.Request, body []byte) []byte {
			return bytes.Replace(body, []byte(`"status":10`), []byte(`"status":40`), 1)
		})
		r := s.started(s.ci(tomorrow), push(7, 1))
		begun := time.Now()
		_, err := r.Wait(t.Context())
		wantError(t, err, nil, "unknown status 40", fmt.Sprint(r.Run.ID))
		if took := time.Since(begun); took > runTime+time.Minute {
			t.Errorf("told after %s", took)
		}
	})
}

// The interruption comes while the clone of the ended run is being deleted.
func TestLeaveWhileDeletingTheClone(t *testing.T) {
	t.Parallel()
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		t.Run(method, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t)
				s.occupy()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				r := s.started(s.ci(around(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
					if runs := s.runsOf(7); r.Method == method && strings.Contains(r.URL.Path, "/jobs/") && len(runs) > 0 && runs[0].Status.Terminal() {
						cancel()
					}
					return next.RoundTrip(r)
				})), push(7, 1))
				if _, err := r.Wait(ctx); err != nil || len(r.Warnings) != 0 || ctx.Err() == nil {
					t.Errorf("error %v, warnings %q, context %v", err, r.Warnings, ctx.Err())
				}
				s.wantNoClones()
			})
		})
	}
}

// The job or the account is answered after the pause of a 429 only, and the list that
// was asked for at the same time has become five minutes old: it is asked for again
// before anything is decided.
func TestPauseMakesListsOld(t *testing.T) {
	tests := map[string]struct {
		route string
		busy  bool
	}{
		"while the job is read":     {route: routeJob},
		"while the account is read": {route: routeAccount, busy: true},
	}
	t.Parallel()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t, dbtcloudtest.WithRunSlots(2))
				if tt.busy {
					s.occupy()
				}
				s.Inject(dbtcloudtest.Fault{Route: tt.route, Times: 1, Kind: dbtcloudtest.Status(429, dbtcloudtest.EnvelopeBody)})
				var added atomic.Int64
				time.AfterFunc(3*time.Minute, func() {
					added.Store(s.AddRun(dbtcloudtest.RunSpec{JobID: s.cloneJob(7, "d"), PullRequest: pull(7), SHA: commit(1), Schema: s.schemaOf(7)}))
				})
				r := s.started(s.ci(), push(7, 2))
				old := added.Load()
				if cancelled := s.run(old); cancelled.Status != dbtcloudtest.Cancelled || cancelled.FinishedAt.After(s.run(r.Run.ID).CreatedAt) {
					t.Errorf("run %d is %s, ended %s; want it cancelled before ours was triggered at %s", old, cancelled.Status, cancelled.FinishedAt, s.run(r.Run.ID).CreatedAt)
				}
				s.succeeds(r)
				s.wantNoClones()
			})
		})
	}
}

// The confirming list has to wait for the end of a pause: it is waited for, so that an
// invocation that does not wait for its run either leaves no older one behind.
func TestConfirmAfterAPause(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t, dbtcloudtest.WithListLag(dbtcloudtest.Fixed(5*time.Second)), dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome {
			return dbtcloudtest.Outcome{Duration: time.Hour}
		}))
		old := s.AddRun(dbtcloudtest.RunSpec{JobID: s.job, PullRequest: pull(7), SHA: commit(1), Schema: s.schemaOf(7)}) // no list shows it yet
		s.Inject(dbtcloudtest.Fault{Route: routeRuns, After: 1, Times: 1, Kind: dbtcloudtest.TooManyRequests(4*time.Minute, 0)})
		a := s.ci()
		a.NoWait = true
		r := s.started(a, push(7, 2))
		s.settle()
		s.wantStatus(old, dbtcloudtest.Cancelled)
		s.wantStatus(r.Run.ID, dbtcloudtest.Running)
	})
}

// The same while waiting: the slot that the old list shows has been taken meanwhile.
func TestPauseMakesFreeSlotsOld(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s, free := movable(t, dbtcloudtest.WithListLag(nil))
		r := s.started(s.ci(), push(7, 1))
		time.AfterFunc(time.Until(free)+time.Millisecond, func() {
			s.Inject(dbtcloudtest.Fault{Route: routeRun, Times: 1, Kind: dbtcloudtest.Status(429, dbtcloudtest.EnvelopeBody)})
		})
		var taker int64
		time.AfterFunc(time.Until(free)+3*time.Minute, func() {
			taker = s.AddRun(dbtcloudtest.RunSpec{JobID: s.AddJob(dbtcloudtest.JobSpec{Name: "late", JobType: "scheduled"})})
		})
		s.succeeds(r)
		made := s.clones()
		if len(made) != 1 || made[0].CreatedAt.Before(s.run(taker).FinishedAt) {
			t.Errorf("clones %v, want one after %s, when a slot was free", made, s.run(taker).FinishedAt)
		}
	})
}

// A locked account takes no trigger: the run of the older commit goes on.
func TestLockedAccountCancelsNothing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		s.occupy()
		old := s.AddRun(dbtcloudtest.RunSpec{JobID: s.job, PullRequest: pull(7), SHA: commit(1), Schema: s.schemaOf(7)})
		s.settle()
		s.LockAccount("payment is overdue")
		_, err := s.ci().Trigger(t.Context(), push(7, 2))
		wantError(t, err, nil, "payment is overdue", fmt.Sprint(old))
		s.wantUntouched()
	})
}

// Who cancels for a newer change triggers a little later: that is waited for, and no longer
// than it may take.
func TestCancelledBeforeTheNewerChangeIsThere(t *testing.T) {
	tests := []struct {
		name string
		gap  time.Duration // from the cancel to the trigger of the newer change
		want error
	}{
		{"at once", 0, dbtcloud.ErrSuperseded},
		{"in ten seconds", 10 * time.Second, dbtcloud.ErrSuperseded},
		{"in an hour", time.Hour, dbtcloud.ErrRunCancelled},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t)
				older := s.started(s.ci(), push(7, 1))
				id := older.Run.ID
				var err error
				together(
					func() { _, err = older.Wait(t.Context()) },
					func() {
						time.Sleep(time.Minute)
						s.CancelRun(id, "A newer pipeline", "")
						time.Sleep(test.gap)
						s.succeeds(s.started(s.ci(), push(7, 2)))
					},
				)
				wantError(t, err, test.want)
			})
		})
	}
}

// Being interrupted while a newer change is looked for does not hide how the run ended.
func TestInterruptedAfterTheCancel(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		r := s.started(s.ci(), push(7, 1))
		id := r.Run.ID
		ctx, interrupt := context.WithCancel(t.Context())
		defer interrupt()
		var err error
		together(
			func() { _, err = r.Wait(ctx) },
			func() {
				time.Sleep(time.Minute)
				s.CancelRun(id, "Ada Lovelace", "")
				time.Sleep(12 * time.Second)
				interrupt()
			},
		)
		wantError(t, err, dbtcloud.ErrRunCancelled, "Ada Lovelace")
	})
}
