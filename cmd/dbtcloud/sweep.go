package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/slimci/dbtcloud"
	"github.com/spf13/cobra"
)

const sweepHelp = `Delete the clones of a Slim CI job that were left behind, as after a runner that was
killed: those whose runs have all ended, and those that never had a run and are older
than half an hour. A clone with an unfinished run stays, and so does every job that
this program did not make. On stdout: the ids of the clones that were deleted.`

func (a app) sweep(g *global) *cobra.Command {
	var jobID number
	var kept bool
	cmd := &cobra.Command{
		Use:   "sweep",
		Short: "Delete clones of a job that were left behind",
		Long:  sweepHelp,
		Args:  noArgs,
	}
	addJobID(cmd.Flags(), &jobID)
	yes(cmd.Flags(), &kept, "kept", "also those that were made with --keep-clone")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		client, err := a.client(cmd, g, a.fillJobID(cmd, &jobID))
		if err != nil {
			return err
		}
		ci := &dbtcloud.AutoscaleCI{Client: client, JobID: jobID.value}
		sweep := ci.Sweep
		if kept {
			sweep = ci.SweepAll
		}
		ctx := cmd.Context()
		report, err := sweep(ctx)
		err = because(ctx, err)
		a.tell(fmt.Sprintf("clones of job %d: %d deleted, %d with an unfinished run, %d new without a run, %d kept",
			jobID.value, len(report.Deleted), len(report.Active), len(report.Young), len(report.Kept)))
		return errors.Join(err, a.emit(g, newSwept(jobID.value, report, err), lines(report.Deleted)))
	}
	return cmd
}

// lines is one id per line.
func lines(ids []int64) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = strconv.FormatInt(id, 10)
	}
	return strings.Join(words, "\n")
}
