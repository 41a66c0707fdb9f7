package dbtcloud_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/slimci/dbtcloud"
)

// graphqlRequest is what a GraphQL request says.
type graphqlRequest struct {
	Query         string
	OperationName string
	Variables     map[string]any
}

func askedBy(body io.Reader) graphqlRequest {
	var a graphqlRequest
	if json.NewDecoder(body).Decode(&a) != nil {
		return graphqlRequest{}
	}
	return a
}

// applied is the answer for a page of an applied list.
func applied(list, edges, endCursor, hasNext string) string {
	return `{"data":{"environment":{"applied":{"` + list + `":{"edges":[` + edges + `],"pageInfo":{"endCursor":` + endCursor + `,"hasNextPage":` + hasNext + `}}}}}}`
}

// connection serves n models in pages as they are asked for.
func connection(n int) func(int, *http.Request) (*http.Response, error) {
	return func(_ int, req *http.Request) (*http.Response, error) {
		vars := askedBy(req.Body).Variables
		first := int(vars["first"].(float64))
		after, _ := vars["after"].(string)
		begin, _ := strconv.Atoi(after)
		var edges []string
		for i := begin; i < min(n, begin+first); i++ {
			edges = append(edges, fmt.Sprintf(`{"node":{"uniqueId":"model.m%d"}}`, i))
		}
		end := begin + len(edges)
		return response(200, "application/json", applied("models", strings.Join(edges, ","), quote(strconv.Itoa(end)), strconv.FormatBool(end < n))), nil
	}
}

func names(seq iter.Seq2[*dbtcloud.Model, error]) (ids []string, err error) {
	for m, e := range seq {
		if e != nil {
			return ids, e
		}
		ids = append(ids, m.UniqueID)
	}
	return ids, nil
}

// TestModelsPages: every item comes once and in order, in as few requests as there are
// pages, again and again from the same sequence.
func TestModelsPages(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n, first := rapid.IntRange(0, 40).Draw(t, "items"), rapid.IntRange(1, 12).Draw(t, "page size")
		c, s := scripted(t, connection(n))
		seq := c.Metadata.Models(context.Background(), 5, dbtcloud.ModelFilter{}, dbtcloud.PageSize(first))
		var want []string
		for i := range n {
			want = append(want, "model.m"+strconv.Itoa(i))
		}
		for range 2 {
			got, err := names(seq)
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Fatalf("error %v, (-want +got):\n%s", err, diff)
			}
		}
		if requests := 2 * max(1, (n+first-1)/first); len(s.requests()) != requests {
			t.Fatalf("%d requests, want %d", len(s.requests()), requests)
		}
	})
}

