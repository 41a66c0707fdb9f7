package feedback_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/feedback"
)

var green = feedback.Status{SHA: hostSHA, State: feedback.StateSuccess, Description: "done"}

// answering makes a host answer so many times with a status, and then as it does.
func answering(times, status int, header map[string]string, body string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		if times--; times < 0 {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		for name, value := range header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, body)
		return true
	}
}

func TestMissingPermission(t *testing.T) {
	t.Parallel()
	needs := map[string][2]string{
		"github":    {"statuses: write", "pull-requests: write"},
		"gitlab":    {"GITLAB_TOKEN) with the scope api and the role Developer; a job token may not", "GITLAB_TOKEN"},
		"azure":     {`"Contribute to pull requests"`, "SYSTEM_ACCESSTOKEN: $(System.AccessToken)"},
		"bitbucket": {"Repositories: Write", "Pull requests: Write"},
	}
	for name, need := range needs {
		for _, status := range []int{401, 403, 404} {
			t.Run(fmt.Sprint(name, " ", status), func(t *testing.T) {
				t.Parallel()
				f := newFakeHost(t, name)
				h := f.open(t)
				f.fail = func(w http.ResponseWriter, r *http.Request) bool {
					return r.Method == "POST" && answering(1, status, nil, `{"message":"no"}`)(w, r)
				}
				for i, err := range []error{h.SetStatus(t.Context(), green), h.Comment(t.Context(), f.pullRequest(), "ci", "text")} {
					e, ok := errors.AsType[*feedback.HostError](err)
					if !ok || e.StatusCode != status || e.Message != "no" || !strings.Contains(err.Error(), need[i]) {
						t.Errorf("error: %v, want %d with %s", err, status, need[i])
					}
				}
				if posts := f.asked("POST"); len(posts) != 2 {
					t.Errorf("asked again: %q", posts)
				}
			})
		}
	}
}

func TestMessagesOfHosts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, contentType, body string
		status                  int
		want                    string
	}{
		{"GitHub validates", "application/json; charset=utf-8", `{"message":"Validation Failed","errors":[{"resource":"Status","message":"sha is not there"}]}`, 422,
			`422 Unprocessable Entity: Validation Failed: [{"message":"sha is not there","resource":"Status"}]`},
		{"GitLab explains", "application/json", `{"message":{"target_url":["is blocked: Only allowed schemes are http, https"]}}`, 400, `400 Bad Request: {"target_url":["is blocked: Only allowed schemes are http, https"]}`},
		{"GitLab scope", "application/json", `{"error":"insufficient_scope","error_description":"The request requires higher privileges"}`, 400, `400 Bad Request: insufficient_scope`},
		{"Bitbucket", "application/json", `{"type":"error","error":{"message":"Bad request","fields":{"url":["required"]}}}`, 400, "400 Bad Request: Bad request"},
		{"a page", "text/html; charset=utf-8", "<html><script>alert(1)</script>", 400, "400 Bad Request: an HTML page"},
		{"a page to sign in", "text/html", "<html>Sign In", 203, "203 Non-Authoritative Information: an HTML page: the token is wrong or has expired; it needs the permission statuses: write"},
		{"nothing", "", "", 400, "400 Bad Request"},
		{"cut", "application/json", `{"message":"Val`, 400, "400 Bad Request"},
		{"lines and colours", "application/json", `{"message":"a\r\n::error::b\u001b[31m\u202ec"}`, 400, "400 Bad Request: a ::error::bc"},
		{"long", "application/json", `{"message":"` + strings.Repeat("ä", 5000) + `"}`, 400, "400 Bad Request: " + strings.Repeat("ä", 297) + "..."},
		{"other types", "application/json", `{"message":7,"error":[1]}`, 400, "400 Bad Request: 7"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFakeHost(t, "github")
			f.fail = answering(1, tt.status, map[string]string{"Content-Type": tt.contentType}, tt.body)
			err := f.open(t).SetStatus(t.Context(), green)
			if want := "feedback: set a commit status on GitHub: " + tt.want; err == nil || err.Error() != want {
				t.Errorf("error: %v\nwant:  %s", err, want)
			}
		})
	}
}

