package peers

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

func cli(t *testing.T) string {
	t.Helper()
	return program(t, "dbt-cloud-cli", "dbt-cloud")
}

func TestCLILooks(t *testing.T) {
	t.Parallel()
	show(t, cli(t), []look{
		{"account list", "data.*.id", "{account}", "200 GET /api/v3/accounts/"},
		{"account get", "data.run_slots", "3", "200 GET /"},
		{"project list", "data.*.id", "{project}", "200 GET /v3/projects/"},
		{"project get --project-id {project}", "data.name", `"Analytics"`, "200 GET /v3/projects/{id}/"},
		{"environment list --project-id {project} --limit 1 --offset 1", "data.*.name", `"Production"`, "200 GET /v3/projects/{project}/environments/"},
		{"environment get --project-id {project} --environment-id {environment}", "data.name", `"CI"`, "200 GET /v3/projects/{project}/environments/{id}/"},
		{"job list", "data.*.id", "{ci} {nightly}", "200 GET /jobs/"},
		{"job list --order-by=-id --limit 1 --project-id {project}", "data.*.id", "{nightly}", "200 GET /jobs/"},
		{"job get --job-id {ci} --include-related most_recent_run", "data.most_recent_run.id", "{queued}", "200 GET /jobs/{id}/"},
		{"run list --job-id {ci} --status Queued", "data.*.id", "{queued}", "200 GET /runs/"},
		{"run list --order-by=-id --limit 1 --offset 1", "extra.pagination", `{"count":1,"total_count":3}`, "200 GET /runs/"},
		{"run get --run-id {running} --include-related trigger --include-related job", "data.trigger.git_sha", `"bbb"`, "200 GET /runs/{id}/"},
		{"run list-artifacts --run-id {ended}", "data", `["compiled/shop/orders.sql","manifest.json"]`, "200 GET /runs/{id}/artifacts/"},
		{"run get-artifact --run-id {ended} --path manifest.json", "nodes", `{"model.shop.orders":{}}`, "200 GET /runs/{id}/artifacts/{remainder...}"},
		{"run cancel --run-id {queued}", "data.status", "30", "200 POST /runs/{id}/cancel/"},
		{"run cancel --run-id {ended}", "data.data.status", "10", "200 POST /runs/{id}/cancel/"},
	})
}

func TestCLIIsRefused(t *testing.T) {
	t.Parallel()
	a := newAccount()
	p := newPeer(t, cli(t), a.Server)
	missing := p.start("job", "get", "--job-id", "7").ends(1)
	equal(t, "status printed", "404", missing.at("status.code"))
	missing.says("404 Client Error")
	equal(t, "status of another token", "401", p.start("job", "list", "--api-token", "another").ends(1).at("status.code"))
	p.env = slices.DeleteFunc(p.env, func(v string) bool { return strings.Contains(v, "ca.pem") })
	p.start("job", "list").ends(1).says("CERTIFICATE_VERIFY_FAILED")
	equal(t, "asked", []string{"404 GET /jobs/{id}/", "401 GET /jobs/"}, asked(a.Server))
}

// It sends the ids of account and job with every trigger, which no document allows, and null for what is not overridden.
func TestCLITriggers(t *testing.T) {
	t.Parallel()
	trigger := []string{"job", "run", "--cause", "by hand", "--git-sha", "aaa", "--github-pull-request-id", "7", "--job-id"}

	strict := newAccount()
	refused := newPeer(t, cli(t), strict.Server).start(append(trigger, id(strict.nightly))...).ends(1)
	refused.says("400 Client Error")
	tree := map[string]any{"account_id": "extra keys not allowed", "job_id": "extra keys not allowed"}
	equal(t, "tree printed", `{"account_id":"extra keys not allowed","job_id":"extra keys not allowed"}`, refused.at("data"))
	equal(t, "tree recorded", tree, strict.Requests()[0].Invalid)
	equal(t, "runs after a refusal", 3, len(strict.Runs()))

	lenient := newAccount(dbtcloudtest.WithWrites(dbtcloudtest.Lenient))
	got := newPeer(t, cli(t), lenient.Server).run(append(trigger, id(lenient.nightly))...)
	run := lenient.Runs()[3]
	equal(t, "printed", id(run.ID)+" 1", got.at("data.id")+" "+got.at("data.status"))
	equal(t, "run", []any{lenient.nightly, "by hand", "aaa", int64(7), "api"}, []any{run.JobID, run.Cause, run.SHA, run.PullRequest.Number, run.TriggeredBy})
}

func TestCLIWaits(t *testing.T) {
	t.Parallel()
	for status, ends := range map[dbtcloudtest.RunStatus]struct {
		code int
		says string
	}{
		dbtcloudtest.Success: {0, "SUCCESS ..."},
		dbtcloudtest.Error:   {1, "Job run failed with ERROR status."},
	} {
		t.Run(status.String(), func(t *testing.T) {
			t.Parallel()
			a := newAccount(dbtcloudtest.WithWrites(dbtcloudtest.Lenient))
			wait := newPeer(t, cli(t), a.Server).start("job", "run", "--job-id", id(a.nightly), "--wait")
			wait.until("a poll", func() bool { return count(a.Server, "GET /runs/{id}/") > 0 })
			a.FinishRun(a.Runs()[3].ID, status)
			got := wait.ends(ends.code)
			got.says("RUNNING ...")
			got.says(ends.says)
			equal(t, "status printed", strconv.Itoa(int(status)), got.at("data.status"))
			equal(t, "asked", []string{"200 POST /jobs/{id}/run/", "200 GET /runs/{id}/"}, asked(a.Server))
		})
	}
}

