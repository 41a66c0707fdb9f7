package dbtcloud

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestQueryRefuses: what can be known without the server.
func TestQueryRefuses(t *testing.T) {
	t.Parallel()
	const models = `query($e: BigInt!, $n: Int, $f: ModelAppliedFilter, $t: [String!]) { environment(id: $e) { applied { models(first: $n, filter: $f) { totalCount } tags } } }`
	tests := []struct {
		name string
		text string
		vars map[string]any
		want string
	}{
		{"nothing", "", nil, "must hold one operation, not 0"},
		{"no text", "  # only a comment", nil, "must hold one operation, not 0"},
		{"half", "query { environment(id: 1) {", nil, "does not parse: line 1"},
		{"the line", "query {\n  a(\n}", nil, "does not parse: line 3, column 1"},
		{"no GraphQL", "SELECT * FROM models", nil, "does not parse"},
		{"a mutation", "mutation { a }", nil, "must be a query, not a mutation"},
		{"two operations", "query A { a } query B { b }", nil, "must hold one operation, not 2"},
		{"too long", "query {" + strings.Repeat(" a", maxQueryTokens) + "}", nil, "does not parse"},
		{"without a variable", models, nil, "variable $e: is missing: the query declares it as BigInt!"},
		{"a variable that is null", models, map[string]any{"e": nil}, "variable $e: must not be null"},
		{"a variable too many", models, map[string]any{"e": 1, "x": 1}, "variable $x: the query does not declare it"},
		{"a variable like no other", `query($environmentId: BigInt) { a(b: $environmentId) }`, map[string]any{"x": 1}, "variable $x: the query does not declare it$"},
		{"a variable that is misspelled", `query($environmentId: BigInt) { a(b: $environmentId) }`, map[string]any{"environment_id": 1}, "did you mean environmentId?"},
		{"a word for a BigInt", models, map[string]any{"e": "prod"}, "variable $e: must be BigInt!, not a string"},
		{"a fraction for a BigInt", models, map[string]any{"e": 1.5}, "must be BigInt!, not a fraction"},
		{"a list for a BigInt", models, map[string]any{"e": []int{1}}, "must be one BigInt, not a list"},
		{"a word for an Int", models, map[string]any{"e": 1, "n": "5"}, "variable $n: must be Int, not a string"},
		{"a large Int", models, map[string]any{"e": 1, "n": 1 << 40}, "variable $n: must be Int, not a number"},
		{"a number for an enum", `query($s: RunStatus) { a(s: $s) }`, map[string]any{"s": 5}, "variable $s: must be RunStatus, not a number"},
		{"a number in a filter", models, map[string]any{"e": 1, "f": map[string]any{"tomorrow": 5, "uniqueIds": []any{5}}}, "variable $f: uniqueIds item 0: must be String!, not a number"},
		{"a number for a filter", models, map[string]any{"e": 1, "f": 5}, "variable $f: must be ModelAppliedFilter, not a number"},
		{"a number for a list", models, map[string]any{"e": 1, "t": 5}, "variable $t: must be String!, not a number"},
		{"a number in a list", models, map[string]any{"e": 1, "t": []any{"a", 5}}, "variable $t: item 1: must be String!, not a number"},
		{"a null in a list", models, map[string]any{"e": 1, "t": []any{nil}}, "variable $t: item 0: must not be null"},
		{"no date", `query($d: Date) { a(d: $d) }`, map[string]any{"d": "2026-13-01"}, "variable $d: must be Date, not a string"},
		{"no time", `query($d: DateTime) { a(d: $d) }`, map[string]any{"d": "yesterday"}, "variable $d: must be DateTime"},
		{"a large page", models, map[string]any{"e": 1, "n": 501}, "field models: the page size (first) must be from 1 to 500, not 501"},
		{"a large page in the text", `{ environment(id: 1) { applied { models(first: 501) { totalCount } } } }`, nil, "must be from 1 to 500, not 501"},
		{"a large page by default", `query($n: Int = 501) { environment(id: 1) { applied { models(first: $n) { totalCount } } } }`, nil, "must be from 1 to 500, not 501"},
		{"a large page in a fragment", `{ environment(id: 1) { ...E } } fragment E on Environment { applied { ... on AppliedState { models(first: 501) { totalCount } } } }`, nil, "must be from 1 to 500, not 501"},
		{"a large page in a fragment of a job", `{ job(id: 1) { ...J } } fragment J on JobNode { models(first: 101) { name } }`, nil, "must be from 1 to 100, not 101"},
		{"no page", `{ environment(id: 1) { applied { models(first: 0) { totalCount } } } }`, nil, "must be from 1 to 500, not 0"},
		{"a large page of a job", `{ job(id: 1) { models(first: 101) { name } } }`, nil, "must be from 1 to 100, not 101"},
		{"what does not encode", `query($f: Int) { a }`, map[string]any{"f": func() {}}, "the variables"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			q, err := parseQuery(test.text, test.vars)
			if err == nil {
				err = q.check()
			}
			if err == nil || !strings.Contains(err.Error()+"$", test.want) {
				t.Errorf("error %v, want one that says %q", err, test.want)
			}
		})
	}
}

