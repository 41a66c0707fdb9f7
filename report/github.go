package report

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Limits of GitHub Actions.
const (
	// GitHubAnnotationLimit is how many errors, and how many warnings, of one step are shown; the next ones are dropped without a word.
	// Source: https://github.com/orgs/community/discussions/26680.
	GitHubAnnotationLimit = 10
	// GitHubSummaryLimit is how many bytes a step's summary may have; a larger one is dropped whole.
	// Source: https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions (step isolation and limits).
	GitHubSummaryLimit = 1 << 20
)

// GitHubAnnotations renders the digest as workflow commands, one line each: at most [GitHubAnnotationLimit] errors and as many
// warnings. Where there are more, the last one says how many.
func GitHubAnnotations(d *Digest) []string {
	lines := githubCommands("error", d.Failures, d.Truncated.Failures)
	return append(lines, githubCommands("warning", d.Warnings, d.Truncated.Warnings)...)
}

func githubCommands(level string, list []Failure, missing int) []string {
	var out []string
	for i, f := range list {
		if more := len(list) - i + missing; i == GitHubAnnotationLimit-1 && more > 1 {
			return append(out, fmt.Sprintf("::%s title=dbt::%d more are not shown here, see the summary", level, more))
		}
		out = append(out, githubCommand(level, f))
	}
	return out
}

func githubCommand(level string, f Failure) string {
	var properties []string
	add := func(name, value string) {
		if value = githubProperty(line(value)); value != "" {
			properties = append(properties, name+"="+value)
		}
	}
	add("file", f.File)
	if line(f.File) != "" && f.Line > 0 {
		add("line", strconv.Itoa(f.Line))
	}
	add("title", f.title())
	return "::" + level + " " + strings.Join(properties, ",") + "::" + githubData(f.text())
}

// title is what failed, in a few words.
func (f Failure) title() string { return line("dbt " + f.Kind + " " + f.Name) }

// text is the message, or what stands for one; never blank.
func (f Failure) text() string {
	if text := block(f.Message, MaxMessage); strings.TrimSpace(text) != "" {
		return text
	}
	return cmp.Or(line(f.Status), "no message")
}

func githubData(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(text)
}

func githubProperty(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(text)
}

// GitHubSummary renders the digest for the file that GITHUB_STEP_SUMMARY names, which it fills alone.
func GitHubSummary(d *Digest) string { return d.Markdown(GitHubSummaryLimit) }

// GitHubOutputs renders what later steps may want to know for the file that GITHUB_OUTPUT names, one line each: run_id, run_url and
// status, in lower case. A value that has anything in it but letters, digits and what addresses are made of is left empty, because
// it is likely to end up in a shell.
func GitHubOutputs(d *Digest) []string {
	var out []string
	for _, o := range d.outputs() {
		out = append(out, o[0]+"="+o[1])
	}
	return out
}

func (d *Digest) outputs() [][2]string {
	tame := regexp.MustCompile(`^[\w.:/~% -]*$`)
	rows := [][2]string{{"run_id", strconv.FormatInt(d.Run.ID, 10)}, {"run_url", line(d.Run.URL)}, {"status", strings.ToLower(line(d.Run.Status))}}
	for i, row := range rows {
		if !tame.MatchString(row[1]) {
			rows[i][1] = ""
		}
	}
	return rows
}
