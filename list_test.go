package dbtcloud_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/slimci/dbtcloud"
)

// shelf is a server of one list, as the API pages it, with the faults that servers have.
type shelf struct {
	mu       sync.Mutex
	ids      []int64 // ascending
	page     int     // largest page
	total    func(page, all int) string
	ignores  []string                  // parameters that have no effect
	between  func(ids []int64) []int64 // what happens to the list after a request
	ever     map[int64]bool            // every id that was there during all requests so far; nil before the first
	asked    []url.Values              // the queries
	onAnswer func(n int, page []int64) // called with each page
}

func (s *shelf) answer(n int, req *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := req.URL.Query()
	s.asked = append(s.asked, q)
	for _, name := range s.ignores {
		q = unset(q, name)
	}
	ids := slices.Clone(s.ids)
	if after, _ := strconv.ParseInt(q.Get("id__gt")+q.Get("pk__gt"), 10, 64); after > 0 {
		ids = slices.DeleteFunc(ids, func(id int64) bool { return id <= after })
	}
	if q.Get("order_by") == "-id" {
		slices.Reverse(ids)
	}
	all := len(ids)
	offset, _ := strconv.Atoi(q.Get("offset"))
	ids = ids[min(offset, len(ids)):]
	limit, _ := strconv.Atoi(q.Get("limit"))
	if limit == 0 {
		limit = s.page
	}
	ids = ids[:min(limit, s.page, len(ids))]
	if s.onAnswer != nil {
		s.onAnswer(n, ids)
	}
	body := s.envelope(ids, all)
	s.move()
	return response(200, "application/json", body), nil
}

func unset(q url.Values, without string) url.Values {
	out := url.Values{}
	for k, v := range q {
		if k != without {
			out[k] = v
		}
	}
	return out
}

func (s *shelf) envelope(ids []int64, all int) string {
	items := make([]string, len(ids))
	for i, id := range ids {
		items[i] = fmt.Sprintf(`{"id":%d}`, id)
	}
	total := ""
	if s.total != nil {
		total = s.total(len(ids), all)
	}
	return fmt.Sprintf(`{"data":[%s],"status":{"code":200,"is_success":true},"extra":{"pagination":{%s}}}`, strings.Join(items, ","), total)
}

func honest(_, all int) string { return fmt.Sprintf(`"total_count":%d`, all) }

// move lets the world go on, and keeps book of what was always there.
func (s *shelf) move() {
	if s.ever == nil {
		s.ever = map[int64]bool{}
		for _, id := range s.ids {
			s.ever[id] = true
		}
	}
	if s.between == nil {
		return
	}
	s.ids = s.between(s.ids)
	for id := range s.ever {
		if !slices.Contains(s.ids, id) {
			delete(s.ever, id)
		}
	}
}

func (s *shelf) always() []int64 {
	var ids []int64
	for id := range s.ever {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func sequence(n int) []int64 {
	ids := make([]int64, n)
	for i := range ids {
		ids[i] = int64(1000 + 3*i)
	}
	return ids
}

// lists is every list of every service, as ids.
func lists() map[string]func(context.Context, *dbtcloud.Client) iter.Seq2[int64, error] {
	return map[string]func(context.Context, *dbtcloud.Client) iter.Seq2[int64, error]{
		"Accounts.All": func(ctx context.Context, c *dbtcloud.Client) iter.Seq2[int64, error] {
			return ids(c.Accounts.All(ctx), func(a *dbtcloud.Account) int64 { return a.ID })
		},
		"Environments.All": func(ctx context.Context, c *dbtcloud.Client) iter.Seq2[int64, error] {
			return ids(c.Environments.All(ctx, 3, dbtcloud.EnvironmentFilter{}), func(e *dbtcloud.Environment) int64 { return e.ID })
		},
		"Projects.All": func(ctx context.Context, c *dbtcloud.Client) iter.Seq2[int64, error] {
			return ids(c.Projects.All(ctx, dbtcloud.ProjectFilter{}), func(p *dbtcloud.Project) int64 { return p.ID })
		},
		"Jobs.All": func(ctx context.Context, c *dbtcloud.Client) iter.Seq2[int64, error] {
			return ids(c.Jobs.All(ctx, dbtcloud.JobFilter{}), func(j *dbtcloud.Job) int64 { return j.ID })
		},
		"Runs.All": func(ctx context.Context, c *dbtcloud.Client) iter.Seq2[int64, error] {
			return ids(c.Runs.All(ctx, dbtcloud.RunFilter{}), func(r *dbtcloud.Run) int64 { return r.ID })
		},
	}
}

func ids[T any](seq iter.Seq2[*T, error], id func(*T) int64) iter.Seq2[int64, error] {
	return func(yield func(int64, error) bool) {
		for item, err := range seq {
			n := int64(0)
			if item != nil {
				n = id(item)
			}
			if !yield(n, err) {
				return
			}
		}
	}
}

func gather(seq iter.Seq2[int64, error]) (got []int64, err error) {
	for id, err := range seq {
		if err != nil {
			return got, err
		}
		got = append(got, id)
	}
	return got, nil
}

// TestRangeTwice: every All can be ranged over again, also after a break, and gives
// the same. The reflection finds a list that this test does not know.
func TestRangeTwice(t *testing.T) {
	t.Parallel()
	for field := range reflect.TypeFor[dbtcloud.Client]().Fields() {
		if field.IsExported() {
			if _, ok := field.Type.MethodByName("All"); ok && lists()[field.Name+".All"] == nil {
				t.Errorf("%s.All is not tested", field.Name)
			}
		}
	}
	for name, all := range lists() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := sequence(250)
			s := &shelf{ids: want, page: 100, total: honest}
			if name == "Accounts.All" {
				s.page = 1000 // the API gives them in one page
			}
			c, _ := scripted(t, s.answer)
			seq := all(t.Context(), c)
			for id, err := range seq {
				if err != nil || id == want[120] {
					break
				}
			}
			for range 2 {
				got, err := gather(seq)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
		})
	}
}

