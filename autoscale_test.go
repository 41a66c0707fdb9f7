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
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// pull is a pull request on GitHub, as the fake names it.
func pull(n int64) dbtcloudtest.PullRequest {
	return dbtcloudtest.PullRequest{Host: dbtcloudtest.GitHub, Number: n}
}

// cloneJob is a clone of the source job that somebody made for a pull request.
func (s *stage) cloneJob(pr int64, letter string) int64 {
	return s.AddJob(dbtcloudtest.JobSpec{Name: fmt.Sprintf("dbtcloud-ci:%d:github:%d:abcdefgh:%s Slim CI", s.job, pr, letter)})
}

func TestRunOfAnIdleJob(t *testing.T) {
	hosts := map[dbtcloud.GitHost]dbtcloudtest.GitHost{
		dbtcloud.GitHub: dbtcloudtest.GitHub, dbtcloud.GitLab: dbtcloudtest.GitLab,
		dbtcloud.AzureRepos: dbtcloudtest.AzureRepos, dbtcloud.OtherHost: dbtcloudtest.OtherHost,
	}
	t.Parallel()
	for host, want := range hosts {
		t.Run(string(host), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t)
				a := s.ci()
				a.Overrides = dbtcloud.Trigger{Cause: "nightly rehearsal", ThreadsOverride: 8, StepsOverride: []string{"dbt build"}}
				r := s.started(a, dbtcloud.Change{PullRequest: dbtcloud.PullRequest{Host: host, Number: 7}, SHA: commit(1), Branch: "feature"})
				s.succeeds(r)
				got := s.run(r.Run.ID)
				if got.PullRequest != (dbtcloudtest.PullRequest{Host: want, Number: 7}) || got.SHA != commit(1) || got.Branch != "feature" || got.Schema != s.schemaOf(7) {
					t.Errorf("run of %v, commit %s, branch %s, schema %s", got.PullRequest, got.SHA, got.Branch, got.Schema)
				}
				if !strings.HasPrefix(got.Cause, "dci:") || !strings.HasSuffix(got.Cause, " nightly rehearsal") {
					t.Errorf("cause %q, want the marker and the caller's text", got.Cause)
				}
				if r.Decision != dbtcloud.OnSource || got.JobID != s.job || r.CloneJobID != 0 {
					t.Errorf("decided %s on job %d: %s", r.Decision, got.JobID, r.Reason)
				}
			})
		})
	}
}

// A plan touches nothing, whatever it would do.
func TestPlanTouchesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		s.occupy()
		old := s.AddRun(dbtcloudtest.RunSpec{JobID: s.job, PullRequest: pull(7), SHA: commit(1), Schema: s.schemaOf(7)})
		s.settle()
		plan, err := s.ci().Plan(t.Context(), push(7, 2))
		if err != nil {
			t.Fatal(err)
		}
		if plan.Decision != dbtcloud.OnClone || plan.JobID != s.job || plan.Schema != s.schemaOf(7) {
			t.Errorf("plan %s of job %d, schema %s", plan.Decision, plan.JobID, plan.Schema)
		}
		if diff := cmp.Diff([]int64{old}, plan.Cancel); diff != "" {
			t.Errorf("to cancel (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(dbtcloud.Slots{Limit: 5, Running: 1}, plan.Slots); diff != "" {
			t.Errorf("slots (-want +got):\n%s", diff)
		}
		if text := plan.String(); !strings.Contains(text, "clone: ") || !strings.Contains(text, fmt.Sprint(old)) {
			t.Errorf("plan reads %q", text)
		}
		s.wantUntouched()
	})
}

// Two runners of one commit at once: the lower run stays, the other caller follows it.
func TestSameCommitAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		var results [2]*dbtcloud.CIRun
		pipeline := func(i int) func() {
			return func() {
				r, err := s.tested(s.ci(), push(7, 1))
				if err != nil {
					t.Errorf("runner %d: %v", i, err)
				}
				results[i] = r
			}
		}
		together(pipeline(0), pipeline(1))
		runs := s.runsOf(7)
		if len(runs) != 2 {
			t.Fatalf("%d runs, want both runners to have triggered", len(runs))
		}
		s.wantStatus(runs[0].ID, dbtcloudtest.Success)
		s.wantStatus(runs[1].ID, dbtcloudtest.Cancelled)
		if a, b := results[0], results[1]; a.Run.ID != runs[0].ID || b.Run.ID != runs[0].ID || a.Adopted == b.Adopted {
			t.Errorf("followed %d (adopted %t) and %d (adopted %t), want both the first", a.Run.ID, a.Adopted, b.Run.ID, b.Adopted)
		}
	})
}

// Twins that a dead runner left: the lower one is adopted, the other cancelled.
func TestTwinsInALaterLook(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		var twins []int64
		for _, job := range []int64{s.job, s.cloneJob(7, "d")} {
			twins = append(twins, s.AddRun(dbtcloudtest.RunSpec{JobID: job, PullRequest: pull(7), SHA: commit(1), Schema: s.schemaOf(7)}))
		}
		s.settle()
		r := s.started(s.ci(), push(7, 1))
		if r.Run.ID != twins[0] || !r.Adopted {
			t.Errorf("followed %d, want the lower of %v", r.Run.ID, twins)
		}
		s.succeeds(r)
		s.wantStatus(twins[1], dbtcloudtest.Cancelled)
		if n := len(s.runsOf(7)); n != 2 {
			t.Errorf("%d runs, want none beside the twins", n)
		}
	})
}

