package dbtcloud

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// snapshot is what a runner can know when it decides.
type snapshot struct {
	source   *Job
	runs     []*Run // the account's active runs, by id
	listed   time.Time
	detailed bool     // account and obstacle were looked at
	account  *Account // nil: not permitted
	obstacle string   // why no faithful clone can be made; empty: it can
	stuck    []int64  // runs whose cancel did not end in time
}

// rules are the settings of an AutoscaleCI that decisions depend on.
type rules struct {
	mode        Mode
	maxRunSlots int
	maxClones   int
	nativePlans []string
}

// claim is a change as it competes with others.
type claim struct {
	change Change
	schema string
	nonce  string
	first  int64   // first run of the change; 0: it has none yet
	runs   []int64 // what this runner itself has triggered
}

// member tells whether a run is one of the source job or of its clones.
func (s *snapshot) member(r *Run) bool {
	if r.ProjectID != s.source.ProjectID {
		return false
	}
	return r.JobID == s.source.ID || s.cloneRun(r)
}

// cloneRun tells whether a run is one of a clone of the source job.
func (s *snapshot) cloneRun(r *Run) bool {
	if r.Job == nil {
		return false
	}
	name, ok := parseCloneName(r.Job.Name)
	return ok && name.source == s.source.ID && r.ProjectID == s.source.ProjectID
}

// rivals are what a run of the claim must not meet: the active runs of its pull request
// that are not its own, and cleanups after it.
func (s *snapshot) rivals(us claim) []*Run {
	return slices.Concat(s.changes(us), s.cleanups(us))
}

// changes are the active runs of the claim's pull request that are not its own.
func (s *snapshot) changes(us claim) []*Run {
	var changes []*Run
	for _, r := range s.runs {
		if s.member(r) && r.Trigger.PullRequest() == us.change.PullRequest && !slices.Contains(us.runs, r.ID) {
			changes = append(changes, r)
		}
	}
	return changes
}

// cleanups are the active runs that clean up after the claim's pull request.
func (s *snapshot) cleanups(us claim) []*Run {
	var cleanups []*Run
	for _, r := range s.runs {
		if m, ok := cleanupOf(r); ok && s.member(r) && m.source == s.source.ID && m.pr == us.change.PullRequest {
			cleanups = append(cleanups, r)
		}
	}
	return cleanups
}

// cleanupOf is the marker of a run that cleans up. It is no change, whatever it says:
// it is never adopted, supersedes nothing and has no place in the order of changes.
func cleanupOf(r *Run) (cleanupMarker, bool) {
	m, ok := parseCleanup(r.Trigger.Cause)
	return m, ok && r.Trigger.PullRequest() == PullRequest{}
}

// same tells whether a run tests the same commit into the same schema.
func (us claim) same(r *Run) bool {
	_, cleanup := cleanupOf(r)
	return !cleanup && us.change.SHA != "" && strings.EqualFold(r.Trigger.GitSHA, us.change.SHA) && r.Trigger.SchemaOverride == us.schema
}

// outdatedBy tells whether a run belongs to a newer change than the claim. Two
// sequences decide; else the first runs do, and a change without any is the newest.
func (us claim) outdatedBy(r *Run) bool {
	if _, cleanup := cleanupOf(r); cleanup {
		return false
	}
	seq, first := order(r)
	if seq > 0 && us.change.Sequence > 0 && seq != us.change.Sequence {
		return seq > us.change.Sequence
	}
	return us.first != 0 && first > us.first
}

// twin tells whether a run is the same work as the claim's own run: the same commit,
// or the late outcome of the same invocation's trigger.
func (us claim) twin(r *Run) bool { return us.same(r) || us.owns(r) }

// owns tells whether a run was triggered by this very invocation.
func (us claim) owns(r *Run) bool {
	m, ok := markerOf(r)
	return ok && m.nonce == us.nonce
}

// markerOf is the marker of a run, if it tells of this very run: a cause may have been
// copied from another.
func markerOf(r *Run) (marker, bool) {
	m, ok := parseMarker(r.Trigger.Cause)
	foreign := m.pr != r.Trigger.PullRequest() || m.first > r.ID ||
		r.Trigger.GitSHA != "" && !strings.HasPrefix(strings.ToLower(r.Trigger.GitSHA), m.sha12)
	return m, ok && !foreign
}

