// Package testenv is what the tests of every module share: how much to try, when to skip, and where the
// reference documents lie. Environment variables steer it:
//
//   - DBTCLOUD_COUNT is small (the default), middle or full: see [Count].
//   - DBTCLOUD_NO_SKIP=1 turns every skip into a failure: see [Skip].
//   - DBTCLOUD_SHARED is the directory of the reference documents, ../shared beside the checkout unless set: see [Shared].
//   - DBTCLOUD_PEERS and its like are directories of what the steps of .ci/run have installed: see [Installed].
package testenv

import (
	"bytes"
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// CountVariable chooses between the counts of [Count]: "small", "middle" or "full".
const CountVariable = "DBTCLOUD_COUNT"

// NoSkipVariable turns the skips of [Skip] into failures when it is "1".
const NoSkipVariable = "DBTCLOUD_NO_SKIP"

// SharedVariable names the directory that [Shared] looks into.
const SharedVariable = "DBTCLOUD_SHARED"

// Race says that the race detector is on, under which nothing that measures time means anything.
const Race = raceEnabled

// Count chooses how often a test tries: small by default and always under the race detector, otherwise what
// DBTCLOUD_COUNT says. An unknown word counts as small; the tests of this package fail on it.
func Count(small, middle, full int) int {
	return count(os.Getenv(CountVariable), raceEnabled, small, middle, full)
}

func count(word string, race bool, small, middle, full int) int {
	switch {
	case race:
		return small
	case word == "middle":
		return middle
	case word == "full":
		return full
	default:
		return small
	}
}

// Skip skips a test that needs something absent. With DBTCLOUD_NO_SKIP=1 it fails the test instead, so that
// nothing is left out unseen. The message says what is absent.
func Skip(tb testing.TB, format string, args ...any) {
	tb.Helper()
	skip(tb, os.Getenv(NoSkipVariable) == "1", format, args...)
}

func skip(tb testing.TB, strict bool, format string, args ...any) {
	tb.Helper()
	if strict {
		tb.Fatalf("must not be skipped ("+NoSkipVariable+"=1): "+format, args...)
		return
	}
	tb.Skipf(format, args...)
}

// Shared returns the path of a reference document, such as Shared(t, "openapi", "openapi-v2.yaml"). The documents are
// not part of the repository: they lie in DBTCLOUD_SHARED, or else in ../shared beside the checkout. Where the
// document is absent the test is skipped by [Skip].
func Shared(tb testing.TB, elem ...string) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatalf("find the directory of the test: %v", err)
	}
	path, err := shared(os.Getenv(SharedVariable), dir, elem...)
	if err != nil {
		Skip(tb, "no reference document (set %s to its directory): %v", SharedVariable, err)
	}
	return path
}

// Installed returns the path of what a step of .ci/run has installed, such as Installed(t, "peers", "dbtc/bin/dbtc"): it lies
// in DBTCLOUD_PEERS, or else in the cache of .ci/run. Where it is absent the test is skipped by [Skip]. A pin is a file of
// the tests of which the step leaves a copy beside what it installs: the test is also skipped where the copy is another.
func Installed(tb testing.TB, step, path, pin, pinned string) string {
	tb.Helper()
	variable := "DBTCLOUD_" + strings.ToUpper(step)
	dir := os.Getenv(variable)
	if dir == "" {
		home, _ := os.UserHomeDir()
		dir = filepath.Join(cmp.Or(os.Getenv("XDG_CACHE_HOME"), filepath.Join(home, ".cache")), "dbtcloud-ci", step)
	}
	if why := missing(filepath.Join(dir, path), pin, filepath.Join(dir, pinned)); why != nil {
		Skip(tb, "%v: `bash .ci/run %s` installs it, %s says where", why, step, variable)
	}
	return filepath.Join(dir, path)
}

func missing(path, pin, pinned string) error {
	if _, err := os.Stat(path); err != nil {
		return err
	}
	want, err := os.ReadFile(pin)
	if err != nil {
		return err
	}
	if got, _ := os.ReadFile(pinned); !bytes.Equal(got, want) {
		return errors.New(path + " is not of the version in " + pin)
	}
	return nil
}

// shared returns the path of the document in the directory base, or in ../shared beside the checkout around dir.
func shared(base, dir string, elem ...string) (string, error) {
	if base == "" {
		root, err := checkout(dir)
		if err != nil {
			return "", err
		}
		base = filepath.Join(filepath.Dir(root), "shared")
	}
	path := filepath.Join(append([]string{base}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		return "", err
	}
	return path, nil
}

// checkout walks up from dir to the directory that holds go.work.
func checkout(dir string) (string, error) {
	for {
		_, err := os.Stat(filepath.Join(dir, "go.work"))
		if err == nil {
			return dir, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.work above the test's directory")
		}
		dir = parent
	}
}
