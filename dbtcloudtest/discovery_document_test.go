package dbtcloudtest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud/dbtcloudtest"
	"github.com/slimci/dbtcloud/internal/testenv"
)

// codes are the codes of an answer's errors.
func codes(body object) []string {
	var out []string
	errs, _ := body["errors"].([]any)
	for _, e := range errs {
		extensions, _ := e.(object)["extensions"].(object)
		code, _ := extensions["code"].(string)
		out = append(out, code)
	}
	return out
}

func TestDiscoveryRefuses(t *testing.T) {
	t.Parallel()
	const inModels = `query($f: ModelAppliedFilter, $first: Int, $after: String) { environment(id: "70506183000004") { applied { models(filter: $f, first: $first, after: $after) { totalCount } } } }`
	tests := []struct {
		name, document string
		vars           object
		status         int
		code, message  string
	}{
		{"syntax", `{ environment(id: 1) {`, nil, 400, "GRAPHQL_PARSE_FAILED", ""},
		{"nothing in it", `fragment F on Query { __typename }`, nil, 400, "GRAPHQL_PARSE_FAILED", "no operation"},
		{"unknown field", `{ environment(id: 1) { applied { nodes { name } } } }`, nil, 400, "GRAPHQL_VALIDATION_FAILED", `Cannot query field "nodes"`},
		{"description of lineage", `{ environment(id: 1) { applied { lineage(filter: {}) { description } } } }`, nil, 400, "GRAPHQL_VALIDATION_FAILED", "description"},
		{"aliases missing", `{ environment(id: 1) { applied { resources(filter: {types: [Model, Seed]}) { edges { node {
			... on ModelAppliedStateNode { executionInfo { lastRunId } } ... on SeedAppliedStateNode { executionInfo { lastRunId } } } } } } } }`,
			nil, 400, "GRAPHQL_VALIDATION_FAILED", "conflict"},
		{"mutation", `mutation { x }`, nil, 400, "GRAPHQL_VALIDATION_FAILED", ""},
		{"argument missing", `{ environment { adapterType } }`, nil, 400, "GRAPHQL_VALIDATION_FAILED", ""},
		{"no such BigInt", `{ environment(id: true) { adapterType } }`, nil, 400, "GRAPHQL_VALIDATION_FAILED", "BigInt cannot represent true"},
		{"BigInt that is a word", `{ environment(id: "one") { adapterType } }`, nil, 400, "GRAPHQL_VALIDATION_FAILED", "BigInt cannot represent"},
		{"BigInt out of range", `{ environment(id: 99999999999999999999) { adapterType } }`, nil, 400, "GRAPHQL_VALIDATION_FAILED", "BigInt cannot represent"},
		{"unknown enum value", `{ environment(id: 1) { applied { packages(resource: seed) } } }`, nil, 400, "GRAPHQL_VALIDATION_FAILED", "seed"},
		{"variable missing", `query($x: BigInt!) { environment(id: $x) { adapterType } }`, nil, 400, "BAD_USER_INPUT", "$x"},
		{"variable null", `query($x: BigInt!) { environment(id: $x) { adapterType } }`, object{"x": nil}, 400, "BAD_USER_INPUT", "$x"},
		{"variable of another kind", inModels, object{"first": "many"}, 400, "BAD_USER_INPUT", "$first"},
		{"truth in words", `query($on: Boolean!) { __typename @include(if: $on) }`, object{"on": "yes"}, 400, "BAD_USER_INPUT", "Boolean cannot represent yes"},
		{"fraction", inModels, object{"first": 1.5}, 400, "BAD_USER_INPUT", "$first"},
		{"too large for an Int", inModels, object{"first": 1 << 40}, 400, "BAD_USER_INPUT", "$first"},
		{"list for a filter", inModels, object{"f": []any{}}, 400, "BAD_USER_INPUT", "$f"},
		{"unknown member of a filter", inModels, object{"f": object{"name": "orders"}}, 400, "BAD_USER_INPUT", `no field "name"`},
		{"wrong item", inModels, object{"f": object{"tags": []any{"a", 1}}}, 400, "BAD_USER_INPUT", "at tags: at 1"},
		{"null item", inModels, object{"f": object{"tags": []any{nil}}}, 400, "BAD_USER_INPUT", "not null"},
		{"enum in another case", inModels, object{"f": object{"access": "PUBLIC"}}, 400, "BAD_USER_INPUT", "AccessLevel"},
		{"page too large", inModels, object{"first": 501}, 200, "BAD_USER_INPUT", "first must be between 1 and 500, not 501"},
		{"least Int", inModels, object{"first": -1 << 31}, 200, "BAD_USER_INPUT", "not -2147483648"},
		{"too small for an Int", inModels, object{"first": -1<<31 - 1}, 400, "BAD_USER_INPUT", "$first"},
		{"page too small", inModels, object{"first": 0}, 200, "BAD_USER_INPUT", "first must be between 1 and 500, not 0"},
		{"cursor of nobody", inModels, object{"after": "b3RoZXI"}, 200, "BAD_USER_INPUT", "cursor"},
		{"cursor that is none", inModels, object{"after": "%"}, 200, "BAD_USER_INPUT", "cursor"},
		{"unknown environment", `{ environment(id: 7) { adapterType } }`, nil, 200, "NOT_FOUND", "Environment 7 not found"},
		{"introspection", `{ __schema { queryType { name } } }`, nil, 200, "BAD_REQUEST", "introspection"},
		{"dbt's selection syntax", `{ environment(id: 70506183000004) { applied { lineage(filter: {select: "a+"}) { name } } } }`, nil, 200, "BAD_USER_INPUT", "filter.select"},
	}
	s := newShop()
	for _, test := range tests {
		status, body := ask(t, s, test.document, test.vars)
		found := codes(body)
		if status != test.status || len(found) == 0 || found[0] != test.code || !strings.Contains(messages(body), test.message) {
			t.Errorf("%s: answered %d %v, want %d %s with %q", test.name, status, body, test.status, test.code, test.message)
		}
		if _, hasData := body["data"]; hasData != (status == 200) {
			t.Errorf("%s: data beside the errors of a %d: %v", test.name, status, hasData)
		}
	}
}

