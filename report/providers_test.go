package report_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/slimci/dbtcloud/dbtcloudtest"
	"github.com/slimci/dbtcloud/report"
)

// parseAzure reads a line as the agent does: the first ##vso[ anywhere, up to the next ], then the message.
func parseAzure(line string) (c command, err error) {
	start := strings.Index(line, "##vso[")
	end := strings.IndexByte(line, ']')
	if start != 0 || end < 0 || strings.ContainsAny(line, "\r\n") {
		return c, fmt.Errorf("no command: %q", line)
	}
	name, rest, _ := strings.Cut(line[len("##vso["):end], " ")
	percent := [2]string{"%", "%AZP25"}
	c = command{name: name, message: unescape(line[end+1:], [][2]string{{"\r", "%0D"}, {"\n", "%0A"}, percent}), properties: map[string]string{}}
	for property := range strings.SplitSeq(strings.TrimSuffix(rest, ";"), ";") {
		key, value, ok := strings.Cut(property, "=")
		if !ok || !slices.Contains([]string{"type", "sourcepath", "linenumber"}, key) || c.properties[key] != "" {
			return c, fmt.Errorf("property %q in %q", property, line)
		}
		c.properties[key] = unescape(value, [][2]string{{"\r", "%0D"}, {"\n", "%0A"}, {";", "%3B"}, {"]", "%5D"}, percent})
	}
	return c, nil
}

func TestAzureCommandsAreCommands(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := hostileDigest().Draw(t, "digest")
		all := slices.Concat(d.Failures, d.Warnings)
		lines := report.AzureCommands(d)
		if len(lines) != len(all) {
			t.Fatalf("%d commands for %d findings", len(lines), len(all))
		}
		for i, line := range lines {
			c, err := parseAzure(line)
			level := "error"
			if i >= len(d.Failures) {
				level = "warning"
			}
			if err != nil || !plain(line) || c.name != "task.logissue" || c.properties["type"] != level {
				t.Fatalf("%v: %+v from %q", err, c, line)
			}
			if file := all[i].File; !strings.HasPrefix(c.message, "dbt") || plainLine(file) && c.properties["sourcepath"] != file {
				t.Fatalf("the file %q became %q in %q", file, c.properties["sourcepath"], line)
			}
			if plainWords(all[i].Message) && !strings.HasSuffix(c.message, ": "+all[i].Message) {
				t.Fatalf("the message %q became %q", all[i].Message, c.message)
			}
			if _, numbered := c.properties["linenumber"]; numbered && c.properties["sourcepath"] == "" {
				t.Fatalf("a line of no file: %q", line)
			}
		}
		file := hostileText().Draw(t, "file")
		if line := report.AzureSummary(file); !strings.HasPrefix(line, "##vso[task.uploadsummary]") || !plain(line) || strings.Contains(line, "\n") {
			t.Fatalf("the summary's command is %q", line)
		}
	})
}

func TestGitLabCodeQualityIsAsDocumented(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := hostileDigest().Draw(t, "digest")
		text, err := report.GitLabCodeQuality(d)
		if err != nil {
			t.Fatal(err)
		}
		var issues []struct {
			Description, Severity, Fingerprint string
			CheckName                          string `json:"check_name"`
			Location                           struct {
				Path  string
				Lines struct{ Begin int }
			}
		}
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&issues); err != nil || text[0] != '[' || len(issues) != len(d.Failures)+len(d.Warnings) {
			t.Fatalf("%v: %s", err, text)
		}
		seen := map[string]bool{}
		for i, issue := range issues {
			severity := "major"
			if i >= len(d.Failures) {
				severity = "minor"
			}
			path := issue.Location.Path
			relative := path != "" && !strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "../") && !strings.Contains(path, "\n")
			if issue.Severity != severity || issue.Description == "" || issue.CheckName == "" || !plain(issue.Description) || !plain(issue.CheckName) || !plain(path) || !relative || issue.Location.Lines.Begin < 1 || seen[issue.Fingerprint] {
				t.Fatalf("an issue is %+v", issue)
			}
			seen[issue.Fingerprint] = true
		}
	})
}

func TestGitLabPathsAreOfTheRepository(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"models/a.sql": "models/a.sql", "": "dbt_project.yml", "/etc/passwd": "dbt_project.yml", "../a.sql": "dbt_project.yml", "a/../../b.sql": "dbt_project.yml", "C:/a.sql": "dbt_project.yml", "./a.sql": "dbt_project.yml",
	} {
		text, err := report.GitLabCodeQuality(&report.Digest{Failures: []report.Failure{{File: file}}})
		if err != nil || !strings.Contains(string(text), fmt.Sprintf(`"path": %q`, want)) {
			t.Errorf("the file %q: %s, %v, want the path %q", file, text, err, want)
		}
	}
}

// GitLab tells old findings from new ones by their fingerprints.
func TestGitLabFingerprintsStay(t *testing.T) {
	t.Parallel()
	fingerprints := func(d *report.Digest) []string {
		text, err := report.GitLabCodeQuality(d)
		if err != nil {
			t.Fatal(err)
		}
		return regexp.MustCompile(`"fingerprint": "[0-9a-f]{64}"`).FindAllString(string(text), -1)
	}
	d := report.New(sample())
	d.Failures = append(d.Failures, d.Failures[0]) // it failed in two steps
	before := fingerprints(d)
	for i := range d.Failures {
		d.Failures[i].Message, d.Failures[i].Line, d.Failures[i].Failures = "another message", 99, 99
	}
	if again := slices.Compact(slices.Sorted(slices.Values(before))); len(again) != 6 {
		t.Errorf("the fingerprints of 6 findings are %q", before)
	}
	if after := fingerprints(d); !slices.Equal(before, after) {
		t.Errorf("fingerprints changed with the message:\n%q\n%q", before, after)
	}
}

