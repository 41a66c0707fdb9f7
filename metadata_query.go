package dbtcloud

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"

	"github.com/slimci/dbtcloud/internal/discovery"
)

// maxQueryTokens bounds the text of a query.
const maxQueryTokens = 10_000

// query is a caller's query.
type query struct {
	text  string
	vars  map[string]any // as given, and filled in for paging
	plain map[string]any // what JSON makes of them
	doc   *ast.QueryDocument
	op    *ast.OperationDefinition
}

// parseQuery refuses a text that does not parse, more than one operation, and one that is
// no query.
func parseQuery(text string, vars map[string]any) (*query, error) {
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: text}, maxQueryTokens)
	if err != nil {
		return nil, errors.New("the query does not parse: " + syntax(err))
	}
	if len(doc.Operations) != 1 {
		return nil, fmt.Errorf("the query must hold one operation, not %d", len(doc.Operations))
	}
	q := &query{text: text, vars: vars, doc: doc, op: doc.Operations[0]}
	if q.op.Operation != ast.Query {
		return nil, fmt.Errorf("the operation must be a query, not a %s", q.op.Operation)
	}
	q.plain, err = plainVariables(vars)
	return q, err
}

// check refuses what else can be known to be wrong without the server: variables that are
// missing, unknown or of the wrong type, and pages over the limit. Whether the fields exist
// is for the server to say.
func (q *query) check() error {
	if err := q.checkVariables(); err != nil {
		return err
	}
	return q.checkPages()
}

// syntax is what a parser says, with the line.
func syntax(err error) string {
	if e, ok := errors.AsType[*gqlerror.Error](err); ok && len(e.Locations) > 0 {
		return fmt.Sprintf("line %d, column %d: %s", e.Locations[0].Line, e.Locations[0].Column, e.Message)
	}
	return err.Error()
}

// plainVariables are the variables as JSON has them.
func plainVariables(vars map[string]any) (map[string]any, error) {
	b, err := json.Marshal(vars)
	if err != nil {
		return nil, fmt.Errorf("the variables: %w", unwrapMarshal(err))
	}
	var plain map[string]any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&plain); err != nil || plain != nil {
		return plain, err
	}
	return map[string]any{}, nil
}

func (q *query) checkVariables() error {
	var names []string
	for _, def := range q.op.VariableDefinitions {
		names = append(names, def.Variable)
		value, given := q.plain[def.Variable]
		if !given && (def.DefaultValue != nil || !def.Type.NonNull) {
			continue
		}
		if !given {
			return fmt.Errorf("variable $%s: is missing: the query declares it as %s", def.Variable, def.Type)
		}
		if err := checkValue(def.Type, value); err != nil {
			return fmt.Errorf("variable $%s: %w", def.Variable, err)
		}
	}
	for _, name := range sortedKeys(q.vars) {
		if !slices.Contains(names, name) {
			return fmt.Errorf("variable $%s: the query does not declare it%s", name, didYouMean(name, names))
		}
	}
	return nil
}

