package feedback

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/slimci/dbtcloud/report"
)

// Files are paths of files for a CI provider to collect, or for people. An empty path is none.
type Files struct {
	JUnit       string // test results, which GitLab, Azure, Bitbucket, CircleCI, Jenkins and CodeBuild read
	CodeQuality string // a code quality report of GitLab
	Markdown    string // at most as much as the summary of a step of GitHub takes
	Digest      string // JSON, see [report.Digest]
}

// Write writes the files, each of them readable by everybody, and makes their directories. A file appears when all of it
// is there. One that fails keeps no other from being written; the error is all that went wrong, one line each.
// [dbtcloud.ErrInvalid] means that there is no digest.
func (f Files) Write(d *report.Digest) error {
	if d == nil {
		return invalid("there is no digest to write")
	}
	quality := func(b *bytes.Buffer) error {
		text, err := report.GitLabCodeQuality(d)
		b.Write(append(text, '\n'))
		return err
	}
	return errors.Join(
		writeFile(f.JUnit, func(b *bytes.Buffer) error { return d.JUnit(b) }),
		writeFile(f.CodeQuality, quality),
		writeFile(f.Markdown, func(b *bytes.Buffer) error { b.WriteString(report.GitHubSummary(d)); return nil }),
		writeFile(f.Digest, func(b *bytes.Buffer) error { return d.JSON(b) }),
	)
}

func writeFile(name string, render func(*bytes.Buffer) error) error {
	if name == "" {
		return nil
	}
	var text bytes.Buffer
	err := render(&text)
	if err == nil {
		err = replaceFile(name, text.Bytes())
	}
	if err != nil {
		return fmt.Errorf("feedback: writing %s: %w", name, err)
	}
	return nil
}

// replaceFile puts a text into a file at once. Where the name is a link, that stays one.
func replaceFile(name string, text []byte) (err error) {
	if info, err := os.Stat(name); err == nil && (!info.Mode().IsRegular() || strings.HasPrefix(filepath.Clean(name), "/dev/")) {
		return writeDevice(name, text)
	}
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target
	}
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // another user may collect the files
		return err
	}
	temp, err := os.CreateTemp(dir, ".dbtcloud-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(temp.Name()))
		}
	}()
	_, err = temp.Write(text)
	if err = errors.Join(err, temp.Chmod(0o644), temp.Close()); err != nil {
		return err
	}
	return os.Rename(temp.Name(), name)
}

// readerPatience is how long the reader of a pipe may take.
const readerPatience = 10 * time.Second

// writeDevice writes into what must not be replaced: a device, a pipe, or the log behind /dev/stderr. A pipe that nobody reads is an
// error: it would be waited for.
func writeDevice(name string, text []byte) (err error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.SetWriteDeadline(time.Now().Add(readerPatience)); err != nil && !errors.Is(err, os.ErrNoDeadline) {
		return err
	}
	_, err = f.Write(text)
	return err
}
