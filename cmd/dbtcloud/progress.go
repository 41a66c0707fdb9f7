package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/slimci/dbtcloud/internal/plain"
	"golang.org/x/term"
)

// progress tells people on stderr what goes on: a line for each change, and on a
// terminal below them one line that is rewritten every second.
type progress struct {
	w       io.Writer
	begun   time.Time
	columns func() int    // of the terminal; nil: there is none
	stop    chan struct{} // closed to end the rewriting
	done    chan struct{} // closed when it has ended

	mu    sync.Mutex
	state string // what the live line says; empty: no live line
	shown int    // columns that it takes at the moment
}

// newProgress starts the clock. The caller closes it.
func (a app) newProgress() *progress {
	p := &progress{w: a.stderr, begun: time.Now(), columns: a.columns, stop: make(chan struct{}), done: make(chan struct{})}
	if p.columns != nil {
		go p.tick()
	}
	return p
}

// terminal returns what tells the columns of a terminal; nil where lines cannot be
// rewritten, or would fill the log of a CI service that offers a terminal.
func terminal(f *os.File, getenv func(string) string) func() int {
	if !term.IsTerminal(int(f.Fd())) || getenv("TERM") == "dumb" || getenv("CI") != "" {
		return nil
	}
	return func() int {
		columns, _, err := term.GetSize(int(f.Fd()))
		if err != nil || columns <= 0 {
			return 80
		}
		return columns
	}
}

func (p *progress) tick() {
	defer close(p.done)
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-ticker.C:
			p.mu.Lock()
			p.draw(p.liveText())
			p.mu.Unlock()
		}
	}
}

// say writes a line that stays.
func (p *progress) say(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.draw("")
	p.print(clock(time.Since(p.begun)) + "  " + oneLine(text) + "\n")
	p.draw(p.liveText())
}

// add writes text that stays as it is, whole lines of it.
func (p *progress) add(text string) {
	if text == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.draw("")
	p.print(text)
	p.draw(p.liveText())
}

// follow sets what the live line says after the time.
func (p *progress) follow(state string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = oneLine(state)
	p.draw(p.liveText())
}

// close removes the live line and ends the rewriting.
func (p *progress) close() {
	if p.columns == nil {
		return
	}
	close(p.stop)
	<-p.done
	p.draw("")
}

func (p *progress) liveText() string {
	if p.state == "" {
		return ""
	}
	return clock(time.Since(p.begun)) + "  " + p.state
}

// draw rewrites the live line, cut to what does not wrap; an empty text removes it.
func (p *progress) draw(text string) {
	if p.columns == nil || text == "" && p.shown == 0 {
		return
	}
	r := []rune(text)
	r = r[:min(len(r), max(p.columns()-1, 0))]
	blank := strings.Repeat(" ", max(p.shown-len(r), 0))
	p.print("\r" + string(r) + blank)
	if len(r) == 0 {
		p.print("\r")
	}
	p.shown = len(r)
}

// print leaves errors aside: that nobody reads the progress is no failure.
func (p *progress) print(text string) { _, _ = io.WriteString(p.w, text) }

// clock is a length of time as 0:05, 12:34 or 1:02:03.
func clock(d time.Duration) string {
	s := int(d / time.Second)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// oneLine makes of what may be several lines, or hold control characters or commands for
// a CI service of whoever wrote it, one line. The name of the program stands at its front anyway.
func oneLine(text string) string {
	var lines []string
	for line := range strings.Lines(plain.Text(text)) {
		if line = strings.TrimSpace(strings.ReplaceAll(line, "dbtcloud: ", "")); line != "" {
			lines = append(lines, line)
		}
	}
	return inert(strings.Join(lines, "; "))
}
