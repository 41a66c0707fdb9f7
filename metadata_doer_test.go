package dbtcloud_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
)

type jobModels struct {
	Job struct{ Models []struct{ UniqueID string } }
}

// TestQueryIsRepeated: a query is a read, though it is a POST.
func TestQueryIsRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, s := scripted(t, func(n int, _ *http.Request) (*http.Response, error) {
			if n < 3 {
				return response(503, "text/plain", ""), nil
			}
			return response(200, "application/json", `{"data":{}}`), nil
		})
		if err := c.Metadata.Query(t.Context(), "query($id: Int) { job(id: $id) { id } }", map[string]any{"id": 1}, new(jobModels)); err != nil {
			t.Fatal(err)
		}
		var bodies []string
		for _, r := range s.requests() {
			bodies = append(bodies, strings.TrimSpace(r.Body))
		}
		want := `{"query":"query($id: Int) { job(id: $id) { id } }","variables":{"id":1}}`
		if diff := cmp.Diff([]string{want, want, want}, bodies); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestQueryRefusesVariables(t *testing.T) {
	t.Parallel()
	c, s := scripted(t, always(200, "application/json", `{"data":{}}`))
	if err := c.Metadata.Query(t.Context(), "query { job }", map[string]any{"f": func() {}}, nil); !errors.Is(err, dbtcloud.ErrInvalid) || len(s.lines()) != 0 {
		t.Errorf("error %v after %v, want ErrInvalid", err, s.lines())
	}
}

// TestMetadataURL: the endpoint is derived, or the one that was given; the token goes
// to it and nowhere else.
func TestMetadataURL(t *testing.T) {
	t.Parallel()
	for want, opts := range map[string][]dbtcloud.Option{
		"https://ab123.metadata.us1.dbt.com/graphql":      nil,
		"https://metadata.emea.dbt.com/graphql":           {dbtcloud.WithHost("emea.dbt.com")},
		"https://meta.example.com/beta/graphql":           {dbtcloud.WithMetadataURL("https://meta.example.com/beta/graphql")},
		"https://ab123.metadata.eu1.dbt.com:8443/graphql": {dbtcloud.WithHost("https://ab123.eu1.dbt.com:8443/")},
	} {
		c, s := scripted(t, always(200, "application/json", `{"data":{}}`), opts...)
		if err := c.Metadata.Query(t.Context(), "query { x }", nil, nil); err != nil {
			t.Fatal(err)
		}
		if r := s.requests()[0]; r.URL != want || r.Header.Get("Authorization") != "Token "+secret {
			t.Errorf("sent to %s with %v, want %s", r.URL, r.Header, want)
		}
	}
}
