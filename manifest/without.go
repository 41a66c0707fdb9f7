package manifest

import "maps"

// Without returns a comparison in which resources count as unchanged, such as those of [Comparison.Cosmetic]. It leaves
// those in that are new, and what dbt warns of and refuses.
func (c *Comparison) Without(ids ...string) *Comparison {
	out := *c
	out.changes = maps.Clone(c.changes)
	for _, id := range ids {
		if change := out.changes[id]; change != nil && !change.New {
			delete(out.changes, id)
		}
	}
	return &out
}
