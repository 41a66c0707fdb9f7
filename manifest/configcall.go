package manifest

import (
	"bytes"
	"strings"
)

// configCall finds the arguments of the first config() call in a template, as they are written; empty for none.
func configCall(template []byte) string {
	if !bytes.Contains(template, []byte("config(")) {
		return "" // as dbt decides it
	}
	text := string(template)
	for {
		open := strings.IndexByte(text, '{')
		if open < 0 || open+1 == len(text) {
			return ""
		}
		kind := text[open+1]
		text = text[open+1:]
		switch kind {
		case '#':
			text = after(text, "#}")
		case '{', '%':
			text = text[1:]
			if name := strings.TrimLeft(strings.TrimPrefix(text, "-"), " \t\r\n"); kind == '%' && strings.HasPrefix(name, "raw") {
				text = after(after(text, "endraw"), "%}")
				continue
			}
			l := lexer{text: text, block: true}
			if call, found := l.configCall(); found {
				return call
			}
			text = text[l.pos:]
		}
	}
}

// after is what follows the first end, nothing if there is none.
func after(text, end string) string {
	_, rest, _ := strings.Cut(text, end)
	return rest
}

// configCall looks for the call up to the end of the block.
func (l *lexer) configCall() (arguments string, found bool) {
	var before token
	for {
		t := l.next()
		if t.kind == tokenEnd {
			return "", false
		}
		member := before.text == "." || before.text == "|" || before.text == "is" || before.text == "macro"
		if t == (token{tokenName, "config"}) && !member && strings.HasPrefix(strings.TrimLeft(l.text[l.pos:], " \t\r\n"), "(") {
			break
		}
		before = t
	}
	l.next()
	for start, depth := l.pos, len(l.closes); ; {
		t := l.next()
		if t.kind == tokenEnd {
			return "", false
		}
		if len(l.closes) < depth {
			return l.text[start : l.pos-1], true
		}
	}
}
