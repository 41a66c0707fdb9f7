package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

type object = map[string]any

// aShop is the manifest of a small project, with one invocation for each call.
func aShop(invocation string, edits ...func(m object)) object {
	m := object{
		"metadata": object{
			"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json", "dbt_version": "1.12.3", "project_name": "shop",
			"adapter_type": "duckdb", "generated_at": "2026-01-02T03:04:05Z", "invocation_id": invocation,
		},
		"nodes": object{
			"model.shop.orders":   model("orders", "select 1 as id,\n  {{ cents('x') }} as price\nfrom {{ source('raw', 'orders') }}", []string{"source.shop.raw.orders"}, "macro.shop.cents"),
			"model.shop.daily":    model("daily", "select * from {{ ref('orders') }}", []string{"model.shop.orders"}),
			"model.shop.price.v1": contracted("price", "1", object{"id": "int", "amount": "numeric"}),
			"model.shop.rates":    contracted("rates", "", object{"id": "int"}),
			"test.shop.not_null_orders_id.1": object{
				"name": "not_null_orders_id", "resource_type": "test", "package_name": "shop", "raw_code": "{{ test_not_null(**_dbt_generic_test_kwargs) }}",
				"original_file_path": "models/schema.yml", "fqn": []string{"shop", "not_null_orders_id"}, "config": object{"severity": "ERROR"},
				"unrendered_config": object{}, "test_metadata": object{"name": "not_null"}, "attached_node": "model.shop.orders",
				"depends_on": object{"nodes": []string{"model.shop.orders"}, "macros": []string{"macro.dbt.test_not_null"}},
			},
		},
		"sources": object{"source.shop.raw.orders": object{
			"name": "orders", "source_name": "raw", "resource_type": "source", "package_name": "shop", "identifier": "orders", "database": "db",
			"schema": "raw", "fqn": []string{"shop", "raw", "orders"}, "unrendered_database": "db", "unrendered_schema": "raw",
			"config": object{"enabled": true}, "unrendered_config": object{}, "original_file_path": "models/schema.yml",
		}},
		"exposures": object{"exposure.shop.board": object{
			"name": "board", "resource_type": "exposure", "package_name": "shop", "type": "dashboard", "owner": object{"name": "Ann"},
			"fqn": []string{"shop", "board"}, "config": object{"enabled": true}, "unrendered_config": object{}, "depends_on": object{"nodes": []string{"model.shop.daily"}},
		}},
		"macros": object{
			"macro.shop.cents":        macro("cents", "{% macro cents(x) %}{{ rounded(x) }} / 100{% endmacro %}", "macro.shop.rounded"),
			"macro.shop.rounded":      macro("rounded", "{% macro rounded(x) %}round({{ x }}){% endmacro %}"),
			"macro.dbt.test_not_null": macro("test_not_null", "select 1"),
		},
		"disabled": object{}, "selectors": object{},
	}
	for _, edit := range edits {
		edit(m)
	}
	return m
}

func model(name, code string, parents []string, macros ...string) object {
	return object{
		"name": name, "resource_type": "model", "package_name": "shop", "language": "sql", "raw_code": code, "alias": name, "schema": "main",
		"original_file_path": "models/" + name + ".sql", "path": name + ".sql", "fqn": []string{"shop", name},
		"config": object{"materialized": "table", "enabled": true}, "unrendered_config": object{"materialized": "table"},
		"depends_on": object{"nodes": parents, "macros": macros}, "contract": object{"enforced": false}, "columns": object{}, "access": "protected",
	}
}

// contracted is a model with an enforced contract on columns of the types.
func contracted(name, version string, types object) object {
	m := model(name, "select 1", []string{})
	columns := object{}
	for column, kind := range types {
		columns[column] = object{"name": column, "data_type": kind, "constraints": []any{}}
	}
	m["columns"], m["contract"] = columns, object{"enforced": true, "checksum": "sum of the contract"}
	m["config"].(object)["contract"] = object{"enforced": true}
	if version != "" {
		m["version"], m["latest_version"] = version, version
		m["fqn"] = []string{"shop", name, "v" + version}
	}
	return m
}

func macro(name, code string, calls ...string) object {
	return object{"name": name, "package_name": "shop", "macro_sql": code, "original_file_path": "macros/" + name + ".sql", "depends_on": object{"macros": calls}}
}

// put sets a value below a manifest, at a path of keys.
func put(value any, path ...string) func(m object) {
	return func(m object) {
		for _, key := range path[:len(path)-1] {
			m = m[key].(object)
		}
		m[path[len(path)-1]] = value
	}
}

// gone takes a key away.
func gone(path ...string) func(m object) {
	return func(m object) {
		for _, key := range path[:len(path)-1] {
			m = m[key].(object)
		}
		delete(m, path[len(path)-1])
	}
}

// save writes a manifest, or any text, to a file of its own; as a gzip if the name says so.
func save(t *testing.T, name string, content any) string {
	t.Helper()
	raw, isText := content.(string)
	if !isText {
		encoded, err := json.Marshal(content)
		if err != nil {
			t.Fatal(err)
		}
		raw = string(encoded)
	}
	if strings.HasSuffix(name, ".gz") {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write([]byte(raw)); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		raw = b.String()
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(raw), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// stateArgs are the arguments of a command about two manifests.
func stateArgs(t *testing.T, command string, old, now object, args ...string) []string {
	t.Helper()
	return append([]string{"state", command, "--state", save(t, "manifest.json", old), "--manifest", save(t, "manifest.json", now)}, args...)
}

// Edits that several tests make.
func newBody() func(m object) {
	return put("select 1 as id,\n  {{ cents('y') }} as price\nfrom {{ source('raw', 'orders') }}", "nodes", "model.shop.orders", "raw_code")
}

func newMacro() func(m object) {
	return put("{% macro rounded(x) %}floor({{ x }}){% endmacro %}", "macros", "macro.shop.rounded", "macro_sql")
}

func newConfig() func(m object) {
	return put("view", "nodes", "model.shop.daily", "unrendered_config", "materialized")
}

// brokenContract takes a column away that was promised.
func brokenContract(id string) func(m object) {
	return func(m object) {
		put(object{}, "nodes", id, "columns")(m)
		put("another sum", "nodes", id, "contract", "checksum")(m)
	}
}
