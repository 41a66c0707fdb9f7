package dbtcloudtest_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/slimci/dbtcloud/dbtcloudtest"
	"github.com/slimci/dbtcloud/internal/testenv"
)

// connectionQuery asks for pages of models.
const connectionQuery = `query($id: BigInt!, $first: Int, $after: String, $filter: ModelAppliedFilter, $sort: AppliedModelSort) {
	environment(id: $id) { applied { models(first: $first, after: $after, filter: $filter, sort: $sort) {
		totalCount edges { cursor node { uniqueId tags access } } pageInfo { startCursor endCursor hasNextPage hasPreviousPage } } } } }`

// page asks for one page of models.
func page(t testing.TB, s *dbtcloudtest.Server, vars object) object {
	t.Helper()
	status, body := ask(t, s, connectionQuery, vars)
	if status != 200 || body["errors"] != nil {
		t.Fatalf("%v: answered %d %v", vars, status, body)
	}
	return body["data"].(object)["environment"].(object)["applied"].(object)["models"].(object)
}

// walk follows the cursors to the end and returns the unique ids, and how many pages there were.
func walk(t testing.TB, s *dbtcloudtest.Server, vars object) ([]string, int) {
	t.Helper()
	var out []string
	for pages := 1; ; pages++ {
		got := page(t, s, vars)
		for _, edge := range got["edges"].([]any) {
			out = append(out, edge.(object)["node"].(object)["uniqueId"].(string))
		}
		info := got["pageInfo"].(object)
		if info["hasNextPage"] == false {
			return out, pages
		}
		vars["after"] = info["endCursor"]
	}
}

func TestDiscoveryPages(t *testing.T) {
	t.Parallel()
	s := dbtcloudtest.New()
	for i := range 5 {
		s.AddNodes(production, dbtcloudtest.Node{"uniqueId": fmt.Sprint("model.shop.m", i)})
	}
	first := page(t, s, object{"first": 2})
	second := page(t, s, object{"first": 2, "after": first["pageInfo"].(object)["endCursor"]})
	edges := second["edges"].([]any)
	want := object{
		"startCursor": edges[0].(object)["cursor"], "endCursor": edges[1].(object)["cursor"], "hasNextPage": true, "hasPreviousPage": true,
	}
	if diff := cmp.Diff(want, second["pageInfo"].(object)); diff != "" {
		t.Errorf("page 2 (-want +got):\n%s", diff)
	}
	between := page(t, s, object{"first": 1, "after": edges[0].(object)["cursor"]})
	if got := between["edges"].([]any)[0].(object)["cursor"]; got != edges[1].(object)["cursor"] {
		t.Errorf("after the cursor of an edge comes %v, want the next one, %v", got, edges[1])
	}
	last := page(t, s, object{"after": edges[1].(object)["cursor"]})
	beyond := page(t, s, object{"after": last["pageInfo"].(object)["endCursor"]})
	want = object{"startCursor": nil, "endCursor": nil, "hasNextPage": false, "hasPreviousPage": true}
	if diff := cmp.Diff(object{"edges": []any{}, "pageInfo": want, "totalCount": jsonNumber("5")}, beyond); diff != "" {
		t.Errorf("beyond the end (-want +got):\n%s", diff)
	}
	s.AddNodes(production, slices.Collect(func(yield func(dbtcloudtest.Node) bool) {
		for i := range 600 {
			_ = yield(dbtcloudtest.Node{"uniqueId": fmt.Sprint("model.shop.n", i)})
		}
	})...)
	if got := len(page(t, s, nil)["edges"].([]any)); got != 500 {
		t.Errorf("without first there are %d edges, want 500", got)
	}
}

// TestDiscoveryPagingProperties walks any project in pages of any size: each node that the filter allows comes once, in order.
func TestDiscoveryPagingProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		tags := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 3)
		access := rapid.SampledFrom([]string{"public", "private", "protected"})
		s := dbtcloudtest.New()
		wantTags, wantAccess := tags.Draw(rt, "wanted tags"), access.Draw(rt, "wanted access")
		filter := object{}
		if len(wantTags) > 0 {
			filter["tags"] = wantTags
		}
		if rapid.Bool().Draw(rt, "by access") {
			filter["access"] = wantAccess
		}
		var want []string
		for i := range rapid.IntRange(0, 30).Draw(rt, "models") {
			has, level := tags.Draw(rt, "tags"), access.Draw(rt, "access")
			id := fmt.Sprint("model.shop.m", i)
			s.AddNodes(production, dbtcloudtest.Node{"uniqueId": id, "tags": has, "access": level}, dbtcloudtest.Node{"uniqueId": fmt.Sprint("seed.shop.s", i)})
			tagged := len(wantTags) == 0 || slices.ContainsFunc(has, func(tag string) bool { return slices.Contains(wantTags, tag) })
			if tagged && (filter["access"] == nil || level == wantAccess) {
				want = append(want, id)
			}
		}
		vars := object{"filter": filter, "first": rapid.IntRange(1, 40).Draw(rt, "first")}
		if rapid.Bool().Draw(rt, "sorted") {
			vars["sort"] = object{"field": "uniqueId", "direction": "desc"}
			slices.Sort(want)
			slices.Reverse(want)
		}
		if s.Environments() == nil {
			rt.Fatal("no environments")
		}
		s.AddNodes(production, dbtcloudtest.Node{"uniqueId": "macro.dbt.ref"}) // so that there is an applied state
		got, pages := walk(t, s, vars)
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("%v (-want +got):\n%s", vars, diff)
		}
		if size := vars["first"].(int); pages != max(1, (len(want)+size-1)/size) {
			rt.Fatalf("%d models in pages of %d took %d requests", len(want), size, pages)
		}
	})
}

// TestDiscoveryOfALargeProject walks many models in the largest pages; it is quick, or the benchmarks of a client would measure the fake.
func TestDiscoveryOfALargeProject(t *testing.T) {
	t.Parallel()
	n := testenv.Count(2_000, 20_000, 20_000)
	s := dbtcloudtest.New()
	s.AddNodes(production, manyModels(n)...)
	got, pages := walk(t, s, object{"first": 500})
	if slices.Sort(got); len(slices.Compact(got)) != n || pages != (n+499)/500 {
		t.Errorf("%d models in %d pages, want %d in %d", len(got), pages, n, (n+499)/500)
	}
}

// manyModels is a chain of models.
func manyModels(n int) []dbtcloudtest.Node {
	out := make([]dbtcloudtest.Node, n)
	for i := range out {
		out[i] = dbtcloudtest.Node{
			"uniqueId": fmt.Sprint("model.shop.m", i), "parentIds": []string{fmt.Sprint("model.shop.m", i-1)}, "description": "One of many.",
			"executionInfo": object{"lastRunStatus": "success", "executionTime": 1.5},
		}
	}
	return out
}

// BenchmarkDiscovery is what a walk over 20,000 models in pages of 500 costs the fake.
func BenchmarkDiscovery(b *testing.B) {
	s := dbtcloudtest.New()
	s.AddNodes(production, manyModels(20_000)...)
	b.ReportAllocs()
	for b.Loop() {
		for offset, after := 0, any(nil); offset < 20_000; offset += 500 {
			after = page(b, s, object{"first": 500, "after": after})["pageInfo"].(object)["endCursor"]
		}
	}
}
