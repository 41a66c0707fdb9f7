package transport

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// scenario is a run of several requests, one after another started, against a server that misbehaves by plan.
type scenario struct {
	Attempts int
	Requests []planned
	Faults   []fault // of each request that reaches the server, in turn, then over again
}

type planned struct {
	Start    time.Duration
	Deadline time.Duration // after Start
	Method   string
	Repeat   bool
}

type fault struct {
	Latency    time.Duration
	Status     int // 0: the connection is lost after the request was read, -1: it is refused
	RetryAfter string
}

func drawScenario(t *rapid.T) scenario {
	span := func(label string, top time.Duration) time.Duration {
		return time.Duration(rapid.Int64Range(0, int64(top)).Draw(t, label))
	}
	s := scenario{Attempts: rapid.IntRange(1, 6).Draw(t, "attempts")}
	for range rapid.IntRange(1, 8).Draw(t, "requests") {
		s.Requests = append(s.Requests, planned{
			Start:    span("start", 10*time.Minute),
			Deadline: time.Second + span("deadline", 30*time.Minute),
			Method:   rapid.SampledFrom([]string{"GET", "POST", "PATCH", "DELETE"}).Draw(t, "method"),
			Repeat:   rapid.Bool().Draw(t, "repeat"),
		})
	}
	for range rapid.IntRange(1, 10).Draw(t, "faults") {
		s.Faults = append(s.Faults, fault{
			Latency:    span("latency", 90*time.Second),
			Status:     rapid.SampledFrom([]int{-1, 0, 200, 400, 408, 429, 429, 500, 502, 503}).Draw(t, "status"),
			RetryAfter: rapid.SampledFrom([]string{"", "", "0", "20", "700", "9999", "soon"}).Draw(t, "retry-after"),
		})
	}
	return s
}

type interval struct{ from, until time.Time }

// unreliable is the server of a scenario, and the referee: it notes every broken rule.
type unreliable struct {
	mu     sync.Mutex
	faults []fault
	next   int
	pauses []interval // that were asked for
	open   int        // bodies not closed
	acted  map[string]int
	seen   map[string]int
	ended  map[string]time.Time // the last attempt
	broken []string
}

