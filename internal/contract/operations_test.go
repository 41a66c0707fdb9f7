package contract

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// operationScenarios send every operation with every field set and with few set.
func operationScenarios() []scenario {
	return []scenario{
		{"accounts", readAccounts},
		{"list jobs", listJobs},
		{"get jobs", getJobs},
		{"create jobs", createJobs},
		{"update a job", updateJob},
		{"update a job of tomorrow", updateJobOfTomorrow},
		{"update a job with all that is read-only", updateJobReadOnly},
		{"update a job whose ids are strings", updateJobWithStringIDs},
		{"delete jobs", deleteJobs},
		{"trigger", trigger},
		{"rerun and retry", rerunAndRetry},
		{"list runs", listRuns},
		{"get runs", getRuns},
		{"cancel", cancel},
		{"steps and logs", stepsAndLogs},
		{"artifacts", artifacts},
		{"overrides", overrides},
	}
}

func readAccounts(t *testing.T, c *contract) {
	w := c.begin(t)
	try(w.client.Accounts.Get(t.Context())).must(t)
	if n := len(try(dbtcloud.Collect(w.client.Accounts.All(t.Context()))).must(t)); n != 1 {
		t.Errorf("%d accounts, want 1", n)
	}
}

func listJobs(t *testing.T, c *contract) {
	w := c.begin(t)
	id := w.AddJob(dbtcloudtest.JobSpec{})
	w.AddRun(dbtcloudtest.RunSpec{JobID: id})
	if n := len(try(dbtcloud.Collect(w.client.Jobs.All(t.Context(), dbtcloud.JobFilter{}))).must(t)); n != 1 {
		t.Errorf("%d jobs, want 1", n)
	}
	try(dbtcloud.Collect(w.client.Jobs.All(t.Context(), dbtcloud.JobFilter{
		ProjectID: dbtcloudtest.DefaultProjectID, ProjectIDs: []int64{dbtcloudtest.DefaultProjectID, 1},
		EnvironmentID: dbtcloudtest.DefaultEnvironmentID, ID: id, NameContains: "slim", DbtVersions: []string{"latest", "1.9.0"},
		Scheduled: new(false), FusionReady: new(true), System: new(false), IncludeDeleted: true, Include: jobIncludes(),
	}))).must(t)
}

func jobIncludes() []dbtcloud.JobInclude {
	return []dbtcloud.JobInclude{dbtcloud.JobWithEnvironment, dbtcloud.JobWithEnvironmentVariables, dbtcloud.JobWithMostRecentRun,
		dbtcloud.JobWithMostRecentCompletedRun, dbtcloud.JobWithFusionReadiness}
}

func getJobs(t *testing.T, c *contract) {
	w := c.begin(t)
	id := w.AddJob(dbtcloudtest.JobSpec{})
	w.AddRun(dbtcloudtest.RunSpec{JobID: id})
	w.AddEnvVarOverride(id, "DBT_LIMIT", "10")
	try(w.client.Jobs.Get(t.Context(), id)).must(t)
	if job := try(w.client.Jobs.Get(t.Context(), id, jobIncludes()...)).must(t); job.MostRecentRun == nil {
		t.Error("the job has no most recent run")
	}
}

// wholeJob is a request with every field set, for a job that is not a CI job.
func wholeJob() dbtcloud.JobRequest {
	completion := new(dbtcloud.JobCompletion)
	completion.Condition.JobID, completion.Condition.ProjectID = 1, dbtcloudtest.DefaultProjectID
	completion.Condition.Statuses = []dbtcloud.RunStatus{dbtcloud.RunSuccess, dbtcloud.RunError}
	return dbtcloud.JobRequest{
		ProjectID: dbtcloudtest.DefaultProjectID, EnvironmentID: dbtcloudtest.DefaultEnvironmentID, Name: "Whole",
		ExecuteSteps: []string{"dbt build"}, Description: "every field", Type: dbtcloud.JobOther, DbtVersion: "latest",
		DeferringEnvironmentID: dbtcloudtest.DefaultDeferringID, DeferringJobID: 7,
		Execution: &dbtcloud.JobExecution{TimeoutSeconds: 60}, Settings: &dbtcloud.JobSettings{Threads: 8, TargetName: "ci"},
		Triggers: &dbtcloud.JobTriggers{CustomBranchOnly: true}, TriggersOnDraftPR: new(false),
		Schedule: &dbtcloud.JobSchedule{
			Cron: "0 6 * * 1", Date: dbtcloud.JobScheduleDate{Type: "days_of_week", Days: []int{0, 1}, Cron: "0 6 * * 1"},
			Time: dbtcloud.JobScheduleTime{Type: "at_exact_hours", Hours: []int{6}},
		},
		CompletionTrigger: completion,
		GenerateDocs:      new(true), GenerateSources: new(true), RunGenerateSources: new(true), RunLint: new(true),
		ErrorsOnLintFailure: new(false), RunCompareChanges: new(true), CompareChangesFlags: "--select state:modified",
		CostOptimizationFeatures: []string{"state_aware_orchestration"}, LifecycleWebhooks: new(true),
	}
}

