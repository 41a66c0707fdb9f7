package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// manyEdits are one of each kind that a table shows in its own way.
func manyEdits() []func(m object) {
	return []func(m object){
		newBody(), newMacro(), newConfig(), brokenContract("model.shop.rates"), gone("nodes", "model.shop.price.v1", "columns", "id"),
		put(model("fresh", "select 4", []string{"model.shop.daily"}), "nodes", "model.shop.fresh"),
		put(object{
			"name": "bills", "source_name": "raw", "resource_type": "source", "package_name": "shop", "config": object{"enabled": true}, "original_file_path": "models/schema.yml",
		}, "sources", "source.shop.raw.bills"),
		gone("exposures", "exposure.shop.board"),
	}
}

func TestStateDiffText(t *testing.T) {
	t.Parallel()
	args := stateArgs(t, "diff", aShop("1"), aShop("2", manyEdits()...))
	o := invoke(t, nil, args...).want(t, exitSuccess)
	const want = `CHANGE    UNIQUE ID              CAUSE     WHAT
modified  model.shop.daily       config    materialized: "table" -> "view"
new       model.shop.fresh       new       there was none in the state
modified  model.shop.orders      body      78 -> 78 bytes
modified  model.shop.orders      macros    orders -> cents -> rounded
modified  model.shop.rates       contract  the column id is gone
new       source.shop.raw.bills  new       there was none in the state
new       source.shop.raw.bills  note      not in state:modified, only in state:new, state:modified.configs, state:modified.relation
removed   exposure.shop.board    -         -
`
	if diff := cmp.Diff(want, o.stdout); diff != "" {
		t.Errorf("stdout (-want +got):\n%s", diff)
	}
	told := strings.NewReplacer(args[3], "OLD", args[5], "NEW").Replace(o.stderr)
	const wantTold = `state:    OLD, project shop, dbt 1.12.3, of 2026-01-02T03:04:05Z, 7 nodes
manifest: NEW, project shop, dbt 1.12.3, of 2026-01-02T03:04:05Z, 8 nodes
breaking: model.shop.rates: the column id is gone
2 new, 3 modified, 1 removed; 1 more resource made of them; 1 macro changed
`
	if diff := cmp.Diff(wantTold, told); diff != "" {
		t.Errorf("stderr (-want +got):\n%s", diff)
	}
}

func TestStateDiffSelects(t *testing.T) {
	t.Parallel()
	o := invoke(t, nil, stateArgs(t, "diff", aShop("1"), aShop("2", manyEdits()...), "--select", "state:modified.configs", "--exclude", "fresh source:*", "--indirect-selection=empty")...)
	const want = "CHANGE    UNIQUE ID         CAUSE   WHAT\nmodified  model.shop.daily  config  materialized: \"table\" -> \"view\"\n"
	if diff := cmp.Diff(want, o.want(t, exitSuccess).stdout); diff != "" {
		t.Errorf("stdout (-want +got):\n%s", diff)
	}
	if o := invoke(t, nil, stateArgs(t, "diff", aShop("1"), aShop("2"))...).want(t, exitSuccess); o.stdout != "" || !strings.Contains(o.stderr, "0 new, 0 modified, 0 removed") {
		t.Errorf("of nothing: stdout %q, stderr %q", o.stdout, o.stderr)
	}
}

