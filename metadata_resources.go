package dbtcloud

import (
	"context"
	"encoding/json"
	"iter"
)

// Resources are nodes of several kinds in the applied state, among them macros,
// metrics, semantic models and saved queries, which have no list of their own there.
// Unless [Fields] says otherwise they have what all kinds have in common, and how they
// ran or how fresh they are. API: Discovery, environment(id).applied.resources.
func (s *MetadataService) Resources(ctx context.Context, environmentID int64, f ResourceFilter, opts ...QueryOption) iter.Seq2[*Resource, error] {
	return Select[Resource](ctx, s, environmentID, f, opts...)
}

// ResourceDefinitions are nodes of several kinds as the project last defined them.
// Unless [Fields] says otherwise they have what all kinds have in common. API:
// Discovery, environment(id).definition.resources.
func (s *MetadataService) ResourceDefinitions(ctx context.Context, environmentID int64, f ResourceDefinitionFilter, opts ...QueryOption) iter.Seq2[*ResourceDefinition, error] {
	return Select[ResourceDefinition](ctx, s, environmentID, f, opts...)
}

// Resource is a node of any kind in the applied state. Of the members for the kinds the
// one of its own kind is filled, with all that was asked for; a kind that this package
// does not know has none. They are not part of its JSON: marshal the member itself.
type Resource struct {
	Typename      string         `json:"__typename,omitzero"` // the kind, such as "ModelAppliedStateNode"
	UniqueID      string         `json:"uniqueId,omitzero"`
	Name          string         `json:"name,omitzero"`
	ResourceType  string         `json:"resourceType,omitzero"`
	Description   string         `json:"description,omitzero"`
	Tags          []string       `json:"tags,omitzero"`
	Meta          map[string]any `json:"meta,omitzero"`
	FilePath      string         `json:"filePath,omitzero"`
	EnvironmentID int64          `json:"environmentId,omitzero"`
	ProjectID     int64          `json:"projectId,omitzero"`
	AccountID     int64          `json:"accountId,omitzero"`

	Model         *Model         `json:"-"`
	Source        *Source        `json:"-"`
	Seed          *Seed          `json:"-"`
	Snapshot      *Snapshot      `json:"-"`
	Test          *Test          `json:"-"`
	Exposure      *Exposure      `json:"-"`
	ExposureTile  *ExposureTile  `json:"-"`
	Macro         *Macro         `json:"-"`
	Metric        *MetricNode    `json:"-"`
	SemanticModel *SemanticModel `json:"-"`
	SavedQuery    *SavedQuery    `json:"-"`
}

// UnmarshalJSON decodes a node, and once more into the member of its kind.
func (r *Resource) UnmarshalJSON(b []byte) error {
	type plain Resource
	*r = Resource{}
	if err := json.Unmarshal(b, (*plain)(r)); err != nil {
		return err
	}
	var own any
	switch r.Typename {
	case "ModelAppliedStateNode":
		own = &r.Model
	case "SourceAppliedStateNode":
		own = &r.Source
	case "SeedAppliedStateNode":
		own = &r.Seed
	case "SnapshotAppliedStateNode":
		own = &r.Snapshot
	case "TestAppliedStateNode":
		own = &r.Test
	case "ExposureAppliedStateNode":
		own = &r.Exposure
	case "ExposureTileNode":
		own = &r.ExposureTile
	case "MacroDefinitionNode":
		own = &r.Macro
	case "MetricDefinitionNode":
		own = &r.Metric
	case "SemanticModelDefinitionNode":
		own = &r.SemanticModel
	case "SavedQueryDefinitionNode":
		own = &r.SavedQuery
	default:
		return nil
	}
	return json.Unmarshal(b, own)
}

// ResourceDefinition is a node of any kind in the definition state. Of the members for
// the kinds the one of its own kind is filled, with all that was asked for; a kind that
// this package does not know has none.
type ResourceDefinition struct {
	Typename       string         `json:"__typename,omitzero"` // the kind, such as "ModelDefinitionNode"
	UniqueID       string         `json:"uniqueId,omitzero"`
	Name           string         `json:"name,omitzero"`
	ResourceType   string         `json:"resourceType,omitzero"`
	Description    string         `json:"description,omitzero"`
	Tags           []string       `json:"tags,omitzero"`
	Meta           map[string]any `json:"meta,omitzero"`
	FilePath       string         `json:"filePath,omitzero"`
	RunGeneratedAt Time           `json:"runGeneratedAt,omitzero"`
	EnvironmentID  int64          `json:"environmentId,omitzero"`
	ProjectID      int64          `json:"projectId,omitzero"`
	AccountID      int64          `json:"accountId,omitzero"`

	Model         *ModelDefinition    `json:"-"`
	Source        *SourceDefinition   `json:"-"`
	Seed          *SeedDefinition     `json:"-"`
	Snapshot      *SnapshotDefinition `json:"-"`
	Test          *TestDefinition     `json:"-"`
	Exposure      *ExposureDefinition `json:"-"`
	Macro         *Macro              `json:"-"`
	Metric        *MetricNode         `json:"-"`
	SemanticModel *SemanticModel      `json:"-"`
	SavedQuery    *SavedQuery         `json:"-"`
	Group         *GroupNode          `json:"-"`
}

// UnmarshalJSON decodes a node, and once more into the member of its kind.
func (r *ResourceDefinition) UnmarshalJSON(b []byte) error {
	type plain ResourceDefinition
	*r = ResourceDefinition{}
	if err := json.Unmarshal(b, (*plain)(r)); err != nil {
		return err
	}
	var own any
	switch r.Typename {
	case "ModelDefinitionNode":
		own = &r.Model
	case "SourceDefinitionNode":
		own = &r.Source
	case "SeedDefinitionNode":
		own = &r.Seed
	case "SnapshotDefinitionNode":
		own = &r.Snapshot
	case "TestDefinitionNode":
		own = &r.Test
	case "ExposureDefinitionNode":
		own = &r.Exposure
	case "MacroDefinitionNode":
		own = &r.Macro
	case "MetricDefinitionNode":
		own = &r.Metric
	case "SemanticModelDefinitionNode":
		own = &r.SemanticModel
	case "SavedQueryDefinitionNode":
		own = &r.SavedQuery
	case "GroupNode":
		own = &r.Group
	default:
		return nil
	}
	return json.Unmarshal(b, own)
}
