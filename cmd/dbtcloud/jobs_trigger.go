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

const jobsTriggerHelp = `Start a run of a job. The run is printed at once; with --wait it is followed, and the exit
status tells how it ended. It goes on when the command is interrupted or its --timeout passes.

A run is started once: where the API gives no clear answer, it is looked for by a mark of a
few letters that every cause begins with.`

// triggerFlags say what a run is started with.
type triggerFlags struct {
	pr                                             pullRequestFlags
	cause, sha, branch, schema, target, dbtVersion text
	threads                                        number
	timeout                                        seconds
	docs                                           *bool
	steps                                          []string
}

func (f *triggerFlags) add(fs *pflag.FlagSet) {
	f.threads.min, f.timeout.min = 1, time.Second
	fs.Var(&f.cause, "cause", "why the run is started")
	fs.Var(&f.sha, "sha", "the commit to check out")
	fs.Var(&f.branch, "branch", "the branch to check out")
	fs.Var(&f.schema, "schema", "schema to build into, instead of that of the environment")
	fs.Var(&f.schema, "schema-override", "") // as autoscale-ci has it
	hide(fs, "schema-override")
	fs.StringArrayVar(&f.steps, "steps-override", nil, "a `command` to carry out instead of the job's own; give one --steps-override for each")
	fs.Var(&f.target, "target", "name of the dbt target, instead of the job's own")
	fs.Var(&f.threads, "threads", "number of dbt threads, instead of the job's own")
	fs.Var(&f.timeout, "timeout-override", "cancel the run after this time, instead of the job's own")
	fs.Var(&f.dbtVersion, "dbt-version", "version of dbt, instead of that of the environment")
	perhaps(fs, &f.docs, "docs", "generate docs, or with =false not, instead of the job's own")
	f.pr.add(fs)
}

func (f *triggerFlags) trigger() (dbtcloud.Trigger, error) {
	pr, err := f.pr.given()
	return dbtcloud.Trigger{
		Cause: or(f.cause.value, "Triggered by dbtcloud"), PullRequest: pr, GitSHA: f.sha.value, GitBranch: f.branch.value,
		SchemaOverride: f.schema.value, TargetNameOverride: f.target.value, DbtVersionOverride: f.dbtVersion.value,
		ThreadsOverride: int(f.threads.value), TimeoutSecondsOverride: int(f.timeout.value / time.Second),
		GenerateDocsOverride: f.docs, StepsOverride: f.steps,
	}, err
}

func (a app) jobsTrigger(g *global) *cobra.Command {
	var f triggerFlags
	var w waiting
	var in place
	wait := false
	cmd := command("trigger JOB", "Start a run of a job", func(ctx context.Context, cmd *cobra.Command, args []string) error {
		ref, wrong := oneReference(cmd, "job", args)
		t, err := f.trigger()
		s, err := a.scope(ctx, cmd, g, in, wrong, err, fits(t.Cause), w.check(wait))
		if err != nil {
			return err
		}
		limited, cancel := withDeadline(ctx, w.timeout.value)
		defer cancel()
		job, err := jobIn(limited, s, ref)
		if err != nil {
			return because(limited, err)
		}
		run, err := s.client.Jobs.TriggerOnce(limited, job, t)
		if err != nil {
			return because(limited, err)
		}
		a.tell(fmt.Sprintf("triggered run %d of job %d", run.ID, job))
		if !wait {
			return a.emitRun(g, s.client, run)
		}
		run, err = a.follow(limited, s.client, run, w)
		unwritten := a.emitRun(g, s.client, run)
		a.publish(ctx, &w.reports, s.client, run, err)
		return errors.Join(err, unwritten)
	})
	cmd.Long = jobsTriggerHelp
	cmd.Flags().SortFlags = false
	in.addProject(cmd)
	f.add(cmd.Flags())
	yes(cmd.Flags(), &wait, "wait", "follow the run to its end")
	w.add(cmd)
	return cmd
}

// jobIn is the id of a job, which must be in the project if one was said.
func jobIn(ctx context.Context, s scope, ref reference) (int64, error) {
	if s.project == 0 {
		return jobResource().idOf(ctx, s, ref)
	}
	job, err := jobResource().find(ctx, s, ref)
	if err != nil {
		return 0, err
	}
	return job.ID, nil
}

// maxCause is how long a cause may be in front of which a mark is put.
const maxCause = 244

func fits(cause string) error {
	if n := len([]rune(cause)); n > maxCause {
		return fmt.Errorf("--cause: has %d characters, the limit is %d: shorten it", n, maxCause)
	}
	return nil
}

// waitedFor refuses to follow the logs of a run that nobody waits for.
func waitedFor(logs, wait bool) error {
	if logs && !wait {
		return errors.New("--logs: needs a run that is waited for: give --wait too")
	}
	return nil
}

// follow is watch for a run that has just been started, which is returned if
// nothing newer was seen.
func (a app) follow(ctx context.Context, client *dbtcloud.Client, run *dbtcloud.Run, w waiting) (*dbtcloud.Run, error) {
	last, err := a.watch(ctx, client, run.ID, w, 0)
	if last == nil {
		last = run
	}
	return last, goesOn(err, last)
}
