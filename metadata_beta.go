package dbtcloud

import (
	"context"
	"encoding/json"
	"iter"
	"strings"
)

// MetadataBeta asks what only the beta endpoint of the Discovery API answers: it may
// change without notice. It has the limits and the errors of the service that it comes
// from, [MetadataService.Beta].
type MetadataBeta struct{ s *MetadataService }

// Beta asks the beta endpoint.
func (s *MetadataService) Beta() *MetadataBeta {
	return &MetadataBeta{&MetadataService{c: s.c, beta: true}}
}

// Query sends a query to the beta endpoint. See [MetadataService.Query].
// API: Discovery (beta).
func (b *MetadataBeta) Query(ctx context.Context, query string, variables map[string]any, out any) error {
	return b.s.Query(ctx, query, variables, out)
}

// QueryAll follows a list of the beta endpoint and returns the JSON of its items. See the
// function [QueryAll].
// API: Discovery (beta).
func (b *MetadataBeta) QueryAll(ctx context.Context, query string, variables map[string]any, connection string) iter.Seq2[*json.RawMessage, error] {
	return QueryAll[json.RawMessage](ctx, b.s, query, variables, connection)
}

// ColumnLineage tells where the columns of a node come from and go to.
// API: Discovery (beta), column.lineage.
func (b *MetadataBeta) ColumnLineage(ctx context.Context, environmentID int64, uniqueID string, f ColumnLineageFilter) ([]*ColumnLineageNode, error) {
	filters := inputObject{}
	if f.ColumnName != "" {
		filters["columnName"] = f.ColumnName
	}
	if f.MaxDepth > 0 {
		filters["maxDepth"] = f.MaxDepth
	}
	if f.ErrorsOnly {
		filters["isError"] = true
	}
	q := question{
		name: "ColumnLineage", root: "column", id: environmentID, field: "lineage",
		want: `accountId projectId environmentId runId nodeUniqueId uniqueId name parentColumns childColumns relationship isError error errorCategory`,
	}
	q.uniqueID("nodeUniqueId", uniqueID)
	q.refuse(f.MaxDepth < 0, "MaxDepth must not be negative, but is %d", f.MaxDepth)
	q.args = append(q.args, argument{"filters", "ColumnLineageFilter", filters.orNil()})
	return askAll[ColumnLineageNode](ctx, b.s, q)
}

// MeshProjects tells which projects of the client's account share models with which.
// API: Discovery (beta), account.meshProjects.
func (b *MetadataBeta) MeshProjects(ctx context.Context) ([]*MeshProject, error) {
	const project = `dbtCoreProject dbtCloudProject projectId defaultEnvironmentId isProducer isConsumer`
	return askAll[MeshProject](ctx, b.s, question{
		name: "MeshProjects", root: "account", id: b.s.c.accountID, field: "meshProjects",
		want: project + ` projectSummary { totalNodes totalModels publicModels sources seeds snapshots tests macros exposures metrics semanticModels } ` +
			`dependentProjects { ` + project + ` }`,
	})
}

// PublicModels are the models of the client's account that other projects may use.
// API: Discovery (beta), account.publicModels.
func (b *MetadataBeta) PublicModels(ctx context.Context, f PublicModelFilter) iter.Seq2[*PublicModel, error] {
	filter := inputObject{}
	if f.DbtCoreProject != "" {
		filter["dbtCoreProjectName"] = f.DbtCoreProject
	}
	if f.ProjectID != 0 {
		filter["projectId"] = f.ProjectID
	}
	addList(filter, "environmentIds", f.EnvironmentIDs)
	addList(filter, "uniqueIds", f.UniqueIDs)
	const model = `uniqueId name description dbtCoreProject database schema identifier relationName materializationType lastRunStatus ` +
		`healthIssues group latestVersion packageName fqn environmentDeploymentType isDefaultEnv runGeneratedAt accountId projectId environmentId`
	q := question{
		name: "PublicModels", root: "account", id: b.s.c.accountID, field: "publicModels",
		args: []argument{{"filter", "PublicModelsFilter", filter.orNil()}},
		want: model + ` columnCount deprecationDate dependentProjects { dbtCoreProject projectId environmentId defaultEnvironmentId dependentModelsCount } ` +
			`publicAncestors { ` + model + ` }`,
		by: cursors,
	}
	q.refuse(f.ProjectID < 0, "ProjectID must be positive, not %d", f.ProjectID)
	for _, id := range f.EnvironmentIDs {
		q.refuse(id <= 0, "EnvironmentIDs: an id must be positive, not %d", id)
	}
	return askPages[PublicModel](ctx, b.s, q)
}

