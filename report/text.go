package report

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ansi is what steers a terminal: colours, titles, links.
var ansi = regexp.MustCompile("\x1b(?:\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?|[@-Z\\\\^_])")

// clean takes out of a text what is no text: colours and other sequences of terminals, control characters, marks that change the
// direction of writing, and what is not UTF-8. Line ends become \n.
func clean(text string) string {
	if strings.Contains(text, "\x1b") {
		text = ansi.ReplaceAllString(text, "")
	}
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n").Replace(text)
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

// block is a clean text of at most most bytes; what is cut is marked.
func block(text string, most int) string {
	const mark = "\n[cut]"
	if len(text) > 2*most {
		text = text[:2*most] // so that cleaning a huge one costs nothing
	}
	text = strings.Trim(clean(text), "\n")
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:max(most-len(mark), 0)], "") + mark
}

// tail is the clean end of a text, whole lines where there is room for one, of at most most bytes.
func tail(text string, most int) string {
	if len(text) > 2*most {
		text = text[len(text)-2*most:]
	}
	text = strings.TrimSpace(clean(text))
	if len(text) <= most {
		return text
	}
	const mark = "[cut]\n"
	text = text[len(text)-most+len(mark):]
	if i := strings.IndexByte(text, '\n'); i >= 0 && i < len(text)-1 {
		text = text[i+1:]
	}
	return mark + strings.ToValidUTF8(text, "")
}

// line is a clean text of one line and at most MaxLine bytes.
func line(text string) string { return oneLine(text, MaxLine) }

func oneLine(text string, most int) string {
	const mark = "..."
	if len(text) > 2*most {
		text = text[:2*most]
	}
	text = strings.Join(strings.Fields(clean(text)), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:max(most-len(mark), 0)], "") + mark
	}
	return text
}
