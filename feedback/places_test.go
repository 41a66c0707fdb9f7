package feedback_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/feedback"
	"github.com/slimci/dbtcloud/report"
)

const sha = "0123456789abcdef0123456789abcdef01234567"

// red is the digest of a run in which a test failed.
func red() *report.Digest {
	return &report.Digest{
		Run:      report.RunSummary{ID: 77, JobName: "Slim CI", Status: "Error", URL: "https://cloud.getdbt.com/deploy/1/projects/2/runs/77/"},
		Failures: []report.Failure{{Name: "not_null_orders_id", Kind: "test", Status: "fail", File: "models/orders.yml", Message: "Got 3 results\n100%", Failures: 3}},
		Counts:   report.Counts{Nodes: 1, Failed: 1},
	}
}

func env(pairs map[string]string) func(string) string {
	return func(name string) string { return pairs[name] }
}

func read(t rapid.TB, name string) string {
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestGitHub(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	summary, outputs := filepath.Join(dir, "summary"), filepath.Join(dir, "outputs")
	if err := os.WriteFile(summary, []byte("what was there"), 0o600); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	p := feedback.Places{Getenv: env(map[string]string{"GITHUB_STEP_SUMMARY": summary, "GITHUB_OUTPUT": outputs}), Log: &log}
	if err := p.Publish(t.Context(), dbtcloud.GitHubActions, sha, red()); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"log":     "::error file=models/orders.yml,title=dbt test not_null_orders_id::Got 3 results%0A100%25\n",
		"summary": "what was there\n" + red().Markdown(0),
		"outputs": "run_id=77\nrun_url=https://cloud.getdbt.com/deploy/1/projects/2/runs/77/\nstatus=error\n",
	}
	got := map[string]string{"log": log.String(), "summary": read(t, summary), "outputs": read(t, outputs)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The service drops a summary of more than a mebibyte whole.
func TestGitHubSummaryHasRoom(t *testing.T) {
	t.Parallel()
	d := red()
	for range 400 {
		d.Failures = append(d.Failures, report.Failure{Kind: "model", Name: "x", Message: strings.Repeat("long ", 800)})
	}
	for _, before := range []int{0, 1, 1000, 1 << 19, 1<<20 - 1000, 1<<20 - 100, 1<<20 - 1, 1 << 20, 1<<20 + 7} {
		name := filepath.Join(t.TempDir(), "summary")
		if err := os.WriteFile(name, []byte(strings.Repeat("x", before)), 0o600); err != nil {
			t.Fatal(err)
		}
		p := feedback.Places{Getenv: env(map[string]string{"GITHUB_STEP_SUMMARY": name, "GITHUB_OUTPUT": name + ".out"}), Log: io.Discard}
		err := p.Publish(t.Context(), dbtcloud.GitHubActions, sha, d)
		after := len(read(t, name))
		if full := before > 1<<20-500; full != (err != nil) || full != (after == before) || full != (err != nil && strings.Contains(err.Error(), "room")) {
			t.Errorf("%d bytes before, %d after: %v", before, after, err)
		}
		if after > max(before, 1<<20) {
			t.Errorf("%d bytes before, %d after", before, after)
		}
	}
}

func TestAzure(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var log strings.Builder
	p := feedback.Places{Getenv: env(map[string]string{"AGENT_TEMPDIRECTORY": dir}), Log: &log}
	if err := p.Publish(t.Context(), dbtcloud.AzurePipelines, sha, red()); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "dbt run 77.md")
	want := "##vso[task.logissue type=error;sourcepath=models/orders.yml;]dbt test not_null_orders_id: Got 3 results%0A100%AZP25\n" +
		"##vso[task.uploadsummary]" + file + "\n" +
		"##vso[task.setvariable variable=run_id;isOutput=true]77\n" +
		"##vso[task.setvariable variable=run_url;isOutput=true]https://cloud.getdbt.com/deploy/1/projects/2/runs/77/\n" +
		"##vso[task.setvariable variable=status;isOutput=true]error\n"
	if diff := cmp.Diff(want, log.String()); diff != "" {
		t.Errorf("the log (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(red().Markdown(0), read(t, file)); diff != "" {
		t.Errorf("the summary (-want +got):\n%s", diff)
	}
}

func TestBuildkite(t *testing.T) {
	t.Parallel()
	var got []string
	p := feedback.Places{Command: func(_ context.Context, stdin, name string, args ...string) error {
		got = append([]string{stdin, name}, args...)
		return nil
	}}
	if err := p.Publish(t.Context(), dbtcloud.Buildkite, sha, red()); err != nil {
		t.Fatal(err)
	}
	want := []string{red().Markdown(0), "buildkite-agent", "annotate", "--style", "error", "--context", "dbtcloud"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// roundTrip is an http.RoundTripper.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answer(status int, text string) *http.Response {
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Body: io.NopCloser(strings.NewReader(text)), Header: http.Header{"Location": {"https://elsewhere.example/"}}}
}

func TestBitbucket(t *testing.T) {
	t.Parallel()
	const path = "/repositories/shop/analytics/commit/" + sha + "/reports/dbtcloud"
	tests := []struct {
		name     string
		env      map[string]string
		base     string
		wantAuth string
	}{
		{"by the proxy", nil, "http://api.bitbucket.org/2.0", ""},
		{"tokens that are for comments", map[string]string{"BITBUCKET_ACCESS_TOKEN": "secret", "DBT_CLOUD_CI_HOST_TOKEN": "secret"}, "http://api.bitbucket.org/2.0", ""},
		{"another address", map[string]string{"DBT_CLOUD_CI_HOST_URL": "http://127.0.0.1:1/2.0/"}, "http://127.0.0.1:1/2.0", ""},
		{"with the token that goes first", map[string]string{"DBT_CLOUD_CI_HOST_URL": "https://api.bitbucket.org/2.0", "DBT_CLOUD_CI_HOST_TOKEN": "first", "BITBUCKET_ACCESS_TOKEN": "secret"}, "https://api.bitbucket.org/2.0", "Bearer first"},
		{"with a token", map[string]string{"DBT_CLOUD_CI_HOST_URL": "https://api.bitbucket.org/2.0", "BITBUCKET_ACCESS_TOKEN": "secret"}, "https://api.bitbucket.org/2.0", "Bearer secret"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			client := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				body, err := io.ReadAll(r.Body)
				if auth := r.Header.Get("Authorization"); err != nil || auth != tt.wantAuth {
					t.Errorf("%v: Authorization %q, want %q", err, auth, tt.wantAuth)
				}
				if r.Method != http.MethodDelete && (!json.Valid(body) || r.Header.Get("Content-Type") != "application/json") {
					t.Errorf("%s of %q", r.Method, body)
				}
				got = append(got, r.Method+" "+r.URL.String())
				if r.Method == http.MethodDelete {
					return answer(404, "there was none"), nil
				}
				return answer(200, "{}"), nil
			})}
			vars := map[string]string{"BITBUCKET_REPO_FULL_NAME": "shop/analytics"}
			maps.Copy(vars, tt.env)
			if err := (feedback.Places{Getenv: env(vars), HTTPClient: client}).Publish(t.Context(), dbtcloud.BitbucketPipelines, sha, red()); err != nil {
				t.Fatal(err)
			}
			want := []string{"DELETE " + tt.base + path, "PUT " + tt.base + path, "POST " + tt.base + path + "/annotations"}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What cannot be had is told in a line, and what else there is to do is done.
func TestPlacesThatFail(t *testing.T) {
	t.Parallel()
	refuse := func(status int, text string) *http.Client {
		return &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) { return answer(status, text), nil })}
	}
	dir := t.TempDir()
	tests := []struct {
		name     string
		places   feedback.Places
		provider dbtcloud.CIProvider
		sha      string
		want     []string // of each line of the error a part
	}{
		{"no files", feedback.Places{}, dbtcloud.GitHubActions, sha, []string{"GITHUB_STEP_SUMMARY names: the variable is not set", "GITHUB_OUTPUT names: the variable is not set"}},
		{"directories", feedback.Places{Getenv: func(string) string { return dir }}, dbtcloud.GitHubActions, sha, []string{"GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"}},
		{"no temporary directory", feedback.Places{}, dbtcloud.AzurePipelines, sha, []string{"AGENT_TEMPDIRECTORY is not set"}},
		{"no repository", feedback.Places{}, dbtcloud.BitbucketPipelines, sha, []string{"the repository must be owner/name"}},
		{"no commit", feedback.Places{Getenv: func(string) string { return "a/b" }}, dbtcloud.BitbucketPipelines, "../../x", []string{`"../../x" is no commit id`}},
		{"a refusal", feedback.Places{HTTPClient: refuse(403, `{"error":{"message":"no\nscope"}}`)}, dbtcloud.BitbucketPipelines, sha, []string{"403 Forbidden: no scope: the token needs"}},
		{"a redirect", feedback.Places{HTTPClient: refuse(307, "")}, dbtcloud.BitbucketPipelines, sha, []string{"redirects to another host"}},
		{"no agent", feedback.Places{Command: func(context.Context, string, string, ...string) error { return errors.New("not found") }}, dbtcloud.Buildkite, sha, []string{"annotating the build: not found"}},
		{"nothing to do", feedback.Places{Log: broken{}}, dbtcloud.GitLabCI, "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.places.Getenv == nil {
				tt.places.Getenv = env(map[string]string{"BITBUCKET_REPO_FULL_NAME": map[bool]string{true: "shop/analytics"}[tt.places.HTTPClient != nil]})
			}
			if tt.places.Log == nil {
				tt.places.Log = io.Discard
			}
			checkLines(t, tt.places.Publish(t.Context(), tt.provider, tt.sha, red()), tt.want)
		})
	}
}

