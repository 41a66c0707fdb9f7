package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/slimci/dbtcloud"
)

// mark makes the run of an invocation be found again: the cause, the only free text
// that a run carries, ends with it.
type mark string

func newMark() mark { return mark(" [" + strings.ToLower(rand.Text()[:8]) + "]") }

// maxCause is how long a cause may be, its mark included.
const maxCause = 255

// fits refuses a cause that would lose its mark.
func (m mark) fits(cause string) error {
	if n := len([]rune(cause)) - len(m); n > maxCause-len(m) {
		return fmt.Errorf("--cause: has %d characters, the limit is %d, because a mark of %d follows: shorten it", n, maxCause-len(m), len(m))
	}
	return nil
}

// in tells whether the run carries the mark.
func (m mark) in(run *dbtcloud.Run) bool { return strings.HasSuffix(triggerOf(run).Cause, string(m)) }

// triggerOnce starts a run of a job, exactly once: where the answer leaves open
// whether a run was started, it looks for that run and never triggers again.
func (a app) triggerOnce(ctx context.Context, client *dbtcloud.Client, job int64, t dbtcloud.Trigger, m mark) (*dbtcloud.Run, error) {
	run, err := client.Jobs.Trigger(ctx, job, t)
	if _, uncertain := errors.AsType[*dbtcloud.UncertainError](err); !uncertain {
		return run, err
	}
	a.tell(oneLine("no clear answer to the trigger, looking for the run: " + err.Error()))
	found, lookErr := findRun(ctx, client, job, m)
	if found != nil {
		return found, nil
	}
	unseen := fmt.Errorf("no run has been seen whose cause ends with%s: look at `dbtcloud runs list --job %d` before you trigger again", m, job)
	return nil, errors.Join(err, lookErr, unseen)
}

// How long, and how often, a run is looked for whose trigger got no clear answer.
const (
	lookPatience = time.Minute
	lookPause    = 2 * time.Second
)

// findRun looks for the run with the mark among the newest of a job; nil if it
// does not appear in time. A look that fails is no news until the last, which the
// end of ctx leaves a moment for.
func findRun(ctx context.Context, client *dbtcloud.Client, job int64, m mark) (*dbtcloud.Run, error) {
	filter := dbtcloud.RunFilter{JobID: job, Newest: 100, Include: []dbtcloud.RunInclude{dbtcloud.RunWithTrigger}}
	for begun := time.Now(); ; pause(ctx, lookPause) {
		last := ctx.Err() != nil || time.Since(begun) >= lookPatience
		look, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookPause)
		runs, err := dbtcloud.Collect(client.Runs.All(look, filter))
		cancel()
		for _, run := range runs {
			if m.in(run) {
				return run, nil
			}
		}
		if last {
			return nil, err
		}
	}
}

// pause waits, but not beyond the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
