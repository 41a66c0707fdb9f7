package dbtcloudtest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

const production = dbtcloudtest.DefaultDeferringID

// shop is a small project.
func shop() []dbtcloudtest.Node {
	return []dbtcloudtest.Node{
		{"uniqueId": "source.shop.raw.orders", "identifier": "orders_2026", "tags": []string{"daily"}, "freshness": object{"freshnessStatus": "Warn", "freshnessChecked": true}},
		{"uniqueId": "seed.shop.countries"},
		{"uniqueId": "model.shop.stg_orders", "parentIds": []string{"source.shop.raw.orders"}, "modelingLayer": "staging", "schema": "dev"},
		{
			"uniqueId": "model.shop.orders", "dependsOn": []string{"model.shop.stg_orders", "seed.shop.countries"}, "access": "public",
			"alias": "fct_orders", "tags": []string{"daily", "finance"}, "group": "finance", "description": "All orders.",
			"executionInfo": object{"lastRunStatus": "error", "executionTime": 2.5, "executeCompletedAt": "2026-01-02T00:00:00Z"},
			"catalog":       object{"rowCountStat": 10, "stats": []object{{"id": "bytes"}}, "columns": []object{{"name": "id"}, {"name": "amount"}}},
		},
		{
			"uniqueId": "test.shop.not_null_orders_id.abc", "parentIds": []string{"model.shop.orders"}, "columnName": "id",
			"testMetadata": object{"name": "not_null"}, "executionInfo": object{"lastRunStatus": "fail", "lastRunFailures": 3},
		},
		{"uniqueId": "unit_test.shop.orders.adds_up", "parentIds": []string{"model.shop.orders"}},
		{"uniqueId": "exposure.shop.dashboard", "parentIds": []string{"model.shop.orders"}, "ownerName": "Ann", "ownerEmail": "ann@example.com"},
		{"uniqueId": "exposure.shop.report", "ownerName": "Ann", "ownerEmail": "ann@example.com"},
		{"uniqueId": "exposure.shop.orphan"},
		{"uniqueId": "macro.dbt.ref", "state": "applied"},
		{"uniqueId": "metric.shop.revenue", "parentIds": []string{"model.shop.orders"}},
		{"uniqueId": "group.shop.finance", "name": "finance", "ownerName": "Bob", "ownerEmail": "bob@example.com", "state": "definition"},
		{"uniqueId": "model.shop.planned", "state": "definition", "access": "private", "group": "finance"},
	}
}

// newShop is a fake whose production environment has the shop.
func newShop(opts ...dbtcloudtest.Option) *dbtcloudtest.Server {
	s := dbtcloudtest.New(opts...)
	s.AddNodes(production, shop()...)
	return s
}

// mustRequest is a request with a token.
func mustRequest(t testing.TB, method, url, token string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	return req
}

// send sends a body to the Discovery API and returns the status and the body of the answer.
func send(t testing.TB, s *dbtcloudtest.Server, path, token string, body []byte) (int, []byte) {
	t.Helper()
	req := mustRequest(t, http.MethodPost, "https://ab123.metadata.us1.dbt.com"+path, token)
	req.Body = io.NopCloser(bytes.NewReader(body))
	resp, err := s.Transport().RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, raw
}

// post is send where the answer must be a JSON object.
func post(t testing.TB, s *dbtcloudtest.Server, path, token string, body []byte) (int, object) {
	t.Helper()
	status, raw := send(t, s, path, token, body)
	out, ok := decoded(t, string(raw)).(object)
	if !ok {
		t.Fatalf("the answer is not a JSON object: %q", raw)
	}
	return status, out
}

// ask sends a document to the whole schema. $id is the production environment.
func ask(t testing.TB, s *dbtcloudtest.Server, document string, vars object) (int, object) {
	t.Helper()
	all := object{}
	if strings.Contains(document, "$id") {
		all["id"] = production
	}
	maps.Copy(all, vars)
	body, err := json.Marshal(object{"query": document, "variables": all})
	if err != nil {
		t.Fatal(err)
	}
	return post(t, s, "/beta/graphql", s.Token(), body)
}

