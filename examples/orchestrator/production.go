package main

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/slimci/dbtcloud"
)

// produce begins a round of a project's production jobs now, and then as often as the plan says.
func (o *orchestrator) produce(ctx context.Context, p Project) {
	tick := time.NewTicker(p.Every)
	defer tick.Stop()
	for ctx.Err() == nil {
		r := round{orchestrator: o, log: o.log.With("project", p.Name), todo: p.Jobs, active: map[int64]*active{}, succeeded: map[string]bool{}}
		r.run(ctx)
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// round runs each production job of a project once.
type round struct {
	*orchestrator
	log       *slog.Logger
	todo      []Job             // not started yet
	active    map[int64]*active // by run
	succeeded map[string]bool   // by job; only jobs that have ended are in it
}

// active is a run that has not ended.
type active struct {
	job    Job
	status dbtcloud.RunStatus // as last logged
}

// run returns when every job has ended or was skipped, or ctx has ended.
func (r *round) run(ctx context.Context) {
	for r.startReady(ctx); len(r.active) > 0; r.startReady(ctx) {
		if err := r.watch(ctx); err != nil {
			r.leave(ctx, err)
			return
		}
	}
}

// startReady starts the jobs that wait for nothing any longer, and skips those that wait in vain.
func (r *round) startReady(ctx context.Context) {
	var waiting []Job
	for _, job := range r.todo {
		ready, vain := true, false
		for _, name := range job.After {
			succeeded, ended := r.succeeded[name]
			ready, vain = ready && succeeded, vain || ended && !succeeded
		}
		switch {
		case ctx.Err() != nil || !ready && !vain:
			waiting = append(waiting, job)
		case vain:
			r.succeeded[job.Name] = false
			r.log.Warn("skipped", "job", job.Name)
		default:
			r.start(ctx, job)
		}
	}
	r.todo = waiting
}

// start starts a job, or gives it up.
func (r *round) start(ctx context.Context, job Job) {
	run, err := r.runOf(ctx, job)
	if err != nil {
		r.succeeded[job.Name] = false
		r.log.Error("not started", "job", job.Name, "error", err)
		return
	}
	r.active[run.ID] = &active{job: job}
	r.saw(ctx, run)
}

// runOf returns the active run of a job, whoever triggered it, and triggers one if there is none. So a job never has two
// runs at a time, and one whose trigger is still in doubt at the end is taken up by the next round.
func (r *round) runOf(ctx context.Context, job Job) (*dbtcloud.Run, error) {
	filter := dbtcloud.RunFilter{JobID: job.ID, Statuses: dbtcloud.Active(), Newest: 1}
	runs, err := dbtcloud.Collect(r.client.Runs.All(ctx, filter))
	switch {
	case err != nil:
		return nil, err
	case len(runs) > 0:
		return runs[0], nil
	}
	late, cancel := finishing(ctx)
	defer cancel()
	return r.client.Jobs.TriggerOnce(late, job.ID, dbtcloud.Trigger{Cause: "orchestrator"})
}

// finishing gives what is on its way when ctx ends some seconds more, so that it is known whether there is a run.
func finishing(ctx context.Context) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(4*time.Second, cancel) })
	return late, func() { stop(); cancel() }
}

// watch follows the active runs until the first has ended, or until all have when no job waits for one. All of them
// together cost one list call a look.
func (r *round) watch(ctx context.Context) error {
	for run, err := range r.client.Runs.WatchAll(ctx, slices.Collect(maps.Keys(r.active)), r.poll) {
		lost, isLost := errors.AsType[*dbtcloud.RunLostError](err)
		switch {
		case isLost:
			r.log.Error("lost", "job", r.active[lost.RunID].job.Name, "run", lost.RunID, "error", err)
			r.end(lost.RunID, false)
		case err != nil:
			return err
		case r.saw(ctx, run) && len(r.todo) > 0:
			return nil
		}
	}
	return nil
}

// saw takes note of a run, and tells whether it has ended.
func (r *round) saw(ctx context.Context, run *dbtcloud.Run) (ended bool) {
	a, ended, succeeded := r.active[run.ID], run.Status.Terminal(), run.Status == dbtcloud.RunSuccess
	if run.Status != a.status {
		a.status = run.Status
		level := slog.LevelInfo
		if ended && !succeeded {
			level = slog.LevelError
		}
		r.log.Log(ctx, level, "production", "job", a.job.Name, "run", run.ID, "status", run.Status.String(), "url", r.client.RunURL(run))
	}
	if ended {
		r.end(run.ID, succeeded)
	}
	return ended
}

func (r *round) end(runID int64, succeeded bool) {
	r.succeeded[r.active[runID].job.Name] = succeeded
	delete(r.active, runID)
}

// leave ends a round early, and says what goes on without it. The next round, also that of another process, takes it up.
func (r *round) leave(ctx context.Context, err error) {
	if ctx.Err() == nil {
		r.log.Error("round given up", "error", err)
	}
	for _, runID := range slices.Sorted(maps.Keys(r.active)) {
		a := r.active[runID]
		r.log.Warn("still running", "job", a.job.Name, "run", runID, "status", a.status.String())
	}
}
