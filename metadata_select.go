package dbtcloud

import (
	"cmp"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// structPaths are the paths of the fields that a caller's struct wants of a type. They are
// nil for what says nothing about fields: a type of this package, which has bounded
// defaults, and what is no struct or decodes itself.
func (x selector) structPaths(t reflect.Type, typeName string) ([]string, error) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if !asks(t) {
		return nil, nil
	}
	w := structWalk{selector: x}
	if err := w.walk(t, []*ast.Definition{x.schema.Types[typeName]}, "", nil); err != nil {
		return nil, err
	}
	if len(w.paths) == 0 {
		return nil, fmt.Errorf("%s has no exported fields to ask for", t)
	}
	return w.paths, nil
}

// asks tells whether the members of a type say what is wanted.
func asks(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && !decodesItself(t) && t.PkgPath() != reflect.TypeFor[MetadataService]().PkgPath()
}

// structWalk collects the paths of a struct.
type structWalk struct {
	selector
	paths []string
}

// walk adds the members of t, which stands for an object of one of the types, below
// prefix. Without a type the object is one that the schema does not have.
func (w *structWalk) walk(t reflect.Type, types []*ast.Definition, prefix string, within []reflect.Type) error {
	if slices.Contains(within, t) {
		return fmt.Errorf("%s holds itself at %q: its fields have no end", t, strings.TrimSuffix(prefix, "."))
	}
	within = append(slices.Clip(within), t)
	members := map[string]string{} // by the field that fills them
	for f := range t.Fields() {
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		embedded := inlined(f)
		switch {
		case f.Tag.Get("json") == "-":
		case embedded != nil:
			if err := w.walk(embedded, types, prefix, within); err != nil {
				return err
			}
		case f.IsExported():
			name, defs := w.find(types, cmp.Or(tag, f.Name))
			if other := members[name]; other != "" {
				return fmt.Errorf("field %q: %s has two members for it, %s and %s", prefix+name, t, other, f.Name)
			}
			members[name] = f.Name
			if err := w.member(f.Type, prefix+name, defs, within); err != nil {
				return err
			}
		case f.Anonymous && f.Type.Kind() == reflect.Pointer:
			return fmt.Errorf("%s embeds %s, which cannot be filled: embed the struct itself, or an exported one", t, f.Type)
		}
	}
	return nil
}

// inlined is the struct that is embedded by f and whose members count as those of the
// struct around it; nil if there is none.
func inlined(f reflect.StructField) reflect.Type {
	tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	t := f.Type
	if t.Kind() == reflect.Pointer && f.IsExported() {
		t = t.Elem()
	}
	if !f.Anonymous || tag != "" || t.Kind() != reflect.Struct || decodesItself(t) {
		return nil
	}
	return t
}

// member adds the member of that path and Go type, which defs fill.
func (w *structWalk) member(t reflect.Type, path string, defs []*ast.FieldDefinition, within []reflect.Type) error {
	inner := elem(t)
	var below []*ast.Definition
	object := asks(inner)
	for _, def := range defs {
		typ := w.schema.Types[def.Type.Name()]
		if err := fits(t, def, typ); err != nil {
			return fmt.Errorf("field %q: %w", path, err)
		}
		below = append(below, typ)
		object = object && typ.IsCompositeType()
	}
	if !object {
		w.paths = append(w.paths, path)
		return nil
	}
	before := len(w.paths)
	if err := w.walk(inner, below, path+".", within); err != nil || len(w.paths) > before {
		return err
	}
	return fmt.Errorf("field %q: %s has no exported fields to ask for", path, inner)
}

// find are the fields that encoding/json fills a member of that name from: it takes no
// notice of case. There is one for each of the types that have it.
func (w *structWalk) find(types []*ast.Definition, name string) (canonical string, defs []*ast.FieldDefinition) {
	canonical = name
	for _, equal := range []func(a, b string) bool{func(a, b string) bool { return a == b }, strings.EqualFold} {
		for _, typ := range types {
			for _, t := range append([]*ast.Definition{typ}, w.possible(typ)...) {
				for _, def := range t.Fields {
					if equal(def.Name, name) {
						canonical, defs = def.Name, append(defs, def)
					}
				}
			}
		}
		if len(defs) > 0 {
			return canonical, defs
		}
	}
	return canonical, nil
}

// fits tells why a Go type cannot take the values of a field.
func fits(t reflect.Type, def *ast.FieldDefinition, typ *ast.Definition) error {
	whole, inner := t, def.Type
	for ; ; t, inner = t.Elem(), inner.Elem {
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		list := t.Kind() == reflect.Slice || t.Kind() == reflect.Array
		switch {
		case decodesItself(t) || t.Kind() == reflect.Interface:
			return nil
		case inner.Elem != nil && !list:
			return fmt.Errorf("%s is a list (%s), which a %s cannot take: use a slice", def.Name, def.Type, whole)
		case inner.Elem == nil && list && typ.Name != "AnyScalar":
			return fmt.Errorf("%s is no list (%s), which a %s cannot take", def.Name, inner, whole)
		}
		if inner.Elem == nil {
			break
		}
	}
	if typ.IsCompositeType() && t.Kind() != reflect.Struct && t.Kind() != reflect.Map {
		return fmt.Errorf("%s is an object (%s), which a %s cannot take: use a struct", def.Name, def.Type, whole)
	}
	if !typ.IsCompositeType() && !takes(t, typ) {
		return fmt.Errorf("%s is a %s, which a %s cannot take", def.Name, def.Type, whole)
	}
	return nil
}

// takes tells whether a Go type takes a plain value of a type of the schema.
func takes(t reflect.Type, typ *ast.Definition) bool {
	number := t == reflect.TypeFor[json.Number]()
	switch typ.Name {
	case "Int", "BigInt":
		return number || t.Kind() >= reflect.Int && t.Kind() <= reflect.Float64 && t.Kind() != reflect.Uintptr
	case "Float":
		return number || t.Kind() == reflect.Float32 || t.Kind() == reflect.Float64
	case "Boolean":
		return t.Kind() == reflect.Bool
	case "JSONObject":
		return t.Kind() == reflect.Map || t.Kind() == reflect.Struct
	case "AnyScalar":
		return true
	}
	return t.Kind() == reflect.String && !number
}

// elem is what pointers and lists lead to.
func elem(t reflect.Type) reflect.Type {
	for !decodesItself(t) && slices.Contains([]reflect.Kind{reflect.Pointer, reflect.Slice, reflect.Array}, t.Kind()) {
		t = t.Elem()
	}
	return t
}

// decodesItself tells whether JSON is decoded by a method of the type.
func decodesItself(t reflect.Type) bool {
	for _, p := range []reflect.Type{t, reflect.PointerTo(t)} {
		if p.Implements(reflect.TypeFor[json.Unmarshaler]()) || p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
			return true
		}
	}
	return false
}
