package pipelines

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// bitbucket is the entry of Bitbucket Pipelines. What is stored with the repository is a variable of every step.
func bitbucket() provider {
	return provider{
		name: "bitbucket", file: "bitbucket-pipelines.yml", jobs: bitbucketJobs,
		host: dbtcloudtest.OtherHost, stop: signalGroup(syscall.SIGKILL),
		fixtures: map[string]string{"declined": "closed"},
		places: func(t *testing.T, w *world) {
			delete(w.env, "DBT_CLOUD_CI_ACTION") // no variable of Bitbucket: the file sets it
			w.env["DBT_CLOUD_CI_HOST_URL"], w.env["DBT_CLOUD_CI_HOST_TOKEN"] = codeInsights(t, filepath.Join(w.dir, "insights.txt")), token
		},
		shown: []string{"test-results/*.xml", "insights.txt"},
		idle:  []string{"tag", "manual", "schedule"},
		also:  []play{{name: "declined", event: "declined", goes: lasts, act: closePullRequest, check: closed}},
	}
}

// codeInsights stands for the proxy of Bitbucket, whose port a test cannot have: it writes what it is sent into a file.
func codeInsights(t *testing.T, file string) string {
	t.Helper()
	var mu sync.Mutex
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		before, _ := os.ReadFile(file) // not there yet
		text := bytes.NewBuffer(before)
		fmt.Fprintf(text, "%s %s\n", r.Method, r.URL.Path)
		body, err := io.ReadAll(r.Body)
		if err == nil && len(body) > 0 {
			err = json.Indent(text, body, "", "  ")
		}
		text.WriteString("\n")
		if err := errors.Join(err, os.WriteFile(file, text.Bytes(), 0o600)); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(rw, "{}") // whoever asked may be gone
	}))
	t.Cleanup(s.Close)
	return s.URL
}

type bitbucketPipeline []struct{ Step, Final *bitbucketStep }

type bitbucketStep struct {
	Name        string
	Script      []string
	AfterScript []string `yaml:"after-script"`
}

func bitbucketJobs(t *testing.T, w *world) []job {
	t.Helper()
	var file struct {
		Pipelines struct {
			PullRequests map[string]bitbucketPipeline `yaml:"pull-requests"`
			Branches     map[string]bitbucketPipeline
			Custom       map[string]bitbucketPipeline
		}
		Triggers map[string][]struct {
			Condition string
			Pipelines []string
		}
	}
	parse(t, w.pipelineFile(), &file)
	variable := func(name string) any { return w.env[name] }
	var jobs []job
	switch trigger := map[string]string{"closed": "pullrequest-fulfilled", "declined": "pullrequest-rejected"}[w.event]; {
	case trigger != "":
		for _, on := range file.Triggers[trigger] {
			for _, name := range on.Pipelines {
				if truth(evaluate(t, on.Condition, variable)) {
					jobs = append(jobs, w.bitbucketJob(name, file.Pipelines.Custom[name]))
				}
			}
		}
	case w.env["BITBUCKET_PR_ID"] != "":
		if p, ok := file.Pipelines.PullRequests["**"]; ok {
			jobs = append(jobs, w.bitbucketJob("pull-requests", p))
		}
	case w.event == "push" && w.env["BITBUCKET_BRANCH"] != "":
		if p, ok := file.Pipelines.Branches[w.env["BITBUCKET_BRANCH"]]; ok {
			jobs = append(jobs, w.bitbucketJob(w.env["BITBUCKET_BRANCH"], p))
		}
	}
	return jobs
}

// bitbucketJob is a pipeline. A script is one shell that ends at the first command that fails; a final step is carried out whatever
// came of the others.
func (w *world) bitbucketJob(name string, p bitbucketPipeline) job {
	j := job{name: name}
	add := func(s *bitbucketStep, script []string, when moment, hook bool) {
		if s != nil && len(script) > 0 {
			j.steps = append(j.steps, step{name: s.Name, script: strings.Join(script, "\n"), shell: []string{"bash", "-e"}, env: merged(w.settings), when: when, hook: hook})
		}
	}
	for _, item := range p {
		if item.Step != nil {
			add(item.Step, item.Step.Script, afterSuccess, false)
			add(item.Step, item.Step.AfterScript, afterSuccess|afterFailure, true) // a pipeline that is stopped carries out none
		}
		if item.Final != nil {
			add(item.Final, item.Final.Script, always, false)
		}
	}
	return j
}
