// Command buildkite does what pipeline.yml does, as a program: a pull request is tested, its end ends its runs, and a merge is deployed.
// It takes the variables of that file, and stands in the place of ./dbtcloud there.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/feedback"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	client, err := dbtcloud.New(dbtcloud.FromEnv())
	event, unread := dbtcloud.EventFromEnv(os.Getenv)
	if err := errors.Join(err, unread); err != nil {
		return err
	}
	ci := dbtcloud.AutoscaleCI{Client: client, Progress: func(_ *dbtcloud.CIRun, text string) { fmt.Println(text) }}
	d := dbtcloud.Deployer{Client: client, Progress: func(_ *dbtcloud.Deployment, text string) { fmt.Println(text) }}
	_, _ = fmt.Sscan(os.Getenv("DBT_CLOUD_JOB_ID"), &ci.JobID) // what is no number is refused as no job
	_, _ = fmt.Sscan(os.Getenv("DBT_CLOUD_DEPLOY_JOB_ID"), &d.JobID)
	var begun interface {
		Wait(context.Context) (*dbtcloud.Run, error)
	}
	switch event.Kind {
	case dbtcloud.EventClosed:
		_, err := ci.Close(ctx, dbtcloud.Closing{PullRequest: event.PullRequest, Sequence: event.Sequence})
		return err
	case dbtcloud.EventPush:
		begun, err = d.Trigger(ctx, dbtcloud.Merge{SHA: event.SHA, Branch: event.Branch, Sequence: event.Sequence})
	default:
		if err := event.Testable(); err != nil {
			return err
		}
		begun, err = ci.Trigger(ctx, event.Change)
	}
	if err != nil {
		return err
	}
	r, err := begun.Wait(ctx)
	if r == nil || ctx.Err() != nil {
		return err
	}
	// an annotation of the build
	if unshown := feedback.Show(ctx, client, event, r.ID, feedback.Files{}); unshown != nil {
		fmt.Fprintln(os.Stderr, unshown) // a result that nobody sees is the same result
	}
	return err
}
