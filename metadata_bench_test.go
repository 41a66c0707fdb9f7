//go:build unix

package dbtcloud_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
	"github.com/slimci/dbtcloud/internal/discovery"
)

const benched = dbtcloudtest.DefaultDeferringID

// project is n models with what a real project has: code, configuration, a catalog and
// tests, and up to two parents each.
func project(n, tests int) []dbtcloudtest.Node {
	var nodes []dbtcloudtest.Node
	for i := range n {
		nodes = append(nodes, benchModel(i))
		name := fmt.Sprintf("fct_orders_%d", i)
		for k := range tests {
			nodes = append(nodes, dbtcloudtest.Node{
				"uniqueId": fmt.Sprintf("test.analytics.not_null_%s_column_%d.%010x", name, k, i), "parentIds": []string{"model.analytics." + name},
				"columnName": fmt.Sprintf("column_%d", k), "testType": "GENERIC_DATA_TEST", "lastKnownResult": "pass",
				"filePath": "models/marts/finance/_models.yml", "fqn": []string{"analytics", "marts", "finance", "not_null_" + name},
				"executionInfo": map[string]any{"lastRunStatus": "pass", "lastRunFailures": 0, "executionTime": 0.61, "executeCompletedAt": "2026-10-01T06:01:13.123Z"},
			})
		}
	}
	return nodes
}

func benchModel(i int) dbtcloudtest.Node {
	name := fmt.Sprintf("fct_orders_%d", i)
	var parents []string
	for _, p := range []int{(i - 1) / 2, (i - 1) / 3} {
		if i > 0 && !slices.Contains(parents, fmt.Sprintf("model.analytics.fct_orders_%d", p)) {
			parents = append(parents, fmt.Sprintf("model.analytics.fct_orders_%d", p))
		}
	}
	var columns []map[string]any
	for c := range 20 {
		columns = append(columns, map[string]any{"name": fmt.Sprintf("column_%d", c), "index": c, "type": "NUMBER(38,2)", "comment": nil, "description": "The amount in cents.", "tags": []string{}, "meta": map[string]any{}})
	}
	code := strings.Repeat("    sum(case when orders.status = 'paid' then orders.amount_in_cents end) as paid_amount,\n", 25)
	return dbtcloudtest.Node{
		"uniqueId": "model.analytics." + name, "name": name, "alias": name, "parentIds": parents, "database": "analytics", "schema": "marts",
		"description": "One row for each order that was placed, with the amounts in cents and the customer who placed it.",
		"access":      "protected", "language": "sql", "materializedType": "incremental", "modelingLayer": "marts", "contractEnforced": false,
		"packageName": "analytics", "packages": []string{"dbt_utils"}, "tags": []string{"daily", "finance"}, "meta": map[string]any{"owner": "finance", "tier": 1},
		"filePath": "models/marts/finance/" + name + ".sql", "patchPath": "analytics://models/marts/finance/_models.yml", "fqn": []string{"analytics", "marts", "finance", name},
		"releaseVersion": "none", "dbtVersion": "2026.10.3", "rawCode": "select\n" + code + "from {{ ref('stg_orders') }}", "compiledCode": "select\n" + code + "from analytics.staging.stg_orders",
		"config": map[string]any{"materialized": "incremental", "unique_key": "order_id", "on_schema_change": "append_new_columns", "schema": "marts", "tags": []string{"daily", "finance"}, "persist_docs": map[string]any{"columns": true}},
		"executionInfo": map[string]any{
			"lastRunStatus": "success", "lastRunError": nil, "executionTime": 60.123, "runElapsedTime": 300.5, "lastRunId": 70506183137151, "lastSuccessRunId": 70506183137151, "lastJobDefinitionId": 44, "lastSuccessJobDefinitionId": 44,
			"compileStartedAt": "2026-10-01T06:00:11.123Z", "compileCompletedAt": "2026-10-01T06:00:12.123Z", "executeStartedAt": "2026-10-01T06:00:12.123Z", "executeCompletedAt": "2026-10-01T06:01:12.123Z", "runGeneratedAt": "2026-10-01T06:05:12.123Z", "lastRunGeneratedAt": "2026-10-01T06:05:12.123Z",
		},
		"catalog": map[string]any{"type": "BASE TABLE", "owner": "TRANSFORMER", "rowCountStat": 1234567, "bytesStat": 987654321, "runGeneratedAt": "2026-10-01T07:00:00Z", "columns": columns},
	}
}

