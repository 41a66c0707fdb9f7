package contract

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// write is a write of the fake, strict as it is by default.
type write struct {
	operation string
	path      func(s *dbtcloudtest.Server, job int64) string // below /api
	body      func(job int64) object                         // that the fake takes
	edits     map[string]object                              // how a field is added for which not any value of its type will do
	taken     string                                         // fields that peers are known to send and the service to take, besides the departures
}

func writes() []write {
	jobEdits := map[string]object{
		"id": {"id": nil}, "job_completion_trigger_condition": {"job_completion_trigger_condition": nil}, "force_node_selection": {"force_node_selection": nil},
		"schedule.time.hours": {"schedule": object{"date": object{"type": "every_day"}, "time": object{"type": "at_exact_hours", "hours": []int{6}}}},
	}
	whole := func(more object) object {
		body := jobBody(object{"job_type": "other", "schedule": object{"date": object{"type": "every_day"}, "time": object{"type": "every_hour", "interval": 1}}})
		maps.Copy(body, more)
		return body
	}
	variable := func(job int64) object {
		return object{"account_id": dbtcloudtest.DefaultAccountID, "project_id": dbtcloudtest.DefaultProjectID, "name": "DBT_NEW", "type": "job", "job_definition_id": job}
	}
	variableEdits := map[string]object{"id": {"id": nil}}
	const jobs = "v2/accounts/70506183000001/jobs/"
	const variables = "v3/accounts/70506183000001/projects/70506183000002/environment-variables/"
	return []write{
		{
			"v2 Create Job", func(*dbtcloudtest.Server, int64) string { return jobs },
			func(int64) object { return whole(nil) }, jobEdits, "force_node_selection id", // terraform-provider-dbtcloud job.go sends both
		},
		{
			"v2 Update Job", func(_ *dbtcloudtest.Server, job int64) string { return jobs + fmt.Sprint(job) + "/" },
			func(job int64) object { return whole(object{"id": job}) }, jobEdits, "",
		},
		{
			"v2 Trigger Job Run", func(_ *dbtcloudtest.Server, job int64) string { return jobs + fmt.Sprint(job) + "/run/" },
			func(int64) object { return object{"cause": "a test"} }, nil, "",
		},
		{
			"v3 Create Projects Environment Variable", func(*dbtcloudtest.Server, int64) string { return variables },
			variable, variableEdits, "id", // terraform-provider-dbtcloud environment_variable_job_override.go sends null
		},
		{
			"v3 Update Projects Environment Variable", func(s *dbtcloudtest.Server, job int64) string {
				return variables + fmt.Sprint(s.AddEnvVarOverride(job, "DBT_LIMIT", "1")) + "/"
			},
			variable, variableEdits, "id",
		},
	}
}

// TestFakeTakesWhatTheDocumentAllows sends the fake every field that the document has, in a request or in the answer, or
// that this suite knows, and one in every object that nobody knows: it must take the fields of the official request and
// those that the service is known to take, and refuse the others by their name.
func TestFakeTakesWhatTheDocumentAllows(t *testing.T) {
	t.Parallel()
	d := load(t)
	for _, w := range writes() {
		t.Run(w.operation, func(t *testing.T) {
			t.Parallel()
			op := d.named(t, w.operation)
			official := fields(op.requestSchema())
			want := append(slices.Clone(official), strings.Fields(w.taken)...)
			for _, departure := range requestDepartures() {
				if departure.where == w.operation+" body" && departure.fields != settingOfTomorrow {
					want = append(want, strings.Fields(departure.fields)...)
				}
			}
			slices.Sort(want)
			var got []string
			for _, field := range candidates(op, want) {
				if w.takes(t, field, op.requestSchema()) {
					got = append(got, field)
				}
			}
			if diff := cmp.Diff(slices.Compact(want), got); diff != "" {
				t.Errorf("fields that the fake takes (-want +got):\n%s", diff)
			}
		})
	}
}

