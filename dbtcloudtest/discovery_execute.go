package dbtcloudtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// maxAnswer bounds an answer, for documents that ask for the parents of the parents of the parents.
const maxAnswer = 256 << 20

// maxLooks bounds the work of an answer, for those that stay small: how many objects are written, nodes filtered and ancestors found.
const maxLooks = 3_000_000

// maxErrors is how many errors an answer has at most.
const maxErrors = 100

// object is anything that a selection can be made on: a node, a part of the API, a map.
type object interface {
	// value is what the field holds: nil, a scalar, a []any, an object or a map. What is missing is nil.
	value(field string, args map[string]any) (any, error)
	// kind is the [nodeKind] by name that tells the type where the schema has an interface; "" when there is none.
	kind() string
}

// record is an object whose values are simply there.
type record map[string]any

func (r record) value(field string, _ map[string]any) (any, error) { return r[field], nil }
func (r record) kind() string {
	k, _ := kindOf(r)
	return k.name
}

// execution is one operation on its way to an answer. It writes the answer as it goes, so that fields come in the order asked for.
type execution struct {
	w      *world
	c      *call
	schema *ast.Schema
	vars   map[string]any
	buf    bytes.Buffer
	path   ast.Path
	errs   gqlerror.List

	lists    int  // how many lists are open
	anywhere bool // a fault may blank what is in no list
	blanked  bool // a fault has blanked something
}

// selection is what is asked for under one key of an answer.
type selection struct {
	key    string
	name   string
	def    *ast.FieldDefinition
	args   map[string]any
	bad    error                   // why the arguments cannot be used
	below  []ast.SelectionSet      // of every field that shares the key
	fields map[string][]*selection // what that is, by the type of the object
}

// run executes the operation.
func (x *execution) run(op *ast.OperationDefinition) answer {
	x.writeData(op)
	if x.owesError() {
		x.anywhere = true
		x.writeData(op)
	}
	if x.owesError() {
		x.failAll(x.c.trick.partial)
	}
	if len(x.errs) > 0 {
		encoded, err := json.Marshal(x.errs)
		if err != nil {
			return x.w.graphqlErrors(http.StatusInternalServerError, graphqlError(codeInternal, err.Error()))
		}
		x.buf.WriteString(`,"errors":`)
		x.buf.Write(encoded)
	}
	x.buf.WriteByte('}')
	return answer{status: http.StatusOK, header: http.Header{"Content-Type": {jsonType}}, body: x.buf.Bytes()}
}

func (x *execution) writeData(op *ast.OperationDefinition) {
	x.buf.Reset()
	x.errs = nil
	x.w.looked = 0
	x.buf.WriteString(`{"data":`)
	start := x.buf.Len()
	root := x.selections(x.schema.Query, []ast.SelectionSet{op.SelectionSet})
	if !x.writeObject(x.schema.Query, root, x.root()) {
		x.buf.Truncate(start)
		x.buf.WriteString("null")
	}
}

// selections is what the sets ask of an object of that type, fields with the same key merged.
func (x *execution) selections(of *ast.Definition, sets []ast.SelectionSet) []*selection {
	var out []*selection
	seen := map[string]bool{}
	for _, set := range sets {
		out = x.collect(of, set, seen, out)
	}
	return out
}

// collect adds what one set asks; a fragment that was seen adds nothing more.
func (x *execution) collect(of *ast.Definition, set ast.SelectionSet, seen map[string]bool, out []*selection) []*selection {
	for _, asked := range set {
		switch asked := asked.(type) {
		case *ast.Field:
			if x.wanted(asked.Directives) {
				out = x.merge(of, asked, out)
			}
		case *ast.InlineFragment:
			if x.wanted(asked.Directives) && isA(of, asked.TypeCondition) {
				out = x.collect(of, asked.SelectionSet, seen, out)
			}
		case *ast.FragmentSpread:
			if !seen[asked.Name] && x.wanted(asked.Directives) && isA(of, asked.Definition.TypeCondition) {
				seen[asked.Name] = true
				out = x.collect(of, asked.Definition.SelectionSet, seen, out)
			}
		}
	}
	return out
}

