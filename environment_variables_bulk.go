package dbtcloud

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
)

// VariableValues is a variable with its values, to be created at once.
type VariableValues struct {
	Name         string
	Project      string            // the default; empty: none
	Environments map[string]string // by the environment's name
}

// String never shows the values.
func (v VariableValues) String() string { return "values of " + v.Name }

// GoString never shows the values.
func (v VariableValues) GoString() string { return v.String() }

// LogValue keeps the values out of structured logs.
func (v VariableValues) LogValue() slog.Value { return slog.StringValue(v.String()) }

// BulkUpdate changes several values of one variable at once. A value that is there goes
// by its id, in digits ([EnvironmentVariablesService.ForEnvironments] tells it), a new one
// by the name of its environment or "project"; nil removes a value.
type BulkUpdate struct {
	Name    string
	NewName string // empty: the name stays
	Values  map[string]*string
}

// String never shows the values.
func (u BulkUpdate) String() string { return "an update of " + u.Name }

// GoString never shows the values.
func (u BulkUpdate) GoString() string { return u.String() }

// LogValue keeps the values out of structured logs.
func (u BulkUpdate) LogValue() slog.Value { return slog.StringValue(u.String()) }

// BulkUpdated says what a bulk request did.
type BulkUpdated struct {
	Message    string            // in the server's words
	NewIDs     []int64           // of the values that were made
	DeletedIDs []int64           // of the values that were removed
	Failures   map[string]string // why, by the environment's name
}

// UnmarshalJSON decodes what was done. The document leaves open what failures look like:
// whatever comes is made flat.
func (u *BulkUpdated) UnmarshalJSON(b []byte) error {
	var data struct {
		Message    string  `json:"message"`
		NewIDs     []int64 `json:"new_var_ids"`
		DeletedIDs []int64 `json:"deleted_var_ids"`
		Failures   any     `json:"failures"`
	}
	if err := json.Unmarshal(b, &data); err != nil {
		return err
	}
	*u = BulkUpdated{Message: data.Message, NewIDs: data.NewIDs, DeletedIDs: data.DeletedIDs}
	failures := map[string]string{}
	if flatten("", data.Failures, failures); len(failures) > 0 {
		u.Failures = failures
	}
	return nil
}

// hide takes values out of what the server said.
func (u *BulkUpdated) hide(redact func(string) string) {
	u.Message = redact(u.Message)
	for environment, why := range u.Failures {
		u.Failures[environment] = redact(why)
	}
}

// BulkResult says what became of one variable of [EnvironmentVariablesService.CreateBulk].
type BulkResult struct {
	Name       string      `json:"key_name"`
	Status     string      `json:"status"`
	StatusCode int         `json:"status_code"`
	Reason     string      `json:"reason"` // why it failed; empty if it did not
	Done       BulkUpdated `json:"data"`
}

// failures are why a variable, or some of its values, could not be made.
func (b BulkResult) failures() map[string]string {
	failed := map[string]string{}
	if b.Reason != "" || b.StatusCode >= 400 {
		failed[b.Name] = cmp.Or(b.Reason, b.Status, "failed")
	}
	for environment, why := range b.Done.Failures {
		failed[b.Name+"."+environment] = why
	}
	return failed
}

// CreateBulk makes several variables with their values. It is sent once: see
// [UncertainError]. Some may be made although others fail: the results tell of each, and
// are there beside an error that is an [*Error] with the reasons in its Fields, by the
// variable's name. No error repeats a value of four bytes or more. API: Create Projects
// Environment Variables Bulk.
func (s *EnvironmentVariablesService) CreateBulk(ctx context.Context, projectID int64, variables []VariableValues) ([]BulkResult, error) {
	r := s.c.v3(http.MethodPost, "projects/{project}/environment-variables/bulk/", projectID)
	r.bulk(variables)
	a, err := s.c.call(ctx, r)
	if e, ok := errors.AsType[*Error](err); ok && e.StatusCode == http.StatusBadRequest {
		results := bulkResults(e.Data)
		if fields := bulkFailures(results); len(fields) > 0 {
			e.Fields = fields
		}
		return results, err
	}
	if err != nil {
		return nil, err
	}
	data := a.data
	if bytes.HasPrefix(data, []byte("{")) && len(variables) == 1 { // older servers answer one object for the only variable
		data = fmt.Appendf(nil, `[{"key_name":"%s","data":%s}]`, inJSON(variables[0].Name), data)
	}
	results := bulkResults(data)
	if len(results) == 0 {
		return nil, a.unusable("the answer does not say what became of the variables")
	}
	for i := range results {
		results[i].Status, results[i].Reason = a.res.redact(results[i].Status), a.res.redact(results[i].Reason)
		results[i].Done.hide(a.res.redact)
	}
	return results, a.failed(bulkFailures(results, variables...))
}

// bulk makes the body of a bulk create.
func (r *request) bulk(variables []VariableValues) {
	var items []map[string]string
	for i, v := range variables {
		r.refuse(v.problems(fmt.Sprintf("env_var[%d]", i))...)
		if slices.ContainsFunc(variables[:i], func(other VariableValues) bool { return other.Name == v.Name }) {
			r.refuse(fmt.Errorf("env_var[%d].new_name: %s is there twice", i, v.Name))
		}
		item := maps.Clone(v.Environments)
		if item == nil {
			item = map[string]string{}
		}
		item["new_name"] = v.Name
		if v.Project != "" {
			item["project"] = v.Project
		}
		items = append(items, item)
		r.secrets = slices.AppendSeq(append(r.secrets, v.Project), maps.Values(v.Environments))
	}
	if len(items) == 0 {
		r.refuse(errors.New("env_var: is required"))
	}
	r.body = map[string]any{"env_var": items}
}

