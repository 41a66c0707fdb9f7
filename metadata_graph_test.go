package dbtcloud_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/slimci/dbtcloud"
)

// lineageOf makes nodes of lines such as "c: a b", where c is made of a and b.
func lineageOf(lines ...string) []*dbtcloud.LineageNode {
	var nodes []*dbtcloud.LineageNode
	for _, line := range lines {
		id, parents, _ := strings.Cut(line, ":")
		nodes = append(nodes, &dbtcloud.LineageNode{UniqueID: id, ParentIDs: strings.Fields(parents)})
	}
	return nodes
}

func lineageIDs(nodes []*dbtcloud.LineageNode) string {
	var ids []string
	for _, n := range nodes {
		if n.Absent {
			ids = append(ids, n.UniqueID+"?")
		} else {
			ids = append(ids, n.UniqueID)
		}
	}
	return strings.Join(ids, " ")
}

func lineageSteps(steps []dbtcloud.LineageStep) string {
	var ids []string
	for _, s := range steps {
		ids = append(ids, s.UniqueID+strconv.Itoa(s.Distance))
	}
	return strings.Join(ids, " ")
}

func TestGraph(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name                    string
		nodes                   []*dbtcloud.LineageNode
		all, edges, topological string
		upOfC, downOfC          string
	}{
		{"nothing", nil, "", "", "", "", ""},
		{"one", lineageOf("c"), "c", "", "c", "", ""},
		{"a diamond", lineageOf("d: b c", "c: a", "b: a", "a"), "a b c d", "a-b a-c b-d c-d", "a b c d", "a1", "d1"},
		{"the shortest way counts", lineageOf("a", "b: a", "c: b a", "e: d", "d: c", "f: c e"), "a b c d e f", "a-b a-c b-c c-d d-e c-f e-f", "a b c d e f", "a1 b1", "d1 f1 e2"},
		{"layers", lineageOf("z", "a: z", "y", "c: y z", "b: c"), "a b c y z", "z-a c-b y-c z-c", "y z a c b", "y1 z1", "b1"},
		{"layers in order", lineageOf("y", "z", "d: y", "a: z", "c: y"), "a c d y z", "z-a y-c y-d", "y z a c d", "y1", ""},
		{"repeated parents", []*dbtcloud.LineageNode{{UniqueID: "c", ParentIDs: []string{"a", "a"}, PublicParentIDs: []string{"b", "a"}}, {UniqueID: "a"}, {UniqueID: "b"}}, "a b c", "a-c b-c", "a b c", "a1 b1", ""},
		{"a parent of another project", []*dbtcloud.LineageNode{{UniqueID: "c", PublicParentIDs: []string{"x"}}, {UniqueID: "d", ParentIDs: []string{"c", "w"}}}, "c d w? x?", "x-c c-d w-d", "w? x? c d", "x1", "d1"},
		{"an absent macro", lineageOf("c: macro.p.m b", "b"), "b c", "b-c", "b c", "b1", ""},
		{"a macro that is there", lineageOf("c: macro.p.m", "macro.p.m: macro.p.m macro.p.other"), "c macro.p.m", "macro.p.m-c", "macro.p.m c", "macro.p.m1", ""},
		{"itself", lineageOf("c: c"), "c", "", "c", "", ""},
		{"two of a name", lineageOf("c: a", "b: a", "c: b", "a"), "a b c", "a-b a-c b-c", "a b c", "a1 b1", ""},
		{"neither a node nor an id", []*dbtcloud.LineageNode{nil, {UniqueID: "c", ParentIDs: []string{""}}, {ParentIDs: []string{"lost"}}}, "c", "", "c", "", ""},
		{"a cycle", lineageOf("a: c", "b: a", "c: b", "d: c"), "a b c d", "c-a a-b b-c c-d", "a -> b -> c -> a", "b1 a2", "a1 d1 b2"},
		{"a cycle further down", lineageOf("c: r e", "d: c", "e: d", "r"), "c d e r", "e-c r-c c-d d-e", "c -> d -> e -> c", "e1 r1 d2", "d1 e2"},
		{"two cycles", lineageOf("a: b", "b: a", "c: d", "d: c"), "a b c d", "b-a a-b d-c c-d", "a -> b -> a", "d1", "d1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := dbtcloud.NewGraph(tt.nodes)
			var edges []string
			for _, e := range g.Edges() {
				edges = append(edges, e.Parent+"-"+e.Child)
			}
			topological, err := g.TopoSort()
			order := lineageIDs(topological)
			if err != nil {
				order = strings.TrimPrefix(err.Error(), "dbtcloud: the lineage has a cycle: ")
			}
			got := []string{lineageIDs(g.Nodes()), strings.Join(edges, " "), order, lineageSteps(g.Upstream("c", 0)), lineageSteps(g.Downstream("c", -1))}
			if diff := cmp.Diff([]string{tt.all, tt.edges, tt.topological, tt.upOfC, tt.downOfC}, got); diff != "" {
				t.Errorf("nodes, edges, order, upstream, downstream (-want +got):\n%s", diff)
			}
		})
	}
}

