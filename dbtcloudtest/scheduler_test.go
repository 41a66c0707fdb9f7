package dbtcloudtest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// client is a bare HTTP client for the fake, so that nothing of the SDK takes part in these tests.
type client struct {
	t    testing.TB
	http *http.Client
	base string
	auth string
}

func newClient(t testing.TB, s *dbtcloudtest.Server) *client {
	return &client{
		t: t, http: &http.Client{Transport: s.Transport()}, auth: "Token " + s.Token(),
		base: "https://dbt.invalid/api/v2/accounts/" + strconv.FormatInt(s.AccountID(), 10) + "/",
	}
}

// do sends a request and returns the HTTP status and the decoded body, nil when it is not JSON.
func (c *client) do(method, path string, body any) (int, map[string]any) {
	c.t.Helper()
	resp, err := c.send(method, path, body)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatalf("%s %s: reading: %v", method, path, err)
	}
	var out map[string]any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if dec.Decode(&out) != nil {
		return resp.StatusCode, nil
	}
	return resp.StatusCode, out
}

func (c *client) send(method, path string, body any) (*http.Response, error) {
	c.t.Helper()
	var reader io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		reader = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, reader)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", c.auth)
	return c.http.Do(req)
}

// trigger triggers the job for a pull request and returns the run's id.
func (c *client) trigger(jobID int64, pr int, sha string) int64 {
	c.t.Helper()
	status, body := c.do("POST", "jobs/"+id(jobID)+"/run/", map[string]any{"cause": "test", "github_pull_request_id": pr, "git_sha": sha})
	if status != 200 {
		c.t.Fatalf("trigger answered %d: %v", status, body)
	}
	n, err := data(body)["id"].(json.Number).Int64()
	if err != nil {
		c.t.Fatal(err)
	}
	return n
}

func id(n int64) string { return strconv.FormatInt(n, 10) }

func data(body map[string]any) map[string]any {
	out, _ := body["data"].(map[string]any)
	return out
}

// statuses is the status of every run, in the order of their ids.
func statuses(s *dbtcloudtest.Server) []dbtcloudtest.RunStatus {
	var out []dbtcloudtest.RunStatus
	for _, r := range s.Runs() {
		out = append(out, r.Status)
	}
	return out
}

const (
	queued    = dbtcloudtest.Queued
	starting  = dbtcloudtest.Starting
	running   = dbtcloudtest.Running
	success   = dbtcloudtest.Success
	failed    = dbtcloudtest.Error
	cancelled = dbtcloudtest.Cancelled
)

func runsOf(d time.Duration) dbtcloudtest.Option {
	return dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome { return dbtcloudtest.Outcome{Duration: d} })
}

func TestScheduler(t *testing.T) {
	t.Parallel()
	const a, b, c = 0, 1, 2 // jobs
	type look struct {
		after time.Duration
		want  []dbtcloudtest.RunStatus
	}
	tests := []struct {
		name  string
		opts  []dbtcloudtest.Option
		runs  []int // the job of each run, all triggered at once
		looks []look
	}{
		{
			name: "one job runs one at a time", runs: []int{a, a},
			looks: []look{{0, status(running, queued)}, {time.Minute, status(success, running)}, {2 * time.Minute, status(success, success)}},
		},
		{
			name: "slots are shared by all jobs", opts: []dbtcloudtest.Option{dbtcloudtest.WithRunSlots(2)}, runs: []int{a, b, c},
			looks: []look{{0, status(running, running, queued)}, {time.Minute, status(success, success, running)}},
		},
		{
			name: "a run that waits for its own job holds nobody up", opts: []dbtcloudtest.Option{dbtcloudtest.WithRunSlots(2)}, runs: []int{a, a, b},
			looks: []look{{0, status(running, queued, running)}},
		},
		{
			name: "slots go to the oldest", opts: []dbtcloudtest.Option{dbtcloudtest.WithRunSlots(1)}, runs: []int{a, b, c},
			looks: []look{{time.Minute, status(success, running, queued)}, {2 * time.Minute, status(success, success, running)}},
		},
		{
			name: "without a limit everything runs", opts: []dbtcloudtest.Option{dbtcloudtest.WithRunSlots(0)}, runs: []int{a, b, c},
			looks: []look{{0, status(running, running, running)}},
		},
		{
			name: "starting takes its time and holds a slot",
			opts: []dbtcloudtest.Option{dbtcloudtest.WithRunSlots(1), dbtcloudtest.WithStartDelay(dbtcloudtest.Fixed(time.Second), dbtcloudtest.Fixed(10*time.Second))},
			runs: []int{a, b},
			looks: []look{
				{0, status(queued, queued)}, {time.Second, status(starting, queued)}, {10 * time.Second, status(starting, queued)},
				{11 * time.Second, status(running, queued)}, {71 * time.Second, status(success, starting)}, {81 * time.Second, status(success, running)},
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := dbtcloudtest.New(append(test.opts, runsOf(time.Minute))...)
				api := newClient(t, s)
				jobs := []int64{s.AddJob(dbtcloudtest.JobSpec{}), s.AddJob(dbtcloudtest.JobSpec{}), s.AddJob(dbtcloudtest.JobSpec{})}
				for i, job := range test.runs {
					api.trigger(jobs[job], i+1, "abc")
				}
				start := time.Now()
				for _, look := range test.looks {
					time.Sleep(time.Until(start.Add(look.after)))
					if diff := cmp.Diff(look.want, statuses(s)); diff != "" {
						t.Errorf("after %v (-want +got):\n%s", look.after, diff)
					}
				}
			})
		})
	}
}

func status(all ...dbtcloudtest.RunStatus) []dbtcloudtest.RunStatus { return all }
