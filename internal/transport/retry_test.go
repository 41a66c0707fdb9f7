package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
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

func trustedHost(u *url.URL) bool { return u.Host == host }

func TestWhatIsRepeated(t *testing.T) {
	t.Parallel()
	plain := errors.New("no known trouble")
	tests := []struct {
		name     string
		method   string
		repeat   bool
		step     step
		attempts int
		sent     bool
	}{
		{"GET 502", "GET", false, answer(502), 5, true},
		{"no method 502", "", false, answer(502), 5, true},
		{"HEAD 408", "HEAD", false, answer(408), 5, true},
		{"PUT 500", "PUT", false, answer(500), 5, true},
		{"DELETE 503", "DELETE", false, answer(503), 5, true},
		{"OPTIONS 504", "OPTIONS", false, answer(504), 5, true},
		{"GET 501", "GET", false, answer(501), 1, true},
		{"GET 404", "GET", false, answer(404), 1, true},
		{"GET 200", "GET", false, answer(200), 1, true},
		{"POST 502", "POST", false, answer(502), 1, true},
		{"PATCH 503", "PATCH", false, answer(503, "Retry-After", "1"), 1, true},
		{"POST 429", "POST", false, answer(429), 5, false},
		{"PATCH 429", "PATCH", false, answer(429), 5, false},
		{"cancel 502", "POST", true, answer(502), 5, true},
		{"cancel 400", "POST", true, answer(400), 1, true},
		{"GET EOF", "GET", false, fail(io.EOF), 5, true},
		{"GET cut body", "GET", false, fail(fmt.Errorf("x: %w", io.ErrUnexpectedEOF)), 5, true},
		{"GET unknown error", "GET", false, fail(plain), 1, true},
		{"GET refused", "GET", false, fail(errDial()), 5, false},
		{"POST refused", "POST", false, fail(errDial()), 5, false},
		{"POST EOF without trace", "POST", false, fail(io.EOF), 1, true},
		{"GET hangs", "GET", false, hang, 5, true},
		{"POST hangs without trace", "POST", false, hang, 1, true},
		{"POST hangs while it connects", "POST", false, hangConnecting, 5, false},
		{"POST hangs while it is written", "POST", false, hangWriting, 1, true},
		{"nothing at all", "GET", false, fail(nil), 1, true},
	}
	for _, tt := range tests {
		inBubble(t, tt.name, func(t *testing.T) {
			base, call := newScript(tt.step), &Call{Repeatable: tt.repeat}
			req := newRequest(t, t.Context(), tt.method, "", call)
			req.Method = tt.method
			res, err := over(base).RoundTrip(req)
			closeBody(t, res)
			if (res == nil) == (err == nil) {
				t.Errorf("answer %v and error %v, want one of them", res, err)
			}
			if got := len(base.times()); got != tt.attempts || call.Attempts != tt.attempts {
				t.Errorf("sent %d times, Call.Attempts %d, want %d", got, call.Attempts, tt.attempts)
			}
			if call.Sent != tt.sent {
				t.Errorf("Call.Sent = %v, want %v", call.Sent, tt.sent)
			}
			if call.GaveUp != nil {
				t.Errorf("Call.GaveUp = %v, want nil", call.GaveUp)
			}
		})
	}
}

func TestTransient(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"dial", errDial(), "connection failed"},
		{"read in a url.Error", &url.Error{Err: &net.OpError{Op: "read", Err: io.ErrClosedPipe}}, "connection failed"},
		{"dns timeout", &net.OpError{Op: "dial", Err: &net.DNSError{IsTimeout: true}}, "name lookup failed"},
		{"dns temporary", &net.DNSError{IsTemporary: true}, "name lookup failed"},
		{"no such host", &net.OpError{Op: "dial", Err: &net.DNSError{IsNotFound: true}}, ""},
		{"attempt timeout", &timeoutError{after: time.Second, host: host}, "timeout"},
		{"handshake timeout", fmt.Errorf("net/http: %w", &timeoutError{}), "timeout"},
		{"eof", io.EOF, "connection lost"},
		{"reset", errors.New("read: connection reset by peer"), "connection lost"},
		{"idle", errors.New("http: server closed idle connection"), "connection lost"},
		{"goaway", errors.New("http2: server sent GOAWAY and closed the connection; LastStreamID=1"), "connection lost"},
		{"unknown authority", fmt.Errorf("tls: %w", x509.UnknownAuthorityError{}), ""},
		{"verification", &tls.CertificateVerificationError{Err: io.EOF}, ""},
		{"wrong name", x509.HostnameError{Certificate: new(x509.Certificate)}, ""},
		{"expired", x509.CertificateInvalidError{Reason: x509.Expired}, ""},
		{"tls alert", &net.OpError{Op: "remote error", Err: errors.New("tls: bad certificate")}, ""},
		{"scheme", errors.New("unsupported protocol scheme \"ftp\""), ""},
		{"cancelled by a middleware", context.Canceled, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := transient(tt.err); got != tt.want {
				t.Errorf("transient(%v) = %q, want %q", tt.err, got, tt.want)
			}
		})
	}
}

