package dbtcloud_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/slimci/dbtcloud/internal/invariants"
	"github.com/slimci/dbtcloud/internal/testenv"
)

// schedulesVariable chooses schedules by their numbers: "17", or "1-2000".
const schedulesVariable = "DBTCLOUD_SCHEDULES"

// tally is what the judgements of all schedules add up to.
type tally struct {
	mu                             sync.Mutex
	histories, judged              int
	exempt                         map[invariants.Exemption]int
	runs, clones, moves, adoptions int
	superseded, deaths, faulty     int
	cleanups, lost, apart          int // cleanups, those that were cancelled, and runs that they were kept apart from
}

// allowed is the share of all pull requests, in percent, that an exemption may keep from being judged.
func allowed() map[invariants.Exemption]float64 {
	return map[invariants.Exemption]float64{
		invariants.NobodyLooks: 30, invariants.Closed: 12, invariants.FailedRequests: 3, invariants.FullQueue: 3,
		invariants.SmartCancel: 2, invariants.NoOrder: 2, invariants.StuckCancel: 1, invariants.LateLook: 1,
	}
}

// TestInvariants plays random schedules against the fake in virtual time and judges their histories. A schedule has
// a number and is played the same way each time: a failure names the number, and playing that one alone tells its story.
func TestInvariants(t *testing.T) {
	t.Parallel()
	from, to := chosen(t, 50, 200, 2000, 20000)
	total := playAll(t, schedules(), from, to)
	total.report(t, to-from+1)
}

// playAll plays schedules by their numbers.
func playAll(t *testing.T, schedules *rapid.Generator[schedule], from, to int) *tally {
	total := &tally{exempt: map[invariants.Exemption]int{}}
	t.Run("schedules", func(t *testing.T) {
		const batch = 20
		for first := from; first <= to; first += batch {
			end := min(first+batch-1, to)
			t.Run(fmt.Sprintf("%d-%d", first, end), func(t *testing.T) {
				t.Parallel()
				for n := first; n <= end; n++ {
					if problems, story := playSchedule(t, schedules.Example(n), from == to, total); len(problems) > 0 {
						t.Errorf("schedule %d (%s=%d tells its story):\n%s\n%s", n, schedulesVariable, n, strings.Join(problems, "\n"), story)
					}
				}
			})
		}
	})
	return total
}

// chosen are the first and the last schedule to play, by default as many as fit the size of the test; the race detector
// makes a schedule several times as slow.
func chosen(t *testing.T, race, small, middle, full int) (from, to int) {
	text := os.Getenv(schedulesVariable)
	if text == "" {
		if testenv.Race {
			small = race
		}
		return 1, testenv.Count(small, middle, full)
	}
	first, last, ranged := strings.Cut(text, "-")
	if !ranged {
		last = first
	}
	from, err1 := strconv.Atoi(first)
	to, err2 := strconv.Atoi(last)
	if err1 != nil || err2 != nil || from > to {
		t.Fatalf("%s=%q: want a number, or two as in 1-200", schedulesVariable, text)
	}
	return from, to
}

func playSchedule(t *testing.T, s schedule, tell bool, total *tally) (problems []string, story string) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlay(s)
		p.run(t)
		for family := range p.sources {
			problems = append(problems, p.judge(t, family, total)...)
		}
		if tell {
			story = p.story()
		}
	})
	return problems, story
}

// TestClosings does the same for pull requests that are closed with a cleanup and reopened.
func TestClosings(t *testing.T) {
	t.Parallel()
	from, to := chosen(t, 30, 120, 1000, 10000)
	total := playAll(t, closings(), from, to)
	t.Logf("%d runs, %d cleanups, %d of them cancelled, %d runs kept apart from them, %d superseded, %d deaths, %d pull requests judged, exempt %v",
		total.runs, total.cleanups, total.lost, total.apart, total.superseded, total.deaths, total.judged, total.exempt)
	if to-from >= 100 && min(total.cleanups-total.lost, total.lost, total.apart, total.superseded, total.deaths, total.judged) == 0 {
		t.Error("some of what these schedules are made for never happened: see the counts above")
	}
}

// TestPlaysRepeat plays schedules twice: all that is random in them is in their numbers.
func TestPlaysRepeat(t *testing.T) {
	t.Parallel()
	nonces := regexp.MustCompile(`\.[0-9a-z]{8}\.([0-9a-z]+[wn] )|(:[0-9]+:)[0-9a-z]{8}:`)
	for n := range 10 {
		total := &tally{exempt: map[invariants.Exemption]int{}}
		_, first := playSchedule(t, schedules().Example(n+1), true, total)
		_, second := playSchedule(t, schedules().Example(n+1), true, total)
		if diff := cmp.Diff(nonces.ReplaceAllString(first, "$1$2"), nonces.ReplaceAllString(second, "$1$2")); diff != "" {
			t.Errorf("schedule %d (-first +second):\n%s", n+1, diff)
		}
	}
}

