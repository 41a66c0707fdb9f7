package slim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/slimci/dbtcloud"
)

// Errors of Baseline, for errors.Is. What to do without a baseline is for the caller to choose: fail, build everything, or skip.
var (
	ErrNoBaseline = errors.New("slim: no baseline")          // no good deploy among the ancestors
	ErrShallow    = errors.New("slim: the clone is shallow") // so that a newer deploy may be among what it lacks
)

// Commit is a commit as a history tells of it.
type Commit struct {
	SHA     string
	Parents []string
	Cut     bool // the clone is shallow here: the commit has parents that the clone lacks
}

// Git tells the history of commits. [Repository] asks git.
type Git interface {
	// History returns a commit and all its ancestors, each one before its parents. ref is a name or sha as git knows them.
	History(ctx context.Context, ref string) ([]Commit, error)
}

// Baseline is the deploy that a commit is to be compared with.
type Baseline struct {
	Deploy *Deploy
	// Behind is how stale it is: the commits that all refs share and that the deploy did not have.
	Behind int
}

// String says which deploy it is, and how stale.
func (b *Baseline) String() string {
	text := fmt.Sprintf("deploy of %.12s to %s at %s", b.Deploy.Commit, b.Deploy.Target, b.Deploy.Time.Format(time.DateTime))
	switch b.Behind {
	case 0:
		text += ", the newest commit that both sides share"
	case 1:
		text += ", 1 commit behind"
	default:
		text += fmt.Sprintf(", %d commits behind", b.Behind)
	}
	if n := len(b.Deploy.Failed); n > 0 {
		text += fmt.Sprintf("; %d of its nodes are in the state of before, since they failed", n)
	}
	return text
}

// Baseline finds the newest good deploy among the commits that all refs have in common: of a pull request its head and its target
// branch, whose common commits are the merge base and its ancestors; of a deploy its commit alone. The newest is the one that
// the fewest of those commits are missing from; of several deploys of one commit the last. Nothing suitable is ErrNoBaseline; a
// shallow clone that may lack a newer one is ErrShallow.
func (r *Records) Baseline(ctx context.Context, git Git, refs ...string) (*Baseline, error) {
	if git == nil || len(refs) == 0 {
		return nil, fmt.Errorf("%w: a baseline needs a repository and a ref", dbtcloud.ErrInvalid)
	}
	marks, err := r.marks(ctx)
	if err != nil {
		return nil, err
	}
	var histories [][]Commit
	for _, ref := range refs {
		history, err := git.History(ctx, ref)
		if err != nil {
			return nil, err
		}
		histories = append(histories, history)
	}
	found, err := choose(marks, histories)
	if err != nil {
		return nil, fmt.Errorf("%w: project %s, target %s, commits of %s", err, r.Project, r.Target, strings.Join(refs, " and "))
	}
	d, err := r.load(ctx, found.mark)
	if err != nil {
		return nil, err
	}
	return &Baseline{Deploy: d, Behind: found.behind}, nil
}

// choice is a mark, and how many of the common commits it lacks.
type choice struct {
	mark
	behind int
}

// choose is Baseline as a function of the records and the histories.
func choose(marks []mark, histories [][]Commit) (choice, error) {
	common := shared(histories)
	last := map[string]mark{} // of each commit
	good := 0
	for _, m := range marks {
		if !m.good {
			continue
		}
		good++
		if newer, there := last[m.commit]; !there || m.id > newer.id {
			last[m.commit] = m
		}
	}
	best := choice{behind: -1}
	reached := set{} // ancestors of candidates: a deploy among them is older than one that was seen
	var ancestry set // of the best
	for _, c := range common.order {
		m, deployed := last[c]
		if !deployed || reached[c] {
			continue
		}
		ancestors := common.ancestors(c)
		for a := range ancestors {
			reached[a] = true
		}
		if now := (choice{m, len(common.order) - len(ancestors)}); best.behind < 0 || cmp.Or(best.behind-now.behind, strings.Compare(now.id, best.id)) > 0 {
			best, ancestry = now, ancestors
		}
	}
	if cut := cuts(histories); good > 0 && !ancestry.hasAll(cut) {
		return choice{}, fmt.Errorf("%w: %d commits are its end, and a newer deploy may lie behind them: get all of it with git fetch --unshallow, "+
			"or check out with fetch-depth: 0 (GitHub), GIT_DEPTH: 0 (GitLab), fetchDepth: 0 (Azure), clone: depth: full (Bitbucket)", ErrShallow, len(cut))
	}
	if best.behind < 0 {
		return choice{}, fmt.Errorf("%w: of %d deploys %d are good, and none of these is among the %d commits in common: deploy one of them, or fetch the branch that is deployed",
			ErrNoBaseline, len(marks), good, len(common.order))
	}
	return best, nil
}

type set map[string]bool

func (s set) hasAll(others set) bool {
	for c := range others {
		if !s[c] {
			return false
		}
	}
	return true
}

// graph is a part of a history, each commit before its parents.
type graph struct {
	order   []string
	parents map[string][]string
}

// shared is what all histories have. It is closed: of each commit they have all ancestors.
func shared(histories [][]Commit) graph {
	g := graph{parents: map[string][]string{}}
	count := map[string]int{}
	for _, history := range histories {
		for _, c := range history {
			count[c.SHA]++
		}
	}
	for _, c := range histories[0] {
		if count[c.SHA] == len(histories) {
			g.order = append(g.order, c.SHA)
			g.parents[c.SHA] = c.Parents
		}
	}
	return g
}

// ancestors are the commit and what it is built on.
func (g graph) ancestors(commit string) set {
	seen, next := set{commit: true}, []string{commit}
	for len(next) > 0 {
		c := next[len(next)-1]
		next = next[:len(next)-1]
		for _, parent := range g.parents[c] {
			if _, known := g.parents[parent]; known && !seen[parent] {
				seen[parent] = true
				next = append(next, parent)
			}
		}
	}
	return seen
}

// cuts are the commits at which a shallow clone ends.
func cuts(histories [][]Commit) set {
	cut := set{}
	for _, history := range histories {
		for _, c := range history {
			if c.Cut {
				cut[c.SHA] = true
			}
		}
	}
	return cut
}
