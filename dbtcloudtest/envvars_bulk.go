package dbtcloudtest

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"
)

const variableExists = "An environment variable by this name already exists in this project and account"

// bulkSchema is one variable of a bulk request: its name under key, and the values.
func bulkSchema(key string, values field) field {
	name := field{kind: kindText, required: true, min: 1}
	return field{kind: kindObject, required: true, fields: schema{key: name, anyKey: values}}
}

// createEnvVars creates variables, each with its default ("project") and values by the name of an environment. The documented body has
// a list of them; the one alone that terraform-provider-dbtcloud sends, and is answered alone, is taken by lenient writes.
func (w *world) createEnvVars(c *call) answer {
	if w.openProject(c.id("project")) == nil {
		return w.notFound()
	}
	body, _ := c.object()
	item := bulkSchema("new_name", field{kind: kindText, min: 1})
	if one, ok := body["env_var"].(map[string]any); ok && w.cfg.writes == Lenient {
		if tree := (schema{"env_var": item}).check(body, Lenient); tree != nil {
			return w.invalid(tree)
		}
		made, reason := w.createVariable(c, one)
		if reason != "" {
			return w.invalid(map[string]any{"reason": reason})
		}
		return w.ok(made)
	}
	if tree := (schema{"env_var": {kind: kindList, required: true, item: &item}}).check(body, w.cfg.writes); tree != nil {
		return w.invalid(tree)
	}
	items, _ := body["env_var"].([]any)
	if items == nil {
		return w.invalid(map[string]any{"env_var": "required key not provided"})
	}
	return w.createList(c, items)
}

// createList makes each variable on its own. When one is refused the answer is a 400, although the others are there.
func (w *world) createList(c *call, items []any) answer {
	out, failed := []any{}, false
	for _, item := range items {
		variable, _ := item.(map[string]any)
		made, reason := w.createVariable(c, variable)
		row := map[string]any{"status": "success", "status_code": http.StatusOK, "key_name": text(variable["new_name"]), "data": made}
		if reason != "" {
			failed = true
			row["status"], row["status_code"], row["reason"] = "failure", http.StatusBadRequest, reason
			delete(row, "data")
		}
		out = append(out, row)
	}
	if !failed {
		return w.ok(out)
	}
	for _, row := range out {
		delete(row.(map[string]any), "data")
	}
	return w.fail(http.StatusBadRequest, invalidMessage, out)
}

// createVariable returns what was made, with a reason for each environment that has no value for it, or the reason why nothing was.
func (w *world) createVariable(c *call, values map[string]any) (map[string]any, string) {
	name := text(values["new_name"])
	if complaint := checkName(name); complaint != "" {
		return nil, complaint
	}
	if len(w.variable(c, name)) > 0 {
		return nil, variableExists
	}
	ids, failures := []int64{}, map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if key == "new_name" {
			continue
		}
		v, reason := w.place(c, name, key)
		if v.value = text(values[key]); v.value == "" {
			reason = "The value is empty."
		}
		if reason != "" {
			failures[key] = reason
			continue
		}
		ids = append(ids, w.addEnvVar(&v, c.now))
	}
	if len(ids) == 0 {
		return nil, "A value is needed: for the project, or for an environment by its name."
	}
	return map[string]any{"message": "Environment variable created.", "new_var_ids": ids, "failures": failures}, ""
}

// variable is the values of the variable in the project that the path names, in all scopes.
func (w *world) variable(c *call, name string) []*envVar {
	var out []*envVar
	for _, v := range w.envVars {
		if v.projectID == c.id("project") && v.name == name {
			out = append(out, v)
		}
	}
	return out
}

// place is where a value of the variable belongs that key names: the project, or an environment by its name; or why there is no such place.
func (w *world) place(c *call, name, key string) (envVar, string) {
	v := envVar{scope: scopeProject, projectID: c.id("project"), name: name}
	if key == scopeProject {
		return v, ""
	}
	for _, e := range w.activeEnvironments(v.projectID) {
		if e.name() == key {
			v.scope, v.environmentID = scopeEnvironment, e.id
			return v, ""
		}
	}
	return v, "There is no environment with this name."
}

