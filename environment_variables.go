package dbtcloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// EnvironmentVariablesService manages the environment variables of projects. A
// variable has a default for the project, and other values for some environments, jobs
// and users: the narrowest one holds. Each value has an id of its own.
type EnvironmentVariablesService service

// VariableScope says where a value of an environment variable holds.
type VariableScope string

// Scopes of a value, from the widest to the narrowest. A user's value holds in the
// development environment.
const (
	ScopeProject     VariableScope = "project"
	ScopeEnvironment VariableScope = "environment"
	ScopeJob         VariableScope = "job"
	ScopeUser        VariableScope = "user"
)

// EnvironmentVariable is one value of an environment variable, as a write is answered.
type EnvironmentVariable struct {
	ID            int64         `json:"id"`
	AccountID     int64         `json:"account_id"`
	ProjectID     int64         `json:"project_id"`
	Name          string        `json:"name"`
	Scope         VariableScope `json:"type"`
	EnvironmentID int64         `json:"environment_id"`    // with ScopeEnvironment
	JobID         int64         `json:"job_definition_id"` // with ScopeJob
	UserID        int64         `json:"user_id"`           // with ScopeUser
	DisplayValue  string        `json:"display_value"`     // masked if secret
	State         State         `json:"state"`
	CreatedAt     Time          `json:"created_at"`
	UpdatedAt     Time          `json:"updated_at"`

	raw raw
}

// UnmarshalJSON decodes a variable and keeps the fields that this package does not know.
func (v *EnvironmentVariable) UnmarshalJSON(b []byte) error { return decodeKeeping(b, v) }

func (v *EnvironmentVariable) keeping() (any, *raw) {
	type plain EnvironmentVariable
	return (*plain)(v), &v.raw
}

// Raw is the JSON that the variable was decoded from, its value included; nil for a
// variable that was not decoded.
func (v *EnvironmentVariable) Raw() json.RawMessage { return v.raw.json }

func (v *EnvironmentVariable) key() int64 { return v.ID }

// String never shows the value.
func (v EnvironmentVariable) String() string {
	return fmt.Sprintf("%s (value %d of the %s)", v.Name, v.ID, v.Scope)
}

// VariableValue is a value of an environment variable with its id.
type VariableValue struct {
	ID    int64  `json:"id"`
	Value string `json:"value"` // masked if secret
}

// String never shows the value.
func (v VariableValue) String() string { return fmt.Sprintf("value %d", v.ID) }

// EnvironmentVariableRequest is what a value is created or updated with: a Name that
// starts with DBT_ and is upper case, a Value, and the id that the Scope needs.
type EnvironmentVariableRequest struct {
	Name          string        `json:"name,omitzero"`
	Value         string        `json:"raw_value,omitzero"`
	Scope         VariableScope `json:"type,omitzero"`              // ScopeProject
	EnvironmentID int64         `json:"environment_id,omitzero"`    // with ScopeEnvironment
	JobID         int64         `json:"job_definition_id,omitzero"` // with ScopeJob
	UserID        int64         `json:"user_id,omitzero"`           // with ScopeUser
}

// String never shows the value.
func (req EnvironmentVariableRequest) String() string { return "a value of " + req.Name }

// GoString never shows the value.
func (req EnvironmentVariableRequest) GoString() string { return req.String() }

// LogValue keeps the value out of structured logs.
func (req EnvironmentVariableRequest) LogValue() slog.Value { return slog.StringValue(req.String()) }

// problems are what cannot be right in a request. A blank value is one.
func (req EnvironmentVariableRequest) problems() []error {
	problems := []error{variableName("name", req.Name), notText("raw_value", req.Value)}
	if req.Value == "" {
		problems = append(problems, errors.New("raw_value: is required"))
	}
	switch req.Scope {
	case "", ScopeProject, ScopeEnvironment, ScopeJob, ScopeUser:
	default:
		return append(problems, fmt.Errorf("type: %q is no scope", req.Scope))
	}
	for _, of := range []struct {
		scope VariableScope
		field string
		id    int64
	}{{ScopeEnvironment, "environment_id", req.EnvironmentID}, {ScopeJob, "job_definition_id", req.JobID}, {ScopeUser, "user_id", req.UserID}} {
		switch {
		case of.scope == req.Scope && of.id == 0:
			problems = append(problems, fmt.Errorf("%s: is required with the scope %s", of.field, of.scope))
		case of.scope != req.Scope && of.id != 0:
			problems = append(problems, fmt.Errorf("%s: belongs to the scope %s only", of.field, of.scope))
		}
	}
	return problems
}

// variableName is the problem of a name that the service would refuse.
func variableName(field, name string) error {
	if !strings.HasPrefix(name, "DBT_") || name != strings.ToUpper(name) {
		return fmt.Errorf("%s: %q must start with DBT_ and be upper case", field, name)
	}
	return nil
}

// notText is the problem of a value that JSON cannot say, and would be changed by it.
func notText(field, value string) error {
	if !utf8.ValidString(value) {
		return fmt.Errorf("%s: is not valid UTF-8", field)
	}
	return nil
}

// write makes the body of a create or update.
func (s *EnvironmentVariablesService) write(r *request, projectID int64, req EnvironmentVariableRequest) {
	body := map[string]any{"account_id": s.c.accountID, "project_id": projectID, "type": ScopeProject}
	overlay(body, r.set(req))
	r.refuse(req.problems()...)
	r.body, r.secrets = body, []string{req.Value}
}

