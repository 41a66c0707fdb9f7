package feedback_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/feedback"
	"github.com/slimci/dbtcloud/report"
)

func TestFiles(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "not", "yet")
	f := feedback.Files{
		JUnit: filepath.Join(dir, "tests", "dbt.xml"), CodeQuality: filepath.Join(dir, "quality.json"), Markdown: filepath.Join(dir, "run.md"), Digest: filepath.Join(dir, "run.json"),
	}
	for range 2 { // the second time over what the first has written
		if err := f.Write(red()); err != nil {
			t.Fatal(err)
		}
	}
	var junit, digest bytes.Buffer
	quality, err := report.GitLabCodeQuality(red())
	if err := errors.Join(err, red().JUnit(&junit), red().JSON(&digest)); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{f.JUnit: junit.String(), f.CodeQuality: string(quality) + "\n", f.Markdown: red().Markdown(0), f.Digest: digest.String()}
	got := map[string]string{}
	err = filepath.WalkDir(dir, func(name string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		got[name] = read(t, name)
		if info, err := entry.Info(); err != nil || info.Mode().Perm() != 0o644 {
			t.Errorf("%s: %v, %v: others must be able to read it", name, info.Mode(), err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The file may be that of a step's summary, which is dropped whole when it is too large.
func TestMarkdownFileFits(t *testing.T) {
	t.Parallel()
	d := red()
	for range 400 {
		d.Failures = append(d.Failures, report.Failure{Kind: "model", Name: "x", Message: strings.Repeat("long ", 800)})
	}
	f := feedback.Files{Markdown: filepath.Join(t.TempDir(), "run.md")}
	if err := f.Write(d); err != nil {
		t.Fatal(err)
	}
	if got := len(read(t, f.Markdown)); got > report.GitHubSummaryLimit || got < report.GitHubSummaryLimit/2 {
		t.Errorf("the file has %d bytes", got)
	}
}

func TestFilesThatFail(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f := feedback.Files{JUnit: dir, CodeQuality: filepath.Join(file, "below"), Markdown: filepath.Join(dir, "run.md"), Digest: dir + "/new/"}
	checkLines(t, f.Write(red()), []string{"writing " + dir, "writing " + f.CodeQuality, "writing " + f.Digest})
	if got := read(t, f.Markdown); got != red().Markdown(0) {
		t.Errorf("the file that could be written has %q", got)
	}
	left, err := filepath.Glob(filepath.Join(dir, "new", "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
	if err := (feedback.Files{}).Write(nil); !errors.Is(err, dbtcloud.ErrInvalid) {
		t.Errorf("without a digest: %v", err)
	}
}

// A device stays a device.
func TestFilesLeaveDevices(t *testing.T) {
	t.Parallel()
	if err := (feedback.Files{Markdown: os.DevNull}).Write(red()); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Errorf("%s: %v, %v", os.DevNull, info, err)
	}
}
