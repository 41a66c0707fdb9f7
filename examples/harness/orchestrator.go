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

	"github.com/slimci/dbtcloud"
)

// Chain runs jobs one after the other. A job whose run fails is run again; one that fails every time stops the chain.
type Chain struct {
	Client *dbtcloud.Client
	Jobs   []int64 // ids, in their order
	Tries  int     // runs of a job before it counts as failed
	Cause  string  // such as "nightly"; what dbt Cloud shows beside a run
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
		run, err := c.Client.Jobs.TriggerOnce(ctx, jobID, dbtcloud.Trigger{Cause: fmt.Sprintf("%s, try %d", c.Cause, try)})
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
