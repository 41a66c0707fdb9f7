package dbtcloud

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/hasura/go-graphql-client"

	"github.com/slimci/dbtcloud/internal/transport"
)

// MetadataService asks the Discovery API, which speaks GraphQL, on the same
// transport and with the same limits and errors as the other services.
type MetadataService service

// Query sends a GraphQL query with its variables and decodes the data of the
// answer into out. Errors that come with the answer are an [*Error]; what data
// came beside them is decoded all the same.
func (s *MetadataService) Query(ctx context.Context, query string, variables map[string]any, out any) error {
	const operation = "POST /graphql"
	call := &transport.Call{Operation: operation, Repeatable: true}
	data, err := s.c.graphql.ExecRaw(transport.WithCall(ctx, call), query, variables)
	if len(data) > 0 && out != nil {
		if derr := decode(data, out); derr != nil && err == nil {
			return fmt.Errorf("dbtcloud: %s: the answer does not decode: %w", operation, derr)
		}
	}
	if err == nil {
		return nil
	}
	message := s.c.redactor.redact(err.Error())
	if answered, ok := errors.AsType[graphql.Errors](err); ok {
		e := &Error{StatusCode: http.StatusOK, Operation: operation, Message: message}
		if network, ok := errors.AsType[graphql.NetworkError](err); ok {
			e.StatusCode, e.Message = network.StatusCode(), http.StatusText(network.StatusCode())
		} else if len(answered) > 0 {
			e.Message = s.c.redactor.redact(answered.Error())
		}
		return errors.Join(e, call.GaveUp)
	}
	return fmt.Errorf("dbtcloud: %s: %w", operation, scrub(err))
}
