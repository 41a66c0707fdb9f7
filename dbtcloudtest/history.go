package dbtcloudtest

import (
	"maps"
	"slices"
	"time"
)

// timeline is every version of an object, oldest first, so that a list can answer as of an earlier instant.
type timeline[T any] []stamped[T]

type stamped[T any] struct {
	at    time.Time
	value T
}

func (l *timeline[T]) put(at time.Time, value T) {
	*l = append(*l, stamped[T]{at, value})
}

// last is the current version.
func (l timeline[T]) last() T { return l[len(l)-1].value }

// asOf is the version at t; false when the object did not exist yet.
func (l timeline[T]) asOf(t time.Time) (T, bool) {
	for _, version := range slices.Backward(l) {
		if !version.at.After(t) {
			return version.value, true
		}
	}
	var none T
	return none, false
}

// EventKind says what happened in an [Event].
type EventKind string

// What can happen to jobs and runs.
const (
	JobCreated         EventKind = "job created"
	JobUpdated         EventKind = "job updated"
	JobDeleted         EventKind = "job deleted"
	JobDeactivated     EventKind = "job deactivated"
	RunQueued          EventKind = "run queued"
	RunStarting        EventKind = "run starting"
	RunRunning         EventKind = "run running"
	RunFinished        EventKind = "run finished"
	RunCancelRequested EventKind = "run cancel requested"
	RunCancelled       EventKind = "run cancelled"
)

// Event is one thing that happened in the fake, stamped with the exact time at which it was due.
type Event struct {
	At     time.Time
	Kind   EventKind
	JobID  int64
	RunID  int64     // 0 for events of a job
	Status RunStatus // of the run after the event; 0 for events of a job
	By     string    // who caused it: "api", an actor given by the test, or "platform"
	Reason string
}

// History returns everything that has happened so far, in the order of time.
func (s *Server) History() []Event {
	return inspect(s, func(w *world, _ time.Time) []Event { return slices.Clone(w.events) })
}

func (w *world) record(e Event) { w.events = append(w.events, e) }

// Request is one HTTP request that the fake received.
type Request struct {
	At        time.Time
	Method    string
	Path      string
	Query     string // as sent
	Body      []byte
	Document  string         // the name of the GraphQL operation, "" when it has none or this is no GraphQL
	Variables map[string]any // those of GraphQL, numbers as json.Number
	Operation string         // method and path pattern, "" when no operation has this path
	Unknown   []string       // query parameters that the operation does not have, sorted; the service ignores them
	Status    int            // HTTP status answered; 0 while in flight and when no answer was given
	Fault     string         // the injected fault, "" for none
	Invalid   map[string]any // of a 400, what is wrong with the body by field, as it was answered; nil for none
	Duration  time.Duration  // from arrival to answer
}

// Requests returns every request so far in the order of arrival.
func (s *Server) Requests() []Request {
	return inspect(s, func(w *world, _ time.Time) []Request {
		out := make([]Request, len(w.requests))
		for i, r := range w.requests {
			out[i] = *r
		}
		return out
	})
}

// CountRequests returns how many requests each operation received, by [Request.Operation].
func (s *Server) CountRequests() map[string]int {
	return inspect(s, func(w *world, _ time.Time) map[string]int {
		counts := map[string]int{}
		for _, r := range w.requests {
			counts[r.Operation]++
		}
		return counts
	})
}

// Run is what the fake knows about a run.
type Run struct {
	ID            int64
	JobID         int64
	ProjectID     int64
	EnvironmentID int64
	RetryOf       int64 // the run that this one retries, 0 for none
	Status        RunStatus
	Message       string

	CreatedAt         time.Time
	DequeuedAt        time.Time // zero until a slot was given
	StartedAt         time.Time // zero until execution began
	FinishedAt        time.Time // zero until terminal
	CancelRequestedAt time.Time

	PullRequest   PullRequest
	SHA           string
	Branch        string
	Schema        string
	Cause         string
	CauseCategory string
	TriggeredBy   string
	CancelledBy   string
	Native        bool // runs under CI concurrency: beside its job's other runs, without a slot
}

// Job is what the fake knows about a job.
type Job struct {
	ID            int64
	ProjectID     int64
	EnvironmentID int64
	Name          string
	JobType       string
	Deactivated   bool
	CreatedAt     time.Time
	UpdatedAt     time.Time
	DeletedAt     time.Time      // zero while the job is active
	Fields        map[string]any // every writable field by its API name, as last written
}

// Runs returns every run, by id.
func (s *Server) Runs() []Run {
	return inspect(s, func(w *world, _ time.Time) []Run {
		out := make([]Run, len(w.runOrder))
		for i, r := range w.runOrder {
			out[i] = r.snapshot()
		}
		return out
	})
}

// Run returns one run; false when there is no such run.
func (s *Server) Run(id int64) (Run, bool) {
	found := inspect(s, func(w *world, _ time.Time) *Run {
		if r := w.runs[id]; r != nil {
			return new(r.snapshot())
		}
		return nil
	})
	if found == nil {
		return Run{}, false
	}
	return *found, true
}

// Jobs returns every job, the deleted ones too, by id.
func (s *Server) Jobs() []Job {
	return inspect(s, func(w *world, _ time.Time) []Job {
		out := make([]Job, len(w.jobOrder))
		for i, j := range w.jobOrder {
			out[i] = j.snapshot()
		}
		return out
	})
}

// Job returns one job, also a deleted one; false when there never was such a job.
func (s *Server) Job(id int64) (Job, bool) {
	found := inspect(s, func(w *world, _ time.Time) *Job {
		if j := w.jobs[id]; j != nil {
			return new(j.snapshot())
		}
		return nil
	})
	if found == nil {
		return Job{}, false
	}
	return *found, true
}

func (r *run) snapshot() Run {
	now := r.versions.last()
	return Run{
		ID: r.id, JobID: r.jobID, ProjectID: r.projectID, EnvironmentID: r.environmentID, RetryOf: r.retryOf,
		Status: now.status, Message: now.message,
		CreatedAt: r.created, DequeuedAt: now.dequeued, StartedAt: now.started, FinishedAt: now.finished,
		CancelRequestedAt: now.cancelRequested,
		PullRequest:       r.trigger.pullRequest, SHA: r.trigger.sha, Branch: r.trigger.branch, Schema: r.trigger.schema,
		Cause: r.trigger.cause, CauseCategory: r.trigger.category,
		TriggeredBy: r.by, CancelledBy: now.cancelledBy, Native: r.native,
	}
}

func (j *job) snapshot() Job {
	now := j.versions.last()
	return Job{
		ID: j.id, ProjectID: integer(now.fields["project_id"]), EnvironmentID: integer(now.fields["environment_id"]),
		Name: text(now.fields["name"]), JobType: text(now.fields["job_type"]), Deactivated: now.deactivated,
		CreatedAt: j.created, UpdatedAt: now.updated, DeletedAt: now.deleted, Fields: maps.Clone(now.fields),
	}
}
