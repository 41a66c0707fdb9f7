package dbtcloud_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// beside is a fake with n runs that go on beside each other: each is of a pull request
// of its own.
func sideBySide(t failer, n int, opts ...dbtcloudtest.Option) (*dbtcloudtest.Server, *dbtcloud.Client, []int64) {
	t.Helper()
	fake := dbtcloudtest.New(append([]dbtcloudtest.Option{dbtcloudtest.WithCIConcurrency(true)}, opts...)...)
	c, err := fake.Client()
	if err != nil {
		t.Fatalf("%v", err)
	}
	job := fake.AddJob(dbtcloudtest.JobSpec{Name: "CI"})
	ids := make([]int64, n)
	for i := range ids {
		ids[i] = fake.AddRun(dbtcloudtest.RunSpec{JobID: job, SHA: "abc", PullRequest: dbtcloudtest.PullRequest{Host: dbtcloudtest.GitHub, Number: int64(i + 1)}})
	}
	return fake, c, ids
}

// varied makes runs take between one and eight minutes, and end in every way.
func varied(r dbtcloudtest.Run) dbtcloudtest.Outcome {
	outcomes := []dbtcloudtest.RunStatus{dbtcloudtest.Success, dbtcloudtest.Success, dbtcloudtest.Error, dbtcloudtest.Cancelled}
	return dbtcloudtest.Outcome{Duration: time.Minute + time.Duration(r.ID*r.ID%421)*time.Second, Status: outcomes[r.ID/2%4]}
}

// sighting is one yield of a WatchAll.
type sighting struct {
	at     time.Time
	id     int64
	status dbtcloud.RunStatus
	lost   error
}

// follow ranges over a WatchAll. The error is the one that ended it.
func follow(ctx context.Context, c *dbtcloud.Client, ids []int64, p dbtcloud.Poll) (seen []sighting, err error) {
	for run, err := range c.Runs.WatchAll(ctx, ids, p) {
		lost, isLost := errors.AsType[*dbtcloud.RunLostError](err)
		switch {
		case isLost:
			seen = append(seen, sighting{at: time.Now(), id: lost.RunID, lost: err})
		case err != nil:
			return seen, err
		default:
			seen = append(seen, sighting{at: time.Now(), id: run.ID, status: run.Status})
		}
	}
	return seen, nil
}

// judge tells what is wrong with the sightings of runs that ended: each must be seen
// as it went on, and its true end once and last.
func judge(fake *dbtcloudtest.Server, ids []int64, seen []sighting) (problems []string) {
	last := map[int64]dbtcloud.RunStatus{}
	for _, s := range seen {
		switch {
		case s.lost != nil:
			problems = append(problems, fmt.Sprintf("run %d is lost: %v", s.id, s.lost))
		case !slices.Contains(ids, s.id):
			problems = append(problems, fmt.Sprintf("run %d was not asked for", s.id))
		case last[s.id] >= s.status:
			problems = append(problems, fmt.Sprintf("run %d is %s after %s", s.id, s.status, last[s.id]))
		}
		last[s.id] = s.status
	}
	for _, id := range ids {
		if run, _ := fake.Run(id); !last[id].Terminal() || int(last[id]) != int(run.Status) {
			problems = append(problems, fmt.Sprintf("run %d was last seen %s and is %s", id, last[id], run.Status))
		}
	}
	return problems
}

// TestJudge feeds the judge one bad history per rule.
func TestJudge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake, _, ids := sideBySide(t, 2)
		time.Sleep(time.Hour)
		at := func(i int, status dbtcloud.RunStatus) sighting { return sighting{id: ids[i], status: status} }
		good := []sighting{at(0, dbtcloud.RunQueued), at(0, dbtcloud.RunSuccess), at(1, dbtcloud.RunSuccess)}
		for name, test := range map[string]struct {
			seen []sighting
			want int
		}{
			"good":        {good, 0},
			"lost":        {append(slices.Clone(good), sighting{id: ids[0], lost: io.EOF}), 2},
			"stranger":    {append(slices.Clone(good), sighting{id: 3, status: dbtcloud.RunQueued}), 1},
			"twice":       {append(slices.Clone(good), at(1, dbtcloud.RunSuccess)), 1},
			"backwards":   {[]sighting{at(0, dbtcloud.RunRunning), at(0, dbtcloud.RunQueued), at(0, dbtcloud.RunSuccess), at(1, dbtcloud.RunSuccess)}, 1},
			"no end":      {good[:2], 1},
			"another end": {[]sighting{at(0, dbtcloud.RunError), at(1, dbtcloud.RunSuccess)}, 1},
		} {
			if got := judge(fake, ids, test.seen); len(got) != test.want {
				t.Errorf("%s: %q, want %d problems", name, got, test.want)
			}
		}
	})
}

