package main

import (
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// account is a fake that takes only what the official document allows in a write.
type account struct {
	*dbtcloudtest.Server
	client *dbtcloud.Client
}

func newAccount(t *testing.T) account {
	t.Helper()
	fake := dbtcloudtest.New(dbtcloudtest.WithWrites(dbtcloudtest.Strict))
	client, err := fake.Client()
	if err != nil {
		t.Fatal(err)
	}
	return account{fake, client}
}

// reconcile brings the jobs to what the project wants, and returns what was said and how many writes that took.
func (a account) reconcile(t *testing.T, apply bool) (said string, writes int) {
	t.Helper()
	before := a.writes()
	var out strings.Builder
	if err := reconcile(t.Context(), a.client, shop().jobs(), apply, &out); err != nil {
		t.Fatalf("reconcile: %v\n%s", err, out.String())
	}
	return out.String(), a.writes() - before
}

func (a account) writes() (n int) {
	for _, r := range a.Requests() {
		if r.Method != "GET" {
			n++
		}
	}
	return n
}

func shop() project {
	return project{
		id: dbtcloudtest.DefaultProjectID, production: dbtcloudtest.DefaultDeferringID, ci: dbtcloudtest.DefaultEnvironmentID,
		pullRequests: dbtcloud.JobTriggers{GitHubWebhook: true},
	}
}

func TestJobsAreCreatedOnce(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	said, writes := a.reconcile(t, false)
	if strings.Count(said, "create ") != 3 || !strings.Contains(said, "-apply") || writes != 0 {
		t.Errorf("without -apply there were %d writes, and it said:\n%s", writes, said)
	}
	if said, writes = a.reconcile(t, true); writes != 3 || strings.Contains(said, "-apply") {
		t.Errorf("with -apply there were %d writes, want 3, and it said:\n%s", writes, said)
	}
	if said, writes = a.reconcile(t, true); strings.Count(said, "keep ") != 3 || writes != 0 {
		t.Errorf("the second time there were %d writes, and it said:\n%s", writes, said)
	}
	type summary struct {
		Name, Type, Steps, Starts string
		Environment, Defers       int64
	}
	var got []summary
	for job, err := range a.client.Jobs.All(t.Context(), dbtcloud.JobFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		starts := strings.Join(differences("", nil, asked(dbtcloud.JobRequest{Triggers: &job.Triggers})), " ")
		got = append(got, summary{job.Name, string(job.Type), job.ExecuteSteps[0], starts, job.EnvironmentID, job.DeferringEnvironmentID})
	}
	const modified = "dbt build --select state:modified+"
	p := shop()
	want := []summary{
		{"Production, nightly", "scheduled", "dbt build", "triggers.schedule: true", p.production, 0},
		{"Production, on merge", "merge", modified, "triggers.on_merge: true", p.production, p.production},
		{"Slim CI", "ci", modified, "triggers.github_webhook: true", p.ci, p.production},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("jobs (-want +got):\n%s", diff)
	}
}

func TestWhatDiffersIsUpdated(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	a.reconcile(t, true)
	ci := a.Jobs()[2]
	a.EditJob(ci.ID, func(fields map[string]any) {
		fields["execute_steps"] = []string{"dbt test"}
		fields["run_lint"] = true // of this nothing is said
	})
	if said, writes := a.reconcile(t, false); !strings.Contains(said, `execute_steps: ["dbt test"] -> ["dbt build --select state:modified+"]`) || writes != 0 {
		t.Errorf("%d writes, and it said:\n%s", writes, said)
	}
	if said, writes := a.reconcile(t, true); writes != 1 {
		t.Errorf("%d writes, want one, and it said:\n%s", writes, said)
	}
	job, err := a.client.Jobs.Get(t.Context(), ci.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := job.ExecuteSteps, []string{"dbt build --select state:modified+"}; !cmp.Equal(got, want) || !job.RunLint {
		t.Errorf("steps %q, want %q; lint %t, want what it was", got, want, job.RunLint)
	}
}

func TestALostAnswerCreatesNoSecondJob(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	a.Inject(dbtcloudtest.Fault{Route: "POST /api/v2/accounts/{account}/jobs/", Times: 1, Kind: dbtcloudtest.LostAnswer()})
	err := reconcile(t.Context(), a.client, shop().jobs(), true, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "Production, nightly") {
		t.Errorf("error = %v, want one that names the job", err)
	}
	a.reconcile(t, true)
	if n := len(a.Jobs()); n != 3 {
		t.Errorf("%d jobs, want 3", n)
	}
}

func TestTwoJobsOfOneName(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	for range 2 {
		a.AddJob(dbtcloudtest.JobSpec{Name: "Slim CI"})
	}
	err := reconcile(t.Context(), a.client, shop().jobs(), false, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "rename") {
		t.Errorf("error = %v, want one that says to rename", err)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	ids := []string{"-project", "1", "-production", "2", "-ci", "3"}
	tests := []struct {
		args []string
		want dbtcloud.JobTriggers
		bad  bool
	}{
		{args: ids},
		{args: append([]string{"-pull-requests", "api"}, ids...)},
		{args: append([]string{"-pull-requests", "github"}, ids...), want: dbtcloud.JobTriggers{GitHubWebhook: true}},
		{args: append([]string{"-pull-requests", "provider"}, ids...), want: dbtcloud.JobTriggers{GitProviderWebhook: true}},
		{args: append([]string{"-pull-requests", "mail"}, ids...), bad: true},
		{args: ids[:4], bad: true},
		{args: append([]string{"-ci", "-1"}, ids[:4]...), bad: true},
		{args: append([]string{"-ci", "three"}, ids[:4]...), bad: true},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			t.Parallel()
			p, _, err := parse(tt.args, io.Discard)
			if (err != nil) != tt.bad || p.pullRequests != tt.want {
				t.Errorf("parse = %+v, %v; want %+v, an error: %t", p.pullRequests, err, tt.want, tt.bad)
			}
		})
	}
}
