package dbtcloud_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// exact is a stage whose answers take a tenth of a second each and know everything.
func exact(t *testing.T) *stage {
	t.Helper()
	return newStage(t, dbtcloudtest.WithLatency(dbtcloudtest.Fixed(100*time.Millisecond)), dbtcloudtest.WithListLag(nil))
}

// steps are the requests since a moment in the order of time. Those that were under
// way together are one step: they arrived at the same instant.
func (s *stage) steps(since time.Time) []string {
	var out []string
	var at time.Time
	for _, r := range s.Requests() {
		if r.At.Before(since) {
			continue
		}
		_, path, _ := strings.Cut(r.Operation, "/accounts/{account}/")
		text := r.Method + " " + path
		if len(out) > 0 && r.At.Equal(at) {
			together := append(strings.Split(out[len(out)-1], " + "), text)
			slices.Sort(together)
			out[len(out)-1] = strings.Join(together, " + ")
			continue
		}
		out, at = append(out, text), r.At
	}
	return out
}

const (
	stepLook   = "GET jobs/{id}/ + GET runs/"
	stepDetail = "GET  + GET projects/{project}/environment-variables/job/"
	stepClone  = "POST jobs/"
	stepVerify = "GET jobs/{id}/"
	stepRun    = "POST jobs/{id}/run/"
	stepList   = "GET runs/"
	stepSweep  = "GET jobs/"
	stepSet    = "POST projects/{project}/environment-variables/"
	stepVars   = "GET projects/{project}/environment-variables/job/"
	stepWait   = "GET runs/ + GET runs/{id}/"
)

// One round trip of looking, the trigger, the list that confirms it: four requests
// until waiting begins.
func TestRequestsOfAnIdleJob(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := exact(t)
		begun := time.Now()
		s.started(s.ci(), push(7, 1))
		if diff := cmp.Diff([]string{stepLook, stepRun, stepList, stepSweep}, s.steps(begun)); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
		if took := time.Since(begun); took != 400*time.Millisecond {
			t.Errorf("took %s, want four round trips", took)
		}
		first := s.Requests()[:2]
		if gap := first[1].At.Sub(first[0].At); gap >= 100*time.Millisecond {
			t.Errorf("the job and the runs were asked for one after the other, %s apart", gap)
		}
	})
}

// Four steps before the trigger on a clone, eight requests up to its confirmation,
// and two more for an override.
func TestRequestsOfABusyJob(t *testing.T) {
	t.Parallel()
	for overrides := range 3 {
		t.Run(fmt.Sprintf("%d overrides", overrides), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := exact(t)
				for i := range overrides {
					s.AddEnvVarOverride(s.job, fmt.Sprintf("DBT_LIMIT_%d", i), "100")
				}
				s.occupy()
				begun := time.Now()
				s.started(s.ci(), push(7, 1))
				want := []string{stepLook, stepDetail, stepClone}
				want = append(want, slices.Repeat([]string{stepSet}, overrides)...)
				want = append(want, stepVerify)
				if overrides > 0 {
					want = append(want, stepVars)
				}
				want = append(want, stepRun, stepList, stepSweep)
				got := s.steps(begun)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("requests (-want +got):\n%s", diff)
				}
				if overrides == 0 && slices.Index(got, stepRun) != 4 {
					t.Errorf("the trigger is step %d, want four before it", slices.Index(got, stepRun))
				}
				requests := strings.Count(strings.Join(got, " + "), " + ") // without the sweep
				if requests > 8+2*overrides {
					t.Errorf("%d requests up to the confirmation, want at most %d", requests, 8+2*overrides)
				}
			})
		})
	}
}

// Where nothing else is possible no more is asked.
func TestRequestsOfOtherWays(t *testing.T) {
	tests := map[string]struct {
		set  func(a *dbtcloud.AutoscaleCI)
		with func(s *stage)
		want []string
	}{
		"queue":  {set: func(a *dbtcloud.AutoscaleCI) { a.Mode = dbtcloud.ModeQueue }, want: []string{stepLook, stepRun, stepList, stepSweep}},
		"native": {set: func(a *dbtcloud.AutoscaleCI) { a.Mode = dbtcloud.ModeNative }, want: []string{stepLook, stepRun, stepList, stepSweep}},
		"full":   {with: func(s *stage) { s.fill(4) }, want: []string{stepLook, stepDetail, stepRun, stepList, stepSweep}},
		"adopt": {with: func(s *stage) {
			s.AddRun(dbtcloudtest.RunSpec{JobID: s.job, PullRequest: pull(7), SHA: commit(1), Schema: s.schemaOf(7)})
			s.settle()
		}, want: []string{stepLook, "GET runs/{id}/", stepSweep}},
		"superseded": {with: func(s *stage) {
			s.started(s.ci(), numbered(push(7, 2), 2))
			s.settle()
		}, want: []string{stepLook}},
	}
	t.Parallel()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := exact(t)
				if name != "superseded" {
					s.occupy()
				}
				if tt.with != nil {
					tt.with(s)
				}
				a := s.ci()
				if tt.set != nil {
					tt.set(a)
				}
				begun := time.Now()
				s.started(a, numbered(push(7, 1), 1))
				if diff := cmp.Diff(tt.want, s.steps(begun)); diff != "" {
					t.Errorf("requests (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// A look while waiting is one round trip of two requests, and the end of a run on a
// clone costs three more: is it ours, has it ended, away with it.
func TestRequestsOfWaiting(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := exact(t)
		s.occupy()
		r := s.started(s.ci(), push(7, 1))
		begun := time.Now()
		s.succeeds(r)
		steps := s.steps(begun)
		looks := len(steps) - 3
		want := append(slices.Repeat([]string{stepWait}, max(looks, 1)), stepVerify, stepList, "DELETE jobs/{id}/")
		if diff := cmp.Diff(want, steps); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
	})
}
