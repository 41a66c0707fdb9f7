package slim_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/internal/testenv"
	"github.com/slimci/dbtcloud/slim"
)

// repo is a git repository of a test.
type repo struct {
	t   *testing.T
	dir string
}

func newRepo(t *testing.T) repo {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		testenv.Skip(t, "no git: %v", err)
	}
	r := repo{t, t.TempDir()}
	r.git("init", "--quiet", "--initial-branch=main")
	return r
}

func (r repo) git(args ...string) string {
	r.t.Helper()
	c := exec.CommandContext(r.t.Context(), "git", args...)
	c.Dir = r.dir
	c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com",
		"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com", "GIT_AUTHOR_DATE=2026-01-02T03:04:05Z", "GIT_COMMITTER_DATE=2026-01-02T03:04:05Z")
	out, err := c.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit makes a commit and returns its sha.
func (r repo) commit(message string) string {
	r.t.Helper()
	r.git("commit", "--quiet", "--allow-empty", "--message", message)
	return r.git("rev-parse", "HEAD")
}

func TestBaseline(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t), records(t)
	dir := project{models: map[string]string{"a": "1"}}.target(t)
	first := g.commit("first")
	second := g.commit("second")
	third := g.commit("third")
	g.git("switch", "--quiet", "--create", "feature")
	g.commit("work")
	g.git("switch", "--quiet", "main")
	fourth := g.commit("fourth")
	baseline := func(refs ...string) (*slim.Baseline, error) {
		return r.Baseline(t.Context(), slim.Repository(g.dir), refs...)
	}
	expect := func(refs []string, commit string, behind int) {
		t.Helper()
		b, err := baseline(refs...)
		if err != nil || b.Deploy.Commit != commit || b.Behind != behind {
			t.Errorf("the baseline of %q is %v, %v, want %.12s and %d behind", refs, b, err, commit, behind)
		}
	}
	if _, err := baseline("feature", "main"); !errors.Is(err, slim.ErrNoBaseline) || !strings.Contains(err.Error(), "project shop, target prod, commits of feature and main") {
		t.Errorf("without deploys: %v, want ErrNoBaseline", err)
	}
	publish(t, r, slim.Publication{Commit: fourth, Dir: dir})
	publish(t, r, slim.Publication{Commit: third, Dir: dir, Aborted: true})
	second1 := publish(t, r, slim.Publication{Commit: second, Dir: dir})
	publish(t, r, slim.Publication{Commit: first, Dir: dir}) // late
	expect([]string{"feature", "main"}, second, 1)
	expect([]string{"main"}, fourth, 0)
	second2 := publish(t, r, slim.Publication{Commit: second, Dir: dir})
	if b, err := baseline("feature", "main"); err != nil || b.Deploy.ID != second2.ID || second1.ID == second2.ID {
		t.Errorf("of two deploys of a commit the last counts: %v, %v", b, err)
	} else if text := b.String(); !strings.Contains(text, "1 commit behind") || !strings.Contains(text, second[:12]) {
		t.Errorf("it says %q", text)
	}
	g.git("switch", "--quiet", "feature")
	g.git("merge", "--quiet", "--no-edit", "main")
	expect([]string{"HEAD", "main"}, fourth, 0)
	g.git("tag", "--annotate", "--message", "x", "v1", second)
	expect([]string{"v1"}, second, 0)
	g.git("switch", "--quiet", "--orphan", "apart")
	g.commit("apart")
	if _, err := baseline("apart", "main"); !errors.Is(err, slim.ErrNoBaseline) {
		t.Errorf("of histories apart: %v, want ErrNoBaseline", err)
	}
	for _, refs := range [][]string{nil, {""}, {"--all"}} {
		if _, err := baseline(refs...); !errors.Is(err, dbtcloud.ErrInvalid) {
			t.Errorf("refs %q give %v, want ErrInvalid", refs, err)
		}
	}
	if _, err := baseline("feature", "origin/main"); err == nil || !strings.Contains(err.Error(), `"origin/main"`) || !strings.Contains(err.Error(), "fetch") {
		t.Errorf("an unknown branch gives %v, want what to fetch", err)
	}
}

func TestBaselineOfAShallowClone(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t), records(t)
	dir := project{models: map[string]string{"a": "1"}}.target(t)
	var commits []string
	for range 6 {
		commits = append(commits, g.commit("next"))
	}
	publish(t, r, slim.Publication{Commit: commits[2], Dir: dir})
	clone := repo{t, filepath.Join(t.TempDir(), "clone")}
	g.git("clone", "--quiet", "--depth=2", "file://"+filepath.ToSlash(g.dir), clone.dir)
	_, err := r.Baseline(t.Context(), slim.Repository(clone.dir), "HEAD")
	if !errors.Is(err, slim.ErrShallow) || !strings.Contains(err.Error(), "--unshallow") {
		t.Errorf("a clone of two commits gives %v, want ErrShallow", err)
	}
	clone.git("fetch", "--quiet", "--depth=5")
	for _, in := range []string{clone.dir, filepath.Join(clone.dir, ".git")} {
		if b, err := r.Baseline(t.Context(), slim.Repository(in), "HEAD"); err != nil || b.Deploy.Commit != commits[2] || b.Behind != 3 {
			t.Errorf("a clone that is deep enough gives %v, %v", b, err)
		}
	}
	clone.git("fetch", "--quiet", "--unshallow")
	if b, err := r.Baseline(t.Context(), slim.Repository(clone.dir), "HEAD"); err != nil || b.Deploy.Commit != commits[2] || b.Behind != 3 {
		t.Errorf("the whole clone gives %v, %v", b, err)
	}
	if _, err := r.Baseline(t.Context(), slim.Repository(t.TempDir()), "HEAD"); err == nil || errors.Is(err, slim.ErrNoBaseline) {
		t.Errorf("no repository gives %v", err)
	}
}
