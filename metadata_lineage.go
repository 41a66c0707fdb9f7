package dbtcloud

import (
	"context"
	"fmt"
	"slices"
)

// LineageFilter says which nodes of an environment [MetadataService.Lineage] is of.
//
// The API has no direction and no depth, and the node selection of dbt (select,
// exclude) does nothing where people have tried it, so it is not offered: ask for the
// types that matter and walk the [Graph].
type LineageFilter struct {
	// Types are the kinds of nodes; empty for all but macros, of which every project
	// has hundreds. A walk ends at what was left out.
	Types []ResourceType
	// UniqueIDs and Tags narrow that to some nodes. Whether the server then still sends
	// their relatives is not documented.
	UniqueIDs, Tags []string
	// Definition asks for the lineage of the project as it is written, not for that of
	// what was built.
	Definition bool
}

// Lineage asks for the lineage of an environment, all of it at once, and returns it as a
// graph, which tells what is upstream and downstream of a node. A node has its unique id,
// name, type and parents; [Fields] says what else is wanted, such as "lastRunStatus" or
// "filePath". Other options mean nothing here. An environment in which nothing has run
// yet has an empty graph.
// API: Discovery, environment(id).applied or definition, lineage.
func (s *MetadataService) Lineage(ctx context.Context, environmentID int64, f LineageFilter, opts ...QueryOption) (*Graph, error) {
	d, err := f.document(s, environmentID, newQueryOptions(opts))
	if err != nil {
		return nil, fmt.Errorf("%w: Lineage: %w", ErrInvalid, err)
	}
	nodes, err := askList[LineageNode](ctx, s, d)
	if err != nil {
		return nil, err
	}
	edges := 0
	for _, n := range nodes {
		edges += len(n.ParentIDs) + len(n.PublicParentIDs)
	}
	if edges > maxLineageEdges {
		return nil, s.unreadable(fmt.Errorf("the lineage has %d edges, and the most that is read is %d: ask for fewer types", edges, maxLineageEdges))
	}
	return NewGraph(nodes), nil
}

// maxLineageEdges bounds what an answer may become in memory: each may name a node.
const maxLineageEdges = 1 << 20

// document asks for the list of nodes.
func (f LineageFilter) document(s *MetadataService, environmentID int64, o *queryOptions) (d document, err error) {
	if err := refuseID("environment", environmentID); err != nil {
		return d, err
	}
	if len(f.Types) == 0 {
		f.Types = []ResourceType{ResourceExposure, ResourceMetric, ResourceModel, ResourceSavedQuery, ResourceSeed,
			ResourceSemanticModel, ResourceSnapshot, ResourceSource, ResourceTest}
	}
	sel, err := f.selection(s, o)
	if err != nil {
		return d, err
	}
	name, state := "AppliedLineage", "applied"
	if f.Definition {
		name, state = "DefinitionLineage", "definition"
	}
	filter := struct {
		Types     []ResourceType `json:"types"`
		UniqueIDs []string       `json:"uniqueIds,omitempty"`
		Tags      []string       `json:"tags,omitempty"`
	}{f.Types, f.UniqueIDs, f.Tags}
	return document{
		name: name,
		text: "query " + name + "($environmentId: BigInt!, $filter: LineageFilter!) { environment(id: $environmentId) { " + state + " { lineage(filter: $filter) " + sel.String() + " } } }",
		vars: map[string]any{"environmentId": environmentID, "filter": filter},
		path: []string{"environment", state, "lineage"},
	}, refuseBlanks(filter)
}

// selection is what is asked of a node. The parents are asked of the types that have
// them: they were fields of every node once, and need not be any longer.
func (f LineageFilter) selection(s *MetadataService, o *queryOptions) (*selection, error) {
	schema := s.schema()
	sel, err := selector{schema, o.unknown}.selects("LineageNode", slices.Concat([]string{"name", "resourceType"}, o.fields))
	if err != nil {
		return nil, err
	}
	sel.fields = slices.DeleteFunc(sel.fields, func(f *selected) bool { return f.name == "parentIds" || f.name == "publicParentIds" })
	sel.field("parentIds", "LineageNodeWithParents")
	for _, t := range f.Types {
		of := string(t) + "LineageNode"
		if typ := schema.Types[of]; typ != nil && slices.Contains(typ.Interfaces, "LineageNodeWithParents") && t != ResourceMacro {
			sel.field("publicParentIds", of)
		}
	}
	return sel, nil
}
