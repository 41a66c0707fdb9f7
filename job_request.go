package dbtcloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// JobRequest is what a job is created or updated with. Create needs ProjectID,
// EnvironmentID, Name and ExecuteSteps; the other defaults stand beside the fields.
// In an update the zero value of a field leaves the job's own unchanged.
type JobRequest struct {
	ProjectID                int64          `json:"project_id,omitzero"`
	EnvironmentID            int64          `json:"environment_id,omitzero"`
	Name                     string         `json:"name,omitzero"` // at most 255 characters
	ExecuteSteps             []string       `json:"execute_steps,omitzero"`
	Description              string         `json:"description,omitzero"`                      // at most 255 characters
	Type                     JobType        `json:"job_type,omitzero"`                         // left to the service
	DbtVersion               string         `json:"dbt_version,omitzero"`                      // inherited from the environment
	DeferringEnvironmentID   int64          `json:"deferring_environment_id,omitzero"`         // none
	DeferringJobID           int64          `json:"deferring_job_definition_id,omitzero"`      // none; legacy
	Execution                *JobExecution  `json:"execution,omitzero"`                        // no timeout
	Settings                 *JobSettings   `json:"settings,omitzero"`                         // 4 threads, target "default"; so is a field of it that is zero
	Triggers                 *JobTriggers   `json:"triggers,omitzero"`                         // none: all off
	TriggersOnDraftPR        *bool          `json:"triggers_on_draft_pr,omitzero"`             // false
	Schedule                 *JobSchedule   `json:"schedule,omitzero"`                         // hourly, every day; without effect while Triggers.Schedule is off
	CompletionTrigger        *JobCompletion `json:"job_completion_trigger_condition,omitzero"` // none; written although the official document calls it read-only
	GenerateDocs             *bool          `json:"generate_docs,omitzero"`                    // false
	GenerateSources          *bool          `json:"generate_sources,omitzero"`                 // left to the service
	RunGenerateSources       *bool          `json:"run_generate_sources,omitzero"`             // false
	RunLint                  *bool          `json:"run_lint,omitzero"`                         // false
	ErrorsOnLintFailure      *bool          `json:"errors_on_lint_failure,omitzero"`           // true
	RunCompareChanges        *bool          `json:"run_compare_changes,omitzero"`              // false
	CompareChangesFlags      string         `json:"compare_changes_flags,omitzero"`            // left to the service
	CostOptimizationFeatures []string       `json:"cost_optimization_features,omitzero"`       // left to the service; CI and merge jobs take only dbt_state
	LifecycleWebhooks        *bool          `json:"lifecycle_webhooks,omitzero"`               // false
	Clear                    []string       `json:"-"`                                         // of an update: API names of optional fields to be emptied
}

// jobOptional are the fields that an update may clear: left out of a full replacement,
// they are empty.
var jobOptional = strings.Fields(`description dbt_version deferring_environment_id
	deferring_job_definition_id job_completion_trigger_condition compare_changes_flags
	cost_optimization_features`)

// jobReadOnly are the fields of an answered job that a write must not carry:
// those that the official document has in the response only, and those that
// answers are known to have beyond it.
var jobReadOnly = strings.Fields(`is_deferrable lifecycle_webhooks_url raw_dbt_version run_failure_count
	created_at updated_at account project environment fusion_readiness
	deactivated is_system cron_humanized next_run next_run_humanized integration_id
	most_recent_run most_recent_completed_run custom_environment_variables`)

// Create makes a job. It is sent once: see [UncertainError]. Mistakes that the
// service finds are in [Error.Fields]; what is missing is [ErrInvalid]. API: Create
// Job.
func (s *JobsService) Create(ctx context.Context, req JobRequest) (*Job, error) {
	r := s.c.v2(http.MethodPost, "jobs/")
	set := partialSettings(r.set(req, "project_id", "environment_id", "name", "execute_steps"))
	r.refuse(append(req.problems(), nothingToClear(req.Clear))...)
	body := s.defaults()
	overlay(body, set)
	r.body = body
	return one[Job](ctx, s.c, r)
}

