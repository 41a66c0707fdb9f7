package dbtcloud

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

const (
	srcJob     = 10  // the source job of these tables
	cloneOfSrc = 11  // a clone of it
	elsewhere  = 900 // another job of the project
)

// shaOf is a full commit id.
func shaOf(n int) string { return fmt.Sprintf("%040x", n) }

// runOption changes a run of a table.
type runOption func(*Run)

// aRun is a running run of pull request 7 on the source job, at its own commit.
func aRun(id int64, opts ...runOption) *Run {
	r := &Run{ID: id, ProjectID: 2, JobID: srcJob, Status: RunRunning, Job: &RunJob{ID: srcJob, Name: "Slim CI", Type: JobCI},
		Trigger: &RunTrigger{GitHubPullRequestID: 7, GitSHA: shaOf(int(id)), SchemaOverride: "pr_7"}}
	for _, o := range opts {
		o(r)
	}
	return r
}

func onJob(id int64) runOption {
	return func(r *Run) {
		r.JobID = id
		switch id {
		case cloneOfSrc, cloneOfSrc + 1, cloneOfSrc + 2:
			r.Job = &RunJob{ID: id, Name: fmt.Sprintf("dbtcloud-ci:%d:github:7:abcdefgh:d", srcJob), Type: JobCI}
		case srcJob:
			r.Job = &RunJob{ID: id, Name: "Slim CI", Type: JobCI}
		default:
			r.Job = &RunJob{ID: id, Name: "hourly", Type: JobScheduled}
		}
	}
}

func ofPull(n int64) runOption {
	return func(r *Run) { r.Trigger.GitHubPullRequestID, r.Trigger.SchemaOverride = n, fmt.Sprintf("pr_%d", n) }
}

func ofNobody(r *Run)                  { r.Trigger = new(RunTrigger) }
func queued(r *Run)                    { r.Status = RunQueued }
func atSHA(n int) runOption            { return func(r *Run) { r.Trigger.GitSHA = shaOf(n) } }
func intoSchema(s string) runOption    { return func(r *Run) { r.Trigger.SchemaOverride = s } }
func inProject(id int64) runOption     { return func(r *Run) { r.ProjectID = id } }
func withCause(cause string) runOption { return func(r *Run) { r.Trigger.Cause = cause } }

func marked(seq, first int64, waiting bool) runOption {
	return func(r *Run) {
		m := marker{source: srcJob, pr: r.Trigger.PullRequest(), seq: seq, nonce: "theirs22", first: first, waiting: waiting}
		r.Trigger.Cause = m.cause("")
	}
}

// cleaning makes a run one that cleans up after a pull request.
func cleaning(pr int64) runOption {
	return func(r *Run) {
		m := cleanupMarker{source: srcJob, pr: PullRequest{GitHub, pr}, seq: 9, nonce: "theirs22"}
		r.Trigger = &RunTrigger{Cause: m.String() + " text", SchemaOverride: fmt.Sprintf("pr_%d", pr), StepsOverride: []string{"dbt run-operation drop_pr_schema"}}
	}
}

// ours is the claim of the tables: pull request 7 at commit 1000.
func ours(seq int64) claim {
	return claim{change: Change{PullRequest: PullRequest{GitHub, 7}, SHA: shaOf(1000), Sequence: seq}, schema: "pr_7", nonce: "ournonce"}
}

func aSource() *Job {
	return &Job{ID: srcJob, ProjectID: 2, Name: "Slim CI", Type: JobCI, State: StateActive, DeferringEnvironmentID: 4}
}

func anAccount(slots int) *Account {
	return &Account{Plan: "starter_2025", RunSlots: slots, QueueLimit: 50}
}

// rulesOf are the rules of a mode.
func rulesOf(mode Mode) rules { return (&AutoscaleCI{Mode: mode}).rules() }

