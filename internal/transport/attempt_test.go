package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestHeaders(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, url     string
		given         http.Header
		auth, referer string
		accept        string
	}{
		{"trusted", "https://" + host + "/x", nil, "Token " + secretToken, "", "application/json"},
		{"accept kept", "https://" + host + "/x", http.Header{"Accept": {"text/plain"}}, "Token " + secretToken, "", "text/plain"},
		{"replaces another", "https://" + host + "/x", http.Header{"Authorization": {"Bearer x"}}, "Token " + secretToken, "", "application/json"},
		{"foreign", "https://elsewhere.test/x", nil, "", "", "application/json"},
		{"foreign with copied headers", "https://elsewhere.test/x",
			http.Header{"Authorization": {"Token " + secretToken}, "Referer": {"https://" + host + "/?" + secretQuery}}, "", "", "application/json"},
		{"not encrypted", "http://" + host + "/x", http.Header{"Authorization": {"Bearer x"}}, "", "", "application/json"},
		{"loopback", "http://127.0.0.1:80/x", nil, "Token " + secretToken, "", "application/json"},
		{"loopback v6", "http://[::1]:80/x", nil, "Token " + secretToken, "", "application/json"},
		{"localhost", "http://localhost:80/x", nil, "Token " + secretToken, "", "application/json"},
		{"looks like localhost", "http://localhost.test:80/x", nil, "", "", "application/json"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			base := newScript(answer(200))
			rt := over(base)
			rt.Trusted = func(u *url.URL) bool { return u.Hostname() != "elsewhere.test" }
			req, err := http.NewRequestWithContext(t.Context(), "GET", tt.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header = tt.given.Clone()
			res, err := rt.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			closeBody(t, res)
			h := base.sent[0].header
			got := []string{h.Get("Authorization"), h.Get("Referer"), h.Get("Accept"), h.Get("User-Agent")}
			if diff := cmp.Diff([]string{tt.auth, tt.referer, tt.accept, "dbtcloud-go/test"}, got); diff != "" {
				t.Errorf("Authorization, Referer, Accept, User-Agent (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.given, req.Header); diff != "" {
				t.Errorf("the caller's headers were changed (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNothingIsTrustedByDefault(t *testing.T) {
	t.Parallel()
	base := newScript(answer(200))
	rt := over(base)
	rt.Trusted = nil
	res, err := rt.RoundTrip(newRequest(t, t.Context(), "GET", "", nil))
	if err != nil {
		t.Fatal(err)
	}
	closeBody(t, res)
	if got := base.sent[0].header.Get("Authorization"); got != "" {
		t.Errorf("Authorization %q sent to a host that nobody trusts", got)
	}
}

func TestTokenSource(t *testing.T) {
	t.Parallel()
	broken := errors.New("vault is sealed")
	tests := []struct {
		name  string
		token string
		err   error
		text  string
	}{
		{"error", "", broken, "vault is sealed"},
		{"empty", "", nil, "is empty"},
		{"line break", secretToken + "\n", nil, "line break"},
		{"not ASCII", secretToken + "é", nil, "another character"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			base, call := newScript(answer(200)), new(Call)
			rt := over(base)
			rt.Token = func(context.Context) (string, error) { return tt.token, tt.err }
			body := &countedBody{ReadCloser: http.NoBody}
			req := newRequest(t, t.Context(), "POST", "", call)
			req.Body = body
			err := errorOf(t, rt, req)
			if err == nil || !strings.Contains(err.Error(), tt.text) || strings.Contains(err.Error(), secretToken) {
				t.Errorf("error %v, want %q and no token", err, tt.text)
			}
			if !errors.Is(err, tt.err) && tt.err != nil {
				t.Errorf("error %v hides that of the source", err)
			}
			if len(base.sent) != 0 || call.Sent || body.closed != 1 {
				t.Errorf("sent %d, call %+v, body closed %d times; want nothing sent and the body closed", len(base.sent), call, body.closed)
			}
		})
	}
}

func TestTokenIsAskedForEachAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		base := newScript(answer(503), answer(200))
		rt := over(base)
		tokens := []string{"first", "second"}
		rt.Token = func(context.Context) (string, error) {
			next := tokens[0]
			tokens = tokens[1:]
			return next, nil
		}
		res, err := rt.RoundTrip(newRequest(t, t.Context(), "GET", "", nil))
		if err != nil {
			t.Fatal(err)
		}
		closeBody(t, res)
		if got := base.sent[1].header.Get("Authorization"); got != "Token second" {
			t.Errorf("second attempt with %q", got)
		}
	})
}

func TestAttemptTimeout(t *testing.T) {
	t.Parallel()
	inBubble(t, "before the headers", func(t *testing.T) {
		base := newScript(hang)
		rt := over(base)
		rt.Policy = Policy{Attempts: 2, AttemptTimeout: 10 * time.Second}
		err := errorOf(t, rt, newRequest(t, t.Context(), "GET", "", nil))
		checkTimeout(t, err)
		if len(base.sent) != 2 {
			t.Errorf("sent %d times, want two", len(base.sent))
		}
	})
	inBubble(t, "the caller's deadline is first", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		base := newScript(hang)
		err := errorOf(t, over(base), newRequest(t, ctx, "GET", "", nil))
		if !errors.Is(err, context.DeadlineExceeded) || len(base.sent) != 1 {
			t.Errorf("error %v after %d attempts, want the caller's deadline after one", err, len(base.sent))
		}
	})
	inBubble(t, "the caller cancels an attempt", func(t *testing.T) {
		cause := errors.New("the user pressed a key")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(cause) })
		err := errorOf(t, over(newScript(hang)), newRequest(t, ctx, "GET", "", nil))
		if !errors.Is(err, context.Canceled) || !errors.Is(err, cause) {
			t.Errorf("error %v, want cancelled and its cause", err)
		}
	})
}

