package dbtcloudtest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// world is one fake in a bubble, with a client and a job.
type world struct {
	*dbtcloudtest.Server
	*client
	job   int64
	start time.Time
}

// inBubble runs f on a fresh fake whose runs take a minute, in virtual time.
func inBubble(t *testing.T, f func(t *testing.T, w *world), opts ...dbtcloudtest.Option) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := dbtcloudtest.New(append([]dbtcloudtest.Option{runsOf(time.Minute)}, opts...)...)
		f(t, &world{Server: s, client: newClient(t, s), job: s.AddJob(dbtcloudtest.JobSpec{}), start: time.Now()})
	})
}

// run returns a run that must exist.
func (w *world) run(id int64) dbtcloudtest.Run {
	w.t.Helper()
	r, ok := w.Run(id)
	if !ok {
		w.t.Fatalf("there is no run %d", id)
	}
	return r
}

func TestHistoryIsExactHoweverLateAnybodyLooks(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		first, second := w.trigger(w.job, 1, "a"), w.trigger(w.job, 2, "b")
		time.Sleep(24 * time.Hour)
		type event struct {
			After time.Duration
			Kind  dbtcloudtest.EventKind
			RunID int64
		}
		var got []event
		for _, e := range w.History() {
			got = append(got, event{e.At.Sub(w.start), e.Kind, e.RunID})
		}
		want := []event{
			{0, dbtcloudtest.JobCreated, 0},
			{0, dbtcloudtest.RunQueued, first},
			{0, dbtcloudtest.RunStarting, first},
			{0, dbtcloudtest.RunRunning, first},
			{0, dbtcloudtest.RunQueued, second},
			{time.Minute, dbtcloudtest.RunFinished, first},
			{time.Minute, dbtcloudtest.RunStarting, second},
			{time.Minute, dbtcloudtest.RunRunning, second},
			{2 * time.Minute, dbtcloudtest.RunFinished, second},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("history (-want +got):\n%s", diff)
		}
	})
}

func TestBlockedBy(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		other := w.AddJob(dbtcloudtest.JobSpec{})
		first, second := w.trigger(w.job, 1, "a"), w.trigger(w.job, 2, "b")
		third, waiting := w.trigger(w.job, 3, "c"), w.trigger(other, 4, "d")
		for _, want := range []map[int64][]any{
			{first: {}, second: {number(first)}, third: {number(first), number(second)}, waiting: {}},
			{first: {}, second: {}, third: {number(second)}, waiting: {}}, // a minute later
		} {
			for run, blockers := range want {
				_, body := w.do("GET", "runs/"+id(run)+"/", nil)
				if diff := cmp.Diff(blockers, data(body)["blocked_by"]); diff != "" {
					t.Errorf("after %v, run %d (-want +got):\n%s", time.Since(w.start), run, diff)
				}
			}
			time.Sleep(time.Minute)
		}
	}, dbtcloudtest.WithRunSlots(1))
}

