package feedback

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// gitlab is the REST API of GitLab, gitlab.com or one's own.
// Source: https://docs.gitlab.com/api/commits/#set-commit-pipeline-status, https://docs.gitlab.com/api/notes/#merge-requests.
type gitlab struct {
	*caller
	project  string // /projects/group%2Fname
	pipeline string // that this is, where it is of GitLab
	commit   string // that the pipeline is of
	branch   string // the source branch
}

// Limits of GitLab.
const (
	gitlabComment     = 1000000
	gitlabDescription = 255
)

const (
	gitlabWrites = "to be a project access token (GITLAB_TOKEN) with the scope api and the role Developer; a job token may not"
	gitlabReads  = "the scope read_api"
)

func (g *gitlab) limit() int { return gitlabComment - markRoom }

// setStatus sets a job of the pipeline's stage external. A pipeline of merged results is of another commit than the head: the status then
// becomes one of the source branch, and GitLab makes a pipeline for it.
func (g *gitlab) setStatus(ctx context.Context, s Status) error {
	state := map[State]string{StatePending: "running", StateSuccess: "success", StateFailure: "failed", StateCancelled: "canceled"}[s.State]
	body := map[string]string{"state": state, "name": s.Name, "description": shorten(s.Description, gitlabDescription)}
	if s.URL != "" {
		body["target_url"] = s.URL
	}
	switch {
	case g.pipeline != "" && strings.EqualFold(g.commit, s.SHA):
		body["pipeline_id"] = g.pipeline
	case g.branch != "":
		body["ref"] = g.branch
	}
	err := g.do(ctx, call{operation: "set a commit status on GitLab", need: gitlabWrites, method: http.MethodPost, path: g.project + "/statuses/" + s.SHA, body: body}, nil)
	if e, ok := errors.AsType[*HostError](err); ok && e.StatusCode == http.StatusBadRequest && strings.Contains(e.Message, "from :"+state) {
		return nil // it has this state already
	}
	return err
}

type gitlabNote struct {
	ID     int64      `json:"id"`
	Body   string     `json:"body"`
	Author gitlabUser `json:"author"`
}

type gitlabUser struct {
	ID int64 `json:"id"`
}

func (g *gitlab) comments(ctx context.Context, number int64, key string) ([]comment, error) {
	var me gitlabUser
	if err := g.do(ctx, call{operation: "ask GitLab whose token it is", need: gitlabWrites, method: http.MethodGet, path: "/user"}, &me); err != nil {
		return nil, err
	}
	return pages(func(page int) (ours []comment, more bool, err error) {
		var list []gitlabNote
		path := fmt.Sprintf("%s?sort=asc&order_by=created_at&per_page=%d&page=%d", g.notes(number), pageSize, page)
		err = g.do(ctx, call{operation: "list the comments of a merge request on GitLab", need: gitlabWrites, method: http.MethodGet, path: path}, &list)
		for _, n := range list {
			if n.Author.ID == me.ID && marked(n.Body, htmlMark(key)) {
				ours = append(ours, comment{id: n.ID})
			}
		}
		return ours, len(list) >= pageSize, err
	})
}

func (g *gitlab) notes(number int64) string {
	return fmt.Sprintf("%s/merge_requests/%d/notes", g.project, number)
}

func (g *gitlab) add(ctx context.Context, number int64, key, text string) error {
	body := map[string]string{"body": htmlMark(key) + text}
	return g.do(ctx, call{operation: "comment on a merge request on GitLab", need: gitlabWrites, method: http.MethodPost, path: g.notes(number), body: body, once: true}, nil)
}

func (g *gitlab) edit(ctx context.Context, number int64, c comment, key, text string) error {
	body := map[string]string{"body": htmlMark(key) + text}
	return g.do(ctx, call{operation: "edit a comment on GitLab", need: gitlabWrites, method: http.MethodPut, path: fmt.Sprintf("%s/%d", g.notes(number), c.id), body: body}, nil)
}

func (g *gitlab) head(ctx context.Context, number int64) (string, error) {
	var request struct {
		SHA string `json:"sha"`
	}
	path := fmt.Sprintf("%s/merge_requests/%d", g.project, number)
	err := g.do(ctx, call{operation: "read a merge request on GitLab", need: gitlabReads, method: http.MethodGet, path: path}, &request)
	return request.SHA, err
}

func makeGitLab(v *hostEnv, base *url.URL, token string) (forge, *caller, error) {
	path := v.event.Repository
	for part := range strings.SplitSeq(path, "/") {
		if !segment(part) {
			return nil, nil, invalid("the repository must be group/name, not %.70q", path)
		}
	}
	calls := newCaller(base, token, "Bearer "+token)
	g := &gitlab{caller: calls, project: "/projects/" + url.PathEscape(path), branch: v.event.Branch}
	_, g.pipeline = v.get("CI_PIPELINE_ID")
	_, g.commit = v.get("CI_COMMIT_SHA")
	return g, calls, nil
}
