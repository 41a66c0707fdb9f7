package contract

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// autoscaleScenarios are what the autoscaler can come to do, each at least once.
func autoscaleScenarios() []scenario {
	return []scenario{
		{"autoscale uncontended", uncontended},
		{"autoscale on a clone", onClone},
		{"autoscale on a clone of everything", onCloneOfEverything},
		{"autoscale natively and in the queue", nativeAndQueue},
		{"autoscale cancel", cancelOutdated},
		{"autoscale adopt", adopt},
		{"autoscale supersede", supersede},
		{"autoscale move", move},
		{"autoscale sweep", sweep},
		{"autoscale close", closePullRequest},
		{"autoscale leave", leave},
		{"autoscale uncertain", uncertain},
		{"autoscale with a full queue", fullQueue},
		{"autoscale in a world of tomorrow", ofTomorrow},
		{"autoscale with string ids", withStringIDs},
	}
}

const triggerRoute = "/api/v2/accounts/{account}/jobs/{id}/run/"

// scaler is an autoscaler of a job of the world.
func (w *world) scaler(job int64) *dbtcloud.AutoscaleCI {
	return &dbtcloud.AutoscaleCI{Client: w.client, JobID: job}
}

// change is a commit of a pull request.
func change(number int64, digit byte) dbtcloud.Change {
	return dbtcloud.Change{PullRequest: dbtcloud.PullRequest{Host: dbtcloud.GitHub, Number: number}, SHA: commit(digit), Branch: "feature", Sequence: int64(digit)}
}

// placed triggers a change and fails the test unless it is decided so.
func placed(t *testing.T, a *dbtcloud.AutoscaleCI, c dbtcloud.Change, want dbtcloud.Decision) *dbtcloud.CIRun {
	t.Helper()
	r := try(a.Trigger(t.Context(), c)).must(t)
	if r.Decision != want {
		t.Fatalf("%s is decided %q (%s), want %q", c.PullRequest, r.Decision, r.Reason, want)
	}
	return r
}

// done waits for a run that must succeed, and for its clone to be gone.
func done(t *testing.T, w *world, r *dbtcloud.CIRun) {
	t.Helper()
	clone := r.CloneJobID
	try(r.Wait(t.Context())).must(t)
	if job, _ := w.Job(clone); clone != 0 && job.DeletedAt.IsZero() {
		t.Errorf("the clone %d is still there", clone)
	}
}

func uncontended(t *testing.T, c *contract) {
	w := c.begin(t)
	a := w.scaler(w.AddJob(dbtcloudtest.JobSpec{}))
	try(a.Plan(t.Context(), change(1, 'a'))).must(t)
	done(t, w, placed(t, a, change(1, 'a'), dbtcloud.OnSource))
	branch := dbtcloud.Change{PullRequest: dbtcloud.PullRequest{Host: dbtcloud.GitLab, Number: 2}, Branch: "feature"}
	done(t, w, placed(t, a, branch, dbtcloud.OnSource))
}

func onClone(t *testing.T, c *contract) {
	w := c.begin(t)
	job := w.AddJob(dbtcloudtest.JobSpec{})
	w.AddEnvVarOverride(job, "DBT_LIMIT", "10")
	a := w.scaler(job)
	first, second := placed(t, a, change(1, 'a'), dbtcloud.OnSource), placed(t, a, change(2, 'b'), dbtcloud.OnClone)
	done(t, w, second)
	done(t, w, first)
}

// onCloneOfEverything clones a job that has every field set, and triggers with every override.
func onCloneOfEverything(t *testing.T, c *contract) {
	w := c.begin(t)
	whole := wholeJob()
	whole.Type, whole.CostOptimizationFeatures, whole.CompletionTrigger = dbtcloud.JobCI, []string{"dbt_state"}, nil
	whole.Triggers = &dbtcloud.JobTriggers{GitHubWebhook: true, CustomBranchOnly: true}
	a := w.scaler(try(w.client.Jobs.Create(t.Context(), whole)).must(t).ID)
	a.Overrides = dbtcloud.Trigger{
		Cause: strings.Repeat("long ", 40), SchemaOverride: "ours", DbtVersionOverride: "latest", TargetNameOverride: "ci",
		ThreadsOverride: 2, TimeoutSecondsOverride: 60, GenerateDocsOverride: new(true), StepsOverride: []string{"dbt build"},
	}
	a.KeepClone = true
	other := w.scaler(a.JobID)
	first, second := placed(t, other, change(1, 'a'), dbtcloud.OnSource), placed(t, a, change(2, 'b'), dbtcloud.OnClone)
	try(second.Wait(t.Context())).must(t)
	done(t, w, first)
	if report := try(a.SweepAll(t.Context())).must(t); len(report.Deleted) != 1 {
		t.Errorf("the sweep deleted %v, want the kept clone", report.Deleted)
	}
}