// The owner of an adopted run gives up: the adopter triggers once itself.
func TestAdoptedRunIsCancelled(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		owner := s.started(s.ci(), push(7, 1))
		s.settle()
		follower := s.started(s.ci(), push(7, 1))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		together(
			func() {
				_, err := owner.Wait(ctx)
				if !errors.Is(err, context.Canceled) {
					t.Errorf("the owner: %v", err)
				}
			},
			func() {
				if _, err := follower.Wait(t.Context()); err != nil {
					t.Errorf("the follower: %v", err)
				}
			},
		)
		runs := s.runsOf(7)
		if len(runs) != 2 || follower.Run.ID != runs[1].ID || follower.Adopted {
			t.Fatalf("%d runs, followed %d (adopted %t), want a second one of its own", len(runs), follower.Run.ID, follower.Adopted)
		}
		s.wantStatus(runs[0].ID, dbtcloudtest.Cancelled)
		s.wantStatus(runs[1].ID, dbtcloudtest.Success)
	})
}

// But once only: what is cancelled again is meant to be.
func TestAdoptedRunIsCancelledTwice(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		first := s.started(s.ci(), push(7, 1)).Run.ID
		s.settle()
		follower := s.started(s.ci(), push(7, 1))
		cancelAll := func(now *dbtcloudtest.Server) {
			for _, run := range unfinished(now.Runs()) {
				now.CancelRun(run.ID, "Ada Lovelace", "Stop it.")
			}
		}
		s.At(time.Now().Add(time.Minute), cancelAll)
		s.At(time.Now().Add(2*time.Minute), cancelAll)
		_, err := follower.Wait(t.Context())
		wantError(t, err, dbtcloud.ErrRunCancelled, "Ada Lovelace")
		if n := len(s.runsOf(7)); n != 2 || follower.Run.ID == first {
			t.Errorf("%d runs, want the adopted one and one more", n)
		}
	})
}

// An adopter's change is outdated together with the run that it follows.
func TestAdoptedRunIsSuperseded(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		s.started(s.ci(), numbered(push(7, 1), 1))
		s.settle()
		follower := s.started(s.ci(), numbered(push(7, 1), 1))
		var err error
		var newer *dbtcloud.CIRun
		together(
			func() { _, err = follower.Wait(t.Context()) },
			func() {
				time.Sleep(time.Minute)
				if newer, _ = s.tested(s.ci(), numbered(push(7, 2), 2)); newer == nil {
					t.Error("the newer commit was not tested")
				}
			},
		)
		wantError(t, err, dbtcloud.ErrSuperseded)
		s.wantStatus(newer.Run.ID, dbtcloudtest.Success)
		for _, run := range s.runsOf(7) {
			if run.ID != newer.Run.ID {
				s.wantStatus(run.ID, dbtcloudtest.Cancelled)
			}
		}
	})
}

// What is not the same work is not adopted.
func TestNotAdopted(t *testing.T) {
	branch := dbtcloud.Change{PullRequest: dbtcloud.PullRequest{Host: dbtcloud.GitHub, Number: 7}, Branch: "feature"}
	tests := map[string]struct {
		before dbtcloudtest.RunSpec
		ended  bool
		change dbtcloud.Change
	}{
		"it has ended":         {dbtcloudtest.RunSpec{SHA: commit(1)}, true, push(7, 1)},
		"another commit":       {dbtcloudtest.RunSpec{SHA: commit(2)}, false, push(7, 1)},
		"another schema":       {dbtcloudtest.RunSpec{SHA: commit(1), Schema: "mine"}, false, push(7, 1)},
		"the same branch":      {dbtcloudtest.RunSpec{Branch: "feature"}, false, branch},
		"a commit of a branch": {dbtcloudtest.RunSpec{SHA: commit(1), Branch: "feature"}, false, branch},
	}
	t.Parallel()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t)
				before := tt.before
				before.JobID, before.PullRequest = s.job, pull(7)
				if before.Schema == "" {
					before.Schema = s.schemaOf(7)
				}
				old, want := s.AddRun(before), dbtcloudtest.Cancelled
				s.settle()
				if tt.ended {
					want = dbtcloudtest.Success
					s.FinishRun(old, want)
					s.settle()
				}
				r := s.started(s.ci(), tt.change)
				if r.Adopted || r.Run.ID == old {
					t.Errorf("run %d was adopted", old)
				}
				s.succeeds(r)
				s.wantStatus(old, want)
			})
		})
	}
}

// A cancel that does not end: on the source the run queues behind it, on a clone
// nothing may start beside it.
func TestStuckCancel(t *testing.T) {
	slow := dbtcloudtest.WithCancelLatency(dbtcloudtest.Fixed(20 * time.Minute))
	long := dbtcloudtest.WithRunTime(func(r dbtcloudtest.Run) dbtcloudtest.Outcome {
		if r.SHA == commit(1) {
			return dbtcloudtest.Outcome{Duration: 10 * time.Minute}
		}
		return dbtcloudtest.Outcome{Duration: runTime}
	})
	t.Run("on the source", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			s := newStage(t, slow, long)
			old := s.AddRun(dbtcloudtest.RunSpec{JobID: s.job, PullRequest: pull(7), SHA: commit(1), Schema: s.schemaOf(7)})
			s.settle()
			begun := time.Now()
			r := s.started(s.ci(), push(7, 2))
			if took := time.Since(begun); took < 2*time.Minute || took > 3*time.Minute {
				t.Errorf("waited %s for the cancel, want its patience of two minutes", took)
			}
			if r.Decision != dbtcloud.Queue || r.Run.JobID != s.job || !strings.Contains(r.Reason, fmt.Sprint(old)) || len(r.Warnings) == 0 {
				t.Errorf("decided %s on job %d: %s, want to be queued behind run %d", r.Decision, r.Run.JobID, r.Reason, old)
			}
			s.succeeds(r)
			if ours, stuck := s.run(r.Run.ID), s.run(old); ours.StartedAt.Before(stuck.FinishedAt) {
				t.Error("two runs wrote one schema at the same time")
			}
			if len(s.clones()) != 0 {
				t.Error("a clone was made beside a run that writes the schema")
			}
		})
	})
	t.Run("on a clone", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			s := newStage(t, slow, long)
			old := s.AddRun(dbtcloudtest.RunSpec{JobID: s.cloneJob(7, "d"), PullRequest: pull(7), SHA: commit(1), Schema: s.schemaOf(7)})
			s.settle()
			a := s.ci()
			a.CancelPatience = 30 * time.Second
			begun := time.Now()
			_, err := a.Trigger(t.Context(), push(7, 2))
			wantError(t, err, nil, fmt.Sprint(old), "try again")
			if took := time.Since(begun); took > time.Minute {
				t.Errorf("waited %s, want 30 s", took)
			}
			if n := s.sent(routeTrigger); n != 0 {
				t.Errorf("%d runs were triggered", n)
			}
		})
	})
}

