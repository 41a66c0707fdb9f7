package parity

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/slimci/dbtcloud/internal/testenv"
	"github.com/slimci/dbtcloud/manifest"
)

// patience is how long dbt may take for one answer on a busy machine.
const patience = 5 * time.Minute

// dbt is one process of a minor version of dbt-core that answers any number of questions, one after the other.
type dbt struct {
	version int // 9 for 1.9
	dir     string
	ask     *json.Encoder
	answers *json.Decoder
	stderr  *bytes.Buffer
	stop    context.CancelFunc
	count   int // of the projects parsed
}

// answer is what an invocation of dbt ended with.
type answer struct {
	Lines  []string    `json:"lines"`
	Error  string      `json:"error"`
	Events [][2]string `json:"events"` // name and message
}

// startDbt starts the dbt-core of a minor version, or skips the test. The process ends with the test.
func startDbt(t *testing.T, minor int) *dbt {
	t.Helper()
	venv := fmt.Sprintf("dbt-core-1.%d", minor)
	python := testenv.Installed(t, "dbt", filepath.Join(venv, "bin", "python"), filepath.Join("testdata", venv+".txt"), filepath.Join(venv, "pins.txt"))
	script, err := filepath.Abs(filepath.Join("testdata", "answers.py"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	d := &dbt{version: minor, dir: t.TempDir(), stderr: &bytes.Buffer{}, stop: cancel}
	cmd := exec.CommandContext(ctx, python, script)
	cmd.Dir, cmd.Stderr, cmd.WaitDelay = d.dir, d.stderr, 10*time.Second
	cmd.Env = []string{
		"HOME=" + d.dir, "PATH=" + filepath.Dir(python), "LANG=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1",
		"DBT_SEND_ANONYMOUS_USAGE_STATS=false", "DBT_VERSION_CHECK=false", "DO_NOT_TRACK=1", "DBT_USE_COLORS=false",
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		cancel()
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
	})
	d.ask, d.answers = json.NewEncoder(in), json.NewDecoder(out)
	return d
}

// invoke asks dbt, which must answer, though the answer may be an error.
func (d *dbt) invoke(t *testing.T, question map[string]any) answer {
	t.Helper()
	defer time.AfterFunc(patience, d.stop).Stop()
	var a answer
	if err := d.ask.Encode(question); err != nil {
		t.Fatalf("ask dbt: %v\n%s", err, d.stderr)
	}
	if err := d.answers.Decode(&a); err != nil {
		t.Fatalf("dbt gave no answer to %v: %v\n%s", question, err, d.stderr)
	}
	return a
}

// state is a project as dbt has parsed it, in a directory of its own.
type state struct {
	project  *project
	name     string // by which the process of dbt knows it
	target   string // the directory of manifest.json
	manifest *manifest.Manifest
}

// parse writes a project down and lets dbt read it.
func (d *dbt) parse(t *testing.T, p *project) *state {
	t.Helper()
	s, refused := d.tryParse(t, p)
	if refused != "" {
		t.Fatalf("dbt parse after %q: %s", p.edits, refused)
	}
	return s
}

// parseAll is the project after all of the edits or, where dbt refuses what they make together, after parts of them.
func (d *dbt) parseAll(t *testing.T, p *project, edits []edit) []*state {
	t.Helper()
	if len(edits) == 1 {
		return []*state{d.parse(t, p.edited(edits...))}
	}
	if s, refused := d.tryParse(t, p.edited(edits...)); refused == "" {
		return []*state{s}
	}
	half := len(edits) / 2
	return append(d.parseAll(t, p, edits[:half]), d.parseAll(t, p, edits[half:])...)
}

// tryParse gives the reason where dbt refuses the project.
func (d *dbt) tryParse(t *testing.T, p *project) (s *state, refused string) {
	t.Helper()
	d.count++
	name := fmt.Sprintf("project%d", d.count)
	dir := filepath.Join(d.dir, name)
	p.write(t, dir)
	s = &state{project: p, name: name, target: filepath.Join(dir, "target")}
	a := d.invoke(t, map[string]any{"args": d.args("parse", s, "--no-partial-parse"), "env": p.env, "keep": name})
	if a.Error != "" {
		return nil, a.Error
	}
	text, err := os.ReadFile(filepath.Join(s.target, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	if s.manifest, err = manifest.Read(bytes.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	return s, ""
}

// list is what `dbt ls` gives for a selector in the project now, compared with old.
func (d *dbt) list(t *testing.T, old, now *state, selector string, indirect manifest.Indirect) answer {
	t.Helper()
	args := d.args("ls", now, "--state", old.target, "--select", selector, "--indirect-selection", string(indirect),
		"--resource-type", "all", "--output", "json", "--output-keys", "unique_id")
	a := d.invoke(t, map[string]any{"args": args, "env": now.project.env, "with": now.name})
	for i, line := range a.Lines {
		var node struct {
			ID string `json:"unique_id"`
		}
		if err := json.Unmarshal([]byte(line), &node); err != nil {
			t.Fatalf("dbt ls printed %q: %v", line, err)
		}
		a.Lines[i] = node.ID
	}
	slices.Sort(a.Lines)
	return a
}

func (d *dbt) args(command string, s *state, more ...string) []string {
	dir := filepath.Dir(s.target)
	args := []string{command, "--project-dir", dir, "--profiles-dir", dir, "--target-path", s.target}
	return append(append(args, more...), s.project.args...)
}

// warnings are the names of the events that a comparison brings about, sorted.
func (a answer) warnings() []string {
	known := map[string]bool{
		"UnversionedBreakingChange": true, "SeedIncreased": true,
		"SeedExceedsLimitSamePath": true, "SeedExceedsLimitAndPathChanged": true,
	}
	found := map[string]bool{}
	for _, event := range a.Events {
		if known[event[0]] {
			found[event[0]] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}
