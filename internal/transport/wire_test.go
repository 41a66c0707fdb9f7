package transport

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// hangUp is a loopback server that reads one request per connection and closes the connection without an answer.
type hangUp struct {
	listener net.Listener
	mu       sync.Mutex
	bodies   []string
	done     sync.WaitGroup
}

func newHangUp(t *testing.T) *hangUp {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &hangUp{listener: listener}
	s.done.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.serve(conn)
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		s.done.Wait()
	})
	return s
}

func (s *hangUp) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	req, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return
	}
	body, _ := io.ReadAll(req.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bodies = append(s.bodies, string(body))
}

// real returns a RoundTripper over a transport of its own, with waits too short to notice.
func real(t *testing.T) *RoundTripper {
	t.Helper()
	base := &http.Transport{}
	t.Cleanup(base.CloseIdleConnections)
	rt := over(base)
	rt.Trusted = func(*url.URL) bool { return true }
	rt.Policy = Policy{Attempts: 3, MinDelay: 1, MaxDelay: 1}
	return rt
}

func request(t *testing.T, target, method string, call *Call) *http.Request {
	t.Helper()
	req := newRequest(t, t.Context(), method, secretBody, call)
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	req.URL, req.Host = u, u.Host
	return req
}

func TestServerThatHangsUpAfterReading(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		repeat bool
		want   []string
	}{
		{"POST", false, []string{secretBody}},
		{"cancel", true, []string{secretBody, secretBody, secretBody}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server, call := newHangUp(t), &Call{Repeatable: tt.repeat}
			res, err := real(t).RoundTrip(request(t, "http://"+server.listener.Addr().String()+"/", "POST", call))
			closeBody(t, res)
			if err == nil || !call.Sent {
				t.Errorf("error %v, Call.Sent %v; want an error of a request that was sent", err, call.Sent)
			}
			server.mu.Lock()
			defer server.mu.Unlock()
			if diff := cmp.Diff(tt.want, server.bodies); diff != "" {
				t.Errorf("delivered (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRefusedConnection(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	call := new(Call)
	err = errorOf(t, real(t), request(t, "http://"+address+"/", "POST", call))
	if err == nil || call.Attempts != 3 || call.Sent {
		t.Errorf("error %v, call %+v; want three attempts, none sent", err, call)
	}
}

func TestUnknownAuthorityIsNotRepeated(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	t.Cleanup(server.Close)
	call := new(Call)
	err := errorOf(t, real(t), request(t, server.URL, "POST", call))
	if err == nil || call.Attempts != 1 || call.Sent {
		t.Errorf("error %v, call %+v; want one attempt that was not sent", err, call)
	}
}

func TestUnsupportedProtocolIsNotRepeated(t *testing.T) {
	t.Parallel()
	call := new(Call)
	err := errorOf(t, real(t), request(t, "gopher://127.0.0.1/", "GET", call))
	if err == nil || call.Attempts != 1 {
		t.Errorf("error %v, call %+v; want one attempt", err, call)
	}
}

// pipes is a network in memory, for net/http in virtual time.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	dials  atomic.Int32
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	p.dials.Add(1)
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// A bubble ends only when its goroutines have: this also shows that none is left behind.
func TestRealTransportInVirtualTime(t *testing.T) {
	t.Parallel()
	never := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice that the client left
		<-r.Context().Done()
	}
	halfway := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "{")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	tests := []struct {
		name     string
		method   string
		handler  http.HandlerFunc
		stream   bool
		attempts int
		inBody   bool
	}{
		{"GET no answer", "GET", never, false, 2, false},
		{"POST no answer", "POST", never, false, 1, false},
		{"GET half an answer", "GET", halfway, false, 1, true},
		{"GET half a stream", "GET", halfway, true, 1, true},
	}
	for _, tt := range tests {
		inBubble(t, tt.name, func(t *testing.T) {
			wires := newPipes()
			server := &http.Server{Handler: tt.handler}
			go func() { _ = server.Serve(wires) }()
			defer func() { _ = server.Close() }()
			rt := real(t)
			rt.Base = &http.Transport{DialContext: wires.DialContext}
			defer rt.CloseIdleConnections()
			rt.Policy = Policy{Attempts: 2, AttemptTimeout: 10 * time.Second}
			call := &Call{Stream: tt.stream}
			res, err := rt.RoundTrip(request(t, "http://"+host, tt.method, call))
			if tt.inBody {
				if err != nil {
					t.Fatal(err)
				}
				_, err = io.ReadAll(res.Body)
				closeBody(t, res)
			}
			checkTimeout(t, err)
			if call.Attempts != tt.attempts || !call.Sent {
				t.Errorf("call %+v, want %d attempts and sent", call, tt.attempts)
			}
		})
	}
}

func TestPostBeforeTheConnectionStandsIsRepeated(t *testing.T) {
	t.Parallel()
	dialHangs := func(context.Context, string, string) (net.Conn, error) {
		time.Sleep(time.Minute)
		return nil, errDial()
	}
	dialBreaks := func(context.Context, string, string) (net.Conn, error) { return nil, io.ErrUnexpectedEOF }
	for name, dial := range map[string]func(context.Context, string, string) (net.Conn, error){"hangs": dialHangs, "breaks": dialBreaks} {
		inBubble(t, name, func(t *testing.T) {
			rt := real(t)
			rt.Base = &http.Transport{DialContext: dial}
			rt.Policy = Policy{Attempts: 3, AttemptTimeout: 10 * time.Second}
			call := new(Call)
			err := errorOf(t, rt, request(t, "http://"+host, "POST", call))
			if err == nil || call.Attempts != 3 || call.Sent {
				t.Errorf("error %v, call %+v; want three attempts, none sent", err, call)
			}
			time.Sleep(2 * time.Minute) // net/http lets a dial go on that nobody waits for
		})
	}
}

func TestProofThatNothingWasSent(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name                    string
		asked, connected, wrote bool
		err                     error
		cut                     bool
		want                    bool
	}{
		{"no trace", false, false, false, io.EOF, false, true},
		{"no trace, refused", false, false, false, errDial(), false, false},
		{"no connection", true, false, false, io.EOF, false, false},
		{"no connection in time", true, false, false, io.EOF, true, false},
		{"connection broke before the headers", true, true, false, io.EOF, false, false},
		{"cut while writing", true, true, false, io.EOF, true, true},
		{"written", true, true, true, io.EOF, false, true},
		{"written, then a dial of a middleware failed", true, true, true, errDial(), false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var w wire
			hooks := w.trace()
			if tt.asked {
				hooks.GetConn("")
			}
			if tt.connected {
				hooks.GotConn(httptrace.GotConnInfo{})
			}
			if tt.wrote {
				hooks.WroteHeaders()
			}
			if got := w.maybeSent(tt.err, tt.cut); got != tt.want {
				t.Errorf("maybe sent: %v, want %v", got, tt.want)
			}
		})
	}
}

