package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slimci/dbtcloud/internal/plain"
)

// mermaidEdges is how many edges Mermaid draws unless its configuration says more.
const mermaidEdges = 500

// drawing is a graph of what changed and of all that is made of it.
type drawing struct {
	nodes []drawnNode // sorted by unique id
	edges [][2]int    // from what is made of to what is made of it, by the places of the nodes
}

// drawnNode is a resource with what became of it: new, modified, changed, or reached.
type drawnNode struct{ id, word string }

func newDrawing(d stateDiff, graph made) drawing {
	var out drawing
	place := map[string]int{}
	for _, change := range d.Changes {
		place[change.UniqueID] = 0
		out.nodes = append(out.nodes, drawnNode{change.UniqueID, change.word()})
	}
	for _, id := range d.Reached {
		if _, changed := place[id]; !changed {
			out.nodes = append(out.nodes, drawnNode{id, "reached"})
		}
	}
	slices.SortFunc(out.nodes, func(a, b drawnNode) int { return strings.Compare(a.id, b.id) })
	for i, n := range out.nodes {
		place[n.id] = i
	}
	for i, n := range out.nodes {
		for _, child := range graph.children[n.id] {
			if j, drawn := place[child]; drawn {
				out.edges = append(out.edges, [2]int{i, j})
			}
		}
	}
	return out
}

// colours are those of the nodes, by what became of them.
func colours() [][2]string {
	return [][2]string{{"changed", "#fff3bf"}, {"modified", "#ffd8a8"}, {"new", "#b2f2bb"}, {"reached", "#e9ecef"}}
}

// mermaid is the graph as a Mermaid flowchart.
func (d drawing) mermaid() string {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	// Mermaid has codes of its own for what would end a text, or be Markdown in it.
	escape := strings.NewReplacer("#", "#35;", `"`, "#quot;", "<", "#lt;", ">", "#gt;", "&", "#amp;", "`", "#96;", `\`, "#92;")
	for i, n := range d.nodes {
		fmt.Fprintf(&b, "  n%d[\"%s\"]:::%s\n", i, escape.Replace(plain.Line(n.id)), n.word)
	}
	for _, e := range d.edges {
		fmt.Fprintf(&b, "  n%d --> n%d\n", e[0], e[1])
	}
	for _, c := range colours() {
		fmt.Fprintf(&b, "  classDef %s fill:%s,color:#000\n", c[0], c[1])
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// dot is the graph in the language of Graphviz.
func (d drawing) dot() string {
	var b strings.Builder
	b.WriteString("digraph changes {\n  rankdir=LR\n  node [shape=box, style=filled]\n")
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	for i, n := range d.nodes {
		colour := ""
		for _, c := range colours() {
			if c[0] == n.word {
				colour = c[1]
			}
		}
		fmt.Fprintf(&b, "  n%d [label=\"%s\", tooltip=\"%s\", fillcolor=\"%s\"]\n", i, escape.Replace(inert(n.id)), n.word, colour)
	}
	for _, e := range d.edges {
		fmt.Fprintf(&b, "  n%d -> n%d\n", e[0], e[1])
	}
	b.WriteString("}")
	return b.String()
}
