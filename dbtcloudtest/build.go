package dbtcloudtest

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"
)

// JobSpec is a job to be added. Its zero value is a usual Slim CI job: it builds what is modified, defers to production,
// and nothing but the API triggers it.
type JobSpec struct {
	ID            int64 // 0, or that of another job: the next free one
	Name          string
	ProjectID     int64  // 0: DefaultProjectID
	EnvironmentID int64  // 0: DefaultEnvironmentID
	JobType       string // "": ci
	ExecuteSteps  []string
	// Extra is further fields by their API name. One that no document lists is shown as it is, refused by a strict create,
	// and taken by an update, as a field is that the service has just got.
	Extra map[string]any
}

// RunSpec is a run that somebody else triggers: a webhook, a person, the schedule.
type RunSpec struct {
	JobID         int64
	Cause         string // "": "Triggered by webhook"
	CauseCategory string // "": ci
	By            string // who triggers it; "": platform
	PullRequest   PullRequest
	SHA           string
	Branch        string
	Schema        string
	Extra         map[string]any // further fields of the trigger by their API name
}

// AddJob adds a job and returns its id. A project or environment that is not there yet is added too.
func (s *Server) AddJob(spec JobSpec) int64 {
	return inspect(s, func(w *world, now time.Time) int64 {
		project, env := cmp.Or(spec.ProjectID, DefaultProjectID), cmp.Or(spec.EnvironmentID, DefaultEnvironmentID)
		if w.projects[project] == nil {
			w.addProject(project, "Project "+strconv.FormatInt(project, 10), now)
		}
		if w.environments[env] == nil {
			w.addEnvironment(env, project, "Environment", now)
		}
		steps := spec.ExecuteSteps
		if len(steps) == 0 {
			steps = []string{"dbt build --select state:modified+"}
		}
		fields := jobDefaults()
		maps.Copy(fields, plain(map[string]any{
			"account_id": w.cfg.account, "project_id": project, "environment_id": env, "job_type": cmp.Or(spec.JobType, "ci"),
			"name": cmp.Or(spec.Name, "Slim CI"), "execute_steps": steps, "execution": map[string]any{"timeout_seconds": 3600},
		}))
		w.fillDeferral(fields)
		maps.Copy(fields, plain(spec.Extra))
		return w.addJob(spec.ID, fields, now, "test").id
	})
}

// AddRun triggers a run on behalf of somebody else, past every limit, and returns its id; 0 when there is no such job.
func (s *Server) AddRun(spec RunSpec) int64 {
	return inspect(s, func(w *world, now time.Time) int64 {
		j := w.jobs[spec.JobID]
		if j == nil || !j.versions.last().deleted.IsZero() {
			return 0
		}
		fields := plain(spec.Extra)
		for name, value := range map[string]string{
			"cause": cmp.Or(spec.Cause, "Triggered by webhook"), "git_sha": spec.SHA, "git_branch": spec.Branch, "schema_override": spec.Schema,
		} {
			if value != "" {
				fields[name] = value
			}
		}
		if pr := spec.PullRequest; pr.Number > 0 {
			fields[pr.Host.field()] = json.Number(strconv.FormatInt(pr.Number, 10))
		}
		t := newTrigger(fields)
		t.category = cmp.Or(spec.CauseCategory, "ci")
		return w.enqueue(j, t, cmp.Or(spec.By, "platform"), 0, now).id
	})
}

// EditJob changes the fields of a job, by API name, as a person in the UI would. An unknown job is ignored.
func (s *Server) EditJob(id int64, edit func(fields map[string]any)) {
	s.change(func(w *world, now time.Time) {
		j := w.jobs[id]
		if j == nil {
			return
		}
		fields := plain(j.versions.last().fields)
		edit(fields)
		fields = plain(fields)
		w.changeJob(j, now, func(s *jobState) { s.fields, s.updated = fields, now })
		w.record(Event{At: now, Kind: JobUpdated, JobID: id, By: "test"})
	})
}

// DeactivateJob makes the job refuse triggers, as after 100 failing runs. Saving it through the API reactivates it.
func (s *Server) DeactivateJob(id int64) {
	s.change(func(w *world, now time.Time) {
		if j := w.jobs[id]; j != nil {
			w.deactivate(j, now)
		}
	})
}

// DeleteJob deletes the job; its unfinished runs are cancelled.
func (s *Server) DeleteJob(id int64) {
	s.change(func(w *world, now time.Time) {
		if j := w.jobs[id]; j != nil && j.versions.last().deleted.IsZero() {
			w.deleteJob(j, now, "test")
		}
	})
}

// LockAccount makes the account refuse triggers for that reason; an empty reason unlocks it.
func (s *Server) LockAccount(reason string) {
	s.change(func(w *world, _ time.Time) { w.locked, w.lockReason = reason != "", reason })
}

// FinishRun ends an unfinished run at once with that terminal status, whatever its outcome would have been.
func (s *Server) FinishRun(id int64, status RunStatus) {
	s.change(func(w *world, now time.Time) {
		if r := w.runs[id]; r != nil && !r.versions.last().status.Terminal() && status.Terminal() {
			w.end(r, now, status, "")
		}
	})
}

// CancelRun cancels a run on behalf of by ("platform" or a person's name), with that status message. It takes the cancel latency.
func (s *Server) CancelRun(id int64, by, message string) {
	s.change(func(w *world, now time.Time) {
		if r := w.runs[id]; r != nil {
			w.cancel(r, now, by, message)
		}
	})
}

// At makes do happen at t (at once, with the next request, if t is past). Its argument is this server at that very time; do must use it
// instead of the server, make no requests, and not keep it.
func (s *Server) At(t time.Time, do func(*Server)) {
	s.change(func(w *world, _ time.Time) {
		w.scripts = append(w.scripts, script{t, do})
		slices.SortStableFunc(w.scripts, func(a, b script) int { return a.at.Compare(b.at) })
	})
}
