package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/slimci/dbtcloud"
)

// orchestrator runs a plan. It remembers nothing that dbt Cloud does not know: it may be killed and started again at any
// time.
type orchestrator struct {
	client *dbtcloud.Client
	plan   Plan
	log    *slog.Logger
	poll   dbtcloud.Poll // how often runs are looked at
}

// run runs the production jobs of every project (production.go) and tests the changes that come (ci.go), until ctx ends.
// Then it triggers nothing more, says what goes on in dbt Cloud without it, and returns within five seconds.
func (o *orchestrator) run(ctx context.Context, changes <-chan change) error {
	if err := o.plan.check(); err != nil {
		return fmt.Errorf("the plan: %w", err)
	}
	var work sync.WaitGroup
	for _, project := range o.plan.Projects {
		work.Go(func() { o.produce(ctx, project) })
	}
	work.Go(func() { o.testAll(ctx, changes) })
	work.Wait()
	return nil
}
