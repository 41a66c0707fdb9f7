package report

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/manifest"
)

// The artifacts of a run that has just ended can be missing for a few seconds.
const (
	artifactTries = 4
	artifactPause = 2 * time.Second
)

// Collect reads a run that has ended, its steps and what dbt left behind, and makes its digest. The error is that of reading the run
// itself, or that ctx has ended; whatever else is missing or cannot be read is a note in the digest. That is also what has not
// come in half of the time that ctx leaves. A manifest is only read for a step in which something failed or warned.
// API: Retrieve Run, Retrieve Run Artifact, Retrieve Project.
func Collect(ctx context.Context, client *dbtcloud.Client, runID int64) (*Digest, error) {
	run, err := client.Runs.Get(ctx, runID, dbtcloud.RunWithSteps, dbtcloud.RunWithJob, dbtcloud.RunWithTrigger)
	if err != nil {
		return nil, err
	}
	limited, done := half(ctx)
	defer done()
	c := &collector{client: client, runID: runID, tries: artifactTries, in: Inputs{Run: run}}
	for _, step := range run.Steps {
		c.in.Steps = append(c.in.Steps, c.step(limited, step))
	}
	if c.places {
		c.project(limited, run.ProjectID)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return New(c.in), nil
}

// half is half of the time that ctx leaves: an artifact that does not come keeps nobody from a digest without it.
func half(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(deadline)/2)
}

type collector struct {
	client *dbtcloud.Client
	runID  int64
	in     Inputs
	tries  int  // how often what must be there is still asked for
	places bool // something names a file
}

var invocation = regexp.MustCompile("`dbt (?:-\\S+ )*([a-z-]+)")

// dbtCommand finds the command in "Invoke dbt with `dbt --quiet run-operation x`".
func dbtCommand(step string) string {
	m := invocation.FindStringSubmatch(step)
	if m == nil {
		return ""
	}
	return m[1]
}

// leavesResults reports whether the command writes a run_results.json.
func leavesResults(command string) bool {
	switch command {
	case "build", "run", "test", "seed", "snapshot", "compile", "run-operation", "retry", "clone", "docs", "show":
		return true
	}
	return false
}

func (c *collector) step(ctx context.Context, step dbtcloud.RunStep) StepInputs {
	s := StepInputs{Step: step}
	failed := step.Status == dbtcloud.RunError
	c.places = c.places || failed
	if !step.Status.Terminal() || !leavesResults(dbtCommand(step.Name)) {
		return s
	}
	// dbt ends its output so when it has come to the nodes; only then is it worth to wait.
	patient := strings.Contains(step.Logs, "Done. PASS=")
	err := c.open(ctx, step.Index, "run_results.json", patient, func(r io.Reader) (err error) {
		s.Results, err = manifest.ReadRunResults(r)
		return err
	})
	if c.note(step, "run_results.json", err) || !tells(s.Results) {
		return s
	}
	c.places = true
	err = c.open(ctx, step.Index, "manifest.json", true, func(r io.Reader) (err error) {
		s.Manifest, err = manifest.Read(r)
		return err
	})
	c.note(step, "manifest.json", err)
	return s
}

// tells reports whether something in the results is to be told with its file.
func tells(results *manifest.RunResults) bool {
	for _, r := range results.Results {
		if r.Status.Failed() || r.Status == manifest.StatusWarn {
			return true
		}
	}
	return false
}

// open reads an artifact of a step; a patient one asks again for one that is not there yet.
func (c *collector) open(ctx context.Context, step int, name string, patient bool, read func(io.Reader) error) error {
	for {
		artifact, err := c.client.Runs.OpenStepArtifact(ctx, c.runID, step, name)
		if err == nil {
			err = read(artifact)
			_ = artifact.Close()
			return err
		}
		if !patient || c.tries <= 1 || !errors.Is(err, dbtcloud.ErrNotFound) {
			return err
		}
		c.tries--
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(artifactPause):
		}
	}
}

// note notes what went wrong with an artifact, and reports whether something did.
func (c *collector) note(step dbtcloud.RunStep, name string, err error) bool {
	switch {
	case err == nil:
		return false
	case errors.Is(err, dbtcloud.ErrNotFound):
		c.in.Notes = append(c.in.Notes, fmt.Sprintf("step %d (%s) left no %s", step.Index, step.Name, name))
	case errors.Is(err, context.DeadlineExceeded):
		c.in.Notes = append(c.in.Notes, fmt.Sprintf("%s of step %d (%s) did not come in time", name, step.Index, step.Name))
	default:
		c.in.Notes = append(c.in.Notes, fmt.Sprintf("%s of step %d (%s): %s", name, step.Index, step.Name, err))
	}
	return true
}

// project finds the directory of the dbt project in its repository.
func (c *collector) project(ctx context.Context, id int64) {
	project, err := c.client.Projects.Get(ctx, id)
	if err != nil {
		c.in.Notes = append(c.in.Notes, fmt.Sprintf("paths are those in the dbt project, whose directory is not known: %s", err))
		return
	}
	c.in.Project = project.Subdirectory
}