func TestDecide(t *testing.T) {
	t.Parallel()
	other := aRun(1, ofPull(8))
	tests := map[string]struct {
		s    snapshot
		r    rules
		us   claim
		want Plan
		says string
	}{
		"idle": {want: Plan{Decision: OnSource}, says: "idle"},
		"1: a newer sequence": {us: ours(5), s: snapshot{runs: []*Run{aRun(1, marked(6, 0, true))}},
			want: Plan{Decision: Superseded, RunID: 1}, says: "run 1"},
		"1: before the runs to cancel": {us: ours(5), s: snapshot{runs: []*Run{aRun(1, marked(4, 0, true)), aRun(2, marked(6, 0, true)), aRun(3, marked(3, 0, true))}},
			want: Plan{Decision: Superseded, RunID: 2}},
		"1: not by the same commit": {us: ours(5), s: snapshot{runs: []*Run{aRun(1, marked(6, 0, true), atSHA(1000))}},
			want: Plan{Decision: Adopt, RunID: 1}},
		"1: not without a sequence": {s: snapshot{runs: []*Run{aRun(1, marked(6, 0, true))}},
			want: Plan{Decision: OnSource, Cancel: []int64{1}}},
		"2: our commit":       {s: snapshot{runs: []*Run{aRun(1, atSHA(1000))}}, want: Plan{Decision: Adopt, RunID: 1}, says: "run 1"},
		"2: on a clone":       {s: snapshot{runs: []*Run{aRun(1, atSHA(1000), onJob(cloneOfSrc))}}, want: Plan{Decision: Adopt, RunID: 1, JobID: cloneOfSrc}},
		"2: and older ones":   {s: snapshot{runs: []*Run{aRun(1), aRun(2, atSHA(1000))}}, want: Plan{Decision: Adopt, RunID: 2, Cancel: []int64{1}}},
		"2: twins":            {s: snapshot{runs: []*Run{aRun(1, atSHA(1000)), aRun(2, atSHA(1000))}}, want: Plan{Decision: Adopt, RunID: 1, Cancel: []int64{2}}},
		"2: another is newer": {s: snapshot{runs: []*Run{aRun(1, atSHA(1000)), aRun(2)}}, want: Plan{Decision: OnSource, Cancel: []int64{1, 2}}},
		"2: another only moved": {s: snapshot{runs: []*Run{aRun(3, atSHA(1000)), aRun(4, marked(0, 2, true))}},
			want: Plan{Decision: Adopt, RunID: 3, Cancel: []int64{4}}},
		"2: another schema": {s: snapshot{runs: []*Run{aRun(1, atSHA(1000), intoSchema("mine"))}}, want: Plan{Decision: OnSource, Cancel: []int64{1}}},
		"2: a branch": {us: claim{change: Change{PullRequest: PullRequest{GitHub, 7}, Branch: "x"}, schema: "pr_7"},
			s: snapshot{runs: []*Run{aRun(1, func(r *Run) { r.Trigger.GitSHA = "" })}}, want: Plan{Decision: OnSource, Cancel: []int64{1}}},
		"3: with and without marker": {s: snapshot{runs: []*Run{aRun(1), aRun(2, marked(0, 0, true)), aRun(3, onJob(cloneOfSrc), queued)}},
			want: Plan{Decision: OnSource, Cancel: []int64{1, 2, 3}}},
		"3: nobody else's": {s: snapshot{detailed: true, account: anAccount(0), runs: []*Run{
			other, aRun(2, onJob(elsewhere)), aRun(3, inProject(9)), aRun(4, ofNobody), aRun(5, func(r *Run) {
				r.Trigger.GitHubPullRequestID, r.Trigger.GitLabMergeRequestID, r.Trigger.SchemaOverride = 0, 7, "mr_7"
			}), aRun(6, onJob(cloneOfSrc), inProject(9)), aRun(7, func(r *Run) { r.JobID, r.Job = 77, nil }),
		}}, want: Plan{Decision: OnClone, Slots: Slots{Running: 7}}},
		"3: stuck":     {s: snapshot{runs: []*Run{aRun(1), aRun(2)}, stuck: []int64{1}}, want: Plan{Decision: Queue, Cancel: []int64{2}}, says: "run 1 has not ended"},
		"3: a cleanup": {us: ours(5), s: snapshot{runs: []*Run{aRun(1, cleaning(7))}}, want: Plan{Decision: OnSource, Cancel: []int64{1}}},
		"3: a cleanup beside our commit": {s: snapshot{runs: []*Run{aRun(1, atSHA(1000)), aRun(2, cleaning(7))}},
			want: Plan{Decision: Adopt, RunID: 1, Cancel: []int64{2}}},
		"3: a cleanup of our very commit": {s: snapshot{runs: []*Run{aRun(1, cleaning(7), atSHA(1000))}}, want: Plan{Decision: OnSource, Cancel: []int64{1}}},
		"3: not another's cleanup":        {s: snapshot{runs: []*Run{aRun(1, cleaning(8))}}, want: Plan{Decision: Queue, more: true}},
		"3: not another job's cleanup": {s: snapshot{runs: []*Run{aRun(1, cleaning(7), func(r *Run) { r.Trigger.Cause = strings.Replace(r.Trigger.Cause, "ga.", "gb.", 1) })}},
			want: Plan{Decision: Queue, more: true}},
		"3: a stuck cleanup": {s: snapshot{runs: []*Run{aRun(1, cleaning(7))}, stuck: []int64{1}}, want: Plan{Decision: Queue}, says: "run 1 has not ended"},
		"4: our schema on the source": {s: snapshot{runs: []*Run{aRun(1, ofPull(8), intoSchema("pr_7"))}},
			want: Plan{Decision: Queue}, says: "run 1 of github#8 writes the schema pr_7"},
		"4: our schema on a clone": {s: snapshot{runs: []*Run{aRun(1, ofPull(8), intoSchema("pr_7"), onJob(cloneOfSrc))}},
			want: Plan{Decision: Queue, await: 1}, says: "writes the schema"},
		"4: not of another job":   {s: snapshot{runs: []*Run{aRun(1, ofPull(8), intoSchema("pr_7"), onJob(elsewhere))}}, want: Plan{Decision: OnSource}},
		"5: busy":                 {s: snapshot{runs: []*Run{other}}, want: Plan{Decision: Queue, more: true}, says: "busy with run 1"},
		"5: busy with a queued":   {s: snapshot{runs: []*Run{aRun(1, ofPull(8), queued)}}, want: Plan{Decision: Queue, more: true}},
		"5: idle once cancelled":  {s: snapshot{runs: []*Run{aRun(1)}}, want: Plan{Decision: OnSource, Cancel: []int64{1}}},
		"5: a slot is free":       {s: snapshot{runs: []*Run{other}, detailed: true, account: anAccount(2)}, want: Plan{Decision: OnClone, Slots: Slots{Limit: 2, Running: 1}}, says: "1 of 2 slots"},
		"5: no slot is free":      {s: snapshot{runs: []*Run{other}, detailed: true, account: anAccount(1)}, want: Plan{Decision: Queue, Slots: Slots{Limit: 1, Running: 1}}, says: "no slot"},
		"5: clone without a slot": {r: rulesOf(ModeClone), s: snapshot{runs: []*Run{other}, detailed: true, account: anAccount(1)}, want: Plan{Decision: OnClone, Slots: Slots{Limit: 1, Running: 1}}},
		"5: unfaithful":           {s: snapshot{runs: []*Run{other}, detailed: true, account: anAccount(2), obstacle: "a secret"}, want: Plan{Decision: Queue, Slots: Slots{Limit: 2, Running: 1}}, says: "a secret"},
		"5: unfaithful, mode clone": {r: rulesOf(ModeClone), s: snapshot{runs: []*Run{other}, detailed: true, account: anAccount(2), obstacle: "a secret"},
			want: Plan{Decision: Queue, Slots: Slots{Limit: 2, Running: 1}}},
		"5: native":             {s: snapshot{runs: []*Run{other}, detailed: true, account: &Account{Plan: "enterprise", RunSlots: 1}}, want: Plan{Decision: Native}, says: "enterprise"},
		"5: mode native":        {r: rulesOf(ModeNative), want: Plan{Decision: Native}},
		"5: mode queue":         {r: rulesOf(ModeQueue), s: snapshot{runs: []*Run{other}}, want: Plan{Decision: Queue}},
		"5: account not shown":  {s: snapshot{runs: []*Run{other}, detailed: true}, want: Plan{Decision: OnClone, Slots: Slots{Running: 1}}, says: "not known"},
		"5: the slot it leaves": {s: snapshot{runs: []*Run{other, aRun(2, onJob(cloneOfSrc))}, detailed: true, account: anAccount(2)}, want: Plan{Decision: OnClone, Cancel: []int64{2}, Slots: Slots{Limit: 2, Running: 1}}},
	}
	for name, tt := range tests {
		tt.s.source = aSource()
		if tt.r.mode == "" {
			tt.r = rulesOf(ModeAuto)
		}
		if tt.us.schema == "" {
			tt.us = ours(0)
		}
		tt.want.Change, tt.want.Schema = tt.us.change, tt.us.schema
		if tt.want.JobID == 0 {
			tt.want.JobID = srcJob
		}
		got := decide(&tt.s, tt.r, tt.us)
		if diff := cmp.Diff(&tt.want, got, cmp.AllowUnexported(Plan{}), cmpopts.IgnoreFields(Plan{}, "Reason")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if got.Reason == "" || !strings.Contains(got.Reason, tt.says) {
			t.Errorf("%s: reason %q, want it to say %q", name, got.Reason, tt.says)
		}
	}
}

func TestOutdatedBy(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		seq, first int64
		run        *Run
		want       bool
	}{
		"higher sequence":            {5, 0, aRun(9, marked(6, 0, true)), true},
		"lower sequence":             {5, 0, aRun(9, marked(4, 0, true)), false},
		"higher sequence, lower run": {5, 9, aRun(3, marked(6, 0, true)), true},
		"lower sequence, higher run": {5, 3, aRun(9, marked(4, 0, true)), false},
		"equal sequence, higher run": {5, 3, aRun(9, marked(5, 0, true)), true},
		"equal sequence, lower run":  {5, 9, aRun(3, marked(5, 0, true)), false},
		"we have none":               {0, 3, aRun(9, marked(5, 0, true)), true},
		"they have none":             {5, 9, aRun(3), false},
		"no run of ours yet":         {0, 0, aRun(9), false},
		"theirs has moved":           {0, 5, aRun(9, marked(0, 3, true)), false},
		"theirs has moved, is newer": {0, 5, aRun(9, marked(0, 7, true)), true},
		"a cleanup":                  {5, 3, aRun(9, cleaning(7)), false},
		"another's text":             {0, 5, aRun(9, withCause("dci: or so")), true},
	}
	for name, tt := range tests {
		us := ours(tt.seq)
		us.first = tt.first
		if got := us.outdatedBy(tt.run); got != tt.want {
			t.Errorf("%s: %t, want %t", name, got, tt.want)
		}
	}
}

