package dbtcloudtest_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

const shortList = `query($id: BigInt!, $after: String) { environment(id: $id) { adapterType applied { models(first: 1, after: $after) {
	edges { node { uniqueId description } } pageInfo { endCursor hasNextPage } } } } }`

func TestDiscoveryFaults(t *testing.T) {
	t.Parallel()
	endCursor := page(t, newShop(), object{"first": 1})["pageInfo"].(object)["endCursor"].(string)
	models := func(edges, end, more string) string {
		return `{"environment":{"adapterType":null,"applied":{"models":{"edges":[` + edges + `],"pageInfo":{"endCursor":"` + end + `","hasNextPage":` + more + `}}}}}`
	}
	const first = `{"node":{"uniqueId":"model.shop.stg_orders","description":null}}`
	tests := []struct {
		kind     dbtcloudtest.Kind
		after    any
		status   int
		messages string
		data     string // "" for none at all
	}{
		{dbtcloudtest.Kind{}, nil, 200, "", models(first, endCursor, "true")},
		{dbtcloudtest.StuckCursor(), nil, 200, "", models(first, endCursor, "true")},
		{dbtcloudtest.StuckCursor(), endCursor, 200, "", models(first, endCursor, "true")},
		{dbtcloudtest.EmptyPage(), nil, 200, "", models("", endCursor, "true")},
		{dbtcloudtest.NullApplied(), nil, 200, "", `{"environment":{"adapterType":null,"applied":null}}`},
		{dbtcloudtest.PartialData("a", "b"), nil, 200, "a\nb", models(first, endCursor, "true")},
		{dbtcloudtest.PartialData(), nil, 200, "Internal server error", models(first, endCursor, "true")},
		{dbtcloudtest.GraphQLErrors(200, "Environment 1 not found"), nil, 200, "Environment 1 not found", "null"},
		{dbtcloudtest.GraphQLErrors(400, "a", "b"), nil, 400, "a\nb", ""},
		{dbtcloudtest.ThrottledIn200(), nil, 200, "Too many requests, please try again later.", "null"},
	}
	for _, test := range tests {
		s := newShop()
		s.Inject(dbtcloudtest.Fault{Route: "POST /beta/graphql", Times: 1, Kind: test.kind})
		status, body := ask(t, s, shortList, object{"after": test.after})
		var want any
		if test.data != "" {
			want = decoded(t, test.data)
		}
		if status != test.status || messages(body) != test.messages || !cmp.Equal(want, body["data"]) {
			t.Errorf("%s: answered %d %v, want %d %q %v", test.kind, status, body, test.status, test.messages, want)
		}
		if got := s.Requests()[0].Fault; got != test.kind.String() {
			t.Errorf("%s is recorded as %q", test.kind, got)
		}
		if status, body := ask(t, s, shortList, nil); status != 200 || body["errors"] != nil {
			t.Errorf("%s: the next request is answered %d %v", test.kind, status, body)
		}
	}
}

// TestEmptyPageOfNothing: also where there is nothing, the empty page has a cursor and says that it is followed.
func TestEmptyPageOfNothing(t *testing.T) {
	t.Parallel()
	s := newShop()
	s.Inject(dbtcloudtest.Fault{Kind: dbtcloudtest.EmptyPage()})
	got := of(t, s, "applied", `snapshots { edges { cursor } pageInfo { endCursor hasNextPage } }`)["snapshots"].(object)
	if info := got["pageInfo"].(object); info["endCursor"] == nil || info["hasNextPage"] != true || len(got["edges"].([]any)) > 0 {
		t.Errorf("the page is %v", got)
	}
}

// TestPartialDataLacksSomething tells the value that is missing by the path of the error.
func TestPartialDataLacksSomething(t *testing.T) {
	t.Parallel()
	for document, want := range map[string]string{
		`query($id: BigInt!) { environment(id: $id) { dbtProjectName applied { models { edges { node { uniqueId access name } } } } } }`: `{"path":["environment","applied","models","edges",0,"node","access"],"data":{"environment":{"dbtProjectName":"shop","applied":{"models":{"edges":[
			{"node":{"uniqueId":"model.shop.stg_orders","access":null,"name":"stg_orders"}},{"node":{"uniqueId":"model.shop.orders","access":"public","name":"orders"}}]}}}}}`,
		`query($id: BigInt!) { environment(id: $id) { dbtProjectName adapterType } }`: `{"path":["environment","dbtProjectName"],"data":{"environment":{"dbtProjectName":null,"adapterType":null}}}`,
		`{ __typename }`: `{"path":null,"data":{"__typename":"Query"}}`,
	} {
		s := newShop()
		s.Inject(dbtcloudtest.Fault{Kind: dbtcloudtest.PartialData("lost")})
		_, body := ask(t, s, document, nil)
		var path any
		if errs, ok := body["errors"].([]any); ok {
			path = errs[0].(object)["path"]
		}
		if diff := cmp.Diff(decoded(t, want), any(object{"path": path, "data": body["data"]})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", document, diff)
		}
		if messages(body) != "lost" {
			t.Errorf("%s: errors %v, want one", document, body["errors"])
		}
	}
}

