package dbtcloud_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// Two runners see the job idle and both trigger it: the second moves to a clone.
func TestRace9_01_TwoPullRequestsAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		begun := time.Now()
		var results [2]*dbtcloud.CIRun
		pipeline := func(i int) func() {
			return func() {
				r, err := s.tested(s.ci(), push(int64(i+1), i+1))
				if err != nil {
					t.Errorf("pull request %d: %v", i+1, err)
				}
				results[i] = r
			}
		}
		together(pipeline(0), pipeline(1))
		if took := time.Since(begun); took > runTime+time.Minute {
			t.Errorf("both were tested after %s: one waited for the other", took)
		}
		slices.SortFunc(results[:], func(a, b *dbtcloud.CIRun) int { return len(a.MovedRunIDs) - len(b.MovedRunIDs) })
		stayed, moved := results[0], results[1]
		if len(stayed.MovedRunIDs) != 0 || len(moved.MovedRunIDs) != 1 {
			t.Fatalf("moved %v and %v, want one of them once", stayed.MovedRunIDs, moved.MovedRunIDs)
		}
		if stayed.Run.JobID != s.job || moved.Run.JobID == s.job || stayed.Run.ID > moved.MovedRunIDs[0] {
			t.Errorf("run %d stayed on job %d, %d moved: want the lower run to keep the source job", stayed.Run.ID, stayed.Run.JobID, moved.MovedRunIDs[0])
		}
		s.wantNoClones()
	})
}

// Six runs are queued and one slot becomes free. Lists lag, so all six see it free
// for ten seconds and more: the first few of the queue move, not all.
func TestRace9_01_OneFreeSlot(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t, dbtcloudtest.WithRunSlots(2), dbtcloudtest.WithListLag(dbtcloudtest.Fixed(9*time.Second)))
		filled := s.fill(1)
		s.occupy()
		var pipelines []func()
		for pr := range int64(6) {
			pipelines = append(pipelines, func() {
				if _, err := s.tested(s.ci(), push(pr+1, 1)); err != nil {
					t.Errorf("pull request %d: %v", pr+1, err)
				}
			})
		}
		s.At(time.Now().Add(90*time.Second), func(now *dbtcloudtest.Server) { now.FinishRun(filled[0], dbtcloudtest.Success) })
		s.At(time.Now().Add(3*time.Minute), func(now *dbtcloudtest.Server) {
			var first []string
			for _, run := range now.Runs()[2:5] {
				first = append(first, fmt.Sprintf(":%d:", run.PullRequest.Number))
			}
			clones := 0
			for _, j := range now.Jobs() {
				if !strings.HasPrefix(j.Name, "dbtcloud-ci:") {
					continue
				}
				clones++
				if !slices.ContainsFunc(first, func(pr string) bool { return strings.Contains(j.Name, pr) }) {
					t.Errorf("%s was made, want a clone of the first in the queue, %v", j.Name, first)
				}
			}
			if clones == 0 || clones > 3 {
				t.Errorf("%d clones were made for one free slot", clones)
			}
		})
		together(pipelines...)
		s.wantNoClones()
	})
}

// Others have the same number: another project, another host, another job, no number.
func TestRace9_02_PullRequestNumbersCollide(t *testing.T) {
	t.Parallel()
	others := map[string]func(s *stage) dbtcloudtest.RunSpec{
		"another project": func(s *stage) dbtcloudtest.RunSpec {
			job := s.AddJob(dbtcloudtest.JobSpec{Name: "Slim CI", ProjectID: 42})
			return dbtcloudtest.RunSpec{JobID: job, PullRequest: dbtcloudtest.PullRequest{Host: dbtcloudtest.GitHub, Number: 50}}
		},
		"another project with a clone's name": func(s *stage) dbtcloudtest.RunSpec {
			job := s.AddJob(dbtcloudtest.JobSpec{Name: fmt.Sprintf("dbtcloud-ci:%d:github:50:abcdefgh:d", s.job), ProjectID: 42})
			return dbtcloudtest.RunSpec{JobID: job, PullRequest: dbtcloudtest.PullRequest{Host: dbtcloudtest.GitHub, Number: 50}}
		},
		"another job of the project": func(s *stage) dbtcloudtest.RunSpec {
			job := s.AddJob(dbtcloudtest.JobSpec{Name: "Slim CI of the other package"})
			return dbtcloudtest.RunSpec{JobID: job, PullRequest: dbtcloudtest.PullRequest{Host: dbtcloudtest.GitHub, Number: 50}}
		},
		"a clone of another job": func(s *stage) dbtcloudtest.RunSpec {
			job := s.AddJob(dbtcloudtest.JobSpec{Name: fmt.Sprintf("dbtcloud-ci:%d:github:50:abcdefgh:d", s.job+1)})
			return dbtcloudtest.RunSpec{JobID: job, PullRequest: dbtcloudtest.PullRequest{Host: dbtcloudtest.GitHub, Number: 50}}
		},
		"another host": func(s *stage) dbtcloudtest.RunSpec {
			return dbtcloudtest.RunSpec{JobID: s.job, PullRequest: dbtcloudtest.PullRequest{Host: dbtcloudtest.GitLab, Number: 50}}
		},
		"no pull request": func(s *stage) dbtcloudtest.RunSpec {
			return dbtcloudtest.RunSpec{JobID: s.job, Cause: "started by hand"}
		},
		"another number": func(s *stage) dbtcloudtest.RunSpec {
			return dbtcloudtest.RunSpec{JobID: s.job, PullRequest: dbtcloudtest.PullRequest{Host: dbtcloudtest.GitHub, Number: 51}}
		},
	}
	for name, spec := range others {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t)
				other := spec(s)
				other.SHA = commit(1)
				id := s.AddRun(other)
				s.settle()
				r := s.started(s.ci(), push(50, 2))
				s.succeeds(r)
				s.wantStatus(id, dbtcloudtest.Success)
				if s.sent(routeCancel) != 0 || len(r.CancelledRunIDs) != 0 {
					t.Errorf("cancelled %v", r.CancelledRunIDs)
				}
			})
		})
	}
}

