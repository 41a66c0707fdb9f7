package dbtcloud

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-resty/resty/v2"
	"github.com/hasura/go-graphql-client"

	"github.com/slimci/dbtcloud/internal/hosts"
	"github.com/slimci/dbtcloud/internal/transport"
)

// Client talks to one dbt Cloud account. Make one with [New]; it is safe for
// concurrent use, and all its services share one connection pool and one retry
// policy. The Administrative API has one pause after a 429, the Discovery API
// ([MetadataService]) another.
type Client struct {
	Accounts             *AccountsService
	EnvironmentVariables *EnvironmentVariablesService
	Environments         *EnvironmentsService
	Jobs                 *JobsService
	Metadata             *MetadataService
	Projects             *ProjectsService
	Runs                 *RunsService

	accountID   int64
	base        *url.URL
	rest        *resty.Client
	graphql     *graphql.Client
	graphqlBeta *graphql.Client
	onlyBeta    bool                    // the caller's metadata URL is the beta endpoint
	transport   *transport.RoundTripper // of the Administrative API
	discovery   *transport.RoundTripper // of the Discovery API
	redact      func(string) string     // takes tokens out of a text
	clock       *atomic.Int64           // nanoseconds that the server's clock is ahead of ours
}

// service is what every service is made of.
type service struct{ c *Client }

// New makes a client. It does no I/O: a wrong token or an unreachable host shows
// at the first call. Every mistake in the options is reported, in one error that
// is [ErrInvalid].
//
// The host defaults to cloud.getdbt.com. A token ([WithToken], [WithTokenSource]
// or [FromEnv]) and an account ([WithAccount] or [FromEnv]) are required.
// Proxies and additional certificate authorities come from the usual variables:
// HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE, SSL_CERT_DIR.
func New(opts ...Option) (*Client, error) {
	var cfg config
	var problems []error
	for i, opt := range opts {
		if opt == nil {
			problems = append(problems, fmt.Errorf("option %d: is nil", i+1))
		} else if err := opt(&cfg); err != nil {
			problems = append(problems, err)
		}
	}
	if cfg.token == nil {
		problems = append(problems, errors.New("no API token: use WithToken, WithTokenSource, or FromEnv with DBT_CLOUD_SERVICE_TOKEN set"))
	}
	if cfg.account == 0 {
		problems = append(problems, errors.New("no account id: use WithAccount, or FromEnv with DBT_CLOUD_ACCOUNT_ID set"))
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, errors.Join(problems...))
	}
	return newClient(cfg), nil
}

func newClient(cfg config) *Client {
	if cfg.host == nil {
		cfg.host = &url.URL{Scheme: "https", Host: hosts.Default}
	}
	if cfg.metadataURL == nil {
		cfg.metadataURL = hosts.Metadata(cfg.host)
	}
	if cfg.metadataRate == 0 {
		cfg.metadataRate = defaultMetadataRate
	}
	c := &Client{accountID: cfg.account, base: cfg.host, clock: new(atomic.Int64)}
	cfg.token, c.redact = newRedactor(cfg.token)
	hc, base := newHTTPClient(cfg)
	c.transport = newTransport(cfg, base, hc.Timeout)
	c.discovery = newTransport(cfg, transport.Throttled{Base: base}, hc.Timeout)
	c.discovery.Limit = transport.NewLimit(cfg.metadataRate)
	c.rest = resty.NewWithClient(over(c.transport, hc)).SetBaseURL(cfg.host.String()).SetLogger(silent{}).SetDisableWarn(true)
	asks := doer{over(c.discovery, hc)}
	c.graphql = graphql.NewClient(cfg.metadataURL.String(), asks)
	c.graphqlBeta = graphql.NewClient(hosts.Beta(cfg.metadataURL).String(), asks)
	c.onlyBeta = *hosts.Beta(cfg.metadataURL) == *cfg.metadataURL
	c.Accounts = &AccountsService{c}
	c.EnvironmentVariables = &EnvironmentVariablesService{c}
	c.Environments = &EnvironmentsService{c}
	c.Jobs = &JobsService{c}
	c.Metadata = &MetadataService{c: c}
	c.Projects = &ProjectsService{c}
	c.Runs = &RunsService{c}
	return c
}

