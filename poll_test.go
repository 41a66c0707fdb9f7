package dbtcloud_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
)

// course is a server of one run whose status follows from the time.
type course struct {
	begin time.Time
	at    func(since time.Duration) (status int, further string) // status < 0: an HTTP error of that number; 0: no answer
}

func newCourse(at func(time.Duration) (int, string)) *course {
	return &course{begin: time.Now(), at: at}
}

func (s *course) answer(_ int, _ *http.Request) (*http.Response, error) {
	status, further := s.at(time.Since(s.begin))
	switch {
	case status < 0:
		return response(-status, "application/json", refusal("Trouble.", "null")), nil
	case status == 0:
		return nil, io.ErrUnexpectedEOF
	}
	return response(200, "application/json", envelope(fmt.Sprintf(`{"id":5,"job_definition_id":9,"status":%d%s}`, status, further))), nil
}

// runFor is queued, then starting, then running, and ends with success.
func runFor(d time.Duration) func(time.Duration) (int, string) {
	return func(since time.Duration) (int, string) {
		switch {
		case since >= d:
			return 10, ""
		case since < d/10:
			return 1, ""
		case since < d/5:
			return 2, ""
		}
		return 3, ""
	}
}

// TestWaitOfADay: a run of 24 hours is followed without ado.
func TestWaitOfADay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newCourse(runFor(24 * time.Hour))
		c, sc := scripted(t, s.answer)
		run, err := c.Runs.Wait(t.Context(), 5, dbtcloud.Poll{})
		if err != nil || run.Status != dbtcloud.RunSuccess {
			t.Fatalf("got %v, %v", run, err)
		}
		if took := time.Since(s.begin); took < 24*time.Hour || took > 24*time.Hour+30*time.Second {
			t.Errorf("it took %s, want 24 h and at most one poll", took)
		}
		if n := len(sc.requests()); n < 2880 || n > 3630 {
			t.Errorf("%d looks, want one each 24 to 30 s", n)
		}
	})
}

// TestPollGrowth: the pauses grow by half up to the interval, each less up to a fifth.
func TestPollGrowth(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		poll dbtcloud.Poll
		want []time.Duration // longest pauses
	}{
		"default": {dbtcloud.Poll{}, []time.Duration{time.Second, 1500 * time.Millisecond, 2250 * time.Millisecond, 3375 * time.Millisecond, 5062500 * time.Microsecond,
			7593750 * time.Microsecond, 11390625 * time.Microsecond, 17085937500, 25628906250, 30 * time.Second, 30 * time.Second}},
		"chosen":               {dbtcloud.Poll{First: 4 * time.Second, Interval: 10 * time.Second}, []time.Duration{4 * time.Second, 6 * time.Second, 9 * time.Second, 10 * time.Second, 10 * time.Second}},
		"never over interval":  {dbtcloud.Poll{First: time.Minute, Interval: 2 * time.Second}, []time.Duration{2 * time.Second, 2 * time.Second}},
		"negative is default":  {dbtcloud.Poll{First: -1, Interval: -1}, []time.Duration{time.Second, 1500 * time.Millisecond}},
		"interval of one tick": {dbtcloud.Poll{First: 1, Interval: 1}, []time.Duration{1, 1, 1}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			different := map[time.Duration]bool{}
			for i := range 5 {
				synctest.Test(t, func(t *testing.T) {
					time.Sleep(time.Duration(i) * 17 * time.Millisecond) // the clock is what jitter is drawn from
					c, s := scripted(t, func(n int, _ *http.Request) (*http.Response, error) {
						status := 3
						if n == len(test.want)+1 {
							status = 10
						}
						return response(200, "application/json", envelope(fmt.Sprintf(`{"id":5,"status":%d}`, status))), nil
					})
					if _, err := c.Runs.Wait(t.Context(), 5, test.poll); err != nil {
						t.Fatal(err)
					}
					sent := s.requests()
					for i, most := range test.want {
						pause := sent[i+1].At.Sub(sent[i].At)
						if pause > most || pause < most-most/5 {
							t.Errorf("pause %d is %s, want between %s and %s", i, pause, most-most/5, most)
						}
					}
					different[sent[1].At.Sub(sent[0].At)] = true
				})
			}
			if len(different) == 1 && test.want[0] > time.Millisecond {
				t.Error("five waits had the same first pause: there is no jitter")
			}
		})
	}
}

