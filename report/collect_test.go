package report_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
	"github.com/slimci/dbtcloud/report"
)

const (
	someManifest = `{"metadata":{"dbt_schema_version":"https://schemas.getdbt.com/dbt/manifest/v12.json","project_name":"shop"},"nodes":{` +
		`"model.shop.orders":{"name":"orders","resource_type":"model","package_name":"shop","original_file_path":"models/orders.sql"}}}`
	someResults = `{"metadata":{"dbt_schema_version":"https://schemas.getdbt.com/dbt/run-results/v6.json","invocation_id":"%s"},"results":[` +
		`{"unique_id":"model.shop.orders","status":"%s","message":"it is so","execution_time":1.5},{"unique_id":"model.shop.below","status":"skipped"}]}`
)

// stage is a run of a fake that has ended with this outcome, in a bubble of time.
func stage(t *testing.T, outcome dbtcloudtest.Outcome, test func(t *testing.T, fake *dbtcloudtest.Server, c *dbtcloud.Client, run int64), opts ...dbtcloudtest.Option) {
	synctest.Test(t, func(t *testing.T) {
		outcome.Duration = time.Minute
		fake := dbtcloudtest.New(append([]dbtcloudtest.Option{dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome { return outcome })}, opts...)...)
		c, err := fake.Client()
		if err != nil {
			t.Fatal(err)
		}
		fake.EditProject(dbtcloudtest.DefaultProjectID, func(fields map[string]any) { fields["dbt_project_subdirectory"] = "dbt" })
		run := fake.AddRun(dbtcloudtest.RunSpec{JobID: fake.AddJob(dbtcloudtest.JobSpec{Name: "CI"}), SHA: "abc", Branch: "feature"})
		if _, err := c.Runs.Wait(t.Context(), run, dbtcloud.Poll{}); err != nil && outcome.Status != dbtcloudtest.Error {
			t.Fatal(err)
		}
		test(t, fake, c, run)
	})
}

// steps are those of a run that came to dbt, whose last one is the given one.
func steps(last ...dbtcloudtest.Step) []dbtcloudtest.Step {
	return append([]dbtcloudtest.Step{{Name: "Clone git repository"}, {Name: "Invoke dbt with `dbt deps`"}}, last...)
}

func build(logs string) dbtcloudtest.Step {
	return dbtcloudtest.Step{Name: "Invoke dbt with `dbt --quiet build --select x`", Status: dbtcloudtest.Error, Logs: logs}
}

func TestCollect(t *testing.T) {
	t.Parallel()
	outcome := dbtcloudtest.Outcome{
		Status: dbtcloudtest.Error, Steps: steps(dbtcloudtest.Step{Name: "Invoke dbt with `dbt seed`"}, build("Done. PASS=0 ERROR=1")),
		Artifacts: []dbtcloudtest.Artifact{
			{Path: "run_results.json", Step: 3, Data: fmt.Appendf(nil, someResults, "one", "success")},
			{Path: "run_results.json", Step: 4, Data: fmt.Appendf(nil, someResults, "two", "error")},
			{Path: "manifest.json", Step: 4, Data: []byte(someManifest)},
		},
	}
	stage(t, outcome, func(t *testing.T, fake *dbtcloudtest.Server, c *dbtcloud.Client, run int64) {
		before := len(fake.Requests())
		d, err := report.Collect(t.Context(), c, run)
		if err != nil {
			t.Fatal(err)
		}
		want := []report.Failure{{
			UniqueID: "model.shop.orders", Name: "orders", Kind: "model", Status: "error", File: "dbt/models/orders.sql", Message: "it is so", Duration: 1500 * time.Millisecond, Step: 4,
		}}
		if diff := cmp.Diff(want, d.Failures); diff != "" {
			t.Errorf("failures (-want +got):\n%s", diff)
		}
		got := []any{d.Counts, d.Skipped, d.Built, d.Notes, d.Run.JobName, d.Run.Status, d.Run.SHA, d.Run.Branch}
		if diff := cmp.Diff([]any{
			report.Counts{Nodes: 4, Built: 1, Errors: 1, Skipped: 2}, []string{"below", "below"}, []string{"orders"}, []string{}, "CI", "Error", "abc", "feature",
		}, got); diff != "" {
			t.Errorf("digest (-want +got):\n%s", diff)
		}
		// The run, two files of results, the one manifest that is needed, and the project.
		if asked := len(fake.Requests()) - before; asked != 5 {
			t.Errorf("%d requests, want 5", asked)
		}
	})
}

