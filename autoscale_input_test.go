package dbtcloud_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// What is known to be wrong before any request is refused before any request.
func TestBadInput(t *testing.T) {
	type ci = dbtcloud.AutoscaleCI
	type change = dbtcloud.Change
	tests := map[string]struct {
		set  func(a *ci, c *change)
		says []string // the field, and what to do
	}{
		"no client":            {func(a *ci, _ *change) { a.Client = nil }, []string{"client", "missing"}},
		"no job":               {func(a *ci, _ *change) { a.JobID = 0 }, []string{"job id", "positive"}},
		"negative job":         {func(a *ci, _ *change) { a.JobID = -5 }, []string{"job id", "positive", "-5"}},
		"unknown mode":         {func(a *ci, _ *change) { a.Mode = "turbo" }, []string{"mode", "turbo", "auto, native, clone or queue"}},
		"unknown leave":        {func(a *ci, _ *change) { a.OnLeave = "run" }, []string{"on leave", "cancel or detach"}},
		"negative slots":       {func(a *ci, _ *change) { a.MaxRunSlots = -1 }, []string{"max run slots", "negative"}},
		"negative clones":      {func(a *ci, _ *change) { a.MaxClones = -1 }, []string{"max clones", "negative"}},
		"override of the pull": {func(a *ci, c *change) { a.Overrides.PullRequest = c.PullRequest }, []string{"overrides", "the change does"}},
		"override of the sha":  {func(a *ci, _ *change) { a.Overrides.GitSHA = commit(1) }, []string{"overrides", "commit"}},
		"override of a branch": {func(a *ci, _ *change) { a.Overrides.GitBranch = "main" }, []string{"overrides", "branch"}},
		"long cause":           {func(a *ci, _ *change) { a.Overrides.Cause = strings.Repeat("é", 256) }, []string{"cause", "256", "255", "shorten"}},
		"empty step":           {func(a *ci, _ *change) { a.Overrides.StepsOverride = []string{"dbt build", " "} }, []string{"steps_override[1]", "empty"}},
		"negative threads":     {func(a *ci, _ *change) { a.Overrides.ThreadsOverride = -1 }, []string{"threads_override", "negative"}},
		"negative timeout":     {func(a *ci, _ *change) { a.Overrides.TimeoutSecondsOverride = -1 }, []string{"timeout_seconds_override", "negative"}},
		"no number":            {func(_ *ci, c *change) { c.PullRequest.Number = 0 }, []string{"github_pull_request_id", "positive"}},
		"negative number":      {func(_ *ci, c *change) { c.PullRequest.Number = -7 }, []string{"github_pull_request_id", "positive", "-7"}},
		"huge number":          {func(_ *ci, c *change) { c.PullRequest.Number = math.MaxInt64 }, []string{"github_pull_request_id", "too large"}},
		"gitlab":               {func(_ *ci, c *change) { c.PullRequest = dbtcloud.PullRequest{Host: dbtcloud.GitLab} }, []string{"gitlab_merge_request_id", "positive"}},
		"azure":                {func(_ *ci, c *change) { c.PullRequest = dbtcloud.PullRequest{Host: dbtcloud.AzureRepos} }, []string{"azure_pull_request_id", "positive"}},
		"other":                {func(_ *ci, c *change) { c.PullRequest = dbtcloud.PullRequest{Host: dbtcloud.OtherHost} }, []string{"non_native_pull_request_id", "positive"}},
		"unknown host":         {func(_ *ci, c *change) { c.PullRequest.Host = "sourceforge" }, []string{"pull request", "sourceforge", "github, gitlab, azure or other"}},
		"no host":              {func(_ *ci, c *change) { c.PullRequest.Host = "" }, []string{"pull request", "use github"}},
		"nothing to test":      {func(_ *ci, c *change) { c.SHA = "" }, []string{"git_sha", "git_branch", "give the head commit"}},
		"short sha":            {func(_ *ci, c *change) { c.SHA = "c0ffee1" }, []string{"git_sha", "c0ffee1", "40 or 64"}},
		"sha that is none":     {func(_ *ci, c *change) { c.SHA = strings.Repeat("g", 40) }, []string{"git_sha", "hexadecimal"}},
		"negative sequence":    {func(_ *ci, c *change) { c.Sequence = -1 }, []string{"sequence", "-1"}},
		"huge sequence":        {func(_ *ci, c *change) { c.Sequence = math.MaxInt64 }, []string{"sequence", "between"}},
	}
	t.Parallel()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t)
				a, c := s.ci(), push(7, 1)
				tt.set(a, &c)
				_, err := a.Trigger(t.Context(), c)
				wantError(t, err, dbtcloud.ErrInvalid, tt.says...)
				_, planErr := a.Plan(t.Context(), c)
				wantError(t, planErr, dbtcloud.ErrInvalid, tt.says...)
				if n := len(s.Requests()); n != 0 {
					t.Errorf("%d requests were sent", n)
				}
			})
		})
	}
}

// Every mistake is told, not only the first.
func TestBadInputIsToldAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		a := s.ci()
		a.JobID, a.Mode, a.Overrides.Cause = 0, "turbo", strings.Repeat("x", 300)
		_, err := a.Trigger(t.Context(), dbtcloud.Change{})
		wantError(t, err, dbtcloud.ErrInvalid, "job id", "turbo", "cause", "pull request")
	})
}