// TestListDocument: what is sent for a list, whole, also where the filter is a pointer.
func TestListDocument(t *testing.T) {
	t.Parallel()
	c, s := scripted(t, always(200, "application/json", applied("models", "", "null", "false")))
	f := &dbtcloud.ModelFilter{Tags: []string{"x"}, Sort: dbtcloud.ModelSort{Field: dbtcloud.SortByUniqueID}}
	type name struct{ Name string }
	if _, err := dbtcloud.Collect(dbtcloud.Select[name](t.Context(), c.Metadata, 5, f, dbtcloud.PageSize(7))); err != nil {
		t.Fatal(err)
	}
	want := graphqlRequest{
		OperationName: "EnvironmentAppliedModels",
		Query: "query EnvironmentAppliedModels($environmentId: BigInt!, $first: Int, $after: String, $filter: ModelAppliedFilter, $sort: AppliedModelSort) " +
			"{ environment(id: $environmentId) { applied { models(first: $first, after: $after, filter: $filter, sort: $sort) { edges { node { uniqueId name } } pageInfo { endCursor hasNextPage } } } } }",
		Variables: map[string]any{"environmentId": 5.0, "first": 7.0, "filter": map[string]any{"tags": []any{"x"}}, "sort": map[string]any{"field": "uniqueId", "direction": "asc"}},
	}
	got := askedBy(strings.NewReader(s.requests()[0].Body))
	got.Query = strings.Join(strings.Fields(got.Query), " ")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestAncestorTypes: all kinds, unless some are named; none where no ancestors are asked for.
func TestAncestorTypes(t *testing.T) {
	t.Parallel()
	for want, opts := range map[string][]dbtcloud.QueryOption{
		"[Exposure Macro Model Seed Snapshot Source]": {dbtcloud.Fields("ancestors.name")},
		"[Seed Source]": {dbtcloud.Fields("ancestors.name"), dbtcloud.AncestorTypes(dbtcloud.ResourceSeed, dbtcloud.ResourceSource)},
		"<nil>":         {dbtcloud.Fields("name"), dbtcloud.AncestorTypes(dbtcloud.ResourceSeed)},
	} {
		c, s := scripted(t, always(200, "application/json", applied("models", "", "null", "false")))
		if _, err := names(c.Metadata.Models(t.Context(), 5, dbtcloud.ModelFilter{}, opts...)); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(askedBy(strings.NewReader(s.requests()[0].Body)).Variables["ancestorTypes"]); got != want {
			t.Errorf("asked for the types %s, want %s", got, want)
		}
	}
}

// TestModelsBreak: after a break, and after the end of the context, nothing is asked.
func TestModelsBreak(t *testing.T) {
	t.Parallel()
	c, s := scripted(t, connection(10))
	for _, err := range c.Metadata.Models(t.Context(), 5, dbtcloud.ModelFilter{}, dbtcloud.PageSize(2)) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	seen := 0
	for _, err := range c.Metadata.Models(ctx, 5, dbtcloud.ModelFilter{}, dbtcloud.PageSize(2)) {
		last = err
		cancel()
		seen++
	}
	if len(s.requests()) != 2 || seen != 2 || !errors.Is(last, context.Canceled) {
		t.Errorf("%d requests, %d items, error %v; want 2, 2 and context.Canceled", len(s.requests()), seen, last)
	}
}

// TestPagesTraps: an end that is none, and a page that is none, are errors; what came
// before is kept.
func TestPagesTraps(t *testing.T) {
	t.Parallel()
	node := func(id string) string { return `{"node":{"uniqueId":"` + id + `"}}` }
	type answers []string
	tests := []struct {
		name    string
		answers answers // the last one again and again
		ids     []string
		text    string // of the error
		is      error
	}{
		{"two pages", answers{applied("models", node("a"), `"1"`, "true"), applied("models", node("b"), `"2"`, "false")}, []string{"a", "b"}, "", nil},
		{"the cursor does not advance", answers{applied("models", node("a"), `"1"`, "true")}, []string{"a", "a"}, "the cursor does not advance", nil},
		{"cursors go round", answers{applied("models", node("a"), `"1"`, "true"), applied("models", node("b"), `"2"`, "true"), applied("models", node("c"), `"1"`, "true")}, []string{"a", "b", "c"}, "the cursor does not advance", nil},
		{"no cursor", answers{applied("models", node("a"), `null`, "true")}, []string{"a"}, "no cursor leads to it", nil},
		{"an empty cursor", answers{applied("models", node("a"), `""`, "true")}, []string{"a"}, "no cursor leads to it", nil},
		{"an empty page that is not the last", answers{applied("models", "", `"9"`, "true")}, nil, "the page is empty though another is said to follow", nil},
		{"a last page with a cursor", answers{applied("models", node("a"), `"1"`, "false")}, []string{"a"}, "", nil},
		{"an empty list", answers{applied("models", "", `null`, "false")}, nil, "", nil},
		{"nothing was ever run", answers{`{"data":{"environment":{"applied":null}}}`}, nil, "", nil},
		{"no list", answers{`{"data":{"environment":{"applied":{"models":null}}}}`}, nil, "", nil},
		{"no environment", answers{`{"data":{"environment":null}}`}, nil, "environment not found", dbtcloud.ErrNotFound},
		{"no environment either", answers{`{"data":{}}`}, nil, "environment not found", dbtcloud.ErrNotFound},
		{"an unknown environment", answers{`{"data":null,"errors":[{"message":"Environment 5 not found"}]}`}, nil, "Environment 5 not found", dbtcloud.ErrNotFound},
		{"a wrong region", answers{`{"errors":[{"message":"There is no data available for this input"}],"data":null}`}, nil, "There is no data available", dbtcloud.ErrNotFound},
		{"an edge without a node", answers{applied("models", `{"cursor":"1"}`, `"1"`, "false")}, nil, "an edge holds no node", nil},
		{"a node that is null", answers{applied("models", `{"node":null}`, `"1"`, "false")}, nil, "the list holds a null", nil},
		{"a page that does not say whether another follows", answers{`{"data":{"environment":{"applied":{"models":{"edges":[` + node("a") + `],"pageInfo":{"endCursor":"1"}}}}}}`}, []string{"a"}, "does not say whether another follows", nil},
		{"a page that says null of another", answers{applied("models", node("a"), `"1"`, "null")}, []string{"a"}, "does not say whether another follows", nil},
		{"a word for whether another follows", answers{applied("models", node("a"), `"1"`, `"true"`)}, []string{"a"}, "does not decode", nil},
		{"a null pageInfo", answers{`{"data":{"environment":{"applied":{"models":{"edges":[` + node("a") + `],"pageInfo":null}}}}}`}, []string{"a"}, "does not say whether another follows", nil},
		{"no pageInfo", answers{`{"data":{"environment":{"applied":{"models":{"edges":[` + node("a") + `]}}}}}`}, []string{"a"}, "does not say whether another follows", nil},
		{"no edges", answers{`{"data":{"environment":{"applied":{"models":{"Edges":[` + node("a") + `],"pageInfo":{"hasNextPage":false}}}}}}`}, nil, "neither edges nor nodes", nil},
		{"edges that are null", answers{`{"data":{"environment":{"applied":{"models":{"edges":null,"pageInfo":{"hasNextPage":false}}}}}}`}, nil, "", nil},
		{"a list instead of a connection", answers{`{"data":{"environment":{"applied":{"models":[{"uniqueId":"a"}]}}}}`}, nil, "an object is expected", nil},
		{"another list", answers{`{"data":{"environment":{"applied":{"seeds":{"edges":[]}}}}}`}, nil, "it holds no models", nil},
		{"broken before the list", answers{`{"data":{"environment":{"x":}}}`}, nil, "invalid character", nil},
		{"nothing below the environment", answers{`{"data":{"environment":{}}}`}, nil, "it holds no applied", nil},
		{"edges twice", answers{`{"data":{"environment":{"applied":{"models":{"edges":[` + node("a") + `],"edges":[]}}}}}`}, []string{"a"}, `"edges" comes twice`, nil},
		{"data twice", answers{`{"data":{"environment":null},"data":{"environment":null}}`}, nil, `"data" comes twice`, nil},
		{"errors twice", answers{`{"errors":[{"message":"x"}],"errors":null,"data":{"environment":{"applied":null}}}`}, nil, `"errors" comes twice`, nil},
		{"errors of the second page", answers{applied("models", node("a"), `"1"`, "true"), `{"data":null,"errors":[{"message":"boom"}]}`}, []string{"a"}, "boom", nil},
		{"half of the second page", answers{applied("models", node("a"), `"1"`, "true"), strings.Replace(applied("models", node("b"), `"2"`, "false"), "{", `{"errors":[{"message":"half"}],`, 1)}, []string{"a", "b"}, "half", nil},
		{"the second page is null", answers{applied("models", node("a"), `"1"`, "true"), `{"data":{"environment":{"applied":{"models":null}}}}`}, []string{"a"}, "the page is null though a cursor led to it", nil},
		{"the second page has no state", answers{applied("models", node("a"), `"1"`, "true"), `{"data":{"environment":{"applied":null}}}`}, []string{"a"}, "the page is null though a cursor led to it", nil},
		{"the second page has no environment", answers{applied("models", node("a"), `"1"`, "true"), `{"data":{"environment":null}}`}, []string{"a"}, "environment not found", dbtcloud.ErrNotFound},
		{"the second page has no data", answers{applied("models", node("a"), `"1"`, "true"), `{"data":null}`}, []string{"a"}, "holds no data", nil},
		{"the second page is empty and the last", answers{applied("models", node("a"), `"1"`, "true"), applied("models", "", "null", "false")}, []string{"a"}, "", nil},
		{"more than asked for", answers{applied("models", node("a")+","+node("b")+","+node("c"), `"1"`, "false")}, []string{"a", "b"}, "more than the 2 items came", nil},
		{"edges that are none", answers{applied("models", `"no"`, `"1"`, "false")}, nil, "an object is expected", nil},
		{"a page that is none", answers{`{"data":{"environment":{"applied":{"models":"no"}}}}`}, nil, "an object is expected", nil},
		{"pageInfo that is none", answers{`{"data":{"environment":{"applied":{"models":{"edges":[],"pageInfo":[]}}}}}`}, nil, "does not decode", nil},
		{"an id that is none", answers{applied("models", `{"node":{"uniqueId":5}}`, `"1"`, "false")}, nil, "does not decode", nil},
		{"errors before half of the data", answers{`{"errors":[{"message":"half"}],"data":{"environment":{"applied":{"models":{"edges":[` + node("a") + `]}}}}}`}, []string{"a"}, "half", nil},
		{"errors after half of the data", answers{`{"data":{"environment":{"applied":{"models":{"edges":[` + node("a") + `]}}}},"errors":[{"message":"half"}]}`}, []string{"a"}, "half", nil},
		{"errors after data of no use", answers{`{"data":{"environment":{"applied":{"models":7}}},"errors":[{"message":"rate it"}]}`}, nil, "rate it", nil},
		{"two documents", answers{`{"data":{"environment":{"applied":null}}}{}`}, nil, "something follows the end", nil},
		{"half a document", answers{`{"data":{"environment":{"applied":{"models":{"edges":[` + node("a")}, []string{"a"}, "does not decode", nil},
		{"deeper than anything", answers{`{"data":{"environment":{"applied":{"models":{"edges":[{"node":{"meta":` + strings.Repeat(`{"a":`, 20000)}, nil, "does not decode", nil},
		{"wider than anything", answers{applied("models", `{"node":{"parents":[`+strings.Repeat("{},", 1<<19)+`{}]}}`, `"1"`, "false")}, nil, "more than 524288 objects", nil},
		{"longer than anything", answers{applied("models", `{"node":{"tags":[`+strings.Repeat(`"",`, 1<<22)+`""]}}`, `"1"`, "false")}, nil, "more than 4194304 values", nil},
		{"commas in a text", answers{applied("models", `{"node":{"uniqueId":"a","rawCode":"`+strings.Repeat(`,[`, 1<<21)+`"}}`, `"1"`, "false")}, []string{"a"}, "", nil},
		{"braces in a text", answers{applied("models", `{"node":{"uniqueId":"a","rawCode":"`+strings.Repeat(`{\"`, 1<<19)+`"}}`, `"1"`, "false")}, []string{"a"}, "", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, _ := scripted(t, func(n int, _ *http.Request) (*http.Response, error) {
				return response(200, "application/json", test.answers[min(n, len(test.answers))-1]), nil
			})
			ids, err := names(c.Metadata.Models(t.Context(), 5, dbtcloud.ModelFilter{}, dbtcloud.PageSize(2)))
			if diff := cmp.Diff(test.ids, ids); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if test.text == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.text) || test.is != nil && !errors.Is(err, test.is) {
				t.Fatalf("error %v, want one that says %q and is %v", err, test.text, test.is)
			}
			if _, ok := errors.AsType[*dbtcloud.Error](err); !ok || len(err.Error()) > 8<<10 {
				t.Errorf("error of %d bytes: %T, want an *Error", len(err.Error()), err)
			}
		})
	}
}

