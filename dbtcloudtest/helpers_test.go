package dbtcloudtest_test

import (
	"encoding/json"
	"maps"
	"strconv"
	"strings"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

func number(n int64) json.Number { return json.Number(strconv.FormatInt(n, 10)) }

func cut(request string) (method, path string) {
	method, path, _ = strings.Cut(request, " ")
	return method, path
}

func replace(s, old, with string) string { return strings.ReplaceAll(s, "/"+old+"/", "/"+with+"/") }

// jobBody is a job write with everything that the official document asks for.
func (w *world) jobBody(more map[string]any) map[string]any {
	body := map[string]any{
		"account_id": w.AccountID(), "project_id": dbtcloudtest.DefaultProjectID, "environment_id": dbtcloudtest.DefaultEnvironmentID,
		"name": "made by a test", "execution": map[string]any{"timeout_seconds": 0}, "generate_docs": false, "lifecycle_webhooks": false,
		"run_compare_changes": false, "run_generate_sources": false, "run_lint": false, "errors_on_lint_failure": true,
		"settings": map[string]any{"threads": 4, "target_name": "ci"}, "state": 1, "job_type": "ci",
		"triggers": map[string]any{"github_webhook": false, "schedule": false},
	}
	maps.Copy(body, more)
	return body
}

type jsonNumber = json.Number

// v3 makes the client talk to the third version of the API.
func (w *world) v3() { w.base = strings.Replace(w.base, "/v2/", "/v3/", 1) }

// refusal is the tree of complaints of an answer, nil when it is none.
func refusal(code int, body map[string]any) any {
	if code == 200 {
		return nil
	}
	return body["data"]
}
