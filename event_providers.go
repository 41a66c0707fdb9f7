package dbtcloud

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// shortRef is the branch of refs/heads/branch.
func shortRef(ref string) string { return strings.TrimPrefix(ref, "refs/heads/") }

// recognize finds the provider by a variable that it always sets; nil if there is none.
// A runner of one provider may be a machine of another: those that lend machines,
// such as CodeBuild, come last.
func (r *eventReader) recognize() func(*eventReader) {
	for _, p := range []struct {
		provider CIProvider
		variable string
		read     func(*eventReader)
	}{
		{GitHubActions, "GITHUB_ACTIONS", (*eventReader).github},
		{GitLabCI, "GITLAB_CI", (*eventReader).gitlab},
		{AzurePipelines, "TF_BUILD", (*eventReader).azure},
		{BitbucketPipelines, "BITBUCKET_BUILD_NUMBER", (*eventReader).bitbucket},
		{CircleCI, "CIRCLECI", (*eventReader).circle},
		{Buildkite, "BUILDKITE", (*eventReader).buildkite},
		{Jenkins, "JENKINS_URL", (*eventReader).jenkins},
		{Jenkins, "JENKINS_HOME", (*eventReader).jenkins}, // where the administrator has set no URL
		{CodeBuild, "CODEBUILD_BUILD_ID", (*eventReader).codebuild},
	} {
		if strings.TrimSpace(r.getenv(p.variable)) != "" {
			r.event.Provider = p.provider
			r.found("Provider", string(p.provider), p.variable)
			return p.read
		}
	}
	return nil
}

// gitlab reads GitLab CI ("Predefined CI/CD variables reference"). CI_COMMIT_SHA is the
// head in a merge request pipeline, but the merge result in a merged results pipeline
// and in a train. A fork's pipeline may run in the fork, so that the project of the
// merge request is compared, not that of the pipeline. CI_PIPELINE_IID counts the
// pipelines of a project; a job that is retried keeps it.
func (r *eventReader) gitlab() {
	e := r.event
	r.host(GitLab, "GITLAB_CI")
	r.text(&e.Repository, "Repository", "CI_MERGE_REQUEST_PROJECT_PATH", "CI_PROJECT_PATH")
	r.number(&e.Sequence, "Sequence", "CI_PIPELINE_IID")
	r.link(&e.PipelineURL, "PipelineURL", "CI_PIPELINE_URL")
	switch source := r.get("CI_PIPELINE_SOURCE"); {
	case r.get("CI_MERGE_REQUEST_IID") != "":
		r.gitlabMergeRequest()
	case r.get("CI_EXTERNAL_PULL_REQUEST_IID") != "":
		r.gitlabExternal()
	case r.get("CI_COMMIT_TAG") != "":
		r.kind(EventTag, "CI_COMMIT_TAG")
		r.commit("CI_COMMIT_SHA")
	case source == "push":
		r.pushed(r.get("CI_COMMIT_BRANCH"), "CI_PIPELINE_SOURCE and CI_COMMIT_BRANCH", "CI_COMMIT_SHA")
	case source == "web", source == "chat", source == "webide":
		r.kind(EventManual, "CI_PIPELINE_SOURCE")
	case source == "schedule":
		r.kind(EventSchedule, "CI_PIPELINE_SOURCE")
	default:
		r.kind(EventOther, "CI_PIPELINE_SOURCE")
	}
}