// What cannot be read is one line in the digest and never an error of it.
func TestCollectNotes(t *testing.T) {
	t.Parallel()
	results := dbtcloudtest.Artifact{Path: "run_results.json", Data: fmt.Appendf(nil, someResults, "one", "error")}
	tests := []struct {
		name      string
		logs      string
		artifacts []dbtcloudtest.Artifact
		fault     *dbtcloudtest.Fault
		kind      string // of the failure
		notes     []string
	}{
		{"nothing is there", "Parsing Error", nil, nil, "step", []string{"step 3 (Invoke dbt with `dbt --quiet build --select x`) left no run_results.json"}},
		{"nothing is there although dbt ended", "Done. PASS=1", nil, nil, "step", []string{"left no run_results.json"}},
		{"no manifest", "", []dbtcloudtest.Artifact{results}, nil, "model", []string{"left no manifest.json"}},
		{"manifest of an unknown version", "", []dbtcloudtest.Artifact{results, {Path: "manifest.json", Data: []byte(strings.Replace(someManifest, "v12", "v99", 1))}}, nil, "model",
			[]string{`manifest.json of step 3 (Invoke dbt with ` + "`dbt --quiet build --select x`" + `): manifest: not a manifest that can be read: its dbt_schema_version is "https://schemas.getdbt.com/dbt/manifest/v99.json"; versions 4 to 12 are read`}},
		{"manifest cut in the middle", "", []dbtcloudtest.Artifact{results, {Path: "manifest.json", Data: []byte(someManifest[:200])}}, nil, "model", []string{"unexpected EOF"}},
		{"results of an unknown version", "no way", []dbtcloudtest.Artifact{{Path: "run_results.json", Data: []byte(strings.Replace(someResults, "v6", "v7", 1))}}, nil, "step", []string{"versions 1 to 6 are read"}},
		{"results that are no JSON", "no way", []dbtcloudtest.Artifact{{Path: "run_results.json", Data: []byte("<html>\n")}}, nil, "step", []string{"unreadable run-results: near byte 0"}},
		{"results of wrong types", "no way", []dbtcloudtest.Artifact{{Path: "run_results.json", Data: []byte(`{"results":[{"unique_id":[]}]}`)}}, nil, "step", []string{`in "results.0"`}},
		{"an artifact is forbidden", "no way", []dbtcloudtest.Artifact{results}, &dbtcloudtest.Fault{Route: "/api/v2/accounts/{account}/runs/{id}/artifacts/{path...}", Kind: dbtcloudtest.Status(403, dbtcloudtest.EnvelopeBody)}, "step",
			[]string{"run_results.json of step 3"}},
		{"an artifact is cut by the connection", "no way", []dbtcloudtest.Artifact{results}, &dbtcloudtest.Fault{Route: "/api/v2/accounts/{account}/runs/{id}/artifacts/{path...}", Kind: dbtcloudtest.Truncated()}, "step",
			[]string{"run_results.json of step 3"}},
		{"the project is forbidden", "", []dbtcloudtest.Artifact{results, {Path: "manifest.json", Data: []byte(someManifest)}}, &dbtcloudtest.Fault{Route: "/api/v3/accounts/{account}/projects/{id}/", Kind: dbtcloudtest.Status(403, dbtcloudtest.EnvelopeBody)}, "model",
			[]string{"paths are those in the dbt project, whose directory is not known: "}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			outcome := dbtcloudtest.Outcome{Status: dbtcloudtest.Error, Steps: steps(build(tt.logs)), Artifacts: tt.artifacts}
			stage(t, outcome, func(t *testing.T, fake *dbtcloudtest.Server, c *dbtcloud.Client, run int64) {
				if tt.fault != nil {
					fake.Inject(*tt.fault)
				}
				start := time.Now()
				d, err := report.Collect(t.Context(), c, run)
				if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); tt.logs == "Parsing Error" && took > time.Second {
					t.Errorf("it waited %v for what dbt cannot have left", took)
				}
				if len(d.Failures) != 1 || d.Failures[0].Kind != tt.kind || tt.kind == "step" && d.Failures[0].Message != tt.logs {
					t.Errorf("failures %+v, want one of kind %s", d.Failures, tt.kind)
				}
				if len(d.Notes) != len(tt.notes) {
					t.Fatalf("notes %q, want %q", d.Notes, tt.notes)
				}
				for i, note := range d.Notes {
					if !strings.Contains(note, tt.notes[i]) || strings.Contains(note, "\n") {
						t.Errorf("note %q, want %q in one line", note, tt.notes[i])
					}
				}
			})
		})
	}
}

// Artifacts that come a little later are waited for, where dbt has got far enough to leave some.
func TestCollectWaitsForArtifacts(t *testing.T) {
	t.Parallel()
	outcome := dbtcloudtest.Outcome{
		Status: dbtcloudtest.Error, Steps: steps(build("Done. PASS=0 WARN=0 ERROR=1")),
		Artifacts: []dbtcloudtest.Artifact{{Path: "run_results.json", Data: fmt.Appendf(nil, someResults, "one", "error")}, {Path: "manifest.json", Data: []byte(someManifest)}},
	}
	stage(t, outcome, func(t *testing.T, fake *dbtcloudtest.Server, c *dbtcloud.Client, run int64) {
		for range 3 {
			fake.Inject(dbtcloudtest.Fault{Route: "/api/v2/accounts/{account}/runs/{id}/artifacts/{path...}", Times: 1, Kind: dbtcloudtest.Status(404, dbtcloudtest.EnvelopeBody)})
		}
		start := time.Now()
		d, err := report.Collect(t.Context(), c, run)
		if err != nil || len(d.Notes) != 0 || d.Failures[0].File != "dbt/models/orders.sql" {
			t.Errorf("digest %+v, %v", d, err)
		}
		if took := time.Since(start); took < 6*time.Second || took > 7*time.Second {
			t.Errorf("it took %v, want the 6 s that the artifacts did", took)
		}
		fake.Inject(dbtcloudtest.Fault{Route: "/api/v2/accounts/{account}/runs/{id}/artifacts/{path...}", Kind: dbtcloudtest.Status(404, dbtcloudtest.EnvelopeBody)})
	})
}

