package dbtcloud_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// TestRunDecodes: a recorded run, nulls and both forms of timestamps included.
func TestRunDecodes(t *testing.T) {
	t.Parallel()
	c, _ := scripted(t, always(200, "application/json", envelope(fixture(t, "run.json"))))
	got, err := c.Runs.Get(t.Context(), 70506183629193)
	if err != nil {
		t.Fatal(err)
	}
	at := func(sec, micro int) dbtcloud.Time {
		return dbtcloud.Time{Time: time.Date(2026, 8, 20, 17, 18, sec, micro*1000, time.UTC)}
	}
	want := &dbtcloud.Run{
		ID: 70506183629193, TriggerID: 70506183629194, AccountID: 70506183000001, ProjectID: 70506183000002, EnvironmentID: 70506183000003,
		JobID: 70506183137151, Status: dbtcloud.RunRunning, StatusHumanized: "Running", DbtVersion: "latest", BlockedBy: []int64{70506183629100},
		ExecutedByThreadID: "scheduler-run-5", CreatedAt: at(23, 855152), UpdatedAt: at(25, 0), DequeuedAt: at(24, 500000), StartedAt: at(25, 0),
		InProgress: true, Duration: "00:00:02", QueuedDuration: "00:00:01", RunDuration: "00:00:01",
		Href: "https://ab123.us1.dbt.com/deploy/70506183000001/projects/70506183000002/runs/70506183629193/",
		Trigger: &dbtcloud.RunTrigger{ID: 70506183629194, Cause: "[ci:ab12] PR 50", CauseCategory: "api", JobID: 70506183137151,
			GitSHA: "0f3c5e9bd0f7a1c3d1f0a5b7c9e1d3f5a7b9c1d3", GitHubPullRequestID: 50, SchemaOverride: "dbt_cloud_pr_70506183137151_50",
			GenerateDocsOverride: new(false), CreatedAt: at(23, 855000)},
		Job: &dbtcloud.RunJob{ID: 70506183137151, Name: "CI", Type: dbtcloud.JobCI},
		Steps: []dbtcloud.RunStep{{ID: 11, RunID: 70506183629193, AccountID: 70506183000001, Index: 1, Status: dbtcloud.RunSuccess, StatusHumanized: "Success",
			Name: "Clone git repository", Logs: "cloned\n", StartedAt: at(25, 100000), Duration: "00:00:02"}},
		Audit: &dbtcloud.RunAudit{Trigger: dbtcloud.RunAuditEvent{Actor: dbtcloud.RunActor{ID: "17", Type: "user", Name: "Ada"}},
			Cancellation: dbtcloud.RunAuditEvent{Actor: dbtcloud.RunActor{ID: "18", Type: "service_token", Name: "CI"}}},
		Environment: json.RawMessage("null"), Deprecation: json.RawMessage(`{"count":0}`),
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(dbtcloud.Run{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !bytes.Contains(got.Raw(), []byte(`"scribe_enabled":true`)) {
		t.Error("Raw lacks a field that is not known")
	}
	if pr := got.Trigger.PullRequest(); pr != (dbtcloud.PullRequest{Host: dbtcloud.GitHub, Number: 50}) {
		t.Errorf("pull request %v", pr)
	}
}

func TestRunFilterQuery(t *testing.T) {
	t.Parallel()
	day := func(d int) time.Time { return time.Date(2026, 1, d, 0, 0, 0, 0, time.UTC) }
	tests := []struct {
		name   string
		filter dbtcloud.RunFilter
		want   url.Values
	}{
		{"everything", dbtcloud.RunFilter{}, url.Values{"limit": {"100"}, "order_by": {"id"}}},
		{"all fields", dbtcloud.RunFilter{
			JobID: 1, ProjectID: 2, ProjectIDs: []int64{3, 4}, EnvironmentID: 5, IDs: []int64{6, 7}, After: 8, Statuses: dbtcloud.Active(), DbtVersions: []string{"latest", `"q"`},
			DeferringRunID: 9, HasDocsGenerated: new(true), HasSourcesGenerated: new(false), CreatedBetween: [2]time.Time{day(1), day(2)}, FinishedBetween: [2]time.Time{day(3), day(4)},
			Include: []dbtcloud.RunInclude{dbtcloud.RunWithTrigger, dbtcloud.RunWithJob},
		}, url.Values{"limit": {"100"}, "order_by": {"id"}, "job_definition_id": {"1"}, "project_id": {"2"}, "project_id__in": {"[3,4]"}, "environment_id": {"5"}, "pk__in": {"[6,7]"},
			"id__gt": {"8"}, "status__in": {"[1,2,3]"}, "dbt_version__in": {`["latest","\"q\""]`}, "deferring_run_id": {"9"}, "has_docs_generated": {"true"}, "has_sources_generated": {"false"},
			"created_at__range": {`["2026-01-01T00:00:00Z","2026-01-02T00:00:00Z"]`}, "finished_at__range": {`["2026-01-03T00:00:00Z","2026-01-04T00:00:00Z"]`}, "include_related": {"trigger,job"}}},
		{"one status", dbtcloud.RunFilter{Statuses: []dbtcloud.RunStatus{dbtcloud.RunError}}, url.Values{"limit": {"100"}, "order_by": {"id"}, "status": {"20"}}},
		{"newest", dbtcloud.RunFilter{Newest: 5}, url.Values{"limit": {"5"}, "order_by": {"-id"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var got url.Values
			c, _ := scripted(t, func(_ int, req *http.Request) (*http.Response, error) {
				got = req.URL.Query()
				return response(200, "application/json", envelope("[]")), nil
			})
			if _, err := dbtcloud.Collect(c.Runs.All(t.Context(), test.filter)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestRunFilterRefuses what would select something else than it says.
func TestRunFilterRefuses(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]dbtcloud.RunFilter{
		"negative Newest": {Newest: -1}, "large Newest": {Newest: 101},
		"open range": {CreatedBetween: [2]time.Time{time.Now(), {}}}, "range without a beginning": {FinishedBetween: [2]time.Time{{}, time.Now()}},
		"range that ends before it begins": {CreatedBetween: [2]time.Time{time.Now(), time.Now().Add(-time.Hour)}},
		"range that no text can say":       {CreatedBetween: [2]time.Time{time.Now(), time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)}},
	} {
		c, s := scripted(t, always(200, "application/json", envelope("[]")))
		if _, err := dbtcloud.Collect(c.Runs.All(t.Context(), f)); !errors.Is(err, dbtcloud.ErrInvalid) || len(s.lines()) != 0 {
			t.Errorf("%s: error %v after %d requests, want ErrInvalid and none", name, err, len(s.lines()))
		}
	}
}

func TestRunStatusText(t *testing.T) {
	t.Parallel()
	want := map[dbtcloud.RunStatus]string{1: "Queued", 2: "Starting", 3: "Running", 10: "Success", 20: "Error", 30: "Cancelled", 42: "Unknown(42)", 0: "Unknown(0)"}
	for status, text := range want {
		if status.String() != text || status.Terminal() != (status == 10 || status == 20 || status == 30) {
			t.Errorf("%d is %s, terminal %v", int(status), status, status.Terminal())
		}
	}
}

func TestRunTriggerPullRequest(t *testing.T) {
	t.Parallel()
	tests := map[dbtcloud.PullRequest]*dbtcloud.RunTrigger{
		{Host: dbtcloud.GitHub, Number: 1}:     {GitHubPullRequestID: 1},
		{Host: dbtcloud.GitLab, Number: 2}:     {GitLabMergeRequestID: 2},
		{Host: dbtcloud.AzureRepos, Number: 3}: {AzurePullRequestID: 3},
		{Host: dbtcloud.OtherHost, Number: 4}:  {NonNativePullRequestID: 4},
	}
	for want, trigger := range tests {
		if got := trigger.PullRequest(); got != want {
			t.Errorf("%+v is %v, want %v", trigger, got, want)
		}
	}
	for _, none := range []*dbtcloud.RunTrigger{nil, {}, {GitHubPullRequestID: -1}} {
		if got := none.PullRequest(); got != (dbtcloud.PullRequest{}) {
			t.Errorf("%+v is %v, want none", none, got)
		}
	}
}

func TestLogs(t *testing.T) {
	t.Parallel()
	c, _ := scripted(t, always(200, "application/json", envelope(`{"id":5,"run_steps":[
		{"index":1,"name":"Clone","status":10,"logs":"cloned\n\n"},{"index":2,"name":"dbt build","status":20,"logs":"1 of 1 ERROR"},{"index":3,"name":"Cleanup","status":1,"logs":null}]}`)))
	got, err := c.Runs.Logs(t.Context(), 5)
	want := "== 1. Clone (Success)\ncloned\n== 2. dbt build (Error)\n1 of 1 ERROR\n== 3. Cleanup (Queued)\n"
	if err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

// TestArtifactStreams: what the caller has not asked for is not read.
func TestArtifactStreams(t *testing.T) {
	t.Parallel()
	var read int64
	c, _ := scripted(t, func(int, *http.Request) (*http.Response, error) {
		resp := response(200, "application/octet-stream", "")
		resp.Body, resp.ContentLength = io.NopCloser(&filler{left: 1 << 40, read: &read}), 1<<40
		return resp, nil
	})
	body, err := c.Runs.OpenArtifact(t.Context(), 5, "manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, body, 1<<20); err != nil {
		t.Fatal(err)
	}
	if err := body.Close(); err != nil || read > 1<<20+64<<10 {
		t.Errorf("%d bytes were read for one MiB, close: %v", read, err)
	}
}

// TestArtifactIsNoPage: a page that somebody else answered is no artifact, of a run or
// of a job.
func TestArtifactIsNoPage(t *testing.T) {
	t.Parallel()
	c, _ := scripted(t, always(200, "text/html", "<html>log in</html>"))
	for name, open := range map[string]func(context.Context, int64, string) (io.ReadCloser, error){"run": c.Runs.OpenArtifact, "job": c.Jobs.OpenArtifact} {
		if body, err := open(t.Context(), 5, "manifest.json"); err == nil {
			_ = body.Close()
			t.Errorf("%s: a login page is taken for manifest.json", name)
		}
		body, err := open(t.Context(), 5, "index.html")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_ = body.Close()
	}
}

// TestJobArtifact: a job's artifact is that of its newest run that has one.
func TestJobArtifact(t *testing.T) {
	t.Parallel()
	s := dbtcloudtest.New()
	c, err := s.Client()
	if err != nil {
		t.Fatal(err)
	}
	job := s.AddJob(dbtcloudtest.JobSpec{Name: "CI"})
	if body, err := c.Jobs.OpenArtifact(t.Context(), job, "manifest.json"); !errors.Is(err, dbtcloud.ErrNotFound) {
		t.Errorf("before any run: %v, %v; want ErrNotFound", body, err)
	}
	for _, content := range []string{"old", "new"} {
		run := s.AddRun(dbtcloudtest.RunSpec{JobID: job})
		s.FinishRun(run, dbtcloudtest.Success)
		s.AddArtifact(run, "manifest.json", []byte(content))
	}
	if got, err := drain(c.Jobs.OpenArtifact(t.Context(), job, "manifest.json")); err != nil || got != "new" {
		t.Errorf("got %v, %v; want the newest", got, err)
	}
}

// TestFailureDetails: what comes after the failed step is skipped; there may be nothing.
func TestFailureDetails(t *testing.T) {
	t.Parallel()
	tests := map[string]*dbtcloud.RunFailure{
		`{"failed_step":"dbt build","skipped_steps":["dbt docs generate"]}`: {FailedStep: "dbt build", SkippedSteps: []string{"dbt docs generate"}},
		`{"failed_step":null,"skipped_steps":null,"later":1}`:               {},
	}
	for data, want := range tests {
		c, _ := scripted(t, always(200, "application/json", envelope(data)))
		got, err := c.Runs.FailureDetails(t.Context(), 5)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", data, err, diff)
		}
	}
}

// TestArtifactMemory: 100 MiB over a real connection take next to no memory. It is
// not parallel, because it counts what the whole process allocates.
func TestArtifactMemory(t *testing.T) {
	const size = 100 << 20
	s := dbtcloudtest.New()
	job := s.AddJob(dbtcloudtest.JobSpec{Name: "CI"})
	run := s.AddRun(dbtcloudtest.RunSpec{JobID: job})
	s.FinishRun(run, dbtcloudtest.Success)
	s.AddArtifacts(run, dbtcloudtest.Artifact{Path: "manifest.json", Size: size, Open: func() io.Reader { return &filler{left: size, read: new(int64)} }})
	c, err := dbtcloud.New(dbtcloud.WithHost(s.Start(t)), dbtcloud.WithAccount(s.AccountID()), dbtcloud.WithToken(s.Token()))
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	body, err := c.Runs.OpenArtifact(t.Context(), run, "manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, body)
	if err != nil || n != size {
		t.Errorf("read %d bytes, %v, want %d", n, err, size)
	}
	_ = body.Close()
	runtime.ReadMemStats(&after)
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 8<<20 {
		t.Errorf("%d KiB were allocated for an artifact of %d KiB", allocated>>10, size>>10)
	}
}

// TestArtifactOutlastsTheAttempt: a stream may take longer than one attempt, as long
// as it goes on; and it ends with the context.
func TestArtifactOutlastsTheAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, _ := scripted(t, func(_ int, req *http.Request) (*http.Response, error) {
			resp := response(200, "application/json", "")
			resp.Body = io.NopCloser(slow{req.Context(), 30 * time.Second})
			return resp, nil
		})
		ctx, cancel := deadline(time.Hour)
		defer cancel()
		body, err := c.Runs.OpenArtifact(ctx, 5, "manifest.json")
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, body)
		if n < 100 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%d bytes and %v, want an hour's and DeadlineExceeded", n, err)
		}
		_ = body.Close()
	})
}

// slow gives one byte at a time.
type slow struct {
	ctx   context.Context
	pause time.Duration
}

func (s slow) Read(p []byte) (int, error) {
	select {
	case <-time.After(s.pause):
		p[0] = 'x'
		return 1, nil
	case <-s.ctx.Done():
		return 0, s.ctx.Err()
	}
}

// TestCancelTwice: cancelling is repeated, because it changes nothing the second time.
func TestCancelTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, s := scripted(t, func(n int, _ *http.Request) (*http.Response, error) {
			if n < 3 {
				return response(502, "text/html", "<html>"), nil
			}
			return response(200, "application/json", envelope(`{"data":{"id":5,"status":30}}`)), nil
		})
		run, err := c.Runs.Cancel(t.Context(), 5)
		if err != nil || run.Status != dbtcloud.RunCancelled || len(s.lines()) != 3 {
			t.Errorf("got %v, %v after %d requests", run, err, len(s.lines()))
		}
	})
}

// TestArtifactsOfARunWithoutAny is an empty list.
func TestArtifactsOfARunWithoutAny(t *testing.T) {
	t.Parallel()
	for _, data := range []string{"null", "[]"} {
		c, _ := scripted(t, always(200, "application/json", envelope(data)))
		if got, err := c.Runs.Artifacts(t.Context(), 5); err != nil || len(got) != 0 {
			t.Errorf("%s: got %v, %v", data, got, err)
		}
	}
	c, _ := scripted(t, always(200, "application/json", envelope(`["manifest.json","compiled/a/b.sql"]`)))
	if got, err := c.Runs.Artifacts(t.Context(), 5); err != nil || strings.Join(got, " ") != "manifest.json compiled/a/b.sql" {
		t.Errorf("got %v, %v", got, err)
	}
}
