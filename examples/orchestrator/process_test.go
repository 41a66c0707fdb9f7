//go:build unix

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// asCommand has this test binary be the command.
const asCommand = "ORCHESTRATOR_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) == "1" {
		main()
		return
	}
	os.Exit(m.Run())
}

// process is the command running as a process of its own.
type process struct {
	*exec.Cmd
	t     *testing.T
	stdin io.Writer
	log   *bufio.Scanner
}

// startProcess starts the command with those arguments and variables.
func startProcess(t *testing.T, args []string, env ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(os.Args[0], args...), t: t}
	p.Env = append(append(os.Environ(), asCommand+"=1"), env...)
	stdin, err := p.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stdin, p.log = stdin, bufio.NewScanner(stdout)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill() })
	return p
}

// says reads the log up to a line with all those words.
func (p *process) says(words ...string) {
	p.t.Helper()
	var before []string
scan:
	for p.log.Scan() {
		before = append(before, p.log.Text())
		for _, word := range words {
			if !strings.Contains(p.log.Text(), word) {
				continue scan
			}
		}
		return
	}
	p.t.Fatalf("no line with %q among these:\n%s", words, strings.Join(before, "\n"))
}

func (p *process) terminate() {
	p.t.Helper()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
}

func TestASignalStopsGracefully(t *testing.T) {
	t.Parallel()
	p := startProcess(t, []string{"-fake"})
	p.says("production", "project=shop", "job=sources", "status=Running")
	p.terminate()
	p.says("still running", "project=", "run=")
	p.says("msg=ended")
	if err := p.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

// A stop takes as long as the API lets it hang, which is what the second signal cuts short.
func TestTheSecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	fake := newFake(plan(), dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome {
		return dbtcloudtest.Outcome{Duration: -1}
	}))
	p := startProcess(t, nil, "DBT_CLOUD_HOST="+fake.Start(t), fmt.Sprintf("DBT_CLOUD_ACCOUNT_ID=%d", fake.AccountID()), "DBT_CLOUD_SERVICE_TOKEN="+fake.Token())
	if _, err := fmt.Fprintf(p.stdin, "shop github#50 %040x\n", 1); err != nil {
		t.Fatal(err)
	}
	p.says("project=shop", "pull_request=github#50", "status=Running")
	fake.Inject(dbtcloudtest.Fault{Method: "GET", Kind: dbtcloudtest.Hang()})
	p.terminate()
	p.says("stopping")
	p.terminate()
	_ = p.Wait() // how it ended is looked at
	if status, ok := p.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() {
		t.Errorf("it was not ended by the signal: %v", p.ProcessState)
	}
}

func TestTheAccountIsRequired(t *testing.T) {
	t.Parallel()
	p := startProcess(t, nil, "DBT_CLOUD_SERVICE_TOKEN=", "DBT_CLOUD_API_KEY=", "DBT_CLOUD_TOKEN=", "DBT_CLOUD_ACCOUNT_ID=")
	p.says("level=ERROR", "DBT_CLOUD_SERVICE_TOKEN")
	if err := p.Wait(); err == nil || p.ProcessState.ExitCode() != 1 {
		t.Errorf("it ended with %v, want exit status 1", err)
	}
}
