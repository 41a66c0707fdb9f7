package dbtcloudtest

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

func environmentRoutes() []route {
	const (
		ofProject = "/api/v3/accounts/{account}/projects/{project}/environments/"
		ofAccount = "/api/v3/accounts/{account}/environments/"
		old       = "/api/v2/accounts/{account}/environments/"
	)
	include := []string{"include_related"}
	filters := []string{
		"credentials_id", "dbt_version", "dbt_version__in", "deployment_type", "deployment_type__in", "id__gt", "include_related", "limit",
		"name", "name__icontains", "offset", "order_by", "pk", "pk__in", "project_id__in", "state", "type",
	}
	return []route{
		{"GET", ofProject, filters, (*world).listEnvironments},
		{"POST", ofProject, nil, (*world).createEnvironment},
		{"GET", ofProject + "{id}/", include, (*world).getEnvironment},
		{"POST", ofProject + "{id}/", nil, (*world).updateEnvironment},
		{"DELETE", ofProject + "{id}/", nil, (*world).removeEnvironment},
		{"DELETE", ofAccount + "{id}/sao-cache/", nil, (*world).clearStateCache},
		// In no document, but terraform-provider-dbtcloud, dbt-jobs-as-code and dbtc live by the list, dbtc by the deletion.
		{"GET", ofAccount, append(slices.Clone(filters), "project_id"), (*world).listEnvironments},
		{"DELETE", ofAccount + "{id}/", nil, (*world).removeEnvironment},
		{"GET", old, []string{
			"dbt_version", "dbt_version__in", "include_related", "limit", "offset", "order_by", "pk", "project_id", "project_id__in", "state",
		}, (*world).listEnvironments},
		{"POST", old, nil, (*world).createEnvironment},
		{"GET", old + "{id}/", include, (*world).getEnvironment},
		{"POST", old + "{id}/", nil, (*world).updateEnvironment},
		{"DELETE", old + "{id}/", nil, (*world).removeEnvironment},
	}
}

// AddEnvironment adds a deployment environment to a project, or replaces the one that has this id, and returns its id; 0 takes the next
// free one. One with the name Production is of the deployment type production, which CI jobs of the project defer to.
func (s *Server) AddEnvironment(id, projectID int64, name string) int64 {
	return inspect(s, func(w *world, now time.Time) int64 { return w.addEnvironment(id, projectID, name, now).id })
}

// EditEnvironment changes the fields of an environment, by API name, as a person in the UI would. A "repository", "connection" or
// "credentials" object is shown to requests that include it; a field that no document lists is shown as it is, and kept by updates.
// An unknown environment is ignored.
func (s *Server) EditEnvironment(id int64, edit func(fields map[string]any)) {
	s.change(func(w *world, now time.Time) {
		if e := w.environments[id]; e != nil {
			e.edit(edit, now)
		}
	})
}

func (w *world) addEnvironment(id, projectID int64, name string, at time.Time) *resource {
	fields := environmentDefaults()
	fields["account_id"], fields["project_id"], fields["name"] = jsonInt(w.cfg.account), jsonInt(projectID), name
	if name == "Production" {
		fields["deployment_type"] = "production"
	}
	return w.addResource(w.environments, id, fields, at)
}

// openEnvironment is the environment that a request may see: not deleted, and in a project within the token's scope.
func (w *world) openEnvironment(id int64) *resource {
	e := w.environments[id]
	if e == nil || !e.deleted.IsZero() || !w.visible(e.projectID()) {
		return nil
	}
	return e
}

// environmentOf is the environment that the path names, in the project that it names, if it does.
func (w *world) environmentOf(c *call) *resource {
	e := w.openEnvironment(c.id("id"))
	if _, named := c.params["project"]; e == nil || named && e.projectID() != c.id("project") {
		return nil
	}
	return e
}

// environmentDefaults is every field that one of the API's versions writes. An update leaves none of them as it was.
func environmentDefaults() map[string]any {
	return plain(map[string]any{
		"name": "New Environment", "dbt_version": "latest", "type": "deployment", "deployment_type": nil,
		"use_custom_branch": false, "custom_branch": nil, "supports_docs": false, "credentials_id": nil, "connection_id": nil,
		"extended_attributes_id": nil, "primary_profile_id": nil, "enable_model_query_history": false, "enable_dbt_state": false,
		"repository_id": nil, "dbt_project_subdirectory": nil, "created_by_id": nil,
	})
}

