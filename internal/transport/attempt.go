package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

const (
	drainBytes = 64 << 10    // so much of an answer that is not wanted is read, to keep its connection
	drainTime  = time.Second // and for so long
)

// attempt is one sending of a request, from its context to the close of the answer's body.
type attempt struct {
	x      *exchange
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer   // ends ctx with limit
	limit  *timeoutError // the error of this attempt's time limit
	out    *http.Request
	wire   wire

	res  *http.Response
	err  error
	took time.Duration // until the headers
}

// newAttempt prepares a copy of the caller's request; the caller's own is never changed.
func (x *exchange) newAttempt(token string) (*attempt, error) {
	body := x.req.Body
	if x.attempts > 0 && x.req.GetBody != nil {
		var err error
		if body, err = x.req.GetBody(); err != nil {
			return nil, fmt.Errorf("transport: cannot get the request body again: %w", err)
		}
	}
	a := &attempt{x: x, limit: &timeoutError{after: x.policy.AttemptTimeout, host: x.req.URL.Host}}
	a.ctx, a.cancel = context.WithCancelCause(x.ctx)
	a.timer = time.AfterFunc(a.limit.after, func() { a.cancel(a.limit) })
	a.out = x.req.Clone(httptrace.WithClientTrace(a.ctx, a.wire.trace()))
	a.out.Body = body
	x.t.setHeaders(a.out, token)
	return a, nil
}

// setHeaders puts our headers on a copy of the caller's request.
func (t *RoundTripper) setHeaders(out *http.Request, token string) {
	if out.Header == nil {
		out.Header = make(http.Header)
	}
	if t.UserAgent != "" {
		out.Header.Set("User-Agent", t.UserAgent)
	}
	if out.Header.Get("Accept") == "" {
		out.Header.Set("Accept", "application/json")
	}
	// What http.Client copied along a redirect must not reach a host that is not ours.
	out.Header.Del("Authorization")
	if token != "" {
		out.Header.Set("Authorization", "Token "+token)
	} else {
		out.Header.Del("Referer")
	}
}

// tokenFor returns the token for requests to u, empty if u gets none: it is not trusted, or not encrypted.
func (t *RoundTripper) tokenFor(ctx context.Context, u *url.URL) (string, error) {
	encrypted := u.Scheme == "https" || u.Scheme == "http" && isLoopback(u)
	if t.Token == nil || t.Trusted == nil || !encrypted || !t.Trusted(u) {
		return "", nil
	}
	token, err := t.Token(ctx)
	if err != nil {
		return "", fmt.Errorf("transport: no token for %s: %w", u.Host, err)
	}
	if token == "" {
		return "", fmt.Errorf("transport: the token for %s is empty", u.Host)
	}
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("transport: the token for %s holds a space, a line break or another character that no token has", u.Host)
	}
	return token, nil
}

// send sends the attempt and leaves either an answer or an error.
func (a *attempt) send() {
	a.x.attempts++
	a.x.call.Attempts++
	start := time.Now()
	a.res, a.err = a.x.t.base().RoundTrip(a.out) //nolint:bodyclose // the caller closes it through result, or discard does
	a.took = time.Since(start)
	switch {
	case a.err == nil && a.res == nil:
		a.err = errors.New("transport: the base transport or a middleware returned neither an answer nor an error")
	case a.err != nil && a.res != nil:
		if a.res.Body != nil {
			_ = a.res.Body.Close()
		}
		a.res = nil
	}
	if a.err != nil {
		a.err = a.explain(a.err)
		a.release()
		return
	}
	a.res.Request = a.x.req // not our copy: that one has the token
	if a.res.Body == nil {
		a.res.Body = http.NoBody
	}
}

// explain names the limit that ended an attempt in place of the text of whoever noticed it.
func (a *attempt) explain(err error) error {
	if a.timedOut() {
		return a.limit
	}
	// The text of a url.Error has the query.
	for u, ok := errors.AsType[*url.Error](err); ok && u.Err != nil; u, ok = errors.AsType[*url.Error](err) {
		err = u.Err
	}
	if a.x.ctx.Err() != nil {
		return ended(a.x.ctx, err)
	}
	return err
}

