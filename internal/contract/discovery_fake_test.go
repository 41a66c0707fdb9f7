package contract

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	gqlvalidator "github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// exchangeWith sends a body to the fake's Discovery API, and returns the status and the answer.
func exchangeWith(t *testing.T, server *dbtcloudtest.Server, path string, body []byte) (int, map[string]any) {
	t.Helper()
	req := try(http.NewRequestWithContext(t.Context(), http.MethodPost, "https://metadata.cloud.getdbt.com"+path, bytes.NewReader(body))).must(t)
	req.Header.Set("Authorization", "Bearer "+server.Token())
	res := try(server.Transport().RoundTrip(req)).must(t)
	defer func() { _ = res.Body.Close() }()
	raw := try(io.ReadAll(res.Body)).must(t)
	answer := map[string]any{}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	noError(t, decoder.Decode(&answer))
	return res.StatusCode, answer
}

// sent is a document with its variables.
type sent struct{ name, path, query, variables string }

func (s sent) body() []byte {
	variables := s.variables
	if variables == "" {
		variables = "{}"
	}
	return []byte(`{"query": ` + strconv.Quote(s.query) + `, "variables": ` + variables + `}`)
}

// refused are documents that no server of the schema takes.
func refused() []sent {
	const (
		models  = `query ($id: BigInt!, $filter: ModelAppliedFilter, $first: Int, $sort: AppliedModelSort) {environment(id: $id) {applied {models(filter: $filter, first: $first, sort: $sort) {totalCount}}}}`
		changes = `query ($days: Int!) {environment(id: 1) {applied {recentResourceChanges(numDays: $days) {totalCount}}}}`
	)
	node := func(fields string) string {
		return `{environment(id: 1) {applied {models {edges {node {` + fields + `}}}}}}`
	}
	const unaliased = `{environment(id: 1) {applied {resources(filter: {types: [Model, Seed]}) {edges {node {
		... on ModelAppliedStateNode {executionInfo {lastRunStatus}} ... on SeedAppliedStateNode {executionInfo {lastRunStatus}}}}}}}}`
	return []sent{
		{"no query", stablePath, ``, ``},
		{"syntax", stablePath, `{environment(id: 1) {`, ``},
		{"only a fragment", stablePath, `fragment f on Query {__typename}`, ``},
		{"mutation", stablePath, `mutation {environment(id: 1) {dbtProjectName}}`, ``},
		{"subscription", stablePath, `subscription {environment(id: 1) {dbtProjectName}}`, ``},
		{"two nameless operations", stablePath, `{__typename} {__typename}`, ``},
		{"two operations of a name", stablePath, `query a {__typename} query a {__typename}`, ``},
		{"unknown root", stablePath, `{environments(id: 1) {dbtProjectName}}`, ``},
		{"unknown field", stablePath, `{environment(id: 1) {name}}`, ``},
		{"unknown field of a node", stablePath, node(`uniqueID`), ``},
		{"unknown field in a fragment", stablePath, node(`parents {... on SourceAppliedStateNestedNode {materializedType}}`), ``},
		{"field of one kind asked of all", stablePath, node(`parents {loader}`), ``},
		{"field that the lineage has not", stablePath, `{environment(id: 1) {applied {lineage(filter: {types: [Model]}) {uniqueId description}}}}`, ``},
		{"object without fields", stablePath, node(`executionInfo`), ``},
		{"fields of a plain value", stablePath, node(`uniqueId {length}`), ``},
		{"unknown argument", stablePath, `{environment(id: 1) {applied {models(limit: 5) {totalCount}}}}`, ``},
		{"argument twice", stablePath, `{environment(id: 1, id: 2) {dbtProjectName}}`, ``},
		{"missing argument", stablePath, `{environment {dbtProjectName}}`, ``},
		{"missing filter", stablePath, `{environment(id: 1) {applied {resources {totalCount}}}}`, ``},
		{"missing types of ancestors", stablePath, node(`ancestors {name}`), ``},
		{"types of ancestors that have none", stablePath, `{environment(id: 1) {definition {metrics {edges {node {ancestors(types: [Model]) {name}}}}}}}`, ``},
		{"text for an id", stablePath, `{environment(id: "one") {dbtProjectName}}`, ``},
		{"fraction for an id", stablePath, `{environment(id: 1.5) {dbtProjectName}}`, ``},
		{"null for an id", stablePath, `{environment(id: null) {dbtProjectName}}`, ``},
		{"text for a number", stablePath, `{environment(id: 1) {applied {models(first: "5") {totalCount}}}}`, ``},
		{"number for a text", stablePath, `{environment(id: 1) {applied {models(filter: {group: 5}) {totalCount}}}}`, ``},
		{"text for an object", stablePath, `{environment(id: 1) {applied {models(filter: "x") {totalCount}}}}`, ``},
		{"text for an enum", stablePath, `{environment(id: 1) {applied {models(filter: {access: "public"}) {totalCount}}}}`, ``},
		{"unknown value of an enum", stablePath, `{environment(id: 1) {applied {models(filter: {access: open}) {totalCount}}}}`, ``},
		{"unknown member of a filter", stablePath, `{environment(id: 1) {applied {models(filter: {name: "x"}) {totalCount}}}}`, ``},
		{"missing member of a filter", stablePath, `{environment(id: 1) {applied {resources(filter: {}) {totalCount}}}}`, ``},
		{"missing member of a sort", stablePath, `{environment(id: 1) {applied {models(sort: {field: rowCount}) {totalCount}}}}`, ``},
		{"one name for two types", stablePath, unaliased, ``},
		{"one name for two nullabilities", stablePath, node(`parents {... on ModelAppliedStateNestedNode {executionInfo {executionTime}} ... on SeedAppliedStateNestedNode {executionInfo {executionTime}}}`), ``},
		{"one name for two fields", stablePath, node(`a: name a: uniqueId`), ``},
		{"one name for two lists", stablePath, node(`ancestors(types: [Model]) {name} ancestors(types: [Seed]) {name}`), ``},
		{"impossible fragment", stablePath, node(`... on SeedAppliedStateNode {uniqueId}`), ``},
		{"impossible fragment in a list", stablePath, node(`parents {... on ModelDefinitionNestedNode {name}}`), ``},
		{"fragment on an unknown type", stablePath, node(`... on ModelAppliedNode {uniqueId}`), ``},
		{"fragment on a plain value", stablePath, node(`... on String {length}`), ``},
		{"unknown fragment", stablePath, node(`...all`), ``},
		{"unused fragment", stablePath, `{__typename} fragment all on Query {__typename}`, ``},
		{"endless fragment", stablePath, `{...all} fragment all on Query {...all}`, ``},
		{"unknown directive", stablePath, node(`uniqueId @client`), ``},
		{"directive out of place", stablePath, `query @skip(if: true) {__typename}`, ``},
		{"undefined variable", stablePath, `{environment(id: $id) {dbtProjectName}}`, `{"id": 1}`},
		{"unused variable", stablePath, `query ($id: BigInt!) {__typename}`, `{"id": 1}`},
		{"variable twice", stablePath, `query ($id: BigInt!, $id: BigInt!) {environment(id: $id) {dbtProjectName}}`, `{"id": 1}`},
		{"variable of an unknown type", stablePath, `query ($id: ID64!) {environment(id: $id) {dbtProjectName}}`, `{"id": 1}`},
		{"variable of an object type", stablePath, `query ($id: Environment) {environment(id: $id) {dbtProjectName}}`, `{"id": 1}`},
		{"variable of another type", stablePath, `query ($id: Int!) {environment(id: $id) {dbtProjectName}}`, `{"id": 1}`},
		{"variable that may be null", stablePath, `query ($id: BigInt) {environment(id: $id) {dbtProjectName}}`, `{"id": 1}`},
		{"value absent", stablePath, models, `{}`},
		{"value null", stablePath, models, `{"id": null}`},
		{"value is text", stablePath, models, `{"id": "one"}`},
		{"value is an object", stablePath, models, `{"id": {}}`},
		{"value is a list", stablePath, models, `{"id": [1]}`},
		{"value is text for Int", stablePath, models, `{"id": 1, "first": "5"}`},
		{"value is a fraction for Int", stablePath, models, `{"id": 1, "first": 1.5}`},
		{"value is text for a filter", stablePath, models, `{"id": 1, "filter": "x"}`},
		{"value has an unknown member", stablePath, models, `{"id": 1, "filter": {"name": "x"}}`},
		{"value has a number for a text", stablePath, models, `{"id": 1, "filter": {"group": 1}}`},
		{"value has a null in a list", stablePath, models, `{"id": 1, "filter": {"tags": [null]}}`},
		{"value has an unknown enum", stablePath, models, `{"id": 1, "filter": {"access": "open"}}`},
		{"value has an enum in another case", stablePath, models, `{"id": 1, "filter": {"access": "PUBLIC"}}`},
		{"value lacks a member", stablePath, models, `{"id": 1, "sort": {"field": "rowCount"}}`},
		{"beta field", stablePath, node(`usageQueryCount`), ``},
		{"beta root", stablePath, `{account(id: 1) {meshProjects {projectId}}}`, ``},
		{"beta list", stablePath, changes, `{"days": 1}`},
		{"value absent on beta", betaPath, changes, `{}`},
		{"unknown field on beta", betaPath, `{account(id: 1) {projects {projectId}}}`, ``},
		{"no date", betaPath, `query ($d: Date!) {performance(environmentId: 1) {mostExecutedModels(start: $d, end: $d) {uniqueId}}}`, `{"d": "today"}`},
		{"deprecated root", stablePath, `{models(jobId: 1) {uniqueId}}`, ``},
	}
}