// Sweep and Close check what they are given, too.
func TestBadInputOfTheOthers(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		a := s.ci()
		pr := push(7, 1).PullRequest
		for says, bad := range map[string]dbtcloud.Closing{
			"github_pull_request_id": {PullRequest: dbtcloud.PullRequest{Host: dbtcloud.GitHub}},
			"sha: \"main\"":          {PullRequest: pr, SHA: "main"},
			"sequence":               {PullRequest: pr, Sequence: -1},
			"cleanup steps: a pull":  {PullRequest: pr, SHA: commit(1), CleanupSteps: []string{"dbt run-operation drop_pr_schema"}},
			"number 2 is empty":      {PullRequest: pr, CleanupSteps: []string{"dbt debug", " "}},
		} {
			_, err := a.Close(t.Context(), bad)
			wantError(t, err, dbtcloud.ErrInvalid, says)
		}
		a.JobID = 0
		_, err := a.Sweep(t.Context())
		wantError(t, err, dbtcloud.ErrInvalid, "job id")
		_, err = a.Close(t.Context(), dbtcloud.Closing{PullRequest: pr})
		wantError(t, err, dbtcloud.ErrInvalid, "job id")
		if n := len(s.Requests()); n != 0 {
			t.Errorf("%d requests were sent", n)
		}
	})
}

// The longest cause that is allowed is cut, but the marker stays whole.
func TestLongestCause(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := newStage(t)
		a := s.ci()
		a.Overrides.Cause = strings.Repeat("é", 255)
		r := s.started(a, push(7, 1))
		cause := s.run(r.Run.ID).Cause
		if n := len([]rune(cause)); n > 255 || !strings.HasPrefix(cause, "dci:g") || !strings.HasSuffix(cause, "éé") {
			t.Errorf("cause of %d characters: %q", n, cause)
		}
	})
}

// A job that cannot be the source is refused by the first look.
func TestBadJobs(t *testing.T) {
	tests := map[string]struct {
		opts []dbtcloudtest.Option
		set  func(s *stage)
		is   error
		says []string
	}{
		"unknown":              {set: func(s *stage) { s.job = 12345 }, is: dbtcloud.ErrNotFound, says: []string{"12345", "belongs to another account"}},
		"deleted":              {set: func(s *stage) { s.DeleteJob(s.job) }, is: dbtcloud.ErrNotFound, says: []string{"source job"}},
		"deleted but answered": {opts: []dbtcloudtest.Option{dbtcloudtest.WithDeletedJobs()}, set: func(s *stage) { s.DeleteJob(s.job) }, is: dbtcloud.ErrInvalid, says: []string{"job id", "deleted", "active one"}},
		"deactivated":          {set: func(s *stage) { s.DeactivateJob(s.job) }, is: dbtcloud.ErrInvalid, says: []string{"job id", "deactivated", "save it"}},
		"a clone":              {set: func(s *stage) { s.job = s.cloneJob(7, "d") }, is: dbtcloud.ErrInvalid, says: []string{"job id", "clone", "it was cloned from"}},
		"of another project": {opts: []dbtcloudtest.Option{dbtcloudtest.WithProjectScope(42)}, set: func(*stage) {}, is: dbtcloud.ErrNotFound,
			says: []string{"may not see"}},
	}
	t.Parallel()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t, tt.opts...)
				s.AddRun(dbtcloudtest.RunSpec{JobID: s.job, PullRequest: pull(7), SHA: commit(1)})
				tt.set(s)
				s.settle()
				begun := time.Now()
				_, err := s.ci().Trigger(t.Context(), push(7, 2))
				wantError(t, err, tt.is, tt.says...)
				s.wantUntouched()
				if took := time.Since(begun); took > time.Second || len(s.Requests()) > 2 {
					t.Errorf("%d requests in %s, want one look", len(s.Requests()), took)
				}
			})
		})
	}
}

// A job of another account, an expired token and an unreachable host.
func TestBadAccess(t *testing.T) {
	tests := map[string]struct {
		opts  []dbtcloud.Option
		fault *dbtcloudtest.Fault
		is    error
		says  string
		sent  int
	}{
		"another account":   {opts: []dbtcloud.Option{dbtcloud.WithAccount(99)}, says: "account", sent: 2},
		"expired token":     {opts: []dbtcloud.Option{dbtcloud.WithToken("dbtc_expired")}, is: dbtcloud.ErrUnauthorized, says: "Check the token", sent: 2},
		"no permission":     {fault: &dbtcloudtest.Fault{Kind: dbtcloudtest.Status(403, dbtcloudtest.DetailBody)}, is: dbtcloud.ErrForbidden, says: "permission", sent: 2},
		"unreachable host":  {fault: &dbtcloudtest.Fault{Kind: dbtcloudtest.LostRequest()}, says: "connection refused", sent: 10},
		"the wrong service": {fault: &dbtcloudtest.Fault{Kind: dbtcloudtest.HTML200()}, says: "not the JSON", sent: 2},
	}
	t.Parallel()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := newStage(t)
				if tt.fault != nil {
					s.Inject(*tt.fault)
				}
				begun := time.Now()
				_, err := s.ci(tt.opts...).Trigger(t.Context(), push(7, 1))
				wantError(t, err, tt.is, tt.says)
				if strings.Contains(err.Error(), "dbtc_expired") || strings.Contains(err.Error(), s.Token()) {
					t.Errorf("error %q tells the token", err)
				}
				if n := len(s.Requests()); n > tt.sent || time.Since(begun) > time.Minute {
					t.Errorf("%d requests in %s, want at most %d", n, time.Since(begun), tt.sent)
				}
				s.wantUntouched()
			})
		})
	}
}
