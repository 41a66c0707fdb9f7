package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/slimci/dbtcloud"
	"github.com/spf13/cobra"
)

func (a app) envVars(g *global) *cobra.Command {
	return commands("env-vars", "List, show, make, change and delete the environment variables of a project",
		a.envVarsList(g), a.envVarsGet(g), a.envVarsCreate(g), a.envVarsUpdate(g), a.envVarsDelete(g))
}

// variableResource is what there is to see of a value that has just been written.
func variableResource() resource[*dbtcloud.EnvironmentVariable] {
	type variable = *dbtcloud.EnvironmentVariable
	return resource[variable]{
		kind: "variable",
		id:   func(v variable) int64 { return v.ID },
		name: func(v variable) string { return v.Name },
		columns: []column[variable]{
			{"ID", func(v variable) string { return idText(v.ID) }},
			{"NAME", func(v variable) string { return v.Name }},
			{"SCOPE", func(v variable) string { return string(v.Scope) }},
			{"OF", func(v variable) string { return idText(cmp.Or(v.EnvironmentID, v.JobID, v.UserID)) }},
		},
	}
}

// variableRow is a variable with its values by where they hold: project, the name of an
// environment, environment, job, user. The API has these as keys, so this is our own object.
type variableRow struct {
	Name   string                            `json:"name"`
	Values map[string]dbtcloud.VariableValue `json:"values"`
}

// variables are the variables that hold in a place, and the columns of their table.
func variables(ctx context.Context, s scope, in holding) ([]variableRow, []string, error) {
	if in.scope == dbtcloud.ScopeJob || in.scope == dbtcloud.ScopeUser {
		return scopedVariables(ctx, s, in)
	}
	t, err := s.client.EnvironmentVariables.ForEnvironments(ctx, s.project)
	if err != nil {
		return nil, nil, err
	}
	rows := make([]variableRow, len(t.Variables))
	for i, v := range t.Variables {
		rows[i] = variableRow{v.Name, v.Values}
	}
	if in.scope == dbtcloud.ScopeEnvironment {
		return rows, []string{"project", in.column}, nil
	}
	return rows, t.Environments, nil
}

func scopedVariables(ctx context.Context, s scope, in holding) ([]variableRow, []string, error) {
	read := s.client.EnvironmentVariables.ForJob
	if in.scope == dbtcloud.ScopeUser {
		read = s.client.EnvironmentVariables.ForUser
	}
	all, err := read(ctx, s.project, in.id)
	rows := make([]variableRow, len(all))
	for i, v := range all {
		rows[i] = variableRow{v.Name, map[string]dbtcloud.VariableValue{}}
		for where, value := range map[string]*dbtcloud.VariableValue{"project": v.Project, "environment": v.Environment, "job": v.Job, "user": v.User} {
			if value != nil {
				rows[i].Values[where] = *value
			}
		}
	}
	return rows, []string{"project", "environment", in.column}, err
}

// findVariable is the variable of that name.
func findVariable(rows []variableRow, name string) (variableRow, error) {
	candidates := make([]candidate, len(rows))
	for i, row := range rows {
		candidates[i].name = row.Name
	}
	chosen, err := choose("variable", name, candidates)
	for _, row := range rows {
		if err == nil && row.Name == chosen.name {
			return row, nil
		}
	}
	return variableRow{}, err
}

// holding is where a value holds.
type holding struct {
	scope  dbtcloud.VariableScope
	id     int64  // of the environment, the job or the user
	column string // the key that it has in the table of variables
}

func (h holding) String() string {
	if h.scope == dbtcloud.ScopeProject {
		return "the project"
	}
	return fmt.Sprintf("%s %d", h.scope, h.id)
}

// holdingFlags say where a value holds; without one of them, it is the project's default.
type holdingFlags struct {
	place
	job  reference
	user number
}

