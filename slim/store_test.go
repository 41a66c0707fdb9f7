package slim_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/slim"
)

func TestOpenStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for location, ok := range map[string]bool{
		filepath.Join(dir, "a b"):                                      true,
		"file://" + filepath.ToSlash(filepath.Join(dir, "c")):          true,
		"file://localhost" + filepath.ToSlash(filepath.Join(dir, "d")): true,
		"": false, "s3://bucket/path": false, "file://": false, "file://host/path": false, "file:///a?b=c": false, "file:///%zz": false,
	} {
		s, err := slim.OpenStore(location)
		if !ok {
			if !errors.Is(err, dbtcloud.ErrInvalid) {
				t.Errorf("OpenStore(%q) gives %v, want ErrInvalid", location, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("OpenStore(%q): %v", location, err)
			continue
		}
		if err := s.Put(t.Context(), "x", strings.NewReader("y")); err != nil {
			t.Error(err)
		}
	}
	for _, file := range []string{"a b/x", "c/x", "d/x"} {
		if got, err := os.ReadFile(filepath.Join(dir, file)); string(got) != "y" {
			t.Errorf("%s has %q: %v", file, got, err)
		}
	}
}

// What a killed writer left behind, and what others put there, is no object.
func TestDirectoryStrangers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := slim.Directory(dir)
	if err := s.Put(t.Context(), "a/b", strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{".unfinished/killed", "a/.DS_Store", "a/with space", ".git/config"} {
		path := filepath.Join(dir, filepath.FromSlash(file))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for o, err := range s.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, o.Key)
	}
	if len(got) != 1 || got[0] != "a/b" {
		t.Errorf("List = %q, want only a/b", got)
	}
}

// Of a write nothing stays but the object, of a refused one nothing at all.
func TestDirectoryLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := slim.Directory(dir)
	for _, err := range []error{s.Put(t.Context(), "a", strings.NewReader("x")), s.PutNew(t.Context(), "b", strings.NewReader("x"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.PutNew(t.Context(), "a", strings.NewReader("y")); !errors.Is(err, slim.ErrExists) {
		t.Errorf("PutNew of what is there gives %v, want ErrExists", err)
	}
	if err := s.Put(t.Context(), "a/below", strings.NewReader("y")); err == nil {
		t.Error("an object below an object was stored")
	}
	left, err := os.ReadDir(filepath.Join(dir, ".unfinished"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestDirectoryCannotWrite(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := slim.Directory(file).Put(t.Context(), "a", strings.NewReader("x"))
	if err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "store a") {
		t.Errorf("the error does not name the object and the directory: %v", err)
	}
}
