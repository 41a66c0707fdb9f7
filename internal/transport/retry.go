package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// retryReason says in a few words why the attempt is to be repeated, empty if it is not.
func (x *exchange) retryReason(a *attempt) string {
	if x.attempts >= x.policy.Attempts || !replayable(x.req) {
		return ""
	}
	safe := x.call.Repeatable || idempotent(methodOf(x.req))
	switch {
	case a.res != nil && (a.res.StatusCode == http.StatusTooManyRequests || safe && transientStatus(a.res.StatusCode)):
		return "status " + strconv.Itoa(a.res.StatusCode)
	case a.res == nil && x.ctx.Err() == nil && (safe || !a.maybeActedOn()):
		return transient(a.err)
	}
	return ""
}

// wait returns how long to wait before the next attempt: what the server asks for, else a backoff with full jitter,
// and never less than a pause that is on.
func (x *exchange) wait(a *attempt) time.Duration {
	d := backoff(x.policy, x.attempts)
	if a.res != nil {
		if asked, ok := retryAfter(a.res.Header, time.Now()); ok {
			d = max(asked, x.policy.MinDelay)
		}
		if a.res.StatusCode == http.StatusTooManyRequests {
			d = 0
		}
	}
	return max(d, time.Until(x.t.PausedUntil()))
}

// backoff returns a random delay of at most MinDelay after the first attempt, twice that after the second, and so on up to MaxDelay.
func backoff(p Policy, attempt int) time.Duration {
	top, doublings := p.MaxDelay, attempt-1
	if p.MinDelay < top>>doublings {
		top = p.MinDelay << doublings
	}
	return rand.N(top) + 1
}

// maxRetryAfter is the longest wait that a server is believed.
const maxRetryAfter = time.Hour

// retryAfter reads how long the server asks to wait: Retry-After in seconds or as a date (which counts from the answer's
// own Date, if it has one), else x-rate-limit-retry-after-seconds. It reports false for anything absent, malformed, past or over an hour.
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	if d, ok := parseSeconds(h.Get("Retry-After")); ok {
		return d, true
	}
	if at, err := http.ParseTime(h.Get("Retry-After")); err == nil {
		if d := at.Sub(now); d >= 0 && d <= maxRetryAfter {
			return d, true
		}
	}
	return parseSeconds(h.Get("X-Rate-Limit-Retry-After-Seconds"))
}

func parseSeconds(s string) (time.Duration, bool) {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 64)
	if err != nil || n > uint64(maxRetryAfter/time.Second) {
		return 0, false
	}
	return time.Duration(n) * time.Second, true
}

func idempotent(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodOptions:
		return true
	}
	return false
}

// replayable reports whether the body can be sent twice.
func replayable(req *http.Request) bool {
	return req.Body == nil || req.Body == http.NoBody || req.GetBody != nil
}

func transientStatus(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// transient names the passing trouble behind err, empty if err is not known to pass.
func transient(err error) string {
	if untrusted(err) {
		return ""
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		if dns.IsTimeout || dns.IsTemporary {
			return "name lookup failed"
		}
		return "" // no such host
	}
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		return "timeout"
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		// TLS reports its alerts as "local error" and "remote error": they come back every time.
		if strings.HasSuffix(op.Op, " error") {
			return ""
		}
		return "connection failed"
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || closedByServer(err) {
		return "connection lost"
	}
	return ""
}

// untrusted reports whether the server's certificate was refused.
func untrusted(err error) bool {
	_, verify := errors.AsType[*tls.CertificateVerificationError](err)
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	_, name := errors.AsType[x509.HostnameError](err)
	_, invalid := errors.AsType[x509.CertificateInvalidError](err)
	return verify || authority || name || invalid
}

// closedByServer recognizes by their text what has no exported type, or not on every system.
func closedByServer(err error) bool {
	text := err.Error()
	return slices.ContainsFunc([]string{
		"server closed idle connection",
		"server sent GOAWAY",
		"graceful shutdown GOAWAY",
		"http2: client connection lost",
		"http2: client connection force closed",
		"connection reset by peer",
		"broken pipe",
	}, func(known string) bool { return strings.Contains(text, known) })
}
