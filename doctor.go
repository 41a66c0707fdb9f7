package dbtcloud

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// FindingLevel says how a check of [AutoscaleCI.Doctor] went.
type FindingLevel string

// Levels of a [Finding].
const (
	FindingOK      FindingLevel = "ok"
	FindingNote    FindingLevel = "note"    // it works, and something should be known or could be better
	FindingProblem FindingLevel = "problem" // it does not work as it should
	FindingUnknown FindingLevel = "unknown" // it could not be looked at; the text says why
)

// Finding is what one check of [AutoscaleCI.Doctor] found.
type Finding struct {
	Check string // what was looked at, such as "job type"
	Level FindingLevel
	Text  string // what was found, in one line
	Mend  string // what to do about it; empty if there is nothing to do
}

// String is the finding in one line.
func (f Finding) String() string {
	text := fmt.Sprintf("%s: %s: %s", f.Level, f.Check, f.Text)
	if f.Mend != "" {
		text += " -> " + f.Mend
	}
	return text
}

// doctorLimit bounds a whole examination: a pause after a 429 is not waited for.
const doctorLimit = time.Minute

// Doctor looks for whatever would keep the job from being autoscaled, and says what
// to do about it: host, token, account, plan and run slots, the job, and the
// permissions for each step. Each check gives one finding, always in the same order.
// With JobID 0 only the account is looked at. The error is [ErrInvalid], or that of
// an ended context; a host that cannot be reached or a token that is refused are
// findings. It takes at most a minute.
//
// Nothing is changed. To read is tested by reading. To write is tested by three
// requests that no server can carry out, whatever it takes: a job whose name,
// environment and steps are empty lists and which is marked as deleted; a variable
// whose name is an empty list and which has no value; and the cancel of a run of the
// job that has ended already. A trigger is never tried, nor any update.
//
// What it takes for granted: that tokens of accounts begin with dbtc_ and those of
// users with dbtu_; that permissions are checked before a request is, or else "ok"
// is too good a word for a permission to write; that whoever may create jobs may
// delete them, and whoever may cancel runs may trigger them; that to cancel a run
// which has ended leaves it as it is. Whether the token may write in the job's type
// of environment cannot be tried without a real job.
//
// API: Retrieve Account, List Runs, Retrieve Job, List Jobs, Retrieve Projects
// Environment Variables Job; Create Job, Create Projects Environment Variables, Cancel
// Run.
func (a *AutoscaleCI) Doctor(ctx context.Context) ([]Finding, error) {
	checked := *a
	if checked.JobID == 0 {
		checked.JobID = 1
	}
	if err := checked.validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	limited, done := context.WithTimeout(ctx, doctorLimit)
	defer done()
	c := a.examine(limited)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("dbtcloud: doctor: %w", ended(ctx))
	}
	findings := c.judge()
	for i, f := range findings { // a server may say anything, the token too
		findings[i].Text, findings[i].Mend = a.Client.redact(f.Text), a.Client.redact(f.Mend)
	}
	return findings, nil
}

// checkup is all that an examination saw. What is judged is judged by it alone.
type checkup struct {
	host      *url.URL
	accountID int64
	jobID     int64 // 0: the account alone
	rules     rules
	steps     []string // that override those of the job
	now       time.Time

	token   seen[tokenKind]
	account seen[*Account]
	runs    seen[[]*Run] // the active ones
	job     seen[*Job]
	clones  seen[[]*Job]
	ended   seen[*Run] // a run of the job, from before it was cancelled

	overrides seen[[]JobOverride]
	cancelled seen[*Run] // the same, from after it
	creating  probe
	setting   probe
}

// seen is what a look found, or why it found nothing.
type seen[T any] struct {
	v   T
	err error
}

func see[T any](v T, err error) seen[T] { return seen[T]{v, err} }

// probe is what became of a request that must not succeed. Without an error it did,
// and made something.
type probe struct {
	id  int64 // of what it made; 0: not told
	err error
}

