package main

import (
	"context"
	"errors"

	"github.com/slimci/dbtcloud"
	"github.com/spf13/cobra"
)

// scope is where a command looks for things.
type scope struct {
	client      *dbtcloud.Client
	project     int64 // 0: in all
	environment int64 // 0: in all
}

// place holds the flags that say where a command looks.
type place struct {
	project, environment reference
	needed               bool // the project must be said
}

// addProject defines --project.
func (p *place) addProject(cmd *cobra.Command) {
	usage := "the project"
	if p.needed {
		usage = "the project (env DBT_CLOUD_PROJECT_ID)"
	}
	cmd.Flags().Var(&p.project, "project", usage)
}

// addEnvironment defines --environment.
func (p *place) addEnvironment(cmd *cobra.Command) {
	cmd.Flags().Var(&p.environment, "environment", "only in this environment; a name needs --project")
}

// fillProject takes the project from the environment, where no flag gave it and it is needed.
func (a app) fillProject(p *place) error {
	if !p.needed || p.project.given() {
		return nil
	}
	const name = "DBT_CLOUD_PROJECT_ID"
	v := a.env(name)
	if v == "" {
		return errors.New("--project: is missing: give it, or set " + name)
	}
	if err := p.project.Set(v); err != nil {
		return errors.New(name + ": " + err.Error())
	}
	return nil
}

// scope makes the client and finds what the flags name, unless there are problems
// already: then it reports them together with its own.
func (a app) scope(ctx context.Context, cmd *cobra.Command, g *global, p place, problems ...error) (scope, error) {
	problems = append(problems, a.fillProject(&p))
	if p.environment.name != "" && !p.project.given() {
		problems = append(problems, errors.New("--environment: a name needs --project: give it, or the id of the environment"))
	}
	client, err := a.client(cmd, g, problems...)
	s := scope{client: client}
	if err != nil {
		return s, err
	}
	if s.project, err = projectResource().idOf(ctx, s, p.project); err != nil {
		return s, err
	}
	s.environment, err = environmentResource().idOf(ctx, s, p.environment)
	return s, err
}
