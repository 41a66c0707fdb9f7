package dbtcloud

import (
	"context"
	"slices"
	"strings"
)

// ModelExecutionHistory tells day by day what the executions of a model took.
// API: Discovery (beta), performance.modelExecutionHistory.
func (b *MetadataBeta) ModelExecutionHistory(ctx context.Context, environmentID int64, uniqueID string, p Period) ([]*ExecutionDay, error) {
	q := performance("ModelExecutionHistory", "modelExecutionHistory", environmentID, `date meanExecutionTime executionTimes executionsByJob { jobId meanExecutionTime executionTimes `+
		`executions { runId runStartedAt executionTime status isFullRefresh executionStartedAt adapter queryId } }`)
	q.within(p, "startDate", "endDate")
	q.uniqueID("uniqueId", uniqueID)
	return askAll[ExecutionDay](ctx, b.s, q)
}

// MostExecutedModels tells which models were executed most often.
// API: Discovery (beta), performance.mostExecutedModels.
func (b *MetadataBeta) MostExecutedModels(ctx context.Context, environmentID int64, p Period, f MostExecutedFilter) ([]*ExecutedModel, error) {
	q := performance("MostExecutedModels", "mostExecutedModels", environmentID, `uniqueId totalExecutions byJob { jobId totalExecutions }`)
	q.within(p, "start", "end")
	q.limit("limit", f.Limit)
	q.limit("jobLimit", f.JobLimit)
	return askAll[ExecutedModel](ctx, b.s, q)
}

// LongestExecutedModels tells which models took longest.
// API: Discovery (beta), performance.longestExecutedModels.
func (b *MetadataBeta) LongestExecutedModels(ctx context.Context, environmentID int64, p Period, f LongestExecutedFilter) ([]*LongModel, error) {
	q := performance("LongestExecutedModels", "longestExecutedModels", environmentID, `uniqueId maxExecutionTime averageExecutionTime byJob { jobId maxExecutionTime averageExecutionTime }`)
	q.within(p, "start", "end")
	q.limit("limit", f.Limit)
	q.limit("jobLimit", f.JobLimit)
	q.refuse(f.JobID < 0, "JobID must be positive, not %d", f.JobID)
	q.args = append(q.args, argument{"jobId", "BigInt", unlessZero(f.JobID)}, argument{"orderBy", "SortAggregation", unlessZero(f.OrderBy)})
	return askAll[LongModel](ctx, b.s, q)
}

// MostFailedModels tells which models failed most often, at most limit of them; zero
// leaves that to the server.
// API: Discovery (beta), performance.mostExecutionFailedModels.
func (b *MetadataBeta) MostFailedModels(ctx context.Context, environmentID int64, p Period, limit int) ([]*FailedModel, error) {
	q := performance("MostFailedModels", "mostExecutionFailedModels", environmentID, `uniqueId failurePercentage totalExecutions totalFailedExecutions`)
	q.within(p, "start", "end")
	q.limit("limit", limit)
	return askAll[FailedModel](ctx, b.s, q)
}

// MostTestFailures tells of which models tests failed most often, at most limit of them;
// zero leaves that to the server.
// API: Discovery (beta), performance.mostTestFailedModels.
func (b *MetadataBeta) MostTestFailures(ctx context.Context, environmentID int64, p Period, limit int) ([]*TestFailures, error) {
	q := performance("MostTestFailures", "mostTestFailedModels", environmentID, `uniqueId failurePercentage totalRunsWithTests totalRunsWithTestFailures`)
	q.within(p, "start", "end")
	q.limit("limit", limit)
	return askAll[TestFailures](ctx, b.s, q)
}

// ModelJobs tells which jobs executed a model.
// API: Discovery (beta), performance.jobInformation.
func (b *MetadataBeta) ModelJobs(ctx context.Context, environmentID int64, uniqueID string, p Period) ([]*ModelJob, error) {
	q := performance("ModelJobs", "jobInformation", environmentID, `jobId name`)
	q.within(p, "start", "end")
	q.uniqueID("uniqueId", uniqueID)
	return askAll[ModelJob](ctx, b.s, q)
}

// MostQueried tells which models and sources were queried most often in the warehouse.
// API: Discovery (beta), performance.mostQueriedResources.
func (b *MetadataBeta) MostQueried(ctx context.Context, environmentID int64, p Period, f MostQueriedFilter) ([]*QueriedResource, error) {
	q := performance("MostQueried", "mostQueriedResources", environmentID, `uniqueId totalCount`)
	q.within(p, "start", "end")
	q.limit("limit", f.Limit)
	types := []string{"model", "source"}
	if len(f.Types) > 0 {
		types = nil
	}
	for _, t := range f.Types {
		q.refuse(!slices.Contains([]ResourceType{ResourceModel, ResourceSource}, t), "Types: only models and sources are counted, not %q", t)
		types = append(types, strings.ToLower(string(t)))
	}
	q.args = append(q.args, argument{"resourceType", "[MostQueriedResourceType!]!", types})
	return askAll[QueriedResource](ctx, b.s, q)
}

// QueryHistory tells day by day how often a model or source was queried in the warehouse.
// API: Discovery (beta), performance.resourceQueryHistory.
func (b *MetadataBeta) QueryHistory(ctx context.Context, environmentID int64, uniqueID string, p Period) ([]*QueryDay, error) {
	q := performance("QueryHistory", "resourceQueryHistory", environmentID, `date totalCount`)
	q.within(p, "start", "end")
	q.uniqueID("uniqueId", uniqueID)
	return askAll[QueryDay](ctx, b.s, q)
}

// performance is a question below performance(environmentId).
func performance(name, field string, environmentID int64, want string) question {
	return question{name: name, root: "performance", id: environmentID, field: field, want: want}
}
