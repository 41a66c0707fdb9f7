package parity

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// project is a dbt project in memory, and how dbt is called in it.
type project struct {
	files map[string]string // by slash-separated path
	args  []string
	env   map[string]string
	edits []string // the names of those that were applied
}

// newProject is the project of testdata for a minor version of dbt-core 1.
func newProject(t *testing.T, minor int) *project {
	t.Helper()
	p := &project{files: map[string]string{}, env: map[string]string{}}
	p.read(t, "project")
	if minor >= 11 {
		p.read(t, "functions") // they came with dbt-core 1.11
	}
	return p
}

func (p *project) read(t *testing.T, dir string) {
	t.Helper()
	tree := os.DirFS(filepath.Join("testdata", dir))
	err := fs.WalkDir(tree, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(tree, path)
		p.files[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (p *project) write(t *testing.T, dir string) {
	t.Helper()
	for path, text := range p.files {
		file := filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// edited is the project after some edits. One that finds nothing to edit any more, because of those before, is left out.
func (p *project) edited(edits ...edit) *project {
	now := p
	for _, e := range edits {
		next := &project{maps.Clone(now.files), append([]string(nil), now.args...), maps.Clone(now.env), append([]string(nil), now.edits...)}
		if e.apply(next) == nil {
			next.edits = append(next.edits, e.name)
			now = next
		}
	}
	return now
}

// change is one step of an edit. Its error says that there is nothing to change.
type change func(*project) error

func all(changes ...change) change {
	return func(p *project) error {
		for _, c := range changes {
			if err := c(p); err != nil {
				return err
			}
		}
		return nil
	}
}

// replace puts one text in place of another that the file has exactly once.
func replace(path, old, text string) change {
	return func(p *project) error {
		if n := strings.Count(p.files[path], old); n != 1 {
			return fmt.Errorf("%s has %q %d times", path, old, n)
		}
		p.files[path] = strings.Replace(p.files[path], old, text, 1)
		return nil
	}
}

// after puts a text behind another that the file has exactly once.
func after(path, old, text string) change { return replace(path, old, old+text) }

// add puts a text at the end of a file.
func add(path, text string) change {
	return func(p *project) error {
		if p.files[path] == "" {
			return fmt.Errorf("no file %s", path)
		}
		p.files[path] += text
		return nil
	}
}

// create makes a file that is not there.
func create(path, text string) change {
	return func(p *project) error {
		if p.files[path] != "" {
			return fmt.Errorf("%s is there", path)
		}
		p.files[path] = text
		return nil
	}
}

func remove(path string) change {
	return func(p *project) error {
		if p.files[path] == "" {
			return fmt.Errorf("no file %s", path)
		}
		delete(p.files, path)
		return nil
	}
}

func move(from, to string) change {
	return func(p *project) error {
		text := p.files[from]
		return all(remove(from), create(to, text))(p)
	}
}

// crlf ends the lines of a file as Windows does.
func crlf(path string) change {
	return func(p *project) error {
		text := p.files[path]
		if text == "" || strings.Contains(text, "\r") {
			return fmt.Errorf("%s has no line to end", path)
		}
		p.files[path] = strings.ReplaceAll(text, "\n", "\r\n")
		return nil
	}
}

// call calls dbt with more arguments.
func call(args ...string) change {
	return func(p *project) error {
		for _, arg := range p.args {
			if arg == args[0] {
				return fmt.Errorf("%s is given", arg)
			}
		}
		p.args = append(p.args, args...)
		return nil
	}
}

func setenv(name, value string) change {
	return func(p *project) error {
		p.env[name] = value
		return nil
	}
}