// TestWaitThroughTrouble: what passes is no news, and what does not pass ends it.
func TestWaitThroughTrouble(t *testing.T) {
	t.Parallel()
	const hour = time.Hour
	between := func(from, to time.Duration, status int) func(time.Duration) (int, string) {
		return func(since time.Duration) (int, string) {
			if since >= from && since < to {
				return status, ""
			}
			return runFor(hour)(since)
		}
	}
	tests := []struct {
		name  string
		at    func(time.Duration) (int, string)
		poll  dbtcloud.Poll
		after time.Duration // when it ends, and up to two minutes later
		want  error         // nil: success
		text  string
	}{
		{name: "500s for ten minutes", at: between(10*time.Minute, 20*time.Minute, -500), after: hour},
		{name: "503s at first", at: between(0, 10*time.Minute, -503), after: hour},
		{name: "429s", at: between(10*time.Minute, 20*time.Minute, -429), after: hour},
		{name: "408s", at: between(10*time.Minute, 14*time.Minute, -408), after: hour},
		{name: "lost answers", at: between(10*time.Minute, 20*time.Minute, 0), after: hour},
		{name: "not found at first", at: between(0, 50*time.Second, -404), after: hour},
		{name: "not found for longer than the grace", at: between(0, 2*time.Minute, -404), after: time.Minute, want: dbtcloud.ErrNotFound},
		{name: "not found later", at: between(10*time.Minute, hour, -404), after: 10 * time.Minute, want: dbtcloud.ErrNotFound},
		{name: "a longer grace", at: between(0, 2*time.Minute, -404), poll: dbtcloud.Poll{Grace: 3 * time.Minute}, after: hour},
		{name: "forbidden", at: between(10*time.Minute, hour, -403), after: 10 * time.Minute, want: dbtcloud.ErrForbidden},
		{name: "unauthorized", at: between(0, hour, -401), want: dbtcloud.ErrUnauthorized},
		{name: "bad request", at: between(0, hour, -400), want: dbtcloud.ErrBadRequest},
		{name: "silence", at: between(10*time.Minute, 2*hour, -500), after: 25 * time.Minute, want: dbtcloud.ErrServer, text: "nothing could be learned for 15m0s"},
		{name: "a shorter silence", at: between(10*time.Minute, 2*hour, 0), poll: dbtcloud.Poll{Silence: 5 * time.Minute}, after: 15 * time.Minute, want: io.ErrUnexpectedEOF, text: "nothing could be learned for 5m0s"},
		{name: "silence from the beginning", at: between(0, 2*hour, -500), after: 15 * time.Minute, want: dbtcloud.ErrServer, text: "nothing could be learned"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newCourse(test.at)
				c, _ := scripted(t, s.answer)
				run, err := c.Runs.Wait(t.Context(), 5, test.poll)
				if !errors.Is(err, test.want) || test.want == nil && err != nil {
					t.Errorf("error %v, want %v", err, test.want)
				}
				if err == nil && run.Status != dbtcloud.RunSuccess || err != nil && !strings.Contains(err.Error(), test.text) {
					t.Errorf("run %v and error %v, want the text %q", run, err, test.text)
				}
				// The last good look may have been up to an interval before the silence began.
				if took := time.Since(s.begin); took < test.after-30*time.Second || took > test.after+2*time.Minute {
					t.Errorf("it took %s, want %s", took, test.after)
				}
			})
		})
	}
}