// TestGraphOfOne: what is asked of one node.
func TestGraphOfOne(t *testing.T) {
	t.Parallel()
	nodes := lineageOf("e: d", "d: b c", "c: a x", "b: a", "a")
	g := dbtcloud.NewGraph(nodes)
	if n, ok := g.Node("c"); !ok || n != nodes[2] {
		t.Errorf("Node(c) = %v, %v, want the node that was given", n, ok)
	}
	if n, ok := g.Node("x"); !ok || !n.Absent || n.UniqueID != "x" {
		t.Errorf("Node(x) = %v, %v, want it absent", n, ok)
	}
	for _, id := range []string{"C", "", "nobody"} {
		if n, ok := g.Node(id); ok || n != nil || g.Parents(id) != nil || g.Children(id) != nil || g.Upstream(id, 0) != nil || g.Downstream(id, 0) != nil {
			t.Errorf("%q is known as %v", id, n)
		}
	}
	if got := lineageIDs(g.Parents("c")) + "/" + lineageIDs(g.Children("a")) + "/" + lineageIDs(g.Parents("a")); got != "a x?/b c/" {
		t.Errorf("parents of c, children of a, parents of a: %s", got)
	}
	for depth, want := range []string{"d1 b2 c2 a3 x3", "d1", "d1 b2 c2", "d1 b2 c2 a3 x3", "d1 b2 c2 a3 x3"} {
		if got := lineageSteps(g.Upstream("e", depth)); got != want {
			t.Errorf("Upstream(e, %d) = %s, want %s", depth, got, want)
		}
	}
	g.Nodes()[0] = nil
	if g.Nodes()[0] == nil {
		t.Error("who changes what Nodes returns changes the graph")
	}
	if text := (&dbtcloud.LineageCycleError{}).Error(); text == "" {
		t.Error("an error that nobody filled in says nothing")
	}
	var empty dbtcloud.Graph
	if order, err := empty.TopoSort(); err != nil || len(order)+len(empty.Nodes())+len(empty.Edges())+len(empty.Upstream("a", 0)) != 0 {
		t.Errorf("the zero graph holds %v, %v", order, err)
	}
}

