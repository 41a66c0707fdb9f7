package dbtcloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Wait follows the run to its end, moves it to a clone if it is queued while a slot
// is free, gives way to a newer change, and deletes the clone. It returns the run
// as last seen; a run that failed or was cancelled is a [*RunFailedError], a change
// that a newer one replaced is [ErrSuperseded]. When ctx ends it leaves as OnLeave
// says, in under five seconds; an adopted run is never cancelled.
func (r *CIRun) Wait(ctx context.Context) (*Run, error) {
	if r.Decision == Superseded {
		return r.Run, r.superseded()
	}
	if r.Run == nil {
		return nil, errors.New("dbtcloud: there is no run to wait for")
	}
	err := r.a.poll().untilLate(ctx, func(look context.Context) (bool, error) {
		if ctx.Err() != nil {
			return r.lastLook(look)
		}
		return r.look(look)
	})
	switch {
	case ctx.Err() == nil:
	case (r.underway() || !r.Run.Status.Terminal()) && !errors.Is(err, ErrSuperseded):
		err = r.leave(ctx, err)
	default:
		if r.CloneJobID != 0 {
			r.leaveClone(ctx)
		}
		if errors.Is(err, ctx.Err()) {
			err = outcome(r.Run) // it had ended, and was only looked at for a newer change
		}
	}
	return r.Run, err
}

// underway tells whether something was begun that has to be brought to an end.
func (r *CIRun) underway() bool { return r.between || r.limbo || r.spareClone() }

// spareClone tells whether there is a clone that no run was triggered on.
func (r *CIRun) spareClone() bool { return r.CloneJobID != 0 && r.CloneJobID != r.JobID && !r.limbo }

func (r *CIRun) superseded() error {
	return fmt.Errorf("%w: %s", ErrSuperseded, r.Reason)
}

// lastLook is the look after the deadline: it changes nothing but ends what ended.
func (r *CIRun) lastLook(ctx context.Context) (done bool, err error) {
	if r.underway() {
		return false, nil
	}
	if _, err := r.refresh(ctx); err != nil || !r.Run.Status.Terminal() {
		return false, err
	}
	r.deleteCloneOf(ctx, r.Run)
	return true, outcome(r.Run)
}

// look is one look of Wait.
func (r *CIRun) look(ctx context.Context) (done bool, err error) {
	if r.between {
		return false, r.completeMove(ctx)
	}
	s, err := r.refresh(ctx)
	if err != nil {
		return false, err
	}
	if r.Run.Status.Terminal() {
		return r.finish(ctx, s)
	}
	if err := unknown(r.Run, r.changed); err != nil {
		return true, err
	}
	if err := r.settle(ctx, s); err != nil {
		return false, err
	}
	if r.Decision == Superseded {
		return true, r.superseded()
	}
	return false, r.move(ctx, s)
}

// refresh reads our run and the account's active runs, at the same time.
func (r *CIRun) refresh(ctx context.Context) (*snapshot, error) {
	var (
		wg         sync.WaitGroup
		run        *Run
		runs       []*Run
		listed     time.Time
		rerr, lerr error
	)
	wg.Go(func() { run, rerr = r.a.Client.Runs.Get(ctx, r.Run.ID, RunWithTrigger, RunWithAudit) })
	wg.Go(func() { runs, lerr = r.activeRuns(ctx); listed = time.Now() })
	wg.Wait()
	if errors.Is(rerr, ErrNotFound) && time.Since(r.triggered) < positive(r.a.Poll.Grace, time.Minute) {
		rerr = fmt.Errorf("run %d cannot be read yet", r.Run.ID)
	}
	if rerr == nil {
		if run.Trigger == nil {
			run.Trigger = r.Run.Trigger
		}
		if run.Status != r.Run.Status {
			r.Run, r.changed = run, time.Now()
			r.say("run %d: %s", run.ID, run.Status)
		}
		r.Run = run
		if run.Status.Terminal() {
			r.ended[run.ID] = true
			if lerr != nil && run.Status != RunCancelled {
				return r.snapshot(nil), nil // how it ended is all that matters
			}
		}
	}
	s := r.snapshot(runs)
	s.listed = listed
	return s, errors.Join(rerr, lerr)
}

