// Package invariants judges what autoscaled pull requests did to a dbt Cloud account: a history goes in, what is
// wrong with it comes out. [Always] are the rules that hold whatever fails, [InTheEnd] those that hold where the
// newest change has somebody who looks after it.
package invariants

import (
	"slices"
	"time"
)

// History is what happened to one Slim CI job, its clones and the account around them. Each event has an instant of
// its own.
type History struct {
	Source      int64 // the Slim CI job
	Runs        []Run // of every job of the account, by id
	Jobs        []Job // of the account
	Invocations []Invocation
	Cancels     []Cancel
	Writes      []Write
	Clonings    []Cloning
	Requests    []Request
	Timing      Timing
}

// Run is one run, as it was in the end.
type Run struct {
	ID, JobID   int64
	PR          string // host and number; empty: of none
	Cleans      string // the pull request that it cleans up after; empty: it is no cleanup
	SHA, Schema string
	Sequence    int64   // as its marker says; 0: none
	First       int64   // first run of its change: its own id unless it was moved
	By          int     // the invocation that triggered it; -1: somebody else
	Seen        []int64 // the active runs that By saw in its last look before the trigger
	Created     time.Time
	Started     time.Time // from here on it writes; zero: never
	Finished    time.Time // zero: not yet
	Completed   bool      // it was not cancelled
	Dying       bool      // a cancel was on its way when it ended
	Platform    bool      // the platform cancelled it, for the sake of a commit that it took for newer
}

// Job is one job of the account.
type Job struct {
	ID      int64
	CloneOf int64 // the job that our invocations cloned it from; 0: not a clone of ours
	Kept    bool  // to be left alone by sweeps
	Deleted time.Time
}

// Fate is how an invocation ended.
type Fate int

// The fates of invocations.
const (
	Followed   Fate = iota // its run was accepted, if it did not wait, or has ended
	Superseded             // a newer change took over
	Gone                   // killed, or told to leave
	GaveUp                 // with an error
)

// Invocation is one runner with one change of one pull request.
type Invocation struct {
	Name        string // for messages
	PR          string // empty: of another Slim CI job
	SHA, Schema string
	Sequence    int64
	Begun       time.Time
	Ended       time.Time
	Fate        Fate
	Waits       bool // to the end of its run
	Run         int64
	Instead     int64         // the run that superseded it
	Poll        time.Duration // longest time between two looks
	Faults      []time.Time   // when a fault hit one of its requests
	Why         Reason        // of a GaveUp
	Text        string        // of its error
	Closes      bool          // it is not a change: the pull request, or the change that it names, is closed
}

// Reason is why an invocation gave up.
type Reason int

// The reasons to give up.
const (
	Unknown   Reason = iota
	Stuck            // a cancelled run on a clone did not end
	QueueFull        // the account refused the trigger
)

// Cancel is a request to cancel a run.
type Cancel struct {
	By  int
	At  time.Time
	Run int64
}

// Write is a request that changes or deletes a job.
type Write struct {
	By     int
	At     time.Time
	Job    int64
	Delete bool
	Done   bool // the server did it
}

// Cloning is a request to create a clone, with what its sender had been shown.
type Cloning struct {
	By     int
	Auto   bool     // the mode is auto
	Slots  int      // as the account was shown; 0: it was not
	Most   int      // slots to use at most; 0: all
	Active []Active // the runs of the last list
	Ended  []int64  // those of them that it knew to have ended
}

// Active is an active run of a list.
type Active struct {
	ID, JobID int64
	Queued    bool
}

// Request is what the server made of a request.
type Request struct {
	By        int
	Operation string
	Status    int
	Injected  bool     // a fault answered
	Unknown   []string // query parameters that the operation lacks
}

// Timing is how slow the account was.
type Timing struct {
	ListLag       time.Duration // of lists, at most
	CancelLatency time.Duration // of cancels, at most
	Requests      time.Duration // of the few requests that one look and its consequences take
}

// run finds a run by its id.
func (h *History) run(id int64) (Run, bool) {
	i, ok := slices.BinarySearchFunc(h.Runs, id, func(r Run, id int64) int { return int(r.ID - id) })
	if !ok {
		return Run{}, false
	}
	return h.Runs[i], true
}

func (h *History) job(id int64) Job {
	for _, j := range h.Jobs {
		if j.ID == id {
			return j
		}
	}
	return Job{}
}

// family tells whether a job is the source job or one of its clones.
func (h *History) family(job int64) bool {
	return job == h.Source || h.job(job).CloneOf == h.Source
}

// of returns the runs of a pull request on the family, by id.
func (h *History) of(pr string) []Run {
	var out []Run
	for _, r := range h.Runs {
		if r.PR == pr && h.family(r.JobID) {
			out = append(out, r)
		}
	}
	return out
}

// over tells whether a run had ended at t.
func (r Run) over(t time.Time) bool { return !r.Finished.IsZero() && !r.Finished.After(t) }
