package dbtcloud_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/internal/discovery"
)

// asking is a method of the Discovery API that sends one document: what it sends, and
// what it makes of a good answer.
type asking struct {
	name   string // of the method
	call   func(ctx context.Context, m *dbtcloud.MetadataService, environmentID int64) (any, error)
	asks   string // a part of the document, from which it is clear what is asked for
	vars   string // the variables, without those for environment and page
	answer string // what comes below environment
	want   any
	needs  bool // the method fails where there is nothing
}

// askings are all methods that are in a table of this kind.
func askings() []asking {
	return slices.Concat(appliedAskings(), definitionAskings(), environmentAskings(), historyAskings(), healthAskings())
}

// TestMetadataMethodsAreComplete finds methods that have no test.
func TestMetadataMethodsAreComplete(t *testing.T) {
	t.Parallel()
	// These have tests of their own: they send no document, more than one, or the caller's.
	tested := strings.Fields(`Query Lineage ModelsByName Beta Job PausedUntil ChangedModels`)
	for _, a := range askings() {
		tested = append(tested, a.name)
	}
	for m := range reflect.TypeFor[*dbtcloud.MetadataService]().Methods() {
		if !slices.Contains(tested, m.Name) {
			t.Errorf("%s has no test", m.Name)
		}
	}
}

// TestAskings: each method sends the document that is meant by it, which fits the schema,
// and decodes what comes.
func TestAskings(t *testing.T) {
	t.Parallel()
	for _, a := range askings() {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			c, s := scripted(t, always(200, "application/json", `{"data":{"environment":`+a.answer+`}}`))
			got, err := a.call(t.Context(), c.Metadata, 5)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(a.want, got); diff != "" {
				t.Errorf("the answer (-want +got):\n%s", diff)
			}
			if n := len(s.requests()); n != 1 {
				t.Fatalf("%d requests, want 1", n)
			}
			var q struct {
				Query     string
				Variables map[string]any
			}
			if err := json.Unmarshal([]byte(s.requests()[0].Body), &q); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(q.Query, a.asks) {
				t.Errorf("the document does not ask for %s:\n%s", a.asks, q.Query)
			}
			if _, errs := gqlparser.LoadQueryWithRules(discovery.GA(), q.Query, rules.NewDefaultRules()); errs != nil {
				t.Errorf("the document is refused: %v\n%s", errs, q.Query)
			}
			if q.Variables["environmentId"] != 5.0 {
				t.Errorf("the environment is %v, want 5", q.Variables["environmentId"])
			}
			delete(q.Variables, "environmentId")
			delete(q.Variables, "first")
			if diff := cmp.Diff(parsed(t, a.vars), any(q.Variables)); diff != "" {
				t.Errorf("variables (-want +got):\n%s", diff)
			}
		})
	}
}

// TestAskingsFail: what every method makes of answers that are none, or that say that
// there is nothing.
func TestAskingsFail(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		is         error // nil: an *Error of another kind
	}{
		{"no such environment", `{"data":null,"errors":[{"message":"Environment 5 not found"}]}`, dbtcloud.ErrNotFound},
		{"a null environment", `{"data":{"environment":null}}`, dbtcloud.ErrNotFound},
		{"no token", `{"errors":[{"message":"No token was provided."}]}`, dbtcloud.ErrUnauthorized},
		{"too complex", `{"errors":[{"message":"Too much.","extensions":{"code":"COMPLEXITY_EXCEEDED"}}]}`, dbtcloud.ErrComplexity},
		{"numbers for objects", `{"data":{"environment":{"applied":7,"definition":7}}}`, nil},
		{"no data", `{}`, nil},
	}
	for _, a := range askings() {
		for _, test := range tests {
			t.Run(a.name+"/"+test.name, func(t *testing.T) {
				t.Parallel()
				c, _ := scripted(t, always(200, "application/json", test.body))
				_, err := a.call(t.Context(), c.Metadata, 5)
				if _, ok := errors.AsType[*dbtcloud.Error](err); !ok || test.is != nil && !errors.Is(err, test.is) {
					t.Errorf("error %v, want an *Error that is %v", err, test.is)
				}
			})
		}
	}
}

// TestAskingsOfNothing: an environment in which nothing has run has nothing, which is no
// error unless something was asked for by name.
func TestAskingsOfNothing(t *testing.T) {
	t.Parallel()
	for _, a := range askings() {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			c, _ := scripted(t, always(200, "application/json", `{"data":{"environment":{"applied":null,"definition":null}}}`))
			got, err := a.call(t.Context(), c.Metadata, 5)
			if a.needs != errors.Is(err, dbtcloud.ErrNotFound) || !a.needs && err != nil {
				t.Errorf("error %v", err)
			}
			if v := reflect.ValueOf(got); v.Kind() == reflect.Slice && v.Len() > 0 {
				t.Errorf("got %v out of nothing", got)
			}
		})
	}
}

// TestAskingsRefuse: an environment that cannot be is refused before any request.
func TestAskingsRefuse(t *testing.T) {
	t.Parallel()
	for _, a := range askings() {
		for _, id := range []int64{0, -5} {
			c, s := scripted(t, always(200, "application/json", `{"data":{}}`))
			if _, err := a.call(t.Context(), c.Metadata, id); !errors.Is(err, dbtcloud.ErrInvalid) || len(s.lines()) != 0 {
				t.Errorf("%s: error %v after %v, want ErrInvalid", a.name, err, s.lines())
			}
		}
	}
}

// page is a page of a connection that holds the nodes, and is the last.
func page(state, list, nodes string) string {
	return `{"` + state + `":{"` + list + `":{"edges":[{"node":` + nodes + `}],"pageInfo":{"endCursor":"c","hasNextPage":false}}}}`
}

func at(text string) dbtcloud.Time {
	var t dbtcloud.Time
	_ = t.UnmarshalJSON([]byte(`"` + text + `"`))
	return t
}
