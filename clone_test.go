package dbtcloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// jobOf decodes a job as the service answers it.
func jobOf(t *testing.T, fields map[string]any) *Job {
	t.Helper()
	b, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	job := new(Job)
	if err := json.Unmarshal(b, job); err != nil {
		t.Fatal(err)
	}
	return job
}

// ciFields are the fields of a Slim CI job, with those that no clone may take over.
func ciFields() map[string]any {
	return map[string]any{
		"id": 5, "account_id": 1, "project_id": 2, "environment_id": 3, "name": "Slim CI", "state": 1, "job_type": "ci",
		"description": "checks", "dbt_version": nil, "raw_dbt_version": "latest", "execute_steps": []string{"dbt build"},
		"deferring_environment_id": 4, "deferring_job_definition_id": nil, "settings": map[string]any{"threads": 4, "target_name": "default"},
		"execution": map[string]any{"timeout_seconds": 0}, "generate_docs": false, "run_generate_sources": false,
		"triggers":      map[string]any{"github_webhook": false, "schedule": true, "on_merge": nil},
		"schedule":      map[string]any{"date": map[string]any{"type": "every_day"}, "time": map[string]any{"type": "every_hour", "interval": 1}},
		"is_deferrable": true, "created_at": "2026-01-01T00:00:00Z", "deactivated": false, "next_run": nil, "run_failure_count": 3,
		"job_completion_trigger_condition": map[string]any{"condition": map[string]any{"job_id": 9, "project_id": 2, "statuses": []int{10}}},
	}
}

