package manifest

import (
	"iter"
	"math/bits"
	"slices"
	"strings"
)

// CycleError says that resources of a manifest depend on each other in a circle, which dbt never writes.
type CycleError struct {
	IDs []string // each depends on the next one, the last on the first
}

// Error names the circle.
func (e *CycleError) Error() string {
	return "manifest: found a cycle: " + clip(strings.Join(append(slices.Clone(e.IDs), e.IDs[0]), " -> "))
}

// set is a set of the nodes of a graph, by their numbers.
type set []uint64

func (s set) has(i int) bool { return s[i>>6]&(1<<(i&63)) != 0 }
func (s set) add(i int)      { s[i>>6] |= 1 << (i & 63) }

// or, and and minus change the set and return it.
func (s set) or(t set) set {
	for i := range s {
		s[i] |= t[i]
	}
	return s
}

func (s set) and(t set) set {
	for i := range s {
		s[i] &= t[i]
	}
	return s
}

func (s set) minus(t set) set {
	for i := range s {
		s[i] &^= t[i]
	}
	return s
}

func (s set) empty() bool {
	return !slices.ContainsFunc(s, func(word uint64) bool { return word != 0 })
}

// all goes through the members in their order.
func (s set) all() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, word := range s {
			for ; word != 0; word &= word - 1 {
				if !yield(i<<6 + bits.TrailingZeros64(word)) {
					return
				}
			}
		}
	}
}

// graph is what depends on what. Nodes are numbered in the order of their ids.
type graph struct {
	nodes    []*Node
	index    map[string]int
	parents  [][]int
	children [][]int
	// lacking marks nodes that depend on something which is not there or is switched off.
	lacking set
}

// newGraph links the nodes of a manifest. The error is a [*CycleError].
func newGraph(m *Manifest) (*graph, error) {
	ids := make([]string, 0, len(m.Nodes))
	for id, n := range m.Nodes {
		if !n.Config.Disabled || n.ResourceType == "exposure" { // dbt never looks whether an exposure is
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	g := &graph{
		nodes: make([]*Node, len(ids)), index: make(map[string]int, len(ids)),
		parents: make([][]int, len(ids)), children: make([][]int, len(ids)),
	}
	g.lacking = g.none()
	for i, id := range ids {
		g.nodes[i], g.index[id] = m.Nodes[id], i
	}
	for i, n := range g.nodes {
		g.link(i, n.DependsOn.Nodes)
	}
	return g, g.acyclic()
}

func (g *graph) link(child int, ids []string) {
	for _, id := range ids {
		parent, found := g.index[id]
		switch {
		case !found:
			g.lacking.add(child)
		case !slices.Contains(g.parents[child], parent):
			g.parents[child] = append(g.parents[child], parent)
			g.children[parent] = append(g.children[parent], child)
		}
	}
}

// acyclic takes away what depends on nothing, again and again; what is left depends on a circle.
func (g *graph) acyclic() error {
	waits := make([]int, len(g.nodes))
	var ready []int
	for i, parents := range g.parents {
		if waits[i] = len(parents); waits[i] == 0 {
			ready = append(ready, i)
		}
	}
	for done := 0; done < len(ready); done++ {
		for _, child := range g.children[ready[done]] {
			if waits[child]--; waits[child] == 0 {
				ready = append(ready, child)
			}
		}
	}
	if len(ready) == len(g.nodes) {
		return nil
	}
	at := slices.IndexFunc(waits, func(n int) bool { return n > 0 })
	var path []int
	for !slices.Contains(path, at) {
		path = append(path, at)
		at = g.parents[at][slices.IndexFunc(g.parents[at], func(p int) bool { return waits[p] > 0 })]
	}
	circle := &CycleError{}
	for _, i := range path[slices.Index(path, at):] {
		circle.IDs = append(circle.IDs, g.nodes[i].UniqueID)
	}
	return circle
}

func (g *graph) none() set { return make(set, (len(g.nodes)+63)/64) }

// where returns the nodes that a function takes.
func (g *graph) where(takes func(*Node) bool) set {
	out := g.none()
	for i, n := range g.nodes {
		if takes(n) {
			out.add(i)
		}
	}
	return out
}

// unlimited is the depth of an operator without a number.
const unlimited = -1

// reach walks along the edges, layer by layer, and returns what it meets; what it starts from only if it meets it again.
func reach(from set, edges [][]int, depth int) set {
	met := make(set, len(from))
	layer := slices.Collect(from.all())
	for step := 0; len(layer) > 0 && step != depth; step++ {
		var next []int
		for _, i := range layer {
			for _, other := range edges[i] {
				if !met.has(other) {
					met.add(other)
					next = append(next, other)
				}
			}
		}
		layer = next
	}
	return met
}

// ancestors and descendants return what a set is built from, or what is built from it, up to a depth.
func (g *graph) ancestors(of set, depth int) set   { return reach(of, g.parents, depth) }
func (g *graph) descendants(of set, depth int) set { return reach(of, g.children, depth) }
