package pipelines

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// statement is a line of a Jenkinsfile, as far as a declarative pipeline needs one: a name with values behind it, in brackets or
// not, a name = a value, or a name with statements in braces.
type statement struct {
	name   string
	args   []argument
	value  *value // behind =
	body   []statement
	braces bool
}

type argument struct {
	name  string // of a named one
	value value
}

// value is a text, a word such as true or 120, or a call such as credentials('id').
type value struct {
	text string
	name string
	args []argument
}

// block is what a statement of that name has in its braces.
func (s statement) block(name string) []statement {
	for _, inner := range s.body {
		if inner.name == name {
			return inner.body
		}
	}
	return nil
}

// jenkinsGrammar is which statements stand in which block, by "Pipeline Syntax" of the Jenkins Handbook; a name with a
// bracket has no braces, and a name alone has.
func jenkinsGrammar() map[string][]string {
	conditions := []string{"changeRequest(", "branch(", "expression", "anyOf", "allOf", "not"}
	steps := []string{"sh(", "junit("}
	return map[string][]string{
		"":            {"pipeline"},
		"pipeline":    {"agent", "options", "parameters", "environment", "stages", "post"},
		"agent":       {"label("},
		"options":     {"timeout(", "disableConcurrentBuilds("},
		"parameters":  {"string("},
		"environment": {"="},
		"stages":      {"stage"},
		"stage":       {"agent", "options", "environment", "when", "steps", "post"},
		"when":        conditions,
		"anyOf":       conditions,
		"allOf":       conditions,
		"not":         conditions,
		"expression":  {"params.CLOSED_PULL_REQUEST("},
		"steps":       steps,
		"post":        {"always", "aborted"},
		"always":      steps,
		"aborted":     steps,
	}
}

func readJenkinsfile(name string) (statement, error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return statement{}, err
	}
	r := &groovy{rest: string(raw)}
	file := statement{body: r.statements("")}
	if r.err == nil && len(file.body) != 1 {
		r.fail("one pipeline")
	}
	if r.err != nil {
		return statement{}, fmt.Errorf("line %d: %w", strings.Count(string(raw[:len(raw)-len(r.rest)]), "\n")+1, r.err)
	}
	if err := check(file); err != nil {
		return statement{}, err
	}
	return file.body[0], nil
}

// check holds statements against the grammar.
func check(s statement) error {
	for _, inner := range s.body {
		kind := inner.name
		switch {
		case inner.value != nil:
			kind = "="
		case !inner.braces:
			kind += "("
		}
		if !slices.Contains(jenkinsGrammar()[s.name], kind) {
			return fmt.Errorf("%q does not belong into %q", kind, s.name)
		}
		if err := check(inner); err != nil {
			return err
		}
	}
	return nil
}

// groovy reads statements, and nothing else that the language has.
type groovy struct {
	rest string
	err  error
}

func (r *groovy) fail(want string) {
	if r.err == nil {
		r.err = fmt.Errorf("want %s at %.30q", want, r.rest)
	}
}

// take takes what the pattern matches; "" if that is nothing.
func (r *groovy) take(pattern string) string {
	if r.err != nil {
		return ""
	}
	found := regexp.MustCompile(`^(?:` + pattern + `)`).FindString(r.rest)
	r.rest = r.rest[len(found):]
	return found
}

func (r *groovy) must(pattern string) {
	if r.take(pattern) == "" {
		r.fail(pattern)
	}
}

func (r *groovy) statements(end string) []statement {
	var all []statement
	for r.err == nil {
		r.take(`(\s|//.*)+`)
		if r.rest == "" && end == "" || end != "" && r.take(end) != "" {
			return all
		}
		all = append(all, r.statement())
		if !strings.HasPrefix(strings.TrimLeft(r.rest, " "), "}") {
			r.must(` *(//.*)?(\n|$)`)
		}
	}
	return nil
}

func (r *groovy) statement() statement {
	var s statement
	if s.name = r.take(`[A-Za-z_][\w.]*`); s.name == "" {
		r.fail("a statement")
	}
	switch {
	case r.take(` += +`) != "":
		v := r.value()
		s.value = &v
	case r.take(`\(`) != "":
		s.args = r.arguments(`\)`)
	case r.take(` +`) != "" && !strings.HasPrefix(r.rest, "{") && !strings.HasPrefix(r.rest, "}") && !strings.HasPrefix(r.rest, "//"):
		s.args = r.arguments("")
	}
	if r.take(` *\{`) != "" {
		s.braces, s.body = true, r.statements(`\}`)
	}
	return s
}

func (r *groovy) arguments(end string) []argument {
	var all []argument
	for r.err == nil && (end == "" || r.take(end) == "") {
		a := argument{name: strings.TrimRight(r.take(`\w+: *`), ": ")}
		a.value = r.value()
		all = append(all, a)
		if r.take(`, *`) == "" {
			if end != "" {
				r.must(end)
			}
			return all
		}
	}
	return all
}

func (r *groovy) value() value {
	for _, quote := range []string{`'''`, `'`} {
		if r.take(quote) == "" {
			continue
		}
		text, rest, closed := strings.Cut(r.rest, quote)
		if !closed || strings.Contains(text, `\`) || quote == `'` && strings.Contains(text, "\n") {
			r.fail("a text without escapes up to " + quote)
		}
		r.rest = rest
		return value{text: text}
	}
	word := r.take(`\w+`)
	switch {
	case word == "":
		r.fail("a value")
	case r.take(`\(`) != "":
		return value{name: word, args: r.arguments(`\)`)}
	}
	return value{text: word}
}

func TestGroovy(t *testing.T) {
	t.Parallel()
	const text = "a {\n  b 'one' // two\n  c(d: 'x', e: true)\n  f = g('h')\n  i { j() }\n  k l: '''m\nn''', o: 1\n}\n"
	r := &groovy{rest: text}
	got := r.statements("")
	want := []statement{{name: "a", braces: true, body: []statement{
		{name: "b", args: []argument{{"", value{text: "one"}}}},
		{name: "c", args: []argument{{"d", value{text: "x"}}, {"e", value{text: "true"}}}},
		{name: "f", value: &value{name: "g", args: []argument{{"", value{text: "h"}}}}},
		{name: "i", braces: true, body: []statement{{name: "j"}}},
		{name: "k", args: []argument{{"l", value{text: "m\nn"}}, {"o", value{text: "1"}}}},
	}}}
	if r.err != nil {
		t.Fatal(r.err)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(statement{}, argument{}, value{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, bad := range []string{"a {", "a }", "a(", "a('b'", "a 'b", "a b: ", "= 1", "a 'b' 'c'", "a {\n}}", "a \"b\"", "a 'b\\n'"} {
		r := &groovy{rest: bad}
		if got := r.statements(""); r.err == nil {
			t.Errorf("%q is read as %+v", bad, got)
		}
	}
}
