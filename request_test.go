package dbtcloud_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
)

// TestWire: each method sends exactly the requests of the table, with the headers
// that every request has.
func TestWire(t *testing.T) {
	t.Parallel()
	for _, m := range methods() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			c, s := scripted(t, always(200, "application/json", m.body(m.good(t))), dbtcloud.WithUserAgent("orchestra/2.1"))
			got, err := m.call(t.Context(), c)
			if err != nil {
				t.Fatalf("%s: %v", m.name, err)
			}
			if m.shape != ignored && (got == nil || got == "") {
				t.Errorf("%s returned nothing", m.name)
			}
			if diff := cmp.Diff(m.requests, s.lines()); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			for i, r := range s.requests() {
				checkBody(t, m, i, r)
				checkHeaders(t, m, r)
			}
		})
	}
}

func checkBody(t *testing.T, m method, i int, r sent) {
	t.Helper()
	want := ""
	if i < len(m.bodies) {
		want = m.bodies[i]
	}
	if want == "" {
		if r.Body != "" {
			t.Errorf("%s: has the body %s, want none", r.Line, r.Body)
		}
		return
	}
	if diff := cmp.Diff(parsed(t, want), parsed(t, r.Body)); diff != "" {
		t.Errorf("%s: body (-want +got):\n%s", r.Line, diff)
	}
}

func parsed(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

func checkHeaders(t *testing.T, m method, r sent) {
	t.Helper()
	want := http.Header{"Authorization": {"Token " + secret}, "Accept": {"application/json"}}
	if m.shape == stream {
		want.Set("Accept", "application/json, */*;q=0.9")
	}
	if r.Body != "" {
		want.Set("Content-Type", "application/json")
	}
	got := r.Header.Clone()
	if agent := got.Get("User-Agent"); !strings.HasPrefix(agent, "slimci-dbtcloud/") || !strings.HasSuffix(agent, " orchestra/2.1") {
		t.Errorf("%s: User-Agent is %q", r.Line, agent)
	}
	got.Del("User-Agent")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: headers (-want +got):\n%s", r.Line, diff)
	}
	host := "https://ab123.us1.dbt.com/"
	if m.shape == graph {
		host = "https://ab123.metadata.us1.dbt.com/"
	}
	if !strings.HasPrefix(r.URL, host) {
		t.Errorf("%s went to %s, want %s", r.Line, r.URL, host)
	}
}

// verdict is what becomes of an answer.
type verdict int

const (
	fine   verdict = iota // a result
	failed                // an *Error; for a create or a trigger inside of an *UncertainError
	denied                // an *Error also for a create or a trigger: nothing happened
)

// badAnswers are answers as no document has them, and what each shape of method
// makes of them: a typed result or a typed error.
func badAnswers() []badAnswer {
	html := "<!doctype html><title>Uh oh!</title>"
	isDelete := func(m method) bool { return strings.HasPrefix(m.requests[0], "DELETE") }
	fineFor := func(shapes ...shape) func(method) verdict {
		return func(m method) verdict {
			if m.shape == stream || slices.Contains(shapes, m.shape) {
				return fine
			}
			return failed
		}
	}
	bare := func(m method) verdict {
		if isDelete(m) || m.shape == stream {
			return fine
		}
		return failed
	}
	same := func(body string) func(method, string) string { return func(method, string) string { return body } }
	wrapped := func(data string) func(method, string) string {
		return func(m method, _ string) string { return m.body(data) }
	}
	return []badAnswer{
		{name: "HTML 200", contentType: "text/html", body: same(html), want: func(method) verdict { return failed }},
		{name: "HTML 502", status: 502, contentType: "text/html", body: same(html), want: func(method) verdict { return failed }},
		{name: "empty 200", body: same(""), want: bare},
		{name: "blank 200", body: same(" \n"), want: bare},
		{name: "204", status: 204, body: same(""), want: fineFor(ignored, list, scopes)},
		{name: "data null", body: wrapped("null"), want: fineFor(ignored, list, scopes)},
		{name: "data null with blanks", body: same(`{ "data" : null , "status": {} }`), want: fineFor(ignored, list, scopes)},
		{name: "no data", body: same(`{"status":{"code":200}}`), want: fineFor(ignored, list, scopes)},
		{name: "null", body: same("null"), want: bare},
		{name: "bare list", body: same("[]"), want: bare},
		{name: "bare object", body: same("{}"), want: func(m method) verdict {
			if m.name == "Client.Do" {
				return fine // the only one that takes what has no envelope
			}
			return bare(m)
		}},
		{name: "data text", body: wrapped(`"x"`), want: fineFor(ignored)},
		{name: "data number", body: wrapped("3"), want: fineFor(ignored)},
		{name: "data of lists", body: wrapped(`[[]]`), want: fineFor(ignored)},
		{name: "data without an id", body: wrapped("{}"), want: func(m method) verdict {
			if m.name == "Client.Do" || m.shape == graph {
				return fine
			}
			return fineFor(ignored, scopes, sheet)(m)
		}},
		{name: "truncated", body: func(_ method, good string) string { return good[:len(good)-1] }, want: fineFor()},
		{name: "half", body: func(_ method, good string) string { return good[:len(good)/2] }, want: fineFor()},
		{name: "refused with 200", body: same(refusal("Not today.", "null")), want: func(m method) verdict {
			if m.shape == stream {
				return fine
			}
			return denied
		}},
	}
}

