package parity

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slimci/dbtcloud/manifest"
)

// What dbt-extractor reads of a config() call stands in the manifest as JSON, what it leaves to Jinja as text. It reads texts,
// lists and dictionaries of them, and True and False, but no true, number or none: such a call it leaves as a whole.
// A change of the reader is therefore a change of simple values other than texts, though nobody edited anything.
func TestReadersOfConfigCalls(t *testing.T) {
	t.Parallel()
	d := startDbt(t, 12)
	project := newProject(t, 12)
	base := d.parse(t, project)
	override := d.parse(t, project.edited(named(t, "override of ref"))) // without the macro of dbt nothing is read by the extractor
	jinja := d.parse(t, project.edited(edit{name: "no static parser", apply: call("--no-static-parser")}))
	before := d.parse(t, project).writtenBy(t, "1.12.0")
	tests := []struct {
		name     string
		old, now *state
		want     []string // of state:modified.configs
	}{
		{"without the extractor", base, jinja, []string{"model.shop.simple"}},
		{"with it again", jinja, base, []string{"model.shop.simple"}},
		{"an override of ref", base, override, []string{"model.shop.simple"}},
		{"no override any more", override, base, []string{"model.shop.simple"}},
		{"a state of another version", before, base, []string{"model.shop.simple"}},
		{"both without the extractor, the state of another version", before, jinja, nil},
	}
	for _, tt := range tests {
		got := d.list(t, tt.old, tt.now, "state:modified.configs", manifest.Empty)
		if diff := cmp.Diff(tt.want, got.Lines, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: dbt selects (-want +dbt):\n%s", tt.name, diff)
		}
		d.compare(t, tt.old, tt.now, manifest.Core112(), few())
	}
}

func named(t *testing.T, name string) edit {
	t.Helper()
	for _, e := range edits() {
		if e.name == name {
			return e
		}
	}
	t.Fatalf("no edit %s", name)
	return edit{}
}

// writtenBy is the state as if another version of dbt-core had written it.
func (s *state) writtenBy(t *testing.T, version string) *state {
	t.Helper()
	path := filepath.Join(s.target, "manifest.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	was := []byte(`"dbt_version": "` + s.manifest.Metadata.DbtVersion + `"`)
	if bytes.Count(text, was) != 1 {
		t.Fatalf("%s %d times in %s", was, bytes.Count(text, was), path)
	}
	text = bytes.Replace(text, was, []byte(`"dbt_version": "`+version+`"`), 1)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if s.manifest, err = manifest.Read(bytes.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	return s
}
