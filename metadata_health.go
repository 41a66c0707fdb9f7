package dbtcloud

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
)

// SourceFreshness are the tables of sources whose freshness has one of the statuses, or
// all of them if none is given, with what the last check found.
// API: Discovery, environment.applied.sources.
func (s *MetadataService) SourceFreshness(ctx context.Context, environmentID int64, statuses ...FreshnessStatus) iter.Seq2[*Source, error] {
	var f SourceFilter
	if len(statuses) == 1 {
		f.FreshnessStatus = statuses[0] // the filter takes one
	}
	fields := Fields("name", "sourceName", "description", "database", "schema", "identifier", "loader", "freshness",
		"freshness.criteria.errorAfter", "freshness.criteria.warnAfter")
	return only(s.Sources(ctx, environmentID, f, fields), func(source *Source) bool {
		return len(statuses) == 0 || source.Freshness != nil && slices.Contains(statuses, source.Freshness.FreshnessStatus)
	})
}

// FailingTests are the tests that failed, or broke, when they last ran.
// API: Discovery, environment.applied.tests.
func (s *MetadataService) FailingTests(ctx context.Context, environmentID int64) iter.Seq2[*Test, error] {
	// All tests are read: of the two filters for what a test found one takes a single
	// status, in words that are not documented, and the other is younger than the schema
	// that is known. A failing test that a filter hides would read as none.
	return only(s.Tests(ctx, environmentID, TestFilter{}), func(test *Test) bool {
		return test.ExecutionInfo != nil && failedStatus(test.ExecutionInfo.LastRunStatus)
	})
}

// FailedModels are the models whose last run failed.
// API: Discovery, environment.applied.models.
func (s *MetadataService) FailedModels(ctx context.Context, environmentID int64) iter.Seq2[*Model, error] {
	return s.Models(ctx, environmentID, ModelFilter{LastRunStatus: NodeError})
}

// only are the items of a sequence that are wanted.
func only[T any](all iter.Seq2[*T, error], wanted func(*T) bool) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		for item, err := range all {
			if (err != nil || wanted(item)) && !yield(item, err) {
				return
			}
		}
	}
}

// Health is how far a model can be trusted, in the words of dbt's health signals.
type Health string

// Healths of a model, from the best to the worst. Unknown is worse than caution: nothing
// speaks for the model.
const (
	HealthHealthy  Health = "Healthy"
	HealthCaution  Health = "Caution"
	HealthUnknown  Health = "Unknown"
	HealthDegraded Health = "Degraded"
)

// badness orders healths.
func (h Health) badness() int {
	return slices.Index([]Health{HealthHealthy, HealthCaution, HealthUnknown, HealthDegraded}, h)
}

// ModelHealthIssue is a kind of reason for a model not to be healthy. The API has the same
// words for public models, and may have more.
type ModelHealthIssue string

// Kinds of reasons.
const (
	ModelIssueLastRunFailed   ModelHealthIssue = "LastRunFailed"
	ModelIssueLastRunSkipped  ModelHealthIssue = "LastRunSkipped" // or it warned; not a word of the API
	ModelIssueStale           ModelHealthIssue = "Stale"          // not built for 30 days
	ModelIssueNeverRan        ModelHealthIssue = "Unknown"        // or with a status that this version does not know
	ModelIssueFailedTest      ModelHealthIssue = "FailedTest"
	ModelIssueWarnedTest      ModelHealthIssue = "WarnedTest" // or it did not run
	ModelIssueNoTests         ModelHealthIssue = "NoTests"
	ModelIssueNoDescription   ModelHealthIssue = "NoDescription"
	ModelIssueCautionSources  ModelHealthIssue = "CautionUpstreamSources"
	ModelIssueDegradedSources ModelHealthIssue = "DegradedUpstreamSources"
	ModelIssueFailedUpstream  ModelHealthIssue = "LastRunFailedUpstreamModels" // a model, seed or snapshot upstream
)

// HealthReason is one reason for a model not to be healthy.
type HealthReason struct {
	Health   Health           // how bad this alone is
	Issue    ModelHealthIssue // what it is
	UniqueID string           // of what it is about: the model, a test of it, an ancestor
	Text     string           // for people
}

// String is the reason in one line.
func (r HealthReason) String() string { return fmt.Sprintf("%s: %s: %s", r.Health, r.UniqueID, r.Text) }

// ModelHealth is a model with what its health depends on, and the verdict.
type ModelHealth struct {
	Model   *Model         // with Tests and Ancestors (models, sources, seeds, snapshots), and how they last ran
	Health  Health         // the worst of the reasons; healthy without any
	Reasons []HealthReason // the worst first
}

// ModelHealth tells how far a model can be trusted, and why, as dbt's health signals do:
// it is degraded if its last run or a test failed, or if a source upstream is stale or was
// not checked for 30 days; unknown if it never ran; and calls for caution if it was skipped
// or not built for 30 days, has no tests or no description, if a test warned or did not
// run, or if a source upstream is getting stale. A failed model, seed or snapshot upstream
// calls for caution too, which dbt's signals leave out. Sources whose freshness is not
// checked do not count. API: Discovery, environment.applied.models, in one request.
func (s *MetadataService) ModelHealth(ctx context.Context, environmentID int64, uniqueID string) (*ModelHealth, error) {
	if strings.TrimSpace(uniqueID) == "" {
		return nil, fmt.Errorf("%w: ModelHealth: the unique id is empty", ErrInvalid)
	}
	m, err := s.Model(ctx, environmentID, uniqueID,
		Fields("name", "description", "database", "schema", "alias", "materializedType", "executionInfo",
			"tests.uniqueId", "tests.name", "tests.description", "tests.columnName", "tests.testType", "tests.executionInfo",
			"ancestors.name", "ancestors.resourceType", "ancestors.sourceName", "ancestors.executionInfo", "ancestors.freshness"),
		AncestorTypes(ResourceModel, ResourceSource, ResourceSeed, ResourceSnapshot))
	if err != nil {
		return nil, err
	}
	return judgeModel(m, time.Now()), nil
}

