package dbtcloud

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// maxLastRuns is the most runs that any client is known to ask for; the documentation
// speaks of 20.
const maxLastRuns = 100

// ModelHistory is how the last runs of a model went, with its tests in each; lastRuns is
// from 1 to 100, of which the server may answer fewer: it promises 20, and forgets after
// some months. Code, the catalog and relatives are not asked for.
// API: Discovery, environment.applied.modelHistoricalRuns.
func (s *MetadataService) ModelHistory(ctx context.Context, environmentID int64, uniqueID string, lastRuns int) ([]*JobModel, error) {
	q := question{
		name: "ModelHistory", root: "environment", id: environmentID, above: "applied", field: "modelHistoricalRuns",
		args: []argument{{"lastRunCount", "Int", lastRuns}},
		want: `uniqueId name alias database schema materializedType packageName resourceType status error skip executionTime ` +
			`executeStartedAt executeCompletedAt compileStartedAt compileCompletedAt runGeneratedAt runElapsedTime invocationId threadId ` +
			`dbtVersion jobId runId environmentId projectId accountId ` +
			`tests { uniqueId name columnName status state fail warn skip error executionTime executeStartedAt executeCompletedAt }`,
	}
	q.uniqueID("uniqueId", uniqueID)
	q.refuse(lastRuns < 1 || lastRuns > maxLastRuns, "the number of runs must be from 1 to %d, not %d", maxLastRuns, lastRuns)
	return askAll[JobModel](ctx, s, q)
}

// ModelTimings are the models of an environment by the time that their last execution
// took, the slowest first; those that were never executed come last.
// API: Discovery, environment.applied.models.
func (s *MetadataService) ModelTimings(ctx context.Context, environmentID int64) ([]*Model, error) {
	all, err := Collect(s.Models(ctx, environmentID, ModelFilter{}, Fields("name", "database", "schema", "alias", "materializedType", "executionInfo")))
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b *Model) int {
		return cmp.Or(cmp.Compare(b.seconds(), a.seconds()), strings.Compare(a.UniqueID, b.UniqueID))
	})
	return all, nil
}

// seconds is how long the last execution took, less than nothing if there was none.
func (m *Model) seconds() float64 {
	if m.ExecutionInfo == nil || m.ExecutionInfo.ExecutionTime == nil {
		return -1
	}
	return *m.ExecutionInfo.ExecutionTime
}

// ModelChange is how the code of a model as it was last built stands to the code as it is
// written now.
type ModelChange string

// Changes of models.
const (
	ModelNew      ModelChange = "new"      // written, never built
	ModelModified ModelChange = "modified" // the code is another
	ModelRemoved  ModelChange = "removed"  // built, no longer written
	ModelUnclear  ModelChange = "unclear"  // the code of one side is not known
)

// ChangedModel is a model that is not built as it is written.
type ChangedModel struct {
	UniqueID string
	Name     string
	FilePath string
	Change   ModelChange
}

// ChangedModels are the models whose code as last built differs from that in the newest
// definition of the environment, those that were never built, and at the end, sorted,
// those that are built but gone from the definition. Only the models' own code is
// compared, not their configuration, nor macros. It reads both lists with all the code,
// page by page, and remembers no more than a hash of each model. An environment with
// models that are built and no definition at all is [ErrNotFound].
// API: Discovery, environment.applied.models and environment.definition.models.
func (s *MetadataService) ChangedModels(ctx context.Context, environmentID int64) iter.Seq2[*ChangedModel, error] {
	return func(yield func(*ChangedModel, error) bool) {
		built, err := s.builtModels(ctx, environmentID)
		if err != nil {
			yield(nil, err)
			return
		}
		defined := false
		for m, err := range s.ModelDefinitions(ctx, environmentID, ModelDefinitionFilter{}, Fields("name", "filePath", "rawCode")) {
			if err != nil {
				yield(nil, err)
				return
			}
			defined = true
			if change := built.meets(m); change != "" && !yield(&ChangedModel{m.UniqueID, m.Name, m.FilePath, change}, nil) {
				return
			}
		}
		if !defined && len(built) > 0 {
			yield(nil, fmt.Errorf("%w: environment %d: models are built, but there is no definition of any to compare with", ErrNotFound, environmentID))
			return
		}
		for _, id := range sortedKeys(built) {
			if m := built[id]; !m.written && !yield(&ChangedModel{id, m.name, m.path, ModelRemoved}, nil) {
				return
			}
		}
	}
}

// builtModels are the models of an environment as they were last built, by unique id.
type builtModels map[string]*builtModel

func (s *MetadataService) builtModels(ctx context.Context, environmentID int64) (builtModels, error) {
	built := builtModels{}
	for m, err := range s.Models(ctx, environmentID, ModelFilter{}, Fields("name", "filePath", "rawCode")) {
		if err != nil {
			return nil, err
		}
		built[m.UniqueID] = &builtModel{name: m.Name, path: m.FilePath, code: codeOf(m.RawCode)}
	}
	return built, nil
}

// meets notes that a model is written, and tells how that differs from what is built.
func (built builtModels) meets(m *ModelDefinition) ModelChange {
	before := built[m.UniqueID]
	if before == nil {
		return ModelNew
	}
	before.written = true
	return compareCode(before.code, codeOf(m.RawCode))
}

// builtModel is what is remembered of a model.
type builtModel struct {
	name, path string
	code       code
	written    bool // it is in the definition
}

// code stands for the code of a model; the zero value is code that is not known.
type code [sha256.Size]byte

func codeOf(text string) code {
	if text == "" {
		return code{}
	}
	return sha256.Sum256([]byte(text))
}

// compareCode tells what became of a model's code; nothing if it is the same, or not
// known of either side.
func compareCode(built, written code) ModelChange {
	switch {
	case built == written:
		return ""
	case built == code{} || written == code{}:
		return ModelUnclear
	}
	return ModelModified
}
