package dbtcloudtest_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// jobShop is a shop in which runs of a job take a minute and fail when their sha says so, in virtual time.
func jobShop(t *testing.T, f func(t *testing.T, s *dbtcloudtest.Server, job int64), opts ...dbtcloudtest.Option) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(append(opts, dbtcloudtest.WithRunTime(func(r dbtcloudtest.Run) dbtcloudtest.Outcome {
			if r.SHA == "bad" {
				return dbtcloudtest.Outcome{Duration: time.Minute, Status: dbtcloudtest.Error, Message: "broken"}
			}
			return dbtcloudtest.Outcome{Duration: time.Minute}
		}))...)
		f(t, s, s.AddJob(dbtcloudtest.JobSpec{EnvironmentID: production}))
	})
}

// jobData asks for fields of a job.
func jobData(t testing.TB, s *dbtcloudtest.Server, job int64, run any, fields string) any {
	t.Helper()
	status, body := ask(t, s, `query($job: BigInt!, $run: BigInt) { job(id: $job, runId: $run) { `+fields+` } }`, object{"job": job, "run": run})
	if status != 200 || body["errors"] != nil {
		t.Fatalf("%s: answered %d %v", fields, status, body)
	}
	return body["data"].(object)["job"]
}

func TestDiscoveryOfAJob(t *testing.T) {
	jobShop(t, func(t *testing.T, s *dbtcloudtest.Server, job int64) {
		good := s.AddRun(dbtcloudtest.RunSpec{JobID: job, SHA: "good", Schema: "pr_1"})
		time.Sleep(time.Minute)
		bad := s.AddRun(dbtcloudtest.RunSpec{JobID: job, SHA: "bad"})
		time.Sleep(time.Hour)
		stranger := s.AddJob(dbtcloudtest.JobSpec{})
		const status = `runId models { name status error executionTime schema runId jobId } tests { status }`
		outcome := func(run int64, schema, model, failure string) any {
			return decoded(t, fmt.Sprintf(`{"runId":%[1]d,"models":[{"name":"stg_orders","status":"%[3]s","error":%[4]s,"executionTime":60,"schema":"%[2]s","runId":%[1]d,"jobId":%[6]d},
				{"name":"orders","status":"error","error":null,"executionTime":2.5,"schema":null,"runId":%[1]d,"jobId":%[6]d}],
				"tests":[{"status":"fail"},{"status":"%[5]s"}]}`, run, schema, model, failure, map[string]string{"success": "pass", "error": "fail"}[model], job))
		}
		tests := []struct {
			run    any
			fields string
			want   any
		}{
			{nil, status, outcome(bad, "dev", "error", `"broken"`)},
			{good, status, outcome(good, "pr_1", "success", "null")},
			{number(good).String(), `runId id`, decoded(t, fmt.Sprintf(`{"runId":%d,"id":%d}`, good, job))},
			{7, `runId`, nil},
			{nil, `models(identifier: "fct_orders") { name rawSql columns { name } stats { id } dbtGroup dependsOn childrenL1 tests { name } parentsModels { name } parentsSources { name } }`, decoded(t,
				`{"models":[{"name":"orders","rawSql":null,"columns":[{"name":"id"},{"name":"amount"}],"stats":[{"id":"bytes"}],"dbtGroup":"finance",
				"dependsOn":["model.shop.stg_orders","seed.shop.countries"],
				"childrenL1":["test.shop.not_null_orders_id.abc","unit_test.shop.orders.adds_up","exposure.shop.dashboard","metric.shop.revenue"],
				"tests":[{"name":"not_null_orders_id"},{"name":"orders"}],"parentsModels":[{"name":"stg_orders"}],"parentsSources":[]}]}`)},
			{nil, `model(uniqueId: "model.shop.orders") { name access } source(uniqueId: "x") { name } exposure(name: "dashboard") { ownerName parents { __typename } }`, decoded(t,
				`{"model":{"name":"orders","access":"public"},"source":null,"exposure":{"ownerName":"Ann","parents":[{"__typename":"ModelNode"}]}}`)},
			{nil, `model(uniqueId: "model.shop.stg_orders") { dependsOn }`, decoded(t, `{"model":{"dependsOn":["source.shop.raw.orders"]}}`)},
			{nil, `sources { state freshnessChecked maxLoadedAt criteria { warnAfter { count } } } metrics { model { name } environmentName }`, decoded(t,
				`{"sources":[{"state":"Warn","freshnessChecked":true,"maxLoadedAt":null,"criteria":{"warnAfter":null}}],
				"metrics":[{"model":{"name":"orders"},"environmentName":"Production"}]}`)},
		}
		for _, test := range tests {
			if diff := cmp.Diff(test.want, jobData(t, s, job, test.run, test.fields)); diff != "" {
				t.Errorf("run %v, %s (-want +got):\n%s", test.run, test.fields, diff)
			}
		}
		times, _ := jobData(t, s, job, nil, `model(uniqueId: "model.shop.stg_orders") { compileStartedAt compileCompletedAt executeStartedAt executeCompletedAt runGeneratedAt runElapsedTime }`).(object)["model"].(object)
		for name, value := range times {
			if value == nil || len(times) != 6 {
				t.Errorf("%s is %v, want what follows from the run", name, value)
			}
		}
		s.AddRun(dbtcloudtest.RunSpec{JobID: job})
		if got := jobData(t, s, job, nil, `runId`); !cmp.Equal(got, any(object{"runId": number(bad)})) {
			t.Errorf("beside a run that has not ended: %v, want the latest that has, %d", got, bad)
		}
		if got := jobData(t, s, 4711, nil, `id`); got != nil {
			t.Errorf("an unknown job is %v, want null", got)
		}
		if got := jobData(t, s, stranger, bad, `id`); got != nil {
			t.Errorf("another job's run is %v, want null", got)
		}
	})
}

