package dbtcloud

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/slimci/dbtcloud/internal/plain"
)

// Sentinels for errors.Is. Those with a number stand for the HTTP status of an [*Error].
var (
	ErrInvalid      = errors.New("dbtcloud: invalid input")         // refused before any request
	ErrBadRequest   = errors.New("dbtcloud: bad request")           // 400
	ErrUnauthorized = errors.New("dbtcloud: unauthorized")          // 401
	ErrForbidden    = errors.New("dbtcloud: forbidden")             // 403
	ErrNotFound     = errors.New("dbtcloud: not found")             // 404: missing, or not permitted
	ErrRefused      = errors.New("dbtcloud: refused by the job")    // 405: fields that do not fit the kind of job
	ErrConflict     = errors.New("dbtcloud: conflict")              // 409
	ErrRateLimited  = errors.New("dbtcloud: rate limited")          // 429
	ErrServer       = errors.New("dbtcloud: server error")          // 5xx
	ErrRunCancelled = errors.New("dbtcloud: the run was cancelled") // a RunFailedError of a cancelled run

	// Of a [GraphQLError], beside those above whose meaning it shares.
	ErrComplexity   = errors.New("dbtcloud: the query is too complex")
	ErrInvalidQuery = errors.New("dbtcloud: invalid query")

	// Of JobMetadata.Wait.
	ErrNoMetadata = errors.New("dbtcloud: no metadata") // not taken in yet, or the run left none

	// Of AutoscaleCI.Trigger and CIRun.Wait; ErrSuperseded of Deployment.Wait too.
	ErrQueueFull  = errors.New("dbtcloud: the account's run queue is full")
	ErrSuperseded = errors.New("dbtcloud: a newer change took over")
)

// Error is an answer that is not a success, or that is not what the API documents.
// Where a context ended while the request was to be repeated, or a pause after a 429
// forbids sending it, the error is both: an *Error and the error of the context.
type Error struct {
	StatusCode int               // HTTP status
	Operation  string            // such as "GET /api/v2/accounts/{account}/runs/{id}/"
	Message    string            // the server's words, or what was wrong with the answer
	Fields     map[string]string // validation messages by dotted field path; nil if there are none
	Data       json.RawMessage   // the validation tree as it was sent
	RequestID  string            // the server's id of the request, if it sent one
	Body       []byte            // the start of the answer, at most 4 KiB; never part of the text
}

// maxErrorText is how much of what a server says is repeated in the text of an error.
const maxErrorText = 4 << 10

// Error says what was asked, what was answered and what to do.
func (e *Error) Error() string { return withHint(harmless(e.text()), e.Hint()) }

// harmless is one line that steers neither a terminal nor a CI provider: errors and progress have words of others in them, and end in logs.
func harmless(text string) string {
	var lines []string
	for line := range strings.Lines(plain.Text(text)) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return plain.InertLines(plain.Line(strings.Join(lines, "; ")))
}

func (e *Error) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "dbtcloud: %s: ", e.Operation)
	if e.StatusCode != http.StatusOK {
		fmt.Fprintf(&b, "%d ", e.StatusCode)
	}
	message := e.Message
	if len(e.Fields) > 0 {
		message = strings.TrimSuffix(message, ".")
	}
	b.WriteString(message)
	for _, path := range slices.Sorted(maps.Keys(e.Fields)) {
		fmt.Fprintf(&b, "; %s: %s", path, e.Fields[path])
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, " (request %s)", e.RequestID)
	}
	return shorten(b.String())
}

// shorten cuts a text to what an error repeats of it.
func shorten(text string) string {
	if len(text) > maxErrorText {
		return strings.ToValidUTF8(text[:maxErrorText], "") + "..."
	}
	return text
}

func withHint(text, hint string) string {
	if hint == "" {
		return text
	}
	return strings.TrimSuffix(text, ".") + ". " + hint
}

// Hint is advice for the statuses whose meaning is not obvious, which Error ends
// with; empty for the others.
func (e *Error) Hint() string {
	if e.Operation == graphqlOperation || e.Operation == betaOperation {
		return metadataHint(e)
	}
	switch e.StatusCode {
	case http.StatusUnauthorized:
		if strings.Contains(e.Message, "unpaid") {
			return "The API needs a paid plan; the free Developer plan has none"
		}
		return "Check the token, and the host: an account on a cell (such as ab123.us1.dbt.com) is unknown to every other host; the free Developer plan has no API"
	case http.StatusForbidden:
		return "The token lacks a permission; Job Admin is the smallest set that may clone jobs"
	case http.StatusNotFound:
		return "It does not exist, belongs to another account, or the token may not see or write it"
	case http.StatusMethodNotAllowed:
		return "A CI or merge job does not take some of the fields sent, such as cost_optimization_features other than dbt_state"
	case http.StatusTooManyRequests:
		return "The account's limit is 5,000 requests a minute; after it everything is refused for about five minutes"
	}
	return ""
}

