package manifest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/slimci/dbtcloud/manifest"
)

// A YAML selector says of each term how tests come along; the mode of the query is only that of terms which do not.
func TestYAMLSelectorsAndTheMode(t *testing.T) {
	t.Parallel()
	m := withSelector(t, "mine", `{"definition": {"union": ["orders", "stg_orders"]}}`)
	checkQuery(t, m, manifest.Query{Selector: "mine", Indirect: manifest.Cautious}, "model:orders model:stg_orders test:unique_orders unit_test:orders.sums")
}

// Selectors that refer to others again and again cost no more than one each.
func TestYAMLSelectorsMultiply(t *testing.T) {
	t.Parallel()
	m := withSelector(t, "x99", `{"definition": "weekly"}`)
	for i := 10; i < 99; i++ {
		next := fmt.Sprintf(`{"selector": "x%d"}`, i+1)
		m.Selectors[fmt.Sprintf("x%d", i)] = json.RawMessage(`{"definition": {"union": [` + next + `, ` + next + `]}}`)
	}
	checkQuery(t, m, manifest.Query{Selector: "x10"}, "saved_query:weekly")
}

// withSelector adds a YAML selector to a project, as dbt writes it into the manifest.
func withSelector(t testing.TB, name, entry string) *manifest.Manifest {
	t.Helper()
	m := read(t, shop)
	m.Selectors[name] = json.RawMessage(entry)
	return m
}

func TestYAMLSelectors(t *testing.T) {
	t.Parallel()
	tests := []struct{ definition, want string }{
		{`"stg_orders"`, "model:stg_orders test:related"},
		{`{"tag": "week*"}`, "saved_query:weekly"},
		{`{"method": "fqn", "value": "orders", "indirect_selection": "empty"}`, "model:orders"},
		{`{"method": "fqn", "value": "orders", "parents": true, "parents_depth": 1, "indirect_selection": "empty"}`,
			"function:cents model:orders model:stg_orders seed:countries"},
		{`{"method": "fqn", "value": "sales", "children": true, "children_depth": 0}`, // the number 0 is no limit to dbt
			"exposure:board metric:revenue saved_query:weekly semantic_model:sales"},
		{`{"method": "fqn", "value": "sales", "children": true, "children_depth": "0"}`, "semantic_model:sales"},
		{`{"method": "fqn", "value": "weekly", "childrens_parents": true, "exclude": [{"method": "resource_type", "value": "model"}]}`,
			"function:cents metric:revenue saved_query:weekly seed:countries semantic_model:sales source:erp.orders"},
		{`{"method": "fqn"}`, ""}, // dbt leaves out an empty value
		{`{"method": "config.meta.level", "value": 1, "indirect_selection": "empty"}`, "model:stg_orders"},
		{`{"method": "config.meta.level", "value": true, "indirect_selection": "empty"}`, "model:stg_orders"}, // as 1 is True
		{`{"method": "config.meta.level", "value": "1"}`, ""},
		{`{"intersection": [{"config.no_such_key": null}, {"resource_type": "seed"}]}`, "seed:countries"},
		{`{"intersection": [{"config.meta.no_such_key": null}, {"tag": "nightly"}]}`, ""},
		{`{"union": [{"method": "fqn", "value": "sales"}, "weekly"]}`, "saved_query:weekly semantic_model:sales"},
		{`{"intersection": [{"tag": "nightly"}, {"resource_type": "source"}]}`, "source:erp.orders test:loaded"},
		{`{"union": [{"method": "tag", "value": "nightly", "indirect_selection": "empty"}, {"exclude": ["source:erp", "weekly"]}]}`, "model:stg_orders"},
		{`{"union": [{"exclude": []}]}`, ""},
		// Parts of a YAML selector are not looked at again, as those of a command line are: the shared test stays out.
		{`{"union": [{"method": "fqn", "value": "orders", "indirect_selection": "cautious"}, {"method": "fqn", "value": "stg_orders", "indirect_selection": "cautious"}]}`,
			"model:orders model:stg_orders test:unique_orders unit_test:orders.sums"},
		{`{"method": "selector", "value": "n?ghtly"}`, "model:orders model:stg_orders source:erp.orders test:loaded test:related"},
	}
	for _, test := range tests {
		t.Run(test.definition, func(t *testing.T) {
			t.Parallel()
			m := withSelector(t, "mine", `{"name": "mine", "definition": `+test.definition+`}`)
			got := checkQuery(t, m, manifest.Query{Selector: "mine"}, test.want)
			if got.Selector != "mine" {
				t.Errorf("the selector is said to be %q", got.Selector)
			}
			asked := checkQuery(t, m, manifest.Query{Select: []string{"selector:mine"}}, test.want)
			if asked.Selector != "" {
				t.Errorf("the method is said to be the selector %q", asked.Selector)
			}
		})
	}
}

