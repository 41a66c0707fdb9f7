package pipelines

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPrograms: the program beside each pipeline file does what that does. It stands in the place of the command, in the same
// scripts, with the same variables.
func TestPrograms(t *testing.T) {
	t.Parallel()
	built := build(t)
	dir := t.TempDir()
	for _, p := range providers() {
		t.Run(or(p.golden, p.name), func(t *testing.T) {
			t.Parallel()
			program := filepath.Join(dir, or(p.golden, p.name))
			command := exec.Command("go", "build", "-o", program, "./examples/"+p.name)
			command.Dir = filepath.Join("..", "..")
			if out, err := command.CombinedOutput(); err != nil {
				t.Fatalf("build the program: %v\n%s", err, out)
			}
			for _, c := range plays() {
				switch c.name {
				case "green", "red", "superseded", "closed", "merged", "coalesced":
					t.Run(c.name, func(t *testing.T) {
						t.Parallel()
						w := newWorld(t, p, c.event, built, c.goes)
						w.jobs = w.programs(program)
						c.playProgram(t, w)
					})
				}
			}
		})
	}
}

// programs has the program in the place of the command, but for what a file does behind a step that may have been killed.
func (w *world) programs(program string) func(t *testing.T, w *world) []job {
	jobs := w.jobs
	return func(t *testing.T, w *world) []job {
		t.Helper()
		all := jobs(t, w)
		command := regexp.MustCompile(`\./dbtcloud (ci run|jobs deploy) [^;\n]*`)
		if w.event == "closed" {
			command = regexp.MustCompile(`\./dbtcloud ci close\b[^;\n]*`)
		}
		for _, j := range all {
			for i, s := range j.steps {
				j.steps[i].script = command.ReplaceAllLiteralString(s.script, program)
			}
		}
		return all
	}
}

// playProgram looks at what dbt Cloud has come to, and whether results are shown where the command shows them.
func (c play) playProgram(t *testing.T, w *world) {
	t.Helper()
	j := w.job(t, c.job)
	var r *running
	if c.act != nil {
		r = c.act(t, w, j)
	} else {
		r = w.start(t, j).finish()
	}
	if (r.status == 0) != (c.status == 0) {
		t.Errorf("exit status %d; log:\n%s", r.status, r.log.String())
	}
	if w.name == "gitlab" && c.name == "coalesced" && r.status != 3 {
		t.Errorf("exit status %d, which allow_failure does not know", r.status)
	}
	c.check(t, w)
	if failed := "not_null_orders_id"; c.name == "red" && !strings.Contains(r.story(t), failed) {
		t.Errorf("%s is shown nowhere:\n%s", failed, r.story(t))
	}
}

// TestPages: each pipeline file is in the README and in the page on CI providers.
func TestPages(t *testing.T) {
	t.Parallel()
	for _, page := range []struct{ name, link string }{{"README.md", "](examples/%s)"}, {"docs/ci.md", "](../examples/%s/%f)"}} {
		raw, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(page.name)))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range providers() {
			link := strings.NewReplacer("%s", p.name, "%f", p.file).Replace(page.link)
			if !strings.Contains(string(raw), link) {
				t.Errorf("%s has no %s", page.name, link)
			}
		}
	}
}
