package dbtcloud

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// cloneCopied are the fields that a clone takes over as they are: an allow-list
// from the official write schema, because everything else may be read-only.
var cloneCopied = strings.Fields(`account_id project_id environment_id job_type dbt_version description
	deferring_environment_id deferring_job_definition_id execute_steps
	generate_docs run_generate_sources generate_sources lifecycle_webhooks triggers_on_draft_pr
	run_compare_changes compare_changes_flags run_lint errors_on_lint_failure`)

// cloneRuled are the fields that a clone does not take over, or by a rule.
var cloneRuled = strings.Fields(`id name state triggers schedule job_completion_trigger_condition
	force_node_selection cost_optimization_features execution settings`)

// cloneNested are the objects that a clone takes over, without what is not known of them.
func cloneNested(job *Job) map[string]any {
	return map[string]any{"execution": job.Execution, "settings": job.Settings}
}

// unknownFields are settings of a job that this package cannot judge.
func unknownFields(job *Job) []string {
	var unknown []string
	fields := job.raw.fields()
	for name := range fields {
		if !slices.Contains(cloneCopied, name) && !slices.Contains(cloneRuled, name) && !slices.Contains(jobReadOnly, name) {
			unknown = append(unknown, name)
		}
	}
	for name, known := range cloneNested(job) {
		object, _ := fields[name].(map[string]any)
		for key := range object {
			if !slices.Contains(jsonKeys(known), key) {
				unknown = append(unknown, name+"."+key)
			}
		}
	}
	slices.Sort(unknown)
	return unknown
}

// jsonKeys are the names of the fields that a struct has in JSON.
func jsonKeys(v any) []string {
	var fields map[string]any
	b, _ := json.Marshal(v) // of structs of numbers and strings: cannot fail
	_ = json.Unmarshal(b, &fields)
	return slices.Collect(maps.Keys(fields))
}

// cloneBody is what a clone is created from: inert, with every trigger off.
func (s *JobsService) cloneBody(source *Job, name cloneName) map[string]any {
	body := s.defaults()
	fields := source.raw.fields()
	for _, field := range cloneCopied {
		if v, ok := fields[field]; ok {
			body[field] = v
		}
	}
	for field, known := range cloneNested(source) {
		if fields[field] != nil {
			body[field] = known
		}
	}
	body["name"] = name.name(source.Name)
	if source.Schedule != nil {
		body["schedule"] = source.Schedule
	}
	if d := []rune(source.Description); len(d) > maxName {
		body["description"] = string(d[:maxName])
	}
	if len(source.CostOptimizationFeatures) > 0 && !slices.Contains(refusedFields(source), "cost_optimization_features") {
		body["cost_optimization_features"] = source.CostOptimizationFeatures
	}
	return body
}

// differences are the fields in which a clone does not do what its source does.
func differences(source, clone *Job) []string {
	a, b := source.raw.fields(), clone.raw.fields()
	var out []string
	for _, field := range cloneCopied {
		if field != "description" && !sameJSON(a[field], b[field]) {
			out = append(out, field)
		}
	}
	for field, known := range cloneNested(source) {
		if !sameJSON(known, cloneNested(clone)[field]) {
			out = append(out, field)
		}
	}
	slices.Sort(out)
	if t := clone.Triggers; t.GitHubWebhook || t.GitProviderWebhook || t.OnMerge || t.Schedule {
		out = append(out, "triggers")
	}
	if clone.CompletionTrigger != nil {
		out = append(out, "job_completion_trigger_condition")
	}
	return out
}

func sameJSON(a, b any) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}

// errUnfaithful is a clone that could not be made as it should.
var errUnfaithful = errors.New("no faithful clone could be made")

// makeClone creates a clone of the source, copies the overrides and reads all of it
// back. What it made is deleted again if anything is wrong with it.
func (r *CIRun) makeClone(ctx context.Context) (*Job, error) {
	name := cloneName{source: r.source.ID, pr: r.us.change.PullRequest, nonce: newNonce(), kept: r.a.KeepClone}
	jobs := r.a.Client.Jobs
	body := jobs.cloneBody(r.source, name)
	clone, err := jobs.create(ctx, body)
	if _, uncertain := errors.AsType[*UncertainError](err); uncertain {
		clone, err = r.findClone(ctx, body["name"].(string), err)
	}
	if err != nil {
		return nil, err
	}
	r.CloneJobID = clone.ID
	if err := r.furnish(ctx, clone.ID); err != nil {
		r.dropClone(ctx)
		return nil, err
	}
	return clone, nil
}

// findClone looks for a clone whose creation got no answer. It is not created
// again: should it turn up later, a sweep finds it by its name.
func (r *CIRun) findClone(ctx context.Context, name string, lost error) (*Job, error) {
	for range 3 {
		for job, err := range r.a.Client.Jobs.All(ctx, JobFilter{NameContains: name, ProjectID: r.source.ProjectID}) {
			if err == nil && job.Name == name {
				return job, nil
			}
		}
		if err := sleep(ctx, r.a.poll().withDefaults().First); err != nil {
			return nil, errors.Join(lost, err)
		}
	}
	return nil, lost
}

// furnish copies the overrides to a clone and compares it with its source.
func (r *CIRun) furnish(ctx context.Context, cloneID int64) error {
	vars := r.a.Client.EnvironmentVariables
	for _, o := range r.overrides {
		_, err := vars.Create(ctx, r.source.ProjectID, EnvironmentVariableRequest{Name: o.Name, Value: o.Value, Scope: ScopeJob, JobID: cloneID})
		if _, uncertain := errors.AsType[*UncertainError](err); err != nil && (!uncertain || ctx.Err() != nil) { // else reading back tells
			return fmt.Errorf("copying the override %s: %w", o.Name, err)
		}
	}
	clone, err := r.a.Client.Jobs.Get(ctx, cloneID)
	if err != nil {
		return fmt.Errorf("reading the clone back: %w", err)
	}
	if diff := differences(r.source, clone); len(diff) > 0 {
		return fmt.Errorf("%w: the service changed %s", errUnfaithful, strings.Join(diff, ", "))
	}
	if len(r.overrides) == 0 {
		return nil
	}
	copied, err := vars.JobOverrides(ctx, r.source.ProjectID, cloneID)
	if err != nil {
		return fmt.Errorf("reading the clone's overrides back: %w", err)
	}
	same := func(a, b JobOverride) bool { return a.Name == b.Name && a.Value == b.Value }
	if !slices.EqualFunc(r.overrides, copied, same) {
		return fmt.Errorf("%w: its environment-variable overrides differ", errUnfaithful)
	}
	return nil
}

// dropClone deletes the clone that was made and never triggered.
func (r *CIRun) dropClone(ctx context.Context) {
	if r.CloneJobID == 0 {
		return
	}
	if err := r.a.Client.Jobs.Delete(ctx, r.CloneJobID); err != nil && !errors.Is(err, ErrNotFound) {
		if ctx.Err() != nil {
			return // leaving tries again
		}
		r.warn("clone %d could not be deleted, a later sweep will: %v", r.CloneJobID, err)
	}
	r.CloneJobID = 0
}
