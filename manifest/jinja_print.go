package manifest

import (
	"fmt"
	"strings"
	"unicode"
)

// source writes an expression as dbt 1.12 keeps it. What dbt has no form for is Python's repr of the node.
func source(e *expr) string {
	sub := func(name string) string {
		inner, _ := e.get(name).(*expr)
		if inner == nil {
			return "None"
		}
		return source(inner)
	}
	subs := func(name, between string) string {
		var out []string
		inner, _ := e.get(name).([]*expr)
		for _, one := range inner {
			out = append(out, source(one))
		}
		return strings.Join(out, between)
	}
	word := func(name string) string {
		text, _ := e.get(name).(pyText)
		return string(text)
	}
	switch e.class {
	case "Const":
		return repr(e.get("value"))
	case "Name":
		return word("name")
	case "Call":
		return sourceCall(e)
	case "List":
		return "[" + subs("items", ", ") + "]"
	case "Tuple":
		if items, _ := e.get("items").([]*expr); len(items) == 1 {
			return "(" + subs("items", "") + ",)"
		}
		return "(" + subs("items", ", ") + ")"
	case "Dict":
		return "{" + subs("items", ", ") + "}"
	case "Pair":
		return sub("key") + ": " + sub("value")
	case "Keyword":
		return word("key") + "=" + sub("value")
	case "Getattr":
		return sub("node") + "." + word("attr")
	case "Getitem":
		return sub("node") + "[" + sub("arg") + "]"
	case "Concat":
		return subs("nodes", " ~ ")
	case "Compare":
		return sub("expr") + " " + subs("ops", " ")
	case "Operand":
		return operatorText(word("op")) + " " + sub("expr")
	case "Not":
		return "not " + sub("node")
	case "Neg":
		return "-" + sub("node")
	case "And":
		return sub("left") + " and " + sub("right")
	case "Or":
		return sub("left") + " or " + sub("right")
	}
	return repr(e)
}

func sourceCall(e *expr) string {
	var parts []string
	for _, name := range []string{"args", "kwargs"} {
		list, _ := e.get(name).([]*expr)
		for _, one := range list {
			parts = append(parts, source(one))
		}
	}
	if args, ok := e.get("dyn_args").(*expr); ok {
		parts = append(parts, "*"+source(args))
	}
	if keywords, ok := e.get("dyn_kwargs").(*expr); ok {
		parts = append(parts, "**"+source(keywords))
	}
	callee, _ := e.get("node").(*expr)
	return source(callee) + "(" + strings.Join(parts, ", ") + ")"
}

func operatorText(name string) string {
	switch name {
	case "eq":
		return "=="
	case "ne":
		return "!="
	case "lt":
		return "<"
	case "lteq":
		return "<="
	case "gt":
		return ">"
	case "gteq":
		return ">="
	case "notin":
		return "not in"
	}
	return name
}

// repr is Python's repr of a node of Jinja or of a value.
func repr(v any) string {
	switch v := v.(type) {
	case pyText:
		return quotedPython(string(v))
	case literal:
		return string(v)
	case []*expr:
		out := make([]string, len(v))
		for i := range v {
			out[i] = repr(v[i])
		}
		return "[" + strings.Join(out, ", ") + "]"
	case *expr:
		out := make([]string, len(v.fields))
		for i, f := range v.fields {
			out[i] = f.name + "=" + repr(f.value)
		}
		return v.class + "(" + strings.Join(out, ", ") + ")"
	}
	return "None"
}

// quotedPython is Python's repr of a text.
func quotedPython(text string) string {
	quote := '\''
	if strings.ContainsRune(text, '\'') && !strings.ContainsRune(text, '"') {
		quote = '"'
	}
	var out strings.Builder
	out.WriteRune(quote)
	for _, r := range text {
		switch {
		case r == quote || r == '\\':
			out.WriteString(`\` + string(r))
		case r == '\n':
			out.WriteString(`\n`)
		case r == '\r':
			out.WriteString(`\r`)
		case r == '\t':
			out.WriteString(`\t`)
		case unicode.IsPrint(r):
			out.WriteRune(r)
		case r <= 0xff:
			fmt.Fprintf(&out, `\x%02x`, r)
		case r <= 0xffff:
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			fmt.Fprintf(&out, `\U%08x`, r)
		}
	}
	out.WriteRune(quote)
	return out.String()
}
