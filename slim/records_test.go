package slim_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/manifest"
	"github.com/slimci/dbtcloud/slim"
)

func TestPublishAndFetch(t *testing.T) {
	t.Parallel()
	r := records(t)
	shop := project{models: map[string]string{"a": "select 1", "b": "select 2"}, results: map[string]string{"a": "success", "b": "success"}}
	dir := shop.target(t)
	write(t, filepath.Join(dir, "catalog.json"), "{}")
	write(t, filepath.Join(dir, "compiled", "x.sql"), "not kept")
	d := publish(t, r, slim.Publication{Commit: sha('a'), Branch: "main", Dir: dir})
	if !d.Good || d.Failed != nil || d.DbtVersion != "1.10.2" || d.InvocationID != "of-the-deploy" || time.Since(d.Time).Abs() > time.Hour {
		t.Errorf("the deploy is %+v", d)
	}
	again, err := r.Get(t.Context(), d.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(d, again, cmp.Comparer(func(a, b time.Time) bool { return a.Sub(b).Abs() < time.Microsecond })); diff != "" {
		t.Errorf("the record tells another deploy (-published +read):\n%s", diff)
	}
	state := fetch(t, r, again)
	if want := []string{"--defer", "--state", state.Dir}; !cmp.Equal(state.Flags, want) || !filepath.IsAbs(state.Dir) {
		t.Errorf("flags %q, want %q and an absolute path", state.Flags, want)
	}
	for _, name := range []string{"manifest.json", "run_results.json", "catalog.json"} {
		if read(t, filepath.Join(state.Dir, name)) != read(t, filepath.Join(dir, name)) {
			t.Errorf("%s is not what was published", name)
		}
	}
	if _, err := os.Stat(filepath.Join(state.Dir, "sources.json")); err == nil {
		t.Error("a file came that was not published")
	}
}

func TestAll(t *testing.T) {
	t.Parallel()
	r := records(t)
	dir := project{models: map[string]string{"a": "1"}}.target(t)
	other := &slim.Records{Store: r.Store, Project: "shop", Target: "prod/x=é."}
	publish(t, other, slim.Publication{Commit: sha('f'), Dir: dir})
	want := []string{sha('a'), sha('b'), sha('a')}
	for i, commit := range want {
		publish(t, r, slim.Publication{Commit: commit, Dir: dir, Aborted: i == 1})
	}
	var got []string
	for d, err := range r.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if d.Good != (d.Commit == sha('a')) {
			t.Errorf("the deploy of %s has Good %v", d.Commit, d.Good)
		}
		got = append(got, d.Commit)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("All (-want +got):\n%s", diff)
	}
	for d, err := range other.All(t.Context()) {
		if err != nil || d.Target != other.Target {
			t.Errorf("the other target has %+v, %v", d, err)
		}
	}
	if _, err := r.Get(t.Context(), "none"); !errors.Is(err, slim.ErrNotFound) {
		t.Errorf("Get of no id gives %v, want ErrNotFound", err)
	}
}

