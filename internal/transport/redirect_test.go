package transport

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
)

func TestCheckRedirect(t *testing.T) {
	t.Parallel()
	const from = "https://" + host + "/a"
	tests := []struct {
		name, method, from, to string
		hops                   int
		follow                 bool
	}{
		{"same host", "GET", from, "https://" + host + "/b", 1, true},
		{"no method", "", from, "https://" + host + "/b", 1, true},
		{"HEAD", "HEAD", from, "https://" + host + "/b", 1, true},
		{"other host", "GET", from, "https://bucket.test/b", 1, true},
		{"other host, plain", "GET", from, "http://bucket.test/b", 1, false},
		{"same host, plain", "GET", from, "http://" + host + "/b", 1, false},
		{"to loopback, plain", "GET", from, "http://127.0.0.1:9/b", 1, false},
		{"loopback to loopback", "GET", "http://127.0.0.1:8/a", "http://[::1]:9/b", 1, true},
		{"loopback to plain", "GET", "http://localhost:8/a", "http://bucket.test/b", 1, false},
		{"loopback to https", "GET", "http://localhost:8/a", "https://bucket.test/b", 1, true},
		{"other scheme", "GET", from, "file:///etc/passwd", 1, false},
		{"POST", "POST", from, "https://" + host + "/b", 1, false},
		{"DELETE", "DELETE", from, "https://" + host + "/b", 1, false},
		{"PUT", "PUT", from, "https://" + host + "/b", 1, false},
		{"ten hops", "GET", from, "https://" + host + "/b", 10, true},
		{"eleven hops", "GET", from, "https://" + host + "/b", 11, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var via []*http.Request
			for range tt.hops {
				via = append(via, &http.Request{Method: tt.method, URL: mustParse(t, tt.from)})
			}
			// What http.Client makes of a POST that is answered 302.
			req := &http.Request{Method: "GET", URL: mustParse(t, tt.to+"?"+secretQuery)}
			err := CheckRedirect(req, via)
			if follow := err == nil; follow != tt.follow {
				t.Errorf("error %v, want followed: %v", err, tt.follow)
			}
			if err != nil && (!errors.Is(err, ErrRedirect) || strings.Contains(err.Error(), secretQuery)) {
				t.Errorf("error %v, want an ErrRedirect without the query", err)
			}
		})
	}
}

func mustParse(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// twoHosts starts a server that redirects everything to a second one, and returns the first and what the second saw.
func twoHosts(t *testing.T, status int) (home *httptest.Server, foreign func() []http.Header) {
	t.Helper()
	var mu sync.Mutex
	var seen []http.Header
	second := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, r.Header.Clone())
		_, _ = io.WriteString(w, "artifact")
	}))
	t.Cleanup(second.Close)
	home = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Token "+secretToken {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		http.Redirect(w, r, second.URL+"/artifact?signature=x", status)
	}))
	t.Cleanup(home.Close)
	return home, func() []http.Header {
		mu.Lock()
		defer mu.Unlock()
		return seen
	}
}

func TestForeignHostSeesNoAuthorization(t *testing.T) {
	t.Parallel()
	home, foreign := twoHosts(t, http.StatusFound)
	rt := real(t)
	trusted := mustParse(t, home.URL).Host
	rt.Trusted = func(u *url.URL) bool { return u.Host == trusted }
	client := &http.Client{Transport: rt, CheckRedirect: CheckRedirect}
	req, err := http.NewRequestWithContext(t.Context(), "GET", home.URL+"/?q="+secretQuery, nil)
	if err != nil {
		t.Fatal(err)
	}
	// A careless caller's own header: http.Client would copy it, the hosts differ only in their port.
	req.Header.Set("Authorization", "Bearer "+secretToken)
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	closeBody(t, res)
	if err != nil || string(body) != "artifact" {
		t.Errorf("body %q, error %v", body, err)
	}
	for _, h := range foreign() {
		for name, values := range h {
			if text := strings.Join(values, " "); strings.Contains(text, secretToken) || strings.Contains(text, secretQuery) {
				t.Errorf("the foreign host saw %s: %s", name, text)
			}
		}
	}
	if len(foreign()) != 1 {
		t.Errorf("the foreign host saw %d requests, want one", len(foreign()))
	}
}

func TestRedirectOfAPostIsRefused(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			home, foreign := twoHosts(t, status)
			client := &http.Client{Transport: real(t), CheckRedirect: CheckRedirect}
			res, err := client.Do(request(t, home.URL, "POST", nil))
			closeBody(t, res)
			if !errors.Is(err, ErrRedirect) || len(foreign()) != 0 {
				t.Errorf("error %v, %d requests elsewhere; want ErrRedirect and none", err, len(foreign()))
			}
		})
	}
}