// replay answers each question as a fake answered it the first time.
type replay struct {
	mu       sync.Mutex
	fake     http.Handler
	answers  map[string][]byte // by the body of the request
	requests int
	sent     int    // bytes of answers
	question string // the query of the last request
}

func (r *replay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	answer := r.answer(req, body)
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(answer)
}

func (r *replay) answer(req *http.Request, body []byte) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests++
	answer, ok := r.answers[string(body)]
	if !ok {
		again := httptest.NewRequest(req.Method, req.URL.String(), bytes.NewReader(body))
		again.Header = req.Header
		w := httptest.NewRecorder()
		r.fake.ServeHTTP(w, again)
		var q struct{ Query string }
		_ = json.Unmarshal(body, &q)
		answer, r.question = offHeap(w.Body.Bytes()), q.Query
		r.answers[string(body)] = answer
	}
	r.sent += len(answer)
	return answer
}

// offHeap copies bytes to where they do not count as heap: what is recorded would make
// the heap of the client look large, and let it grow larger before it is swept.
func offHeap(b []byte) []byte {
	out, err := syscall.Mmap(-1, 0, len(b), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return b
	}
	copy(out, b)
	return out
}

// RoundTrip answers without a network.
func (r *replay) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	answer := r.answer(req, body)
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(answer)), ContentLength: int64(len(answer)), Request: req}, nil
}

// counted does something and returns how many requests and bytes of answers it took.
func (r *replay) counted(do func()) (requests, size int) {
	r.requests, r.sent = 0, 0
	do()
	return r.requests, r.sent
}

// replayed returns a client of a fake with nodes, over loopback or without a network.
func replayed(b *testing.B, loopback bool, nodes []dbtcloudtest.Node) (*dbtcloud.Client, *replay, string) {
	b.Helper()
	fake := dbtcloudtest.New()
	fake.AddNodes(benched, nodes...)
	r := &replay{fake: fake, answers: map[string][]byte{}}
	opts := []dbtcloud.Option{
		dbtcloud.WithHost("ab123.us1.dbt.com"), dbtcloud.WithAccount(dbtcloudtest.DefaultAccountID), dbtcloud.WithToken(dbtcloudtest.DefaultToken),
		dbtcloud.WithMetadataRate(100_000_000), // as good as none
	}
	url := ""
	if loopback {
		server := httptest.NewServer(r)
		b.Cleanup(server.Close)
		url = server.URL + "/graphql"
		opts = append(opts, dbtcloud.WithMetadataURL(url))
	} else {
		opts = append(opts, dbtcloud.WithHTTPClient(&http.Client{Transport: r}))
	}
	c, err := dbtcloud.New(opts...)
	if err != nil {
		b.Fatal(err)
	}
	return c, r, url
}

// modelsAnswer is a page of models, and nothing of this package but the nodes.
type modelsAnswer struct {
	Data struct {
		Environment struct {
			Applied struct {
				Models struct {
					Edges []struct {
						Node *dbtcloud.Model `json:"node"`
					} `json:"edges"`
					PageInfo struct {
						EndCursor   string `json:"endCursor"`
						HasNextPage bool   `json:"hasNextPage"`
					} `json:"pageInfo"`
				} `json:"models"`
			} `json:"applied"`
		} `json:"environment"`
	} `json:"data"`
}

// walk ranges over models and calls look after each.
func walk(models iter.Seq2[*dbtcloud.Model, error], want int, look func(n int)) error {
	n := 0
	for m, err := range models {
		if err != nil {
			return err
		}
		if m.ExecutionInfo == nil {
			return errors.New("a model has no execution info")
		}
		n++
		look(n)
	}
	if n != want {
		return fmt.Errorf("%d models, want %d", n, want)
	}
	return nil
}

