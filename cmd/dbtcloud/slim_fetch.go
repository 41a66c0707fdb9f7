package main

import (
	"context"
	"errors"
	"strings"

	"github.com/slimci/dbtcloud/slim"
	"github.com/spf13/cobra"
)

const slimFetchHelp = `Fetch the state that a pull request is to be compared with: that of the newest good deploy
among the commits that it is built on. What is on stderr says which one, and how far behind it is.
On stdout are the flags for dbt.

The state is verified by its checksums, and the directory appears when it is whole. Only what
this command has made before is replaced. Keep the directory out of dbt's target directory:
dbt writes to that, and would compare the project with itself.

Where no deploy is suitable, the exit status is 1; with --otherwise full it is 0, nothing is on
stdout, no directory is there, and dbt builds everything. The clone must have the
history of the branch that is deployed (fetch-depth: 0): a shallow one is refused (5) where it may hide a deploy.`

const slimFetchExample = `  flags=$(dbtcloud slim fetch --store /mnt/dbt --into state)
  dbt build --select state:modified+ $flags

  dbtcloud slim fetch --store /mnt/dbt --into state --ref HEAD --ref origin/main
  dbtcloud state diff --state state`

// fetchFlags say what is fetched.
type fetchFlags struct {
	recordFlags
	into      text
	refs      []string
	otherwise choice
}

func (a app) slimFetch(g *global) *cobra.Command {
	f := fetchFlags{otherwise: choice{value: "fail", allowed: []string{"fail", "full"}}}
	cmd := command("fetch", "Fetch the state that a pull request is to be compared with", func(ctx context.Context, cmd *cobra.Command, args []string) error {
		if err := noArgs(cmd, args); err != nil {
			return err
		}
		return f.fetch(ctx, a, g)
	})
	cmd.Long, cmd.Example = slimFetchHelp, slimFetchExample
	f.add(cmd.Flags())
	cmd.Flags().Var(&f.into, "into", "the directory for the state, such as state")
	cmd.Flags().StringArrayVar(&f.refs, "ref", []string{"HEAD"}, "the commit that is compared; give the target branch too where the head's own branch is deployed")
	cmd.Flags().Var(&f.otherwise, "otherwise", "without a suitable deploy: fail, or full, to have everything built")
	return cmd
}

func (f *fetchFlags) fetch(ctx context.Context, a app, g *global) error {
	if f.into.value == "" {
		return invalid("--into: is missing: give a directory for the state, such as state")
	}
	records, err := f.records(a)
	if err != nil {
		return err
	}
	b, err := records.Baseline(ctx, f.git(), f.refs...)
	if errors.Is(err, slim.ErrNoBaseline) && f.otherwise.value == "full" {
		a.tell(oneLine("everything is to be built: " + err.Error()))
		if g.output.value == "json" {
			return a.emit(g, fetched{Flags: []string{}}, "")
		}
		return nil
	}
	if err != nil {
		return err
	}
	state, err := records.Fetch(ctx, b.Deploy, f.into.value)
	if err != nil {
		return err
	}
	a.tell(oneLine("compared with the " + b.String()))
	deploy := newDeployed(b.Deploy)
	return a.emit(g, fetched{&deploy, &b.Behind, &state.Dir, state.Flags}, strings.Join(state.Flags, " "))
}

// fetched is what stdout gets with --output json; without a suitable deploy all but the flags is null.
type fetched struct {
	Deploy *deployed `json:"deploy"`
	Behind *int      `json:"commits_behind"`
	Dir    *string   `json:"dir"`
	Flags  []string  `json:"flags"`
}
