// Package manifest reads the artifacts of dbt: manifest.json, which describes a project, and run_results.json, which
// tells what an invocation did. Both are read as streams: what is not kept is not held, however large the file.
package manifest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// The schema versions that this package reads; of run_results.json all from 1.
const (
	MinVersion           = 4  // of manifest.json: dbt 1.0
	MaxVersion           = 12 // of manifest.json: dbt 1.8 and later
	MaxRunResultsVersion = 6  // of run_results.json: dbt 1.8 and later
)

// Metadata is what every artifact says of itself.
type Metadata struct {
	Schema       string // dbt_schema_version, such as https://schemas.getdbt.com/dbt/manifest/v12.json
	Version      int    // the number in it
	DbtVersion   string
	GeneratedAt  time.Time // zero if absent or no timestamp
	InvocationID string
	ProjectName  string // only in manifests, from version 9 on
	AdapterType  string // only in manifests
}

// Manifest is what manifest.json tells of a project, as far as reporting, comparing and selecting need it.
type Manifest struct {
	Metadata Metadata
	// Nodes are the models, tests, seeds, snapshots, analyses, operations, sources, exposures, metrics, semantic
	// models, saved queries, unit tests and functions, by unique id. Disabled ones are not among them.
	Nodes  map[string]*Node
	Macros map[string]*Macro // by unique id
	// Disabled are the nodes that are switched off, by unique id; of several with one id the first.
	Disabled map[string]*Node
	// Selectors are the YAML selectors of the project by name, expanded by dbt, as written.
	Selectors map[string]json.RawMessage
}

// Node is one resource of a project. What a kind of resource does not have is empty.
type Node struct {
	UniqueID         string        `json:"unique_id"`
	Name             string        `json:"name"`
	ResourceType     string        `json:"resource_type"` // model, test, seed, snapshot, source, exposure, unit_test ...
	PackageName      string        `json:"package_name"`
	Path             string        `json:"path"`
	OriginalFilePath string        `json:"original_file_path"` // from the root of its project
	PatchPath        string        `json:"patch_path"`         // PROJECT://FILE of its properties
	FQN              []string      `json:"fqn"`                // package, folders, name
	Database         string        `json:"database"`
	Schema           string        `json:"schema"`
	Alias            string        `json:"alias"`
	Identifier       string        `json:"identifier"` // of a source: the table's name
	SourceName       string        `json:"source_name"`
	Config           Config        `json:"config"`
	DependsOn        DependsOn     `json:"depends_on"`
	Tags             []string      `json:"tags"`
	Group            string        `json:"group"`
	Access           string        `json:"access"` // of a model: private, protected (also where none is written) or public
	Version          string        `json:"-"`      // of a model: as Python prints it, such as 2 or 1.5; empty for none
	LatestVersion    string        `json:"-"`      // like Version
	Description      string        `json:"description"`
	TestMetadata     *TestMetadata `json:"test_metadata"` // nil unless a generic test
	AttachedNode     string        `json:"attached_node"` // of a generic test: the unique id of what it tests
	ColumnName       string        `json:"column_name"`   // of a generic test
	Model            string        `json:"model"`         // of a unit test: the model's name
	Code             Text          `json:"-"`             // raw_code: what people wrote
	Columns          []Column      `json:"-"`             // in the order of the manifest
	Fields           Fields        `json:"-"`             // what comparing needs beside, as written
	Span             Span          `json:"-"`             // where the node lies
}

// Config is what this package keeps of a resource's configuration, as dbt rendered it.
type Config struct {
	Materialized string
	Severity     string          // of a test, as written: error, WARN ...
	Raw          json.RawMessage // all of it; nodes share the bytes, which must not be changed
}

// DependsOn lists what a resource is built from, by unique id.
type DependsOn struct {
	Nodes  []string `json:"nodes"`
	Macros []string `json:"macros"` // an empty id where dbt wrote null
}

// TestMetadata says which generic test a test is.
type TestMetadata struct {
	Name      string `json:"name"`      // such as not_null
	Namespace string `json:"namespace"` // the package that it comes from; empty for those of dbt and of the project
}

// Macro is one macro of a project.
type Macro struct {
	UniqueID         string
	Name             string
	PackageName      string
	OriginalFilePath string
	DependsOn        []string // the macros that it calls, by unique id; empty where dbt wrote null
	SQL              Text
}

// Text is a text that is not held: whether it is another one, and where to find it.
type Text struct {
	Hash   [16]byte // the first half of the SHA-256 of the text in UTF-8; zero if there is none
	Length int64    // in bytes of UTF-8
	Blank  bool     // nothing but white space, or nothing at all
	Span   Span     // where it lies in the manifest, as a JSON string
}

// Column is one column that the properties of a resource name.
type Column struct {
	Name        string
	Description string
	DataType    string
	Constraints json.RawMessage // as written; nil for none
}

// Field is one field of a node, as written.
type Field struct {
	Key   string
	Value json.RawMessage // nodes share the bytes, which must not be changed
}

// Fields are the fields of a node that only comparing needs; those that are null or absent are not among them.
type Fields []Field