func TestSlots(t *testing.T) {
	t.Parallel()
	busy := []*Run{aRun(1), aRun(2, queued), aRun(3, onJob(elsewhere)), aRun(4, onJob(elsewhere+1), queued), aRun(5, onJob(elsewhere), queued), aRun(6, onJob(cloneOfSrc), func(r *Run) { r.Status = RunStarting })}
	tests := map[string]struct {
		account *Account
		rules   rules
		runs    []*Run
		want    Slots
		free    int
	}{
		"nothing":                  {anAccount(5), rulesOf(ModeAuto), nil, Slots{Limit: 5}, 5},
		"busy":                     {anAccount(5), rulesOf(ModeAuto), busy, Slots{5, 3, 1}, 1},
		"more than full":           {anAccount(2), rulesOf(ModeAuto), busy, Slots{2, 3, 1}, 0},
		"our own limit":            {anAccount(5), rules{mode: ModeAuto, maxRunSlots: 3}, busy, Slots{3, 3, 1}, 0},
		"a larger limit":           {anAccount(5), rules{mode: ModeAuto, maxRunSlots: 9}, busy, Slots{5, 3, 1}, 1},
		"not known":                {anAccount(0), rulesOf(ModeAuto), busy, Slots{0, 3, 1}, 0},
		"negative":                 {anAccount(-1), rulesOf(ModeAuto), busy, Slots{0, 3, 1}, 0},
		"forbidden":                {nil, rulesOf(ModeAuto), busy, Slots{0, 3, 1}, 0},
		"forbidden, our own limit": {nil, rules{mode: ModeAuto, maxRunSlots: 5}, busy, Slots{5, 3, 1}, 1},
		"native":                   {&Account{Plan: "enterprise", RunSlots: 5}, rulesOf(ModeAuto), busy, Slots{5, 1, 1}, 3},
		"unknown status":           {anAccount(5), rulesOf(ModeAuto), []*Run{aRun(1, func(r *Run) { r.Status = 7 })}, Slots{5, 1, 0}, 4},
	}
	for name, tt := range tests {
		s := snapshot{source: aSource(), runs: tt.runs, account: tt.account}
		got := s.slots(tt.rules)
		if diff := cmp.Diff(tt.want, got); diff != "" || got.Free() != tt.free {
			t.Errorf("%s: %d free, want %d (-want +got):\n%s", name, got.Free(), tt.free, diff)
		}
	}
}