// timedOut reports whether it was this attempt's own limit that ended it.
func (a *attempt) timedOut() bool { return errors.Is(context.Cause(a.ctx), a.limit) }

// release ends the attempt's context and timer.
func (a *attempt) release() {
	a.timer.Stop()
	a.cancel(context.Canceled)
}

// result hands the attempt to the caller. Its limits last until the body is closed or read to its end.
func (a *attempt) result() (*http.Response, error) {
	if a.err != nil {
		return nil, a.err
	}
	if a.x.call.Stream {
		a.timer.Stop() // from here on each read has its own limit
	}
	a.res.Body = &timedBody{a: a, src: a.res.Body, stream: a.x.call.Stream}
	return a.res, nil
}

// discard ends an attempt that will be repeated. A short rest of its answer is read so that its connection can be used again.
func (a *attempt) discard() {
	if a.res != nil {
		a.timer.Reset(min(drainTime, a.limit.after))
		_, _ = io.CopyN(io.Discard, a.res.Body, drainBytes)
		_ = a.res.Body.Close()
	}
	a.release()
}

// outcome says in an error how the attempt went.
func (a *attempt) outcome() error {
	if a.err != nil {
		return a.err
	}
	return fmt.Errorf("answered %d %s", a.res.StatusCode, http.StatusText(a.res.StatusCode))
}

// maybeActedOn reports whether the server may have done what the request asks. It says no only on proof.
func (a *attempt) maybeActedOn() bool {
	if a.res != nil {
		return a.res.StatusCode != http.StatusTooManyRequests
	}
	return a.wire.maybeSent(a.err, a.timedOut() || a.x.ctx.Err() != nil)
}

// wire learns from the connection how far a request came. Its hooks run on the connection's goroutines.
type wire struct{ asked, connected, wrote atomic.Bool }

func (w *wire) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn:      func(string) { w.asked.Store(true) },
		GotConn:      func(httptrace.GotConnInfo) { w.connected.Store(true) },
		WroteHeaders: func() { w.wrote.Store(true) },
		WroteRequest: func(httptrace.WroteRequestInfo) { w.wrote.Store(true) },
	}
}

// maybeSent reports whether a request that failed with err may have reached the server.
func (w *wire) maybeSent(err error, cut bool) bool {
	if w.wrote.Load() {
		return true
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return false
	}
	// A base that does not trace proves nothing. An attempt that was cut short may be in the middle of its writing.
	return !w.asked.Load() || cut && w.connected.Load()
}

// timeoutError ends an attempt that took longer than Policy.AttemptTimeout. It is no context.DeadlineExceeded: the
// caller's context has not ended.
type timeoutError struct {
	after time.Duration
	host  string
}

func (e *timeoutError) Error() string {
	return fmt.Sprintf("transport: the attempt timeout of %s passed while waiting for %s", e.after, e.host)
}

// Timeout marks the error as a timeout, as net.Error does.
func (e *timeoutError) Timeout() bool { return true }

// Temporary completes net.Error.
func (e *timeoutError) Temporary() bool { return true }

// timedBody is the body of an answer under the limits of its attempt.
type timedBody struct {
	a      *attempt
	src    io.ReadCloser
	stream bool
}

func (b *timedBody) Read(p []byte) (int, error) {
	if b.stream {
		b.a.timer.Reset(b.a.limit.after)
	}
	n, err := b.src.Read(p)
	switch {
	case err != nil:
		if !errors.Is(err, io.EOF) {
			err = b.a.explain(err)
		}
		b.a.release()
	case b.stream:
		b.a.timer.Stop() // a slow reader is not the server's fault
	}
	return n, err
}

func (b *timedBody) Close() error {
	err := b.src.Close()
	b.a.release()
	return err
}
