package dbtcloud_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

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
		{"neither data nor errors", 200, `{}`, "dbtcloud: POST /graphql: the answer holds no data", nil},
		{"null data", 200, `{"data":null}`, "dbtcloud: POST /graphql: the answer holds no data", nil},
		{"null errors", 200, `{"data":{"job":{"models":[]}},"errors":null}`, "", nil},
		{"no errors", 200, `{"errors":[],"data":{"job":{"models":[]}}}`, "", nil},
		{"extensions", 200, `{"extensions":{"errors":1},"data":{"job":null}}`, "", nil},
		{"cut off", 200, `{"data":{"job":{`, "dbtcloud: POST /graphql: the answer does not decode", nil},
		{"400 of a proxy", 400, `<html>`, "400 Bad Request (it is an HTML page", dbtcloud.ErrBadRequest},
		{"400 with other words", 400, `{"errors":{"query":["is missing"]}}`, `400 {"query":["is missing"]}`, dbtcloud.ErrInvalidQuery},
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

// TestGraphQLErrorKeepsTheAnswer: status, id of the request, messages and data survive, in
// a refusal as in a success, and an *Error is in it.
func TestGraphQLErrorKeepsTheAnswer(t *testing.T) {
	t.Parallel()
	const body = `{"data":{"job":{"models":[{"uniqueId":"a"}]}},"errors":[{"message":"half","path":["job","models",0],"locations":[{"line":1,"column":9}],"extensions":{"code":"HALF"}}]}`
	for _, status := range []int{200, 400, 500} {
		c, _ := scripted(t, func(int, *http.Request) (*http.Response, error) {
			resp := response(status, "application/json", body)
			resp.Header.Set("X-Request-Id", "r-1")
			return resp, nil
		}, noRetry)
		var got jobModels
		err := c.Metadata.Query(t.Context(), "query { job }", nil, &got)
		e, ok := errors.AsType[*dbtcloud.GraphQLError](err)
		if !ok {
			t.Fatalf("%d: %v, want a *GraphQLError", status, err)
		}
		want := []dbtcloud.GraphQLMessage{{Message: "half", Code: "HALF", Path: []any{"job", "models", 0}, Locations: []dbtcloud.GraphQLLocation{{Line: 1, Column: 9}}}}
		if diff := cmp.Diff(want, e.Errors); diff != "" {
			t.Errorf("%d (-want +got):\n%s", status, diff)
		}
		if string(e.Data) != `{"job":{"models":[{"uniqueId":"a"}]}}` {
			t.Errorf("%d: data %s", status, e.Data)
		}
		answer, ok := errors.AsType[*dbtcloud.Error](err)
		if !ok || answer.StatusCode != status || answer.RequestID != "r-1" || answer.Operation != "POST /graphql" || answer.Message != "half" || string(answer.Body) != body {
			t.Errorf("%d: the *Error is %+v", status, answer)
		}
		if !strings.Contains(err.Error(), "half (request r-1)") {
			t.Errorf("%d: text %s", status, err)
		}
		if status == 200 && len(got.Job.Models) != 1 {
			t.Errorf("the data beside the errors is not decoded: %+v", got)
		}
	}
}

// TestGraphQLErrorIsSilent: the token is in no part of it, however the server says it, and
// the body and the data are in no log.
func TestGraphQLErrorIsSilent(t *testing.T) {
	t.Parallel()
	escaped := strings.NewReplacer("/", `\/`, "+", `\u002b`).Replace(secret)
	for _, said := range []string{secret, escaped} {
		body := strings.ReplaceAll(`{"errors":[{"message":"TOKEN","path":["TOKEN",{"TOKEN":1}],"extensions":{"code":"TOKEN","h":"TOKEN"}},{"message":{"a":"TOKEN"}},"TOKEN"],"data":{"a":"TOKEN","b":"unlogged"}}`, "TOKEN", said)
		for _, status := range []int{200, 400} {
			c, _ := scripted(t, always(status, "application/json", body))
			err := c.Metadata.Query(t.Context(), "query { job }", nil, nil)
			e, ok := errors.AsType[*dbtcloud.GraphQLError](err)
			if !ok || !strings.Contains(string(e.Data), "unlogged") {
				t.Fatalf("%d: %v, want a *GraphQLError with data", status, err)
			}
			var log bytes.Buffer
			slog.New(slog.NewTextHandler(&log, nil)).Error("failed", "err", e)
			slog.New(slog.NewJSONHandler(&log, nil)).Error("failed", "err", e)
			if strings.Contains(log.String()+err.Error(), "unlogged") {
				t.Errorf("data is logged: %s", log.String())
			}
			answer, _ := errors.AsType[*dbtcloud.Error](err)
			asJSON, _ := json.Marshal(e)
			for _, text := range []string{log.String(), string(asJSON), string(e.Data), string(answer.Body), fmt.Sprintf("%v %+v %#v %q", err, err, err, err),
				fmt.Sprintf("%v %+v %#v", *e, *e, *e), fmt.Sprintf("%v %+v %#v", e.Errors, e.Errors, e.Errors)} {
				checkSecret(t, "GraphQLError", text)
			}
		}
	}
}

// TestBodiesHideNoToken: not even what is no JSON, or too much of it to be read, shows
// the token in its escapes.
func TestBodiesHideNoToken(t *testing.T) {
	t.Parallel()
	var escaped strings.Builder
	for _, char := range secret {
		fmt.Fprintf(&escaped, `\u%04X`, char)
	}
	for _, said := range []string{secret, strings.ReplaceAll(secret, "/", `\/`), escaped.String(), strings.ToLower(escaped.String()[:6]) + escaped.String()[6:]} {
		for name, body := range map[string]string{
			"broken": `{"x":"TOKEN"`, "followed": `{"x":1} "TOKEN"`, "text": `TOKEN`, "page": `<html>TOKEN`,
			"long": `{"errors":[{"message":"TOKEN"}],"x":"` + strings.Repeat("x", 2<<20) + `"}`,
		} {
			for _, status := range []int{200, 400} {
				c, _ := scripted(t, always(status, "application/json", strings.ReplaceAll(body, "TOKEN", said)), noRetry)
				err := c.Metadata.Query(t.Context(), "{ a }", nil, nil)
				e, ok := errors.AsType[*dbtcloud.Error](err)
				if !ok || !strings.Contains(string(e.Body), "[redacted]") {
					t.Errorf("%s, %d: %v", name, status, err)
					continue
				}
				if text := fmt.Sprintf("%v %#v %s", err, e, e.Body); strings.Contains(text, said) {
					t.Errorf("%s, %d: the token is in %.200s", name, status, text)
				}
			}
		}
	}
}

// TestQueryIsNotRepeatedForNothing: a refusal comes back at once and is asked once.
func TestQueryIsNotRepeatedForNothing(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]*http.Response{
		"no token in a 200": response(200, "application/json", `{"errors":[{"message":"No token was provided."}]}`),
		"401":               response(401, "application/json", `{"errors":[{"message":"No token was provided."}]}`),
		"401 without JSON":  response(401, "text/plain", "no"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, s := scripted(t, func(int, *http.Request) (*http.Response, error) { return answer, nil })
				begin := time.Now()
				err := c.Metadata.Query(t.Context(), "query { job }", nil, nil)
				if !errors.Is(err, dbtcloud.ErrUnauthorized) || len(s.requests()) != 1 || time.Since(begin) != 0 {
					t.Errorf("%v after %d requests and %v, want ErrUnauthorized at once", err, len(s.requests()), time.Since(begin))
				}
			})
		})
	}
}
