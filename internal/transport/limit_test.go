package transport

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// busiest is the largest number of instants in any minute; they must be sorted.
func busiest(at []time.Duration) int {
	most, first := 0, 0
	for i := range at {
		for at[i]-at[first] >= time.Minute {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

func TestBusiest(t *testing.T) {
	t.Parallel()
	second := func(s ...time.Duration) []time.Duration {
		for i := range s {
			s[i] *= time.Second
		}
		return s
	}
	for want, at := range [][]time.Duration{nil, second(0, 60, 120), second(0, 59, 118), second(0, 1, 59, 60)[:3], second(0, 30, 59, 59, 61)} {
		if got := busiest(at); got != want {
			t.Errorf("%v: %d in a minute, want %d", at, got, want)
		}
	}
}

// crowd is many callers of one limit.
type crowd struct {
	PerMinute int
	Callers   []caller
}

type caller struct {
	Start    time.Duration
	Deadline time.Duration // after Start
	Leave    time.Duration // after Start: cancelled
}

func drawCrowd(t *rapid.T) crowd {
	span := func(label string, top time.Duration) time.Duration {
		return time.Duration(rapid.Int64Range(1, int64(top)).Draw(t, label))
	}
	c := crowd{PerMinute: rapid.OneOf(rapid.IntRange(1, 60), rapid.IntRange(1, 500)).Draw(t, "per minute")}
	for range rapid.IntRange(1, 10).Draw(t, "waves") {
		wave := caller{Start: span("start", 5*time.Minute), Deadline: span("deadline", 20*time.Minute), Leave: span("leave", 20*time.Minute)}
		for range rapid.IntRange(1, 100).Draw(t, "callers") {
			c.Callers = append(c.Callers, wave)
		}
	}
	return c
}

// play lets the crowd come, and returns when each was let through.
func (c crowd) play(t *testing.T, l *Limit) (at []time.Duration) {
	var mu sync.Mutex
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var wg sync.WaitGroup
		for _, one := range c.Callers {
			wg.Go(func() {
				time.Sleep(one.Start)
				ctx, cancel := context.WithTimeout(t.Context(), one.Deadline)
				defer cancel()
				defer time.AfterFunc(one.Leave, cancel).Stop()
				err := l.wait(ctx, newLogger(nil, nil, nil))
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					at = append(at, time.Since(begin))
				} else if limited, ok := errors.AsType[*LimitedError](err); !ok && time.Since(begin) != one.Start+one.Leave || ok && (limited.Wait < one.Deadline || time.Since(begin) != one.Start) {
					t.Errorf("%+v got %v after %v", one, err, time.Since(begin))
				}
			})
		}
		wg.Wait()
	})
	slices.Sort(at)
	return at
}

// TestPropertyNoMinuteExceedsTheLimit: whoever comes and leaves when, no sliding minute has more turns than the limit,
// and a turn is given up only to the context.
func TestPropertyNoMinuteExceedsTheLimit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		c := drawCrowd(rt)
		if at := c.play(t, NewLimit(c.PerMinute)); busiest(at) > c.PerMinute {
			rt.Errorf("%d turns in a minute, limit %d", busiest(at), c.PerMinute)
		}
	})
}

// TestLimitIsUsed: the limit is not kept by hardly sending anything.
func TestLimitIsUsed(t *testing.T) {
	t.Parallel()
	for perMinute, burst := range map[int]int{-1: 1, 1: 1, 4: 1, 10: 2, 450: 90, 500: 100} {
		c := crowd{PerMinute: max(perMinute, 1)}
		for range 5 * c.PerMinute {
			c.Callers = append(c.Callers, caller{Start: 1, Deadline: time.Hour, Leave: time.Hour})
		}
		at := c.play(t, NewLimit(perMinute))
		if n := slices.IndexFunc(at, func(d time.Duration) bool { return d > 1 }); n != burst {
			t.Errorf("limit %d: %d at once, want %d", perMinute, n, burst)
		}
		if last := at[len(at)-1]; busiest(at) > c.PerMinute || last > 7*time.Minute {
			t.Errorf("limit %d: %d in a minute, five times the limit took %v", perMinute, busiest(at), last)
		}
	}
}