// ticks is what was asked for at each look: the ids of each of its calls.
func ticks(t *testing.T, fake *dbtcloudtest.Server) (at []time.Time, calls map[time.Time][][]int64) {
	t.Helper()
	calls = map[time.Time][][]int64{}
	for _, r := range fake.Requests() {
		if r.Operation != "GET /api/v2/accounts/{account}/runs/" || len(r.Unknown) > 0 {
			t.Errorf("asked %s with unknown %v, want lists of runs alone", r.Operation, r.Unknown)
		}
		if len(at) == 0 || !at[len(at)-1].Equal(r.At) {
			at = append(at, r.At)
		}
		calls[r.At] = append(calls[r.At], asked(t, r.Query))
	}
	return at, calls
}

// asked is the ids of a list's query.
func asked(t failer, query string) []int64 {
	t.Helper()
	q, err := url.ParseQuery(query)
	var ids []int64
	if err == nil {
		err = json.Unmarshal([]byte(q.Get("pk__in")), &ids)
	}
	if err != nil || q.Get("include_related") != "trigger,audit" {
		t.Fatalf("the query %s: %v, want ids, triggers and audits", query, err)
	}
	return ids
}

// TestWatchAllCalls: a look at 2,000 runs asks for each unfinished one once, with one
// call a hundred of them.
func TestWatchAllCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake, c, ids := sideBySide(t, 2000, dbtcloudtest.WithRunTime(varied))
		seen, err := follow(t.Context(), c, ids, dbtcloud.Poll{First: time.Minute, Interval: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		if problems := judge(fake, ids, seen); len(problems) > 0 {
			t.Errorf("%d problems, the first: %s", len(problems), problems[0])
		}
		at, calls := ticks(t, fake)
		if len(at) < 8 || len(calls[at[0]]) != 20 {
			t.Errorf("%d looks, the first of %d calls; want 8 and more, and 20", len(at), len(calls[at[0]]))
		}
		active := slices.Clone(ids)
		for _, now := range at {
			if want := (len(active) + 99) / 100; len(calls[now]) != want {
				t.Errorf("%d calls for %d runs, want %d", len(calls[now]), len(active), want)
			}
			if diff := cmp.Diff(active, slices.Concat(calls[now]...)); diff != "" {
				t.Fatalf("runs that a look asks for (-unfinished +asked):\n%s", diff)
			}
			for _, s := range seen {
				if s.at.Equal(now) && s.status.Terminal() {
					active = slices.DeleteFunc(active, func(id int64) bool { return id == s.id })
				}
			}
		}
	})
}

