package dbtcloud_test

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slimci/dbtcloud"
)

// checkEventError holds of every error: it is one line that quotes little.
func checkEventError(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, dbtcloud.ErrInvalid) && !errors.Is(err, dbtcloud.ErrNoCI) {
		t.Errorf("%v is neither ErrInvalid nor ErrNoCI", err)
	}
	if text := err.Error(); strings.ContainsAny(text, "\n\r\x1b\x00") || len(text) > 400 {
		t.Errorf("%d bytes, %.500q: want one short line", len(text), text)
	}
}

// TestEventFileBad: an event file that cannot be right is refused in one line.
func TestEventFileBad(t *testing.T) {
	t.Parallel()
	whole, err := os.ReadFile("testdata/events/github/pull_request.json")
	if err != nil {
		t.Fatal(err)
	}
	change := func(from, to string) []byte {
		if !strings.Contains(string(whole), from) {
			t.Fatalf("the fixture has no %s", from)
		}
		return []byte(strings.Replace(string(whole), from, to, 1))
	}
	for name, row := range map[string]struct {
		content []byte
		want    string
	}{
		"empty":            {nil, "byte 0"},
		"truncated":        {whole[:len(whole)/2], "cut short"},
		"not JSON":         {[]byte("<html>::error::boo</html>"), "not JSON"},
		"a list":           {[]byte("[1]"), "not a JSON object"},
		"null":             {[]byte("null"), "has no pull_request"},
		"another event":    {[]byte(`{"ref":"refs/heads/main"}`), "has no pull_request"},
		"deep":             {[]byte(strings.Repeat(`{"a":`, 20000)), "not JSON"},
		"number as text":   {change(`"number": 42,`+"\n    "+`"state"`, `"number": "::error::boo","state"`), "pull_request.number that is no int64"},
		"number 0":         {change(`"number": 42,`+"\n    "+`"state"`, `"number": 0, "state"`), `"0" is not a number`},
		"negative number":  {change(`"number": 42,`+"\n    "+`"state"`, `"number": -42, "state"`), `"-42" is not a number`},
		"huge number":      {change(`"number": 42,`+"\n    "+`"state"`, `"number": 9007199254740992, "state"`), `"9007199254740992" is not`},
		"endless number":   {change(`"number": 42,`+"\n    "+`"state"`, `"number": 1`+strings.Repeat("0", 5000)+`, "state"`), "pull_request.number that is no int64"},
		"branch of lines":  {change(`"feature/orders"`, `"x\n::set-env name=A::b"`), "pull_request.head.ref of the event file: has a line break"},
		"endless branch":   {change(`"feature/orders"`, `"`+strings.Repeat("x", 5000)+`"`), "has 5000 bytes"},
		"target of lines":  {change(`"ref": "main"`, `"ref": "main\u2028x"`), "pull_request.base.ref of the event file: has a line break"},
		"draft is no flag": {change(`"draft": false`, `"draft": "no"`), "pull_request.draft that is no bool"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "event.json")
			if err := os.WriteFile(path, row.content, 0o600); err != nil {
				t.Fatal(err)
			}
			refusedEventFile(t, path, row.want)
		})
	}
}

func refusedEventFile(t *testing.T, path, want string) {
	t.Helper()
	env, _ := eventFixture(t, "testdata/events/github/pull_request.env")
	env["GITHUB_EVENT_PATH"] = path
	e, err := dbtcloud.EventFromEnv(variables(env))
	if err == nil || e != nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("%v, %v, want %q", e, err, want)
	}
	checkEventError(t, err)
	if dir := filepath.Dir(path); dir != "." && strings.Contains(err.Error(), dir) {
		t.Errorf("%v quotes the path", err)
	}
}

// TestEventFileNone: what the variable names is no file of a sane size.
func TestEventFileNone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	huge := filepath.Join(dir, "huge.json")
	if err := os.WriteFile(huge, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(huge, 50<<20); err != nil {
		t.Fatal(err)
	}
	refusedEventFile(t, "", "GITHUB_EVENT_PATH: is not set")
	refusedEventFile(t, dir, "is not a file")
	refusedEventFile(t, huge, "more than 25 MB")
	refusedEventFile(t, filepath.Join(dir, "missing.json"), "cannot be read")
	refusedEventFile(t, "a\x00b", "control character")
	if _, err := dbtcloud.EventFromEnv(variables(map[string]string{"GITHUB_ACTIONS": "1", "GITHUB_EVENT_NAME": "push", "GITHUB_EVENT_PATH": filepath.Join(dir, "missing.json")})); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v is not fs.ErrNotExist", err)
	}
}

