package contract

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	graphql "github.com/vektah/gqlparser/v2/ast"

	"github.com/slimci/dbtcloud/internal/discovery"
)

// enums are the Go types of the enums of the schema.
func enums() map[string]string {
	return map[string]string{
		"AccessLevel": "AccessLevel", "Aggregation": "SortAggregation", "BIProvider": "AutoExposureBIProvider",
		"ExposureHealthIssue": "ExposureHealthIssueType", "ExposureQuality": "Quality", "FreshnessStatus": "FreshnessStatus",
		"ModelHealthIssue": "HealthIssueType", "ModelSortField": "AppliedModelSortField", "OwnerResource": "OwnerResourceType", "PackageResource": "PackageResourceType",
		"ReleaseVersion": "ReleaseVersion", "ResourceType": "ResourceNodeType", "SearchField": "X_SearchField",
		"SortDirection": "SortDirection", "TestType": "TestType", "TimePeriod": "TimePeriod",
	}
}

// TestEnumsAreThoseOfTheSchema compares the constants of the SDK with the values of the schema.
func TestEnumsAreThoseOfTheSchema(t *testing.T) {
	t.Parallel()
	g, constants := loadGraph(t), constantsOfSDK(t)
	values := func(enum string) []string {
		var out []string
		for _, v := range g.Types[enum].EnumValues {
			out = append(out, v.Name)
		}
		return out
	}
	want := map[string][]string{"NodeStatus": slices.Concat(values("RunStatus"), values("TestStatus"))} // of models and of tests
	own := map[string][]string{"ModelHealthIssue": {"LastRunFailedUpstreamModels", "LastRunSkipped"}}   // words of a verdict, never received
	known := []string{"RunStatus", "TestStatus", "AncestorNodeType", "MostQueriedResourceType"}         // the last two have some kinds of ResourceNodeType
	for goType, enum := range enums() {
		want[goType] = slices.Concat(values(enum), own[goType])
		known = append(known, enum)
	}
	for name, def := range discovery.Beta().Types {
		if def.Kind == graphql.Enum && !strings.HasPrefix(name, "__") && !slices.Contains(known, name) {
			t.Errorf("the enum %s has no Go type", name)
		}
	}
	got := map[string][]string{}
	for goType, values := range want {
		want[goType] = slices.Compact(slices.Sorted(slices.Values(values)))
		got[goType] = slices.Sorted(maps.Keys(constants[goType]))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("values (-schema +SDK):\n%s", diff)
	}
}

// constantsOfSDK are the values of the exported text constants of package dbtcloud, by the types that they have.
func constantsOfSDK(tb testing.TB) map[string]map[string]bool {
	tb.Helper()
	files, err := filepath.Glob("../../*.go")
	if err != nil {
		tb.Fatal(err)
	}
	out := map[string]map[string]bool{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			tb.Fatal(err)
		}
		for _, decl := range parsed.Decls {
			if g, ok := decl.(*ast.GenDecl); ok && g.Tok == token.CONST && !strings.HasSuffix(file, "_test.go") {
				addConstants(out, g)
			}
		}
	}
	return out
}

func addConstants(out map[string]map[string]bool, decl *ast.GenDecl) {
	for _, spec := range decl.Specs {
		v, ok := spec.(*ast.ValueSpec)
		if !ok || len(v.Values) != 1 || !v.Names[0].IsExported() {
			continue
		}
		typ, typed := v.Type.(*ast.Ident)
		literal, isLiteral := v.Values[0].(*ast.BasicLit)
		if !typed || !isLiteral || literal.Kind != token.STRING {
			continue
		}
		if out[typ.Name] == nil {
			out[typ.Name] = map[string]bool{}
		}
		if text, err := strconv.Unquote(literal.Value); err == nil {
			out[typ.Name][text] = true
		}
	}
}