func TestWhatIsRepeated(t *testing.T) {
	t.Parallel()
	after := func(value string) map[string]string { return map[string]string{"Retry-After": value} }
	tests := []struct {
		name     string
		fail     func(http.ResponseWriter, *http.Request) bool
		comment  bool // else a status
		posts    int
		ok       bool
		min, max time.Duration // in all
	}{
		{"429 with seconds", answering(1, 429, after("7"), ""), false, 2, true, 7 * time.Second, 7 * time.Second},
		{"429 of a comment", answering(1, 429, after("7"), ""), true, 2, true, 7 * time.Second, 7 * time.Second},
		{"429 with a date", answering(1, 429, after("Sat, 01 Jan 2000 00:00:09 GMT"), ""), false, 2, true, 9 * time.Second, 9 * time.Second},
		{"429 with a fraction", answering(1, 429, after("0.5"), ""), false, 2, true, time.Second / 2, time.Second / 2},
		{"429 without", answering(1, 429, nil, ""), false, 2, true, time.Second, 2 * time.Second},
		{"429 with nonsense", answering(1, 429, after("soon"), ""), false, 2, true, time.Second, 2 * time.Second},
		{"429 for an hour", answering(1, 429, after("3600"), ""), false, 1, false, 0, 0},
		{"429 for ever", answering(1, 429, after("1e300"), ""), false, 1, false, 0, 0},
		{"429 again and again", answering(9, 429, after("1"), ""), false, 3, false, 2 * time.Second, 2 * time.Second},
		{"403 of the secondary limit", answering(1, 403, after("5"), `{"message":"You have exceeded a secondary rate limit"}`), false, 2, true, 5 * time.Second, 5 * time.Second},
		{"502", answering(2, 502, nil, "<html>"), false, 3, true, 3 * time.Second, 5 * time.Second},
		{"502 of a comment may have made it", answering(1, 502, nil, "<html>"), true, 1, false, 0, 0},
		{"501", answering(1, 501, nil, ""), false, 1, false, 0, 0},
		{"409", answering(1, 409, nil, ""), false, 2, true, time.Second, 2 * time.Second},
		{"422", answering(1, 422, nil, ""), false, 1, false, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFakeHost(t, "github")
			f.fail = func(w http.ResponseWriter, r *http.Request) bool { return r.Method == "POST" && tt.fail(w, r) }
			synctest.Test(t, func(t *testing.T) {
				h, start := f.inProcess(t), time.Now()
				send := func() error { return h.SetStatus(t.Context(), green) }
				if tt.comment {
					send = func() error { return h.Comment(t.Context(), f.pullRequest(), "ci", "text") }
				}
				err := send()
				if took := time.Since(start); (err == nil) != tt.ok || took < tt.min || took > tt.max {
					t.Errorf("after %s: %v, want ok %t after %s to %s", took, err, tt.ok, tt.min, tt.max)
				}
				if posts := f.asked("POST"); len(posts) != tt.posts {
					t.Errorf("sent %q, want %d", posts, tt.posts)
				}
			})
		})
	}
}

// A caller that has no time left is not kept waiting.
func TestPausesEndWithTheContext(t *testing.T) {
	t.Parallel()
	f := newFakeHost(t, "github")
	f.fail = answering(1, 429, map[string]string{"Retry-After": "30"}, "")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start, h := time.Now(), f.inProcess(t)
		err := h.SetStatus(ctx, green)
		if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took != 3*time.Second {
			t.Errorf("after %s: %v", took, err)
		}
		if e, ok := errors.AsType[*feedback.HostError](err); !ok || e.StatusCode != 429 {
			t.Errorf("the answer is lost: %v", err)
		}
	})
}

