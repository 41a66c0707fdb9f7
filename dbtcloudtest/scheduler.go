package dbtcloudtest

import (
	"cmp"
	"slices"
	"time"
)

// cancelledByUser is the recorded status message of a cancelled run.
const cancelledByUser = "Cancelled by user."

// failuresUntilDeactivation is documented: a job is deactivated after so many failing runs in a row.
const failuresUntilDeactivation = 100

type script struct {
	at time.Time
	do func(*Server)
}

// due is a change that happens by itself. At one instant, ends come before begins, and those before scripts and the queue.
type due struct {
	at   time.Time
	rank int
	do   func(at time.Time)
}

const (
	rankEnd = iota
	rankCancel
	rankBegin
	rankScript
	rankDequeue
)

// advance makes everything happen that is due by now, in the order of time, each at its exact instant.
func (w *world) advance(now time.Time) time.Time {
	if now.Before(w.clock) {
		now = w.clock
	}
	for {
		next, found := w.nextDue(now)
		if !found {
			break
		}
		w.clock = next.at
		next.do(next.at)
	}
	w.clock = now
	return now
}

// nextDue is the first change due by now. Among equals the run with the lower id comes first.
func (w *world) nextDue(now time.Time) (due, bool) {
	var first due
	found := false
	offer := func(at time.Time, rank int, do func(time.Time)) {
		if at.IsZero() || at.After(now) {
			return
		}
		if !found || at.Before(first.at) || at.Equal(first.at) && rank < first.rank {
			first, found = due{at, rank, do}, true
		}
	}
	if len(w.scripts) > 0 {
		offer(later(w.scripts[0].at, w.clock), rankScript, w.runScript)
	}
	for _, r := range w.active {
		offer(r.cancelAt, rankCancel, func(at time.Time) { w.endCancelled(r, at) })
		switch r.versions.last().status {
		case Starting:
			offer(r.due, rankBegin, func(at time.Time) { w.begin(r, at) })
		case Running:
			offer(r.due, rankEnd, func(at time.Time) { w.end(r, at, r.outcome.Status, r.outcome.Message) })
		}
	}
	for _, r := range w.startable() {
		offer(later(r.ready, w.clock), rankDequeue, func(at time.Time) { w.dequeue(r, at) })
	}
	return first, found
}

// startable is the queued runs, by id, that neither their lane nor the slots hold back.
func (w *world) startable() []*run {
	free := w.freeSlots()
	busy := map[lane]bool{}
	var out []*run
	for _, r := range w.active {
		blocked := busy[r.lane()]
		busy[r.lane()] = true
		if blocked || r.versions.last().status != Queued {
			continue
		}
		if r.native || free > 0 {
			out = append(out, r)
		}
	}
	return out
}

// freeSlots is the run slots that no starting or running run holds.
func (w *world) freeSlots() int {
	if w.cfg.runSlots == 0 {
		return len(w.active) + 1
	}
	free := w.cfg.runSlots
	for _, r := range w.active {
		if status := r.versions.last().status; !r.native && (status == Starting || status == Running) {
			free--
		}
	}
	return free
}

func (w *world) runScript(time.Time) {
	next := w.scripts[0]
	w.scripts = w.scripts[1:]
	next.do(&Server{w: w, at: w.clock})
}

// enqueue makes a run of j. On plans with CI concurrency it cancels the pull request's runs of other commits.
func (w *world) enqueue(j *job, t trigger, by string, retryOf int64, at time.Time) *run {
	fields := j.versions.last().fields
	r := &run{
		id: w.nextID(), triggerID: w.nextID(), jobID: j.id,
		projectID: integer(fields["project_id"]), environmentID: integer(fields["environment_id"]),
		created: at, trigger: t, by: by, retryOf: retryOf, ready: at.Add(w.delay(w.cfg.queueDelay)),
		dbtVersion: cmp.Or(text(t.fields["dbt_version_override"]), text(fields["dbt_version"]), "latest"),
		docs:       fields["generate_docs"] == true, sources: fields["run_generate_sources"] == true,
	}
	r.native = w.cfg.ciConcurrency && text(fields["job_type"]) == "ci" && t.pullRequest.Number > 0 && (t.sha != "" || t.branch != "")
	r.versions.put(at, runState{status: Queued, updated: at})
	w.record(Event{At: at, Kind: RunQueued, JobID: j.id, RunID: r.id, Status: Queued, By: by, Reason: t.cause})
	if r.native {
		w.smartCancel(r, at)
	}
	w.runs[r.id] = r
	j.runs = append(j.runs, r)
	w.runOrder = append(w.runOrder, r)
	w.active = append(w.active, r)
	return r
}

// smartCancel is what the platform does itself when a pull request gets a newer commit.
func (w *world) smartCancel(newer *run, at time.Time) {
	for _, r := range slices.Clone(w.active) {
		samePR := r.native && r.projectID == newer.projectID && r.trigger.pullRequest == newer.trigger.pullRequest
		// Without a commit nobody knows whether the branch has moved, so it counts as another.
		sameCommit := r.trigger.sha != "" && r.trigger.sha == newer.trigger.sha
		if samePR && !sameCommit {
			w.cancel(r, at, "platform", "Cancelled because a newer commit was pushed to the pull request.")
		}
	}
}

