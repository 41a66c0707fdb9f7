package feedback

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/report"
)

// Places is what a pipeline has to show things in. The zero value is that of this process.
type Places struct {
	Getenv     func(string) string                                                        // the variables of the pipeline; default os.Getenv
	Log        io.Writer                                                                  // the log of the step, in which providers look for commands; default os.Stderr
	HTTPClient *http.Client                                                               // for Code Insights of Bitbucket; default one that uses the proxy of the pipeline
	Command    func(ctx context.Context, stdin string, name string, args ...string) error // runs a program; default by os/exec
}

// Publish shows a digest in the places that the CI provider has for such:
//
//   - GitHub Actions: annotations in the log, the summary in the file GITHUB_STEP_SUMMARY as far as that has room, and the
//     outputs run_id, run_url and status in the file GITHUB_OUTPUT.
//   - Azure Pipelines: issues in the log, a summary on the page of the pipeline from a file in AGENT_TEMPDIRECTORY, and the
//     output variables run_id, run_url and status.
//   - Bitbucket Pipelines: a report of Code Insights with annotations on the commit sha, by the proxy that authenticates a
//     pipeline's own requests. With DBT_CLOUD_CI_HOST_URL (https://api.bitbucket.org/2.0) set it is sent there, with the token
//     in DBT_CLOUD_CI_HOST_TOKEN or BITBUCKET_ACCESS_TOKEN.
//   - Buildkite: an annotation with the context dbtcloud, by the program buildkite-agent.
//
// The others have no such place, they collect [Files]. A place that fails keeps no other from being tried; the error
// is all that went wrong, one line each. [dbtcloud.ErrInvalid] means that there is no digest, or no sha to be told of.
func (p Places) Publish(ctx context.Context, provider dbtcloud.CIProvider, sha string, d *report.Digest) error {
	if d == nil {
		return invalid("there is no digest to publish")
	}
	if p.Getenv == nil {
		p.Getenv = os.Getenv
	}
	if p.Log == nil {
		p.Log = os.Stderr
	}
	if p.Command == nil {
		p.Command = execute
	}
	switch provider {
	case dbtcloud.GitHubActions:
		return p.github(d)
	case dbtcloud.AzurePipelines:
		return p.azure(d)
	case dbtcloud.BitbucketPipelines:
		return p.bitbucket(ctx, sha, d)
	case dbtcloud.Buildkite:
		return p.buildkite(ctx, d)
	}
	return nil
}

func (p Places) github(d *report.Digest) error {
	summary := func(size int64) string {
		room := report.GitHubSummaryLimit - int(min(size, report.GitHubSummaryLimit)) - 1 // for the line end before it
		if room <= 0 {
			return ""
		}
		return d.Markdown(room)
	}
	outputs := func(int64) string { return strings.Join(report.GitHubOutputs(d), "\n") + "\n" }
	return errors.Join(
		p.log(report.GitHubAnnotations(d)),
		p.appendTo("GITHUB_STEP_SUMMARY", summary),
		p.appendTo("GITHUB_OUTPUT", outputs),
	)
}

// log writes lines that are commands into the log.
func (p Places) log(lines []string) error {
	if len(lines) == 0 {
		return nil
	}
	if _, err := io.WriteString(p.Log, strings.Join(lines, "\n")+"\n"); err != nil {
		return fmt.Errorf("feedback: writing to the log: %w", err)
	}
	return nil
}

// appendTo appends to the file that a variable names, whose size so far the text may depend on.
func (p Places) appendTo(variable string, text func(size int64) string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("feedback: the file that %s names: %w", variable, err)
		}
	}()
	name := p.Getenv(variable)
	if name == "" {
		return errors.New("the variable is not set")
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY|syscall.O_NONBLOCK, 0o600) // a pipe that nobody reads is an error
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	add := text(info.Size())
	if add == "" {
		return errors.New("there is no room left in it")
	}
	if info.Size() > 0 {
		add = "\n" + add // whoever wrote before may have left a line open
	}
	_, err = f.WriteString(add)
	return err
}

func (p Places) azure(d *report.Digest) error {
	file, err := p.azureSummary(d)
	commands := report.AzureCommands(d)
	if err == nil {
		commands = append(commands, report.AzureSummary(file))
	}
	return errors.Join(p.log(append(commands, report.AzureOutputs(d)...)), err)
}

// azureSummary writes the summary into a file, whose name is its title on the page.
func (p Places) azureSummary(d *report.Digest) (string, error) {
	dir := p.Getenv("AGENT_TEMPDIRECTORY")
	if dir == "" {
		return "", errors.New("feedback: the summary: the variable AGENT_TEMPDIRECTORY is not set")
	}
	file, err := filepath.Abs(filepath.Join(dir, "dbt run "+strconv.FormatInt(d.Run.ID, 10)+".md"))
	if err == nil {
		err = os.WriteFile(file, []byte(d.Markdown(0)), 0o600)
	}
	if err != nil {
		return "", fmt.Errorf("feedback: the summary: %w", err)
	}
	return file, nil
}

func (p Places) buildkite(ctx context.Context, d *report.Digest) error {
	err := p.Command(ctx, report.BuildkiteAnnotation(d), "buildkite-agent", "annotate", "--style", report.BuildkiteStyle(d), "--context", "dbtcloud")
	if err != nil {
		return fmt.Errorf("feedback: annotating the build: %w", err)
	}
	return nil
}

// execute runs a program, and tells in its error what it said.
func execute(ctx context.Context, stdin, name string, args ...string) error {
	c := exec.CommandContext(ctx, name, args...) //nolint:gosec // the program is one that this package names
	c.Stdin, c.WaitDelay = strings.NewReader(stdin), time.Second
	said, err := c.CombinedOutput()
	if err != nil && len(said) > 0 {
		return fmt.Errorf("%s: %w: %.300q", name, err, said)
	}
	return err
}
