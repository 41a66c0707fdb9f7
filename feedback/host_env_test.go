package feedback_test

import (
	"errors"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/feedback"
)

// pipeline is the variables of a fixture of EventFromEnv, with more of them.
func pipeline(t *testing.T, fixture string, more map[string]string) func(string) string {
	t.Helper()
	dir := filepath.Join("..", "testdata", "events")
	text, err := os.ReadFile(filepath.Join(dir, fixture+".env"))
	if err != nil {
		t.Fatal(err)
	}
	pairs := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimRight(line, "\n"), "="); ok && !strings.HasPrefix(name, "#") {
			pairs[name] = value
		}
	}
	if file := pairs["GITHUB_EVENT_PATH"]; file != "" {
		pairs["GITHUB_EVENT_PATH"] = filepath.Join(dir, filepath.Dir(fixture), file)
	}
	maps.Copy(pairs, more)
	return func(name string) string { return pairs[name] }
}

func openPipeline(t *testing.T, getenv func(string) string) (*feedback.Host, *dbtcloud.Event, error) {
	t.Helper()
	e, err := dbtcloud.EventFromEnv(getenv)
	if err != nil {
		t.Fatal(err)
	}
	h, err := feedback.HostFromEnv(getenv, e)
	return h, e, err
}

// The address of the first request for a head, and with it host, API and repository, for pipelines of every CI provider.
func TestHostFromEnv(t *testing.T) {
	t.Parallel()
	token := map[string]string{"DBT_CLOUD_CI_HOST_TOKEN": hostToken}
	with := func(pairs ...string) map[string]string {
		m := maps.Clone(token)
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	const (
		github    = "https://api.github.com/repos/acme/analytics/pulls/42"
		gitlab    = "https://gitlab.com/api/v4/projects/acme%2Fanalytics/merge_requests/42"
		bitbucket = "https://api.bitbucket.org/2.0/repositories/acme/analytics/pullrequests/42"
		azure     = "https://dev.azure.com/acme/Data%20Team/_apis/git/repositories/analytics/pullRequests/42?api-version=7.0"
	)
	tests := []struct {
		fixture string
		more    map[string]string
		want    string
	}{
		{"github/pull_request", with("GITHUB_API_URL", "https://api.github.com"), github},
		{"github/enterprise", with("GITHUB_API_URL", "https://git.example.com/api/v3"), "https://git.example.com/api/v3/repos/acme/analytics/pulls/42"},
		{"github/fork", with("GITHUB_API_URL", "https://api.github.com"), github},
		{"gitlab/pull_request", with("CI_API_V4_URL", "https://gitlab.com/api/v4"), gitlab},
		{"gitlab/pull_request", with("CI_API_V4_URL", "https://git.example.com/gitlab/api/v4/"), "https://git.example.com/gitlab/api/v4/projects/acme%2Fanalytics/merge_requests/42"},
		{"gitlab/external", with("DBT_CLOUD_CI_HOST_URL", "https://api.github.com", "CI_API_V4_URL", "https://gitlab.com/api/v4"), github},
		{"azure/pull_request", token, azure},
		{"azure/pull_request", with("BUILD_REPOSITORY_ID", "b92c8408-a0c9"), strings.Replace(azure, "/analytics/", "/b92c8408-a0c9/", 1)},
		{"azure/github", token, github},
		{"azure/bitbucket", token, bitbucket},
		{"bitbucket/pull_request", token, bitbucket},
		{"circleci/pull_request", token, github},
		{"circleci/github_app", token, github},
		{"circleci/bitbucket", token, bitbucket},
		{"jenkins/pull_request", token, github},
		{"jenkins/enterprise", token, "https://git.example.com/api/v3/repos/acme/analytics/pulls/42"},
		{"jenkins/gitlab", token, gitlab},
		{"jenkins/bitbucket", token, bitbucket},
		{"jenkins/azure", token, strings.Replace(azure, "Data%20Team", "data", 1)},
		{"buildkite/pull_request", token, github},
		{"buildkite/gitlab", token, "https://git.example.com/api/v4/projects/acme%2Fanalytics/merge_requests/42"},
		{"buildkite/bitbucket", token, bitbucket},
		{"buildkite/pull_request", with("BUILDKITE_REPO", "git@ssh.github.com:acme/analytics.git"), github},
		{"buildkite/pull_request", with("BUILDKITE_REPO", "git@acme.ghe.com:acme/analytics.git"), "https://api.acme.ghe.com/repos/acme/analytics/pulls/42"},
		{"buildkite/unknown_host", with("BUILDKITE_REPO", "git@ssh.dev.azure.com:v3/acme/Data Team/analytics", "DBT_CLOUD_CI_GIT_HOST", "azure"), azure},
		{"buildkite/unknown_host", with("BUILDKITE_REPO", "https://dev.azure.com/acme/_git/analytics"), strings.Replace(azure, "Data%20Team", "analytics", 1)},
		{"buildkite/unknown_host", with("BUILDKITE_REPO", "https://acme.visualstudio.com/DefaultCollection/Data Team/_git/analytics"), strings.Replace(azure, "dev.azure.com/acme", "acme.visualstudio.com", 1)},
		{"buildkite/unknown_host", with("BUILDKITE_REPO", "https://acme.visualstudio.com/_git/analytics"), "https://acme.visualstudio.com/analytics/_apis/git/repositories/analytics/pullRequests/42?api-version=7.0"},
		{"codebuild/pull_request", token, github},
		{"codebuild/enterprise", token, "https://git.example.com/api/v3/repos/acme/analytics/pulls/42"},
		{"codebuild/bitbucket", token, bitbucket},
	}
	for _, tt := range tests {
		t.Run(tt.fixture, func(t *testing.T) {
			t.Parallel()
			h, e, err := openPipeline(t, pipeline(t, tt.fixture, tt.more))
			if err != nil {
				t.Fatal(err)
			}
			var asked string
			h.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				asked = r.URL.String()
				return answer(http.StatusTeapot, ""), nil
			})}
			if _, err := h.Head(t.Context(), e.PullRequest); err == nil || asked != tt.want {
				t.Errorf("asked %s\nwant  %s (%v)", asked, tt.want, err)
			}
		})
	}
}

