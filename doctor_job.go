package dbtcloud

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

func (c *checkup) judgeJob() verdict {
	job, err := c.job.v, c.job.err
	switch {
	case c.jobID == 0:
		return note("none was named, so neither a job nor the permissions for it were looked at", "set JobID (--job-id)")
	case job != nil && job.ID != c.jobID:
		return problem(fmt.Sprintf("asked for job %d, the server answered with %d", c.jobID, job.ID), "check the host")
	case job != nil && job.State == StateDeleted:
		return problem(fmt.Sprintf("%s (%d) is deleted", job.Name, job.ID), "use a job that exists")
	case job != nil && job.Deactivated:
		return problem(fmt.Sprintf("%s (%d) is deactivated after %d failed runs: nothing triggers it", job.Name, job.ID, job.RunFailureCount),
			"run it by hand or save it in dbt Cloud; then look why it fails")
	case job != nil:
		return fine("%s (%d)", job.Name, job.ID)
	case c.unauthorized() != nil:
		return notLookedAt("the token was refused")
	case replyOf(err) != replyNo:
		return notLookedAt("the request failed: " + short(err))
	}
	return problem(fmt.Sprintf("job %d cannot be read: %s", c.jobID, short(err)), "check the job id and the account; if both are right, the token lacks a permission set with jobs of this project")
}

func (c *checkup) judgeSource() verdict {
	name, clone := parseCloneName(c.job.v.Name)
	if clone {
		return problem("the job is itself a clone, made for "+name.pr.String(), fmt.Sprintf("use the job that it was cloned from: %d", name.source))
	}
	return fine("the job is no clone")
}

func (c *checkup) judgeType() verdict {
	kind := c.job.v.Type
	if kind == JobCI {
		return fine("ci")
	}
	needed := c.account.v != nil && slices.Contains(c.rules.nativePlans, c.account.v.Plan)
	return graver(needed, fmt.Sprintf("%s: the platform does not treat its runs as those of pull requests, and they take run slots", kind),
		"make a new job of the type ci: an existing one cannot become one")
}

func (c *checkup) judgeTriggers() verdict {
	t := c.job.v.Triggers
	switch {
	case t.GitHubWebhook || t.GitProviderWebhook:
		return problem("the job is also triggered by its own pull-request webhook: every push starts two runs", "turn off its trigger by pull requests")
	case t.OnMerge || t.Schedule || c.job.v.CompletionTrigger != nil:
		return note("the job is also triggered by a merge, a schedule or another job; such a run keeps it busy", "turn that trigger off, or make a job of its own for it")
	}
	return fine("off")
}

func (c *checkup) judgeDeferral() verdict {
	const mend = "defer to the production environment"
	job := c.job.v
	switch {
	case job.DeferringEnvironmentID == 0 && job.DeferringJobID == 0:
		return problem("the job defers to nothing: state:modified has no state to compare with", mend)
	case job.DeferringEnvironmentID == 0 && job.DeferringJobID == job.ID:
		return problem("the job defers to itself: a pull request is compared with whichever ran before it", mend)
	case job.DeferringEnvironmentID == 0:
		return note(fmt.Sprintf("to job %d, a way to defer that dbt Cloud is giving up", job.DeferringJobID), mend)
	case job.DeferringEnvironmentID == job.EnvironmentID:
		return note(fmt.Sprintf("to environment %d, in which it runs itself: if that is not where production builds, pull requests are compared with each other", job.EnvironmentID), mend)
	}
	return fine("to environment %d", job.DeferringEnvironmentID)
}

// dbtSteps are the steps of a run: those of the job unless the caller overrides them.
func (c *checkup) dbtSteps() []dbtStep {
	commands := c.job.v.ExecuteSteps
	if len(c.steps) > 0 {
		commands = c.steps
	}
	steps := make([]dbtStep, len(commands))
	for i, command := range commands {
		steps[i] = readStep(command)
	}
	return steps
}

func (c *checkup) judgeSelector() verdict {
	var found, yaml []string
	misspelt := false
	for _, step := range c.dbtSteps() {
		found = append(found, step.byState()...)
		yaml = append(yaml, step.selectors...)
		misspelt = misspelt || slices.ContainsFunc(step.selects, func(atom string) bool { return stateTrap(atom) != "" })
	}
	slices.Sort(found)
	switch {
	case len(found) > 0:
		return fine("%s", strings.Join(slices.Compact(found), ", "))
	case misspelt:
		return problem("no step has one that dbt understands", "see commands")
	case len(yaml) > 0:
		return unclear("the steps use the YAML selector %s, whose definition is part of the project", strings.Join(yaml, ", "))
	}
	return problem("no step selects by state: every pull request builds the whole project, or what else is selected", "select what is modified: dbt build --select state:modified+")
}

func (c *checkup) judgeCommands() verdict {
	steps := c.dbtSteps()
	var traps, notes []string
	for i, step := range steps {
		for _, text := range step.traps() {
			traps = append(traps, fmt.Sprintf("step %d: %s", i+1, text))
		}
		for _, text := range step.notes(steps) {
			notes = append(notes, fmt.Sprintf("step %d: %s", i+1, text))
		}
	}
	switch {
	case len(steps) == 0:
		return problem("the job has none", "add dbt build --select state:modified+")
	case len(traps) > 0:
		return problem(strings.Join(append(traps, notes...), "; "), "edit the steps")
	case len(notes) > 0:
		return note(strings.Join(notes, "; "), "edit the steps if that is not meant so")
	}
	return fine("%d, and nothing odd about them", len(steps))
}

