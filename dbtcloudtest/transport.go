package dbtcloudtest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"testing"
	"time"
)

// Transport returns a round tripper that reaches the server without sockets or goroutines, whatever host a request names.
// It honours the request's context, takes the time of [WithLatency] with timers (so that the clock of testing/synctest moves),
// and tells net/http/httptrace that a request was written, unless it never left ([LostRequest]).
func (s *Server) Transport() http.RoundTripper { return transport{s} }

type transport struct{ s *Server }

// RoundTrip serves one request.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	half := t.s.halfLatency()
	if err := pause(r.Context(), half); err != nil {
		return nil, err
	}
	a, err := t.s.exchange(r.Context(), newCall(r, body))
	if a.drop == dropRequest {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused (injected fault)")}
	}
	traceWritten(r)
	if err == nil {
		err = pause(r.Context(), half)
	}
	if err != nil {
		return nil, err
	}
	if a.drop == dropAnswer {
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: io.ErrUnexpectedEOF}
	}
	return a.response(r), nil
}

// readBody reads and closes the request's body.
func readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequestBody))
	if err := errors.Join(err, r.Body.Close()); err != nil {
		return nil, fmt.Errorf("reading the request body: %w", err)
	}
	return body, nil
}

func (s *Server) halfLatency() time.Duration {
	if s.w.cfg.latency == nil {
		return 0
	}
	return inspect(s, func(w *world, _ time.Time) time.Duration { return w.delay(w.cfg.latency) / 2 })
}

func traceWritten(r *http.Request) {
	trace := httptrace.ContextClientTrace(r.Context())
	if trace == nil {
		return
	}
	if trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
	if trace.WroteRequest != nil {
		trace.WroteRequest(httptrace.WroteRequestInfo{})
	}
}

// response is the answer as a client reads it.
func (a answer) response(r *http.Request) *http.Response {
	body, size := a.reader()
	if a.short {
		body = io.MultiReader(io.LimitReader(body, size/2), brokenReader{})
	}
	header := http.Header{}
	if a.header != nil {
		header = a.header.Clone()
	}
	header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	return &http.Response{
		Status: fmt.Sprintf("%d %s", a.status, http.StatusText(a.status)), StatusCode: a.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(&contextReader{r, body}), ContentLength: size, Request: r,
	}
}

// brokenReader is the end of a body whose connection broke.
type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// contextReader fails once the request's context has ended, as a body from a socket does.
type contextReader struct {
	request *http.Request
	body    io.Reader
}

func (r *contextReader) Read(p []byte) (int, error) {
	if err := r.request.Context().Err(); err != nil {
		return 0, err
	}
	return r.body.Read(p)
}

// Start serves s over plain HTTP on loopback until the test ends, and returns its URL.
func (s *Server) Start(tb testing.TB) string {
	tb.Helper()
	server := httptest.NewServer(s)
	tb.Cleanup(server.Close)
	return server.URL
}

// StartTLS serves s over TLS on loopback until the test ends. The result's Client trusts its certificate.
func (s *Server) StartTLS(tb testing.TB) *httptest.Server {
	tb.Helper()
	server := httptest.NewTLSServer(s)
	tb.Cleanup(server.Close)
	return server
}
