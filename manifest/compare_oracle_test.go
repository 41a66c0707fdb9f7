package manifest_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slimci/dbtcloud/internal/testenv"
	"github.com/slimci/dbtcloud/manifest"
)

// some is how few of the answers of dbt are looked at under the race detector: one of so many.
const some = 16

// scenario is an edit of a project, and what dbt-core 1.12.3 selects after it.
type scenario struct {
	Name     string                     `json:"name"`
	Flag     bool                       `json:"compare_more_unrendered_values"`
	Old      map[string]sectionEdit     `json:"old"`
	New      map[string]sectionEdit     `json:"new"`
	Expected map[string]json.RawMessage `json:"expected_json_vs_json"`
	Why      map[string]json.RawMessage `json:"why"` // by unique id
	Events   [][2]string                `json:"events"`
}

// sectionEdit is how a section differs from that of the base manifest.
type sectionEdit struct {
	Set     map[string]json.RawMessage `json:"set"`
	Del     []string                   `json:"del"`
	Replace json.RawMessage            `json:"replace"`
	Absent  bool                       `json:"absent"`
}

func edited(t testing.TB, base map[string]json.RawMessage, edits map[string]sectionEdit) []byte {
	t.Helper()
	out := map[string]json.RawMessage{}
	maps.Copy(out, base)
	for key, edit := range edits {
		switch {
		case edit.Absent:
			delete(out, key)
		case edit.Replace != nil:
			out[key] = edit.Replace
		default:
			section := map[string]json.RawMessage{}
			if err := json.Unmarshal(out[key], &section); out[key] != nil && err != nil {
				t.Fatal(err)
			}
			maps.Copy(section, edit.Set)
			for _, id := range edit.Del {
				delete(section, id)
			}
			out[key] = encoded(t, section)
		}
	}
	return encoded(t, out)
}

func encoded(t testing.TB, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func scenarios(t testing.TB) (base map[string]json.RawMessage, all []scenario) {
	t.Helper()
	if err := json.Unmarshal(unzip(t, testenv.Shared(t, "state", "base.json.gz")), &base); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(bytes.NewReader(unzip(t, testenv.Shared(t, "state", "cases.jsonl.gz"))))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var s scenario
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	if err := lines.Err(); err != nil || len(all) < 200 {
		t.Fatalf("%d scenarios, %v", len(all), err)
	}
	return base, all
}

func engine(flag bool) manifest.Engine {
	e := manifest.Core112()
	e.CompareMoreUnrenderedValues = flag
	return e
}

// Every scenario, every selector that needs no graph, file against file.
func TestCompareScenarios(t *testing.T) {
	t.Parallel()
	base, all := scenarios(t)
	for i, s := range all {
		if testenv.Race && i%some != 0 {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			old, oldErr := manifest.Read(bytes.NewReader(edited(t, base, s.Old)))
			now, err := manifest.Read(bytes.NewReader(edited(t, base, s.New)))
			if err != nil {
				t.Fatal(err)
			}
			if oldErr != nil {
				checkUnreadable(t, s, oldErr)
				return
			}
			c, err := manifest.Compare(old, now, engine(s.Flag))
			if err != nil {
				t.Fatal(err)
			}
			for selector, want := range s.Expected {
				if name := strings.TrimPrefix(selector, "state:"); !strings.Contains(selector, "+") {
					checkSelected(t, c, name, want)
				}
			}
			checkEvents(t, s, c)
			checkWhy(t, s, c)
		})
	}
}

// checkUnreadable makes sure that dbt refuses the state as well, with every selector.
func checkUnreadable(t *testing.T, s scenario, err error) {
	t.Helper()
	var version *manifest.VersionError
	for selector, want := range s.Expected {
		if string(want) != `"ERROR IncompatibleSchemaError"` || !errors.As(err, &version) {
			t.Errorf("%s: %v, dbt gives %s", selector, err, want)
		}
	}
}

func checkSelected(t *testing.T, c *manifest.Comparison, selector string, expected json.RawMessage) {
	t.Helper()
	got, err := c.Select(selector)
	var refused string
	if json.Unmarshal(expected, &refused) == nil {
		var contract *manifest.ContractError
		if refused != "ERROR ContractBreakingChangeError" || !errors.As(err, &contract) {
			t.Errorf("state:%s = %v, dbt gives %s", selector, err, refused)
		}
		return
	}
	var want []string
	if err := json.Unmarshal(expected, &want); err != nil {
		t.Fatal(err)
	}
	got = slices.DeleteFunc(got, func(id string) bool { return c.New.Nodes[id].ResourceType == "operation" }) // no command lists hooks
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
		t.Errorf("state:%s (-dbt +got), %v:\n%s", selector, err, diff)
	}
}

