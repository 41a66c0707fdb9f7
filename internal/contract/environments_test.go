package contract

import (
	"errors"
	"testing"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// environmentScenarios are the uses of environments.
func environmentScenarios() []scenario {
	return []scenario{
		{"list environments", listEnvironments},
		{"get environments", getEnvironments},
		{"create environments", createEnvironments},
		{"delete environments", deleteEnvironments},
		{"clear the state cache", clearStateCache},
	}
}

func environmentIncludes() []dbtcloud.EnvironmentInclude {
	return []dbtcloud.EnvironmentInclude{dbtcloud.EnvironmentWithProject, dbtcloud.EnvironmentWithRepository, dbtcloud.EnvironmentWithConnection,
		dbtcloud.EnvironmentWithCredentials}
}

func listEnvironments(t *testing.T, c *contract) {
	w := c.begin(t)
	id := try(w.client.Environments.Create(t.Context(), dbtcloudtest.DefaultProjectID, wholeEnvironment())).must(t).ID
	if n := len(try(dbtcloud.Collect(w.client.Environments.All(t.Context(), dbtcloudtest.DefaultProjectID, dbtcloud.EnvironmentFilter{}))).must(t)); n != 3 {
		t.Errorf("%d environments, want 3", n)
	}
	found := try(dbtcloud.Collect(w.client.Environments.All(t.Context(), dbtcloudtest.DefaultProjectID, dbtcloud.EnvironmentFilter{
		IDs: []int64{id, dbtcloudtest.DefaultEnvironmentID}, After: 1, Name: "Whole", NameContains: "who", Type: dbtcloud.EnvironmentDeployment,
		DeploymentTypes: []dbtcloud.DeploymentType{dbtcloud.DeploymentProduction, dbtcloud.DeploymentStaging}, CredentialsID: 2,
		DbtVersions: []string{"latest", "1.9.0"}, IncludeDeleted: true, Include: environmentIncludes(),
	}))).must(t)
	if len(found) != 1 || found[0].ID != id {
		t.Errorf("the list holds %v, want environment %d", found, id)
	}
}

// getEnvironments reads an environment that has nothing, and one that has all.
func getEnvironments(t *testing.T, c *contract) {
	w := c.begin(t)
	const project, id = dbtcloudtest.DefaultProjectID, dbtcloudtest.DefaultEnvironmentID
	try(w.client.Environments.Get(t.Context(), project, id)).must(t)
	try(w.client.Environments.Get(t.Context(), project, id, environmentIncludes()...)).must(t)
	answer, _ := c.documents.named(t, "v3 Retrieve Environment").answerSchema(200)
	of, _ := c.documents.named(t, "v3 Retrieve Project").answerSchema(200)
	w.EditEnvironment(id, func(fields map[string]any) {
		fields["credentials"] = anyOf(at(answer, "data.credentials"))
		fields["connection"], fields["repository"] = anyOf(at(of, "data.connection")), anyOf(at(of, "data.repository"))
	})
	environment := try(w.client.Environments.Get(t.Context(), project, id, environmentIncludes()...)).must(t)
	if environment.Project == nil || environment.Credentials == nil || environment.Connection == nil || environment.Repository == nil {
		t.Errorf("the environment came without what was to be included: %s", environment.Raw())
	}
}

// wholeEnvironment is a request with every field set.
func wholeEnvironment() dbtcloud.EnvironmentRequest {
	return dbtcloud.EnvironmentRequest{
		Name: "Whole", DbtVersion: "latest", Type: dbtcloud.EnvironmentDeployment, DeploymentType: dbtcloud.DeploymentStaging,
		ConnectionID: 1, CredentialsID: 2, ExtendedAttributesID: 3, PrimaryProfileID: 4, UseCustomBranch: new(true), CustomBranch: "main",
		SupportsDocs: new(true), EnableModelQueryHistory: new(true), EnableDbtState: new(true),
	}
}

func createEnvironments(t *testing.T, c *contract) {
	w := c.begin(t)
	try(w.client.Environments.Create(t.Context(), dbtcloudtest.DefaultProjectID, dbtcloud.EnvironmentRequest{Name: "Few"})).must(t)
	environment := try(w.client.Environments.Create(t.Context(), dbtcloudtest.DefaultProjectID, wholeEnvironment())).must(t)
	if environment.CustomBranch != "main" || environment.PrimaryProfileID != 4 || !environment.EnableDbtState {
		t.Errorf("the environment came back without what was set: %s", environment.Raw())
	}
	development := dbtcloud.EnvironmentRequest{Name: "Development", Type: dbtcloud.EnvironmentDevelopment}
	try(w.client.Environments.Create(t.Context(), dbtcloudtest.DefaultProjectID, development)).must(t)
}

func deleteEnvironments(t *testing.T, c *contract) {
	for _, mode := range []dbtcloudtest.Deletes{dbtcloudtest.NoContent, dbtcloudtest.Envelope} {
		w := c.begin(t, dbtcloudtest.WithDeletes(mode))
		w.AddJob(dbtcloudtest.JobSpec{})
		const project = dbtcloudtest.DefaultProjectID
		if err := w.client.Environments.Delete(t.Context(), project, dbtcloudtest.DefaultEnvironmentID); !errors.Is(err, dbtcloud.ErrBadRequest) {
			t.Errorf("deleting it while it is in use: %v, want ErrBadRequest", err)
		}
		id := w.AddEnvironment(0, project, "Staging")
		noError(t, w.client.Environments.Delete(t.Context(), project, id))
		if err := w.client.Environments.Delete(t.Context(), project, id); !errors.Is(err, dbtcloud.ErrNotFound) {
			t.Errorf("deleting it again: %v, want ErrNotFound", err)
		}
	}
}

func clearStateCache(t *testing.T, c *contract) {
	w := c.begin(t)
	noError(t, w.client.Environments.ClearStateCache(t.Context(), dbtcloudtest.DefaultEnvironmentID))
	if err := w.client.Environments.ClearStateCache(t.Context(), 7); !errors.Is(err, dbtcloud.ErrNotFound) {
		t.Errorf("of no environment: %v, want ErrNotFound", err)
	}
}