// TestOlderFaultsHitDiscovery tells that what fails REST requests fails these.
func TestOlderFaultsHitDiscovery(t *testing.T) {
	t.Parallel()
	s := newShop()
	s.Inject(dbtcloudtest.Fault{Route: "POST /graphql", Kind: dbtcloudtest.Status(503, dbtcloudtest.HTMLBody)})
	if status, body := send(t, s, "/graphql", s.Token(), []byte(`{"query":"{ __typename }"}`)); status != 503 || !strings.Contains(string(body), "<html>") {
		t.Errorf("answered %d %q, want 503 and HTML", status, body)
	}
	if status, _ := ask(t, s, `{ __typename }`, nil); status != 200 {
		t.Errorf("the beta endpoint answered %d, want 200", status)
	}
}

// TestDiscoveryRate asks three times a minute where two are allowed.
func TestDiscoveryRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(dbtcloudtest.WithDiscoveryRate(2))
		begin := time.Now()
		look := func() int {
			status, body := ask(t, s, `{ __typename }`, nil)
			if refused := messages(body) != ""; refused != (status == 429) {
				t.Errorf("answered %d %v", status, body)
			}
			return status
		}
		var got []int
		for _, at := range []time.Duration{
			0, 30 * time.Second, 60 * time.Second, // the first is a minute ago
			61 * time.Second, 5 * time.Minute, 361*time.Second - time.Nanosecond, 361 * time.Second, 362 * time.Second, 363 * time.Second,
		} {
			time.Sleep(time.Until(begin.Add(at)))
			got = append(got, look())
		}
		if diff := cmp.Diff([]int{200, 200, 200, 429, 429, 429, 200, 200, 429}, got); diff != "" {
			t.Errorf("statuses (-want +got):\n%s", diff)
		}
		s.ClearFaults()
		if got := look(); got != 200 {
			t.Errorf("after ClearFaults: %d, want 200", got)
		}
		if code, _ := newClient(t, s).do("GET", "jobs/", nil); code != 200 {
			t.Errorf("REST answers %d in the pause of the Discovery API, want 200", code)
		}
	})
}

func TestDiscoveryComplexity(t *testing.T) {
	t.Parallel()
	tests := []struct {
		selection string
		cost      string
	}{
		{`{ __typename }`, ""},
		{`{ job(id: 1) { id models { name uniqueId } } }`, "5"}, // the job, its id, the list, two fields
		{`{ job(id: 1) { models { rawCode } } }`, "12"},
		{`{ job(id: 1) { models { columns { name type } } } }`, "32"},
		{`{ job(id: 1) { models { tests { name ...T ...T } } } } fragment T on TestNode { compiledCode }`, "222"},
		{`{ job(id: 1) { ... { ... on JobNode { model(uniqueId: "x") { name } } } } }`, "3"},
		{`{ environment(id: 70506183000004) { applied { models { edges { node { rawCode parents { name } tests { name } } } } } } }`, ""},
	}
	for _, test := range tests {
		status, body := ask(t, newShop(dbtcloudtest.WithComplexityLimit(1)), test.selection, nil)
		want := "The complexity of the query is " + test.cost + "; the limit is 1."
		if test.cost == "" {
			want = ""
		}
		if status != 200 || messages(body) != want || want != "" && codes(body)[0] != "COMPLEXITY_EXCEEDED" {
			t.Errorf("%s: answered %d %v, want %q", test.selection, status, body, want)
		}
	}
	if _, body := ask(t, newShop(dbtcloudtest.WithComplexityLimit(12)), tests[2].selection, nil); body["errors"] != nil {
		t.Errorf("at the limit: %v, want no errors", body["errors"])
	}
}

func TestDiscoveryStringIDs(t *testing.T) {
	t.Parallel()
	got := oneModel(t, newShop(dbtcloudtest.WithStringIDs()), "applied", `environmentId columnCount catalog { rowCountStat }`)
	if diff := cmp.Diff(decoded(t, `{"environmentId":"70506183000004","columnCount":2,"catalog":{"rowCountStat":"10"}}`), got); diff != "" {
		t.Errorf("BigInts (-want +got):\n%s", diff)
	}
}
