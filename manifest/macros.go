package manifest

import (
	"maps"
	"slices"
)

// macroReach is, for every macro from which a changed one can be reached, the next one on a shortest way there; a
// changed one leads to itself.
type macroReach map[string]string

// changedMacros looks from the macros whose text is another, or that are new or gone, back along the calls of the new
// manifest.
func changedMacros(old, new *Manifest) macroReach {
	var changed []string
	for id, m := range new.Macros {
		if before := old.Macros[id]; before == nil || !before.SQL.same(m.SQL) {
			changed = append(changed, id)
		}
	}
	for id := range old.Macros {
		if new.Macros[id] == nil {
			changed = append(changed, id)
		}
	}
	callers := map[string][]string{}
	for _, id := range slices.Sorted(maps.Keys(new.Macros)) { // in order, so that ways do not change between runs
		for _, called := range new.Macros[id].DependsOn {
			callers[called] = append(callers[called], id)
		}
	}
	slices.Sort(changed)
	reach := macroReach{}
	for _, id := range changed {
		reach[id] = id
	}
	for queue := changed; len(queue) > 0; queue = queue[1:] {
		for _, caller := range callers[queue[0]] {
			if _, known := reach[caller]; !known {
				reach[caller] = queue[0]
				queue = append(queue, caller)
			}
		}
	}
	return reach
}

// path is the shortest way from a node to a changed macro, both included, or nil.
func (r macroReach) path(n *Node) []string {
	var shortest []string
	for _, id := range n.DependsOn.Macros {
		if _, there := r[id]; !there {
			continue
		}
		path := []string{n.UniqueID, id}
		for r[id] != id {
			id = r[id]
			path = append(path, id)
		}
		if shortest == nil || len(path) < len(shortest) {
			shortest = path
		}
	}
	return shortest
}
