package feedback

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/report"
)

// insightsProxy is the proxy of a pipeline. It authenticates what is sent through it, if that is sent without TLS.
// Source: https://bitbucket.org/blog/provide-full-context-to-reviewers-by-including-pipeline-artifacts-within-the-pull-request.
const insightsProxy = "localhost:29418"

// bitbucket writes the report anew: one that is only changed keeps its annotations, those of an earlier run too.
func (p Places) bitbucket(ctx context.Context, sha string, d *report.Digest) error {
	payload, err := report.BitbucketReport(d)
	if err != nil {
		return err
	}
	path, err := p.insightsPath(sha)
	if err != nil {
		return err
	}
	calls, err := p.insightsCaller()
	if err != nil {
		return err
	}
	send := func(method, below string, body any) error {
		r := call{operation: "write a report of Code Insights on Bitbucket", need: bitbucketStatuses, method: method, path: path + below, body: body}
		return calls.do(ctx, r, nil)
	}
	err = send(http.MethodDelete, "", nil)
	if _, answered := errors.AsType[*HostError](err); err != nil && !answered { // an answer may say that there is none
		return err
	}
	if err := send(http.MethodPut, "", json.RawMessage(payload.Report)); err != nil {
		return err
	}
	var problems []error
	for _, batch := range payload.Annotations {
		problems = append(problems, send(http.MethodPost, "/annotations", json.RawMessage(batch)))
	}
	return errors.Join(problems...)
}

func (p Places) insightsPath(sha string) (string, error) {
	env := &hostEnv{event: &dbtcloud.Event{Repository: p.Getenv("BITBUCKET_REPO_FULL_NAME")}}
	workspace, name, err := env.ownerName()
	if err != nil {
		return "", err
	}
	if !fullSHA.MatchString(sha) && !shortSHA.MatchString(sha) {
		return "", invalid("report of Code Insights: %.70q is no commit id", sha)
	}
	return "/repositories/" + url.PathEscape(workspace) + "/" + url.PathEscape(name) + "/commit/" + sha + "/reports/dbtcloud", nil
}

// insightsCaller sends by the proxy, or to the address that is given instead.
func (p Places) insightsCaller() (*caller, error) {
	env := &hostEnv{getenv: p.Getenv}
	variable, address := env.get("DBT_CLOUD_CI_HOST_URL")
	_, token := env.get("DBT_CLOUD_CI_HOST_TOKEN", "BITBUCKET_ACCESS_TOKEN")
	base, transport := &url.URL{Scheme: "http", Host: "api.bitbucket.org", Path: "/2.0"}, &http.Transport{DisableKeepAlives: true}
	if address == "" {
		token, transport.Proxy = "", http.ProxyURL(&url.URL{Scheme: "http", Host: insightsProxy})
	} else {
		var err error
		if base, err = apiAddress(address); err != nil {
			return nil, invalid("%s %w", variable, err)
		}
		transport.Proxy = http.ProxyFromEnvironment
	}
	calls := &caller{base: base, authorize: func(http.Header) {}, redact: func(text string) string { return text }, accept: "application/json"}
	if token != "" {
		calls = newCaller(base, token, "Bearer "+token)
	}
	client := p.HTTPClient
	if client == nil {
		client = &http.Client{Transport: transport}
	}
	calls.client = func() *http.Client { return client }
	return calls, nil
}
