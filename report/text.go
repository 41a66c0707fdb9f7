package report

import (
	"strings"

	"github.com/slimci/dbtcloud/internal/plain"
)

// block is a clean text of at most most bytes; what is cut is marked.
func block(text string, most int) string {
	const mark = "\n[cut]"
	if len(text) > 2*most {
		text = text[:2*most] // so that cleaning a huge one costs nothing
	}
	text = strings.Trim(plain.Text(text), "\n")
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
	text = strings.TrimSpace(plain.Text(text))
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
	text = strings.Join(strings.Fields(plain.Text(text)), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:max(most-len(mark), 0)], "") + mark
	}
	return text
}