// candidates are the known fields, those of the answer, and an unknown one in every object.
func candidates(op *operation, known []string) []string {
	const nobodys = "field_of_nobody"
	answer, _ := op.answerSchema(http.StatusOK)
	out := append(slices.Clone(known), nobodys)
	for name := range answer.Properties["data"].Value.Properties {
		out = append(out, name)
	}
	for _, name := range known {
		if i := strings.LastIndex(name, "."); i > 0 {
			out = append(out, name[:i+1]+nobodys)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// anyOf is some value that the schema allows.
func anyOf(schema *openapi3.Schema) any {
	switch {
	case len(schema.Enum) > 0:
		return schema.Enum[0]
	case schema.Type.Is("integer"):
		return 1
	case schema.Type.Is("boolean"):
		return false
	case schema.Type.Is("array"):
		return []any{anyOf(schema.Items.Value)}
	}
	return "x"
}

// takes sends the body, with the field in it, to a new server and tells whether the fake took it.
func (w write) takes(t *testing.T, field string, schema *openapi3.Schema) bool {
	t.Helper()
	s := dbtcloudtest.New()
	job := s.AddJob(dbtcloudtest.JobSpec{JobType: "other"})
	client := try(s.Client()).must(t)
	body := w.body(job)
	if edit, ok := w.edits[field]; ok && body[field] == nil {
		maps.Copy(body, edit)
	} else {
		put(body, field, schema)
	}
	err := client.Do(t.Context(), http.MethodPost, "/api/"+w.path(s, job), body, nil)
	refused, ok := errors.AsType[*dbtcloud.Error](err)
	switch {
	case err == nil:
		return true
	case ok && refused.StatusCode == http.StatusBadRequest && cmp.Equal(refused.Fields, map[string]string{field: "extra keys not allowed"}):
		return false
	}
	t.Errorf("%s with %s: %v", w.operation, field, err)
	return false
}

// put adds a field, which may be one of an object in the body, unless the body has it.
func put(body object, field string, schema *openapi3.Schema) {
	parent, rest, nested := strings.Cut(field, ".")
	var below *openapi3.Schema
	if schema != nil && schema.Properties[parent] != nil {
		below = schema.Properties[parent].Value
	}
	switch _, given := body[parent]; {
	case nested:
		put(body[parent].(object), rest, below)
	case given:
	case below == nil:
		body[parent] = "x"
	default:
		body[parent] = anyOf(below)
	}
}

// TestFakeKnowsTheDocumentsParameters asks every operation for every parameter that any operation has, and for one that
// none has: the fake must know those of the document.
func TestFakeKnowsTheDocumentsParameters(t *testing.T) {
	t.Parallel()
	d := load(t)
	all := url.Values{"parameter_of_nobody": {"1"}}
	for _, name := range covered() {
		for _, field := range d.inputs(name) {
			all.Set(field, "1")
		}
	}
	for _, name := range covered() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			op, s := d.named(t, name), dbtcloudtest.New()
			client := try(s.Client()).must(t)
			path := strings.ReplaceAll(op.path, "{remainder}", "manifest.json")
			path = numbered.ReplaceAllString(strings.ReplaceAll(path, "{account_id}", strconv.FormatInt(s.AccountID(), 10)), "7")
			_ = client.Do(t.Context(), op.method, path+"?"+all.Encode(), nil, nil) // there is no job or run 7
			request := s.Requests()[0]
			if request.Operation == "" {
				t.Fatalf("the fake does not serve %s %s", op.method, path)
			}
			var got []string
			for parameter := range all {
				if !slices.Contains(request.Unknown, parameter) {
					got = append(got, parameter)
				}
			}
			var want []string
			for _, p := range op.parameters {
				if p.Value.In == "query" {
					want = append(want, p.Value.Name)
				}
			}
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("parameters that the fake knows (-want +got):\n%s", diff)
			}
		})
	}
}
