package contract

import (
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// write is a write of the fake, strict as it is by default.
type write struct {
	operation string
	begin     func(s *dbtcloudtest.Server) (id int64, body object) // the last id in its path, and a body that the fake takes
	lenience
}

// lenience is what the service is known to take although the document forbids it, besides the departures.
type lenience struct {
	taken string            // fields
	loose []string          // values
	nulls string            // fields in which it takes null, which the documents allow nowhere
	edits map[string]object // how a field is added for which not any value of its type will do
}

func writes() []write {
	return slices.Concat(jobWrites(), resourceWrites(), variableWrites(), bulkWrites())
}

func jobWrites() []write {
	edits := map[string]object{
		"id": {"id": nil}, "job_completion_trigger_condition": {"job_completion_trigger_condition": nil}, "force_node_selection": {"force_node_selection": nil},
		"schedule.time.hours": {"schedule": object{"date": object{"type": "every_day"}, "time": object{"type": "at_exact_hours", "hours": []int{6}}}},
	}
	// What a job answers for what it has not, and peers send back: terraform-provider-dbtcloud job.go, dbt-jobs-as-code, dbtc.
	update := lenience{loose: []string{`description: ""`}, edits: edits, nulls: `dbt_version deferring_environment_id
		deferring_job_definition_id schedule schedule.cron schedule.date.cron schedule.date.days schedule.time.hours
		triggers.custom_branch_only triggers.git_provider_webhook triggers.on_merge`}
	create := update
	create.taken = "force_node_selection id" // terraform-provider-dbtcloud job.go sends both
	// Airflow's dbt Cloud operator and dbt-cloud-cli send every field of a trigger, null for what is not given.
	trigger := lenience{nulls: `azure_pull_request_id dbt_version_override generate_docs_override git_branch git_sha github_pull_request_id
		gitlab_merge_request_id non_native_pull_request_id schema_override steps_override target_name_override threads_override
		timeout_seconds_override`}
	return []write{
		{"v2 Create Job", func(*dbtcloudtest.Server) (int64, object) { return 0, wholeBody(0) }, create},
		{"v2 Update Job", func(s *dbtcloudtest.Server) (int64, object) { id := addJob(s); return id, wholeBody(id) }, update},
		{"v2 Trigger Job Run", func(s *dbtcloudtest.Server) (int64, object) { return addJob(s), object{"cause": "a test"} }, trigger},
	}
}

func addJob(s *dbtcloudtest.Server) int64 { return s.AddJob(dbtcloudtest.JobSpec{JobType: "other"}) }

// wholeBody is a job write with every object that a job has; id is 0 for a new one.
func wholeBody(id int64) object {
	body := jobBody(object{"job_type": "other", "schedule": object{"date": object{"type": "every_day"}, "time": object{"type": "every_hour", "interval": 1}}})
	if id != 0 {
		body["id"] = id
	}
	return body
}

// resourceWrites are those of accounts, projects and environments.
func resourceWrites() []write {
	// What they answer for what they have not, and terraform-provider-dbtcloud project.go and environment.go send back, with
	// the id, which is null for a new one.
	noID := map[string]object{"id": {"id": nil}}
	project := lenience{taken: "id", edits: noID, nulls: `connection_id dbt_project_subdirectory description docs_job_id freshness_job_id
		repository_id semantic_layer_config_id`}
	environment := lenience{taken: "id", edits: noID, nulls: `connection_id credentials_id custom_branch deployment_type
		extended_attributes_id primary_profile_id`}
	return []write{
		{"v2 Update Account", func(*dbtcloudtest.Server) (int64, object) { return 0, object{"name": "After", "state": 1} }, lenience{}},
		{"v2 Partial Update Account", func(*dbtcloudtest.Server) (int64, object) { return 0, object{"name": "After", "state": 1} }, lenience{}},
		{"v3 Create Project", func(*dbtcloudtest.Server) (int64, object) { return 0, projectBody() }, project},
		{"v3 Update Project", func(s *dbtcloudtest.Server) (int64, object) { return s.AddProject(0, "Before"), projectBody() }, project},
		{"v3 Create Environment", func(*dbtcloudtest.Server) (int64, object) { return 0, environmentBody() }, environment},
		{"v3 Update Environment", func(s *dbtcloudtest.Server) (int64, object) {
			return s.AddEnvironment(0, dbtcloudtest.DefaultProjectID, "Before"), environmentBody()
		}, environment},
	}
}

func projectBody() object {
	return object{"account_id": dbtcloudtest.DefaultAccountID, "name": "New", "state": 1, "type": 0}
}

func environmentBody() object {
	return object{
		"account_id": dbtcloudtest.DefaultAccountID, "project_id": dbtcloudtest.DefaultProjectID, "name": "New", "state": 1,
		"type": "deployment", "dbt_version": "latest", "use_custom_branch": false, "supports_docs": false,
	}
}

func variableWrites() []write {
	body := func(job int64) object {
		return object{"account_id": dbtcloudtest.DefaultAccountID, "project_id": dbtcloudtest.DefaultProjectID, "name": "DBT_NEW", "type": "job", "job_definition_id": job}
	}
	// terraform-provider-dbtcloud environment_variable_job_override.go sends null for them.
	variable := lenience{taken: "id", edits: map[string]object{"id": {"id": nil}}, nulls: "environment_id user_id"}
	return []write{
		{"v3 Create Projects Environment Variable", func(s *dbtcloudtest.Server) (int64, object) { return 0, body(addJob(s)) }, variable},
		{"v3 Update Projects Environment Variable", func(s *dbtcloudtest.Server) (int64, object) {
			job := addJob(s)
			return s.AddEnvVarOverride(job, "DBT_LIMIT", "1"), body(job)
		}, variable},
	}
}

func bulkWrites() []write {
	with := func(body func() object) func(*dbtcloudtest.Server) (int64, object) {
		return func(s *dbtcloudtest.Server) (int64, object) {
			s.AddProjectEnvVar(dbtcloudtest.DefaultProjectID, "DBT_OLD", "1")
			return 0, body()
		}
	}
	create := func() object { return object{"env_var": []any{object{"new_name": "DBT_NEW", "project": "1"}}} }
	update := func() object { return object{"env_vars": object{"name": "DBT_OLD", "new_name": "DBT_NEW"}} }
	remove := func() object { return object{"name": "DBT_OLD"} }
	return []write{
		{"v3 Create Projects Environment Variables Bulk", with(create), lenience{}},
		{"v3 Update Projects Environment Variables Bulk", with(update), lenience{}},
		{"v3 Destroy Projects Environment Variables Bulk", with(remove), lenience{}},
	}
}

// schema is what the document has for the body, or the departure where it has none.
func (w write) schema(op *operation) *openapi3.Schema {
	if schema := op.requestSchema(); schema != nil {
		return schema
	}
	whole := violation{where: w.operation + " body", field: "all", problem: "unknown"}
	return index(requestDepartures())[whole.String()].shape
}

// official are the fields of the schema and of the departures.
func (w write) official(op *operation) []string {
	out := fields(w.schema(op))
	for _, d := range requestDepartures() {
		if d.where == w.operation+" body" && d.fields != settingOfTomorrow && d.fields != "all" {
			out = append(out, strings.Fields(d.fields)...)
		}
	}
	return out
}
