package dbtcloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// refusedBy makes the error of an answer as a refusal does.
func refusedBy(status int, body string) error {
	res := &result{request: &request{method: http.MethodPost, operation: graphqlOperation, repeatable: true}, status: status, raw: []byte(body),
		redact: func(s string) string { return strings.ReplaceAll(s, "s3cr3t", "[redacted]") }}
	return res.refusal()
}

// TestGraphQLClasses: a message is classified by its code, and where that says nothing
// by its words; a 400 that nothing else is known of is a query that does not fit.
func TestGraphQLClasses(t *testing.T) {
	t.Parallel()
	all := []error{ErrBadRequest, ErrUnauthorized, ErrForbidden, ErrNotFound, ErrRateLimited, ErrServer, ErrComplexity, ErrInvalidQuery, ErrInvalid}
	tests := []struct {
		status        int
		message, code string
		want          []error
	}{
		{200, "No token was provided.", "", []error{ErrUnauthorized}},
		{200, "Unauthorized", "INTERNAL_SERVER_ERROR", []error{ErrUnauthorized}},
		{200, "x", "UNAUTHENTICATED", []error{ErrUnauthorized}},
		{200, "You do not have permission to perform this action", "", []error{ErrForbidden}},
		{200, "Forbidden resource", "", []error{ErrForbidden}},
		{200, "not found", "FORBIDDEN", []error{ErrForbidden}},
		{200, "Environment 1 not found", "", []error{ErrNotFound}},
		{200, "There is no data available for this input", "", []error{ErrNotFound}},
		{200, "x", "not_found", []error{ErrNotFound}},
		{200, "API Rate Limit reached", "", []error{ErrRateLimited}},
		{200, "Too Many Requests", "", []error{ErrRateLimited}},
		{200, "too deep", "COMPLEXITY_EXCEEDED", []error{ErrComplexity}},
		{200, "The query exceeds the maximum complexity of 1000", "", []error{ErrComplexity}},
		{200, `Cannot query field "permission" on type "Model".`, "", []error{ErrInvalidQuery}},
		{400, `Cannot query field "x".`, "GRAPHQL_VALIDATION_FAILED", []error{ErrBadRequest, ErrInvalidQuery}},
		{400, "Variable $first: not found", "BAD_USER_INPUT", []error{ErrBadRequest, ErrInvalidQuery}},
		{400, `Fields "executionInfo" conflict`, "", []error{ErrBadRequest, ErrInvalidQuery}},
		{400, "Environment 1 not found", "", []error{ErrBadRequest, ErrNotFound}},
		{401, "jwt expired", "", []error{ErrUnauthorized}},
		{429, "x", "", []error{ErrRateLimited}},
		{500, "boom", "INTERNAL_SERVER_ERROR", []error{ErrServer}},
		{200, "boom", "", nil},
	}
	for _, test := range tests {
		extensions, _ := json.Marshal(map[string]string{"code": test.code})
		message, _ := json.Marshal(test.message)
		err := refusedBy(test.status, fmt.Sprintf(`{"errors":[{"message":%s,"extensions":%s}]}`, message, extensions))
		var got []error
		for _, sentinel := range all {
			if errors.Is(err, sentinel) {
				got = append(got, sentinel)
			}
		}
		if diff := cmp.Diff(fmt.Sprint(test.want), fmt.Sprint(got)); diff != "" {
			t.Errorf("%d %q %q (-want +got):\n%s", test.status, test.message, test.code, diff)
		}
		e, ok := errors.AsType[*Error](err)
		if !ok || e.StatusCode != test.status || e.Operation != graphqlOperation || !strings.Contains(err.Error(), test.message) {
			t.Errorf("%d %q: %v, want its *Error", test.status, test.message, err)
		}
	}
}

// TestGraphQLHints: the advice is that of the Discovery API.
func TestGraphQLHints(t *testing.T) {
	t.Parallel()
	tests := map[string]error{
		"service token with Metadata Only": refusedBy(200, `{"errors":[{"message":"boom"},{"message":"No token was provided."}]}`),
		"needs Metadata Only or more":      refusedBy(403, `{"message":"no"}`),
		"Check the environment id":         refusedBy(200, `{"errors":[{"message":"Environment 1 not found"}]}`),
		"another region or cell":           refusedBy(404, `<html>`),
		"500 requests a minute":            refusedBy(429, `slow down`),
		"about five minutes":               refusedBy(429, `{"errors":[{"message":"wait"}]}`),
		"fewer nested fields":              refusedBy(200, `{"errors":[{"message":"x","extensions":{"code":"COMPLEXITY_EXCEEDED"}}]}`),
	}
	for want, err := range tests {
		if text := err.Error(); !strings.Contains(text, want) || strings.Contains(text, "5,000") || strings.Contains(text, "Job Admin") {
			t.Errorf("%s, want %q", text, want)
		}
	}
	if text := refusedBy(500, `{"errors":[{"message":"boom."}]}`).Error(); text != "dbtcloud: POST /graphql: 500 boom." {
		t.Errorf("%s, want no advice", text)
	}
}

