package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/feedback"
	"github.com/slimci/dbtcloud/report"
	"github.com/spf13/pflag"
)

// reportPatience is how long reporting may take.
const reportPatience = time.Minute

// reporting holds the flags that say where the digest of a run goes when it has ended.
type reporting struct {
	junit, codeQuality, markdown, digest text

	// in pipelines
	places                choice
	commitStatus, comment bool
	event                 *dbtcloud.Event
	jobID                 int64
	host                  *feedback.Host // nil: there is none
}

func (r *reporting) add(fs *pflag.FlagSet) {
	fs.Var(&r.junit, "junit", "when the run has ended, write this `file`: test results as JUnit XML")
	fs.Var(&r.codeQuality, "code-quality", "likewise a code quality report for GitLab, into this `file`")
	fs.Var(&r.markdown, "markdown", "likewise a digest for people, into this `file`")
	fs.Var(&r.digest, "digest", "likewise the digest as JSON, into this `file`")
}

// addPlaces adds the flag for where a pipeline shows the digest.
func (r *reporting) addPlaces(fs *pflag.FlagSet) {
	r.places = choice{value: "auto", allowed: []string{"auto", "off"}}
	fs.Var(&r.places, "report", "where the digest is shown: auto, the places that the CI provider has and, of a run that did not succeed, stderr; or off")
}

// addHost adds the flags for what is told to the git host.
func (r *reporting) addHost(fs *pflag.FlagSet) {
	yes(fs, &r.commitStatus, "commit-status", "set a commit status at the git host when the run has ended; needs a token, such as GITHUB_TOKEN")
	yes(fs, &r.comment, "comment", "keep one comment at the pull request with the digest; needs a token, such as GITHUB_TOKEN")
}

func (r *reporting) files() feedback.Files {
	return feedback.Files{JUnit: r.junit.value, CodeQuality: r.codeQuality.value, Markdown: r.markdown.value, Digest: r.digest.value}
}

func (r *reporting) wanted() bool {
	return r.files() != feedback.Files{} || r.places.value == "auto" || r.commitStatus || r.comment
}

// check refuses files that cannot be written, and the report of a run that nobody waits for.
func (r *reporting) check(wait bool) error {
	var problems []error
	seen := map[string]string{}
	for _, file := range []struct{ flag, name string }{
		{"--junit", r.junit.value}, {"--code-quality", r.codeQuality.value}, {"--markdown", r.markdown.value}, {"--digest", r.digest.value},
	} {
		if file.name == "" {
			continue
		}
		if file.name == "-" {
			problems = append(problems, fmt.Errorf("%s: stdout has the result: give the name of a file", file.flag))
		}
		info, err := os.Stat(file.name)
		if err == nil && info.IsDir() {
			problems = append(problems, fmt.Errorf("%s: %s is a directory: give the name of a file", file.flag, file.name))
		}
		if other := seen[filepath.Clean(file.name)]; other != "" && (err != nil || info.Mode().IsRegular()) {
			problems = append(problems, fmt.Errorf("%s and %s: are the same file, %s: give each its own", other, file.flag, file.name))
		}
		seen[filepath.Clean(file.name)] = file.flag
	}
	for flag, given := range map[string]bool{"--commit-status": r.commitStatus, "--comment": r.comment} {
		if given {
			seen[flag] = flag
		}
	}
	if len(seen) > 0 && !wait {
		problems = append(problems, errors.New("a report: needs a run that is waited for: give --wait too"))
	}
	return errors.Join(problems...)
}

// openHost finds the API of the git host, if something shall go there. That it is not
// found is told before the run is triggered, which is no reason not to test.
func (a app) openHost(r *reporting, e *dbtcloud.Event, jobID int64) {
	r.event, r.jobID = e, jobID
	if !r.commitStatus && !r.comment {
		return
	}
	host, err := feedback.HostFromEnv(a.getenv, e)
	a.unreported(err)
	if err == nil {
		r.host = host
	}
}

// publish puts the digest of a run that has ended where it is wanted. How the run ended
// is in outcome, which nothing that goes wrong here changes: it is told. An interrupted
// command is not held up.
func (a app) publish(ctx context.Context, r *reporting, client *dbtcloud.Client, run *dbtcloud.Run, outcome error) {
	if run == nil || !r.wanted() || ctx.Err() != nil {
		return
	}
	ctx, done := context.WithTimeout(ctx, reportPatience)
	defer done()
	d, err := a.collect(ctx, client, run.ID)
	if err != nil {
		a.unreported(fmt.Errorf("run %d cannot be read for it: %w", run.ID, err))
		return
	}
	if !ended(d) {
		a.unreported(fmt.Errorf("run %d has not ended: there is nothing to report yet", run.ID))
		return
	}
	unread := d.Notes
	if _, failed := errors.AsType[*dbtcloud.RunFailedError](outcome); outcome != nil && !failed {
		d.Notes = append([]string{oneLine(outcome.Error())}, unread...)
	}
	a.unreported(r.files().Write(d))
	a.show(ctx, r, d, unread)
	a.unreported(r.tellHost(ctx, d, errors.Is(outcome, dbtcloud.ErrSuperseded)))
}

// collect makes the digest of a run, without the token, which a step may have printed.
func (a app) collect(ctx context.Context, client *dbtcloud.Client, id int64) (*report.Digest, error) {
	d, err := report.Collect(ctx, client, id)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	clean := &report.Digest{}
	if err := d.JSON(&text); err != nil {
		return nil, err
	}
	return clean, json.Unmarshal([]byte(a.masked(text.String())), clean)
}

func ended(d *report.Digest) bool {
	for _, status := range []dbtcloud.RunStatus{dbtcloud.RunSuccess, dbtcloud.RunError, dbtcloud.RunCancelled} {
		if d.Run.Status == status.String() {
			return true
		}
	}
	return false
}

// show puts a digest on stderr and where the CI provider has a place for it. What could
// not be read of the run is told in any case.
func (a app) show(ctx context.Context, r *reporting, d *report.Digest, unread []string) {
	places := r.places.value == "auto"
	if places && !d.Run.Succeeded() {
		a.unreported(d.Terminal(a.stderr, a.columns != nil && a.getenv("NO_COLOR") == ""))
	} else {
		for _, note := range unread {
			a.unreported(errors.New(note))
		}
	}
	if places {
		to := feedback.Places{Getenv: a.getenv, Log: a.stderr}
		a.unreported(to.Publish(ctx, r.event.Provider, or(r.event.SHA, d.Run.SHA), d))
	}
}

// tellHost sets the commit status and writes the comment. That of a newer change is not
// overwritten.
func (r *reporting) tellHost(ctx context.Context, d *report.Digest, superseded bool) error {
	if r.host == nil {
		return nil
	}
	var problems []error
	if r.commitStatus {
		status := feedback.StatusOf(d)
		status.SHA, status.Name = or(r.event.SHA, status.SHA), fmt.Sprintf("dbtcloud/%d", r.jobID)
		problems = append(problems, r.host.SetStatus(ctx, status))
	}
	if r.comment && !superseded {
		key := fmt.Sprintf("job-%d", r.jobID)
		problems = append(problems, r.host.Comment(ctx, r.event.PullRequest, key, d.Markdown(r.host.CommentLimit())))
	}
	return errors.Join(problems...)
}

// unreported tells what went wrong with a report, a line for each thing.
func (a app) unreported(err error) {
	if err == nil {
		return
	}
	for line := range strings.Lines(err.Error()) {
		a.tell("report: " + oneLine(line))
	}
}
