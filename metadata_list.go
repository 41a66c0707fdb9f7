package dbtcloud

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"strings"
)

// The largest pages that the Discovery API gives.
const (
	maxNodes    = 500 // of an environment
	maxJobNodes = 100 // of a job
)

// ancestorTypes is the variable that every "ancestors" of a document takes.
const ancestorTypes = "ancestorTypes"

// Filter says which list of an environment is asked for, and what of it: [ModelFilter],
// [SourceDefinitionFilter] and so on. The zero value of each is everything.
type Filter interface{ listing() listing }

// listing is a list of the Discovery API.
type listing struct {
	path     []string // below environment or job, such as applied, models
	node     string   // the GraphQL type of an item
	input    string   // the GraphQL type of the filter; empty where there is none
	filter   any      // what to send as the filter; an empty object is not sent
	required bool     // whether the list takes no empty filter
	sort     any      // an AppliedModelSort, or nil
	args     map[string]any
	problem  error // why the filter cannot be right
}

// Select asks for the list of an environment that f names, and for those fields of it
// that are members of T: by their JSON names, nested structs and lists of structs
// included. A member that the schema does not have is refused before any request, with
// the nearest names, and so is one that its field could never fill. T may also be one of
// this package's own types, which has bounded defaults, or [json.RawMessage]; [Fields]
// says otherwise what is wanted.
//
// The sequence asks for page after page, and is restartable; what it asks for is settled
// when it is made. Where an answer holds errors beside its data, what came is yielded
// first, then a [*GraphQLError]. An environment in which nothing has run yet has no
// items; one that does not exist is [ErrNotFound]. API: Discovery,
// environment(id).applied or definition.
func Select[T any](ctx context.Context, s *MetadataService, environmentID int64, f Filter, opts ...QueryOption) iter.Seq2[*T, error] {
	if v := reflect.ValueOf(f); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return failed[T](fmt.Errorf("%w: Select: the filter is nil: it says which list is asked for, as ModelFilter{} does", ErrInvalid))
	}
	if err := refuseID("environment", environmentID); err != nil {
		return failed[T](fmt.Errorf("%w: %w", ErrInvalid, err))
	}
	scope := scope{field: "environment", args: "id: $environmentId", vars: map[string]any{"environmentId": environmentID}, most: maxNodes}
	return listNodes[T](ctx, s, scope, f.listing(), opts)
}

// scope is what a list belongs to.
type scope struct {
	field string         // environment or job
	args  string         // such as id: $environmentId
	vars  map[string]any // BigInts
	most  int            // the largest page
}

// listNodes walks a list of a scope.
func listNodes[T any](ctx context.Context, s *MetadataService, in scope, l listing, opts []QueryOption) iter.Seq2[*T, error] {
	o := newQueryOptions(opts)
	d, sel, first, err := listDocument(s, in, l, o, reflect.TypeFor[T]())
	if err != nil {
		return failed[T](fmt.Errorf("%w: %s: %w", ErrInvalid, where(append([]string{in.field}, l.path...)), err))
	}
	return pages[T](ctx, s, d, sel, first)
}

// listDocument writes the document that asks for a page of a list.
func listDocument(s *MetadataService, in scope, l listing, o *queryOptions, t reflect.Type) (d document, sel *selection, first int, err error) {
	if l.problem != nil {
		return d, nil, 0, l.problem
	}
	if first = in.most; o.page != nil {
		first = *o.page
	}
	if first < 1 || first > in.most {
		return d, nil, 0, fmt.Errorf("the page size must be from 1 to %d, not %d", in.most, first)
	}
	x, paths := selector{s.schema(), o.unknown}, o.fields
	if len(o.fields) == 0 {
		if paths, err = x.structPaths(t, l.node); err != nil {
			return d, nil, 0, err
		}
	}
	if sel, err = x.selects(l.node, paths); err != nil {
		return d, nil, 0, err
	}
	w := listWriter(in, l, first)
	text := sel.String()
	if strings.Contains(text, "$"+ancestorTypes) {
		w.declare(ancestorTypes, "[AncestorNodeType!]!", o.ancestorTypes(), "")
	}
	if err = x.checkChoices(l, w.vars); err != nil {
		return d, nil, 0, err
	}
	return w.document(l.path, text), sel, first, nil
}

