package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"github.com/slimci/dbtcloud/internal/discovery"
)

const (
	stablePath = "/graphql"
	betaPath   = "/beta/graphql"
)

// graph is the reference schema, ready to judge documents.
type graph struct{ *ast.Schema }

func loadGraph(tb testing.TB) *graph {
	tb.Helper()
	schema, err := gqlparser.LoadSchema(readReference(tb).source)
	if err != nil {
		tb.Fatalf("the reference schema: %v", err)
	}
	return &graph{schema}
}

// question is what a request asks of the Discovery API.
type question struct {
	Query         string         `json:"query"`
	Variables     map[string]any `json:"variables"`
	OperationName string         `json:"operationName"`

	path  string // of the endpoint
	query *ast.QueryDocument
	names map[string]string // everything of the schema that it rests on, with its mark
	wrong []string
	fake  []string // what is wrong with the answer of the fake
}

// judge validates a request: its document, and its variables as strictly as a server may. It takes the schema of
// reference for what is valid, and the marks for what is certain.
func (g *graph) judge(path string, body []byte) *question {
	q := &question{path: path, names: map[string]string{}}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(q); err != nil {
		q.fail("the body: %v", err)
		return q
	}
	parsed, errs := gqlparser.LoadQueryWithRules(g.Schema, q.Query, rules.NewDefaultRules())
	if len(errs) > 0 {
		q.fail("%v", errs)
		return q
	}
	q.query = parsed
	if len(q.query.Operations) != 1 {
		q.fail("%d operations", len(q.query.Operations))
		return q
	}
	op := q.query.Operations[0]
	if q.OperationName != "" && q.OperationName != op.Name {
		q.fail("the operation is called %q, not %q", op.Name, q.OperationName)
	}
	q.selections(op.SelectionSet)
	q.variables(g, op)
	return q
}

func (q *question) fail(format string, args ...any) {
	q.wrong = append(q.wrong, fmt.Sprintf(format, args...))
}

func (q *question) departs(format string, args ...any) {
	q.fake = append(q.fake, "the fake: "+fmt.Sprintf(format, args...))
}

// rests notes that the document needs a name of the schema.
func (q *question) rests(name string, known bool, marks ast.DirectiveList) {
	switch beta := marks.ForName("beta") != nil; {
	case !known:
		q.fail("%s is deprecated", name)
	case beta && q.path != betaPath:
		q.fail("%s is of the beta endpoint, and %s was asked", name, q.path)
	}
	q.names[name] = ""
	if by := marks.ForName("attested"); by != nil {
		q.names[name] = by.Arguments.ForName("by").Value.Raw
	}
}

func (q *question) restsOn(name string) bool {
	_, ok := q.names[name]
	return ok
}

func (q *question) field(typeName, name string) *ast.FieldDefinition {
	def := &ast.FieldDefinition{}
	if found := discovery.Beta().Types[typeName].Fields.ForName(name); found != nil {
		def = found
	}
	q.rests(typeName+"."+name, def.Name != "", def.Directives)
	return def
}

func (q *question) enum(typeName, value string) {
	def := discovery.Beta().Types[typeName].EnumValues.ForName(value)
	if def == nil {
		q.fail("%s has no value %q", typeName, value)
		return
	}
	q.rests(typeName+"."+value, true, def.Directives)
}

func (q *question) selections(set ast.SelectionSet) {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			if !strings.HasPrefix(s.Name, "__") {
				q.selected(s)
			}
			q.selections(s.SelectionSet)
		case *ast.InlineFragment:
			q.typeName(s.TypeCondition)
			q.selections(s.SelectionSet)
		case *ast.FragmentSpread:
			q.typeName(s.Definition.TypeCondition)
			q.selections(s.Definition.SelectionSet)
		}
	}
}

