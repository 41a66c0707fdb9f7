package manifest_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slimci/dbtcloud/manifest"
)

func zip(t testing.TB, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestReadGzip(t *testing.T) {
	t.Parallel()
	data := file(t, "manifest.json")
	zipped := zip(t, data)
	want, err := manifest.Read(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	got, err := manifest.Read(iotest.HalfReader(bytes.NewReader(zipped)))
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("a gzip (-plain +gzip), %v:\n%s", err, diff)
	}
	for cut := range zipped {
		var wrong *manifest.FormatError
		if _, err := manifest.Read(bytes.NewReader(zipped[:cut])); !errors.As(err, &wrong) {
			t.Fatalf("the first %d bytes of a gzip: %v, want a FormatError", cut, err)
		}
	}
	for name, at := range map[string]int{"header": 2, "contents": len(zipped) / 2, "checksum": len(zipped) - 6} {
		broken := bytes.Clone(zipped)
		broken[at] ^= 0xff
		var wrong *manifest.FormatError
		if _, err := manifest.Read(bytes.NewReader(broken)); !errors.As(err, &wrong) {
			t.Errorf("a gzip with another %s: %v, want a FormatError", name, err)
		}
	}
	reset := errors.New("connection reset")
	_, err = manifest.Read(io.MultiReader(bytes.NewReader(zipped[:len(zipped)/2]), iotest.ErrReader(reset)))
	var wrong *manifest.FormatError
	if !errors.Is(err, reset) || errors.As(err, &wrong) {
		t.Errorf("a gzip from a broken connection: %v, want its error and no FormatError", err)
	}
}

// Everything that comparing and selecting need of a node, a macro and a disabled node.
func TestReadForComparing(t *testing.T) {
	t.Parallel()
	const schema = `{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json"}, `
	const config = `{"enabled": false, "materialized": "table", "severity": null, "persist_docs": {"relation": true, "columns": false}}`
	document := schema + `"nodes": {"model.p.m.v2": {"fqn": ["p", "marts", "m"], "group": "g", "access": "public", "version": 2, "latest_version": 1.5,
		"config": ` + config + `, "unrendered_config": {"a": 1}, "contract": {"enforced": true}, "constraints": [], "deprecation_date": null, "checksum": {},
		"raw_code": "{{ config(x=1) }}\nselect \u00e9", "compiled_code": "no", "columns": {"b": {"name": "b", "description": "d", "data_type": "int", "constraints": [1], "meta": {}}, "a": {"constraints": []}},
		"depends_on": {"macros": ["macro.p.x", null], "nodes": null, "more": 1}},
		"model.p.plain": {"config": {"persist_docs": {}}, "raw_code": " \n"}},
	"macros": {"macro.p.x": {"name": "x", "package_name": "p", "original_file_path": "macros/x.sql", "macro_sql": "{% macro x() %}", "depends_on": {"macros": ["macro.p.y"]}, "arguments": [{"name": "no"}]}},
	"disabled": {"model.p.off": [{"name": "first"}, {"name": "second"}], "model.p.none": []},
	"selectors": {"nightly": {"method": "tag", "value": "x"}}}`
	m, err := manifest.Read(iotest.OneByteReader(strings.NewReader(document)))
	if err != nil {
		t.Fatal(err)
	}
	raw := func(text string) json.RawMessage { return json.RawMessage(text) }
	n := m.Nodes["model.p.m.v2"]
	want := &manifest.Node{
		UniqueID: "model.p.m.v2", ResourceType: "model", FQN: []string{"p", "marts", "m"}, Group: "g", Access: "public", Version: "2", LatestVersion: "1.5",
		Config:     manifest.Config{Materialized: "table", Disabled: true, PersistRelation: true, Raw: raw(config)},
		DependsOn:  manifest.DependsOn{Macros: []string{"macro.p.x", ""}},
		ConfigCall: "x=1", Columns: []manifest.Column{{Name: "b", Description: "d", DataType: "int", Constraints: raw("[1]")}, {Name: "a"}},
		Fields: manifest.Fields{{Key: "latest_version", Value: raw("1.5")}, {Key: "unrendered_config", Value: raw(`{"a": 1}`)}, {Key: "contract", Value: raw(`{"enforced": true}`)}, {Key: "constraints", Value: raw("[]")}},
	}
	if diff := cmp.Diff(want, n, cmpopts.IgnoreFields(manifest.Node{}, "Span", "Code")); diff != "" {
		t.Errorf("node (-want +got):\n%s", diff)
	}
	code, err := n.Code.Read(strings.NewReader(document))
	if err != nil || code != "{{ config(x=1) }}\nselect é" || n.Code.Blank || n.Code.Length != int64(len(code)) {
		t.Errorf("code = %q, %v, kept as %+v", code, err, n.Code)
	}
	if blank := m.Nodes["model.p.plain"].Code; !blank.Blank || blank.Length != 2 {
		t.Errorf("white space is kept as %+v, want it to be blank", blank)
	}
	macro := &manifest.Macro{UniqueID: "macro.p.x", Name: "x", PackageName: "p", OriginalFilePath: "macros/x.sql", DependsOn: []string{"macro.p.y"}}
	if diff := cmp.Diff(macro, m.Macros["macro.p.x"], cmpopts.IgnoreFields(manifest.Macro{}, "SQL")); diff != "" {
		t.Errorf("macro (-want +got):\n%s", diff)
	}
	if sql, err := m.Macros["macro.p.x"].SQL.Read(strings.NewReader(document)); err != nil || sql != "{% macro x() %}" {
		t.Errorf("the text of the macro = %q, %v", sql, err)
	}
	if len(m.Disabled) != 1 || m.Disabled["model.p.off"].Name != "first" {
		t.Errorf("disabled = %v, want the first of model.p.off", m.Disabled)
	}
	if diff := cmp.Diff(map[string]json.RawMessage{"nightly": raw(`{"method": "tag", "value": "x"}`)}, m.Selectors); diff != "" {
		t.Errorf("selectors (-want +got):\n%s", diff)
	}
}

func TestReadRefusesTwice(t *testing.T) {
	t.Parallel()
	const schema = `{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json"}, `
	for _, sections := range []string{
		`"nodes": {"a": {}, "a": {}}}`, `"nodes": {"a": {}}, "sources": {"a": {}}}`, `"macros": {"a": {}, "a": {}}}`, `"disabled": {"a": [{}], "a": [{}]}}`,
	} {
		_, err := manifest.Read(strings.NewReader(schema + sections))
		var wrong *manifest.FormatError
		if !errors.As(err, &wrong) || !strings.HasSuffix(wrong.Path, ".a") || !strings.Contains(err.Error(), "twice") {
			t.Errorf("%s: %v, want a FormatError about a", sections, err)
		}
	}
}

func TestTextReadRefuses(t *testing.T) {
	t.Parallel()
	document := `{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json"}, "nodes": {"model.p.a": {"raw_code": "select 1"}}}`
	m, err := manifest.Read(strings.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	code := m.Nodes["model.p.a"].Code
	for name, other := range map[string]string{"another text": strings.Replace(document, "1\"", "2\"", 1), "no text": document[1:], "nothing": ""} {
		if text, err := code.Read(strings.NewReader(other)); err == nil || !strings.Contains(err.Error(), "not the manifest that it was read from") {
			t.Errorf("%s: %q, %v, want an error", name, text, err)
		}
	}
	disk := errors.New("disk")
	if _, err := code.Read(brokenAt{disk}); !errors.Is(err, disk) {
		t.Errorf("a broken file: %v, want %v", err, disk)
	}
	if text, err := (manifest.Text{}).Read(brokenAt{disk}); text != "" || err != nil {
		t.Errorf("no text: %q, %v", text, err)
	}
}
