package dbtcloudtest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// permitted asks for one thing of each kind and tells the statuses, in this order: read the account, list runs, read the job, read its
// overrides, cancel a run, trigger, create a job, write an override. The three last are answered 400 where they are allowed: they
// ask for nothing.
func permitted(w *world, run int64) []int {
	v2 := w.base
	vars := "https://dbt.invalid/api/v3/accounts/" + id(w.AccountID()) + "/projects/" + id(dbtcloudtest.DefaultProjectID) + "/environment-variables/"
	var statuses []int
	for _, request := range []struct{ method, base, path string }{
		{"GET", v2, ""},
		{"GET", v2, "runs/"},
		{"GET", v2, "jobs/" + id(w.job) + "/"},
		{"GET", vars, "job/?job_definition_id=" + id(w.job)},
		{"POST", v2, "runs/" + id(run) + "/cancel/"},
		{"POST", v2, "jobs/" + id(w.job) + "/run/"},
		{"POST", v2, "jobs/"},
		{"POST", vars, ""},
	} {
		w.base = request.base
		status, _ := w.do(request.method, request.path, map[string]any{})
		statuses = append(statuses, status)
	}
	w.base = v2
	return statuses
}

func TestPermissionSets(t *testing.T) {
	t.Parallel()
	everything := []int{200, 200, 200, 200, 200, 400, 400, 400}
	nothing := []int{404, 404, 404, 404, 403, 403, 404, 403}
	for name, test := range map[string]struct {
		sets []string
		want []int
	}{
		"no option":           {nil, everything},
		"account_admin":       {[]string{"account_admin"}, everything},
		"admin":               {[]string{"admin"}, everything},
		"account_viewer":      {[]string{"account_viewer"}, []int{200, 200, 200, 200, 403, 403, 404, 403}},
		"job_admin":           {[]string{"job_admin"}, []int{404, 200, 200, 200, 200, 400, 400, 400}},
		"job_creator":         {[]string{"job_creator"}, []int{404, 200, 200, 200, 200, 400, 400, 403}},
		"job_runner":          {[]string{"job_runner"}, []int{404, 200, 200, 404, 200, 400, 404, 403}},
		"job_viewer":          {[]string{"job_viewer"}, []int{404, 200, 200, 200, 403, 403, 404, 403}},
		"metadata_only":       {[]string{"metadata_only"}, nothing},
		"a misspelled one":    {[]string{"job-admin"}, nothing},
		"several together":    {[]string{"job_runner", "account_viewer"}, []int{200, 200, 200, 200, 200, 400, 404, 403}},
		"misspelled and good": {[]string{"job-admin", "job_viewer"}, []int{404, 200, 200, 200, 403, 403, 404, 403}},
	} {
		t.Run(name, func(t *testing.T) {
			var opts []dbtcloudtest.Option
			for _, set := range test.sets {
				opts = append(opts, dbtcloudtest.WithPermissionSet(set))
			}
			inBubble(t, func(t *testing.T, w *world) {
				run := w.AddRun(dbtcloudtest.RunSpec{JobID: w.job})
				w.FinishRun(run, dbtcloudtest.Success)
				if diff := cmp.Diff(test.want, permitted(w, run)); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}, opts...)
		})
	}
}

// TestPermissionsComeBeforeTheBody: what is refused is not looked at, and changes nothing.
func TestPermissionsComeBeforeTheBody(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		jobs, runs := w.Jobs(), w.Runs()
		if status, _ := w.do("POST", "jobs/", w.jobBody(nil)); status != 404 {
			t.Errorf("create: %d, want 404", status)
		}
		if status, _ := w.do("DELETE", "jobs/"+id(w.job)+"/", nil); status != 404 {
			t.Errorf("delete: %d, want 404", status)
		}
		if status, _ := w.do("POST", "jobs/"+id(w.job)+"/run/", map[string]any{"cause": "x"}); status != 403 {
			t.Errorf("trigger: %d, want 403", status)
		}
		if diff := cmp.Diff([]any{jobs, runs}, []any{w.Jobs(), w.Runs()}); diff != "" {
			t.Errorf("changed (-before +after):\n%s", diff)
		}
	}, dbtcloudtest.WithPermissionSet("job_viewer"))
}
