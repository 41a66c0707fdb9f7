package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slimci/dbtcloud"
	"github.com/spf13/cobra"
)

func (a app) runs(g *global) *cobra.Command {
	cmd := &cobra.Command{Use: "runs", Short: "Get, follow or cancel a run"}
	group(cmd)
	cmd.AddCommand(a.runsGet(g), a.runsWait(g), a.runsCancel(g))
	return cmd
}

func (a app) runsGet(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "get RUN_ID",
		Short: "Show where a run stands",
		RunE: func(cmd *cobra.Command, args []string) error {
			client, id, err := a.oneRun(cmd, g, args)
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			run, err := client.Runs.Get(ctx, id, dbtcloud.RunWithTrigger, dbtcloud.RunWithAudit)
			if err != nil {
				return because(ctx, err)
			}
			a.tell(oneLine(describe(run)))
			return a.emit(g, newRunResult(client, run, nil), client.RunURL(run))
		},
	}
}

// newRun is how long a run that is not found may be too new to be seen.
const newRun = 10 * time.Second

func (a app) runsWait(g *global) *cobra.Command {
	pollInterval, timeout := seconds{10 * time.Second}, seconds{}
	cmd := &cobra.Command{
		Use:   "wait RUN_ID",
		Short: "Follow a run to its end",
		Long:  "Follow a run to its end. The exit status tells how it ended. The run goes on when\nthe command is interrupted or its --timeout passes.",
		RunE: func(cmd *cobra.Command, args []string) error {
			client, id, err := a.oneRun(cmd, g, args)
			if err != nil {
				return err
			}
			ctx, cancel := withDeadline(cmd.Context(), timeout.value)
			defer cancel()
			run, err := a.watch(ctx, client, id, dbtcloud.Poll{Interval: pollInterval.value, Grace: newRun})
			if run == nil {
				return err
			}
			return errors.Join(err, a.emit(g, newRunResult(client, run, err), client.RunURL(run)))
		},
	}
	cmd.Flags().Var(&pollInterval, "poll-interval", "longest time between two looks; the first are shorter")
	cmd.Flags().Var(&timeout, "timeout", "give up after this time (default: never)")
	return cmd
}

// watch follows a run and tells of each change. It returns the run as last seen.
func (a app) watch(ctx context.Context, client *dbtcloud.Client, id int64, poll dbtcloud.Poll) (*dbtcloud.Run, error) {
	p := a.newProgress()
	defer p.close()
	var last *dbtcloud.Run
	for run, err := range client.Runs.Watch(ctx, id, poll) {
		if err != nil {
			return last, because(ctx, err)
		}
		if last == nil {
			p.say(client.RunURL(run))
		}
		last = run
		p.say(describe(run))
		p.follow(describe(run))
	}
	if last.Status != dbtcloud.RunSuccess {
		return last, &dbtcloud.RunFailedError{Run: last}
	}
	return last, nil
}

func (a app) runsCancel(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "cancel RUN_ID",
		Short: "Cancel a run",
		Long:  "Cancel a run. It may take a while to end: `dbtcloud runs wait` tells when it has.\nA run that has ended already stays as it is.",
		RunE: func(cmd *cobra.Command, args []string) error {
			client, id, err := a.oneRun(cmd, g, args)
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			run, err := client.Runs.Cancel(ctx, id)
			if err != nil {
				return because(ctx, err)
			}
			a.tell(oneLine("cancel of " + describe(run)))
			return a.emit(g, newRunResult(client, run, nil), client.RunURL(run))
		},
	}
}

// oneRun reads the run that a command is about, and makes the client.
func (a app) oneRun(cmd *cobra.Command, g *global, args []string) (*dbtcloud.Client, int64, error) {
	id := number{min: 1}
	if len(args) != 1 {
		return nil, 0, invalid("%s takes one argument, the id of the run, not %d", cmd.CommandPath(), len(args))
	}
	if err := id.Set(args[0]); err != nil {
		return nil, 0, invalid("run id %.40q: %w", args[0], err)
	}
	client, err := a.client(cmd, g)
	return client, id.value, err
}

func describe(r *dbtcloud.Run) string {
	text := fmt.Sprintf("run %d of job %d: %s", r.ID, r.JobID, *statusText(r))
	if r.StatusMessage != "" {
		text += ": " + r.StatusMessage
	}
	return text
}