func didYouMean(name string, among []string) string {
	if near := discovery.Nearest(name, among); len(near) > 0 {
		return "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return ""
}

// checkValue tells why a value is none of a type. Types that this package does not know
// the values of take everything.
func checkValue(typ *ast.Type, v any) error {
	switch list, isList := v.([]any); {
	case v == nil && typ.NonNull:
		return fmt.Errorf("must not be null: the query declares it as %s", typ)
	case v == nil:
		return nil
	case typ.Elem != nil && isList:
		for i, item := range list {
			if err := checkValue(typ.Elem, item); err != nil {
				return fmt.Errorf("item %d: %w", i, err)
			}
		}
		return nil
	case typ.Elem != nil:
		return checkValue(typ.Elem, v) // one value stands for a list of one
	case isList && discovery.Beta().Types[typ.NamedType] != nil:
		return fmt.Errorf("must be one %s, not a list", typ.NamedType)
	}
	if !scalarFits(typ.NamedType, v) {
		return fmt.Errorf("must be %s, not %s", typ, describeValue(v))
	}
	return checkMembers(typ.NamedType, v)
}

// checkMembers checks those members of an input that are known.
func checkMembers(typ string, v any) error {
	def := discovery.Beta().Types[typ]
	if def == nil {
		return nil
	}
	object, _ := v.(map[string]any)
	for _, name := range sortedKeys(object) {
		if f := def.Fields.ForName(name); f != nil {
			if err := checkValue(f.Type, object[name]); err != nil {
				return fmt.Errorf("%s %w", name, err)
			}
		}
	}
	return nil
}

func scalarFits(typ string, v any) bool {
	text, isText := v.(string)
	number, isNumber := v.(json.Number)
	switch typ {
	case "Int":
		_, err := strconv.ParseInt(number.String(), 10, 32)
		return err == nil
	case "BigInt":
		_, err := strconv.ParseInt(text+number.String(), 10, 64)
		return err == nil
	case "Float":
		return isNumber
	case "String":
		return isText
	case "Boolean":
		_, ok := v.(bool)
		return ok
	case "DateTime":
		_, err := time.Parse(time.RFC3339, text)
		return err == nil
	case "Date":
		_, err := time.Parse(time.DateOnly, text)
		return err == nil
	}
	def := discovery.Beta().Types[typ]
	switch {
	case def == nil:
		return true
	case def.Kind == ast.InputObject:
		_, ok := v.(map[string]any)
		return ok
	case def.Kind == ast.Enum:
		return isText
	}
	return true
}

// describeValue tells what kind of value v is, without repeating it.
func describeValue(v any) string {
	switch v := v.(type) {
	case string:
		return "a string"
	case bool:
		return "a boolean"
	case json.Number:
		if _, err := v.Int64(); err != nil {
			return "a fraction, or a number that is too large"
		}
		return "a number"
	case []any:
		return "a list"
	}
	return "an object"
}

// checkPages refuses page sizes that the API refuses. Lists of a job have smaller pages.
// Each fragment is looked at once, wherever it is used.
func (q *query) checkPages() error {
	err := q.checkSizes(q.op.SelectionSet, maxNodes)
	for _, fragment := range q.doc.Fragments {
		most := maxNodes
		if fragment.TypeCondition == "JobNode" {
			most = maxJobNodes
		}
		err = cmp.Or(err, q.checkSizes(fragment.SelectionSet, most))
	}
	return err
}

func (q *query) checkSizes(set ast.SelectionSet, most int) error {
	for _, s := range set {
		var err error
		switch s := s.(type) {
		case *ast.InlineFragment:
			err = q.checkSizes(s.SelectionSet, most)
		case *ast.Field:
			if first := s.Arguments.ForName("first"); first != nil {
				if n, known := q.number(first.Value); known && (n < 1 || n > most) {
					return fmt.Errorf("field %s: the page size (first) must be from 1 to %d, not %d", s.Name, most, n)
				}
			}
			below := most
			if s.Name == "job" {
				below = maxJobNodes
			}
			err = q.checkSizes(s.SelectionSet, below)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// number is what an argument is, where that is known.
func (q *query) number(v *ast.Value) (n int, known bool) {
	text := v.Raw
	if v.Kind == ast.Variable {
		value, given := q.plain[v.Raw]
		number, _ := value.(json.Number)
		text = number.String()
		if def := q.op.VariableDefinitions.ForName(v.Raw); !given && def != nil && def.DefaultValue != nil {
			text = def.DefaultValue.Raw
		}
	}
	n, err := strconv.Atoi(text)
	return n, err == nil
}

// fieldsOf are the fields of a selection, those of its fragments included, which are
// passed through once.
func (q *query) fieldsOf(set ast.SelectionSet) []*ast.Field {
	seen := map[string]bool{}
	var collect func(ast.SelectionSet) []*ast.Field
	collect = func(set ast.SelectionSet) (fields []*ast.Field) {
		for _, s := range set {
			switch s := s.(type) {
			case *ast.Field:
				fields = append(fields, s)
			case *ast.InlineFragment:
				fields = append(fields, collect(s.SelectionSet)...)
			case *ast.FragmentSpread:
				if def := q.doc.Fragments.ForName(s.Name); def != nil && !seen[s.Name] {
					seen[s.Name] = true
					fields = append(fields, collect(def.SelectionSet)...)
				}
			}
		}
		return fields
	}
	return collect(set)
}

// at is the field of that name in the answer, and all that is selected of it.
func (q *query) at(set ast.SelectionSet, name string) (field *ast.Field, below ast.SelectionSet) {
	for _, f := range q.fieldsOf(set) {
		if f.Alias == name {
			field, below = f, append(slices.Clip(below), f.SelectionSet...)
		}
	}
	return field, below
}

// paged is the document that asks for one page of the list at connection. The variable
// of a page size that is not given gets the largest one.
func (q *query) paged(connection string) (d document, first int, err error) {
	d = document{name: q.op.Name, text: q.text, path: strings.Split(connection, ".")}
	field, set, err := q.follow(d.path)
	if err != nil {
		return d, 0, err
	}
	after := field.Arguments.ForName("after")
	if after == nil || after.Value.Kind != ast.Variable {
		return d, 0, errors.New("it must take a variable as its argument after, as in after: $after, for the pages to follow")
	}
	if d.after = after.Value.Raw; q.op.VariableDefinitions.ForName(d.after) == nil {
		return d, 0, fmt.Errorf("the query does not declare its variable $%s", d.after)
	}
	if d.by, err = q.paging(set); err != nil {
		return d, 0, err
	}
	if first, err = q.pageSize(field.Arguments.ForName("first"), d.by); err != nil {
		return d, 0, err
	}
	d.vars = q.vars
	return d, first, q.check()
}

// pageSize is how many items a page has by the argument first, 0 where that is not known.
// A variable without a value gets the largest size.
func (q *query) pageSize(first *ast.Argument, by paging) (int, error) {
	most := maxNodes
	if by == cursors {
		most = maxJobNodes
	}
	switch {
	case by == cursors && (first == nil || first.Value.Kind != ast.Variable && first.Value.Kind != ast.IntValue):
		return 0, fmt.Errorf("it must take a number or a variable as its argument first, at most %d: a page that is not full is the last one", maxJobNodes)
	case first == nil:
		return 0, nil
	}
	size, known := q.number(first.Value)
	if first.Value.Kind == ast.Variable {
		if !known {
			size = most
		}
		q.vars = maps.Collect(maps.All(q.vars)) // the caller's stay as they are
		q.vars[first.Value.Raw] = size
		q.plain[first.Value.Raw] = json.Number(strconv.Itoa(size))
	}
	return size, nil
}

// paging tells by what is selected of a list how its pages follow each other.
func (q *query) paging(set ast.SelectionSet) (paging, error) {
	if q.has(set, "paginationCursor") {
		return cursors, nil
	}
	if _, info := q.at(set, "pageInfo"); !q.has(info, "endCursor") || !q.has(info, "hasNextPage") {
		return whole, errors.New("select pageInfo { endCursor hasNextPage } in it, or for a list of a job the paginationCursor of its items, for the pages to follow")
	}
	if _, edge := q.at(set, "edges"); !q.has(edge, "node") && !q.has(set, "nodes") {
		return whole, errors.New("select edges { node { ... } } in it, under these names, for the items to be found")
	}
	return pageInfos, nil
}

// follow goes down a path of names in the answer, to the field that it leads to.
func (q *query) follow(path []string) (field *ast.Field, set ast.SelectionSet, err error) {
	set = q.op.SelectionSet
	for _, name := range path {
		var names []string
		for _, f := range q.fieldsOf(set) {
			names = append(names, f.Alias)
		}
		if field, set = q.at(set, name); field == nil {
			return nil, nil, fmt.Errorf("the query selects no %q there%s", name, didYouMean(name, names))
		}
	}
	return field, set, nil
}

// has tells whether a selection has a field of that name in the answer.
func (q *query) has(set ast.SelectionSet, name string) bool {
	field, _ := q.at(set, name)
	return field != nil
}