// TestGraphQLMessageShapes: whatever has taken the place of a message, a code, a path or
// a location, what can be read of the error is.
func TestGraphQLMessageShapes(t *testing.T) {
	t.Parallel()
	type m = GraphQLMessage
	tests := map[string][]GraphQLMessage{
		`null`: nil,
		`[]`:   nil,
		`[{"message":"a","path":["job","models",3,"name"],"locations":[{"line":2,"column":5}],"extensions":{"code":"C","x":[1]}}]`: {
			{Message: "a", Code: "C", Path: []any{"job", "models", 3, "name"}, Locations: []GraphQLLocation{{2, 5}}}},
		`[{"message":7}]`:                                   {m{Message: "7"}},
		`[{"message":{"text":"a"}}]`:                        {m{Message: `{"text":"a"}`}},
		`[{"message":{"a":"\u0041\/"}}]`:                    {m{Message: `{"a":"A/"}`}},
		`[{"message":null},{}]`:                             {m{}, m{}},
		`["a",7,null,[1]]`:                                  {m{Message: "a"}, m{Message: "7"}, m{}, m{Message: "[1]"}},
		`"a"`:                                               {m{Message: "a"}},
		`{"message":"a"}`:                                   {m{Message: `{"message":"a"}`}},
		`[{"message":"a","extensions":"b"}]`:                {m{Message: "a"}},
		`[{"message":"a","extensions":{"code":400}}]`:       {m{Message: "a", Code: "400"}},
		`[{"message":"a","path":"job"}]`:                    {m{Message: "a"}},
		`[{"message":"a","path":[{"k":1},null,-1,1.5]}]`:    {m{Message: "a", Path: []any{`{"k":1}`, "", -1, "1.5"}}},
		`[{"message":"a","locations":{"line":1}}]`:          {m{Message: "a"}},
		`[{"message":"a","locations":[7,{"line":"1"},{}]}]`: {m{Message: "a", Locations: []GraphQLLocation{{}}}},
	}
	for body, want := range tests {
		var got graphqlAnswer
		if err := json.Unmarshal([]byte(`{"errors":`+body+`}`), &got); err != nil {
			t.Errorf("%s: %v", body, err)
		}
		if diff := cmp.Diff(want, []GraphQLMessage(got.Errors)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
}

// TestThousandsOfErrors: what is kept and what is said of them is bounded, and says each
// thing once.
func TestThousandsOfErrors(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range 100_000 {
		many = append(many, fmt.Sprintf(`{"message":"error %d","path":[%s0]}`, i%1000, strings.Repeat("1,", 3)))
	}
	same := strings.Repeat(`{"message":"same"},`, 5000) + `{}`
	huge := `{"message":"` + strings.Repeat("ä", 1<<20) + `","path":[` + strings.Repeat("1,", 1<<18) + `1]}`
	err := refusedBy(200, `{"errors":[`+strings.Join(many, ",")+`]}`)
	if e, ok := errors.AsType[*GraphQLError](err); !ok || len(e.Errors) != maxMessages || err.Error() != "dbtcloud: POST /graphql: error 0; error 1; error 2; error 3; error 4; error 5; error 6; error 7; error 8; error 9; and more" {
		t.Errorf("%d errors, text %v", len(e.Errors), err)
	}
	if err := refusedBy(200, `{"errors":[`+same+`]}`); err.Error() != "dbtcloud: POST /graphql: same" {
		t.Error(err)
	}
	err = refusedBy(200, `{"errors":[`+huge+`]}`)
	if e, ok := errors.AsType[*GraphQLError](err); !ok || len(e.Errors[0].Path) != maxMessages || len(err.Error()) > maxErrorText+3 {
		t.Errorf("a path of %d, a text of %d bytes", len(e.Errors[0].Path), len(err.Error()))
	}
	deep := strings.Repeat("[", 9000) + strings.Repeat("]", 9000)
	if err := refusedBy(200, `{"errors":[{"message":`+deep+`,"path":`+deep+`,"extensions":`+deep+`}]}`); len(err.Error()) > maxErrorText+3 {
		t.Errorf("a text of %d bytes", len(err.Error()))
	}
}

// TestGraphQLErrorOfNobody: one that a test of the user's made works like the others.
func TestGraphQLErrorOfNobody(t *testing.T) {
	t.Parallel()
	err := error(&GraphQLError{Errors: []GraphQLMessage{{Code: "COMPLEXITY_EXCEEDED"}}})
	if text := err.Error(); text != "dbtcloud: POST /graphql: an error without a message COMPLEXITY_EXCEEDED. Ask for fewer nested fields, or for smaller pages" {
		t.Error(text)
	}
	if e, ok := errors.AsType[*Error](err); !ok || e.StatusCode != 200 || !errors.Is(err, ErrComplexity) {
		t.Errorf("%v, want ErrComplexity and an *Error", err)
	}
	_ = new(GraphQLError).Error()
}

// FuzzGraphQLErrors: no answer makes reading its errors panic; what is kept is bounded, and
// nothing repeats a token.
func FuzzGraphQLErrors(f *testing.F) {
	for _, seed := range []string{
		`{"errors":[{"message":"a s3cr3t","path":["s3cr3t",1],"locations":[{"line":1,"column":2}],"extensions":{"code":"s3cr3t"}}],"data":{"a":"s3cr3t"}}`,
		`{"errors":{"message":1}}`, `{"errors":["a",{},[],null,7]}`, `{"errors":[{"message":{"a":[]}}],"data":null}`, `{"data":1}`, `[]`, `<html>`, `{"errors":[{"path":[1e9,-1,{}]}]}`,
	} {
		f.Add(200, seed)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		err := refusedBy(status, body)
		text := fmt.Sprintf("%v %+v", err, err)
		if e, ok := errors.AsType[*GraphQLError](err); ok {
			if len(e.Errors) == 0 || len(e.Errors) > maxMessages {
				t.Fatalf("%d errors", len(e.Errors))
			}
			text += fmt.Sprintf("%+v %s %s", e.Errors, e.Data, e.LogValue())
			_ = errors.Is(err, ErrNotFound)
		}
		e, ok := errors.AsType[*Error](err)
		if !ok || len(e.Error()) > maxErrorText+600 || strings.Contains(text, "s3cr3t") {
			t.Fatalf("%.2000s", text)
		}
	})
}