// taken are documents that a server of the schema takes, though some of them are not what the SDK would send.
func taken() []sent {
	const models = `query ($id: BigInt!, $filter: ModelAppliedFilter, $first: Int = 5) {environment(id: $id) {applied {models(filter: $filter, first: $first) {totalCount}}}}`
	return []sent{
		{"name of the root", stablePath, `{__typename}`, ``},
		{"names of the schema", stablePath, `{__schema {queryType {name}} __type(name: "JobNode") {fields {name}}}`, ``},
		{"id as a number", stablePath, models, `{"id": 1}`},
		{"id as text", stablePath, models, `{"id": "1"}`},
		{"null for nothing", stablePath, models, `{"id": 1, "filter": null}`},
		{"null in a filter", stablePath, models, `{"id": 1, "filter": {"tags": null}}`},
		{"one for a list", stablePath, models, `{"id": 1, "filter": {"tags": "x"}}`},
		{"unknown variable", stablePath, models, `{"id": 1, "more": 2}`},
		{"aliased", stablePath, `{environment(id: 1) {applied {resources(filter: {types: Model}) {edges {node {__typename
			... on ModelAppliedStateNode {model: executionInfo {lastRunStatus}} ... on SeedAppliedStateNode {seed: executionInfo {lastRunStatus}}}}}}}}`, ``},
		{"parents in fragments", stablePath, `{environment(id: 1) {applied {lineage(filter: {}) {... on LineageNodeWithParents {parentIds} ... on ModelLineageNode {publicParentIds}}}}}`, ``},
		{"left out", stablePath, `query ($no: Boolean!) {environment(id: 1) {dbtProjectName @include(if: $no) adapterType @skip(if: true)}}`, `{"no": false}`},
		{"named fragments", stablePath, `query q {environment(id: 1) {...e}} fragment e on Environment {applied {...a}} fragment a on AppliedState {lastUpdatedAt}`, ``},
		{"a model of a job", stablePath, `{job(id: 1, runId: 2) {model(uniqueId: "x") {name} models {name}}}`, ``},
		{"beta", betaPath, `{account(id: 1) {meshProjects {projectId}}}`, ``},
		{"stable on beta", betaPath, models, `{"id": 1}`},
	}
}

