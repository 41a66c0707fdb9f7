package dbtcloud_test

import (
	"encoding/json"
	"errors"
	"fmt"
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

// TestOverrideRefuses: what the service would refuse is named before it is asked.
func TestOverrideRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		job         int64
		name, value string
		want        string
	}{
		{9, "X", "v", `name: "X" must start with DBT_`},
		{9, "dbt_x", "v", "must start with DBT_"},
		{9, "DBT_x", "v", "be upper case"},
		{9, "DBT_X", "", "raw_value: is required"},
		{0, "DBT_X", "v", "job_definition_id: is required"},
	}
	for _, test := range tests {
		c, s := scripted(t, always(200, "application/json", envelope(`{}`)))
		req := dbtcloud.EnvironmentVariableRequest{Name: test.name, Value: test.value, Scope: dbtcloud.ScopeJob, JobID: test.job}
		_, created := c.EnvironmentVariables.Create(t.Context(), 3, req)
		_, updated := c.EnvironmentVariables.Update(t.Context(), 3, 1, req)
		for _, err := range []error{created, updated} {
			if !errors.Is(err, dbtcloud.ErrInvalid) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want ErrInvalid that says %q", err, test.want)
			}
			if err != nil && test.value != "" && strings.Contains(err.Error(), `"`+test.value+`"`) {
				t.Errorf("the error shows the value: %v", err)
			}
		}
		if len(s.lines()) != 0 {
			t.Errorf("sent %v", s.lines())
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
