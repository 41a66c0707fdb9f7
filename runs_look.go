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

// aftermath lists the newest runs of any status, by id and with their triggers, as soon
// as the list shows that a run has ended: an older one would not show what it was
// cancelled for.
func (s *RunsService) aftermath(ctx context.Context, id int64, f RunFilter, p Poll) (runs []*Run, err error) {
	f.Newest, f.Include = maxPage, append(f.Include, RunWithTrigger)
	begun := time.Now()
	err = p.until(ctx, func(ctx context.Context) (bool, error) {
		late := time.Since(begun) >= lookupPatience
		var lerr error
		runs, lerr = Collect(s.All(ctx, f))
		shown := slices.ContainsFunc(runs, func(run *Run) bool { return run.ID == id && run.Status.Terminal() })
		return lerr == nil && (shown || late), lerr
	})
	slices.Reverse(runs)
	for _, run := range runs {
		if run.Trigger == nil {
			run.Trigger = new(RunTrigger)
		}
	}
	return runs, err
}
