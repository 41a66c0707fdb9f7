package dbtcloudtest

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// listQuery is the query of a list. Values that cannot be read are collected in tree.
type listQuery struct {
	c       *call
	limit   int
	offset  int
	orderBy string
	tree    map[string]any
}

func newListQuery(w *world, c *call) *listQuery {
	q := &listQuery{c: c, limit: w.cfg.maxPageSize, orderBy: c.query.Get("order_by")}
	if limit := q.number("limit"); limit > 0 {
		q.limit = min(int(limit), w.cfg.maxPageSize)
	}
	q.offset = int(q.number("offset"))
	if q.orderBy == "" {
		q.orderBy = "id"
	}
	return q
}

func (q *listQuery) text(name string) string { return q.c.query.Get(name) }

// list reads a list in any form that the service has been sent: repeated, with commas, as JSON, as Python prints it.
func (q *listQuery) list(names ...string) []string {
	var out []string
	for _, name := range names {
		out = append(out, parseList(q.c.query[name])...)
	}
	return out
}

// flag is a filter by a yes or no; absent keeps everything.
func (q *listQuery) flag(name string) func(bool) bool {
	s := q.text(name)
	if s == "" {
		return func(bool) bool { return true }
	}
	want, err := strconv.ParseBool(s)
	if err != nil {
		q.bad(name, "expected bool")
	}
	return func(got bool) bool { return got == want }
}

func (q *listQuery) bad(name, complaint string) {
	if q.tree == nil {
		q.tree = map[string]any{}
	}
	q.tree[name] = complaint
}

func (q *listQuery) number(name string) int64 {
	s := q.text(name)
	if s == "" {
		return 0
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		q.bad(name, "expected int")
	}
	return n
}

// state is the filter by soft deletion; without one it is that of byDefault.
func (q *listQuery) state(byDefault string) func(deleted bool) bool {
	switch cmp.Or(q.text("state"), byDefault) {
	case "active", "1":
		return func(deleted bool) bool { return !deleted }
	case "deleted", "2":
		return func(deleted bool) bool { return deleted }
	}
	return func(bool) bool { return true }
}

// idSet is a filter by number; nil keeps everything.
type idSet []int64

func (s idSet) has(id int64) bool { return s == nil || slices.Contains(s, id) }

// ids reads the numbers of every one of the parameters that is given; they all must hold.
func (q *listQuery) ids(names ...string) idSet {
	var set idSet
	for _, name := range names {
		if !q.c.query.Has(name) {
			continue
		}
		given := idSet{}
		for _, s := range q.list(name) {
			n, err := strconv.ParseInt(s, 10, 64)
			if err != nil {
				q.bad(name, "expected int")
			}
			if set.has(n) {
				given = append(given, n)
			}
		}
		set = given
	}
	return set
}

// between reads a range of two timestamps; both ends belong to it, and no range keeps everything.
func (q *listQuery) between(name string) func(time.Time) bool {
	given := q.list(name)
	if len(given) == 0 {
		return func(time.Time) bool { return true }
	}
	var ends []time.Time
	for _, s := range given {
		if t, err := parseTime(s); err == nil {
			ends = append(ends, t)
		}
	}
	if len(ends) != 2 || len(given) != 2 {
		q.bad(name, "expected two timestamps")
		return func(time.Time) bool { return false }
	}
	return func(t time.Time) bool { return !t.IsZero() && !t.Before(ends[0]) && !t.After(ends[1]) }
}

func parseTime(s string) (time.Time, error) {
	s = strings.Replace(s, " ", "T", 1)
	if t, err := time.Parse("2006-01-02", s); err == nil {
		return t, nil
	}
	if t, err := time.Parse("2006-01-02T15:04:05", s); err == nil {
		return t, nil
	}
	return time.Parse(time.RFC3339Nano, s)
}

// direction turns a comparison around when the order is descending.
func (q *listQuery) direction(compared int) int {
	if strings.HasPrefix(q.orderBy, "-") {
		return -compared
	}
	return compared
}

// page is the part of rows that the query asks for.
func page[T any](q *listQuery, rows []T) []T {
	from := min(q.offset, len(rows))
	return rows[from:min(from+q.limit, len(rows))]
}

// extra is the list's third part: the filters as understood, and the counts.
func (q *listQuery) extra(w *world, count, total int) listExtra {
	filters := map[string]any{"account_id": w.cfg.account, "limit": q.limit, "offset": q.offset}
	for name, values := range q.c.query {
		switch name {
		case "limit", "offset", "order_by", "include_related":
		default:
			filters[name] = strings.Join(values, ",")
		}
	}
	return listExtra{Filters: filters, OrderBy: &q.orderBy, Pagination: pagination{Count: count, TotalCount: total}}
}

func parseList(values []string) []string {
	var out []string
	for _, value := range values {
		for item := range strings.SplitSeq(strings.Trim(strings.TrimSpace(value), "[]()"), ",") {
			if item = strings.Trim(strings.TrimSpace(item), `"'`); item != "" {
				out = append(out, item)
			}
		}
	}
	return out
}
