package dbtcloud_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
)

// TestSentinels: each status is its sentinel and no other, for every method.
func TestSentinels(t *testing.T) {
	t.Parallel()
	sentinels := map[int]error{
		400: dbtcloud.ErrBadRequest, 401: dbtcloud.ErrUnauthorized, 403: dbtcloud.ErrForbidden, 404: dbtcloud.ErrNotFound, 405: dbtcloud.ErrRefused,
		409: dbtcloud.ErrConflict, 418: nil, 429: dbtcloud.ErrRateLimited, 500: dbtcloud.ErrServer, 501: dbtcloud.ErrServer, 502: dbtcloud.ErrServer, 503: dbtcloud.ErrServer,
	}
	for status, want := range sentinels {
		for _, m := range methods() {
			t.Run(fmt.Sprint(status, " ", m.name), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					c, _ := scripted(t, always(status, "application/json", refusal("No.", "null")))
					_, err := m.call(t.Context(), c)
					for _, s := range sentinels {
						if s != nil && errors.Is(err, s) != errors.Is(want, s) {
							t.Errorf("error %v: errors.Is(%v) is %v", err, s, errors.Is(err, s))
						}
					}
					if e, ok := errors.AsType[*dbtcloud.Error](err); !ok || e.StatusCode != status {
						t.Errorf("error %v, want an *Error with the status %d", err, status)
					}
				})
			})
		}
	}
}