// problems are what cannot be right in a variable.
func (v VariableValues) problems(field string) []error {
	problems := []error{variableName(field+".new_name", v.Name), notText(field+".project", v.Project)}
	if v.Project == "" && len(v.Environments) == 0 {
		problems = append(problems, fmt.Errorf("%s: %s has no value", field, v.Name))
	}
	for _, environment := range slices.Sorted(maps.Keys(v.Environments)) {
		problems = append(problems, environmentName(field, environment), notText(field+"."+environment, v.Environments[environment]))
		if v.Environments[environment] == "" {
			problems = append(problems, fmt.Errorf("%s.%s: must not be empty", field, environment))
		}
	}
	return problems
}

// environmentName is the problem of an environment whose name means something else
// in a bulk request.
func environmentName(field, name string) error {
	switch name {
	case "", "name", "new_name", "project":
		return fmt.Errorf("%s: %q cannot be the name of an environment here", field, name)
	}
	return nil
}

// bulkResults reads what became of each variable; nil where the answer does not say.
func bulkResults(data json.RawMessage) []BulkResult {
	var results []BulkResult
	if decode(data, &results) != nil {
		return nil
	}
	return results
}

// bulkFailures are why variables could not be made. Of those that were asked for, each
// must have a result.
func bulkFailures(results []BulkResult, asked ...VariableValues) map[string]string {
	fields := map[string]string{}
	for _, result := range results {
		maps.Copy(fields, result.failures())
	}
	for _, v := range asked {
		told := slices.ContainsFunc(results, func(r BulkResult) bool { return r.Name == v.Name })
		if len(results) < len(asked) && !told {
			fields[v.Name] = "the answer does not say what became of it"
		}
	}
	return fields
}

// UpdateBulk changes, adds and removes values of one variable, and may rename it. What
// was done is there beside an error that is an [*Error] with what failed in its Fields, by
// the environment's name. Like every PUT it is sent again when an answer is lost, and may
// then be refused because the first has done it: look with
// [EnvironmentVariablesService.ForEnvironments]. No error repeats a value of four bytes
// or more. API: Update Projects Environment Variables Bulk.
func (s *EnvironmentVariablesService) UpdateBulk(ctx context.Context, projectID int64, update BulkUpdate) (*BulkUpdated, error) {
	r := s.c.v3(http.MethodPut, "projects/{project}/environment-variables/bulk/", projectID)
	r.refuse(update.problems()...)
	values := map[string]any{"name": update.Name}
	if update.NewName != "" {
		values["new_name"] = update.NewName
	}
	for where, v := range update.Values {
		values[where] = v
		if v != nil {
			r.secrets = append(r.secrets, *v)
		}
	}
	r.body = map[string]any{"env_vars": values}
	a, err := s.c.call(ctx, r)
	if e, ok := errors.AsType[*Error](err); ok && e.Fields["reason"] != "" {
		e.Fields = map[string]string{update.Name: e.Fields["reason"]}
	}
	if err != nil {
		return nil, err
	}
	updated := new(BulkUpdated)
	if err := a.into(updated); err != nil {
		return nil, err
	}
	updated.hide(a.res.redact)
	return updated, a.failed(updated.Failures)
}

// problems are what cannot be right in an update.
func (u BulkUpdate) problems() []error {
	problems := []error{variableName("env_vars.name", u.Name)}
	if u.NewName != "" {
		problems = append(problems, variableName("env_vars.new_name", u.NewName))
	} else if len(u.Values) == 0 {
		problems = append(problems, errors.New("env_vars: the update sets nothing"))
	}
	for _, where := range slices.Sorted(maps.Keys(u.Values)) {
		if where != "project" {
			problems = append(problems, environmentName("env_vars", where))
		}
		switch v := u.Values[where]; {
		case v == nil:
		case *v == "":
			problems = append(problems, fmt.Errorf("env_vars.%s: must not be empty: nil removes a value", where))
		default:
			problems = append(problems, notText("env_vars."+where, *v))
		}
	}
	return problems
}

// DeleteBulk deletes a variable with all its values. The name is sent in the body, where
// the known clients of the service have it, although the official document has no body.
// API: Destroy Projects Environment Variables Bulk.
func (s *EnvironmentVariablesService) DeleteBulk(ctx context.Context, projectID int64, name string) error {
	r := s.c.v3(http.MethodDelete, "projects/{project}/environment-variables/bulk/", projectID)
	r.refuse(variableName("name", name))
	r.body = map[string]string{"name": name}
	_, err := s.c.call(ctx, r)
	return err
}

// failed is the error of a success that says what of it was none; nil if it was whole.
func (a *answer) failed(fields map[string]string) error {
	if len(fields) == 0 {
		return nil
	}
	e := a.res.apiError(a.data, "a part of it failed")
	e.Fields = fields
	return e
}