// TestQueryTakes: what the server has to judge is let through.
func TestQueryTakes(t *testing.T) {
	t.Parallel()
	for text, vars := range map[string]map[string]any{
		`{ environment(id: 1) { applied { unheardOf(first: 500) { of } } } }`:                            nil,
		`query ($x: Tomorrow) { a(x: $x) }`:                                                              {"x": map[string]any{"y": 1}},
		`query ($n: Int) { environment(id: 1) { applied { models(first: $n) { totalCount } } } }`:        nil,
		`{ environment(id: 1) { applied { models(first: 1) { totalCount } } } }`:                         nil,
		`{ environment(id: 1) { applied { models(first: $undeclared) { totalCount } } } }`:               nil,
		`query ($n: Int! = 5) { a(n: $n) }`:                                                              nil,
		`query Named($e: BigInt!) { environment(id: $e) { adapterType } }`:                               {"e": "70506183137151"},
		`query ($e: BigInt!) { environment(id: $e) { adapterType } }`:                                    {"e": int64(7)},
		`query ($n: Int = 5, $b: Boolean, $f: Float, $s: String!) { a(n: $n, b: $b, f: $f, s: $s) }`:     {"b": true, "f": 1, "s": ""},
		`query ($t: [String!]!, $x: Tomorrow, $y: [Tomorrow]) { a(t: $t, x: $x, y: $y) }`:                {"t": "one", "x": []int{1}, "y": 5},
		`query ($s: AppliedModelSort, $e: ModelingKind) { a(s: $s, e: $e) }`:                             {"s": map[string]any{"field": "uniqueId"}, "e": "marts"},
		`query ($d: Date!, $t: DateTime!) { a(d: $d, t: $t) }`:                                           {"d": "2026-01-02", "t": "2026-01-02T03:04:05Z"},
		`{ ...A } fragment A on Query { ...B } fragment B on Query { ...A environment(id: 1) { ...B } }`: nil,
	} {
		q, err := parseQuery(text, vars)
		if err == nil {
			err = q.check()
		}
		if err != nil {
			t.Errorf("%s with %v: %v", text, vars, err)
		}
	}
}

