package report_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slimci/dbtcloud/dbtcloudtest"
	"github.com/slimci/dbtcloud/internal/testenv"
	"github.com/slimci/dbtcloud/report"
)

// validate has files validated by the schema that Jenkins publishes, and returns what the validator says and the number of
// files that it refuses.
func validate(t *testing.T, files []string) (said string, refused int) {
	t.Helper()
	pins := filepath.Join("testdata", "schemas")
	program := testenv.Installed(t, "schemas", "xmlschema/bin/xmlschema-validate", filepath.Join(pins, "xmlschema.txt"), "xmlschema/pins.txt")
	schema := testenv.Installed(t, "schemas", "junit-10.xsd", filepath.Join(pins, "junit-10.pin"), "junit-10.pin")
	c := exec.CommandContext(t.Context(), program, append([]string{"--schema", schema}, files...)...)
	out, err := c.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() < 0) {
		t.Fatalf("%v: %s", err, out)
	}
	for _, file := range files {
		switch text := string(out); {
		case strings.Contains(text, file+" is not valid"):
			refused++
		case !strings.Contains(text, file+" is valid"):
			t.Fatalf("the validator says nothing of %s: %s", file, out)
		}
	}
	return string(out), refused
}

// junitFile writes the text into a file of its own.
func junitFile(t *testing.T, dir, name, text string) string {
	t.Helper()
	file := filepath.Join(dir, name+".xml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func junitText(t *testing.T, d *report.Digest) string {
	t.Helper()
	var b bytes.Buffer
	if err := d.JUnit(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestJUnitIsOfTheSchemaOfJenkins(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := []string{
		filepath.Join("testdata", "junit.xml"),
		junitFile(t, dir, "empty", junitText(t, report.New(report.Inputs{}))),
		junitFile(t, dir, "cancelled", junitText(t, &report.Digest{Run: report.RunSummary{Status: dbtcloudtest.Cancelled.String()}, Duration: -1})),
	}
	digests := hostileDigest()
	for i := range testenv.Count(50, 500, 5000) {
		files = append(files, junitFile(t, dir, fmt.Sprint("random", i), junitText(t, digests.Example(i))))
	}
	if said, refused := validate(t, files); refused > 0 {
		t.Errorf("%d of %d files are refused: %s", refused, len(files), said)
	}
}

// What the renderer could get wrong is found.
func TestJUnitSchemaRefuses(t *testing.T) {
	t.Parallel()
	dir, good := t.TempDir(), junitText(t, report.New(sample()))
	faults := [][]string{
		{`<testsuite name=`, `<testsuite title=`}, {` errors="3"`, ` faults="3"`}, {` time="95.000"`, ` time="1m35s"`}, {`<testcase name=`, `<testcase id=`}, {` classname=`, ` file=`},
		{`<failure `, `<fail `, `</failure>`, `</fail>`}, {`<skipped>`, `<skipped><error/>`}, {`</testsuites>`, `<testcase name="a"/></testsuites>`}, {`</testcase>`, `<testcase name="a"/></testcase>`},
	}
	var files []string
	for i, fault := range faults {
		if !strings.Contains(good, fault[0]) {
			t.Fatalf("there is no %s in %s", fault[0], good)
		}
		files = append(files, junitFile(t, dir, fmt.Sprint("bad", i), strings.NewReplacer(fault...).Replace(good)))
	}
	if said, refused := validate(t, files); refused != len(files) {
		t.Errorf("%d of %d files are refused: %s", refused, len(files), said)
	}
}
