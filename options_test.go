package dbtcloud

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const token = "dbtc_s3cr3t"

// enough is what New cannot do without.
func enough() []Option { return []Option{WithAccount(7), WithToken(token)} }

// TestNewReportsEveryMistake: all mistakes come in one error that says what to do.
func TestNewReportsEveryMistake(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		opts []Option
		want []string // parts of the text, one for each mistake
	}{
		{"nothing", nil, []string{"no API token: use WithToken", "no account id: use WithAccount"}},
		{"account", []Option{WithToken(token)}, []string{"no account id"}},
		{"token", []Option{WithAccount(7)}, []string{"no API token"}},
		{"everything wrong", []Option{
			WithAccount(-1), WithToken("a b"), WithHost("ftp://x"), WithMetadataURL("http://x"), WithHTTPClient(nil),
			WithMiddleware(nil), WithTokenSource(nil), WithUserAgent("a\nb"), WithRetry(Retry{Attempts: -1}), nil, WithMetadataRate(0),
		}, []string{
			"account id (DBT_CLOUD_ACCOUNT_ID): must be", "API token: must be", "host (DBT_CLOUD_HOST): has the scheme", "metadata URL (DBT_CLOUD_METADATA_URL): is plain http",
			"WithHTTPClient: the client is nil", "WithMiddleware: the function is nil", "WithTokenSource: the source is nil", "user agent: must be", "WithRetry: no field", "option 10: is nil", "WithMetadataRate: must be a positive",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, err := New(test.opts...)
			if c != nil || !errors.Is(err, ErrInvalid) {
				t.Fatalf("got %v and %v, want an ErrInvalid alone", c, err)
			}
			lines := strings.Split(strings.TrimPrefix(err.Error(), ErrInvalid.Error()+": "), "\n")
			if len(lines) != len(test.want) {
				t.Errorf("%d mistakes are reported, want %d:\n%v", len(lines), len(test.want), err)
			}
			for i, part := range test.want {
				if i < len(lines) && !strings.HasPrefix(lines[i], part) {
					t.Errorf("mistake %d is %q, want %q", i+1, lines[i], part)
				}
			}
		})
	}
}

func TestTokenCharacters(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{
		"dbtc_abcDEF-123": true, "a.b/c+d=~!": true,
		"": false, "a b": false, "a\n": false, "a\r\nX-Evil: 1": false, "\x00": false, "a\x7f": false, "tökén": false,
	}
	for token, ok := range tests {
		_, err := New(WithAccount(7), WithToken(token))
		if (err == nil) != ok {
			t.Errorf("token %q: %v, want accepted %t", token, err, ok)
		}
		if err != nil && token != "" && strings.Contains(err.Error(), token) {
			t.Errorf("the error quotes the token: %v", err)
		}
	}
}