// judgeModel decides how healthy a model is.
func judgeModel(m *Model, now time.Time) *ModelHealth {
	j := &healthJudge{now: now}
	j.lastRun(m)
	if m.Description == "" {
		j.add(HealthCaution, ModelIssueNoDescription, m.UniqueID, "it has no description")
	}
	if len(m.Tests) == 0 {
		j.add(HealthCaution, ModelIssueNoTests, m.UniqueID, "it has no tests")
	}
	for _, test := range m.Tests {
		if test != nil {
			j.test(test)
		}
	}
	for _, node := range m.Ancestors {
		if node != nil {
			j.ancestor(node)
		}
	}
	slices.SortStableFunc(j.reasons, func(a, b HealthReason) int {
		return cmp.Or(cmp.Compare(b.Health.badness(), a.Health.badness()), strings.Compare(a.UniqueID, b.UniqueID))
	})
	health := HealthHealthy
	if len(j.reasons) > 0 {
		health = j.reasons[0].Health
	}
	return &ModelHealth{Model: m, Health: health, Reasons: j.reasons}
}

// healthJudge collects reasons.
type healthJudge struct {
	now     time.Time
	reasons []HealthReason
}

func (j *healthJudge) add(h Health, issue ModelHealthIssue, uniqueID, text string) {
	j.reasons = append(j.reasons, HealthReason{h, issue, uniqueID, text})
}

// longAgo tells whether a time that is known is more than 30 days past.
func (j *healthJudge) longAgo(t Time) bool { return !t.IsZero() && j.now.Sub(t.Time) > 30*24*time.Hour }

// lastRun judges the last run of the model.
func (j *healthJudge) lastRun(m *Model) {
	run := orZero(m.ExecutionInfo)
	switch status := run.LastRunStatus; {
	case status == "":
		j.add(HealthUnknown, ModelIssueNeverRan, m.UniqueID, "no run is known to have built it")
	case failedStatus(status):
		j.add(HealthDegraded, ModelIssueLastRunFailed, m.UniqueID, strings.TrimSuffix("its last run failed: "+shorten(run.LastRunError), ": "))
	case status == NodeSkipped || status == NodeWarn:
		j.add(HealthCaution, ModelIssueLastRunSkipped, m.UniqueID, fmt.Sprintf("its last run ended with %s", status))
	case !goodStatus(status):
		j.add(HealthUnknown, ModelIssueNeverRan, m.UniqueID, fmt.Sprintf("its last run ended with %q, which this version does not know", status))
	}
	if built := cmp.Or(run.ExecuteCompletedAt, run.LastRunGeneratedAt); j.longAgo(built) {
		j.add(HealthCaution, ModelIssueStale, m.UniqueID, "it was not built for 30 days, since "+built.Format(time.DateOnly))
	}
}

// test judges a test of the model.
func (j *healthJudge) test(test *NestedTest) {
	run := orZero(test.ExecutionInfo)
	switch status := run.LastRunStatus; {
	case status == "":
		j.add(HealthCaution, ModelIssueWarnedTest, test.UniqueID, "the test never ran")
	case failedStatus(status):
		text := "the test failed"
		if run.LastRunFailures != nil {
			text = fmt.Sprintf("the test failed: %d failures", *run.LastRunFailures)
		}
		j.add(HealthDegraded, ModelIssueFailedTest, test.UniqueID, text)
	case !goodStatus(status):
		j.add(HealthCaution, ModelIssueWarnedTest, test.UniqueID, fmt.Sprintf("the test ended with %s", status))
	}
}

// ancestor judges what the model is made from.
func (j *healthJudge) ancestor(node *RelatedNode) {
	if run := orZero(node.ExecutionInfo); failedStatus(run.LastRunStatus) {
		j.add(HealthCaution, ModelIssueFailedUpstream, node.UniqueID, "the last run of it, upstream, failed")
	}
	if node.Freshness == nil {
		return
	}
	checked := cmp.Or(node.Freshness.SnapshottedAt, node.Freshness.FreshnessRunGeneratedAt)
	switch status := node.Freshness.FreshnessStatus; {
	case !slices.Contains([]FreshnessStatus{FreshnessPass, FreshnessWarn, FreshnessError, FreshnessOutdated}, status):
		// its freshness is not checked
	case status == FreshnessError:
		j.add(HealthDegraded, ModelIssueDegradedSources, node.UniqueID, "the source is stale"+since(node.Freshness.MaxLoadedAt))
	case status == FreshnessOutdated || j.longAgo(checked):
		j.add(HealthDegraded, ModelIssueDegradedSources, node.UniqueID, "the freshness of the source was not checked for long"+since(checked))
	case status == FreshnessWarn:
		j.add(HealthCaution, ModelIssueCautionSources, node.UniqueID, "the source is getting stale"+since(node.Freshness.MaxLoadedAt))
	}
}

// failedStatus tells whether a run of a node failed.
func failedStatus(s NodeStatus) bool { return s == NodeError || s == NodeFail }

// goodStatus tells whether a run of a node went well.
func goodStatus(s NodeStatus) bool { return s == NodeSuccess || s == NodePass || s == NodeReused }

// since is the day of a time that is known.
func since(t Time) string {
	if t.IsZero() {
		return ""
	}
	return ", since " + t.Format(time.DateOnly)
}

func orZero[T any](p *T) T {
	if p == nil {
		return *new(T)
	}
	return *p
}
