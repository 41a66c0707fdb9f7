package peers

import (
	"strings"
	"testing"
	"time"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// account is a fake with something in it to look at: three runs of a CI job, of which the first has ended with artifacts,
// the second runs until it is told to end, and the third waits for it; another job; and a variable that the CI job overrides.
type account struct {
	*dbtcloudtest.Server
	ci, nightly            int64
	ended, running, queued int64
}

func newAccount(opts ...dbtcloudtest.Option) account {
	a := account{Server: dbtcloudtest.New(append([]dbtcloudtest.Option{dbtcloudtest.WithRunSlots(3), untilTold()}, opts...)...)}
	a.ci = a.AddJob(dbtcloudtest.JobSpec{Name: "Slim CI"})
	a.nightly = a.AddJob(dbtcloudtest.JobSpec{Name: "Nightly", JobType: "other"})
	a.AddProjectEnvVar(dbtcloudtest.DefaultProjectID, "DBT_LIMIT", "100")
	a.AddEnvVarOverride(a.ci, "DBT_LIMIT", "5")
	a.ended = a.AddRun(dbtcloudtest.RunSpec{JobID: a.ci, SHA: "aaa"})
	a.AddArtifact(a.ended, "manifest.json", []byte(`{"nodes":{"model.shop.orders":{}}}`))
	a.AddArtifact(a.ended, "compiled/shop/orders.sql", []byte("select 1"))
	a.FinishRun(a.ended, dbtcloudtest.Success)
	a.running = a.AddRun(dbtcloudtest.RunSpec{JobID: a.ci, SHA: "bbb"})
	a.queued = a.AddRun(dbtcloudtest.RunSpec{JobID: a.ci, SHA: "ccc"})
	return a
}

// untilTold makes runs last until the test ends them.
func untilTold() dbtcloudtest.Option { return lasting(-1) }

func lasting(d time.Duration) dbtcloudtest.Option {
	return dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome { return dbtcloudtest.Outcome{Duration: d} })
}

// args are the words of a command line, with the ids of the account in place of names in braces.
func (a account) args(line string) []string { return strings.Fields(a.fill(line)) }

func (a account) fill(text string) string {
	return strings.NewReplacer(
		"{account}", id(a.AccountID()), "{project}", id(dbtcloudtest.DefaultProjectID), "{environment}", id(dbtcloudtest.DefaultEnvironmentID),
		"{ci}", id(a.ci), "{nightly}", id(a.nightly), "{ended}", id(a.ended), "{running}", id(a.running), "{queued}", id(a.queued),
	).Replace(text)
}

// look is a command that looks at an account.
type look struct {
	args string
	path string // of what it prints, see process.at
	want string // printed there
	asks string // what the fake is asked, and its status
}

// show runs each command against an account of its own.
func show(t *testing.T, path string, looks []look) {
	for _, l := range looks {
		t.Run(l.args, func(t *testing.T) {
			t.Parallel()
			a := newAccount()
			got := newPeer(t, path, a.Server).run(a.args(l.args)...).at(l.path)
			equal(t, "printed at "+l.path, a.fill(l.want), got)
			equal(t, "asked", strings.Split(l.asks, "; "), asked(a.Server))
		})
	}
}

func TestDbtcLooks(t *testing.T) {
	t.Parallel()
	show(t, program(t, "dbtc", "dbtc"), []look{
		{"accounts list", "data.*.id", "{account}", "200 GET /api/v3/accounts/"},
		{"accounts get", "data.run_slots", "3", "200 GET /"},
		{"projects list", "data.*.id", "{project}", "200 GET /v3/projects/"},
		{"projects get --project-id {project}", "data.name", `"Analytics"`, "200 GET /v3/projects/{id}/"},
		{"projects get-by-name --project-name Analytics", "data.id", "{project}", "200 GET /api/v3/accounts/; 200 GET /v3/projects/; 200 GET /v3/projects/{id}/"},
		{"environments list --project-id {project} --order-by=-name", "data.*.name", `"Production" "CI"`, "200 GET /v3/projects/{project}/environments/"},
		{"env-vars list --project-id {project}", "data.variables.DBT_LIMIT.project.value", `"100"`, "200 GET /v3/projects/{project}/environment-variables/environment/"},
		{"env-vars list --project-id {project} --resource-type job --job-id {ci}", "data.DBT_LIMIT.job.value", `"5"`, "200 GET /v3/projects/{project}/environment-variables/job/"},
		{"jobs list", "data.*.id", "{ci} {nightly}", "200 GET /jobs/"},
		{"jobs list --order-by=-id --limit 1 --project-id {project}", "data.*.id", "{nightly}", "200 GET /jobs/"},
		{"jobs get --job-id {ci}", "data.job_type", `"ci"`, "200 GET /jobs/{id}/"},
		{"jobs get --job-id 7", "status.code", "404", "404 GET /jobs/{id}/"},
		{`runs list --job-id {ci} --status ["running","queued"]`, "data.*.id", "{running} {queued}", "200 GET /runs/"},
		{"runs list --order-by=-id --limit 1 --offset 1", "data.*.id", "{running}", "200 GET /runs/"},
		{`runs list --status success --include-related ["job","trigger"]`, "data.*.trigger.git_sha", `"aaa"`, "200 GET /runs/"},
		{"runs get --run-id {running}", "data.status", "3", "200 GET /runs/{id}/"},
		{`runs get --run-id {ended} --include-related ["run_steps"]`, "data.run_steps.*.status", "10 10 10 10", "200 GET /runs/{id}/"},
		{"runs get-most-recent --job-id {ci}", "data.id", "{queued}", "200 GET /runs/"},
		{"runs list-artifacts --run-id {ended}", "data", `["compiled/shop/orders.sql","manifest.json"]`, "200 GET /runs/{id}/artifacts/"},
		{"runs get-artifact --run-id {ended} --path manifest.json", "nodes", `{"model.shop.orders":{}}`, "200 GET /runs/{id}/artifacts/{remainder...}"},
		{"runs get-artifact --run-id {ended} --path compiled/shop/orders.sql", "", `"select 1"`, "200 GET /runs/{id}/artifacts/{remainder...}"},
		{"runs cancel --run-id {running}", "data.status_message", `"Cancelled by user."`, "200 POST /runs/{id}/cancel/"},
		{"runs cancel --run-id {ended}", "data.data.status", "10", "200 POST /runs/{id}/cancel/"},
	})
}

