// Command dbtcloud runs the Slim CI job of dbt Cloud for many pull requests at the
// same time, and manages jobs, runs, projects, environments and variables. `dbtcloud
// help` tells more.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	signal.Ignore(syscall.SIGPIPE) // that nobody reads the progress any more must not leave a run and its clone behind
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	a := app{getenv: os.Getenv, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, columns: terminal(os.Stderr, os.Getenv)}
	os.Exit(a.run(ctx, os.Args[1:]))
}