// TestGraphLong: a long chain, a long cycle and a node that all depend on are walked
// without recursion and without work that grows with the square.
func TestGraphLong(t *testing.T) {
	t.Parallel()
	const n = 200_000
	nodes := make([]*dbtcloud.LineageNode, n)
	for i := range nodes {
		nodes[i] = &dbtcloud.LineageNode{UniqueID: fmt.Sprintf("m%07d", i), ParentIDs: []string{fmt.Sprintf("m%07d", (i+n-1)%n)}}
	}
	ring := dbtcloud.NewGraph(nodes)
	_, err := ring.TopoSort()
	cycle, ok := errors.AsType[*dbtcloud.LineageCycleError](err)
	if !ok || len(cycle.UniqueIDs) != n || cycle.UniqueIDs[0] != "m0000000" || cycle.UniqueIDs[1] != "m0000001" {
		t.Fatalf("the cycle is %.300v", err)
	}
	if want := " -> m0000009 -> 199990 more -> m0000000"; len(err.Error()) > 200 || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("the error says %.300s, want the end %s", err, want)
	}
	nodes[0].ParentIDs = nil
	chain := dbtcloud.NewGraph(nodes)
	if order, err := chain.TopoSort(); err != nil || len(order) != n || order[n-1] != nodes[n-1] {
		t.Errorf("the order of a chain has %d nodes, %v", len(order), err)
	}
	if steps := chain.Downstream("m0000000", 0); len(steps) != n-1 || steps[n-2].Distance != n-1 {
		t.Errorf("%d steps down a chain", len(steps))
	}
	for i := range nodes {
		nodes[i].ParentIDs = []string{"m0000000", "m0000000"}
	}
	if hub := dbtcloud.NewGraph(nodes); len(hub.Children("m0000000")) != n-1 || len(hub.Downstream("m0000000", 1)) != n-1 || len(hub.Edges()) != n-1 {
		t.Errorf("the hub has %d children", len(hub.Children("m0000000")))
	}
}

// naive is a graph as a map of sets, which is asked by definition.
type naive map[string]map[string]bool // parents by node

func naiveOf(nodes []*dbtcloud.LineageNode) naive {
	g := naive{}
	for _, n := range nodes {
		if g[n.UniqueID] == nil {
			g[n.UniqueID] = map[string]bool{}
		}
	}
	for _, n := range nodes {
		for _, id := range slices.Concat(n.ParentIDs, n.PublicParentIDs) {
			if g[id] == nil {
				g[id] = map[string]bool{}
			}
			if id != n.UniqueID {
				g[n.UniqueID][id] = true
			}
		}
	}
	return g
}

// upstream is the distance of each ancestor: the ancestors of a distance are the
// parents of those of the distance before, without what was nearer.
func (g naive) upstream(id string, depth int) map[string]int {
	found, near := map[string]int{id: 0}, map[string]bool{id: true}
	for distance := 1; len(near) > 0 && (depth <= 0 || distance <= depth); distance++ {
		further := map[string]bool{}
		for child := range near {
			for parent := range g[child] {
				if _, nearer := found[parent]; !nearer {
					found[parent], further[parent] = distance, true
				}
			}
		}
		near = further
	}
	delete(found, id)
	return found
}

func (g naive) turned() naive {
	turned := naive{}
	for id := range g {
		turned[id] = map[string]bool{}
	}
	for child, parents := range g {
		for parent := range parents {
			turned[parent][child] = true
		}
	}
	return turned
}

func (g naive) cyclic() bool {
	for id, parents := range g {
		for parent := range parents {
			if _, back := g.upstream(parent, 0)[id]; back {
				return true
			}
		}
	}
	return false
}

var drawnLineage = rapid.Custom(func(t *rapid.T) []*dbtcloud.LineageNode {
	// Ids that sort otherwise than they are drawn; few enough for repeats and cycles.
	id := rapid.Map(rapid.IntRange(0, 12), func(i int) string { return fmt.Sprintf("n%d", i*7%13) })
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) *dbtcloud.LineageNode {
		return &dbtcloud.LineageNode{UniqueID: id.Draw(t, "id"), ParentIDs: rapid.SliceOfN(id, 0, 2).Draw(t, "parents"), PublicParentIDs: rapid.SliceOfN(id, 0, 1).Draw(t, "public")}
	}), 0, 14).Draw(t, "nodes")
})

