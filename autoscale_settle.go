package dbtcloud

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// confirm looks until the list shows our run, and then settles with the other runs
// of the pull request. After a minute waiting goes on looking, whatever it is that
// keeps the list from showing it; the minute does not count while a request waits for
// the end of a pause.
func (r *CIRun) confirm(ctx context.Context) error {
	begun := time.Now()
	return r.a.poll().until(ctx, func(ctx context.Context) (bool, error) {
		late := time.Since(begun) >= lookupPatience
		done, err := r.confirmed(ctx)
		if late && !done && ctx.Err() == nil && r.Decision != Superseded {
			return true, nil
		}
		return done, err
	})
}

// confirmed is one look of confirm. A list without our run is stale and proves nothing;
// one with it may be stale too, and nothing is cancelled for the sake of a run that is
// gone.
func (r *CIRun) confirmed(ctx context.Context) (bool, error) {
	runs, err := r.activeRuns(ctx)
	if err != nil {
		return false, err
	}
	s := r.snapshot(runs)
	shown := slices.ContainsFunc(runs, func(run *Run) bool { return run.ID == r.Run.ID })
	if shown && len(s.rivals(r.us)) == 0 {
		return true, nil
	}
	run, err := r.a.Client.Runs.Get(ctx, r.Run.ID)
	switch {
	case err == nil && run.Status == RunCancelled:
		_, _, err = r.inherit(ctx)
	case err == nil && run.Status.Terminal():
	case shown && (err == nil || errors.Is(err, ErrNotFound)):
		err = r.settle(ctx, s)
	default:
		return false, err
	}
	return err == nil, err
}

// settle deals with the other active runs of the pull request: ours gives way to a
// newer change and to an earlier run of the same commit, and everything older to ours.
// Lists may be stale, so whatever ours gives way to is looked at first.
func (r *CIRun) settle(ctx context.Context, s *snapshot) error {
	for _, rival := range s.rivals(r.us) {
		twin := r.us.twin(rival)
		yield := !twin && r.us.outdatedBy(rival) || twin && r.us.before(rival, r.Run.ID)
		if yield {
			alive, err := r.alive(ctx, rival.ID)
			if err != nil {
				return err
			}
			if !alive {
				continue
			}
		}
		switch {
		case yield && !twin:
			return r.supersede(ctx, rival.ID)
		case yield:
			return r.joinTwin(ctx, rival.ID)
		case time.Since(r.asked[rival.ID]) < positive(r.a.CancelPatience, defaultPatience): // and it takes its time
		default:
			r.say("cancelling run %d, which is outdated, a duplicate or a cleanup", rival.ID)
			if err := r.requestCancel(ctx, rival.ID); err != nil {
				return err
			}
			if !slices.Contains(r.CancelledRunIDs, rival.ID) {
				r.CancelledRunIDs = append(r.CancelledRunIDs, rival.ID)
			}
		}
	}
	return nil
}

// joinTwin gives up our run for an earlier one of the same commit.
func (r *CIRun) joinTwin(ctx context.Context, id int64) error {
	if !r.Adopted {
		if err := r.cancelOwn(ctx); err != nil {
			return err
		}
	}
	run, err := r.a.Client.Runs.getListed(ctx, id, r.a.poll())
	if err == nil {
		r.adopt(run)
	}
	return err
}

// alive tells whether a run that a list showed is really active.
func (r *CIRun) alive(ctx context.Context, id int64) (bool, error) {
	run, err := r.a.Client.Runs.Get(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return true, nil // too new to be read
	}
	if err != nil {
		return false, err
	}
	if run.Status.Terminal() {
		r.ended[id] = true
	}
	return !run.Status.Terminal(), nil
}

// adopt follows a run of the same commit that somebody else triggered.
func (r *CIRun) adopt(run *Run) {
	r.Run, r.JobID, r.Adopted, r.CloneJobID = run, run.JobID, !r.us.owns(run), 0
	if run.JobID != r.source.ID {
		r.CloneJobID = run.JobID
	}
	_, r.us.first = order(run)
	r.us.runs = append(r.us.runs, run.ID)
	r.say("following run %d, which tests this commit already", run.ID)
}

// supersede ends the change in favour of a newer one.
func (r *CIRun) supersede(ctx context.Context, by int64) error {
	r.SupersededBy, r.Decision = by, Superseded
	if by != 0 {
		r.Reason = fmt.Sprintf("run %d tests a newer change of %s", by, r.us.change.PullRequest)
	}
	r.say("superseded: %s", r.Reason)
	if r.Run != nil && !r.Adopted {
		return r.cancelOwn(ctx)
	}
	return nil
}

// cancelOwn cancels the run of this change and waits for its end.
func (r *CIRun) cancelOwn(ctx context.Context) error {
	if err := r.requestCancel(ctx, r.Run.ID); err != nil {
		return err
	}
	run, err := r.ending(ctx, r.Run.ID)
	if err != nil {
		return err
	}
	r.Run = run
	r.deleteCloneOf(ctx, run)
	return nil
}
