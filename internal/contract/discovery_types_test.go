package contract

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/internal/discovery"
)

// shapes are the Go types of the Discovery API, and the types of the schema that they stand for. What they hold follows.
func shapes() map[reflect.Type]string {
	return map[reflect.Type]string{
		reflect.TypeFor[dbtcloud.Model]():                "ModelAppliedStateNode",
		reflect.TypeFor[dbtcloud.Source]():               "SourceAppliedStateNode",
		reflect.TypeFor[dbtcloud.Seed]():                 "SeedAppliedStateNode",
		reflect.TypeFor[dbtcloud.Snapshot]():             "SnapshotAppliedStateNode",
		reflect.TypeFor[dbtcloud.Test]():                 "TestAppliedStateNode",
		reflect.TypeFor[dbtcloud.Exposure]():             "ExposureAppliedStateNode",
		reflect.TypeFor[dbtcloud.ExposureTile]():         "ExposureTileNode",
		reflect.TypeFor[dbtcloud.ModelDefinition]():      "ModelDefinitionNode",
		reflect.TypeFor[dbtcloud.SourceDefinition]():     "SourceDefinitionNode",
		reflect.TypeFor[dbtcloud.SeedDefinition]():       "SeedDefinitionNode",
		reflect.TypeFor[dbtcloud.SnapshotDefinition]():   "SnapshotDefinitionNode",
		reflect.TypeFor[dbtcloud.TestDefinition]():       "TestDefinitionNode",
		reflect.TypeFor[dbtcloud.ExposureDefinition]():   "ExposureDefinitionNode",
		reflect.TypeFor[dbtcloud.Macro]():                "MacroDefinitionNode",
		reflect.TypeFor[dbtcloud.MetricNode]():           "MetricDefinitionNode",
		reflect.TypeFor[dbtcloud.SemanticModel]():        "SemanticModelDefinitionNode",
		reflect.TypeFor[dbtcloud.SavedQuery]():           "SavedQueryDefinitionNode",
		reflect.TypeFor[dbtcloud.GroupNode]():            "GroupNode",
		reflect.TypeFor[dbtcloud.Resource]():             "EnvironmentAppliedNode",
		reflect.TypeFor[dbtcloud.ResourceDefinition]():   "EnvironmentDefinitionNode",
		reflect.TypeFor[dbtcloud.LineageNode]():          "LineageNode",
		reflect.TypeFor[dbtcloud.Owner]():                "ExposureOwner",
		reflect.TypeFor[dbtcloud.EnvironmentInfo]():      "Environment",
		reflect.TypeFor[dbtcloud.JobModel]():             "ModelNode",
		reflect.TypeFor[dbtcloud.JobSource]():            "SourceNode",
		reflect.TypeFor[dbtcloud.JobSeed]():              "SeedNode",
		reflect.TypeFor[dbtcloud.JobSnapshot]():          "SnapshotNode",
		reflect.TypeFor[dbtcloud.JobTest]():              "TestNode",
		reflect.TypeFor[dbtcloud.JobMacro]():             "MacroNode",
		reflect.TypeFor[dbtcloud.JobMetric]():            "MetricNode",
		reflect.TypeFor[dbtcloud.JobExposure]():          "ExposureNode",
		reflect.TypeFor[dbtcloud.ColumnLineageNode]():    "X_ColumnLineageNode",
		reflect.TypeFor[dbtcloud.MeshProject]():          "X_MeshProject",
		reflect.TypeFor[dbtcloud.ExecutionDay]():         "X_ModelExecutionHistory",
		reflect.TypeFor[dbtcloud.ExecutedModel]():        "X_MostExecutedModel",
		reflect.TypeFor[dbtcloud.LongModel]():            "X_LongestExecutedModel",
		reflect.TypeFor[dbtcloud.FailedModel]():          "X_MostExecutionFailedModel",
		reflect.TypeFor[dbtcloud.TestFailures]():         "X_MostTestFailedModel",
		reflect.TypeFor[dbtcloud.ModelJob]():             "X_JobInformation",
		reflect.TypeFor[dbtcloud.QueriedResource]():      "X_MostQueriedResource",
		reflect.TypeFor[dbtcloud.QueryDay]():             "X_ResourceQueryHistory",
		reflect.TypeFor[dbtcloud.Recommendation]():       "X_RuleViolation",
		reflect.TypeFor[dbtcloud.RecommendationMetric](): "X_RecommendationMetric",
		reflect.TypeFor[dbtcloud.PublicModel]():          "X_PublicModel",
		reflect.TypeFor[dbtcloud.SearchResult]():         "X_SearchResult",
		reflect.TypeFor[dbtcloud.ResourceChange]():       "X_ResourceChange",
		reflect.TypeFor[dbtcloud.ConsumerProject]():      "X_ConsumerProject",
	}
}

