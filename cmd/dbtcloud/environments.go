package main

import (
	"context"
	"iter"

	"github.com/slimci/dbtcloud"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func (a app) environments(g *global) *cobra.Command {
	r, w := environmentResource(), environmentWriter()
	return commands("environments", "List, show, make, change and delete the environments of a project",
		r.listCommand(a, g), r.getCommand(a, g), createCommand(a, g, r, w), updateCommand(a, g, r, w), r.deleteCommand(a, g))
}

func environmentResource() resource[*dbtcloud.Environment] {
	type environment = *dbtcloud.Environment
	return resource[environment]{
		kind: "environment", inProject: true,
		id:      func(e environment) int64 { return e.ID },
		name:    func(e environment) string { return e.Name },
		project: func(e environment) int64 { return e.ProjectID },
		columns: []column[environment]{
			{"ID", func(e environment) string { return idText(e.ID) }},
			{"NAME", func(e environment) string { return e.Name }},
			{"TYPE", func(e environment) string { return string(e.Type) }},
			{"DEPLOYMENT", func(e environment) string { return string(e.DeploymentType) }},
			{"DBT VERSION", func(e environment) string { return e.DbtVersion }},
			{"BRANCH", environmentBranch},
		},
		details: []column[environment]{
			{"PROJECT", func(e environment) string { return idText(e.ProjectID) }},
			{"CONNECTION", func(e environment) string { return idText(e.ConnectionID) }},
			{"CREDENTIALS", func(e environment) string { return idText(e.CredentialsID) }},
			{"EXTENDED ATTRIBUTES", func(e environment) string { return idText(e.ExtendedAttributesID) }},
			{"CREATED", func(e environment) string { return clockTime(e.CreatedAt) }},
			{"UPDATED", func(e environment) string { return clockTime(e.UpdatedAt) }},
		},
		all: func(ctx context.Context, s scope, contains string) iter.Seq2[environment, error] {
			return s.client.Environments.All(ctx, s.project, dbtcloud.EnvironmentFilter{NameContains: contains})
		},
		get: func(ctx context.Context, s scope, id int64) (environment, error) {
			return s.client.Environments.Get(ctx, s.project, id)
		},
		delete: func(ctx context.Context, s scope, id int64) error {
			return s.client.Environments.Delete(ctx, s.project, id)
		},
	}
}

// environmentBranch is the branch of its own that the environment has.
func environmentBranch(e *dbtcloud.Environment) string {
	if !e.UseCustomBranch {
		return ""
	}
	return e.CustomBranch
}

func environmentWriter() writer[*dbtcloud.Environment, dbtcloud.EnvironmentRequest] {
	return writer[*dbtcloud.Environment, dbtcloud.EnvironmentRequest]{
		flags:    func() fields[dbtcloud.EnvironmentRequest] { return new(environmentFlags) },
		required: []field{{"name", "name"}},
		create: func(ctx context.Context, s scope, req dbtcloud.EnvironmentRequest) (*dbtcloud.Environment, error) {
			return s.client.Environments.Create(ctx, s.project, req)
		},
		update: func(ctx context.Context, s scope, id int64, req dbtcloud.EnvironmentRequest) (*dbtcloud.Environment, error) {
			return s.client.Environments.Update(ctx, s.project, id, req)
		},
	}
}

// environmentFlags are the flags of environments create and environments update.
type environmentFlags struct {
	name, version, branch   text
	kind, deployment        choice
	connection, credentials number
}

func (f *environmentFlags) add(fs *pflag.FlagSet) {
	f.kind.allowed = []string{"deployment", "development"}
	f.deployment.allowed = []string{"production", "staging"}
	f.connection.min, f.credentials.min = 1, 1
	fs.Var(&f.name, "name", "its name")
	fs.Var(&f.kind, "type", "deployment (the default) or development")
	fs.Var(&f.deployment, "deployment-type", "production or staging: a project has one of each")
	fs.Var(&f.version, "dbt-version", "version of dbt (default latest)")
	fs.Var(&f.branch, "branch", "the branch that its runs check out, instead of the default branch")
	fs.Var(&f.connection, "connection-id", "the connection to the warehouse")
	fs.Var(&f.credentials, "credentials-id", "the credentials for the warehouse")
}

func (f *environmentFlags) check() error { return nil }

func (f *environmentFlags) apply(_ context.Context, _ scope, req *dbtcloud.EnvironmentRequest) error {
	set(&req.Name, f.name.value)
	set(&req.Type, dbtcloud.EnvironmentType(f.kind.value))
	set(&req.DeploymentType, dbtcloud.DeploymentType(f.deployment.value))
	set(&req.DbtVersion, f.version.value)
	set(&req.ConnectionID, f.connection.value)
	set(&req.CredentialsID, f.credentials.value)
	if f.branch.value != "" {
		req.CustomBranch, req.UseCustomBranch = f.branch.value, new(true)
	}
	return nil
}
