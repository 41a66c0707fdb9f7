package manifest

import "errors"

// expr is a node of the syntax tree of a Jinja expression: its class and its fields, in Jinja's order. The value of a
// field is another expr, a list of them, a string that Python would quote, a literal, or nil.
type expr struct {
	class  string
	fields []exprField
}

type exprField struct {
	name  string
	value any // *expr, []*expr, pyText, literal or nil
}

type (
	pyText  string // a text
	literal string // a number, True, False or None, as Python prints it
)

func node(class string, fields ...exprField) *expr { return &expr{class: class, fields: fields} }

func (e *expr) get(name string) any {
	for _, f := range e.fields {
		if f.name == name {
			return f.value
		}
	}
	return nil
}

var errNoJinja = errors.New("no expression of Jinja")

// parser reads an expression as Jinja does.
type parser struct {
	lexer
	tok   token
	depth int
	err   error
}

// keywordArguments are the keyword arguments of a call, in order.
func keywordArguments(arguments string) ([]*expr, error) {
	p := &parser{lexer: lexer{text: arguments}}
	p.advance()
	_, keywords, _, _ := p.arguments()
	if p.err == nil && (p.tok.kind != tokenEnd || p.bad) {
		p.err = errNoJinja
	}
	return keywords, p.err
}

func (p *parser) advance() { p.tok = p.next() }

// is takes an operator or a keyword if it is next.
func (p *parser) is(text string) bool {
	if p.tok.kind == tokenText || p.tok.kind == tokenNumber || p.tok.text != text || p.err != nil {
		return false
	}
	p.advance()
	return true
}

func (p *parser) must(text string) {
	if !p.is(text) {
		p.fail()
	}
}

func (p *parser) fail() *expr {
	p.err = errNoJinja
	p.tok = token{}
	return node("Const", exprField{"value", literal("None")})
}

// arguments reads what is between the parentheses of a call.
func (p *parser) arguments() (args, keywords []*expr, dynArgs, dynKeywords any) {
	for p.err == nil && p.tok.kind != tokenEnd && p.tok.text != ")" || p.tok.kind == tokenText {
		switch {
		case p.is("**"):
			dynKeywords = p.expression()
		case p.is("*"):
			dynArgs = p.expression()
		default:
			value := p.expression()
			if name, ok := value.get("name").(pyText); ok && value.class == "Name" && p.is("=") {
				keywords = append(keywords, node("Keyword", exprField{"key", name}, exprField{"value", p.expression()}))
			} else {
				args = append(args, value)
			}
		}
		if !p.is(",") {
			break
		}
	}
	return args, keywords, dynArgs, dynKeywords
}

func (p *parser) expression() *expr {
	const deepest = 200
	if p.depth++; p.depth > deepest {
		return p.fail()
	}
	defer func() { p.depth-- }()
	e := p.or()
	for p.is("if") {
		test := p.or()
		var other any
		if p.is("else") {
			other = p.expression()
		}
		e = node("CondExpr", exprField{"test", test}, exprField{"expr1", e}, exprField{"expr2", other})
	}
	return e
}

// binary reads operands with operators between them, which bind to the left.
func (p *parser) binary(operand func() *expr, classes map[string]string) *expr {
	left := operand()
	for {
		class, ok := classes[p.tok.text]
		if !ok || !p.is(p.tok.text) {
			return left
		}
		left = node(class, exprField{"left", left}, exprField{"right", operand()})
	}
}

func (p *parser) or() *expr  { return p.binary(p.and, map[string]string{"or": "Or"}) }
func (p *parser) and() *expr { return p.binary(p.not, map[string]string{"and": "And"}) }

func (p *parser) not() *expr {
	nots := 0
	for p.is("not") {
		nots++
	}
	e := p.compare()
	for range nots {
		e = node("Not", exprField{"node", e})
	}
	return e
}

func (p *parser) compare() *expr {
	e := p.sum()
	var operands []*expr
	for {
		operator := operatorName(p.tok.text)
		switch {
		case operator != "" && p.is(p.tok.text):
		case p.is("not"):
			p.must("in")
			operator = "notin"
		default:
			if operands == nil {
				return e
			}
			return node("Compare", exprField{"expr", e}, exprField{"ops", operands})
		}
		operands = append(operands, node("Operand", exprField{"op", pyText(operator)}, exprField{"expr", p.sum()}))
	}
}

// operatorName is the name that Jinja gives to a comparison, empty for what is none.
func operatorName(text string) string {
	for _, name := range []string{"eq", "ne", "lt", "lteq", "gt", "gteq", "in"} {
		if operatorText(name) == text {
			return name
		}
	}
	return ""
}

func (p *parser) sum() *expr { return p.binary(p.concat, map[string]string{"+": "Add", "-": "Sub"}) }

func (p *parser) concat() *expr {
	nodes := []*expr{p.product()}
	for p.is("~") {
		nodes = append(nodes, p.product())
	}
	if len(nodes) == 1 {
		return nodes[0]
	}
	return node("Concat", exprField{"nodes", nodes})
}

func (p *parser) product() *expr {
	return p.binary(p.power, map[string]string{"*": "Mul", "/": "Div", "//": "FloorDiv", "%": "Mod"})
}

func (p *parser) power() *expr {
	return p.binary(func() *expr { return p.unary(true) }, map[string]string{"**": "Pow"})
}

func (p *parser) unary(filtered bool) *expr {
	const deepest = 200
	if p.depth++; p.depth > deepest {
		return p.fail()
	}
	defer func() { p.depth-- }()
	var e *expr
	switch {
	case p.is("-"):
		e = node("Neg", exprField{"node", p.unary(false)})
	case p.is("+"):
		e = node("Pos", exprField{"node", p.unary(false)})
	default:
		e = p.primary()
	}
	e = p.postfix(e)
	if filtered {
		e = p.filters(e)
	}
	return e
}
