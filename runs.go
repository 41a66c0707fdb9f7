package dbtcloud

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// RunsService reads, follows, cancels and retries runs.
type RunsService service

// RunStatus is where a run stands. Numbers that are not listed are kept, and are
// not terminal.
type RunStatus int

// Statuses of a run.
const (
	RunQueued    RunStatus = 1
	RunStarting  RunStatus = 2
	RunRunning   RunStatus = 3
	RunSuccess   RunStatus = 10
	RunError     RunStatus = 20
	RunCancelled RunStatus = 30
)

// Active are the statuses of a run that has not ended.
func Active() []RunStatus { return []RunStatus{RunQueued, RunStarting, RunRunning} }

// Terminal tells whether a run with this status has ended.
func (s RunStatus) Terminal() bool {
	return s == RunSuccess || s == RunError || s == RunCancelled
}

// String is the service's word for the status, such as Queued.
func (s RunStatus) String() string {
	switch s {
	case RunQueued:
		return "Queued"
	case RunStarting:
		return "Starting"
	case RunRunning:
		return "Running"
	case RunSuccess:
		return "Success"
	case RunError:
		return "Error"
	case RunCancelled:
		return "Cancelled"
	}
	return "Unknown(" + strconv.Itoa(int(s)) + ")"
}

// Run is one run of a job.
type Run struct {
	ID                      int64           `json:"id"`
	TriggerID               int64           `json:"trigger_id"`
	AccountID               int64           `json:"account_id"`
	ProjectID               int64           `json:"project_id"`
	EnvironmentID           int64           `json:"environment_id"`
	JobID                   int64           `json:"job_definition_id"`
	Status                  RunStatus       `json:"status"`
	StatusHumanized         string          `json:"status_humanized"` // for display only
	StatusMessage           string          `json:"status_message"`
	DbtVersion              string          `json:"dbt_version"`
	GitBranch               string          `json:"git_branch"` // empty until the checkout; see Trigger for what was asked
	GitSHA                  string          `json:"git_sha"`    // likewise
	BlockedBy               []int64         `json:"blocked_by"` // runs that must end before this one starts
	DeferringRunID          int64           `json:"deferring_run_id"`
	RetryingRunID           int64           `json:"retrying_run_id"`
	CanRetry                bool            `json:"can_retry"`
	RetryNotSupportedReason string          `json:"retry_not_supported_reason"`
	ArtifactsSaved          bool            `json:"artifacts_saved"`
	ArtifactS3Path          string          `json:"artifact_s3_path"`
	HasDocsGenerated        bool            `json:"has_docs_generated"`
	HasSourcesGenerated     bool            `json:"has_sources_generated"`
	NotificationsSent       bool            `json:"notifications_sent"`
	OwnerThreadID           string          `json:"owner_thread_id"`
	ExecutedByThreadID      string          `json:"executed_by_thread_id"`
	CreatedAt               Time            `json:"created_at"`
	UpdatedAt               Time            `json:"updated_at"`
	DequeuedAt              Time            `json:"dequeued_at"`
	StartedAt               Time            `json:"started_at"`
	FinishedAt              Time            `json:"finished_at"`
	LastCheckedAt           Time            `json:"last_checked_at"`
	LastHeartbeatAt         Time            `json:"last_heartbeat_at"`
	ShouldStartAt           Time            `json:"should_start_at"`
	InProgress              bool            `json:"in_progress"`
	IsComplete              bool            `json:"is_complete"`
	IsSuccess               bool            `json:"is_success"`
	IsError                 bool            `json:"is_error"`
	IsCancelled             bool            `json:"is_cancelled"`
	IsRunning               bool            `json:"is_running"`
	Duration                string          `json:"duration"`        // HH:MM:SS
	QueuedDuration          string          `json:"queued_duration"` // HH:MM:SS
	RunDuration             string          `json:"run_duration"`    // HH:MM:SS
	UsedRepoCache           bool            `json:"used_repo_cache"`
	Href                    string          `json:"href"`        // page in the user interface
	Trigger                 *RunTrigger     `json:"trigger"`     // nil unless included
	Steps                   []RunStep       `json:"run_steps"`   // empty unless included
	Audit                   *RunAudit       `json:"audit"`       // nil unless included
	Job                     *RunJob         `json:"job"`         // nil unless included
	Environment             json.RawMessage `json:"environment"` // null unless included
	Deprecation             json.RawMessage `json:"deprecation"`

	raw raw
}

// UnmarshalJSON decodes a run and keeps the fields that this package does not know.
func (r *Run) UnmarshalJSON(b []byte) error { return decodeKeeping(b, r) }

func (r *Run) keeping() (any, *raw) {
	type plain Run
	return (*plain)(r), &r.raw
}

