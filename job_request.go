package dbtcloud

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// JobRequest is what a job is created or updated with. Create needs ProjectID,
// EnvironmentID, Name and ExecuteSteps; the other defaults stand beside the fields.
// In an update the zero value of a field leaves the job's own unchanged.
type JobRequest struct {
	ProjectID                int64
	EnvironmentID            int64
	Name                     string // at most 255 characters
	ExecuteSteps             []string
	Description              string         // at most 255 characters
	Type                     JobType        // left to the service
	DbtVersion               string         // inherited from the environment
	DeferringEnvironmentID   int64          // none
	DeferringJobID           int64          // none; legacy
	Execution                *JobExecution  // no timeout
	Settings                 *JobSettings   // 4 threads, target "default"; so is a field of it that is zero
	Triggers                 *JobTriggers   // none: all off
	TriggersOnDraftPR        *bool          // false
	Schedule                 *JobSchedule   // hourly, every day; without effect while Triggers.Schedule is off
	CompletionTrigger        *JobCompletion // none; written although the official document calls it read-only
	GenerateDocs             *bool          // false
	GenerateSources          *bool          // left to the service
	RunGenerateSources       *bool          // false
	RunLint                  *bool          // false
	ErrorsOnLintFailure      *bool          // true
	RunCompareChanges        *bool          // false
	CompareChangesFlags      string         // left to the service
	CostOptimizationFeatures []string       // left to the service; CI and merge jobs take only dbt_state
	LifecycleWebhooks        *bool          // false
}

// jobReadOnly are the fields of an answered job that a write must not carry:
// those that the official document has in the response only, and those that
// answers are known to have beyond it.
var jobReadOnly = strings.Fields(`is_deferrable lifecycle_webhooks_url raw_dbt_version run_failure_count
	created_at updated_at account project environment fusion_readiness
	deactivated is_system cron_humanized next_run next_run_humanized
	most_recent_run most_recent_completed_run custom_environment_variables`)

// Create makes a job. It is sent once: see [UncertainError]. Mistakes that the
// service finds are in [Error.Fields]; what is missing is [ErrInvalid]. API: Create
// Job.
func (s *JobsService) Create(ctx context.Context, req JobRequest) (*Job, error) {
	if err := req.validate(); err != nil {
		return nil, err
	}
	body := s.defaults()
	req.apply(body)
	return s.create(ctx, body)
}

// defaults are the fields that the write schema requires and nobody need decide.
func (s *JobsService) defaults() map[string]any {
	return map[string]any{
		"account_id":             s.c.accountID,
		"state":                  StateActive,
		"execution":              JobExecution{},
		"settings":               map[string]any{"threads": 4, "target_name": "default"},
		"triggers":               JobTriggers{},
		"schedule":               hourly(),
		"generate_docs":          false,
		"run_generate_sources":   false,
		"run_lint":               false,
		"errors_on_lint_failure": true,
		"run_compare_changes":    false,
		"lifecycle_webhooks":     false,
	}
}

func (s *JobsService) create(ctx context.Context, body map[string]any) (*Job, error) {
	r := s.c.v2(http.MethodPost, "jobs/")
	r.body = body
	return one[Job](ctx, s.c, r)
}

// hourly is a schedule for jobs that have none: older servers insist on one.
func hourly() JobSchedule {
	return JobSchedule{Date: JobScheduleDate{Type: "every_day"}, Time: JobScheduleTime{Type: "every_hour", Interval: 1}}
}

func (req JobRequest) validate() error {
	var problems []error
	required := func(missing bool, name string) {
		if missing {
			problems = append(problems, fmt.Errorf("%s: is required to create a job", name))
		}
	}
	required(req.ProjectID <= 0, "project_id")
	required(req.EnvironmentID <= 0, "environment_id")
	required(req.Name == "", "name")
	required(len(req.ExecuteSteps) == 0, "execute_steps")
	if len(problems) > 0 {
		return fmt.Errorf("%w: %w", ErrInvalid, errors.Join(problems...))
	}
	return nil
}

