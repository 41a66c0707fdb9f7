package peers

import (
	"fmt"
	"strings"
	"testing"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// autoscaling is an account whose Slim CI job runs pull request 1, triggered by dbtc's autoscaler.
type autoscaling struct {
	*dbtcloudtest.Server
	peer

	source, first int64
}

func newAutoscaling(t *testing.T, opts ...dbtcloudtest.Option) autoscaling {
	t.Helper()
	path := program(t, "dbtc", "dbtc")
	s := dbtcloudtest.New(append([]dbtcloudtest.Option{untilTold()}, opts...)...)
	a := autoscaling{Server: s, peer: newPeer(t, path, s), source: s.AddJob(dbtcloudtest.JobSpec{Name: "Slim CI"})}
	got := a.trigger(1, "aaa").ends(0)
	got.says("No in progress job run found. Triggering as normal")
	a.first = a.Runs()[0].ID
	equal(t, "id printed", id(a.first), got.at("data.id"))
	return a
}

// trigger starts dbtc's autoscaler for a commit of a pull request. It polls only where dbtc itself wants to.
func (a autoscaling) trigger(number int64, sha string, more ...string) *process {
	a.tb.Helper()
	payload := fmt.Sprintf(`{"cause":"CI","git_sha":"%s","schema_override":"dbt_pr_%d","github_pull_request_id":%[2]d}`, sha, number)
	return a.start(append([]string{"jobs", "trigger-autoscaling", "--job-id", id(a.source), "--poll-interval", "0", "--payload", payload}, more...)...)
}

// clones is every job but the source.
func (a autoscaling) clones() []dbtcloudtest.Job { return a.Jobs()[1:] }

// Strict writes refuse the clone, since it is a GET answer sent back. dbtc takes the tree of complaints for the new job.
func TestDbtcAutoscalerStrict(t *testing.T) {
	t.Parallel()
	a := newAutoscaling(t)
	got := a.trigger(2, "bbb").ends(1)
	got.says("This job definition will be cloned")
	got.says(`job_id = cloned_job["id"]`)
	got.says("KeyError: 'id'")
	equal(t, "printed", "", got.stdout.String())

	requests := a.Requests()
	refused := requests[len(requests)-1]
	equal(t, "last request and its answer", "400 POST /jobs/", asked(a.Server)[len(asked(a.Server))-1])
	for _, key := range []string{"account", "created_at", "environment", "lifecycle_webhooks_url", "project", "updated_at"} {
		equal[any](t, "complaint about "+key, "extra keys not allowed", refused.Invalid[key])
	}
	for key := range refused.Invalid {
		if !strings.Contains(string(refused.Body), `"`+key+`":`) {
			t.Errorf("the complaint about %s is about nothing that was sent: %s", key, refused.Body)
		}
	}
	equal(t, "clones", 0, len(a.clones()))
	equal(t, "runs", 1, len(a.Runs()))
	equal(t, "story", []string{"source: run queued by api"}, story(a.Server, map[int64]string{a.source: "source"}))
}

// Lenient writes let the clone through: two pull requests at the same time, and a new commit.
func TestDbtcAutoscalerLenient(t *testing.T) {
	t.Parallel()
	a := newAutoscaling(t, dbtcloudtest.WithWrites(dbtcloudtest.Lenient), dbtcloudtest.WithDeletes(dbtcloudtest.Envelope))
	second := a.trigger(2, "bbb")
	second.until("three polls", func() bool { return count(a.Server, "GET /runs/{id}/") >= 3 })
	beside, clone := a.Runs(), a.clones()[0]
	equal(t, "jobs of the runs", []int64{a.source, clone.ID}, []int64{beside[0].JobID, beside[1].JobID})
	equal(t, "states beside each other", []dbtcloudtest.RunStatus{dbtcloudtest.Running, dbtcloudtest.Running}, []dbtcloudtest.RunStatus{beside[0].Status, beside[1].Status})
	equal(t, "second run", []any{int64(2), "bbb", "dbt_pr_2"}, []any{beside[1].PullRequest.Number, beside[1].SHA, beside[1].Schema})
	if !strings.HasPrefix(clone.Name, "Slim CI [CLONED ") || clone.JobType != "other" {
		t.Errorf("the clone is %q of type %s, want a name with [CLONED and, because dbtc drops job_type, type other", clone.Name, clone.JobType)
	}
	a.FinishRun(beside[1].ID, dbtcloudtest.Success)
	got := second.ends(0)
	equal(t, "printed", id(beside[1].ID)+" 10", got.at("data.id")+" "+got.at("data.status"))

	third := a.trigger(1, "ccc").ends(0)
	third.says("Found an in progress run for PR #1. Run " + id(a.first) + " will be canceled")
	runs := a.Runs()
	equal(t, "newest run", []any{a.source, "ccc", dbtcloudtest.Running}, []any{runs[2].JobID, runs[2].SHA, runs[2].Status})
	equal(t, "story", []string{
		"source: run queued by api",
		"clone: job created by api", "clone: run queued by api", "clone: run finished by platform", "clone: job deleted by api",
		"source: run cancel requested by api", "source: run cancelled by api", "source: run queued by api",
	}, story(a.Server, map[int64]string{a.source: "source"}))
	equal(t, "asked", []string{
		"200 GET /runs/", "200 POST /jobs/{id}/run/",
		"200 GET /runs/", "200 GET /", "200 GET /jobs/{id}/", "200 POST /jobs/", "200 POST /jobs/{id}/run/", "200 GET /runs/{id}/", "200 DELETE /jobs/{id}/",
		"200 GET /runs/", "200 POST /runs/{id}/cancel/", "200 POST /jobs/{id}/run/",
	}, asked(a.Server))
}

// Without a free slot, or where its user gives it none, dbtc queues on the job itself.
func TestDbtcAutoscalerWithoutSlots(t *testing.T) {
	t.Parallel()
	a := newAutoscaling(t)
	a.trigger(2, "bbb", "--max-run-slots", "1").ends(0).says("Not cloning the job")
	runs := a.Runs()
	equal(t, "second run", []any{a.source, dbtcloudtest.Queued}, []any{runs[1].JobID, runs[1].Status})
	equal(t, "clones", 0, len(a.clones()))
}

// dbtc expects a body of the answer to a DELETE, as was recorded of the service, although the document promises none.
func TestDbtcAutoscalerTripsOverADeleteWithoutBody(t *testing.T) {
	t.Parallel()
	a := newAutoscaling(t, dbtcloudtest.WithWrites(dbtcloudtest.Lenient), dbtcloudtest.WithDeletes(dbtcloudtest.NoContent))
	second := a.trigger(2, "bbb")
	second.until("the second run", func() bool { return len(a.Runs()) == 2 })
	a.FinishRun(a.Runs()[1].ID, dbtcloudtest.Success)
	second.ends(1).says("JSONDecodeError")
	equal(t, "last answer", "204 DELETE /jobs/{id}/", asked(a.Server)[len(asked(a.Server))-1])
	if a.clones()[0].DeletedAt.IsZero() {
		t.Error("the clone is still there")
	}
}