// newHTTPClient copies the caller's client, so that neither it nor
// http.DefaultTransport is ever changed. Its Transport is also returned, in the
// middleware.
func newHTTPClient(cfg config) (*http.Client, http.RoundTripper) {
	hc := new(http.Client)
	if cfg.httpClient != nil {
		*hc = *cfg.httpClient
	}
	base := hc.Transport
	if base == nil {
		base = defaultTransport()
	}
	for _, wrap := range cfg.middleware {
		base = wrap(base)
	}
	return hc, base
}

// newTransport is the policy of one API. The Timeout of the caller's client becomes
// the limit of one attempt: around the retries it would cut a pause short.
func newTransport(cfg config, base http.RoundTripper, timeout time.Duration) *transport.RoundTripper {
	policy := cfg.retry.policy()
	if policy.AttemptTimeout == 0 {
		policy.AttemptTimeout = timeout
	}
	trusted := []*url.URL{cfg.host, cfg.metadataURL}
	return &transport.RoundTripper{
		Base:  base,
		Token: cfg.token,
		Trusted: func(u *url.URL) bool {
			return hosts.Same(u, trusted[0]) || hosts.Same(u, trusted[1])
		},
		Policy:    policy,
		Logger:    cfg.logger,
		UserAgent: userAgent(cfg.userAgent),
	}
}

// over is a client like hc that sends by rt.
func over(rt *transport.RoundTripper, hc *http.Client) *http.Client {
	own := *hc
	own.Transport, own.Timeout, own.CheckRedirect = rt, 0, transport.CheckRedirect
	return &own
}

// defaultTransport is like http.DefaultTransport, of which it is a copy wherever
// nobody has put something else there.
func defaultTransport() http.RoundTripper {
	t, ok := http.DefaultTransport.(*http.Transport)
	if ok {
		t = t.Clone()
	} else {
		t = &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second,
			IdleConnTimeout: 90 * time.Second, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
	}
	t.MaxIdleConnsPerHost = 16
	return t
}

func userAgent(suffix string) string {
	version := "devel"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range append(info.Deps, &info.Main) {
			if m.Path == "github.com/slimci/dbtcloud" && m.Version != "" {
				version = strings.Trim(m.Version, "()")
			}
		}
	}
	return strings.TrimSpace("slimci-dbtcloud/" + version + " " + suffix)
}

// AccountID is the account that this client works on.
func (c *Client) AccountID() int64 { return c.accountID }

// Host is the access URL of this client, such as https://ab123.us1.dbt.com.
func (c *Client) Host() string { return c.base.String() }

// RunURL is the page of a run in the user interface: the address that the service
// gave, or one made from the ids where it gave none.
func (c *Client) RunURL(r *Run) string {
	if r.Href != "" {
		return r.Href
	}
	return fmt.Sprintf("%s/deploy/%d/projects/%d/runs/%d", c.Host(), c.accountID, r.ProjectID, r.ID)
}

// PausedUntil tells until when nothing is sent to the Administrative API because of a
// 429; zero when it is not paused. See [MetadataService.PausedUntil] for the other.
func (c *Client) PausedUntil() time.Time { return c.transport.PausedUntil() }

// serverTime is the time by the server's clock, as far as an answer has told it.
func (c *Client) serverTime() time.Time { return time.Now().Add(time.Duration(c.clock.Load())) }

// String names the account and the host, and nothing secret.
func (c Client) String() string {
	return fmt.Sprintf("dbtcloud.Client(account %d at %s)", c.accountID, c.base.Host)
}

// Operation names the request that ctx belongs to, such as
// "GET /api/v2/accounts/{account}/runs/{id}/": a span or metric name of low
// cardinality. It is empty outside of a [WithMiddleware] round trip.
func Operation(ctx context.Context) string {
	if call := transport.CallFrom(ctx); call != nil {
		return call.Operation
	}
	return ""
}

// silent keeps the request builder off standard error.
type silent struct{}

func (silent) Errorf(string, ...any) {}
func (silent) Warnf(string, ...any)  {}
func (silent) Debugf(string, ...any) {}
