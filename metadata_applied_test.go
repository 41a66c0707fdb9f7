package dbtcloud_test

import (
	"context"
	"iter"

	"github.com/slimci/dbtcloud"
)

// listed is a table's row for a method that lists nodes of T by a filter of type F.
func listed[T, F any](name, state, list, vars, node string, want *T, filter F,
	call func(*dbtcloud.MetadataService, context.Context, int64, F, ...dbtcloud.QueryOption) iter.Seq2[*T, error]) asking {
	return asking{
		name: name, vars: `{"filter":` + vars + `}`, answer: page(state, list, node), want: []*T{want},
		asks: "{ environment(id: $environmentId) { " + state + " { " + list + "(first: $first, after: $after, filter: $filter",
		call: func(ctx context.Context, m *dbtcloud.MetadataService, environmentID int64) (any, error) {
			return dbtcloud.Collect(call(m, ctx, environmentID, filter))
		},
	}
}

const relation = `"database":"prod","schema":"shop","identifier":"orders_v2"`

func appliedAskings() []asking {
	ids, tags := []string{"model.shop.Orders"}, []string{"nightly"}
	models := listed("Models", "applied", "models",
		`{"uniqueIds":["model.shop.Orders"],"tags":["nightly"],"lastRunStatus":"error","packageName":"shop",`+relation+`,"access":"public","group":"finance","modelingLayer":"marts"}`,
		`{"uniqueId":"model.shop.Orders","name":"Orders","description":null,"access":"public","alias":"orders_v2","tags":[],"meta":{"owner":{"team":1}},"accountId":"70506183000001","environmentId":5,
			"materializedType":"incremental","packages":["dbt_utils"],"deprecationDate":null,"contractEnforced":false,"version":null,"later":{"x":[null]},
			"executionInfo":{"lastRunStatus":"reused","executionTime":1.5,"lastRunId":"70506183629193","lastJobDefinitionId":null,"executeCompletedAt":"2026-03-01T10:00:00.123Z","lastRunError":null}}`,
		&dbtcloud.Model{UniqueID: "model.shop.Orders", Name: "Orders", Access: dbtcloud.AccessPublic, Alias: "orders_v2", Tags: []string{}, Meta: map[string]any{"owner": map[string]any{"team": 1.0}},
			AccountID: 70506183000001, EnvironmentID: 5, MaterializedType: "incremental", Packages: []string{"dbt_utils"}, ContractEnforced: new(false),
			ExecutionInfo: &dbtcloud.ExecutionInfo{LastRunStatus: dbtcloud.NodeReused, ExecutionTime: new(1.5), LastRunID: 70506183629193, ExecuteCompletedAt: at("2026-03-01T10:00:00.123Z")}},
		dbtcloud.ModelFilter{UniqueIDs: ids, Tags: tags, LastRunStatus: dbtcloud.NodeError, PackageName: "shop", Database: "prod", Schema: "shop", Identifier: "orders_v2",
			Access: dbtcloud.AccessPublic, Group: "finance", ModelingLayer: "marts", Sort: dbtcloud.ModelSort{Field: dbtcloud.SortByRowCount}},
		(*dbtcloud.MetadataService).Models)
	models.asks, models.vars = models.asks+", sort: $sort)", `{"sort":{"field":"rowCount","direction":"asc"},`+models.vars[1:]
	return []asking{
		models,
		listed("Sources", "applied", "sources",
			`{"uniqueIds":["model.shop.Orders"],"tags":["nightly"],"sourceNames":["erp"],"freshnessStatus":"Outdated","freshnessChecked":false,`+relation+`}`,
			`{"uniqueId":"source.shop.erp.orders","sourceName":"erp","loader":null,"freshness":{"freshnessStatus":"Quantum","freshnessChecked":true,"maxLoadedAtTimeAgoInS":3600.25,"snapshottedAt":"2026-03-01T10:00:00Z",
				"freshnessRunId":9,"maxLoadedAt":null,"criteria":{"errorAfter":{"count":12,"period":"hour"},"warnAfter":null}},"catalog":{"uniqueId":"source.shop.erp.orders","rowCountStat":"9007199254740993","bytesStat":null,"stats":[{"id":"rows","value":3},null]}}`,
			&dbtcloud.Source{UniqueID: "source.shop.erp.orders", SourceName: "erp", Freshness: &dbtcloud.Freshness{FreshnessStatus: "Quantum", FreshnessChecked: new(true), MaxLoadedAtTimeAgoInS: new(3600.25),
				SnapshottedAt: at("2026-03-01T10:00:00Z"), FreshnessRunID: 9, Criteria: &dbtcloud.FreshnessCriteria{ErrorAfter: &dbtcloud.FreshnessPeriod{Count: new(int64(12)), Period: dbtcloud.PeriodHour}}},
				Catalog: &dbtcloud.Catalog{UniqueID: "source.shop.erp.orders", RowCountStat: new(int64(9007199254740993)), Stats: []*dbtcloud.CatalogStat{{ID: "rows", Value: 3.0}, nil}}},
			dbtcloud.SourceFilter{UniqueIDs: ids, Tags: tags, SourceNames: []string{"erp"}, FreshnessStatus: dbtcloud.FreshnessOutdated, FreshnessChecked: new(false), Database: "prod", Schema: "shop", Identifier: "orders_v2"},
			(*dbtcloud.MetadataService).Sources),
		listed("Seeds", "applied", "seeds", `{"uniqueIds":["model.shop.Orders"],"tags":["nightly"],`+relation+`}`,
			`{"uniqueId":"seed.shop.countries","executionInfo":{"lastRunStatus":"success","lastRunSkip":false},"tests":[{"uniqueId":"test.shop.u","testType":"GENERIC_DATA_TEST","testMetadata":{"name":"unique","kwargs":{"column_name":"id"}}}]}`,
			&dbtcloud.Seed{UniqueID: "seed.shop.countries", ExecutionInfo: &dbtcloud.ExecutionInfo{LastRunStatus: dbtcloud.NodeSuccess, LastRunSkip: new(false)},
				Tests: []*dbtcloud.NestedTest{{UniqueID: "test.shop.u", TestType: dbtcloud.TestGeneric, TestMetadata: &dbtcloud.TestMetadata{Name: "unique", Kwargs: map[string]any{"column_name": "id"}}}}},
			dbtcloud.SeedFilter{UniqueIDs: ids, Tags: tags, Database: "prod", Schema: "shop", Identifier: "orders_v2"}, (*dbtcloud.MetadataService).Seeds),
		listed("Snapshots", "applied", "snapshots", `{"uniqueIds":["model.shop.Orders"],"tags":["nightly"],`+relation+`}`,
			`{"uniqueId":"snapshot.shop.orders","executionInfo":null,"columnCount":3,"fqn":["shop","orders"]}`,
			&dbtcloud.Snapshot{UniqueID: "snapshot.shop.orders", ColumnCount: new(int64(3)), FQN: []string{"shop", "orders"}},
			dbtcloud.SnapshotFilter{UniqueIDs: ids, Tags: tags, Database: "prod", Schema: "shop", Identifier: "orders_v2"}, (*dbtcloud.MetadataService).Snapshots),
		listed("Tests", "applied", "tests",
			`{"uniqueIds":["model.shop.Orders"],"tags":["nightly"],"testTypes":["UNIT_TEST"],"lastKnownResults":["fail","warn"],"status":"error"}`,
			`{"uniqueId":"test.shop.u","testType":"UNIT_TEST","lastKnownResult":"fail","given":[{"input":"ref('a')"}],"expect":{"rows":[]},"numGiven":0,"executionInfo":{"lastRunStatus":"skipped","lastRunFailures":"17"}}`,
			&dbtcloud.Test{UniqueID: "test.shop.u", TestType: dbtcloud.TestUnit, LastKnownResult: dbtcloud.NodeFail, Given: []map[string]any{{"input": "ref('a')"}}, Expect: map[string]any{"rows": []any{}},
				NumGiven: new(int64(0)), ExecutionInfo: &dbtcloud.ExecutionInfo{LastRunStatus: dbtcloud.NodeSkipped, LastRunFailures: new(int64(17))}},
			dbtcloud.TestFilter{UniqueIDs: ids, Tags: tags, TestTypes: []dbtcloud.TestType{dbtcloud.TestUnit}, LastKnownResults: []dbtcloud.NodeStatus{dbtcloud.NodeFail, dbtcloud.NodeWarn}, Status: "error"},
			(*dbtcloud.MetadataService).Tests),
		listed("Exposures", "applied", "exposures", `{"uniqueIds":["model.shop.Orders"],"tags":["nightly"],"exposureType":"dashboard"}`,
			`{"uniqueId":"exposure.shop.board","url":"https://bi.example.com","ownerEmail":"a@example.com","manifestGeneratedAt":"2026-03-01 10:00:00","parents":[{"uniqueId":"model.shop.orders","__typename":"ModelAppliedStateNestedNode"}]}`,
			&dbtcloud.Exposure{UniqueID: "exposure.shop.board", URL: "https://bi.example.com", OwnerEmail: "a@example.com", ManifestGeneratedAt: at("2026-03-01T10:00:00Z"),
				Parents: []*dbtcloud.RelatedNode{{UniqueID: "model.shop.orders"}}},
			dbtcloud.ExposureFilter{UniqueIDs: ids, Tags: tags, ExposureType: "dashboard"}, (*dbtcloud.MetadataService).Exposures),
		listed("Resources", "applied", "resources", `{"types":["Model","Macro"],"uniqueIds":["model.shop.Orders"],"tags":["nightly"]}`,
			`{"__typename":"MacroDefinitionNode","uniqueId":"macro.shop.cents","resourceType":"macro","accountId":"70506183000001"}`,
			&dbtcloud.Resource{Typename: "MacroDefinitionNode", UniqueID: "macro.shop.cents", ResourceType: "macro", AccountID: 70506183000001,
				Macro: &dbtcloud.Macro{UniqueID: "macro.shop.cents", ResourceType: "macro", AccountID: 70506183000001}},
			dbtcloud.ResourceFilter{Types: []dbtcloud.ResourceType{dbtcloud.ResourceModel, dbtcloud.ResourceMacro}, UniqueIDs: ids, Tags: tags}, (*dbtcloud.MetadataService).Resources),
	}
}
