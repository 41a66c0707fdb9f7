package dbtcloudtest

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// field is what the service accepts as the value of one key of a request body.
type field struct {
	kind     fieldKind
	required bool
	null     bool // null is accepted
	min, max int  // of a text's or a list's length, of a number; max 0 is no limit
	oneOf    []string
	fields   schema // of an object
	item     *field // of a list
}

type schema map[string]field

// anyKey stands for every key that the schema does not name.
const anyKey = "*"

type fieldKind int

const (
	kindInt fieldKind = iota
	kindText
	kindBool
	kindList
	kindObject
)

// check returns the service's tree of complaints about body, nil when there is none. Lenient checks only the types of known keys.
func (s schema) check(body map[string]any, mode Writes) map[string]any {
	tree := map[string]any{}
	for key, value := range body {
		f, known := s[key]
		if !known {
			f, known = s[anyKey]
		}
		if !known {
			if mode == Strict {
				tree[key] = "extra keys not allowed"
			}
			continue
		}
		if complaint := f.check(value, mode); complaint != nil {
			tree[key] = complaint
		}
	}
	for key, f := range s {
		if _, given := body[key]; !given && f.required && mode == Strict {
			tree[key] = "required key not provided"
		}
	}
	if len(tree) == 0 {
		return nil
	}
	return tree
}

// check returns a text, a tree, or nil.
func (f field) check(value any, mode Writes) any {
	if value == nil {
		if f.null || mode == Lenient {
			return nil
		}
		return "expected " + f.kind.String()
	}
	switch f.kind {
	case kindText:
		return f.checkText(value, mode)
	case kindInt:
		return f.checkInt(value)
	case kindBool:
		if _, ok := value.(bool); !ok {
			return "expected bool"
		}
	case kindList:
		return f.checkList(value, mode)
	case kindObject:
		object, ok := value.(map[string]any)
		if !ok {
			return "expected a dictionary"
		}
		if tree := f.fields.check(object, mode); tree != nil {
			return tree
		}
	}
	return nil
}

func (f field) checkText(value any, mode Writes) any {
	s, ok := value.(string)
	if !ok {
		return "expected str"
	}
	if len(f.oneOf) > 0 && mode == Strict && !slices.Contains(f.oneOf, s) {
		return "value must be one of " + list(f.oneOf)
	}
	return f.checkSize(utf8.RuneCountInString(s), mode)
}

func (f field) checkInt(value any) any {
	number, ok := value.(json.Number)
	if !ok {
		return "expected int"
	}
	n, err := number.Int64()
	if err != nil {
		return "expected int"
	}
	if (f.min != 0 || f.max != 0) && n < int64(f.min) {
		return "value must be at least " + strconv.Itoa(f.min)
	}
	if f.max != 0 && n > int64(f.max) {
		return "value must be at most " + strconv.Itoa(f.max)
	}
	return nil
}

func (f field) checkList(value any, mode Writes) any {
	items, ok := value.([]any)
	if !ok {
		return "expected a list"
	}
	for _, item := range items {
		if complaint := f.item.check(item, mode); complaint != nil {
			return complaint
		}
	}
	return f.checkSize(len(items), mode)
}

func (f field) checkSize(n int, mode Writes) any {
	most := f.max
	if most == 0 {
		most = math.MaxInt
	}
	switch {
	case mode == Lenient:
		return nil
	case n < f.min:
		return "length of value must be at least " + strconv.Itoa(f.min)
	case n > most:
		return "length of value must be at most " + strconv.Itoa(f.max)
	}
	return nil
}

func (k fieldKind) String() string {
	return [...]string{"int", "str", "bool", "a list", "a dictionary"}[k]
}

func list(items []string) string {
	body, err := json.Marshal(items)
	if err != nil {
		return ""
	}
	return string(body)
}

// object decodes a request body, which must be one JSON object.
func (c *call) object() (map[string]any, bool) {
	var body map[string]any
	if decodeJSON(c.body, &body) != nil || body == nil {
		return nil, false
	}
	return body, true
}

