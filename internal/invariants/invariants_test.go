package invariants

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// at is an instant by its second.
func at(second int) time.Time {
	return time.Date(2000, 1, 1, 0, 0, second, 0, time.UTC)
}

// good is a history in which everything is as it should be: pull request A had three pushes, the first of which
// cancelled nothing, the second was tested on a clone and the third on the source job; B was tested once.
// Jobs: 1 is the source, 2 its clone, 3 somebody's.
func good() *History {
	return &History{
		Source: 1,
		Jobs:   []Job{{ID: 1}, {ID: 2, CloneOf: 1, Deleted: at(65)}, {ID: 3}},
		Runs: []Run{
			{ID: 10, JobID: 1, PR: "A", SHA: "a1", Schema: "s", Sequence: 1, First: 10, By: 0, Created: at(1), Started: at(2), Finished: at(33)},
			{ID: 11, JobID: 1, PR: "B", SHA: "b1", Schema: "t", First: 11, By: 3, Created: at(5), Started: at(33), Finished: at(80), Completed: true},
			{ID: 12, JobID: 3, PR: "A", SHA: "x", Schema: "x", First: 12, By: -1, Created: at(6), Started: at(7), Finished: at(90), Completed: true},
			{ID: 13, JobID: 2, PR: "A", SHA: "a2", Schema: "s", Sequence: 2, First: 13, By: 1, Created: at(35), Started: at(36), Finished: at(63)},
			{ID: 14, JobID: 1, PR: "A", SHA: "a3", Schema: "s", Sequence: 3, First: 14, By: 2, Created: at(70), Started: at(80), Finished: at(120), Completed: true},
		},
		Invocations: []Invocation{
			{Name: "zero", PR: "A", SHA: "a1", Schema: "s", Sequence: 1, Begun: at(0), Ended: at(36), Fate: Superseded, Waits: true, Run: 10, Poll: time.Second},
			{Name: "one", PR: "A", SHA: "a2", Schema: "s", Sequence: 2, Begun: at(30), Ended: at(64), Fate: Gone, Waits: true, Run: 13, Poll: time.Second},
			{Name: "two", PR: "A", SHA: "a3", Schema: "s", Sequence: 3, Begun: at(60), Ended: at(122), Waits: true, Run: 14, Poll: time.Second},
			{Name: "three", PR: "B", SHA: "b1", Schema: "t", Begun: at(4), Ended: at(82), Waits: true, Run: 11, Poll: time.Second},
		},
		Cancels: []Cancel{{By: 1, At: at(31), Run: 10}, {By: 2, At: at(61), Run: 13}},
		Writes:  []Write{{By: 2, At: at(65), Job: 2, Delete: true, Done: true}},
		Clonings: []Cloning{{By: 1, Auto: true, Slots: 3, Most: 5, Ended: []int64{10},
			Active: []Active{{10, 1, false}, {11, 1, false}, {12, 3, false}, {15, 1, true}}}},
		Requests: []Request{{By: 2, Operation: "POST run", Status: 200}, {By: 2, Operation: "POST jobs", Status: 400, Injected: true}},
		Timing:   Timing{ListLag: 2 * time.Second, CancelLatency: 3 * time.Second, Requests: time.Second},
	}
}

// complaints are those of every checker.
func complaints(h *History) []string {
	var out []string
	for _, rule := range Always() {
		out = append(out, rule.Check(h)...)
	}
	out = append(out, InTheEnd(h).Problems...)
	out = append(out, GiveUps(h)...)
	problems, _ := Cleanups(h)
	out = append(out, problems...)
	return append(out, LeftClones(h)...)
}

func TestGoodHistory(t *testing.T) {
	t.Parallel()
	h := good()
	if diff := cmp.Diff([]string(nil), complaints(h)); diff != "" {
		t.Errorf("complaints (-want +got):\n%s", diff)
	}
	if v := InTheEnd(h); v.Judged != 2 || len(v.Exempt) != 0 {
		t.Errorf("judged %d, exempt %v, want both pull requests judged", v.Judged, v.Exempt)
	}
}

