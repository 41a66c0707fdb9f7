package manifest

import (
	"fmt"
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

// MacroError says that a resource uses, however far away, a macro that has no id, on which dbt fails where it looks for
// changed macros.
type MacroError struct{ ID string }

// Error says in one line which resource it is.
func (e *MacroError) Error() string {
	return fmt.Sprintf("manifest: CompilationError: %s uses a macro that has no id in the manifest: parse the project again", e.ID)
}

// lost finds, in the order of dbt, whether a node leads to a macro without an id before it leads to a changed one.
func (r macroReach) lost(m *Manifest, called []string, seen map[string]bool) (lost, found bool) {
	for _, id := range called {
		if seen[id] {
			continue
		}
		seen[id] = true
		switch macro := m.Macros[id]; {
		case r[id] == id && id != "":
			return false, true
		case id == "":
			return true, false
		case macro != nil:
			if lost, found := r.lost(m, macro.DependsOn, seen); lost || found {
				return lost, found
			}
		}
	}
	return false, false
}

// lostMacro returns the error for the first node, by id, that uses a macro without an id.
func (r macroReach) lostMacro(m *Manifest) error {
	if len(r) == 0 || !hasLost(m) {
		return nil
	}
	for _, id := range slices.Sorted(maps.Keys(m.Nodes)) {
		if lost, _ := r.lost(m, m.Nodes[id].DependsOn.Macros, map[string]bool{}); lost && !m.Nodes[id].Config.Disabled {
			return &MacroError{ID: id}
		}
	}
	return nil
}

func hasLost(m *Manifest) bool {
	for _, n := range m.Nodes {
		if slices.Contains(n.DependsOn.Macros, "") {
			return true
		}
	}
	for _, macro := range m.Macros {
		if slices.Contains(macro.DependsOn, "") {
			return true
		}
	}
	return false
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