// TestQueries: how often a list asks, and for what.
func TestQueries(t *testing.T) {
	t.Parallel()
	absent := func(int, int) string { return "" }
	ofPage := func(page, _ int) string { return fmt.Sprintf(`"total_count":%d`, page) }
	tests := []struct {
		name  string
		list  string
		items int
		total func(page, all int) string
		want  []string // id__gt, pk__gt or offset of each request
	}{
		{"runs, none", "Runs.All", 0, honest, []string{""}},
		{"runs, one page", "Runs.All", 99, honest, []string{""}},
		{"runs, one page without a total", "Runs.All", 99, absent, []string{"", "1294"}},
		{"runs, exactly one page", "Runs.All", 100, honest, []string{"", "1297"}},
		{"runs, three pages", "Runs.All", 250, honest, []string{"", "1297", "1597"}},
		{"jobs, none", "Jobs.All", 0, honest, []string{"0"}},
		{"jobs, one page", "Jobs.All", 99, honest, []string{"0"}},
		{"jobs, one page without a total", "Jobs.All", 99, absent, []string{"0", "99"}},
		{"jobs, three pages", "Jobs.All", 250, honest, []string{"0", "100", "200"}},
		{"runs, the total of a page", "Runs.All", 250, ofPage, []string{"", "1297", "1597"}},
		{"jobs, the total of a page", "Jobs.All", 250, ofPage, []string{"0", "100", "200", "250"}},
		{"environments, three pages", "Environments.All", 250, honest, []string{"", "1297", "1597"}},
		{"projects, three pages", "Projects.All", 250, honest, []string{"", "1297", "1597"}},
		{"accounts", "Accounts.All", 99, absent, []string{""}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := &shelf{ids: sequence(test.items), page: 100, total: test.total}
			c, _ := scripted(t, s.answer)
			got, err := gather(lists()[test.list](t.Context(), c))
			if err != nil || len(got) != test.items {
				t.Errorf("%d items and error %v, want %d items", len(got), err, test.items)
			}
			var asked []string
			for _, q := range s.asked {
				asked = append(asked, q.Get("id__gt")+q.Get("pk__gt")+q.Get("offset"))
			}
			if diff := cmp.Diff(test.want, asked); diff != "" {
				t.Errorf("asked for (-want +got):\n%s", diff)
			}
		})
	}
}

