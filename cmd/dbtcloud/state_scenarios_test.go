package main

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud/internal/testenv"
)

// scenario is an edit of a project, and what dbt selects after it.
type scenario struct {
	Name     string                     `json:"name"`
	Flag     bool                       `json:"compare_more_unrendered_values"`
	Old      map[string]sectionEdit     `json:"old"`
	New      map[string]sectionEdit     `json:"new"`
	Expected map[string]json.RawMessage `json:"expected_json_vs_json"`
}

// sectionEdit is how a section differs from that of the base manifest.
type sectionEdit struct {
	Set     object          `json:"set"`
	Del     []string        `json:"del"`
	Replace json.RawMessage `json:"replace"`
	Absent  bool            `json:"absent"`
}

func edited(base object, edits map[string]sectionEdit) object {
	out := maps.Clone(base)
	for key, edit := range edits {
		switch {
		case edit.Absent:
			delete(out, key)
		case edit.Replace != nil:
			out[key] = edit.Replace
		default:
			section := object{}
			if before, ok := out[key].(object); ok {
				section = maps.Clone(before)
			}
			maps.Copy(section, edit.Set)
			maps.DeleteFunc(section, func(id string, _ any) bool {
				return strings.Contains("\n"+strings.Join(edit.Del, "\n")+"\n", "\n"+id+"\n")
			})
			out[key] = section
		}
	}
	return out
}

func unpackShared(t *testing.T, name string) []byte {
	t.Helper()
	in, err := openContents(t.Context(), testenv.Shared(t, "state", name))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	raw, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// What dbt selects after an edit, and what it refuses, is what the command prints and how it ends.
func TestStateScenarios(t *testing.T) {
	t.Parallel()
	var base object
	if err := json.Unmarshal(unpackShared(t, "base.json.gz"), &base); err != nil {
		t.Fatal(err)
	}
	recorded := bytes.Split(bytes.TrimSpace(unpackShared(t, "cases.jsonl.gz")), []byte("\n"))
	if len(recorded) < 200 {
		t.Fatalf("only %d scenarios are recorded", len(recorded))
	}
	every := testenv.Count(25, 5, 1)
	for i, line := range recorded {
		if i%every > 0 {
			continue
		}
		var s scenario
		if err := json.Unmarshal(line, &s); err != nil {
			t.Fatal(err)
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			s.check(t, base)
		})
	}
}

func (s scenario) check(t *testing.T, base object) {
	args := stateArgs(t, "ls", edited(base, s.Old), edited(base, s.New), "--indirect-selection=empty", "--compare-more-unrendered-values="+strconv.FormatBool(s.Flag))
	for selector, raw := range s.Expected {
		o := invoke(t, nil, append(args, "--select", selector)...)
		var refused string
		var want []string
		switch {
		case json.Unmarshal(raw, &want) == nil:
			if diff := cmp.Diff(strings.Join(append(want, ""), "\n"), o.want(t, exitSuccess).stdout); diff != "" {
				t.Errorf("%s (-dbt +ours):\n%s", selector, diff)
			}
		case json.Unmarshal(raw, &refused) != nil:
			t.Errorf("%s: dbt gives %s", selector, raw)
		case refused == "ERROR IncompatibleSchemaError":
			o.want(t, exitBadInput)
		default:
			if o.want(t, exitRunFailed); !strings.Contains(o.stderr, strings.TrimPrefix(refused, "ERROR ")) {
				t.Errorf("%s: stderr %q, dbt gives %s", selector, o.stderr, refused)
			}
		}
	}
}
