package dbtcloudtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// resource is a project or an environment.
type resource struct {
	id      int64
	fields  map[string]any // by API name: what a write can set, and what a test has added; replaced, never changed
	created time.Time
	updated time.Time
	deleted time.Time // zero while it is active
}

// worldBegin is when everything was made that is there from the beginning.
func worldBegin() time.Time { return time.Date(2021, 4, 14, 20, 23, 0, 305964000, time.UTC) }

// addResource makes a resource of fields that nobody else holds.
func (w *world) addResource(all map[int64]*resource, id int64, fields map[string]any, at time.Time) *resource {
	r := &resource{id: w.keepID(id), fields: fields, created: at, updated: at}
	all[r.id] = r
	return r
}

// edit changes the fields of a resource on behalf of a test.
func (r *resource) edit(edit func(map[string]any), at time.Time) {
	fields := plain(r.fields)
	edit(fields)
	r.fields, r.updated = plain(fields), at
}

func (r *resource) name() string     { return text(r.fields["name"]) }
func (r *resource) projectID() int64 { return integer(r.fields["project_id"]) }

// show is what every answer says of the resource: defaults, its fields, and what the service alone decides.
func (r *resource) show(defaults map[string]any, layout string) map[string]any {
	out := defaults
	maps.Copy(out, r.fields)
	out["id"], out["state"] = r.id, 1
	if !r.deleted.IsZero() {
		out["state"] = 2
	}
	out["created_at"], out["updated_at"] = stamp(r.created, layout), stamp(r.updated, layout)
	return out
}

// listResources answers those that keep lets through, in the order that the query asks for.
func (w *world) listResources(q *listQuery, all map[int64]*resource, keep func(*resource) bool, show func(*resource) map[string]any) answer {
	state := q.state("active")
	var rows []*resource
	for _, r := range all {
		if state(!r.deleted.IsZero()) && keep(r) {
			rows = append(rows, r)
		}
	}
	if q.tree != nil {
		return w.invalid(q.tree)
	}
	slices.SortFunc(rows, func(a, b *resource) int {
		compared := 0
		switch strings.TrimPrefix(q.orderBy, "-") {
		case "name":
			compared = strings.Compare(a.name(), b.name())
		case "created_at":
			compared = a.created.Compare(b.created)
		case "updated_at":
			compared = a.updated.Compare(b.updated)
		}
		return q.direction(cmp.Or(compared, cmp.Compare(a.id, b.id)))
	})
	out := []any{}
	for _, r := range page(q, rows) {
		out = append(out, show(r))
	}
	return w.okExtra(out, q.extra(w, len(out), len(rows)))
}

// kind is what a write of a resource takes.
type kind struct {
	model    string
	schema   schema
	defaults map[string]any
	readOnly []string // what an update keeps, and refuses
}

// writtenResource is the fields that a create (old is nil) or an update asks for, or the answer that refuses them. An
// update replaces the whole resource: what it leaves out gets its default.
func (w *world) writtenResource(c *call, k kind, old *resource, project int64) (map[string]any, *answer) {
	body, ok := c.object()
	if !ok {
		return nil, new(w.invalid(map[string]any{"_model": k.model}))
	}
	fields := plain(k.defaults)
	if old != nil {
		keepUnknown(k.schema, k.readOnly, old.fields, body, fields)
		if w.cfg.noise {
			stripNoise(body)
		}
	}
	tree := k.schema.check(body, w.cfg.writes)
	if tree == nil {
		tree = w.checkIdentity(body, old, project)
	}
	if tree != nil {
		return nil, new(w.invalid(tree))
	}
	for key, value := range body {
		if _, ok := k.schema[key]; ok && key != "id" {
			fields[key] = value
		}
	}
	fields["account_id"] = jsonInt(w.cfg.account)
	if project != 0 {
		fields["project_id"] = jsonInt(project)
	}
	return fields, nil
}

// checkIdentity: the ids in the body are those of the path.
func (w *world) checkIdentity(body map[string]any, old *resource, project int64) map[string]any {
	tree := map[string]any{}
	differs := func(key string, want int64) bool { return body[key] != nil && integer(body[key]) != want }
	switch {
	case old == nil && body["id"] != nil:
		tree["id"] = "The id is assigned by the service."
	case old != nil && differs("id", old.id):
		tree["id"] = "The provided id does not match."
	}
	if differs("account_id", w.cfg.account) {
		tree["account_id"] = "The provided account does not match."
	}
	if project != 0 && differs("project_id", project) {
		tree["project_id"] = "The provided project does not match."
	}
	if len(tree) == 0 {
		return nil
	}
	return tree
}

// refuseInUse is the answer to the deletion of what these jobs belong to.
func (w *world) refuseInUse(what string, jobs []*job) (answer, bool) {
	refused := w.cfg.refusals[RefuseInUse]
	if len(jobs) == 0 || refused.status == 0 {
		return answer{}, false
	}
	var names []string
	for _, j := range jobs {
		names = append(names, fmt.Sprintf("%s (%d)", text(j.versions.last().fields["name"]), j.id))
	}
	use := "The " + what + " is in use by active jobs."
	return w.fail(refused.status, cmp.Or(refused.message, use), map[string]any{"jobs": strings.Join(names, ", ")}), true
}

// activeJobs is the jobs whose field is id, and that are not deleted.
func (w *world) activeJobs(field string, id int64) []*job {
	var out []*job
	for _, j := range w.jobOrder {
		if state := j.versions.last(); state.deleted.IsZero() && integer(state.fields[field]) == id {
			out = append(out, j)
		}
	}
	return out
}

// gone answers a deletion, with what was deleted if the options want it.
func (w *world) gone(data any) answer {
	if w.cfg.deletes == Envelope {
		return w.ok(data)
	}
	return answer{status: http.StatusNoContent, header: http.Header{}}
}

func jsonInt(n int64) json.Number { return json.Number(strconv.FormatInt(n, 10)) }
