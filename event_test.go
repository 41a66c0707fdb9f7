package dbtcloud_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slimci/dbtcloud"
)

const (
	headSHA  = "8f2c4e6a0b1d3f5a7c9e8d6b4a2f0e1c3d5b7a90"
	mergeSHA = "deadbeefdeadbeefdeadbeefdeadbeefdeadbeef" // in the fixtures: any commit that is not the head
)

// eventFixture reads a .env file: the variables, and the comment that names the source. The
// event file lies beside it.
func eventFixture(t testing.TB, path string) (env map[string]string, comments []string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	env = map[string]string{}
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSpace(line)
		if comment, ok := strings.CutPrefix(line, "# "); ok {
			comments = append(comments, comment)
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			t.Fatalf("%s: %q is no variable", path, line)
		}
		env[name] = value
	}
	if name := env["GITHUB_EVENT_PATH"]; name != "" {
		env["GITHUB_EVENT_PATH"] = filepath.Join(filepath.Dir(path), name)
	}
	return env, comments
}

func variables(env map[string]string) func(string) string {
	return func(name string) string { return env[name] }
}

// brief is an event in a line: kind, pull request, commit, branches, sequence, flags.
func brief(e *dbtcloud.Event) string {
	commit := map[string]string{"": "-", headSHA: "head"}[e.SHA]
	if commit == "" {
		commit = e.SHA
	}
	words := []string{fmt.Sprintf("%s %s %s %s>%s %d", e.Kind, e.PullRequest, commit, e.Branch, e.TargetBranch, e.Sequence)}
	for name, on := range map[string]bool{"draft": e.Draft, "fork": e.Fork, "merged": e.Merged} {
		if on {
			words = append(words, name)
		}
	}
	slices.Sort(words[1:])
	return strings.Join(words, " ")
}

type eventRow struct{ fixture, want, testable string }

