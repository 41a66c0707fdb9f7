package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestStateExplainText(t *testing.T) {
	t.Parallel()
	now := aShop("2", append(manyEdits(), put(object{}, "nodes", "model.shop.daily", "unrendered_config"), put(false, "sources", "source.shop.raw.orders", "config", "enabled"))...)
	args := stateArgs(t, "explain", aShop("1"), now, "orders", "daily", "rates", "bills", "board", "not_null_orders_id", "price.v1")
	o := invoke(t, nil, args...).want(t, exitSuccess)
	const want = `model.shop.orders (models/orders.sql): modified
  body: 78 -> 78 bytes
      select 1 as id,
    -   {{ cents('x') }} as price
    +   {{ cents('y') }} as price
      from {{ source('raw', 'orders') }}
  macros: orders -> cents -> rounded
    what changed is macro.shop.rounded
    - {% macro rounded(x) %}round({{ x }}){% endmacro %}
    + {% macro rounded(x) %}floor({{ x }}){% endmacro %}
  selected by --select state:modified+

source.shop.raw.orders (models/schema.yml): switched off, so that dbt never selects it
  not selected by --select state:modified+

model.shop.daily (models/daily.sql): modified
  config: materialized: "table" -> nothing
  selected by --select state:modified+

model.shop.rates (models/rates.sql): modified
  contract: the column id is gone
  breaks its contract: the column id is gone
  selected by --select state:modified+

source.shop.raw.bills (models/schema.yml): new
  new: there was none in the state
  not in state:modified, only in state:new, state:modified.configs, state:modified.relation
  not selected by --select state:modified+

exposure.shop.board: removed, so that dbt never selects it
  not selected by --select state:modified+

test.shop.not_null_orders_id.1 (models/schema.yml): unchanged
  is made of what is modified: model.shop.orders -> test.shop.not_null_orders_id.1
  selected by --select state:modified+

model.shop.price.v1 (models/price.sql): unchanged
  not selected by --select state:modified+
`
	if diff := cmp.Diff(want, o.stdout); diff != "" {
		t.Errorf("stdout (-want +got):\n%s", diff)
	}
}

func TestStateExplainJSON(t *testing.T) {
	t.Parallel()
	state, now := save(t, "manifest.json.gz", aShop("1")), save(t, "manifest.json.gz", aShop("2", newBody()))
	o := invoke(t, nil, "state", "explain", "--state", state, "--manifest", now, "--output=json", "--select=state:modified", "model.shop.orders", "daily").want(t, exitSuccess)
	o.stdout = `{"explained":` + strings.TrimSuffix(o.stdout, "\n") + "}\n"
	got := o.object(t)["explained"].([]any)
	body := got[0].(map[string]any)["causes"].([]any)[0].(map[string]any)
	const diff = "  select 1 as id,\n-   {{ cents('x') }} as price\n+   {{ cents('y') }} as price\n  from {{ source('raw', 'orders') }}"
	if body["kind"] != "body" || body["diff"] != diff || body["old"] == body["new"] {
		t.Errorf("cause %v, want the body with %q and two hashes", body, diff)
	}
	want := object{
		"unique_id": "model.shop.daily", "resource_type": "model", "file": "models/daily.sql", "new": false, "modified": false, "selectors": []any{"old", "unmodified"},
		"causes": []any{}, "exists": true, "selected": false, "because": []any{"model.shop.orders", "model.shop.daily"}, "breaking": []any{},
	}
	if diff := cmp.Diff(want, got[1]); diff != "" {
		t.Errorf("daily (-want +got):\n%s", diff)
	}
}

func TestStateExplainRefused(t *testing.T) {
	t.Parallel()
	args := stateArgs(t, "explain", aShop("1"), aShop("2", brokenContract("model.shop.price.v1")), "price")
	o := invoke(t, nil, args...).want(t, exitRunFailed)
	for _, want := range []string{"model.shop.price.v1 (models/price.sql): modified\n", "breaks its contract: the column amount is gone\n", "dbt refuses --select state:modified+\n"} {
		if !strings.Contains(o.stdout, want) {
			t.Errorf("stdout %q, want %q", o.stdout, want)
		}
	}
}

func TestStateExplainBadInput(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"nothing asked for", nil, "takes the unique ids or the names of resources: give at least one"},
		{"a typo in a name", []string{"order"}, `"order": neither manifest has a resource of that unique id or name: did you mean orders?`},
		{"a typo in an id", []string{"model.shop.order"}, "did you mean model.shop.orders?"},
		{"nothing like it", []string{"zzzzzzzzzzzzzzzzzz"}, "nor one that is like it"},
		{"no lines", []string{"orders", "--lines=-1"}, "must be a whole number of at least 0"},
		{"a bad selector", []string{"orders", "-s", "stat:new"}, `did you mean "state:new"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			o := invoke(t, nil, stateArgs(t, "explain", aShop("1"), aShop("2"), test.args...)...).want(t, exitBadInput)
			if o.stdout != "" || !strings.Contains(o.stderr, test.want) {
				t.Errorf("stdout %q, stderr %q, want %q", o.stdout, o.stderr, test.want)
			}
		})
	}
}

func TestLineDiff(t *testing.T) {
	t.Parallel()
	numbered := strings.Repeat("a\n", 10) + "b\n" + strings.Repeat("c\n", 10)
	tests := []struct {
		name, before, after, want string
		most                      int
	}{
		{"one line", "a", "b", "- a\n+ b", 9},
		{"put in", "a\nc", "a\nb\nc", "  a\n+ b\n  c", 9},
		{"taken out", "a\nb\nc", "a\nc", "  a\n- b\n  c", 9},
		{"far from the ends", numbered, strings.Replace(numbered, "b", "B", 1), "  ...\n  a\n- b\n+ B\n  c\n  ...", 9},
		{"white space", "a b", "a  b\r", "- a·b\n+ a··b␍", 9},
		{"a tab", "\ta", " a", "- →a\n+ ·a", 9},
		{"long", "", "a\nb\nc\nd", "- \n+ a\n  ... and 3 more lines", 2},
		{"none", "a", "a", "  ...", 9},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, lineDiff(test.before, test.after, 1, test.most)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// Edits lead from the one text to the other, and leave what is the same in front and behind.
func TestLineEdits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 1, rapid.SampledFrom([]int{8, maxCompared + 2}).Draw(t, "long"))
		before, after := text.Draw(t, "before"), text.Draw(t, "after")
		var a, b []string
		for _, e := range lineEdits(before, after) {
			if e.sign != '+' {
				a = append(a, e.line)
			}
			if e.sign != '-' {
				b = append(b, e.line)
			}
		}
		if diff := cmp.Diff([][]string{before, after}, [][]string{a, b}); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
