package report

import (
	"strconv"
	"strings"
)

// AzureCommands renders the digest as logging commands of Azure Pipelines, one line each: an issue for each failure and each warning.
// Azure names no limit of them. The summary is [Digest.Markdown] in a file, uploaded by [AzureSummary].
// Source: https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands.
func AzureCommands(d *Digest) []string {
	var out []string
	for _, f := range d.Failures {
		out = append(out, azureIssue("error", f))
	}
	for _, f := range d.Warnings {
		out = append(out, azureIssue("warning", f))
	}
	return out
}

// AzureSummary is the logging command that shows a file of Markdown on the page of the pipeline. The path must be absolute.
func AzureSummary(file string) string {
	return "##vso[task.uploadsummary]" + azureData(oneLine(file, 2*MaxMessage))
}

// AzureOutputs are the logging commands that set the output variables run_id, run_url and status of a step, as [GitHubOutputs] has them.
func AzureOutputs(d *Digest) []string {
	var out []string
	for _, o := range d.outputs() {
		out = append(out, "##vso[task.setvariable variable="+o[0]+";isOutput=true]"+azureData(o[1]))
	}
	return out
}

func azureIssue(level string, f Failure) string {
	var b strings.Builder
	b.WriteString("##vso[task.logissue type=" + level + ";")
	if file := line(f.File); file != "" {
		b.WriteString("sourcepath=" + azureProperty(file) + ";")
		if f.Line > 0 {
			b.WriteString("linenumber=" + strconv.Itoa(f.Line) + ";")
		}
	}
	b.WriteString("]" + azureData(f.title()+": "+f.text()))
	return b.String()
}

// azureData escapes what stands behind a command. The agent reads %AZP25 as a percent sign.
func azureData(text string) string {
	return strings.NewReplacer("%", "%AZP25", "\r", "%0D", "\n", "%0A").Replace(text)
}

func azureProperty(text string) string {
	return strings.NewReplacer("%", "%AZP25", "\r", "%0D", "\n", "%0A", ";", "%3B", "]", "%5D").Replace(text)
}
