package contract

import (
	"slices"
	"testing"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// deployScenarios are what a deployer can come to do.
func deployScenarios() []scenario {
	return []scenario{{"deploy, coalesce and adopt", deploy}}
}

// deploy has three merges arrive at once, the last one twice, with every override.
func deploy(t *testing.T, c *contract) {
	w := c.begin(t)
	d := &dbtcloud.Deployer{Client: w.client, JobID: w.AddJob(dbtcloudtest.JobSpec{JobType: "other"}), Overrides: dbtcloud.Trigger{
		SchemaOverride: "ours", DbtVersionOverride: "latest", TargetNameOverride: "prod", ThreadsOverride: 2, TimeoutSecondsOverride: 60,
		GenerateDocsOverride: new(true), StepsOverride: []string{"dbt build"},
	}}
	var deployments []*dbtcloud.Deployment
	for i, digit := range []byte{'a', 'b', 'c', 'c'} {
		merge := dbtcloud.Merge{SHA: commit(digit), Branch: "main", Sequence: int64(min(i, 2) + 1)}
		deployments = append(deployments, try(d.Trigger(t.Context(), merge)).must(t))
	}
	if !errorIs(deployments[1].Wait(t.Context()))(dbtcloud.ErrSuperseded) || !slices.Equal(deployments[2].Coalesced, []int64{deployments[1].Run.ID}) {
		t.Errorf("run %d was to be replaced; coalesced %v", deployments[1].Run.ID, deployments[2].Coalesced)
	}
	if last := deployments[3]; !last.Adopted || last.Run.ID != deployments[2].Run.ID {
		t.Errorf("run %d was to be adopted: %+v", deployments[2].Run.ID, last)
	}
	try(deployments[3].Wait(t.Context())).must(t)
}
