package manifest

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// SelectorError says that a selector is none that dbt knows, or that it asks for something that was not given.
type SelectorError struct {
	Selector    string   // the part that is wrong, as written
	Reason      string   // what is wrong with it
	Suggestions []string // what may have been meant, the nearest first
}

// Error says in one line what is wrong, and what may have been meant.
func (e *SelectorError) Error() string {
	return fmt.Sprintf("manifest: selector %q: %s%s", clip(e.Selector), clip(e.Reason), didYouMean(e.Suggestions))
}

func didYouMean(suggestions []string) string {
	if len(suggestions) == 0 {
		return ""
	}
	quoted := make([]string, len(suggestions))
	for i, s := range suggestions {
		quoted[i] = strconv.Quote(clip(s))
	}
	return "; did you mean " + strings.Join(quoted, " or ") + "?"
}

// operation is how a spec combines its parts.
type operation int

const (
	leaf operation = iota
	union
	intersection
	difference
)

// spec is a whole selector: a term, or a set operation on others.
type spec struct {
	op       operation
	term     *term
	parts    []*spec
	indirect Indirect // how tests that were left out are looked at again
	expected bool     // to match something: a warning if not
	raw      string   // as written, for that warning
}

// term is one criterion: a method with its value, and the operators around it.
type term struct {
	operators
	raw      string
	method   string
	args     []string // of config.a.b: a and b
	value    any      // a string, unless a YAML selector has something else
	indirect Indirect
}

// operators are what a term takes beside what it matches.
type operators struct {
	childrenParents bool // @
	parents         bool // + in front
	parentsDepth    int
	children        bool // + behind
	childrenDepth   int
}

// methods are those of dbt, as errors list them.
func methods() []string {
	return []string{
		"fqn", "tag", "group", "access", "source", "path", "file", "package", "config", "test_name", "test_type",
		"resource_type", "state", "exposure", "metric", "result", "source_status", "version", "semantic_model",
		"saved_query", "unit_test", "selector",
	}
}

// everything is what dbt selects where nothing is asked for; what is no source comes through fqn.
func everything() []string {
	return []string{"fqn:*", "source:*", "exposure:*", "metric:*", "semantic_model:*"}
}

// parseArguments reads what stands behind --select or --exclude: spaces unite, commas intersect.
func parseArguments(arguments []string, mode Indirect, expected bool) (*spec, error) {
	all := &spec{op: union, indirect: mode}
	for _, argument := range arguments {
		for raw := range strings.SplitSeq(argument, " ") {
			common := &spec{op: intersection, indirect: mode, expected: expected, raw: raw}
			for part := range strings.SplitSeq(raw, ",") {
				t, err := parseTerm(part, mode)
				if err != nil {
					return nil, err
				}
				common.parts = append(common.parts, &spec{term: t})
			}
			all.parts = append(all.parts, common)
		}
	}
	return all, nil
}

// parseTerm reads [@][n+ | +](method[.arg...]:)value[+ | +n].
func parseTerm(raw string, mode Indirect) (*term, error) {
	if strings.Contains(raw, "\n") {
		return nil, &SelectorError{Selector: raw, Reason: "there is a line break in it; separate selectors by spaces"}
	}
	t := &term{raw: raw, indirect: mode}
	rest := t.cutFront(raw)
	method, rest := cutMethod(rest)
	t.value = t.cutBehind(rest)
	return t, t.complete(method)
}

func (o *operators) cutFront(text string) string {
	text, o.childrenParents = strings.CutPrefix(text, "@")
	o.parentsDepth = unlimited
	if n := digits(text); strings.HasPrefix(text[n:], "+") {
		o.parents, o.parentsDepth, text = true, depth(text[:n]), text[n+1:]
	}
	return text
}

func (o *operators) cutBehind(text string) string {
	o.childrenDepth = unlimited
	if plus := strings.LastIndex(text, "+"); plus >= 0 && digits(text[plus+1:]) == len(text)-plus-1 {
		o.children, o.childrenDepth, text = true, depth(text[plus+1:]), text[:plus]
	}
	return text
}

// complete sets the method and checks the whole.
func (t *term) complete(method string) error {
	parts := strings.Split(method, ".")
	t.method, t.args = parts[0], parts[1:]
	switch text, isText := t.value.(string); {
	case method == "" && isText:
		t.method, t.args = defaultMethod(text), nil
	case !slices.Contains(methods(), t.method):
		return &SelectorError{
			Selector: t.raw, Reason: fmt.Sprintf("there is no method %q, there are %s", t.method, strings.Join(methods(), ", ")),
			Suggestions: suggest(t.method, methods(), func(name string) string { return strings.Replace(t.raw, t.method, name, 1) }),
		}
	}
	if t.childrenParents && t.children {
		return &SelectorError{
			Selector: t.raw, Reason: `"@" in front and "+" behind do not go together: "@" has the children already`,
			Suggestions: []string{strings.TrimRight(t.raw, "+0123456789")},
		}
	}
	return nil
}

// defaultMethod is that of a value without one.
func defaultMethod(value string) string {
	lower := strings.ToLower(value)
	switch {
	case strings.ContainsAny(value, `/\`):
		return "path"
	case strings.HasSuffix(lower, ".sql"), strings.HasSuffix(lower, ".py"), strings.HasSuffix(lower, ".csv"):
		return "file"
	}
	return "fqn"
}

// cutMethod cuts what stands in front of the first colon, if it can be a method at all.
func cutMethod(text string) (method, value string) {
	method, value, found := strings.Cut(text, ":")
	odd := strings.ContainsFunc(method, func(c rune) bool {
		return c != '.' && c != '_' && !unicode.IsLetter(c) && !unicode.IsNumber(c)
	})
	if !found || method == "" || odd {
		return "", text
	}
	return method, value
}

// digits counts the digits that a text begins with.
func digits(text string) int { return len(text) - len(strings.TrimLeft(text, "0123456789")) }

// depth reads the number of an operator. No graph is as deep as the largest one.
func depth(text string) int {
	if text == "" {
		return unlimited
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return math.MaxInt
	}
	return n
}
