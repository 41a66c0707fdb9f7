package dbtcloud_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
	"github.com/slimci/dbtcloud/internal/invariants"
)

// play is a schedule on its way through a fake dbt Cloud.
type play struct {
	s       schedule
	server  *dbtcloudtest.Server
	sources []int64
	jobs    [foreignJobs]int64
	runners []*runner
	wg      sync.WaitGroup
}

// runner is one invocation as it fares.
type runner struct {
	runnerPlan
	name         string
	tap          *tap
	begun, ended time.Time
	run          *dbtcloud.CIRun
	report       dbtcloud.CloseReport
	err          error
	cut          bool // its context ended before it did
}

// lifetime bounds a runner: none may go on for ever.
const lifetime = 24 * time.Hour

var (
	errKilled   = errors.New("the runner was killed")
	errLeft     = errors.New("the pipeline was cancelled")
	errLifetime = errors.New("the runner does not come to an end")
)

// newPlay must be called inside a bubble of synctest.
func newPlay(s schedule) *play {
	p := &play{s: s, server: dbtcloudtest.New(serverOptions(s)...)}
	for range s.Server.Families {
		source := p.server.AddJob(dbtcloudtest.JobSpec{Name: "Slim CI"})
		p.sources = append(p.sources, source)
		if s.Server.Override {
			p.server.AddEnvVarOverride(source, "DBT_TARGET_SCHEMA", "ci")
		}
		if s.Server.Secret {
			p.server.AddEnvVarOverride(source, "DBT_ENV_SECRET_KEY", "hidden")
		}
	}
	p.jobs = [foreignJobs]int64{
		onSource:       p.sources[0],
		onProduction:   p.server.AddJob(dbtcloudtest.JobSpec{Name: "Production", JobType: "scheduled"}),
		onOtherProject: p.server.AddJob(dbtcloudtest.JobSpec{Name: "Slim CI", ProjectID: 77, EnvironmentID: 78}),
		onNamesake:     p.server.AddJob(dbtcloudtest.JobSpec{Name: fmt.Sprintf("dbtcloud-ci:%d:github:1 copy", p.sources[0])}),
	}
	time.Sleep(time.Minute) // lists catch up with it
	for _, f := range s.Foreign {
		p.server.At(time.Now().Add(f.At), func(s *dbtcloudtest.Server) {
			s.AddRun(dbtcloudtest.RunSpec{JobID: p.jobs[f.Job], PullRequest: f.PR, SHA: f.SHA, Schema: fmt.Sprintf("dbt_cloud_pr_%d_%d", p.sources[0], f.PR.Number)})
		})
	}
	for _, f := range s.Faults {
		p.server.Inject(f)
	}
	return p
}

func serverOptions(s schedule) []dbtcloudtest.Option {
	c := s.Server
	upTo := func(d time.Duration) dbtcloudtest.Delay { return dbtcloudtest.Between(0, d) }
	opts := []dbtcloudtest.Option{
		dbtcloudtest.WithSeed(s.Seed), dbtcloudtest.WithRunSlots(c.Slots), dbtcloudtest.WithQueueLimit(c.QueueLimit),
		dbtcloudtest.WithListLag(upTo(c.Lag)), dbtcloudtest.WithCancelLatency(upTo(c.Cancel)), dbtcloudtest.WithStartDelay(upTo(c.Queued), upTo(c.Starting)),
		dbtcloudtest.WithReadLag(c.ReadLag), dbtcloudtest.WithReadMisses(c.ReadMisses), dbtcloudtest.WithCIConcurrency(c.Native),
		dbtcloudtest.WithRefusal(dbtcloudtest.RefuseQueueFull, http.StatusConflict, "the queue is full"), // a 400 is left to the schema
		dbtcloudtest.WithRunTime(func(r dbtcloudtest.Run) dbtcloudtest.Outcome {
			how := mix(s.Seed, "run", r.ID)
			status := dbtcloudtest.Success
			if how%5 == 0 {
				status = dbtcloudtest.Error
			}
			return dbtcloudtest.Outcome{Duration: c.Running/4 + time.Duration(how%uint64(c.Running)), Status: status}
		}),
	}
	if c.Native {
		opts = append(opts, dbtcloudtest.WithPlan("enterprise_2025"))
	}
	if c.Forbidden {
		opts = append(opts, dbtcloudtest.WithAccountForbidden())
	}
	if c.Noise {
		opts = append(opts, dbtcloudtest.WithNoise())
	}
	if c.StringIDs {
		opts = append(opts, dbtcloudtest.WithStringIDs())
	}
	if c.Envelope {
		opts = append(opts, dbtcloudtest.WithDeletes(dbtcloudtest.Envelope))
	}
	if c.DeletedJobs {
		opts = append(opts, dbtcloudtest.WithDeletedJobs())
	}
	return opts
}

// mix is a number that depends on its arguments alone.
func mix(parts ...any) uint64 {
	h := fnv.New64a()
	_, _ = fmt.Fprintln(h, parts...)
	x := h.Sum64()
	x ^= x >> 31
	x *= 0x9e3779b97f4a7c15
	return x ^ x>>29
}

