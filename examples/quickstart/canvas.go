package main

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// style is how a cell looks on a terminal with colours: parameters of an SGR escape.
type style string

// Styles.
const (
	plain  style = ""
	bold   style = "1"
	dim    style = "2"
	red    style = "1;31"
	yellow style = "33"
)

// colourOf gives each pull request one of six colours.
func colourOf(pullRequest int64) style {
	return []style{"36", "32", "34", "35", "96", "94"}[pullRequest%6]
}

// pen writes text with its style, or without where there are no colours.
type pen struct{ colour bool }

func (p pen) text(s style, text string) string {
	if !p.colour || s == plain || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// bold is a heading.
func (p pen) bold(format string, args ...any) string {
	return p.text(bold, fmt.Sprintf(format, args...))
}

type cell struct {
	glyph rune
	style style
}

// line is a row of cells; a zero cell is blank.
type line []cell

// put writes text at a column; the line grows as needed.
func (l *line) put(column int, s style, text string) {
	for _, glyph := range text {
		for len(*l) <= column {
			*l = append(*l, cell{})
		}
		(*l)[column] = cell{glyph, s}
		column++
	}
}

// render is the line as p writes it, without blanks at its end.
func (l line) render(p pen) string {
	var out, same strings.Builder
	var last style
	flush := func() {
		out.WriteString(p.text(last, same.String()))
		same.Reset()
	}
	for _, c := range l {
		if c.glyph == 0 {
			c = cell{' ', plain}
		}
		if c.style != last {
			flush()
			last = c.style
		}
		same.WriteRune(c.glyph)
	}
	flush()
	return strings.TrimRight(out.String(), " ")
}

func width(text string) int { return utf8.RuneCountInString(text) }
