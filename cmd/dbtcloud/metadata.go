package main

import (
	"context"
	"encoding/json"
	"errors"
	"iter"

	"github.com/slimci/dbtcloud"
	"github.com/spf13/cobra"
)

const metadataHelp = `What the Discovery API knows of an environment: the models, sources, tests and so on as
they were last built, and which is made of which; or the answer to a GraphQL query.

The endpoint is derived from the host. Where it is another one, as for some single-tenant
deployments, DBT_CLOUD_METADATA_URL has its whole address.`

func (a app) metadata(g *global) *cobra.Command {
	subcommands := []*cobra.Command{a.metadataQuery(g), a.metadataLineage(g)}
	for _, l := range nodeLists() {
		subcommands = append(subcommands, a.metadataNodes(g, l))
	}
	cmd := commands("metadata", "Models, sources, tests and lineage of an environment; GraphQL queries", subcommands...)
	cmd.Long = metadataHelp
	return cmd
}

// environmentPlace holds the flags of commands that need an environment.
type environmentPlace struct{ place }

func (p *environmentPlace) add(cmd *cobra.Command) {
	cmd.Flags().Var(&p.environment, "environment", "the environment (env DBT_CLOUD_ENVIRONMENT_ID); a name needs --project")
	p.addProject(cmd)
}

// fill takes the environment from a variable, where no flag gave it.
func (p *environmentPlace) fill(a app) error {
	if p.environment.given() {
		return nil
	}
	const name = "DBT_CLOUD_ENVIRONMENT_ID"
	v := a.env(name)
	if v == "" {
		return errors.New("--environment: is missing: give it, or set " + name)
	}
	if err := p.environment.Set(v); err != nil {
		return errors.New(name + ": " + err.Error())
	}
	return nil
}

// find makes the client and finds the environment, after check has seen that what will
// be asked of it can be asked: a name is looked up with requests.
func (p *environmentPlace) find(ctx context.Context, a app, cmd *cobra.Command, g *global, check func(*dbtcloud.MetadataService) error) (scope, error) {
	client, err := a.client(cmd, g, p.fill(a))
	if err == nil {
		err = check(client.Metadata)
	}
	if err != nil {
		return scope{}, err
	}
	return a.scope(ctx, cmd, g, p.place)
}

// refusal is what a list is refused for before any request. With a context that has
// ended, none is sent.
func refusal[T any](list func(context.Context) iter.Seq2[*T, error]) error {
	ended, end := context.WithCancel(context.Background())
	end()
	for _, err := range list(ended) {
		if errors.Is(err, dbtcloud.ErrInvalid) {
			return err
		}
		break
	}
	return nil
}

// take collects the first items of a list; all of them with a limit of 0. What came
// before an error is returned with it.
func take(list iter.Seq2[*json.RawMessage, error], limit int) ([]json.RawMessage, error) {
	items := []json.RawMessage{}
	for item, err := range list {
		if err != nil {
			return items, err
		}
		items = append(items, *item)
		if len(items) == limit {
			break
		}
	}
	return items, nil
}