// ci is an AutoscaleCI whose requests go through a tap of their own.
func (p *play) ci(t *testing.T, plan runnerPlan, wire http.RoundTripper) *dbtcloud.AutoscaleCI {
	client, err := p.server.Client(
		dbtcloud.WithHTTPClient(&http.Client{Transport: wire}),
		// The backoff is left to the latency of requests, which is not random from one play to the next.
		dbtcloud.WithRetry(dbtcloud.Retry{MinDelay: 1, MaxDelay: 1}),
	)
	if err != nil {
		t.Error(err)
	}
	c := plan.Settings
	a := &dbtcloud.AutoscaleCI{
		Client: client, JobID: p.sources[plan.Family], Mode: c.Mode, NoMove: c.NoMove, MaxRunSlots: c.Slots, MaxClones: c.Clones,
		KeepClone: c.Keep, NoWait: c.NoWait, Poll: dbtcloud.Poll{Interval: c.Poll},
		Overrides: dbtcloud.Trigger{SchemaOverride: c.Schema},
	}
	if c.Detach {
		a.OnLeave = dbtcloud.LeaveDetach
	}
	return a
}

// run plays all runners to their ends, lets the account come to rest and looks at it once more.
func (p *play) run(t *testing.T) {
	for i, plan := range p.s.Plans {
		r := &runner{runnerPlan: plan, name: fmt.Sprintf("runner %d (%s %.8s seq %d)", i, plan.Change.PullRequest, plan.Change.SHA, plan.Change.Sequence)}
		r.tap = &tap{server: p.server.Transport(), seed: p.s.Seed, runner: i, net: p.s.Server.Net, page: p.s.Server.PageSize, killAt: plan.KillAt, ofWrites: plan.OfWrites, afterWork: plan.KillWork}
		p.runners = append(p.runners, r)
		p.wg.Go(func() { p.fare(t, r) })
	}
	p.wg.Wait()
	p.server.ClearFaults()
	for range 100 {
		time.Sleep(10 * time.Minute)
		if !p.busy() {
			break
		}
	}
}

func (p *play) busy() bool {
	for _, r := range p.server.Runs() {
		if !r.Status.Terminal() {
			return true
		}
	}
	return false
}

// fare is the life of a runner.
func (p *play) fare(t *testing.T, r *runner) {
	time.Sleep(r.Start)
	limited, done := context.WithTimeoutCause(context.Background(), lifetime, errLifetime)
	defer done()
	ctx, kill := context.WithCancelCause(limited)
	defer kill(nil)
	r.tap.kill = func() { kill(errKilled) }
	if r.Leave > 0 {
		defer time.AfterFunc(r.Leave, func() { kill(errLeft) }).Stop()
	}
	a := p.ci(t, r.runnerPlan, r.tap)
	r.begun = time.Now()
	if r.Close {
		what := dbtcloud.Closing{PullRequest: r.Change.PullRequest, SHA: r.Change.SHA, Sequence: r.Change.Sequence}
		if r.Cleanup {
			what.CleanupSteps = []string{"dbt run-operation drop_pr_schema"}
		}
		r.report, r.err = a.Close(ctx, what)
	} else if r.run, r.err = a.Trigger(ctx, r.Change); r.err == nil && !r.Settings.NoWait {
		_, r.err = r.run.Wait(ctx)
	}
	r.ended, r.cut = time.Now(), ctx.Err() != nil
	if errors.Is(context.Cause(ctx), errLifetime) {
		t.Errorf("%s: %v", r.name, errLifetime)
	}
}

// laterInvocation is one more change, after everything has come to rest; then everything may be swept.
func (p *play) laterInvocation(t *testing.T, family int) *dbtcloud.AutoscaleCI {
	plan := runnerPlan{Family: family, Change: dbtcloud.Change{PullRequest: dbtcloud.PullRequest{Host: dbtcloud.GitHub, Number: 9999}, Branch: "later"}}
	a := p.ci(t, plan, p.server.Transport())
	r, err := a.Trigger(context.Background(), plan.Change)
	if err == nil {
		_, err = r.Wait(context.Background())
	}
	if failed := new(dbtcloud.RunFailedError); err != nil && !errors.As(err, &failed) {
		t.Errorf("the later invocation fails: %v", err)
	}
	return a
}

// fate tells how an invocation ended, and why if it gave up.
func (r *runner) fate() (invariants.Fate, invariants.Reason) {
	failed, refused := new(dbtcloud.RunFailedError), new(dbtcloud.Error)
	switch {
	case r.tap.dead || r.cut:
		return invariants.Gone, 0
	case errors.Is(r.err, dbtcloud.ErrSuperseded), r.run != nil && r.run.Decision == dbtcloud.Superseded:
		return invariants.Superseded, 0
	case r.err == nil, errors.As(r.err, &failed):
		return invariants.Followed, 0
	case errors.Is(r.err, dbtcloud.ErrQueueFull), errors.As(r.err, &refused) && refused.StatusCode == http.StatusConflict:
		return invariants.GaveUp, invariants.QueueFull
	case strings.Contains(r.err.Error(), "has not ended"):
		return invariants.GaveUp, invariants.Stuck
	}
	return invariants.GaveUp, invariants.Unknown
}
