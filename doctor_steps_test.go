package dbtcloud

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestReadStep(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]dbtStep{
		"":                                       {},
		"dbt deps":                               {},
		"dbt build":                              {verb: "build"},
		"dbt --warn-error build -s a b":          {verb: "build", selects: []string{"a", "b"}},
		"dbt run --select state:modified+,tag:x": {verb: "run", selects: []string{"state:modified+", "tag:x"}},
		`dbt run --select "state:modified+ 1+exposure:*" --exclude 'a b'`: {verb: "run", selects: []string{"state:modified+", "1+exposure:*"}, excludes: []string{"a", "b"}},
		"dbt test --select=state:new tag:x":                               {verb: "test", selects: []string{"state:new"}}, // tag:x is an argument of its own
		"dbt test -m a --models b --model c --threads 4":                  {verb: "test", selects: []string{"a", "b", "c"}},
		"dbt build --selector slim --exclude=x":                           {verb: "build", selectors: []string{"slim"}, excludes: []string{"x"}},
		"dbt  build\t-s\n a ":                                             {verb: "build", selects: []string{"a"}},
		`dbt build -s ""`:                                                 {verb: "build"},
		`dbt build -s "a b`:                                               {verb: "build", unclosed: true},
	} {
		got := readStep(command)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(dbtStep{}), cmpopts.IgnoreFields(dbtStep{}, "words"), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", command, diff)
		}
	}
}

// TestTraps: what is wrong is named, and what is right is left alone.
func TestTraps(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]string{
		"dbt build --select state:+modified":                    `"state:+modified" selects nothing`,
		"dbt build --select +state:+modified+":                  `"+state:+modified+" selects nothing`,
		"dbt build --select state:@modified":                    `"state:@modified" selects nothing`,
		"dbt build --select state: modified+":                   "nothing stands directly after state:",
		"dbt build --select state:modifed+":                     `dbt knows no state "modifed"`,
		"dbt build --select state:modified.sql":                 `dbt knows no state "modified.sql"`,
		"dbt build --select State:modified+":                    `"State:modified+" is no state selector`,
		"dbt build --select state.modified+":                    `"state.modified+" is no state selector`,
		"dbt build --select 2+state=modified":                   `"2+state=modified" is no state selector`,
		"dbt build --exclude state:modified+":                   "--exclude state:modified+ leaves out",
		"dbt build -s state:modified --exclude state:modified.": `dbt knows no state "modified."`,
		"dbt build -s state:modified+ && dbt test":              "so && joins nothing",
		"dbt build -s state:modified+; dbt test":                "so ; joins nothing",
		"dbt build -s state:modified+ | tee log":                "so | joins nothing",
		"dbt build -select state:modified+":                     "-select has one dash where two belong",
		"dbt build -exclude=tag:x":                              "-exclude has one dash",
		"dbt build –select state:modified+":                     "typographic",
		"dbt build --select “state:modified+”":                  "typographic",
		`dbt build --select "state:modified+`:                   "a quotation mark is not closed",
		"dbt build -s state:modified+ --no-defer":               "--no-defer turns deferral off",
		"dbt build -s state:modified+ --state prod":             "--state of its own",
		"dbt build -s state:modified+ --state=prod":             "--state of its own",

		"dbt build":                            "",
		"dbt build --select state:modified+":   "",
		"dbt build -s 1+state:modified+2":      "",
		"dbt build -s @state:modified":         "",
		"dbt build -s state:modified.body+":    "",
		"dbt build -s state:unmodified":        "",
		"dbt build -s stateful state_machine":  "",
		"dbt build -s state:new --exclude a.b": "",
		"dbt clone --select state:modified+,config.materialized:incremental,state:old": "",
		"dbt run-operation x --args '{a: b; c}'":                                       "",
		`dbt build -s state:modified+ --vars '{"a": "b && c"}'`:                        "",
		"dbt build -s result:error+ state:modified+ --defer -t ci":                     "",
	} {
		got := strings.Join(readStep(command).traps(), "; ")
		if !strings.Contains(got, want) || (want == "") != (got == "") {
			t.Errorf("%q: %q, want %q", command, got, want)
		}
	}
}

func TestStepNotes(t *testing.T) {
	t.Parallel()
	modified := readStep("dbt build -s state:modified+")
	for command, want := range map[string]string{
		"dbt test":                "dbt test without a selection takes the whole project",
		"dbt build --exclude x":   "dbt build without a selection",
		"build -s x":              "it does not begin with dbt",
		"dbt test -s x":           "",
		"dbt test --selector x":   "",
		"dbt seed":                "",
		"dbt ls":                  "",
		"dbt deps":                "",
		"dbt source freshness":    "",
		"dbt build -s state:new+": "",
		"":                        "",
	} {
		step := readStep(command)
		if got := strings.Join(step.notes([]dbtStep{step, modified}), "; "); !strings.Contains(got, want) || (want == "") != (got == "") {
			t.Errorf("%q: %q, want %q", command, got, want)
		}
	}
	if alone := readStep("dbt build"); len(alone.notes([]dbtStep{alone})) > 0 {
		t.Error("a job that selects nothing by state has a finding of its own")
	}
}

// FuzzReadStep: no command makes it panic, and what it quotes of one stands in it.
func FuzzReadStep(f *testing.F) {
	for _, seed := range []string{"dbt build --select state:+modified", `dbt run -s "state:a`, "dbt build -s=+", "–", "-s", "dbt build -s '\n+'", "\xff state:"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, command string) {
		step := readStep(command)
		_, _ = step.traps(), step.notes([]dbtStep{step})
		for _, atom := range step.byState() {
			if !strings.Contains(command, atom) {
				t.Errorf("%q is not part of %q", atom, command)
			}
		}
	})
}