// of asks for something of an environment's state, and returns that; errors are a failure.
func of(t testing.TB, s *dbtcloudtest.Server, state, selection string) object {
	t.Helper()
	status, body := ask(t, s, "query($id: BigInt!) { environment(id: $id) { "+state+" { "+selection+" } } }", nil)
	if status != 200 || body["errors"] != nil {
		t.Fatalf("%s: answered %d %v", selection, status, body["errors"])
	}
	return body["data"].(object)["environment"].(object)[state].(object)
}

// decoded is what a JSON text says, with exact numbers.
func decoded(t testing.TB, text string) any {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var out any
	if err := dec.Decode(&out); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return out
}

// nodes is a connection of which the unique ids were asked for, as JSON.
func nodes(connection string, want ...string) string {
	edges := make([]string, len(want))
	for i, id := range want {
		edges[i] = `{"node":{"uniqueId":"` + id + `"}}`
	}
	return `{"` + connection + `":{"edges":[` + strings.Join(edges, ",") + `]}}`
}

func TestDiscoveryNodes(t *testing.T) {
	t.Parallel()
	const id = ` { edges { node { uniqueId } } }`
	const stg, orders, source, seed, planned = "model.shop.stg_orders", "model.shop.orders", "source.shop.raw.orders", "seed.shop.countries", "model.shop.planned"
	const test, unit = "test.shop.not_null_orders_id.abc", "unit_test.shop.orders.adds_up"
	tests := []struct{ state, selection, want string }{
		{"applied", `models` + id, nodes("models", stg, orders)},
		{"definition", `models` + id, nodes("models", stg, orders, planned)},
		{"definition", `groups { edges { node { name modelCount models { uniqueId } } } }`,
			`{"groups":{"edges":[{"node":{"name":"finance","modelCount":2,"models":[{"uniqueId":"model.shop.orders"},{"uniqueId":"model.shop.planned"}]}}]}}`},
		{"definition", `macros` + id, nodes("macros")},
		{"applied", `models(filter: {uniqueIds: ["model.shop.orders", "x"]})` + id, nodes("models", orders)},
		{"applied", `models(filter: {uniqueIds: []})` + id, nodes("models")},
		{"applied", `models(filter: {uniqueIds: "MODEL.shop.orders"})` + id, nodes("models")},
		{"applied", `models(filter: null)` + id, nodes("models", stg, orders)},
		{"applied", `models(filter: {tags: ["finance", "weekly"]})` + id, nodes("models", orders)},
		{"applied", `models(filter: {access: public, lastRunStatus: error, group: "finance", packageName: "shop"})` + id, nodes("models", orders)},
		{"applied", `models(filter: {access: public, lastRunStatus: success})` + id, nodes("models")},
		{"applied", `models(filter: {identifier: "fct_orders"})` + id, nodes("models", orders)},
		{"applied", `models(filter: {identifier: "orders"})` + id, nodes("models")},
		{"applied", `models(filter: {schema: "dev", modelingLayer: "staging"})` + id, nodes("models", stg)},
		{"definition", `models(filter: {access: private})` + id, nodes("models", planned)},
		{"applied", `models(sort: {field: uniqueId, direction: asc})` + id, nodes("models", orders, stg)},
		{"applied", `models(sort: {field: uniqueId, direction: desc})` + id, nodes("models", stg, orders)},
		{"applied", `models(sort: {field: rowCount, direction: asc})` + id, nodes("models", orders, stg)},
		{"applied", `models(sort: {field: executeCompletedAt, direction: desc})` + id, nodes("models", orders, stg)},
		{"applied", `sources(filter: {freshnessStatus: Warn, freshnessChecked: true, sourceNames: ["raw"], identifier: "orders_2026"})` + id, nodes("sources", source)},
		{"applied", `sources(filter: {freshnessChecked: false})` + id, nodes("sources")},
		{"applied", `tests(filter: {status: "fail"})` + id, nodes("tests", test)},
		{"applied", `tests(filter: {lastKnownResults: [fail, error]})` + id, nodes("tests", test)},
		{"applied", `tests(filter: {testTypes: [UNIT_TEST]})` + id, nodes("tests", unit)},
		{"applied", `resources(filter: {types: [Macro, Seed, Metric]})` + id, nodes("resources", seed, "macro.dbt.ref", "metric.shop.revenue")},
		{"definition", `resources(filter: {types: [Model], tags: ["daily"]})` + id, nodes("resources", orders)},
		{"applied", `packages(resource: macro) tags { name }`, `{"packages":["dbt"],"tags":[{"name":"daily"},{"name":"finance"}]}`},
		{"applied", `owners(resource: exposure) { name email }`, `{"owners":[{"name":"Ann","email":"ann@example.com"}]}`},
		{"applied", `resourceCounts`, `{"resourceCounts":{"model":2,"source":1,"seed":1,"snapshot":0,"test":2,"exposure":3,"macro":1,"metric":1,
			"semantic_model":0,"saved_query":0,"group":0}}`},
		{"applied", `exposureTile(filter: {uniqueId: "exposure.shop.dashboard"}) { name quality healthIssues }`,
			`{"exposureTile":{"name":"dashboard","quality":null,"healthIssues":[]}}`},
		{"applied", `exposureTile(filter: {uniqueId: "exposure.shop.nothing"}) { name }`, `{"exposureTile":null}`},
		{"applied", `latestGitSha modelHistoricalRuns(uniqueId: "model.shop.orders") { runId }`, `{"latestGitSha":null,"modelHistoricalRuns":[]}`},
	}
	s := newShop()
	for _, test := range tests {
		got := of(t, s, test.state, test.selection)
		if diff := cmp.Diff(decoded(t, test.want), any(got)); diff != "" {
			t.Errorf("%s of %s (-want +got):\n%s", test.selection, test.state, diff)
		}
	}
}