// fewFields is what a job needs at least.
func fewFields(name string) dbtcloud.JobRequest {
	return dbtcloud.JobRequest{
		ProjectID: dbtcloudtest.DefaultProjectID, EnvironmentID: dbtcloudtest.DefaultEnvironmentID, Name: name, ExecuteSteps: []string{"dbt build"},
	}
}

func createJobs(t *testing.T, c *contract) {
	w := c.begin(t)
	try(w.client.Jobs.Create(t.Context(), fewFields("Few"))).must(t)
	threads := fewFields("Few settings")
	threads.Settings = &dbtcloud.JobSettings{Threads: 8}
	if job := try(w.client.Jobs.Create(t.Context(), threads)).must(t); job.Settings != (dbtcloud.JobSettings{Threads: 8, TargetName: "default"}) {
		t.Errorf("the job has the settings %+v", job.Settings)
	}
	ci := fewFields("Slim CI")
	ci.Type, ci.CostOptimizationFeatures = dbtcloud.JobCI, []string{"dbt_state"}
	try(w.client.Jobs.Create(t.Context(), ci)).must(t)
	if job := try(w.client.Jobs.Create(t.Context(), wholeJob())).must(t); job.CompletionTrigger == nil || job.DeferringJobID != 7 {
		t.Errorf("the job came back without its completion trigger or its deferral: %s", job.Raw())
	}
}

func updateJob(t *testing.T, c *contract) {
	w := c.begin(t)
	job := try(w.client.Jobs.Create(t.Context(), fewFields("Before"))).must(t)
	if job = try(w.client.Jobs.Update(t.Context(), job.ID, dbtcloud.JobRequest{Name: "After"})).must(t); job.Name != "After" {
		t.Errorf("the job is called %q after its update", job.Name)
	}
	try(w.client.Jobs.Update(t.Context(), job.ID, wholeJob())).must(t)
	hourly := dbtcloud.JobRequest{Schedule: &dbtcloud.JobSchedule{Date: dbtcloud.JobScheduleDate{Type: "every_day"}, Time: dbtcloud.JobScheduleTime{Type: "every_hour", Interval: 2}}}
	job = try(w.client.Jobs.Update(t.Context(), job.ID, hourly)).must(t) // what the job has besides is sent back
	if job.Description != "every field" || job.CompletionTrigger == nil {
		t.Errorf("the update lost what it did not name: %s", job.Raw())
	}
	ci := w.AddJob(dbtcloudtest.JobSpec{})
	target := dbtcloud.JobRequest{Description: "new", Settings: &dbtcloud.JobSettings{TargetName: "ci"}}
	if job = try(w.client.Jobs.Update(t.Context(), ci, target)).must(t); job.Settings != (dbtcloud.JobSettings{Threads: 4, TargetName: "ci"}) {
		t.Errorf("the job has the settings %+v", job.Settings)
	}
}

// updateJobOfTomorrow updates jobs that have fields which no document lists.
func updateJobOfTomorrow(t *testing.T, c *contract) {
	w := c.begin(t)
	id := w.AddJob(dbtcloudtest.JobSpec{JobType: "other", Extra: map[string]any{settingOfTomorrow: "kept", "force_node_selection": true}})
	job := try(w.client.Jobs.Update(t.Context(), id, dbtcloud.JobRequest{Description: "new"})).must(t)
	if fields, _ := w.Job(id); fields.Fields[settingOfTomorrow] != "kept" || job.ForceNodeSelection == nil {
		t.Errorf("the update lost a field: %s", job.Raw())
	}
}

// updateJobReadOnly gives a job a value in every field that the document has in the answer only: nulls would not be sent
// back in any case.
func updateJobReadOnly(t *testing.T, c *contract) {
	w := c.lax(t)
	op := c.documents.named(t, "v2 Update Job")
	answer, _ := op.answerSchema(200)
	extra := map[string]any{"next_run": "2000-01-01T00:00:00Z", "next_run_humanized": "now", "lifecycle_webhooks_url": "https://dbt.invalid/"}
	for name, property := range answer.Properties["data"].Value.Properties {
		if op.requestSchema().Properties[name] == nil && name != "job_completion_trigger_condition" && extra[name] == nil {
			extra[name] = anyOf(property.Value)
		}
	}
	id := w.AddJob(dbtcloudtest.JobSpec{Extra: extra})
	try(w.client.Jobs.Update(t.Context(), id, dbtcloud.JobRequest{Description: "new"})).must(t)
	w.onlyAnswersDepart(t)
}

