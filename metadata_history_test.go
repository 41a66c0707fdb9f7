package dbtcloud_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/slimci/dbtcloud"
)

func historyAskings() []asking {
	return []asking{
		{name: "ModelHistory", vars: `{"uniqueId":"model.shop.Orders","lastRunCount":20}`, asks: "{ applied { modelHistoricalRuns(lastRunCount: $lastRunCount, uniqueId: $uniqueId) { uniqueId name",
			answer: `{"applied":{"modelHistoricalRuns":[
				{"uniqueId":"model.shop.Orders","runId":"70506183629193","jobId":9,"status":"error","error":"Database Error","skip":false,"executionTime":12.5,"executeStartedAt":"2026-03-01T10:00:00.123Z","executeCompletedAt":null,
					"tests":[{"uniqueId":"test.shop.u","status":"fail","fail":true,"warn":null,"executionTime":0}]},
				{"uniqueId":"model.shop.Orders","runId":70506183629000,"status":"success","tests":[]}]}}`,
			want: []*dbtcloud.JobModel{
				{UniqueID: "model.shop.Orders", RunID: 70506183629193, JobID: 9, Status: dbtcloud.NodeError, Error: "Database Error", Skip: new(false), ExecutionTime: new(12.5), ExecuteStartedAt: at("2026-03-01T10:00:00.123Z"),
					Tests: []*dbtcloud.JobTest{{UniqueID: "test.shop.u", Status: dbtcloud.NodeFail, Fail: new(true), ExecutionTime: new(0.0)}}},
				{UniqueID: "model.shop.Orders", RunID: 70506183629000, Status: dbtcloud.NodeSuccess, Tests: []*dbtcloud.JobTest{}},
			},
			call: func(ctx context.Context, m *dbtcloud.MetadataService, environmentID int64) (any, error) {
				return m.ModelHistory(ctx, environmentID, "model.shop.Orders", 20)
			}},
		{name: "ModelTimings", vars: `{}`, asks: "{ applied { models(first: $first, after: $after) { edges { node { uniqueId name database schema alias materializedType executionInfo {",
			answer: `{"applied":{"models":{"edges":[{"node":{"uniqueId":"model.b","executionInfo":{"executionTime":1.5}}},{"node":{"uniqueId":"model.never","executionInfo":null}},
				{"node":{"uniqueId":"model.slow","executionInfo":{"executionTime":300}}},{"node":{"uniqueId":"model.a","executionInfo":{"executionTime":1.5}}},
				{"node":{"uniqueId":"model.quick","executionInfo":{"executionTime":0}}}],"pageInfo":{"endCursor":"c","hasNextPage":false}}}}`,
			want: []*dbtcloud.Model{
				{UniqueID: "model.slow", ExecutionInfo: &dbtcloud.ExecutionInfo{ExecutionTime: new(300.0)}},
				{UniqueID: "model.a", ExecutionInfo: &dbtcloud.ExecutionInfo{ExecutionTime: new(1.5)}},
				{UniqueID: "model.b", ExecutionInfo: &dbtcloud.ExecutionInfo{ExecutionTime: new(1.5)}},
				{UniqueID: "model.quick", ExecutionInfo: &dbtcloud.ExecutionInfo{ExecutionTime: new(0.0)}},
				{UniqueID: "model.never"},
			},
			call: func(ctx context.Context, m *dbtcloud.MetadataService, environmentID int64) (any, error) {
				return m.ModelTimings(ctx, environmentID)
			}},
	}
}

func TestModelHistoryRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		id   string
		runs int
		text string
	}{
		{"model.a", 0, "the number of runs must be from 1 to 100, not 0"},
		{"model.a", -1, "not -1"},
		{"model.a", 101, "not 101"},
		{" ", 1, "the unique id is empty"},
	} {
		c, s := scripted(t, always(200, "application/json", `{"data":{}}`))
		_, err := c.Metadata.ModelHistory(t.Context(), 5, test.id, test.runs)
		if !errors.Is(err, dbtcloud.ErrInvalid) || !strings.Contains(err.Error(), test.text) || len(s.lines()) != 0 {
			t.Errorf("%q, %d: error %v after %v, want ErrInvalid that says %q", test.id, test.runs, err, s.lines(), test.text)
		}
	}
}

