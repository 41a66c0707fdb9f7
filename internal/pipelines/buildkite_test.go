package pipelines

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// buildkite is the entry of Buildkite. The pipeline's settings have everything but the token, which is a secret that a step
// asks for.
func buildkite() provider {
	return provider{
		name: "buildkite", file: "pipeline.yml", jobs: buildkiteJobs, shown: []string{"annotation.md"},
		host: dbtcloudtest.GitHub, stop: signalGroup(syscall.SIGTERM),
		fixtures: map[string]string{"closed": "closed_by_trigger"},
		idle:     []string{"draft", "manual", "schedule", "merge_queue", "tag", "triggered"},
		places:   writeAgent,
	}
}

type buildkiteFile struct {
	Env   map[string]string
	Steps []struct {
		Key, If, Command string
		Env              map[string]string
		Secrets          []string
	}
}

func buildkiteJobs(t *testing.T, w *world) []job {
	t.Helper()
	var file buildkiteFile
	parse(t, w.pipelineFile(), &file)
	var jobs []job
	for _, spec := range file.Steps {
		condition := regexp.MustCompile(`build\.env\("(\w+)"\)`).ReplaceAllString(spec.If, "build.env.$1")
		if !truth(evaluate(t, condition, w.buildkite(t))) {
			continue
		}
		env := w.variables()
		for _, name := range spec.Secrets {
			env[name] = w.settings[name]
		}
		maps.Copy(env, file.Env)
		command := step{name: spec.Key, script: uploaded(t, spec.Command), shell: []string{"bash", "-e"}, env: env}
		jobs = append(jobs, job{name: spec.Key, steps: []step{command, w.preExit(t, command)}})
	}
	return jobs
}

// uploaded is what the upload of the file makes of a script: $$ is $, and a $ alone is filled in on another machine, too early.
func uploaded(t *testing.T, script string) string {
	t.Helper()
	if alone := regexp.MustCompile(`(^|[^$\\])\$[^$]`).FindString(strings.ReplaceAll(script, "$$", "")); alone != "" {
		t.Errorf("%q in a script is filled in when the file is uploaded; $$ is not", alone)
	}
	return strings.ReplaceAll(script, "$$", "$")
}

// preExit is the hook of the repository, which the agent runs at the end of each step, also of one that was cancelled.
func (w *world) preExit(t *testing.T, of step) step {
	t.Helper()
	hook, err := os.ReadFile(filepath.Join(filepath.Dir(w.pipelineFile()), "pre-exit"))
	if err != nil {
		t.Fatal(err)
	}
	of.env = with(of.env, "BUILDKITE_STEP_KEY", of.name, "BUILDKITE_JOB_CANCELLED", "true")
	of.name, of.script, of.shell, of.when = "pre-exit", string(hook), []string{"bash"}, afterCancel
	return of
}

// buildkite is the value of a name in a condition.
func (w *world) buildkite(t *testing.T) func(name string) any {
	t.Helper()
	return func(name string) any {
		if variable, ok := strings.CutPrefix(name, "build.env."); ok {
			return set(w.env[variable])
		}
		switch name {
		case "build.pull_request.id":
			return set(strings.TrimSuffix(w.env["BUILDKITE_PULL_REQUEST"], "false"))
		case "build.pull_request.draft":
			return w.env["BUILDKITE_PULL_REQUEST_DRAFT"] == "true"
		case "build.branch":
			return w.env["BUILDKITE_BRANCH"]
		case "build.tag":
			return set(w.env["BUILDKITE_TAG"])
		case "build.source":
			return w.env["BUILDKITE_SOURCE"]
		case "pipeline.default_branch":
			return "main"
		}
		t.Errorf("%q is beyond this test", name)
		return nil
	}
}

// set is null of what is not set.
func set(value string) any {
	if value == "" {
		return nil
	}
	return value
}

func with(env map[string]string, pairs ...string) map[string]string {
	out := maps.Clone(env)
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = pairs[i+1]
	}
	return out
}

// writeAgent makes the agent's program: it keeps an annotation, and knows the webhook of a pull request that was closed.
func writeAgent(t *testing.T, w *world) {
	t.Helper()
	const script = `#!/usr/bin/env bash
set -eu
case "$*" in
  'meta-data get buildkite:webhook') echo '{"action": "closed", "number": 42, "pull_request": {"title": "$(false) \"` + "`false`" + `\""}}' ;;
  annotate*) { echo "$@"; echo; cat; } > annotation.md ;;
  *) echo "buildkite-agent: $* is beyond this test" >&2; exit 1 ;;
esac
`
	if err := os.WriteFile(filepath.Join(w.curl, "buildkite-agent"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
}