// examine looks at everything, in two steps, each concurrent.
func (a *AutoscaleCI) examine(ctx context.Context) *checkup {
	client := a.Client
	c := &checkup{host: client.base, accountID: client.accountID, jobID: a.JobID, rules: a.rules(), steps: a.Overrides.StepsOverride}
	var wg sync.WaitGroup
	wg.Go(func() { c.token = see(client.tokenKind(ctx)) })
	wg.Go(func() { c.account = see(client.Accounts.Get(ctx)) })
	wg.Go(func() { c.runs = see((&CIRun{a: a}).activeRuns(ctx)) })
	if a.JobID != 0 {
		wg.Go(func() { c.job = see(client.Jobs.Get(ctx, a.JobID, JobWithEnvironment)) })
		wg.Go(func() { c.clones = see(a.clones(ctx)) })
		wg.Go(func() { c.ended = see(a.endedRun(ctx)) })
	}
	wg.Wait()
	if job := c.job.v; job != nil {
		wg.Go(func() {
			c.overrides = see(client.EnvironmentVariables.JobOverrides(ctx, job.ProjectID, a.JobID))
		})
		wg.Go(func() { c.creating = client.probeCreate(ctx, job.ProjectID) })
		wg.Go(func() { c.setting = client.probeOverride(ctx, job.ProjectID, a.JobID) })
		if c.cancelled.err = c.ended.err; c.ended.err == nil {
			wg.Go(func() { c.cancelled = see(client.Runs.Cancel(ctx, c.ended.v.ID)) })
		}
		wg.Wait()
	}
	c.now = client.serverTime()
	return c
}

// errNoEndedRun is why a cancel cannot be tried.
var errNoEndedRun = errors.New("no run of the job has ended, and no other may be cancelled to try it")

// endedRun is one of the job's last runs that has ended, a cancelled one if there
// is one: to cancel it again cannot even change its status.
func (a *AutoscaleCI) endedRun(ctx context.Context) (*Run, error) {
	var found *Run
	filter := RunFilter{JobID: a.JobID, Statuses: []RunStatus{RunSuccess, RunError, RunCancelled}, Newest: 20}
	for run, err := range a.Client.Runs.All(ctx, filter) {
		switch {
		case err != nil:
			return nil, err
		case run.JobID != a.JobID || !run.Status.Terminal(): // a server that ignores filters: hands off
		case run.Status == RunCancelled:
			return run, nil
		case found == nil:
			found = run
		}
	}
	if found == nil {
		return nil, errNoEndedRun
	}
	return found, nil
}

// probeCreate asks for a job that no server can make: name, environment and steps
// are lists or empty, which nothing turns into a name or an id, and were it made all
// the same, it would be a deleted one without a trigger.
func (c *Client) probeCreate(ctx context.Context, projectID int64) probe {
	r := c.v2(http.MethodPost, "jobs/")
	r.body = map[string]any{
		"account_id": c.accountID, "project_id": projectID, "state": StateDeleted,
		"name": []string{}, "environment_id": []string{}, "execute_steps": []string{},
	}
	return c.probe(ctx, r)
}

// probeOverride asks for a variable that no server can make: it has a list for a
// name, and no value.
func (c *Client) probeOverride(ctx context.Context, projectID, jobID int64) probe {
	r := c.v3(http.MethodPost, "projects/{project}/environment-variables/", projectID)
	r.body = map[string]any{
		"account_id": c.accountID, "project_id": projectID, "type": "job", "job_definition_id": jobID, "name": []string{},
	}
	return c.probe(ctx, r)
}

// probe sends a request that must not succeed.
func (c *Client) probe(ctx context.Context, r request) probe {
	a, err := c.call(ctx, r)
	if err != nil {
		return probe{err: err}
	}
	var made struct {
		ID    int64 `json:"id"`
		NewID int64 `json:"new_var_id"`
	}
	_ = decode(a.data, &made) // the id is a help only
	return probe{id: max(made.ID, made.NewID)}
}

// tokenKind is what a token shows of itself.
type tokenKind string

const (
	kindService  tokenKind = "a service token"
	kindPersonal tokenKind = "a personal access token"
	kindLegacy   tokenKind = "a token without a prefix, as user API keys were"
	kindUnknown  tokenKind = "of a kind that is not known"
)

// tokenKind classifies the token by how it begins, and keeps nothing of it.
func (c *Client) tokenKind(ctx context.Context) (tokenKind, error) {
	token, err := c.transport.Token(ctx)
	if err != nil {
		return kindUnknown, errors.New(c.redact(err.Error()))
	}
	switch {
	case strings.HasPrefix(token, "dbtc_"):
		return kindService, nil
	case strings.HasPrefix(token, "dbtu_"):
		return kindPersonal, nil
	case len(token) == 40 && strings.Trim(token, "0123456789abcdef") == "":
		return kindLegacy, nil
	}
	return kindUnknown, nil
}