// states answers for an environment whose models, by unique id, have this code. Without
// models a state is null.
func states(t failer, applied, definition map[string]string) (*dbtcloud.Client, *script) {
	t.Helper()
	return scripted(t, func(_ int, req *http.Request) (*http.Response, error) {
		state, models := "applied", applied
		if body := bodyOf(req); strings.Contains(body, "definition") {
			state, models = "definition", definition
		}
		if models == nil {
			return response(200, "application/json", `{"data":{"environment":{"`+state+`":null}}}`), nil
		}
		var edges []string
		for _, id := range slices.Sorted(maps.Keys(models)) {
			edges = append(edges, fmt.Sprintf(`{"node":{"uniqueId":%q,"name":%q,"filePath":"models/%s.sql","rawCode":%s}}`, id, id, id, models[id]))
		}
		return response(200, "application/json", `{"data":{"environment":{"`+state+`":{"models":{"edges":[`+strings.Join(edges, ",")+`],"pageInfo":{"hasNextPage":false,"endCursor":null}}}}}}`), nil
	})
}

// bodyOf is the document of a request, whose body script has kept.
func bodyOf(req *http.Request) string {
	body, err := req.GetBody()
	if err != nil {
		return ""
	}
	var q struct{ Query string }
	_ = json.NewDecoder(body).Decode(&q)
	return q.Query
}

func changed(c *dbtcloud.Client, environmentID int64) (map[string]dbtcloud.ModelChange, error) {
	got := map[string]dbtcloud.ModelChange{}
	for m, err := range c.Metadata.ChangedModels(context.Background(), environmentID) {
		if err != nil {
			return got, err
		}
		got[m.UniqueID] = m.Change
	}
	return got, nil
}

