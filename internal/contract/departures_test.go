package contract

import (
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// departure is something that the service is known to need, or to do, although the official document says otherwise.
type departure struct {
	where   string
	problem string
	fields  string           // the fields that it holds for; a star is every key of an object
	shape   *openapi3.Schema // what an unknown field of a request must look like
	source  string           // where it was seen, and by whom it is relied on
}

// departures are all of them. One that nothing uses any more fails the test.
func departures() []departure {
	return slices.Concat(requestDepartures(), answerDepartures(), resourceDepartures())
}

func requestDepartures() []departure {
	const list = "dpguthrie/dbtc admin.py, Airflow's dbt Cloud operator and kestra-io/plugin-dbt#310 send one JSON list; the document gives no encoding"
	completion := shape(map[string]*openapi3.Schema{"condition": shape(map[string]*openapi3.Schema{
		"job_id": openapi3.NewIntegerSchema(), "project_id": openapi3.NewIntegerSchema(),
		"statuses": openapi3.NewArraySchema().WithItems(openapi3.NewIntegerSchema().WithEnum(10, 20, 30)),
	})})
	const tomorrow = "an update replaces the whole resource, so what a newer service put into it must be sent back"
	const completionSource = "terraform-provider-dbtcloud job.go and dbt-jobs-as-code write it on create and update; the document calls it read-only"
	return []departure{
		{"v2 Update Job body", "unknown", "id", openapi3.NewIntegerSchema(), "dbt-cloud-openapi-spec#69: without it the answer is 400, the provided id does not match"},
		{"v2 Create Job body", "unknown", "job_completion_trigger_condition", completion, completionSource},
		{"v2 Update Job body", "unknown", "job_completion_trigger_condition", completion, completionSource},
		{"v2 Update Job body", "unknown", "force_node_selection", openapi3.NewBoolSchema(), "terraform-provider-dbtcloud job.go sends it back where the job has it; never for a CI job"},
		{"v2 Update Job body", "unknown", settingOfTomorrow, openapi3.NewStringSchema(), tomorrow},
		{"v3 Update Environment body", "unknown", settingOfTomorrow, openapi3.NewStringSchema(), tomorrow},
		{"v3 Update Project body", "unknown", settingOfTomorrow, openapi3.NewStringSchema(), tomorrow},
		{"v3 Create Projects Environment Variables Bulk body", "unknown", "env_var.*", openapi3.NewStringSchema().WithMinLength(1),
			"the document says that a key is the name of an environment, and lists two examples of such names; terraform-provider-dbtcloud environment_variable.go"},
		{"v3 Destroy Projects Environment Variables Bulk body", "unknown", "all", shape(map[string]*openapi3.Schema{"name": openapi3.NewStringSchema().WithMinLength(1)}),
			"terraform-provider-dbtcloud environment_variable.go; the document has nothing that names the variable"},
		{"v2 List Jobs query", "JSON list", "dbt_version__in project_id__in", nil, list},
		{"v3 List Environments query", "JSON list", "dbt_version__in deployment_type__in pk__in", nil, list + "; in v3 by likeness"},
		{"v3 List Projects query", "JSON list", "pk__in", nil, list + "; in v3 by likeness"},
		{"v2 List Runs query", "JSON list", "created_at__range dbt_version__in finished_at__range pk__in project_id__in status__in", nil, list},
	}
}

// answerDepartures are those of the fake, which answers what was recorded rather than what the document says. The
// document marks nothing nullable.
func answerDepartures() []departure {
	const (
		dbtc  = "the run in dpguthrie/dbtc docs/guide/autoscaling_ci.md"
		cli   = "data-mie/dbt-cloud-cli tests/data"
		codes = "dbt-labs/dbt-jobs-as-code schemas/job.py lists what live answers have"
		steps = "dbt-labs/dbt-mcp and kestra-io/plugin-dbt read steps of runs as Retrieve Run Step shows them"
	)
	return []departure{
		{"answer Account", "null", `data.billing_email_address data.copilot_locked_until data.docs_job_id data.enterprise_login_slug
			data.freshness_job_id data.lock_cause data.lock_reason data.run_locked_until data.starter_repo_url data.trial_end_date
			data.unlocked_at data.vanity_subdomain`, nil, cli + "/account_get_response.json; the newer ones by likeness"},
		{"answer Account", "null", "extra.order_by", nil, cli + "/account_list_response.json"},

		{"answer of v2 Destroy Job", "unknown", "200", nil, cli + "/job_delete_response.json: 200 with the job, the document says 204"},
		{"answer HumanReadableJobDefinition", "null", `data.account data.dbt_version data.deferring_environment_id
			data.deferring_job_definition_id data.environment data.fusion_readiness data.job_completion_trigger_condition
			data.lifecycle_webhooks_url data.project data.triggers.git_provider_webhook`, nil,
			cli + "/job_get_response.json; the document's own default of triggers has nulls"},
		{"answer HumanReadableJobDefinition", "unknown", "data.cron_humanized data.next_run data.next_run_humanized", nil, cli + "/job_get_response.json"},
		{"answer HumanReadableJobDefinition", "unknown", "data.deactivated data.force_node_selection data.integration_id data.is_system", nil, codes},
		{"answer HumanReadableJobDefinition", "unknown", "data.custom_environment_variables data.most_recent_completed_run data.most_recent_run", nil,
			"the document's own include_related names them"},
		{"answer HumanReadableJobDefinition", "unknown", "data." + settingOfTomorrow, nil, "fields of jobs appear before they are documented"},
		{"answer HumanReadableJobDefinition", "unknown", "data.environment.id", nil, cli + "/environment_list_response.json"},
		{"answer HumanReadableJobDefinition", "null", environmentNulls, nil, cli + "/environment_list_response.json; the newer ones by likeness"},

		{"answer RunResponse", "null", `data.artifact_s3_path data.deferring_run_id data.dequeued_at data.environment data.executed_by_thread_id
			data.finished_at data.git_branch data.git_sha data.is_running data.job data.last_checked_at data.last_heartbeat_at
			data.owner_thread_id data.should_start_at data.started_at data.status_message data.trigger`, nil, dbtc},
		{"answer RunResponse", "null", `data.audit data.audit.cancellation data.deprecation data.retry_not_supported_reason data.retrying_run_id
			data.used_repo_cache data.run_steps.debug_logs`, nil, "by likeness with every other field that has no value"},
		{"answer RunResponse", "format", "data.created_at data.dequeued_at data.finished_at data.started_at data.updated_at", nil,
			dbtc + " and apache/airflow#48466: a space before the time"},
		{"answer RunResponse", "unknown", "data.scribe_enabled data.trigger.cause_humanized data.trigger.created_at data.trigger.id", nil, dbtc},
		{"answer RunResponse", "null", `data.trigger.azure_pull_request_id data.trigger.dbt_version_override data.trigger.generate_docs_override
			data.trigger.git_branch data.trigger.git_sha data.trigger.github_pull_request_id data.trigger.gitlab_merge_request_id
			data.trigger.non_native_pull_request_id data.trigger.schema_override data.trigger.steps_override
			data.trigger.target_name_override data.trigger.threads_override data.trigger.timeout_seconds_override`, nil, dbtc},
		{"answer RunResponse", "unknown", `data.job.created_at data.job.deactivated data.job.id data.job.is_deferrable
			data.job.lifecycle_webhooks_url data.job.run_failure_count data.job.updated_at`, nil, dbtc},
		{"answer RunResponse", "null", "data.job.dbt_version data.job.deferring_environment_id data.job.deferring_job_definition_id data.job.triggers.git_provider_webhook", nil, dbtc},
		{"answer RunResponse", "unknown", "data.environment.id", nil, cli + "/environment_list_response.json"},
		{"answer RunResponse", "null", environmentNulls, nil, cli + "/environment_list_response.json; the newer ones by likeness"},
		{"answer RunResponse", "unknown", `data.run_steps.created_at data.run_steps.duration data.run_steps.duration_humanized
			data.run_steps.finished_at data.run_steps.id data.run_steps.run_step_command data.run_steps.run_step_invocation
			data.run_steps.started_at data.run_steps.status_color data.run_steps.status_humanized data.run_steps.truncated_debug_logs
			data.run_steps.updated_at`, nil, steps},
		{"answer RunResponse", "twice", "data", nil, "Stevedow99/dbt-cloud-cancel-running-ci-job-action met data within data"},
		{"answer RunStep", "null", "data.debug_logs data.finished_at data.run_step_invocation", nil, "by likeness with the run"},
		{"answer RunStep", "format", "data.created_at data.finished_at data.started_at data.updated_at", nil, "by likeness with the run"},

		{"answer ListOfStrings", "null", "data", nil, "dbt-labs/dbt-mcp dbt_admin/client.py: a run that made no artifacts"},
		{"answer CustomEnvironmentVariable", "null", "data.environment data.environment_id data.job_definition_id data.user_id", nil, "by likeness with the job"},
		{"answer of v3 Destroy Projects Environment Variable", "unknown", "200", nil, "by likeness with the job"},
	}
}

// resourceDepartures are those in the answers of projects and environments.
func resourceDepartures() []departure {
	const (
		projects     = "data-mie/dbt-cloud-cli tests/data/project_get_response.json"
		environments = "data-mie/dbt-cloud-cli tests/data/environment_create_response.json"
		likeness     = "by likeness with every other field that has no value"
	)
	const optional = "connection_id dbt_project_subdirectory description docs_job_id freshness_job_id repository_id semantic_layer_config_id"
	jobs := below("data.docs_job", docsJobUnknown) + below("data.freshness_job", docsJobUnknown)
	nulls := below("data.docs_job", docsJobNulls) + below("data.freshness_job", docsJobNulls)
	return []departure{
		{"answer of v3 Destroy Project", "unknown", "200", nil, "data-mie/dbt-cloud-cli tests/data/project_delete_response.json: 200 with the project, the document says 204"},
		{"answer Project", "null", below("data", optional+" connection docs_job freshness_job repository"), nil, projects},
		{"answer Project", "null", "data.environments data.fusion_readiness", nil, likeness},
		{"answer Project", "format", "data.created_at data.updated_at", nil, projects + ": a space before the time"},
		{"answer Project", "unknown", "data.skipped_setup", nil, projects},
		{"answer Project", "unknown", "data." + settingOfTomorrow, nil, "as jobs have"},
		{"answer Project", "unknown", jobs, nil, "as runs show their job"},
		{"answer Project", "null", nulls, nil, "as runs show their job"},

		{"answer of v3 Destroy Environment", "unknown", "200", nil, "data-mie/dbt-cloud-cli tests/data/environment_delete_response.json: 200 with the environment, the document says 204"},
		{"answer EnvironmentV3", "null", "data.created_at data.credentials data.credentials_id data.custom_branch data.deployment_type", nil, environments},
		{"answer EnvironmentV3", "null", "data.connection_id data.extended_attributes_id data.fusion_readiness data.primary_profile_id data.project", nil, likeness},
		{"answer EnvironmentV3", "format", "data.created_at data.updated_at", nil, environments + ": a space before the time"},
		{"answer EnvironmentV3", "unknown", "data.custom_environment_variables data.jobs", nil, environments},
		{"answer EnvironmentV3", "unknown", "data.connection data.repository", nil, "the document's own include_related names them"},
		{"answer EnvironmentV3", "unknown", "data." + settingOfTomorrow, nil, "as jobs have"},
		{"answer EnvironmentV3", "unknown", below("data.project", `connection created_at docs_job freshness_job group_permissions id repository
			skipped_setup updated_at`), nil, environments},
		{"answer EnvironmentV3", "unknown", below("data.project", "default_version environments fusion_readiness"), nil, "as the project has them on its own"},
		{"answer EnvironmentV3", "null", below("data.project", optional), nil, environments},
	}
}

const (
	docsJobUnknown = "created_at deactivated id is_deferrable lifecycle_webhooks lifecycle_webhooks_url run_failure_count updated_at"
	docsJobNulls   = "dbt_version deferring_environment_id deferring_job_definition_id triggers.git_provider_webhook"
)

// below is the names of fields of an object.
func below(parent, fields string) string {
	var out strings.Builder
	for field := range strings.FieldsSeq(fields) {
		out.WriteString(" " + parent + "." + field)
	}
	return out.String()
}

const environmentNulls = `data.environment.connection_id data.environment.credentials_id data.environment.custom_branch
	data.environment.deployment_type data.environment.extended_attributes_id`

// settingOfTomorrow is a field of a resource that no document lists yet.
const settingOfTomorrow = "setting_of_tomorrow"

func shape(properties map[string]*openapi3.Schema) *openapi3.Schema {
	return openapi3.NewObjectSchema().WithProperties(properties).WithoutAdditionalProperties().WithRequired(slices.Sorted(maps.Keys(properties)))
}

// index is the departures by the violation that each of their fields is.
func index(list []departure) map[string]departure {
	known := map[string]departure{}
	for _, d := range list {
		for field := range strings.FieldsSeq(d.fields) {
			known[violation{where: d.where, field: field, problem: d.problem}.String()] = d
		}
	}
	return known
}

// excuse returns what no departure explains, and notes the departures that explained the rest.
func excuse(found []violation, known map[string]departure, used map[string]bool) []violation {
	var left []violation
	for _, v := range found {
		name := v.String()
		if _, ok := known[name]; !ok {
			name = violation{where: v.where, field: anyKey(v.field), problem: v.problem}.String()
		}
		d, ok := known[name]
		if !ok {
			left = append(left, v)
			continue
		}
		used[name] = true
		if d.shape != nil {
			left = append(left, check(v.where, v.field, d.shape, v.value)...)
		}
	}
	return left
}

// anyKey is the field with a star for its last key.
func anyKey(field string) string { return field[:strings.LastIndex(field, ".")+1] + "*" }

// stale lists the departures that were not used.
func stale(known map[string]departure, used map[string]bool) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if !used[name] {
			out = append(out, name)
		}
	}
	return out
}
