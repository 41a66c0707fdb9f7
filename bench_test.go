//go:build unix

package dbtcloud_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"runtime/metrics"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// The benchmarks do the same work in turn with this package and with net/http and
// encoding/json alone, against the same server on loopback, so that what disturbs the
// machine disturbs both. docs/benchmarks.md says what comes of it.

// recorder serves over plain connections what a fake answered the first time. It
// allocates nothing after that: what is counted is the client's.
type recorder struct {
	mu       sync.Mutex
	fake     func(request int) http.Handler     // which one answers, counted from 1
	answers  map[http.Handler]map[string][]byte // of each fake, by the first line of a request
	requests int
}

// serve starts a recorder of a fake and returns its URL.
func serve(b *testing.B, fake http.Handler) (*recorder, string) {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	s := &recorder{fake: func(int) http.Handler { return fake }, answers: map[http.Handler]map[string][]byte{}}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			open.Go(func() { s.talk(conn) })
			b.Cleanup(func() { _ = conn.Close() })
		}
	})
	b.Cleanup(open.Wait)
	b.Cleanup(func() { _ = listener.Close() })
	return s, "http://" + listener.Addr().String()
}

// talk answers the requests of a connection until it is closed. None has a body.
func (s *recorder) talk(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	in := bufio.NewReaderSize(conn, 1<<16)
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return
		}
		answer := s.answer(line)
		for err == nil && len(line) > len("\r\n") {
			line, err = in.ReadSlice('\n')
		}
		if err != nil {
			return
		}
		if _, err := conn.Write(answer); err != nil {
			return
		}
	}
}

func (s *recorder) answer(line []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	fake := s.fake(s.requests)
	if answer, ok := s.answers[fake][string(line)]; ok {
		return answer
	}
	var method, target string
	_, _ = fmt.Sscan(string(line), &method, &target)
	req := httptest.NewRequest(method, target, http.NoBody)
	req.Header.Set("Authorization", "Token "+dbtcloudtest.DefaultToken)
	w := httptest.NewRecorder()
	fake.ServeHTTP(w, req)
	var out bytes.Buffer
	resp := w.Result()
	resp.ContentLength = int64(w.Body.Len())
	_ = resp.Write(&out)
	if s.answers[fake] == nil {
		s.answers[fake] = map[string][]byte{}
	}
	s.answers[fake][string(line)] = out.Bytes()
	return out.Bytes()
}

// begin starts a new count of requests, and returns the old one.
func (s *recorder) begin(fake func(request int) http.Handler) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.requests
	s.fake, s.requests = fake, 0
	return before
}

// plain is a client of net/http and encoding/json alone.
type plain struct{ base string }

// run is a run without what this package does when it decodes one.
type run dbtcloud.Run

// get decodes the answer's data into out.
func (p plain) get(ctx context.Context, path string, query url.Values, data any) error {
	body, err := p.open(ctx, path, query)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	return json.NewDecoder(body).Decode(&struct {
		Data any `json:"data"`
	}{data})
}

func (p plain) open(ctx context.Context, path string, query url.Values) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base+path+"?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Token "+dbtcloudtest.DefaultToken)
	req.Header.Set("Accept", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		return nil, fmt.Errorf("answered %s", resp.Status)
	}
	return resp.Body, nil
}

// beside does the same with the SDK and with plain, in turn, and reports what each
// costs: the time and the CPU of the whole process, the server included, and what is
// allocated. The ratio of the best times is what a busy machine disturbs least.
func beside(b *testing.B, sdk, plain func() error) {
	b.Helper()
	both := []func() error{sdk, plain}
	must := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	must(sdk())
	must(plain()) // records the answers
	var took, used [2]time.Duration
	best := [2]time.Duration{time.Hour, time.Hour}
	for n := 0; b.Loop(); n++ {
		for i := range both {
			i = (i + n) % 2 // either goes first every other time
			start, cpu := time.Now(), processor()
			must(both[i]())
			best[i] = min(best[i], time.Since(start))
			took[i] += time.Since(start)
			used[i] += processor() - cpu
		}
	}
	b.ReportMetric(0, "ns/op") // of both together
	for i, name := range []string{"sdk", "plain"} {
		allocs, size := allocated(func() { must(both[i]()) })
		b.ReportMetric(float64(took[i].Microseconds())/float64(b.N), name+"-µs/op")
		b.ReportMetric(allocs, name+"-allocs/op")
		b.ReportMetric(size/1024, name+"-KiB/op")
	}
	b.ReportMetric(float64(took[0])/float64(took[1]), "x-plain")
	b.ReportMetric(float64(used[0])/float64(used[1]), "x-plain-cpu")
	b.ReportMetric(float64(best[0])/float64(best[1]), "x-plain-best")
}

// processor is the time that the processors have worked for this process.
func processor() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// allocated is how many objects do allocates, and of how many bytes.
func allocated(do func()) (objects, size float64) {
	const times = 10
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range times {
		do()
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / times, float64(after.TotalAlloc-before.TotalAlloc) / times
}

// clients returns a client of each kind for a server.
func clients(b *testing.B, base string) (*dbtcloud.Client, plain) {
	b.Helper()
	c, err := dbtcloud.New(dbtcloud.WithHost(base), dbtcloud.WithAccount(dbtcloudtest.DefaultAccountID), dbtcloud.WithToken(dbtcloudtest.DefaultToken))
	if err != nil {
		b.Fatal(err)
	}
	return c, plain{base}
}

// busy is a fake with so many runs that go on; the same number gives the same ids.
func busy(n int) (*dbtcloudtest.Server, []int64) {
	fake := dbtcloudtest.New(dbtcloudtest.WithCIConcurrency(true), dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome {
		return dbtcloudtest.Outcome{Duration: -1}
	}))
	job := fake.AddJob(dbtcloudtest.JobSpec{Name: "CI"})
	ids := make([]int64, n)
	for i := range ids {
		ids[i] = fake.AddRun(dbtcloudtest.RunSpec{JobID: job, Cause: "push", SHA: fmt.Sprintf("%040x", i), PullRequest: dbtcloudtest.PullRequest{Host: dbtcloudtest.GitHub, Number: int64(i + 1)}})
	}
	return fake, ids
}

