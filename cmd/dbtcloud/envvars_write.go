package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/slimci/dbtcloud"
	"github.com/spf13/cobra"
)

const valueHelp = `

A secret does not belong on a command line, where other users of the machine and the log
of a pipeline can see it: give it by --value-from-env or --value-from-stdin.`

// valueFlags say what a variable is set to.
type valueFlags struct {
	value, fromEnv text
	fromStdin      bool
}

func (f *valueFlags) add(cmd *cobra.Command) {
	cmd.Flags().Var(&f.value, "value", "the value; not for secrets")
	cmd.Flags().Var(&f.fromEnv, "value-from-env", "the variable of this process that has the value")
	yes(cmd.Flags(), &f.fromStdin, "value-from-stdin", "the value is on standard input")
}

// read is the value. Its errors never show it.
func (f *valueFlags) read(ctx context.Context, a app) (string, error) {
	given, err := atMostOne(option{"--value", f.value.value != ""}, option{"--value-from-env", f.fromEnv.value != ""},
		option{"--value-from-stdin", f.fromStdin})
	switch {
	case err != nil:
		return "", err
	case len(given) == 0:
		return "", errors.New("--value-from-env, --value-from-stdin or --value: is missing: give one of them")
	case f.fromStdin:
		b, err := readSome(ctx, a.stdin)
		value := strings.TrimRight(string(b), "\r\n")
		if err == nil && value == "" {
			err = errors.New("standard input is empty")
		}
		return value, err
	case f.fromEnv.value != "":
		value := a.getenv(f.fromEnv.value)
		if value == "" {
			return "", fmt.Errorf("--value-from-env: the variable %s is not set, or empty", f.fromEnv.value)
		}
		return value, nil
	}
	return f.value.value, nil
}

func (a app) envVarsCreate(g *global) *cobra.Command {
	var f holdingFlags
	var v valueFlags
	var name text
	cmd := command("create", "Give an environment variable a value", func(ctx context.Context, cmd *cobra.Command, _ []string) error {
		value, wrong := v.read(ctx, a)
		var missing error
		if name.value == "" {
			missing = errors.New("--name: is missing: give it")
		}
		s, in, err := f.find(ctx, a, cmd, g, missing, wrong)
		if err != nil {
			return err
		}
		made, err := s.client.EnvironmentVariables.Create(ctx, s.project, in.request(name.value, value))
		if err != nil {
			return err
		}
		a.tell(oneLine("created " + variableResource().describe(made)))
		return variableResource().show(a, g, made)
	})
	cmd.Long, cmd.Args = "Give an environment variable a value: the default of the project, or the value for an\nenvironment, a job or a user."+valueHelp, noArgs
	cmd.Example = "  dbtcloud env-vars create --project Analytics --environment CI --name DBT_ENV_SECRET_KEY --value-from-env KEY"
	f.add(cmd)
	cmd.Flags().Var(&name, "name", "its name: DBT_ and upper case; DBT_ENV_SECRET makes it a secret")
	v.add(cmd)
	return cmd
}

// request is what gives a variable that value there.
func (h holding) request(name, value string) dbtcloud.EnvironmentVariableRequest {
	req := dbtcloud.EnvironmentVariableRequest{Name: name, Value: value, Scope: h.scope}
	switch h.scope {
	case dbtcloud.ScopeEnvironment:
		req.EnvironmentID = h.id
	case dbtcloud.ScopeJob:
		req.JobID = h.id
	case dbtcloud.ScopeUser:
		req.UserID = h.id
	}
	return req
}

// valueOf is the variable of that name and the value that it has there.
func valueOf(ctx context.Context, s scope, in holding, name string) (variableRow, dbtcloud.VariableValue, error) {
	rows, _, err := variables(ctx, s, in)
	if err != nil {
		return variableRow{}, dbtcloud.VariableValue{}, err
	}
	row, err := findVariable(rows, name)
	value, ok := row.Values[in.column]
	if err == nil && (!ok || value.ID == 0) {
		err = invalid("%s has no value of its own for %s: dbtcloud env-vars create gives it one", row.Name, in)
	}
	return row, value, err
}

func (a app) envVarsUpdate(g *global) *cobra.Command {
	var f holdingFlags
	var v valueFlags
	cmd := command("update NAME", "Change a value of an environment variable", func(ctx context.Context, cmd *cobra.Command, args []string) error {
		name, wrong := oneVariable(cmd, args)
		value, unread := v.read(ctx, a)
		s, in, err := f.find(ctx, a, cmd, g, wrong, unread)
		if err != nil {
			return err
		}
		row, old, err := valueOf(ctx, s, in, name)
		if err != nil {
			return err
		}
		changed, err := s.client.EnvironmentVariables.Update(ctx, s.project, old.ID, in.request(row.Name, value))
		if err != nil {
			return err
		}
		a.tell(oneLine("updated " + variableResource().describe(changed)))
		return variableResource().show(a, g, changed)
	})
	cmd.Long = "Change a value that an environment variable has: the default of the project, or the value\nfor an environment, a job or a user." + valueHelp
	f.add(cmd)
	v.add(cmd)
	return cmd
}

const envVarsDeleteHelp = `Delete an environment variable with all its values, or, with --environment, --job or --user-id,
only the value that it has there, so that the next wider one holds again.`

func (a app) envVarsDelete(g *global) *cobra.Command {
	var f holdingFlags
	cmd := command("delete NAME", "Delete an environment variable, or one of its values", func(ctx context.Context, cmd *cobra.Command, args []string) error {
		name, wrong := oneVariable(cmd, args)
		s, in, err := f.find(ctx, a, cmd, g, wrong)
		if err != nil {
			return err
		}
		row, err := a.deleteVariable(ctx, s, in, name)
		if err != nil {
			return err
		}
		return a.emit(g, row, row.Name)
	})
	cmd.Long = envVarsDeleteHelp
	f.add(cmd)
	return cmd
}

// deleteVariable deletes a variable, or its value in a place that is not the whole
// project, and returns what was deleted.
func (a app) deleteVariable(ctx context.Context, s scope, in holding, name string) (variableRow, error) {
	if in.scope != dbtcloud.ScopeProject {
		row, value, err := valueOf(ctx, s, in, name)
		if err == nil {
			err = s.client.EnvironmentVariables.Delete(ctx, s.project, value.ID)
		}
		if err == nil {
			a.tell(oneLine(fmt.Sprintf("deleted the value of %s for %s", row.Name, in)))
		}
		return variableRow{row.Name, map[string]dbtcloud.VariableValue{in.column: value}}, err
	}
	rows, _, err := variables(ctx, s, in)
	if err != nil {
		return variableRow{}, err
	}
	row, err := findVariable(rows, name)
	if err == nil {
		err = s.client.EnvironmentVariables.DeleteBulk(ctx, s.project, row.Name)
	}
	if err == nil {
		a.tell(oneLine("deleted variable " + row.Name + " with all its values"))
	}
	return row, err
}
