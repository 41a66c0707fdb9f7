package dbtcloud_test

import (
	"testing"
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