func (q *question) selected(f *ast.Field) {
	parent := f.ObjectDefinition.Name
	def := q.field(parent, f.Name)
	for _, arg := range f.Arguments {
		if found := def.Arguments.ForName(arg.Name); found != nil {
			q.rests(parent+"."+f.Name+"("+arg.Name+")", true, found.Directives)
		}
		q.literal(arg.Value)
	}
}

// typeName refuses the types that have a name only here: nobody knows what the server calls them.
func (q *question) typeName(name string) {
	if strings.HasPrefix(name, "X_") {
		q.fail("the name %s is made up", name)
	}
}

func (q *question) literal(v *ast.Value) {
	switch v.Kind {
	case ast.EnumValue:
		q.enum(v.Definition.Name, v.Raw)
	case ast.ObjectValue:
		for _, child := range v.Children {
			q.field(v.Definition.Name, child.Name)
		}
	case ast.IntValue, ast.FloatValue:
		q.scalar(v, json.Number(v.Raw))
	case ast.StringValue, ast.BlockValue:
		q.scalar(v, v.Raw)
	}
	for _, child := range v.Children {
		q.literal(child.Value)
	}
}

// scalar refuses what a scalar of the API does not take, about which GraphQL has no rule.
func (q *question) scalar(v *ast.Value, value any) {
	if v.Definition != nil && v.Definition.Kind == ast.Scalar && !scalarTakes(v.Definition.Name, value) {
		q.fail("%v is no %s", value, v.Definition.Name)
	}
}

// variables holds the variables against their declarations. A variable that nothing declares is refused, and so is a
// null: what is absent is left out.
func (q *question) variables(g *graph, op *ast.OperationDefinition) {
	for name := range q.Variables {
		if op.VariableDefinitions.ForName(name) == nil {
			q.fail("$%s is not declared", name)
		}
	}
	for _, declared := range op.VariableDefinitions {
		q.typeName(declared.Type.Name())
		value, given := q.Variables[declared.Variable]
		switch {
		case given:
			q.value(g, declared.Type, value, "$"+declared.Variable)
		case declared.Type.NonNull && declared.DefaultValue == nil:
			q.fail("$%s is required", declared.Variable)
		}
	}
}

func (q *question) value(g *graph, typ *ast.Type, value any, where string) {
	def := g.Types[typ.Name()]
	list, isList := value.([]any)
	members, isObject := value.(map[string]any)
	word, isWord := value.(string)
	switch {
	case value == nil:
		q.fail("%s is null: leave it out", where)
	case typ.Elem != nil && isList:
		for i, item := range list {
			q.value(g, typ.Elem, item, where+"["+strconv.Itoa(i)+"]")
		}
	case typ.Elem == nil && def.Kind == ast.InputObject && isObject:
		q.input(g, def, members, where)
	case typ.Elem == nil && def.Kind == ast.Enum && isWord:
		q.enum(def.Name, word)
	case typ.Elem == nil && def.Kind == ast.Scalar && scalarTakes(def.Name, value):
	default:
		q.fail("%s: %v is no %s", where, value, typ)
	}
}

func (q *question) input(g *graph, def *ast.Definition, members map[string]any, where string) {
	for name, value := range members {
		field := def.Fields.ForName(name)
		if field == nil {
			q.fail("%s: %s has no field %q", where, def.Name, name)
			continue
		}
		q.field(def.Name, name)
		q.value(g, field.Type, value, where+"."+name)
	}
	for _, field := range def.Fields {
		if _, given := members[field.Name]; field.Type.NonNull && !given {
			q.fail("%s.%s is required", where, field.Name)
		}
	}
}

// scalarTakes reports whether the scalar takes what JSON has become.
func scalarTakes(name string, value any) bool {
	number, isNumber := value.(json.Number)
	text, isText := value.(string)
	_, isBool := value.(bool)
	_, notInteger := number.Int64()
	switch name {
	case "Int", "BigInt":
		return isNumber && notInteger == nil
	case "Float":
		return isNumber
	case "String":
		return isText
	case "Boolean":
		return isBool
	case "Date":
		_, err := time.Parse(time.DateOnly, text)
		return isText && err == nil
	case "DateTime":
		_, err := time.Parse(time.RFC3339, text)
		return isText && err == nil
	default:
		return slices.Contains([]string{"AnyScalar", "JSONObject"}, name)
	}
}