// finish says how the run ended and deletes its clone. A run that was cancelled for
// the sake of a newer change is superseded; one that was a duplicate goes on in its
// twin; one whose twin was given up meanwhile, as an adopted one whose owner gave up,
// is triggered once again.
func (r *CIRun) finish(ctx context.Context, s *snapshot) (done bool, err error) {
	r.deleteCloneOf(ctx, r.Run)
	if r.Run.Status != RunCancelled {
		r.cancelLate(ctx, s)
		return true, outcome(r.Run)
	}
	found, doubled, err := r.inherit(ctx)
	switch {
	case err != nil:
		return false, err
	case r.Decision == Superseded:
		return true, r.superseded()
	case found:
		return false, nil
	case !r.Adopted && !doubled || r.again:
		// who cancels for a newer change triggers only when it has seen the end of ours
		if time.Since(r.changed) < min(newerPatience, 3*r.a.poll().Interval) {
			return false, nil
		}
		return true, outcome(r.Run)
	}
	r.again, r.CloneJobID, r.detailed = true, 0, false
	r.say("run %d was cancelled, and not by us; starting this commit again", r.Run.ID)
	if err := r.place(ctx); err != nil {
		return true, err
	}
	if r.Decision == Superseded {
		return true, r.superseded()
	}
	return false, nil
}

// inherit looks for what goes on in place of our cancelled run: a run of the same
// commit, which is followed, or one of a newer change. Doubled means that there was an
// earlier run of the commit beside ours, which may have been cancelled as its
// duplicate, and that it is gone too.
func (r *CIRun) inherit(ctx context.Context) (found, doubled bool, err error) {
	runs, err := r.a.Client.Runs.aftermath(ctx, r.Run.ID, RunFilter{Include: []RunInclude{RunWithJob}}, r.a.poll())
	if err != nil {
		return false, false, err
	}
	for _, rival := range r.snapshot(runs).rivals(r.us) {
		twin := r.us.twin(rival)
		if !twin && !r.us.outdatedBy(rival) {
			continue
		}
		beside := rival.FinishedAt.IsZero() || rival.FinishedAt.After(r.Run.CreatedAt.Time)
		alive := !rival.Status.Terminal()
		if alive {
			if alive, err = r.alive(ctx, rival.ID); err != nil {
				return false, false, err
			}
		}
		switch {
		case !alive:
			doubled = doubled || twin && beside && r.us.before(rival, r.Run.ID)
		case !twin:
			return true, false, r.supersede(ctx, rival.ID)
		default:
			run, err := r.a.Client.Runs.getListed(ctx, rival.ID, r.a.poll())
			if err == nil {
				r.adopt(run)
			}
			return err == nil, false, err
		}
	}
	return false, doubled, nil
}

// cancelLate cancels the late outcome of a trigger that was sent twice.
func (r *CIRun) cancelLate(ctx context.Context, s *snapshot) {
	for _, rival := range s.rivals(r.us) {
		if !r.us.owns(rival) {
			continue
		}
		if err := r.requestCancel(ctx, rival.ID); err != nil {
			r.warn("run %d is a duplicate and still active: %v", rival.ID, err)
		}
	}
}

