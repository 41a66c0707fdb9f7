package dbtcloud

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
