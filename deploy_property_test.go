package dbtcloud_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
	"github.com/slimci/dbtcloud/internal/invariants"
)

// mergeSchedule is everything that is random about one play of [mergePlay].
type mergeSchedule struct {
	Seed    uint64
	Server  serverPlan
	Plans   []mergePlan
	Foreign []dbtcloudtest.RunSpec
	At      []time.Duration // of the foreign runs
	Faults  []dbtcloudtest.Fault
}

// mergePlan is one runner: what it deploys, and how it fares.
type mergePlan struct {
	runnerPlan // its change, family and most settings do not count
	Merge      dbtcloud.Merge
	Every      bool
}

func mergeSchedules() *rapid.Generator[mergeSchedule] {
	return rapid.Custom(func(t *rapid.T) mergeSchedule {
		w := weather(rapid.IntRange(0, int(weathers)-1).Draw(t, "weather"))
		s := mergeSchedule{Seed: rapid.Uint64().Draw(t, "seed"), Server: drawServer(t, w)}
		for _, branch := range []string{"main", "release"}[:rapid.IntRange(1, 2).Draw(t, "branches")] {
			s.Plans = append(s.Plans, drawMerges(t, w, branch)...)
		}
		for range rapid.SampledFrom([]int{0, 1, 2, 4}).Draw(t, "foreign runs") {
			like := rapid.SampledFrom(s.Plans).Draw(t, "like").Merge
			cause := rapid.SampledFrom([]string{"scheduled", "Commit " + like.SHA, "dcd:0123456789ab." + like.SHA[:12] + ".1.abcdefgh.c Commit"}).Draw(t, "cause")
			s.Foreign = append(s.Foreign, dbtcloudtest.RunSpec{SHA: like.SHA, Branch: like.Branch, Cause: cause})
			s.At = append(s.At, drawUpTo(t, "at", 20*time.Minute))
		}
		if w == stormy {
			s.Faults = drawFaults(t)
		}
		return s
	})
}

// drawMerges draws the merges into one branch, and the runners of each. Either all have a sequence or none has; a merge may
// bring a commit that was there before.
func drawMerges(t *rapid.T, w weather, branch string) []mergePlan {
	numbered, every := one(t, 4, "without sequences"), one(t, 6, "every")
	at := drawUpTo(t, "first merge", 5*time.Minute)
	var plans []mergePlan
	for n := range rapid.IntRange(1, 6).Draw(t, "merges") {
		commit := n + 1
		if one(t, 6, "again") {
			commit = rapid.IntRange(1, n+1).Draw(t, "commit")
		}
		m := dbtcloud.Merge{SHA: fmt.Sprintf("%08x%032x", commit, commit), Branch: branch}
		if !numbered {
			m.Sequence = int64(n + 1)
		}
		for range rapid.SampledFrom([]int{1, 1, 1, 2, 3}).Draw(t, "runners") {
			plans = append(plans, mergePlan{runnerPlan: drawRunner(t, w, runnerPlan{Start: at}), Merge: m, Every: every})
		}
		at += rapid.SampledFrom([]time.Duration{0, time.Second, 10 * time.Second, time.Minute, 5 * time.Minute}).Draw(t, "gap")
	}
	return plans
}

// mergePlay is a schedule on its way through a fake dbt Cloud.
type mergePlay struct {
	s       mergeSchedule
	server  *dbtcloudtest.Server
	job     int64
	runners []*mergeRunner
	wg      sync.WaitGroup
}

type mergeRunner struct {
	mergePlan
	tap   *tap
	begun time.Time
	x     *dbtcloud.Deployment
	err   error
	cut   bool
}

// newMergePlay must be called inside a bubble of synctest.
func newMergePlay(s mergeSchedule) *mergePlay {
	p := &mergePlay{s: s, server: dbtcloudtest.New(serverOptions(schedule{Seed: s.Seed, Server: s.Server})...)}
	p.job = p.server.AddJob(dbtcloudtest.JobSpec{Name: "Production", JobType: "other"})
	time.Sleep(time.Minute) // lists catch up with it
	for i, spec := range s.Foreign {
		spec.JobID = p.job
		p.server.At(time.Now().Add(s.At[i]), func(s *dbtcloudtest.Server) { s.AddRun(spec) })
	}
	for _, f := range s.Faults {
		p.server.Inject(f)
	}
	return p
}