func TestCLIPages(t *testing.T) {
	t.Parallel()
	a := newAccount()
	for range 247 {
		a.AddRun(dbtcloudtest.RunSpec{JobID: a.nightly})
	}
	got := newPeer(t, cli(t), a.Server).run("run", "list", "--paginate")
	want := make([]string, 0, 250)
	for _, r := range a.Runs() {
		want = append(want, id(r.ID))
	}
	equal(t, "runs", want, strings.Fields(got.at("data.*.id")))
	equal(t, "pages", 3, count(a.Server, "GET /runs/"))
}

func TestCLIJobs(t *testing.T) {
	t.Parallel()
	a := newAccount(dbtcloudtest.WithDeletes(dbtcloudtest.Envelope))
	p := newPeer(t, cli(t), a.Server)
	created := p.run(append(a.args("job create --project-id {project} --environment-id {environment} --job-type scheduled --triggers-schedule true"),
		"--name", "Hourly", "--execute-steps", `["dbt seed", "dbt build"]`)...)
	job := a.Jobs()[2]
	equal(t, "job", []any{id(job.ID), "Hourly", "scheduled", []any{"dbt seed", "dbt build"}},
		[]any{created.at("data.id"), job.Name, job.JobType, job.Fields["execute_steps"]})

	file := p.run("job", "export", "--job-id", id(job.ID)).stdout.String()
	path := t.TempDir() + "/job.json"
	if err := os.WriteFile(path, []byte(strings.Replace(file, "Hourly", "Imported", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	p.run("job", "import", "--file", path)
	imported := a.Jobs()[3]
	equal(t, "imported", []any{"Imported", job.Fields["execute_steps"], job.Fields["triggers"]},
		[]any{imported.Name, imported.Fields["execute_steps"], imported.Fields["triggers"]})

	equal(t, "state of the deleted job", "2", p.run("job", "delete", "--job-id", id(job.ID)).at("data.state"))
	p.run("job", "delete-all", "--yes", "--keep-jobs", a.fill("[{ci}, {nightly}]"))
	for i, j := range a.Jobs() {
		equal(t, j.Name+" is deleted", i >= 2, !j.DeletedAt.IsZero())
	}
	equal(t, "asked", []string{"200 POST /jobs/", "200 GET /jobs/{id}/", "200 POST /jobs/", "200 DELETE /jobs/{id}/", "200 GET /jobs/", "200 DELETE /jobs/{id}/"}, asked(a.Server))
}

func TestCLICancelsAll(t *testing.T) {
	t.Parallel()
	a := newAccount()
	p := newPeer(t, cli(t), a.Server)
	got := p.run("run", "cancel-all", "--status", "Queued", "--yes")
	equal(t, "printed", id(a.queued), got.at("*.data.id"))
	for _, r := range a.Runs() {
		equal(t, "run "+id(r.ID)+" is cancelled", r.ID == a.queued, r.Status == dbtcloudtest.Cancelled)
	}
}

// It expects a body of the answer to a DELETE, as dbtc does.
func TestCLITripsOverADeleteWithoutBody(t *testing.T) {
	t.Parallel()
	a := newAccount(dbtcloudtest.WithDeletes(dbtcloudtest.NoContent))
	newPeer(t, cli(t), a.Server).start("job", "delete", "--job-id", id(a.nightly)).ends(1).says("JSONDecodeError")
	if job, _ := a.Job(a.nightly); job.DeletedAt.IsZero() {
		t.Error("the job is still there")
	}
}

func TestCLIProjectsAndEnvironments(t *testing.T) {
	t.Parallel()
	a := newAccount(dbtcloudtest.WithDeletes(dbtcloudtest.Envelope))
	p := newPeer(t, cli(t), a.Server)
	project := p.run("project", "create", "--name", "Finance", "--type", "0").at("data.id")
	equal(t, "name after the update", `"Accounting"`, p.run("project", "update", "--project-id", project, "--name", "Accounting", "--type", "0").at("data.name"))
	environment := p.run("environment", "create", "--project-id", project, "--name", "Production", "--type", "deployment",
		"--deployment-type", "production", "--dbt-version", "latest").at("data.id")
	equal(t, "environments", environment, p.run("environment", "list", "--project-id", project).at("data.*.id"))
	p.run("environment", "delete", "--project-id", project, "--environment-id", environment)
	equal(t, "environments left", "", p.run("environment", "list", "--project-id", project).at("data.*.id"))
	p.run("project", "delete", "--project-id", project)
	equal(t, "projects left", a.fill("{project}"), p.run("project", "list").at("data.*.id"))
	p.start(a.args("project delete --project-id {project}")...).ends(1).says("400 Client Error")
}
