package dbtcloud

import (
	"bytes"
	"context"
	"encoding/json"
)

// MetadataService asks the Discovery API, which speaks GraphQL, on the same
// transport and with the same limits and errors as the other services.
type MetadataService struct {
	c    *Client
	beta bool // it asks the beta endpoint
}

// Query sends a GraphQL query with its variables and decodes the data of the
// answer into out, which may be nil. Errors that come with the answer are a
// [*GraphQLError]; what data came beside them is decoded all the same. API: Discovery.
func (s *MetadataService) Query(ctx context.Context, query string, variables map[string]any, out any) error {
	res, raw, err := s.send(ctx, "", query, variables)
	if err != nil {
		return err
	}
	var a graphqlAnswer
	if err := json.Unmarshal(raw, &a); err != nil {
		return res.apiError(raw, "the answer does not decode: "+err.Error())
	}
	if err := s.answered(res, a.Errors, a.Data); err != nil {
		if len(a.Data) > 0 && out != nil {
			_ = decode(a.Data, out) // the error of the answer says more
		}
		return err
	}
	if out == nil {
		return nil
	}
	if len(a.Data) == 0 || bytes.Equal(a.Data, []byte("null")) {
		return res.apiError(raw, "the answer holds no data")
	}
	if err := decode(a.Data, out); err != nil {
		return res.apiError(raw, "the answer does not decode: "+err.Error())
	}
	return nil
}
