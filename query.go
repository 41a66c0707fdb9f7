package dbtcloud

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

func setInt[T ~int | ~int64](q url.Values, key string, v T) {
	if v != 0 {
		q.Set(key, strconv.FormatInt(int64(v), 10))
	}
}

func setString(q url.Values, key, v string) {
	if v != "" {
		q.Set(key, v)
	}
}

func setBool(q url.Values, key string, v *bool) {
	if v != nil {
		q.Set(key, strconv.FormatBool(*v))
	}
}

// setInts and setStrings send a list as one JSON list, the form that every known
// client of the service uses.
func setInts[T ~int | ~int64](q url.Values, key string, v []T) {
	if len(v) > 0 {
		setList(q, key, v)
	}
}

func setStrings[T ~string](q url.Values, key string, v []T) {
	if len(v) > 0 {
		setList(q, key, v)
	}
}

func setList(q url.Values, key string, v any) {
	b, _ := json.Marshal(v) // of ints and strings: cannot fail
	q.Set(key, string(b))
}

// refuseIDs refuses a filter by ids that cannot be: a server that takes no notice of
// them answers with everything.
func (r *request) refuseIDs() {
	for _, name := range slices.Sorted(maps.Keys(r.query)) {
		field := strings.TrimSuffix(strings.TrimSuffix(name, "__in"), "__gt")
		if field != "pk" && !isID(field) {
			continue
		}
		for _, id := range strings.FieldsFunc(r.query.Get(name), func(c rune) bool { return strings.ContainsRune("[,]", c) }) {
			if n, err := strconv.ParseInt(id, 10, 64); err == nil && n <= 0 {
				r.refuse(fmt.Errorf("%s: must be positive, not %d", name, n))
			}
		}
	}
}

func setInclude[T ~string](q url.Values, include []T) {
	if len(include) == 0 {
		return
	}
	words := make([]string, len(include))
	for i, w := range include {
		words[i] = string(w)
	}
	q.Set("include_related", strings.Join(words, ","))
}

func setState(q url.Values, includeDeleted bool) {
	if includeDeleted {
		q.Set("state", "all")
	}
}
