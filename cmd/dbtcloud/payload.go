package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/slimci/dbtcloud"
)

// payloadKeys are the fields of the official trigger request.
func payloadKeys() []string {
	return []string{
		"cause", "git_sha", "git_branch",
		"github_pull_request_id", "gitlab_merge_request_id", "azure_pull_request_id", "non_native_pull_request_id",
		"schema_override", "dbt_version_override", "target_name_override", "threads_override",
		"timeout_seconds_override", "generate_docs_override", "steps_override",
	}
}

// parsePayload reads the JSON object of --payload. Its errors name the key and
// never show a value.
func parsePayload(text string) (dbtcloud.Trigger, error) {
	var t dbtcloud.Trigger
	err := eachField(text, `{"git_sha":"...","github_pull_request_id":7}`, func(key string, value json.RawMessage) error {
		return setField(&t, key, value)
	})
	if err != nil {
		return t, fmt.Errorf("--payload: %w", err)
	}
	return t, nil
}

// setField puts the value of a key into the trigger.
func setField(t *dbtcloud.Trigger, key string, value json.RawMessage) error {
	if bytes.Equal(value, []byte("null")) && nearest(key, payloadKeys()) == key {
		return errors.New("is null: give a value or leave the key out")
	}
	switch key {
	case "cause":
		return setText(&t.Cause, value)
	case "git_sha":
		return setText(&t.GitSHA, value)
	case "git_branch":
		return setText(&t.GitBranch, value)
	case "github_pull_request_id":
		return setPullRequest(t, dbtcloud.GitHub, value)
	case "gitlab_merge_request_id":
		return setPullRequest(t, dbtcloud.GitLab, value)
	case "azure_pull_request_id":
		return setPullRequest(t, dbtcloud.AzureRepos, value)
	case "non_native_pull_request_id":
		return setPullRequest(t, dbtcloud.OtherHost, value)
	case "schema_override":
		return setText(&t.SchemaOverride, value)
	case "dbt_version_override":
		return setText(&t.DbtVersionOverride, value)
	case "target_name_override":
		return setText(&t.TargetNameOverride, value)
	case "threads_override":
		return setInt(&t.ThreadsOverride, value)
	case "timeout_seconds_override":
		return setInt(&t.TimeoutSecondsOverride, value)
	case "generate_docs_override":
		t.GenerateDocsOverride = new(bool)
		if json.Unmarshal(value, t.GenerateDocsOverride) != nil {
			return errors.New("must be true or false")
		}
		return nil
	case "steps_override":
		return setSteps(&t.StepsOverride, value)
	}
	return fmt.Errorf("is no field of a trigger: %s", advice(key))
}

// advice is what a wrong key may have been meant to be.
func advice(key string) string {
	var near []string
	for _, k := range payloadKeys() {
		if strings.HasSuffix(k, "_"+key) {
			near = append(near, k)
		}
	}
	if best := nearest(key, payloadKeys()); len(near) == 0 && best != "" {
		near = []string{best}
	}
	if len(near) == 0 {
		return "those are " + strings.Join(payloadKeys(), ", ")
	}
	return "did you mean " + strings.Join(near, " or ") + "?"
}

func setText(to *string, value json.RawMessage) error {
	if json.Unmarshal(value, to) != nil {
		return errors.New("must be a string")
	}
	if strings.TrimSpace(*to) == "" {
		return errors.New("is empty: give a value or leave the key out (is the variable set that it comes from?)")
	}
	return nil
}

// wholeNumber reads a number above 0, which may stand in quotes.
func wholeNumber(value json.RawMessage) (int64, error) {
	digits := string(value)
	if digits[0] == '"' && json.Unmarshal(value, &digits) != nil {
		digits = ""
	}
	n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
	if err != nil || n <= 0 || n > maxNumber {
		return 0, errors.New("must be a whole number above 0")
	}
	return n, nil
}

func setInt(to *int, value json.RawMessage) error {
	n, err := wholeNumber(value)
	if n > 1<<31-1 {
		return errors.New("is too large")
	}
	*to = int(n)
	return err
}

func setPullRequest(t *dbtcloud.Trigger, host dbtcloud.GitHost, value json.RawMessage) error {
	n, err := wholeNumber(value)
	if err != nil {
		return err
	}
	if t.PullRequest != (dbtcloud.PullRequest{}) {
		return fmt.Errorf("is a second pull request beside that of %s: give only one", t.PullRequest.Host)
	}
	t.PullRequest = dbtcloud.PullRequest{Host: host, Number: n}
	return nil
}

func setSteps(to *[]string, value json.RawMessage) error {
	var steps []*string
	if json.Unmarshal(value, &steps) != nil || len(steps) == 0 {
		return errors.New("must be an array of commands, such as [\"dbt build\"]")
	}
	for _, step := range steps {
		if step == nil || strings.TrimSpace(*step) == "" {
			return errors.New("has an empty command")
		}
		*to = append(*to, *step)
	}
	return nil
}
