package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud/internal/testenv"
)

func TestStateLs(t *testing.T) {
	t.Parallel()
	none := []func(object){}
	tests := []struct {
		name   string
		edits  []func(object)
		args   []string
		want   string // unique ids, with spaces between them
		stderr string // what is told
	}{
		{"all", none, nil, "exposure.shop.board model.shop.daily model.shop.orders model.shop.price.v1 model.shop.rates source.shop.raw.orders test.shop.not_null_orders_id.1", ""},
		{"a body", []func(object){newBody()}, []string{"-s", "state:modified"}, "model.shop.orders test.shop.not_null_orders_id.1", ""},
		{"without its tests", []func(object){newBody()}, []string{"-s", "state:modified", "--indirect-selection", "empty"}, "model.shop.orders", ""},
		{"and what is made of it", []func(object){newBody()}, []string{"--select", "state:modified+"}, "exposure.shop.board model.shop.daily model.shop.orders test.shop.not_null_orders_id.1", ""},
		{"for a command", []func(object){newBody()}, []string{"--select", "state:modified+", "--command=run"}, "model.shop.daily model.shop.orders", ""},
		{"excluded", []func(object){newBody()}, []string{"--select", "state:modified+", "--exclude", "daily+", "--exclude="}, "model.shop.orders test.shop.not_null_orders_id.1", ""},
		{"united", none, []string{"-s", "daily", "-s", "rates"}, "model.shop.daily model.shop.rates", ""},
		{"a macro far away", []func(object){newMacro()}, []string{"-s", "state:modified.macros", "--command=run"}, "model.shop.orders", ""},
		{"a YAML selector", []func(object){put(object{"mine": object{"name": "mine", "definition": "daily"}}, "selectors")}, []string{"--selector=mine"}, "model.shop.daily", ""},
		{"nothing", none, []string{"-s", "state:modified"}, "", "warning: NoNodesForSelectionCriteria: The selection criterion 'state:modified' does not match any enabled nodes"},
		{"other parents", []func(object){put([]string{}, "nodes", "model.shop.daily", "depends_on", "nodes")}, []string{"-s", "state:modified", "--depends-on"}, "model.shop.daily", ""},
		{"a contract without versions", []func(object){brokenContract("model.shop.rates")}, []string{"-s", "state:modified"}, "model.shop.rates", "warning: UnversionedBreakingChange: model.shop.rates: "},
		{"an older dbt", []func(object){put("1.9.4", "metadata", "dbt_version")}, []string{"-s", "daily"}, "model.shop.daily", "note: the manifest is of dbt 1.9.4"},
		{"asked as it", []func(object){put("1.9.4", "metadata", "dbt_version")}, []string{"-s", "daily", "--engine=core-1.9"}, "model.shop.daily", ""},
		{"the flag", []func(object){put("other", "sources", "source.shop.raw.orders", "unrendered_schema")},
			[]string{"-s", "state:modified.relation", "--command=ls", "--indirect-selection=empty", "--compare-more-unrendered-values=true"}, "source.shop.raw.orders", ""},
		{"the flag off", []func(object){put("other", "sources", "source.shop.raw.orders", "unrendered_schema")},
			[]string{"-s", "state:modified.relation", "--compare-more-unrendered-values=false"}, "", "NoNodesSelected"},
		{"one invocation, but other contents", []func(object){put("1", "metadata", "invocation_id"), newBody()}, []string{"-s", "state:new"}, "", "warning: both manifests say that they are of one invocation"},
		{"another name of the project", []func(object){put("store", "metadata", "project_name")}, []string{"-s", "daily"}, "model.shop.daily", `warning: the project was called "shop" and is called "store" now`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			o := invoke(t, nil, stateArgs(t, "ls", aShop("1"), aShop("2", test.edits...), test.args...)...).want(t, exitSuccess)
			if diff := cmp.Diff(test.want, strings.Join(strings.Fields(o.stdout), " ")); diff != "" {
				t.Errorf("selected (-want +got):\n%s", diff)
			}
			if !strings.Contains(o.stderr, test.stderr) || test.stderr == "" && o.stderr != "" {
				t.Errorf("stderr %q, want %q", o.stderr, test.stderr)
			}
		})
	}
}

