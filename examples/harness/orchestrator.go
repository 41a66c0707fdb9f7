// Package harness shows how to test a tool of your own with dbtcloudtest. The tool is a small orchestrator that runs jobs
// one after the other; orchestrator_test.go is its whole test, without an account, a network or a moment of waiting.
// Begin with a copy of the two.
//
//	go test -v ./examples/harness
package harness

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slimci/dbtcloud"
)

// Chain runs jobs one after the other. A job whose run fails is run again; one that fails every time stops the chain.
type Chain struct {
	Client *dbtcloud.Client
	Jobs   []int64 // ids, in their order
	Tries  int     // runs of a job before it counts as failed
	Cause  string  // unique, such as "nightly 2027-03-14": a run whose answer got lost is found by it
}

// Run returns when the last job has succeeded, or with the error of the first one that did not.
func (c *Chain) Run(ctx context.Context) error {
	for _, jobID := range c.Jobs {
		if err := c.job(ctx, jobID); err != nil {
			return fmt.Errorf("job %d: %w", jobID, err)
		}
	}
	return nil
}

// job runs a job until it succeeds. Only a failed run is worth another one: who cancels a run means it, and what can be
// repeated safely the client has repeated already.
func (c *Chain) job(ctx context.Context, jobID int64) error {
	for try := 1; ; try++ {
		run, err := c.trigger(ctx, jobID, fmt.Sprintf("%s, try %d", c.Cause, try))
		if err != nil {
			return err
		}
		_, err = c.Client.Runs.Wait(ctx, run.ID, dbtcloud.Poll{})
		_, failed := errors.AsType[*dbtcloud.RunFailedError](err)
		if !failed || errors.Is(err, dbtcloud.ErrRunCancelled) || try >= c.Tries {
			return err
		}
	}
}

// trigger starts a run once. If it is uncertain whether there is one it looks, for as long as a list may lag behind, and
// then rather gives up than start a second.
func (c *Chain) trigger(ctx context.Context, jobID int64, cause string) (*dbtcloud.Run, error) {
	run, err := c.Client.Jobs.Trigger(ctx, jobID, dbtcloud.Trigger{Cause: cause})
	if _, uncertain := errors.AsType[*dbtcloud.UncertainError](err); !uncertain {
		return run, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.Tick(10 * time.Second)
	for {
		select {
		case <-ctx.Done():
			return nil, err
		case <-tick:
			if run := c.find(ctx, jobID, cause); run != nil {
				return run, nil
			}
		}
	}
}

// find returns the run with that cause; nil if none is seen.
func (c *Chain) find(ctx context.Context, jobID int64, cause string) *dbtcloud.Run {
	newest := dbtcloud.RunFilter{JobID: jobID, Newest: 20, Include: []dbtcloud.RunInclude{dbtcloud.RunWithTrigger}}
	for run, err := range c.Client.Runs.All(ctx, newest) {
		if err == nil && run.Trigger.Cause == cause {
			return run
		}
	}
	return nil
}
