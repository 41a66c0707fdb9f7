package dbtcloud

import (
	"context"
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
)

// JobsService manages jobs and triggers them.
type JobsService service

// JobType says what kind of job it is. CI and merge jobs cannot become another
// kind, nor another kind one of them. Values that are not listed are kept.
type JobType string

// Job types.
const (
	JobCI           JobType = "ci"
	JobScheduled    JobType = "scheduled"
	JobOther        JobType = "other"
	JobMerge        JobType = "merge"
	JobExposureSync JobType = "exposure_sync"
	JobAdaptive     JobType = "adaptive"
	JobHybrid       JobType = "hybrid"
)

// State is the soft-deletion state of a resource.
type State int

// States of a resource.
const (
	StateActive  State = 1
	StateDeleted State = 2
)

// Job is a job definition.
type Job struct {
	ID                         int64           `json:"id"`
	AccountID                  int64           `json:"account_id"`
	ProjectID                  int64           `json:"project_id"`
	EnvironmentID              int64           `json:"environment_id"`
	Name                       string          `json:"name"`
	Description                string          `json:"description"`
	Type                       JobType         `json:"job_type"`
	State                      State           `json:"state"`
	DbtVersion                 string          `json:"dbt_version"`     // empty: inherited from the environment
	RawDbtVersion              string          `json:"raw_dbt_version"` // what the version resolves to
	DeferringEnvironmentID     int64           `json:"deferring_environment_id"`
	DeferringJobID             int64           `json:"deferring_job_definition_id"` // legacy deferral
	IsDeferrable               bool            `json:"is_deferrable"`
	ExecuteSteps               []string        `json:"execute_steps"`
	Execution                  JobExecution    `json:"execution"`
	Settings                   JobSettings     `json:"settings"`
	Triggers                   JobTriggers     `json:"triggers"`
	TriggersOnDraftPR          bool            `json:"triggers_on_draft_pr"`
	Schedule                   *JobSchedule    `json:"schedule"`
	CompletionTrigger          *JobCompletion  `json:"job_completion_trigger_condition"`
	GenerateDocs               bool            `json:"generate_docs"`
	GenerateSources            bool            `json:"generate_sources"`
	RunGenerateSources         bool            `json:"run_generate_sources"`
	RunLint                    bool            `json:"run_lint"`
	ErrorsOnLintFailure        bool            `json:"errors_on_lint_failure"`
	RunCompareChanges          bool            `json:"run_compare_changes"`
	CompareChangesFlags        string          `json:"compare_changes_flags"`
	CostOptimizationFeatures   []string        `json:"cost_optimization_features"`
	ForceNodeSelection         *bool           `json:"force_node_selection"` // undocumented; legacy
	LifecycleWebhooks          bool            `json:"lifecycle_webhooks"`
	LifecycleWebhooksURL       string          `json:"lifecycle_webhooks_url"`
	RunFailureCount            int             `json:"run_failure_count"` // failed runs in a row
	Deactivated                bool            `json:"deactivated"`       // undocumented; true after 100 failures in a row
	IsSystem                   bool            `json:"is_system"`         // undocumented
	CronHumanized              string          `json:"cron_humanized"`
	NextRun                    Time            `json:"next_run"`
	CreatedAt                  Time            `json:"created_at"`
	UpdatedAt                  Time            `json:"updated_at"`
	MostRecentRun              *Run            `json:"most_recent_run"`           // with JobWithMostRecentRun
	MostRecentCompletedRun     *Run            `json:"most_recent_completed_run"` // with JobWithMostRecentCompletedRun
	FusionReadiness            json.RawMessage `json:"fusion_readiness"`
	Environment                json.RawMessage `json:"environment"`
	CustomEnvironmentVariables json.RawMessage `json:"custom_environment_variables"`

	raw raw
}

// UnmarshalJSON decodes a job and keeps the fields that this package does not know.
func (j *Job) UnmarshalJSON(b []byte) error { return decodeKeeping(b, j) }

func (j *Job) keeping() (any, *raw) {
	type plain Job
	return (*plain)(j), &j.raw
}

// Raw is the JSON that the job was decoded from, unknown fields included; nil for
// a job that was not decoded.
func (j *Job) Raw() json.RawMessage { return j.raw.json }

func (j *Job) key() int64 { return j.ID }

// JobExecution holds a job's limits.
type JobExecution struct {
	TimeoutSeconds int `json:"timeout_seconds"` // 0: none
}

// JobSettings holds a job's dbt settings.
type JobSettings struct {
	Threads    int    `json:"threads"` // models that dbt builds at the same time
	TargetName string `json:"target_name"`
}

// JobTriggers says what starts a job. Which webhook counts depends on how the
// repository is connected. An older server takes at most one of the first four.
type JobTriggers struct {
	GitHubWebhook      bool `json:"github_webhook"` // pull requests of GitHub
	Schedule           bool `json:"schedule"`
	GitProviderWebhook bool `json:"git_provider_webhook"` // pull requests of other native integrations
	OnMerge            bool `json:"on_merge"`
	CustomBranchOnly   bool `json:"custom_branch_only"` // deprecated by the service
}

