package dbtcloudtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

func jobRoutes() []route {
	const jobs = "/api/v2/accounts/{account}/jobs/"
	include := []string{"include_related"}
	return []route{
		{"GET", jobs, []string{
			"dbt_version__in", "environment_id", "include_related", "is_fusion_ready", "is_system", "limit", "name__icontains",
			"offset", "order_by", "pk", "project_id", "project_id__in", "state", "triggers_schedule",
		}, (*world).listJobs},
		{"POST", jobs, nil, (*world).createJob},
		{"GET", jobs + "{id}/", include, (*world).getJob},
		{"POST", jobs + "{id}/", nil, (*world).updateJob},
		{"DELETE", jobs + "{id}/", nil, (*world).removeJob},
		{"POST", jobs + "{id}/run/", nil, (*world).triggerJob},
		{"POST", jobs + "{id}/rerun/", nil, (*world).rerunJob},
		{"GET", jobs + "{id}/artifacts/{remainder...}", include, (*world).getJobArtifact},
	}
}

// jobDefaults is every writable field of a job with the value that the service gives it.
func jobDefaults() map[string]any {
	return plain(map[string]any{
		"account_id": nil, "project_id": nil, "environment_id": nil, "name": "", "description": "", "dbt_version": nil,
		"deferring_environment_id": nil, "deferring_job_definition_id": nil, "execute_steps": []string{"dbt build"},
		"execution": map[string]any{"timeout_seconds": 0}, "generate_docs": false, "job_type": "other",
		"lifecycle_webhooks": false, "run_compare_changes": false, "compare_changes_flags": "--select state:modified",
		"run_generate_sources": false, "generate_sources": false, "run_lint": false, "errors_on_lint_failure": true,
		"cost_optimization_features": []string{}, "settings": map[string]any{"threads": 4, "target_name": "default"},
		"state": 1, "triggers_on_draft_pr": false,
		"triggers": map[string]any{
			"github_webhook": false, "git_provider_webhook": nil, "schedule": false, "on_merge": false, "custom_branch_only": true,
		},
		"schedule": map[string]any{
			"cron": "0 * * * *", "date": map[string]any{"type": "every_day"}, "time": map[string]any{"type": "every_hour", "interval": 1},
		},
		"job_completion_trigger_condition": nil, "force_node_selection": nil,
	})
}

// jobJSON is the job as GET shows it.
func (w *world) jobJSON(j *job, state jobState) map[string]any {
	out := map[string]any{
		"account": nil, "project": nil, "environment": nil, "fusion_readiness": nil, "next_run": nil, "next_run_humanized": nil,
		"lifecycle_webhooks_url": nil, "integration_id": nil, "is_deferrable": false, "is_system": false,
		"cron_humanized": humanSchedule(state.fields), "raw_dbt_version": cmp.Or[any](state.fields["dbt_version"], "latest"),
	}
	maps.Copy(out, state.fields)
	maps.Copy(out, map[string]any{
		"id": j.id, "created_at": jobTime(j.created), "updated_at": jobTime(state.updated), "deactivated": state.deactivated,
		"run_failure_count": state.failures, "state": 1,
	})
	if !state.deleted.IsZero() {
		out["state"] = 2
	}
	return out
}

// humanSchedule is the service's text for a schedule, as far as it is simple.
func humanSchedule(fields map[string]any) string {
	schedule, _ := fields["schedule"].(map[string]any)
	date, _ := schedule["date"].(map[string]any)
	clock, _ := schedule["time"].(map[string]any)
	hours, _ := clock["hours"].([]any)
	switch interval := integer(clock["interval"]); {
	case text(date["cron"]) != "":
		return text(date["cron"])
	case len(hours) > 0:
		at := make([]string, len(hours))
		for i, h := range hours {
			at[i] = fmt.Sprintf("%02d:00", integer(h))
		}
		return "At " + strings.Join(at, ", ")
	case interval == 1:
		return "Every hour"
	case interval > 1:
		return fmt.Sprintf("Every %d hours", interval)
	default:
		return text(schedule["cron"])
	}
}

// internalJob is the job as run.job shows it: without much of what GET has, and with texts in its schedule for objects.
func (w *world) internalJob(j *job, state jobState) json.RawMessage {
	if *state.internal != nil {
		return *state.internal
	}
	out := w.jobJSON(j, state)
	for _, name := range []string{
		"account", "project", "environment", "fusion_readiness", "next_run", "next_run_humanized", "cron_humanized", "raw_dbt_version",
		"integration_id", "is_system", "generate_sources", "job_completion_trigger_condition", "force_node_selection",
	} {
		delete(out, name)
	}
	if schedule, ok := out["schedule"].(map[string]any); ok {
		date, _ := schedule["date"].(map[string]any)
		clock, _ := schedule["time"].(map[string]any)
		out["schedule"] = map[string]any{"cron": schedule["cron"], "date": text(date["type"]), "time": text(clock["type"])}
	}
	*state.internal = raw(out)
	return *state.internal
}

