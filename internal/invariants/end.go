package invariants

import (
	"fmt"
	"slices"
	"time"
)

// Exemption is a documented limit that keeps a pull request from being judged.
type Exemption string

// The exemptions.
const (
	// Closing ends the pull request on purpose, whatever is under way.
	Closed Exemption = "closed"
	// Sequences that only some changes of a pull request have can contradict the ids of their runs. Without sequences a
	// commit that is asked for again counts as the newest until its run yields to the commit's earlier one: what has given
	// way to it by then was the newest before and is so after.
	NoOrder Exemption = "no order"
	// The runner of the newest change was killed or told to leave, left it to another runner of the commit without waiting,
	// or does not exist: a webhook started the run.
	NobodyLooks Exemption = "nobody looks"
	// A runner whose requests failed may say so and end; nothing is promised for its change.
	FailedRequests Exemption = "failed requests"
	// A cancelled run on a clone did not end within the patience: the runner says so and triggers nothing.
	StuckCancel Exemption = "stuck cancel"
	// The account refused the trigger.
	FullQueue Exemption = "full queue"
	// Where the platform runs pull requests natively it cancels older commits itself, and knows no sequences: a late older
	// pipeline makes it cancel the newest change.
	SmartCancel Exemption = "smart cancel"
	// A look that a fault delayed reacts later than one poll: what it should have ended by then is not judged.
	LateLook Exemption = "late look"
)

// Verdict is the judgement over the pull requests of a history.
type Verdict struct {
	Problems []string
	Judged   int // pull requests whose newest change had somebody who looked after it
	Exempt   map[Exemption]int
}

// claim is an invocation, or a run that nobody of us triggered, in the order of changes.
type claim struct {
	by         int // -1: nobody of us
	seq, first int64
}

// newer is the order of two changes: by sequence if both have one, else by the id of the first run; a change that
// has none yet is the newest.
func (a claim) newer(b claim) bool {
	if a.seq > 0 && b.seq > 0 && a.seq != b.seq {
		return a.seq > b.seq
	}
	return b.first != 0 && (a.first == 0 || a.first > b.first)
}

// claims are those of a pull request that others could know of: they have a run or a sequence, or cancelled one.
func (h *History) claims(pr string) []claim {
	var out []claim
	runs := h.of(pr)
	for i, inv := range h.Invocations {
		if inv.PR != pr || inv.Closes {
			continue
		}
		c := claim{by: i, seq: inv.Sequence}
		if r, ok := h.run(inv.Run); ok {
			c.first = r.First // perhaps a duplicate's, for which it gave up its own
		} else if j := slices.IndexFunc(runs, func(r Run) bool { return r.By == i }); j >= 0 {
			c.first = runs[j].First
		}
		acted := slices.ContainsFunc(h.Cancels, func(c Cancel) bool { return c.By == i })
		if c.first != 0 || c.seq != 0 || acted {
			out = append(out, c)
		}
	}
	for _, r := range runs {
		if r.By < 0 {
			out = append(out, claim{by: -1, first: r.ID})
		}
	}
	return out
}

// newest are the claims than which none is newer: several when they follow the same run, none when there is no order.
func newest(claims []claim) []claim {
	return slices.DeleteFunc(slices.Clone(claims), func(a claim) bool {
		return slices.ContainsFunc(claims, func(b claim) bool { return b.newer(a) })
	})
}

// InTheEnd judges every pull request whose newest change has a living runner: that change runs to its end exactly
// once, every older run is terminal, and no two runs write one schema for long.
func InTheEnd(h *History) Verdict {
	v := Verdict{Exempt: map[Exemption]int{}}
	var seen []string
	for _, inv := range h.Invocations {
		if inv.PR != "" && !slices.Contains(seen, inv.PR) {
			seen = append(seen, inv.PR)
			h.judge(&v, inv.PR)
		}
	}
	return v
}

func (h *History) judge(v *Verdict, pr string) {
	claims := h.claims(pr)
	if h.closed(pr, claims) {
		v.Exempt[Closed]++
		return
	}
	if len(claims) == 0 {
		v.Exempt[NobodyLooks]++ // all were gone before they did anything
		return
	}
	top := newest(claims)
	if len(top) == 0 {
		v.Exempt[NoOrder]++
		return
	}
	for _, c := range top {
		if h.looksAfter(c) {
			n := newestOf(h, c, claims)
			if slices.ContainsFunc(n.runs, func(r Run) bool { return r.Platform && n.own(r) }) {
				v.Exempt[SmartCancel]++
				return
			}
			if (n.inv.Fate == Superseded || len(n.done()) == 0) && n.gaveWay() {
				v.Exempt[NoOrder]++
				return
			}
			v.Judged++
			v.Problems = append(v.Problems, n.once(v)...)
			v.Problems = append(v.Problems, n.olderEnd(v)...)
			v.Problems = append(v.Problems, n.overlaps(v)...)
			return
		}
	}
	v.Exempt[h.absence(top)]++
}

