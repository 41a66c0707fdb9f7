package dbtcloud_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// logged is a fake with a run that has such steps, and takes such a time.
func logged(t *testing.T, length time.Duration, steps ...dbtcloudtest.Step) (*dbtcloudtest.Server, *dbtcloud.Client, int64) {
	t.Helper()
	fake := dbtcloudtest.New(dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome {
		return dbtcloudtest.Outcome{Duration: length, Steps: steps}
	}))
	c, err := fake.Client()
	if err != nil {
		t.Fatal(err)
	}
	return fake, c, fake.AddRun(dbtcloudtest.RunSpec{JobID: fake.AddJob(dbtcloudtest.JobSpec{Name: "CI"}), SHA: "abc"})
}

// numberedLines is a log of n lines.
func numberedLines(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "12:%02d:%02d  line %d of the log\n", i/60%60, i%60, i+1)
	}
	return b.String()
}

// heard is what FollowLogs has told, by step.
type heard struct {
	text  map[int]string
	gaps  map[int]int
	last  map[int]int
	calls int
	took  time.Duration
}

func listen(t *testing.T, fake *dbtcloudtest.Server, c *dbtcloud.Client, run int64, p dbtcloud.Poll) heard {
	t.Helper()
	h := heard{text: map[int]string{}, gaps: map[int]int{}, last: map[int]int{}}
	begun, before := time.Now(), len(fake.Requests())
	for l, err := range c.Runs.FollowLogs(t.Context(), run, p) {
		if err != nil {
			t.Fatal(err)
		}
		if h.last[l.Step] > 0 {
			t.Errorf("step %d goes on after its last lines: %+v", l.Step, l)
		}
		if l.Gap {
			h.gaps[l.Step]++
		}
		if l.Last {
			h.last[l.Step]++
		}
		for _, line := range l.Lines {
			h.text[l.Step] += line + "\n"
		}
	}
	h.calls, h.took = len(fake.Requests())-before, time.Since(begun)
	return h
}

func TestFollowLogs(t *testing.T) {
	t.Parallel()
	once := map[int]int{1: 1, 2: 1}
	tests := []struct {
		name   string
		length time.Duration
		steps  []dbtcloudtest.Step
		poll   dbtcloud.Poll
		text   map[int]string // nil: all that the steps have written
		gaps   map[int]int
		took   [2]time.Duration
	}{
		{
			name: "lines come while they are written", length: 10 * time.Minute,
			steps: []dbtcloudtest.Step{{Name: "one", Logs: "cloned\n"}, {Name: "two", Logs: numberedLines(5000), LineTime: 50 * time.Millisecond}},
			took:  [2]time.Duration{10*time.Minute + 4*time.Second, 10*time.Minute + 45*time.Second},
		},
		{
			name: "late logs are waited for", length: time.Minute,
			steps: []dbtcloudtest.Step{{Name: "one", Logs: "cloned\r\nas asked", LogLag: 4 * time.Second}, {Name: "two", Logs: numberedLines(10), LogLag: 4 * time.Second}},
			poll:  dbtcloud.Poll{Interval: time.Second},
			text:  map[int]string{1: "cloned\nas asked\n", 2: numberedLines(10)},
			took:  [2]time.Duration{time.Minute + 4*time.Second, 2 * time.Minute},
		},
		{
			name: "a step without logs", length: time.Minute,
			steps: []dbtcloudtest.Step{{Name: "one"}, {Name: "two", Logs: "\n"}},
			took:  [2]time.Duration{time.Minute, 2 * time.Minute},
		},
		{
			name: "more lines than the window has", length: 2 * time.Minute,
			steps: []dbtcloudtest.Step{{Name: "one", Logs: "cloned\n"}, {Name: "two", Logs: numberedLines(2500)}},
			text:  map[int]string{1: "cloned\n", 2: strings.Join(strings.SplitAfter(numberedLines(2500), "\n")[1500:], "")},
			gaps:  map[int]int{2: 1},
			took:  [2]time.Duration{2 * time.Minute, 3 * time.Minute},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake, c, run := logged(t, test.length, test.steps...)
				got := listen(t, fake, c, run, test.poll)
				want := heard{text: test.text, gaps: test.gaps, last: once}
				if want.text == nil {
					want.text = map[int]string{}
					for i, step := range test.steps {
						if step.Logs != "" {
							want.text[i+1] = step.Logs
						}
					}
				}
				if want.gaps == nil {
					want.gaps = map[int]int{}
				}
				if diff := cmp.Diff([]any{want.text, want.gaps, want.last}, []any{got.text, got.gaps, got.last}); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
				if got.took < test.took[0] || got.took > test.took[1] {
					t.Errorf("took %s, want %s to %s", got.took, test.took[0], test.took[1])
				}
			})
		})
	}
}