// TestWatchAllTrouble: a page that fails is no news for its own runs only, which are
// lost when it fails for too long; a list that cannot be had at all ends the sequence.
func TestWatchAllTrouble(t *testing.T) {
	t.Parallel()
	const first, every = false, true
	tests := []struct {
		name     string
		kind     dbtcloudtest.Kind
		which    bool // the first page, or every one
		from, to time.Duration
		lost     int // runs
		want     error
		after    time.Duration // when the sequence ends, at most two minutes later
	}{
		{name: "first page, ten minutes", kind: dbtcloudtest.Status(500, dbtcloudtest.EnvelopeBody), from: time.Minute, to: 11 * time.Minute, after: 29 * time.Minute},
		{name: "first page from the start", kind: dbtcloudtest.LostAnswer(), to: 10 * time.Minute, after: 29 * time.Minute},
		{name: "first page, HTML", kind: dbtcloudtest.HTML200(), from: time.Minute, to: 11 * time.Minute, after: 29 * time.Minute},
		{name: "first page, for too long", kind: dbtcloudtest.Status(502, dbtcloudtest.HTMLBody), from: time.Minute, to: time.Hour, lost: 100, want: dbtcloud.ErrServer, after: 29 * time.Minute},
		{name: "first page is empty for a moment", kind: dbtcloudtest.DataNull(), from: time.Minute, to: 90 * time.Second, after: 29 * time.Minute},
		{name: "first page is empty", kind: dbtcloudtest.DataNull(), from: time.Minute, to: time.Hour, lost: 100, want: dbtcloud.ErrNotFound, after: 29 * time.Minute},
		{name: "every page, ten minutes", which: every, kind: dbtcloudtest.Status(500, dbtcloudtest.EnvelopeBody), from: time.Minute, to: 11 * time.Minute, after: 29 * time.Minute},
		{name: "every page, for too long", which: every, kind: dbtcloudtest.Truncated(), from: time.Minute, to: time.Hour, want: io.ErrUnexpectedEOF, after: 16 * time.Minute},
		{name: "every page from the start, for too long", which: every, kind: dbtcloudtest.Truncated(), to: time.Hour, want: io.ErrUnexpectedEOF, after: 15 * time.Minute},
		{name: "first page is forbidden", which: first, kind: dbtcloudtest.Status(403, dbtcloudtest.EnvelopeBody), from: 10 * time.Minute, to: time.Hour, want: dbtcloud.ErrForbidden, after: 10 * time.Minute},
		{name: "unauthorized", which: every, kind: dbtcloudtest.Status(401, dbtcloudtest.EnvelopeBody), to: time.Hour, want: dbtcloud.ErrUnauthorized},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				fake, c, ids := sideBySide(t, 210, dbtcloudtest.WithRunTime(func(r dbtcloudtest.Run) dbtcloudtest.Outcome {
					return dbtcloudtest.Outcome{Duration: time.Minute + time.Duration(r.ID%30)*time.Minute}
				}))
				word := strconv.FormatInt(ids[0], 10)
				fault := dbtcloudtest.Fault{Kind: test.kind, Match: func(r dbtcloudtest.Request) bool {
					return test.which == every || strings.Contains(r.Query, word)
				}}
				fake.At(begin.Add(test.from), func(s *dbtcloudtest.Server) { s.Inject(fault) })
				fake.At(begin.Add(test.to), func(s *dbtcloudtest.Server) { s.ClearFaults() })
				seen, err := follow(t.Context(), c, ids, dbtcloud.Poll{First: 30 * time.Second, Interval: time.Minute})
				if took := time.Since(begin); took < test.after-30*time.Second || took > test.after+2*time.Minute {
					t.Errorf("it took %s, want %s", took, test.after)
				}
				if (err != nil) != (test.want != nil && test.lost == 0) || err != nil && !errors.Is(err, test.want) {
					t.Errorf("error %v, want %v", err, test.want)
				}
				checkLost(t, ids[:test.lost], seen, test.want)
				if others := ids[test.lost:]; err == nil {
					if problems := judge(fake, others, without(seen, ids[:test.lost])); len(problems) > 0 {
						t.Errorf("%d problems with the others, the first: %s", len(problems), problems[0])
					}
					if test.which == first {
						checkPunctual(t, fake, without(seen, ids[:100]))
					}
				}
			})
		})
	}
}

// without is what was seen of other runs.
func without(seen []sighting, ids []int64) []sighting {
	return slices.DeleteFunc(slices.Clone(seen), func(s sighting) bool { return slices.Contains(ids, s.id) })
}

