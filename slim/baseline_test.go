package slim

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/slimci/dbtcloud/internal/testenv"
)

// world is a history of commits 0 to n-1, each with older parents, and deploys of some of them.
type world struct {
	parents [][]int
	cut     []bool
	marks   []mark
	refs    []int
}

func name(commit int) string { return fmt.Sprintf("%040x", commit) }

// drawWorld draws linear stretches, branches and merges, and deploys in any order of upload.
func drawWorld(t *rapid.T) world {
	n := rapid.IntRange(1, 24).Draw(t, "commits")
	w := world{parents: make([][]int, n), cut: make([]bool, n)}
	for c := 1; c < n; c++ {
		for range rapid.SampledFrom([]int{1, 1, 2, 2, 3, 0}).Draw(t, "parents") {
			if p := c - rapid.IntRange(1, min(c, 4)).Draw(t, "back"); !slices.Contains(w.parents[c], p) {
				w.parents[c] = append(w.parents[c], p)
			}
		}
	}
	for i := range rapid.IntRange(0, 12).Draw(t, "deploys") {
		commit := name(rapid.IntRange(0, n+1).Draw(t, "deployed")) // the last two are of another clone
		id := fmt.Sprintf("%02d-%s", rapid.IntRange(0, 99).Draw(t, "time"), commit)
		w.marks = append(w.marks, mark{id: fmt.Sprintf("%s-%d", id, i), commit: commit, good: rapid.IntRange(0, 3).Draw(t, "good") > 0})
	}
	for range rapid.IntRange(1, 3).Draw(t, "refs") {
		w.refs = append(w.refs, rapid.IntRange(max(0, n-4), n-1).Draw(t, "ref"))
	}
	return w
}

// histories is what git tells of the refs: where the clone is cut, nothing beyond.
func (w world) histories() [][]Commit {
	var all [][]Commit
	for _, ref := range w.refs {
		visible := map[int]bool{ref: true}
		var history []Commit
		for c := ref; c >= 0; c-- { // parents have smaller numbers
			if !visible[c] {
				continue
			}
			commit := Commit{SHA: name(c), Cut: w.cut[c]}
			for _, p := range w.parents[c] {
				if !w.cut[c] {
					visible[p] = true
					commit.Parents = append(commit.Parents, name(p))
				}
			}
			history = append(history, commit)
		}
		all = append(all, history)
	}
	return all
}

// reaches is the transitive closure of the whole history, by brute force.
func (w world) reaches() [][]bool {
	n := len(w.parents)
	r := make([][]bool, n)
	for c := range n {
		r[c] = make([]bool, n)
		r[c][c] = true
		for _, p := range w.parents[c] {
			for a := range n {
				r[c][a] = r[c][a] || r[p][a]
			}
		}
	}
	return r
}

// oracle is the baseline by brute force; nil for none.
func (w world) oracle() *choice {
	reaches := w.reaches()
	isCommon := func(c int) bool {
		return !slices.ContainsFunc(w.refs, func(ref int) bool { return !reaches[ref][c] })
	}
	var all []choice
	for _, m := range w.marks {
		for c := range w.parents {
			if m.commit != name(c) || !m.good || !isCommon(c) {
				continue
			}
			behind := 0
			for other := range w.parents {
				if isCommon(other) && !reaches[c][other] {
					behind++
				}
			}
			all = append(all, choice{m, behind})
		}
	}
	if len(all) == 0 {
		return nil
	}
	best := slices.MinFunc(all, func(a, b choice) int { return cmp.Or(a.behind-b.behind, strings.Compare(b.id, a.id)) })
	return &best
}

func TestChooseIsTheOracle(t *testing.T) {
	t.Parallel()
	for range testenv.Count(10, 100, 2000) {
		rapid.Check(t, chooseIsTheOracle)
	}
}

