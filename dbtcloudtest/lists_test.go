package dbtcloudtest_test

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// list returns the ids of a list's rows.
func (w *world) list(path string) []string {
	w.t.Helper()
	code, body := w.do("GET", path, nil)
	if code != 200 {
		w.t.Fatalf("GET %s answered %d: %v", path, code, body)
	}
	ids := []string{}
	for _, row := range body["data"].([]any) {
		ids = append(ids, fmt.Sprint(row.(map[string]any)["id"]))
	}
	return ids
}

func TestRunFilters(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		other := w.AddJob(dbtcloudtest.JobSpec{ProjectID: 21, EnvironmentID: 22, Extra: map[string]any{"dbt_version": "1.7.0", "generate_docs": true}})
		a := w.trigger(w.job, 1, "a") // 0 s to 60 s
		b := w.trigger(w.job, 2, "b") // 60 s to 120 s
		time.Sleep(30 * time.Second)
		c := w.trigger(other, 1, "c")                         // 30 s to 90 s
		d := w.trigger(w.job, 3, "d")                         // waits for b
		time.Sleep(time.Until(w.start.Add(90 * time.Second))) // a, c have ended, b runs, d is queued
		runs := map[string]int64{"a": a, "b": b, "c": c, "d": d}
		tests := []struct{ query, want string }{
			{"", "abcd"},
			{"order_by=-id", "dcba"},
			{"order_by=finished_at", "acbd"},
			{"order_by=-finished_at", "dbca"},
			{"order_by=-created_at&limit=2", "dc"},
			{"limit=2&offset=1", "bc"},
			{"offset=9", ""},
			{"status=10", "ac"},
			{"status__in=[1,2,3]", "bd"},
			{"status__in=" + url.QueryEscape("[1, 3]"), "bd"},
			{"status__in=1&status__in=3", "bd"},
			{"status__in=[]", ""},
			{"job_definition_id=" + id(other), "c"},
			{"project_id=21", "c"},
			{"project_id=21&project_id__in=[" + id(dbtcloudtest.DefaultProjectID) + "]", ""},
			{"project_id__in=[21," + id(dbtcloudtest.DefaultProjectID) + "]", "abcd"},
			{"environment_id=22", "c"},
			{"id__gt=" + id(b), "cd"},
			{"pk=" + id(b), "b"},
			{"pk__in=[" + id(a) + "," + id(d) + "]", "ad"},
			{"dbt_version=1.7.0", "c"},
			{"dbt_version__in=" + url.QueryEscape(`["latest"]`), "abd"},
			{"has_docs_generated=true", "c"},
			{"has_sources_generated=true", ""},
			{"deferring_run_id=5", ""},
			{"state=all", "abcd"},
			{"state=deleted", ""},
			{"pull_request_id=1", "abcd"}, // no parameter of the service: ignored
			{"created_at__range=" + url.QueryEscape(`["2000-01-01T00:00:01Z","2000-01-02"]`), "cd"},
			{"finished_at__range=" + url.QueryEscape(`["2000-01-01 00:00:00+00:00","2000-01-01T00:01:00"]`), "a"},
		}
		for _, test := range tests {
			want := []string{}
			for _, name := range test.want {
				want = append(want, id(runs[string(name)]))
			}
			if diff := cmp.Diff(want, w.list("runs/?"+test.query)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.query, diff)
			}
		}
	})
}

func TestJobFilters(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		jobs := map[string]int64{
			"a": w.job,
			"b": w.AddJob(dbtcloudtest.JobSpec{Name: "Nightly", JobType: "scheduled", Extra: map[string]any{"triggers": map[string]any{"schedule": true}}}),
			"c": w.AddJob(dbtcloudtest.JobSpec{Name: "slim ci [clone]", ProjectID: 21, EnvironmentID: 22, Extra: map[string]any{"dbt_version": "1.7.0"}}),
			"d": w.AddJob(dbtcloudtest.JobSpec{Name: "gone"}),
		}
		w.DeleteJob(jobs["d"])
		tests := []struct{ query, want string }{
			{"", "abc"},
			{"state=active", "abc"},
			{"state=1", "abc"},
			{"state=deleted", "d"},
			{"state=2", "d"},
			{"state=all", "abcd"},
			{"name__icontains=SLIM+CI", "ac"},
			{"project_id=21", "c"},
			{"project_id__in=[21]", "c"},
			{"environment_id=22", "c"},
			{"triggers_schedule=true", "b"},
			{"triggers_schedule=false", "ac"},
			{"is_system=true", ""},
			{"dbt_version__in=" + url.QueryEscape(`["1.7.0"]`), "c"},
			{"pk=" + id(w.job), "a"},
			{"order_by=-id", "cba"},
			{"order_by=name", "bac"},
			{"limit=1&offset=1", "b"},
		}
		for _, test := range tests {
			want := []string{}
			for _, name := range test.want {
				want = append(want, id(jobs[string(name)]))
			}
			if diff := cmp.Diff(want, w.list("jobs/?"+test.query)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.query, diff)
			}
		}
	})
}

