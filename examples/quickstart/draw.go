package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The picture is this wide: the name of the job, the time, and room for the last label.
const (
	pictureWidth = 100
	nameWidth    = 12
	labelWidth   = 5
)

// Glyphs of a bar.
const (
	glyphWaiting   = "·"
	glyphRunning   = "█"
	glyphOutdated  = "▒"
	glyphCancelled = "╳"
	glyphMoved     = "→"
)

// legend explains the glyphs.
func legend(p pen) string {
	item := func(s style, glyph, text string) string { return p.text(s, glyph) + " " + text }
	return strings.Join([]string{
		item(plain, glyphWaiting, "queued"),
		item(colourOf(1), glyphRunning, "running"),
		item(yellow, glyphOutdated, "running for an outdated commit"),
		item(red, glyphCancelled, "cancelled"),
		item(plain, glyphMoved, "moved to a clone"),
	}, "   ")
}

// axis maps time to columns.
type axis struct {
	perColumn seconds
	columns   int
}

// axisUntil makes room for everything until end.
func axisUntil(end seconds) axis {
	columns := pictureWidth - nameWidth - 1 - labelWidth
	return axis{perColumn: max(end, 1) / seconds(columns), columns: columns}
}

// column is where a time lies.
func (a axis) column(t seconds) int {
	return min(max(int(t/a.perColumn), 0), a.columns)
}

// tick is a round number of minutes that divides the axis into eight parts at most.
func (a axis) tick() seconds {
	for _, m := range []seconds{1, 2, 5, 10, 20, 30, 60, 120, 240} {
		if a.perColumn*seconds(a.columns) <= 8*m*minute {
			return m * minute
		}
	}
	return 480 * minute
}

// lines are the two lines below a picture.
func (a axis) lines() []line {
	rule, labels := make(line, 0, pictureWidth), make(line, 0, pictureWidth)
	rule.put(nameWidth, dim, "└"+strings.Repeat("─", a.columns))
	step := a.tick()
	for t := seconds(0); a.column(t) < a.columns; t += step {
		rule.put(nameWidth+1+a.column(t), dim, "┬")
		text := strconv.Itoa(int(t / minute))
		if t == 0 {
			text += " min"
		}
		labels.put(nameWidth+1+a.column(t), dim, text)
	}
	return []line{rule, labels}
}

// drawMode is the picture of a mode: a lane for each job, and the time below.
func drawMode(m mode, a axis) []line {
	var picture []line
	clones := 0
	for _, j := range m.Jobs {
		name := "Slim CI job"
		if j.ID != m.JobID {
			clones++
			name = fmt.Sprintf("clone %d", clones)
		}
		picture = append(picture, m.drawLane(j, name, a)...)
	}
	return append(picture, a.lines()...)
}

// drawLane draws the runs of a job. A run that begins while the one before is still
// there gets a line of its own.
func (m mode) drawLane(j jobRecord, name string, a axis) []line {
	lane := []line{newLine(name)}
	taken := 0
	for _, r := range m.Runs {
		if r.JobID != j.ID {
			continue
		}
		b := m.bar(r, a)
		if b.from < taken {
			lane = append(lane, newLine(""))
		}
		b.draw(&lane[len(lane)-1])
		taken = b.from + len(b.cells) + 1 + width(b.label) + 1
	}
	if taken == 0 && j.Created != nil {
		lane[0].put(nameWidth+1+a.column(*j.Created), dim, "was not needed")
	}
	return lane
}

func newLine(name string) line {
	l := make(line, 0, pictureWidth)
	l.put(0, bold, name)
	l.put(nameWidth, dim, "│")
	return l
}

// bar is a run in columns of the axis, with a label behind.
type bar struct {
	from  int
	cells line
	label string
	style style
}

func (b bar) draw(l *line) {
	for i, c := range b.cells {
		l.put(nameWidth+1+b.from+i, c.style, string(c.glyph))
	}
	l.put(nameWidth+1+b.from+len(b.cells)+1, b.style, b.label)
}

// bar turns a run into columns: waiting, running, and running although a newer
// commit has been pushed. Every run has a column at least.
func (m mode) bar(r runRecord, a axis) bar {
	end := orElse(r.Finished, a.perColumn*seconds(a.columns))
	started, stale := orElse(r.Started, end), outdated(m.Pushes, r.SHA)
	b := bar{from: min(a.column(orElse(r.Queued, 0)), a.columns-1), label: m.commit(r.SHA), style: colourOf(r.PullRequest)}
	until, run := max(a.column(end), b.from+1), a.column(started)
	if r.Started != nil {
		run = min(run, until-1)
	}
	for c := b.from; c < until; c++ {
		middle := (seconds(c) + 0.5) * a.perColumn
		switch {
		case c < run:
			b.cells.put(c-b.from, b.style, glyphWaiting)
		case middle > stale:
			b.cells.put(c-b.from, yellow, glyphOutdated)
		default:
			b.cells.put(c-b.from, b.style, glyphRunning)
		}
	}
	switch {
	case m.moved(r):
		b.cells.put(len(b.cells)-1, b.style, glyphMoved)
	case r.Status == cancelled:
		b.cells.put(len(b.cells)-1, red, glyphCancelled)
	}
	return b
}

// commit is the short name of a commit.
func (m mode) commit(sha string) string {
	i := slices.IndexFunc(m.Pushes, func(p push) bool { return p.SHA == sha })
	if i < 0 {
		return "?"
	}
	return m.Pushes[i].Commit
}

func orElse(t *seconds, otherwise seconds) seconds {
	if t == nil {
		return otherwise
	}
	return *t
}