// TestFollowLogsTwice: a run that ended long ago takes one look, and the sequence can be
// ranged over again.
func TestFollowLogsTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake, c, run := logged(t, time.Minute, dbtcloudtest.Step{Name: "one", Logs: "a\nb"})
		time.Sleep(time.Hour)
		seq := c.Runs.FollowLogs(t.Context(), run, dbtcloud.Poll{})
		for range 2 {
			var got []*dbtcloud.LogLines
			for l, err := range seq {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, l)
			}
			if diff := cmp.Diff([]*dbtcloud.LogLines{{Step: 1, StepName: "one", Lines: []string{"a", "b"}, Last: true}}, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		}
		if n := len(fake.Requests()); n != 2 {
			t.Errorf("%d requests, want one for each time", n)
		}
		next, stop := iter.Pull2(seq)
		if l, err, ok := next(); err != nil || !ok || l.Step != 1 {
			t.Errorf("the third time %+v, %v", l, err)
		}
		stop()
	})
}

func TestFollowLogsEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake, c, run := logged(t, -1, dbtcloudtest.Step{Name: "one", Logs: "log in with " + dbtcloudtest.DefaultToken + "!\nno end", LineTime: time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		var lines []string
		var last error
		for l, err := range c.Runs.FollowLogs(ctx, run, dbtcloud.Poll{}) {
			if last = err; err == nil {
				lines = append(lines, l.Lines...)
			}
		}
		if !errors.Is(last, context.DeadlineExceeded) || !strings.Contains(last.Error(), fmt.Sprintf("following the logs of run %d", run)) {
			t.Errorf("the error at the deadline is %v", last)
		}
		if diff := cmp.Diff([]string{"log in with [redacted]!"}, lines); diff != "" {
			t.Errorf("lines (-want +got):\n%s", diff)
		}
		if n := len(fake.Requests()); n > 20 {
			t.Errorf("%d requests in three minutes", n)
		}
		for _, err := range c.Runs.FollowLogs(t.Context(), 404, dbtcloud.Poll{}) {
			if !errors.Is(err, dbtcloud.ErrNotFound) {
				t.Errorf("a run that is not there: %v", err)
			}
		}
	})
}

// TestFollowLogsTrouble: looks that fail in passing cost no line; a run that never began has none.
func TestFollowLogsTrouble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake, c, run := logged(t, time.Minute, dbtcloudtest.Step{Name: "one", Logs: numberedLines(50), LineTime: time.Second})
		fake.Inject(dbtcloudtest.Fault{Times: 7, Kind: dbtcloudtest.Status(http.StatusBadGateway, dbtcloudtest.HTMLBody)})
		if got := listen(t, fake, c, run, dbtcloud.Poll{}); got.text[1] != numberedLines(50) || len(got.gaps) > 0 {
			t.Errorf("heard %+v", got)
		}
		busy := fake.AddRun(dbtcloudtest.RunSpec{JobID: fake.Runs()[0].JobID})
		queued := fake.AddRun(dbtcloudtest.RunSpec{JobID: fake.Runs()[0].JobID})
		if _, err := c.Runs.Cancel(t.Context(), queued); err != nil {
			t.Fatal(err)
		}
		if got := listen(t, fake, c, queued, dbtcloud.Poll{}); len(got.text)+len(got.last) > 0 || got.calls != 1 {
			t.Errorf("of a run that never began, while run %d goes on: %+v", busy, got)
		}
	})
}
