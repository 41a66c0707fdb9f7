package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// screen is what a terminal shows after such output.
func screen(output string) []string {
	var lines []string
	var line []rune
	column := 0
	for _, r := range output {
		switch r {
		case '\r':
			column = 0
		case '\n':
			lines, line, column = append(lines, strings.TrimRight(string(line), " ")), nil, 0
		default:
			for len(line) <= column {
				line = append(line, ' ')
			}
			line[column] = r
			column++
		}
	}
	if rest := strings.TrimRight(string(line), " "); rest != "" {
		lines = append(lines, rest)
	}
	return lines
}

func TestProgress(t *testing.T) {
	t.Parallel()
	wide, narrow := func() int { return 80 }, func() int { return 20 }
	tests := []struct {
		name    string
		columns func() int
		during  []string
		after   []string
	}{
		{"log", nil, []string{"0:02  queued"}, []string{"0:02  queued", "1:00:05  done"}},
		{"terminal", wide, []string{"0:02  queued", "1:00:05  run 5 of job 6: running"}, []string{"0:02  queued", "1:00:05  done"}},
		{"narrow terminal", narrow, []string{"0:02  queued", "1:00:05  run 5 of j"}, []string{"0:02  queued", "1:00:05  done"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				p := app{stderr: &out, columns: test.columns}.newProgress()
				time.Sleep(2 * time.Second)
				p.say("queued")
				p.follow("run 5 of job 6: starting and this is long")
				p.follow("run 5 of job 6: running")
				time.Sleep(time.Hour + 3*time.Second)
				synctest.Wait()
				if diff := cmp.Diff(test.during, screen(out.String())); diff != "" {
					t.Errorf("during (-want +got):\n%s", diff)
				}
				p.say("done")
				p.close()
				if diff := cmp.Diff(test.after, screen(out.String())); diff != "" {
					t.Errorf("after (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestTerminal(t *testing.T) {
	t.Parallel()
	for _, name := range []string{os.DevNull, "progress_test.go"} { // the first is a device, but no terminal
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		if terminal(f, func(string) string { return "" }) != nil {
			t.Errorf("%s is taken for a terminal", name)
		}
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	tests := map[time.Duration]string{
		0: "0:00", 999 * time.Millisecond: "0:00", 65 * time.Second: "1:05", time.Hour - 1: "59:59", 25*time.Hour + 61*time.Second: "25:01:01",
	}
	for d, want := range tests {
		if got := clock(d); got != want {
			t.Errorf("clock(%s) = %s, want %s", d, got, want)
		}
	}
}

func TestOneLine(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"":                                "",
		"dbtcloud: a: dbtcloud: b":        "a: b",
		"first\ndbtcloud: second\r\n\nx":  "first; second; x",
		"a\x1b[31mred\ttab\u0085b":        "ared tab; b",
		"mark\u202eof direction\u2028end": "markof direction; end",
	}
	for text, want := range tests {
		if got := oneLine(text); got != want {
			t.Errorf("oneLine(%q) = %q, want %q", text, got, want)
		}
	}
}