// Raw is the JSON that the run was decoded from, unknown fields included; nil for
// a run that was not decoded.
func (r *Run) Raw() json.RawMessage { return r.raw.json }

func (r *Run) key() int64 { return r.ID }

// RunTrigger says why and with what a run was started.
type RunTrigger struct {
	ID                     int64    `json:"id"`
	Cause                  string   `json:"cause"`
	CauseCategory          string   `json:"cause_category"`
	JobID                  int64    `json:"job_definition_id"`
	GitBranch              string   `json:"git_branch"`
	GitSHA                 string   `json:"git_sha"`
	GitHubPullRequestID    int64    `json:"github_pull_request_id"`
	GitLabMergeRequestID   int64    `json:"gitlab_merge_request_id"`
	AzurePullRequestID     int64    `json:"azure_pull_request_id"`
	NonNativePullRequestID int64    `json:"non_native_pull_request_id"`
	SchemaOverride         string   `json:"schema_override"`
	DbtVersionOverride     string   `json:"dbt_version_override"`
	TargetNameOverride     string   `json:"target_name_override"`
	ThreadsOverride        int      `json:"threads_override"`
	TimeoutSecondsOverride int      `json:"timeout_seconds_override"`
	GenerateDocsOverride   *bool    `json:"generate_docs_override"`
	StepsOverride          []string `json:"steps_override"`
	CreatedAt              Time     `json:"created_at"`
}

// PullRequest is the pull request that the run was started for; the zero value if
// there was none.
func (t *RunTrigger) PullRequest() PullRequest {
	switch {
	case t == nil:
	case t.GitHubPullRequestID > 0:
		return PullRequest{GitHub, t.GitHubPullRequestID}
	case t.GitLabMergeRequestID > 0:
		return PullRequest{GitLab, t.GitLabMergeRequestID}
	case t.AzurePullRequestID > 0:
		return PullRequest{AzureRepos, t.AzurePullRequestID}
	case t.NonNativePullRequestID > 0:
		return PullRequest{OtherHost, t.NonNativePullRequestID}
	}
	return PullRequest{}
}

// RunJob is what a run tells of its job. It is not the whole definition: for that,
// get the job.
type RunJob struct {
	ID   int64   `json:"id"`
	Name string  `json:"name"`
	Type JobType `json:"job_type"`
}

// RunStep is one step of a run.
type RunStep struct {
	ID                 int64     `json:"id"`
	RunID              int64     `json:"run_id"`
	AccountID          int64     `json:"account_id"`
	Index              int       `json:"index"` // from 1
	Status             RunStatus `json:"status"`
	StatusHumanized    string    `json:"status_humanized"`
	Name               string    `json:"name"`
	Logs               string    `json:"logs"`
	DebugLogs          string    `json:"debug_logs"` // cut to the last 1,000 lines unless RunWithDebugLogs
	TruncatedDebugLogs string    `json:"truncated_debug_logs"`
	LogPath            string    `json:"log_path"`
	DebugLogPath       string    `json:"debug_log_path"`
	CreatedAt          Time      `json:"created_at"`
	UpdatedAt          Time      `json:"updated_at"`
	StartedAt          Time      `json:"started_at"`
	FinishedAt         Time      `json:"finished_at"`
	Duration           string    `json:"duration"` // HH:MM:SS
}

func (s *RunStep) key() int64 { return s.ID }

// RunAudit says who started and who cancelled a run.
type RunAudit struct {
	Trigger      RunAuditEvent `json:"trigger"`
	Cancellation RunAuditEvent `json:"cancellation"`
}

// RunAuditEvent is one entry of a [RunAudit].
type RunAuditEvent struct {
	Actor RunActor `json:"actor"`
}

// RunActor is a user, a token or the platform itself.
type RunActor struct {
	ID   string `json:"id"`
	Type string `json:"type"`
	Name string `json:"name"`
}

// UnmarshalJSON decodes an actor, whose id may be a text or a number.
func (a *RunActor) UnmarshalJSON(b []byte) error {
	type plain RunActor
	wire := struct {
		*plain
		ID json.RawMessage `json:"id"`
	}{plain: (*plain)(a)}
	if err := json.Unmarshal(b, &wire); err != nil {
		return err
	}
	if json.Unmarshal(wire.ID, &a.ID) != nil {
		a.ID = string(wire.ID)
	}
	return nil
}

// RunInclude names a related object to include in a run.
type RunInclude string

