package dbtcloud_test

import (
	"context"
	"fmt"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// The pull request was merged: its run is cancelled, its clones are deleted, and the job
// drops its schema. A sequence keeps a late close from ending a pull request that was
// reopened.
func ExampleAutoscaleCI_Close() {
	fake, client := newFake(runs20ms(dbtcloudtest.Success, ""))
	jobID := fake.AddJob(dbtcloudtest.JobSpec{Name: "Slim CI"})
	ci := dbtcloud.AutoscaleCI{Client: client, JobID: jobID, Poll: often}

	closed, err := ci.Close(context.Background(), dbtcloud.Closing{
		PullRequest:  dbtcloud.PullRequest{Host: dbtcloud.GitHub, Number: 50},
		Sequence:     1234, // of the pipeline
		CleanupSteps: []string{"dbt run-operation drop_pr_schema"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(closed.Cancelled), "cancelled, the cleanup ended with", closed.Cleanup.Status)
	// Output: 0 cancelled, the cleanup ended with Success
}