type badAnswer struct {
	name        string
	status      int    // 200 if 0
	contentType string // JSON if empty
	body        func(m method, good string) string
	want        func(m method) verdict
}

func TestBadAnswers(t *testing.T) {
	t.Parallel()
	for _, m := range methods() {
		for _, bad := range badAnswers() {
			t.Run(m.name+"/"+bad.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					status, contentType := bad.status, bad.contentType
					if status == 0 {
						status = 200
					}
					if contentType == "" {
						contentType = "application/json"
					}
					c, s := scripted(t, always(status, contentType, bad.body(m, m.body(m.good(t)))))
					_, err := m.call(t.Context(), c)
					checkVerdict(t, m, bad.want(m), err)
					if m.once && len(s.lines()) != 1 {
						t.Errorf("was sent %d times, want once", len(s.lines()))
					}
				})
			})
		}
	}
}

func checkVerdict(t *testing.T, m method, want verdict, err error) {
	t.Helper()
	_, typed := errors.AsType[*dbtcloud.Error](err)
	_, uncertain := errors.AsType[*dbtcloud.UncertainError](err)
	switch {
	case want == fine && err != nil:
		t.Errorf("error %v, want none", err)
	case want != fine && !typed:
		t.Errorf("error %v (%T), want an *Error", err, err)
	case want == failed && uncertain != m.once, want == denied && uncertain:
		t.Errorf("error %v: uncertain is %v", err, uncertain)
	}
}

// TestOddAnswers: what differs from the documents without changing the meaning
// changes nothing.
func TestOddAnswers(t *testing.T) {
	t.Parallel()
	odd := []struct {
		name string
		body func(m method, data string) string
	}{
		{"nested data", func(m method, data string) string { return envelope(`{"data":` + data + `}`) }},
		{"nested data with blanks", func(m method, data string) string { return envelope("{ \"data\" :\n" + data + ` , "status" : {} }`) }},
		{"no status", func(m method, data string) string { return `{"data":` + data + `}` }},
		{"status with a code only", func(m method, data string) string { return `{"status":{"code":201},"data":` + data + `}` }},
		{"status of nulls", func(m method, data string) string {
			return `{"status":{"code":null,"is_success":null,"user_message":null,"developer_message":null},"data":` + data + `,"extra":null}`
		}},
		{"status as a number", func(m method, data string) string { return `{"status":200,"data":` + data + `,"extra":[]}` }},
		{"more keys", func(m method, data string) string { return `{"data":` + data + `,"error_code":null,"later":{}}` }},
		{"unknown enums and fields", func(m method, data string) string {
			data = strings.NewReplacer(`"job_type":"ci"`, `"job_type":"quantum"`, `"plan":"team_2022"`, `"plan":"usage_2031"`,
				`"cause_category":"api"`, `"cause_category":"psychic"`, `{"id":`, `{"later":[{"x":null}],"id":`).Replace(data)
			return m.body(data)
		}},
		{"ids as strings", func(m method, data string) string {
			return m.body(strings.NewReplacer(`"id":70506183629193`, `"id":"70506183629193"`, `"id":70506183137151`, `"id":"70506183137151"`,
				`"job_definition_id":70506183137151`, `"job_definition_id":"70506183137151"`, `"executed_by_thread_id":"scheduler-run-5"`, `"executed_by_thread_id":"5"`,
				`[70506183629100]`, `["70506183629100"]`, `"id":1,`, `"id":"1",`).Replace(data))
		}},
	}
	for _, m := range methods() {
		if m.shape == stream || m.shape == graph {
			continue
		}
		for _, o := range odd {
			t.Run(m.name+"/"+o.name, func(t *testing.T) {
				t.Parallel()
				n := 0
				c, _ := scripted(t, func(int, *http.Request) (*http.Response, error) {
					if n++; n > 2 { // a list whose answers give no total ends on an empty page
						return response(200, "application/json", envelope("[]")), nil
					}
					return response(200, "application/json", o.body(m, m.good(t))), nil
				}, noRetry)
				if m.shape == list {
					n = 1
				}
				if _, err := m.call(t.Context(), c); err != nil {
					t.Errorf("%s: %v", m.name, err)
				}
			})
		}
	}
}