// later is a run of pull request A beside run 14, the one of its newest change.
func later(id int64, by int, sha string, created, started, finished int) Run {
	return Run{ID: id, JobID: 2, PR: "A", SHA: sha, Schema: "s", Sequence: 3, First: id, By: by,
		Created: at(created), Started: at(started), Finished: at(finished), Completed: true}
}

// cleaned adds a cleanup after pull request A, by a close of a later pipeline.
func cleaned(h *History, started, finished int) {
	h.Invocations = append(h.Invocations, Invocation{Name: "four", PR: "A", Sequence: 1, Begun: at(100), Ended: at(finished + 1), Waits: true, Poll: time.Second, Closes: true})
	h.Runs = append(h.Runs, Run{ID: 15, JobID: 1, Cleans: "A", Schema: "s", First: 15, By: 4, Created: at(110), Started: at(started), Finished: at(finished), Completed: true})
}

// Cleanups that keep apart are none to complain of, and nobody is blamed where nobody was.
func TestGoodCleanups(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		edit   func(*History)
		judged int
	}{
		"afterwards":      {func(h *History) { cleaned(h, 121, 122) }, 3},
		"for a moment":    {func(h *History) { cleaned(h, 114, 122) }, 3},
		"both are gone":   {func(h *History) { cleaned(h, 80, 122); h.Invocations[4].Fate, h.Invocations[2].Fate = Gone, Gone }, 0},
		"requests failed": {func(h *History) { cleaned(h, 80, 122); h.Invocations[4].Faults = []time.Time{at(111)} }, 2},
	}
	for name, tt := range tests {
		h := good()
		tt.edit(h)
		if problems, judged := Cleanups(h); len(problems) > 0 || judged != tt.judged {
			t.Errorf("%s: %v, %d judged, want %d", name, problems, judged, tt.judged)
		}
	}
}

