package dbtcloud

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// errRival ends the looks at a cleanup that has to give way.
var errRival = errors.New("dbtcloud: the cleanup gives way")

// cleanUp runs the cleanup steps when nothing of the pull request is active any more. A
// run of a change that turns up after all ends the cleanup: a newer one for good, an
// older one until it has ended itself.
func (c *closer) cleanUp(ctx context.Context) error {
	if err := usable(c.r.source, c.r.a.JobID); err != nil {
		// not ErrInvalid, which would say that nothing was done
		return fmt.Errorf("dbtcloud: no cleanup: source job %d: %s", c.r.a.JobID, err.Error())
	}
	for range maxRounds {
		look := c.end
		if c.lost {
			look = c.succession
		}
		if err := look(ctx); err != nil {
			return err
		}
		twin := c.sameCleanup(c.seen)
		switch writer := c.seen.writer(c.r.us); {
		case len(c.report.Newer) > 0:
			c.r.say("no cleanup: runs %s of %s are newer", joinIDs(c.report.Newer), c.what.PullRequest)
			return nil
		case c.lost && twin == nil:
			return outcome(c.report.Cleanup)
		case writer != nil:
			return fmt.Errorf("dbtcloud: no cleanup: run %d of %s writes the schema %s too; give each pull request a schema of its own", writer.ID, writer.Trigger.PullRequest(), c.r.us.schema)
		}
		if err := c.startCleanup(ctx, twin); err != nil {
			return err
		}
		if again, err := c.follow(ctx); err != nil || !again {
			return err
		}
	}
	return fmt.Errorf("dbtcloud: %s changes faster than it can be cleaned up after; try again", c.what.PullRequest)
}

// succession looks for a minute for what the cleanup was cancelled for: who tests a newer
// change cancels it first and sees it end. So does a late runner of an older one, which
// has then been ended: the cleanup is not lost for that.
func (c *closer) succession(ctx context.Context) error {
	begun, asked := time.Now(), len(c.r.asked)
	return c.r.a.poll().until(ctx, func(ctx context.Context) (bool, error) {
		late := time.Since(begun) >= lookupPatience
		err := c.end(ctx)
		if len(c.r.asked) > asked {
			c.lost = false
		}
		return err == nil && (late || !c.lost || len(c.report.Newer) > 0 || c.sameCleanup(c.seen) != nil), err
	})
}

// sameCleanup is the first active cleanup of the pull request with our steps and schema.
func (c *closer) sameCleanup(s *snapshot) *Run {
	for _, run := range s.cleanups(c.r.us) { // by id
		if slices.Equal(run.Trigger.StepsOverride, c.what.CleanupSteps) && run.Trigger.SchemaOverride == c.r.us.schema {
			return run
		}
	}
	return nil
}

// startCleanup follows the cleanup that another runner has begun, or triggers one.
func (c *closer) startCleanup(ctx context.Context, twin *Run) error {
	c.adopted, c.settled, c.lost = twin != nil, false, false
	if twin != nil {
		c.report.Cleanup = twin
		c.r.say("following run %d, which cleans up after %s already", twin.ID, c.what.PullRequest)
		return nil
	}
	m := cleanupMarker{source: c.r.source.ID, pr: c.what.PullRequest, seq: c.what.Sequence, nonce: newNonce()}
	t := c.r.a.Overrides
	t.Cause = m.String() + " Cleanup of " + c.what.PullRequest.String()
	t.SchemaOverride, t.StepsOverride, t.GenerateDocsOverride = c.r.us.schema, c.what.CleanupSteps, new(false)
	run, err := c.r.a.Client.Jobs.triggerMarked(ctx, c.r.source.ID, t, m.String())
	if err != nil {
		return fmt.Errorf("dbtcloud: triggering the cleanup of %s on job %d: %w", c.what.PullRequest, c.r.source.ID, err)
	}
	c.report.Cleanup = run
	c.r.say("triggered run %d on job %d, which cleans up after %s", run.ID, c.r.source.ID, c.what.PullRequest)
	return nil
}

// follow looks at the cleanup until it has ended, or until it is settled if nobody waits.
// Again means that it came to nothing, and all has to be looked at anew.
func (c *closer) follow(ctx context.Context) (again bool, err error) {
	begun := time.Now()
	err = c.r.a.poll().untilLate(ctx, func(ctx context.Context) (bool, error) {
		return c.look(ctx, time.Since(begun) >= lookupPatience)
	})
	run := c.report.Cleanup
	switch {
	case ctx.Err() != nil && err != nil:
		if !c.settled && !c.adopted {
			c.abandon(ctx)
		}
		return false, fmt.Errorf("dbtcloud: left run %d (%s), which cleans up after %s: %w", run.ID, c.report.Cleanup.Status, c.what.PullRequest, err)
	case errors.Is(err, errRival):
		return true, c.giveWay(ctx)
	case err != nil:
		return false, fmt.Errorf("dbtcloud: run %d, which cleans up after %s: %w", run.ID, c.what.PullRequest, err)
	case run.Status == RunCancelled:
		c.lost = true
		return true, nil
	case !run.Status.Terminal():
		return false, nil
	case c.adopted && !c.settled: // the list was stale: what has finished is never adopted
		return true, nil
	}
	return false, outcome(run)
}

// look is one look at the cleanup and at what it must give way to. A list that does not
// show it is stale and proves nothing, for a minute.
func (c *closer) look(ctx context.Context, late bool) (done bool, err error) {
	run, err := c.r.a.Client.Runs.Get(ctx, c.report.Cleanup.ID, RunWithTrigger)
	if err != nil {
		return false, err
	}
	if run.Trigger == nil {
		run.Trigger = c.report.Cleanup.Trigger
	}
	if run.Status != c.report.Cleanup.Status {
		c.r.say("run %d: %s", run.ID, run.Status)
	}
	c.report.Cleanup = run
	if run.Status.Terminal() {
		c.r.ended[run.ID] = true
		return true, nil
	}
	runs, err := c.r.activeRuns(ctx)
	if err != nil {
		return false, err
	}
	s := c.r.snapshot(runs)
	rivals := s.changes(c.r.us)
	if twin := c.sameCleanup(s); twin != nil && twin.ID < run.ID {
		rivals = append(rivals, twin)
	}
	for _, rival := range rivals {
		alive, err := c.r.alive(ctx, rival.ID)
		switch {
		case err != nil:
			return false, err
		case alive:
			return true, errRival
		}
	}
	c.settled = c.settled || late || slices.ContainsFunc(runs, func(r *Run) bool { return r.ID == run.ID })
	return c.settled && c.r.a.NoWait, nil
}

// giveWay cancels the cleanup for the sake of a run that must not meet it, and sees it end.
func (c *closer) giveWay(ctx context.Context) error {
	id := c.report.Cleanup.ID
	c.r.say("cancelling run %d, the cleanup, because another run of %s is active", id, c.what.PullRequest)
	if err := c.r.requestCancel(ctx, id); err != nil {
		return err
	}
	run, err := c.r.ending(ctx, id)
	if err == nil {
		c.report.Cleanup = run
	}
	return err
}

// abandon cancels a cleanup of which it is not known whether it meets another run.
func (c *closer) abandon(ctx context.Context) {
	left, done := briefly(context.WithoutCancel(ctx), lateLeaveLimit)
	defer done()
	if c.r.a.Client.PausedUntil().IsZero() {
		_ = c.r.requestCancel(left, c.report.Cleanup.ID)
	}
}
