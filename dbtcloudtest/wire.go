package dbtcloudtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// The service writes two timestamp forms: runs with a space, jobs with a T.
const (
	runTimeLayout = "2006-01-02 15:04:05.000000-07:00"
	jobTimeLayout = "2006-01-02T15:04:05.000000-07:00"
)

// unknownShortSize is the length declared for a truncated body whose length nobody knows.
const unknownShortSize = 4096

const (
	jsonType = "application/json"
	htmlType = "text/html; charset=utf-8"
	htmlPage = "<!doctype html><html><head><title>Uh oh!</title></head><body><h1>502 Bad Gateway</h1></body></html>"

	invalidMessage  = "The request was invalid. Please double check the provided data and try again."
	notFoundMessage = "The requested resource was not found. Please check that you have the proper permissions."
	serverErrorText = "There was a server error. Please contact support at support@getdbt.com."
)

// answer is one HTTP answer before it is put on a wire.
type answer struct {
	status int
	header http.Header
	body   []byte
	open   func() io.Reader // a generated body instead of body
	size   int64            // of the generated body, 0 when not known
	short  bool             // declare the whole length, send half of it
	drop   dropKind         // no answer at all
	tree   map[string]any   // the validation tree that the body carries
}

// reader returns the answer's body and its length (-1 when not known).
func (a answer) reader() (io.Reader, int64) {
	if a.open == nil {
		return bytes.NewReader(a.body), int64(len(a.body))
	}
	body := a.open()
	if body == nil {
		body = bytes.NewReader(nil)
	}
	switch {
	case a.size > 0:
		return body, a.size
	case a.short:
		return body, unknownShortSize
	}
	return body, -1
}

type envelope struct {
	Status envelopeStatus `json:"status"`
	Data   any            `json:"data"`
	Extra  any            `json:"extra,omitempty"`
}

type envelopeStatus struct {
	Code             int     `json:"code"`
	IsSuccess        bool    `json:"is_success"`
	UserMessage      string  `json:"user_message"`
	DeveloperMessage *string `json:"developer_message"`
}

type listExtra struct {
	Filters    map[string]any `json:"filters"`
	OrderBy    *string        `json:"order_by"`
	Pagination pagination     `json:"pagination"`
}

type pagination struct {
	Count      int `json:"count"`
	TotalCount int `json:"total_count"`
}

// ok is a success envelope around data.
func (w *world) ok(data any) answer { return w.okExtra(data, nil) }

// made is the success envelope of a create, whose code is not that of the HTTP status, as recorded.
func (w *world) made(data any) answer {
	return w.json(http.StatusOK, envelope{
		Status: envelopeStatus{Code: http.StatusCreated, IsSuccess: true, UserMessage: "Success!", DeveloperMessage: new("")}, Data: data,
	})
}

func (w *world) okExtra(data, extra any) answer {
	return w.json(http.StatusOK, envelope{
		Status: envelopeStatus{Code: 200, IsSuccess: true, UserMessage: "Success!", DeveloperMessage: new("")},
		Data:   data, Extra: extra,
	})
}

// fail is an error envelope; data carries the validation tree of a 400 and is null otherwise.
func (w *world) fail(status int, message string, data any) answer {
	developer := new("")
	if status == http.StatusUnauthorized {
		developer = nil
	}
	return w.json(status, envelope{
		Status: envelopeStatus{Code: status, UserMessage: message, DeveloperMessage: developer},
		Data:   data,
	})
}

func (w *world) notFound() answer { return w.fail(http.StatusNotFound, notFoundMessage, nil) }

func (w *world) invalid(tree map[string]any) answer {
	a := w.fail(http.StatusBadRequest, invalidMessage, tree)
	a.tree = tree
	return a
}

