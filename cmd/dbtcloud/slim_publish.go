package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/slim"
	"github.com/spf13/cobra"
)

const slimPublishHelp = `Record a deploy: the manifest.json and run_results.json that dbt left in its target
directory, with sources.json and catalog.json where they are. Run it right after the deploy,
also when some of its nodes failed: these are recorded as they were before, from the deploy
on which this one was built, so that they still count as changed. The first time they are left out.

A deploy that did not come to its end is published with --aborted, or not at all; it is
never compared with. On stdout is the id of the record. Nothing is seen of a record that could not
be written whole.

The clone must have the history of the deployed branch (fetch-depth: 0).`

const slimPublishExample = `  dbt build --target prod; status=$?
  dbtcloud slim publish --store /mnt/dbt
  exit $status

  dbtcloud slim publish --store /mnt/dbt --run-results seed.json --run-results target/run_results.json`

// publishFlags say what is recorded.
type publishFlags struct {
	recordFlags
	dir, sha, branch text
	results          []string
	aborted          bool
}

func (a app) slimPublish(g *global) *cobra.Command {
	var f publishFlags
	cmd := command("publish", "Record a deploy, with what dbt left behind", func(ctx context.Context, cmd *cobra.Command, args []string) error {
		if err := noArgs(cmd, args); err != nil {
			return err
		}
		if slices.Contains(f.results, "") {
			return invalid("--run-results: is empty: is the variable set that it comes from?")
		}
		records, err := f.records(a)
		if err != nil {
			return err
		}
		p, err := f.publication(ctx, a, records)
		if err != nil {
			return err
		}
		d, err := records.Publish(ctx, p)
		if err != nil {
			return err
		}
		a.tell(oneLine(published(d)))
		return a.emit(g, newDeployed(d), d.ID)
	})
	cmd.Long, cmd.Example = slimPublishHelp, slimPublishExample
	f.add(cmd.Flags())
	cmd.Flags().Var(&f.dir, "target-dir", "dbt's target directory (default: target in the project)")
	cmd.Flags().Var(&f.sha, "sha", "the full commit that was deployed (default: what is checked out)")
	cmd.Flags().Var(&f.branch, "branch", "the branch that was deployed (default: that of the pipeline)")
	cmd.Flags().StringArrayVar(&f.results, "run-results", nil, "the run_results.json of a step of the deploy, for each in their order (default: that in the target directory)")
	yes(cmd.Flags(), &f.aborted, "aborted", "the deploy did not come to its end: record it, and never compare with it")
	return cmd
}

// publication is what the flags say, with what git and the records add.
func (f *publishFlags) publication(ctx context.Context, a app, records *slim.Records) (slim.Publication, error) {
	p := slim.Publication{
		Commit: f.sha.value, Branch: f.branch.value, Dir: or(f.dir.value, filepath.Join(f.projectDir.value, "target")), Results: f.results, Aborted: f.aborted,
	}
	if p.Commit == "" {
		history, err := f.git().History(ctx, "HEAD")
		if err != nil {
			return p, fmt.Errorf("--sha: is missing: %w", err)
		}
		p.Commit = history[0].SHA
	}
	if e, err := dbtcloud.EventFromEnv(a.getenv); err == nil && e.Kind == dbtcloud.EventPush {
		p.Branch = or(p.Branch, e.Branch)
	}
	before, err := records.Baseline(ctx, f.git(), p.Commit)
	switch {
	case errors.Is(err, slim.ErrNoBaseline):
		a.tell("no deploy was published before this one")
	case err != nil:
		return p, fmt.Errorf("the deploy before: %w", err)
	default:
		a.tell(oneLine("built on the " + before.String()))
		p.Before = before.Deploy
	}
	return p, nil
}

// published says what was recorded, in one line.
func published(d *slim.Deploy) string {
	text := fmt.Sprintf("published the deploy of %.12s of %s to %s", d.Commit, d.Project, d.Target)
	switch n := len(d.Failed); {
	case !d.Good:
		text += ", which was aborted and is never compared with"
	case n == 1:
		text += "; " + d.Failed[0] + " has failed and is recorded as it was before"
	case n > 1:
		text += fmt.Sprintf("; %d nodes have failed and are recorded as they were before, %s and others", n, d.Failed[0])
	}
	return text
}