// TestFromEnv: which variable wins, and what an option after or before it does.
func TestFromEnv(t *testing.T) {
	t.Parallel()
	all := map[string]string{
		"DBT_CLOUD_SERVICE_TOKEN": "service", "DBT_CLOUD_API_KEY": "key", "DBT_CLOUD_TOKEN": "plain", "DBT_CLOUD_ACCOUNT_ID": " 42 ",
		"DBT_CLOUD_HOST": "https://ab123.us1.dbt.com/api/", "DBT_CLOUD_METADATA_URL": "https://meta.example.com/graphql",
	}
	type result struct{ Token, Host, Metadata, Error string }
	tests := []struct {
		name    string
		without []string
		with    map[string]string
		before  []Option
		after   []Option
		want    result
		account int64
	}{
		{name: "all", want: result{Token: "service", Host: "https://ab123.us1.dbt.com", Metadata: "https://meta.example.com/graphql"}, account: 42},
		{name: "key before token", without: []string{"DBT_CLOUD_SERVICE_TOKEN"},
			want: result{Token: "key", Host: "https://ab123.us1.dbt.com", Metadata: "https://meta.example.com/graphql"}, account: 42},
		{name: "blank is absent", with: map[string]string{"DBT_CLOUD_SERVICE_TOKEN": " ", "DBT_CLOUD_API_KEY": "", "DBT_CLOUD_HOST": " ", "DBT_CLOUD_METADATA_URL": ""},
			want: result{Token: "plain", Host: "https://cloud.getdbt.com", Metadata: "https://metadata.cloud.getdbt.com/graphql"}, account: 42},
		{name: "options after it win", after: []Option{WithToken("mine"), WithAccount(5), WithHost("emea.dbt.com"), WithMetadataURL("https://m.example.com/g")},
			want: result{Token: "mine", Host: "https://emea.dbt.com", Metadata: "https://m.example.com/g"}, account: 5},
		{name: "it wins over options before it", before: []Option{WithToken("mine"), WithAccount(5), WithHost("emea.dbt.com")},
			want: result{Token: "service", Host: "https://ab123.us1.dbt.com", Metadata: "https://meta.example.com/graphql"}, account: 42},
		{name: "what it lacks stays", without: []string{"DBT_CLOUD_ACCOUNT_ID", "DBT_CLOUD_HOST"}, before: []Option{WithAccount(5), WithHost("emea.dbt.com")},
			want: result{Token: "service", Host: "https://emea.dbt.com", Metadata: "https://meta.example.com/graphql"}, account: 5},
		{name: "metadata URL without a path", with: map[string]string{"DBT_CLOUD_METADATA_URL": "meta.example.com/"},
			want: result{Token: "service", Host: "https://ab123.us1.dbt.com", Metadata: "https://meta.example.com/graphql"}, account: 42},
		{name: "no account", without: []string{"DBT_CLOUD_ACCOUNT_ID"}, want: result{Error: "no account id"}},
		{name: "account is no number", with: map[string]string{"DBT_CLOUD_ACCOUNT_ID": "seven"}, want: result{Error: "DBT_CLOUD_ACCOUNT_ID"}},
		{name: "account is zero", with: map[string]string{"DBT_CLOUD_ACCOUNT_ID": "0"}, want: result{Error: "DBT_CLOUD_ACCOUNT_ID"}},
		{name: "account is too large", with: map[string]string{"DBT_CLOUD_ACCOUNT_ID": "99999999999999999999"}, want: result{Error: "DBT_CLOUD_ACCOUNT_ID"}},
		{name: "host is wrong", with: map[string]string{"DBT_CLOUD_HOST": "https://x/y"}, want: result{Error: "DBT_CLOUD_HOST"}},
		{name: "metadata URL is wrong", with: map[string]string{"DBT_CLOUD_METADATA_URL": "http://x"}, want: result{Error: "DBT_CLOUD_METADATA_URL"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			env := maps.Clone(all)
			maps.Copy(env, test.with)
			for _, k := range test.without {
				delete(env, k)
			}
			opts := append(append(test.before, fromEnv(func(k string) string { return env[k] })), test.after...)
			c, err := New(opts...)
			if test.want.Error != "" {
				if err == nil || !strings.Contains(err.Error(), test.want.Error) || strings.Count(err.Error(), "\n") > 0 {
					t.Errorf("error %v, want one mistake that names %q", err, test.want.Error)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got result
			got.Token, _ = c.transport.Token(t.Context())
			got.Host, got.Metadata = c.Host(), metadataURL(c, opts)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if c.AccountID() != test.account {
				t.Errorf("account %d, want %d", c.AccountID(), test.account)
			}
		})
	}
}

// metadataURL asks the Discovery API in order to see where the request goes.
func metadataURL(_ *Client, opts []Option) string {
	var url string
	c, err := New(append(opts, WithRetry(Retry{Attempts: 1}), WithHTTPClient(&http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		url = r.URL.String()
		return nil, errors.New("not sent")
	})}))...)
	if err != nil {
		return err.Error()
	}
	_ = c.Metadata.Query(context.Background(), "{ x }", nil, nil)
	return url
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestConfigHidesTheToken: neither an option nor what it sets shows the token.
func TestConfigHidesTheToken(t *testing.T) {
	t.Parallel()
	var cfg config
	opts := append(enough(), fromEnv(func(name string) string {
		if name == "DBT_CLOUD_SERVICE_TOKEN" {
			return token
		}
		return ""
	}))
	for _, opt := range opts {
		_ = opt(&cfg)
	}
	c, err := New(enough()...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.transport.Token(t.Context()); err != nil { // the redactor has seen it now
		t.Fatal(err)
	}
	for _, v := range []any{opts, opts[1], cfg, &cfg, c.Jobs, *c.Jobs} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			if text := fmt.Sprintf(verb, v); strings.Contains(text, token) {
				t.Errorf("%T with %s shows the token: %s", v, verb, text)
			}
		}
	}
}

