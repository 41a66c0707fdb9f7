package dbtcloudtest_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// file returns what a GET of an artifact answers: status, content type and content.
func (w *world) file(path string) []any {
	w.t.Helper()
	resp, err := w.send(http.MethodGet, path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if resp.StatusCode != 200 {
		return []any{resp.StatusCode}
	}
	return []any{resp.StatusCode, resp.Header.Get("Content-Type"), string(body), resp.ContentLength}
}

func TestArtifacts(t *testing.T) {
	outcome := func(dbtcloudtest.Run) dbtcloudtest.Outcome {
		return dbtcloudtest.Outcome{
			Duration: time.Minute, Steps: []dbtcloudtest.Step{{Name: "one"}, {Name: "two"}},
			Artifacts: []dbtcloudtest.Artifact{
				{Path: "manifest.json", Data: []byte("{}")},
				{Path: "manifest.json", Step: 1, Data: []byte(`{"step":1}`)},
				{Path: "compiled/shop/models/orders.sql", Data: []byte("select 1")},
				{Path: "big.parquet", Open: func() io.Reader { return io.LimitReader(zeros{}, 5) }},
			},
		}
	}
	inBubble(t, func(t *testing.T, w *world) {
		run := w.trigger(w.job, 1, "a")
		path := "runs/" + id(run) + "/artifacts/"
		time.Sleep(65 * time.Second)
		if diff := cmp.Diff([]any{404}, w.file(path+"manifest.json")); diff != "" {
			t.Errorf("before the artifact lag is over (-want +got):\n%s", diff)
		}
		time.Sleep(5 * time.Second)
		_, body := w.do("GET", path, nil)
		if diff := cmp.Diff([]any{"big.parquet", "compiled/shop/models/orders.sql", "manifest.json"}, body["data"]); diff != "" {
			t.Errorf("list (-want +got):\n%s", diff)
		}
		w.AddArtifact(run, "sources.json", []byte("[]"))
		for name, want := range map[string][]any{
			path + "manifest.json":                           {200, "application/json", "{}", int64(2)},
			path + "manifest.json?step=2":                    {200, "application/json", "{}", int64(2)},
			path + "manifest.json?step=1":                    {200, "application/json", `{"step":1}`, int64(10)},
			path + "manifest.json?step=3":                    {404},
			path + "manifest.json?step=x":                    {400},
			path + "sources.json":                            {200, "application/json", "[]", int64(2)},
			path + "catalog.json":                            {404},
			path + "compiled/shop/models/orders.sql":         {200, "text/plain; charset=utf-8", "select 1", int64(8)},
			path + "big.parquet":                             {200, "application/x-parquet", "\x00\x00\x00\x00\x00", int64(-1)},
			"runs/5/artifacts/manifest.json":                 {404},
			"jobs/" + id(w.job) + "/artifacts/manifest.json": {200, "application/json", "{}", int64(2)},
			"jobs/" + id(w.job) + "/artifacts/catalog.json":  {404},
			"jobs/5/artifacts/manifest.json":                 {404},
		} {
			if diff := cmp.Diff(want, w.file(name)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	}, dbtcloudtest.WithRunTime(outcome), dbtcloudtest.WithArtifactLag(10*time.Second))
}

func TestCancelledRunHasOnlyWhatItWasGiven(t *testing.T) {
	outcome := func(dbtcloudtest.Run) dbtcloudtest.Outcome {
		return dbtcloudtest.Outcome{Duration: time.Minute, Artifacts: []dbtcloudtest.Artifact{{Path: "manifest.json", Data: []byte("{}")}}}
	}
	inBubble(t, func(t *testing.T, w *world) {
		run := w.trigger(w.job, 1, "a")
		time.Sleep(time.Second)
		w.CancelRun(run, "Ada", "")
		_, none := w.do("GET", "runs/"+id(run)+"/artifacts/", nil)
		w.AddArtifact(run, "dbt.log", nil)
		_, one := w.do("GET", "runs/"+id(run)+"/artifacts/", nil)
		if diff := cmp.Diff([]any{nil, []any{"dbt.log"}}, []any{none["data"], one["data"]}); diff != "" {
			t.Errorf("artifacts (-want +got):\n%s", diff)
		}
	}, dbtcloudtest.WithRunTime(outcome))
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestSteps(t *testing.T) {
	debug := strings.Repeat("line\n", 1500)
	outcome := func(dbtcloudtest.Run) dbtcloudtest.Outcome {
		return dbtcloudtest.Outcome{Duration: time.Minute, Status: failed, Message: "dbt found errors", Steps: []dbtcloudtest.Step{
			{Name: "Clone git repository", Logs: "cloned"}, {Name: "Invoke dbt with `dbt build`", DebugLogs: debug},
		}}
	}
	inBubble(t, func(t *testing.T, w *world) {
		run := w.trigger(w.job, 1, "a")
		look := func(query string) []any {
			_, body := w.do("GET", "runs/"+id(run)+"/?include_related=run_steps"+query, nil)
			out := []any{}
			for _, step := range data(body)["run_steps"].([]any) {
				s := step.(map[string]any)
				out = append(out, fmt.Sprint(s["index"], s["name"], s["status"], s["finished_at"] != nil, s["logs"], s["debug_logs"] != nil, strings.Count(s["truncated_debug_logs"].(string), "\n")))
			}
			return out
		}
		time.Sleep(20 * time.Second)
		if diff := cmp.Diff([]any{fmt.Sprint("1", "Clone git repository", "3", false, "cloned", false, 0)}, look("")); diff != "" {
			t.Errorf("after 20 s (-want +got):\n%s", diff)
		}
		time.Sleep(time.Minute)
		want := []any{
			fmt.Sprint("1", "Clone git repository", "10", true, "cloned", true, 0),
			fmt.Sprint("2", "Invoke dbt with `dbt build`", "20", true, "", true, 1000),
		}
		if diff := cmp.Diff(want, look(",debug_logs")); diff != "" {
			t.Errorf("at the end (-want +got):\n%s", diff)
		}
		_, body := w.do("GET", "runs/"+id(run)+"/?include_related=run_steps", nil)
		step := data(body)["run_steps"].([]any)[1].(map[string]any)
		_, body = w.do("GET", "steps/"+string(step["id"].(jsonNumber))+"/?include_related=debug_logs", nil)
		if diff := cmp.Diff([]any{debug, number(run)}, []any{data(body)["debug_logs"], data(body)["run_id"]}); diff != "" {
			t.Errorf("the step (-want +got):\n%s", diff)
		}
		if code, _ := w.do("GET", "steps/5/", nil); code != 404 {
			t.Errorf("an unknown step is answered %d, want 404", code)
		}
	}, dbtcloudtest.WithRunTime(outcome))
}

// TestLogsGrow: the logs of a step are written line by line, appear late, and are cut.
func TestLogsGrow(t *testing.T) {
	outcome := func(dbtcloudtest.Run) dbtcloudtest.Outcome {
		return dbtcloudtest.Outcome{Duration: 50 * time.Second, Steps: []dbtcloudtest.Step{
			{Name: "one", Logs: "1\n2\n3\n", LineTime: 10 * time.Second, LogLag: 2 * time.Second},
			{Name: "two", Logs: strings.Repeat("line\n", 1500), LineTime: time.Millisecond},
		}}
	}
	inBubble(t, func(t *testing.T, w *world) {
		run := w.trigger(w.job, 1, "a")
		begun := time.Now()
		tests := []struct {
			at       time.Duration
			query    string
			one, two int // lines
		}{
			{11 * time.Second, "", 0, 0}, {12 * time.Second, "", 1, 0}, {26 * time.Second, "", 2, 1000},
			{26*time.Second + time.Millisecond, ",debug_logs", 2, 1001}, {27 * time.Second, "", 3, 1000}, {time.Hour, ",debug_logs", 3, 1500},
		}
		for _, test := range tests {
			time.Sleep(test.at - time.Since(begun))
			_, body := w.do("GET", "runs/"+id(run)+"/?include_related=run_steps"+test.query, nil)
			got := []int{0, 0}
			for i, step := range data(body)["run_steps"].([]any) {
				got[i] = strings.Count(step.(map[string]any)["logs"].(string), "\n")
			}
			if diff := cmp.Diff([]int{test.one, test.two}, got); diff != "" {
				t.Errorf("lines after %s (-want +got):\n%s", test.at, diff)
			}
		}
	}, dbtcloudtest.WithRunTime(outcome))
}

func TestRetry(t *testing.T) {
	outcome := func(r dbtcloudtest.Run) dbtcloudtest.Outcome {
		if r.RetryOf != 0 {
			return dbtcloudtest.Outcome{Duration: time.Minute}
		}
		return dbtcloudtest.Outcome{Duration: time.Minute, Status: failed, Steps: []dbtcloudtest.Step{{Name: "one"}, {Name: "two", Status: failed}, {Name: "three"}}}
	}
	inBubble(t, func(t *testing.T, w *world) {
		first := w.trigger(w.job, 7, "a")
		path := "runs/" + id(first) + "/retry/"
		for _, method := range []string{"GET", "POST"} {
			if code, _ := w.do(method, path, nil); code != 400 {
				t.Errorf("%s of a running run is answered %d, want 400", method, code)
			}
		}
		time.Sleep(time.Minute)
		_, body := w.do("GET", path, nil)
		if diff := cmp.Diff(map[string]any{"failed_step": "two", "skipped_steps": []any{"three"}}, body["data"]); diff != "" {
			t.Errorf("failure details (-want +got):\n%s", diff)
		}
		_, body = w.do("GET", "runs/"+id(first)+"/", nil)
		if got := data(body)["can_retry"]; got != true {
			t.Errorf("can_retry is %v, want true", got)
		}
		code, body := w.do("POST", path, nil)
		got := []any{code, data(body)["retrying_run_id"], data(body)["trigger"].(map[string]any)["github_pull_request_id"]}
		if diff := cmp.Diff([]any{200, number(first), number(7)}, got); diff != "" {
			t.Errorf("retry (-want +got):\n%s", diff)
		}
		_, body = w.do("GET", "runs/"+id(first)+"/", nil)
		if got := data(body)["retry_not_supported_reason"]; got != "RETRY_NOT_LATEST_RUN" {
			t.Errorf("retry_not_supported_reason is %v, want RETRY_NOT_LATEST_RUN", got)
		}
		if code, _ := w.do("GET", path, nil); code != 200 {
			t.Errorf("failure details of a run that was retried are answered %d, want 200", code)
		}
		time.Sleep(time.Minute)
		// The last run has succeeded, so a rerun is a new run; after a failed one it is a retry.
		_, body = w.do("POST", "jobs/"+id(w.job)+"/rerun/", nil)
		third, _ := data(body)["id"].(jsonNumber).Int64()
		if data(body)["retrying_run_id"] != nil {
			t.Error("the rerun after a success retries a run")
		}
		time.Sleep(time.Minute)
		_, body = w.do("POST", "jobs/"+id(w.job)+"/rerun/", nil)
		if got := data(body)["retrying_run_id"]; got != number(third) {
			t.Errorf("the rerun after a failure retries %v, want %d", got, third)
		}
	}, dbtcloudtest.WithRunTime(outcome))
}