// TestBigInts: a BigInt is a number, a string of digits, or null, also where several of
// them are mixed; what is too large or no number is an error.
func TestBigInts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		json string
		want int64
		text string
	}{
		{`70506183137151`, 70506183137151, ""},
		{`"70506183137151"`, 70506183137151, ""},
		{`9007199254740993`, 9007199254740993, ""}, // above 2^53
		{`"9007199254740993"`, 9007199254740993, ""},
		{`null`, 0, ""},
		{`9223372036854775808`, 0, "does not decode"},
		{`"9223372036854775808"`, 0, "does not decode"},
		{`1.5`, 0, "does not decode"},
		{`"many"`, 0, "does not decode"},
	}
	for _, test := range tests {
		c, _ := scripted(t, always(200, "application/json", applied("models", `{"node":{"uniqueId":"a","environmentId":12,"executionInfo":{"lastRunId":`+test.json+`},"catalog":{"bytesStat":"8"}}}`, `"1"`, "false")))
		got, err := dbtcloud.Collect(c.Metadata.Models(t.Context(), 5, dbtcloud.ModelFilter{}))
		switch {
		case test.text != "":
			if err == nil || !strings.Contains(err.Error(), test.text) {
				t.Errorf("%s: error %v, want %q", test.json, err, test.text)
			}
		case err != nil:
			t.Errorf("%s: %v", test.json, err)
		case got[0].ExecutionInfo.LastRunID != test.want || got[0].EnvironmentID != 12 || *got[0].Catalog.BytesStat != 8:
			t.Errorf("%s: got %+v", test.json, got[0].ExecutionInfo)
		}
	}
}