// TestErrorFromAnswer: what an *Error takes from an answer, and what it says.
func TestErrorFromAnswer(t *testing.T) {
	t.Parallel()
	type result struct {
		Message, Data, RequestID, Text string
		Fields                         map[string]string
	}
	const op = "dbtcloud: GET /api/v2/accounts/{account}/jobs/{id}/: "
	invalid := `{"schedule":{"time":{"interval":"extra keys not allowed","hours":"required key not provided"}},"_model":"HumanReadableJobDefinition"}`
	tests := []struct {
		name, contentType, body, header string
		status                          int
		want                            result
	}{
		{name: "envelope", status: 401, body: `{"status":{"code":401,"is_success":false,"user_message":"Invalid token.","developer_message":null},"data":null}`,
			want: result{Message: "Invalid token.", Text: op + "401 Invalid token. Check the token, and the host: an account on a cell (such as ab123.us1.dbt.com) is unknown to every other host; the free Developer plan has no API"}},
		{name: "unpaid plan", status: 401, body: refusal("The API is not accessible to unpaid accounts.", "null"),
			want: result{Message: "The API is not accessible to unpaid accounts.", Text: op + "401 The API is not accessible to unpaid accounts. The API needs a paid plan; the free Developer plan has none"}},
		{name: "tree", status: 400, body: refusal("The request was invalid.", invalid), header: "r-1",
			want: result{Message: "The request was invalid.", Data: invalid, RequestID: "r-1",
				Fields: map[string]string{"schedule.time.interval": "extra keys not allowed", "schedule.time.hours": "required key not provided"},
				Text:   op + "400 The request was invalid; schedule.time.hours: required key not provided; schedule.time.interval: extra keys not allowed (request r-1)"}},
		{name: "tree with lists", status: 400, body: refusal("Bad.", `{"name":["too long","not unique"],"steps":[{"0":"empty"},null,3]}`),
			want: result{Message: "Bad.", Data: `{"name":["too long","not unique"],"steps":[{"0":"empty"},null,3]}`,
				Fields: map[string]string{"name": "too long; not unique", "steps.0.0": "empty", "steps.2": "3"},
				Text:   op + "400 Bad; name: too long; not unique; steps.0.0: empty; steps.2: 3"}},
		{name: "a list of trees", status: 400, body: refusal("Bad.", `[{"name":"taken"}]`),
			want: result{Message: "Bad.", Data: `[{"name":"taken"}]`, Fields: map[string]string{"0.name": "taken"}, Text: op + "400 Bad; 0.name: taken"}},
		{name: "a text for data", status: 400, body: refusal("Bad.", `"text"`), want: result{Message: "Bad.", Text: op + "400 Bad."}},
		{name: "both messages", status: 400, body: `{"status":{"user_message":"Bad.","developer_message":"KeyError"}}`, want: result{Message: "Bad. KeyError", Text: op + "400 Bad. KeyError"}},
		{name: "detail", status: 403, body: `{"detail":"You do not have permission."}`,
			want: result{Message: "You do not have permission.", Text: op + "403 You do not have permission. The token lacks a permission; Job Admin is the smallest set that may clone jobs"}},
		{name: "tree without an envelope", status: 400, body: `{"name":["This field is required."]}`,
			want: result{Message: `Bad Request (36 bytes of "application/json")`, Data: `{"name":["This field is required."]}`, Fields: map[string]string{"name": "This field is required."},
				Text: op + `400 Bad Request (36 bytes of "application/json"); name: This field is required.`}},
		{name: "HTML", status: 409, contentType: "text/html", body: "<!doctype html><title>Uh oh!</title>",
			want: result{Message: "Conflict (it is an HTML page (a proxy, a login page or a maintenance page answered))",
				Text: op + "409 Conflict (it is an HTML page (a proxy, a login page or a maintenance page answered))"}},
		{name: "empty", status: 404, want: result{Message: "Not Found (it is empty)",
			Text: op + "404 Not Found (it is empty). It does not exist, belongs to another account, or the token may not see or write it"}},
		{name: "status as a number", status: 405, body: `{"status":405,"detail":["no"]}`,
			want: result{Message: `Method Not Allowed (30 bytes of "application/json")`,
				Text: op + `405 Method Not Allowed (30 bytes of "application/json"). A CI or merge job does not take some of the fields sent, such as cost_optimization_features other than dbt_state`}},
		{name: "refused with 200", status: 200, body: refusal("Not today.", "null"), want: result{Message: "Not today.", Text: op + "Not today."}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.contentType == "" {
				test.contentType = "application/json"
			}
			c, _ := scripted(t, func(int, *http.Request) (*http.Response, error) {
				resp := response(test.status, test.contentType, test.body)
				resp.Header.Set("X-Request-Id", test.header)
				return resp, nil
			})
			_, err := c.Jobs.Get(t.Context(), 9)
			e, ok := errors.AsType[*dbtcloud.Error](err)
			if !ok {
				t.Fatalf("error %v, want an *Error", err)
			}
			got := result{Message: e.Message, Data: string(e.Data), RequestID: e.RequestID, Text: e.Error(), Fields: e.Fields}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if string(e.Body) != test.body {
				t.Errorf("body %q, want %q", e.Body, test.body)
			}
			if _, err := json.Marshal(e); err != nil {
				t.Errorf("it is not JSON: %v", err)
			}
		})
	}
}

func TestErrorBodyIsBounded(t *testing.T) {
	t.Parallel()
	c, _ := scripted(t, always(400, "text/plain", strings.Repeat("x", 3<<20)))
	_, err := c.Jobs.Get(t.Context(), 9)
	if e, ok := errors.AsType[*dbtcloud.Error](err); !ok || len(e.Body) != 4096 || len(err.Error()) > 300 {
		t.Errorf("the body has %d bytes and the text %d", len(e.Body), len(err.Error()))
	}
}

// TestErrorTextIsBounded: a server that says much, in words or in a tree, fills no log.
func TestErrorTextIsBounded(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"message": refusal(strings.Repeat("\u00e9", 50_000), "null"),
		"tree":    refusal("Bad.", strings.Repeat(`{"steps":`, 5_000)+`"x"`+strings.Repeat("}", 5_000)),
	} {
		c, _ := scripted(t, always(404, "application/json", body))
		_, err := c.Jobs.Get(t.Context(), 9)
		if text := err.Error(); len(text) > 5_000 || !utf8.ValidString(text) || !strings.HasSuffix(text, "... It does not exist, belongs to another account, or the token may not see or write it") {
			t.Errorf("%s: the text has %d bytes: %.100q", name, len(text), text)
		}
	}
}

