package dbtcloud

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// sound is a model that nothing speaks against at the time now.
func sound(now time.Time) *Model {
	ran := &ExecutionInfo{LastRunStatus: NodeSuccess, ExecuteCompletedAt: Time{now.Add(-time.Hour)}}
	return &Model{UniqueID: "model.a", Description: "Orders", ExecutionInfo: ran,
		Tests: []*NestedTest{{UniqueID: "test.u", ExecutionInfo: &ExecutionInfo{LastRunStatus: NodePass}}},
		Ancestors: []*RelatedNode{
			{UniqueID: "model.up", ExecutionInfo: ran},
			{UniqueID: "source.fresh", Freshness: &Freshness{FreshnessStatus: FreshnessPass, SnapshottedAt: Time{now.Add(-time.Hour)}}},
			{UniqueID: "source.unchecked", Freshness: &Freshness{}},
			{UniqueID: "exposure.odd"}}}
}

func TestJudgeModel(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)
	ago := func(days int) Time { return Time{now.AddDate(0, 0, -days)} }
	tests := []struct {
		name   string
		change func(*Model)
		want   []string // health, issue and text of each reason
	}{
		{"nothing", func(*Model) {}, nil},
		{"reused", func(m *Model) { m.ExecutionInfo = &ExecutionInfo{LastRunStatus: NodeReused} }, nil},
		{"failed", func(m *Model) {
			m.ExecutionInfo = &ExecutionInfo{LastRunStatus: NodeError, LastRunError: "no such table"}
		},
			[]string{"Degraded LastRunFailed its last run failed: no such table"}},
		{"failed without a word", func(m *Model) { m.ExecutionInfo = &ExecutionInfo{LastRunStatus: NodeError} }, []string{"Degraded LastRunFailed its last run failed"}},
		{"skipped", func(m *Model) { m.ExecutionInfo = &ExecutionInfo{LastRunStatus: NodeSkipped} }, []string{"Caution LastRunSkipped its last run ended with skipped"}},
		{"warned", func(m *Model) { m.ExecutionInfo = &ExecutionInfo{LastRunStatus: NodeWarn} }, []string{"Caution LastRunSkipped its last run ended with warn"}},
		{"never ran", func(m *Model) { m.ExecutionInfo = nil }, []string{"Unknown Unknown no run is known to have built it"}},
		{"ran somehow", func(m *Model) { m.ExecutionInfo = &ExecutionInfo{LastRunStatus: "paused"} }, []string{`Unknown Unknown its last run ended with "paused", which this version does not know`}},
		{"30 days old", func(m *Model) {
			m.ExecutionInfo = &ExecutionInfo{LastRunStatus: NodeSuccess, ExecuteCompletedAt: ago(30)}
		}, nil},
		{"31 days old", func(m *Model) {
			m.ExecutionInfo = &ExecutionInfo{LastRunStatus: NodeSuccess, ExecuteCompletedAt: ago(31)}
		},
			[]string{"Caution Stale it was not built for 30 days, since 2026-02-28"}},
		{"of an old run", func(m *Model) {
			m.ExecutionInfo = &ExecutionInfo{LastRunStatus: NodeSuccess, LastRunGeneratedAt: ago(31)}
		},
			[]string{"Caution Stale it was not built for 30 days, since 2026-02-28"}},
		{"bare", func(m *Model) { m.Description, m.Tests = "", nil }, []string{"Caution NoDescription it has no description", "Caution NoTests it has no tests"}},
		{"nulls among what it depends on", func(m *Model) { m.Tests, m.Ancestors = append(m.Tests, nil), append(m.Ancestors, nil) }, nil},
		{"a test failed", func(m *Model) { m.Tests[0].ExecutionInfo.LastRunStatus = NodeFail }, []string{"Degraded FailedTest the test failed"}},
		{"a test broke", func(m *Model) {
			m.Tests[0].ExecutionInfo = &ExecutionInfo{LastRunStatus: NodeError, LastRunFailures: new(int64(7))}
		},
			[]string{"Degraded FailedTest the test failed: 7 failures"}},
		{"a test warned", func(m *Model) { m.Tests[0].ExecutionInfo.LastRunStatus = NodeWarn }, []string{"Caution WarnedTest the test ended with warn"}},
		{"a test was skipped", func(m *Model) { m.Tests[0].ExecutionInfo.LastRunStatus = NodeSkipped }, []string{"Caution WarnedTest the test ended with skipped"}},
		{"a test never ran", func(m *Model) { m.Tests[0].ExecutionInfo = nil }, []string{"Caution WarnedTest the test never ran"}},
		{"a parent failed", func(m *Model) { m.Ancestors[0].ExecutionInfo = &ExecutionInfo{LastRunStatus: NodeError} },
			[]string{"Caution LastRunFailedUpstreamModels the last run of it, upstream, failed"}},
		{"a stale source", func(m *Model) {
			m.Ancestors[1].Freshness = &Freshness{FreshnessStatus: FreshnessError, MaxLoadedAt: ago(3)}
		},
			[]string{"Degraded DegradedUpstreamSources the source is stale, since 2026-03-28"}},
		{"a source gets stale", func(m *Model) { m.Ancestors[1].Freshness.FreshnessStatus = FreshnessWarn }, []string{"Caution CautionUpstreamSources the source is getting stale"}},
		{"a source that was fresh", func(m *Model) { m.Ancestors[1].Freshness.SnapshottedAt = ago(31) },
			[]string{"Degraded DegradedUpstreamSources the freshness of the source was not checked for long, since 2026-02-28"}},
		{"a source that got stale", func(m *Model) {
			m.Ancestors[1].Freshness = &Freshness{FreshnessStatus: FreshnessWarn, FreshnessRunGeneratedAt: ago(31)}
		}, []string{"Degraded DegradedUpstreamSources the freshness of the source was not checked for long, since 2026-02-28"}},
		{"an outdated source", func(m *Model) { m.Ancestors[1].Freshness = &Freshness{FreshnessStatus: FreshnessOutdated} },
			[]string{"Degraded DegradedUpstreamSources the freshness of the source was not checked for long"}},
		{"a source without limits", func(m *Model) { m.Ancestors[1].Freshness.FreshnessStatus = FreshnessUnconfigured }, nil},
		{"the worst first", func(m *Model) {
			m.Description, m.ExecutionInfo = "", nil
			m.Tests[0].ExecutionInfo.LastRunStatus = NodeFail
		}, []string{"Degraded FailedTest the test failed", "Unknown Unknown no run is known to have built it", "Caution NoDescription it has no description"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := sound(now)
			m.ExecutionInfo = new(*m.ExecutionInfo)
			test.change(m)
			var got []string
			judged := judgeModel(m, now)
			for _, r := range judged.Reasons {
				got = append(got, string(r.Health)+" "+string(r.Issue)+" "+r.Text)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("reasons (-want +got):\n%s", diff)
			}
			want := HealthHealthy
			if len(judged.Reasons) > 0 {
				want = judged.Reasons[0].Health
			}
			if judged.Health != want || judged.Model != m {
				t.Errorf("health %s, want %s", judged.Health, want)
			}
		})
	}
}

