package dbtcloud_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
	"github.com/slimci/dbtcloud/internal/testenv"
)

// leaving is the longest time that leaving may take.
const leaving = 5 * time.Second

// interrupter is a client option that ends a context at the n-th request.
type interrupter struct {
	n    int
	lost bool // the request's work is done, but its answer comes too late
	seen int
	at   string // method and path of that request
	end  context.CancelFunc
}

func (i *interrupter) option(mu chan struct{}) dbtcloud.Option {
	return around(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		mu <- struct{}{}
		i.seen++
		now := i.seen == i.n
		if now {
			i.at = r.Method + " " + r.URL.Path
		}
		<-mu
		if !now {
			return next.RoundTrip(r)
		}
		if !i.lost {
			i.end()
			return next.RoundTrip(r)
		}
		res, err := next.RoundTrip(r)
		i.end()
		if err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
		}
		return nil, errors.Join(err, r.Context().Err())
	})
}

// scene is a situation in which a pipeline may be interrupted.
type scene struct {
	set      func(t *testing.T) *stage
	requests int // until only waiting is left
}

func scenes() map[string]scene {
	return map[string]scene{
		"source": {requests: 8, set: func(t *testing.T) *stage { return newStage(t) }},
		"clone": {requests: 17, set: func(t *testing.T) *stage {
			s := newStage(t)
			s.AddEnvVarOverride(s.job, "DBT_LIMIT", "100")
			s.occupy()
			return s
		}},
		"older run": {requests: 16, set: func(t *testing.T) *stage {
			s := newStage(t)
			s.AddRun(dbtcloudtest.RunSpec{JobID: s.job, PullRequest: pull(7), SHA: commit(1), Schema: s.schemaOf(7)})
			s.settle()
			return s
		}},
		"move": {requests: 44, set: func(t *testing.T) *stage { s, _ := movable(t); return s }},
	}
}

// A pipeline is interrupted at each of its requests, before and after the work of
// that request: what is left is what was asked for, and it is left in time.
func TestLeaveAtEachRequest(t *testing.T) {
	t.Parallel()
	step := 1
	if testenv.Race {
		step = 4 // it takes long, and another request is no other race
	}
	for name, scene := range scenes() {
		for _, leave := range []dbtcloud.Leave{dbtcloud.LeaveCancel, dbtcloud.LeaveDetach} {
			for _, lost := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %s, lost %t", name, leave, lost), func(t *testing.T) {
					t.Parallel()
					for n := 1; n <= scene.requests; n += step {
						ok := t.Run(fmt.Sprint(n), func(t *testing.T) {
							inBubble(t, func(t *testing.T) { leaveAt(t, scene.set(t), leave, &interrupter{n: n, lost: lost}) })
						})
						if !ok {
							return
						}
					}
				})
			}
		}
	}
}

func leaveAt(t *testing.T, s *stage, leave dbtcloud.Leave, i *interrupter) {
	t.Helper()
	ctx, end := context.WithCancel(t.Context())
	defer end()
	i.end = end
	a := s.ci(i.option(make(chan struct{}, 1)))
	a.OnLeave = leave
	var err error
	var r *dbtcloud.CIRun
	ended := make(chan time.Time, 1)
	context.AfterFunc(ctx, func() { ended <- time.Now() })
	if r, err = a.Trigger(ctx, push(7, 2)); err == nil {
		_, err = r.Wait(ctx)
	}
	if i.seen < i.n {
		return // it was over before
	}
	if took := time.Since(<-ended); took > leaving {
		t.Errorf("leaving took %s", took)
	}
	// What ended before anybody noticed the interruption is no error.
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that the context was cancelled", err)
	}
	unknown := err != nil && strings.Contains(err.Error(), "outcome is not known")
	create := i.lost && strings.HasPrefix(i.at, "POST ") && strings.HasSuffix(i.at, "/jobs/")
	for _, c := range s.clones() {
		used := create // nobody can know of a clone whose creation was never answered
		for _, run := range s.Runs() {
			used = used || run.JobID == c.ID
		}
		if !used && c.DeletedAt.IsZero() && !unknown {
			t.Errorf("clone %d, which never had a run, is left: %v", c.ID, err)
		}
	}
	time.Sleep(2 * time.Hour)
	alive := 0
	for _, run := range s.runsOf(7) {
		if run.SHA == commit(2) && run.Status == dbtcloudtest.Success {
			alive++
		}
	}
	triggered := s.sent(routeTrigger) > 0
	switch {
	case unknown:
		if alive > 0 {
			t.Errorf("%d runs went on that a look would have found (error %v)", alive, err)
		}
	case err == nil && alive != 1, leave == dbtcloud.LeaveDetach && triggered && alive != 1:
		t.Errorf("%d runs went on, want one (error %v)", alive, err)
	case leave == dbtcloud.LeaveCancel && err != nil && alive != 0:
		t.Errorf("%d runs went on, want none (error %v)", alive, err)
	}
	if _, err := s.ci().Sweep(t.Context()); err != nil {
		t.Error(err)
	}
	s.wantNoClones()
}