// TestWaitAtTheDeadline: the run is looked at once more, so that what ended in time
// is not reported as late; the last run seen is returned beside the error.
func TestWaitAtTheDeadline(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		length   time.Duration
		deadline time.Duration
		late     bool
	}{
		{"ends long before", time.Minute, time.Hour, false},
		{"ends in the last moment", 10*time.Minute - time.Millisecond, 10 * time.Minute, false},
		{"ends at the deadline", 10 * time.Minute, 10 * time.Minute, false},
		{"ends after", 10*time.Minute + time.Millisecond, 10 * time.Minute, true},
		{"the deadline has passed already, and so has the run", time.Minute, -time.Hour, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newCourse(runFor(test.length))
				if test.deadline < 0 {
					time.Sleep(test.length)
				}
				ctx, cancel := context.WithTimeoutCause(t.Context(), test.deadline, errors.New("the pipeline's limit"))
				defer cancel()
				c, _ := scripted(t, s.answer)
				begin := time.Now()
				run, err := c.Runs.Wait(ctx, 5, dbtcloud.Poll{})
				if !test.late {
					if err != nil || run.Status != dbtcloud.RunSuccess {
						t.Errorf("got %v, %v, want success", run, err)
					}
					return
				}
				if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "the pipeline's limit") || run == nil || run.Status != dbtcloud.RunRunning {
					t.Errorf("got %v, %v, want the running run, DeadlineExceeded and its cause", run, err)
				}
				if took := time.Since(begin); took != test.deadline {
					t.Errorf("it took %s, want %s", took, test.deadline)
				}
			})
		})
	}
}

// TestLastLookIsBounded: a server that hangs does not hold up the report of the deadline.
func TestLastLookIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := deadline(time.Minute)
		defer cancel()
		c, _ := scripted(t, func(_ int, req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		})
		begin := time.Now()
		if _, err := c.Runs.Wait(ctx, 5, dbtcloud.Poll{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		if took := time.Since(begin); took > time.Minute+5*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// TestWaitCancelled: a cancelled context ends it at once, without a further look.
func TestWaitCancelled(t *testing.T) {
	t.Parallel()
	reason := errors.New("stop")
	for _, at := range []struct {
		name   string
		answer func(time.Duration) (int, string)
	}{{"while the run goes on", runFor(time.Hour)}, {"while looks fail", func(time.Duration) (int, string) { return -500, "" }}} {
		t.Run(at.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newCourse(at.answer)
				c, sc := scripted(t, s.answer)
				ctx, cancel := context.WithCancelCause(t.Context())
				var sent int
				time.AfterFunc(7*time.Minute, func() { sent = len(sc.requests()); cancel(reason) })
				_, err := c.Runs.Wait(ctx, 5, dbtcloud.Poll{})
				if !errors.Is(err, context.Canceled) || !errors.Is(err, reason) || errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v, want context.Canceled and its cause", err)
				}
				if took := time.Since(s.begin); took != 7*time.Minute || len(sc.requests()) != sent {
					t.Errorf("it took %s and %d more looks, want 7 m and none", took, len(sc.requests())-sent)
				}
			})
		})
	}
}

// TestWaitOutcome: a run that did not succeed is an error, beside the run.
func TestWaitOutcome(t *testing.T) {
	t.Parallel()
	const audit = `,"audit":{"trigger":{"actor":{}},"cancellation":{"actor":{"id":17,"type":"user","name":"Ada"}}}`
	tests := []struct {
		status    int
		further   string
		text      string // "" for success
		cancelled bool
	}{
		{10, "", "", false},
		{20, `,"status_message":"1 of 3 models failed"`, "dbtcloud: run 5 of job 9 ended with status Error: 1 of 3 models failed", false},
		{30, `,"status_message":"Cancelled by user."` + audit, "dbtcloud: run 5 of job 9 ended with status Cancelled, cancelled by Ada: Cancelled by user.", true},
		{30, `,"status_message":null,"audit":null`, "dbtcloud: run 5 of job 9 ended with status Cancelled", true},
		{30, `,"audit":{"trigger":null,"cancellation":null}`, "dbtcloud: run 5 of job 9 ended with status Cancelled", true},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			c, s := scripted(t, newCourse(func(since time.Duration) (int, string) {
				if since < time.Minute {
					return 3, ""
				}
				return test.status, test.further
			}).answer)
			run, err := c.Runs.Wait(t.Context(), 5, dbtcloud.Poll{})
			if run == nil || int(run.Status) != test.status {
				t.Fatalf("run %v", run)
			}
			failed, ok := errors.AsType[*dbtcloud.RunFailedError](err)
			if ok != (test.text != "") || ok && (failed.Error() != test.text || failed.Run != run) {
				t.Errorf("error %v, want %q", err, test.text)
			}
			if errors.Is(err, dbtcloud.ErrRunCancelled) != test.cancelled {
				t.Errorf("errors.Is(%v, ErrRunCancelled) is %v", err, !test.cancelled)
			}
			if line := s.lines()[0]; !strings.Contains(line, "include_related=trigger%2Caudit") {
				t.Errorf("asked for %s, want the trigger and the audit", line)
			}
		})
	}
}

