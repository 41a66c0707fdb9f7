package feedback

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// How much is asked of a host, and how long it is waited for.
const (
	maxAttempts    = 3
	attemptTimeout = 20 * time.Second
	maxPause       = 30 * time.Second // a longer one that the host asks for is not waited for
	maxAnswer      = 16 << 20
	maxPages       = 20 // of comments
	pageSize       = 100
)

// HostError is an answer of the git host that is not a success.
type HostError struct {
	Operation  string // such as "POST a commit status"
	StatusCode int    // HTTP status
	Message    string // the host's words, one line; empty if it sent none
	Advice     string // what the token must be allowed, or what else to do
}

// Error says what was asked, what was answered and what to do.
func (e *HostError) Error() string {
	text := fmt.Sprintf("feedback: %s: %d %s", e.Operation, e.StatusCode, http.StatusText(e.StatusCode))
	if e.Message != "" {
		text += ": " + e.Message
	}
	if e.Advice != "" {
		text += ": " + e.Advice
	}
	return text
}

// caller sends requests to one API, with the token, which is in the closure authorize and nowhere else.
type caller struct {
	client    func() *http.Client // of the user, or nil
	base      *url.URL
	authorize func(http.Header)
	redact    func(string) string
	accept    string
}

// newCaller keeps the token in closures, where no printer finds it.
func newCaller(base *url.URL, token, authorization string) *caller {
	_, credentials, _ := strings.Cut(authorization, " ") // the token, or what encodes it
	return &caller{
		base:      base,
		authorize: func(h http.Header) { h.Set("Authorization", authorization) },
		redact: func(text string) string {
			return strings.NewReplacer(authorization, "[redacted]", credentials, "[redacted]", token, "[redacted]").Replace(text)
		},
		accept: "application/json",
	}
}

// call is one request.
type call struct {
	operation string // for errors
	need      string // what the token must be allowed
	method    string
	path      string // below the base, escaped, with its query; or a whole address of a next page
	body      any
	once      bool // not to be repeated unless it was refused: it would make a second one
}

// do sends a request until it is answered for good, and reads the answer into out, if that is not nil.
func (c *caller) do(ctx context.Context, r call, out any) error {
	body, err := encode(r.body)
	if err != nil {
		return fmt.Errorf("feedback: %s: %w", r.operation, err)
	}
	for attempt := 1; ; attempt++ {
		raw, pause, err := c.send(ctx, r, body)
		if err == nil && out != nil {
			if json.Unmarshal(raw, out) != nil {
				return fmt.Errorf("feedback: %s: the answer is not what the host documents", r.operation)
			}
		}
		if err == nil || attempt == maxAttempts || pause < 0 || pause > maxPause {
			return err
		}
		if pause == 0 {
			pause = time.Duration(attempt)*time.Second + rand.N(time.Second)
		}
		if slept := sleep(ctx, pause); slept != nil {
			return fmt.Errorf("%w (%w)", err, slept)
		}
	}
}

func encode(body any) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	return json.Marshal(body)
}

func sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

const never = time.Duration(-1)

// send sends a request once. With an error comes the pause until the next attempt: 0 if the host asks for none, less if there is to be none.
func (c *caller) send(ctx context.Context, r call, body []byte) (raw []byte, pause time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	address, err := c.address(r.path)
	if err != nil {
		return nil, never, fmt.Errorf("feedback: %s: %w", r.operation, err)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, bytes.NewReader(body))
	if err != nil {
		return nil, never, fmt.Errorf("feedback: %s: cannot make the request", r.operation)
	}
	req.Header.Set("Accept", c.accept)
	req.Header.Set("User-Agent", "dbtcloud")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	c.authorize(req.Header)
	res, err := c.http().Do(req)
	if err != nil {
		return nil, c.pauseAfter(ctx, r, err), fmt.Errorf("feedback: %s at %s: %w", r.operation, c.base.Host, c.hide(err))
	}
	defer func() { _ = res.Body.Close() }()
	raw, err = io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if res.StatusCode >= 200 && res.StatusCode < 300 && res.StatusCode != http.StatusNonAuthoritativeInfo {
		switch {
		case err != nil:
			return nil, c.pauseAfter(ctx, r, err), fmt.Errorf("feedback: %s at %s: %w", r.operation, c.base.Host, c.hide(err))
		case len(raw) > maxAnswer:
			return nil, never, fmt.Errorf("feedback: %s: the answer has more than %d MB", r.operation, maxAnswer>>20)
		}
		return raw, 0, nil
	}
	failed := c.failure(r, res, raw)
	return nil, pauseOf(res, r.once), failed
}

// address is that of a path below the base, or of a next page, which must be there too.
func (c *caller) address(path string) (string, error) {
	if strings.HasPrefix(path, "/") {
		return strings.TrimSuffix(c.base.String(), "/") + path, nil
	}
	u, err := url.Parse(path)
	if err != nil || u.Scheme != c.base.Scheme || u.Host != c.base.Host || u.User != nil {
		return "", errors.New("the host names a next page that is not on it")
	}
	return path, nil
}