func TestDiscoveryErrorsSayWhere(t *testing.T) {
	t.Parallel()
	_, body := ask(t, newShop(), "{\n  environment(id: 1) { nothing }\n}", nil)
	want := decoded(t, `[{"line":2,"column":24}]`)
	if got := body["errors"].([]any)[0].(object)["locations"]; !cmp.Equal(want, got) {
		t.Errorf("locations %v, want %v", got, want)
	}
	_, body = ask(t, newShop(), `query($id: BigInt!) { environment(id: $id) { applied { all: models(first: 1000) { totalCount } } } }`, nil)
	if got, want := body["errors"].([]any)[0].(object)["path"], any([]any{"environment", "applied", "all"}); !cmp.Equal(want, got) {
		t.Errorf("path %v, want %v", got, want)
	}
	if want := decoded(t, `{"environment":{"applied":null}}`); !cmp.Equal(want, body["data"]) {
		t.Errorf("data %v, want %v: null goes up to what may be null", body["data"], want)
	}
}

func TestDiscoveryBodies(t *testing.T) {
	t.Parallel()
	id := fmt.Sprint(production)
	tests := []struct {
		path, body string
		status     int
		want       string // of the data, or the code of the first error
	}{
		{"/graphql", `{"query":"{ __typename }"}`, 200, `{"__typename":"Query"}`},
		{"/graphql/", `{"query":"query A { __typename } query B { b: __typename }","operationName":"B"}`, 200, `{"b":"Query"}`},
		{"/graphql", `{"query":"query A { __typename } query B { b: __typename }"}`, 400, "BAD_REQUEST"},
		{"/graphql", `{"query":"query A { __typename }","operationName":"C"}`, 400, "BAD_REQUEST"},
		{"/graphql", `{"query":"query($i: BigInt!, $on: Boolean = false) { environment(id: $i) { applied { x: __typename @include(if: $on) tags { name } } } }","variables":{"i":"` + id + `"}}`, 200,
			`{"environment":{"applied":{"tags":[{"name":"daily"},{"name":"finance"}]}}}`},
		{"/graphql", `{"query":"query($i: BigInt!) { environment(id: $i) { applied { ...A ... { packages(resource: model) } } } } fragment A on AppliedState { p: packages(resource: macro) ...B } fragment B on AppliedState { __typename }","variables":{"i":` + id + `}}`, 200,
			`{"environment":{"applied":{"p":["dbt"],"__typename":"AppliedState","packages":["shop"]}}}`},
		{"/graphql", `{"query":"query($i: BigInt!) { environment(id: $i) { applied { resources(filter: {types: [Model, Seed]}, first: 2) { edges { node { ... on ModelAppliedStateNode { m: executionInfo { lastRunId } } ... on SeedAppliedStateNode { s: executionInfo { lastRunId } } } } } } } }","variables":{"i":` + id + `}}`, 200,
			`{"environment":{"applied":{"resources":{"edges":[{"node":{"s":{"lastRunId":null}}},{"node":{"m":null}}]}}}}`},
		{"/graphql", `{"query":"query($i: BigInt!) { environment(id: $i) { applied { models(first: 1) { edges { node { name } } ...M edges { cursor node { n: name uniqueId name } } } ... { models(first: 1) { totalCount } } } } } fragment M on ModelAppliedStateNodeConnection { edges { node { tags } } }","variables":{"i":` + id + `}}`, 200,
			`{"environment":{"applied":{"models":{"edges":[{"node":{"name":"stg_orders","tags":[],"n":"stg_orders","uniqueId":"model.shop.stg_orders"},"cursor":"YWZ0ZXI6MQ"}],"totalCount":2}}}}`},
		{"/graphql", `{"query":"query($i: BigInt!, $on: Boolean!, $off: Boolean = false) { environment(id: $i) { a: applied @skip(if: $on) { __typename } b: applied @include(if: $on) @skip(if: $off) { __typename ... @include(if: $off) { tags { name } } } c: applied @include(if: $on) @skip(if: $on) { __typename } } }","variables":{"i":` + id + `,"on":true}}`, 200,
			`{"environment":{"b":{"__typename":"AppliedState"}}}`},
		{"/graphql", `{"query":"query($i: BigInt!, $one: String!, $f: ModelAppliedFilter = {uniqueIds: \"model.shop.orders\"}) { environment(id: $i) { applied { listed: models(filter: {uniqueIds: [$one, \"x\"], access: public}) { totalCount } standard: models(filter: $f) { totalCount } } } }","variables":{"i":` + id + `,"one":"model.shop.orders"}}`, 200,
			`{"environment":{"applied":{"listed":{"totalCount":1},"standard":{"totalCount":1}}}}`},
		{"/graphql", `{"query":"query($i: BigInt!) { environment(id: $i) { consumerProjects { consumerProjectId } } }","variables":{"i":1}}`, 400, "GRAPHQL_VALIDATION_FAILED"},
		{"/beta/graphql", `{"query":"query($i: BigInt!) { environment(id: $i) { consumerProjects { consumerProjectId } } }","variables":{"i":` + id + `}}`, 200,
			`{"environment":{"consumerProjects":null}}`},
		{"/graphql", `[{"query":"{ __typename }"}]`, 400, "BAD_REQUEST"},
		{"/graphql", `{"query":7}`, 400, "BAD_REQUEST"},
		{"/graphql", `{"query":""}`, 400, "BAD_REQUEST"},
		{"/graphql", `not JSON`, 400, "BAD_REQUEST"},
		{"/graphql", ``, 400, "BAD_REQUEST"},
	}
	s := newShop()
	for _, test := range tests {
		status, body := post(t, s, test.path, s.Token(), []byte(test.body))
		var bad bool
		if strings.HasPrefix(test.want, "{") {
			bad = !cmp.Equal(decoded(t, test.want), body["data"]) || body["errors"] != nil
		} else {
			bad = len(codes(body)) == 0 || codes(body)[0] != test.want
		}
		if status != test.status || bad {
			t.Errorf("%s %s: answered %d %v, want %d %s", test.path, test.body, status, body, test.status, test.want)
		}
	}
}

