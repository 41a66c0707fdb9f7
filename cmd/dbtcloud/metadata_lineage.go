package main

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"

	"github.com/slimci/dbtcloud"
	"github.com/spf13/cobra"
)

const lineageHelp = `Show the lineage of an environment: every node after all that it is made of. With
--upstream or --downstream: the node of that unique id, and all that it is made of or
that is made of it, the nearest first.

--fields says what else is asked of a node, by the names of the API's schema, such as
lastRunStatus or filePath; they are the columns of the table.

With --output json the result is one object: nodes, each with its distance from that
node and with the fields, and edges between them, each from parent to child. What
belongs to another project is in it as a node that is absent.`

// lineageFlags holds the flags of metadata lineage.
type lineageFlags struct {
	environmentPlace
	upstream, downstream text
	depth                number
	types                []dbtcloud.ResourceType
	fields               []string
	definition           bool
}

// lineage is what stdout gets with --output json.
type lineage struct {
	Nodes []lineageNode          `json:"nodes"`
	Edges []dbtcloud.LineageEdge `json:"edges"`
}

// lineageNode is a node as it is shown: what is always there, before what was asked for.
type lineageNode struct {
	UniqueID     string                `json:"uniqueId"`
	Name         string                `json:"name"`
	ResourceType dbtcloud.ResourceType `json:"resourceType"`
	Distance     *int                  `json:"distance,omitempty"` // nil where no walk was asked for
	Absent       bool                  `json:"absent,omitempty"`
	dbtcloud.LineageNode
}

func (a app) metadataLineage(g *global) *cobra.Command {
	f := &lineageFlags{depth: number{min: 1}}
	cmd := command("lineage", "Show what is made of what in an environment", func(ctx context.Context, cmd *cobra.Command, _ []string) error {
		s, err := f.find(ctx, a, cmd, g, f.check)
		if err != nil {
			return err
		}
		graph, err := s.client.Metadata.Lineage(ctx, s.environment, f.filter(), dbtcloud.Fields(f.fields...))
		if err != nil {
			return err
		}
		nodes, err := f.walk(graph)
		if err != nil {
			return err
		}
		return a.showLineage(g, graph, f.columns(), nodes)
	})
	cmd.Long, cmd.Args = lineageHelp, noArgs
	cmd.Flags().SortFlags = false
	f.add(cmd)
	cmd.Flags().Var(&f.upstream, "upstream", "only what the node of this unique id is made of")
	cmd.Flags().Var(&f.downstream, "downstream", "only what is made of the node of this unique id")
	cmd.Flags().Var(&f.depth, "depth", "only up to so many edges away (default: all)")
	someOf(cmd.Flags(), &f.types, "types", "only nodes of these types, which does not keep a walk from going through others", lineageTypes()...)
	someOf(cmd.Flags(), &f.fields, "fields", "what else is asked of a node, such as lastRunStatus,filePath")
	yes(cmd.Flags(), &f.definition, "definition", "the lineage of the project as it is written, not of what was built")
	return cmd
}

func lineageTypes() []dbtcloud.ResourceType {
	return []dbtcloud.ResourceType{
		dbtcloud.ResourceModel, dbtcloud.ResourceSource, dbtcloud.ResourceSeed, dbtcloud.ResourceSnapshot, dbtcloud.ResourceTest,
		dbtcloud.ResourceExposure, dbtcloud.ResourceMetric, dbtcloud.ResourceSemanticModel, dbtcloud.ResourceSavedQuery,
	}
}

// check refuses flags that do not fit each other, and fields that no node has.
func (f *lineageFlags) check(m *dbtcloud.MetadataService) error {
	if _, err := atMostOne(option{"--upstream", f.upstream.value != ""}, option{"--downstream", f.downstream.value != ""}); err != nil {
		return invalid("%w", err)
	}
	if f.depth.value > 0 && !f.walks() {
		return invalid("--depth: belongs to --upstream or --downstream")
	}
	return refusal(func(ctx context.Context) iter.Seq2[*dbtcloud.Graph, error] {
		return func(yield func(*dbtcloud.Graph, error) bool) {
			yield(m.Lineage(ctx, 1, f.filter(), dbtcloud.Fields(f.fields...)))
		}
	})
}

