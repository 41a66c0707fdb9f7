package dbtcloud

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slimci/dbtcloud/internal/transport"
)

// maxJSON bounds an answer that is decoded; artifacts are streamed instead.
const maxJSON = 64 << 20

// request is one call of the API.
type request struct {
	method     string
	path       string // escaped, from /api/ on
	operation  string // method and path template
	query      url.Values
	body       any
	repeatable bool     // a POST that is safe to repeat
	stream     bool     // the body goes to the caller unread
	secrets    []string // values in the body that no text may repeat
	bare       bool     // an answer without an envelope, or without a body, is fine
	err        error
}

// v2 and v3 make a request below the account from a template such as
// "runs/{id}/cancel/", whose placeholders are filled in turn.
func (c *Client) v2(method, template string, args ...any) request {
	return c.request(method, "/api/v2/accounts/{account}/"+template, append([]any{c.accountID}, args...)...)
}

func (c *Client) v3(method, template string, args ...any) request {
	return c.request(method, "/api/v3/accounts/{account}/"+template, append([]any{c.accountID}, args...)...)
}

var placeholder = regexp.MustCompile(`\{[a-z_]+\}`)

func (c *Client) request(method, template string, args ...any) request {
	r := request{method: method, operation: method + " " + template}
	r.path = placeholder.ReplaceAllStringFunc(template, func(name string) string {
		arg := args[0]
		args = args[1:]
		switch v := arg.(type) {
		case int64:
			if v <= 0 && r.err == nil {
				r.err = fmt.Errorf("%w: %s: the id in place of %s must be positive, not %d", ErrInvalid, r.operation, name, v)
			}
			return strconv.FormatInt(v, 10)
		default:
			escaped, err := escapePath(fmt.Sprint(v))
			if err != nil && r.err == nil {
				r.err = fmt.Errorf("%w: %s: %w", ErrInvalid, r.operation, err)
			}
			return escaped
		}
	})
	return r
}

// escapePath escapes the segments of a path below a fixed prefix, which it
// cannot leave.
func escapePath(path string) (string, error) {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if s == "" || s == "." || s == ".." {
			return "", fmt.Errorf("the path %q has an empty, . or .. segment", path)
		}
		segments[i] = url.PathEscape(s)
	}
	return strings.Join(segments, "/"), nil
}

// answer is what was inside of the envelope that the API puts around its data. The
// flavours of the envelope differ in what they leave out, so absence never means
// failure.
type answer struct {
	res     *result
	data    json.RawMessage
	bare    bool   // there was no envelope: data is the whole answer
	refused bool   // it says that it is not a success
	message string // in the server's words
	total   int    // items of the list, -1 where it does not say
}

// answerStatus and answerExtra are what this package reads of the parts of an envelope
// beside its data.
type answerStatus struct {
	IsSuccess        *bool  `json:"is_success"`
	UserMessage      string `json:"user_message"`
	DeveloperMessage string `json:"developer_message"`
}

func (s answerStatus) refused() bool { return s.IsSuccess != nil && !*s.IsSuccess }

type answerExtra struct {
	Pagination struct {
		TotalCount *int `json:"total_count"`
	} `json:"pagination"`
}

// total is -1 where the server does not say it.
func (e answerExtra) total() int {
	if e.Pagination.TotalCount == nil {
		return -1
	}
	return *e.Pagination.TotalCount
}

// parseAnswer fails on what is not JSON.
func parseAnswer(raw []byte) (*answer, error) {
	var parts struct {
		Data, Status, Extra, Detail json.RawMessage
	}
	if err := json.Unmarshal(raw, &parts); err != nil {
		if _, ok := errors.AsType[*json.UnmarshalTypeError](err); !ok {
			return nil, err
		}
	}
	var status answerStatus
	var extra answerExtra
	var detail string
	// Gateways have their own idea of a status or a detail: what does not fit is not there.
	_, _, _ = json.Unmarshal(parts.Status, &status), json.Unmarshal(parts.Extra, &extra), json.Unmarshal(parts.Detail, &detail)
	a := &answer{data: parts.Data, bare: parts.Data == nil && parts.Status == nil, refused: status.refused(), total: extra.total()}
	if a.bare {
		a.data = bytes.TrimSpace(raw)
	}
	a.message = strings.TrimSpace(strings.TrimSpace(status.UserMessage+" "+status.DeveloperMessage) + " " + detail)
	return a, nil
}

// unnest unwraps data that was wrapped twice, as cancelling has been seen to do: an
// object that has data and no id is no resource.
func unnest(data json.RawMessage) json.RawMessage {
	var inner map[string]json.RawMessage
	if !bytes.HasPrefix(data, []byte("{")) || json.Unmarshal(data, &inner) != nil || inner["data"] == nil || inner["id"] != nil {
		return data
	}
	return inner["data"]
}

// call sends r and returns what was in the envelope of a success.
func (c *Client) call(ctx context.Context, r request) (*answer, error) {
	res, raw, err := c.fetch(ctx, &r)
	if err != nil {
		return nil, err
	}
	return res.open(raw)
}

