package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/slimci/dbtcloud/internal/plain"
	"github.com/slimci/dbtcloud/report"
	"github.com/spf13/cobra"
)

const runsReportHelp = `Print the digest of a run that has ended: what failed, where and why, what warned, and what
was built and skipped. It is made of the run's steps and what dbt left behind; what cannot
be read of that is a note in it. How the run ended does not matter to the exit status.

--format, or with --output json the format json:
    text       for people
    markdown   for a comment or a page
    junit      a file of test results, which most CI providers read
    json       the digest itself, an object on one line
    github     annotations: workflow commands for the log of GitHub Actions
    azure      issues: logging commands for the log of Azure Pipelines
    gitlab     a code quality report
    bitbucket  {"report", "annotations"}: what Code Insights are sent
    buildkite  the body of an annotation

What goes to stdout may be printed into the log of a pipeline, whatever texts the run has: what
a CI provider would take for a command is broken by a space, but for the commands of github and
azure. -o writes a file that has the texts as they are, and that appears when it is whole.`

const runsReportExample = `  dbtcloud runs report 123
  dbtcloud runs report 123 --format junit -o reports/dbt.xml`

func (a app) runsReport(g *global) *cobra.Command {
	format, to := choice{allowed: []string{"text", "markdown", "junit", "json", "github", "azure", "gitlab", "bitbucket", "buildkite"}}, text{}
	cmd := command("report RUN_ID", "Print what failed in a run, where and why", func(ctx context.Context, cmd *cobra.Command, args []string) error {
		if err := noDirectory(to.value); err != nil {
			return err
		}
		client, id, err := a.oneRun(cmd, g, args)
		if err != nil {
			return err
		}
		d, err := a.collect(ctx, client, id)
		if err != nil {
			return err
		}
		report, err := reportText(d, or(format.value, g.output.value))
		if err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
		if to.value == "" || to.value == "-" {
			_, err := io.WriteString(a.stdout, printable(report, format.value))
			return goneReader(err)
		}
		n, err := writeWhole(to.value, strings.NewReader(report))
		if err != nil {
			return fmt.Errorf("writing %s: %w", to.value, err)
		}
		a.tell(fmt.Sprintf("wrote %s: %d bytes", oneLine(to.value), n))
		return nil
	})
	cmd.Long, cmd.Example = runsReportHelp, runsReportExample
	cmd.Flags().Var(&format, "format", "what to print: "+strings.Join(format.allowed, ", ")+" (default text)")
	cmd.Flags().VarP(&to, "to", "o", "the `file` to write; - is stdout (default -)")
	return cmd
}

// printable is a report whose texts are no commands where it is printed into a log. The
// formats that are commands have none but their own.
func printable(report, format string) string {
	if format == "github" || format == "azure" {
		return report
	}
	return plain.InertLines(report)
}

// reportText renders a digest in a format of runs report, or for an output that all commands have.
func reportText(d *report.Digest, format string) (string, error) {
	var text strings.Builder
	var err error
	switch format {
	case "markdown":
		text.WriteString(d.Markdown(0))
	case "junit":
		err = d.JUnit(&text)
	case "json":
		err = addJSON(&text, d)
	case "github":
		addLines(&text, report.GitHubAnnotations(d))
	case "azure":
		addLines(&text, report.AzureCommands(d))
	case "gitlab":
		quality, failed := report.GitLabCodeQuality(d)
		text.Write(append(quality, '\n'))
		err = failed
	case "bitbucket":
		err = addInsights(&text, d)
	case "buildkite":
		text.WriteString(report.BuildkiteAnnotation(d))
	default:
		err = d.Terminal(&text, false)
	}
	return text.String(), err
}

func addLines(text *strings.Builder, lines []string) {
	for _, line := range lines {
		text.WriteString(line + "\n")
	}
}

func addJSON(text *strings.Builder, object any) error {
	b, err := plainJSON(object)
	text.Write(append(b, '\n'))
	return err
}

// addInsights adds what Code Insights of Bitbucket are sent, in an object.
func addInsights(text *strings.Builder, d *report.Digest) error {
	insights, err := report.BitbucketReport(d)
	if err != nil {
		return err
	}
	object := struct {
		Report      json.RawMessage   `json:"report"`
		Annotations []json.RawMessage `json:"annotations"` // of a request each
	}{insights.Report, []json.RawMessage{}}
	for _, batch := range insights.Annotations {
		object.Annotations = append(object.Annotations, batch)
	}
	return addJSON(text, object)
}
