package dbtcloudtest

import (
	"net/http"

	"github.com/slimci/dbtcloud"
)

// Client returns a client of this server that needs no socket: its requests go through [Server.Transport].
// Options of the caller come last, so they win.
func (s *Server) Client(opts ...dbtcloud.Option) (*dbtcloud.Client, error) {
	return dbtcloud.New(append([]dbtcloud.Option{
		dbtcloud.WithHost(s.w.cfg.host),
		dbtcloud.WithAccount(s.AccountID()),
		dbtcloud.WithToken(s.Token()),
		dbtcloud.WithHTTPClient(&http.Client{Transport: s.Transport()}),
	}, opts...)...)
}
