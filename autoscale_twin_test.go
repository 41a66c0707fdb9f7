package dbtcloud_test

import (
	"slices"
	"testing"
	"time"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// twin is a run of a commit of pull request 7 that somebody else triggers.
func (s *stage) twin(n int) dbtcloudtest.RunSpec {
	return dbtcloudtest.RunSpec{JobID: s.job, PullRequest: dbtcloudtest.PullRequest{Host: dbtcloudtest.GitHub, Number: 7}, SHA: commit(n), Schema: s.schemaOf(7)}
}

// lagging is a stage whose lists are five seconds old, and whose cancels work at once.
func lagging(t *testing.T) *stage {
	t.Helper()
	return newStage(t, dbtcloudtest.WithListLag(dbtcloudtest.Fixed(5*time.Second)), dbtcloudtest.WithCancelLatency(dbtcloudtest.Fixed(0)))
}

// A list still shows a run that has finished: the commit is built again.
func TestTwinThatHasFinishedIsNotAdopted(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := lagging(t)
		old := s.AddRun(s.twin(1))
		s.settle()
		s.FinishRun(old, dbtcloudtest.Success)
		r := s.started(s.ci(), push(7, 1))
		if r.Adopted || r.Run.ID == old {
			t.Errorf("follows run %d, adopted %t, want a run of its own beside %d", r.Run.ID, r.Adopted, old)
		}
		s.succeeds(r)
	})
}

// A run that a list shows cannot be read at first: it is adopted all the same.
func TestTwinThatIsTooNewToBeRead(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t, dbtcloudtest.WithReadLag(20*time.Second))
		twin := s.AddRun(s.twin(1))
		time.Sleep(2 * time.Second)
		r := s.started(s.ci(), push(7, 1))
		if !r.Adopted || r.Run.ID != twin {
			t.Errorf("follows run %d, adopted %t, want to adopt %d", r.Run.ID, r.Adopted, twin)
		}
		s.succeeds(r)
	})
}

// Our run is gone when a list shows it beside its twin: the twin is followed, not cancelled.
func TestTwinOfARunThatIsGone(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := lagging(t)
		var ours, twin int64
		s.At(time.Now().Add(500*time.Millisecond), func(s *dbtcloudtest.Server) {
			ours = s.Runs()[0].ID
			twin = s.AddRun(dbtcloudtest.RunSpec{JobID: s.Runs()[0].JobID, PullRequest: s.Runs()[0].PullRequest, SHA: commit(1), Schema: s.Runs()[0].Schema})
		})
		s.At(time.Now().Add(2*time.Second), func(s *dbtcloudtest.Server) { s.CancelRun(ours, "somebody", "") })
		r := s.started(s.ci(), push(7, 1))
		if !r.Adopted || r.Run.ID != twin {
			t.Errorf("follows run %d, adopted %t, want %d in place of %d", r.Run.ID, r.Adopted, twin, ours)
		}
		s.succeeds(r)
	})
}

// Our run was cancelled beside an earlier one of the commit, and that was given up too: the commit is built again.
func TestTwinsThatAreBothGone(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := lagging(t)
		earlier := s.AddRun(s.twin(1))
		s.At(time.Now().Add(2*time.Second), func(s *dbtcloudtest.Server) {
			for _, r := range s.Runs() {
				s.CancelRun(r.ID, "somebody", "")
			}
		})
		r := s.started(s.ci(), push(7, 1))
		if run := s.succeeds(r); run.ID == earlier || len(s.runsOf(7)) != 3 {
			t.Errorf("run %d of %d succeeds, want a third one", run.ID, len(s.runsOf(7)))
		}
	})
}

// The first look for a lost trigger comes too early, and then the account pauses: the pause proves nothing.
func TestLostTriggerAcrossAPause(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := lagging(t)
		s.Inject(dbtcloudtest.Fault{Route: routeTrigger, Times: 1, Kind: dbtcloudtest.LostAnswer()})
		s.Inject(dbtcloudtest.Fault{Route: routeRuns, After: 2, Times: 1, Kind: dbtcloudtest.TooManyRequests(3*time.Minute, 0)})
		r := s.started(s.ci(), push(7, 1))
		runs := s.runsOf(7)
		if len(runs) != 1 || r.Run.ID != runs[0].ID {
			t.Errorf("runs %v, follows %d, want exactly one", runs, r.Run.ID)
		}
	})
}

// A trigger that was sent twice after all: what the second one left is cancelled when the first one's run has ended.
func TestLateOutcomeIsCancelled(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		r := s.started(s.ci(), push(7, 1))
		late := s.AddRun(dbtcloudtest.RunSpec{JobID: s.job, Cause: s.run(r.Run.ID).Cause, SHA: commit(2), Schema: "another", PullRequest: s.run(r.Run.ID).PullRequest})
		s.FinishRun(r.Run.ID, dbtcloudtest.Success)
		s.settle()
		s.succeeds(r)
		s.settle()
		if ended := s.run(late); ended.Status != dbtcloudtest.Cancelled {
			t.Errorf("run %d is %s, want it cancelled", late, ended.Status)
		}
		if i := slices.IndexFunc(s.runsOf(7), func(r dbtcloudtest.Run) bool { return !r.Status.Terminal() }); i >= 0 {
			t.Errorf("run %d is still active", s.runsOf(7)[i].ID)
		}
	})
}
