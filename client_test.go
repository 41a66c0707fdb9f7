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
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

func TestClientDescribesItself(t *testing.T) {
	t.Parallel()
	c, _ := scripted(t, always(200, "", ""))
	got := []string{c.String(), fmt.Sprint(c), fmt.Sprintf("%+v", *c), c.Host(), fmt.Sprint(c.AccountID()), fmt.Sprint(c.PausedUntil().IsZero()),
		c.RunURL(&dbtcloud.Run{ID: 5, ProjectID: 3}), c.RunURL(&dbtcloud.Run{ID: 5, Href: "https://there"}), dbtcloud.Operation(t.Context())}
	self := "dbtcloud.Client(account 7 at ab123.us1.dbt.com)"
	want := []string{self, self, self, "https://ab123.us1.dbt.com", "7", "true", "https://ab123.us1.dbt.com/deploy/7/projects/3/runs/5", "https://there", ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestSharedPause: ten goroutines and one 429: nobody sends anything until the pause
// is over, then everybody gets an answer.
func TestSharedPause(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		retryAfter string
		pause      time.Duration
	}{{"", 5 * time.Minute}, {"90", 90 * time.Second}} {
		t.Run("Retry-After "+test.retryAfter, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { sharedPause(t, test.retryAfter, test.pause) })
		})
	}
}

func sharedPause(t *testing.T, retryAfter string, pause time.Duration) {
	c, s := scripted(t, func(n int, req *http.Request) (*http.Response, error) {
		if n == 3 {
			resp := response(429, "text/plain", "slow down")
			resp.Header.Set("Retry-After", retryAfter)
			return resp, nil
		}
		return response(200, "application/json", envelope(fixture(t, "job.json"))), nil
	})
	begin := time.Now()
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			time.Sleep(time.Duration(i) * time.Second)
			if _, err := c.Jobs.Get(t.Context(), 9); err != nil {
				t.Errorf("goroutine %d: %v", i, err)
			}
		})
	}
	time.Sleep(10 * time.Second)
	if got, want := c.PausedUntil(), begin.Add(2*time.Second+pause); !got.Equal(want) {
		t.Errorf("paused until %s, want %s", got, want)
	}
	short, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := c.Jobs.Get(short, 9); !errors.Is(err, dbtcloud.ErrRateLimited) || !errors.Is(err, context.DeadlineExceeded) || short.Err() != nil {
		t.Errorf("a call without the time for the pause: %v, want ErrRateLimited and DeadlineExceeded at once", err)
	}
	wg.Wait()
	var at []time.Duration
	for _, r := range s.requests() {
		at = append(at, r.At.Sub(begin))
	}
	after := 2*time.Second + pause
	want := []time.Duration{0, time.Second, 2 * time.Second, after, after, after, after, after, after, after, after}
	if diff := cmp.Diff(want, at); diff != "" {
		t.Errorf("requests went out at (-want +got):\n%s", diff)
	}
	if !c.PausedUntil().IsZero() {
		t.Error("still paused")
	}
}

// TestClientTimeoutIsPerAttempt: a limit of the caller's HTTP client ends an attempt
// and not the pause between two.
func TestClientTimeoutIsPerAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{answer: func(n int, req *http.Request) (*http.Response, error) {
			if n == 1 {
				return response(429, "text/plain", ""), nil
			}
			return response(200, "application/json", envelope(`{"id":9}`)), nil
		}}
		c, _ := scripted(t, nil, dbtcloud.WithHTTPClient(&http.Client{Transport: s, Timeout: time.Second}))
		if _, err := c.Jobs.Get(t.Context(), 9); err != nil {
			t.Error(err)
		}
	})
}

// TestMiddleware: it sees each attempt, with the operation, and without changing the
// request for the next; the last one given is the outermost.
func TestMiddleware(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var order []string
		layer := func(name string) dbtcloud.Option {
			return dbtcloud.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
				return middleware(func(req *http.Request) (*http.Response, error) {
					order = append(order, name+" "+dbtcloud.Operation(req.Context()))
					return next.RoundTrip(req)
				})
			})
		}
		c, _ := scripted(t, func(n int, _ *http.Request) (*http.Response, error) {
			if n == 1 {
				return response(502, "text/html", "<html>"), nil
			}
			return response(200, "application/json", envelope(`{"id":9}`)), nil
		}, layer("inner"), layer("outer"))
		if _, err := c.Runs.Get(t.Context(), 9); err != nil {
			t.Fatal(err)
		}
		const operation = " GET /api/v2/accounts/{account}/runs/{id}/"
		if diff := cmp.Diff([]string{"outer" + operation, "inner" + operation, "outer" + operation, "inner" + operation}, order); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

type middleware func(*http.Request) (*http.Response, error)

