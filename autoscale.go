package dbtcloud

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Mode says where a run may be placed.
type Mode string

// Modes of [AutoscaleCI]. The zero value is ModeAuto.
const (
	ModeAuto   Mode = "auto"   // native where the plan has it, else clones while slots are free, else the queue
	ModeNative Mode = "native" // always the job itself: the platform is known to run its pull requests in parallel
	ModeClone  Mode = "clone"  // a clone whenever the job is busy, also without a free slot
	ModeQueue  Mode = "queue"  // always the job itself; stale runs are cancelled all the same
)

// Leave says what becomes of the run when its context ends first.
type Leave string

// What [CIRun] does when it leaves. The zero value is LeaveCancel.
const (
	LeaveCancel Leave = "cancel" // cancel the run
	LeaveDetach Leave = "detach" // let it go on
)

// Defaults of an [AutoscaleCI].
const (
	defaultPatience = 2 * time.Minute
	defaultGrace    = 30 * time.Minute
	defaultInterval = 10 * time.Second
	nativePatience  = 30 * time.Second
	lookupPatience  = time.Minute
	newerPatience   = 15 * time.Second // how long, at most, a cancelled run is looked at for the change that it gave way to
	sweepLimit      = 20 * time.Second // of the sweep in a trigger: later ones do the rest
	leaveLimit      = 4500 * time.Millisecond
	lateLeaveLimit  = leaveLimit - lastLook // after a deadline, which was followed by a last look
)

// DefaultNativePlans are the plans whose CI jobs run pull requests in parallel when
// they are triggered through the API, by what the official documentation says of
// Enterprise, Enterprise+ and the legacy Team plans.
func DefaultNativePlans() []string {
	return []string{"enterprise", "enterprise_2025", "enterprise_plus_2025", "team", "team_2022", "team_annual"}
}

// AutoscaleCI lets one Slim CI job serve many pull requests at the same time. A new
// commit cancels the runs of its own pull request; while the job is busy other pull
// requests run on clones of it, as long as run slots are free; clones are deleted
// when their run has ended.
//
// Fill in Client and JobID; every other zero value is a default. Runs write to the
// schema dbt_cloud_pr_<JobID>_<number> unless Overrides has another. It holds no
// state: use it from many goroutines, processes and machines at once.
type AutoscaleCI struct {
	Client    *Client
	JobID     int64   // the Slim CI job
	Overrides Trigger // cause, schema, steps, ... of every run; its pull request, commit and branch stay empty

	Mode        Mode     // where runs may be placed; default ModeAuto
	NoMove      bool     // a queued run stays where it is; moving cancels it and starts it on a clone
	MaxRunSlots int      // no slot counts as free while runs of any kind hold so many; 0: all of the account's
	MaxClones   int      // clones of the job at a time; 0: as many as there are slots, 10 if that is not known
	KeepClone   bool     // clones stay until Close or SweepAll
	NativePlans []string // plans for which ModeAuto is native; nil: DefaultNativePlans

	NoWait  bool  // nobody will call Wait: other runners then take no account of this run's wish to move
	OnLeave Leave // what becomes of the run when the context ends; default LeaveCancel
	Poll    Poll  // how often the run is looked at; default interval 10 s

	CancelPatience time.Duration // how long a cancel may take; default 2 min
	CloneGrace     time.Duration // age from which a clone without any run is deleted; default 30 min
	QueueFullWait  time.Duration // how long to try again when the queue is full; default 0: ErrQueueFull at once

	// Head, if set, returns the head commit of a pull request. It is asked right
	// before the trigger, so that a late pipeline does not test an old commit.
	Head func(ctx context.Context, pr PullRequest) (sha string, err error)

	// Progress, if set, is called with each step taken, from the calling goroutine.
	Progress func(r *CIRun, text string)
}

// CIRun is a change on its way through dbt Cloud. It is not safe for concurrent use.
type CIRun struct {
	Run             *Run     // as last seen; nil until there is one
	Decision        Decision // where the run was placed at first
	Reason          string   // why
	JobID           int64    // the job that the run is on
	CloneJobID      int64    // the clone that exists for it; 0: none
	Adopted         bool     // another runner triggered it
	SupersededBy    int64    // the run of a newer change; 0: none
	CancelledRunIDs []int64  // older runs of the pull request, and cleanups after it, that were cancelled
	MovedRunIDs     []int64  // runs of this change that were cancelled in order to move it
	Warnings        []string // what should be mended, though it stopped nothing

	a         *AutoscaleCI
	us        claim
	source    *Job
	detailed  bool
	account   *Account
	overrides []JobOverride
	obstacle  string
	stuck     []int64
	ended     map[int64]bool      // runs seen to be terminal: lists may show them for a while
	asked     map[int64]time.Time // when runs were asked to cancel
	limbo     bool                // a trigger was sent whose outcome is not known
	between   bool                // cancelled in order to move, and not yet triggered again
	again     bool                // an adopted run was cancelled and triggered again
	changed   time.Time           // when its status last changed
	triggered time.Time           // when the run was triggered
	renewed   time.Time           // when the job and its details were last read for a move
	freeLooks int
	blocked   time.Time // since when the run is a candidate for moving
}

