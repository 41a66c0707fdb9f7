package dbtcloud

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strconv"
)

// maxPage is the largest page that the API documents.
const maxPage = 100

// pager changes a query so that it asks for the page after one that ended with
// last, seen items in; false means that no more are wanted.
type pager[T any] func(query url.Values, last *T, seen int) bool

// all walks a list; without a pager it has one page. The sequence is restartable.
// It ends on an empty page, or on a short one that the server says is the last.
func all[T any](ctx context.Context, c *Client, r request, next pager[T]) iter.Seq2[*T, error] {
	r.refuseIDs()
	return func(yield func(*T, error) bool) {
		page := r
		page.query = maps.Clone(r.query)
		var before map[int64]bool // the ids on the page before: a moving offset may show them again
		for seen := 0; ; {
			items, total, err := list[T](ctx, c, page)
			if err != nil {
				yield(nil, err)
				return
			}
			ids, fresh := map[int64]bool{}, false
			for _, item := range items {
				ids[keyOf(item)] = true
				if before[keyOf(item)] {
					continue
				}
				fresh = true
				if ctx.Err() != nil {
					yield(nil, fmt.Errorf("dbtcloud: %s: %w", r.operation, ended(ctx)))
					return
				}
				if !yield(item, nil) {
					return
				}
			}
			before, seen = ids, seen+len(items)
			if len(items) == 0 || next == nil || lastPage(page.query, len(items), seen, total) {
				return
			}
			if !fresh {
				yield(nil, &Error{Operation: r.operation, StatusCode: http.StatusOK, Message: "the server sent the same page twice, so it ignores the paging parameters"})
				return
			}
			if !next(page.query, items[len(items)-1], seen) {
				return
			}
		}
	}
}

// lastPage tells whether the server's total says that nothing follows. It is not
// believed on a full page, because it has been seen to lie.
func lastPage(query url.Values, items, seen, total int) bool {
	if query.Has("offset") {
		return items < maxPage && total == seen
	}
	return items < maxPage && total == items
}

// list asks for one page. The total is what the server says is there for this
// query, -1 where it does not say.
func list[T any](ctx context.Context, c *Client, r request) ([]*T, int, error) {
	res, raw, err := c.fetch(ctx, &r)
	if err != nil {
		return nil, 0, err
	}
	items, total, ok := quick[T](raw, '[')
	a := &answer{res: res, data: raw, total: total}
	if !ok {
		if a, err = res.open(raw); err == nil && !a.empty() {
			err = a.into(&items)
		}
		if err != nil {
			return nil, 0, err
		}
	}
	cursor := "id__gt"
	if r.query.Has("pk__gt") {
		cursor = "pk__gt"
	}
	after, _ := strconv.ParseInt(r.query.Get(cursor), 10, 64)
	for _, item := range items {
		switch {
		case item == nil:
			return nil, 0, a.unusable("the list holds a null")
		case keyOf(item) == 0:
			return nil, 0, a.unusable("the list holds an item without an id")
		case keyOf(item) <= after:
			return nil, 0, a.unusable("the server ignores the parameter " + cursor)
		}
	}
	return items, a.total, nil
}

// byID pages by the id after which a page starts, which passes over nothing while
// other resources come and go; the parameter's name is id__gt or pk__gt.
func byID[T any](parameter string) pager[T] {
	return func(query url.Values, last *T, _ int) bool {
		query.Set(parameter, strconv.FormatInt(keyOf(last), 10))
		return true
	}
}

// byOffset pages where the API has nothing better.
func byOffset[T any](query url.Values, _ *T, seen int) bool {
	query.Set("offset", strconv.Itoa(seen))
	return true
}

// Collect turns an iterator into a slice; on an error it returns what came before it.
func Collect[T any](seq iter.Seq2[*T, error]) ([]*T, error) {
	var items []*T
	for item, err := range seq {
		if err != nil {
			return items, err
		}
		items = append(items, item)
	}
	return items, nil
}
