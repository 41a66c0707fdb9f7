package dbtcloudtest_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// BenchmarkListRuns is what a poll of an account with 30 active runs costs, triggers and jobs included.
func BenchmarkListRuns(b *testing.B) {
	s := dbtcloudtest.New(dbtcloudtest.WithQueueLimit(0))
	job := s.AddJob(dbtcloudtest.JobSpec{})
	for i := range 30 {
		s.AddRun(dbtcloudtest.RunSpec{JobID: job, SHA: fmt.Sprint(i)})
	}
	api := newClient(b, s)
	b.ReportAllocs()
	for b.Loop() {
		resp, err := api.send(http.MethodGet, "runs/?status__in=[1,2,3]&include_related=trigger,job", nil)
		if err != nil {
			b.Fatal(err)
		}
		_ = resp.Body.Close()
	}
}
