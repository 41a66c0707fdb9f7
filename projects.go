package dbtcloud

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// ProjectsService manages projects: a git repository with a dbt project in it, and
// the environments that it is run in.
type ProjectsService service

// ProjectType says who runs a project. Numbers that are not listed are kept.
type ProjectType int

// Types of a project.
const (
	ProjectDefault ProjectType = 0 // run by the service
	ProjectHybrid  ProjectType = 1 // run elsewhere, which uploads its artifacts
)

// Project is a dbt project.
type Project struct {
	ID                    int64           `json:"id"`
	AccountID             int64           `json:"account_id"`
	Name                  string          `json:"name"`
	Description           string          `json:"description"`
	ConnectionID          int64           `json:"connection_id"`
	RepositoryID          int64           `json:"repository_id"`
	SemanticLayerConfigID int64           `json:"semantic_layer_config_id"`
	Subdirectory          string          `json:"dbt_project_subdirectory"` // of the repository; empty: its root
	DocsJobID             int64           `json:"docs_job_id"`
	FreshnessJobID        int64           `json:"freshness_job_id"`
	Type                  ProjectType     `json:"type"`
	State                 State           `json:"state"`
	CreatedAt             Time            `json:"created_at"`
	UpdatedAt             Time            `json:"updated_at"`
	DefaultVersion        string          `json:"default_version"`   // of dbt, for new environments; only from Get
	Environments          []Environment   `json:"environments"`      // as far as the answer has them
	Repository            *Repository     `json:"repository"`        // with ProjectWithRepository
	Connection            json.RawMessage `json:"connection"`        // with ProjectWithConnection
	GroupPermissions      json.RawMessage `json:"group_permissions"` // with ProjectWithGroupPermissions
	DocsJob               json.RawMessage `json:"docs_job"`          // with ProjectWithDocsJob
	FreshnessJob          json.RawMessage `json:"freshness_job"`     // with ProjectWithFreshnessJob
	FusionReadiness       json.RawMessage `json:"fusion_readiness"`

	raw raw
}

// UnmarshalJSON decodes a project and keeps the fields that this package does not know.
func (p *Project) UnmarshalJSON(b []byte) error { return decodeKeeping(b, p) }

func (p *Project) keeping() (any, *raw) {
	type plain Project
	return (*plain)(p), &p.raw
}

// Raw is the JSON that the project was decoded from, unknown fields included; nil
// for a project that was not decoded.
func (p *Project) Raw() json.RawMessage { return p.raw.json }

func (p *Project) key() int64 { return p.ID }

// Repository is the git repository of a project.
type Repository struct {
	ID               int64  `json:"id"`
	AccountID        int64  `json:"account_id"`
	ProjectID        int64  `json:"project_id"`
	Name             string `json:"name"`
	FullName         string `json:"full_name"`          // such as owner/name
	RemoteBackend    string `json:"remote_backend"`     // such as github, gitlab, ado or managed
	GitCloneStrategy string `json:"git_clone_strategy"` // such as github_app or deploy_key
	RemoteURL        string `json:"remote_url"`
	WebURL           string `json:"web_url"`
	State            State  `json:"state"`
	CreatedAt        Time   `json:"created_at"`
	UpdatedAt        Time   `json:"updated_at"`
}

// ProjectInclude names a related object to include in a project.
type ProjectInclude string

// Related objects of a project.
const (
	ProjectWithRepository       ProjectInclude = "repository"
	ProjectWithConnection       ProjectInclude = "connection"
	ProjectWithGroupPermissions ProjectInclude = "group_permissions"
	ProjectWithDocsJob          ProjectInclude = "docs_job"
	ProjectWithFreshnessJob     ProjectInclude = "freshness_job"
)

// ProjectFilter selects projects. The zero value selects every active project that
// the token may see.
type ProjectFilter struct {
	IDs            []int64 // pk__in
	After          int64   // pk__gt: projects with a greater id
	NameContains   string  // case-insensitive
	IncludeDeleted bool    // state=all
	Include        []ProjectInclude
}

func (f ProjectFilter) query() url.Values {
	q := url.Values{"order_by": {"id"}, "limit": {strconv.Itoa(maxPage)}}
	setInts(q, "pk__in", f.IDs)
	setInt(q, "pk__gt", f.After)
	setString(q, "name__icontains", f.NameContains)
	setState(q, f.IncludeDeleted)
	setInclude(q, f.Include)
	return q
}

