package report

import (
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/slimci/dbtcloud/internal/plain"
)

// Markdown renders the digest, the summary first, in at most limit bytes; 0 or less stands for no limit. What there is no room for is
// counted at the end.
func (d *Digest) Markdown(limit int) string {
	p := &page{limit: limit}
	p.add(d.markdownHead())
	p.list("Failures", len(d.Failures), d.Truncated.Failures, func(i int) string { return markdownFailure(d.Failures[i]) })
	p.list("Warnings", len(d.Warnings), d.Truncated.Warnings, func(i int) string { return markdownFailure(d.Warnings[i]) })
	p.list("Notes", len(d.Notes), d.Truncated.Notes, func(i int) string { return "- " + code(d.Notes[i]) + "\n" })
	p.list("Skipped", len(d.Skipped), d.Truncated.Skipped, func(i int) string { return "- " + code(d.Skipped[i]) + "\n" })
	p.list("Built", len(d.Built), d.Truncated.Built, func(i int) string { return "- " + code(d.Built[i]) + "\n" })
	return p.text.String()
}

// page is a text that grows up to a limit.
type page struct {
	text  strings.Builder
	limit int
	full  bool
}

// reserve is kept free for what says that something is missing.
const reserve = 80

// add appends a part unless there is no room for it, then nothing is added any more.
func (p *page) add(part string) bool {
	switch room := p.limit - p.text.Len(); {
	case p.full:
	case p.limit <= 0 || len(part) <= room-reserve:
		p.text.WriteString(part)
	default:
		p.full = true
	}
	return !p.full
}

// list adds the entries of one kind under a title, and says how many are missing.
func (p *page) list(title string, n, missing int, entry func(i int) string) {
	if n == 0 || !p.add(fmt.Sprintf("\n### %s (%d)\n\n", title, n+missing)) {
		return
	}
	for i := range n {
		if !p.add(entry(i)) {
			missing += n - i
			break
		}
	}
	if note := fmt.Sprintf("\n%d more are not shown.\n", missing); missing > 0 && (p.limit <= 0 || p.text.Len()+len(note) <= p.limit) {
		p.text.WriteString(note)
	}
}

func (d *Digest) markdownHead() string {
	var b strings.Builder
	name := fmt.Sprintf("dbt run %d", d.Run.ID)
	if link := webLink(d.Run.URL); link != "" {
		name = fmt.Sprintf("[%s](%s)", name, link)
	}
	fmt.Fprintf(&b, "## %s: %s\n\n", name, code(d.Run.Status))
	for _, row := range d.facts() {
		fmt.Fprintf(&b, "- %s: %s\n", row[0], code(row[1]))
	}
	fmt.Fprintf(&b, "\n| built | passed | failed | errors | warnings | skipped | other |\n|---|---|---|---|---|---|---|\n")
	c := d.Counts
	fmt.Fprintf(&b, "| %d | %d | %d | %d | %d | %d | %d |\n", c.Built, c.Passed, c.Failed, c.Errors, c.Warned, c.Skipped, c.Other)
	return b.String()
}

// facts are what the run says of itself, in the order of a summary; without what it does not say.
func (d *Digest) facts() [][2]string {
	rows := [][2]string{{"job", line(d.Run.JobName)}, {"branch", line(d.Run.Branch)}, {"commit", line(d.Run.SHA)}, {"duration", ""}, {"message", line(d.Run.Message)}}
	if d.Duration > 0 {
		rows[3][1] = d.Duration.Round(time.Second).String()
	}
	out := rows[:0]
	for _, row := range rows {
		if row[1] != "" {
			out = append(out, row)
		}
	}
	return out
}

func markdownFailure(f Failure) string {
	var b strings.Builder
	fmt.Fprintf(&b, "- %s %s", code(f.Kind), code(f.Name))
	if where := f.where(); where != "" {
		fmt.Fprintf(&b, " in %s", code(where))
	}
	if f.Failures > 0 {
		b.WriteString(", " + rows(f.Failures))
	}
	b.WriteString("\n")
	if message := block(f.Message, MaxMessage); message != "" {
		b.WriteString("\n" + fence(message) + "\n")
	}
	return b.String()
}

