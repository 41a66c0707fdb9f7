package transport

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// saying is a step with a status and a body, of a length that the answer does not tell.
func saying(status int, body string) step {
	return func(req *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, ContentLength: -1, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
	}
}

// TestThrottled: only a short answer that holds an error about too many requests, and no data, is taken for a 429; each
// answer's body arrives as it was.
func TestThrottled(t *testing.T) {
	t.Parallel()
	long := strings.Repeat(" ", maxThrottle)
	tests := []struct {
		name string
		body string
		want int
	}{
		{"rate limit", `{"errors":[{"message":"Rate limit exceeded"}]}`, 429},
		{"too many requests", `{"data":null,"errors":[{"message":"Too Many Requests, slow down","extensions":{"code":"X"}}]}`, 429},
		{"null fields", `{"data":{"environment":null},"errors":[{"message":"x"},{"message":"rate limit"}]}`, 429},
		{"empty data", `{"data":{},"errors":[{"message":"rate limit"}]}`, 429},
		{"as long as it may be", `{"errors":[{"message":"rate limit"}]` + long[:maxThrottle-37] + `}`, 429},
		{"a code", `{"errors":[{"message":"slow down","extensions":{"code":"rate_limited"}}]}`, 429},
		{"another code", `{"errors":[{"message":"slow down","extensions":{"code":"TOO_MANY_REQUESTS","more":[]}}]}`, 429},
		{"a code that is none", `{"errors":[{"message":"rate limit","extensions":{"code":429}}]}`, 429},
		{"extensions that are none", `{"errors":[{"message":"rate limit","extensions":"x"}]}`, 429},
		{"a value that is quoted", `{"errors":[{"message":"Variable \"$tag\" got invalid value \"rate limit\"","extensions":{"code":"BAD_USER_INPUT"}}]}`, 200},
		{"a name that is quoted", `{"errors":[{"message":"Cannot query field \"rate limit\""}]}`, 200},
		{"a text that is quoted", `{"errors":[{"message":"Syntax Error: unexpected \"too many requests\""}]}`, 200},
		{"too long", `{"errors":[{"message":"rate limit"}]` + long + `}`, 200},
		{"partial data", `{"data":{"a":null,"b":{"c":null}},"errors":[{"message":"rate limit"}]}`, 200},
		{"a description", `{"data":{"model":{"description":"the rate limit; too many requests"}}}`, 200},
		{"an extension", `{"errors":[{"message":"no","extensions":{"hint":"rate limit"}}]}`, 200},
		{"another error", `{"errors":[{"message":"No token was provided."}]}`, 200},
		{"no errors", `{"data":null,"errors":[]}`, 200},
		{"data is a list", `{"data":[],"errors":[{"message":"rate limit"}]}`, 200},
		{"a message that is none", `{"errors":[{"message":{"rate limit":1}}]}`, 200},
		{"errors are none", `{"errors":"rate limit"}`, 200},
		{"cut off", `{"errors":[{"message":"rate limit"}]`, 200},
		{"HTML", `<html>rate limit</html>`, 200},
		{"nothing", ``, 200},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			base := newScript(saying(200, test.body))
			res, err := Throttled{base}.RoundTrip(newRequest(t, t.Context(), "POST", "{}", nil))
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			closeBody(t, res)
			if res.StatusCode != test.want || string(body) != test.body || err != nil || base.open[0].closed != 1 {
				t.Errorf("status %d, %d bytes of %d, error %v, closed %d times; want %d", res.StatusCode, len(body), len(test.body), err, base.open[0].closed, test.want)
			}
		})
	}
}

