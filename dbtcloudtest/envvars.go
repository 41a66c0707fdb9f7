package dbtcloudtest

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

const maskedValue = "**********"

// envVar is the value of an environment variable in one scope: "project" or "job".
type envVar struct {
	id        int64
	scope     string
	projectID int64
	jobID     int64
	name      string
	value     string
	created   time.Time
	updated   time.Time
}

func envVarRoutes() []route {
	const vars = "/api/v3/accounts/{account}/projects/{project}/environment-variables/"
	return []route{
		{"GET", vars + "job/", []string{"include_related", "job_definition_id"}, (*world).listJobEnvVars},
		{"POST", vars, nil, (*world).createEnvVar},
		{"POST", vars + "{id}/", nil, (*world).updateEnvVar},
		{"DELETE", vars + "{id}/", nil, (*world).deleteEnvVar},
	}
}

// shown is the value as the service tells it.
func (v *envVar) shown() string {
	if strings.HasPrefix(v.name, "DBT_ENV_SECRET") {
		return maskedValue
	}
	return v.value
}

func (w *world) listJobEnvVars(c *call) answer {
	q := newListQuery(w, c)
	j := w.openJob(q.number("job_definition_id"))
	if j == nil || j.projectID() != c.id("project") {
		return w.notFound()
	}
	return w.okExtra(w.jobEnvVars(j), map[string]any{})
}

// jobEnvVars is every variable that a run of the job sees, by name and scope.
func (w *world) jobEnvVars(j *job) map[string]map[string]any {
	out := map[string]map[string]any{}
	for _, v := range w.envVars {
		if v.scope == "job" && v.jobID != j.id || v.projectID != j.projectID() {
			continue
		}
		if out[v.name] == nil {
			out[v.name] = map[string]any{}
		}
		out[v.name][v.scope] = map[string]any{"id": v.id, "value": v.shown()}
	}
	return out
}

func envVarSchema() schema {
	id, must := field{kind: kindInt, null: true}, field{kind: kindInt, required: true}
	return schema{
		"id": id, "account_id": must, "project_id": must, "user_id": id, "environment_id": id, "job_definition_id": id,
		"name": {kind: kindText, required: true, min: 1}, "raw_value": {kind: kindText, min: 1}, "display_value": {kind: kindText, min: 1},
		"type":  {kind: kindText, required: true, oneOf: []string{"project", "environment", "job", "user"}},
		"state": {kind: kindInt},
	}
}

// writtenEnvVar is the variable that a request asks for, or the answer that refuses it.
func (w *world) writtenEnvVar(c *call) (*envVar, *answer) {
	project := c.id("project")
	if w.projects[project] == "" || !w.visible(project) {
		return nil, new(w.notFound())
	}
	body, ok := c.object()
	if !ok {
		return nil, new(w.invalid(map[string]any{"_model": "CustomEnvironmentVariable"}))
	}
	tree := envVarSchema().check(body, w.cfg.writes)
	name := text(body["name"])
	if tree == nil && (!strings.HasPrefix(name, "DBT_") || strings.ToUpper(name) != name) {
		tree = map[string]any{"name": "Environment variable names must begin with DBT_ and be upper case."}
	}
	v := &envVar{scope: text(body["type"]), projectID: project, jobID: integer(body["job_definition_id"]), name: name, value: text(body["raw_value"])}
	if tree != nil {
		return nil, new(w.invalid(tree))
	}
	if v.scope == "job" && w.openJob(v.jobID) == nil {
		return nil, new(w.notFound())
	}
	return v, nil
}

func (w *world) createEnvVar(c *call) answer {
	v, refused := w.writtenEnvVar(c)
	if refused != nil {
		return *refused
	}
	if slices.ContainsFunc(w.envVars, v.same) {
		return w.invalid(map[string]any{"name": "The variable has a value in this scope already."})
	}
	v.id, v.created, v.updated = w.nextID(), c.now, c.now
	w.envVars = append(w.envVars, v)
	return w.ok(w.envVarJSON(v))
}

// same says whether both are values of one variable in one scope.
func (v *envVar) same(other *envVar) bool {
	return v.name == other.name && v.scope == other.scope && v.projectID == other.projectID && v.jobID == other.jobID
}

func (w *world) updateEnvVar(c *call) answer {
	old := w.envVar(c)
	if old == nil {
		return w.notFound()
	}
	v, refused := w.writtenEnvVar(c)
	if refused != nil {
		return *refused
	}
	v.id, v.created, v.updated = old.id, old.created, c.now
	*old = *v
	return w.ok(w.envVarJSON(old))
}

func (w *world) deleteEnvVar(c *call) answer {
	v := w.envVar(c)
	if v == nil {
		return w.notFound()
	}
	w.envVars = slices.DeleteFunc(w.envVars, func(other *envVar) bool { return other == v })
	return answer{status: http.StatusNoContent, header: http.Header{}}
}

func (w *world) envVar(c *call) *envVar {
	for _, v := range w.envVars {
		if v.id == c.id("id") && v.projectID == c.id("project") && w.visible(v.projectID) {
			return v
		}
	}
	return nil
}

func (w *world) envVarJSON(v *envVar) map[string]any {
	return map[string]any{
		"id": v.id, "account_id": w.cfg.account, "project_id": v.projectID, "name": v.name, "type": v.scope, "state": 1,
		"job_definition_id": orNull(v.jobID), "environment_id": nil, "user_id": nil, "display_value": v.shown(),
		"environment": nil, "created_at": jobTime(v.created), "updated_at": jobTime(v.updated),
	}
}
