package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slimci/dbtcloud"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func (a app) runs(g *global) *cobra.Command {
	return commands("runs", "List, show, follow, cancel and retry runs; their logs, artifacts and reports",
		a.runsList(g), a.runsGet(g), a.runsWait(g), a.runsCancel(g), a.runsRetry(g), a.runsLogs(g), a.runsArtifacts(g), a.runsReport(g))
}

// runResource is what there is to see of a run. It has no name and is no one's to delete.
func runResource(client *dbtcloud.Client) resource[*dbtcloud.Run] {
	type run = *dbtcloud.Run
	return resource[run]{
		kind: "run",
		columns: []column[run]{
			{"ID", func(r run) string { return idText(r.ID) }},
			{"STATUS", func(r run) string { return *statusText(r) }},
			{"JOB", jobOf},
			{"CREATED", func(r run) string { return clockTime(r.CreatedAt) }},
			{"DURATION", func(r run) string { return r.RunDuration }},
			{"COMMIT", func(r run) string { return commitOf(r)[:min(len(commitOf(r)), 12)] }},
			{"CAUSE", func(r run) string { return triggerOf(r).Cause }},
		},
		details: []column[run]{
			{"MESSAGE", func(r run) string { return r.StatusMessage }},
			{"PROJECT", func(r run) string { return idText(r.ProjectID) }},
			{"ENVIRONMENT", func(r run) string { return idText(r.EnvironmentID) }},
			{"BRANCH", func(r run) string { return or(r.GitBranch, triggerOf(r).GitBranch) }},
			{"SCHEMA OVERRIDE", func(r run) string { return triggerOf(r).SchemaOverride }},
			{"DBT VERSION", func(r run) string { return r.DbtVersion }},
			{"STARTED", func(r run) string { return clockTime(r.StartedAt) }},
			{"FINISHED", func(r run) string { return clockTime(r.FinishedAt) }},
			{"LINK", client.RunURL},
		},
	}
}

// triggerOf is the trigger of a run; an empty one where the answer has none.
func triggerOf(r *dbtcloud.Run) dbtcloud.RunTrigger {
	if r.Trigger == nil {
		return dbtcloud.RunTrigger{}
	}
	return *r.Trigger
}

// commitOf is the commit of a run: before its checkout, the one that was asked for.
func commitOf(r *dbtcloud.Run) string { return or(r.GitSHA, triggerOf(r).GitSHA) }

// jobOf is the id of the run's job, and its name where the answer has it.
func jobOf(r *dbtcloud.Run) string {
	if r.Job == nil || r.Job.Name == "" {
		return idText(r.JobID)
	}
	return idText(r.JobID) + " " + r.Job.Name
}

const runsListHelp = `List runs, the newest first.

Without --since: the newest 20, or as many as --newest says. With --since: all since
then, or the newest of them. --since takes a length of time, such as 90m, 24h or 7d, or
a date, such as 2025-01-31 or 2025-01-31T06:00:00Z.`

// runsFilter holds the flags of runs list.
type runsFilter struct {
	place
	job      reference
	statuses several[dbtcloud.RunStatus]
	newest   number
	since    moment
}

