package dbtcloud

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// Every create and update is made of three things: the defaults of the resource or
// what the service has of it, the fields that a write must not carry, and what the
// request sets. A request type therefore carries the API's names as JSON tags, with
// omitzero, and nothing here knows a resource.

// refuse marks a request as one that cannot be right, so that it is never sent.
func (r *request) refuse(problems ...error) {
	if problem := errors.Join(problems...); problem != nil {
		r.err = errors.Join(r.err, fmt.Errorf("%w: %s: %w", ErrInvalid, r.operation, problem))
	}
}

// set returns what req sets, by the API's names, and refuses what no request may say.
func (r *request) set(req any, required ...string) map[string]any {
	b, _ := json.Marshal(req) // of numbers, texts and lists: cannot fail
	set := fieldsOf(b)
	for _, name := range required {
		if empty(set[name]) {
			r.refuse(fmt.Errorf("%s: is required", name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if n, ok := set[name].(json.Number); ok && isID(name) && strings.HasPrefix(n.String(), "-") {
			r.refuse(fmt.Errorf("%s: must be positive, not %s", name, n))
		}
	}
	if set["name"] != nil && empty(set["name"]) && !slices.Contains(required, "name") {
		r.refuse(errors.New("name: must not be blank"))
	}
	return set
}

// change is set for an update, which must set something, or clear what is optional.
func (r *request) change(req any, clear, optional []string) map[string]any {
	set := r.set(req)
	if len(set)+len(clear) == 0 {
		r.refuse(errors.New("the update sets nothing"))
	}
	for _, name := range clear {
		if !slices.Contains(optional, name) {
			r.refuse(fmt.Errorf("%s: cannot be cleared, only %s can", name, strings.Join(optional, ", ")))
		} else if _, both := set[name]; both {
			r.refuse(fmt.Errorf("%s: is set and cleared at once", name))
		}
	}
	return set
}

// meant is the error of an answer that is not the resource that was asked for: written
// back it would make the one out of the other.
func (r *request) meant(asked, answered int64) error {
	if answered == asked {
		return nil
	}
	return &Error{Operation: r.operation, StatusCode: http.StatusOK, Message: fmt.Sprintf("asked for %d, the server answered with %d, so that nothing was written", asked, answered)}
}

// nothingToClear is the problem of a create that clears something.
func nothingToClear(clear []string) error {
	if len(clear) == 0 {
		return nil
	}
	return fmt.Errorf("%s: only an update can clear a field", strings.Join(clear, ", "))
}

// replacement is the body of an update that replaces the whole resource: what the
// service has of it, without what must not be written or stay, and what the request sets.
// The defaults are there for what an answer lacks and the write schema requires.
func replacement(defaults map[string]any, has raw, without []string, set map[string]any) map[string]any {
	fields := has.fields()
	for _, name := range without {
		delete(fields, name)
	}
	overlay(defaults, fields)
	overlay(defaults, set)
	return defaults
}

// overlay puts the fields of set over those of body. Of an object only the parts that
// are set change, so that what is not known in it stays.
func overlay(body, set map[string]any) {
	for name, v := range set {
		part, ok := v.(map[string]any)
		whole, both := body[name].(map[string]any)
		if ok && both {
			whole = maps.Clone(whole)
			maps.Copy(whole, part)
			v = whole
		}
		body[name] = v
	}
}

// fields are what was answered, without the nulls.
func (r raw) fields() map[string]any {
	fields := fieldsOf(r.json)
	withoutNulls(fields)
	return fields
}

// fieldsOf are the fields of a JSON object, whose numbers keep their digits.
func fieldsOf(object []byte) map[string]any {
	fields := map[string]any{}
	d := json.NewDecoder(bytes.NewReader(object))
	d.UseNumber()
	_ = d.Decode(&fields) // it was an object before
	return fields
}

// withoutNulls drops what a write need not say: in a full replacement an absent
// field is a null one, and the write schema takes neither nulls nor empty strings.
func withoutNulls(v any) any {
	switch v := v.(type) {
	case string:
		if v == "" {
			return nil
		}
	case map[string]any:
		for k, e := range v {
			if e = withoutNulls(e); e == nil {
				delete(v, k)
			}
		}
	}
	return v
}

// empty tells whether a field says nothing.
func empty(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.TrimSpace(v) == ""
	case []any:
		return len(v) == 0
	}
	return v == nil
}

// tooLong is the problem of a text with more characters than the API takes.
func tooLong(field, text string) error {
	if n := utf8.RuneCountInString(text); n > maxName {
		return fmt.Errorf("%s: has %d characters, at most %d are allowed", field, n, maxName)
	}
	return nil
}