// Another pull request's run writes our schema: ours never runs at the same time.
func TestSchemaOfAnotherPullRequest(t *testing.T) {
	places := map[string]func(s *stage) int64{
		"on the source": func(s *stage) int64 { return s.job },
		"on a clone":    func(s *stage) int64 { return s.cloneJob(900, "d") },
	}
	t.Parallel()
	for name, place := range places {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t)
				writer := s.AddRun(dbtcloudtest.RunSpec{JobID: place(s), PullRequest: pull(900), SHA: commit(9), Schema: "shared"})
				s.settle()
				a := s.ci()
				a.Overrides.SchemaOverride = "shared"
				var said []string
				a.Progress = func(_ *dbtcloud.CIRun, text string) { said = append(said, text) }
				r := s.started(a, push(7, 1))
				s.succeeds(r)
				if text := strings.Join(said, "\n"); !strings.Contains(text, "shared") || !strings.Contains(text, fmt.Sprint(writer)) {
					t.Errorf("said %q, want which run writes the schema", text)
				}
				s.wantStatus(writer, dbtcloudtest.Success)
				if ours, other := s.run(r.Run.ID), s.run(writer); ours.StartedAt.Before(other.FinishedAt) || len(r.MovedRunIDs) != 0 {
					t.Errorf("started at %s, before run %d ended at %s (moved %v)", ours.StartedAt, writer, other.FinishedAt, r.MovedRunIDs)
				}
				if len(s.runsOf(7)) != 1 {
					t.Errorf("%d runs, want one", len(s.runsOf(7)))
				}
			})
		})
	}
}

func TestModes(t *testing.T) {
	enterprise := []dbtcloudtest.Option{dbtcloudtest.WithPlan("enterprise"), dbtcloudtest.WithCIConcurrency(true)}
	tests := map[string]struct {
		opts  []dbtcloudtest.Option
		other bool // the job is no CI job
		idle  bool
		fill  int
		set   func(a *dbtcloud.AutoscaleCI)
		want  dbtcloud.Decision
		says  string
	}{
		"auto, idle":                          {idle: true, want: dbtcloud.OnSource},
		"auto, busy":                          {want: dbtcloud.OnClone},
		"auto, a plan that has it":            {opts: enterprise, want: dbtcloud.Native, says: "enterprise"},
		"auto, a plan that has it, full":      {opts: enterprise, fill: 6, want: dbtcloud.Native},
		"auto, a plan that has it, no CI job": {opts: enterprise, other: true, want: dbtcloud.OnClone},
		"auto, the caller's plans": {set: func(a *dbtcloud.AutoscaleCI) { a.NativePlans = []string{"starter_2025"} },
			want: dbtcloud.Native, says: "starter_2025"},
		"auto, no plans": {opts: enterprise, set: func(a *dbtcloud.AutoscaleCI) { a.NativePlans = []string{} }, want: dbtcloud.OnClone},
		"native, idle":   {idle: true, set: func(a *dbtcloud.AutoscaleCI) { a.Mode = dbtcloud.ModeNative }, want: dbtcloud.Native},
		"native, busy":   {set: func(a *dbtcloud.AutoscaleCI) { a.Mode = dbtcloud.ModeNative }, want: dbtcloud.Native},
		"clone, idle":    {idle: true, set: func(a *dbtcloud.AutoscaleCI) { a.Mode = dbtcloud.ModeClone }, want: dbtcloud.OnSource},
		"clone, full":    {fill: 6, set: func(a *dbtcloud.AutoscaleCI) { a.Mode = dbtcloud.ModeClone }, want: dbtcloud.OnClone},
		"clone, a plan that has it": {opts: enterprise, set: func(a *dbtcloud.AutoscaleCI) { a.Mode = dbtcloud.ModeClone },
			want: dbtcloud.OnClone},
		"queue, idle": {idle: true, set: func(a *dbtcloud.AutoscaleCI) { a.Mode = dbtcloud.ModeQueue }, want: dbtcloud.OnSource},
		"queue, busy": {set: func(a *dbtcloud.AutoscaleCI) { a.Mode = dbtcloud.ModeQueue }, want: dbtcloud.Queue, says: "mode is queue"},
	}
	t.Parallel()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t, tt.opts...)
				if tt.other {
					s.job = s.AddJob(dbtcloudtest.JobSpec{Name: "checks", JobType: "other"})
				}
				if !tt.idle {
					s.occupy()
				}
				s.fill(tt.fill)
				a := s.ci()
				if tt.set != nil {
					tt.set(a)
				}
				r := s.started(a, push(7, 1))
				if r.Decision != tt.want || !strings.Contains(r.Reason, tt.says) || r.Reason == "" {
					t.Errorf("decided %s: %s, want %s: %s", r.Decision, r.Reason, tt.want, tt.says)
				}
				if made := len(s.clones()) == 1; made != (tt.want == dbtcloud.OnClone) {
					t.Errorf("%d clones", len(s.clones()))
				}
				s.succeeds(r)
				if a.Mode != dbtcloud.ModeAuto && a.Mode != "" && len(r.MovedRunIDs) != 0 {
					t.Errorf("mode %s moved %v", a.Mode, r.MovedRunIDs)
				}
				s.wantNoClones()
			})
		})
	}
}

