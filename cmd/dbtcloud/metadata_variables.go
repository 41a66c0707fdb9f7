package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// assignments is a flag for variables of a query, each as name=value.
type assignments struct{ names, values []string }

// Set adds one.
func (s *assignments) Set(text string) error {
	name, value, ok := strings.Cut(text, "=")
	if name = strings.TrimPrefix(strings.TrimSpace(name), "$"); !ok || name == "" {
		return errors.New("must be name=value")
	}
	s.names, s.values = append(s.names, name), append(s.values, value)
	return nil
}

// Type is the placeholder in the help.
func (s *assignments) Type() string { return "name=value" }

func (s *assignments) String() string { return strings.Join(s.names, ",") }

// into puts the values into vars, as what the query declares them to be. What does not
// fit stays a text, which is for the query's own check to refuse.
func (s *assignments) into(vars map[string]any, query string) error {
	types := declared(query)
	given := map[string]bool{}
	for i, name := range s.names {
		typ := types[name]
		value, err := typed(typ, s.values[i])
		if err != nil {
			return fmt.Errorf("--var %.60s: %w", name, err)
		}
		more, isList := value.([]any)
		switch {
		case given[name] && isList:
			vars[name] = append(vars[name].([]any), more...) // it was one before
		case given[name]:
			return fmt.Errorf("--var %.60s: is given twice, and the query declares no list", name)
		default:
			vars[name] = value
		}
		given[name] = true
	}
	return nil
}

// declared are the types that a query declares for its variables; none of a query that
// cannot be read, which is refused elsewhere.
func declared(query string) map[string]*ast.Type {
	types := map[string]*ast.Type{}
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: query}, maxFile)
	if err != nil {
		return types
	}
	for _, op := range doc.Operations {
		for _, def := range op.VariableDefinitions {
			types[def.Variable] = def.Type
		}
	}
	return types
}

// typed is a text as a value of a type; a list for a list.
func typed(typ *ast.Type, text string) (any, error) {
	trimmed := strings.TrimSpace(text)
	if typ != nil && typ.Elem != nil {
		if strings.HasPrefix(trimmed, "[") {
			return parsed[[]any](trimmed, "a JSON array")
		}
		item, err := typed(typ.Elem, text)
		return []any{item}, err
	}
	switch name := nameOf(typ); {
	case name == "String":
		return text, nil
	case name == "Boolean" && (trimmed == "true" || trimmed == "false"):
		return trimmed == "true", nil
	case name == "Int", name == "BigInt", name == "Float":
		if n, err := parsed[json.Number](trimmed, "a number"); err == nil {
			return n, nil
		}
	case strings.HasPrefix(trimmed, "{") && typ != nil:
		return parsed[map[string]any](trimmed, "a JSON object")
	case strings.HasPrefix(trimmed, "[") && typ != nil:
		return parsed[[]any](trimmed, "a JSON array")
	}
	return text, nil
}

func nameOf(typ *ast.Type) string {
	if typ == nil {
		return ""
	}
	return typ.NamedType
}

// parsed is a text as JSON, with numbers as they are written.
func parsed[T any](text, what string) (T, error) {
	var value T
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	if err := d.Decode(&value); err != nil || d.More() {
		return value, errors.New("must be " + what + ": check the quotes")
	}
	return value, nil
}