func (r *eventReader) gitlabMergeRequest() {
	e := r.event
	r.kind(EventPullRequest, "CI_MERGE_REQUEST_IID")
	r.number(&e.PullRequest.Number, "Number", "CI_MERGE_REQUEST_IID")
	r.branch(&e.Branch, "Branch", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME")
	r.branch(&e.TargetBranch, "TargetBranch", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME")
	r.commit("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA")
	switch r.get("CI_MERGE_REQUEST_EVENT_TYPE") {
	case "merge_train":
		r.kind(EventMergeQueue, "CI_MERGE_REQUEST_EVENT_TYPE")
	case "detached", "": // GitLab before 12.3 has no other
		if e.SHA == "" {
			r.commit("CI_COMMIT_SHA")
		}
	}
	source, target := r.get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID"), r.get("CI_MERGE_REQUEST_PROJECT_ID")
	if source != "" && target != "" {
		r.setFlag(&e.Fork, "Fork", source != target, "CI_MERGE_REQUEST_SOURCE_PROJECT_ID and CI_MERGE_REQUEST_PROJECT_ID")
	}
	r.flag(&e.Draft, "Draft", "CI_MERGE_REQUEST_DRAFT") // GitLab 17.10 and later
	title := strings.ToLower(strings.TrimSpace(r.getenv("CI_MERGE_REQUEST_TITLE")))
	for _, prefix := range []string{"draft:", "[draft]", "(draft)"} {
		if r.get("CI_MERGE_REQUEST_DRAFT") == "" && strings.HasPrefix(title, prefix) {
			r.setFlag(&e.Draft, "Draft", true, "CI_MERGE_REQUEST_TITLE")
		}
	}
}

// gitlabExternal is of a GitHub repository that GitLab runs the pipelines of.
func (r *eventReader) gitlabExternal() {
	e := r.event
	r.kind(EventPullRequest, "CI_EXTERNAL_PULL_REQUEST_IID")
	r.host(GitHub, "CI_EXTERNAL_PULL_REQUEST_IID")
	r.number(&e.PullRequest.Number, "Number", "CI_EXTERNAL_PULL_REQUEST_IID")
	r.text(&e.Repository, "Repository", "CI_EXTERNAL_PULL_REQUEST_TARGET_REPOSITORY")
	r.branch(&e.Branch, "Branch", "CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_NAME")
	r.branch(&e.TargetBranch, "TargetBranch", "CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME")
	r.commit("CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_SHA")
	source := r.get("CI_EXTERNAL_PULL_REQUEST_SOURCE_REPOSITORY")
	r.setFlag(&e.Fork, "Fork", source != "" && source != e.Repository, "CI_EXTERNAL_PULL_REQUEST_SOURCE_REPOSITORY")
}

var azurePullRef = regexp.MustCompile(`^refs/pull/([0-9]+)/`)

// azure reads Azure Pipelines ("Use predefined variables"). BUILD_SOURCEVERSION is the
// merge commit of a pull request. SYSTEM_PULLREQUEST_PULLREQUESTID is an id of GitHub's
// own for its repositories, whose number is another variable. BUILD_BUILDID grows over
// the organization; running failed jobs again keeps it.
func (r *eventReader) azure() {
	e := r.event
	r.azureRepository()
	r.number(&e.Sequence, "Sequence", "BUILD_BUILDID")
	r.link(&e.PipelineURL, "PipelineURL", "SYSTEM_COLLECTIONURI", "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI")
	if e.PipelineURL != "" {
		address := fmt.Sprintf("%s/%s/_build/results?buildId=%d", strings.TrimSuffix(e.PipelineURL, "/"), url.PathEscape(r.get("SYSTEM_TEAMPROJECT")), e.Sequence)
		r.set(&e.PipelineURL, "PipelineURL", address, "SYSTEM_COLLECTIONURI, SYSTEM_TEAMPROJECT and BUILD_BUILDID")
	}
	ref := r.get("BUILD_SOURCEBRANCH")
	switch r.get("BUILD_REASON") {
	case "PullRequest":
		r.azurePullRequest(ref)
	case "Manual":
		r.kind(EventManual, "BUILD_REASON")
	case "Schedule":
		r.kind(EventSchedule, "BUILD_REASON")
	case "IndividualCI", "BatchedCI":
		r.pushed(ref, "BUILD_REASON and BUILD_SOURCEBRANCH", "BUILD_SOURCEVERSION")
	default:
		r.kind(EventOther, "BUILD_REASON")
	}
}

func (r *eventReader) azureRepository() {
	e := r.event
	name := r.get("BUILD_REPOSITORY_NAME")
	switch r.get("BUILD_REPOSITORY_PROVIDER") {
	case "TfsGit":
		r.host(AzureRepos, "BUILD_REPOSITORY_PROVIDER")
		r.set(&e.Repository, "Repository", r.get("SYSTEM_TEAMPROJECT")+"/"+name, "SYSTEM_TEAMPROJECT and BUILD_REPOSITORY_NAME")
		return
	case "GitHub", "GitHubEnterprise":
		r.host(GitHub, "BUILD_REPOSITORY_PROVIDER")
	case "Bitbucket":
		r.host(OtherHost, "BUILD_REPOSITORY_PROVIDER")
	default: // Git on any other server
		r.repository("BUILD_REPOSITORY_URI")
	}
	r.set(&e.Repository, "Repository", name, "BUILD_REPOSITORY_NAME")
}

func (r *eventReader) azurePullRequest(ref string) {
	e := r.event
	r.kind(EventPullRequest, "BUILD_REASON")
	switch e.PullRequest.Host {
	case AzureRepos:
		r.number(&e.PullRequest.Number, "Number", "SYSTEM_PULLREQUEST_PULLREQUESTID")
	case GitHub:
		r.number(&e.PullRequest.Number, "Number", "SYSTEM_PULLREQUEST_PULLREQUESTNUMBER")
		if m := azurePullRef.FindStringSubmatch(ref); m != nil && e.PullRequest.Number == 0 {
			r.setNumber(&e.PullRequest.Number, "Number", m[1], "BUILD_SOURCEBRANCH")
		}
	default:
		r.number(&e.PullRequest.Number, "Number", "SYSTEM_PULLREQUEST_PULLREQUESTNUMBER", "SYSTEM_PULLREQUEST_PULLREQUESTID")
	}
	r.commit("SYSTEM_PULLREQUEST_SOURCECOMMITID")
	r.branch(&e.Branch, "Branch", "SYSTEM_PULLREQUEST_SOURCEBRANCH")
	r.branch(&e.TargetBranch, "TargetBranch", "SYSTEM_PULLREQUEST_TARGETBRANCH")
	r.flag(&e.Fork, "Fork", "SYSTEM_PULLREQUEST_ISFORK")
}

// bitbucket reads Bitbucket Pipelines ("Variables and secrets"). BITBUCKET_COMMIT is
// the head of the source, though the target is merged into the files. No variable tells
// a schedule or a pipeline started by hand from a push, nor the end of a pull request:
// DBT_CLOUD_CI_ACTION does. BITBUCKET_BUILD_NUMBER counts the pipelines of a repository;
// running failed steps again keeps it, running the whole pipeline again does not.
func (r *eventReader) bitbucket() {
	e := r.event
	r.host(OtherHost, "BITBUCKET_BUILD_NUMBER")
	r.text(&e.Repository, "Repository", "BITBUCKET_REPO_FULL_NAME")
	r.number(&e.Sequence, "Sequence", "BITBUCKET_BUILD_NUMBER")
	if e.Repository != "" {
		address := fmt.Sprintf("https://bitbucket.org/%s/pipelines/results/%d", e.Repository, e.Sequence)
		r.set(&e.PipelineURL, "PipelineURL", address, "BITBUCKET_REPO_FULL_NAME and BITBUCKET_BUILD_NUMBER")
	}
	switch {
	case r.get("BITBUCKET_PR_ID") != "":
		r.kind(EventPullRequest, "BITBUCKET_PR_ID")
		r.number(&e.PullRequest.Number, "Number", "BITBUCKET_PR_ID")
		r.branch(&e.Branch, "Branch", "BITBUCKET_BRANCH")
		r.branch(&e.TargetBranch, "TargetBranch", "BITBUCKET_PR_DESTINATION_BRANCH")
	case r.get("BITBUCKET_TAG") != "":
		r.kind(EventTag, "BITBUCKET_TAG")
	default:
		r.kind(EventPush, "BITBUCKET_BRANCH, without BITBUCKET_PR_ID and BITBUCKET_TAG")
		r.branch(&e.Branch, "Branch", "BITBUCKET_BRANCH")
	}
	r.commit("BITBUCKET_COMMIT")
}

// circle reads CircleCI ("Project values and variables"). CIRCLE_PULL_REQUEST is not
// set in projects of the GitHub App, where pipeline values have to be given; it is one
// of several that a branch may have. The variables of the number and the repository of a
// pull request are only there for forks. CIRCLE_BUILD_NUM counts jobs, also those that
// are run again, so it is no sequence.
func (r *eventReader) circle() {
	e := r.event
	r.link(&e.PipelineURL, "PipelineURL", "CIRCLE_BUILD_URL")
	r.pullRequestURL("CIRCLE_PULL_REQUEST")
	if e.Repository == "" {
		r.repository("CIRCLE_REPOSITORY_URL")
	}
	if user, name := r.get("CIRCLE_PROJECT_USERNAME"), r.get("CIRCLE_PROJECT_REPONAME"); e.Repository == "" && user != "" && name != "" {
		r.set(&e.Repository, "Repository", user+"/"+name, "CIRCLE_PROJECT_USERNAME and CIRCLE_PROJECT_REPONAME")
	}
	r.number(&e.PullRequest.Number, "Number", "CIRCLE_PR_NUMBER")
	if r.get("CIRCLE_PR_USERNAME") != "" {
		r.setFlag(&e.Fork, "Fork", true, "CIRCLE_PR_USERNAME")
	}
	switch {
	case r.get("CIRCLE_TAG") != "":
		r.kind(EventTag, "CIRCLE_TAG")
		r.commit("CIRCLE_SHA1")
	case e.PullRequest.Number > 0:
		r.kind(EventPullRequest, "CIRCLE_PULL_REQUEST")
		r.branch(&e.Branch, "Branch", "CIRCLE_BRANCH")
		r.commit("CIRCLE_SHA1")
	default:
		r.pushed(r.get("CIRCLE_BRANCH"), "CIRCLE_BRANCH, without CIRCLE_PULL_REQUEST", "CIRCLE_SHA1")
	}
}

// jenkins reads a multibranch pipeline (the Pipeline Syntax page "Global Variable
// Reference", env). GIT_COMMIT is the head only if a pull request is discovered as such
// beside the merge, which adds -head to its job's name. BUILD_NUMBER counts the builds of
// one pull request. BUILD_CAUSE is of the plugin EnvInject.
func (r *eventReader) jenkins() {
	e := r.event
	r.pullRequestURL("CHANGE_URL")
	if e.Repository == "" {
		r.repository("GIT_URL")
	}
	r.number(&e.Sequence, "Sequence", "BUILD_NUMBER")
	r.link(&e.PipelineURL, "PipelineURL", "RUN_DISPLAY_URL", "BUILD_URL")
	name, cause := r.get("BRANCH_NAME"), r.get("BUILD_CAUSE")
	switch {
	case r.get("CHANGE_ID") != "":
		r.kind(EventPullRequest, "CHANGE_ID")
		r.number(&e.PullRequest.Number, "Number", "CHANGE_ID")
		r.branch(&e.Branch, "Branch", "CHANGE_BRANCH")
		r.branch(&e.TargetBranch, "TargetBranch", "CHANGE_TARGET")
		if fork := r.get("CHANGE_FORK"); fork != "" {
			r.setFlag(&e.Fork, "Fork", true, "CHANGE_FORK")
		}
		if strings.HasSuffix(name, "-head") {
			r.commit("GIT_COMMIT")
		}
	case r.get("TAG_NAME") != "":
		r.kind(EventTag, "TAG_NAME")
		r.commit("GIT_COMMIT")
	case strings.Contains(cause, "TIMERTRIGGER"):
		r.kind(EventSchedule, "BUILD_CAUSE")
	case strings.Contains(cause, "MANUALTRIGGER"):
		r.kind(EventManual, "BUILD_CAUSE")
	case name != "":
		r.pushed(name, "BRANCH_NAME, without CHANGE_ID", "GIT_COMMIT")
	default:
		r.kind(EventOther, "JENKINS_URL, without BRANCH_NAME: not a multibranch pipeline")
	}
}

// buildkite reads Buildkite ("Environment variables"). BUILDKITE_COMMIT is the head,
// unless the merge of a pull request is built, or it is still HEAD. A build that is run
// again is a new one, which names the old one; a job that is retried stays in its build.
func (r *eventReader) buildkite() {
	e := r.event
	provider := r.get("BUILDKITE_PIPELINE_PROVIDER")
	switch {
	case strings.HasPrefix(provider, "github"):
		r.host(GitHub, "BUILDKITE_PIPELINE_PROVIDER")
	case strings.HasPrefix(provider, "gitlab"):
		r.host(GitLab, "BUILDKITE_PIPELINE_PROVIDER")
	case strings.HasPrefix(provider, "bitbucket"):
		r.host(OtherHost, "BUILDKITE_PIPELINE_PROVIDER")
	}
	r.repository("BUILDKITE_REPO")
	r.number(&e.Sequence, "Sequence", "BUILDKITE_REBUILT_FROM_BUILD_NUMBER", "BUILDKITE_BUILD_NUMBER")
	r.link(&e.PipelineURL, "PipelineURL", "BUILDKITE_BUILD_URL")
	pr := r.get("BUILDKITE_PULL_REQUEST")
	switch source := r.get("BUILDKITE_SOURCE"); {
	case pr != "" && pr != "false":
		r.buildkitePullRequest()
	case r.get("BUILDKITE_MERGE_QUEUE_BASE_BRANCH") != "":
		r.kind(EventMergeQueue, "BUILDKITE_MERGE_QUEUE_BASE_BRANCH")
		r.branch(&e.TargetBranch, "TargetBranch", "BUILDKITE_MERGE_QUEUE_BASE_BRANCH")
	case r.get("BUILDKITE_TAG") != "":
		r.kind(EventTag, "BUILDKITE_TAG")
		r.commit("BUILDKITE_COMMIT")
	case source == "webhook":
		r.pushed(r.get("BUILDKITE_BRANCH"), "BUILDKITE_SOURCE and BUILDKITE_BRANCH", "BUILDKITE_COMMIT")
	case source == "ui":
		r.kind(EventManual, "BUILDKITE_SOURCE")
	case source == "schedule":
		r.kind(EventSchedule, "BUILDKITE_SOURCE")
	default:
		r.kind(EventOther, "BUILDKITE_SOURCE")
	}
}

func (r *eventReader) buildkitePullRequest() {
	e := r.event
	r.kind(EventPullRequest, "BUILDKITE_PULL_REQUEST")
	if r.get("BUILDKITE_GITHUB_EVENT") == "pull_request" && r.get("BUILDKITE_GITHUB_ACTION") == "closed" {
		r.kind(EventClosed, "BUILDKITE_GITHUB_ACTION")
	}
	r.number(&e.PullRequest.Number, "Number", "BUILDKITE_PULL_REQUEST")
	r.branch(&e.Branch, "Branch", "BUILDKITE_BRANCH")
	r.branch(&e.TargetBranch, "TargetBranch", "BUILDKITE_PULL_REQUEST_BASE_BRANCH")
	r.flag(&e.Draft, "Draft", "BUILDKITE_PULL_REQUEST_DRAFT")
	if _, head := splitRepository(r.get("BUILDKITE_PULL_REQUEST_REPO")); head != "" {
		r.setFlag(&e.Fork, "Fork", !strings.EqualFold(head, e.Repository), "BUILDKITE_PULL_REQUEST_REPO and BUILDKITE_REPO")
	}
	if r.get("BUILDKITE_PULL_REQUEST_USING_MERGE_REFSPEC") != "true" {
		r.commit("BUILDKITE_COMMIT")
	}
}

var (
	codebuildPullRequest = regexp.MustCompile(`^pr/([0-9]+)$`)
	codebuildHead        = regexp.MustCompile(`^refs/pull/[0-9]+/head\^\{([0-9a-f]+)\}$`)
)

// codebuild reads AWS CodeBuild ("Environment variables in build environments"). No
// document says whether the version that pr/N of GitHub is resolved to is the head or
// the merge, so it is not used; a version that is a commit id is taken to be the head.
// CODEBUILD_BUILD_NUMBER counts the builds of a project, also those that are retried. That
// an initiator rule/... is a schedule is an assumption.
func (r *eventReader) codebuild() {
	e := r.event
	r.repository("CODEBUILD_SOURCE_REPO_URL")
	r.number(&e.Sequence, "Sequence", "CODEBUILD_BUILD_NUMBER")
	r.link(&e.PipelineURL, "PipelineURL", "CODEBUILD_PUBLIC_BUILD_URL", "CODEBUILD_BUILD_URL")
	trigger, version := r.get("CODEBUILD_WEBHOOK_TRIGGER"), r.get("CODEBUILD_SOURCE_VERSION")
	from := "CODEBUILD_WEBHOOK_TRIGGER"
	if trigger == "" && codebuildPullRequest.MatchString(version) { // started again by hand
		trigger, from = version, "CODEBUILD_SOURCE_VERSION"
	}
	switch m := codebuildPullRequest.FindStringSubmatch(trigger); {
	case m != nil:
		r.kind(EventPullRequest, from)
		r.setNumber(&e.PullRequest.Number, "Number", m[1], from)
		r.codebuildPullRequest(version)
	case strings.HasPrefix(trigger, "tag/"):
		r.pushed("refs/tags/"+trigger[len("tag/"):], from, "CODEBUILD_RESOLVED_SOURCE_VERSION")
	case strings.HasPrefix(trigger, "branch/"):
		r.pushed(trigger[len("branch/"):], from, "CODEBUILD_RESOLVED_SOURCE_VERSION")
	case strings.HasPrefix(r.get("CODEBUILD_INITIATOR"), "rule/"):
		r.kind(EventSchedule, "CODEBUILD_INITIATOR")
	case strings.HasPrefix(r.get("CODEBUILD_INITIATOR"), "codepipeline/"):
		r.kind(EventOther, "CODEBUILD_INITIATOR")
	default:
		r.kind(EventManual, "CODEBUILD_INITIATOR, without CODEBUILD_WEBHOOK_TRIGGER")
	}
}

func (r *eventReader) codebuildPullRequest(version string) {
	e := r.event
	switch r.get("CODEBUILD_WEBHOOK_EVENT") {
	case "PULL_REQUEST_MERGED":
		r.kind(EventClosed, "CODEBUILD_WEBHOOK_EVENT")
		r.setFlag(&e.Merged, "Merged", true, "CODEBUILD_WEBHOOK_EVENT")
	case "PULL_REQUEST_CLOSED":
		r.kind(EventClosed, "CODEBUILD_WEBHOOK_EVENT")
	}
	r.branch(&e.Branch, "Branch", "CODEBUILD_WEBHOOK_HEAD_REF")
	r.branch(&e.TargetBranch, "TargetBranch", "CODEBUILD_WEBHOOK_BASE_REF")
	if m := codebuildHead.FindStringSubmatch(version); m != nil {
		version = m[1]
	}
	server, _ := splitRepository(r.get("CODEBUILD_SOURCE_REPO_URL"))
	if !r.setCommit(version, "CODEBUILD_SOURCE_VERSION") && server == "bitbucket.org" { // which has no merge commits
		r.commit("CODEBUILD_RESOLVED_SOURCE_VERSION")
	}
}