func (w *world) listJobs(c *call) answer {
	q := newListQuery(w, c)
	t := c.now.Add(-w.delay(w.cfg.listLag))
	keep := w.jobFilter(q)
	type row struct {
		job   *job
		state jobState
	}
	var rows []row
	for _, j := range w.jobOrder {
		if state, existed := j.versions.asOf(t); existed && w.visible(integer(state.fields["project_id"])) && keep(j, state) {
			rows = append(rows, row{j, state})
		}
	}
	if q.tree != nil {
		return w.invalid(q.tree)
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		switch strings.TrimPrefix(q.orderBy, "-") {
		case "name":
			return q.direction(strings.Compare(text(a.state.fields["name"]), text(b.state.fields["name"])))
		case "created_at":
			return q.direction(a.job.created.Compare(b.job.created))
		}
		return q.direction(cmp.Compare(a.job.id, b.job.id))
	})
	out := []map[string]any{}
	for _, r := range page(q, rows) {
		out = append(out, w.includeInJob(c, r.job, w.jobJSON(r.job, r.state)))
	}
	return w.okExtra(out, q.extra(w, len(out), len(rows)))
}

// jobFilter reads the filters of a job list; by default only active jobs are kept.
func (w *world) jobFilter(q *listQuery) func(*job, jobState) bool {
	state := q.state("active")
	environment, project, pk := q.ids("environment_id"), q.ids("project_id", "project_id__in"), q.ids("pk")
	name := strings.ToLower(q.text("name__icontains"))
	scheduled, system, versions := q.flag("triggers_schedule"), q.flag("is_system"), q.list("dbt_version__in")
	return func(j *job, s jobState) bool {
		triggers, _ := s.fields["triggers"].(map[string]any)
		switch {
		case !state(!s.deleted.IsZero()):
			return false
		case !scheduled(triggers["schedule"] == true), !system(false):
			return false
		case len(versions) > 0 && !slices.Contains(versions, text(s.fields["dbt_version"])):
			return false
		}
		return environment.has(integer(s.fields["environment_id"])) && project.has(integer(s.fields["project_id"])) && pk.has(j.id) &&
			strings.Contains(strings.ToLower(text(s.fields["name"])), name)
	}
}

func (w *world) includeInJob(c *call, j *job, out map[string]any) map[string]any {
	for _, name := range parseList(c.query["include_related"]) {
		switch name {
		case "environment":
			out["environment"] = w.nestedEnvironment(integer(out["environment_id"]))
		case "custom_environment_variables":
			out["custom_environment_variables"] = w.jobEnvVars(j)
		case "most_recent_run", "most_recent_completed_run":
			out[name] = nil
			for _, r := range slices.Backward(j.runs) {
				if state := r.versions.last(); name == "most_recent_run" || state.status.Terminal() {
					out[name] = w.runJSON(r, state, c.now, includes{})
					break
				}
			}
		}
	}
	return out
}

func (w *world) getJob(c *call) answer {
	j := w.jobs[c.id("id")]
	if j == nil || !w.visible(j.projectID()) || !w.cfg.deletedJobs && w.openJob(j.id) == nil {
		return w.notFound()
	}
	return w.ok(w.includeInJob(c, j, w.jobJSON(j, j.versions.last())))
}

func (w *world) createJob(c *call) answer {
	fields, refused := w.writtenJob(c, nil)
	if refused != nil {
		return *refused
	}
	j := w.addJob(0, fields, c.now, "api")
	return w.ok(w.jobJSON(j, j.versions.last()))
}

// updateJob replaces the whole job. Saving reactivates it, and "state": 2 deletes it.
func (w *world) updateJob(c *call) answer {
	j := w.openJob(c.id("id"))
	if j == nil {
		return w.notFound()
	}
	fields, refused := w.writtenJob(c, j)
	if refused != nil {
		return *refused
	}
	if integer(fields["state"]) == 2 {
		w.deleteJob(j, c.now, "api")
		return w.ok(w.jobJSON(j, j.versions.last()))
	}
	w.changeJob(j, c.now, func(s *jobState) {
		s.fields, s.updated, s.deactivated, s.failures = fields, c.now, false, 0
	})
	w.record(Event{At: c.now, Kind: JobUpdated, JobID: j.id, By: "api"})
	return w.ok(w.jobJSON(j, j.versions.last()))
}

func (w *world) removeJob(c *call) answer {
	j := w.openJob(c.id("id"))
	if j == nil {
		return w.notFound()
	}
	w.deleteJob(j, c.now, "api")
	return w.gone(w.jobJSON(j, j.versions.last()))
}

// addJob makes a job of fields that nobody else holds.
func (w *world) addJob(id int64, fields map[string]any, at time.Time, by string) *job {
	if w.jobs[id] != nil {
		id = 0
	}
	j := &job{id: w.keepID(id), created: at}
	j.versions.put(at, jobState{fields: fields, updated: at, internal: new(json.RawMessage)})
	w.jobs[j.id] = j
	w.jobOrder = append(w.jobOrder, j)
	slices.SortFunc(w.jobOrder, func(a, b *job) int { return cmp.Compare(a.id, b.id) })
	w.record(Event{At: at, Kind: JobCreated, JobID: j.id, By: by, Reason: text(fields["name"])})
	return j
}
