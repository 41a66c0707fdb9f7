package main

import (
	"errors"
	"fmt"
	"time"
)

// Plan is what an orchestrator runs.
type Plan struct {
	Projects []Project
	CISlots  int // the CI job is cloned only while fewer run slots than that are taken, so that production finds one; 0: while any is free
}

// Project is a project of the account.
type Project struct {
	Name  string
	CIJob int64         // id of the Slim CI job
	Jobs  []Job         // production
	Every time.Duration // from the begin of one round of them to that of the next, which a long round delays
}

// Job is a production job.
type Job struct {
	Name  string
	ID    int64
	After []string // jobs above this one that must have succeeded in the same round
}

// plan is what this program runs: put your own projects and jobs here. The ids stand in the addresses of their pages.
func plan() Plan {
	return Plan{
		CISlots: 3,
		Projects: []Project{
			{Name: "shop", CIJob: 100, Every: 15 * time.Minute, Jobs: []Job{
				{Name: "sources", ID: 101},
				{Name: "models", ID: 102, After: []string{"sources"}},
				{Name: "dashboards", ID: 103, After: []string{"models"}},
				{Name: "exports", ID: 104, After: []string{"models"}},
			}},
			{Name: "finance", CIJob: 200, Every: time.Hour, Jobs: []Job{
				{Name: "ledger", ID: 201},
				{Name: "rates", ID: 202},
				{Name: "statements", ID: 203, After: []string{"ledger", "rates"}},
			}},
		},
	}
}

// check reports every mistake in a plan.
func (p Plan) check() error {
	var problems []error
	names := map[string]bool{}
	for _, project := range p.Projects {
		if names[project.Name] || project.CIJob <= 0 || project.Every <= 0 {
			problems = append(problems, fmt.Errorf("project %q: needs a name of its own, the id of a CI job, and how often production runs", project.Name))
		}
		names[project.Name] = true
		problems = append(problems, project.check()...)
	}
	return errors.Join(problems...)
}

// check makes sure that a job only waits for jobs above it: so nothing can wait for itself.
func (p Project) check() (problems []error) {
	above := map[string]bool{}
	for _, job := range p.Jobs {
		if above[job.Name] || job.ID <= 0 {
			problems = append(problems, fmt.Errorf("job %q of %q: needs a name of its own and an id", job.Name, p.Name))
		}
		for _, name := range job.After {
			if !above[name] {
				problems = append(problems, fmt.Errorf("job %q of %q: there is no job %q above it", job.Name, p.Name, name))
			}
		}
		above[job.Name] = true
	}
	return problems
}
