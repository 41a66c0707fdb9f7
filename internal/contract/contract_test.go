package contract

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
	"github.com/slimci/dbtcloud/internal/testenv"
)

// covered are the operations that the SDK has.
func covered() []string {
	return []string{
		"v2 Cancel Run", "v2 Create Job", "v2 Destroy Job", "v2 List Jobs", "v2 List Run Artifacts", "v2 List Runs",
		"v2 Retrieve Account", "v2 Retrieve Job", "v2 Retrieve Run", "v2 Retrieve Run Artifact", "v2 Retrieve Run Step",
		"v2 Retry Failed Job", "v2 Retry Run", "v2 Trigger Job Run", "v2 Update Job",
		"v3 Create Projects Environment Variable", "v3 Destroy Projects Environment Variable", "v3 List Accounts",
		"v3 Retrieve Projects Environment Variables Job", "v3 Update Projects Environment Variable",
	}
}

// scenario is a use of the SDK in virtual time, every request and answer of which is validated.
type scenario struct {
	name string
	run  func(t *testing.T, c *contract)
}

// TestContract runs every scenario, and then looks whether together they sent everything that there is to send.
func TestContract(t *testing.T) {
	t.Parallel()
	c := newContract(load(t))
	scenarios := slices.Concat(operationScenarios(), autoscaleScenarios())
	var mu sync.Mutex
	ran := 0
	t.Run("scenario", func(t *testing.T) {
		for _, s := range scenarios {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { s.run(t, c) })
				mu.Lock()
				defer mu.Unlock()
				ran++
			})
		}
	})
	if ran < len(scenarios) {
		testenv.Skip(t, "only %d of %d scenarios ran to their end, so what they sent together is not judged", ran, len(scenarios))
	}
	for _, problem := range c.gaps(covered()) {
		t.Error(problem)
	}
}

// contract is the documents, and what all scenarios together have sent.
type contract struct {
	documents  *documents
	departures map[string]departure // by the violation that they explain

	mu   sync.Mutex
	sent map[string]map[string]bool // by operation: the names of its query parameters and of the fields of its body
	used map[string]bool            // departures
}

func newContract(d *documents) *contract {
	return &contract{documents: d, departures: index(departures()), sent: map[string]map[string]bool{}, used: map[string]bool{}}
}