func TestCancel(t *testing.T) {
	latency := dbtcloudtest.WithCancelLatency(dbtcloudtest.Fixed(20 * time.Second))
	t.Run("a queued run ends at once", func(t *testing.T) {
		inBubble(t, func(t *testing.T, w *world) {
			w.trigger(w.job, 1, "a")
			waiting := w.trigger(w.job, 2, "b")
			code, body := w.do("POST", "runs/"+id(waiting)+"/cancel/", nil)
			got := []any{code, data(body)["status"], data(body)["status_message"], data(body)["started_at"]}
			if diff := cmp.Diff([]any{200, number(30), "Cancelled by user.", nil}, got); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
			if got := w.run(waiting); !got.FinishedAt.Equal(w.start) || got.CancelledBy != "api" {
				t.Errorf("finished at %v by %q, want at %v by the API", got.FinishedAt, got.CancelledBy, w.start)
			}
		}, latency)
	})
	t.Run("a running run ends after the latency", func(t *testing.T) {
		inBubble(t, func(t *testing.T, w *world) {
			first, second := w.trigger(w.job, 1, "a"), w.trigger(w.job, 2, "b")
			time.Sleep(10 * time.Second)
			_, body := w.do("POST", "runs/"+id(first)+"/cancel/", nil)
			if data(body)["status"] != number(3) {
				t.Errorf("the answer says status %v, want 3: the cancel has not taken effect", data(body)["status"])
			}
			time.Sleep(20 * time.Second)
			if diff := cmp.Diff(status(cancelled, running), statuses(w.Server)); diff != "" {
				t.Errorf("30 s (-want +got):\n%s", diff)
			}
			if got := w.run(second).StartedAt.Sub(w.start); got != 30*time.Second {
				t.Errorf("the next run started after %v, want 30s", got)
			}
		}, latency)
	})
	t.Run("a run that ends first is not cancelled", func(t *testing.T) {
		inBubble(t, func(t *testing.T, w *world) {
			first := w.trigger(w.job, 1, "a")
			time.Sleep(50 * time.Second)
			w.do("POST", "runs/"+id(first)+"/cancel/", nil)
			time.Sleep(time.Minute)
			if got := w.run(first); got.Status != success || got.FinishedAt.Sub(w.start) != time.Minute {
				t.Errorf("ended %v after %v, want Success after 1m", got.Status, got.FinishedAt.Sub(w.start))
			}
		}, latency)
	})
	for _, nested := range []bool{true, false} {
		t.Run("a finished run stays as it is", func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				first := w.trigger(w.job, 1, "a")
				time.Sleep(time.Hour)
				code, body := w.do("POST", "runs/"+id(first)+"/cancel/", nil)
				inner := data(body)
				if nested {
					inner = data(inner)
				}
				if diff := cmp.Diff([]any{200, number(10)}, []any{code, inner["status"]}); diff != "" {
					t.Errorf("nested %v: answer (-want +got):\n%s", nested, diff)
				}
			}, dbtcloudtest.WithNestedCancel(nested))
		})
	}
}

func TestDeletedJobKillsItsRuns(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		other := w.AddJob(dbtcloudtest.JobSpec{})
		w.trigger(w.job, 1, "a")
		w.trigger(w.job, 2, "b")
		w.trigger(other, 3, "c")
		if code, _ := w.do("DELETE", "jobs/"+id(w.job)+"/", nil); code != 204 {
			t.Errorf("delete answered %d, want 204", code)
		}
		if diff := cmp.Diff(status(cancelled, cancelled, running), statuses(w.Server)); diff != "" {
			t.Errorf("statuses (-want +got):\n%s", diff)
		}
		for _, request := range []string{"GET jobs/J/", "DELETE jobs/J/", "POST jobs/J/run/"} {
			if code := w.code(request); code != 404 {
				t.Errorf("%s answered %d, want 404", request, code)
			}
		}
	})
}

// code sends "METHOD path", J standing for the job, and returns the HTTP status.
func (w *world) code(request string) int {
	method, path := cut(request)
	code, _ := w.do(method, replace(path, "J", id(w.job)), map[string]any{"cause": "test"})
	return code
}

