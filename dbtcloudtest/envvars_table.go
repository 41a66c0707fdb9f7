package dbtcloudtest

import "slices"

// scopes is the values of variables by name and scope, or by name and environment.
type scopes map[string]map[string]any

func (s scopes) put(v *envVar, under string) {
	if s[v.name] == nil {
		s[v.name] = map[string]any{}
	}
	s[v.name][under] = map[string]any{"id": v.id, "value": v.shown()}
}

// listEnvVars is the table of the project: every variable with its default ("project") and its value of each environment. What jobs and
// users override is not in it.
func (w *world) listEnvVars(c *call) answer {
	project := c.id("project")
	if w.openProject(project) == nil {
		return w.notFound()
	}
	names, byID := []string{scopeProject}, map[int64]string{}
	for _, e := range w.activeEnvironments(project) {
		if byID[e.id] = e.name(); !slices.Contains(names, e.name()) {
			names = append(names, e.name())
		}
	}
	table := scopes{}
	for _, v := range w.envVars {
		switch {
		case v.projectID != project:
		case v.scope == scopeProject:
			table.put(v, scopeProject)
		case v.scope == scopeEnvironment:
			table.put(v, byID[v.environmentID])
		}
	}
	return w.okExtra(map[string]any{"environments": names, "variables": table}, map[string]any{})
}

func (w *world) listJobEnvVars(c *call) answer {
	q := newListQuery(w, c)
	j := w.openJob(q.number("job_definition_id"))
	if refused, ok := w.refuseView(c, q, "job_definition_id"); ok {
		return refused
	}
	if j == nil || j.projectID() != c.id("project") {
		return w.notFound()
	}
	return w.okExtra(w.jobEnvVars(j), map[string]any{})
}

// listUserEnvVars shows the values of a person, who works in the project's development environment.
func (w *world) listUserEnvVars(c *call) answer {
	q := newListQuery(w, c)
	user := q.number("user_id")
	if refused, ok := w.refuseView(c, q, "user_id"); ok {
		return refused
	}
	development := int64(-1)
	for _, e := range w.activeEnvironments(c.id("project")) {
		if e.fields["type"] == "development" {
			development = e.id
			break
		}
	}
	view := w.envVarView(c.id("project"), development, func(v *envVar) bool { return v.scope == scopeUser && v.userID == user })
	return w.okExtra(view, map[string]any{})
}

// refuseView refuses a view without the parameter that it needs.
func (w *world) refuseView(c *call, q *listQuery, parameter string) (answer, bool) {
	if w.openProject(c.id("project")) == nil {
		return w.notFound(), true
	}
	if q.text(parameter) == "" {
		q.bad(parameter, "required key not provided")
	}
	return w.invalid(q.tree), q.tree != nil
}

// jobEnvVars is every variable that a run of the job sees, by name and scope.
func (w *world) jobEnvVars(j *job) scopes {
	environment := integer(j.versions.last().fields["environment_id"])
	return w.envVarView(j.projectID(), environment, func(v *envVar) bool { return v.scope == scopeJob && v.jobID == j.id })
}

// envVarView is the values that meet in one place: those of the project, of that environment, and those that are own.
func (w *world) envVarView(project, environment int64, own func(*envVar) bool) scopes {
	out := scopes{}
	for _, v := range w.envVars {
		inEnvironment := v.scope == scopeEnvironment && v.environmentID == environment
		if v.projectID == project && (v.scope == scopeProject || inEnvironment || own(v)) {
			out.put(v, v.scope)
		}
	}
	return out
}