// TestBadHistories breaks the good history in one place each, and hears of that place alone.
func TestBadHistories(t *testing.T) {
	t.Parallel()
	add := func(r Run, edit ...func(*History)) func(*History) {
		return func(h *History) {
			h.Runs = append(h.Runs, r)
			h.Jobs[1].Deleted = at(200)
			h.Writes = nil
			for _, e := range edit {
				e(h)
			}
		}
	}
	tests := []struct {
		name  string
		spoil func(*History)
		want  []string
	}{
		{"cancel of another pull request", func(h *History) { h.Cancels[1].Run = 11 },
			[]string{`two (A) cancels run 11 of "B" on job 1`}},
		{"cancel of the same number on another job", func(h *History) { h.Cancels[1].Run = 12 },
			[]string{`two (A) cancels run 12 of "A" on job 3`}},
		{"cancel of a run that never was", func(h *History) { h.Cancels[1].Run = 99 },
			[]string{`two (A) cancels run 99 of "" on job 0`}},
		{"cancel by a lower sequence", func(h *History) { h.Cancels[0].Run = 14 },
			[]string{"one (sequence 2) cancels run 14 (sequence 3)"}},
		{"cancel of another pull request's cleanup", func(h *History) {
			h.Runs[1].PR, h.Runs[1].Cleans, h.Runs[1].SHA, h.Cancels[1].Run = "", "B", "", 11
			h.Invocations[3].Closes, h.Invocations[3].Run = true, 0
		},
			[]string{`two (A) cancels run 11 of "B" on job 1`}},
		{"late close", func(h *History) { h.Invocations[0].Closes = true; h.Cancels[0] = Cancel{By: 0, At: at(31), Run: 13} },
			[]string{"zero (sequence 1) cancels run 13 (sequence 2)"}},
		{"cleanup that is adopted", func(h *History) { cleaned(h, 121, 122); h.Invocations[1].Run = 15 },
			[]string{"one takes the cleanup 15 for a change"}},
		{"cleanup that supersedes", func(h *History) { cleaned(h, 121, 122); h.Invocations[0].Instead = 15 },
			[]string{"zero takes the cleanup 15 for a change"}},
		{"cleanup of a commit", func(h *History) { cleaned(h, 121, 122); h.Runs[5].SHA = "a3" },
			[]string{`the cleanup 15 is on job 1, of "" and commit "a3"`}},
		{"cleanup on a clone", func(h *History) {
			cleaned(h, 121, 122)
			h.Runs[5].JobID = 2
			h.Jobs[1].Deleted = at(200)
			h.Writes = nil
		},
			[]string{`the cleanup 15 is on job 2, of "" and commit ""`}},
		{"cleanup triggered beside a change", func(h *History) { cleaned(h, 121, 122); h.Runs[5].Seen = []int64{14} },
			[]string{"the cleanup 15 is triggered beside run 14 of A"}},
		{"change that is tested beside the cleanup that was seen", func(h *History) {
			cleaned(h, 85, 90)
			h.Runs[5].ID, h.Runs[4].ID = 14, 15
			h.Runs[5].Created = at(60)
			h.Runs[4].Seen = []int64{14}
			h.Runs[4], h.Runs[5] = h.Runs[5], h.Runs[4]
			h.Invocations[2].Run, h.Runs[5].First = 15, 15
		},
			[]string{"the cleanup 14 runs beside run 15 for 5s, at most 0s is allowed"}},
		{"cleanup beside a change for too long", func(h *History) { cleaned(h, 112, 122) },
			[]string{"the cleanup 15 runs beside run 14 for 8s, at most 7s is allowed"}},
		{"change of the source job", func(h *History) { h.Writes[0] = Write{By: 2, At: at(65), Job: 1} },
			[]string{"two changes or deletes job 1, which is no clone of job 1"}},
		{"deletion of another job's clone", func(h *History) { h.Jobs[1].CloneOf = 3; h.Runs[3].PR = ""; h.Cancels = nil },
			[]string{"two changes or deletes job 2, which is no clone of job 1"}},
		{"deletion of a clone in use", func(h *History) { h.Runs[3].Finished = at(66) },
			[]string{"two deletes the clone 2, whose run 13 has not ended"}},
		{"deletion that ends the run", func(h *History) { h.Runs[3].Finished = at(65) },
			[]string{"two deletes the clone 2, whose run 13 has not ended"}},
		{"refused body", func(h *History) { h.Requests[1].Injected = false },
			[]string{`two sends "POST jobs", answered 400, with the unknown parameters []`}},
		{"unknown parameter", func(h *History) { h.Requests[0].Unknown = []string{"oder_by"} },
			[]string{`two sends "POST run", answered 200, with the unknown parameters ["oder_by"]`}},
		{"unknown operation", func(h *History) { h.Requests[0] = Request{By: 2, Status: 404} },
			[]string{`two sends "", answered 404, with the unknown parameters []`}},
		{"clone without a free slot", func(h *History) { h.Clonings[0].Slots = 2 },
			[]string{"one makes a clone when 0 of 2 slots are free"}},
		{"clone beyond the slots to use", func(h *History) { h.Clonings[0].Most = 2 },
			[]string{"one makes a clone when 0 of 2 slots are free"}},
		{"clone while a run waits for a slot", func(h *History) { h.Clonings[0].Active[3] = Active{15, 4, true} },
			[]string{"one makes a clone when 0 of 3 slots are free"}},
		{"newest change cancelled", func(h *History) { h.Runs[4].Completed = false },
			[]string{"two is the newest change and never runs to its end"}},
		{"newest change gives way", func(h *History) { h.Invocations[2].Fate = Superseded },
			[]string{"two is the newest change and gives way: "}},
		{"newest change gives way before it has a run", func(h *History) {
			h.Invocations = append(h.Invocations, Invocation{Name: "four", PR: "A", SHA: "a4", Schema: "s", Sequence: 4, Fate: Superseded, Text: "by 14"})
		}, []string{"four is the newest change and gives way: by 14"}},
		{"two runs of one trigger", add(later(15, 2, "a3", 121, 121, 122)),
			[]string{"two runs to its end twice: 14 and 15"}},
		{"two runs of one commit", add(later(15, 1, "a3", 72, 121, 140)),
			[]string{"two runs to its end twice: 14 and 15"}},
		{"older run outlives", add(later(15, 1, "a2", 71, 0, 140), func(h *History) { h.Runs[5].Sequence, h.Runs[5].Started = 2, time.Time{} }),
			[]string{"run 15 is older than two and outlives it"}},
		{"long overlap", add(later(15, 1, "a2", 90, 91, 99), func(h *History) { h.Runs[5].Sequence = 2 }),
			[]string{"runs 14 and 15 write s together for 8s, at most 7s is allowed"}},
		{"overlap with what was seen", add(later(15, 1, "a2", 90, 91, 92), func(h *History) { h.Runs[5].Sequence, h.Runs[5].Seen = 2, []int64{14} }),
			[]string{"runs 14 and 15 write s together for 1s, at most 0s is allowed"}},
		{"gives up for nothing", func(h *History) { h.Invocations[0].Fate, h.Invocations[0].Text = GaveUp, "tired" },
			[]string{"zero gives up though nothing failed: tired"}},
		{"clone left", func(h *History) { h.Jobs[1].Deleted, h.Writes = time.Time{}, nil },
			[]string{"clone 2 is left, whose run has ended"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := good()
			test.spoil(h)
			if diff := cmp.Diff(test.want, complaints(h)); diff != "" {
				t.Errorf("complaints (-want +got):\n%s", diff)
			}
		})
	}
}

