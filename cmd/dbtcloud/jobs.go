package main

import (
	"context"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/slimci/dbtcloud"
	"github.com/spf13/cobra"
)

func (a app) jobs(g *global) *cobra.Command {
	r, w := jobResource(), jobWriter()
	create := createCommand(a, g, r, w)
	create.Example = jobsCreateExample
	update := updateCommand(a, g, r, w)
	update.Long += jobsUpdateHelp
	return commands("jobs", "List, show, make, change, delete, trigger and deploy jobs",
		r.listCommand(a, g), r.getCommand(a, g), create, update, r.deleteCommand(a, g), a.jobsTrigger(g), a.jobsDeploy(g))
}

const jobsCreateExample = `  dbtcloud jobs create --project Analytics --environment Production --name Nightly --step "dbt build" --at-hours 4
  dbtcloud jobs create --project Analytics --environment CI --name "Slim CI" --type ci --defer-to Production \
      --step "dbt build --select state:modified+" --trigger-on-pull-requests
  dbtcloud jobs get Nightly --output json | jq '{execute_steps, settings}' | dbtcloud jobs update Hourly --file -`

const jobsUpdateHelp = `

A flag that says what starts the job turns off what has started it so far, but for the
end of another job: --schedule-cron, --at-hours, --every-hours, --trigger-on-pull-requests,
--trigger-on-merge and --no-triggers.`

func jobResource() resource[*dbtcloud.Job] {
	type job = *dbtcloud.Job
	return resource[job]{
		kind: "job", inEnvironment: true,
		id:      func(j job) int64 { return j.ID },
		name:    func(j job) string { return j.Name },
		project: func(j job) int64 { return j.ProjectID },
		columns: []column[job]{
			{"ID", func(j job) string { return idText(j.ID) }},
			{"NAME", func(j job) string { return j.Name }},
			{"TYPE", func(j job) string { return string(j.Type) }},
			{"PROJECT", func(j job) string { return idText(j.ProjectID) }},
			{"ENVIRONMENT", func(j job) string { return idText(j.EnvironmentID) }},
			{"STARTED BY", jobTriggers},
		},
		details: jobDetails(),
		all: func(ctx context.Context, s scope, contains string) iter.Seq2[job, error] {
			return s.client.Jobs.All(ctx, dbtcloud.JobFilter{ProjectID: s.project, EnvironmentID: s.environment, NameContains: contains})
		},
		get:    func(ctx context.Context, s scope, id int64) (job, error) { return s.client.Jobs.Get(ctx, id) },
		delete: func(ctx context.Context, s scope, id int64) error { return s.client.Jobs.Delete(ctx, id) },
	}
}

func jobDetails() []column[*dbtcloud.Job] {
	type job = *dbtcloud.Job
	return []column[job]{
		{"DESCRIPTION", func(j job) string { return j.Description }},
		{"STEPS", func(j job) string { return strings.Join(j.ExecuteSteps, "; ") }},
		{"SCHEDULE", jobSchedule},
		{"NEXT RUN", func(j job) string { return clockTime(j.NextRun) }},
		{"DEFERS TO", func(j job) string { return idText(j.DeferringEnvironmentID) }},
		{"THREADS", func(j job) string { return strconv.Itoa(j.Settings.Threads) }},
		{"TARGET", func(j job) string { return j.Settings.TargetName }},
		{"TIMEOUT", func(j job) string { return duration(j.Execution.TimeoutSeconds) }},
		{"DOCS", func(j job) string { return strconv.FormatBool(j.GenerateDocs) }},
		{"DBT VERSION", func(j job) string { return or(j.DbtVersion, "of the environment") }},
		{"DEACTIVATED", func(j job) string { return strconv.FormatBool(j.Deactivated) }},
		{"CREATED", func(j job) string { return clockTime(j.CreatedAt) }},
		{"UPDATED", func(j job) string { return clockTime(j.UpdatedAt) }},
	}
}

// jobTriggers is what starts the job by itself.
func jobTriggers(j *dbtcloud.Job) string {
	var words []string
	for _, by := range []struct {
		on   bool
		word string
	}{
		{j.Triggers.Schedule, "schedule"}, {j.Triggers.GitHubWebhook || j.Triggers.GitProviderWebhook, "pull requests"},
		{j.Triggers.OnMerge, "merges"}, {j.CompletionTrigger != nil, "another job"},
	} {
		if by.on {
			words = append(words, by.word)
		}
	}
	return strings.Join(words, ", ")
}

func jobSchedule(j *dbtcloud.Job) string {
	if !j.Triggers.Schedule || j.Schedule == nil {
		return ""
	}
	return or(j.CronHumanized, or(j.Schedule.Cron, j.Schedule.Date.Cron))
}

// duration is a number of seconds as people write it; empty for none.
func duration(seconds int) string {
	if seconds == 0 {
		return ""
	}
	return (time.Duration(seconds) * time.Second).String()
}

// idText is an id as tables show it; empty for none.
func idText(id int64) string {
	if id == 0 {
		return ""
	}
	return strconv.FormatInt(id, 10)
}
