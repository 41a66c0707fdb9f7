package dbtcloud_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// The examples talk to a fake dbt Cloud inside of the process. A real client is
//
//	client, err := dbtcloud.New(dbtcloud.FromEnv())
//
// with DBT_CLOUD_HOST, DBT_CLOUD_ACCOUNT_ID and DBT_CLOUD_SERVICE_TOKEN set.
func newFake(opts ...dbtcloudtest.Option) (*dbtcloudtest.Server, *dbtcloud.Client) {
	fake := dbtcloudtest.New(opts...)
	client, err := fake.Client()
	if err != nil {
		panic(err)
	}
	return fake, client
}

// runs20ms makes every run take 20 milliseconds.
func runs20ms(status dbtcloudtest.RunStatus, message string) dbtcloudtest.Option {
	return dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome {
		return dbtcloudtest.Outcome{Duration: 20 * time.Millisecond, Status: status, Message: message,
			Steps: []dbtcloudtest.Step{{Name: "dbt build", Logs: "Completed successfully"}}}
	})
}

// often is for runs of milliseconds; the zero value of Poll is for runs of minutes.
var often = dbtcloud.Poll{First: 5 * time.Millisecond, Interval: 10 * time.Millisecond}

// Start a run of a job and wait for its end. A run that does not succeed is an error.
func Example() {
	fake, client := newFake(runs20ms(dbtcloudtest.Success, ""))
	jobID := fake.AddJob(dbtcloudtest.JobSpec{Name: "nightly", JobType: "other"})
	ctx := context.Background()

	run, err := client.Jobs.Trigger(ctx, jobID, dbtcloud.Trigger{Cause: "nightly"})
	if err != nil {
		fmt.Println(err)
		return
	}
	run, err = client.Runs.Wait(ctx, run.ID, often)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(run.Status)
	// Output: Success
}

