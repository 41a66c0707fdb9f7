package main

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// fixed is a record with every kind of run: two jobs, a run that was outdated while
// it ran, one that was cancelled, one that was moved, and a clone without a run.
func fixed() document {
	pushes := []push{
		{PullRequest: 1, Commit: "1a", SHA: "s1a", Sequence: 1, At: 0, RunLength: 300},
		{PullRequest: 2, Commit: "2a", SHA: "s2a", Sequence: 1, At: 60, RunLength: 300},
		{PullRequest: 1, Commit: "1b", SHA: "s1b", Sequence: 2, At: 120, RunLength: 300},
	}
	run := func(id, job int64, pr int64, sha, status string, queued, started, finished seconds) runRecord {
		r := runRecord{ID: id, JobID: job, PullRequest: pr, SHA: sha, Status: status, Queued: &queued, Finished: &finished}
		if started >= 0 {
			r.Started = &started
		}
		return r
	}
	return document{
		About: about, PullRequests: 2, Slots: 2, Seed: 7, MinutesPerSecond: 3,
		SlimCI: mode{
			JobID: 10, Pushes: pushes,
			Jobs: []jobRecord{{ID: 10, Name: "Slim CI", Created: new(seconds(0))}},
			Runs: []runRecord{
				run(1, 10, 1, "s1a", success, 0, 15, 315),
				run(2, 10, 2, "s2a", success, 60, 330, 630),
				run(3, 10, 1, "s1b", success, 120, 645, 945),
			},
		},
		AutoscalingCI: mode{
			JobID: 20, Pushes: pushes,
			Jobs: []jobRecord{
				{ID: 20, Name: "Slim CI", Created: new(seconds(0))},
				{ID: 21, Name: "clone", Created: new(seconds(90)), Deleted: new(seconds(410))},
				{ID: 22, Name: "clone", Created: new(seconds(200)), Deleted: new(seconds(210))},
			},
			Runs: []runRecord{
				run(1, 20, 1, "s1a", cancelled, 1, 16, 125),
				run(2, 20, 2, "s2a", cancelled, 61, -1, 95),
				run(3, 21, 2, "s2a", success, 95, 110, 410),
				run(4, 20, 1, "s1b", success, 130, 145, 445),
			},
		},
	}
}

var update = flag.Bool("update", false, "write the expected output anew")

func TestReportGolden(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]pen{"plain": {}, "colour": {colour: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := fixed()
			if err := d.count(); err != nil {
				t.Fatal(err)
			}
			got := introduction(d, d.SlimCI.Pushes, p) + report(d, p)
			if name == "plain" {
				checkWidth(t, got)
			}
			file := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (go test ./examples/quickstart -update writes it anew):\n%s", file, diff)
			}
		})
	}
}

var escape = regexp.MustCompile("\x1b\\[[0-9;]*m")

func TestColoursChangeNoText(t *testing.T) {
	t.Parallel()
	d := fixed()
	if err := d.count(); err != nil {
		t.Fatal(err)
	}
	plain, coloured := report(d, pen{}), report(d, pen{colour: true})
	if !escape.MatchString(coloured) || escape.MatchString(plain) {
		t.Error("escapes belong to colours, and to nothing else")
	}
	if diff := cmp.Diff(plain, escape.ReplaceAllString(coloured, "")); diff != "" {
		t.Error(diff)
	}
}

// checkWidth fails on a line that is wider than the picture.
func checkWidth(t rapid.TB, text string) {
	t.Helper()
	for l := range strings.Lines(text) {
		if w := width(strings.TrimRight(l, "\n")); w > pictureWidth {
			t.Errorf("%d columns, want at most %d: %s", w, pictureWidth, l)
		}
	}
}

func TestBar(t *testing.T) {
	t.Parallel()
	pushes := []push{{PullRequest: 1, Commit: "1a", SHA: "a", Sequence: 1}, {PullRequest: 1, Commit: "1b", SHA: "b", Sequence: 2, At: 6}}
	a := axis{perColumn: 1, columns: 10}
	tests := []struct {
		name string
		run  runRecord
		more []runRecord
		from int
		want string
	}{
		{name: "queued and run", run: runRecord{SHA: "b", Queued: new(seconds(1)), Started: new(seconds(3)), Finished: new(seconds(6))}, from: 1, want: "··███"},
		{name: "outdated while it ran", run: runRecord{SHA: "a", Queued: new(seconds(2)), Started: new(seconds(4)), Finished: new(seconds(9))}, from: 2, want: "··██▒▒▒"},
		{name: "shorter than a column", run: runRecord{SHA: "b", Queued: new(seconds(2.1)), Started: new(seconds(2.2)), Finished: new(seconds(2.3))}, from: 2, want: "█"},
		{name: "started at the end of a column", run: runRecord{SHA: "b", Queued: new(seconds(2)), Started: new(seconds(4.8)), Finished: new(seconds(5))}, from: 2, want: "··█"},
		{name: "not ended", run: runRecord{SHA: "b", Queued: new(seconds(7)), Started: new(seconds(8))}, from: 7, want: "·██"},
		{name: "not started", run: runRecord{SHA: "b", Queued: new(seconds(7))}, from: 7, want: "···"},
		{name: "after the end", run: runRecord{SHA: "b", Queued: new(seconds(12)), Started: new(seconds(13)), Finished: new(seconds(14))}, from: 9, want: "█"},
		{name: "cancelled", run: runRecord{SHA: "a", Status: cancelled, Queued: new(seconds(0)), Started: new(seconds(1)), Finished: new(seconds(4))}, from: 0, want: "·██╳"},
		{name: "cancelled in the queue", run: runRecord{SHA: "a", Status: cancelled, Queued: new(seconds(0)), Finished: new(seconds(3))}, from: 0, want: "··╳"},
		{
			name: "moved", run: runRecord{SHA: "b", Status: cancelled, Queued: new(seconds(0)), Finished: new(seconds(3))},
			more: []runRecord{{ID: 2, SHA: "b"}}, from: 0, want: "··→",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.run.ID = 1
			b := mode{Pushes: pushes, Runs: append([]runRecord{tt.run}, tt.more...)}.bar(tt.run, a)
			if got := b.cells.render(pen{}); b.from != tt.from || got != tt.want {
				t.Errorf("bar from %d: %q, want from %d: %q", b.from, got, tt.from, tt.want)
			}
		})
	}
}

func TestTick(t *testing.T) {
	t.Parallel()
	for end := minute; end < 2000*minute; end += minute {
		a := axisUntil(end)
		if n := end / a.tick(); n > 8 || n < 2 && end > 2*minute {
			t.Fatalf("%.0f minutes are divided into %.1f parts", end/minute, n)
		}
	}
}
