package harness

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

func TestChain(t *testing.T) {
	t.Parallel()
	type ends []dbtcloudtest.RunStatus
	const ok, failed = dbtcloudtest.Success, dbtcloudtest.Error
	const trigger = "POST /api/v2/accounts/{account}/jobs/{id}/run/"
	tests := []struct {
		name   string
		runs   ends               // of the account, in their order: there is one slot, and each run takes ten minutes
		others int                // so many of them are somebody else's, and are there before
		fault  dbtcloudtest.Fault // the zero value lets everything through
		fails  bool
	}{
		{name: "success", runs: ends{ok, ok}},
		{name: "a failed run is run again", runs: ends{failed, ok, ok}},
		{name: "a job that keeps failing stops the chain", runs: ends{failed, failed}, fails: true},
		{name: "the slot is taken", runs: ends{ok, ok, ok}, others: 1},
		{name: "a lost answer", runs: ends{ok, ok}, fault: dbtcloudtest.Fault{Route: trigger, Times: 1, Kind: dbtcloudtest.LostAnswer()}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { // in virtual time: half an hour is over at once
				begun, started := time.Now(), 0
				outcome := func(dbtcloudtest.Run) dbtcloudtest.Outcome {
					started++
					return dbtcloudtest.Outcome{Duration: 10 * time.Minute, Status: tt.runs[min(started, len(tt.runs))-1]}
				}
				fake := dbtcloudtest.New(dbtcloudtest.WithRunSlots(1), dbtcloudtest.WithRunTime(outcome))
				fake.Inject(tt.fault)
				for range tt.others {
					fake.AddRun(dbtcloudtest.RunSpec{JobID: fake.AddJob(dbtcloudtest.JobSpec{})})
				}
				client, err := fake.Client()
				if err != nil {
					t.Fatal(err)
				}
				jobs := []int64{fake.AddJob(dbtcloudtest.JobSpec{}), fake.AddJob(dbtcloudtest.JobSpec{})}
				chain := Chain{Client: client, Jobs: jobs, Tries: 2, Cause: "nightly"}
				if err := chain.Run(t.Context()); (err != nil) != tt.fails {
					t.Errorf("Run: %v; want an error: %t", err, tt.fails)
				}
				took, want := time.Since(begun).Round(5*time.Minute), time.Duration(len(tt.runs))*10*time.Minute
				if n := len(fake.Runs()); n != len(tt.runs) || took != want {
					t.Errorf("%d runs in %v, want %d in %v", n, took, len(tt.runs), want)
				}
			})
		})
	}
}
