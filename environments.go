package dbtcloud

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// EnvironmentsService manages the environments of projects: which dbt, which branch,
// which connection and which credentials a run has.
type EnvironmentsService service

// EnvironmentType says what an environment is for. Values that are not listed are kept.
type EnvironmentType string

// Types of an environment.
const (
	EnvironmentDeployment  EnvironmentType = "deployment"  // jobs run in it
	EnvironmentDevelopment EnvironmentType = "development" // people work in it; one per project
)

// DeploymentType marks the one production and the one staging environment of a
// project; other deployment environments have none. Values that are not listed are kept.
type DeploymentType string

// Types of a deployment environment.
const (
	DeploymentProduction DeploymentType = "production"
	DeploymentStaging    DeploymentType = "staging"
)

// Environment is an environment of a project.
type Environment struct {
	ID                      int64           `json:"id"`
	AccountID               int64           `json:"account_id"`
	ProjectID               int64           `json:"project_id"`
	Name                    string          `json:"name"`
	DbtVersion              string          `json:"dbt_version"`
	RawDbtVersion           string          `json:"raw_dbt_version"` // what the version resolves to
	Type                    EnvironmentType `json:"type"`
	DeploymentType          DeploymentType  `json:"deployment_type"`
	ConnectionID            int64           `json:"connection_id"`
	CredentialsID           int64           `json:"credentials_id"` // 0 for development: each user has their own
	ExtendedAttributesID    int64           `json:"extended_attributes_id"`
	PrimaryProfileID        int64           `json:"primary_profile_id"`
	UseCustomBranch         bool            `json:"use_custom_branch"`
	CustomBranch            string          `json:"custom_branch"`
	SupportsDocs            bool            `json:"supports_docs"`
	IsDeferrable            bool            `json:"is_deferrable"`
	EnableModelQueryHistory bool            `json:"enable_model_query_history"`
	EnableDbtState          bool            `json:"enable_dbt_state"`
	State                   State           `json:"state"`
	CreatedAt               Time            `json:"created_at"`
	UpdatedAt               Time            `json:"updated_at"`
	Project                 *Project        `json:"project"`     // with EnvironmentWithProject
	Repository              *Repository     `json:"repository"`  // with EnvironmentWithRepository
	Connection              json.RawMessage `json:"connection"`  // with EnvironmentWithConnection
	Credentials             json.RawMessage `json:"credentials"` // with EnvironmentWithCredentials
	FusionReadiness         json.RawMessage `json:"fusion_readiness"`

	raw raw
}

// UnmarshalJSON decodes an environment and keeps the fields that this package does
// not know.
func (e *Environment) UnmarshalJSON(b []byte) error { return decodeKeeping(b, e) }

func (e *Environment) keeping() (any, *raw) {
	type plain Environment
	return (*plain)(e), &e.raw
}

// Raw is the JSON that the environment was decoded from, unknown fields included;
// nil for an environment that was not decoded.
func (e *Environment) Raw() json.RawMessage { return e.raw.json }

func (e *Environment) key() int64 { return e.ID }

// EnvironmentInclude names a related object to include in an environment.
type EnvironmentInclude string

// Related objects of an environment.
const (
	EnvironmentWithProject     EnvironmentInclude = "project"
	EnvironmentWithRepository  EnvironmentInclude = "repository"
	EnvironmentWithConnection  EnvironmentInclude = "connection"
	EnvironmentWithCredentials EnvironmentInclude = "credentials"
)

// EnvironmentFilter selects environments of a project. The zero value selects every
// active one.
type EnvironmentFilter struct {
	IDs             []int64 // pk__in
	After           int64   // id__gt: environments with a greater id
	Name            string  // exactly
	NameContains    string  // case-insensitive
	Type            EnvironmentType
	DeploymentTypes []DeploymentType // deployment_type__in
	CredentialsID   int64
	DbtVersions     []string // dbt_version__in
	IncludeDeleted  bool     // state=all
	Include         []EnvironmentInclude
}

func (f EnvironmentFilter) query() url.Values {
	q := url.Values{"order_by": {"id"}, "limit": {strconv.Itoa(maxPage)}}
	setInts(q, "pk__in", f.IDs)
	setInt(q, "id__gt", f.After)
	setString(q, "name", f.Name)
	setString(q, "name__icontains", f.NameContains)
	setString(q, "type", string(f.Type))
	setStrings(q, "deployment_type__in", f.DeploymentTypes)
	setInt(q, "credentials_id", f.CredentialsID)
	setStrings(q, "dbt_version__in", f.DbtVersions)
	setState(q, f.IncludeDeleted)
	setInclude(q, f.Include)
	return q
}