// A host that does not answer is not waited for without end, and asked again unless it may have made something.
func TestNoAnswer(t *testing.T) {
	t.Parallel()
	f := newFakeHost(t, "github")
	synctest.Test(t, func(t *testing.T) {
		h, start, asked := f.open(t), time.Now(), map[string]int{}
		h.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if asked[r.Method]++; r.Method == "GET" {
				w := httptest.NewRecorder()
				f.ServeHTTP(w, r)
				return w.Result(), nil
			}
			<-r.Context().Done()
			return nil, fmt.Errorf("token %s: %w", hostToken, r.Context().Err())
		})}
		for _, err := range []error{h.SetStatus(t.Context(), green), h.Comment(t.Context(), f.pullRequest(), "ci", "text")} {
			if err == nil || strings.Contains(err.Error(), hostToken) {
				t.Errorf("error: %v", err)
			}
		}
		if took := time.Since(start); asked["POST"] != 3+1 || took > 90*time.Second {
			t.Errorf("asked %v in %s", asked, took)
		}
	})
}

// What was never sent can be sent again, also where it makes something.
func TestNoConnection(t *testing.T) {
	t.Parallel()
	f := newFakeHost(t, "github")
	synctest.Test(t, func(t *testing.T) {
		h, failed := f.inProcess(t), false
		host := h.HTTPClient.Transport
		h.HTTPClient.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.Method == "POST" && !failed {
				failed = true
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
			}
			return host.RoundTrip(r)
		})
		if err := h.Comment(t.Context(), f.pullRequest(), "ci", "text"); err != nil || !failed || len(f.comments) != 1 {
			t.Errorf("failed %t, %v, %q", failed, err, f.texts())
		}
	})
}

// Nothing comes to listen on this machine within seconds, so that a pipeline without a proxy does not end late. Another one may.
func TestRefusedConnections(t *testing.T) {
	t.Parallel()
	refused := func(address string) error {
		return &net.OpError{Op: "proxyconnect", Net: "tcp", Err: &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.ParseIP(address), Port: 29418}, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}}
	}
	for address, want := range map[string]int{"127.0.0.1": 1, "::1": 1, "192.0.2.1": 3} {
		synctest.Test(t, func(t *testing.T) {
			asked := 0
			client := &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) { asked++; return nil, refused(address) })}
			p := feedback.Places{Getenv: env(map[string]string{"BITBUCKET_REPO_FULL_NAME": "shop/analytics"}), HTTPClient: client}
			err := p.Publish(t.Context(), dbtcloud.BitbucketPipelines, sha, red())
			if asked != want || err == nil || !strings.Contains(err.Error(), "connection refused") {
				t.Errorf("%s was asked %d times, want %d: %v", address, asked, want, err)
			}
		})
	}
}

func TestHeadIsAsGitWritesIt(t *testing.T) {
	t.Parallel()
	f := newFakeHost(t, "github")
	f.fail = answering(1, 200, nil, `{"head":{"sha":"`+strings.ToUpper(hostSHA)+`"}}`)
	if got, err := f.open(t).Head(t.Context(), f.pullRequest()); err != nil || got != hostSHA {
		t.Errorf("Head = %q, %v", got, err)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	f := newFakeHost(t, "github")
	f.fail = answering(1, 200, nil, `{"head":{"sha":"`+hostSHA+`"},"more":"`+strings.Repeat("x", 16<<20)+`"}`)
	if _, err := f.open(t).Head(t.Context(), f.pullRequest()); err == nil || !strings.Contains(err.Error(), "more than 16 MB") {
		t.Errorf("error: %v", err)
	}
}

func TestTokenStaysOnTheHost(t *testing.T) {
	t.Parallel()
	eachHost(t, func(t *testing.T, f *fakeHost) {
		var elsewhere []string
		other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { elsewhere = append(elsewhere, r.URL.Path) }))
		defer other.Close()
		h := f.open(t)
		h.HTTPClient = &http.Client{Transport: h.HTTPClient.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}
		for _, status := range []int{301, 302, 303, 307, 308} {
			f.fail = answering(9, status, map[string]string{"Location": other.URL + "/steal?token"}, "")
			if err := h.SetStatus(t.Context(), green); err == nil || !strings.Contains(err.Error(), "another host") {
				t.Errorf("%d of a POST: %v", status, err)
			}
			if _, err := h.Head(t.Context(), f.pullRequest()); err == nil || !strings.Contains(err.Error(), "another host") {
				t.Errorf("%d of a GET: %v", status, err)
			}
		}
		if len(elsewhere) > 0 {
			t.Errorf("another host was asked for %q", elsewhere)
		}
	})
}

