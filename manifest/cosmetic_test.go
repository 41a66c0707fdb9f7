package manifest_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/slimci/dbtcloud/manifest"
)

func TestSameSQL(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"select 1", "select 1", true},
		{"select 1", "\n  select\t1\r\n", true},
		{"select a -- why\nfrom b", "select a from b", true},
		{"select a -- at the end", "select a", true},
		{"select /* x\n y */ a", "select a", true},
		{"select a{# x #}b", "select ab", true},
		{"select a {# x #} b", "select a b", true},
		{"{{ config(a = 1,\n b=2) }} select 1", "{{ config(a = 1, b=2) }}\nselect 1", true},
		{"select '{{ var('x') }}' -- c", "select '{{ var('x') }}'", true},
		{"a$b", "a$b", true},
		{"select 1", "select 2", false},
		{"select ab", "select a b", false},
		{"select a/**/b", "select ab", false},
		{"select 'a  b'", "select 'a b'", false},
		{"select 'a -- b'", "select 'a'", false},
		{`select "a  b"`, `select "a b"`, false},
		{"select `a  b`", "select `a b`", false},
		{"select 'it''s  a'", "select 'it''s a'", false},
		{`select 'a\' -- b'`, `select 'a\'`, false},
		{"select 'open  -- x", "select 'open", false},
		{"{{ f('a  b') }}", "{{ f('a b') }}", false},
		{`{{ f("a\"  b") }}`, `{{ f("a\" b") }}`, false},
		{"select '{{ f('a  b') }}'", "select '{{ f('a b') }}'", false},
		{"select '{{ x }}  b'", "select '{{ x }} b'", false},
		{"-- {{ f() }}\nselect 1", "select 1", false},
		{"/* {% do f() %} */ select 1", "select 1", false},
		{"select /*+ hint */ 1", "select 1", false},
		{"select /* /* */ 1", "select 1", false},
		{"select /* open", "select", false},
		{"a {#- x -#} b", "a b", false},
		{"select 1 # x", "select 1", false},
		{"select 1 // x", "select 1", false},
		{"select $$a  b$$", "select $$a b$$", false},
		{"{{ open", "{{  open", false},
		{"{{ 'open", "{{  'open", false},
	} {
		if got := manifest.SameSQL(tt.a, tt.b); got != tt.want || manifest.SameSQL(tt.b, tt.a) != got {
			t.Errorf("SameSQL(%q, %q) = %t, want %t", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestCosmetic(t *testing.T) {
	t.Parallel()
	of := func(body, path string) map[string]any {
		return map[string]any{"raw_code": body, "original_file_path": path}
	}
	more := of("select  1", "d.sql")
	more["fqn"] = []string{"p", "d"}
	old := project{"nodes": {
		"model.p.a": of("select é\n", "a.sql"), "model.p.b": of("select 1", "b.sql"), "model.p.c": of("if x:\n  y", "c.py"),
		"model.p.d": of("select 1", "d.sql"), "model.p.e": of("x", "e.sql"), "model.p.f": of("", "f.sql"),
	}}
	now := project{"nodes": {
		"model.p.a": of("select é -- x\n", "a.sql"), "model.p.b": of("select 2", "b.sql"), "model.p.c": of("if x: y", "c.py"),
		"model.p.d": more, "model.p.e": of("x", "e.sql"), "model.p.f": of(" ", "f.sql"), "model.p.new": of("select 1", "new.sql"),
	}}
	c := compare(t, old, now, manifest.Core112())
	before, after := bytes.NewReader(old.json(t, "1.12.3")), bytes.NewReader(now.json(t, "1.12.3"))
	if got, err := c.Cosmetic(before, after); err != nil || !slices.Equal(got, []string{"model.p.a"}) {
		t.Errorf("Cosmetic = %v, %v, want model.p.a", got, err)
	}
	if _, err := c.Cosmetic(after, before); err == nil || !strings.Contains(err.Error(), "not the manifest that it was read from") {
		t.Errorf("Cosmetic with the files exchanged = %v, want an error", err)
	}
}

// Texts without comments are the same only if their words are.
func FuzzSameSQL(f *testing.F) {
	f.Add("select '{{ var('x') }}'\n{% if a %}", "select '{{ var('x') }}' {% if a %}")
	f.Add("a  b ", "a\tb")
	f.Fuzz(func(t *testing.T, a, b string) {
		same, words := manifest.SameSQL(a, b), slices.Equal(strings.Fields(a), strings.Fields(b))
		for _, comment := range []string{"--", "/*", "{#"} {
			words = words || strings.Contains(a, comment) || strings.Contains(b, comment)
		}
		if same && !words || same != manifest.SameSQL(b, a) || !manifest.SameSQL(a, a) {
			t.Errorf("SameSQL(%q, %q) = %t", a, b, same)
		}
	})
}
