package dbtcloud

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/slimci/dbtcloud/internal/hosts"
	"github.com/slimci/dbtcloud/internal/transport"
)

// Option configures a [Client]; see [New].
type Option func(*config) error

type config struct {
	account     int64
	token       tokenSource
	host        *url.URL
	metadataURL *url.URL
	httpClient  *http.Client
	middleware  []func(http.RoundTripper) http.RoundTripper
	logger      *slog.Logger
	retry       Retry
	userAgent   string

	metadataRate int // requests a minute
}

// defaultMetadataRate leaves a tenth of the 500 a minute that the Discovery API takes.
const defaultMetadataRate = 450

// FromEnv takes what is set in the environment: the token from
// DBT_CLOUD_SERVICE_TOKEN, else DBT_CLOUD_API_KEY, else DBT_CLOUD_TOKEN; the
// account from DBT_CLOUD_ACCOUNT_ID; the host from DBT_CLOUD_HOST (a host name
// or a URL); the Discovery endpoint from DBT_CLOUD_METADATA_URL. Options after it
// override it.
func FromEnv() Option { return fromEnv(os.Getenv) }

func fromEnv(getenv func(string) string) Option {
	return func(cfg *config) error {
		var problems []error
		apply := func(opt Option) { problems = append(problems, opt(cfg)) }
		for _, name := range []string{"DBT_CLOUD_SERVICE_TOKEN", "DBT_CLOUD_API_KEY", "DBT_CLOUD_TOKEN"} {
			if v := strings.TrimSpace(getenv(name)); v != "" {
				apply(WithToken(v))
				break
			}
		}
		if v := strings.TrimSpace(getenv("DBT_CLOUD_ACCOUNT_ID")); v != "" {
			id, err := strconv.ParseInt(v, 10, 64)
			if err != nil {
				id = 0
			}
			apply(WithAccount(id))
		}
		if v := strings.TrimSpace(getenv("DBT_CLOUD_HOST")); v != "" {
			apply(WithHost(v))
		}
		if v := strings.TrimSpace(getenv("DBT_CLOUD_METADATA_URL")); v != "" {
			apply(WithMetadataURL(v))
		}
		return errors.Join(problems...)
	}
}

// WithAccount sets the account id, a positive number that the addresses of the user
// interface show.
func WithAccount(id int64) Option {
	return func(cfg *config) error {
		if id <= 0 {
			cfg.account = -1 // given, so that New does not also call it missing
			return errors.New("account id (DBT_CLOUD_ACCOUNT_ID): must be a positive number")
		}
		cfg.account = id
		return nil
	}
}

// WithToken sets the API token: a service token or a personal access token.
func WithToken(token string) Option {
	return func(cfg *config) error {
		cfg.token = func(context.Context) (string, error) { return token, nil }
		if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return errors.New("API token: must be non-empty printable ASCII without spaces or line breaks")
		}
		return nil
	}
}

// WithTokenSource has source asked for the token before every attempt, for tokens
// that expire. It is called from many goroutines at once and should keep what it has.
func WithTokenSource(source func(ctx context.Context) (string, error)) Option {
	return func(cfg *config) error {
		if source == nil {
			return errors.New("WithTokenSource: the source is nil")
		}
		cfg.token = source
		return nil
	}
}

// WithHost sets the access host of the account: ab123.us1.dbt.com,
// cloud.getdbt.com, with or without https://, a trailing slash or /api. Plain
// http is accepted for loopback addresses only.
func WithHost(host string) Option {
	return func(cfg *config) error {
		u, err := hosts.Parse(host)
		if err != nil {
			return fmt.Errorf("host (DBT_CLOUD_HOST): %w", err)
		}
		cfg.host = u
		return nil
	}
}

// WithMetadataURL sets the Discovery API endpoint where it cannot be derived from
// the host, as for some single-tenant deployments. Without a path it is that of
// /graphql. The beta schema is asked beside it, at /beta/graphql.
func WithMetadataURL(rawURL string) Option {
	return func(cfg *config) error {
		u, err := hosts.ParseEndpoint(rawURL)
		if err != nil {
			return fmt.Errorf("metadata URL (DBT_CLOUD_METADATA_URL): %w", err)
		}
		if strings.Trim(u.Path, "/") == "" {
			u.Path = "/graphql"
		}
		cfg.metadataURL = u
		return nil
	}
}

// WithMetadataRate sets how many requests a minute are sent to the Discovery API, those
// that are repeated included; a fifth of them may be sent at once. The default is 450.
// The API refuses more than 500 a minute, over all programs that share its limit, and
// then everything for about five minutes: set less where there are several, more only for
// a deployment, or a fake, that takes more.
func WithMetadataRate(perMinute int) Option {
	return func(cfg *config) error {
		if perMinute <= 0 {
			return errors.New("WithMetadataRate: must be a positive number of requests a minute")
		}
		cfg.metadataRate = perMinute
		return nil
	}
}

// WithHTTPClient sets the HTTP client whose transport and cookie jar are used.
// It is copied, never changed. Its Timeout limits one attempt, unless [WithRetry]
// does; its CheckRedirect is not used: only a GET is redirected.
func WithHTTPClient(hc *http.Client) Option {
	return func(cfg *config) error {
		if hc == nil {
			return errors.New("WithHTTPClient: the client is nil")
		}
		cfg.httpClient = hc
		return nil
	}
}

// WithMiddleware wraps what sends each attempt, for tracing and metrics.
// [Operation] names the request. The last middleware given is the outermost. It sees
// the token, in the Authorization header: keep that out of logs.
func WithMiddleware(wrap func(http.RoundTripper) http.RoundTripper) Option {
	return func(cfg *config) error {
		if wrap == nil {
			return errors.New("WithMiddleware: the function is nil")
		}
		cfg.middleware = append(cfg.middleware, wrap)
		return nil
	}
}

// WithLogger sets where attempts (debug) and retries (warn) are logged. The
// default, and nil, is silence.
func WithLogger(logger *slog.Logger) Option {
	return func(cfg *config) error { cfg.logger = logger; return nil }
}

// WithUserAgent appends to the User-Agent, such as "my-orchestrator/1.2".
func WithUserAgent(suffix string) Option {
	return func(cfg *config) error {
		if strings.ContainsFunc(suffix, func(r rune) bool { return r < ' ' || r > '~' }) {
			return errors.New("user agent: must be printable ASCII")
		}
		cfg.userAgent = suffix
		return nil
	}
}

// Retry is the policy of [WithRetry]. The zero value of a field is its default;
// one attempt is no retry at all.
type Retry struct {
	Attempts       int           // attempts of one request, the first included; default 5
	MinDelay       time.Duration // first backoff, with full jitter; default 500 ms
	MaxDelay       time.Duration // longest backoff; default 30 s
	Pause          time.Duration // pause of a whole API after a 429 that names no time; default 5 min
	AttemptTimeout time.Duration // limit of one attempt until its body is closed; default 60 s
}

func (r Retry) policy() transport.Policy { return transport.Policy(r) }

// WithRetry changes the retry policy that the package documentation states.
func WithRetry(r Retry) Option {
	return func(cfg *config) error {
		if r.Attempts < 0 || r.MinDelay < 0 || r.MaxDelay < 0 || r.Pause < 0 || r.AttemptTimeout < 0 {
			return errors.New("WithRetry: no field may be negative")
		}
		cfg.retry = r
		return nil
	}
}