func TestUnreadableFilters(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		for _, query := range []string{
			"status__in=running", "limit=many", "offset=-1", "id__gt=x", "has_docs_generated=perhaps", "created_at__range=[2000-01-01]", "finished_at__range=a,b",
		} {
			if code, _ := w.do("GET", "runs/?"+query, nil); code != 400 {
				t.Errorf("%s answered %d, want 400", query, code)
			}
		}
	})
}

func TestKeysetPaging(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		const runs = 250
		for i := range runs {
			w.AddRun(dbtcloudtest.RunSpec{JobID: w.job, SHA: fmt.Sprint(i)})
		}
		var sizes []int
		var got []string
		last := "0"
		for {
			page := w.list("runs/?order_by=id&limit=500&status__in=[1,2,3]&id__gt=" + last)
			if len(page) == 0 {
				break
			}
			sizes, got, last = append(sizes, len(page)), append(got, page...), page[len(page)-1]
		}
		if diff := cmp.Diff([]int{100, 100, 50}, sizes); diff != "" {
			t.Errorf("page sizes (-want +got):\n%s", diff)
		}
		var want []string
		for _, r := range w.Runs() {
			want = append(want, id(r.ID))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("ids (-want +got):\n%s", diff)
		}
		_, body := w.do("GET", "runs/?limit=30&offset=240", nil)
		if diff := cmp.Diff(map[string]any{"count": number(10), "total_count": number(250)}, body["extra"].(map[string]any)["pagination"]); diff != "" {
			t.Errorf("pagination (-want +got):\n%s", diff)
		}
	})
}

func TestListLag(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		type look struct{ Runs, Jobs int }
		var looks []look
		var seen []any
		see := func() {
			_, body := w.do("GET", "runs/", nil)
			rows := body["data"].([]any)
			looks = append(looks, look{len(rows), len(w.list("jobs/"))})
			for _, row := range rows {
				seen = append(seen, row.(map[string]any)["status"])
			}
		}
		time.Sleep(time.Minute)
		run := w.trigger(w.job, 1, "a")
		clone := w.AddJob(dbtcloudtest.JobSpec{})
		if _, body := w.do("GET", "runs/"+id(run)+"/", nil); data(body)["status"] != number(3) {
			t.Errorf("GET of the run shows status %v, want 3: only lists lag", data(body)["status"])
		}
		see() // as it was 10 s ago: nothing yet
		time.Sleep(10 * time.Second)
		see() // the run and the clone are there
		time.Sleep(50 * time.Second)
		w.DeleteJob(clone)
		see() // the run has just ended and the clone is gone, but the list does not know
		time.Sleep(10 * time.Second)
		see()
		if diff := cmp.Diff([]look{{0, 1}, {1, 2}, {1, 2}, {1, 1}}, looks); diff != "" {
			t.Errorf("runs and jobs seen (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]any{number(3), number(3), number(10)}, seen); diff != "" {
			t.Errorf("statuses seen (-want +got):\n%s", diff)
		}
	}, dbtcloudtest.WithListLag(dbtcloudtest.Fixed(10*time.Second)))
}

func TestReadLag(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		run := w.trigger(w.job, 1, "a")
		var codes []int
		for range 4 {
			time.Sleep(time.Second)
			code, _ := w.do("GET", "runs/"+id(run)+"/", nil)
			codes = append(codes, code)
		}
		if diff := cmp.Diff([]int{404, 404, 200, 200}, codes); diff != "" {
			t.Errorf("answers (-want +got):\n%s", diff)
		}
	}, dbtcloudtest.WithReadLag(2*time.Second), dbtcloudtest.WithReadMisses(1))
}

func TestProjectScope(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		hidden := w.AddJob(dbtcloudtest.JobSpec{ProjectID: 21, EnvironmentID: 22})
		run := w.AddRun(dbtcloudtest.RunSpec{JobID: hidden})
		w.AddRun(dbtcloudtest.RunSpec{JobID: w.job})
		if got := len(w.list("jobs/")) + len(w.list("runs/")); got != 2 {
			t.Errorf("%d jobs and runs are seen, want 2", got)
		}
		for _, request := range []string{
			"GET jobs/" + id(hidden) + "/", "DELETE jobs/" + id(hidden) + "/", "POST jobs/" + id(hidden) + "/run/", "GET runs/" + id(run) + "/",
			"POST runs/" + id(run) + "/cancel/", "GET runs/" + id(run) + "/artifacts/",
		} {
			method, path := cut(request)
			code, body := w.do(method, path, map[string]any{"cause": "test"})
			got := []any{code, body["status"].(map[string]any)["user_message"], body["data"]}
			if diff := cmp.Diff([]any{404, "The requested resource was not found. Please check that you have the proper permissions.", nil}, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", request, diff)
			}
		}
	}, dbtcloudtest.WithProjectScope(dbtcloudtest.DefaultProjectID))
}
