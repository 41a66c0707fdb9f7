package dbtcloud_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/internal/discovery"
)

// jobList is a list of a job: how to ask for it, and what to make of what comes.
type jobList struct {
	name string // as in the schema
	call func(ctx context.Context, j *dbtcloud.JobMetadata, opts ...dbtcloud.QueryOption) (any, error)
	vars string // besides ids and page
	node string
	want any
}

func jobLists() []jobList {
	place := dbtcloud.JobSourceFilter{Database: "prod", Schema: "shop", Identifier: "orders_v2"}
	return []jobList{
		{"models", func(ctx context.Context, j *dbtcloud.JobMetadata, opts ...dbtcloud.QueryOption) (any, error) {
			return collect(j.Models(ctx, dbtcloud.JobModelFilter(place), opts...))
		}, `{` + relation + `}`,
			`{"uniqueId":"model.a","jobId":9,"runId":"70506183629193","status":"success","executionTime":0,"skip":false,"runElapsedTime":null,"dependsOn":["model.b"],"tags":null,"columns":[{"name":"id","index":1}],
				"stats":[{"id":"rows","value":"12"}],"runResults":[{"status":"error","executeStartedAt":"2026-03-01T10:00:00Z"}],"parentsModels":[{"uniqueId":"model.b"}],"later":{"x":1}}`,
			[]*dbtcloud.JobModel{{UniqueID: "model.a", JobID: 9, RunID: 70506183629193, Status: dbtcloud.NodeSuccess, ExecutionTime: new(0.0), Skip: new(false), DependsOn: []string{"model.b"},
				Columns: []*dbtcloud.CatalogColumn{{Name: "id", Index: new(int64(1))}}, Stats: []*dbtcloud.CatalogStat{{ID: "rows", Value: "12"}},
				RunResults: []*dbtcloud.JobRunResult{{Status: dbtcloud.NodeError, ExecuteStartedAt: at("2026-03-01T10:00:00Z")}}, ParentsModels: []*dbtcloud.JobModel{{UniqueID: "model.b"}}}}},
		{"sources", func(ctx context.Context, j *dbtcloud.JobMetadata, opts ...dbtcloud.QueryOption) (any, error) {
			return collect(j.Sources(ctx, place, opts...))
		}, `{` + relation + `}`,
			`{"uniqueId":"source.a","state":"Quantum","freshnessChecked":true,"maxLoadedAtTimeAgoInS":0.5,"criteria":{"warnAfter":{"count":6,"period":"hour"},"errorAfter":null}}`,
			[]*dbtcloud.JobSource{{UniqueID: "source.a", State: "Quantum", FreshnessChecked: new(true), MaxLoadedAtTimeAgoInS: new(0.5),
				Criteria: &dbtcloud.FreshnessCriteria{WarnAfter: &dbtcloud.FreshnessPeriod{Count: new(int64(6)), Period: dbtcloud.PeriodHour}}}}},
		{"seeds", func(ctx context.Context, j *dbtcloud.JobMetadata, opts ...dbtcloud.QueryOption) (any, error) {
			return collect(j.Seeds(ctx, opts...))
		}, `{}`, `{"uniqueId":"seed.a","thread_id":"Thread-1"}`, []*dbtcloud.JobSeed{{UniqueID: "seed.a", ThreadID: "Thread-1"}}},
		{"snapshots", func(ctx context.Context, j *dbtcloud.JobMetadata, opts ...dbtcloud.QueryOption) (any, error) {
			return collect(j.Snapshots(ctx, opts...))
		}, `{}`, `{"uniqueId":"snapshot.a","error":"boom"}`, []*dbtcloud.JobSnapshot{{UniqueID: "snapshot.a", Error: "boom"}}},
		{"tests", func(ctx context.Context, j *dbtcloud.JobMetadata, opts ...dbtcloud.QueryOption) (any, error) {
			return collect(j.Tests(ctx, opts...))
		}, `{}`, `{"uniqueId":"test.a","state":"fail","fail":true,"warn":false,"skip":null}`, []*dbtcloud.JobTest{{UniqueID: "test.a", State: "fail", Fail: new(true), Warn: new(false)}}},
		{"macros", func(ctx context.Context, j *dbtcloud.JobMetadata, opts ...dbtcloud.QueryOption) (any, error) {
			return collect(j.Macros(ctx, opts...))
		}, `{}`, `{"uniqueId":"macro.a","packageName":"dbt"}`, []*dbtcloud.JobMacro{{UniqueID: "macro.a", PackageName: "dbt"}}},
		{"metrics", func(ctx context.Context, j *dbtcloud.JobMetadata, opts ...dbtcloud.QueryOption) (any, error) {
			return collect(j.Metrics(ctx, opts...))
		}, `{}`, `{"uniqueId":"metric.a","calculation_method":"sum","filters":[{"field":"status","operator":"=","value":"'done'"}]}`,
			[]*dbtcloud.JobMetric{{UniqueID: "metric.a", CalculationMethod: "sum", Filters: []*dbtcloud.MetricCondition{{Field: "status", Operator: "=", Value: "'done'"}}}}},
		{"exposures", func(ctx context.Context, j *dbtcloud.JobMetadata, opts ...dbtcloud.QueryOption) (any, error) {
			return collect(j.Exposures(ctx, opts...))
		}, `{}`, `{"uniqueId":"exposure.a","parents":[{"__typename":"ModelNode","uniqueId":"model.a","resourceType":"model"}]}`,
			[]*dbtcloud.JobExposure{{UniqueID: "exposure.a", Parents: []*dbtcloud.JobParent{{UniqueID: "model.a", ResourceType: "model"}}}}},
	}
}

