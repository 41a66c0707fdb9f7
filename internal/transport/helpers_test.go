package transport

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const (
	secretToken = "dbtu_s3cr3t"
	secretQuery = "q_s3cr3t"
	secretBody  = `{"cause":"b_s3cr3t"}`
	host        = "acme.us1.dbt.com"
)

// step is one answer of a script.
type step func(*http.Request) (*http.Response, error)

// sending is what a script saw of one attempt.
type sending struct {
	at     time.Duration // since the script began
	header http.Header
	body   string
	ctx    context.Context
}

// script is a base transport that reads each request's body and answers with its steps in turn, the last one for ever.
type script struct {
	mu    sync.Mutex
	start time.Time
	steps []step
	sent  []sending
	open  []*countedBody
}

func newScript(steps ...step) *script { return &script{start: time.Now(), steps: steps} }

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
		_ = req.Body.Close()
	}
	s.mu.Lock()
	next := s.steps[min(len(s.sent), len(s.steps)-1)]
	s.sent = append(s.sent, sending{time.Since(s.start), req.Header.Clone(), string(body), req.Context()})
	s.mu.Unlock()
	res, err := next(req)
	if res != nil {
		counted := &countedBody{ReadCloser: res.Body}
		res.Body = counted
		s.mu.Lock()
		s.open = append(s.open, counted)
		s.mu.Unlock()
	}
	return res, err
}

// times lists when the attempts were sent.
func (s *script) times() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	var at []time.Duration
	for _, one := range s.sent {
		at = append(at, one.at)
	}
	return at
}

// countedBody counts what is done to a body.
type countedBody struct {
	io.ReadCloser
	read, closed int
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read += n
	return n, err
}

func (b *countedBody) Close() error {
	b.closed++
	return b.ReadCloser.Close()
}

// answer is a step with the status, headers given as name, value, name, value.
func answer(status int, headers ...string) step {
	return func(req *http.Request) (*http.Response, error) {
		h := http.Header{}
		for i := 0; i < len(headers); i += 2 {
			h.Set(headers[i], headers[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader("{}")), Request: req}, nil
	}
}

func fail(err error) step {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

// hang waits for the end of the attempt.
func hang(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

// hangConnecting waits as hang does, and says how far it came as http.Transport does.
func hangConnecting(req *http.Request) (*http.Response, error) {
	httptrace.ContextClientTrace(req.Context()).GetConn(host)
	return hang(req)
}

// hangWriting is cut off between the connection and the end of the headers.
func hangWriting(req *http.Request) (*http.Response, error) {
	httptrace.ContextClientTrace(req.Context()).GotConn(httptrace.GotConnInfo{})
	return hangConnecting(req)
}

func errDial() error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: io.ErrClosedPipe}
}

// over returns a RoundTripper that sends by base and trusts the host of the tests.
func over(base http.RoundTripper) *RoundTripper {
	return &RoundTripper{
		Base:      base,
		Token:     func(context.Context) (string, error) { return secretToken, nil },
		UserAgent: "dbtcloud-go/test",
		Trusted:   trustedHost,
	}
}

func newRequest(t testing.TB, ctx context.Context, method, body string, call *Call) *http.Request {
	t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	if call != nil {
		ctx = WithCall(ctx, call)
	}
	req, err := http.NewRequestWithContext(ctx, method, "https://"+host+"/api/v2/accounts/1/runs/?cause="+secretQuery, r)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// inBubble runs one parallel subtest in virtual time.
func inBubble(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, f)
	})
}

func closeBody(t testing.TB, res *http.Response) {
	t.Helper()
	if res == nil {
		return
	}
	if err := res.Body.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// errorOf sends a request that must fail and returns its error.
func errorOf(t testing.TB, rt http.RoundTripper, req *http.Request) error {
	t.Helper()
	res, err := rt.RoundTrip(req)
	if res != nil {
		closeBody(t, res)
		t.Errorf("answer %d, want an error", res.StatusCode)
	}
	return err
}