// TestUnknownStatus: a status that this version does not know is followed while it
// moves, and for an hour at most while it does not.
func TestUnknownStatus(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		at    func(time.Duration) (int, string)
		after time.Duration
		want  string // "" for success
	}{
		{"passes", func(since time.Duration) (int, string) {
			if since < 50*time.Minute {
				return 4, ""
			}
			return 10, ""
		}, 50 * time.Minute, ""},
		{"stays", func(time.Duration) (int, string) { return 40, "" }, time.Hour, "run 5 has the unknown status 40"},
		{"has an end", func(time.Duration) (int, string) { return 40, `,"finished_at":"2026-01-01T00:00:00Z"` }, 0, "run 5 has the unknown status 40"},
		{"is missing for a while", func(since time.Duration) (int, string) {
			if since < 50*time.Minute {
				return 3, `,"status":null,"status":0`
			}
			return 10, ""
		}, 50 * time.Minute, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newCourse(test.at)
				c, _ := scripted(t, s.answer)
				_, err := c.Runs.Wait(t.Context(), 5, dbtcloud.Poll{})
				if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
					t.Errorf("error %v, want %q", err, test.want)
				}
				if took := time.Since(s.begin); took < test.after || took > test.after+time.Minute {
					t.Errorf("it took %s, want %s", took, test.after)
				}
			})
		})
	}
}

// TestWatch: it yields the run as first seen and on each change, and can be ranged
// over again.
func TestWatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newCourse(runFor(time.Hour))
		c, _ := scripted(t, s.answer)
		seq := c.Runs.Watch(t.Context(), 5, dbtcloud.Poll{})
		var got []string
		for range 2 {
			for run, err := range seq {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, run.Status.String())
			}
		}
		if diff := cmp.Diff([]string{"Queued", "Starting", "Running", "Success", "Success"}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestWatchBreak: after a break nothing goes on. The bubble would fail on a goroutine
// that is left, and the count of all goroutines on one that runs outside of it.
func TestWatchBreak(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, s := scripted(t, newCourse(runFor(time.Hour)).answer)
		for run, err := range c.Runs.Watch(t.Context(), 5, dbtcloud.Poll{}) {
			if err != nil || run.Status == dbtcloud.RunStarting {
				break
			}
		}
		synctest.Wait()
		before := len(s.requests())
		if stacks := allStacks(); strings.Contains(stacks, "RunsService).Watch") {
			t.Errorf("a goroutine is left:\n%s", stacks)
		}
		time.Sleep(time.Hour)
		if after := len(s.requests()); after != before {
			t.Errorf("%d looks after the break", after-before)
		}
	})
}

func allStacks() string {
	b := make([]byte, 1<<20)
	b = b[:runtime.Stack(b, false)]
	return string(b)
}

// TestWatchError: the error comes last, and once.
func TestWatchError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, _ := scripted(t, newCourse(func(since time.Duration) (int, string) {
			if since < time.Minute {
				return 1, ""
			}
			return -403, ""
		}).answer)
		var got []string
		for run, err := range c.Runs.Watch(t.Context(), 5, dbtcloud.Poll{}) {
			got = append(got, fmt.Sprint(run != nil, " ", errors.Is(err, dbtcloud.ErrForbidden)))
		}
		if diff := cmp.Diff([]string{"true false", "false true"}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
