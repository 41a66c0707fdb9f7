package dbtcloud

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

const defaultCause = "Triggered via API"

// maxCause is how much of a cause is known to survive.
const maxCause = 255

// Trigger says what a run is started with. The zero value of a field means that
// the job's own setting holds.
type Trigger struct {
	Cause                  string      // at most 255 characters; "Triggered via API" if empty
	PullRequest            PullRequest // the zero value: none
	GitSHA                 string
	GitBranch              string
	SchemaOverride         string
	DbtVersionOverride     string
	TargetNameOverride     string
	ThreadsOverride        int
	TimeoutSecondsOverride int
	GenerateDocsOverride   *bool
	StepsOverride          []string
}

// triggerJSON is the wire form of a Trigger.
type triggerJSON struct {
	Cause                  string   `json:"cause"`
	GitSHA                 string   `json:"git_sha,omitempty"`
	GitBranch              string   `json:"git_branch,omitempty"`
	GitHub                 int64    `json:"github_pull_request_id,omitempty"`
	GitLab                 int64    `json:"gitlab_merge_request_id,omitempty"`
	Azure                  int64    `json:"azure_pull_request_id,omitempty"`
	NonNative              int64    `json:"non_native_pull_request_id,omitempty"`
	SchemaOverride         string   `json:"schema_override,omitempty"`
	DbtVersionOverride     string   `json:"dbt_version_override,omitempty"`
	TargetNameOverride     string   `json:"target_name_override,omitempty"`
	ThreadsOverride        int      `json:"threads_override,omitempty"`
	TimeoutSecondsOverride int      `json:"timeout_seconds_override,omitempty"`
	GenerateDocsOverride   *bool    `json:"generate_docs_override,omitempty"`
	StepsOverride          []string `json:"steps_override,omitempty"`
}

// MarshalJSON writes the body of Trigger Job Run. It fails on what cannot be right,
// such as a pull request without a positive number.
func (t Trigger) MarshalJSON() ([]byte, error) {
	if err := t.validate(); err != nil {
		return nil, err
	}
	w := triggerJSON{
		Cause: cmp.Or(t.Cause, defaultCause), GitSHA: t.GitSHA, GitBranch: t.GitBranch,
		SchemaOverride: t.SchemaOverride, DbtVersionOverride: t.DbtVersionOverride,
		TargetNameOverride: t.TargetNameOverride, ThreadsOverride: t.ThreadsOverride,
		TimeoutSecondsOverride: t.TimeoutSecondsOverride, GenerateDocsOverride: t.GenerateDocsOverride, StepsOverride: t.StepsOverride,
	}
	switch t.PullRequest.Host {
	case GitHub:
		w.GitHub = t.PullRequest.Number
	case GitLab:
		w.GitLab = t.PullRequest.Number
	case AzureRepos:
		w.Azure = t.PullRequest.Number
	case OtherHost:
		w.NonNative = t.PullRequest.Number
	}
	return json.Marshal(w)
}

// validate reports every mistake that can be known before the request.
func (t Trigger) validate() error {
	var problems []error
	if n := len([]rune(t.Cause)); n > maxCause {
		problems = append(problems, fmt.Errorf("cause: has %d characters, the limit is %d: shorten it", n, maxCause))
	}
	if t.PullRequest != (PullRequest{}) {
		problems = append(problems, t.PullRequest.validate())
	}
	if t.ThreadsOverride < 0 {
		problems = append(problems, errors.New("threads_override: must not be negative"))
	}
	if t.TimeoutSecondsOverride < 0 {
		problems = append(problems, errors.New("timeout_seconds_override: must not be negative"))
	}
	for i, step := range t.StepsOverride {
		if strings.TrimSpace(step) == "" {
			problems = append(problems, fmt.Errorf("steps_override[%d]: is empty", i))
		}
	}
	return errors.Join(problems...)
}