func TestStateDiffJSON(t *testing.T) {
	t.Parallel()
	old, now := aShop("1"), aShop("2", newMacro(), brokenContract("model.shop.price.v1"), gone("exposures", "exposure.shop.board"))
	got := invoke(t, nil, stateArgs(t, "diff", old, now, "--output=json")...).want(t, exitSuccess).object(t)
	for _, side := range []string{"state", "manifest"} {
		delete(got[side].(map[string]any), "file")
		delete(got[side].(map[string]any), "nodes")
	}
	const rates = `the column id is gone`
	for _, cause := range got["changes"].([]any)[0].(map[string]any)["causes"].([]any) {
		delete(cause.(map[string]any), "old") // hashes
		delete(cause.(map[string]any), "new")
	}
	side := func(invocation string) object {
		return object{"project": "shop", "dbt_version": "1.12.3", "generated_at": "2026-01-02T03:04:05Z", "invocation_id": invocation}
	}
	clauses := []any{`the column amount is gone`, rates}
	var causes []any
	for _, clause := range clauses {
		causes = append(causes, object{"kind": "contract", "key": nil, "old": nil, "new": clause, "path": []any{}})
	}
	want := object{
		"state": side("1"), "manifest": side("2"),
		"changes": []any{
			object{
				"unique_id": "model.shop.orders", "resource_type": "model", "file": "models/orders.sql", "new": false, "modified": true,
				"selectors": []any{"old", "modified", "modified.macros"},
				"causes":    []any{object{"kind": "macros", "key": "macro.shop.rounded", "path": []any{"model.shop.orders", "macro.shop.cents", "macro.shop.rounded"}}},
			},
			object{
				"unique_id": "model.shop.price.v1", "resource_type": "model", "file": "models/price.sql", "new": false, "modified": true,
				"selectors": []any{"old", "modified", "modified.contract"}, "causes": causes,
			},
		},
		"removed": []any{"exposure.shop.board"}, "cosmetic": []any{}, "macros": []any{"macro.shop.rounded"},
		"reached":  []any{"model.shop.daily", "test.shop.not_null_orders_id.1"},
		"breaking": []any{object{"unique_id": "model.shop.price.v1", "refused": true, "removed": false, "clauses": clauses}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("object (-want +got):\n%s", diff)
	}
}

func TestStateDiffGraphs(t *testing.T) {
	t.Parallel()
	const odd = "model.shop.\"<b>#\\"
	old, now := aShop("1"), aShop("2", newBody(), put(model("odd", "select 5", []string{"model.shop.daily"}), "nodes", odd))
	const mermaid = `flowchart LR
  n0["exposure.shop.board"]:::reached
  n1["model.shop.#quot;#lt;b#gt;#35;#92;"]:::new
  n2["model.shop.daily"]:::reached
  n3["model.shop.orders"]:::modified
  n4["test.shop.not_null_orders_id.1"]:::reached
  n2 --> n0
  n2 --> n1
  n3 --> n2
  n3 --> n4
  classDef changed fill:#fff3bf,color:#000
  classDef modified fill:#ffd8a8,color:#000
  classDef new fill:#b2f2bb,color:#000
  classDef reached fill:#e9ecef,color:#000
`
	const dot = `digraph changes {
  rankdir=LR
  node [shape=box, style=filled]
  n0 [label="exposure.shop.board", tooltip="reached", fillcolor="#e9ecef"]
  n1 [label="model.shop.\"<b>#\\", tooltip="new", fillcolor="#b2f2bb"]
  n2 [label="model.shop.daily", tooltip="reached", fillcolor="#e9ecef"]
  n3 [label="model.shop.orders", tooltip="modified", fillcolor="#ffd8a8"]
  n4 [label="test.shop.not_null_orders_id.1", tooltip="reached", fillcolor="#e9ecef"]
  n2 -> n0
  n2 -> n1
  n3 -> n2
  n3 -> n4
}
`
	for format, want := range map[string]string{"mermaid": mermaid, "dot": dot} {
		o := invoke(t, nil, stateArgs(t, "diff", old, now, "--format", format)...).want(t, exitSuccess)
		if diff := cmp.Diff(want, o.stdout); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
}

func TestStateDiffFails(t *testing.T) {
	t.Parallel()
	broken := brokenContract("model.shop.rates")
	switchedOff := func(m object) {
		m["disabled"].(object)["model.shop.rates"] = []any{m["nodes"].(object)["model.shop.rates"]}
		gone("nodes", "model.shop.rates")(m)
	}
	tests := []struct {
		name   string
		edit   func(object)
		args   []string
		status int
		stderr string
	}{
		{"not asked to", broken, nil, exitSuccess, `breaking: model.shop.rates: the column id is gone`},
		{"broken", broken, []string{"--fail-on=breaking"}, exitRunFailed, "dbtcloud: refused by --fail-on: 1 breaking change, told above: give the model a new version"},
		{"broken, in a graph", broken, []string{"--fail-on=breaking", "--format=dot"}, exitRunFailed, "1 breaking change"},
		{"promises removed", gone("nodes", "model.shop.rates"), []string{"--fail-on=breaking"}, exitRunFailed, "breaking: model.shop.rates: "},
		{"promises switched off", switchedOff, []string{"--fail-on=breaking"}, exitRunFailed, "breaking: model.shop.rates: "},
		{"nothing broken", newBody(), []string{"--fail-on=breaking"}, exitSuccess, "0 new, 1 modified"},
		{"refused by dbt", brokenContract("model.shop.price.v1"), []string{"-s", "state:modified"}, exitRunFailed, "ContractBreakingChangeError: model.shop.price.v1"},
		{"unknown reason", broken, []string{"--fail-on=anything"}, exitBadInput, "must be one of breaking"},
		{"unknown format", broken, []string{"--format=svg"}, exitBadInput, "must be one of text, mermaid, dot"},
		{"a circle", put([]string{"model.shop.daily"}, "nodes", "model.shop.orders", "depends_on", "nodes"), nil, exitBadInput, "found a cycle: "},
		{"a graph as JSON", broken, []string{"--format=dot", "--output=json"}, exitBadInput, "--format and --output: dot is no JSON"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			o := invoke(t, nil, stateArgs(t, "diff", aShop("1"), aShop("2", test.edit), test.args...)...).want(t, test.status)
			if !strings.Contains(o.stderr, test.stderr) {
				t.Errorf("stderr %q, want %q", o.stderr, test.stderr)
			}
		})
	}
}

// What is left out is listed, wherever it would have been.
func TestStateIgnoresCosmetic(t *testing.T) {
	t.Parallel()
	old := aShop("1")
	now := aShop("2", put("select *  -- all of it\nfrom {{ ref('orders') }}", "nodes", "model.shop.daily", "raw_code"), newBody())
	const told = "cosmetic: model.shop.daily: counts as unchanged, because only comments and white space differ\n"
	tests := []struct {
		args []string
		want string // in stdout
	}{
		{[]string{"ls", "-s", "state:modified", "--indirect-selection=empty"}, "model.shop.orders\n"},
		{[]string{"diff"}, "CHANGE    UNIQUE ID          CAUSE  WHAT\nmodified  model.shop.orders  body   78 -> 78 bytes\ncosmetic  model.shop.daily   body   comments and white space only\n"},
		{[]string{"explain", "daily"}, "model.shop.daily (models/daily.sql): unchanged\n  only comments and white space differ, which --ignore-cosmetic leaves out\n" +
			"  is made of what is modified: model.shop.orders -> model.shop.daily\n  selected by --select state:modified+\n"},
	}
	for _, test := range tests {
		o := invoke(t, nil, append(stateArgs(t, test.args[0], old, now, test.args[1:]...), "--ignore-cosmetic")...).want(t, exitSuccess)
		if !strings.HasPrefix(o.stderr, told) {
			t.Errorf("%s: stderr %q, want %q", test.args[0], o.stderr, told)
		}
		if diff := cmp.Diff(test.want, o.stdout); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.args[0], diff)
		}
	}
	o := invoke(t, nil, stateArgs(t, "ls", old, now, "-s", "state:modified", "--indirect-selection=empty")...).want(t, exitSuccess)
	if want := "model.shop.daily\nmodel.shop.orders\n"; o.stdout != want || o.stderr != "" {
		t.Errorf("without the flag: stdout %q, stderr %q, want %q", o.stdout, o.stderr, want)
	}
}

// Mermaid refuses large graphs, which must not come as a surprise.
func TestStateDiffWarnsOfLargeGraphs(t *testing.T) {
	t.Parallel()
	var many []func(object)
	for i := range mermaidEdges + 1 {
		name := "m" + id(int64(i))
		many = append(many, put(model(name, "select 6", []string{"model.shop.orders"}), "nodes", "model.shop."+name))
	}
	args := stateArgs(t, "diff", aShop("1", many...), aShop("2", append(many, newBody())...))
	const warning = "warning: Mermaid draws no more than 500 edges unless it is told to, and there are 504"
	if o := invoke(t, nil, append(args, "--format=mermaid")...).want(t, exitSuccess); !strings.Contains(o.stderr, warning) {
		t.Errorf("stderr %q, want %q", o.stderr, warning)
	}
	if o := invoke(t, nil, append(args, "--format=dot")...).want(t, exitSuccess); strings.Contains(o.stderr, "warning") {
		t.Errorf("stderr %q, want no warning", o.stderr)
	}
}