// documentOf is the document and the variables of a request; the document must fit the schema.
func documentOf(t *testing.T, r sent) (query string, vars map[string]any) {
	t.Helper()
	var q struct {
		Query     string
		Variables map[string]any
	}
	if err := json.Unmarshal([]byte(r.Body), &q); err != nil {
		t.Fatal(err)
	}
	schema := discovery.GA()
	if strings.Contains(r.URL, "/beta/") {
		schema = discovery.Beta()
	}
	if _, errs := gqlparser.LoadQueryWithRules(schema, q.Query, rules.NewDefaultRules()); errs != nil {
		t.Errorf("the document is refused: %v\n%s", errs, q.Query)
	}
	return q.Query, q.Variables
}

// TestJobLists: what each list asks for, and makes of an answer.
func TestJobLists(t *testing.T) {
	t.Parallel()
	for _, list := range jobLists() {
		t.Run(list.name, func(t *testing.T) {
			t.Parallel()
			c, s := scripted(t, always(200, "application/json", `{"data":{"job":{"`+list.name+`":[`+list.node+`]}}}`))
			got, err := list.call(t.Context(), c.Metadata.Job(9, 70506183629193))
			if diff := cmp.Diff(list.want, got); diff != "" || err != nil {
				t.Errorf("error %v (-want +got):\n%s", err, diff)
			}
			query, vars := documentOf(t, s.requests()[0])
			if want := "{ job(id: $jobId, runId: $runId) { " + list.name + "(first: $first, after: $after"; !strings.Contains(query, want) || !strings.Contains(query, "paginationCursor") {
				t.Errorf("the document does not ask for %s:\n%s", want, query)
			}
			want := parsed(t, list.vars).(map[string]any)
			want["jobId"], want["runId"], want["first"] = 9.0, 70506183629193.0, 100.0
			if diff := cmp.Diff(want, vars); diff != "" {
				t.Errorf("variables (-want +got):\n%s", diff)
			}
		})
	}
}

// TestJobTypes: every member of a type can be asked for by its JSON name.
func TestJobTypes(t *testing.T) {
	t.Parallel()
	for _, list := range jobLists() {
		t.Run(list.name, func(t *testing.T) {
			t.Parallel()
			var paths []string
			for f := range reflect.TypeOf(list.want).Elem().Elem().Fields() {
				name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				if name == "criteria" { // an object of objects
					name = "criteria.errorAfter"
				}
				paths = append(paths, name)
			}
			c, s := scripted(t, always(200, "application/json", `{"data":{"job":{"`+list.name+`":[]}}}`))
			if _, err := list.call(t.Context(), c.Metadata.Job(9, 0), dbtcloud.Fields(paths...)); err != nil {
				t.Fatal(err)
			}
			documentOf(t, s.requests()[0])
		})
	}
}