func (x *execution) merge(of *ast.Definition, f *ast.Field, out []*selection) []*selection {
	for _, s := range out {
		if s.key == f.Alias {
			s.below = append(s.below, f.SelectionSet)
			return out
		}
	}
	s := &selection{key: f.Alias, name: f.Name, def: of.Fields.ForName(f.Name), below: []ast.SelectionSet{f.SelectionSet}, fields: map[string][]*selection{}}
	if s.def != nil {
		s.args, s.bad = x.arguments(s.def.Arguments, f.Arguments)
	}
	return append(out, s)
}

// wanted follows @include and @skip.
func (x *execution) wanted(directives ast.DirectiveList) bool {
	for _, d := range directives {
		if condition := d.Arguments.ForName("if"); condition != nil {
			if on, _ := literal(condition.Value, x.vars); on == (d.Name == "skip") {
				return false
			}
		}
	}
	return true
}

func isA(of *ast.Definition, condition string) bool {
	return condition == "" || condition == of.Name || slices.Contains(of.Interfaces, condition)
}

// arguments are those given and the defaults of the others.
func (x *execution) arguments(defs ast.ArgumentDefinitionList, given ast.ArgumentList) (map[string]any, error) {
	out := map[string]any{}
	for _, def := range defs {
		var value any
		ok := false
		if arg := given.ForName(def.Name); arg != nil {
			value, ok = literal(arg.Value, x.vars)
		}
		if !ok && def.DefaultValue != nil {
			value, ok = literal(def.DefaultValue, nil)
		}
		if !ok && !def.Type.NonNull {
			continue
		}
		coerced, err := input(x.schema, def.Type, value)
		if err != nil {
			return nil, fmt.Errorf("argument %s: %w", def.Name, err)
		}
		out[def.Name] = coerced
	}
	return out, nil
}

// writeObject writes what is asked of an object; false when it must be null, because something in it must not be.
func (x *execution) writeObject(of *ast.Definition, fields []*selection, o object) bool {
	x.w.looked++
	x.buf.WriteByte('{')
	for i, s := range fields {
		if i > 0 {
			x.buf.WriteByte(',')
		}
		x.buf.WriteString(`"` + s.key + `":`)
		if s.name == "__typename" {
			x.buf.WriteString(`"` + of.Name + `"`)
			continue
		}
		x.path = append(x.path, ast.PathName(s.key))
		ok := x.writeField(s, o)
		x.path = x.path[:len(x.path)-1]
		if !ok {
			return false
		}
	}
	x.buf.WriteByte('}')
	return true
}

func (x *execution) writeField(s *selection, o object) bool {
	if s.def == nil || strings.HasPrefix(s.name, "__") {
		return x.fail(graphqlError(codeBadRequest, "introspection is not served"))
	}
	value, err := x.resolve(s, o)
	if err != nil {
		x.fail(withCode(codeInput, err))
		if s.def.Type.NonNull {
			return false
		}
		value = nil
	}
	return x.write(s.def.Type, s, value)
}

// resolve is the value of a field. Where the schema has a connection and the value is a list, it is a page of that.
func (x *execution) resolve(s *selection, o object) (any, error) {
	if s.bad != nil {
		return nil, s.bad
	}
	if x.buf.Len() > maxAnswer || x.w.looked > maxLooks {
		return nil, graphqlError(codeInternal, "the answer is too large, or takes too much work")
	}
	args := s.args
	if x.c.trick.stuck {
		args = maps.Clone(args)
		delete(args, "after")
	}
	value, err := o.value(s.name, args)
	if rows, ok := value.([]any); err == nil && ok && s.def.Type.Elem == nil && strings.HasSuffix(s.def.Type.NamedType, "Connection") {
		value, err = connection(rows, args)
	}
	return x.c.trick.paged(value), err
}