// TestThrottledLeavesAlone: what is no success, what says that it is long, and what fails.
func TestThrottledLeavesAlone(t *testing.T) {
	t.Parallel()
	const body = `{"errors":[{"message":"rate limit"}]}`
	broken := errors.New("cut")
	for name, s := range map[string]step{
		"an error":       fail(broken),
		"another status": saying(400, body),
		"a long answer": func(req *http.Request) (*http.Response, error) {
			res, err := saying(200, body)(req)
			res.ContentLength = 1 << 20
			return res, err
		},
	} {
		base := newScript(s)
		res, err := Throttled{base}.RoundTrip(newRequest(t, t.Context(), "POST", "{}", nil))
		switch {
		case name == "an error":
			if res != nil || !errors.Is(err, broken) {
				t.Errorf("%s: %v and %v", name, res, err)
			}
		case err != nil || res.StatusCode == 429 || len(base.open) > 0 && base.open[0].read > 0:
			t.Errorf("%s: status %d, error %v, want it untouched", name, res.StatusCode, err)
		}
	}
}

type breaking struct{ io.Reader }

func (b breaking) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err != nil {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// TestThrottledPassesABreakOn: an answer that breaks off while it is looked at breaks off for its reader.
func TestThrottledPassesABreakOn(t *testing.T) {
	t.Parallel()
	res, err := Throttled{newScript(func(req *http.Request) (*http.Response, error) {
		res, err := saying(200, "")(req)
		res.Body = io.NopCloser(breaking{strings.NewReader(`{"errors":[{"message":"rate limit"}]}`)})
		return res, err
	})}.RoundTrip(newRequest(t, t.Context(), "POST", "{}", nil))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	closeBody(t, res)
	if res.StatusCode != 200 || len(body) != 37 || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("status %d, %d bytes, error %v; want the break", res.StatusCode, len(body), err)
	}
}

// TestThrottleBeginsThePause: below the engine it is like any 429 that names no time.
func TestThrottleBeginsThePause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		base := newScript(saying(200, `{"errors":[{"message":"rate limit"}]}`), saying(200, `{"data":{}}`))
		rt, call := over(Throttled{base}), &Call{Repeatable: true}
		res, err := rt.RoundTrip(newRequest(t, t.Context(), "POST", "{}", call))
		if err != nil || res.StatusCode != 200 {
			t.Fatalf("answer %v, error %v", res, err)
		}
		closeBody(t, res)
		if diff := cmp.Diff([]time.Duration{0, 5 * time.Minute}, base.times()); diff != "" {
			t.Errorf("sent at (-want +got):\n%s", diff)
		}
	})
}

type idler struct {
	http.RoundTripper
	closed *int
}

func (i idler) CloseIdleConnections() { *i.closed++ }

// TestThrottledClosesIdleConnections: http.Client reaches the transport through it.
func TestThrottledClosesIdleConnections(t *testing.T) {
	t.Parallel()
	closed := 0
	rt := &RoundTripper{Base: Throttled{idler{nil, &closed}}}
	(&http.Client{Transport: rt}).CloseIdleConnections()
	if closed != 1 {
		t.Errorf("closed %d times", closed)
	}
}

type bodiless struct{}

func (bodiless) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200}, nil
}

// TestThrottledWithoutABody: a middleware may leave it out.
func TestThrottledWithoutABody(t *testing.T) {
	t.Parallel()
	res, err := over(Throttled{bodiless{}}).RoundTrip(newRequest(t, t.Context(), "POST", "{}", nil))
	if err != nil {
		t.Fatal(err)
	}
	closeBody(t, res)
}

// FuzzThrottle: no body makes it panic, and with data none is a throttle.
func FuzzThrottle(f *testing.F) {
	for _, seed := range []string{`{"data":{"a":1},"errors":[{"message":"rate limit"}]}`, `{"errors":[{"message":"rate limit"}]}`, `{"errors":{}}`, `[[[`, `{"Errors":null}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if !throttle([]byte(body)) {
			return
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal([]byte(body), &members); err != nil {
			t.Fatalf("%q is a throttle, though %v", body, err)
		}
		members["data"] = json.RawMessage(`{"found":1}`)
		with, err := json.Marshal(members)
		if err != nil || throttle(with) {
			t.Fatalf("%s is a throttle", with)
		}
	})
}
