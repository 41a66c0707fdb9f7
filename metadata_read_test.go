package dbtcloud

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud/internal/discovery"
)

// plainPage is how encoding/json reads a page.
type plainPage struct {
	Errors graphqlErrors
	Data   *struct {
		Environment *struct {
			Applied *struct {
				Models *struct {
					Edges []struct {
						Cursor string
						Node   *Model
					}
					PageInfo *pageInfo
				}
			}
		}
	}
}

func readPage(body string, first int) (*pageReader[Model], *graphqlReply, error) {
	p := &pageReader[Model]{first: first}
	r, err := read([]byte(body), []string{"environment", "applied", "models"}, p.read)
	return p, r, err
}

// FuzzReadPage: a page is read as encoding/json reads it, or is refused; nothing brings
// the reader down.
func FuzzReadPage(f *testing.F) {
	for _, seed := range []string{
		`{"data":{"environment":{"applied":{"models":{"edges":[{"cursor":"1","node":{"uniqueId":"a","environmentId":"5","meta":{"a":[1]}}}],"pageInfo":{"endCursor":"x","hasNextPage":true}}}}}}`,
		`{"errors":[{"message":"no"}],"data":null}`, `{"data":{"environment":null}}`, `{"data":{"environment":{"applied":{"models":null}}}}`, `[]`, `{`, `{"data":[]}`, `{"data":{}}{}`,
		`{"data":{"environment":{"applied":{"models":{"edges":[{"node":{"uniqueId":7}}]}}}}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		p, reply, err := readPage(body, 500)
		if err != nil || reply.depth < 3 || strings.Count(strings.ToLower(body), `"models"`) != 1 || strings.Contains(body, `\u`) {
			return
		}
		var plain plainPage
		if decodeNumbers([]byte(body), &plain) != nil || plain.Data == nil || plain.Data.Environment == nil || plain.Data.Environment.Applied == nil || plain.Data.Environment.Applied.Models == nil {
			return // names are compared with their case, and that only once
		}
		if len(p.nodes) != len(plain.Data.Environment.Applied.Models.Edges) {
			return
		}
		for i, edge := range plain.Data.Environment.Applied.Models.Edges {
			if diff := cmp.Diff(edge.Node, p.nodes[i]); diff != "" {
				t.Errorf("(-encoding/json +read):\n%s", diff)
			}
		}
	})
}

// TestReadReply: what an answer reports beside what was wanted.
func TestReadReply(t *testing.T) {
	t.Parallel()
	const half = `{"environment":{"applied":{"models":{"edges":[{"node":{"uniqueId":"a"}}]}}}}`
	tests := []struct {
		name   string
		body   string
		nodes  int
		depth  int
		data   string
		errors int
	}{
		{"all of it", `{"data":` + half + `,"extensions":{"cost":[1,{}]}}`, 1, 3, half, 0},
		{"spaces", " {\n\"extensions\" : null , \"data\" :\t" + half + " } \n", 1, 3, half, 0},
		{"errors first", `{"errors":[{"message":"x"},{"message":"y"}],"data":` + half + `}`, 1, 3, half, 2},
		{"errors alone", `{"errors":[{"message":"x"}]}`, 0, 0, "", 1},
		{"errors and null", `{"errors":[{"message":"x"}],"data":null}`, 0, 0, "", 1},
		{"no errors", `{"errors":null,"data":{"environment":{"applied":null}}}`, 0, 1, `{"environment":{"applied":null}}`, 0},
		{"errors after what cannot be read", `{"data":{"environment":[]},"errors":[{"message":"x"}]}`, 0, 0, `{"environment":[]}`, 1},
		{"neither", `{}`, 0, 0, "", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p, r, err := readPage(test.body, 0)
			if err != nil {
				t.Fatal(err)
			}
			if len(p.nodes) != test.nodes || r.depth != test.depth || string(r.data) != test.data || len(r.errors) != test.errors {
				t.Errorf("%d nodes, depth %d, data %s, %d errors; want %+v", len(p.nodes), r.depth, r.data, len(r.errors), test)
			}
		})
	}
}

// TestBound: what may become large in memory is counted, what stands in texts is not.
func TestBound(t *testing.T) {
	t.Parallel()
	many := func(unit string, n int) string { return strings.Repeat(unit, n) }
	for name, test := range map[string]struct {
		body string
		want string // the error
	}{
		"objects":               {many("{}", maxObjects), ""},
		"more objects":          {many("{}", maxObjects+1), "more than 524288 objects"},
		"items":                 {many("5,", maxValues), ""},
		"more items":            {many("5,", maxValues+1), "more than 4194304 values"},
		"lists":                 {many("[]", maxValues), ""},
		"more lists":            {many("[]", maxValues+1), "more than 4194304 values"},
		"objects among values":  {many("{}", 2) + many("[]", maxValues-1), "more than 4194304 values"},
		"objects beside a text": {many("{}", maxObjects) + `"{"`, ""},
		"items beside a text":   {many("5,", maxValues) + `",[{"`, ""},
		"in a text":             {`"` + many("{", maxObjects) + many("[,", maxValues) + `{"`, ""},
		"after an escaped text": {`"\"{" ` + many("{", maxObjects+1), "objects"},
		"after an escape":       {`"\\" ` + many("{", maxObjects+1), "objects"},
	} {
		err := bound([]byte(test.body))
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", name, err, test.want)
		}
	}
}

// TestReadHalf: an answer that was cut off anywhere is an error.
func TestReadHalf(t *testing.T) {
	t.Parallel()
	const whole = `{"errors":null,"data":{"environment":{"applied":{"models":{"edges":[{"cursor":"1","node":{"uniqueId":"a"}}],"pageInfo":{"endCursor":"1","hasNextPage":true}}}}}}`
	if _, _, err := readPage(whole, 5); err != nil {
		t.Fatal(err)
	}
	for end := range len(whole) {
		if p, r, err := readPage(whole[:end], 5); err == nil {
			t.Errorf("%s: %+v and %+v, want an error", whole[:end], p, r)
		}
	}
}

// TestNamesOfBigInts: names that stand for other things somewhere are none.
func TestNamesOfBigInts(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{"accountId": true, "runId": true, "bytesStat": true, "lastRunFailures": true, "id": false, "uniqueId": false, "invocationId": false, "name": false} {
		if bigInts()[name] != want {
			t.Errorf("%s: %v, want %v", name, !want, want)
		}
	}
	var out struct {
		RunID int64  `json:"runId"`
		Query string `json:"queryId"`
	}
	if err := decodeNumbers([]byte(`{"runId":"7","queryId":"8"}`), &out); err != nil || out.RunID != 7 || out.Query != "8" {
		t.Errorf("got %+v and %v", out, err)
	}
	if _, ok := errors.AsType[*json.UnmarshalTypeError](decodeNumbers([]byte(`{"runId":"x"}`), &out)); !ok {
		t.Error("a word is taken for a number")
	}
}

// TestFreeFormHoldsNoBigInts: what is passed over for its name holds no BigInt where the
// name stands for an object that the schema knows.
func TestFreeFormHoldsNoBigInts(t *testing.T) {
	t.Parallel()
	if !freeForm()["meta"] || !freeForm()["config"] || freeForm()["name"] || freeForm()["catalog"] {
		t.Errorf("free in their form are %v", sortedKeys(freeForm()))
	}
	schema := discovery.Beta()
	for _, typ := range schema.Types {
		for _, field := range typ.Fields {
			if !freeForm()[field.Name] {
				continue
			}
			for _, below := range schema.Types[field.Type.Name()].Fields {
				if below.Type.Name() == "BigInt" {
					t.Errorf("%s.%s.%s is a BigInt", typ.Name, field.Name, below.Name)
				}
			}
		}
	}
}