// BenchmarkModels streams 20,000 models in pages of 500 over loopback.
func BenchmarkModels(b *testing.B) {
	const all, page = 20_000, 500
	c, r, url := replayed(b, true, project(all, 0))
	sdk := func(look func(int)) error {
		return walk(c.Metadata.Models(b.Context(), benched, dbtcloud.ModelFilter{}), all, look)
	}
	plain := func() error { return plainModels(url, r.question, page, all) }
	must := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	must(sdk(func(int) {}))
	must(plain())
	r.fake = nil // everything is recorded
	beside(b, func() error { return sdk(func(int) {}) }, plain)
	requests, size := r.counted(func() { must(sdk(func(int) {})) })
	if requests != all/page {
		b.Fatalf("%d requests, want %d", requests, all/page)
	}
	b.ReportMetric(float64(requests), "requests")
	b.ReportMetric(float64(size)/1024/1024, "answers-MiB")
	var live, most uint64
	runtime.GC()
	before := heap()
	must(sdk(func(n int) {
		if n%page == 1 { // the page is in memory, and nothing has been consumed
			runtime.GC()
			live = max(live, grown(before))
		}
	}))
	runtime.GC()
	before = heap()
	must(sdk(func(int) { most = max(most, grown(before)) }))
	runtime.GC()
	before = heap()
	collected, err := dbtcloud.Collect(c.Metadata.Models(b.Context(), benched, dbtcloud.ModelFilter{}))
	must(err)
	runtime.GC()
	b.ReportMetric(float64(grown(before))/1024/1024, "collected-MiB")
	runtime.KeepAlive(collected)
	b.ReportMetric(float64(live)/1024/1024, "live-MiB")
	b.ReportMetric(float64(most)/1024/1024, "peak-MiB")
	if live > 16<<20 {
		b.Fatalf("%d bytes are held while models stream", live)
	}
}

// plainModels reads all pages of a query for models with net/http and encoding/json.
func plainModels(url, question string, page, want int) error {
	n, variables := 0, map[string]any{"environmentId": benched, "first": page}
	for {
		body, err := json.Marshal(map[string]any{"query": question, "variables": variables})
		if err != nil {
			return err
		}
		var answer modelsAnswer
		if err := postJSON(url, body, &answer); err != nil {
			return err
		}
		models := answer.Data.Environment.Applied.Models
		if n += len(models.Edges); !models.PageInfo.HasNextPage {
			break
		}
		variables["after"] = models.PageInfo.EndCursor
	}
	if n != want {
		return fmt.Errorf("%d models, want %d", n, want)
	}
	return nil
}

// grown is how much larger the heap is than it was.
func grown(before uint64) uint64 {
	now := heap()
	return now - min(now, before)
}

func postJSON(url string, body []byte, out any) error {
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+dbtcloudtest.DefaultToken)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	return json.NewDecoder(resp.Body).Decode(out)
}

// BenchmarkModelsDecode reads one page of 500 models: the whole client without a
// network, and json.Unmarshal into the same structs.
func BenchmarkModelsDecode(b *testing.B) {
	const page = 500
	c, r, _ := replayed(b, false, project(page, 0))
	sdk := func() error {
		return walk(c.Metadata.Models(b.Context(), benched, dbtcloud.ModelFilter{}), page, func(int) {})
	}
	if err := sdk(); err != nil {
		b.Fatal(err)
	}
	var raw []byte
	for _, answer := range r.answers {
		raw = answer
	}
	beside(b, sdk, func() error {
		var answer modelsAnswer
		if err := json.Unmarshal(raw, &answer); err != nil {
			return err
		}
		if n := len(answer.Data.Environment.Applied.Models.Edges); n != page {
			return fmt.Errorf("%d models", n)
		}
		return nil
	})
	b.ReportMetric(float64(len(raw))/1024, "page-KiB")
}