// TestBigIntsBesideMeta: what a project keeps in meta stays as it is, whatever its names
// mean elsewhere, and so does a status.
func TestBigIntsBesideMeta(t *testing.T) {
	t.Parallel()
	const kept = `{"jobId":"7","list":[{"owner_id":"8"}],"status":"9"}`
	c, _ := scripted(t, always(200, "application/json", applied("models", `{"node":{"uniqueId":"a","environmentId":"12","status":"404","meta":`+kept+`,"config":`+kept+`}}`, `"1"`, "false")))
	type page struct {
		EnvironmentID int64
		Status        string
		Meta, Config  map[string]any
	}
	got, err := dbtcloud.Collect(dbtcloud.Select[page](t.Context(), c.Metadata, 5, dbtcloud.ModelFilter{}, dbtcloud.Fields("name")))
	if err != nil {
		t.Fatal(err)
	}
	want := []*page{{EnvironmentID: 12, Status: "404", Meta: parsed(t, kept).(map[string]any), Config: parsed(t, kept).(map[string]any)}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestPagesAreOfTheirTime: what the caller does to variables, filters and options after
// a sequence was made changes nothing in it.
func TestPagesAreOfTheirTime(t *testing.T) {
	t.Parallel()
	c, s := scripted(t, always(200, "application/json", applied("models", "", "null", "false")))
	ids, kinds, paths := []string{"model.a"}, []dbtcloud.ResourceType{dbtcloud.ResourceSeed}, []string{"ancestors.name"}
	vars := map[string]any{"f": map[string]any{"uniqueIds": ids}}
	const query = `query($f: ModelAppliedFilter, $c: String) { environment(id: 1) { applied { models(filter: $f, after: $c) { edges { node { name } } pageInfo { endCursor hasNextPage } } } } }`
	for i, seq := range []iter.Seq2[*dbtcloud.Model, error]{
		c.Metadata.Models(t.Context(), 5, dbtcloud.ModelFilter{UniqueIDs: ids}, dbtcloud.Fields(paths...), dbtcloud.AncestorTypes(kinds...)),
		dbtcloud.QueryAll[dbtcloud.Model](t.Context(), c.Metadata, query, vars, "environment.applied.models"),
	} {
		first := len(s.requests())
		for range 2 {
			if _, err := names(seq); err != nil {
				t.Fatal(err)
			}
			ids[0], kinds[0], paths[0] = "", "Nonsense", "tests"
			vars["more"] = true
		}
		ids[0], kinds[0] = "model.a", dbtcloud.ResourceSeed
		delete(vars, "more")
		if r := s.requests()[first:]; len(r) != 2 || r[0].Body != r[1].Body {
			t.Errorf("sequence %d asked %v", i, r)
		}
	}
}

// TestPagesOfNodes: a connection may hold its items without edges.
func TestPagesOfNodes(t *testing.T) {
	t.Parallel()
	c, s := scripted(t, func(n int, _ *http.Request) (*http.Response, error) {
		return response(200, "application/json", fmt.Sprintf(`{"data":{"environment":{"applied":{"models":{"nodes":[{"uniqueId":"m%d"}],"pageInfo":{"endCursor":"%d","hasNextPage":%t}}}}}}`, n, n, n < 3)), nil
	})
	const query = `query($c: String) { environment(id: 1) { applied { models(after: $c) { nodes { uniqueId } pageInfo { endCursor hasNextPage } } } } }`
	ids, err := names(dbtcloud.QueryAll[dbtcloud.Model](t.Context(), c.Metadata, query, nil, "environment.applied.models"))
	if diff := cmp.Diff([]string{"m1", "m2", "m3"}, ids); err != nil || diff != "" {
		t.Errorf("error %v, (-want +got):\n%s", err, diff)
	}
	var cursors []any
	for _, r := range s.requests() {
		cursors = append(cursors, askedBy(strings.NewReader(r.Body)).Variables["c"])
	}
	if diff := cmp.Diff([]any{nil, "1", "2"}, cursors); diff != "" {
		t.Errorf("cursors (-want +got):\n%s", diff)
	}
}

// TestPagesAtOnce: a sequence may be ranged over by several at once, each from the start.
func TestPagesAtOnce(t *testing.T) {
	t.Parallel()
	c, _ := scripted(t, connection(20))
	seq := c.Metadata.Models(t.Context(), 5, dbtcloud.ModelFilter{}, dbtcloud.PageSize(3))
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if ids, err := names(seq); err != nil || len(ids) != 20 {
				t.Errorf("%d items, %v", len(ids), err)
			}
		})
	}
	group.Wait()
}