// move takes a queued run to a clone when a slot is free and it is its turn. Behind
// a run that writes its schema it stays: there the platform keeps them apart.
func (r *CIRun) move(ctx context.Context, s *snapshot) error {
	rules := r.a.rules()
	if r.Adopted || r.a.NoMove || rules.mode == ModeQueue || rules.mode == ModeNative || len(r.stuck) > 0 || r.JobID != r.source.ID {
		return nil
	}
	t := s.turn(rules, r.current(s))
	if !t.candidate || s.writer(r.us) != nil || len(s.rivals(r.us)) > 0 {
		r.freeLooks, r.blocked = 0, time.Time{}
		return nil
	}
	if r.blocked.IsZero() {
		r.blocked = time.Now()
	}
	if s.listed.Before(time.Now().Add(-defaultInterval)) {
		return nil // too old to decide on: the next look is near
	}
	if !r.detailed {
		if err := r.renew(ctx, s); err != nil {
			return err
		}
		t = s.turn(rules, r.current(s))
	}
	if r.obstacle != "" || t.room <= 0 || s.native(rules) && time.Since(r.blocked) < nativePatience {
		return nil
	}
	if r.freeLooks++; r.freeLooks <= t.rank-t.room {
		return nil
	}
	if time.Since(r.renewed) > r.a.poll().Interval {
		if err := r.renew(ctx, s); err != nil || r.obstacle != "" || s.turn(rules, r.current(s)).room <= 0 {
			return err
		}
	}
	return r.moveToClone(ctx)
}

// renew reads again what a clone is made from and what decides about it: a run may
// have been queued for hours.
func (r *CIRun) renew(ctx context.Context, s *snapshot) error {
	source, err := r.a.Client.Jobs.Get(ctx, r.a.JobID)
	if err == nil {
		err = usable(source, r.a.JobID)
	}
	switch {
	case errors.Is(err, ErrInvalid), errors.Is(err, ErrNotFound):
		r.obstacle = err.Error()
		r.warn("run %d stays queued, because its job cannot be cloned any more: %v", r.Run.ID, err)
		return nil
	case err != nil:
		return err
	}
	if err := r.detail(ctx); err != nil {
		return err
	}
	r.source, s.source, r.renewed = source, source, time.Now()
	r.apply(s)
	return nil
}

// current is our run as the snapshot has it, or as last seen.
func (r *CIRun) current(s *snapshot) *Run {
	for _, run := range s.runs {
		if run.ID == r.Run.ID {
			run.Status = r.Run.Status
			return run
		}
	}
	return r.Run
}

// moveToClone makes the clone first, so that a run is cancelled only for a place
// that exists.
func (r *CIRun) moveToClone(ctx context.Context) error {
	clone, err := r.makeClone(ctx)
	if err != nil {
		if ctx.Err() == nil {
			r.obstacle = err.Error()
			r.warn("run %d stays queued, because cloning its job failed: %v", r.Run.ID, err)
			return nil
		}
		return err
	}
	run, err := r.a.Client.Runs.Get(ctx, r.Run.ID)
	if err != nil || run.Status != RunQueued {
		r.dropClone(ctx)
		return err
	}
	r.say("moving run %d from the queue to the clone %d", run.ID, clone.ID)
	r.between = true
	return r.completeMove(ctx)
}

// completeMove cancels the queued run, sees it ended and triggers it on the clone.
// Where it is cut short, the next look goes on with it.
func (r *CIRun) completeMove(ctx context.Context) error {
	old := r.Run.ID
	if err := r.requestCancel(ctx, old); err != nil {
		if ctx.Err() == nil {
			r.between = false
			r.dropClone(ctx)
		}
		return err
	}
	run, err := r.ending(ctx, old)
	if err != nil {
		return err
	}
	if run.Status != RunCancelled {
		r.between = false
		r.dropClone(ctx) // it was faster: it ran to its end
		return nil
	}
	if !slices.Contains(r.MovedRunIDs, old) {
		r.MovedRunIDs = append(r.MovedRunIDs, old)
	}
	r.Decision, r.Reason = OnClone, fmt.Sprintf("a slot became free while run %d was queued", old)
	if err := r.triggerOn(ctx, cmp.Or(r.CloneJobID, r.source.ID)); err != nil {
		if errors.Is(err, ErrBadRequest) || errors.Is(err, ErrConflict) {
			return fmt.Errorf("%w: %w", errLater, err) // perhaps the queue is full: the run must not be lost for that
		}
		return err
	}
	r.freeLooks, r.blocked = 0, time.Time{}
	return r.confirm(ctx)
}

