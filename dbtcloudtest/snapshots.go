package dbtcloudtest

import (
	"maps"
	"slices"
	"time"
)

// Project is what the fake knows about a project.
type Project struct {
	ID        int64
	Name      string
	CreatedAt time.Time
	UpdatedAt time.Time
	DeletedAt time.Time      // zero while the project is active
	Fields    map[string]any // every writable field by its API name, as last written
}

// Environment is what the fake knows about an environment.
type Environment struct {
	ID        int64
	ProjectID int64
	Name      string
	CreatedAt time.Time
	UpdatedAt time.Time
	DeletedAt time.Time      // zero while the environment is active
	Fields    map[string]any // every writable field by its API name, as last written
}

// EnvironmentVariable is the value of an environment variable in one scope.
type EnvironmentVariable struct {
	ID            int64
	ProjectID     int64
	Name          string
	Scope         string // project, environment, job or user
	EnvironmentID int64  // 0 unless that is the scope, as the next two
	JobID         int64
	UserID        int64
	Value         string // also of a secret
}

// Projects returns every project, the deleted ones too, by id.
func (s *Server) Projects() []Project {
	return inspect(s, func(w *world, _ time.Time) []Project {
		var out []Project
		for _, id := range slices.Sorted(maps.Keys(w.projects)) {
			p := w.projects[id]
			out = append(out, Project{id, p.name(), p.created, p.updated, p.deleted, plain(p.fields)})
		}
		return out
	})
}

// Environments returns every environment, the deleted ones too, by id.
func (s *Server) Environments() []Environment {
	return inspect(s, func(w *world, _ time.Time) []Environment {
		var out []Environment
		for _, id := range slices.Sorted(maps.Keys(w.environments)) {
			e := w.environments[id]
			out = append(out, Environment{id, e.projectID(), e.name(), e.created, e.updated, e.deleted, plain(e.fields)})
		}
		return out
	})
}

// EnvironmentVariables returns every value of every environment variable, by id.
func (s *Server) EnvironmentVariables() []EnvironmentVariable {
	return inspect(s, func(w *world, _ time.Time) []EnvironmentVariable {
		var out []EnvironmentVariable
		for _, v := range w.envVars {
			out = append(out, EnvironmentVariable{v.id, v.projectID, v.name, v.scope, v.environmentID, v.jobID, v.userID, v.value})
		}
		return out
	})
}
