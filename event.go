package dbtcloud

import (
	"errors"
	"fmt"
	"os"
)

// Of [EventFromEnv] and [Event.Testable].
var (
	ErrNoCI        = errors.New("dbtcloud: no CI provider was recognized")
	ErrNotTestable = errors.New("dbtcloud: the event is not a pull request that can be tested")
)

// CIProvider is the system that runs a pipeline. It says nothing about where the
// repository lives: that is the [GitHost].
type CIProvider string

// CI providers that [EventFromEnv] recognizes.
const (
	GitHubActions      CIProvider = "GitHub Actions"
	GitLabCI           CIProvider = "GitLab CI"
	AzurePipelines     CIProvider = "Azure Pipelines"
	BitbucketPipelines CIProvider = "Bitbucket Pipelines"
	CircleCI           CIProvider = "CircleCI"
	Jenkins            CIProvider = "Jenkins"
	Buildkite          CIProvider = "Buildkite"
	CodeBuild          CIProvider = "AWS CodeBuild"
)

// EventKind is what started a pipeline.
type EventKind string

// Kinds of an [Event].
const (
	EventPullRequest EventKind = "pull_request" // opened, reopened, or with new commits; a re-run of one too
	EventClosed      EventKind = "closed"       // a pull request ended, merged or not
	EventPush        EventKind = "push"         // of commits to a branch
	EventMergeQueue  EventKind = "merge_queue"  // of GitHub, or a merge train of GitLab
	EventTag         EventKind = "tag"
	EventManual      EventKind = "manual" // started by a person
	EventSchedule    EventKind = "schedule"
	EventOther       EventKind = "other" // started by anything else, such as another pipeline
)

// Event is what a pipeline was started for, as [EventFromEnv] finds it. Its texts are
// one line each and otherwise what the provider says: a branch name may look like a
// shell command.
type Event struct {
	// Change has the pull request with the number that its host uses, the head commit
	// (never the merge commit that a provider may build, and empty where none is sure;
	// of a push or a tag the commit that was pushed), the source branch, and a sequence
	// that orders the pipelines; 0 where the provider has none.
	Change

	Provider     CIProvider
	Kind         EventKind
	Draft        bool   // as far as the provider says: Azure, Bitbucket, Jenkins and CodeBuild do not
	Fork         bool   // as far as the provider says: Bitbucket starts nothing for forks, CodeBuild does not say
	Merged       bool   // of EventClosed
	TargetBranch string // of a pull request or a merge queue
	Repository   string // the path of the repository on its host, that of the target for a fork
	PipelineURL  string // for people to look at

	Facts []EventFact // where each value comes from
}

// EventFact says where a field of an [Event] comes from. It holds no secret.
type EventFact struct {
	Field string // of Event, such as "SHA"
	Value string
	From  string // a variable, or a field of the event file
}

// EventError is an [Event] that [AutoscaleCI] cannot test. It is [ErrNotTestable].
type EventError struct {
	Kind   EventKind
	Reason string // what the event is
	Advice string // what to do
}

// Error says what the event is and what to do.
func (e *EventError) Error() string { return "dbtcloud: " + e.Reason + ": " + e.Advice }

// Is makes errors.Is(err, ErrNotTestable) true.
func (e *EventError) Is(target error) bool { return target == ErrNotTestable }

// EventFromEnv finds out what this pipeline was started for, by the variables that
// the CI provider sets (and, for GitHub Actions, the event file that they name). They
// are read through getenv, such as os.Getenv, which is also the default. [ErrNoCI]
// means that no provider was recognized, [ErrInvalid] that a variable or the file
// cannot be right. An event that is no pull request is no error here: see
// [Event.Testable].
//
// What a provider does not say can be given, and what it says overruled, by
// variables of the pipeline: DBT_CLOUD_CI_GIT_HOST (github, gitlab, azure or other),
// DBT_CLOUD_CI_PULL_REQUEST (the number), DBT_CLOUD_CI_SHA, DBT_CLOUD_CI_BRANCH,
// DBT_CLOUD_CI_TARGET_BRANCH, DBT_CLOUD_CI_SEQUENCE, DBT_CLOUD_CI_ACTION (closed, or the
// host's word for anything else), and DBT_CLOUD_CI_DRAFT, DBT_CLOUD_CI_FORK and
// DBT_CLOUD_CI_MERGED (true or false).
//
// The sequence is a number that a re-run keeps: GITHUB_RUN_ID, CI_PIPELINE_IID,
// BUILD_BUILDID, BITBUCKET_BUILD_NUMBER, BUILD_NUMBER of Jenkins,
// BUILDKITE_REBUILT_FROM_BUILD_NUMBER or BUILDKITE_BUILD_NUMBER,
// CODEBUILD_BUILD_NUMBER. CircleCI has none in a variable: set DBT_CLOUD_CI_SEQUENCE to
// << pipeline.number >>. Where DBT_CLOUD_CI_ACTION says closed, those of GitLab and Jenkins
// are left out: they are not of a pipeline that began at the end. Running a whole pipeline of Bitbucket, Jenkins or CodeBuild
// again makes a new number, and nothing tells it from a new pipeline.
func EventFromEnv(getenv func(string) string) (*Event, error) {
	if getenv == nil {
		getenv = os.Getenv
	}
	r := &eventReader{getenv: getenv, event: &Event{}}
	read := r.recognize()
	if read == nil {
		return nil, fmt.Errorf("%w: none of its variables, such as GITHUB_ACTIONS, GITLAB_CI or TF_BUILD, is set: name the pull request and its head commit yourself", ErrNoCI)
	}
	read(r)
	r.given()
	if r.err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrInvalid, r.event.Provider, r.err)
	}
	return r.event, nil
}

