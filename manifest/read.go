package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
)

// reader reads a manifest.json.
type reader struct {
	*artifact
	m       *Manifest
	configs map[string]*Config         // by what is written
	raws    map[string]json.RawMessage // the same
}

// Read reads a manifest.json of any schema version from [MinVersion] to [MaxVersion], plain or as a gzip. It holds the
// largest single value that it keeps and what it returns. The error is a [*VersionError] for another version or another
// artifact, a [*FormatError] for what is truncated, no JSON or of wrong types, and otherwise wraps that of r.
func Read(r io.Reader) (*Manifest, error) {
	m := &Manifest{Nodes: map[string]*Node{}, Macros: map[string]*Macro{}, Disabled: map[string]*Node{}, Selectors: map[string]json.RawMessage{}}
	in := &reader{artifact: newArtifact(r, "manifest", MinVersion, MaxVersion), m: m, configs: map[string]*Config{}, raws: map[string]json.RawMessage{}}
	if err := in.document(&m.Metadata, in.readSection); err != nil {
		return nil, err
	}
	return m, nil
}

func (r *reader) readSection(key string) error {
	switch key {
	case "nodes", "sources", "exposures", "metrics", "semantic_models", "saved_queries", "unit_tests", "functions":
		return r.members(func(id []byte) error { return r.readInto(r.m.Nodes, id) })
	case "disabled":
		return r.members(r.disabled)
	case "macros":
		return r.members(r.macro)
	case "selectors":
		return r.members(func(id []byte) error {
			raw, err := r.value()
			r.m.Selectors[string(id)] = bytes.Clone(raw)
			return err
		})
	}
	return r.pass()
}

func (r *reader) readInto(nodes map[string]*Node, key []byte) error {
	id := r.keepText(key)
	if nodes[id] != nil {
		return errors.New("this id is there twice")
	}
	n, err := r.node(id)
	nodes[id] = n
	return err
}

// disabled reads the nodes with one id, of which dbt looks at the first.
func (r *reader) disabled(id []byte) error {
	return r.list(func(i int) error {
		if i == 0 {
			return r.readInto(r.m.Disabled, id)
		}
		return r.skip(0)
	})
}

func (r *reader) node(id string) (*Node, error) {
	if _, err := r.peek(); err != nil {
		return nil, err
	}
	kind, _, _ := strings.Cut(id, ".")
	n := &Node{UniqueID: id, ResourceType: r.keepText([]byte(kind)), Span: Span{Offset: r.offset()}}
	if kind == "model" {
		n.Access = "protected"
	}
	err := r.object(func(key []byte) error {
		if text := n.text(string(key)); text != nil {
			return r.readText(text)
		}
		return r.nodeField(n, kind, string(key))
	})
	n.Span.Length = r.offset() - n.Span.Offset
	return n, err
}

// readText takes a text; a null changes nothing.
func (r *reader) readText(to *string) error {
	null, err := r.null()
	if null || err != nil {
		return err
	}
	text, err := r.text()
	*to = r.keepText(text)
	return err
}

// text is the field of the node that holds the text of that key, or nil.
func (n *Node) text(key string) *string {
	switch key {
	case "name":
		return &n.Name
	case "resource_type":
		return &n.ResourceType
	case "package_name":
		return &n.PackageName
	case "path":
		return &n.Path
	case "original_file_path":
		return &n.OriginalFilePath
	case "patch_path":
		return &n.PatchPath
	case "database":
		return &n.Database
	case "schema":
		return &n.Schema
	case "alias":
		return &n.Alias
	case "identifier":
		return &n.Identifier
	case "source_name":
		return &n.SourceName
	case "group":
		return &n.Group
	case "access":
		return &n.Access
	case "description":
		return &n.Description
	case "attached_node":
		return &n.AttachedNode
	case "column_name":
		return &n.ColumnName
	case "model":
		return &n.Model
	}
	return nil
}

// nodeField reads a field that is no mere text.
func (r *reader) nodeField(n *Node, kind, key string) (err error) {
	switch key {
	case "fqn":
		n.FQN, err = r.texts()
	case "tags":
		n.Tags, err = r.texts()
	case "config":
		n.Config, err = r.config()
	case "depends_on":
		n.DependsOn, err = r.dependsOn()
	case "test_metadata":
		n.TestMetadata, err = r.testMetadata()
	case "raw_code", "raw_sql":
		n.Code, err = r.code(func(text []byte) { n.ConfigCall = configCall(text) })
	case "columns":
		n.Columns, err = r.columns()
	case "version":
		n.Version, _, err = r.version()
	case "latest_version":
		var raw json.RawMessage
		n.LatestVersion, raw, err = r.version()
		n.Fields = n.Fields.with(key, raw)
	default:
		if key != "unrendered_config" && !slices.Contains(comparedFields(kind), key) {
			return r.skip(0)
		}
		var raw []byte
		if raw, err = r.value(); err == nil {
			n.Fields = n.Fields.with(key, r.raw(raw))
		}
	}
	return err
}

