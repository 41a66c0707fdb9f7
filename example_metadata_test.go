package dbtcloud_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// production is an environment of the fake.
const production = dbtcloudtest.DefaultDeferringID

// newShop is a fake whose production environment holds a small project: a source, two
// models, a test that fails, and a dashboard.
func newShop() (*dbtcloudtest.Server, *dbtcloud.Client) {
	fake, client := newFake()
	ran := func(status string, seconds float64) map[string]any {
		return map[string]any{"lastRunStatus": status, "executionTime": seconds, "executeCompletedAt": "2026-01-02T06:00:00Z"}
	}
	failed := ran("error", 2.5)
	failed["lastRunError"] = "Database Error: numeric field overflow"
	fake.AddNodes(production,
		dbtcloudtest.Node{"uniqueId": "source.shop.raw.orders", "freshness": map[string]any{"freshnessStatus": "Warn", "freshnessChecked": true}},
		dbtcloudtest.Node{"uniqueId": "model.shop.stg_orders", "parentIds": []string{"source.shop.raw.orders"}, "description": "Orders as they come.", "executionInfo": ran("success", 8)},
		dbtcloudtest.Node{"uniqueId": "model.shop.orders", "parentIds": []string{"model.shop.stg_orders"}, "description": "All orders.", "executionInfo": failed},
		dbtcloudtest.Node{"uniqueId": "test.shop.unique_orders_id.abc", "parentIds": []string{"model.shop.orders"}, "columnName": "id", "executionInfo": ran("fail", 0.5)},
		dbtcloudtest.Node{"uniqueId": "exposure.shop.revenue", "parentIds": []string{"model.shop.orders"}},
	)
	return fake, client
}

// Ask for some fields of the models that failed. What was not asked for stays empty.
func ExampleMetadataService_Models() {
	_, client := newShop()

	failed := dbtcloud.ModelFilter{LastRunStatus: dbtcloud.NodeError}
	for m, err := range client.Metadata.Models(context.Background(), production, failed, dbtcloud.Fields("name", "executionInfo.lastRunError")) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(m.Name, m.ExecutionInfo.LastRunError, m.Description == "")
	}
	// Output: orders Database Error: numeric field overflow true
}

// The members of a struct of yours say what comes back.
func ExampleSelect() {
	_, client := newShop()

	type failure struct {
		Name          string `json:"name"`
		ExecutionInfo struct {
			LastRunError string `json:"lastRunError"`
		} `json:"executionInfo"`
	}
	failed := dbtcloud.ModelFilter{LastRunStatus: dbtcloud.NodeError}
	for f, err := range dbtcloud.Select[failure](context.Background(), client.Metadata, production, failed) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(f.Name, f.ExecutionInfo.LastRunError)
	}
	// Output: orders Database Error: numeric field overflow
}

// A query of yours, page after page of the connection that is named.
func ExampleQueryAll() {
	_, client := newShop()

	const query = `query ($id: BigInt!, $first: Int, $after: String) {
		environment(id: $id) { applied { models(first: $first, after: $after) {
			edges { node { name executionInfo { executionTime } } }
			pageInfo { endCursor hasNextPage }
		} } }
	}`
	type timing struct {
		Name          string
		ExecutionInfo struct{ ExecutionTime float64 }
	}
	variables := map[string]any{"id": production}
	for t, err := range dbtcloud.QueryAll[timing](context.Background(), client.Metadata, query, variables, "environment.applied.models") {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(t.Name, t.ExecutionInfo.ExecutionTime)
	}
	// Output:
	// stg_orders 8
	// orders 2.5
}

// One request, whose data is decoded into a struct of yours.
func ExampleMetadataService_Query() {
	_, client := newShop()

	var data struct {
		Environment struct {
			Applied struct{ Models struct{ TotalCount int } }
		}
	}
	const query = `query ($id: BigInt!) { environment(id: $id) { applied { models(first: 1) { totalCount } } } }`
	if err := client.Metadata.Query(context.Background(), query, map[string]any{"id": production}, &data); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(data.Environment.Applied.Models.TotalCount)
	// Output: 2
}

// A field that does not exist is refused before any request.
func ExampleFields() {
	_, client := newShop()

	_, err := dbtcloud.Collect(client.Metadata.Models(context.Background(), production, dbtcloud.ModelFilter{}, dbtcloud.Fields("executionInfo.lastRunStaus")))
	fmt.Println(errors.Is(err, dbtcloud.ErrInvalid))
	_, text, _ := strings.Cut(err.Error(), "; ")
	fmt.Println(text)
	// Output:
	// true
	// did you mean lastRunStatus or lastRunError or lastRunId?
}

