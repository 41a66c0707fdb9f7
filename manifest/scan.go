package manifest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// MaxEntry is how large one entry of an artifact may be, such as one node; its bytes are held while it is decoded. The
// largest nodes known have a few MB, with their compiled code.
const MaxEntry = 32 << 20

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
	Err      error  // of encoding/json, or io.ErrUnexpectedEOF where it ends too early
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

var errTooLarge = fmt.Errorf("one entry has more than %d MB", MaxEntry>>20)

// scanner walks a document of two levels: sections, and their entries, which are decoded one by one.
type scanner struct {
	artifact string
	min, max int
	dec      *json.Decoder
	in       *meter
	path     string
}

func newScanner(r io.Reader, artifact string, least, most int) *scanner {
	in := &meter{r: r}
	s := &scanner{artifact: artifact, min: least, max: most, in: in, dec: json.NewDecoder(in)}
	in.done = s.dec.InputOffset
	return s
}

// meter refuses to read ahead of what is done by more than one entry may have, and keeps the error of what it reads.
type meter struct {
	r    io.Reader
	read int64
	done func() int64
	err  error
}

func (m *meter) Read(p []byte) (int, error) {
	if m.read-m.done() > MaxEntry {
		return 0, errTooLarge
	}
	n, err := m.r.Read(p)
	m.read += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		m.err = err
	}
	return n, err
}

// document reads the whole of it: the metadata itself, every other section by the function.
func (s *scanner) document(meta *Metadata, section func(key string) error) error {
	known := false
	err := s.object(func(key string) (err error) {
		s.path = key
		if key != "metadata" {
			return section(key)
		}
		known = true
		return s.metadata(meta)
	})
	if err == nil {
		s.path = ""
		err = s.end()
	}
	var version *VersionError
	switch {
	case err == nil && !known:
		return &VersionError{Artifact: s.artifact, Min: s.min, Max: s.max}
	case err == nil, errors.As(err, &version):
		return err
	case s.in.err != nil:
		return fmt.Errorf("manifest: read %s: %w", s.artifact, s.in.err)
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	return &FormatError{Artifact: s.artifact, Offset: s.dec.InputOffset(), Path: s.path, Err: err}
}

// end makes sure that nothing follows the document.
func (s *scanner) end() error {
	_, err := s.dec.Token()
	if errors.Is(err, io.EOF) {
		return nil
	}
	return cmp.Or(err, errors.New("more follows after the end"))
}

func (s *scanner) metadata(meta *Metadata) error {
	var wire struct {
		Schema       string    `json:"dbt_schema_version"`
		DbtVersion   string    `json:"dbt_version"`
		GeneratedAt  timestamp `json:"generated_at"`
		InvocationID string    `json:"invocation_id"`
		ProjectName  string    `json:"project_name"`
		AdapterType  string    `json:"adapter_type"`
	}
	if err := s.decode(&wire); err != nil {
		return err
	}
	version := schemaVersion(wire.Schema, s.artifact)
	if version < s.min || version > s.max {
		return &VersionError{Artifact: s.artifact, Schema: wire.Schema, Min: s.min, Max: s.max}
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

// decode decodes the next value into v.
func (s *scanner) decode(v any) error { return s.dec.Decode(v) }

// object calls the function for every key of an object; it must take the value. A null is an empty object.
func (s *scanner) object(member func(key string) error) error {
	if null, err := s.open('{', "an object"); null || err != nil {
		return err
	}
	for s.dec.More() {
		key, err := s.dec.Token()
		if err != nil {
			return err
		}
		if err := member(key.(string)); err != nil { // the decoder lets nothing but texts be keys
			return err
		}
	}
	_, err := s.dec.Token()
	return err
}

// members is object for a section, whose name becomes part of the path.
func (s *scanner) members(section string, member func(key string) error) error {
	return s.object(func(key string) error {
		s.path = section + "." + key
		return member(key)
	})
}

// elements calls the function for every element of a list; it must take the element. A null is an empty list.
func (s *scanner) elements(section string, element func() error) error {
	if null, err := s.open('[', "a list"); null || err != nil {
		return err
	}
	for i := 0; s.dec.More(); i++ {
		s.path = section + "." + strconv.Itoa(i)
		if err := element(); err != nil {
			return err
		}
	}
	_, err := s.dec.Token()
	return err
}

// open takes the opening bracket, or a null where there may be one.
func (s *scanner) open(want json.Delim, name string) (null bool, err error) {
	token, err := s.dec.Token()
	switch {
	case err != nil:
		return false, err
	case token == want:
		return false, nil
	case token == nil && s.path != "":
		return true, nil
	}
	return false, fmt.Errorf("there should be %s", name)
}

// skip passes over a section of which nothing is kept, entry by entry.
func (s *scanner) skip(section string) error {
	token, err := s.dec.Token()
	if err != nil {
		return err
	}
	opening, isOpening := token.(json.Delim)
	for isOpening && s.dec.More() {
		if opening == '{' {
			key, err := s.dec.Token()
			if err != nil {
				return err
			}
			s.path = section + "." + key.(string)
		}
		if err := s.decode(&nothing{}); err != nil {
			return err
		}
	}
	if isOpening {
		_, err = s.dec.Token()
	}
	return err
}

// nothing takes any value and keeps none.
type nothing struct{}

func (*nothing) UnmarshalJSON([]byte) error { return nil }
