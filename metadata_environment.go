package dbtcloud

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// EnvironmentInfo is what the Discovery API knows of an environment as a whole. In one
// in which nothing has run yet, Applied and Definition are zero.
type EnvironmentInfo struct {
	AdapterType string         `json:"adapterType,omitzero"`    // the warehouse, such as "snowflake"
	ProjectName string         `json:"dbtProjectName,omitzero"` // of dbt_project.yml
	Applied     AppliedInfo    `json:"applied,omitzero"`
	Definition  DefinitionInfo `json:"definition,omitzero"`
}

// AppliedInfo sums up the applied state: what was built in the warehouse.
type AppliedInfo struct {
	LastUpdatedAt Time           `json:"lastUpdatedAt,omitzero"`
	LatestGitSHA  string         `json:"latestGitSha,omitzero"`
	Counts        ResourceCounts `json:"resourceCounts,omitzero"`
}

// DefinitionInfo sums up the definition state: what the project says.
type DefinitionInfo struct {
	LastUpdatedAt Time           `json:"lastUpdatedAt,omitzero"`
	Counts        ResourceCounts `json:"resourceCounts,omitzero"`
}

// ResourceCounts is how many nodes there are of each kind, by dbt's word for it, such as
// "model".
type ResourceCounts map[string]int64

// UnmarshalJSON keeps the counts; the API documents no form, so what is no whole number
// is passed over.
func (c *ResourceCounts) UnmarshalJSON(b []byte) error {
	var values map[string]json.RawMessage
	if err := json.Unmarshal(b, &values); err != nil {
		return errors.New("the counts of resources must be an object")
	}
	*c = nil
	for kind, raw := range values {
		var n json.Number // takes a number, and a string that is one
		if json.Unmarshal(raw, &n) != nil {
			continue
		}
		if count, err := n.Int64(); err == nil {
			if *c == nil {
				*c = ResourceCounts{}
			}
			(*c)[kind] = count
		}
	}
	return nil
}

// Environment sums up an environment: its warehouse, its project, when it last changed
// and how many nodes it has. API: Discovery, environment(id).
func (s *MetadataService) Environment(ctx context.Context, environmentID int64) (*EnvironmentInfo, error) {
	if err := refuseID("environment", environmentID); err != nil {
		return nil, fmt.Errorf("%w: Environment: %w", ErrInvalid, err)
	}
	return askOne[EnvironmentInfo](ctx, s, document{
		name: "EnvironmentInfo",
		text: "query EnvironmentInfo($environmentId: BigInt!) { environment(id: $environmentId) { adapterType dbtProjectName applied { lastUpdatedAt latestGitSha resourceCounts } definition { lastUpdatedAt resourceCounts } } }",
		vars: map[string]any{"environmentId": environmentID},
		path: []string{"environment"},
	})
}

// Tags are the tags of the nodes in the applied state. API: Discovery,
// environment(id).applied.tags.
func (s *MetadataService) Tags(ctx context.Context, environmentID int64) ([]string, error) {
	type tag struct{ Name string }
	tags, err := askAll[tag](ctx, s, applied("EnvironmentTags", environmentID, "tags", "name"))
	var names []string
	for _, tag := range tags {
		names = append(names, tag.Name)
	}
	return names, err
}

// Packages are the names of the packages that the models or the macros in the applied
// state come from. API: Discovery, environment(id).applied.packages.
func (s *MetadataService) Packages(ctx context.Context, environmentID int64, of PackageResource) ([]string, error) {
	q := applied("EnvironmentPackages", environmentID, "packages", "")
	q.refuse(of == "", "say of what: PackagesOfModels or PackagesOfMacros")
	q.args = []argument{{"resource", "PackageResourceType!", of}}
	packages, err := askAll[string](ctx, s, q)
	var names []string
	for _, name := range packages {
		names = append(names, *name)
	}
	return names, err
}

// Owner is who answers for exposures or groups.
type Owner struct {
	Name  string `json:"name,omitzero"`
	Email string `json:"email,omitzero"`
}