// TestLimitCountsEveryAttempt: those of requests that are repeated, too; and after a pause nothing comes in a rush.
func TestLimitCountsEveryAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		n := 0
		base := newScript(func(req *http.Request) (*http.Response, error) {
			mu.Lock()
			n++
			status := 200
			if n%3 == 0 {
				status = 503
			}
			if n == 40 {
				status = 429
			}
			mu.Unlock()
			return answer(status)(req)
		})
		rt := over(base)
		rt.Limit = NewLimit(20)
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				res, err := rt.RoundTrip(newRequest(t, t.Context(), "GET", "", nil))
				if err != nil {
					t.Error(err)
				}
				closeBody(t, res)
			})
		}
		wg.Wait()
		at := base.times()
		slices.Sort(at)
		if len(at) <= 100 || busiest(at) > 20 {
			t.Errorf("%d attempts, %d in a minute; want over 100, at most 20", len(at), busiest(at))
		}
		if gap := at[40] - at[39]; gap < 5*time.Minute {
			t.Errorf("the pause after the 429 was %v", gap)
		}
	})
}

func TestLimitLongerThanTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		base, call := newScript(answer(200)), new(Call)
		rt := over(base)
		rt.Limit = NewLimit(1)
		send := func(patience time.Duration) error {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			body := &countedBody{ReadCloser: io.NopCloser(strings.NewReader("x"))}
			req := newRequest(t, ctx, "POST", "x", call)
			req.Body = body
			res, err := rt.RoundTrip(req)
			closeBody(t, res)
			if err != nil && body.closed != 1 {
				t.Errorf("body closed %d times", body.closed)
			}
			return err
		}
		if err := send(time.Second); err != nil {
			t.Fatal(err)
		}
		err := send(30 * time.Second)
		if limited, ok := errors.AsType[*LimitedError](err); !ok || limited.PerMinute != 1 || limited.Wait != 61*time.Second ||
			!errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "the limit of this client, 1 requests a minute, leaves no turn for 1m1s") {
			t.Errorf("error %v, want a LimitedError", err)
		}
		if got := time.Since(base.start); got != 0 {
			t.Errorf("took %v, want no wait", got)
		}
		if err := send(2 * time.Minute); err != nil { // the turn that was given back
			t.Error(err)
		}
		if diff := cmp.Diff([]time.Duration{0, 61 * time.Second}, base.times()); diff != "" {
			t.Errorf("sent at (-want +got):\n%s", diff)
		}
	})
}

// TestLimitOfAnEndedContext: a request that nobody waits for has ended, not been limited, and takes no turn.
func TestLimitOfAnEndedContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limit, log := NewLimit(1), newLogger(nil, newRequest(t, t.Context(), "POST", "x", nil), new(Call))
		if err := limit.wait(t.Context(), log); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := limit.wait(ctx, log)
		if _, limited := errors.AsType[*LimitedError](err); limited || !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want that of the context", err)
		}
		begun := time.Now()
		if err := limit.wait(t.Context(), log); err != nil || time.Since(begun) != 61*time.Second {
			t.Errorf("error %v after %v, want the next turn after 61s", err, time.Since(begun))
		}
	})
}

// TestNoLimit: without one nothing waits.
func TestNoLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		base := newScript(answer(200))
		rt := over(base)
		for range 2000 {
			res, err := rt.RoundTrip(newRequest(t, t.Context(), "GET", "", nil))
			if err != nil {
				t.Fatal(err)
			}
			closeBody(t, res)
		}
		if got := time.Since(base.start); got != 0 {
			t.Errorf("took %v", got)
		}
	})
}

// TestLimitIsLogged: who wonders why it takes so long finds the reason, and no secret.
func TestLimitIsLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		rt := over(newScript(answer(200)))
		rt.Limit = NewLimit(1)
		rt.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		for range 2 {
			res, err := rt.RoundTrip(newRequest(t, t.Context(), "POST", secretBody, &Call{Operation: "POST /graphql"}))
			if err != nil {
				t.Fatal(err)
			}
			closeBody(t, res)
		}
		lines := strings.Split(log.String(), "\n")
		if len(lines) != 4 || !strings.Contains(lines[1], `msg="dbt Cloud request waits for its turn: the limit of this client" operation="POST /graphql"`) ||
			!strings.HasSuffix(lines[1], "wait=1m1s") || strings.Contains(log.String(), "s3cr3t") {
			t.Errorf("log:\n%s", log.String())
		}
	})
}