// TestPaged: how the pages of a caller's query are asked for.
func TestPaged(t *testing.T) {
	t.Parallel()
	const info = ` edges { node { name } } pageInfo { endCursor hasNextPage } `
	tests := []struct {
		name       string
		text       string
		vars       map[string]any
		connection string
		after      string
		first      int
		sent       map[string]any
		want       string // the error
	}{
		{"the largest page", `query($n: Int!, $after: String) { environment(id: 1) { applied { models(first: $n, after: $after) {` + info + `} } } }`, nil, "environment.applied.models", "after", 500, map[string]any{"n": 500}, ""},
		{"the page that is given", `query($n: Int!, $c: String) { environment(id: 1) { applied { models(first: $n, after: $c) {` + info + `} } } }`, map[string]any{"n": 7}, "environment.applied.models", "c", 7, map[string]any{"n": 7}, ""},
		{"the page in the text", `query($c: String) { environment(id: 1) { applied { models(first: 9, after: $c) {` + info + `} } } }`, nil, "environment.applied.models", "c", 9, nil, ""},
		{"the page by default", `query($c: String, $n: Int = 8) { environment(id: 1) { applied { models(first: $n, after: $c) {` + info + `} } } }`, nil, "environment.applied.models", "c", 8, map[string]any{"n": 8}, ""},
		{"the page that is given, not the default", `query($c: String, $n: Int = 8) { environment(id: 1) { applied { models(first: $n, after: $c) {` + info + `} } } }`, map[string]any{"n": 7}, "environment.applied.models", "c", 7, map[string]any{"n": 7}, ""},
		{"a fragment that is not there", `query($c: String) { environment(id: 1) { ...E applied { models(after: $c) {` + info + `} } } }`, nil, "environment.applied.models", "c", 0, nil, ""},
		{"the largest page beside others", `query($c: String, $n: Int, $e: BigInt!) { environment(id: $e) { applied { models(first: $n, after: $c) {` + info + `} } } }`, map[string]any{"e": 1}, "environment.applied.models", "c", 500, map[string]any{"e": 1, "n": 500}, ""},
		{"the server's page", `query($c: String) { environment(id: 1) { applied { models(after: $c) {` + info + `} } } }`, nil, "environment.applied.models", "c", 0, nil, ""},
		{"aliases and fragments", `query($c: String) { e: environment(id: 1) { ...E } } fragment E on Environment { now: applied { all: models(after: $c) { ... on X {` + info + `} } } }`, nil, "e.now.all", "c", 0, nil, ""},
		{"of a job", `query($n: Int, $c: String) { job(id: 1) { models(first: $n, after: $c) { paginationCursor } } }`, nil, "job.models", "c", 100, map[string]any{"n": 100}, ""},
		{"of a job without a size", `query($c: String) { job(id: 1) { models(after: $c) { paginationCursor } } }`, nil, "job.models", "", 0, nil, "must take a number or a variable as its argument first"},
		{"of a job, too large", `query($c: String, $n: Int) { job(id: 1) { models(after: $c, first: $n) { paginationCursor } } }`, map[string]any{"n": 500}, "job.models", "", 0, nil, "from 1 to 100, not 500"},
		{"nowhere", `{ environment(id: 1) { applied { models { totalCount } } } }`, nil, "environment.aplied.models", "", 0, nil, `selects no "aplied" there; did you mean applied?`},
		{"no name", `{ environment(id: 1) { applied { models { totalCount } } } }`, nil, "", "", 0, nil, `selects no "" there`},
		{"no cursor", `{ environment(id: 1) { applied { models { totalCount } } } }`, nil, "environment.applied.models", "", 0, nil, "must take a variable as its argument after"},
		{"a fixed cursor", `{ environment(id: 1) { applied { models(after: "x") {` + info + `} } } }`, nil, "environment.applied.models", "", 0, nil, "must take a variable as its argument after"},
		{"no pageInfo", `query($c: String) { environment(id: 1) { applied { models(after: $c) { totalCount } } } }`, nil, "environment.applied.models", "", 0, nil, "select pageInfo { endCursor hasNextPage }"},
		{"the other half of a pageInfo", `query($c: String) { environment(id: 1) { applied { models(after: $c) { edges { node { name } } pageInfo { hasNextPage } } } } }`, nil, "environment.applied.models", "", 0, nil, "select pageInfo { endCursor hasNextPage }"},
		{"no items", `query($c: String) { environment(id: 1) { applied { models(after: $c) { pageInfo { endCursor hasNextPage } } } } }`, nil, "environment.applied.models", "", 0, nil, "select edges { node { ... } } in it"},
		{"items by another name", `query($c: String) { environment(id: 1) { applied { models(after: $c) { all: edges { node { name } } pageInfo { endCursor hasNextPage } } } } }`, nil, "environment.applied.models", "", 0, nil, "select edges { node { ... } } in it"},
		{"edges without items", `query($c: String) { environment(id: 1) { applied { models(after: $c) { edges { item: node { name } } pageInfo { endCursor hasNextPage } } } } }`, nil, "environment.applied.models", "", 0, nil, "select edges { node { ... } } in it"},
		{"items without edges", `query($c: String) { environment(id: 1) { applied { models(after: $c) { nodes { name } pageInfo { endCursor hasNextPage } } } } }`, nil, "environment.applied.models", "c", 0, nil, ""},
		{"a cursor that is not declared", `{ environment(id: 1) { applied { models(after: $c) {` + info + `} } } }`, nil, "environment.applied.models", "", 0, nil, "does not declare its variable $c"},
		{"of a job with no page", `query($c: String) { job(id: 1) { models(first: null, after: $c) { paginationCursor } } }`, nil, "job.models", "", 0, nil, "must take a number or a variable as its argument first"},
		{"of a job with a page in the text", `query($c: String) { job(id: 1) { models(first: 9, after: $c) { paginationCursor } } }`, nil, "job.models", "c", 9, nil, ""},
		{"half a pageInfo", `query($c: String) { environment(id: 1) { applied { models(after: $c) { pageInfo { endCursor } } } } }`, nil, "environment.applied.models", "", 0, nil, "select pageInfo { endCursor hasNextPage }"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			given := len(test.vars)
			q, err := parseQuery(test.text, test.vars)
			if err != nil {
				t.Fatal(err)
			}
			d, first, err := q.paged(test.connection)
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("error %v, want one that says %q", err, test.want)
				}
				return
			}
			if diff := cmp.Diff(test.sent, d.vars); err != nil || diff != "" || d.after != test.after || first != test.first {
				t.Errorf("error %v, after %q, first %d, variables (-want +got):\n%s", err, d.after, first, diff)
			}
			if len(test.vars) != given {
				t.Errorf("the caller's variables became %v", test.vars)
			}
		})
	}
}

// FuzzQuery: no text and no variables bring the check down.
func FuzzQuery(f *testing.F) {
	f.Add(`query($e: BigInt!, $after: String) { environment(id: $e) { applied { models(first: 5, after: $after) { pageInfo { endCursor hasNextPage } } } } }`, "e", "12", "environment.applied.models")
	f.Add(`{ ...A } fragment A on Query { ...A }`, "", "", "a.b")
	f.Fuzz(func(t *testing.T, text, name, value, connection string) {
		for _, vars := range []map[string]any{nil, {name: value}, {name: []any{value, nil, map[string]any{name: 1.5}}}} {
			q, err := parseQuery(text, vars)
			if err != nil {
				continue
			}
			refused := q.check() != nil
			_, first, err := q.paged(connection)
			if err == nil && (first < 0 || first > maxNodes) {
				t.Errorf("a page of %d, refused before: %v", first, refused)
			}
		}
	})
}
