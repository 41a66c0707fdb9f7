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
//   - GitHub: DBT_CLOUD_CI_HOST_TOKEN, GITHUB_TOKEN, GH_TOKEN, with the permissions statuses: write and pull-requests: write
//   - GitLab: DBT_CLOUD_CI_HOST_TOKEN, GITLAB_TOKEN, with the scope api and the role Developer; CI_JOB_TOKEN may not
//   - Azure Repos: DBT_CLOUD_CI_HOST_TOKEN, SYSTEM_ACCESSTOKEN, with "Contribute to pull requests"
//   - Bitbucket Cloud: DBT_CLOUD_CI_HOST_TOKEN, BITBUCKET_ACCESS_TOKEN, with Repositories: Write and Pull requests: Write
//
// The address of the API is DBT_CLOUD_CI_HOST_URL, or what the CI provider says (GITHUB_API_URL, CI_API_V4_URL, SYSTEM_COLLECTIONURI), or it
// follows from the address of the repository. It must be encrypted. Where the token may only write statuses or only comments, the other
// fails with a [*HostError] that says what is missing.
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

// recognize goes by the host of the event, which knows no Bitbucket.
func (v *hostEnv) recognize() (hostKind, bool) {
	switch v.event.PullRequest.Host {
	case dbtcloud.GitHub:
		return hostKind{
			name: "GitHub", tokens: []string{"GITHUB_TOKEN", "GH_TOKEN"}, need: "the permissions statuses: write for a status and pull-requests: write for a comment",
			urls: []string{"GITHUB_API_URL"}, derive: githubAPI, make: makeGitHub,
		}, true
	case dbtcloud.GitLab:
		return hostKind{
			name: "GitLab", tokens: []string{"GITLAB_TOKEN"}, need: "the scope api and the role Developer, such as a project access token (CI_JOB_TOKEN may neither set statuses nor comment)",
			urls: []string{"CI_API_V4_URL"}, derive: func(server, _ string) string { return "https://" + server + "/api/v4" }, make: makeGitLab,
		}, true
	case dbtcloud.AzureRepos:
		return hostKind{
			name: "Azure Repos", tokens: []string{"SYSTEM_ACCESSTOKEN"}, need: `the permission "Contribute to pull requests", such as $(System.AccessToken) mapped in env:`,
			urls: []string{"SYSTEM_COLLECTIONURI", "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI"}, derive: azureAPI, make: makeAzure,
		}, true
	case dbtcloud.OtherHost:
		return hostKind{
			name: "Bitbucket Cloud", tokens: []string{"BITBUCKET_ACCESS_TOKEN"}, need: "the scopes Repositories: Write for a status and Pull requests: Write for a comment, such as an access token of the repository",
			derive: bitbucketAPI, make: makeBitbucket,
		}, v.onBitbucket()
	}
	return hostKind{}, false
}

func (v *hostEnv) onBitbucket() bool {
	_, server, _ := v.repository()
	_, given := v.get("DBT_CLOUD_CI_HOST_URL")
	_, provider := v.get("BUILD_REPOSITORY_PROVIDER")
	return v.event.Provider == dbtcloud.BitbucketPipelines || server == "bitbucket.org" || provider == "Bitbucket" || strings.HasPrefix(given, "https://api.bitbucket.org/")
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
		name, server, path = v.repository()
		if server != "" || k.urls == nil {
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
		return name, webServer(u.Hostname()), strings.Trim(u.Path, "/")
	}
	if m := scpAddress.FindStringSubmatch(address); m != nil && !strings.Contains(address, "://") {
		return name, webServer(m[1]), strings.Trim(m[2], "/")
	}
	return name, "", ""
}

// webServer is the server of the API beside one that serves SSH under a name of its own.
func webServer(server string) string {
	server = strings.ToLower(server)
	switch server {
	case "ssh.github.com", "ssh.dev.azure.com":
		return server[len("ssh."):]
	case "altssh.gitlab.com", "altssh.bitbucket.org":
		return server[len("altssh."):]
	}
	return server
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
