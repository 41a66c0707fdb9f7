package dbtcloudtest_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

const triggerRoute = "POST /api/v2/accounts/{account}/jobs/{id}/run/"

// exchange is what a client sees of one request.
type exchange struct {
	Code        int
	ContentType string
	Body        string
	Err         string // of the request, or of reading its answer
	Written     bool   // net/http says that the request was written
	Took        time.Duration
}

// see sends a trigger and says what came of it.
func (w *world) see(ctx context.Context) exchange {
	var got exchange
	var written atomic.Bool // over sockets another goroutine writes
	trace := &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { written.Store(true) }}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), http.MethodPost, w.base+"jobs/"+id(w.job)+"/run/", strings.NewReader(`{"cause":"x"}`))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", w.auth)
	begun := time.Now()
	resp, err := w.http.Do(req)
	got.Took, got.Written = time.Since(begun), written.Load()
	if err != nil {
		got.Err = kindOf(err)
		return got
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	got.Code, got.ContentType, got.Body, got.Err = resp.StatusCode, resp.Header.Get("Content-Type"), string(body), kindOf(err)
	return got
}

func kindOf(err error) string {
	op, isOp := errors.AsType[*net.OpError](err)
	switch {
	case err == nil:
		return ""
	case errors.Is(err, context.DeadlineExceeded):
		return "deadline"
	case isOp && op.Op == "dial":
		return "dial"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "EOF"
	}
	return err.Error()
}

// TestWindowsOfManyClients: windows end and begin while others are being answered.
func TestWindowsOfManyClients(t *testing.T) {
	t.Parallel()
	s := dbtcloudtest.New()
	s.Inject(dbtcloudtest.Fault{Kind: dbtcloudtest.TooManyRequests(20*time.Microsecond, time.Second)})
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for range 200 {
				req := httptest.NewRequest(http.MethodGet, "/api/v3/accounts/", nil)
				answer := httptest.NewRecorder()
				s.ServeHTTP(answer, req)
				if got := answer.Header().Get("Retry-After"); got != "1" {
					t.Errorf("Retry-After %q, want 1", got)
				}
			}
		})
	}
	clients.Wait()
}

// TestFaultWithoutAKind lets requests through, and only counts them.
func TestFaultWithoutAKind(t *testing.T) {
	t.Parallel()
	s := dbtcloudtest.New()
	s.Inject(dbtcloudtest.Fault{})
	client, err := s.Client()
	if err != nil {
		t.Fatal(err)
	}
	if account, err := client.Accounts.Get(t.Context()); err != nil || account.ID != s.AccountID() {
		t.Errorf("account %v, error %v", account, err)
	}
}

func TestFaults(t *testing.T) {
	const (
		json = "application/json"
		html = "text/html; charset=utf-8"
		page = "<!doctype html><html><head><title>Uh oh!</title></head><body><h1>502 Bad Gateway</h1></body></html>"
		null = `{"status":{"code":200,"is_success":true,"user_message":"Success!","developer_message":""},"data":null}`
	)
	tests := []struct {
		kind  dbtcloudtest.Kind
		after bool // AfterWork
		want  exchange
		runs  int // made by the request
	}{
		{dbtcloudtest.Status(500, dbtcloudtest.DetailBody), false, exchange{500, json, `{"detail":"There was a server error. Please contact support at support@getdbt.com."}`, "", true, 0}, 0},
		{dbtcloudtest.Status(502, dbtcloudtest.HTMLBody), false, exchange{502, html, page, "", true, 0}, 0},
		{dbtcloudtest.Status(502, dbtcloudtest.HTMLBody), true, exchange{502, html, page, "", true, 0}, 1},
		{
			dbtcloudtest.Status(403, dbtcloudtest.EnvelopeBody), false,
			exchange{403, json, `{"status":{"code":403,"is_success":false,"user_message":"Forbidden","developer_message":""},"data":null}`, "", true, 0}, 0,
		},
		{dbtcloudtest.Status(504, dbtcloudtest.NoBody), false, exchange{504, "", "", "", true, 0}, 0},
		{dbtcloudtest.HTML200(), false, exchange{200, html, page, "", true, 0}, 1},
		{dbtcloudtest.EmptyBody(), false, exchange{200, json, "", "", true, 0}, 1},
		{dbtcloudtest.DataNull(), false, exchange{200, json, null, "", true, 0}, 1},
		{dbtcloudtest.LostAnswer(), false, exchange{Err: "EOF", Written: true}, 1},
		{dbtcloudtest.LostRequest(), false, exchange{Err: "dial"}, 0},
		{dbtcloudtest.Hang(), false, exchange{Err: "deadline", Written: true, Took: time.Minute}, 0},
		{dbtcloudtest.Hang(), true, exchange{Err: "deadline", Written: true, Took: time.Minute}, 1},
		{dbtcloudtest.Slow(2 * time.Minute), false, exchange{Err: "deadline", Written: true, Took: time.Minute}, 1},
	}
	for _, test := range tests {
		t.Run(test.kind.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.Inject(dbtcloudtest.Fault{Route: triggerRoute, Times: 1, AfterWork: test.after, Kind: test.kind})
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if diff := cmp.Diff(test.want, w.see(ctx)); diff != "" {
					t.Errorf("exchange (-want +got):\n%s", diff)
				}
				if got := len(w.Runs()); got != test.runs {
					t.Errorf("%d runs were made, want %d", got, test.runs)
				}
				request := w.Requests()[0]
				if diff := cmp.Diff([]any{test.kind.String(), test.want.Code, test.want.Took}, []any{request.Fault, request.Status, request.Duration}); diff != "" {
					t.Errorf("record (-want +got):\n%s", diff)
				}
				if got := w.see(t.Context()); got.Code != 200 || got.ContentType != json {
					t.Errorf("the fault was for one request, but the next answers %+v", got)
				}
			})
		})
	}
}

