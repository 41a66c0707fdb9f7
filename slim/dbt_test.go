package slim_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud/internal/testenv"
	"github.com/slimci/dbtcloud/slim"
)

// dbtProject is a project in a git repository, with a warehouse of duckdb and two targets in it.
type dbtProject struct {
	repo
	dbt string
	env []string
}

func newDbtProject(t *testing.T) dbtProject {
	t.Helper()
	const venv = "dbt-core-1.12"
	dbt := testenv.Installed(t, "dbt", filepath.Join(venv, "bin", "dbt"), filepath.Join("..", "internal", "parity", "testdata", venv+".txt"), filepath.Join(venv, "pins.txt"))
	p := dbtProject{repo: newRepo(t), dbt: dbt}
	p.env = []string{
		"HOME=" + p.dir, "PATH=" + filepath.Dir(dbt) + string(os.PathListSeparator) + os.Getenv("PATH"), "LANG=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1",
		"DBT_SEND_ANONYMOUS_USAGE_STATS=false", "DBT_VERSION_CHECK=false", "DO_NOT_TRACK=1", "DBT_USE_COLORS=false", "DBT_PROFILES_DIR=" + p.dir,
	}
	p.edit(map[string]string{
		".gitignore": "target/\nlogs/\nwarehouse*\n", "dbt_project.yml": "name: shop\nprofile: shop\nconfig-version: 2\n",
		"profiles.yml": "shop:\n  target: prod\n  outputs:\n    prod: {type: duckdb, path: warehouse.duckdb, schema: prod, threads: 1}\n    ci: {type: duckdb, path: warehouse.duckdb, schema: ci, threads: 1}\n",
	})
	return p
}

// edit writes files and commits them.
func (p dbtProject) edit(files map[string]string) string {
	p.t.Helper()
	for name, content := range files {
		write(p.t, filepath.Join(p.dir, name), content)
	}
	p.git("add", ".")
	return p.commit("edit")
}

// build runs dbt build and returns how each node ended, and whether all succeeded.
func (p dbtProject) build(args ...string) (map[string]string, bool) {
	p.t.Helper()
	c := exec.CommandContext(p.t.Context(), p.dbt, append([]string{"build"}, args...)...)
	c.Dir, c.Env = p.dir, p.env
	out, err := c.CombinedOutput()
	if failed, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || failed.ExitCode() != 1) {
		p.t.Fatalf("dbt build %q: %v\n%s", args, err, out)
	}
	ended := map[string]string{}
	for _, r := range ran(p.t, filepath.Join(p.dir, "target")).Results {
		ended[r.UniqueID] = string(r.Status)
	}
	return ended, err == nil
}

// TestDbt is the whole way with real dbt: a deploy, one that fails in part, and a pull request.
func TestDbt(t *testing.T) {
	t.Parallel()
	p := newDbtProject(t)
	r := &slim.Records{Store: slim.Directory(t.TempDir()), Project: "shop", Target: "prod"}
	target := filepath.Join(p.dir, "target")
	first := p.edit(map[string]string{
		"models/a.sql": "select 1 as id", "models/b.sql": "select * from {{ ref('a') }}", "models/c.sql": "select * from {{ ref('b') }}", "models/lone.sql": "select 5 as x",
	})
	if ended, ok := p.build("--target", "prod"); !ok || len(ended) != 4 {
		t.Fatalf("the first deploy ended with %v", ended)
	}
	before := publish(t, r, slim.Publication{Commit: first, Dir: target})

	second := p.edit(map[string]string{"models/b.sql": "select * from {{ ref('a') }} where nothing = 1", "models/lone.sql": "select 6 as x"})
	if ended, ok := p.build("--target", "prod"); ok {
		t.Fatalf("the second deploy was to fail: %v", ended)
	}
	d := publish(t, r, slim.Publication{Commit: second, Dir: target, Before: before})
	if diff := cmp.Diff([]string{"model.shop.b", "model.shop.c"}, d.Failed); diff != "" {
		t.Errorf("failed nodes (-want +got):\n%s", diff)
	}

	// The pull request takes back what failed, which is what production still has, and adds a model that is built from it.
	p.git("switch", "--quiet", "--create", "feature")
	p.edit(map[string]string{"models/b.sql": "select * from {{ ref('a') }}", "models/d.sql": "select * from {{ ref('b') }}"})
	b, err := r.Baseline(t.Context(), slim.Repository(p.dir), "HEAD", "main")
	if err != nil || b.Deploy.ID != d.ID {
		t.Fatalf("the baseline is %v, %v, want the second deploy", b, err)
	}
	state := fetch(t, r, b.Deploy)
	// The schema of the pull request is empty: d can only be built where dbt defers to production.
	ended, ok := p.build(append([]string{"--target", "ci", "--select", "state:modified+"}, state.Flags...)...)
	if diff := cmp.Diff(map[string]string{"model.shop.d": "success"}, ended); diff != "" || !ok {
		t.Errorf("the pull request built, with success %v (-want +got):\n%s", ok, diff)
	}
}
