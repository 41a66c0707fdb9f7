package contract

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
)

// tags are those of the documents whose every operation the SDK has, but for the deprecated ones.
func tags() []string {
	return []string{"Accounts", "Environment Variables", "Environments", "Jobs", "Projects", "Runs"}
}

// covered are the operations under the tags that are not deprecated. They come from the documents, so that one that a
// newer document adds is missed.
func (d *documents) covered() []*operation {
	return d.tagged(func(op *operation) bool { return !op.Deprecated })
}

// retired are the deprecated operations under the tags.
func (d *documents) retired() []*operation {
	return d.tagged(func(op *operation) bool { return op.Deprecated })
}

func (d *documents) tagged(keep func(*operation) bool) []*operation {
	var out []*operation
	for _, op := range d.operations {
		if slices.ContainsFunc(tags(), func(tag string) bool { return slices.Contains(op.Tags, tag) }) && keep(op) {
			out = append(out, op)
		}
	}
	slices.SortFunc(out, func(a, b *operation) int { return strings.Compare(a.name, b.name) })
	return out
}

// orphans are the tags that nothing has, and the deprecated operations without a covered one of the same name: the other
// document has the successor under that name.
func (d *documents) orphans() []string {
	var out []string
	covered := d.covered()
	for _, tag := range tags() {
		if !slices.ContainsFunc(covered, func(op *operation) bool { return slices.Contains(op.Tags, tag) }) {
			out = append(out, "no operation has the tag "+tag)
		}
	}
	for _, old := range d.retired() {
		if !slices.ContainsFunc(covered, func(op *operation) bool { return op.OperationID == old.OperationID }) {
			out = append(out, old.name+" is deprecated, and nothing that is covered succeeds it")
		}
	}
	return out
}

// omission is what the SDK leaves out of the requests of an operation on purpose.
type omission struct{ operation, fields, reason string }

func unsent() []omission {
	const (
		related = "the document names nothing to include"
		page    = "paging by id serves for it"
		all     = "the whole list is asked for"

		variable = "the service shows what it makes of raw_value, and a value that is to go is deleted"
	)
	var out []omission
	for _, name := range []string{
		"v2 List Run Artifacts", "v2 Retrieve Account", "v2 Retrieve Job Artifact", "v2 Retrieve Run Artifact", "v2 Retrieve Run Failure Details", "v3 List Accounts",
		"v3 Retrieve Projects Environment Variables Environment", "v3 Retrieve Projects Environment Variables Job", "v3 Retrieve Projects Environment Variables User",
	} {
		out = append(out, omission{name, "include_related", related})
	}
	return append(out,
		omission{"v2 List Runs", "offset", page},
		omission{"v2 List Runs", "state", all},
		omission{"v2 List Runs", "dbt_version pk", "dbt_version__in and pk__in serve for them"},
		omission{"v3 List Environments", "dbt_version deployment_type pk", "the lists of them serve for one too"},
		omission{"v3 List Environments", "offset", page},
		omission{"v3 List Environments", "project_id__in", "the path names the project"},
		omission{"v3 List Projects", "offset", page},
		omission{"v3 List Projects", "pk", "pk__in serves for it"},
		omission{"v3 Create Projects Environment Variable", "display_value state", variable},
		omission{"v3 Update Projects Environment Variable", "display_value state", variable},
		omission{"v3 Create Projects Environment Variables Bulk", "env_var.environmentNameExample1 env_var.environmentNameExample2",
			"they stand for the names of environments, which are any"},
	)
}