// run plays all runners to their ends, and lets the account come to rest.
func (p *mergePlay) run(t *testing.T) {
	for i, plan := range p.s.Plans {
		r := &mergeRunner{mergePlan: plan, tap: &tap{server: p.server.Transport(), seed: p.s.Seed, runner: i, net: p.s.Server.Net, page: p.s.Server.PageSize,
			killAt: plan.KillAt, ofWrites: plan.OfWrites, afterWork: plan.KillWork}}
		p.runners = append(p.runners, r)
		p.wg.Go(func() { p.fare(t, r) })
	}
	p.wg.Wait()
	p.server.ClearFaults()
	for range 100 {
		time.Sleep(10 * time.Minute)
		if !slices.ContainsFunc(p.server.Runs(), func(r dbtcloudtest.Run) bool { return !r.Status.Terminal() }) {
			return
		}
	}
}

// fare is the life of a runner.
func (p *mergePlay) fare(t *testing.T, r *mergeRunner) {
	time.Sleep(r.Start)
	limited, done := context.WithTimeoutCause(context.Background(), lifetime, errLifetime)
	defer done()
	ctx, kill := context.WithCancelCause(limited)
	defer kill(nil)
	r.tap.kill = func() { kill(errKilled) }
	if r.Leave > 0 {
		defer time.AfterFunc(r.Leave, func() { kill(errLeft) }).Stop()
	}
	client, err := p.server.Client(dbtcloud.WithHTTPClient(&http.Client{Transport: r.tap}), dbtcloud.WithRetry(dbtcloud.Retry{MinDelay: 1, MaxDelay: 1}))
	if err != nil {
		t.Error(err)
	}
	d := &dbtcloud.Deployer{Client: client, JobID: p.job, Every: r.Every, NoWait: r.Settings.NoWait, Poll: dbtcloud.Poll{Interval: r.Settings.Poll}}
	r.begun = time.Now()
	if r.x, r.err = d.Trigger(ctx, r.Merge); r.err == nil && !r.Settings.NoWait {
		_, r.err = r.x.Wait(ctx)
	}
	r.cut = ctx.Err() != nil
	if errors.Is(context.Cause(ctx), errLifetime) {
		t.Error(errLifetime)
	}
}

// history is what happened, without the help of the code under test.
func (p *mergePlay) history() *invariants.Deployments {
	c := p.s.Server
	h := &invariants.Deployments{Timing: invariants.Timing{ListLag: c.Lag, CancelLatency: c.Cancel, Requests: 10*c.Net + 3*c.ReadLag + time.Duration(1+c.ReadMisses)*5*time.Second}}
	faults, by := map[int64]bool{}, map[string]int{}
	for _, r := range p.server.Requests() {
		faults[r.At.UnixNano()] = r.Fault != ""
	}
	for i, r := range p.runners {
		looked := map[int64]time.Time{}
		faulty := false
		for _, e := range r.tap.log {
			faulty = faulty || faults[e.at.UnixNano()]
			id := int64(0)
			if m := idInPath.FindStringSubmatch(e.path); m != nil {
				id, _ = strconv.ParseInt(m[2], 10, 64)
			}
			switch {
			case e.method == http.MethodGet:
				looked[id] = e.at
			case strings.HasSuffix(e.path, "/cancel/"):
				h.Stops = append(h.Stops, invariants.Stop{By: i, At: e.at, Run: id, Looked: looked[id]})
			default:
				var body struct{ Cause string }
				_ = json.Unmarshal(e.body, &body)
				by[body.Cause] = i
			}
		}
		h.Runners = append(h.Runners, r.deploying(i, faulty))
	}
	for _, r := range p.server.Runs() {
		run := invariants.Deployed{ID: r.ID, SHA: r.SHA, By: -1, Created: r.CreatedAt, Begun: r.DequeuedAt, Finished: r.FinishedAt, Completed: r.Status != dbtcloudtest.Cancelled}
		if i, ours := by[r.Cause]; ours {
			of := p.runners[i]
			run.By, run.Line, run.Sequence, run.Every = i, of.Merge.Branch, of.Merge.Sequence, of.Every
		}
		h.Runs = append(h.Runs, run)
	}
	return h
}