// Plan looks and decides, and touches nothing: it is what Trigger would do now. What
// cannot be right is [ErrInvalid]. API: Retrieve Job and List Runs; if the job is busy,
// Retrieve Account and the job's environment variables.
func (a *AutoscaleCI) Plan(ctx context.Context, change Change) (*Plan, error) {
	r, err := a.begin(change)
	if err != nil {
		return nil, err
	}
	return r.plan(ctx)
}

// Trigger sees to it that a change is tested, and returns once its run is where it
// belongs: cancelling what is outdated, adopting a run of the same commit, or
// starting one on the job or on a clone. A superseded change is no error here: the
// Decision says so. What cannot be right is [ErrInvalid], and there is no CIRun; a
// full queue is [ErrQueueFull], see QueueFullWait. Beside any other error, the CIRun
// holds what is known. An ended context leaves as OnLeave says, in under five seconds.
// API: those of [AutoscaleCI.Plan], Cancel Run, Create Job, Trigger Job Run, Destroy Job.
func (a *AutoscaleCI) Trigger(ctx context.Context, change Change) (*CIRun, error) {
	r, err := a.begin(change)
	if err != nil {
		return nil, err
	}
	if err := r.place(ctx); err != nil {
		if ctx.Err() != nil {
			err = r.leave(ctx, err)
		} else if !r.limbo && r.Run == nil {
			r.dropClone(ctx)
		}
		return r, err
	}
	if r.Decision != Superseded {
		r.sweep(ctx)
	}
	return r, nil
}

// begin checks everything that can be known without a request.
func (a *AutoscaleCI) begin(change Change) (*CIRun, error) {
	if err := errors.Join(a.validate(), change.validate()); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return a.newRun(change), nil
}

func (a *AutoscaleCI) newRun(change Change) *CIRun {
	schema := a.Overrides.SchemaOverride
	if schema == "" {
		schema = fmt.Sprintf("dbt_cloud_pr_%d_%d", a.JobID, change.PullRequest.Number)
	}
	us := claim{change: change, schema: schema, nonce: newNonce()}
	return &CIRun{a: a, us: us, JobID: a.JobID, ended: map[int64]bool{}, asked: map[int64]time.Time{}}
}

func (a *AutoscaleCI) validate() error {
	var problems []error
	check := func(bad bool, text string) {
		if bad {
			problems = append(problems, errors.New(text))
		}
	}
	check(a.Client == nil, "client: is missing")
	check(a.JobID <= 0, fmt.Sprintf("job id: must be positive, not %d", a.JobID))
	check(!slices.Contains([]Mode{"", ModeAuto, ModeNative, ModeClone, ModeQueue}, a.Mode), fmt.Sprintf("mode: unknown %q: use auto, native, clone or queue", a.Mode))
	check(!slices.Contains([]Leave{"", LeaveCancel, LeaveDetach}, a.OnLeave), fmt.Sprintf("on leave: unknown %q: use cancel or detach", a.OnLeave))
	check(a.MaxRunSlots < 0, "max run slots: must not be negative")
	check(a.MaxClones < 0, "max clones: must not be negative")
	o := a.Overrides
	check(o.PullRequest != PullRequest{} || o.GitSHA != "" || o.GitBranch != "", "overrides: must not name a pull request, commit or branch: the change does")
	return errors.Join(append(problems, o.validate())...)
}

func (a *AutoscaleCI) rules() rules {
	r := rules{mode: a.Mode, maxRunSlots: a.MaxRunSlots, maxClones: a.MaxClones, nativePlans: a.NativePlans}
	if r.mode == "" {
		r.mode = ModeAuto
	}
	if r.nativePlans == nil {
		r.nativePlans = DefaultNativePlans()
	}
	return r
}

func (a *AutoscaleCI) poll() Poll {
	p := a.Poll
	p.Interval = positive(p.Interval, defaultInterval)
	return p
}

func (r *CIRun) warn(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !slices.Contains(r.Warnings, text) {
		r.Warnings = append(r.Warnings, text)
		r.say("warning: %s", text)
	}
}

func (r *CIRun) say(format string, args ...any) {
	if r.a.Progress != nil {
		r.a.Progress(r, harmless(fmt.Sprintf(format, args...)))
	}
}
