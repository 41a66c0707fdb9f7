package dbtcloudtest

import (
	"fmt"
	"time"
)

// includes is the related objects that a request asks for.
type includes map[string]bool

func newIncludes(c *call) includes {
	out := includes{}
	for _, name := range parseList(c.query["include_related"]) {
		out[name] = true
	}
	return out
}

// runWire is a run as the service writes it, nulls and all.
type runWire struct {
	ID               int64     `json:"id"`
	TriggerID        int64     `json:"trigger_id"`
	AccountID        int64     `json:"account_id"`
	ProjectID        int64     `json:"project_id"`
	EnvironmentID    int64     `json:"environment_id"`
	JobDefinitionID  int64     `json:"job_definition_id"`
	JobID            int64     `json:"job_id"`
	Status           RunStatus `json:"status"`
	StatusHumanized  string    `json:"status_humanized"`
	StatusMessage    *string   `json:"status_message"`
	DbtVersion       string    `json:"dbt_version"`
	GitBranch        *string   `json:"git_branch"`
	GitSHA           *string   `json:"git_sha"`
	OwnerThreadID    *string   `json:"owner_thread_id"`
	ExecutedByThread *string   `json:"executed_by_thread_id"`
	BlockedBy        []int64   `json:"blocked_by"`
	DeferringRunID   *int64    `json:"deferring_run_id"`
	RetryingRunID    *int64    `json:"retrying_run_id"`
	ArtifactsSaved   bool      `json:"artifacts_saved"`
	ArtifactS3Path   *string   `json:"artifact_s3_path"`
	HasDocs          bool      `json:"has_docs_generated"`
	HasSources       bool      `json:"has_sources_generated"`
	Notified         bool      `json:"notifications_sent"`
	ScribeEnabled    bool      `json:"scribe_enabled"`

	CreatedAt     *string `json:"created_at"`
	UpdatedAt     *string `json:"updated_at"`
	DequeuedAt    *string `json:"dequeued_at"`
	StartedAt     *string `json:"started_at"`
	FinishedAt    *string `json:"finished_at"`
	LastChecked   *string `json:"last_checked_at"`
	LastHeartbeat *string `json:"last_heartbeat_at"`
	ShouldStart   *string `json:"should_start_at"`

	Trigger     any   `json:"trigger"`
	Job         any   `json:"job"`
	Environment any   `json:"environment"`
	RunSteps    []any `json:"run_steps"`
	Audit       any   `json:"audit"`
	Deprecation any   `json:"deprecation"`

	InProgress  bool  `json:"in_progress"`
	IsComplete  bool  `json:"is_complete"`
	IsSuccess   bool  `json:"is_success"`
	IsError     bool  `json:"is_error"`
	IsCancelled bool  `json:"is_cancelled"`
	IsRunning   *bool `json:"is_running"`

	Duration                string  `json:"duration"`
	QueuedDuration          string  `json:"queued_duration"`
	RunDuration             string  `json:"run_duration"`
	DurationHumanized       string  `json:"duration_humanized"`
	QueuedDurationHumanized string  `json:"queued_duration_humanized"`
	RunDurationHumanized    string  `json:"run_duration_humanized"`
	CreatedAtHumanized      string  `json:"created_at_humanized"`
	FinishedAtHumanized     string  `json:"finished_at_humanized"`
	CanRetry                bool    `json:"can_retry"`
	RetryNotSupported       *string `json:"retry_not_supported_reason"`
	UsedRepoCache           *bool   `json:"used_repo_cache"`
	Href                    string  `json:"href"`
}

// runJSON shows the run in one of its states, at the time t.
func (w *world) runJSON(r *run, s runState, t time.Time, include includes) runWire {
	obstacle := w.retryObstacle(r)
	out := runWire{
		ID: r.id, TriggerID: r.triggerID, AccountID: w.cfg.account, ProjectID: r.projectID, EnvironmentID: r.environmentID,
		JobDefinitionID: r.jobID, JobID: r.jobID, Status: s.status, StatusHumanized: s.status.String(), StatusMessage: orNull(s.message),
		DbtVersion: r.dbtVersion, HasDocs: r.docs && s.status == Success, HasSources: r.sources && s.status == Success, BlockedBy: w.blockedBy(r, t), RetryingRunID: orNull(r.retryOf),
		CreatedAt: runTime(r.created), UpdatedAt: runTime(s.updated), DequeuedAt: runTime(s.dequeued),
		StartedAt: runTime(s.started), FinishedAt: runTime(s.finished),
		RunSteps:   []any{},
		InProgress: !s.status.Terminal(), IsComplete: s.status.Terminal(), IsSuccess: s.status == Success,
		IsError: s.status == Error, IsCancelled: s.status == Cancelled,
		CanRetry: obstacle == "", RetryNotSupported: orNull(obstacle),
		Href: fmt.Sprintf("%s/deploy/%d/projects/%d/runs/%d/", w.cfg.appURL(), w.cfg.account, r.projectID, r.id),
	}
	if !s.started.IsZero() {
		out.GitBranch, out.GitSHA = orNull(r.trigger.branch), orNull(r.trigger.sha)
	}
	if s.status.Terminal() && len(r.artifacts) > 0 {
		out.ArtifactsSaved = true
	}
	out.setDurations(r, s, t)
	w.includeInRun(&out, r, s, t, include)
	return out
}

func (out *runWire) setDurations(r *run, s runState, t time.Time) {
	end := t
	if !s.finished.IsZero() {
		end = s.finished
	}
	dequeued, ran := end, time.Duration(0)
	if !s.started.IsZero() {
		dequeued, ran = s.started, end.Sub(s.started)
	}
	total, queued := end.Sub(r.created), dequeued.Sub(r.created)
	out.Duration, out.QueuedDuration, out.RunDuration = clockDuration(total), clockDuration(queued), clockDuration(ran)
	out.DurationHumanized, out.QueuedDurationHumanized, out.RunDurationHumanized = humanDuration(total), humanDuration(queued), humanDuration(ran)
	out.CreatedAtHumanized = humanDuration(t.Sub(r.created)) + " ago"
	if out.FinishedAtHumanized = "not finished"; !s.finished.IsZero() {
		out.FinishedAtHumanized = humanDuration(t.Sub(s.finished)) + " ago"
	}
}

func (w *world) includeInRun(out *runWire, r *run, s runState, t time.Time, include includes) {
	if include["trigger"] {
		out.Trigger = r.triggerJSON()
	}
	if include["job"] {
		j := w.jobs[r.jobID]
		state, existed := j.versions.asOf(t)
		if !existed {
			state = j.versions.last()
		}
		out.Job = w.internalJob(j, state)
	}
	if include["environment"] {
		out.Environment = w.nestedEnvironment(r.environmentID)
	}
	if include["run_steps"] {
		out.RunSteps = w.stepsJSON(r, s, t, include["debug_logs"])
	}
	if include["audit"] {
		audit := map[string]any{"trigger": actorJSON(r.by), "cancellation": nil}
		if s.cancelledBy != "" {
			audit["cancellation"] = actorJSON(s.cancelledBy)
		}
		out.Audit = audit
	}
}

// actorJSON is who did something: the token, the platform itself, or a person that a test has named.
func actorJSON(name string) map[string]any {
	kind, id := "user", "70506183000009"
	switch name {
	case "api":
		kind = "service_token"
	case "platform":
		kind = "system"
	}
	return map[string]any{"actor": map[string]any{"id": id, "type": kind, "name": name}}
}
