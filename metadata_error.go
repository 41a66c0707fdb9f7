package dbtcloud

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// GraphQLError is an answer of the Discovery API that holds errors, whatever its HTTP
// status: mostly 200, and 400 where the query does not fit the schema. Besides
// [ErrUnauthorized], [ErrForbidden], [ErrNotFound], [ErrRateLimited], [ErrComplexity] and
// [ErrInvalidQuery], which errors.Is tells by codes and words of the messages, it is the
// [*Error] of its HTTP status.
type GraphQLError struct {
	Errors []GraphQLMessage // in the server's order; the first 100 where there are more
	Data   json.RawMessage  // what data came beside the errors; nil if none did

	answer *Error
}

// GraphQLMessage is one error of a [GraphQLError].
type GraphQLMessage struct {
	Message   string            // the server's words
	Code      string            // extensions.code, such as COMPLEXITY_EXCEEDED; empty if there was none
	Path      []any             // to the field of the data that failed: names (string) and indexes (int)
	Locations []GraphQLLocation // in the text of the query
}

// GraphQLLocation is a place in the text of a query; both count from 1.
type GraphQLLocation struct{ Line, Column int }

const (
	maxMessages = 100 // errors, and elements of a path, that are kept
	maxQuoted   = 10  // different messages that the text of an error repeats
)

// Error says what was asked, what was answered and what to do.
func (e *GraphQLError) Error() string { return withHint(e.outcome().text(), e.Hint()) }

// Hint is advice for the errors whose meaning is not obvious, which Error ends with;
// empty for the others.
func (e *GraphQLError) Hint() string {
	for _, class := range e.classes() {
		if hint := classHint(class); hint != "" {
			return hint
		}
	}
	return e.outcome().Hint()
}

// Unwrap returns the [*Error] with the HTTP status and the id of the request.
func (e *GraphQLError) Unwrap() error { return e.outcome() }

// Is makes errors.Is work with the sentinels.
func (e *GraphQLError) Is(target error) bool { return slices.Contains(e.classes(), target) }

// LogValue keeps the answer's body and its data out of structured logs.
func (e *GraphQLError) LogValue() slog.Value { return e.outcome().LogValue() }

// outcome is the answer; one is made up for an error that did not come from a server.
func (e *GraphQLError) outcome() *Error {
	if e.answer != nil {
		return e.answer
	}
	return &Error{StatusCode: http.StatusOK, Operation: graphqlOperation, Message: e.words()}
}

// words joins the different messages, as many as a text shall repeat.
func (e *GraphQLError) words() string {
	var all []string
	for _, m := range e.Errors {
		words := m.Message
		if words == "" {
			words = strings.TrimSpace("an error without a message " + m.Code)
		}
		if words = shorten(words); slices.Contains(all, words) {
			continue
		}
		if len(all) == maxQuoted {
			return strings.Join(append(all, "and more"), "; ")
		}
		all = append(all, words)
	}
	return strings.Join(all, "; ")
}

// classes are the sentinels that the messages stand for.
func (e *GraphQLError) classes() []error {
	var all []error
	for _, m := range e.Errors {
		if class := m.class(); class != nil && !slices.Contains(all, class) {
			all = append(all, class)
		}
	}
	if len(all) == 0 && e.outcome().StatusCode == http.StatusBadRequest {
		return []error{ErrInvalidQuery}
	}
	return all
}

// class is the sentinel that a message stands for, nil if none is known: its code
// decides, and only where that says nothing its words.
func (m GraphQLMessage) class() error {
	switch strings.ToUpper(m.Code) {
	case "UNAUTHENTICATED", "UNAUTHORIZED":
		return ErrUnauthorized
	case "FORBIDDEN":
		return ErrForbidden
	case "NOT_FOUND":
		return ErrNotFound
	case "RATE_LIMITED", "TOO_MANY_REQUESTS":
		return ErrRateLimited
	case "COMPLEXITY_EXCEEDED":
		return ErrComplexity
	case "GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED", "BAD_USER_INPUT":
		return ErrInvalidQuery
	}
	return classOfWords(strings.ToLower(m.Message[:min(len(m.Message), maxErrorText)]))
}

// classOfWords knows the messages that come without a code. Those that quote the query,
// which may hold any word, are first.
func classOfWords(message string) error {
	says := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(message, part) })
	}
	switch {
	case says("cannot query field", "syntax error"):
		return ErrInvalidQuery
	case says("no token was provided", "unauthorized"):
		return ErrUnauthorized
	case says("forbidden", "permission"):
		return ErrForbidden
	case says("rate limit", "too many requests"):
		return ErrRateLimited
	case says("complexity"):
		return ErrComplexity
	case says("not found", "there is no data available for this input"):
		return ErrNotFound
	}
	return nil
}