// Testable is nil if [AutoscaleCI] can test the event's change. Otherwise it is an
// [*EventError] that says what the event is, such as a push, a draft or a pull request
// whose head commit is not known, and what to do. Set the fields of the event first
// to decide otherwise, such as Draft to false.
func (e *Event) Testable() error {
	reason, advice := e.obstacle()
	if reason == "" {
		return nil
	}
	if e.Provider != "" {
		reason = string(e.Provider) + ": " + reason
	}
	return &EventError{Kind: e.Kind, Reason: reason, Advice: advice}
}

func (e *Event) obstacle() (reason, advice string) {
	if reason, advice := e.notPullRequest(); reason != "" {
		return reason, advice
	}
	switch {
	case e.PullRequest.Number <= 0:
		return "the number of the pull request is not known", "set DBT_CLOUD_CI_PULL_REQUEST to it"
	case e.Fork:
		return "the pull request comes from a fork, whose commits dbt Cloud may not have", "push the branch to the repository itself, or set DBT_CLOUD_CI_FORK=false to try"
	case e.Draft:
		return "the pull request is a draft", "mark it ready for review, or set DBT_CLOUD_CI_DRAFT=false to test drafts"
	case e.SHA == "":
		return e.noHead()
	}
	if err := e.validate(); err != nil {
		return err.Error(), "set it right in the event, or by a variable DBT_CLOUD_CI_..."
	}
	return "", ""
}

// notPullRequest is what to say of an event that is no open pull request.
func (e *Event) notPullRequest() (reason, advice string) {
	const byHand = "set DBT_CLOUD_CI_PULL_REQUEST and DBT_CLOUD_CI_SHA to test one"
	switch e.Kind {
	case EventPullRequest:
		return "", ""
	case EventClosed:
		return "the pull request is closed", "call Close of AutoscaleCI to cancel its runs and delete its clones"
	case EventPush:
		return "a push to a branch, not a pull request", e.Provider.pullRequestAdvice()
	case EventMergeQueue:
		return "a merge queue, whose commit is of several pull requests", "leave this step out of it: each pull request was tested before it was queued"
	case EventTag:
		return "a tag, not a pull request", "trigger the deployment job from it instead"
	case EventManual:
		return "a pipeline that was started by hand, not for a pull request", byHand
	case EventSchedule:
		return "a scheduled pipeline, not one for a pull request", byHand
	default:
		return "an event that is no pull request", byHand
	}
}

// pullRequestAdvice is how the provider is made to start pipelines for pull requests.
func (p CIProvider) pullRequestAdvice() string {
	switch p {
	case GitHubActions:
		return "start the workflow with on: pull_request"
	case GitLabCI:
		return `give the job a rule with if: $CI_PIPELINE_SOURCE == "merge_request_event"`
	case AzurePipelines:
		return "add a build validation policy to the target branch (Azure Repos), or a pr: trigger to the YAML (GitHub, Bitbucket)"
	case BitbucketPipelines:
		return "move the step below pull-requests: in bitbucket-pipelines.yml"
	case CircleCI:
		return "trigger on pull requests, and set DBT_CLOUD_CI_PULL_REQUEST to << pipeline.event.github.pull_request.number >>"
	case Jenkins:
		return "use a multibranch pipeline that discovers pull requests"
	case Buildkite:
		return "turn on building pull requests in the settings of the pipeline's repository"
	case CodeBuild:
		return "give the webhook a filter for PULL_REQUEST_CREATED, PULL_REQUEST_UPDATED and PULL_REQUEST_REOPENED"
	}
	return "start the pipeline for pull requests"
}

// noHead is what to say of a pull request whose head commit the provider does not say.
func (e *Event) noHead() (reason, advice string) {
	const ask = `set DBT_CLOUD_CI_SHA to what "git ls-remote origin refs/pull/%d/head" prints first`
	reason, advice = "the head commit of the pull request is not known", "set DBT_CLOUD_CI_SHA to it, all of its digits"
	switch e.Provider {
	case Jenkins:
		reason += ", because GIT_COMMIT may be the merge commit"
	case CodeBuild:
		reason += ", because CODEBUILD_RESOLVED_SOURCE_VERSION may be the merge commit"
	}
	if e.PullRequest.Host == GitHub {
		advice = fmt.Sprintf(ask, e.PullRequest.Number)
	}
	return reason, advice
}