// checkLost checks that these runs are lost, each once, and no other is.
func checkLost(t *testing.T, want []int64, seen []sighting, why error) {
	t.Helper()
	got := []int64{}
	for _, s := range seen {
		if s.lost == nil {
			continue
		}
		got = append(got, s.id)
		if !errors.Is(s.lost, why) || !strings.Contains(s.lost.Error(), fmt.Sprintf("waiting for run %d: ", s.id)) {
			t.Fatalf("run %d is lost: %v, want %v", s.id, s.lost, why)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(append([]int64{}, want...), got); diff != "" {
		t.Errorf("lost runs (-want +got):\n%s", diff)
	}
}

// checkPunctual checks that the ends of runs were seen at most 90 seconds late.
func checkPunctual(t *testing.T, fake *dbtcloudtest.Server, seen []sighting) {
	t.Helper()
	checked := 0
	for _, s := range seen {
		run, _ := fake.Run(s.id)
		if !s.status.Terminal() {
			continue
		}
		checked++
		if late := s.at.Sub(run.FinishedAt); late > 90*time.Second {
			t.Fatalf("the end of run %d was seen %s late", s.id, late)
		}
	}
	if checked < 100 {
		t.Errorf("the ends of %d runs were seen, want more", checked)
	}
}

// TestWatchAllMissing: a run that is not in the list may still come; without it for
// longer than the grace it is lost, and the others are followed on.
func TestWatchAllMissing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		fake, c, ids := sideBySide(t, 150, dbtcloudtest.WithRunTime(varied), dbtcloudtest.WithListLag(dbtcloudtest.Fixed(40*time.Second)))
		missing := []int64{1, 2, ids[149] + 1000}
		seen, err := follow(t.Context(), c, slices.Concat(missing, ids), dbtcloud.Poll{})
		if err != nil {
			t.Fatal(err)
		}
		checkLost(t, missing, seen, dbtcloud.ErrNotFound)
		for _, s := range seen {
			if after := s.at.Sub(begin); s.lost != nil && (after < time.Minute || after > 90*time.Second) {
				t.Errorf("run %d is lost after %s, want a minute and up to a look", s.id, after)
			}
		}
		if problems := judge(fake, ids, without(seen, missing)); len(problems) > 0 {
			t.Errorf("%d problems, the first: %s", len(problems), problems[0])
		}
	})
}

// listing answers lists with what at has for each id: its status and what follows, or
// nothing.
func listing(at func(id int64, since time.Duration) string) func(int, *http.Request) (*http.Response, error) {
	begin := time.Now()
	return func(_ int, req *http.Request) (*http.Response, error) {
		items := []string{}
		for _, id := range asked(panicker{}, req.URL.RawQuery) {
			if text := at(id, time.Since(begin)); text != "" {
				items = append(items, fmt.Sprintf(`{"id":%d,"status":%s}`, id, text))
			}
		}
		page := fmt.Sprintf(`,"extra":{"pagination":{"count":%d,"total_count":%[1]d}}}`, len(items))
		return response(200, "application/json", strings.TrimSuffix(envelope("["+strings.Join(items, ",")+"]"), "}")+page), nil
	}
}

type panicker struct{}

func (panicker) Helper() {}

func (panicker) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// TestWatchAllStatuses: what a list shows of a run, and what is made of it.
func TestWatchAllStatuses(t *testing.T) {
	t.Parallel()
	// steps shows one status after the other, a minute each.
	steps := func(texts ...string) func(time.Duration) string {
		return func(since time.Duration) string { return texts[min(int(since/time.Minute), len(texts)-1)] }
	}
	tests := []struct {
		name  string
		at    func(time.Duration) string
		want  string        // statuses
		lost  string        // why
		after time.Duration // and up to a minute more
	}{
		{name: "all in turn", at: steps("1", "2", "3", "20"), want: "Queued Starting Running Error", after: 3 * time.Minute},
		{name: "a list that lags", at: steps("1", "3", "2", "1", "3", "30"), want: "Queued Running Cancelled", after: 5 * time.Minute},
		{name: "a list without it", at: steps("1", "3", "", "3", "10"), want: "Queued Running Success", after: 4 * time.Minute},
		{name: "lists without it now and then", at: steps("1", "", "1", "", "3", "10"), want: "Queued Running Success", after: 5 * time.Minute},
		{name: "gone", at: steps("1", "3", ""), want: "Queued Running", lost: "not found", after: 3*time.Minute + 30*time.Second},
		{name: "unknown for a while", at: steps("1", "4", "4", "3", "10"), want: "Queued Unknown(4) Running Success", after: 4 * time.Minute},
		{name: "null for a while", at: steps("null", "null", "3", "10"), want: "Unknown(0) Running Success", after: 3 * time.Minute},
		{name: "unknown, ended", at: steps("1", `40,"finished_at":"2026-01-01T00:00:00Z"`), want: "Queued Unknown(40)", lost: "has the unknown status 40", after: time.Minute},
		{name: "unknown for ever", at: steps("1", "40"), want: "Queued Unknown(40)", lost: "has the unknown status 40", after: 61 * time.Minute},
		{name: "as a text", at: steps(`"3"`, `"10"`), want: "Running Success", after: time.Minute},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				c, _ := scripted(t, listing(func(_ int64, since time.Duration) string { return test.at(since) }))
				seen, err := follow(t.Context(), c, []int64{5}, dbtcloud.Poll{Interval: 5 * time.Second, Grace: 90 * time.Second})
				var got []string
				for i, s := range seen {
					if s.lost == nil {
						got = append(got, s.status.String())
					} else if i != len(seen)-1 || test.lost == "" || !strings.Contains(s.lost.Error(), test.lost) {
						t.Errorf("lost: %v, want %q in the end", s.lost, test.lost)
					}
				}
				if text := strings.Join(got, " "); err != nil || text != test.want || test.lost != "" && len(got) == len(seen) {
					t.Errorf("%s, %v of %d sightings, want %s and lost by %q", text, err, len(seen), test.want, test.lost)
				}
				if took := time.Since(begin); took < test.after-10*time.Second || took > test.after+time.Minute {
					t.Errorf("it took %s, want %s", took, test.after)
				}
			})
		})
	}
}