// TestAllowed changes the good history in ways that are no breach.
func TestAllowed(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*History){
		"closing deletes a clone in use": func(h *History) { h.Runs[3].Finished, h.Invocations[2].Closes = at(66), true },
		"the duplicate of one commit":    func(h *History) { h.Runs[3].Sequence, h.Runs[3].SHA = 9, "a3" },
		"a clone in mode clone":          func(h *History) { h.Clonings[0].Auto, h.Clonings[0].Slots = false, 1 },
		"a clone where slots are hidden": func(h *History) { h.Clonings[0].Slots, h.Clonings[0].Most = 0, 0 },
		"giving up after a fault":        func(h *History) { h.Invocations[0].Fate, h.Invocations[0].Faults = GaveUp, []time.Time{at(3)} },
		"a short overlap": func(h *History) {
			h.Runs = append(h.Runs, later(15, 1, "a2", 90, 91, 97))
			h.Runs[5].Sequence = 2
		},
		"the same commit again": func(h *History) { h.Runs = append(h.Runs, later(15, -1, "a3", 121, 122, 140)) },
		"a cancel that comes too late": func(h *History) {
			h.Runs = append(h.Runs, later(15, 1, "a3", 72, 121, 140))
			h.Runs[5].Dying = true
		},
		"a kept clone": func(h *History) { h.Jobs[1].Deleted, h.Jobs[1].Kept, h.Writes = time.Time{}, true, nil },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := good()
			change(h)
			if diff := cmp.Diff([]string(nil), complaints(h)); diff != "" {
				t.Errorf("complaints (-want +got):\n%s", diff)
			}
		})
	}
}

