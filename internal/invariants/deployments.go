package invariants

import (
	"fmt"
	"slices"
	"time"
)

// Deployments is what happened to the merges that one job deployed. A line is a branch: only on one line deployments
// replace each other.
type Deployments struct {
	Runs    []Deployed // of the job, by id
	Runners []Deploying
	Stops   []Stop
	Timing  Timing
}

// Deployed is one run of the job, as it was in the end.
type Deployed struct {
	ID        int64
	Line, SHA string // the line is empty for a run that nobody of us triggered
	Sequence  int64  // 0: none
	By        int    // the runner that triggered it; -1: somebody else
	Every     bool   // not to be replaced
	Created   time.Time
	Begun     time.Time // it left the queue; zero: never
	Finished  time.Time
	Completed bool // it was not cancelled
}

// Deploying is one runner with one merge.
type Deploying struct {
	Name      string // for messages
	Line, SHA string
	Sequence  int64
	Every     bool
	Waits     bool // to the end of its run
	Begun     time.Time
	Fate      Fate
	Run       int64 // that it ended with; 0: none
	By        int64 // the run that it gave way to, if it was superseded
	Poll      time.Duration
	Faulty    bool   // a fault hit one of its requests
	Refused   bool   // the account refused the trigger
	Text      string // of its error
}

// Stop is a request to cancel a run.
type Stop struct {
	By     int
	At     time.Time
	Run    int64
	Looked time.Time // when the server answered its sender's last look at the run; zero: never
}

func (d *Deployments) run(id int64) (Deployed, bool) {
	i := slices.IndexFunc(d.Runs, func(r Deployed) bool { return r.ID == id })
	if i < 0 {
		return Deployed{}, false
	}
	return d.Runs[i], true
}

// Always are the problems with what holds whatever fails.
func (d *Deployments) Always() []string {
	return slices.Concat(d.foreignStops(), d.begunStops(), d.hastyStops(), d.olderStops(), d.wrongWays(), d.giveUps())
}

// foreignStops: no run without our marker, or of another line, is cancelled.
func (d *Deployments) foreignStops() (out []string) {
	for _, s := range d.Stops {
		if r, ok := d.run(s.Run); !ok || r.By < 0 || r.Line != d.Runners[s.By].Line {
			out = append(out, fmt.Sprintf("%s (%s) cancels run %d of %q", d.Runners[s.By].Name, d.Runners[s.By].Line, s.Run, r.Line))
		}
	}
	return out
}

// begunStops: no run is cancelled that had begun when its sender last looked at it.
func (d *Deployments) begunStops() (out []string) {
	for _, s := range d.Stops {
		r, _ := d.run(s.Run)
		if s.Looked.IsZero() || !r.Begun.IsZero() && r.Begun.Before(s.Looked) {
			out = append(out, fmt.Sprintf("%s cancels run %d, which had begun when it was last looked at", d.Runners[s.By].Name, s.Run))
		}
	}
	return out
}

// hastyStops: nothing is cancelled before the sender's own run was accepted.
func (d *Deployments) hastyStops() (out []string) {
	for _, s := range d.Stops {
		if !slices.ContainsFunc(d.Runs, func(r Deployed) bool { return r.By == s.By && !r.Created.After(s.At) }) {
			out = append(out, fmt.Sprintf("%s cancels run %d and has none of its own", d.Runners[s.By].Name, s.Run))
		}
	}
	return out
}

// olderStops: no merge is cancelled by one with a lower sequence, and none that is to be deployed in any case. Runs of one
// commit, and a runner's own, are duplicates.
func (d *Deployments) olderStops() (out []string) {
	for _, s := range d.Stops {
		r, _ := d.run(s.Run)
		by := d.Runners[s.By]
		if older := by.Sequence > 0 && r.Sequence > by.Sequence; r.SHA != by.SHA && r.By != s.By && (older || r.Every || by.Every) {
			out = append(out, fmt.Sprintf("%s (sequence %d) cancels run %d (sequence %d, every %t)", by.Name, by.Sequence, r.ID, r.Sequence, r.Every))
		}
	}
	return out
}

// wrongWays: a merge gives way to a newer one of its line only.
func (d *Deployments) wrongWays() (out []string) {
	for _, by := range d.Runners {
		if by.Fate != Superseded {
			continue
		}
		to, ok := d.run(by.By)
		newer := to.ID > by.Run
		if to.Sequence > 0 && by.Sequence > 0 && to.Sequence != by.Sequence {
			newer = to.Sequence > by.Sequence
		}
		if !ok || to.Line != by.Line || !newer {
			out = append(out, fmt.Sprintf("%s (sequence %d, run %d) gives way to run %d of %q, sequence %d", by.Name, by.Sequence, by.Run, by.By, to.Line, to.Sequence))
		}
	}
	return out
}

