package dbtcloud_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// stage is a fake dbt Cloud with one Slim CI job, in virtual time.
type stage struct {
	*dbtcloudtest.Server
	t   testing.TB
	job int64
}

const runTime = 5 * time.Minute // of every run, unless a test says otherwise

// Routes of the fake, as faults name them.
const (
	routeTrigger  = "POST /api/v2/accounts/{account}/jobs/{id}/run/"
	routeCreate   = "POST /api/v2/accounts/{account}/jobs/"
	routeJob      = "GET /api/v2/accounts/{account}/jobs/{id}/"
	routeRun      = "GET /api/v2/accounts/{account}/runs/{id}/"
	routeRuns     = "GET /api/v2/accounts/{account}/runs/"
	routeCancel   = "POST /api/v2/accounts/{account}/runs/{id}/cancel/"
	routeAccount  = "GET /api/v2/accounts/{account}/"
	routeVars     = "GET /api/v3/accounts/{account}/projects/{project}/environment-variables/job/"
	routeOverride = "POST /api/v3/accounts/{account}/projects/{project}/environment-variables/"
)

// realistic is how the service was seen to behave: answers take a moment, lists lag
// behind, and a cancel takes its time.
func realistic() []dbtcloudtest.Option {
	return []dbtcloudtest.Option{
		dbtcloudtest.WithLatency(dbtcloudtest.Between(50*time.Millisecond, 150*time.Millisecond)),
		dbtcloudtest.WithListLag(dbtcloudtest.Between(0, time.Second)),
		dbtcloudtest.WithCancelLatency(dbtcloudtest.Between(2*time.Second, 6*time.Second)),
	}
}

// newStage must be called inside a bubble of synctest.
func newStage(t testing.TB, opts ...dbtcloudtest.Option) *stage {
	t.Helper()
	s := &stage{Server: dbtcloudtest.New(append(realistic(), opts...)...), t: t}
	s.job = s.AddJob(dbtcloudtest.JobSpec{Name: "Slim CI"})
	s.settle()
	return s
}

// inBubble plays a parallel test in virtual time.
func inBubble(t *testing.T, play func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, play)
}

// settle lets every list catch up with what the test has set up.
func (s *stage) settle() { time.Sleep(time.Minute) }

