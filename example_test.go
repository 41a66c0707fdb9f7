package dbtcloud_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
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

// Ask the Discovery API, in GraphQL.
func ExampleMetadataService_Query() {
	discovery := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, `{"data": {"job": {"models": [{"uniqueId": "model.shop.orders", "status": "error"}]}}}`)
	}))
	defer discovery.Close()
	client, err := dbtcloud.New(dbtcloud.WithAccount(1), dbtcloud.WithToken("token"), dbtcloud.WithMetadataURL(discovery.URL))
	if err != nil {
		fmt.Println(err)
		return
	}
	const query = `query ($job: BigInt!) { job(id: $job) { models { uniqueId status } } }`
	var answer struct {
		Job struct {
			Models []struct{ UniqueID, Status string }
		}
	}
	if err := client.Metadata.Query(context.Background(), query, map[string]any{"job": 9}, &answer); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.Job.Models[0].UniqueID, answer.Job.Models[0].Status)
	// Output: model.shop.orders error
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
