package manifest

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// primary reads a literal, a name or what is in brackets.
func (p *parser) primary() *expr {
	t := p.tok
	constant := func(value any) *expr { return node("Const", exprField{"value", value}) }
	switch t.kind {
	case tokenEnd:
		return p.fail()
	case tokenText:
		var text strings.Builder
		for ; p.tok.kind == tokenText; p.advance() {
			text.WriteString(p.tok.text)
		}
		return constant(pyText(text.String()))
	case tokenNumber:
		p.advance()
		return constant(pyNumber(t.text))
	case tokenName:
		p.advance()
		switch t.text {
		case "true", "True":
			return constant(literal("True"))
		case "false", "False":
			return constant(literal("False"))
		case "none", "None":
			return constant(literal("None"))
		}
		return node("Name", exprField{"name", pyText(t.text)}, exprField{"ctx", pyText("load")})
	}
	switch {
	case p.is("("):
		return p.parenthesized()
	case p.is("["):
		return node("List", exprField{"items", p.items("]")})
	case p.is("{"):
		return p.dict()
	}
	return p.fail()
}

// items reads expressions up to the closing bracket.
func (p *parser) items(closing string) []*expr {
	var items []*expr
	for p.err == nil && !p.is(closing) {
		items = append(items, p.expression())
		if !p.is(",") {
			p.must(closing)
			break
		}
	}
	return items
}

// parenthesized is a tuple if it is empty or has a comma.
func (p *parser) parenthesized() *expr {
	var items []*expr
	comma := false
	for p.err == nil && !p.is(")") {
		items = append(items, p.expression())
		if p.is(",") {
			comma = true
			continue
		}
		p.must(")")
		break
	}
	if len(items) == 1 && !comma {
		return items[0]
	}
	return node("Tuple", exprField{"items", items}, exprField{"ctx", pyText("load")})
}

func (p *parser) dict() *expr {
	var items []*expr
	for p.err == nil && !p.is("}") {
		key := p.expression()
		p.must(":")
		items = append(items, node("Pair", exprField{"key", key}, exprField{"value", p.expression()}))
		if !p.is(",") {
			p.must("}")
			break
		}
	}
	return node("Dict", exprField{"items", items})
}

// postfix reads members, subscripts and calls.
func (p *parser) postfix(e *expr) *expr {
	for p.err == nil {
		switch {
		case p.is("."):
			t := p.tok
			p.advance()
			load := exprField{"ctx", pyText("load")}
			switch t.kind {
			case tokenName:
				e = node("Getattr", exprField{"node", e}, exprField{"attr", pyText(t.text)}, load)
			case tokenNumber:
				e = node("Getitem", exprField{"node", e}, exprField{"arg", node("Const", exprField{"value", pyNumber(t.text)})}, load)
			default:
				return p.fail()
			}
		case p.is("["):
			e = node("Getitem", exprField{"node", e}, exprField{"arg", p.subscript()}, exprField{"ctx", pyText("load")})
		case p.is("("):
			e = p.call("Call", exprField{"node", e})
		default:
			return e
		}
	}
	return e
}

// call reads the arguments of a call, a filter or a test and the parenthesis behind them.
func (p *parser) call(class string, callee ...exprField) *expr {
	args, keywords, dynArgs, dynKeywords := p.arguments()
	p.must(")")
	return node(class, append(callee, exprField{"args", args}, exprField{"kwargs", keywords}, exprField{"dyn_args", dynArgs}, exprField{"dyn_kwargs", dynKeywords})...)
}

// subscript reads what is between square brackets.
func (p *parser) subscript() *expr {
	var parts []*expr
	for p.err == nil && !p.is("]") {
		parts = append(parts, p.slice())
		if !p.is(",") {
			p.must("]")
			break
		}
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return node("Tuple", exprField{"items", parts}, exprField{"ctx", pyText("load")})
}

func (p *parser) slice() *expr {
	bounds, colons := [3]any{}, 0
	for p.err == nil {
		if p.is(":") {
			if colons++; colons > 2 {
				return p.fail()
			}
			continue
		}
		if p.tok.kind == tokenOperator && (p.tok.text == "]" || p.tok.text == ",") {
			break
		}
		if bounds[colons] != nil {
			return p.fail()
		}
		bounds[colons] = p.expression()
	}
	if first, ok := bounds[0].(*expr); ok && colons == 0 {
		return first
	}
	return node("Slice", exprField{"start", bounds[0]}, exprField{"stop", bounds[1]}, exprField{"step", bounds[2]})
}

// filters reads filters, tests and calls of what they give.
func (p *parser) filters(e *expr) *expr {
	for p.err == nil {
		switch {
		case p.is("|"):
			e = p.filter("Filter", e)
		case p.is("is"):
			if p.is("not") {
				e = node("Not", exprField{"node", p.filter("Test", e)})
			} else {
				e = p.filter("Test", e)
			}
		case p.is("("):
			e = p.call("Call", exprField{"node", e})
		default:
			return e
		}
	}
	return e
}

// filter reads the name of a filter or a test and its arguments; those of a test may stand without parentheses.
func (p *parser) filter(class string, e *expr) *expr {
	if p.tok.kind != tokenName {
		return p.fail()
	}
	name := []string{p.tok.text}
	for p.advance(); p.is("."); p.advance() {
		name = append(name, p.tok.text)
	}
	callee := []exprField{{"node", e}, {"name", pyText(strings.Join(name, "."))}}
	if p.is("(") {
		return p.call(class, callee...)
	}
	var args []*expr
	word := p.tok.kind == tokenName && p.tok.text != "else" && p.tok.text != "or" && p.tok.text != "and" && p.tok.text != "is"
	bracket := p.tok.kind == tokenOperator && (p.tok.text == "[" || p.tok.text == "{")
	if class == "Test" && (word || bracket || p.tok.kind == tokenText || p.tok.kind == tokenNumber) {
		args = append(args, p.postfix(p.primary()))
	}
	return node(class, append(callee, exprField{"args", args}, exprField{"kwargs", []*expr(nil)}, exprField{"dyn_args", nil}, exprField{"dyn_kwargs", nil})...)
}

// pyNumber is a number as Python prints it.
func pyNumber(text string) literal {
	if whole, ok := new(big.Int).SetString(text, 0); ok && !strings.ContainsAny(text, ".") {
		return literal(whole.String())
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return literal(text)
	}
	if exponent := math.Log10(math.Abs(f)); f != 0 && (exponent < -4 || exponent >= 16) {
		return literal(strconv.FormatFloat(f, 'e', -1, 64))
	}
	out := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(out, ".") {
		out += ".0"
	}
	return literal(out)
}