func TestRefusals(t *testing.T) {
	tests := []struct {
		name    string
		opts    []dbtcloudtest.Option
		prepare func(w *world)
		want    int
		message string
	}{
		{"idle", nil, func(*world) {}, 200, "Success!"},
		{"queue full", []dbtcloudtest.Option{dbtcloudtest.WithQueueLimit(1)}, func(w *world) {
			w.trigger(w.job, 1, "a")
			w.trigger(w.job, 2, "b")
		}, 400, "The run was not queued because the queue limit of this account has been reached."},
		{"queue full, as told", []dbtcloudtest.Option{dbtcloudtest.WithQueueLimit(1), dbtcloudtest.WithRefusal(dbtcloudtest.RefuseQueueFull, 422, "queue")}, func(w *world) {
			w.trigger(w.job, 1, "a")
			w.trigger(w.job, 2, "b")
		}, 422, "queue"},
		{"deactivated", nil, func(w *world) { w.DeactivateJob(w.job) }, 400, "The job is deactivated. Run it manually or save it to reactivate it."},
		{"saved again", nil, func(w *world) {
			w.DeactivateJob(w.job)
			w.do("POST", "jobs/"+id(w.job)+"/", w.jobBody(map[string]any{"id": w.job}))
		}, 200, "Success!"},
		{"locked", nil, func(w *world) { w.LockAccount("unpaid") }, 403, "The account is locked."},
		{"unlocked", nil, func(w *world) { w.LockAccount("unpaid"); w.LockAccount("") }, 200, "Success!"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				test.prepare(w)
				before := len(w.Runs())
				code, body := w.do("POST", "jobs/"+id(w.job)+"/run/", map[string]any{"cause": "test"})
				got := []any{code, body["status"].(map[string]any)["user_message"]}
				if diff := cmp.Diff([]any{test.want, test.message}, got); diff != "" {
					t.Errorf("answer (-want +got):\n%s", diff)
				}
				if made := len(w.Runs()) - before; made != 0 && code != 200 {
					t.Errorf("a refused trigger made %d runs", made)
				}
			}, test.opts...)
		})
	}
}

func TestHundredFailuresDeactivate(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		fail := func(times int) {
			for range times {
				w.trigger(w.job, 1, "a")
			}
		}
		fail(99)
		w.trigger(w.job, 2, "a") // succeeds
		fail(99)
		if j, _ := w.Job(w.job); j.Deactivated {
			t.Error("deactivated although never more than 99 runs in a row have failed")
		}
		fail(1)
		if j, _ := w.Job(w.job); !j.Deactivated {
			t.Error("not deactivated after 100 failures")
		}
		w.AddRun(dbtcloudtest.RunSpec{JobID: w.job}) // one that was under way fails too
		deactivations := 0
		for _, e := range w.History() {
			if e.Kind == dbtcloudtest.JobDeactivated {
				deactivations++
			}
		}
		if deactivations != 1 {
			t.Errorf("deactivated %d times, want once", deactivations)
		}
	}, dbtcloudtest.WithRunTime(func(r dbtcloudtest.Run) dbtcloudtest.Outcome {
		if r.PullRequest.Number == 2 {
			return dbtcloudtest.Outcome{Status: success}
		}
		return dbtcloudtest.Outcome{Status: failed}
	}))
}

