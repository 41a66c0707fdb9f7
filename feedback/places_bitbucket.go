package feedback

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/report"
)

const (
	// insightsProxy authenticates what a pipeline sends by it, if it is sent without TLS.
	// Source: https://bitbucket.org/blog/provide-full-context-to-reviewers-by-including-pipeline-artifacts-within-the-pull-request.
	insightsProxy    = "localhost:29418"
	insightsByProxy  = "http://api.bitbucket.org/2.0"
	insightsDirect   = "https://api.bitbucket.org/2.0"
	insightsPatience = 30 * time.Second // for one request
)

// insights is a report of Code Insights to be.
type insights struct {
	client *http.Client
	url    string
	token  string // empty by the proxy
}

func (p Places) bitbucket(ctx context.Context, sha string, d *report.Digest) error {
	payload, err := report.BitbucketReport(d)
	if err != nil {
		return err
	}
	to, err := p.insights(sha)
	if err != nil {
		return err
	}
	defer to.client.CloseIdleConnections()
	// A report that is written again keeps its annotations, those of an earlier run too: it goes first, if there is one.
	_ = to.send(ctx, http.MethodDelete, "", nil)
	if err := to.send(ctx, http.MethodPut, "", payload.Report); err != nil {
		return err
	}
	var problems []error
	for _, batch := range payload.Annotations {
		problems = append(problems, to.send(ctx, http.MethodPost, "/annotations", batch))
	}
	return errors.Join(problems...)
}

// insights finds out where the report belongs, and by which way it gets there.
func (p Places) insights(sha string) (*insights, error) {
	workspace, repository, ok := strings.Cut(p.Getenv("BITBUCKET_REPO_FULL_NAME"), "/")
	if !ok {
		return nil, errors.New("feedback: Code Insights: the variable BITBUCKET_REPO_FULL_NAME is not WORKSPACE/REPOSITORY")
	}
	if !regexp.MustCompile(`^[0-9a-fA-F]{7,64}$`).MatchString(sha) {
		return nil, fmt.Errorf("%w: feedback: Code Insights: the commit %.80q is no sha", dbtcloud.ErrInvalid, sha)
	}
	base, token := p.Getenv("DBT_CLOUD_CI_HOST_URL"), p.Getenv("DBT_CLOUD_CI_HOST_TOKEN")
	transport := &http.Transport{}
	if base == "" && token == "" {
		base, transport.Proxy = insightsByProxy, http.ProxyURL(&url.URL{Scheme: "http", Host: insightsProxy})
	} else {
		base, transport.Proxy = cmp.Or(strings.TrimRight(base, "/"), insightsDirect), http.ProxyFromEnvironment
	}
	client := &http.Client{Timeout: insightsPatience, Transport: transport}
	if p.HTTPClient != nil {
		client = new(*p.HTTPClient)
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	path := []string{"repositories", url.PathEscape(workspace), url.PathEscape(repository), "commit", sha, "reports", "dbtcloud"}
	return &insights{client: client, url: base + "/" + strings.Join(path, "/"), token: token}, nil
}

// send makes one request. Its error has the first of what the service says.
func (i *insights) send(ctx context.Context, method, below string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, method, i.url+below, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("feedback: Code Insights: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	if i.token != "" {
		req.Header.Set("Authorization", "Bearer "+i.token)
	}
	resp, err := i.client.Do(req)
	if err != nil {
		return fmt.Errorf("feedback: Code Insights: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10)) // a status without words is told all the same
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("feedback: Code Insights: %s %s: %s: %.300q", method, req.URL.Redacted(), resp.Status, said)
	}
	return nil
}