// TestFiltersRefuseIDs: an id that cannot be is refused instead of being sent to a server
// that may take no notice of it.
func TestFiltersRefuseIDs(t *testing.T) {
	t.Parallel()
	c, s := scripted(t, always(200, "application/json", envelope("[]")))
	runs := func(f dbtcloud.RunFilter) error { return ignore(dbtcloud.Collect(c.Runs.All(t.Context(), f))) }
	jobs := func(f dbtcloud.JobFilter) error { return ignore(dbtcloud.Collect(c.Jobs.All(t.Context(), f))) }
	projects := func(f dbtcloud.ProjectFilter) error { return ignore(dbtcloud.Collect(c.Projects.All(t.Context(), f))) }
	environments := func(f dbtcloud.EnvironmentFilter) error {
		return ignore(dbtcloud.Collect(c.Environments.All(t.Context(), 3, f)))
	}
	for want, err := range map[string]error{
		"job_definition_id: must be positive, not -1": runs(dbtcloud.RunFilter{JobID: -1}),
		"pk__in: must be positive, not 0":             runs(dbtcloud.RunFilter{IDs: []int64{5, 0}}),
		"id__gt: must be positive, not -2":            runs(dbtcloud.RunFilter{After: -2, Newest: 5}),
		"deferring_run_id: must be positive, not -3":  runs(dbtcloud.RunFilter{DeferringRunID: -3}),
		"project_id__in: must be positive, not -4":    jobs(dbtcloud.JobFilter{ProjectIDs: []int64{-4}}),
		"pk: must be positive, not -5":                jobs(dbtcloud.JobFilter{ID: -5}),
		"environment_id: must be positive, not -6":    jobs(dbtcloud.JobFilter{EnvironmentID: -6}),
		"pk__gt: must be positive, not -7":            projects(dbtcloud.ProjectFilter{After: -7}),
		"credentials_id: must be positive, not -8":    environments(dbtcloud.EnvironmentFilter{CredentialsID: -8}),
	} {
		if !errors.Is(err, dbtcloud.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want ErrInvalid that says %q", err, want)
		}
	}
	if len(s.lines()) != 0 {
		t.Errorf("sent %v", s.lines())
	}
}

// TestIgnoredPaging: a server that ignores what a list asks for is an error, and
// nobody asks it for ever.
func TestIgnoredPaging(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, list, ignores string
		text                string
		got                 int
	}{
		{"runs ignore the cursor", "Runs.All", "id__gt", "id__gt", 100},
		{"environments ignore the cursor", "Environments.All", "id__gt", "id__gt", 100},
		{"projects ignore the cursor", "Projects.All", "pk__gt", "pk__gt", 100},
		{"jobs ignore the offset", "Jobs.All", "offset", "the same page twice", 100},
	}
	for _, test := range tests {
		for _, total := range []func(int, int) string{honest, func(int, int) string { return "" }} {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				s := &shelf{ids: sequence(250), page: 100, total: total, ignores: []string{test.ignores}}
				c, _ := scripted(t, s.answer)
				got, err := gather(lists()[test.list](t.Context(), c))
				if e, ok := errors.AsType[*dbtcloud.Error](err); !ok || !strings.Contains(e.Message, test.text) {
					t.Errorf("error %v, want one that says %q", err, test.text)
				}
				if len(got) != test.got || len(s.asked) != 2 {
					t.Errorf("%d items after %d requests, want %d after 2", len(got), len(s.asked), test.got)
				}
			})
		}
	}
}

func TestNewestIsOnePage(t *testing.T) {
	t.Parallel()
	s := &shelf{ids: sequence(250), page: 100, total: honest}
	c, _ := scripted(t, s.answer)
	got, err := dbtcloud.Collect(c.Runs.All(t.Context(), dbtcloud.RunFilter{Newest: 3, After: 1005}))
	if err != nil || len(got) != 3 || got[0].ID != 1747 || got[2].ID != 1741 {
		t.Errorf("got %v, %v", got, err)
	}
	if len(s.asked) != 1 || s.asked[0].Get("limit") != "3" {
		t.Errorf("asked %v", s.asked)
	}
}

func TestCursorOfTheCallerHolds(t *testing.T) {
	t.Parallel()
	s := &shelf{ids: sequence(5), page: 100, total: honest, ignores: []string{"id__gt"}}
	c, _ := scripted(t, s.answer)
	if _, err := dbtcloud.Collect(c.Runs.All(t.Context(), dbtcloud.RunFilter{After: 1005})); err == nil {
		t.Error("runs before After were let through")
	}
}

func TestListsOfRubbish(t *testing.T) {
	t.Parallel()
	const null, none = "holds a null", "without an id"
	for data, text := range map[string]string{`[null]`: null, `[{"id":5},null]`: null, `[{}]`: none, `[{"id":0}]`: none, `[{"id":null}]`: none} {
		t.Run(data, func(t *testing.T) {
			t.Parallel()
			for name, all := range lists() {
				c, _ := scripted(t, always(200, "application/json", envelope(data)))
				_, err := gather(all(t.Context(), c))
				if _, ok := errors.AsType[*dbtcloud.Error](err); !ok || !strings.Contains(err.Error(), text) {
					t.Errorf("%s: error %v, want an *Error that says %q", name, err, text)
				}
			}
		})
	}
}

