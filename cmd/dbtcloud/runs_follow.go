package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/internal/plain"
)

const (
	// logsInterval is the longest time between two looks at logs.
	logsInterval = 5 * time.Second
	// logsPatience is how long the last lines of a run that has ended may take.
	logsPatience = 15 * time.Second
)

// followLogs prints the logs of a run while they are written; of one step if it is not 0.
func (a app) followLogs(ctx context.Context, g *global, client *dbtcloud.Client, id int64, step int) error {
	var text stepText
	for l, err := range client.Runs.FollowLogs(ctx, id, dbtcloud.Poll{Interval: logsInterval, Grace: newRun}) {
		if err != nil {
			return err
		}
		if step != 0 && l.Step != step {
			continue
		}
		l.Lines = list(l.Lines)
		if err := a.emit(g, l, strings.TrimSuffix(text.of(l, unsteered), "\n")); err != nil {
			return goneReader(err)
		}
	}
	return nil
}

// stepText makes text of what comes of logs: the lines of a step stand under its name.
type stepText struct{ step int }

func (s *stepText) of(l *dbtcloud.LogLines, show func(line string) string) string {
	if len(l.Lines) == 0 && !l.Gap {
		return ""
	}
	var b strings.Builder
	if l.Step != s.step {
		s.step = l.Step
		fmt.Fprintf(&b, "== %d. %s\n", l.Step, inert(l.StepName))
	}
	if l.Gap {
		b.WriteString("== lines are missing here: the API shows the last 1,000\n")
	}
	for _, line := range l.Lines {
		b.WriteString(show(line) + "\n")
	}
	return b.String()
}

// quoted is a line of a log among our own: neither a terminal nor a CI service takes it
// for more than text.
func quoted(line string) string { return "  | " + inert(line) }

// unsteered is a log, or a line of one, that stands alone: neither a terminal nor a CI
// service takes it for more than text.
func unsteered(log string) string { return plain.InertLines(plain.Text(log)) }

// inert makes one line of what somebody else wrote, for a line of ours: it steers no
// terminal, and no CI service finds a command in it.
func inert(text string) string { return plain.Inert(plain.Line(text)) }

// liveLogs tells the logs of the run that is waited for, beside the waiting. A nil one
// tells nothing.
type liveLogs struct {
	p      *progress
	client *dbtcloud.Client
	poll   dbtcloud.Poll
	run    int64
	stop   context.CancelFunc
	done   chan struct{} // closed when the run's logs have been told
}

func newLiveLogs(p *progress, client *dbtcloud.Client, wanted bool, interval time.Duration) *liveLogs {
	if !wanted {
		return nil
	}
	return &liveLogs{p: p, client: client, poll: dbtcloud.Poll{Interval: min(interval, logsInterval)}}
}

// follow turns to a run that has begun.
func (l *liveLogs) follow(ctx context.Context, run *dbtcloud.Run) {
	if l == nil || run.ID == l.run || run.Status == dbtcloud.RunQueued {
		return
	}
	l.close(0)
	ctx, l.stop = context.WithCancel(ctx)
	done := make(chan struct{})
	l.run, l.done = run.ID, done
	go func() {
		defer close(done)
		l.tell(ctx, run.ID)
	}()
}

func (l *liveLogs) tell(ctx context.Context, id int64) {
	var text stepText
	for lines, err := range l.client.Runs.FollowLogs(ctx, id, l.poll) {
		switch {
		case err == nil:
			l.p.add(text.of(lines, quoted))
		case ctx.Err() == nil:
			l.p.say(err.Error())
		}
	}
}

// close gives the last lines so much time, and ends the following.
func (l *liveLogs) close(patience time.Duration) {
	if l == nil || l.done == nil {
		return
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-l.done:
	case <-timer.C:
	}
	l.stop()
	<-l.done
}
