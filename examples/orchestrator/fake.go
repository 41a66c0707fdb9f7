package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// newFake is an account that has what the plan names.
func newFake(plan Plan, opts ...dbtcloudtest.Option) *dbtcloudtest.Server {
	fake := dbtcloudtest.New(opts...)
	for _, p := range plan.Projects {
		project := fake.AddProject(0, p.Name)
		environment := fake.AddEnvironment(0, project, "Production")
		for _, job := range p.Jobs {
			fake.AddJob(dbtcloudtest.JobSpec{ID: job.ID, Name: job.Name, ProjectID: project, EnvironmentID: environment, JobType: "other", ExecuteSteps: []string{"dbt build"}})
		}
		fake.AddJob(dbtcloudtest.JobSpec{ID: p.CIJob, Name: "Slim CI", ProjectID: project, EnvironmentID: environment})
	}
	return fake
}

// demo runs the plan in such an account, sixty times as fast: runs take seconds, some fail, and commits come by themselves.
func demo(ctx context.Context, log *slog.Logger) error {
	plan := plan()
	for i := range plan.Projects {
		plan.Projects[i].Every /= 60
	}
	fake := newFake(plan, dbtcloudtest.WithRunTime(func(run dbtcloudtest.Run) dbtcloudtest.Outcome {
		o := dbtcloudtest.Outcome{Duration: time.Duration(2+run.ID%4) * time.Second}
		if run.ID%7 == 0 {
			o.Status = dbtcloudtest.Error
		}
		return o
	}))
	client, err := fake.Client(dbtcloud.WithLogger(log))
	if err != nil {
		return err
	}
	changes := make(chan change)
	go commit(ctx, plan, changes)
	o := orchestrator{client: client, plan: plan, log: log, poll: dbtcloud.Poll{First: 100 * time.Millisecond, Interval: time.Second}}
	return o.run(ctx, changes)
}

// commit pushes a commit every two seconds, now to this pull request and now to that one.
func commit(ctx context.Context, plan Plan, changes chan<- change) {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for n := int64(1); ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		p := plan.Projects[rand.N(len(plan.Projects))]
		c := dbtcloud.Change{PullRequest: dbtcloud.PullRequest{Host: dbtcloud.GitHub, Number: 1 + rand.Int64N(3)}, SHA: fmt.Sprintf("%040x", n), Sequence: n}
		select {
		case <-ctx.Done():
			return
		case changes <- change{p.Name, c}:
		}
	}
}