// comparedFields are the fields of a kind of resource that only comparing needs, beside unrendered_config.
func comparedFields(kind string) []string {
	switch kind {
	case "model":
		return []string{"contract", "constraints", "deprecation_date"}
	case "seed", "unit_test":
		return []string{"checksum"}
	case "function":
		return []string{"arguments", "returns", "overloads"}
	case "source":
		return []string{"unrendered_database", "unrendered_schema", "quoting", "freshness", "loaded_at_field", "external"}
	case "exposure":
		return []string{"type", "owner", "maturity", "url", "label"}
	case "metric":
		return []string{"type", "label"}
	case "semantic_model":
		return []string{"defaults", "entities", "dimensions", "measures", "primary_entity"}
	case "saved_query":
		return []string{"query_params", "label", "exports"}
	}
	return nil
}

func (f Fields) with(key string, value json.RawMessage) Fields {
	if value == nil || string(value) == "null" {
		return f
	}
	return append(f, Field{Key: key, Value: value})
}

// raw keeps a value as it is written; equal ones are kept once.
func (r *reader) raw(value []byte) json.RawMessage {
	if once, ok := r.raws[string(value)]; ok {
		return once
	}
	once := bytes.Clone(value)
	r.raws[string(once)] = once
	return once
}

func (r *reader) version() (string, json.RawMessage, error) {
	value, err := r.value()
	if err != nil || string(value) == "null" {
		return "", nil, err
	}
	raw := r.raw(value)
	if value[0] == '"' {
		value = r.unquote(value)
	}
	return r.keepText(value), raw, nil
}

// config reads a rendered configuration; nodes that are configured alike share it.
func (r *reader) config() (Config, error) {
	value, err := r.value()
	if err != nil || string(value) == "null" {
		return Config{}, err
	}
	if config := r.configs[string(value)]; config != nil {
		return *config, nil
	}
	config := &Config{Raw: r.raw(value)}
	r.configs[string(config.Raw)] = config
	err = config.read()
	return *config, err
}

func (c *Config) read() error {
	s := &scanner{r: bytes.NewReader(nil), buf: c.Raw, end: len(c.Raw), keep: -1}
	return s.object(func(key []byte) (err error) {
		var value []byte
		switch string(key) {
		case "materialized":
			value, err = s.text()
			c.Materialized = string(value)
		case "severity":
			value, err = s.text()
			c.Severity = string(value)
		case "enabled":
			value, err = s.value()
			c.Disabled = string(value) == "false"
		case "persist_docs":
			if value, err = s.value(); err == nil && value[0] == '{' && len(value) > 2 {
				docs, _ := decoded(value).(map[string]any)
				c.PersistRelation, c.PersistColumns = truth(docs["relation"]), truth(docs["columns"])
			}
		default:
			return s.skip(0)
		}
		return err
	})
}

func (r *reader) dependsOn() (on DependsOn, err error) {
	err = r.object(func(key []byte) (err error) {
		switch string(key) {
		case "nodes":
			on.Nodes, err = r.texts()
		case "macros":
			on.Macros, err = r.texts()
		default:
			return r.skip(0)
		}
		return err
	})
	return on, err
}

func (r *reader) testMetadata() (*TestMetadata, error) {
	if null, err := r.null(); null || err != nil {
		return nil, err
	}
	t := &TestMetadata{}
	return t, r.object(func(key []byte) error {
		switch string(key) {
		case "name":
			return r.readText(&t.Name)
		case "namespace":
			return r.readText(&t.Namespace)
		}
		return r.skip(0)
	})
}

// columns reads the columns of a resource, by name.
func (r *reader) columns() (columns []Column, err error) {
	err = r.object(func(name []byte) error {
		c := Column{Name: r.keepText(name)}
		err := r.object(func(key []byte) error {
			switch string(key) {
			case "description":
				return r.readText(&c.Description)
			case "data_type":
				return r.readText(&c.DataType)
			case "constraints":
				raw, err := r.value()
				if err == nil && string(raw) != "[]" && string(raw) != "null" {
					c.Constraints = r.raw(raw)
				}
				return err
			}
			return r.skip(0)
		})
		columns = append(columns, c)
		return err
	})
	return columns, err
}

// code reads a text that is not held, and shows it to the function.
func (r *reader) code(show func(text []byte)) (Text, error) {
	if null, err := r.null(); null || err != nil {
		return Text{Blank: true}, err
	}
	at := r.offset()
	text, err := r.text()
	if err != nil {
		return Text{}, err
	}
	show(text)
	return textOf(text, Span{Offset: at, Length: r.offset() - at}), nil
}

func (r *reader) macro(key []byte) error {
	id := r.keepText(key)
	if r.m.Macros[id] != nil {
		return errors.New("this id is there twice")
	}
	macro := &Macro{UniqueID: id}
	r.m.Macros[id] = macro
	return r.object(func(key []byte) (err error) {
		switch string(key) {
		case "name":
			return r.readText(&macro.Name)
		case "package_name":
			return r.readText(&macro.PackageName)
		case "original_file_path":
			return r.readText(&macro.OriginalFilePath)
		case "depends_on":
			var on DependsOn
			on, err = r.dependsOn()
			macro.DependsOn = on.Macros
			return err
		case "macro_sql":
			macro.SQL, err = r.code(func([]byte) {})
			return err
		}
		return r.skip(0)
	})
}
