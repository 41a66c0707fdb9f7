package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/slimci/dbtcloud/report"
)

var update = flag.Bool("update", false, "write the golden files anew")

// renderings are all that is compared with golden files, by the name of the file.
func renderings() map[string]func(*report.Digest) string {
	written := func(write func(*report.Digest, io.Writer) error) func(*report.Digest) string {
		return func(d *report.Digest) string {
			var b strings.Builder
			if err := write(d, &b); err != nil {
				return err.Error()
			}
			return b.String()
		}
	}
	joined := func(lines func(*report.Digest) []string) func(*report.Digest) string {
		return func(d *report.Digest) string { return strings.Join(append(lines(d), ""), "\n") }
	}
	return map[string]func(*report.Digest) string{
		"summary.md":   func(d *report.Digest) string { return d.Markdown(0) },
		"terminal.txt": written(func(d *report.Digest, w io.Writer) error { return d.Terminal(w, false) }),
		"color.txt":    written(func(d *report.Digest, w io.Writer) error { return d.Terminal(w, true) }),
		"junit.xml":    written((*report.Digest).JUnit),
		"digest.json":  written((*report.Digest).JSON),
		"github.txt":   joined(report.GitHubAnnotations),
		"azure.txt":    joined(report.AzureCommands),
		"gitlab.json":  func(d *report.Digest) string { return encoded(report.GitLabCodeQuality(d)) },
		"bitbucket.txt": func(d *report.Digest) string {
			insights, err := report.BitbucketReport(d)
			if err != nil {
				return err.Error()
			}
			return string(bytes.Join(append([][]byte{insights.Report}, insights.Annotations...), []byte("\n")))
		},
	}
}

func encoded(text []byte, err error) string {
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for name, render := range renderings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, path := render(report.New(sample())), filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", path, diff)
			}
		})
	}
}

func TestWritersFail(t *testing.T) {
	t.Parallel()
	d := report.New(sample())
	for name, write := range map[string]func(io.Writer) error{
		"terminal": func(w io.Writer) error { return d.Terminal(w, false) }, "junit": d.JUnit, "json": d.JSON,
	} {
		if err := write(full{}); !errors.Is(err, errFull) {
			t.Errorf("%s to a full disk: %v, want %v", name, err, errFull)
		}
	}
}

var errFull = errors.New("no space left")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

// Whatever the texts are, Markdown has them in code only, and is never larger than it may be.
func TestMarkdownHolds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d, limit := hostileDigest().Draw(t, "digest"), rapid.SampledFrom([]int{0, 1, 100, 500, 2000, 100_000}).Draw(t, "limit")
		text := d.Markdown(limit)
		if !plain(text) || limit > 0 && len(text) > limit {
			t.Fatalf("limit %d: %d bytes: %q", limit, len(text), text)
		}
		if rest, open := outsideCode(text); open || !ours.MatchString(rest) {
			t.Fatalf("outside of code (open at the end: %t):\n%s\nin:\n%s", open, rest, text)
		}
	})
}

// ours is what stands outside of code in a summary.
var ours = regexp.MustCompile(`^(?:(?:## (?:dbt run -?\d+|\[dbt run -?\d+\]\(https?://[^()\s<>` + "`" + `]*\)): ?|- (?:job|branch|commit|duration|message): ` +
	`|\| built \|[a-z |]+|[|-]+|\| [\d |]+|### (?:Failures|Warnings|Notes|Skipped|Built) \(\d+\)|- {0,3}(?: in )?(?:, \d+ rows?)?|\d+ more are not shown\.|)(?:\n|$))*$`)

// outsideCode is a document of Markdown without its code spans and fenced code, and whether it ends in a fence.
func outsideCode(text string) (rest string, open bool) {
	var b strings.Builder
	fence := regexp.MustCompile("^(`{3,})([a-z]*)$")
	marks := ""
	for line := range strings.SplitSeq(text, "\n") {
		m := fence.FindStringSubmatch(line)
		switch {
		case marks == "" && m != nil:
			marks = m[1]
		case marks != "" && m != nil && m[2] == "" && len(m[1]) >= len(marks):
			marks = ""
		case marks == "":
			b.WriteString(withoutSpans(line) + "\n")
		}
	}
	return b.String(), marks != ""
}

// withoutSpans takes out code spans as CommonMark reads them: to the next run of as many backticks.
func withoutSpans(line string) string {
	runs := regexp.MustCompile("`+").FindAllStringIndex(line, -1)
	var b strings.Builder
	at := 0
	for i := 0; i < len(runs); i++ {
		length := runs[i][1] - runs[i][0]
		end := slices.IndexFunc(runs[i+1:], func(r []int) bool { return r[1]-r[0] == length })
		if end < 0 {
			continue
		}
		b.WriteString(line[at:runs[i][0]])
		i += end + 1
		at = runs[i][1]
	}
	return b.String() + line[at:]
}

