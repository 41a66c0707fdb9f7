package transport

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestOnePauseForAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		base := newScript(answer(429), answer(200))
		rt := over(base)
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * time.Second) // one is first, nine come into its pause
				method := []string{"GET", "POST"}[i%2]
				res, err := rt.RoundTrip(newRequest(t, t.Context(), method, "", nil))
				if err != nil || res.StatusCode != 200 {
					t.Errorf("answer %v, error %v", res, err)
				}
				closeBody(t, res)
			})
		}
		time.Sleep(time.Minute)
		if want := base.start.Add(5 * time.Minute); !rt.PausedUntil().Equal(want) {
			t.Errorf("PausedUntil %v, want %v", rt.PausedUntil(), want)
		}
		wg.Wait()
		want := []time.Duration{0}
		for range 10 {
			want = append(want, 5*time.Minute)
		}
		if diff := cmp.Diff(want, base.times()); diff != "" {
			t.Errorf("sent at (-want +got):\n%s", diff)
		}
		if !rt.PausedUntil().IsZero() {
			t.Errorf("PausedUntil %v after the pause", rt.PausedUntil())
		}
	})
}

func TestPauseThatBeginsDuringABackoffOrATokenCallHolds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		base := newScript(answer(503, "Retry-After", "10"), answer(200))
		rt := over(base)
		calls := 0
		rt.Token = func(context.Context) (string, error) {
			if calls++; calls == 2 {
				time.Sleep(time.Minute)
				rt.pause(time.Now().Add(time.Minute)) // the second pause, while the token is fetched
			}
			return secretToken, nil
		}
		time.AfterFunc(5*time.Second, func() { rt.pause(time.Now().Add(time.Minute)) })
		res, err := rt.RoundTrip(newRequest(t, t.Context(), "GET", "", nil))
		if err != nil {
			t.Fatal(err)
		}
		closeBody(t, res)
		if diff := cmp.Diff([]time.Duration{0, 185 * time.Second}, base.times()); diff != "" {
			t.Errorf("sent at (-want +got):\n%s", diff)
		}
	})
}

func TestShorterPauseDoesNotEndALongerOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rt := new(RoundTripper)
		rt.pause(time.Now().Add(time.Hour))
		rt.pause(time.Now().Add(time.Second))
		if got := time.Until(rt.PausedUntil()); got != time.Hour {
			t.Errorf("paused for %v, want an hour", got)
		}
	})
}

func TestPauseLongerThanTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		base := newScript(answer(429, "Date", "Mon, 02 Jan 2006 15:04:05 GMT"))
		rt, call := over(base), new(Call)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()

		res, err := rt.RoundTrip(newRequest(t, ctx, "POST", secretBody, call))
		if err != nil || res.StatusCode != 429 {
			t.Fatalf("answer %v, error %v; want the 429", res, err)
		}
		closeBody(t, res)
		if !errors.Is(call.GaveUp, context.DeadlineExceeded) || call.Sent || call.Attempts != 1 {
			t.Errorf("call %+v, want given up after one attempt that was not acted on", call)
		}
		if want := time.Date(2006, 1, 2, 15, 4, 5, 0, time.UTC); !call.Date.Equal(want) {
			t.Errorf("Call.Date %v, want %v", call.Date, want)
		}

		call = new(Call)
		body := &countedBody{ReadCloser: newRequest(t, ctx, "POST", secretBody, nil).Body}
		req := newRequest(t, ctx, "POST", secretBody, call)
		req.Body = body
		err = errorOf(t, rt, req)
		paused, ok := errors.AsType[*PausedError](err)
		if !ok || !paused.Until.Equal(base.start.Add(5*time.Minute)) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want a PausedError until the end of the pause", err)
		}
		if call.Sent || call.Attempts != 0 || body.closed != 1 {
			t.Errorf("call %+v, body closed %d times; want nothing sent and the body closed", call, body.closed)
		}
		if got := time.Since(base.start); got != 0 {
			t.Errorf("took %v, want no wait", got)
		}
	})
}

func TestWaitLongerThanTheContextEndsAtOnce(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		step   step
		status int
		texts  []string
	}{
		{"answer", answer(503, "Retry-After", "60"), 503, nil},
		{"just as long as the context", answer(503, "Retry-After", "1"), 503, nil},
		{"an hour", answer(503, "Retry-After", "3600"), 503, nil},
		{"error", fail(errDial()), 0, []string{"deadline exceeded", "dial tcp"}},
	}
	for _, tt := range tests {
		inBubble(t, tt.name, func(t *testing.T) {
			base, call := newScript(tt.step), new(Call)
			rt := over(base)
			rt.pause(time.Now().Add(time.Second))
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			rt.Policy = Policy{Attempts: 100, MinDelay: time.Second}
			res, err := rt.RoundTrip(newRequest(t, ctx, "GET", "", call))
			closeBody(t, res)
			if took := time.Since(base.start); took >= 2*time.Second {
				t.Errorf("returned after %v, not before the deadline", took)
			}
			if !errors.Is(call.GaveUp, context.DeadlineExceeded) {
				t.Errorf("Call.GaveUp = %v, want the deadline", call.GaveUp)
			}
			if tt.status != 0 && (err != nil || res.StatusCode != tt.status) {
				t.Errorf("answer %v, error %v; want status %d", res, err, tt.status)
			}
			for _, text := range tt.texts {
				if err == nil || !strings.Contains(err.Error(), text) || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v, want one with %q", err, text)
				}
			}
		})
	}
}

func TestCancelDuringAWait(t *testing.T) {
	t.Parallel()
	cause := errors.New("the user pressed a key")
	tests := []struct {
		name string
		step step
		text string
	}{
		{"backoff after an answer", answer(503, "Retry-After", "60"), "answered 503 Service Unavailable"},
		{"backoff after an error", fail(errDial()), "dial tcp"},
		{"pause", answer(429), "answered 429 Too Many Requests"},
	}
	for _, tt := range tests {
		inBubble(t, tt.name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			base := newScript(tt.step)
			rt := over(base)
			rt.Policy = Policy{Attempts: 1 << 20}
			time.AfterFunc(30*time.Second, func() { cancel(cause) })
			res, err := rt.RoundTrip(newRequest(t, ctx, "GET", "", nil))
			closeBody(t, res)
			if res != nil || !errors.Is(err, context.Canceled) || !errors.Is(err, cause) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("answer %v, error %v; want one that is cancelled, has its cause, and says %q", res, err, tt.text)
			}
			if got := time.Since(base.start); got != 30*time.Second {
				t.Errorf("returned after %v, want 30s", got)
			}
		})
	}
}

func TestContextThatEndedBefore(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	base := newScript(answer(200))
	err := errorOf(t, over(base), newRequest(t, ctx, "GET", "", nil))
	if !errors.Is(err, context.Canceled) || len(base.sent) != 0 {
		t.Errorf("error %v, sent %d; want cancelled and nothing sent", err, len(base.sent))
	}
}

// A day of hourly pauses is one request to the caller.
func TestADayOfPauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		base := newScript()
		for range 24 {
			base.steps = append(base.steps, answer(429, "Retry-After", "3600"))
		}
		base.steps = append(base.steps, answer(200))
		rt := over(base)
		rt.Policy.Attempts = 30
		res, err := rt.RoundTrip(newRequest(t, t.Context(), "POST", secretBody, nil))
		if err != nil {
			t.Fatal(err)
		}
		closeBody(t, res)
		if got := time.Since(base.start); got != 24*time.Hour {
			t.Errorf("took %v, want a day", got)
		}
	})
}