func TestPublishRefuses(t *testing.T) {
	t.Parallel()
	good := project{models: map[string]string{"a": "1"}, results: map[string]string{"a": "success"}}
	with := func(change func(*project)) string {
		p := good
		change(&p)
		return p.target(t)
	}
	without := func(name string) string {
		dir := good.target(t)
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	truncated := good.target(t)
	write(t, filepath.Join(truncated, "manifest.json"), string(good.manifest()[:300]))
	tests := map[string]struct {
		p    slim.Publication
		says string
	}{
		"no commit":        {slim.Publication{Dir: good.target(t)}, "no full sha"},
		"short commit":     {slim.Publication{Commit: "abc1234", Dir: good.target(t)}, "no full sha"},
		"no directory":     {slim.Publication{Commit: sha('a')}, "target directory"},
		"no manifest":      {slim.Publication{Commit: sha('a'), Dir: without("manifest.json")}, "manifest.json: publish after a deploy has run"},
		"no results":       {slim.Publication{Commit: sha('a'), Dir: without("run_results.json")}, "run_results.json: publish after a deploy has run"},
		"another project":  {slim.Publication{Commit: sha('a'), Dir: with(func(p *project) { p.name = "bank" })}, `of the project "bank", not of shop`},
		"docs generate":    {slim.Publication{Commit: sha('a'), Dir: with(func(p *project) { p.command = "generate" })}, "dbt generate, which builds nothing"},
		"wrong version":    {slim.Publication{Commit: sha('a'), Dir: with(func(p *project) { p.schema = 99 })}, "v99"},
		"truncated":        {slim.Publication{Commit: sha('a'), Dir: truncated}, "manifest.json"},
		"before of others": {slim.Publication{Commit: sha('a'), Dir: good.target(t), Before: &slim.Deploy{Project: "shop", Target: "uat"}}, "target uat"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := records(t)
			_, err := r.Publish(t.Context(), test.p)
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Fatalf("the error is %v, want one that says %q", err, test.says)
			}
			if !errors.Is(err, dbtcloud.ErrInvalid) {
				t.Errorf("%v is not ErrInvalid", err)
			}
			for o, err := range r.Store.List(t.Context(), "") {
				t.Errorf("%s was stored, %v", o.Key, err)
			}
		})
	}
	for _, r := range []*slim.Records{{}, {Store: slim.Directory(t.TempDir()), Project: "shop"}, {Store: slim.Directory(t.TempDir()), Project: strings.Repeat("x", 600), Target: "prod"}} {
		if _, err := r.Publish(t.Context(), slim.Publication{Commit: sha('a'), Dir: good.target(t)}); !errors.Is(err, dbtcloud.ErrInvalid) {
			t.Errorf("records without a place give %v, want ErrInvalid", err)
		}
	}
}

func TestPartlyFailed(t *testing.T) {
	t.Parallel()
	r := records(t)
	first := publish(t, r, slim.Publication{Commit: sha('a'), Dir: project{
		models: map[string]string{"a": "old a", "b": "old b", "c": "old c", "gone": "x"}, results: map[string]string{"a": "success", "b": "success", "c": "success"},
	}.target(t)})
	now := project{
		models:  map[string]string{"a": "new a", "b": "new b", "c": "old c", "d": "new d", "e": "new e"},
		macros:  map[string]string{"m": "new"},
		results: map[string]string{"a": "success", "b": "error", "c": "skipped", "d": "error", "e": "success", "gone": "error"},
	}
	second := publish(t, r, slim.Publication{Commit: sha('b'), Dir: now.target(t), Before: first})
	if diff := cmp.Diff([]string{"model.shop.b", "model.shop.c", "model.shop.d"}, second.Failed); diff != "" || !second.Good {
		t.Errorf("Good is %v, failed nodes (-want +got):\n%s", second.Good, diff)
	}
	want := project{models: map[string]string{"a": "new a", "b": "old b", "c": "old c", "e": "new e"}, macros: now.macros}
	sameState(t, want, fetch(t, r, second))

	// The next deploy mends b alone: c and d are still what they were.
	later := now
	later.models = map[string]string{"a": "new a", "b": "newer b", "c": "newer c", "d": "new d", "e": "new e"}
	later.results = map[string]string{"b": "success"}
	third := publish(t, r, slim.Publication{Commit: sha('c'), Dir: later.target(t), Before: second})
	if diff := cmp.Diff([]string{"model.shop.c", "model.shop.d"}, third.Failed); diff != "" {
		t.Errorf("failed nodes (-want +got):\n%s", diff)
	}
	want.models = map[string]string{"a": "new a", "b": "newer b", "c": "old c", "e": "new e"}
	sameState(t, want, fetch(t, r, third))
}

