//go:build unix

package feedback_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/feedback"
	"github.com/slimci/dbtcloud/internal/testenv"
)

func pipe(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// A pipe that nobody reads holds nobody up.
func TestPipesWithoutAReader(t *testing.T) {
	t.Parallel()
	name := pipe(t)
	if err := (feedback.Files{Markdown: name}).Write(red()); err == nil || !strings.Contains(err.Error(), "writing "+name) {
		t.Errorf("a file: %v", err)
	}
	p := feedback.Places{Getenv: func(string) string { return name }, Log: io.Discard}
	checkLines(t, p.Publish(t.Context(), dbtcloud.GitHubActions, sha, red()), []string{"GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"})
}

// One that somebody reads stays a pipe, and is written to the end.
func TestPipesWithAReader(t *testing.T) {
	t.Parallel()
	name := pipe(t)
	d := red()
	for range 100 { // more than a pipe holds
		d.Failures = append(d.Failures, d.Failures[0])
		d.Failures[len(d.Failures)-1].Message = strings.Repeat("long ", 500)
	}
	reader, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	written := make(chan error, 1)
	go func() { written <- feedback.Files{Markdown: name}.Write(d) }()
	var got strings.Builder
	part := make([]byte, 4096)
	for got.Len() < len(d.Markdown(0)) {
		n, _ := reader.Read(part) // it has an end as long as nobody writes
		got.Write(part[:n])
		select {
		case err := <-written:
			if err != nil {
				t.Fatal(err)
			}
		default:
		}
	}
	if got.String() != d.Markdown(0) {
		t.Errorf("read %d bytes that are others", got.Len())
	}
}

// Behind /dev/stderr may be a file: a log, that others go on writing.
func TestFilesGoOnWithALog(t *testing.T) {
	t.Parallel()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	name := fmt.Sprintf("/dev/fd/%d", log.Fd())
	if _, err := os.Stat(name); err != nil {
		testenv.Skip(t, "no %s: %v", name, err)
	}
	if _, err := log.WriteString("before\n"); err != nil {
		t.Fatal(err)
	}
	if err := (feedback.Files{Markdown: name}).Write(red()); err != nil {
		t.Fatal(err)
	}
	if got, want := read(t, log.Name()), "before\n"+red().Markdown(0); got != want {
		t.Errorf("the log has %q, want %q", got, want)
	}
}

func TestLinksStay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := errors.Join(os.WriteFile(target, []byte("old"), 0o600), os.Symlink("target", link)); err != nil {
		t.Fatal(err)
	}
	if err := (feedback.Files{Markdown: link}).Write(red()); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(link)
	if err != nil || info.Mode()&os.ModeSymlink == 0 || read(t, target) != red().Markdown(0) {
		t.Errorf("%v, %v; the target has %q", info, err, read(t, target))
	}
}
