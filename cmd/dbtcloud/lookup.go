package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// reference is a flag or argument that names a thing: by its id, or by its name.
// Digits alone are an id.
type reference struct {
	id   int64
	name string
}

// Set reads an id or a name.
func (r *reference) Set(s string) error {
	s = strings.TrimSpace(s)
	if s == "" {
		return errors.New("is empty: is the variable set that it comes from?")
	}
	if strings.Trim(strings.TrimLeft(s, "+-"), "0123456789") != "" {
		*r = reference{name: s}
		return nil
	}
	id, err := strconv.ParseInt(s, 10, 64)
	if err != nil || id <= 0 || id > maxNumber {
		return errors.New("must be a name, or an id above 0")
	}
	*r = reference{id: id}
	return nil
}

// Type is the placeholder in the help.
func (r *reference) Type() string { return "ID|NAME" }

func (r *reference) String() string {
	if r.id > 0 {
		return strconv.FormatInt(r.id, 10)
	}
	return r.name
}

func (r *reference) given() bool { return *r != reference{} }

// candidate is a thing that a name may mean.
type candidate struct {
	id    int64 // 0: it has none
	name  string
	where string // tells it from others of the same name, such as its project
}

// compare finds the candidates that have the name, ignoring case, and those whose
// name is like it, the most alike first.
func compare(name string, among []candidate) (same, near []candidate) {
	var others []ranked
	for _, c := range among {
		if strings.EqualFold(strings.TrimSpace(c.name), strings.TrimSpace(name)) {
			same = append(same, c)
		} else if rank, ok := unlike(name, c.name); ok {
			others = append(others, ranked{c, rank})
		}
	}
	slices.SortFunc(others, func(a, b ranked) int {
		return cmp.Or(a.rank-b.rank, cmp.Compare(a.id, b.id), cmp.Compare(a.name, b.name))
	})
	for _, c := range others[:min(len(others), maxNear)] {
		near = append(near, c.candidate)
	}
	return same, near
}

// ranked is a candidate and how much its name differs.
type ranked struct {
	candidate
	rank int
}

// maxNear is how many near misses are named.
const maxNear = 3

// unlike is how much two names differ, and whether one may have been meant by the
// other: few letters differ, or one is a part of the other.
func unlike(a, b string) (int, bool) {
	a, b = strings.ToLower(a), strings.ToLower(b)
	part := len(a) >= 3 && strings.Contains(b, a) || len(b) >= 3 && strings.Contains(a, b)
	limit, longer := len([]rune(a))/3+2, len([]rune(b))-len([]rune(a))
	if !part && max(longer, -longer) >= limit {
		return 0, false
	}
	d := distance(a, b)
	return d, part || d < limit
}

// choose is the one candidate that has the name. If none or several have it, the
// error names those that may be meant.
func choose(kind, name string, among []candidate) (candidate, error) {
	same, near := compare(name, among)
	switch {
	case len(same) == 1:
		return same[0], nil
	case len(same) > 1:
		return candidate{}, invalid("%d %ss are called %q: give the id: %s", len(same), kind, name, listed(same))
	case len(near) > 0:
		return candidate{}, invalid("no %s is called %q: did you mean %s?", kind, name, listed(near))
	case len(among) == 0:
		return candidate{}, invalid("no %s is called %q: there is none that the token may see", kind, name)
	default:
		return candidate{}, invalid("no %s is called %q, nor anything like it, among the %d that the token may see", kind, name, len(among))
	}
}

// maxListed is how many candidates an error lists.
const maxListed = 10

func listed(candidates []candidate) string {
	var words []string
	for _, c := range candidates[:min(len(candidates), maxListed)] {
		word := strconv.Quote(c.name)
		switch {
		case c.where != "":
			word += fmt.Sprintf(" (id %d, %s)", c.id, c.where)
		case c.id != 0:
			word += fmt.Sprintf(" (id %d)", c.id)
		}
		words = append(words, word)
	}
	if more := len(candidates) - maxListed; more > 0 {
		words = append(words, fmt.Sprintf("%d more", more))
	}
	return strings.Join(words, " or ")
}
