package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// logOf runs one request through a script and returns the log lines, the error, and the call.
func logOf(t *testing.T, ctx context.Context, steps ...step) (string, error) {
	t.Helper()
	var log bytes.Buffer
	rt := over(newScript(steps...))
	rt.Logger = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	req := newRequest(t, ctx, "PUT", secretBody, &Call{Operation: "PUT /api/v2/accounts/{account}/runs/"})
	req.Header.Set("X-Own", "h_s3cr3t")
	res, err := rt.RoundTrip(req)
	closeBody(t, res)
	if res != nil && strings.Contains(fmt.Sprintf("%+v", res.Request.Header), secretToken) {
		t.Error("the answer carries the token in its request")
	}
	return log.String(), err
}

func TestLogLines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, err := logOf(t, t.Context(), answer(503, "Retry-After", "3"), fail(&net.OpError{Op: "read", Err: io.ErrClosedPipe}), answer(429), answer(200))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for line := range strings.Lines(log) {
			var f struct {
				Level, Msg, Operation, Method, Host, Path, Reason string
				Attempt, Status                                   int
				Duration                                          *int64
				Wait                                              time.Duration
			}
			if err := json.Unmarshal([]byte(line), &f); err != nil {
				t.Fatal(err)
			}
			if f.Operation != "PUT /api/v2/accounts/{account}/runs/" || f.Method != "PUT" || f.Host != host || f.Path != "/api/v2/accounts/1/runs/" {
				t.Errorf("line does not say which request: %s", line)
			}
			if strings.HasPrefix(f.Reason, "connection") {
				f.Wait = 0 // a backoff is random
			}
			got = append(got, fmt.Sprintf("%s %s: %d %d %v %q %v", f.Level, f.Msg, f.Attempt, f.Status, f.Duration != nil, f.Reason, f.Wait))
		}
		want := []string{
			`DEBUG dbt Cloud request: 1 503 true "" 0s`,
			`WARN dbt Cloud request is repeated: 1 0 false "status 503" 3s`,
			`DEBUG dbt Cloud request: 2 0 true "" 0s`,
			`WARN dbt Cloud request is repeated: 2 0 false "connection failed" 0s`,
			`DEBUG dbt Cloud request: 3 429 true "" 0s`,
			`WARN dbt Cloud asked for a pause: all requests to this API wait: 0 0 false "" 5m0s`,
			`WARN dbt Cloud request is repeated: 3 0 false "status 429" 5m0s`,
			`DEBUG dbt Cloud request: 4 200 true "" 0s`,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
	})
}

func TestSecretsAreInNoLogAndNoError(t *testing.T) {
	t.Parallel()
	// What a middleware with a client of its own returns: its text has the whole URL.
	ofClient := func(req *http.Request) (*http.Response, error) {
		return nil, &url.Error{Op: "Put", URL: req.URL.String(), Err: errDial()}
	}
	wrapped := func(req *http.Request) (*http.Response, error) {
		_, err := ofClient(req)
		return nil, fmt.Errorf("middleware: %w", &url.Error{Op: "Put", URL: req.URL.String(), Err: err})
	}
	tests := []struct {
		name  string
		steps []step
	}{
		{"success", []step{answer(200)}},
		{"retries", []step{answer(503), answer(200)}},
		{"transport errors", []step{fail(errDial())}},
		{"errors with the URL", []step{ofClient}},
		{"wrapped errors with the URL", []step{wrapped}},
		{"attempt timeouts", []step{hang}},
		{"no time left", []step{answer(503), ofClient, answer(429)}},
		{"cancelled in a wait", []step{answer(503, "Retry-After", "3000")}},
	}
	for _, tt := range tests {
		inBubble(t, tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
			defer cancel()
			time.AfterFunc(30*time.Minute, cancel)
			log, err := logOf(t, ctx, tt.steps...)
			if log == "" {
				t.Error("nothing was logged")
			}
			text := log + fmt.Sprintf("%v %+v %#v", err, err, err)
			if strings.Contains(text, "s3cr3t") {
				t.Errorf("a secret in: %s", text)
			}
		})
	}
}
