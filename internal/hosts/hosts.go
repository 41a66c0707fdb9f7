// Package hosts reads the access host of a dbt Cloud account and derives the
// Discovery endpoint from it.
package hosts

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// Default is the access host of the legacy multi-tenant cell in the US.
const Default = "cloud.getdbt.com"

// Parse reads an access host: a name or a URL, with or without https://,
// trailing slashes or /api. What it returns has a scheme and a host only.
func Parse(s string) (*url.URL, error) {
	u, err := ParseEndpoint(s)
	if err != nil {
		return nil, err
	}
	below := strings.Trim(u.Path, "/")
	if below != "" && below != "api" {
		return nil, fmt.Errorf("has the path %q: give the host alone, such as %s", u.Path, Default)
	}
	u.Path, u.RawPath = "", ""
	return u, nil
}

// ParseEndpoint reads a URL that may have a path. Plain http is accepted for
// loopback addresses only.
func ParseEndpoint(s string) (*url.URL, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return nil, errors.New("is empty")
	}
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil {
		// The parse error quotes its input, which may hold a password.
		return nil, errors.New("is not a host name or URL")
	}
	if err := check(u); err != nil {
		return nil, err
	}
	u.Host = canonical(u)
	return u, nil
}

// canonical is the host in lower case, without a final dot and without a port that
// goes without saying.
func canonical(u *url.URL) string {
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if p := u.Port(); p != "" && p != defaultPort(u.Scheme) {
		host += ":" + p
	}
	return host
}

var hostname = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\.?$`)

func check(u *url.URL) error {
	switch {
	case u.User != nil:
		return errors.New("contains a user name or password: leave it out, the token is sent in a header")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return errors.New("contains a query or fragment: give the host alone")
	case net.ParseIP(u.Hostname()) == nil && !hostname.MatchString(u.Hostname()):
		return fmt.Errorf("has no valid host name in %q", u.Host)
	case !validPort(u.Port()):
		return fmt.Errorf("has the port %q: use a number up to 65535", u.Port())
	case u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("has the scheme %q: use https", u.Scheme)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return errors.New("is plain http, which would send the token in the clear: use https (http is for loopback addresses only)")
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// Same tells whether two URLs have the same scheme, host and port.
func Same(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return defaultPort(u.Scheme)
}

func defaultPort(scheme string) string {
	if scheme == "http" {
		return "80"
	}
	return "443"
}

func validPort(p string) bool {
	n, err := strconv.ParseUint(p, 10, 16)
	return p == "" || err == nil && n > 0
}

// Metadata derives the Discovery endpoint: P.metadata.R.dbt.com for an account's own name
// P below R.dbt.com, metadata.H for every other host, and the same address for loopback,
// plain IPs and what is a metadata host already.
func Metadata(access *url.URL) *url.URL {
	u := &url.URL{Scheme: access.Scheme, Host: metadataHost(access.Hostname()), Path: "/graphql"}
	if u.Host == access.Hostname() {
		u.Host = access.Host // which has the brackets of an IP, too
	} else if p := access.Port(); p != "" {
		u.Host = net.JoinHostPort(u.Host, p)
	}
	return u
}

func metadataHost(host string) string {
	if loopback(host) || net.ParseIP(host) != nil || strings.HasPrefix(host, "metadata.") {
		return host
	}
	prefix, rest, _ := strings.Cut(host, ".")
	switch {
	case !strings.HasSuffix(rest, ".dbt.com"): // emea.dbt.com and au.dbt.com stay whole
		return "metadata." + host
	case strings.HasPrefix(rest, "metadata."):
		return host
	}
	return prefix + ".metadata." + rest
}

// Beta derives the endpoint of the beta schema from a Discovery endpoint: beta/graphql
// in the place of graphql. What is a beta endpoint already stays so.
func Beta(endpoint *url.URL) *url.URL {
	switch folder, last := path.Split(strings.TrimRight(endpoint.Path, "/")); {
	case last != "graphql":
		return endpoint.JoinPath("beta", "graphql")
	case path.Base(folder) == "beta":
		return endpoint
	}
	return endpoint.JoinPath("..", "beta", "graphql")
}