// leave does what can be done in a few seconds when the context has ended.
func (r *CIRun) leave(ctx context.Context, cause error) error {
	limit := leaveLimit
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		limit = lateLeaveLimit
	}
	left, done := briefly(context.WithoutCancel(ctx), limit)
	defer done()
	if cause == nil {
		cause = context.Cause(ctx)
	}
	if until := r.a.Client.PausedUntil(); !until.IsZero() {
		return fmt.Errorf("dbtcloud: left %s as it is, because the API refuses requests until %s: %w", r.remains(), until.Format(time.TimeOnly), cause)
	}
	if r.limbo {
		r.lookForLost(left, limit/2)
	}
	switch {
	case r.limbo, r.Run == nil:
	case r.between && r.a.OnLeave == LeaveDetach:
		if err := r.completeMove(left); err != nil {
			cause = errors.Join(cause, err)
		}
	case !r.Adopted:
		r.leaveRun(left)
	}
	if r.spareClone() {
		r.dropClone(left)
	}
	return fmt.Errorf("dbtcloud: left %s: %w", r.remains(), cause)
}

// briefly is a context that is cancelled after d. It has no deadline, which an error
// would pass off as the caller's.
func briefly(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	timer := time.AfterFunc(d, cancel)
	return ctx, func() { timer.Stop(); cancel() }
}

// leaveClone deletes the clone of a run that ended just before the context did.
func (r *CIRun) leaveClone(ctx context.Context) {
	left, done := briefly(context.WithoutCancel(ctx), lateLeaveLimit)
	defer done()
	if r.a.Client.PausedUntil().IsZero() {
		r.deleteCloneOf(left, r.Run)
	}
	if r.CloneJobID != 0 && !r.a.KeepClone {
		r.warn("clone %d is left, a later sweep will delete it", r.CloneJobID)
	}
}

// lookForLost looks for the run of a trigger that was cut off, for so long.
func (r *CIRun) lookForLost(ctx context.Context, patience time.Duration) {
	ctx, done := briefly(ctx, patience)
	defer done()
	p := Poll{First: 200 * time.Millisecond, Interval: time.Second}
	_ = p.until(ctx, func(ctx context.Context) (bool, error) {
		runs, err := Collect(r.a.Client.Runs.All(ctx, RunFilter{Newest: maxPage, Include: []RunInclude{RunWithTrigger}}))
		for _, jobID := range []int64{r.CloneJobID, r.source.ID} {
			if run := r.own(runs, jobID); run != nil {
				r.Run, r.JobID, r.Adopted, r.limbo, r.between = run, run.JobID, false, false, false
				return true, nil
			}
		}
		return false, err
	})
}

// leaveRun cancels the run if that is wanted, and deletes its clone if it has ended.
func (r *CIRun) leaveRun(ctx context.Context) {
	if r.a.OnLeave != LeaveDetach && !r.Run.Status.Terminal() {
		_ = r.requestCancel(ctx, r.Run.ID)
	}
	p := Poll{First: 200 * time.Millisecond, Interval: time.Second}
	_ = p.until(ctx, func(ctx context.Context) (bool, error) {
		run, err := r.a.Client.Runs.Get(ctx, r.Run.ID)
		if err != nil {
			return false, err
		}
		r.Run = run
		return run.Status.Terminal() || r.a.OnLeave == LeaveDetach, nil
	})
	if r.Run.Status.Terminal() {
		r.ended[r.Run.ID] = true
		r.deleteCloneOf(ctx, r.Run)
	}
}

// remains names what was left behind.
func (r *CIRun) remains() string {
	text := r.us.change.PullRequest.String()
	if r.Run != nil {
		text += fmt.Sprintf(", run %d (%s)", r.Run.ID, r.Run.Status)
	}
	if r.limbo {
		text += ", a trigger whose outcome is not known"
	}
	if r.CloneJobID != 0 {
		text += fmt.Sprintf(", clone job %d (removed by the next sweep once its run has ended)", r.CloneJobID)
	}
	return text
}
