package dbtcloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxRounds bounds how often a change is looked at anew before it is triggered.
const maxRounds = 20

// place takes a change to its run: look, decide, act, and look again until nothing
// stands in the way.
func (r *CIRun) place(ctx context.Context) error {
	for range maxRounds {
		plan, err := r.plan(ctx)
		if err != nil {
			return err
		}
		r.Decision, r.Reason = plan.Decision, plan.Reason
		if plan.Decision == Superseded {
			return r.supersede(ctx, plan.RunID)
		}
		if r.stale(ctx) {
			return r.supersede(ctx, 0)
		}
		switch {
		case len(plan.Cancel) > 0 && plan.Decision != Adopt && r.locked() != "":
			return fmt.Errorf("dbtcloud: the account is locked (%s), so runs %s were left alone and nothing was triggered", r.locked(), joinIDs(plan.Cancel))
		case len(plan.Cancel) > 0:
			if err := r.cancelOutdated(ctx, plan.Cancel); err != nil {
				return err
			}
		case plan.Decision == Adopt:
			run, err := r.a.Client.Runs.getListed(ctx, plan.RunID, r.a.poll())
			if err != nil {
				return err
			}
			if !run.Status.Terminal() {
				r.adopt(run)
				return nil
			}
			r.ended[run.ID] = true // the list was stale: what has finished is never adopted
		case plan.await != 0:
			r.say("waiting: %s", plan.Reason)
			if err := r.awaitEnd(ctx, plan.await); err != nil {
				return err
			}
		default:
			settled, err := r.act(ctx, plan)
			if settled || err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("dbtcloud: %s changes faster than it can be placed; try again", r.us.change.PullRequest)
}

// plan looks and decides.
func (r *CIRun) plan(ctx context.Context) (*Plan, error) {
	s, err := r.observe(ctx)
	if err != nil {
		return nil, err
	}
	plan := decide(s, r.a.rules(), r.us)
	if plan.more {
		if err := r.detail(ctx); err != nil {
			return nil, err
		}
		if s, err = r.fresh(ctx, s); err != nil {
			return nil, err
		}
		r.apply(s)
		plan = decide(s, r.a.rules(), r.us)
	}
	for _, w := range plan.Warnings {
		r.warn("%s", w)
	}
	plan.Warnings = slices.Clone(r.Warnings)
	return plan, nil
}

// observe reads the source job and the account's active runs, at the same time.
func (r *CIRun) observe(ctx context.Context) (*snapshot, error) {
	var (
		wg           sync.WaitGroup
		source       *Job
		runs         []*Run
		listed       time.Time
		jobErr, rErr error
	)
	wg.Go(func() { source, jobErr = r.a.Client.Jobs.Get(ctx, r.a.JobID) })
	wg.Go(func() { runs, rErr = r.activeRuns(ctx); listed = time.Now() })
	wg.Wait()
	if jobErr == nil {
		jobErr = usable(source, r.a.JobID)
	}
	if jobErr != nil {
		return nil, fmt.Errorf("dbtcloud: source job %d: %w", r.a.JobID, jobErr)
	}
	if rErr != nil {
		return nil, fmt.Errorf("dbtcloud: listing active runs: %w", rErr)
	}
	r.source = source
	s := r.snapshot(runs)
	s.listed = listed
	return r.fresh(ctx, s)
}

// fresh is the snapshot with a new list if its own is too old to decide on: the other
// requests may have waited for minutes for the end of a pause.
func (r *CIRun) fresh(ctx context.Context, s *snapshot) (*snapshot, error) {
	if time.Since(s.listed) <= defaultInterval {
		return s, nil
	}
	runs, err := r.activeRuns(ctx)
	if err != nil {
		return nil, fmt.Errorf("dbtcloud: listing active runs: %w", err)
	}
	return r.snapshot(runs), nil
}

func (r *CIRun) snapshot(runs []*Run) *snapshot {
	s := &snapshot{source: r.source, runs: runs, listed: time.Now(), stuck: r.stuck}
	r.apply(s)
	return s
}

// apply puts what detail found into a snapshot.
func (r *CIRun) apply(s *snapshot) {
	s.detailed, s.account, s.obstacle = r.detailed, r.account, r.obstacle
}

// activeRuns lists what is active, less what is known to have ended.
func (r *CIRun) activeRuns(ctx context.Context) ([]*Run, error) {
	var runs []*Run
	for run, err := range r.a.Client.Runs.All(ctx, RunFilter{Statuses: Active(), Include: []RunInclude{RunWithTrigger, RunWithJob}}) {
		if err != nil {
			return nil, err
		}
		if run.Trigger == nil {
			run.Trigger = new(RunTrigger)
		}
		if !r.ended[run.ID] && !run.Status.Terminal() {
			runs = append(runs, run)
		}
	}
	return runs, nil
}

// usable refuses a source job that cannot carry runs, or must not.
func usable(job *Job, id int64) error {
	_, clone := parseCloneName(job.Name)
	switch {
	case job.ID != id:
		return fmt.Errorf("the server answered with job %d", job.ID)
	case clone:
		return fmt.Errorf("%w: job id: is itself a clone made for a pull request: give the job it was cloned from", ErrInvalid)
	case job.State == StateDeleted:
		return fmt.Errorf("%w: job id: the job is deleted: give an active one", ErrInvalid)
	case job.Deactivated:
		return fmt.Errorf("%w: job id: the job is deactivated after %d failed runs: run it by hand or save it in dbt Cloud to activate it", ErrInvalid, job.RunFailureCount)
	}
	return nil
}

// detail reads what only matters while the job is busy: the account, for its plan
// and slots, and the overrides that a clone would need.
func (r *CIRun) detail(ctx context.Context) error {
	var wg sync.WaitGroup
	var accountErr, varsErr error
	wg.Go(func() { r.account, accountErr = r.a.Client.Accounts.Get(ctx) })
	wg.Go(func() {
		r.overrides, varsErr = r.a.Client.EnvironmentVariables.JobOverrides(ctx, r.source.ProjectID, r.source.ID)
	})
	wg.Wait()
	for _, err := range []error{accountErr, varsErr} {
		if errors.Is(err, ErrUnauthorized) || err != nil && ctx.Err() != nil {
			return err
		}
	}
	if accountErr != nil {
		r.account = nil
		r.warn("the account cannot be read, so its run slots are not known: %v", accountErr)
	}
	r.obstacle = obstacle(r.overrides, varsErr)
	if why := r.locked(); why != "" {
		r.warn("the account is locked: %s", why)
	}
	r.detailed = true
	return nil
}

// locked is why the account starts no runs; empty if it does, or was not read.
func (r *CIRun) locked() string { return lockOf(r.account, r.a.Client.serverTime()) }

// lockOf is why an account starts no runs at a time.
func lockOf(a *Account, now time.Time) string {
	if a == nil || !a.Locked && !a.RunLockedUntil.After(now) {
		return ""
	}
	return cmp.Or(strings.TrimSpace(a.LockReason+" "+a.LockCause), "no reason is given")
}

// obstacle is why a clone would not do what its source does; empty if it would.
func obstacle(overrides []JobOverride, err error) string {
	if err != nil {
		return fmt.Sprintf("its environment-variable overrides cannot be read (%v)", err)
	}
	for _, o := range overrides {
		if o.Secret() {
			return fmt.Sprintf("the value of its secret override %s cannot be read, and a clone would run without it", o.Name)
		}
	}
	return ""
}

// cancelOutdated cancels runs of the same pull request, or cleanups after it, and waits
// until they have ended, because two runs of one pull request must not write one schema at once.
func (r *CIRun) cancelOutdated(ctx context.Context, ids []int64) error {
	for _, id := range ids {
		r.say("cancelling run %d, which is outdated", id)
		if err := r.requestCancel(ctx, id); err != nil {
			return err
		}
	}
	patience, done := context.WithTimeout(ctx, positive(r.a.CancelPatience, defaultPatience))
	defer done()
	for _, id := range ids {
		run, err := r.ending(patience, id)
		switch {
		case err == nil:
			r.noteCancelled(run)
			r.deleteCloneOf(ctx, run)
		case ctx.Err() != nil:
			return err
		case patience.Err() == nil:
			return fmt.Errorf("dbtcloud: cancelling run %d: %w", id, err)
		default:
			if err := r.noteStuck(ctx, id); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *CIRun) noteCancelled(run *Run) {
	if run.Status == RunCancelled && !slices.Contains(r.CancelledRunIDs, run.ID) {
		r.CancelledRunIDs = append(r.CancelledRunIDs, run.ID)
	}
}

// noteStuck remembers a run whose cancel does not end. Behind it on the source job
// the platform keeps order; on a clone nothing would.
func (r *CIRun) noteStuck(ctx context.Context, id int64) error {
	run, err := r.a.Client.Runs.Get(ctx, id)
	if err != nil {
		return fmt.Errorf("dbtcloud: run %d was asked to cancel and cannot be read: %w", id, err)
	}
	if run.Status.Terminal() {
		r.ended[id] = true
		r.noteCancelled(run)
		return nil
	}
	if run.JobID != r.source.ID {
		return fmt.Errorf("dbtcloud: run %d on the clone %d has not ended %s after it was cancelled; nothing was triggered, because both would write the schema %s: try again when it has ended",
			id, run.JobID, positive(r.a.CancelPatience, defaultPatience), r.us.schema)
	}
	r.stuck = append(r.stuck, id)
	r.warn("run %d has not ended after it was cancelled", id)
	return nil
}

// requestCancel asks for a run to be cancelled. Only a refusal of the token ends it:
// whatever else is answered, the run itself tells what became of it.
func (r *CIRun) requestCancel(ctx context.Context, id int64) error {
	_, err := r.a.Client.Runs.Cancel(ctx, id)
	if err == nil {
		r.asked[id] = time.Now()
	}
	if errors.Is(err, ErrUnauthorized) || errors.Is(err, ErrForbidden) || err != nil && ctx.Err() != nil {
		return fmt.Errorf("dbtcloud: cancelling run %d: %w", id, err)
	}
	return nil
}

// ending waits until a run is terminal.
func (r *CIRun) ending(ctx context.Context, id int64) (run *Run, err error) {
	err = r.a.poll().until(ctx, func(ctx context.Context) (bool, error) {
		var gerr error
		run, gerr = r.a.Client.Runs.Get(ctx, id)
		return gerr == nil && run.Status.Terminal(), gerr
	})
	if err == nil {
		r.ended[id] = true
	}
	return run, err
}

// awaitEnd waits for another pull request's run, which is not ours to cancel.
func (r *CIRun) awaitEnd(ctx context.Context, id int64) error {
	_, err := r.ending(ctx, id)
	return err
}

// act makes the clone, if there is to be one, triggers and confirms. It returns
// false when the situation changed meanwhile and must be looked at anew.
func (r *CIRun) act(ctx context.Context, plan *Plan) (settled bool, err error) {
	jobID := plan.JobID
	if plan.Decision == OnClone {
		clone, err := r.makeClone(ctx)
		switch {
		case err == nil:
			jobID = clone.ID
		case ctx.Err() != nil, errors.Is(err, ErrUnauthorized):
			return false, err
		default:
			r.obstacle = err.Error()
			r.Decision, r.Reason = Queue, "the job is busy, and cloning it failed: "+r.obstacle
			r.warn("%s", r.Reason)
		}
	}
	if r.stale(ctx) {
		r.dropClone(ctx)
		return true, r.supersede(ctx, 0)
	}
	if err := r.triggerOn(ctx, jobID); err != nil {
		return false, err
	}
	return true, r.confirm(ctx)
}

// stale asks for the head of the pull request, where the caller can tell, and says
// whether it has moved on.
func (r *CIRun) stale(ctx context.Context) bool {
	if r.a.Head == nil || r.us.change.SHA == "" {
		return false
	}
	head, err := r.a.Head(ctx, r.us.change.PullRequest)
	if err == nil && head == "" {
		err = errors.New("it is empty")
	}
	if err != nil {
		r.warn("the head of %s could not be read: %v", r.us.change.PullRequest, err)
		return false
	}
	if strings.EqualFold(head, r.us.change.SHA) {
		return false
	}
	r.Reason = fmt.Sprintf("the head of %s is %.12s, not %.12s", r.us.change.PullRequest, head, r.us.change.SHA)
	return true
}