func TestTurn(t *testing.T) {
	t.Parallel()
	waits, left := marked(0, 0, true), marked(0, 0, false)
	mine := aRun(50, queued, waits)
	tests := map[string]struct {
		slots int
		rules rules
		ours  *Run
		runs  []*Run
		want  turn
	}{
		"running":                 {5, rulesOf(ModeAuto), aRun(50), []*Run{aRun(1, ofPull(8))}, turn{}},
		"only a slot missing":     {5, rulesOf(ModeAuto), mine, []*Run{aRun(1, ofPull(8), onJob(elsewhere))}, turn{}},
		"before the others":       {5, rulesOf(ModeAuto), mine, []*Run{aRun(60, ofPull(8), queued)}, turn{}},
		"behind a running":        {5, rulesOf(ModeAuto), mine, []*Run{aRun(1, ofPull(8))}, turn{true, 1, 4}},
		"behind a higher running": {5, rulesOf(ModeAuto), mine, []*Run{aRun(60, ofPull(8))}, turn{true, 1, 4}},
		"behind a queued":         {5, rulesOf(ModeAuto), mine, []*Run{aRun(1, ofPull(8), queued)}, turn{true, 1, 4}},
		"behind who waits":        {5, rulesOf(ModeAuto), mine, []*Run{aRun(1, ofPull(8)), aRun(2, ofPull(9), queued, waits), aRun(3, ofPull(10), queued, waits), aRun(60, ofPull(11), queued, waits)}, turn{true, 3, 4}},
		"behind nobody who waits": {5, rulesOf(ModeAuto), mine, []*Run{aRun(1, ofPull(8)), aRun(2, ofPull(9), queued, left), aRun(3, ofPull(10), queued)}, turn{true, 1, 4}},
		"another job's queue":     {5, rulesOf(ModeAuto), mine, []*Run{aRun(1, ofPull(8)), aRun(2, ofPull(9), onJob(elsewhere)), aRun(3, ofPull(9), onJob(elsewhere), queued, waits)}, turn{true, 1, 3}},
		"no slot":                 {1, rulesOf(ModeAuto), mine, []*Run{aRun(1, ofPull(8))}, turn{true, 1, 0}},
		"slots not known":         {0, rulesOf(ModeAuto), mine, []*Run{aRun(1, ofPull(8))}, turn{true, 1, defaultClones}},
		"enough clones":           {5, rules{mode: ModeAuto, maxClones: 1}, mine, []*Run{aRun(1, ofPull(8)), aRun(2, ofPull(9), onJob(cloneOfSrc))}, turn{true, 1, 0}},
		"mode clone":              {1, rulesOf(ModeClone), mine, []*Run{aRun(1, ofPull(8))}, turn{true, 1, 1}},
	}
	for name, tt := range tests {
		runs := slices.SortedFunc(slices.Values(append(tt.runs, tt.ours)), func(a, b *Run) int { return int(a.ID - b.ID) })
		s := snapshot{source: aSource(), runs: runs, account: anAccount(tt.slots), detailed: true}
		if got := s.turn(tt.rules, tt.ours); got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*Job)
		want   string
	}{
		"none":             {func(*Job) {}, ""},
		"github webhook":   {func(j *Job) { j.Triggers.GitHubWebhook = true }, "webhook"},
		"provider webhook": {func(j *Job) { j.Triggers.GitProviderWebhook = true }, "webhook"},
		"no deferral":      {func(j *Job) { j.DeferringEnvironmentID = 0 }, "defers to nothing"},
		"legacy deferral":  {func(j *Job) { j.DeferringEnvironmentID, j.DeferringJobID = 0, 3 }, ""},
	}
	for name, tt := range tests {
		job := aSource()
		tt.change(job)
		got := strings.Join(warnings(job), "\n")
		if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestPlanString(t *testing.T) {
	t.Parallel()
	p := &Plan{Decision: OnClone, Reason: "the job is busy", Cancel: []int64{3, 4}, Schema: "pr_7", Warnings: []string{"careful"}}
	const want = "clone: the job is busy\n  cancel first: 3, 4\n  schema: pr_7\n  warning: careful"
	if got := p.String(); got != want {
		t.Errorf("plan reads\n%s\nwant\n%s", got, want)
	}
}

// anySnapshot draws what an account may look like.
func anySnapshot(t *rapid.T) *snapshot {
	n := rapid.IntRange(0, 12).Draw(t, "runs")
	s := &snapshot{source: aSource(), detailed: rapid.Bool().Draw(t, "detailed")}
	if s.detailed && rapid.Bool().Draw(t, "account seen") {
		s.account = &Account{RunSlots: rapid.IntRange(0, 8).Draw(t, "slots"), QueueLimit: 50, Plan: rapid.SampledFrom([]string{"starter_2025", "enterprise"}).Draw(t, "plan")}
	}
	s.obstacle = rapid.SampledFrom([]string{"", "", "", "a secret"}).Draw(t, "obstacle")
	for i := range n {
		r := aRun(int64(100+i), onJob(rapid.SampledFrom([]int64{srcJob, cloneOfSrc, cloneOfSrc + 1, elsewhere}).Draw(t, "job")),
			ofPull(rapid.SampledFrom([]int64{7, 7, 8, 0}).Draw(t, "pull request")), atSHA(rapid.SampledFrom([]int{1000, 1, 2}).Draw(t, "commit")),
			inProject(rapid.SampledFrom([]int64{2, 2, 2, 9}).Draw(t, "project")))
		r.Status = rapid.SampledFrom(Active()).Draw(t, "status")
		if rapid.Bool().Draw(t, "marked") && r.Trigger.GitHubPullRequestID > 0 {
			marked(rapid.Int64Range(0, 5).Draw(t, "sequence"), min(rapid.SampledFrom([]int64{0, 90, 99, 101, 105}).Draw(t, "first"), r.ID), rapid.Bool().Draw(t, "waiting"))(r)
		}
		if r.Trigger.GitHubPullRequestID == 0 && r.JobID == srcJob && rapid.Bool().Draw(t, "cleanup") {
			cleaning(7)(r)
		}
		s.runs = append(s.runs, r)
	}
	return s
}

func anyClaim(t *rapid.T) (claim, rules) {
	us := ours(rapid.Int64Range(0, 5).Draw(t, "our sequence"))
	us.first = rapid.SampledFrom([]int64{0, 0, 95, 103}).Draw(t, "our first")
	mode := rapid.SampledFrom([]Mode{ModeAuto, ModeNative, ModeClone, ModeQueue}).Draw(t, "mode")
	r := rulesOf(mode)
	r.maxRunSlots, r.maxClones = rapid.IntRange(0, 4).Draw(t, "max slots"), rapid.IntRange(0, 4).Draw(t, "max clones")
	return us, r
}

// What no decision may do, whatever there is to see.
func TestDecideProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := anySnapshot(t)
		us, r := anyClaim(t)
		p := decide(s, r, us)
		if diff := cmp.Diff(p, decide(s, r, us), cmp.AllowUnexported(Plan{})); diff != "" {
			t.Fatalf("decided differently:\n%s", diff)
		}
		byID := map[int64]*Run{}
		for _, run := range s.runs {
			byID[run.ID] = run
		}
		for _, id := range p.Cancel {
			checkCancel(t, byID[id], us)
		}
		if p.Decision == Superseded && len(p.Cancel) > 0 {
			t.Errorf("superseded, and cancels %v", p.Cancel)
		}
		for _, run := range s.cleanups(us) {
			if p.Decision != Superseded && !slices.Contains(p.Cancel, run.ID) {
				t.Errorf("%s, and leaves the cleanup %d beside it", p.Decision, run.ID)
			}
			if p.RunID == run.ID {
				t.Errorf("%s: the cleanup %d", p.Decision, run.ID)
			}
		}
		if p.Decision == Adopt && (byID[p.RunID].Trigger.GitSHA != us.change.SHA || slices.Contains(p.Cancel, p.RunID)) {
			t.Errorf("adopts %d, cancels %v", p.RunID, p.Cancel)
		}
		after := s.without(p.Cancel)
		if p.Decision == OnClone && (r.mode == ModeAuto && p.Slots.Limit > 0 && p.Slots.Free() == 0 || s.obstacle != "" || !s.detailed || after.busy() == nil) {
			t.Errorf("clones with %+v, obstacle %q", p.Slots, s.obstacle)
		}
		if (r.mode == ModeQueue || r.mode == ModeNative) && p.Decision == OnClone {
			t.Errorf("mode %s clones", r.mode)
		}
		if p.Decision == OnClone && after.clones() >= r.cloneLimit(p.Slots) {
			t.Errorf("clones beside %d", after.clones())
		}
		if p.Reason == "" || p.Schema != us.schema {
			t.Errorf("reason %q, schema %q", p.Reason, p.Schema)
		}
	})
}