// fetch sends r and reads the answer of a success.
func (c *Client) fetch(ctx context.Context, r *request) (*result, []byte, error) {
	res, err := c.send(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	raw, err := res.readAll()
	return res, raw, err
}

// open looks into the envelope of a success.
func (res *result) open(raw []byte) (*answer, error) {
	r := res.request
	if len(bytes.TrimSpace(raw)) == 0 && (res.status == http.StatusNoContent || r.method == http.MethodDelete || r.bare) {
		return &answer{res: res}, nil
	}
	a, err := parseAnswer(raw)
	if err != nil || a.bare && !r.bare && r.method != http.MethodDelete {
		return nil, res.fail(res.apiError(raw, "the answer is not the JSON that the API documents: "+describeBody(res.contentType, raw)))
	}
	if a.refused {
		return nil, res.apiError(raw, "")
	}
	a.res = res
	if !r.bare {
		a.data = unnest(a.data)
	}
	return a, nil
}

// result is what came back for a request.
type result struct {
	request     *request
	redact      func(string) string
	call        *transport.Call
	status      int
	contentType string
	header      http.Header
	body        io.ReadCloser
	length      int64  // as the server says it, -1 if it does not
	raw         []byte // the whole answer to a GraphQL query
}

// send sends r; any status but 2xx is an error.
func (c *Client) send(ctx context.Context, r *request) (*result, error) {
	if r.err != nil {
		return nil, r.err
	}
	res := &result{request: r, redact: r.redacting(c.redact), call: &transport.Call{Operation: r.operation, Repeatable: r.repeatable, Stream: r.stream}}
	req := c.rest.R().SetContext(transport.WithCall(ctx, res.call)).SetDoNotParseResponse(true).
		SetHeader("User-Agent", c.transport.UserAgent).SetQueryParamsFromValues(r.query)
	if r.stream {
		req.SetHeader("Accept", "application/json, */*;q=0.9")
	}
	if r.body != nil {
		b, err := json.Marshal(r.body)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrInvalid, r.operation, unwrapMarshal(err))
		}
		req.SetHeader("Content-Type", "application/json").SetBody(bytes.NewReader(b))
	}
	resp, err := req.Execute(r.method, r.path)
	if !res.call.Date.IsZero() {
		c.clock.Store(int64(time.Until(res.call.Date)))
	}
	if err != nil {
		if resp != nil && resp.RawResponse != nil && resp.RawResponse.Body != nil {
			_ = resp.RawResponse.Body.Close()
		}
		return nil, res.failSending(err)
	}
	return res, res.receive(resp.RawResponse)
}

// receive takes an answer over, and closes it unless it is a success.
func (res *result) receive(resp *http.Response) error {
	if raw, ok := res.take(resp); !ok {
		return res.failStatus(res.apiError(raw, ""))
	}
	return nil
}

// take takes an answer over. What is not a success is read, and closed.
func (res *result) take(resp *http.Response) (raw []byte, ok bool) {
	res.status, res.header, res.body, res.length = resp.StatusCode, resp.Header, resp.Body, resp.ContentLength
	res.contentType = res.header.Get("Content-Type")
	if res.status >= 200 && res.status <= 299 {
		return nil, true
	}
	defer func() { _ = res.body.Close() }()
	if res.status == http.StatusNotFound && res.request.method == http.MethodDelete && res.call.Attempts > 1 {
		// An earlier attempt has deleted it, though its answer was lost.
		res.status, res.body = http.StatusNoContent, http.NoBody
		return nil, true
	}
	raw, _ = readBounded(res.body, res.length, 1<<20)
	return raw, false
}

// readAll reads and closes the body of a success.
func (res *result) readAll() ([]byte, error) {
	defer func() { _ = res.body.Close() }()
	raw, err := readBounded(res.body, res.length, maxJSON)
	if errors.Is(err, errTooLarge) {
		return nil, res.fail(res.apiError(raw, err.Error()))
	}
	if err != nil {
		return nil, res.fail(fmt.Errorf("reading the answer: %w", res.hide(err)))
	}
	return raw, nil
}

// fail wraps an error that came after a status 2xx: for a create or a trigger it
// leaves open whether the work was done.
func (res *result) fail(err error) error {
	if _, ok := errors.AsType[*Error](err); !ok {
		err = fmt.Errorf("dbtcloud: %s: %w", res.request.operation, err)
	}
	if res.request.once() {
		return &UncertainError{Operation: res.request.operation, Err: err}
	}
	return err
}

// failSending is the error of a request whose last attempt got no answer.
func (res *result) failSending(err error) error {
	err = res.hide(err)
	e := &Error{StatusCode: res.call.Status, Operation: res.request.operation, Message: "an earlier attempt was answered so"}
	if paused, ok := errors.AsType[*transport.PausedError](err); ok {
		e.StatusCode, e.Message = http.StatusTooManyRequests, "after a 429 nothing is sent until "+paused.Until.UTC().Format(time.RFC3339)
	}
	if e.StatusCode >= 400 {
		err = fmt.Errorf("%w: %w", e, err)
	} else {
		err = fmt.Errorf("dbtcloud: %s: %w", res.request.operation, err)
	}
	if res.request.once() && res.call.Sent && !errors.Is(err, transport.ErrRedirect) {
		return &UncertainError{Operation: res.request.operation, Err: err}
	}
	return err
}

