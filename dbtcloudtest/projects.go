package dbtcloudtest

import (
	"cmp"
	"strings"
	"time"
)

// projectRoutes is both versions of the API: they differ in nothing.
func projectRoutes() []route {
	var out []route
	include := []string{"include_related"}
	for _, projects := range []string{"/api/v3/accounts/{account}/projects/", "/api/v2/accounts/{account}/projects/"} {
		out = append(out,
			route{"GET", projects, []string{
				"include_related", "limit", "name__icontains", "offset", "order_by", "pk", "pk__gt", "pk__in", "state",
			}, (*world).listProjects},
			route{"POST", projects, nil, (*world).createProject},
			route{"GET", projects + "{id}/", include, (*world).getProject},
			route{"POST", projects + "{id}/", nil, (*world).updateProject},
			route{"DELETE", projects + "{id}/", nil, (*world).removeProject},
		)
	}
	return out
}

// AddProject adds a project, or replaces the one that has this id, and returns its id; 0 takes the next free one.
func (s *Server) AddProject(id int64, name string) int64 {
	return inspect(s, func(w *world, now time.Time) int64 { return w.addProject(id, cmp.Or(name, "Project"), now).id })
}

// EditProject changes the fields of a project, by API name, as a person in the UI would. A "repository" or "connection" object is shown
// to requests that include it; a field that no document lists is shown as it is, and kept by updates. An unknown project is ignored.
func (s *Server) EditProject(id int64, edit func(fields map[string]any)) {
	s.change(func(w *world, now time.Time) {
		if p := w.projects[id]; p != nil {
			p.edit(edit, now)
		}
	})
}

func (w *world) addProject(id int64, name string, at time.Time) *resource {
	fields := projectKind().defaults
	fields["account_id"], fields["name"] = jsonInt(w.cfg.account), name
	return w.addResource(w.projects, id, fields, at)
}

// openProject is the project that a request may see: not deleted, and within the token's scope.
func (w *world) openProject(id int64) *resource {
	p := w.projects[id]
	if p == nil || !p.deleted.IsZero() || !w.visible(id) {
		return nil
	}
	return p
}

func projectKind() kind {
	id, flag := field{kind: kindInt, null: true}, field{kind: kindInt, required: true}
	word := field{kind: kindText, null: true, min: 1}
	return kind{
		model: "Project",
		schema: schema{
			"id": id, "account_id": flag, "state": flag, "name": {kind: kindText, required: true, min: 1},
			"description": word, "dbt_project_subdirectory": word, "connection_id": id, "repository_id": id,
			"semantic_layer_config_id": id, "docs_job_id": id, "freshness_job_id": id,
			"type": {kind: kindInt, required: true, max: 1},
		},
		defaults: plain(map[string]any{
			"name": "New Project", "description": nil, "dbt_project_subdirectory": nil, "connection_id": nil, "repository_id": nil,
			"semantic_layer_config_id": nil, "docs_job_id": nil, "freshness_job_id": nil, "type": 0,
		}),
		readOnly: []string{
			"connection", "created_at", "default_version", "docs_job", "environments", "freshness_job", "fusion_readiness",
			"group_permissions", "repository", "skipped_setup", "updated_at",
		},
	}
}

// projectJSON is the project as an answer shows it, with the related objects that are asked for.
func (w *world) projectJSON(p *resource, include includes) map[string]any {
	out := p.show(map[string]any{
		"skipped_setup": false, "group_permissions": []any{}, "fusion_readiness": nil, "default_version": "latest",
	}, runTimeLayout)
	for _, name := range []string{"connection", "repository"} {
		if !include[name] || p.fields[name] == nil {
			out[name] = nil
		}
	}
	out["environments"] = nil
	if include["environments"] {
		out["environments"] = w.environmentsOf(p.id)
	}
	for _, name := range []string{"docs_job", "freshness_job"} {
		out[name] = nil
		if j := w.openJob(integer(p.fields[name+"_id"])); j != nil && include[name] {
			out[name] = w.internalJob(j, j.versions.last())
		}
	}
	return out
}

func (w *world) listProjects(c *call) answer {
	q := newListQuery(w, c)
	pk, after, name, include := q.ids("pk", "pk__in"), q.number("pk__gt"), strings.ToLower(q.text("name__icontains")), newIncludes(c)
	keep := func(p *resource) bool {
		return w.visible(p.id) && p.id > after && pk.has(p.id) && strings.Contains(strings.ToLower(p.name()), name)
	}
	return w.listResources(q, w.projects, keep, func(p *resource) map[string]any { return w.projectJSON(p, include) })
}

func (w *world) getProject(c *call) answer {
	p := w.openProject(c.id("id"))
	if p == nil {
		return w.notFound()
	}
	return w.ok(w.projectJSON(p, newIncludes(c)))
}

func (w *world) createProject(c *call) answer {
	fields, refused := w.writtenResource(c, projectKind(), nil, 0)
	if refused != nil {
		return *refused
	}
	return w.made(w.projectJSON(w.addResource(w.projects, 0, fields, c.now), includes{}))
}

// updateProject replaces the whole project; "state": 2 deletes it.
func (w *world) updateProject(c *call) answer {
	p := w.openProject(c.id("id"))
	if p == nil {
		return w.notFound()
	}
	fields, refused := w.writtenResource(c, projectKind(), p, 0)
	if refused != nil {
		return *refused
	}
	if integer(fields["state"]) == 2 {
		if refused, ok := w.deleteProject(p, c.now); ok {
			return refused
		}
		return w.ok(w.projectJSON(p, includes{}))
	}
	p.fields, p.updated = fields, c.now
	return w.ok(w.projectJSON(p, includes{}))
}

func (w *world) removeProject(c *call) answer {
	p := w.openProject(c.id("id"))
	if p == nil {
		return w.notFound()
	}
	if refused, ok := w.deleteProject(p, c.now); ok {
		return refused
	}
	return w.gone(w.projectJSON(p, includes{}))
}

// deleteProject deletes softly, with everything in it, unless the project is in use.
func (w *world) deleteProject(p *resource, at time.Time) (answer, bool) {
	jobs := w.activeJobs("project_id", p.id)
	if refused, ok := w.refuseInUse("project", jobs); ok {
		return refused, true
	}
	for _, j := range jobs {
		w.deleteJob(j, at, "api")
	}
	for _, e := range w.environments {
		if e.projectID() == p.id && e.deleted.IsZero() {
			e.deleted, e.updated = at, at
		}
	}
	w.dropEnvVars(func(v *envVar) bool { return v.projectID == p.id })
	p.deleted, p.updated = at, at
	return answer{}, false
}