// columns are those of the table.
func (f *lineageFlags) columns() [][2]string {
	columns := fieldColumns([][2]string{{"UNIQUE ID", "uniqueId"}, {"TYPE", "resourceType"}, {"NAME", "name"}}, f.fields)
	if f.walks() {
		columns = append(columns, [2]string{"DISTANCE", "distance"})
	}
	return columns
}

func (f *lineageFlags) walks() bool { return f.upstream.value != "" || f.downstream.value != "" }

// filter asks for all types where a walk goes through them.
func (f *lineageFlags) filter() dbtcloud.LineageFilter {
	filter := dbtcloud.LineageFilter{Definition: f.definition}
	if !f.walks() {
		filter.Types = f.types
	}
	return filter
}

// walk is the nodes to show, in their order.
func (f *lineageFlags) walk(graph *dbtcloud.Graph) ([]lineageNode, error) {
	if !f.walks() {
		sorted, err := graph.TopoSort()
		if err != nil {
			return nil, err
		}
		return f.ofTypes(sorted, nil), nil
	}
	flag, id, next := "--upstream", f.upstream.value, graph.Upstream
	if f.downstream.value != "" {
		flag, id, next = "--downstream", f.downstream.value, graph.Downstream
	}
	start, known := graph.Node(id)
	if !known {
		return nil, unknownNode(graph, flag, id)
	}
	nodes, distances := []*dbtcloud.LineageNode{start}, []int{0}
	for _, step := range next(id, int(f.depth.value)) {
		nodes, distances = append(nodes, step.LineageNode), append(distances, step.Distance)
	}
	return f.ofTypes(nodes, distances), nil
}

// ofTypes are those of the nodes that are of the types to be shown.
func (f *lineageFlags) ofTypes(nodes []*dbtcloud.LineageNode, distances []int) []lineageNode {
	shown := []lineageNode{}
	for i, n := range nodes {
		if len(f.types) > 0 && !slices.Contains(f.types, n.ResourceType) {
			continue
		}
		node := lineageNode{UniqueID: n.UniqueID, Name: n.Name, ResourceType: n.ResourceType, Absent: n.Absent, LineageNode: *n}
		if !slices.Contains(f.fields, "parentIds") { // the edges have them
			node.ParentIDs = nil
		}
		if !slices.Contains(f.fields, "publicParentIds") {
			node.PublicParentIDs = nil
		}
		if distances != nil {
			node.Distance = &distances[i]
		}
		shown = append(shown, node)
	}
	return shown
}

// unknownNode says which nodes may have been meant by a unique id that is not there: those
// whose name it is, the one whose id is like it, or those whose name is like it.
func unknownNode(graph *dbtcloud.Graph, flag, id string) error {
	var ids, names []string
	byName := map[string][]string{}
	for _, n := range graph.Nodes() {
		if ids = append(ids, n.UniqueID); n.Name != "" { // what is absent has none
			names, byName[n.Name] = append(names, n.Name), append(byName[n.Name], n.UniqueID)
		}
	}
	called := byName[id]
	if near := nearest(id, ids); len(called) == 0 && near != "" {
		called = []string{near}
	}
	if len(called) == 0 {
		called = byName[nearest(id, names)]
	}
	if len(called) == 0 {
		return invalid("%s: the lineage has no node with the unique id %q, nor one that is like it, among %d", flag, id, len(ids))
	}
	return invalid("%s: the lineage has no node with the unique id %q: did you mean %s?", flag, id, join(called[:min(len(called), maxListed)]))
}

// showLineage writes a table of the nodes, or nodes and edges as JSON.
func (a app) showLineage(g *global, graph *dbtcloud.Graph, columns [][2]string, nodes []lineageNode) error {
	out, shown := lineage{Nodes: nodes, Edges: []dbtcloud.LineageEdge{}}, map[string]bool{}
	var items []json.RawMessage
	for _, n := range nodes {
		shown[n.UniqueID] = true
		item, err := json.Marshal(n)
		if err != nil {
			return fmt.Errorf("writing the node %q: %w", n.UniqueID, err)
		}
		items = append(items, item)
	}
	for _, edge := range graph.Edges() {
		if shown[edge.Parent] && shown[edge.Child] {
			out.Edges = append(out.Edges, edge)
		}
	}
	rows, err := fieldRows(columns, items)
	if err != nil {
		return fmt.Errorf("writing the nodes: %w", err)
	}
	text := table(rows)
	if len(nodes) == 0 {
		a.tell("no nodes found")
		text = ""
	}
	return goneReader(a.emit(g, out, text))
}
