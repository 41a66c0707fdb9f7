package manifest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// parseNamed reads a YAML selector of the manifest, as dbt has expanded it. It is read when it is asked for, so that one
// which cannot be read is in nobody else's way.
func (s *selecting) parseNamed(name string) (*spec, error) {
	mode, err := s.query.Indirect.mode()
	if err != nil {
		return nil, err
	}
	var wire struct {
		Definition json.RawMessage `json:"definition"`
	}
	d := definition{name: name, mode: mode}
	if err := json.Unmarshal(s.manifest.Selectors[name], &wire); err != nil {
		return nil, d.wrong("%v", err)
	}
	return d.root(decoded(wire.Definition))
}

// defaultSelector is the name of the YAML selector that counts where nothing is asked for, or empty.
func (m *Manifest) defaultSelector() string {
	for _, name := range m.selectorNames() {
		if string(memberOf(m.Selectors[name], "default")) == "true" {
			return name
		}
	}
	return ""
}

func (m *Manifest) selectorNames() []string { return slices.Sorted(maps.Keys(m.Selectors)) }

// definition is what the parts of a YAML selector have in common.
type definition struct {
	name string
	mode Indirect
}

func (d *definition) wrong(format string, args ...any) error {
	return &SelectorError{Selector: d.name, Reason: "YAML selector: " + fmt.Sprintf(format, args...)}
}

func (d *definition) root(v any) (*spec, error) {
	if m, ok := v.(map[string]any); ok && len(m) > 1 && (m["union"] != nil || m["intersection"] != nil) {
		return nil, d.wrong("only one union or intersection can stand at its root, and nothing beside it")
	}
	return d.parse(v)
}

// parse reads a definition: a text as on the command line, a set operation, or a method with its value.
func (d *definition) parse(v any) (*spec, error) {
	switch v := v.(type) {
	case string:
		t, err := parseTerm(v, d.mode)
		return &spec{term: t}, err
	case map[string]any:
		if parts, found := v["union"]; found {
			return d.combine(union, "union", parts)
		}
		if parts, found := v["intersection"]; found {
			return d.combine(intersection, "intersection", parts)
		}
		return d.method(v)
	}
	return nil, d.wrong("there should be a text or an object, and there is %q", fmt.Sprint(v))
}

// combine reads the parts of a set operation. One of them may say what to exclude from the whole.
func (d *definition) combine(op operation, key string, v any) (*spec, error) {
	parts, err := d.list(key, v)
	if err != nil {
		return nil, err
	}
	out := &spec{op: op, indirect: Eager}
	var excluded *spec
	for _, part := range parts {
		m, _ := part.(map[string]any)
		if exclude, found := m["exclude"]; found && excluded != nil {
			return nil, d.wrong("%s excludes more than once: put all of it into one exclude", key)
		} else if found {
			if excluded, err = d.exclude(exclude); err != nil {
				return nil, err
			}
			continue
		}
		parsed, err := d.parse(part)
		if err != nil {
			return nil, err
		}
		out.parts = append(out.parts, parsed)
	}
	return without(out, excluded), nil
}

// without takes something away from a selector; nil is nothing.
func without(from, excluded *spec) *spec {
	if excluded == nil {
		return from
	}
	return &spec{op: difference, parts: []*spec{from, excluded}, indirect: Eager}
}

// exclude reads what is to be excluded; nil if that is nothing.
func (d *definition) exclude(v any) (*spec, error) {
	parts, err := d.list("exclude", v)
	if err != nil || len(parts) == 0 {
		return nil, err
	}
	out := &spec{op: union, indirect: Eager}
	for _, part := range parts {
		parsed, err := d.parse(part)
		if err != nil {
			return nil, err
		}
		out.parts = append(out.parts, parsed)
	}
	return out, nil
}

func (d *definition) list(key string, v any) ([]any, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, d.wrong("%s must be a list", key)
	}
	return list, nil
}

// method reads {METHOD: VALUE}, or an object with method, value and the operators by name.
func (d *definition) method(m map[string]any) (*spec, error) {
	_, named := m["method"]
	for key, value := range m {
		if len(m) == 1 && !named {
			m = map[string]any{"method": key, "value": value}
		}
	}
	method, isText := m["method"].(string)
	value, found := m["value"]
	if !found { // dbt leaves out an empty one when it expands a text
		value = ""
	}
	if !isText {
		return nil, d.wrong("there should be one method, or the keys method and value, and there are %q", slices.Sorted(maps.Keys(m)))
	}
	t := &term{raw: fmt.Sprintf("%s:%v", method, value), value: value, indirect: d.mode}
	if err := d.operators(t, m); err != nil {
		return nil, err
	}
	if err := t.complete(method); err != nil {
		return nil, err
	}
	var excluded *spec
	if exclude, found := m["exclude"]; found {
		var err error
		if excluded, err = d.exclude(exclude); err != nil {
			return nil, err
		}
	}
	return without(&spec{term: t}, excluded), nil
}

func (d *definition) operators(t *term, m map[string]any) (err error) {
	t.childrenParents, t.parents, t.children = truth(m["childrens_parents"]), truth(m["parents"]), truth(m["children"])
	if t.parentsDepth, err = d.depth("parents_depth", m["parents_depth"]); err != nil {
		return err
	}
	if t.childrenDepth, err = d.depth("children_depth", m["children_depth"]); err != nil {
		return err
	}
	if own, found := m["indirect_selection"]; found {
		if t.indirect, err = Indirect(fmt.Sprint(own)).mode(); err != nil {
			return d.wrong("%q is no indirect_selection, there are eager, cautious, buildable, empty", fmt.Sprint(own))
		}
	}
	return nil
}

// depth reads a number or a text with one. To dbt the number 0 is none, and the text 0 is 0.
func (d *definition) depth(key string, v any) (int, error) {
	switch v := v.(type) {
	case nil:
		return unlimited, nil
	case json.Number:
		if n, err := strconv.Atoi(v.String()); err == nil && n > 0 {
			return n, nil
		} else if err == nil && n == 0 {
			return unlimited, nil
		}
	case string:
		if n, err := strconv.Atoi(v); err == nil || v == "" {
			return max(n, 0), nil
		}
	}
	return 0, d.wrong("%s must be a whole number, and is %q", key, fmt.Sprint(v))
}
