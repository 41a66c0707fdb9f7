package dbtcloud_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
)

type models struct {
	Job struct {
		Models []struct {
			UniqueID string
			JobID    int64 `json:"job_id"`
		}
	}
}

func TestQuery(t *testing.T) {
	t.Parallel()
	c, _ := scripted(t, always(200, "application/json", `{"data":{"job":{"models":[{"uniqueId":"model.a","job_id":"70506183137151","extra":1}]}}}`))
	var got models
	if err := c.Metadata.Query(t.Context(), "query { job { models { uniqueId } } }", nil, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Job.Models) != 1 || got.Job.Models[0].UniqueID != "model.a" || got.Job.Models[0].JobID != 70506183137151 {
		t.Errorf("got %+v", got)
	}
	if err := c.Metadata.Query(t.Context(), "query { x }", nil, nil); err != nil {
		t.Errorf("without a result: %v", err)
	}
}

// TestQueryErrors: what goes wrong over GraphQL has the form that it has everywhere.
func TestQueryErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		status int
		body   string
		text   string
		is     error
	}{
		{"errors", 200, `{"errors":[{"message":"Field 'x' not found","locations":[{"line":1,"column":2}],"extensions":{"code":"BAD"}},{"message":"And more"}]}`,
			"dbtcloud: POST /graphql: Field 'x' not found; And more", nil},
		{"empty error list", 200, `{"errors":[]}`, "dbtcloud: POST /graphql: the answer holds no data", nil},
		{"errors that are none", 200, `{"errors":"no"}`, "dbtcloud: POST /graphql: the answer does not decode: json: cannot unmarshal string", nil},
		{"a list", 200, `[]`, "dbtcloud: POST /graphql: the answer does not decode", nil},
		{"does not fit", 200, `{"data":{"job":[]}}`, "dbtcloud: POST /graphql: the answer does not decode", nil},
		{"HTML 200", 200, `<html>`, "dbtcloud: POST /graphql: the answer is not JSON: it is an HTML page", nil},
		{"two documents", 200, `{"data":{}}{"data":{}}`, "dbtcloud: POST /graphql: the answer is not JSON", nil},
		{"201", 201, `{"data":{"job":{"models":[{"uniqueId":"a"}]}}}`, "", nil},
		{"204", 204, ``, "dbtcloud: POST /graphql: 204 the answer is not JSON: it is empty", nil},
		{"302 to nowhere", 302, ``, "dbtcloud: POST /graphql: 302 Found", nil},
		{"400", 400, `{"errors":[{"message":"Syntax"}]}`, `errors.0.message: Syntax`, dbtcloud.ErrBadRequest},
		{"401", 401, refusal("Invalid token.", "null"), "401 Invalid token. Check the token, and the host", dbtcloud.ErrUnauthorized},
		{"403", 403, `{"message":"Forbidden"}`, "message: Forbidden", dbtcloud.ErrForbidden},
		{"429", 429, `slow down`, "429", dbtcloud.ErrRateLimited},
		{"500", 500, `<html>`, "500", dbtcloud.ErrServer},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, _ := scripted(t, always(test.status, "text/plain", test.body))
				var got models
				err := c.Metadata.Query(t.Context(), "query { job }", nil, &got)
				if test.text == "" {
					if err != nil {
						t.Error(err)
					}
					return
				}
				if _, ok := errors.AsType[*dbtcloud.Error](err); !ok || !strings.Contains(err.Error(), test.text) || test.is != nil && !errors.Is(err, test.is) {
					t.Errorf("error %v, want an *Error that says %q and is %v", err, test.text, test.is)
				}
			})
		})
	}
}

// TestQueryPartial: data that came beside errors is decoded.
func TestQueryPartial(t *testing.T) {
	t.Parallel()
	c, _ := scripted(t, always(200, "application/json", `{"data":{"job":{"models":[{"uniqueId":"a"}]}},"errors":[{"message":"half"}]}`))
	var got models
	err := c.Metadata.Query(t.Context(), "query { job }", nil, &got)
	if e, ok := errors.AsType[*dbtcloud.Error](err); !ok || e.Message != "half" || len(got.Job.Models) != 1 {
		t.Errorf("got %+v and %v", got, err)
	}
}

// TestQueryIsRepeated: a query is a read, though it is a POST.
func TestQueryIsRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, s := scripted(t, func(n int, _ *http.Request) (*http.Response, error) {
			if n < 3 {
				return response(503, "text/plain", ""), nil
			}
			return response(200, "application/json", `{"data":{}}`), nil
		})
		if err := c.Metadata.Query(t.Context(), "query { job }", map[string]any{"id": 1}, new(models)); err != nil {
			t.Fatal(err)
		}
		var bodies []string
		for _, r := range s.requests() {
			bodies = append(bodies, strings.TrimSpace(r.Body))
		}
		want := `{"query":"query { job }","variables":{"id":1}}`
		if diff := cmp.Diff([]string{want, want, want}, bodies); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestQueryRefusesVariables(t *testing.T) {
	t.Parallel()
	c, s := scripted(t, always(200, "application/json", `{"data":{}}`))
	if err := c.Metadata.Query(t.Context(), "query { job }", map[string]any{"f": func() {}}, nil); !errors.Is(err, dbtcloud.ErrInvalid) || len(s.lines()) != 0 {
		t.Errorf("error %v after %v, want ErrInvalid", err, s.lines())
	}
}

// TestMetadataURL: the endpoint is derived, or the one that was given; the token goes
// to it and nowhere else.
func TestMetadataURL(t *testing.T) {
	t.Parallel()
	for want, opts := range map[string][]dbtcloud.Option{
		"https://ab123.metadata.us1.dbt.com/graphql":      nil,
		"https://metadata.emea.dbt.com/graphql":           {dbtcloud.WithHost("emea.dbt.com")},
		"https://meta.example.com/beta/graphql":           {dbtcloud.WithMetadataURL("https://meta.example.com/beta/graphql")},
		"https://ab123.metadata.eu1.dbt.com:8443/graphql": {dbtcloud.WithHost("https://ab123.eu1.dbt.com:8443/")},
	} {
		c, s := scripted(t, always(200, "application/json", `{"data":{}}`), opts...)
		if err := c.Metadata.Query(t.Context(), "query { x }", nil, nil); err != nil {
			t.Fatal(err)
		}
		if r := s.requests()[0]; r.URL != want || r.Header.Get("Authorization") != "Token "+secret {
			t.Errorf("sent to %s with %v, want %s", r.URL, r.Header, want)
		}
	}
}
