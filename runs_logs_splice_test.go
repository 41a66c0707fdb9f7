package dbtcloud

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestSplice(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789", 10) + "\n"
	same := strings.Repeat("same\n", tailKept)
	type window struct {
		text  string
		cut   bool
		fresh string
		gap   bool
	}
	tests := map[string][]window{
		"nothing yet":              {{}, {}, {text: "a\n", fresh: "a\n"}},
		"grows":                    {{text: "a\n", fresh: "a\n"}, {text: "a\nb\n", fresh: "b\n"}, {text: "a\nb\n"}},
		"a line grows":             {{text: "a", fresh: "a"}, {text: "ab", fresh: "b"}, {text: "ab\r\nc", fresh: "\r\nc"}},
		"begins cut":               {{text: "b\n", cut: true, fresh: "b\n", gap: true}},
		"moves":                    {{text: "a\n" + long, fresh: "a\n" + long}, {text: long + "b\n", cut: true, fresh: "b\n"}},
		"moves within a line":      {{text: "a" + long, fresh: "a" + long}, {text: long[20:] + "b\n", cut: true, fresh: "b\n"}},
		"little in common":         {{text: "a\nb\n", fresh: "a\nb\n"}, {text: "b\nc\n", cut: true, fresh: "c\n", gap: true}},
		"nothing in common":        {{text: "a\nb\n", fresh: "a\nb\n"}, {text: "x\ny\n", cut: true, fresh: "x\ny\n", gap: true}},
		"same lines are added":     {{text: "a\na\n", fresh: "a\na\n"}, {text: "a\na\na\na\n", fresh: "a\na\n"}},
		"same lines move":          {{text: strings.Repeat(long, 3), fresh: strings.Repeat(long, 3)}, {text: strings.Repeat(long, 3), cut: true}},
		"same lines, a lot":        {{text: same, fresh: same}, {text: same + "b\n", fresh: "b\n"}},
		"shrinks and comes back":   {{text: "a\nb\nc\n", fresh: "a\nb\nc\n"}, {text: "a\nb\n"}, {}, {text: "a\nb\nc\nd\n", fresh: "d\n"}},
		"an older window":          {{text: long + "b\n", cut: true, fresh: long + "b\n", gap: true}, {text: "a\n" + long, cut: true}, {text: long + "b\nc\n", cut: true, fresh: "c\n"}},
		"rewritten":                {{text: "a\nb\n", fresh: "a\nb\n"}, {text: "other", fresh: "other", gap: true}},
		"whole in the end":         {{text: long + "b\n", cut: true, fresh: long + "b\n", gap: true}, {text: "a\n" + long + "b\nc\n", fresh: "c\n"}},
		"colours":                  {{text: "\x1b[32mOK", fresh: "\x1b[32mOK"}, {text: "\x1b[32mOK\x1b[0m\n", fresh: "\x1b[0m\n"}},
		"short beginning, cut now": {{text: "\n", fresh: "\n"}, {text: "\nx\n", cut: true, fresh: "x\n", gap: true}},
	}
	for name, windows := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var tail logTail
			for i, w := range windows {
				fresh, gap := tail.splice(w.text, w.cut)
				if fresh != w.fresh || gap != w.gap {
					t.Errorf("window %d: new %.100q, gap %t, want %.100q, %t", i+1, fresh, gap, w.fresh, w.gap)
				}
			}
		})
	}
}

// TestSpliceMegabytes: only the end of megabytes in one line is kept, and is enough.
func TestSpliceMegabytes(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := 0; b.Len() < 8<<20; i++ {
		fmt.Fprintf(&b, "%d,", i)
	}
	log := b.String()
	const mega = 1 << 20
	looks := []struct {
		from, to, fresh int
		gap             bool
	}{
		{0, mega, 0, false},
		{0, 3 * mega, mega, false},
		{2 * mega, 5 * mega, 3 * mega, false},
		{5*mega - 10, 7 * mega, 5 * mega, true},
		{7*mega + 1, 8 * mega, 7*mega + 1 + 7, true}, // of which 7 bytes look as if they had been there,
	}
	var tail logTail
	for i, look := range looks {
		fresh, gap := tail.splice(log[look.from:look.to], look.from > 0)
		if fresh != log[look.fresh:look.to] || gap != look.gap {
			t.Errorf("window %d: %d bytes are new, gap %t, want %d, %t", i+1, len(fresh), gap, look.to-look.fresh, look.gap)
		}
		if len(tail.text) > tailKept {
			t.Errorf("window %d: %d bytes are kept", i+1, len(tail.text))
		}
	}
}

