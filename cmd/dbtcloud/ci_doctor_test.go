package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

const githubFacts = `FIELD         VALUE                                                      FROM
Provider      GitHub Actions                                             GITHUB_ACTIONS
Host          github                                                     GITHUB_ACTIONS
Repository    acme/analytics                                             GITHUB_REPOSITORY
Sequence      9017342501                                                 GITHUB_RUN_ID
PipelineURL   https://github.com/acme/analytics/actions/runs/9017342501  GITHUB_SERVER_URL, GITHUB_REPOSITORY and GITHUB_RUN_ID
Kind          pull_request                                               GITHUB_EVENT_NAME
Number        42                                                         pull_request.number of the event file
SHA           8f2c4e6a0b1d3f5a7c9e8d6b4a2f0e1c3d5b7a90                   pull_request.head.sha of the event file
TargetBranch  main                                                       pull_request.base.ref of the event file
Draft         false                                                      pull_request.draft of the event file
Fork          false                                                      pull_request.head.repo of the event file
Branch        release                                                    the command line

`

func TestCIDoctor(t *testing.T) {
	t.Parallel()
	c := inPipeline(t, "github/pull_request", dbtcloudtest.Outcome{})
	c.occupy()
	o := invoke(t, c.env, "ci", "doctor", "--branch=release").want(t, exitSuccess)
	want := githubFacts + "ok       event           GitHub Actions, pull_request github#42 at " + headSHA + " of release in acme/analytics\n" + healthyJob
	got := steady(o.stdout, strings.TrimPrefix(c.env["DBT_CLOUD_HOST"], "http://"), "HOST", id(c.AccountID()), "ACCOUNT", id(c.job), "JOB")
	if diff := cmp.Diff(want, got); diff != "" || o.stderr != "" {
		t.Errorf("stderr %q, stdout (-want +got):\n%s", o.stderr, diff)
	}
}

// TestCIDoctorEvents: what is said of an event that cannot be tested, and how loud.
func TestCIDoctorEvents(t *testing.T) {
	t.Parallel()
	tests := []struct {
		fixture string
		set     func(*testing.T, *cloud)
		status  int
		want    string // the finding
	}{
		{fixture: "github/push", status: exitSuccess, want: "note     event           GitHub Actions: a push to a branch, not a pull request -> start the workflow with on: pull_request"},
		{fixture: "github/closed", status: exitSuccess, want: "note     event           GitHub Actions: the pull request is closed -> "},
		{fixture: "github/draft", status: exitSuccess, want: "note     event           GitHub Actions: the pull request is a draft -> "},
		{fixture: "jenkins/pull_request", status: exitRunFailed, want: "problem  event           Jenkins: the head commit of the pull request is not known, "},
		{fixture: "", status: exitRunFailed, want: "problem  event           no CI provider was recognized: "},
		{fixture: "github/pull_request", set: eventFile("{", 0), status: exitRunFailed, want: "problem  event           invalid input: GitHub Actions: GITHUB_EVENT_PATH: the event file is not JSON"},
	}
	for _, test := range tests {
		t.Run(test.fixture, func(t *testing.T) {
			t.Parallel()
			c := inPipeline(t, test.fixture, dbtcloudtest.Outcome{})
			if test.set != nil {
				test.set(t, c)
			}
			o := invoke(t, c.env, "ci", "doctor").want(t, test.status)
			if !strings.Contains("\n"+o.stdout, "\n"+test.want) {
				t.Errorf("stdout has no line %q:\n%s", test.want, o.stdout)
			}
		})
	}
}

func TestCIDoctorJSON(t *testing.T) {
	t.Parallel()
	c := inPipeline(t, "github/pull_request", dbtcloudtest.Outcome{})
	got := invoke(t, c.env, "ci", "doctor", "--output=json").want(t, exitSuccess).object(t)
	findings, _ := got["findings"].([]any)
	facts, _ := got["facts"].([]any)
	if len(findings) < 10 || len(facts) != 12 {
		t.Fatalf("%d findings and %d facts", len(findings), len(facts))
	}
	got["findings"], got["facts"] = findings[0], facts[7]
	want := map[string]any{
		"provider": "GitHub Actions", "kind": "pull_request", "testable": true,
		"facts":    map[string]any{"field": "SHA", "value": headSHA, "from": "pull_request.head.sha of the event file"},
		"findings": map[string]any{"check": "event", "level": "ok", "text": "GitHub Actions, pull_request github#42 at " + headSHA + " of feature/orders in acme/analytics", "mend": nil},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("object (-want +got):\n%s", diff)
	}
}

// What a flag says stands in the place of what was detected, not beside it.
func TestCIDoctorOverridden(t *testing.T) {
	t.Parallel()
	c := inPipeline(t, "github/pull_request", dbtcloudtest.Outcome{})
	got := invoke(t, c.env, "ci", "doctor", "--sha="+sha1, "--output=json").want(t, exitSuccess).object(t)
	var shas []any
	facts, _ := got["facts"].([]any)
	for _, fact := range facts {
		if f, _ := fact.(map[string]any); f["field"] == "SHA" {
			shas = append(shas, fact)
		}
	}
	if diff := cmp.Diff([]any{map[string]any{"field": "SHA", "value": sha1, "from": "the command line"}}, shas); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
}

func TestCIDoctorBadInput(t *testing.T) {
	t.Parallel()
	c := inPipeline(t, "github/pull_request", dbtcloudtest.Outcome{})
	for _, args := range [][]string{{"--sha="}, {"--mode=fast"}, {"--pull-request=0"}, {"--pull-request=1", "--github-pull-request=1"}, {"extra"}} {
		o := invoke(t, c.env, append([]string{"ci", "doctor"}, args...)...).want(t, exitBadInput)
		if o.stdout != "" || strings.Count(o.stderr, "\n") != 1 {
			t.Errorf("%v: stdout %q, stderr %q", args, o.stdout, o.stderr)
		}
	}
	if n := len(c.Requests()); n > 0 {
		t.Errorf("%d requests", n)
	}
}