func (r *mergeRunner) deploying(i int, faulty bool) invariants.Deploying {
	d := invariants.Deploying{Name: fmt.Sprintf("runner %d (%s)", i, r.Merge), Line: r.Merge.Branch, SHA: r.Merge.SHA, Sequence: r.Merge.Sequence, Every: r.Every,
		Waits: !r.Settings.NoWait, Begun: r.begun, Poll: r.Settings.Poll, Faulty: faulty}
	if r.x != nil && r.x.Run != nil {
		d.Run = r.x.Run.ID
	}
	if r.err != nil {
		d.Text = r.err.Error()
	}
	_, ended := errors.AsType[*dbtcloud.RunFailedError](r.err)
	switch {
	case r.tap.dead || r.cut:
		d.Fate = invariants.Gone
	case r.x.SupersededBy != 0:
		d.Fate, d.By = invariants.Superseded, r.x.SupersededBy
	case r.err == nil, ended && !errors.Is(r.err, dbtcloud.ErrRunCancelled):
		d.Fate = invariants.Followed
	default:
		d.Fate, d.Refused = invariants.GaveUp, errors.Is(r.err, dbtcloud.ErrConflict)
	}
	return d
}

// mergeTally is what the judgements of all schedules add up to.
type mergeTally struct {
	mu                                               sync.Mutex
	judged, exempt, runs, stops, adopted, superseded int
}

// TestDeploymentInvariants plays random schedules of merges against the fake in virtual time and judges their histories. A
// failure names the number of its schedule, which is played the same way each time.
func TestDeploymentInvariants(t *testing.T) {
	t.Parallel()
	from, to := chosen(t, 50, 200, 2000, 20000)
	total := &mergeTally{}
	t.Run("schedules", func(t *testing.T) {
		const batch = 50
		for first := from; first <= to; first += batch {
			end := min(first+batch-1, to)
			t.Run(fmt.Sprintf("%d-%d", first, end), func(t *testing.T) {
				t.Parallel()
				for n := first; n <= end; n++ {
					if problems, story := playMerges(t, n, total); len(problems) > 0 {
						t.Errorf("schedule %d (%s=%d plays it alone):\n%s\n%s", n, schedulesVariable, n, strings.Join(problems, "\n"), story)
					}
				}
			})
		}
	})
	t.Logf("%d schedules, %d runs, %d cancels, %d adoptions, %d superseded; %d branches judged, %d exempt",
		to-from+1, total.runs, total.stops, total.adopted, total.superseded, total.judged, total.exempt)
	if to-from >= 49 && (min(total.stops, total.adopted, total.superseded) == 0 || total.exempt > total.judged) {
		t.Error("the schedules show too little: see the counts above")
	}
}

func playMerges(t *testing.T, n int, total *mergeTally) (problems []string, story string) {
	s := mergeSchedules().Example(n)
	synctest.Test(t, func(t *testing.T) {
		p := newMergePlay(s)
		p.run(t)
		h := p.history()
		newest, judged, exempt := h.Newest()
		problems = slices.Concat(h.Always(), newest, h.Order())
		total.mu.Lock()
		defer total.mu.Unlock()
		total.judged, total.exempt, total.runs, total.stops = total.judged+judged, total.exempt+exempt, total.runs+len(h.Runs), total.stops+len(h.Stops)
		for i, r := range p.runners {
			total.adopted += count(r.x != nil && r.x.Adopted)
			total.superseded += count(h.Runners[i].Fate == invariants.Superseded)
		}
		if len(problems) > 0 {
			story = p.story(h)
		}
	})
	return problems, story
}

// story is what happened, as people read it.
func (p *mergePlay) story(h *invariants.Deployments) string {
	var b strings.Builder
	for _, e := range p.server.History() {
		r, _ := p.server.Run(e.RunID)
		fmt.Fprintf(&b, "%s %s run %d %s %.8s %s %s\n", e.At.Format("15:04:05.000"), e.Kind, e.RunID, r.Branch, r.SHA, e.By, e.Reason)
	}
	for i, r := range p.runners {
		for _, e := range r.tap.log {
			fmt.Fprintf(&b, "%s runner %d %s %s\n", e.at.Format("15:04:05.000"), i, e.method, e.path)
		}
	}
	for _, c := range h.Stops {
		fmt.Fprintf(&b, "%s %s cancels run %d\n", c.At.Format("15:04:05.000"), h.Runners[c.By].Name, c.Run)
	}
	for i, r := range h.Runners {
		fmt.Fprintf(&b, "%s %s: fate %d, run %d, by %d, adopted %t, waits %t, every %t: %s\n", r.Begun.Format("15:04:05.000"), r.Name, r.Fate, r.Run, r.By,
			p.runners[i].x != nil && p.runners[i].x.Adopted, r.Waits, r.Every, r.Text)
	}
	return b.String()
}
