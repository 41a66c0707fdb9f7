package report_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/manifest"
	"github.com/slimci/dbtcloud/report"
)

func at(seconds int) dbtcloud.Time {
	return dbtcloud.Time{Time: time.Date(2026, 3, 2, 8, 0, seconds, 0, time.UTC)}
}

const jinjaError = "Compilation Error in model broken (models/marts/broken.sql)\n  unexpected '}'\n    line 7\n      select {{ a }"

// sample is a run in which everything happens: a step without results, one with every status, one that dbt did not get through.
func sample() report.Inputs {
	project := &manifest.Manifest{Metadata: manifest.Metadata{ProjectName: "shop"}, Nodes: map[string]*manifest.Node{
		"model.shop.orders":               {Name: "orders", ResourceType: "model", PackageName: "shop", OriginalFilePath: "models/orders.sql"},
		"model.shop.broken":               {Name: "broken", ResourceType: "model", PackageName: "shop", OriginalFilePath: `models\marts\broken.sql`},
		"model.utils.dates":               {Name: "dates", ResourceType: "model", PackageName: "utils", OriginalFilePath: "models/dates.sql"},
		"test.shop.not_null_orders_id.ab": {Name: "not_null_orders_id", ResourceType: "test", PackageName: "shop", OriginalFilePath: "models/orders.yml"},
	}}
	results := &manifest.RunResults{Metadata: manifest.Metadata{InvocationID: "one"}, Results: []manifest.Result{
		{UniqueID: "model.shop.orders", Status: "success", Message: "SELECT 4", ExecutionTime: 2 * time.Second},
		{UniqueID: "seed.shop.countries", Status: "success"},
		{UniqueID: "operation.shop.hook", Status: "success"},
		{UniqueID: "test.shop.unique_orders_id.cd", Status: "pass"},
		{UniqueID: "unit_test.shop.orders.adds_up", Status: "success"},
		{UniqueID: "model.shop.broken", Status: "error", Message: jinjaError, ExecutionTime: 30 * time.Millisecond},
		{
			UniqueID: "model.utils.dates", Status: "error", ExecutionTime: time.Second,
			Message: "Database Error in model dates (models/dates.sql)\n  syntax error at or near \"form\"\n  LINE 12: form x\n  line 12",
		},
		{UniqueID: "test.shop.not_null_orders_id.ab", Status: "fail", Message: "Got 3 results, configured to fail if != 0", Failures: 3},
		{UniqueID: "test.shop.fresh_enough.ef", Status: "warn", Message: "Got 1 result, configured to warn if != 0", Failures: 1},
		{UniqueID: "model.shop.below", Status: "skipped"},
		{UniqueID: "model.shop.strange", Status: "quarantined"},
	}}
	return report.Inputs{
		Run: &dbtcloud.Run{
			ID: 77, JobID: 5, Status: dbtcloud.RunError, StatusMessage: "dbt found errors", Href: "https://cloud.getdbt.com/deploy/1/projects/2/runs/77",
			Job: &dbtcloud.RunJob{Name: "Slim CI"}, Trigger: &dbtcloud.RunTrigger{GitBranch: "feature/$(reboot)", GitSHA: "0123abcd"},
			CreatedAt: at(0), FinishedAt: at(95),
		},
		Project: "analytics/dbt",
		Steps: []report.StepInputs{
			{Step: dbtcloud.RunStep{Index: 1, Name: "Clone git repository", Status: dbtcloud.RunSuccess, Logs: "cloned"}},
			{Step: dbtcloud.RunStep{Index: 2, Name: "Invoke dbt with `dbt build`", Status: dbtcloud.RunError}, Results: results, Manifest: project},
			{ // what the step before it left is still there
				Step: dbtcloud.RunStep{
					Index: 3, Name: "Invoke dbt with `dbt test`", Status: dbtcloud.RunError, StartedAt: at(90), FinishedAt: at(94),
					Logs: "08:01:30  Running with dbt=1.10\n\x1b[31mEncountered an error\x1b[0m:\r\nParsing Error\n  Error reading shop: models/schema.yml - Runtime Error\n    Syntax error near line 5\n",
				},
				Results: results,
			},
		},
		Notes: []string{"manifest.json of step 3:\nnot there"},
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	want := &report.Digest{
		Run: report.RunSummary{
			ID: 77, JobID: 5, JobName: "Slim CI", Status: "Error", Message: "dbt found errors", Branch: "feature/$(reboot)", SHA: "0123abcd",
			URL: "https://cloud.getdbt.com/deploy/1/projects/2/runs/77",
		},
		Failures: []report.Failure{
			{
				UniqueID: "model.shop.broken", Name: "broken", Kind: "model", Status: "error", File: "analytics/dbt/models/marts/broken.sql", Line: 7,
				Message: jinjaError, Duration: 30 * time.Millisecond, Step: 2,
			},
			{
				UniqueID: "model.utils.dates", Name: "dates", Kind: "model", Status: "error", File: "analytics/dbt/dbt_packages/utils/models/dates.sql", Duration: time.Second,
				Message: "Database Error in model dates (models/dates.sql)\n  syntax error at or near \"form\"\n  LINE 12: form x\n  line 12", Step: 2,
			},
			{
				UniqueID: "test.shop.not_null_orders_id.ab", Name: "not_null_orders_id", Kind: "test", Status: "fail", File: "analytics/dbt/models/orders.yml",
				Message: "Got 3 results, configured to fail if != 0", Failures: 3, Step: 2,
			},
			{
				Name: "Invoke dbt with `dbt test`", Kind: "step", Status: "error", File: "analytics/dbt/models/schema.yml", Line: 5, Duration: 4 * time.Second, Step: 3,
				Message: "08:01:30  Running with dbt=1.10\nEncountered an error:\nParsing Error\n  Error reading shop: models/schema.yml - Runtime Error\n    Syntax error near line 5",
			},
		},
		Warnings: []report.Warning{{
			UniqueID: "test.shop.fresh_enough.ef", Name: "fresh_enough", Kind: "test", Status: "warn", Message: "Got 1 result, configured to warn if != 0", Failures: 1, Step: 2,
		}},
		Counts:   report.Counts{Nodes: 11, Built: 2, Passed: 2, Failed: 1, Errors: 2, Warned: 1, Skipped: 1, Other: 2},
		Duration: 95 * time.Second, Built: []string{"orders", "countries"}, Skipped: []string{"below"}, Notes: []string{"manifest.json of step 3: not there"},
	}
	if diff := cmp.Diff(want, report.New(sample())); diff != "" {
		t.Errorf("New (-want +got):\n%s", diff)
	}
}

func TestNewOfLittle(t *testing.T) {
	t.Parallel()
	nothing := &report.Digest{Failures: []report.Failure{}, Warnings: []report.Warning{}, Built: []string{}, Skipped: []string{}, Notes: []string{}}
	if diff := cmp.Diff(nothing, report.New(report.Inputs{})); diff != "" {
		t.Errorf("New of nothing (-want +got):\n%s", diff)
	}
	tests := []struct {
		name string
		in   report.Inputs
		want []report.Failure
	}{
		{"a run that is cancelled has no failures", report.Inputs{
			Run: &dbtcloud.Run{Status: dbtcloud.RunCancelled}, Steps: []report.StepInputs{{Step: dbtcloud.RunStep{Index: 1, Status: dbtcloud.RunCancelled}}},
		}, []report.Failure{}},
		{"a run that failed without a step", report.Inputs{Run: &dbtcloud.Run{Status: dbtcloud.RunError, StatusMessage: "This run exceeded your account's run memory limits."}},
			[]report.Failure{{Name: "run", Kind: "run", Status: "error", Message: "This run exceeded your account's run memory limits."}}},
		{"a step that failed although every node was well", report.Inputs{Run: &dbtcloud.Run{Status: dbtcloud.RunError}, Steps: []report.StepInputs{{
			Step:    dbtcloud.RunStep{Index: 4, Name: "build", Status: dbtcloud.RunError, Logs: "on-run-end failed"},
			Results: &manifest.RunResults{Results: []manifest.Result{{UniqueID: "model.shop.a", Status: "success"}}},
		}}}, []report.Failure{{Name: "build", Kind: "step", Status: "error", Message: "on-run-end failed", Step: 4}}},
		{"the debug log of a step without a log", report.Inputs{Run: &dbtcloud.Run{Status: dbtcloud.RunError}, Steps: []report.StepInputs{
			{Step: dbtcloud.RunStep{Index: 4, Name: "deps", Status: dbtcloud.RunError, TruncatedDebugLogs: "git clone failed\n"}},
		}}, []report.Failure{{Name: "deps", Kind: "step", Status: "error", Message: "git clone failed", Step: 4}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, report.New(tt.in).Failures); diff != "" {
				t.Errorf("failures (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFileAndLine(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, project, file, message string
		want                         string
	}{
		{"line of the file", "", "models/a.sql", "Compilation Error in model a (models/a.sql)\n  x\n    line 4\n      y", "models/a.sql:4"},
		{"another file is named", "", "models/a.sql", "Compilation Error in macro m (macros/m.sql)\n  x\n    line 4", "models/a.sql:0"},
		{"only the message names it", "dbt/", "", "Compilation Error in test t (tests/t.sql)\n    line 9\n", "dbt/tests/t.sql:9"},
		{"no line", "", "", "Compilation Error in model a (models/a.sql)\n  depends on a node named 'b'", "models/a.sql:0"},
		{"lines of compiled SQL are none of the file", "", "", "Database Error in model a (models/a.sql)\n  x\n    line 4\n", "models/a.sql:0"},
		{"lines of a macro are none of the file", "", "", "Compilation Error in model a (models/a.sql)\n    line 4\n\n> in macro m (macros/m.sql)", "models/a.sql:0"},
		{"a line that is too large", "", "", "Compilation Error in model a (models/a.sql)\n    line 99999999999999999999\n", "models/a.sql:0"},
		{"a version", "", "", "Compilation Error in model a.v2 (models/a_v2.sql)\n    line 1", "models/a_v2.sql:1"},
		{"yaml", "p", "", "Parsing Error\n  Error reading shop: models/s.yml - Runtime Error\n    Syntax error near line 12\n", "p/models/s.yml:12"},
		{"out of the repository", "", "../../etc/passwd", "", ":0"},
		{"out of the repository by the project", "../..", "x.sql", "", ":0"},
		{"absolute", "", "/etc/passwd", "", ":0"},
		{"absolute on Windows", "", `C:\models\a.sql`, "", ":0"},
		{"up and down again", "sub", "../models/a.sql", "", "models/a.sql:0"},
		{"a line end in the name", "", "models/a\n::error::b.sql", "", "models/a ::error::b.sql:0"},
		{"too long for a path", strings.Repeat("p", 300), strings.Repeat("f", 300), "", ":0"},
		{"nothing", "sub", "", "no", ":0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := report.New(report.Inputs{Project: tt.project, Steps: []report.StepInputs{{
				Results:  &manifest.RunResults{Results: []manifest.Result{{UniqueID: "model.shop.a", Status: "error", Message: tt.message}}},
				Manifest: &manifest.Manifest{Nodes: map[string]*manifest.Node{"model.shop.a": {OriginalFilePath: tt.file}}},
			}}})
			if got := fmt.Sprintf("%s:%d", d.Failures[0].File, d.Failures[0].Line); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestNamesFromIDs(t *testing.T) {
	t.Parallel()
	for id, want := range map[string][2]string{
		"model.shop.orders":                      {"model", "orders"},
		"model.shop.orders.v2":                   {"model", "orders.v2"},
		"test.shop.not_null_orders_id.abc":       {"test", "not_null_orders_id"},
		"test.shop.singular":                     {"test", "singular"},
		"source.shop.raw.orders":                 {"source", "raw.orders"},
		"operation.shop.shop-on-run-end-0":       {"operation", "shop-on-run-end-0"},
		"unit_test.shop.orders.adds_up":          {"unit_test", "orders.adds_up"},
		"x":                                      {"x", "x"},
		"model.shop." + strings.Repeat("é", 999): {"model", strings.Repeat("é", 254) + "..."},
	} {
		d := report.New(report.Inputs{Steps: []report.StepInputs{{Results: &manifest.RunResults{Results: []manifest.Result{{UniqueID: id, Status: "error"}}}}}})
		if got := [2]string{d.Failures[0].Kind, d.Failures[0].Name}; got != want {
			t.Errorf("%.60s: %q, want %q", id, got, want)
		}
	}
}

// A digest is bounded, however much went wrong, and says how much it leaves out.
func TestBounds(t *testing.T) {
	t.Parallel()
	const n = 1000
	results := &manifest.RunResults{}
	for i := range n {
		for _, status := range []manifest.Status{"error", "warn", "skipped", "success"} {
			results.Results = append(results.Results, manifest.Result{
				UniqueID: fmt.Sprintf("model.shop.%s_%d%s", status, i, strings.Repeat("x", 2000)), Status: status, Message: strings.Repeat("m", 100_000),
			})
		}
	}
	d := report.New(report.Inputs{
		Run:   &dbtcloud.Run{Status: dbtcloud.RunError, StatusMessage: strings.Repeat("s", 1<<20)},
		Steps: []report.StepInputs{{Step: dbtcloud.RunStep{Status: dbtcloud.RunError, Logs: strings.Repeat("l\n", 1<<20)}, Results: results}},
		Notes: make([]string, 50),
	})
	want := report.Truncated{
		Failures: n - report.MaxFailures, Warnings: n - report.MaxWarnings, Built: n - report.MaxNames, Skipped: n - report.MaxNames, Notes: 50 - report.MaxNotes,
	}
	if diff := cmp.Diff(want, d.Truncated); diff != "" {
		t.Errorf("what was left out (-want +got):\n%s", diff)
	}
	if d.Counts.Nodes != 4*n || d.Counts.Errors != n {
		t.Errorf("counts %+v: what is left out counts too", d.Counts)
	}
	text, err := json.Marshal(d)
	most := (report.MaxFailures+report.MaxWarnings+1)*(report.MaxMessage+4*report.MaxLine) + (2*report.MaxNames+report.MaxNotes+10)*report.MaxLine
	if err != nil || len(text) > most {
		t.Errorf("the digest has %d bytes, %v, want at most %d", len(text), err, most)
	}
}

func TestStepShowsTheEndOfItsLog(t *testing.T) {
	t.Parallel()
	log := strings.Repeat("a line that says nothing ☃\n", 1000) + "the reason\n\n"
	d := report.New(report.Inputs{Steps: []report.StepInputs{{Step: dbtcloud.RunStep{Status: dbtcloud.RunError, Logs: log}}}})
	got := d.Failures[0].Message
	if len(got) > report.MaxMessage || !strings.HasPrefix(got, "[cut]\na line") || !strings.HasSuffix(got, "\nthe reason") {
		t.Errorf("the message has %d bytes: %.40q ... %q", len(got), got, got[len(got)-20:])
	}
}

func TestJSONIsReadBack(t *testing.T) {
	t.Parallel()
	want := report.New(sample())
	var text strings.Builder
	if err := want.JSON(&text); err != nil {
		t.Fatal(err)
	}
	var got report.Digest
	if err := json.Unmarshal([]byte(text.String()), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, &got); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
}

// hostileText draws texts of what means something to a terminal, a log reader, Markdown, XML, HTML, JSON or a shell.
func hostileText() *rapid.Generator[string] {
	parts := []string{
		"%", "%0A", "%25", "\r", "\n", "\r\n", "::", "::error::x", "\n::set-output name=a::b", "##vso[task.setvariable variable=a]b", "##[error]x", "#", "##", "[", "]", ";", ",", ":", "=",
		"\x1b[31m", "\x1b]0;title\x07", "\x1b", "\x00", "\x7f", "\u009b31m", "]]>", "<![CDATA[", "`", "``", "```", "\n```\n", "~~~", "|", "\\", "<script>alert(1)</script>", "<!--", "-->", "&amp;", "&", "\"", "'",
		"\xff", "\xc3", "\xed\xa0\x80", "\uFFFE", "\uFFFF", "\u202e", "\u2066", "\u2028", "$(reboot)", "`reboot`", "${IFS}", "; rm -rf /", "feature/x", "@everyone", "@{557058:x}", "@<6F16>", "\n/merge\n", "# head", "- item", "+++ ", "--- ", "section_start:1:x\r\x1b[0K",
		"](http://evil)", "![x](http://evil)", "é", "☃", "𝄞", " ", "\t", "a", "word", "../", "models/a.sql",
	}
	return rapid.Custom(func(t *rapid.T) string {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 0, 12).Draw(t, "parts"), "")
		if rapid.Bool().Draw(t, "any") {
			text += rapid.String().Draw(t, "more")
		}
		return text
	})
}

// hostileDigest draws digests as nobody's New makes them: texts of any kind in every field.
func hostileDigest() *rapid.Generator[*report.Digest] {
	text := hostileText()
	failure := rapid.Custom(func(t *rapid.T) report.Failure {
		return report.Failure{
			UniqueID: text.Draw(t, "id"), Name: text.Draw(t, "name"), Kind: text.Draw(t, "kind"), Status: rapid.OneOf(rapid.SampledFrom([]string{"fail", "error"}), text).Draw(t, "status"),
			File: text.Draw(t, "file"), Line: rapid.IntRange(-1, 9).Draw(t, "line"), Message: text.Draw(t, "message"), Failures: rapid.Int64Range(-1, 5).Draw(t, "failures"),
			Duration: time.Duration(rapid.Int64Range(-1, 1e10).Draw(t, "duration")), Step: rapid.IntRange(0, 5).Draw(t, "step"),
		}
	})
	return rapid.Custom(func(t *rapid.T) *report.Digest {
		return &report.Digest{
			Run: report.RunSummary{
				ID: rapid.Int64().Draw(t, "run"), JobName: text.Draw(t, "job"), Status: text.Draw(t, "run status"), Message: text.Draw(t, "run message"), Branch: text.Draw(t, "branch"),
				SHA: text.Draw(t, "sha"), URL: rapid.OneOf(rapid.Just("https://x.example/"), text).Draw(t, "url") + text.Draw(t, "rest of the url"),
			},
			Failures: rapid.SliceOfN(failure, 0, 14).Draw(t, "failures"), Warnings: rapid.SliceOfN(failure, 0, 14).Draw(t, "warnings"),
			Built: rapid.SliceOfN(text, 0, 3).Draw(t, "built"), Skipped: rapid.SliceOfN(text, 0, 3).Draw(t, "skipped"), Notes: rapid.SliceOfN(text, 0, 3).Draw(t, "notes"),
			Duration: time.Duration(rapid.Int64().Draw(t, "duration")), Truncated: report.Truncated{Failures: rapid.IntRange(0, 2).Draw(t, "more")},
		}
	})
}

// What New makes of any text is text: valid, of printable characters, one line where it is one, and no larger than it may be.
func TestTextsAreClean(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := hostileText().Draw(t, "text")
		d := report.New(report.Inputs{
			Run: &dbtcloud.Run{Status: dbtcloud.RunError, StatusMessage: text, GitBranch: text, GitSHA: text, Href: text, Job: &dbtcloud.RunJob{Name: text}}, Project: text, Notes: []string{text},
			Steps: []report.StepInputs{
				{Step: dbtcloud.RunStep{Name: text, Status: dbtcloud.RunError, Logs: text}},
				{
					Results:  &manifest.RunResults{Results: []manifest.Result{{UniqueID: "a", Status: "error", Message: text}, {UniqueID: "model.x." + text, Status: "skipped"}}},
					Manifest: &manifest.Manifest{Nodes: map[string]*manifest.Node{"a": {Name: text, ResourceType: text, OriginalFilePath: text, PackageName: text}}},
				},
			},
		})
		lines := append([]string{d.Run.Branch, d.Run.SHA, d.Run.URL, d.Run.JobName}, append(d.Notes, d.Skipped...)...)
		blocks := []string{d.Run.Message}
		for _, f := range d.Failures {
			lines, blocks = append(lines, f.UniqueID, f.Name, f.Kind, f.Status, f.File), append(blocks, f.Message)
			if strings.HasPrefix(f.File, "/") || strings.HasPrefix(f.File, "../") {
				t.Errorf("the file %q is not in the repository", f.File)
			}
		}
		for _, got := range lines {
			if !plain(got) || strings.Contains(got, "\n") || len(got) > report.MaxLine {
				t.Errorf("a line is %q", got)
			}
		}
		for _, got := range blocks {
			if !plain(got) || len(got) > report.MaxMessage {
				t.Errorf("a message is %q", got)
			}
		}
	})
}

// plain reports whether a text has nothing but printable characters, line ends and tabs.
func plain(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || unicode.Is(unicode.Bidi_Control, r) || r == 0xFFFE || r == 0xFFFF || r == 0x2028
	})
}