func TestHealthReasonString(t *testing.T) {
	t.Parallel()
	r := HealthReason{HealthCaution, ModelIssueNoTests, "model.a", "it has no tests"}
	if got, want := r.String(), "Caution: model.a: it has no tests"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// drawModel is any model.
func drawModel(t *rapid.T, now time.Time) *Model {
	moment := rapid.Custom(func(t *rapid.T) Time {
		return rapid.SampledFrom([]Time{{}, {now}, {now.AddDate(0, 0, -40)}, {now.AddDate(1, 0, 0)}}).Draw(t, "time")
	})
	run := rapid.Custom(func(t *rapid.T) *ExecutionInfo {
		status := rapid.SampledFrom([]NodeStatus{"-", "", NodeSuccess, NodeError, NodeSkipped, NodeReused, NodeWarn, NodePass, NodeFail, "later"}).Draw(t, "status")
		if status == "-" {
			return nil
		}
		return &ExecutionInfo{LastRunStatus: status, ExecuteCompletedAt: moment.Draw(t, "completed"), LastRunGeneratedAt: moment.Draw(t, "generated")}
	})
	test := rapid.Custom(func(t *rapid.T) *NestedTest {
		return &NestedTest{UniqueID: rapid.SampledFrom([]string{"test.a", "test.b"}).Draw(t, "id"), ExecutionInfo: run.Draw(t, "run")}
	})
	ancestor := rapid.Custom(func(t *rapid.T) *RelatedNode {
		node := &RelatedNode{UniqueID: rapid.SampledFrom([]string{"model.b", "source.c"}).Draw(t, "id"), ExecutionInfo: run.Draw(t, "run")}
		if status := rapid.SampledFrom([]FreshnessStatus{"-", "", FreshnessPass, FreshnessWarn, FreshnessError, FreshnessSkipped, FreshnessUnknown, FreshnessOutdated, FreshnessUnconfigured, "Later"}).Draw(t, "freshness"); status != "-" {
			node.Freshness = &Freshness{FreshnessStatus: status, SnapshottedAt: moment.Draw(t, "snapshotted")}
		}
		return node
	})
	return &Model{UniqueID: "model.a", Description: rapid.SampledFrom([]string{"", "Orders"}).Draw(t, "description"), ExecutionInfo: run.Draw(t, "run"),
		Tests: rapid.SliceOfN(test, 0, 4).Draw(t, "tests"), Ancestors: rapid.SliceOfN(ancestor, 0, 4).Draw(t, "ancestors")}
}

// TestJudgeModelProperties: the verdict is the worst reason, does not depend on the order
// of what it is made from, and gets no better by anything bad that is added.
func TestJudgeModelProperties(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		m := drawModel(t, now)
		judged := judgeModel(m, now)
		worst := HealthHealthy
		for _, r := range judged.Reasons {
			if r.Health.badness() <= 0 || r.Text == "" || r.UniqueID == "" {
				t.Fatalf("reason %+v says nothing", r)
			}
			if r.Health.badness() > worst.badness() {
				worst = r.Health
			}
		}
		if judged.Health != worst {
			t.Fatalf("health %s, but the worst reason is %s: %v", judged.Health, worst, judged.Reasons)
		}
		if failed := m.ExecutionInfo != nil && m.ExecutionInfo.LastRunStatus == NodeError; failed && judged.Health != HealthDegraded {
			t.Fatalf("the model failed, and is %s", judged.Health)
		}
		turned := *m
		turned.Tests, turned.Ancestors = slices.Clone(m.Tests), slices.Clone(m.Ancestors)
		slices.Reverse(turned.Tests)
		slices.Reverse(turned.Ancestors)
		if again := judgeModel(&turned, now); again.Health != judged.Health || len(again.Reasons) != len(judged.Reasons) {
			t.Fatalf("%s, and %s in another order", judged.Health, again.Health)
		}
		worse := *m
		worse.Tests = append(slices.Clone(m.Tests), &NestedTest{UniqueID: "test.z", ExecutionInfo: &ExecutionInfo{LastRunStatus: NodeFail}})
		if again := judgeModel(&worse, now); again.Health != HealthDegraded {
			t.Fatalf("%s with a test that fails", again.Health)
		}
	})
}
