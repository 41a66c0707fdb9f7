package dbtcloud

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/hasura/go-graphql-client"

	"github.com/slimci/dbtcloud/internal/transport"
)

// The operations of the Discovery API: all queries of an endpoint are one.
const (
	graphqlOperation = "POST /graphql"
	betaOperation    = "POST /beta/graphql"
)

// errUnanswered is what the doer tells the GraphQL client, which has no part in errors.
var errUnanswered = errors.New("not answered with data")

// send asks the Discovery API and returns the answer of a success as it came: a JSON
// object, as far as its first byte tells. Name is that of the operation in text, empty
// if it has none there. A refusal that holds GraphQL errors is a [*GraphQLError].
func (s *MetadataService) send(ctx context.Context, name, text string, vars map[string]any) (*result, []byte, error) {
	client, operation := s.c.graphql, s.operation()
	if s.beta {
		client = s.c.graphqlBeta
	}
	x := &graphqlExchange{res: &result{
		request: &request{method: http.MethodPost, operation: operation, repeatable: true},
		redact:  s.c.redact,
		call:    &transport.Call{Operation: operation, Repeatable: true},
	}}
	var opts []graphql.Option
	if name != "" {
		opts = append(opts, graphql.OperationName(name))
	}
	ctx = context.WithValue(transport.WithCall(ctx, x.res.call), graphqlExchangeKey{}, x)
	_, err := client.ExecRaw(ctx, text, vars, opts...)
	switch {
	case x.err != nil:
		return nil, nil, x.err
	case err != nil: // the doer was not reached
		return nil, nil, fmt.Errorf("%w: %s: the variables: %w", ErrInvalid, operation, notEncoded(err))
	}
	return x.res, x.res.raw, nil
}

// PausedUntil tells until when nothing is sent to the Discovery API because it has
// answered 429, or that its rate limit is exceeded; zero when it is not paused. The
// other services have a pause of their own: [Client.PausedUntil].
func (s *MetadataService) PausedUntil() time.Time { return s.c.discovery.PausedUntil() }

// notEncoded is why the GraphQL client could not make a request.
func notEncoded(err error) error {
	if all, ok := errors.AsType[graphql.Errors](err); ok {
		for _, inner := range all.Unwrap() {
			if inner != nil {
				return unwrapMarshal(inner)
			}
		}
	}
	return err
}

// graphqlExchange travels in the context of a query, past the GraphQL client: that one
// builds and sends, and sees of the answer only that there was one. Its own decoding
// loses the headers and the body of a refusal, and copies data.
type graphqlExchange struct {
	res *result
	err error
}

type graphqlExchangeKey struct{}

// doer sends what the GraphQL client has built, and leaves the answer in the exchange.
type doer struct{ hc *http.Client }

// Do implements [graphql.Doer].
func (d doer) Do(req *http.Request) (*http.Response, error) {
	x, ok := req.Context().Value(graphqlExchangeKey{}).(*graphqlExchange)
	if !ok {
		return nil, errUnanswered
	}
	if resp, err := d.hc.Do(req); err != nil {
		x.err = advised(x.res.failSending(err))
	} else {
		x.err = x.res.receiveGraphQL(resp)
	}
	if x.err != nil {
		return nil, errUnanswered
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"data":{}}`)), Request: req}, nil
}

// advised says of a host that has no address where it came from: nobody has written it.
func advised(err error) error {
	if _, ok := errors.AsType[*net.DNSError](err); !ok {
		return err
	}
	return fmt.Errorf("%w: the host of the Discovery API is derived from the account's; where it is another one, WithMetadataURL or DBT_CLOUD_METADATA_URL has its address", err)
}

// receiveGraphQL reads an answer whole. A status that is no success is an error, as is
// what cannot be a GraphQL answer.
func (res *result) receiveGraphQL(resp *http.Response) error {
	if raw, ok := res.take(resp); !ok {
		res.raw = raw
		return res.failStatus(res.refusal())
	}
	raw, err := res.readAll()
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(bytes.TrimLeft(raw, " \t\r\n"), []byte("{")) {
		return res.apiError(raw, "the answer is not a JSON object: "+describeBody(res.contentType, raw))
	}
	res.raw = raw
	return nil
}