// Update changes a job: it reads the job, applies what req sets and writes
// everything back, fields that this package does not know included, because the
// API replaces the whole job. Two updates at the same time lose one of them.
// API: Retrieve Job, then Update Job.
func (s *JobsService) Update(ctx context.Context, jobID int64, req JobRequest) (*Job, error) {
	job, err := s.Get(ctx, jobID)
	if err != nil {
		return nil, err
	}
	body := rawFields(job)
	for _, name := range slices.Concat(jobReadOnly, refusedFields(job)) {
		delete(body, name)
	}
	body["id"] = jobID // the service insists, though the official document lacks it
	req.apply(body)
	r := s.c.v2(http.MethodPost, "jobs/{id}/", jobID)
	r.body, r.repeatable = body, true // a full replacement: writing it twice is writing it once
	return one[Job](ctx, s.c, r)
}

// rawFields are the fields of a job as it was answered, without the nulls.
func rawFields(job *Job) map[string]any {
	fields := map[string]any{}
	d := json.NewDecoder(bytes.NewReader(job.raw.json))
	d.UseNumber()
	_ = d.Decode(&fields) // it was decoded before
	withoutNulls(fields)
	return fields
}

// withoutNulls drops what a write need not say: in a full replacement an absent
// field is a null one, and the write schema takes neither nulls nor empty strings.
func withoutNulls(v any) any {
	switch v := v.(type) {
	case string:
		if v == "" {
			return nil
		}
	case map[string]any:
		for k, e := range v {
			if e = withoutNulls(e); e == nil {
				delete(v, k)
			}
		}
	}
	return v
}

// refusedFields are those that make the service answer 405 for a CI or merge job.
func refusedFields(job *Job) []string {
	switch {
	case job.Type != JobCI && job.Type != JobMerge:
		return nil
	case slices.Equal(job.CostOptimizationFeatures, []string{"dbt_state"}):
		return []string{"force_node_selection"}
	default:
		return []string{"force_node_selection", "cost_optimization_features"}
	}
}

// apply writes what is set into the body of a create or update.
func (req JobRequest) apply(body map[string]any) {
	setField(body, "project_id", req.ProjectID)
	setField(body, "environment_id", req.EnvironmentID)
	setField(body, "name", req.Name)
	setField(body, "description", req.Description)
	setField(body, "job_type", req.Type)
	setField(body, "dbt_version", req.DbtVersion)
	setField(body, "deferring_environment_id", req.DeferringEnvironmentID)
	setField(body, "deferring_job_definition_id", req.DeferringJobID)
	setField(body, "execution", req.Execution)
	setSettings(body, req.Settings)
	setField(body, "triggers", req.Triggers)
	setField(body, "triggers_on_draft_pr", req.TriggersOnDraftPR)
	setField(body, "schedule", req.Schedule)
	setField(body, "job_completion_trigger_condition", req.CompletionTrigger)
	setField(body, "generate_docs", req.GenerateDocs)
	setField(body, "generate_sources", req.GenerateSources)
	setField(body, "run_generate_sources", req.RunGenerateSources)
	setField(body, "run_lint", req.RunLint)
	setField(body, "errors_on_lint_failure", req.ErrorsOnLintFailure)
	setField(body, "run_compare_changes", req.RunCompareChanges)
	setField(body, "compare_changes_flags", req.CompareChangesFlags)
	setField(body, "lifecycle_webhooks", req.LifecycleWebhooks)
	if req.ExecuteSteps != nil {
		body["execute_steps"] = req.ExecuteSteps
	}
	if req.CostOptimizationFeatures != nil {
		body["cost_optimization_features"] = req.CostOptimizationFeatures
	}
}

// setSettings writes what is set and leaves the rest, because the write schema
// takes no settings without a target name.
func setSettings(body map[string]any, set *JobSettings) {
	if set == nil {
		return
	}
	settings, _ := body["settings"].(map[string]any)
	if settings == nil {
		settings = map[string]any{}
	}
	setField(settings, "threads", set.Threads)
	setField(settings, "target_name", set.TargetName)
	body["settings"] = settings
}

func setField[T comparable](body map[string]any, name string, v T) {
	var zero T
	if v != zero {
		body[name] = v
	}
}
