package dbtcloud_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/slimci/dbtcloud"
)

type models struct {
	Job struct {
		Models []struct {
			UniqueID string
			JobID    int64 `json:"job_id"`
		}
	}
}

func TestQuery(t *testing.T) {
	t.Parallel()
	c, _ := scripted(t, always(200, "application/json", `{"data":{"job":{"models":[{"uniqueId":"model.a","job_id":"70506183137151","extra":1}]}}}`))
	var got models
	if err := c.Metadata.Query(t.Context(), "query { job { models { uniqueId } } }", nil, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Job.Models) != 1 || got.Job.Models[0].UniqueID != "model.a" || got.Job.Models[0].JobID != 70506183137151 {
		t.Errorf("got %+v", got)
	}
	if err := c.Metadata.Query(t.Context(), "query { x }", nil, nil); err != nil {
		t.Errorf("without a result: %v", err)
	}
}

// TestQueryRefusesWhereToPutIt: what cannot take an answer is refused before the request.
func TestQueryRefusesWhereToPutIt(t *testing.T) {
	t.Parallel()
	c, s := scripted(t, always(200, "application/json", `{"data":{"x":1}}`))
	for _, out := range []any{models{}, (*models)(nil), map[string]any{}, 5, "x"} {
		err := c.Metadata.Query(t.Context(), "query { x }", nil, out)
		if !errors.Is(err, dbtcloud.ErrInvalid) || !strings.Contains(err.Error(), "out must be a pointer that is not nil") || len(s.lines()) != 0 {
			t.Errorf("%T: error %v after %v, want ErrInvalid", out, err, s.lines())
		}
	}
	var into any
	if err := c.Metadata.Query(t.Context(), "query { x }", nil, &into); err != nil || len(into.(map[string]any)) != 1 {
		t.Errorf("got %v and %v", into, err)
	}
}
