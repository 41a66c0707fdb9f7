package dbtcloud_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/slimci/dbtcloud"
)

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
			"dbtcloud: POST /graphql: Field 'x' not found; And more. Check the environment id", dbtcloud.ErrNotFound},
		{"empty error list", 200, `{"errors":[]}`, "dbtcloud: POST /graphql: the answer holds no data", nil},
		{"errors that are none", 200, `{"errors":"no"}`, "dbtcloud: POST /graphql: no", nil},
		{"a list", 200, `[]`, "dbtcloud: POST /graphql: the answer is not a JSON object: 2 bytes", nil},
		{"does not fit", 200, `{"data":{"job":[]}}`, "dbtcloud: POST /graphql: the answer does not decode", nil},
		{"HTML 200", 200, `<html>`, "dbtcloud: POST /graphql: the answer is not a JSON object: it is an HTML page", nil},
		{"two documents", 200, `{"data":{}}{"data":{}}`, "dbtcloud: POST /graphql: the answer does not decode", nil},
		{"201", 201, `{"data":{"job":{"models":[{"uniqueId":"a"}]}}}`, "", nil},
		{"204", 204, ``, "dbtcloud: POST /graphql: 204 the answer is not a JSON object: it is empty", nil},
		{"302 to nowhere", 302, ``, "dbtcloud: POST /graphql: 302 Found", nil},
		{"400", 400, `{"errors":[{"message":"Syntax"}]}`, "dbtcloud: POST /graphql: 400 Syntax", dbtcloud.ErrBadRequest},
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
				var got jobModels
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
	var got jobModels
	err := c.Metadata.Query(t.Context(), "query { job }", nil, &got)
	if e, ok := errors.AsType[*dbtcloud.Error](err); !ok || e.Message != "half" || len(got.Job.Models) != 1 {
		t.Errorf("got %+v and %v", got, err)
	}
}