// oneModel asks for fields of the model orders.
func oneModel(t testing.TB, s *dbtcloudtest.Server, state, fields string) any {
	t.Helper()
	got := of(t, s, state, `models(filter: {uniqueIds: ["model.shop.orders"]}) { edges { node { `+fields+` } } }`)
	return got["models"].(object)["edges"].([]any)[0].(object)["node"]
}

func TestDiscoveryFieldsOfANode(t *testing.T) {
	t.Parallel()
	tests := []struct{ state, fields, want string }{
		{"applied", `resourceType name alias packageName fqn tags description filePath meta`,
			`{"resourceType":"model","name":"orders","alias":"fct_orders","packageName":"shop","fqn":["shop","orders"],"tags":["daily","finance"],
			"description":"All orders.","filePath":"","meta":null}`},
		{"applied", `accountId projectId environmentId`, `{"accountId":70506183000001,"projectId":70506183000002,"environmentId":70506183000004}`},
		{"applied", `columnCount catalog { uniqueId environmentId rowCountStat columns { name tags } stats { id } }`,
			`{"columnCount":2,"catalog":{"uniqueId":"model.shop.orders","environmentId":70506183000004,"rowCountStat":10,
			"columns":[{"name":"id","tags":[]},{"name":"amount","tags":[]}],"stats":[{"id":"bytes"}]}}`},
		{"applied", `parents { uniqueId __typename } children { __typename }`,
			`{"parents":[{"uniqueId":"model.shop.stg_orders","__typename":"ModelAppliedStateNestedNode"},
			{"uniqueId":"seed.shop.countries","__typename":"SeedAppliedStateNestedNode"}],
			"children":[{"__typename":"TestAppliedStateNestedNode"},{"__typename":"TestAppliedStateNestedNode"},
			{"__typename":"ExposureAppliedStateNestedNode"},{"__typename":"MetricDefinitionNestedNode"}]}`},
		{"definition", `parents { __typename } tests { __typename uniqueId }`,
			`{"parents":[{"__typename":"ModelDefinitionNestedNode"},{"__typename":"SeedDefinitionNestedNode"}],
			"tests":[{"__typename":"TestDefinitionNestedNode","uniqueId":"test.shop.not_null_orders_id.abc"},
			{"__typename":"TestDefinitionNestedNode","uniqueId":"unit_test.shop.orders.adds_up"}]}`},
		{"applied", `ancestors(types: [Source, Model]) { uniqueId ... on SourceAppliedStateNestedNode { sourceName freshness { freshnessStatus criteria { errorAfter { count } } } } }`,
			`{"ancestors":[{"uniqueId":"model.shop.stg_orders"},
			{"uniqueId":"source.shop.raw.orders","sourceName":"raw","freshness":{"freshnessStatus":"Warn","criteria":{"errorAfter":null}}}]}`},
		{"applied", `tests { name testType columnName lastKnownResult executionInfo { lastRunStatus lastRunFailures } testMetadata { name } }`,
			`{"tests":[{"name":"not_null_orders_id","testType":"GENERIC_DATA_TEST","columnName":"id","lastKnownResult":"fail",
			"executionInfo":{"lastRunStatus":"fail","lastRunFailures":3},"testMetadata":{"name":"not_null"}},
			{"name":"orders","testType":"UNIT_TEST","columnName":null,"lastKnownResult":null,
			"executionInfo":{"lastRunStatus":null,"lastRunFailures":null},"testMetadata":{"name":null}}]}`},
		{"applied", `mine: executionInfo { lastRunStatus executionTime executeCompletedAt lastRunId }`,
			`{"mine":{"lastRunStatus":"error","executionTime":2.5,"executeCompletedAt":"2026-01-02T00:00:00Z","lastRunId":null}}`},
	}
	s := newShop()
	for _, test := range tests {
		if diff := cmp.Diff(decoded(t, test.want), oneModel(t, s, test.state, test.fields)); diff != "" {
			t.Errorf("%s of %s (-want +got):\n%s", test.fields, test.state, diff)
		}
	}
}

