package dbtcloud_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
)

type base struct {
	UniqueID string
	Skipped  string `json:"-"`
	private  string
}

// card is a caller's own struct, with all that a member can be.
type card struct {
	base
	Title string `json:"name,omitempty"`
	Info  *struct {
		LastRunStatus dbtcloud.NodeStatus `json:"lastRunStatus"`
		At            dbtcloud.Time       `json:"executeCompletedAt"`
	} `json:"executionInfo"`
	Meta    struct{ Owner string } // a JSONObject: the schema knows nothing of what is in it
	Config  map[string]any
	Catalog json.RawMessage // its plain values
	Tests   []struct{ Name string }
	Parents []*dbtcloud.RelatedNode
	Kind    string `json:"__typename"`
	Tags    []string
}

// TestSelect: the members of a struct are what is asked for, and they are filled.
func TestSelect(t *testing.T) {
	t.Parallel()
	c, s := scripted(t, always(200, "application/json", applied("models", `{"node":{"uniqueId":"model.a","name":"a","executionInfo":{"lastRunStatus":"success","executeCompletedAt":"2026-01-02T03:04:05Z"},
		"meta":{"owner":"me"},"config":{"a":1},"catalog":{"type":"table"},"tests":[{"name":"unique"}],"parents":[{"__typename":"SourceAppliedStateNestedNode","uniqueId":"source.a"}],"__typename":"ModelAppliedStateNode","tags":["x"]}}`, "null", "false")))
	got, err := dbtcloud.Collect(dbtcloud.Select[card](t.Context(), c.Metadata, 5, dbtcloud.ModelFilter{}))
	if err != nil || len(got) != 1 {
		t.Fatalf("%d cards, %v", len(got), err)
	}
	if g := got[0]; g.UniqueID != "model.a" || g.Title != "a" || g.Info.LastRunStatus != dbtcloud.NodeSuccess || g.Info.At.Year() != 2026 || g.Meta.Owner != "me" || g.Config["a"] != 1.0 ||
		string(g.Catalog) != `{"type":"table"}` || g.Tests[0].Name != "unique" || g.Parents[0].UniqueID != "source.a" || g.Kind != "ModelAppliedStateNode" || g.Tags[0] != "x" || g.private != "" {
		t.Errorf("got %+v", g)
	}
	query := askedBy(strings.NewReader(s.requests()[0].Body)).Query
	node := query[strings.Index(query, "node "):strings.Index(query, " pageInfo")]
	want := `node { uniqueId name executionInfo { lastRunStatus executeCompletedAt } meta config
		catalog { bytesStat comment environmentId jobDefinitionId owner rowCountStat runGeneratedAt runId type uniqueId }
		tests { name } parents { __typename uniqueId description filePath fqn name resourceType } __typename tags } }`
	if diff := cmp.Diff(strings.Fields(want), strings.Fields(node)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestSelectFields: what is no struct of the caller gets the defaults, or what Fields says.
func TestSelectFields(t *testing.T) {
	t.Parallel()
	answer := applied("models", `{"node":{"uniqueId":"model.a","later":[1]}}`, "null", "false")
	c, s := scripted(t, always(200, "application/json", answer))
	raw, err := dbtcloud.Collect(dbtcloud.Select[json.RawMessage](t.Context(), c.Metadata, 5, dbtcloud.ModelFilter{}, dbtcloud.Fields("later"), dbtcloud.UnknownFields()))
	if err != nil || string(*raw[0]) != `{"uniqueId":"model.a","later":[1]}` {
		t.Errorf("got %d items and %v", len(raw), err)
	}
	if query := askedBy(strings.NewReader(s.requests()[0].Body)).Query; !strings.Contains(query, "node { uniqueId later }") {
		t.Errorf("asked %s", query)
	}
	own, err := dbtcloud.Collect(dbtcloud.Select[dbtcloud.Model](t.Context(), c.Metadata, 5, dbtcloud.ModelFilter{}))
	models, err2 := dbtcloud.Collect(c.Metadata.Models(t.Context(), 5, dbtcloud.ModelFilter{}))
	if diff := cmp.Diff(own, models); errors.Join(err, err2) != nil || diff != "" {
		t.Errorf("%v, (-Select +Models):\n%s", errors.Join(err, err2), diff)
	}
	if r := s.requests(); r[1].Body != r[2].Body || strings.Contains(r[1].Body, "rawCode") {
		t.Errorf("Select asks %s, Models %s", r[1].Body, r[2].Body)
	}
}

// TestSelectOfSeveralTypes: a member that only some types of a mixed list have is found,
// whatever its case.
func TestSelectOfSeveralTypes(t *testing.T) {
	t.Parallel()
	type parent struct {
		ExecutionInfo struct{ LastRunStatus, LastRunError string }
	}
	c, s := scripted(t, always(200, "application/json", applied("models", "", "null", "false")))
	if err := first(dbtcloud.Select[struct{ Children []parent }](t.Context(), c.Metadata, 5, dbtcloud.ModelFilter{})); err != nil {
		t.Fatal(err)
	}
	type seed struct {
		ExecutionInfo struct{ LastRunSkip *bool }
	}
	if err := first(dbtcloud.Select[struct{ Children []seed }](t.Context(), c.Metadata, 5, dbtcloud.ModelFilter{})); err != nil {
		t.Fatal(err)
	}
	for i, part := range []string{"executionInfo { lastRunStatus lastRunError", "... on SeedAppliedStateNestedNode { executionInfo { lastRunSkip"} {
		if query := askedBy(strings.NewReader(s.requests()[i].Body)).Query; !strings.Contains(query, part) {
			t.Errorf("no %q in %s", part, query)
		}
	}
}

type part struct{ Name string }

type Part struct{ Alias *string }

// all is a struct with what a member can be and is seldom.
type all struct {
	part
	*Part
	label                 // encoding/json fills none that is no struct
	ID            int64   `json:"environmentId"`
	Columns       float64 `json:"columnCount"`
	Account       *uint32 `json:"accountId"`
	Project       any     `json:"projectId"`
	Enforced      *bool   `json:"contractEnforced"`
	Tags          []*string
	Meta          *map[string]any
	ExecutionInfo **struct {
		LastRunID     json.Number
		ExecutionTime *float32
		Error         [1]byte `json:"-"`
		LastRunStatus func()  `json:"-"`
	} `json:"executionInfo"`
	Language interface{ IsZero() bool } `json:"language"`
	hidden   *int
	Named    `json:"catalog"`
}

type Named struct{ Type string }

type label string

// TestSelectOfAnything: what encoding/json can fill is asked for, through pointers too.
func TestSelectOfAnything(t *testing.T) {
	t.Parallel()
	c, s := scripted(t, always(200, "application/json", applied("models", `{"node":{"uniqueId":"model.a","name":"a","alias":"b","environmentId":5,"columnCount":6,"accountId":7,"projectId":8,"contractEnforced":true,
		"tags":["x"],"meta":{"k":1},"executionInfo":{"lastRunId":9,"executionTime":1.5},"language":null,"catalog":{"type":"table"}}}`, "null", "false")))
	got, err := dbtcloud.Collect(dbtcloud.Select[*all](t.Context(), c.Metadata, 5, dbtcloud.ModelFilter{}))
	if err != nil {
		t.Fatal(err)
	}
	g := **got[0]
	if g.Name != "a" || *g.Alias != "b" || g.ID != 5 || g.Columns != 6 || *g.Account != 7 || g.Project != 8.0 || !*g.Enforced || *g.Tags[0] != "x" || (*g.Meta)["k"] != 1.0 ||
		(*g.ExecutionInfo).LastRunID != "9" || *(*g.ExecutionInfo).ExecutionTime != 1.5 || g.Language != nil || g.hidden != nil || g.label != "" || g.Type != "table" {
		t.Errorf("got %+v", g)
	}
	query := askedBy(strings.NewReader(s.requests()[0].Body)).Query
	node := query[strings.Index(query, "node "):strings.Index(query, " pageInfo")]
	want := `node { uniqueId name alias environmentId columnCount accountId projectId contractEnforced tags meta executionInfo { lastRunId executionTime } language catalog { type } } }`
	if diff := cmp.Diff(strings.Fields(want), strings.Fields(node)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// digest decodes itself: its members say nothing about fields.
type digest struct{ Size int }

func (d *digest) UnmarshalJSON(b []byte) error {
	d.Size = len(b)
	return nil
}

// TestSelectOfWhatDecodesItself: it gets the default fields, as JSON.
func TestSelectOfWhatDecodesItself(t *testing.T) {
	t.Parallel()
	c, s := scripted(t, always(200, "application/json", applied("models", `{"node":{"uniqueId":"a"}}`, "null", "false")))
	got, err := dbtcloud.Collect(dbtcloud.Select[digest](t.Context(), c.Metadata, 5, dbtcloud.ModelFilter{}))
	if err != nil || len(got) != 1 || got[0].Size != len(`{"uniqueId":"a"}`) {
		t.Errorf("got %v and %v", got, err)
	}
	if _, err := names(c.Metadata.Models(t.Context(), 5, dbtcloud.ModelFilter{})); err != nil || s.requests()[0].Body != s.requests()[1].Body {
		t.Errorf("%v, asked %s", err, s.requests()[0].Body)
	}
}
