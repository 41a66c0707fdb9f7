// Package report makes the digest of a run of dbt Cloud, which says what failed, where and why, and renders it for people and for CI
// providers. Everything in a digest is bounded, and every rendering escapes all that its syntax gives a meaning to: the texts come
// from warehouses, branches and other people's code.
package report

import (
	"cmp"
	"io"
	"time"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/internal/plain"
	"github.com/slimci/dbtcloud/manifest"
)

// How much a digest holds, so that a run with ten thousand failures can still be looked at.
const (
	MaxFailures = 200     // entries of Digest.Failures
	MaxWarnings = 100     // entries of Digest.Warnings
	MaxNames    = 500     // entries of Digest.Built and of Digest.Skipped
	MaxNotes    = 20      // entries of Digest.Notes
	MaxMessage  = 4 << 10 // bytes of a message
	MaxLine     = 512     // bytes of any other text: a name, a path, a note
)

// Digest says how a run went. It is plain data.
type Digest struct {
	Run       RunSummary    `json:"run"`
	Failures  []Failure     `json:"failures"`
	Warnings  []Warning     `json:"warnings"`
	Counts    Counts        `json:"counts"`
	Duration  time.Duration `json:"duration_ns"`
	Built     []string      `json:"built"`     // names of models, seeds and snapshots
	Skipped   []string      `json:"skipped"`   // names of nodes of any kind
	Notes     []string      `json:"notes"`     // what could not be read, one line each
	Truncated Truncated     `json:"truncated"` // what was left out
}

// RunSummary is the run that a digest is about.
type RunSummary struct {
	ID      int64  `json:"id"`
	JobID   int64  `json:"job_id"`
	JobName string `json:"job_name"`
	Status  string `json:"status"` // Success, Error, Cancelled ...
	Message string `json:"message"`
	Branch  string `json:"branch"`
	SHA     string `json:"sha"`
	URL     string `json:"url"`
}

// Succeeded reports whether the run ended well.
func (r RunSummary) Succeeded() bool { return r.Status == dbtcloud.RunSuccess.String() }

// Failure is a node that failed, or a step that failed before dbt came to any node.
type Failure struct {
	UniqueID string        `json:"unique_id"` // empty for a step
	Name     string        `json:"name"`      // of the node, or the step's name
	Kind     string        `json:"kind"`      // model, test, unit_test, seed, snapshot, source ...; step or run where there is no node
	Status   string        `json:"status"`    // dbt's word: error, fail, warn ...
	File     string        `json:"file"`      // from the root of the repository; empty if not known
	Line     int           `json:"line"`      // in File, from 1; 0 if the message tells none. Warehouses count lines of compiled SQL: those are not taken
	Message  string        `json:"message"`   // for a step the end of its log
	Failures int64         `json:"failures"`  // of a test: rows
	Duration time.Duration `json:"duration_ns"`
	Step     int           `json:"step"` // from 1; 0 for the run as a whole
}

// Warning is what a test that only warns found.
type Warning = Failure

// Counts is how many nodes ended how, over all steps.
type Counts struct {
	Nodes   int `json:"nodes"`   // all of the others together
	Built   int `json:"built"`   // models, seeds and snapshots
	Passed  int `json:"passed"`  // tests
	Failed  int `json:"failed"`  // tests
	Errors  int `json:"errors"`  // of any kind
	Warned  int `json:"warned"`  // of any kind
	Skipped int `json:"skipped"` // of any kind
	Other   int `json:"other"`   // hooks, what was left as it was, and statuses not known here
}

// Truncated is how many entries there were no room for.
type Truncated struct {
	Failures int `json:"failures"`
	Warnings int `json:"warnings"`
	Built    int `json:"built"`
	Skipped  int `json:"skipped"`
	Notes    int `json:"notes"`
}

// Inputs is what a digest is made of. Only Run must be there.
type Inputs struct {
	Run     *dbtcloud.Run
	Project string // the directory of the dbt project in the repository; empty: its root
	Steps   []StepInputs
	Notes   []string // what could not be had, one line each
}

// StepInputs is one step with what dbt left behind.
type StepInputs struct {
	Step     dbtcloud.RunStep
	Results  *manifest.RunResults // nil if there are none
	Manifest *manifest.Manifest   // nil if there is none; then names and files are taken from ids and messages
}

