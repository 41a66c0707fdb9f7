package parity

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slimci/dbtcloud/internal/testenv"
	"github.com/slimci/dbtcloud/manifest"
)

// question is a selector that both sides are asked.
type question struct {
	selector string
	indirect manifest.Indirect
}

func (q question) String() string { return string(q.indirect) + " " + q.selector }

// questions are the few, and every selector of states by itself.
func questions() []question {
	list := few()
	for _, name := range manifest.StateSelectors() {
		list = append(list, question{"state:" + name, manifest.Empty})
	}
	return list
}

// few are questions in which most differences show.
func few() []question {
	return []question{{"state:modified+", manifest.Eager}, {"1+state:modified.body+1", manifest.Cautious}, {"@state:modified.configs", manifest.Buildable}}
}

// compare makes sure that both sides give the same resources, warnings and refusals for some questions.
func (d *dbt) compare(t *testing.T, old, now *state, e manifest.Engine, questions []question) {
	t.Helper()
	comparison, err := manifest.Compare(old.manifest, now.manifest, e)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range questions {
		theirs := d.list(t, old, now, q.selector, q.indirect)
		ours, err := now.manifest.Select(manifest.Query{Select: []string{q.selector}, Indirect: q.indirect, State: comparison})
		if theirs.Error != "" {
			if _, refused := errors.AsType[*manifest.ContractError](err); !refused || !strings.Contains(theirs.Error, "ContractBreakingChangeError") {
				t.Errorf("%q -> %q: %s: %v, dbt says %s", old.project.edits, now.project.edits, q, err, theirs.Error)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q -> %q: %s: %v, dbt selects %d", old.project.edits, now.project.edits, q, err, len(theirs.Lines))
			continue
		}
		if diff := cmp.Diff(theirs.Lines, ours.IDs, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%q -> %q: %s (-dbt +ours):\n%s", old.project.edits, now.project.edits, q, diff)
		}
		warned := map[string]bool{}
		for _, w := range comparison.WarningsOf(strings.Trim(strings.TrimPrefix(strings.TrimLeft(q.selector, "@1+"), "state:"), "+1")) {
			warned[w.Event] = true
		}
		if diff := cmp.Diff(theirs.warnings(), slices.Sorted(maps.Keys(warned)), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%q -> %q: %s warns (-dbt +ours):\n%s", old.project.edits, now.project.edits, q, diff)
		}
	}
}

// setting is a dbt to compare with.
type setting struct {
	minor  int
	flag   string // what the project says of state_modified_compare_more_unrendered_values; empty for nothing
	engine manifest.Engine
}

func settings() []setting {
	off, on := manifest.Core112(), manifest.Core19()
	off.CompareMoreUnrenderedValues, on.CompareMoreUnrenderedValues = false, true
	return []setting{{12, "", manifest.Core112()}, {9, "", manifest.Core19()}, {12, "false", off}, {9, "true", on}}
}

func (s setting) project(t *testing.T) *project {
	t.Helper()
	p := newProject(t, s.minor)
	if s.flag != "" {
		p = p.edited(edit{name: "flag", apply: flagged(s.flag)})
		p.edits = nil
	}
	return p
}

func flagged(value string) change {
	return after("dbt_project.yml", "flags:\n", "  state_modified_compare_more_unrendered_values: "+value+"\n")
}

// hands deals the edits that the dbt understands out to n hands of a size at most, and none twice. One that stands alone
// is a hand.
func (s setting) hands(n, size int, random *rand.Rand) [][]edit {
	deck := slices.DeleteFunc(edits(), func(e edit) bool { return e.since > s.minor })
	random.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
	var list [][]edit
	var hand []edit
	for _, e := range deck {
		if e.alone {
			list = append(list, []edit{e})
			continue
		}
		if hand = append(hand, e); len(hand) == size {
			list, hand = append(list, hand), nil
		}
	}
	if len(hand) > 0 {
		list = append(list, hand)
	}
	return list[:min(n, len(list))]
}

// Everything that people edit, forth and back, is to package manifest what it is to dbt.
func TestStateIsWhatDbtSelects(t *testing.T) {
	t.Parallel()
	for i, s := range settings()[:testenv.Count(2, 4, 4)] {
		t.Run(fmt.Sprintf("1.%d %s", s.minor, s.flag), func(t *testing.T) {
			t.Parallel()
			d := startDbt(t, s.minor)
			project := s.project(t)
			base := d.parse(t, project)
			d.compare(t, base, base, s.engine, few())
			last := base
			hands := testenv.Count(2, 8, 1000)
			if s.flag != "" {
				hands = testenv.Count(0, 3, 60)
			}
			for k, hand := range s.hands(hands, 4, rand.New(rand.NewPCG(1, uint64(i)))) {
				for _, now := range d.parseAll(t, project, hand) {
					d.compare(t, base, now, s.engine, questions())
					if k%2 == 0 {
						d.compare(t, now, base, s.engine, few())
					} else {
						d.compare(t, last, now, s.engine, few())
					}
					last = now
				}
			}
		})
	}
}

// An edit that edits nothing would prove nothing.
func TestEveryEditFindsSomethingToEdit(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	project := newProject(t, 12)
	for _, e := range edits() {
		now := project.edited(e)
		if len(now.edits) != 1 {
			t.Errorf("%s: %v", e.name, e.apply(project.edited()))
		}
		if cmp.Equal(project, now, cmp.AllowUnexported(*project), cmpopts.IgnoreFields(*project, "edits")) {
			t.Errorf("%s changes nothing", e.name)
		}
		if names[e.name] {
			t.Errorf("two edits are called %s", e.name)
		}
		names[e.name] = true
	}
}