// TestEventVariablesBad: variables that cannot be right are refused in one line.
func TestEventVariablesBad(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ fixture, name, value, want string }{
		{"gitlab/pull_request", "CI_MERGE_REQUEST_IID", "12; rm -rf /", "CI_MERGE_REQUEST_IID: "},
		{"gitlab/pull_request", "CI_MERGE_REQUEST_IID", "-1", "not a number from 1"},
		{"gitlab/pull_request", "CI_MERGE_REQUEST_IID", "99999999999999999999", "not a number"},
		{"gitlab/pull_request", "CI_PIPELINE_IID", "0x10", "CI_PIPELINE_IID"},
		{"gitlab/pull_request", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "a\n::error::b", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME: has a line break"},
		{"gitlab/pull_request", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "a\x1b[31mb", "control character"},
		{"gitlab/pull_request", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "a\xffb", "is not UTF-8"},
		{"gitlab/pull_request", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME", strings.Repeat("x", 1<<20), "has 1048576 bytes"},
		{"gitlab/pull_request", "CI_MERGE_REQUEST_DRAFT", strings.Repeat("maybe", 50), "neither true nor false"},
		{"azure/pull_request", "SYSTEM_PULLREQUEST_PULLREQUESTID", "$(System.PullRequest.PullRequestId)", "SYSTEM_PULLREQUEST_PULLREQUESTID"},
		{"bitbucket/pull_request", "BITBUCKET_PR_ID", "4２", "BITBUCKET_PR_ID"},
		{"circleci/pull_request", "DBT_CLOUD_CI_GIT_HOST", "gitea", "use github, gitlab, azure or other"},
		{"circleci/pull_request", "DBT_CLOUD_CI_SHA", "8f2c4e6", "not a full commit id"},
		{"circleci/pull_request", "DBT_CLOUD_CI_SEQUENCE", "<< pipeline.number >>", "DBT_CLOUD_CI_SEQUENCE"},
		{"jenkins/pull_request", "CHANGE_ID", "PR-42", "CHANGE_ID"},
		{"jenkins/pull_request", "CHANGE_URL", "https://github.com/acme/analy%0Atics/pull/42", "CHANGE_URL: has a line break"},
		{"buildkite/pull_request", "BUILDKITE_REPO", "https://github.com/acme/analy%0Dtics.git", "BUILDKITE_REPO: has a line break"},
		{"buildkite/pull_request", "BUILDKITE_PULL_REQUEST", "true", "BUILDKITE_PULL_REQUEST"},
		{"codebuild/pull_request", "CODEBUILD_WEBHOOK_TRIGGER", "pr/0", "CODEBUILD_WEBHOOK_TRIGGER"},
	} {
		t.Run(row.name+" "+row.want, func(t *testing.T) {
			t.Parallel()
			env, _ := eventFixture(t, "testdata/events/"+row.fixture+".env")
			env[row.name] = row.value
			e, err := dbtcloud.EventFromEnv(variables(env))
			if e != nil || !errors.Is(err, dbtcloud.ErrInvalid) || !strings.Contains(err.Error(), row.want) {
				t.Fatalf("%v, %v, want %q", e, err, row.want)
			}
			checkEventError(t, err)
		})
	}
}

// TestEventHostile: what looks like a command stays data, and is in no text but its own.
func TestEventHostile(t *testing.T) {
	t.Parallel()
	for _, branch := range []string{"$(rm${IFS}-rf${IFS}/)", "`id`", "a;reboot", "::error::boo", "##vso[task.complete_result=Failed]", "a%0Ab%0D", "x'\"y", "--sha=0", "refs/heads", "日本語", "%s%n%!d"} {
		for fixture, name := range map[string]string{
			"gitlab/pull_request": "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "azure/pull_request": "SYSTEM_PULLREQUEST_SOURCEBRANCH", "bitbucket/pull_request": "BITBUCKET_BRANCH",
			"circleci/pull_request": "CIRCLE_BRANCH", "jenkins/given": "CHANGE_BRANCH", "buildkite/pull_request": "BUILDKITE_BRANCH", "codebuild/given": "CODEBUILD_WEBHOOK_HEAD_REF",
		} {
			env, _ := eventFixture(t, "testdata/events/"+fixture+".env")
			env[name] = branch
			e, err := dbtcloud.EventFromEnv(variables(env))
			if err != nil {
				t.Errorf("%s, %q: %v", fixture, branch, err)
				continue
			}
			checkEvent(t, e)
			if e.Branch != branch || e.Testable() != nil {
				t.Errorf("%s: %q, want %q, testable %v", fixture, e.Branch, branch, e.Testable())
			}
		}
	}
	for _, name := range []string{"CI_COMMIT_BRANCH", "CI_PROJECT_PATH"} {
		env, _ := eventFixture(t, "testdata/events/gitlab/push.env")
		env[name] = "::error::boo"
		e, err := dbtcloud.EventFromEnv(variables(env))
		if err != nil || strings.Contains(e.Testable().Error(), "boo") {
			t.Errorf("%s: %v, %v", name, e, err)
		}
	}
}

// TestEventCommit: only a full commit id is one.
func TestEventCommit(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		headSHA:                  headSHA,
		strings.ToUpper(headSHA): headSHA,
		" " + headSHA + "\n":     headSHA,
		headSHA + headSHA[:24]:   headSHA + headSHA[:24],
		headSHA[:12]:             "",
		headSHA + "0":            "",
		strings.Repeat("0", 40):  "",
		"refs/heads/" + headSHA:  "",
		"$(id)":                  "",
		strings.Repeat("g", 40):  "",
		"HEAD":                   "",
	} {
		env, _ := eventFixture(t, "testdata/events/bitbucket/pull_request.env")
		env["BITBUCKET_COMMIT"] = value
		e, err := dbtcloud.EventFromEnv(variables(env))
		if err != nil || e.SHA != want {
			t.Errorf("%q: %v, %v, want %q", value, e, err, want)
		}
	}
}

