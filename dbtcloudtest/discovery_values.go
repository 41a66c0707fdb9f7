package dbtcloudtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// variables checks the variables of a request against what the operation declares, and gives back their values.
func variables(schema *ast.Schema, op *ast.OperationDefinition, sent map[string]any) (map[string]any, *gqlerror.Error) {
	out := map[string]any{}
	for _, v := range op.VariableDefinitions {
		value, given := sent[v.Variable]
		if !given && v.DefaultValue != nil {
			value, given = literal(v.DefaultValue, nil)
		}
		if !given && !v.Type.NonNull {
			continue
		}
		coerced, err := input(schema, v.Type, value)
		if err != nil {
			return nil, graphqlError(codeInput, fmt.Sprintf("Variable \"$%s\" got an invalid value: %s", v.Variable, err))
		}
		out[v.Variable] = coerced
	}
	return out, nil
}

// literal is the value of an argument as it stands in a document; false when it is a variable that was not given.
func literal(v *ast.Value, vars map[string]any) (any, bool) {
	switch v.Kind {
	case ast.Variable:
		value, given := vars[v.Raw]
		return value, given
	case ast.ListValue:
		out := []any{}
		for _, item := range v.Children {
			value, _ := literal(item.Value, vars)
			out = append(out, value)
		}
		return out, true
	case ast.ObjectValue:
		out := map[string]any{}
		for _, item := range v.Children {
			if value, given := literal(item.Value, vars); given {
				out[item.Name] = value
			}
		}
		return out, true
	case ast.IntValue, ast.FloatValue:
		return json.Number(v.Raw), true
	case ast.BooleanValue:
		return v.Raw == "true", true
	case ast.NullValue:
		return nil, true
	}
	return v.Raw, true
}

// input makes a value fit a type of the schema: whole numbers become int64, one value becomes a list where one is wanted.
func input(schema *ast.Schema, t *ast.Type, value any) (any, error) {
	if value == nil {
		if t.NonNull {
			return nil, fmt.Errorf("expected %s, not null", t)
		}
		return nil, nil
	}
	if t.Elem != nil {
		return inputList(schema, t.Elem, value)
	}
	def := schema.Types[t.NamedType]
	switch {
	case def == nil:
		return nil, fmt.Errorf("unknown type %s", t.NamedType)
	case def.Kind == ast.InputObject:
		return inputObject(schema, def, value)
	case def.Kind == ast.Enum:
		name, ok := value.(string)
		if !ok || def.EnumValues.ForName(name) == nil {
			return nil, fmt.Errorf("%v is not a value of %s", value, def.Name)
		}
		return name, nil
	}
	return scalarInput(def.Name, value)
}

func inputList(schema *ast.Schema, of *ast.Type, value any) (any, error) {
	items, ok := value.([]any)
	if !ok {
		items = []any{value}
	}
	out := make([]any, len(items))
	for i, item := range items {
		coerced, err := input(schema, of, item)
		if err != nil {
			return nil, fmt.Errorf("at %d: %w", i, err)
		}
		out[i] = coerced
	}
	return out, nil
}

func inputObject(schema *ast.Schema, def *ast.Definition, value any) (any, error) {
	given, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("expected an object of type %s", def.Name)
	}
	for name := range given {
		if def.Fields.ForName(name) == nil {
			return nil, fmt.Errorf("%s has no field %q", def.Name, name)
		}
	}
	out := map[string]any{}
	for _, field := range def.Fields {
		value, ok := given[field.Name]
		if !ok && !field.Type.NonNull {
			continue
		}
		coerced, err := input(schema, field.Type, value)
		if err != nil {
			return nil, fmt.Errorf("at %s: %w", field.Name, err)
		}
		out[field.Name] = coerced
	}
	return out, nil
}

var errWrongKind = errors.New("wrong kind of value")

// scalarInput reads a scalar. A BigInt may come as a number or as a text of digits.
func scalarInput(name string, value any) (any, error) {
	wrong := fmt.Errorf("%w: %s cannot represent %v", errWrongKind, name, value)
	switch name {
	case "Int", "BigInt":
		if digits, ok := value.(string); ok && name == "BigInt" {
			value = json.Number(digits)
		}
		n, err := wholeNumber(value)
		if err != nil || name == "Int" && (n > math.MaxInt32 || n < math.MinInt32) {
			return nil, wrong
		}
		return n, nil
	case "Float":
		if n, ok := value.(json.Number); ok {
			if f, err := n.Float64(); err == nil {
				return f, nil
			}
		}
		return nil, wrong
	case "Boolean":
		if _, ok := value.(bool); !ok {
			return nil, wrong
		}
	case "String", "DateTime":
		if _, ok := value.(string); !ok {
			return nil, wrong
		}
	case "Date":
		day, _ := value.(string)
		if _, err := time.Parse(time.DateOnly, day); err != nil {
			return nil, wrong
		}
	}
	return value, nil
}

// wholeNumber reads what JSON, or a document, has as a whole number.
func wholeNumber(value any) (int64, error) {
	switch n := value.(type) {
	case json.Number:
		return strconv.ParseInt(n.String(), 10, 64)
	case int64:
		return n, nil
	case int:
		return int64(n), nil
	}
	return 0, errWrongKind
}

// scalarOutput writes a leaf of an answer. A value that the type cannot hold is an error, as it is on a real server.
func scalarOutput(def *ast.Definition, value any, stringIDs bool) ([]byte, error) {
	wrong := fmt.Errorf("%w: %s cannot represent %v", errWrongKind, def.Name, value)
	switch def.Name {
	case "Int", "BigInt":
		if digits, ok := value.(string); ok && def.Name == "BigInt" {
			value = json.Number(digits)
		}
		n, err := wholeNumber(value)
		if err != nil {
			return nil, wrong
		}
		if def.Name == "BigInt" && stringIDs {
			return strconv.AppendQuote(nil, strconv.FormatInt(n, 10)), nil
		}
		return strconv.AppendInt(nil, n, 10), nil
	case "Float":
		switch value.(type) {
		case json.Number, float64, int64, int:
			return json.Marshal(value)
		}
		return nil, wrong
	case "Boolean":
		if _, ok := value.(bool); !ok {
			return nil, wrong
		}
	case "AnyScalar", "JSONObject":
	default: // texts, times and enums
		if n, ok := value.(json.Number); ok && def.Kind == ast.Scalar {
			value = n.String()
		}
		if _, ok := value.(string); !ok {
			return nil, wrong
		}
	}
	return json.Marshal(value)
}
