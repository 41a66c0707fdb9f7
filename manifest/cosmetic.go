package manifest

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Cosmetic returns the unique ids of state:modified, sorted, that are there only because of comments and white space in
// their SQL. Dbt builds them like all others: whoever leaves them out should say so. The readers are those of the two
// manifests, not gzipped; the error is theirs, or says that one has something else.
func (c *Comparison) Cosmetic(old, new io.ReaderAt) ([]string, error) {
	var ids []string
	for _, change := range c.Changes() {
		n := c.New.Nodes[change.ID]
		body := func(cause Cause) bool {
			return cause.Kind == CauseBody && cause.OldText.Length > 0 && cause.NewText.Length > 0
		}
		if !c.Is("modified", change.ID) || len(change.Causes) != 1 || !body(change.Causes[0]) || strings.HasSuffix(n.OriginalFilePath, ".py") {
			continue
		}
		before, err := change.Causes[0].OldText.Read(old)
		if err != nil {
			return nil, fmt.Errorf("%s: the state: %w", change.ID, err)
		}
		after, err := change.Causes[0].NewText.Read(new)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", change.ID, err)
		}
		if SameSQL(before, after) {
			ids = append(ids, change.ID)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// SameSQL reports whether two templates of SQL are the same but for comments and white space between words. It says no
// where it is not sure, as with comments that hold Jinja or are hints, and with quoting by dollars.
func SameSQL(a, b string) bool {
	bareA, sureA := bare(a)
	bareB, sureB := bare(b)
	return a == b || sureA && sureB && bareA == bareB
}

// bare is a template without comments and with one space for all white space, and whether that is surely the same.
func bare(text string) (string, bool) {
	b := barer{rest: strings.ReplaceAll(text, "\r\n", "\n")}
	for b.rest != "" && !b.unsure {
		b.step()
	}
	return strings.Trim(b.out.String(), " "), !b.unsure
}

type barer struct {
	rest   string
	out    strings.Builder
	spaced bool // out ends with a space
	unsure bool
}

func (b *barer) step() {
	c := b.rest[0]
	switch {
	case strings.HasPrefix(b.rest, "{#"):
		if comment := b.upTo("#}"); strings.HasPrefix(comment, "{#-") || strings.HasSuffix(comment, "-#}") {
			b.unsure = true // it takes white space away
		}
	case strings.HasPrefix(b.rest, "{{"), strings.HasPrefix(b.rest, "{%"):
		b.jinja(true)
	case strings.HasPrefix(b.rest, "--"):
		b.comment("\n")
	case strings.HasPrefix(b.rest, "/*"):
		b.comment("*/")
	case c == '\'' || c == '"' || c == '`':
		b.quoted(c)
	case c == '$' || c == '#' || strings.HasPrefix(b.rest, "//"):
		b.unsure = true // other quotes and comments, depending on the warehouse
	default:
		b.take(1)
	}
}

// take moves bytes to the output; of white space the first only.
func (b *barer) take(n int) {
	for i := range n {
		c := b.rest[i]
		space := c == ' ' || c == '\n' || c == '\t' || c == '\r'
		switch {
		case !space:
			b.out.WriteByte(c)
		case !b.spaced:
			b.out.WriteByte(' ')
		}
		b.spaced = space
	}
	b.rest = b.rest[n:]
}

// keep moves bytes to the output as they are.
func (b *barer) keep(n int) {
	b.out.WriteString(b.rest[:n])
	b.spaced, b.rest = false, b.rest[n:]
}

// upTo takes what goes up to the end, which must come.
func (b *barer) upTo(end string) string {
	i := strings.Index(b.rest, end)
	if i < 0 {
		b.unsure = true
		return ""
	}
	taken := b.rest[:i+len(end)]
	b.rest = b.rest[len(taken):]
	return taken
}

// comment takes a comment of SQL, which is white space. Jinja in it is carried out all the same.
func (b *barer) comment(end string) {
	if end == "\n" && !strings.Contains(b.rest, end) {
		b.rest += end
	}
	comment := b.upTo(end)
	inner := strings.TrimPrefix(comment, "/*")
	if strings.Contains(comment, "{") || strings.HasPrefix(inner, "+") || strings.HasPrefix(inner, "!") || strings.Contains(inner, "/*") {
		b.unsure = true
	}
	if !b.spaced {
		b.out.WriteByte(' ')
	}
	b.spaced = true
}

// quoted takes a quoted text of SQL as it is, with the Jinja in it.
func (b *barer) quoted(quote byte) {
	b.keep(1)
	for b.rest != "" && !b.unsure {
		switch {
		case b.rest[0] == quote:
			b.keep(1)
			return
		case b.rest[0] == '\\':
			b.unsure = true // whether it escapes the quote depends on the warehouse
		case strings.HasPrefix(b.rest, "{#"):
			b.unsure = true
		case strings.HasPrefix(b.rest, "{{"), strings.HasPrefix(b.rest, "{%"):
			b.jinja(false)
		default:
			b.keep(1)
		}
	}
	b.unsure = true
}

// jinja takes a block of Jinja; its white space counts where it stands in a quoted text.
func (b *barer) jinja(spaces bool) {
	move := b.keep
	if spaces {
		move = b.take
	}
	end := map[byte]string{'{': "}}", '%': "%}"}[b.rest[1]]
	move(2)
	for b.rest != "" {
		switch c := b.rest[0]; {
		case strings.HasPrefix(b.rest, end):
			move(2)
			return
		case c == '\'' || c == '"':
			n := 1
			for n < len(b.rest) && b.rest[n] != c {
				if b.rest[n] == '\\' {
					n++
				}
				n++
			}
			b.keep(min(n+1, len(b.rest)))
		default:
			move(1)
		}
	}
	b.unsure = true
}
