package main

import (
	"math"
	"time"
)

// about explains the JSON document to its reader.
const about = "What a fake dbt Cloud recorded: first with Slim CI alone, then with Autoscaling CI. " +
	"Times are seconds of shown time since the beginning: minutes_per_second minutes are shown for each second that passed. " +
	"A wait counts from the push of a pull request's last commit, to the start and to the end of the run that succeeded. " +
	"A cancelled run was moved if a later run has the same sha, else it was outdated."

// document is everything that --json prints, and all that is drawn.
type document struct {
	About            string `json:"about"`
	PullRequests     int    `json:"prs"`
	Slots            int    `json:"slots"`
	Seed             uint64 `json:"seed"`
	MinutesPerSecond int    `json:"minutes_per_second"`
	SlimCI           mode   `json:"slim_ci"`
	AutoscalingCI    mode   `json:"autoscaling_ci"`
}

// speed is how many seconds are shown for one that passes.
func (d document) speed() float64 { return float64(d.MinutesPerSecond) * float64(minute) }

// mode is what happened in one mode.
type mode struct {
	JobID   int64       `json:"slim_ci_job_id"`
	Pushes  []push      `json:"pushes"`
	Jobs    []jobRecord `json:"jobs"` // by id: the Slim CI job, then its clones
	Runs    []runRecord `json:"runs"` // by id
	Figures figures     `json:"figures"`
}

type jobRecord struct {
	ID      int64    `json:"id"`
	Name    string   `json:"name"`
	Created *seconds `json:"created"`
	Deleted *seconds `json:"deleted"` // null: it is still there
}

type runRecord struct {
	ID          int64    `json:"id"`
	JobID       int64    `json:"job_id"`
	PullRequest int64    `json:"pull_request"`
	SHA         string   `json:"sha"`
	Status      string   `json:"status"`
	Queued      *seconds `json:"queued"`
	Started     *seconds `json:"started"`  // null: it never ran
	Finished    *seconds `json:"finished"` // null: it has not ended
}

// Statuses of a runRecord that matter here.
const (
	success   = "Success"
	cancelled = "Cancelled"
)

// record is what the fake knows, in shown time.
func (s *stage) record(pushes []push) mode {
	m := mode{JobID: s.jobID, Pushes: pushes}
	for _, j := range s.fake.Jobs() {
		m.Jobs = append(m.Jobs, jobRecord{ID: j.ID, Name: j.Name, Created: s.shown(j.CreatedAt), Deleted: s.shown(j.DeletedAt)})
	}
	for _, r := range s.fake.Runs() {
		m.Runs = append(m.Runs, runRecord{
			ID: r.ID, JobID: r.JobID, PullRequest: r.PullRequest.Number, SHA: r.SHA, Status: r.Status.String(),
			Queued: s.shown(r.CreatedAt), Started: s.shown(r.StartedAt), Finished: s.shown(r.FinishedAt),
		})
	}
	return m
}

// shown is a time in shown seconds since the start, to the millisecond; nil for one that
// has not come.
func (s *stage) shown(t time.Time) *seconds {
	if t.IsZero() {
		return nil
	}
	return new(seconds(math.Round(t.Sub(s.start).Seconds()*s.speed*1000) / 1000))
}
