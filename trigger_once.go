package dbtcloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// TriggerOnce is [JobsService.Trigger] for a caller who must not be left in doubt. It
// writes a mark of eleven characters in front of the cause, whose limit it thus lowers
// to 244 characters. Where the answer leaves open whether a run was started, it looks
// for a run with that mark for a minute (or once more after the end of ctx, within two
// seconds), and triggers again, at most twice, only when lists have shown something
// newer and not the run. It never starts two runs while lists show runs in the order of
// their ids and no request lies about on its way for longer than it is waited for; an
// error that is still an [*UncertainError] names the mark to look for. API: Trigger Job
// Run, then List Runs.
func (s *JobsService) TriggerOnce(ctx context.Context, jobID int64, t Trigger) (*Run, error) {
	mark := "[" + newNonce() + "] "
	if n := len([]rune(t.Cause)); n > maxCause-len(mark) {
		return nil, fmt.Errorf("%w: cause: has %d characters, and a mark of %d stands in front of it: shorten it to %d", ErrInvalid, n, len(mark), maxCause-len(mark))
	}
	t.Cause = mark + cmp.Or(t.Cause, defaultCause)
	return s.triggerMarked(ctx, jobID, t, mark)
}

// triggerMarked is TriggerOnce where the cause begins with a mark that no other has.
func (s *JobsService) triggerMarked(ctx context.Context, jobID int64, t Trigger, mark string) (*Run, error) {
	l := &lookup{runs: s.c.Runs, jobID: jobID, posted: time.Now(), own: func(runs []*Run) *Run { return withMark(runs, jobID, mark) }}
	for attempt := 1; ; attempt++ {
		run, lost := s.Trigger(ctx, jobID, t)
		if _, uncertain := errors.AsType[*UncertainError](lost); !uncertain {
			return run, lost
		}
		run, absent, err := l.wait(ctx, Poll{Silence: lookupPatience})
		if run == nil && ctx.Err() != nil {
			run = l.last(ctx)
		}
		switch {
		case run != nil:
			return run, nil
		case !absent || attempt == maxTriggers:
			return nil, errors.Join(lost, err, fmt.Errorf("no run was seen whose cause begins with %q: look for it before you trigger again", strings.TrimSpace(mark)))
		}
	}
}

// withMark is the lowest run of a job whose cause begins with mark.
func withMark(runs []*Run, jobID int64, mark string) *Run {
	var lowest *Run
	for _, run := range runs {
		if run.JobID == jobID && run.Trigger != nil && strings.HasPrefix(run.Trigger.Cause, mark) && (lowest == nil || run.ID < lowest.ID) {
			lowest = run
		}
	}
	return lowest
}

// lookup looks for the run of a trigger that got no answer.
type lookup struct {
	runs   *RunsService
	jobID  int64
	posted time.Time         // by the clock here, when the trigger was first sent; zero: not known
	own    func([]*Run) *Run // recognises the run
}

// wait looks among the newest runs of any status. That the run is absent is certain only
// when a list goes back to before the trigger and shows something newer than it; after a
// minute it is given up.
func (l *lookup) wait(ctx context.Context, p Poll) (found *Run, absent bool, err error) {
	p.Interval = min(positive(p.Interval, defaultInterval), defaultInterval)
	begun := time.Now()
	var sent time.Time
	err = p.until(ctx, func(ctx context.Context) (bool, error) {
		late := time.Since(begun) >= lookupPatience
		run, newest, err := l.look(ctx)
		if err != nil {
			return false, err
		}
		absent = !sent.IsZero() && newest.After(sent.Add(2*time.Second))
		if sent.IsZero() {
			sent = l.runs.c.serverTime()
		}
		found = run
		return found != nil || absent || late, nil
	})
	return found, absent && found == nil, err
}

// look looks once. Where the account is so busy that a list does not go back to before
// the trigger, those of the job are looked at too. Else newest tells when the account's
// newest run was made.
func (l *lookup) look(ctx context.Context) (found *Run, newest Time, err error) {
	filter := RunFilter{Newest: maxPage, Include: []RunInclude{RunWithTrigger}}
	runs, err := Collect(l.runs.All(ctx, filter)) // what came before an error counts too
	posted := l.runs.c.serverTime().Add(-time.Since(l.posted) - 2*time.Second)
	found = l.own(runs)
	switch {
	case found != nil || err != nil || len(runs) == 0:
	case len(runs) < maxPage || runs[maxPage-1].CreatedAt.Before(posted):
		newest = runs[0].CreatedAt
	default:
		filter.JobID = l.jobID
		runs, err = Collect(l.runs.All(ctx, filter))
		found = l.own(runs)
	}
	return found, newest, err
}

// last looks once more after the end of ctx, within two seconds.
func (l *lookup) last(ctx context.Context) *Run {
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastLook)
	defer cancel()
	found, _, _ := l.look(late)
	return found
}