// TestTooLarge: an answer of more than 64 MiB is not read to its end, by one method of
// each kind. It is not parallel because of the memory that it takes.
func TestTooLarge(t *testing.T) {
	done := map[string]bool{}
	for _, m := range methods() {
		kind := fmt.Sprint(m.shape, m.once)
		if m.shape == stream || done[kind] {
			continue
		}
		done[kind] = true
		var read int64
		answer := func(int, *http.Request) (*http.Response, error) {
			read = 0
			body := io.MultiReader(strings.NewReader(`{"status":{},"data":"`), &filler{left: 65 << 20, read: &read}, strings.NewReader(`"}`))
			resp := response(200, "application/json", "")
			resp.Body, resp.ContentLength = io.NopCloser(body), -1
			return resp, nil
		}
		synctest.Test(t, func(t *testing.T) {
			c, _ := scripted(t, answer)
			_, err := m.call(t.Context(), c)
			checkVerdict(t, m, failed, err)
			if err != nil && !strings.Contains(err.Error(), "larger than 64 MiB") {
				t.Errorf("%s: error %v does not say that the answer is too large", m.name, err)
			}
			if read > 65<<20-1 {
				t.Errorf("%s: read all of it", m.name)
			}
		})
	}
}

// filler is so many bytes, whatever they are.
type filler struct {
	left int64
	read *int64
}

func (f *filler) Read(p []byte) (int, error) {
	if f.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), f.left)
	f.left -= n
	*f.read += n
	return int(n), nil
}

