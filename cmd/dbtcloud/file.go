package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// eachField hands over the fields of a JSON object in turn. Its errors name the
// field and never show a value.
func eachField(text, example string, field func(name string, value json.RawMessage) error) error {
	d := json.NewDecoder(strings.NewReader(text))
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return errors.New("is not a JSON object, such as " + example + ": check the quotes around it")
	}
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return brokenJSON(text, d)
		}
		name := token.(string) // the decoder takes nothing else for a name
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return brokenJSON(text, d)
		}
		if seen[name] {
			return fmt.Errorf("%.60q is given twice", name)
		}
		seen[name] = true
		if err := field(name, value); err != nil {
			return fmt.Errorf("%.60q %w", name, err)
		}
	}
	if _, err := d.Token(); err != nil {
		return brokenJSON(text, d)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("has something after the JSON object: check the quotes around it")
	}
	return nil
}

func brokenJSON(text string, d *json.Decoder) error {
	return fmt.Errorf("is not valid JSON from character %d on: check the quotes, and that no variable in it is empty", utf8.RuneCountInString(text[:d.InputOffset()])+1)
}

// parseRequest reads a JSON object with the API's names of fields into a request, and
// reports every field that is wrong. like is the type of an answer: what only that has
// is read-only. A null is a field to be cleared, where the request can say so.
func parseRequest(text string, req any, like reflect.Type, kind string) error {
	into := reflect.ValueOf(req).Elem()
	writable, readable, clear := namesOf(into.Type()), namesOf(like), into.FieldByName("Clear")
	var problems []error
	err := eachField(text, `{"name":"..."}`, func(name string, value json.RawMessage) error {
		var problem error
		switch i := slices.Index(writable, name); {
		case name == "":
			problem = errors.New("is no name of a field")
		case i >= 0 && string(value) == "null" && clear.IsValid():
			clear.Set(reflect.Append(clear, reflect.ValueOf(name)))
		case i >= 0 && string(value) == "null":
			problem = errors.New("cannot be cleared: give a value or leave it out")
		case i >= 0:
			problem = fill(into.Field(i), value)
		case slices.Contains(readable, name):
			problem = errors.New("cannot be written, it is for the service to set: leave it out")
		default:
			problem = fmt.Errorf("is no field of %s: %s", one(kind), suggestion(name, writable))
		}
		if problem != nil {
			problems = append(problems, fmt.Errorf("%.60q %w", name, problem))
		}
		return nil
	})
	return errors.Join(append(problems, err)...)
}

// fill decodes a value into a field of a request.
func fill(to reflect.Value, value json.RawMessage) error {
	d := json.NewDecoder(bytes.NewReader(value))
	d.DisallowUnknownFields()
	err := d.Decode(to.Addr().Interface())
	if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if mismatch.Field != "" {
			return fmt.Errorf("has a %q that must be %s", mismatch.Field, wanted(mismatch.Type))
		}
		return errors.New("must be " + wanted(mismatch.Type))
	}
	if err != nil {
		if _, name, ok := strings.Cut(err.Error(), "unknown field "); ok {
			return errors.New("has no field " + name)
		}
		return errors.New("cannot be read")
	}
	if to.IsZero() || len(bytes.Trim(value, "[]{} \t\r\n")) == 0 {
		return errors.New("is empty: give a value, or null in an update to clear it")
	}
	return nil
}

// keepSet takes back that a field is to be cleared, where a flag has set it meanwhile.
func keepSet[R any](req *R) {
	clear := reflect.ValueOf(req).Elem().FieldByName("Clear")
	if !clear.IsValid() {
		return
	}
	names := clear.Interface().([]string) // as parseRequest fills it
	clear.Set(reflect.ValueOf(slices.DeleteFunc(names, func(name string) bool { return !isZero(*req, name) })))
}

// wanted says in words what a type takes.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "an array"
	case reflect.Struct, reflect.Map, reflect.Pointer:
		return "an object"
	default:
		return "a whole number"
	}
}

// namesOf are the API's names of the fields of a struct, in their order; empty for a
// field that the API does not see.
func namesOf(t reflect.Type) []string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	names := make([]string, t.NumField())
	for i := range names {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "-" {
			names[i] = name
		}
	}
	return names
}

// isZero tells whether a request says nothing about a field.
func isZero(req any, name string) bool {
	v := reflect.ValueOf(req)
	i := slices.Index(namesOf(v.Type()), name)
	return i < 0 || v.Field(i).IsZero()
}

// suggestion is what a wrong name of a field may have been meant to be.
func suggestion(name string, known []string) string {
	if near := nearest(name, known); near != "" {
		return "did you mean " + near + "?"
	}
	return "those are " + strings.Join(slices.DeleteFunc(slices.Clone(known), func(name string) bool { return name == "" }), ", ")
}
