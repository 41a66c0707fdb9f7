package dbtcloudtest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// betaShop is a shop with public models in two environments, one of another project, and with values for what follows from no nodes.
func betaShop() *dbtcloudtest.Server {
	s := newShop()
	s.AddNodes(production,
		dbtcloudtest.Node{"uniqueId": "model.upstream.customers", "resourceType": "external_model"},
		dbtcloudtest.Node{"uniqueId": "model.shop.report", "access": "public", "parentIds": []string{"model.shop.orders", "model.upstream.customers"}, "rawCode": "SELECT * FROM Orders"})
	s.AddNodes(dbtcloudtest.DefaultEnvironmentID, dbtcloudtest.Node{"uniqueId": "model.ci.orders", "access": "public"}, dbtcloudtest.Node{"uniqueId": "model.ci.private"})
	for path, value := range map[string]any{
		"account.meshProjects":              []object{{"projectId": 1, "isProducer": true, "projectSummary": object{"totalModels": 3}}},
		"performance.mostExecutedModels":    []object{{"uniqueId": "a", "totalExecutions": 3}, {"uniqueId": "b"}, {"uniqueId": "c"}},
		"recommendations.rules":             []object{{"name": "r1", "severity": "high", "category": "x"}, {"name": "r2", "severity": "low"}, {"name": "r3", "severity": "high"}},
		"recommendations.metrics":           []object{{"name": "m", "value": 0.5}},
		"environment.adapterType":           "snowflake",
		"environment.consumerProjects":      []object{{"consumerProjectId": 9, "producerPublicModels": []object{{"uniqueId": "m", "numEdges": 2}}}},
		"applied.recentResourceChanges":     []object{{"uniqueId": "model.shop.orders", "resource": object{"uniqueId": "model.shop.orders", "name": "orders"}}},
		"applied.latestGitSha":              "abc",
		"performance.longestExecutedModels": "nonsense",
		"column.lineage": func(args map[string]any) any {
			return []any{map[string]any{"nodeUniqueId": args["nodeUniqueId"], "environmentId": args["environmentId"], "depth": args["filters"].(map[string]any)["maxDepth"]}}
		},
	} {
		s.SetDiscovery(path, value)
	}
	return s
}

const inPerformance = `query($id: BigInt!) { performance(environmentId: $id) { `