// TestWatchAllListedTwice: a run that is listed twice hides no other one.
func TestWatchAllListedTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, s := scripted(t, func(_ int, req *http.Request) (*http.Response, error) {
			data := `[{"id":5,"status":10},{"id":5,"status":10}]`
			if req.URL.Query().Has("id__gt") {
				data = `[{"id":6,"status":10}]`
			}
			return response(200, "application/json", envelope(data)), nil
		})
		runs, err := c.Runs.WaitAll(t.Context(), []int64{5, 6}, dbtcloud.Poll{})
		if err != nil || runs[1] == nil || len(s.requests()) != 2 {
			t.Errorf("%v, %v after %d requests, want both runs after 2", runs, err, len(s.requests()))
		}
	})
}

// TestWatchAllBadAnswers: an answer that no document has is no news for a while, and
// then an error; an empty one says that the run is not there.
func TestWatchAllBadAnswers(t *testing.T) {
	t.Parallel()
	m := method{name: "Runs.WatchAll", shape: list, answer: "run.json", requests: []string{"GET " + runsPath}}
	bad := append(badAnswers(), badAnswer{name: "runs that nobody asked for", body: func(_ method, good string) string { return good }, want: func(method) verdict { return failed }})
	for _, bad := range bad {
		t.Run(bad.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				contentType := bad.contentType
				if contentType == "" {
					contentType = "application/json"
				}
				c, s := scripted(t, always(max(bad.status, 200), contentType, bad.body(m, m.body(m.good(t)))))
				seen, err := follow(t.Context(), c, []int64{5}, dbtcloud.Poll{Silence: time.Minute})
				if bad.want(m) == fine {
					checkLost(t, []int64{5}, seen, dbtcloud.ErrNotFound)
				} else {
					checkVerdict(t, m, bad.want(m), err)
				}
				if (err == nil) != (bad.want(m) == fine) || len(s.requests()) > 50 {
					t.Errorf("%d sightings after %d requests, and %v", len(seen), len(s.requests()), err)
				}
			})
		})
	}
}

// TestWatchAllInput: what cannot be followed is refused before any request, and
// nothing is followed without one.
func TestWatchAllInput(t *testing.T) {
	t.Parallel()
	for _, ids := range [][]int64{nil, {}, {0}, {5, -1, 6}} {
		c, s := scripted(t, always(500, "", ""))
		seen, err := follow(t.Context(), c, ids, dbtcloud.Poll{})
		runs, waitErr := c.Runs.WaitAll(t.Context(), ids, dbtcloud.Poll{})
		if want := len(ids) > 0; errors.Is(err, dbtcloud.ErrInvalid) != want || errors.Is(waitErr, dbtcloud.ErrInvalid) != want || (err != nil) != want {
			t.Errorf("%v: %v and %v, want ErrInvalid: %v", ids, err, waitErr, want)
		}
		if len(seen) != 0 || len(s.requests()) != 0 || len(runs) != len(ids) {
			t.Errorf("%v: %d sightings, %d requests, %d runs", ids, len(seen), len(s.requests()), len(runs))
		}
	}
}