// Get returns the value of a field, or nil.
func (f Fields) Get(key string) json.RawMessage {
	for _, field := range f {
		if field.Key == key {
			return field.Value
		}
	}
	return nil
}

// Span is where something lies in what was read, in bytes.
type Span struct{ Offset, Length int64 }

// Raw returns the whole JSON of the node from the manifest that it was read from, which is therefore never held twice.
// The error is that of r, or says that r has something else there.
func (n *Node) Raw(r io.ReaderAt) (json.RawMessage, error) {
	raw, err := io.ReadAll(io.NewSectionReader(r, n.Span.Offset, n.Span.Length))
	if err != nil {
		return nil, fmt.Errorf("manifest: read %s again: %w", n.UniqueID, err)
	}
	text := strings.TrimLeft(string(raw), ": \t\r\n")
	if !json.Valid([]byte(text)) {
		return nil, fmt.Errorf("manifest: read %s again: this is not the manifest that it was read from", n.UniqueID)
	}
	return json.RawMessage(text), nil
}

// nodeSections are the sections of manifest.json whose entries are nodes; the others are passed over.
func nodeSections(key string) bool {
	switch key {
	case "nodes", "sources", "exposures", "metrics", "semantic_models", "saved_queries", "unit_tests", "functions":
		return true
	}
	return false
}

// Read reads a manifest.json of any schema version from [MinVersion] to [MaxVersion]. It holds the largest single entry and what
// it returns. The error is a [*VersionError] for another version or another artifact, a [*FormatError] for what is
// truncated, no JSON or of wrong types, and otherwise wraps that of r.
func Read(r io.Reader) (*Manifest, error) {
	m := &Manifest{Nodes: map[string]*Node{}, Macros: map[string]*Macro{}, Disabled: map[string]*Node{}}
	s := newScanner(r, "manifest", MinVersion, MaxVersion)
	err := s.document(&m.Metadata, func(key string) error {
		switch {
		case nodeSections(key):
			return s.members(key, func(id string) error { return m.readNode(s, id) })
		case key == "macros":
			return s.members(key, func(id string) error { return m.readMacro(s, id) })
		case key == "disabled":
			return s.members(key, func(id string) error { return m.readDisabled(s, id) })
		case key == "selectors":
			return s.decode(&m.Selectors)
		}
		return s.skip(key)
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

func (m *Manifest) readNode(s *scanner, id string) error {
	n, err := readNode(s, id)
	if err == nil {
		m.Nodes[id] = n
	}
	return err
}

func (m *Manifest) readDisabled(s *scanner, id string) error {
	var entries []json.RawMessage
	if err := s.decode(&entries); err != nil || len(entries) == 0 {
		return err
	}
	n := &Node{UniqueID: id}
	m.Disabled[id] = n
	return json.Unmarshal(entries[0], &struct{ Config *json.RawMessage }{&n.Config.Raw})
}

func (m *Manifest) readMacro(s *scanner, id string) error {
	var wire struct {
		Name             string    `json:"name"`
		PackageName      string    `json:"package_name"`
		OriginalFilePath string    `json:"original_file_path"`
		DependsOn        DependsOn `json:"depends_on"`
	}
	err := s.decode(&wire)
	m.Macros[id] = &Macro{UniqueID: id, Name: wire.Name, PackageName: wire.PackageName, OriginalFilePath: wire.OriginalFilePath, DependsOn: wire.DependsOn.Macros}
	return err
}

func readNode(s *scanner, id string) (*Node, error) {
	n, before := &Node{}, s.dec.InputOffset()
	wire := struct {
		*Node
		Config        *json.RawMessage `json:"config"`
		Version       any              `json:"version"`
		LatestVersion any              `json:"latest_version"`
		RawCode       written          `json:"raw_code"`
		RawSQL        written          `json:"raw_sql"`
	}{Node: n, Config: &n.Config.Raw}
	if err := s.decode(&wire); err != nil {
		return nil, err
	}
	n.UniqueID = id
	if n.ResourceType == "" {
		n.ResourceType, _, _ = strings.Cut(id, ".")
	}
	if n.ResourceType == "model" {
		n.Access = cmp.Or(n.Access, "protected")
	}
	n.Version, n.LatestVersion = version(wire.Version), version(wire.LatestVersion)
	n.Code.Blank = !bool(wire.RawCode || wire.RawSQL)
	n.Span = Span{Offset: before, Length: s.dec.InputOffset() - before}
	if n.Config.Raw == nil {
		return n, nil
	}
	return n, n.Config.read()
}

func (c *Config) read() error {
	var wire struct {
		Materialized string `json:"materialized"`
		Severity     string `json:"severity"`
	}
	err := json.Unmarshal(c.Raw, &wire)
	c.Materialized, c.Severity = wire.Materialized, wire.Severity
	return err
}

// written reports whether a text has more than white space, and keeps none of it.
type written bool

func (w *written) UnmarshalJSON(b []byte) error {
	text := bytes.Trim(b, `"`)
	for cut := true; cut; {
		text, cut = bytes.CutPrefix(bytes.TrimLeft(text, " "), []byte(`\n`))
	}
	*w = len(text) > 0 && b[0] == '"'
	return nil
}

func version(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}
