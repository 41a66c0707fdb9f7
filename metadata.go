package dbtcloud

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/hasura/go-graphql-client"

	"github.com/slimci/dbtcloud/internal/transport"
)

// MetadataService asks the Discovery API, which speaks GraphQL, on the same
// transport and with the same limits and errors as the other services.
type MetadataService service

const graphqlOperation = "POST /graphql"

// Query sends a GraphQL query with its variables and decodes the data of the
// answer into out, which may be nil. Errors that come with the answer are an
// [*Error]; what data came beside them is decoded all the same. API: Discovery.
func (s *MetadataService) Query(ctx context.Context, query string, variables map[string]any, out any) error {
	call := &transport.Call{Operation: graphqlOperation, Repeatable: true}
	data, err := s.c.graphql.ExecRaw(transport.WithCall(ctx, call), query, variables)
	if err != nil {
		if len(data) > 0 && out != nil {
			_ = decode(data, out) // the error of the answer says more
		}
		return s.failure(err)
	}
	if out == nil {
		return nil
	}
	if len(data) == 0 || bytes.Equal(data, []byte("null")) {
		return &Error{StatusCode: http.StatusOK, Operation: graphqlOperation, Message: "the answer holds no data"}
	}
	if err := decode(data, out); err != nil {
		return &Error{StatusCode: http.StatusOK, Operation: graphqlOperation, Message: s.c.redact("the answer does not decode: " + err.Error())}
	}
	return nil
}

// failure tells what the GraphQL client met from what the server answered.
func (s *MetadataService) failure(err error) error {
	answered, ok := errors.AsType[graphql.Errors](err)
	if !ok {
		return fmt.Errorf("dbtcloud: %s: %w", graphqlOperation, err)
	}
	var messages []string
	for i, inner := range answered.Unwrap() {
		switch code := answered[i].Extensions["code"]; {
		case inner == nil:
			messages = append(messages, answered[i].Message)
		case code == graphql.ErrGraphQLEncode:
			return fmt.Errorf("%w: %s: the variables: %w", ErrInvalid, graphqlOperation, unwrapMarshal(inner))
		case code == graphql.ErrJsonDecode:
			messages = append(messages, "the answer does not decode: "+inner.Error())
		default:
			return inner // of our doer
		}
	}
	return &Error{StatusCode: http.StatusOK, Operation: graphqlOperation, Message: s.c.redact(strings.Join(messages, "; "))}
}

// doer sends what the GraphQL client has built. It bounds the answer, and gives
// failures the form that they have in every service.
type doer struct {
	hc     *http.Client
	redact func(string) string
}

// Do implements [graphql.Doer].
func (d doer) Do(req *http.Request) (*http.Response, error) {
	res := &result{request: &request{method: req.Method, operation: graphqlOperation, repeatable: true}, redact: d.redact, call: transport.CallFrom(req.Context())}
	resp, err := d.hc.Do(req)
	if err != nil {
		return nil, res.failSending(err)
	}
	if err := res.receive(resp); err != nil {
		return nil, err
	}
	raw, err := res.readAll()
	if err != nil {
		return nil, err
	}
	if !json.Valid(raw) {
		return nil, res.apiError(raw, "the answer is not JSON: "+describeBody(res.contentType, raw))
	}
	resp.StatusCode, resp.Body = http.StatusOK, io.NopCloser(bytes.NewReader(raw))
	return resp, nil
}
