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
	fields  string           // the fields that it holds for
	shape   *openapi3.Schema // what an unknown field of a request must look like
	source  string           // where it was seen, and by whom it is relied on
}

// departures are all of them. One that nothing uses any more fails the test.
func departures() []departure {
	const list = "dpguthrie/dbtc admin.py, Airflow's dbt Cloud operator and kestra-io/plugin-dbt#310 send one JSON list; the document gives no encoding"
	completion := object(map[string]*openapi3.Schema{"condition": object(map[string]*openapi3.Schema{
		"job_id": openapi3.NewIntegerSchema(), "project_id": openapi3.NewIntegerSchema(),
		"statuses": openapi3.NewArraySchema().WithItems(openapi3.NewIntegerSchema().WithEnum(10, 20, 30)),
	})})
	const completionSource = "terraform-provider-dbtcloud job.go and dbt-jobs-as-code write it on create and update; the document calls it read-only"
	return []departure{
		{"v2 Update Job body", "unknown", "id", openapi3.NewIntegerSchema(), "dbt-cloud-openapi-spec#69: without it the answer is 400, the provided id does not match"},
		{"v2 Create Job body", "unknown", "job_completion_trigger_condition", completion, completionSource},
		{"v2 Update Job body", "unknown", "job_completion_trigger_condition", completion, completionSource},
		{"v2 Update Job body", "unknown", "force_node_selection", openapi3.NewBoolSchema(), "terraform-provider-dbtcloud job.go sends it back where the job has it; never for a CI job"},
		{"v2 Update Job body", "unknown", settingOfTomorrow, openapi3.NewStringSchema(), "an update replaces the whole job, so what a newer service put into it must be sent back"},
		{"v2 List Jobs query", "JSON list", "dbt_version__in project_id__in", nil, list},
		{"v2 List Runs query", "JSON list", "created_at__range dbt_version__in finished_at__range pk__in project_id__in status__in", nil, list},
	}
}

// settingOfTomorrow is a field of a job that no document lists yet.
const settingOfTomorrow = "setting_of_tomorrow"

func object(properties map[string]*openapi3.Schema) *openapi3.Schema {
	return openapi3.NewObjectSchema().WithProperties(properties).WithoutAdditionalProperties().WithRequired(slices.Sorted(maps.Keys(properties)))
}

// excuse returns what no departure explains, and notes the departures that explained the rest.
func excuse(found []violation, known []departure, used map[string]bool) []violation {
	var left []violation
	for _, v := range found {
		d := find(v, known)
		if d == nil {
			left = append(left, v)
			continue
		}
		used[v.String()] = true
		if d.shape != nil {
			left = append(left, check(v.where, v.field, d.shape, v.value)...)
		}
	}
	return left
}

func find(v violation, known []departure) *departure {
	for _, d := range known {
		if d.where == v.where && d.problem == v.problem && slices.Contains(strings.Fields(d.fields), v.field) {
			return &d
		}
	}
	return nil
}

// stale lists the departures that were not used.
func stale(known []departure, used map[string]bool) []string {
	var out []string
	for _, d := range known {
		for field := range strings.FieldsSeq(d.fields) {
			if v := (violation{where: d.where, field: field, problem: d.problem}).String(); !used[v] {
				out = append(out, v)
			}
		}
	}
	return out
}