func nativeAndQueue(t *testing.T, c *contract) {
	w := c.begin(t, dbtcloudtest.WithPlan("enterprise"), dbtcloudtest.WithCIConcurrency(true))
	a := w.scaler(w.AddJob(dbtcloudtest.JobSpec{}))
	first, second := placed(t, a, change(1, 'a'), dbtcloud.OnSource), placed(t, a, change(2, 'b'), dbtcloud.Native)
	a.Mode = dbtcloud.ModeQueue
	third := placed(t, a, change(3, 'c'), dbtcloud.Queue)
	for _, r := range []*dbtcloud.CIRun{first, second, third} {
		done(t, w, r)
	}
}

func cancelOutdated(t *testing.T, c *contract) {
	w := c.begin(t, dbtcloudtest.WithCancelLatency(dbtcloudtest.Fixed(20*time.Second)))
	a := w.scaler(w.AddJob(dbtcloudtest.JobSpec{}))
	old := placed(t, a, change(1, 'a'), dbtcloud.OnSource)
	r := placed(t, a, change(1, 'b'), dbtcloud.OnSource)
	if len(r.CancelledRunIDs) != 1 || r.CancelledRunIDs[0] != old.Run.ID {
		t.Errorf("the runs %v were cancelled, want %d", r.CancelledRunIDs, old.Run.ID)
	}
	if _, err := old.Wait(t.Context()); !errors.Is(err, dbtcloud.ErrSuperseded) {
		t.Errorf("the old change ended with %v, want ErrSuperseded", err)
	}
	done(t, w, r)
}

func adopt(t *testing.T, c *contract) {
	w := c.begin(t)
	a := w.scaler(w.AddJob(dbtcloudtest.JobSpec{}))
	first, second := placed(t, a, change(1, 'a'), dbtcloud.OnSource), placed(t, a, change(1, 'a'), dbtcloud.Adopt)
	w.CancelRun(first.Run.ID, "Ada", "Cancelled by user.")
	done(t, w, second) // starts the commit again
	if !errorIs(first.Wait(t.Context()))(dbtcloud.ErrRunCancelled) {
		t.Error("the cancelled run did not end as cancelled")
	}
}

func errorIs(_ *dbtcloud.Run, err error) func(error) bool {
	return func(target error) bool { return errors.Is(err, target) }
}

func supersede(t *testing.T, c *contract) {
	w := c.begin(t)
	a := w.scaler(w.AddJob(dbtcloudtest.JobSpec{}))
	newest := placed(t, a, change(1, 'b'), dbtcloud.OnSource)
	placed(t, a, change(1, 'a'), dbtcloud.Superseded)
	done(t, w, newest)
}

// move queues a run behind another pull request until a slot, which a third job holds at first, is free.
func move(t *testing.T, c *contract) {
	w := c.begin(t, dbtcloudtest.WithRunSlots(2))
	job, other := w.AddJob(dbtcloudtest.JobSpec{}), w.AddJob(dbtcloudtest.JobSpec{JobType: "other"})
	w.AddEnvVarOverride(job, "DBT_LIMIT", "10")
	holder := w.AddRun(dbtcloudtest.RunSpec{JobID: other})
	w.At(time.Now().Add(time.Minute), func(s *dbtcloudtest.Server) { s.FinishRun(holder, dbtcloudtest.Success) })
	a := w.scaler(job)
	first, second := placed(t, a, change(1, 'a'), dbtcloud.OnSource), placed(t, a, change(2, 'b'), dbtcloud.Queue)
	done(t, w, second)
	if len(second.MovedRunIDs) != 1 {
		t.Errorf("the runs %v were moved, want one", second.MovedRunIDs)
	}
	done(t, w, first)
}

func sweep(t *testing.T, c *contract) {
	w := c.begin(t)
	a := w.scaler(w.AddJob(dbtcloudtest.JobSpec{}))
	placed(t, a, change(1, 'a'), dbtcloud.OnSource)
	abandoned := placed(t, a, change(2, 'b'), dbtcloud.OnClone)
	if report := try(a.Sweep(t.Context())).must(t); len(report.Active) != 1 {
		t.Errorf("the sweep found %v active, want one", report.Active)
	}
	time.Sleep(time.Hour)
	if report := try(a.Sweep(t.Context())).must(t); len(report.Deleted) != 1 || report.Deleted[0] != abandoned.CloneJobID {
		t.Errorf("the sweep deleted %v, want %d", report.Deleted, abandoned.CloneJobID)
	}
}