// TestJudge is what the judge refuses, so that its silence means something.
func TestJudge(t *testing.T) {
	t.Parallel()
	g := loadGraph(t)
	const models = `query ($id: BigInt!, $filter: ModelAppliedFilter) {environment(id: $id) {applied {models(filter: $filter) {totalCount}}}}`
	tests := []struct{ name, path, query, variables, want string }{
		{"valid", stablePath, models, `{"id": 1, "filter": {"access": "public", "tags": ["a"]}}`, ""},
		{"valid beta", betaPath, `{account(id: 1) {meshProjects {projectId}}}`, `{}`, ""},
		{"beta elsewhere", stablePath, `{account(id: 1) {meshProjects {projectId}}}`, `{}`, "is of the beta endpoint"},
		{"deprecated", stablePath, `{models(jobId: 1) {uniqueId}}`, `{}`, "Query.models is deprecated"},
		{"unknown field", stablePath, `{environment(id: 1) {nam}}`, `{}`, `Cannot query field "nam"`},
		{"made-up name", betaPath, `{account(id: 1) {... on X_Account {meshProjects {projectId}}}}`, `{}`, "X_Account is made up"},
		{"made-up variable", betaPath, `query ($f: [X_SearchField!]) {environment(id: 1) {applied {searchResults(filter: {query: "x", fields: $f}) {totalCount}}}}`, `{}`, "X_SearchField is made up"},
		{"syntax", stablePath, `{`, `{}`, "Expected Name"},
		{"undeclared", stablePath, models, `{"id": 1, "more": 2}`, "$more is not declared"},
		{"absent", stablePath, models, `{}`, "$id is required"},
		{"null", stablePath, models, `{"id": 1, "filter": null}`, "$filter is null"},
		{"text for a number", stablePath, models, `{"id": "1"}`, "1 is no BigInt!"},
		{"fraction for an integer", stablePath, models, `{"id": 1.5}`, "1.5 is no BigInt!"},
		{"unknown input field", stablePath, models, `{"id": 1, "filter": {"tag": "a"}}`, `ModelAppliedFilter has no field "tag"`},
		{"null input field", stablePath, models, `{"id": 1, "filter": {"tags": null}}`, "$filter.tags is null"},
		{"one for a list", stablePath, models, `{"id": 1, "filter": {"tags": "a"}}`, "a is no [String!]"},
		{"number in a list of text", stablePath, models, `{"id": 1, "filter": {"tags": [1]}}`, "1 is no String!"},
		{"case of an enum", stablePath, models, `{"id": 1, "filter": {"access": "Public"}}`, `AccessLevel has no value "Public"`},
		{"object for text", stablePath, models, `{"id": 1, "filter": {"group": {}}}`, "is no String"},
		{"required input field", stablePath, `query ($f: LineageFilter!, $s: AppliedModelSort) {environment(id: 1) {applied {models(sort: $s) {totalCount} lineage(filter: $f) {uniqueId}}}}`,
			`{"f": {}, "s": {"field": "uniqueId"}}`, "$s.direction is required"},
		{"date", betaPath, `query ($d: Date!) {performance(environmentId: 1) {jobInformation(start: $d, end: $d, uniqueId: "x") {jobId}}}`, `{"d": "2026-01-02T03:04:05Z"}`, "is no Date!"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			body := `{"query": ` + strconv.Quote(tt.query) + `, "variables": ` + tt.variables + `}`
			got := strings.Join(g.judge(tt.path, []byte(body)).wrong, "; ")
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("wrong is %q, want %q", got, tt.want)
			}
		})
	}
}