// FuzzEventFile: no event file makes it panic, and what comes of it keeps what every
// event and every error keep.
func FuzzEventFile(f *testing.F) {
	files, err := filepath.Glob("testdata/events/github/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, "pull_request")
		f.Add(raw, "push")
	}
	f.Add([]byte(`{"pull_request":{"number":1,"head":{"sha":"x","ref":"a\nb"}}}`), "pull_request_target")
	f.Add([]byte(`{"merge_group":{"base_ref":"\u0000"}}`), "merge_group")
	base, _ := eventFixture(f, "testdata/events/github/pull_request.env")
	f.Fuzz(func(t *testing.T, raw []byte, name string) {
		path := filepath.Join(t.TempDir(), "event.json")
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		env := maps.Clone(base)
		env["GITHUB_EVENT_PATH"], env["GITHUB_EVENT_NAME"] = path, name
		checkEventFromEnv(t, env)
	})
}

// FuzzEventVariables: no variables make it panic, either. They stand in lines of
// NAME=value, on top of those of a fixture.
func FuzzEventVariables(f *testing.F) {
	rows := eventRows()
	for i, row := range rows {
		env, _ := eventFixture(f, "testdata/events/"+row.fixture+".env")
		var lines []string
		for name, value := range env {
			lines = append(lines, name+"="+value)
		}
		f.Add(uint8(i), strings.Join(lines, "\n"))
	}
	f.Add(uint8(0), "CI_MERGE_REQUEST_IID=\x85\nCHANGE_URL=https://a/b/pull/0\nBUILDKITE_REPO=a:b\nCODEBUILD_WEBHOOK_TRIGGER=tag/\nCIRCLE_BUILD_URL=http://a%zz")
	f.Fuzz(func(t *testing.T, which uint8, lines string) {
		env, _ := eventFixture(t, "testdata/events/"+rows[int(which)%len(rows)].fixture+".env")
		for line := range strings.SplitSeq(lines, "\n") {
			if name, value, ok := strings.Cut(line, "="); ok && name != "GITHUB_EVENT_PATH" {
				env[name] = strings.ReplaceAll(value, `\n`, "\n")
			}
		}
		checkEventFromEnv(t, env)
	})
}

func checkEventFromEnv(t *testing.T, env map[string]string) {
	t.Helper()
	e, err := dbtcloud.EventFromEnv(variables(env))
	if (e == nil) == (err == nil) {
		t.Fatalf("both, or neither: %v, %v", e, err)
	}
	if err != nil {
		checkEventError(t, err)
		return
	}
	checkEvent(t, e)
}