func TestWaitsBetweenAttempts(t *testing.T) {
	t.Parallel()
	const date = "Mon, 02 Jan 2006 15:04:05 GMT"
	tests := []struct {
		name string
		step step
		want time.Duration // total of the two waits
	}{
		{"seconds", answer(503, "Retry-After", "60"), 2 * time.Minute},
		{"date by the server's clock", answer(503, "Date", date, "Retry-After", "Mon, 02 Jan 2006 15:05:05 GMT"), 2 * time.Minute},
		{"own header", answer(503, "x-rate-limit-retry-after-seconds", "7"), 14 * time.Second},
		{"an hour", answer(502, "Retry-After", "3600"), 2 * time.Hour},
		{"no less than MinDelay", answer(503, "Retry-After", "0"), time.Second},
		{"429 with seconds", answer(429, "Retry-After", "60"), 2 * time.Minute},
		{"429 with own header", answer(429, "x-rate-limit-retry-after-seconds", "20"), 40 * time.Second},
		{"429 without", answer(429), 10 * time.Minute},
		{"429 bogus", answer(429, "Retry-After", "soon"), 10 * time.Minute},
		{"429 over an hour", answer(429, "Retry-After", "3601"), 10 * time.Minute},
		{"429 negative", answer(429, "Retry-After", "-1"), 10 * time.Minute},
	}
	for _, tt := range tests {
		inBubble(t, tt.name, func(t *testing.T) {
			base := newScript(tt.step, tt.step, answer(200))
			res, err := over(base).RoundTrip(newRequest(t, t.Context(), "GET", "", nil))
			if err != nil {
				t.Fatal(err)
			}
			closeBody(t, res)
			if got := base.times(); len(got) != 3 || got[2] != tt.want {
				t.Errorf("sent at %v, want three, the last at %v", got, tt.want)
			}
		})
	}
}

func TestPauseOfThePolicyIsNotStretched(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		base := newScript(answer(429), answer(200))
		rt := over(base)
		rt.Policy = Policy{Pause: time.Millisecond, MinDelay: time.Hour, MaxDelay: time.Hour}
		res, err := rt.RoundTrip(newRequest(t, t.Context(), "GET", "", nil))
		if err != nil {
			t.Fatal(err)
		}
		closeBody(t, res)
		if diff := cmp.Diff([]time.Duration{0, time.Millisecond}, base.times()); diff != "" {
			t.Errorf("sent at (-want +got):\n%s", diff)
		}
	})
}

func TestBackoffIsFullJitterUpToItsCap(t *testing.T) {
	t.Parallel()
	p := Policy{MinDelay: time.Second, MaxDelay: 10 * time.Second}.withDefaults()
	for attempt, top := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 4: 8 * time.Second, 5: 10 * time.Second, 90: 10 * time.Second} {
		lowest, highest := top, time.Duration(0)
		for range 2000 {
			d := backoff(p, attempt)
			lowest, highest = min(lowest, d), max(highest, d)
		}
		if lowest <= 0 || highest > top {
			t.Errorf("attempt %d: from %v to %v, want within 0 and %v", attempt, lowest, highest, top)
		}
		if lowest > top/10 || highest < top*9/10 {
			t.Errorf("attempt %d: from %v to %v: not spread over 0 to %v", attempt, lowest, highest, top)
		}
	}
}

func TestPolicyDefaults(t *testing.T) {
	t.Parallel()
	want := Policy{5, 500 * time.Millisecond, 30 * time.Second, 5 * time.Minute, time.Minute}
	if diff := cmp.Diff(want, Policy{Attempts: -1}.withDefaults()); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
	own := Policy{1, 2, 3, 4, 5}
	if diff := cmp.Diff(own, own.withDefaults()); diff != "" {
		t.Errorf("own values changed (-want +got):\n%s", diff)
	}
}

