package dbtcloud

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Time is a point in time as the API sends it: with a space or a T, with or
// without a fraction, Z, an offset, or none at all, which is read as UTC. A null
// is the zero time.
type Time struct{ time.Time }

// UnmarshalJSON reads every form that the API is known to send.
func (t *Time) UnmarshalJSON(b []byte) error {
	var s string
	if bytes.Equal(b, []byte("null")) {
		*t = Time{}
		return nil
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return errors.New("a timestamp must be a string")
	}
	parsed, err := parseTime(s)
	if err != nil {
		return err
	}
	*t = Time{parsed}
	return nil
}

// MarshalJSON writes RFC 3339, and null for the zero time.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return t.Time.MarshalJSON()
}

var timeLayouts = [...]string{"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05-0700", "2006-01-02T15:04:05Z07", "2006-01-02T15:04:05", "2006-01-02"}

// errTimestamp does not quote what it is about: a server may have put anything there.
var errTimestamp = errors.New("a text in the place of a timestamp is none")

func parseTime(s string) (time.Time, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return time.Time{}, nil
	}
	if len(s) >= 15 && !strings.ContainsAny(s, "-: ") {
		if micros, err := strconv.ParseInt(s, 10, 64); err == nil {
			return inRange(time.UnixMicro(micros))
		}
	}
	normal := s
	if len(s) > 10 && s[10] == ' ' {
		normal = s[:10] + "T" + s[11:]
	}
	for _, layout := range timeLayouts {
		// A fraction after the seconds is accepted by Parse whatever the layout says.
		if t, err := time.Parse(layout, normal); err == nil {
			return inRange(t)
		}
	}
	return time.Time{}, errTimestamp
}

// inRange is t in UTC, unless RFC 3339 cannot write it.
func inRange(t time.Time) (time.Time, error) {
	t = t.UTC()
	if t.Year() < 0 || t.Year() > 9999 {
		return time.Time{}, errTimestamp
	}
	return t, nil
}

// decode is json.Unmarshal for what the API really sends: where a number came as
// a string, as ids do in some answers, it mends the input and tries again.
func decode(raw []byte, out any) error {
	return decodeMending(raw, out, numberNames{isID, func(string) bool { return false }})
}

// numberNames tells by their names what must be a number, and what has a form of its
// own, so that nothing below it is looked at.
type numberNames struct{ number, free func(key string) bool }

// decodeMending is decode with the names of numbers.
func decodeMending(raw []byte, out any, names numberNames) error {
	err := json.Unmarshal(raw, out)
	if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); !ok || mismatch.Value != "string" {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return err
	}
	mended, merr := json.Marshal(names.mend("", v))
	if merr != nil {
		return err
	}
	return json.Unmarshal(mended, out)
}

// mend turns strings of digits below a key that is to be a number into numbers.
func (names numberNames) mend(key string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if !names.free(k) {
				v[k] = names.mend(k, e)
			}
		}
	case []any:
		for i, e := range v {
			v[i] = names.mend(key, e)
		}
	case string:
		if n, err := strconv.ParseInt(v, 10, 64); err == nil && names.number(key) && v == strconv.FormatInt(n, 10) {
			return json.Number(v)
		}
	}
	return v
}

// isID tells whether the Administrative API has an id or a status by that name.
func isID(key string) bool {
	if strings.HasSuffix(key, "_thread_id") {
		return false // the name of a worker
	}
	return key == "id" || key == "blocked_by" || key == "status" || strings.HasSuffix(key, "_id") || strings.HasSuffix(key, "_ids")
}

// raw is the JSON that a value was decoded from. Fields that this package does
// not know live on in it.
type raw struct{ json json.RawMessage }

// keeper is a value that keeps the JSON that it was decoded from.
type keeper interface {
	keeping() (known any, keep *raw) // the value without its UnmarshalJSON, and where the JSON goes
}

// decodeKeeping decodes b into v and keeps a copy of b.
func decodeKeeping(b []byte, v keeper) error {
	known, keep := v.keeping()
	if err := json.Unmarshal(b, known); err != nil {
		return err
	}
	keep.json = bytes.Clone(b)
	return nil
}

// describeBody says what came instead of JSON, without quoting a page of it.
func describeBody(contentType string, raw []byte) string {
	head := bytes.ToLower(bytes.TrimSpace(raw[:min(len(raw), 512)]))
	switch {
	case len(head) == 0:
		return "it is empty"
	case bytes.HasPrefix(head, []byte("<")) || strings.Contains(contentType, "html"):
		return "it is an HTML page (a proxy, a login page or a maintenance page answered)"
	default:
		return fmt.Sprintf("%d bytes of %q", len(raw), contentType)
	}
}

func unwrapMarshal(err error) error {
	if m, ok := errors.AsType[*json.MarshalerError](err); ok {
		return m.Unwrap()
	}
	return err
}
