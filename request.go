package dbtcloud

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/slimci/dbtcloud/internal/transport"
)

// maxJSON bounds an answer that is decoded; artifacts are streamed instead.
const maxJSON = 64 << 20

// maxPage is the largest page that the API documents.
const maxPage = 100

// request is one call of the API.
type request struct {
	method     string
	path       string // escaped, from /api/ on
	operation  string // method and path template
	query      url.Values
	body       any
	repeatable bool // a POST that is safe to repeat
	stream     bool // the body goes to the caller unread
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
				r.err = fmt.Errorf("dbtcloud: %s: the id in place of %s must be positive, not %d", r.operation, name, v)
			}
			return strconv.FormatInt(v, 10)
		default:
			escaped, err := escapePath(fmt.Sprint(v))
			if err != nil && r.err == nil {
				r.err = fmt.Errorf("dbtcloud: %s: %w", r.operation, err)
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

// answer is the envelope around what the API returns. Its flavours differ in
// what they leave out, so absence never means failure.
type answer struct {
	Data   json.RawMessage `json:"data"`
	Status struct {
		IsSuccess        *bool  `json:"is_success"`
		UserMessage      string `json:"user_message"`
		DeveloperMessage string `json:"developer_message"`
	} `json:"status"`
	Extra struct {
		Pagination *struct {
			TotalCount int `json:"total_count"`
		} `json:"pagination"`
	} `json:"extra"`
	Detail string `json:"detail"`
}

// call sends r and returns the decoded envelope of a success.
func (c *Client) call(ctx context.Context, r request) (*answer, error) {
	res, err := c.send(ctx, &r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.body.Close() }()
	raw, err := readBounded(res.body, maxJSON)
	if err != nil {
		return nil, res.fail(fmt.Errorf("reading the answer: %w", scrub(err)))
	}
	if res.status == http.StatusNoContent || len(bytes.TrimSpace(raw)) == 0 && r.method == http.MethodDelete {
		return &answer{}, nil
	}
	var a answer
	if err := decode(raw, &a); err != nil {
		return nil, res.fail(res.apiError(raw, "the answer is not the JSON that the API documents: "+describeBody(res.contentType, raw)))
	}
	if a.Status.IsSuccess != nil && !*a.Status.IsSuccess {
		return nil, res.apiError(raw, "")
	}
	if a.Data == nil && !hasEnvelope(raw) {
		a.Data = raw
	}
	return &a, nil
}

func hasEnvelope(raw []byte) bool {
	var keys map[string]json.RawMessage
	if json.Unmarshal(raw, &keys) != nil {
		return false
	}
	_, data := keys["data"]
	_, status := keys["status"]
	return data || status
}

// result is an answer of status 2xx whose body is still unread.
type result struct {
	request     *request
	redact      func(string) string
	call        *transport.Call
	status      int
	contentType string
	header      http.Header
	body        io.ReadCloser
}

// send sends r; any status but 2xx is an error.
func (c *Client) send(ctx context.Context, r *request) (*result, error) {
	if r.err != nil {
		return nil, r.err
	}
	res := &result{request: r, redact: c.redactor.redact, call: &transport.Call{Operation: r.operation, Repeatable: r.repeatable, Stream: r.stream}}
	req := c.rest.R().SetContext(transport.WithCall(ctx, res.call)).SetDoNotParseResponse(true).
		SetHeader("User-Agent", c.transport.UserAgent).SetQueryParamsFromValues(r.query)
	if r.body != nil {
		b, err := json.Marshal(r.body)
		if err != nil {
			return nil, fmt.Errorf("dbtcloud: %s: %w", r.operation, unwrapMarshal(err))
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
		return nil, res.failSending(scrub(err))
	}
	res.status, res.header, res.body = resp.StatusCode(), resp.Header(), resp.RawBody()
	res.contentType = res.header.Get("Content-Type")
	if res.status >= 200 && res.status <= 299 {
		return res, nil
	}
	defer func() { _ = res.body.Close() }()
	raw, _ := readBounded(res.body, 1<<20)
	return nil, res.failStatus(res.apiError(raw, ""))
}

// fail wraps an error that came after a status 2xx: for a create or a trigger it
// leaves open whether the work was done.
func (res *result) fail(err error) error {
	if res.request.once() {
		return &UncertainError{Operation: res.request.operation, Err: err}
	}
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	return fmt.Errorf("dbtcloud: %s: %w", res.request.operation, err)
}

func (res *result) failSending(err error) error {
	if res.request.once() && res.call.Sent && !errors.Is(err, transport.ErrRedirect) {
		return &UncertainError{Operation: res.request.operation, Err: err}
	}
	return fmt.Errorf("dbtcloud: %s: %w", res.request.operation, err)
}

func (res *result) failStatus(apiErr *Error) error {
	var err error = apiErr
	if res.call.GaveUp != nil {
		err = errors.Join(apiErr, res.call.GaveUp)
	}
	if res.request.once() && (res.status >= 500 || res.status == http.StatusRequestTimeout) {
		return &UncertainError{Operation: res.request.operation, Err: err}
	}
	return err
}

// once tells whether the request must not happen twice.
func (r *request) once() bool { return r.method == http.MethodPost && !r.repeatable }

// readBounded reads at most limit bytes and says so when there is more.
func readBounded(body io.Reader, limit int64) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil {
		return raw, err
	}
	if int64(len(raw)) > limit {
		return raw[:limit], fmt.Errorf("it is larger than %d MiB", limit>>20)
	}
	return raw, nil
}

// one sends r and decodes its data.
func one[T any](ctx context.Context, c *Client, r request) (*T, error) {
	a, err := c.call(ctx, r)
	if err != nil {
		return nil, err
	}
	out := new(T)
	if err := a.into(&r, out); err != nil {
		return nil, err
	}
	return out, nil
}

// empty tells whether the answer holds no data, which an empty list may be.
func (a *answer) empty() bool {
	data := bytes.TrimSpace(a.Data)
	return len(data) == 0 || bytes.Equal(data, []byte("null"))
}

// into decodes the data of an answer; some answers wrap it twice.
func (a *answer) into(r *request, out any) error {
	data := bytes.TrimSpace(a.Data)
	var nested map[string]json.RawMessage
	if bytes.HasPrefix(data, []byte(`{"data"`)) && json.Unmarshal(data, &nested) == nil && len(nested) == 1 {
		data = bytes.TrimSpace(nested["data"])
	}
	var err error
	if a.empty() || bytes.Equal(data, []byte("null")) {
		err = &Error{Operation: r.operation, StatusCode: http.StatusOK, Message: "the answer holds no data"}
	} else if derr := decode(data, out); derr != nil {
		err = &Error{Operation: r.operation, StatusCode: http.StatusOK, Message: "the answer does not decode: " + derr.Error()}
	}
	if err != nil && r.once() {
		return &UncertainError{Operation: r.operation, Err: err}
	}
	return err
}

// pager says how to ask for the page after one that ended with last, seen items
// in; false means that there is no other.
type pager[T any] func(query url.Values, last *T, seen int) bool

// all walks a list. It is restartable, ends on an empty page or where the server
// says that there is no more, and fails when a page repeats the one before.
func all[T any](ctx context.Context, c *Client, r request, id func(*T) int64, next pager[T]) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		query := url.Values{}
		for k, v := range r.query {
			query[k] = v
		}
		page := r
		page.query = query
		for seen, first := 0, int64(0); ; {
			items, total, err := list[T](ctx, c, page)
			if err != nil {
				yield(nil, err)
				return
			}
			if len(items) == 0 {
				return
			}
			if id(items[0]) == first {
				yield(nil, &Error{Operation: r.operation, StatusCode: http.StatusOK, Message: "the server sent the same page twice, so it ignores the paging parameters"})
				return
			}
			first = id(items[0])
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			seen += len(items)
			if total == len(items) || !next(query, items[len(items)-1], seen) || total == seen && query.Has("offset") {
				return
			}
		}
	}
}

