package dbtcloud_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
)

func TestJobOverrides(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, data string
		want       []dbtcloud.JobOverride
	}{
		{"none", `{}`, nil},
		{"null", `null`, nil},
		{"other scopes only", `{"DBT_A":{"project":{"id":1,"value":"p"},"environment":{"id":2,"value":"e"},"job":null},"DBT_B":{},"DBT_C":null}`, nil},
		{"sorted by name", `{"DBT_Z":{"job":{"id":3,"value":"z"}},"DBT_A":{"environment":{"id":2,"value":"e"},"job":{"id":4,"value":""}},"DBT_M":{"job":{"id":5,"value":null}}}`,
			[]dbtcloud.JobOverride{{ID: 4, Name: "DBT_A"}, {ID: 5, Name: "DBT_M"}, {ID: 3, Name: "DBT_Z", Value: "z"}}},
		{"ids as strings leave values alone", `{"DBT_ID":{"job":{"id":"70506183000009","value":"007"}}}`, []dbtcloud.JobOverride{{ID: 70506183000009, Name: "DBT_ID", Value: "007"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, _ := scripted(t, always(200, "application/json", envelope(test.data)))
			got, err := c.EnvironmentVariables.JobOverrides(t.Context(), 3, 9)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestJobOverrideSecret: a value that is masked is known as such, and no value is
// printed.
func TestJobOverrideSecret(t *testing.T) {
	t.Parallel()
	tests := map[dbtcloud.JobOverride]bool{
		{Name: "DBT_ENV_SECRET_KEY", Value: ""}:        true,
		{Name: "DBT_ENV_SECRET_KEY", Value: "visible"}: true,
		{Name: "DBT_X", Value: "**********"}:           true,
		{Name: "DBT_X", Value: "a*b"}:                  false,
		{Name: "DBT_X", Value: ""}:                     false,
		{Name: "DBT_X", Value: "visible"}:              false,
	}
	for o, want := range tests {
		if o.Secret() != want {
			t.Errorf("%s with %q: secret is %v", o.Name, o.Value, o.Secret())
		}
		o.ID = 5
		if got := fmt.Sprintf("%v %+v %s", o, o, []dbtcloud.JobOverride{o}); strings.Contains(got, "visible") || !strings.Contains(got, o.Name+" (override 5)") {
			t.Errorf("printed as %s", got)
		}
	}
}

// TestVariablesRefuse: what the service would refuse is named before it is asked, and
// without the value.
func TestVariablesRefuse(t *testing.T) {
	t.Parallel()
	type request = dbtcloud.EnvironmentVariableRequest
	tests := []struct {
		req  request
		want []string
	}{
		{request{}, []string{`name: "" must start with DBT_`, "raw_value: is required"}},
		{request{Name: "X", Value: "v1sible"}, []string{`name: "X" must start with DBT_`}},
		{request{Name: "dbt_x", Value: "v1sible"}, []string{"must start with DBT_"}},
		{request{Name: "DBT_x", Value: "v1sible"}, []string{"be upper case"}},
		{request{Name: "DBT_X", Value: "v1sible\xff"}, []string{"raw_value: is not valid UTF-8"}},
		{request{Name: "DBT_X", Value: "v1sible", Scope: "galaxy"}, []string{`type: "galaxy" is no scope`}},
		{request{Name: "DBT_X", Value: "v1sible", Scope: dbtcloud.ScopeEnvironment}, []string{"environment_id: is required with the scope environment"}},
		{request{Name: "DBT_X", Value: "v1sible", Scope: dbtcloud.ScopeJob}, []string{"job_definition_id: is required with the scope job"}},
		{request{Name: "DBT_X", Value: "v1sible", Scope: dbtcloud.ScopeUser, UserID: -8}, []string{"user_id: must be positive, not -8"}},
		{request{Name: "DBT_X", Value: "v1sible", JobID: 9}, []string{"job_definition_id: belongs to the scope job only"}},
		{request{Name: "DBT_X", Value: "v1sible", Scope: dbtcloud.ScopeUser, JobID: 9, EnvironmentID: 4},
			[]string{"user_id: is required with the scope user", "job_definition_id: belongs", "environment_id: belongs"}},
	}
	for _, test := range tests {
		c, s := scripted(t, always(200, "application/json", envelope(`{"id":1}`)))
		_, created := c.EnvironmentVariables.Create(t.Context(), 3, test.req)
		_, updated := c.EnvironmentVariables.Update(t.Context(), 3, 1, test.req)
		for _, err := range []error{created, updated} {
			for _, want := range test.want {
				if !errors.Is(err, dbtcloud.ErrInvalid) || !strings.Contains(err.Error(), want) {
					t.Errorf("error %v, want ErrInvalid that says %q", err, want)
				}
			}
			if err != nil && strings.Contains(err.Error(), "v1sible") {
				t.Errorf("the error shows the value: %v", err)
			}
		}
		if len(s.lines()) != 0 {
			t.Errorf("sent %v", s.lines())
		}
	}
}

// TestVariableBodies: each scope with its id, and a blank value, which is one.
func TestVariableBodies(t *testing.T) {
	t.Parallel()
	type request = dbtcloud.EnvironmentVariableRequest
	tests := map[string]request{
		`{"account_id":7,"project_id":3,"type":"project","name":"DBT_X","raw_value":" "}`:                               {Name: "DBT_X", Value: " "},
		`{"account_id":7,"project_id":3,"type":"environment","name":"DBT_X","raw_value":"v","environment_id":4}`:        {Name: "DBT_X", Value: "v", Scope: dbtcloud.ScopeEnvironment, EnvironmentID: 4},
		`{"account_id":7,"project_id":3,"type":"job","name":"DBT_X","raw_value":"<&>\"","job_definition_id":9}`:         {Name: "DBT_X", Value: `<&>"`, Scope: dbtcloud.ScopeJob, JobID: 9},
		`{"account_id":7,"project_id":3,"type":"user","name":"DBT_X","raw_value":"v","user_id":9007199254740993}`:       {Name: "DBT_X", Value: "v", Scope: dbtcloud.ScopeUser, UserID: 9007199254740993},
		`{"account_id":7,"project_id":3,"type":"project","name":"DBT_ENV_SECRET_X","raw_value":"line 1\nline 2\u0000"}`: {Name: "DBT_ENV_SECRET_X", Value: "line 1\nline 2\x00", Scope: dbtcloud.ScopeProject},
	}
	for want, req := range tests {
		c, s := scripted(t, always(200, "application/json", envelope(`{"id":1}`)))
		if _, err := c.EnvironmentVariables.Create(t.Context(), 3, req); err != nil {
			t.Errorf("%s: %v", want, err)
			continue
		}
		if diff := cmp.Diff(parsed(t, want), parsed(t, s.requests()[0].Body)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// TestVariablesDecode: the three views of a project's variables, nulls and all.
func TestVariablesDecode(t *testing.T) {
	t.Parallel()
	value := func(id int64, v string) *dbtcloud.VariableValue { return &dbtcloud.VariableValue{ID: id, Value: v} }
	answer := `{"DBT_Z":{"project":{"id":1,"value":"p"},"environment":null,"job":{"id":"70506183000009","value":"007"},"user":{"id":2,"value":null}},"DBT_A":null}`
	c, _ := scripted(t, always(200, "application/json", envelope(answer)))
	want := []dbtcloud.VariableScopes{{Name: "DBT_A"}, {Name: "DBT_Z", Project: value(1, "p"), Job: value(70506183000009, "007"), User: value(2, "")}}
	forJob, err1 := c.EnvironmentVariables.ForJob(t.Context(), 3, 9)
	forUser, err2 := c.EnvironmentVariables.ForUser(t.Context(), 3, 8)
	if diff := cmp.Diff([][]dbtcloud.VariableScopes{want, want}, [][]dbtcloud.VariableScopes{forJob, forUser}); diff != "" || err1 != nil || err2 != nil {
		t.Errorf("%v, %v (-want +got):\n%s", err1, err2, diff)
	}
	c, _ = scripted(t, always(200, "application/json", envelope(`{"environments":["project","CI","Production"],
		"variables":{"DBT_Z":{"project":{"id":1,"value":"p"},"CI":{"id":2,"value":""},"Production":null},"DBT_A":{}}}`)))
	table, err := c.EnvironmentVariables.ForEnvironments(t.Context(), 3)
	wantTable := &dbtcloud.VariableTable{Environments: []string{"project", "CI", "Production"}, Variables: []dbtcloud.VariableRow{
		{Name: "DBT_A", Values: map[string]dbtcloud.VariableValue{}}, {Name: "DBT_Z", Values: map[string]dbtcloud.VariableValue{"project": *value(1, "p"), "CI": *value(2, "")}}}}
	if diff := cmp.Diff(wantTable, table); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// TestVariableValuesAreNotPrinted: whatever holds a value does not show it.
func TestVariableValuesAreNotPrinted(t *testing.T) {
	t.Parallel()
	value := dbtcloud.VariableValue{ID: 5, Value: "v1sible"}
	answered := new(dbtcloud.EnvironmentVariable)
	if err := json.Unmarshal([]byte(`{"id":5,"name":"DBT_X","type":"job","display_value":"v1sible"}`), answered); err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{
		value, &value, answered, *answered, dbtcloud.EnvironmentVariableRequest{Name: "DBT_X", Value: "v1sible"},
		dbtcloud.VariableValues{Name: "DBT_X", Project: "v1sible", Environments: map[string]string{"CI": "v1sible"}},
		dbtcloud.BulkUpdate{Name: "DBT_X", Values: map[string]*string{"CI": new("v1sible")}},
		dbtcloud.VariableScopes{Name: "DBT_X", Project: &value, Environment: &value, Job: &value, User: &value},
		dbtcloud.VariableTable{Variables: []dbtcloud.VariableRow{{Name: "DBT_X", Values: map[string]dbtcloud.VariableValue{"CI": value}}}},
	} {
		for _, v := range []any{v, []any{v}, struct{ V any }{v}} {
			text := fmt.Sprintf("%v %+v %s", v, v, v)
			if strings.Contains(text, "v1sible") || !strings.Contains(text, "DBT_X") && !strings.Contains(text, "value 5") {
				t.Errorf("%T is printed as %s", v, text)
			}
		}
	}
}

// TestValuesLeaveErrorsWhole: a value that is also a word of JSON or of the API takes
// nothing away from what an error says.
func TestValuesLeaveErrorsWhole(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"false", "true", "null", "data", "status", "is_success", "user_message", "raw_value", "name", "1000", "p@ss/wörd & <more>"} {
		echo := encoded(map[string]any{"status": map[string]any{"code": 1000, "is_success": false, "user_message": "It is invalid."}, "data": map[string]any{"name": "Taken.", "raw_value": "bad: " + value}})
		c, _ := scripted(t, always(400, "application/json", echo))
		_, err := c.EnvironmentVariables.Create(t.Context(), 1, dbtcloud.EnvironmentVariableRequest{Name: "DBT_X", Value: value})
		want := map[string]string{"name": "Taken.", "raw_value": "bad: [redacted]"}
		if e, ok := errors.AsType[*dbtcloud.Error](err); !ok || e.Message != "It is invalid." || !cmp.Equal(e.Fields, want) {
			t.Errorf("value %q: error %v, want the message and the fields %v", value, err, want)
		}
	}
}

// TestValueAnywhere: a value is not repeated as a number, as the name of a field, in what
// comes twice, on a page or in an address.
func TestValueAnywhere(t *testing.T) {
	t.Parallel()
	const number, text = "4815162342", `p@ss wörd/<&>"1"`
	for name, body := range map[string]string{
		"number": `{"status":{"is_success":false},"data":{"raw_value":` + number + `,"list":[{"n":-` + number + `}]}}`,
		"name":   refusal("Invalid.", `{`+quote(text)+`:"is bad","x":{"a `+number+`":1}}`),
		"twice":  `{"data":{"raw_value":` + quote(text) + `,"raw_value":"again"},"status":{"is_success":false}}`,
		"page":   "<html>" + html.EscapeString(text) + " " + number,
		"query":  "<html>?value=" + url.QueryEscape(text) + "&" + url.PathEscape(text),
		"rest":   `{"data":null} ` + number,
	} {
		for _, value := range []string{number, text} {
			c, _ := scripted(t, always(400, "application/json", body))
			_, err := c.EnvironmentVariables.Create(t.Context(), 1, dbtcloud.EnvironmentVariableRequest{Name: "DBT_X", Value: value})
			e, ok := errors.AsType[*dbtcloud.Error](err)
			if !ok {
				t.Fatalf("%s: error %v, want an *Error", name, err)
			}
			said := fmt.Sprintf("%v %+v %s %s", err, e, e.Body, e.Data)
			for _, secret := range []string{value, quote(value), html.EscapeString(value), url.QueryEscape(value), url.PathEscape(value)} {
				if strings.Contains(said, secret) {
					t.Errorf("%s: the value %q is in %s", name, secret, said)
				}
			}
		}
	}
}

// TestRequestedValuesAreNotLogged: what is sent may be secret, so that no log and no
// printer shows it.
func TestRequestedValuesAreNotLogged(t *testing.T) {
	t.Parallel()
	for _, v := range []any{
		dbtcloud.EnvironmentVariableRequest{Name: "DBT_X", Value: "v1sible"},
		&dbtcloud.VariableValues{Name: "DBT_X", Project: "v1sible", Environments: map[string]string{"CI": "v1sible"}},
		dbtcloud.BulkUpdate{Name: "DBT_X", Values: map[string]*string{"CI": new("v1sible")}},
	} {
		var log strings.Builder
		slog.New(slog.NewJSONHandler(&log, nil)).Info("text", "request", v)
		slog.New(slog.NewTextHandler(&log, nil)).Info("text", "request", v)
		fmt.Fprintf(&log, "%#v %#v", v, []any{v})
		if strings.Contains(log.String(), "v1sible") || strings.Count(log.String(), "DBT_X") != 4 {
			t.Errorf("%T is logged as %s", v, log.String())
		}
	}
}

func TestOverrideValueIsNotRepeated(t *testing.T) {
	t.Parallel()
	const value = `s3cr\et "value"`
	echo, err := json.Marshal(map[string]any{"status": map[string]any{"is_success": false, "user_message": "bad value " + value}, "data": map[string]any{"raw_value": value}})
	if err != nil {
		t.Fatal(err)
	}
	c, _ := scripted(t, always(400, "application/json", string(echo)))
	_, err = c.EnvironmentVariables.Create(t.Context(), 1, dbtcloud.EnvironmentVariableRequest{Name: "DBT_X", Value: value, Scope: dbtcloud.ScopeJob, JobID: 2})
	e, ok := errors.AsType[*dbtcloud.Error](err)
	if !ok || e.Fields["raw_value"] != "[redacted]" {
		t.Errorf("error %v; want the field raw_value, redacted", err)
	}
	if text := fmt.Sprintf("%v %+v %s %s", err, e, e.Body, e.Data); strings.Contains(text, "s3cr") {
		t.Errorf("the value is in %s", text)
	}
}
