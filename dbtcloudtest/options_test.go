package dbtcloudtest_test

import (
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

func TestOptions(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		_, body := w.do("GET", "", nil)
		account := data(body)
		run := w.trigger(w.job, 1, "a")
		_, body = w.do("GET", "runs/"+id(run)+"/", nil)
		w.AddJob(dbtcloudtest.JobSpec{})
		w.AddJob(dbtcloudtest.JobSpec{})
		rows := len(w.list("jobs/")) // of three
		got := []any{w.base, w.auth, account["id"], account["plan"], account["run_slots"], account["queue_limit"], data(body)["href"], rows}
		want := []any{
			"https://dbt.invalid/api/v2/accounts/5/", "Token t", number(5), "enterprise", number(7), number(9),
			"https://dbt.example/deploy/5/projects/70506183000002/runs/" + id(run) + "/", 2,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	},
		dbtcloudtest.WithAccount(5), dbtcloudtest.WithToken("t"), dbtcloudtest.WithPlan("enterprise"), dbtcloudtest.WithRunSlots(7),
		dbtcloudtest.WithQueueLimit(9), dbtcloudtest.WithAppHost("dbt.example"), dbtcloudtest.WithMaxPageSize(2))
}

func TestAccountSeesALock(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.LockAccount("unpaid")
		_, body := w.do("GET", "", nil)
		if diff := cmp.Diff([]any{true, "unpaid"}, []any{data(body)["locked"], data(body)["lock_reason"]}); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestForbiddenAccountIsNotListed(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.base = "https://dbt.invalid/api/v3/accounts/"
		if got := w.list(""); len(got) != 0 {
			t.Errorf("accounts %v, want none", got)
		}
	}, dbtcloudtest.WithAccountForbidden())
}

func TestChosenIDsAreNotGivenAwayAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		chosen := w.AddJob(dbtcloudtest.JobSpec{ID: w.job + 10})
		next := w.AddJob(dbtcloudtest.JobSpec{})
		if chosen != w.job+10 || next <= chosen {
			t.Errorf("chose %d, got %d and then %d", w.job+10, chosen, next)
		}
	})
}

func TestDeferralIsFilledIn(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.AddProject(21, "Other")
		w.AddEnvironment(22, 21, "CI")
		w.AddEnvironment(31, 30, "Production")
		deferral := func(kind string, project, env int64) any {
			j, _ := w.Job(w.AddJob(dbtcloudtest.JobSpec{JobType: kind, ProjectID: project, EnvironmentID: env}))
			return j.Fields["deferring_environment_id"]
		}
		got := []any{deferral("ci", 0, 0), deferral("merge", 0, 0), deferral("other", 0, 0), deferral("ci", 21, 22)}
		w.AddEnvironment(23, 21, "Production")
		got = append(got, deferral("ci", 21, 22))
		want := []any{number(dbtcloudtest.DefaultDeferringID), number(dbtcloudtest.DefaultDeferringID), nil, nil, number(23)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestJobTypeFollowsFromTheSchedule(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		triggers := func(schedule bool) map[string]any {
			return map[string]any{"github_webhook": false, "schedule": schedule}
		}
		tests := []struct {
			sent     any
			schedule bool
			want     any
		}{{"ci", false, "ci"}, {"other", true, "scheduled"}, {"scheduled", false, "other"}, {nil, true, "scheduled"}, {nil, false, "other"}, {"merge", true, "merge"}}
		for _, test := range tests {
			send := w.jobBody(map[string]any{"job_type": test.sent, "triggers": triggers(test.schedule)})
			if test.sent == nil {
				delete(send, "job_type")
			}
			if _, body := w.do("POST", "jobs/", send); data(body)["job_type"] != test.want {
				t.Errorf("%v, scheduled %v: became %v, want %v", test.sent, test.schedule, data(body)["job_type"], test.want)
			}
		}
	})
}

func TestUnknownIDsAreIgnored(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.EditJob(5, func(map[string]any) { t.Error("edited a job that does not exist") })
		w.DeactivateJob(5)
		w.DeleteJob(5)
		w.CancelRun(5, "Ada", "")
		w.FinishRun(5, success)
		w.AddArtifact(5, "x", nil)
		_, hasRun := w.Run(5)
		_, hasJob := w.Job(5)
		got := []any{w.AddRun(dbtcloudtest.RunSpec{JobID: 5}), w.AddEnvVarOverride(5, "DBT_X", "1"), hasRun, hasJob, len(w.History())}
		if diff := cmp.Diff([]any{int64(0), int64(0), false, false, 1}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestDelays(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		var longest, shortest time.Duration = 0, time.Hour
		for pr := range 50 {
			w.trigger(w.AddJob(dbtcloudtest.JobSpec{}), pr+1, "a")
		}
		time.Sleep(time.Hour)
		for _, r := range w.Runs() {
			longest, shortest = max(longest, r.DequeuedAt.Sub(r.CreatedAt)), min(shortest, r.DequeuedAt.Sub(r.CreatedAt))
		}
		if shortest < time.Second || longest >= 5*time.Second || longest-shortest < 2*time.Second {
			t.Errorf("queued for %v to %v, want all over the time from 1s to 5s", shortest, longest)
		}
	}, dbtcloudtest.WithRunSlots(0), dbtcloudtest.WithStartDelay(dbtcloudtest.Between(time.Second, 5*time.Second), nil))
}

func TestBadOptions(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		taken := w.AddJob(dbtcloudtest.JobSpec{ID: w.job})
		if rows := w.list("jobs/"); taken == w.job || len(rows) != 1 {
			t.Errorf("the id %d is given again as %d, and a page has %v, want another id and one row", w.job, taken, rows)
		}
		run := w.trigger(w.job, 1, "a")
		w.AddArtifacts(run, dbtcloudtest.Artifact{Path: "x", Open: func() io.Reader { return nil }})
		if got := w.run(run).Status; got != dbtcloudtest.Running {
			t.Errorf("the run is %v, want it to have a slot", got)
		}
		w.FinishRun(run, success)
		if diff := cmp.Diff([]any{200, "text/plain; charset=utf-8", "", int64(-1)}, w.file("runs/"+id(run)+"/artifacts/x")); diff != "" {
			t.Errorf("an artifact without content (-want +got):\n%s", diff)
		}
	}, nil, dbtcloudtest.WithMaxPageSize(-1), dbtcloudtest.WithRunTime(nil), dbtcloudtest.WithRunSlots(-1), dbtcloudtest.WithQueueLimit(-1))
}

func TestStatusZeroRefusesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.DeactivateJob(w.job)
		w.trigger(w.job, 1, "a")
		w.trigger(w.job, 2, "b")
		if code, _ := w.do("POST", "jobs/"+id(w.job)+"/run/", map[string]any{"cause": "test"}); code != 400 {
			t.Errorf("with a full queue answered %d, want 400", code)
		}
	}, dbtcloudtest.WithRefusal(dbtcloudtest.RefuseDeactivated, 0, ""), dbtcloudtest.WithQueueLimit(1))
}
