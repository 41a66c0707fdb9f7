package main

import (
	"errors"

	"github.com/slimci/dbtcloud"
	"github.com/spf13/cobra"
)

const ciDoctorHelp = `Show what the pipeline was started for, field by field, each with the variable that it was
taken from; whether that can be tested; and then what doctor finds.

An event that is not to be tested, such as a push, is a note. A pull request whose number or
head commit is not known, an event that cannot be read and an unknown CI provider are problems.

Exit status: 0 without a problem, 1 with one, 2 for bad input.`

func (a app) ciDoctor(g *global) *cobra.Command {
	var change changeFlags
	var d doctorFlags
	cmd := &cobra.Command{
		Use:     "doctor",
		Short:   "Show what was found out of the pipeline, and look for what keeps the job from being autoscaled",
		Long:    ciDoctorHelp,
		Example: "  dbtcloud ci doctor --job-id 123\n  dbtcloud ci doctor --output json | jq .facts",
		Args:    noArgs,
	}
	cmd.Flags().SortFlags = false
	d.add(cmd.Flags())
	change.add(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		given, err := change.given()
		client, err := a.client(cmd, g, err, notEmpty(cmd.Flags(), "sha", "branch"), a.fillAnyJobID(cmd, &d.jobID))
		if err != nil {
			return err
		}
		e, about := a.examineEvent(given)
		ctx := cmd.Context()
		findings, err := d.autoscaler(client).Doctor(ctx)
		if err != nil {
			return because(ctx, err)
		}
		findings = append([]dbtcloud.Finding{about}, findings...)
		text := findingLines(findings)
		if facts := factLines(e.Facts); facts != "" {
			text = facts + "\n\n" + text
		}
		return errors.Join(wellness(findings), a.emit(g, newExamined(e, about, findings), text))
	}
	return cmd
}

// examineEvent is what was found out, and what is to be said of it.
func (a app) examineEvent(given dbtcloud.Change) (*dbtcloud.Event, dbtcloud.Finding) {
	about := dbtcloud.Finding{Check: "event", Level: dbtcloud.FindingProblem}
	e, err := a.detect(given, given.PullRequest != (dbtcloud.PullRequest{}))
	if err != nil {
		about.Text = oneLine(err.Error())
		return &dbtcloud.Event{}, about
	}
	why, _ := errors.AsType[*dbtcloud.EventError](testable(*e, given))
	switch {
	case why == nil:
		about.Level, about.Text = dbtcloud.FindingOK, describeEvent(e)
		return e, about
	case expected(e):
		about.Level = dbtcloud.FindingNote
	}
	about.Text, about.Mend = why.Reason, why.Advice
	return e, about
}

// factLines is a table of the fields of an event.
func factLines(facts []dbtcloud.EventFact) string {
	if len(facts) == 0 {
		return ""
	}
	rows := [][]string{{"FIELD", "VALUE", "FROM"}}
	for _, f := range facts {
		rows = append(rows, []string{f.Field, f.Value, f.From})
	}
	return table(rows)
}

// examined is what stdout gets of ci doctor with --output json.
type examined struct {
	Provider *string   `json:"provider"`
	Kind     *string   `json:"kind"`
	Testable bool      `json:"testable"`
	Facts    []fact    `json:"facts"`
	Findings []finding `json:"findings"`
}

type fact struct {
	Field string `json:"field"`
	Value string `json:"value"`
	From  string `json:"from"`
}

func newExamined(e *dbtcloud.Event, about dbtcloud.Finding, findings []dbtcloud.Finding) examined {
	out := examined{
		Provider: known(string(e.Provider)), Kind: known(string(e.Kind)), Testable: about.Level == dbtcloud.FindingOK,
		Facts: []fact{}, Findings: newFindings(findings),
	}
	for _, f := range e.Facts {
		out.Facts = append(out.Facts, fact(f))
	}
	return out
}