// Related objects of a run. Lists take the first four, [RunsService.Get] all, and
// [RunsService.Step] the trigger, the job and the debug logs.
const (
	RunWithTrigger          RunInclude = "trigger"
	RunWithJob              RunInclude = "job"
	RunWithAudit            RunInclude = "audit"
	RunWithDebugLogs        RunInclude = "debug_logs"
	RunWithEnvironment      RunInclude = "environment"
	RunWithRepository       RunInclude = "repository"
	RunWithSteps            RunInclude = "run_steps"
	RunWithRetries          RunInclude = "run_retries"
	RunWithUsedRepoCache    RunInclude = "used_repo_cache"
	RunWithRepoCacheRestore RunInclude = "repo_cache_restore"
)

// RunFilter selects runs. The zero value selects every run that the token may
// see, those of deleted jobs included. The comments name the API's parameters where
// they differ.
type RunFilter struct {
	JobID               int64 // job_definition_id
	ProjectID           int64
	ProjectIDs          []int64 // project_id__in
	EnvironmentID       int64
	IDs                 []int64     // pk__in
	After               int64       // id__gt: runs with a greater id
	Statuses            []RunStatus // status, status__in; see Active
	DbtVersions         []string    // dbt_version__in
	DeferringRunID      int64
	HasDocsGenerated    *bool
	HasSourcesGenerated *bool
	CreatedBetween      [2]time.Time // created_at__range; both ends or none
	FinishedBetween     [2]time.Time // finished_at__range; both ends or none
	Newest              int          // only the newest n, at most 100, newest first; 0: all, oldest first
	Include             []RunInclude
}

func (f RunFilter) query() url.Values {
	q := url.Values{}
	setInt(q, "job_definition_id", f.JobID)
	setInt(q, "project_id", f.ProjectID)
	setInts(q, "project_id__in", f.ProjectIDs)
	setInt(q, "environment_id", f.EnvironmentID)
	setInts(q, "pk__in", f.IDs)
	setInt(q, "id__gt", f.After)
	if len(f.Statuses) == 1 {
		setInt(q, "status", f.Statuses[0])
	} else {
		setInts(q, "status__in", f.Statuses)
	}
	setStrings(q, "dbt_version__in", f.DbtVersions)
	setInt(q, "deferring_run_id", f.DeferringRunID)
	setBool(q, "has_docs_generated", f.HasDocsGenerated)
	setBool(q, "has_sources_generated", f.HasSourcesGenerated)
	setRange(q, "created_at__range", f.CreatedBetween)
	setRange(q, "finished_at__range", f.FinishedBetween)
	setInclude(q, f.Include)
	q.Set("limit", strconv.Itoa(maxPage))
	q.Set("order_by", "id")
	if f.Newest > 0 {
		q.Set("limit", strconv.Itoa(min(f.Newest, maxPage)))
		q.Set("order_by", "-id")
	}
	return q
}

// validate refuses what would select something else than it says.
func (f RunFilter) validate() error {
	if f.Newest < 0 || f.Newest > maxPage {
		return fmt.Errorf("%w: RunFilter.Newest: must be between 0 and %d, not %d", ErrInvalid, maxPage, f.Newest)
	}
	for _, r := range [][2]time.Time{f.CreatedBetween, f.FinishedBetween} {
		if r[0].IsZero() != r[1].IsZero() {
			return fmt.Errorf("%w: RunFilter: a range of time needs both of its ends", ErrInvalid)
		}
		if r[1].Before(r[0]) || r[0].UTC().Year() < 0 || r[1].UTC().Year() > 9999 {
			return fmt.Errorf("%w: RunFilter: a range of time must not end before it begins, nor leave the years 0 to 9999", ErrInvalid)
		}
	}
	return nil
}

// All walks runs in the order of their ids, oldest first. It pages by id and
// therefore misses none while others start and end. A filter that cannot be meant is
// [ErrInvalid]. API: List Runs.
func (s *RunsService) All(ctx context.Context, f RunFilter) iter.Seq2[*Run, error] {
	r := s.c.v2(http.MethodGet, "runs/")
	r.query, r.err = f.query(), f.validate()
	if f.Newest > 0 {
		return all[Run](ctx, s.c, r, nil)
	}
	return all(ctx, s.c, r, byID[Run]("id__gt"))
}

// Get returns one run. A run that has just been triggered may not be found for a
// moment. API: Retrieve Run.
func (s *RunsService) Get(ctx context.Context, runID int64, include ...RunInclude) (*Run, error) {
	r := s.c.v2(http.MethodGet, "runs/{id}/", runID)
	r.query = url.Values{}
	setInclude(r.query, include)
	return one[Run](ctx, s.c, r)
}

// Cancel asks for a run to be cancelled and returns it as the answer has it, which
// need not be terminal yet: [RunsService.Wait] tells. Cancelling a run that has
// ended changes nothing. API: Cancel Run.
func (s *RunsService) Cancel(ctx context.Context, runID int64) (*Run, error) {
	r := s.c.v2(http.MethodPost, "runs/{id}/cancel/", runID)
	r.repeatable = true
	return one[Run](ctx, s.c, r)
}