func eventRows() []eventRow {
	return []eventRow{
		{"azure/bitbucket", "pull_request other#42 head feature/orders>main 20417", ""},
		{"azure/fork", "pull_request azure#42 head feature/orders>main 20417 fork", "comes from a fork"},
		{"azure/github", "pull_request github#42 head feature/orders>main 20417", ""},
		{"azure/github_fork", "pull_request github#42 head feature/orders>main 20417 fork", "comes from a fork"},
		{"azure/github_merge_queue", "merge_queue github#0 - >main 20417", "a merge queue"},
		{"azure/github_no_number", "pull_request github#42 head feature/orders>main 20417", ""},
		{"azure/manual", "manual azure#0 - > 20417", "started by hand"},
		{"azure/no_head", "pull_request azure#42 - feature/orders>main 20417", "the head commit of the pull request is not known"},
		{"azure/pull_request", "pull_request azure#42 head feature/orders>main 20417", ""},
		{"azure/push", "push azure#0 head main> 20417", "a push to a branch"},
		{"azure/push_batched", "push azure#0 head main> 20417", "a push to a branch"},
		{"azure/rerun", "pull_request azure#42 head feature/orders>main 20417", ""},
		{"azure/resource", "other azure#0 - > 20417", "an event that is no pull request"},
		{"azure/schedule", "schedule azure#0 - > 20417", "a scheduled pipeline"},
		{"azure/tag", "tag azure#0 head > 20417", "a tag"},
		{"bitbucket/closed", "closed other#42 head feature/orders>main 204", "is closed"},
		{"bitbucket/manual", "push other#0 head main> 204", "a push to a branch"},
		{"bitbucket/pull_request", "pull_request other#42 head feature/orders>main 204", ""},
		{"bitbucket/push", "push other#0 head main> 204", "a push to a branch"},
		{"bitbucket/rerun", "pull_request other#42 head feature/orders>main 204", ""},
		{"bitbucket/rerun_all", "pull_request other#42 head feature/orders>main 209", ""},
		{"bitbucket/schedule", "push other#0 head main> 204", "a push to a branch"},
		{"bitbucket/tag", "tag other#0 head > 204", "a tag"},
		{"buildkite/bitbucket", "pull_request other#42 head feature/orders>main 1514", ""},
		{"buildkite/closed", "closed github#42 head feature/orders>main 1514", "is closed"},
		{"buildkite/closed_by_trigger", "push github#0 head main> 1514", "a push to a branch"},
		{"buildkite/draft", "pull_request github#42 head feature/orders>main 1514 draft", "is a draft"},
		{"buildkite/fork", "pull_request github#42 head someone:feature/orders>main 1514 fork", "comes from a fork"},
		{"buildkite/gitlab", "pull_request gitlab#42 head feature/orders>main 1514", ""},
		{"buildkite/head_unresolved", "pull_request github#42 - feature/orders>main 1514", "the head commit of the pull request is not known"},
		{"buildkite/manual", "manual github#0 - > 1514", "started by hand"},
		{"buildkite/merge_queue", "merge_queue github#0 - >main 1514", "a merge queue"},
		{"buildkite/merge_refspec", "pull_request github#42 - feature/orders>main 1514", "the head commit of the pull request is not known"},
		{"buildkite/pull_request", "pull_request github#42 head feature/orders>main 1514", ""},
		{"buildkite/push", "push github#0 head main> 1514", "a push to a branch"},
		{"buildkite/rerun", "pull_request github#42 head feature/orders>main 1514", ""},
		{"buildkite/retry", "pull_request github#42 head feature/orders>main 1514", ""},
		{"buildkite/schedule", "schedule github#0 - > 1514", "a scheduled pipeline"},
		{"buildkite/tag", "tag github#0 head > 1514", "a tag"},
		{"buildkite/triggered", "other github#0 - > 1514", "an event that is no pull request"},
		{"buildkite/unknown_host", "pull_request other#42 head feature/orders>main 1514", ""},
		{"circleci/bitbucket", "pull_request other#42 head feature/orders> 0", ""},
		{"circleci/closed", "closed github#42 head feature/orders>main 77", "is closed"},
		{"circleci/draft", "pull_request github#42 head feature/orders>main 77 draft", "is a draft"},
		{"circleci/fork", "pull_request github#42 head pull/42> 0 fork", "comes from a fork"},
		{"circleci/github_app", "pull_request github#42 head feature/orders>main 77", ""},
		{"circleci/manual", "push github#0 head main> 0", "a push to a branch"},
		{"circleci/merge_queue", "merge_queue github#0 - >main 77", "a merge queue"},
		{"circleci/merged", "closed github#42 head feature/orders>main 77 merged", "is closed"},
		{"circleci/pull_request", "pull_request github#42 head feature/orders> 0", ""},
		{"circleci/push", "push github#0 head main> 77", "a push to a branch"},
		{"circleci/rerun", "pull_request github#42 head feature/orders> 77", ""},
		{"circleci/schedule", "push github#0 head main> 0", "a push to a branch"},
		{"circleci/tag", "tag github#0 head > 0", "a tag"},
		{"codebuild/bitbucket", "pull_request other#42 head feature/orders>main 88", ""},
		{"codebuild/by_commit", "pull_request github#42 head feature/orders>main 88", ""},
		{"codebuild/by_ref", "pull_request github#42 head feature/orders>main 88", ""},
		{"codebuild/closed", "closed github#42 - feature/orders>main 88", "is closed"},
		{"codebuild/codepipeline", "other other#0 - > 88", "an event that is no pull request"},
		{"codebuild/draft", "pull_request github#42 head feature/orders>main 88 draft", "is a draft"},
		{"codebuild/enterprise", "pull_request github#42 head feature/orders>main 88", ""},
		{"codebuild/fork", "pull_request github#42 head feature/orders>main 88 fork", "comes from a fork"},
		{"codebuild/given", "pull_request github#42 head feature/orders>main 88", ""},
		{"codebuild/manual", "manual github#0 - > 88", "started by hand"},
		{"codebuild/merge_queue", "merge_queue github#0 - >main 88", "a merge queue"},
		{"codebuild/merged", "closed github#42 - feature/orders>main 88 merged", "is closed"},
		{"codebuild/pull_request", "pull_request github#42 - feature/orders>main 88", "the head commit of the pull request is not known, because CODEBUILD_RESOLVED_SOURCE_VERSION may be the merge commit"},
		{"codebuild/push", "push github#0 head main> 88", "a push to a branch"},
		{"codebuild/rerun", "pull_request github#42 - > 91", "the head commit of the pull request is not known, because CODEBUILD_RESOLVED_SOURCE_VERSION may be the merge commit"},
		{"codebuild/schedule", "schedule github#0 - > 88", "a scheduled pipeline"},
		{"codebuild/tag", "tag github#0 head > 88", "a tag"},
		{"codebuild/unknown_host", "pull_request other#42 - feature/orders>main 88", "the head commit of the pull request is not known, because CODEBUILD_RESOLVED_SOURCE_VERSION may be the merge commit"},
		{"github/closed", "closed github#42 head feature/orders>main 9017342501", "is closed"},
		{"github/comment", "other github#0 - > 9017342501", "an event that is no pull request"},
		{"github/draft", "pull_request github#42 head feature/orders>main 9017342501 draft", "is a draft"},
		{"github/enterprise", "pull_request github#42 head feature/orders>main 9017342501", ""},
		{"github/fork", "pull_request github#42 head main>main 9017342501 fork", "comes from a fork"},
		{"github/fork_deleted", "pull_request github#42 head feature/orders>main 9017342501 fork", "comes from a fork"},
		{"github/gitea", "pull_request other#42 head feature/orders>main 9017342501", ""},
		{"github/given", "pull_request github#42 head feature/orders>main 9017342501", ""},
		{"github/manual", "manual github#0 - > 9017342501", "started by hand"},
		{"github/merge_queue", "merge_queue github#0 - >main 9017342501", "a merge queue"},
		{"github/merge_queue_push", "merge_queue github#0 - >main 9017342501", "a merge queue"},
		{"github/merged", "closed github#42 head feature/orders>main 9017342501 merged", "is closed"},
		{"github/pull_request", "pull_request github#42 head feature/orders>main 9017342501", ""},
		{"github/push", "push github#0 head main> 9017342501", "a push to a branch"},
		{"github/push_deleted", "push github#0 - gone> 9017342501", "a push to a branch"},
		{"github/reopened", "pull_request github#42 head feature/orders>main 9017400001", ""},
		{"github/rerun", "pull_request github#42 head feature/orders>main 9017342501", ""},
		{"github/schedule", "schedule github#0 - > 9017342501", "a scheduled pipeline"},
		{"github/synchronize", "pull_request github#42 head feature/orders>main 9017399999", ""},
		{"github/tag", "tag github#0 head > 9017342501", "a tag"},
		{"github/target", "pull_request github#42 head feature/orders>main 9017342501", ""},
		{"gitlab/api", "other gitlab#0 - > 731", "an event that is no pull request"},
		{"gitlab/child", "pull_request gitlab#42 head feature/orders>main 732", ""},
		{"gitlab/draft", "pull_request gitlab#42 head feature/orders>main 731 draft", "is a draft"},
		{"gitlab/draft_by_title", "pull_request gitlab#42 head feature/orders>main 731 draft", "is a draft"},
		{"gitlab/external", "pull_request github#42 head feature/orders>main 731", ""},
		{"gitlab/fork", "pull_request gitlab#42 head feature/orders>main 3 fork", "comes from a fork"},
		{"gitlab/fork_in_parent", "pull_request gitlab#42 head feature/orders>main 731 fork", "comes from a fork"},
		{"gitlab/manual", "manual gitlab#0 - > 731", "started by hand"},
		{"gitlab/merge_train", "merge_queue gitlab#42 head feature/orders>main 731", "a merge queue"},
		{"gitlab/merged_results", "pull_request gitlab#42 head feature/orders>main 731", ""},
		{"gitlab/merged_results_no_head", "pull_request gitlab#42 - feature/orders>main 731", "the head commit of the pull request is not known"},
		{"gitlab/pull_request", "pull_request gitlab#42 head feature/orders>main 731", ""},
		{"gitlab/push", "push gitlab#0 head main> 731", "a push to a branch"},
		{"gitlab/rerun", "pull_request gitlab#42 head feature/orders>main 731", ""},
		{"gitlab/schedule", "schedule gitlab#0 - > 731", "a scheduled pipeline"},
		{"gitlab/tag", "tag gitlab#0 head > 731", "a tag"},
		{"jenkins/azure", "pull_request azure#42 head feature/orders>main 7", ""},
		{"jenkins/bitbucket", "pull_request other#42 head feature/orders>main 7", ""},
		{"jenkins/closed_by_parameter", "push github#0 head main> 7", "a push to a branch"},
		{"jenkins/enterprise", "pull_request github#42 head feature/orders>main 7", ""},
		{"jenkins/fork", "pull_request github#42 head feature/orders>main 7 fork", "comes from a fork"},
		{"jenkins/freestyle", "other github#0 - > 7", "an event that is no pull request"},
		{"jenkins/gitlab", "pull_request gitlab#42 head feature/orders>main 7", ""},
		{"jenkins/given", "pull_request github#42 head feature/orders>main 7", ""},
		{"jenkins/head", "pull_request github#42 head feature/orders>main 7", ""},
		{"jenkins/manual", "manual github#0 - > 7", "started by hand"},
		{"jenkins/merge_queue", "merge_queue github#0 - >main 7", "a merge queue"},
		{"jenkins/no_url", "pull_request github#42 head feature/orders>main 7", ""},
		{"jenkins/pull_request", "pull_request github#42 - feature/orders>main 7", "the head commit of the pull request is not known, because GIT_COMMIT may be the merge commit"},
		{"jenkins/push", "push github#0 head main> 7", "a push to a branch"},
		{"jenkins/rerun", "pull_request github#42 head feature/orders>main 9", ""},
		{"jenkins/schedule", "schedule github#0 - > 7", "a scheduled pipeline"},
		{"jenkins/tag", "tag github#0 head > 7", "a tag"},
	}
}

