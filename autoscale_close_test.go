package dbtcloud_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// The pull request closed: its runs are cancelled and its clones deleted, nobody else's.
func TestClose(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		var ours, others []int64
		for pr, ids := range map[int64]*[]int64{7: &ours, 8: &others} {
			for _, job := range []int64{s.job, s.cloneJob(pr, "d"), s.cloneJob(pr, "k")} {
				*ids = append(*ids, s.AddRun(dbtcloudtest.RunSpec{JobID: job, PullRequest: pull(pr), SHA: commit(1)}))
			}
		}
		s.cloneJob(7, "d") // which never had a run
		s.settle()
		if _, err := s.ci().Close(t.Context(), dbtcloud.Closing{PullRequest: push(7, 1).PullRequest}); err != nil {
			t.Fatal(err)
		}
		for _, id := range ours {
			s.wantStatus(id, dbtcloudtest.Cancelled)
		}
		for _, id := range others {
			if run := s.run(id); run.Status == dbtcloudtest.Cancelled {
				t.Errorf("run %d of pull request 8 was cancelled", id)
			}
		}
		for _, c := range s.clones() {
			if gone := !c.DeletedAt.IsZero(); gone != strings.Contains(c.Name, ":7:") {
				t.Errorf("clone %s deleted: %t", c.Name, gone)
			}
		}
		if j, _ := s.Job(s.job); !j.DeletedAt.IsZero() {
			t.Error("the source job was deleted")
		}
	})
}

// A close that knows its sequence leaves what is newer alone, and that of a killed
// pipeline what is not its commit's or older.
func TestCloseLeavesNewer(t *testing.T) {
	type begun struct {
		change dbtcloud.Change
		stays  bool
	}
	tests := map[string]struct {
		what dbtcloud.Closing
		runs []begun // on the source job and then on clones
	}{
		"all of it":                        {runs: []begun{{numbered(push(7, 1), 3), false}, {numbered(push(7, 2), 4), false}}},
		"a late close":                     {what: dbtcloud.Closing{Sequence: 5}, runs: []begun{{numbered(push(7, 1), 4), false}, {numbered(push(7, 2), 6), true}}},
		"a close, and no sequence":         {what: dbtcloud.Closing{Sequence: 5}, runs: []begun{{push(7, 1), false}}},
		"killed, nothing newer":            {what: dbtcloud.Closing{SHA: commit(2), Sequence: 5}, runs: []begun{{numbered(push(7, 1), 4), false}, {numbered(push(7, 2), 5), false}}},
		"killed for a newer pipeline":      {what: dbtcloud.Closing{SHA: commit(1), Sequence: 5}, runs: []begun{{numbered(push(7, 1), 5), false}, {numbered(push(7, 2), 6), true}}},
		"killed, and the same commit anew": {what: dbtcloud.Closing{SHA: commit(1), Sequence: 5}, runs: []begun{{numbered(push(7, 1), 6), true}}},
		"killed, without sequences":        {what: dbtcloud.Closing{SHA: commit(2)}, runs: []begun{{push(7, 1), false}, {push(7, 2), false}, {push(7, 3), true}}},
		"killed, gone, without sequences":  {what: dbtcloud.Closing{SHA: commit(2)}, runs: []begun{{push(7, 3), true}}},
	}
	t.Parallel()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t)
				var want dbtcloud.CloseReport
				jobs, kept := map[int64]bool{}, map[int64]bool{}
				for i, b := range tt.runs {
					job := s.job
					if i > 0 {
						job = s.cloneJob(7, "d")
					}
					id := s.markedRun(job, b.change)
					jobs[job], kept[job] = true, b.stays
					if b.stays {
						want.Newer = append(want.Newer, id)
						continue
					}
					want.Cancelled = append(want.Cancelled, id)
					if i > 0 {
						want.Deleted = append(want.Deleted, job)
					}
				}
				s.settle()
				tt.what.PullRequest = push(7, 1).PullRequest
				got, err := s.ci().Close(t.Context(), tt.what)
				if diff := cmp.Diff(want, got); diff != "" || err != nil {
					t.Errorf("%v, report (-want +got):\n%s", err, diff)
				}
				for job := range jobs {
					if j, _ := s.Job(job); kept[job] && !j.DeletedAt.IsZero() {
						t.Errorf("job %d is deleted, whose run stays", job)
					}
				}
			})
		})
	}
}

// markedRun is a run of a change that another runner has triggered.
func (s *stage) markedRun(job int64, c dbtcloud.Change) int64 {
	cause := fmt.Sprintf("dci:g%s.%s.%.12s.%s.abcdefgh.0n Autoscaling CI", base36(s.job), base36(c.PullRequest.Number), c.SHA, base36(c.Sequence))
	return s.AddRun(dbtcloudtest.RunSpec{JobID: job, PullRequest: pull(c.PullRequest.Number), SHA: c.SHA, Schema: s.schemaOf(c.PullRequest.Number), Cause: cause})
}

func base36(n int64) string { return strconv.FormatInt(n, 36) }