// defaults are the fields that the write schema requires and nobody need decide.
func (s *JobsService) defaults() map[string]any {
	return map[string]any{
		"account_id":             s.c.accountID,
		"state":                  StateActive,
		"execution":              JobExecution{},
		"settings":               defaultSettings(),
		"triggers":               JobTriggers{},
		"schedule":               EveryHours(1), // older servers insist on one
		"generate_docs":          false,
		"run_generate_sources":   false,
		"run_lint":               false,
		"errors_on_lint_failure": true,
		"run_compare_changes":    false,
		"lifecycle_webhooks":     false,
	}
}

func defaultSettings() map[string]any {
	return map[string]any{"threads": 4, "target_name": "default"}
}

func (s *JobsService) create(ctx context.Context, body map[string]any) (*Job, error) {
	r := s.c.v2(http.MethodPost, "jobs/")
	r.body = body
	return one[Job](ctx, s.c, r)
}

// Update changes a job: it reads the job, applies what req sets and writes
// everything back, fields that this package does not know included, because the
// API replaces the whole job. Two updates at the same time lose one of them. A req
// that sets nothing is [ErrInvalid]. API: Retrieve Job, then Update Job.
func (s *JobsService) Update(ctx context.Context, jobID int64, req JobRequest) (*Job, error) {
	r := s.c.v2(http.MethodPost, "jobs/{id}/", jobID)
	set := partialSettings(r.change(req, req.Clear, jobOptional))
	r.refuse(req.problems()...)
	if r.err != nil {
		return nil, r.err
	}
	job, err := s.Get(ctx, jobID)
	if err != nil {
		return nil, err
	}
	if err := r.meant(jobID, job.ID); err != nil {
		return nil, err
	}
	body := replacement(map[string]any{"settings": defaultSettings()}, job.raw, slices.Concat(jobReadOnly, refusedFields(job), req.Clear), set)
	body["id"] = jobID // the service insists, though the official document lacks it
	if req.Schedule != nil {
		body["schedule"] = set["schedule"] // its parts hang together
	}
	r.body, r.repeatable = body, true // a full replacement: writing it twice is writing it once
	return one[Job](ctx, s.c, r)
}

// problems are what cannot be right in a request, whatever the job.
func (req JobRequest) problems() []error {
	problems := []error{tooLong("name", req.Name), tooLong("description", req.Description)}
	if req.ExecuteSteps != nil && len(req.ExecuteSteps) == 0 {
		problems = append(problems, errors.New("execute_steps: must not be empty"))
	}
	for i, step := range req.ExecuteSteps {
		if empty(step) {
			problems = append(problems, fmt.Errorf("execute_steps[%d]: is empty", i))
		}
	}
	if req.Execution != nil && req.Execution.TimeoutSeconds < 0 {
		problems = append(problems, errors.New("execution.timeout_seconds: must not be negative"))
	}
	if req.Settings != nil && req.Settings.Threads < 0 {
		problems = append(problems, errors.New("settings.threads: must not be negative"))
	}
	return slices.Concat(problems, req.CompletionTrigger.problems(), req.Schedule.problems())
}

// problems are what cannot be right in a condition. A status that is not known is left to
// the service.
func (c *JobCompletion) problems() []error {
	if c == nil {
		return nil
	}
	var problems []error
	if c.Condition.JobID <= 0 || c.Condition.ProjectID <= 0 {
		problems = append(problems, errors.New("job_completion_trigger_condition.condition: job_id and project_id must be positive"))
	}
	if s := c.Condition.Statuses; len(s) == 0 || slices.ContainsFunc(Active(), func(a RunStatus) bool { return slices.Contains(s, a) }) {
		problems = append(problems, errors.New("job_completion_trigger_condition.condition.statuses: must be terminal ones, and at least one"))
	}
	return problems
}

// partialSettings leaves out the settings that are zero: they do not change.
func partialSettings(set map[string]any) map[string]any {
	if settings, ok := set["settings"].(map[string]any); ok {
		maps.DeleteFunc(settings, func(_ string, v any) bool { return v == "" || v == json.Number("0") })
	}
	return set
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