// jobSchema is what a job write takes: the official request schema, and the keys that the service is known to take besides
// ("id", "job_completion_trigger_condition" and "force_node_selection").
func jobSchema() schema {
	flag := field{kind: kindBool}
	must := field{kind: kindBool, required: true}
	id := field{kind: kindInt, required: true}
	idOrNull := field{kind: kindInt, null: true}
	return schema{
		"id": idOrNull, "account_id": id, "project_id": id, "environment_id": id,
		"name":                        {kind: kindText, required: true, min: 1, max: 255},
		"description":                 {kind: kindText, max: 255},
		"dbt_version":                 {kind: kindText, null: true, min: 1},
		"deferring_environment_id":    idOrNull,
		"deferring_job_definition_id": idOrNull,
		"execute_steps":               {kind: kindList, min: 1, max: 100, item: new(field{kind: kindText, min: 1})},
		"execution":                   {kind: kindObject, required: true, fields: schema{"timeout_seconds": {kind: kindInt, required: true}}},
		"generate_docs":               must, "run_generate_sources": must, "generate_sources": flag,
		"job_type":              {kind: kindText, oneOf: []string{"ci", "scheduled", "other", "merge", "exposure_sync", "adaptive", "hybrid"}},
		"lifecycle_webhooks":    must,
		"run_compare_changes":   must,
		"compare_changes_flags": {kind: kindText, min: 1},
		"run_lint":              must, "errors_on_lint_failure": must,
		"cost_optimization_features": {kind: kindList, item: new(field{kind: kindText, min: 1})},
		"settings": {kind: kindObject, required: true, fields: schema{
			"threads":     {kind: kindInt, required: true},
			"target_name": {kind: kindText, required: true, min: 1},
		}},
		"state":                            {kind: kindInt, required: true},
		"triggers":                         {kind: kindObject, required: true, fields: triggersSchema()},
		"triggers_on_draft_pr":             flag,
		"schedule":                         {kind: kindObject, null: true, fields: scheduleSchema()},
		"job_completion_trigger_condition": {kind: kindObject, null: true, fields: completionSchema()},
		"force_node_selection":             {kind: kindBool, null: true},
	}
}

func triggersSchema() schema {
	flag := field{kind: kindBool, null: true}
	return schema{
		"github_webhook":       {kind: kindBool, required: true},
		"schedule":             {kind: kindBool, required: true},
		"git_provider_webhook": flag, "on_merge": flag, "custom_branch_only": flag,
	}
}

func scheduleSchema() schema {
	return schema{
		"cron": {kind: kindText, null: true, min: 1},
		"date": {kind: kindObject, required: true, fields: schema{
			"type": {kind: kindText, required: true, oneOf: []string{"every_day", "days_of_week", "custom_cron", "interval_cron"}},
			"days": {kind: kindList, null: true, item: &field{kind: kindInt}},
			"cron": {kind: kindText, null: true, min: 1},
		}},
		"time": {kind: kindObject, required: true, fields: schema{
			"type":     {kind: kindText, required: true, oneOf: []string{"every_hour", "at_exact_hours"}},
			"hours":    {kind: kindList, null: true, item: &field{kind: kindInt}},
			"interval": {kind: kindInt, null: true},
		}},
	}
}

func completionSchema() schema {
	id := field{kind: kindInt, required: true}
	return schema{"condition": {kind: kindObject, required: true, fields: schema{
		"job_id": id, "project_id": id, "statuses": {kind: kindList, required: true, item: &field{kind: kindInt}},
	}}}
}

// triggerSchema is the official request schema of a trigger; the length of cause is what peers cut it to. What is null
// counts as not given: Airflow's dbt Cloud operator and dbt-cloud-cli send null for whatever they do not override.
func triggerSchema() schema {
	word := field{kind: kindText, null: true, min: 1}
	number := field{kind: kindInt, null: true, min: 1}
	s := schema{
		"cause":   {kind: kindText, required: true, min: 1, max: 255},
		"git_sha": word, "git_branch": word, "schema_override": word,
		"dbt_version_override": word, "target_name_override": word,
		"threads_override":         {kind: kindInt, null: true},
		"timeout_seconds_override": {kind: kindInt, null: true},
		"generate_docs_override":   {kind: kindBool, null: true},
		"steps_override":           {kind: kindList, null: true, item: new(field{kind: kindText, min: 1})},
	}
	for _, host := range gitHosts() {
		s[host.field()] = number
	}
	return s
}