// logLook is one look at a log: what the window has of it.
type logLook struct{ from, to int }

// looks draws a moving window over a log, of so many bytes or lines, at random speeds.
func looks(t *rapid.T, log string) (seen []logLook) {
	size := rapid.SampledFrom([]int{1, 7, 50, 200, 1000, 5000}).Draw(t, "window")
	byLine := rapid.Bool().Draw(t, "window of lines")
	fastest := rapid.SampledFrom([]int{1, 20, size, 10 * size, 100 * size}).Draw(t, "speed")
	for to := 0; to < len(log); {
		to = min(to+rapid.IntRange(0, fastest).Draw(t, "step"), len(log))
		if len(seen) > 300 {
			to = len(log)
		}
		from := max(to-size, 0)
		if byLine {
			from = len(log[:to]) - len(lastOf(log[:to], size))
		}
		seen = append(seen, logLook{from, to})
	}
	return seen
}

// lastOf is the last n lines of a text; one that has not ended counts.
func lastOf(text string, n int) string {
	lines := strings.SplitAfter(text, "\n")
	if lines[len(lines)-1] == "" {
		n++
	}
	return strings.Join(lines[max(len(lines)-n, 0):], "")
}

// drawLog draws a log in which no 64 bytes are there twice, or one that repeats itself.
func drawLog(t *rapid.T, repeats bool) string {
	var b strings.Builder
	ends := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "line end")
	for i := range rapid.IntRange(0, 120).Draw(t, "lines") {
		switch kind := rapid.IntRange(0, 9).Draw(t, "kind"); {
		case kind == 0 && i%3 == 0: // empty
		case kind == 1:
			for n := range rapid.IntRange(1, 300).Draw(t, "length") {
				fmt.Fprintf(&b, "%d.%d,", i, n)
			}
		default:
			fmt.Fprintf(&b, "\x1b[0m12:%02d:%02d  %d of 99 OK", i/60, i%60, i)
		}
		b.WriteString(ends)
	}
	if !repeats {
		return strings.TrimSuffix(b.String(), ends) + rapid.SampledFrom([]string{"", ends}).Draw(t, "end")
	}
	words := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "\n", "ab\n", strings.Repeat("same line\n", 9)}), 0, 300).Draw(t, "words")
	return strings.Join(words, "")
}

// checkSplice feeds a log to splice through a window and tells what is wrong. A window of a
// few bytes that looks like the one before tells nothing.
func checkSplice(log string, looks []logLook, repeats bool) error {
	var tail logTail
	printed := 0 // where the log has been printed to
	for i, look := range looks {
		fresh, gap := tail.splice(log[look.from:look.to], look.from > 0)
		begin := look.to - len(fresh)
		switch {
		case fresh == "" && (repeats || look.to == printed || look.to-look.from < sureOverlap):
			continue
		case fresh != log[begin:look.to]:
			return fmt.Errorf("look %d at %v: %q is not the end of the log", i+1, look, fresh)
		case begin < printed:
			return fmt.Errorf("look %d at %v: bytes %d to %d are printed twice", i+1, look, begin, printed)
		case begin > printed && !gap && !repeats:
			return fmt.Errorf("look %d at %v: bytes %d to %d are missing without a mark", i+1, look, printed, begin)
		case gap && !repeats && (look.from == 0 || look.from <= printed-sureOverlap):
			return fmt.Errorf("look %d at %v: a gap is marked that is none: all was printed to %d", i+1, look, printed)
		}
		printed = look.to
	}
	if last := looks[max(len(looks)-1, 0):]; !repeats && len(last) > 0 && last[0].to-last[0].from >= sureOverlap && printed != len(log) {
		return fmt.Errorf("the log is printed to %d of %d", printed, len(log))
	}
	return nil
}

