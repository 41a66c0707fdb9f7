package manifest

import "slices"

// Indirect says when a test is selected that is not selected itself, but tests something that is.
type Indirect string

// The modes of indirect selection. Unit tests are tests too.
const (
	Eager     Indirect = "eager"     // if any of its parents is selected
	Cautious  Indirect = "cautious"  // if all of its parents are
	Buildable Indirect = "buildable" // if all of them are, or are ancestors of what is, or sources
	Empty     Indirect = "empty"     // never
)

// mode returns the mode itself, and eager for none.
func (i Indirect) mode() (Indirect, error) {
	known := []string{string(Eager), string(Cautious), string(Buildable), string(Empty)}
	switch {
	case i == "":
		return Eager, nil
	case !slices.Contains(known, string(i)):
		return "", &QueryError{Field: "Indirect", Value: string(i), Known: known}
	}
	return i, nil
}

func (n *Node) isTest() bool { return n.ResourceType == "test" || n.ResourceType == "unit_test" }

// expand adds the tests of what is selected. Those that lack a parent are returned apart: the parent may come with
// another part of the selector.
func (g *graph) expand(selected set, mode Indirect) (direct, indirect set) {
	direct, indirect = slices.Clone(selected), g.none()
	if mode == Empty {
		return direct, indirect
	}
	enough := selected
	if mode == Buildable {
		sources := g.where(func(n *Node) bool { return n.ResourceType == "source" })
		enough = g.ancestors(selected, unlimited).or(selected).or(sources)
	}
	for i := range selected.all() {
		for _, child := range g.children[i] {
			switch {
			case !g.nodes[child].isTest():
			case mode == Eager || g.covered(child, enough):
				direct.add(child)
			default:
				indirect.add(child)
			}
		}
	}
	return direct, indirect
}

// reconsider adds the tests that were kept apart and have all their parents now. dbt does so for data tests only, and
// sources that are not selected do not count here.
func (g *graph) reconsider(direct, indirect set, mode Indirect) set {
	if mode != Cautious && mode != Buildable || slices.Equal(direct, indirect) {
		return direct
	}
	enough := direct
	if mode == Buildable {
		enough = g.ancestors(direct, unlimited).or(direct)
	}
	out := slices.Clone(direct)
	for i := range indirect.all() {
		if g.nodes[i].inNodes() && g.covered(i, enough) {
			out.add(i)
		}
	}
	return out
}

// covered reports whether everything that a node depends on is in a set.
func (g *graph) covered(i int, by set) bool {
	return !g.lacking.has(i) && !slices.ContainsFunc(g.parents[i], func(p int) bool { return !by.has(p) })
}