// A run that is answered with "trigger": null is nobody's, also for a run that waits.
func TestRace9_02_TriggerIsNull(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t, dbtcloudtest.WithRunSlots(2))
		job := s.AddJob(dbtcloudtest.JobSpec{Name: "production", JobType: "scheduled"})
		for _, id := range []int64{s.job, job} {
			s.AddRun(dbtcloudtest.RunSpec{JobID: id})
		}
		s.settle()
		nulls := rewriting(func(r *http.Request, body []byte) []byte {
			var list struct {
				Status json.RawMessage  `json:"status"`
				Data   []map[string]any `json:"data"`
			}
			if r.Method != http.MethodGet || json.Unmarshal(body, &list) != nil {
				return body
			}
			for _, run := range list.Data {
				if trigger, ok := run["trigger"].(map[string]any); ok && trigger["github_pull_request_id"] == nil {
					run["trigger"] = nil
				}
			}
			out, err := json.Marshal(list)
			if err != nil {
				return body
			}
			return out
		})
		s.succeeds(s.started(s.ci(nulls), push(50, 1)))
		if n := s.sent(routeCancel); n != 0 {
			t.Errorf("%d cancels were sent", n)
		}
	})
}

// The pipeline of an older commit arrives late and finds the newer one at work.
func TestRace9_03_OlderCommitArrivesLater(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		newer := s.started(s.ci(), numbered(push(7, 2), 12))
		s.settle()
		late := s.started(s.ci(), numbered(push(7, 1), 11))
		if late.Decision != dbtcloud.Superseded || late.SupersededBy != newer.Run.ID || late.Run != nil {
			t.Errorf("decided %s by %d, run %v, want superseded by %d", late.Decision, late.SupersededBy, late.Run, newer.Run.ID)
		}
		_, err := late.Wait(t.Context())
		wantError(t, err, dbtcloud.ErrSuperseded, fmt.Sprint(newer.Run.ID))
		s.succeeds(newer)
		if runs := s.runsOf(7); len(runs) != 1 {
			t.Errorf("%d runs were started, want 1", len(runs))
		}
	})
}

// The re-run button: the same commit is not built twice at the same time.
func TestRace9_03_SameCommitTwice(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		first := s.started(s.ci(), push(7, 1))
		s.settle()
		again := s.started(s.ci(), push(7, 1))
		if again.Decision != dbtcloud.Adopt || !again.Adopted || again.Run.ID != first.Run.ID {
			t.Errorf("decided %s, run %d, want to adopt %d", again.Decision, again.Run.ID, first.Run.ID)
		}
		s.succeeds(again)
		s.succeeds(first)
		if runs := s.runsOf(7); len(runs) != 1 || s.sent(routeCancel) != 0 {
			t.Errorf("%d runs and %d cancels, want one run", len(runs), s.sent(routeCancel))
		}
	})
}

// Both pushes see nothing of each other until after their triggers.
func TestRace9_03_TwoPushesAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		var older, newer *dbtcloud.CIRun
		var olderErr, newerErr error
		together(
			func() { newer, newerErr = s.tested(s.ci(), numbered(push(7, 2), 2)) },
			func() { older, olderErr = s.tested(s.ci(), numbered(push(7, 1), 1)) },
		)
		if newerErr != nil {
			t.Fatalf("the newer commit: %v", newerErr)
		}
		wantError(t, olderErr, dbtcloud.ErrSuperseded)
		if older.SupersededBy != newer.Run.ID {
			t.Errorf("superseded by %d, want %d", older.SupersededBy, newer.Run.ID)
		}
		s.wantStatus(newer.Run.ID, dbtcloudtest.Success)
		s.wantStatus(older.Run.ID, dbtcloudtest.Cancelled)
		if cancelled := s.run(older.Run.ID); cancelled.FinishedAt.After(s.run(newer.Run.ID).FinishedAt) {
			t.Error("the older run outlived the newer one")
		}
		s.wantNoClones()
	})
}

// The newest of more than 100 active runs is the one to cancel.
func TestRace9_04_MoreThanOnePageOfRuns(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t, dbtcloudtest.WithRunSlots(0))
		s.fill(130)
		old := s.AddRun(dbtcloudtest.RunSpec{JobID: s.job, PullRequest: dbtcloudtest.PullRequest{Host: dbtcloudtest.GitHub, Number: 7}, SHA: commit(1)})
		time.Sleep(2 * time.Second)
		r := s.started(s.ci(), push(7, 2))
		if diff := cmp.Diff([]int64{old}, r.CancelledRunIDs); diff != "" {
			t.Errorf("cancelled runs (-want +got):\n%s", diff)
		}
		s.wantStatus(old, dbtcloudtest.Cancelled)
	})
}

// Lists lag behind by more than both pipelines need: what was confirmed on a list
// without the own run would leave two runs on one schema.
func TestRace9_05_StaleLists(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t, dbtcloudtest.WithListLag(dbtcloudtest.Fixed(5*time.Second)))
		pipeline := func(i int) func() {
			return func() {
				a := s.ci()
				a.NoWait = true
				if _, err := a.Trigger(t.Context(), numbered(push(7, i+1), int64(i+1))); err != nil {
					t.Errorf("commit %d: %v", i+1, err)
				}
			}
		}
		together(pipeline(0), pipeline(1))
		s.settle()
		left := unfinished(s.runsOf(7))
		if len(left) != 1 || left[0].SHA != commit(2) {
			t.Errorf("unfinished runs %v, want that of the newer commit alone", left)
		}
	})
}

