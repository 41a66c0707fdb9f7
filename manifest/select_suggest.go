package manifest

import (
	"slices"
	"strconv"
	"strings"
)

// most is how many names are suggested at once.
const most = 3

// suggest returns the names that are nearest to a word, and near enough to have been meant, put into form by a function.
func suggest(word string, names []string, form func(name string) string) []string {
	type near struct {
		name     string
		distance int
	}
	var found []near
	for _, name := range names {
		d := distance(strings.ToLower(word), name)
		if d <= max(1, len(name)/3) {
			found = append(found, near{name, d})
		}
	}
	slices.SortStableFunc(found, func(a, b near) int { return a.distance - b.distance })
	var out []string
	for _, n := range found[:min(most, len(found))] {
		out = append(out, form(n.name))
	}
	return out
}

// distance counts the characters to insert, delete, replace or swap with their neighbours to make one word of another.
func distance(a, b string) int {
	if len(a) > 2*len(b)+8 { // far too long to be meant
		return len(a)
	}
	s, t := []rune(a), []rune(b)
	rows := make([][]int, len(s)+1)
	for i := range rows {
		rows[i] = make([]int, len(t)+1)
		rows[i][0] = i
	}
	for j := range t {
		rows[0][j+1] = j + 1
	}
	for i := range s {
		for j := range t {
			cost := 1
			if s[i] == t[j] {
				cost = 0
			}
			rows[i+1][j+1] = min(rows[i][j+1]+1, rows[i+1][j]+1, rows[i][j]+cost)
			if i > 0 && j > 0 && s[i] == t[j-1] && s[i-1] == t[j] {
				rows[i+1][j+1] = min(rows[i+1][j+1], rows[i-1][j-1]+1)
			}
		}
	}
	return rows[len(s)][len(t)]
}

// meant is what may have been meant by a term that matches nothing, or empty.
func (t *term) meant() string {
	text, _ := t.value.(string)
	if t.method == "fqn" && slices.Contains(StateSelectors(), text) {
		return strings.Replace(t.raw, text, "state:"+text, 1)
	}
	return t.misplaced()
}

// misplaced writes a term whose operators stand inside its value, as in state:+modified, with the operators where they
// belong; it is empty if there are none.
func (t *term) misplaced() string {
	text, _ := t.value.(string)
	var inside operators
	bare := inside.cutBehind(inside.cutFront(text))
	if bare == text || bare == "" {
		return ""
	}
	var outside operators
	middle := bare
	if method, _ := cutMethod(outside.cutFront(t.raw)); method != "" {
		middle = method + ":" + bare
	}
	switch {
	case outside.childrenParents || inside.childrenParents:
		return "@" + middle
	case !outside.parents:
		outside.parents, outside.parentsDepth = inside.parents, inside.parentsDepth
	}
	if !t.children {
		return outside.front() + middle + inside.behind()
	}
	return outside.front() + middle + t.behind()
}

func (o *operators) front() string {
	if !o.parents {
		return ""
	}
	return depthText(o.parentsDepth) + "+"
}

func (o *operators) behind() string {
	if !o.children {
		return ""
	}
	return "+" + depthText(o.childrenDepth)
}

func depthText(depth int) string {
	if depth == unlimited {
		return ""
	}
	return strconv.Itoa(depth)
}