// TestJobPages: a list goes on from the cursor of the last item, and ends with a page
// that is not full. The latest run is asked for without a run id.
func TestJobPages(t *testing.T) {
	t.Parallel()
	const models = 250
	c, s := scripted(t, func(n int, req *http.Request) (*http.Response, error) {
		var nodes []string
		for i := (n - 1) * 100; i < min(n*100, models); i++ {
			nodes = append(nodes, fmt.Sprintf(`{"uniqueId":"model.%03d","paginationCursor":"after-%d"}`, i, i))
		}
		return response(200, "application/json", `{"data":{"job":{"models":[`+strings.Join(nodes, ",")+`]}}}`), nil
	})
	n := 0
	for m, err := range c.Metadata.Job(9, 0).Models(t.Context(), dbtcloud.JobModelFilter{}) {
		if err != nil || m.UniqueID != fmt.Sprintf("model.%03d", n) {
			t.Fatalf("item %d is %+v, error %v", n, m, err)
		}
		n++
	}
	var got []map[string]any
	for _, r := range s.requests() {
		_, vars := documentOf(t, r)
		got = append(got, vars)
	}
	want := []map[string]any{{"jobId": 9.0, "first": 100.0}, {"jobId": 9.0, "first": 100.0, "after": "after-99"}, {"jobId": 9.0, "first": 100.0, "after": "after-199"}}
	if diff := cmp.Diff(want, got); diff != "" || n != models {
		t.Errorf("%d items; variables (-want +got):\n%s", n, diff)
	}
}

// TestJobAnswers: what there is not, and what cannot be.
func TestJobAnswers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		is         error // nil: an *Error of another kind
	}{
		{"no such job", `{"data":{"job":null}}`, dbtcloud.ErrNotFound},
		{"no such job, said", `{"data":{"job":null},"errors":[{"message":"Job 9 not found"}]}`, dbtcloud.ErrNotFound},
		{"complex", `{"errors":[{"message":"x","extensions":{"code":"COMPLEXITY_EXCEEDED"}}]}`, dbtcloud.ErrComplexity},
		{"a number", `{"data":{"job":7}}`, nil},
		{"a list of nulls", `{"data":{"job":{"models":[null],"tests":[null],"macros":[null]}}}`, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, list := range jobLists() {
				if test.is == nil && !slices.Contains([]string{"models", "tests", "macros"}, list.name) {
					continue
				}
				c, _ := scripted(t, always(200, "application/json", test.body))
				_, err := list.call(t.Context(), c.Metadata.Job(9, 1))
				if _, ok := errors.AsType[*dbtcloud.Error](err); !ok || test.is != nil && !errors.Is(err, test.is) {
					t.Errorf("%s: error %v, want an *Error that is %v", list.name, err, test.is)
				}
			}
		})
	}
	c, _ := scripted(t, always(200, "application/json", `{"data":{"job":{"models":null}}}`))
	if got, err := dbtcloud.Collect(c.Metadata.Job(9, 1).Models(t.Context(), dbtcloud.JobModelFilter{})); err != nil || len(got) != 0 {
		t.Errorf("a null list: %v and %v, want nothing", got, err)
	}
}