func TestCIConcurrency(t *testing.T) {
	t.Run("pull requests run beside each other and need no slot", func(t *testing.T) {
		inBubble(t, func(t *testing.T, w *world) {
			deploy := w.AddJob(dbtcloudtest.JobSpec{JobType: "other"})
			w.AddRun(dbtcloudtest.RunSpec{JobID: deploy})
			for pr := range 3 {
				w.trigger(w.job, pr+1, "a")
			}
			w.AddRun(dbtcloudtest.RunSpec{JobID: deploy})
			if diff := cmp.Diff(status(running, running, running, running, queued), statuses(w.Server)); diff != "" {
				t.Errorf("statuses (-want +got):\n%s", diff)
			}
		}, dbtcloudtest.WithCIConcurrency(true), dbtcloudtest.WithRunSlots(1))
	})
	t.Run("a newer commit cancels the older ones of its pull request and project", func(t *testing.T) {
		inBubble(t, func(t *testing.T, w *world) {
			elsewhere := w.AddJob(dbtcloudtest.JobSpec{ProjectID: 77, EnvironmentID: 78})
			w.trigger(w.job, 1, "a")
			w.trigger(w.job, 2, "a")
			w.trigger(elsewhere, 1, "a")
			newer := w.trigger(w.job, 1, "b")
			if diff := cmp.Diff(status(running, running, running, queued), statuses(w.Server)); diff != "" {
				t.Errorf("at once (-want +got):\n%s", diff)
			}
			time.Sleep(5 * time.Second)
			if diff := cmp.Diff(status(cancelled, running, running, running), statuses(w.Server)); diff != "" {
				t.Errorf("after the latency (-want +got):\n%s", diff)
			}
			if got := w.Runs()[0].CancelledBy; got != "platform" {
				t.Errorf("cancelled by %q, want the platform", got)
			}
			if !w.run(newer).Native {
				t.Error("the run does not count as native")
			}
		}, dbtcloudtest.WithCIConcurrency(true), dbtcloudtest.WithCancelLatency(dbtcloudtest.Fixed(5*time.Second)))
	})
	t.Run("the same commit again waits", func(t *testing.T) {
		inBubble(t, func(t *testing.T, w *world) {
			w.trigger(w.job, 1, "a")
			w.trigger(w.job, 1, "a")
			if diff := cmp.Diff(status(running, queued), statuses(w.Server)); diff != "" {
				t.Errorf("statuses (-want +got):\n%s", diff)
			}
		}, dbtcloudtest.WithCIConcurrency(true))
	})
	t.Run("a run without a pull request is not native", func(t *testing.T) {
		inBubble(t, func(t *testing.T, w *world) {
			w.AddRun(dbtcloudtest.RunSpec{JobID: w.job, SHA: "a"})
			w.AddRun(dbtcloudtest.RunSpec{JobID: w.job, SHA: "a"})
			if diff := cmp.Diff(status(running, queued), statuses(w.Server)); diff != "" {
				t.Errorf("statuses (-want +got):\n%s", diff)
			}
		}, dbtcloudtest.WithCIConcurrency(true))
	})
}

func TestAt(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		var made int64
		w.At(w.start.Add(90*time.Second), func(s *dbtcloudtest.Server) {
			made = s.AddRun(dbtcloudtest.RunSpec{JobID: w.job, By: "Ada", PullRequest: dbtcloudtest.PullRequest{Host: dbtcloudtest.GitLab, Number: 7}})
			s.At(w.start.Add(100*time.Second), func(s *dbtcloudtest.Server) { s.CancelRun(made, "Ada", "changed my mind") })
		})
		w.trigger(w.job, 1, "a")
		time.Sleep(time.Hour)
		if len(w.Runs()) != 2 {
			t.Fatalf("%d runs, want 2", len(w.Runs()))
		}
		got := w.run(made)
		want := dbtcloudtest.Run{
			ID: made, JobID: w.job, ProjectID: dbtcloudtest.DefaultProjectID, EnvironmentID: dbtcloudtest.DefaultEnvironmentID,
			Status: cancelled, Message: "changed my mind", Cause: "Triggered by webhook", CauseCategory: "ci", TriggeredBy: "Ada", CancelledBy: "Ada",
			PullRequest: dbtcloudtest.PullRequest{Host: dbtcloudtest.GitLab, Number: 7},
			CreatedAt:   w.start.Add(90 * time.Second), DequeuedAt: w.start.Add(90 * time.Second), StartedAt: w.start.Add(90 * time.Second),
			CancelRequestedAt: w.start.Add(100 * time.Second), FinishedAt: w.start.Add(100 * time.Second),
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("run (-want +got):\n%s", diff)
		}
	})
}

func TestFinishRun(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		run := w.trigger(w.job, 1, "a")
		time.Sleep(time.Hour)
		if got := w.run(run).Status; got != running {
			t.Fatalf("after an hour the run is %v, want Running: its outcome never ends", got)
		}
		w.FinishRun(run, failed)
		w.FinishRun(run, success)
		if got := w.run(run); got.Status != failed || !got.FinishedAt.Equal(time.Now()) {
			t.Errorf("ended %v at %v, want Error now", got.Status, got.FinishedAt)
		}
	}, runsOf(-1))
}
