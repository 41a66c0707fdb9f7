package main

import (
	"fmt"
	"strings"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/internal/plain"
)

// result is what stdout gets with --output json. What is not known is null; lists
// are never null.
type result struct {
	RunID           *int64   `json:"run_id"`
	JobID           *int64   `json:"job_id"`
	CloneJobID      *int64   `json:"clone_job_id"`  // the clone that was made for the run, or that it is on
	CloneDeleted    bool     `json:"clone_deleted"` // whether that clone is gone again
	Decision        *string  `json:"decision"`
	Reason          *string  `json:"reason"`
	Adopted         bool     `json:"adopted"`
	SupersededBy    *int64   `json:"superseded_by_run_id"`
	CancelledRunIDs []int64  `json:"cancelled_run_ids"`
	MovedRunIDs     []int64  `json:"moved_run_ids"`
	Status          *string  `json:"status"`
	StatusMessage   *string  `json:"status_message"`
	URL             *string  `json:"url"`
	Warnings        []string `json:"warnings"`
	Error           *string  `json:"error"`
}

func newResult(client *dbtcloud.Client, sourceID int64, r *dbtcloud.CIRun, err error) result {
	out := result{
		JobID: known(r.JobID), CloneJobID: known(r.CloneJobID),
		Decision: known(string(r.Decision)), Reason: known(r.Reason),
		Adopted: r.Adopted, SupersededBy: known(r.SupersededBy),
		CancelledRunIDs: list(r.CancelledRunIDs), MovedRunIDs: list(r.MovedRunIDs),
		Warnings: list(r.Warnings), Error: errorText(err),
	}
	if r.CloneJobID == 0 && r.JobID != sourceID {
		out.CloneJobID, out.CloneDeleted = known(r.JobID), true
	}
	if r.Run != nil {
		out.RunID, out.Status, out.StatusMessage = known(r.Run.ID), statusText(r.Run), known(r.Run.StatusMessage)
		out.URL = known(client.RunURL(r.Run))
	}
	return out
}

// planned is what stdout gets with --dry-run --output json.
type planned struct {
	DryRun          bool     `json:"dry_run"`
	JobID           *int64   `json:"job_id"`
	CloneJobID      *int64   `json:"clone_job_id"` // always null, as nothing was touched
	Decision        *string  `json:"decision"`
	Reason          *string  `json:"reason"`
	RunID           *int64   `json:"run_id"` // the run to follow, or the one that is newer
	Status          *string  `json:"status"` // always null
	URL             *string  `json:"url"`    // always null
	CancelRunIDs    []int64  `json:"cancel_run_ids"`
	CancelledRunIDs []int64  `json:"cancelled_run_ids"` // always empty, as nothing was touched
	MovedRunIDs     []int64  `json:"moved_run_ids"`     // likewise
	SchemaOverride  *string  `json:"schema_override"`
	RunSlots        *int     `json:"run_slots"`
	FreeRunSlots    *int     `json:"free_run_slots"`
	Warnings        []string `json:"warnings"`
}

func newPlanned(p *dbtcloud.Plan) planned {
	out := planned{
		DryRun: true, JobID: known(p.JobID), Decision: known(string(p.Decision)), Reason: known(p.Reason), RunID: known(p.RunID),
		CancelRunIDs: list(p.Cancel), CancelledRunIDs: []int64{}, MovedRunIDs: []int64{},
		SchemaOverride: known(p.Schema), Warnings: list(p.Warnings),
	}
	if p.Slots.Limit > 0 {
		out.RunSlots, out.FreeRunSlots = new(p.Slots.Limit), new(p.Slots.Free())
	}
	return out
}

// swept is what stdout gets from sweep with --output json.
type swept struct {
	JobID         int64   `json:"job_id"`
	DeletedJobIDs []int64 `json:"deleted_job_ids"`
	ActiveJobIDs  []int64 `json:"active_job_ids"`
	YoungJobIDs   []int64 `json:"young_job_ids"`
	KeptJobIDs    []int64 `json:"kept_job_ids"`
	Error         *string `json:"error"`
}

func newSwept(jobID int64, r dbtcloud.SweepReport, err error) swept {
	return swept{JobID: jobID, DeletedJobIDs: list(r.Deleted), ActiveJobIDs: list(r.Active), YoungJobIDs: list(r.Young),
		KeptJobIDs: list(r.Kept), Error: errorText(err)}
}

// emit writes the result: the object as JSON on one line, or the text, if there is any.
func (a app) emit(g *global, object any, text string) error {
	if g.output.value == "json" {
		b, err := plainJSON(object)
		if err != nil {
			return fmt.Errorf("writing the result: %w", err)
		}
		text = string(b)
	}
	if text == "" {
		return nil
	}
	if _, err := fmt.Fprintln(a.stdout, text); err != nil {
		return fmt.Errorf("writing the result to stdout: %w", err)
	}
	return nil
}

// plainJSON encodes on one line, with escapes for all that means something to a terminal
// or a CI service.
func plainJSON(object any) ([]byte, error) { return plain.JSON(object, "") }

// indentedJSON is plainJSON over several lines.
func indentedJSON(object any) ([]byte, error) { return plain.JSON(object, "  ") }

// known is null in JSON for the zero value.
func known[T comparable](v T) *T {
	if v == *new(T) {
		return nil
	}
	return &v
}

func list[T any](s []T) []T { return append([]T{}, s...) }

// statusText is the status as one word in lower case: queued, starting, running, success, error or cancelled.
func statusText(r *dbtcloud.Run) *string { return new(strings.ToLower(r.Status.String())) }

func errorText(err error) *string {
	if err == nil {
		return nil
	}
	return new(oneLine(err.Error()))
}
