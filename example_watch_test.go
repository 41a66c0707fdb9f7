package dbtcloud_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// nightly triggers a run each of a number of jobs.
func nightly(client *dbtcloud.Client, fake *dbtcloudtest.Server, names ...string) (ids []int64, jobs map[int64]string) {
	jobs = map[int64]string{}
	for _, name := range names {
		jobID := fake.AddJob(dbtcloudtest.JobSpec{Name: name, JobType: "other"})
		run, err := client.Jobs.Trigger(context.Background(), jobID, dbtcloud.Trigger{Cause: "nightly"})
		if err != nil {
			panic(err)
		}
		ids, jobs[jobID] = append(ids, run.ID), name
	}
	return ids, jobs
}

// Follow any number of runs at once. A look costs one request for each hundred runs
// that have not ended.
func ExampleRunsService_WatchAll() {
	fake, client := newFake(runs20ms(dbtcloudtest.Success, ""))
	ids, jobs := nightly(client, fake, "orders", "customers")

	ended := 0
	for run, err := range client.Runs.WatchAll(context.Background(), append(ids, 404), dbtcloud.Poll{First: often.First, Interval: often.Interval, Grace: often.Interval}) {
		if lost, ok := errors.AsType[*dbtcloud.RunLostError](err); ok {
			fmt.Println("nobody knows run", lost.RunID)
			continue // the others are followed on
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		if run.Status.Terminal() {
			fmt.Println(jobs[run.JobID], run.Status)
			ended++
		}
	}
	fmt.Println(ended, "runs have ended")
	// Unordered output:
	// nobody knows run 404
	// orders Success
	// customers Success
	// 2 runs have ended
}

// Wait for the ends of many runs. The error joins what went wrong with any of them.
func ExampleRunsService_WaitAll() {
	fake, client := newFake(runs20ms(dbtcloudtest.Error, "1 of 3 models failed"))
	ids, jobs := nightly(client, fake, "orders", "customers")

	runs, err := client.Runs.WaitAll(context.Background(), ids, often)
	for _, run := range runs {
		fmt.Println(jobs[run.JobID], run.Status)
	}
	failed, ok := errors.AsType[*dbtcloud.RunFailedError](err)
	fmt.Println(ok, failed.Run.StatusMessage)
	// Output:
	// orders Error
	// customers Error
	// true 1 of 3 models failed
}

// Print the logs of a run while they are written, here until the first line that says what
// went wrong.
func ExampleRunsService_FollowLogs() {
	fake, client := newFake(dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome {
		return dbtcloudtest.Outcome{Duration: -1, Steps: []dbtcloudtest.Step{
			{Name: "Clone git repository", Logs: "cloned\n"},
			{Name: "Invoke dbt with `dbt build`", Logs: "1 of 2 OK created model orders\n2 of 2 ERROR creating model customers\nDone.\n"},
		}}
	}))
	ids, _ := nightly(client, fake, "orders")

	for l, err := range client.Runs.FollowLogs(context.Background(), ids[0], often) {
		if err != nil {
			fmt.Println(err)
			return
		}
		if l.Gap {
			fmt.Println("lines are missing here")
		}
		for _, line := range l.Lines {
			fmt.Printf("%d: %s\n", l.Step, line)
			if strings.Contains(line, "ERROR") {
				return // the run goes on
			}
		}
	}
	// Output:
	// 1: cloned
	// 2: 1 of 2 OK created model orders
	// 2: 2 of 2 ERROR creating model customers
}