func (f middleware) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// TestOperations: every method has a name of low cardinality, without an id in it.
func TestOperations(t *testing.T) {
	t.Parallel()
	for _, m := range methods() {
		c, _ := scripted(t, func(_ int, req *http.Request) (*http.Response, error) {
			operation := dbtcloud.Operation(req.Context())
			if !strings.HasPrefix(operation, req.Method+" /") || strings.ContainsAny(operation, "?0156789") {
				t.Errorf("%s: operation %q", m.name, operation)
			}
			return response(200, "application/json", m.body(m.good(t))), nil
		})
		if _, err := m.call(t.Context(), c); err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
	}
}

// echoes are the ways in which a server has the token, or what lies below the
// client, say it again.
func echoes() map[string]func(n int, req *http.Request) (*http.Response, error) {
	text, escaped := secret, strings.NewReplacer("/", `\/`, "+", `\u002b`).Replace(secret)
	tree := `{"token ` + text + `":["bad ` + text + `",{"` + text + `":"` + text + `"}]}`
	header := func(name string) func(int, *http.Request) (*http.Response, error) {
		return func(int, *http.Request) (*http.Response, error) {
			resp := response(403, "text/plain", "no")
			resp.Header.Set(name, text)
			return resp, nil
		}
	}
	return map[string]func(int, *http.Request) (*http.Response, error){
		"message":          always(400, "application/json", refusal("What is "+text+"?", "null")),
		"message of a 200": always(200, "application/json", refusal("What is "+text+"?", "null")),
		"tree":             always(400, "application/json", refusal("", tree)),
		"escaped tree":     always(400, "application/json", refusal("", `{"x":"`+strings.ReplaceAll(text, "/", `\/`)+`"}`)),
		"escaped text":     always(400, "application/json", `{"detail":"`+escaped+`"}`),
		"tree of a 500":    always(500, "application/json", refusal("", tree)),
		"bare tree":        always(400, "application/json", tree),
		"detail":           always(401, "application/json", `{"detail":"`+text+`"}`),
		"HTML":             always(502, "text/html", "<html>"+text),
		"HTML 200":         always(200, "text/html", "<html>"+text),
		"text 200":         always(200, text, text),
		"timestamp":        always(200, "application/json", envelope(`{"id":1,"created_at":"`+text+`"}`)),
		"GraphQL error":    always(200, "application/json", `{"errors":[{"message":"`+text+`","extensions":{"h":"`+text+`"}}]}`),
		"request id":       header("X-Request-Id"),
		"content type":     header("Content-Type"),
		"across the cut":   always(500, "text/plain", strings.Repeat("x", 4096-len(text)/2)+text),
		"transport error":  func(_ int, req *http.Request) (*http.Response, error) { return nil, fmt.Errorf("sent %v", req.Header) },
		"redirect to itself": func(_ int, req *http.Request) (*http.Response, error) {
			return redirectTo("https://x.example/?t=" + text)
		},
		"error with a cause": func(_ int, req *http.Request) (*http.Response, error) {
			return nil, fmt.Errorf("%w: %v", io.ErrUnexpectedEOF, req.Header)
		},
	}
}

func redirectTo(target string) (*http.Response, error) {
	resp := response(307, "text/plain", "")
	resp.Header.Set("Location", target)
	return resp, nil
}

// TestTokenStaysSecret: whatever echoes the token, it is in no error, in nothing that
// an error leads to, in no log line and in no form of printing.
func TestTokenStaysSecret(t *testing.T) {
	t.Parallel()
	for name, echo := range echoes() {
		for _, m := range methods() {
			t.Run(name+"/"+m.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					var log bytes.Buffer
					logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
					c, _ := scripted(t, echo, dbtcloud.WithLogger(logger))
					_, err := m.call(t.Context(), c)
					logger.Error("failed", "err", err, "client", c, "services", c.Jobs)
					checkSecret(t, "log", log.String())
					for _, v := range []any{err, c, *c, c.Jobs, *c.Jobs, c.Metadata} {
						for _, verb := range []string{"%v", "%+v", "%#v", "%q"} {
							checkSecret(t, verb, fmt.Sprintf(verb, v))
						}
					}
					if e, ok := errors.AsType[*dbtcloud.Error](err); ok {
						asJSON, jerr := json.Marshal(e)
						if jerr != nil {
							t.Errorf("an *Error is not JSON: %v", jerr)
						}
						checkSecret(t, "fields", fmt.Sprintf("%s %s %v %s %s", e.Body, e.Data, e.Fields, e.RequestID, asJSON))
					}
				})
			})
		}
	}
}

