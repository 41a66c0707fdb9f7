package dbtcloud

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Closing says what of a pull request comes to an end: all of it, or with SHA or
// Sequence what is not newer than that.
type Closing struct {
	PullRequest PullRequest

	// SHA, if set, says that the pull request is open: only what was begun for this
	// commit, or for an older change, ends. It is for the hook of a pipeline that was
	// killed: the run of a newer one stays.
	SHA string

	// Sequence, if set, is that of the pipeline that closes: a change with a higher one,
	// of a pull request that was reopened or of a newer pipeline, stays. Without it
	// nothing tells a late close from a timely one.
	Sequence int64

	// CleanupSteps, if set, are dbt commands to run when all runs of the pull request
	// have ended, such as a dbt run-operation that drops its schema. The job runs them
	// with the schema of the pull request and on its own branch, because the head branch
	// may be gone. Never with SHA.
	CleanupSteps []string
}

// CloseReport is what [AutoscaleCI.Close] did.
type CloseReport struct {
	Cancelled []int64 // runs
	Deleted   []int64 // clones
	Newer     []int64 // active runs of newer changes, which stay
	Cleanup   *Run    // as last seen; nil: there was none
}

// Close ends a pull request, or what Closing says of it: its active runs on the job and
// on its clones are cancelled, and its clones deleted, kept ones too if all of it ends.
// A job that was deactivated is no obstacle. Of a job that is not found, deleted perhaps,
// the clones are deleted all the same, and the error is [ErrNotFound]. What cannot be right
// is [ErrInvalid]; beside any other error the report holds what was done.
//
// A cleanup is triggered exactly once, when a look shows no run of the pull request any
// more. It gives way to a run of a newer change, which is no error, and the run of a newer
// change cancels it first. A second Close with the same steps follows the first one's. A
// cleanup that does not succeed is a [*RunFailedError], unless NoWait is set: then it is not
// waited for. When ctx ends it goes on. API: List Runs, Cancel Run, List Jobs, Destroy Job,
// Trigger Job Run.
func (a *AutoscaleCI) Close(ctx context.Context, what Closing) (CloseReport, error) {
	if err := errors.Join(a.validate(), what.validate()); err != nil {
		return CloseReport{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	c := &closer{r: a.newRun(Change{PullRequest: what.PullRequest}), what: what}
	source, err := a.Client.Jobs.Get(ctx, a.JobID)
	if err != nil {
		err = fmt.Errorf("dbtcloud: source job %d: %w", a.JobID, err)
	}
	switch {
	case err == nil:
		if _, clone := parseCloneName(source.Name); clone {
			return CloseReport{}, usable(source, a.JobID)
		}
		c.r.source = source
		err = c.end(ctx)
	case !errors.Is(err, ErrNotFound): // else it is perhaps deleted, and its clones are left
		return CloseReport{}, err
	}
	ended := err == nil
	err = errors.Join(err, c.deleteClones(ctx))
	if ended && len(what.CleanupSteps) > 0 {
		err = errors.Join(err, c.cleanUp(ctx))
	}
	return c.report, err
}

func (c Closing) validate() error {
	if err := c.PullRequest.validate(); err != nil {
		return err
	}
	switch {
	case c.SHA != "" && !sha.MatchString(c.SHA):
		return fmt.Errorf("sha: %.70q is not a full commit id of 40 or 64 hexadecimal digits", c.SHA)
	case c.Sequence < 0 || c.Sequence > maxNumber:
		return fmt.Errorf("sequence: must be between 0 and %d, not %d", int64(maxNumber), c.Sequence)
	case c.SHA != "" && len(c.CleanupSteps) > 0:
		return errors.New("cleanup steps: a pull request that a sha is given for is open, and its runs need what a cleanup drops: leave out one of them")
	}
	for i, step := range c.CleanupSteps {
		if strings.TrimSpace(step) == "" {
			return fmt.Errorf("cleanup steps: number %d is empty", i+1)
		}
	}
	return nil
}

// closer is a Closing on its way.
type closer struct {
	r      *CIRun // looks, cancels and tells; it has no run
	what   Closing
	looked bool
	begun  int64 // the newest run of the first look: what began later was not meant
	first  int64 // the newest first run of the commit that ends
	report CloseReport

	seen    *snapshot // the last look
	adopted bool      // the cleanup is another runner's
	settled bool      // a look has shown the cleanup, and no run of a change beside it
	lost    bool      // the cleanup was cancelled, and not by us
}

// end cancels what is to end, until a look shows none of it.
func (c *closer) end(ctx context.Context) error {
	for range maxRounds {
		runs, err := c.r.activeRuns(ctx)
		if err != nil {
			return fmt.Errorf("dbtcloud: listing active runs: %w", err)
		}
		c.seen = c.r.snapshot(runs)
		ending := c.sort(c.seen)
		if len(ending) == 0 {
			return nil
		}
		if err := c.cancel(ctx, ending); err != nil {
			return err
		}
	}
	return fmt.Errorf("dbtcloud: runs of %s begin faster than they can be cancelled; try again", c.what.PullRequest)
}

// sort tells the pull request's runs that are to end from newer ones, which are noted.
func (c *closer) sort(s *snapshot) (ending []*Run) {
	runs := s.changes(c.r.us)
	for _, run := range runs {
		if strings.EqualFold(run.Trigger.GitSHA, c.what.SHA) && c.ends(run) {
			c.first = max(c.first, firstOf(run))
		}
	}
	c.report.Newer = nil
	for _, run := range runs {
		if c.ends(run) {
			ending = append(ending, run)
		} else {
			c.report.Newer = append(c.report.Newer, run.ID)
		}
	}
	if !c.looked {
		c.looked = true
		for _, run := range s.runs {
			c.begun = max(c.begun, run.ID)
		}
	}
	return ending
}

// ends tells whether a run of the pull request belongs to what comes to its end. Two
// sequences decide; else what was there at the first look ends, and of an open pull
// request the commit itself and what began before it.
func (c *closer) ends(run *Run) bool {
	seq, first := order(run)
	switch {
	case seq > 0 && c.what.Sequence > 0 && seq != c.what.Sequence:
		return seq < c.what.Sequence
	case c.what.SHA != "":
		return strings.EqualFold(run.Trigger.GitSHA, c.what.SHA) || first < c.first
	default:
		return !c.looked || first <= c.begun
	}
}

// cancel cancels runs, and gives them the time to end that a cancel may take.
func (c *closer) cancel(ctx context.Context, runs []*Run) error {
	var ids []int64
	for _, run := range runs {
		c.r.say("cancelling run %d of %s", run.ID, c.what.PullRequest)
		if err := c.r.requestCancel(ctx, run.ID); err != nil {
			return err
		}
		ids = append(ids, run.ID)
	}
	patience, done := context.WithTimeout(ctx, positive(c.r.a.CancelPatience, defaultPatience))
	defer done()
	err := c.r.a.poll().until(patience, func(ctx context.Context) (bool, error) {
		var problems []error
		ids = slices.DeleteFunc(ids, func(id int64) bool {
			run, err := c.r.a.Client.Runs.Get(ctx, id)
			problems = append(problems, err)
			return err == nil && c.ended(run)
		})
		return len(ids) == 0, errors.Join(problems...)
	})
	if err != nil {
		return fmt.Errorf("dbtcloud: asked to cancel, and has not ended: run %s: %w", joinIDs(ids), err)
	}
	return nil
}

// ended tells whether a run that was asked to cancel has ended, and notes that.
func (c *closer) ended(run *Run) bool {
	if !run.Status.Terminal() {
		return false
	}
	c.r.ended[run.ID] = true
	if run.Status == RunCancelled {
		c.report.Cancelled = append(c.report.Cancelled, run.ID)
	}
	return true
}

// deleteClones deletes the pull request's clones whose runs have ended or were asked to.
// If all of it ends kept ones go too, and those that never had a run, and where their
// source is gone whatever runs on them.
func (c *closer) deleteClones(ctx context.Context) error {
	a, all := c.r.a, c.what.SHA == "" && len(c.report.Newer) == 0
	clones, err := a.clones(ctx)
	o := sweeping{young: all, active: all && c.r.source == nil, ended: c.r.ended}
	for id := range c.r.asked {
		o.ended[id] = true
	}
	var swept SweepReport
	problems := []error{err}
	for _, clone := range clones {
		name, _ := parseCloneName(clone.Name)
		if name.pr == c.what.PullRequest && (all || !name.kept) {
			problems = append(problems, a.sweepOne(ctx, clone, o, &swept))
		}
	}
	c.report.Deleted = slices.Concat(c.report.Deleted, swept.Deleted)
	return errors.Join(problems...)
}
