package slim_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slimci/dbtcloud/manifest"
	"github.com/slimci/dbtcloud/slim"
)

// project is what dbt leaves behind: the code of each model by name, and how those that ran ended.
type project struct {
	name    string            // shop unless set
	schema  int               // of the manifest, 12 unless set
	models  map[string]string // name to code
	macros  map[string]string
	results map[string]string // name to status
	command string            // build unless set
}

func (p project) id(model string) string { return "model." + p.project() + "." + model }

func (p project) project() string {
	if p.name == "" {
		return "shop"
	}
	return p.name
}

func (p project) manifest() []byte {
	nodes, macros := map[string]any{}, map[string]any{}
	for name, code := range p.models {
		nodes[p.id(name)] = map[string]any{
			"unique_id": p.id(name), "name": name, "resource_type": "model", "package_name": p.project(), "path": name + ".sql",
			"original_file_path": "models/" + name + ".sql", "fqn": []string{p.project(), name}, "raw_code": code, "language": "sql",
			"database": "db", "schema": "prod", "alias": name, "config": map[string]any{"enabled": true, "materialized": "table"}, "unrendered_config": map[string]any{},
			"depends_on": map[string]any{"nodes": []string{}, "macros": []string{}}, "description": "Ünïcode <b>&amp;</b>",
		}
	}
	for name, code := range p.macros {
		id := "macro." + p.project() + "." + name
		macros[id] = map[string]any{"unique_id": id, "name": name, "package_name": p.project(), "macro_sql": code, "depends_on": map[string]any{"macros": []string{}}}
	}
	schema := p.schema
	if schema == 0 {
		schema = 12
	}
	raw, err := json.Marshal(map[string]any{
		"metadata": map[string]any{
			"dbt_schema_version": fmt.Sprintf("https://schemas.getdbt.com/dbt/manifest/v%d.json", schema), "dbt_version": "1.10.2", "project_name": p.project(),
			"invocation_id": "of-the-deploy",
		},
		"nodes": nodes, "macros": macros, "sources": map[string]any{}, "child_map": map[string]any{}, "docs": map[string]any{},
	})
	if err != nil {
		panic(err) // of values that are all ours
	}
	return raw
}

func (p project) runResults() []byte {
	results := []any{}
	for name, status := range p.results {
		results = append(results, map[string]any{"unique_id": p.id(name), "status": status, "execution_time": 1.5, "timing": []any{}})
	}
	command := p.command
	if command == "" {
		command = "build"
	}
	raw, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json", "dbt_version": "1.10.2", "invocation_id": "of-the-deploy"},
		"results":  results, "elapsed_time": 2, "args": map[string]any{"which": command},
	})
	if err != nil {
		panic(err)
	}
	return raw
}

// target writes what dbt leaves behind into a new directory.
func (p project) target(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "manifest.json"), string(p.manifest()))
	write(t, filepath.Join(dir, "run_results.json"), string(p.runResults()))
	return dir
}

func write(t testing.TB, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, name string) string {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// records are the records of the project shop to prod in a new store.
func records(t testing.TB) *slim.Records {
	t.Helper()
	return &slim.Records{Store: slim.Directory(t.TempDir()), Project: "shop", Target: "prod"}
}

func publish(t testing.TB, r *slim.Records, p slim.Publication) *slim.Deploy {
	t.Helper()
	d, err := r.Publish(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func fetch(t testing.TB, r *slim.Records, d *slim.Deploy) *slim.State {
	t.Helper()
	s, err := r.Fetch(t.Context(), d, filepath.Join(t.TempDir(), "state"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ran is what the last invocation of dbt did.
func ran(t testing.TB, target string) *manifest.RunResults {
	t.Helper()
	results, err := manifest.ReadRunResults(strings.NewReader(read(t, filepath.Join(target, "run_results.json"))))
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// sha is the full sha of a commit of a test.
func sha(c byte) string { return strings.Repeat(string(c), 40) }

func parsed(t testing.TB, raw string) *manifest.Manifest {
	t.Helper()
	m, err := manifest.Read(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return m
}
