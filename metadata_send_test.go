package dbtcloud

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestSend: the raw answer comes from the endpoint of the service, under its name; what
// does not encode is refused before the request.
func TestSend(t *testing.T) {
	t.Parallel()
	const body = " \n{\"data\":{\"a\":1}, \"more\":2}"
	var sent []string
	c, err := New(WithAccount(7), WithToken(token), WithHost("emea.dbt.com"), WithHTTPClient(&http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		sent = append(sent, Operation(r.Context())+" to "+r.URL.String())
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	})}))
	if err != nil {
		t.Fatal(err)
	}
	for beta, want := range map[bool]string{
		false: "POST /graphql to https://metadata.emea.dbt.com/graphql",
		true:  "POST /beta/graphql to https://metadata.emea.dbt.com/beta/graphql",
	} {
		sent = nil
		s := &MetadataService{c: c, beta: beta}
		res, raw, err := s.send(t.Context(), "", "{ x }", nil)
		if err != nil || string(raw) != body || res.status != 200 || len(sent) != 1 || sent[0] != want {
			t.Errorf("%q, error %v, sent %q, want %q", raw, err, sent, want)
		}
		_, _, err = s.send(t.Context(), "", "{ x }", map[string]any{"f": func() {}})
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "the variables: ") || len(sent) != 1 {
			t.Errorf("error %v after %q, want ErrInvalid", err, sent)
		}
	}
}