func TestDiscoveryLineage(t *testing.T) {
	t.Parallel()
	s := newShop()
	got := of(t, s, "applied", `lineage(filter: {types: [Source, Model, Exposure]}) {
		__typename uniqueId resourceType parentIds publicParentIds
		... on LineageNodeTestable { worstTestStatus } ... on LineageNodeExecutable { lastRunStatus } }`)
	want := decoded(t, `[
		{"__typename":"SourceLineageNode","uniqueId":"source.shop.raw.orders","resourceType":"Source","parentIds":[],"publicParentIds":[],"worstTestStatus":null},
		{"__typename":"ModelLineageNode","uniqueId":"model.shop.stg_orders","resourceType":"Model","parentIds":["source.shop.raw.orders"],"publicParentIds":[],
			"worstTestStatus":null,"lastRunStatus":null},
		{"__typename":"ModelLineageNode","uniqueId":"model.shop.orders","resourceType":"Model","parentIds":["model.shop.stg_orders","seed.shop.countries"],
			"publicParentIds":[],"worstTestStatus":"fail","lastRunStatus":"error"},
		{"__typename":"ExposureLineageNode","uniqueId":"exposure.shop.dashboard","resourceType":"Exposure","parentIds":["model.shop.orders"],
			"publicParentIds":["model.shop.orders"]},
		{"__typename":"ExposureLineageNode","uniqueId":"exposure.shop.report","resourceType":"Exposure","parentIds":[],"publicParentIds":[]},
		{"__typename":"ExposureLineageNode","uniqueId":"exposure.shop.orphan","resourceType":"Exposure","parentIds":[],"publicParentIds":[]}]`)
	if diff := cmp.Diff(want, got["lineage"]); diff != "" {
		t.Errorf("lineage (-want +got):\n%s", diff)
	}
	for selection, want := range map[string]int{
		`lineage(filter: {uniqueIds: ["model.shop.orders"]}) { name }`: 1,
		`lineage(filter: {tags: ["daily"]}) { name }`:                  2,
		`lineage(filter: {columnNames: ["amount"]}) { name }`:          1,
		`lineage(filter: {}) { name }`:                                 11, // all but the group and what is only planned
	} {
		if got := len(of(t, s, "applied", selection)["lineage"].([]any)); got != want {
			t.Errorf("%s: %d nodes, want %d", selection, got, want)
		}
	}
}