// TestBrokenBody: a body that breaks off is an error that says so.
func TestBrokenBody(t *testing.T) {
	t.Parallel()
	for _, m := range methods() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, s := scripted(t, func(int, *http.Request) (*http.Response, error) {
					resp := response(200, "application/json", "")
					resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"data":`), broken{}))
					return resp, nil
				})
				_, err := m.call(t.Context(), c)
				if !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("error %v, want io.ErrUnexpectedEOF in it", err)
				}
				if _, uncertain := errors.AsType[*dbtcloud.UncertainError](err); uncertain != m.once {
					t.Errorf("error %v: uncertain is %v", err, uncertain)
				}
				if m.once && len(s.lines()) != 1 {
					t.Errorf("was sent %d times, want once", len(s.lines()))
				}
			})
		})
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestDo(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, method, path string
		in                 any
		line, body         string
		operation          string
	}{
		{name: "list", method: "GET", path: "/api/v3/accounts/7/projects/?limit=5&name=a%20b", line: "GET /api/v3/accounts/7/projects/?limit=5&name=a+b", operation: "GET /api/v3/accounts/{id}/projects/"},
		{name: "adjacent ids", method: "GET", path: "/api/v2/1/2/3", line: "GET /api/v2/1/2/3", operation: "GET /api/v2/{id}/{id}/{id}"},
		{name: "lower case", method: "delete", path: "/api/v3/x/1/", line: "DELETE /api/v3/x/1/", operation: "DELETE /api/v3/x/{id}/"},
		{name: "body of a DELETE", method: "DELETE", path: "/api/v3/x/", in: []int{1}, line: "DELETE /api/v3/x/", body: "[1]", operation: "DELETE /api/v3/x/"},
		{name: "escapes", method: "PUT", path: "/api/v3/a%2Fb/c%20d", in: map[string]int{"n": 1}, line: "PUT /api/v3/a%2Fb/c%20d", body: `{"n":1}`, operation: "PUT /api/v3/a/b/c d"},
		{name: "fragment", method: "GET", path: "/api/v3/x#y", line: "GET /api/v3/x", operation: "GET /api/v3/x"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var operation string
			c, s := scripted(t, func(_ int, req *http.Request) (*http.Response, error) {
				operation = dbtcloud.Operation(req.Context())
				return response(200, "application/json", envelope(`[{"id":1}]`)), nil
			})
			var out []struct{ ID int64 }
			if err := c.Do(t.Context(), test.method, test.path, test.in, &out); err != nil {
				t.Fatal(err)
			}
			if len(out) != 1 || out[0].ID != 1 {
				t.Errorf("decoded %v", out)
			}
			want := []sent{{Line: test.line, Body: test.body}}
			got := []sent{{Line: s.requests()[0].Line, Body: s.requests()[0].Body}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("sent (-want +got):\n%s", diff)
			}
			if operation != test.operation {
				t.Errorf("operation %q, want %q", operation, test.operation)
			}
		})
	}
}

func TestDoRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, path string
		in         any
		method     string // POST if empty
	}{
		{name: "a query that would be lost", path: "/api/v2/?status=1;job=2"},
		{name: "a query with half an escape", path: "/api/v2/?name=%z"},
		{name: "a body that would be lost", method: "GET", path: "/api/v2/", in: 1},
		{name: "empty path"},
		{name: "relative path", path: "api/v2/accounts/"},
		{name: "foreign host", path: "https://evil.example/api/v2/"},
		{name: "foreign host without a scheme", path: "//evil.example/api/v2/"},
		{name: "no URL", path: "/api/%zz"},
		{name: "a body that JSON cannot hold", path: "/api/v2/", in: func() {}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.method == "" {
				test.method = "POST"
			}
			c, s := scripted(t, always(200, "application/json", envelope("1")))
			if err := c.Do(t.Context(), test.method, test.path, test.in, nil); !errors.Is(err, dbtcloud.ErrInvalid) {
				t.Errorf("error %v, want ErrInvalid", err)
			}
			if len(s.lines()) != 0 {
				t.Errorf("sent %v, want nothing", s.lines())
			}
		})
	}
}

// TestDoWithoutAnswer: an empty answer is a success unless something is to be decoded from it.
func TestDoWithoutAnswer(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"HEAD", "GET", "POST", "PUT", "PATCH", "DELETE"} {
		c, _ := scripted(t, always(200, "", ""))
		if err := c.Do(t.Context(), method, "/api/v3/x/", nil, nil); err != nil {
			t.Errorf("%s: error %v, want none", method, err)
		}
		if err := c.Do(t.Context(), method, "/api/v3/x/", nil, new(any)); err == nil {
			t.Errorf("%s: no error, though there is nothing to decode", method)
		}
	}
}

// TestInvalidIDs: an id or a path that cannot be right is refused without a request.
func TestInvalidIDs(t *testing.T) {
	t.Parallel()
	open := func(path string) func(context.Context, *dbtcloud.Client) error {
		return func(ctx context.Context, c *dbtcloud.Client) error {
			_, err := drain(c.Runs.OpenArtifact(ctx, 1, path))
			return err
		}
	}
	tests := map[string]func(context.Context, *dbtcloud.Client) error{
		"job 0":      func(ctx context.Context, c *dbtcloud.Client) error { _, err := c.Jobs.Get(ctx, 0); return err },
		"job -1":     func(ctx context.Context, c *dbtcloud.Client) error { return c.Jobs.Delete(ctx, -1) },
		"run 0":      func(ctx context.Context, c *dbtcloud.Client) error { _, err := c.Runs.Cancel(ctx, 0); return err },
		"wait for 0": func(ctx context.Context, c *dbtcloud.Client) error { _, err := c.Runs.Wait(ctx, 0, quick); return err },
		"step -1":    func(ctx context.Context, c *dbtcloud.Client) error { _, err := c.Runs.Step(ctx, -1); return err },
		"artifact of step -1": func(ctx context.Context, c *dbtcloud.Client) error {
			_, err := drain(c.Runs.OpenStepArtifact(ctx, 1, -1, "manifest.json"))
			return err
		},
		"artifact without a path":      open(""),
		"artifact above the artifacts": open("../../../users/"),
		"artifact with a dot segment":  open("a/./b"),
		"artifact with an empty one":   open("/manifest.json"),
		"overrides of job 0": func(ctx context.Context, c *dbtcloud.Client) error {
			_, err := c.EnvironmentVariables.JobOverrides(ctx, 3, 0)
			return err
		},
		"overrides of project 0": func(ctx context.Context, c *dbtcloud.Client) error {
			_, err := c.EnvironmentVariables.JobOverrides(ctx, 0, 9)
			return err
		},
	}
	for name, call := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, s := scripted(t, always(200, "application/json", envelope("{}")))
				begin := time.Now()
				if err := call(t.Context(), c); !errors.Is(err, dbtcloud.ErrInvalid) {
					t.Errorf("error %v, want ErrInvalid", err)
				}
				if len(s.lines()) != 0 || time.Since(begin) != 0 {
					t.Errorf("sent %v in %s, want nothing and at once", s.lines(), time.Since(begin))
				}
			})
		})
	}
}

// TestTriggerOnce: whatever leaves open whether a run was started is sent once, and
// what was surely not carried out is sent again.
func TestTriggerOnce(t *testing.T) {
	t.Parallel()
	lost := func(int, *http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }
	tests := []struct {
		name      string
		answer    func(int, *http.Request) (*http.Response, error)
		sent      int
		uncertain bool
		sentinel  error
	}{
		{"502", always(502, "text/html", "<html>"), 1, true, dbtcloud.ErrServer},
		{"500", always(500, "application/json", `{"detail":"There was a server error."}`), 1, true, dbtcloud.ErrServer},
		{"503", always(503, "application/json", refusal("Busy.", "null")), 1, true, dbtcloud.ErrServer},
		{"408", always(408, "text/plain", ""), 1, true, nil},
		{"lost answer", lost, 1, true, io.ErrUnexpectedEOF},
		{"HTML 200", always(200, "text/html", "<html>"), 1, true, nil},
		{"redirect", func(int, *http.Request) (*http.Response, error) {
			resp := response(302, "text/plain", "")
			resp.Header.Set("Location", "https://ab123.us1.dbt.com/login")
			return resp, nil
		}, 1, false, nil},
		{"429", always(429, "text/plain", ""), 5, false, dbtcloud.ErrRateLimited},
		{"400", always(400, "application/json", refusal("Bad.", `{"cause":"required"}`)), 1, false, dbtcloud.ErrBadRequest},
		{"405", always(405, "application/json", refusal("No.", "null")), 1, false, dbtcloud.ErrRefused},
		{"409", always(409, "application/json", refusal("No.", "null")), 1, false, dbtcloud.ErrConflict},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, s := scripted(t, test.answer)
				_, err := c.Jobs.Trigger(t.Context(), 9, dbtcloud.Trigger{})
				if _, uncertain := errors.AsType[*dbtcloud.UncertainError](err); err == nil || uncertain != test.uncertain {
					t.Errorf("error %v: uncertain is %v, want %v", err, uncertain, test.uncertain)
				}
				if test.sentinel != nil && !errors.Is(err, test.sentinel) {
					t.Errorf("error %v, want %v in it", err, test.sentinel)
				}
				if got := len(s.lines()); got != test.sent {
					t.Errorf("sent %d times, want %d", got, test.sent)
				}
				for _, r := range s.requests() {
					if r.Body != `{"cause":"Triggered via API"}` {
						t.Errorf("body %q", r.Body)
					}
				}
			})
		})
	}
}