// TestDiscoveryKeepsTheOrder asks for fields in an order that no map would have.
func TestDiscoveryKeepsTheOrder(t *testing.T) {
	t.Parallel()
	s := newShop()
	body, err := json.Marshal(object{"query": `{ z: __typename environment(id: 70506183000004) { dbtProjectName adapterType } a: __typename z: __typename }`})
	if err != nil {
		t.Fatal(err)
	}
	_, got := send(t, s, "/graphql", s.Token(), body)
	if want := `{"data":{"z":"Query","environment":{"dbtProjectName":"shop","adapterType":null},"a":"Query"}}`; string(got) != want {
		t.Errorf("answered %s, want %s", got, want)
	}
}

func TestDiscoveryTokens(t *testing.T) {
	t.Parallel()
	body := []byte(`{"query":"{ __typename }"}`)
	for _, test := range []struct {
		name   string
		token  string
		status int
		opts   []dbtcloudtest.Option
	}{
		{"right", dbtcloudtest.DefaultToken, 200, nil},
		{"wrong", "x", 401, nil},
		{"wrong, in a 200", "x", 200, []dbtcloudtest.Option{dbtcloudtest.WithUnauthorizedIn200()}},
		{"unpaid", dbtcloudtest.DefaultToken, 401, []dbtcloudtest.Option{dbtcloudtest.WithUnpaidAccount()}},
		{"metadata only", dbtcloudtest.DefaultToken, 200, []dbtcloudtest.Option{dbtcloudtest.WithPermissionSet("metadata_only")}},
	} {
		status, got := post(t, dbtcloudtest.New(test.opts...), "/graphql", test.token, body)
		refused := messages(got) == "No token was provided."
		if refused && codes(got)[0] != "UNAUTHENTICATED" {
			t.Errorf("%s: refused with the codes %v", test.name, codes(got))
		}
		if wanted := test.name != "right" && test.name != "metadata only"; status != test.status || refused != wanted {
			t.Errorf("%s: answered %d %v, want %d, refused %v", test.name, status, got, test.status, wanted)
		}
	}
	s := newShop(dbtcloudtest.WithProjectScope(99))
	if _, got := ask(t, s, `query($id: BigInt!) { environment(id: $id) { adapterType } }`, nil); codes(got)[0] != "NOT_FOUND" {
		t.Errorf("an environment outside the token's projects answers %v, want NOT_FOUND", got)
	}
	resp, err := s.Transport().RoundTrip(mustRequest(t, http.MethodGet, "https://x.invalid/graphql", s.Token()))
	if err != nil || resp.StatusCode != 405 {
		t.Errorf("GET: %v %v, want 405", resp, err)
	}
}