// The errors of an answer, with the server's words, and what to do.
func ExampleGraphQLError() {
	_, client := newShop()

	_, err := client.Metadata.Model(context.Background(), 404, "model.shop.orders")
	if e, ok := errors.AsType[*dbtcloud.GraphQLError](err); ok {
		fmt.Println(e.Errors[0].Message, errors.Is(err, dbtcloud.ErrNotFound))
		advice, _, _ := strings.Cut(e.Hint(), ",")
		fmt.Println(advice)
	}
	// Output:
	// Environment 404 not found true
	// Check the environment id
}

// What would a late source delay, and what does the dashboard stand on?
func ExampleMetadataService_Lineage() {
	_, client := newShop()

	types := []dbtcloud.ResourceType{dbtcloud.ResourceSource, dbtcloud.ResourceModel, dbtcloud.ResourceExposure}
	g, err := client.Metadata.Lineage(context.Background(), production, dbtcloud.LineageFilter{Types: types})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, step := range g.Downstream("source.shop.raw.orders", 0) {
		fmt.Println(step.Distance, step.UniqueID)
	}
	for _, step := range g.Upstream("exposure.shop.revenue", 1) {
		fmt.Println("the dashboard reads", step.Name)
	}
	// Output:
	// 1 model.shop.stg_orders
	// 2 model.shop.orders
	// 3 exposure.shop.revenue
	// the dashboard reads orders
}

// Nodes from anywhere make a graph: here one reads a model of another project.
func ExampleNewGraph() {
	g := dbtcloud.NewGraph([]*dbtcloud.LineageNode{
		{UniqueID: "model.shop.report", ParentIDs: []string{"model.shop.orders"}},
		{UniqueID: "model.shop.orders", PublicParentIDs: []string{"model.crm.customers"}},
	})
	order, err := g.TopoSort()
	if err != nil {
		fmt.Println(err) // a cycle, whose members it names
		return
	}
	for _, n := range order {
		fmt.Println(n.UniqueID, n.Absent)
	}
	// Output:
	// model.crm.customers true
	// model.shop.orders false
	// model.shop.report false
}

// How far can a model be trusted, and why not further?
func ExampleMetadataService_ModelHealth() {
	_, client := newShop()

	health, err := client.Metadata.ModelHealth(context.Background(), production, "model.shop.orders")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(health.Health)
	for _, reason := range health.Reasons {
		if reason.Health == dbtcloud.HealthDegraded {
			fmt.Println(reason.Issue, reason.UniqueID)
		}
	}
	// Output:
	// Degraded
	// LastRunFailed model.shop.orders
	// FailedTest test.shop.unique_orders_id.abc
}

// What one run of a job left behind. Its metadata appear a while after its end.
func ExampleMetadataService_Job() {
	fake, client := newShop()
	ctx := context.Background()
	jobID := fake.AddJob(dbtcloudtest.JobSpec{Name: "nightly", JobType: "other", EnvironmentID: production})
	runID := fake.AddRun(dbtcloudtest.RunSpec{JobID: jobID})
	fake.FinishRun(runID, dbtcloudtest.Error)

	job := client.Metadata.Job(jobID, runID)
	if err := job.Wait(ctx, often); err != nil {
		fmt.Println(err)
		return
	}
	for m, err := range job.Models(ctx, dbtcloud.JobModelFilter{}, dbtcloud.Fields("name", "status")) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(m.Name, m.Status)
	}
	// Output:
	// stg_orders success
	// orders error
}

// The queries of the beta endpoint stand apart: they may change without notice.
func ExampleMetadataService_Beta() {
	fake, client := newShop()
	fake.SetDiscovery("recommendations.rules", []map[string]any{
		{"name": "Unique primary keys", "severity": "high", "uniqueId": "model.shop.stg_orders", "description": "The model has no test of its key."},
	})

	for r, err := range client.Metadata.Beta().Recommendations(context.Background(), production, dbtcloud.RecommendationFilter{}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(r.Severity, r.UniqueID, r.Description)
	}
	// Output: high model.shop.stg_orders The model has no test of its key.
}

// Which tests fail?
func ExampleMetadataService_FailingTests() {
	_, client := newShop()

	for t, err := range client.Metadata.FailingTests(context.Background(), production) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(t.UniqueID, t.ColumnName, t.ExecutionInfo.LastRunStatus)
	}
	// Output: test.shop.unique_orders_id.abc id fail
}