// The server does not answer any more: leaving takes no longer for that.
func TestLeaveWhileTheServerHangs(t *testing.T) {
	contexts := map[string]func(context.Context) (context.Context, context.CancelFunc){
		"cancelled": func(parent context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(parent)
			time.AfterFunc(2*time.Minute, cancel)
			return ctx, cancel
		},
		"deadline": func(parent context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(parent, 2*time.Minute)
		},
	}
	t.Parallel()
	for name, ending := range contexts {
		for _, after := range []int{0, 1, 2, 5, 8} {
			t.Run(fmt.Sprintf("%s, after %d requests", name, after), func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					s := newStage(t)
					s.occupy()
					s.Inject(dbtcloudtest.Fault{After: after, Kind: dbtcloudtest.Hang()})
					ctx, done := ending(t.Context())
					defer done()
					took := leftIn(ctx, func() {
						r, err := s.ci().Trigger(ctx, push(7, 1))
						if err == nil {
							_, err = r.Wait(ctx)
						}
						wantError(t, err, ctx.Err(), "github#7")
					})
					if took > leaving {
						t.Errorf("leaving took %s", took)
					}
				})
			})
		}
	}
}

// Adopters leave without a trace.
func TestAdoptersCancelNothing(t *testing.T) {
	for _, onClone := range []bool{false, true} {
		t.Run(fmt.Sprintf("on a clone %t", onClone), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t)
				if onClone {
					s.occupy()
				}
				owner := s.started(s.ci(), push(7, 1))
				s.settle()
				follower := s.started(s.ci(), push(7, 1))
				ctx, done := context.WithTimeout(t.Context(), time.Minute)
				defer done()
				_, err := follower.Wait(ctx)
				wantError(t, err, context.DeadlineExceeded)
				if n := s.sent(routeCancel); n != 0 {
					t.Errorf("%d cancels were sent", n)
				}
				s.succeeds(owner)
				s.wantNoClones()
			})
		})
	}
}

// During the pause after a 429 nothing is sent, and the error says what is left.
func TestLeaveDuringThePause(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		s.occupy()
		r := s.started(s.ci(), push(7, 1))
		s.Inject(dbtcloudtest.Fault{Times: 1, Kind: dbtcloudtest.TooManyRequests(5*time.Minute, 0)})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		time.AfterFunc(time.Minute, cancel)
		interrupted := time.Now().Add(time.Minute)
		took := leftIn(ctx, func() {
			_, err := r.Wait(ctx)
			wantError(t, err, context.Canceled, fmt.Sprint(r.Run.ID), fmt.Sprint(r.CloneJobID), "sweep", "refuses requests until")
		})
		if took > time.Second {
			t.Errorf("leaving took %s", took)
		}
		for _, request := range s.Requests() {
			if !request.At.Before(interrupted) {
				t.Errorf("%s was sent during the pause", request.Operation)
			}
		}
		s.ClearFaults()
		time.Sleep(2 * runTime)
		if _, err := s.ci().Sweep(t.Context()); err != nil {
			t.Error(err)
		}
		s.wantNoClones()
	})
}

// The cancel takes longer than there is time: the clone is left, and told.
func TestLeaveBeforeTheCancelHasEnded(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t, dbtcloudtest.WithCancelLatency(dbtcloudtest.Fixed(30*time.Second)))
		s.occupy()
		r := s.started(s.ci(), push(7, 1))
		clone := r.CloneJobID
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		time.AfterFunc(time.Minute, cancel)
		took := leftIn(ctx, func() {
			_, err := r.Wait(ctx)
			wantError(t, err, context.Canceled, fmt.Sprint(clone), "next sweep")
		})
		if took > leaving {
			t.Errorf("leaving took %s", took)
		}
		time.Sleep(time.Minute)
		s.wantStatus(r.Run.ID, dbtcloudtest.Cancelled)
		if j, _ := s.Job(clone); !j.DeletedAt.IsZero() {
			t.Error("the clone was deleted while its run had not ended")
		}
		s.started(s.ci(), push(8, 1))
		if j, _ := s.Job(clone); j.DeletedAt.IsZero() {
			t.Error("the next invocation left the clone")
		}
	})
}

// The cause of a cancelled context is in the error.
func TestLeaveTellsTheCause(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		r := s.started(s.ci(), push(7, 1))
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		interrupted := errors.New("signal: interrupt")
		time.AfterFunc(time.Minute, func() { cancel(interrupted) })
		_, err := r.Wait(ctx)
		wantError(t, err, interrupted, fmt.Sprint(r.Run.ID))
		wantError(t, err, context.Canceled)
	})
}

// The look after the deadline only looks: no clone is made for a run that we leave.
func TestLastLookChangesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s, free := movable(t)
		a := s.ci()
		r := s.started(a, push(7, 1))
		a.Poll = dbtcloud.Poll{First: time.Hour, Interval: time.Hour}
		ctx, done := context.WithDeadline(t.Context(), free.Add(10*time.Second))
		defer done()
		_, err := r.Wait(ctx)
		wantError(t, err, context.DeadlineExceeded, fmt.Sprint(r.Run.ID))
		if n := s.sent(routeCreate); n != 0 {
			t.Errorf("%d clones were made after the deadline", n)
		}
		s.wantStatus(r.Run.ID, dbtcloudtest.Cancelled)
	})
}
