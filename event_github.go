package dbtcloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
)

// maxEventFile is what GitHub cuts the payload of an event to: 25 MB ("Webhook events
// and payloads").
const maxEventFile = 25 << 20

// githubEvent is the part of the event file that is read.
type githubEvent struct {
	Action      string `json:"action"`
	Deleted     bool   `json:"deleted"` // of a push
	PullRequest *struct {
		Number int64     `json:"number"`
		Draft  bool      `json:"draft"`
		Merged bool      `json:"merged"`
		Head   githubRef `json:"head"`
		Base   githubRef `json:"base"`
	} `json:"pull_request"`
	MergeGroup struct {
		BaseRef string `json:"base_ref"`
	} `json:"merge_group"`
}

type githubRef struct {
	Ref  string `json:"ref"`
	SHA  string `json:"sha"`
	Repo *struct {
		FullName string `json:"full_name"`
	} `json:"repo"` // null where the fork is gone
}

// github reads GitHub Actions ("Variables reference", "Webhook events and payloads").
// GITHUB_SHA is the merge commit of a pull request, and a re-run has the variables and
// the file of its first attempt. That ids of runs grow is an assumption; their
// documented counter, GITHUB_RUN_NUMBER, starts anew in each workflow.
func (r *eventReader) github() {
	e := r.event
	r.host(GitHub, "GITHUB_ACTIONS")
	for _, name := range []string{"GITEA_ACTIONS", "FORGEJO_ACTIONS"} { // they set the variables of GitHub too
		if r.get(name) != "" {
			r.host(OtherHost, name)
		}
	}
	r.text(&e.Repository, "Repository", "GITHUB_REPOSITORY")
	r.number(&e.Sequence, "Sequence", "GITHUB_RUN_ID")
	r.link(&e.PipelineURL, "PipelineURL", "GITHUB_SERVER_URL")
	if e.PipelineURL != "" {
		r.set(&e.PipelineURL, "PipelineURL", fmt.Sprintf("%s/%s/actions/runs/%d", e.PipelineURL, e.Repository, e.Sequence), "GITHUB_SERVER_URL, GITHUB_REPOSITORY and GITHUB_RUN_ID")
	}
	switch name := r.get("GITHUB_EVENT_NAME"); name {
	case "pull_request", "pull_request_target":
		r.githubPullRequest()
	case "merge_group":
		r.kind(EventMergeQueue, "GITHUB_EVENT_NAME")
		target := r.line(r.githubFile().MergeGroup.BaseRef, "merge_group.base_ref of the event file")
		r.set(&e.TargetBranch, "TargetBranch", shortRef(target), "merge_group.base_ref of the event file")
	case "push":
		r.pushed(r.get("GITHUB_REF"), "GITHUB_EVENT_NAME and GITHUB_REF", "GITHUB_SHA")
		if r.githubFile().Deleted {
			r.forget(&e.SHA, "SHA") // GITHUB_SHA is that of the default branch
		}
	case "workflow_dispatch":
		r.kind(EventManual, "GITHUB_EVENT_NAME")
	case "schedule":
		r.kind(EventSchedule, "GITHUB_EVENT_NAME")
	default:
		r.kind(EventOther, "GITHUB_EVENT_NAME")
	}
}

func (r *eventReader) githubPullRequest() {
	e, file := r.event, r.githubFile()
	if r.err != nil {
		return
	}
	pr := file.PullRequest
	if pr == nil {
		r.refuse("GITHUB_EVENT_PATH", "the event file has no pull_request, though GITHUB_EVENT_NAME says that it is of one")
		return
	}
	const of = " of the event file"
	r.kind(EventPullRequest, "GITHUB_EVENT_NAME")
	if file.Action == "closed" {
		r.kind(EventClosed, "action"+of)
		r.setFlag(&e.Merged, "Merged", pr.Merged, "pull_request.merged"+of)
	}
	r.setNumber(&e.PullRequest.Number, "Number", strconv.FormatInt(pr.Number, 10), "pull_request.number"+of)
	r.setCommit(pr.Head.SHA, "pull_request.head.sha"+of)
	r.set(&e.Branch, "Branch", r.line(pr.Head.Ref, "pull_request.head.ref"+of), "pull_request.head.ref"+of)
	r.set(&e.TargetBranch, "TargetBranch", r.line(pr.Base.Ref, "pull_request.base.ref"+of), "pull_request.base.ref"+of)
	r.setFlag(&e.Draft, "Draft", pr.Draft, "pull_request.draft"+of)
	fork := pr.Head.Repo == nil || pr.Base.Repo == nil || pr.Head.Repo.FullName != pr.Base.Repo.FullName
	r.setFlag(&e.Fork, "Fork", fork, "pull_request.head.repo"+of)
}

// githubFile reads the event file; what cannot be read is an empty event, and refused.
func (r *eventReader) githubFile() *githubEvent {
	path := r.get("GITHUB_EVENT_PATH")
	if path == "" {
		r.refuse("GITHUB_EVENT_PATH", "is not set: pass it, and the file it names, on to where this runs")
		return &githubEvent{}
	}
	event, err := readGitHubEvent(path)
	if err != nil {
		r.refuse("GITHUB_EVENT_PATH", "the event file %w", err)
		return &githubEvent{}
	}
	return event
}

func readGitHubEvent(path string) (*githubEvent, error) {
	raw, err := readEventFile(path)
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, fmt.Errorf("cannot be read: %w", e.Err)
	}
	if err != nil {
		return nil, err
	}
	event := &githubEvent{}
	if err := json.Unmarshal(raw, event); err != nil {
		return nil, describeJSON(err)
	}
	return event, nil
}

func readEventFile(path string) ([]byte, error) {
	info, err := os.Stat(path) // before it is opened: opening a pipe waits for its writer
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("is not a file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	raw, err := io.ReadAll(io.LimitReader(f, maxEventFile+1))
	if len(raw) > maxEventFile {
		return nil, fmt.Errorf("has more than %d MB, which no event of GitHub has", maxEventFile>>20)
	}
	return raw, err
}

// describeJSON says what is wrong with the JSON without quoting from it.
func describeJSON(err error) error {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if e.Field == "" {
			return errors.New("is not a JSON object")
		}
		return fmt.Errorf("has something at %s that is no %s", e.Field, e.Type)
	}
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("is not JSON, or is cut short, at byte %d", e.Offset)
	}
	return errors.New("is not JSON")
}
