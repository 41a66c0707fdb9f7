package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slimci/dbtcloud/internal/testenv"
)

// checkout is a dbt project in a git repository, and a store.
type checkout struct {
	t          *testing.T
	dir, store string
}

func newCheckout(t *testing.T) checkout {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		testenv.Skip(t, "no git: %v", err)
	}
	c := checkout{t, t.TempDir(), t.TempDir()}
	c.git("init", "--quiet", "--initial-branch=main")
	c.write("dbt_project.yml", "config-version: 2\nname: 'shop' # ours\n")
	c.git("add", "dbt_project.yml")
	c.commit()
	return c
}

func (c checkout) git(args ...string) string {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), "git", append([]string{"-C", c.dir, "-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		c.t.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (c checkout) commit() string {
	c.t.Helper()
	c.git("commit", "--quiet", "--allow-empty", "--message", "next")
	return c.git("rev-parse", "HEAD")
}

func (c checkout) write(name, content string) {
	c.t.Helper()
	path := filepath.Join(c.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// build leaves behind what dbt build does: the manifest, and how each node ended.
func (c checkout) build(m object, statuses map[string]string) {
	c.t.Helper()
	results := []object{}
	for id, status := range statuses {
		results = append(results, object{"unique_id": id, "status": status, "execution_time": 1, "timing": []any{}})
	}
	for name, content := range map[string]object{"manifest.json": m, "run_results.json": {
		"metadata": object{"dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json"}, "results": results, "args": object{"which": "build"},
	}} {
		raw, err := json.Marshal(content)
		if err != nil {
			c.t.Fatal(err)
		}
		c.write(filepath.Join("target", name), string(raw))
	}
}

func (c checkout) slim(args ...string) outcome {
	c.t.Helper()
	args = append([]string{"slim"}, args...)
	return invoke(c.t, map[string]string{"DBT_CLOUD_SLIM_STORE": c.store}, append(args, "--project-dir", c.dir)...)
}

// A deploy, another one that fails in part, and a pull request that is compared with what is really there.
func TestSlimPublishAndFetch(t *testing.T) {
	t.Parallel()
	c := newCheckout(t)
	state := filepath.Join(c.dir, "state")
	none := c.slim("fetch", "--into", state).want(t, exitRunFailed)
	if !strings.Contains(none.stderr, "no baseline: of 0 deploys") || none.stdout != "" {
		t.Errorf("without a deploy: stdout %q, stderr %q", none.stdout, none.stderr)
	}
	full := c.slim("fetch", "--into", state, "--otherwise", "full").want(t, exitSuccess)
	if !strings.Contains(full.stderr, "everything is to be built") || full.stdout != "" {
		t.Errorf("without a deploy, everything: stdout %q, stderr %q", full.stdout, full.stderr)
	}

	c.build(aShop("first"), map[string]string{"model.shop.orders": "success", "model.shop.daily": "success"})
	first := c.slim("publish").want(t, exitSuccess)
	if !strings.Contains(first.stderr, "no deploy was published before this one") || !strings.Contains(first.stdout, c.git("rev-parse", "HEAD")) {
		t.Errorf("the first deploy: stdout %q, stderr %q", first.stdout, first.stderr)
	}
	c.commit()
	edit := func(m object) {
		nodes := m["nodes"].(object)
		nodes["model.shop.orders"].(object)["raw_code"] = "select 2"
		nodes["model.shop.daily"].(object)["raw_code"] = "select 3"
	}
	c.build(aShop("second", edit), map[string]string{"model.shop.orders": "success", "model.shop.daily": "error"})
	second := c.slim("publish", "--output", "json").want(t, exitSuccess).object(t)
	if failed, _ := second["failed"].([]any); len(failed) != 1 || failed[0] != "model.shop.daily" || second["good"] != true {
		t.Errorf("the second deploy: %v", second)
	}

	c.git("switch", "--quiet", "--create", "feature")
	c.commit()
	got := c.slim("fetch", "--into", state, "--ref", "HEAD", "--ref", "main").want(t, exitSuccess)
	if want := "--defer --state " + state + "\n"; got.stdout != want || !strings.Contains(got.stderr, "1 of its nodes are in the state of before") {
		t.Errorf("fetch: stdout %q, want %q, stderr %q", got.stdout, want, got.stderr)
	}
	c.build(aShop("third", edit), nil)
	ls := invoke(t, nil, "state", "ls", "--state", state, "--manifest", filepath.Join(c.dir, "target"), "--select", "state:modified").want(t, exitSuccess)
	if ls.stdout != "model.shop.daily\n" {
		t.Errorf("modified is %q, want what has failed alone", ls.stdout)
	}
	behind := c.slim("fetch", "--into", state, "--output", "json").want(t, exitSuccess).object(t)
	if n := numberOf(t, behind, "commits_behind"); n != 1 || behind["deploy"].(object)["id"] != second["id"] {
		t.Errorf("fetch as JSON: %v", behind)
	}
}

func TestSlimRefuses(t *testing.T) {
	t.Parallel()
	c := newCheckout(t)
	c.build(aShop("first"), nil)
	c.write("elsewhere/dbt_project.yml", "version: 1\n")
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"no store", []string{"fetch", "--into", "x", "--project", "shop"}, "--store: is missing: give it, or set DBT_CLOUD_SLIM_STORE"},
		{"unknown store", []string{"fetch", "--into", "x", "--project", "shop", "--store", "s3://bucket"}, "a store of the kind \"s3\""},
		{"no directory", []string{"fetch", "--store", c.store}, "--into: is missing"},
		{"no project", []string{"publish", "--store", c.store, "--project-dir", filepath.Join(c.dir, "none")}, "give the name, or --project-dir"},
		{"no name", []string{"publish", "--store", c.store, "--project-dir", filepath.Join(c.dir, "elsewhere")}, "has no name that can be read"},
		{"another project", []string{"publish", "--store", c.store, "--project-dir", c.dir, "--project", "bank"}, "is of the project \"shop\", not of bank"},
		{"short commit", []string{"publish", "--store", c.store, "--project-dir", c.dir, "--sha", "HEAD"}, "is no full sha"},
		{"empty results", []string{"publish", "--store", c.store, "--project-dir", c.dir, "--run-results="}, "--run-results: is empty"},
		{"an argument", []string{"publish", "target"}, "takes flags only"},
		{"wrong otherwise", []string{"fetch", "--otherwise", "skip"}, "must be one of fail, full"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			o := invoke(t, nil, append([]string{"slim"}, test.args...)...).want(t, exitBadInput)
			if !strings.Contains(o.stderr, test.want) || o.stdout != "" {
				t.Errorf("stdout %q, stderr %q, want %q", o.stdout, o.stderr, test.want)
			}
		})
	}
	if entries, err := os.ReadDir(c.store); err != nil || len(entries) > 0 {
		t.Errorf("the store has %v, %v", entries, err)
	}
	published := newCheckout(t)
	published.build(aShop("first"), nil)
	published.slim("publish").want(t, exitSuccess)
	o := published.slim("fetch", "--into", filepath.Join(published.dir, "target")).want(t, exitBadInput)
	if !strings.Contains(o.stderr, "never dbt's target directory") {
		t.Errorf("fetching into the target directory: %s", o.stderr)
	}
}