// TestJobPagesTraps: an end of a list of a job that is none is an error.
func TestJobPagesTraps(t *testing.T) {
	t.Parallel()
	list := func(items ...string) string { return `{"data":{"job":{"models":[` + strings.Join(items, ",") + `]}}}` }
	item := func(id string) string { return `{"uniqueId":"` + id + `","paginationCursor":"` + id + `"}` }
	tests := []struct {
		name    string
		answers []string // the last one again and again
		ids     int
		text    string // of the error
	}{
		{"full to the end", []string{list(item("a"), item("b")), list()}, 2, ""},
		{"a page that is not full", []string{list(item("a"), item("b")), list(item("c"))}, 3, ""},
		{"nothing", []string{list()}, 0, ""},
		{"the same page again", []string{list(item("a"), item("b"))}, 4, "the cursor does not advance"},
		{"no cursor", []string{list(item("a"), `{"uniqueId":"b"}`)}, 2, "no cursor leads to it"},
		{"a null cursor", []string{list(item("a"), `{"uniqueId":"b","paginationCursor":null}`)}, 2, "no cursor leads to it"},
		{"a cursor that is a number", []string{list(`{"uniqueId":"b","paginationCursor":5}`)}, 0, "does not decode"},
		{"the second page is null", []string{list(item("a"), item("b")), `{"data":{"job":{"models":null}}}`}, 2, "the page is null though a cursor led to it"},
		{"the second page is not there", []string{list(item("a"), item("b")), `{"data":{"job":{}}}`}, 2, "it holds no models"},
		{"the second page has no job", []string{list(item("a"), item("b")), `{"data":{"job":null}}`}, 2, "job not found"},
		{"errors of the second page", []string{list(item("a"), item("b")), `{"data":{"job":null},"errors":[{"message":"boom"}]}`}, 2, "boom"},
		{"an object", []string{`{"data":{"job":{"models":{}}}}`}, 0, "neither edges nor nodes"},
		{"more than asked for", []string{list(item("a"), item("b"), item("c"))}, 2, "more than the 2 items came"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, _ := scripted(t, func(n int, _ *http.Request) (*http.Response, error) {
				return response(200, "application/json", test.answers[min(n, len(test.answers))-1]), nil
			})
			ids, err := 0, error(nil)
			for _, e := range c.Metadata.Job(9, 1).Models(t.Context(), dbtcloud.JobModelFilter{}, dbtcloud.PageSize(2)) {
				if err = e; e == nil {
					ids++
				}
			}
			if ids != test.ids || (err == nil) != (test.text == "") || err != nil && !strings.Contains(err.Error(), test.text) {
				t.Errorf("%d items and %v, want %d and %q", ids, err, test.ids, test.text)
			}
		})
	}
}

func TestJobRefuses(t *testing.T) {
	t.Parallel()
	for _, list := range jobLists() {
		for text, ids := range map[string][2]int64{"the job id must be positive, not 0": {0, 1}, "not -9": {-9, 1}, "or 0 for the latest, not -1": {9, -1}} {
			c, s := scripted(t, always(200, "application/json", `{"data":{}}`))
			_, err := list.call(t.Context(), c.Metadata.Job(ids[0], ids[1]))
			if !errors.Is(err, dbtcloud.ErrInvalid) || !strings.Contains(err.Error(), text) || len(s.lines()) != 0 {
				t.Errorf("%s of %v: error %v after %v, want ErrInvalid that says %q", list.name, ids, err, s.lines(), text)
			}
		}
		c, s := scripted(t, always(200, "application/json", `{"data":{}}`))
		if _, err := list.call(t.Context(), c.Metadata.Job(9, 1), dbtcloud.PageSize(101)); !errors.Is(err, dbtcloud.ErrInvalid) || len(s.lines()) != 0 {
			t.Errorf("%s in pages of 101: error %v, want ErrInvalid", list.name, err)
		}
	}
}

// TestJobWait: a wait ends with the first look that finds something of that very run.
func TestJobWait(t *testing.T) {
	t.Parallel()
	nothing := `"models":[],"sources":[],"seeds":[],"snapshots":[],"tests":[]`
	answers := []string{
		`{"data":{"job":null}}`,
		`{"errors":[{"message":"Job 9 not found"}]}`,
		`{"data":{"job":{"runId":6,"models":[{"uniqueId":"model.a"}],"sources":[],"seeds":[],"snapshots":[],"tests":[]}}}`,
		`{"data":{"job":{"runId":7,` + nothing + `}}}`,
		`{"errors":[{"message":"Internal server error"}]}`,
		`<html>`,
		`{"data":{"job":{"runId":"7","models":[],"sources":null,"seeds":[{"uniqueId":"seed.a"}],"snapshots":[],"tests":[]}}}`,
	}
	synctest.Test(t, func(t *testing.T) {
		c, s := scripted(t, func(n int, _ *http.Request) (*http.Response, error) {
			return response(200, "application/json", answers[n-1]), nil
		}, noRetry)
		begun := time.Now()
		if err := c.Metadata.Job(9, 7).Wait(t.Context(), dbtcloud.Poll{}); err != nil {
			t.Fatal(err)
		}
		if n := len(s.requests()); n != len(answers) {
			t.Errorf("%d looks, want %d", n, len(answers))
		}
		if took := time.Since(begun); took < 10*time.Second || took > 30*time.Second {
			t.Errorf("took %s: the pauses grow from a second", took)
		}
		_, vars := documentOf(t, s.requests()[0])
		if diff := cmp.Diff(map[string]any{"jobId": 9.0, "runId": 7.0}, vars); diff != "" {
			t.Errorf("variables (-want +got):\n%s", diff)
		}
	})
}