// Owners are the owners of the exposures or the groups in the applied state. API:
// Discovery, environment(id).applied.owners.
func (s *MetadataService) Owners(ctx context.Context, environmentID int64, of OwnerResource) ([]*Owner, error) {
	q := applied("EnvironmentOwners", environmentID, "owners", "name email")
	q.refuse(of == "", "say of what: OwnersOfExposures or OwnersOfGroups")
	q.args = []argument{{"resource", "OwnerResourceType!", of}}
	return askAll[Owner](ctx, s, q)
}

// ExposureTileFilter names one exposure: by its UniqueID, or by the id that it has in
// the BI tool that it was made from.
type ExposureTileFilter struct {
	UniqueID       string     `json:"uniqueId,omitzero"`
	BIResourceID   string     `json:"biResourceId,omitzero"`
	AutoBIProvider BIProvider `json:"autoBiProvider,omitzero"` // narrows BIResourceID
}

// ExposureTile sums up whether the data behind an exposure can be trusted. Without the
// exposure the error is [ErrNotFound]. API: Discovery,
// environment(id).applied.exposureTile.
func (s *MetadataService) ExposureTile(ctx context.Context, environmentID int64, f ExposureTileFilter) (*ExposureTile, error) {
	q := applied("ExposureTile", environmentID, "exposureTile", exposureTileFields)
	q.refuse(f.UniqueID == "" && f.BIResourceID == "", "say which exposure, by UniqueID or by BIResourceID")
	q.args = []argument{{"filter", "ExposureTileFilter!", f}}
	d, err := q.document()
	if err != nil {
		return nil, err
	}
	tile, err := askOne[ExposureTile](ctx, s, d)
	if err == nil && tile.UniqueID == "" {
		return nil, s.missing("exposure", cmp.Or(f.UniqueID, f.BIResourceID), environmentID)
	}
	return tile, err
}

const exposureTileFields = "uniqueId name resourceType description exposureType autoBiProvider freshnessStatus quality healthIssues maxSnapshottedAt upstreamStats tags meta packageName filePath environmentId projectId accountId"

// ExposureTile sums up whether the data behind an exposure can be trusted.
type ExposureTile struct {
	UniqueID         string                `json:"uniqueId,omitzero"`
	Name             string                `json:"name,omitzero"`
	ResourceType     string                `json:"resourceType,omitzero"`
	Description      string                `json:"description,omitzero"`
	ExposureType     string                `json:"exposureType,omitzero"`
	AutoBIProvider   BIProvider            `json:"autoBiProvider,omitzero"`  // "" for an exposure that people wrote
	FreshnessStatus  FreshnessStatus       `json:"freshnessStatus,omitzero"` // the worst of the sources upstream
	Quality          ExposureQuality       `json:"quality,omitzero"`         // the worst of the tests upstream
	HealthIssues     []ExposureHealthIssue `json:"healthIssues,omitzero"`
	MaxSnapshottedAt Time                  `json:"maxSnapshottedAt,omitzero"` // the newest check of freshness upstream
	UpstreamStats    map[string]any        `json:"upstreamStats,omitzero"`    // counts of what is upstream
	Tags             []string              `json:"tags,omitzero"`
	Meta             map[string]any        `json:"meta,omitzero"`
	PackageName      string                `json:"packageName,omitzero"`
	FilePath         string                `json:"filePath,omitzero"`
	EnvironmentID    int64                 `json:"environmentId,omitzero"`
	ProjectID        int64                 `json:"projectId,omitzero"`
	AccountID        int64                 `json:"accountId,omitzero"`
}

// applied is the question for a field of the applied state of an environment.
func applied(name string, environmentID int64, field, want string) question {
	return question{name: name, root: "environment", id: environmentID, above: "applied", field: field, want: want}
}

// missing is the error of a node that an environment does not have.
func (s *MetadataService) missing(kind, id string, environmentID int64) error {
	return &GraphQLError{Errors: []GraphQLMessage{{
		Code:    "NOT_FOUND",
		Message: s.c.redact(fmt.Sprintf("%s %q not found in environment %d: ids are compared with their case", kind, id, environmentID)),
	}}}
}