// TestEventFixtures: every provider and every kind of event, as its documents say.
func TestEventFixtures(t *testing.T) {
	t.Parallel()
	for _, row := range eventRows() {
		t.Run(row.fixture, func(t *testing.T) {
			t.Parallel()
			env, _ := eventFixture(t, "testdata/events/"+row.fixture+".env")
			e, err := dbtcloud.EventFromEnv(variables(env))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(row.want, brief(e)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if strings.Contains(fmt.Sprintf("%+v", e), mergeSHA) {
				t.Errorf("the merge commit is in %+v", e)
			}
			checkEvent(t, e)
			checkFacts(t, e, env)
			err = e.Testable()
			if row.testable == "" && err == nil {
				return
			}
			untestable, ok := errors.AsType[*dbtcloud.EventError](err)
			if !ok || row.testable == "" || !strings.Contains(untestable.Reason, row.testable) || untestable.Kind != e.Kind || untestable.Advice == "" {
				t.Errorf("Testable: %v, want %q", err, row.testable)
			}
		})
	}
}

// checkFacts: every field that is set says where it comes from, and what it names exists.
func checkFacts(t *testing.T, e *dbtcloud.Event, env map[string]string) {
	t.Helper()
	want := map[string]string{"Provider": string(e.Provider), "Kind": string(e.Kind), "Host": string(e.PullRequest.Host)}
	add := func(field, value string, set bool) {
		if set {
			want[field] = value
		}
	}
	add("Number", fmt.Sprint(e.PullRequest.Number), e.PullRequest.Number != 0)
	add("SHA", e.SHA, e.SHA != "")
	add("Branch", e.Branch, e.Branch != "")
	add("TargetBranch", e.TargetBranch, e.TargetBranch != "")
	add("Repository", e.Repository, e.Repository != "")
	add("PipelineURL", e.PipelineURL, e.PipelineURL != "")
	add("Sequence", fmt.Sprint(e.Sequence), e.Sequence != 0)
	add("Draft", "true", e.Draft)
	add("Fork", "true", e.Fork)
	add("Merged", "true", e.Merged)
	got := map[string]string{}
	for _, fact := range e.Facts {
		if fact.Value != "false" {
			got[fact.Field] = fact.Value
		}
		for _, name := range regexp.MustCompile(`\b[A-Z]+(_[A-Z0-9]+)+\b`).FindAllString(strings.Split(fact.From, ", without")[0], -1) {
			if _, ok := env[name]; !ok && name != "DBT_CLOUD_CI_GIT_HOST" {
				t.Errorf("%s is said to come from %s, which is not set", fact.Field, name)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("facts (-want +got)\n%s", diff)
	}
}

// TestEventFixturesComplete: each fixture names its source and is in the table, and each
// provider has each kind of event, unless it does not exist there or cannot be told.
func TestEventFixturesComplete(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/events/*/*.env")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		names = append(names, strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(file), "testdata/events/"), ".env"))
		if _, comments := eventFixture(t, file); len(comments) == 0 || !strings.HasPrefix(comments[0], "Source: ") {
			t.Errorf("%s names no source", file)
		}
	}
	var rows []string
	for _, row := range eventRows() {
		rows = append(rows, row.fixture)
	}
	slices.Sort(names)
	slices.Sort(rows)
	if diff := cmp.Diff(names, rows); diff != "" {
		t.Errorf("fixtures and table (-fixtures +table)\n%s", diff)
	}
	absent := map[string]string{
		"azure/draft": "not exposed", "azure/closed": "starts no pipeline", "azure/merge_queue": "Azure Repos has none; see github_merge_queue",
		"bitbucket/draft": "not exposed", "bitbucket/fork": "starts no pipeline", "bitbucket/merge_queue": "Bitbucket has none",
		"gitlab/closed": "starts no pipeline", "gitlab/merge_queue": "see merge_train",
		"jenkins/draft": "not exposed", "jenkins/closed": "starts no build",
	}
	for _, provider := range []string{"github", "gitlab", "azure", "bitbucket", "circleci", "jenkins", "buildkite", "codebuild"} {
		for _, kind := range []string{"pull_request", "push", "fork", "draft", "merge_queue", "closed", "rerun", "manual", "schedule", "tag"} {
			name := provider + "/" + kind
			if slices.Contains(names, name) == (absent[name] != "") {
				t.Errorf("%s: want a fixture, or a reason why there is none", name)
			}
		}
	}
}

// TestEventRerun: running a pipeline again does not make it newer, where the provider
// lets the two be told apart.
func TestEventRerun(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"github", "gitlab", "azure", "bitbucket", "buildkite"} {
		sequence := func(name string) int64 {
			env, _ := eventFixture(t, "testdata/events/"+provider+"/"+name+".env")
			e, err := dbtcloud.EventFromEnv(variables(env))
			if err != nil {
				t.Fatal(err)
			}
			return e.Sequence
		}
		if first, again := sequence("pull_request"), sequence("rerun"); first != again || first == 0 {
			t.Errorf("%s: sequence %d, run again %d", provider, first, again)
		}
	}
}

// TestEventPlaces: where the repository and the pipeline are, by the pull request of each
// provider.
func TestEventPlaces(t *testing.T) {
	t.Parallel()
	for provider, want := range map[string][2]string{
		"github":    {"acme/analytics", "https://github.com/acme/analytics/actions/runs/9017342501"},
		"gitlab":    {"acme/analytics", "https://gitlab.com/acme/analytics/-/pipelines/998877665"},
		"azure":     {"Data Team/analytics", "https://dev.azure.com/acme/Data%20Team/_build/results?buildId=20417"},
		"bitbucket": {"acme/analytics", "https://bitbucket.org/acme/analytics/pipelines/results/204"},
		"circleci":  {"acme/analytics", "https://circleci.com/gh/acme/analytics/9001"},
		"jenkins":   {"acme/analytics", "https://jenkins.example.com/job/analytics/view/change-requests/job/PR-42/7/"},
		"buildkite": {"acme/analytics", "https://buildkite.com/acme/analytics/builds/1514"},
		"codebuild": {"acme/analytics", "https://eu-west-1.codebuild.aws.amazon.com/project/abc/build/88"},
	} {
		env, _ := eventFixture(t, "testdata/events/"+provider+"/pull_request.env")
		e, err := dbtcloud.EventFromEnv(variables(env))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, [2]string{e.Repository, e.PipelineURL}); diff != "" {
			t.Errorf("%s (-want +got)\n%s", provider, diff)
		}
	}
}

// TestEventRepository: host and repository of an address, in every way to write one,
// and nothing else of it.
func TestEventRepository(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://github.com/acme/analytics.git":                             "github acme/analytics",
		"https://x-access-token:s3cr3t@github.com/acme/analytics":           "github acme/analytics",
		"git@github.com:acme/analytics.git":                                 "github acme/analytics",
		"git://github.com/acme/analytics.git":                               "github acme/analytics",
		"ssh://git@ssh.github.com:443/acme/analytics.git":                   "github acme/analytics",
		"https://acme.ghe.com/acme/analytics":                               "github acme/analytics",
		"https://github.example.com/acme/analytics":                         "github acme/analytics",
		"https://gitlab.com/acme/data/analytics.git":                        "gitlab acme/data/analytics",
		"git@gitlab.example.com:acme/analytics.git":                         "gitlab acme/analytics",
		"https://s3cr3t@dev.azure.com/acme/data/_git/analytics":             "azure acme/data/_git/analytics",
		"git@ssh.dev.azure.com:v3/acme/data/analytics":                      "azure v3/acme/data/analytics",
		"https://acme.visualstudio.com/data/_git/analytics":                 "azure data/_git/analytics",
		"git@bitbucket.org:acme/analytics.git":                              "other acme/analytics",
		"https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/analytics": "other v1/repos/analytics",
		"https://git.example.com/acme/analytics.git?token=s3cr3t#s3cr3t":    "other acme/analytics",
		"https://notgithub.com/acme/analytics":                              "other acme/analytics",
		"":                                                                  "other ",
		"https://github.com":                                                "other ",
		"::error::boo":                                                      "other ",
	} {
		env := map[string]string{"BUILDKITE": "true", "BUILDKITE_REPO": address}
		e, err := dbtcloud.EventFromEnv(variables(env))
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		if got := fmt.Sprintf("%s %s", e.PullRequest.Host, e.Repository); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
		if text := fmt.Sprintf("%+v", e); strings.Contains(text, "s3cr3t") {
			t.Errorf("%s: the token is in %s", address, text)
		}
	}
}

// TestEventProvider: a runner of one provider on a machine of another.
func TestEventProvider(t *testing.T) {
	t.Parallel()
	for names, want := range map[string]dbtcloud.CIProvider{
		"CODEBUILD_BUILD_ID BUILDKITE":              dbtcloud.Buildkite,
		"CODEBUILD_BUILD_ID GITLAB_CI":              dbtcloud.GitLabCI,
		"JENKINS_URL CODEBUILD_BUILD_ID":            dbtcloud.Jenkins,
		"TF_BUILD JENKINS_HOME":                     dbtcloud.AzurePipelines,
		"CODEBUILD_BUILD_ID BITBUCKET_BUILD_NUMBER": dbtcloud.BitbucketPipelines,
		"CIRCLECI BUILDKITE":                        dbtcloud.CircleCI,
	} {
		env := map[string]string{}
		for name := range strings.FieldsSeq(names) {
			env[name] = "1"
		}
		if e, err := dbtcloud.EventFromEnv(variables(env)); err != nil || e.Provider != want {
			t.Errorf("%s: %v, %v, want %s", names, e, err, want)
		}
	}
	for _, env := range []map[string]string{nil, {"GITHUB_ACTIONS": " "}, {"CI": "true", "DBT_CLOUD_CI_PULL_REQUEST": "42"}} {
		if e, err := dbtcloud.EventFromEnv(variables(env)); e != nil || !errors.Is(err, dbtcloud.ErrNoCI) {
			t.Errorf("%v: %v, %v, want ErrNoCI", env, e, err)
		}
	}
	here, err := dbtcloud.EventFromEnv(os.Getenv)
	if got, gotErr := dbtcloud.EventFromEnv(nil); !cmp.Equal(here, got) || (err == nil) != (gotErr == nil) {
		t.Errorf("nil: %v, %v, and os.Getenv: %v, %v", got, gotErr, here, err)
	}
}

// TestEventTestable: the fields decide, so that a caller can decide otherwise.
func TestEventTestable(t *testing.T) {
	t.Parallel()
	env, _ := eventFixture(t, "testdata/events/github/draft.env")
	e, err := dbtcloud.EventFromEnv(variables(env))
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Testable(); !errors.Is(err, dbtcloud.ErrNotTestable) || errors.Is(err, dbtcloud.ErrNoCI) {
		t.Errorf("a draft: %v", err)
	}
	e.Draft = false
	if err := e.Testable(); err != nil {
		t.Errorf("a draft that is tested all the same: %v", err)
	}
	for text, change := range map[string]func(*dbtcloud.Event){
		"fork":            func(e *dbtcloud.Event) { e.Fork = true },
		"number":          func(e *dbtcloud.Event) { e.PullRequest.Number = 0 },
		"not known":       func(e *dbtcloud.Event) { e.SHA = "" },
		"full commit id":  func(e *dbtcloud.Event) { e.SHA = "HEAD" },
		"unknown":         func(e *dbtcloud.Event) { e.PullRequest.Host = "" },
		"sequence":        func(e *dbtcloud.Event) { e.Sequence = -1 },
		"no pull request": func(e *dbtcloud.Event) { e.Kind = "" },
	} {
		other := *e
		change(&other)
		if err := other.Testable(); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// checkEvent holds of every event, whatever it was made of.
func checkEvent(t *testing.T, e *dbtcloud.Event) {
	t.Helper()
	if !regexp.MustCompile(`^([0-9a-f]{40}([0-9a-f]{24})?)?$`).MatchString(e.SHA) {
		t.Errorf("SHA %q is no commit", e.SHA)
	}
	if n := e.PullRequest.Number; n < 0 || n > 1<<53-1 || e.Sequence < 0 || e.Sequence > 1<<53-1 {
		t.Errorf("number %d, sequence %d", n, e.Sequence)
	}
	texts := []string{e.Branch, e.TargetBranch, e.Repository, e.PipelineURL}
	for _, fact := range e.Facts {
		texts = append(texts, fact.Field, fact.Value, fact.From)
	}
	err := e.Testable()
	if err != nil {
		texts = append(texts, err.Error())
	} else if e.Kind != dbtcloud.EventPullRequest || e.PullRequest.Number <= 0 || e.SHA == "" || e.Draft || e.Fork {
		t.Errorf("%s is testable", brief(e))
	}
	for _, text := range texts {
		if strings.ContainsAny(text, "\n\r\x1b\x00\u2028") {
			t.Errorf("%q is not one line", text)
		}
	}
	if (err != nil) != errors.Is(err, dbtcloud.ErrNotTestable) {
		t.Errorf("Testable: %v", err)
	}
}

// TestEventAddress: user and password of the address of a pipeline are left out.
func TestEventAddress(t *testing.T) {
	t.Parallel()
	for fixture, name := range map[string]string{"buildkite/pull_request": "BUILDKITE_BUILD_URL", "jenkins/given": "BUILD_URL", "azure/pull_request": "SYSTEM_COLLECTIONURI", "github/pull_request": "GITHUB_SERVER_URL", "circleci/fork": "CIRCLE_BUILD_URL"} {
		env, _ := eventFixture(t, "testdata/events/"+fixture+".env")
		env[name] = strings.Replace(env[name], "https://", "https://me:s3cr3t@", 1)
		e, err := dbtcloud.EventFromEnv(variables(env))
		if err != nil || e.PipelineURL == "" || strings.Contains(fmt.Sprintf("%+v", e), "s3cr3t") {
			t.Errorf("%s: %+v, %v", fixture, e, err)
		}
	}
}

// TestEventGiven: the commit of a tag is not the head of a pull request that is named
// beside it; that of a push is.
func TestEventGiven(t *testing.T) {
	t.Parallel()
	for fixture, want := range map[string]string{"circleci/tag": "pull_request github#42 - > 0", "circleci/push": "pull_request github#42 head main> 77", "gitlab/merge_train": "pull_request gitlab#42 - feature/orders>main 731"} {
		env, _ := eventFixture(t, "testdata/events/"+fixture+".env")
		env["DBT_CLOUD_CI_PULL_REQUEST"] = "42"
		e, err := dbtcloud.EventFromEnv(variables(env))
		if err != nil || brief(e) != want {
			t.Errorf("%s: %q, %v, want %q", fixture, brief(e), err, want)
			continue
		}
		for _, fact := range e.Facts {
			if fact.Field == "SHA" && e.SHA == "" {
				t.Errorf("%s: there is a fact of a commit that was left out: %+v", fixture, fact)
			}
		}
	}
}

// TestEventClosedByHand: the number of a pipeline that was not started for the end of a pull
// request does not say what is newer than that end.
func TestEventClosedByHand(t *testing.T) {
	t.Parallel()
	tests := []struct {
		fixture, sequence string // of the pipeline's own variables
		want              int64
	}{
		{"gitlab/pull_request", "", 0},
		{"gitlab/pull_request", "900", 900},
		{"jenkins/closed_by_parameter", "", 0},
		{"buildkite/closed_by_trigger", "", 1514},
		{"circleci/push", "", 77},
	}
	for _, test := range tests {
		env, _ := eventFixture(t, "testdata/events/"+test.fixture+".env")
		env["DBT_CLOUD_CI_PULL_REQUEST"], env["DBT_CLOUD_CI_ACTION"] = "42", "closed"
		if test.sequence != "" {
			env["DBT_CLOUD_CI_SEQUENCE"] = test.sequence
		}
		e, err := dbtcloud.EventFromEnv(variables(env))
		if err != nil || e.Kind != dbtcloud.EventClosed || e.Sequence != test.want {
			t.Errorf("%s: %+v, %v, want the sequence %d", test.fixture, e, err, test.want)
			continue
		}
		for _, fact := range e.Facts {
			if fact.Field == "Sequence" && test.want == 0 {
				t.Errorf("%s: there is a fact of a sequence that was left out: %+v", test.fixture, fact)
			}
		}
	}
}
