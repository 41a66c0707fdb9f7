package peers

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// environment is the one that has nodes.
const environment = dbtcloudtest.DefaultEnvironmentID

// newMetadataPeer is a peer that finds the Discovery API: dbtc puts "metadata." in front of the host, whatever it is. The host is one
// of those in the certificate, and every connection goes through a proxy on loopback, which leads it to the fake.
func newMetadataPeer(t *testing.T, program string, s *dbtcloudtest.Server) peer {
	t.Helper()
	p := newPeer(t, program, s)
	i := slices.IndexFunc(p.env, func(v string) bool { return strings.HasPrefix(v, "DBT_CLOUD_HOST=") })
	_, fake, _ := strings.Cut(p.env[i], "=")
	p.env[i] = "DBT_CLOUD_HOST=example.com"
	proxy := httptest.NewServer(tunnel(fake, "metadata.example.com:443"))
	t.Cleanup(proxy.Close)
	p.env = append(p.env, "HTTPS_PROXY="+proxy.URL)
	return p
}

// tunnel is a proxy that leads the connections to one host to an address.
func tunnel(address, host string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != host {
			http.Error(w, "no way to "+r.Host, http.StatusForbidden)
			return
		}
		var dialer net.Dialer
		there, err := dialer.DialContext(r.Context(), "tcp", address)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer func() { _ = there.Close() }()
		w.WriteHeader(http.StatusOK)
		here, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = here.Close() }()
		var both sync.WaitGroup
		both.Go(func() { _, _ = io.Copy(there, buffered); _ = there.Close() })
		both.Go(func() { _, _ = io.Copy(here, there); _ = here.Close() })
		both.Wait()
	}
}

// modelsQuery is how dbtc wants a query that it follows from page to page: the text has pageInfo, and $after twice.
const modelsQuery = `query Models($environmentId: BigInt!, $first: Int, $after: String) {
  environment(id: $environmentId) { applied { models(first: $first, after: $after) {
    edges { node { uniqueId name executionInfo { lastRunStatus } } }
    pageInfo { endCursor hasNextPage }
  } } }
}`

// newWarehouse is a fake whose environment has so many models.
func newWarehouse(models int) *dbtcloudtest.Server {
	s := dbtcloudtest.New()
	nodes := make([]dbtcloudtest.Node, models)
	for i := range nodes {
		nodes[i] = dbtcloudtest.Node{"uniqueId": fmt.Sprintf("model.shop.m%04d", i), "executionInfo": map[string]any{"lastRunStatus": "success"}}
	}
	s.AddNodes(environment, nodes...)
	return s
}

// variables are those of modelsQuery, as JSON.
func variables(first int) string {
	return fmt.Sprintf(`{"environmentId":%d,"first":%d}`, environment, first)
}

// cursors are the pages that were asked for, by the cursor that each was asked to follow.
func cursors(t *testing.T, s *dbtcloudtest.Server) []string {
	t.Helper()
	var all []string
	for _, r := range s.Requests() {
		var body struct {
			Variables struct{ After string }
		}
		if err := json.Unmarshal(r.Body, &body); err != nil {
			t.Fatal(err)
		}
		all = append(all, body.Variables.After)
	}
	return all
}

// Its pages are followed to the end, and what it makes of them is what this package makes of them.
func TestDbtcFollowsPages(t *testing.T) {
	t.Parallel()
	s := newWarehouse(1100)
	p := newMetadataPeer(t, program(t, "dbtc", "dbtc"), s)
	var theirs []struct {
		Node struct{ UniqueID, Name string }
	}
	got := p.run("metadata", "query", "--query", modelsQuery, "--variables", variables(500), "--to-list")
	if err := json.Unmarshal(got.stdout.Bytes(), &theirs); err != nil {
		t.Fatalf("%v: %s", err, &got.stdout)
	}
	equal(t, "asked", []string{"200 POST /beta/graphql"}, asked(s))
	pages := cursors(t, s)
	equal(t, "pages", 3, len(pages))
	equal(t, "first cursor", "", pages[0])

	client, err := s.Client()
	if err != nil {
		t.Fatal(err)
	}
	vars := map[string]any{"environmentId": environment, "first": 500}
	ours, err := dbtcloud.Collect(dbtcloud.QueryAll[dbtcloud.Model](t.Context(), client.Metadata, modelsQuery, vars, "environment.applied.models"))
	if err != nil {
		t.Fatal(err)
	}
	var want, list []string
	for _, model := range ours {
		want = append(want, model.UniqueID+" "+model.Name)
	}
	for _, edge := range theirs {
		list = append(list, edge.Node.UniqueID+" "+edge.Node.Name)
	}
	equal(t, "number of models", 1100, len(list))
	equal(t, "models", want, list)
	equal(t, "cursors", pages, cursors(t, s)[3:])
}

// Both refuse pages that the API does not give, before any request.
func TestDbtcRefusesLargePages(t *testing.T) {
	t.Parallel()
	s := newWarehouse(1)
	p := newMetadataPeer(t, program(t, "dbtc", "dbtc"), s)
	p.start("metadata", "query", "--query", modelsQuery, "--variables", variables(501)).ends(1).says("ValueError: The maximum page size is 500.")
	client, err := s.Client()
	if err != nil {
		t.Fatal(err)
	}
	err = client.Metadata.Query(t.Context(), modelsQuery, map[string]any{"environmentId": environment, "first": 501}, nil)
	if !errors.Is(err, dbtcloud.ErrInvalid) {
		t.Errorf("ours: %v", err)
	}
	equal(t, "requests", 0, len(s.Requests()))
}

