package dbtcloud_test

import (
	"errors"
	"fmt"

	"github.com/slimci/dbtcloud"
)

// Test what a pipeline was started for, whichever CI provider runs it. In a program the
// argument is os.Getenv.
func ExampleEventFromEnv() {
	environment := map[string]string{
		"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "merge_request_event", "CI_PIPELINE_IID": "731",
		"CI_MERGE_REQUEST_IID": "42", "CI_MERGE_REQUEST_EVENT_TYPE": "merged_result", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "feature/orders",
		"CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": "8f2c4e6a0b1d3f5a7c9e8d6b4a2f0e1c3d5b7a90", // the head
		"CI_COMMIT_SHA":                      "deadbeefdeadbeefdeadbeefdeadbeefdeadbeef", // the merge
	}
	event, err := dbtcloud.EventFromEnv(func(name string) string { return environment[name] })
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := event.Testable(); err != nil {
		fmt.Println(err) // such as a push: what it is, and what to do
		return
	}
	fmt.Println(event.Provider, event.PullRequest, event.SHA[:7], event.Sequence)
	for _, fact := range event.Facts {
		if fact.Field == "SHA" {
			fmt.Println("from", fact.From)
		}
	}
	// now autoscaler.Trigger(ctx, event.Change)

	event.Draft = true
	fmt.Println(errors.Is(event.Testable(), dbtcloud.ErrNotTestable))
	// Output:
	// GitLab CI gitlab#42 8f2c4e6 731
	// from CI_MERGE_REQUEST_SOURCE_BRANCH_SHA
	// true
}