func (a app) runsList(g *global) *cobra.Command {
	f := &runsFilter{newest: number{min: 1}, statuses: runStatuses()}
	cmd := command("list", "List runs, the newest first", func(ctx context.Context, cmd *cobra.Command, _ []string) error {
		if f.newest.value > 100 {
			return invalid("--newest: must be at most 100, not %d: --since lists more", f.newest.value)
		}
		s, err := a.scope(ctx, cmd, g, f.place)
		if err != nil {
			return err
		}
		job, err := jobResource().idOf(ctx, s, f.job)
		if err != nil {
			return err
		}
		runs, err := dbtcloud.Collect(s.client.Runs.All(ctx, f.filter(s, job, time.Now())))
		if err != nil {
			return err
		}
		slices.SortFunc(runs, func(a, b *dbtcloud.Run) int { return cmp.Compare(b.ID, a.ID) })
		return runResource(s.client).showAll(a, g, runs)
	})
	cmd.Long, cmd.Args = runsListHelp, noArgs
	cmd.Flags().SortFlags = false
	cmd.Flags().Var(&f.job, "job", "only runs of this job")
	f.addProject(cmd)
	f.addEnvironment(cmd)
	cmd.Flags().Var(&f.statuses, "status", "only runs with one of these statuses: queued, starting, running, success, error, cancelled; active is the first three")
	cmd.Flags().Var(&f.newest, "newest", "only so many, at most 100")
	cmd.Flags().Var(&f.since, "since", "only runs that were created since then")
	return cmd
}

func (f *runsFilter) filter(s scope, job int64, now time.Time) dbtcloud.RunFilter {
	filter := dbtcloud.RunFilter{
		JobID: job, ProjectID: s.project, EnvironmentID: s.environment, Statuses: f.statuses.values, Newest: int(f.newest.value),
		Include: []dbtcloud.RunInclude{dbtcloud.RunWithTrigger, dbtcloud.RunWithJob},
	}
	if f.since.given() {
		filter.CreatedBetween = [2]time.Time{f.since.before(now), now.Add(24 * time.Hour)} // clocks differ
	} else if filter.Newest == 0 {
		filter.Newest = 20
	}
	return filter
}

func (a app) runsGet(g *global) *cobra.Command {
	return command("get RUN_ID", "Show where a run stands", func(ctx context.Context, cmd *cobra.Command, args []string) error {
		client, id, err := a.oneRun(cmd, g, args)
		if err != nil {
			return err
		}
		run, err := client.Runs.Get(ctx, id, dbtcloud.RunWithTrigger, dbtcloud.RunWithJob, dbtcloud.RunWithAudit)
		if err != nil {
			return err
		}
		return goneReader(runResource(client).show(a, g, run))
	})
}

// newRun is how long a run that is not found may be too new to be seen.
const newRun = 10 * time.Second

// waiting holds the flags of commands that follow a run.
type waiting struct {
	pollInterval, timeout seconds
	logs                  bool
	reports               reporting
}

func (w *waiting) add(cmd *cobra.Command) {
	w.pollInterval = seconds{value: 10 * time.Second, min: leastPoll}
	cmd.Flags().Var(&w.pollInterval, "poll-interval", "longest time between two looks, at least 100ms; the first are shorter")
	cmd.Flags().Var(&w.timeout, "timeout", "give up after this time (default: never)")
	addLogs(cmd.Flags(), &w.logs)
	w.reports.add(cmd.Flags())
}

// check refuses what is for a run that is waited for, if nobody does.
func (w *waiting) check(wait bool) error {
	return errors.Join(waitedFor(w.logs, wait), w.reports.check(wait))
}

func addLogs(fs *pflag.FlagSet, logs *bool) {
	yes(fs, logs, "logs", "while waiting, write the logs of the run's steps to stderr")
}

const runsWaitHelp = `Follow a run to its end. The exit status tells how it ended. The run goes on when
the command is interrupted or its --timeout passes.`

func (a app) runsWait(g *global) *cobra.Command {
	var w waiting
	cmd := command("wait RUN_ID", "Follow a run to its end", func(ctx context.Context, cmd *cobra.Command, args []string) error {
		client, id, err := a.oneRun(cmd, g, args, w.check(true))
		if err != nil {
			return err
		}
		limited, cancel := withDeadline(ctx, w.timeout.value)
		defer cancel()
		run, err := a.watch(limited, client, id, w, newRun)
		if run == nil {
			return err
		}
		unwritten := a.emitRun(g, client, run)
		a.publish(ctx, &w.reports, client, run, err)
		return errors.Join(err, unwritten)
	})
	cmd.Long = runsWaitHelp
	w.add(cmd)
	return cmd
}