// Is makes errors.Is work with the sentinels.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrBadRequest:
		return e.StatusCode == http.StatusBadRequest
	case ErrUnauthorized:
		return e.StatusCode == http.StatusUnauthorized
	case ErrForbidden:
		return e.StatusCode == http.StatusForbidden
	case ErrNotFound:
		return e.StatusCode == http.StatusNotFound
	case ErrRefused:
		return e.StatusCode == http.StatusMethodNotAllowed
	case ErrConflict:
		return e.StatusCode == http.StatusConflict
	case ErrRateLimited:
		return e.StatusCode == http.StatusTooManyRequests
	case ErrServer:
		return e.StatusCode >= 500
	}
	return false
}

// LogValue keeps the answer's body out of structured logs.
func (e *Error) LogValue() slog.Value {
	return slog.GroupValue(slog.Int("status", e.StatusCode), slog.String("operation", e.Operation),
		slog.String("message", e.Message), slog.String("request_id", e.RequestID))
}

// UncertainError means that a create or a trigger may or may not have happened:
// the answer was lost, was a server error, or could not be read. Look before
// sending it again. A run is found by its cause, if that is unique, such as one with
// a build number; anything else by its name.
type UncertainError struct {
	Operation string // such as "POST /api/v2/accounts/{account}/jobs/{id}/run/"
	Err       error  // what went wrong
}

// Error says what went wrong, and to look before repeating.
func (e *UncertainError) Error() string {
	return fmt.Sprintf("%v (it may have been carried out all the same: look before repeating it)", e.Err)
}

// Unwrap returns what went wrong, such as an [*Error] for a 502.
func (e *UncertainError) Unwrap() error { return e.Err }

// RunFailedError is a run that ended, but not with success.
type RunFailedError struct {
	Run *Run // as it was last seen, with its trigger and audit
}

// Error says how the run ended, who cancelled it, and the service's message, in one line that is a command to no CI provider.
func (e *RunFailedError) Error() string {
	text := fmt.Sprintf("dbtcloud: run %d of job %d ended with status %s", e.Run.ID, e.Run.JobID, e.Run.Status)
	if e.Run.Audit != nil && e.Run.Status == RunCancelled && e.Run.Audit.Cancellation.Actor.Name != "" {
		text += ", cancelled by " + e.Run.Audit.Cancellation.Actor.Name
	}
	if e.Run.StatusMessage != "" {
		text += ": " + e.Run.StatusMessage
	}
	return harmless(text)
}

// Is makes errors.Is(err, ErrRunCancelled) tell a cancelled run from a failed one.
func (e *RunFailedError) Is(target error) bool {
	return target == ErrRunCancelled && e.Run.Status == RunCancelled
}

// apiError reads what it can from the body of an error.
func (res *result) apiError(raw []byte, message string) *Error {
	raw = res.redactBody(raw[:min(len(raw), 1<<20)])
	e := &Error{StatusCode: res.status, Operation: res.request.operation, Message: message, Body: raw[:min(len(raw), 4096)]}
	for _, name := range []string{"X-Request-Id", "X-Dbt-Request-Id", "X-Amzn-Requestid"} {
		if e.RequestID == "" {
			e.RequestID = res.redact(res.header.Get(name))
		}
	}
	if a, err := parseAnswer(raw); err == nil && message == "" {
		e.Message = a.message
		if !a.bare || a.message == "" {
			e.Fields = validation(a.data)
		}
		if len(e.Fields) > 0 {
			e.Data = a.data
		}
	}
	if e.Message == "" {
		e.Message = http.StatusText(res.status) + " (" + describeBody(res.contentType, raw) + ")"
	}
	e.Message = res.redact(e.Message)
	return e
}

// hide takes out of an error what must not be seen: the URL, whose query may say
// too much, and a token that somebody below has quoted.
func (res *result) hide(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if text := res.redact(err.Error()); text != err.Error() {
		return &hiddenError{text, err}
	}
	return err
}

// hiddenError has the text of an error without the token. It does not unwrap, but
// errors.Is and errors.As see what it hides.
type hiddenError struct {
	text string
	err  error
}

func (e *hiddenError) Error() string { return e.text }

// Is looks for target in the error that is hidden.
func (e *hiddenError) Is(target error) bool { return errors.Is(e.err, target) }

// As looks for target in the error that is hidden.
func (e *hiddenError) As(target any) bool { return errors.As(e.err, target) }

