package dbtcloud

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"time"
)

// Watch follows a run: it yields the run as first seen, then whenever its status
// changes, and ends after the terminal one. Looks that fail in passing are no
// news; an error ends it. Break or end ctx to stop; the run goes on in dbt Cloud all
// the same. A status that this package does not know is followed for an hour, unless
// the run has ended. API: Retrieve Run.
func (s *RunsService) Watch(ctx context.Context, runID int64, p Poll) iter.Seq2[*Run, error] {
	return func(yield func(*Run, error) bool) {
		var last *Run
		var since time.Time
		err := p.untilLate(ctx, func(ctx context.Context) (bool, error) {
			run, err := s.Get(ctx, runID, RunWithTrigger, RunWithAudit)
			if err != nil {
				return false, err
			}
			if last == nil || run.Status != last.Status {
				last, since = run, time.Now()
				if !yield(run, nil) {
					return true, errStop
				}
			}
			if err := unknown(run, since); err != nil {
				return true, err
			}
			return run.Status.Terminal(), nil
		})
		if err != nil && !errors.Is(err, errStop) {
			yield(nil, fmt.Errorf("dbtcloud: waiting for run %d: %w", runID, err))
		}
	}
}

// Wait follows a run to its end and returns it. A run that did not succeed is a
// [*RunFailedError], beside the run. The deadline is that of ctx, after which the
// run is looked at once more; it goes on in dbt Cloud all the same.
// API: Retrieve Run.
func (s *RunsService) Wait(ctx context.Context, runID int64, p Poll) (*Run, error) {
	var last *Run
	for run, err := range s.Watch(ctx, runID, p) {
		if err != nil {
			return last, err
		}
		last = run
	}
	return last, outcome(last)
}

// WatchAll follows any number of runs to their ends. It yields each as first seen,
// then whenever its status changes, the last time with its terminal status, and ends
// when all have ended. A look at n unfinished runs costs a call per hundred of them,
// rounded up: 2,000 runs, watched with the zero Poll, take at most about 50 calls a
// minute once the pauses have grown. After a look that brings news of a tenth of the
// runs, or more, the pauses start over.
//
// An error that is a [*RunLostError] is about one run, which is not followed any
// longer; range on for the others. Any other error ends the sequence: a list that
// cannot be had for good (such as 401), one that could not be had for p.Silence,
// the end of ctx. A call that fails in passing is no news for its hundred runs only.
//
// Lists may lag: a run that is missing is lost only after p.Grace without it, and a
// status that comes before the one last seen is not believed. An id that is given
// twice is followed once; one that is not positive is [ErrInvalid] before any request.
// Break to stop at once. API: List Runs.
func (s *RunsService) WatchAll(ctx context.Context, runIDs []int64, p Poll) iter.Seq2[*Run, error] {
	ids := slices.Compact(slices.Sorted(slices.Values(runIDs)))
	return func(yield func(*Run, error) bool) {
		switch {
		case len(ids) == 0:
			return
		case ids[0] <= 0:
			yield(nil, fmt.Errorf("%w: WatchAll: the id of a run must be positive, not %d", ErrInvalid, ids[0]))
			return
		}
		w := &watcher{runs: s, poll: p.withDefaults(), begun: time.Now(), yield: yield, active: make([]watched, len(ids))}
		for i, id := range ids {
			w.active[i].id = id
		}
		err := p.untilLate(ctx, w.look)
		if err != nil && !errors.Is(err, errStop) {
			yield(nil, fmt.Errorf("dbtcloud: waiting for %d of %d runs: %w", len(w.active), len(ids), err))
		}
	}
}

// WaitAll follows any number of runs to their ends, as [RunsService.WatchAll] does,
// and returns them in the order of runIDs, as last seen; nil stands for a run that
// was never seen. The error joins, in the order in which they came, a
// [*RunFailedError] for each run that did not succeed, a [*RunLostError] for each that
// could not be followed, and what ended the waiting early, such as the end of ctx:
// errors.Is and errors.As look into all of them. API: List Runs.
func (s *RunsService) WaitAll(ctx context.Context, runIDs []int64, p Poll) ([]*Run, error) {
	last := make(map[int64]*Run, len(runIDs))
	var problems []error
	for run, err := range s.WatchAll(ctx, runIDs, p) {
		if err == nil {
			last[run.ID] = run
			if run.Status.Terminal() {
				err = outcome(run)
			}
		}
		if err != nil {
			problems = append(problems, err)
		}
	}
	runs := make([]*Run, len(runIDs))
	for i, id := range runIDs {
		runs[i] = last[id]
	}
	return runs, errors.Join(problems...)
}

// RunLostError is a run that [RunsService.WatchAll] follows no longer, though it is
// not known to have ended: lists do not show it ([ErrNotFound]), the list that it
// should be in fails all the time while others do not, or its status is none that this
// version knows.
type RunLostError struct {
	RunID int64
	Err   error // why
}

// Error names the run and says why.
func (e *RunLostError) Error() string {
	return fmt.Sprintf("dbtcloud: waiting for run %d: %v", e.RunID, e.Err)
}

// Unwrap returns why the run is not followed any longer.
func (e *RunLostError) Unwrap() error { return e.Err }