// write writes a value of that type, or null where it cannot be one and null is allowed.
func (x *execution) write(t *ast.Type, s *selection, value any) bool {
	start := x.buf.Len()
	if !t.NonNull && x.blank() {
		value = nil
	}
	if x.complete(t, s, value) {
		return true
	}
	x.buf.Truncate(start)
	if !t.NonNull {
		x.buf.WriteString("null")
	}
	return !t.NonNull
}

func (x *execution) complete(t *ast.Type, s *selection, value any) bool {
	if value == nil {
		if !t.NonNull {
			x.buf.WriteString("null")
			return true
		}
		value = x.neutral(t)
	}
	if t.Elem != nil {
		return x.writeList(t.Elem, s, value)
	}
	def := x.schema.Types[t.NamedType]
	if def.IsLeafType() {
		encoded, err := scalarOutput(def, value, x.w.cfg.stringIDs)
		if err != nil {
			return x.fail(withCode(codeInternal, err))
		}
		x.buf.Write(encoded)
		return true
	}
	o, ok := asObject(value)
	if !ok {
		return x.fail(graphqlError(codeInternal, fmt.Sprintf("%T is not a %s", value, def.Name)))
	}
	if def = x.concrete(def, o); def == nil {
		return x.fail(graphqlError(codeInternal, fmt.Sprintf("an object of kind %q is not a %s", o.kind(), t.NamedType)))
	}
	fields, known := s.fields[def.Name]
	if !known {
		fields = x.selections(def, s.below)
		s.fields[def.Name] = fields
	}
	return x.writeObject(def, fields, o)
}

func (x *execution) writeList(of *ast.Type, s *selection, value any) bool {
	items, ok := value.([]any)
	if !ok {
		return x.fail(graphqlError(codeInternal, fmt.Sprintf("%T is not a list", value)))
	}
	x.lists++
	defer func() { x.lists-- }()
	x.buf.WriteByte('[')
	for i, item := range items {
		if i > 0 {
			x.buf.WriteByte(',')
		}
		x.path = append(x.path, ast.PathIndex(i))
		ok := x.write(of, s, item)
		x.path = x.path[:len(x.path)-1]
		if !ok {
			return false
		}
	}
	x.buf.WriteByte(']')
	return true
}

func asObject(value any) (object, bool) {
	switch value := value.(type) {
	case object:
		return value, true
	case map[string]any:
		return record(value), true
	}
	return nil, false
}

// neutral stands in for a value that is missing where null is not allowed.
func (x *execution) neutral(t *ast.Type) any {
	if t.Elem != nil {
		return []any{}
	}
	def := x.schema.Types[t.NamedType]
	switch {
	case def.Kind == ast.Enum:
		return def.EnumValues[0].Name
	case def.Kind != ast.Scalar:
		return record{}
	}
	switch t.NamedType {
	case "Int", "BigInt", "Float":
		return int64(0)
	case "Boolean":
		return false
	case "JSONObject", "AnyScalar":
		return map[string]any{}
	}
	return ""
}

// concrete is the type of the object: the field's own, or that of an interface's types that is named after the kind of node.
func (x *execution) concrete(def *ast.Definition, o object) *ast.Definition {
	if def.Kind == ast.Object {
		return def
	}
	kind := o.kind()
	for _, suffix := range []string{"AppliedStateNode", "AppliedStateNestedNode", "DefinitionNode", "DefinitionNestedNode", "LineageNode", "Node"} {
		for _, possible := range x.schema.GetPossibleTypes(def) {
			if possible.Name == kind+suffix {
				return possible
			}
		}
	}
	return nil
}

// fail records an error at the present path. It returns false, which makes the value null.
func (x *execution) fail(e *gqlerror.Error) bool {
	if len(x.errs) < maxErrors {
		e.Path = slices.Clone(x.path)
		x.errs = append(x.errs, e)
	}
	return false
}
