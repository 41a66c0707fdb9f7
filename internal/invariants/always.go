package invariants

import (
	"cmp"
	"fmt"
	"slices"
)

// Rule is one invariant.
type Rule struct {
	Name  string
	Check func(*History) []string // what breaks it
}

// Always are the invariants that hold whatever fails.
func Always() []Rule {
	return []Rule{
		{"no run of anything else is cancelled", foreignCancels},
		{"no change is cancelled by one with a lower sequence", lowerSequences},
		{"no job without our full marker is changed or deleted", foreignJobs},
		{"no clone with an unfinished run is deleted", unfinishedClones},
		{"no request carries what the write schema does not allow", badRequests},
		{"no cleanup is triggered beside a run", hastyCleanups},
		{"no cleanup is taken for a change", mistakenCleanups},
		{"no clone is made when no slot is free", crowdedClones},
	}
}

func (h *History) name(by int) string { return h.Invocations[by].Name }

func foreignCancels(h *History) []string {
	var out []string
	for _, c := range h.Cancels {
		r, ok := h.run(c.Run)
		if !ok || !h.family(r.JobID) || cmp.Or(r.PR, r.Cleans) != h.Invocations[c.By].PR {
			out = append(out, fmt.Sprintf("%s (%s) cancels run %d of %q on job %d", h.name(c.By), h.Invocations[c.By].PR, c.Run, cmp.Or(r.PR, r.Cleans), r.JobID))
		}
	}
	return out
}

// lowerSequences does not count duplicates: two runs of one commit are one change.
func lowerSequences(h *History) []string {
	var out []string
	for _, c := range h.Cancels {
		r, _ := h.run(c.Run)
		by := h.Invocations[c.By]
		duplicate := r.SHA == by.SHA && r.Schema == by.Schema && !by.Closes
		if by.Sequence > 0 && r.Sequence > by.Sequence && r.By != c.By && !duplicate && r.Cleans == "" {
			out = append(out, fmt.Sprintf("%s (sequence %d) cancels run %d (sequence %d)", by.Name, by.Sequence, r.ID, r.Sequence))
		}
	}
	return out
}

func foreignJobs(h *History) []string {
	var out []string
	for _, w := range h.Writes {
		if h.job(w.Job).CloneOf != h.Source {
			out = append(out, fmt.Sprintf("%s changes or deletes job %d, which is no clone of job %d", h.name(w.By), w.Job, h.Source))
		}
	}
	return out
}

func unfinishedClones(h *History) []string {
	var out []string
	for _, w := range h.Writes {
		if !w.Delete || !w.Done || h.Invocations[w.By].Closes {
			continue
		}
		for _, r := range h.Runs {
			// A run that ends in the very instant is ended by the deletion.
			if r.JobID == w.Job && r.Created.Before(w.At) && (r.Finished.IsZero() || !r.Finished.Before(w.At)) {
				out = append(out, fmt.Sprintf("%s deletes the clone %d, whose run %d has not ended", h.name(w.By), w.Job, r.ID))
			}
		}
	}
	return out
}

func badRequests(h *History) []string {
	var out []string
	for _, r := range h.Requests {
		refused := !r.Injected && (r.Status == 400 || r.Status == 405)
		if refused || r.Operation == "" || len(r.Unknown) > 0 {
			out = append(out, fmt.Sprintf("%s sends %q, answered %d, with the unknown parameters %q", h.name(r.By), r.Operation, r.Status, r.Unknown))
		}
	}
	return out
}

func crowdedClones(h *History) []string {
	var out []string
	for _, c := range h.Clonings {
		if limit, free := c.free(); c.Auto && limit > 0 && free <= 0 {
			out = append(out, fmt.Sprintf("%s makes a clone when %d of %d slots are free", h.name(c.By), free, limit))
		}
	}
	return out
}

// free counts the slots that nobody holds or waits for; a limit of 0 is not known.
func (c Cloning) free() (limit, free int) {
	limit = c.Slots
	if c.Most > 0 && (limit == 0 || c.Most < limit) {
		limit = c.Most
	}
	active := slices.DeleteFunc(slices.Clone(c.Active), func(a Active) bool { return slices.Contains(c.Ended, a.ID) })
	free = limit
	for _, a := range active {
		behind := slices.ContainsFunc(active, func(b Active) bool {
			return b.JobID == a.JobID && b.ID != a.ID && (!b.Queued || b.ID < a.ID)
		})
		if !a.Queued || !behind {
			free--
		}
	}
	return limit, free
}
