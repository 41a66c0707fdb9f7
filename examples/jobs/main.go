// Command jobs sets up what most dbt projects need: a job that builds production every night, one that builds it on each
// merge, and a Slim CI job for pull requests. It shows how to keep jobs as code: it finds them by name, creates those that
// are missing, updates those that differ, and changes nothing when it is run again. Without -apply it only says what it
// would do.
//
//	export DBT_CLOUD_HOST=... DBT_CLOUD_ACCOUNT_ID=... DBT_CLOUD_SERVICE_TOKEN=...
//	go run ./examples/jobs -project 1 -production 2 -ci 3 -pull-requests github
//	go run ./examples/jobs -project 1 -production 2 -ci 3 -pull-requests github -apply
//
// Without an account: go run ./examples/fake prints the variables of one on your machine, whose project is
// 70506183000002, with the environments 70506183000004 for production and 70506183000003 for CI.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/slimci/dbtcloud"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	p, apply, err := parse(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	exit(2, err)
	client, err := dbtcloud.New(dbtcloud.FromEnv())
	exit(2, err)
	exit(1, reconcile(ctx, client, p.jobs(), apply, os.Stdout))
}

func exit(status int, err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "jobs:", err)
		os.Exit(status)
	}
}

// parse reads the command line.
func parse(args []string, stderr io.Writer) (p project, apply bool, err error) {
	flags := flag.NewFlagSet("jobs", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Int64Var(&p.id, "project", 0, "id of the project")
	flags.Int64Var(&p.production, "production", 0, "id of the environment that production is built in")
	flags.Int64Var(&p.ci, "ci", 0, "id of the environment that pull requests are built in")
	from := flags.String("pull-requests", "api", "what starts the Slim CI job: github, provider (GitLab, Azure DevOps) or api (Autoscaling CI)")
	flags.BoolVar(&apply, "apply", false, "create and update the jobs, instead of saying what would be done")
	if err := flags.Parse(args); err != nil {
		return project{}, false, err
	}
	if p.id <= 0 || p.production <= 0 || p.ci <= 0 {
		return project{}, false, errors.New("-project, -production and -ci must be given, as positive ids")
	}
	switch *from {
	case "github":
		p.pullRequests.GitHubWebhook = true
	case "provider":
		p.pullRequests.GitProviderWebhook = true
	case "api":
	default:
		return project{}, false, fmt.Errorf("-pull-requests: %q is not one of github, provider and api", *from)
	}
	return p, apply, nil
}
