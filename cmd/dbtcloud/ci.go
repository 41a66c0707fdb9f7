package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/slimci/dbtcloud"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const ciHelp = `For pipelines: what the pipeline was started for is found out by the variables of GitHub
Actions, GitLab CI, Azure Pipelines, Bitbucket Pipelines, CircleCI, Jenkins, Buildkite and
AWS CodeBuild. A flag overrides what was found. What a provider does not say can also be given
by variables, such as DBT_CLOUD_CI_PULL_REQUEST, DBT_CLOUD_CI_SHA and DBT_CLOUD_CI_SEQUENCE.`

func (a app) ci(g *global) *cobra.Command {
	cmd := commands("ci", "Test the pull request that a pipeline runs for, end it, or look for what is wrong", a.ciRun(g), a.ciClose(g), a.ciDoctor(g))
	cmd.Long = ciHelp
	return cmd
}

// changeFlags are the flags that say which change of which pull request is meant.
type changeFlags struct {
	pr          pullRequestFlags
	sha, branch string
	sequence    number
}

func (f *changeFlags) add(fs *pflag.FlagSet) {
	f.addCommit(fs)
	fs.StringVar(&f.branch, "branch", "", "the head branch, where the commit is not known")
}

// addCommit adds those of a command that the commit is enough for.
func (f *changeFlags) addCommit(fs *pflag.FlagSet) {
	f.sequence.min = 1
	f.pr.add(fs)
	fs.StringVar(&f.sha, "sha", "", "the full head commit of the pull request")
	fs.Var(&f.sequence, "sequence", "orders the changes of a pull request, such as a pipeline counter: a lower one gives way")
}

// given is what the flags say. What they do not say is zero.
func (f *changeFlags) given() (dbtcloud.Change, error) {
	pr, err := f.pr.given()
	return dbtcloud.Change{PullRequest: pr, SHA: f.sha, Branch: f.branch, Sequence: f.sequence.value}, err
}

// notEmpty refuses flags that were given without a value: what was detected would come
// in the place of a variable that is not set.
func notEmpty(fs *pflag.FlagSet, names ...string) error {
	var problems []error
	for _, name := range names {
		if f := fs.Lookup(name); f != nil && f.Changed && strings.TrimSpace(f.Value.String()) == "" {
			problems = append(problems, errors.New("--"+name+": is empty: is the variable set that it comes from?"))
		}
	}
	return errors.Join(problems...)
}

// detect is what the pipeline was started for, overridden by what was given. Where no
// provider is recognized, what was given must do.
func (a app) detect(given dbtcloud.Change, enough bool) (*dbtcloud.Event, error) {
	e, err := dbtcloud.EventFromEnv(a.getenv)
	switch {
	case errors.Is(err, dbtcloud.ErrNoCI) && enough:
		e = &dbtcloud.Event{Kind: dbtcloud.EventPullRequest}
	case errors.Is(err, dbtcloud.ErrNoCI):
		return nil, fmt.Errorf("%w: give one of %s, and --sha", err, strings.Join(pullRequestNames(), ", "))
	case err != nil:
		return nil, err
	}
	override(e, given)
	return e, nil
}

// override puts what was given in the place of what was detected. What was detected of
// another pull request says nothing of the one that was given.
func override(e *dbtcloud.Event, given dbtcloud.Change) {
	if pr := given.PullRequest; pr != (dbtcloud.PullRequest{}) {
		ofPullRequest := e.Kind == dbtcloud.EventPullRequest || e.Kind == dbtcloud.EventClosed
		switch {
		case ofPullRequest && (e.PullRequest.Number == pr.Number || e.PullRequest.Number == 0):
		case e.Kind == dbtcloud.EventPush:
			setFact(e, "Kind", &e.Kind, dbtcloud.EventPullRequest)
		default:
			setFact(e, "Kind", &e.Kind, dbtcloud.EventPullRequest)
			e.SHA, e.Branch, e.TargetBranch, e.Draft, e.Fork, e.Merged = "", "", "", false, false, false
			e.Facts = slices.DeleteFunc(e.Facts, func(f dbtcloud.EventFact) bool {
				return slices.Contains([]string{"SHA", "Branch", "TargetBranch", "Draft", "Fork", "Merged"}, f.Field)
			})
			forgetSequence(e, "BUILD_NUMBER")
		}
		setFact(e, "Host", &e.PullRequest.Host, pr.Host)
		setFact(e, "Number", &e.PullRequest.Number, pr.Number)
	}
	setFact(e, "SHA", &e.SHA, given.SHA)
	setFact(e, "Branch", &e.Branch, given.Branch)
	setFact(e, "Sequence", &e.Sequence, given.Sequence)
}

// forgetSequence takes away a sequence that comes from one of the variables: those of
// Jenkins order the builds of one branch alone.
func forgetSequence(e *dbtcloud.Event, variables ...string) {
	counted := func(f dbtcloud.EventFact) bool {
		return f.Field == "Sequence" && slices.Contains(variables, f.From)
	}
	if slices.ContainsFunc(e.Facts, counted) {
		e.Sequence, e.Facts = 0, slices.DeleteFunc(e.Facts, counted)
	}
}

// setFact puts a value that is not zero into a field of the event, and says that it was given.
func setFact[V comparable](e *dbtcloud.Event, field string, to *V, v V) {
	if v == *new(V) {
		return
	}
	*to = v
	e.Facts = slices.DeleteFunc(e.Facts, func(f dbtcloud.EventFact) bool { return f.Field == field })
	e.Facts = append(e.Facts, dbtcloud.EventFact{Field: field, Value: fmt.Sprint(v), From: "the command line"})
}

// testable is Testable, but for a branch that was given: it will do where no commit is known.
func testable(e dbtcloud.Event, given dbtcloud.Change) error {
	if e.SHA == "" && given.Branch != "" {
		e.SHA = strings.Repeat("0", 40)
	}
	return e.Testable()
}

// expected tells an event that is not to be tested, such as a push or a draft, from a
// pull request that cannot be tested as the pipeline is set up.
func expected(e *dbtcloud.Event) bool {
	return e.Kind != dbtcloud.EventPullRequest || e.Draft || e.Fork
}

// describeEvent is what the pipeline was started for, in one line.
func describeEvent(e *dbtcloud.Event) string {
	words := []string{or(string(e.Provider), "no pipeline") + ",", string(e.Kind)}
	if e.PullRequest.Number > 0 {
		words = append(words, e.PullRequest.String())
	}
	for _, part := range []struct{ label, value string }{{"at", e.SHA}, {"of", e.Branch}, {"in", e.Repository}} {
		if part.value != "" {
			words = append(words, part.label, part.value)
		}
	}
	return strings.Join(words, " ")
}
