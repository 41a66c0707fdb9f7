package pipelines

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud/internal/testenv"
)

// providers is the table.
func providers() []provider {
	return []provider{
		github(),
		gitlab(),
		azure(),
		azureGitHub(),
		bitbucket(),
		circleci(),
		jenkins(),
		buildkite(),
		codebuild(),
	}
}

var update = flag.Bool("update", false, "write the golden files anew")

// release is the directory that the downloads come from.
type release struct{ dir, sum string }

func TestPipelines(t *testing.T) {
	t.Parallel()
	built := build(t)
	for _, p := range providers() {
		t.Run(or(p.golden, p.name), func(t *testing.T) {
			t.Parallel()
			for _, c := range append(plays(), p.also...) {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					c.play(t, newWorld(t, p, c.event, built, c.goes))
				})
			}
		})
	}
}

// build compiles the command as a release has it.
func build(t *testing.T) release {
	t.Helper()
	for _, tool := range []string{"go", "bash", "sha256sum"} {
		if _, err := exec.LookPath(tool); err != nil {
			testenv.Skip(t, "no %s to carry out pipelines with: %v", tool, err)
		}
	}
	if runtime.GOOS != "linux" {
		testenv.Skip(t, "the pipelines install a binary for Linux, this is %s", runtime.GOOS)
	}
	dir := t.TempDir()
	binary := filepath.Join(dir, "dbtcloud_linux_amd64")
	command := exec.Command("go", "build", "-ldflags=-s -w", "-o", binary, "./dbtcloud")
	command.Dir = filepath.Join("..", "..", "cmd")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("build the command: %v\n%s", err, out)
	}
	return release{dir, sumOf(t, binary)}
}

func sumOf(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(raw))
}

// job is the one that the event starts; with a provider whose events start several, the one with this name.
func (w *world) job(t *testing.T, name string) job {
	t.Helper()
	jobs := w.jobs(t, w)
	if len(jobs) == 1 {
		return jobs[0]
	}
	for _, j := range jobs {
		if w.several && j.name == name {
			return j
		}
	}
	t.Fatalf("%s starts %d jobs, want one (with the name %q): %+v", w.event, len(jobs), name, jobs)
	return job{}
}

// story is what a golden file holds: the exit status, the log, and the files that show results.
func (r *running) story(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "job %s: exit status %d\n\n== log ==\n%s", r.name, r.status, r.log.String())
	for _, pattern := range slices.Concat(r.shown, r.w.shown) {
		names, err := filepath.Glob(filepath.Join(r.w.dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			raw, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			rel, err := filepath.Rel(r.w.dir, name)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "\n== %s ==\n%s", filepath.ToSlash(rel), raw)
		}
	}
	if strings.Contains(b.String(), token) {
		t.Error("the token is shown")
	}
	return r.w.normal(b.String())
}

// normal replaces what differs from one time to the next.
func (w *world) normal(text string) string {
	for _, r := range []struct{ pattern, by string }{
		{regexp.QuoteMeta(w.dir), "DIR"},
		{regexp.QuoteMeta(w.url), "https://FAKE"},
		{`(?m)^\d+:\d\d  `, "0:00  "},
		{`(<testsuites? [^>]* time=)"[\d.]+"`, `${1}"0.000"`},
		{`duration: (\x60?)[\d.hms]+`, "duration: ${1}0s"},
		{`("type": "DURATION",\s+"value":) \d+`, "$1 0"},
		{`\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\d]*(Z|\+00:00)?`, "TIME"},
	} {
		text = regexp.MustCompile(r.pattern).ReplaceAllString(text, r.by)
	}
	return w.numbered(text)
}

// numbered replaces ids, which are long, by their order of appearance.
func (w *world) numbered(text string) string {
	seen := map[string]string{}
	return regexp.MustCompile(`\b70506183\d{6}\b`).ReplaceAllStringFunc(text, func(id string) string {
		if seen[id] == "" {
			seen[id] = fmt.Sprintf("ID%d", len(seen)+1)
		}
		return seen[id]
	})
}

// golden compares with a file, or writes it under -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatalf("%v: -update writes it", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: -want +got (-update writes it anew):\n%s", name, diff)
	}
}

// TestMain has more tests run at the same time than there are processors: they wait more than they work.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "12"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
