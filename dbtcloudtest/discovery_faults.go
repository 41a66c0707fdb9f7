package dbtcloudtest

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

const (
	codeComplexity = "COMPLEXITY_EXCEEDED"

	tooManyMessage = "Too many requests, please try again later."
	coolDown       = 5 * time.Minute
)

// trick is what a fault does to the execution of a document.
type trick struct {
	partial     []string // errors to put beside data that lacks something
	stuck       bool
	emptyPage   bool
	nullApplied bool
}

// GraphQLErrors answers status with these errors and without data, without doing the work.
func GraphQLErrors(status int, messages ...string) Kind {
	body := (*world)(nil).graphqlErrors(status, listErrors(messages)...)
	return Kind{name: "graphql errors", answer: func(answer) answer { return body }}
}

// ThrottledIn200 answers 200 with an error that says that there are too many requests, as the Discovery API has been seen to do.
func ThrottledIn200() Kind {
	k := GraphQLErrors(http.StatusOK, tooManyMessage)
	k.name = "throttled in 200"
	return k
}

// PartialData answers a GraphQL document with these errors and with data that lacks something: the first value that may be null, of a
// node in a list if there is one, is.
func PartialData(messages ...string) Kind {
	if len(messages) == 0 {
		messages = []string{"Internal server error"}
	}
	return tricky("partial data", trick{partial: messages})
}

// StuckCursor answers the first page of every list whatever cursor is asked for, and says that there is another.
func StuckCursor() Kind { return tricky("stuck cursor", trick{stuck: true}) }

// EmptyPage answers every connection with a page without edges, and says that there is another.
func EmptyPage() Kind { return tricky("empty page", trick{emptyPage: true}) }

// NullApplied answers environments without an applied state, as those are in which nothing ever ran.
func NullApplied() Kind { return tricky("null applied", trick{nullApplied: true}) }

func tricky(name string, t trick) Kind {
	return Kind{name: name, worked: true, trick: t, answer: func(worked answer) answer { return worked }}
}

func listErrors(messages []string) gqlerror.List {
	var out gqlerror.List
	for _, message := range messages {
		out = append(out, &gqlerror.Error{Message: message})
	}
	return out
}

// blank makes a value null once, for a fault that asks for partial data.
func (x *execution) blank() bool {
	if !x.owesError() || x.lists == 0 && !x.anywhere {
		return false
	}
	x.blanked = true
	x.failAll(x.c.trick.partial)
	return true
}

// owesError says whether a fault asks for partial data and nothing has been taken away yet.
func (x *execution) owesError() bool { return len(x.c.trick.partial) > 0 && !x.blanked }

func (x *execution) failAll(messages []string) {
	for _, e := range listErrors(messages) {
		x.fail(e)
	}
}

// paged does to the page of a connection what a fault asks for.
func (t trick) paged(value any) any {
	page, ok := value.(record)
	info, isPage := page["pageInfo"].(record)
	if !ok || !isPage {
		return value
	}
	if t.emptyPage {
		page["edges"] = []any{}
		info["endCursor"] = cmp.Or(info["endCursor"], any(cursorOf(0)))
	}
	info["hasNextPage"] = info["hasNextPage"] == true || t.stuck || t.emptyPage
	return page
}

// tooMany counts the requests of the last minute: over the limit, the Discovery API answers nobody for five minutes.
func (w *world) tooMany(now time.Time) bool {
	if w.cfg.discoveryRate <= 0 {
		return false
	}
	if now.Before(w.cooling) {
		return true
	}
	w.asked = append(slices.DeleteFunc(w.asked, func(at time.Time) bool { return now.Sub(at) >= time.Minute }), now)
	if len(w.asked) <= w.cfg.discoveryRate {
		return false
	}
	w.asked, w.cooling = nil, now.Add(coolDown)
	return true
}

// tooComplex is the refusal of a document that asks too much of a job.
func (w *world) tooComplex(op *ast.OperationDefinition) *gqlerror.Error {
	if w.cfg.complexityLimit <= 0 {
		return nil
	}
	cost := costs{}.of(op.SelectionSet)
	if cost <= w.cfg.complexityLimit {
		return nil
	}
	return graphqlError(codeComplexity, fmt.Sprintf("The complexity of the query is %d; the limit is %d.", cost, w.cfg.complexityLimit))
}

const (
	heavy   = 10      // how much more code, columns and nested nodes weigh than other fields
	maxCost = 1 << 40 // nobody counts further
)

// costs is what fragments cost, by name, so that each is counted once however often it is used.
type costs map[string]int

// of is the cost of a selection: of each field its weight, times 1 and what is below it.
func (c costs) of(set ast.SelectionSet) int {
	cost := 0
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			cost += weight(s) * (1 + c.of(s.SelectionSet))
		case *ast.InlineFragment:
			cost += c.of(s.SelectionSet)
		case *ast.FragmentSpread:
			if _, known := c[s.Name]; !known {
				c[s.Name] = c.of(s.Definition.SelectionSet)
			}
			cost += c[s.Name]
		}
		cost = min(cost, maxCost)
	}
	return cost
}

func weight(f *ast.Field) int {
	switch parent := f.ObjectDefinition; {
	case parent == nil || parent.Name == "Query" && f.Name != "job":
		return 0
	case parent.Name == "JobNode":
		return 1
	}
	switch f.Name {
	case "rawCode", "compiledCode", "rawSql", "compiledSql", "macroSql", "columns", "tests", "parents", "parentsModels", "parentsSources", "model":
		return heavy
	}
	return 1
}
