package main

import (
	"context"
	"strings"
	"unicode"

	"github.com/slimci/dbtcloud/internal/plain"
	"github.com/spf13/cobra"
)

const stateLsHelp = `List the unique ids that dbt would select, one per line, sorted: with
--select state:modified+ what changed since the last deploy, and all that is made of it.
Without --select, --exclude and --selector that is all.

Every selector of dbt can be used, with its graph and set operators. What dbt warns of is
told on stderr, by the name that dbt has for it.

Exit status 1: dbt refuses to select, because the contract of a versioned model is broken.
Exit status 2: a selector or a manifest cannot be right.`

func (a app) stateLs(g *global) *cobra.Command {
	f := &stateFlags{}
	cmd := command("ls", "List what dbt would select", func(ctx context.Context, _ *cobra.Command, _ []string) error {
		c, err := f.compare(ctx, a)
		if err != nil {
			return err
		}
		ids, err := f.choose(ctx, a, c)
		if err != nil {
			return err
		}
		return goneReader(a.emit(g, list(ids), idLines(ids)))
	})
	cmd.Long, cmd.Args = stateLsHelp, noArgs
	cmd.Aliases = []string{"list"}
	f.add(cmd)
	return cmd
}

// idLines are unique ids, each on a line of its own.
func idLines(ids []string) string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = id
		if strings.ContainsFunc(id, unicode.IsControl) {
			out[i] = plain.Line(id)
		}
	}
	return unsteered(strings.Join(out, "\n"))
}
