package dbtcloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
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
	d, err := environmentDocument(environmentID, document{
		name: "EnvironmentInfo",
		text: "query EnvironmentInfo($environmentId: BigInt!) { environment(id: $environmentId) { adapterType dbtProjectName applied { lastUpdatedAt latestGitSha resourceCounts } definition { lastUpdatedAt resourceCounts } } }",
		path: []string{"environment"},
	})
	if err != nil {
		return nil, err
	}
	return askOne[EnvironmentInfo](ctx, s, d)
}

// Tags are the tags of the nodes in the applied state. API: Discovery,
// environment(id).applied.tags.
func (s *MetadataService) Tags(ctx context.Context, environmentID int64) ([]string, error) {
	type tag struct{ Name string }
	tags, err := environmentList[tag](ctx, s, environmentID, document{
		name: "EnvironmentTags",
		text: "query EnvironmentTags($environmentId: BigInt!) { environment(id: $environmentId) { applied { tags { name } } } }",
		path: []string{"environment", "applied", "tags"},
	})
	var names []string
	for _, tag := range tags {
		names = append(names, tag.Name)
	}
	return names, err
}

// Packages are the names of the packages that the models or the macros in the applied
// state come from. API: Discovery, environment(id).applied.packages.
func (s *MetadataService) Packages(ctx context.Context, environmentID int64, of PackageResource) ([]string, error) {
	if of == "" {
		return nil, fmt.Errorf("%w: Packages: say of what: PackagesOfModels or PackagesOfMacros", ErrInvalid)
	}
	packages, err := environmentList[string](ctx, s, environmentID, document{
		name: "EnvironmentPackages",
		text: "query EnvironmentPackages($environmentId: BigInt!, $resource: PackageResourceType!) { environment(id: $environmentId) { applied { packages(resource: $resource) } } }",
		vars: map[string]any{"resource": of},
		path: []string{"environment", "applied", "packages"},
	})
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
	if of == "" {
		return nil, fmt.Errorf("%w: Owners: say of what: OwnersOfExposures or OwnersOfGroups", ErrInvalid)
	}
	return environmentList[Owner](ctx, s, environmentID, document{
		name: "EnvironmentOwners",
		text: "query EnvironmentOwners($environmentId: BigInt!, $resource: OwnerResourceType!) { environment(id: $environmentId) { applied { owners(resource: $resource) { name email } } } }",
		vars: map[string]any{"resource": of},
		path: []string{"environment", "applied", "owners"},
	})
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
	if f.UniqueID == "" && f.BIResourceID == "" {
		return nil, fmt.Errorf("%w: ExposureTile: say which exposure, by UniqueID or by BIResourceID", ErrInvalid)
	}
	d, err := environmentDocument(environmentID, document{
		name: "ExposureTile",
		text: "query ExposureTile($environmentId: BigInt!, $filter: ExposureTileFilter!) { environment(id: $environmentId) { applied { exposureTile(filter: $filter) { " + exposureTileFields + " } } } }",
		vars: map[string]any{"filter": f},
		path: []string{"environment", "applied", "exposureTile"},
	})
	if err != nil {
		return nil, err
	}
	tile, err := askOne[ExposureTile](ctx, s, d)
	if err == nil && tile.UniqueID == "" {
		return nil, s.missing("exposure", f.UniqueID+f.BIResourceID, environmentID)
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

// environmentDocument adds the environment to the variables of a document.
func environmentDocument(environmentID int64, d document) (document, error) {
	if environmentID <= 0 {
		return d, fmt.Errorf("%w: %s: the environment id must be positive, not %d", ErrInvalid, d.name, environmentID)
	}
	vars := map[string]any{"environmentId": environmentID}
	maps.Copy(vars, d.vars)
	d.vars = vars
	return d, nil
}

// environmentList asks for a list of an environment that comes as a whole.
func environmentList[T any](ctx context.Context, s *MetadataService, environmentID int64, d document) ([]*T, error) {
	d, err := environmentDocument(environmentID, d)
	if err != nil {
		return nil, err
	}
	return askList[T](ctx, s, d)
}

// missing is the error of a node that an environment does not have.
func (s *MetadataService) missing(kind, id string, environmentID int64) error {
	return &GraphQLError{Errors: []GraphQLMessage{{
		Code:    "NOT_FOUND",
		Message: s.c.redact(fmt.Sprintf("%s %q not found in environment %d: ids are compared with their case", kind, id, environmentID)),
	}}}
}
