package main

import (
	"context"
	"errors"
	"sync"

	"github.com/slimci/dbtcloud"
)

// change is a commit of a pull request of a project.
type change struct {
	project string
	dbtcloud.Change
}

// autoscaler serves the pull requests of a project. What it has begun goes on when this program stops: the next one finds
// the run of the same commit and follows it.
func (o *orchestrator) autoscaler(p Project) *dbtcloud.AutoscaleCI {
	return &dbtcloud.AutoscaleCI{Client: o.client, JobID: p.CIJob, MaxRunSlots: o.plan.CISlots, OnLeave: dbtcloud.LeaveDetach, Poll: o.poll}
}

// testAll tests every change that comes, at once and beside the others.
func (o *orchestrator) testAll(ctx context.Context, changes <-chan change) {
	var work sync.WaitGroup
	defer work.Wait()
	projects := map[string]Project{}
	for _, p := range o.plan.Projects {
		projects[p.Name] = p
		work.Go(func() { o.sweep(ctx, p) })
	}
	for {
		select {
		case <-ctx.Done():
			return
		case c, more := <-changes:
			p, known := projects[c.project]
			switch {
			case !more:
				return
			case !known:
				o.log.Error("not in the plan", "project", c.project, "pull_request", c.PullRequest.String())
			default:
				work.Go(func() { o.test(ctx, p, c) })
			}
		}
	}
}

// sweep deletes the clones that an earlier process left behind.
func (o *orchestrator) sweep(ctx context.Context, p Project) {
	report, err := o.autoscaler(p).Sweep(ctx)
	if err != nil {
		o.log.Warn("not swept", "project", p.Name, "error", err)
	}
	for _, jobID := range report.Deleted {
		o.log.Info("swept", "project", p.Name, "job", jobID)
	}
}

// test tests a change until its run has ended, a newer change of the pull request has come, or ctx has ended.
func (o *orchestrator) test(ctx context.Context, p Project, c change) {
	log := o.log.With("project", p.Name, "pull_request", c.PullRequest.String(), "sha", c.SHA)
	ci := o.autoscaler(p)
	ci.Progress = func(r *dbtcloud.CIRun, text string) { log.Info(text, state(r)...) }
	r, err := ci.Trigger(ctx, c.Change)
	if err == nil {
		_, err = r.Wait(ctx)
	}
	_, failed := errors.AsType[*dbtcloud.RunFailedError](err)
	switch {
	case err == nil:
		log.Info("passed", state(r)...)
	case failed:
		log.Error("failed", state(r)...)
	case errors.Is(err, dbtcloud.ErrSuperseded):
		log.Info("superseded", state(r)...)
	case ctx.Err() != nil && r != nil && r.Run != nil:
		log.Warn("still running", append(state(r), "error", err)...)
	default:
		log.Error("not tested", append(state(r), "error", err)...)
	}
}

// state is what a log line says of a run.
func state(r *dbtcloud.CIRun) []any {
	if r == nil || r.Run == nil {
		return nil
	}
	return []any{"job", r.JobID, "run", r.Run.ID, "status", r.Run.Status.String()}
}
