package dbtcloud

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// EnvironmentVariablesService manages environment variables: here, the values
// that one job overrides.
type EnvironmentVariablesService service

// JobOverride is the value of an environment variable for one job.
type JobOverride struct {
	ID    int64  // of the override
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

// environmentVariable is the wire form of a create or update.
type environmentVariable struct {
	AccountID int64  `json:"account_id"`
	ProjectID int64  `json:"project_id"`
	Name      string `json:"name"`
	Type      string `json:"type"`
	JobID     int64  `json:"job_definition_id"`
	RawValue  string `json:"raw_value"`
}

// JobOverrides returns what a job overrides, sorted by name; variables without a
// value of the job's own are left out. API: Retrieve Projects Environment Variables Job.
func (s *EnvironmentVariablesService) JobOverrides(ctx context.Context, projectID, jobID int64) ([]JobOverride, error) {
	r := s.c.v3(http.MethodGet, "projects/{project}/environment-variables/job/", projectID)
	r.query = url.Values{"job_definition_id": {strconv.FormatInt(jobID, 10)}}
	if jobID <= 0 {
		return nil, fmt.Errorf("%w: %s: job_definition_id: must be positive, not %d", ErrInvalid, r.operation, jobID)
	}
	a, err := s.c.call(ctx, r)
	if err != nil {
		return nil, err
	}
	var scopes map[string]struct {
		Job *struct {
			ID    int64  `json:"id"`
			Value string `json:"value"`
		} `json:"job"`
	}
	if a.empty() {
		return nil, nil
	}
	if err := a.into(&scopes); err != nil {
		return nil, err
	}
	var overrides []JobOverride
	for _, name := range slices.Sorted(maps.Keys(scopes)) {
		if v := scopes[name].Job; v != nil {
			overrides = append(overrides, JobOverride{ID: v.ID, Name: name, Value: v.Value})
		}
	}
	return overrides, nil
}

// CreateJobOverride gives a variable a value for one job. It is sent once: see
// [UncertainError]. API: Create Projects Environment Variables.
func (s *EnvironmentVariablesService) CreateJobOverride(ctx context.Context, projectID, jobID int64, name, value string) error {
	body, err := s.override(projectID, jobID, name, value)
	if err != nil {
		return err
	}
	r := s.c.v3(http.MethodPost, "projects/{project}/environment-variables/", projectID)
	r.body, r.secret = body, value
	_, err = s.c.call(ctx, r)
	return err
}

// UpdateJobOverride changes the value of an override. API: Update Projects
// Environment Variables.
func (s *EnvironmentVariablesService) UpdateJobOverride(ctx context.Context, projectID, jobID, overrideID int64, name, value string) error {
	body, err := s.override(projectID, jobID, name, value)
	if err != nil {
		return err
	}
	r := s.c.v3(http.MethodPost, "projects/{project}/environment-variables/{id}/", projectID, overrideID)
	r.body, r.secret, r.repeatable = body, value, true
	_, err = s.c.call(ctx, r)
	return err
}

// DeleteJobOverride removes an override, so that the environment's value holds
// again. API: Destroy Projects Environment Variables.
func (s *EnvironmentVariablesService) DeleteJobOverride(ctx context.Context, projectID, overrideID int64) error {
	_, err := s.c.call(ctx, s.c.v3(http.MethodDelete, "projects/{project}/environment-variables/{id}/", projectID, overrideID))
	return err
}

func (s *EnvironmentVariablesService) override(projectID, jobID int64, name, value string) (*environmentVariable, error) {
	var problems []error
	if !strings.HasPrefix(name, "DBT_") || name != strings.ToUpper(name) {
		problems = append(problems, fmt.Errorf("name: %q must start with DBT_ and be upper case", name))
	}
	if value == "" {
		problems = append(problems, errors.New("raw_value: must not be empty"))
	}
	if jobID <= 0 {
		problems = append(problems, errors.New("job_definition_id: must be positive"))
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, errors.Join(problems...))
	}
	return &environmentVariable{s.c.accountID, projectID, name, "job", jobID, value}, nil
}
