package manifest

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// VersionError says that an artifact is of a version that this package does not know, or is another artifact.
type VersionError struct {
	Artifact string // what was to be read: manifest or run-results
	Schema   string // its dbt_schema_version; empty if it says none
	Min, Max int    // the oldest and the newest version that are read
}

// Error says in one line what was found and what is read.
func (e *VersionError) Error() string {
	found := "it names no dbt_schema_version"
	if e.Schema != "" {
		found = fmt.Sprintf("its dbt_schema_version is %q", clip(e.Schema))
	}
	return fmt.Sprintf("manifest: not a %s that can be read: %s; versions %d to %d are read", e.Artifact, found, e.Min, e.Max)
}

// FormatError says that an artifact is truncated, no JSON, or has something else than dbt puts there.
type FormatError struct {
	Artifact string // manifest or run-results
	Offset   int64  // near which byte
	Path     string // in which entry, such as nodes.model.shop.orders; empty outside all
	Err      error  // what is wrong, or io.ErrUnexpectedEOF where it ends too early
}

// Error says in one line what is wrong and where.
func (e *FormatError) Error() string {
	where := ""
	if e.Path != "" {
		where = fmt.Sprintf(", in %q", clip(e.Path))
	}
	return fmt.Sprintf("manifest: unreadable %s: near byte %d%s: %s", e.Artifact, e.Offset, where, clip(e.Err.Error()))
}

// Unwrap returns the cause.
func (e *FormatError) Unwrap() error { return e.Err }

// clip keeps what an artifact says short enough for the text of an error.
func clip(text string) string {
	const most = 300
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}

// artifact is a document of two levels, sections and their entries, that says of itself what it is.
type artifact struct {
	*scanner
	name     string
	min, max int
	section  string
	id       []byte // of the entry in the section
	kept     map[string]string
	gathered []string
}

func newArtifact(r io.Reader, name string, least, most int) *artifact {
	return &artifact{scanner: newScanner(unzipped(r)), name: name, min: least, max: most, kept: map[string]string{}}
}

// unzipped is what r has, without the gzip around it if its first bytes tell of one.
func unzipped(r io.Reader) io.Reader {
	b := bufio.NewReaderSize(r, 16) // small: what it does not hold is read past it
	if start, _ := b.Peek(2); string(start) != "\x1f\x8b" {
		return b
	}
	return &zipped{r: b}
}

// zipped opens a gzip when it is first read from, so that its errors come from where all errors come from.
type zipped struct {
	r *bufio.Reader
	z *gzip.Reader
}

func (z *zipped) Read(p []byte) (int, error) {
	if z.z == nil {
		opened, err := gzip.NewReader(bufio.NewReaderSize(z.r, 1<<16))
		if err != nil {
			return 0, err
		}
		z.z = opened
	}
	return z.z.Read(p)
}

// ofContent reports whether an error of reading is about what was read.
func ofContent(err error) bool {
	var corrupt flate.CorruptInputError
	return errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &corrupt)
}

// document reads the whole of it: the metadata itself, every other section by the function.
func (a *artifact) document(meta *Metadata, section func(key string) error) error {
	known := false
	err := a.notNull()
	if err == nil {
		err = a.object(func(key []byte) error {
			a.section, a.id, a.entry = string(key), a.id[:0], a.offset()
			if a.section != "metadata" {
				return section(a.section)
			}
			known = true
			return a.metadata(meta)
		})
	}
	if err == nil {
		a.section, a.id = "", a.id[:0]
		err = a.ended()
	}
	if err == nil && !known {
		err = &VersionError{Artifact: a.name, Min: a.min, Max: a.max}
	}
	return a.located(err)
}

func (a *artifact) notNull() error {
	null, err := a.null()
	if null {
		return errors.New("there should be an object")
	}
	return err
}

// located says of an error where it came up.
func (a *artifact) located(err error) error {
	var version *VersionError
	switch {
	case err == nil, errors.As(err, &version):
		return err
	case a.broken != nil && !ofContent(a.broken):
		return fmt.Errorf("manifest: read %s: %w", a.name, a.broken)
	}
	path := a.section
	if len(a.id) > 0 {
		path += "." + string(a.id)
	}
	return &FormatError{Artifact: a.name, Offset: a.offset(), Path: path, Err: err}
}

// ended makes sure that nothing follows the document.
func (a *artifact) ended() error {
	a.entry = a.offset()
	_, err := a.peek()
	switch {
	case err == nil:
		return errors.New("more follows after the end")
	case errors.Is(err, io.ErrUnexpectedEOF) && a.broken == nil:
		return nil
	}
	return err
}

func (a *artifact) metadata(meta *Metadata) error {
	var wire struct {
		Schema       string    `json:"dbt_schema_version"`
		DbtVersion   string    `json:"dbt_version"`
		GeneratedAt  timestamp `json:"generated_at"`
		InvocationID string    `json:"invocation_id"`
		ProjectName  string    `json:"project_name"`
		AdapterType  string    `json:"adapter_type"`
	}
	if err := a.decode(&wire); err != nil {
		return err
	}
	version := schemaVersion(wire.Schema, a.name)
	if version < a.min || version > a.max {
		return &VersionError{Artifact: a.name, Schema: wire.Schema, Min: a.min, Max: a.max}
	}
	*meta = Metadata{
		Schema: wire.Schema, Version: version, DbtVersion: wire.DbtVersion, GeneratedAt: time.Time(wire.GeneratedAt),
		InvocationID: wire.InvocationID, ProjectName: wire.ProjectName, AdapterType: wire.AdapterType,
	}
	return nil
}

// schemaVersion is 12 for https://schemas.getdbt.com/dbt/manifest/v12.json, and 0 for what is not of that artifact.
func schemaVersion(schema, artifact string) int {
	rest, isJSON := strings.CutSuffix(schema, ".json")
	dir, number, found := strings.Cut(rest, "/"+artifact+"/v")
	version, err := strconv.ParseUint(number, 10, 31)
	if !isJSON || !found || dir == "" || err != nil {
		return 0
	}
	return int(version)
}

// members is object for a section: its keys are ids of entries.
func (a *artifact) members(member func(id []byte) error) error {
	return a.object(func(key []byte) error {
		a.id, a.entry = append(a.id[:0], key...), a.offset()
		return member(a.id)
	})
}

// elements is list for a section.
func (a *artifact) elements(element func() error) error {
	return a.list(func(i int) error {
		a.id, a.entry = strconv.AppendInt(a.id[:0], int64(i), 10), a.offset()
		return element()
	})
}

// pass passes over a section of which nothing is kept, entry by entry.
func (a *artifact) pass() error {
	c, err := a.peek()
	switch {
	case err != nil:
		return err
	case c == '{':
		return a.members(func([]byte) error { return a.skip(0) })
	case c == '[':
		return a.elements(func() error { return a.skip(0) })
	}
	return a.skip(0)
}

// keepText keeps a text; equal ones are kept once.
func (a *artifact) keepText(text []byte) string {
	if once, ok := a.kept[string(text)]; ok {
		return once
	}
	once := string(text)
	a.kept[once] = once
	return once
}

// texts takes a list of texts; a null among them is an empty one.
func (a *artifact) texts() ([]string, error) {
	a.gathered = a.gathered[:0]
	err := a.list(func(int) error {
		text, err := a.text()
		a.gathered = append(a.gathered, a.keepText(text))
		return err
	})
	if len(a.gathered) == 0 {
		return nil, err
	}
	return slices.Clone(a.gathered), err
}