// Start a run of a CI job for a commit of a pull request.
func ExampleJobsService_Trigger() {
	fake, client := newFake()
	jobID := fake.AddJob(dbtcloudtest.JobSpec{Name: "CI"})

	run, err := client.Jobs.Trigger(context.Background(), jobID, dbtcloud.Trigger{
		Cause:          "push to pull request 50",
		PullRequest:    dbtcloud.PullRequest{Host: dbtcloud.GitHub, Number: 50},
		GitSHA:         "0f3c5e9bd0f7a1c3d1f0a5b7c9e1d3f5a7b9c1d3",
		SchemaOverride: "dbt_cloud_pr_50",
	})
	if uncertain, ok := errors.AsType[*dbtcloud.UncertainError](err); ok {
		fmt.Println("look before you trigger again:", uncertain)
		return
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(run.Trigger.PullRequest(), run.Trigger.Cause)
	// Output: github#50 push to pull request 50
}

// A list is an iterator: break when you have seen enough.
func ExampleJobsService_All() {
	fake, client := newFake()
	for _, name := range []string{"CI", "nightly", "hourly"} {
		fake.AddJob(dbtcloudtest.JobSpec{Name: name})
	}
	for job, err := range client.Jobs.All(context.Background(), dbtcloud.JobFilter{}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(job.Name)
		if job.Name == "nightly" {
			break
		}
	}
	// Output:
	// CI
	// nightly
}

// Create asks only for what a person must decide.
func ExampleJobsService_Create() {
	_, client := newFake()
	job, err := client.Jobs.Create(context.Background(), dbtcloud.JobRequest{
		ProjectID:     dbtcloudtest.DefaultProjectID,
		EnvironmentID: dbtcloudtest.DefaultEnvironmentID,
		Name:          "Slim CI",
		Type:          dbtcloud.JobCI,
		ExecuteSteps:  []string{"dbt build --select state:modified+"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(job.Name, job.Type, job.Settings.Threads)
	// Output: Slim CI ci 4
}

// A job that builds production every night. The hours are those of UTC.
func ExampleJobsService_Create_scheduled() {
	_, client := newFake()
	job, err := client.Jobs.Create(context.Background(), dbtcloud.JobRequest{
		ProjectID:     dbtcloudtest.DefaultProjectID,
		EnvironmentID: dbtcloudtest.DefaultDeferringID,
		Name:          "Nightly",
		Type:          dbtcloud.JobScheduled,
		ExecuteSteps:  []string{"dbt build"},
		Schedule:      dbtcloud.DailyAt(5),
		Triggers:      &dbtcloud.JobTriggers{Schedule: true},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(job.Name, job.Triggers.Schedule, job.Schedule.Time.Hours)
	// Output: Nightly true [5]
}

// A job that builds production whenever a pull request is merged. Where the service
// does not see merges, the pipeline of the main branch triggers a job without
// OnMerge, and names the commit in the cause.
func ExampleJobsService_Create_merge() {
	_, client := newFake()
	ctx := context.Background()
	job, err := client.Jobs.Create(ctx, dbtcloud.JobRequest{
		ProjectID:     dbtcloudtest.DefaultProjectID,
		EnvironmentID: dbtcloudtest.DefaultDeferringID,
		Name:          "Merge",
		Type:          dbtcloud.JobMerge,
		ExecuteSteps:  []string{"dbt build"},
		Triggers:      &dbtcloud.JobTriggers{OnMerge: true},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(job.Name, job.Type, job.Triggers.OnMerge)

	deploy, err := client.Jobs.Create(ctx, dbtcloud.JobRequest{
		ProjectID:     dbtcloudtest.DefaultProjectID,
		EnvironmentID: dbtcloudtest.DefaultDeferringID,
		Name:          "Deploy",
		ExecuteSteps:  []string{"dbt build"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	run, err := client.Jobs.Trigger(ctx, deploy.ID, dbtcloud.Trigger{Cause: "Commit 0f3c5e9bd0f7"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(deploy.Name, run.Trigger.Cause)
	// Output:
	// Merge merge true
	// Deploy Commit 0f3c5e9bd0f7
}

// A Slim CI job: every pull request builds what it changes, and reads the rest from
// production. GitHubWebhook is for GitHub, GitProviderWebhook for GitLab and Azure
// DevOps; a job that [AutoscaleCI] triggers has neither.
func ExampleJobsService_Create_pullRequest() {
	_, client := newFake()
	job, err := client.Jobs.Create(context.Background(), dbtcloud.JobRequest{
		ProjectID:              dbtcloudtest.DefaultProjectID,
		EnvironmentID:          dbtcloudtest.DefaultEnvironmentID,
		DeferringEnvironmentID: dbtcloudtest.DefaultDeferringID,
		Name:                   "Slim CI",
		Type:                   dbtcloud.JobCI,
		ExecuteSteps:           []string{"dbt build --select state:modified+"},
		Triggers:               &dbtcloud.JobTriggers{GitHubWebhook: true},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(job.Name, job.Type, job.Triggers.GitHubWebhook, job.DeferringEnvironmentID == dbtcloudtest.DefaultDeferringID)
	// Output: Slim CI ci true true
}

// Update changes what is set and keeps the rest. new makes a pointer where false
// and absent differ.
func ExampleJobsService_Update() {
	fake, client := newFake()
	jobID := fake.AddJob(dbtcloudtest.JobSpec{Name: "CI"})
	job, err := client.Jobs.Update(context.Background(), jobID, dbtcloud.JobRequest{
		Name:    "Slim CI",
		RunLint: new(true),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(job.Name, job.RunLint, job.ExecuteSteps)
	// Output: Slim CI true [dbt build --select state:modified+]
}

// Find the runs of a job that have not ended.
func ExampleRunsService_All() {
	fake, client := newFake()
	jobID := fake.AddJob(dbtcloudtest.JobSpec{Name: "CI"})
	fake.AddRun(dbtcloudtest.RunSpec{JobID: jobID, SHA: "abc"})
	fake.AddRun(dbtcloudtest.RunSpec{JobID: jobID, SHA: "def"})

	runs, err := dbtcloud.Collect(client.Runs.All(context.Background(), dbtcloud.RunFilter{
		JobID:    jobID,
		Statuses: dbtcloud.Active(),
		Include:  []dbtcloud.RunInclude{dbtcloud.RunWithTrigger},
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, run := range runs {
		fmt.Println(run.Status, run.Trigger.GitSHA)
	}
	// Output:
	// Running abc
	// Queued def
}

// A run that did not succeed is an error that says how it ended. The deadline is
// that of the context.
func ExampleRunsService_Wait() {
	fake, client := newFake(runs20ms(dbtcloudtest.Error, "1 of 3 models failed"))
	runID := fake.AddRun(dbtcloudtest.RunSpec{JobID: fake.AddJob(dbtcloudtest.JobSpec{Name: "CI"})})

	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	run, err := client.Runs.Wait(ctx, runID, often)
	failed, ok := errors.AsType[*dbtcloud.RunFailedError](err)
	switch {
	case errors.Is(err, dbtcloud.ErrRunCancelled):
		fmt.Println("cancelled")
	case ok:
		fmt.Println("failed:", failed.Run.StatusMessage)
	case err != nil:
		fmt.Println("not known:", err)
	default:
		fmt.Println(run.Status)
	}
	// Output: failed: 1 of 3 models failed
}

// Watch yields a run whenever its status has changed.
func ExampleRunsService_Watch() {
	fake, client := newFake(
		dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome { return dbtcloudtest.Outcome{Duration: -1} }))
	runID := fake.AddRun(dbtcloudtest.RunSpec{JobID: fake.AddJob(dbtcloudtest.JobSpec{Name: "CI"})})

	for run, err := range client.Runs.Watch(context.Background(), runID, often) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(run.Status)
		if run.Status == dbtcloud.RunRunning {
			fake.FinishRun(runID, dbtcloudtest.Success) // somebody else's work
		}
	}
	// Output:
	// Running
	// Success
}

// An artifact is streamed, however large it is.
func ExampleRunsService_OpenArtifact() {
	fake, client := newFake()
	runID := fake.AddRun(dbtcloudtest.RunSpec{JobID: fake.AddJob(dbtcloudtest.JobSpec{Name: "CI"})})
	fake.FinishRun(runID, dbtcloudtest.Success)
	fake.AddArtifact(runID, "manifest.json", []byte(`{"metadata": {"dbt_version": "1.10.2"}}`))

	body, err := client.Runs.OpenArtifact(context.Background(), runID, "manifest.json")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = body.Close() }()
	var manifest struct {
		Metadata struct {
			DbtVersion string `json:"dbt_version"`
		}
	}
	if err := json.NewDecoder(body).Decode(&manifest); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(manifest.Metadata.DbtVersion)

	_, err = client.Runs.OpenArtifact(context.Background(), runID, "catalog.json")
	fmt.Println(errors.Is(err, dbtcloud.ErrNotFound))
	// Output:
	// 1.10.2
	// true
}

// The logs of all steps, as far as they have been written.
func ExampleRunsService_Logs() {
	fake, client := newFake(runs20ms(dbtcloudtest.Success, ""))
	runID := fake.AddRun(dbtcloudtest.RunSpec{JobID: fake.AddJob(dbtcloudtest.JobSpec{Name: "CI"})})
	if _, err := client.Runs.Wait(context.Background(), runID, often); err != nil {
		fmt.Println(err)
		return
	}
	logs, err := client.Runs.Logs(context.Background(), runID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(logs)
	// Output:
	// == 1. dbt build (Success)
	// Completed successfully
}

// The account tells how many runs may go on at a time.
func ExampleAccountsService_Get() {
	_, client := newFake(dbtcloudtest.WithRunSlots(5))
	account, err := client.Accounts.Get(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(account.Plan, account.RunSlots)
	// Output: starter_2025 5
}

// Accounts that the token may see.
func ExampleAccountsService_All() {
	_, client := newFake()
	for account, err := range client.Accounts.All(context.Background()) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(account.ID == client.AccountID())
	}
	// Output: true
}

// A project with a production environment, which CI jobs can then defer to.
func ExampleProjectsService_Create() {
	_, client := newFake()
	ctx := context.Background()
	project, err := client.Projects.Create(ctx, dbtcloud.ProjectRequest{Name: "Jaffle Shop", Subdirectory: "dbt"})
	if err != nil {
		fmt.Println(err)
		return
	}
	production, err := client.Environments.Create(ctx, project.ID, dbtcloud.EnvironmentRequest{
		Name:           "Production",
		DeploymentType: dbtcloud.DeploymentProduction,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(project.Name, production.Name, production.DbtVersion)
	// Output: Jaffle Shop Production latest
}

// Update keeps what is not set, such as the connection and the credentials, which the
// API itself would forget.
func ExampleEnvironmentsService_Update() {
	fake, client := newFake()
	projectID := fake.AddProject(0, "Jaffle Shop")
	environmentID := fake.AddEnvironment(0, projectID, "CI")
	fake.EditEnvironment(environmentID, func(fields map[string]any) { fields["connection_id"] = 5 })

	environment, err := client.Environments.Update(context.Background(), projectID, environmentID, dbtcloud.EnvironmentRequest{
		UseCustomBranch: new(true),
		CustomBranch:    "develop",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(environment.Name, environment.CustomBranch, environment.ConnectionID)
	// Output: CI develop 5
}

// Find an environment by what it is for.
func ExampleEnvironmentsService_All() {
	_, client := newFake()
	found, err := dbtcloud.Collect(client.Environments.All(context.Background(), dbtcloudtest.DefaultProjectID, dbtcloud.EnvironmentFilter{
		DeploymentTypes: []dbtcloud.DeploymentType{dbtcloud.DeploymentProduction},
	}))
	if err != nil || len(found) != 1 {
		fmt.Println(len(found), err)
		return
	}
	fmt.Println(found[0].Name)
	// Output: Production
}

// A variable of a project, and the value that one job has instead.
func ExampleEnvironmentVariablesService_Create() {
	fake, client := newFake()
	ctx, projectID := context.Background(), dbtcloudtest.DefaultProjectID
	jobID := fake.AddJob(dbtcloudtest.JobSpec{Name: "CI"})
	for _, req := range []dbtcloud.EnvironmentVariableRequest{
		{Name: "DBT_DAYS", Value: "365"},
		{Name: "DBT_DAYS", Value: "3", Scope: dbtcloud.ScopeJob, JobID: jobID},
	} {
		if _, err := client.EnvironmentVariables.Create(ctx, projectID, req); err != nil {
			fmt.Println(err)
			return
		}
	}
	variables, err := client.EnvironmentVariables.ForJob(ctx, projectID, jobID)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, v := range variables {
		fmt.Println(v.Name, v.Project.Value, v.Job.Value)
	}
	// Output: DBT_DAYS 365 3
}

// Several variables at once. What was made is there beside the error for what was not.
func ExampleEnvironmentVariablesService_CreateBulk() {
	fake, client := newFake()
	projectID := dbtcloudtest.DefaultProjectID
	fake.AddProjectEnvVar(projectID, "DBT_SCHEMA", "shop")

	results, err := client.EnvironmentVariables.CreateBulk(context.Background(), projectID, []dbtcloud.VariableValues{
		{Name: "DBT_DAYS", Project: "365", Environments: map[string]string{"Production": "3650"}},
		{Name: "DBT_SCHEMA", Project: "store"},
	})
	for _, result := range results {
		fmt.Println(result.Name, result.Reason == "")
	}
	if e, ok := errors.AsType[*dbtcloud.Error](err); ok {
		fmt.Println(e.Fields["DBT_SCHEMA"])
	}
	// Output:
	// DBT_DAYS true
	// DBT_SCHEMA false
	// An environment variable by this name already exists in this project and account
}

// What a job sets for itself. Values of secrets cannot be read.
func ExampleEnvironmentVariablesService_JobOverrides() {
	fake, client := newFake()
	jobID := fake.AddJob(dbtcloudtest.JobSpec{Name: "CI"})
	fake.AddEnvVarOverride(jobID, "DBT_DAYS", "3")
	fake.AddEnvVarOverride(jobID, "DBT_ENV_SECRET_KEY", "hidden")

	overrides, err := client.EnvironmentVariables.JobOverrides(context.Background(), dbtcloudtest.DefaultProjectID, jobID)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, o := range overrides {
		fmt.Println(o.Name, o.Value, o.Secret())
	}
	// Output:
	// DBT_DAYS 3 false
	// DBT_ENV_SECRET_KEY ********** true
}

// Middleware sees each attempt. Operation names the request without its ids, which
// makes it a good name for a span or a metric.
func ExampleWithMiddleware() {
	count := func(next http.RoundTripper) http.RoundTripper {
		return middleware(func(req *http.Request) (*http.Response, error) {
			resp, err := next.RoundTrip(req)
			if err == nil {
				fmt.Println(dbtcloud.Operation(req.Context()), resp.StatusCode)
			}
			return resp, err
		})
	}
	client, err := dbtcloudtest.New().Client(dbtcloud.WithMiddleware(count))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = client.Jobs.Get(context.Background(), 12345)
	fmt.Println(errors.Is(err, dbtcloud.ErrNotFound))
	// Output:
	// GET /api/v2/accounts/{account}/jobs/{id}/ 404
	// true
}

// Do reaches what no service covers yet, with the same retries and errors.
func ExampleClient_Do() {
	_, client := newFake()
	var account struct{ Name, Plan string }
	path := fmt.Sprintf("/api/v2/accounts/%d/", client.AccountID())
	if err := client.Do(context.Background(), http.MethodGet, path, nil, &account); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(account.Plan)
	// Output: starter_2025
}

// What the service found wrong is in the error, by field.
func ExampleError() {
	_, client := newFake()
	_, err := client.Jobs.Create(context.Background(), dbtcloud.JobRequest{
		ProjectID:     dbtcloudtest.DefaultProjectID,
		EnvironmentID: dbtcloudtest.DefaultEnvironmentID,
		Name:          "CI",
		ExecuteSteps:  []string{"dbt build"},
		Type:          "nonsense",
	})
	if e, ok := errors.AsType[*dbtcloud.Error](err); ok && errors.Is(err, dbtcloud.ErrBadRequest) {
		fmt.Println(e.StatusCode, e.Fields)
	}
	// Output: 400 map[job_type:value must be one of ["ci","scheduled","other","merge","exposure_sync","adaptive","hybrid"]]
}