// before tells whether a twin stays and the claim's own run goes: the twin's first run
// was there earlier. A run that moved has a higher id than it had, and must not yield
// to a twin that yields to it.
func (us claim) before(twin *Run, own int64) bool {
	first := firstOf(twin)
	return first < us.first || first == us.first && twin.ID < own
}

// staying is the run that tests the claim's commit already, nil if none does or if
// another change is newer. Of twins the first stays, as their runners see it too.
func (us claim) staying(changes []*Run) *Run {
	var newest, earliest *Run
	for _, r := range changes {
		if newest == nil || !outranks(newest, r) {
			newest = r
		}
		if us.same(r) && (earliest == nil || firstOf(r) < firstOf(earliest)) {
			earliest = r
		}
	}
	if newest == nil || !us.same(newest) {
		return nil
	}
	return earliest
}

// outranks tells whether the change of run a is newer than that of run b.
func outranks(a, b *Run) bool {
	aSeq, aFirst := order(a)
	bSeq, bFirst := order(b)
	if aSeq > 0 && bSeq > 0 && aSeq != bSeq {
		return aSeq > bSeq
	}
	return aFirst > bFirst
}

// order is the place of a run's change among those of its pull request.
func order(r *Run) (seq, first int64) {
	first = r.ID
	if m, ok := markerOf(r); ok {
		seq = m.seq
		if m.first > 0 {
			first = m.first
		}
	}
	return seq, first
}

// firstOf is the first run of a run's change.
func firstOf(r *Run) int64 {
	_, first := order(r)
	return first
}

// Decision is what is done with a change.
type Decision string

// Decisions, in the order in which they are considered.
const (
	Superseded Decision = "superseded" // a newer change of the pull request is active: nothing
	Adopt      Decision = "adopt"      // an active run tests this very commit: follow it
	Native     Decision = "native"     // the platform runs pull requests of one job at the same time
	OnSource   Decision = "source"     // the job is idle
	OnClone    Decision = "clone"      // the job is busy and a slot is free
	Queue      Decision = "queue"      // the job is busy and cannot, or need not, be cloned
)

// Plan is what [AutoscaleCI] would do with a change, and why.
type Plan struct {
	Change   Change
	Decision Decision
	Reason   string
	JobID    int64    // the job to trigger; for OnClone the one to clone
	RunID    int64    // the run to adopt, or the one that supersedes
	Cancel   []int64  // runs of the same pull request to cancel first
	Schema   string   // schema override of the run
	Slots    Slots    // as seen; unknown while the job is idle
	Warnings []string // what should be mended, though it stops nothing

	await int64 // another pull request's run that must end first: it writes our schema on a clone
	more  bool  // the job is busy: slots and overrides must be looked at
}

// Slots is the use of the account's run slots, as far as the token sees it.
type Slots struct {
	Limit   int // 0: not known
	Running int // starting or running
	Waiting int // queued for nothing but a slot
}

// Free is how many runs could start now; 0 if the limit is not known.
func (s Slots) Free() int { return max(s.Limit-s.Running-s.Waiting, 0) }

// String is the plan as people read it.
func (p *Plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", p.Decision, p.Reason)
	if len(p.Cancel) > 0 {
		fmt.Fprintf(&b, "\n  cancel first: %s", joinIDs(p.Cancel))
	}
	if p.Schema != "" {
		fmt.Fprintf(&b, "\n  schema: %s", p.Schema)
	}
	for _, w := range p.Warnings {
		fmt.Fprintf(&b, "\n  warning: %s", w)
	}
	return b.String()
}

func joinIDs(ids []int64) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = strconv.FormatInt(id, 10)
	}
	return strings.Join(words, ", ")
}

// decide is the whole decision, as a function of what was seen.
func decide(s *snapshot, r rules, us claim) *Plan {
	p := &Plan{Change: us.change, Schema: us.schema, JobID: s.source.ID, Warnings: warnings(s.source)}
	rivals := s.rivals(us)
	p.Warnings = append(p.Warnings, us.sharedNumber(rivals)...)
	for _, run := range rivals {
		if us.outdatedBy(run) && !us.same(run) {
			p.choose(Superseded, "run %d tests a newer change of %s", run.ID, us.change.PullRequest)
			p.RunID = run.ID
			return p
		}
	}
	stays := us.staying(s.changes(us))
	for _, run := range rivals {
		if run != stays && !slices.Contains(s.stuck, run.ID) {
			p.Cancel = append(p.Cancel, run.ID)
		}
	}
	switch {
	case stays != nil:
		p.RunID, p.JobID = stays.ID, stays.JobID
		p.choose(Adopt, "run %d tests this commit already", stays.ID)
	case len(s.stuck) > 0:
		p.behindStuck(s)
	case p.behindSchema(s, us):
	default:
		p.where(s.without(p.Cancel), r)
	}
	return p
}

