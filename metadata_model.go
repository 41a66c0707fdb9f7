package dbtcloud

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
)

// Model is the model of that unique id in the applied state, such as
// model.shop.orders, compared with its case. Without it the error is [ErrNotFound].
// API: Discovery, environment(id).applied.models.
func (s *MetadataService) Model(ctx context.Context, environmentID int64, uniqueID string, opts ...QueryOption) (*Model, error) {
	found, err := Collect(s.Models(ctx, environmentID, ModelFilter{UniqueIDs: []string{uniqueID}}, opts...))
	if err != nil {
		return nil, err
	}
	for _, model := range found {
		if model.UniqueID == uniqueID {
			return model, nil
		}
	}
	return nil, s.missing("model", uniqueID, environmentID)
}

// ModelsByName are the models of that name in the applied state, compared with its
// case: none, one, or several, since packages and the versions of a model share names.
// The API has no filter by name (Identifier of [ModelFilter] is the alias, which may
// differ), so this reads the names of all models of the environment, 500 a request,
// and then the models that were found, with opts, in one request more. With a unique
// id at hand, [MetadataService.Model] needs a single request. API: Discovery,
// environment(id).applied.models.
func (s *MetadataService) ModelsByName(ctx context.Context, environmentID int64, name string, opts ...QueryOption) iter.Seq2[*Model, error] {
	if err := refuseByName(s, name, opts); err != nil {
		return failed[Model](fmt.Errorf("%w: ModelsByName: %w", ErrInvalid, err))
	}
	return func(yield func(*Model, error) bool) {
		var found ModelFilter
		for model, err := range s.Models(ctx, environmentID, ModelFilter{}, Fields("name")) {
			if err != nil {
				yield(nil, err)
				return
			}
			if model.Name == name {
				found.UniqueIDs = append(found.UniqueIDs, model.UniqueID)
			}
		}
		if len(found.UniqueIDs) > 0 {
			s.Models(ctx, environmentID, found, opts...)(yield)
		}
	}
}

// refuseByName refuses what would be refused only after all names have been read.
func refuseByName(s *MetadataService, name string, opts []QueryOption) error {
	if name == "" {
		return errors.New("the name is empty")
	}
	in := scope{field: "environment", vars: map[string]any{}, most: maxNodes}
	_, _, _, err := listDocument(s, in, ModelFilter{}.listing(), newQueryOptions(opts), reflect.TypeFor[Model]())
	return err
}

// Model is a model in the applied state: as it was last built in its environment. Only
// what was asked for is filled; what was not, and what the server says is null, is zero
// or nil, as in every type of a node. Those that hold lists of nodes, code, Config and
// Catalog.Columns are large and come only when [Fields] names them.
type Model struct {
	UniqueID               string             `json:"uniqueId,omitzero"`
	Name                   string             `json:"name,omitzero"`
	ResourceType           string             `json:"resourceType,omitzero"` // "model"
	Description            string             `json:"description,omitzero"`
	IsDescriptionInherited *bool              `json:"isDescriptionInherited,omitzero"` // the description comes from upstream
	Database               string             `json:"database,omitzero"`
	Schema                 string             `json:"schema,omitzero"`
	Alias                  string             `json:"alias,omitzero"`            // the relation's name in the warehouse, which may differ from Name
	RelationName           string             `json:"relationName,omitzero"`     // complete, and quoted for the warehouse
	MaterializedType       string             `json:"materializedType,omitzero"` // such as "table" or "incremental"
	ModelingLayer          string             `json:"modelingLayer,omitzero"`    // such as "staging" or "marts"
	Access                 AccessLevel        `json:"access,omitzero"`
	Group                  string             `json:"group,omitzero"`
	ExecutionInfo          *ExecutionInfo     `json:"executionInfo,omitzero"` // the last run; nil if there was none
	Version                string             `json:"version,omitzero"`       // "" without versions
	LatestVersion          string             `json:"latestVersion,omitzero"`
	Versions               []*ModelVersion    `json:"versions,omitzero"`
	ReleaseVersion         ReleaseVersion     `json:"releaseVersion,omitzero"`
	DeprecationDate        Time               `json:"deprecationDate,omitzero"`
	ContractEnforced       *bool              `json:"contractEnforced,omitzero"`
	Constraints            []*ModelConstraint `json:"constraints,omitzero"`
	Language               string             `json:"language,omitzero"` // "sql" or "python"
	Tags                   []string           `json:"tags,omitzero"`
	Meta                   map[string]any     `json:"meta,omitzero"`
	Config                 map[string]any     `json:"config,omitzero"`
	PackageName            string             `json:"packageName,omitzero"`
	Packages               []string           `json:"packages,omitzero"` // that its code uses
	FilePath               string             `json:"filePath,omitzero"`
	PatchPath              string             `json:"patchPath,omitzero"`
	FQN                    []string           `json:"fqn,omitzero"`
	RawCode                string             `json:"rawCode,omitzero"`         // as written; large
	CompiledCode           string             `json:"compiledCode,omitzero"`    // as sent to the warehouse; large
	ColumnCount            *int64             `json:"columnCount,omitzero"`     // in the catalog
	UsageQueryCount        *int64             `json:"usageQueryCount,omitzero"` // beta: queries that read it
	Catalog                *Catalog           `json:"catalog,omitzero"`         // nil if docs were never generated
	Tests                  []*NestedTest      `json:"tests,omitzero"`
	Parents                []*RelatedNode     `json:"parents,omitzero"`
	Children               []*RelatedNode     `json:"children,omitzero"`
	Ancestors              []*RelatedNode     `json:"ancestors,omitzero"` // of the kinds that AncestorTypes says
	DbtVersion             string             `json:"dbtVersion,omitzero"`
	EnvironmentID          int64              `json:"environmentId,omitzero"`
	ProjectID              int64              `json:"projectId,omitzero"`
	AccountID              int64              `json:"accountId,omitzero"`
}
