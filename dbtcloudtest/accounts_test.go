package dbtcloudtest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

func TestAccountWrites(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		tests := []struct {
			name, method string
			body         object
			code         int
			want         any // name, docs_job_id, freshness_job_id; or the complaints
		}{
			{"update", "POST", object{"name": "Acme", "state": 1, "docs_job_id": 5, "freshness_job_id": 6}, 200, []any{"Acme", number(5), number(6)}},
			{"partial update", "PATCH", object{"name": "Acme Ltd", "state": 1, "docs_job_id": 7}, 200, []any{"Acme Ltd", number(7), number(6)}},
			{"null", "PATCH", object{"name": "Acme Ltd", "state": 1, "docs_job_id": nil}, 400, object{"docs_job_id": "expected int"}},
			{"update resets", "POST", object{"name": "Acme", "state": 1}, 200, []any{"Acme", nil, nil}},
			{"no name", "PATCH", object{"state": 1}, 400, object{"name": "required key not provided"}},
			{"read-only", "POST", object{"name": "Acme", "state": 1, "run_slots": 9}, 400, object{"run_slots": "extra keys not allowed"}},
			{"deletion", "POST", object{"name": "Acme", "state": 2}, 400, object{"state": "The account cannot be deleted."}},
		}
		for _, test := range tests {
			code, body := w.do(test.method, "", test.body)
			got := body["data"]
			if code == 200 {
				_, body = w.do("GET", "", nil)
				got = []any{data(body)["name"], data(body)["docs_job_id"], data(body)["freshness_job_id"]}
			}
			if diff := cmp.Diff([]any{test.code, test.want}, []any{code, got}); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.name, diff)
			}
		}
	})
}

func TestForbiddenAccountIsNotWritten(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		if code, _ := w.do("PATCH", "", object{"name": "Acme", "state": 1}); code != 404 {
			t.Errorf("answered %d, want 404", code)
		}
	}, dbtcloudtest.WithAccountForbidden())
}