func TestDiscoveryNodesChange(t *testing.T) {
	t.Parallel()
	s := newShop()
	names := func() string {
		got := of(t, s, "applied", `models { edges { node { uniqueId description } } }`)["models"].(object)["edges"].([]any)
		var out []string
		for _, edge := range got {
			node := edge.(object)["node"].(object)
			description, _ := node["description"].(string)
			out = append(out, node["uniqueId"].(string)+description)
		}
		return strings.Join(out, " ")
	}
	s.AddNodes(production, dbtcloudtest.Node{"uniqueId": "model.shop.stg_orders", "description": "!"}, dbtcloudtest.Node{"uniqueId": "model.shop.z"})
	if got, want := names(), "model.shop.stg_orders! model.shop.orders"+"All orders. model.shop.z"; got != want {
		t.Errorf("after AddNodes: %q, want %q: a node keeps its place", got, want)
	}
	given := dbtcloudtest.Node{"uniqueId": "model.shop.only", "description": "?"}
	s.SetNodes(production, given)
	given["description"] = "changed afterwards"
	if got, want := names(), "model.shop.only?"; got != want {
		t.Errorf("after SetNodes: %q, want %q", got, want)
	}
	s.AddNodes(4711, dbtcloudtest.Node{"uniqueId": "model.other.m"})
	if status, body := ask(t, s, `{ environment(id: 4711) { dbtProjectName } }`, nil); status != 200 || !cmp.Equal(body["data"], decoded(t, `{"environment":{"dbtProjectName":"other"}}`)) {
		t.Errorf("an environment that nodes were added to answers %d %v", status, body)
	}
}

func TestParseNodes(t *testing.T) {
	t.Parallel()
	two := []dbtcloudtest.Node{{"uniqueId": "model.shop.a"}, {"uniqueId": "x", "resourceType": "seed", "n": json.Number("12345678901234567890")}}
	tests := []struct {
		text, problem string
		want          []dbtcloudtest.Node
	}{
		{` [{"uniqueId":"model.shop.a"},{"uniqueId":"x","resourceType":"seed","n":12345678901234567890}] `, "", two},
		{`{"uniqueId":"model.shop.a"}` + "\n" + `{"uniqueId":"x","resourceType":"seed","n":12345678901234567890}` + "\n", "", two},
		{``, "", nil},
		{`[{"uniqueId":"model.shop.a"},{"name":"a"}]`, "node 1: it has no uniqueId", nil},
		{`{"uniqueId":"a"}`, "node 0: a: it has no resourceType that is known, and its uniqueId does not begin with one", nil},
		{`{"uniqueId":"model.a.b","resourceType":"modell"}`, "node 0: model.a.b: it has no resourceType that is known", nil},
		{`{"uniqueId":"model.a.b","state":"planned"}`, "its state is \"planned\", not applied or definition", nil},
		{`[1]`, "the nodes do not decode", nil},
		{`[{"uniqueId":"model.a.b"}] [{"uniqueId":"model.a.c"}]`, "something follows the list of nodes", nil},
		{`{"uniqueId":"model.a.b","parentIds":"model.a.c"}`, "node 0: model.a.b: its parentIds is not a list of unique ids", nil},
		{`{"uniqueId":"model.a.b","dependsOn":{"nodes":["model.a.c"]}}`, "model.a.b: its dependsOn is not a list of unique ids", nil},
		{`{"uniqueId":"model.a.b","parentIds":["model.a.c",7]}`, "model.a.b: its parentIds holds 7, which is not a unique id", nil},
		{`{"uniqueId":"model.a.b","history":{}}`, "model.a.b: its history is not a list", nil},
		{`{"uniqueId":"model.a.b","parentIds":null,"history":null}`, "", []dbtcloudtest.Node{{"uniqueId": "model.a.b", "parentIds": nil, "history": nil}}},
		{`{"uniqueId":"model.a.b"} {`, "node 1 does not decode", nil},
	}
	for _, test := range tests {
		got, err := dbtcloudtest.ParseNodes([]byte(test.text))
		if test.problem == "" {
			if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
				t.Errorf("%s: %v (-want +got):\n%s", test.text, err, diff)
			}
		} else if err == nil || !strings.Contains(err.Error(), test.problem) {
			t.Errorf("%s: error %v, want one with %q", test.text, err, test.problem)
		}
	}
}