// TestWatchAllAgain: an id that is given twice is followed once, and the sequence can
// be ranged over again, whatever has become of the caller's slice.
func TestWatchAllAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake, c, ids := sideBySide(t, 3, dbtcloudtest.WithRunTime(varied))
		given := []int64{ids[2], ids[0], ids[2], ids[1], ids[0]}
		seq := c.Runs.WatchAll(t.Context(), given, dbtcloud.Poll{})
		clear(given)
		for i := range 2 {
			var seen []sighting
			for run, err := range seq {
				if err != nil {
					t.Fatal(err)
				}
				seen = append(seen, sighting{id: run.ID, status: run.Status})
			}
			if problems := judge(fake, ids, seen); len(problems) > 0 {
				t.Errorf("time %d: %q", i+1, problems)
			}
		}
	})
}

// TestWatchAllBreak: after a break nothing goes on, wherever it comes.
func TestWatchAllBreak(t *testing.T) {
	t.Parallel()
	for _, after := range []int{1, 100, 101, 150, 400} {
		synctest.Test(t, func(t *testing.T) {
			fake, c, ids := sideBySide(t, 250, dbtcloudtest.WithRunTime(varied))
			n := 0
			for _, err := range c.Runs.WatchAll(t.Context(), append([]int64{1}, ids...), dbtcloud.Poll{}) {
				if n++; n == after {
					break
				}
				if n > after {
					t.Fatalf("yields after the break: %v", err)
				}
			}
			before := len(fake.Requests())
			if want := (after + 99) / 100; after <= 250 && before > want+1 {
				t.Errorf("%d calls before the break at %d, want %d", before, after, want)
			}
			time.Sleep(time.Hour)
			if n := len(fake.Requests()); n != before {
				t.Errorf("%d calls after the break", n-before)
			}
			if stacks := allStacks(); strings.Contains(stacks, "RunsService).WatchAll") {
				t.Errorf("a goroutine is left:\n%s", stacks)
			}
		})
	}
}

// TestWatchAllEnds: a cancelled context ends it at once; at a deadline all are looked
// at once more, so that what ended in time is not late.
func TestWatchAllEnds(t *testing.T) {
	t.Parallel()
	reason := errors.New("the pipeline stops")
	at := 10 * time.Minute
	deadline := func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeoutCause(ctx, at, reason)
	}
	cancelled := func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancelCause(ctx)
		time.AfterFunc(at, func() { cancel(reason) })
		return ctx, func() { cancel(nil) }
	}
	tests := []struct {
		name string
		end  func(context.Context) (context.Context, context.CancelFunc)
		last time.Duration // when the last of the runs ends; the others do at the end of ctx
		want error
		seen int // ends that are seen
		text string
	}{
		{"deadline, all in time", deadline, at, nil, 150, ""},
		{"deadline, one too late", deadline, at + 1, context.DeadlineExceeded, 149, "waiting for 1 of 150 runs"},
		{"cancelled", cancelled, at, context.Canceled, 0, "waiting for 150 of 150 runs"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				_, c, ids := sideBySide(t, 150, dbtcloudtest.WithRunTime(func(r dbtcloudtest.Run) dbtcloudtest.Outcome {
					if r.PullRequest.Number < 150 {
						return dbtcloudtest.Outcome{Duration: at}
					}
					return dbtcloudtest.Outcome{Duration: test.last}
				}))
				ctx, cancel := test.end(t.Context())
				defer cancel()
				seen, err := follow(ctx, c, ids, dbtcloud.Poll{})
				if took := time.Since(begin); took != at {
					t.Errorf("it took %s, want %s", took, at)
				}
				seen = slices.DeleteFunc(seen, func(s sighting) bool { return !s.status.Terminal() })
				if len(seen) != test.seen {
					t.Errorf("%d ends were seen, want %d", len(seen), test.seen)
				}
				if test.want != nil && (!errors.Is(err, test.want) || !errors.Is(err, reason) || !strings.Contains(err.Error(), test.text)) || test.want == nil && err != nil {
					t.Errorf("error %v, want %v, its cause and %q", err, test.want, test.text)
				}
			})
		})
	}
}