// TestErrorInALog has neither the body nor the tree.
func TestErrorInALog(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	e := &dbtcloud.Error{StatusCode: 400, Operation: "GET /x", Message: "Bad.", RequestID: "r-1", Body: []byte("body-text"), Fields: map[string]string{"field-name": "x"}}
	slog.New(slog.NewTextHandler(&log, nil)).Error("failed", "err", e)
	if got := log.String(); !strings.Contains(got, `err.status=400 err.operation="GET /x" err.message=Bad. err.request_id=r-1`) || strings.Contains(got, "body-text") {
		t.Errorf("logged %s", got)
	}
}

func TestUncertainError(t *testing.T) {
	t.Parallel()
	c, _ := scripted(t, always(502, "text/html", "<html>"))
	_, err := c.Jobs.Trigger(t.Context(), 9, dbtcloud.Trigger{})
	u, ok := errors.AsType[*dbtcloud.UncertainError](err)
	if !ok || u.Operation != "POST /api/v2/accounts/{account}/jobs/{id}/run/" {
		t.Fatalf("error %v, want an *UncertainError with its operation", err)
	}
	const want = "dbtcloud: POST /api/v2/accounts/{account}/jobs/{id}/run/: 502 Bad Gateway (it is an HTML page (a proxy, a login page or a maintenance page answered)) " +
		"(it may have been carried out all the same: look before repeating it)"
	if err.Error() != want {
		t.Errorf("text %q, want %q", err, want)
	}
}

func TestRunFailedError(t *testing.T) {
	t.Parallel()
	audit := func(name string) *dbtcloud.RunAudit {
		return &dbtcloud.RunAudit{Cancellation: dbtcloud.RunAuditEvent{Actor: dbtcloud.RunActor{Name: name}}}
	}
	tests := []struct {
		run       dbtcloud.Run
		text      string
		cancelled bool
	}{
		{dbtcloud.Run{ID: 5, JobID: 9, Status: dbtcloud.RunError}, "dbtcloud: run 5 of job 9 ended with status Error", false},
		{dbtcloud.Run{ID: 5, JobID: 9, Status: dbtcloud.RunError, StatusMessage: "1 of 3 models failed"}, "dbtcloud: run 5 of job 9 ended with status Error: 1 of 3 models failed", false},
		{dbtcloud.Run{ID: 5, JobID: 9, Status: dbtcloud.RunError, Audit: audit("Ada")}, "dbtcloud: run 5 of job 9 ended with status Error", false},
		{dbtcloud.Run{ID: 5, JobID: 9, Status: dbtcloud.RunCancelled}, "dbtcloud: run 5 of job 9 ended with status Cancelled", true},
		{dbtcloud.Run{ID: 5, JobID: 9, Status: dbtcloud.RunCancelled, StatusMessage: "Cancelled by user.", Audit: audit("Ada")},
			"dbtcloud: run 5 of job 9 ended with status Cancelled, cancelled by Ada: Cancelled by user.", true},
		{dbtcloud.Run{ID: 5, JobID: 9, Status: dbtcloud.RunCancelled, StatusMessage: "one\r\n::error::two\x1b[31m", Audit: audit("##vso[task.complete]")},
			"dbtcloud: run 5 of job 9 ended with status Cancelled, cancelled by # #vso[task.complete]: one; ::error::two", true},
	}
	for _, test := range tests {
		err := fmt.Errorf("outside: %w", &dbtcloud.RunFailedError{Run: &test.run})
		if got := strings.TrimPrefix(err.Error(), "outside: "); got != test.text {
			t.Errorf("text %q, want %q", got, test.text)
		}
		if errors.Is(err, dbtcloud.ErrRunCancelled) != test.cancelled || errors.Is(err, dbtcloud.ErrNotFound) {
			t.Errorf("%v: errors.Is(ErrRunCancelled) is %v", err, !test.cancelled)
		}
	}
}

