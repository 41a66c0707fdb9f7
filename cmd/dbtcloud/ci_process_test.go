//go:build unix

package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// TestCIRunSignals: as TestSignals, of a change that was detected. Nothing is reported.
func TestCIRunSignals(t *testing.T) {
	t.Parallel()
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			c := newCloud(t, -1)
			c.occupy()
			maps.Copy(c.env, eventVars(t, "gitlab/pull_request"))
			file := filepath.Join(t.TempDir(), "junit.xml")
			p := c.start(t, "ci", "run", "--sha="+sha1, "--poll-interval=100ms", "--output=json", "--junit="+file)
			await(t, "the run runs", func() bool { _, ok := c.running(); return ok })
			run, _ := c.running()
			signalled := p.signal(t, signal)
			o := p.end().want(t, exitInterrupted)
			if took := p.at.Sub(signalled); took >= leaving {
				t.Errorf("leaving took %s", took)
			}
			c.checkLeft(t, run, dbtcloudtest.Cancelled, signalled)
			if got := o.object(t); numberOf(t, got, "run_id") != run.ID || got["clone_deleted"] != true {
				t.Errorf("object %v", got)
			}
			if !strings.Contains(o.stderr, "\ndbtcloud: interrupted: left gitlab#42, run ") || strings.Contains(o.stderr, "report: ") {
				t.Errorf("stderr %q", o.stderr)
			}
			if _, err := os.Stat(file); err == nil {
				t.Error("an interrupted command has reported")
			}
		})
	}
}
