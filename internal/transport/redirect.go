package transport

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// ErrRedirect is in the error of every redirect that was refused.
var ErrRedirect = errors.New("redirect refused")

const maxHops = 10

// CheckRedirect is for [http.Client.CheckRedirect]. It follows a redirect of a GET or HEAD, at most ten in a row, to
// https; plain http only from loopback to loopback. Everything else is an [ErrRedirect]: a redirected POST would
// arrive as a GET without a body.
func CheckRedirect(req *http.Request, via []*http.Request) error {
	if len(via) == 0 {
		return nil
	}
	from, to := via[len(via)-1].URL, req.URL
	switch method := methodOf(via[0]); {
	case method != http.MethodGet && method != http.MethodHead:
		return fmt.Errorf("%w: %s of %s was sent on to %s; only GET follows a redirect: check the host name and the trailing slash of the path",
			ErrRedirect, method, from.Host, to.Host)
	case len(via) > maxHops:
		return fmt.Errorf("%w: %s redirected more than %d times", ErrRedirect, via[0].URL.Host, maxHops)
	case to.Scheme == "https", to.Scheme == "http" && isLoopback(to) && isLoopback(from):
		return nil
	}
	return fmt.Errorf("%w: from %s to %s by %s; only https is followed", ErrRedirect, from.Host, to.Host, to.Scheme)
}

func methodOf(req *http.Request) string {
	if req.Method == "" {
		return http.MethodGet
	}
	return req.Method
}

func isLoopback(u *url.URL) bool {
	host := strings.ToLower(u.Hostname())
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
