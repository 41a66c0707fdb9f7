package pipelines

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// expression evaluates what pipeline files decide by: comparisons (==, !=), &&, ||, !, brackets, texts in quotes, names such
// as github.event.action or $CI_PIPELINE_SOURCE, and calls. It is what GitHub, GitLab, Azure and Bitbucket have in common; a
// regular expression stands for itself, /like this/, behind =~. A call without arguments is a name to lookup, with its brackets.
type expression struct {
	t      *testing.T
	whole  string
	tokens []string
	lookup func(name string) any
}

// evaluate returns the value of an expression: a bool, a string, nil, or what lookup returns.
func evaluate(t *testing.T, text string, lookup func(name string) any) any {
	t.Helper()
	token := regexp.MustCompile(`\s*('[^']*'|"[^"]*"|/(?:[^/\\]|\\.)+/|[=!]=|=~|!~|&&|\|\||[!()]|[\w$.-]+(?:\['[^']*'\]|\(\))?|,)`)
	e := &expression{t: t, whole: text, lookup: lookup}
	rest := text
	for strings.TrimSpace(rest) != "" {
		at := token.FindStringSubmatchIndex(rest)
		if at == nil || at[0] != 0 {
			t.Fatalf("expression %q: %q is beyond this test", text, rest)
		}
		e.tokens, rest = append(e.tokens, rest[at[2]:at[3]]), rest[at[1]:]
	}
	value := e.or()
	if len(e.tokens) > 0 {
		t.Fatalf("expression %q: %q is left over", text, e.tokens)
	}
	return value
}

func (e *expression) take(tokens ...string) string {
	for _, token := range tokens {
		if len(e.tokens) > 0 && e.tokens[0] == token {
			e.tokens = e.tokens[1:]
			return token
		}
	}
	return ""
}

func (e *expression) or() any {
	value := e.and()
	for e.take("||") != "" {
		if right := e.and(); !truth(value) {
			value = right
		}
	}
	return value
}

func (e *expression) and() any {
	value := e.comparison()
	for e.take("&&") != "" {
		if right := e.comparison(); truth(value) {
			value = right
		}
	}
	return value
}

func (e *expression) comparison() any {
	left := e.unary()
	switch operator := e.take("==", "!=", "=~", "!~"); operator {
	case "":
		return left
	case "==", "!=":
		return (fmt.Sprint(left) == fmt.Sprint(e.unary())) == (operator == "==")
	default:
		pattern := strings.Trim(fmt.Sprint(e.unary()), "/")
		return regexp.MustCompile(pattern).MatchString(fmt.Sprint(left)) == (operator == "=~")
	}
}

func (e *expression) unary() any {
	if e.take("!") != "" {
		return !truth(e.unary())
	}
	if e.take("(") != "" {
		value := e.or()
		if e.take(")") == "" {
			e.t.Fatalf("expression %q: a bracket is not closed", e.whole)
		}
		return value
	}
	if len(e.tokens) == 0 {
		e.t.Fatalf("expression %q ends too early", e.whole)
	}
	token := e.tokens[0]
	e.tokens = e.tokens[1:]
	switch {
	case token[0] == '\'' || token[0] == '"':
		return token[1 : len(token)-1]
	case token[0] == '/':
		return token
	case token == "true" || token == "false":
		return token == "true"
	case token == "null":
		return nil
	}
	if e.take("(") != "" {
		return e.call(token)
	}
	return e.lookup(token)
}

// call is the value of a function, behind its opening bracket.
func (e *expression) call(name string) any {
	var arguments []string
	for end := ""; end != ")"; {
		arguments = append(arguments, fmt.Sprint(e.or()))
		if end = e.take(",", ")"); end == "" {
			e.t.Fatalf("expression %q: the call of %s does not end", e.whole, name)
		}
	}
	switch name {
	case "eq", "in":
		return slices.Contains(arguments[1:], arguments[0])
	case "and":
		return !slices.Contains(arguments, "false")
	case "glob":
		matches, err := path.Match(strings.ReplaceAll(arguments[1], "**", "*"), strings.ReplaceAll(arguments[0], "/", "-"))
		return matches && err == nil
	}
	e.t.Fatalf("expression %q: the function %s is beyond this test", e.whole, name)
	return nil
}

// truth is what a condition makes of a value.
func truth(value any) bool {
	return value != nil && value != false && value != "" && value != 0 && value != 0.0
}

func TestExpression(t *testing.T) {
	t.Parallel()
	values := map[string]any{"a": "one", "$B": nil, "c.d": false, "always()": true, "n": 42, "v['A.B']": "two"}
	tests := []struct {
		text string
		want any
	}{
		{"a", "one"},
		{"a == 'one'", true},
		{`a != "one"`, false},
		{"n == 42", true},
		{"$B == null", true},
		{"$B || a", "one"},
		{"a && c.d", false},
		{"!c.d && (a == 'two' || always())", true},
		{"!(a == 'one') || c.d", false},
		{"a =~ /^o/", true},
		{"a !~ /^o/", false},
		{"eq(v['A.B'], 'two')", true},
		{"in(a, 'two', 'three')", false},
		{"and(eq(a, 'one'), in(a, 'two', 'one'))", true},
		{"and(eq(a, 'one'), eq(a, 'two'))", false},
		{`glob(a, "o*") && glob("x/y", "**")`, true},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			t.Parallel()
			lookup := func(name string) any {
				if name == "42" {
					return 42
				}
				return values[name]
			}
			if got := evaluate(t, test.text, lookup); got != test.want {
				t.Errorf("= %v, want %v", got, test.want)
			}
		})
	}
}