// New makes a digest. It is a pure function of what it is given, which it does not change.
func New(in Inputs) *Digest {
	d := &Digest{Failures: []Failure{}, Warnings: []Warning{}, Built: []string{}, Skipped: []string{}, Notes: []string{}}
	if in.Run != nil {
		d.Run, d.Duration = summary(in.Run), in.Run.FinishedAt.Sub(in.Run.CreatedAt.Time)
		if in.Run.FinishedAt.IsZero() || in.Run.CreatedAt.IsZero() {
			d.Duration = 0
		}
	}
	seen := map[string]bool{}
	for _, s := range in.Steps {
		// A step that wrote no results of its own still has those of the step before it.
		if s.Results != nil && s.Results.Metadata.InvocationID != "" {
			if seen[s.Results.Metadata.InvocationID] {
				s.Results = nil
			} else {
				seen[s.Results.Metadata.InvocationID] = true
			}
		}
		d.addStep(s, in.Project)
	}
	if in.Run != nil && in.Run.Status == dbtcloud.RunError && len(d.Failures) == 0 {
		d.addFailure(Failure{Name: "run", Kind: "run", Status: "error", Message: d.Run.Message})
	}
	for _, note := range in.Notes {
		d.addNote(note)
	}
	return d
}

func summary(run *dbtcloud.Run) RunSummary {
	s := RunSummary{
		ID: run.ID, JobID: run.JobID, Status: run.Status.String(), Message: block(run.StatusMessage, MaxMessage),
		Branch: run.GitBranch, SHA: run.GitSHA, URL: line(run.Href),
	}
	if run.Job != nil {
		s.JobName = run.Job.Name
	}
	if t := run.Trigger; t != nil {
		s.Branch, s.SHA = cmp.Or(s.Branch, t.GitBranch), cmp.Or(s.SHA, t.GitSHA)
	}
	s.JobName, s.Branch, s.SHA = line(s.JobName), line(s.Branch), line(s.SHA)
	return s
}

func (d *Digest) addStep(s StepInputs, project string) {
	explained := false
	if s.Results != nil {
		for _, result := range s.Results.Results {
			d.addResult(result, s, project)
			explained = explained || result.Status.Failed()
		}
	}
	if s.Step.Status == dbtcloud.RunError && !explained {
		d.addFailure(stepFailure(s.Step, project))
	}
}

func (d *Digest) addResult(r manifest.Result, s StepInputs, project string) {
	node := nodeOf(r.UniqueID, s)
	d.Counts.Nodes++
	switch r.Status {
	case manifest.StatusFail:
		d.Counts.Failed++
		d.addFailure(nodeFailure(r, node, s, project))
	case manifest.StatusError, manifest.StatusRuntimeError, manifest.StatusPartialSuccess:
		d.Counts.Errors++
		d.addFailure(nodeFailure(r, node, s, project))
	case manifest.StatusWarn:
		d.Counts.Warned++
		d.Warnings = keep(d.Warnings, nodeFailure(r, node, s, project), MaxWarnings, &d.Truncated.Warnings)
	case manifest.StatusSkipped:
		d.Counts.Skipped++
		d.Skipped = keep(d.Skipped, node.Name, MaxNames, &d.Truncated.Skipped)
	case manifest.StatusPass:
		d.Counts.Passed++
	case manifest.StatusSuccess:
		d.addSuccess(node)
	default:
		d.Counts.Other++
	}
}

func (d *Digest) addSuccess(node *manifest.Node) {
	switch node.ResourceType {
	case "model", "seed", "snapshot":
		d.Counts.Built++
		d.Built = keep(d.Built, node.Name, MaxNames, &d.Truncated.Built)
	case "test", "unit_test":
		d.Counts.Passed++
	default:
		d.Counts.Other++
	}
}

func (d *Digest) addFailure(f Failure) {
	d.Failures = keep(d.Failures, f, MaxFailures, &d.Truncated.Failures)
}

func (d *Digest) addNote(note string) {
	d.Notes = keep(d.Notes, line(note), MaxNotes, &d.Truncated.Notes)
}

// keep appends while there is room, and counts what there is none for.
func keep[T any](list []T, item T, most int, left *int) []T {
	if len(list) < most {
		return append(list, item)
	}
	*left++
	return list
}

// JSON writes the digest as an indented object. The error is that of w.
func (d *Digest) JSON(w io.Writer) error {
	text, err := plain.JSON(d, "  ")
	if err == nil {
		_, err = w.Write(append(text, '\n'))
	}
	return err
}