func TestUnknownFields(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		add  map[string]any
		want []string
	}{
		"none":      {nil, nil},
		"two":       {map[string]any{"quantum": 1, "auto_heal": true}, []string{"auto_heal", "quantum"}},
		"null":      {map[string]any{"quantum": nil}, nil},
		"read-only": {map[string]any{"cron_humanized": "Every hour"}, nil},
	}
	for name, tt := range tests {
		fields := ciFields()
		maps.Copy(fields, tt.add)
		if diff := cmp.Diff(tt.want, unknownFields(jobOf(t, fields))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Every field that a clone can have is judged once.
func TestCloneFieldsAreJudgedOnce(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for _, list := range [][]string{cloneCopied, cloneRuled, jobReadOnly} {
		for _, field := range list {
			seen[field]++
		}
	}
	for field, n := range seen {
		if n != 1 {
			t.Errorf("%s is in %d lists", field, n)
		}
	}
}

func TestCloneBody(t *testing.T) {
	t.Parallel()
	c, err := New(WithAccount(1), WithToken("x"))
	if err != nil {
		t.Fatal(err)
	}
	name := cloneName{source: 5, pr: PullRequest{GitHub, 7}, nonce: "abcdefgh"}
	body := c.Jobs.cloneBody(jobOf(t, ciFields()), name)
	if got, want := body["name"], "dbtcloud-ci:5:github:7:abcdefgh:d Slim CI"; got != want {
		t.Errorf("name %v, want %s", got, want)
	}
	if body["job_type"] != "ci" || fmt.Sprint(body["execute_steps"]) != "[dbt build]" || fmt.Sprint(body["deferring_environment_id"]) != "4" {
		t.Errorf("body %v", body)
	}
	allowed := slices.Concat(cloneCopied, cloneRuled)
	for field := range body {
		if !slices.Contains(allowed, field) {
			t.Errorf("%s is sent", field)
		}
	}
	b, err := json.Marshal(body["triggers"])
	if err != nil || strings.Contains(string(b), "true") {
		t.Errorf("triggers %s, %v", b, err)
	}
}

func TestCostFeaturesOfAClone(t *testing.T) {
	t.Parallel()
	c, err := New(WithAccount(1), WithToken("x"))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		jobType  string
		features []string
		want     any
	}{
		{"ci", nil, nil},
		{"ci", []string{}, nil},
		{"ci", []string{"dbt_state"}, []string{"dbt_state"}},
		{"ci", []string{"state_aware_orchestration"}, nil},
		{"ci", []string{"dbt_state", "efficient_testing"}, nil},
		{"merge", []string{"efficient_testing"}, nil},
		{"other", []string{"efficient_testing"}, []string{"efficient_testing"}},
	}
	for _, tt := range tests {
		fields := ciFields()
		fields["job_type"], fields["cost_optimization_features"] = tt.jobType, tt.features
		body := c.Jobs.cloneBody(jobOf(t, fields), cloneName{source: 5, pr: PullRequest{GitHub, 7}, nonce: "abcdefgh"})
		if diff := cmp.Diff(tt.want, body["cost_optimization_features"]); diff != "" {
			t.Errorf("%s %v (-want +got):\n%s", tt.jobType, tt.features, diff)
		}
	}
}

func TestDifferences(t *testing.T) {
	t.Parallel()
	// A clone as it should be: inert, with ids and times of its own.
	inert := map[string]any{
		"id": 6, "name": "dbtcloud-ci:5:github:7:abcdefgh:d Slim CI", "created_at": "2026-02-02T00:00:00Z", "run_failure_count": 0,
		"triggers": map[string]any{"github_webhook": false, "schedule": false, "on_merge": false}, "job_completion_trigger_condition": nil,
	}
	tests := map[string]struct {
		change map[string]any
		want   []string
	}{
		"faithful":          {nil, nil},
		"steps":             {map[string]any{"execute_steps": []string{"dbt run"}}, []string{"execute_steps"}},
		"kind":              {map[string]any{"job_type": "other"}, []string{"job_type"}},
		"not deferring":     {map[string]any{"deferring_environment_id": nil}, []string{"deferring_environment_id"}},
		"deferring":         {map[string]any{"deferring_job_definition_id": 6}, []string{"deferring_job_definition_id"}},
		"threads":           {map[string]any{"settings": map[string]any{"threads": 8, "target_name": "default"}}, []string{"settings"}},
		"description":       {map[string]any{"description": "cut"}, nil},
		"started by a push": {map[string]any{"triggers": map[string]any{"github_webhook": true}}, []string{"triggers"}},
		"started by a run":  {map[string]any{"job_completion_trigger_condition": map[string]any{"condition": map[string]any{"job_id": 9}}}, []string{"job_completion_trigger_condition"}},
		"two":               {map[string]any{"dbt_version": "latest", "run_lint": true}, []string{"dbt_version", "run_lint"}},
		"null for absent":   {map[string]any{"run_lint": nil}, nil},
	}
	for name, tt := range tests {
		fields := ciFields()
		maps.Copy(fields, inert)
		maps.Copy(fields, tt.change)
		if diff := cmp.Diff(tt.want, differences(jobOf(t, ciFields()), jobOf(t, fields))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestObstacle(t *testing.T) {
	t.Parallel()
	secret := JobOverride{Name: "DBT_ENV_SECRET_KEY", Value: "**********"}
	tests := map[string]struct {
		overrides []JobOverride
		err       error
		want      string
	}{
		"none":         {nil, nil, ""},
		"plain":        {[]JobOverride{{Name: "DBT_LIMIT", Value: "100"}}, nil, ""},
		"secret":       {[]JobOverride{{Name: "DBT_LIMIT", Value: "100"}, secret}, nil, "DBT_ENV_SECRET_KEY"},
		"masked":       {[]JobOverride{{Name: "DBT_LIMIT", Value: "****"}}, nil, "DBT_LIMIT"},
		"not readable": {nil, errors.New("403"), "cannot be read (403)"},
	}
	for name, tt := range tests {
		got := obstacle(tt.overrides, tt.err)
		if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
		if strings.Contains(got, "100") {
			t.Errorf("%s: %q tells a value", name, got)
		}
	}
}