// The fields that only one of the API's versions has.
func onlyOld() []string {
	return []string{"repository_id", "dbt_project_subdirectory", "created_by_id"}
}
func onlyNew() []string {
	return []string{"primary_profile_id", "enable_model_query_history", "enable_dbt_state"}
}

func environmentKind(old bool) kind {
	id, must := field{kind: kindInt, null: true}, field{kind: kindInt, required: true}
	word, flag := field{kind: kindText, null: true, min: 1}, field{kind: kindBool, required: true}
	k := kind{
		model: "Environment", defaults: environmentDefaults(),
		schema: schema{
			"id": id, "account_id": must, "project_id": must, "state": must,
			"name": {kind: kindText, required: true, min: 1}, "dbt_version": {kind: kindText, required: !old, null: old, min: 1},
			"type":              {kind: kindText, required: true, oneOf: []string{"development", "deployment"}},
			"use_custom_branch": flag, "custom_branch": word, "supports_docs": flag,
			"deployment_type": {kind: kindText, null: true, oneOf: []string{"production", "staging"}},
			"credentials_id":  id, "connection_id": id, "extended_attributes_id": id,
		},
		readOnly: []string{
			"connection", "created_at", "credentials", "custom_environment_variables", "fusion_readiness", "is_deferrable", "jobs", "project",
			"raw_dbt_version", "repository", "updated_at",
		},
	}
	if old {
		k.readOnly = append(k.readOnly, onlyNew()...)
		maps.Copy(k.schema, schema{"repository_id": id, "created_by_id": id, "dbt_project_subdirectory": word})
		return k
	}
	k.readOnly = append(k.readOnly, onlyOld()...)
	maps.Copy(k.schema, schema{
		"primary_profile_id": id, "enable_model_query_history": {kind: kindBool}, "enable_dbt_state": {kind: kindBool},
	})
	return k
}

// isOld says whether the request is one of the API's second version.
func (c *call) isOld() bool { return strings.HasPrefix(c.path, "/api/v2/") }

// environmentJSON is the environment as an answer of one of the API's versions shows it.
func (w *world) environmentJSON(e *resource, old bool, include includes) map[string]any {
	layout, hidden, always := runTimeLayout, onlyOld(), []string{"credentials"}
	out := map[string]any{
		"raw_dbt_version": cmp.Or[any](e.fields["dbt_version"], "latest"), "fusion_readiness": nil, "project": nil,
		"is_deferrable": e.fields["deployment_type"] != nil,
	}
	if old {
		layout, hidden, always = jobTimeLayout, onlyNew(), []string{"connection", "repository"}
		out = map[string]any{"raw_dbt_version": out["raw_dbt_version"], "jobs": nil, "custom_environment_variables": nil}
	}
	out = e.show(out, layout)
	for _, name := range hidden {
		delete(out, name)
	}
	for _, name := range []string{"connection", "credentials", "repository"} {
		if !include[name] || e.fields[name] == nil {
			delete(out, name)
		}
	}
	for _, name := range always {
		if _, there := out[name]; !there {
			out[name] = nil
		}
	}
	if p := w.openProject(e.projectID()); p != nil && include["project"] && !old {
		out["project"] = w.nestedProject(p)
	}
	return out
}

// nestedProject is the project as other resources show it.
func (w *world) nestedProject(p *resource) map[string]any {
	out := w.projectJSON(p, includes{})
	out["default_version"], out["group_permissions"] = nil, nil
	return out
}

// nestedEnvironment is the environment as jobs and runs show it, nil when there is none.
func (w *world) nestedEnvironment(id int64) any {
	e := w.environments[id]
	if e == nil {
		return nil
	}
	out := map[string]any{}
	whole := w.environmentJSON(e, false, includes{})
	for _, name := range []string{
		"id", "account_id", "project_id", "name", "dbt_version", "type", "deployment_type", "use_custom_branch", "custom_branch",
		"supports_docs", "state", "credentials_id", "connection_id", "extended_attributes_id",
	} {
		out[name] = whole[name]
	}
	return out
}

// environmentsOf is the active environments of a project, by id.
func (w *world) environmentsOf(project int64) []map[string]any {
	out := []map[string]any{}
	for _, e := range w.activeEnvironments(project) {
		out = append(out, w.environmentJSON(e, false, includes{}))
	}
	return out
}

func (w *world) activeEnvironments(project int64) []*resource {
	var out []*resource
	for _, id := range slices.Sorted(maps.Keys(w.environments)) {
		if e := w.environments[id]; e.projectID() == project && e.deleted.IsZero() {
			out = append(out, e)
		}
	}
	return out
}

