package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
	"github.com/slimci/dbtcloud/report"
)

// broken is a run whose texts look like commands of CI providers, and that left results behind.
func (c *cloud) broken(t *testing.T) string {
	t.Helper()
	results := `{"metadata":{"dbt_schema_version":"https://schemas.getdbt.com/dbt/run-results/v6.json","invocation_id":"one"},"results":[
		{"unique_id":"model.shop.orders","status":"success","execution_time":1},
		{"unique_id":"model.shop.below","status":"skipped","execution_time":0},
		{"unique_id":"test.shop.unique_id.ab","status":"fail","failures":3,"execution_time":1,"message":"Got 3 results\n--- group\n::error::x ##vso[task.complete result=Succeeded;] 100%"}]}`
	run := c.AddRun(dbtcloudtest.RunSpec{JobID: c.job, SHA: sha2, Branch: "##vso[task.setvariable variable=PATH]$(reboot)"})
	c.AddArtifacts(run, dbtcloudtest.Artifact{Path: "run_results.json", Data: []byte(results)},
		dbtcloudtest.Artifact{Path: "manifest.json", Data: []byte(`{"metadata":{"dbt_schema_version":"https://schemas.getdbt.com/dbt/manifest/v12.json"}}`)}) // else it is waited for
	invoke(t, c.env, "runs", "wait", id(run), "--poll-interval=100ms").want(t, exitRunFailed)
	return id(run)
}

func newBroken(t *testing.T) (*cloud, string) {
	t.Helper()
	c := newCloud(t, 0, dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome {
		return dbtcloudtest.Outcome{Status: dbtcloudtest.Error, Steps: []dbtcloudtest.Step{{Name: "Invoke dbt with `dbt build`", Logs: "Done. PASS=1 ERROR=1"}}}
	}))
	return c, c.broken(t)
}

func TestRunsReport(t *testing.T) {
	t.Parallel()
	c, run := newBroken(t)
	const text = `  built 1, passed 0, failed 1, errors 0, warnings 0, skipped 1, other 0
failed: test unique_id, 3 rows
  | Got 3 results
  | --- group
  | ::error::x # #vso[task.complete result=Succeeded;] 100%
`
	tests := []struct {
		flags string
		want  string // a part of stdout
	}{
		{"", text},
		{"--output=table", text},
		{"--format=text --output=json", text},
		{"--format=markdown", "\n### Failures (1)\n\n- `test` `unique_id`, 3 rows\n"},
		{"--format=junit", `<testcase name="unique_id" classname="dbt.test" time="1.000">`},
		{"--format=json", `,"failures":[{"unique_id":"test.shop.unique_id.ab","name":"unique_id","kind":"test","status":"fail",`},
		{"--output=json", `,"failures":[{"unique_id":"test.shop.unique_id.ab","name":"unique_id","kind":"test","status":"fail",`},
		{"--format=github", "::error title=dbt test unique_id::Got 3 results%0A--- group%0A::error::x ##vso[task.complete result=Succeeded;] 100%25\n"},
		{"--format=azure", "##vso[task.logissue type=error;]dbt test unique_id: Got 3 results%0A--- group%0A::error::x ##vso[task.complete result=Succeeded;] 100%AZP25\n"},
		{"--format=gitlab", `"severity": "major",`},
		{"--format=bitbucket", `,"annotations":[[{"external_id":"dbtcloud-` + run + `-1","title":"dbt test unique_id","annotation_type":"BUG",`},
		{"--format=buildkite", "\n### Failures (1)\n\n- `test` `unique_id`, 3 rows\n"},
	}
	for _, test := range tests {
		t.Run(test.flags, func(t *testing.T) {
			t.Parallel()
			o := invoke(t, c.env, append([]string{"runs", "report", run}, strings.Fields(test.flags)...)...).want(t, exitSuccess)
			if !strings.Contains(o.stdout, test.want) || !strings.HasSuffix(o.stdout, "\n") {
				t.Errorf("stdout: %s\nwant in it: %s", o.stdout, test.want)
			}
		})
	}
}

