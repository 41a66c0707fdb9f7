package feedback

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/slimci/dbtcloud"
)

// azure is the REST API of Azure Repos, of Azure DevOps Services or a server from 2022 on.
// Source: https://learn.microsoft.com/rest/api/azure/devops/git (Pull Request Statuses, Statuses, Pull Request Threads).
type azure struct {
	*caller
	repo   string // /project/_apis/git/repositories/name
	number int64  // of the event's pull request; 0 if it is of none
}

// Limits of Azure Repos. That of a comment is what the service answers to a longer one (https://github.com/runatlantis/atlantis/pull/1585); of
// a description none is documented.
const (
	azureComment     = 150000
	azureDescription = 255
)

const (
	azureVersion  = "api-version=7.0"
	azureProperty = "dbtcloud" // of a thread: it has the key of the comment
	azureWrites   = `the permission "Contribute to pull requests" of the repository for the build service, and the step to map SYSTEM_ACCESSTOKEN: $(System.AccessToken)`
	azureReads    = `the permission "Read" of the repository, and the step to map SYSTEM_ACCESSTOKEN: $(System.AccessToken)`
)

func (a *azure) limit() int { return azureComment - markRoom }

// setStatus sets one of the pull request, for the iteration that ends in the commit: those are what branch policies look at. Without a pull
// request it is one of the commit.
func (a *azure) setStatus(ctx context.Context, s Status) error {
	state := map[State]string{StatePending: "pending", StateSuccess: "succeeded", StateFailure: "failed", StateCancelled: "error"}[s.State]
	body := map[string]any{"state": state, "description": shorten(s.Description, azureDescription), "context": map[string]string{"name": s.Name}}
	if s.URL != "" {
		body["targetUrl"] = s.URL
	}
	path := a.repo + "/commits/" + s.SHA + "/statuses?" + azureVersion
	iteration, err := a.iteration(ctx, s.SHA)
	if err != nil {
		return err
	}
	if iteration > 0 {
		body["iterationId"] = iteration
		path = fmt.Sprintf("%s/statuses?%s", a.pull(a.number), azureVersion)
	}
	return a.do(ctx, call{operation: "set a status on Azure Repos", need: azureWrites, method: http.MethodPost, path: path, body: body}, nil)
}

// iteration is the newest one of the event's pull request that ends in the commit; 0 if there is none.
func (a *azure) iteration(ctx context.Context, sha string) (id int64, err error) {
	if a.number == 0 {
		return 0, nil
	}
	var list struct {
		Value []struct {
			ID     int64 `json:"id"`
			Source struct {
				Commit string `json:"commitId"`
			} `json:"sourceRefCommit"`
		} `json:"value"`
	}
	path := a.pull(a.number) + "/iterations?" + azureVersion
	err = a.do(ctx, call{operation: "list the iterations of a pull request on Azure Repos", need: azureReads, method: http.MethodGet, path: path}, &list)
	for _, i := range list.Value {
		if strings.EqualFold(i.Source.Commit, sha) {
			id = max(id, i.ID)
		}
	}
	return id, err
}

func (a *azure) pull(number int64) string { return fmt.Sprintf("%s/pullRequests/%d", a.repo, number) }

type azureThread struct {
	ID         int64 `json:"id"`
	Deleted    bool  `json:"isDeleted"`
	Properties map[string]struct {
		Value any `json:"$value"`
	} `json:"properties"`
	Comments []struct {
		ID      int64     `json:"id"`
		Deleted bool      `json:"isDeleted"`
		Author  azureUser `json:"author"`
	} `json:"comments"`
}

type azureUser struct {
	ID string `json:"id"`
}

// comments are threads with our property, which nobody sees: so the text needs no mark. The service lists all of them at once.
func (a *azure) comments(ctx context.Context, number int64, key string) ([]comment, error) {
	me, err := a.user(ctx)
	if err != nil {
		return nil, err
	}
	var list struct {
		Value []azureThread `json:"value"`
	}
	path := a.pull(number) + "/threads?" + azureVersion
	if err := a.do(ctx, call{operation: "list the comments of a pull request on Azure Repos", need: azureWrites, method: http.MethodGet, path: path}, &list); err != nil {
		return nil, err
	}
	var ours []comment
	for _, t := range list.Value {
		if t.Deleted || t.Properties[azureProperty].Value != key || len(t.Comments) == 0 {
			continue
		}
		if first := t.Comments[0]; !first.Deleted && (me == "" || strings.EqualFold(first.Author.ID, me)) {
			ours = append(ours, comment{id: first.ID, thread: t.ID})
		}
	}
	slices.SortFunc(ours, func(a, b comment) int { return cmp.Compare(a.thread, b.thread) })
	return ours, nil
}