// TestDiscoveryKnowsNothingOfARunBefore looks at a run before it has ended, and after, when its metadata is late.
func TestDiscoveryKnowsNothingOfARunBefore(t *testing.T) {
	jobShop(t, func(t *testing.T, s *dbtcloudtest.Server, job int64) {
		nothing := object{"runId": jsonNumber("0"), "models": []any{}, "seed": nil}
		const fields = `runId models { runId } seed(uniqueId: "seed.shop.countries") { name }`
		if diff := cmp.Diff(any(nothing), jobData(t, s, job, nil, fields)); diff != "" {
			t.Errorf("without runs (-want +got):\n%s", diff)
		}
		run := s.AddRun(dbtcloudtest.RunSpec{JobID: job, SHA: "good"})
		for _, at := range []struct {
			wait   time.Duration
			models int
		}{{0, 0}, {time.Minute, 0}, {29 * time.Second, 0}, {time.Second, 2}} {
			time.Sleep(at.wait)
			got := jobData(t, s, job, run, fields).(object)
			if len(got["models"].([]any)) != at.models || got["runId"] != number(run) {
				t.Errorf("after another %v: %v, want %d models", at.wait, got, at.models)
			}
			latest := of(t, s, "applied", `latestGitSha`)["latestGitSha"]
			if (latest == "good") != (at.models > 0) {
				t.Errorf("after another %v the environment's latest sha is %v", at.wait, latest)
			}
		}
	}, dbtcloudtest.WithMetadataLag(30*time.Second))
}

// TestDiscoveryJobPages follows the cursors that the nodes of a job carry.
func TestDiscoveryJobPages(t *testing.T) {
	jobShop(t, func(t *testing.T, s *dbtcloudtest.Server, job int64) {
		s.SetNodes(production, manyModels(250)...)
		s.AddRun(dbtcloudtest.RunSpec{JobID: job})
		time.Sleep(time.Minute)
		const query = `query($job: BigInt!, $first: Int, $after: String) { job(id: $job) { models(first: $first, after: $after) { name paginationCursor } } }`
		list := func(vars object) (out []object, body object) {
			vars["job"] = job
			_, body = ask(t, s, query, vars)
			if body["data"].(object)["job"] != nil {
				for _, m := range body["data"].(object)["job"].(object)["models"].([]any) {
					out = append(out, m.(object))
				}
			}
			return out, body
		}
		if all, _ := list(object{}); len(all) != 250 {
			t.Errorf("without first there are %d, want all 250", len(all))
		}
		var got []any
		var sizes []int
		after := any(nil)
		for {
			rows, _ := list(object{"first": 100, "after": after})
			sizes = append(sizes, len(rows))
			for _, row := range rows {
				got, after = append(got, row["name"]), row["paginationCursor"]
			}
			if len(rows) < 100 {
				break
			}
		}
		if diff := cmp.Diff([]int{100, 100, 50}, sizes); diff != "" || got[249] != "m249" {
			t.Errorf("pages %v (-want +got):\n%s the last is %v", sizes, diff, got[249])
		}
		if _, body := list(object{"first": 101}); messages(body) != "first must be between 1 and 100, not 101" {
			t.Errorf("first: 101 answers %v", body)
		}
		s.Inject(dbtcloudtest.Fault{Kind: dbtcloudtest.StuckCursor()})
		one, _ := list(object{"first": 100})
		two, _ := list(object{"first": 100, "after": one[99]["paginationCursor"]})
		if diff := cmp.Diff(one, two); diff != "" {
			t.Errorf("stuck pages differ:\n%s", diff)
		}
	})
}

