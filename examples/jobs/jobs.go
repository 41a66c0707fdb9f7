package main

import "github.com/slimci/dbtcloud"

// project is where the jobs live, and what starts the one for pull requests.
type project struct {
	id           int64
	production   int64 // environment
	ci           int64 // environment
	pullRequests dbtcloud.JobTriggers
}

// jobs are the jobs as they should be. What is not said here has the default that [dbtcloud.JobRequest] states.
func (p project) jobs() []dbtcloud.JobRequest {
	return []dbtcloud.JobRequest{
		{
			Name:          "Production, nightly",
			Description:   "Rebuilds everything with the data of the day.",
			ProjectID:     p.id,
			EnvironmentID: p.production,
			Type:          dbtcloud.JobScheduled,
			ExecuteSteps:  []string{"dbt build"},
			Triggers:      &dbtcloud.JobTriggers{Schedule: true},
			Schedule:      dbtcloud.DailyAt(3), // UTC
			GenerateDocs:  new(true),
		},
		{
			Name:                   "Production, on merge",
			Description:            "Brings merged changes to production at once.",
			ProjectID:              p.id,
			EnvironmentID:          p.production,
			Type:                   dbtcloud.JobMerge,
			ExecuteSteps:           []string{"dbt build --select state:modified+"},
			Triggers:               &dbtcloud.JobTriggers{OnMerge: true},
			DeferringEnvironmentID: p.production,
		},
		{
			Name:                   "Slim CI",
			Description:            "Builds what a pull request changes, beside production.",
			ProjectID:              p.id,
			EnvironmentID:          p.ci,
			Type:                   dbtcloud.JobCI,
			ExecuteSteps:           []string{"dbt build --select state:modified+"},
			Triggers:               &p.pullRequests,
			DeferringEnvironmentID: p.production,
		},
	}
}
