package dbtcloudtest_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// TestDiscoveryWhileTheWorldChanges asks from many goroutines while nodes, jobs and runs come and go: no answer is torn, and in the end
// every node is there. What is shared without a lock is seen by the race detector.
func TestDiscoveryWhileTheWorldChanges(t *testing.T) {
	t.Parallel()
	const goroutines, rounds = 50, 6
	s := newShop()
	before := len(walkAll(t, s))
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			for r := range rounds {
				switch g % 5 {
				case 0:
					s.AddNodes(production, dbtcloudtest.Node{"uniqueId": fmt.Sprintf("model.shop.g%d_%d", g, r), "parentIds": []string{"model.shop.orders"}})
				case 1:
					job := s.AddJob(dbtcloudtest.JobSpec{EnvironmentID: production, JobType: "other"})
					s.FinishRun(s.AddRun(dbtcloudtest.RunSpec{JobID: job}), dbtcloudtest.Success)
				case 2:
					s.SetDiscovery("applied.latestGitSha", fmt.Sprint(g, r))
				case 3:
					_, _ = s.Requests(), s.CountRequests()
				}
				status, body := ask(t, s, `query($id: BigInt!) { environment(id: $id) { applied { latestGitSha lineage(filter: {types: [Model]}) { uniqueId }
					models { totalCount edges { node { uniqueId executionInfo { lastRunId } children { uniqueId } ancestors(types: [Source]) { uniqueId } } } } } } }`, nil)
				if status != 200 || body["errors"] != nil {
					t.Errorf("answered %d %v", status, body["errors"])
				}
			}
		})
	}
	all.Wait()
	if got, want := len(walkAll(t, s)), before+goroutines/5*rounds; got != want {
		t.Errorf("there are %d models, want %d", got, want)
	}
}

// walkAll returns the unique ids of all models.
func walkAll(t testing.TB, s *dbtcloudtest.Server) []string {
	t.Helper()
	ids, _ := walk(t, s, object{"first": 500})
	return ids
}
