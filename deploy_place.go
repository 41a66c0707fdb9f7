package dbtcloud

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// place takes a merge to its run: look, trigger, look again, and only then cancel what is
// older and still waits.
func (x *Deployment) place(ctx context.Context) error {
	runs, err := x.observe(ctx)
	if err != nil {
		return fmt.Errorf("dbtcloud: listing the active runs of job %d: %w", x.us.job, err)
	}
	plan, run, err := x.plan(ctx, runs)
	if err != nil {
		return err
	}
	switch plan.decision {
	case Superseded:
		x.supersede(plan.run)
		return nil
	case Adopt:
		x.adopt(run)
		return nil
	}
	x.Reason = "nothing newer is being deployed"
	mark := x.us.mark.String()
	run, err = x.d.Client.Jobs.triggerMarked(ctx, x.us.job, x.trigger(), mark)
	if err != nil {
		return fmt.Errorf("dbtcloud: triggering job %d: %w", x.us.job, err)
	}
	x.Run, x.us.run, x.Adopted, x.settled = run, run.ID, false, false
	x.say("triggered run %d of job %d", run.ID, run.JobID)
	err = x.confirm(ctx, lookupPatience)
	if err != nil && ctx.Err() == nil {
		x.unsettled(err)
		err = nil
	}
	return err
}

// observe lists the active runs of the job, by id, and if another one is of our commit all
// runs since the first: they tell whether another merge came between.
func (x *Deployment) observe(ctx context.Context) ([]*Run, error) {
	runs, err := Collect(x.d.Client.Runs.All(ctx, RunFilter{JobID: x.us.job, Statuses: Active(), Include: []RunInclude{RunWithTrigger}}))
	if err != nil {
		return nil, err
	}
	rivals := x.us.rivals(runs)
	twin := slices.IndexFunc(rivals, x.us.same)
	if twin < 0 {
		return runs, nil
	}
	first, last := rivals[twin].ID, runs[len(runs)-1].ID
	if x.us.run != 0 {
		first = min(first, x.us.run)
	}
	since, err := x.d.Client.Runs.listed(ctx, RunFilter{JobID: x.us.job, After: first}, x.d.poll(), func(since []*Run) bool {
		return last == first || slices.ContainsFunc(since, func(r *Run) bool { return r.ID == last })
	})
	for _, run := range since {
		if !slices.ContainsFunc(runs, func(r *Run) bool { return r.ID == run.ID }) {
			runs = append(runs, run)
		}
	}
	slices.SortFunc(runs, func(a, b *Run) int { return cmp.Compare(a.ID, b.ID) })
	return runs, err
}

// plan decides, and looks at what it would give way to first: lists may be stale. A
// cancelled run is nothing to give way to, and one that had finished before there was a
// run of ours is not adopted: a pipeline that is run again deploys again.
func (x *Deployment) plan(ctx context.Context, runs []*Run) (deployPlan, *Run, error) {
	for {
		p := decideDeployment(runs, x.us)
		if p.run == 0 {
			return p, nil, nil
		}
		run, err := x.d.Client.Runs.getListed(ctx, p.run, x.d.poll())
		if err != nil {
			return p, nil, err
		}
		before := run.Status.Terminal() && (x.us.run == 0 || run.FinishedAt.Before(x.Run.CreatedAt.Time))
		if run.Status != RunCancelled && (p.decision != Adopt || !before) {
			return p, run, nil
		}
		i := slices.IndexFunc(runs, func(r *Run) bool { return r.ID == p.run })
		runs[i] = run
	}
}

// confirm looks until the list shows our run, for so long (0: without limit), and then
// settles with the other deployments. A list without our run is stale and proves nothing.
func (x *Deployment) confirm(ctx context.Context, patience time.Duration) error {
	begun := time.Now()
	return x.d.poll().until(ctx, func(ctx context.Context) (bool, error) {
		late := patience > 0 && time.Since(begun) >= patience
		done, err := x.confirmed(ctx)
		x.settled = done && err == nil
		if late && !done && ctx.Err() == nil {
			if x.d.NoWait {
				x.warn("lists do not show run %d yet: older merges that wait are deployed before it", x.Run.ID)
			}
			return true, nil
		}
		return done, err
	})
}

// confirmed is one look of confirm.
func (x *Deployment) confirmed(ctx context.Context) (bool, error) {
	runs, err := x.observe(ctx)
	if err != nil {
		return false, err
	}
	if slices.ContainsFunc(runs, func(r *Run) bool { return r.ID == x.us.run }) {
		err = x.settle(ctx, runs)
		return err == nil, err
	}
	return x.ended(ctx)
}

// ended looks whether our run has ended, and if it was cancelled finds out what for.
func (x *Deployment) ended(ctx context.Context) (bool, error) {
	run, err := x.d.Client.Runs.Get(ctx, x.us.run, RunWithTrigger)
	if err != nil || !run.Status.Terminal() {
		return false, err
	}
	if x.Run = run; run.Status == RunCancelled {
		_, err = x.replaced(ctx)
	}
	return err == nil, err
}

