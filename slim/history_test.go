package slim_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/slimci/dbtcloud/internal/testenv"
	"github.com/slimci/dbtcloud/slim"
)

// TestBaselineOfRealHistories merges and deploys in any order, in real repositories, and asks git for an answer of its own.
func TestBaselineOfRealHistories(t *testing.T) {
	t.Parallel()
	for seed := range testenv.Count(3, 10, 200) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			h := &realHistory{repo: newRepo(t), records: records(t), random: rand.New(rand.NewPCG(uint64(seed), 0))}
			h.target = project{models: map[string]string{"a": "1"}}.target(t)
			h.branches = []string{"main"}
			h.commits = []string{h.commit("first")}
			for range 16 {
				h.step()
			}
			for range 6 {
				h.check(h.any(h.branches), "main")
			}
			h.check("main")
		})
	}
}

type realHistory struct {
	repo
	records           *slim.Records
	random            *rand.Rand
	target            string
	branches, commits []string
	deploys           []*slim.Deploy
}

func (h *realHistory) any(of []string) string { return of[h.random.IntN(len(of))] }

// step commits, branches off, merges, or deploys any commit, also one that is old by now.
func (h *realHistory) step() {
	h.git("switch", "--quiet", h.any(h.branches))
	switch h.random.IntN(5) {
	case 0:
		name := fmt.Sprintf("b%d", len(h.branches))
		h.git("switch", "--quiet", "--create", name)
		h.branches = append(h.branches, name)
	case 1:
		h.git("merge", "--quiet", "--no-ff", "--no-edit", h.any(h.branches))
	case 2, 3:
		d := publish(h.t, h.records, slim.Publication{Commit: h.any(h.commits), Dir: h.target, Aborted: h.random.IntN(3) == 0})
		h.deploys = append(h.deploys, d)
	default:
		h.commit("next")
	}
	h.commits = append(h.commits, h.git("rev-parse", "HEAD"))
}

// ancestors are the commit itself and all that it is built on.
func (h *realHistory) ancestors(ref string) map[string]bool {
	set := map[string]bool{}
	for sha := range strings.FieldsSeq(h.git("rev-list", ref)) {
		set[sha] = true
	}
	return set
}

// check compares the baseline with the one by brute force.
func (h *realHistory) check(refs ...string) {
	h.t.Helper()
	common := h.ancestors(refs[0])
	for _, ref := range refs[1:] {
		others := h.ancestors(ref)
		for sha := range common {
			if !others[sha] {
				delete(common, sha)
			}
		}
	}
	var want *slim.Deploy
	behind := -1
	for _, d := range h.deploys { // of equals the later one
		if !d.Good || !common[d.Commit] {
			continue
		}
		missing := len(common) - len(h.ancestors(d.Commit)) // what is common has its ancestors in common
		if behind < 0 || missing <= behind {
			want, behind = d, missing
		}
	}
	got, err := h.records.Baseline(h.t.Context(), slim.Repository(h.dir), refs...)
	switch {
	case want == nil:
		if !errors.Is(err, slim.ErrNoBaseline) {
			h.t.Errorf("the baseline of %q is %v, %v, want ErrNoBaseline", refs, got, err)
		}
	case err != nil || got.Deploy.ID != want.ID || got.Behind != behind:
		h.t.Errorf("the baseline of %q is %v, %v, want %s, %d behind", refs, got, err, want.ID, behind)
	}
}
