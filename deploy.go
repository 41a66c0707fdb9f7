package dbtcloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
)

// Merge is a commit that has just become part of a branch: what is to be deployed.
type Merge struct {
	SHA      string // the full commit
	Branch   string // that it was merged into; merges of different branches never replace each other
	Sequence int64  // orders the merges of a branch, such as a pipeline counter; 0: unknown. Give it for all or for none
}

// String is the commit and the branch, such as 0f3c5e9bd0f7 of main.
func (m Merge) String() string {
	text := m.SHA[:min(len(m.SHA), 12)]
	if m.Branch != "" {
		text += " of " + m.Branch
	}
	return text
}

func (m Merge) validate() error {
	switch {
	case m.SHA == "":
		return errors.New("git_sha: is missing: give the merged commit")
	case !sha.MatchString(m.SHA):
		return fmt.Errorf("git_sha: %.70q is not a full commit id of 40 or 64 hexadecimal digits", m.SHA)
	case m.Sequence < 0 || m.Sequence > maxNumber:
		return fmt.Errorf("sequence: must be between 0 and %d, not %d", int64(maxNumber), m.Sequence)
	}
	return nil
}

// Deployer has a production job deploy what is merged. Merges that arrive while one
// runs and others wait are coalesced: the newest one is triggered, and then those of its
// branch that still wait are cancelled. What has begun to run is left to run.
//
// Deployments replace each other only on the same job and branch and with the same
// Overrides, apart from the cause; runs that no Deployer started are never touched. Two
// merges are in the order of their sequences if both have one, else of their runs. So
// without sequences an old pipeline that is started again counts as the newest.
//
// Fill in Client and JobID; every other zero value is a default. It holds no state: use
// it from many goroutines, processes and machines at once.
type Deployer struct {
	Client    *Client
	JobID     int64   // the production job
	Overrides Trigger // cause, steps, ... of every run; its pull request, commit and branch stay empty

	Every  bool // every merge gets a run of its own, however many wait: neither cancels nor is cancelled
	NoWait bool // nobody will call Wait: Warnings tell what it would have gone on with
	Poll   Poll // how often the run is looked at; default interval 10 s

	// Progress, if set, is called with each step taken, from the calling goroutine.
	Progress func(x *Deployment, text string)
}

// Deployment is a merge on its way into production. It is not safe for concurrent use.
type Deployment struct {
	Run          *Run     // as last seen; nil until there is one
	Reason       string   // why it was triggered, adopted or superseded
	Adopted      bool     // another runner triggered the run
	SupersededBy int64    // the run of a newer merge; 0: none
	Coalesced    []int64  // queued runs of older merges, and duplicates, that were cancelled
	Warnings     []string // what should be known, though it stopped nothing

	d       *Deployer
	merge   Merge
	us      deployClaim
	settled bool // the deployments beside ours have been dealt with
	again   bool // an adopted run was cancelled and the merge triggered again
}

// Trigger sees to it that a merge is deployed, and returns once its run is accepted and
// older ones that wait have been cancelled: it adopts an active run of the same commit
// or starts one, exactly once. Nothing is cancelled before that has worked. A merge
// that gives way to a newer one is no error here: SupersededBy says so. What cannot be
// right is [ErrInvalid], and there is no Deployment; beside any other error it holds
// what is known. A run that was started goes on when ctx ends.
// API: List Runs, Retrieve Run, Trigger Job Run, Cancel Run.
func (d *Deployer) Trigger(ctx context.Context, merge Merge) (*Deployment, error) {
	if err := errors.Join(d.validate(), merge.validate()); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	x := &Deployment{d: d, merge: merge, us: newDeployClaim(d, merge)}
	return x, x.place(ctx)
}

func (d *Deployer) validate() error {
	var problems []error
	if d.Client == nil {
		problems = append(problems, errors.New("client: is missing"))
	}
	if d.JobID <= 0 {
		problems = append(problems, fmt.Errorf("job id: must be positive, not %d", d.JobID))
	}
	o := d.Overrides
	if o.PullRequest != (PullRequest{}) || o.GitSHA != "" || o.GitBranch != "" {
		problems = append(problems, errors.New("overrides: must not name a pull request, commit or branch: the merge does"))
	}
	return errors.Join(append(problems, o.validate())...)
}

func (d *Deployer) poll() Poll {
	p := d.Poll
	p.Interval = positive(p.Interval, defaultInterval)
	return p
}

// trigger is the body of the trigger request.
func (x *Deployment) trigger() Trigger {
	t := x.d.Overrides
	t.Cause = withMarker(x.us.mark.String(), cmp.Or(t.Cause, "Commit "+x.merge.SHA))
	t.GitSHA, t.GitBranch = x.merge.SHA, x.merge.Branch
	return t
}

// Wait follows the run to its end and returns it as last seen; a run that failed or was
// cancelled is a [*RunFailedError], a merge that a newer one replaced is
// [ErrSuperseded]. When ctx ends the run goes on. API: Retrieve Run; List Runs of a run
// that was cancelled.
func (x *Deployment) Wait(ctx context.Context) (*Run, error) {
	for {
		if x.SupersededBy != 0 {
			return x.Run, fmt.Errorf("%w: %s", ErrSuperseded, x.Reason)
		}
		if x.Run == nil {
			return nil, errors.New("dbtcloud: there is no run to wait for")
		}
		if !x.settled && ctx.Err() == nil {
			if err := x.confirm(ctx, 0); err != nil && ctx.Err() == nil {
				x.unsettled(err)
			}
			continue
		}
		if err := x.follow(ctx); err != nil {
			return x.Run, err
		}
		if x.Run.Status != RunCancelled {
			return x.Run, outcome(x.Run)
		}
		replaced, err := x.replaced(ctx)
		if err != nil || !replaced {
			return x.Run, errors.Join(outcome(x.Run), err)
		}
	}
}

// follow follows the run until it has ended.
func (x *Deployment) follow(ctx context.Context) error {
	for run, err := range x.d.Client.Runs.Watch(ctx, x.Run.ID, x.d.poll()) {
		if err != nil {
			return err
		}
		x.Run = run
		x.say("run %d: %s", run.ID, run.Status)
	}
	return nil
}

// unsettled gives up dealing with the deployments beside ours, which is not lost for that.
func (x *Deployment) unsettled(err error) {
	x.settled = true
	x.warn("the deployments beside run %d could not be dealt with: %v", x.Run.ID, err)
}

func (x *Deployment) warn(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !slices.Contains(x.Warnings, text) {
		x.Warnings = append(x.Warnings, text)
		x.say("warning: %s", text)
	}
}

func (x *Deployment) say(format string, args ...any) {
	if x.d.Progress != nil {
		x.d.Progress(x, harmless(fmt.Sprintf(format, args...)))
	}
}