func TestChangedModels(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name                string
		applied, definition map[string]string // raw JSON of the code
		want                map[string]dbtcloud.ModelChange
	}{
		{"each kind",
			map[string]string{"same": `"select 1"`, "other": `"select 1"`, "gone": `"select 1"`, "hidden": `null`, "blank": `"select 1"`, "neither": `null`},
			map[string]string{"same": `"select 1"`, "other": `"select 2"`, "new": `"select 1"`, "hidden": `"select 1"`, "blank": `""`, "neither": `null`},
			map[string]dbtcloud.ModelChange{"other": dbtcloud.ModelModified, "gone": dbtcloud.ModelRemoved, "new": dbtcloud.ModelNew, "hidden": dbtcloud.ModelUnclear, "blank": dbtcloud.ModelUnclear}},
		{"case counts", map[string]string{"model.A": `"x"`}, map[string]string{"model.a": `"X"`}, map[string]dbtcloud.ModelChange{"model.A": dbtcloud.ModelRemoved, "model.a": dbtcloud.ModelNew}},
		{"nothing has run", nil, map[string]string{"a": `"x"`}, map[string]dbtcloud.ModelChange{"a": dbtcloud.ModelNew}},
		{"nothing at all", nil, nil, map[string]dbtcloud.ModelChange{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, _ := states(t, test.applied, test.definition)
			got, err := changed(c, 5)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestChangedModelsOrder: what is written comes as it is listed, what is gone last and
// sorted, each with its name and file; the sequence can be ranged over again, and left.
func TestChangedModelsOrder(t *testing.T) {
	t.Parallel()
	c, s := states(t, map[string]string{"z": `"1"`, "b": `"1"`, "m": `"1"`}, map[string]string{"m": `"2"`, "c": `"1"`})
	all := c.Metadata.ChangedModels(t.Context(), 5)
	want := []*dbtcloud.ChangedModel{
		{UniqueID: "c", Name: "c", FilePath: "models/c.sql", Change: dbtcloud.ModelNew},
		{UniqueID: "m", Name: "m", FilePath: "models/m.sql", Change: dbtcloud.ModelModified},
		{UniqueID: "b", Name: "b", FilePath: "models/b.sql", Change: dbtcloud.ModelRemoved},
		{UniqueID: "z", Name: "z", FilePath: "models/z.sql", Change: dbtcloud.ModelRemoved},
	}
	for range 2 {
		got, err := dbtcloud.Collect(all)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("error %v (-want +got):\n%s", err, diff)
		}
	}
	if n := len(s.lines()); n != 4 {
		t.Errorf("%d requests, want 2 each time", n)
	}
	for leave := 1; leave <= len(want); leave++ {
		n := 0
		for _, err := range all {
			if n++; n == leave || err != nil {
				break
			}
		}
		if n != leave {
			t.Errorf("left after %d, want %d", n, leave)
		}
	}
}

// TestChangedModelsFail: what is not complete is not compared.
func TestChangedModelsFail(t *testing.T) {
	t.Parallel()
	c, _ := states(t, map[string]string{"a": `"1"`}, nil)
	if got, err := changed(c, 5); !errors.Is(err, dbtcloud.ErrNotFound) || len(got) != 0 {
		t.Errorf("without a definition: %v and %v, want ErrNotFound", got, err)
	}
	for failing, want := range map[int]map[string]dbtcloud.ModelChange{1: {}, 2: {"b": dbtcloud.ModelNew}} {
		c, _ := scripted(t, func(n int, req *http.Request) (*http.Response, error) {
			state, id := "applied", "a"
			if strings.Contains(bodyOf(req), "definition") {
				state, id = "definition", "b"
			}
			errs := ""
			if n == failing {
				errs = `,"errors":[{"message":"half of it"}]`
			}
			return response(200, "application/json", `{"data":{"environment":{"`+state+`":{"models":{"edges":[{"node":{"uniqueId":"`+id+`","rawCode":"1"}}],"pageInfo":{"hasNextPage":false}}}}}`+errs+`}`), nil
		}, noRetry)
		got, err := changed(c, 5)
		if _, ok := errors.AsType[*dbtcloud.GraphQLError](err); !ok {
			t.Errorf("request %d fails: error %v", failing, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("request %d fails (-want +got):\n%s", failing, diff)
		}
	}
}

// TestChangedModelsProperty: every model of either state is judged as by looking at both
// at once.
func TestChangedModelsProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		models := rapid.MapOf(rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"}), rapid.SampledFrom([]string{`null`, `"1"`, `"2"`, `" 1"`}))
		applied, definition := models.Draw(t, "applied"), models.Draw(t, "definition")
		if len(definition) == 0 {
			definition["a"] = `"1"`
		}
		c, _ := states(t, applied, definition)
		want := map[string]dbtcloud.ModelChange{}
		for id, code := range definition {
			switch built, ok := applied[id]; {
			case !ok:
				want[id] = dbtcloud.ModelNew
			case built == code:
			case built == `null` || code == `null`:
				want[id] = dbtcloud.ModelUnclear
			default:
				want[id] = dbtcloud.ModelModified
			}
		}
		for id := range applied {
			if _, ok := definition[id]; !ok {
				want[id] = dbtcloud.ModelRemoved
			}
		}
		got, err := changed(c, 5)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Fatalf("error %v (-want +got):\n%s", err, diff)
		}
	})
}

// TestModelTimingsOfTheUntimed: what has no time comes last, whatever of it is missing.
func TestModelTimingsOfTheUntimed(t *testing.T) {
	t.Parallel()
	c, _ := scripted(t, always(200, "application/json", applied("models", `{"node":{"uniqueId":"b"}},{"node":{"uniqueId":"a","executionInfo":{"executionTime":null}}},{"node":{"uniqueId":"d","executionInfo":{"executionTime":0}}},{"node":{"uniqueId":"c","executionInfo":{"executionTime":2.5}}}`, "null", "false")))
	models, err := c.Metadata.ModelTimings(t.Context(), 5)
	var ids []string
	for _, m := range models {
		ids = append(ids, m.UniqueID)
	}
	if diff := cmp.Diff([]string{"c", "d", "a", "b"}, ids); err != nil || diff != "" {
		t.Errorf("%v, (-want +got):\n%s", err, diff)
	}
}
