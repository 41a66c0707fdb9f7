package dbtcloud

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"
)

// Job is the metadata of one run of a job. With runID 0 it is the latest run that has
// metadata; each node says which. No request is made before one of its lists is ranged
// over. API: Discovery, job(id, runId).
func (s *MetadataService) Job(jobID, runID int64) *JobMetadata {
	return &JobMetadata{s: s, jobID: jobID, runID: runID}
}

// JobMetadata asks for the nodes of one run of a job, as that run left them. A job that
// the Discovery API does not know is [ErrNotFound]; an id that cannot be right is
// [ErrInvalid]. The lists come in pages of at most 100.
type JobMetadata struct {
	s            *MetadataService
	jobID, runID int64
}

// JobModelFilter selects models of a job by where they are in the warehouse; Identifier
// is the alias, not the name. The zero value means all.
type JobModelFilter struct{ Database, Schema, Identifier string }

// JobSourceFilter selects tables of sources of a job by where they are in the warehouse.
// The zero value means all.
type JobSourceFilter struct{ Database, Schema, Identifier string }

// Models are the models of the run. API: Discovery, job.models.
func (j *JobMetadata) Models(ctx context.Context, f JobModelFilter, opts ...QueryOption) iter.Seq2[*JobModel, error] {
	return jobNodes[JobModel](ctx, j, listing{path: []string{"models"}, node: "ModelNode", args: relation(f)}, opts)
}

// Sources are the tables of sources that the run knew. API: Discovery, job.sources.
func (j *JobMetadata) Sources(ctx context.Context, f JobSourceFilter, opts ...QueryOption) iter.Seq2[*JobSource, error] {
	return jobNodes[JobSource](ctx, j, listing{path: []string{"sources"}, node: "SourceNode", args: relation(f)}, opts)
}

// Seeds are the seeds of the run. API: Discovery, job.seeds.
func (j *JobMetadata) Seeds(ctx context.Context, opts ...QueryOption) iter.Seq2[*JobSeed, error] {
	return jobNodes[JobSeed](ctx, j, listing{path: []string{"seeds"}, node: "SeedNode"}, opts)
}

// Snapshots are the snapshots of the run. API: Discovery, job.snapshots.
func (j *JobMetadata) Snapshots(ctx context.Context, opts ...QueryOption) iter.Seq2[*JobSnapshot, error] {
	return jobNodes[JobSnapshot](ctx, j, listing{path: []string{"snapshots"}, node: "SnapshotNode"}, opts)
}

// Tests are the data tests of the run. API: Discovery, job.tests.
func (j *JobMetadata) Tests(ctx context.Context, opts ...QueryOption) iter.Seq2[*JobTest, error] {
	return jobNodes[JobTest](ctx, j, listing{path: []string{"tests"}, node: "TestNode"}, opts)
}

// Macros are the macros that the run knew, those of packages included.
// API: Discovery, job.macros.
func (j *JobMetadata) Macros(ctx context.Context, opts ...QueryOption) iter.Seq2[*JobMacro, error] {
	return jobNodes[JobMacro](ctx, j, listing{path: []string{"macros"}, node: "MacroNode"}, opts)
}

// Metrics are the metrics that the run knew. API: Discovery, job.metrics.
func (j *JobMetadata) Metrics(ctx context.Context, opts ...QueryOption) iter.Seq2[*JobMetric, error] {
	return jobNodes[JobMetric](ctx, j, listing{path: []string{"metrics"}, node: "MetricNode"}, opts)
}

// Exposures are the exposures that the run knew. API: Discovery, job.exposures.
func (j *JobMetadata) Exposures(ctx context.Context, opts ...QueryOption) iter.Seq2[*JobExposure, error] {
	return jobNodes[JobExposure](ctx, j, listing{path: []string{"exposures"}, node: "ExposureNode"}, opts)
}

// relation are the arguments for a place in the warehouse.
func relation(f struct{ Database, Schema, Identifier string }) map[string]any {
	args := map[string]any{}
	for name, value := range map[string]string{"database": f.Database, "schema": f.Schema, "identifier": f.Identifier} {
		if value != "" {
			args[name] = value
		}
	}
	return args
}