// There are enough clones already, or the queue is nearly full.
func TestCloneLimits(t *testing.T) {
	clones := func(n int) func(s *stage) {
		return func(s *stage) {
			for i := range n {
				s.AddRun(dbtcloudtest.RunSpec{JobID: s.cloneJob(int64(100+i), "d"), PullRequest: pull(int64(100 + i)), SHA: commit(9)})
			}
		}
	}
	tests := map[string]struct {
		opts []dbtcloudtest.Option
		set  func(a *dbtcloud.AutoscaleCI)
		with func(s *stage)
		want dbtcloud.Decision
		says string
	}{
		"below the caller's limit": {set: func(a *dbtcloud.AutoscaleCI) { a.MaxClones = 3 }, with: clones(2), want: dbtcloud.OnClone},
		"at the caller's limit":    {set: func(a *dbtcloud.AutoscaleCI) { a.MaxClones = 2 }, with: clones(2), want: dbtcloud.Queue, says: "2 of at most 2 clones"},
		"as many as slots": {opts: []dbtcloudtest.Option{dbtcloudtest.WithRunSlots(3)}, set: func(a *dbtcloud.AutoscaleCI) { a.Mode = dbtcloud.ModeClone },
			with: clones(3), want: dbtcloud.Queue, says: "3 of at most 3 clones"},
		"ten where slots are not known": {opts: []dbtcloudtest.Option{dbtcloudtest.WithRunSlots(0)}, with: clones(10), want: dbtcloud.Queue, says: "10 of at most 10"},
		"nine of ten":                   {opts: []dbtcloudtest.Option{dbtcloudtest.WithRunSlots(0)}, with: clones(9), want: dbtcloud.OnClone},
		"the queue is nearly full": {opts: []dbtcloudtest.Option{dbtcloudtest.WithQueueLimit(8)}, set: func(a *dbtcloud.AutoscaleCI) { a.Mode = dbtcloud.ModeClone },
			with: func(s *stage) { s.fill(7) }, want: dbtcloud.Queue, says: "queue is nearly full (3 of 8)"},
		"the queue is not that full": {opts: []dbtcloudtest.Option{dbtcloudtest.WithQueueLimit(9)}, set: func(a *dbtcloud.AutoscaleCI) { a.Mode = dbtcloud.ModeClone },
			with: func(s *stage) { s.fill(7) }, want: dbtcloud.OnClone},
	}
	t.Parallel()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t, tt.opts...)
				s.occupy()
				tt.with(s)
				time.Sleep(10 * time.Second)
				a := s.ci()
				a.NoMove = true
				if tt.set != nil {
					tt.set(a)
				}
				r := s.started(a, push(7, 1))
				if r.Decision != tt.want || !strings.Contains(r.Reason, tt.says) {
					t.Errorf("decided %s: %s, want %s: %s", r.Decision, r.Reason, tt.want, tt.says)
				}
			})
		})
	}
}

// created is the body of the request that made the only clone.
func (s *stage) created() map[string]any {
	s.t.Helper()
	for _, r := range s.Requests() {
		if r.Operation == routeCreate {
			var body map[string]any
			if err := json.Unmarshal(r.Body, &body); err != nil {
				s.t.Fatal(err)
			}
			return body
		}
	}
	s.t.Fatal("no clone was created")
	return nil
}