// A request that is cut off while it is being written proves nothing, although no hook has fired.
func TestPostCutOffWhileItIsWritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe() // nobody reads: the write of the headers blocks
		defer func() { _ = server.Close() }()
		rt := real(t)
		rt.Base = &http.Transport{
			DialContext:     func(context.Context, string, string) (net.Conn, error) { return client, nil },
			WriteBufferSize: 16,
		}
		rt.Policy = Policy{Attempts: 3, AttemptTimeout: 10 * time.Second}
		call := new(Call)
		err := errorOf(t, rt, request(t, "http://"+host, "POST", call))
		checkTimeout(t, err)
		if call.Attempts != 1 || !call.Sent {
			t.Errorf("call %+v, want one attempt, counted as sent", call)
		}
	})
}

func TestConnectionIsReusedAfterARetry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		wires, n := newPipes(), 0
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if n++; n < 4 {
				w.WriteHeader(503)
			}
			_, _ = io.WriteString(w, "an answer that has to be drained")
		})}
		go func() { _ = server.Serve(wires) }()
		defer func() { _ = server.Close() }()
		rt := real(t)
		rt.Base = &http.Transport{DialContext: wires.DialContext}
		defer rt.CloseIdleConnections()
		rt.Policy = Policy{}
		res, err := rt.RoundTrip(request(t, "http://"+host, "GET", nil))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		closeBody(t, res)
		if err != nil || len(body) == 0 || wires.dials.Load() != 1 {
			t.Errorf("body %q, error %v, %d connections; want one connection for four attempts", body, err, wires.dials.Load())
		}
	})
}

func TestCallFrom(t *testing.T) {
	t.Parallel()
	if got := CallFrom(t.Context()); got != nil {
		t.Errorf("CallFrom of a bare context = %v", got)
	}
	c := new(Call)
	if got := CallFrom(WithCall(t.Context(), c)); got != c {
		t.Errorf("CallFrom = %p, want %p", got, c)
	}
	if err := error(new(PausedError)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("PausedError unwraps to %v", err)
	}
}
