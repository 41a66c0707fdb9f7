package contract

import (
	"bytes"
	"encoding/json"
	"io"
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

// scenario is a use of the SDK in virtual time, every request and answer of which is validated.
type scenario struct {
	name string
	run  func(t *testing.T, c *contract)
}

// TestContract runs every scenario, and then looks whether together they sent everything that there is to send.
func TestContract(t *testing.T) {
	t.Parallel()
	c := newContract(load(t))
	scenarios := slices.Concat(accountScenarios(), projectScenarios(), environmentScenarios(), variableScenarios(), jobScenarios(), runScenarios(), updateScenarios(), autoscaleScenarios(), deployScenarios())
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
	for _, problem := range c.gaps() {
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
	show     func(data object) // changes the one thing that a GET is answered with, before anybody sees it; nil: nothing

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
	if r.Method == http.MethodGet && v.show != nil {
		answer = edited(answer, v.show)
		res.ContentLength = int64(len(answer))
	}
	res.Body = io.NopCloser(bytes.NewReader(answer))
	v.report(op.answer(res.StatusCode, answer))
	return res, nil
}

// edited is an answer with its object changed; one that has none stays.
func edited(answer []byte, show func(object)) []byte {
	var envelope object
	if decode(answer, &envelope) != nil {
		return answer
	}
	data, ok := envelope["data"].(object)
	if !ok {
		return answer
	}
	show(data)
	changed, err := json.Marshal(envelope)
	if err != nil {
		return answer
	}
	return changed
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
	if w.requestsHold(t) == 0 {
		t.Error("no answer departs from the documents, so this test shows nothing: use begin")
	}
}

// requestsHold fails the test on every violation in a request, and counts those in answers.
func (w *world) requestsHold(t *testing.T) (answers int) {
	t.Helper()
	for _, v := range w.validator.violations() {
		if strings.HasPrefix(v, "answer ") {
			answers++
			continue
		}
		t.Error(v)
	}
	return answers
}

// commit is a full commit id.
func commit(digit byte) string { return strings.Repeat(string(digit), 40) }
