package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slimci/dbtcloud"
	"github.com/spf13/pflag"
)

func jobWriter() writer[*dbtcloud.Job, dbtcloud.JobRequest] {
	return writer[*dbtcloud.Job, dbtcloud.JobRequest]{
		flags:    func() fields[dbtcloud.JobRequest] { return new(jobFlags) },
		required: []field{{"project", "project_id"}, {"environment", "environment_id"}, {"name", "name"}, {"step", "execute_steps"}},
		create: func(ctx context.Context, s scope, req dbtcloud.JobRequest) (*dbtcloud.Job, error) {
			set(&req.ProjectID, s.project)
			return s.client.Jobs.Create(ctx, req)
		},
		update: func(ctx context.Context, s scope, id int64, req dbtcloud.JobRequest) (*dbtcloud.Job, error) {
			return s.client.Jobs.Update(ctx, id, req)
		},
	}
}

// jobFlags are the flags of jobs create and jobs update.
type jobFlags struct {
	environment, deferTo               reference
	name, description, target, version text
	kind                               choice
	steps                              []string
	threads                            number
	timeout                            seconds
	docs                               *bool
	cron                               text
	atHours                            several[int]
	everyHours                         number
	days                               several[time.Weekday]
	onPullRequests, onMerge, onNothing bool
}

func (f *jobFlags) add(fs *pflag.FlagSet) {
	fs.SortFlags = false
	f.kind = choice{allowed: []string{"ci", "merge", "scheduled", "other"}}
	f.threads.min, f.timeout.min = 1, time.Second
	fs.Var(&f.environment, "environment", "the environment that it runs in")
	fs.Var(&f.name, "name", "its name")
	fs.StringArrayVar(&f.steps, "step", nil, "a `command` that it carries out, such as \"dbt build\"; give one --step for each")
	fs.Var(&f.kind, "type", "ci, merge, scheduled or other (default: left to the service)")
	fs.Var(&f.description, "description", "what it is for")
	fs.Var(&f.deferTo, "defer-to", "the environment that it defers to")
	fs.Var(&f.target, "target", "name of the dbt target")
	fs.Var(&f.threads, "threads", "number of dbt threads")
	fs.Var(&f.timeout, "timeout", "cancel its runs after this time")
	fs.Var(&f.version, "dbt-version", "version of dbt (default: that of the environment)")
	perhaps(fs, &f.docs, "docs", "generate docs; --docs=false does not")
	f.addTriggers(fs)
}

func (f *jobFlags) addTriggers(fs *pflag.FlagSet) {
	f.everyHours.min = 1
	f.atHours = several[int]{parse: parseHour, want: "hours from 0 to 23"}
	f.days = several[time.Weekday]{parse: parseDay, want: "days: mon, tue, wed, thu, fri, sat, sun"}
	fs.Var(&f.cron, "schedule-cron", "run by this cron expression of five fields, UTC")
	fs.Var(&f.atHours, "at-hours", "run at these full hours, UTC, such as 6,18")
	fs.Var(&f.everyHours, "every-hours", "run every so many hours, from 1 to 23")
	fs.Var(&f.days, "days", "with --at-hours or --every-hours: only on these days, such as mon,fri")
	yes(fs, &f.onPullRequests, "trigger-on-pull-requests", "run when GitHub tells of a pull request; for other git hosts give triggers.git_provider_webhook in --file")
	yes(fs, &f.onMerge, "trigger-on-merge", "run when a pull request is merged")
	yes(fs, &f.onNothing, "no-triggers", "run only when somebody, or the API, says so")
}

func parseHour(word string) ([]int, bool) {
	n, err := strconv.Atoi(word)
	return []int{n}, err == nil && n >= 0 && n < 24
}

func parseDay(word string) ([]time.Weekday, bool) {
	for day := time.Sunday; day <= time.Saturday; day++ {
		name := strings.ToLower(day.String())
		if word == name || word == name[:3] {
			return []time.Weekday{day}, true
		}
	}
	return nil, false
}

// check refuses flags that contradict each other.
func (f *jobFlags) check() error {
	if _, err := f.triggers(); err != nil {
		return err
	}
	if len(f.days.values) > 0 && len(f.atHours.values) == 0 && f.everyHours.value == 0 {
		return errors.New("--days: belongs to --at-hours or --every-hours: give one of them")
	}
	if i := slices.IndexFunc(f.steps, func(step string) bool { return strings.TrimSpace(step) == "" }); i >= 0 {
		return fmt.Errorf("--step: number %d is empty: is the variable set that it comes from?", i+1)
	}
	return nil
}

// triggers are the flags that say what starts the job: one may.
func (f *jobFlags) triggers() ([]string, error) {
	return atMostOne(option{"--schedule-cron", f.cron.value != ""}, option{"--at-hours", len(f.atHours.values) > 0},
		option{"--every-hours", f.everyHours.value > 0}, option{"--trigger-on-pull-requests", f.onPullRequests},
		option{"--trigger-on-merge", f.onMerge}, option{"--no-triggers", f.onNothing})
}

func (f *jobFlags) apply(ctx context.Context, s scope, req *dbtcloud.JobRequest) error {
	set(&req.Name, f.name.value)
	set(&req.Description, f.description.value)
	set(&req.DbtVersion, f.version.value)
	set(&req.Type, dbtcloud.JobType(f.kind.value))
	set(&req.GenerateDocs, f.docs)
	if len(f.steps) > 0 {
		req.ExecuteSteps = f.steps
	}
	if f.timeout.value > 0 {
		req.Execution = &dbtcloud.JobExecution{TimeoutSeconds: int(f.timeout.value / time.Second)}
	}
	if f.threads.value > 0 || f.target.value != "" {
		if req.Settings == nil {
			req.Settings = new(dbtcloud.JobSettings)
		}
		set(&req.Settings.Threads, int(f.threads.value))
		set(&req.Settings.TargetName, f.target.value)
	}
	f.applyTriggers(req)
	return f.applyEnvironments(ctx, s, req)
}

func (f *jobFlags) applyTriggers(req *dbtcloud.JobRequest) {
	var schedule *dbtcloud.JobSchedule
	switch {
	case f.cron.value != "":
		schedule = dbtcloud.CronSchedule(f.cron.value)
	case len(f.atHours.values) > 0:
		schedule = dbtcloud.DailyAt(f.atHours.values...)
	case f.everyHours.value > 0:
		schedule = dbtcloud.EveryHours(int(f.everyHours.value))
	}
	if schedule != nil && len(f.days.values) > 0 {
		schedule = schedule.On(f.days.values...)
	}
	set(&req.Schedule, schedule)
	if given, _ := f.triggers(); len(given) > 0 { // checked before
		req.Triggers = &dbtcloud.JobTriggers{Schedule: schedule != nil, GitHubWebhook: f.onPullRequests, OnMerge: f.onMerge}
	}
}

// applyEnvironments finds the environments that are named, in the project of the job.
func (f *jobFlags) applyEnvironments(ctx context.Context, s scope, req *dbtcloud.JobRequest) error {
	if s.project == 0 {
		s.project = req.ProjectID
	}
	environment, err := environmentResource().idOf(ctx, s, f.environment)
	if err != nil {
		return fmt.Errorf("--environment: %w", err)
	}
	deferTo, err := environmentResource().idOf(ctx, s, f.deferTo)
	if err != nil {
		return fmt.Errorf("--defer-to: %w", err)
	}
	set(&req.EnvironmentID, environment)
	set(&req.DeferringEnvironmentID, deferTo)
	return nil
}
