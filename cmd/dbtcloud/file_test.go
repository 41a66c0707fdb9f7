package main

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slimci/dbtcloud"
)

func parseJob(text string) (dbtcloud.JobRequest, error) {
	var req dbtcloud.JobRequest
	err := parseRequest(text, &req, reflect.TypeFor[*dbtcloud.Job](), "job")
	return req, err
}

func TestParseRequest(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		want       dbtcloud.JobRequest
	}{
		{"empty object", `{}`, dbtcloud.JobRequest{}},
		{"texts and numbers", ` {"name":"é\u00e9","project_id":9007199254740993,"job_type":"ci"} ` + "\n", dbtcloud.JobRequest{Name: "éé", ProjectID: 9007199254740993, Type: dbtcloud.JobCI}},
		{"null clears", `{"description":null,"settings":null,"name":"x"}`, dbtcloud.JobRequest{Name: "x", Clear: []string{"description", "settings"}}},
		{"false is said", `{"generate_docs":false}`, dbtcloud.JobRequest{GenerateDocs: new(false)}},
		{"lists", `{"execute_steps":["dbt build","dbt test"]}`, dbtcloud.JobRequest{ExecuteSteps: []string{"dbt build", "dbt test"}}},
		{"objects", `{"settings":{"threads":8},"execution":{"timeout_seconds":0},"schedule":{"date":{"type":"every_day"},"time":{"type":"at_exact_hours","hours":[4]}}}`,
			dbtcloud.JobRequest{Settings: &dbtcloud.JobSettings{Threads: 8}, Execution: &dbtcloud.JobExecution{}, Schedule: dbtcloud.DailyAt(4)}},
	}
	for _, test := range tests {
		got, err := parseJob(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestParseRequestRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"nothing", ``, "is not a JSON object, such as"},
		{"array", `[{"name":"x"}]`, "is not a JSON object"},
		{"cut off", `{"name":"x"`, "is not valid JSON from character 12 on"},
		{"two objects", `{}{}`, "has something after the JSON object"},
		{"twice", `{"name":"x","name":"y"}`, `"name" is given twice`},
		{"unknown field", `{"nam":"x"}`, `"nam" is no field of a job: did you mean name?`},
		{"other case", `{"Name":"x"}`, `"Name" is no field of a job: did you mean name?`},
		{"field like none", `{"colour_of_the_sky":"x"}`, `"colour_of_the_sky" is no field of a job: those are project_id, environment_id, name, `},
		{"read-only field", `{"created_at":"2025-01-01"}`, `"created_at" cannot be written, it is for the service to set: leave it out`},
		{"id", `{"id":5}`, `"id" cannot be written`},
		{"several at once", `{"id":5,"nam":"x","name":7}`, "\"id\" cannot be written, it is for the service to set: leave it out\n\"nam\" is no field of a job: did you mean name?\n\"name\" must be a text"},
		{"number for text", `{"name":7}`, `"name" must be a text`},
		{"text for number", `{"project_id":"7"}`, `"project_id" must be a whole number`},
		{"half a number", `{"project_id":7.5}`, `"project_id" must be a whole number`},
		{"huge number", `{"project_id":1e30}`, `"project_id" must be a whole number`},
		{"text for boolean", `{"generate_docs":"yes"}`, `"generate_docs" must be true or false`},
		{"text for list", `{"execute_steps":"dbt build"}`, `"execute_steps" must be an array`},
		{"text for object", `{"settings":"fast"}`, `"settings" must be an object`},
		{"text for number in an object", `{"settings":{"threads":"8"}}`, `"settings" has a "threads" that must be a whole number`},
		{"unknown field in an object", `{"settings":{"thread":8}}`, `"settings" has no field "thread"`},
		{"no name", `{"":null}`, `"" is no name of a field`},
		{"empty text", `{"description":""}`, `"description" is empty: give a value, or null in an update to clear it`},
		{"zero", `{"deferring_environment_id":0}`, `"deferring_environment_id" is empty`},
		{"empty list", `{"execute_steps":[]}`, `"execute_steps" is empty`},
		{"empty object", `{"settings":{ }}`, `"settings" is empty`},
		{"empty object that would turn all off", `{"triggers":{}}`, `"triggers" is empty`},
	}
	for _, test := range tests {
		if _, err := parseJob(test.text); err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.HasSuffix(err.Error(), ", ") {
			t.Errorf("%s: %s: error %v, want %s", test.name, test.text, err, test.want)
		}
	}
}

// TestRequestFieldsAreKnown: the names that --file takes are those of an answer, so that what one command prints another can take.
func TestRequestFieldsAreKnown(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]reflect.Type{
		{reflect.TypeFor[dbtcloud.JobRequest](), reflect.TypeFor[*dbtcloud.Job]()},
		{reflect.TypeFor[dbtcloud.ProjectRequest](), reflect.TypeFor[*dbtcloud.Project]()},
		{reflect.TypeFor[dbtcloud.EnvironmentRequest](), reflect.TypeFor[*dbtcloud.Environment]()},
		{reflect.TypeFor[dbtcloud.AccountRequest](), reflect.TypeFor[*dbtcloud.Account]()},
	} {
		answered := strings.Join(namesOf(pair[1]), " ") + " "
		for _, name := range namesOf(pair[0]) {
			if name != "" && !strings.Contains(answered, name+" ") {
				t.Errorf("%s writes %q, which %s does not have", pair[0], name, pair[1])
			}
		}
	}
}

func FuzzParseRequest(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"name":"x","execute_steps":["dbt build"],"settings":{"threads":8,"target_name":"t"}}`, `{"name":"x","name":"y"}`,
		`{"triggers":{"schedule":true},"schedule":{"date":{"type":"every_day"},"time":{"type":"every_hour","interval":1}}}`,
		`{"job_completion_trigger_condition":{"condition":{"job_id":1,"statuses":[10]}}}`, `{"id":1}`, `[`, `{"a":`, `{"name":"\ud800"}`, `{"":null}`,
	} {
		f.Add(seed)
	}
	const secret = "s3cr3t"
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := parseJob(text); err != nil && strings.ContainsAny(strings.ReplaceAll(err.Error(), "\n\"", ""), "\r\x00\x1b") {
			t.Fatalf("%q: error %q", text, err)
		}
		req, err := parseJob(`{"description":"` + secret + `","name":` + text + `}`)
		if err != nil && strings.Contains(err.Error(), secret) && !strings.Contains(text, secret) {
			t.Fatalf("%q: the error shows a value: %v", text, err)
		}
		if err == nil && (req.Description == "" || req.Name == "") {
			t.Fatalf("%q was taken, and %+v is what came of it", text, req)
		}
	})
}