// watcher is one range over [RunsService.WatchAll].
type watcher struct {
	runs   *RunsService
	poll   Poll
	begun  time.Time
	heard  time.Time // when a list was last had
	active []watched // by id
	news   int       // of the current look
	yield  func(*Run, error) bool
}

// watched is all that is remembered of a run.
type watched struct {
	id     int64
	status RunStatus
	since  time.Time // when this status was first seen; zero: the run was not seen yet
	missed time.Time // since when nothing is learned of the run; zero: it was in the last list
	over   bool      // ended, or lost
}

// look looks at all runs once.
func (w *watcher) look(ctx context.Context) (done bool, err error) {
	before := len(w.active)
	w.news = 0
	err = w.lists(ctx)
	w.active = slices.DeleteFunc(w.active, func(r watched) bool { return r.over })
	switch {
	case err != nil:
		return errors.Is(err, errStop), err
	case len(w.active) == 0:
		return true, nil
	case 10*w.news >= before:
		return false, errNews
	}
	return false, nil
}

// lists looks at one page of the runs after the other. It fails where nothing is
// learned of any, and at once on what does not pass.
func (w *watcher) lists(ctx context.Context) error {
	var failed error
	before := w.heard
	for page := range slices.Chunk(w.active, maxPage) {
		runs, err := w.list(ctx, page)
		switch {
		case err == nil:
			w.heard = time.Now()
		case !w.poll.passing(err, time.Since(w.begun)):
			return err
		default:
			failed = err
		}
		for i := range page {
			if !w.note(&page[i], runs[i], err) {
				return errStop
			}
		}
	}
	if w.heard.After(before) {
		return nil
	}
	return failed
}

// list asks for the runs of a page. In their places in it stand those that there are.
func (w *watcher) list(ctx context.Context, page []watched) ([]*Run, error) {
	filter := RunFilter{Include: []RunInclude{RunWithTrigger, RunWithAudit}}
	for _, r := range page {
		filter.IDs = append(filter.IDs, r.id)
	}
	runs, found := make([]*Run, len(page)), 0
	for run, err := range w.runs.All(ctx, filter) {
		if err != nil {
			return runs, err
		}
		i, asked := slices.BinarySearch(filter.IDs, run.ID)
		if !asked {
			return runs, &Error{Operation: w.runs.c.v2(http.MethodGet, "runs/").operation, StatusCode: http.StatusOK, Message: "the server ignores the parameter pk__in"}
		}
		if runs[i] == nil {
			found++
		}
		if runs[i] = run; found == len(page) {
			break // before All asks whether more follows
		}
	}
	return runs, nil
}

var errNotListed = fmt.Errorf("%w: lists do not show it: it does not exist, belongs to another account, or the token may not see it", ErrNotFound)

// note takes in what a list says of a run, which is nil if it is not there; false
// means that the caller wants no more. That a list failed is held against its runs
// only if others could be had meanwhile.
func (w *watcher) note(r *watched, run *Run, err error) bool {
	switch {
	case run != nil:
		return w.see(r, run)
	case err != nil && !w.heard.After(r.missed):
		return true
	case err != nil:
		return w.miss(r, w.poll.Silence, fmt.Errorf("nothing could be learned for %s: %w", w.poll.Silence, err))
	}
	return w.miss(r, w.poll.Grace, errNotListed)
}

// see takes in a run as a list shows it.
func (w *watcher) see(r *watched, run *Run) bool {
	r.missed = time.Time{}
	if r.since.IsZero() || run.Status != r.status && !stale(run.Status, r.status) {
		w.news++
		r.status, r.since, r.over = run.Status, time.Now(), run.Status.Terminal()
		if !w.yield(run, nil) {
			return false
		}
	}
	if err := unknown(run, r.since); err != nil {
		return w.lose(r, err)
	}
	return true
}

// miss loses a run of which nothing has been learned for longer than patience.
func (w *watcher) miss(r *watched, patience time.Duration, err error) bool {
	if r.missed.IsZero() {
		r.missed = time.Now()
	}
	if time.Since(r.missed) < patience {
		return true
	}
	return w.lose(r, err)
}

func (w *watcher) lose(r *watched, err error) bool {
	r.over = true
	return w.yield(nil, &RunLostError{RunID: r.id, Err: err})
}

// stale tells whether a status comes from before the one last seen: a run goes from
// queued to starting to running to its end.
func stale(now, seen RunStatus) bool { return known(now) && known(seen) && now < seen }

func known(s RunStatus) bool {
	return s == RunQueued || s == RunStarting || s == RunRunning || s.Terminal()
}

// unknownPatience bounds how long a run is followed whose status this package does
// not know and which has not changed.
const unknownPatience = time.Hour

// unknown is the error of a run with such a status since some time, once it does not
// seem to go on.
func unknown(run *Run, since time.Time) error {
	if known(run.Status) || run.FinishedAt.IsZero() && time.Since(since) <= unknownPatience {
		return nil
	}
	return fmt.Errorf("dbtcloud: run %d has the unknown status %d, which this version cannot follow", run.ID, int(run.Status))
}

// errStop says that the caller of an iterator wants no more.
var errStop = errors.New("stopped by the caller")

// outcome is nil for a run that succeeded.
func outcome(run *Run) error {
	if run.Status == RunSuccess {
		return nil
	}
	return &RunFailedError{Run: run}
}
