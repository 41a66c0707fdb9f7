package feedback_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/feedback"
)

const (
	hostToken = "t0ken-that-nobody-sees"
	hostSHA   = "8f2c4e6a0b1d3f5a7c9e8d6b4a2f0e1c3d5b7a90"
)

// gitHost is one of the hosts under test.
type gitHost struct {
	kind       dbtcloud.GitHost
	provider   dbtcloud.CIProvider
	repository string
	variables  map[string]string // %s stands for the address of the fake
	answer     func(f *fakeHost, r *http.Request, body map[string]any) (status int, answer any)
	mark       func(key string) string // what a comment begins with
	auth       string
}

func gitHosts() map[string]gitHost {
	return map[string]gitHost{
		"github": {
			kind: dbtcloud.GitHub, provider: dbtcloud.GitHubActions, repository: "acme/analytics",
			variables: map[string]string{"GITHUB_TOKEN": hostToken, "GITHUB_API_URL": "%s/api/v3"},
			answer:    (*fakeHost).github, mark: htmlMark, auth: "Bearer " + hostToken,
		},
	}
}

func htmlMark(key string) string { return "<!-- dbtcloud " + key + " -->\n" }

// fakeHost keeps comments and statuses as a git host does, and remembers what it was asked.
type fakeHost struct {
	host   gitHost
	server *httptest.Server

	mu       sync.Mutex
	comments []fakeComment
	statuses []map[string]any
	requests []string // method and path with its query
	auth     []string
	app      bool                                                     // the token may not ask who it is
	fail     func(w http.ResponseWriter, r *http.Request) (done bool) // answers in place of the host
}

type fakeComment struct {
	id       int
	author   string // me, somebody, or a bot
	text     string
	property string // of Azure Repos
	gone     bool
}

func newFakeHost(t *testing.T, name string) *fakeHost {
	t.Helper()
	f := &fakeHost{host: gitHosts()[name]}
	f.server = httptest.NewServer(f)
	t.Cleanup(f.server.Close)
	return f
}

// eachHost runs a test with a fake of each host.
func eachHost(t *testing.T, test func(t *testing.T, f *fakeHost)) {
	t.Helper()
	for name := range gitHosts() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newFakeHost(t, name))
		})
	}
}

func (f *fakeHost) pullRequest() dbtcloud.PullRequest {
	return dbtcloud.PullRequest{Host: f.host.kind, Number: 42}
}

func (f *fakeHost) variables() map[string]string {
	pairs := map[string]string{}
	for name, value := range f.host.variables {
		pairs[name] = strings.Replace(value, "%s", f.server.URL, 1)
	}
	return pairs
}

func (f *fakeHost) event() *dbtcloud.Event {
	return &dbtcloud.Event{
		Change:   dbtcloud.Change{PullRequest: f.pullRequest(), SHA: hostSHA, Branch: "feature/orders"},
		Provider: f.host.provider, Kind: dbtcloud.EventPullRequest, Repository: f.host.repository, PipelineURL: "https://ci.example.com/7",
	}
}

func (f *fakeHost) open(t *testing.T) *feedback.Host {
	t.Helper()
	pairs := f.variables()
	h, err := feedback.HostFromEnv(func(name string) string { return pairs[name] }, f.event())
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// write adds a comment as somebody did before.
func (f *fakeHost) write(author, text, property string) {
	f.comments = append(f.comments, fakeComment{id: 1000 + len(f.comments), author: author, text: text, property: property})
}

func (f *fakeHost) texts() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var texts []string
	for _, c := range f.comments {
		texts = append(texts, c.author+": "+c.text)
	}
	return texts
}

// asked are the requests that begin with a method.
func (f *fakeHost) asked(method string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for _, r := range f.requests {
		if strings.HasPrefix(r, method+" ") {
			out = append(out, r)
		}
	}
	return out
}