// closed tells whether the pull request ended for its newest change: it was reopened if that has a higher sequence than
// whatever closed it.
func (h *History) closed(pr string, claims []claim) bool {
	var highest int64
	for _, c := range newest(claims) {
		highest = max(highest, c.seq)
	}
	return slices.ContainsFunc(h.Invocations, func(i Invocation) bool {
		return i.PR == pr && i.Closes && (i.Sequence == 0 || highest <= i.Sequence)
	})
}

// looksAfter tells whether the invocation of a claim was there to see its change through. One that does not wait leaves
// it to whoever else has a run of the commit: because it follows that run, or because its own was the duplicate.
func (h *History) looksAfter(c claim) bool {
	if c.by < 0 {
		return false
	}
	inv := h.Invocations[c.by]
	r, _ := h.run(inv.Run)
	duplicate := slices.ContainsFunc(h.Cancels, func(k Cancel) bool {
		by := h.Invocations[k.By]
		return k.Run == inv.Run && k.By != c.by && by.SHA == inv.SHA && by.Schema == inv.Schema
	})
	return inv.Fate == Superseded || inv.Fate == Followed && (inv.Waits || r.By == c.by && !duplicate)
}

// absence is why none of the newest claims has a living runner.
func (h *History) absence(top []claim) Exemption {
	for _, c := range top {
		if c.by < 0 || h.Invocations[c.by].Fate != GaveUp {
			continue
		}
		switch h.Invocations[c.by].Why {
		case Stuck:
			return StuckCancel
		case QueueFull:
			return FullQueue
		}
		return FailedRequests
	}
	return NobodyLooks
}

// GiveUps are the invocations that gave up for no reason: no request of theirs failed, no cancel was stuck, the queue
// was not full.
func GiveUps(h *History) []string {
	var out []string
	for _, inv := range h.Invocations {
		if inv.PR != "" && inv.Fate == GaveUp && inv.Why == Unknown && len(inv.Faults) == 0 {
			out = append(out, fmt.Sprintf("%s gives up though nothing failed: %s", inv.Name, inv.Text))
		}
	}
	return out
}

// LeftClones are the clones that are still there although their runs have ended.
func LeftClones(h *History) []string {
	var out []string
	for _, j := range h.Jobs {
		if j.CloneOf != h.Source || j.Kept || !j.Deleted.IsZero() {
			continue
		}
		used, active := false, false
		for _, r := range h.Runs {
			used = used || r.JobID == j.ID
			active = active || r.JobID == j.ID && r.Finished.IsZero()
		}
		if used && !active {
			out = append(out, fmt.Sprintf("clone %d is left, whose run has ended", j.ID))
		}
	}
	return out
}

// change is the newest change of a pull request, with the invocation that looks after it.
type change struct {
	h      *History
	claim  claim
	inv    Invocation
	claims []claim
	runs   []Run // of the pull request
}

func newestOf(h *History, c claim, claims []claim) change {
	inv := h.Invocations[c.by]
	return change{h, c, inv, claims, h.of(inv.PR)}
}

// own tells whether a run is one of the change.
func (n change) own(r Run) bool { return r.SHA == n.inv.SHA && r.Schema == n.inv.Schema }

// gaveWay tells whether the change met one that was newer, and older afterwards: it had a higher run, or cancelled ours
// while it had none, and then followed an earlier run of its commit.
func (n change) gaveWay() bool {
	if slices.ContainsFunc(n.runs, func(r Run) bool { return !n.own(r) && claim{r.By, r.Sequence, r.First}.newer(n.claim) }) {
		return true
	}
	return slices.ContainsFunc(n.h.Cancels, func(c Cancel) bool {
		r, _ := n.h.run(c.Run)
		by := n.h.Invocations[c.By]
		idle := !slices.ContainsFunc(n.runs, func(r Run) bool { return r.By == c.By && r.Created.Before(c.At) })
		return n.own(r) && r.PR == n.inv.PR && !n.own(Run{SHA: by.SHA, Schema: by.Schema}) && idle && n.inv.Sequence*by.Sequence == 0
	})
}

// reaction is the time from the creation of a run to the end that a look at it brings about.
func (n change) reaction() time.Duration {
	t := n.h.Timing
	return t.ListLag + t.CancelLatency + n.inv.Poll + t.Requests
}