// TestExemptions has one history for each exemption, which no other history has.
func TestExemptions(t *testing.T) {
	t.Parallel()
	giveUp := func(why Reason) func(*History) {
		return func(h *History) {
			h.Invocations[2].Fate, h.Invocations[2].Why, h.Invocations[2].Faults = GaveUp, why, []time.Time{at(61)}
		}
	}
	tests := []struct {
		want  Exemption
		spoil func(*History)
	}{
		{Closed, func(h *History) { h.Invocations[0].Closes, h.Invocations[0].Sequence = true, 3 }},
		{Closed, func(h *History) { h.Invocations[0].Closes, h.Invocations[0].Sequence = true, 0 }},
		{NoOrder, func(h *History) {
			h.Invocations[1].Sequence, h.Runs[3].Sequence = 0, 0
			h.Invocations[0].Sequence, h.Runs[0].Sequence = 9, 9
		}},
		{NoOrder, func(h *History) {
			for i := range h.Invocations {
				h.Invocations[i].Sequence = 0
			}
			for i := range h.Runs {
				h.Runs[i].Sequence = 0
			}
			h.Runs = append(h.Runs, later(15, 1, "a2", 90, 91, 92)) // then its runner followed run 13 again
			h.Runs[5].Sequence = 0
			h.Invocations[2].Fate = Superseded
		}},
		{NoOrder, func(h *History) {
			h.Invocations[0].Sequence, h.Invocations[0].Run = 0, 10
			h.Cancels = append(h.Cancels, Cancel{By: 0, At: at(0), Run: 14})
			h.Runs[4].Completed = false
		}},
		{NobodyLooks, func(h *History) { h.Invocations[2].Fate = Gone }},
		{NobodyLooks, func(h *History) { h.Invocations[2].Waits, h.Runs[4].By = false, -1 }},
		{NobodyLooks, func(h *History) {
			h.Invocations[2].Waits, h.Invocations[1].SHA, h.Cancels[0] = false, "a3", Cancel{By: 1, Run: 14}
		}},
		{FailedRequests, giveUp(Unknown)},
		{StuckCancel, giveUp(Stuck)},
		{FullQueue, giveUp(QueueFull)},
		{SmartCancel, func(h *History) { h.Runs[4].Platform, h.Runs[4].Completed = true, false }},
		{LateLook, func(h *History) {
			h.Runs = append(h.Runs, later(15, 1, "a2", 90, 91, 99))
			h.Runs[5].Sequence = 2
			h.Invocations[2].Faults = []time.Time{at(92)}
		}},
	}
	for _, test := range tests {
		t.Run(string(test.want), func(t *testing.T) {
			t.Parallel()
			h := good()
			test.spoil(h)
			v := InTheEnd(h)
			if diff := cmp.Diff(map[Exemption]int{test.want: 1}, v.Exempt); diff != "" || len(v.Problems) > 0 {
				t.Errorf("exempt (-want +got):\n%s\nproblems: %q", diff, v.Problems)
			}
		})
	}
}

// TestNewest compares changes in every way that they can differ.
func TestNewest(t *testing.T) {
	t.Parallel()
	tests := []struct {
		claims []claim
		want   []int // by whom
	}{
		{[]claim{{0, 1, 10}, {1, 2, 5}}, []int{1}},             // sequences decide
		{[]claim{{0, 0, 10}, {1, 0, 5}}, []int{0}},             // else the first runs
		{[]claim{{0, 9, 5}, {1, 0, 10}}, []int{1}},             // a sequence on one side only decides nothing
		{[]claim{{0, 0, 10}, {1, 0, 0}}, []int{1}},             // no run yet
		{[]claim{{0, 2, 10}, {1, 2, 12}}, []int{1}},            // the same pipeline again
		{[]claim{{0, 2, 10}, {1, 2, 10}}, []int{0, 1}},         // both follow one run
		{[]claim{{0, 5, 10}, {1, 0, 20}, {2, 3, 30}}, []int{}}, // a circle
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.claims), func(t *testing.T) {
			t.Parallel()
			got := []int{}
			for _, c := range newest(test.claims) {
				got = append(got, c.by)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("newest of %v: %v, want %v", test.claims, got, test.want)
			}
		})
	}
}