// common are the Go types that have only what an interface has, where others have what any of its types has.
func common() []string {
	return []string{"JobParent", "Resource", "ResourceDefinition", "SearchHit"}
}

// summaries are the Go types that have a few fields of a type that lists hang from.
func summaries() []string { return []string{"AppliedInfo", "DefinitionInfo", "EnvironmentInfo"} }

// composed are the Go types that are made of several answers.
func composed() []string { return []string{"ChangedModel", "ModelHealth"} }

// unlike is a member of a Go type that is not as in the schema on purpose.
type unlike struct{ member, reason string }

func unlikes() []unlike {
	var out []unlike
	for _, name := range []string{"JobModel", "JobSeed", "JobSnapshot", "JobTest"} {
		out = append(out, unlike{name + ".rawSql", "the older name of rawCode"}, unlike{name + ".compiledSql", "the older name of compiledCode"})
	}
	for _, field := range []string{"depth", "description", "descriptionOriginColumnName", "descriptionOriginResourceUniqueId", "isPrimaryKey", "transformationType"} {
		out = append(out, unlike{"ColumnLineageNode." + field, "only clients that are not alike ask for it"})
	}
	return append(out,
		unlike{"LineageNode.absent", "what others name as a parent and what did not come"},
		unlike{"LineageNode.matchesMethod", "says something of select and exclude alone, which are not offered"},
	)
}

func TestTypesAreThoseOfTheSchema(t *testing.T) {
	t.Parallel()
	w := &shapeWalk{graph: loadGraph(t), met: map[reflect.Type]map[string]bool{}}
	for goType, name := range shapes() {
		w.visit(goType, name)
	}
	found := map[string]string{}
	for goType, names := range w.met {
		w.compare(goType, slices.Sorted(maps.Keys(names)), found)
	}
	client, _ := asker(t, w.graph)
	for _, c := range calls(client) {
		if of := c.item(); of.Kind() == reflect.Struct && w.met[of] == nil && !slices.Contains(composed(), of.Name()) {
			t.Errorf("%s gives a %s, which is not compared: it needs a line in shapes", c.name, of.Name())
		}
	}
	for _, u := range unlikes() {
		if found[u.member] == "" {
			t.Errorf("%s is as in the schema: drop its line (%s)", u.member, u.reason)
		}
		delete(found, u.member)
	}
	for _, member := range slices.Sorted(maps.Keys(found)) {
		t.Errorf("%s: %s", member, found[member])
	}
}

// shapeWalk follows the members of the Go types beside the fields of their types in the schema.
type shapeWalk struct {
	graph *graph
	met   map[reflect.Type]map[string]bool
}

func (w *shapeWalk) visit(goType reflect.Type, typeName string) {
	names := []string{typeName}
	if w.graph.Types[typeName].IsAbstractType() && !slices.Contains(common(), goType.Name()) {
		names = w.graph.objects(typeName)
	}
	for _, name := range names {
		if w.met[goType][name] {
			continue
		}
		if w.met[goType] == nil {
			w.met[goType] = map[string]bool{}
		}
		w.met[goType][name] = true
		for member, f := range members(goType) {
			inner := f.Type
			for inner.Kind() == reflect.Slice || inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			def := discovery.Beta().Types[name].Fields.ForName(member)
			if def != nil && inner.Kind() == reflect.Struct && w.graph.Types[def.Type.Name()].IsCompositeType() {
				w.visit(inner, def.Type.Name())
			}
		}
	}
}

// members are the members of a struct by their names in JSON.
func members(t reflect.Type) map[string]reflect.StructField {
	out := map[string]reflect.StructField{}
	for f := range t.Fields() {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); f.IsExported() && name != "-" {
			out[name] = f
		}
	}
	return out
}

