package contract

import (
	"errors"
	"testing"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// projectScenarios are the uses of projects.
func projectScenarios() []scenario {
	return []scenario{
		{"list projects", listProjects},
		{"get projects", getProjects},
		{"create projects", createProjects},
		{"delete projects", deleteProjects},
	}
}

func projectIncludes() []dbtcloud.ProjectInclude {
	return []dbtcloud.ProjectInclude{dbtcloud.ProjectWithRepository, dbtcloud.ProjectWithConnection, dbtcloud.ProjectWithGroupPermissions,
		dbtcloud.ProjectWithDocsJob, dbtcloud.ProjectWithFreshnessJob}
}

func listProjects(t *testing.T, c *contract) {
	w := c.begin(t)
	id := w.AddProject(0, "Finance")
	if n := len(try(dbtcloud.Collect(w.client.Projects.All(t.Context(), dbtcloud.ProjectFilter{}))).must(t)); n != 2 {
		t.Errorf("%d projects, want 2", n)
	}
	found := try(dbtcloud.Collect(w.client.Projects.All(t.Context(), dbtcloud.ProjectFilter{
		IDs: []int64{id, dbtcloudtest.DefaultProjectID}, After: 1, NameContains: "fin", IncludeDeleted: true, Include: projectIncludes(),
	}))).must(t)
	if len(found) != 1 || found[0].ID != id {
		t.Errorf("the list holds %v, want project %d", found, id)
	}
}

// getProjects reads a project that has nothing, and one that has all.
func getProjects(t *testing.T, c *contract) {
	w := c.begin(t)
	try(w.client.Projects.Get(t.Context(), dbtcloudtest.DefaultProjectID)).must(t)
	try(w.client.Projects.Get(t.Context(), dbtcloudtest.DefaultProjectID, projectIncludes()...)).must(t)
	docs := w.AddJob(dbtcloudtest.JobSpec{JobType: "other"})
	answer, _ := c.documents.named(t, "v3 Retrieve Project").answerSchema(200)
	w.EditProject(dbtcloudtest.DefaultProjectID, func(fields map[string]any) {
		for _, name := range []string{"repository", "connection"} {
			fields[name] = anyOf(at(answer, "data."+name))
		}
		fields["docs_job_id"], fields["freshness_job_id"] = docs, docs
	})
	project := try(w.client.Projects.Get(t.Context(), dbtcloudtest.DefaultProjectID, projectIncludes()...)).must(t)
	if project.Repository == nil || project.Connection == nil || project.DocsJob == nil || project.FreshnessJob == nil {
		t.Errorf("the project came without what was to be included: %s", project.Raw())
	}
}

// wholeProject is a request with every field set.
func wholeProject() dbtcloud.ProjectRequest {
	return dbtcloud.ProjectRequest{
		Name: "Whole", Description: "every field", ConnectionID: 1, RepositoryID: 2, SemanticLayerConfigID: 3, Subdirectory: "dbt",
		DocsJobID: 4, FreshnessJobID: 5, Type: dbtcloud.ProjectHybrid,
	}
}

func createProjects(t *testing.T, c *contract) {
	w := c.begin(t)
	try(w.client.Projects.Create(t.Context(), dbtcloud.ProjectRequest{Name: "Few"})).must(t)
	project := try(w.client.Projects.Create(t.Context(), wholeProject())).must(t)
	if project.SemanticLayerConfigID != 3 || project.Subdirectory != "dbt" || project.Type != dbtcloud.ProjectHybrid {
		t.Errorf("the project came back without what was set: %s", project.Raw())
	}
}

func deleteProjects(t *testing.T, c *contract) {
	for _, mode := range []dbtcloudtest.Deletes{dbtcloudtest.NoContent, dbtcloudtest.Envelope} {
		w := c.begin(t, dbtcloudtest.WithDeletes(mode))
		w.AddJob(dbtcloudtest.JobSpec{})
		if err := w.client.Projects.Delete(t.Context(), dbtcloudtest.DefaultProjectID); !errors.Is(err, dbtcloud.ErrBadRequest) {
			t.Errorf("deleting it while it is in use: %v, want ErrBadRequest", err)
		}
		id := w.AddProject(0, "Finance")
		noError(t, w.client.Projects.Delete(t.Context(), id))
		if err := w.client.Projects.Delete(t.Context(), id); !errors.Is(err, dbtcloud.ErrNotFound) {
			t.Errorf("deleting it again: %v, want ErrNotFound", err)
		}
	}
}
