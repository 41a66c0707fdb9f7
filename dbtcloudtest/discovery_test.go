package dbtcloudtest_test

import (
	"bytes"
	"encoding/json"
	"io"
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
		{"uniqueId": "source.shop.raw.orders", "tags": []string{"daily"}, "freshness": object{"freshnessStatus": "Warn", "freshnessChecked": true}},
		{"uniqueId": "seed.shop.countries"},
		{"uniqueId": "model.shop.stg_orders", "parentIds": []string{"source.shop.raw.orders"}, "modelingLayer": "staging", "schema": "dev"},
		{
			"uniqueId": "model.shop.orders", "dependsOn": []string{"model.shop.stg_orders", "seed.shop.countries"}, "access": "public",
			"alias": "fct_orders", "tags": []string{"daily", "finance"}, "group": "finance", "description": "All orders.",
			"executionInfo": object{"lastRunStatus": "error", "executionTime": 2.5, "executeCompletedAt": "2026-01-02T00:00:00Z"},
			"catalog":       object{"rowCountStat": 10, "columns": []object{{"name": "id"}, {"name": "amount"}}},
		},
		{
			"uniqueId": "test.shop.not_null_orders_id.abc", "parentIds": []string{"model.shop.orders"}, "columnName": "id",
			"testMetadata": object{"name": "not_null"}, "executionInfo": object{"lastRunStatus": "fail", "lastRunFailures": 3},
		},
		{"uniqueId": "unit_test.shop.orders.adds_up", "parentIds": []string{"model.shop.orders"}},
		{"uniqueId": "exposure.shop.dashboard", "parentIds": []string{"model.shop.orders"}, "ownerName": "Ann", "ownerEmail": "ann@example.com"},
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

// post sends a body to the Discovery API and returns the status and the body of the answer, which must be JSON.
func post(t testing.TB, s *dbtcloudtest.Server, path, token string, body []byte) (int, object) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://ab123.metadata.us1.dbt.com"+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := s.Transport().RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	out := object{}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&out); err != nil {
		t.Fatalf("the answer is not a JSON object: %v: %q", err, raw)
	}
	return resp.StatusCode, out
}

// ask sends a document to the whole schema. $id is the production environment.
func ask(t testing.TB, s *dbtcloudtest.Server, document string, vars object) (int, object) {
	t.Helper()
	all := object{}
	if strings.Contains(document, "$id") {
		all["id"] = production
	}
	for name, value := range vars {
		all[name] = value
	}
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

func TestDiscoveryNodes(t *testing.T) {
	t.Parallel()
	tests := []struct{ state, selection, want string }{
		{"applied", `models { totalCount edges { node { name uniqueId } } }`,
			`{"models":{"totalCount":2,"edges":[{"node":{"name":"stg_orders","uniqueId":"model.shop.stg_orders"}},{"node":{"name":"orders","uniqueId":"model.shop.orders"}}]}}`},
	}
	for _, test := range tests {
		got := of(t, newShop(), test.state, test.selection)
		if diff := cmp.Diff(decoded(t, test.want), any(got)); diff != "" {
			t.Errorf("%s of %s (-want +got):\n%s", test.selection, test.state, diff)
		}
	}
}
