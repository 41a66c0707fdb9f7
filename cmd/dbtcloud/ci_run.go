package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/slimci/dbtcloud"
	"github.com/spf13/cobra"
)

const ciRunHelp = `See to it that the pull request that the pipeline runs for is tested: as autoscale-ci, with
the pull request, its head commit, its branch and the sequence as the pipeline's variables
say them. A flag overrides what was found: --sha alone goes with the number that was found.
With a pull request of another number, only the sequence is taken of what was found.

Where no CI provider is recognized, one of the pull-request flags and --sha (or --branch) are
needed. A push, a tag, a closed pull request, a draft, a fork and a merge queue are not tested:
the command fails with what to do about it, or, with --untestable=skip, says so and succeeds. A
pull request whose number or head commit is not known always fails.

When the run has ended, its digest (what failed, where and why) is shown where the CI provider
has a place for it: annotations and summaries of GitHub Actions, Azure Pipelines, Bitbucket
Pipelines and Buildkite; the others collect the files of --junit and --code-quality. What goes
wrong there is told on stderr, and never changes the exit status.

dbtcloud ci doctor shows what was found, and where.`

const ciRunExample = `  dbtcloud ci run --job-id 123
  dbtcloud ci run --job-id 123 --untestable skip --timeout 1h --logs
  dbtcloud ci run --job-id 123 --sha "$(git ls-remote origin "refs/pull/$CHANGE_ID/head" | cut -f 1)"`

func (a app) ciRun(g *global) *cobra.Command {
	f := &ciFlags{global: g, untestable: choice{value: "fail", allowed: []string{"fail", "skip"}}}
	cmd := &cobra.Command{
		Use:     "run",
		Short:   "Test the pull request that the pipeline runs for",
		Long:    ciRunHelp,
		Example: ciRunExample,
		Args:    noArgs,
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return a.runCI(cmd, f, func(given dbtcloud.Change) (*dbtcloud.Event, error) {
			if err := notEmpty(cmd.Flags(), "sha", "branch"); err != nil {
				return nil, err
			}
			return a.detectTestable(given)
		})
	}
	cmd.Flags().SortFlags = false
	f.add(cmd.Flags())
	cmd.Flags().Var(&f.untestable, "untestable", "what becomes of a pipeline for anything but a pull request to be tested: fail, or skip, which says so and succeeds")
	f.reports.addPlaces(cmd.Flags())
	f.reports.addHost(cmd.Flags())
	return cmd
}

// detectTestable is detect for a change that is to be tested. The event is there also
// when it cannot be tested.
func (a app) detectTestable(given dbtcloud.Change) (*dbtcloud.Event, error) {
	e, err := a.detect(given, given.PullRequest != (dbtcloud.PullRequest{}) && (given.SHA != "" || given.Branch != ""))
	if err != nil {
		return nil, err
	}
	return e, testable(*e, given)
}

// notTested ends a pipeline that is not for a change to be tested. A fork's has no token,
// so that this comes before anything that needs one.
func (a app) notTested(f *ciFlags, e *dbtcloud.Event, why *dbtcloud.EventError) error {
	if f.untestable.value != "skip" || !expected(e) {
		return a.untested(f, why)
	}
	a.tell(oneLine("not tested: " + why.Error()))
	return a.emit(f.global, newResult(nil, 0, &dbtcloud.CIRun{Reason: why.Reason}, nil), "")
}

// noChange refuses what names no pull request, or no commit and no branch of it.
func noChange(given dbtcloud.Change) (*dbtcloud.Event, error) {
	if given.PullRequest == (dbtcloud.PullRequest{}) {
		return nil, errors.New("pull request: is missing: give one of " + strings.Join(pullRequestNames(), ", ") + ", or a --payload that names it")
	}
	if given.SHA == "" && given.Branch == "" {
		return nil, fmt.Errorf("--sha and --branch (git_sha and git_branch in a payload): both are empty: give the head commit of %s", given.PullRequest)
	}
	return &dbtcloud.Event{Change: given, Kind: dbtcloud.EventPullRequest}, nil
}
