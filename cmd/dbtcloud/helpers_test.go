package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// asCommand makes the test binary behave as the command: see TestMain.
const asCommand = "DBTCLOUD_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) == "1" {
		main()
	}
	os.Exit(m.Run())
}

const (
	sha1 = "1111111111111111111111111111111111111111"
	sha2 = "2222222222222222222222222222222222222222"
	sha3 = "3333333333333333333333333333333333333333"
)

// cloud is a fake dbt Cloud on loopback with one Slim CI job.
type cloud struct {
	*dbtcloudtest.Server
	job int64
	env map[string]string
}

// newCloud starts one. Runs of sha1 last as long as given (below zero: until they are
// cancelled), those of sha2 end at once, all others when they are cancelled.
func newCloud(t *testing.T, first time.Duration, opts ...dbtcloudtest.Option) *cloud {
	t.Helper()
	runTime := dbtcloudtest.WithRunTime(func(r dbtcloudtest.Run) dbtcloudtest.Outcome {
		switch r.SHA {
		case sha1:
			return dbtcloudtest.Outcome{Duration: first}
		case sha2:
			return dbtcloudtest.Outcome{}
		}
		return dbtcloudtest.Outcome{Duration: -1}
	})
	s := dbtcloudtest.New(append([]dbtcloudtest.Option{runTime}, opts...)...)
	c := &cloud{Server: s, job: s.AddJob(dbtcloudtest.JobSpec{Name: "Slim CI"})}
	c.env = map[string]string{
		"DBT_CLOUD_SERVICE_TOKEN": s.Token(),
		"DBT_CLOUD_ACCOUNT_ID":    id(s.AccountID()),
		"DBT_CLOUD_HOST":          s.Start(t),
		"JOB_ID":                  id(c.job),
	}
	return c
}

// occupy has another pull request keep the job busy.
func (c *cloud) occupy() int64 {
	return c.AddRun(dbtcloudtest.RunSpec{JobID: c.job, PullRequest: dbtcloudtest.PullRequest{Host: dbtcloudtest.GitHub, Number: 8}, SHA: sha3})
}

func id(n int64) string { return strconv.FormatInt(n, 10) }

// outcome is what one invocation left behind.
type outcome struct {
	status         int
	stdout, stderr string
}

// invoke carries out one invocation in this process.
func invoke(t *testing.T, env map[string]string, args ...string) outcome {
	t.Helper()
	return invokeOn(t.Context(), nil, env, args...)
}

// invokeOn is invoke with a terminal of so many columns.
func invokeOn(ctx context.Context, columns func() int, env map[string]string, args ...string) outcome {
	return invokeWith(ctx, columns, env, "", args...)
}

// invokeWith is invokeOn with something on standard input.
func invokeWith(ctx context.Context, columns func() int, env map[string]string, stdin string, args ...string) outcome {
	var stdout, stderr bytes.Buffer
	a := app{
		getenv: func(name string) string { return env[name] },
		stdin:  strings.NewReader(stdin), stdout: &stdout, stderr: &stderr, columns: columns,
		options: []dbtcloud.Option{dbtcloud.WithRetry(dbtcloud.Retry{Attempts: 2, MinDelay: time.Millisecond, MaxDelay: time.Millisecond})},
	}
	status := a.run(ctx, args)
	return outcome{status, stdout.String(), stderr.String()}
}

// test has pull request 7 tested, with quick looks.
func (c *cloud) test(t *testing.T, args ...string) outcome {
	t.Helper()
	return invoke(t, c.env, append([]string{"autoscale-ci", "--github-pull-request=7", "--sha=" + sha1, "--poll-interval=100ms"}, args...)...)
}

// want fails the test unless the invocation ended so.
func (o outcome) want(t *testing.T, status int) outcome {
	t.Helper()
	if o.status != status {
		t.Fatalf("exit status %d, want %d\nstdout: %s\nstderr: %s", o.status, status, o.stdout, o.stderr)
	}
	return o
}

// object decodes stdout, which must be exactly one JSON object on one line.
func (o outcome) object(t *testing.T) map[string]any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(o.stdout))
	d.UseNumber()
	var object map[string]any
	if err := d.Decode(&object); err != nil {
		t.Fatalf("stdout is no JSON object: %v\n%s", err, o.stdout)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) || strings.Count(o.stdout, "\n") != 1 {
		t.Fatalf("stdout is more than one JSON object on one line:\n%s", o.stdout)
	}
	return object
}

// numberOf reads a number of an object; null is 0.
func numberOf(t *testing.T, object map[string]any, key string) int64 {
	t.Helper()
	v, ok := object[key]
	if !ok {
		t.Fatalf("%q is missing", key)
	}
	if v == nil {
		return 0
	}
	n, err := v.(json.Number).Int64()
	if err != nil {
		t.Fatalf("%q: %v", key, err)
	}
	return n
}

// writes are the requests that were no GET.
func (c *cloud) writes() []string {
	var writes []string
	for _, r := range c.Requests() {
		if r.Method != http.MethodGet {
			writes = append(writes, r.Operation)
		}
	}
	return writes
}

var elapsed = regexp.MustCompile(`(?m)^(?:\d+:)?\d+:\d\d  `)

// steady replaces what differs between two invocations: times, and the names that a variable stands for.
func steady(text string, names ...string) string {
	return strings.NewReplacer(names...).Replace(elapsed.ReplaceAllString(text, "TIME  "))
}

// await polls until something is so.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !is() {
		select {
		case <-deadline.C:
			t.Fatalf("waited in vain until %s", what)
		case <-ticker.C:
		}
	}
}
