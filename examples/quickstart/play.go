package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// What the fake takes its time for, and how often runners look.
const (
	startDelay  seconds = 15 // from a run slot to the start
	cancelDelay seconds = 5  // from the cancel to the end
	lookEvery   seconds = 10
)

// shortestLook keeps many runners from keeping the machine busy with looking.
const shortestLook = 30 * time.Millisecond

// stage is where one mode runs: a fake, the way to it, and a clock.
type stage struct {
	fake    *dbtcloudtest.Server
	connect func() (*dbtcloud.Client, error)
	jobID   int64 // the Slim CI job
	start   time.Time
	speed   float64 // seconds shown for one that passes
}

// runner is what one CI job does for one push.
type runner func(ctx context.Context, s *stage, client *dbtcloud.Client, p push) error

// playBoth runs both modes at the same time, each on a fake of its own.
func playBoth(ctx context.Context, d document, pushes []push) (slim, autoscaling mode, err error) {
	var wg sync.WaitGroup
	var slimErr, autoErr error
	wg.Go(func() { slim, slimErr = play(ctx, d, pushes, triggerOnly) })
	wg.Go(func() { autoscaling, autoErr = play(ctx, d, pushes, autoscale) })
	wg.Wait()
	return slim, autoscaling, errors.Join(slimErr, autoErr)
}

// play runs one mode over HTTP.
func play(ctx context.Context, d document, pushes []push, do runner) (mode, error) {
	s := newStage(d, pushes)
	stop, err := s.serve(ctx)
	if err != nil {
		return mode{}, err
	}
	defer stop()
	return s.perform(ctx, pushes, do)
}

// perform starts a runner for each push when its time has come, and returns what the
// fake recorded when all have ended.
func (s *stage) perform(ctx context.Context, pushes []push, do runner) (mode, error) {
	s.start = time.Now()
	problems := make([]error, len(pushes))
	var wg sync.WaitGroup
	for i, p := range pushes {
		wg.Go(func() { problems[i] = s.runner(ctx, p, do) })
	}
	wg.Wait()
	return s.record(pushes), errors.Join(problems...)
}

func newStage(d document, pushes []push) *stage {
	s := &stage{speed: d.speed()}
	lengths := map[string]seconds{}
	for _, p := range pushes {
		lengths[p.SHA] = p.RunLength
	}
	s.fake = dbtcloudtest.New(
		dbtcloudtest.WithRunSlots(d.Slots),
		dbtcloudtest.WithQueueLimit(0),
		dbtcloudtest.WithStartDelay(dbtcloudtest.Fixed(0), dbtcloudtest.Fixed(s.real(startDelay))),
		dbtcloudtest.WithCancelLatency(dbtcloudtest.Fixed(s.real(cancelDelay))),
		dbtcloudtest.WithRunTime(func(r dbtcloudtest.Run) dbtcloudtest.Outcome {
			return dbtcloudtest.Outcome{Duration: s.real(lengths[r.SHA])}
		}))
	s.jobID = s.fake.AddJob(dbtcloudtest.JobSpec{Name: "Slim CI"})
	return s
}

// serve opens a port of loopback and connects to it; stop closes it.
func (s *stage) serve(ctx context.Context) (stop func(), err error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening a port of 127.0.0.1 for the fake dbt Cloud: %w", err)
	}
	s.connect = func() (*dbtcloud.Client, error) {
		return dbtcloud.New(dbtcloud.WithHost("http://"+listener.Addr().String()),
			dbtcloud.WithAccount(s.fake.AccountID()), dbtcloud.WithToken(s.fake.Token()))
	}
	server := &http.Server{Handler: s.fake, ReadHeaderTimeout: 10 * time.Second}
	var wg sync.WaitGroup
	wg.Go(func() { _ = server.Serve(listener) }) // ends with Close; until then the runners would notice
	return func() { _ = server.Close(); wg.Wait() }, nil
}

// runner waits for the time of the push and does what CI does, with a client of its own.
func (s *stage) runner(ctx context.Context, p push, do runner) error {
	client, err := s.connect()
	if err != nil {
		return err
	}
	select {
	case <-time.After(time.Until(s.start.Add(s.real(p.At)))):
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := do(ctx, s, client, p); err != nil {
		return fmt.Errorf("commit %s: %w", p.Commit, err)
	}
	return nil
}

// triggerOnly is Slim CI alone: like the webhook of a git host, each push triggers
// the job, whatever else is going on.
func triggerOnly(ctx context.Context, s *stage, client *dbtcloud.Client, p push) error {
	run, err := client.Jobs.Trigger(ctx, s.jobID, dbtcloud.Trigger{
		Cause:          "commit " + p.Commit,
		PullRequest:    dbtcloud.PullRequest{Host: dbtcloud.GitHub, Number: p.PullRequest},
		GitSHA:         p.SHA,
		SchemaOverride: fmt.Sprintf("dbt_cloud_pr_%d_%d", s.jobID, p.PullRequest),
	})
	if err != nil {
		return err
	}
	_, err = client.Runs.Wait(ctx, run.ID, s.poll())
	return err
}

// autoscale is Autoscaling CI: what the pipeline of each push does. That a newer
// commit replaced this one is no failure.
func autoscale(ctx context.Context, s *stage, client *dbtcloud.Client, p push) error {
	ci := dbtcloud.AutoscaleCI{Client: client, JobID: s.jobID, Poll: s.poll()}
	run, err := ci.Trigger(ctx, dbtcloud.Change{
		PullRequest: dbtcloud.PullRequest{Host: dbtcloud.GitHub, Number: p.PullRequest},
		SHA:         p.SHA,
		Sequence:    p.Sequence,
	})
	if err != nil {
		return err
	}
	_, err = run.Wait(ctx)
	if errors.Is(err, dbtcloud.ErrSuperseded) || errors.Is(err, dbtcloud.ErrRunCancelled) {
		return nil
	}
	return err
}

func (s *stage) poll() dbtcloud.Poll {
	every := looks(s.speed)
	return dbtcloud.Poll{First: every / 3, Interval: every}
}

// looks is how long a runner pauses between two looks.
func looks(speed float64) time.Duration {
	return max(lookEvery.real(speed), shortestLook)
}

func (s *stage) real(t seconds) time.Duration { return t.real(s.speed) }

// real is how long shown seconds really take.
func (t seconds) real(speed float64) time.Duration {
	return time.Duration(float64(t) / speed * float64(time.Second))
}
