// Command orchestrator shows the SDK inside of an orchestrator of your own: it runs the production jobs of two projects,
// each after those that it depends on, and tests pull requests with Autoscaling CI, all at the same time. SIGINT or SIGTERM
// stop it gracefully: nothing more is triggered, it says what goes on in dbt Cloud without it, and returns within five
// seconds. A second signal ends it at once.
//
// To see it run without an account, with commits that come by themselves:
//
//	go run ./examples/orchestrator -fake
//
// To use it, put your projects and jobs into plan.go, and let commits come on standard input, one a line:
//
//	export DBT_CLOUD_HOST=... DBT_CLOUD_ACCOUNT_ID=... DBT_CLOUD_SERVICE_TOKEN=...
//	echo "shop github#50 $(git rev-parse HEAD)" | go run ./examples/orchestrator
//
// Begin to read in orchestrator.go.
package main

import (
	"context"
	"flag"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/slimci/dbtcloud"
)

func main() {
	fake := flag.Bool("fake", false, "run against a fake dbt Cloud inside of this process")
	flag.Parse()
	log := slog.New(slog.NewTextHandler(os.Stdout, nil))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ended := make(chan error, 1)
	go func() { ended <- start(ctx, log, *fake) }()
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
		stop() // hear no more signals, so that the next one ends the process
		log.Info("stopping")
		err = <-ended
	}
	if err != nil {
		log.Error("ended", "error", err)
		os.Exit(1)
	}
	log.Info("ended")
}

// start runs the plan against the account of the environment, or against a fake one.
func start(ctx context.Context, log *slog.Logger, fake bool) error {
	if fake {
		return demo(ctx, log)
	}
	client, err := dbtcloud.New(dbtcloud.FromEnv(), dbtcloud.WithLogger(log), dbtcloud.WithUserAgent("example-orchestrator"))
	if err != nil {
		return err
	}
	changes := make(chan change)
	go read(os.Stdin, changes, log) // ends with the process: nothing interrupts the reading of a terminal
	o := orchestrator{client: client, plan: plan(), log: log}
	return o.run(ctx, changes)
}
