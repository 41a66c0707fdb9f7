package feedback

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
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

func (g *github) limit() int { return githubComment - markRoom }

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
	var me githubUser
	err := g.do(ctx, call{operation: "ask GitHub whose token it is", need: githubPulls, method: http.MethodGet, path: "/user"}, &me)
	if e, ok := errors.AsType[*HostError](err); err != nil && (!ok || e.StatusCode != http.StatusForbidden) {
		return nil, err
	}
	return pages(func(page int) (ours []comment, more bool, err error) {
		var list []githubNote
		path := fmt.Sprintf("%s/issues/%d/comments?per_page=%d&page=%d", g.repo, number, pageSize, page)
		err = g.do(ctx, call{operation: "list the comments of a pull request on GitHub", need: githubPulls, method: http.MethodGet, path: path}, &list)
		for _, c := range list {
			if own := c.User.ID == me.ID || me.ID == 0 && c.User.Type == "Bot"; own && marked(c.Body, htmlMark(key)) {
				ours = append(ours, comment{id: c.ID})
			}
		}
		return ours, len(list) >= pageSize, err
	})
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

func githubAPI(server, _ string) string {
	switch {
	case server == "github.com":
		return "https://api.github.com"
	case strings.HasSuffix(server, ".ghe.com"):
		return "https://api." + server
	}
	return "https://" + server + "/api/v3"
}

func makeGitHub(v *hostEnv, base *url.URL, token string) (forge, *caller, error) {
	owner, name, err := v.ownerName()
	if err != nil {
		return nil, nil, err
	}
	calls := newCaller(base, token, "Bearer "+token)
	calls.accept = "application/vnd.github+json"
	return &github{caller: calls, repo: "/repos/" + url.PathEscape(owner) + "/" + url.PathEscape(name)}, calls, nil
}