// What does not come in half of the time is a note, and the rest of the digest is there; nobody who has left gets one.
func TestCollectInTime(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]dbtcloudtest.Kind{"it is not there": dbtcloudtest.Status(404, dbtcloudtest.EnvelopeBody), "it hangs": dbtcloudtest.Hang()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stage(t, dbtcloudtest.Outcome{Status: dbtcloudtest.Error, Steps: steps(build("Done. PASS=0 ERROR=1"))}, func(t *testing.T, fake *dbtcloudtest.Server, c *dbtcloud.Client, run int64) {
				fake.Inject(dbtcloudtest.Fault{Route: "/api/v2/accounts/{account}/runs/{id}/artifacts/{path...}", Kind: kind})
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				d, err := report.Collect(ctx, c, run)
				if err != nil || ctx.Err() != nil {
					t.Fatalf("Collect: %v, and the time is over: %v", err, ctx.Err())
				}
				if len(d.Failures) != 1 || len(d.Notes) == 0 || !strings.HasSuffix(d.Notes[0], "did not come in time") {
					t.Errorf("failures %+v, notes %q", d.Failures, d.Notes)
				}
				ctx, leave := context.WithCancel(t.Context())
				time.AfterFunc(time.Second, leave)
				if d, err := report.Collect(ctx, c, run); d != nil || !errors.Is(err, context.Canceled) {
					t.Errorf("Collect = %+v, %v", d, err)
				}
			})
		})
	}
}

func TestCollectOfASuccess(t *testing.T) {
	t.Parallel()
	outcome := dbtcloudtest.Outcome{
		Steps:     steps(dbtcloudtest.Step{Name: "Invoke dbt with `dbt build`"}, dbtcloudtest.Step{Name: "Invoke dbt with `dbt source freshness`"}),
		Artifacts: []dbtcloudtest.Artifact{{Path: "run_results.json", Step: 3, Data: fmt.Appendf(nil, someResults, "one", "success")}},
	}
	stage(t, outcome, func(t *testing.T, fake *dbtcloudtest.Server, c *dbtcloud.Client, run int64) {
		before := len(fake.Requests())
		d, err := report.Collect(t.Context(), c, run)
		if err != nil || !d.Run.Succeeded() || len(d.Failures)+len(d.Notes) > 0 || d.Counts.Built != 1 {
			t.Errorf("digest %+v, %v", d, err)
		}
		if asked := len(fake.Requests()) - before; asked != 2 {
			t.Errorf("%d requests, want 2: no manifest is read where nothing failed", asked)
		}
	})
}

func TestCollectOfNoRun(t *testing.T) {
	t.Parallel()
	stage(t, dbtcloudtest.Outcome{}, func(t *testing.T, _ *dbtcloudtest.Server, c *dbtcloud.Client, run int64) {
		if d, err := report.Collect(t.Context(), c, run+1000); d != nil || !errors.Is(err, dbtcloud.ErrNotFound) {
			t.Errorf("Collect of an unknown run = %+v, %v, want ErrNotFound", d, err)
		}
	})
}

// An error that goes into a note has lost the token on its way.
func TestCollectTellsNoSecret(t *testing.T) {
	t.Parallel()
	outcome := dbtcloudtest.Outcome{Status: dbtcloudtest.Error, Steps: steps(build("")), Artifacts: []dbtcloudtest.Artifact{{Path: "run_results.json", Data: fmt.Appendf(nil, someResults, "one", "error")}}}
	stage(t, outcome, func(t *testing.T, fake *dbtcloudtest.Server, c *dbtcloud.Client, run int64) {
		for _, kind := range []dbtcloudtest.Kind{dbtcloudtest.HTML200(), dbtcloudtest.Status(500, dbtcloudtest.EnvelopeBody), dbtcloudtest.LostAnswer()} {
			fake.ClearFaults()
			fake.Inject(dbtcloudtest.Fault{Route: "/api/v2/accounts/{account}/runs/{id}/artifacts/{path...}", Kind: kind})
			d, err := report.Collect(t.Context(), c, run)
			if err != nil || len(d.Notes) != 1 {
				t.Fatalf("%s: notes %q, %v, want one", kind, d.Notes, err)
			}
			if text := d.Markdown(0); strings.Contains(text, fake.Token()) || strings.Contains(text, "?step=") {
				t.Errorf("%s: the digest tells too much:\n%s", kind, text)
			}
		}
	})
}
