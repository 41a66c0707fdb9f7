package feedback_test

import (
	"encoding/base64"
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
		"gitlab": {
			kind: dbtcloud.GitLab, provider: dbtcloud.GitLabCI, repository: "acme/data/analytics",
			variables: map[string]string{"GITLAB_TOKEN": hostToken, "CI_API_V4_URL": "%s/api/v4", "CI_PIPELINE_ID": "998", "CI_COMMIT_SHA": hostSHA},
			answer:    (*fakeHost).gitlab, mark: htmlMark, auth: "Bearer " + hostToken,
		},
		"azure": {
			kind: dbtcloud.AzureRepos, provider: dbtcloud.AzurePipelines, repository: "Data Team/analytics",
			variables: map[string]string{"SYSTEM_ACCESSTOKEN": hostToken, "SYSTEM_COLLECTIONURI": "%s/acme/", "SYSTEM_TEAMPROJECT": "Data Team", "BUILD_REPOSITORY_ID": "b92c8408"},
			answer:    (*fakeHost).azure, mark: func(string) string { return "" }, auth: "Basic " + base64.StdEncoding.EncodeToString([]byte(":"+hostToken)),
		},
		"bitbucket": {
			kind: dbtcloud.OtherHost, provider: dbtcloud.BitbucketPipelines, repository: "acme/analytics",
			variables: map[string]string{"BITBUCKET_ACCESS_TOKEN": hostToken, "DBT_CLOUD_CI_HOST_URL": "%s/2.0"},
			answer:    (*fakeHost).bitbucket, mark: func(key string) string { return "[//]: # (dbtcloud " + key + ")\n\n" }, auth: "Bearer " + hostToken,
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
	shut     bool // its thread is gone
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
	h.HTTPClient = f.server.Client() // whoever closes a test server closes idle connections of the default client
	return h
}

// inProcess opens the host with a client that comes to the fake without a network, so that time can be virtual.
func (f *fakeHost) inProcess(t *testing.T) *feedback.Host {
	h := f.open(t)
	h.HTTPClient = f.client()
	return h
}

func (f *fakeHost) client() *http.Client {
	return &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		return w.Result(), nil
	})}
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

// gitlab answers as docs.gitlab.com says, "Commits API" and "Notes API". That a state cannot be set twice is app/models/commit_status.rb.
func (f *fakeHost) gitlab(r *http.Request, body object) (int, any) {
	const project = "/api/v4/projects/acme%2Fdata%2Fanalytics"
	path := r.URL.EscapedPath()
	user := func(author string) object { return object{"id": len(author), "username": author} }
	show := func(c fakeComment) object {
		return object{"id": c.id, "body": c.text, "author": user(c.author)}
	}
	switch route := r.Method + " " + path; {
	case route == "GET /api/v4/user":
		return http.StatusOK, user("me")
	case route == "GET "+project+"/merge_requests/42":
		return http.StatusOK, object{"iid": 42, "sha": hostSHA, "diff_refs": object{"head_sha": hostSHA}}
	case route == "POST "+project+"/statuses/"+hostSHA:
		for _, s := range f.statuses {
			if s["name"] == body["name"] && s["state"] == "running" && body["state"] == "running" {
				return http.StatusBadRequest, message("Cannot transition status via :run from :running (Reason(s): Status cannot transition via \"run\")")
			}
		}
		f.statuses = append(f.statuses, body)
		return http.StatusCreated, body
	case route == "GET "+project+"/merge_requests/42/notes":
		if r.URL.Query().Get("sort") != "asc" || r.URL.Query().Get("order_by") != "created_at" {
			return http.StatusOK, []object{} // the newest first would be another story
		}
		list := []object{}
		for _, c := range f.page(r, "per_page") {
			list = append(list, show(c))
		}
		return http.StatusOK, list
	case route == "POST "+project+"/merge_requests/42/notes":
		text, _ := body["body"].(string)
		f.write("me", text, "")
		return http.StatusCreated, show(f.comments[len(f.comments)-1])
	case r.Method == "PUT" && strings.HasPrefix(path, project+"/merge_requests/42/notes/") && f.find(path) != nil:
		c := f.find(path)
		c.text, _ = body["body"].(string)
		return http.StatusOK, show(*c)
	}
	return http.StatusNotFound, message("404 Not found")
}

