package dbtcloudtest

import (
	"net/http"
	"slices"
)

// writtenJob is the fields that a create (j is nil) or an update asks for, or the answer that refuses them.
func (w *world) writtenJob(c *call, j *job) (map[string]any, *answer) {
	body, ok := c.object()
	if !ok {
		return nil, new(w.invalid(map[string]any{"_model": "HumanReadableJobDefinition"}))
	}
	known, fields := jobSchema(), jobDefaults()
	if j != nil {
		keepUnknown(known, nil, j.versions.last().fields, body, fields)
	}
	if w.cfg.noise && j != nil {
		stripNoise(body)
	}
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
	for key, value := range body {
		if _, ok := known[key]; ok && key != "id" {
			fields[key] = value
		}
	}
	fields["job_type"] = kind
	w.fillDeferral(fields)
	return fields, nil
}

// keepUnknown carries over the fields that no write has: an update may send back those that are not read-only, and keeps them when
// it does not.
func keepUnknown(known schema, readOnly []string, old, body, fields map[string]any) {
	for key, value := range old {
		if _, ok := known[key]; ok {
			continue
		}
		if fields[key] = value; slices.Contains(readOnly, key) {
			continue
		}
		if body[key] != nil {
			fields[key] = body[key]
		}
		delete(body, key)
	}
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
	project := integer(body["project_id"])
	if w.openProject(project) == nil {
		tree["project_id"] = "The project does not exist."
	} else if e := w.environments[integer(body["environment_id"])]; e == nil || !e.deleted.IsZero() || j == nil && e.projectID() != project {
		tree["environment_id"] = "The environment does not exist in this project."
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
	for _, e := range w.activeEnvironments(integer(fields["project_id"])) {
		if e.fields["deployment_type"] == "production" {
			fields["deferring_environment_id"] = jsonInt(e.id)
			return
		}
	}
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
