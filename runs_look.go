package dbtcloud

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// getListed reads a run that a list showed, with its trigger; it may be too new to be
// read at once.
func (s *RunsService) getListed(ctx context.Context, id int64, p Poll) (run *Run, err error) {
	err = p.until(ctx, func(ctx context.Context) (bool, error) {
		var gerr error
		run, gerr = s.Get(ctx, id, RunWithTrigger)
		return gerr == nil, gerr
	})
	if err != nil {
		return nil, fmt.Errorf("dbtcloud: run %d: %w", id, err)
	}
	if run.Trigger == nil {
		run.Trigger = new(RunTrigger)
	}
	return run, nil
}

// listed lists runs until the list shows what it must show not to be stale, or a minute
// has passed. What a run was triggered with is never nil.
func (s *RunsService) listed(ctx context.Context, f RunFilter, p Poll, shown func([]*Run) bool) (runs []*Run, err error) {
	f.Include = append(f.Include, RunWithTrigger)
	begun := time.Now()
	err = p.until(ctx, func(ctx context.Context) (bool, error) {
		late := time.Since(begun) >= lookupPatience
		var lerr error
		runs, lerr = Collect(s.All(ctx, f))
		return lerr == nil && (late || shown(runs)), lerr
	})
	for _, run := range runs {
		if run.Trigger == nil {
			run.Trigger = new(RunTrigger)
		}
	}
	return runs, err
}

// aftermath lists the newest runs of any status, by id, as soon as the list shows that a
// run has ended: an older one would not show what it was cancelled for.
func (s *RunsService) aftermath(ctx context.Context, id int64, f RunFilter, p Poll) ([]*Run, error) {
	f.Newest = maxPage
	runs, err := s.listed(ctx, f, p, func(runs []*Run) bool {
		return slices.ContainsFunc(runs, func(run *Run) bool { return run.ID == id && run.Status.Terminal() })
	})
	slices.Reverse(runs)
	return runs, err
}