func (p *Plan) choose(d Decision, format string, args ...any) {
	p.Decision, p.Reason = d, fmt.Sprintf(format, args...)
}

// behindStuck queues on the job of a run that does not end, because the platform
// runs the runs of one job one by one.
func (p *Plan) behindStuck(s *snapshot) {
	p.choose(Queue, "the cancelled run %s has not ended; queued behind it so that two runs do not write one schema", joinIDs(s.stuck))
}

// behindSchema keeps two pull requests from writing one schema at the same time.
func (p *Plan) behindSchema(s *snapshot, us claim) bool {
	run := s.writer(us)
	if run == nil {
		return false
	}
	p.choose(Queue, "run %d of %s writes the schema %s", run.ID, run.Trigger.PullRequest(), us.schema)
	if run.JobID != s.source.ID {
		// A clone carries one run and is then deleted: nothing may queue there.
		p.await = run.ID
	}
	return true
}

// writer is another pull request's run that writes the claim's schema.
func (s *snapshot) writer(us claim) *Run {
	for _, run := range s.runs {
		pr := run.Trigger.PullRequest()
		if s.member(run) && pr != us.change.PullRequest && pr != (PullRequest{}) && run.Trigger.SchemaOverride == us.schema {
			return run
		}
	}
	return nil
}

// where decides between the source job, a clone and the queue.
func (p *Plan) where(s *snapshot, r rules) {
	busy := s.busy()
	switch {
	case r.mode == ModeNative:
		p.choose(Native, "the mode is native")
	case busy == nil:
		p.choose(OnSource, "the job is idle")
	case r.mode == ModeQueue:
		p.choose(Queue, "the job is busy with run %d, and the mode is queue", busy.ID)
	case !s.detailed:
		p.more = true
		p.choose(Queue, "the job is busy with run %d", busy.ID)
	case s.native(r):
		p.choose(Native, "the plan %s runs pull requests of a CI job at the same time", s.account.Plan)
	default:
		p.Slots = s.slots(r)
		p.cloneOrQueue(s, r, busy)
	}
}

func (p *Plan) cloneOrQueue(s *snapshot, r rules, busy *Run) {
	clones, limit := s.clones(), r.cloneLimit(p.Slots)
	queued := 0
	for _, run := range s.runs {
		if run.Status == RunQueued {
			queued++
		}
	}
	switch {
	case s.obstacle != "":
		p.choose(Queue, "the job is busy with run %d, and cannot be cloned: %s", busy.ID, s.obstacle)
	case clones >= limit:
		p.choose(Queue, "the job is busy with run %d, and %d of at most %d clones are in use", busy.ID, clones, limit)
	case s.account != nil && s.account.QueueLimit > 0 && queued >= s.account.QueueLimit-5:
		p.choose(Queue, "the job is busy with run %d, and the account's queue is nearly full (%d of %d)", busy.ID, queued, s.account.QueueLimit)
	case r.mode == ModeClone:
		p.choose(OnClone, "the job is busy with run %d, and the mode is clone", busy.ID)
	case p.Slots.Limit == 0:
		p.choose(OnClone, "the job is busy with run %d; how many slots there are is not known", busy.ID)
	case p.Slots.Free() > 0:
		p.choose(OnClone, "the job is busy with run %d, and %d of %d slots are free", busy.ID, p.Slots.Free(), p.Slots.Limit)
	default:
		p.choose(Queue, "the job is busy with run %d, and no slot is free (%d running, %d waiting, %d slots)",
			busy.ID, p.Slots.Running, p.Slots.Waiting, p.Slots.Limit)
	}
}

// without is the snapshot as it will be when some runs have been cancelled.
func (s *snapshot) without(ids []int64) *snapshot {
	after := *s
	after.runs = slices.DeleteFunc(slices.Clone(s.runs), func(r *Run) bool { return slices.Contains(ids, r.ID) })
	return &after
}