func updateJobWithStringIDs(t *testing.T, c *contract) {
	w := c.lax(t, dbtcloudtest.WithStringIDs())
	id := w.AddJob(dbtcloudtest.JobSpec{})
	try(w.client.Jobs.Update(t.Context(), id, dbtcloud.JobRequest{Description: "new"})).must(t)
	w.onlyAnswersDepart(t)
}

func deleteJobs(t *testing.T, c *contract) {
	for _, mode := range []dbtcloudtest.Deletes{dbtcloudtest.NoContent, dbtcloudtest.Envelope} {
		w := c.begin(t, dbtcloudtest.WithDeletes(mode))
		id := w.AddJob(dbtcloudtest.JobSpec{})
		noError(t, w.client.Jobs.Delete(t.Context(), id))
		if err := w.client.Jobs.Delete(t.Context(), id); !errors.Is(err, dbtcloud.ErrNotFound) {
			t.Errorf("deleting it again: %v, want ErrNotFound", err)
		}
	}
}

func trigger(t *testing.T, c *contract) {
	w := c.begin(t)
	id := w.AddJob(dbtcloudtest.JobSpec{})
	try(w.client.Jobs.Trigger(t.Context(), id, dbtcloud.Trigger{})).must(t)
	for _, host := range []dbtcloud.GitHost{dbtcloud.GitHub, dbtcloud.GitLab, dbtcloud.AzureRepos, dbtcloud.OtherHost} {
		pr := dbtcloud.PullRequest{Host: host, Number: 50}
		run := try(w.client.Jobs.Trigger(t.Context(), id, dbtcloud.Trigger{
			Cause: "a pull request", PullRequest: pr, GitSHA: commit('a'), GitBranch: "feature", SchemaOverride: "dbt_cloud_pr_1_50",
			DbtVersionOverride: "latest", TargetNameOverride: "ci", ThreadsOverride: 8, TimeoutSecondsOverride: 60,
			GenerateDocsOverride: new(false), StepsOverride: []string{"dbt build"},
		})).must(t)
		if got := run.Trigger.PullRequest(); got != pr {
			t.Errorf("the run is for %s, want %s", got, pr)
		}
	}
}

// failing makes every run fail after a minute.
func failing() dbtcloudtest.Option {
	return dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome {
		return dbtcloudtest.Outcome{Duration: time.Minute, Status: dbtcloudtest.Error, Message: "a model failed"}
	})
}

func rerunAndRetry(t *testing.T, c *contract) {
	w := c.begin(t, failing())
	id := w.AddJob(dbtcloudtest.JobSpec{})
	fresh := try(w.client.Jobs.Rerun(t.Context(), id)).must(t)
	time.Sleep(2 * time.Minute)
	retried := try(w.client.Runs.Retry(t.Context(), fresh.ID)).must(t)
	time.Sleep(2 * time.Minute)
	again := try(w.client.Jobs.Rerun(t.Context(), id)).must(t)
	if retried.RetryingRunID != fresh.ID || again.RetryingRunID != retried.ID {
		t.Errorf("run %d retries %d, run %d retries %d", retried.ID, retried.RetryingRunID, again.ID, again.RetryingRunID)
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
		try(w.client.Runs.Step(t.Context(), steps[len(steps)-1].ID)).must(t)
	}
	if logs := try(w.client.Runs.Logs(t.Context(), run)).must(t); logs == "" {
		t.Error("the run has no logs")
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

func overrides(t *testing.T, c *contract) {
	w := c.begin(t)
	project, job := dbtcloudtest.DefaultProjectID, w.AddJob(dbtcloudtest.JobSpec{})
	w.AddProjectEnvVar(project, "DBT_LIMIT", "0")
	vars := w.client.EnvironmentVariables
	try(vars.JobOverrides(t.Context(), project, job)).must(t)
	try(vars.Create(t.Context(), project, dbtcloud.EnvironmentVariableRequest{Name: "DBT_LIMIT", Value: "10", Scope: dbtcloud.ScopeJob, JobID: job})).must(t)
	found := try(vars.JobOverrides(t.Context(), project, job)).must(t)
	if len(found) != 1 || found[0].Value != "10" {
		t.Fatalf("the overrides are %v, want DBT_LIMIT", found)
	}
	try(vars.Update(t.Context(), project, found[0].ID, dbtcloud.EnvironmentVariableRequest{Name: "DBT_LIMIT", Value: "20", Scope: dbtcloud.ScopeJob, JobID: job})).must(t)
	noError(t, vars.Delete(t.Context(), project, found[0].ID))
	if found = try(vars.JobOverrides(t.Context(), project, job)).must(t); len(found) != 0 {
		t.Errorf("the overrides are %v after the last was deleted", found)
	}
}
