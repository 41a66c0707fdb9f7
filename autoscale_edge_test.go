package dbtcloud_test

import (
	"fmt"
	"testing"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// A pull request is closed although its job has been deactivated or deleted meanwhile.
func TestCloseWithoutASource(t *testing.T) {
	tests := map[string]struct {
		opts []dbtcloudtest.Option
		lose func(s *stage)
		want error
	}{
		"deactivated":              {lose: func(s *stage) { s.DeactivateJob(s.job) }},
		"deleted":                  {lose: func(s *stage) { s.DeleteJob(s.job) }, want: dbtcloud.ErrNotFound},
		"deleted, and still shown": {lose: func(s *stage) { s.DeleteJob(s.job) }, opts: []dbtcloudtest.Option{dbtcloudtest.WithDeletedJobs()}},
	}
	t.Parallel()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t, tt.opts...)
				var runs []int64
				for _, job := range []int64{s.job, s.cloneJob(7, "d")} {
					runs = append(runs, s.AddRun(dbtcloudtest.RunSpec{JobID: job, PullRequest: pull(7), SHA: commit(1)}))
				}
				s.settle()
				tt.lose(s)
				err := s.ci().Close(t.Context(), push(7, 1).PullRequest)
				if tt.want != nil {
					wantError(t, err, tt.want, fmt.Sprint(s.job))
				} else if err != nil {
					t.Error(err)
				}
				for _, id := range runs {
					s.wantStatus(id, dbtcloudtest.Cancelled)
				}
				s.wantNoClones()
			})
		})
	}
	t.Run("a clone", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			s := newStage(t)
			s.job = s.cloneJob(7, "d")
			wantError(t, s.ci().Close(t.Context(), push(7, 1).PullRequest), dbtcloud.ErrInvalid, "clone")
			s.wantUntouched()
		})
	})
}