func TestRedirectsOnTheHost(t *testing.T) {
	t.Parallel()
	f := newFakeHost(t, "github")
	h := f.open(t)
	f.fail = answering(1, 301, map[string]string{"Location": "/api/v3/repos/acme/analytics/pulls/42"}, "")
	if got, err := h.Head(t.Context(), f.pullRequest()); err != nil || got != hostSHA {
		t.Errorf("Head = %q, %v", got, err)
	}
	f.fail = answering(1, 307, map[string]string{"Location": "/api/v3/repos/acme/analytics/statuses/" + hostSHA}, "")
	if err := h.SetStatus(t.Context(), green); err != nil || len(f.statuses) != 1 {
		t.Errorf("307 of a POST: %v, statuses %v", err, f.statuses)
	}
	f.fail = answering(1, 301, map[string]string{"Location": "/api/v3/repositories/7/statuses/" + hostSHA}, "")
	if err := h.SetStatus(t.Context(), green); err == nil || !strings.Contains(err.Error(), "renamed") {
		t.Errorf("301 of a POST: %v", err)
	}
	f.fail = answering(99, 302, map[string]string{"Location": "/api/v3/user"}, "")
	if _, err := h.Head(t.Context(), f.pullRequest()); err == nil || !strings.Contains(err.Error(), "again and again") {
		t.Errorf("a circle: %v", err)
	}
	for _, auth := range f.auth {
		if auth != f.host.auth {
			t.Errorf("Authorization: %q", auth)
		}
	}
}

func TestNextPageIsOnTheHost(t *testing.T) {
	t.Parallel()
	for _, next := range []string{"https://evil.example/2.0/comments", "http://evil.example/2.0/comments", "ftp://x", "://", "http://user@%s/2.0"} {
		f := newFakeHost(t, "bitbucket")
		address := strings.Replace(next, "%s", strings.TrimPrefix(f.server.URL, "http://"), 1)
		f.fail = func(w http.ResponseWriter, r *http.Request) bool {
			return strings.HasSuffix(r.URL.Path, "/comments") && answering(1, 200, nil, fmt.Sprintf(`{"values":[],"next":%q}`, address))(w, r)
		}
		err := f.open(t).Comment(t.Context(), f.pullRequest(), "ci", "text")
		if err == nil || !strings.Contains(err.Error(), "next page that is not on it") || len(f.asked("POST")) > 0 {
			t.Errorf("%s: %v", next, err)
		}
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	eachHost(t, func(t *testing.T, f *fakeHost) {
		h := f.open(t)
		for _, body := range []string{"", "<html>", "[", `"text"`, "7"} {
			f.fail = answering(9, 200, nil, body)
			if _, err := h.Head(t.Context(), f.pullRequest()); err == nil {
				t.Errorf("%q is taken for a head", body)
			}
			if err := h.Comment(t.Context(), f.pullRequest(), "ci", "text"); err == nil || !strings.Contains(err.Error(), "not what the host documents") {
				t.Errorf("%q: %v", body, err)
			}
		}
		for _, body := range []string{"{}", "null", `{"head":{"sha":"8f2c"},"sha":"8f2c","lastMergeSourceCommit":{"commitId":"8f2c"},"source":{"commit":{"hash":"../x"}}}`} {
			f.fail = answering(9, 200, nil, body)
			if got, err := h.Head(t.Context(), f.pullRequest()); err == nil {
				t.Errorf("%s: head %q", body, got)
			}
		}
		if diff := cmp.Diff([]string(nil), f.asked("POST")); diff != "" {
			t.Errorf("wrote all the same:\n%s", diff)
		}
	})
}
