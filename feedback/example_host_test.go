package feedback_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/feedback"
	"github.com/slimci/dbtcloud/report"
)

func ExampleHostFromEnv() {
	github := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // in a pipeline: the host
		var body map[string]string
		_ = json.NewDecoder(r.Body).Decode(&body)
		fmt.Println(r.Method, r.URL.Path, body["state"], body["description"])
		_, _ = fmt.Fprint(w, "[]")
	}))
	defer github.Close()
	variables := map[string]string{"GITHUB_TOKEN": "secret", "GITHUB_API_URL": github.URL}
	getenv := func(name string) string { return variables[name] } // in a pipeline: nil
	event := &dbtcloud.Event{                                     // in a pipeline: that of EventFromEnv
		Change: dbtcloud.Change{
			PullRequest: dbtcloud.PullRequest{Host: dbtcloud.GitHub, Number: 50},
			SHA:         "8f2c4e6a0b1d3f5a7c9e8d6b4a2f0e1c3d5b7a90",
		},
		Repository: "acme/analytics",
	}
	host, err := feedback.HostFromEnv(getenv, event)
	if err != nil {
		fmt.Println(err)
		return
	}
	digest := report.New(report.Inputs{Run: &dbtcloud.Run{ID: 77, Status: dbtcloud.RunError}}) // of a run: report.Collect
	status := feedback.StatusOf(digest)
	status.SHA = event.SHA
	if err := host.SetStatus(context.Background(), status); err != nil {
		fmt.Println(err)
	}
	// Output: POST /repos/acme/analytics/statuses/8f2c4e6a0b1d3f5a7c9e8d6b4a2f0e1c3d5b7a90 failure dbt run 77: Error
}
