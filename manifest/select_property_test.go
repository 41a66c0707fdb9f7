package manifest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/slimci/dbtcloud/manifest"
)

// drawn draws a project without circles, in which everything may depend on what was drawn before it.
func drawn(t *rapid.T) *manifest.Manifest {
	m := &manifest.Manifest{Nodes: map[string]*manifest.Node{}}
	var ids []string
	for i := range rapid.IntRange(1, 14).Draw(t, "nodes") {
		kind := rapid.SampledFrom([]string{"model", "model", "model", "source", "test", "unit_test"}).Draw(t, "kind")
		n := &manifest.Node{
			UniqueID: fmt.Sprintf("%s.p.n%02d", kind, i), Name: fmt.Sprintf("n%02d", i), ResourceType: kind, PackageName: "p", FQN: []string{"p", fmt.Sprintf("n%02d", i)},
			Tags: rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"x", "y"}), 0, 2, rapid.ID).Draw(t, "tags"),
		}
		n.Config.Raw, _ = json.Marshal(map[string]any{"tags": n.Tags}) // where unit tests have them
		for _, id := range ids {
			if m.Nodes[id].ResourceType != "test" && m.Nodes[id].ResourceType != "unit_test" && kind != "source" && rapid.IntRange(0, 2).Draw(t, "edge") == 0 {
				n.DependsOn.Nodes = append(n.DependsOn.Nodes, id)
			}
		}
		ids = append(ids, n.UniqueID)
		m.Nodes[n.UniqueID] = n
	}
	return m
}

// distance is how many steps up it is from one node to another, by trying every way; -1 where there is none.
func distance(m *manifest.Manifest, from, to string) int {
	if from == to {
		return 0
	}
	nearest := -1
	for _, parent := range m.Nodes[from].DependsOn.Nodes {
		if d := distance(m, parent, to); d >= 0 && (nearest < 0 || d+1 < nearest) {
			nearest = d + 1
		}
	}
	return nearest
}

func selected(t *rapid.T, m *manifest.Manifest, mode manifest.Indirect, include, exclude string) []string {
	q := manifest.Query{Select: []string{include}, Indirect: mode}
	if exclude != "" {
		q.Exclude = []string{exclude}
	}
	got, err := m.Select(q)
	if err != nil {
		t.Fatal(err)
	}
	return got.IDs
}

func sortedIDs(m *manifest.Manifest, takes func(n *manifest.Node) bool) []string {
	var out []string
	for id, n := range m.Nodes {
		if takes(n) {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// Operators are what the distances between nodes say.
func TestOperatorsAreDistances(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := drawn(t)
		tag := rapid.SampledFrom([]string{"x", "y"}).Draw(t, "tag")
		up, down := rapid.IntRange(-1, 4).Draw(t, "up"), rapid.IntRange(-1, 4).Draw(t, "down")
		from := sortedIDs(m, func(n *manifest.Node) bool { return slices.Contains(n.Tags, tag) })
		within := func(d, most int) bool { return d >= 0 && (most < 0 || d <= most) }
		number := func(n int) string { return strings.TrimPrefix(fmt.Sprint(n), "-1") }

		want := sortedIDs(m, func(n *manifest.Node) bool {
			return slices.ContainsFunc(from, func(id string) bool {
				return within(distance(m, id, n.UniqueID), up) || within(distance(m, n.UniqueID, id), down)
			})
		})
		term := number(up) + "+tag:" + tag + "+" + number(down)
		if got := selected(t, m, manifest.Empty, term, ""); !slices.Equal(got, want) {
			t.Errorf("%s selects %v, want %v", term, got, want)
		}
		want = sortedIDs(m, func(n *manifest.Node) bool {
			for below := range m.Nodes {
				if distance(m, below, n.UniqueID) >= 0 && slices.ContainsFunc(from, func(id string) bool { return distance(m, below, id) >= 0 }) {
					return true
				}
			}
			return false
		})
		if got := selected(t, m, manifest.Empty, "@tag:"+tag, ""); !slices.Equal(got, want) {
			t.Errorf("@tag:%s selects %v, want %v", tag, got, want)
		}
	})
}

// A mode adds the tests that it says it adds.
func TestModesAreWhatTheySay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := drawn(t)
		from := sortedIDs(m, func(n *manifest.Node) bool { return slices.Contains(n.Tags, "x") })
		in := func(id string) bool { return slices.Contains(from, id) }
		near := func(id string) bool {
			return m.Nodes[id].ResourceType == "source" || slices.ContainsFunc(from, func(other string) bool { return distance(m, other, id) >= 0 })
		}
		every := func(ids []string, takes func(string) bool) bool {
			return !slices.ContainsFunc(ids, func(id string) bool { return !takes(id) })
		}
		modes := map[manifest.Indirect]func(parents []string) bool{
			manifest.Eager:     func([]string) bool { return true },
			manifest.Cautious:  func(parents []string) bool { return every(parents, in) },
			manifest.Buildable: func(parents []string) bool { return every(parents, near) },
			manifest.Empty:     func([]string) bool { return false },
		}
		for mode, comes := range modes {
			want := sortedIDs(m, func(n *manifest.Node) bool {
				parents := n.DependsOn.Nodes
				isTest := n.ResourceType == "test" || n.ResourceType == "unit_test"
				return in(n.UniqueID) || isTest && slices.ContainsFunc(parents, in) && comes(parents)
			})
			if got := selected(t, m, mode, "tag:x", ""); !slices.Equal(got, want) {
				t.Errorf("%s selects %v, want %v", mode, got, want)
			}
		}
	})
}