func checkEvents(t *testing.T, s scenario, c *manifest.Comparison) {
	t.Helper()
	want, got := map[string]bool{}, map[string]bool{}
	for _, event := range s.Events {
		want[event[1]] = true
	}
	for _, w := range c.Warnings {
		got[w.Event] = true
	}
	if _, err := c.Select("modified"); err != nil {
		got["MainEncounteredError"] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-dbt +got):\n%s", diff)
	}
}

// checkWhy compares the causes with the methods of dbt that found a difference.
func checkWhy(t *testing.T, s scenario, c *manifest.Comparison) {
	t.Helper()
	for id, raw := range s.Why {
		var reasons []any
		if err := json.Unmarshal(raw, &reasons); err != nil {
			t.Fatal(err)
		}
		change := c.Change(id)
		if strings.HasPrefix(id, "unit_test.") && reasons[0] == "same_fqn" {
			continue // it is another, but dbt does not ask for it
		}
		if change == nil {
			t.Errorf("%s: no causes, dbt has %v", id, reasons)
			continue
		}
		got, keys := map[manifest.CauseKind]bool{}, map[string]bool{}
		for _, cause := range change.Causes {
			got[cause.Kind] = true
			keys[cause.Key] = true
		}
		for i, reason := range reasons {
			if name, ok := reason.(string); ok {
				if kind := causeOf(name); !got[kind] {
					t.Errorf("%s: %s in dbt, causes here %v", id, name, change.Causes)
				}
				continue
			}
			for _, key := range reason.(map[string]any)["unrendered_config_keys"].([]any) {
				if !keys[key.(string)] {
					t.Errorf("%s: the key %v of %v is not among %v", id, key, reasons[i-1], change.Causes)
				}
			}
		}
	}
}

// causeOf is the cause for a method of dbt that found a difference.
func causeOf(method string) manifest.CauseKind {
	method, _, _ = strings.Cut(method, "!") // what it raised
	switch method {
	case "new":
		return manifest.CauseNew
	case "same_body":
		return manifest.CauseBody
	case "same_config":
		return manifest.CauseConfig
	case "same_persisted_description":
		return manifest.CauseDescription
	case "same_database_representation":
		return manifest.CauseRelation
	case "same_contract":
		return manifest.CauseContract
	case "same_fqn":
		return manifest.CauseFQN
	case "macros":
		return manifest.CauseMacros
	}
	return manifest.CauseField
}

// pair is what dbt selects of two manifests.
type pair struct {
	Selected map[string]json.RawMessage `json:"sel"`
	Events   []string                   `json:"events"`
}

func TestComparePairs(t *testing.T) {
	t.Parallel()
	dir := testenv.Shared(t, "state")
	var pairs map[string]pair
	if err := json.Unmarshal(unzip(t, filepath.Join(dir, "pairs.json.gz")), &pairs); err != nil || len(pairs) < 100 {
		t.Fatalf("%d pairs, %v", len(pairs), err)
	}
	for i, key := range slices.Sorted(maps.Keys(pairs)) {
		if testenv.Race && i%some != 0 {
			continue
		}
		p, names := pairs[key], strings.Split(key, "|")
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			comparePair(t, filepath.Join(dir, "manifests", names[0]+".gz"), filepath.Join(dir, "manifests", names[1]+".gz"), engine(names[2] == "unrendered"), p)
		})
	}
}

func comparePair(t *testing.T, oldPath, newPath string, e manifest.Engine, p pair) {
	t.Helper()
	old, err := manifest.Read(bytes.NewReader(unzip(t, oldPath)))
	if err != nil {
		t.Fatal(err)
	}
	now, err := manifest.Read(bytes.NewReader(unzip(t, newPath)))
	if err != nil {
		t.Fatal(err)
	}
	c, err := manifest.Compare(old, now, e)
	if err != nil {
		t.Fatal(err)
	}
	for _, selector := range manifest.StateSelectors() {
		if want, asked := p.Selected["state:"+selector]; asked {
			checkSelected(t, c, selector, want)
		}
	}
	var got []string
	for _, w := range c.Warnings {
		got = append(got, fmt.Sprintf("('%s', '%s')", w.Event, now.Nodes[w.ID].Name))
	}
	if diff := cmp.Diff(p.Events, got, cmpopts.EquateEmpty(), cmpopts.SortSlices(strings.Compare)); diff != "" {
		t.Errorf("events (-dbt +got):\n%s", diff)
	}
}

func TestCompareBigPair(t *testing.T) {
	t.Parallel()
	dir := testenv.Shared(t, "state")
	var big map[string]pair
	if err := json.Unmarshal(unzip(t, filepath.Join(dir, "big.json.gz")), &big); err != nil {
		t.Fatal(err)
	}
	p := big["large2312"]
	if len(p.Selected) < 10 {
		t.Fatalf("%d selectors", len(p.Selected))
	}
	comparePair(t, filepath.Join(dir, "manifests", "large2312_old.json.gz"), filepath.Join(dir, "manifests", "large2312_new.json.gz"), manifest.Core112(), p)
}