// http is a copy of the user's client, or one of our own, that stays on the host.
func (c *caller) http() *http.Client {
	client := http.Client{}
	if given := c.client(); given != nil {
		client = *given
	}
	client.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		switch {
		case req.URL.Scheme != c.base.Scheme || req.URL.Host != c.base.Host:
			return errors.New("it redirects to another host, where the token is not sent: check the address and the token")
		case req.Method != via[0].Method:
			return errors.New("it redirects, as for a repository that was renamed: name it by its new name")
		case len(via) > 3:
			return errors.New("it redirects again and again")
		}
		return nil
	}
	return &client
}

// pauseAfter tells what may be repeated after no answer: all but what may have made something.
func (c *caller) pauseAfter(ctx context.Context, r call, err error) time.Duration {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // it is a net.Error, whatever is in it
	}
	if refusedHere(err) {
		return never
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return 0
	}
	if r.once || errors.Is(ctx.Err(), context.Canceled) {
		return never
	}
	if _, ok := errors.AsType[net.Error](err); ok || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return 0
	}
	return never
}

// refusedHere tells that this machine has nothing at an address of its own, such as the proxy of a pipeline: that will not change in seconds.
func refusedHere(err error) bool {
	for op, ok := errors.AsType[*net.OpError](err); ok; op, ok = errors.AsType[*net.OpError](op.Err) {
		if at, tcp := op.Addr.(*net.TCPAddr); tcp && at.IP.IsLoopback() && op.Op == "dial" {
			return errors.Is(op.Err, syscall.ECONNREFUSED)
		}
	}
	return false
}

// hide takes the address, whose query may say too much, and the token out of an error of the transport.
func (c *caller) hide(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if text := c.redact(err.Error()); text != err.Error() {
		return errors.New(text)
	}
	return err
}

// failure reads what it can from an answer that is no success.
func (c *caller) failure(r call, res *http.Response, raw []byte) *HostError {
	e := &HostError{Operation: r.operation, StatusCode: res.StatusCode, Message: shorten(oneLine(c.redact(messageOf(res.Header, raw))), 300)}
	switch res.StatusCode {
	case http.StatusNonAuthoritativeInfo, http.StatusUnauthorized: // Azure DevOps answers 203 and a page to sign in
		e.Advice = "the token is wrong or has expired; it needs " + r.need
	case http.StatusForbidden:
		e.Advice = "the token needs " + r.need
	case http.StatusNotFound:
		e.Advice = "the repository, pull request or commit does not exist, or the token may not see it: it needs " + r.need
	case http.StatusTooManyRequests:
		e.Advice = "the host has had too many requests"
	}
	return e
}

// messageOf finds the words of an error in the forms that the hosts have for it.
func messageOf(h http.Header, raw []byte) string {
	kind, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	if kind == "text/html" {
		return "an HTML page"
	}
	var answer struct {
		Message any `json:"message"` // GitHub, GitLab, Azure DevOps
		Error   any `json:"error"`   // GitLab, Bitbucket
		Errors  any `json:"errors"`  // GitHub: what is wrong with a field
	}
	if json.Unmarshal(raw, &answer) != nil {
		return ""
	}
	text := cmp.Or(words(answer.Message), words(answer.Error))
	if more := words(answer.Errors); more != "" {
		text += ": " + more
	}
	return text
}

// words are the texts in a value: itself, its fields message and detail, or whatever it has.
func words(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case map[string]any:
		if text, ok := v["message"].(string); ok {
			return text
		}
	case nil:
		return ""
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(raw)
}

// pauseOf is how long to wait after an answer that is no success.
func pauseOf(res *http.Response, once bool) time.Duration {
	after := retryAfter(res.Header, time.Now())
	switch {
	case res.StatusCode == http.StatusTooManyRequests:
		return after
	case res.StatusCode == http.StatusForbidden && after > 0: // the secondary limits of GitHub
		return after
	case !once && (res.StatusCode >= 500 && res.StatusCode != http.StatusNotImplemented || res.StatusCode == http.StatusConflict):
		return after
	}
	return never
}

// retryAfter reads the header: seconds or a date; 0 without it.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseFloat(value, 64); err == nil && seconds > 0 {
		return time.Duration(min(seconds, 86400) * float64(time.Second))
	}
	if when, err := http.ParseTime(value); err == nil {
		return max(when.Sub(now), 0)
	}
	return 0
}

// notOurs tells that a comment cannot be edited because it is somebody else's, or gone.
func notOurs(err error) bool {
	e, ok := errors.AsType[*HostError](err)
	return ok && (e.StatusCode == http.StatusForbidden || e.StatusCode == http.StatusNotFound || e.StatusCode == http.StatusGone)
}
