package doors

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/slimci/dbtcloud"

// doors lists, for each room, the rooms that it may import. A room is the first directory of a path: "." is package
// dbtcloud itself, "internal" all of internal.
func doors() map[string][]string {
	return map[string][]string{
		".":            {"internal"},
		"internal":     {"internal"},
		"manifest":     {},
		"report":       {".", "manifest"},
		"feedback":     {".", "report"},
		"dbtcloudtest": {".", "manifest"},
		"slim":         {".", "manifest", "report"},
		"stores":       {"slim"},
		"examples":     {".", "manifest", "report", "feedback", "slim", "dbtcloudtest", "internal"},
		"cmd":          {".", "manifest", "report", "feedback", "slim", "dbtcloudtest", "internal"},
	}
}

// refusal says why file, a path from the root of the repository, may not import the package; "" when it may.
func refusal(file, imported string) string {
	from, test := room(path.Dir(file)), strings.HasSuffix(file, "_test.go")
	inside, ours := strings.CutPrefix(imported+"/", module+"/")
	inside = strings.Trim(inside, "/")
	if !ours {
		if foreign := strings.Contains(strings.Split(imported, "/")[0], "."); foreign && from == "manifest" && !test {
			return "package manifest uses the standard library only"
		}
		return ""
	}
	to := room(inside)
	allowed, known := doors()[from]
	switch {
	case !known:
		return "the directory " + from + " has no line in doors"
	case inside == "internal/testenv" && !test:
		return "internal/testenv is for tests"
	case to == "examples" && inside != path.Dir(file):
		return "an example stands alone, so that it can be copied"
	case from == "dbtcloudtest" && inside == "internal/discovery":
		return "" // the names that the fake answers for are those that the SDK may ask for
	case inside == "internal/plain" && from != "manifest":
		return "" // whoever shows what others wrote takes the power out of it in one way
	case from == to || slices.Contains(allowed, to):
		return ""
	case test && forTests(file, to, inside):
		return ""
	default:
		return from + " has no door to " + to
	}
}

// forTests reports whether a test may import what its package may not: the fake, the test helpers, and in the
// suites that look at the SDK from outside everything below the command.
func forTests(file, to, inside string) bool {
	if to == "dbtcloudtest" || inside == "internal/testenv" {
		return true
	}
	outside := slices.Contains([]string{"internal/wire", "internal/contract", "internal/peers", "internal/parity"}, path.Dir(file))
	return outside && to != "cmd" && to != "examples"
}

// room returns the first directory of a slash-separated path from the root.
func room(dir string) string {
	first, _, _ := strings.Cut(path.Clean(dir), "/")
	return first
}