func closePullRequest(t *testing.T, c *contract) {
	w := c.begin(t)
	a := w.scaler(w.AddJob(dbtcloudtest.JobSpec{}))
	first, second := placed(t, a, change(1, 'a'), dbtcloud.OnSource), placed(t, a, change(2, 'b'), dbtcloud.OnClone)
	closed := try(a.Close(t.Context(), dbtcloud.Closing{PullRequest: second.Run.Trigger.PullRequest(), CleanupSteps: []string{"dbt run-operation drop_pr_schema"}})).must(t)
	if cleanup, _ := w.Run(closed.Cleanup.ID); cleanup.Status != dbtcloudtest.Success {
		t.Errorf("the cleanup is %s", cleanup.Status)
	}
	run, _ := w.Run(second.Run.ID)
	clone, _ := w.Job(second.CloneJobID)
	if run.Status != dbtcloudtest.Cancelled || clone.DeletedAt.IsZero() {
		t.Errorf("after closing, the run is %s and its clone was deleted at %s", run.Status, clone.DeletedAt)
	}
	done(t, w, first)
}

func leave(t *testing.T, c *contract) {
	for how, want := range map[dbtcloud.Leave]dbtcloudtest.RunStatus{dbtcloud.LeaveCancel: dbtcloudtest.Cancelled, dbtcloud.LeaveDetach: dbtcloudtest.Running} {
		w := c.begin(t)
		a := w.scaler(w.AddJob(dbtcloudtest.JobSpec{}))
		a.OnLeave = how
		placed(t, a, change(1, 'a'), dbtcloud.OnSource)
		r := placed(t, a, change(2, 'b'), dbtcloud.OnClone)
		short, stop := context.WithTimeout(t.Context(), time.Minute)
		if !errorIs(r.Wait(short))(context.DeadlineExceeded) {
			t.Error("waiting did not end with the deadline")
		}
		stop()
		if run, _ := w.Run(r.Run.ID); run.Status != want {
			t.Errorf("%s left the run %s, want %s", how, run.Status, want)
		}
	}
}

// uncertain loses the answers of a trigger that started a run, of one that did not, and of the creation of a clone.
func uncertain(t *testing.T, c *contract) {
	for _, fault := range []dbtcloudtest.Fault{
		{Method: "POST", Route: triggerRoute, Times: 1, Kind: dbtcloudtest.LostAnswer()},
		{Method: "POST", Route: triggerRoute, Times: 1, Kind: dbtcloudtest.Status(502, dbtcloudtest.HTMLBody)},
		{Method: "POST", Route: "/api/v2/accounts/{account}/jobs/", Times: 1, Kind: dbtcloudtest.LostAnswer()},
	} {
		w := c.begin(t)
		a := w.scaler(w.AddJob(dbtcloudtest.JobSpec{}))
		first := placed(t, a, change(1, 'a'), dbtcloud.OnSource)
		w.Inject(fault)
		second := placed(t, a, change(2, 'b'), dbtcloud.OnClone)
		if n := len(w.Runs()); n != 2 {
			t.Errorf("%s on %s: there are %d runs, want 2", fault.Kind, fault.Route, n)
		}
		done(t, w, second)
		done(t, w, first)
	}
}

func fullQueue(t *testing.T, c *contract) {
	w := c.begin(t, dbtcloudtest.WithQueueLimit(1), dbtcloudtest.WithRunSlots(1))
	job := w.AddJob(dbtcloudtest.JobSpec{})
	a := w.scaler(job)
	placed(t, a, change(1, 'a'), dbtcloud.OnSource)
	w.AddRun(dbtcloudtest.RunSpec{JobID: job})
	if _, err := a.Trigger(t.Context(), change(2, 'b')); !errors.Is(err, dbtcloud.ErrQueueFull) {
		t.Errorf("the trigger ended with %v, want ErrQueueFull", err)
	}
	a.QueueFullWait = time.Hour
	done(t, w, placed(t, a, change(2, 'b'), dbtcloud.Queue))
}

// ofTomorrow has fields that no document lists at every level of every answer: none of them may come back in a clone.
func ofTomorrow(t *testing.T, c *contract) {
	w := c.lax(t, dbtcloudtest.WithNoise())
	onCloneIn(t, w)
}

func withStringIDs(t *testing.T, c *contract) {
	onCloneIn(t, c.lax(t, dbtcloudtest.WithStringIDs()))
}

func onCloneIn(t *testing.T, w *world) {
	t.Helper()
	job := w.AddJob(dbtcloudtest.JobSpec{})
	w.AddEnvVarOverride(job, "DBT_LIMIT", "10")
	a := w.scaler(job)
	first, second := placed(t, a, change(1, 'a'), dbtcloud.OnSource), placed(t, a, change(2, 'b'), dbtcloud.OnClone)
	done(t, w, second)
	done(t, w, first)
	w.onlyAnswersDepart(t)
}