func TestBitbucketReportFits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := hostileDigest().Draw(t, "digest")
		d.Run.Status = rapid.SampledFrom([]string{"Success", "Error", "Cancelled"}).Draw(t, "status")
		checkBitbucket(t, d)
	})
}

func TestBitbucketReportOfMany(t *testing.T) {
	t.Parallel()
	d := report.New(sample())
	for range 1200 {
		d.Failures = append(d.Failures, report.Failure{Name: "x", Message: strings.Repeat("é]]>\n", 1000)})
	}
	checkBitbucket(t, d)
	insights, err := report.BitbucketReport(d)
	if err != nil || !strings.Contains(string(insights.Annotations[1]), `...","details"`) {
		t.Errorf("%v: nothing says that a summary was cut: %.700s", err, insights.Annotations[1])
	}
}

func checkBitbucket(t rapid.TB, d *report.Digest) {
	insights, err := report.BitbucketReport(d)
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Title, Details, Reporter, Result, Link string
		ReportType                             string `json:"report_type"`
		Data                                   []struct {
			Title, Type string
			Value       int64
		}
	}
	strictly(t, insights.Report, &r)
	passed := map[bool]string{true: "PASSED", false: "FAILED"}[d.Run.Status == "Success"]
	if r.ReportType != "TEST" || r.Result != passed || r.Title == "" || r.Details == "" || utf8.RuneCountInString(r.Details) > report.BitbucketDetailsLimit || len(r.Data) > report.BitbucketDataLimit {
		t.Fatalf("the report is %+v", r)
	}
	if !plain(r.Title) || !plain(r.Details) {
		t.Fatalf("the texts of the report are %+q", r)
	}
	if r.Link != "" && !strings.HasPrefix(r.Link, "http") {
		t.Fatalf("the link is %q", r.Link)
	}
	seen := map[string]bool{}
	for _, batch := range insights.Annotations {
		var list []struct {
			Title, Summary, Details, Result, Severity, Path string
			ExternalID                                      string `json:"external_id"`
			AnnotationType                                  string `json:"annotation_type"`
			Line                                            int
		}
		strictly(t, batch, &list)
		if len(list) == 0 || len(list) > report.BitbucketBatchLimit {
			t.Fatalf("%d annotations in a request", len(list))
		}
		for _, a := range list {
			short := utf8.RuneCountInString(a.Summary) <= report.BitbucketSummaryLimit && utf8.RuneCountInString(a.Title) <= report.BitbucketSummaryLimit && utf8.RuneCountInString(a.Details) <= report.BitbucketDetailsLimit
			known := slices.Contains([]string{"PASSED", "FAILED"}, a.Result) && slices.Contains([]string{"HIGH", "LOW"}, a.Severity) && a.AnnotationType == "BUG"
			if !plain(a.Title) || !plain(a.Summary) || !plain(a.Details) || !plain(a.Path) || strings.ContainsAny(a.Title+a.Summary+a.Path, "\r\n") {
				t.Fatalf("the texts of an annotation are %+q", a)
			}
			if !short || !known || a.Summary == "" || a.ExternalID == "" || seen[a.ExternalID] || a.Line < 0 || a.Line > 0 && a.Path == "" {
				t.Fatalf("an annotation is %+v", a)
			}
			seen[a.ExternalID] = true
		}
	}
	if want := min(len(d.Failures)+len(d.Warnings), report.BitbucketAnnotationLimit); len(seen) != want {
		t.Fatalf("%d annotations, want %d", len(seen), want)
	}
}

// strictly decodes a payload that may have no other fields.
func strictly(t rapid.TB, text []byte, into any) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}

func TestBuildkite(t *testing.T) {
	t.Parallel()
	d := report.New(sample())
	for range 1000 {
		d.Warnings = append(d.Warnings, report.Warning{Kind: "test", Name: "x", Message: strings.Repeat("é", 2000)})
	}
	if text := report.BuildkiteAnnotation(d); len(text) > report.BuildkiteAnnotationLimit || !strings.HasPrefix(text, "## [dbt run 77]") || !strings.HasSuffix(text, "more are not shown.\n") {
		t.Errorf("the annotation has %d bytes", len(text))
	}
	for _, tt := range []struct {
		status dbtcloudtest.RunStatus
		warned int
		want   string
	}{
		{dbtcloudtest.Success, 0, "success"}, {dbtcloudtest.Success, 2, "warning"}, {dbtcloudtest.Error, 2, "error"}, {dbtcloudtest.Cancelled, 2, "info"}, {dbtcloudtest.Running, 0, "info"},
	} {
		d := &report.Digest{Run: report.RunSummary{Status: tt.status.String()}, Counts: report.Counts{Warned: tt.warned}}
		if got := report.BuildkiteStyle(d); got != tt.want {
			t.Errorf("a run %s with %d warnings has the style %s, want %s", tt.status, tt.warned, got, tt.want)
		}
	}
}