// settle gives our run up for a newer merge or an earlier run of the same commit, unless
// it has begun, or cancels what is older.
func (x *Deployment) settle(ctx context.Context, runs []*Run) error {
	plan, run, err := x.plan(ctx, runs)
	if err != nil {
		return err
	}
	if plan.run != 0 {
		ours, err := x.cancelQueued(ctx, x.us.run)
		switch {
		case err != nil:
			return err
		case ours == nil: // it has begun, and is deployed before the other; or others were faster
			_, err = x.ended(ctx)
			return err
		case plan.decision == Superseded:
			x.Run = ours
			x.supersede(plan.run)
		default:
			x.adopt(run)
		}
		return nil
	}
	if len(plan.cancel) > 0 {
		if over, err := x.ended(ctx); over || err != nil {
			return err // nothing is cancelled for the sake of a run that is gone
		}
	}
	for _, id := range plan.cancel {
		run, err := x.cancelQueued(ctx, id)
		if err != nil {
			return err
		}
		if run != nil && !slices.Contains(x.Coalesced, id) {
			x.Coalesced = append(x.Coalesced, id)
			x.say("cancelled run %d, which waited to deploy an older merge, or the same", id)
		}
	}
	return nil
}

// cancelQueued cancels a run if it is still queued, and returns it; nil if it has begun
// or ended. The API cannot cancel on a condition, so it may begin in the moment between.
func (x *Deployment) cancelQueued(ctx context.Context, id int64) (*Run, error) {
	run, err := x.d.Client.Runs.getListed(ctx, id, x.d.poll())
	if err != nil || run.Status != RunQueued {
		return nil, err
	}
	run, err = x.d.Client.Runs.Cancel(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("dbtcloud: cancelling run %d: %w", id, err)
	}
	if run.Status == RunSuccess || run.Status == RunError {
		return nil, nil
	}
	if !run.DequeuedAt.IsZero() || !run.StartedAt.IsZero() {
		x.warn("run %d began in the moment in which it was cancelled", id)
	}
	return run, nil
}

func (x *Deployment) supersede(by int64) {
	x.SupersededBy, x.settled = by, true
	x.Reason = fmt.Sprintf("run %d deploys a newer merge than %s", by, x.merge)
	x.say("superseded: %s", x.Reason)
}

// adopt follows a run of the same commit.
func (x *Deployment) adopt(run *Run) {
	mark, _ := parseDeployMark(run.Trigger.Cause)
	x.Run, x.us.run, x.Adopted, x.settled = run, run.ID, mark.nonce != x.us.mark.nonce, true
	x.Reason = fmt.Sprintf("run %d deploys this commit already", run.ID)
	x.say("following run %d, which deploys this commit already", run.ID)
}

// beside are the runs as they were when our run was cancelled: those that lived beside
// it count as queued.
func (x *Deployment) beside(runs []*Run) []*Run {
	out := make([]*Run, len(runs))
	for i, r := range runs {
		after := r.CreatedAt.After(x.Run.FinishedAt.Time) && !x.Run.FinishedAt.IsZero()
		before := r.FinishedAt.Before(x.Run.CreatedAt.Time) && !r.FinishedAt.IsZero()
		run := *r
		if run.Status = RunQueued; after || before {
			run.Status = RunCancelled
		}
		out[i] = &run
	}
	return out
}

// replaced finds out what our run was cancelled for, if it was for the sake of another
// deployment: a newer merge, an earlier run of the same commit, which is followed, or a
// merge that is newer than the run but older than ours; then ours is triggered again.
func (x *Deployment) replaced(ctx context.Context) (bool, error) {
	runs, err := x.d.Client.Runs.aftermath(ctx, x.Run.ID, RunFilter{JobID: x.us.job}, x.d.poll())
	if err != nil {
		return false, err
	}
	beside := x.beside(runs)
	switch p := decideDeployment(beside, x.us); {
	case p.decision == Superseded:
		x.supersede(p.run)
		return true, nil
	case p.decision == Adopt:
		run, err := x.d.Client.Runs.getListed(ctx, p.run, x.d.poll())
		if err == nil {
			x.adopt(run)
		}
		return err == nil, err
	case !x.Adopted || x.again:
		return false, nil
	}
	run := x.us
	if x.Run.Trigger != nil {
		mark, _ := parseDeployMark(x.Run.Trigger.Cause)
		run.mark.seq = mark.seq
	}
	if run.newest(run.rivals(beside)) == 0 {
		return false, nil
	}
	x.again, x.us.run = true, 0
	x.say("run %d was cancelled for a merge that is older than %s; starting again", x.Run.ID, x.merge)
	return true, x.place(ctx)
}
