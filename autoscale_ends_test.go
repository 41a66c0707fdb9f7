package dbtcloud

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestClosingSorts tells what ends from what stays, look by look.
func TestClosingSorts(t *testing.T) {
	t.Parallel()
	seq := func(n int64) runOption {
		return func(r *Run) {
			r.Trigger.Cause = fmt.Sprintf("dci:g%s.7.%.12s.%s.abcdefgh.0w CI", base36(srcJob), r.Trigger.GitSHA, base36(n))
		}
	}
	type look struct{ runs, ending, newer []int64 }
	tests := []struct {
		name  string
		what  Closing
		opts  map[int64][]runOption
		looks []look
	}{
		{"all that is there", Closing{}, nil, []look{{[]int64{1, 2}, []int64{1, 2}, nil}}},
		{"what begins later stays", Closing{}, nil, []look{{[]int64{1}, []int64{1}, nil}, {[]int64{1, 2}, []int64{1}, []int64{2}}}},
		{"a list that was stale", Closing{}, map[int64][]runOption{5: {ofPull(8)}}, []look{{[]int64{5}, nil, nil}, {[]int64{4, 5, 6}, []int64{4}, []int64{6}}}},
		{"by sequences", Closing{Sequence: 5}, map[int64][]runOption{1: {seq(6)}, 2: {seq(5)}, 3: {seq(4)}},
			[]look{{nil, nil, nil}, {[]int64{1, 2, 3}, []int64{3}, []int64{1, 2}}}},
		{"the commit, and what began before it", Closing{SHA: shaOf(2)}, nil, []look{{[]int64{1, 2, 3}, []int64{1, 2}, []int64{3}}}},
		{"the commit has ended", Closing{SHA: shaOf(9)}, nil, []look{{[]int64{1, 2}, nil, []int64{1, 2}}}},
		{"the commit, once more with a newer sequence", Closing{SHA: shaOf(9), Sequence: 5}, map[int64][]runOption{3: {atSHA(9), seq(6)}},
			[]look{{[]int64{2, 3}, nil, []int64{2, 3}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.what.PullRequest = PullRequest{GitHub, 7}
			c := &closer{what: tt.what, r: &CIRun{us: claim{change: Change{PullRequest: tt.what.PullRequest}}}}
			for n, l := range tt.looks {
				s := &snapshot{source: &Job{ID: srcJob, ProjectID: 2}}
				for _, id := range l.runs {
					s.runs = append(s.runs, aRun(id, tt.opts[id]...))
				}
				got := look{runs: l.runs}
				for _, run := range c.sort(s) {
					got.ending = append(got.ending, run.ID)
				}
				got.newer = c.report.Newer
				if diff := cmp.Diff(l, got, cmp.AllowUnexported(look{})); diff != "" {
					t.Errorf("look %d (-want +got):\n%s", n+1, diff)
				}
			}
		})
	}
}
