package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slimci/dbtcloud/manifest"
	"github.com/spf13/cobra"
)

const stateExplainHelp = `Explain why resources are selected, or why not: every cause with what was and what is, the
way by which a changed macro gets there, the lines of the text that changed, and if nothing
changed of the resource itself, which of its ancestors did.

A resource is given by its unique id or by its name; a name is that of all that have it.
Without --select, --exclude and --selector the question is about --select state:modified+.`

// explainFlags holds the flags of state explain.
type explainFlags struct {
	stateFlags
	lines number
}

// explained is what state explain tells of a resource, in JSON.
type explained struct {
	stateChange
	Exists   bool     `json:"exists"` // whether it is in the manifest of now, and enabled
	Selected *bool    `json:"selected"`
	Because  []string `json:"because"` // the way from an ancestor that is modified, if it is not itself
	Breaking []string `json:"breaking"`
}

func (a app) stateExplain(g *global) *cobra.Command {
	f := &explainFlags{lines: number{value: 60, min: 0}}
	cmd := command("explain ID_OR_NAME...", "Explain why resources are selected, or why not", func(ctx context.Context, cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return invalid("%s takes the unique ids or the names of resources: give at least one", cmd.CommandPath())
		}
		return a.runStateExplain(ctx, g, f, args)
	})
	cmd.Long = stateExplainHelp
	f.add(cmd)
	cmd.Flags().Var(&f.lines, "lines", "of each text that changed, no more than so many lines")
	return cmd
}