// What is meant for programs is whole.
func TestRunsReportIsRead(t *testing.T) {
	t.Parallel()
	c, run := newBroken(t)
	get := func(format string) []byte {
		return []byte(invoke(t, c.env, "runs", "report", run, "--format="+format).want(t, exitSuccess).stdout)
	}
	var d report.Digest
	if err := json.Unmarshal(get("json"), &d); err != nil || len(d.Failures) != 1 || bytes.Count(get("json"), []byte("\n")) != 1 {
		t.Errorf("json: %v: %+v", err, d)
	}
	var suites struct {
		Tests int `xml:"tests,attr"`
	}
	if err := xml.Unmarshal(get("junit"), &suites); err != nil || suites.Tests != 3 {
		t.Errorf("junit: %v: %+v", err, suites)
	}
	for _, format := range []string{"gitlab", "bitbucket"} {
		if !json.Valid(get(format)) {
			t.Errorf("%s: %s", format, get(format))
		}
	}
}

// What may be printed into the log of a pipeline has no command of others in it.
func TestRunsReportIsHarmless(t *testing.T) {
	t.Parallel()
	c, run := newBroken(t)
	for format, line := range map[string]*regexp.Regexp{
		"text":   regexp.MustCompile(`^(?:dbt run|  \w+:? |failed: |note: |  \| )`),
		"github": regexp.MustCompile(`^::(?:error|warning) title=`),
		"azure":  regexp.MustCompile(`^##vso\[task\.logissue type=error;\]`),
		// where one line cannot be told from another, nothing may be a command
		"markdown": regexp.MustCompile(`^(?:[^:]|:[^:])`), "junit": regexp.MustCompile(`^(?:[^:]|:[^:])`), "buildkite": regexp.MustCompile(`^(?:[^:]|:[^:])`), "json": regexp.MustCompile(`^\{`), "gitlab": regexp.MustCompile(`^ *[\[\]{}"]`), "bitbucket": regexp.MustCompile(`^\{`),
	} {
		o := invoke(t, c.env, "runs", "report", run, "--format="+format).want(t, exitSuccess)
		for text := range strings.Lines(o.stdout) {
			group := strings.HasPrefix(text, "--- ")
			if !line.MatchString(text) || group || format != "azure" && format != "github" && strings.Contains(text, "##vso") {
				t.Errorf("%s: a line is %q", format, text)
			}
		}
	}
}

func TestRunsReportIntoAFile(t *testing.T) {
	t.Parallel()
	c, run := newBroken(t)
	file := filepath.Join(t.TempDir(), "dbt.xml")
	o := invoke(t, c.env, "runs", "report", run, "--format=junit", "-o", file).want(t, exitSuccess)
	text, err := os.ReadFile(file)
	if err != nil || o.stdout != "" || !strings.HasPrefix(o.stderr, "wrote "+file+": ") {
		t.Fatalf("%v, stdout %q, stderr %q", err, o.stdout, o.stderr)
	}
	got := invoke(t, c.env, "runs", "report", run, "--format=junit").stdout
	got = strings.NewReplacer("\n --- group", "\n--- group", "\n: :error", "\n::error", "# #vso", "##vso").Replace(got)
	if got != string(text) || !strings.Contains(got, "##vso") {
		t.Errorf("the file has %s, stdout %s", text, got)
	}
	o = invoke(t, c.env, "runs", "report", run, "-o", t.TempDir()).want(t, exitBadInput)
	if !strings.Contains(o.stderr, "is a directory") {
		t.Errorf("into a directory: %s", o.stderr)
	}
}

func TestRunsReportOfNothing(t *testing.T) {
	t.Parallel()
	c := newCloud(t, 0)
	o := invoke(t, c.env, "runs", "report", "987654").want(t, exitRefused)
	if !strings.Contains(o.stderr, "404") && !strings.Contains(o.stderr, dbtcloud.ErrNotFound.Error()) {
		t.Errorf("stderr: %s", o.stderr)
	}
}
