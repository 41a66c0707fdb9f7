package contract

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// jobScenarios are the uses of jobs.
func jobScenarios() []scenario {
	return []scenario{
		{"list jobs", listJobs},
		{"get jobs", getJobs},
		{"create jobs", createJobs},
		{"update a job", updateJob},
		{"delete jobs", deleteJobs},
		{"trigger", trigger},
		{"rerun and retry", rerunAndRetry},
		{"job artifacts", jobArtifacts},
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

func jobArtifacts(t *testing.T, c *contract) {
	w := c.begin(t)
	job := w.AddJob(dbtcloudtest.JobSpec{})
	w.AddArtifacts(w.AddRun(dbtcloudtest.RunSpec{JobID: job}), dbtcloudtest.Artifact{Path: "compiled/a/b c.sql", Data: []byte("select 1")})
	time.Sleep(time.Hour)
	model := try(io.ReadAll(try(w.client.Jobs.OpenArtifact(t.Context(), job, "compiled/a/b c.sql")).must(t))).must(t)
	if string(model) != "select 1" {
		t.Errorf("the artifact is %q", model)
	}
	if _, err := w.client.Jobs.OpenArtifact(t.Context(), job, "catalog.json"); !errors.Is(err, dbtcloud.ErrNotFound) {
		t.Errorf("an artifact that no run has: %v, want ErrNotFound", err)
	}
}
