package dbtcloud

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// checkChoices refuses values of enums that a list does not take, though others do: a
// status of tests in a filter of models, say.
func (x selector) checkChoices(l listing, vars map[string]any) error {
	if x.unknown {
		return nil
	}
	plain, err := plainVariables(vars)
	return cmp.Or(err, x.choices(l.input, plain["filter"]), x.choices("AppliedModelSort", plain["sort"]), x.choices("AncestorNodeType", plain[ancestorTypes]))
}

// choices tells which value of a type, or of its fields, is none that the schema lists.
func (x selector) choices(typeName string, v any) error {
	def := x.schema.Types[typeName]
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if err := x.choices(typeName, item); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, field := range def.Fields {
			if err := x.choices(field.Type.Name(), v[field.Name]); err != nil {
				return fmt.Errorf("%s: %w", field.Name, err)
			}
		}
	case string:
		if def.Kind == ast.Enum && def.EnumValues.ForName(v) == nil {
			return fmt.Errorf("%q is none of the values of %s: %s", v, typeName, strings.Join(choiceNames(def), ", "))
		}
	}
	return nil
}

func choiceNames(enum *ast.Definition) []string {
	var names []string
	for _, value := range enum.EnumValues {
		names = append(names, value.Name)
	}
	return names
}