// user is whose token it is; empty where the server does not say.
func (a *azure) user(ctx context.Context) (string, error) {
	var data struct {
		User azureUser `json:"authenticatedUser"`
	}
	err := a.do(ctx, call{operation: "ask Azure DevOps whose token it is", need: azureWrites, method: http.MethodGet, path: "/_apis/connectionData?" + azureVersion + "-preview"}, &data)
	if e, ok := errors.AsType[*HostError](err); ok && (e.StatusCode == http.StatusBadRequest || e.StatusCode == http.StatusNotFound) {
		return "", nil
	}
	return data.User.ID, err
}

// add makes a thread that is closed, so that no policy waits for somebody to resolve it.
func (a *azure) add(ctx context.Context, number int64, key, text string) error {
	body := map[string]any{
		"comments":   []any{map[string]any{"parentCommentId": 0, "content": text, "commentType": "text"}},
		"status":     "closed",
		"properties": map[string]string{azureProperty: key},
	}
	return a.do(ctx, call{operation: "comment on a pull request on Azure Repos", need: azureWrites, method: http.MethodPost, path: a.pull(number) + "/threads?" + azureVersion, body: body, once: true}, nil)
}

func (a *azure) edit(ctx context.Context, number int64, c comment, _, text string) error {
	path := fmt.Sprintf("%s/threads/%d/comments/%d?%s", a.pull(number), c.thread, c.id, azureVersion)
	return a.do(ctx, call{operation: "edit a comment on Azure Repos", need: azureWrites, method: http.MethodPatch, path: path, body: map[string]string{"content": text}}, nil)
}

func (a *azure) head(ctx context.Context, number int64) (string, error) {
	var pull struct {
		Source struct {
			Commit string `json:"commitId"`
		} `json:"lastMergeSourceCommit"`
	}
	err := a.do(ctx, call{operation: "read a pull request on Azure Repos", need: azureReads, method: http.MethodGet, path: a.pull(number) + "?" + azureVersion}, &pull)
	return pull.Source.Commit, err
}

// azureAPI is the address of the organization.
func azureAPI(server, path string) string {
	organization, _, _ := strings.Cut(strings.TrimPrefix(path, "v3/"), "/")
	switch {
	case server == "dev.azure.com" && organization != "":
		return "https://dev.azure.com/" + url.PathEscape(organization)
	case strings.HasSuffix(server, ".visualstudio.com"):
		return "https://" + server
	}
	return ""
}

func makeAzure(v *hostEnv, base *url.URL, token string) (forge, *caller, error) {
	project, name := azureRepository(v.event.Repository, base.Path)
	if _, team := v.get("SYSTEM_TEAMPROJECT"); v.event.Provider == dbtcloud.AzurePipelines && team != "" {
		project = team
		if _, id := v.get("BUILD_REPOSITORY_ID"); id != "" {
			name = id
		}
	}
	if !segment(project) || !segment(name) {
		return nil, nil, invalid("the repository must be project/name or a path with /_git/, not %.70q", v.event.Repository)
	}
	authorization := "Basic " + base64.StdEncoding.EncodeToString([]byte(":"+token)) // of a personal access token
	if strings.Count(token, ".") == 2 {
		authorization = "Bearer " + token // a JSON web token, as System.AccessToken is
	}
	calls := newCaller(base, token, authorization)
	a := &azure{caller: calls, repo: "/" + url.PathEscape(project) + "/_apis/git/repositories/" + url.PathEscape(name)}
	a.number = max(v.event.PullRequest.Number, 0)
	return a, calls, nil
}

// azureRepository reads project/name, organization/project/_git/name, organization/_git/name (the project has the same name) and
// v3/organization/project/name of SSH. Collection is the path of the organization or collection.
func azureRepository(path, collection string) (project, name string) {
	if rest, ok := strings.CutPrefix(path, "v3/"); ok {
		_, path, _ = strings.Cut(rest, "/")
	}
	before, name, ok := strings.Cut("/"+path, "/_git/")
	if !ok {
		project, name, _ = strings.Cut(path, "/")
		return project, name
	}
	project = before[strings.LastIndexByte(before, '/')+1:]
	if project == "" || strings.EqualFold(before, strings.TrimSuffix(collection, "/")) {
		project = name
	}
	return project, name
}
