package main

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// TestDeployOfAPush: commit, branch and sequence are those of the pipeline; each flag overrides one.
func TestDeployOfAPush(t *testing.T) {
	t.Parallel()
	push := map[string]string{"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "push", "CI_COMMIT_SHA": sha1, "CI_COMMIT_BRANCH": "main", "CI_PIPELINE_IID": "70"}
	tests := []struct {
		name                  string
		env                   map[string]string
		args                  []string
		sha, branch, sequence string
	}{
		{"a push", push, nil, sha1, "main", "1y"},
		{"another commit", push, []string{"--sha=" + sha2}, sha2, "main", "1y"},
		{"another branch", push, []string{"--branch=release"}, sha1, "release", "1y"},
		{"another sequence", push, []string{"--sequence=71"}, sha1, "main", "1z"},
		{"flags beside a merge request", map[string]string{"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "merge_request_event", "CI_COMMIT_SHA": sha1, "CI_MERGE_REQUEST_IID": "7"},
			[]string{"--sha=" + sha2}, sha2, "", "0"},
		{"flags beside variables that cannot be right", map[string]string{"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "push", "CI_COMMIT_SHA": sha1, "DBT_CLOUD_CI_SEQUENCE": "never"},
			[]string{"--sha=" + sha2, "--sequence=1"}, sha2, "", "1"},
		{"no pipeline", nil, []string{"--sha=" + sha2, "--branch=main"}, sha2, "main", "0"},
	}
	for _, test := range tests {
		c := newCloud(t, 0)
		maps.Copy(c.env, test.env)
		o := invoke(t, c.env, append([]string{"jobs", "deploy", "Slim CI", "--no-wait"}, test.args...)...).want(t, exitSuccess)
		run := c.Runs()[0]
		if run.SHA != test.sha || run.Branch != test.branch || !strings.Contains(run.Cause, "."+test.sha[:12]+"."+test.sequence+".") {
			t.Errorf("%s: commit %q, branch %q, cause %q; stderr %q", test.name, run.SHA, run.Branch, run.Cause, o.stderr)
		}
		if strings.Contains(o.stderr, "report: ") {
			t.Errorf("%s: a report of a run that nobody waits for: %q", test.name, o.stderr)
		}
	}
}

// TestDeployOfNoPush: what is no push is not deployed without --sha.
func TestDeployOfNoPush(t *testing.T) {
	t.Parallel()
	tests := []struct {
		env  map[string]string
		want string
	}{
		{map[string]string{"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "merge_request_event", "CI_COMMIT_SHA": sha1, "CI_MERGE_REQUEST_IID": "7"},
			"--sha: is missing: give the merged commit (the pipeline is for an event of kind pull_request, not for a push)"},
		{map[string]string{"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "push", "CI_COMMIT_SHA": sha1, "DBT_CLOUD_CI_SEQUENCE": "never"},
			"--sha: is missing: give the merged commit (invalid input: GitLab CI: DBT_CLOUD_CI_SEQUENCE"},
		{map[string]string{"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "push", "CI_COMMIT_SHA": "no commit"}, "--sha: is missing: give the merged commit\n"},
		{nil, "--sha: is missing: give the merged commit\n"},
	}
	for _, test := range tests {
		c := newCloud(t, 0)
		maps.Copy(c.env, test.env)
		o := invoke(t, c.env, "jobs", "deploy", "Slim CI").want(t, exitBadInput)
		if !strings.Contains(o.stderr, test.want) || len(c.Requests()) > 0 {
			t.Errorf("stderr %q, want %q; %d requests", o.stderr, test.want, len(c.Requests()))
		}
	}
}

// TestCoalescedDeploys: three merges arrive while one is deployed. Of those that wait the newest is deployed, and the exit
// statuses of the others say that it took over; waiting or not.
func TestCoalescedDeploys(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		args []string
		want []int // exit statuses
		ran  int
	}{
		{"waiting", nil, []int{exitSuccess, exitCancelled, exitCancelled, exitSuccess}, 2},
		{"not waiting", []string{"--no-wait"}, []int{exitSuccess, exitSuccess, exitSuccess, exitSuccess}, 2},
		{"every merge", []string{"--every"}, []int{exitSuccess, exitSuccess, exitSuccess, exitSuccess}, 4},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := dbtcloudtest.New()
				job := s.AddJob(dbtcloudtest.JobSpec{})
				got := make([]int, 4)
				done := make(chan struct{})
				for n := range got {
					go func() {
						time.Sleep(time.Duration(n) * 30 * time.Second)
						args := append([]string{"jobs", "deploy", id(job), "--branch=main", fmt.Sprintf("--sha=%040x", n+1), "--sequence=" + id(int64(n+1))}, test.args...)
						got[n] = invokeInside(t.Context(), s, args...).status
						done <- struct{}{}
					}()
				}
				for range got {
					<-done
				}
				time.Sleep(time.Hour)
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("exit statuses (-want +got):\n%s", diff)
				}
				ran := 0
				for _, r := range s.Runs() {
					if r.Status == dbtcloudtest.Success {
						ran++
					}
				}
				if ran != test.ran {
					t.Errorf("%d deployments ran, want %d", ran, test.ran)
				}
			})
		})
	}
}

// TestSupersededDeploy: a merge that is older than the active one leaves nothing on stdout.
func TestSupersededDeploy(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"--no-wait"}, {"--output=json"}} {
		c := newCloud(t, -1)
		invoke(t, c.env, "jobs", "deploy", "Slim CI", "--no-wait", "--sha="+sha1, "--sequence=8").want(t, exitSuccess)
		o := invoke(t, c.env, append([]string{"jobs", "deploy", "Slim CI", "--sha=" + sha2, "--sequence=7"}, args...)...).want(t, exitCancelled)
		if run := c.Runs()[0]; o.stdout != "" || !strings.Contains(o.stderr, "run "+id(run.ID)+" deploys a newer merge than 222222222222") {
			t.Errorf("%v: stdout %q, stderr %q", args, o.stdout, o.stderr)
		}
	}
}