// Spaces unite, commas intersect, and exclude takes away, whatever the terms are.
func TestSetsAreSets(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := drawn(t)
		term := rapid.Custom(func(t *rapid.T) string {
			values := []string{"tag:x", "tag:y", "n0*", "n?[1-4]", "resource_type:model", "resource_type:test", "*"}
			return rapid.SampledFrom([]string{"", "", "+", "1+", "@"}).Draw(t, "front") + rapid.SampledFrom(values).Draw(t, "value")
		})
		a, b := term.Draw(t, "a"), term.Draw(t, "b")
		mode := rapid.SampledFrom([]manifest.Indirect{manifest.Eager, manifest.Empty}).Draw(t, "mode") // the others look at tests again
		inA, inB := selected(t, m, mode, a, ""), selected(t, m, mode, b, "")
		laws := map[string][2][]string{
			"union": {selected(t, m, mode, a+" "+b, ""), sortedIDs(m, func(n *manifest.Node) bool {
				return slices.Contains(inA, n.UniqueID) || slices.Contains(inB, n.UniqueID)
			})},
			"intersection": {selected(t, m, mode, a+","+b, ""), sortedIDs(m, func(n *manifest.Node) bool {
				return slices.Contains(inA, n.UniqueID) && slices.Contains(inB, n.UniqueID)
			})},
			"difference": {selected(t, m, mode, a, b), sortedIDs(m, func(n *manifest.Node) bool {
				return slices.Contains(inA, n.UniqueID) && !slices.Contains(inB, n.UniqueID)
			})},
			"order":      {selected(t, m, mode, a+" "+b, ""), selected(t, m, mode, b+" "+a, "")},
			"absorption": {selected(t, m, mode, a+" "+a+","+b, ""), inA},
		}
		for law, sides := range laws {
			if !slices.Equal(sides[0], sides[1]) {
				t.Errorf("%s of %q and %q: %v, want %v", law, a, b, sides[0], sides[1])
			}
		}
	})
}

// A circle is refused, and named; what hangs on it is not in the name.
func TestCycle(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := drawn(t)
		ids := sortedIDs(m, func(*manifest.Node) bool { return true })
		low, high := rapid.SampledFrom(ids).Draw(t, "low"), rapid.SampledFrom(ids).Draw(t, "high")
		m.Nodes[low].DependsOn.Nodes = append(m.Nodes[low].DependsOn.Nodes, high)
		_, err := m.Select(manifest.Query{})
		circle, refused := errors.AsType[*manifest.CycleError](err)
		m.Nodes[low].DependsOn.Nodes = m.Nodes[low].DependsOn.Nodes[:len(m.Nodes[low].DependsOn.Nodes)-1]
		if want := distance(m, high, low) >= 0; refused != want {
			t.Fatalf("%s depends on %s: %v, want a circle: %v", low, high, err, want)
		}
		if !refused {
			return
		}
		m.Nodes[low].DependsOn.Nodes = append(m.Nodes[low].DependsOn.Nodes, high)
		for i, id := range circle.IDs {
			if next := circle.IDs[(i+1)%len(circle.IDs)]; !slices.Contains(m.Nodes[id].DependsOn.Nodes, next) {
				t.Errorf("%v: %s does not depend on %s", circle.IDs, id, next)
			}
		}
	})
}

