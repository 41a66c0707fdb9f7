package main

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/slimci/dbtcloud"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// app is the command apart from the process that it runs in.
type app struct {
	getenv  func(string) string
	stdin   io.Reader
	stdout  io.Writer
	stderr  io.Writer
	columns func() int        // of the terminal that stderr is; nil: it is none
	options []dbtcloud.Option // of the client, after those of flags and environment
}

// run carries out one invocation and returns its exit status.
func (a app) run(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil {
		a.tell("dbtcloud: " + oneLine(err.Error()))
	}
	return exitStatus(err)
}

// tell writes a line for people. That nobody reads it is no failure.
func (a app) tell(line string) { _, _ = fmt.Fprintln(a.stderr, line) }

const rootHelp = `Autoscaling CI, which runs one Slim CI job of dbt Cloud for many pull requests at the
same time, the jobs, runs, projects, environments and variables around it, the
metadata of what they build, and what changed between two states of a project.

The API token is taken from DBT_CLOUD_SERVICE_TOKEN, else DBT_CLOUD_API_KEY, else
DBT_CLOUD_TOKEN. It is never a flag, because other users of the machine can see those.

A job, a project or an environment is named by its id or by its name. Digits are an id; a
name is the whole name, in upper or lower case, and must be that of one thing only.

What people read goes to stderr; stdout has the result alone, and nothing where there is none.
With --output json that is the API's own object with all of its fields, or for a list one
array of them. Commands that do more than the API does have objects of their own.

Exit status:
    0  done; a run that was followed has succeeded
    1  the run failed, doctor found a problem, dbt would refuse what changed,
       or no deploy suits
    2  bad input: nothing was done
    3  the run was cancelled, or a newer change took over
    4  the deadline of --timeout passed
    5  the API refused or could not be reached, or the result could not be written
  130  interrupted by SIGINT or SIGTERM`

func (a app) root() *cobra.Command {
	root := &cobra.Command{
		Use:               "dbtcloud",
		Short:             "Autoscaling CI, jobs, runs and metadata of dbt Cloud",
		Long:              rootHelp,
		Version:           version(),
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	group(root)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(flagError)
	root.SetHelpCommand(helpCommand())
	g := &global{accountID: number{min: 1}, output: choice{value: "text", allowed: []string{"text", "table", "json"}}}
	flags := root.PersistentFlags()
	flags.VarP(&g.accountID, "account-id", "a", "the account (env DBT_CLOUD_ACCOUNT_ID)")
	flags.StringVar(&g.host, "host", "", "the account's access host, a name or a URL (env DBT_CLOUD_HOST; default cloud.getdbt.com)")
	flags.Var(&g.output, "output", "what stdout gets: text, which is also called table, or json")
	root.AddCommand(a.ci(g), a.autoscaleCI(g), a.sweep(g), a.doctor(g), a.accounts(g), a.projects(g), a.environments(g), a.envVars(g), a.jobs(g), a.runs(g), a.metadata(g), a.state(g), a.slim(g))
	root.InitDefaultCompletionCmd()
	if completion, _, err := root.Find([]string{"completion"}); err == nil {
		group(completion)
	}
	return root
}

// group makes a command that has subcommands show its help, and refuse what is none of them.
func group(cmd *cobra.Command) {
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		var names []string
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				names = append(names, sub.Name())
			}
		}
		return invalid("unknown command %.40q: %s has %s", args[0], cmd.CommandPath(), strings.Join(names, ", "))
	}
}

// helpCommand shows the help of a command, and refuses what is none.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Show the help of a command",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err == nil && len(rest) > 0 {
				err = about.Args(about, rest)
			}
			if err != nil || about == nil {
				return err
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

// noArgs refuses arguments without repeating them: they may be the pieces of an unquoted payload.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return invalid("%s takes flags only, but %d other arguments were given: check the quotes around the values", cmd.CommandPath(), len(args))
	}
	return nil
}

// flagError names the flag that is wrong; of an unknown one it gives no value.
func flagError(cmd *cobra.Command, err error) error {
	if unknown, ok := err.(*pflag.NotExistError); ok { //nolint:errorlint // pflag gives it as it is
		name, known := unknown.GetSpecifiedName(), []string{}
		cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
		if near := nearest(name, known); near != "" {
			return invalid("unknown flag %s: did you mean --%s? (%s --help lists all)", dashed(name), near, cmd.CommandPath())
		}
		return invalid("unknown flag %s: %s --help lists all", dashed(name), cmd.CommandPath())
	}
	return invalid("%w", err)
}

func dashed(name string) string {
	if len([]rune(name)) == 1 {
		return "-" + name
	}
	return "--" + name
}

// invalid is an error about the input.
func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %w", dbtcloud.ErrInvalid, fmt.Errorf(format, args...))
}

// release is the version of a released binary; .ci/release sets it by -X.
var release string

// version is that of the release, or else of the module that the program was built from.
func version() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "devel"
	}
	return strings.Trim(info.Main.Version, "()")
}
