package contract

import (
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/slimci/dbtcloud/internal/discovery"
)

// unsure are the names that documents rest on though no introspection has shown them, by the sources that attest them. A
// name with a star stands for every field of a type that has the same sources.
func unsure() map[string][]string {
	out := map[string][]string{
		"B":   {"TestAppliedFilter.lastKnownResults", "TestStatus.error"},
		"BCD": {"TestAppliedStateNode.lastKnownResult"},
		"C":   {"TestAppliedStateNestedNode.lastKnownResult"},
		"CD":  {"ModelAppliedStateNode.relationName"},
		"D": {
			"ModelAppliedStateNode.columnCount", "SeedAppliedStateNode.columnCount", "SnapshotAppliedStateNode.columnCount",
			"SourceAppliedStateNode.columnCount",
		},
		"E": {"MetricDefinitionNode.label"},
		"G": {
			"AppliedState.searchResults", "ColumnLineageFilter.*", "PublicModelsFilter.*", "Query.account", "Query.column", "Query.performance",
			"Query.recommendations", "RuleFilter.*", "SearchQueryFilter.*", "SortAggregation.AVG", "X_SearchField.code",
		},
		"GHI": { // the types of the beta endpoint, of which nobody knows the names
			"X_Account.*", "X_Column.*", "X_ColumnLineageNode.*", "X_ConsumerProject.*", "X_DependentProject.*", "X_Execution.*", "X_ExecutionsByJob.*",
			"X_JobInformation.*", "X_LongestExecutedModel.*", "X_LongestExecutedModelByJob.*", "X_MeshProject.*", "X_ModelExecutionHistory.*",
			"X_MostExecutedModel.*", "X_MostExecutedModelByJob.*", "X_MostExecutionFailedModel.*", "X_MostQueriedResource.*", "X_MostTestFailedModel.*",
			"X_Performance.*", "X_ProducerPublicModel.*", "X_ProjectSummary.*", "X_PublicAncestor.*", "X_PublicModel.*", "X_PublicModelConnection.*",
			"X_PublicModelEdge.*", "X_RecommendationMetric.*", "X_Recommendations.*", "X_ResourceChange.*", "X_ResourceChangeConnection.*",
			"X_ResourceChangeEdge.*", "X_ResourceQueryHistory.*", "X_RuleViolation.*", "X_RuleViolationConnection.*", "X_RuleViolationEdge.*",
			"X_SearchResult.*", "X_SearchResultConnection.*", "X_SearchResultEdge.*",
		},
		"H": {
			"AppliedState.recentResourceChanges", "Environment.consumerProjects", "MostQueriedResourceType.*", "X_Performance.mostQueriedResources",
			"X_Performance.resourceQueryHistory",
		},
	}
	for _, list := range []string{"exposures", "macros", "metrics", "models", "seeds", "snapshots", "sources", "tests"} {
		out["B"] = append(out["B"], "JobNode."+list+"(after)", "JobNode."+list+"(first)")
	}
	for _, node := range []string{"Exposure", "Macro", "Metric", "Model", "Seed", "Snapshot", "Source", "Test"} {
		out["B"] = append(out["B"], node+"Node.paginationCursor")
	}
	return out
}

// uncertain fails the test on a name that is not certain and not listed, and on a listed one that nothing uses.
func (s *discoverySuite) uncertain(t *testing.T) {
	t.Helper()
	listed, used := map[string]string{}, map[string]bool{}
	for by, names := range unsure() {
		for _, name := range names {
			listed[name] = by
		}
	}
	for name, by := range s.names {
		if by == "" {
			continue
		}
		typeName, _, _ := strings.Cut(name, ".")
		line := name
		if listed[line] == "" {
			line = typeName + ".*"
		}
		if listed[line] != by {
			t.Errorf("%s is attested by %s only, and no line says so", name, by)
		}
		used[line] = true
	}
	for name := range listed {
		if !used[name] {
			t.Errorf("nothing rests on %s, or it is certain: drop its line", name)
		}
	}
}

// left is a name of the schema that no method asks for, and why.
type left struct{ name, reason string }

func leftOut() []left {
	out := []left{
		{"AppliedState.modelHistoricalRuns(identifier)", "the unique id names one model"},
		{"AppliedState.modelHistoricalRuns(withCatalog)", "the catalog of a model is that of today"},
		{"DefinitionState.packages", "those of the applied state are asked for"},
		{"DefinitionState.tags", "those of the applied state are asked for"},
		{"JobNode.id", "whoever asks knows it"},
		{"LineageFilter.columnNames", "it does nothing without the column lineage of the beta endpoint"},
		{"LineageFilter.exclude", "it does nothing where people have tried it"},
		{"LineageFilter.select", "it does nothing where people have tried it"},
		{"TestAppliedFilter.lastKnownResult", "lastKnownResults serves"},
	}
	for _, one := range []string{"exposure", "macro", "metric", "model", "seed", "snapshot", "source", "test"} {
		out = append(out, left{"JobNode." + one, "the list of them has it"})
	}
	return out
}

// coverage fails the test when a field or argument of the types that lists hang from, or a member of an input, is neither
// asked for nor left out for a reason.
func (s *discoverySuite) coverage(t *testing.T) {
	t.Helper()
	known := map[string]bool{}
	for _, name := range []string{"Query", "Environment", "AppliedState", "DefinitionState", "JobNode", "X_Account", "X_Performance", "X_Recommendations", "X_Column"} {
		for _, f := range discovery.Beta().Types[name].Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			known[name+"."+f.Name] = true
			for _, arg := range f.Arguments {
				known[name+"."+f.Name+"("+arg.Name+")"] = true
			}
		}
	}
	for _, def := range discovery.Beta().Types {
		if def.Kind == ast.InputObject {
			for _, f := range def.Fields {
				known[def.Name+"."+f.Name] = true
			}
		}
	}
	for _, l := range leftOut() {
		switch _, asked := s.names[l.name]; {
		case !known[l.name]:
			t.Errorf("%s is not in the schema: drop its line", l.name)
		case asked:
			t.Errorf("%s is asked for: drop its line (%s)", l.name, l.reason)
		}
		delete(known, l.name)
	}
	for name := range known {
		_, asked := s.names[name]
		field, _, isArg := strings.Cut(name, "(")
		if isArg && slices.ContainsFunc(leftOut(), func(l left) bool { return l.name == field }) {
			continue
		}
		if !asked {
			t.Errorf("nothing asks for %s", name)
		}
	}
}
