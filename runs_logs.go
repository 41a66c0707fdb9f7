package dbtcloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
)

// LogLines is what [RunsService.FollowLogs] has learned of a step's log since it last
// yielded of that step.
type LogLines struct {
	Step     int      `json:"step"` // from 1
	StepName string   `json:"step_name"`
	Lines    []string `json:"lines"` // without their ends; the client's token in them is masked
	Gap      bool     `json:"gap"`   // lines may be missing before these
	Last     bool     `json:"last"`  // the step has ended, and no more of it follows
}

const (
	// logSettle is how long nothing may come before the log of what has ended counts as
	// whole: the service hands the last lines in later.
	logSettle = 5 * time.Second
	// logLate is the age at which the log of what has ended is whole without waiting.
	logLate = time.Minute
	// longestLine is how much of a line is held back until it ends, in bytes.
	longestLine = 1 << 20
)

// FollowLogs follows the console logs of a run's steps while they are written. The
// service shows the last 1,000 lines of each; where more came between two looks, Gap
// says that lines are missing. A line is yielded once it has ended, or is a megabyte
// long. Each look is one call; the pauses between looks are those of p, and start over
// when a step begins and when the status of the run changes.
//
// The sequence ends when the run has ended and nothing has come for five seconds, since
// the last lines may be late; that of a run which ended a minute ago takes one look. Looks
// that fail in passing are no news; an error ends it. How the run ended is not told:
// see [RunsService.Wait]. Break or end ctx to stop; the run goes on in dbt Cloud all the
// same. API: Retrieve Run with run_steps.
func (s *RunsService) FollowLogs(ctx context.Context, runID int64, p Poll) iter.Seq2[*LogLines, error] {
	return func(yield func(*LogLines, error) bool) {
		f := &logFollower{runs: s, runID: runID, steps: map[int]*stepLog{}, yield: yield}
		err := p.untilLate(ctx, f.look)
		if err != nil && !errors.Is(err, errStop) {
			yield(nil, fmt.Errorf("dbtcloud: following the logs of run %d: %w", runID, err))
		}
	}
}

// logFollower is one range over [RunsService.FollowLogs].
type logFollower struct {
	runs   *RunsService
	runID  int64
	status RunStatus
	since  time.Time // when this status was first seen
	news   time.Time // when something was last learned
	steps  map[int]*stepLog
	yield  func(*LogLines, error) bool
}

// look looks at all steps once.
func (f *logFollower) look(ctx context.Context) (done bool, err error) {
	run, err := f.runs.Get(ctx, f.runID, RunWithSteps)
	if err != nil {
		return false, err
	}
	begun := len(f.steps)
	changed := f.since.IsZero() || run.Status != f.status
	if changed {
		f.status, f.since, f.news = run.Status, time.Now(), time.Now()
	}
	slices.SortFunc(run.Steps, func(a, b RunStep) int { return cmp.Compare(a.Index, b.Index) })
	for i := range run.Steps {
		f.read(&run.Steps[i])
	}
	over := run.Status.Terminal() && (run.StartedAt.IsZero() || settled(run.FinishedAt, f.news))
	for i := range run.Steps {
		if !f.tell(&run.Steps[i], over) {
			return true, errStop
		}
	}
	if err := unknown(run, f.since); err != nil {
		return true, err
	}
	if !over && (changed || len(f.steps) > begun) {
		return false, errNews
	}
	return over, nil
}

// read takes in a step as a look shows it.
func (f *logFollower) read(step *RunStep) {
	s := f.steps[step.Index]
	if s == nil {
		s = new(stepLog)
		f.steps[step.Index] = s
		f.news = time.Now()
	}
	if !s.over && s.read(step) {
		f.news = s.news
	}
}

// tell yields what is new of a step; false means that the caller wants no more.
func (f *logFollower) tell(step *RunStep, over bool) bool {
	s := f.steps[step.Index]
	if s.over {
		return true
	}
	s.over = over || step.Status.Terminal() && settled(step.FinishedAt, s.news)
	for _, part := range s.parts() {
		part.Step, part.StepName = step.Index, step.Name
		for i, line := range part.Lines {
			part.Lines[i] = f.runs.c.redact(line)
		}
		if !f.yield(&part, nil) {
			return false
		}
	}
	return true
}

// settled tells whether the log of what has ended counts as whole.
func settled(finished Time, news time.Time) bool {
	return time.Since(news) >= logSettle || !finished.IsZero() && time.Since(finished.Time) >= logLate
}

// stepLog is what is remembered of a step.
type stepLog struct {
	tail   logTail
	status RunStatus
	news   time.Time // when something was last learned
	before []string  // lines to yield, before the gap
	gap    bool
	lines  []string // and those after it
	rest   string   // the beginning of a line that has not ended
	over   bool
}

// read takes in the step as a look shows it, and tells whether there was news.
func (s *stepLog) read(step *RunStep) bool {
	fresh, gap := s.tail.splice(step.Logs, mayBeCut(step.Logs))
	if gap {
		s.endLine()
		s.before, s.lines, s.gap = s.lines, nil, true
	}
	whole := strings.Split(s.rest+fresh, "\n")
	s.rest = whole[len(whole)-1]
	for _, line := range whole[:len(whole)-1] {
		s.lines = append(s.lines, strings.TrimSuffix(line, "\r"))
	}
	if len(s.rest) > longestLine {
		s.endLine()
	}
	if fresh == "" && step.Status == s.status {
		return false
	}
	s.status, s.news = step.Status, time.Now()
	return true
}

// endLine takes what is there of a line for all of it.
func (s *stepLog) endLine() {
	if s.rest != "" {
		s.lines = append(s.lines, strings.TrimSuffix(s.rest, "\r"))
		s.rest = ""
	}
}

// parts are what has to be yielded: nothing, one part, or what came before a gap and
// what came after it.
func (s *stepLog) parts() (parts []LogLines) {
	if s.over {
		s.endLine()
		s.tail = logTail{}
	}
	if len(s.before) > 0 {
		parts = append(parts, LogLines{Lines: s.before})
	}
	if len(s.lines) > 0 || s.gap || s.over {
		parts = append(parts, LogLines{Lines: s.lines, Gap: s.gap, Last: s.over})
	}
	s.before, s.lines, s.gap = nil, nil, false
	return parts
}
