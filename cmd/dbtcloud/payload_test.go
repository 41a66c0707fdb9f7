package main

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/internal/testenv"
)

func TestParsePayload(t *testing.T) {
	t.Parallel()
	github7 := dbtcloud.PullRequest{Host: dbtcloud.GitHub, Number: 7}
	tests := []struct {
		name, payload string
		want          dbtcloud.Trigger
	}{
		{"empty object", `{}`, dbtcloud.Trigger{}},
		{"number", `{"github_pull_request_id":7}`, dbtcloud.Trigger{PullRequest: github7}},
		{"numeric string", ` {"github_pull_request_id" : " 7 " } ` + "\n", dbtcloud.Trigger{PullRequest: github7}},
		{"GitLab", `{"gitlab_merge_request_id":7}`, dbtcloud.Trigger{PullRequest: dbtcloud.PullRequest{Host: dbtcloud.GitLab, Number: 7}}},
		{"Azure", `{"azure_pull_request_id":7}`, dbtcloud.Trigger{PullRequest: dbtcloud.PullRequest{Host: dbtcloud.AzureRepos, Number: 7}}},
		{"any other", `{"non_native_pull_request_id":7}`, dbtcloud.Trigger{PullRequest: dbtcloud.PullRequest{Host: dbtcloud.OtherHost, Number: 7}}},
		{"everything", `{"cause":"é\u00e9","git_sha":"s","git_branch":"b","schema_override":"o","dbt_version_override":"v","target_name_override":"t",
			"threads_override":"8","timeout_seconds_override":60,"generate_docs_override":false,"steps_override":["dbt build","dbt test"]}`,
			dbtcloud.Trigger{Cause: "éé", GitSHA: "s", GitBranch: "b", SchemaOverride: "o", DbtVersionOverride: "v", TargetNameOverride: "t",
				ThreadsOverride: 8, TimeoutSecondsOverride: 60, GenerateDocsOverride: new(false), StepsOverride: []string{"dbt build", "dbt test"}}},
	}
	for _, test := range tests {
		got, err := parsePayload(test.payload)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestParsePayloadRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, payload, want string }{
		{"nothing", ``, "is not a JSON object"},
		{"no JSON", `git_sha=abc`, "is not a JSON object"},
		{"array", `[{"cause":"x"}]`, "is not a JSON object"},
		{"string", `"{}"`, "is not a JSON object"},
		{"null", `null`, "is not a JSON object"},
		{"cut off", `{"cause":"x"`, "is not valid JSON from character 13 on"},
		{"variable that is not set", `{"cause":"x","github_pull_request_id":}`, "is not valid JSON from character 39 on"},
		{"single quotes", `{'cause':'x'}`, "is not valid JSON from character 2 on"},
		{"comma at the end", `{"cause":"é",}`, "is not valid JSON from character 14 on"},
		{"two objects", `{}{}`, "has something after the JSON object"},
		{"text behind", `{} x`, "has something after the JSON object"},
		{"unknown key", `{"git_shaa":"x"}`, `"git_shaa" is no field of a trigger: did you mean git_sha?`},
		{"other case", `{"Cause":"x"}`, `"Cause" is no field of a trigger: did you mean cause?`},
		{"half a key", `{"pull_request_id":7}`, `"pull_request_id" is no field of a trigger: did you mean github_pull_request_id or azure_pull_request_id or non_native_pull_request_id?`},
		{"key like none", `{"job":7}`, `"job" is no field of a trigger: those are cause, git_sha, git_branch, github_pull_request_id`},
		{"unknown key with null", `{"job":null}`, `"job" is no field`},
		{"two pull requests", `{"github_pull_request_id":7,"gitlab_merge_request_id":7}`, `"gitlab_merge_request_id" is a second pull request beside that of github: give only one`},
		{"null pull request", `{"github_pull_request_id":null}`, `"github_pull_request_id" is null: give a value or leave the key out`},
		{"null text", `{"cause":null}`, `"cause" is null`},
		{"twice", `{"cause":"x","cause":"y"}`, `"cause" is given twice`},
		{"twice, escaped", `{"cause":"x","caus\u0065":"y"}`, `"cause" is given twice`},
		{"pull request 0", `{"azure_pull_request_id":0}`, `"azure_pull_request_id" must be a whole number above 0`},
		{"negative pull request", `{"azure_pull_request_id":"-7"}`, `"azure_pull_request_id" must be a whole number above 0`},
		{"half a pull request", `{"azure_pull_request_id":7.5}`, `"azure_pull_request_id" must be a whole number above 0`},
		{"huge pull request", `{"azure_pull_request_id":1e30}`, `"azure_pull_request_id" must be a whole number above 0`},
		{"empty pull request", `{"azure_pull_request_id":""}`, `"azure_pull_request_id" must be a whole number above 0`},
		{"pull request of another type", `{"azure_pull_request_id":[7]}`, `"azure_pull_request_id" must be a whole number above 0`},
		{"empty sha", `{"git_sha":""}`, `"git_sha" is empty`},
		{"blank schema", `{"schema_override":" "}`, `"schema_override" is empty`},
		{"number for text", `{"git_branch":7}`, `"git_branch" must be a string`},
		{"text for number", `{"threads_override":"many"}`, `"threads_override" must be a whole number above 0`},
		{"no timeout", `{"timeout_seconds_override":0}`, `"timeout_seconds_override" must be a whole number above 0`},
		{"large number", `{"threads_override":4294967296}`, `"threads_override" is too large`},
		{"text for a boolean", `{"generate_docs_override":"true"}`, `"generate_docs_override" must be true or false`},
		{"text for steps", `{"steps_override":"dbt build"}`, `"steps_override" must be an array of commands`},
		{"no steps", `{"steps_override":[]}`, `"steps_override" must be an array of commands`},
		{"empty step", `{"steps_override":["dbt build",""]}`, `"steps_override" has an empty command`},
		{"null step", `{"steps_override":[null]}`, `"steps_override" has an empty command`},
		{"number for a step", `{"steps_override":[7]}`, `"steps_override" must be an array of commands`},
	}
	for _, test := range tests {
		if _, err := parsePayload(test.payload); err == nil || !strings.HasPrefix(err.Error(), "--payload: "+test.want) {
			t.Errorf("%s: %s: error %v, want --payload: %s", test.name, test.payload, err, test.want)
		}
	}
}