// TestWatchAllPace: after a look that brings news of a tenth of the runs the pauses
// start over; after one that brings less they go on growing.
func TestWatchAllPace(t *testing.T) {
	t.Parallel()
	for end, want := range map[int]time.Duration{0: 30 * time.Second, 3: 30 * time.Second, 4: time.Second, 39: time.Second} {
		synctest.Test(t, func(t *testing.T) {
			fake, c, ids := sideBySide(t, 40, dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome { return dbtcloudtest.Outcome{Duration: -1} }))
			news := time.Now().Add(10 * time.Minute)
			fake.At(news, func(s *dbtcloudtest.Server) {
				for _, id := range ids[:end] {
					s.FinishRun(id, dbtcloudtest.Success)
				}
			})
			ctx, cancel := deadline(20 * time.Minute)
			defer cancel()
			if _, err := follow(ctx, c, ids, dbtcloud.Poll{}); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
			at, _ := ticks(t, fake)
			i := slices.IndexFunc(at, func(at time.Time) bool { return at.After(news) })
			pause := at[i+1].Sub(at[i])
			if first := at[1].Sub(at[0]); pause > want || pause < want-want/5 || first > time.Second {
				t.Errorf("the pause after news of %d of 40 runs is %s, want %s; the first is %s", end, pause, want, first)
			}
		})
	}
}

// TestWaitAll: the runs come in the order of the ids given, the error joins all that
// went wrong.
func TestWaitAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		outcomes := map[int64]dbtcloudtest.RunStatus{1: dbtcloudtest.Success, 2: dbtcloudtest.Error, 3: dbtcloudtest.Cancelled, 4: dbtcloudtest.Success}
		fake, c, ids := sideBySide(t, 4, dbtcloudtest.WithRunTime(func(r dbtcloudtest.Run) dbtcloudtest.Outcome {
			return dbtcloudtest.Outcome{Duration: time.Duration(10-r.PullRequest.Number) * time.Minute, Status: outcomes[r.PullRequest.Number], Message: "as planned"}
		}))
		given := []int64{ids[3], 77, ids[1], ids[0], ids[1], ids[2]}
		runs, err := c.Runs.WaitAll(t.Context(), given, dbtcloud.Poll{})
		for i, id := range given {
			run, _ := fake.Run(id)
			if got := runs[i]; (got == nil) != (id == 77) || got != nil && (got.ID != id || int(got.Status) != int(run.Status) || got.Trigger == nil || got.Audit == nil) {
				t.Errorf("run %d of the result is %+v, want run %d with its trigger and audit", i, got, id)
			}
		}
		lines := strings.Split(err.Error(), "\n")
		want := []string{
			"dbtcloud: waiting for run 77: dbtcloud: not found: ",
			fmt.Sprintf("dbtcloud: run %d of job %d ended with status Cancelled", ids[2], runs[0].JobID),
			fmt.Sprintf("dbtcloud: run %d of job %d ended with status Error: as planned", ids[1], runs[0].JobID),
		}
		if !slices.EqualFunc(lines, want, strings.HasPrefix) {
			t.Errorf("the error is\n%v, want the lines\n%s", err, strings.Join(want, "\n"))
		}
		failed, _ := errors.AsType[*dbtcloud.RunFailedError](err)
		lost, _ := errors.AsType[*dbtcloud.RunLostError](err)
		if !errors.Is(err, dbtcloud.ErrRunCancelled) || !errors.Is(err, dbtcloud.ErrNotFound) || failed.Run != runs[5] || lost.RunID != 77 {
			t.Errorf("errors.Is or As do not find in it what it joins: %v", err)
		}
		again, err := c.Runs.WaitAll(t.Context(), ids[3:], dbtcloud.Poll{})
		if err != nil || len(again) != 1 || again[0].Status != dbtcloud.RunSuccess {
			t.Errorf("a run that succeeded: %v, %v", again, err)
		}
	})
}