// Create gives a variable a value, and makes the variable if the project has none of
// that name. It is sent once: see [UncertainError]. No error repeats a value of
// four bytes or more. API: Create Projects Environment Variable.
func (s *EnvironmentVariablesService) Create(ctx context.Context, projectID int64, req EnvironmentVariableRequest) (*EnvironmentVariable, error) {
	r := s.c.v3(http.MethodPost, "projects/{project}/environment-variables/", projectID)
	s.write(&r, projectID, req)
	return one[EnvironmentVariable](ctx, s.c, r)
}

// Update writes a value anew. The API does not give single values to read, so that req
// says all of it, as in [EnvironmentVariablesService.Create]; id is the value's own. API:
// Update Projects Environment Variable.
func (s *EnvironmentVariablesService) Update(ctx context.Context, projectID, id int64, req EnvironmentVariableRequest) (*EnvironmentVariable, error) {
	r := s.c.v3(http.MethodPost, "projects/{project}/environment-variables/{id}/", projectID, id)
	s.write(&r, projectID, req)
	r.repeatable = true
	return one[EnvironmentVariable](ctx, s.c, r)
}

// Delete removes a value, so that the next wider one holds again. API: Destroy Projects
// Environment Variable.
func (s *EnvironmentVariablesService) Delete(ctx context.Context, projectID, id int64) error {
	_, err := s.c.call(ctx, s.c.v3(http.MethodDelete, "projects/{project}/environment-variables/{id}/", projectID, id))
	return err
}

// VariableTable is what the variables of a project are in its environments.
type VariableTable struct {
	Environments []string // in the service's order; the first is "project", the default
	Variables    []VariableRow
}

// VariableRow is one variable of a [VariableTable].
type VariableRow struct {
	Name   string
	Values map[string]VariableValue // by the environment's name, or "project"
}

// ForEnvironments returns the variables of a project, sorted by name, with the default
// and the values of environments. API: Retrieve Projects Environment Variables
// Environment.
func (s *EnvironmentVariablesService) ForEnvironments(ctx context.Context, projectID int64) (*VariableTable, error) {
	var data struct {
		Environments []string                             `json:"environments"`
		Variables    map[string]map[string]*VariableValue `json:"variables"`
	}
	a, err := s.c.call(ctx, s.c.v3(http.MethodGet, "projects/{project}/environment-variables/environment/", projectID))
	if err != nil {
		return nil, err
	}
	if err := a.into(&data); err != nil {
		return nil, err
	}
	table := &VariableTable{Environments: data.Environments}
	for _, name := range slices.Sorted(maps.Keys(data.Variables)) {
		row := VariableRow{Name: name, Values: map[string]VariableValue{}}
		for environment, v := range data.Variables[name] {
			if v != nil {
				row.Values[environment] = *v
			}
		}
		table.Variables = append(table.Variables, row)
	}
	return table, nil
}

// VariableScopes is what a variable is for one job or one user. A scope without a
// value is nil.
type VariableScopes struct {
	Name        string         `json:"-"`
	Project     *VariableValue `json:"project"`
	Environment *VariableValue `json:"environment"`
	Job         *VariableValue `json:"job"`  // from ForJob
	User        *VariableValue `json:"user"` // from ForUser
}

// ForJob returns the variables that a job sees, sorted by name. API: Retrieve Projects
// Environment Variables Job.
func (s *EnvironmentVariablesService) ForJob(ctx context.Context, projectID, jobID int64) ([]VariableScopes, error) {
	return s.scopes(ctx, s.c.v3(http.MethodGet, "projects/{project}/environment-variables/job/", projectID), "job_definition_id", jobID)
}

// ForUser returns the variables that a user sees in development, sorted by name. API:
// Retrieve Projects Environment Variables User.
func (s *EnvironmentVariablesService) ForUser(ctx context.Context, projectID, userID int64) ([]VariableScopes, error) {
	return s.scopes(ctx, s.c.v3(http.MethodGet, "projects/{project}/environment-variables/user/", projectID), "user_id", userID)
}

func (s *EnvironmentVariablesService) scopes(ctx context.Context, r request, field string, id int64) ([]VariableScopes, error) {
	r.query = url.Values{field: {strconv.FormatInt(id, 10)}}
	if id <= 0 {
		r.refuse(fmt.Errorf("%s: must be positive, not %d", field, id))
	}
	a, err := s.c.call(ctx, r)
	if err != nil || a.empty() {
		return nil, err
	}
	var byName map[string]VariableScopes
	if err := a.into(&byName); err != nil {
		return nil, err
	}
	var all []VariableScopes
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		scopes := byName[name]
		scopes.Name = name
		all = append(all, scopes)
	}
	return all, nil
}

// JobOverride is the value of an environment variable for one job.
type JobOverride struct {
	ID    int64  // of the value
	Name  string // starts with DBT_
	Value string // masked if Secret
}

// Secret tells whether the value is masked in every answer and thus cannot be
// copied.
func (o JobOverride) Secret() bool {
	return strings.HasPrefix(o.Name, "DBT_ENV_SECRET") || o.Value != "" && strings.Trim(o.Value, "*") == ""
}

// String never shows the value.
func (o JobOverride) String() string { return fmt.Sprintf("%s (override %d)", o.Name, o.ID) }

// JobOverrides returns what a job overrides, sorted by name; variables without a
// value of the job's own are left out. API: Retrieve Projects Environment Variables Job.
func (s *EnvironmentVariablesService) JobOverrides(ctx context.Context, projectID, jobID int64) ([]JobOverride, error) {
	scopes, err := s.ForJob(ctx, projectID, jobID)
	var overrides []JobOverride
	for _, v := range scopes {
		if v.Job != nil {
			overrides = append(overrides, JobOverride{ID: v.Job.ID, Name: v.Name, Value: v.Job.Value})
		}
	}
	return overrides, err
}