// TestErrorIsOneLine: the service's words steer nothing that shows them.
func TestErrorIsOneLine(t *testing.T) {
	t.Parallel()
	err := &dbtcloud.Error{Operation: "GET /x", StatusCode: 418, Message: "one\n::error::two ##vso[task.complete]", Fields: map[string]string{"a\nb": "c\u2028d"}}
	if got, want := err.Error(), "dbtcloud: GET /x: 418 one; ::error::two # #vso[task.complete]; a; b: c; d"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestContextEndsWhileRetrying: the error is that of the context and that of the
// answer at once, whether the wait is refused, cut short, or an attempt hangs.
func TestContextEndsWhileRetrying(t *testing.T) {
	t.Parallel()
	hangs := func(n int, req *http.Request) (*http.Response, error) {
		if n == 1 {
			return response(503, "application/json", refusal("Busy.", "null")), nil
		}
		<-req.Context().Done()
		return nil, context.Cause(req.Context())
	}
	late := func(seconds string) func(int, *http.Request) (*http.Response, error) {
		return func(int, *http.Request) (*http.Response, error) {
			resp := response(503, "application/json", refusal("Busy.", "null"))
			resp.Header.Set("Retry-After", seconds)
			return resp, nil
		}
	}
	for name, answer := range map[string]func(int, *http.Request) (*http.Response, error){
		"many attempts": late("20"), "the wait would be too long": late("600"), "the second attempt hangs": hangs,
	} {
		for _, m := range methods() {
			if m.once {
				continue // a 503 is not repeated
			}
			t.Run(name+"/"+m.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := deadline(50 * time.Second)
					defer cancel()
					c, _ := scripted(t, answer)
					_, err := m.call(ctx, c)
					if !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("error %v, want context.DeadlineExceeded in it", err)
					}
					if e, ok := errors.AsType[*dbtcloud.Error](err); !ok || e.StatusCode != 503 {
						t.Errorf("error %v, want an *Error with the status 503 in it", err)
					}
					if !strings.HasPrefix(err.Error(), "dbtcloud: ") || strings.Contains(err.Error(), "\n") {
						t.Errorf("text %q, want one line that begins with dbtcloud", err)
					}
				})
			})
		}
	}
}

// TestCancelledWhileRetrying: it ends at once, with the cause that was given.
func TestCancelledWhileRetrying(t *testing.T) {
	t.Parallel()
	reason := errors.New("the pipeline was stopped")
	for _, m := range methods() {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(40*time.Second, func() { cancel(reason) })
				c, _ := scripted(t, always(429, "text/plain", ""))
				begin := time.Now()
				_, err := m.call(ctx, c)
				if !errors.Is(err, context.Canceled) || !errors.Is(err, reason) {
					t.Errorf("error %v, want context.Canceled and its cause", err)
				}
				if took := time.Since(begin); took != 40*time.Second {
					t.Errorf("it took %s, want 40 s", took)
				}
				if _, uncertain := errors.AsType[*dbtcloud.UncertainError](err); uncertain {
					t.Errorf("error %v is uncertain, but a 429 did nothing", err)
				}
			})
		})
	}
}

// TestHiddenErrorsAreFound: an error whose text had to be redacted is still what it was.
func TestHiddenErrorsAreFound(t *testing.T) {
	t.Parallel()
	c, _ := scripted(t, func(_ int, req *http.Request) (*http.Response, error) {
		return nil, fmt.Errorf("%w with %v: %w", io.ErrClosedPipe, req.Header, &http.MaxBytesError{Limit: 5})
	}, noRetry)
	_, err := c.Jobs.Get(t.Context(), 9)
	if e, ok := errors.AsType[*http.MaxBytesError](err); !errors.Is(err, io.ErrClosedPipe) || !ok || e.Limit != 5 || !strings.Contains(err.Error(), "Token [redacted]") {
		t.Errorf("error %v", err)
	}
}
