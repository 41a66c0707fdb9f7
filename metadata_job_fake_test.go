package dbtcloud_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// TestMetadataOfARun follows a run to its end, waits for its metadata and reads them all,
// in more than one page, from a service that answers for real.
func TestMetadataOfARun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake, c := newFake(dbtcloudtest.WithMetadataLag(90*time.Second), dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome {
			return dbtcloudtest.Outcome{Duration: time.Minute}
		}))
		var want []string
		for i := range 230 {
			want = append(want, fmt.Sprintf("model.shop.m%03d", i))
			fake.AddNodes(production, dbtcloudtest.Node{"uniqueId": want[i], "parentIds": []string{"source.shop.raw.orders"}})
		}
		fake.AddNodes(production,
			dbtcloudtest.Node{"uniqueId": "source.shop.raw.orders"}, dbtcloudtest.Node{"uniqueId": "seed.shop.countries"}, dbtcloudtest.Node{"uniqueId": "snapshot.shop.orders"},
			dbtcloudtest.Node{"uniqueId": "test.shop.u.abc", "parentIds": []string{"model.shop.m000"}}, dbtcloudtest.Node{"uniqueId": "macro.shop.cents"},
			dbtcloudtest.Node{"uniqueId": "metric.shop.revenue"}, dbtcloudtest.Node{"uniqueId": "exposure.shop.board", "parentIds": []string{"model.shop.m000"}})
		jobID := fake.AddJob(dbtcloudtest.JobSpec{EnvironmentID: production})
		runID := fake.AddRun(dbtcloudtest.RunSpec{JobID: jobID})
		if _, err := c.Runs.Wait(t.Context(), runID, dbtcloud.Poll{}); err != nil {
			t.Fatal(err)
		}
		ended := time.Now()
		job := c.Metadata.Job(jobID, runID)
		if early, err := dbtcloud.Collect(job.Models(t.Context(), dbtcloud.JobModelFilter{})); err != nil || len(early) != 0 {
			t.Errorf("%d models and %v before there are metadata", len(early), err)
		}
		if err := job.Wait(t.Context(), dbtcloud.Poll{Interval: 5 * time.Second}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(ended); took < time.Minute || took > 100*time.Second {
			t.Errorf("the metadata were there after %s", took)
		}
		for _, latest := range []*dbtcloud.JobMetadata{job, c.Metadata.Job(jobID, 0)} {
			var got []string
			for m, err := range latest.Models(t.Context(), dbtcloud.JobModelFilter{}) {
				if err != nil || m.RunID != runID || m.JobID != jobID {
					t.Fatalf("model %+v, error %v", m, err)
				}
				got = append(got, m.UniqueID)
			}
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("models (-want +got):\n%s", diff)
			}
		}
		for _, list := range jobLists() {
			got, err := list.call(t.Context(), job)
			if err != nil {
				t.Errorf("%s: %v", list.name, err)
			}
			if n := fmt.Sprint(got); n == "[]" && list.vars == "{}" {
				t.Errorf("%s: there is none", list.name)
			}
		}
	})
}

// TestScopesOfAnEnvironment asks a service that answers for real what depends on more
// than one list, or on what nodes are made from.
func TestScopesOfAnEnvironment(t *testing.T) {
	t.Parallel()
	fake, c := newFake()
	ran := func(status string, seconds float64) map[string]any {
		return map[string]any{"lastRunStatus": status, "executionTime": seconds, "executeCompletedAt": time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)}
	}
	fake.AddNodes(production,
		dbtcloudtest.Node{"uniqueId": "source.shop.raw.orders", "freshness": map[string]any{"freshnessStatus": "Warn", "freshnessChecked": true}},
		dbtcloudtest.Node{"uniqueId": "seed.shop.countries", "executionInfo": ran("success", 1)},
		dbtcloudtest.Node{"uniqueId": "model.shop.stg", "parentIds": []string{"source.shop.raw.orders", "seed.shop.countries"}, "executionInfo": ran("error", 8), "rawCode": "select 1"},
		dbtcloudtest.Node{"uniqueId": "model.shop.orders", "parentIds": []string{"model.shop.stg"}, "description": "All orders.", "executionInfo": ran("success", 2), "rawCode": "select 2"},
		dbtcloudtest.Node{"uniqueId": "model.shop.planned", "state": "definition", "rawCode": "select 3"},
		dbtcloudtest.Node{"uniqueId": "model.shop.dropped", "state": "applied", "rawCode": "select 4", "executionInfo": ran("skipped", 0)},
		dbtcloudtest.Node{"uniqueId": "test.shop.unique_orders_id.abc", "parentIds": []string{"model.shop.orders"}, "executionInfo": ran("fail", 1)},
	)
	health, err := c.Metadata.ModelHealth(t.Context(), production, "model.shop.orders")
	if err != nil {
		t.Fatal(err)
	}
	var reasons []string
	for _, r := range health.Reasons {
		reasons = append(reasons, fmt.Sprintf("%s %s %s", r.Health, r.Issue, r.UniqueID))
	}
	want := []string{"Degraded FailedTest test.shop.unique_orders_id.abc", "Caution LastRunFailedUpstreamModels model.shop.stg", "Caution CautionUpstreamSources source.shop.raw.orders"}
	if diff := cmp.Diff(want, reasons); diff != "" || health.Health != dbtcloud.HealthDegraded {
		t.Errorf("health %s (-want +got):\n%s", health.Health, diff)
	}
	changes, err := changed(c, production)
	if diff := cmp.Diff(map[string]dbtcloud.ModelChange{"model.shop.planned": dbtcloud.ModelNew, "model.shop.dropped": dbtcloud.ModelRemoved}, changes); diff != "" || err != nil {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	timings, err := c.Metadata.ModelTimings(t.Context(), production)
	if err != nil || len(timings) != 3 || timings[0].UniqueID != "model.shop.stg" {
		t.Errorf("timings %+v, error %v", timings, err)
	}
}
