package dbtcloudtest

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
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
	out := maps.Clone(state.fields)
	out["id"] = j.id
	out["created_at"] = jobTime(j.created)
	out["updated_at"] = jobTime(state.updated)
	out["deactivated"] = state.deactivated
	out["run_failure_count"] = state.failures
	out["state"] = 1
	if !state.deleted.IsZero() {
		out["state"] = 2
	}
	if _, set := out["raw_dbt_version"]; !set {
		out["raw_dbt_version"] = cmp.Or[any](out["dbt_version"], "latest")
	}
	for _, key := range []string{"account", "project", "environment", "fusion_readiness", "next_run", "next_run_humanized", "lifecycle_webhooks_url", "integration_id"} {
		out[key] = nil
	}
	maps.Copy(out, map[string]any{"is_deferrable": false, "is_system": false, "cron_humanized": "Every hour", "generate_sources": out["run_generate_sources"]})
	return out
}

// internalJob is the job as run.job shows it: its schedule has texts where GET has objects.
func (w *world) internalJob(j *job, state jobState) map[string]any {
	out := w.jobJSON(j, state)
	if schedule, ok := out["schedule"].(map[string]any); ok {
		date, _ := schedule["date"].(map[string]any)
		clock, _ := schedule["time"].(map[string]any)
		out["schedule"] = map[string]any{"cron": schedule["cron"], "date": text(date["type"]), "time": text(clock["type"])}
	}
	return out
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
	state := cmp.Or(q.text("state"), "active")
	environment, project, pk := q.ids("environment_id"), q.ids("project_id", "project_id__in"), q.ids("pk")
	name := strings.ToLower(q.text("name__icontains"))
	scheduled, versions := q.text("triggers_schedule"), q.list("dbt_version__in")
	return func(j *job, s jobState) bool {
		deleted := !s.deleted.IsZero()
		triggers, _ := s.fields["triggers"].(map[string]any)
		onSchedule, _ := triggers["schedule"].(bool)
		switch {
		case (state == "active" || state == "1") && deleted, (state == "deleted" || state == "2") && !deleted:
			return false
		case scheduled != "" && (strings.EqualFold(scheduled, "true") || scheduled == "1") != onSchedule:
			return false
		case strings.EqualFold(q.text("is_system"), "true"):
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
			out["environment"] = w.environmentJSON(integer(out["environment_id"]))
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

// writtenJob is the fields that a create (j is nil) or an update asks for, or the answer that refuses them.
func (w *world) writtenJob(c *call, j *job) (map[string]any, *answer) {
	body, ok := c.object()
	if !ok {
		return nil, new(w.invalid(map[string]any{"_model": "HumanReadableJobDefinition"}))
	}
	known := jobSchema()
	tree := known.check(body, w.cfg.writes)
	if tree == nil {
		tree = w.checkJob(body, j)
	}
	if tree != nil {
		return nil, new(w.invalid(tree))
	}
	kind := jobType(body, j)
	if kind == "ci" || kind == "merge" {
		if refused := w.refuseOrchestration(body); refused != nil {
			return nil, refused
		}
	}
	fields := jobDefaults()
	for key, value := range body {
		if _, ok := known[key]; ok && key != "id" {
			fields[key] = value
		}
	}
	fields["job_type"] = kind
	w.fillDeferral(fields)
	return fields, nil
}

// checkJob is the checks that reach beyond one key.
func (w *world) checkJob(body map[string]any, j *job) map[string]any {
	tree := map[string]any{}
	if j == nil && body["id"] != nil {
		tree["id"] = "The id is assigned by the service."
	}
	if j != nil && integer(body["id"]) != j.id {
		tree["id"] = "The provided id does not match."
	}
	if integer(body["account_id"]) != w.cfg.account {
		tree["account_id"] = "The provided account does not match."
	}
	if project := integer(body["project_id"]); w.projects[project] == "" || !w.visible(project) {
		tree["project_id"] = "The project does not exist."
	}
	if j != nil && isCI(jobType(body, j)) != isCI(text(j.versions.last().fields["job_type"])) {
		tree["job_type"] = "A CI job cannot become another job, nor another job a CI job."
	}
	if triggers, ok := body["triggers"].(map[string]any); ok && countTrue(triggers, "github_webhook", "schedule", "on_merge", "git_provider_webhook") > 1 {
		tree["triggers"] = "Only one of github_webhook, schedule, on_merge, git_provider_webhook can be true"
	}
	if complaint := checkSchedule(body); complaint != nil && w.cfg.writes == Strict {
		tree["schedule"] = complaint
	}
	if len(tree) == 0 {
		return nil
	}
	return tree
}

// checkSchedule: hourly schedules have an interval, the others have hours, none has both.
func checkSchedule(body map[string]any) any {
	schedule, _ := body["schedule"].(map[string]any)
	clock, _ := schedule["time"].(map[string]any)
	if clock == nil {
		return nil
	}
	forbidden, wanted := "interval", "hours"
	if clock["type"] == "every_hour" {
		forbidden, wanted = wanted, forbidden
	}
	tree := map[string]any{}
	if clock[forbidden] != nil {
		tree[forbidden] = "extra keys not allowed"
	}
	if clock[wanted] == nil {
		tree[wanted] = "required key not provided"
	}
	if len(tree) == 0 {
		return nil
	}
	return map[string]any{"time": tree}
}

// refuseOrchestration: state-aware orchestration is not for CI and merge jobs.
func (w *world) refuseOrchestration(body map[string]any) *answer {
	features, _ := body["cost_optimization_features"].([]any)
	allowed := len(features) == 0 || len(features) == 1 && features[0] == "dbt_state"
	if allowed && body["force_node_selection"] == nil {
		return nil
	}
	return new(w.fail(http.StatusMethodNotAllowed, "State-aware orchestration is not available for CI and merge jobs.", nil))
}

// jobType is what the body says; scheduled and other follow from the schedule.
func jobType(body map[string]any, j *job) string {
	if kind := text(body["job_type"]); kind != "" && kind != "scheduled" && kind != "other" {
		return kind
	}
	if j != nil && body["job_type"] == nil {
		return text(j.versions.last().fields["job_type"])
	}
	if triggers, ok := body["triggers"].(map[string]any); ok && triggers["schedule"] == true {
		return "scheduled"
	}
	return "other"
}

func isCI(kind string) bool { return kind == "ci" }

// fillDeferral: the service gives CI and merge jobs the production environment to defer to.
func (w *world) fillDeferral(fields map[string]any) {
	kind := text(fields["job_type"])
	if kind != "ci" && kind != "merge" || fields["deferring_environment_id"] != nil || fields["deferring_job_definition_id"] != nil {
		return
	}
	if integer(fields["project_id"]) == DefaultProjectID {
		fields["deferring_environment_id"] = json.Number("70506183000004")
	}
}

func (w *world) removeJob(c *call) answer {
	j := w.openJob(c.id("id"))
	if j == nil {
		return w.notFound()
	}
	w.deleteJob(j, c.now, "api")
	if w.cfg.deletes == Envelope {
		return w.ok(w.jobJSON(j, j.versions.last()))
	}
	return answer{status: http.StatusNoContent, header: http.Header{}}
}

// addJob makes a job of fields that nobody else holds.
func (w *world) addJob(id int64, fields map[string]any, at time.Time, by string) *job {
	j := &job{id: w.keepID(id), created: at}
	j.versions.put(at, jobState{fields: fields, updated: at})
	w.jobs[j.id] = j
	w.jobOrder = append(w.jobOrder, j)
	slices.SortFunc(w.jobOrder, func(a, b *job) int { return cmp.Compare(a.id, b.id) })
	w.record(Event{At: at, Kind: JobCreated, JobID: j.id, By: by, Reason: text(fields["name"])})
	return j
}

func countTrue(object map[string]any, keys ...string) int {
	n := 0
	for _, key := range keys {
		if object[key] == true {
			n++
		}
	}
	return n
}