// TestBadNodesAreSeen hands over what cannot be used: every question about the environment says so, others are answered.
func TestBadNodesAreSeen(t *testing.T) {
	t.Parallel()
	s := newShop()
	s.AddNodes(production, dbtcloudtest.Node{"name": "lost"}, dbtcloudtest.Node{"uniqueId": "model.shop.f", "f": func() {}})
	_, body := ask(t, s, `query($id: BigInt!) { environment(id: $id) { dbtProjectName } }`, nil)
	message := messages(body)
	if !strings.Contains(message, "node 0: it has no uniqueId") || !strings.Contains(message, "node 1: it cannot be written as JSON") {
		t.Errorf("the errors are %q, want both nodes", message)
	}
	if status, body := ask(t, s, `query($id: BigInt!) { environment(id: $id) { adapterType } }`, object{"id": dbtcloudtest.DefaultEnvironmentID}); status != 200 || body["errors"] != nil {
		t.Errorf("another environment answers %d %v", status, body)
	}
}

// messages are the messages of an answer's errors, one a line.
func messages(body object) string {
	var out []string
	errs, _ := body["errors"].([]any)
	for _, e := range errs {
		out = append(out, e.(object)["message"].(string))
	}
	return strings.Join(out, "\n")
}

// TestDiscoverySorts puts numbers in the order of numbers, and what has none behind them.
func TestDiscoverySorts(t *testing.T) {
	t.Parallel()
	s := dbtcloudtest.New()
	for id, rows := range map[string]any{"hundred": 100, "nine": "9", "ten": 10, "none": nil} {
		s.AddNodes(production, dbtcloudtest.Node{"uniqueId": "model.p." + id, "catalog": object{"rowCountStat": rows}, "usageQueryCount": rows})
	}
	for _, field := range []string{"rowCount", "queryUsageCount"} {
		for direction, want := range map[string][]string{"asc": {"nine", "ten", "hundred", "none"}, "desc": {"hundred", "ten", "nine", "none"}} {
			got := of(t, s, "applied", `models(sort: {field: `+field+`, direction: `+direction+`}) { edges { node { name } } }`)
			edges := got["models"].(object)["edges"].([]any)
			for i, edge := range edges {
				if name := edge.(object)["node"].(object)["name"]; name != want[i] || len(edges) != len(want) {
					t.Errorf("by %s, %s: %v, want %v", field, direction, edges, want)
					break
				}
			}
		}
	}
}

// TestDiscoveryWorstTest tells of each model the worst of what its tests said.
func TestDiscoveryWorstTest(t *testing.T) {
	t.Parallel()
	s := dbtcloudtest.New()
	order := []string{"error", "fail", "warn", "pass", "skipped"} // the worst first
	for i, worst := range order {
		model := "model.p." + worst
		s.AddNodes(production, dbtcloudtest.Node{"uniqueId": model})
		for _, status := range order[i:] {
			s.AddNodes(production, dbtcloudtest.Node{"uniqueId": "test.p." + worst + "." + status, "parentIds": []string{model}, "executionInfo": object{"lastRunStatus": status}})
		}
	}
	for _, node := range of(t, s, "applied", `lineage(filter: {types: Model}) { name ... on LineageNodeTestable { worstTestStatus } }`)["lineage"].([]any) {
		if node.(object)["name"] != node.(object)["worstTestStatus"] {
			t.Errorf("of what %s is the worst: %v", node.(object)["name"], node)
		}
	}
}

// TestDiscoveryKindsOfNodes asks for a node of each kind in each list that can have it.
func TestDiscoveryKindsOfNodes(t *testing.T) {
	t.Parallel()
	s := dbtcloudtest.New()
	tests := []struct{ id, list, name string }{
		{"model.p.a", "models", "Model"}, {"source.p.s.a", "sources", "Source"}, {"seed.p.a", "seeds", "Seed"}, {"snapshot.p.a", "snapshots", "Snapshot"},
		{"test.p.a.1", "tests", "Test"}, {"exposure.p.a", "exposures", "Exposure"}, {"macro.p.a", "macros", "Macro"}, {"metric.p.a", "metrics", "Metric"},
		{"semantic_model.p.a", "semanticModels", "SemanticModel"}, {"saved_query.p.a", "savedQueries", "SavedQuery"}, {"group.p.a", "groups", "Group"},
	}
	for _, test := range tests {
		s.AddNodes(production, dbtcloudtest.Node{"uniqueId": test.id})
	}
	for _, test := range tests {
		inList := object{test.list: object{"edges": []any{object{"node": object{"uniqueId": test.id, "__typename": strings.Replace(test.name+"DefinitionNode", "GroupDefinition", "Group", 1)}}}}}
		if diff := cmp.Diff(inList, of(t, s, "definition", test.list+` { edges { node { uniqueId __typename } } }`)); diff != "" {
			t.Errorf("definition.%s (-want +got):\n%s", test.list, diff)
		}
		if test.name == "Group" {
			continue // in no mixed list
		}
		got := of(t, s, "applied", `resources(filter: {types: `+test.name+`}) { edges { node { uniqueId __typename } } } lineage(filter: {types: `+test.name+`}) { uniqueId __typename }`)
		nodes := got["resources"].(object)["edges"].([]any)
		if len(nodes) != 1 || nodes[0].(object)["node"].(object)["uniqueId"] != test.id || !strings.HasPrefix(nodes[0].(object)["node"].(object)["__typename"].(string), test.name) {
			t.Errorf("resources of type %s are %v", test.name, nodes)
		}
		if diff := cmp.Diff([]any{object{"uniqueId": test.id, "__typename": test.name + "LineageNode"}}, got["lineage"]); diff != "" {
			t.Errorf("lineage of type %s (-want +got):\n%s", test.name, diff)
		}
	}
}

