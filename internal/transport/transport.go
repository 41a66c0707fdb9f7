// Package transport is the one place where requests to dbt Cloud are authorized, repeated, held back and logged.
//
// A [RoundTripper] sits under an [http.Client] and keeps this contract:
//
//   - GET, HEAD, PUT, DELETE, OPTIONS and calls marked [Call.Repeatable] are repeated after 408, 500, 502, 503, 504
//     and after known transient transport errors, with full jitter or as long as Retry-After says.
//   - Any other request is repeated only if it provably was never sent, or was answered 429.
//   - After a 429 every request of the RoundTripper waits for the same instant; nothing is sent before it.
//   - No minute has more attempts than [RoundTripper.Limit] says.
//   - A wait that would outlast the context is not begun.
//   - An attempt may take [Policy.AttemptTimeout], until the body of its answer is closed.
//   - Only hosts that are trusted get the token. Tokens, bodies, headers and query strings are never logged.
package transport

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Policy says how often a request is sent and how long is waited. A zero (or negative) value means the default in brackets.
type Policy struct {
	Attempts       int           // attempts per request, the first included [5]
	MinDelay       time.Duration // upper end of the first backoff, full jitter [500ms]; doubled each time
	MaxDelay       time.Duration // cap of the backoff [30s]
	Pause          time.Duration // pause of all requests after a 429 that names no time [5m]
	AttemptTimeout time.Duration // one attempt until its body is closed [60s]; for a stream see [Call.Stream]
}

func (p Policy) withDefaults() Policy {
	p.Attempts = positive(p.Attempts, 5)
	p.MinDelay = positive(p.MinDelay, 500*time.Millisecond)
	p.MaxDelay = positive(p.MaxDelay, 30*time.Second)
	p.Pause = positive(p.Pause, 5*time.Minute)
	p.AttemptTimeout = positive(p.AttemptTimeout, time.Minute)
	return p
}

func positive[T int | time.Duration](v, otherwise T) T {
	if v > 0 {
		return v
	}
	return otherwise
}

// RoundTripper sends requests to dbt Cloud by the contract in the package documentation. Its fields are set once,
// before the first request; it may then be used by many goroutines. It must not be copied.
type RoundTripper struct {
	Base      http.RoundTripper                         // sends each attempt; nil means http.DefaultTransport
	Token     func(ctx context.Context) (string, error) // asked before each attempt to a trusted host; nil sends no token
	Trusted   func(*url.URL) bool                       // whether a host gets the token; nil trusts none
	Policy    Policy                                    // how often and how long
	Logger    *slog.Logger                              // Debug for each attempt, Warn for a retry or a pause; nil is silent
	UserAgent string                                    // replaces the User-Agent of every request unless empty
	Limit     *Limit                                    // how many attempts a minute may have; nil is no limit

	mu    sync.Mutex
	until time.Time // nothing is sent before this instant
}

// RoundTrip sends req as often as the policy allows and returns the last answer, whatever its status. The [Call] in the
// context of req, if any, learns how it went.
func (t *RoundTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	call := CallFrom(req.Context())
	if call == nil {
		call = new(Call)
	}
	x := &exchange{t: t, req: req, ctx: req.Context(), call: call, policy: t.Policy.withDefaults(), log: newLogger(t.Logger, req, call)}
	call.GaveUp = nil
	res, err := x.run()
	if x.attempts == 0 && req.Body != nil {
		_ = req.Body.Close() // nobody else got it to close
	}
	return res, err
}

// CloseIdleConnections closes the idle connections of Base, if it can. http.Client.CloseIdleConnections calls it.
func (t *RoundTripper) CloseIdleConnections() {
	if c, ok := t.base().(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

func (t *RoundTripper) base() http.RoundTripper {
	if t.Base == nil {
		return http.DefaultTransport
	}
	return t.Base
}

// exchange is one RoundTrip: a request and its attempts.
type exchange struct {
	t        *RoundTripper
	req      *http.Request
	ctx      context.Context
	call     *Call
	policy   Policy
	log      logger
	attempts int   // sent so far by this RoundTrip; call.Attempts also counts earlier hops of a redirect
	before   error // what became of the last attempt, for the error of a wait that does not end well
}

func (x *exchange) run() (*http.Response, error) {
	for {
		token, err := x.admit()
		if err != nil {
			return nil, x.stopped(err)
		}
		a, err := x.newAttempt(token)
		if err != nil {
			return nil, x.stopped(err)
		}
		a.send()
		x.learn(a)
		reason := x.retryReason(a)
		if reason == "" {
			return a.result()
		}
		wait := x.wait(a)
		if err := tooLong(x.ctx, wait); err != nil {
			x.call.GaveUp = err
			return x.giveUp(a, err)
		}
		x.log.retry(x.ctx, x.attempts, reason, wait)
		x.before = a.outcome()
		a.discard()
		if err := sleep(x.ctx, wait); err != nil {
			return nil, x.stopped(err)
		}
	}
}

// admit waits for the end of a pause and for the next attempt's turn, and returns its token, empty if the host gets none.
func (x *exchange) admit() (string, error) {
	for {
		if err := x.t.waitPause(x.ctx); err != nil {
			return "", err
		}
		if err := x.t.Limit.wait(x.ctx, x.log); err != nil {
			return "", err
		}
		token, err := x.t.tokenFor(x.ctx, x.req.URL)
		// The turn or the token may have taken long: if a pause has begun meanwhile, a turn of before it is void.
		if err != nil || x.t.PausedUntil().IsZero() {
			return token, err
		}
	}
}

// learn notes what an attempt says about the request, and begins the pause that a 429 asks for.
func (x *exchange) learn(a *attempt) {
	x.call.Sent = x.call.Sent || a.maybeActedOn()
	if a.res == nil {
		x.log.attempt(x.ctx, x.attempts, 0, a.took)
		return
	}
	x.log.attempt(x.ctx, x.attempts, a.res.StatusCode, a.took)
	x.call.Date, _ = http.ParseTime(a.res.Header.Get("Date"))
	x.call.Status = a.res.StatusCode
	if a.res.StatusCode == http.StatusTooManyRequests {
		pause := x.policy.Pause
		if d, ok := retryAfter(a.res.Header, time.Now()); ok {
			pause = max(d, x.policy.MinDelay)
		}
		x.t.pause(time.Now().Add(pause))
		x.log.pause(x.ctx, pause)
	}
}

// giveUp returns the last answer where there is one, else an error that is both the context's and the attempt's.
func (x *exchange) giveUp(a *attempt, ctxErr error) (*http.Response, error) {
	if a.res != nil {
		return a.result()
	}
	_, err := a.result()
	return nil, fmt.Errorf("transport: no time is left for another attempt: %w; the last one: %w", ctxErr, err)
}

// stopped adds what went before to the error that ended the exchange between two attempts.
func (x *exchange) stopped(err error) error {
	if x.before == nil {
		return err
	}
	return fmt.Errorf("transport: stopped after attempt %d: %w; that attempt: %w", x.attempts, err, x.before)
}