// gaps says what is missing for the scenarios to prove anything: operations and fields that were never sent, what was
// sent although it is not to be, and entries of the tables that nothing uses.
func (c *contract) gaps() []string {
	out := c.documents.orphans()
	left, problems := c.documents.omitted(unsent())
	out = append(out, problems...)
	covered := c.documents.covered()
	for _, op := range covered {
		if c.sent[op.name] == nil {
			out = append(out, op.name+" was never sent")
			continue
		}
		for _, field := range op.inputs() {
			switch sent := c.sent[op.name][field]; {
			case !sent && !left[op.name+": "+field]:
				out = append(out, op.name+": "+field+" was never sent")
			case sent && left[op.name+": "+field]:
				out = append(out, op.name+": "+field+" was sent, although it is listed as unsent")
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.sent)) {
		if !slices.ContainsFunc(covered, func(op *operation) bool { return op.name == name }) {
			out = append(out, name+" was sent, but is deprecated or of no service that is covered")
		}
	}
	for _, name := range stale(c.departures, c.used) {
		out = append(out, "the departure is not needed any more: "+name)
	}
	return out
}

// omitted is the fields that are left out, and what is wrong with the list of them.
func (d *documents) omitted(list []omission) (map[string]bool, []string) {
	left, known := map[string]bool{}, map[string]bool{}
	var problems []string
	for _, op := range d.covered() {
		for _, field := range op.inputs() {
			known[op.name+": "+field] = true
		}
	}
	for _, o := range list {
		if strings.TrimSpace(o.reason) == "" || o.fields == "" {
			problems = append(problems, fmt.Sprintf("%s: %q is listed as unsent without a reason or a field", o.operation, o.fields))
		}
		for field := range strings.FieldsSeq(o.fields) {
			if name := o.operation + ": " + field; !known[name] || left[name] {
				problems = append(problems, name+" is listed as unsent, but no document has it, or it is listed twice")
			} else {
				left[name] = true
			}
		}
	}
	return left, problems
}

// inputs are the query parameters and the fields of the body of an operation.
func (o *operation) inputs() []string {
	out := o.queryNames()
	if schema := o.requestSchema(); schema != nil {
		out = append(out, fields(schema)...)
	}
	return out
}

// queryNames are sorted.
func (o *operation) queryNames() []string {
	var out []string
	for _, p := range o.parameters {
		if p.Value.In == "query" {
			out = append(out, p.Value.Name)
		}
	}
	slices.Sort(out)
	return out
}

// note remembers a request that was sent.
func (c *contract) note(op *operation, r *http.Request, body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sent[op.name] == nil {
		c.sent[op.name] = map[string]bool{}
	}
	for name := range r.URL.Query() {
		c.sent[op.name][name] = true
	}
	var value any
	if len(body) > 0 && decode(body, &value) == nil {
		for _, name := range names("", op.requestSchema(), value) {
			c.sent[op.name][name] = true
		}
	}
}

// TestGaps takes one thing after the other out of a complete record of what was sent.
func TestGaps(t *testing.T) {
	t.Parallel()
	d := load(t)
	complete := func() *contract {
		c := newContract(d)
		left, _ := d.omitted(unsent())
		for _, op := range d.covered() {
			c.sent[op.name] = map[string]bool{}
			for _, field := range op.inputs() {
				c.sent[op.name][field] = !left[op.name+": "+field]
			}
		}
		for _, name := range stale(c.departures, nil) {
			c.used[name] = true
		}
		return c
	}
	tests := []struct {
		name   string
		change func(c *contract)
		want   []string
	}{
		{"complete", func(*contract) {}, nil},
		{"an operation was never sent", func(c *contract) { delete(c.sent, "v2 Retry Run") }, []string{"v2 Retry Run was never sent"}},
		{"an operation of another service was sent", func(c *contract) { c.sent["v2 List Users"] = map[string]bool{} },
			[]string{"v2 List Users was sent, but is deprecated or of no service that is covered"}},
		{"a deprecated operation was sent", func(c *contract) { c.sent["v2 List Projects"] = map[string]bool{} },
			[]string{"v2 List Projects was sent, but is deprecated or of no service that is covered"}},
		{"a parameter was never sent", func(c *contract) { delete(c.sent["v2 List Runs"], "id__gt") }, []string{"v2 List Runs: id__gt was never sent"}},
		{"a field was never sent", func(c *contract) { delete(c.sent["v2 Create Job"], "schedule.time.hours") }, []string{"v2 Create Job: schedule.time.hours was never sent"}},
		{"a field in a list was never sent", func(c *contract) { delete(c.sent["v3 Create Projects Environment Variables Bulk"], "env_var.project") },
			[]string{"v3 Create Projects Environment Variables Bulk: env_var.project was never sent"}},
		{"a free key was never sent", func(c *contract) { delete(c.sent["v3 Update Projects Environment Variables Bulk"], "env_vars.*") },
			[]string{"v3 Update Projects Environment Variables Bulk: env_vars.* was never sent"}},
		{"an unsent parameter was sent", func(c *contract) { c.sent["v2 List Runs"]["offset"] = true }, []string{"v2 List Runs: offset was sent, although it is listed as unsent"}},
		{"a departure was not used", func(c *contract) { delete(c.used, "v2 Update Job body: id: unknown") },
			[]string{"the departure is not needed any more: v2 Update Job body: id: unknown"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := complete()
			test.change(c)
			if diff := cmp.Diff(test.want, c.gaps()); diff != "" {
				t.Errorf("gaps (-want +got):\n%s", diff)
			}
		})
	}
}

// The list of what is to be sent is not written by hand: what the documents' next version adds or retires is seen.
func TestOrphans(t *testing.T) {
	t.Parallel()
	var complete []*operation
	for _, tag := range tags() {
		complete = append(complete, anOperation("v3", "List "+tag, tag, false))
	}
	tests := []struct {
		name       string
		operations []*operation
		covered    int
		want       []string
	}{
		{"complete", complete, 6, nil},
		{"an operation is new", append(slices.Clone(complete), anOperation("v3", "Pause Job", "Jobs", false)), 7, nil},
		{"of another service", append(slices.Clone(complete), anOperation("v3", "List Users", "Users", false)), 6, nil},
		{"with a successor", append(slices.Clone(complete), anOperation("v2", "List Jobs", "Jobs", true)), 6, nil},
		{"without a successor", append(slices.Clone(complete), anOperation("v2", "Pause Job", "Jobs", true)), 6,
			[]string{"v2 Pause Job is deprecated, and nothing that is covered succeeds it"}},
		{"a tag is gone", complete[:5], 5, []string{"no operation has the tag Runs"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := &documents{test.operations}
			if diff := cmp.Diff(test.want, d.orphans()); diff != "" || len(d.covered()) != test.covered {
				t.Errorf("%d operations are covered, want %d; orphans (-want +got):\n%s", len(d.covered()), test.covered, diff)
			}
		})
	}
}

func anOperation(version, name, tag string, deprecated bool) *operation {
	return &operation{name: version + " " + name, Operation: &openapi3.Operation{OperationID: name, Tags: []string{tag}, Deprecated: deprecated}}
}

func TestOmissionsAreOfTheDocuments(t *testing.T) {
	t.Parallel()
	d := load(t)
	tests := []struct {
		name string
		list []omission
		want []string
	}{
		{"known", []omission{{"v2 List Runs", "offset", "a reason"}}, nil},
		{"no reason", []omission{{"v2 List Runs", "offset", " "}}, []string{`v2 List Runs: "offset" is listed as unsent without a reason or a field`}},
		{"no field", []omission{{"v2 List Runs", "", "a reason"}}, []string{`v2 List Runs: "" is listed as unsent without a reason or a field`}},
		{"an unknown field", []omission{{"v2 List Runs", "page", "a reason"}}, []string{"v2 List Runs: page is listed as unsent, but no document has it, or it is listed twice"}},
		{"an operation of another service", []omission{{"v2 List Users", "offset", "a reason"}}, []string{"v2 List Users: offset is listed as unsent, but no document has it, or it is listed twice"}},
		{"twice", []omission{{"v2 List Runs", "offset offset", "a reason"}}, []string{"v2 List Runs: offset is listed as unsent, but no document has it, or it is listed twice"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, problems := d.omitted(test.list)
			if diff := cmp.Diff(test.want, problems); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}
