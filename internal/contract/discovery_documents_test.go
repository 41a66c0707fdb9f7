package contract

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
	"github.com/slimci/dbtcloud/internal/testenv"
)

// pathDepth is how many names the field paths have that are tried: enough for parents.freshness.criteria.warnAfter.count.
// Under the race detector, which makes each slow, it is less.
func pathDepth() int {
	if testenv.Race {
		return 3
	}
	return 5
}

// TestDiscoveryDocuments calls everything that the SDK can ask the Discovery API, and validates what it sends.
func TestDiscoveryDocuments(t *testing.T) {
	t.Parallel()
	s := newDiscoverySuite(t)
	client, _ := asker(t, s.graph)
	ran, want := 0, 0
	t.Run("call", func(t *testing.T) {
		for i, c := range calls(client) {
			want++
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { s.try(t, i) })
				s.mu.Lock()
				defer s.mu.Unlock()
				ran++
			})
		}
	})
	if ran < want {
		testenv.Skip(t, "only %d of %d calls ran to their end, so what they sent together is not judged", ran, want)
	}
	s.uncertain(t)
	s.coverage(t)
}

// TestEveryConstant puts every constant of the SDK into the filters that have its type: it is valid, or refused before
// anything is sent.
func TestEveryConstant(t *testing.T) {
	t.Parallel()
	s := newDiscoverySuite(t)
	client, _ := asker(t, s.graph)
	for i, c := range calls(client) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client, o := asker(t, s.graph)
				for typeName, values := range s.fill.constants {
					for value := range values {
						fill := filler{all: true, constants: s.fill.constants, use: map[string]string{typeName: value}}
						options := []dbtcloud.QueryOption{dbtcloud.AncestorTypes(dbtcloud.ResourceType(fill.text("ResourceType")))}
						if strings.HasPrefix(c.name, "MetadataService.Model") {
							options = append(options, dbtcloud.Fields("ancestors.name"))
						}
						if _, _, err := s.ask(t, calls(client)[i], o, fill, options...); err != nil && !errors.Is(err, dbtcloud.ErrInvalid) {
							t.Errorf("%s %q: %v", typeName, value, err)
						}
					}
				}
			})
		})
	}
}

// discoverySuite is what all calls together have sent.
type discoverySuite struct {
	graph *graph
	fill  filler

	mu    sync.Mutex
	names map[string]string // of the schema, with their marks
}

func newDiscoverySuite(tb testing.TB) *discoverySuite {
	tb.Helper()
	return &discoverySuite{graph: loadGraph(tb), fill: filler{constants: constantsOfSDK(tb)}, names: map[string]string{}}
}

// try makes one call: with what it needs, with everything, and with every field path that it takes.
func (s *discoverySuite) try(t *testing.T, i int) {
	client, o := asker(t, s.graph)
	o.fake = populated()
	c, all := calls(client)[i], s.fill
	all.all = true
	items, questions, err := s.ask(t, c, o, s.fill)
	noError(t, err)
	if len(items) == 0 && !slices.Contains([]string{"MetadataService.ChangedModels", "MetadataService.FailingTests"}, c.name) { // all is well
		t.Error("nothing came of what was answered")
	}
	_, _, err = s.ask(t, c, o, all)
	noError(t, err)
	if !c.takesOptions() {
		return
	}
	certainByDefault(t, questions)
	if strings.HasPrefix(c.name, "JobMetadata.") { // only a full page has another behind it
		_, questions, err := s.ask(t, c, o, s.fill, dbtcloud.PageSize(1))
		noError(t, err)
		if len(questions) != 2 {
			t.Errorf("%d questions for two pages", len(questions))
		}
	}
	s.tryPaths(t, c, o, questions[0].node())
}

// certainByDefault fails the test on a default field that an introspection has not shown: an API without it would refuse
// the whole document. Only what lists of a job are paged by is needed all the same.
func certainByDefault(t *testing.T, questions []*question) {
	t.Helper()
	for _, q := range questions {
		for name, by := range q.names {
			paging := strings.HasPrefix(name, "JobNode.") || strings.HasSuffix(name, ".paginationCursor")
			if by != "" && !paging {
				t.Errorf("%s is asked for by default, and attested by %s only", name, by)
			}
		}
	}
}

// populated is a fake in whose environment 7 there is one node of every kind.
func populated() *dbtcloudtest.Server {
	server := dbtcloudtest.New(dbtcloudtest.WithToken(oracleToken))
	for _, kind := range []string{"source", "seed", "model", "snapshot", "test", "unit_test", "exposure", "macro", "metric", "semantic_model", "saved_query", "group"} {
		node := dbtcloudtest.Node{"uniqueId": kind + ".p.m"}
		if kind != "source" && kind != "group" {
			node["parentIds"] = []string{"source.p.m", anyText}
		}
		server.AddNodes(7, node)
	}
	return server
}

// ask makes a call, and reports what is wrong with its questions.
func (s *discoverySuite) ask(t *testing.T, c call, o *oracle, fill filler, opts ...dbtcloud.QueryOption) ([]any, []*question, error) {
	t.Helper()
	items, err := c.do(t.Context(), fill, opts...)
	questions := o.take()
	if err == nil && len(questions) == 0 {
		t.Fatal("nothing was asked")
	}
	if errors.Is(err, dbtcloud.ErrInvalid) && len(questions) > 0 {
		t.Errorf("something was asked that is refused: %v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, q := range questions {
		for _, problem := range slices.Concat(q.wrong, q.fake) {
			t.Errorf("%s: %s", q.Query, problem)
		}
		maps.Copy(s.names, q.names)
	}
	return items, questions, err
}

// elsewhere are fields that are asked of other types than have them in the schema, because these have them for certain.
func elsewhere() map[string]string {
	return map[string]string{
		"LineageNode.parentIds":       "LineageNodeWithParents.parentIds",
		"LineageNode.publicParentIds": "ModelLineageNode.publicParentIds",
	}
}

// tryPaths asks for every field path below a type alone, and for all of them at once.
func (s *discoverySuite) tryPaths(t *testing.T, c call, o *oracle, node string) {
	var sound []string
	paths := s.graph.paths(node, pathDepth())
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		items, questions, err := s.ask(t, c, o, s.fill, dbtcloud.Fields(path))
		if paths[path] == nil {
			if !errors.Is(err, dbtcloud.ErrInvalid) || len(questions) > 0 {
				t.Errorf("%s has no plain values, and is not refused: %v", path, err)
			}
			continue
		}
		sound = append(sound, path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		for _, leaf := range paths[path] {
			if instead := elsewhere()[leaf]; instead != "" {
				leaf = instead
			}
			if !slices.ContainsFunc(questions, func(q *question) bool { return q.restsOn(leaf) }) {
				t.Errorf("%s: %s is not asked for", path, leaf)
			}
		}
		landed(t, c.item(), items, path)
	}
	if len(sound) < 10 {
		t.Errorf("%d paths below %s: too few to be true", len(sound), node)
	}
	_, _, err := s.ask(t, c, o, s.fill, dbtcloud.Fields(sound...))
	noError(t, err)
}