// TestDiscoveryExecutionInfo follows the runs of the environment where a node has no executionInfo of its own.
func TestDiscoveryExecutionInfo(t *testing.T) {
	jobShop(t, func(t *testing.T, s *dbtcloudtest.Server, job int64) {
		s.AddNodes(production, dbtcloudtest.Node{"uniqueId": "seed.shop.never", "executionInfo": nil})
		good := s.AddRun(dbtcloudtest.RunSpec{JobID: job, SHA: "good"})
		time.Sleep(time.Minute)
		bad := s.AddRun(dbtcloudtest.RunSpec{JobID: job, SHA: "bad"})
		time.Sleep(time.Hour)
		got := of(t, s, "applied", `latestGitSha lastUpdatedAt seeds { edges { node { name executionInfo {
			lastRunId lastRunStatus lastRunError lastSuccessRunId lastJobDefinitionId executionTime executeStartedAt executeCompletedAt } } } }`)
		want := decoded(t, fmt.Sprintf(`{"latestGitSha":"bad","lastUpdatedAt":"2000-01-01T00:02:00.000Z","seeds":{"edges":[
			{"node":{"name":"countries","executionInfo":{"lastRunId":%d,"lastRunStatus":"error","lastRunError":"broken","lastSuccessRunId":%d,"lastJobDefinitionId":%d,
			"executionTime":60,"executeStartedAt":"2000-01-01T00:01:00.000Z","executeCompletedAt":"2000-01-01T00:02:00.000Z"}}},
			{"node":{"name":"never","executionInfo":{"lastRunId":null,"lastRunStatus":null,"lastRunError":null,"lastSuccessRunId":null,"lastJobDefinitionId":null,
			"executionTime":null,"executeStartedAt":null,"executeCompletedAt":null}}}]}}`, bad, good, job))
		if diff := cmp.Diff(want, any(got)); diff != "" {
			t.Errorf("seeds (-want +got):\n%s", diff)
		}
		defined := of(t, s, "definition", `models(filter: {uniqueIds: ["model.shop.stg_orders"]}) { edges { node { runId jobDefinitionId runGeneratedAt } } }`)
		want = decoded(t, fmt.Sprintf(`{"models":{"edges":[{"node":{"runId":%d,"jobDefinitionId":%d,"runGeneratedAt":"2000-01-01T00:02:00.000Z"}}]}}`, bad, job))
		if diff := cmp.Diff(want, any(defined)); diff != "" {
			t.Errorf("definition (-want +got):\n%s", diff)
		}
		history := func(selection string) any {
			return of(t, s, "applied", "modelHistoricalRuns"+selection)["modelHistoricalRuns"]
		}
		const run = ` { runId status error executionTime columns { name } tests { status } }`
		want = decoded(t, fmt.Sprintf(`[{"runId":%d,"status":"error","error":null,"executionTime":2.5,"columns":null,"tests":[{"status":"fail"},{"status":"fail"}]},
			{"runId":%d,"status":"success","error":null,"executionTime":60,"columns":null,"tests":[{"status":"fail"},{"status":"pass"}]}]`, bad, good))
		if diff := cmp.Diff(want, history(`(uniqueId: "model.shop.orders", lastRunCount: 5)`+run)); diff != "" {
			t.Errorf("history (-want +got):\n%s", diff)
		}
		if got := history(`(identifier: "fct_orders", withCatalog: true) { runId columns { name } }`).([]any); len(got) != 1 || got[0].(object)["columns"] == nil {
			t.Errorf("by default the history is %v, want the latest run, here with columns", got)
		}
	})
}

