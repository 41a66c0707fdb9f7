package hosts_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/slimci/dbtcloud/internal/hosts"
)

// access maps every region and cell that is documented to its Discovery endpoint.
func access() map[string]string {
	known := map[string]string{
		"cloud.getdbt.com": "metadata.cloud.getdbt.com",
		"emea.dbt.com":     "metadata.emea.dbt.com",
		"au.dbt.com":       "metadata.au.dbt.com",
		"dbt.example.com":  "metadata.dbt.example.com",
		// Single tenants.
		"abc.getdbt.com":       "metadata.abc.getdbt.com",
		"cloud.abc.getdbt.com": "metadata.cloud.abc.getdbt.com",
		"abc.tenant.dbt.com":   "abc.metadata.tenant.dbt.com",
		"abc.a.b.dbt.com":      "abc.metadata.a.b.dbt.com",
		// A cell without the account's own name.
		"us1.dbt.com": "metadata.us1.dbt.com",
		"dbt.com":     "metadata.dbt.com",
		// Already what is looked for.
		"metadata.cloud.getdbt.com":  "metadata.cloud.getdbt.com",
		"metadata.emea.dbt.com":      "metadata.emea.dbt.com",
		"ab123.metadata.us1.dbt.com": "ab123.metadata.us1.dbt.com",
		// Not of dbt.com, though they look like it: the token must not go to a host that is not theirs.
		"ab123.us1.dbt.com.evil.test": "metadata.ab123.us1.dbt.com.evil.test",
		"ab123.us1xdbt.com":           "metadata.ab123.us1xdbt.com",
		"ab123.metadata.example.com":  "metadata.ab123.metadata.example.com",
	}
	for _, region := range []string{"us1", "us2", "us3", "eu1", "eu2", "eu3", "eu4", "au1", "au2", "jp1"} {
		known["ab123."+region+".dbt.com"] = "ab123.metadata." + region + ".dbt.com"
	}
	return known
}

// TestParse: each host is understood in every form that people write it in.
func TestParse(t *testing.T) {
	t.Parallel()
	for host, metadata := range access() {
		forms := []string{
			host, host + "/", host + "//", "https://" + host, "https://" + host + "/", "https://" + host + "//", "https://" + host + "/api", "https://" + host + "/api/",
			"https://" + host + "//api//", host + "/api", host + "/api/", " " + host + "\n", "HTTPS://" + strings.ToUpper(host), host + ":443", "https://" + host + ":443/api/", host + ".",
			"https://" + host + "/#",
		}
		for _, form := range forms {
			u, err := hosts.Parse(form)
			if err != nil {
				t.Errorf("%q: %v", form, err)
				continue
			}
			if u.String() != "https://"+host {
				t.Errorf("%q is %s, want https://%s", form, u, host)
			}
			if got := hosts.Metadata(u).String(); got != "https://"+metadata+"/graphql" {
				t.Errorf("%q has its metadata at %s, want %s", form, got, metadata)
			}
		}
	}
}

func TestParseLoopback(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"http://localhost:8080":  "http://localhost:8080",
		"http://LOCALHOST:8080/": "http://localhost:8080",
		"http://127.0.0.1:8080":  "http://127.0.0.1:8080",
		"http://127.9.9.9":       "http://127.9.9.9",
		"http://127.0.0.1:80":    "http://127.0.0.1",
		"http://[::1]:8080/api":  "http://[::1]:8080",
		"http://[::1]":           "http://[::1]",
		"https://localhost:8443": "https://localhost:8443",
	} {
		u, err := hosts.Parse(in)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if u.String() != want || hosts.Metadata(u).String() != want+"/graphql" {
			t.Errorf("%s is %s with %s, want %s", in, u, hosts.Metadata(u), want)
		}
	}
}

// TestParseRefuses: a host that cannot be right is refused with a reason, which does
// not quote what may be a secret.
func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for in, reason := range map[string]string{
		"":                                      "is empty",
		" \t":                                   "is empty",
		"https://":                              "no valid host name",
		"https:///api":                          "no valid host name",
		"me@cloud.getdbt.com":                   "user name or password",
		"https://me:pw-s3cr3t@cloud.getdbt.com": "user name or password",
		"https://:pw-s3cr3t@cloud.getdbt.com":   "user name or password",
		"cloud.getdbt.com?token=pw-s3cr3t":      "query or fragment",
		"cloud.getdbt.com?":                     "query or fragment",
		"cloud.getdbt.com#pw-s3cr3t":            "query or fragment",
		"cloud.getdbt.com/api/v2":               `path "/api/v2"`,
		"cloud.getdbt.com/deploy/1/":            `path "/deploy/1/"`,
		"cloud.getdbt.com/api/../x":             "path",
		"http://cloud.getdbt.com":               "plain http",
		"http://192.168.1.5":                    "plain http",
		"http://localhost.example.com":          "plain http",
		"http://127.0.0.1.example.com":          "plain http",
		"http://[::2]":                          "plain http",
		"ftp://cloud.getdbt.com":                `scheme "ftp"`,
		"cloud getdbt.com":                      "is not a host name or URL",
		"cloud.getdbt.com:port":                 "is not a host name or URL",
		"cloud.getdbt.com:99999":                `port "99999"`,
		"cloud.getdbt.com:0":                    `port "0"`,
		"https://%zz":                           "is not a host name or URL",
		"clöud.getdbt.com":                      "no valid host name",
		"-cloud.getdbt.com":                     "no valid host name",
		"cloud.getdbt.com\nX-Evil: 1":           "is not a host name or URL",
		"https://[fe80::1%25eth0]":              "no valid host name",
	} {
		u, err := hosts.Parse(in)
		if err == nil {
			t.Errorf("%q is taken for %s", in, u)
			continue
		}
		if !strings.Contains(err.Error(), reason) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%q: error %v, want %q", in, err, reason)
		}
	}
}