func (s *stage) client(opts ...dbtcloud.Option) *dbtcloud.Client {
	s.t.Helper()
	c, err := s.Client(opts...)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

func (s *stage) ci(opts ...dbtcloud.Option) *dbtcloud.AutoscaleCI {
	s.t.Helper()
	return &dbtcloud.AutoscaleCI{Client: s.client(opts...), JobID: s.job}
}

// commit is a full commit id that differs with n.
func commit(n int) string { return fmt.Sprintf("%040x", 0xc0ffee0000000000+uint64(n)) }

// push is a commit of a pull request on GitHub.
func push(pr int64, n int) dbtcloud.Change {
	return dbtcloud.Change{PullRequest: dbtcloud.PullRequest{Host: dbtcloud.GitHub, Number: pr}, SHA: commit(n)}
}

func numbered(c dbtcloud.Change, sequence int64) dbtcloud.Change {
	c.Sequence = sequence
	return c
}

// schemaOf is the schema of a pull request's runs.
func (s *stage) schemaOf(pr int64) string { return fmt.Sprintf("dbt_cloud_pr_%d_%d", s.job, pr) }

// occupy starts a run of pull request 900 on the source job, by somebody else.
func (s *stage) occupy() int64 {
	id := s.AddRun(dbtcloudtest.RunSpec{JobID: s.job, PullRequest: dbtcloudtest.PullRequest{Host: dbtcloudtest.GitHub, Number: 900}, SHA: commit(900), Schema: s.schemaOf(900)})
	s.settle()
	return id
}

// fill starts n runs of other jobs, which hold slots.
func (s *stage) fill(n int) []int64 {
	var ids []int64
	for i := range n {
		job := s.AddJob(dbtcloudtest.JobSpec{Name: fmt.Sprintf("hourly %d", i), JobType: "scheduled"})
		ids = append(ids, s.AddRun(dbtcloudtest.RunSpec{JobID: job, Cause: "scheduled", CauseCategory: "scheduled"}))
	}
	s.settle()
	return ids
}

// tested is a whole pipeline: trigger and wait, in a goroutine of its own.
func (s *stage) tested(a *dbtcloud.AutoscaleCI, c dbtcloud.Change) (*dbtcloud.CIRun, error) {
	r, err := a.Trigger(s.t.Context(), c)
	if err == nil {
		_, err = r.Wait(s.t.Context())
	}
	return r, err
}

// started triggers by way of the autoscaler, without errors.
func (s *stage) started(a *dbtcloud.AutoscaleCI, c dbtcloud.Change) *dbtcloud.CIRun {
	s.t.Helper()
	r, err := a.Trigger(s.t.Context(), c)
	if err != nil {
		s.t.Fatalf("Trigger(%v): %v", c, err)
	}
	return r
}

// succeeds waits for a run that must succeed.
func (s *stage) succeeds(r *dbtcloud.CIRun) *dbtcloud.Run {
	s.t.Helper()
	run, err := r.Wait(s.t.Context())
	if err != nil {
		s.t.Fatalf("Wait: %v", err)
	}
	if run.Status != dbtcloud.RunSuccess {
		s.t.Fatalf("run %d ended with %s", run.ID, run.Status)
	}
	return run
}

func (s *stage) run(id int64) dbtcloudtest.Run {
	s.t.Helper()
	r, ok := s.Run(id)
	if !ok {
		s.t.Fatalf("there is no run %d", id)
	}
	return r
}

// runsOf are the runs of a pull request on GitHub, by id.
func (s *stage) runsOf(pr int64) []dbtcloudtest.Run {
	return slices.DeleteFunc(s.Runs(), func(r dbtcloudtest.Run) bool {
		return r.PullRequest != dbtcloudtest.PullRequest{Host: dbtcloudtest.GitHub, Number: pr}
	})
}

// unfinished are those of some runs that have not ended.
func unfinished(runs []dbtcloudtest.Run) []dbtcloudtest.Run {
	return slices.DeleteFunc(slices.Clone(runs), func(r dbtcloudtest.Run) bool { return r.Status.Terminal() })
}

// clones are all clones ever made of the source job.
func (s *stage) clones() []dbtcloudtest.Job {
	return slices.DeleteFunc(s.Jobs(), func(j dbtcloudtest.Job) bool { return !strings.HasPrefix(j.Name, "dbtcloud-ci:") })
}

// wantNoClones checks that no clone is left.
func (s *stage) wantNoClones() {
	s.t.Helper()
	for _, c := range s.clones() {
		if c.DeletedAt.IsZero() {
			s.t.Errorf("clone %d (%s) is left", c.ID, c.Name)
		}
	}
}

// wantStatus checks how a run stands.
func (s *stage) wantStatus(id int64, want dbtcloudtest.RunStatus) {
	s.t.Helper()
	if got := s.run(id); got.Status != want {
		s.t.Errorf("run %d of job %d is %s, want %s", id, got.JobID, got.Status, want)
	}
}

// sent counts the requests of a route, such as routeCancel.
func (s *stage) sent(route string) int { return s.CountRequests()[route] }

// writes are the requests that may change something, by operation.
func (s *stage) writes() []string {
	var out []string
	for _, r := range s.Requests() {
		if r.Method != http.MethodGet {
			out = append(out, r.Operation)
		}
	}
	return out
}

// wantUntouched checks that nothing was triggered, cancelled, created or deleted.
func (s *stage) wantUntouched() {
	s.t.Helper()
	if w := s.writes(); len(w) > 0 {
		s.t.Errorf("these were sent: %v, want nothing that changes anything", w)
	}
}

// wantError checks an error and what its text must hold.
func wantError(t testing.TB, err, target error, parts ...string) {
	t.Helper()
	if err == nil || target != nil && !errors.Is(err, target) {
		t.Fatalf("error %v, want one that is %v", err, target)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}

// roundTrip is a middleware made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// around is a client option that sees each attempt and how to send it.
func around(f func(r *http.Request, next http.RoundTripper) (*http.Response, error)) dbtcloud.Option {
	return dbtcloud.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
		return roundTrip(func(r *http.Request) (*http.Response, error) { return f(r, next) })
	})
}

// rewriting is a client option that changes the bodies of answers.
func rewriting(change func(r *http.Request, body []byte) []byte) dbtcloud.Option {
	return around(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		res, err := next.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			return nil, err
		}
		body = change(r, body)
		res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		return res, nil
	})
}

// dying is a client option: from its n-th request on the machine is gone.
func dying(n int) dbtcloud.Option {
	var sent atomic.Int64
	return around(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		if sent.Add(1) > int64(n) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}
		return next.RoundTrip(r)
	})
}

// together runs some things at once and waits for all.
func together(things ...func()) {
	done := make(chan struct{})
	for _, thing := range things {
		go func() {
			defer func() { done <- struct{}{} }()
			thing()
		}()
	}
	for range things {
		<-done
	}
}

// leftIn is how long a call took from the moment its context ended.
func leftIn(ctx context.Context, call func()) time.Duration {
	ended := make(chan time.Time, 1)
	stop := context.AfterFunc(ctx, func() { ended <- time.Now() })
	defer stop()
	call()
	return time.Since(<-ended)
}
