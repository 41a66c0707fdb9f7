package manifest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/slimci/dbtcloud/manifest"
)

// project is a manifest in the making: sections, then ids, then fields.
type project map[string]map[string]map[string]any

func (p project) read(t testing.TB, version string) *manifest.Manifest {
	t.Helper()
	m, err := manifest.Read(bytes.NewReader(p.json(t, version)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (p project) json(t testing.TB, version string) []byte {
	t.Helper()
	document := map[string]any{"metadata": map[string]any{
		"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json", "dbt_version": version, "adapter_type": "postgres",
	}}
	for section, entries := range p {
		document[section] = entries
	}
	disabled := map[string][]any{} // there entries are lists
	for id, fields := range p["disabled"] {
		disabled[id] = []any{fields, map[string]any{"name": "another"}}
	}
	document["disabled"] = disabled
	return encoded(t, document)
}

// one is a project of one entry.
func one(section, id string, fields map[string]any) project {
	return project{section: {id: fields}}
}

func compare(t testing.TB, old, now project, e manifest.Engine) *manifest.Comparison {
	t.Helper()
	c, err := manifest.Compare(old.read(t, "1.12.3"), now.read(t, "1.12.3"), e)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// causesOf are the causes of a change in one line each.
func causesOf(c *manifest.Comparison, id string) []string {
	var out []string
	if change := c.Change(id); change != nil {
		for _, cause := range change.Causes {
			out = append(out, cause.String())
		}
	}
	return out
}

// in are the selectors that have the resource.
func in(c *manifest.Comparison, id string) []string {
	var out []string
	for _, selector := range manifest.StateSelectors() {
		if c.Is(selector, id) {
			out = append(out, strings.TrimPrefix(selector, "modified."))
		}
	}
	return out
}

func TestCauses(t *testing.T) {
	t.Parallel()
	type fields = map[string]any
	unrendered := func(config fields) fields { return fields{"unrendered_config": config} }
	for _, tt := range []struct {
		name, section, id string
		old, now          fields
		causes, in        []string
	}{
		{"nothing", "nodes", "model.p.a", fields{"raw_code": "x"}, fields{"raw_code": "x"}, nil, []string{"old", "unmodified"}},
		{"an empty body is like none", "nodes", "model.p.a", fields{}, fields{"raw_code": ""}, nil, []string{"old", "unmodified"}},
		{"body", "nodes", "model.p.a", fields{"raw_code": "x"}, fields{"raw_code": "y"},
			[]string{"body 2d711642b726b04401627ca9fbac32f5 -> a1fce4363854ff888cff4b8e7875d600"}, []string{"old", "modified", "body"}},
		{"raw_sql is the body of old versions", "nodes", "model.p.a", fields{"raw_sql": "x"}, fields{"raw_code": "x"}, nil, []string{"old", "unmodified"}},
		{"config", "nodes", "model.p.a", unrendered(fields{"materialized": "table", "tags": "x", "x": 1}), unrendered(fields{"materialized": "view", "tags": "y", "y": nil}),
			[]string{`config materialized: "table" -> "view"`, "config x: 1 -> nothing", "config y: nothing -> null"}, []string{"old", "modified", "configs"}},
		{"numbers as Python has them", "nodes", "model.p.a", unrendered(fields{"a": json.RawMessage("1"), "b": []any{true}}), unrendered(fields{"a": json.RawMessage("1.0"), "b": []any{1}}), nil, []string{"old", "unmodified"}},
		{"relation", "nodes", "model.p.a", unrendered(fields{"alias": "x", "schema": nil}), unrendered(fields{"alias": "y"}),
			[]string{`relation alias: "x" -> "y"`}, []string{"old", "modified", "relation"}},
		{"fqn", "nodes", "model.p.a", fields{"fqn": []string{"p", "a"}}, fields{"fqn": []string{"p", "marts", "a"}}, []string{"fqn : p.a -> p.marts.a"}, []string{"old", "modified"}},
		{"access", "nodes", "model.p.a", fields{}, fields{"access": "public"}, []string{"field access: protected -> public"}, []string{"old", "modified"}},
		{"latest version, of another type", "nodes", "model.p.a", fields{"latest_version": 1}, fields{"latest_version": "1"}, []string{`field latest_version: 1 -> "1"`}, []string{"old", "modified"}},
		{"deprecation date", "nodes", "model.p.a", fields{"deprecation_date": "2026-01-01T00:00:00+00:00"}, fields{"deprecation_date": "2026-01-01T01:00:00+01:00"}, nil, []string{"old", "unmodified"}},
		{"descriptions that are persisted", "nodes", "model.p.a",
			fields{"description": "x", "columns": fields{"a": fields{"description": "1"}, "b": fields{}}},
			fields{"description": "y", "columns": fields{"a": fields{"description": "2"}, "c": fields{}}, "config": fields{"persist_docs": fields{"relation": true, "columns": 1}}},
			[]string{"description description: x -> y", "description columns.a: 1 -> 2", "description columns.c: nothing -> nothing", "description columns.b: nothing -> nothing"},
			[]string{"old", "modified", "persisted_descriptions"}},
		{"descriptions that are not", "nodes", "model.p.a", fields{"description": "x", "config": fields{"persist_docs": fields{"relation": true}}}, fields{"description": "y", "config": fields{"persist_docs": fields{"relation": 0}}}, nil, []string{"old", "unmodified"}},
		{"a generic test's text", "nodes", "test.p.t", fields{"raw_code": "x", "test_metadata": fields{"name": "t"}}, fields{"raw_code": "y", "test_metadata": fields{"name": "t"}},
			[]string{"body 2d711642b726b04401627ca9fbac32f5 -> a1fce4363854ff888cff4b8e7875d600"}, []string{"old", "unmodified", "body"}},
		{"a test's config", "nodes", "test.p.t", unrendered(fields{"severity": "warn", "meta": 1}), unrendered(fields{"severity": "WARN", "meta": 2}), []string{`config severity: "warn" -> "WARN"`}, []string{"old", "modified", "configs"}},
		{"a seed", "nodes", "seed.p.s", fields{"checksum": fields{"name": "sha256", "checksum": "1"}}, fields{"checksum": fields{"name": "sha256", "checksum": "2"}}, []string{"body sha256:1 -> sha256:2"}, []string{"old", "modified", "body"}},
		{"a seed without a checksum", "nodes", "seed.p.s", fields{"checksum": fields{"name": "none", "checksum": ""}}, fields{"checksum": fields{"name": "none", "checksum": ""}}, []string{"body none: -> none:"}, []string{"old", "modified", "body"}},
		{"a function", "functions", "function.p.f", fields{"arguments": []any{fields{"name": "a", "x": nil}}}, fields{"arguments": []any{fields{"name": "b"}}}, []string{`field arguments: [{"name":"a","x":null}] -> [{"name":"b"}]`}, []string{"old", "modified"}},
		{"a source", "sources", "source.p.s.t", fields{"identifier": "x", "quoting": fields{"database": nil}}, fields{"identifier": "y", "quoting": fields{}}, []string{"relation identifier: x -> y"}, []string{"old", "modified", "relation"}},
		{"an exposure", "exposures", "exposure.p.e", fields{"depends_on": fields{"nodes": []string{"a", "b"}}}, fields{"depends_on": fields{"nodes": []string{"b", "c", "b"}}, "url": "u"},
			[]string{`field url: nothing -> "u"`, "field depends_on: a b -> b c"}, []string{"old", "modified"}},
		{"a metric", "metrics", "metric.p.m", fields{"label": "x", "filter": 1}, fields{"label": "x", "filter": 2}, nil, []string{"old", "unmodified"}},
		{"the config of a metric", "metrics", "metric.p.m", unrendered(fields{"group": "x", "meta": 1}), unrendered(fields{"group": "y", "meta": 2}), []string{"config meta: 1 -> 2"}, []string{"old", "modified", "configs"}},
		{"the config of an exposure", "exposures", "exposure.p.e", unrendered(fields{"tags": "x"}), unrendered(fields{"tags": "y"}), []string{`config tags: "x" -> "y"`}, []string{"old", "modified", "configs"}},
		{"a semantic model", "semantic_models", "semantic_model.p.m", fields{"config": fields{"enabled": true, "meta": fields{}}, "measures": []any{1}}, fields{"measures": []any{2}}, []string{"field measures: [1] -> [2]"}, []string{"old", "modified"}},
		{"a saved query", "saved_queries", "saved_query.p.q", fields{"exports": []any{fields{"name": "a", "config": 1}}, "tags": []string{"x"}}, fields{"exports": []any{fields{"name": "a", "config": 2}}, "tags": []string{"y"}},
			[]string{`field tags: ["x"] -> ["y"]`}, []string{"old", "modified"}},
		{"an export", "saved_queries", "saved_query.p.q", fields{"exports": []any{fields{"name": "a"}}}, fields{"exports": []any{fields{"name": "a", "unrendered_config": fields{"alias": "x"}}}},
			[]string{`field exports: [{"name":"a"}] -> [{"name":"a","unrendered_config":{"alias":"x"}}]`}, []string{"old", "modified"}},
		{"a unit test", "unit_tests", "unit_test.p.m.u", fields{"checksum": "x", "description": "1"}, fields{"checksum": "y", "description": "2"}, []string{`field checksum: "x" -> "y"`}, []string{"old", "modified"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := compare(t, one(tt.section, tt.id, tt.old), one(tt.section, tt.id, tt.now), manifest.Core112())
			if diff := cmp.Diff(tt.causes, causesOf(c, tt.id)); diff != "" {
				t.Errorf("causes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.in, in(c, tt.id)); diff != "" {
				t.Errorf("selectors (-want +got):\n%s", diff)
			}
		})
	}
}

// What is new is in selectors by its kind, and some kinds are not in state:modified.
func TestNew(t *testing.T) {
	t.Parallel()
	all := []string{"new", "modified", "body", "configs", "persisted_descriptions", "relation", "contract"}
	for id, want := range map[string][]string{
		"nodes/model.p.a": all, "nodes/test.p.a": all, "nodes/seed.p.a": all, "nodes/snapshot.p.a": all, "nodes/analysis.p.a": all, "functions/function.p.a": all,
		"sources/source.p.a.b":             {"new", "unmodified", "configs", "relation"},
		"exposures/exposure.p.a":           {"new", "unmodified", "configs"},
		"metrics/metric.p.a":               {"new", "unmodified", "configs"},
		"semantic_models/semantic_model.p": {"new", "unmodified", "configs"},
		"saved_queries/saved_query.p.a":    {"new", "unmodified", "configs"},
		"unit_tests/unit_test.p.a":         {"new", "modified"},
	} {
		section, id, _ := strings.Cut(id, "/")
		c := compare(t, project{}, one(section, id, nil), manifest.Core112())
		if diff := cmp.Diff(want, in(c, id)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", id, diff)
		}
		off := one(section, id, map[string]any{"config": map[string]any{"enabled": false}})
		if got := in(compare(t, project{}, off, manifest.Core112()), id); got != nil {
			t.Errorf("%s, switched off: in %v", id, got)
		}
	}
}

func macro(sql string, calls ...string) map[string]any {
	return map[string]any{"macro_sql": sql, "depends_on": map[string]any{"macros": calls}}
}

func TestMacroPaths(t *testing.T) {
	t.Parallel()
	uses := map[string]any{"depends_on": map[string]any{"macros": []string{"macro.p.long", "macro.p.short"}}}
	of := func(inner string) project {
		return project{"nodes": {"model.p.c": uses, "model.p.d": {}}, "macros": {
			"macro.p.long": macro("l", "macro.p.short"), "macro.p.short": macro("s", "macro.p.inner", "macro.p.gone"), "macro.p.inner": macro(inner, "macro.p.long"),
		}}
	}
	c := compare(t, of("1"), of("2"), manifest.Core112())
	if diff := cmp.Diff([]string{"macros c -> short -> inner"}, causesOf(c, "model.p.c")); diff != "" {
		t.Errorf("causes (-want +got):\n%s", diff)
	}
	cause := c.Change("model.p.c").Causes[0]
	if cause.Key != "macro.p.inner" || cause.Old == cause.New || cause.OldText.Length != 1 || cause.NewText.Span.Length != 3 {
		t.Errorf("cause = %+v, want the inner macro with both texts", cause)
	}
	if c.Change("model.p.d") != nil {
		t.Errorf("model.p.d uses no macro: %v", causesOf(c, "model.p.d"))
	}
	before := of("1")
	before["macros"]["macro.p.gone"] = macro("g")
	if diff := cmp.Diff([]string{"macros c -> short -> gone"}, causesOf(compare(t, before, of("1"), manifest.Core112()), "model.p.c")); diff != "" {
		t.Errorf("a macro that is gone (-want +got):\n%s", diff)
	}
}

func TestMacrosWithoutAnID(t *testing.T) {
	t.Parallel()
	of := func(sql string, uses ...any) project {
		return project{
			"nodes":  {"model.p.a": {"depends_on": map[string]any{"macros": uses}}},
			"macros": {"macro.p.lost": {"macro_sql": "x", "depends_on": map[string]any{"macros": []any{nil}}}, "macro.p.m": macro(sql), "macro.p.other": macro("o")},
		}
	}
	for _, tt := range []struct {
		name     string
		old, now project
		refused  bool
	}{
		{"nothing changed", of("1", nil), of("1", nil), false},
		{"itself", of("1", nil), of("2", nil), true},
		{"by another macro", of("1", "macro.p.other", "macro.p.lost"), of("2", "macro.p.other", "macro.p.lost"), true},
		{"a changed one comes before", of("1", "macro.p.m", "macro.p.lost"), of("2", "macro.p.m", "macro.p.lost"), false},
		{"a changed one comes after", of("1", "macro.p.lost", "macro.p.m"), of("2", "macro.p.lost", "macro.p.m"), true},
		{"not used", of("1", "macro.p.other"), of("2", "macro.p.other"), false},
	} {
		c := compare(t, tt.old, tt.now, manifest.Core112())
		for _, selector := range []string{"modified", "unmodified", "modified.macros"} {
			_, err := c.Select(selector)
			var lost *manifest.MacroError
			if errors.As(err, &lost) != tt.refused || tt.refused && lost.ID != "model.p.a" {
				t.Errorf("%s: state:%s = %v", tt.name, selector, err)
			}
		}
		if _, err := c.Select("modified.body"); err != nil {
			t.Errorf("%s: state:modified.body = %v", tt.name, err)
		}
	}
}

// The nodes that changed macros reach are those of a walk along all calls.
func TestMacrosAgainstAWalk(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		const n = 8
		old, now := project{"macros": {}}, project{"macros": {}, "nodes": {}}
		id := func(i int) string { return fmt.Sprintf("macro.p.m%d", i) }
		calls, changed := map[string][]string{}, map[string]bool{}
		some := rapid.SliceOfN(rapid.Map(rapid.IntRange(0, n), id), 0, 3) // m8 does not exist
		for i := range n {
			calls[id(i)] = some.Draw(r, "calls")
			now["macros"][id(i)] = macro("x", calls[id(i)]...)
			switch rapid.IntRange(0, 8).Draw(r, "edit") {
			case 0: // new
				changed[id(i)] = true
			case 1:
				changed[id(i)] = true
				old["macros"][id(i)] = macro("y")
			default:
				old["macros"][id(i)] = macro("x")
			}
			node := fmt.Sprintf("model.p.n%d", i)
			calls[node] = some.Draw(r, "uses")
			now["nodes"][node] = macro("", calls[node]...)
		}
		old["nodes"] = now["nodes"]
		c := compare(t, old, now, manifest.Core112())
		var reaches func(from string, seen map[string]bool) bool
		reaches = func(from string, seen map[string]bool) bool {
			if changed[from] {
				return true
			}
			seen[from] = true
			return slices.ContainsFunc(calls[from], func(to string) bool { return !seen[to] && reaches(to, seen) })
		}
		for node := range now["nodes"] {
			if got, want := c.Is("modified.macros", node), reaches(node, map[string]bool{}); got != want {
				r.Fatalf("%s: modified.macros = %t, want %t", node, got, want)
			}
			change := c.Change(node)
			if change == nil {
				continue
			}
			path := change.Causes[0].Path
			for i := range path[1:] {
				if !slices.Contains(calls[path[i]], path[i+1]) {
					r.Fatalf("%s: %s does not call %s", node, path[i], path[i+1])
				}
			}
			if !changed[path[len(path)-1]] {
				r.Fatalf("%s: the path %v ends at what did not change", node, path)
			}
		}
	})
}

func TestContracts(t *testing.T) {
	t.Parallel()
	type fields = map[string]any
	model := func(checksum string, more fields) fields {
		out := fields{
			"contract": fields{"enforced": true, "checksum": checksum}, "config": fields{"materialized": "table"},
			"columns":     fields{"id": fields{"data_type": "int", "constraints": []any{fields{"type": "not_null", "name": nil}}}, "name": fields{"data_type": "varchar(3)"}},
			"constraints": []any{fields{"type": "primary_key", "columns": []string{"id"}, "name": "pk"}},
		}
		maps.Copy(out, more)
		return out
	}
	columns := func(id, name fields) fields { return fields{"columns": fields{"id": id, "name": name}} }
	held := []any{fields{"type": "not_null", "warn_unenforced": true, "to_columns": []any{}}}
	for name, tt := range map[string]struct {
		now     fields
		engine  manifest.Engine
		clauses []string
	}{
		"a column more":           {columns(fields{"data_type": "INT", "constraints": held}, fields{"data_type": "varchar(10)"}), manifest.Core112(), nil},
		"a size, for dbt 1.11":    {columns(fields{"data_type": "int", "constraints": held}, fields{"data_type": "varchar(10)"}), manifest.Engine{Profile: manifest.ProfileCore19, Version: "1.11.2"}, nil},
		"a size, for dbt 1.10":    {columns(fields{"data_type": "int", "constraints": held}, fields{"data_type": "varchar(10)"}), manifest.Engine{Profile: manifest.ProfileCore19, Version: "1.10.15"}, []string{"the column name is varchar(10) instead of varchar(3)"}},
		"a type":                  {columns(fields{"data_type": "text", "constraints": held}, fields{"data_type": "varchar"}), manifest.Core112(), []string{"the column id is text instead of int"}},
		"a constraint":            {columns(fields{"data_type": "int"}, fields{"data_type": "varchar"}), manifest.Core112(), []string{"the constraint not_null of the column id is gone"}},
		"a column less":           {fields{"columns": fields{"id": fields{"data_type": "int", "constraints": held}}}, manifest.Core112(), []string{"the column name is gone"}},
		"a constraint of a model": {fields{"constraints": []any{}}, manifest.Core112(), []string{"the constraint primary_key pk of the model is gone"}},
		"a view":                  {fields{"config": fields{"materialized": "view"}}, manifest.Core112(), []string{"it is built as view, which holds no constraints, instead of as table"}},
		"not enforced":            {fields{"contract": fields{"enforced": false}}, manifest.Core112(), []string{"the contract is not enforced any more"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkContract(t, model("1", nil), model("2", tt.now), tt.engine, tt.clauses)
		})
	}
}

// checkContract looks at a change of a contract of a model without a version and with one.
func checkContract(t *testing.T, old, now map[string]any, e manifest.Engine, clauses []string) {
	t.Helper()
	const id = "model.p.k"
	c := compare(t, one("nodes", id, old), one("nodes", id, now), e)
	var want []manifest.Breaking
	var warnings []manifest.Warning
	if clauses != nil {
		want = []manifest.Breaking{{ID: id, Clauses: clauses}}
		warnings = []manifest.Warning{{Event: "UnversionedBreakingChange", ID: id, Message: strings.Join(clauses, "; ")}}
	}
	if diff := cmp.Diff(want, c.Breaking); diff != "" {
		t.Errorf("breaking (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(warnings, c.WarningsOf("modified.contract")); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	if got, err := c.Select("modified.contract"); err != nil || !slices.Equal(got, []string{id}) {
		t.Errorf("state:modified.contract = %v, %v", got, err)
	}
	now["version"] = 2
	c = compare(t, one("nodes", id, old), one("nodes", id, now), e)
	for _, selector := range []string{"modified", "unmodified", "modified.contract"} {
		_, err := c.Select(selector)
		var refused *manifest.ContractError
		if errors.As(err, &refused) != (clauses != nil) || refused != nil && !slices.Equal(refused.Breaking[0].Clauses, clauses) {
			t.Errorf("with a version state:%s = %v, want %v", selector, err, clauses)
		}
	}
	if got, err := c.Select("modified.configs"); err != nil {
		t.Errorf("state:modified.configs = %v, %v", got, err)
	}
}

// Constraints hold for tables; what is built as something else loses those of the model or of any column.
func TestContractsOfTables(t *testing.T) {
	t.Parallel()
	type fields = map[string]any
	held := []any{fields{"type": "not_null"}}
	model := func(checksum, materialized string, ofModel, ofColumn any) fields {
		return fields{
			"contract": fields{"enforced": true, "checksum": checksum}, "config": fields{"materialized": materialized},
			"constraints": ofModel, "columns": fields{"id": fields{"constraints": ofColumn}},
		}
	}
	const view = "it is built as view, which holds no constraints, instead of as table"
	for name, tt := range map[string]struct {
		old, now fields
		want     []string
	}{
		"a view loses nothing":        {model("1", "view", held, held), model("2", "view", nil, nil), nil},
		"a table with a constraint":   {model("1", "table", held, nil), model("2", "view", held, nil), []string{view}},
		"a table with one of columns": {model("1", "table", nil, held), model("2", "view", nil, held), []string{view}},
		"a table without":             {model("1", "table", []any{}, []any{}), model("2", "view", nil, nil), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkContract(t, tt.old, tt.now, manifest.Core112(), tt.want)
		})
	}
}

// What a warehouse does not enforce it does not lose.
func TestContractsOfAdapters(t *testing.T) {
	t.Parallel()
	type fields = map[string]any
	with := func(checksum string, constraints ...any) fields {
		return fields{"contract": fields{"enforced": true, "checksum": checksum}, "config": fields{"materialized": "incremental"}, "constraints": constraints}
	}
	old := one("nodes", "model.p.k", with("1", fields{"type": "not_null"}, fields{"type": "check", "expression": "x"}, fields{"type": "custom"}))
	now := one("nodes", "model.p.k", with("2"))
	gone := func(kind string) string { return "the constraint " + kind + " of the model is gone" }
	for adapter, want := range map[string][]string{
		"postgres": {gone("not_null"), gone("check")}, "duckdb": {gone("not_null"), gone("check")},
		"snowflake": {gone("not_null")}, "bigquery": {gone("not_null")}, "redshift": {gone("not_null")},
		"spark": nil, "athena": nil,
	} {
		m := now.read(t, "1.12.3")
		m.Metadata.AdapterType = adapter
		c, err := manifest.Compare(old.read(t, "1.12.3"), m, manifest.Core112())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, b := range c.Breaking {
			got = append(got, b.Clauses...)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", adapter, diff)
		}
	}
}

func TestLargeSeeds(t *testing.T) {
	t.Parallel()
	of := func(name, checksum string) project {
		return one("nodes", "seed.p.s", map[string]any{"checksum": map[string]any{"name": name, "checksum": checksum}})
	}
	for _, tt := range []struct {
		old, now project
		event    string
		modified bool
	}{
		{of("path", "a.csv"), of("path", "a.csv"), "SeedExceedsLimitSamePath", false},
		{of("path", "a.csv"), of("path", "b.csv"), "SeedExceedsLimitAndPathChanged", true},
		{of("sha256", "1"), of("path", "a.csv"), "SeedIncreased", true},
		{of("path", "a.csv"), of("sha256", "1"), "", true},
	} {
		c := compare(t, tt.old, tt.now, manifest.Core112())
		for _, selector := range []string{"modified", "unmodified", "modified.body", "modified.contract", "new"} {
			var got string
			for _, w := range c.WarningsOf(selector) {
				got = w.Event
			}
			want := tt.event
			if selector == "modified.contract" || selector == "new" {
				want = ""
			}
			if got != want {
				t.Errorf("state:%s warns %q, want %q", selector, got, want)
			}
		}
		if c.Is("modified", "seed.p.s") != tt.modified || c.Is("modified.body", "seed.p.s") != tt.modified {
			t.Errorf("%s: modified = %t, want %t", tt.event, !tt.modified, tt.modified)
		}
	}
}

// Errors say in one line what is wrong with what.
func TestCompareErrors(t *testing.T) {
	t.Parallel()
	broken := manifest.Breaking{ID: "model.p.k.v1", Versioned: true, Clauses: []string{"the column id is gone", "x"}}
	for err, want := range map[error]string{
		&manifest.ContractError{Breaking: []manifest.Breaking{broken}}:                 "manifest: ContractBreakingChangeError: model.p.k.v1: the column id is gone; x; give the model a new version instead",
		&manifest.ContractError{Breaking: []manifest.Breaking{broken, broken, broken}}: "manifest: ContractBreakingChangeError: model.p.k.v1: the column id is gone; x (and 2 more); give the model a new version instead",
		&manifest.MacroError{ID: "model.p.a"}:                                          "manifest: CompilationError: model.p.a uses a macro that has no id in the manifest: parse the project again",
	} {
		if got := err.Error(); got != want {
			t.Errorf("Error() = %s, want %s", got, want)
		}
	}
}

func TestRemovedContracts(t *testing.T) {
	t.Parallel()
	type fields = map[string]any
	held := fields{"contract": fields{"enforced": true}}
	soon := fields{"contract": fields{"enforced": true}, "deprecation_date": "2026-06-01T00:00:00"}
	off := func(f fields) project { return one("disabled", "model.p.k", f) }
	at := func(text string) manifest.Engine {
		e := manifest.Core112()
		e.Now, _ = time.Parse(time.DateOnly, text)
		return e
	}
	for name, tt := range map[string]struct {
		old  fields
		now  project
		e    manifest.Engine
		want []string
	}{
		"gone":                   {held, project{}, at("2026-01-01"), []string{"the model is gone or has another name"}},
		"switched off":           {held, off(held), at("2026-01-01"), []string{"the model is switched off"}},
		"switched off and freed": {held, off(fields{}), at("2026-01-01"), nil},
		"not promised":           {fields{}, project{}, at("2026-01-01"), nil},
		"not deprecated yet":     {soon, project{}, at("2026-05-31"), []string{"the model is gone or has another name"}},
		"deprecated":             {soon, project{}, at("2026-06-02"), nil},
		"still there":            {held, one("nodes", "model.p.k", held), at("2026-01-01"), nil},
	} {
		c := compare(t, one("nodes", "model.p.k", tt.old), tt.now, tt.e)
		var got []string
		for _, b := range c.Breaking {
			got = append(got, b.Clauses...)
			if !b.Removed {
				t.Errorf("%s: %+v is not removed", name, b)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestCompareRefuses(t *testing.T) {
	t.Parallel()
	c := compare(t, project{}, project{}, manifest.Core112())
	_, err := c.Select("changed")
	var wrong *manifest.StateError
	if !errors.As(err, &wrong) || !strings.Contains(err.Error(), "modified.persisted_descriptions") {
		t.Errorf("Select = %v, want a StateError that names the selectors", err)
	}
	if _, err := manifest.Compare(nil, &manifest.Manifest{}, manifest.Core112()); err == nil {
		t.Error("a comparison with nothing is no error")
	}
}

func TestSameInvocation(t *testing.T) {
	t.Parallel()
	of := func(id string) *manifest.Manifest {
		return &manifest.Manifest{Metadata: manifest.Metadata{InvocationID: id}}
	}
	for ids, want := range map[[2]string]bool{{"a", "a"}: true, {"a", "b"}: false, {"", ""}: false} {
		c, err := manifest.Compare(of(ids[0]), of(ids[1]), manifest.Core112())
		if err != nil || c.SameInvocation() != want {
			t.Errorf("%q: SameInvocation = %t, %v, want %t", ids, c.SameInvocation(), err, want)
		}
	}
}

// The profile of dbt 1.9 has another flag, compares no sql_header of tests and never reads configurations anew.
func TestEngines(t *testing.T) {
	t.Parallel()
	type fields = map[string]any
	old := project{
		"nodes": {
			"test.p.t":  {"unrendered_config": fields{"sql_header": "a"}},
			"model.p.a": {"raw_code": "{{ config(x=[1]) }}", "unrendered_config": fields{"x": []int{1}}},
		},
		"sources": {"source.p.s.t": {"schema": "dev", "unrendered_schema": "{{ target.schema }}"}},
	}
	now := project{
		"nodes":   {"test.p.t": {"unrendered_config": fields{"sql_header": "b"}}, "model.p.a": old["nodes"]["model.p.a"]},
		"sources": {"source.p.s.t": {"schema": "prod", "unrendered_schema": "{{ target.schema }}"}},
	}
	for _, tt := range []struct {
		e          manifest.Engine
		oldVersion string
		want       []string
	}{
		{manifest.Core19(), "1.12.3", []string{"source.p.s.t"}},
		{manifest.Core19(), "1.11.0", []string{"source.p.s.t"}},
		{manifest.Core112(), "1.12.3", []string{"test.p.t"}},
		{manifest.Core112(), "1.12.2", []string{"model.p.a", "test.p.t"}},
		{manifest.Engine{}, "1.12.2", []string{"source.p.s.t", "test.p.t"}},
		{manifest.Engine{CompareMoreUnrenderedValues: true, Version: "1.12.2"}, "1.12.2", []string{"model.p.a", "test.p.t"}},
	} {
		c, err := manifest.Compare(old.read(t, tt.oldVersion), now.read(t, "1.12.3"), tt.e)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.Select("modified"); err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%+v, state of %s: %v, %v, want %v", tt.e, tt.oldVersion, got, err, tt.want)
		}
	}
}

// Dependencies are looked at where they are asked for.
func TestDependencies(t *testing.T) {
	t.Parallel()
	of := func(parent string) project {
		return one("nodes", "model.p.a", map[string]any{"depends_on": map[string]any{"nodes": []string{parent}}})
	}
	e := manifest.Core112()
	if got := causesOf(compare(t, of("b"), of("c"), e), "model.p.a"); got != nil {
		t.Errorf("causes = %v, want none", got)
	}
	e.Dependencies = true
	c := compare(t, of("b"), of("c"), e)
	if diff := cmp.Diff([]string{"depends_on depends_on: b -> c"}, causesOf(c, "model.p.a")); diff != "" || !c.Is("modified", "model.p.a") {
		t.Errorf("causes (-want +got):\n%s", diff)
	}
	if got := len(c.Changes()); got != 1 {
		t.Errorf("%d changes, want 1", got)
	}
}

func TestMetricsOfOldManifests(t *testing.T) {
	t.Parallel()
	read := func(version int) *manifest.Manifest {
		m, err := manifest.Read(strings.NewReader(fmt.Sprintf(`{"metadata":{"dbt_schema_version":"https://x/manifest/v%d.json"},"metrics":{"metric.p.m":{}}}`, version)))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for _, tt := range []struct {
		old, now int
		want     []string
	}{{9, 10, []string{"metric.p.m"}}, {10, 10, nil}, {9, 9, nil}} {
		c, err := manifest.Compare(read(tt.old), read(tt.now), manifest.Core112())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.Select("new"); err != nil || !cmp.Equal(got, tt.want, cmpopts.EquateEmpty()) {
			t.Errorf("v%d against v%d: state:new = %v, %v, want %v", tt.old, tt.now, got, err, tt.want)
		}
	}
}