func TestBodyIsSentAgainUnchanged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		base := newScript(answer(429), fail(errDial()), answer(200))
		req := newRequest(t, t.Context(), "POST", secretBody, nil)
		before := req.Clone(t.Context())
		res, err := over(base).RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		closeBody(t, res)
		var bodies []string
		for _, s := range base.sent {
			bodies = append(bodies, s.body)
		}
		if diff := cmp.Diff([]string{secretBody, secretBody, secretBody}, bodies); diff != "" {
			t.Errorf("bodies (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(before.Header, req.Header); diff != "" {
			t.Errorf("the caller's request was changed (-want +got):\n%s", diff)
		}
		if res.Request != req {
			t.Error("the answer carries another request than the caller's")
		}
	})
}

func TestBodyThatCannotBeSentAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		base := newScript(answer(503))
		req := newRequest(t, t.Context(), "PUT", secretBody, nil)
		req.GetBody = nil
		res, err := over(base).RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		closeBody(t, res)
		if got := len(base.times()); got != 1 || res.StatusCode != 503 {
			t.Errorf("sent %d times, status %d; want one and 503", got, res.StatusCode)
		}

		base = newScript(answer(503))
		req = newRequest(t, t.Context(), "PUT", secretBody, nil)
		req.GetBody = func() (io.ReadCloser, error) { return nil, io.ErrNoProgress }
		if err = errorOf(t, over(base), req); !errors.Is(err, io.ErrNoProgress) || !strings.Contains(err.Error(), "503") {
			t.Errorf("error %v, want that of GetBody and the status before", err)
		}
	})
}

func TestRepeatedAnswersAreDrainedAndClosed(t *testing.T) {
	t.Parallel()
	long := func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 500, Body: io.NopCloser(strings.NewReader(strings.Repeat("x", 1<<20)))}, nil
	}
	endless := func(req *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 500, Body: &slowBody{ctx: req.Context()}}, nil
	}
	for _, stream := range []bool{false, true} {
		inBubble(t, fmt.Sprintf("stream %v", stream), func(t *testing.T) {
			base := newScript(long, endless, answer(503), answer(200))
			res, err := over(base).RoundTrip(newRequest(t, t.Context(), "GET", "", &Call{Stream: stream}))
			if err != nil {
				t.Fatal(err)
			}
			var read, closed []int
			for _, b := range base.open {
				read, closed = append(read, b.read), append(closed, b.closed)
			}
			if diff := cmp.Diff([]int{64 << 10, 0, 2, 0}, read); diff != "" {
				t.Errorf("bytes read (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]int{1, 1, 1, 0}, closed); diff != "" {
				t.Errorf("closed (-want +got):\n%s", diff)
			}
			if got := time.Since(base.start); got > 10*time.Second {
				t.Errorf("took %v: an endless answer held the request up", got)
			}
			closeBody(t, res)
			if got := base.open[3].closed; got != 1 {
				t.Errorf("last answer closed %d times, want once", got)
			}
		})
	}
}

// slowBody sends nothing until its context ends.
type slowBody struct{ ctx context.Context }

func (b *slowBody) Read([]byte) (int, error) {
	<-b.ctx.Done()
	return 0, b.ctx.Err()
}

func (b *slowBody) Close() error { return nil }

func TestBaseThatBreaksItsContract(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		both := func(req *http.Request) (*http.Response, error) {
			res, _ := answer(503)(req) // alone it would be repeated
			return res, errors.New("and an error")
		}
		base := newScript(both)
		res, err := over(base).RoundTrip(newRequest(t, t.Context(), "GET", "", nil))
		closeBody(t, res)
		if res != nil || err == nil || len(base.open) != 1 || base.open[0].closed != 1 {
			t.Errorf("answer %v, error %v, bodies %+v; want the error alone and one answer, closed", res, err, base.open)
		}
		bare := over(step(func(*http.Request) (*http.Response, error) { return &http.Response{StatusCode: 204}, nil }))
		res, err = bare.RoundTrip(newRequest(t, t.Context(), "GET", "", nil))
		if err != nil {
			t.Fatal(err)
		}
		closeBody(t, res)
	})
}

func (s step) RoundTrip(req *http.Request) (*http.Response, error) { return s(req) }