// sameState compares a state with what a whole deploy would have left, byte for byte of each node.
func sameState(t *testing.T, want project, got *slim.State) {
	t.Helper()
	text := read(t, filepath.Join(got.Dir, "manifest.json"))
	old, now := parsed(t, string(want.manifest())), parsed(t, text)
	c, err := manifest.Compare(old, now, manifest.Core112())
	if err != nil {
		t.Fatal(err)
	}
	modified, err := c.Select("modified")
	if err != nil || len(modified) > 0 || len(old.Nodes) != len(now.Nodes) {
		t.Errorf("%d nodes, want %d; other than wanted: %q, %v", len(now.Nodes), len(old.Nodes), modified, err)
	}
	for id, node := range old.Nodes {
		wanted, err := node.Raw(strings.NewReader(string(want.manifest())))
		if err != nil || !strings.Contains(text, string(wanted)) {
			t.Errorf("%s is not as it was written: %v", id, err)
		}
	}
}

func TestPartlyFailedFirst(t *testing.T) {
	t.Parallel()
	r := records(t)
	now := project{models: map[string]string{"a": "1", "b": "2"}, results: map[string]string{"a": "success", "b": "error"}}
	older := now
	older.schema, older.results = 11, nil
	before := publish(t, r, slim.Publication{Commit: sha('a'), Dir: older.target(t)})
	want := project{models: map[string]string{"a": "1"}}
	for name, before := range map[string]*slim.Deploy{"none": nil, "of another schema": before} {
		d := publish(t, r, slim.Publication{Commit: sha('b'), Dir: now.target(t), Before: before})
		if state := parsed(t, read(t, filepath.Join(fetch(t, r, d).Dir, "manifest.json"))); len(state.Nodes) != 1 || state.Nodes[want.id("a")] == nil {
			t.Errorf("before is %s: the state has %d nodes, want a alone", name, len(state.Nodes))
		}
	}
}

func TestSeveralSteps(t *testing.T) {
	t.Parallel()
	r := records(t)
	shop := project{models: map[string]string{"a": "1", "b": "2", "c": "3"}, results: map[string]string{"c": "success"}}
	dir := shop.target(t)
	var steps []string
	for i, results := range []map[string]string{{"a": "error", "b": "success"}, {"a": "success"}, {"b": "fail"}} {
		shop.results = results
		name := filepath.Join(t.TempDir(), string(rune('0'+i))+".json")
		write(t, name, string(shop.runResults()))
		steps = append(steps, name)
	}
	d := publish(t, r, slim.Publication{Commit: sha('a'), Dir: dir, Results: steps})
	if diff := cmp.Diff([]string{"model.shop.b"}, d.Failed); diff != "" {
		t.Errorf("failed nodes (-want +got):\n%s", diff)
	}
	if got := read(t, filepath.Join(fetch(t, r, d).Dir, "run_results.json")); got != read(t, steps[2]) {
		t.Error("run_results.json is not that of the last step")
	}
}

func TestHalfWrittenRecordsAreNotSeen(t *testing.T) {
	t.Parallel()
	r := records(t)
	d := publish(t, r, slim.Publication{Commit: sha('a'), Dir: project{models: map[string]string{"a": "1"}}.target(t)})
	if err := r.Store.Delete(t.Context(), "shop/prod/deploys/"+d.ID+"/deploy.json"); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"deploy.json", "x/deploy.json", "20260101T000000.000000Z-abc-x/deploy.json", "x-" + sha('a') + "-y/deploy.json"} {
		if err := r.Store.Put(t.Context(), "shop/prod/deploys/"+key, strings.NewReader("{}")); err != nil {
			t.Fatal(err)
		}
	}
	for d, err := range r.All(t.Context()) {
		t.Errorf("seen: %v, %v", d, err)
	}
}

