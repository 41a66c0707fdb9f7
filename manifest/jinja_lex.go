package manifest

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind int

const (
	tokenEnd      tokenKind = iota // the text or the block ends, or goes on with what is no Jinja
	tokenName                      // a name or a keyword
	tokenText                      // a string literal; text is what it says
	tokenNumber                    // text is as written, without underscores
	tokenOperator                  // anything else
)

type token struct {
	kind tokenKind
	text string
}

// lexer splits the code of a Jinja expression into tokens.
type lexer struct {
	text   string
	pos    int
	closes []byte // the brackets that are to close the open ones
	block  bool   // the text goes on behind the block, whose end is the end
	bad    bool   // it ended because something is no Jinja
}

// next takes the next token. It ends also where something is no Jinja.
func (l *lexer) next() token {
	l.pos += len(l.text[l.pos:]) - len(strings.TrimLeft(l.text[l.pos:], " \t\r\n"))
	rest := l.text[l.pos:]
	if rest == "" || l.block && len(l.closes) == 0 && l.blockEnds(rest) {
		return token{}
	}
	c := rest[0]
	switch {
	case c == '\'' || c == '"':
		return l.quoted(rest)
	case c >= '0' && c <= '9':
		return l.number(rest)
	}
	if name := len(rest) - len(strings.TrimLeftFunc(rest, isNameRune)); name > 0 {
		l.pos += name
		return token{tokenName, rest[:name]}
	}
	for _, operator := range []string{"**", "//", "==", "!=", "<=", ">="} {
		if strings.HasPrefix(rest, operator) {
			l.pos += 2
			return token{tokenOperator, operator}
		}
	}
	if !strings.ContainsRune("()[]{}+-*/%~<>=.,:|;", rune(c)) || !l.bracket(c) {
		return l.none()
	}
	l.pos++
	return token{tokenOperator, rest[:1]}
}

// none is the end because something is no Jinja.
func (l *lexer) none() token {
	l.pos, l.bad = len(l.text), true
	return token{}
}

// bracket notes a bracket, and reports whether it may stand there.
func (l *lexer) bracket(c byte) bool {
	switch c {
	case '(':
		l.closes = append(l.closes, ')')
	case '[', '{':
		l.closes = append(l.closes, c+2) // in ASCII
	case ')', ']', '}':
		last := len(l.closes) - 1
		if last < 0 || l.closes[last] != c {
			return false
		}
		l.closes = l.closes[:last]
	}
	return true
}

// blockEnds takes the end of a block if there is one.
func (l *lexer) blockEnds(rest string) bool {
	trimmed := strings.TrimLeft(rest, "-+")
	if !strings.HasPrefix(trimmed, "}}") && !strings.HasPrefix(trimmed, "%}") || len(rest)-len(trimmed) > 1 {
		return false
	}
	l.pos += len(rest) - len(trimmed) + 2
	return true
}

func isNameRune(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

func (l *lexer) quoted(rest string) token {
	for i := 1; i < len(rest); i++ {
		switch rest[i] {
		case '\\':
			i++
		case rest[0]:
			l.pos += i + 1
			return token{tokenText, unescapePython(rest[1:i])}
		}
	}
	return l.none()
}

func (l *lexer) number(rest string) token {
	n := decimal(rest)
	if digits := digitsOf(rest); digits != "" {
		n = len(rest) - len(strings.TrimLeft(rest[2:], digits))
	}
	l.pos += n
	return token{tokenNumber, strings.ReplaceAll(rest[:n], "_", "")}
}

// digitsOf are the digits of a number that says of which base it is, as 0x1f does; nothing for others.
func digitsOf(rest string) string {
	switch strings.ToLower(rest[:min(2, len(rest))]) {
	case "0b":
		return "01_"
	case "0o":
		return "01234567_"
	case "0x":
		return "0123456789abcdefABCDEF_"
	}
	return ""
}

// decimal is how long the number at the beginning is.
func decimal(rest string) int {
	n := len(rest) - len(strings.TrimLeft(rest, "0123456789_"))
	if fraction := rest[n:]; len(fraction) > 1 && fraction[0] == '.' && fraction[1] >= '0' && fraction[1] <= '9' {
		n += 1 + len(fraction) - 1 - len(strings.TrimLeft(fraction[1:], "0123456789_"))
	}
	if exponent := strings.TrimLeft(rest[n:], "eE"); len(rest[n:])-len(exponent) == 1 {
		digits := strings.TrimPrefix(strings.TrimPrefix(exponent, "+"), "-")
		if after := strings.TrimLeft(digits, "0123456789"); len(after) < len(digits) {
			n = len(rest) - len(after)
		}
	}
	return n
}

// unescapePython is what the inner part of a string literal of Python says.
func unescapePython(text string) string {
	if !strings.Contains(text, "\\") {
		return text
	}
	var out strings.Builder
	for len(text) > 0 {
		before, rest, found := strings.Cut(text, "\\")
		out.WriteString(before)
		if !found || rest == "" {
			break
		}
		text = rest[1:]
		switch c := rest[0]; c {
		case 'x', 'u', 'U':
			digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
			r, err := strconv.ParseUint(text[:min(digits, len(text))], 16, 32)
			if err != nil || len(text) < digits {
				out.WriteString(`\` + string(c))
				continue
			}
			out.WriteRune(rune(min(r, unicode.MaxRune+1))) // what is none is written as U+FFFD
			text = text[digits:]
		case '\n':
		default:
			if i := strings.IndexByte(`abfnrtv\'"`, c); i >= 0 {
				out.WriteByte("\a\b\f\n\r\t\v\\'\""[i])
			} else {
				r, size := utf8.DecodeRuneInString(rest)
				out.WriteString(`\` + string(r))
				text = rest[size:]
			}
		}
	}
	return out.String()
}
