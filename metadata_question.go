package dbtcloud

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
)

// question is a document whose fields are fixed: one field below others, with those of
// its arguments that are set. Each argument is a variable of the same name.
type question struct {
	name  string // of the operation
	root  string // the field of the query
	id    int64  // its argument
	above string // the field between root and field, if there is one
	field string
	args  []argument
	want  string // the selection; empty for plain values
	by    paging

	problems []error
}

// argument is left out where its value is nil.
type argument struct {
	name, typ string
	value     any
}

// paging is how a list comes.
type paging int

const (
	whole     paging = iota
	pageInfos        // a connection whose pageInfo is attested
	cursors          // a list whose items, or edges, have cursors: a page that is not full is the last one
)

// cursorPage is a page size that is under every limit the API is known to have: a
// smaller page than was asked for would read as the last one.
const cursorPage = 100

// refuse notes what cannot be right.
func (q *question) refuse(wrong bool, format string, args ...any) {
	if wrong {
		q.problems = append(q.problems, fmt.Errorf(format, args...))
	}
}

// uniqueID adds the unique id of a node.
func (q *question) uniqueID(argumentName, id string) {
	q.refuse(strings.TrimSpace(id) == "", "the unique id is empty")
	q.args = append(q.args, argument{argumentName, "String!", id})
}

// limit adds an upper bound, unless it is zero.
func (q *question) limit(name string, n int) {
	q.refuse(n < 0, "%s must not be negative, but is %d", upperFirst(name), n)
	q.args = append(q.args, argument{name, "Int", unlessZero(n)})
}

// within adds the days of a period.
func (q *question) within(p Period, from, to string) {
	first, last := p.From.Format(time.DateOnly), p.To.Format(time.DateOnly)
	switch {
	case p.From.IsZero() || p.To.IsZero():
		q.refuse(true, "the period needs both of its ends")
	case first > last || len(first)+len(last) > 2*len(time.DateOnly):
		q.refuse(true, "the period must not end before it begins, nor leave the years 0 to 9999")
	}
	q.args = append(q.args, argument{from, "Date!", first}, argument{to, "Date!", last})
}

// document writes the question as GraphQL.
func (q question) document() (document, error) {
	variable := "environmentId"
	if q.root == "account" {
		variable = "accountId"
	}
	arg := variable
	if q.root == "account" || q.root == "environment" {
		arg = "id"
	}
	problems := append(slices.Clip(q.problems), refuseID(strings.TrimSuffix(variable, "Id"), q.id))
	if err := errors.Join(problems...); err != nil {
		return document{}, fmt.Errorf("%w: %s: %w", ErrInvalid, q.name, err)
	}
	d := document{name: q.name, vars: map[string]any{variable: q.id}, path: []string{q.root}}
	var declared, given strings.Builder
	for _, a := range q.args {
		if a.value != nil {
			d.vars[a.name] = a.value
			fmt.Fprintf(&declared, ", $%s: %s", a.name, a.typ)
			fmt.Fprintf(&given, ", %s: $%s", a.name, a.name)
		}
	}
	field := q.field
	if given.Len() > 0 {
		field += "(" + given.String()[2:] + ")"
	}
	if q.want != "" {
		field += " { " + q.want + " }"
	}
	if d.path = append(d.path, q.field); q.above != "" {
		field, d.path = q.above+" { "+field+" }", []string{q.root, q.above, q.field}
	}
	d.text = fmt.Sprintf("query %s($%s: BigInt!%s) { %s(%s: $%s) { %s } }", q.name, variable, declared.String(), q.root, arg, variable, field)
	return d, nil
}

// askAll asks for a list that comes as a whole.
func askAll[T any](ctx context.Context, s *MetadataService, q question) ([]*T, error) {
	d, err := q.document()
	if err != nil {
		return nil, err
	}
	return askList[T](ctx, s, d)
}

// askPages asks for a connection page after page.
func askPages[T any](ctx context.Context, s *MetadataService, q question) iter.Seq2[*T, error] {
	first := maxNodes
	if q.by == cursors {
		first = cursorPage
		q.want = "edges { cursor node { " + q.want + " } }"
	} else {
		q.want = "edges { node { " + q.want + " } } pageInfo { endCursor hasNextPage }"
	}
	q.args = append(q.args, argument{"first", "Int!", first}, argument{"after", "String", ""})
	d, err := q.document()
	if err != nil {
		return failed[T](err)
	}
	d.by = q.by
	delete(d.vars, "after") // of the first page
	return pages[T](ctx, s, d, nil, first)
}

func unlessZero[V comparable](v V) any {
	if v == *new(V) {
		return nil
	}
	return v
}

// inputObject is an argument with members; what is not set is not there.
type inputObject map[string]any

// orNil is the object, or nil if nothing is set.
func (o inputObject) orNil() any {
	if len(o) == 0 {
		return nil
	}
	return o
}

func addList[V any](o inputObject, name string, list []V) {
	if len(list) > 0 {
		o[name] = list
	}
}
