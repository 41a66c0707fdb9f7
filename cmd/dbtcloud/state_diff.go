package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/slimci/dbtcloud/manifest"
	"github.com/spf13/cobra"
)

const stateDiffHelp = `Show what changed since the last deploy, and why: a line for each cause. Which key of the
configuration was set from what to what, by which macros a change gets to a model, which
clause of a contract is another. dbtcloud state explain shows more of one resource.

Without --select, --exclude and --selector that is every change; with them, only changes of
what they select. "new" and "modified" are in state:modified; "changed" is not, which is how
dbt treats new sources, exposures, metrics, semantic models and saved queries.

With --format mermaid or dot: a graph of what changed, and of all that is made of it.

Exit status 1: a contract is broken, with --fail-on breaking, or one that dbt refuses to select by.`

// diffFlags holds the flags of state diff.
type diffFlags struct {
	stateFlags
	format choice
	failOn choice
}

// stateDiff is what stdout gets from state diff with --output json. Lists are never null.
type stateDiff struct {
	State    stateSide       `json:"state"`
	Manifest stateSide       `json:"manifest"`
	Changes  []stateChange   `json:"changes"`
	Cosmetic []string        `json:"cosmetic"` // unique ids of what --ignore-cosmetic has left out
	Removed  []string        `json:"removed"`  // unique ids, also of what is switched off now
	Macros   []string        `json:"macros"`   // unique ids of those that are new, gone or other ones
	Reached  []string        `json:"reached"`  // unique ids of what is made of what is modified
	Breaking []stateBreaking `json:"breaking"`
}

// stateBreaking is a contract that is broken, in JSON.
type stateBreaking struct {
	UniqueID string   `json:"unique_id"`
	Refused  bool     `json:"refused"` // dbt refuses it; of models without versions it only warns
	Removed  bool     `json:"removed"`
	Clauses  []string `json:"clauses"`
}

func (a app) stateDiff(g *global) *cobra.Command {
	f := &diffFlags{format: choice{value: "text", allowed: []string{"text", "mermaid", "dot"}}, failOn: choice{allowed: []string{"breaking"}}}
	cmd := command("diff", "Show what changed since the last deploy, and why", func(ctx context.Context, _ *cobra.Command, _ []string) error {
		if f.format.value != "text" && g.output.value == "json" {
			return invalid("--format and --output: %s is no JSON: give one of them", f.format.value)
		}
		return a.runStateDiff(ctx, g, f)
	})
	cmd.Long, cmd.Args = stateDiffHelp, noArgs
	f.add(cmd)
	cmd.Flags().Var(&f.format, "format", "what stdout gets: text, or a graph for mermaid or dot (Graphviz)")
	cmd.Flags().Var(&f.failOn, "fail-on", "exit with status 1 on: breaking, a broken contract, with versions or without")
	return cmd
}

func (a app) runStateDiff(ctx context.Context, g *global, f *diffFlags) error {
	c, err := f.compare(ctx, a)
	if err != nil {
		return err
	}
	var chosen map[string]bool
	if len(f.selects)+len(f.excludes) > 0 || f.selector.value != "" {
		ids, err := f.choose(ctx, a, c)
		if err != nil {
			return err
		}
		chosen = map[string]bool{}
		for _, id := range ids {
			chosen[id] = true
		}
	}
	if _, err := c.New.Select(manifest.Query{Select: []string{"fqn:*"}}); err != nil { // a circle, on which a graph would be no help
		return invalid("--manifest: %w", err)
	}
	graph := newMade(c.New)
	d := newStateDiff(c, graph, chosen)
	if err := a.showStateDiff(g, f, d, graph); err != nil {
		return err
	}
	if n := len(d.Breaking); f.failOn.value != "" && n > 0 {
		return fmt.Errorf("%w by --fail-on: %s, told above: give the model a new version, or keep what it promises", errRefused, counted(n, "breaking change"))
	}
	return nil
}

