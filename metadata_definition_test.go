package dbtcloud_test

import "github.com/slimci/dbtcloud"

func definitionAskings() []asking {
	ids, tags := []string{"model.shop.Orders"}, []string{"nightly"}
	const chosen, anyRelation = `"uniqueIds":["model.shop.Orders"],"tags":["nightly"]`, `{"uniqueIds":["model.shop.Orders"],"tags":["nightly"],` + relation + `}`
	return []asking{
		listed("ModelDefinitions", "definition", "models", `{`+chosen+`,`+relation+`,"access":"private","group":"finance","modelingLayer":"marts"}`,
			`{"uniqueId":"model.shop.orders","runGeneratedAt":"2026-03-01T10:00:00Z","jobDefinitionId":9,"constraints":[{"type":"primary_key","columns":["id"],"warnUnenforced":true}],"releaseVersion":"latest"}`,
			&dbtcloud.ModelDefinition{UniqueID: "model.shop.orders", RunGeneratedAt: at("2026-03-01T10:00:00Z"), JobDefinitionID: 9, ReleaseVersion: dbtcloud.ReleaseLatest,
				Constraints: []*dbtcloud.ModelConstraint{{Type: "primary_key", Columns: []string{"id"}, WarnUnenforced: new(true)}}},
			dbtcloud.ModelDefinitionFilter{UniqueIDs: ids, Tags: tags, Database: "prod", Schema: "shop", Identifier: "orders_v2", Access: dbtcloud.AccessPrivate, Group: "finance", ModelingLayer: "marts"},
			(*dbtcloud.MetadataService).ModelDefinitions),
		listed("SourceDefinitions", "definition", "sources", `{`+chosen+`,"sourceNames":["erp"],`+relation+`}`,
			`{"uniqueId":"source.shop.erp.orders","sourceDescription":"the ERP"}`, &dbtcloud.SourceDefinition{UniqueID: "source.shop.erp.orders", SourceDescription: "the ERP"},
			dbtcloud.SourceDefinitionFilter{UniqueIDs: ids, Tags: tags, SourceNames: []string{"erp"}, Database: "prod", Schema: "shop", Identifier: "orders_v2"}, (*dbtcloud.MetadataService).SourceDefinitions),
		listed("SeedDefinitions", "definition", "seeds", anyRelation, `{"uniqueId":"seed.shop.countries","runId":3}`, &dbtcloud.SeedDefinition{UniqueID: "seed.shop.countries", RunID: 3},
			dbtcloud.SeedDefinitionFilter{UniqueIDs: ids, Tags: tags, Database: "prod", Schema: "shop", Identifier: "orders_v2"}, (*dbtcloud.MetadataService).SeedDefinitions),
		listed("SnapshotDefinitions", "definition", "snapshots", anyRelation, `{"uniqueId":"snapshot.shop.orders","rawCode":""}`, &dbtcloud.SnapshotDefinition{UniqueID: "snapshot.shop.orders"},
			dbtcloud.SnapshotDefinitionFilter{UniqueIDs: ids, Tags: tags, Database: "prod", Schema: "shop", Identifier: "orders_v2"}, (*dbtcloud.MetadataService).SnapshotDefinitions),
		listed("TestDefinitions", "definition", "tests", `{`+chosen+`}`, `{"uniqueId":"test.shop.u","testType":null,"overrides":{"vars":{"x":1}}}`,
			&dbtcloud.TestDefinition{UniqueID: "test.shop.u", Overrides: map[string]any{"vars": map[string]any{"x": 1.0}}},
			dbtcloud.TestDefinitionFilter{UniqueIDs: ids, Tags: tags}, (*dbtcloud.MetadataService).TestDefinitions),
		listed("ExposureDefinitions", "definition", "exposures", `{`+chosen+`,"exposureType":"dashboard"}`, `{"uniqueId":"exposure.shop.board","freshnessStatus":"Warn"}`,
			&dbtcloud.ExposureDefinition{UniqueID: "exposure.shop.board", FreshnessStatus: dbtcloud.FreshnessWarn},
			dbtcloud.ExposureDefinitionFilter{UniqueIDs: ids, Tags: tags, ExposureType: "dashboard"}, (*dbtcloud.MetadataService).ExposureDefinitions),
		listed("Macros", "definition", "macros", `{"uniqueIds":["model.shop.Orders"],"packageName":"shop"}`, `{"uniqueId":"macro.shop.cents","macroSql":"{% macro %}","arguments":[{"name":"x","type":null}]}`,
			&dbtcloud.Macro{UniqueID: "macro.shop.cents", MacroSQL: "{% macro %}", Arguments: []*dbtcloud.MacroArgument{{Name: "x"}}},
			dbtcloud.MacroFilter{UniqueIDs: ids, PackageName: "shop"}, (*dbtcloud.MetadataService).Macros),
		listed("Metrics", "definition", "metrics", anyRelation, `{"uniqueId":"metric.shop.revenue","label":"Revenue","type":"ratio","typeParams":{"numerator":{"name":"a"}},"filter":null}`,
			&dbtcloud.MetricNode{UniqueID: "metric.shop.revenue", Label: "Revenue", Type: "ratio", TypeParams: map[string]any{"numerator": map[string]any{"name": "a"}}},
			dbtcloud.MetricFilter{UniqueIDs: ids, Tags: tags, Database: "prod", Schema: "shop", Identifier: "orders_v2"}, (*dbtcloud.MetadataService).Metrics),
		listed("SemanticModels", "definition", "semanticModels", anyRelation,
			`{"uniqueId":"semantic_model.shop.orders","entities":[{"name":"order","type":"primary"}],"dimensions":[{"name":"day","typeParams":{"time_granularity":"day"}}],"measures":[{"name":"n","agg":"sum","createMetric":false}]}`,
			&dbtcloud.SemanticModel{UniqueID: "semantic_model.shop.orders", Entities: []*dbtcloud.SemanticModelEntity{{Name: "order", Type: "primary"}},
				Dimensions: []*dbtcloud.SemanticModelDimension{{Name: "day", TypeParams: map[string]any{"time_granularity": "day"}}}, Measures: []*dbtcloud.SemanticModelMeasure{{Name: "n", Agg: "sum", CreateMetric: new(false)}}},
			dbtcloud.SemanticModelFilter{UniqueIDs: ids, Tags: tags, Database: "prod", Schema: "shop", Identifier: "orders_v2"}, (*dbtcloud.MetadataService).SemanticModels),
		listed("SavedQueries", "definition", "savedQueries", anyRelation,
			`{"uniqueId":"saved_query.shop.daily","queryParams":{"metrics":["revenue"],"groupBy":[],"limit":"10","where":{"whereFilters":[{"whereSqlTemplate":"x > 1"}]}},"exports":[{"name":"e","config":{"exportAs":"table"}}]}`,
			&dbtcloud.SavedQuery{UniqueID: "saved_query.shop.daily", QueryParams: &dbtcloud.SavedQueryParams{Metrics: []string{"revenue"}, GroupBy: []string{}, Limit: new(int64(10)),
				Where: &dbtcloud.SavedQueryWhere{WhereFilters: []*dbtcloud.SavedQueryWhereFilter{{WhereSQLTemplate: "x > 1"}}}},
				Exports: []*dbtcloud.SavedQueryExport{{Name: "e", Config: &dbtcloud.SavedQueryExportConfig{ExportAs: "table"}}}},
			dbtcloud.SavedQueryFilter{UniqueIDs: ids, Tags: tags, Database: "prod", Schema: "shop", Identifier: "orders_v2"}, (*dbtcloud.MetadataService).SavedQueries),
		listed("Groups", "definition", "groups", `{"uniqueIds":["model.shop.Orders"]}`, `{"uniqueId":"group.shop.finance","modelCount":0,"models":[{"uniqueId":"model.shop.orders","contractEnforced":true}]}`,
			&dbtcloud.GroupNode{UniqueID: "group.shop.finance", ModelCount: new(int64(0)), Models: []*dbtcloud.RelatedNode{{UniqueID: "model.shop.orders", ContractEnforced: new(true)}}},
			dbtcloud.GroupFilter{UniqueIDs: ids}, (*dbtcloud.MetadataService).Groups),
		listed("ResourceDefinitions", "definition", "resources", `{"types":["Test"],`+chosen+`}`, `{"__typename":"TestDefinitionNode","uniqueId":"test.shop.u","runGeneratedAt":null}`,
			&dbtcloud.ResourceDefinition{Typename: "TestDefinitionNode", UniqueID: "test.shop.u", Test: &dbtcloud.TestDefinition{UniqueID: "test.shop.u"}},
			dbtcloud.ResourceDefinitionFilter{Types: []dbtcloud.ResourceType{dbtcloud.ResourceTest}, UniqueIDs: ids, Tags: tags}, (*dbtcloud.MetadataService).ResourceDefinitions),
	}
}
