package dbtcloud

import (
	"fmt"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const productionJob = 20

// mergedSHA is a full commit id whose start differs with n.
func mergedSHA(n int) string { return fmt.Sprintf("%012x%028x", n, n) }

// claimOf is the claim to deploy a merge from main.
func claimOf(n int, seq int64) deployClaim {
	return claimBy(&Deployer{JobID: productionJob}, Merge{SHA: mergedSHA(n), Branch: "main", Sequence: seq})
}

func claimBy(d *Deployer, m Merge) deployClaim { return newDeployClaim(d, m) }

// runOf is the active run of a claim.
func runOf(us deployClaim, id int64, status RunStatus) *Run {
	return &Run{ID: id, JobID: us.job, Status: status, Trigger: &RunTrigger{Cause: withMarker(us.mark.String(), "Commit"), GitSHA: us.sha, GitBranch: us.branch}}
}

func (us deployClaim) with(run int64) deployClaim {
	us.run = run
	return us
}

func TestDecideDeployment(t *testing.T) {
	t.Parallel()
	every := func(n int) deployClaim {
		return claimBy(&Deployer{JobID: productionJob, Every: true}, Merge{SHA: mergedSHA(n), Branch: "main"})
	}
	of := func(d *Deployer, branch string) *Run {
		return runOf(claimBy(d, Merge{SHA: mergedSHA(1), Branch: branch, Sequence: 9}), 1, RunQueued)
	}
	changed := func(r *Run, change func(*Run)) *Run { change(r); return r }
	our := claimOf(5, 5)
	tests := []struct {
		name string
		us   deployClaim
		runs []*Run
		want deployPlan
	}{
		{"nothing is active", our, nil, deployPlan{}},
		{"an older one runs, another waits: trigger first", our, []*Run{runOf(claimOf(3, 3), 1, RunRunning), runOf(claimOf(4, 4), 2, RunQueued)}, deployPlan{}},
		{"what waits is cancelled after the trigger, by id", our.with(9),
			[]*Run{runOf(claimOf(2, 2), 1, RunRunning), runOf(claimOf(3, 3), 2, RunQueued), runOf(claimOf(4, 4), 3, RunQueued), runOf(our, 9, RunQueued)}, deployPlan{cancel: []int64{2, 3}}},
		{"what starts is not", our.with(9), []*Run{runOf(claimOf(4, 4), 1, RunStarting), runOf(our, 9, RunQueued)}, deployPlan{}},
		{"a higher sequence is active", our, []*Run{runOf(claimOf(6, 6), 1, RunRunning), runOf(claimOf(7, 7), 2, RunQueued)}, deployPlan{decision: Superseded, run: 2}},
		{"of two newer ones the one with the higher sequence", our, []*Run{runOf(claimOf(7, 7), 1, RunQueued), runOf(claimOf(6, 6), 2, RunQueued)}, deployPlan{decision: Superseded, run: 1}},
		{"a higher sequence appears after the trigger, with a lower id", our.with(9), []*Run{runOf(claimOf(6, 6), 8, RunRunning), runOf(our, 9, RunQueued)}, deployPlan{decision: Superseded, run: 8}},
		{"without sequences the run decides", claimOf(5, 0).with(9), []*Run{runOf(claimOf(4, 4), 8, RunQueued), runOf(claimOf(6, 6), 10, RunQueued)}, deployPlan{decision: Superseded, run: 10}},
		{"without sequences and a run we are the newest", claimOf(5, 0), []*Run{runOf(claimOf(6, 6), 8, RunQueued)}, deployPlan{}},
		{"the same sequence: the run decides", our.with(9), []*Run{runOf(claimOf(6, 5), 8, RunQueued), runOf(our, 9, RunQueued)}, deployPlan{cancel: []int64{8}}},

		{"the same commit is active", our, []*Run{runOf(claimOf(5, 0), 1, RunRunning)}, deployPlan{decision: Adopt, run: 1}},
		{"of two the first", our, []*Run{runOf(claimOf(5, 5), 1, RunQueued), runOf(claimOf(5, 6), 2, RunQueued)}, deployPlan{decision: Adopt, run: 1}},
		{"a newer merge comes before the same commit", our, []*Run{runOf(claimOf(5, 5), 1, RunRunning), runOf(claimOf(6, 6), 2, RunQueued)}, deployPlan{decision: Superseded, run: 2}},
		{"a higher sequence of the same commit is no newer merge", our, []*Run{runOf(claimOf(5, 6), 1, RunRunning)}, deployPlan{decision: Adopt, run: 1}},
		{"the same commit after one that was merged in between", our, []*Run{runOf(claimOf(5, 3), 1, RunRunning), runOf(claimOf(4, 4), 2, RunQueued)}, deployPlan{}},
		{"the same, after the trigger", our.with(9), []*Run{runOf(claimOf(5, 3), 1, RunQueued), runOf(claimOf(4, 4), 2, RunQueued), runOf(our, 9, RunQueued)}, deployPlan{cancel: []int64{1, 2}}},
		{"the same without sequences: the first stays", claimOf(5, 0), []*Run{runOf(claimOf(5, 0), 1, RunRunning), runOf(claimOf(4, 0), 2, RunQueued)}, deployPlan{decision: Adopt, run: 1}},
		{"two runners at once: the lower run stays", our.with(9), []*Run{runOf(claimOf(5, 5), 8, RunQueued), runOf(our, 9, RunQueued)}, deployPlan{decision: Adopt, run: 8}},
		{"two runners at once: the higher one goes", our.with(8), []*Run{runOf(our, 8, RunQueued), runOf(claimOf(5, 5), 9, RunQueued)}, deployPlan{cancel: []int64{9}}},

		{"another merge came between and is gone: no duplicates", claimOf(5, 1).with(1),
			[]*Run{runOf(claimOf(5, 1), 1, RunRunning), runOf(claimOf(6, 2), 2, RunCancelled), runOf(claimOf(5, 3), 3, RunQueued)}, deployPlan{}},

		{"every merge: nothing is cancelled", every(5).with(9), []*Run{runOf(claimOf(4, 0), 8, RunQueued), runOf(claimOf(6, 0), 10, RunQueued)}, deployPlan{}},
		{"every merge: nobody cancels it", our.with(9), []*Run{runOf(every(4), 8, RunQueued)}, deployPlan{}},
		{"every merge: a duplicate is one all the same", every(5).with(8), []*Run{runOf(every(5), 9, RunQueued)}, deployPlan{cancel: []int64{9}}},

		{"another branch", our, []*Run{of(&Deployer{JobID: productionJob}, "release")}, deployPlan{}},
		{"no branch", our, []*Run{of(&Deployer{JobID: productionJob}, "")}, deployPlan{}},
		{"another job", our, []*Run{of(&Deployer{JobID: productionJob + 1}, "main")}, deployPlan{}},
		{"other steps", our, []*Run{of(&Deployer{JobID: productionJob, Overrides: Trigger{StepsOverride: []string{"dbt seed"}}}, "main")}, deployPlan{}},
		{"another cause is no difference", our, []*Run{of(&Deployer{JobID: productionJob, Overrides: Trigger{Cause: "Release"}}, "main")}, deployPlan{decision: Superseded, run: 1}},
		{"no marker", our, []*Run{changed(runOf(claimOf(6, 6), 1, RunQueued), func(r *Run) { r.Trigger.Cause = "Commit " + mergedSHA(5) })}, deployPlan{}},
		{"a marker that is not at the front", our, []*Run{changed(runOf(claimOf(6, 6), 1, RunQueued), func(r *Run) { r.Trigger.Cause = " " + r.Trigger.Cause })}, deployPlan{}},
		{"a copied cause, another commit", our, []*Run{changed(runOf(claimOf(6, 6), 1, RunQueued), func(r *Run) { r.Trigger.GitSHA = mergedSHA(7) })}, deployPlan{}},
		{"a copied cause, another branch", our, []*Run{changed(runOf(claimOf(6, 6), 1, RunQueued), func(r *Run) { r.Trigger.GitBranch = "release" })}, deployPlan{}},
		{"a copied cause, another job", our, []*Run{changed(runOf(claimOf(6, 6), 1, RunQueued), func(r *Run) { r.JobID++ })}, deployPlan{}},
		{"a run without a trigger", our, []*Run{changed(runOf(claimOf(6, 6), 1, RunQueued), func(r *Run) { r.Trigger = nil })}, deployPlan{}},
		{"an answer without the commit", our, []*Run{changed(runOf(our, 1, RunQueued), func(r *Run) { r.Trigger.GitSHA, r.Trigger.GitBranch = "", "" })}, deployPlan{decision: Adopt, run: 1}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, decideDeployment(tt.runs, tt.us), cmp.AllowUnexported(deployPlan{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestDecisionsAgree: what any number of runners decide of the same list leaves the newest merge alone, and one run of it.
func TestDecisionsAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		numbered := rapid.Bool().Draw(t, "with sequences")
		var claims []deployClaim
		var runs []*Run
		for id := range rapid.Int64Range(1, 6).Draw(t, "runs") {
			us := claimOf(rapid.IntRange(1, 4).Draw(t, "merge"), 0)
			if numbered {
				us.mark.seq = rapid.Int64Range(1, 4).Draw(t, "sequence")
			}
			us.run = id + 1
			claims, runs = append(claims, us), append(runs, runOf(us, us.run, RunQueued))
		}
		gone := map[int64]bool{}
		for _, us := range claims {
			p := decideDeployment(runs, us)
			if p.run != 0 {
				gone[us.run] = true
			}
			for _, id := range p.cancel {
				gone[id] = true
			}
		}
		var left []deployClaim
		for _, us := range claims {
			if !gone[us.run] {
				left = append(left, us)
			}
		}
		newest := claims[0]
		for _, us := range claims {
			if newerMerge(us.mark.seq, us.run, newest.mark.seq, newest.run) {
				newest = us
			}
		}
		if len(left) != 1 || left[0].sha != newest.sha {
			t.Fatalf("%v are left of %v, the newest is %v", left, claims, newest)
		}
	})
}

func TestDeployMarkRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := deployMark{
			line: rapid.StringMatching(`[0-9a-f]{12}`).Draw(t, "line"), sha12: rapid.StringMatching(`[0-9a-f]{12}`).Draw(t, "sha12"),
			seq: rapid.Int64Range(0, maxNumber).Draw(t, "sequence"), nonce: anyNonce(t), every: rapid.Bool().Draw(t, "every"),
		}
		cause := withMarker(m.String(), rapid.String().Draw(t, "text"))
		got, ok := parseDeployMark(cause)
		if diff := cmp.Diff(m, got, cmp.AllowUnexported(deployMark{})); !ok || diff != "" || len(m.String()) > maxMarker || utf8.RuneCountInString(cause) > maxCause {
			t.Errorf("parsed %t from %q (-want +got):\n%s", ok, cause, diff)
		}
		if _, ok := parseMarker(cause); ok {
			t.Errorf("%q reads as the marker of a pull request too", cause)
		}
	})
}

func TestDeployMarkRefuses(t *testing.T) {
	t.Parallel()
	for _, cause := range []string{"", "Commit", "dcd:", "dcd:0123456789ab.0123456789ab.zzzzzzzzzzz.abcdefgh.e", "see dcd:0123456789ab.0123456789ab.z.abcdefgh.c"} {
		if m, ok := parseDeployMark(cause); ok {
			t.Errorf("%q is read as %+v", cause, m)
		}
	}
}

func FuzzParseDeployMark(f *testing.F) {
	f.Add("dcd:0123456789ab.0123456789ab.z.abcdefgh.c Commit")
	f.Add("dcd:0123456789ab.0123456789ab.zzzzzzzzzzz.abcdefgh.e")
	f.Add("dcd:")
	f.Fuzz(func(t *testing.T, cause string) {
		m, ok := parseDeployMark(cause)
		if !ok {
			return
		}
		if again, ok := parseDeployMark(m.String()); !ok || again != m || m.seq < 0 {
			t.Errorf("%q is read as %+v, and that as %+v, %t", cause, m, again, ok)
		}
	})
}
