package dbtcloudtest_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// connect is the three ways to reach the fake.
func connect() map[string]func(t *testing.T, s *dbtcloudtest.Server) (*http.Client, string) {
	return map[string]func(*testing.T, *dbtcloudtest.Server) (*http.Client, string){
		"in process": func(_ *testing.T, s *dbtcloudtest.Server) (*http.Client, string) {
			return &http.Client{Transport: s.Transport()}, "https://dbt.invalid"
		},
		"http": func(t *testing.T, s *dbtcloudtest.Server) (*http.Client, string) {
			tr := &http.Transport{}
			t.Cleanup(tr.CloseIdleConnections)
			return &http.Client{Transport: tr}, s.Start(t)
		},
		"tls": func(t *testing.T, s *dbtcloudtest.Server) (*http.Client, string) {
			server := s.StartTLS(t)
			return server.Client(), server.URL
		},
		"http/2": func(t *testing.T, s *dbtcloudtest.Server) (*http.Client, string) {
			server := httptest.NewUnstartedServer(s)
			server.EnableHTTP2 = true
			server.StartTLS()
			t.Cleanup(server.Close)
			return server.Client(), server.URL
		},
	}
}

// TestTheSameOverEveryConnection runs one story over each connection: the answers must not differ.
func TestTheSameOverEveryConnection(t *testing.T) {
	t.Parallel()
	for name, dial := range connect() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := dbtcloudtest.New(runsOf(-1))
			w := &world{Server: s, client: newClient(t, s), job: s.AddJob(dbtcloudtest.JobSpec{}), start: time.Now()}
			var host string
			w.http, host = dial(t, s)
			w.base = host + strings.TrimPrefix(w.base, "https://dbt.invalid")
			tell(t, w)
		})
	}
}

func tell(t *testing.T, w *world) {
	code, body := w.do("POST", "jobs/", w.jobBody(nil))
	if code != 200 {
		t.Fatalf("create answered %d: %v", code, body)
	}
	clone, _ := data(body)["id"].(jsonNumber).Int64()
	first, second := w.trigger(clone, 1, "a"), w.trigger(clone, 2, "b")
	if diff := cmp.Diff([]string{id(first), id(second)}, w.list("runs/?job_definition_id="+id(clone)+"&status__in=[1,2,3]")); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
	w.do("POST", "runs/"+id(second)+"/cancel/", nil)
	w.AddArtifact(first, "run_results.json", []byte(`{"results":[]}`))
	const size = 5 << 20
	w.AddArtifacts(first, dbtcloudtest.Artifact{Path: "manifest.json", Size: size, Open: func() io.Reader { return io.LimitReader(zeros{}, size) }})
	w.FinishRun(first, success)
	if diff := cmp.Diff([]any{200, "application/json", `{"results":[]}`, int64(14)}, w.file("runs/"+id(first)+"/artifacts/run_results.json")); diff != "" {
		t.Errorf("artifact (-want +got):\n%s", diff)
	}
	if got := w.file("runs/" + id(first) + "/artifacts/manifest.json"); len(got[2].(string)) != size || got[3] != int64(size) {
		t.Errorf("large artifact: %d bytes, declared %v, want %d", len(got[2].(string)), got[3], size)
	}
	if code, _ := w.do("DELETE", "jobs/"+id(clone)+"/", nil); code != 204 {
		t.Errorf("delete answered %d, want 204", code)
	}
	if diff := cmp.Diff(status(success, cancelled), statuses(w.Server)); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	fail(t, w)
}

// fail meets the faults that each connection has its own way to show.
func fail(t *testing.T, w *world) {
	for _, kind := range []dbtcloudtest.Kind{
		dbtcloudtest.LostAnswer(), dbtcloudtest.LostRequest(), dbtcloudtest.Truncated(), dbtcloudtest.Hang(), dbtcloudtest.HTML200(),
	} {
		before := len(w.Runs())
		w.Inject(dbtcloudtest.Fault{Route: triggerRoute, Times: 1, Kind: kind})
		ctx, cancel := context.WithTimeout(t.Context(), limitOf(kind))
		got := w.see(ctx)
		cancel()
		wantRuns := map[string]int{"lost answer": 1, "truncated": 1, "html 200": 1}[kind.String()]
		if made := len(w.Runs()) - before; made != wantRuns {
			t.Errorf("%v: %d runs were made, want %d", kind, made, wantRuns)
		}
		if wantErr := kind.String() != "html 200"; (got.Err != "") != wantErr {
			t.Errorf("%v: the client sees %+v, want an error: %v", kind, got, wantErr)
		}
	}
}

// limitOf is short for the one fault that only the client can end.
func limitOf(kind dbtcloudtest.Kind) time.Duration {
	if kind.String() == "hang" {
		return time.Second // enough for the request to arrive, also on a busy machine
	}
	return time.Minute
}

func FuzzRequests(f *testing.F) {
	f.Add("GET", "/api/v2/accounts/70506183000001/runs/", "status__in=[1,2]&order_by=-id", "")
	f.Add("POST", "/api/v2/accounts/70506183000001/jobs/", "", `{"name":{"a":[null,1e999]},"triggers":[]}`)
	f.Add("POST", "/api/v2/accounts/70506183000001/jobs/70506183137151/", "", `{"id":70506183137151,"schedule":{"time":{"type":1}}}`)
	f.Add("POST", "/api/v2/accounts/70506183000001/jobs/70506183137151/run/", "", `{"cause":"x","steps_override":[1]}`)
	f.Add("GET", "/api/v2/accounts/70506183000001/runs/70506183137152/artifacts/", "step=9", "")
	f.Add("GET", "/api/v3/accounts/70506183000001/projects/1/environment-variables/job/", "job_definition_id=x", "")
	f.Fuzz(func(t *testing.T, method, path, query, body string) {
		s := dbtcloudtest.New()
		job := s.AddJob(dbtcloudtest.JobSpec{})
		s.AddRun(dbtcloudtest.RunSpec{JobID: job})
		req, err := http.NewRequestWithContext(t.Context(), method, "https://dbt.invalid/", strings.NewReader(body))
		if err != nil {
			t.Skip("no such method")
		}
		req.URL.Path, req.URL.RawQuery = path, query
		req.Header.Set("Authorization", "Token "+s.Token())
		resp, err := s.Transport().RoundTrip(req)
		if err != nil {
			t.Fatalf("no answer: %v", err)
		}
		defer func() { _ = resp.Body.Close() }()
		if resp.StatusCode < 200 || resp.StatusCode > 500 {
			t.Errorf("%s %s answered %d", method, path, resp.StatusCode)
		}
		if len(s.Runs()) < 1 || len(s.Requests()) != 1 {
			t.Errorf("%s %s lost a run or a request", method, path)
		}
	})
}
