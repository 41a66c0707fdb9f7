package main

import (
	"context"
	"slices"
	"strconv"

	"github.com/slimci/dbtcloud"
	"github.com/spf13/cobra"
)

const lineageHelp = `Show the lineage of an environment: every node after all that it is made of. With
--upstream or --downstream: the node of that unique id, and all that it is made of or
that is made of it, the nearest first.

With --output json the result is one object: nodes, each with its distance from that
node, and edges between them, each from parent to child. What belongs to another
project is in it as a node that is absent.`

// lineageFlags holds the flags of metadata lineage.
type lineageFlags struct {
	environmentPlace
	upstream, downstream text
	depth                number
	types                []dbtcloud.ResourceType
	definition           bool
}

// lineage is what stdout gets with --output json.
type lineage struct {
	Nodes []lineageNode          `json:"nodes"`
	Edges []dbtcloud.LineageEdge `json:"edges"`
}

type lineageNode struct {
	UniqueID     string                `json:"uniqueId"`
	Name         string                `json:"name"`
	ResourceType dbtcloud.ResourceType `json:"resourceType"`
	Distance     *int                  `json:"distance,omitempty"` // nil where no walk was asked for
	Absent       bool                  `json:"absent,omitempty"`
}

func (a app) metadataLineage(g *global) *cobra.Command {
	f := &lineageFlags{depth: number{min: 1}}
	cmd := command("lineage", "Show what is made of what in an environment", func(ctx context.Context, cmd *cobra.Command, _ []string) error {
		s, err := f.find(ctx, a, cmd, g, func(*dbtcloud.MetadataService) error { return f.check() })
		if err != nil {
			return err
		}
		graph, err := s.client.Metadata.Lineage(ctx, s.environment, f.filter())
		if err != nil {
			return err
		}
		nodes, err := f.walk(graph)
		if err != nil {
			return err
		}
		return a.showLineage(g, graph, nodes)
	})
	cmd.Long, cmd.Args = lineageHelp, noArgs
	cmd.Flags().SortFlags = false
	f.add(cmd)
	cmd.Flags().Var(&f.upstream, "upstream", "only what the node of this unique id is made of")
	cmd.Flags().Var(&f.downstream, "downstream", "only what is made of the node of this unique id")
	cmd.Flags().Var(&f.depth, "depth", "only up to so many edges away (default: all)")
	someOf(cmd.Flags(), &f.types, "types", "only nodes of these types, which does not keep a walk from going through others", lineageTypes()...)
	yes(cmd.Flags(), &f.definition, "definition", "the lineage of the project as it is written, not of what was built")
	return cmd
}

func lineageTypes() []dbtcloud.ResourceType {
	return []dbtcloud.ResourceType{
		dbtcloud.ResourceModel, dbtcloud.ResourceSource, dbtcloud.ResourceSeed, dbtcloud.ResourceSnapshot, dbtcloud.ResourceTest,
		dbtcloud.ResourceExposure, dbtcloud.ResourceMetric, dbtcloud.ResourceSemanticModel, dbtcloud.ResourceSavedQuery,
	}
}

// check refuses flags that do not fit each other.
func (f *lineageFlags) check() error {
	if _, err := atMostOne(option{"--upstream", f.upstream.value != ""}, option{"--downstream", f.downstream.value != ""}); err != nil {
		return invalid("%w", err)
	}
	if f.depth.value > 0 && !f.walks() {
		return invalid("--depth: belongs to --upstream or --downstream")
	}
	return nil
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
		node := lineageNode{UniqueID: n.UniqueID, Name: n.Name, ResourceType: n.ResourceType, Absent: n.Absent}
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
func (a app) showLineage(g *global, graph *dbtcloud.Graph, nodes []lineageNode) error {
	out, shown := lineage{Nodes: nodes, Edges: []dbtcloud.LineageEdge{}}, map[string]bool{}
	rows := [][]string{{"UNIQUE ID", "TYPE", "NAME"}}
	for i, n := range nodes {
		shown[n.UniqueID] = true
		rows = append(rows, []string{n.UniqueID, string(n.ResourceType), n.Name})
		if n.Distance != nil {
			rows[i+1] = append(rows[i+1], strconv.Itoa(*n.Distance))
		}
	}
	if len(nodes) > 0 && nodes[0].Distance != nil {
		rows[0] = append(rows[0], "DISTANCE")
	}
	for _, edge := range graph.Edges() {
		if shown[edge.Parent] && shown[edge.Child] {
			out.Edges = append(out.Edges, edge)
		}
	}
	text := table(rows)
	if len(nodes) == 0 {
		a.tell("no nodes found")
		text = ""
	}
	return goneReader(a.emit(g, out, text))
}