func checkTimeout(t *testing.T, err error) {
	t.Helper()
	ne, ok := errors.AsType[net.Error](err)
	if !ok || !ne.Timeout() || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want a timeout that is not the caller's context", err)
	}
	if err == nil || !strings.Contains(err.Error(), "attempt timeout of 10s") {
		t.Errorf("error %v, want it to name the limit", err)
	}
}

// dribble is a step whose body gives one byte after each delay, and nothing more after the last.
func dribble(delays ...time.Duration) step {
	return func(req *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Body: &dribbleBody{req.Context(), delays}}, nil
	}
}

type dribbleBody struct {
	ctx    context.Context
	delays []time.Duration
}

func (b *dribbleBody) Read(p []byte) (int, error) {
	if len(b.delays) == 0 {
		return 0, io.EOF
	}
	select {
	case <-b.ctx.Done():
		return 0, b.ctx.Err()
	case <-time.After(b.delays[0]):
	}
	b.delays = b.delays[1:]
	return copy(p, "x"), nil
}

func (b *dribbleBody) Close() error { return nil }

// TestReadingToTheEndIsEnough: an answer that was read to its end holds nothing any more, closed or not.
func TestReadingToTheEndIsEnough(t *testing.T) {
	t.Parallel()
	base := newScript(answer(200))
	res, err := over(base).RoundTrip(newRequest(t, t.Context(), http.MethodGet, "", nil))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(res.Body); err != nil {
		t.Fatal(err)
	}
	if base.sent[0].ctx.Err() == nil {
		t.Error("the context of the attempt goes on")
	}
	closeBody(t, res)
}

func TestBodyTimeLimits(t *testing.T) {
	t.Parallel()
	const s = time.Second
	tests := []struct {
		name    string
		stream  bool
		between time.Duration // the reader's own slowness
		delays  []time.Duration
		read    int
		timeout bool
	}{
		{"whole body in time", false, 0, []time.Duration{4 * s, 4 * s}, 2, false},
		{"whole body too late", false, 0, []time.Duration{4 * s, 4 * s, 4 * s}, 2, true},
		{"slow reader of a whole body", false, 6 * s, []time.Duration{1, 1, 1}, 1, true},
		{"stream that goes on", true, 0, []time.Duration{9 * s, 9 * s, 9 * s, 9 * s}, 4, false},
		{"stream that idles", true, 0, []time.Duration{9 * s, 11 * s}, 1, true},
		{"slow reader of a stream", true, time.Hour, []time.Duration{9 * s, 9 * s}, 2, false},
	}
	for _, tt := range tests {
		inBubble(t, tt.name, func(t *testing.T) {
			base := newScript(dribble(tt.delays...))
			rt := over(base)
			rt.Policy.AttemptTimeout = 10 * s
			res, err := rt.RoundTrip(newRequest(t, t.Context(), "GET", "", &Call{Stream: tt.stream}))
			if err != nil {
				t.Fatal(err)
			}
			read := 0
			for err == nil {
				var n int
				time.Sleep(tt.between)
				n, err = res.Body.Read(make([]byte, 10))
				read += n
			}
			if read != tt.read {
				t.Errorf("read %d bytes, want %d", read, tt.read)
			}
			if tt.timeout {
				checkTimeout(t, err)
			} else if !errors.Is(err, io.EOF) {
				t.Errorf("error %v, want EOF", err)
			}
			closeBody(t, res)
		})
	}
}

func TestAttemptLivesUntilItsBodyIsClosed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		base := newScript(answer(503), fail(io.EOF), answer(200))
		res, err := over(base).RoundTrip(newRequest(t, t.Context(), "GET", "", nil))
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []bool{true, true, false} {
			if got := base.sent[i].ctx.Err() != nil; got != want {
				t.Errorf("context of attempt %d has ended: %v, want %v", i+1, got, want)
			}
		}
		closeBody(t, res)
		if base.sent[2].ctx.Err() == nil {
			t.Error("context of the last attempt goes on after Close")
		}
		base = newScript(fail(errors.New("no known trouble")))
		if err = errorOf(t, over(base), newRequest(t, t.Context(), "GET", "", nil)); err == nil || base.sent[0].ctx.Err() == nil {
			t.Errorf("error %v, context of the failed attempt ended: %v", err, base.sent[0].ctx.Err())
		}
	})
}