// judge finds what is wrong with one family, before and after a later invocation and the sweep of a quiet account.
func (p *play) judge(t *testing.T, family int, total *tally) []string {
	h := p.history(family)
	var problems []string
	for _, rule := range invariants.Always() {
		for _, text := range rule.Check(h) {
			problems = append(problems, rule.Name+": "+text)
		}
	}
	verdict := invariants.InTheEnd(h)
	problems = append(problems, verdict.Problems...)
	problems = append(problems, invariants.GiveUps(h)...)
	beside, apart := invariants.Cleanups(h)
	problems = append(problems, beside...)
	total.add(h, verdict, p, apart)
	a := p.laterInvocation(t, family)
	problems = append(problems, invariants.LeftClones(p.history(family))...)
	time.Sleep(time.Hour)
	if _, err := a.Sweep(context.Background()); err != nil {
		problems = append(problems, "the sweep fails: "+err.Error())
	}
	for _, j := range p.history(family).Jobs {
		if j.CloneOf == p.sources[family] && !j.Kept && j.Deleted.IsZero() {
			problems = append(problems, fmt.Sprintf("clone %d is still there after the sweep of a quiet account", j.ID))
		}
	}
	return problems
}

func (a *tally) add(h *invariants.History, v invariants.Verdict, p *play, apart int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.histories++
	a.judged += v.Judged
	for why, n := range v.Exempt {
		a.exempt[why] += n
	}
	a.runs += len(h.Runs)
	a.clones += len(h.Clonings)
	a.apart += apart
	for _, r := range h.Runs {
		a.cleanups += count(r.Cleans != "")
		a.lost += count(r.Cleans != "" && !r.Completed)
	}
	for i, r := range p.runners {
		if h.Invocations[i].PR == "" {
			continue
		}
		a.deaths += count(r.tap.dead)
		a.faulty += count(len(h.Invocations[i].Faults) > 0)
		a.superseded += count(h.Invocations[i].Fate == invariants.Superseded)
		if r.run != nil {
			a.moves += len(r.run.MovedRunIDs)
			a.adoptions += count(r.run.Adopted)
		}
	}
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// report fails when the schedules show too little: an exemption that hides too much, or a thing that never happens.
func (a *tally) report(t *testing.T, schedules int) {
	all := a.judged
	for _, n := range a.exempt {
		all += n
	}
	t.Logf("%d schedules, %d histories, %d runs, %d clones, %d moves, %d adoptions, %d superseded, %d deaths, %d runners hit by faults; %d of %d pull requests judged",
		schedules, a.histories, a.runs, a.clones, a.moves, a.adoptions, a.superseded, a.deaths, a.faulty, a.judged, all)
	limits := allowed()
	for _, why := range slices.Sorted(maps.Keys(a.exempt)) {
		share := 100 * float64(a.exempt[why]) / float64(all)
		t.Logf("exempt, %s: %d (%.1f%%)", why, a.exempt[why], share)
		if schedules >= 200 && share > limits[why] {
			t.Errorf("%.1f%% of the pull requests are exempt (%s), at most %.1f%% may be", share, why, limits[why])
		}
	}
	if happened := min(a.moves, a.adoptions, a.superseded, a.deaths, a.faulty, a.clones); schedules >= 200 && happened == 0 {
		t.Error("some of what schedules are made for never happened: see the counts above")
	}
}

// story is what happened, as people read it.
func (p *play) story() string {
	type line struct {
		at   time.Time
		text string
	}
	var lines []line
	for _, e := range p.server.History() {
		r, _ := p.server.Run(e.RunID)
		lines = append(lines, line{e.At, fmt.Sprintf("    %s job %d run %d %s %s %s", e.Kind, e.JobID, e.RunID, r.PullRequest.Host, e.By, e.Reason)})
	}
	by := p.senders()
	for _, q := range p.server.Requests() {
		if i, ok := by[q.At.UnixNano()]; ok {
			lines = append(lines, line{q.At, fmt.Sprintf("%s: %s %s?%s -> %d %s", p.runners[i].name, q.Method, q.Path, q.Query, q.Status, q.Fault)})
		}
	}
	for _, r := range p.runners {
		text := fmt.Sprintf("%s ends: %v", r.name, r.err)
		if r.run != nil {
			text += fmt.Sprintf(" (%s: %s)", r.run.Decision, r.run.Reason)
		}
		lines = append(lines, line{r.begun, r.name + " begins"}, line{r.ended, text})
	}
	slices.SortStableFunc(lines, func(a, b line) int { return a.at.Compare(b.at) })
	var b strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&b, "%s %s\n", l.at.Format("15:04:05.000"), l.text)
	}
	return b.String()
}