// gaps says what is missing for the scenarios to prove anything: operations and fields that were never sent, fields that
// are sent although they are listed as unsent, and departures that nothing uses.
func (c *contract) gaps(operations []string) []string {
	var out []string
	for _, name := range operations {
		if c.sent[name] == nil {
			out = append(out, name+" was never sent")
			continue
		}
		for _, field := range c.documents.inputs(name) {
			left := slices.Contains(strings.Fields(unsent()[name]), field)
			if c.sent[name][field] == left {
				out = append(out, name+": "+field+map[bool]string{false: " was never sent", true: " was sent, although it is listed as unsent"}[left])
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.sent)) {
		if !slices.Contains(operations, name) {
			out = append(out, name+" was sent, but is not listed as covered")
		}
	}
	for _, name := range stale(c.departures, c.used) {
		out = append(out, "the departure is not needed any more: "+name)
	}
	return out
}

// inputs are the query parameters and the fields of the body of an operation.
func (d *documents) inputs(name string) []string {
	var out []string
	for _, op := range d.operations {
		if op.name != name {
			continue
		}
		for _, p := range op.parameters {
			if p.Value.In == "query" {
				out = append(out, p.Value.Name)
			}
		}
		if schema := op.requestSchema(); schema != nil {
			out = append(out, fields(schema)...)
		}
	}
	return out
}

// unsent is what the SDK leaves out on purpose.
func unsent() map[string]string {
	const related = "include_related" // the document names nothing to include
	return map[string]string{
		"v2 List Runs":                                   "dbt_version offset pk state", // the list filters and paging by id serve for them
		"v2 List Run Artifacts":                          related,
		"v2 Retrieve Account":                            related,
		"v2 Retrieve Run Artifact":                       related,
		"v2 Retrieve Run Step":                           related,
		"v3 List Accounts":                               related,
		"v3 Retrieve Projects Environment Variables Job": related,
		"v3 Create Projects Environment Variable":        "display_value environment_id state user_id", // of other scopes than a job
		"v3 Update Projects Environment Variable":        "display_value environment_id state user_id",
	}
}

// note remembers a request that was sent.
func (c *contract) note(op *operation, r *http.Request, body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sent[op.name] == nil {
		c.sent[op.name] = map[string]bool{}
	}
	for name := range r.URL.Query() {
		c.sent[op.name][name] = true
	}
	var value any
	if len(body) > 0 && decode(body, &value) == nil {
		for _, name := range names("", value) {
			c.sent[op.name][name] = true
		}
	}
}

func (c *contract) excuse(found []violation) []violation {
	c.mu.Lock()
	defer c.mu.Unlock()
	return excuse(found, c.departures, c.used)
}

// world is a fake dbt Cloud and a client of it, between which everything is validated.
type world struct {
	*dbtcloudtest.Server
	client    *dbtcloud.Client
	validator *validator
}

// begin makes a world. At the end of the test every violation is an error.
func (c *contract) begin(t *testing.T, opts ...dbtcloudtest.Option) *world {
	t.Helper()
	w := c.lax(t, opts...)
	t.Cleanup(func() {
		for _, v := range w.validator.violations() {
			t.Error(v)
		}
	})
	return w
}

// lax makes a world that only collects its violations.
func (c *contract) lax(t *testing.T, opts ...dbtcloudtest.Option) *world {
	t.Helper()
	server, v := dbtcloudtest.New(opts...), &validator{contract: c}
	client, err := server.Client(dbtcloud.WithMiddleware(v.wrap))
	if err != nil {
		t.Fatal(err)
	}
	return &world{Server: server, client: client, validator: v}
}

// validator is a round tripper that holds every exchange against the documents.
type validator struct {
	contract *contract
	next     http.RoundTripper

	mu    sync.Mutex
	found []string
}

func (v *validator) wrap(next http.RoundTripper) http.RoundTripper {
	v.next = next
	return v
}

func (v *validator) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := drain(r.Body)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	if body != nil {
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	op, found := v.contract.documents.request(r, body)
	v.report(found)
	if op != nil {
		v.contract.note(op, r, body)
	}
	res, err := v.next.RoundTrip(r)
	if err != nil || op == nil {
		return res, err
	}
	answer, err := drain(res.Body)
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(answer))
	v.report(op.answer(res.StatusCode, answer))
	return res, nil
}

func drain(body io.ReadCloser) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	defer func() { _ = body.Close() }()
	return io.ReadAll(body)
}

func (v *validator) report(found []violation) {
	left := v.contract.excuse(found)
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, violation := range left {
		v.found = append(v.found, violation.String())
	}
}

// violations are those so far, each once, sorted.
func (v *validator) violations() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Compact(slices.Sorted(slices.Values(v.found)))
}

// result is what a call returned.
type result[T any] struct {
	value T
	err   error
}

func try[T any](value T, err error) result[T] { return result[T]{value, err} }

// must ends the test on an error.
func (r result[T]) must(t *testing.T) T {
	t.Helper()
	if r.err != nil {
		t.Fatal(r.err)
	}
	return r.value
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// onlyAnswersDepart fails the test on every violation in a request, where the fake was asked to answer what no document
// describes.
func (w *world) onlyAnswersDepart(t *testing.T) {
	t.Helper()
	answers := 0
	for _, v := range w.validator.violations() {
		if strings.HasPrefix(v, "answer ") {
			answers++
			continue
		}
		t.Error(v)
	}
	if answers == 0 {
		t.Error("no answer departs from the documents, so this test shows nothing: use begin")
	}
}

// commit is a full commit id.
func commit(digit byte) string { return strings.Repeat(string(digit), 40) }