func (c *checkup) judgeEnvironment() verdict {
	var answered struct {
		Environment *struct {
			ID    int64  `json:"id"`
			Name  string `json:"name"`
			Type  string `json:"type"`
			State State  `json:"state"`
		} `json:"environment"`
	}
	err := decode(c.job.v.raw.json, &answered)
	env := answered.Environment
	switch {
	case err != nil || env == nil:
		return notLookedAt(fmt.Sprintf("the job came without its environment %d", c.job.v.EnvironmentID))
	case env.State == StateDeleted:
		return problem(fmt.Sprintf("%s (%d) is deleted", env.Name, env.ID), "have the job run in a deployment environment that exists")
	case env.Type == "deployment":
		return fine("%s (%d), of type deployment", env.Name, env.ID)
	}
	return problem(fmt.Sprintf("%s (%d) is of type %s: jobs run in deployment environments only", env.Name, env.ID, env.Type), "have the job run in a deployment environment")
}

func (c *checkup) judgeSettings() verdict {
	if fields := unknownFields(c.job.v); len(fields) > 0 {
		return note("the job has settings that this version does not know and clones lack: "+strings.Join(fields, ", "), "use a newer version, or mode queue if they matter")
	}
	return fine("a clone has all of them")
}

func (c *checkup) judgeCloneable() verdict {
	if c.overrides.err != nil {
		return notLookedAt("its overrides of environment variables cannot be read")
	}
	if why := obstacle(c.overrides.v, nil); why != "" {
		return graver(c.wantsClones(), "no: "+why+"; pull requests queue on the job", "give the variable its value in the environment or the project instead of the job")
	}
	return fine("yes, no override of an environment variable is secret")
}

func (c *checkup) judgeReadRuns() verdict {
	switch replyOf(c.runs.err) {
	case replyYes:
		return fine("allowed; %d are active", len(c.runs.v))
	case replyNo:
		if c.unauthorized() != nil {
			return notLookedAt("the token was refused")
		}
		return problem(fmt.Sprintf("refused (%s): without them nothing can be autoscaled", short(c.runs.err)), "give the token a permission set with runs, such as Job Admin")
	}
	return notLookedAt("the request failed: " + short(c.runs.err))
}

func (c *checkup) judgeClones() verdict {
	switch replyOf(c.clones.err) {
	case replyYes:
		return fine("allowed; there are %d", len(c.clones.v))
	case replyNo:
		return graver(c.wantsClones(), fmt.Sprintf("refused (%s): clones that were left behind are never found", short(c.clones.err)), "give the token a permission set with jobs of this project, such as Job Admin")
	}
	return notLookedAt("the request failed: " + short(c.clones.err))
}

func (c *checkup) judgeCancel() verdict {
	before, after, err := c.ended.v, c.cancelled.v, c.cancelled.err
	switch {
	case before == nil && errors.Is(err, errNoEndedRun):
		return notLookedAt(err.Error())
	case before == nil:
		return notLookedAt("the runs of the job cannot be listed: " + short(err))
	case err == nil && after.ID == before.ID && after.Status == before.Status, replyOf(err) == replyInvalid:
		return fine("allowed, and so to trigger them")
	case err == nil:
		return problem(fmt.Sprintf("run %d had ended with status %s, and a cancel of it answers with run %d, %s", before.ID, before.Status, after.ID, after.Status), "look at that run in dbt Cloud")
	case replyOf(err) == replyNo:
		return problem(fmt.Sprintf("refused (%s): nothing can be cancelled, nor triggered", short(err)), "give the token a permission set that writes runs: Job Runner, or Job Admin")
	}
	return notLookedAt("the request failed: " + short(err))
}

func (c *checkup) judgeCreate() verdict {
	p := c.creating
	switch replyOf(p.err) {
	case replyInvalid:
		return fine("allowed")
	case replyYes:
		return problem("a request that asks for no job was taken; "+p.made(), "look for a job without a name, and delete it")
	case replyNo:
		return graver(c.wantsClones(), fmt.Sprintf("refused (%s): pull requests queue on the job itself", short(p.err)),
			"give the token a permission set that writes jobs, such as Job Admin, in the environment of the job, or use mode queue")
	}
	return notLookedAt("the request failed: " + short(p.err))
}

// made says what came of a request that must not succeed.
func (p probe) made() string {
	if p.id == 0 {
		return "what came back has no id"
	}
	return fmt.Sprintf("what came back has the id %d", p.id)
}

func (c *checkup) judgeReadOverrides() verdict {
	switch replyOf(c.overrides.err) {
	case replyNo:
		return graver(c.wantsClones(), fmt.Sprintf("refused (%s): the job is never cloned, because a clone might lack some; pull requests queue on the job", short(c.overrides.err)),
			"give the token a permission set that reads environment variables, such as Job Admin")
	case replyYes:
		return fine("allowed; the job has %d", len(c.overrides.v))
	}
	return notLookedAt("the request failed: " + short(c.overrides.err))
}

func (c *checkup) judgeCopyOverrides() verdict {
	p, has := c.setting, len(c.overrides.v) > 0
	switch replyOf(p.err) {
	case replyInvalid:
		return fine("allowed")
	case replyYes:
		return problem("a request that names no variable was taken; "+p.made(), "look for a variable without a name in the project, and delete it")
	case replyNo:
		text := fmt.Sprintf("refused (%s): a job with overrides is not cloned", short(p.err))
		if has {
			text += fmt.Sprintf(", and this one has %d", len(c.overrides.v))
		} else {
			text += "; this one has none that the token sees"
		}
		return graver(has && c.wantsClones(), text, "give the token a permission set that writes environment variables, such as Job Admin")
	}
	return notLookedAt("the request failed: " + short(p.err))
}