// A run cannot be read for a while after it was triggered.
func TestRace9_05_RunNotReadableYet(t *testing.T) {
	t.Parallel()
	tests := map[string]dbtcloudtest.Option{
		"for a time":     dbtcloudtest.WithReadLag(40 * time.Second),
		"for some reads": dbtcloudtest.WithReadMisses(4),
	}
	for name, opt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t, opt)
				s.succeeds(s.started(s.ci(), push(7, 1)))
			})
		})
	}
}

// The same for the run that a queued one became by moving, long after Wait began.
func TestRace9_05_MovedRunNotReadableYet(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t, dbtcloudtest.WithRunSlots(2), dbtcloudtest.WithReadMisses(4))
		filled := s.fill(1)
		s.occupy()
		s.At(time.Now().Add(2*time.Minute), func(now *dbtcloudtest.Server) { now.FinishRun(filled[0], dbtcloudtest.Success) })
		r := s.started(s.ci(), push(7, 1))
		s.succeeds(r)
		if len(r.MovedRunIDs) != 1 {
			t.Errorf("moved %v, want once", r.MovedRunIDs)
		}
	})
}

// uncertain are the ways in which the answer to a trigger gets lost.
func uncertain() map[string]dbtcloudtest.Fault {
	return map[string]dbtcloudtest.Fault{
		"answer lost":             {Kind: dbtcloudtest.LostAnswer()},
		"gateway after the work":  {Kind: dbtcloudtest.Status(502, dbtcloudtest.HTMLBody), AfterWork: true},
		"gateway before the work": {Kind: dbtcloudtest.Status(502, dbtcloudtest.HTMLBody)},
		"timeout after the work":  {Kind: dbtcloudtest.Status(504, dbtcloudtest.NoBody), AfterWork: true},
		"server error":            {Kind: dbtcloudtest.Status(500, dbtcloudtest.DetailBody)},
		"HTML 200":                {Kind: dbtcloudtest.HTML200()},
		"truncated":               {Kind: dbtcloudtest.Truncated()},
		"empty":                   {Kind: dbtcloudtest.EmptyBody()},
		"null":                    {Kind: dbtcloudtest.DataNull()},
		"slower than the timeout": {Kind: dbtcloudtest.Slow(2 * time.Minute)},
		"never sent":              {Kind: dbtcloudtest.LostRequest()},
	}
}

func TestRace9_06_UncertainTrigger(t *testing.T) {
	t.Parallel()
	for name, fault := range uncertain() {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t)
				fault.Route, fault.Times = routeTrigger, 1
				s.Inject(fault)
				r := s.started(s.ci(), push(7, 1))
				s.succeeds(r)
				runs := s.runsOf(7)
				if len(runs) != 1 || runs[0].ID != r.Run.ID {
					t.Errorf("%d runs were started, want exactly one", len(runs))
				}
			})
		})
	}
}

// On a clone too, which must not be deleted meanwhile.
func TestRace9_06_UncertainTriggerOnAClone(t *testing.T) {
	t.Parallel()
	for name, fault := range uncertain() {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t)
				s.occupy()
				fault.Route, fault.Times = routeTrigger, 1
				s.Inject(fault)
				r := s.started(s.ci(), push(7, 1))
				if r.Decision != dbtcloud.OnClone {
					t.Errorf("decided %s: %s", r.Decision, r.Reason)
				}
				s.succeeds(r)
				if runs := s.runsOf(7); len(runs) != 1 {
					t.Errorf("%d runs were started, want exactly one", len(runs))
				}
				s.wantNoClones()
			})
		})
	}
}

// The list lags so long that the trigger is repeated, and then both runs appear:
// the lower one stays.
func TestRace9_06_BothAppear(t *testing.T) {
	t.Parallel()
	changes := map[string]dbtcloud.Change{
		"commit": push(7, 1),
		"branch": {PullRequest: dbtcloud.PullRequest{Host: dbtcloud.GitHub, Number: 7}, Branch: "feature"},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t, dbtcloudtest.WithListLag(dbtcloudtest.Fixed(90*time.Second)))
				s.Inject(dbtcloudtest.Fault{Route: routeTrigger, Times: 1, Kind: dbtcloudtest.LostAnswer()})
				s.settle()
				r := s.started(s.ci(), change)
				s.succeeds(r)
				runs := s.runsOf(7)
				if len(runs) != 2 {
					t.Fatalf("%d runs, want the lost one and its repetition", len(runs))
				}
				s.wantStatus(runs[0].ID, dbtcloudtest.Success)
				s.wantStatus(runs[1].ID, dbtcloudtest.Cancelled)
				if r.Run.ID != runs[0].ID || r.Adopted {
					t.Errorf("followed run %d, adopted %t, want %d, which is our own", r.Run.ID, r.Adopted, runs[0].ID)
				}
			})
		})
	}
}