// watch follows a run, which may not be found for so long, and tells of each change. It
// returns the run as last seen.
func (a app) watch(ctx context.Context, client *dbtcloud.Client, id int64, w waiting, grace time.Duration) (*dbtcloud.Run, error) {
	p := a.newProgress()
	defer p.close()
	logs := newLiveLogs(p, client, w.logs, w.pollInterval.value)
	defer logs.close(logsPatience)
	var last *dbtcloud.Run
	for run, err := range client.Runs.Watch(ctx, id, dbtcloud.Poll{Interval: w.pollInterval.value, Grace: grace}) {
		if err != nil {
			return last, because(ctx, err)
		}
		if last == nil {
			p.say(client.RunURL(run))
		}
		last = run
		p.say(describe(run))
		p.follow(describe(run))
		logs.follow(ctx, run)
	}
	if last.Status != dbtcloud.RunSuccess {
		return last, &dbtcloud.RunFailedError{Run: last}
	}
	return last, nil
}

func (a app) runsCancel(g *global) *cobra.Command {
	cmd := a.runsAction(g, "cancel", "Cancel a run", func(ctx context.Context, client *dbtcloud.Client, id int64) (*dbtcloud.Run, error) {
		return client.Runs.Cancel(ctx, id)
	})
	cmd.Long = "Cancel a run. It may take a while to end: `dbtcloud runs wait` tells when it has.\nA run that has ended already stays as it is."
	return cmd
}

func (a app) runsRetry(g *global) *cobra.Command {
	cmd := a.runsAction(g, "retry", "Start a new run that continues a failed one", func(ctx context.Context, client *dbtcloud.Client, id int64) (*dbtcloud.Run, error) {
		return client.Runs.Retry(ctx, id)
	})
	cmd.Long = "Start a new run that continues a failed one from its failed step. The failed run must be\nthe latest of its job. The new run is printed: `dbtcloud runs wait` follows it."
	return cmd
}

// runsAction makes a command that does something to a run and prints what came of it.
func (a app) runsAction(g *global, verb, short string, do func(context.Context, *dbtcloud.Client, int64) (*dbtcloud.Run, error)) *cobra.Command {
	return command(verb+" RUN_ID", short, func(ctx context.Context, cmd *cobra.Command, args []string) error {
		client, id, err := a.oneRun(cmd, g, args)
		if err != nil {
			return err
		}
		run, err := do(ctx, client, id)
		if err != nil {
			return err
		}
		a.tell(oneLine(verb + ": " + describe(run)))
		return a.emitRun(g, client, run)
	})
}

// oneRun reads the run that a command is about, and makes the client.
func (a app) oneRun(cmd *cobra.Command, g *global, args []string, problems ...error) (*dbtcloud.Client, int64, error) {
	if len(args) != 1 {
		return nil, 0, invalid("%s takes one argument, the id of the run, not %d", cmd.CommandPath(), len(args))
	}
	id, err := runID(args[0])
	if err != nil {
		return nil, 0, err
	}
	client, err := a.client(cmd, g, problems...)
	return client, id, err
}

func runID(arg string) (int64, error) {
	id := number{min: 1}
	if err := id.Set(arg); err != nil {
		return 0, invalid("run id %.40q: %w", arg, err)
	}
	return id.value, nil
}

// emitRun writes the run that a command has led to: its link, or the API's own object.
func (a app) emitRun(g *global, client *dbtcloud.Client, run *dbtcloud.Run) error {
	return a.emit(g, run.Raw(), client.RunURL(run))
}

func describe(r *dbtcloud.Run) string {
	text := fmt.Sprintf("run %d of job %d: %s", r.ID, r.JobID, strings.ToLower(r.Status.String()))
	if r.StatusMessage != "" {
		text += ": " + r.StatusMessage
	}
	return text
}
