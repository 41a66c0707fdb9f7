// Package plain makes of what others wrote a text that does nothing but be read: neither to a terminal, nor to a reader of
// lines, nor to a CI service that looks for commands in a log.
package plain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// terminal is what steers a terminal: colours, titles, links.
var terminal = regexp.MustCompile("\x1b(?:\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?|[@-Z\\\\^_])")

// Text takes out of a text what is no text: colours and other sequences of terminals, control characters, marks that change
// the direction of writing, and what is not UTF-8. Line ends become \n.
func Text(text string) string {
	if strings.Contains(text, "\x1b") {
		text = terminal.ReplaceAllString(text, "")
	}
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\v", "\n", "\f", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n").Replace(text)
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return -1
		case r == 0xFFFE || r == 0xFFFF: // no characters of XML
			return utf8.RuneError
		}
		return r // for what is not UTF-8 that is RuneError
	}, text)
}

// Line is [Text] on one line: what ends a line and every tab is a space.
func Line(text string) string { return strings.NewReplacer("\n", " ", "\t", " ").Replace(Text(text)) }

var (
	anywhere  = regexp.MustCompile(`##(\w*\[)`)                             // Azure Pipelines and, of old, GitHub Actions
	lineStart = regexp.MustCompile(`(?m)^([\p{Z}\t]*)::`)                   // GitHub Actions
	groups    = regexp.MustCompile(`(?m)^(---|\+\+\+|~~~|\^\^\^)([ \t]|$)`) // Buildkite
)

// Inert breaks what CI services take for a command wherever it stands in a line, such as ##vso[task.complete].
func Inert(text string) string { return anywhere.ReplaceAllString(text, "# #$1") }

// InertLines is [Inert] for lines that nothing of ours stands before: it breaks also what is a command at the start of a
// line, such as ::error::, or opens a group there.
func InertLines(text string) string {
	return groups.ReplaceAllString(lineStart.ReplaceAllString(Inert(text), "$1: :"), " $1$2")
}

// JSON encodes with the escapes that JSON asks for, and those of what it lets pass though it controls a terminal, ends a
// line for some readers of lines, or is a command to a CI service. No line end follows.
func JSON(object any, indent string) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(object); err != nil {
		return nil, err
	}
	var out []byte
	for _, r := range strings.TrimSuffix(b.String(), "\n") {
		if r != '\n' && unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp) {
			out = fmt.Appendf(out, `\u%04x`, r)
		} else {
			out = utf8.AppendRune(out, r)
		}
	}
	return anywhere.ReplaceAll(out, []byte(`\u0023#$1`)), nil
}
