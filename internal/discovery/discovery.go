// Package discovery knows the names of the Discovery API: its types, fields, arguments and enum values, without a word
// of prose. schema.graphql is generated; where a name is not certain, a directive says so:
//
//   - @beta stands on what only the beta endpoint is known to have.
//   - @attested(by: "CD") stands on what no introspection has shown; the letters are the sources that use it.
package discovery

import (
	_ "embed"
	"slices"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/core"
)

//go:embed schema.graphql
var text string

var (
	ga   = sync.OnceValue(func() *ast.Schema { return load(stable) })
	beta = sync.OnceValue(func() *ast.Schema { return load(func(ast.DirectiveList) bool { return true }) })
)

// GA returns the schema of /graphql. It is shared: do not change it.
func GA() *ast.Schema { return ga() }

// Beta returns the schema of /beta/graphql, which has everything of [GA] and more. It is shared: do not change it.
func Beta() *ast.Schema { return beta() }

// Attested returns the sources of a field that is not certain, a letter each; "" for one that is.
func Attested(field *ast.FieldDefinition) string {
	if mark := field.Directives.ForName("attested"); mark != nil {
		return mark.Arguments.ForName("by").Value.Raw
	}
	return ""
}

// shortest is the fewest letters that count as the beginning of a name.
const shortest = 3

// Nearest returns the names that somebody who wrote name may have meant: those that it begins, whatever its case and
// underscores, and those a few letters away. There are at most three, the best first; none if nothing is near.
func Nearest(name string, among []string) []string {
	wanted := fold(name)
	var near []string
	for _, option := range among {
		if folded := fold(option); folded == wanted || len(wanted) >= shortest && strings.HasPrefix(folded, wanted) {
			near = append(near, option)
		}
	}
	slices.SortStableFunc(near, func(a, b string) int { return len(a) - len(b) })
	for _, option := range core.SuggestionList(wanted, among) {
		if !slices.Contains(near, option) {
			near = append(near, option)
		}
	}
	return near[:min(len(near), 3)]
}

// fold makes unique_id, uniqueID and uniqueId the same.
func fold(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

func stable(marks ast.DirectiveList) bool { return marks.ForName("beta") == nil }

// load reads the schema and leaves out what is not to be kept. The text is part of the program and its tests load it,
// so there is no error to return.
func load(keep func(ast.DirectiveList) bool) *ast.Schema {
	doc, _ := parser.ParseSchemas(validator.Prelude, &ast.Source{Name: "discovery", Input: text})
	doc.Definitions = slices.DeleteFunc(doc.Definitions, func(d *ast.Definition) bool { return !keep(d.Directives) })
	for _, d := range doc.Definitions {
		d.Fields = slices.DeleteFunc(d.Fields, func(f *ast.FieldDefinition) bool { return !keep(f.Directives) })
		d.EnumValues = slices.DeleteFunc(d.EnumValues, func(v *ast.EnumValueDefinition) bool { return !keep(v.Directives) })
	}
	schema, _ := validator.ValidateSchemaDocument(doc)
	return schema
}