// A clone is made of an allow-list, with everything off that could start it.
func TestCloneIsInert(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t, dbtcloudtest.WithNoise())
		s.EditJob(s.job, func(fields map[string]any) {
			fields["description"] = strings.Repeat("d", 400)
			fields["execute_steps"] = []any{"dbt build --select state:modified+"}
			fields["execution"] = map[string]any{"timeout_seconds": 3600}
			fields["settings"] = map[string]any{"threads": 16, "target_name": "ci"}
			fields["deferring_job_definition_id"] = s.job
			fields["deferring_environment_id"] = nil
			fields["run_lint"] = true
			fields["triggers"] = map[string]any{"github_webhook": false, "git_provider_webhook": false, "schedule": true, "on_merge": false, "custom_branch_only": false}
			fields["job_completion_trigger_condition"] = map[string]any{"condition": map[string]any{"job_id": 1, "project_id": 1, "statuses": []any{10}}}
			fields["cost_optimization_features"] = []any{"state_aware_orchestration"}
			fields["force_node_selection"] = true
		})
		s.occupy()
		r := s.started(s.ci(), push(7, 1))
		if r.Decision != dbtcloud.OnClone {
			t.Fatalf("decided %s: %s", r.Decision, r.Reason)
		}
		body := s.created()
		name, _ := body["name"].(string)
		if !strings.HasPrefix(name, fmt.Sprintf("dbtcloud-ci:%d:github:7:", s.job)) || !strings.HasSuffix(name, ":d Slim CI") {
			t.Errorf("name %q", name)
		}
		want := map[string]any{
			"job_type": "ci", "execute_steps": []any{"dbt build --select state:modified+"}, "run_lint": true, "state": 1.0,
			"execution": map[string]any{"timeout_seconds": 3600.0}, "settings": map[string]any{"threads": 16.0, "target_name": "ci"},
			"deferring_job_definition_id": float64(s.job), "description": strings.Repeat("d", 255),
			"account_id": float64(dbtcloudtest.DefaultAccountID), "project_id": float64(dbtcloudtest.DefaultProjectID), "environment_id": float64(dbtcloudtest.DefaultEnvironmentID),
		}
		got := map[string]any{}
		for field := range want {
			got[field] = body[field]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("created with (-want +got):\n%s", diff)
		}
		triggers, _ := body["triggers"].(map[string]any)
		for name, on := range triggers {
			if on == true {
				t.Errorf("the trigger %s is on", name)
			}
		}
		if len(triggers) == 0 || body["job_completion_trigger_condition"] != nil {
			t.Errorf("triggers %v, completion trigger %v, want all off", triggers, body["job_completion_trigger_condition"])
		}
		for _, field := range []string{"is_deferrable", "raw_dbt_version", "created_at", "deactivated", "cost_optimization_features", "force_node_selection"} {
			if v, sent := body[field]; sent {
				t.Errorf("%s: %v was sent", field, v)
			}
		}
	})
}

// dbt_state is the one cost feature that a CI job takes.
func TestCloneKeepsDbtState(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		s.EditJob(s.job, func(fields map[string]any) { fields["cost_optimization_features"] = []any{"dbt_state"} })
		s.occupy()
		s.started(s.ci(), push(7, 1))
		if diff := cmp.Diff([]any{"dbt_state"}, s.created()["cost_optimization_features"]); diff != "" {
			t.Errorf("features (-want +got):\n%s", diff)
		}
	})
}

// Overrides are copied and read back; where that fails the clone is given up.
func TestCloneOverrides(t *testing.T) {
	overrides := map[string]string{"DBT_LIMIT": "100", "DBT_REGION": "eu"}
	tests := map[string]struct {
		fault *dbtcloudtest.Fault
		opt   dbtcloud.Option
		want  dbtcloud.Decision
		says  string
	}{
		"copied":          {want: dbtcloud.OnClone},
		"refused":         {fault: &dbtcloudtest.Fault{Route: routeOverride, Kind: dbtcloudtest.Status(403, dbtcloudtest.EnvelopeBody)}, want: dbtcloud.Queue, says: "DBT_LIMIT"},
		"not readable":    {fault: &dbtcloudtest.Fault{Route: routeVars, Kind: dbtcloudtest.Status(403, dbtcloudtest.EnvelopeBody)}, want: dbtcloud.Queue, says: "cannot be read"},
		"lost on the way": {fault: &dbtcloudtest.Fault{Route: routeVars, After: 1, Kind: dbtcloudtest.DataNull()}, want: dbtcloud.Queue, says: "overrides differ"},
	}
	t.Parallel()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t)
				for name, value := range overrides {
					s.AddEnvVarOverride(s.job, name, value)
				}
				s.AddProjectEnvVar(dbtcloudtest.DefaultProjectID, "DBT_ENV_SECRET_OF_ALL", "not an override of the job")
				s.occupy()
				if tt.fault != nil {
					s.Inject(*tt.fault)
				}
				a := s.ci()
				a.NoMove = true
				r := s.started(a, push(7, 1))
				if r.Decision != tt.want || !strings.Contains(r.Reason, tt.says) {
					t.Errorf("decided %s: %s, want %s: %s", r.Decision, r.Reason, tt.want, tt.says)
				}
				if tt.want == dbtcloud.OnClone {
					got := map[string]string{}
					list, err := s.client().EnvironmentVariables.JobOverrides(t.Context(), dbtcloudtest.DefaultProjectID, r.CloneJobID)
					if err != nil {
						t.Fatal(err)
					}
					for _, o := range list {
						got[o.Name] = o.Value
					}
					if diff := cmp.Diff(overrides, got); diff != "" {
						t.Errorf("overrides of the clone (-want +got):\n%s", diff)
					}
				}
				s.succeeds(r)
				s.wantNoClones()
			})
		})
	}
}

// Somebody deletes the clone right before its trigger: the run goes elsewhere.
func TestCloneGoneBeforeTheTrigger(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		s.occupy()
		gone := around(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "/run/") && !strings.HasSuffix(r.URL.Path, fmt.Sprintf("/jobs/%d/run/", s.job)) {
				s.DeleteJob(s.clones()[0].ID)
			}
			return next.RoundTrip(r)
		})
		r := s.started(s.ci(gone), push(7, 1))
		if r.Decision != dbtcloud.Queue || r.Run.JobID != s.job || r.CloneJobID != 0 {
			t.Errorf("decided %s on job %d, clone %d: %s", r.Decision, r.Run.JobID, r.CloneJobID, r.Reason)
		}
		s.succeeds(r)
		if n := len(s.runsOf(7)); n < 1 || s.run(r.Run.ID).Status != dbtcloudtest.Success {
			t.Errorf("%d runs", n)
		}
	})
}