func TestTokensOfTheHosts(t *testing.T) {
	t.Parallel()
	const jwt = "eyJ0eXAi.eyJuYW1l.c2ln"
	tests := []struct {
		fixture string
		env     map[string]string
		want    string
	}{
		{"azure/github", map[string]string{"GITHUB_TOKEN": "a", "GH_TOKEN": "b", "SYSTEM_ACCESSTOKEN": "c"}, "Bearer a"},
		{"azure/github", map[string]string{"GH_TOKEN": "b\n", "SYSTEM_ACCESSTOKEN": "c"}, "Bearer b"},
		{"azure/github", map[string]string{"GITHUB_TOKEN": "a", "DBT_CLOUD_CI_HOST_TOKEN": "d"}, "Bearer d"},
		{"azure/pull_request", map[string]string{"SYSTEM_ACCESSTOKEN": jwt, "GITHUB_TOKEN": "a"}, "Bearer " + jwt},
		{"azure/pull_request", map[string]string{"SYSTEM_ACCESSTOKEN": "pat"}, "Basic OnBhdA=="},
		{"jenkins/gitlab", map[string]string{"GITLAB_TOKEN": "g", "CI_JOB_TOKEN": "j"}, "Bearer g"},
		{"bitbucket/pull_request", map[string]string{"BITBUCKET_ACCESS_TOKEN": "x"}, "Bearer x"},
	}
	for _, tt := range tests {
		h, e, err := openPipeline(t, pipeline(t, tt.fixture, tt.env))
		if err != nil {
			t.Fatal(err)
		}
		var got string
		h.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			got = r.Header.Get("Authorization")
			return answer(http.StatusTeapot, ""), nil
		})}
		if _, err := h.Head(t.Context(), e.PullRequest); err == nil || got != tt.want {
			t.Errorf("%s %v: %q, want %q (%v)", tt.fixture, tt.env, got, tt.want, err)
		}
	}
}