// TestDiscoveryNodesOfWrongShape hands over values that the schema has no room for: they are errors at their places, and the rest is there.
func TestDiscoveryNodesOfWrongShape(t *testing.T) {
	t.Parallel()
	s := dbtcloudtest.New()
	s.AddNodes(production, dbtcloudtest.Node{"uniqueId": "model.p.a", "executionInfo": "late", "tags": "x", "catalog": []int{1}, "packages": object{}, "description": object{"a": 1}, "access": true,
		"children": []any{object{"uniqueId": "thing.p.a", "resourceType": "thing"}}, "parents": []any{7}})
	for field, want := range map[string]string{
		`executionInfo { lastRunStatus }`: "string is not a ModelExecutionInfoNode", `tags`: "string is not a list", `packages`: "is not a list",
		`catalog { type }`: "is not a CatalogNode", `description`: "String cannot represent", `access`: "cannot represent true",
		`children { uniqueId }`: "is not a", `parents { uniqueId }`: "json.Number is not a",
	} {
		status, body := ask(t, s, `query($id: BigInt!) { environment(id: $id) { dbtProjectName applied { models { edges { node { uniqueId `+field+` } } } } } }`, nil)
		if message := messages(body); status != 200 || !strings.Contains(message, want) || strings.Contains(message, "\n") || codes(body)[0] != "INTERNAL_SERVER_ERROR" {
			t.Errorf("%s: answered %d %v, want one error with %q", field, status, body, want)
		}
		if environment, ok := body["data"].(object)["environment"].(object); !ok || environment["dbtProjectName"] != "p" {
			t.Errorf("%s: data %v, want what is beside it", field, body["data"])
		}
	}
}

// TestDiscoveryAncestors looks up from the foot of a diamond, and round a circle, which dbt would refuse.
func TestDiscoveryAncestors(t *testing.T) {
	t.Parallel()
	s := dbtcloudtest.New()
	for id, parents := range map[string][]string{
		"source.p.s.top": nil, "model.p.left": {"source.p.s.top"}, "model.p.right": {"source.p.s.top", "model.p.absent"}, "model.p.foot": {"model.p.left", "model.p.right"},
		"model.p.a": {"model.p.b"}, "model.p.b": {"model.p.a"},
	} {
		s.AddNodes(production, dbtcloudtest.Node{"uniqueId": id, "parentIds": parents})
	}
	for id, want := range map[string]string{
		"model.p.foot": `[{"uniqueId":"model.p.left"},{"uniqueId":"model.p.right"},{"uniqueId":"source.p.s.top"}]`,
		"model.p.a":    `[{"uniqueId":"model.p.b"}]`,
	} {
		got := of(t, s, "applied", `models(filter: {uniqueIds: "`+id+`"}) { edges { node { ancestors(types: [Model, Source]) { uniqueId } } } }`)
		node := got["models"].(object)["edges"].([]any)[0].(object)["node"].(object)
		if diff := cmp.Diff(decoded(t, want), node["ancestors"]); diff != "" {
			t.Errorf("above %s (-want +got):\n%s", id, diff)
		}
	}
}