func TestDbtcIsRefused(t *testing.T) {
	t.Parallel()
	a := newAccount()
	p := newPeer(t, program(t, "dbtc", "dbtc"), a.Server)
	got := p.run("--token", "another", "jobs", "list").at("status.user_message")
	equal(t, "answer to another token", `"Invalid token."`, got)
	equal(t, "asked", []string{"401 GET /jobs/"}, asked(a.Server))
}

func TestDbtcTriggersAndPolls(t *testing.T) {
	t.Parallel()
	a := newAccount()
	p := newPeer(t, program(t, "dbtc", "dbtc"), a.Server)
	trigger := p.start("jobs", "trigger", "--job-id", id(a.nightly), "--poll-interval", "0",
		"--payload", `{"cause":"by hand","git_branch":"main","steps_override":["dbt build"]}`)
	trigger.until("three polls", func() bool { return count(a.Server, "GET /runs/{id}/") >= 3 })
	run := a.Runs()[3]
	a.FinishRun(run.ID, dbtcloudtest.Error)
	got := trigger.ends(0)
	equal(t, "id printed", id(run.ID), got.at("data.id"))
	equal(t, "status printed", "20", got.at("data.status"))
	got.says(`Status: "Running"`)
	got.says(`Status: "Error"`)
	equal(t, "job, cause and branch", []any{a.nightly, "by hand", "main"}, []any{run.JobID, run.Cause, run.Branch})
	equal(t, "asked", []string{"200 POST /jobs/{id}/run/", "200 GET /runs/{id}/"}, asked(a.Server))

	retry := p.run("jobs", "trigger-from-failure", "--job-id", id(a.nightly), "--no-should-poll")
	equal(t, "status of the retry", "1", retry.at("data.status"))
	equal(t, "run that is retried", run.ID, a.Runs()[4].RetryOf)
	p.run("runs", "cancel", "--run-id", id(a.Runs()[4].ID))
	equal(t, "status after the cancel", dbtcloudtest.Cancelled, a.Runs()[4].Status)
}

// It has a command to create jobs too, which sends the id of the project for the job.
func TestDbtcUpdatesJobs(t *testing.T) {
	t.Parallel()
	a := newAccount()
	p := newPeer(t, program(t, "dbtc", "dbtc"), a.Server)
	update := func(name, more string) *process {
		return p.run("jobs", "update", "--job-id", id(a.nightly), "--payload", a.fill(`{"id":{nightly},"name":"`+name+`","account_id":{account},
			"project_id":{project},"environment_id":{environment},"state":1,"execute_steps":["dbt build"],"settings":{"threads":8,"target_name":"prod"},
			"execution":{"timeout_seconds":0},"triggers":{"github_webhook":false,"schedule":false},"generate_docs":false,"run_generate_sources":false,
			"lifecycle_webhooks":false,"run_compare_changes":false,"run_lint":false,"errors_on_lint_failure":true`+more+"}"))
	}
	equal(t, "name printed", `"Daily"`, update("Daily", "").at("data.name"))
	refused := update("Weekly", `,"is_deferrable":false`)
	equal(t, "tree printed", `{"is_deferrable":"extra keys not allowed"}`, refused.at("data"))
	equal(t, "tree recorded", map[string]any{"is_deferrable": "extra keys not allowed"}, a.Requests()[1].Invalid)
	job, _ := a.Job(a.nightly)
	equal(t, "name of the job", "Daily", job.Name)
}