// The answer to the creation of a clone gets lost: it is found by its name.
func TestRace9_06_UncertainCreate(t *testing.T) {
	t.Parallel()
	for name, fault := range uncertain() {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t)
				s.occupy()
				fault.Route, fault.Times = routeCreate, 1
				s.Inject(fault)
				a := s.ci()
				r := s.started(a, push(7, 1))
				s.succeeds(r)
				made := len(s.clones())
				if made > 1 {
					t.Errorf("%d clones were made", made)
				}
				if made == 1 && r.Decision != dbtcloud.OnClone {
					t.Errorf("decided %s: %s, want the clone that was made after all", r.Decision, r.Reason)
				}
				if made == 0 && r.Decision != dbtcloud.Queue {
					t.Errorf("decided %s: %s, want the queue", r.Decision, r.Reason)
				}
				s.wantNoClones()
			})
		})
	}
}

// The machine dies while its run is on a clone: the next invocation cleans up.
func TestRace9_07_RunnerKilled(t *testing.T) {
	t.Parallel()
	for requests := range 9 {
		t.Run(fmt.Sprintf("after %d requests", requests), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t)
				s.occupy()
				ctx, kill := context.WithCancel(t.Context())
				dead := s.ci(dying(requests))
				time.AfterFunc(30*time.Second, kill)
				if r, err := dead.Trigger(ctx, push(7, 1)); err == nil {
					_, _ = r.Wait(ctx)
				}
				time.Sleep(40 * time.Minute)
				s.succeeds(s.started(s.ci(), push(8, 1)))
				s.wantNoClones()
				for _, run := range s.runsOf(7) {
					s.wantStatus(run.ID, dbtcloudtest.Success)
				}
			})
		})
	}
}

// Whatever looks like a clone and is not ours in full stays.
func TestRace9_07_SweepsOnlyWhatIsOurs(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		names := []string{
			"Slim CI",
			"dbtcloud-ci",
			fmt.Sprintf("dbtcloud-ci:%d:", s.job),
			fmt.Sprintf("dbtcloud-ci:%d:github:7:abcdefgh:x", s.job),
			fmt.Sprintf("dbtcloud-ci:%d:github:7:abcdefgh", s.job),
			fmt.Sprintf("dbtcloud-ci:%d:github:0:abcdefgh:d", s.job),
			fmt.Sprintf("dbtcloud-ci:%d:bitbucket:7:abcdefgh:d", s.job),
			fmt.Sprintf("my dbtcloud-ci:%d:github:7:abcdefgh:d", s.job),
			fmt.Sprintf("dbtcloud-ci:%d1:github:7:abcdefgh:d", s.job),
			fmt.Sprintf("dbtcloud-ci:%d:github:7:abcdefgh:d a copy of dbtcloud-ci:%d:", s.job+1, s.job),
			fmt.Sprintf("DBTCLOUD-CI:%d:github:7:abcdefgh:d", s.job),
		}
		for _, name := range names {
			s.AddJob(dbtcloudtest.JobSpec{Name: name})
		}
		ours := s.AddJob(dbtcloudtest.JobSpec{Name: fmt.Sprintf("dbtcloud-ci:%d:github:7:abcdefgh:d Slim CI", s.job)})
		time.Sleep(time.Hour)
		report, err := s.ci().SweepAll(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(dbtcloud.SweepReport{Deleted: []int64{ours}}, report); diff != "" {
			t.Errorf("report (-want +got):\n%s", diff)
		}
		for _, j := range s.Jobs() {
			if j.ID != ours && !j.DeletedAt.IsZero() {
				t.Errorf("job %q was deleted", j.Name)
			}
		}
	})
}

// A clone with an unfinished run, or one that may still get its run, stays.
func TestRace9_08_SweepSparesWhatIsInUse(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t, dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome {
			return dbtcloudtest.Outcome{Duration: 2 * time.Hour}
		}))
		clone := func(pr int, letter string) int64 {
			return s.AddJob(dbtcloudtest.JobSpec{Name: fmt.Sprintf("dbtcloud-ci:%d:github:%d:abcdefgh:%s", s.job, pr, letter)})
		}
		running, finished, unused, kept := clone(1, "d"), clone(2, "d"), clone(3, "d"), clone(4, "k")
		run := s.AddRun(dbtcloudtest.RunSpec{JobID: running})
		s.FinishRun(s.AddRun(dbtcloudtest.RunSpec{JobID: finished}), dbtcloudtest.Error)
		time.Sleep(31 * time.Minute)
		young := clone(5, "d")
		s.settle()
		report, err := s.ci().Sweep(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := dbtcloud.SweepReport{Deleted: []int64{finished, unused}, Active: []int64{running}, Young: []int64{young}, Kept: []int64{kept}}
		if diff := cmp.Diff(want, report); diff != "" {
			t.Errorf("report (-want +got):\n%s", diff)
		}
		s.wantStatus(run, dbtcloudtest.Running)
	})
}

// The age of a clone is measured by the server's clock, whatever the runner's says.
func TestRace9_08_AgeByTheServersClock(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		age     time.Duration // of the clone, by the runner's clock
		ahead   time.Duration // the server's clock
		deleted bool
	}{
		"old by ours, young by theirs": {time.Hour, -50 * time.Minute, false},
		"young by ours, old by theirs": {2 * time.Minute, time.Hour, true},
		"old by both":                  {time.Hour, 0, true},
		"young by both":                {2 * time.Minute, 0, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t)
				clone := s.AddJob(dbtcloudtest.JobSpec{Name: fmt.Sprintf("dbtcloud-ci:%d:github:7:abcdefgh:d", s.job)})
				time.Sleep(tt.age)
				skewed := around(func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
					res, err := next.RoundTrip(r)
					if err == nil {
						res.Header.Set("Date", time.Now().Add(tt.ahead).UTC().Format(http.TimeFormat))
					}
					return res, err
				})
				if _, err := s.ci(skewed).Sweep(t.Context()); err != nil {
					t.Fatal(err)
				}
				if j, _ := s.Job(clone); j.DeletedAt.IsZero() == tt.deleted {
					t.Errorf("deleted: %t, want %t", !j.DeletedAt.IsZero(), tt.deleted)
				}
			})
		})
	}
}

