package dbtcloud

// NodeStatus is how a node's last run ended, or what a test found. Which values there
// are depends on the kind of node: a model succeeds, a test passes or fails. Values
// that are not listed are kept.
type NodeStatus string

// Statuses of a node.
const (
	NodeSuccess NodeStatus = "success"
	NodeError   NodeStatus = "error"   // it broke; a test that found bad rows did not break, it failed
	NodeSkipped NodeStatus = "skipped" // because something upstream broke
	NodeReused  NodeStatus = "reused"  // what was built before is still good
	NodeWarn    NodeStatus = "warn"
	NodePass    NodeStatus = "pass" // of tests
	NodeFail    NodeStatus = "fail" // of tests
)

// FreshnessStatus is how the age of a source's data compares with what its project
// allows. Values that are not listed are kept.
type FreshnessStatus string

// Statuses of a source's freshness.
const (
	FreshnessPass         FreshnessStatus = "Pass"
	FreshnessWarn         FreshnessStatus = "Warn"
	FreshnessError        FreshnessStatus = "Error" // older than error_after, or the check broke
	FreshnessSkipped      FreshnessStatus = "Skipped"
	FreshnessUnknown      FreshnessStatus = "Unknown"
	FreshnessOutdated     FreshnessStatus = "Outdated"     // the last check is too long ago
	FreshnessUnconfigured FreshnessStatus = "Unconfigured" // the project sets no limits
)

// ResourceType names a kind of node in filters and in lineage. In the nodes themselves
// ResourceType is a string, dbt's own word in lower case, such as "model".
type ResourceType string

// Kinds of nodes.
const (
	ResourceModel         ResourceType = "Model"
	ResourceSource        ResourceType = "Source"
	ResourceSeed          ResourceType = "Seed"
	ResourceSnapshot      ResourceType = "Snapshot"
	ResourceTest          ResourceType = "Test"
	ResourceExposure      ResourceType = "Exposure"
	ResourceMacro         ResourceType = "Macro"
	ResourceMetric        ResourceType = "Metric"
	ResourceSemanticModel ResourceType = "SemanticModel"
	ResourceSavedQuery    ResourceType = "SavedQuery"
)

// AccessLevel says who may refer to a model. Values that are not listed are kept.
type AccessLevel string

// Access levels of a model.
const (
	AccessPrivate   AccessLevel = "private"   // its own group
	AccessProtected AccessLevel = "protected" // its own project, dbt's default
	AccessPublic    AccessLevel = "public"    // every project
)

// TestType is the kind of a test. Values that are not listed are kept.
type TestType string

// Kinds of tests.
const (
	TestGeneric  TestType = "GENERIC_DATA_TEST"  // named in YAML, such as unique
	TestSingular TestType = "SINGULAR_DATA_TEST" // a SQL file of its own
	TestUnit     TestType = "UNIT_TEST"
)

// SortDirection is the direction of a sort.
type SortDirection string

// Directions of a sort.
const (
	Ascending  SortDirection = "asc"
	Descending SortDirection = "desc"
)

// ModelSortField is what models can be sorted by.
type ModelSortField string

// What models can be sorted by.
const (
	SortByExecuteCompletedAt ModelSortField = "executeCompletedAt"
	SortByQueryUsageCount    ModelSortField = "queryUsageCount" // how often consumers query it
	SortByRowCount           ModelSortField = "rowCount"
	SortByUniqueID           ModelSortField = "uniqueId"
)

// ModelSort orders models. Without a Field the server chooses; without a Direction
// it is [Ascending].
type ModelSort struct {
	Field     ModelSortField `json:"field"`
	Direction SortDirection  `json:"direction"`
}

// ReleaseVersion says how a version of a model stands to the latest one. Values that
// are not listed are kept.
type ReleaseVersion string

// Release versions of a model.
const (
	ReleaseLatest     ReleaseVersion = "latest"
	ReleasePrerelease ReleaseVersion = "prerelease"
	ReleaseOld        ReleaseVersion = "old"
	ReleaseNone       ReleaseVersion = "none" // the model has no versions
)

// TimePeriod is the unit of a freshness limit.
type TimePeriod string

// Units of a freshness limit.
const (
	PeriodMinute TimePeriod = "minute"
	PeriodHour   TimePeriod = "hour"
	PeriodDay    TimePeriod = "day"
)

// PackageResource says of what packages are wanted.
type PackageResource string

// What packages are looked for in.
const (
	PackagesOfMacros PackageResource = "macro"
	PackagesOfModels PackageResource = "model"
)

// OwnerResource says of what owners are wanted.
type OwnerResource string

// What owners are looked for in.
const (
	OwnersOfExposures OwnerResource = "exposure"
	OwnersOfGroups    OwnerResource = "group"
)

// BIProvider is the tool that an exposure was made from automatically. Values that are
// not listed are kept.
type BIProvider string

// Tools that exposures are made from.
const (
	BIProviderPowerBI BIProvider = "powerbi"
	BIProviderTableau BIProvider = "tableau"
)

// ExposureQuality sums up the tests upstream of an exposure. Values that are not
// listed are kept.
type ExposureQuality string

// Qualities of an exposure.
const (
	QualityPass    ExposureQuality = "Pass"
	QualityWarn    ExposureQuality = "Warn"
	QualityError   ExposureQuality = "Error"
	QualityUnknown ExposureQuality = "Unknown"
)

// ExposureHealthIssue is a reason to distrust an exposure. Values that are not listed
// are kept.
type ExposureHealthIssue string

// Reasons to distrust an exposure.
const (
	IssueCautionUpstreamSources  ExposureHealthIssue = "CautionUpstreamSources"
	IssueDegradedUpstreamSources ExposureHealthIssue = "DegradedUpstreamSources"
	IssueFailedUpstreamTest      ExposureHealthIssue = "FailedTestUpstreamModels"
	IssueWarnedUpstreamTest      ExposureHealthIssue = "WarnedTestUpstreamModels"
	IssueFailedUpstreamRun       ExposureHealthIssue = "LastRunFailedUpstreamModels"
	IssueUnknown                 ExposureHealthIssue = "Unknown"
)