// TestSpliceProperty: through a window that moves at random speeds, a log comes out
// equal or with its gaps marked, and no byte comes twice.
func TestSpliceProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		log := drawLog(t, false)
		if err := checkSplice(log, looks(t, log), false); err != nil {
			t.Fatal(err)
		}
	})
}

// TestSpliceRepetition: of a log that repeats itself, too, everything that comes out is
// of the log, in order, and no byte comes twice.
func TestSpliceRepetition(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		log := drawLog(t, true)
		if err := checkSplice(log, looks(t, log), true); err != nil {
			t.Fatal(err)
		}
	})
}

// TestStepLogProperty: so it is with the lines of a step, of which the service shows the
// last 1,000. What has not ended comes out when it has, or before a gap.
func TestStepLogProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		end := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "line end")
		var b strings.Builder
		for i := range rapid.IntRange(0, 4000).Draw(t, "lines") {
			fmt.Fprintf(&b, "12:%02d:%02d  line %d%s", i/60%60, i%60, i, end)
		}
		log := strings.TrimSuffix(b.String(), rapid.SampledFrom([]string{"", end}).Draw(t, "no end"))
		var s stepLog
		var parts []LogLines
		for to, fastest := 0, rapid.SampledFrom([]int{500, 5000, 40000}).Draw(t, "speed"); to < len(log); {
			to = min(to+rapid.IntRange(fastest/20, fastest).Draw(t, "step"), len(log))
			s.read(&RunStep{Logs: lastOf(log[:to], logWindow)})
			parts = append(parts, s.parts()...)
		}
		s.over = true
		parts = append(parts, s.parts()...)
		rest, gaps := strings.ReplaceAll(log, "\r\n", "\n"), false
		var lines []string
		for _, part := range parts {
			gaps, lines = gaps || part.Gap, append(lines, part.Lines...)
		}
		if want := strings.Split(strings.TrimSuffix(rest, "\n"), "\n"); !gaps && log != "" && !slices.Equal(lines, want) {
			t.Fatalf("%d lines, want %d: %q", len(lines), len(want), lines)
		}
		for _, line := range lines {
			_, after, found := strings.Cut(rest, line)
			if !found {
				t.Fatalf("%q does not follow in the log", line)
			}
			rest = after
		}
	})
}

// TestLongLine: what is held back of a line has a bound.
func TestLongLine(t *testing.T) {
	t.Parallel()
	var s stepLog
	s.read(&RunStep{Logs: strings.Repeat("x", longestLine)})
	if parts := s.parts(); parts != nil {
		t.Errorf("%d parts of a line that has not ended", len(parts))
	}
	s.read(&RunStep{Logs: strings.Repeat("x", longestLine+1)})
	if parts := s.parts(); len(parts) != 1 || len(parts[0].Lines) != 1 || len(parts[0].Lines[0]) != longestLine+1 || s.rest != "" {
		t.Errorf("%d parts of a line that is too long", len(parts))
	}
}

func FuzzSplice(f *testing.F) {
	f.Add("a\nb\n", "a\nb\nc\n", true)
	f.Add("", "x", false)
	f.Add(strings.Repeat("a", 100), strings.Repeat("a", 70)+"b", true)
	f.Fuzz(func(t *testing.T, first, second string, cut bool) {
		var tail logTail
		if fresh, _ := tail.splice(first, cut); fresh != first {
			t.Fatalf("of the first window comes %q", fresh)
		}
		fresh, gap := tail.splice(second, cut)
		if !strings.HasSuffix(second, fresh) {
			t.Fatalf("%q is not the end of the window", fresh)
		}
		if len(first) <= tailKept && strings.HasPrefix(second, first) && first != "" && fresh != second[len(first):] {
			t.Fatalf("what was added is %q, not %q", second[len(first):], fresh)
		}
		if fresh == second && second != "" && first != "" && !gap {
			t.Fatalf("nothing is known of the window, and no gap is marked")
		}
		if again, gap := tail.splice(second, cut); len(tail.text) == len(second) && (again != "" || gap) {
			t.Fatalf("the same window has %q, gap %t", again, gap)
		}
	})
}