// giveUps: nobody gives up for no reason, nor finds its run cancelled without learning for what.
func (d *Deployments) giveUps() (out []string) {
	for _, by := range d.Runners {
		if by.Fate == GaveUp && !by.Faulty && !by.Refused {
			out = append(out, fmt.Sprintf("%s gives up though nothing failed: %s", by.Name, by.Text))
		}
	}
	return out
}

// Newest judges every line whose newest merge has a living runner: that merge runs to its end exactly once.
func (d *Deployments) Newest() (problems []string, judged, exempt int) {
	var lines []string
	for _, by := range d.Runners {
		if !slices.Contains(lines, by.Line) {
			lines = append(lines, by.Line)
		}
	}
	for _, line := range lines {
		top, ok := d.newest(line)
		if !ok {
			exempt++
			continue
		}
		judged++
		problems = append(problems, d.once(top)...)
	}
	return problems, judged, exempt
}

// newest is the runner of the newest merge of a line; false if none looks after it. A merge has a place in the order once
// it has a run.
func (d *Deployments) newest(line string) (top Deploying, ok bool) {
	var best claim
	for i, by := range d.Runners {
		c := claim{seq: by.Sequence, first: by.Run}
		if c.first == 0 {
			if j := slices.IndexFunc(d.Runs, func(r Deployed) bool { return r.By == i }); j >= 0 {
				c.first = d.Runs[j].ID
			}
		}
		if by.Line != line || c.first == 0 {
			continue
		}
		r, _ := d.run(c.first)
		alive := by.Fate == Superseded || by.Fate == Followed && (by.Waits || r.By == i)
		switch {
		case best.first == 0 || c.newer(best):
			best, top, ok = c, by, alive
		case !best.newer(c) && !ok:
			top, ok = by, alive
		}
	}
	return top, ok
}

// once: somebody may ask for a commit again after its run has ended, or so shortly before that no look could show both, or
// after another merge.
func (d *Deployments) once(by Deploying) (out []string) {
	if by.Fate == Superseded {
		return []string{fmt.Sprintf("%s is the newest merge and gives way to run %d", by.Name, by.By)}
	}
	var done []Deployed
	for _, r := range d.Runs {
		if r.Line == by.Line && r.SHA == by.SHA && r.Completed && r.Finished.After(by.Begun) {
			done = append(done, r)
		}
	}
	if len(done) == 0 {
		out = append(out, by.Name+" is the newest merge and is never deployed")
	}
	for i, later := range done {
		for _, earlier := range done[:i] {
			again := !d.judged(later) || !later.Created.Add(d.look(later)).Before(earlier.Finished) || d.between(earlier, later)
			if later.By == earlier.By || !again {
				out = append(out, fmt.Sprintf("%s is deployed twice: by runs %d and %d", by.Name, earlier.ID, later.ID))
			}
		}
	}
	return out
}

// between tells whether there was a run of another merge between two.
func (d *Deployments) between(earlier, later Deployed) bool {
	return slices.ContainsFunc(d.Runs, func(r Deployed) bool {
		by := r.ID > earlier.ID && r.ID < later.ID || r.Sequence > earlier.Sequence && r.Sequence < later.Sequence
		return r.Line == later.Line && r.SHA != later.SHA && by
	})
}

// look is the time in which a runner sees what there was when its run was created.
func (d *Deployments) look(r Deployed) time.Duration {
	return d.Timing.ListLag + d.Runners[r.By].Poll + d.Timing.Requests
}

// judged tells whether the runner of a run lived, and none of its requests failed.
func (d *Deployments) judged(r Deployed) bool {
	by := d.Runners[r.By]
	return (by.Fate == Followed || by.Fate == Superseded) && !by.Faulty
}

// Order tells of older merges that began after a newer one of their line had begun, though their runner could see both
// while the newer one was active.
func (d *Deployments) Order() (out []string) {
	for _, older := range d.Runs {
		if older.By < 0 || older.Every || older.Begun.IsZero() || !d.judged(older) {
			continue
		}
		for _, newer := range d.Runs {
			after := newer.Line == older.Line && newer.SHA != older.SHA && newer.Sequence > older.Sequence && older.Sequence > 0 && newer.Completed
			if after && older.Begun.After(newer.Begun) && older.Created.Add(d.look(older)).Before(newer.Finished) {
				out = append(out, fmt.Sprintf("run %d (sequence %d) begins after run %d (sequence %d)", older.ID, older.Sequence, newer.ID, newer.Sequence))
			}
		}
	}
	return out
}