func TestTruncatedAnswer(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.Inject(dbtcloudtest.Fault{Kind: dbtcloudtest.Truncated(), Times: 1})
		short, whole := w.see(t.Context()), w.see(t.Context())
		if short.Err != "EOF" || len(short.Body) == 0 || len(short.Body) >= len(whole.Body)-10 || !strings.HasPrefix(short.Body, `{"status"`) {
			t.Errorf("truncated: %q (%s), want the first half of an answer and an unexpected end", short.Body, short.Err)
		}
		if runs := len(w.Runs()); runs != 2 {
			t.Errorf("%d runs, want 2: the work is done", runs)
		}
	})
}

func TestSlowAnswer(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.Inject(dbtcloudtest.Fault{Kind: dbtcloudtest.Slow(5 * time.Second), Times: 1})
		if got := w.see(t.Context()); got.Code != 200 || got.Took != 9*time.Second {
			t.Errorf("answered %d after %v, want 200 after 9s: 4 of latency and 5 of slowness", got.Code, got.Took)
		}
		if got := w.Runs()[0].CreatedAt.Sub(w.start); got != 2*time.Second {
			t.Errorf("the run was created after %v, want 2s: half the latency, before the slowness", got)
		}
	}, dbtcloudtest.WithLatency(dbtcloudtest.Fixed(4*time.Second)))
}

func TestThrottling(t *testing.T) {
	for _, retryAfter := range []time.Duration{0, 7 * time.Second} {
		t.Run(retryAfter.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.Inject(dbtcloudtest.Fault{Route: triggerRoute, Times: 1, Kind: dbtcloudtest.TooManyRequests(10*time.Second, retryAfter)})
				var codes []int
				headers := map[string]int{}
				for _, path := range []string{"runs/", "jobs/" + id(w.job) + "/run/", "runs/", "jobs/"} {
					method := http.MethodGet
					if strings.HasSuffix(path, "/run/") {
						method = http.MethodPost
					}
					resp, err := w.send(method, path, map[string]any{"cause": "x"})
					if err != nil {
						t.Fatal(err)
					}
					_ = resp.Body.Close()
					codes = append(codes, resp.StatusCode)
					headers[resp.Header.Get("Retry-After")]++
					time.Sleep(4 * time.Second)
				}
				// After 4, 8 and 12 seconds: the window of ten seconds begins with the trigger.
				if diff := cmp.Diff([]int{200, 429, 429, 429}, codes); diff != "" {
					t.Errorf("codes (-want +got):\n%s", diff)
				}
				want := map[string]int{"": 4}
				if retryAfter > 0 {
					want = map[string]int{"": 1, "7": 3}
				}
				if diff := cmp.Diff(want, headers); diff != "" {
					t.Errorf("Retry-After headers (-want +got):\n%s", diff)
				}
				if code, _ := w.do("GET", "runs/", nil); code != 200 || len(w.Runs()) != 0 {
					t.Errorf("after the window: %d and %d runs, want 200 and none", code, len(w.Runs()))
				}
			})
		})
	}
}