// refuseID tells why an id cannot be one.
func refuseID(of string, id int64) error {
	if id <= 0 {
		return fmt.Errorf("the %s id must be positive, not %d", of, id)
	}
	return nil
}

// listWriter has the arguments of a list.
func listWriter(in scope, l listing, first int) *documentWriter {
	w := newWriter(in)
	w.declare("first", "Int", first, "first")
	w.declare("after", "String", nil, "after")
	if !emptyObject(l.filter) {
		w.declare("filter", l.input+required(l.required), l.filter, "filter")
	}
	if l.sort != nil {
		w.declare("sort", "AppliedModelSort", l.sort, "sort")
	}
	for _, name := range sortedKeys(l.args) {
		w.declare(name, "String", l.args[name], name)
	}
	return w
}

// documentWriter collects the variables of a document for a list.
type documentWriter struct {
	in       scope
	declared []string
	args     []string
	vars     map[string]any
}

func newWriter(in scope) *documentWriter {
	w := &documentWriter{in: in, vars: map[string]any{}}
	maps.Copy(w.vars, in.vars)
	for _, name := range sortedKeys(in.vars) {
		w.declared = append(w.declared, "$"+name+": BigInt!")
	}
	return w
}

// declare adds a variable, and the argument that takes it. Without a value it is not sent.
func (w *documentWriter) declare(name, typ string, value any, arg string) {
	w.declared = append(w.declared, "$"+name+": "+typ)
	if value != nil {
		w.vars[name] = value
	}
	if arg != "" {
		w.args = append(w.args, arg+": $"+name)
	}
}

// document is the document for the list at path, of whose items text tells what is
// wanted: one of an environment is a connection.
func (w *documentWriter) document(path []string, text string) document {
	by := cursors
	if w.in.field == "environment" {
		by, text = pageInfos, "{ edges { node "+text+" } pageInfo { endCursor hasNextPage } }"
	}
	path = append([]string{w.in.field}, path...)
	var name, body strings.Builder
	for i, step := range path {
		name.WriteString(upperFirst(step))
		body.WriteString(step)
		switch i {
		case 0:
			body.WriteString("(" + w.in.args + ")")
		case len(path) - 1:
			body.WriteString("(" + strings.Join(w.args, ", ") + ")")
		}
		body.WriteString(" { ")
	}
	return document{
		name: name.String(),
		text: "query " + name.String() + "(" + strings.Join(w.declared, ", ") + ") { " + strings.TrimSuffix(body.String(), "{ ") + text + strings.Repeat(" }", len(path)),
		vars: w.vars, path: path, by: by,
	}
}

// pages walks a list page after page, as d.by says. What is asked for in a page is first,
// 0 where that is not known; the document takes the variable after. The variables are
// those of now, whatever becomes of the caller's.
func pages[T any](ctx context.Context, s *MetadataService, d document, sel *selection, first int) iter.Seq2[*T, error] {
	vars, err := plainVariables(d.vars)
	if err != nil {
		return failed[T](fmt.Errorf("%w: %s: %w", ErrInvalid, s.operation(), err))
	}
	after := cmp.Or(d.after, "after")
	return func(yield func(*T, error) bool) {
		page, before := d, map[string]bool{}
		page.vars = maps.Clone(vars)
		for {
			if cursor, _ := page.vars[after].(string); cursor != "" {
				before[cursor] = true
			}
			p := &pageReader[T]{sel: sel, by: d.by, first: first}
			err := s.ask(ctx, page, p.read)
			if !p.yield(ctx, s, yield) {
				return
			}
			cursor := ""
			if err == nil {
				if cursor, err = p.next(before); err != nil {
					err = s.unreadable(fmt.Errorf("%s: %w: what was read so far may not be all", where(d.path), err))
				}
			}
			if err != nil {
				yield(nil, err)
			}
			if cursor == "" {
				return
			}
			page.vars[after] = cursor
		}
	}
}

// pageReader reads a page.
type pageReader[T any] struct {
	sel   *selection
	by    paging
	first int // how many items were asked for; 0 where that is not known

	came   bool // the page is there, and not null
	nodes  []*T
	cursor string // after the last item
	info   *pageInfo
}

type pageInfo struct {
	EndCursor   string `json:"endCursor"`
	HasNextPage *bool  `json:"hasNextPage"`
}