func (w *world) listEnvironments(c *call) answer {
	if _, named := c.params["project"]; named && w.openProject(c.id("project")) == nil {
		return w.notFound()
	}
	q, include := newListQuery(w, c), newIncludes(c)
	keep := w.environmentFilter(q)
	return w.listResources(q, w.environments, keep, func(e *resource) map[string]any { return w.environmentJSON(e, c.isOld(), include) })
}

func (w *world) environmentFilter(q *listQuery) func(*resource) bool {
	pk, after, project := q.ids("pk", "pk__in"), q.number("id__gt"), q.ids("project_id", "project_id__in")
	of, credentials := q.c.id("project"), q.ids("credentials_id")
	name, part := q.text("name"), strings.ToLower(q.text("name__icontains"))
	words := map[string][]string{
		"dbt_version": q.list("dbt_version", "dbt_version__in"), "deployment_type": q.list("deployment_type", "deployment_type__in"),
		"type": q.list("type"),
	}
	return func(e *resource) bool {
		for key, allowed := range words {
			if len(allowed) > 0 && !slices.Contains(allowed, text(e.fields[key])) {
				return false
			}
		}
		return w.visible(e.projectID()) && (of == 0 || e.projectID() == of) && project.has(e.projectID()) && e.id > after && pk.has(e.id) &&
			credentials.has(integer(e.fields["credentials_id"])) && (name == "" || e.name() == name) &&
			strings.Contains(strings.ToLower(e.name()), part)
	}
}

func (w *world) getEnvironment(c *call) answer {
	e := w.environmentOf(c)
	if e == nil {
		return w.notFound()
	}
	return w.ok(w.environmentJSON(e, c.isOld(), newIncludes(c)))
}

// createEnvironment answers a created_at of null, as recorded.
func (w *world) createEnvironment(c *call) answer {
	project := c.id("project")
	if body, ok := c.object(); ok && c.isOld() {
		project = integer(body["project_id"])
	}
	if w.openProject(project) == nil && !c.isOld() {
		return w.notFound()
	}
	fields, refused := w.writtenResource(c, environmentKind(c.isOld()), nil, project)
	if refused != nil {
		return *refused
	}
	if w.openProject(project) == nil {
		return w.invalid(map[string]any{"project_id": "The project does not exist."})
	}
	out := w.environmentJSON(w.addResource(w.environments, 0, fields, c.now), c.isOld(), includes{"project": true})
	out["created_at"] = nil
	return w.made(out)
}

// updateEnvironment replaces the whole environment; "state": 2 deletes it.
func (w *world) updateEnvironment(c *call) answer {
	e := w.environmentOf(c)
	if e == nil {
		return w.notFound()
	}
	fields, refused := w.writtenResource(c, environmentKind(c.isOld()), e, e.projectID())
	if refused != nil {
		return *refused
	}
	if integer(fields["state"]) == 2 {
		if refused, ok := w.deleteEnvironment(e, c.now); ok {
			return refused
		}
		return w.ok(w.environmentJSON(e, c.isOld(), includes{}))
	}
	e.fields, e.updated = fields, c.now
	return w.ok(w.environmentJSON(e, c.isOld(), includes{}))
}

func (w *world) removeEnvironment(c *call) answer {
	e := w.environmentOf(c)
	if e == nil {
		return w.notFound()
	}
	if refused, ok := w.deleteEnvironment(e, c.now); ok {
		return refused
	}
	return w.gone(w.environmentJSON(e, c.isOld(), includes{}))
}

// deleteEnvironment deletes softly, with its values of variables, unless the environment is in use.
func (w *world) deleteEnvironment(e *resource, at time.Time) (answer, bool) {
	jobs := w.activeJobs("environment_id", e.id)
	if refused, ok := w.refuseInUse("environment", jobs); ok {
		return refused, true
	}
	for _, j := range jobs {
		w.deleteJob(j, at, "api")
	}
	w.dropEnvVars(func(v *envVar) bool { return v.environmentID == e.id })
	e.deleted, e.updated = at, at
	return answer{}, false
}

// clearStateCache forgets nothing, for the fake remembers nothing: [Server.Requests] tells that it was asked for.
func (w *world) clearStateCache(c *call) answer {
	if w.environmentOf(c) == nil {
		return w.notFound()
	}
	return w.gone(nil)
}