// finished is the same after the ends of all runs.
func finished(n int) (*dbtcloudtest.Server, []int64) {
	fake, ids := busy(n)
	for _, id := range ids {
		fake.FinishRun(id, dbtcloudtest.Success)
	}
	return fake, ids
}

var runsOf = fmt.Sprintf("/api/v2/accounts/%d/runs/", dbtcloudtest.DefaultAccountID)

func BenchmarkRunsGet(b *testing.B) {
	fake, ids := finished(1)
	_, base := serve(b, fake)
	c, p := clients(b, base)
	beside(b, func() error {
		_, err := c.Runs.Get(b.Context(), ids[0], dbtcloud.RunWithTrigger, dbtcloud.RunWithSteps)
		return err
	}, func() error {
		return p.get(b.Context(), runsOf+strconv.FormatInt(ids[0], 10)+"/", url.Values{"include_related": {"trigger,run_steps"}}, new(run))
	})
}

func BenchmarkRunsAll(b *testing.B) {
	const all = 1000
	fake, _ := finished(all)
	_, base := serve(b, fake)
	c, p := clients(b, base)
	count := func(n int) error {
		if n != all {
			return fmt.Errorf("%d runs, want %d", n, all)
		}
		return nil
	}
	beside(b, func() error {
		n := 0
		for _, err := range c.Runs.All(b.Context(), dbtcloud.RunFilter{Include: []dbtcloud.RunInclude{dbtcloud.RunWithTrigger}}) {
			if err != nil {
				return err
			}
			n++
		}
		return count(n)
	}, func() error {
		n, query := 0, url.Values{"limit": {"100"}, "order_by": {"id"}, "include_related": {"trigger"}}
		for {
			var page []*run
			if err := p.get(b.Context(), runsOf, query, &page); err != nil {
				return err
			}
			if len(page) == 0 {
				return count(n)
			}
			n += len(page)
			query.Set("id__gt", strconv.FormatInt(page[len(page)-1].ID, 10))
		}
	})
}

func BenchmarkOpenArtifact(b *testing.B) {
	const size = 100 << 20
	fake, ids := finished(1)
	fake.AddArtifacts(ids[0], dbtcloudtest.Artifact{Path: "manifest.json", Size: size, Open: func() io.Reader { return &filler{left: size, read: new(int64)} }})
	c, p := clients(b, fake.Start(b))
	read := func(body io.ReadCloser, err error, to io.Writer) error {
		if err != nil {
			return err
		}
		defer func() { _ = body.Close() }()
		if n, err := io.Copy(to, body); err != nil || n != size {
			return fmt.Errorf("read %d bytes: %w", n, err)
		}
		return nil
	}
	sdk := func(to io.Writer) error {
		body, err := c.Runs.OpenArtifact(b.Context(), ids[0], "manifest.json")
		return read(body, err, to)
	}
	plain := func(to io.Writer) error {
		body, err := p.open(b.Context(), fmt.Sprintf("%s%d/artifacts/manifest.json", runsOf, ids[0]), nil)
		return read(body, err, to)
	}
	beside(b, func() error { return sdk(discard{}) }, func() error { return plain(discard{}) })
	for name, do := range map[string]func(io.Writer) error{"sdk": sdk, "plain": plain} {
		runtime.GC()
		before := heap()
		peak := &peakHeap{}
		if err := do(peak); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(peak.most-before)/1024, name+"-peak-KiB")
	}
}

// discard is io.Discard without its way to be read into.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// peakHeap is a writer that looks at the heap.
type peakHeap struct{ most uint64 }

func (p *peakHeap) Write(b []byte) (int, error) {
	p.most = max(p.most, heap())
	return len(b), nil
}

// heap is how many bytes the objects on the heap take, those included that nobody needs any longer.
func heap() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// BenchmarkWaitAll follows 2,000 runs for four looks, at the fourth of which all have
// ended: with WaitAll, and with a call for each of them.
func BenchmarkWaitAll(b *testing.B) {
	const n, looks = 2000, 4
	running, ids := busy(n)
	ended, _ := finished(n)
	s, base := serve(b, running)
	c, p := clients(b, base)
	// turning has the runs end before the last look, where each takes so many calls.
	turning := func(calls int, do func() error) func() error {
		return func() error {
			s.begin(func(request int) http.Handler {
				if request <= calls*(looks-1) {
					return running
				}
				return ended
			})
			return do()
		}
	}
	sdk := turning(n/100, func() error {
		_, err := c.Runs.WaitAll(b.Context(), ids, dbtcloud.Poll{First: 1, Interval: 1})
		return err
	})
	plain := turning(n, func() error {
		for active := slices.Clone(ids); len(active) > 0; {
			var err error
			active = slices.DeleteFunc(active, func(id int64) bool {
				var r run
				err = errors.Join(err, p.get(b.Context(), fmt.Sprintf("%s%d/", runsOf, id), url.Values{"include_related": {"trigger,audit"}}, &r))
				return r.Status.Terminal()
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	beside(b, sdk, plain)
	for i, do := range []func() error{sdk, plain} {
		if err := do(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(s.begin(nil))/looks, []string{"sdk", "plain"}[i]+"-calls/look")
	}
}