// ProjectRequest is what a project is created or updated with. Create needs a Name.
// In an update the zero value of a field leaves the project's own unchanged.
type ProjectRequest struct {
	Name                  string      `json:"name,omitzero"`
	Description           string      `json:"description,omitzero"`              // none
	ConnectionID          int64       `json:"connection_id,omitzero"`            // none
	RepositoryID          int64       `json:"repository_id,omitzero"`            // none
	SemanticLayerConfigID int64       `json:"semantic_layer_config_id,omitzero"` // none
	Subdirectory          string      `json:"dbt_project_subdirectory,omitzero"` // the root of the repository
	DocsJobID             int64       `json:"docs_job_id,omitzero"`              // none
	FreshnessJobID        int64       `json:"freshness_job_id,omitzero"`         // none
	Type                  ProjectType `json:"type,omitzero"`                     // ProjectDefault
	Clear                 []string    `json:"-"`                                 // of an update: API names of optional fields to be emptied
}

// projectOptional are the fields that an update may clear: left out of a full replacement,
// they are empty.
var projectOptional = strings.Fields(`description connection_id repository_id semantic_layer_config_id
	dbt_project_subdirectory docs_job_id freshness_job_id`)

// projectReadOnly are the fields of an answered project that a write must not carry:
// those that the official document has in the response only, and one that answers are
// known to have beyond it.
var projectReadOnly = strings.Fields(`id created_at updated_at connection environments repository
	group_permissions docs_job freshness_job fusion_readiness default_version skipped_setup`)

func (s *ProjectsService) defaults() map[string]any {
	return map[string]any{"account_id": s.c.accountID, "state": StateActive, "type": ProjectDefault}
}

// All walks the projects of the account in the order of their ids. API: List Projects.
func (s *ProjectsService) All(ctx context.Context, f ProjectFilter) iter.Seq2[*Project, error] {
	r := s.c.v3(http.MethodGet, "projects/")
	r.query = f.query()
	return all(ctx, s.c, r, byID[Project]("pk__gt"))
}

// Get returns one project. API: Retrieve Project.
func (s *ProjectsService) Get(ctx context.Context, projectID int64, include ...ProjectInclude) (*Project, error) {
	r := s.c.v3(http.MethodGet, "projects/{id}/", projectID)
	r.query = url.Values{}
	setInclude(r.query, include)
	return one[Project](ctx, s.c, r)
}

// Create makes a project. It is sent once: see [UncertainError]. API: Create Project.
func (s *ProjectsService) Create(ctx context.Context, req ProjectRequest) (*Project, error) {
	r := s.c.v3(http.MethodPost, "projects/")
	body := s.defaults()
	overlay(body, r.set(req, "name"))
	r.refuse(nothingToClear(req.Clear))
	r.body = body
	return one[Project](ctx, s.c, r)
}

// Update changes a project: it reads the project, applies what req sets and writes
// everything back, fields that this package does not know included. Two updates at the
// same time lose one of them. A req that sets nothing is [ErrInvalid]. API: Retrieve
// Project, then Update Project.
func (s *ProjectsService) Update(ctx context.Context, projectID int64, req ProjectRequest) (*Project, error) {
	r := s.c.v3(http.MethodPost, "projects/{id}/", projectID)
	set := r.change(req, req.Clear, projectOptional)
	if r.err != nil {
		return nil, r.err
	}
	project, err := s.Get(ctx, projectID)
	if err != nil {
		return nil, err
	}
	if err := r.meant(projectID, project.ID); err != nil {
		return nil, err
	}
	r.body, r.repeatable = replacement(s.defaults(), project.raw, slices.Concat(projectReadOnly, req.Clear), set), true
	return one[Project](ctx, s.c, r)
}

// Delete deletes a project. Where the service refuses, because jobs are in it, the
// error says so. A project that is gone already is an error that is [ErrNotFound],
// unless an earlier attempt of this call has deleted it. API: Destroy Project.
func (s *ProjectsService) Delete(ctx context.Context, projectID int64) error {
	_, err := s.c.call(ctx, s.c.v3(http.MethodDelete, "projects/{id}/", projectID))
	return err
}