func TestWhichRequestsFail(t *testing.T) {
	fail := dbtcloudtest.Status(503, dbtcloudtest.NoBody)
	requests := []string{"GET runs/", "GET jobs/", "GET jobs/J/", "GET runs/", "GET runs/1/artifacts/a/b.json", "GET runs/"}
	tests := []struct {
		name  string
		fault dbtcloudtest.Fault
		want  string // one letter per request: x fails
	}{
		{"every request", dbtcloudtest.Fault{Kind: fail}, "xxxxxx"},
		{"a route", dbtcloudtest.Fault{Route: "/api/v2/accounts/*/runs/", Kind: fail}, "x..x.x"},
		{"a route of another method", dbtcloudtest.Fault{Route: "POST /api/v2/accounts/*/runs/", Kind: fail}, "......"},
		{"a method", dbtcloudtest.Fault{Method: "POST", Kind: fail}, "......"},
		{"a rest", dbtcloudtest.Fault{Route: "GET /api/v2/accounts/{account}/runs/{id}/artifacts/{remainder...}", Kind: fail}, "....x."},
		{"times", dbtcloudtest.Fault{Route: "/api/v2/accounts/{account}/runs/", Times: 2, Kind: fail}, "x..x.."},
		{"after", dbtcloudtest.Fault{Route: "/api/v2/accounts/{account}/runs/", After: 1, Times: 1, Kind: fail}, "...x.."},
		{"match", dbtcloudtest.Fault{Match: func(r dbtcloudtest.Request) bool { return strings.HasSuffix(r.Operation, "/jobs/{id}/") }, Kind: fail}, "..x..."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.Inject(test.fault)
				var got strings.Builder
				for _, request := range requests {
					if w.code(request) == 503 {
						got.WriteString("x")
					} else {
						got.WriteString(".")
					}
				}
				if got.String() != test.want {
					t.Errorf("failing requests %s, want %s", got.String(), test.want)
				}
				w.ClearFaults()
				if w.code("GET runs/") != 200 {
					t.Error("a cleared fault still applies")
				}
			})
		})
	}
}

func TestProbabilityFollowsTheSeed(t *testing.T) {
	t.Parallel()
	pattern := func(seed uint64) string {
		var got strings.Builder
		synctest.Test(t, func(t *testing.T) {
			s := dbtcloudtest.New(dbtcloudtest.WithSeed(seed))
			s.Inject(dbtcloudtest.Fault{Probability: 0.5, Kind: dbtcloudtest.Status(503, dbtcloudtest.NoBody)})
			api := newClient(t, s)
			for range 64 {
				code, _ := api.do("GET", "runs/", nil)
				got.WriteString(map[int]string{200: ".", 503: "x"}[code])
			}
		})
		return got.String()
	}
	first, again, other := pattern(1), pattern(1), pattern(2)
	if failures := strings.Count(first, "x"); first != again || first == other || failures < 20 || failures > 44 {
		t.Errorf("seed 1: %s and %s, seed 2: %s; want equal, different, and about half failures", first, again, other)
	}
}

func TestUnauthorized(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		for auth, want := range map[string]int{"Token " + w.Token(): 200, "Bearer " + w.Token(): 200, "Token wrong": 401, "": 401, w.Token(): 401} {
			w.auth = auth
			if code, _ := w.do("GET", "runs/", nil); code != want {
				t.Errorf("Authorization %q is answered %d, want %d", auth, code, want)
			}
		}
	})
}

func TestContextEndsOnTheWay(t *testing.T) {
	for name, test := range map[string]struct {
		limit time.Duration
		want  exchange
		runs  int
	}{
		"before the work": {time.Second, exchange{Err: "deadline", Took: time.Second}, 0},
		"after the work":  {3 * time.Second, exchange{Err: "deadline", Took: 3 * time.Second, Written: true}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				ctx, cancel := context.WithTimeout(t.Context(), test.limit)
				defer cancel()
				if diff := cmp.Diff(test.want, w.see(ctx)); diff != "" {
					t.Errorf("exchange (-want +got):\n%s", diff)
				}
				if got := len(w.Runs()); got != test.runs {
					t.Errorf("%d runs, want %d", got, test.runs)
				}
			}, dbtcloudtest.WithLatency(dbtcloudtest.Fixed(4*time.Second)))
		})
	}
}
