package dbtcloudtest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"testing"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// writeRequests is every operation that reads a body. J, P, E and V are a job, a project, an environment and a variable that exist.
func writeRequests() []string {
	return []string{
		"POST v2/accounts/A/", "PATCH v2/accounts/A/", "POST v3/accounts/A/projects/", "POST v3/accounts/A/projects/P/",
		"POST v3/accounts/A/projects/P/environments/", "POST v3/accounts/A/projects/P/environments/E/", "POST v2/accounts/A/environments/",
		"POST v2/accounts/A/environments/E/", "POST v3/accounts/A/projects/P/environment-variables/",
		"POST v3/accounts/A/projects/P/environment-variables/V/", "POST v3/accounts/A/projects/P/environment-variables/bulk/",
		"PUT v3/accounts/A/projects/P/environment-variables/bulk/", "DELETE v3/accounts/A/projects/P/environment-variables/bulk/",
		"POST v2/accounts/A/jobs/", "POST v2/accounts/A/jobs/J/", "POST v2/accounts/A/jobs/J/run/",
	}
}

// FuzzWrites sends any body to any operation: the answer is one that the service gives, and the account can be read afterwards.
func FuzzWrites(f *testing.F) {
	for i := range writeRequests() {
		for _, body := range []string{
			`{}`, `null`, `[]`, `{"name":null,"state":2}`, `{"env_var":[null,{"new_name":"DBT_X","project":"1","CI":""}]}`, `{"env_var":{"new_name":"DBT_X"}}`,
			`{"env_vars":{"name":"DBT_V","new_name":"DBT_W","CI":"1","99999999999999999999":null}}`, `{"name":"DBT_V","type":"environment","environment_id":1e30}`,
			`{"account_id":70506183000001,"project_id":70506183000002,"environment_id":70506183000003,"name":"x","type":"deployment","state":1}`,
		} {
			f.Add(uint8(i), true, []byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, lenient bool, body []byte) {
		mode := dbtcloudtest.Strict
		if lenient {
			mode = dbtcloudtest.Lenient
		}
		s := dbtcloudtest.New(dbtcloudtest.WithWrites(mode))
		c := fuzzed{t, s, s.AddJob(dbtcloudtest.JobSpec{}), s.AddProjectEnvVar(dbtcloudtest.DefaultProjectID, "DBT_V", "1")}
		requests := writeRequests()
		switch code := c.send(requests[int(which)%len(requests)], body); code {
		case 200, 204, 400, 404, 405:
		case 500: // what the service answers to a trigger without a body or a cause
			if int(which)%len(requests) != len(requests)-1 {
				t.Errorf("answered %d", code)
			}
		default:
			t.Errorf("answered %d", code)
		}
		for _, read := range []string{
			"GET v2/accounts/A/", "GET v3/accounts/A/projects/?state=all&include_related=environments,docs_job,repository",
			"GET v3/accounts/A/environments/?state=all&include_related=project", "GET v2/accounts/A/environments/?state=all",
			"GET v2/accounts/A/jobs/?state=all&include_related=environment,custom_environment_variables", "GET v2/accounts/A/runs/?include_related=trigger,job",
		} {
			if code := c.send(read, nil); code != 200 {
				t.Errorf("afterwards %s is answered %d", read, code)
			}
		}
	})
}

type fuzzed struct {
	t             *testing.T
	s             *dbtcloudtest.Server
	job, variable int64
}

// send returns the HTTP status of an answer, which must be JSON if it has a body.
func (c fuzzed) send(request string, body []byte) int {
	c.t.Helper()
	method, path := cut(request + " ")
	for name, id := range map[string]int64{
		"A": dbtcloudtest.DefaultAccountID, "P": dbtcloudtest.DefaultProjectID, "E": dbtcloudtest.DefaultEnvironmentID, "J": c.job, "V": c.variable,
	} {
		path = replace(path, name, strconv.FormatInt(id, 10))
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, "https://dbt.invalid/api/"+path[:len(path)-1], bytes.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Token "+c.s.Token())
	resp, err := c.s.Transport().RoundTrip(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil || len(raw) > 0 && !json.Valid(raw) {
		c.t.Fatalf("%s: %v, %q", request, err, raw)
	}
	return resp.StatusCode
}