func (u *unreliable) RoundTrip(req *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(req.Body)
	_ = req.Body.Close()
	name := string(body)
	f := u.arrive(name)
	select {
	case <-time.After(f.Latency):
	case <-req.Context().Done():
		u.note(name, f.Status != -1)
		return nil, req.Context().Err()
	}
	u.note(name, f.Status != -1 && f.Status != 429)
	switch f.Status {
	case -1:
		return nil, errDial()
	case 0:
		return nil, io.ErrUnexpectedEOF
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.open++
	res := &http.Response{StatusCode: f.Status, Header: http.Header{}, Body: &refereed{Reader: strings.NewReader("{}"), u: u}}
	res.Header.Set("Retry-After", f.RetryAfter)
	if f.Status == 429 {
		u.pauses = append(u.pauses, interval{time.Now(), time.Now().Add(pauseOf(f.RetryAfter))})
	}
	return res, nil
}

// pauseOf says again, in the words of the contract, how long a 429 holds.
func pauseOf(retryAfter string) time.Duration {
	switch retryAfter {
	case "0":
		return 500 * time.Millisecond
	case "20":
		return 20 * time.Second
	case "700":
		return 700 * time.Second
	}
	return 5 * time.Minute
}

func (u *unreliable) arrive(name string) fault {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, p := range u.pauses {
		// What is sent in the very instant of the 429 could not know of it.
		if time.Now().After(p.from) && time.Now().Before(p.until) {
			u.broken = append(u.broken, fmt.Sprintf("%s sent %v before the end of a pause", name, time.Until(p.until)))
		}
	}
	u.seen[name]++
	f := u.faults[u.next%len(u.faults)]
	u.next++
	return f
}

// note ends an attempt and counts what the server did, or may have done, for the request.
func (u *unreliable) note(name string, acted bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.ended[name] = time.Now()
	if acted {
		u.acted[name]++
	}
}

type refereed struct {
	io.Reader
	u    *unreliable
	once sync.Once
}

func (b *refereed) Close() error {
	b.once.Do(func() {
		b.u.mu.Lock()
		defer b.u.mu.Unlock()
		b.u.open--
	})
	return nil
}

// play runs a scenario in virtual time and returns the rules that were broken.
func play(t *testing.T, s scenario) []string {
	u := &unreliable{faults: s.Faults, acted: map[string]int{}, seen: map[string]int{}, ended: map[string]time.Time{}}
	synctest.Test(t, func(t *testing.T) {
		rt := over(u)
		rt.Policy.Attempts = s.Attempts
		var wg sync.WaitGroup
		for i, p := range s.Requests {
			wg.Go(func() {
				time.Sleep(p.Start)
				u.judge(t, rt, s.Attempts, fmt.Sprintf("request %d", i), p)
			})
		}
		wg.Wait()
		if u.open != 0 {
			u.broken = append(u.broken, fmt.Sprintf("%d bodies left open", u.open))
		}
	})
	return u.broken
}

func (u *unreliable) judge(t *testing.T, rt *RoundTripper, attempts int, name string, p planned) {
	ctx, cancel := context.WithTimeout(t.Context(), p.Deadline)
	defer cancel()
	call, start := &Call{Repeatable: p.Repeat}, time.Now()
	res, err := rt.RoundTrip(newRequest(t, ctx, p.Method, name, call))
	took := time.Since(start)
	closeBody(t, res)
	u.mu.Lock()
	defer u.mu.Unlock()
	rule := func(held bool, format string, args ...any) {
		if !held {
			u.broken = append(u.broken, name+" "+fmt.Sprintf(format, args...))
		}
	}
	rule((res == nil) != (err == nil), "returned %v and %v", res, err)
	rule(took <= p.Deadline, "took %v of %v", took, p.Deadline)
	rule(call.Attempts == u.seen[name] && call.Attempts <= attempts, "says %d attempts, %d were sent, %d allowed", call.Attempts, u.seen[name], attempts)
	rule(u.acted[name] == 0 || call.Sent, "was acted on but Call.Sent is false")
	if (p.Method == "POST" || p.Method == "PATCH") && !p.Repeat {
		rule(u.acted[name] <= 1, "(%s) was delivered %d times", p.Method, u.acted[name])
	}
	if call.GaveUp != nil {
		rule(time.Now().Equal(u.ended[name]), "gave up %v after its last attempt, not at once", time.Since(u.ended[name]))
	}
}

func TestPropertiesOfTheRetryLoop(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := drawScenario(rt)
		for _, broken := range play(t, s) {
			rt.Error(broken)
		}
	})
}

// The referee itself: a scenario under a policy that breaks the rules is reported.
func TestRefereeSeesBrokenRules(t *testing.T) {
	t.Parallel()
	get := planned{Deadline: time.Hour, Method: "GET"}
	synctest.Test(t, func(t *testing.T) {
		u := &unreliable{faults: []fault{{Status: 429}, {Status: 200}}, acted: map[string]int{}, seen: map[string]int{}, ended: map[string]time.Time{}}
		impatient := over(u)
		res, err := impatient.Base.RoundTrip(newRequest(t, t.Context(), "GET", "request 0", nil)) // past the RoundTripper
		if err != nil || res == nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		u.judge(t, impatient, 0, "request 0", get)
		want := []string{"before the end of a pause", "says 1 attempts, 2 were sent, 0 allowed"}
		got := strings.Join(u.broken, "\n")
		for _, text := range want {
			if !strings.Contains(got, text) {
				t.Errorf("no %q in: %s", text, got)
			}
		}
		if u.open != 1 {
			t.Errorf("%d bodies open, want the one that nobody closed", u.open)
		}
		closeBody(t, res)
	})
}