// azure answers as learn.microsoft.com says, "Pull Request Threads", "Pull Request Statuses", "Pull Request Iterations" and "Statuses"; the
// forms of properties are those of MicrosoftDocs/vsts-rest-api-specs, specification/git/7.1/httpExamples.
func (f *fakeHost) azure(r *http.Request, body object) (int, any) {
	const repo = "/acme/Data%20Team/_apis/git/repositories/b92c8408"
	path, version := r.URL.EscapedPath(), r.URL.Query().Get("api-version")
	user := func(author string) object {
		return object{"id": "d6245f20-" + strings.ToUpper(author), "displayName": author}
	}
	show := func(c fakeComment) object {
		properties := object{"CodeReviewThreadType": object{"$type": "System.String", "$value": "VoteUpdate"}}
		if c.property != "" {
			properties["dbtcloud"] = object{"$type": "System.String", "$value": c.property}
		}
		comments := []object{{"id": 1, "parentCommentId": 0, "author": user(c.author), "content": c.text, "isDeleted": c.gone}}
		return object{"id": c.id, "status": "closed", "isDeleted": c.shut, "properties": properties, "comments": comments}
	}
	switch route := r.Method + " " + path; {
	case route == "GET /acme/_apis/connectionData" && !strings.HasSuffix(version, "-preview"):
		return http.StatusBadRequest, message("The -preview flag must be supplied in the api-version for such requests")
	case route == "GET /acme/_apis/connectionData":
		return http.StatusOK, object{"authenticatedUser": object{"id": "d6245f20-me"}}
	case version == "":
		return http.StatusBadRequest, message("No api-version was supplied")
	case route == "GET "+repo+"/pullRequests/42":
		return http.StatusOK, object{"pullRequestId": 42, "lastMergeSourceCommit": object{"commitId": hostSHA}}
	case route == "GET "+repo+"/pullRequests/42/iterations":
		older := object{"id": 1, "sourceRefCommit": object{"commitId": strings.Repeat("1", 40)}}
		return http.StatusOK, object{"count": 2, "value": []object{older, {"id": 2, "sourceRefCommit": object{"commitId": hostSHA}}}}
	case route == "POST "+repo+"/pullRequests/42/statuses", r.Method == "POST" && strings.HasPrefix(path, repo+"/commits/") && strings.HasSuffix(path, "/statuses"):
		body["path"] = strings.TrimPrefix(path, repo)
		f.statuses = append(f.statuses, body)
		return http.StatusOK, body
	case route == "GET "+repo+"/pullRequests/42/threads":
		list := []object{}
		for _, c := range slices.Backward(f.comments) {
			list = append(list, show(c))
		}
		return http.StatusOK, object{"count": len(list), "value": list}
	case route == "POST "+repo+"/pullRequests/42/threads" && body["status"] != "closed":
		return http.StatusBadRequest, message("in this test no policy may wait for the thread")
	case route == "POST "+repo+"/pullRequests/42/threads":
		first := body["comments"].([]any)[0].(object)
		properties, _ := body["properties"].(object)
		property, _ := properties["dbtcloud"].(string)
		text, _ := first["content"].(string)
		f.write("me", text, property)
		return http.StatusOK, show(f.comments[len(f.comments)-1])
	case r.Method == "PATCH" && strings.HasSuffix(path, "/comments/1") && f.find(strings.TrimSuffix(path, "/comments/1")) != nil:
		c := f.find(strings.TrimSuffix(path, "/comments/1"))
		c.text, _ = body["content"].(string)
		return http.StatusOK, object{"id": 1, "content": c.text}
	}
	return http.StatusNotFound, object{"message": "TF401180: The requested pull request was not found.", "typeKey": "GitPullRequestNotFoundException"}
}

// bitbucket answers as developer.atlassian.com says, "Commit statuses" and "Pullrequests". The token of a repository may not ask who it is,
// and only authors edit a comment.
func (f *fakeHost) bitbucket(r *http.Request, body object) (int, any) {
	const repo = "/2.0/repositories/acme/analytics"
	path := r.URL.Path
	problem := func(text string) object { return object{"type": "error", "error": object{"message": text}} }
	show := func(c fakeComment) object {
		return object{"id": c.id, "deleted": c.gone, "user": object{"uuid": "{" + c.author + "}"}, "content": object{"raw": c.text, "markup": "markdown"}}
	}
	switch route := r.Method + " " + path; {
	case route == "GET /2.0/user" && !f.app:
		return http.StatusUnauthorized, problem("Token is invalid, expired, or not supported for this endpoint.")
	case route == "GET /2.0/user":
		return http.StatusForbidden, problem("Your credentials lack one or more required privilege scopes.")
	case route == "GET "+repo+"/pullrequests/42":
		return http.StatusOK, object{"id": 42, "source": object{"commit": object{"hash": hostSHA[:12]}}}
	case route == "GET "+repo+"/commit/"+hostSHA[:12]:
		return http.StatusOK, object{"hash": hostSHA}
	case route == "POST "+repo+"/commit/"+hostSHA+"/statuses/build":
		if key, _ := body["key"].(string); len(key) > 40 || body["url"] == "" {
			return http.StatusBadRequest, problem("key: Ensure this value has at most 40 characters. url: required")
		}
		f.statuses = append(f.statuses, body)
		return http.StatusCreated, body
	case route == "GET "+repo+"/pullrequests/42/comments":
		list := object{"pagelen": 100, "values": []object{}}
		values := []object{}
		for _, c := range f.page(r, "pagelen") {
			values = append(values, show(c))
		}
		list["values"] = values
		page, _ := strconv.Atoi(r.URL.Query().Get("page"))
		if page = max(page, 1); page*100 < len(f.comments) {
			list["next"] = fmt.Sprintf("%s%s?pagelen=100&page=%d", f.server.URL, path, page+1)
		}
		return http.StatusOK, list
	case route == "POST "+repo+"/pullrequests/42/comments":
		content, _ := body["content"].(object)
		text, _ := content["raw"].(string)
		f.write("me", text, "")
		return http.StatusCreated, show(f.comments[len(f.comments)-1])
	case r.Method == "PUT" && strings.HasPrefix(path, repo+"/pullrequests/42/comments/") && f.find(path) != nil:
		c := f.find(path)
		if c.author != "me" {
			return http.StatusForbidden, problem("You do not have permission to edit this comment.")
		}
		content, _ := body["content"].(object)
		c.text, _ = content["raw"].(string)
		return http.StatusOK, show(*c)
	}
	return http.StatusNotFound, problem("Resource not found")
}
