package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/slimci/dbtcloud"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const jobsDeployHelp = `Start the production job for a commit that has just been merged, and follow the run to its
end: the exit status tells how it ended. The run goes on when the command is interrupted or
its --timeout passes.

In a pipeline for a push, the commit, the branch and the sequence are those of the pipeline;
a flag overrides each.

Merges that arrive while one is deployed and others wait are coalesced: the newest one gets a
run, and those of its branch that still wait are cancelled, with exit status 3. What has begun
is never cancelled, nor is any run that this command did not start. A merge that is older by
its sequence than an active one is not deployed (3), and a commit whose run is active is
followed, not started again. With --every, each merge gets a run of its own.

When the run has ended, its digest is shown where the CI provider has a place for it, as
ci run does.

A run is started once: where the API gives no clear answer, it is looked for by the marker
that its cause begins with.`

const jobsDeployExample = `  dbtcloud jobs deploy Production
  dbtcloud jobs deploy Production --sha "$GIT_COMMIT" --branch main --sequence "$BUILD_NUMBER" --timeout 2h`

// deployFlags say what is deployed, and how it is waited for.
type deployFlags struct {
	*global
	place
	waiting
	sha, branch, cause text
	sequence           number
	every, wait        bool
}

func (a app) jobsDeploy(g *global) *cobra.Command {
	f := &deployFlags{global: g, wait: true, sequence: number{min: 1}}
	cmd := command("deploy JOB", "Run the production job for a merged commit", func(ctx context.Context, cmd *cobra.Command, args []string) error {
		ref, wrong := oneReference(cmd, "job", args)
		merge, err := a.merge(f)
		s, err := a.scope(ctx, cmd, g, f.place, wrong, err, fits(f.cause.value), f.check(f.wait))
		if err != nil {
			return err
		}
		limited, cancel := withDeadline(ctx, f.timeout.value)
		defer cancel()
		job, err := jobIn(limited, s, ref)
		if err != nil {
			return because(limited, err)
		}
		run, err := a.deploy(limited, f, &dbtcloud.Deployer{
			Client: s.client, JobID: job, Overrides: dbtcloud.Trigger{Cause: f.cause.value},
			Every: f.every, NoWait: !f.wait, Poll: dbtcloud.Poll{Interval: f.pollInterval.value},
		}, merge)
		if run == nil {
			return err
		}
		unwritten := a.emitRun(g, s.client, run)
		if f.wait {
			a.publish(ctx, &f.reports, s.client, run, err)
		}
		return errors.Join(err, unwritten)
	})
	cmd.Long, cmd.Example = jobsDeployHelp, jobsDeployExample
	cmd.Flags().SortFlags = false
	f.addProject(cmd)
	f.addMerge(cmd.Flags())
	f.add(cmd)
	f.reports.addPlaces(cmd.Flags())
	return cmd
}

func (f *deployFlags) addMerge(fs *pflag.FlagSet) {
	fs.Var(&f.sha, "sha", "the merged commit, in full (default: that of the pipeline)")
	fs.Var(&f.branch, "branch", "the branch that it was merged into (default: that of the pipeline)")
	fs.Var(&f.sequence, "sequence", "orders the merges of the branch, such as a pipeline counter: a lower one gives way (default: that of the pipeline)")
	fs.Var(&f.cause, "cause", "why the run is started (default \"Commit <sha>\")")
	yes(fs, &f.every, "every", "every merge gets a run of its own, however many wait")
	toggle(fs, &f.wait, "wait", "follow the run to its end (the default)", "end once the run is accepted")
}

// merge is what is to be deployed: by the flags, else by the pipeline, if it is for a push.
func (a app) merge(f *deployFlags) (dbtcloud.Merge, error) {
	m := dbtcloud.Merge{SHA: f.sha.value, Branch: f.branch.value, Sequence: f.sequence.value}
	f.reports.event = &dbtcloud.Event{}
	missing := errors.New("--sha: is missing: give the merged commit")
	e, err := dbtcloud.EventFromEnv(a.getenv)
	if err == nil {
		f.reports.event.Provider = e.Provider
	}
	switch {
	case err == nil && e.Kind == dbtcloud.EventPush:
		m.SHA, m.Branch, m.Sequence = or(m.SHA, e.SHA), or(m.Branch, e.Branch), cmp.Or(m.Sequence, e.Sequence)
	case err == nil:
		missing = fmt.Errorf("%w (the pipeline is for an event of kind %s, not for a push)", missing, e.Kind)
	case errors.Is(err, dbtcloud.ErrNoCI):
	case m.SHA != "":
		a.tell(oneLine(fmt.Sprintf("what was merged is taken from the flags alone: %v", err)))
	default:
		missing = fmt.Errorf("%w (%w)", missing, err)
	}
	if m.SHA == "" {
		return m, missing
	}
	f.reports.event.SHA = m.SHA
	return m, fullCommit(m.SHA)
}

// fullCommit refuses what is no commit: a run of a wrong one would deploy something else.
func fullCommit(sha string) error {
	if !regexp.MustCompile(`^(?:[0-9a-fA-F]{40}|[0-9a-fA-F]{64})$`).MatchString(sha) {
		return fmt.Errorf("--sha: %.70q is not a full commit id of 40 or 64 hexadecimal digits", sha)
	}
	return nil
}

// deploy has a merge deployed, and waits for it if that is wanted. The run is nil if there is none.
func (a app) deploy(ctx context.Context, f *deployFlags, d *dbtcloud.Deployer, merge dbtcloud.Merge) (*dbtcloud.Run, error) {
	p := a.newProgress()
	logs := newLiveLogs(p, d.Client, f.logs, f.pollInterval.value)
	tell := telling(p, d.Client)
	d.Progress = func(x *dbtcloud.Deployment, text string) {
		tell(x.Run, text)
		if x.Run != nil && x.SupersededBy == 0 {
			logs.follow(ctx, x.Run)
		}
	}
	x, err := d.Trigger(ctx, merge)
	if err == nil && (f.wait || x.SupersededBy != 0) {
		_, err = x.Wait(ctx)
	}
	err = because(ctx, err)
	logs.close(logsPatience)
	p.close()
	if x == nil || x.Run == nil {
		return nil, err
	}
	return x.Run, goesOn(err, x.Run)
}

// goesOn says of a run that was left before its end how it can be followed.
func goesOn(err error, run *dbtcloud.Run) error {
	if err == nil || run.Status.Terminal() || errors.Is(err, dbtcloud.ErrSuperseded) {
		return err
	}
	return fmt.Errorf("%w; run %d goes on: `dbtcloud runs wait %d` follows it", err, run.ID, run.ID)
}
