package report_test

import (
	"context"
	"fmt"
	"os"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
	"github.com/slimci/dbtcloud/manifest"
	"github.com/slimci/dbtcloud/report"
)

func ExampleCollect() {
	fake := dbtcloudtest.New(dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome {
		return dbtcloudtest.Outcome{Status: dbtcloudtest.Error, Steps: []dbtcloudtest.Step{{Name: "Invoke dbt with `dbt deps`", Logs: "Package dbt-labs/no_such_package was not found"}}}
	}))
	client, err := fake.Client()
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	runID := fake.AddRun(dbtcloudtest.RunSpec{JobID: fake.AddJob(dbtcloudtest.JobSpec{Name: "Slim CI"})})
	for _, err := range client.Runs.Watch(ctx, runID, dbtcloud.Poll{}) {
		if err != nil {
			break // the run has failed
		}
	}
	d, err := report.Collect(ctx, client, runID)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range d.Failures {
		fmt.Printf("%s %s: %s\n", f.Kind, f.Name, f.Message)
	}
	// Output: step Invoke dbt with `dbt deps`: Package dbt-labs/no_such_package was not found
}

func ExampleNew() {
	d := report.New(report.Inputs{
		Run: &dbtcloud.Run{ID: 77, Status: dbtcloud.RunError},
		Steps: []report.StepInputs{{Results: &manifest.RunResults{Results: []manifest.Result{
			{UniqueID: "model.shop.orders", Status: manifest.StatusSuccess},
			{UniqueID: "test.shop.not_null_orders_id.ab12", Status: manifest.StatusFail, Message: "Got 3 results, configured to fail if != 0", Failures: 3},
		}}}},
	})
	_ = d.Terminal(os.Stdout, false)
	for _, line := range report.GitHubAnnotations(d) {
		fmt.Println(line)
	}
	// Output:
	// dbt run 77: Error
	//   built 1, passed 0, failed 1, errors 0, warnings 0, skipped 0, other 0
	// failed: test not_null_orders_id, 3 rows
	//   | Got 3 results, configured to fail if != 0
	// ::error title=dbt test not_null_orders_id::Got 3 results, configured to fail if != 0
}
