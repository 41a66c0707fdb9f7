package report

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/slimci/dbtcloud/internal/plain"
)

// gitlabIssue has the fields that GitLab documents for a code quality report, all of them in every entry: one without a
// severity makes GitLab hide those after it (https://gitlab.com/gitlab-org/gitlab/-/issues/340000).
type gitlabIssue struct {
	Description string         `json:"description"`
	CheckName   string         `json:"check_name"`
	Fingerprint string         `json:"fingerprint"`
	Severity    string         `json:"severity"`
	Location    gitlabLocation `json:"location"`
}

type gitlabLocation struct {
	Path  string      `json:"path"`
	Lines gitlabLines `json:"lines"`
}

type gitlabLines struct {
	Begin int `json:"begin"`
}

// gitlabNowhere is the place of what has none: GitLab wants a path, relative to the repository.
const gitlabNowhere = "dbt_project.yml"

// GitLabCodeQuality renders the digest as a code quality report, a JSON array for artifacts:reports:codequality: failures of severity
// major, warnings of severity minor. The fingerprint of an entry is the same in every run, so that GitLab tells what is new. For
// artifacts:reports:junit there is [Digest.JUnit]. The error is that of encoding, and does not happen.
// Source: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format.
func GitLabCodeQuality(d *Digest) ([]byte, error) {
	issues, seen := []gitlabIssue{}, map[string]int{}
	add := func(severity string, f Failure) {
		path := line(f.File)
		if inRepository("", path) != path || path == "" {
			path = gitlabNowhere
		}
		issues = append(issues, gitlabIssue{
			Description: f.title() + ": " + f.text(), CheckName: line("dbt " + f.Kind), Fingerprint: fingerprint(f, severity, seen), Severity: severity,
			Location: gitlabLocation{Path: path, Lines: gitlabLines{Begin: max(f.Line, 1)}},
		})
	}
	for _, f := range d.Failures {
		add("major", f)
	}
	for _, f := range d.Warnings {
		add("minor", f)
	}
	return plain.JSON(issues, "  ")
}

// fingerprint is the same for the same finding of every run, and another for each finding of one.
func fingerprint(f Failure, severity string, seen map[string]int) string {
	key := strings.Join([]string{severity, f.Kind, f.UniqueID, f.Name}, "\x00")
	seen[key]++
	sum := sha256.Sum256([]byte(key + strings.Repeat("\x00again", seen[key]-1)))
	return hex.EncodeToString(sum[:])
}
