// Package manifest reads the artifacts of dbt: manifest.json, which describes a project, and run_results.json, which
// tells what an invocation did. Both are read as streams: what is not kept is not held, however large the file.
//
// [Compare] compares two manifests as the state: selectors of dbt do and says why a resource counts as changed;
// [Manifest.Select] selects resources as dbt's command line does.
package manifest

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	UniqueID         string
	Name             string
	ResourceType     string // model, test, seed, snapshot, source, exposure, unit_test ...
	PackageName      string
	Path             string
	OriginalFilePath string   // from the root of its project
	PatchPath        string   // PROJECT://FILE of its properties
	FQN              []string // package, folders, name
	Database         string
	Schema           string
	Alias            string
	Identifier       string // of a source: the table's name
	SourceName       string
	Config           Config
	DependsOn        DependsOn
	Tags             []string
	Group            string
	Access           string // of a model: private, protected (also where none is written) or public
	Version          string // of a model: as Python prints it, such as 2 or 1.5; empty for none
	LatestVersion    string // like Version
	Description      string
	TestMetadata     *TestMetadata // nil unless a generic test
	AttachedNode     string        // of a generic test: the unique id of what it tests
	ColumnName       string        // of a generic test
	Model            string        // of a unit test: the model's name
	Code             Text          // raw_code: what people wrote
	ConfigCall       string        // in Code: the arguments of the first config() call, as written; empty for none
	Columns          []Column      // in the order of the manifest
	Fields           Fields        // what comparing needs beside, as written
	Span             Span          // where the node lies
}

// Config is what this package keeps of a resource's configuration, as dbt rendered it.
type Config struct {
	Materialized    string
	Severity        string          // of a test, as written: error, WARN ...
	Disabled        bool            // enabled is false; dbt leaves such a node out of the graph wherever it stands
	PersistRelation bool            // persist_docs: the description is written to the warehouse
	PersistColumns  bool            // persist_docs: those of the columns are
	Raw             json.RawMessage // all of it; nodes share the bytes, which must not be changed
}

// DependsOn lists what a resource is built from, by unique id.
type DependsOn struct {
	Nodes  []string
	Macros []string // an empty id where dbt wrote null
}

// TestMetadata says which generic test a test is.
type TestMetadata struct {
	Name      string // such as not_null
	Namespace string // the package that it comes from; empty for those of dbt and of the project
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

// Read returns the text from the manifest that it was read from. The error is that of r, or says that r has something
// else there.
func (t Text) Read(r io.ReaderAt) (string, error) {
	if t.Span.Length == 0 {
		return "", nil
	}
	raw, err := io.ReadAll(io.NewSectionReader(r, t.Span.Offset, t.Span.Length))
	if err != nil {
		return "", fmt.Errorf("manifest: read a text again: %w", err)
	}
	var text string
	if json.Unmarshal(raw, &text) != nil || textOf([]byte(text), t.Span).Hash != t.Hash {
		return "", errors.New("manifest: read a text again: this is not the manifest that it was read from")
	}
	return text, nil
}

// textOf keeps of a text what tells it from others.
func textOf(text []byte, at Span) Text {
	sum := sha256.Sum256(text)
	return Text{Hash: [16]byte(sum[:16]), Length: int64(len(text)), Blank: len(bytes.TrimSpace(text)) == 0, Span: at}
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

// Span is where something lies in what was read, in bytes; of a gzip in what it holds.
type Span struct{ Offset, Length int64 }

// Raw returns the whole JSON of the node from the manifest that it was read from, which is therefore never held twice.
// The error is that of r, or says that r has something else there.
func (n *Node) Raw(r io.ReaderAt) (json.RawMessage, error) {
	raw, err := io.ReadAll(io.NewSectionReader(r, n.Span.Offset, n.Span.Length))
	if err != nil {
		return nil, fmt.Errorf("manifest: read %s again: %w", n.UniqueID, err)
	}
	if !json.Valid(raw) {
		return nil, fmt.Errorf("manifest: read %s again: this is not the manifest that it was read from", n.UniqueID)
	}
	return raw, nil
}
