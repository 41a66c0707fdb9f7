package dbtcloudtest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// RunStatus is the status of a run, in the numbers of the API.
type RunStatus int

// The statuses of a run.
const (
	Queued    RunStatus = 1
	Starting  RunStatus = 2
	Running   RunStatus = 3
	Success   RunStatus = 10
	Error     RunStatus = 20
	Cancelled RunStatus = 30
)

// Terminal says whether a run of this status has ended.
func (s RunStatus) Terminal() bool { return s == Success || s == Error || s == Cancelled }

// String is the service's display text.
func (s RunStatus) String() string {
	switch s {
	case Queued:
		return "Queued"
	case Starting:
		return "Starting"
	case Running:
		return "Running"
	case Success:
		return "Success"
	case Error:
		return "Error"
	case Cancelled:
		return "Cancelled"
	}
	return fmt.Sprintf("Status(%d)", int(s))
}

// GitHost is where a pull request lives; each has its own field in a trigger.
type GitHost string

// The git hosts that a trigger can name.
const (
	GitHub     GitHost = "github"
	GitLab     GitHost = "gitlab"
	AzureRepos GitHost = "azure"
	OtherHost  GitHost = "other"
)

func gitHosts() [4]GitHost { return [4]GitHost{GitHub, GitLab, AzureRepos, OtherHost} }

// field is the trigger's field for the pull requests of this host.
func (h GitHost) field() string {
	switch h {
	case GitHub:
		return "github_pull_request_id"
	case GitLab:
		return "gitlab_merge_request_id"
	case AzureRepos:
		return "azure_pull_request_id"
	}
	return "non_native_pull_request_id"
}

// PullRequest names a pull request as a trigger does. The zero value is none.
type PullRequest struct {
	Host   GitHost
	Number int64
}

// world is the whole state of a fake account. Every method expects mu to be held.
type world struct {
	mu    sync.Mutex
	cfg   config
	rng   *rand.Rand
	clock time.Time // the latest instant that has been processed
	id    int64     // the last id given away

	account      account
	projects     map[int64]*resource
	environments map[int64]*resource
	jobs         map[int64]*job
	jobOrder     []*job // by id
	runs         map[int64]*run
	runOrder     []*run // by id
	active       []*run // the unfinished ones, by id
	envVars      []*envVar
	metadata     map[int64]*metadata                 // by environment
	handed       map[string]func(map[string]any) any // fields of the Discovery API, by path

	locked     bool
	lockReason string

	scripts   []script // by time
	faults    []*armedFault
	throttled time.Time // every request before it answers 429
	retry     time.Duration
	routes    []route
	asked     []time.Time // requests to the Discovery API in the last minute, where they are limited
	cooling   time.Time   // until then, it answers 429
	looked    int         // how much the present question has made the Discovery API look at

	events   []Event
	requests []*Request
}

type job struct {
	id       int64
	created  time.Time
	versions timeline[jobState]
	runs     []*run // by id
}

// jobState is never changed once it is in a timeline; its fields are not either.
type jobState struct {
	fields      map[string]any // the writable fields by API name
	updated     time.Time
	deleted     time.Time
	deactivated bool
	failures    int
	internal    *json.RawMessage // the job as runs show it, once one has asked
}

type run struct {
	id            int64
	triggerID     int64
	jobID         int64
	projectID     int64
	environmentID int64
	dbtVersion    string
	docs, sources bool // made when the run succeeds
	retryOf       int64
	created       time.Time
	trigger       trigger
	by            string
	native        bool
	versions      timeline[runState]

	ready         time.Time // may leave the queue from here on
	due           time.Time // when starting or running ends by itself; zero: never
	cancelAt      time.Time // when a requested cancel takes effect
	cancelMessage string
	outcome       Outcome
	firstStep     int64
	misses        int // reads answered 404 so far
	artifacts     []Artifact
	shownTrigger  json.RawMessage // once somebody has asked
}

// runState is never changed once it is in a timeline.
type runState struct {
	status          RunStatus
	message         string
	updated         time.Time
	dequeued        time.Time
	started         time.Time
	finished        time.Time
	cancelRequested time.Time
	cancelledBy     string
}

// trigger is what a run was asked to do.
type trigger struct {
	cause, category     string
	sha, branch, schema string
	pullRequest         PullRequest
	fields              map[string]any // the request as it was sent, by API name
}

// lane is what runs one after the other: the runs of a job, or with CI concurrency those of one pull request on it.
type lane struct {
	jobID       int64
	pullRequest PullRequest
}

func (r *run) lane() lane {
	if r.native {
		return lane{r.jobID, r.trigger.pullRequest}
	}
	return lane{jobID: r.jobID}
}

// nextID gives away the next id; ids grow with time, as the service's do.
func (w *world) nextID() int64 {
	w.id++
	return w.id
}

// keepID makes sure that an id chosen by a test is not given away again.
func (w *world) keepID(id int64) int64 {
	if id == 0 {
		return w.nextID()
	}
	w.id = max(w.id, id)
	return id
}

// changeJob appends a version of the job; edit gets a copy whose fields it must replace, not change.
func (w *world) changeJob(j *job, at time.Time, edit func(*jobState)) {
	next := j.versions.last()
	edit(&next)
	next.internal = new(json.RawMessage)
	j.versions.put(at, next)
}

func (w *world) changeRun(r *run, at time.Time, edit func(*runState)) {
	next := r.versions.last()
	next.updated = at
	edit(&next)
	r.versions.put(at, next)
}

// visible says whether the token may see the project.
func (w *world) visible(projectID int64) bool {
	return len(w.cfg.projectScope) == 0 || slices.Contains(w.cfg.projectScope, projectID)
}

// openJob is the job that a request may see: not deleted, in a visible project.
func (w *world) openJob(id int64) *job {
	j := w.jobs[id]
	if j == nil || !j.versions.last().deleted.IsZero() || !w.visible(j.projectID()) {
		return nil
	}
	return j
}

func (j *job) projectID() int64 { return integer(j.versions.last().fields["project_id"]) }

// visibleRun is the run that a request may see.
func (w *world) visibleRun(id int64) *run {
	r := w.runs[id]
	if r == nil || !w.visible(r.projectID) {
		return nil
	}
	return r
}
