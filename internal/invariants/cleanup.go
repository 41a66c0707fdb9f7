package invariants

import (
	"fmt"
	"slices"
	"time"
)

// hastyCleanups are those that were triggered by who had seen an active run of the pull request.
func hastyCleanups(h *History) []string {
	var out []string
	for _, c := range h.Runs {
		for _, id := range c.Seen {
			if r, _ := h.run(id); c.Cleans != "" && r.PR == c.Cleans && h.family(c.JobID) && h.family(r.JobID) {
				out = append(out, fmt.Sprintf("the cleanup %d is triggered beside run %d of %s", c.ID, id, r.PR))
			}
		}
	}
	return out
}

// mistakenCleanups are cleanups that a change followed or gave way to, and those that carry what only a change has.
func mistakenCleanups(h *History) []string {
	var out []string
	for _, inv := range h.Invocations {
		for _, id := range []int64{inv.Run, inv.Instead} {
			if r, ok := h.run(id); ok && r.Cleans != "" && !inv.Closes {
				out = append(out, fmt.Sprintf("%s takes the cleanup %d for a change", inv.Name, id))
			}
		}
	}
	for _, r := range h.Runs {
		if r.Cleans != "" && h.family(r.JobID) && (r.JobID != h.Source || r.PR != "" || r.SHA != "") {
			out = append(out, fmt.Sprintf("the cleanup %d is on job %d, of %q and commit %q", r.ID, r.JobID, r.PR, r.SHA))
		}
	}
	return out
}

// Cleanups judges how long cleanups ran beside runs of their pull request: not at all when whoever triggered the later
// one had seen the earlier, else until lists, a look and a cancel could end it. Judged counts the pairs that had
// somebody to keep them apart.
func Cleanups(h *History) (problems []string, judged int) {
	for _, c := range h.Runs {
		if c.Cleans == "" || !h.family(c.JobID) {
			continue
		}
		for _, r := range h.of(c.Cleans) {
			earlier, later := r, c
			if c.Created.Before(r.Created) {
				earlier, later = c, r
			}
			poll, watched := h.watch(earlier, later)
			from, length := beside(earlier, later)
			if !watched || h.faulty(earlier, later, from, from.Add(length)) {
				continue
			}
			judged++
			bound := h.Timing.ListLag + h.Timing.CancelLatency + poll + h.Timing.Requests
			if slices.Contains(later.Seen, earlier.ID) {
				bound = 0
			}
			if length > bound {
				problems = append(problems, fmt.Sprintf("the cleanup %d runs beside run %d for %s, at most %s is allowed", c.ID, r.ID, length, bound))
			}
		}
	}
	return problems, judged
}

// watch tells whether somebody keeps two runs apart, and how often that one looks: whoever triggered the later one
// looks at least once after that, whoever waits for the earlier one goes on looking.
func (h *History) watch(earlier, later Run) (poll time.Duration, watched bool) {
	for _, r := range []Run{earlier, later} {
		if r.By < 0 {
			continue
		}
		inv := h.Invocations[r.By]
		stays := inv.Fate == Followed && (r.ID == later.ID || inv.Waits && inv.Ended.After(later.Created))
		if stays && (!watched || inv.Poll < poll) {
			poll, watched = inv.Poll, true
		}
	}
	return poll, watched
}

// beside is since when and for how long two runs wrote at the same time.
func beside(a, b Run) (from time.Time, length time.Duration) {
	if a.Started.IsZero() || b.Started.IsZero() || a.Finished.IsZero() || b.Finished.IsZero() {
		return time.Time{}, 0
	}
	from, to := a.Started, a.Finished
	if b.Started.After(from) {
		from = b.Started
	}
	if b.Finished.Before(to) {
		to = b.Finished
	}
	return from, max(to.Sub(from), 0)
}

// faulty tells whether a fault may have kept those who look after two runs from looking.
func (h *History) faulty(a, b Run, from, to time.Time) bool {
	from = from.Add(-h.Timing.ListLag - 6*time.Minute)
	for _, r := range []Run{a, b} {
		if r.By >= 0 && slices.ContainsFunc(h.Invocations[r.By].Faults, func(t time.Time) bool { return !t.Before(from) && !t.After(to) }) {
			return true
		}
	}
	return false
}