// movable is a stage on which a run of pull request 7 is queued behind another on
// the source job, until a slot becomes free after a minute.
func movable(t *testing.T, opts ...dbtcloudtest.Option) (s *stage, free time.Time) {
	t.Helper()
	s = newStage(t, append([]dbtcloudtest.Option{dbtcloudtest.WithRunSlots(2), dbtcloudtest.WithRunTime(func(r dbtcloudtest.Run) dbtcloudtest.Outcome {
		if r.PullRequest.Number == 900 {
			return dbtcloudtest.Outcome{Duration: time.Hour}
		}
		return dbtcloudtest.Outcome{Duration: runTime}
	})}, opts...)...)
	filled := s.fill(1)
	s.occupy()
	free = time.Now().Add(time.Minute)
	s.At(free, func(now *dbtcloudtest.Server) { now.FinishRun(filled[0], dbtcloudtest.Success) })
	return s, free
}

func TestMove(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s, free := movable(t)
		r := s.started(s.ci(), push(7, 1))
		first := r.Run.ID
		if r.Decision != dbtcloud.Queue {
			t.Fatalf("decided %s: %s", r.Decision, r.Reason)
		}
		s.succeeds(r)
		runs := s.runsOf(7)
		if diff := cmp.Diff([]int64{first}, r.MovedRunIDs); diff != "" || len(runs) != 2 || r.Decision != dbtcloud.OnClone {
			t.Fatalf("moved (-want +got):\n%s%d runs, decision %s", diff, len(runs), r.Decision)
		}
		s.wantStatus(first, dbtcloudtest.Cancelled)
		if late := runs[1].CreatedAt.Sub(free); late > 15*time.Second {
			t.Errorf("moved %s after the slot became free", late)
		}
		if !strings.Contains(runs[1].Cause, "."+strconv.FormatInt(first, 36)+"w ") {
			t.Errorf("cause %q does not name the first run %d", runs[1].Cause, first)
		}
		s.wantNoClones()
	})
}

// What stays in the queue although a slot is free.
func TestNoMove(t *testing.T) {
	tests := map[string]func(a *dbtcloud.AutoscaleCI){
		"not wanted":  func(a *dbtcloud.AutoscaleCI) { a.NoMove = true },
		"mode queue":  func(a *dbtcloud.AutoscaleCI) { a.Mode = dbtcloud.ModeQueue },
		"mode native": func(a *dbtcloud.AutoscaleCI) { a.Mode = dbtcloud.ModeNative },
	}
	t.Parallel()
	for name, set := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s, _ := movable(t)
				a := s.ci()
				set(a)
				r := s.started(a, push(7, 1))
				s.succeeds(r)
				if len(r.MovedRunIDs) != 0 || len(s.clones()) != 0 || s.sent(routeCancel) != 0 {
					t.Errorf("moved %v, %d clones, %d cancels", r.MovedRunIDs, len(s.clones()), s.sent(routeCancel))
				}
			})
		})
	}
}

// Where the platform should run it natively, a run is given half a minute for that.
func TestMoveInNativeMode(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t, dbtcloudtest.WithPlan("enterprise"))
		s.occupy()
		r := s.started(s.ci(), push(7, 1))
		if r.Decision != dbtcloud.Native {
			t.Fatalf("decided %s: %s", r.Decision, r.Reason)
		}
		s.succeeds(r)
		runs := s.runsOf(7)
		if len(r.MovedRunIDs) != 1 || len(runs) != 2 {
			t.Fatalf("moved %v", r.MovedRunIDs)
		}
		if after := runs[1].CreatedAt.Sub(runs[0].CreatedAt); after < 30*time.Second || after > 50*time.Second {
			t.Errorf("moved after %s, want 30 s", after)
		}
		s.wantNoClones()
	})
}

// Runs before ours in the queue: one whose runner is dead holds us up for one look,
// one that nobody waits for not at all.
func TestMoveRank(t *testing.T) {
	const look = 10 * time.Second
	moved := func(t *testing.T, before func(a *dbtcloud.AutoscaleCI)) (late time.Duration) {
		s, free := movable(t)
		ahead := s.ci()
		before(ahead)
		dead := s.started(ahead, push(6, 1)) // and nobody calls Wait
		a := s.ci()
		a.Poll = dbtcloud.Poll{First: look, Interval: look}
		r := s.started(a, push(7, 1))
		s.succeeds(r)
		if len(r.MovedRunIDs) != 1 {
			t.Fatalf("moved %v", r.MovedRunIDs)
		}
		if len(s.run(dead.Run.ID).CancelledBy) != 0 {
			t.Error("the run before ours was cancelled")
		}
		return s.run(r.Run.ID).CreatedAt.Sub(free)
	}
	t.Parallel()
	t.Run("nobody waits", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			if late := moved(t, func(a *dbtcloud.AutoscaleCI) { a.NoWait = true }); late > look+3*time.Second {
				t.Errorf("moved %s after the slot became free, want the first look", late)
			}
		})
	})
	t.Run("dead runner", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			late := moved(t, func(*dbtcloud.AutoscaleCI) {})
			if late < look*4/5 || late > 2*look+3*time.Second {
				t.Errorf("moved %s after the slot became free, want the second look", late)
			}
		})
	})
}

// Ours starts while its clone is being made: it stays, and the clone goes.
func TestMoveTooLate(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s, _ := movable(t)
		occupier := s.Runs()[1].ID
		starts := around(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
			if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/jobs/") {
				s.FinishRun(occupier, dbtcloudtest.Success)
			}
			return next.RoundTrip(r)
		})
		r := s.started(s.ci(starts), push(7, 1))
		s.succeeds(r)
		if len(s.clones()) != 1 || len(r.MovedRunIDs) != 0 || s.sent(routeCancel) != 0 || len(s.runsOf(7)) != 1 {
			t.Errorf("%d clones, moved %v, %d cancels, want one clone in vain", len(s.clones()), r.MovedRunIDs, s.sent(routeCancel))
		}
		s.wantNoClones()
	})
}