// Retry starts a new run that continues a failed one from its failed step. The
// failed run must be the latest of its job; [JobsService.Rerun] finds that by itself.
// It is sent once: see [UncertainError]. API: Retry Run.
func (s *RunsService) Retry(ctx context.Context, runID int64) (*Run, error) {
	return one[Run](ctx, s.c, s.c.v2(http.MethodPost, "runs/{id}/retry/", runID))
}

// Steps returns the steps of a run with their logs, as far as they have been
// written. API: Retrieve Run with run_steps.
func (s *RunsService) Steps(ctx context.Context, runID int64) ([]RunStep, error) {
	run, err := s.Get(ctx, runID, RunWithSteps)
	if err != nil {
		return nil, err
	}
	return run.Steps, nil
}

// Step returns one step with its logs; [RunWithDebugLogs] has them whole. API: Retrieve
// Run Step.
func (s *RunsService) Step(ctx context.Context, stepID int64, include ...RunInclude) (*RunStep, error) {
	r := s.c.v2(http.MethodGet, "steps/{id}/", stepID)
	r.query = url.Values{}
	setInclude(r.query, include)
	return one[RunStep](ctx, s.c, r)
}

// RunFailure says where a failed run stopped.
type RunFailure struct {
	FailedStep   string   `json:"failed_step"`   // the command
	SkippedSteps []string `json:"skipped_steps"` // the commands after it
}

// FailureDetails tells what a failed run would be retried from. API: Retrieve Run
// Failure Details.
func (s *RunsService) FailureDetails(ctx context.Context, runID int64) (*RunFailure, error) {
	return one[RunFailure](ctx, s.c, s.c.v2(http.MethodGet, "runs/{id}/retry/", runID))
}

// Logs returns the console output of all steps of a run, each under its name.
// API: Retrieve Run with run_steps.
func (s *RunsService) Logs(ctx context.Context, runID int64) (string, error) {
	steps, err := s.Steps(ctx, runID)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, step := range steps {
		fmt.Fprintf(&b, "== %d. %s (%s)\n", step.Index, step.Name, step.Status)
		if step.Logs != "" {
			b.WriteString(strings.TrimRight(step.Logs, "\n") + "\n")
		}
	}
	return b.String(), nil
}

// Artifacts lists the paths of a run's artifacts; none for a run that made none.
// API: List Run Artifacts.
func (s *RunsService) Artifacts(ctx context.Context, runID int64) ([]string, error) {
	r := s.c.v2(http.MethodGet, "runs/{id}/artifacts/", runID)
	a, err := s.c.call(ctx, r)
	if err != nil || a.empty() {
		return nil, err
	}
	var paths []string
	err = a.into(&paths)
	return paths, err
}

// OpenArtifact streams an artifact of the last step that wrote it, such as
// "manifest.json". The caller closes it. A missing artifact is [ErrNotFound], as
// it is for a few seconds after a run has ended. The time limit of an attempt counts
// for each read; ctx ends the stream. API: Retrieve Run Artifact.
func (s *RunsService) OpenArtifact(ctx context.Context, runID int64, path string) (io.ReadCloser, error) {
	return s.OpenStepArtifact(ctx, runID, 0, path)
}

// OpenStepArtifact is [RunsService.OpenArtifact] for one step, counted from 1; 0
// is the last. API: Retrieve Run Artifact.
func (s *RunsService) OpenStepArtifact(ctx context.Context, runID int64, step int, path string) (io.ReadCloser, error) {
	r := s.c.v2(http.MethodGet, "runs/{id}/artifacts/{path}", runID, path)
	r.query = url.Values{}
	setInt(r.query, "step", step)
	if step < 0 {
		r.refuse(fmt.Errorf("step: must not be negative, but is %d", step))
	}
	return s.c.open(ctx, r, path)
}

// open streams what r asks for, unless it is a page that somebody else answered.
func (c *Client) open(ctx context.Context, r request, path string) (io.ReadCloser, error) {
	r.stream = true
	res, err := c.send(ctx, &r)
	if err != nil {
		return nil, err
	}
	if strings.Contains(res.contentType, "text/html") && !strings.HasSuffix(path, ".html") {
		defer func() { _ = res.body.Close() }()
		page, _ := readBounded(res.body, -1, 4096)
		return nil, res.apiError(page, "the answer is an HTML page (a proxy or a login page answered), not the artifact")
	}
	return res.body, nil
}

func setRange(q url.Values, key string, r [2]time.Time) {
	if !r[0].IsZero() || !r[1].IsZero() {
		setList(q, key, r)
	}
}
