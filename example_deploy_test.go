package dbtcloud_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// Deploy what is merged. The second merge waits behind the first and is replaced by the
// third before its run begins.
func ExampleDeployer() {
	fake, client := newFake(dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome {
		return dbtcloudtest.Outcome{Duration: 300 * time.Millisecond}
	}))
	d := &dbtcloud.Deployer{Client: client, JobID: fake.AddJob(dbtcloudtest.JobSpec{Name: "Production", JobType: "other"}), Poll: often}
	ctx := context.Background()

	var deployments []*dbtcloud.Deployment
	for n := range 3 {
		merge := dbtcloud.Merge{SHA: fmt.Sprintf("%040d", n+1), Branch: "main", Sequence: int64(n + 1)}
		x, err := d.Trigger(ctx, merge)
		if err != nil {
			fmt.Println(err)
			return
		}
		deployments = append(deployments, x)
	}
	for n, x := range deployments {
		run, err := x.Wait(ctx)
		switch {
		case errors.Is(err, dbtcloud.ErrSuperseded):
			fmt.Println(n+1, "gives way to a newer merge")
		case err != nil:
			fmt.Println(err)
		default:
			fmt.Println(n+1, run.Status)
		}
	}
	// Output:
	// 1 Success
	// 2 gives way to a newer merge
	// 3 Success
}
