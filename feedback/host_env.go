package feedback

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/slimci/dbtcloud"
)

// HostFromEnv finds the API of the event's git host and the token for it in the variables of the pipeline, read through getenv, such as
// os.Getenv, which is also the default. [ErrNoHost] says what is missing, [dbtcloud.ErrInvalid] what cannot be right.
//
// The token is the first of these that is set:
//   - GitHub: DBT_CLOUD_CI_HOST_TOKEN, GITHUB_TOKEN, GH_TOKEN
//
// The address of the API is DBT_CLOUD_CI_HOST_URL or, on GitHub, GITHUB_API_URL; else it follows from the address of the repository that
// the CI provider gives. It must be encrypted.
func HostFromEnv(getenv func(string) string, e *dbtcloud.Event) (*Host, error) {
	if getenv == nil {
		getenv = os.Getenv
	}
	if e == nil {
		return nil, invalid("the event is nil: read it with EventFromEnv")
	}
	env := &hostEnv{getenv: getenv, event: e}
	kind, ok := env.recognize()
	if !ok {
		return nil, fmt.Errorf("%w: it is none of GitHub, GitLab, Azure Repos and Bitbucket Cloud: set DBT_CLOUD_CI_GIT_HOST if it is one of the first three", ErrNoHost)
	}
	return env.host(kind)
}

// hostEnv reads the variables of a pipeline.
type hostEnv struct {
	getenv func(string) string
	event  *dbtcloud.Event
}

// hostKind is what HostFromEnv knows of a git host.
type hostKind struct {
	name   string
	tokens []string // variables
	need   string   // what the token must be allowed
	urls   []string // variables
	derive func(server, path string) string
	make   func(env *hostEnv, base *url.URL, token string) (forge, *caller, error)
}

func (v *hostEnv) recognize() (hostKind, bool) {
	switch v.event.PullRequest.Host {
	case dbtcloud.GitHub:
		return hostKind{
			name: "GitHub", tokens: []string{"GITHUB_TOKEN", "GH_TOKEN"}, need: githubStatuses + " for a status, " + githubPulls + " for a comment",
			urls: []string{"GITHUB_API_URL"}, derive: githubAPI, make: makeGitHub,
		}, true
	}
	return hostKind{}, false
}

func (v *hostEnv) host(k hostKind) (*Host, error) {
	token, err := v.token(k)
	if err != nil {
		return nil, err
	}
	base, err := v.base(k)
	if err != nil {
		return nil, err
	}
	api, calls, err := k.make(v, base, token)
	if err != nil {
		return nil, err
	}
	h := &Host{kind: v.event.PullRequest.Host, api: api}
	calls.client = func() *http.Client { return h.HTTPClient }
	return h, nil
}

// get is the first of the variables that is set.
func (v *hostEnv) get(names ...string) (name, value string) {
	for _, name := range names {
		if value := strings.TrimSpace(v.getenv(name)); value != "" {
			return name, value
		}
	}
	return "", ""
}

func (v *hostEnv) token(k hostKind) (string, error) {
	names := append([]string{"DBT_CLOUD_CI_HOST_TOKEN"}, k.tokens...)
	name, token := v.get(names...)
	switch {
	case token == "":
		return "", fmt.Errorf("%w: there is no token for %s: set %s to one with %s", ErrNoHost, k.name, k.tokens[0], k.need)
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", invalid("%s holds a space, a line break or another character that no token has", name)
	}
	return token, nil
}

// base is the address of the API.
func (v *hostEnv) base(k hostKind) (*url.URL, error) {
	name, address := v.get(append([]string{"DBT_CLOUD_CI_HOST_URL"}, k.urls...)...)
	if address == "" {
		var server, path string
		if name, server, path = v.repository(); server != "" {
			address = k.derive(server, path)
		}
	}
	if address == "" {
		return nil, fmt.Errorf("%w: nothing says where %s is: set DBT_CLOUD_CI_HOST_URL to the address of its API", ErrNoHost, k.name)
	}
	u, err := apiAddress(address)
	if err != nil {
		return nil, invalid("%s %w", name, err)
	}
	return u, nil
}

// apiAddress reads the address of an API, to which a token can be sent.
func apiAddress(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("is not an address that begins with https://")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("has a user, a query or a fragment in it: give the address alone")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return nil, errors.New("is not encrypted, and a token is sent over https only")
	}
	return u, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

var scpAddress = regexp.MustCompile(`^(?:[^@/:]+@)?([^@/:]+):([^/].*)$`)

// repository finds the server and path of the repository in the variable of the CI provider that has its address.
func (v *hostEnv) repository() (name, server, path string) {
	name, address := v.get("CHANGE_URL", "BUILD_REPOSITORY_URI", "CIRCLE_REPOSITORY_URL", "BUILDKITE_REPO", "CODEBUILD_SOURCE_REPO_URL", "GIT_URL")
	if u, err := url.Parse(address); err == nil && u.Hostname() != "" {
		return name, strings.ToLower(u.Hostname()), strings.Trim(u.Path, "/")
	}
	if m := scpAddress.FindStringSubmatch(address); m != nil && !strings.Contains(address, "://") {
		return name, strings.ToLower(m[1]), strings.Trim(m[2], "/")
	}
	return name, "", ""
}

func githubAPI(server, _ string) string {
	switch {
	case server == "github.com":
		return "https://api.github.com"
	case strings.HasSuffix(server, ".ghe.com"):
		return "https://api." + server
	}
	return "https://" + server + "/api/v3"
}

func makeGitHub(v *hostEnv, base *url.URL, token string) (forge, *caller, error) {
	owner, name, err := v.ownerName()
	if err != nil {
		return nil, nil, err
	}
	calls := newCaller(base, token, "Bearer "+token)
	calls.accept = "application/vnd.github+json"
	return &github{caller: calls, repo: "/repos/" + url.PathEscape(owner) + "/" + url.PathEscape(name)}, calls, nil
}

// ownerName splits the repository where a host has no deeper paths.
func (v *hostEnv) ownerName() (owner, name string, err error) {
	parts := strings.Split(v.event.Repository, "/")
	if len(parts) != 2 || !segment(parts[0]) || !segment(parts[1]) {
		return "", "", invalid("the repository must be owner/name, not %.70q", v.event.Repository)
	}
	return parts[0], parts[1], nil
}

// segment tells whether a part of a path names something.
func segment(part string) bool { return part != "" && part != "." && part != ".." }
