package dbtcloud

import (
	"fmt"
	"slices"
	"strings"
)

// LineageNode is a resource in a [Graph].
type LineageNode struct {
	UniqueID     string       `json:"uniqueId,omitzero"`
	Name         string       `json:"name,omitzero"`
	ResourceType ResourceType `json:"resourceType,omitzero"`
	// ParentIDs are what the node is made of, PublicParentIDs those of its parents that
	// other projects publish. An id may stand in both.
	ParentIDs       []string `json:"parentIds,omitzero"`
	PublicParentIDs []string `json:"publicParentIds,omitzero"`

	ProjectID           int64       `json:"projectId,omitzero"`
	FilePath            string      `json:"filePath,omitzero"`
	FQN                 []string    `json:"fqn,omitzero"`
	Tags                []string    `json:"tags,omitzero"`
	Group               string      `json:"group,omitzero"`
	Access              AccessLevel `json:"access,omitzero"`
	Version             string      `json:"version,omitzero"`
	Database            string      `json:"database,omitzero"`
	Schema              string      `json:"schema,omitzero"`
	Alias               string      `json:"alias,omitzero"`
	MaterializationType string      `json:"materializationType,omitzero"`
	ModelingLayer       string      `json:"modelingLayer,omitzero"` // of models
	SourceName          string      `json:"sourceName,omitzero"`    // of sources
	LastRunStatus       NodeStatus  `json:"lastRunStatus,omitzero"`
	WorstTestStatus     NodeStatus  `json:"worstTestStatus,omitzero"`

	// Absent marks what others name as a parent and what is not among the nodes
	// itself: it belongs to another project, or the filter has left it out. Its
	// UniqueID is all that is known of it.
	Absent bool `json:"absent,omitzero"`
}

// LineageStep is a node that a walk of a [Graph] has come to.
type LineageStep struct {
	*LineageNode
	Distance int `json:"distance"` // edges from where the walk began, by the shortest way
}

// LineageEdge says that Child is made of Parent. Both are unique ids.
type LineageEdge struct {
	Parent string `json:"parent"`
	Child  string `json:"child"`
}

// LineageCycleError says that a [Graph] has no topological order.
type LineageCycleError struct {
	UniqueIDs []string // the members of one cycle, each a parent of the next, the last one of the first
}

// Error names the members, of a long cycle the first.
func (e *LineageCycleError) Error() string {
	const most = 10
	names := slices.Clone(e.UniqueIDs[:min(most, len(e.UniqueIDs))])
	if more := len(e.UniqueIDs) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	names = append(names, e.UniqueIDs[:min(1, len(e.UniqueIDs))]...) // back to the first
	return "dbtcloud: the lineage has a cycle: " + strings.Join(names, " -> ")
}

// Graph is the lineage of an environment: resources, and which is made of which. It
// does not change, and may be used by several goroutines at once. Whatever it
// returns is in an order that depends on the unique ids alone.
type Graph struct {
	nodes             []*LineageNode   // in order of unique id
	index             map[string]int32 // of a node in nodes
	parents, children [][]int32        // of a node in nodes, in order
}

// NewGraph makes a graph of nodes. What they name as a parent and what is not among
// them is in the graph as an Absent node, unless it is a macro: of those every
// resource names dozens. Of nodes with the same unique id the first counts, with the
// parents of all. A node that names itself, as a recursive macro does, gets no edge
// for it. Nil nodes and nodes without a unique id are left out.
func NewGraph(nodes []*LineageNode) *Graph {
	nodes = slices.DeleteFunc(slices.Clone(nodes), func(n *LineageNode) bool { return n == nil || n.UniqueID == "" })
	g := &Graph{index: make(map[string]int32, len(nodes))}
	known := func(id string) bool { _, ok := g.index[id]; return ok }
	add := func(n *LineageNode) {
		g.nodes = append(g.nodes, n)
		g.index[n.UniqueID] = 0 // the place follows below
	}
	for _, n := range nodes {
		if !known(n.UniqueID) {
			add(n)
		}
	}
	for _, n := range nodes {
		for _, id := range n.allParentIDs() {
			if id != "" && !strings.HasPrefix(id, "macro.") && !known(id) {
				add(&LineageNode{UniqueID: id, Absent: true})
			}
		}
	}
	slices.SortFunc(g.nodes, func(a, b *LineageNode) int { return strings.Compare(a.UniqueID, b.UniqueID) })
	for i, n := range g.nodes {
		g.index[n.UniqueID] = int32(i)
	}
	g.connect(nodes)
	return g
}

func (n *LineageNode) allParentIDs() []string {
	if len(n.PublicParentIDs) == 0 {
		return n.ParentIDs
	}
	return slices.Concat(n.ParentIDs, n.PublicParentIDs)
}