func TestNoHost(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, fixture string
		env           map[string]string
		err           error
		want          string
	}{
		{"no token", "github/pull_request", nil, feedback.ErrNoHost, "set GITHUB_TOKEN to one with the permissions statuses: write for a status and pull-requests: write"},
		{"a job token", "gitlab/pull_request", map[string]string{"CI_JOB_TOKEN": "j", "CI_API_V4_URL": "https://gitlab.com/api/v4"}, feedback.ErrNoHost, "set GITLAB_TOKEN to one with the scope api"},
		{"not mapped", "azure/pull_request", nil, feedback.ErrNoHost, "set SYSTEM_ACCESSTOKEN"},
		{"no access token", "bitbucket/pull_request", nil, feedback.ErrNoHost, "set BITBUCKET_ACCESS_TOKEN"},
		{"no address", "gitlab/external", map[string]string{"GITHUB_TOKEN": "a", "CI_API_V4_URL": "https://gitlab.com/api/v4"}, feedback.ErrNoHost, "nothing says where GitHub is: set DBT_CLOUD_CI_HOST_URL"},
		{"Gitea", "github/gitea", map[string]string{"GITHUB_TOKEN": "a", "BITBUCKET_ACCESS_TOKEN": "b"}, feedback.ErrNoHost, "none of GitHub, GitLab, Azure Repos and Bitbucket Cloud"},
		{"unknown", "buildkite/unknown_host", map[string]string{"DBT_CLOUD_CI_HOST_TOKEN": "a"}, feedback.ErrNoHost, "none of GitHub"},
		{"Azure elsewhere", "buildkite/unknown_host", map[string]string{"DBT_CLOUD_CI_HOST_TOKEN": "a", "DBT_CLOUD_CI_GIT_HOST": "azure"}, feedback.ErrNoHost, "nothing says where Azure Repos is"},
		{"not encrypted", "github/pull_request", map[string]string{"GITHUB_TOKEN": hostToken, "GITHUB_API_URL": "http://git.example.com/api/v3"}, dbtcloud.ErrInvalid, "GITHUB_API_URL is not encrypted"},
		{"a password", "github/pull_request", map[string]string{"GITHUB_TOKEN": hostToken, "DBT_CLOUD_CI_HOST_URL": "https://u:hunter2@git.example.com"}, dbtcloud.ErrInvalid, "DBT_CLOUD_CI_HOST_URL has a user"},
		{"a query", "github/pull_request", map[string]string{"GITHUB_TOKEN": hostToken, "GITHUB_API_URL": "https://git.example.com/?a=b"}, dbtcloud.ErrInvalid, "a query"},
		{"no address at all", "github/pull_request", map[string]string{"GITHUB_TOKEN": hostToken, "GITHUB_API_URL": "git.example.com"}, dbtcloud.ErrInvalid, "begins with https://"},
		{"two lines", "github/pull_request", map[string]string{"GITHUB_TOKEN": hostToken + "\r\nX: y"}, dbtcloud.ErrInvalid, "GITHUB_TOKEN holds a space"},
		{"two words", "github/pull_request", map[string]string{"GITHUB_TOKEN": hostToken + " x"}, dbtcloud.ErrInvalid, "GITHUB_TOKEN holds a space"},
		{"another scheme", "github/pull_request", map[string]string{"GITHUB_TOKEN": hostToken, "GITHUB_API_URL": "ftp://git.example.com/"}, dbtcloud.ErrInvalid, "begins with https://"},
		{"too deep a path", "github/pull_request", map[string]string{"GITHUB_TOKEN": "a", "GITHUB_API_URL": "https://api.github.com", "GITHUB_REPOSITORY": "acme/analytics/x"}, dbtcloud.ErrInvalid, "owner/name"},
		{"a path", "github/pull_request", map[string]string{"GITHUB_TOKEN": "a", "GITHUB_API_URL": "https://api.github.com", "GITHUB_REPOSITORY": "../../user"}, dbtcloud.ErrInvalid, "owner/name"},
		{"dots", "github/pull_request", map[string]string{"GITHUB_TOKEN": "a", "GITHUB_API_URL": "https://api.github.com", "GITHUB_REPOSITORY": "acme/.."}, dbtcloud.ErrInvalid, "owner/name"},
		{"dots of GitLab", "gitlab/pull_request", map[string]string{"GITLAB_TOKEN": "a", "CI_API_V4_URL": "https://gitlab.com/api/v4", "CI_MERGE_REQUEST_PROJECT_PATH": "acme/../x"}, dbtcloud.ErrInvalid, "group/name"},
		{"no project", "buildkite/unknown_host", map[string]string{"DBT_CLOUD_CI_HOST_TOKEN": "a", "DBT_CLOUD_CI_GIT_HOST": "azure", "DBT_CLOUD_CI_HOST_URL": "https://dev.azure.com/acme", "BUILDKITE_REPO": "https://example.com/analytics"}, dbtcloud.ErrInvalid, "project/name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h, _, err := openPipeline(t, pipeline(t, tt.fixture, tt.env))
			if h != nil || !errors.Is(err, tt.err) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %v with %q", err, tt.err, tt.want)
			}
			if err != nil && (strings.Contains(err.Error(), hostToken) || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "\n")) {
				t.Errorf("the error shows what it must not: %v", err)
			}
		})
	}
	if _, err := feedback.HostFromEnv(nil, nil); !errors.Is(err, dbtcloud.ErrInvalid) {
		t.Errorf("no event: %v", err)
	}
}
