package testenv

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCount(t *testing.T) {
	t.Parallel()
	tests := []struct {
		word string
		race bool
		want int
	}{
		{"", false, 1},
		{"small", false, 1},
		{"middle", false, 2},
		{"full", false, 3},
		{"unknown", false, 1},
		{"full", true, 1},
		{"middle", true, 1},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s race=%t", tt.word, tt.race), func(t *testing.T) {
			t.Parallel()
			if got := count(tt.word, tt.race, 1, 2, 3); got != tt.want {
				t.Errorf("count = %d, want %d", got, tt.want)
			}
		})
	}
}

// A mistyped word would quietly run the small counts everywhere.
func TestVariablesAreKnownWords(t *testing.T) {
	t.Parallel()
	switch word := os.Getenv(CountVariable); word {
	case "", "small", "middle", "full":
	default:
		t.Errorf("%s=%q: want small, middle or full", CountVariable, word)
	}
	switch word := os.Getenv(NoSkipVariable); word {
	case "", "0", "1":
	default:
		t.Errorf("%s=%q: want 0 or 1", NoSkipVariable, word)
	}
}

// recorder notes how a test ended, and goes on.
type recorder struct {
	testing.TB
	ended string
}

func (r *recorder) Helper()                   {}
func (r *recorder) Skipf(f string, a ...any)  { r.ended += "skip: " + fmt.Sprintf(f, a...) }
func (r *recorder) Fatalf(f string, a ...any) { r.ended += "fatal: " + fmt.Sprintf(f, a...) }

func TestSkip(t *testing.T) {
	t.Parallel()
	for strict, want := range map[bool]string{
		false: "skip: no thing 7",
		true:  "fatal: must not be skipped (DBTCLOUD_NO_SKIP=1): no thing 7",
	} {
		var r recorder
		skip(&r, strict, "no thing %d", 7)
		if r.ended != want {
			t.Errorf("strict=%t: ended %q, want %q", strict, r.ended, want)
		}
	}
}

// It runs without t.Parallel because it sets variables.
func TestSharedSkipsWhatIsAbsent(t *testing.T) {
	t.Setenv(SharedVariable, t.TempDir())
	for value, prefix := range map[string]string{"": "skip: ", "1": "fatal: "} {
		t.Setenv(NoSkipVariable, value)
		var r recorder
		Shared(&r, "absent.yaml")
		if !strings.HasPrefix(r.ended, prefix) || !strings.Contains(r.ended, "absent.yaml") {
			t.Errorf("%s=%q: ended %q, want %q and the name of the document", NoSkipVariable, value, r.ended, prefix)
		}
	}
}

func TestShared(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	deep := filepath.Join(top, "checkout", "internal", "deep")
	document := filepath.Join(top, "shared", "openapi", "v2.yaml")
	for _, dir := range []string{deep, filepath.Dir(document)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{document, filepath.Join(top, "checkout", "go.work")} {
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name, base, dir, elem string
		want                  string // "" means an error
	}{
		{"beside the checkout", "", deep, "openapi/v2.yaml", document},
		{"the root itself", "", filepath.Join(top, "checkout"), "openapi", filepath.Dir(document)},
		{"named directory", filepath.Join(top, "shared"), "nowhere", "openapi/v2.yaml", document},
		{"no such document", "", deep, "openapi/v9.yaml", ""},
		{"no checkout", "", top, "openapi/v2.yaml", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := shared(tt.base, tt.dir, filepath.FromSlash(tt.elem))
			if got != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("shared = %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestMissing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"program": "", "pin": "1.2", "same": "1.2", "other": "1.3"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		path, pin, pinned string
		want              string // a part of the reason; empty: nothing is missing
	}{
		{"program", "pin", "same", ""},
		{"nothing", "pin", "same", "nothing: no such file"},
		{"program", "nothing", "same", "nothing: no such file"},
		{"program", "pin", "other", "is not of the version in"},
		{"program", "pin", "nothing", "is not of the version in"},
	}
	for _, tt := range tests {
		err := missing(filepath.Join(dir, tt.path), filepath.Join(dir, tt.pin), filepath.Join(dir, tt.pinned))
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}