// jobNodes walks a list of a job.
func jobNodes[T any](ctx context.Context, j *JobMetadata, l listing, opts []QueryOption) iter.Seq2[*T, error] {
	in := scope{field: "job", args: "id: $jobId", vars: map[string]any{"jobId": j.jobID}, most: maxJobNodes}
	if j.runID != 0 {
		in.args, in.vars["runId"] = "id: $jobId, runId: $runId", j.runID
	}
	if l.problem = j.problem(); l.problem != nil {
		return failed[T](fmt.Errorf("%w: job.%s: %w", ErrInvalid, l.path[0], l.problem))
	}
	return listNodes[T](ctx, j.s, in, l, opts)
}

// problem is why the ids cannot be right.
func (j *JobMetadata) problem() error {
	if j.runID < 0 {
		return fmt.Errorf("the run id must be positive, or 0 for the latest, not %d", j.runID)
	}
	return refuseID("job", j.jobID)
}

// metadataGrace is how long Wait waits for what may never come, unless told: the
// platform is known to take up to two minutes.
const metadataGrace = 5 * time.Minute

// Wait waits until the Discovery API has taken in what the run left: until it knows the
// run, and any model, source, seed, snapshot or test of it. It is for a run that has
// ended; [RunsService.Wait] waits for that.
//
// A run that left nothing never gets known: after p.Grace without it, 5 minutes unless
// set, the error is [ErrNoMetadata]. When ctx ends before, the error is that of ctx and
// ErrNoMetadata. Looks that fail in passing are no news, as [Poll] says; what the token,
// the host or the server's limits forbid ends the wait. A run id of 0 is [ErrInvalid]:
// the latest run may be another one at the next look. API: Discovery, job(id, runId).
func (j *JobMetadata) Wait(ctx context.Context, p Poll) error {
	problem := j.problem()
	if problem == nil && j.runID == 0 {
		problem = errors.New("the run id is 0: say which run to wait for")
	}
	if problem != nil {
		return fmt.Errorf("%w: waiting for metadata: %w", ErrInvalid, problem)
	}
	if p.Grace <= 0 {
		p.Grace = metadataGrace
	}
	begun, missing := time.Now(), error(nil)
	err := p.untilLate(ctx, func(ctx context.Context) (bool, error) {
		known, err := j.known(ctx)
		switch {
		case errors.Is(err, ErrNotFound):
			missing = fmt.Errorf("%w: %w", ErrNoMetadata, err)
		case err != nil:
			return permanent(err), err
		case known:
			missing = nil
			return true, nil
		default:
			missing = fmt.Errorf("%w: no node of the run is known: it left none, or they are yet to come", ErrNoMetadata)
		}
		return time.Since(begun) >= p.Grace, nil
	})
	switch {
	case err == nil && missing == nil:
		return nil
	case err == nil:
		err = missing
	case missing != nil:
		err = fmt.Errorf("%w; %w", err, missing)
	}
	return fmt.Errorf("dbtcloud: waiting for the metadata of run %d of job %d: %w", j.runID, j.jobID, err)
}

// known tells whether anything that the run left is there.
func (j *JobMetadata) known(ctx context.Context) (bool, error) {
	type ids []struct{}
	job, err := askOne[struct {
		RunID                                    int64 `json:"runId"`
		Models, Sources, Seeds, Snapshots, Tests ids
	}](ctx, j.s, document{
		name: "JobKnown",
		text: `query JobKnown($jobId: BigInt!, $runId: BigInt!) { job(id: $jobId, runId: $runId) { runId models(first: 1) { uniqueId } ` +
			`sources(first: 1) { uniqueId } seeds(first: 1) { uniqueId } snapshots(first: 1) { uniqueId } tests(first: 1) { uniqueId } } }`,
		vars: map[string]any{"jobId": j.jobID, "runId": j.runID},
		path: []string{"job"},
	})
	if err != nil {
		return false, err
	}
	some := len(job.Models) + len(job.Sources) + len(job.Seeds) + len(job.Snapshots) + len(job.Tests)
	return job.RunID == j.runID && some > 0, nil
}

// permanent tells whether an answer of status 200 reports what does not go away by itself.
func permanent(err error) bool {
	for _, class := range []error{ErrUnauthorized, ErrForbidden, ErrInvalidQuery, ErrComplexity} {
		if errors.Is(err, class) {
			return true
		}
	}
	return false
}
