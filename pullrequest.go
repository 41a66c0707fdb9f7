package dbtcloud

import (
	"fmt"
	"regexp"
)

// GitHost is the git host that a pull request lives on. The API has one field for
// each.
type GitHost string

// Git hosts.
const (
	GitHub     GitHost = "github"
	GitLab     GitHost = "gitlab"
	AzureRepos GitHost = "azure"
	OtherHost  GitHost = "other" // no native integration, such as Bitbucket
)

// field is the name of the trigger field that carries the number.
func (h GitHost) field() string {
	switch h {
	case GitHub:
		return "github_pull_request_id"
	case GitLab:
		return "gitlab_merge_request_id"
	case AzureRepos:
		return "azure_pull_request_id"
	case OtherHost:
		return "non_native_pull_request_id"
	}
	return ""
}

// PullRequest is a pull request (a merge request on GitLab, where Number is the
// IID). The number alone identifies nothing: other repositories have the same.
type PullRequest struct {
	Host   GitHost
	Number int64
}

// String is the host and the number, such as github#50.
func (p PullRequest) String() string { return fmt.Sprintf("%s#%d", p.Host, p.Number) }

func (p PullRequest) validate() error {
	if p.Host.field() == "" {
		return fmt.Errorf("pull request: unknown git host %q: use %s, %s, %s or %s", p.Host, GitHub, GitLab, AzureRepos, OtherHost)
	}
	if p.Number > maxNumber {
		return fmt.Errorf("%s: %d is too large for a pull request number", p.Host.field(), p.Number)
	}
	if p.Number <= 0 {
		return fmt.Errorf("%s: the pull request number must be positive, not %d", p.Host.field(), p.Number)
	}
	return nil
}

// Change is one state of one pull request: what CI is asked to test.
type Change struct {
	PullRequest PullRequest
	SHA         string // the full head commit of the pull request; preferred
	Branch      string // the head branch, where no commit is known
	Sequence    int64  // orders changes of a pull request, such as a pipeline counter; 0: unknown
}

var sha = regexp.MustCompile(`^[0-9a-fA-F]{40}([0-9a-fA-F]{24})?$`)

func (c Change) validate() error {
	if err := c.PullRequest.validate(); err != nil {
		return err
	}
	switch {
	case c.SHA == "" && c.Branch == "":
		return fmt.Errorf("git_sha and git_branch: both are empty: give the head commit of %s (or its branch)", c.PullRequest)
	case c.SHA != "" && !sha.MatchString(c.SHA):
		return fmt.Errorf("git_sha: %.70q is not a full commit id of 40 or 64 hexadecimal digits", c.SHA)
	case c.Sequence < 0 || c.Sequence > maxNumber:
		return fmt.Errorf("sequence: must be between 0 and %d, not %d", int64(maxNumber), c.Sequence)
	}
	return nil
}