// The trigger on the clone does not get through, after the queued run was cancelled.
func TestMoveWhoseTriggerFails(t *testing.T) {
	tests := map[string]struct {
		fault dbtcloudtest.Fault
		clone bool
	}{
		"refused":                   {dbtcloudtest.Fault{Times: 1, Kind: dbtcloudtest.Status(400, dbtcloudtest.EnvelopeBody)}, false},
		"answer lost":               {dbtcloudtest.Fault{Times: 1, Kind: dbtcloudtest.LostAnswer()}, true},
		"gateway":                   {dbtcloudtest.Fault{Times: 1, Kind: dbtcloudtest.Status(502, dbtcloudtest.HTMLBody)}, true},
		"no connection for a while": {dbtcloudtest.Fault{Times: 12, Kind: dbtcloudtest.LostRequest()}, true},
		"gateway for a while":       {dbtcloudtest.Fault{Times: 4, Kind: dbtcloudtest.Status(502, dbtcloudtest.HTMLBody)}, true},
	}
	t.Parallel()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s, _ := movable(t)
				r := s.started(s.ci(), push(7, 1))
				tt.fault.Route = routeTrigger
				s.Inject(tt.fault)
				s.succeeds(r)
				runs := s.runsOf(7)
				onClone := runs[len(runs)-1].JobID != s.job
				if tt.clone && (!onClone || len(runs) != 2) {
					t.Errorf("%d runs, the last on a clone: %t, want the queued one and one on the clone", len(runs), onClone)
				}
				for _, run := range runs {
					want := dbtcloudtest.Cancelled
					if run.ID == r.Run.ID {
						want = dbtcloudtest.Success
					}
					s.wantStatus(run.ID, want)
				}
				s.wantNoClones()
			})
		})
	}
}

// Looks that fail are no news.
func TestFailedLooksAreNoNews(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		r := s.started(s.ci(), push(7, 1))
		s.Inject(dbtcloudtest.Fault{Times: 60, Kind: dbtcloudtest.Status(503, dbtcloudtest.HTMLBody)})
		s.Inject(dbtcloudtest.Fault{Times: 10, Kind: dbtcloudtest.HTML200()})
		s.Inject(dbtcloudtest.Fault{Times: 10, Kind: dbtcloudtest.LostAnswer()})
		s.succeeds(r)
	})
	t.Run("but not for ever", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			s := newStage(t)
			a := s.ci()
			a.Poll.Silence = 3 * time.Minute
			r := s.started(a, push(7, 1))
			s.Inject(dbtcloudtest.Fault{Kind: dbtcloudtest.Status(503, dbtcloudtest.HTMLBody)})
			begun := time.Now()
			_, err := r.Wait(t.Context())
			wantError(t, err, dbtcloud.ErrServer)
			if took := time.Since(begun); took < 3*time.Minute || took > 8*time.Minute {
				t.Errorf("gave up after %s", took)
			}
		})
	})
	t.Run("gone", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			s := newStage(t)
			r := s.started(s.ci(), push(7, 1))
			s.Inject(dbtcloudtest.Fault{Route: routeRun, Kind: dbtcloudtest.Status(404, dbtcloudtest.EnvelopeBody)})
			begun := time.Now()
			_, err := r.Wait(t.Context())
			wantError(t, err, dbtcloud.ErrNotFound)
			if took := time.Since(begun); took < 50*time.Second || took > 90*time.Second {
				t.Errorf("gave up after %s, want a minute", took)
			}
		})
	})
}

func TestFailedRun(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t, dbtcloudtest.WithRunTime(func(r dbtcloudtest.Run) dbtcloudtest.Outcome {
			return dbtcloudtest.Outcome{Duration: runTime, Status: dbtcloudtest.Error, Message: "dbt build failed"}
		}))
		s.occupy()
		r := s.started(s.ci(), push(7, 1))
		_, err := r.Wait(t.Context())
		failed, ok := errors.AsType[*dbtcloud.RunFailedError](err)
		if !ok || failed.Run.ID != r.Run.ID || !strings.Contains(err.Error(), "dbt build failed") {
			t.Errorf("error %v, want the failed run", err)
		}
		s.wantNoClones()
	})
}

// Without waiting the result names the clone, which a later invocation removes.
func TestNoWait(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		s.occupy()
		a := s.ci()
		a.NoWait = true
		r := s.started(a, push(7, 1))
		if clones := s.clones(); len(clones) != 1 || r.CloneJobID != clones[0].ID || r.JobID != r.CloneJobID {
			t.Fatalf("clone %d, job %d, clones %v", r.CloneJobID, r.JobID, clones)
		}
		if cause := s.run(r.Run.ID).Cause; !strings.Contains(cause, ".0n ") {
			t.Errorf("cause %q does not say that nobody waits", cause)
		}
		time.Sleep(2 * runTime)
		s.succeeds(s.started(s.ci(), push(8, 1)))
		s.wantStatus(r.Run.ID, dbtcloudtest.Success)
		s.wantNoClones()
	})
}