// TestDiscoveryTellsAHistory hands over what became of a model in its runs.
func TestDiscoveryTellsAHistory(t *testing.T) {
	t.Parallel()
	s := dbtcloudtest.New()
	s.AddNodes(production, dbtcloudtest.Node{"uniqueId": "model.shop.m", "rawCode": "select 1", "history": []object{
		{"runId": 3, "status": "error", "tests": []object{{"name": "t", "status": "fail"}}}, {"runId": 2, "status": "success"}, {"runId": 1},
	}})
	s.FinishRun(s.AddRun(dbtcloudtest.RunSpec{JobID: s.AddJob(dbtcloudtest.JobSpec{EnvironmentID: production})}), dbtcloudtest.Success) // the history is the node's all the same
	if got := len(of(t, s, "applied", `modelHistoricalRuns(uniqueId: "model.shop.m", lastRunCount: 20) { runId }`)["modelHistoricalRuns"].([]any)); got != 3 {
		t.Errorf("a history of three runs has %d", got)
	}
	for count, want := range map[string]int{``: 1, `, lastRunCount: null`: 3, `, lastRunCount: 0`: 0} {
		if got := len(of(t, s, "applied", `modelHistoricalRuns(uniqueId: "model.shop.m"`+count+`) { runId }`)["modelHistoricalRuns"].([]any)); got != want {
			t.Errorf("a history asked for with %q has %d runs, want %d", count, got, want)
		}
	}
	got := of(t, s, "applied", `modelHistoricalRuns(uniqueId: "model.shop.m", lastRunCount: 2) { runId status rawCode tests { name status } }`)
	want := decoded(t, `{"modelHistoricalRuns":[{"runId":3,"status":"error","rawCode":"select 1","tests":[{"name":"t","status":"fail"}]},
		{"runId":2,"status":"success","rawCode":"select 1","tests":[]}]}`)
	if diff := cmp.Diff(want, any(got)); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
}

// TestDiscoveryOfAJobReadsNodes tells what a node was given from where a job's nodes have it, numbers in either form.
func TestDiscoveryOfAJobReadsNodes(t *testing.T) {
	jobShop(t, func(t *testing.T, s *dbtcloudtest.Server, job int64) {
		s.SetNodes(production,
			dbtcloudtest.Node{"uniqueId": "source.p.s.a", "freshness": object{"criteria": object{"warnAfter": object{"count": 12, "period": "hour"}}, "snapshottedAt": "2026-01-02T00:00:00Z"}},
			dbtcloudtest.Node{"uniqueId": "model.p.a", "catalog": object{"rowCountStat": "9007199254740993"}})
		if got, want := of(t, s, "applied", `lastUpdatedAt`)["lastUpdatedAt"], time.Now().UTC().Format("2006-01-02T15:04:05.000Z"); got != want {
			t.Errorf("before any run the last update is %v, want that of the nodes, %s", got, want)
		}
		s.AddRun(dbtcloudtest.RunSpec{JobID: job})
		time.Sleep(time.Hour)
		want := decoded(t, `{"sources":[{"criteria":{"warnAfter":{"count":12,"period":"hour"}},"snapshottedAt":"2026-01-02T00:00:00Z"}]}`)
		if diff := cmp.Diff(want, jobData(t, s, job, nil, `sources { criteria { warnAfter { count period } } snapshottedAt }`)); diff != "" {
			t.Errorf("sources (-want +got):\n%s", diff)
		}
		got := of(t, s, "applied", `models { edges { node { catalog { rowCountStat } } } }`)
		if diff := cmp.Diff(decoded(t, `{"models":{"edges":[{"node":{"catalog":{"rowCountStat":9007199254740993}}}]}}`), any(got)); diff != "" {
			t.Errorf("models (-want +got):\n%s", diff)
		}
	})
}

// TestNothingEverRan looks at an environment without nodes before and after its first run.
func TestNothingEverRan(t *testing.T) {
	jobShop(t, func(t *testing.T, s *dbtcloudtest.Server, _ int64) {
		empty := dbtcloudtest.DefaultEnvironmentID
		look := func() any {
			_, body := ask(t, s, `query($id: BigInt!) { environment(id: $id) { dbtProjectName applied { models { totalCount } } definition { tags { name } } } }`, object{"id": empty})
			return body["data"]
		}
		if diff := cmp.Diff(decoded(t, `{"environment":{"dbtProjectName":"Analytics","applied":null,"definition":null}}`), look()); diff != "" {
			t.Errorf("before (-want +got):\n%s", diff)
		}
		s.AddNodes(empty, dbtcloudtest.Node{"uniqueId": "model.shop.m"})
		s.SetNodes(empty)
		if diff := cmp.Diff(decoded(t, `{"environment":{"dbtProjectName":"Analytics","applied":null,"definition":null}}`), look()); diff != "" {
			t.Errorf("after all nodes were taken away (-want +got):\n%s", diff)
		}
		s.AddRun(dbtcloudtest.RunSpec{JobID: s.AddJob(dbtcloudtest.JobSpec{EnvironmentID: empty})})
		time.Sleep(time.Hour)
		if diff := cmp.Diff(decoded(t, `{"environment":{"dbtProjectName":"Analytics","applied":{"models":{"totalCount":0}},"definition":{"tags":[]}}}`), look()); diff != "" {
			t.Errorf("after (-want +got):\n%s", diff)
		}
	})
}