// BenchmarkModelsFields reads 2,000 models with everything that the schema has of a
// model, objects one level deep, with what comes by default, and with five fields.
func BenchmarkModelsFields(b *testing.B) {
	const all = 2000
	c, r, _ := replayed(b, true, project(all, 4))
	var everything []string
	for _, f := range discovery.GA().Types["ModelAppliedStateNode"].Fields {
		if !strings.HasPrefix(f.Name, "__") {
			everything = append(everything, f.Name)
		}
	}
	choices := []struct {
		name string
		opts []dbtcloud.QueryOption
	}{
		{"everything", []dbtcloud.QueryOption{dbtcloud.Fields(everything...), dbtcloud.Fields("catalog.columns")}},
		{"default", nil},
		{"five", []dbtcloud.QueryOption{dbtcloud.Fields("name", "schema", "materializedType", "executionInfo.lastRunStatus", "executionInfo.executionTime")}},
	}
	for _, choice := range choices {
		b.Run(choice.name, func(b *testing.B) {
			read := func() error {
				return walk(c.Metadata.Models(b.Context(), benched, dbtcloud.ModelFilter{}, choice.opts...), all, func(int) {})
			}
			if err := read(); err != nil {
				b.Fatal(err)
			}
			cpu := processor()
			for b.Loop() {
				if err := read(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64((processor()-cpu).Milliseconds())/float64(b.N), "cpu-ms/op")
			_, size := r.counted(func() { _ = read() })
			b.ReportMetric(float64(size)/1024, "KiB")
			allocs, space := allocated(func() { _ = read() })
			b.ReportMetric(allocs, "allocs/op")
			b.ReportMetric(space/1024/1024, "MiB/op")
			clear(r.answers) // one choice after the other is enough memory
		})
	}
}

// lineageNodes are n nodes with up to three parents among the hundreds before each.
func lineageNodes(n int) []*dbtcloud.LineageNode {
	draw := rand.New(rand.NewPCG(1, 2))
	nodes := make([]*dbtcloud.LineageNode, n)
	for i := range nodes {
		nodes[i] = &dbtcloud.LineageNode{UniqueID: fmt.Sprintf("model.analytics.fct_orders_%d", i), Name: fmt.Sprintf("fct_orders_%d", i), ResourceType: dbtcloud.ResourceModel}
		for range min(i, 1+draw.IntN(3)) {
			nodes[i].ParentIDs = append(nodes[i].ParentIDs, nodes[max(0, i-1-draw.IntN(300))].UniqueID)
		}
	}
	draw.Shuffle(n, func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
	return nodes
}

// BenchmarkLineage: 10,000 nodes as a graph.
func BenchmarkLineage(b *testing.B) {
	const n, root = 10_000, "model.analytics.fct_orders_0"
	nodes := lineageNodes(n)
	g := dbtcloud.NewGraph(nodes)
	b.Run("build", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if len(dbtcloud.NewGraph(nodes).Children(root)) == 0 {
				b.Fatal("no children")
			}
		}
	})
	b.Run("downstream", func(b *testing.B) {
		b.ReportAllocs()
		steps := 0
		for b.Loop() {
			steps = len(g.Downstream(root, 0))
		}
		b.ReportMetric(float64(steps), "nodes")
		if steps < n/2 {
			b.Fatalf("%d nodes downstream", steps)
		}
	})
	b.Run("sort", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if order, err := g.TopoSort(); err != nil || len(order) != n {
				b.Fatal(len(order), err)
			}
		}
	})
	b.Run("ask", func(b *testing.B) { askLineage(b, nodes) })
}

// askLineage asks for the nodes, over loopback.
func askLineage(b *testing.B, nodes []*dbtcloud.LineageNode) {
	var given []dbtcloudtest.Node
	for _, n := range nodes {
		given = append(given, dbtcloudtest.Node{"uniqueId": n.UniqueID, "parentIds": n.ParentIDs})
	}
	c, r, url := replayed(b, true, given)
	beside(b, func() error {
		g, err := c.Metadata.Lineage(b.Context(), benched, dbtcloud.LineageFilter{})
		if err == nil && len(g.Nodes()) != len(nodes) {
			err = fmt.Errorf("%d nodes", len(g.Nodes()))
		}
		return err
	}, func() error {
		question := slices.Collect(maps.Keys(r.answers))[0]
		var answer struct {
			Data struct {
				Environment struct {
					Applied struct{ Lineage []*dbtcloud.LineageNode }
				}
			}
		}
		if err := postJSON(url, []byte(question), &answer); err != nil {
			return err
		}
		if got := len(answer.Data.Environment.Applied.Lineage); got != len(nodes) {
			return fmt.Errorf("%d nodes", got)
		}
		return nil
	})
}