func (a app) runStateExplain(ctx context.Context, g *global, f *explainFlags, args []string) error {
	c, err := f.compare(ctx, a)
	if err != nil {
		return err
	}
	var ids []string
	for _, arg := range args {
		found, err := findNodes(c.Comparison, arg)
		if err != nil {
			return err
		}
		for _, id := range found {
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	if len(f.selects)+len(f.excludes) == 0 && f.selector.value == "" {
		f.selects = []string{"state:modified+"}
	}
	selected, refused := f.choose(ctx, a, c)
	if refused != nil && !errors.Is(refused, errRefused) {
		return refused
	}
	e := explainer{compared: c, graph: newMade(c.New), question: f.question(), selected: selected, refused: refused != nil, lines: int(f.lines.value)}
	if e.sources, err = openSources(ctx, c); err != nil {
		return err
	}
	defer e.sources.Close()
	out, texts := []explained{}, []string{}
	for _, id := range ids {
		x, err := e.explain(id)
		if err != nil {
			return invalid("%w", err)
		}
		out, texts = append(out, x), append(texts, e.text(x))
	}
	err = goneReader(a.emit(g, out, unsteered(strings.Join(texts, "\n\n"))))
	return cmp.Or(err, refused)
}

// question is what is asked of dbt, as on its command line.
func (f *stateFlags) question() string {
	if f.selector.value != "" {
		return "--selector " + f.selector.value
	}
	text := ""
	if len(f.selects) > 0 {
		text = " --select " + strings.Join(f.selects, " ")
	}
	if len(f.excludes) > 0 {
		text += " --exclude " + strings.Join(f.excludes, " ")
	}
	return strings.TrimSpace(text)
}

// findNodes are the unique ids that an argument means, of now or of the state.
func findNodes(c *manifest.Comparison, arg string) ([]string, error) {
	byName := map[string][]string{}
	ids := map[string]bool{}
	for _, nodes := range []map[string]*manifest.Node{c.New.Nodes, c.Old.Nodes, c.New.Disabled} {
		if nodes[arg] != nil {
			return []string{arg}, nil
		}
		for id, n := range nodes {
			if !ids[id] {
				ids[id] = true
				byName[n.Name] = append(byName[n.Name], id)
			}
		}
	}
	found := byName[arg]
	if len(found) == 0 { // as in price.v2 or raw.orders
		found = slices.DeleteFunc(slices.Collect(maps.Keys(ids)), func(id string) bool { return !strings.HasSuffix(id, "."+arg) })
	}
	if len(found) > 0 {
		slices.Sort(found)
		return found, nil
	}
	near := nearest(arg, slices.Sorted(maps.Keys(byName)))
	if near == "" {
		near = nearest(arg, slices.Sorted(maps.Keys(ids)))
	}
	if near != "" {
		return nil, invalid("%q: neither manifest has a resource of that unique id or name: did you mean %s?", arg, near)
	}
	return nil, invalid("%q: neither manifest has a resource of that unique id or name, nor one that is like it: dbtcloud state ls lists them", arg)
}

// explainer explains one resource after the other.
type explainer struct {
	*compared
	graph    made
	sources  *sources
	question string
	selected []string
	refused  bool
	lines    int
}

func (e *explainer) explain(id string) (explained, error) {
	n := e.New.Nodes[id]
	if n == nil || n.Config.Disabled {
		old := cmp.Or(e.Old.Nodes[id], n, e.New.Disabled[id])
		x := explained{stateChange: stateChange{UniqueID: id, ResourceType: old.ResourceType, File: known(old.OriginalFilePath)}, Selected: new(false)}
		x.Selectors, x.Causes, x.Because, x.Breaking = []string{}, []stateCause{}, []string{}, e.broken(id)
		return x, nil
	}
	x := explained{stateChange: newStateChange(e.Comparison, n), Exists: true, Breaking: e.broken(id)}
	if !e.refused {
		_, found := slices.BinarySearch(e.selected, id)
		x.Selected = &found
	}
	if !x.Modified {
		x.Because = e.graph.wayFrom(id, func(parent string) bool { return e.Is("modified", parent) })
	}
	x.Because = list(x.Because)
	const around = 2
	if change := e.Change(id); change != nil {
		for i, cause := range change.Causes {
			diff, err := e.sources.diff(cause, around, e.lines)
			if err != nil {
				return x, fmt.Errorf("%s: %w", id, err)
			}
			x.Causes[i].Diff = known(diff)
		}
	}
	return x, nil
}

// broken are the clauses of a contract that a change breaks.
func (e *explainer) broken(id string) []string {
	for _, b := range e.Breaking {
		if b.ID == id {
			return list(b.Clauses)
		}
	}
	return []string{}
}

// text explains a resource to people.
func (e *explainer) text(x explained) string {
	var b strings.Builder
	say := func(indent int, text string) {
		fmt.Fprintf(&b, "%*s%s\n", indent, "", inert(text))
	}
	file := ""
	if x.File != nil {
		file = " (" + *x.File + ")"
	}
	say(0, x.UniqueID+file+": "+e.standing(x))
	const in, deeper = 2, 4
	for _, cause := range x.Causes {
		say(in, string(cause.Kind)+": "+cause.what)
		if cause.Key != nil && cause.Kind == manifest.CauseMacros {
			say(deeper, "what changed is "+*cause.Key)
		}
		if cause.Diff != nil {
			for line := range strings.SplitSeq(*cause.Diff, "\n") {
				say(deeper, line)
			}
		}
	}
	for _, clause := range x.Breaking {
		say(in, "breaks its contract: "+clause)
	}
	if note := x.beside(); note != "" {
		say(in, note)
	}
	if slices.Contains(e.cosmetic, x.UniqueID) {
		say(in, "only comments and white space differ, which --ignore-cosmetic leaves out")
	}
	if len(x.Because) > 0 {
		say(in, "is made of what is modified: "+strings.Join(x.Because, " -> "))
	}
	say(in, e.verdict(x))
	return strings.TrimSuffix(b.String(), "\n")
}

// standing says what became of a resource.
func (e *explainer) standing(x explained) string {
	switch {
	case x.Exists:
		return x.word()
	case e.New.Disabled[x.UniqueID] != nil || e.New.Nodes[x.UniqueID] != nil:
		return "switched off, so that dbt never selects it"
	}
	return "removed, so that dbt never selects it"
}

// verdict says whether the resource is selected.
func (e *explainer) verdict(x explained) string {
	switch {
	case x.Selected == nil:
		return "dbt refuses " + e.question
	case *x.Selected:
		return "selected by " + e.question
	}
	return "not selected by " + e.question
}
