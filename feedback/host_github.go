package feedback

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// github is the REST API of GitHub, github.com or an Enterprise server.
// Source: https://docs.github.com/en/rest/commits/statuses, https://docs.github.com/en/rest/issues/comments.
type github struct {
	*caller
	repo string // /repos/owner/name, escaped
}

// Limits of GitHub.
const (
	githubComment     = 65536 // characters of a comment
	githubDescription = 140   // characters of a status's description
)

const (
	githubStatuses = "the permission statuses: write"
	githubPulls    = "the permission pull-requests: write"
	githubRead     = "the permission pull-requests: read"
)

func (g *github) limit() int { return githubComment - 200 }

func (g *github) setStatus(ctx context.Context, s Status) error {
	state := map[State]string{StatePending: "pending", StateSuccess: "success", StateFailure: "failure", StateCancelled: "error"}[s.State]
	body := map[string]string{"state": state, "context": s.Name, "description": shorten(s.Description, githubDescription)}
	if s.URL != "" {
		body["target_url"] = s.URL
	}
	return g.do(ctx, call{operation: "set a commit status on GitHub", need: githubStatuses, method: http.MethodPost, path: g.repo + "/statuses/" + s.SHA, body: body}, nil)
}

type githubNote struct {
	ID   int64      `json:"id"`
	Body string     `json:"body"`
	User githubUser `json:"user"`
}

type githubUser struct {
	ID   int64  `json:"id"`
	Type string `json:"type"`
}

// comments lists those of the issue that every pull request is. The token of an app, such as that of GitHub Actions, may not ask who it is:
// its comments are those of bots with the mark.
func (g *github) comments(ctx context.Context, number int64, key string) ([]comment, error) {
	const operation = "list the comments of a pull request on GitHub"
	var me githubUser
	err := g.do(ctx, call{operation: "ask GitHub whose token it is", need: githubPulls, method: http.MethodGet, path: "/user"}, &me)
	if e, ok := errors.AsType[*HostError](err); err != nil && (!ok || e.StatusCode != http.StatusForbidden) {
		return nil, err
	}
	var ours []comment
	for page := 1; page <= maxPages; page++ {
		var list []githubNote
		path := fmt.Sprintf("%s/issues/%d/comments?per_page=%d&page=%d", g.repo, number, pageSize, page)
		if err := g.do(ctx, call{operation: operation, need: githubPulls, method: http.MethodGet, path: path}, &list); err != nil {
			return nil, err
		}
		for _, c := range list {
			own := c.User.ID == me.ID || me.ID == 0 && c.User.Type == "Bot"
			if own && strings.HasPrefix(c.Body, strings.TrimSpace(htmlMark(key))) {
				ours = append(ours, comment{id: c.ID})
			}
		}
		if len(list) < pageSize {
			return ours, nil
		}
	}
	return bounded(ours)
}

// bounded are the comments of a pull request that has more than are read. Without one of ours among them none is made, as each pipeline would make one more.
func bounded(ours []comment) ([]comment, error) {
	if len(ours) == 0 {
		return nil, fmt.Errorf("feedback: the pull request has more than %d comments, with none of ours among the oldest: none is written", maxPages*pageSize)
	}
	return ours, nil
}

func (g *github) add(ctx context.Context, number int64, key, text string) error {
	path := fmt.Sprintf("%s/issues/%d/comments", g.repo, number)
	return g.do(ctx, call{operation: "comment on a pull request on GitHub", need: githubPulls, method: http.MethodPost, path: path, body: map[string]string{"body": htmlMark(key) + text}, once: true}, nil)
}

func (g *github) edit(ctx context.Context, _ int64, c comment, key, text string) error {
	path := fmt.Sprintf("%s/issues/comments/%d", g.repo, c.id)
	return g.do(ctx, call{operation: "edit a comment on GitHub", need: githubPulls, method: http.MethodPatch, path: path, body: map[string]string{"body": htmlMark(key) + text}}, nil)
}

func (g *github) head(ctx context.Context, number int64) (string, error) {
	var pull struct {
		Head struct {
			SHA string `json:"sha"`
		} `json:"head"`
	}
	err := g.do(ctx, call{operation: "read a pull request on GitHub", need: githubRead, method: http.MethodGet, path: fmt.Sprintf("%s/pulls/%d", g.repo, number)}, &pull)
	return pull.Head.SHA, err
}