func TestDiscoveryRequestsAreRecorded(t *testing.T) {
	t.Parallel()
	s := newShop()
	ask(t, s, `query Daily($id: BigInt!) { environment(id: $id) { adapterType } }`, nil)
	post(t, s, "/graphql", s.Token(), []byte(`{"query":"query A { __typename } query B { __typename }","operationName":"B"}`))
	post(t, s, "/graphql", s.Token(), []byte(`nonsense`))
	type row struct {
		Operation, Document string
		Status              int
		Variables           map[string]any
	}
	var got []row
	for _, r := range s.Requests() {
		got = append(got, row{r.Operation, r.Document, r.Status, r.Variables})
	}
	want := []row{
		{"POST /beta/graphql", "Daily", 200, map[string]any{"id": number(production)}},
		{"POST /graphql", "B", 200, nil},
		{"POST /graphql", "", 400, nil},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// TestDiscoveryFragmentsOfFragments sends fragments that each use the next one twice: followed naively, that has no end.
func TestDiscoveryFragmentsOfFragments(t *testing.T) {
	t.Parallel()
	var document strings.Builder
	document.WriteString(`query($id: BigInt!) { environment(id: $id) { dbtProjectName ...F0 } job(id: 1) { ...J0 } }`)
	for i := range 60 {
		fmt.Fprintf(&document, " fragment F%d on Environment { ...F%d ...F%d } fragment J%d on JobNode { ...J%d ...J%d }", i, i+1, i+1, i, i+1, i+1)
	}
	document.WriteString(` fragment F60 on Environment { adapterType } fragment J60 on JobNode { id }`)
	want := decoded(t, `{"environment":{"dbtProjectName":"shop","adapterType":null},"job":null}`)
	for _, test := range []struct {
		limit int
		want  any
	}{{1 << 62, want}, {1 << 30, nil}} {
		if status, body := ask(t, newShop(dbtcloudtest.WithComplexityLimit(test.limit)), document.String(), nil); status != 200 || !cmp.Equal(test.want, body["data"]) {
			t.Errorf("limit %d: answered %d %v, want %v", test.limit, status, body, test.want)
		}
	}
}

// TestDiscoveryGivesUp asks what is short to write and would take for ever to answer: it is an error in a while.
func TestDiscoveryGivesUp(t *testing.T) {
	t.Parallel()
	const n, standalone = 600, 6_000
	s := dbtcloudtest.New()
	for i := range n { // each is made of the next one and, a diamond, of the one after that
		s.AddNodes(production, dbtcloudtest.Node{"uniqueId": fmt.Sprint("model.shop.m", i), "access": "public", "parentIds": []string{fmt.Sprint("model.shop.m", i+1), fmt.Sprint("model.shop.m", i+2)}})
	}
	job := s.AddJob(dbtcloudtest.JobSpec{EnvironmentID: production, JobType: "other"})
	s.FinishRun(s.AddRun(dbtcloudtest.RunSpec{JobID: job}), dbtcloudtest.Success)
	documents := map[string]string{
		"ancestors": `query($id: BigInt!) { environment(id: $id) { applied { models { edges { node { ` + aliased(`ancestors(types: [Macro]) { uniqueId }`, 100) + ` } } } } } }`,
	}
	if testenv.Count(0, 1, 1) > 0 { // these take seconds
		s.AddNodes(production, dbtcloudtest.Node{"uniqueId": "snapshot.shop.large", "rawCode": strings.Repeat("x", 1<<20)})
		documents["bytes"] = `query($id: BigInt!) { environment(id: $id) { applied { snapshots { edges { node { ` + aliased(`rawCode`, 300) + ` } } } } } }`
		for i := range standalone {
			s.AddNodes(production, dbtcloudtest.Node{"uniqueId": fmt.Sprint("seed.shop.s", i)})
		}
		documents["public ancestors"] = `{ account(id: ` + fmt.Sprint(s.AccountID()) + `) { publicModels { edges { node { ` + aliased(`publicAncestors { uniqueId }`, 100) + ` } } } } }`
		documents["filters"] = `query($id: BigInt!) { environment(id: $id) { applied { ` + aliased(`seeds(filter: {tags: "x"}) { totalCount }`, 600) + ` } } }`
		documents["parents of parents"] = `{ job(id: ` + fmt.Sprint(job) + `) { models(first: 1) { ` + strings.Repeat(`parentsModels { `, 40) + `name` + strings.Repeat(` }`, 40) + ` } } }`
	}
	for name, document := range documents {
		if status, body := ask(t, s, document, nil); status != 200 || !strings.Contains(messages(body), "takes too much work") {
			t.Errorf("%s: answered %d %.300s", name, status, messages(body))
		}
		if status, body := ask(t, s, `query($id: BigInt!) { environment(id: $id) { applied { models(first: 3) { edges { node { ancestors(types: [Model]) { uniqueId } } } } } } }`, nil); status != 200 || body["errors"] != nil {
			t.Errorf("after %s, honest work: answered %d %.300s", name, status, messages(body))
		}
	}
}

// aliased is a field so many times, each under a name of its own.
func aliased(field string, times int) string {
	var out strings.Builder
	for i := range times {
		fmt.Fprintf(&out, "a%d: %s ", i, field)
	}
	return out.String()
}
