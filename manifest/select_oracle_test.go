package manifest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slimci/dbtcloud/internal/testenv"
	"github.com/slimci/dbtcloud/manifest"
)

// Every answer of dbt to a selector that is recorded is ours: methods and operators in every mode and for every command.
func TestSelectIsWhatDbtSelects(t *testing.T) {
	t.Parallel()
	var recorded struct {
		Cases []struct {
			Mode    manifest.Indirect `json:"mode"`
			Command manifest.Command  `json:"command"`
			Select  string            `json:"select"`
			Exclude string            `json:"exclude"`
			Result  []string          `json:"result"`
		} `json:"cases"`
	}
	if err := json.Unmarshal(unzip(t, testenv.Shared(t, "state", "grammar.json.gz")), &recorded); err != nil {
		t.Fatal(err)
	}
	state := compared(t, testenv.Shared(t, "state", "gram_old.json.gz"), testenv.Shared(t, "state", "gram_new.json.gz"), manifest.Core112())
	for _, c := range recorded.Cases {
		q := manifest.Query{Select: []string{c.Select}, Indirect: c.Mode, Command: c.Command, State: state}
		if c.Exclude != "" {
			q.Exclude = []string{c.Exclude}
		}
		t.Run(fmt.Sprintf("%s %s -s %s --exclude %s", c.Command, c.Mode, c.Select, c.Exclude), func(t *testing.T) {
			t.Parallel()
			got, err := state.New.Select(q)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.Result, got.IDs, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("selected (-dbt +ours):\n%s", diff)
			}
		})
	}
	if len(recorded.Cases) < 690 {
		t.Errorf("only %d cases are recorded", len(recorded.Cases))
	}
}

// The operators are right on real projects, and on a large one.
func TestSelectOnRealProjects(t *testing.T) {
	t.Parallel()
	var pairs, big map[string]pair
	if err := json.Unmarshal(unzip(t, testenv.Shared(t, "state", "pairs.json.gz")), &pairs); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(unzip(t, testenv.Shared(t, "state", "big.json.gz")), &big); err != nil {
		t.Fatal(err)
	}
	pairs["large2312_old.json|large2312_new.json|unrendered"] = big["large2312"]
	for key, recorded := range pairs {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			parts := strings.Split(key, "|")
			file := func(name string) string { return testenv.Shared(t, "state", "manifests", name+".gz") }
			state := compared(t, file(parts[0]), file(parts[1]), engine(parts[2] == "unrendered"))
			asked := 0
			for selector, raw := range recorded.Selected {
				if strings.ContainsAny(selector, "@+,") { // the others ask the comparison alone
					asked++
					sameSelection(t, state, selector, raw)
				}
			}
			if asked < 4 {
				t.Errorf("only %d selectors with operators are recorded", asked)
			}
		})
	}
}

func sameSelection(t *testing.T, state *manifest.Comparison, selector string, raw json.RawMessage) {
	t.Helper()
	var want []string
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Errorf("%s: dbt failed: %s", selector, raw)
		return
	}
	got, err := state.New.Select(manifest.Query{Select: []string{selector}, Indirect: manifest.Empty, State: state})
	if err != nil {
		t.Errorf("%s: %v", selector, err)
		return
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, got.IDs, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-dbt +ours):\n%s", selector, diff)
	}
}

func compared(t *testing.T, from, to string, e manifest.Engine) *manifest.Comparison {
	t.Helper()
	read := func(path string) *manifest.Manifest {
		m, err := manifest.Read(bytes.NewReader(unzip(t, path)))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	state, err := manifest.Compare(read(from), read(to), e)
	if err != nil {
		t.Fatal(err)
	}
	return state
}