// Search are the resources in which a query is found.
// API: Discovery (beta), environment.applied.searchResults.
func (b *MetadataBeta) Search(ctx context.Context, environmentID int64, f SearchFilter) iter.Seq2[*SearchResult, error] {
	filter := inputObject{"query": f.Query}
	addList(filter, "fields", f.Fields)
	addList(filter, "resourceTypes", f.ResourceTypes)
	addList(filter, "accessLevels", f.AccessLevels)
	addList(filter, "materializationTypes", f.MaterializationTypes)
	addList(filter, "modelingLayers", f.ModelingLayers)
	addList(filter, "tags", f.Tags)
	q := question{
		name: "Search", root: "environment", id: environmentID, above: "applied", field: "searchResults",
		args: []argument{{"filter", "SearchQueryFilter!", filter}},
		want: `matchedField highlight hit { uniqueId name resourceType description filePath tags meta accountId projectId environmentId }`,
		by:   cursors,
	}
	q.refuse(strings.TrimSpace(f.Query) == "", "Query is empty: say what to look for")
	return askPages[SearchResult](ctx, b.s, q)
}

// RecentChanges are the resources that changed in the last days.
// API: Discovery (beta), environment.applied.recentResourceChanges.
func (b *MetadataBeta) RecentChanges(ctx context.Context, environmentID int64, days int) iter.Seq2[*ResourceChange, error] {
	q := question{
		name: "RecentChanges", root: "environment", id: environmentID, above: "applied", field: "recentResourceChanges",
		args: []argument{{"numDays", "Int!", days}},
		want: `uniqueId changes mostRecentChangedAt gitSha jobDefinitionId runId accountId projectId environmentId ` +
			`resource { uniqueId name resourceType description filePath fqn }`,
		by: pageInfos,
	}
	q.refuse(days <= 0, "the number of days must be positive, not %d", days)
	return askPages[ResourceChange](ctx, b.s, q)
}

// ConsumerProjects tells which projects use public models of an environment.
// API: Discovery (beta), environment.consumerProjects.
func (b *MetadataBeta) ConsumerProjects(ctx context.Context, environmentID int64) ([]*ConsumerProject, error) {
	return askAll[ConsumerProject](ctx, b.s, question{
		name: "ConsumerProjects", root: "environment", id: environmentID, field: "consumerProjects",
		want: `consumerCoreProject consumerCloudProject consumerProjectId consumerEnvironmentId producerPublicModels { uniqueId numEdges }`,
	})
}

// Recommendations are the rules of good practice that resources break, with the resources.
// API: Discovery (beta), recommendations.rules.
func (b *MetadataBeta) Recommendations(ctx context.Context, environmentID int64, f RecommendationFilter) iter.Seq2[*Recommendation, error] {
	filter := inputObject{}
	addList(filter, "severity", f.Severities)
	addList(filter, "categories", f.Categories)
	addList(filter, "ruleNames", f.RuleNames)
	addList(filter, "uniqueIds", f.UniqueIDs)
	return askPages[Recommendation](ctx, b.s, question{
		name: "Recommendations", root: "recommendations", id: environmentID, field: "rules",
		args: []argument{{"filter", "RuleFilter", filter.orNil()}},
		want: `violationId uniqueId name category severity description`,
		by:   pageInfos,
	})
}

// RecommendationMetrics are figures about how well an environment keeps to the rules.
// API: Discovery (beta), recommendations.metrics.
func (b *MetadataBeta) RecommendationMetrics(ctx context.Context, environmentID int64) ([]*RecommendationMetric, error) {
	return askAll[RecommendationMetric](ctx, b.s, question{
		name: "RecommendationMetrics", root: "recommendations", id: environmentID, field: "metrics",
		want: `name value`,
	})
}
