package dbtcloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// maxTriggers bounds how often a trigger is sent whose outcome stays unknown.
const maxTriggers = 3

// triggerOn triggers the run on a job. A clone that refuses, or is gone, is given up
// for the source job.
func (r *CIRun) triggerOn(ctx context.Context, jobID int64) error {
	run, err := r.triggerOnce(ctx, jobID)
	if e, ok := errors.AsType[*Error](err); ok && jobID != r.source.ID && !r.limbo && !errors.Is(e, ErrUnauthorized) && ctx.Err() == nil {
		r.dropClone(ctx)
		r.Decision, r.Reason = Queue, fmt.Sprintf("the clone %d could not be triggered: %v", jobID, err)
		r.warn("%s", r.Reason)
		jobID = r.source.ID
		run, err = r.triggerOnce(ctx, jobID)
	}
	if err != nil {
		return fmt.Errorf("dbtcloud: triggering job %d: %w", jobID, err)
	}
	if run.Trigger == nil {
		run.Trigger = new(RunTrigger)
	}
	r.Run, r.JobID, r.between, r.Adopted, r.triggered = run, jobID, false, false, time.Now()
	r.us.runs = append(r.us.runs, run.ID)
	if r.us.first == 0 {
		r.us.first = run.ID
	}
	r.say("triggered run %d on job %d: %s", run.ID, jobID, r.Reason)
	return nil
}

// trigger is the body of the trigger request.
func (r *CIRun) trigger() Trigger {
	t, c := r.a.Overrides, r.us.change
	m := marker{source: r.source.ID, pr: c.PullRequest, seq: c.Sequence, nonce: r.us.nonce, first: r.us.first, waiting: !r.a.NoWait}
	if c.SHA != "" {
		m.sha12 = strings.ToLower(c.SHA[:12])
	}
	text := t.Cause
	if text == "" {
		text = "Autoscaling CI of " + c.PullRequest.String()
	}
	t.Cause = m.cause(text)
	t.PullRequest, t.GitSHA, t.GitBranch, t.SchemaOverride = c.PullRequest, c.SHA, c.Branch, r.us.schema
	return t
}

// triggerOnce triggers a job exactly once, whatever becomes of the answer.
func (r *CIRun) triggerOnce(ctx context.Context, jobID int64) (*Run, error) {
	t := r.trigger()
	var lost error
	var posted time.Time
	for attempt := 1; ; attempt++ {
		if !r.limbo {
			posted = cmp.Or(posted, time.Now())
			run, err := r.a.Client.Jobs.Trigger(ctx, jobID, t)
			if run, err = r.triggerFull(ctx, jobID, t, run, err); err == nil {
				return run, nil
			}
			if _, uncertain := errors.AsType[*UncertainError](err); !uncertain {
				return nil, err
			}
			r.limbo, lost = true, err
			r.say("no clear answer to the trigger, looking for the run: %v", err)
		}
		run, err := r.findRun(ctx, jobID, posted)
		if run != nil {
			r.limbo = false
			return run, nil
		}
		if err != nil || attempt == maxTriggers {
			return nil, errors.Join(lost, err)
		}
		r.limbo = false
	}
}

// triggerFull tries again while the account's queue is full, as long as the caller
// allows, and a run that gave up its place in order to move for as long as it takes.
// That the queue is full can only be concluded.
func (r *CIRun) triggerFull(ctx context.Context, jobID int64, t Trigger, run *Run, err error) (*Run, error) {
	deadline := time.Now().Add(r.a.QueueFullWait)
	for {
		e, refused := errors.AsType[*Error](err)
		if _, uncertain := errors.AsType[*UncertainError](err); err == nil || uncertain || !refused || !r.queueFull(ctx, e) {
			return run, err
		}
		err = fmt.Errorf("%w: %w", ErrQueueFull, err)
		if !r.between && time.Now().After(deadline) {
			return nil, err
		}
		r.say("the account's queue is full, trying again")
		if serr := sleep(ctx, r.a.poll().Interval); serr != nil {
			return nil, errors.Join(err, serr)
		}
		run, err = r.a.Client.Jobs.Trigger(ctx, jobID, t)
	}
}

// queueFull concludes from a refusal and from what is queued that the queue is full.
func (r *CIRun) queueFull(ctx context.Context, e *Error) bool {
	if e.StatusCode < 400 || e.StatusCode >= 500 || errors.Is(e, ErrUnauthorized) || errors.Is(e, ErrForbidden) || errors.Is(e, ErrNotFound) {
		return false
	}
	if !r.detailed && r.detail(ctx) != nil || r.account == nil || r.account.QueueLimit <= 0 {
		return false
	}
	queued, err := Collect(r.a.Client.Runs.All(ctx, RunFilter{Statuses: []RunStatus{RunQueued}}))
	return err == nil && len(queued) >= r.account.QueueLimit-5
}

// findRun looks for the run of a trigger that got no answer, by its nonce.
func (r *CIRun) findRun(ctx context.Context, jobID int64, posted time.Time) (*Run, error) {
	l := &lookup{runs: r.a.Client.Runs, jobID: jobID, posted: posted, own: func(runs []*Run) *Run { return r.own(runs, jobID) }}
	run, _, err := l.wait(ctx, r.a.poll())
	return run, err
}

// own is the lowest run of a job that carries our nonce and is not known yet.
func (r *CIRun) own(runs []*Run, jobID int64) *Run {
	var lowest *Run
	for _, run := range runs {
		if run.Trigger == nil || run.JobID != jobID || slices.Contains(r.us.runs, run.ID) {
			continue
		}
		if m, ok := parseMarker(run.Trigger.Cause); ok && m.nonce == r.us.nonce && (lowest == nil || run.ID < lowest.ID) {
			lowest = run
		}
	}
	return lowest
}