// yield hands the items out. It is false if no more are wanted.
func (p *pageReader[T]) yield(ctx context.Context, s *MetadataService, yield func(*T, error) bool) bool {
	for _, node := range p.nodes {
		if ctx.Err() != nil {
			yield(nil, fmt.Errorf("dbtcloud: %s: %w", s.operation(), ended(ctx)))
			return false
		}
		if !yield(node, nil) {
			return false
		}
	}
	return true
}

// read reads the connection or the list that comes next.
func (p *pageReader[T]) read(r *reader) error {
	p.came = true
	if p.by == cursors && r.next() == '[' {
		return r.list(func() error { return p.node(r, true) })
	}
	items := false
	err := r.object(map[string]func() error{
		"edges": func() error {
			items = true
			return r.list(func() error { return p.edge(r) })
		},
		"nodes": func() error {
			items = true
			return r.list(func() error { return p.node(r, false) })
		},
		"pageInfo": func() error { return r.value(&p.info) },
	})
	if err == nil && !items {
		err = errors.New("the page holds neither edges nor nodes")
	}
	return err
}

// edge reads an edge with its item.
func (p *pageReader[T]) edge(r *reader) error {
	before := len(p.nodes)
	err := r.object(map[string]func() error{
		"cursor": func() error { return r.value(&p.cursor) },
		"node":   func() error { return p.node(r, false) },
	})
	if err == nil && len(p.nodes) == before {
		err = errors.New("an edge holds no node")
	}
	return err
}

// node reads an item.
func (p *pageReader[T]) node(r *reader, cursor bool) error {
	if p.first > 0 && len(p.nodes) >= p.first {
		return fmt.Errorf("more than the %d items came that were asked for", p.first)
	}
	if r.next() == 'n' {
		return errors.New("the list holds a null")
	}
	begin, item := len(r.body)-len(r.rest()), new(T)
	var err error
	if p.sel.aliased() {
		var raw json.RawMessage
		if raw, err = r.skip(); err == nil {
			raw, err = p.sel.unalias(raw)
		}
		if err == nil {
			err = decodeNumbers(raw, item)
		}
	} else {
		err = r.value(item)
	}
	if err != nil {
		return err
	}
	if cursor {
		var c struct{ PaginationCursor string }
		if err := json.Unmarshal(r.body[begin:r.d.InputOffset()], &c); err != nil {
			return err
		}
		p.cursor = c.PaginationCursor
	}
	p.nodes = append(p.nodes, item)
	return nil
}

// next is the cursor that the next page follows; empty after the last one. What would
// read as the end though it is none is an error.
func (p *pageReader[T]) next(before map[string]bool) (cursor string, err error) {
	if !p.came {
		if len(before) > 0 {
			return "", errors.New("the page is null though a cursor led to it")
		}
		return "", nil // there is nothing below an environment or a job that exists
	}
	cursor, more := p.cursor, len(p.nodes) >= p.first
	if p.by == pageInfos {
		if p.info == nil || p.info.HasNextPage == nil {
			return "", errors.New("the page does not say whether another follows")
		}
		cursor, more = p.info.EndCursor, *p.info.HasNextPage
	}
	switch {
	case !more:
		return "", nil
	case len(p.nodes) == 0:
		return "", errors.New("the page is empty though another is said to follow")
	case cursor == "":
		return "", errors.New("another page follows, but no cursor leads to it")
	case before[cursor]:
		return "", errors.New("the cursor does not advance, so the server would send the same page again")
	}
	return cursor, nil
}

// ancestorTypes are the kinds of ancestors that are wanted.
func (o *queryOptions) ancestorTypes() []ResourceType {
	if len(o.ancestors) > 0 {
		return o.ancestors
	}
	return []ResourceType{ResourceExposure, ResourceMacro, ResourceModel, ResourceSeed, ResourceSnapshot, ResourceSource}
}

// failed is a sequence that has failed before it began.
func failed[T any](err error) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) { yield(nil, err) }
}

func required(yes bool) string {
	if yes {
		return "!"
	}
	return ""
}

// emptyObject tells whether a filter filters nothing.
func emptyObject(v any) bool {
	b, _ := json.Marshal(v) // strings and booleans: cannot fail
	return v == nil || string(b) == "{}"
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