// maxTokens is how many tokens are remembered: answers to older ones have long come.
const maxTokens = 32

// newRedactor returns a function that has source's tokens remembered, and one that
// takes them out of a text. They live in closures, where no printer finds them.
func newRedactor(source tokenSource) (watched tokenSource, redact func(string) string) {
	var mu sync.Mutex
	var tokens []string
	watched = func(ctx context.Context) (string, error) {
		token, err := source(ctx)
		mu.Lock()
		defer mu.Unlock()
		if token != "" && !slices.Contains(tokens, token) {
			tokens = append(tokens, token)
			tokens = tokens[max(0, len(tokens)-maxTokens):]
		}
		return token, err
	}
	redact = func(s string) string {
		mu.Lock()
		defer mu.Unlock()
		for _, token := range tokens {
			s = strings.ReplaceAll(s, token, "[redacted]")
			s = strings.ReplaceAll(s, inJSON(token), "[redacted]")
		}
		return s
	}
	return watched, redact
}

type tokenSource = func(context.Context) (string, error)

// inJSON is how a text looks inside of a JSON string.
func inJSON(s string) string {
	quoted := plainJSON(s)
	return string(quoted[1 : len(quoted)-1])
}

// plainJSON encodes v without any escape that JSON does not ask for; nil if it cannot.
func plainJSON(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return nil
	}
	return bytes.TrimSpace(b.Bytes())
}

// redactBody takes secrets out of an answer, also where JSON escapes hide them, and
// leaves JSON the JSON that it is: a value may be false, or be called data.
func (res *result) redactBody(raw []byte) []byte {
	if res.request.secrets == nil && res.redact(string(raw)) == string(raw) && !bytes.Contains(raw, []byte(`\u`)) && !bytes.Contains(raw, []byte(`\/`)) {
		return raw // nor can an escape hide a token
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if !json.Valid(raw) || d.Decode(&v) != nil {
		return []byte(res.redactText(string(raw)))
	}
	clean, found := res.redactTree(v)
	if !found && res.request.secrets == nil && res.redact(string(raw)) == string(raw) {
		return raw
	}
	return plainJSON(clean)
}

// jsonEscape matches the escapes that JSON does not ask for.
var jsonEscape = regexp.MustCompile(`\\(u[0-9a-fA-F]{4}|/)`)

// redactText takes secrets out of what is no JSON, or only the beginning of some, and
// may hide them by its escapes all the same.
func (res *result) redactText(text string) string {
	plain := jsonEscape.ReplaceAllStringFunc(text, func(escape string) string {
		char, _ := strconv.ParseUint(escape[2:], 16, 16)
		return string(cmp.Or(rune(char), '/'))
	})
	if clean := res.redact(plain); clean != plain {
		return clean
	}
	return res.redact(text)
}

// fieldName matches the names of fields, which are the API's.
var fieldName = regexp.MustCompile(`^[a-z_]+$`)

// redactTree takes secrets out of the texts and numbers of decoded JSON, and tells
// whether there were any.
func (res *result) redactTree(v any) (clean any, found bool) {
	switch v := v.(type) {
	case string:
		clean := res.redact(v)
		return clean, clean != v
	case json.Number:
		if clean := res.redact(v.String()); clean != v.String() {
			return clean, true
		}
	case []any:
		for i, e := range v {
			clean, hit := res.redactTree(e)
			v[i], found = clean, found || hit
		}
		return v, found
	case map[string]any:
		tree := map[string]any{}
		for name, e := range v {
			clean, hit := res.redactTree(e)
			if !fieldName.MatchString(name) {
				plain := name
				name = res.redact(name)
				hit = hit || name != plain
			}
			tree[name], found = clean, found || hit
		}
		return tree, found
	}
	return v, false
}

// validation flattens the tree of a 400: {"schedule":{"time":"x"}} is schedule.time: x.
func validation(data json.RawMessage) map[string]string {
	var tree any
	if json.Unmarshal(data, &tree) != nil {
		return nil
	}
	fields := map[string]string{}
	flatten("", tree, fields)
	delete(fields, "") // a text instead of a tree
	delete(fields, "_model")
	if len(fields) == 0 {
		return nil
	}
	return fields
}

func flatten(path string, v any, into map[string]string) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			flatten(strings.TrimPrefix(path+"."+k, "."), e, into)
		}
	case []any:
		var words []string
		for i, e := range v {
			if s, ok := e.(string); ok {
				words = append(words, s)
			} else {
				flatten(strings.TrimPrefix(path+"."+strconv.Itoa(i), "."), e, into)
			}
		}
		if len(words) > 0 {
			into[path] = strings.Join(words, "; ")
		}
	case nil:
	default:
		into[path] = fmt.Sprint(v)
	}
}
