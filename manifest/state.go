package manifest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The profiles of an [Engine].
const (
	ProfileCore19  = "core-1.9"  // dbt-core 1.9 to 1.11
	ProfileCore112 = "core-1.12" // dbt-core 1.12 and later
)

// Engine says whose answers a comparison gives: dbt changed what state:modified means between its versions.
type Engine struct {
	Profile                     string    // ProfileCore19 or ProfileCore112; empty is the latter
	CompareMoreUnrenderedValues bool      // the flag state_modified_compare_more_unrendered_values of the project
	Version                     string    // the dbt-core that asks; empty is that of the new manifest, or 1.12.3 if the profile is later
	Now                         time.Time // when: a deprecation date may have passed; zero is now
	// Dependencies goes beyond dbt: what is built from other resources than before counts as modified.
	Dependencies bool
}

// Core19 is dbt-core 1.9 to 1.11, where the flag is off unless a project sets it.
func Core19() Engine { return Engine{Profile: ProfileCore19} }

// Core112 is dbt-core 1.12 and later, where the flag is on unless a project sets it.
func Core112() Engine { return Engine{Profile: ProfileCore112, CompareMoreUnrenderedValues: true} }

// Comparison is what changed between two manifests, as the state: selectors of dbt see it.
type Comparison struct {
	Old, New *Manifest
	Engine   Engine    // with what it was filled up with
	Warnings []Warning // what dbt warns of where a selector makes it look, by event and id
	Breaking []Breaking

	changes map[string]*Change
	refused map[string]error // by selector
}

// Warning is something that dbt warns of.
type Warning struct {
	Event   string // dbt's name: UnversionedBreakingChange, SeedIncreased, SeedExceedsLimitSamePath or SeedExceedsLimitAndPathChanged
	ID      string // the unique id of the resource
	Message string
}

// Breaking is a change that breaks what a contract promised.
type Breaking struct {
	ID        string
	Versioned bool     // dbt refuses it; otherwise it warns
	Removed   bool     // the model is gone or switched off
	Clauses   []string // what is broken, one by one
}

// String says in one line what is broken.
func (b Breaking) String() string { return b.ID + ": " + strings.Join(b.Clauses, "; ") }

// ContractError says that models with versions break their contracts, on which dbt fails.
type ContractError struct{ Breaking []Breaking }

// Error says in one line which model breaks what.
func (e *ContractError) Error() string {
	more := ""
	if n := len(e.Breaking) - 1; n > 0 {
		more = fmt.Sprintf(" (and %d more)", n)
	}
	return fmt.Sprintf("manifest: ContractBreakingChangeError: %s%s; give the model a new version instead", e.Breaking[0], more)
}

// StateError says that a selector is none of those that compare.
type StateError struct{ Selector string }

// Error says in one line what there is instead.
func (e *StateError) Error() string {
	return fmt.Sprintf("manifest: there is no selector state:%s, only those of %s", clip(e.Selector), strings.Join(StateSelectors(), ", "))
}

// SameInvocation reports whether both manifests are of one invocation of dbt. Then a project is most likely compared with
// itself: the earlier manifest must be kept outside of target, which dbt writes over.
func (c *Comparison) SameInvocation() bool {
	id := c.New.Metadata.InvocationID
	return id != "" && id == c.Old.Metadata.InvocationID
}

// StateSelectors are what can follow state: in a selector.
func StateSelectors() []string {
	return []string{
		"new", "old", "modified", "unmodified", "modified.body", "modified.configs", "modified.persisted_descriptions",
		"modified.relation", "modified.macros", "modified.contract",
	}
}

// Is reports whether a selector, such as modified.body, has the resource. It does so also where [Comparison.Select] refuses.
func (c *Comparison) Is(selector, id string) bool {
	if n := c.New.node(id); n == nil || n.Config.Disabled {
		return false
	}
	change := c.changes[id]
	if change == nil {
		return selector == "old" || selector == "unmodified"
	}
	switch selector {
	case "new":
		return change.New
	case "old":
		return !change.New
	case "unmodified":
		return change.in&inModified == 0
	}
	return change.in&aspectOf(selector) != 0
}

// Select returns the unique ids that a selector, such as modified.body, has, sorted. What dbt refuses is a
// [*StateError], a [*ContractError] or a [*MacroError].
func (c *Comparison) Select(selector string) ([]string, error) {
	if !slices.Contains(StateSelectors(), selector) {
		return nil, &StateError{Selector: selector}
	}
	if err := c.refused[selector]; err != nil {
		return nil, err
	}
	var ids []string
	for id := range c.New.Nodes {
		if c.Is(selector, id) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// WarningsOf are the warnings of dbt where it evaluates the selector.
func (c *Comparison) WarningsOf(selector string) []Warning {
	var out []Warning
	for _, w := range c.Warnings {
		seed := strings.HasPrefix(w.Event, "Seed")
		switch selector {
		case "modified", "unmodified":
			out = append(out, w)
		case "modified.body":
			if seed {
				out = append(out, w)
			}
		case "modified.contract":
			if !seed {
				out = append(out, w)
			}
		}
	}
	return out
}

// Change returns what changed of a resource, or nil if nothing did that dbt looks at.
func (c *Comparison) Change(id string) *Change { return c.changes[id] }

// Changes are the resources of which something changed that dbt looks at, sorted by unique id.
func (c *Comparison) Changes() []*Change {
	out := make([]*Change, 0, len(c.changes))
	for _, change := range c.changes {
		out = append(out, change)
	}
	slices.SortFunc(out, func(a, b *Change) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// node is the node with that id as dbt has it after reading: it drops the metrics of old manifests.
func (m *Manifest) node(id string) *Node {
	const metricsSince = 10
	n := m.Nodes[id]
	if m.Metadata.Version < metricsSince && n != nil && n.ResourceType == "metric" {
		return nil
	}
	return n
}