func TestCorrupt(t *testing.T) {
	t.Parallel()
	dir := project{models: map[string]string{"a": "1"}}.target(t)
	tests := map[string]struct {
		object, content, says string
	}{
		"manifest cut":     {"manifest.json", "{}", "manifest.json is not what was stored"},
		"manifest empty":   {"manifest.json", "", "manifest.json is not what was stored"},
		"manifest missing": {"manifest.json", "missing", "manifest.json is missing"},
		"results changed":  {"run_results.json", "[]", "run_results.json is not what was stored"},
		"record empty":     {"deploy.json", "", "deploy.json"},
		"record of others": {"deploy.json", `{"format":1,"id":"x"}`, "deploy.json"},
		"record cut":       {"deploy.json", `{"format":1,`, "deploy.json"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := records(t)
			d := publish(t, r, slim.Publication{Commit: sha('a'), Dir: dir})
			key := "shop/prod/deploys/" + d.ID + "/" + test.object
			err := r.Store.Put(t.Context(), key, strings.NewReader(test.content))
			if test.content == "missing" {
				err = r.Store.Delete(t.Context(), key)
			}
			if err != nil {
				t.Fatal(err)
			}
			into := filepath.Join(t.TempDir(), "state")
			d, err = r.Get(t.Context(), d.ID)
			if err == nil {
				_, err = r.Fetch(t.Context(), d, into)
			}
			if !errors.Is(err, slim.ErrCorrupt) || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), key) {
				t.Errorf("the error is %v, want ErrCorrupt that says %q", err, test.says)
			}
			if left, _ := os.ReadDir(filepath.Dir(into)); len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestRecordsTrustNoName(t *testing.T) {
	t.Parallel()
	r := records(t)
	d := publish(t, r, slim.Publication{Commit: sha('a'), Dir: project{models: map[string]string{"a": "1"}}.target(t)})
	key := "shop/prod/deploys/" + d.ID + "/deploy.json"
	in, err := r.Store.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(in)
	if err = errors.Join(err, in.Close()); err != nil {
		t.Fatal(err)
	}
	record := string(raw)
	for from, to := range map[string]string{
		`"run_results.json"`: `"../run_results.json"`, `"run_results.json": "`: `"x": "..`, `"project": "shop"`: `"project": "bank"`, `"good": true`: `"good": false`, `"format": 1`: `"format": 0`,
	} {
		changed := strings.Replace(record, from, to, 1)
		if changed == record {
			t.Fatalf("the record has no %s", from)
		}
		if err := r.Store.Put(t.Context(), key, strings.NewReader(changed)); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Get(t.Context(), d.ID); !errors.Is(err, slim.ErrCorrupt) {
			t.Errorf("a record with %s gives %v, want ErrCorrupt", to, err)
		}
	}
	newer := strings.Replace(record, `"format": 1`, `"format": 2`, 1)
	if err := r.Store.Put(t.Context(), key, strings.NewReader(newer)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Get(t.Context(), d.ID); err == nil || !strings.Contains(err.Error(), "format 2") {
		t.Errorf("a record of a newer format gives %v", err)
	}
}

func TestFetchInto(t *testing.T) {
	t.Parallel()
	r := records(t)
	a := publish(t, r, slim.Publication{Commit: sha('a'), Dir: project{models: map[string]string{"a": "1"}}.target(t)})
	b := publish(t, r, slim.Publication{Commit: sha('b'), Dir: project{models: map[string]string{"a": "2"}}.target(t)})
	dir := filepath.Join(t.TempDir(), "made", "state")
	for _, d := range []*slim.Deploy{a, b} { // the second takes the place of the first
		if _, err := r.Fetch(t.Context(), d, dir); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, filepath.Join(dir, "manifest.json")); !strings.Contains(got, `"raw_code":"2"`) {
		t.Error("the state is not the one of the second deploy")
	}
	if left, _ := os.ReadDir(filepath.Dir(dir)); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	for name, file := range map[string]string{"a project": "dbt_project.yml", "dbt's target directory": "manifest.json"} {
		full := t.TempDir()
		write(t, filepath.Join(full, file), "mine")
		if _, err := r.Fetch(t.Context(), a, full); !errors.Is(err, dbtcloud.ErrInvalid) || read(t, filepath.Join(full, file)) != "mine" {
			t.Errorf("fetching into %s gives %v, want ErrInvalid", name, err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "mine")
	if _, err := r.Fetch(t.Context(), a, file); !errors.Is(err, dbtcloud.ErrInvalid) || read(t, file) != "mine" {
		t.Errorf("fetching into a file gives %v, want ErrInvalid", err)
	}
}