// connect fills parents and children, each pair once.
func (g *Graph) connect(nodes []*LineageNode) {
	g.parents, g.children = make([][]int32, len(g.nodes)), make([][]int32, len(g.nodes))
	for _, n := range nodes {
		child := g.index[n.UniqueID]
		for _, id := range n.allParentIDs() {
			if parent, known := g.index[id]; known && parent != child {
				g.parents[child] = append(g.parents[child], parent)
			}
		}
	}
	for child, parents := range g.parents {
		slices.Sort(parents)
		g.parents[child] = slices.Compact(parents)
		for _, parent := range g.parents[child] {
			g.children[parent] = append(g.children[parent], int32(child))
		}
	}
}

// Nodes returns every node, in order of unique id.
func (g *Graph) Nodes() []*LineageNode { return slices.Clone(g.nodes) }

// Node returns the node with a unique id. Upper and lower case differ.
func (g *Graph) Node(uniqueID string) (*LineageNode, bool) {
	i, known := g.index[uniqueID]
	if !known {
		return nil, false
	}
	return g.nodes[i], true
}

// Parents returns what a node is made of, without what that is made of, in order of
// unique id; nothing if there is no such node.
func (g *Graph) Parents(uniqueID string) []*LineageNode { return g.next(uniqueID, g.parents) }

// Children returns what is made of a node, without what is made of that, in order of
// unique id; nothing if there is no such node.
func (g *Graph) Children(uniqueID string) []*LineageNode { return g.next(uniqueID, g.children) }

func (g *Graph) next(uniqueID string, edges [][]int32) []*LineageNode {
	i, known := g.index[uniqueID]
	if !known {
		return nil
	}
	nodes := make([]*LineageNode, len(edges[i]))
	for k, other := range edges[i] {
		nodes[k] = g.nodes[other]
	}
	return nodes
}

// Upstream returns all that a node is made of, up to so many edges away, or all of it
// with a depth of 0 or less: the nearest first, those of one distance in order of
// unique id. The node itself is not in it. Nothing if there is no such node.
func (g *Graph) Upstream(uniqueID string, depth int) []LineageStep {
	return g.walk(uniqueID, depth, g.parents)
}

// Downstream returns all that is made of a node, as Upstream does in the other
// direction.
func (g *Graph) Downstream(uniqueID string, depth int) []LineageStep {
	return g.walk(uniqueID, depth, g.children)
}

func (g *Graph) walk(uniqueID string, depth int, edges [][]int32) []LineageStep {
	start, known := g.index[uniqueID]
	if !known {
		return nil
	}
	var steps []LineageStep
	seen := make([]bool, len(g.nodes))
	seen[start] = true
	here := []int32{start}
	for distance := 1; len(here) > 0 && (depth <= 0 || distance <= depth); distance++ {
		var further []int32
		for _, node := range here {
			for _, other := range edges[node] {
				if !seen[other] {
					seen[other] = true
					further = append(further, other)
				}
			}
		}
		slices.Sort(further)
		for _, node := range further {
			steps = append(steps, LineageStep{g.nodes[node], distance})
		}
		here = further
	}
	return steps
}

// Edges returns every edge once, in order of child and then parent.
func (g *Graph) Edges() []LineageEdge {
	var edges []LineageEdge
	for child, parents := range g.parents {
		for _, parent := range parents {
			edges = append(edges, LineageEdge{g.nodes[parent].UniqueID, g.nodes[child].UniqueID})
		}
	}
	return edges
}

// TopoSort returns every node after all that it is made of: first what has no
// parents, then what has none but those, and so on, each of these layers in order of
// unique id. A graph with a cycle has no such order: a [*LineageCycleError] names one.
func (g *Graph) TopoSort() ([]*LineageNode, error) {
	sorted := make([]*LineageNode, 0, len(g.nodes))
	waits := make([]int, len(g.nodes)) // for so many parents
	var layer []int32
	for node, parents := range g.parents {
		if waits[node] = len(parents); len(parents) == 0 {
			layer = append(layer, int32(node))
		}
	}
	for len(layer) > 0 {
		var next []int32
		for _, node := range layer {
			sorted = append(sorted, g.nodes[node])
			for _, child := range g.children[node] {
				if waits[child]--; waits[child] == 0 {
					next = append(next, child)
				}
			}
		}
		slices.Sort(next)
		layer = next
	}
	if len(sorted) < len(g.nodes) {
		return nil, g.cycle(waits)
	}
	return sorted, nil
}

// cycle finds one among the nodes that wait: each of them has a parent that waits,
// so going from parent to parent comes back.
func (g *Graph) cycle(waits []int) error {
	waiting := func(node int32) bool { return waits[node] > 0 }
	at := make(map[int32]int)
	var path []int32
	var node int32
	for !waiting(node) {
		node++
	}
	for {
		if begin, seen := at[node]; seen {
			path = path[begin:]
			break
		}
		at[node] = len(path)
		path = append(path, node)
		node = g.parents[node][slices.IndexFunc(g.parents[node], waiting)]
	}
	slices.Reverse(path) // from parent to child
	first := slices.Index(path, slices.Min(path))
	var ids []string
	for _, node := range slices.Concat(path[first:], path[:first]) {
		ids = append(ids, g.nodes[node].UniqueID)
	}
	return &LineageCycleError{UniqueIDs: ids}
}
