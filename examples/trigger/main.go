// Command trigger is the smallest program: it runs a job and waits for it. With the variables of the account set:
//
//	go run ./examples/trigger -job 67890
//
// Exit status 1: the run did not succeed, 2: bad input, 5: it was not triggered.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/slimci/dbtcloud"
)

func main() {
	jobID := flag.Int64("job", 0, "id of the job")
	flag.Parse()
	client, err := dbtcloud.New(dbtcloud.FromEnv())
	exit(2, err)
	run, err := client.Jobs.Trigger(context.Background(), *jobID, dbtcloud.Trigger{Cause: "examples/trigger"})
	exit(5, err)
	fmt.Println(client.RunURL(run))
	_, err = client.Runs.Wait(context.Background(), run.ID, dbtcloud.Poll{})
	exit(1, err)
}

func exit(status int, err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(status)
	}
}
