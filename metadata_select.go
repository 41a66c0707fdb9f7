package dbtcloud

import (
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
	for f := range t.Fields() {
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		inner := elem(f.Type)
		switch {
		case f.Tag.Get("json") == "-":
		case f.Anonymous && tag == "" && inner.Kind() == reflect.Struct && !decodesItself(inner):
			if err := w.walk(inner, types, prefix, within); err != nil {
				return err
			}
		case f.IsExported():
			if tag == "" {
				tag = f.Name
			}
			if err := w.member(f.Type, tag, types, prefix, within); err != nil {
				return err
			}
		}
	}
	return nil
}

// member adds the member of that name and Go type.
func (w *structWalk) member(t reflect.Type, name string, types []*ast.Definition, prefix string, within []reflect.Type) error {
	name, defs := w.find(types, name)
	inner, path := elem(t), prefix+name
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
	if decodesItself(t) || t.Kind() == reflect.Interface {
		return nil
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	list := t.Kind() == reflect.Slice || t.Kind() == reflect.Array
	switch {
	case decodesItself(t) || t.Kind() == reflect.Interface:
	case def.Type.Elem != nil && !list:
		return fmt.Errorf("%s is a list (%s), which a %s cannot take: use a slice", def.Name, def.Type, t)
	case def.Type.Elem == nil && list && typ.Kind != ast.Scalar:
		return fmt.Errorf("%s is no list (%s), which a %s cannot take", def.Name, def.Type, t)
	case typ.IsCompositeType() && !slices.Contains([]reflect.Kind{reflect.Struct, reflect.Map, reflect.Interface}, elem(t).Kind()) && !decodesItself(elem(t)):
		return fmt.Errorf("%s is an object (%s), which a %s cannot take: use a struct", def.Name, def.Type, t)
	}
	return nil
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
