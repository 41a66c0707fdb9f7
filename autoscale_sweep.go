package dbtcloud

import (
	"context"
	"errors"
	"fmt"
)

// SweepReport is what a sweep did.
type SweepReport struct {
	Deleted []int64 // clones that were deleted
	Active  []int64 // clones whose run has not ended
	Young   []int64 // clones without a run that may still get one
	Kept    []int64 // clones to be kept
}

// Sweep deletes the clones of the job that dead runners left behind: those whose
// runs have all ended, and those that never had one and are older than CloneGrace
// by the server's clock. Each is looked at right before. Kept clones stay. API: List
// Jobs, List Runs, Destroy Job.
func (a *AutoscaleCI) Sweep(ctx context.Context) (SweepReport, error) {
	return a.sweep(ctx, sweeping{})
}

// SweepAll is Sweep, kept clones included.
func (a *AutoscaleCI) SweepAll(ctx context.Context) (SweepReport, error) {
	return a.sweep(ctx, sweeping{kept: true})
}

// sweeping says what a sweep may delete.
type sweeping struct {
	kept   bool
	young  bool           // clones without a run too, however young
	active bool           // clones whose run has not ended too
	not    int64          // the caller's own clone
	ended  map[int64]bool // runs known to be terminal
}

func (a *AutoscaleCI) sweep(ctx context.Context, o sweeping) (SweepReport, error) {
	var report SweepReport
	if err := a.validate(); err != nil {
		return report, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	clones, err := a.clones(ctx)
	if err != nil {
		return report, err
	}
	var problems []error
	for _, clone := range clones {
		name, _ := parseCloneName(clone.Name)
		switch {
		case clone.ID == o.not:
		case name.kept && !o.kept:
			report.Kept = append(report.Kept, clone.ID)
		default:
			problems = append(problems, a.sweepOne(ctx, clone, o, &report))
		}
	}
	return report, errors.Join(problems...)
}

// clones lists the jobs that carry our full marker.
func (a *AutoscaleCI) clones(ctx context.Context) ([]*Job, error) {
	var clones []*Job
	for job, err := range a.Client.Jobs.All(ctx, JobFilter{NameContains: clonePrefix(a.JobID)}) {
		if err != nil {
			return nil, fmt.Errorf("dbtcloud: listing clones of job %d: %w", a.JobID, err)
		}
		if name, ok := parseCloneName(job.Name); ok && name.source == a.JobID && job.State != StateDeleted && job.ID != a.JobID {
			clones = append(clones, job)
		}
	}
	return clones, nil
}

func (a *AutoscaleCI) sweepOne(ctx context.Context, clone *Job, o sweeping, report *SweepReport) error {
	runs, err := Collect(a.Client.Runs.All(ctx, RunFilter{JobID: clone.ID}))
	if err != nil {
		return fmt.Errorf("dbtcloud: runs of clone %d: %w", clone.ID, err)
	}
	for _, run := range runs {
		if !run.Status.Terminal() && !o.ended[run.ID] && !o.active {
			report.Active = append(report.Active, clone.ID)
			return nil
		}
	}
	age := a.Client.serverTime().Sub(clone.CreatedAt.Time)
	if len(runs) == 0 && !o.young && (clone.CreatedAt.IsZero() || age < positive(a.CloneGrace, defaultGrace)) {
		report.Young = append(report.Young, clone.ID)
		return nil
	}
	if err := a.Client.Jobs.Delete(ctx, clone.ID); err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("dbtcloud: deleting clone %d: %w", clone.ID, err)
	}
	report.Deleted = append(report.Deleted, clone.ID)
	return nil
}

// sweep removes what others left behind; that it fails is not this change's fault.
func (r *CIRun) sweep(ctx context.Context) {
	limited, done := context.WithTimeout(ctx, sweepLimit)
	defer done()
	report, err := r.a.sweep(limited, sweeping{not: r.CloneJobID, ended: r.ended})
	if err != nil && limited.Err() == nil {
		r.warn("sweeping: %v", err)
	}
	if len(report.Deleted) > 0 {
		r.say("deleted the clones %s, whose runs have ended", joinIDs(report.Deleted))
	}
}

// deleteCloneOf deletes the clone that an ended run was on, unless it is to be kept
// or another run of it is active.
func (r *CIRun) deleteCloneOf(ctx context.Context, run *Run) {
	if r.source == nil || run.JobID == r.source.ID {
		return
	}
	job, err := r.a.Client.Jobs.Get(ctx, run.JobID)
	if errors.Is(err, ErrNotFound) || err == nil && job.State == StateDeleted {
		r.forget(run.JobID)
		return
	}
	if err != nil && ctx.Err() != nil {
		return // leaving tries again
	}
	if err != nil {
		r.warn("clone %d could not be read, a later sweep will delete it: %v", run.JobID, err)
		return
	}
	name, ok := parseCloneName(job.Name)
	if !ok || name.source != r.source.ID || name.kept {
		return
	}
	var report SweepReport
	if err := r.a.sweepOne(ctx, job, sweeping{ended: r.ended}, &report); err != nil && ctx.Err() == nil {
		r.warn("%v; a later sweep will delete it", err)
		return
	}
	if len(report.Deleted) > 0 {
		r.forget(run.JobID)
		r.say("deleted the clone %d", run.JobID)
	}
}

func (r *CIRun) forget(cloneID int64) {
	if r.CloneJobID == cloneID {
		r.CloneJobID = 0
	}
}