// TestJobWaitInVain: a run that leaves nothing is told from one that does.
func TestJobWaitInVain(t *testing.T) {
	t.Parallel()
	empty := `{"data":{"job":{"runId":7,"models":[],"sources":[],"seeds":[],"snapshots":[],"tests":[]}}}`
	unknown := `{"data":{"job":null}}`
	tests := []struct {
		name, body string
		poll       dbtcloud.Poll
		deadline   time.Duration // 0: none
		from, to   time.Duration // how long it takes
		is, not    []error
	}{
		{"nothing in it", empty, dbtcloud.Poll{}, 0, 5 * time.Minute, 6 * time.Minute, []error{dbtcloud.ErrNoMetadata}, []error{dbtcloud.ErrNotFound, context.DeadlineExceeded}},
		{"never known", unknown, dbtcloud.Poll{}, 0, 5 * time.Minute, 6 * time.Minute, []error{dbtcloud.ErrNoMetadata, dbtcloud.ErrNotFound}, []error{context.DeadlineExceeded}},
		{"with less patience", empty, dbtcloud.Poll{Grace: time.Minute, Silence: time.Second}, 0, time.Minute, 2 * time.Minute, []error{dbtcloud.ErrNoMetadata}, nil},
		{"late", empty, dbtcloud.Poll{}, 30 * time.Second, 30 * time.Second, 33 * time.Second, []error{dbtcloud.ErrNoMetadata, context.DeadlineExceeded}, nil},
		{"forbidden", `{"errors":[{"message":"You do not have permission to perform this action"}]}`, dbtcloud.Poll{}, 0, 0, 0, []error{dbtcloud.ErrForbidden}, []error{dbtcloud.ErrNoMetadata}},
		{"no token", `{"errors":[{"message":"No token was provided."}]}`, dbtcloud.Poll{}, 0, 0, 0, []error{dbtcloud.ErrUnauthorized}, []error{dbtcloud.ErrNoMetadata}},
		{"nothing can be learned", `<html>`, dbtcloud.Poll{Silence: time.Minute}, 0, time.Minute, 2 * time.Minute, nil, []error{dbtcloud.ErrNoMetadata}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, _ := scripted(t, always(200, "application/json", test.body), noRetry)
				ctx, begun := t.Context(), time.Now()
				if test.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.deadline)
					defer cancel()
				}
				err := c.Metadata.Job(9, 7).Wait(ctx, test.poll)
				if err == nil || !strings.Contains(err.Error(), "the metadata of run 7 of job 9") {
					t.Fatalf("error %v, want one that names the run", err)
				}
				for _, target := range test.is {
					if !errors.Is(err, target) {
						t.Errorf("error %v, want %v", err, target)
					}
				}
				for _, target := range test.not {
					if errors.Is(err, target) {
						t.Errorf("error %v is %v", err, target)
					}
				}
				if took := time.Since(begun); took < test.from || took > test.to {
					t.Errorf("took %s, want %s to %s", took, test.from, test.to)
				}
			})
		})
	}
}

func TestJobWaitCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		c, s := scripted(t, func(n int, _ *http.Request) (*http.Response, error) {
			if n == 3 {
				cancel()
			}
			return response(200, "application/json", `{"data":{"job":null}}`), nil
		}, noRetry)
		err := c.Metadata.Job(9, 7).Wait(ctx, dbtcloud.Poll{})
		if !errors.Is(err, context.Canceled) || len(s.requests()) != 3 {
			t.Errorf("error %v after %d looks, want Canceled after 3", err, len(s.requests()))
		}
	})
}

func TestJobWaitRefuses(t *testing.T) {
	t.Parallel()
	for _, ids := range [][2]int64{{9, 0}, {9, -7}, {0, 7}} {
		c, s := scripted(t, always(200, "application/json", `{"data":{}}`))
		if err := c.Metadata.Job(ids[0], ids[1]).Wait(t.Context(), dbtcloud.Poll{}); !errors.Is(err, dbtcloud.ErrInvalid) || len(s.lines()) != 0 {
			t.Errorf("%v: error %v after %v, want ErrInvalid", ids, err, s.lines())
		}
	}
}