// TestNewDoesNoIO: a client is made without a request, a connection or a token.
func TestNewDoesNoIO(t *testing.T) {
	t.Parallel()
	fail := func(what string) { t.Errorf("New %s", what) }
	_, err := New(WithAccount(7),
		WithTokenSource(func(context.Context) (string, error) { fail("asked for a token"); return token, nil }),
		WithHTTPClient(&http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) { fail("sent a request"); return nil, errors.New("no") })}))
	if err != nil {
		t.Error(err)
	}
}

// TestHTTPClientIsCopied: nothing of the caller's is changed, by New or by a call.
func TestHTTPClientIsCopied(t *testing.T) {
	t.Parallel()
	base := &http.Transport{MaxIdleConnsPerHost: 3}
	redirect := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	hc := &http.Client{Transport: base, Timeout: time.Minute, CheckRedirect: redirect}
	standard, isStandard := http.DefaultTransport.(*http.Transport)
	if !isStandard {
		t.Fatal("http.DefaultTransport is not its own")
	}
	perHost, header := standard.MaxIdleConnsPerHost, standard.ResponseHeaderTimeout
	for _, opts := range [][]Option{enough(), append(enough(), WithHTTPClient(hc)), append(enough(), WithHTTPClient(http.DefaultClient))} {
		c, err := New(opts...)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, _ = c.Accounts.Get(ctx)
	}
	if hc.Transport != http.RoundTripper(base) || hc.Timeout != time.Minute || hc.CheckRedirect == nil || hc.Jar != nil || base.MaxIdleConnsPerHost != 3 {
		t.Errorf("the caller's client was changed: %+v", hc)
	}
	if diff := cmp.Diff(http.Client{}, *http.DefaultClient); diff != "" {
		t.Errorf("http.DefaultClient was changed:\n%s", diff)
	}
	if http.DefaultTransport != http.RoundTripper(standard) || standard.MaxIdleConnsPerHost != perHost || standard.ResponseHeaderTimeout != header {
		t.Error("http.DefaultTransport was changed")
	}
}

// TestDefaultTransport: proxies are honoured and connections are kept.
func TestDefaultTransport(t *testing.T) {
	t.Parallel()
	got, ok := defaultTransport().(*http.Transport)
	if !ok || got == http.DefaultTransport {
		t.Fatalf("got %T, want a transport of our own", got)
	}
	if got.Proxy == nil || got.MaxIdleConnsPerHost != 16 || got.TLSHandshakeTimeout == 0 || got.DialContext == nil {
		t.Errorf("got %+v", got)
	}
}

// TestAttemptTimeout: the limit of the caller's client becomes that of one attempt,
// unless a policy names another.
func TestAttemptTimeout(t *testing.T) {
	t.Parallel()
	hc := &http.Client{Timeout: 7 * time.Second}
	tests := map[string]struct {
		opts []Option
		want time.Duration
	}{
		"none":   {nil, 0},
		"client": {[]Option{WithHTTPClient(hc)}, 7 * time.Second},
		"policy": {[]Option{WithHTTPClient(hc), WithRetry(Retry{AttemptTimeout: 3 * time.Second})}, 3 * time.Second},
	}
	for name, test := range tests {
		c, err := New(append(enough(), test.opts...)...)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.transport.Policy.AttemptTimeout; got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
		if c.rest.GetClient().Timeout != 0 {
			t.Errorf("%s: a limit is left around the retries", name)
		}
	}
}