// TestGraphProperties: the graph says what its definition says, whatever the order in
// which nodes and parents come.
func TestGraphProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		nodes := drawnLineage.Draw(t, "lineage")
		g, want := dbtcloud.NewGraph(nodes), naiveOf(nodes)
		checkLineageNodes(t, g, want)
		depth := rapid.IntRange(-1, 5).Draw(t, "depth")
		for id := range want {
			checkLineageWalk(t, "up from "+id, g.Upstream(id, depth), want.upstream(id, depth))
			checkLineageWalk(t, "down from "+id, g.Downstream(id, depth), want.turned().upstream(id, depth))
		}
		checkLineageOrder(t, g, want)
		shuffled := dbtcloud.NewGraph(rapid.Permutation(nodes).Draw(t, "shuffled"))
		if diff := cmp.Diff(g.Edges(), shuffled.Edges()); diff != "" {
			t.Errorf("the edges depend on the order of the nodes:\n%s", diff)
		}
		a, errA := g.TopoSort()
		b, errB := shuffled.TopoSort()
		if lineageIDs(a) != lineageIDs(b) || fmt.Sprint(errA) != fmt.Sprint(errB) {
			t.Errorf("the topological order depends on the order of the nodes: %s, %v; %s, %v", lineageIDs(a), errA, lineageIDs(b), errB)
		}
	})
}

func checkLineageNodes(t *rapid.T, g *dbtcloud.Graph, want naive) {
	var ids []string
	edges := 0
	for _, n := range g.Nodes() {
		ids = append(ids, n.UniqueID)
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), ids); diff != "" {
		t.Fatalf("nodes (-want +got):\n%s", diff)
	}
	for id, parents := range want {
		edges += len(parents)
		if got := lineageIDs(g.Parents(id)); strings.ReplaceAll(got, "?", "") != strings.Join(slices.Sorted(maps.Keys(parents)), " ") {
			t.Errorf("parents of %s: %s, want %v", id, got, parents)
		}
	}
	for _, e := range g.Edges() {
		if !want[e.Child][e.Parent] {
			t.Errorf("there is no edge %v", e)
		}
	}
	if len(g.Edges()) != edges {
		t.Errorf("%d edges, want %d", len(g.Edges()), edges)
	}
}

func checkLineageWalk(t *rapid.T, name string, steps []dbtcloud.LineageStep, want map[string]int) {
	got := map[string]int{}
	for i, s := range steps {
		got[s.UniqueID] = s.Distance
		if i > 0 && (steps[i-1].Distance > s.Distance || steps[i-1].Distance == s.Distance && steps[i-1].UniqueID >= s.UniqueID) {
			t.Errorf("%s: %s comes too late", name, s.UniqueID)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || len(steps) != len(want) {
		t.Errorf("%s: %d steps (-want +got):\n%s", name, len(steps), diff)
	}
}

func checkLineageOrder(t *rapid.T, g *dbtcloud.Graph, want naive) {
	order, err := g.TopoSort()
	if (err != nil) != want.cyclic() {
		t.Fatalf("TopoSort: %v of a graph with cycles: %v", err, want.cyclic())
	}
	if err != nil {
		cycle, _ := errors.AsType[*dbtcloud.LineageCycleError](err)
		for i, id := range cycle.UniqueIDs {
			if next := cycle.UniqueIDs[(i+1)%len(cycle.UniqueIDs)]; !want[next][id] {
				t.Errorf("%s is no parent of %s in %v", id, next, err)
			}
		}
		return
	}
	placed := map[string]bool{}
	for _, n := range order {
		for parent := range want[n.UniqueID] {
			if !placed[parent] {
				t.Errorf("%s comes before its parent %s", n.UniqueID, parent)
			}
		}
		placed[n.UniqueID] = true
	}
	if len(order) != len(want) || len(placed) != len(want) {
		t.Errorf("%d of %d nodes are in order", len(order), len(want))
	}
}
