package dbtcloud

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"reflect"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/slimci/dbtcloud/internal/discovery"
)

// MetadataService asks the Discovery API, which speaks GraphQL, with the errors and the
// retries of the other services, and a rate limit and a pause of its own. It asks for
// what was built (the applied state) or written (the definition state) in an environment,
// or for what a run of a job did, in three ways: a query of your own ([QueryAll] pages
// it), a struct of your own ([Select]), or the methods with this package's types, to
// which [Fields] names what should come back.
type MetadataService struct {
	c    *Client
	beta bool // it asks the beta endpoint
}

// operation names the requests of this endpoint.
func (s *MetadataService) operation() string {
	if s.beta {
		return betaOperation
	}
	return graphqlOperation
}

// Query sends a GraphQL query with its variables and decodes the data of the answer into
// out, which may be nil. What can be known to be wrong is refused before the request: a
// text that does not parse, a variable that is missing or has the wrong type, a page size
// over the limit, an out that takes nothing. Errors that come with the answer are a
// [*GraphQLError]; what data came beside them is decoded all the same. A BigInt is decoded
// from a number and from a string of digits. API: Discovery.
func (s *MetadataService) Query(ctx context.Context, query string, variables map[string]any, out any) error {
	q, err := parseQuery(query, variables)
	if err == nil {
		err = q.check()
	}
	if v := reflect.ValueOf(out); err == nil && v.IsValid() && (v.Kind() != reflect.Pointer || v.IsNil()) {
		err = fmt.Errorf("out must be a pointer that is not nil, not %T", out)
	}
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrInvalid, s.operation(), err)
	}
	return s.ask(ctx, document{name: q.op.Name, text: query, vars: variables}, func(r *reader) error {
		if out == nil {
			_, err := r.skip()
			return err
		}
		return r.value(out)
	})
}

// QueryAll sends a GraphQL query again and again until the list at connection has come to
// its end, and decodes each item of it into a T, which may be [json.RawMessage]. The
// connection is named by the fields that lead to it, such as "environment.applied.models"
// or, for a list whose items have a paginationCursor, "job.models".
//
// The list must take a variable as its argument after, and select edges with node, or
// nodes, beside pageInfo with endCursor and hasNextPage; a list of a job must take an
// argument first, and select the paginationCursor of its items. A variable for first that
// has no value gets the largest page size. Sequence and errors are those of [Select].
// API: Discovery.
func QueryAll[T any](ctx context.Context, s *MetadataService, query string, variables map[string]any, connection string) iter.Seq2[*T, error] {
	q, err := parseQuery(query, variables)
	if err != nil {
		return failed[T](fmt.Errorf("%w: %s: %w", ErrInvalid, s.operation(), err))
	}
	d, first, err := q.paged(connection)
	if err != nil {
		return failed[T](fmt.Errorf("%w: %s: connection %q: %w", ErrInvalid, s.operation(), connection, err))
	}
	return pages[T](ctx, s, d, nil, first)
}

// document is a question to the Discovery API.
type document struct {
	name  string // of the operation
	text  string // declares its variables
	vars  map[string]any
	path  []string // to what is wanted in the data
	by    paging   // how its pages follow each other
	after string   // the variable for the cursor of a page; "after" if it is empty
}

// ask sends a document and calls at where the path of it leads. Nothing below an
// environment or a job is no error: at is not called then.
func (s *MetadataService) ask(ctx context.Context, d document, at func(*reader) error) error {
	res, raw, err := s.send(ctx, d.name, d.text, d.vars)
	if err != nil {
		return err
	}
	answer, err := read(raw, d.path, at)
	switch {
	case err != nil:
		return res.apiError(raw, "the answer does not decode: "+err.Error())
	case len(answer.errors) > 0:
		return s.answered(res, answer.errors, answer.data)
	case answer.data == nil:
		return res.apiError(raw, "the answer holds no data")
	case len(d.path) > 0 && answer.depth == 0:
		return s.answered(res, []GraphQLMessage{{Message: d.path[0] + " not found", Code: "NOT_FOUND"}}, answer.data)
	}
	return nil
}

// askOne asks for one object. It is the zero value where there is nothing below an
// environment or a job that exists.
func askOne[T any](ctx context.Context, s *MetadataService, d document) (*T, error) {
	out := new(T)
	err := s.ask(ctx, d, func(r *reader) error { return r.value(out) })
	if err != nil {
		return nil, err
	}
	return out, nil
}

// askList asks for a list that comes as a whole.
func askList[T any](ctx context.Context, s *MetadataService, d document) ([]*T, error) {
	p := new(pageReader[T])
	err := s.ask(ctx, d, func(r *reader) error { return r.list(func() error { return p.node(r, false) }) })
	return p.nodes, err
}

// unreadable is the error of an answer that holds what cannot be.
func (s *MetadataService) unreadable(err error) error {
	return &Error{StatusCode: http.StatusOK, Operation: s.operation(), Message: s.c.redact(err.Error())}
}

// schema is what this package knows of the endpoint.
func (s *MetadataService) schema() *ast.Schema {
	if s.beta || s.c.onlyBeta {
		return discovery.Beta()
	}
	return discovery.GA()
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
