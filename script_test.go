package dbtcloud_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slimci/dbtcloud"
)

const (
	account = int64(7)
	secret  = "dbtc_s3cr3t/with+signs="
)

// script is a RoundTripper that answers from a function and remembers what it was sent.
type script struct {
	answer func(n int, req *http.Request) (*http.Response, error)

	mu   sync.Mutex
	sent []sent
}

// sent is one request as it left.
type sent struct {
	At     time.Time
	URL    string // with its query
	Line   string // method and URL without the host
	Header http.Header
	Body   string
}

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		_ = req.Body.Close()
		req.Body = io.NopCloser(bytes.NewReader(body)) // for answer
	}
	s.mu.Lock()
	s.sent = append(s.sent, sent{time.Now(), req.URL.String(), req.Method + " " + req.URL.RequestURI(), req.Header.Clone(), string(body)})
	n := len(s.sent)
	s.mu.Unlock()
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	return s.answer(n, req)
}

func (s *script) requests() []sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]sent(nil), s.sent...)
}

// lines are the methods and paths that were sent.
func (s *script) lines() []string {
	var lines []string
	for _, r := range s.requests() {
		lines = append(lines, r.Line)
	}
	return lines
}

// failer is a *testing.T or a *rapid.T.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// scripted returns a client whose requests are answered by answer; n counts from 1.
func scripted(t failer, answer func(n int, req *http.Request) (*http.Response, error), opts ...dbtcloud.Option) (*dbtcloud.Client, *script) {
	t.Helper()
	s := &script{answer: answer}
	c, err := dbtcloud.New(append([]dbtcloud.Option{
		dbtcloud.WithHost("ab123.us1.dbt.com"), dbtcloud.WithAccount(account), dbtcloud.WithToken(secret),
		dbtcloud.WithHTTPClient(&http.Client{Transport: s}),
	}, opts...)...)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return c, s
}

// always gives the same answer to every request.
func always(status int, contentType, body string) func(int, *http.Request) (*http.Response, error) {
	return func(int, *http.Request) (*http.Response, error) { return response(status, contentType, body), nil }
}

func response(status int, contentType, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {contentType}}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

// envelope puts data into the envelope of a success.
func envelope(data string) string {
	return `{"status":{"code":200,"is_success":true,"user_message":"Success!","developer_message":""},"data":` + data + `}`
}

// refusal is the envelope of an error.
func refusal(message, data string) string {
	return `{"status":{"code":400,"is_success":false,"user_message":` + quote(message) + `,"developer_message":null},"data":` + data + `}`
}

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// fixture is an answer that was recorded, nulls and all.
func fixture(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, b); err != nil {
		t.Fatal(err)
	}
	return compact.String()
}

// collect ranges over a list once.
func collect[T any](seq func(func(*T, error) bool)) (any, error) {
	items, err := dbtcloud.Collect(seq)
	return items, err
}

var noRetry = dbtcloud.WithRetry(dbtcloud.Retry{Attempts: 1})

func deadline(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), d)
}