func TestRefusal(t *testing.T) {
	t.Parallel()
	tests := []struct {
		file, imported string
		allowed        bool
	}{
		{"client.go", module + "/internal/transport", true},
		{"client.go", "github.com/go-resty/resty/v2", true},
		{"client.go", module + "/manifest", false},
		{"client.go", module + "/dbtcloudtest", false},
		{"client.go", module + "/internal/testenv", false},
		{"client_test.go", module + "/dbtcloudtest", true},
		{"client_test.go", module + "/internal/testenv", true},
		{"client_test.go", module + "/slim", false},
		{"internal/transport/retry.go", module + "/internal/redact", true},
		{"internal/transport/retry.go", module, false},
		{"internal/wire/wire_test.go", module, true},
		{"internal/contract/operations_test.go", module + "/slim", true},
		{"internal/peers/dbtc_test.go", module, true},
		{"internal/pipelines/world_test.go", module + "/dbtcloudtest", true},
		{"internal/pipelines/world_test.go", module + "/examples/github", false},
		{"internal/peers/dbtc_test.go", module + "/cmd/dbtcloud", false},
		{"internal/contract/operations_test.go", module + "/cmd/dbtcloud", false},
		{"internal/contract/sdk.go", module, false},
		{"manifest/read.go", "encoding/json/jsontext", true},
		{"manifest/read.go", "github.com/google/uuid", false},
		{"manifest/read.go", module, false},
		{"manifest/graph_test.go", "github.com/google/go-cmp/cmp", true},
		{"report/report.go", module + "/manifest", true},
		{"report/report.go", module + "/slim", false},
		{"feedback/places.go", module + "/report", true},
		{"report/text.go", module + "/internal/plain", true},
		{"report/text.go", module + "/internal/plain/deeper", false},
		{"manifest/read.go", module + "/internal/plain", false},
		{"feedback/places.go", module + "/manifest", false},
		{"report/report.go", module + "/feedback", false},
		{"cmd/dbtcloud/main.go", module + "/feedback", true},
		{"slim/slim.go", module + "/report", true},
		{"slim/slim.go", module + "/internal/transport", false},
		{"stores/s3/s3.go", module + "/slim", true},
		{"stores/s3/s3.go", module, false},
		{"dbtcloudtest/server.go", module, true},
		{"dbtcloudtest/server.go", module + "/internal/transport", false},
		{"dbtcloudtest/discovery.go", module + "/internal/discovery", true},
		{"dbtcloudtest/discovery.go", module + "/internal/discovery/deeper", false},
		{"slim/slim.go", module + "/internal/discovery", false},
		{"dbtcloudtest/server.go", module + "/slim", false},
		{"examples/quickstart/main.go", module + "/dbtcloudtest", true},
		{"examples/quickstart/main.go", module + "/cmd/dbtcloud", false},
		{"examples/harness/orchestrator.go", module, true},
		{"examples/harness/orchestrator_test.go", module + "/dbtcloudtest", true},
		{"examples/orchestrator/fake.go", module + "/dbtcloudtest", true},
		{"examples/orchestrator/main.go", module + "/examples/harness", false},
		{"examples/jobs/main.go", module + "/examples/quickstart/draw", false},
		{"examples/jobs/jobs_test.go", module + "/examples/jobs", true},
		{"cmd/dbtcloud/main.go", module + "/cmd/internal/flags", true},
		{"cmd/dbtcloud/main.go", module + "/examples/quickstart", false},
		{"cmd/dbtcloud/main.go", module + "/stores/s3", false},
		{"newroom/file.go", module, false},
		{"newroom/file.go", module + "-other", true},
	}
	for _, tt := range tests {
		t.Run(tt.file+" "+tt.imported, func(t *testing.T) {
			t.Parallel()
			if why := refusal(tt.file, tt.imported); (why == "") != tt.allowed {
				t.Errorf("refusal = %q, want allowed %t", why, tt.allowed)
			}
		})
	}
}

func TestEveryImportHasADoor(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	if _, err := os.Stat(filepath.Join(root, "go.work")); err != nil {
		t.Fatalf("the root of the repository is not where this test looks: %v", err)
	}
	checked := 0
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && leaveOut(root, name):
			return filepath.SkipDir
		case entry.IsDir() || filepath.Ext(name) != ".go":
			return nil
		}
		checked++
		return checkFile(t, root, name)
	})
	if err != nil {
		t.Fatal(err)
	}
	if checked < 5 {
		t.Errorf("checked %d files of the repository: too few to be true", checked)
	}
}

// leaveOut names the directories without code of ours: hidden ones, testdata, and the module of the tools.
func leaveOut(root, name string) bool {
	base := filepath.Base(name)
	hidden := strings.HasPrefix(base, ".") && name != root
	return hidden || base == "testdata" || name == filepath.Join(root, "tools")
}

func checkFile(t *testing.T, root, name string) error {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
	if err != nil {
		return err
	}
	rel, err := filepath.Rel(root, name)
	if err != nil {
		return err
	}
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		if why := refusal(filepath.ToSlash(rel), imported); why != "" {
			t.Errorf("%s imports %s: %s", filepath.ToSlash(rel), imported, why)
		}
	}
	return nil
}