// compare notes how a Go type differs from the types of the schema that it stands for, by member.
func (w *shapeWalk) compare(goType reflect.Type, names []string, found map[string]string) {
	have := members(goType)
	known := map[string]bool{}
	for _, name := range names {
		for _, def := range discovery.Beta().Types[name].Fields {
			if strings.HasPrefix(def.Name, "__") || def.Name == "paginationCursor" {
				continue // of paging, which nobody sees
			}
			known[def.Name] = true
			member, ok := have[def.Name]
			where := goType.Name() + "." + def.Name
			switch want := kindOf(def, w.graph.Types[def.Type.Name()]); {
			case slices.Contains(summaries(), goType.Name()):
			case !ok:
				found[where] = fmt.Sprintf("%s has it, the Go type lacks it", name)
			case !want(member.Type):
				found[where] = fmt.Sprintf("%s has a %s, which a %s does not fit", name, def.Type, member.Type)
			}
		}
	}
	for name := range have {
		if !known[name] && name != "__typename" {
			found[goType.Name()+"."+name] = fmt.Sprintf("no such field in %s", strings.Join(names, ", "))
		}
	}
}

// kindOf is the rule for the Go type of a field: texts are plain, ids are int64, other numbers and booleans are
// pointers, because zero means something; objects are pointers, lists are slices.
func kindOf(def *ast.FieldDefinition, of *ast.Definition) func(reflect.Type) bool {
	isA := func(want reflect.Type) func(reflect.Type) bool { return func(t reflect.Type) bool { return t == want } }
	isText := func(t reflect.Type) bool { return t.Kind() == reflect.String }
	var one func(reflect.Type) bool
	switch {
	case of.IsCompositeType():
		one = func(t reflect.Type) bool { return t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct }
	case of.Kind == ast.Enum:
		one = func(t reflect.Type) bool { return isText(t) && t != reflect.TypeFor[string]() }
	default:
		one = map[string]func(reflect.Type) bool{
			"String": isText, "Date": isA(reflect.TypeFor[dbtcloud.Time]()), "DateTime": isA(reflect.TypeFor[dbtcloud.Time]()),
			"Boolean": isA(reflect.TypeFor[*bool]()), "Float": isA(reflect.TypeFor[*float64]()), "Int": isA(reflect.TypeFor[*int64]()), "BigInt": isA(reflect.TypeFor[*int64]()),
			"JSONObject": isA(reflect.TypeFor[map[string]any]()), "AnyScalar": isA(reflect.TypeFor[any]()),
		}[of.Name]
	}
	isID := def.Name == "id" || strings.HasSuffix(def.Name, "Id")
	switch {
	case def.Type.Elem != nil && of.Name == "Float": // a list has no absent items
		return isA(reflect.TypeFor[[]float64]())
	case def.Type.Elem != nil:
		return func(t reflect.Type) bool { return t.Kind() == reflect.Slice && one(t.Elem()) }
	case of.Name == "BigInt" && isID:
		return isA(reflect.TypeFor[int64]())
	default:
		return one
	}
}

// TestResourcesHaveTheirKind answers a node of every kind where kinds are mixed: each fills the member of its own.
func TestResourcesHaveTheirKind(t *testing.T) {
	t.Parallel()
	g := loadGraph(t)
	for method, of := range map[string]string{"Resources": "EnvironmentAppliedNode", "ResourceDefinitions": "EnvironmentDefinitionNode"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			client, _ := asker(t, g)
			c := call{method, reflect.ValueOf(client.Metadata).MethodByName(method)}
			items := try(c.do(t.Context(), filler{constants: constantsOfSDK(t)})).must(t)
			seen := map[string][]string{}
			for _, item := range items {
				v := reflect.ValueOf(item).Elem()
				name := v.FieldByName("Typename").String()
				seen[name] = nil
				for field, member := range v.Fields() {
					if field.Type.Kind() == reflect.Pointer && !member.IsNil() {
						seen[name] = append(seen[name], shapes()[field.Type.Elem()])
					}
				}
			}
			want := map[string][]string{}
			for _, name := range g.objects(of) {
				want[name] = []string{name}
			}
			if diff := cmp.Diff(want, seen); diff != "" {
				t.Errorf("members by type (-want +got):\n%s", diff)
			}
		})
	}
}