// TestFakeRefusesWhatTheSchemaRefuses sends documents that the reference refuses to the fake.
func TestFakeRefusesWhatTheSchemaRefuses(t *testing.T) {
	t.Parallel()
	g, server := loadGraph(t), dbtcloudtest.New()
	server.AddNodes(1)
	for _, bad := range refused() {
		t.Run(bad.name, func(t *testing.T) {
			t.Parallel()
			if len(g.judge(bad.path, bad.body()).wrong) == 0 {
				t.Error("the reference takes it, so it shows nothing")
			}
			status, answer := exchangeWith(t, server, bad.path, bad.body())
			errs, _ := answer["errors"].([]any)
			if status != http.StatusBadRequest || len(errs) == 0 || answer["data"] != nil {
				t.Errorf("the fake answers %d %v", status, answer)
			}
			for _, e := range errs {
				if text, _ := e.(map[string]any)["message"].(string); strings.TrimSpace(text) == "" {
					t.Errorf("an error says nothing: %v", e)
				}
			}
		})
	}
}

// TestFakeTakesWhatTheSchemaTakes sends documents that the reference takes to the fake.
func TestFakeTakesWhatTheSchemaTakes(t *testing.T) {
	t.Parallel()
	g, server := loadGraph(t), dbtcloudtest.New()
	server.AddNodes(1)
	for _, good := range taken() {
		t.Run(good.name, func(t *testing.T) {
			t.Parallel()
			var q struct{ Variables map[string]any }
			noError(t, json.Unmarshal(good.body(), &q))
			doc, errs := gqlparser.LoadQueryWithRules(g.Schema, good.query, rules.NewDefaultRules())
			if len(errs) > 0 {
				t.Fatalf("the reference refuses it: %v", errs)
			}
			if _, err := gqlvalidator.VariableValues(g.Schema, doc.Operations[0], q.Variables); err != nil {
				t.Fatalf("the reference refuses its variables: %v", err)
			}
			if status, answer := exchangeWith(t, server, good.path, good.body()); status != http.StatusOK {
				t.Errorf("the fake answers %d %v", status, answer)
			}
		})
	}
}