// JobCompletion starts a job when a run of another job ends.
type JobCompletion struct {
	Condition JobCompletionCondition `json:"condition"`
}

// JobCompletionCondition says which runs start a job: those of another job that end
// with one of the statuses, which are terminal ones.
type JobCompletionCondition struct {
	JobID     int64       `json:"job_id"`
	ProjectID int64       `json:"project_id"`
	Statuses  []RunStatus `json:"statuses"`
}

// JobInclude names a related object to include in a job.
type JobInclude string

// Related objects of a job.
const (
	JobWithEnvironment            JobInclude = "environment"
	JobWithEnvironmentVariables   JobInclude = "custom_environment_variables"
	JobWithMostRecentRun          JobInclude = "most_recent_run"
	JobWithMostRecentCompletedRun JobInclude = "most_recent_completed_run"
	JobWithFusionReadiness        JobInclude = "fusion_readiness"
)

// JobFilter selects jobs. The zero value selects every active job that the token
// may see.
type JobFilter struct {
	ProjectID      int64
	ProjectIDs     []int64
	EnvironmentID  int64
	ID             int64    // pk
	NameContains   string   // case-insensitive
	DbtVersions    []string // dbt_version__in
	Scheduled      *bool    // triggers_schedule
	FusionReady    *bool    // is_fusion_ready
	System         *bool    // is_system
	IncludeDeleted bool     // state=all
	Include        []JobInclude
}

func (f JobFilter) query() url.Values {
	q := url.Values{}
	setInt(q, "project_id", f.ProjectID)
	setInts(q, "project_id__in", f.ProjectIDs)
	setInt(q, "environment_id", f.EnvironmentID)
	setInt(q, "pk", f.ID)
	setString(q, "name__icontains", f.NameContains)
	setStrings(q, "dbt_version__in", f.DbtVersions)
	setBool(q, "triggers_schedule", f.Scheduled)
	setBool(q, "is_fusion_ready", f.FusionReady)
	setBool(q, "is_system", f.System)
	setState(q, f.IncludeDeleted)
	setInclude(q, f.Include)
	return q
}

// All walks the jobs of the account in the order of their ids. The API counts them
// off, so that a job may be passed over while others are deleted: [Collect] them
// before you delete. API: List Jobs.
func (s *JobsService) All(ctx context.Context, f JobFilter) iter.Seq2[*Job, error] {
	r := s.c.v2(http.MethodGet, "jobs/")
	r.query = f.query()
	r.query.Set("order_by", "id")
	r.query.Set("limit", strconv.Itoa(maxPage))
	r.query.Set("offset", "0")
	return all(ctx, s.c, r, byOffset[Job])
}

// Get returns one job. A deleted job may still be answered, with [StateDeleted].
// API: Retrieve Job.
func (s *JobsService) Get(ctx context.Context, jobID int64, include ...JobInclude) (*Job, error) {
	r := s.c.v2(http.MethodGet, "jobs/{id}/", jobID)
	r.query = url.Values{}
	setInclude(r.query, include)
	return one[Job](ctx, s.c, r)
}

// Delete deletes a job. Its unfinished runs are cancelled by the service. A job
// that is gone already is an error that is [ErrNotFound], unless an earlier attempt
// of this call has deleted it. API: Destroy Job.
func (s *JobsService) Delete(ctx context.Context, jobID int64) error {
	_, err := s.c.call(ctx, s.c.v2(http.MethodDelete, "jobs/{id}/", jobID))
	return err
}

// OpenArtifact streams an artifact, such as "manifest.json", of the job's newest run
// that has one. It is [RunsService.OpenArtifact] otherwise. API: Retrieve Job Artifact.
func (s *JobsService) OpenArtifact(ctx context.Context, jobID int64, path string) (io.ReadCloser, error) {
	return s.c.open(ctx, s.c.v2(http.MethodGet, "jobs/{id}/artifacts/{path}", jobID, path), path)
}

// Trigger starts a run of a job and returns it, usually queued. It is sent once:
// an error that is an [*UncertainError] leaves open whether a run was started. A
// Trigger that cannot be right is refused with [ErrInvalid].
// API: Trigger Job Run.
func (s *JobsService) Trigger(ctx context.Context, jobID int64, t Trigger) (*Run, error) {
	r := s.c.v2(http.MethodPost, "jobs/{id}/run/", jobID)
	r.body = t
	return one[Run](ctx, s.c, r)
}

// Rerun retries the last run of a job from the point of failure if it failed, and
// starts a new run otherwise; [RunsService.Retry] never starts a new one. It is sent
// once: see [UncertainError]. API: Retry Failed Job.
func (s *JobsService) Rerun(ctx context.Context, jobID int64) (*Run, error) {
	return one[Run](ctx, s.c, s.c.v2(http.MethodPost, "jobs/{id}/rerun/", jobID))
}