// EnvironmentRequest is what an environment is created or updated with. Create needs
// a Name; the other defaults stand beside the fields. In an update the zero value of a
// field leaves the environment's own unchanged.
type EnvironmentRequest struct {
	Name                    string          `json:"name,omitzero"`
	DbtVersion              string          `json:"dbt_version,omitzero"`                // "latest"
	Type                    EnvironmentType `json:"type,omitzero"`                       // EnvironmentDeployment
	DeploymentType          DeploymentType  `json:"deployment_type,omitzero"`            // none
	ConnectionID            int64           `json:"connection_id,omitzero"`              // none
	CredentialsID           int64           `json:"credentials_id,omitzero"`             // none
	ExtendedAttributesID    int64           `json:"extended_attributes_id,omitzero"`     // none
	PrimaryProfileID        int64           `json:"primary_profile_id,omitzero"`         // none
	UseCustomBranch         *bool           `json:"use_custom_branch,omitzero"`          // false; without it CustomBranch has no effect
	CustomBranch            string          `json:"custom_branch,omitzero"`              // none
	SupportsDocs            *bool           `json:"supports_docs,omitzero"`              // false
	EnableModelQueryHistory *bool           `json:"enable_model_query_history,omitzero"` // false
	EnableDbtState          *bool           `json:"enable_dbt_state,omitzero"`           // false
	Clear                   []string        `json:"-"`                                   // of an update: API names of optional fields to be emptied
}

// environmentOptional are the fields that an update may clear: left out of a full replacement,
// they are empty.
var environmentOptional = strings.Fields(`deployment_type connection_id credentials_id
	extended_attributes_id primary_profile_id custom_branch`)

// environmentReadOnly are the fields of an answered environment that a write must not
// carry: those that the official document has in the response only, and related objects
// that answers are known to have beyond it.
var environmentReadOnly = strings.Fields(`id raw_dbt_version is_deferrable created_at updated_at
	project credentials fusion_readiness connection repository jobs custom_environment_variables`)

func (s *EnvironmentsService) defaults(projectID int64) map[string]any {
	return map[string]any{
		"account_id":        s.c.accountID,
		"project_id":        projectID,
		"dbt_version":       "latest",
		"type":              EnvironmentDeployment,
		"use_custom_branch": false,
		"supports_docs":     false,
		"state":             StateActive,
	}
}

// All walks the environments of a project in the order of their ids. API: List
// Environments (v3).
func (s *EnvironmentsService) All(ctx context.Context, projectID int64, f EnvironmentFilter) iter.Seq2[*Environment, error] {
	r := s.c.v3(http.MethodGet, "projects/{project}/environments/", projectID)
	r.query = f.query()
	return all(ctx, s.c, r, byID[Environment]("id__gt"))
}

// Get returns one environment. API: Retrieve Environment (v3).
func (s *EnvironmentsService) Get(ctx context.Context, projectID, environmentID int64, include ...EnvironmentInclude) (*Environment, error) {
	r := s.c.v3(http.MethodGet, "projects/{project}/environments/{id}/", projectID, environmentID)
	r.query = url.Values{}
	setInclude(r.query, include)
	return one[Environment](ctx, s.c, r)
}

// Create makes an environment in a project. It is sent once: see [UncertainError].
// API: Create Environment (v3).
func (s *EnvironmentsService) Create(ctx context.Context, projectID int64, req EnvironmentRequest) (*Environment, error) {
	r := s.c.v3(http.MethodPost, "projects/{project}/environments/", projectID)
	body := s.defaults(projectID)
	overlay(body, r.set(req, "name"))
	r.refuse(nothingToClear(req.Clear))
	if req.UseCustomBranch != nil && *req.UseCustomBranch && req.CustomBranch == "" {
		r.refuse(errors.New("custom_branch: is required with use_custom_branch"))
	}
	r.body = body
	return one[Environment](ctx, s.c, r)
}

// Update changes an environment: it reads the environment, applies what req sets and
// writes everything back, because the API empties what is left out: connection,
// credentials, extended attributes, branch, and fields that this package does not know.
// Two updates at the same time lose one of them. A req that sets nothing is
// [ErrInvalid]. API: Retrieve Environment, then Update Environment (v3).
func (s *EnvironmentsService) Update(ctx context.Context, projectID, environmentID int64, req EnvironmentRequest) (*Environment, error) {
	r := s.c.v3(http.MethodPost, "projects/{project}/environments/{id}/", projectID, environmentID)
	set := r.change(req, req.Clear, environmentOptional)
	if r.err != nil {
		return nil, r.err
	}
	environment, err := s.Get(ctx, projectID, environmentID)
	if err != nil {
		return nil, err
	}
	if err := r.meant(environmentID, environment.ID); err != nil {
		return nil, err
	}
	r.body, r.repeatable = replacement(s.defaults(projectID), environment.raw, slices.Concat(environmentReadOnly, req.Clear), set), true
	return one[Environment](ctx, s.c, r)
}

// Delete deletes an environment. Where the service refuses, because jobs run in it,
// the error says so. One that is gone already is an error that is [ErrNotFound], unless
// an earlier attempt of this call has deleted it. API: Destroy Environment (v3).
func (s *EnvironmentsService) Delete(ctx context.Context, projectID, environmentID int64) error {
	_, err := s.c.call(ctx, s.c.v3(http.MethodDelete, "projects/{project}/environments/{id}/", projectID, environmentID))
	return err
}

// ClearStateCache makes the next run with state-aware orchestration forget what it
// knows of the environment, so that it builds everything. API: Delete Environment SAO
// Cache.
func (s *EnvironmentsService) ClearStateCache(ctx context.Context, environmentID int64) error {
	_, err := s.c.call(ctx, s.c.v3(http.MethodDelete, "environments/{id}/sao-cache/", environmentID))
	return err
}
