package contract

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// kind is a resource that an update replaces as a whole: what the update does not name must be sent back, and what the
// write schema does not have must not.
type kind struct {
	name      string
	operation string // the update
	add       func(t *testing.T, w *world) int64
	edit      func(w *world, id int64, edit func(fields map[string]any))
	update    func(t *testing.T, w *world, id int64) error // of the name alone
	fields    func(w *world, id int64) map[string]any
	beyond    object // what answers are known to have beyond the document, and writes not
	kept      object // what is to be sent back although the document does not have it
}

func kinds() []kind { return []kind{jobKind(), projectKind(), environmentKind()} }

func jobKind() kind {
	return kind{
		name: "job", operation: "v2 Update Job",
		add: func(t *testing.T, w *world) int64 {
			return try(w.client.Jobs.Create(t.Context(), wholeJob())).must(t).ID
		},
		edit: func(w *world, id int64, edit func(map[string]any)) { w.EditJob(id, edit) },
		update: func(t *testing.T, w *world, id int64) error {
			return try(w.client.Jobs.Update(t.Context(), id, dbtcloud.JobRequest{Name: "After"})).err
		},
		fields: func(w *world, id int64) map[string]any { j, _ := w.Job(id); return j.Fields },
		beyond: object{"next_run": "2000-01-01T00:00:00Z", "next_run_humanized": "now", "cron_humanized": "hourly", "deactivated": true, "is_system": true},
		kept:   object{settingOfTomorrow: "kept", "force_node_selection": true},
	}
}

func projectKind() kind {
	return kind{
		name: "project", operation: "v3 Update Project",
		add: func(t *testing.T, w *world) int64 {
			return try(w.client.Projects.Create(t.Context(), wholeProject())).must(t).ID
		},
		edit: func(w *world, id int64, edit func(map[string]any)) { w.EditProject(id, edit) },
		update: func(t *testing.T, w *world, id int64) error {
			return try(w.client.Projects.Update(t.Context(), id, dbtcloud.ProjectRequest{Name: "After"})).err
		},
		fields: func(w *world, id int64) map[string]any {
			all := w.Projects()
			return all[slices.IndexFunc(all, func(p dbtcloudtest.Project) bool { return p.ID == id })].Fields
		},
		beyond: object{"skipped_setup": true},
		kept:   object{settingOfTomorrow: "kept"},
	}
}

func environmentKind() kind {
	const project = dbtcloudtest.DefaultProjectID
	return kind{
		name: "environment", operation: "v3 Update Environment",
		add: func(t *testing.T, w *world) int64 {
			return try(w.client.Environments.Create(t.Context(), project, wholeEnvironment())).must(t).ID
		},
		edit: func(w *world, id int64, edit func(map[string]any)) { w.EditEnvironment(id, edit) },
		update: func(t *testing.T, w *world, id int64) error {
			return try(w.client.Environments.Update(t.Context(), project, id, dbtcloud.EnvironmentRequest{Name: "After"})).err
		},
		fields: func(w *world, id int64) map[string]any {
			all := w.Environments()
			return all[slices.IndexFunc(all, func(e dbtcloudtest.Environment) bool { return e.ID == id })].Fields
		},
		beyond: object{"jobs": []any{}, "custom_environment_variables": object{}},
		kept:   object{settingOfTomorrow: "kept"},
	}
}

// updateScenarios are the updates that every kind of resource has in common.
func updateScenarios() []scenario {
	var out []scenario
	for _, k := range kinds() {
		out = append(out,
			scenario{"update every field of a " + k.name, k.losesNothing},
			scenario{"update a " + k.name + " of tomorrow", k.ofTomorrow},
			scenario{"update a " + k.name + " with all that is read-only", k.readOnly},
			scenario{"update a " + k.name + " with nulls", k.nulls},
			scenario{"update a " + k.name + " whose ids are strings", k.stringIDs},
		)
	}
	return out
}

// renamed updates the name and fails the test unless the rest of the resource is as it was.
func (k kind) renamed(t *testing.T, w *world, id int64) {
	t.Helper()
	want := maps.Clone(k.fields(w, id))
	want["name"] = "After"
	noError(t, k.update(t, w, id))
	if diff := cmp.Diff(want, k.fields(w, id)); diff != "" {
		t.Errorf("the update of the name changed more (-want +got):\n%s", diff)
	}
}

// losesNothing has every field of the write schema set, whatever a request can set.
func (k kind) losesNothing(t *testing.T, c *contract) {
	w := c.begin(t)
	id := k.add(t, w)
	fields := k.fields(w, id)
	for name := range c.documents.named(t, k.operation).requestSchema().Properties {
		if name != "state" && fields[name] == nil {
			t.Errorf("the %s has no %s, so this shows nothing of it", k.name, name)
		}
	}
	k.renamed(t, w, id)
}

// ofTomorrow has fields that no document lists.
func (k kind) ofTomorrow(t *testing.T, c *contract) {
	w := c.begin(t)
	id := k.add(t, w)
	k.edit(w, id, func(fields map[string]any) { maps.Copy(fields, k.kept) })
	k.renamed(t, w, id)
}

// readOnly shows a value in every field that only answers have, whatever the fake shows.
func (k kind) readOnly(t *testing.T, c *contract) {
	w := c.begin(t)
	op := c.documents.named(t, k.operation)
	answer, _ := op.answerSchema(200)
	w.validator.show = func(data object) {
		maps.Copy(data, k.beyond)
		for name, property := range answer.Properties["data"].Value.Properties {
			if op.requestSchema().Properties[name] == nil && name != "id" && name != "job_completion_trigger_condition" {
				data[name] = anyOf(property.Value)
			}
		}
	}
	k.renamed(t, w, k.add(t, w))
}

// nulls shows null in every field that a write need not have.
func (k kind) nulls(t *testing.T, c *contract) {
	w := c.lax(t)
	schema := c.documents.named(t, k.operation).requestSchema()
	id := k.add(t, w)
	w.validator.show = func(data object) {
		for name := range schema.Properties {
			if !required(schema, name) {
				data[name] = nil
			}
		}
	}
	noError(t, k.update(t, w, id))
	w.requestsHold(t)
}

func (k kind) stringIDs(t *testing.T, c *contract) {
	w := c.lax(t, dbtcloudtest.WithStringIDs())
	k.renamed(t, w, k.add(t, w))
	w.onlyAnswersDepart(t)
}