func TestDiscoveryBeta(t *testing.T) {
	t.Parallel()
	s := betaShop()
	tests := []struct{ document, want string }{
		{`{ account(id: 70506183000001) { meshProjects { projectId isProducer isConsumer projectSummary { totalModels macros } dependentProjects { projectId } } } }`,
			`{"account":{"meshProjects":[{"projectId":1,"isProducer":true,"isConsumer":null,"projectSummary":{"totalModels":3,"macros":null},"dependentProjects":null}]}}`},
		{`{ account(id: 1) { meshProjects { projectId } } }`, `{"account":null}`},
		{`{ account(id: 70506183000001) { publicModels(first: 2) { totalCount edges { node { uniqueId environmentId isDefaultEnv environmentDeploymentType dbtCoreProject identifier } } pageInfo { hasNextPage } } } }`,
			`{"account":{"publicModels":{"totalCount":3,"edges":[
			{"node":{"uniqueId":"model.ci.orders","environmentId":70506183000003,"isDefaultEnv":false,"environmentDeploymentType":null,"dbtCoreProject":"ci","identifier":"orders"}},
			{"node":{"uniqueId":"model.shop.orders","environmentId":70506183000004,"isDefaultEnv":true,"environmentDeploymentType":"production","dbtCoreProject":"shop","identifier":"fct_orders"}}
			],"pageInfo":{"hasNextPage":true}}}}`},
		{`query($id: BigInt!) { account(id: 70506183000001) { publicModels(filter: {environmentIds: [$id], dbtCoreProjectName: "shop", uniqueIds: ["model.shop.report"]}) {
			edges { node { name columnCount dependentProjects { projectId } publicAncestors { uniqueId } } } } } }`,
			`{"account":{"publicModels":{"edges":[{"node":{"name":"report","columnCount":null,"dependentProjects":null,
			"publicAncestors":[{"uniqueId":"model.shop.orders"},{"uniqueId":"model.upstream.customers"}]}}]}}}`},
		{inPerformance + `mostExecutedModels(start: "2026-01-01", end: "2026-02-01", limit: 2) { uniqueId totalExecutions } } }`,
			`{"performance":{"mostExecutedModels":[{"uniqueId":"a","totalExecutions":3},{"uniqueId":"b","totalExecutions":null}]}}`},
		{inPerformance + `mostTestFailedModels(start: "2026-01-01", end: "2026-02-01") { uniqueId } } }`, `{"performance":{"mostTestFailedModels":null}}`},
		{`query($id: BigInt!) { recommendations(environmentId: $id) { metrics { name value } rules(first: 1, filter: {severity: ["high"], ruleNames: ["r1", "r3"]}) { totalCount edges { node { name } } pageInfo { hasNextPage } } } }`,
			`{"recommendations":{"metrics":[{"name":"m","value":0.5}],"rules":{"totalCount":2,"edges":[{"node":{"name":"r1"}}],"pageInfo":{"hasNextPage":true}}}}`},
		{`query($id: BigInt!) { column(environmentId: $id) { lineage(nodeUniqueId: "m", filters: {maxDepth: 2}) { nodeUniqueId environmentId depth childColumns } } }`,
			`{"column":{"lineage":[{"nodeUniqueId":"m","environmentId":70506183000004,"depth":2,"childColumns":null}]}}`},
		{`query($id: BigInt!) { environment(id: $id) { adapterType consumerProjects { consumerProjectId producerPublicModels { numEdges uniqueId } } applied { latestGitSha
			recentResourceChanges(numDays: 3) { edges { node { uniqueId resource { __typename name } } } } } } }`,
			`{"environment":{"adapterType":"snowflake","consumerProjects":[{"consumerProjectId":9,"producerPublicModels":[{"numEdges":2,"uniqueId":"m"}]}],
			"applied":{"latestGitSha":"abc","recentResourceChanges":{"edges":[{"node":{"uniqueId":"model.shop.orders","resource":{"__typename":"ModelAppliedStateNestedNode","name":"orders"}}}]}}}}`},
		{`query($id: BigInt!) { environment(id: $id) { applied {
			orders: searchResults(filter: {query: "ORDERS", resourceTypes: [Model]}) { edges { node { matchedField highlight hit { uniqueId __typename } } } }
			columns: searchResults(filter: {query: "amo", fields: [column]}, first: 1) { totalCount edges { node { matchedField highlight } } }
			elsewhere: searchResults(filter: {query: "amo", fields: [name, code]}) { totalCount }
			nothing: searchResults(filter: {query: "orders", tags: ["weekly"]}) { totalCount } } } }`,
			`{"environment":{"applied":{"orders":{"edges":[
			{"node":{"matchedField":"name","highlight":"stg_orders","hit":{"uniqueId":"model.shop.stg_orders","__typename":"ModelAppliedStateNode"}}},
			{"node":{"matchedField":"name","highlight":"orders","hit":{"uniqueId":"model.shop.orders","__typename":"ModelAppliedStateNode"}}},
			{"node":{"matchedField":"code","highlight":"SELECT * FROM Orders","hit":{"uniqueId":"model.shop.report","__typename":"ModelAppliedStateNode"}}}]},
			"columns":{"totalCount":1,"edges":[{"node":{"matchedField":"column","highlight":"amount"}}]},"elsewhere":{"totalCount":0},"nothing":{"totalCount":0}}}}`},
		{`query($id: BigInt!) { environment(id: $id) { applied { models(filter: {uniqueIds: ["model.shop.report"]}) { edges { node { parents { __typename } } } } } } }`,
			`{"environment":{"applied":{"models":{"edges":[{"node":{"parents":[{"__typename":"ModelAppliedStateNestedNode"},{"__typename":"ExternalModelNode"}]}}]}}}}`},
	}
	for _, test := range tests {
		status, body := ask(t, s, test.document, nil)
		if diff := cmp.Diff(decoded(t, test.want), body["data"]); status != 200 || diff != "" || body["errors"] != nil {
			t.Errorf("%s: answered %d %v (-want +got):\n%s", test.document, status, body["errors"], diff)
		}
	}
}

func TestDiscoveryBetaWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	s := betaShop()
	if _, body := ask(t, s, `{ performance(environmentId: 7) { mostQueriedResources(start: "2026-01-01", end: "2026-01-02", resourceType: [model]) { uniqueId } } }`, nil); codes(body)[0] != "NOT_FOUND" {
		t.Errorf("performance of an unknown environment: %v, want NOT_FOUND", body)
	}
	if _, body := ask(t, s, inPerformance+`longestExecutedModels(start: "2026-01-01", end: "2026-01-02") { uniqueId } } }`, nil); codes(body)[0] != "INTERNAL_SERVER_ERROR" {
		t.Errorf("a value that does not fit the schema: %v, want an error", body)
	}
	s.SetDiscovery("applied.recentResourceChanges", object{"edges": []any{}, "pageInfo": object{}})
	if got := of(t, s, "applied", `recentResourceChanges(numDays: 1) { pageInfo { hasNextPage endCursor } }`); !cmp.Equal(any(got), decoded(t, `{"recentResourceChanges":{"pageInfo":{"hasNextPage":false,"endCursor":null}}}`)) {
		t.Errorf("a connection without what it must have: %v, want what is neutral", got)
	}
	s.SetDiscovery("environment.adapterType", nil)
	if _, body := ask(t, s, `query($id: BigInt!) { environment(id: $id) { adapterType } }`, nil); !cmp.Equal(body["data"], decoded(t, `{"environment":{"adapterType":null}}`)) {
		t.Errorf("a value that was taken away: %v, want null", body)
	}
}
