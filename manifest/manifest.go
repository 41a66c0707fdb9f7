// Package manifest reads the artifacts of dbt: manifest.json, which describes a project, and run_results.json, which
// tells what an invocation did. Both are read as streams: what is not kept is not held, however large the file.
package manifest

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// The newest schema versions that this package reads; all from 1 are read.
const (
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

// Manifest is what manifest.json tells of a project.
type Manifest struct {
	Metadata Metadata
	// Nodes are the models, tests, seeds, snapshots, analyses, operations, sources, exposures, metrics, semantic
	// models, saved queries, unit tests and functions, by unique id. Disabled ones are not among them.
	Nodes map[string]*Node
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
	Database         string        `json:"database"`
	Schema           string        `json:"schema"`
	Alias            string        `json:"alias"`
	Identifier       string        `json:"identifier"` // of a source: the table's name
	SourceName       string        `json:"source_name"`
	Config           Config        `json:"config"`
	DependsOn        DependsOn     `json:"depends_on"`
	Tags             []string      `json:"tags"`
	Description      string        `json:"description"`
	TestMetadata     *TestMetadata `json:"test_metadata"` // nil unless a generic test
	AttachedNode     string        `json:"attached_node"` // of a generic test: the unique id of what it tests
	ColumnName       string        `json:"column_name"`   // of a generic test
	Model            string        `json:"model"`         // of a unit test: the model's name
	Span             Span          `json:"-"`
}

// Config is what this package keeps of a resource's configuration, as dbt rendered it.
type Config struct {
	Materialized string `json:"materialized"`
	Severity     string `json:"severity"` // of a test, as written: error, WARN ...
}

// DependsOn lists what a resource is built from.
type DependsOn struct {
	Nodes []string `json:"nodes"` // unique ids
}

// TestMetadata says which generic test a test is.
type TestMetadata struct {
	Name      string `json:"name"`      // such as not_null
	Namespace string `json:"namespace"` // the package that it comes from; empty for those of dbt and of the project
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

// Read reads a manifest.json of any schema version from 1 to [MaxVersion]. It holds the largest single entry and what
// it returns. The error is a [*VersionError] for another version or another artifact, a [*FormatError] for what is
// truncated, no JSON or of wrong types, and otherwise wraps that of r.
func Read(r io.Reader) (*Manifest, error) {
	m := &Manifest{Nodes: map[string]*Node{}}
	s := newScanner(r, "manifest", MaxVersion)
	err := s.document(&m.Metadata, func(key string) error {
		if nodeSections(key) {
			return s.members(key, func(id string) error { return m.readNode(s, id) })
		}
		return s.skip(key)
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

func (m *Manifest) readNode(s *scanner, id string) error {
	n, before := &Node{}, s.dec.InputOffset()
	if err := s.decode(n); err != nil {
		return err
	}
	n.UniqueID = id
	if n.ResourceType == "" {
		n.ResourceType, _, _ = strings.Cut(id, ".")
	}
	n.Span = Span{Offset: before, Length: s.dec.InputOffset() - before}
	m.Nodes[id] = n
	return nil
}