func checkLines(t *testing.T, err error, want []string) {
	t.Helper()
	var lines []string
	if err != nil {
		lines = strings.Split(err.Error(), "\n")
	}
	if len(lines) != len(want) {
		t.Fatalf("the error is %v, want %d lines", err, len(want))
	}
	for i, line := range lines {
		if !strings.Contains(line, want[i]) || strings.Contains(line, "secret") {
			t.Errorf("a line is %q, want %q in it", line, want[i])
		}
	}
}

// broken is a log that nobody reads any more.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestNothingToPublish(t *testing.T) {
	t.Parallel()
	if err := (feedback.Places{}).Publish(t.Context(), dbtcloud.GitHubActions, sha, nil); !errors.Is(err, dbtcloud.ErrInvalid) {
		t.Errorf("without a digest: %v", err)
	}
	err := feedback.Places{Log: broken{}, Getenv: env(map[string]string{"AGENT_TEMPDIRECTORY": t.TempDir()})}.Publish(t.Context(), dbtcloud.AzurePipelines, sha, red())
	checkLines(t, err, []string{"writing to the log: broken pipe"})
}

// Whatever the texts of a digest are, the log has our own commands alone, and the outputs are ours.
func TestPublishedTextsAreNoCommands(t *testing.T) {
	t.Parallel()
	parts := []string{
		"\n::set-output name=a::b", "\r\n::error::x", "##vso[task.complete result=Failed;]", "\n##vso[task.setvariable variable=PATH]x", "##[error]x", "%0A::stop-commands::x", "%", "%0D", ";", "]", ",", ":",
		"\x1b[31m", "\x00", "\u2028::error::x", "\u0085", "status=success\nrun_id=1", "EOF\n", "run_url<<EOF\n", "$(reboot)", "`reboot`", "\xff", "feature/x", " ", "word",
	}
	text := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 0, 6).Draw(t, "parts"), "")
	})
	failure := rapid.Custom(func(t *rapid.T) report.Failure {
		return report.Failure{Name: text.Draw(t, "name"), Kind: text.Draw(t, "kind"), Status: text.Draw(t, "status"), File: text.Draw(t, "file"), Line: 3, Message: text.Draw(t, "message")}
	})
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		d := &report.Digest{
			Run:      report.RunSummary{ID: 7, Status: text.Draw(t, "status"), URL: "https://x.example/" + text.Draw(t, "url"), Branch: text.Draw(t, "branch"), JobName: text.Draw(t, "job")},
			Failures: rapid.SliceOfN(failure, 0, 3).Draw(t, "failures"), Warnings: rapid.SliceOfN(failure, 0, 3).Draw(t, "warnings"), Notes: []string{text.Draw(t, "note")},
		}
		for _, name := range []string{"summary", "output"} {
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		vars := env(map[string]string{"GITHUB_STEP_SUMMARY": filepath.Join(dir, "summary"), "GITHUB_OUTPUT": filepath.Join(dir, "output"), "AGENT_TEMPDIRECTORY": dir})
		check := func(provider dbtcloud.CIProvider, command string) {
			var log strings.Builder
			if err := (feedback.Places{Getenv: vars, Log: &log}).Publish(t.Context(), provider, sha, d); err != nil {
				t.Fatal(err)
			}
			if !regexp.MustCompile(`^(?:` + command + `\n)*$`).MatchString(log.String()) {
				t.Fatalf("the log of %s: %q", provider, log.String())
			}
		}
		check(dbtcloud.GitHubActions, `::(?:error|warning) (?:file=[^:,\r\n]*,line=3,)?title=[^:,\r\n]*::[^\r\n]*`)
		check(dbtcloud.AzurePipelines, `##vso\[task\.(?:logissue type=(?:error|warning);(?:sourcepath=[^;\]\r\n]*;linenumber=3;)?|uploadsummary|setvariable variable=(?:run_id|run_url|status);isOutput=true)\][^\r\n]*`)
		output := read(t, filepath.Join(dir, "output"))
		if !regexp.MustCompile(`^run_id=7\nrun_url=(?:https://x\.example/[\w.:/~% -]*)?\nstatus=[\w.:/~% -]*\n$`).MatchString(output) {
			t.Fatalf("the outputs are %q", output)
		}
	})
}