// The artifacts of a state can be given as files, plain or as a gzip, or as the directory that they are in.
func TestStateFiles(t *testing.T) {
	t.Parallel()
	results := object{
		"metadata": object{"dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json"},
		"results":  []any{object{"unique_id": "model.shop.daily", "status": "error"}},
	}
	sources := func(at string) object {
		return object{
			"metadata": object{"dbt_schema_version": "https://schemas.getdbt.com/dbt/sources/v3.json"},
			"results":  []any{object{"unique_id": "source.shop.raw.orders", "status": "pass", "max_loaded_at": at, "snapshotted_at": at}},
		}
	}
	now, old := save(t, "manifest.json", aShop("2", newBody())), save(t, "manifest.json.gz", aShop("1"))
	saveBeside := func(file, name string, content any) {
		if err := os.Rename(save(t, name, content), filepath.Join(filepath.Dir(file), name)); err != nil {
			t.Fatal(err)
		}
	}
	saveBeside(old, "run_results.json", results)
	saveBeside(old, "sources.json.gz", sources("2026-01-01T00:00:00Z"))
	saveBeside(now, "sources.json", sources("2026-01-02T00:00:00Z"))
	others := save(t, "others.json", object{"metadata": results["metadata"], "results": []any{object{"unique_id": "model.shop.rates", "status": "error"}}})
	tests := []struct {
		name string
		env  map[string]string
		args []string
		want string
	}{
		{"a gzip", nil, []string{"--state", old, "--manifest", now, "-s", "state:modified"}, "model.shop.orders\n"},
		{"directories", nil, []string{"--state", filepath.Dir(old), "--manifest", filepath.Dir(now), "-s", "state:modified"}, "model.shop.orders\n"},
		{"the variable", map[string]string{"DBT_STATE": filepath.Dir(old)}, []string{"--manifest", now, "-s", "state:modified"}, "model.shop.orders\n"},
		{"results beside the state", nil, []string{"--state", old, "--manifest", now, "-s", "result:error"}, "model.shop.daily\n"},
		{"other results", nil, []string{"--state", old, "--manifest", now, "-s", "result:error", "--run-results", others}, "model.shop.rates\n"},
		{"sources beside both", nil, []string{"--state", old, "--manifest", now, "-s", "source_status:fresher"}, "source.shop.raw.orders\n"},
		{"a file of sources", nil, []string{"--state", old, "--manifest", now, "-s", "source_status:fresher,tag:none", "-s", "daily", "--sources", filepath.Join(filepath.Dir(now), "sources.json")}, "model.shop.daily\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			o := invoke(t, test.env, append([]string{"state", "ls", "--indirect-selection=empty"}, test.args...)...).want(t, exitSuccess)
			if o.stdout != test.want {
				t.Errorf("selected %q, want %q", o.stdout, test.want)
			}
		})
	}
}

func TestStateLsJSON(t *testing.T) {
	t.Parallel()
	for selector, want := range map[string]string{"daily rates": `["model.shop.daily","model.shop.rates"]`, "state:modified": `[]`} {
		o := invoke(t, nil, stateArgs(t, "ls", aShop("1"), aShop("2"), "-s", selector, "--output=json")...).want(t, exitSuccess)
		if o.stdout != want+"\n" {
			t.Errorf("%s: %q, want %q", selector, o.stdout, want)
		}
	}
}

// What others wrote steers neither a terminal nor a CI service.
func TestStateLsIsInert(t *testing.T) {
	t.Parallel()
	const id = "model.shop.\x1b[31m##vso[task.complete]\n::error::x"
	now := aShop("2", put(model("odd", "select 2", nil), "nodes", id))
	o := invoke(t, nil, stateArgs(t, "ls", aShop("1"), now, "-s", "state:new")...).want(t, exitSuccess)
	if want := "model.shop.# #vso[task.complete] ::error::x\n"; o.stdout != want {
		t.Errorf("stdout %q, want %q", o.stdout, want)
	}
}

