// Command quickstart shows what Autoscaling CI does, without an account and without
// a network: it starts a fake dbt Cloud on loopback, pushes commits of several pull
// requests at it twice, and draws what the fake recorded. The first time every push
// triggers the one Slim CI job, the second time dbtcloud.AutoscaleCI places the runs.
//
//	go run ./examples/quickstart
//	go run ./examples/quickstart --prs 12 --slots 6 --seed 3
//	go run ./examples/quickstart --json
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"
)

// Exit statuses.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

const (
	realTime = 9 * time.Second  // how long Slim CI alone is to take
	patience = 90 * time.Second // more than anything takes
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	status := run(ctx, os.Args[1:], realTime, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// run is the whole command; took is how long Slim CI alone is to take.
func run(ctx context.Context, args []string, took time.Duration, stdout, stderr io.Writer) int {
	say := func(format string, args ...any) {
		_, _ = fmt.Fprintf(stderr, "quickstart: "+format+"\n", args...)
	}
	o, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		_, _ = io.WriteString(stdout, o.help)
		return exitOK
	}
	if err != nil {
		say("%v (--help lists the flags)", err)
		return exitUsage
	}
	err = show(ctx, o, took, stdout)
	switch {
	case err == nil:
		return exitOK
	case ctx.Err() != nil:
		say("interrupted")
		return exitInterrupted
	default:
		say("%v", err)
		return exitFailed
	}
}

// options are the flags.
type options struct {
	prs, slots int
	seed       uint64
	json       bool
	help       string // what --help prints
}

// parse reads and checks the flags; --help is flag.ErrHelp.
func parse(args []string) (options, error) {
	var o options
	var help strings.Builder
	help.WriteString("See Autoscaling CI at work against a fake dbt Cloud, without an account.\n\n")
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(&help)
	flags.IntVar(&o.prs, "prs", 6, "how many pull requests, 1 to 30")
	flags.IntVar(&o.slots, "slots", 4, "how many run slots the account has, 1 to 20")
	flags.Uint64Var(&o.seed, "seed", 1, "chooses when commits are pushed and how long their runs take")
	flags.BoolVar(&o.json, "json", false, "print the records and the figures as one JSON document, and no drawing")
	err := flags.Parse(args)
	o.help = help.String()
	switch {
	case err != nil:
		return o, err
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q: there are only flags", flags.Arg(0))
	case o.prs < 1 || o.prs > 30:
		return o, fmt.Errorf("--prs: must be 1 to 30, not %d", o.prs)
	case o.slots < 1 || o.slots > 20:
		return o, fmt.Errorf("--slots: must be 1 to 20, not %d", o.slots)
	}
	return o, nil
}

// show lets both modes run and prints what was recorded.
func show(ctx context.Context, o options, took time.Duration, stdout io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	pushes := newScenario(o.prs, o.seed)
	d := document{About: about, PullRequests: o.prs, Slots: o.slots, Seed: o.seed, MinutesPerSecond: minutesPerSecond(pushes, took)}
	p := pen{colour: colourful(stdout, os.Getenv)}
	if !o.json {
		if _, err := io.WriteString(stdout, introduction(d, pushes, p)); err != nil {
			return err
		}
	}
	var err error
	if d.SlimCI, d.AutoscalingCI, err = playBoth(ctx, d, pushes); err != nil {
		return err
	}
	if err := d.count(); err != nil {
		return err
	}
	if o.json {
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		return e.Encode(d)
	}
	_, err = io.WriteString(stdout, report(d, p))
	return err
}

// colourful tells whether w is a terminal that is to have colours.
func colourful(w io.Writer, getenv func(string) string) bool {
	file, ok := w.(*os.File)
	if !ok || getenv("NO_COLOR") != "" || getenv("TERM") == "dumb" {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
