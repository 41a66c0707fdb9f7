//go:build unix

package main

import (
	"strings"
	"syscall"
	"testing"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// TestDeployProcesses: three pipelines, each with a process of its own. The one that waits is told of the newer one at once,
// and one that is killed outright leaves its run to be deployed.
func TestDeployProcesses(t *testing.T) {
	t.Parallel()
	c := newCloud(t, -1)
	deploy := func(sha string, sequence int64) *process {
		p := c.start(t, "jobs", "deploy", "slim ci", "--sha="+sha, "--branch=main", "--sequence="+id(sequence), "--poll-interval=100ms", "--output=json")
		await(t, "its run is accepted", func() bool {
			runs := c.Runs()
			return len(runs) > 0 && runs[len(runs)-1].SHA == sha
		})
		return p
	}
	first := deploy(sha1, 1)
	await(t, "the first one runs", func() bool { _, ok := c.running(); return ok })
	waits := deploy(sha3, 2)
	last := deploy(sha2, 3)
	o := waits.end().want(t, exitCancelled)
	runs := c.Runs()
	if numberOf(t, o.object(t), "id") != runs[1].ID || !strings.Contains(o.stderr, "run "+id(runs[2].ID)+" deploys a newer merge than "+sha3[:12]) {
		t.Errorf("stdout %q, stderr %q", o.stdout, o.stderr)
	}
	first.signal(t, syscall.SIGKILL)
	<-first.ended
	c.FinishRun(runs[0].ID, dbtcloudtest.Success)
	o = last.end().want(t, exitSuccess)
	if numberOf(t, o.object(t), "id") != runs[2].ID || len(c.Runs()) != 3 {
		t.Errorf("stdout %q, stderr %q", o.stdout, o.stderr)
	}
}
