package main

import (
	"context"
	"iter"

	"github.com/slimci/dbtcloud"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func (a app) projects(g *global) *cobra.Command {
	r, w := projectResource(), projectWriter()
	remove := r.deleteCommand(a, g)
	remove.Long = "Delete a project. The service refuses that while jobs are in it, and names them."
	return commands("projects", "List, show, make, change and delete projects",
		r.listCommand(a, g), r.getCommand(a, g), createCommand(a, g, r, w), updateCommand(a, g, r, w), remove)
}

func projectResource() resource[*dbtcloud.Project] {
	type project = *dbtcloud.Project
	return resource[project]{
		kind: "project",
		id:   func(p project) int64 { return p.ID },
		name: func(p project) string { return p.Name },
		columns: []column[project]{
			{"ID", func(p project) string { return idText(p.ID) }},
			{"NAME", func(p project) string { return p.Name }},
			{"CONNECTION", func(p project) string { return idText(p.ConnectionID) }},
			{"REPOSITORY", func(p project) string { return idText(p.RepositoryID) }},
			{"SUBDIRECTORY", func(p project) string { return p.Subdirectory }},
		},
		details: []column[project]{
			{"DESCRIPTION", func(p project) string { return p.Description }},
			{"DOCS JOB", func(p project) string { return idText(p.DocsJobID) }},
			{"FRESHNESS JOB", func(p project) string { return idText(p.FreshnessJobID) }},
			{"CREATED", func(p project) string { return clockTime(p.CreatedAt) }},
			{"UPDATED", func(p project) string { return clockTime(p.UpdatedAt) }},
		},
		all: func(ctx context.Context, s scope, contains string) iter.Seq2[project, error] {
			return s.client.Projects.All(ctx, dbtcloud.ProjectFilter{NameContains: contains})
		},
		get:    func(ctx context.Context, s scope, id int64) (project, error) { return s.client.Projects.Get(ctx, id) },
		delete: func(ctx context.Context, s scope, id int64) error { return s.client.Projects.Delete(ctx, id) },
	}
}

func projectWriter() writer[*dbtcloud.Project, dbtcloud.ProjectRequest] {
	return writer[*dbtcloud.Project, dbtcloud.ProjectRequest]{
		flags:    func() fields[dbtcloud.ProjectRequest] { return new(projectFlags) },
		required: []field{{"name", "name"}},
		create: func(ctx context.Context, s scope, req dbtcloud.ProjectRequest) (*dbtcloud.Project, error) {
			return s.client.Projects.Create(ctx, req)
		},
		update: func(ctx context.Context, s scope, id int64, req dbtcloud.ProjectRequest) (*dbtcloud.Project, error) {
			return s.client.Projects.Update(ctx, id, req)
		},
	}
}

// projectFlags are the flags of projects create and projects update.
type projectFlags struct {
	name, description, subdirectory text
	connection, repository          number
}

func (f *projectFlags) add(fs *pflag.FlagSet) {
	f.connection.min, f.repository.min = 1, 1
	fs.Var(&f.name, "name", "its name")
	fs.Var(&f.description, "description", "what it is for")
	fs.Var(&f.connection, "connection-id", "the connection to the warehouse")
	fs.Var(&f.repository, "repository-id", "the git repository")
	fs.Var(&f.subdirectory, "subdirectory", "where in the repository the dbt project is")
}

func (f *projectFlags) check() error { return nil }

func (f *projectFlags) apply(_ context.Context, _ scope, req *dbtcloud.ProjectRequest) error {
	set(&req.Name, f.name.value)
	set(&req.Description, f.description.value)
	set(&req.Subdirectory, f.subdirectory.value)
	set(&req.ConnectionID, f.connection.value)
	set(&req.RepositoryID, f.repository.value)
	return nil
}
