package peers

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud/dbtcloudtest"
	"github.com/slimci/dbtcloud/internal/testenv"
)

// patience is how long one invocation of a program may take on a busy machine.
const patience = 2 * time.Minute

// program returns the path of a program in the virtual environment of that name, or skips.
func program(tb testing.TB, venv, name string) string {
	tb.Helper()
	return testenv.Installed(tb, "peers", filepath.Join(venv, "bin", name), filepath.Join("testdata", venv+".txt"), filepath.Join(venv, "pins.txt"))
}

// peer is a program that talks to one fake.
type peer struct {
	tb   testing.TB
	path string
	env  []string
}

// newPeer serves the fake over TLS, and gives the program the address, the token and a certificate to trust, and nothing of
// the environment of the test.
func newPeer(tb testing.TB, path string, s *dbtcloudtest.Server) peer {
	tb.Helper()
	server := s.StartTLS(tb)
	home := tb.TempDir()
	bundle := filepath.Join(home, "ca.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(bundle, certificate, 0o600); err != nil {
		tb.Fatal(err)
	}
	return peer{tb, path, []string{
		"HOME=" + home, "PATH=" + filepath.Dir(path), "LANG=C.UTF-8", "COLUMNS=500", "PYTHONDONTWRITEBYTECODE=1",
		"TYPER_STANDARD_TRACEBACK=1", "_TYPER_STANDARD_TRACEBACK=1",
		"REQUESTS_CA_BUNDLE=" + bundle, "SSL_CERT_FILE=" + bundle,
		"DBT_CLOUD_HOST=" + server.Listener.Addr().String(), "DBT_CLOUD_ACCOUNT_ID=" + id(s.AccountID()),
		"DBT_CLOUD_SERVICE_TOKEN=" + s.Token(), "DBT_CLOUD_API_TOKEN=" + s.Token(),
	}}
}

// process is one invocation of a program.
type process struct {
	tb             testing.TB
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer
	done           chan struct{} // closed at the end, when err is set
	err            error
}

// start begins an invocation, which ends with the test at the latest.
func (p peer) start(args ...string) *process {
	p.tb.Helper()
	ctx, cancel := context.WithTimeout(p.tb.Context(), patience)
	run := &process{tb: p.tb, cmd: exec.CommandContext(ctx, p.path, args...), done: make(chan struct{})}
	run.cmd.Env, run.cmd.Dir, run.cmd.WaitDelay = p.env, p.tb.TempDir(), 10*time.Second
	run.cmd.Stdout, run.cmd.Stderr = &run.stdout, &run.stderr
	if err := run.cmd.Start(); err != nil {
		cancel()
		p.tb.Fatalf("%s: %v", run, err)
	}
	go func() {
		run.err = run.cmd.Wait()
		close(run.done)
	}()
	p.tb.Cleanup(func() {
		cancel()
		<-run.done
	})
	return run
}

// run is an invocation that must succeed.
func (p peer) run(args ...string) *process {
	p.tb.Helper()
	return p.start(args...).ends(0)
}

// ends waits for the end, which must have that exit code.
func (r *process) ends(code int) *process {
	r.tb.Helper()
	<-r.done
	if _, exited := errors.AsType[*exec.ExitError](r.err); r.err != nil && !exited || r.cmd.ProcessState.ExitCode() != code {
		r.tb.Fatalf("%s: %v, want exit code %d\nstdout: %s\nstderr: %s", r, r.err, code, &r.stdout, &r.stderr)
	}
	return r
}

// until waits for something that the invocation brings about while it runs.
func (r *process) until(what string, happened func() bool) {
	r.tb.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !happened() {
		select {
		case <-tick.C:
		case <-r.done:
			r.tb.Fatalf("%s: %v, before %s\nstdout: %s\nstderr: %s", r, r.err, what, &r.stdout, &r.stderr)
		}
	}
}

func (r *process) String() string {
	return filepath.Base(r.cmd.Path) + " " + strings.Join(r.cmd.Args[1:], " ")
}

// says fails the test unless the standard error contains the text.
func (r *process) says(text string) {
	r.tb.Helper()
	if got := strings.Join(strings.Fields(r.stderr.String()), " "); !strings.Contains(got, text) {
		r.tb.Errorf("%s does not say %q:\n%s", r, text, &r.stderr)
	}
}

// at is the value at a path such as "data.0.id" of the JSON that the program has printed, as JSON; "" when there is none.
// A * stands for every item of a list, and the empty path for everything.
func (r *process) at(path string) string {
	r.tb.Helper()
	var tree any
	dec := json.NewDecoder(strings.NewReader(r.stdout.String()))
	dec.UseNumber()
	if err := dec.Decode(&tree); err != nil {
		r.tb.Fatalf("%s printed no JSON: %v\nstdout: %s\nstderr: %s", r, err, &r.stdout, &r.stderr)
	}
	return at(tree, strings.FieldsFunc(path, func(r rune) bool { return r == '.' }))
}

func at(node any, path []string) string {
	if len(path) == 0 {
		text, err := json.Marshal(node)
		if err != nil {
			return err.Error()
		}
		return string(text)
	}
	switch node := node.(type) {
	case map[string]any:
		if value, ok := node[path[0]]; ok {
			return at(value, path[1:])
		}
	case []any:
		if path[0] == "*" {
			texts := make([]string, len(node))
			for i, item := range node {
				texts[i] = at(item, path[1:])
			}
			return strings.Join(texts, " ")
		}
		if i, err := strconv.Atoi(path[0]); err == nil && i >= 0 && i < len(node) {
			return at(node[i], path[1:])
		}
	}
	return ""
}

func id(n int64) string { return strconv.FormatInt(n, 10) }

// asked is what the fake was asked and how it answered, below the account, polls of the same thing as one.
func asked(s *dbtcloudtest.Server) []string {
	var lines []string
	for _, r := range s.Requests() {
		short := strings.NewReplacer("/api/v2/accounts/{account}", "", "/api/v3/accounts/{account}", "/v3").Replace(r.Operation)
		line := fmt.Sprintf("%d %s", r.Status, short)
		if len(r.Unknown) > 0 {
			line += " unknown: " + strings.Join(r.Unknown, " ")
		}
		lines = append(lines, line)
	}
	return slices.Compact(lines)
}

// count is how often an operation was answered.
func count(s *dbtcloudtest.Server, operation string) int {
	operation = strings.Replace(operation, " /", " /api/v2/accounts/{account}/", 1)
	n := 0
	for _, r := range s.Requests() {
		if r.Operation == operation && r.Status != 0 {
			n++
		}
	}
	return n
}

// story is what happened to jobs and runs from the first event of the API on, without the steps of a run on its way.
func story(s *dbtcloudtest.Server, names map[int64]string) []string {
	var lines []string
	for _, e := range s.History() {
		name := cmp.Or(names[e.RunID], names[e.JobID], "clone")
		if e.By != "test" && e.Kind != dbtcloudtest.RunStarting && e.Kind != dbtcloudtest.RunRunning {
			lines = append(lines, fmt.Sprintf("%s: %s by %s", name, e.Kind, e.By))
		}
	}
	return lines
}

// equal fails the test unless both are the same.
func equal[T any](tb testing.TB, what string, want, got T) {
	tb.Helper()
	if diff := gocmp.Diff(want, got); diff != "" {
		tb.Errorf("%s (-want +got):\n%s", what, diff)
	}
}