// TestTokenWithQuotes: a token stays secret also where JSON escapes hide it in what is no JSON.
func TestTokenWithQuotes(t *testing.T) {
	t.Parallel()
	const token = `pass"word\x`
	for _, body := range []string{`<html>` + quote(token), `{"detail":` + quote(token), token} {
		c, _ := scripted(t, always(500, "text/plain", body), dbtcloud.WithToken(token), dbtcloud.WithRetry(dbtcloud.Retry{Attempts: 1}))
		_, err := c.Jobs.Get(t.Context(), 9)
		e, ok := errors.AsType[*dbtcloud.Error](err)
		if !ok {
			t.Fatalf("error %v, want an *Error", err)
		}
		if text := err.Error() + string(e.Body); strings.Contains(text, "word") {
			t.Errorf("the error shows the token: %s", text)
		}
	}
}

func checkSecret(t *testing.T, where, text string) {
	t.Helper()
	for _, form := range []string{secret, strings.ReplaceAll(secret, "/", `\/`), secret[:len(secret)/2]} {
		if strings.Contains(text, form) {
			t.Errorf("%s shows the token: %.300s", where, text)
			return
		}
	}
}

// TestLogSaysLittle: a log has the operation, the path, the status and how long it
// took, and neither a body nor a query.
func TestLogSaysLittle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		c, _ := scripted(t, func(n int, _ *http.Request) (*http.Response, error) {
			if n == 1 {
				return response(503, "text/plain", "answer-body"), nil
			}
			return response(200, "application/json", envelope(`{"id":9,"name":"answer-body"}`)), nil
		}, dbtcloud.WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
		if err := c.Do(t.Context(), "PUT", "/api/v3/x/9/?q=query-text", map[string]string{"k": "request-body"}, nil); err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{"answer-body", "query-text", "request-body"} {
			if strings.Contains(log.String(), part) {
				t.Errorf("the log has the %s:\n%s", part, log.String())
			}
		}
		for _, part := range []string{`operation="PUT /api/v3/x/{id}/"`, "path=/api/v3/x/9/", "status=503", "status=200", "level=WARN"} {
			if !strings.Contains(log.String(), part) {
				t.Errorf("the log lacks %s:\n%s", part, log.String())
			}
		}
	})
}

// TestTokenSource: it is asked before each attempt, and a token that it gave is
// redacted also when it has given others since.
func TestTokenSource(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := 0
		source := dbtcloud.WithTokenSource(func(context.Context) (string, error) { n++; return fmt.Sprintf("token-number-%d-", n), nil })
		c, s := scripted(t, always(500, "text/plain", "it was token-number-1- and then token-number-5-"), source)
		_, err := c.Accounts.Get(t.Context())
		e, ok := errors.AsType[*dbtcloud.Error](err)
		if !ok || string(e.Body) != "it was [redacted] and then [redacted]" {
			t.Errorf("error %v with the body %q", err, e.Body)
		}
		var got []string
		for _, r := range s.requests() {
			got = append(got, r.Header.Get("Authorization"))
		}
		want := []string{"Token token-number-1-", "Token token-number-2-", "Token token-number-3-", "Token token-number-4-", "Token token-number-5-"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestRedirects: another host sees no token, and nothing but a GET is sent on.
func TestRedirects(t *testing.T) {
	t.Parallel()
	const elsewhere = "https://bucket.example.com/manifest.json?signature=1"
	c, s := scripted(t, func(n int, _ *http.Request) (*http.Response, error) {
		if n == 1 {
			return redirectTo(elsewhere)
		}
		return response(200, "application/json", "{}"), nil
	}, noRetry)
	if got, err := drain(c.Runs.OpenArtifact(t.Context(), 9, "manifest.json")); err != nil || got != "{}" {
		t.Fatalf("got %v, %v", got, err)
	}
	second := s.requests()[1]
	if second.URL != elsewhere || second.Header.Get("Authorization") != "" || second.Header.Get("Referer") != "" {
		t.Errorf("sent on to %s with %v", second.URL, second.Header)
	}
	for _, m := range methods() {
		if strings.HasPrefix(m.requests[0], "GET") {
			continue
		}
		c, s := scripted(t, func(int, *http.Request) (*http.Response, error) { return redirectTo(elsewhere) })
		if _, err := m.call(t.Context(), c); err == nil || !strings.Contains(err.Error(), "redirect") {
			t.Errorf("%s: error %v, want the refused redirect", m.name, err)
		}
		if len(s.lines()) != 1 {
			t.Errorf("%s: sent %v", m.name, s.lines())
		}
	}
}

// TestOverTLS: the client works over real connections, with the caller's certificate
// authority, and refuses a server that nobody vouches for.
func TestOverTLS(t *testing.T) {
	t.Parallel()
	fake := dbtcloudtest.New()
	server := fake.StartTLS(t)
	opts := []dbtcloud.Option{dbtcloud.WithHost(server.URL), dbtcloud.WithAccount(fake.AccountID()), dbtcloud.WithToken(fake.Token()), noRetry}
	trusting, err := dbtcloud.New(append(opts, dbtcloud.WithHTTPClient(server.Client()))...)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := trusting.Accounts.Get(t.Context()); err != nil || a.ID != fake.AccountID() {
		t.Errorf("got %v, %v", a, err)
	}
	strict, err := dbtcloud.New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := strict.Accounts.Get(t.Context()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("error %v, want the certificate refused", err)
	}
}

// TestUnreachable: a host that does not answer is named, with what was wrong.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	c, err := dbtcloud.New(dbtcloud.WithHost("http://127.0.0.1:1"), dbtcloud.WithAccount(7), dbtcloud.WithToken(secret), noRetry)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Jobs.Trigger(t.Context(), 9, dbtcloud.Trigger{})
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("error %v, want the address in it", err)
	}
	if _, uncertain := errors.AsType[*dbtcloud.UncertainError](err); uncertain {
		t.Errorf("error %v is uncertain, but nothing can have been started", err)
	}
}

