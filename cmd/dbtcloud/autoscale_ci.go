package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slimci/dbtcloud"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// ciFlags are the flags of autoscale-ci and of ci run.
type ciFlags struct {
	*global
	changeFlags
	jobID                     number
	payload                   string
	cause, schema             string
	mode, onInterrupt         choice
	noMove, keepClone, dryRun bool
	wait, logs                bool
	maxRunSlots, maxClones    number
	pollInterval, timeout     seconds
	untestable                choice // of ci run
	reports                   reporting
}

const autoscaleHelp = `See to it that a change of a pull request is tested by a Slim CI job, also while
the job is busy with other pull requests. Runs of older commits of the pull request
are cancelled first. If the job is busy and a run slot is free, the run goes to a
clone of the job, which is deleted when the run has ended.

The change is given by one of the four pull-request flags with --sha (or --branch),
or by --payload: a JSON object with any field of the trigger request, such as

  --payload='{"cause":"CI","git_sha":"'"$SHA"'","github_pull_request_id":'"$NUMBER"'}'

In a pipeline, dbtcloud ci run finds it out by itself.

Numbers may stand in quotes. A flag overrides the field of the payload that it
stands for; a pull-request flag overrides the payload's pull request.

The mode says where runs go. auto: the job itself where the plan runs pull requests in
parallel, else a clone while a slot is free, else the queue. native: always the job
itself. clone: a clone whenever the job is busy, also without a free slot. queue: always
the job itself, one run after the other.

With --no-wait the command ends once the run is where it belongs. The clone, if there
is one, is then deleted by a later invocation or by sweep.

Lines written for dbtc need no change: the command answers to
trigger-autoscaling-ci-job too, --no-should-poll and --should-poll stand for --no-wait
and --wait, --no-delete-cloned-job and --delete-cloned-job for keeping the clone or not.
Here waiting is the default.`

const autoscaleExample = `  dbtcloud autoscale-ci --job-id 123 --github-pull-request 7 --sha "$GIT_SHA"
  dbtcloud autoscale-ci --job-id 123 --gitlab-merge-request 7 --sha "$GIT_SHA" --timeout 1h --output json
  dbtcloud autoscale-ci --job-id 123 --pull-request 7 --sha "$GIT_SHA" --dry-run`

func (a app) autoscaleCI(g *global) *cobra.Command {
	f := &ciFlags{global: g}
	cmd := &cobra.Command{
		Use:     "autoscale-ci",
		Aliases: []string{"trigger-autoscaling-ci-job"},
		Short:   "Test a change of a pull request, beside other pull requests",
		Long:    autoscaleHelp,
		Example: autoscaleExample,
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.runCI(cmd, f, noChange) },
	}
	cmd.Flags().SortFlags = false
	f.add(cmd.Flags())
	return cmd
}

func (f *ciFlags) add(fs *pflag.FlagSet) {
	addJobID(fs, &f.jobID)
	f.addChange(fs)
	f.addPlacing(fs)
	f.addWaiting(fs)
}

func addJobID(fs *pflag.FlagSet, jobID *number) {
	jobID.min = 1
	fs.VarP(jobID, "job-id", "j", "the Slim CI job (env JOB_ID, else DBT_CLOUD_JOB_ID)")
}

func (f *ciFlags) addChange(fs *pflag.FlagSet) {
	f.changeFlags.add(fs)
	fs.StringVarP(&f.payload, "payload", "d", "", "the change as the JSON object of a trigger request; flags override its fields")
	fs.StringVar(&f.cause, "cause", "", "why the run is started; at most 255 characters")
	fs.StringVar(&f.schema, "schema-override", "", "schema to build into (default dbt_cloud_pr_<job>_<pull request>)")
}

func (f *ciFlags) addPlacing(fs *pflag.FlagSet) {
	f.mode = modes()
	fs.Var(&f.mode, "mode", "where runs go: auto, native, clone or queue")
	yes(fs, &f.noMove, "no-move", "a queued run stays queued when a slot becomes free")
	fs.Var(&f.maxRunSlots, "max-run-slots", "use at most so many of the account's run slots (0: all)")
	fs.Var(&f.maxClones, "max-clones", "make at most so many clones of the job (0: as many as there are slots)")
	yes(fs, &f.keepClone, "keep-clone", "leave the clone for a later look; sweep --kept deletes it")
	fs.BoolFunc("no-delete-cloned-job", "", setBool(&f.keepClone, true))
	fs.BoolFunc("delete-cloned-job", "", setBool(&f.keepClone, false))
	hide(fs, "no-delete-cloned-job", "delete-cloned-job")
}

func (f *ciFlags) addWaiting(fs *pflag.FlagSet) {
	f.wait = true
	f.pollInterval = seconds{value: 10 * time.Second, min: leastPoll}
	f.onInterrupt = choice{value: "cancel", allowed: []string{"cancel", "detach"}}
	toggle(fs, &f.wait, "wait", "wait for the end of the run (the default)", "end once the run is where it belongs")
	toggle(fs, &f.wait, "should-poll", "", "")
	hide(fs, "should-poll", "no-should-poll")
	fs.Var(&f.pollInterval, "poll-interval", "longest time between two looks, at least 100ms; the first are shorter")
	fs.Var(&f.timeout, "timeout", "give up after this time (default: never)")
	addLogs(fs, &f.logs)
	fs.Var(&f.onInterrupt, "on-interrupt", "what becomes of the run on SIGINT, SIGTERM and --timeout: cancel it, or detach and let it go on")
	f.reports.add(fs)
	yes(fs, &f.dryRun, "dry-run", "print what would be done, and why; touch nothing")
}

