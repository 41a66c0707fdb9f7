package dbtcloud

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/slimci/dbtcloud/internal/discovery"
)

// QueryOption changes what a list of the Discovery API asks for.
type QueryOption func(*queryOptions)

type queryOptions struct {
	fields    []string
	unknown   bool
	page      *int // nil: the largest
	ancestors []ResourceType
}

// Fields says which fields come back, by their paths in the Discovery schema, such as
// "name" or "executionInfo.lastRunStatus". The path of an object stands for its plain
// values, one level deep. The unique id of a node always comes along, and that of the
// nodes in a list of several types, such as its parents. What a path asks of those comes
// back from the types that have it. Without paths it is as if Fields were not there.
//
// A path that the schema does not have is refused before the request, with the nearest
// names; see [UnknownFields].
func Fields(paths ...string) QueryOption {
	return func(o *queryOptions) { o.fields = append(o.fields, paths...) }
}

// UnknownFields sends paths, and values of filters, that this package's schema does not
// have, for what is newer than it.
func UnknownFields() QueryOption { return func(o *queryOptions) { o.unknown = true } }

// PageSize sets how many items a request asks for. The default is the most that the API
// takes: 500 of an environment, 100 of a job.
func PageSize(n int) QueryOption { return func(o *queryOptions) { o.page = &n } }

// AncestorTypes says which kinds of ancestors a path such as "ancestors.name" means; the
// default is all of them.
func AncestorTypes(types ...ResourceType) QueryOption {
	return func(o *queryOptions) { o.ancestors = types }
}

func newQueryOptions(opts []QueryOption) *queryOptions {
	o := new(queryOptions)
	for _, opt := range opts {
		if opt != nil {
			opt(o)
		}
	}
	return o
}

// selection is what is asked of an object, in the order in which it is sent.
type selection struct{ fields []*selected }

// selected is one field of a selection.
type selected struct {
	name  string
	alias string // its name in the answer, where the types of a mixed list differ in what it is
	on    string // the type that has it, where not every type of a mixed list does
	args  string
	sub   *selection // nil for a plain value
}

// key is the name of the field in the answer.
func (f *selected) key() string {
	if f.alias != "" {
		return f.alias
	}
	return f.name
}

// field is the selected field of that name on that type, which is added if it is new.
func (s *selection) field(name, on string) *selected {
	for _, f := range s.fields {
		if f.name == name && f.on == on {
			return f
		}
	}
	f := &selected{name: name, on: on}
	s.fields = append(s.fields, f)
	return f
}

// String writes the selection as GraphQL.
func (s *selection) String() string {
	var b strings.Builder
	s.write(&b)
	return b.String()
}

func (s *selection) write(b *strings.Builder) {
	b.WriteString("{ ")
	var types []string
	for _, f := range s.fields {
		if f.on == "" {
			f.write(b)
		} else if !slices.Contains(types, f.on) {
			types = append(types, f.on)
		}
	}
	for _, on := range types {
		b.WriteString("... on " + on + " { ")
		for _, f := range s.fields {
			if f.on == on {
				f.write(b)
			}
		}
		b.WriteString("} ")
	}
	b.WriteString("}")
}

func (f *selected) write(b *strings.Builder) {
	if f.alias != "" {
		b.WriteString(f.alias + ": ")
	}
	b.WriteString(f.name + f.args + " ")
	if f.sub != nil {
		f.sub.write(b)
		b.WriteString(" ")
	}
}

// maxDepth is how many names a path may have. The API counts what is nested, and refuses
// much less than this.
const maxDepth = 8

// selector makes selections by a schema.
type selector struct {
	schema  *ast.Schema
	unknown bool // send what the schema does not have
}

