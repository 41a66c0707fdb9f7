package dbtcloudtest

import (
	"slices"
	"strings"
	"time"
)

const maskedValue = "**********"

// The scopes of a value of an environment variable.
const (
	scopeProject     = "project"
	scopeEnvironment = "environment"
	scopeJob         = "job"
	scopeUser        = "user"
)

// envVar is the value of an environment variable in one scope.
type envVar struct {
	id            int64
	scope         string
	projectID     int64
	environmentID int64 // of the scope environment, as the next two are of theirs
	jobID         int64
	userID        int64
	name          string
	value         string
	created       time.Time
	updated       time.Time
}

func envVarRoutes() []route {
	const vars = "/api/v3/accounts/{account}/projects/{project}/environment-variables/"
	return []route{
		{"GET", vars + "environment/", []string{"include_related"}, (*world).listEnvVars},
		{"GET", vars + "job/", []string{"include_related", "job_definition_id"}, (*world).listJobEnvVars},
		{"GET", vars + "user/", []string{"include_related", "user_id"}, (*world).listUserEnvVars},
		{"POST", vars + "bulk/", nil, (*world).createEnvVars},
		{"PUT", vars + "bulk/", nil, (*world).updateEnvVars},
		{"DELETE", vars + "bulk/", nil, (*world).deleteEnvVars},
		{"POST", vars, nil, (*world).createEnvVar},
		{"POST", vars + "{id}/", nil, (*world).updateEnvVar},
		{"DELETE", vars + "{id}/", nil, (*world).deleteEnvVar},
	}
}

// AddEnvVarOverride gives a job its own value of an environment variable and returns the value's id.
// Values of DBT_ENV_SECRET... are never shown. An unknown job gives 0.
func (s *Server) AddEnvVarOverride(jobID int64, name, value string) int64 {
	return inspect(s, func(w *world, now time.Time) int64 {
		j := w.jobs[jobID]
		if j == nil {
			return 0
		}
		return w.addEnvVar(&envVar{scope: scopeJob, projectID: j.projectID(), jobID: jobID, name: name, value: value}, now)
	})
}

// AddProjectEnvVar gives a variable a value for the whole project, which is no override of any job, and returns the value's id.
func (s *Server) AddProjectEnvVar(projectID int64, name, value string) int64 {
	return inspect(s, func(w *world, now time.Time) int64 {
		return w.addEnvVar(&envVar{scope: scopeProject, projectID: projectID, name: name, value: value}, now)
	})
}

// AddEnvironmentEnvVar gives a variable a value for one environment and returns the value's id. An unknown environment gives 0.
func (s *Server) AddEnvironmentEnvVar(environmentID int64, name, value string) int64 {
	return inspect(s, func(w *world, now time.Time) int64 {
		e := w.environments[environmentID]
		if e == nil {
			return 0
		}
		v := &envVar{scope: scopeEnvironment, projectID: e.projectID(), environmentID: environmentID, name: name, value: value}
		return w.addEnvVar(v, now)
	})
}

func (w *world) addEnvVar(v *envVar, at time.Time) int64 {
	v.id, v.created, v.updated = w.nextID(), at, at
	w.envVars = append(w.envVars, v)
	return v.id
}

func (w *world) dropEnvVars(drop func(*envVar) bool) { w.envVars = slices.DeleteFunc(w.envVars, drop) }

// shown is the value as the service tells it.
func (v *envVar) shown() string {
	if strings.HasPrefix(v.name, "DBT_ENV_SECRET") {
		return maskedValue
	}
	return v.value
}

// same says whether both are values of one variable in one scope.
func (v *envVar) same(other *envVar) bool {
	return v.name == other.name && v.scope == other.scope && v.projectID == other.projectID &&
		v.environmentID == other.environmentID && v.jobID == other.jobID && v.userID == other.userID
}

// checkName is the service's rule for names, "" when it is kept.
func checkName(name string) string {
	if !strings.HasPrefix(name, "DBT_") || strings.ToUpper(name) != name {
		return "Environment variable names must begin with DBT_ and be upper case."
	}
	return ""
}

func envVarSchema() schema {
	id, must := field{kind: kindInt, null: true}, field{kind: kindInt, required: true}
	return schema{
		"id": id, "account_id": must, "project_id": must, "user_id": id, "environment_id": id, "job_definition_id": id,
		"name": {kind: kindText, required: true, min: 1}, "raw_value": {kind: kindText, min: 1}, "display_value": {kind: kindText, min: 1},
		"type":  {kind: kindText, required: true, oneOf: []string{scopeProject, scopeEnvironment, scopeJob, scopeUser}},
		"state": {kind: kindInt},
	}
}

// writtenEnvVar is the value that a create (old is nil) or an update asks for, or the answer that refuses it.
func (w *world) writtenEnvVar(c *call, old *envVar) (*envVar, *answer) {
	project := c.id("project")
	if w.openProject(project) == nil {
		return nil, new(w.notFound())
	}
	body, ok := c.object()
	if !ok {
		return nil, new(w.invalid(map[string]any{"_model": "CustomEnvironmentVariable"}))
	}
	tree := envVarSchema().check(body, w.cfg.writes)
	if tree == nil {
		tree = w.checkEnvVar(c, body)
	}
	if tree != nil {
		return nil, new(w.invalid(tree))
	}
	v := &envVar{scope: text(body["type"]), projectID: project, name: text(body["name"]), value: text(body["raw_value"])}
	if !w.scopeOf(v, body) {
		return nil, new(w.notFound())
	}
	if old != nil {
		v.id, v.created = old.id, old.created
		if _, given := body["raw_value"]; !given {
			v.value = old.value // nobody can read it to send it back
		}
	}
	if slices.ContainsFunc(w.envVars, func(other *envVar) bool { return other.id != v.id && v.same(other) }) {
		return nil, new(w.invalid(map[string]any{"name": "The variable has a value in this scope already."}))
	}
	return v, nil
}

// scopeKey is the key that a write in this scope must have, "" for none.
func scopeKey(scope string) string {
	return map[string]string{scopeEnvironment: "environment_id", scopeJob: "job_definition_id", scopeUser: "user_id"}[scope]
}

// checkEnvVar is the checks that reach beyond one key.
func (w *world) checkEnvVar(c *call, body map[string]any) map[string]any {
	tree := map[string]any{}
	if complaint := checkName(text(body["name"])); complaint != "" {
		tree["name"] = complaint
	}
	if account := body["account_id"]; account != nil && integer(account) != w.cfg.account {
		tree["account_id"] = "The provided account does not match."
	}
	if project := body["project_id"]; project != nil && integer(project) != c.id("project") {
		tree["project_id"] = "The provided project does not match."
	}
	if key := scopeKey(text(body["type"])); key != "" && integer(body[key]) == 0 {
		tree[key] = "required key not provided"
	}
	if len(tree) == 0 {
		return nil
	}
	return tree
}

// scopeOf reads whose value it is; false when there is no such environment or job in the project. The fake has no users: every id will do.
func (w *world) scopeOf(v *envVar, body map[string]any) bool {
	switch id := integer(body[scopeKey(v.scope)]); v.scope {
	case scopeEnvironment:
		e := w.openEnvironment(id)
		v.environmentID = id
		return e != nil && e.projectID() == v.projectID
	case scopeJob:
		j := w.openJob(id)
		v.jobID = id
		return j != nil && j.projectID() == v.projectID
	case scopeUser:
		v.userID = id
	}
	return true
}

func (w *world) createEnvVar(c *call) answer {
	v, refused := w.writtenEnvVar(c, nil)
	if refused != nil {
		return *refused
	}
	w.addEnvVar(v, c.now)
	return w.ok(w.envVarJSON(v, 1))
}

// updateEnvVar replaces the whole value; only what it says of no value, it leaves.
func (w *world) updateEnvVar(c *call) answer {
	old := w.envVar(c)
	if old == nil {
		return w.notFound()
	}
	v, refused := w.writtenEnvVar(c, old)
	if refused != nil {
		return *refused
	}
	*old = *v
	old.updated = c.now
	return w.ok(w.envVarJSON(old, 1))
}

func (w *world) deleteEnvVar(c *call) answer {
	v := w.envVar(c)
	if v == nil {
		return w.notFound()
	}
	w.dropEnvVars(func(other *envVar) bool { return other == v })
	return w.gone(w.envVarJSON(v, 2))
}

// envVar is the value that the path names.
func (w *world) envVar(c *call) *envVar {
	for _, v := range w.envVars {
		if v.id == c.id("id") && v.projectID == c.id("project") && w.openProject(v.projectID) != nil {
			return v
		}
	}
	return nil
}

func (w *world) envVarJSON(v *envVar, state int) map[string]any {
	return map[string]any{
		"id": v.id, "account_id": w.cfg.account, "project_id": v.projectID, "name": v.name, "type": v.scope, "state": state,
		"job_definition_id": orNull(v.jobID), "environment_id": orNull(v.environmentID), "user_id": orNull(v.userID),
		"display_value": v.shown(), "environment": nil, "created_at": jobTime(v.created), "updated_at": jobTime(v.updated),
	}
}