// TestPagesFromACursor: the caller may begin anywhere; coming back there is an error.
func TestPagesFromACursor(t *testing.T) {
	t.Parallel()
	c, s := scripted(t, always(200, "application/json", applied("models", `{"node":{"uniqueId":"a"}}`, `"here"`, "true")))
	const query = `query($c: String) { environment(id: 1) { applied { models(after: $c) { edges { node { uniqueId } } pageInfo { endCursor hasNextPage } } } } }`
	for start, want := range map[string]int{"here": 1, "": 2} {
		before := len(s.requests())
		ids, err := names(dbtcloud.QueryAll[dbtcloud.Model](t.Context(), c.Metadata, query, map[string]any{"c": start}, "environment.applied.models"))
		if err == nil || !strings.Contains(err.Error(), "does not advance") || len(ids) != want || len(s.requests())-before != want {
			t.Errorf("from %q: %v, %v", start, ids, err)
		}
	}
}

// TestListRefuses: what cannot be right is refused before any request.
func TestListRefuses(t *testing.T) {
	t.Parallel()
	c, s := scripted(t, always(200, "application/json", `{}`))
	m, ctx := c.Metadata, t.Context()
	type nested struct{ Catalog string }
	type self struct{ Parents []*self }
	type flat struct{ Tags string }
	type none struct{ private int }
	type inner struct{ Name string }
	type lost struct{ *inner }
	type twice struct {
		Name  string
		Alias string `json:"name,omitempty"`
	}
	type count struct{ Name int }
	type text struct{ EnvironmentID string }
	type flag struct{ ContractEnforced string }
	type nullable struct{ Name sql.NullString }
	type digits struct{ Name json.Number }
	type octets struct{ Name []byte }
	type lists struct{ Tags []int }
	type free struct{ Meta []string }
	type info struct {
		ExecutionInfo struct{ ExecutionTime int }
	}
	type function struct{ Name func() }
	type hollow struct{ ExecutionInfo none }
	type named struct {
		*inner `json:"catalog"`
	}
	refused := map[string]error{
		"environment id must be positive, not 0":                                   first(m.Models(ctx, 0, dbtcloud.ModelFilter{})),
		"environment id must be positive, not -1":                                  first(dbtcloud.Select[nested](ctx, m, -1, dbtcloud.ModelFilter{})),
		"must be from 1 to 500, not 501":                                           first(m.Models(ctx, 5, dbtcloud.ModelFilter{}, dbtcloud.PageSize(501))),
		"must be from 1 to 500, not 0":                                             first(m.Models(ctx, 5, dbtcloud.ModelFilter{}, dbtcloud.PageSize(0))),
		"must be from 1 to 500, not -3":                                            first(m.Models(ctx, 5, dbtcloud.ModelFilter{}, dbtcloud.PageSize(-3))),
		"Select: the filter is nil":                                                first(dbtcloud.Select[nested](ctx, m, 5, (*dbtcloud.ModelFilter)(nil))),
		"the filter is nil":                                                        first(dbtcloud.Select[nested](ctx, m, 5, nil)),
		`no field "nmae"; did you mean name?`:                                      first(m.Models(ctx, 5, dbtcloud.ModelFilter{}, dbtcloud.Fields("nmae"))),
		`did you mean uniqueId?`:                                                   first(m.Models(ctx, 5, dbtcloud.ModelFilter{}, dbtcloud.Fields("unique_id"))),
		`no field "x"`:                                                             first(m.Models(ctx, 5, dbtcloud.ModelFilter{}, dbtcloud.Fields("executionInfo.x"))),
		"name is a plain value":                                                    first(m.Models(ctx, 5, dbtcloud.ModelFilter{}, dbtcloud.Fields("name.first"))),
		`field ""`:                                                                 first(m.Models(ctx, 5, dbtcloud.ModelFilter{}, dbtcloud.Fields(""))),
		`field "__typename.x"`:                                                     first(m.Models(ctx, 5, dbtcloud.ModelFilter{}, dbtcloud.Fields("__typename.x"))),
		`field "executionInfo."`:                                                   first(m.Models(ctx, 5, dbtcloud.ModelFilter{}, dbtcloud.Fields("executionInfo."))),
		`field "name } } }"`:                                                       first(m.Models(ctx, 5, dbtcloud.ModelFilter{}, dbtcloud.Fields("name } } }"), dbtcloud.UnknownFields())),
		"only the beta endpoint is known to have":                                  first(m.Models(ctx, 5, dbtcloud.ModelFilter{}, dbtcloud.Fields("usageQueryCount"))),
		"is deeper than 8 names":                                                   first(m.Models(ctx, 5, dbtcloud.ModelFilter{}, dbtcloud.Fields(strings.Repeat("parents.", 8)+"name"))),
		"catalog is an object (CatalogNode)":                                       first(dbtcloud.Select[nested](ctx, m, 5, dbtcloud.ModelFilter{})),
		"holds itself at \"parents\"":                                              first(dbtcloud.Select[self](ctx, m, 5, dbtcloud.ModelFilter{})),
		"tags is a list ([String!]!)":                                              first(dbtcloud.Select[flat](ctx, m, 5, dbtcloud.ModelFilter{})),
		"embeds *dbtcloud_test.inner, which cannot":                                first(dbtcloud.Select[lost](ctx, m, 5, dbtcloud.ModelFilter{})),
		"two members for it, Name and Alias":                                       first(dbtcloud.Select[twice](ctx, m, 5, dbtcloud.ModelFilter{})),
		"name is a String, which a int cannot":                                     first(dbtcloud.Select[count](ctx, m, 5, dbtcloud.ModelFilter{})),
		"environmentId is a BigInt!, which a string":                               first(dbtcloud.Select[text](ctx, m, 5, dbtcloud.ModelFilter{})),
		"contractEnforced is a Boolean, which a":                                   first(dbtcloud.Select[flag](ctx, m, 5, dbtcloud.ModelFilter{})),
		"which a sql.NullString cannot take":                                       first(dbtcloud.Select[nullable](ctx, m, 5, dbtcloud.ModelFilter{})),
		"which a json.Number cannot take":                                          first(dbtcloud.Select[digits](ctx, m, 5, dbtcloud.ModelFilter{})),
		"which a []uint8 cannot take":                                              first(dbtcloud.Select[octets](ctx, m, 5, dbtcloud.ModelFilter{})),
		"tags is a [String!]!, which a []int cannot":                               first(dbtcloud.Select[lists](ctx, m, 5, dbtcloud.ModelFilter{})),
		"meta is no list (JSONObject":                                              first(dbtcloud.Select[free](ctx, m, 5, dbtcloud.ModelFilter{})),
		"executionTime is a Float, which a int":                                    first(dbtcloud.Select[info](ctx, m, 5, dbtcloud.ModelFilter{})),
		`field "executionInfo": dbtcloud_test.none`:                                first(dbtcloud.Select[hollow](ctx, m, 5, dbtcloud.ModelFilter{})),
		"embeds *dbtcloud_test.inner":                                              first(dbtcloud.Select[named](ctx, m, 5, dbtcloud.ModelFilter{})),
		"which a func() cannot take":                                               first(dbtcloud.Select[function](ctx, m, 5, dbtcloud.ModelFilter{})),
		"dbtcloud_test.none has no exported fields":                                first(dbtcloud.Select[none](ctx, m, 5, dbtcloud.ModelFilter{})),
		`lastRunStatus: "pass" is none of the values of RunStatus: error, skipped`: first(m.Models(ctx, 5, dbtcloud.ModelFilter{LastRunStatus: dbtcloud.NodePass})),
		`lastKnownResults: "success" is none of the values of TestStatus`:          first(m.Tests(ctx, 5, dbtcloud.TestFilter{LastKnownResults: []dbtcloud.NodeStatus{dbtcloud.NodeFail, dbtcloud.NodeSuccess}})),
		`types: "model" is none of the values of ResourceNodeType`:                 first(m.Resources(ctx, 5, dbtcloud.ResourceFilter{Types: []dbtcloud.ResourceType{"model"}})),
		`direction: "up" is none of the values of SortDirection`:                   first(m.Models(ctx, 5, dbtcloud.ModelFilter{Sort: dbtcloud.ModelSort{Field: dbtcloud.SortByUniqueID, Direction: "up"}})),
		`"Test" is none of the values of AncestorNodeType`:                         first(m.Models(ctx, 5, dbtcloud.ModelFilter{}, dbtcloud.Fields("ancestors.name"), dbtcloud.AncestorTypes(dbtcloud.ResourceTest))),
	}
	for text, err := range refused {
		if !errors.Is(err, dbtcloud.ErrInvalid) || !strings.Contains(err.Error(), text) {
			t.Errorf("error %v, want one that is ErrInvalid and says %q", err, text)
		}
	}
	if len(s.lines()) != 0 {
		t.Errorf("sent %v", s.lines())
	}
	_, _, _ = none{}.private, lost{}.inner, named{}.inner
}