// updateEnvVars changes one variable: its name, the values that it has (by id; null or "" deletes one), and adds values (by the name of an
// environment). A name of an environment that has a value already is a failure to strict writes, and stands for its id to lenient ones.
func (w *world) updateEnvVars(c *call) answer {
	if w.openProject(c.id("project")) == nil {
		return w.notFound()
	}
	body, _ := c.object()
	item := bulkSchema("name", field{kind: kindText, null: true})
	item.fields["new_name"] = field{kind: kindText}
	if tree := (schema{"env_vars": item}).check(body, w.cfg.writes); tree != nil {
		return w.invalid(tree)
	}
	change, _ := body["env_vars"].(map[string]any)
	name := text(change["name"])
	renamed := cmp.Or(text(change["new_name"]), name)
	if reason := w.renameObstacle(c, name, renamed); reason != "" {
		return w.invalid(map[string]any{"reason": reason})
	}
	u := bulkUpdate{w: w, c: c, name: name, made: []int64{}, deleted: []int64{}, failures: map[string]any{}}
	for _, key := range slices.Sorted(maps.Keys(change)) {
		if key != "name" && key != "new_name" {
			u.set(key, text(change[key]))
		}
	}
	for _, v := range w.variable(c, name) {
		v.name, v.updated = renamed, c.now
	}
	return w.ok(map[string]any{
		"message": "Environment variable updated.", "new_var_ids": u.made, "deleted_var_ids": u.deleted, "failures": u.failures,
	})
}

// renameObstacle is why the variable cannot get, or keep, the name; "" for none.
func (w *world) renameObstacle(c *call, name, renamed string) string {
	switch {
	case len(w.variable(c, name)) == 0:
		return "There is no environment variable with this name."
	case renamed != name && len(w.variable(c, renamed)) > 0:
		return variableExists
	}
	return checkName(renamed)
}

// bulkUpdate is what becomes of one variable.
type bulkUpdate struct {
	w             *world
	c             *call
	name          string
	made, deleted []int64
	failures      map[string]any
}

// set gives the value that key names another content.
func (u *bulkUpdate) set(key, value string) {
	id, err := strconv.ParseInt(key, 10, 64)
	place, reason := u.w.place(u.c, u.name, key)
	for _, v := range u.w.variable(u.c, u.name) {
		switch byID := err == nil && v.id == id; {
		case byID, reason == "" && v.same(&place) && u.w.cfg.writes == Lenient:
			u.change(v, value)
			return
		case reason == "" && v.same(&place):
			reason = "The variable has a value here already: name it by its id."
		}
	}
	switch {
	case err == nil:
		u.failures[key] = "The variable has no value with this id."
	case reason != "":
		u.failures[key] = reason
	case value != "":
		place.value = value
		u.made = append(u.made, u.w.addEnvVar(&place, u.c.now))
	}
}

// change gives a value another content; the empty one deletes it.
func (u *bulkUpdate) change(v *envVar, value string) {
	if v.value, v.updated = value, u.c.now; value != "" {
		return
	}
	u.w.dropEnvVars(func(other *envVar) bool { return other == v })
	u.deleted = append(u.deleted, v.id)
}

// deleteEnvVars deletes a variable by name, with everything that jobs and users have for it. The document gives no body, its users send
// the name.
func (w *world) deleteEnvVars(c *call) answer {
	if w.openProject(c.id("project")) == nil {
		return w.notFound()
	}
	body, _ := c.object()
	if tree := (schema{"name": {kind: kindText, required: true, min: 1}}).check(body, w.cfg.writes); tree != nil {
		return w.invalid(tree)
	}
	gone := w.variable(c, text(body["name"]))
	if len(gone) == 0 {
		return w.notFound()
	}
	w.dropEnvVars(func(v *envVar) bool { return slices.Contains(gone, v) })
	return w.gone(nil)
}
