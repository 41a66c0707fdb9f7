package contract

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/slimci/dbtcloud/internal/discovery"
)

// paths are the dotted names of everything below a type that is not of the beta endpoint, and the names of the schema
// that each must ask for; none where it ends at an object without plain values. A path never has more than depth names,
// nor comes to a type for the third time.
func (g *graph) paths(typeName string, depth int) map[string][]string {
	out := map[string][]string{}
	g.addPaths(out, "", []string{typeName}, nil, depth)
	return out
}

func (g *graph) addPaths(out map[string][]string, prefix string, here, trail []string, depth int) {
	trail = append(slices.Clip(trail), here...)
	for name, owners := range g.owners(here) {
		var leaves, below []string
		for _, owner := range owners {
			def := g.Types[owner].Fields.ForName(name)
			if !g.Types[def.Type.Name()].IsCompositeType() {
				leaves = append(leaves, owner+"."+name)
				continue
			}
			leaves = append(leaves, g.certain(def.Type.Name())...)
			below = append(below, def.Type.Name())
		}
		out[prefix+name] = leaves
		again := slices.ContainsFunc(below, func(b string) bool {
			return len(slices.DeleteFunc(slices.Clone(trail), func(name string) bool { return name != b })) > 1
		})
		if depth > 1 && !again {
			g.addPaths(out, prefix+name+".", below, trail, depth-1)
		}
	}
}

// owners are the fields of the types, and whose they are: of the type itself or, where it stands for several that differ,
// of those of them that have it.
func (g *graph) owners(typeNames []string) map[string][]string {
	out := map[string][]string{}
	for _, name := range typeNames {
		own := stableFields(name)
		for _, field := range own {
			out[field] = append(out[field], name)
		}
		for _, object := range g.objects(name) {
			for _, field := range stableFields(object) {
				if object != name && !slices.Contains(own, field) {
					out[field] = append(out[field], object)
				}
			}
		}
	}
	return out
}

func stableFields(typeName string) []string {
	var out []string
	for _, f := range discovery.Beta().Types[typeName].Fields {
		if !strings.HasPrefix(f.Name, "__") && f.Directives.ForName("beta") == nil {
			out = append(out, f.Name)
		}
	}
	return out
}

// certain are the plain values of a type that an introspection has shown.
func (g *graph) certain(typeName string) []string {
	var out []string
	for _, f := range g.Types[typeName].Fields {
		isCertain := slices.ContainsFunc(discovery.Beta().Types[typeName].Fields, func(d *ast.FieldDefinition) bool {
			return d.Name == f.Name && discovery.Attested(d) == ""
		})
		if isCertain && !strings.HasPrefix(f.Name, "__") && !g.Types[f.Type.Name()].IsCompositeType() {
			out = append(out, typeName+"."+f.Name)
		}
	}
	return out
}

// landed fails the test when what was answered at the path is in none of the items, though their type has a place for it.
func landed(t *testing.T, of reflect.Type, items []any, path string) {
	t.Helper()
	steps := strings.Split(path, ".")
	if !hasPlace(of, steps) {
		return
	}
	raw, err := json.Marshal(items)
	noError(t, err)
	var plain any
	noError(t, json.Unmarshal(raw, &plain))
	if !holds(plain, steps) {
		t.Errorf("%s was answered, but is not in the %s", path, of.Name())
	}
}

func hasPlace(t reflect.Type, steps []string) bool {
	for _, step := range steps {
		for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct {
			return false
		}
		member, ok := members(t)[step]
		if !ok {
			return false
		}
		t = member.Type
	}
	return true
}

func holds(value any, steps []string) bool {
	switch v := value.(type) {
	case []any:
		return slices.ContainsFunc(v, func(item any) bool { return holds(item, steps) })
	case map[string]any:
		return len(steps) == 0 || holds(v[steps[0]], steps[1:])
	default:
		return value != nil && len(steps) == 0
	}
}

// TestPaths is what the tests of field paths stand on.
func TestPaths(t *testing.T) {
	t.Parallel()
	got := loadGraph(t).paths("ModelAppliedStateNode", 5)
	for path, leaf := range map[string]string{
		"uniqueId": "ModelAppliedStateNode.uniqueId", "executionInfo": "ModelExecutionInfoNode.lastRunStatus",
		"catalog.columns.name": "CatalogColumn.name", "parents.name": "EnvironmentAppliedNestedNode.name", "parents.loader": "SourceAppliedStateNestedNode.loader",
		"ancestors.executionInfo.lastRunSkip": "SeedExecutionInfoNode.lastRunSkip", "parents.freshness.criteria.warnAfter.count": "CriteriaInfo.count",
	} {
		if !slices.Contains(got[path], leaf) {
			t.Errorf("%s asks for %v, not for %s", path, got[path], leaf)
		}
	}
	if leaves, ok := got["parents.freshness.criteria"]; !ok || leaves != nil {
		t.Errorf("an object without plain values asks for %v", leaves)
	}
	for _, path := range []string{"usageQueryCount", "catalog.columns.descriptionOriginColumnName", "nothing"} {
		if _, ok := got[path]; ok {
			t.Errorf("%s is a path", path)
		}
	}
	if n := len(slices.Sorted(maps.Keys(got))); n < 400 {
		t.Errorf("%d paths: too few to be true", n)
	}
}