// watched tells whether a run was created in time for the invocation to deal with it: one that does not wait sees
// only what was there before its own run.
func (n change) watched(r Run) bool {
	if n.inv.Waits {
		return r.Created.Before(n.inv.Ended.Add(-n.reaction()))
	}
	last, _ := n.h.run(n.inv.Run)
	return !r.Created.After(last.Created)
}

// once checks that the change ran to its end exactly once.
func (n change) once(v *Verdict) []string {
	if n.inv.Fate == Superseded {
		return []string{fmt.Sprintf("%s is the newest change and gives way: %s", n.inv.Name, n.inv.Text)}
	}
	var out []string
	done := n.done()
	if len(done) == 0 {
		out = append(out, n.inv.Name+" is the newest change and never runs to its end")
	}
	for i, later := range done {
		for _, earlier := range done[:i] {
			switch {
			case !n.twice(earlier, later):
			case later.By != earlier.By && n.disturbed(later, later.Created, earlier.Finished):
				v.Exempt[LateLook]++
			default:
				out = append(out, fmt.Sprintf("%s runs to its end twice: %d and %d", n.inv.Name, earlier.ID, later.ID))
			}
		}
	}
	return out
}

// done are the runs of the change that ran to their end since its invocation began.
func (n change) done() []Run {
	return slices.DeleteFunc(slices.Clone(n.runs), func(r Run) bool {
		return !n.own(r) || !r.Completed || r.Finished.Before(n.inv.Begun)
	})
}

// twice tells whether two completed runs of the change are one too many. Somebody may ask for the same commit again
// after the first has ended, or so shortly before that no look could show both; and one may end before its cancel works.
func (n change) twice(earlier, later Run) bool {
	if earlier.Dying || later.Dying {
		return false
	}
	if later.By >= 0 && later.By == earlier.By {
		return true
	}
	look := n.h.Timing.ListLag + n.inv.Poll + n.h.Timing.Requests
	return n.watched(later) && later.Created.Add(look).Before(earlier.Finished)
}

// olderEnd checks that every older run is terminal when the newest change has run.
func (n change) olderEnd(v *Verdict) []string {
	end := n.inv.Ended
	if !n.inv.Waits {
		end = end.Add(n.reaction())
	}
	var out []string
	for _, r := range n.runs {
		older := !n.own(r) && n.claim.newer(claim{r.By, r.Sequence, r.First})
		switch {
		case !older || !n.watched(r) || r.over(end):
		case n.disturbed(r, r.Created, end):
			v.Exempt[LateLook]++
		default:
			out = append(out, fmt.Sprintf("run %d is older than %s and outlives it", r.ID, n.inv.Name))
		}
	}
	return out
}

// overlaps checks how long a run of the newest change writes together with another of the pull request: not at all
// when whoever triggered the later one had seen the earlier, else until lists, a look and a cancel could end it.
func (n change) overlaps(v *Verdict) []string {
	var out []string
	for i, later := range n.runs {
		for _, earlier := range n.runs[:i] {
			if !n.own(earlier) && !n.own(later) || earlier.Schema != later.Schema {
				continue
			}
			from, length := n.together(earlier, later)
			bound := n.reaction()
			if slices.Contains(later.Seen, earlier.ID) {
				bound = 0
			}
			if length <= bound {
				continue
			}
			if bound > 0 && n.disturbed(later, from, from.Add(length)) {
				v.Exempt[LateLook]++
				continue
			}
			out = append(out, fmt.Sprintf("runs %d and %d write %s together for %s, at most %s is allowed", earlier.ID, later.ID, later.Schema, length, bound))
		}
	}
	return out
}

// together is since when and for how long two runs wrote at the same time while the invocation was there.
func (n change) together(a, b Run) (from time.Time, length time.Duration) {
	if a.Started.IsZero() || b.Started.IsZero() {
		return time.Time{}, 0
	}
	from, to := n.inv.Begun, n.inv.Ended
	for _, r := range []Run{a, b} {
		if r.Started.After(from) {
			from = r.Started
		}
		if !r.Finished.IsZero() && r.Finished.Before(to) {
			to = r.Finished
		}
	}
	return from, max(to.Sub(from), 0)
}

// disturbed tells whether a fault may have kept the invocation, or the one that triggered a run, from looking.
func (n change) disturbed(r Run, from, to time.Time) bool {
	faults := n.inv.Faults
	if r.By >= 0 {
		faults = slices.Concat(faults, n.h.Invocations[r.By].Faults)
	}
	// A pause after a 429 or a hanging request keeps it for minutes.
	from = from.Add(-n.h.Timing.ListLag - 6*time.Minute)
	return slices.ContainsFunc(faults, func(t time.Time) bool { return !t.Before(from) && !t.After(to) })
}