// classHint is advice for a class of errors of the Discovery API.
func classHint(class error) string {
	switch {
	case errors.Is(class, ErrUnauthorized):
		return "Check the token, and the host: the metadata service wants a service token with Metadata Only or more, or a personal access token, and need not take every token of the Administrative API"
	case errors.Is(class, ErrForbidden):
		return "The token may not read this metadata: a service token needs Metadata Only or more for the project"
	case errors.Is(class, ErrNotFound):
		return "Check the environment id, and the host: the metadata of another region or cell is unknown here; an environment without a finished run has none"
	case errors.Is(class, ErrRateLimited):
		return "The Discovery API takes 500 requests a minute; after more it refuses everything for about five minutes: ask for larger pages, or set WithMetadataRate lower where programs share the limit"
	case errors.Is(class, ErrComplexity):
		return "Ask for fewer nested fields, or for smaller pages"
	}
	return ""
}

// metadataHint is the advice for an answer of the Discovery API without GraphQL errors.
func metadataHint(e *Error) string {
	for _, class := range []error{ErrUnauthorized, ErrForbidden, ErrNotFound, ErrRateLimited} {
		if e.Is(class) {
			return classHint(class)
		}
	}
	return ""
}

// answered is the error of an answer that holds errors; nil if it holds none. Data is
// what came beside them.
func (s *MetadataService) answered(res *result, errs []GraphQLMessage, data json.RawMessage) error {
	if len(errs) == 0 {
		return nil
	}
	return res.graphqlError(errs, data)
}

// refusal is the error of an answer whose status is no success.
func (res *result) refusal() error {
	var a graphqlAnswer
	if json.Unmarshal(res.raw, &a) != nil || len(a.Errors) == 0 {
		return res.apiError(res.raw, "")
	}
	return res.graphqlError(a.Errors, a.Data)
}

func (res *result) graphqlError(errs []GraphQLMessage, data json.RawMessage) *GraphQLError {
	e := new(GraphQLError)
	for _, m := range errs[:min(len(errs), maxMessages)] {
		m.Message, m.Code = res.redact(m.Message), res.redact(m.Code)
		m.Path = slices.Clone(m.Path)
		for i, step := range m.Path {
			if name, ok := step.(string); ok {
				m.Path[i] = res.redact(name)
			}
		}
		e.Errors = append(e.Errors, m)
	}
	if len(data) > 0 && !bytes.Equal(data, []byte("null")) {
		e.Data = res.redactBody(data)
	}
	e.answer = res.apiError(res.raw, e.words())
	return e
}

// graphqlAnswer is the form of every answer.
type graphqlAnswer struct {
	Data   json.RawMessage `json:"data"`
	Errors graphqlErrors   `json:"errors"`
}

// graphqlErrors are the errors of an answer, of which only so many are read.
type graphqlErrors []GraphQLMessage

// UnmarshalJSON takes what is no list for the words of one error.
func (all *graphqlErrors) UnmarshalJSON(b []byte) error {
	*all = nil
	if bytes.Equal(b, []byte("null")) {
		return nil
	}
	elements, ok := firstElements(b)
	if !ok {
		*all = graphqlErrors{{Message: wordsOf(b)}}
	}
	for _, element := range elements {
		var m GraphQLMessage
		if err := m.UnmarshalJSON(element); err != nil {
			return err
		}
		*all = append(*all, m)
	}
	return nil
}

// UnmarshalJSON reads the error of an answer, and makes the best of one that has not the
// form of the specification: what is no object is a message, what does not fit is left out.
func (m *GraphQLMessage) UnmarshalJSON(b []byte) error {
	*m = GraphQLMessage{}
	if !bytes.HasPrefix(b, []byte("{")) {
		m.Message = wordsOf(b)
		return nil
	}
	var parts struct{ Message, Path, Locations, Extensions json.RawMessage }
	if err := json.Unmarshal(b, &parts); err != nil {
		return errors.New("an error of the answer is not JSON")
	}
	var extensions struct{ Code json.RawMessage }
	_ = json.Unmarshal(parts.Extensions, &extensions) // what is no object has no code
	m.Message, m.Code = wordsOf(parts.Message), wordsOf(extensions.Code)
	steps, _ := firstElements(parts.Path)
	for _, step := range steps {
		if index, err := strconv.Atoi(string(step)); err == nil {
			m.Path = append(m.Path, index)
		} else {
			m.Path = append(m.Path, wordsOf(step))
		}
	}
	places, _ := firstElements(parts.Locations)
	for _, place := range places {
		var at GraphQLLocation
		if json.Unmarshal(place, &at) == nil {
			m.Locations = append(m.Locations, at)
		}
	}
	return nil
}

// wordsOf is a JSON string, or the text of what is none, if it is short; empty for null.
func wordsOf(raw json.RawMessage) string {
	var words string
	if json.Unmarshal(raw, &words) == nil {
		return words
	}
	if len(raw) > maxErrorText {
		return "(no text)"
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return ""
	}
	return string(plainJSON(v)) // without the escapes that could hide a token
}

// firstElements are the elements of a JSON list, at most maxMessages of them. It is false
// for what is no list.
func firstElements(raw json.RawMessage) ([]json.RawMessage, bool) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if open, err := d.Token(); err != nil || open != json.Delim('[') {
		return nil, false
	}
	var all []json.RawMessage
	for len(all) < maxMessages && d.More() {
		var element json.RawMessage
		if d.Decode(&element) != nil {
			return nil, false
		}
		all = append(all, element)
	}
	return all, true
}