// busy is a run that occupies the source job.
func (s *snapshot) busy() *Run {
	for _, run := range s.runs {
		if run.JobID == s.source.ID {
			return run
		}
	}
	return nil
}

// native tells whether the platform itself runs pull requests of the job in parallel.
func (s *snapshot) native(r rules) bool {
	return r.mode == ModeAuto && s.source.Type == JobCI && s.account != nil && slices.Contains(r.nativePlans, s.account.Plan)
}

// slots counts what is running and what waits for nothing but a slot. CI runs take
// none where they run natively.
func (s *snapshot) slots(r rules) Slots {
	var out Slots
	if s.account != nil {
		out.Limit = max(s.account.RunSlots, 0)
	}
	if r.maxRunSlots > 0 && (out.Limit == 0 || r.maxRunSlots < out.Limit) {
		out.Limit = r.maxRunSlots
	}
	native := s.native(r)
	for _, run := range s.runs {
		switch {
		case native && run.Job != nil && run.Job.Type == JobCI:
		case run.Status == RunQueued:
			if s.blocker(run) == nil {
				out.Waiting++
			}
		default:
			out.Running++
		}
	}
	return out
}

// blocker is the run of the same job that keeps a queued run from starting.
func (s *snapshot) blocker(queued *Run) *Run {
	for _, run := range s.runs {
		if run.JobID == queued.JobID && run.ID != queued.ID && (run.Status != RunQueued || run.ID < queued.ID) {
			return run
		}
	}
	return nil
}

// clones counts the clones of the source job that have an active run.
func (s *snapshot) clones() int {
	jobs := map[int64]bool{}
	for _, run := range s.runs {
		if s.cloneRun(run) {
			jobs[run.JobID] = true
		}
	}
	return len(jobs)
}

// cloneLimit is how many clones a job may have at a time.
func (r rules) cloneLimit(slots Slots) int {
	switch {
	case r.maxClones > 0:
		return r.maxClones
	case slots.Limit > 0:
		return slots.Limit
	default:
		return defaultClones
	}
}

const defaultClones = 10

// turn says whether a queued run may move to a clone, and how many of those that
// want to are before it.
type turn struct {
	candidate bool // queued behind another run of its job
	rank      int  // from 1, among the candidates that somebody waits for
	room      int  // how many may move now
}

func (s *snapshot) turn(r rules, ours *Run) turn {
	if ours.Status != RunQueued || s.blocker(ours) == nil {
		return turn{}
	}
	slots := s.slots(r)
	t := turn{candidate: true, rank: 1, room: r.cloneLimit(slots) - s.clones()}
	if slots.Limit > 0 && r.mode != ModeClone {
		t.room = min(t.room, slots.Free())
	}
	for _, run := range s.runs {
		m, ok := markerOf(run)
		if ok && m.waiting && run.JobID == ours.JobID && run.ID < ours.ID && run.Status == RunQueued && s.blocker(run) != nil {
			t.rank++
		}
	}
	return t
}

// sharedNumber warns of a run of the same pull request number from another branch than
// the claim's: there are pull requests of two repositories.
func (us claim) sharedNumber(rivals []*Run) []string {
	ours := strings.TrimPrefix(us.change.Branch, "refs/heads/")
	for _, run := range rivals {
		theirs := strings.TrimPrefix(run.Trigger.GitBranch, "refs/heads/")
		if ours != "" && theirs != "" && ours != theirs {
			return []string{fmt.Sprintf("run %d of %s is of the branch %.100q, this change of %.100q: if two repositories use this job, their pull requests of one number cancel each other; give each repository a job of its own",
				run.ID, us.change.PullRequest, theirs, ours)}
		}
	}
	return nil
}

// warnings are the settings of a source job that disturb autoscaling.
func warnings(job *Job) []string {
	var out []string
	if job.Triggers.GitHubWebhook || job.Triggers.GitProviderWebhook {
		out = append(out, "the job is also triggered by its own pull-request webhook: every push starts two runs; turn that trigger off")
	}
	if job.DeferringEnvironmentID == 0 && job.DeferringJobID == 0 {
		out = append(out, "the job defers to nothing: state:modified has no state to compare with")
	}
	if unknown := unknownFields(job); len(unknown) > 0 {
		out = append(out, "the job has settings that this version does not know and clones lack: "+strings.Join(unknown, ", "))
	}
	return out
}