func (w *world) dequeue(r *run, at time.Time) {
	r.due = at.Add(w.delay(w.cfg.startDelay))
	w.changeRun(r, at, func(s *runState) { s.status, s.dequeued = Starting, at })
	w.record(Event{At: at, Kind: RunStarting, JobID: r.jobID, RunID: r.id, Status: Starting, By: "platform"})
}

func (w *world) begin(r *run, at time.Time) {
	w.changeRun(r, at, func(s *runState) { s.status, s.started = Running, at })
	w.record(Event{At: at, Kind: RunRunning, JobID: r.jobID, RunID: r.id, Status: Running, By: "platform"})
	r.outcome = w.cfg.outcome(r.snapshot())
	if !r.outcome.Status.Terminal() {
		r.outcome.Status = Success
	}
	if r.due = at.Add(r.outcome.Duration); r.outcome.Duration < 0 {
		r.due = time.Time{}
	}
	w.planSteps(r)
}

// end makes the run terminal.
func (w *world) end(r *run, at time.Time, status RunStatus, message string) {
	r.due, r.cancelAt = time.Time{}, time.Time{}
	w.active = slices.DeleteFunc(w.active, func(other *run) bool { return other == r })
	event := Event{At: at, Kind: RunFinished, JobID: r.jobID, RunID: r.id, Status: status, By: "platform", Reason: message}
	w.changeRun(r, at, func(s *runState) {
		s.status, s.message, s.finished = status, message, at
		if status == Cancelled {
			s.cancelledBy = cmp.Or(s.cancelledBy, "platform")
			event.Kind, event.By = RunCancelled, s.cancelledBy
		}
	})
	w.record(event)
	if status != Cancelled {
		r.artifacts = append(r.artifacts, r.outcome.Artifacts...)
	}
	w.countFailure(r.jobID, status, at)
}

func (w *world) countFailure(jobID int64, status RunStatus, at time.Time) {
	j := w.jobs[jobID]
	if status == Cancelled || status == Success && j.versions.last().failures == 0 {
		return
	}
	w.changeJob(j, at, func(s *jobState) {
		s.failures++
		if status == Success {
			s.failures = 0
		}
	})
	if now := j.versions.last(); now.failures >= failuresUntilDeactivation && !now.deactivated {
		w.deactivate(j, at)
	}
}

// cancel asks for the end of r: at once while it is queued, after the cancel latency otherwise.
func (w *world) cancel(r *run, at time.Time, by, message string) {
	state := r.versions.last()
	if state.status.Terminal() || !state.cancelRequested.IsZero() {
		return
	}
	latency := w.delay(w.cfg.cancelLatency)
	if state.status == Queued {
		latency = 0
	}
	w.changeRun(r, at, func(s *runState) { s.cancelRequested, s.cancelledBy = at, by })
	w.record(Event{At: at, Kind: RunCancelRequested, JobID: r.jobID, RunID: r.id, Status: state.status, By: by, Reason: message})
	r.cancelMessage = message
	if r.cancelAt = at.Add(latency); latency <= 0 {
		w.endCancelled(r, at)
	}
}

func (w *world) endCancelled(r *run, at time.Time) { w.end(r, at, Cancelled, r.cancelMessage) }

// deleteJob deletes softly; the platform will not execute a run without its job.
func (w *world) deleteJob(j *job, at time.Time, by string) {
	w.changeJob(j, at, func(s *jobState) { s.deleted, s.updated = at, at })
	w.record(Event{At: at, Kind: JobDeleted, JobID: j.id, By: by})
	w.dropEnvVars(func(v *envVar) bool { return v.jobID == j.id })
	for _, r := range slices.Clone(w.active) {
		if r.jobID != j.id {
			continue
		}
		w.end(r, at, Cancelled, "Cancelled because the job was deleted.")
	}
}

func (w *world) deactivate(j *job, at time.Time) {
	w.changeJob(j, at, func(s *jobState) { s.deactivated, s.updated = true, at })
	w.record(Event{At: at, Kind: JobDeactivated, JobID: j.id, By: "platform"})
}

// blockedBy is the unfinished runs, as of t, that must end before r may start.
func (w *world) blockedBy(r *run, t time.Time) []int64 {
	out := []int64{}
	if state, ok := r.versions.asOf(t); !ok || state.status != Queued {
		return out
	}
	for _, other := range w.jobs[r.jobID].runs {
		if other.id >= r.id {
			break
		}
		if other.lane() != r.lane() {
			continue
		}
		if state, ok := other.versions.asOf(t); ok && !state.status.Terminal() {
			out = append(out, other.id)
		}
	}
	return out
}

// queued counts the runs that wait.
func (w *world) queued() int {
	n := 0
	for _, r := range w.active {
		if r.versions.last().status == Queued {
			n++
		}
	}
	return n
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