func (f *holdingFlags) add(cmd *cobra.Command) {
	f.needed, f.user.min = true, 1
	cmd.Flags().SortFlags = false
	f.addProject(cmd)
	cmd.Flags().Var(&f.environment, "environment", "the value for this environment")
	cmd.Flags().Var(&f.job, "job", "the value for this job")
	cmd.Flags().Var(&f.user, "user-id", "the value for this user, in development")
}

// check refuses two places.
func (f *holdingFlags) check() error {
	_, err := atMostOne(option{"--environment", f.environment.given()}, option{"--job", f.job.given()}, option{"--user-id", f.user.value > 0})
	return err
}

// find is the place that the flags name, and the scope that they are in.
func (f *holdingFlags) find(ctx context.Context, a app, cmd *cobra.Command, g *global, problems ...error) (scope, holding, error) {
	in := holding{scope: dbtcloud.ScopeProject, column: "project"}
	s, err := a.scope(ctx, cmd, g, place{project: f.project, needed: true}, append(problems, f.check())...)
	switch {
	case err != nil:
	case f.environment.given():
		var e *dbtcloud.Environment
		if e, err = environmentResource().find(ctx, s, f.environment); err == nil {
			in = holding{dbtcloud.ScopeEnvironment, e.ID, e.Name}
		}
		if err == nil && e.Name == "project" {
			err = invalid("--environment: environment %d is called project, and the API has the values of both under that one name: rename the environment", e.ID)
		}
	case f.job.given():
		in = holding{scope: dbtcloud.ScopeJob, column: "job"}
		in.id, err = jobResource().idOf(ctx, s, f.job)
	case f.user.value > 0:
		in = holding{dbtcloud.ScopeUser, f.user.value, "user"}
	}
	return s, in, err
}

const envVarsListHelp = `List the environment variables of a project: the default and the value of each environment,
or what a job or a user sees. Secret values are masked by the service. With --output json: an
array of objects with name and values.`

func (a app) envVarsList(g *global) *cobra.Command {
	var f holdingFlags
	cmd := command("list", "List environment variables", func(ctx context.Context, cmd *cobra.Command, _ []string) error {
		s, in, err := f.find(ctx, a, cmd, g)
		if err != nil {
			return err
		}
		rows, columns, err := variables(ctx, s, in)
		if err != nil {
			return err
		}
		cells := [][]string{{"NAME"}}
		cells[0] = append(cells[0], columns...)
		for _, row := range rows {
			line := []string{row.Name}
			for _, column := range columns {
				line = append(line, row.Values[column].Value)
			}
			cells = append(cells, line)
		}
		text := table(cells)
		if len(rows) == 0 {
			a.tell("no variables found")
			text = ""
		}
		return goneReader(a.emit(g, list(rows), text))
	})
	cmd.Long, cmd.Args = envVarsListHelp, noArgs
	f.add(cmd)
	return cmd
}

func (a app) envVarsGet(g *global) *cobra.Command {
	var f holdingFlags
	cmd := command("get NAME", "Show an environment variable with its values", func(ctx context.Context, cmd *cobra.Command, args []string) error {
		name, wrong := oneVariable(cmd, args)
		s, in, err := f.find(ctx, a, cmd, g, wrong)
		if err != nil {
			return err
		}
		rows, columns, err := variables(ctx, s, in)
		if err != nil {
			return err
		}
		row, err := findVariable(rows, name)
		if err != nil {
			return err
		}
		return goneReader(a.emit(g, row, table(row.cells(columns))))
	})
	f.add(cmd)
	return cmd
}

// cells is a table of the values of a variable.
func (v variableRow) cells(columns []string) [][]string {
	cells := [][]string{{"NAME", v.Name}}
	for _, column := range columns {
		cells = append(cells, []string{column, v.Values[column].Value})
	}
	return cells
}

// oneVariable is the name that is the one argument of a command.
func oneVariable(cmd *cobra.Command, args []string) (string, error) {
	if len(args) != 1 || strings.TrimSpace(args[0]) == "" {
		return "", fmt.Errorf("%s takes one argument, the name of the variable", cmd.CommandPath())
	}
	return args[0], nil
}