// The outdated run ends by itself between the list and the cancel.
func TestRace9_09_CancelRacesWithFinish(t *testing.T) {
	t.Parallel()
	cancels := map[string]*dbtcloudtest.Fault{
		"nested answer": nil,
		"refused":       {Route: routeCancel, Kind: dbtcloudtest.Status(409, dbtcloudtest.EnvelopeBody)},
		"gone":          {Route: routeCancel, Kind: dbtcloudtest.Status(404, dbtcloudtest.EnvelopeBody)},
		"bad request":   {Route: routeCancel, Kind: dbtcloudtest.Status(400, dbtcloudtest.EnvelopeBody)},
		"no data":       {Route: routeCancel, Kind: dbtcloudtest.DataNull()},
	}
	for name, fault := range cancels {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t, dbtcloudtest.WithLatency(dbtcloudtest.Fixed(200*time.Millisecond)))
				old := s.started(s.ci(), push(7, 1)).Run.ID
				s.settle()
				if fault != nil {
					s.Inject(*fault)
				}
				s.At(time.Now().Add(220*time.Millisecond), func(now *dbtcloudtest.Server) { now.FinishRun(old, dbtcloudtest.Success) })
				r := s.started(s.ci(), push(7, 2))
				s.succeeds(r)
				s.wantStatus(old, dbtcloudtest.Success)
				if n := s.sent(routeCancel); n == 0 {
					t.Error("no cancel was sent: the test missed the window")
				}
				if len(r.CancelledRunIDs) != 0 {
					t.Errorf("cancelled %v, but that run ended by itself", r.CancelledRunIDs)
				}
			})
		})
	}
}

// The new run starts only when the old ones have ended, on whichever jobs they are.
func TestRace9_10_CancelIsNotCompletion(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t, dbtcloudtest.WithCancelLatency(dbtcloudtest.Fixed(20*time.Second)))
		var old []int64
		clone := s.AddJob(dbtcloudtest.JobSpec{Name: fmt.Sprintf("dbtcloud-ci:%d:github:7:abcdefgh:d", s.job)})
		for i, job := range []int64{s.job, s.job, clone} {
			old = append(old, s.AddRun(dbtcloudtest.RunSpec{JobID: job, PullRequest: dbtcloudtest.PullRequest{Host: dbtcloudtest.GitHub, Number: 7}, SHA: commit(i), Schema: s.schemaOf(7)}))
		}
		s.settle()
		r := s.started(s.ci(), push(7, 9))
		ours := s.run(r.Run.ID)
		for _, id := range old {
			if run := s.run(id); run.Status != dbtcloudtest.Cancelled || run.FinishedAt.After(ours.CreatedAt) {
				t.Errorf("run %d is %s since %s, ours was triggered at %s", id, run.Status, run.FinishedAt, ours.CreatedAt)
			}
		}
		if diff := cmp.Diff(old, r.CancelledRunIDs); diff != "" {
			t.Errorf("cancelled runs (-want +got):\n%s", diff)
		}
		s.succeeds(r)
		s.wantNoClones()
	})
}

// Whatever a clone needs is looked at before the old run is cancelled.
func TestRace9_11_EverythingIsCheckedBeforeTheCancel(t *testing.T) {
	t.Parallel()
	tests := map[string]dbtcloudtest.Fault{
		"job":       {Route: routeJob, Kind: dbtcloudtest.Status(401, dbtcloudtest.EnvelopeBody)},
		"runs":      {Route: routeRuns, Kind: dbtcloudtest.Status(401, dbtcloudtest.EnvelopeBody)},
		"account":   {Route: routeAccount, Kind: dbtcloudtest.Status(401, dbtcloudtest.EnvelopeBody)},
		"overrides": {Route: routeVars, Kind: dbtcloudtest.Status(401, dbtcloudtest.EnvelopeBody)},
	}
	for name, fault := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t)
				s.occupy()
				old := s.AddRun(dbtcloudtest.RunSpec{JobID: s.job, PullRequest: dbtcloudtest.PullRequest{Host: dbtcloudtest.GitHub, Number: 7}, SHA: commit(1)})
				s.settle()
				s.Inject(fault)
				_, err := s.ci().Trigger(t.Context(), push(7, 2))
				wantError(t, err, dbtcloud.ErrUnauthorized)
				s.wantUntouched()
				s.wantStatus(old, dbtcloudtest.Queued)
			})
		})
	}
}

// Cloning fails after the old run was cancelled: the pull request still gets a run.
func TestRace9_11_CloneFails(t *testing.T) {
	t.Parallel()
	tests := map[string]dbtcloudtest.Fault{
		"create forbidden": {Route: routeCreate, Kind: dbtcloudtest.Status(403, dbtcloudtest.EnvelopeBody)},
		"create invalid":   {Route: routeCreate, Kind: dbtcloudtest.Status(400, dbtcloudtest.EnvelopeBody)},
		"create refused":   {Route: routeCreate, Kind: dbtcloudtest.Status(405, dbtcloudtest.EnvelopeBody)},
		"server error":     {Route: routeCreate, Kind: dbtcloudtest.Status(500, dbtcloudtest.DetailBody)},
		"trigger refused":  {Route: routeTrigger, Times: 1, Kind: dbtcloudtest.Status(404, dbtcloudtest.EnvelopeBody)},
	}
	for name, fault := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t)
				s.occupy()
				old := s.AddRun(dbtcloudtest.RunSpec{JobID: s.job, PullRequest: dbtcloudtest.PullRequest{Host: dbtcloudtest.GitHub, Number: 7}, SHA: commit(1)})
				s.settle()
				s.Inject(fault)
				a := s.ci()
				a.NoMove = true
				r := s.started(a, push(7, 2))
				if r.Decision != dbtcloud.Queue || r.Run.JobID != s.job || !strings.Contains(r.Reason, "clon") {
					t.Errorf("decided %s on job %d: %s, want queued, and why", r.Decision, r.Run.JobID, r.Reason)
				}
				s.wantStatus(old, dbtcloudtest.Cancelled)
				s.succeeds(r)
				s.wantNoClones()
			})
		})
	}
}