func TestStateRefused(t *testing.T) {
	t.Parallel()
	now := aShop("2", brokenContract("model.shop.price.v1"), newBody())
	o := invoke(t, nil, stateArgs(t, "ls", aShop("1"), now, "-s", "state:modified+")...).want(t, exitRunFailed)
	if o.stdout != "" || !strings.Contains(o.stderr, "ContractBreakingChangeError: model.shop.price.v1: ") {
		t.Errorf("stdout %q, stderr %q, want dbt's refusal", o.stdout, o.stderr)
	}
	invoke(t, nil, stateArgs(t, "ls", aShop("1"), now, "-s", "state:modified.body")...).want(t, exitSuccess)
	lost := aShop("2", newMacro(), put([]any{nil}, "nodes", "model.shop.daily", "depends_on", "macros"))
	if o := invoke(t, nil, stateArgs(t, "ls", aShop("1"), lost, "-s", "state:modified")...).want(t, exitRunFailed); !strings.Contains(o.stderr, "CompilationError: model.shop.daily ") {
		t.Errorf("stderr %q, want dbt's CompilationError", o.stderr)
	}
}

// badStates are invocations that are refused with exit status 2.
func badStates(t *testing.T) map[string]struct {
	args []string
	want string
} {
	t.Helper()
	good, now := save(t, "manifest.json", aShop("1")), save(t, "manifest.json", aShop("2"))
	whole, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	other := aShop("3", put("bank", "metadata", "project_name"), put(object{"model.bank.money": model("money", "select 3", nil)}, "nodes"), put(object{}, "sources"), put(object{}, "exposures"))
	circle := aShop("4", put([]string{"model.shop.daily"}, "nodes", "model.shop.orders", "depends_on", "nodes"))
	both := func(state, current string, args ...string) []string {
		return append([]string{"--state", state, "--manifest", current}, args...)
	}
	schema := func(url string) object { return aShop("5", put(url, "metadata", "dbt_schema_version")) }
	cut := save(t, "manifest.json.gz", string(whole))
	if err := os.Truncate(cut, 700); err != nil {
		t.Fatal(err)
	}
	return map[string]struct {
		args []string
		want string
	}{
		"no state":              {[]string{"--manifest", now}, "--state: is missing: give the manifest.json of the last deploy"},
		"empty state":           {both("", now), `"--state" flag: is empty`},
		"no such state":         {both("nowhere.json", now), "--state: nowhere.json: no such file or directory: give the file"},
		"no such manifest":      {[]string{"--state", good}, "--manifest: target/manifest.json: no such file or directory: run dbt parse"},
		"no manifest in it":     {both(t.TempDir(), now), "no such file or directory: give the file, or the directory that it is in"},
		"both wrong":            {both("nowhere.json", "neither.json"), "--manifest: neither.json: "},
		"truncated":             {both(save(t, "manifest.json", string(whole[:len(whole)/2])), now), "it ends too early: fetch it"},
		"a truncated gzip":      {both(cut, now), "it ends too early: fetch it"},
		"empty":                 {both(save(t, "manifest.json", ""), now), "--state: "},
		"no JSON":               {both(save(t, "manifest.json", "<html>"), now), "fetch it, or have dbt write it, once more"},
		"deeply nested":         {both(save(t, "manifest.json", `{"nodes":`+strings.Repeat("[", 1<<20)), now), "fetch it, or have dbt write it"},
		"too old":               {both(save(t, "manifest.json", schema("https://schemas.getdbt.com/dbt/manifest/v3.json")), now), "manifest/v3.json"},
		"too new":               {both(good, save(t, "manifest.json", schema("https://schemas.getdbt.com/dbt/manifest/v99.json"))), "versions 4 to 12 are read"},
		"run results":           {both(save(t, "run_results.json", schema("https://schemas.getdbt.com/dbt/run-results/v6.json")), now), "not a manifest"},
		"an id twice":           {both(save(t, "manifest.json", strings.Replace(string(whole), `"model.shop.rates":`, `"model.shop.orders":`, 1)), now), "twice"},
		"itself":                {both(good, good), "both are the manifest of one invocation of dbt (1), so nothing can have changed"},
		"itself as a gzip":      {both(save(t, "manifest.json.gz", string(whole)), good), "kept outside of target"},
		"another project":       {both(save(t, "manifest.json", other), now), `different projects, "bank" and "shop"`},
		"a project not named":   {both(save(t, "manifest.json", other), save(t, "manifest.json", aShop("6", gone("metadata", "project_name")))), `different projects, "bank" and "not named"`},
		"a circle":              {both(good, save(t, "manifest.json", circle), "-s", "+daily"), "model.shop.daily"},
		"empty selector":        {both(good, now, "--select", " "), "--select: is empty: is the variable set"},
		"unknown method":        {both(good, now, "-s", "stat:modified"), `did you mean "state:modified"`},
		"a typo of many":        {both(good, now, "-s", "state:+modified"), `did you mean "+state:modified"?`},
		"unknown state":         {both(good, now, "-s", "state:modified.bodies"), `did you mean "state:modified.body"`},
		"@ and +":               {both(good, now, "-s", "@daily+"), `did you mean "@daily"?`},
		"no results":            {both(good, now, "-s", "result:error"), "run_results.json"},
		"no such results":       {both(good, now, "-s", "result:error", "--run-results=nowhere.json"), "--run-results: nowhere.json: "},
		"no sources":            {both(good, now, "-s", "source_status:fresher"), "sources.json"},
		"selector and select":   {both(good, now, "-s", "daily", "--selector=mine"), "--selector and --select or --exclude: give only one"},
		"unknown YAML selector": {both(good, now, "--selector=mine"), `--selector: the project has no YAML selector "mine", it has none`},
		"unknown mode":          {both(good, now, "--indirect-selection=lazy"), "must be one of eager, cautious, buildable, empty"},
		"unknown command":       {both(good, now, "--command=docs"), "must be one of ls, list, build"},
		"unknown engine":        {both(good, now, "--engine=core-2"), "must be one of core-1.9, core-1.12"},
		"no switch":             {both(good, now, "--compare-more-unrendered-values=maybe"), "must be true or false"},
		"unquoted":              {both(good, now, "-s", "daily", "rates"), "check the quotes"},
	}
}