// What is not there covers nothing: a test that needs it is never cautiously selected, and nothing else is harmed.
func TestDependencyThatIsNotThere(t *testing.T) {
	t.Parallel()
	m := read(t, strings.Replace(shop, `"nodes": ["source.shop.erp.orders", "model.shop.orders"]`, `"nodes": ["source.shop.erp.gone", "model.shop.orders"]`, 1))
	for mode, want := range map[manifest.Indirect]string{
		manifest.Eager:     "model:orders test:loaded test:related test:unique_orders unit_test:orders.sums",
		manifest.Buildable: "model:orders test:related test:unique_orders unit_test:orders.sums",
	} {
		checkQuery(t, m, manifest.Query{Select: []string{"orders"}, Indirect: mode}, want)
	}
	off := read(t, strings.Replace(shop, `"config": {"materialized": "incremental"`, `"config": {"enabled": false, "materialized": "incremental"`, 1))
	checkQuery(t, off, manifest.Query{Select: []string{"+report.v2", "orders"}, Indirect: manifest.Empty}, "model:report.v2")
	hidden := read(t, strings.Replace(shop, `"original_file_path": "models/board.yml", "config": {"enabled": true}`, `"original_file_path": "models/board.yml", "config": {"enabled": false}`, 1))
	checkQuery(t, hidden, manifest.Query{Select: []string{"board"}}, "exposure:board") // dbt never looks whether an exposure is on
}

// FuzzSelect makes sure that any text is a selector or refused as one, that writing it twice changes nothing, and that
// everything that is selected is there.
func FuzzSelect(f *testing.F) {
	for _, seed := range []string{"+state:modified+", "1+tag:n*,@path:models/** config.a.b:TRUE", "state:+modified", "selector:*", "report.v1+2 version:old", "test_type:", "source:a.b.c.d"} {
		f.Add(seed, "", "cautious")
		f.Add("orders+", seed, "buildable")
	}
	m := read(f, shop)
	f.Fuzz(func(t *testing.T, include, exclude, mode string) {
		q := manifest.Query{Select: []string{include}, Exclude: []string{exclude}, Indirect: manifest.Indirect(mode)}
		got, err := m.Select(q)
		if err != nil {
			checkRefused(t, err)
			return
		}
		if !slices.IsSorted(got.IDs) || slices.ContainsFunc(got.IDs, func(id string) bool { return m.Nodes[id] == nil }) {
			t.Errorf("%q without %q selects %v", include, exclude, got.IDs)
		}
		q.Select = append(q.Select, include)
		if twice, err := m.Select(q); err != nil || !slices.Equal(twice.IDs, got.IDs) {
			t.Errorf("%q twice selects %v (%v), once %v", include, twice, err, got.IDs)
		}
	})
}

// FuzzYAMLSelector does so for YAML selectors.
func FuzzYAMLSelector(f *testing.F) {
	f.Add(`{"union": [{"method": "fqn", "value": "a", "parents": 1, "exclude": ["tag:x"]}, {"exclude": [{"config.a": null}]}]}`)
	f.Add(`{"intersection": [{"method": "selector", "value": "*"}, "@orders"]}`)
	f.Add(`{"method": "tag", "value": ["a"], "children_depth": -1, "indirect_selection": "empty"}`)
	f.Fuzz(func(t *testing.T, definition string) {
		m := withSelector(t, "mine", `{"definition": `+definition+`}`)
		if _, err := m.Select(manifest.Query{Selector: "mine"}); err != nil {
			checkRefused(t, err)
		}
	})
}

func checkRefused(t *testing.T, err error) {
	t.Helper()
	_, isSelector := errors.AsType[*manifest.SelectorError](err)
	_, isQuery := errors.AsType[*manifest.QueryError](err)
	if !isSelector && !isQuery || strings.ContainsAny(err.Error(), "\r\n") || len(err.Error()) > 5000 {
		t.Errorf("error %q (%T): want a SelectorError or a QueryError of one line", err, err)
	}
}

// BenchmarkSelect selects on 15,000 models with 7,500 tests.
func BenchmarkSelect(b *testing.B) {
	m := &manifest.Manifest{Nodes: map[string]*manifest.Node{}}
	for i := range 15_000 {
		n := &manifest.Node{UniqueID: fmt.Sprintf("model.p.m%d", i), Name: fmt.Sprintf("m%d", i), ResourceType: "model", PackageName: "p", FQN: []string{"p", fmt.Sprintf("m%d", i)}}
		for _, parent := range []int{i / 2, i - 1} {
			if parent < i && parent >= 0 {
				n.DependsOn.Nodes = append(n.DependsOn.Nodes, fmt.Sprintf("model.p.m%d", parent))
			}
		}
		m.Nodes[n.UniqueID] = n
		if i%2 == 0 {
			id := fmt.Sprintf("test.p.t%d", i)
			m.Nodes[id] = &manifest.Node{UniqueID: id, ResourceType: "test", FQN: []string{"p", id}, DependsOn: manifest.DependsOn{Nodes: []string{n.UniqueID}}}
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if got, err := m.Select(manifest.Query{Select: []string{"+m100+ m*7,m1*"}}); err != nil || len(got.IDs) == 0 {
			b.Fatal(got, err)
		}
	}
}