func chooseIsTheOracle(t *rapid.T) {
	w := drawWorld(t)
	got, err := choose(w.marks, w.histories())
	want := w.oracle()
	switch {
	case want == nil:
		if !errors.Is(err, ErrNoBaseline) {
			t.Fatalf("got %v, %v, want ErrNoBaseline", got, err)
		}
		return
	case err != nil || got != *want:
		t.Fatalf("got %v, %v, want %v", got, err, *want)
	}
	reaches := w.reaches()
	for _, m := range w.marks { // the newest by the order of commits: none that it is an ancestor of
		for c := range w.parents {
			common := !slices.ContainsFunc(w.refs, func(ref int) bool { return !reaches[ref][c] })
			for mine := range w.parents {
				if m.good && m.commit == name(c) && common && name(mine) == got.commit && c != mine && reaches[c][mine] {
					t.Fatalf("%s was chosen, the newer %s is there", got.commit, m.commit)
				}
			}
		}
	}
	// In which order the records are listed does not matter.
	w.marks = rapid.Permutation(w.marks).Draw(t, "listed")
	if again, err := choose(w.marks, w.histories()); err != nil || again != got {
		t.Fatalf("in another order: %v, %v, want %v", again, err, got)
	}
}

// A shallow clone gives the answer that the whole one gives, or none.
func TestChooseInAShallowClone(t *testing.T) {
	t.Parallel()
	answered, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		for c := range w.cut {
			w.cut[c] = len(w.parents[c]) > 0 && rapid.IntRange(0, 3).Draw(t, "cut") == 0
		}
		got, err := choose(w.marks, w.histories())
		want := w.oracle()
		switch {
		case errors.Is(err, ErrShallow):
			refused++
		case errors.Is(err, ErrNoBaseline):
			if want != nil {
				t.Fatalf("no baseline, want %v", want)
			}
		case err != nil || want == nil || got.id != want.id:
			t.Fatalf("got %v, %v, want %v", got, err, want)
		default:
			answered++
		}
	})
	if answered == 0 || refused == 0 {
		t.Errorf("%d answers and %d refusals: the test shows nothing", answered, refused)
	}
}

func TestChooseExplains(t *testing.T) {
	t.Parallel()
	w := world{parents: [][]int{nil, {0}, {1}}, cut: make([]bool, 3), refs: []int{2}, marks: []mark{
		{id: "1", commit: name(1)}, {id: "2", commit: name(7), good: true},
	}}
	_, err := choose(w.marks, w.histories())
	if err == nil || !strings.Contains(err.Error(), "of 2 deploys 1 are good") || !strings.Contains(err.Error(), "3 commits in common") {
		t.Errorf("the error is %v", err)
	}
	w.cut[1] = true
	if _, err := choose(w.marks[:1], w.histories()); !errors.Is(err, ErrNoBaseline) {
		t.Errorf("without a good deploy a shallow clone gives %v, want ErrNoBaseline", err)
	}
	if _, err := choose(w.marks, w.histories()); !errors.Is(err, ErrShallow) || !strings.Contains(err.Error(), "fetch-depth: 0") {
		t.Errorf("the error is %v, want ErrShallow and what to do", err)
	}
}

func TestPart(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.Custom(func(t *rapid.T) string {
			return rapid.OneOf(rapid.StringN(1, 12, -1), rapid.StringOfN(rapid.SampledFrom([]rune("a./=2E")), 1, 4, -1)).Draw(t, "name")
		})
		a, b := names.Draw(t, "a"), names.Draw(t, "b")
		if err := CheckKey(part(a)); err != nil || strings.Contains(part(a), "/") {
			t.Fatalf("part(%q) = %q: %v", a, part(a), err)
		}
		if (part(a) == part(b)) != (a == b) {
			t.Fatalf("part(%q) = %q, part(%q) = %q", a, part(a), b, part(b))
		}
	})
	for name, want := range map[string]string{"prod": "prod", "a/b": "a=2Fb", ".": "=2E", "=2E": "=3D2E", "v1.0": "v1.0", "é": "=C3=A9"} {
		if got := part(name); got != want {
			t.Errorf("part(%q) = %q, want %q", name, got, want)
		}
	}
}