func TestStateBadInput(t *testing.T) {
	t.Parallel()
	for name, test := range badStates(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := invoke(t, nil, append([]string{"state", "ls"}, test.args...)...).want(t, exitBadInput)
			if o.stdout != "" || !strings.Contains(o.stderr, test.want) || strings.Count(o.stderr, "\n") != 1 {
				t.Errorf("stdout %q, stderr %q, want one line with %q", o.stdout, o.stderr, test.want)
			}
			if word := goWords.FindString(strings.ReplaceAll(o.stderr, ".json: ", " ")); word != "" {
				t.Errorf("stderr %q speaks Go: %q", o.stderr, word)
			}
		})
	}
}

// Every recorded answer of dbt to a selector is what the command prints.
func TestStateLsIsWhatDbtLists(t *testing.T) {
	t.Parallel()
	var recorded struct {
		Cases []struct {
			Mode, Command, Select, Exclude string
			Result                         []string
		}
	}
	err := json.Unmarshal(unpackShared(t, "grammar.json.gz"), &recorded)
	if err != nil || len(recorded.Cases) < 690 {
		t.Fatalf("%d cases are recorded: %v", len(recorded.Cases), err)
	}
	old, now := testenv.Shared(t, "state", "gram_old.json.gz"), testenv.Shared(t, "state", "gram_new.json.gz")
	every := testenv.Count(10, 1, 1) // the package's own test has them all each time
	for i, c := range recorded.Cases {
		if i%every > 0 {
			continue
		}
		t.Run(fmt.Sprintf("%s %s -s %s --exclude %s", c.Command, c.Mode, c.Select, c.Exclude), func(t *testing.T) {
			t.Parallel()
			o := invoke(t, nil, "state", "ls", "--state", old, "--manifest", now, "--select", c.Select, "--exclude", c.Exclude,
				"--indirect-selection", c.Mode, "--command", c.Command, "--engine=core-1.12", "--compare-more-unrendered-values=true").want(t, exitSuccess)
			if diff := cmp.Diff(strings.Join(append(c.Result, ""), "\n"), o.stdout); diff != "" {
				t.Errorf("selected (-dbt +ours):\n%s", diff)
			}
		})
	}
}
