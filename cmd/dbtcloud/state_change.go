package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/slimci/dbtcloud/manifest"
)

// stateSide is one of two manifests in JSON.
type stateSide struct {
	File         string  `json:"file"`
	Project      *string `json:"project"`
	DbtVersion   *string `json:"dbt_version"`
	GeneratedAt  *string `json:"generated_at"`
	InvocationID *string `json:"invocation_id"`
	Nodes        int     `json:"nodes"`
}

func newStateSide(path string, m *manifest.Manifest) stateSide {
	side := stateSide{
		File: path, Project: known(m.Metadata.ProjectName), DbtVersion: known(m.Metadata.DbtVersion),
		InvocationID: known(m.Metadata.InvocationID), Nodes: len(m.Nodes),
	}
	if at := m.Metadata.GeneratedAt; !at.IsZero() {
		side.GeneratedAt = new(at.UTC().Format(time.RFC3339))
	}
	return side
}

// String says it in one line.
func (s stateSide) String() string {
	words := []string{s.File}
	for _, part := range []struct {
		label string
		value *string
	}{{"project", s.Project}, {"dbt", s.DbtVersion}, {"of", s.GeneratedAt}} {
		if part.value != nil {
			words = append(words, part.label+" "+*part.value)
		}
	}
	return join(append(words, counted(s.Nodes, "node")))
}

// stateChange is what changed of a resource, in JSON.
type stateChange struct {
	UniqueID     string       `json:"unique_id"`
	ResourceType string       `json:"resource_type"`
	File         *string      `json:"file"`
	New          bool         `json:"new"`
	Modified     bool         `json:"modified"`  // whether state:modified has it
	Selectors    []string     `json:"selectors"` // what follows state:
	Causes       []stateCause `json:"causes"`
}

// stateCause is why a resource counts as changed, in JSON.
type stateCause struct {
	Kind manifest.CauseKind `json:"kind"`
	Key  *string            `json:"key"`
	Old  *string            `json:"old"`
	New  *string            `json:"new"`
	Path []string           `json:"path"` // of macros
	Diff *string            `json:"diff,omitempty"`
	what string
}

// newStateChange tells of a node of the new manifest, whether it changed or not.
func newStateChange(c *manifest.Comparison, n *manifest.Node) stateChange {
	out := stateChange{
		UniqueID: n.UniqueID, ResourceType: n.ResourceType, File: known(n.OriginalFilePath), New: c.Is("new", n.UniqueID),
		Modified: c.Is("modified", n.UniqueID), Selectors: []string{}, Causes: []stateCause{},
	}
	for _, selector := range manifest.StateSelectors() {
		if c.Is(selector, n.UniqueID) {
			out.Selectors = append(out.Selectors, selector)
		}
	}
	if change := c.Change(n.UniqueID); change != nil {
		for _, cause := range change.Causes {
			out.Causes = append(out.Causes, stateCause{
				Kind: cause.Kind, Key: known(cause.Key), Old: known(cause.Old), New: known(cause.New), Path: list(cause.Path), what: what(cause),
			})
		}
	}
	return out
}

// what says of a cause what its kind does not.
func what(cause manifest.Cause) string {
	switch {
	case cause.Kind == manifest.CauseNew:
		return "there was none in the state"
	case cause.Kind == manifest.CauseBody && cause.OldText.Length+cause.NewText.Length > 0:
		return fmt.Sprintf("%d -> %d bytes", cause.OldText.Length, cause.NewText.Length) // their hashes tell people nothing
	}
	return strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(cause.String(), string(cause.Kind)), ":"))
}

// word says in a word what became of the resource.
func (s stateChange) word() string {
	switch {
	case s.New:
		return "new"
	case s.Modified:
		return "modified"
	case len(s.Causes) > 0:
		return "changed"
	}
	return "unchanged"
}

// beside says where a change is that state:modified does not have.
func (s stateChange) beside() string {
	if s.Modified || len(s.Causes) == 0 {
		return ""
	}
	var in []string
	for _, selector := range s.Selectors {
		if selector != "old" && selector != "unmodified" {
			in = append(in, "state:"+selector)
		}
	}
	return "not in state:modified, only in " + join(in)
}

// made is what is made of what in a project as it is now.
type made struct {
	m        *manifest.Manifest
	children map[string][]string
}

func newMade(m *manifest.Manifest) made {
	out := made{m, map[string][]string{}}
	for _, id := range slices.Sorted(maps.Keys(m.Nodes)) {
		for _, parent := range out.parents(id) {
			out.children[parent] = append(out.children[parent], id)
		}
	}
	return out
}

// parents are the resources that a node is made of, as far as dbt has them in its graph.
func (g made) parents(id string) []string {
	var out []string
	n := g.m.Nodes[id]
	if n == nil || n.Config.Disabled {
		return nil
	}
	for _, parent := range n.DependsOn.Nodes {
		if p := g.m.Nodes[parent]; p != nil && !p.Config.Disabled && !slices.Contains(out, parent) {
			out = append(out, parent)
		}
	}
	return out
}

// reached are the resources that are made of others, sorted and without these.
func (g made) reached(roots []string) []string {
	seen := map[string]bool{}
	for _, id := range roots {
		seen[id] = true
	}
	for queue := slices.Clone(roots); len(queue) > 0; queue = queue[1:] {
		for _, child := range g.children[queue[0]] {
			if !seen[child] {
				seen[child] = true
				queue = append(queue, child)
			}
		}
	}
	for _, id := range roots {
		delete(seen, id)
	}
	return list(slices.Sorted(maps.Keys(seen)))
}

// wayFrom is the shortest way to a node from one of what it is made of that is wanted; nil if there is none.
func (g made) wayFrom(id string, wanted func(string) bool) []string {
	next := map[string]string{id: ""}
	for queue := []string{id}; len(queue) > 0; queue = queue[1:] {
		if at := queue[0]; at != id && wanted(at) {
			var way []string
			for ; at != ""; at = next[at] {
				way = append(way, at)
			}
			return way
		}
		for _, parent := range g.parents(queue[0]) {
			if _, seen := next[parent]; !seen {
				next[parent] = queue[0]
				queue = append(queue, parent)
			}
		}
	}
	return nil
}
