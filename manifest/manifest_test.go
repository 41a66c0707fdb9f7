package manifest_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slimci/dbtcloud/internal/testenv"
	"github.com/slimci/dbtcloud/manifest"
)

func file(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestRead(t *testing.T) {
	t.Parallel()
	data := file(t, "manifest.json")
	got, err := manifest.Read(iotest.OneByteReader(bytes.NewReader(data)))
	if err != nil {
		t.Fatal(err)
	}
	want := &manifest.Manifest{
		Metadata: manifest.Metadata{
			Schema: "https://schemas.getdbt.com/dbt/manifest/v12.json", Version: 12, DbtVersion: "1.10.4", InvocationID: "0b9c0b1e",
			GeneratedAt: time.Date(2026, 3, 2, 8, 0, 0, 250_000_000, time.UTC), ProjectName: "shop", AdapterType: "postgres",
		},
		Nodes: map[string]*manifest.Node{
			"model.shop.orders": {
				UniqueID: "model.shop.orders", Name: "orders", ResourceType: "model", PackageName: "shop", Path: "marts/orders.sql",
				OriginalFilePath: "models/marts/orders.sql", PatchPath: "shop://models/marts/orders.yml", Database: "db", Schema: "marts",
				Alias: "orders", Access: "protected", Tags: []string{"nightly", "finance"}, Description: "One row per order",
				Config: manifest.Config{Materialized: "incremental"}, DependsOn: manifest.DependsOn{Nodes: []string{"model.shop.stg_orders"}, Macros: []string{"macro.dbt.is_incremental"}},
			},
			"test.shop.not_null_orders_id.abc": {
				UniqueID: "test.shop.not_null_orders_id.abc", Name: "not_null_orders_id", ResourceType: "test", PackageName: "shop",
				Path: "not_null_orders_id.sql", OriginalFilePath: "models/marts/orders.yml", Database: "db", Schema: "audit",
				Alias: "not_null_orders_id", Config: manifest.Config{Materialized: "test", Severity: "WARN"},
				DependsOn: manifest.DependsOn{Nodes: []string{"model.shop.orders"}}, TestMetadata: &manifest.TestMetadata{Name: "not_null"},
				AttachedNode: "model.shop.orders", ColumnName: "id",
			},
			"source.shop.raw.orders": {
				UniqueID: "source.shop.raw.orders", Name: "orders", ResourceType: "source", PackageName: "shop",
				OriginalFilePath: "models/src.yml", SourceName: "raw", Identifier: "ORDERS_V2",
			},
			"unit_test.shop.orders.adds_up": {UniqueID: "unit_test.shop.orders.adds_up", Name: "adds_up", ResourceType: "unit_test", Model: "orders"},
		},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(manifest.Node{}, "Span", "FQN", "Config.Raw", "Code", "Columns", "Fields"), cmpopts.IgnoreFields(manifest.Manifest{}, "Macros", "Disabled", "Selectors")); diff != "" {
		t.Errorf("Read (-want +got):\n%s", diff)
	}
	checkSpans(t, data, got)
}

// checkSpans compares every node with what the whole document has at its place.
func checkSpans(t *testing.T, data []byte, m *manifest.Manifest) {
	t.Helper()
	var whole map[string]json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil {
		t.Fatal(err)
	}
	nodes := 0
	for _, section := range []string{"nodes", "sources", "exposures", "metrics", "semantic_models", "saved_queries", "unit_tests", "functions"} {
		var entries map[string]json.RawMessage
		if err := json.Unmarshal(whole[section], &entries); whole[section] != nil && err != nil {
			t.Fatal(err)
		}
		nodes += len(entries)
		for id, want := range entries {
			got, err := m.Nodes[id].Raw(bytes.NewReader(data))
			if err != nil || !bytes.Equal(want, got) {
				t.Errorf("Raw of %s = %.80s, %v, want %.80s", id, got, err, want)
			}
		}
	}
	if nodes != len(m.Nodes) {
		t.Errorf("%d nodes were read of %d", len(m.Nodes), nodes)
	}
}

func TestRawOfAnotherFile(t *testing.T) {
	t.Parallel()
	data := file(t, "manifest.json")
	m, err := manifest.Read(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	node, broken := m.Nodes["model.shop.orders"], errors.New("disk")
	for name, r := range map[string]io.ReaderAt{
		"shorter":   bytes.NewReader(data[:len(data)/3]),
		"shifted":   bytes.NewReader(data[7:]),
		"something": strings.NewReader(strings.Repeat("x", len(data))),
	} {
		if raw, err := node.Raw(r); err == nil || !strings.Contains(err.Error(), "not the manifest that it was read from") {
			t.Errorf("%s: Raw = %.40s, %v, want an error", name, raw, err)
		}
	}
	if _, err := node.Raw(brokenAt{broken}); !errors.Is(err, broken) {
		t.Errorf("Raw of a broken file = %v, want %v", err, broken)
	}
}

type brokenAt struct{ err error }

func (b brokenAt) ReadAt([]byte, int64) (int, error) { return 0, b.err }

func TestReadRunResults(t *testing.T) {
	t.Parallel()
	got, err := manifest.ReadRunResults(iotest.OneByteReader(bytes.NewReader(file(t, "run_results.json"))))
	if err != nil {
		t.Fatal(err)
	}
	want := &manifest.RunResults{
		Metadata: manifest.Metadata{
			Schema: "https://schemas.getdbt.com/dbt/run-results/v6.json", Version: 6, DbtVersion: "1.10.4", InvocationID: "0b9c0b1e",
			GeneratedAt: time.Date(2026, 3, 2, 8, 1, 0, 0, time.UTC),
		},
		Command: "build", ElapsedTime: 2750 * time.Millisecond,
		Results: []manifest.Result{
			{
				UniqueID: "model.shop.orders", Status: manifest.StatusSuccess, Message: "SELECT 4", ExecutionTime: 1500 * time.Millisecond,
				ThreadID: "Thread-1", AdapterResponse: json.RawMessage(`{"_message": "SELECT 4", "rows_affected": 4}`),
				Timing: []manifest.Timing{
					{Name: "compile", StartedAt: time.Date(2026, 3, 2, 8, 0, 1, 0, time.UTC), CompletedAt: time.Date(2026, 3, 2, 8, 0, 2, 500_000_000, time.UTC)},
					{Name: "execute"},
				},
			},
			{
				UniqueID: "test.shop.not_null_orders_id.abc", Status: manifest.StatusFail, Failures: 3, ThreadID: "Thread-2",
				Message: "Got 3 results, configured to fail if != 0", ExecutionTime: 250 * time.Millisecond, AdapterResponse: json.RawMessage(`{}`),
			},
			{UniqueID: "test.shop.new", Status: "quarantined", Message: "7", Failures: 2, AdapterResponse: json.RawMessage(`"OK"`)},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ReadRunResults (-want +got):\n%s", diff)
	}
}

func TestFailed(t *testing.T) {
	t.Parallel()
	for status, want := range map[manifest.Status]bool{
		manifest.StatusError: true, manifest.StatusFail: true, manifest.StatusRuntimeError: true, manifest.StatusPartialSuccess: true,
		manifest.StatusSuccess: false, manifest.StatusPass: false, manifest.StatusWarn: false, manifest.StatusSkipped: false, manifest.StatusNoOp: false, "": false,
	} {
		if got := status.Failed(); got != want {
			t.Errorf("Status(%q).Failed() = %t, want %t", status, got, want)
		}
	}
}

// both is what one document is answered by either reader.
func both(document string) map[string]error {
	_, asManifest := manifest.Read(strings.NewReader(document))
	_, asResults := manifest.ReadRunResults(strings.NewReader(document))
	return map[string]error{"manifest": asManifest, "run-results": asResults}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	newest := map[string]int{"manifest": manifest.MaxVersion, "run-results": manifest.MaxRunResultsVersion}
	oldest := map[string]int{"manifest": manifest.MinVersion, "run-results": 1}
	for artifact, most := range newest {
		for version := range most + 3 {
			schema := fmt.Sprintf("https://schemas.getdbt.com/dbt/%s/v%d.json", artifact, version)
			for reader, err := range both(fmt.Sprintf(`{"metadata":{"dbt_schema_version":%q}}`, schema)) {
				var wrong *manifest.VersionError
				known := reader == artifact && version >= oldest[reader] && version <= most
				if known != (err == nil) || !known && (!errors.As(err, &wrong) || wrong.Schema != schema || wrong.Max != newest[reader]) {
					t.Errorf("%s read as %s: %v", schema, reader, err)
				}
			}
		}
	}
}

func TestVersionErrors(t *testing.T) {
	t.Parallel()
	for _, document := range []string{
		`{}`, `{"nodes":{},"results":[]}`, `{"metadata":null}`, `{"metadata":{}}`, `{"metadata":{"dbt_schema_version":null}}`,
		`{"metadata":{"dbt_schema_version":"12"}}`, `{"metadata":{"dbt_schema_version":"https://x/catalog/v1.json"}}`,
		`{"metadata":{"dbt_schema_version":"https://x/manifest/v12"}}`, `{"metadata":{"dbt_schema_version":"https://x/manifest/v1e1.json"}}`,
		`{"metadata":{"dbt_schema_version":"https://x/run-results/v99999999999999999999.json"}}`, `{"metadata":{"dbt_schema_version":"https://x/manifest/v-1.json"}}`,
		`{"metadata":{"dbt_schema_version":"` + strings.Repeat("line\\n", 1000) + `"}}`,
	} {
		for reader, err := range both(document) {
			var wrong *manifest.VersionError
			if !errors.As(err, &wrong) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 1000 {
				t.Errorf("%.80s read as %s: %v, want a VersionError of one line", document, reader, err)
			}
		}
	}
	got := (&manifest.VersionError{Artifact: "manifest", Schema: "https://schemas.getdbt.com/dbt/manifest/v20.json", Min: 4, Max: 12}).Error()
	want := `manifest: not a manifest that can be read: its dbt_schema_version is "https://schemas.getdbt.com/dbt/manifest/v20.json"; versions 4 to 12 are read`
	if got != want {
		t.Errorf("Error() = %s, want %s", got, want)
	}
}

func TestFormatErrors(t *testing.T) {
	t.Parallel()
	nodes := func(text string) string { return `{"nodes":{` + text + `},"results":[` + text + `]}` }
	for _, document := range []string{
		"", " ", "null", "[]", "7", `"text"`, "<html>", "{", `{"metadata":[]}`, `{"metadata":{"dbt_schema_version":7}}`,
		`{"nodes":[],"results":{}}`, `{"nodes":7,"results":7}`, `{"nodes":{"a":[]},"results":[[]]}`, `{"nodes":{"a":{"name":7}},"results":[{"unique_id":7}]}`,
		`{"nodes":{"a":{"tags":"x"}},"results":[{"timing":7,"unique_id":"a"}]}`, `{"nodes":{"a":{"depends_on":[]}},"results":[{"failures":"many"}]}`,
		`{"nodes":{"a":{}]},"results":[{"unique_id":"a"}}}`, nodes(`]`), nodes("1:2"), `{1:2}`, `{"a" 1}`, `{"a":}`, `{"macros":{"a":}}`, `{"macros":{"a":1]}`,
		`{"nodes":{"a":` + strings.Repeat("[", 100_000) + `}, "results":[` + strings.Repeat("[", 100_000), "\xef\xbb\xbf{}",
		`{"nodes":{"a":NaN},"results":[{"unique_id":"a","execution_time":NaN}]}`, `{"nodes":{"a":{"name":1e999}},"results":[{"execution_time":1e999}]}`,
	} {
		for reader, err := range both(document) {
			var wrong *manifest.FormatError
			if !errors.As(err, &wrong) || wrong.Artifact != reader || strings.Contains(err.Error(), "\n") || len(err.Error()) > 1000 {
				t.Errorf("%.80q read as %s: %v, want a FormatError of one line", document, reader, err)
			}
		}
	}
}

func TestFormatErrorSaysWhere(t *testing.T) {
	t.Parallel()
	_, err := manifest.Read(strings.NewReader(`{"nodes":{"model.shop.a":{"name":"a"},"model.shop.b":{"name":7}}}`))
	var wrong *manifest.FormatError
	if !errors.As(err, &wrong) || wrong.Path != "nodes.model.shop.b" || wrong.Offset < 37 {
		t.Errorf("Read = %v, want the entry nodes.model.shop.b and an offset at it", err)
	}
	_, err = manifest.ReadRunResults(strings.NewReader(`{"results":[{"unique_id":"a"},{}]}`))
	if !errors.As(err, &wrong) || wrong.Path != "results.1" || !strings.Contains(err.Error(), "no unique_id") {
		t.Errorf("ReadRunResults = %v, want the entry results.1", err)
	}
}

// What is cut anywhere, or goes on after its end, is never taken for the whole.
func TestTruncated(t *testing.T) {
	t.Parallel()
	for name, read := range map[string]func(io.Reader) error{
		"manifest.json":    func(r io.Reader) error { _, err := manifest.Read(r); return err },
		"run_results.json": func(r io.Reader) error { _, err := manifest.ReadRunResults(r); return err },
	} {
		data := bytes.TrimSpace(file(t, name))
		for cut := range data {
			err := read(bytes.NewReader(data[:cut]))
			var wrong *manifest.FormatError
			if !errors.As(err, &wrong) || !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("the first %d bytes of %s: %v, want a FormatError that is io.ErrUnexpectedEOF", cut, name, err)
			}
		}
		for _, more := range []string{"x", "{}", "]", "null", `"\n"`} {
			var wrong *manifest.FormatError
			if err := read(strings.NewReader(string(data) + "\n" + more)); !errors.As(err, &wrong) {
				t.Errorf("%s and %s: %v, want a FormatError", name, more, err)
			}
		}
		broken := errors.New("connection reset")
		err := read(io.MultiReader(bytes.NewReader(data[:len(data)/2]), iotest.ErrReader(broken)))
		var wrong *manifest.FormatError
		if !errors.Is(err, broken) || errors.As(err, &wrong) {
			t.Errorf("%s from a broken connection: %v, want its error and no FormatError", name, err)
		}
	}
}

// endless is an entry that never ends.
type endless struct{ read int64 }

func (e *endless) Read(p []byte) (int, error) {
	for n := 0; n < len(p); {
		n += copy(p[n:], "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")
	}
	e.read += int64(len(p))
	return len(p), nil
}

func TestOneEntryIsBounded(t *testing.T) {
	t.Parallel()
	flood := &endless{}
	_, err := manifest.Read(io.MultiReader(strings.NewReader(`{"macros":{"a":{"macro_sql":"`), flood))
	var wrong *manifest.FormatError
	if !errors.As(err, &wrong) || !strings.Contains(err.Error(), "more than 32 MB") || flood.read > 4*manifest.MaxEntry {
		t.Errorf("%v after %d bytes, want a FormatError that says how much an entry may have", err, flood.read)
	}
}

func unzip(t testing.TB, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Manifests of other people's projects, of every schema version.
func TestReadRealManifests(t *testing.T) {
	t.Parallel()
	dir := testenv.Shared(t, "state")
	paths, err := filepath.Glob(filepath.Join(dir, "versions", "*.json.gz"))
	if err != nil || len(paths) < manifest.MaxVersion {
		t.Fatalf("%d manifests, %v: one of each version should be there", len(paths), err)
	}
	more, err := filepath.Glob(filepath.Join(dir, "manifests", "[hfn]*.json.gz")) // those of real projects
	if err != nil {
		t.Fatal(err)
	}
	step := testenv.Count(20, 4, 1)
	for i := 0; i < len(more); i += step {
		paths = append(paths, more[i])
	}
	versions, named := map[int]bool{}, regexp.MustCompile(`^v(\d+)__`)
	for _, path := range paths {
		data := unzip(t, path)
		m, err := manifest.Read(bytes.NewReader(data))
		name := named.FindStringSubmatch(filepath.Base(path))
		if old := (*manifest.VersionError)(nil); name != nil && len(name[1]) == 1 && name[1] < "4" {
			if !errors.As(err, &old) || !strings.Contains(old.Schema, "/v"+name[1]+".json") {
				t.Errorf("%s: %v, want a VersionError that names it", filepath.Base(path), err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(path), err)
			continue
		}
		versions[m.Metadata.Version] = true
		if name != nil && name[1] != strconv.Itoa(m.Metadata.Version) {
			t.Errorf("%s: read as version %d", filepath.Base(path), m.Metadata.Version)
		}
		checkReal(t, filepath.Base(path), m)
		if !testenv.Race { // it decodes everything twice
			checkSpans(t, data, m)
		}
	}
	for version := manifest.MinVersion; version <= manifest.MaxVersion; version++ {
		if !versions[version] {
			t.Errorf("no manifest of version %d was read", version)
		}
	}
}

// checkReal makes sure that the fields that every version has were found.
func checkReal(t *testing.T, name string, m *manifest.Manifest) {
	t.Helper()
	models, parents := 0, 0
	for id, n := range m.Nodes {
		if n.UniqueID != id || n.Name == "" || n.OriginalFilePath == "" || n.PackageName == "" || !strings.HasPrefix(id, n.ResourceType+".") {
			t.Errorf("%s: %s was read as %+v", name, id, n)
		}
		if n.ResourceType == "model" {
			models++
			parents += len(n.DependsOn.Nodes)
			if n.Config.Materialized == "" || n.Schema == "" || n.Alias == "" {
				t.Errorf("%s: the model %s was read as %+v", name, id, n)
			}
		}
	}
	if models == 0 || parents == 0 || m.Metadata.DbtVersion == "" || m.Metadata.GeneratedAt.IsZero() {
		t.Errorf("%s: %d models with %d parents, metadata %+v", name, models, parents, m.Metadata)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(file(f, "manifest.json"))
	f.Add([]byte(`{"metadata":{"dbt_schema_version":"https://x/manifest/v4.json"},"nodes":{"a":{}}}`))
	f.Add([]byte(`{"metadata":{"dbt_schema_version":"https://x/manifest/v12.json"},"nodes":{"model.a":{"columns":{"b":{"constraints":[{"type":"not_null"}]}},` +
		`"contract":{"enforced":true},"unrendered_config":{"c":[1,true]},"raw_code":"{{ config(c=[1]) }}\u00e9\n","version":1.5}},"macros":{"d":{"macro_sql":"","depends_on":{"macros":[null]}}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := manifest.Read(bytes.NewReader(data))
		if err != nil {
			checkTyped(t, err)
			return
		}
		if bytes.HasPrefix(data, []byte("\x1f\x8b")) {
			return // spans are those of what the gzip holds
		}
		if !json.Valid(data) {
			t.Errorf("%q was read, but is no JSON", data)
		}
		if c, err := manifest.Compare(m, m, manifest.Core112()); err != nil || len(c.Breaking) > 0 {
			t.Errorf("%q compared with itself: %v, %v", data, c.Breaking, err)
		}
		for id, n := range m.Nodes {
			if raw, err := n.Raw(bytes.NewReader(data)); n.UniqueID != id || err != nil || raw[0] != '{' && raw[0] != 'n' {
				t.Errorf("%q: Raw = %q, %v", id, raw, err)
			}
		}
	})
}

func FuzzReadRunResults(f *testing.F) {
	f.Add(file(f, "run_results.json"))
	f.Add([]byte(`{"metadata":{"dbt_schema_version":"https://x/run-results/v1.json"},"results":[{"unique_id":"a","failures":1e99}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		results, err := manifest.ReadRunResults(bytes.NewReader(data))
		if err != nil {
			checkTyped(t, err)
			return
		}
		if !json.Valid(data) && !bytes.HasPrefix(data, []byte("\x1f\x8b")) {
			t.Errorf("%q was read, but is no JSON", data)
		}
		for _, r := range results.Results {
			if r.UniqueID == "" || r.AdapterResponse != nil && !json.Valid(r.AdapterResponse) {
				t.Errorf("a result was read as %+v", r)
			}
		}
	})
}

// checkTyped makes sure that an error of a reader that does not fail is one of the two types, and one line.
func checkTyped(t *testing.T, err error) {
	t.Helper()
	var version *manifest.VersionError
	var format *manifest.FormatError
	if !errors.As(err, &version) && !errors.As(err, &format) || strings.ContainsAny(err.Error(), "\r\n") {
		t.Errorf("error %q: want a VersionError or a FormatError of one line", err)
	}
}

// generated makes a manifest of n models with columns and code, which are not kept.
func generated(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json"}, "nodes": {`)
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, `"model.shop.m%d": {"name": "m%d", "resource_type": "model", "package_name": "shop", "original_file_path": "models/m%d.sql", `+
			`"schema": "marts", "config": {"materialized": "table"}, "depends_on": {"nodes": ["model.shop.m%d"]}, "raw_code": %q}`, i, i, i, i/2, strings.Repeat("select 1\n", 350))
	}
	b.WriteString("}}")
	return b.Bytes()
}

// needed is what comparing and selecting need, for encoding/json.
type needed struct {
	Nodes map[string]struct {
		UniqueID         string `json:"unique_id"`
		Name             string `json:"name"`
		ResourceType     string `json:"resource_type"`
		PackageName      string `json:"package_name"`
		OriginalFilePath string `json:"original_file_path"`
		RawCode          string `json:"raw_code"`
		FQN              []string
		Tags             []string
		Config           json.RawMessage
		UnrenderedConfig json.RawMessage `json:"unrendered_config"`
		DependsOn        struct{ Nodes, Macros []string }
	}
	Macros map[string]struct {
		SQL       string                    `json:"macro_sql"`
		DependsOn struct{ Macros []string } `json:"depends_on"`
	}
}

// BenchmarkRead reads a manifest of 15,000 models in 50 MB, beside encoding/json, which decodes no more than what is
// needed of it: one of some other project if it is there, else a generated one.
func BenchmarkRead(b *testing.B) {
	data := generated(15_000)
	b.Run("generated", func(b *testing.B) { benchmarkRead(b, data) })
	b.Run("project", func(b *testing.B) {
		benchmarkRead(b, unzip(b, testenv.Shared(b, "state", "manifests", "xxl15033_new.json.gz")))
	})
}

func benchmarkRead(b *testing.B, data []byte) {
	b.Run("Read", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := manifest.Read(bytes.NewReader(data)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("json", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			if err := json.Unmarshal(data, &needed{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkCompare compares two manifests of 15,033 models; with Read it reads them before, both at once.
func BenchmarkCompare(b *testing.B) {
	files := [2][]byte{}
	for i, name := range []string{"xxl15033_old.json.gz", "xxl15033_new.json.gz"} {
		files[i] = unzip(b, testenv.Shared(b, "state", "manifests", name))
	}
	read := func() (pair [2]*manifest.Manifest) {
		var readers sync.WaitGroup
		for i := range files {
			readers.Go(func() { pair[i], _ = manifest.Read(bytes.NewReader(files[i])) })
		}
		readers.Wait()
		return pair
	}
	pair := read()
	modified := func(b *testing.B, pair [2]*manifest.Manifest) {
		c, err := manifest.Compare(pair[0], pair[1], manifest.Core112())
		if err != nil {
			b.Fatal(err)
		}
		if ids, err := c.Select("modified"); err != nil || len(ids) == 0 {
			b.Fatalf("%d modified, %v", len(ids), err)
		}
	}
	b.Run("Compare", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			modified(b, pair)
		}
	})
	b.Run("Read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			modified(b, read())
		}
	})
}

// Reading allocates by what is kept, however much else there is. It runs alone, because it looks at all allocations.
func TestMemoryIsWhatIsKept(t *testing.T) {
	data := generated(2_000)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m, err := manifest.Read(bytes.NewReader(data))
	runtime.ReadMemStats(&after)
	if err != nil || len(m.Nodes) != 2_000 {
		t.Fatalf("%d nodes, %v", len(m.Nodes), err)
	}
	if used, limit := after.TotalAlloc-before.TotalAlloc, uint64(len(data)/2); used > limit {
		t.Errorf("reading %d bytes allocates %d, want at most %d", len(data), used, limit)
	}
}