// An answer of errors with status 200 is data to dbtc: it takes the first list that it finds, wherever that is, ends there, and has
// succeeded. Ours is an error.
func TestDbtcTakesErrorsForData(t *testing.T) {
	t.Parallel()
	s := newWarehouse(3)
	second := dbtcloudtest.Fault{Route: "/beta/graphql", After: 1, Kind: dbtcloudtest.GraphQLErrors(http.StatusOK, "Timed out.")}
	s.Inject(second)
	p := newMetadataPeer(t, program(t, "dbtc", "dbtc"), s)
	got := p.run("metadata", "query", "--query", modelsQuery, "--variables", variables(2), "--to-list")
	equal(t, "models, then what is none", `"model.shop.m0000" "model.shop.m0001" `, got.at("*.node.uniqueId"))
	equal(t, "the error among them", `"Timed out."`, got.at("2.message"))

	s.ClearFaults()
	second.Route = "/graphql"
	s.Inject(second)
	client, err := s.Client()
	if err != nil {
		t.Fatal(err)
	}
	vars := map[string]any{"environmentId": environment, "first": 2}
	models := 0
	for _, err = range dbtcloud.QueryAll[dbtcloud.Model](t.Context(), client.Metadata, modelsQuery, vars, "environment.applied.models") {
		if err == nil {
			models++
		}
	}
	if failed, ok := errors.AsType[*dbtcloud.GraphQLError](err); !ok || failed.Errors[0].Message != "Timed out." || models != 2 {
		t.Errorf("ours: %d models, %v", models, err)
	}
}

// The questions that dbtc ships are asked as it asks them: with its documents, and with the nulls that it sends
// for what was not said. Those of recommendations come as a list of pages.
func TestDbtcAsksTheBetaEndpoint(t *testing.T) {
	t.Parallel()
	const model, period = "model.shop.m0000", `"2026-01-01", "2026-01-31"`
	type object = map[string]any
	s := newWarehouse(2)
	s.AddNodes(environment, dbtcloudtest.Node{"uniqueId": "model.shop.orders", "access": "public", "description": "All orders."})
	questions := []struct {
		call, at, want string
		field          string // of the Discovery API
		value          any    // that it has
	}{
		{`column_lineage(environment, "` + model + `")`, "data.column.lineage.*.name", `"id" "amount"`,
			"column.lineage", []object{{"name": "id", "nodeUniqueId": model}, {"name": "amount", "nodeUniqueId": model}}},
		{`mesh_projects(account)`, "data.account.meshProjects.*.projectSummary.totalModels", "3",
			"account.meshProjects", []object{{"projectId": 1, "projectSummary": object{"totalModels": 3}}}},
		{`model_execution_history(environment, ` + period + `, "` + model + `")`, "data.performance.modelExecutionHistory.*.executionTimes", "[1.5,2]",
			"performance.modelExecutionHistory", []object{{"date": "2026-01-01", "executionTimes": []float64{1.5, 2}}}},
		{`most_executed_models(environment, ` + period + `, limit=1)`, "data.performance.mostExecutedModels.*.uniqueId", `"a"`,
			"performance.mostExecutedModels", []object{{"uniqueId": "a"}, {"uniqueId": "b"}}},
		{`longest_executed_models(environment, ` + period + `, order_by="AVG")`, "data.performance.longestExecutedModels.*.averageExecutionTime", "2.5",
			"performance.longestExecutedModels", []object{{"uniqueId": "a", "averageExecutionTime": 2.5}}},
		{`most_failed_models(environment, ` + period + `)`, "data.performance.mostExecutionFailedModels.*.totalFailedExecutions", "4",
			"performance.mostExecutionFailedModels", []object{{"uniqueId": "a", "totalFailedExecutions": 4}}},
		{`most_models_test_failures(environment, ` + period + `)`, "data.performance.mostTestFailedModels.*.totalRunsWithTests", "7",
			"performance.mostTestFailedModels", []object{{"uniqueId": "a", "totalRunsWithTests": 7}}},
		{`model_job_information(environment, ` + period + `, "` + model + `")`, "data.performance.jobInformation.*.name", `"Nightly"`,
			"performance.jobInformation", []object{{"jobId": 1, "name": "Nightly"}}},
		{`recommendations(environment, severity=["high"])`, "0.data.recommendations.rules.edges.*.node.name", `"r1"`,
			"recommendations.rules", []object{{"name": "r1", "severity": "high"}, {"name": "r2", "severity": "low"}}},
		{`public_models(account)`, "data.account.publicModels.edges.*.node.uniqueId", `"model.shop.orders"`, "", nil},
		{`search(environment, "all orders")`, "data.environment.applied.searchResults.edges.*.node.hit.uniqueId", `"model.shop.orders"`, "", nil},
	}
	var calls []string
	for _, q := range questions {
		s.SetDiscovery(q.field, q.value)
		calls = append(calls, "metadata."+q.call)
	}
	p := newMetadataPeer(t, program(t, "dbtc", "python"), s)
	got := p.run("-c", fmt.Sprintf("import dbtc, json\nmetadata, environment, account = dbtc.dbtCloudClient().metadata, %d, %d\nprint(json.dumps([%s]))",
		environment, s.AccountID(), strings.Join(calls, ", ")))
	for i, q := range questions {
		equal(t, q.call, q.want, got.at(fmt.Sprintf("%d.%s", i, q.at)))
	}
	equal(t, "asked", []string{"200 POST /beta/graphql"}, asked(s))
	equal(t, "requests", len(questions), len(s.Requests()))
}