func (f *fakeHost) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, r.Method+" "+r.URL.RequestURI())
	f.auth = append(f.auth, r.Header.Get("Authorization"))
	if f.fail != nil && f.fail(w, r) {
		return
	}
	var body map[string]any
	raw, _ := io.ReadAll(r.Body)
	if len(raw) > 0 && json.Unmarshal(raw, &body) != nil {
		http.Error(w, `{"message":"Problems parsing JSON"}`, http.StatusBadRequest)
		return
	}
	status, answer := f.host.answer(f, r, body)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}

// page is the part of the comments that a request asks for.
func (f *fakeHost) page(r *http.Request, size string) []fakeComment {
	n, _ := strconv.Atoi(r.URL.Query().Get(size))
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	n, page = max(n, 1), max(page, 1)
	return f.comments[min((page-1)*n, len(f.comments)):min(page*n, len(f.comments))]
}

// find is the comment that a path ends in; nil if there is none.
func (f *fakeHost) find(path string) *fakeComment {
	id, _ := strconv.Atoi(path[strings.LastIndexByte(path, '/')+1:])
	if i := slices.IndexFunc(f.comments, func(c fakeComment) bool { return c.id == id }); i >= 0 {
		return &f.comments[i]
	}
	return nil
}

type object = map[string]any

func message(text string) object { return object{"message": text} }

// github answers as docs.github.com says, "REST API endpoints for commit statuses", "... for issue comments", "... for pull requests", and
// "... for users", which refuses the token of an app.
func (f *fakeHost) github(r *http.Request, body object) (int, any) {
	const repo = "/api/v3/repos/acme/analytics"
	path := r.URL.Path
	user := func(author string) object {
		switch author {
		case "me":
			return object{"id": 1, "login": "me", "type": map[bool]string{true: "Bot", false: "User"}[f.app]}
		case "bot":
			return object{"id": 3, "login": "dependabot[bot]", "type": "Bot"}
		}
		return object{"id": 2, "login": "somebody", "type": "User"}
	}
	show := func(c fakeComment) object { return object{"id": c.id, "body": c.text, "user": user(c.author)} }
	switch route := r.Method + " " + path; {
	case route == "GET /api/v3/user" && f.app:
		return http.StatusForbidden, message("Resource not accessible by integration")
	case route == "GET /api/v3/user":
		return http.StatusOK, user("me")
	case route == "GET "+repo+"/pulls/42":
		return http.StatusOK, object{"number": 42, "head": object{"ref": "feature/orders", "sha": hostSHA}}
	case route == "POST "+repo+"/statuses/"+hostSHA:
		if text, _ := body["description"].(string); len([]rune(text)) > 140 {
			return http.StatusUnprocessableEntity, object{"message": "Validation Failed", "errors": []string{"description is too long (maximum is 140 characters)"}}
		}
		f.statuses = append(f.statuses, body)
		return http.StatusCreated, body
	case route == "GET "+repo+"/issues/42/comments":
		list := []object{}
		for _, c := range f.page(r, "per_page") {
			list = append(list, show(c))
		}
		return http.StatusOK, list
	case route == "POST "+repo+"/issues/42/comments":
		text, _ := body["body"].(string)
		if len([]rune(text)) > 65536 {
			return http.StatusUnprocessableEntity, object{"message": "Validation Failed", "errors": []object{{"code": "unprocessable", "message": "Body is too long (maximum is 65536 characters)"}}}
		}
		f.write("me", text, "")
		return http.StatusCreated, show(f.comments[len(f.comments)-1])
	case r.Method == "PATCH" && strings.HasPrefix(path, repo+"/issues/comments/") && f.find(path) != nil:
		c := f.find(path)
		c.text, _ = body["body"].(string)
		return http.StatusOK, show(*c)
	}
	return http.StatusNotFound, object{"message": "Not Found", "documentation_url": fmt.Sprint("https://docs.github.com/rest?", path)}
}