// newStateDiff finds what changed, of the chosen resources only unless that is nil.
func newStateDiff(c *compared, graph made, chosen map[string]bool) stateDiff {
	d := stateDiff{
		State: newStateSide(c.oldPath, c.Old), Manifest: newStateSide(c.newPath, c.New),
		Changes: []stateChange{}, Cosmetic: []string{}, Removed: []string{}, Macros: otherMacros(c.Old, c.New), Breaking: []stateBreaking{},
	}
	var modified []string
	for _, change := range c.Changes() {
		if chosen != nil && !chosen[change.ID] {
			continue
		}
		shown := newStateChange(c.Comparison, c.New.Nodes[change.ID])
		if d.Changes = append(d.Changes, shown); shown.Modified {
			modified = append(modified, change.ID)
		}
	}
	for _, id := range c.cosmetic {
		if chosen == nil || chosen[id] {
			d.Cosmetic = append(d.Cosmetic, id)
		}
	}
	d.Reached = graph.reached(modified)
	if chosen == nil {
		for _, id := range slices.Sorted(maps.Keys(c.Old.Nodes)) {
			if c.New.Nodes[id] == nil {
				d.Removed = append(d.Removed, id)
			}
		}
	}
	for _, b := range c.Breaking {
		d.Breaking = append(d.Breaking, stateBreaking{UniqueID: b.ID, Refused: b.Versioned, Removed: b.Removed, Clauses: list(b.Clauses)})
	}
	return d
}

// otherMacros are the macros that are new, gone, or have another text.
func otherMacros(old, now *manifest.Manifest) []string {
	out := []string{}
	for id, m := range now.Macros {
		before := old.Macros[id]
		if before == nil || before.SQL.Hash != m.SQL.Hash || before.SQL.Length != m.SQL.Length {
			out = append(out, id)
		}
	}
	for id := range old.Macros {
		if now.Macros[id] == nil {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// showStateDiff writes the changes, and tells people between what they lie and how many there are.
func (a app) showStateDiff(g *global, f *diffFlags, d stateDiff, graph made) error {
	a.tell(inert("state:    " + d.State.String()))
	a.tell(inert("manifest: " + d.Manifest.String()))
	for _, b := range d.Breaking {
		a.tell(inert("breaking: " + manifest.Breaking{ID: b.UniqueID, Clauses: b.Clauses}.String()))
	}
	a.tell(d.summary())
	var text string
	switch f.format.value {
	case "mermaid":
		drawn := newDrawing(d, graph)
		if len(drawn.edges) > mermaidEdges {
			a.tell(fmt.Sprintf("warning: Mermaid draws no more than %d edges unless it is told to, and there are %d: narrow it with --select, or use --format dot", mermaidEdges, len(drawn.edges)))
		}
		text = drawn.mermaid()
	case "dot":
		text = newDrawing(d, graph).dot()
	default:
		text = d.table()
	}
	return goneReader(a.emit(g, d, text))
}

// summary counts in one line.
func (d stateDiff) summary() string {
	count := map[string]int{}
	for _, change := range d.Changes {
		count[change.word()]++
	}
	text := fmt.Sprintf("%d new, %d modified", count["new"], count["modified"])
	if n := count["changed"]; n > 0 {
		text += fmt.Sprintf(", %d changed", n)
	}
	if n := len(d.Cosmetic); n > 0 {
		text += fmt.Sprintf(", %d cosmetic", n)
	}
	return text + fmt.Sprintf(", %d removed; %s made of them; %s changed", len(d.Removed), counted(len(d.Reached), "more resource"), counted(len(d.Macros), "macro"))
}

// table has a row for each cause; it is empty if nothing changed.
func (d stateDiff) table() string {
	rows := [][]string{{"CHANGE", "UNIQUE ID", "CAUSE", "WHAT"}}
	for _, change := range d.Changes {
		for _, cause := range change.Causes {
			rows = append(rows, []string{change.word(), change.UniqueID, string(cause.Kind), cause.what})
		}
		if note := change.beside(); note != "" {
			rows = append(rows, []string{change.word(), change.UniqueID, "note", note})
		}
	}
	for _, id := range d.Cosmetic {
		rows = append(rows, []string{"cosmetic", id, "body", "comments and white space only"})
	}
	for _, id := range d.Removed {
		rows = append(rows, []string{"removed", id, "", ""})
	}
	if len(rows) == 1 {
		return ""
	}
	return table(rows)
}

// counted is a number with the word for what it counts.
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
