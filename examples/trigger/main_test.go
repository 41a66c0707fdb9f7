package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/slimci/dbtcloud/dbtcloudtest"
	"github.com/slimci/dbtcloud/internal/testenv"
)

// build compiles the command.
func build(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		testenv.Skip(t, "no go command to compile with: %v", err)
	}
	binary := filepath.Join(t.TempDir(), "trigger")
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

// environment is that of this process with the variables of dbt Cloud replaced.
func environment(variables ...string) []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "DBT_CLOUD_") {
			env = append(env, v)
		}
	}
	return append(env, variables...)
}

func TestTrigger(t *testing.T) {
	t.Parallel()
	binary := build(t)
	tests := []struct {
		name   string
		ends   dbtcloudtest.RunStatus
		job    func(id int64) string
		token  string
		status int
		stderr string // a part of it; "" is none at all
		runs   int
	}{
		{name: "success", ends: dbtcloudtest.Success, status: 0, runs: 1},
		{name: "failed run", ends: dbtcloudtest.Error, status: 1, stderr: "rror", runs: 1},
		{name: "cancelled run", ends: dbtcloudtest.Cancelled, status: 1, stderr: "ancelled", runs: 1},
		{name: "not a number", job: func(int64) string { return "x" }, status: 2, stderr: "-job"},
		{name: "no token", token: "-", status: 2, stderr: "DBT_CLOUD_SERVICE_TOKEN"},
		{name: "wrong token", token: "wrong", status: 5, stderr: "401"},
		{name: "no such job", job: func(id int64) string { return fmt.Sprint(id + 1) }, status: 5, stderr: "404"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			fake := dbtcloudtest.New(dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome {
				return dbtcloudtest.Outcome{Status: tt.ends}
			}))
			jobID := fake.AddJob(dbtcloudtest.JobSpec{})
			env := []string{"DBT_CLOUD_HOST=" + fake.Start(t), fmt.Sprintf("DBT_CLOUD_ACCOUNT_ID=%d", fake.AccountID())}
			switch tt.token {
			case "":
				env = append(env, "DBT_CLOUD_SERVICE_TOKEN="+fake.Token())
			case "-":
			default:
				env = append(env, "DBT_CLOUD_SERVICE_TOKEN="+tt.token)
			}
			job := fmt.Sprint(jobID)
			if tt.job != nil {
				job = tt.job(jobID)
			}
			status, stdout, stderr := start(t, binary, env, "-job", job)
			if status != tt.status {
				t.Errorf("exit status = %d, want %d; stderr: %s", status, tt.status, stderr)
			}
			if !strings.Contains(stderr, tt.stderr) || tt.stderr == "" && stderr != "" {
				t.Errorf("stderr = %q, want something with %q", stderr, tt.stderr)
			}
			if got := len(fake.Runs()); got != tt.runs {
				t.Errorf("%d runs, want %d", got, tt.runs)
			}
			if link := strings.Contains(stdout, "/runs/"); link != (tt.runs > 0) {
				t.Errorf("stdout = %q: want the link of the run if there is one", stdout)
			}
		})
	}
}

// start runs the command to its end.
func start(t *testing.T, binary string, env []string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, problems strings.Builder
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = environment(env...), &out, &problems
	err := cmd.Run()
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return e.ExitCode(), out.String(), problems.String()
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0, out.String(), problems.String()
}
