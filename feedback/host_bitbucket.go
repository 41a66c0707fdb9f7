package feedback

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// bitbucket is the REST API of Bitbucket Cloud.
// Source: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-commit-statuses/ and .../api-group-pullrequests/.
type bitbucket struct {
	*caller
	repo string // /repositories/workspace/name
	page string // for people, for a status that has no link
}

// Limits of Bitbucket Cloud. No source is known of those of a comment, which is that of Bitbucket Data Center, and of a description.
const (
	bitbucketComment     = 32768
	bitbucketDescription = 255
	bitbucketKey         = 40 // of a status
)

const (
	bitbucketStatuses = "to be an access token of the repository (BITBUCKET_ACCESS_TOKEN) with the scope Repositories: Write"
	bitbucketPulls    = "to be an access token of the repository (BITBUCKET_ACCESS_TOKEN) with the scope Pull requests: Write"
	bitbucketReads    = "to be an access token of the repository (BITBUCKET_ACCESS_TOKEN) with the scopes Repositories: Read and Pull requests: Read"
)

func (b *bitbucket) limit() int { return bitbucketComment - markRoom }

func (b *bitbucket) setStatus(ctx context.Context, s Status) error {
	state := map[State]string{StatePending: "INPROGRESS", StateSuccess: "SUCCESSFUL", StateFailure: "FAILED", StateCancelled: "STOPPED"}[s.State]
	body := map[string]string{"key": statusKey(s.Name), "name": s.Name, "state": state, "description": shorten(s.Description, bitbucketDescription), "url": s.URL}
	if s.URL == "" {
		body["url"] = b.page
	}
	path := b.repo + "/commit/" + s.SHA + "/statuses/build"
	return b.do(ctx, call{operation: "set a build status on Bitbucket", need: bitbucketStatuses, method: http.MethodPost, path: path, body: body}, nil)
}

// statusKey is the name, or what there is room for with a sum of all of it.
func statusKey(name string) string {
	if len(name) <= bitbucketKey {
		return name
	}
	return fmt.Sprintf("dbtcloud-%x", sha256.Sum256([]byte(name)))[:bitbucketKey]
}

// bitbucketMark is a definition of Markdown that nothing refers to: Bitbucket shows comments of HTML as text.
func bitbucketMark(key string) string { return "[//]: # (dbtcloud " + key + ")\n\n" }

type bitbucketPage struct {
	Next   string `json:"next"`
	Values []struct {
		ID      int64         `json:"id"`
		Deleted bool          `json:"deleted"`
		User    bitbucketUser `json:"user"`
		Content struct {
			Raw string `json:"raw"`
		} `json:"content"`
	} `json:"values"`
}

type bitbucketUser struct {
	UUID string `json:"uuid"`
}

// comments are known by the mark alone where the token may not ask who it is, as those of a repository may not. Bitbucket lets nobody edit
// what somebody else wrote. It lists the oldest first.
func (b *bitbucket) comments(ctx context.Context, number int64, key string) ([]comment, error) {
	var me bitbucketUser
	err := b.do(ctx, call{operation: "ask Bitbucket whose token it is", need: bitbucketPulls, method: http.MethodGet, path: "/user"}, &me)
	if e, ok := errors.AsType[*HostError](err); err != nil && (!ok || e.StatusCode != http.StatusForbidden && e.StatusCode != http.StatusUnauthorized) {
		return nil, err // a 401 says "invalid, expired, or not supported for this endpoint": the list will tell
	}
	next := fmt.Sprintf("%s/comments?pagelen=%d", b.pull(number), pageSize)
	return pages(func(int) (ours []comment, more bool, err error) {
		var list bitbucketPage
		err = b.do(ctx, call{operation: "list the comments of a pull request on Bitbucket", need: bitbucketPulls, method: http.MethodGet, path: next}, &list)
		for _, c := range list.Values {
			if !c.Deleted && (me.UUID == "" || c.User.UUID == me.UUID) && marked(c.Content.Raw, bitbucketMark(key)) {
				ours = append(ours, comment{id: c.ID})
			}
		}
		next = list.Next
		return ours, next != "", err
	})
}

func (b *bitbucket) pull(number int64) string {
	return fmt.Sprintf("%s/pullrequests/%d", b.repo, number)
}

func bitbucketText(key, text string) any {
	return map[string]any{"content": map[string]string{"raw": bitbucketMark(key) + text}}
}

func (b *bitbucket) add(ctx context.Context, number int64, key, text string) error {
	return b.do(ctx, call{operation: "comment on a pull request on Bitbucket", need: bitbucketPulls, method: http.MethodPost, path: b.pull(number) + "/comments", body: bitbucketText(key, text), once: true}, nil)
}

func (b *bitbucket) edit(ctx context.Context, number int64, c comment, key, text string) error {
	path := fmt.Sprintf("%s/comments/%d", b.pull(number), c.id)
	return b.do(ctx, call{operation: "edit a comment on Bitbucket", need: bitbucketPulls, method: http.MethodPut, path: path, body: bitbucketText(key, text)}, nil)
}

// head asks for the commit as well, because a pull request has the first 12 digits only.
func (b *bitbucket) head(ctx context.Context, number int64) (string, error) {
	var pull struct {
		Source struct {
			Commit struct {
				Hash string `json:"hash"`
			} `json:"commit"`
		} `json:"source"`
	}
	const operation = "read a pull request on Bitbucket"
	err := b.do(ctx, call{operation: operation, need: bitbucketReads, method: http.MethodGet, path: b.pull(number)}, &pull)
	short := pull.Source.Commit.Hash
	if err != nil || fullSHA.MatchString(short) {
		return short, err
	}
	if !shortSHA.MatchString(short) {
		return "", nil
	}
	var commit struct {
		Hash string `json:"hash"`
	}
	err = b.do(ctx, call{operation: operation, need: bitbucketReads, method: http.MethodGet, path: b.repo + "/commit/" + short}, &commit)
	return commit.Hash, err
}

func bitbucketAPI(string, string) string { return "https://api.bitbucket.org/2.0" }

func makeBitbucket(v *hostEnv, base *url.URL, token string) (forge, *caller, error) {
	workspace, name, err := v.ownerName()
	if err != nil {
		return nil, nil, err
	}
	calls := newCaller(base, token, "Bearer "+token)
	path := url.PathEscape(workspace) + "/" + url.PathEscape(name)
	b := &bitbucket{caller: calls, repo: "/repositories/" + path, page: v.event.PipelineURL}
	if webAddress(b.page) != nil {
		b.page = "https://bitbucket.org/" + path
	}
	return b, calls, nil
}
