package dbtcloud_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

func TestTriggerOnceInDoubt(t *testing.T) {
	t.Parallel()
	const trigger = "POST /api/v2/accounts/{account}/jobs/{id}/run/"
	lost := dbtcloudtest.Fault{Route: trigger, Times: 1, Kind: dbtcloudtest.LostAnswer()}
	never := dbtcloudtest.Fault{Route: trigger, Times: 1, Kind: dbtcloudtest.Status(502, dbtcloudtest.HTMLBody)}
	tests := []struct {
		name      string
		fault     dbtcloudtest.Fault
		lag       time.Duration
		busy      bool // somebody else triggers runs, which prove that lists are up to date
		triggers  int
		runs      int // with our mark
		uncertain bool
	}{
		{name: "an answer at once", triggers: 1, runs: 1},
		{name: "the answer is lost", fault: lost, triggers: 1, runs: 1},
		{name: "the answer is lost and lists lag", fault: lost, lag: 40 * time.Second, triggers: 1, runs: 1},
		{name: "the answer is lost, lists lag, others go on", fault: lost, lag: 40 * time.Second, busy: true, triggers: 1, runs: 1},
		{name: "the trigger never arrived, others go on", fault: never, busy: true, triggers: 2, runs: 1},
		{name: "the trigger never arrived, nothing proves it", fault: never, triggers: 1, uncertain: true},
		{name: "lists lag for too long", fault: lost, lag: 2 * time.Minute, triggers: 1, runs: 1, uncertain: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := dbtcloudtest.New(dbtcloudtest.WithListLag(dbtcloudtest.Fixed(tt.lag)), dbtcloudtest.WithRunSlots(50))
				job, other := s.AddJob(dbtcloudtest.JobSpec{}), s.AddJob(dbtcloudtest.JobSpec{Name: "other"})
				for after := 5 * time.Second; tt.busy && after < 3*time.Minute; after += 5 * time.Second {
					s.At(time.Now().Add(after), func(s *dbtcloudtest.Server) { s.AddRun(dbtcloudtest.RunSpec{JobID: other}) })
				}
				s.Inject(tt.fault)
				client, err := s.Client()
				if err != nil {
					t.Fatal(err)
				}
				run, err := client.Jobs.TriggerOnce(t.Context(), job, dbtcloud.Trigger{Cause: "Commit abc"})
				if _, uncertain := errors.AsType[*dbtcloud.UncertainError](err); uncertain != tt.uncertain {
					t.Errorf("the error is %v, uncertain wanted: %t", err, tt.uncertain)
				}
				var ours []int64
				for _, r := range s.Runs() {
					if r.JobID == job && strings.HasSuffix(r.Cause, "] Commit abc") {
						ours = append(ours, r.ID)
					}
				}
				if len(ours) != tt.runs || err == nil && !cmp.Equal(ours, []int64{run.ID}) {
					t.Errorf("runs %v, want %d; returned %v", ours, tt.runs, run)
				}
				if n := s.CountRequests()[trigger]; n != tt.triggers {
					t.Errorf("%d triggers, want %d", n, tt.triggers)
				}
			})
		})
	}
}

// TestTriggerOnceInABusyAccount: that the newest runs do not have ours among them proves
// nothing if a hundred others were started after it.
func TestTriggerOnceInABusyAccount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := dbtcloudtest.New(dbtcloudtest.WithRunSlots(5), dbtcloudtest.WithQueueLimit(5000))
		job, other := s.AddJob(dbtcloudtest.JobSpec{}), s.AddJob(dbtcloudtest.JobSpec{Name: "other"})
		for after := time.Second; after < 5*time.Minute; after += 2 * time.Second {
			s.At(time.Now().Add(after), func(s *dbtcloudtest.Server) {
				for range 5 {
					s.AddRun(dbtcloudtest.RunSpec{JobID: other})
				}
			})
		}
		s.Inject(dbtcloudtest.Fault{Method: "POST", Times: 1, Kind: dbtcloudtest.Slow(time.Hour)})
		client, err := s.Client()
		if err != nil {
			t.Fatal(err)
		}
		run, err := client.Jobs.TriggerOnce(t.Context(), job, dbtcloud.Trigger{})
		var ours []int64
		for _, r := range s.Runs() {
			if r.JobID == job {
				ours = append(ours, r.ID)
			}
		}
		if err != nil || !cmp.Equal(ours, []int64{run.ID}) {
			t.Errorf("runs %v of the job, %v; want one that is returned", ours, err)
		}
	})
}

func TestTriggerOnceRefuses(t *testing.T) {
	t.Parallel()
	s := dbtcloudtest.New()
	job := s.AddJob(dbtcloudtest.JobSpec{})
	client, err := s.Client()
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]bool{244: false, 245: true} {
		_, err := client.Jobs.TriggerOnce(t.Context(), job, dbtcloud.Trigger{Cause: strings.Repeat("ä", n)})
		if errors.Is(err, dbtcloud.ErrInvalid) != want {
			t.Errorf("a cause of %d characters: %v", n, err)
		}
	}
	if _, err := client.Jobs.TriggerOnce(t.Context(), 0, dbtcloud.Trigger{}); !errors.Is(err, dbtcloud.ErrInvalid) {
		t.Errorf("job 0: %v", err)
	}
	if _, err := client.Jobs.TriggerOnce(t.Context(), job+1, dbtcloud.Trigger{}); !errors.Is(err, dbtcloud.ErrNotFound) {
		t.Errorf("an unknown job: %v", err)
	}
	if n := len(s.Runs()); n != 1 {
		t.Errorf("%d runs, want 1", n)
	}
}

func TestTriggerOnceEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := dbtcloudtest.New(dbtcloudtest.WithListLag(dbtcloudtest.Fixed(time.Hour)))
		job := s.AddJob(dbtcloudtest.JobSpec{})
		s.Inject(dbtcloudtest.Fault{Method: "POST", Kind: dbtcloudtest.LostAnswer()})
		client, err := s.Client()
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		begun := time.Now()
		_, err = client.Jobs.TriggerOnce(ctx, job, dbtcloud.Trigger{})
		if _, uncertain := errors.AsType[*dbtcloud.UncertainError](err); !uncertain || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the error is %v", err)
		}
		if took := time.Since(begun); took > 12*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}