// Slots are counted, and what waits for a slot is before us.
func TestRace9_12_Slots(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fill int // runs of other jobs, beside the one that occupies the job
		opts []dbtcloudtest.Option
		set  func(*dbtcloud.AutoscaleCI)
		want dbtcloud.Decision
		says string
	}{
		"a slot is free":            {fill: 3, want: dbtcloud.OnClone, says: "1 of 5 slots are free"},
		"no slot is free":           {fill: 4, want: dbtcloud.Queue, says: "no slot is free"},
		"some wait for a slot":      {fill: 6, want: dbtcloud.Queue, says: "2 waiting"},
		"fewer slots for us":        {fill: 1, set: func(a *dbtcloud.AutoscaleCI) { a.MaxRunSlots = 2 }, want: dbtcloud.Queue, says: "no slot is free"},
		"more slots than there are": {fill: 4, set: func(a *dbtcloud.AutoscaleCI) { a.MaxRunSlots = 50 }, want: dbtcloud.Queue, says: "no slot is free"},
		"slots not known":           {fill: 1, opts: []dbtcloudtest.Option{dbtcloudtest.WithRunSlots(0)}, want: dbtcloud.OnClone, says: "not known"},
		"account forbidden":         {fill: 1, opts: []dbtcloudtest.Option{dbtcloudtest.WithAccountForbidden()}, want: dbtcloud.OnClone, says: "not known"},
		"account forbidden, own limit": {fill: 1, opts: []dbtcloudtest.Option{dbtcloudtest.WithAccountForbidden()},
			set: func(a *dbtcloud.AutoscaleCI) { a.MaxRunSlots = 2 }, want: dbtcloud.Queue, says: "no slot is free"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t, tt.opts...)
				s.occupy()
				s.fill(tt.fill)
				a := s.ci()
				if tt.set != nil {
					tt.set(a)
				}
				r := s.started(a, push(7, 1))
				if r.Decision != tt.want || !strings.Contains(r.Reason, tt.says) {
					t.Errorf("decided %s: %s, want %s: %s", r.Decision, r.Reason, tt.want, tt.says)
				}
				if made := len(s.clones()); made != 0 && tt.want == dbtcloud.Queue {
					t.Errorf("%d clones were made without a free slot", made)
				}
				s.succeeds(r)
				s.wantNoClones()
			})
		})
	}
}

// A token that sees one project under-counts: the clone then waits like any run.
func TestRace9_12_SlotsOfOtherProjectsAreNotSeen(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t, dbtcloudtest.WithProjectScope(dbtcloudtest.DefaultProjectID), dbtcloudtest.WithRunSlots(3))
		s.occupy()
		for range 2 {
			job := s.AddJob(dbtcloudtest.JobSpec{Name: "unseen", ProjectID: 42, JobType: "scheduled"})
			s.AddRun(dbtcloudtest.RunSpec{JobID: job})
		}
		s.settle()
		r := s.started(s.ci(), push(7, 1))
		if r.Decision != dbtcloud.OnClone || r.Run.Status != dbtcloud.RunQueued {
			t.Errorf("decided %s, run %s, want queued on a clone", r.Decision, r.Run.Status)
		}
		s.succeeds(r)
		s.wantNoClones()
	})
}

// fullQueue is an account whose queue takes no more.
func fullQueue(t *testing.T) *stage {
	s := newStage(t, dbtcloudtest.WithQueueLimit(6), dbtcloudtest.WithRunSlots(1))
	s.occupy()
	s.fill(6)
	return s
}

func TestRace9_13_QueueFullIsAnErrorByDefault(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := fullQueue(t)
		begun := time.Now()
		_, err := s.ci().Trigger(t.Context(), push(7, 1))
		wantError(t, err, dbtcloud.ErrQueueFull, "queue")
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("it took %s to say so", took)
		}
		if n := s.sent(routeTrigger); n != 1 {
			t.Errorf("%d triggers were sent, want 1", n)
		}
	})
}

func TestRace9_13_QueueFullIsWaitedForOnRequest(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := fullQueue(t)
		a := s.ci()
		a.QueueFullWait = 10 * time.Minute
		r := s.started(a, push(7, 1))
		s.succeeds(r)
		if n := s.sent(routeTrigger); n < 2 || n > 40 {
			t.Errorf("%d triggers were sent, want one for each look", n)
		}
	})
	t.Run("but not for ever", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			s := fullQueue(t)
			a := s.ci()
			a.QueueFullWait = time.Minute
			begun := time.Now()
			_, err := a.Trigger(t.Context(), push(7, 1))
			wantError(t, err, dbtcloud.ErrQueueFull)
			if took := time.Since(begun); took < time.Minute || took > 90*time.Second {
				t.Errorf("gave up after %s, want a minute", took)
			}
		})
	})
}