// TestPayloadIsNeverShown puts a secret where each value belongs, and into broken JSON.
func TestPayloadIsNeverShown(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3t"
	for _, key := range append(payloadKeys(), "unknown_key") {
		for _, value := range []string{`{"a":"` + secret + `"}`, `["` + secret + `",7]`, `"` + secret, secret, `"` + secret + `"} {`} {
			_, err := parsePayload(`{"` + key + `":` + value + `}`)
			if err == nil || strings.Contains(err.Error(), secret) {
				t.Errorf("%s with %s: error %v", key, value, err)
			}
		}
	}
}

// TestPayloadKeys compares the keys with the official document of the trigger request.
func TestPayloadKeys(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile(testenv.Shared(t, "openapi", "openapi-v2.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := bytes.Cut(document, []byte("\n    TriggerRunRequestRequest:\n"))
	schema, _, found := bytes.Cut(after, []byte("\n      required:\n"))
	if !found {
		t.Fatal("the document has no TriggerRunRequestRequest")
	}
	var want []string
	for _, match := range regexp.MustCompile(`(?m)^ {8}(\w+):$`).FindAllSubmatch(schema, -1) {
		want = append(want, string(match[1]))
	}
	got := payloadKeys()
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys (-official +ours):\n%s", diff)
	}
	for _, key := range got {
		if _, err := parsePayload(`{"` + key + `":{}}`); err == nil || strings.Contains(err.Error(), "no field") {
			t.Errorf("%s: error %v, want one about its type", key, err)
		}
	}
}

func FuzzParsePayload(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"cause":"x","git_sha":"` + sha1 + `","schema_override":"s","github_pull_request_id":7}`,
		`{"gitlab_merge_request_id":"7","steps_override":["dbt build"],"generate_docs_override":true}`,
		`{"cause":"x","cause":"y"}`, `{"azure_pull_request_id":null}`, `{"threads_override":1e3}`, `[`, `{"a":`, `{"cause":"\ud800"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parsePayload(text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "--payload: ") || strings.ContainsAny(err.Error(), "\n\r\x00\x1b") {
				t.Fatalf("%q: error %q", text, err)
			}
			return
		}
		var plain map[string]any
		if err := json.Unmarshal([]byte(text), &plain); err != nil {
			t.Fatalf("%q was taken, and is no JSON: %v", text, err)
		}
		if len([]rune(got.Cause)) > 255 {
			return // refused later, by the trigger
		}
		sent, err := json.Marshal(got)
		if err != nil {
			t.Fatalf("%q was taken, and cannot be sent: %v", text, err)
		}
		if got.Cause == "" {
			got.Cause = "Triggered via API"
		}
		var back map[string]any
		if err := json.Unmarshal(sent, &back); err != nil {
			t.Fatal(err)
		}
		for key := range plain {
			if back[key] == nil {
				t.Fatalf("%q: %s is lost in %s", text, key, sent)
			}
		}
	})
}
