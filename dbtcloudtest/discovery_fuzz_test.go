package dbtcloudtest_test

import (
	"encoding/json"
	"testing"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// FuzzDiscovery sends any document with any variables to a small project: the answer is a JSON object with data or errors, whatever
// the fault that it meets, and the server lives on.
func FuzzDiscovery(f *testing.F) {
	for i, document := range []string{
		connectionQuery, shortList, `{ __typename }`, `{ job(id: 1) { models { tests { name } parentsModels { parentsModels { name } } } } }`,
		`{ __schema { types { name } } __type(name: "Query") { name } }`, `query A { a: __typename } query B { b: __typename }`,
		`query($id: BigInt!) { environment(id: $id) { applied { lineage(filter: {types: [Model]}) { ...F } } } } fragment F on LineageNode { parentIds ...G } fragment G on ModelLineageNode { ...H } fragment H on ModelLineageNode { name }`,
		`query($id: BigInt!, $s: Boolean!) { environment(id: $id) @include(if: $s) { definition { resources(filter: {types: [Model, Test]}, first: 3) { edges { node { uniqueId ... on ModelDefinitionNode { ancestors(types: Model) { uniqueId } } } } } } } }`,
		`query($f: SearchQueryFilter!) { environment(id: 70506183000004) { applied { searchResults(filter: $f) { edges { node { hit { uniqueId } } } } } } }`,
		`{ environment(id: 70506183000004) { applied { exposureTile(filter: {}) { name } modelHistoricalRuns(uniqueId: "x", lastRunCount: -3) { runResults { status } } } } }`,
		"\xff", `{ environment(id: """1""") { adapterType } }`, `{`, `#`, `{ a: environment(id: 1) { adapterType } a: job(id: 1) { id } }`,
	} {
		for _, vars := range []string{``, `{"id":70506183000004}`, `{"id":"70506183000004","first":1,"filter":{"tags":"daily","uniqueIds":[null]},"s":true}`, `{"f":{"query":"o","fields":["name"]},"first":1e400}`} {
			f.Add(document, []byte(vars), uint8(i))
		}
	}
	f.Fuzz(func(t *testing.T, document string, vars []byte, fault uint8) {
		kinds := []dbtcloudtest.Kind{{}, dbtcloudtest.PartialData("x"), dbtcloudtest.StuckCursor(), dbtcloudtest.EmptyPage(), dbtcloudtest.NullApplied()}
		s := newShop(dbtcloudtest.WithComplexityLimit(10_000))
		s.Inject(dbtcloudtest.Fault{Kind: kinds[int(fault)%len(kinds)]})
		query, err := json.Marshal(document)
		if err != nil {
			t.Skip("no text")
		}
		body := append(append([]byte(`{"query":`), query...), '}')
		if len(vars) > 0 {
			body = append(append(append(body[:len(body)-1], `,"variables":`...), vars...), '}')
		}
		status, raw := send(t, s, "/beta/graphql", s.Token(), body)
		var got struct {
			Data   json.RawMessage
			Errors []struct{ Message string }
		}
		if err := json.Unmarshal(raw, &got); err != nil {
			t.Fatalf("answered %d and no JSON object: %v: %q", status, err, raw)
		}
		if status != 200 && (status != 400 || len(got.Errors) == 0) || got.Data == nil && len(got.Errors) == 0 {
			t.Errorf("answered %d %s", status, raw)
		}
		for _, e := range got.Errors {
			if e.Message == "" {
				t.Errorf("an error without a message: %s", raw)
			}
		}
	})
}

// FuzzParseNodes reads any text: what is accepted can be asked for.
func FuzzParseNodes(f *testing.F) {
	for _, text := range []string{
		`[]`, ``, `{"uniqueId":"model.a.b"}`, `{"uniqueId":"test.a.b.c","parentIds":["model.a.b",null,1],"tags":{}}`, `[{"uniqueId":"group.a.g","resourceType":"group","state":"definition"}]`,
		`{"uniqueId":"source..","catalog":{"columns":[{"name":[[1]]}]},"executionInfo":{"lastRunStatus":{"a":1}},"history":[{}, 1]}`,
		`{"uniqueId":"model.a.b","parentIds":["model.a.b"],"group":[],"access":{},"name":null,"alias":7}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		nodes, err := dbtcloudtest.ParseNodes(text)
		if err != nil {
			return
		}
		s := dbtcloudtest.New()
		s.AddNodes(production, nodes...)
		status, raw := send(t, s, "/beta/graphql", s.Token(), []byte(`{"query":"{ environment(id: 70506183000004) { applied { all: resources(filter: {types: [Model, Source, Seed, Snapshot, Test, Exposure, Macro, Metric, SemanticModel, SavedQuery], tags: \"a\"}) { totalCount edges { node { uniqueId } } } lineage(filter: {columnNames: \"a\"}) { uniqueId parentIds } models(filter: {lastRunStatus: error, group: \"a\"}, sort: {field: rowCount, direction: asc}) { edges { node { name alias access group tags executionInfo { lastRunStatus } catalog { columns { name } } ancestors(types: [Model]) { uniqueId } tests { name } } } } tags { name } owners(resource: exposure) { name } } definition { groups { edges { node { modelCount models { uniqueId } } } } } } }"}`))
		if status != 200 || !json.Valid(raw) {
			t.Errorf("answered %d %q", status, raw)
		}
	})
}
