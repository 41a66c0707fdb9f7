package dbtcloud_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// tap is the connection of one runner to the server. It delays requests by times that depend on the schedule alone,
// so that a play can be repeated, writes down what the runner was shown, and kills the runner when its time has come.
type tap struct {
	server    http.RoundTripper
	seed      uint64
	runner    int
	net       time.Duration
	page      int  // so many runs are on a page of the active ones
	killAt    int  // at this request
	ofWrites  bool // of those that are no GET
	afterWork bool // when the server has done it
	kill      func()

	mu    sync.Mutex
	sent  map[string]int
	count int
	dead  bool
	log   []exchange
	look  [][]byte            // the pages of the last list of active runs
	known map[int64]time.Time // when runs were last read
	slots []byte              // the last answer about the account
}

// exchange is a request that reached the server, and what its sender had been shown before.
type exchange struct {
	at     time.Time
	method string
	path   string
	body   []byte
	look   [][]byte
	slots  []byte
	known  map[int64]time.Time // when the runner read a run
}

var idInPath = regexp.MustCompile(`/(jobs|runs)/([0-9]+)/`)

// RoundTrip is one request of the runner.
func (t *tap) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := takeBody(r)
	if err != nil {
		return nil, err
	}
	delay := t.delay(r)
	if err := nap(r.Context(), delay/2); err != nil {
		return nil, err
	}
	alive, dying := t.leave(r, body)
	if !alive {
		return nil, errKilled
	}
	resp, err := t.server.RoundTrip(t.paged(r))
	if dying {
		t.die()
		return nil, errKilled
	}
	if err == nil {
		err = nap(r.Context(), delay-delay/2)
	}
	if err != nil {
		return nil, err
	}
	t.note(r, resp)
	return resp, nil
}

// paged asks for smaller pages of the active runs, as if there were more of them.
func (t *tap) paged(r *http.Request) *http.Request {
	query := r.URL.Query()
	if !query.Has("status__in") || !query.Has("limit") {
		return r
	}
	query.Set("limit", strconv.Itoa(t.page))
	out := r.Clone(r.Context())
	out.URL.RawQuery = query.Encode()
	return out
}

func takeBody(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body, err
}

func nap(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// delay is how long this request takes.
func (t *tap) delay(r *http.Request) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sent == nil {
		t.sent, t.known = map[string]int{}, map[int64]time.Time{}
	}
	what := r.Method + r.URL.Path + "?" + r.URL.RawQuery
	t.sent[what]++
	return time.Millisecond + time.Duration(mix(t.seed, t.runner, what, t.sent[what])%uint64(t.net))
}

// leave tells whether a request reaches the server, and whether its answer reaches nobody.
func (t *tap) leave(r *http.Request, body []byte) (alive, dying bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.ofWrites || r.Method != http.MethodGet {
		t.count++
	}
	due := t.count == t.killAt && (!t.ofWrites || r.Method != http.MethodGet)
	if t.dead || due && !t.afterWork {
		if !t.dead {
			t.dead = true
			t.kill()
		}
		return false, false
	}
	e := exchange{at: time.Now(), method: r.Method, path: r.URL.Path, body: body}
	if r.Method != http.MethodGet {
		e.look, e.slots, e.known = t.look, t.slots, maps.Clone(t.known)
	}
	t.log = append(t.log, e)
	return true, due
}

func (t *tap) die() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dead = true
	t.kill()
}

// note keeps what an answer shows of runs and slots, and leaves the answer to be read again.
func (t *tap) note(r *http.Request, resp *http.Response) {
	query := r.URL.Query()
	list := strings.HasSuffix(r.URL.Path, "/runs/") && query.Has("status__in")
	account := strings.Count(strings.Trim(r.URL.Path, "/"), "/") == 3
	id := idInPath.FindStringSubmatch(r.URL.Path)
	read := r.Method == http.MethodGet && id != nil && id[1] == "runs"
	if r.Method != http.MethodGet || !list && !account && !read {
		return
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), failing{err}))
	if err != nil || resp.StatusCode != http.StatusOK || !json.Valid(body) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case account:
		t.slots = body
	case read:
		n, _ := strconv.ParseInt(id[2], 10, 64)
		t.known[n] = time.Now()
	case !query.Has("id__gt"):
		t.look = [][]byte{body}
	default:
		t.look = append(slices.Clip(t.look), body)
	}
}

// failing is the end of a body that could not be read to its end.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return 0, io.EOF
}

// text is a number that may be written as a string.
type text int64

func (n *text) UnmarshalJSON(b []byte) error {
	v, err := strconv.ParseInt(strings.Trim(string(b), `"`), 10, 64)
	*n = text(v)
	return err
}

// seen is an active run as a list shows it.
type seen struct {
	ID     text                   `json:"id"`
	JobID  text                   `json:"job_definition_id"`
	Status dbtcloudtest.RunStatus `json:"status"`
}

// shown are the runs of the last look.
func (e exchange) shown() []seen {
	var out []seen
	for _, page := range e.look {
		var answer struct {
			Data []seen `json:"data"`
		}
		if json.Unmarshal(page, &answer) == nil {
			out = append(out, answer.Data...)
		}
	}
	return out
}

// runSlots is what the account was last seen to have; 0: not known.
func (e exchange) runSlots() int {
	var answer struct {
		Data struct {
			RunSlots int `json:"run_slots"`
		} `json:"data"`
	}
	_ = json.Unmarshal(e.slots, &answer)
	return answer.Data.RunSlots
}