// json encodes v, with the noise and the id form that the options ask for.
func (w *world) json(status int, v any) answer {
	body, err := json.Marshal(v)
	if err != nil {
		body = fmt.Appendf(nil, `{"detail":"the fake cannot encode its answer: %s"}`, err)
		status = http.StatusInternalServerError
	}
	if w.cfg.noise || w.cfg.stringIDs {
		body = w.disturb(body)
	}
	return answer{status: status, header: http.Header{"Content-Type": {jsonType}}, body: body}
}

func htmlAnswer(status int) answer {
	return answer{status: status, header: http.Header{"Content-Type": {htmlType}}, body: []byte(htmlPage)}
}

// disturb rewrites a JSON document the way tomorrow's service might: unknown fields, unknown enum values, ids as strings.
func (w *world) disturb(body []byte) []byte {
	var tree any
	if decodeJSON(body, &tree) != nil {
		return body
	}
	w.disturbTree(tree)
	out, err := json.Marshal(tree)
	if err != nil {
		return body
	}
	return out
}

const noiseKey = "field_of_tomorrow"

// stripNoise takes out what a client sends back of the noise.
func stripNoise(node any) {
	switch node := node.(type) {
	case []any:
		for _, item := range node {
			stripNoise(item)
		}
	case map[string]any:
		delete(node, noiseKey)
		for _, value := range node {
			stripNoise(value)
		}
	}
}

func (w *world) disturbTree(node any) {
	switch node := node.(type) {
	case []any:
		for _, item := range node {
			w.disturbTree(item)
		}
	case map[string]any:
		for key, value := range node {
			if number, ok := value.(json.Number); ok && w.cfg.stringIDs && (key == "id" || strings.HasSuffix(key, "_id")) {
				node[key] = number.String()
				continue
			}
			w.disturbTree(value)
		}
		if !w.cfg.noise {
			return
		}
		for _, key := range []string{"cause_category", "git_auth_level", "retry_not_supported_reason", "lock_cause"} {
			if _, ok := node[key]; ok {
				node[key] = "a_value_of_tomorrow"
			}
		}
		node[noiseKey] = map[string]any{"enabled": true, "levels": []any{1, nil, "x"}}
	}
}

// decodeJSON decodes one JSON value with exact numbers.
func decodeJSON(body []byte, v any) error {
	dec := json.NewDecoder(strings.NewReader(string(body)))
	dec.UseNumber()
	return dec.Decode(v)
}

// raw encodes what is made of JSON values alone.
func raw(v map[string]any) json.RawMessage {
	body, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage("null")
	}
	return body
}

func runTime(t time.Time) *string { return stamp(t, runTimeLayout) }
func jobTime(t time.Time) *string { return stamp(t, jobTimeLayout) }

// stamp formats t, or returns nil (JSON null) for the zero time.
func stamp(t time.Time, layout string) *string {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC().Format(layout))
}

// clockDuration is the service's "HH:MM:SS".
func clockDuration(d time.Duration) string {
	seconds := int64(max(d, 0) / time.Second)
	return fmt.Sprintf("%02d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
}

// humanDuration is the service's text for a duration.
func humanDuration(d time.Duration) string {
	seconds := int64(max(d, 0) / time.Second)
	if seconds < 60 {
		return fmt.Sprintf("%d seconds", seconds)
	}
	return fmt.Sprintf("%d minutes, %d seconds", seconds/60, seconds%60)
}

// orNull is nil (JSON null) for the zero value.
func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// integer reads a JSON number, or anything a test may have put in its place.
func integer(v any) int64 {
	switch v := v.(type) {
	case json.Number:
		n, _ := v.Int64()
		return n
	case int64:
		return v
	case int:
		return int64(v)
	case float64:
		return int64(v)
	}
	return 0
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// plain makes a value of a test look like decoded JSON (exact numbers, no structs), sharing nothing with it.
func plain(v map[string]any) map[string]any {
	out := map[string]any{}
	if decodeJSON(raw(v), &out) != nil || out == nil {
		return map[string]any{}
	}
	return out
}
