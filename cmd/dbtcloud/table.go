package main

import (
	"strings"
	"time"
	"unicode"

	"github.com/slimci/dbtcloud"
)

// table lays out rows of the same length in columns of equal width.
func table(rows [][]string) string {
	var widths []int
	for _, row := range rows {
		widths = append(widths, make([]int, max(len(row)-len(widths), 0))...)
		for i := range row {
			row[i] = shown(row[i])
			widths[i] = max(widths[i], width(row[i]))
		}
	}
	lines := make([]string, len(rows))
	for r, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			b.WriteString(cell)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-width(cell)+2))
			}
		}
		lines[r] = strings.TrimRight(b.String(), " ")
	}
	return strings.Join(lines, "\n")
}

// shown is what a cell shows of what a server says.
func shown(cell string) string {
	cell = strings.TrimSpace(inert(cell))
	if cell == "" {
		return "-"
	}
	return cell
}

// width is how many columns of a terminal a text takes.
func width(text string) int {
	n := 0
	for _, r := range text {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		case wide(r):
			n += 2
		default:
			n++
		}
	}
	return n
}

// wide tells whether a rune takes two columns: the letters of East Asia, and emoji.
func wide(r rune) bool {
	for _, between := range [][2]rune{
		{0x1100, 0x115F}, {0x2E80, 0x303E}, {0x3041, 0xA4CF}, {0xA960, 0xA97C}, {0xAC00, 0xD7A3}, {0xF900, 0xFAFF},
		{0xFE30, 0xFE6F}, {0xFF00, 0xFF60}, {0xFFE0, 0xFFE6}, {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF}, {0x1F900, 0x1FAFF}, {0x20000, 0x3FFFD},
	} {
		if between[0] <= r && r <= between[1] {
			return true
		}
	}
	return false
}

// clockTime is a point in time as tables show it; empty for none.
func clockTime(t dbtcloud.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
