package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/slimci/dbtcloud"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const ciCloseHelp = `End what was begun for the pull request that the pipeline runs for: its active runs are
cancelled and its clones deleted.

In a pipeline for a pull request that was closed, or with --closed, that is all of it; what was
begun since for the same one, reopened, stays. A provider that does not say so can be told by
DBT_CLOUD_CI_ACTION=closed.

In a pipeline for an open pull request it is what was begun for this commit, or for an older one:
the line for a hook that runs when the pipeline was killed. A newer change stays.

A --cleanup-step is a dbt command to run on the job when all runs of the closed pull request have
ended, into the schema that they had, such as one that drops it. The exit status tells how that
run ended.

On stdout are the ids of the runs that were cancelled, or, with --output json, an object.`

const ciCloseExample = `  dbtcloud ci close --job-id 123
  dbtcloud ci close --job-id 123 --cleanup-step "dbt run-operation drop_pr_schema"
  dbtcloud ci close --job-id 123 --github-pull-request 7 --closed`

// closeFlags are the flags of ci close.
type closeFlags struct {
	*global
	changeFlags
	jobID        number
	closed, wait bool
	steps        []string
	schema       text

	pollInterval, timeout seconds
}

func (f *closeFlags) add(fs *pflag.FlagSet) {
	f.wait, f.pollInterval = true, seconds{value: 10 * time.Second, min: leastPoll}
	addJobID(fs, &f.jobID)
	f.addCommit(fs)
	yes(fs, &f.closed, "closed", "the pull request is closed: all of it ends")
	fs.StringArrayVar(&f.steps, "cleanup-step", nil, "a dbt `command` to run when all has ended; give one --cleanup-step for each")
	fs.Var(&f.schema, "schema-override", "schema of the cleanup (default dbt_cloud_pr_<job>_<pull request>)")
	toggle(fs, &f.wait, "wait", "wait for the end of the cleanup (the default)", "end once the cleanup has been triggered")
	fs.Var(&f.pollInterval, "poll-interval", "longest time between two looks, at least 100ms; the first are shorter")
	fs.Var(&f.timeout, "timeout", "give up after this time (default: never)")
}

func (a app) ciClose(g *global) *cobra.Command {
	f := &closeFlags{global: g}
	cmd := &cobra.Command{
		Use:     "close",
		Short:   "End what was begun for the pull request that the pipeline runs for",
		Long:    ciCloseHelp,
		Example: ciCloseExample,
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.closePullRequest(cmd, f) },
	}
	cmd.Flags().SortFlags = false
	f.add(cmd.Flags())
	return cmd
}

func (a app) closePullRequest(cmd *cobra.Command, f *closeFlags) error {
	what, err := a.closing(cmd, f)
	client, err := a.client(cmd, f.global, a.fillJobID(cmd, &f.jobID), err)
	if err != nil {
		return a.notClosed(f, err)
	}
	ctx, cancel := withDeadline(cmd.Context(), f.timeout.value)
	defer cancel()
	p := a.newProgress()
	ci := &dbtcloud.AutoscaleCI{
		Client: client, JobID: f.jobID.value, NoWait: !f.wait, Overrides: dbtcloud.Trigger{SchemaOverride: f.schema.value},
		Poll:     dbtcloud.Poll{Interval: f.pollInterval.value},
		Progress: func(_ *dbtcloud.CIRun, text string) { p.say(text) },
	}
	report, err := ci.Close(ctx, what)
	err = because(ctx, err)
	p.close()
	if !errors.Is(err, dbtcloud.ErrInvalid) {
		a.tell(oneLine(fmt.Sprintf("%s: %d runs cancelled, %d clones deleted, %d newer runs stay",
			what.PullRequest, len(report.Cancelled), len(report.Deleted), len(report.Newer))))
	}
	if report.Cleanup != nil {
		a.tell(oneLine("cleanup: " + describe(report.Cleanup) + ": " + client.RunURL(report.Cleanup)))
	}
	return errors.Join(err, a.emit(f.global, newClosed(client, ci.JobID, what, report, err), lines(report.Cancelled)))
}

// notClosed says in JSON, too, that there is nothing but an error.
func (a app) notClosed(f *closeFlags, err error) error {
	return errors.Join(err, a.emit(f.global, newClosed(nil, f.jobID.value, dbtcloud.Closing{}, dbtcloud.CloseReport{}, err), ""))
}

// closing is what comes to its end, by the pipeline's event and the flags.
func (a app) closing(cmd *cobra.Command, f *closeFlags) (dbtcloud.Closing, error) {
	given, err := f.given()
	if err := errors.Join(err, notEmpty(cmd.Flags(), "sha")); err != nil {
		return dbtcloud.Closing{}, err
	}
	e, err := a.detect(given, given.PullRequest != (dbtcloud.PullRequest{}))
	if err != nil {
		return dbtcloud.Closing{}, err
	}
	if e.PullRequest.Number <= 0 {
		return dbtcloud.Closing{}, fmt.Errorf("%s: names no pull request: give one of %s", describeEvent(e), strings.Join(pullRequestNames(), ", "))
	}
	closed := f.closed || e.Kind == dbtcloud.EventClosed
	switch {
	case closed:
		forgetSequence(e, "BUILD_NUMBER", "CI_PIPELINE_IID") // of another branch's build, of the pipeline that tested it
	case len(f.steps) > 0:
		return dbtcloud.Closing{}, fmt.Errorf("--cleanup-step: %s is open, and its next run needs what a cleanup drops: leave the step to the pipeline that runs when it is closed, or give --closed", e.PullRequest)
	case e.SHA == "":
		return dbtcloud.Closing{}, fmt.Errorf("the head commit of %s is not known: give --sha for what was begun for it, or --closed for all of the pull request", e.PullRequest)
	}
	what := dbtcloud.Closing{PullRequest: e.PullRequest, Sequence: e.Sequence, CleanupSteps: f.steps}
	if !closed {
		what.SHA = e.SHA
	}
	return what, nil
}

// closed is what stdout gets of ci close with --output json.
type closed struct {
	JobID           *int64  `json:"job_id"`
	PullRequest     *string `json:"pull_request"`
	SHA             *string `json:"sha"`      // null: all of the pull request
	Sequence        *int64  `json:"sequence"` // changes with a higher one stay
	CancelledRunIDs []int64 `json:"cancelled_run_ids"`
	DeletedJobIDs   []int64 `json:"deleted_job_ids"`
	NewerRunIDs     []int64 `json:"newer_run_ids"`
	CleanupRunID    *int64  `json:"cleanup_run_id"`
	CleanupStatus   *string `json:"cleanup_status"`
	CleanupURL      *string `json:"cleanup_url"`
	Error           *string `json:"error"`
}

func newClosed(client *dbtcloud.Client, jobID int64, what dbtcloud.Closing, r dbtcloud.CloseReport, err error) closed {
	out := closed{
		JobID: known(jobID), SHA: known(what.SHA), Sequence: known(what.Sequence),
		CancelledRunIDs: list(r.Cancelled), DeletedJobIDs: list(r.Deleted), NewerRunIDs: list(r.Newer), Error: errorText(err),
	}
	if what.PullRequest.Number > 0 {
		out.PullRequest = new(what.PullRequest.String())
	}
	if run := r.Cleanup; run != nil {
		out.CleanupRunID, out.CleanupStatus, out.CleanupURL = known(run.ID), statusText(run), known(client.RunURL(run))
	}
	return out
}
