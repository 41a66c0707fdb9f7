package main

import (
	"errors"
	"fmt"

	"github.com/slimci/dbtcloud"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const doctorHelp = `Look for whatever would keep a Slim CI job from being autoscaled, and say what to do
about it: host, token, account, plan and run slots, the job itself, and the permissions
for each step. Without a job, the account alone is looked at. It takes at most a minute.

Nothing is changed. To read is tested by reading, to write by requests that no server
can carry out: a job without a name, environment and steps, a variable without a name
and a value, and the cancel of a run that has ended already. No run is triggered.

On stdout is a line for each check: its level, its name, what was found, and behind an
arrow what to do. The levels: ok; note, for what should be known; problem; unknown,
where it could not be looked at. Nothing of the token is shown.

Exit status: 0 without a problem, 1 with one, 2 for bad input.`

const doctorExample = `  dbtcloud doctor --job-id 123
  dbtcloud doctor --job-id 123 --output json | jq '.[] | select(.level == "problem")'`

// errUnwell is that the doctor found something to mend.
var errUnwell = errors.New("something is to be mended")

// doctorFlags say what is looked at.
type doctorFlags struct {
	jobID, maxRunSlots number
	mode               choice
}

func (f *doctorFlags) add(fs *pflag.FlagSet) {
	f.mode = modes()
	addJobID(fs, &f.jobID)
	fs.Var(&f.mode, "mode", "as for autoscale-ci: auto, native, clone or queue")
	fs.Var(&f.maxRunSlots, "max-run-slots", "as for autoscale-ci (0: all)")
}

func (f *doctorFlags) autoscaler(client *dbtcloud.Client) *dbtcloud.AutoscaleCI {
	return &dbtcloud.AutoscaleCI{Client: client, JobID: f.jobID.value, Mode: dbtcloud.Mode(f.mode.value), MaxRunSlots: int(f.maxRunSlots.value)}
}

func (a app) doctor(g *global) *cobra.Command {
	var f doctorFlags
	cmd := &cobra.Command{
		Use:     "doctor",
		Short:   "Look for what keeps a job from being autoscaled",
		Long:    doctorHelp,
		Example: doctorExample,
		Args:    noArgs,
	}
	f.add(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		client, err := a.client(cmd, g, a.fillAnyJobID(cmd, &f.jobID))
		if err != nil {
			return err
		}
		ctx := cmd.Context()
		findings, err := f.autoscaler(client).Doctor(ctx)
		if err != nil {
			return because(ctx, err)
		}
		return errors.Join(wellness(findings), a.emit(g, newFindings(findings), findingLines(findings)))
	}
	return cmd
}

// fillAnyJobID is fillJobID where no job is fine too.
func (a app) fillAnyJobID(cmd *cobra.Command, n *number) error {
	if !cmd.Flags().Changed("job-id") && a.env("JOB_ID", "DBT_CLOUD_JOB_ID") == "" {
		return nil
	}
	return a.fillJobID(cmd, n)
}

// wellness is an error if there is a problem among the findings.
func wellness(findings []dbtcloud.Finding) error {
	problems := 0
	for _, f := range findings {
		if f.Level == dbtcloud.FindingProblem {
			problems++
		}
	}
	if problems == 0 {
		return nil
	}
	return fmt.Errorf("%w: %d of %d checks found a problem", errUnwell, problems, len(findings))
}

func findingLines(findings []dbtcloud.Finding) string {
	rows := make([][]string, len(findings))
	for i, f := range findings {
		text := f.Text
		if f.Mend != "" {
			text += " -> " + f.Mend
		}
		rows[i] = []string{string(f.Level), f.Check, text}
	}
	return table(rows)
}

// finding is what stdout gets of one with --output json.
type finding struct {
	Check string  `json:"check"`
	Level string  `json:"level"` // ok, note, problem or unknown
	Text  string  `json:"text"`
	Mend  *string `json:"mend"` // null if there is nothing to do
}

func newFindings(findings []dbtcloud.Finding) []finding {
	out := make([]finding, len(findings))
	for i, f := range findings {
		out[i] = finding{f.Check, string(f.Level), f.Text, known(f.Mend)}
	}
	return out
}