// where is FILE:LINE, as far as it is known.
func (f Failure) where() string {
	if f.File == "" || f.Line <= 0 {
		return f.File
	}
	return fmt.Sprintf("%s:%d", f.File, f.Line)
}

func rows(n int64) string {
	if n == 1 {
		return "1 row"
	}
	return fmt.Sprintf("%d rows", n)
}

// code is a code span: nothing in it means anything, whatever backticks it has.
func code(text string) string {
	if text = line(text); text == "" {
		return ""
	}
	marks := strings.Repeat("`", longestRun(text)+1)
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " "
	}
	return marks + text + marks
}

// fence is a block of code, longer fenced than any backticks in it.
func fence(text string) string {
	marks := strings.Repeat("`", max(3, longestRun(text)+1))
	return marks + "text\n" + text + "\n" + marks + "\n"
}

// longestRun is how many backticks stand in a row at most.
func longestRun(text string) int {
	longest, run := 0, 0
	for _, r := range text {
		if run++; r != '`' {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest
}

// webLink is the address of a page, written so that it ends no link of Markdown; empty for anything else.
func webLink(address string) string {
	u, err := url.Parse(line(address))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		return ""
	}
	return strings.NewReplacer("(", "%28", ")", "%29", "<", "%3C", ">", "%3E", "`", "%60", "|", "%7C", " ", "%20", "[", "%5B", "]", "%5D", "*", "%2A", "_", "%5F").
		Replace(u.String())
}

// Terminal writes the digest for people who read a log, the summary first, in colours if so asked. No line of it is a command to a CI
// system, whatever the texts say: each begins with a word of ours, and what is one anywhere is broken. The error is that of w.
func (d *Digest) Terminal(w io.Writer, color bool) error {
	paint := func(text, code string) string {
		if !color {
			return text
		}
		return "\x1b[" + code + "m" + text + "\x1b[0m"
	}
	const red, green, yellow = "31", "32", "33"
	shade := red
	if d.Run.Succeeded() {
		shade = green
	}
	var b strings.Builder
	fmt.Fprintf(&b, "dbt run %d: %s\n", d.Run.ID, paint(plain.Inert(line(d.Run.Status)), shade))
	for _, row := range append(d.facts(), [2]string{"page", line(d.Run.URL)}) {
		if row[1] != "" {
			fmt.Fprintf(&b, "  %s: %s\n", row[0], plain.Inert(row[1]))
		}
	}
	c := d.Counts
	fmt.Fprintf(&b, "  built %d, passed %d, failed %d, errors %d, warnings %d, skipped %d, other %d\n", c.Built, c.Passed, c.Failed, c.Errors, c.Warned, c.Skipped, c.Other)
	for _, f := range d.Failures {
		terminalFailure(&b, paint("failed", red), f)
	}
	terminalMore(&b, d.Truncated.Failures, "failures")
	for _, f := range d.Warnings {
		terminalFailure(&b, paint("warned", yellow), f)
	}
	terminalMore(&b, d.Truncated.Warnings, "warnings")
	for _, note := range d.Notes {
		fmt.Fprintf(&b, "note: %s\n", plain.Inert(line(note)))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func terminalFailure(b *strings.Builder, word string, f Failure) {
	fmt.Fprintf(b, "%s: %s %s", word, plain.Inert(line(f.Kind)), plain.Inert(line(f.Name)))
	if where := f.where(); where != "" {
		fmt.Fprintf(b, " (%s)", plain.Inert(line(where)))
	}
	if f.Failures > 0 {
		b.WriteString(", " + rows(f.Failures))
	}
	b.WriteString("\n")
	for text := range strings.Lines(block(f.Message, MaxMessage)) {
		b.WriteString("  | " + plain.Inert(strings.TrimRight(text, "\n")) + "\n")
	}
}

func terminalMore(b *strings.Builder, missing int, what string) {
	if missing > 0 {
		fmt.Fprintf(b, "%d more %s are not shown\n", missing, what)
	}
}