// checkCancel checks one run that is to be cancelled: ours to cancel, and not newer.
func checkCancel(t *rapid.T, run *Run, us claim) {
	t.Helper()
	family := run.ProjectID == 2 && (run.JobID == srcJob || run.JobID == cloneOfSrc || run.JobID == cloneOfSrc+1)
	_, cleanup := cleanupOf(run)
	if !family || run.Trigger.GitHubPullRequestID != 7 && !cleanup {
		t.Errorf("cancels run %d of job %d, project %d, pull request %d", run.ID, run.JobID, run.ProjectID, run.Trigger.GitHubPullRequestID)
	}
	m, _ := parseMarker(run.Trigger.Cause)
	if us.change.Sequence > 0 && m.seq > us.change.Sequence && run.Trigger.GitSHA != us.change.SHA {
		t.Errorf("cancels run %d with sequence %d, ours is %d", run.ID, m.seq, us.change.Sequence)
	}
}

// A number that two branches use is told of, whatever else is done.
func TestSharedNumber(t *testing.T) {
	t.Parallel()
	of := func(branch string) runOption { return func(r *Run) { r.Trigger.GitBranch = branch } }
	tests := map[string]struct {
		branch string
		runs   []*Run
		want   string
	}{
		"ours":            {"feature", []*Run{aRun(1, of("feature"))}, ""},
		"ours, as a ref":  {"refs/heads/feature", []*Run{aRun(1, of("feature"))}, ""},
		"another":         {"feature", []*Run{aRun(1, of("feature")), aRun(2, of("fix\n::x"))}, `run 2 of github#7 is of the branch "fix\n::x", this change of "feature"`},
		"another, newer":  {"feature", []*Run{aRun(1, of("fix"), marked(9, 0, true))}, `run 1 of github#7 is of the branch "fix"`},
		"ours is unknown": {"", []*Run{aRun(1, of("fix"))}, ""},
		"theirs is":       {"feature", []*Run{aRun(1)}, ""},
		"another number":  {"feature", []*Run{aRun(1, ofPull(8), of("fix"))}, ""},
		"another job":     {"feature", []*Run{aRun(1, onJob(elsewhere), of("fix"))}, ""},
	}
	for name, tt := range tests {
		us := ours(5)
		us.change.Branch = tt.branch
		got := strings.Join(decide(&snapshot{source: aSource(), runs: tt.runs}, rulesOf(ModeAuto), us).Warnings, "\n")
		if (got == "") != (tt.want == "") || !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// A cause that was copied from another run says nothing of this one.
func TestMarkerOf(t *testing.T) {
	t.Parallel()
	of := func(pr int64, sha12 string, first int64) runOption {
		return withCause(marker{source: srcJob, pr: PullRequest{GitHub, pr}, sha12: sha12, seq: 9, nonce: "theirs22", first: first}.cause("text"))
	}
	sha12 := shaOf(200)[:12]
	tests := map[string]struct {
		run  *Run
		want bool
	}{
		"its own":               {aRun(200, of(7, sha12, 0)), true},
		"moved":                 {aRun(200, of(7, sha12, 100)), true},
		"a branch":              {aRun(200, of(7, "", 0)), true},
		"the commit is unknown": {aRun(200, of(7, sha12, 0), func(r *Run) { r.Trigger.GitSHA = "" }), true},
		"another pull request":  {aRun(200, of(8, sha12, 0)), false},
		"another host":          {aRun(200, of(7, sha12, 0), func(r *Run) { r.Trigger = &RunTrigger{GitLabMergeRequestID: 7, Cause: r.Trigger.Cause} }), false},
		"another commit":        {aRun(200, of(7, "abcdefabcdef", 0)), false},
		"a run yet to come":     {aRun(200, of(7, sha12, 201)), false},
		"none":                  {aRun(200), false},
	}
	for name, tt := range tests {
		_, ok := markerOf(tt.run)
		seq, first := order(tt.run)
		if ok != tt.want || (seq == 9) != tt.want || !tt.want && first != tt.run.ID {
			t.Errorf("%s: counts %t, sequence %d, first run %d", name, ok, seq, first)
		}
	}
}

// Of two changes exactly one is newer, whoever asks, once both have a run.
func TestOrderIsTheSameForBoth(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		side := func(name string, id int64) (*Run, claim) {
			seq := rapid.Int64Range(0, 3).Draw(t, name+" sequence")
			first := rapid.SampledFrom([]int64{id, id, id - 50}).Draw(t, name+" first")
			us := ours(seq)
			us.first = first
			return aRun(id, marked(seq, first, true)), us
		}
		aRun, a := side("a", 100)
		bRun, b := side("b", 101)
		if a.outdatedBy(bRun) == b.outdatedBy(aRun) {
			t.Errorf("a is outdated by b: %t, b by a: %t", a.outdatedBy(bRun), b.outdatedBy(aRun))
		}
		if outranks(aRun, bRun) != b.outdatedBy(aRun) || outranks(bRun, aRun) != a.outdatedBy(bRun) {
			t.Errorf("ranks %t and %t", outranks(aRun, bRun), outranks(bRun, aRun))
		}
	})
}

// A queued run that is nobody's candidate today never moves; ranks are given once.
func TestTurnProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := anySnapshot(t)
		_, r := anyClaim(t)
		ranks := map[int64]map[int]bool{}
		for _, run := range s.runs {
			turn := s.turn(r, run)
			m, ok := parseMarker(run.Trigger.Cause)
			if turn.candidate && (run.Status != RunQueued || s.blocker(run) == nil) {
				t.Errorf("run %d is %s and a candidate", run.ID, run.Status)
			}
			if !turn.candidate || !ok || !m.waiting {
				continue
			}
			if ranks[run.JobID] == nil {
				ranks[run.JobID] = map[int]bool{}
			}
			if ranks[run.JobID][turn.rank] {
				t.Errorf("two candidates of job %d have the rank %d", run.JobID, turn.rank)
			}
			ranks[run.JobID][turn.rank] = true
			if slots := s.slots(r); slots.Limit > 0 && r.mode != ModeClone && turn.room > slots.Free() {
				t.Errorf("room for %d, %d slots are free", turn.room, slots.Free())
			}
		}
	})
}