func TestMarkdownLinksToWebPagesOnly(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://cloud.getdbt.com/deploy/1/runs/7/": "[dbt run 7](https://cloud.getdbt.com/deploy/1/runs/7/)",
		"http://localhost:8080/runs/7?a=b&c=d":      "[dbt run 7](http://localhost:8080/runs/7?a=b&c=d)",
		"https://x.example/a)[b](c":                 "[dbt run 7](https://x.example/a%29%5Bb%5D%28c)",
		"https://x.example/?q=)`<a_b>*|":            "[dbt run 7](https://x.example/?q=%29%60%3Ca%5Fb%3E%2A%7C)",
		"javascript://x.example/%0aalert(1)":        "dbt run 7",
		"https://user:secret@x.example/":            "dbt run 7",
		"/runs/7":                                   "dbt run 7",
		"https://%zz/":                              "dbt run 7",
		"":                                          "dbt run 7",
	} {
		text := (&report.Digest{Run: report.RunSummary{ID: 7, URL: address, Status: "Error"}}).Markdown(0)
		if got, _, _ := strings.Cut(text, "\n"); got != "## "+want+": `Error`" {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}

func TestMarkdownSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	d := report.New(sample())
	whole := d.Markdown(0)
	for limit := 1; limit < len(whole)+200; limit++ {
		text := d.Markdown(limit)
		if len(text) > limit {
			t.Fatalf("limit %d: %d bytes", limit, len(text))
		}
		if text != "" && !strings.HasPrefix(text, "## [dbt run 77]") {
			t.Fatalf("limit %d: the summary does not come first: %.80q", limit, text)
		}
		if strings.Contains(text, "### Failures") && !strings.Contains(text, "fresh_enough") && !strings.Contains(text, "are not shown") && strings.Count(text, "```text") < 4 {
			t.Fatalf("limit %d: failures are missing and nothing says so:\n%s", limit, text)
		}
	}
	if got := d.Markdown(len(whole) + 80); got != whole {
		t.Errorf("with room for all of it something is missing:\n%s", cmp.Diff(whole, got))
	}
}

// No line of the terminal's text is a command to a CI system, and nothing but our own colours steers the terminal.
func TestTerminalIsHarmless(t *testing.T) {
	t.Parallel()
	start := regexp.MustCompile(`^(dbt run -?\d+: |  (?:job|branch|commit|duration|message|page): |  built \d|failed: |warned: |note: |  \| |\d+ more (?:failures|warnings) are not shown$)`)
	colors := regexp.MustCompile("\x1b\\[(?:0|31|32|33)m")
	rapid.Check(t, func(t *rapid.T) {
		d, color := hostileDigest().Draw(t, "digest"), rapid.Bool().Draw(t, "color")
		var b strings.Builder
		if err := d.Terminal(&b, color); err != nil {
			t.Fatal(err)
		}
		text := b.String()
		if color {
			text = colors.ReplaceAllString(text, "")
		}
		if !plain(text) {
			t.Fatalf("not plain: %q", text)
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
			if !start.MatchString(line) || azureCommand.MatchString(line) || strings.HasPrefix(strings.TrimSpace(line), "::") {
				t.Fatalf("a line is %q", line)
			}
		}
	})
}

// JSON may be printed into a log whatever the texts are.
func TestJSONIsHarmless(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := hostileDigest().Draw(t, "digest")
		var digest strings.Builder
		quality, err := report.GitLabCodeQuality(d)
		if err := errors.Join(err, d.JSON(&digest)); err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{digest.String(), string(quality)} {
			if !json.Valid([]byte(text)) || !plain(strings.ReplaceAll(strings.ReplaceAll(text, "\uFFFE", ""), "\uFFFF", "")) || azureCommand.MatchString(text) {
				t.Fatalf("JSON: %q", text)
			}
			for line := range strings.Lines(text) {
				if strings.HasPrefix(strings.TrimSpace(line), "::") {
					t.Fatalf("a line is %q", line)
				}
			}
		}
	})
}

// azureCommand is what Azure Pipelines takes for a command wherever it stands.
var azureCommand = regexp.MustCompile(`##\w*\[`)

// element is any element of an XML document.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Children []element  `xml:",any"`
	Text     string     `xml:",chardata"`
}

// A case for each finding, the failures first; whether the file is of its schema is TestJUnitIsOfTheSchemaOfJenkins.
func TestJUnitHasEveryCase(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := hostileDigest().Draw(t, "digest")
		var b bytes.Buffer
		if err := d.JUnit(&b); err != nil {
			t.Fatal(err)
		}
		var e element
		if err := xml.Unmarshal(b.Bytes(), &e); err != nil || !plain(b.String()) {
			t.Fatalf("%v: %q", err, b.String())
		}
		cases := len(d.Failures) + len(d.Warnings) + len(d.Skipped) + len(d.Built)
		if got := len(e.Children[0].Children); got != cases {
			t.Fatalf("%d test cases, want %d", got, cases)
		}
		failed := 0
		for i, c := range e.Children[0].Children {
			bad := slices.ContainsFunc(c.Children, func(e element) bool { return e.XMLName.Local == "failure" || e.XMLName.Local == "error" })
			if bad {
				failed++
			}
			if bad != (i < len(d.Failures)) {
				t.Fatalf("the test case %d counts as failed: %t", i, bad)
			}
		}
	})
}

