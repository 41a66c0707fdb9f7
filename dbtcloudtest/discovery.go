package dbtcloudtest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/core"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"github.com/slimci/dbtcloud/internal/discovery"
)

// maxTokens bounds a document; no honest one comes near.
const maxTokens = 10_000

// The codes of GraphQL errors.
const (
	codeBadRequest   = "BAD_REQUEST"
	codeSyntax       = "GRAPHQL_PARSE_FAILED"
	codeDocument     = "GRAPHQL_VALIDATION_FAILED"
	codeInput        = "BAD_USER_INPUT"
	codeNotFound     = "NOT_FOUND"
	codeUnauthorized = "UNAUTHENTICATED"
	codeInternal     = "INTERNAL_SERVER_ERROR"
)

const unauthorizedMessage = "No token was provided."

// discoveryRoutes is the Discovery API: one operation with two schemas.
func discoveryRoutes() []route {
	return []route{
		{"POST", "/graphql", nil, func(w *world, c *call) answer { return w.discover(c, discovery.GA()) }},
		{"POST", "/beta/graphql", nil, func(w *world, c *call) answer { return w.discover(c, discovery.Beta()) }},
	}
}

// isDiscovery says whether a request is one of the Discovery API, whose errors have a form of their own.
func isDiscovery(path string) bool {
	path = strings.Trim(path, "/")
	return path == "graphql" || path == "beta/graphql"
}

// question is the body of a GraphQL request.
type question struct {
	Query         string         `json:"query"`
	Variables     map[string]any `json:"variables"`
	OperationName string         `json:"operationName"`
}

// discover answers a GraphQL request.
func (w *world) discover(c *call, schema *ast.Schema) answer {
	if w.tooMany(c.now) {
		return w.graphqlErrors(http.StatusTooManyRequests, &gqlerror.Error{Message: tooManyMessage})
	}
	var q question
	if err := decodeJSON(c.body, &q); err != nil || q.Query == "" {
		return w.graphqlErrors(http.StatusBadRequest, graphqlError(codeBadRequest, "The body must be a JSON object with a query."))
	}
	doc, errs := q.document(schema)
	if len(errs) > 0 {
		return w.graphqlErrors(http.StatusBadRequest, errs...)
	}
	op, problem := q.operation(doc)
	if problem != nil {
		return w.graphqlErrors(http.StatusBadRequest, problem)
	}
	vars, problem := variables(schema, op, q.Variables)
	if problem != nil {
		return w.graphqlErrors(http.StatusBadRequest, problem)
	}
	if problem := w.tooComplex(op); problem != nil {
		return w.graphqlErrors(http.StatusOK, problem)
	}
	x := &execution{w: w, c: c, schema: schema, vars: vars}
	return x.run(op)
}

// document parses and validates the query.
func (q question) document(schema *ast.Schema) (*ast.QueryDocument, gqlerror.List) {
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: q.Query}, maxTokens)
	if err != nil {
		return nil, gqlerror.List{withCode(codeSyntax, err)}
	}
	if len(doc.Operations) == 0 {
		return nil, gqlerror.List{graphqlError(codeSyntax, "The document has no operation.")}
	}
	errs := validator.ValidateWithRules(schema, doc, documentRules())
	for _, e := range errs {
		e.Extensions = map[string]any{"code": codeDocument}
	}
	return doc, errs
}

// documentRules is what a document must keep to: the rules of GraphQL, and the form of the scalars that only this API has.
func documentRules() *rules.Rules {
	all := rules.NewDefaultRules()
	all.AddRule("ScalarsOfTheAPI", func(observers *core.Events, addError core.AddErrFunc) {
		observers.OnValue(func(walker *core.Walker, value *ast.Value) {
			if value.Kind == ast.Variable || value.Kind == ast.NullValue || value.ExpectedType == nil || value.ExpectedType.Elem != nil {
				return
			}
			if value.Definition == nil || value.Definition.Kind != ast.Scalar || value.Definition.BuiltIn {
				return
			}
			got, _ := literal(value, nil)
			if _, err := scalarInput(value.Definition.Name, got); err != nil {
				addError(core.Message("%s cannot represent %s", value.Definition.Name, value.String()), core.At(value.Position))
			}
		})
	})
	return all
}

// operation is the one of the document that is meant.
func (q question) operation(doc *ast.QueryDocument) (*ast.OperationDefinition, *gqlerror.Error) {
	if q.OperationName == "" && len(doc.Operations) == 1 {
		return doc.Operations[0], nil
	}
	if op := doc.Operations.ForName(q.OperationName); op != nil && q.OperationName != "" {
		return op, nil
	}
	return nil, graphqlError(codeBadRequest, fmt.Sprintf("The document has no operation named %q.", q.OperationName))
}

// documentOf is the name of the operation and the variables of a GraphQL request, as far as they can be told.
func documentOf(body []byte) (string, map[string]any) {
	var q question
	if decodeJSON(body, &q) != nil {
		return "", nil
	}
	if q.OperationName != "" {
		return q.OperationName, q.Variables
	}
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: q.Query}, maxTokens)
	if err != nil || len(doc.Operations) != 1 {
		return "", q.Variables
	}
	return doc.Operations[0].Name, q.Variables
}

func graphqlError(code, message string) *gqlerror.Error {
	return &gqlerror.Error{Message: message, Extensions: map[string]any{"code": code}}
}

// withCode is any error as a GraphQL error with that code, unless it has one.
func withCode(code string, err error) *gqlerror.Error {
	e, ok := errors.AsType[*gqlerror.Error](err)
	if !ok {
		e = gqlerror.Wrap(err)
	}
	out := *e
	out.Extensions = map[string]any{"code": cmp.Or[any](e.Extensions["code"], code)}
	return &out
}

// graphqlErrors is an answer of errors alone; its data is null where the request was executed.
func (w *world) graphqlErrors(status int, errs ...*gqlerror.Error) answer {
	body := map[string]any{"errors": errs}
	if status == http.StatusOK {
		body["data"] = nil
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		encoded = []byte(`{"errors":[{"message":"the fake cannot encode its errors"}]}`)
	}
	return jsonAnswer(status, string(encoded))
}

// refuseDiscovery is the answer to a request without the token, in the form of the Discovery API.
func (w *world) refuseDiscovery() answer {
	status := http.StatusUnauthorized
	if w.cfg.unauthorized200 {
		status = http.StatusOK
	}
	return w.graphqlErrors(status, graphqlError(codeUnauthorized, unauthorizedMessage))
}

// sortedTexts returns the distinct non-empty texts, sorted.
func sortedTexts(texts []string) []any {
	slices.Sort(texts)
	out := []any{}
	for _, t := range slices.Compact(texts) {
		if t != "" {
			out = append(out, t)
		}
	}
	return out
}
