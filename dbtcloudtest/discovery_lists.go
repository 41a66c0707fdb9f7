package dbtcloudtest

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxConnection is the largest page of a connection, and the page when none is asked for.
const maxConnection = 500

const cursorPrefix = "after:"

// cursorOf is the cursor of the row after which so many have been given.
func cursorOf(given int) string {
	return base64.RawURLEncoding.EncodeToString([]byte(cursorPrefix + strconv.Itoa(given)))
}

// given is how many rows a cursor is after; none without a cursor.
func given(cursor any) (int, error) {
	if cursor == nil {
		return 0, nil
	}
	decoded, err := base64.RawURLEncoding.DecodeString(text(cursor))
	digits, ok := strings.CutPrefix(string(decoded), cursorPrefix)
	n, notNumber := strconv.Atoi(digits)
	if err != nil || !ok || notNumber != nil || n < 0 {
		return 0, graphqlError(codeInput, "the cursor is not one that was given out")
	}
	return n, nil
}

// window is which rows of so many a page has.
func window(rows int, args map[string]any, standard, most int) (from, to int, err error) {
	first := int64(standard)
	if asked, ok := args["first"].(int64); ok {
		first = asked
		if first < 1 || first > int64(most) {
			return 0, 0, graphqlError(codeInput, fmt.Sprintf("first must be between 1 and %d, not %d", most, first))
		}
	}
	from, err = given(args["after"])
	from = min(from, rows)
	return from, min(from+int(first), rows), err
}

// connection is a page of rows with its edges.
func connection(rows []any, args map[string]any) (any, error) {
	from, to, err := window(len(rows), args, maxConnection, maxConnection)
	if err != nil {
		return nil, err
	}
	edges := make([]any, 0, to-from)
	for i := from; i < to; i++ {
		edges = append(edges, record{"cursor": cursorOf(i + 1), "node": rows[i]})
	}
	info := record{"hasNextPage": to < len(rows), "hasPreviousPage": from > 0}
	if from < to {
		info["startCursor"], info["endCursor"] = cursorOf(from+1), cursorOf(to)
	}
	return record{"edges": edges, "pageInfo": info, "totalCount": len(rows)}, nil
}

// filtered is the views of the nodes that a filter lets through.
func (p *place) filtered(nodes []*node, filter any) (rows []any, err error) {
	wanted, _ := filter.(map[string]any)
	for _, syntax := range []string{"select", "exclude"} {
		if wanted[syntax] != nil {
			return nil, graphqlError(codeInput, "the fake does not know dbt's selection syntax: filter."+syntax)
		}
	}
	p.w.looked += len(nodes)
	rows = make([]any, 0, len(nodes))
	for _, n := range nodes {
		v := view{place: p, node: n}
		if passes(wanted, func(name string) any { return v.at(filterPath(n.kind.name, name)...) }) {
			rows = append(rows, v)
		}
	}
	return rows, nil
}

// passes says whether there is, for each member of the filter, one of the values that it names.
func passes(filter map[string]any, value func(name string) any) bool {
	for name, want := range filter {
		if want != nil && !overlap(value(name), want) {
			return false
		}
	}
	return true
}

// filterPath is the field that a member of a filter on that kind of node speaks of.
func filterPath(kind, name string) []string {
	switch name {
	case "uniqueIds":
		return []string{"uniqueId"}
	case "sourceNames":
		return []string{"sourceName"}
	case "testTypes":
		return []string{"testType"}
	case "lastKnownResults":
		return []string{"lastKnownResult"}
	case "lastRunStatus", "status":
		return []string{"executionInfo", "lastRunStatus"}
	case "freshnessChecked", "freshnessStatus":
		return []string{"freshness", name}
	case "columnNames":
		return []string{"catalog", "columns", "name"}
	case "environmentIds":
		return []string{"environmentId"}
	case "dbtCoreProjectName":
		return []string{"dbtCoreProject"}
	case "categories":
		return []string{"category"}
	case "ruleNames":
		return []string{"name"}
	case "accessLevels":
		return []string{"access"}
	case "materializationTypes":
		return []string{"materializedType"}
	case "modelingLayers":
		return []string{"modelingLayer"}
	case "types", "resourceTypes":
		return []string{kindField}
	case "identifier":
		if kind != "Source" {
			return []string{"alias"}
		}
	}
	return []string{name}
}

// overlap says whether two values, each one or a list, have one in common.
func overlap(have, want any) bool {
	for _, w := range asList(want) {
		for _, h := range asList(have) {
			if plainText(h) == plainText(w) {
				return true
			}
		}
	}
	return false
}

// plainText makes a number and a text of its digits the same.
func plainText(value any) string {
	if s, ok := value.(string); ok {
		return s
	}
	return fmt.Sprint(value)
}

// asList is a list as it is, nothing for nothing, and one value as a list of it.
func asList(value any) []any {
	switch value := value.(type) {
	case nil:
		return nil
	case []any:
		return value
	}
	return []any{value}
}

// sortRows puts rows in the order that an AppliedModelSort asks for, those without a value last.
func sortRows(rows []any, order map[string]any) {
	path := map[any][]string{
		"executeCompletedAt": {"executionInfo", "executeCompletedAt"}, "queryUsageCount": {"usageQueryCount"},
		"rowCount": {"catalog", "rowCountStat"}, "uniqueId": {"uniqueId"},
	}[order["field"]]
	keys := make(map[string]any, len(rows))
	key := func(row any) any { return keys[row.(view).node.id] }
	for _, row := range rows {
		keys[row.(view).node.id] = row.(view).at(path...)
	}
	slices.SortStableFunc(rows, func(a, b any) int {
		x, y := key(a), key(b)
		switch {
		case x == nil || y == nil:
			return cmp.Compare(len(asList(y)), len(asList(x)))
		case order["direction"] == "desc":
			x, y = y, x
		}
		return compareValues(x, y)
	})
}

// compareValues compares numbers, which may come as texts of their digits, as such and all else as texts.
func compareValues(a, b any) int {
	x, errX := strconv.ParseFloat(plainText(a), 64)
	y, errY := strconv.ParseFloat(plainText(b), 64)
	if errX != nil || errY != nil {
		return strings.Compare(plainText(a), plainText(b))
	}
	return cmp.Compare(x, y)
}