// TestNewerValues: a value that is newer than this package is sent when its caller says so.
func TestNewerValues(t *testing.T) {
	t.Parallel()
	c, s := scripted(t, always(200, "application/json", applied("models", "", "null", "false")))
	if err := first(c.Metadata.Models(t.Context(), 5, dbtcloud.ModelFilter{LastRunStatus: "paused"}, dbtcloud.UnknownFields())); err != nil {
		t.Fatal(err)
	}
	if len(s.lines()) != 1 {
		t.Errorf("sent %v", s.lines())
	}
}

// first is the first error of a sequence.
func first[T any](seq iter.Seq2[*T, error]) error {
	for _, err := range seq {
		if err != nil {
			return err
		}
	}
	return nil
}

// TestModelOfHalfAnAnswer: what came beside errors is no answer to a question about one
// model; the error has it.
func TestModelOfHalfAnAnswer(t *testing.T) {
	t.Parallel()
	half := `{"data":{"environment":{"applied":{"models":{"edges":[{"node":{"uniqueId":"model.a"}}]}}}},"errors":[{"message":"half"}]}`
	c, _ := scripted(t, always(200, "application/json", half))
	model, err := c.Metadata.Model(t.Context(), 5, "model.a")
	e, ok := errors.AsType[*dbtcloud.GraphQLError](err)
	if !ok || model != nil || !strings.Contains(string(e.Data), "model.a") {
		t.Errorf("got %v and %v, want nil and a GraphQLError with the data", model, err)
	}
	c, _ = scripted(t, always(200, "application/json", applied("models", `{"node":{"uniqueId":"model.b"}}`, "null", "false")))
	if model, err := c.Metadata.Model(t.Context(), 5, "model.a"); !errors.Is(err, dbtcloud.ErrNotFound) {
		t.Errorf("asked for model.a, got %v and %v", model, err)
	}
}