// selects makes the selection of paths on the type of that name. Without paths it is the
// bounded default: plain values but code and configuration, and how it ran or how fresh it is.
func (x selector) selects(typeName string, paths []string) (*selection, error) {
	typ := x.schema.Types[typeName]
	s := new(selection)
	x.identify(s, typ)
	if paths == nil {
		paths = x.defaults(typ)
	}
	for _, path := range paths {
		steps := strings.Split(path, ".")
		if len(steps) > maxDepth {
			return nil, fmt.Errorf("field %q: is deeper than %d names: ask for it with Query", path, maxDepth)
		}
		if err := x.add(s, typ, steps, path); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// identify adds what tells one item from another.
func (x selector) identify(s *selection, typ *ast.Definition) {
	if typ.IsAbstractType() {
		s.field("__typename", "")
	}
	for _, name := range []string{"uniqueId", "paginationCursor"} {
		if typ.Fields.ForName(name) != nil {
			s.field(name, "")
		}
	}
}

// add adds the rest of a path to the selection of a type.
func (x selector) add(s *selection, typ *ast.Definition, rest []string, path string) error {
	name := rest[0]
	if name == "__typename" && len(rest) == 1 {
		s.field(name, "")
		return nil
	}
	if def := typ.Fields.ForName(name); def != nil {
		return x.addField(s.field(name, ""), def, rest, path)
	}
	owners := x.owners(typ, name)
	if len(owners) == 0 {
		return x.addUnknown(s, typ, rest, path)
	}
	if fit := x.leading(owners, rest); len(fit) > 0 {
		owners = fit
	}
	differ := false
	for _, owner := range owners {
		differ = differ || owner.Fields.ForName(name).Type.String() != owners[0].Fields.ForName(name).Type.String()
	}
	for _, owner := range owners {
		f := s.field(name, owner.Name)
		if differ {
			f.alias = lowerFirst(owner.Name) + "_" + name
		}
		if err := x.addField(f, owner.Fields.ForName(name), rest, path); err != nil {
			return err
		}
	}
	return nil
}

// leading are those of the types from which the path leads somewhere.
func (x selector) leading(types []*ast.Definition, rest []string) []*ast.Definition {
	return slices.DeleteFunc(slices.Clone(types), func(t *ast.Definition) bool {
		return x.addField(new(selected), t.Fields.ForName(rest[0]), rest, "") != nil
	})
}

// addField adds the rest of a path, whose first step f is.
func (x selector) addField(f *selected, def *ast.FieldDefinition, rest []string, path string) error {
	typ := x.schema.Types[def.Type.Name()]
	if !typ.IsCompositeType() {
		if len(rest) > 1 {
			return fmt.Errorf("field %q: %s is a plain value: nothing can be selected below it", path, def.Name)
		}
		return nil
	}
	for _, arg := range def.Arguments {
		switch {
		case arg.Type.Name() == "AncestorNodeType":
			f.args = "(" + arg.Name + ": $" + ancestorTypes + ")"
		case arg.Type.NonNull && arg.DefaultValue == nil:
			return fmt.Errorf("field %q: %s takes arguments: ask for it with Query", path, def.Name)
		}
	}
	if f.sub == nil {
		f.sub = new(selection)
		if typ.IsAbstractType() {
			x.identify(f.sub, typ)
		}
	}
	if len(rest) > 1 {
		return x.add(f.sub, typ, rest[1:], path)
	}
	for _, name := range x.leaves(typ) {
		f.sub.field(name, "")
	}
	if len(f.sub.fields) == 0 {
		return fmt.Errorf("field %q: %s has no plain values: say which of its fields are wanted: %s", path, def.Name, strings.Join(fieldNames(typ), ", "))
	}
	return nil
}

// addUnknown adds a path that the schema does not have, or says what it may have meant.
func (x selector) addUnknown(s *selection, typ *ast.Definition, rest []string, path string) error {
	if x.unknown && !slices.ContainsFunc(rest, func(name string) bool { return !isName(name) }) {
		for ; len(rest) > 1; rest = rest[1:] {
			f := s.field(rest[0], "")
			if f.sub == nil {
				f.sub = new(selection)
			}
			s = f.sub
		}
		s.field(rest[0], "")
		return nil
	}
	known := fieldNames(typ)
	for _, t := range x.possible(typ) {
		known = append(known, fieldNames(t)...)
	}
	slices.Sort(known)
	text := fmt.Sprintf("field %q: %s has no field %q", path, typ.Name, rest[0])
	if beta := discovery.Beta().Types[typ.Name]; beta.Fields.ForName(rest[0]) != nil {
		return errors.New(text + ": only the beta endpoint is known to have it; UnknownFields sends it all the same")
	}
	if near := discovery.Nearest(rest[0], slices.Compact(known)); len(near) > 0 {
		return fmt.Errorf("%s; did you mean %s?", text, strings.Join(near, " or "))
	}
	return fmt.Errorf("%s; it has %s", text, strings.Join(slices.Compact(known), ", "))
}

// heavy are plain values that make an answer large: they come only when they are asked for.
func heavy(name string) bool {
	return slices.Contains([]string{"rawCode", "compiledCode", "rawSql", "compiledSql", "macroSql", "config",
		"eventStatus", "given", "expect", "overrides", "childrenL1"}, name)
}

// defaults are the paths that are asked for unless others are.
func (x selector) defaults(typ *ast.Definition) []string {
	var paths []string
	for _, name := range x.leaves(typ) {
		if !heavy(name) {
			paths = append(paths, name)
		}
	}
	for _, name := range []string{"executionInfo", "freshness"} {
		if typ.Fields.ForName(name) != nil || len(x.owners(typ, name)) > 0 {
			paths = append(paths, name)
		}
	}
	return paths
}

// leaves are the plain values of a type that are certain to be there.
func (x selector) leaves(typ *ast.Definition) []string {
	var names []string
	for _, f := range typ.Fields {
		if len(f.Arguments) == 0 && !x.schema.Types[f.Type.Name()].IsCompositeType() && discovery.Attested(f) == "" {
			names = append(names, f.Name)
		}
	}
	return names
}

// possible are the types that an item of an abstract type may have.
func (x selector) possible(typ *ast.Definition) []*ast.Definition {
	if !typ.IsAbstractType() {
		return nil
	}
	types := slices.Clone(x.schema.GetPossibleTypes(typ))
	slices.SortFunc(types, func(a, b *ast.Definition) int { return strings.Compare(a.Name, b.Name) })
	return types
}

// owners are those of the possible types that have the field.
func (x selector) owners(typ *ast.Definition, name string) []*ast.Definition {
	return slices.DeleteFunc(x.possible(typ), func(t *ast.Definition) bool { return t.Fields.ForName(name) == nil })
}

func fieldNames(typ *ast.Definition) []string {
	var names []string
	for _, f := range typ.Fields {
		names = append(names, f.Name)
	}
	return names
}

// isName tells whether a text can be a name in GraphQL.
func isName(s string) bool {
	for i, c := range s {
		if c != '_' && (c > unicode.MaxASCII || !unicode.IsLetter(c)) && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }
