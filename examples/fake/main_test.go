package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/manifest"
)

func TestFakeServesAJob(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- run(ctx, []string{"-addr", "127.0.0.1:0"}, in) }()
	env := map[string]string{}
	lines := bufio.NewScanner(out)
	for len(env) < 5 && lines.Scan() {
		name, value, _ := strings.Cut(strings.TrimPrefix(lines.Text(), "export "), "=")
		env[name] = value
	}
	client, err := dbtcloud.New(dbtcloud.WithHost(env["DBT_CLOUD_HOST"]), dbtcloud.WithToken(env["DBT_CLOUD_SERVICE_TOKEN"]), dbtcloud.WithAccount(70506183000001))
	if err != nil {
		t.Fatal(err)
	}
	jobs, err := dbtcloud.Collect(client.Jobs.All(ctx, dbtcloud.JobFilter{}))
	if err != nil || len(jobs) != 1 {
		t.Fatalf("jobs: %v, %v; want one", jobs, err)
	}
	if diff := cmp.Diff("Slim CI", jobs[0].Name); diff != "" {
		t.Errorf("job (-want +got):\n%s", diff)
	}
	environment, err := strconv.ParseInt(env["DBT_CLOUD_ENVIRONMENT_ID"], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	var models []string
	for model, err := range client.Metadata.Models(ctx, environment, dbtcloud.ModelFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		models = append(models, model.Name)
	}
	if diff := cmp.Diff([]string{"stg_orders", "orders"}, models); diff != "" {
		t.Errorf("models (-want +got):\n%s", diff)
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("after its context ended: %v", err)
	}
}

// TestReportsCanBeTried: what a run leaves behind is read, so that a first report has nothing to complain of.
func TestReportsCanBeTried(t *testing.T) {
	t.Parallel()
	for _, a := range leftBehind() {
		var err error
		if a.Path == "manifest.json" {
			_, err = manifest.Read(bytes.NewReader(a.Data))
		} else {
			_, err = manifest.ReadRunResults(bytes.NewReader(a.Data))
		}
		if err != nil {
			t.Errorf("%s: %v", a.Path, err)
		}
	}
}

// TestPagesSpeakOfTheProject: the nodes of which the pages speak are there, so that what they show can be tried.
func TestPagesSpeakOfTheProject(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, node := range analytics() {
		id, _ := node["uniqueId"].(string)
		known[id] = true
	}
	for _, page := range []string{"../../README.md", "../../docs/metadata.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		ids := regexp.MustCompile(`\b(model|source|test|exposure)\.analytics(\.\w+)+`).FindAllString(string(text), -1)
		if len(ids) == 0 {
			t.Errorf("%s speaks of no node", page)
		}
		for _, id := range ids {
			if !known[id] {
				t.Errorf("%s speaks of %s, which is not there", page, id)
			}
		}
	}
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-addr", "0.0.0.0:0"}, {"-addr", "example.com:80"}, {"-addr", "nothing"}, {"-slots", "many"}} {
		if err := run(t.Context(), args, io.Discard); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}
