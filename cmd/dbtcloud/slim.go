package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/slimci/dbtcloud/slim"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const slimHelp = `Slim CI/CD for dbt Core, wherever it runs: a deploy publishes what dbt left behind into a
store, and a pull request fetches the state that it is to be compared with. A store is a
directory that both can reach.

Every deploy is a record of its own, which never changes. Which one counts is found by the
history of git: the newest good deploy among the commits that the pull request is built on,
whatever was published last. No token is needed.`

func (a app) slim(g *global) *cobra.Command {
	cmd := commands("slim", "Slim CI/CD for dbt Core, with the artifacts of deploys in a store", a.slimPublish(g), a.slimFetch(g))
	cmd.Long = slimHelp
	return cmd
}

// recordFlags say whose deploys are meant, and where they are.
type recordFlags struct {
	store, project, target, projectDir text
}

func (f *recordFlags) add(fs *pflag.FlagSet) {
	fs.SortFlags = false
	f.target.value, f.projectDir.value = "prod", "."
	fs.Var(&f.store, "store", "the store: the path of a directory, or file:///PATH (env DBT_CLOUD_SLIM_STORE)")
	fs.Var(&f.target, "target", "dbt's target that is deployed to: deploys to another one are apart")
	fs.Var(&f.projectDir, "project-dir", "the dbt project, in a git repository")
	fs.Var(&f.project, "project", "dbt's name of the project (default: the one in dbt_project.yml)")
}

// records opens the records that the flags mean.
func (f *recordFlags) records(a app) (*slim.Records, error) {
	location := or(f.store.value, a.env("DBT_CLOUD_SLIM_STORE"))
	if location == "" {
		return nil, invalid("--store: is missing: give it, or set DBT_CLOUD_SLIM_STORE")
	}
	store, err := slim.OpenStore(location)
	if err != nil {
		return nil, err
	}
	project := f.project.value
	if project == "" {
		if project, err = projectName(f.projectDir.value); err != nil {
			return nil, invalid("--project: is missing: %w", err)
		}
	}
	return &slim.Records{Store: store, Project: project, Target: f.target.value}, nil
}

// git is the repository of the project.
func (f *recordFlags) git() slim.Git { return slim.Repository(f.projectDir.value) }

// projectName reads the name of a project, which dbt wants to be plain letters, digits and underscores.
func projectName(dir string) (string, error) {
	path := filepath.Join(dir, "dbt_project.yml")
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("no %s: give the name, or --project-dir", path)
	}
	if err != nil {
		return "", err
	}
	found := regexp.MustCompile(`(?m)^name[ \t]*:[ \t]*["']?(\w+)["']?[ \t]*(?:#.*)?\r?$`).FindSubmatch(raw)
	if found == nil {
		return "", fmt.Errorf("%s has no name that can be read: give it", path)
	}
	return string(found[1]), nil
}

// deployed is what stdout gets of a deploy with --output json.
type deployed struct {
	ID      string   `json:"id"`
	Project string   `json:"project"`
	Target  string   `json:"target"`
	Commit  string   `json:"commit"`
	Branch  *string  `json:"branch"`
	Time    string   `json:"time"`
	Good    bool     `json:"good"`
	Failed  []string `json:"failed"`
}

func newDeployed(d *slim.Deploy) deployed {
	return deployed{d.ID, d.Project, d.Target, d.Commit, known(d.Branch), d.Time.Format("2006-01-02T15:04:05Z07:00"), d.Good, list(d.Failed)}
}