// TestWaitAllLate: at the deadline the runs come back as last seen.
func TestWaitAllLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, c, ids := sideBySide(t, 2, dbtcloudtest.WithRunTime(func(r dbtcloudtest.Run) dbtcloudtest.Outcome {
			return dbtcloudtest.Outcome{Duration: time.Duration(r.PullRequest.Number) * time.Hour}
		}))
		ctx, cancel := deadline(90 * time.Minute)
		defer cancel()
		runs, err := c.Runs.WaitAll(ctx, ids, dbtcloud.Poll{})
		if !errors.Is(err, context.DeadlineExceeded) || runs[0].Status != dbtcloud.RunSuccess || runs[1].Status != dbtcloud.RunRunning {
			t.Errorf("%v, %v, want one success, one running, and DeadlineExceeded", runs, err)
		}
	})
}

// TestWatchAllProperty: with any runs, faults that pass, lists that lag and pages that
// are small, the true end of every run is seen once, and what does not exist is lost.
func TestWatchAllProperty(t *testing.T) {
	t.Parallel()
	kinds := []dbtcloudtest.Kind{dbtcloudtest.Status(500, dbtcloudtest.HTMLBody), dbtcloudtest.Status(429, dbtcloudtest.EnvelopeBody), dbtcloudtest.HTML200(), dbtcloudtest.EmptyBody(),
		dbtcloudtest.DataNull(), dbtcloudtest.Truncated(), dbtcloudtest.LostAnswer(), dbtcloudtest.LostRequest(), dbtcloudtest.Slow(20 * time.Second), dbtcloudtest.TooManyRequests(2*time.Minute, time.Minute)}
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.SampledFrom([]int{0, 1, 2, 3, 4, 5, 7, 101}).Draw(rt, "runs")
		minutes := rapid.SliceOfN(rapid.IntRange(0, 15), 10, 10).Draw(rt, "minutes")
		ends := rapid.SliceOfN(rapid.SampledFrom([]dbtcloudtest.RunStatus{dbtcloudtest.Success, dbtcloudtest.Error, dbtcloudtest.Cancelled}), 7, 7).Draw(rt, "ends")
		fault := dbtcloudtest.Fault{Kind: rapid.SampledFrom(kinds).Draw(rt, "fault"), Probability: float64(rapid.IntRange(1, 40).Draw(rt, "percent")) / 100}
		lag := time.Duration(rapid.IntRange(0, 300).Draw(rt, "lag")) * time.Second
		size := rapid.SampledFrom([]int{100, 100, 100, 40}).Draw(rt, "page size")
		absent := rapid.SliceOfNDistinct(rapid.Int64Range(1, 1000), 0, 3, rapid.ID[int64]).Draw(rt, "absent")
		seed := rapid.Uint64().Draw(rt, "seed")
		poll := dbtcloud.Poll{Interval: time.Duration(rapid.IntRange(60, 300).Draw(rt, "interval")) * time.Second, First: 20 * time.Second, Grace: time.Hour, Silence: 2 * time.Hour}
		var problems []string
		synctest.Test(t, func(t *testing.T) {
			fake, c, ids := sideBySide(t, n, dbtcloudtest.WithSeed(seed), dbtcloudtest.WithMaxPageSize(size), dbtcloudtest.WithListLag(dbtcloudtest.Between(0, lag)),
				dbtcloudtest.WithStartDelay(dbtcloudtest.Between(0, 10*time.Minute), dbtcloudtest.Between(0, time.Minute)),
				dbtcloudtest.WithRunTime(func(r dbtcloudtest.Run) dbtcloudtest.Outcome {
					return dbtcloudtest.Outcome{Duration: time.Duration(minutes[r.ID%10]) * time.Minute, Status: ends[r.ID/2%7]}
				}))
			fake.Inject(fault)
			seen, err := follow(t.Context(), c, slices.Concat(ids, absent, ids), poll)
			if err != nil {
				problems = append(problems, err.Error())
			}
			for _, id := range absent {
				if i := slices.IndexFunc(seen, func(s sighting) bool { return s.id == id }); i < 0 || !errors.Is(seen[i].lost, dbtcloud.ErrNotFound) {
					problems = append(problems, fmt.Sprintf("run %d does not exist and is not lost", id))
				} else {
					seen = slices.Delete(seen, i, i+1)
				}
			}
			problems = append(problems, judge(fake, ids, seen)...)
		})
		if len(problems) > 0 {
			rt.Fatalf("%s", strings.Join(problems[:min(len(problems), 10)], "\n"))
		}
	})
}