func TestKeptClones(t *testing.T) {
	endings := map[string]func(s *stage) error{
		"SweepAll": func(s *stage) error { _, err := s.ci().SweepAll(s.t.Context()); return err },
		"Close": func(s *stage) error {
			_, err := s.ci().Close(s.t.Context(), dbtcloud.Closing{PullRequest: push(7, 1).PullRequest})
			return err
		},
	}
	t.Parallel()
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t)
				s.occupy()
				a := s.ci()
				a.KeepClone = true
				r := s.started(a, push(7, 1))
				clone := r.CloneJobID
				s.succeeds(r)
				time.Sleep(2 * time.Hour)
				report, err := s.ci().Sweep(t.Context())
				if diff := cmp.Diff(dbtcloud.SweepReport{Kept: []int64{clone}}, report); diff != "" || err != nil {
					t.Errorf("%v, report (-want +got):\n%s", err, diff)
				}
				if j, _ := s.Job(clone); !j.DeletedAt.IsZero() || clone == 0 {
					t.Fatalf("clone %d is gone", clone)
				}
				if err := end(s); err != nil {
					t.Error(err)
				}
				s.wantNoClones()
			})
		})
	}
}

// Clones that somebody else deletes meanwhile are done; what cannot be deleted is told.
func TestSweepErrors(t *testing.T) {
	const routeDelete = "DELETE /api/v2/accounts/{account}/jobs/{id}/"
	for status, fails := range map[int]bool{404: false, 403: true} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t)
				clones := []int64{s.cloneJob(1, "d"), s.cloneJob(2, "d")}
				time.Sleep(time.Hour)
				s.Inject(dbtcloudtest.Fault{Route: routeDelete, Times: 1, Kind: dbtcloudtest.Status(status, dbtcloudtest.EnvelopeBody)})
				report, err := s.ci().Sweep(t.Context())
				want := dbtcloud.SweepReport{Deleted: clones}
				if fails {
					wantError(t, err, dbtcloud.ErrForbidden, fmt.Sprint(clones[0]))
					want.Deleted = clones[1:]
				} else if err != nil {
					t.Error(err)
				}
				if diff := cmp.Diff(want, report); diff != "" {
					t.Errorf("report (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// The sweep of a runner spares its own clone and is no reason to fail.
func TestSweepAfterTheTrigger(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		s.cloneJob(3, "d")
		time.Sleep(time.Hour)
		s.occupy()
		s.Inject(dbtcloudtest.Fault{Route: "DELETE /api/v2/accounts/{account}/jobs/{id}/", Times: 1, Kind: dbtcloudtest.Status(403, dbtcloudtest.EnvelopeBody)})
		r := s.started(s.ci(), push(7, 1))
		if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "sweeping") {
			t.Errorf("warnings %q", r.Warnings)
		}
		s.succeeds(r)
	})
}

func TestHead(t *testing.T) {
	tests := map[string]struct {
		heads []int // in turn; the last one goes on
		fails bool
		runs  int
		want  dbtcloud.Decision
	}{
		"still the head":        {heads: []int{2}, runs: 2, want: dbtcloud.OnSource},
		"not the head":          {heads: []int{3}, runs: 1, want: dbtcloud.Superseded},
		"moves on while we act": {heads: []int{2, 2, 3}, runs: 1, want: dbtcloud.Superseded},
		"cannot be read":        {heads: []int{2}, fails: true, runs: 2, want: dbtcloud.OnSource},
	}
	t.Parallel()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t)
				old := s.AddRun(dbtcloudtest.RunSpec{JobID: s.job, PullRequest: pull(7), SHA: commit(1), Schema: s.schemaOf(7)})
				s.settle()
				a := s.ci()
				heads := slices.Clone(tt.heads)
				a.Head = func(_ context.Context, pr dbtcloud.PullRequest) (string, error) {
					if pr.Number != 7 {
						t.Errorf("asked for %s", pr)
					}
					head := heads[0]
					if len(heads) > 1 {
						heads = heads[1:]
					}
					if tt.fails {
						return "", errors.New("the host is down")
					}
					return strings.ToUpper(commit(head)), nil
				}
				r := s.started(a, push(7, 2))
				if r.Decision != tt.want || len(s.runsOf(7)) != tt.runs {
					t.Errorf("decided %s: %s, %d runs", r.Decision, r.Reason, len(s.runsOf(7)))
				}
				if warned := len(r.Warnings) > 0; warned != tt.fails {
					t.Errorf("warnings %q", r.Warnings)
				}
				if name == "not the head" {
					s.wantUntouched()
					s.wantStatus(old, dbtcloudtest.Running)
				}
				if tt.want == dbtcloud.Superseded {
					_, err := r.Wait(t.Context())
					wantError(t, err, dbtcloud.ErrSuperseded, commit(3)[:12])
				}
			})
		})
	}
}

// A job that defers to nothing has no state to compare with.
func TestWarnsOfNoDeferral(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		s.EditJob(s.job, func(fields map[string]any) { fields["deferring_environment_id"] = nil })
		r := s.started(s.ci(), push(7, 1))
		if text := strings.Join(r.Warnings, "\n"); !strings.Contains(text, "defers to nothing") {
			t.Errorf("warnings %q", r.Warnings)
		}
	})
}

// Everything at once: ids as texts, unknown fields and values, deleted jobs that
// still answer, small pages.
func TestRealityAsItIs(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t, dbtcloudtest.WithNoise(), dbtcloudtest.WithStringIDs(), dbtcloudtest.WithDeletedJobs(),
			dbtcloudtest.WithDeletes(dbtcloudtest.Envelope), dbtcloudtest.WithMaxPageSize(2))
		s.occupy()
		old := s.started(s.ci(), push(7, 1)).Run.ID
		s.settle()
		r := s.started(s.ci(), push(7, 2))
		if diff := cmp.Diff([]int64{old}, r.CancelledRunIDs); diff != "" {
			t.Errorf("cancelled (-want +got):\n%s", diff)
		}
		s.succeeds(r)
		s.wantNoClones()
	})
}