func TestRace9_14_DeactivatedJob(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		s.DeactivateJob(s.job)
		_, err := s.ci().Trigger(t.Context(), push(7, 1))
		wantError(t, err, dbtcloud.ErrInvalid, "deactivated", "save it")
		s.wantUntouched()
	})
}

func TestRace9_14_LockedAccount(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		s.occupy()
		s.LockAccount("unpaid invoice")
		r, err := s.ci().Trigger(t.Context(), push(7, 1))
		wantError(t, err, dbtcloud.ErrForbidden, "locked")
		if !strings.Contains(strings.Join(r.Warnings, "\n"), "unpaid invoice") {
			t.Errorf("warnings %q do not say why the account is locked", r.Warnings)
		}
		s.wantNoClones()
	})
}

// The platform or a person cancels our run: the error says who and why.
func TestRace9_14_CancelledByOthers(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		r := s.started(s.ci(), push(7, 1))
		s.At(time.Now().Add(time.Minute), func(now *dbtcloudtest.Server) {
			now.CancelRun(r.Run.ID, "Ada Lovelace", "Cancelled for maintenance.")
		})
		run, err := r.Wait(t.Context())
		wantError(t, err, dbtcloud.ErrRunCancelled, "Ada Lovelace", "maintenance")
		if run.Status != dbtcloud.RunCancelled || len(s.runsOf(7)) != 1 {
			t.Errorf("run %s, %d runs, want it cancelled and not started again", run.Status, len(s.runsOf(7)))
		}
	})
}

func TestRace9_15_NativeTriggerAlsoOn(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"github_webhook", "git_provider_webhook"} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t)
				s.EditJob(s.job, func(fields map[string]any) {
					triggers := map[string]any{"schedule": false, "custom_branch_only": false, "on_merge": false, "github_webhook": false, "git_provider_webhook": nil}
					triggers[name] = true
					fields["triggers"] = triggers
				})
				s.settle()
				r := s.started(s.ci(), push(7, 1))
				if text := strings.Join(r.Warnings, "\n"); !strings.Contains(text, "webhook") || !strings.Contains(text, "turn that trigger off") {
					t.Errorf("warnings %q, want one on the webhook", r.Warnings)
				}
			})
		})
	}
}

// A setting that this version does not know is named, once.
func TestRace9_16_UnknownSettingIsNamed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		s.EditJob(s.job, func(fields map[string]any) { fields["quantum_mode"] = "on" })
		s.occupy()
		s.started(s.ci(), push(7, 2)) // which is outdated, so that there is more than one look
		s.settle()
		var said []string
		a := s.ci()
		a.Progress = func(_ *dbtcloud.CIRun, text string) { said = append(said, text) }
		r := s.started(a, push(7, 1))
		s.succeeds(r)
		named := slices.DeleteFunc(said, func(text string) bool { return !strings.Contains(text, "quantum_mode") })
		if len(named) != 1 || len(r.Warnings) != 1 {
			t.Errorf("said %q, warnings %q, want quantum_mode once", named, r.Warnings)
		}
	})
}

// The service makes something else of the clone: it is given up.
func TestRace9_16_RewrittenClone(t *testing.T) {
	t.Parallel()
	fields := map[string]any{"execute_steps": []string{"dbt run"}, "job_type": "other", "run_lint": true,
		"triggers": map[string]any{"github_webhook": true, "schedule": false}}
	for field, value := range fields {
		t.Run(field, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t)
				s.occupy()
				source := fmt.Sprintf("/jobs/%d/", s.job)
				rewrite := rewriting(func(r *http.Request, body []byte) []byte {
					var job struct {
						Status json.RawMessage `json:"status"`
						Data   map[string]any  `json:"data"`
					}
					single := r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/jobs/") && !strings.HasSuffix(r.URL.Path, source)
					if !single || json.Unmarshal(body, &job) != nil || job.Data == nil {
						return body
					}
					job.Data[field] = value
					out, err := json.Marshal(job)
					if err != nil {
						return body
					}
					return out
				})
				a := s.ci(rewrite)
				a.NoMove = true
				r := s.started(a, push(7, 1))
				if r.Decision != dbtcloud.Queue || !strings.Contains(r.Reason, field) {
					t.Errorf("decided %s: %s, want the queue because of %s", r.Decision, r.Reason, field)
				}
				s.succeeds(r)
				s.wantNoClones()
			})
		})
	}
}

func TestRace9_17_SecretOverride(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		s.AddEnvVarOverride(s.job, "DBT_ENV_SECRET_PASSWORD", "hunter2")
		s.AddEnvVarOverride(s.job, "DBT_LIMIT", "100")
		s.occupy()
		r := s.started(s.ci(), push(7, 1))
		if r.Decision != dbtcloud.Queue || !strings.Contains(r.Reason, "DBT_ENV_SECRET_PASSWORD") {
			t.Errorf("decided %s: %s, want the queue, and which secret", r.Decision, r.Reason)
		}
		s.succeeds(r)
		if len(s.clones()) != 0 {
			t.Error("a clone without the secret was made")
		}
	})
}

// A bad token fails at once and says that the host may be wrong.
func TestRace9_18_HostOrTokenMismatch(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		opts   []dbtcloudtest.Option
		client []dbtcloud.Option
		hint   string
	}{
		"wrong token":   {client: []dbtcloud.Option{dbtcloud.WithToken("expired")}, hint: "cell"},
		"unpaid plan":   {opts: []dbtcloudtest.Option{dbtcloudtest.WithUnpaidAccount()}, hint: "paid plan"},
		"wrong account": {client: []dbtcloud.Option{dbtcloud.WithAccount(77)}, hint: "another account"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t, tt.opts...)
				begun := time.Now()
				_, err := s.ci(tt.client...).Trigger(t.Context(), push(7, 1))
				wantError(t, err, nil, tt.hint)
				if took := time.Since(begun); took > time.Second {
					t.Errorf("it took %s to say so", took)
				}
				if n := len(s.Requests()); n > 2 {
					t.Errorf("%d requests were sent, want one look", n)
				}
				s.wantUntouched()
			})
		})
	}
}