func TestParseEndpoint(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://metadata.cloud.getdbt.com/beta/graphql": "https://metadata.cloud.getdbt.com/beta/graphql",
		"metadata.cloud.getdbt.com/graphql":              "https://metadata.cloud.getdbt.com/graphql",
		"http://127.0.0.1:80/graphql/":                   "http://127.0.0.1/graphql/",
	} {
		if u, err := hosts.ParseEndpoint(in); err != nil || u.String() != want {
			t.Errorf("%s is %v, %v, want %s", in, u, err, want)
		}
	}
}

// TestBeta: the beta endpoint is beside the stable one, whatever is in front of it.
func TestBeta(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://metadata.emea.dbt.com/graphql":      "https://metadata.emea.dbt.com/beta/graphql",
		"https://h.com:8443/graphql/":                "https://h.com:8443/beta/graphql",
		"https://h.com/beta/graphql":                 "https://h.com/beta/graphql",
		"https://h.com/beta/graphql/":                "https://h.com/beta/graphql/",
		"https://h.com/proxy%2F1/graphql":            "https://h.com/proxy%2F1/beta/graphql",
		"https://h.com/alphabeta/graphql":            "https://h.com/alphabeta/beta/graphql",
		"https://h.com/mygraphql":                    "https://h.com/mygraphql/beta/graphql",
		"https://h.com/discovery/":                   "https://h.com/discovery/beta/graphql",
		"https://h.com":                              "https://h.com/beta/graphql",
		"http://127.0.0.1:80/graphql":                "http://127.0.0.1/beta/graphql",
		"https://ab123.metadata.us1.dbt.com/graphql": "https://ab123.metadata.us1.dbt.com/beta/graphql",
	} {
		u, err := hosts.ParseEndpoint(in)
		if err != nil {
			t.Fatal(err)
		}
		before := *u
		beta := hosts.Beta(u)
		if beta.String() != want || hosts.Beta(beta).String() != want || *u != before {
			t.Errorf("%s has its beta at %s, want %s", in, beta, want)
		}
	}
}

func TestSame(t *testing.T) {
	t.Parallel()
	tests := []struct {
		a, b string
		want bool
	}{
		{"https://a.com", "https://a.com/x?y", true},
		{"https://a.com", "https://A.com:443", true},
		{"http://a.com", "http://a.com:80", true},
		{"https://a.com", "http://a.com", false},
		{"https://a.com", "https://a.com:8443", false},
		{"https://a.com", "https://b.com", false},
		{"https://a.com", "https://a.com.evil.com", false},
		{"https://a.com", "https://a.com:80", false},
		{"https://a.com:80", "http://a.com", false},
	}
	for _, test := range tests {
		a, err := url.Parse(test.a)
		if err != nil {
			t.Fatal(err)
		}
		b, err := url.Parse(test.b)
		if err != nil {
			t.Fatal(err)
		}
		if hosts.Same(a, b) != test.want || hosts.Same(b, a) != test.want {
			t.Errorf("%s and %s: %v, want %v", a, b, !test.want, test.want)
		}
	}
}

// FuzzParse: no text makes it panic, and what it accepts is a host alone, over https
// or loopback, which it accepts again unchanged.
func FuzzParse(f *testing.F) {
	for host := range access() {
		f.Add("https://" + host + "/api/")
	}
	for _, seed := range []string{"", "me:pw@h", "http://127.0.0.1:8080", "http://[::1]", "h:0", "h:", "//h", "h?x", "h#x", "h.", "https://h/%61pi"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		u, err := hosts.Parse(in)
		if err != nil {
			return
		}
		if u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.Hostname() == "" {
			t.Fatalf("%q is %s, want a host alone", in, u)
		}
		if u.Scheme != "https" && (u.Scheme != "http" || hosts.Metadata(u).Host != u.Host) {
			t.Fatalf("%q is %s, which is not encrypted", in, u)
		}
		again, err := hosts.Parse(u.String())
		if err != nil || again.String() != u.String() {
			t.Fatalf("%q is %s, which is then %v, %v", in, u, again, err)
		}
		if m := hosts.Metadata(u); m.Path != "/graphql" || m.Scheme != u.Scheme || !strings.HasSuffix(m.Host, u.Host[strings.IndexByte(u.Host, '.')+1:]) {
			t.Fatalf("%q has its metadata at %s", in, m)
		}
	})
}
