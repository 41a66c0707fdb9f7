package contract

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// runScenarios are the uses of runs.
func runScenarios() []scenario {
	return []scenario{
		{"list runs", listRuns},
		{"get runs", getRuns},
		{"cancel", cancel},
		{"steps and logs", stepsAndLogs},
		{"failure details", failureDetails},
		{"artifacts", artifacts},
	}
}

func listRuns(t *testing.T, c *contract) {
	w := c.begin(t)
	id := w.AddJob(dbtcloudtest.JobSpec{})
	first := w.AddRun(dbtcloudtest.RunSpec{JobID: id})
	w.AddRun(dbtcloudtest.RunSpec{JobID: id, PullRequest: dbtcloudtest.PullRequest{Host: dbtcloudtest.GitLab, Number: 3}, SHA: commit('a')})
	w.CancelRun(first, "Ada", "Cancelled by user.")
	lists := []dbtcloud.RunFilter{
		{Include: []dbtcloud.RunInclude{dbtcloud.RunWithTrigger, dbtcloud.RunWithJob, dbtcloud.RunWithAudit, dbtcloud.RunWithDebugLogs}},
		{}, {Newest: 2}, {Newest: 100}, {Statuses: dbtcloud.Active()},
		{JobID: id, ProjectID: dbtcloudtest.DefaultProjectID, ProjectIDs: []int64{dbtcloudtest.DefaultProjectID},
			EnvironmentID: dbtcloudtest.DefaultEnvironmentID, IDs: []int64{first, first + 1}, After: 1, Statuses: []dbtcloud.RunStatus{dbtcloud.RunCancelled},
			DbtVersions: []string{"latest"}, DeferringRunID: 1, HasDocsGenerated: new(true), HasSourcesGenerated: new(false),
			CreatedBetween: [2]time.Time{time.Now().Add(-time.Hour), time.Now()}, FinishedBetween: [2]time.Time{time.Now().Add(-time.Hour), time.Now()}},
	}
	var counts []int
	for _, filter := range lists {
		counts = append(counts, len(try(dbtcloud.Collect(w.client.Runs.All(t.Context(), filter))).must(t)))
	}
	if counts[0] != 2 || counts[1] != 2 {
		t.Errorf("the lists hold %v runs, the first two want 2", counts)
	}
}

func getRuns(t *testing.T, c *contract) {
	w := c.begin(t)
	id := w.AddJob(dbtcloudtest.JobSpec{})
	pr := dbtcloudtest.PullRequest{Host: dbtcloudtest.GitHub, Number: 3}
	run := w.AddRun(dbtcloudtest.RunSpec{JobID: id, PullRequest: pr, SHA: commit('a'), Schema: "dbt_cloud_pr_1_3"})
	for range 3 { // queued or running, and ended
		try(w.client.Runs.Get(t.Context(), run)).must(t)
		try(w.client.Runs.Get(t.Context(), run, dbtcloud.RunWithTrigger, dbtcloud.RunWithJob, dbtcloud.RunWithAudit, dbtcloud.RunWithDebugLogs,
			dbtcloud.RunWithEnvironment, dbtcloud.RunWithRepository, dbtcloud.RunWithSteps, dbtcloud.RunWithRetries)).must(t)
		time.Sleep(3 * time.Minute)
	}
	if last := try(w.client.Runs.Wait(t.Context(), run, dbtcloud.Poll{})).must(t); last.Trigger.GitHubPullRequestID != 3 {
		t.Errorf("the run is for pull request %d, want 3", last.Trigger.GitHubPullRequestID)
	}
}

func cancel(t *testing.T, c *contract) {
	w := c.begin(t, dbtcloudtest.WithCancelLatency(dbtcloudtest.Fixed(time.Second)))
	id := w.AddJob(dbtcloudtest.JobSpec{})
	running, queued := w.AddRun(dbtcloudtest.RunSpec{JobID: id}), w.AddRun(dbtcloudtest.RunSpec{JobID: id})
	for _, run := range []int64{queued, running, queued} { // at last one that has ended
		try(w.client.Runs.Cancel(t.Context(), run)).must(t)
	}
	time.Sleep(2 * time.Second)
	run := try(w.client.Runs.Get(t.Context(), running, dbtcloud.RunWithAudit)).must(t)
	if run.Status != dbtcloud.RunCancelled || run.Audit == nil || run.Audit.Cancellation.Actor.Name == "" {
		t.Errorf("the run is %s and does not say who cancelled it", run.Status)
	}
}

func stepsAndLogs(t *testing.T, c *contract) {
	w := c.begin(t, failing())
	run := w.AddRun(dbtcloudtest.RunSpec{JobID: w.AddJob(dbtcloudtest.JobSpec{})})
	for range 3 {
		time.Sleep(31 * time.Second)
		steps := try(w.client.Runs.Steps(t.Context(), run)).must(t)
		last := steps[len(steps)-1].ID
		try(w.client.Runs.Step(t.Context(), last)).must(t)
		try(w.client.Runs.Step(t.Context(), last, dbtcloud.RunWithTrigger, dbtcloud.RunWithJob, dbtcloud.RunWithDebugLogs)).must(t)
	}
	if logs := try(w.client.Runs.Logs(t.Context(), run)).must(t); logs == "" {
		t.Error("the run has no logs")
	}
}

func failureDetails(t *testing.T, c *contract) {
	w := c.begin(t, failing())
	run := w.AddRun(dbtcloudtest.RunSpec{JobID: w.AddJob(dbtcloudtest.JobSpec{ExecuteSteps: []string{"dbt build", "dbt test"}})})
	if _, err := w.client.Runs.FailureDetails(t.Context(), run); !errors.Is(err, dbtcloud.ErrBadRequest) {
		t.Errorf("of a run that has not failed: %v, want ErrBadRequest", err)
	}
	time.Sleep(2 * time.Minute)
	if failure := try(w.client.Runs.FailureDetails(t.Context(), run)).must(t); failure.FailedStep == "" {
		t.Errorf("the run failed at %+v", failure)
	}
}

func artifacts(t *testing.T, c *contract) {
	w := c.begin(t)
	job := w.AddJob(dbtcloudtest.JobSpec{})
	none, some := w.AddRun(dbtcloudtest.RunSpec{JobID: job}), w.AddRun(dbtcloudtest.RunSpec{JobID: job})
	w.AddArtifacts(some, dbtcloudtest.Artifact{Path: "manifest.json", Data: []byte("{}")}, dbtcloudtest.Artifact{Path: "compiled/a/b c.sql", Step: 2, Data: []byte("select 1")})
	time.Sleep(time.Hour)
	for run, want := range map[int64]int{none: 0, some: 2} {
		if paths := try(w.client.Runs.Artifacts(t.Context(), run)).must(t); len(paths) != want {
			t.Errorf("run %d has the artifacts %q, want %d", run, paths, want)
		}
	}
	manifest := try(io.ReadAll(try(w.client.Runs.OpenArtifact(t.Context(), some, "manifest.json")).must(t))).must(t)
	model := try(io.ReadAll(try(w.client.Runs.OpenStepArtifact(t.Context(), some, 2, "compiled/a/b c.sql")).must(t))).must(t)
	if string(manifest) != "{}" || string(model) != "select 1" {
		t.Errorf("the artifacts are %q and %q", manifest, model)
	}
}