// The token expires while we wait: that is an error at once, not news to wait for.
func TestRace9_18_TokenExpiresWhileWaiting(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		r := s.started(s.ci(), push(7, 1))
		s.Inject(dbtcloudtest.Fault{Kind: dbtcloudtest.Status(401, dbtcloudtest.EnvelopeBody)})
		before := len(s.Requests())
		_, err := r.Wait(t.Context())
		wantError(t, err, dbtcloud.ErrUnauthorized)
		if n := len(s.Requests()) - before; n > 2 {
			t.Errorf("%d requests were sent", n)
		}
	})
}

// During the cooldown nothing is sent, and the clone is cleaned up after it.
func TestRace9_19_RateLimit(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		s.occupy()
		r := s.started(s.ci(), push(7, 1))
		s.Inject(dbtcloudtest.Fault{After: 4, Times: 1, Kind: dbtcloudtest.TooManyRequests(5*time.Minute, 0)})
		s.succeeds(r)
		var refused []time.Time
		for _, request := range s.Requests() {
			if request.Status == 429 {
				refused = append(refused, request.At)
			}
		}
		// Two requests may be on their way at the same time.
		if len(refused) == 0 || len(refused) > 2 || refused[len(refused)-1].Sub(refused[0]) > time.Second {
			t.Errorf("requests were refused at %v, want no more once the pause is known", refused)
		}
		s.wantNoClones()
	})
}

// Waiting gets slower, down to the poll interval.
func TestRace9_19_PollingBacksOff(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t, dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome {
			return dbtcloudtest.Outcome{Duration: time.Hour}
		}))
		r := s.started(s.ci(), push(7, 1))
		before, begun := len(s.Requests()), time.Now()
		s.succeeds(r)
		looks := s.sent(routeRun)
		if n := len(s.Requests()) - before; looks < 300 || looks > 480 || n > 2*looks+2 {
			t.Errorf("%d looks and %d requests in %s, want a look each 8 to 10 seconds of two requests", looks, n, time.Since(begun))
		}
	})
}

// Our deadline passes: cancel or detach, as chosen; a clone in use is left to the sweep.
func TestRace9_20_Deadline(t *testing.T) {
	t.Parallel()
	tests := map[dbtcloud.Leave]dbtcloudtest.RunStatus{
		dbtcloud.LeaveCancel: dbtcloudtest.Cancelled,
		dbtcloud.LeaveDetach: dbtcloudtest.Success,
	}
	for leave, want := range tests {
		t.Run(string(leave), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t, dbtcloudtest.WithCancelLatency(dbtcloudtest.Fixed(time.Second)))
				s.occupy()
				a := s.ci()
				a.OnLeave = leave
				r := s.started(a, push(7, 1))
				ctx, done := context.WithTimeout(t.Context(), time.Minute)
				defer done()
				took := leftIn(ctx, func() {
					_, err := r.Wait(ctx)
					wantError(t, err, context.DeadlineExceeded, fmt.Sprint(r.Run.ID))
				})
				if took > 5*time.Second {
					t.Errorf("leaving took %s", took)
				}
				clone := s.clones()[0]
				if gone := !clone.DeletedAt.IsZero(); gone != (leave == dbtcloud.LeaveCancel) {
					t.Errorf("clone deleted: %t", gone)
				}
				time.Sleep(10 * time.Minute)
				s.wantStatus(r.Run.ID, want)
				if _, err := s.ci().Sweep(t.Context()); err != nil {
					t.Error(err)
				}
				s.wantNoClones()
			})
		})
	}
}

// The run ends just as the deadline passes: one more look is taken before it is late.
func TestRace9_20_LastLook(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		r := s.started(s.ci(), push(7, 1))
		deadline := s.run(r.Run.ID).StartedAt.Add(runTime + time.Second)
		s.Inject(dbtcloudtest.Fault{Match: func(q dbtcloudtest.Request) bool {
			since := deadline.Sub(q.At)
			return since > 0 && since < 10*time.Second
		}, Kind: dbtcloudtest.Status(503, dbtcloudtest.EnvelopeBody)})
		ctx, done := context.WithDeadline(t.Context(), deadline)
		defer done()
		run, err := r.Wait(ctx)
		if err != nil || run.Status != dbtcloud.RunSuccess {
			t.Errorf("run %s, error %v, want the success that the last look sees", run.Status, err)
		}
	})
}

// The schema on a clone is that of the source job.
func TestRace9_22_SchemaOfTheSourceJob(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		s.occupy()
		r := s.started(s.ci(), push(7, 1))
		if r.Decision != dbtcloud.OnClone {
			t.Fatalf("decided %s: %s", r.Decision, r.Reason)
		}
		if got, want := s.run(r.Run.ID).Schema, s.schemaOf(7); got != want {
			t.Errorf("schema %q, want %q", got, want)
		}
	})
	t.Run("or the caller's", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			s := newStage(t)
			s.occupy()
			a := s.ci()
			a.Overrides.SchemaOverride = "review_7"
			r := s.started(a, push(7, 1))
			if got := s.run(r.Run.ID).Schema; got != "review_7" {
				t.Errorf("schema %q", got)
			}
		})
	})
}