// failStatus is the error of an answer that is not a success.
func (res *result) failStatus(err error) error {
	if res.call.GaveUp != nil {
		err = fmt.Errorf("%w: %w", err, res.call.GaveUp)
	}
	if res.request.once() && (res.status >= 500 || res.status == http.StatusRequestTimeout) {
		return &UncertainError{Operation: res.request.operation, Err: err}
	}
	return err
}

// redacting adds the request's own secrets to what is taken out of texts. What is
// too short to be one would garble them.
func (r *request) redacting(redact func(string) string) func(string) string {
	var secrets []string
	for _, s := range r.secrets {
		if len(s) >= 4 {
			secrets = append(secrets, s, inJSON(s), html.EscapeString(s), url.QueryEscape(s), url.PathEscape(s))
		}
	}
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) }) // one may be part of another
	return func(s string) string {
		s = redact(s)
		for _, secret := range secrets {
			s = strings.ReplaceAll(s, secret, "[redacted]")
		}
		return s
	}
}

// once tells whether the request must not happen twice.
func (r *request) once() bool {
	return (r.method == http.MethodPost || r.method == http.MethodPatch) && !r.repeatable
}

var errTooLarge = fmt.Errorf("the answer is larger than %d MiB", maxJSON>>20)

// readBounded reads at most limit bytes and says so when there is more. Length is what
// the server says that it sends, -1 where it does not; no more than a little is taken on
// its word.
func readBounded(body io.Reader, length, limit int64) ([]byte, error) {
	const room = 1 << 20
	raw := bytes.NewBuffer(make([]byte, 0, min(max(length, 0), limit, room)+bytes.MinRead))
	_, err := raw.ReadFrom(io.LimitReader(body, limit+1))
	if err == nil && int64(raw.Len()) > limit {
		return raw.Bytes()[:limit], errTooLarge
	}
	return raw.Bytes(), err
}

// one sends r and decodes its data.
func one[T any](ctx context.Context, c *Client, r request) (*T, error) {
	res, raw, err := c.fetch(ctx, &r)
	if err != nil {
		return nil, err
	}
	if items, _, ok := quick[T](raw, '{'); ok {
		return items[0], nil
	}
	a, err := res.open(raw)
	if err != nil {
		return nil, err
	}
	out := new(T)
	if err := a.into(out); err != nil {
		return nil, err
	}
	if keyOf(out) == 0 {
		return nil, a.unusable("the answer has no id")
	}
	return out, nil
}

// empty tells whether the answer holds no data, which an empty list may be.
func (a *answer) empty() bool {
	return len(a.data) == 0 || bytes.Equal(a.data, []byte("null"))
}

// into decodes the data of an answer.
func (a *answer) into(out any) error {
	if a.empty() {
		return a.unusable("the answer holds no data")
	}
	if err := decode(a.data, out); err != nil {
		return a.unusable("the answer does not decode: " + err.Error())
	}
	return nil
}

// unusable is the error of a success that does not say what it should.
func (a *answer) unusable(message string) error {
	return a.res.fail(a.res.apiError(a.data, message))
}

// keyOf is the id of a resource; an honest answer has it.
func keyOf(v any) int64 {
	if k, ok := v.(interface{ key() int64 }); ok {
		return k.key()
	}
	return -1
}

var digits = regexp.MustCompile(`/[0-9]+(/|$)`)

// Do sends a request that no service covers, under the same policy: method, a
// path such as "/api/v3/accounts/1/projects/" (a query may follow), a body to
// encode as JSON (nil for none) and where to decode the answer's data (nil to
// ignore it). A POST or PATCH is taken as not repeatable. Errors are those of every
// service; an answer without data is one if out is given.
func (c *Client) Do(ctx context.Context, method, path string, in, out any) error {
	u, err := url.Parse(path)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(path, "/") {
		return fmt.Errorf("%w: Do: the path must start with / and name no host", ErrInvalid)
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return fmt.Errorf("%w: Do: the query cannot be read: escape what stands in it with url.Values", ErrInvalid)
	}
	method = strings.ToUpper(method)
	if in != nil && (method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions) {
		return fmt.Errorf("%w: Do: %s takes no body: put what it asks for into the query", ErrInvalid, method)
	}
	template := digits.ReplaceAllString(digits.ReplaceAllString(u.Path, "/{id}$1"), "/{id}$1")
	r := request{method: method, path: u.EscapedPath(), operation: method + " " + template, query: query, body: in, bare: true}
	a, err := c.call(ctx, r)
	if err != nil || out == nil {
		return err
	}
	return a.into(out)
}