// list asks for one page. The total is what the server says is there for this
// query, -1 where it does not say.
func list[T any](ctx context.Context, c *Client, r request) ([]*T, int, error) {
	a, err := c.call(ctx, r)
	if err != nil {
		return nil, 0, err
	}
	var items []*T
	if !a.empty() {
		if err := a.into(&r, &items); err != nil {
			return nil, 0, err
		}
	}
	for _, item := range items {
		if item == nil {
			return nil, 0, &Error{Operation: r.operation, StatusCode: http.StatusOK, Message: "the list holds a null"}
		}
	}
	total := -1
	if a.Extra.Pagination != nil {
		total = a.Extra.Pagination.TotalCount
	}
	return items, total, nil
}

// byOffset pages where the API has nothing better.
func byOffset[T any](query url.Values, _ *T, seen int) bool {
	query.Set("offset", strconv.Itoa(seen))
	return true
}

// Collect turns an iterator into a slice; on an error it returns what came before it.
func Collect[T any](seq iter.Seq2[*T, error]) ([]*T, error) {
	var items []*T
	for item, err := range seq {
		if err != nil {
			return items, err
		}
		items = append(items, item)
	}
	return items, nil
}

var digits = regexp.MustCompile(`/[0-9]+(/|$)`)

// Do sends a request that no service covers, under the same policy: method, a
// path such as "/api/v3/accounts/1/projects/" (a query may follow), a body to
// encode as JSON (nil for none) and where to decode the answer's data (nil to
// ignore it). A POST is taken as not repeatable. Errors are those of every service.
func (c *Client) Do(ctx context.Context, method, path string, in, out any) error {
	u, err := url.Parse(path)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(path, "/") {
		return errors.New("dbtcloud: Do: the path must start with / and name no host")
	}
	template := digits.ReplaceAllString(digits.ReplaceAllString(u.Path, "/{id}$1"), "/{id}$1")
	r := request{method: method, path: u.EscapedPath(), operation: method + " " + template, query: u.Query(), body: in}
	a, err := c.call(ctx, r)
	if err != nil || out == nil {
		return err
	}
	return a.into(&r, out)
}
