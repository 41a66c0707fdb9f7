package manifest

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// pattern is a pattern of Python's fnmatch: * is any text (also across dots and slashes), ? any one character, [abc],
// [a-z] and [!abc] one of a set. There is no escape, and a bracket that never closes is itself.
type pattern struct {
	text  string // as written
	plain bool   // without any wildcard
	parts []symbol
}

// symbol is what one place of a pattern takes.
type symbol struct {
	any    bool // *
	one    bool // ?
	char   rune
	set    []span // of [...]; the zero value of the others with negate false takes char
	isSet  bool
	negate bool
}

// span is a range of characters, both ends included.
type span struct{ low, high rune }

func newPattern(text string) *pattern {
	p := &pattern{text: text, plain: !strings.ContainsAny(text, "*?[")}
	if p.plain {
		return p
	}
	chars := []rune(text)
	for i := 0; i < len(chars); i++ {
		switch c := chars[i]; c {
		case '*':
			p.parts = append(p.parts, symbol{any: true})
		case '?':
			p.parts = append(p.parts, symbol{one: true})
		case '[':
			end := closing(chars, i)
			if end < 0 {
				p.parts = append(p.parts, symbol{char: c})
				continue
			}
			p.parts = append(p.parts, newSet(chars[i+1:end]))
			i = end
		default:
			p.parts = append(p.parts, symbol{char: c})
		}
	}
	return p
}

// closing finds the bracket that ends the set which begins at i; one right at its beginning belongs to the set.
func closing(chars []rune, i int) int {
	j := i + 1
	if j < len(chars) && chars[j] == '!' {
		j++
	}
	if j < len(chars) && chars[j] == ']' {
		j++
	}
	for ; j < len(chars); j++ {
		if chars[j] == ']' {
			return j
		}
	}
	return -1
}

// newSet reads what stands between brackets. Ranges that run backwards are empty, together with both their ends.
func newSet(inside []rune) symbol {
	chunks := chunksOf(inside)
	for k := len(chunks) - 1; k > 0; k-- {
		left, right := chunks[k-1], chunks[k]
		if left[len(left)-1] > right[0] {
			chunks = slices.Replace(chunks, k-1, k+1, slices.Concat(left[:len(left)-1], right[1:]))
		}
	}
	s := symbol{isSet: true}
	if len(chunks[0]) > 0 && chunks[0][0] == '!' { // also where an empty range stood before it
		s.negate, chunks[0] = true, chunks[0][1:]
		if len(chunks[0]) == 0 && len(chunks) > 1 { // then the hyphen behind it makes no range, and is itself
			chunks = slices.Replace(chunks, 0, 2, slices.Concat([]rune{'-'}, chunks[1]))
		}
	}
	for k, chunk := range chunks {
		for i, c := range chunk {
			if k > 0 && i == 0 {
				last := &s.set[len(s.set)-1] // the end of the chunk before is where this range begins
				last.high = c
				continue
			}
			s.set = append(s.set, span{c, c})
		}
	}
	return s
}

// chunksOf cuts what stands between brackets at the hyphens that make ranges.
func chunksOf(inside []rune) [][]rune {
	var chunks [][]rune
	at, from := 0, 1
	if len(inside) > 0 && inside[0] == '!' {
		from = 2
	}
	for from < len(inside) {
		k := slices.Index(inside[from:], '-')
		if k < 0 {
			break
		}
		k += from
		chunks = append(chunks, inside[at:k])
		at, from = k+1, k+3
	}
	rest := inside[at:]
	if len(rest) == 0 && len(chunks) > 0 { // a hyphen at the end is itself
		last := len(chunks) - 1
		chunks[last] = append(slices.Clone(chunks[last]), '-')
		return chunks
	}
	return append(chunks, rest)
}

func (s *symbol) takes(c rune) bool {
	switch {
	case s.one:
		return true
	case !s.isSet:
		return s.char == c
	}
	return slices.ContainsFunc(s.set, func(r span) bool { return r.low <= c && c <= r.high }) != s.negate
}

// match reports whether the pattern takes all of the text. It never looks at a character more often than there are
// symbols in the pattern.
func (p *pattern) match(text string) bool {
	if p.plain {
		return p.text == text
	}
	at, part := 0, 0
	backAt, backPart := 0, -1 // where the last * goes on with one character more
	for at < len(text) {
		c, size := utf8.DecodeRuneInString(text[at:])
		switch {
		case part < len(p.parts) && p.parts[part].any:
			backAt, backPart = at, part+1
			part++
		case part < len(p.parts) && p.parts[part].takes(c):
			at, part = at+size, part+1
		case backPart >= 0:
			_, size := utf8.DecodeRuneInString(text[backAt:])
			backAt += size
			at, part = backAt, backPart
		default:
			return false
		}
	}
	for part < len(p.parts) && p.parts[part].any {
		part++
	}
	return part == len(p.parts)
}
