package dbtcloudtest_test

import (
	"context"
	"fmt"
	"time"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// A tool is tested against a run that fails, with an answer that gets lost on the way.
func Example() {
	s := dbtcloudtest.New(dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome {
		return dbtcloudtest.Outcome{Duration: 10 * time.Millisecond, Status: dbtcloudtest.Error, Message: "dbt found errors"}
	}))
	job := s.AddJob(dbtcloudtest.JobSpec{Name: "Slim CI"})
	s.Inject(dbtcloudtest.Fault{Route: "POST /api/v2/accounts/{account}/jobs/{id}/run/", Times: 1, Kind: dbtcloudtest.LostAnswer()})

	client, err := s.Client()
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	_, err = client.Jobs.Trigger(ctx, job, dbtcloud.Trigger{Cause: "test"})
	fmt.Println("trigger failed:", err != nil)

	// The answer was lost, but the run is there.
	run := s.Runs()[0]
	_, err = client.Runs.Wait(ctx, run.ID, dbtcloud.Poll{First: 20 * time.Millisecond})
	fmt.Println("run failed:", err != nil)

	for _, e := range s.History() {
		fmt.Printf("%s: %q\n", e.Kind, e.Reason)
	}
	// Output:
	// trigger failed: true
	// run failed: true
	// job created: "Slim CI"
	// run queued: "test"
	// run starting: ""
	// run running: ""
	// run finished: "dbt found errors"
}

// Anything that speaks HTTP can be tested, and what somebody else does in the account can be scripted.
func ExampleServer_At() {
	s := dbtcloudtest.New(dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome {
		return dbtcloudtest.Outcome{Duration: -1} // until somebody ends it
	}))
	job := s.AddJob(dbtcloudtest.JobSpec{})
	run := s.AddRun(dbtcloudtest.RunSpec{JobID: job, PullRequest: dbtcloudtest.PullRequest{Host: dbtcloudtest.GitHub, Number: 50}})
	s.At(time.Now(), func(s *dbtcloudtest.Server) { s.CancelRun(run, "Ada", "Cancelled by user.") })

	got, _ := s.Run(run)
	fmt.Println(got.Status, "by", got.CancelledBy)
	// Output: Cancelled by Ada
}

// What reads the metadata of a project is tested against nodes that the test hands over.
func ExampleServer_AddNodes() {
	s := dbtcloudtest.New()
	s.AddNodes(dbtcloudtest.DefaultDeferringID,
		dbtcloudtest.Node{"uniqueId": "source.shop.raw.orders"},
		dbtcloudtest.Node{"uniqueId": "model.shop.stg_orders", "parentIds": []string{"source.shop.raw.orders"}},
		dbtcloudtest.Node{
			"uniqueId": "model.shop.orders", "parentIds": []string{"model.shop.stg_orders"},
			"executionInfo": map[string]any{"lastRunStatus": "error"},
		},
	)

	client, err := s.Client()
	if err != nil {
		fmt.Println(err)
		return
	}
	for model, err := range client.Metadata.FailedModels(context.Background(), dbtcloudtest.DefaultDeferringID) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(model.UniqueID)
	}
	// Output: model.shop.orders
}
