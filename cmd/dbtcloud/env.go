package main

import (
	"errors"
	"strings"

	"github.com/slimci/dbtcloud"
	"github.com/spf13/cobra"
)

// global holds the flags that every command has.
type global struct {
	accountID number
	host      string
	output    choice
}

// tokenVars are the variables that the token is taken from, the first one set wins.
func tokenVars() []string {
	return []string{"DBT_CLOUD_SERVICE_TOKEN", "DBT_CLOUD_API_KEY", "DBT_CLOUD_TOKEN"}
}

// client makes the client from flags and environment, unless there are problems
// already: then it reports them together with its own.
func (a app) client(cmd *cobra.Command, g *global, problems ...error) (*dbtcloud.Client, error) {
	problems = append(problems, a.fill(cmd, &g.accountID, "account-id", "DBT_CLOUD_ACCOUNT_ID"))
	token := a.env(tokenVars()...)
	if token == "" {
		problems = append(problems, errors.New("API token: is missing: set "+strings.Join(tokenVars(), " or ")))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, invalid("%w", err)
	}
	options := []dbtcloud.Option{dbtcloud.WithToken(token), dbtcloud.WithAccount(g.accountID.value), dbtcloud.WithUserAgent("dbtcloud-cli/" + version())}
	if host := a.env("DBT_CLOUD_HOST"); cmd.Flags().Changed("host") {
		options = append(options, dbtcloud.WithHost(g.host))
	} else if host != "" {
		options = append(options, dbtcloud.WithHost(host))
	}
	if u := a.env("DBT_CLOUD_METADATA_URL"); u != "" {
		options = append(options, dbtcloud.WithMetadataURL(u))
	}
	return dbtcloud.New(append(options, a.options...)...)
}

// env is the first of the variables that is set.
func (a app) env(names ...string) string {
	for _, name := range names {
		if v := strings.TrimSpace(a.getenv(name)); v != "" {
			return v
		}
	}
	return ""
}

// fillJobID is fill for the Slim CI job.
func (a app) fillJobID(cmd *cobra.Command, n *number) error {
	return a.fill(cmd, n, "job-id", "JOB_ID", "DBT_CLOUD_JOB_ID")
}

// fill takes a number that no flag gave from the first variable that is set.
func (a app) fill(cmd *cobra.Command, n *number, flag string, vars ...string) error {
	if cmd.Flags().Changed(flag) {
		return nil
	}
	for _, name := range vars {
		v := a.env(name)
		if v == "" {
			continue
		}
		if err := n.Set(v); err != nil {
			return errors.New(name + ": " + err.Error())
		}
		return nil
	}
	return errors.New("--" + flag + ": is missing: give it, or set " + strings.Join(vars, " or "))
}
