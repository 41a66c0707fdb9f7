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
// seconds), and triggers again, at most twice, only when
// lists have shown something newer and not the run. It never starts two runs while
// lists show runs in the order of their ids; an error that is still an
// [*UncertainError] names the mark to look for. API: Trigger Job Run, then List Runs.
func (s *JobsService) TriggerOnce(ctx context.Context, jobID int64, t Trigger) (*Run, error) {
	mark := "[" + newNonce() + "] "
	if n := len([]rune(t.Cause)); n > maxCause-len(mark) {
		return nil, fmt.Errorf("%w: cause: has %d characters, and a mark of %d stands in front of it: shorten it to %d", ErrInvalid, n, len(mark), maxCause-len(mark))
	}
	t.Cause = mark + cmp.Or(t.Cause, defaultCause)
	for attempt := 1; ; attempt++ {
		run, lost := s.Trigger(ctx, jobID, t)
		if _, uncertain := errors.AsType[*UncertainError](lost); !uncertain {
			return run, lost
		}
		run, absent, err := s.lookUp(ctx, Poll{}, func(runs []*Run) *Run { return withMark(runs, jobID, mark) })
		if run == nil && ctx.Err() != nil {
			run = s.lastLookUp(ctx, jobID, mark)
		}
		switch {
		case run != nil:
			return run, nil
		case !absent || attempt == maxTriggers:
			return nil, errors.Join(lost, err, fmt.Errorf("no run was seen whose cause begins with %q: look for it before you trigger again", strings.TrimSpace(mark)))
		}
	}
}

// lastLookUp looks once more after the end of ctx, within two seconds.
func (s *JobsService) lastLookUp(ctx context.Context, jobID int64, mark string) *Run {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastLook)
	defer cancel()
	runs, _ := Collect(s.c.Runs.All(last, newestTriggers())) // what came before an error counts too
	return withMark(runs, jobID, mark)
}

func newestTriggers() RunFilter {
	return RunFilter{Newest: maxPage, Include: []RunInclude{RunWithTrigger}}
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

// lookUp looks for the run of a trigger that got no answer, which own recognises,
// among the newest runs of any status. That it is absent is certain only when a list
// shows something newer than the trigger; after a minute it is given up.
func (s *JobsService) lookUp(ctx context.Context, p Poll, own func([]*Run) *Run) (found *Run, absent bool, err error) {
	p.Interval = min(positive(p.Interval, defaultInterval), defaultInterval)
	begun := time.Now()
	var sent time.Time
	err = p.until(ctx, func(ctx context.Context) (bool, error) {
		late := time.Since(begun) >= lookupPatience
		runs, err := Collect(s.c.Runs.All(ctx, newestTriggers()))
		if err != nil {
			return false, err
		}
		absent = !sent.IsZero() && len(runs) > 0 && runs[0].CreatedAt.After(sent.Add(2*time.Second))
		if sent.IsZero() {
			sent = s.c.serverTime()
		}
		found = own(runs)
		return found != nil || absent || late, nil
	})
	return found, absent && found == nil, err
}