// command is a workflow command as the runner of GitHub reads it.
type command struct {
	name, message string
	properties    map[string]string
}

func parseGitHub(line string) (c command, err error) {
	head, message, ok := strings.Cut(strings.TrimPrefix(line, "::"), "::")
	if !ok || !strings.HasPrefix(line, "::") || strings.ContainsAny(line, "\r\n") {
		return c, fmt.Errorf("no command: %q", line)
	}
	name, rest, _ := strings.Cut(head, " ")
	c = command{name: name, message: unescape(message, githubEscapes()[:3]), properties: map[string]string{}}
	for property := range strings.SplitSeq(rest, ",") {
		key, value, ok := strings.Cut(property, "=")
		if !ok || !slices.Contains([]string{"file", "line", "title"}, key) || c.properties[key] != "" {
			return c, fmt.Errorf("property %q in %q", property, line)
		}
		c.properties[key] = unescape(value, githubEscapes())
	}
	return c, nil
}

// githubEscapes are in the order in which the runner undoes them: the percent sign last.
func githubEscapes() [][2]string {
	return [][2]string{{"\r", "%0D"}, {"\n", "%0A"}, {"%", "%25"}, {":", "%3A"}, {",", "%2C"}}
}

func unescape(text string, escapes [][2]string) string {
	var pairs []string
	for _, e := range escapes {
		pairs = append(pairs, e[1], e[0])
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

func TestGitHubAnnotationsAreCommands(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := hostileDigest().Draw(t, "digest")
		count := map[string]int{}
		for _, line := range report.GitHubAnnotations(d) {
			c, err := parseGitHub(line)
			if err != nil || !plain(line) {
				t.Fatalf("%v: %q", err, line)
			}
			if _, numbered := c.properties["line"]; numbered && c.properties["file"] == "" {
				t.Fatalf("a line of no file: %q", line)
			}
			count[c.name]++
			if f := append(slices.Clone(d.Failures), d.Warnings...); len(f) == 1 && plainLine(f[0].File) && c.properties["file"] != f[0].File {
				t.Fatalf("the file %q became %q", f[0].File, c.properties["file"])
			}
			list := map[string][]report.Failure{"error": d.Failures, "warning": d.Warnings}[c.name]
			if i := count[c.name] - 1; i < len(list) && c.properties["title"] != "dbt" && plainWords(list[i].Message) && c.message != list[i].Message {
				t.Fatalf("the message %q became %q", list[i].Message, c.message)
			}
		}
		if count["error"] != min(len(d.Failures), report.GitHubAnnotationLimit) || count["warning"] != min(len(d.Warnings), report.GitHubAnnotationLimit) || len(count) > 2 {
			t.Fatalf("%v commands for %d failures and %d warnings", count, len(d.Failures), len(d.Warnings))
		}
	})
}

// plainWords reports whether a message must come through as it is.
func plainWords(text string) bool {
	return strings.TrimSpace(text) != "" && plain(text) && text == strings.Trim(text, "\n") && !strings.Contains(text, "\u2029")
}

// plainLine reports whether a text must come through as it is where there is one line.
func plainLine(text string) bool {
	return plain(text) && text == strings.Join(strings.Fields(text), " ") && len(text) < report.MaxLine && !strings.Contains(text, "\u2029")
}

func TestGitHubProperties(t *testing.T) {
	t.Parallel()
	d := &report.Digest{Failures: []report.Failure{{Kind: "model", Name: "a%2C,b:c%", File: "models/50%:,x.sql", Line: 1, Message: "m"}}}
	want := "::error file=models/50%25%3A%2Cx.sql,line=1,title=dbt model a%252C%2Cb%3Ac%25::m"
	if got := report.GitHubAnnotations(d); len(got) != 1 || got[0] != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestGitHubSaysHowManyMore(t *testing.T) {
	t.Parallel()
	d := report.New(sample())
	for range 20 {
		d.Failures = append(d.Failures, report.Failure{Kind: "model", Name: "x"})
	}
	d.Truncated.Failures = 1000
	lines := report.GitHubAnnotations(d)
	if len(lines) != 11 || lines[9] != "::error title=dbt::1015 more are not shown here, see the summary" || !strings.HasPrefix(lines[10], "::warning ") {
		t.Errorf("lines %q", lines)
	}
}

func TestGitHubSummaryFits(t *testing.T) {
	t.Parallel()
	d := report.New(sample())
	for range 1000 {
		d.Failures = append(d.Failures, report.Failure{Kind: "model", Name: "x", Message: strings.Repeat("`", 4000)})
	}
	text := report.GitHubSummary(d)
	if len(text) > report.GitHubSummaryLimit || len(text) < report.GitHubSummaryLimit/2 || !strings.HasSuffix(text, "more are not shown.\n") {
		t.Errorf("the summary has %d bytes and ends with %q", len(text), text[len(text)-40:])
	}
}