// TestCollectKeepsWhatCame: what came before an error is returned beside it.
func TestCollectKeepsWhatCame(t *testing.T) {
	t.Parallel()
	s := &shelf{ids: sequence(250), page: 100, total: honest}
	c, _ := scripted(t, func(n int, req *http.Request) (*http.Response, error) {
		if n == 3 {
			return response(403, "application/json", refusal("No.", "null")), nil
		}
		return s.answer(n, req)
	})
	got, err := dbtcloud.Collect(c.Runs.All(t.Context(), dbtcloud.RunFilter{}))
	if len(got) != 200 || !errors.Is(err, dbtcloud.ErrForbidden) {
		t.Errorf("%d runs and %v, want 200 and ErrForbidden", len(got), err)
	}
}

// TestPagingProperties: whatever the page size, whatever comes and goes meanwhile and
// wherever the caller stops, a list is in order and without repetition, and misses
// nothing that was always there.
func TestPagingProperties(t *testing.T) {
	t.Parallel()
	totals := map[string]func(int, int) string{
		"honest": honest,
		"absent": func(int, int) string { return "" },
		"null":   func(int, int) string { return `"total_count":null` },
		"zero":   func(int, int) string { return `"total_count":0` },
		"huge":   func(int, int) string { return `"total_count":99999` },
		"page":   func(page, _ int) string { return fmt.Sprintf(`"total_count":%d`, page) },
	}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{"Runs.All", "Jobs.All"}).Draw(t, "list")
		total := rapid.SampledFrom([]string{"honest", "absent", "null", "zero", "huge", "page"}).Draw(t, "total")
		s := &shelf{ids: sequence(rapid.IntRange(0, 320).Draw(t, "items")), page: rapid.IntRange(1, 120).Draw(t, "page"), total: totals[total]}
		if total == "page" {
			s.page = 100 // on short pages such a lie cannot be told from the truth
		}
		moves := rapid.SampledFrom([]string{"nothing", "appear", "vanish", "both"}).Draw(t, "moves")
		if name == "Jobs.All" && (moves == "vanish" || moves == "both") {
			moves = "appear" // what an offset cannot survive, and the documentation says so
		}
		s.between = mover(moves, rapid.Uint64().Draw(t, "seed"))
		stop := rapid.IntRange(0, 400).Draw(t, "stop after")
		cancelled := rapid.Bool().Draw(t, "by cancelling")
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		c, _ := scripted(t, s.answer)

		var got []int64
		var end error
		asked := 0 // requests when it was stopped
		for id, err := range lists()[name](ctx, c) {
			if err != nil {
				end = err
				continue // the sequence ends by itself
			}
			got = append(got, id)
			if len(got) == stop {
				asked = len(s.asked)
				cancel()
			}
			if len(got) == stop && !cancelled {
				break
			}
		}
		if stop > 0 && len(got) == stop && len(s.asked) != asked {
			t.Fatalf("%d requests after being stopped at %d", len(s.asked)-asked, asked)
		}
		checkWalk(t, s, got, end, stop, cancelled)
	})
}

func checkWalk(t *rapid.T, s *shelf, got []int64, end error, stop int, cancelled bool) {
	if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
		t.Fatalf("not in order, or twice: %v", got)
	}
	stopped := stop > 0 && len(got) == stop
	if stop > 0 && len(got) > stop {
		t.Fatalf("%d items after being stopped at %d", len(got), stop)
	}
	switch {
	case stopped && cancelled:
		if end != nil && !errors.Is(end, context.Canceled) {
			t.Fatalf("ended with %v, want context.Canceled", end)
		}
		return
	case end != nil:
		t.Fatalf("ended with %v", end)
	case stopped:
		return
	}
	missing := slices.DeleteFunc(s.always(), func(id int64) bool { return slices.Contains(got, id) })
	if len(missing) > 0 {
		t.Fatalf("missed %v, which were there all the time", missing)
	}
}

// mover changes a list between two requests: new items have higher ids.
func mover(kind string, seed uint64) func([]int64) []int64 {
	r := rand.New(rand.NewPCG(seed, 1))
	next, left := int64(100_000), 200
	return func(ids []int64) []int64 {
		ids = slices.Clone(ids)
		if kind == "vanish" || kind == "both" {
			ids = slices.DeleteFunc(ids, func(int64) bool { return r.IntN(10) == 0 })
		}
		if kind == "appear" || kind == "both" {
			for range min(r.IntN(4), left) {
				ids = append(ids, next)
				next, left = next+1, left-1
			}
		}
		return ids
	}
}