// TestAgainstAnOddServer: ids as strings, fields and enums of tomorrow, deletes with a
// body and cancels in two envelopes: everything goes on as against a tidy server.
func TestAgainstAnOddServer(t *testing.T) {
	t.Parallel()
	odd := map[string][]dbtcloudtest.Option{
		"tidy":    nil,
		"noise":   {dbtcloudtest.WithNoise()},
		"strings": {dbtcloudtest.WithStringIDs()},
		"both":    {dbtcloudtest.WithNoise(), dbtcloudtest.WithStringIDs(), dbtcloudtest.WithDeletes(dbtcloudtest.Envelope), dbtcloudtest.WithDeletedJobs(), dbtcloudtest.WithReadMisses(2), dbtcloudtest.WithMaxPageSize(1)},
	}
	for name, opts := range odd {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := dbtcloudtest.New(opts...)
				source := s.AddJob(dbtcloudtest.JobSpec{Name: "CI"})
				s.AddEnvVarOverride(source, "DBT_ID", "007")
				c, err := s.Client()
				if err != nil {
					t.Fatal(err)
				}
				lifeOfAJob(t, c, source)
			})
		})
	}
}

func lifeOfAJob(t *testing.T, c *dbtcloud.Client, source int64) {
	t.Helper()
	ctx := t.Context()
	must := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	job, err := c.Jobs.Create(ctx, dbtcloud.JobRequest{ProjectID: dbtcloudtest.DefaultProjectID, EnvironmentID: dbtcloudtest.DefaultEnvironmentID, Name: "made", ExecuteSteps: []string{"dbt build"}})
	must("create", err)
	job, err = c.Jobs.Update(ctx, job.ID, dbtcloud.JobRequest{Name: "renamed"})
	must("update", err)
	found, err := dbtcloud.Collect(c.Jobs.All(ctx, dbtcloud.JobFilter{}))
	must("list jobs", err)
	if len(found) != 2 || found[1].ID != job.ID || found[1].Name != "renamed" {
		t.Errorf("jobs %v", found)
	}
	run, err := c.Jobs.Trigger(ctx, job.ID, dbtcloud.Trigger{})
	must("trigger", err)
	waiting, err := c.Jobs.Trigger(ctx, job.ID, dbtcloud.Trigger{})
	must("trigger again", err)
	if _, err := c.Runs.Wait(ctx, run.ID, dbtcloud.Poll{}); err != nil {
		t.Errorf("wait: %v", err)
	}
	_, err = c.Runs.Cancel(ctx, waiting.ID)
	must("cancel", err)
	if _, err := c.Runs.Wait(ctx, waiting.ID, dbtcloud.Poll{}); !errors.Is(err, dbtcloud.ErrRunCancelled) {
		t.Errorf("wait for what was cancelled: %v", err)
	}
	_, err = c.Runs.Cancel(ctx, waiting.ID)
	must("cancel again", err)
	all, err := dbtcloud.Collect(c.Runs.All(ctx, dbtcloud.RunFilter{JobID: job.ID, Include: []dbtcloud.RunInclude{dbtcloud.RunWithTrigger}}))
	must("list runs", err)
	if len(all) != 2 || all[0].ID != run.ID || all[1].Trigger == nil {
		t.Errorf("runs %v", all)
	}
	overrides, err := c.EnvironmentVariables.JobOverrides(ctx, dbtcloudtest.DefaultProjectID, source)
	must("overrides", err)
	if len(overrides) != 1 || overrides[0].ID == 0 || overrides[0].Value != "007" {
		t.Errorf("overrides %v", overrides)
	}
	must("delete", c.Jobs.Delete(ctx, job.ID))
	if a, err := c.Accounts.Get(ctx); err != nil || a.RunSlots != 5 {
		t.Errorf("account %v, %v", a, err)
	}
}