func hide(fs *pflag.FlagSet, names ...string) {
	for _, name := range names {
		fs.Lookup(name).Hidden = true
	}
}

// runCI has the change tested that complete makes of what was given.
func (a app) runCI(cmd *cobra.Command, f *ciFlags, complete func(given dbtcloud.Change) (*dbtcloud.Event, error)) error {
	given, overrides, err := f.given(cmd.Flags())
	var event *dbtcloud.Event
	if err == nil {
		event, err = complete(given)
	}
	if why, ok := errors.AsType[*dbtcloud.EventError](err); ok {
		return a.notTested(f, event, why)
	}
	client, err := a.client(cmd, f.global, a.fillJobID(cmd, &f.jobID), err, waitedFor(f.logs, f.wait), f.reports.check(f.wait))
	if err != nil {
		return a.untested(f, err)
	}
	if event.Provider != "" {
		a.tell(oneLine(describeEvent(event)))
	}
	ci := f.autoscaler()
	ci.Client, ci.Overrides = client, overrides
	if f.dryRun {
		return a.plan(cmd.Context(), f, ci, event.Change)
	}
	a.openHost(&f.reports, event, f.jobID.value)
	return a.test(cmd.Context(), f, ci, event.Change)
}

// autoscaler is what the flags say, apart from the change.
func (f *ciFlags) autoscaler() *dbtcloud.AutoscaleCI {
	return &dbtcloud.AutoscaleCI{
		JobID: f.jobID.value, Mode: dbtcloud.Mode(f.mode.value), NoMove: f.noMove,
		MaxRunSlots: int(f.maxRunSlots.value), MaxClones: int(f.maxClones.value), KeepClone: f.keepClone,
		NoWait: !f.wait, OnLeave: dbtcloud.Leave(f.onInterrupt.value), Poll: dbtcloud.Poll{Interval: f.pollInterval.value},
	}
}

// plan writes what would be done.
func (a app) plan(ctx context.Context, f *ciFlags, ci *dbtcloud.AutoscaleCI, change dbtcloud.Change) error {
	ctx, cancel := withDeadline(ctx, f.timeout.value)
	defer cancel()
	plan, err := ci.Plan(ctx, change)
	if err != nil {
		return a.untested(f, because(ctx, err))
	}
	return a.emit(f.global, newPlanned(plan), plan.String())
}

// test has the change tested, writes what came of it, and reports it.
func (a app) test(whole context.Context, f *ciFlags, ci *dbtcloud.AutoscaleCI, change dbtcloud.Change) error {
	ctx, cancel := withDeadline(whole, f.timeout.value)
	defer cancel()
	p := a.newProgress()
	logs := newLiveLogs(p, ci.Client, f.logs, f.pollInterval.value)
	tell := telling(p, ci.Client)
	ci.Progress = func(r *dbtcloud.CIRun, text string) {
		tell(r.Run, text)
		if r.Run != nil && r.Decision != dbtcloud.Superseded {
			logs.follow(ctx, r.Run)
		}
	}
	r, err := ci.Trigger(ctx, change)
	if err == nil && (f.wait || r.Decision == dbtcloud.Superseded) {
		_, err = r.Wait(ctx)
	}
	err = because(ctx, err)
	logs.close(logsPatience)
	p.close()
	if r == nil {
		return a.untested(f, err)
	}
	link := ""
	if r.Run != nil {
		link = ci.Client.RunURL(r.Run)
	}
	unwritten := a.emit(f.global, newResult(ci.Client, ci.JobID, r, err), link)
	if f.wait {
		a.publish(whole, &f.reports, ci.Client, r.Run, err)
	}
	return errors.Join(err, unwritten)
}

// untested says in JSON, too, that there is nothing but an error.
func (a app) untested(f *ciFlags, err error) error {
	return errors.Join(err, a.emit(f.global, newResult(nil, 0, &dbtcloud.CIRun{}, err), ""))
}

// telling writes each step, and the link of each run that it leads to.
func telling(p *progress, client *dbtcloud.Client) func(*dbtcloud.Run, string) {
	var linked int64
	return func(run *dbtcloud.Run, text string) {
		p.say(text)
		if run == nil {
			return
		}
		if run.ID != linked {
			linked = run.ID
			p.say(client.RunURL(run))
		}
		p.follow(fmt.Sprintf("run %d on job %d: %s", run.ID, run.JobID, *statusText(run)))
	}
}

// given is the change as far as flags and payload say it, and what else the trigger
// shall say. Flags win.
func (f *ciFlags) given(fs *pflag.FlagSet) (dbtcloud.Change, dbtcloud.Trigger, error) {
	var t dbtcloud.Trigger
	if fs.Changed("payload") {
		var err error
		if t, err = parsePayload(f.payload); err != nil {
			return dbtcloud.Change{}, t, err
		}
	}
	change, err := f.changeFlags.given()
	if change.PullRequest == (dbtcloud.PullRequest{}) {
		change.PullRequest = t.PullRequest
	}
	change.SHA, change.Branch = or(change.SHA, t.GitSHA), or(change.Branch, t.GitBranch)
	t.PullRequest, t.GitSHA, t.GitBranch = dbtcloud.PullRequest{}, "", ""
	t.Cause, t.SchemaOverride = or(f.cause, t.Cause), or(f.schema, t.SchemaOverride)
	return change, t, err
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