func TestYAMLSelectorsRefuse(t *testing.T) {
	t.Parallel()
	tests := []struct{ entry, want string }{
		{`7`, "YAML selector"},
		{`{"definition": null}`, "a text or an object"},
		{`{"definition": {"union": ["orders"], "intersection": ["orders"]}}`, "only one union or intersection"},
		{`{"definition": {"union": "orders"}}`, "union must be a list"},
		{`{"definition": {"union": [7]}}`, "a text or an object"},
		{`{"definition": {"union": ["a", {"exclude": ["b"]}, {"exclude": ["c"]}]}}`, "excludes more than once"},
		{`{"definition": {"union": ["a", {"exclude": "b"}]}}`, "exclude must be a list"},
		{`{"definition": {"method": "fqn", "value": "a", "exclude": ["tga:x"]}}`, `did you mean "tag:x"`},
		{`{"definition": {"methid": "fqn", "value": "a"}}`, "keys method and value"},
		{`{"definition": {"method": 7, "value": "a"}}`, "keys method and value"},
		{`{"definition": {"tga": "nightly"}}`, `did you mean "tag:nightly"`},
		{`{"definition": {"method": "fqn", "value": "a", "parents_depth": "two\nlines"}}`, `"two\nlines"`},
		{`{"definition": {"tag": 7}}`, "must be a text"},
		{`{"definition": {"method": "fqn", "value": "a", "children": true, "childrens_parents": true}}`, "do not go together"},
		{`{"definition": {"method": "fqn", "value": "a", "parents_depth": "two"}}`, "parents_depth must be a whole number"},
		{`{"definition": {"method": "fqn", "value": "a", "children_depth": 1.5}}`, "children_depth must be a whole number"},
		{`{"definition": {"method": "fqn", "value": "a", "indirect_selection": "eagre"}}`, `"eagre" is no indirect_selection`},
		{`{"definition": {"union": ["orders", {"method": "selector", "value": "mi*"}]}}`, `in a circle: "mine -> mine"`},
	}
	for _, test := range tests {
		t.Run(test.entry, func(t *testing.T) {
			t.Parallel()
			m := withSelector(t, "mine", test.entry)
			if _, err := m.Select(manifest.Query{Select: []string{"orders"}}); err != nil {
				t.Errorf("a selector that nobody asks for is in the way: %v", err)
			}
			_, err := m.Select(manifest.Query{Selector: "mine"})
			var wrong *manifest.SelectorError
			if !errors.As(err, &wrong) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want a SelectorError with %q", err, test.want)
			}
		})
	}
}

func TestYAMLSelectorsNamedByEachOther(t *testing.T) {
	t.Parallel()
	m := withSelector(t, "ping", `{"definition": {"selector": "pong"}}`)
	m.Selectors["pong"] = json.RawMessage(`{"definition": {"union": [{"selector": "public"}, {"selector": "ping"}]}}`)
	_, err := m.Select(manifest.Query{Select: []string{"selector:pong"}})
	if err == nil || !strings.Contains(err.Error(), "pong -> ping -> pong") {
		t.Errorf("a circle: %v", err)
	}
	checkQuery(t, m, manifest.Query{Selector: "both"}, "model:orders test:loaded test:related test:unique_orders unit_test:orders.sums")
	// A selector is narrowed to what the command keeps before operators go on from it.
	checkQuery(t, m, manifest.Query{Select: []string{"selector:flags+1"}, Command: manifest.Run}, "model:orders model:stg_orders")
	checkQuery(t, m, manifest.Query{Select: []string{"selector:flags+1"}, Command: manifest.Test}, "test:related")
}

func TestDefaultSelector(t *testing.T) {
	t.Parallel()
	m := withSelector(t, "usual", `{"name": "usual", "default": true, "definition": {"method": "fqn", "value": "weekly"}}`)
	if got := checkQuery(t, m, manifest.Query{}, "saved_query:weekly"); got.Selector != "usual" {
		t.Errorf("the selector is said to be %q", got.Selector)
	}
	checkQuery(t, m, manifest.Query{Select: []string{"sales"}}, "semantic_model:sales")
	checkQuery(t, m, manifest.Query{Exclude: []string{"orders"}, Command: manifest.Snapshot}, "snapshot:history")
}
