package pipelines

import (
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// gitlab is the entry of GitLab CI. What is stored in the project is a variable of every job.
func gitlab() provider {
	return provider{
		name: "gitlab", file: ".gitlab-ci.yml", jobs: gitlabJobs,
		host: dbtcloudtest.GitLab, stop: signalGroup(syscall.SIGKILL),
		fixtures: map[string]string{"closed": "pull_request"}, // the job that the environment of the merge request is stopped by
		places:   func(t *testing.T, w *world) { w.env["CI_DEFAULT_BRANCH"] = "main" },
		idle:     []string{"tag", "schedule", "manual", "external"},
		also: []play{
			{name: "draft", event: "draft", goes: ends(dbtcloudtest.Success), check: one(dbtcloudtest.Success)},
			{name: "merged_results", event: "merged_results", goes: ends(dbtcloudtest.Success), check: one(dbtcloudtest.Success)},
			{name: "merge_train", event: "merge_train", goes: lasts, check: nothingAsked},
		},
	}
}

// gitlabJob is the part of a job that decides what is run.
type gitlabJob struct {
	BeforeScript []string `yaml:"before_script"`
	Script       []string
	AfterScript  []string `yaml:"after_script"`
	Variables    map[string]string
	Rules        []gitlabRule
	Environment  struct {
		Action string
		OnStop string `yaml:"on_stop"`
	}
	Artifacts struct {
		Reports struct {
			JUnit       string `yaml:"junit"`
			CodeQuality string `yaml:"codequality"`
		}
	}
}

type gitlabRule struct {
	If, When     string
	AllowFailure bool `yaml:"allow_failure"`
	Variables    map[string]string
}

func gitlabJobs(t *testing.T, w *world) []job {
	t.Helper()
	var file struct {
		Workflow  struct{ Rules []gitlabRule }
		Variables map[string]string
		Default   gitlabJob
		Jobs      map[string]yaml.Node `yaml:",inline"`
	}
	parse(t, w.pipelineFile(), &file)
	if w.gitlabRule(t, file.Workflow.Rules) == nil {
		return nil
	}
	started := map[string]gitlabJob{}
	stoppers := map[string]gitlabJob{} // jobs that stop the environment of another
	for _, name := range sorted(file.Jobs) {
		if node := file.Jobs[name]; node.Kind == yaml.MappingNode && !strings.HasPrefix(name, ".") {
			var spec gitlabJob
			if err := node.Decode(&spec); err != nil {
				t.Fatalf("job %s: %v", name, err)
			}
			rule := w.gitlabRule(t, spec.Rules)
			switch {
			case rule == nil || rule.When == "never":
			case rule.When == "manual" && spec.Environment.Action == "stop":
				if !rule.AllowFailure {
					t.Errorf("job %s: without allow_failure the pipeline waits for somebody to start it", name)
				}
				stoppers[name] = spec
			default:
				spec.Variables = merged(file.Variables, spec.Variables, rule.Variables)
				started[name] = spec
			}
		}
	}
	if w.event == "closed" {
		return gitlabStop(t, w, file.Default, file.Variables, started, stoppers)
	}
	var jobs []job
	for _, name := range sorted(started) {
		jobs = append(jobs, w.gitlabSteps(name, file.Default, started[name]))
	}
	return jobs
}

// gitlabStop is the job that GitLab starts at the end of the merge request: the on_stop of the one that has its environment.
func gitlabStop(t *testing.T, w *world, byDefault gitlabJob, variables map[string]string, started, stoppers map[string]gitlabJob) []job {
	t.Helper()
	var jobs []job
	for _, name := range sorted(started) {
		if stop, ok := stoppers[started[name].Environment.OnStop]; ok {
			stop.Variables = merged(variables, stop.Variables)
			jobs = append(jobs, w.gitlabSteps(started[name].Environment.OnStop, byDefault, stop))
		}
	}
	return jobs
}

// gitlabRule is the first rule that holds; nil: none does.
func (w *world) gitlabRule(t *testing.T, rules []gitlabRule) *gitlabRule {
	t.Helper()
	for _, rule := range rules {
		if rule.If == "" || truth(evaluate(t, rule.If, w.variable)) {
			return &rule
		}
	}
	return nil
}

// variable is the value of $NAME in an expression.
func (w *world) variable(name string) any {
	if value, ok := w.env[strings.TrimPrefix(name, "$")]; ok {
		return value
	}
	return nil
}

// gitlabSteps are the two scripts of a job: after_script has a shell of its own, and its failure is none of the job.
func (w *world) gitlabSteps(name string, byDefault, spec gitlabJob) job {
	env := merged(w.settings, spec.Variables)
	for key, value := range env {
		env[key] = os.Expand(value, func(name string) string { return or(env[name], w.env[name]) })
	}
	before := spec.BeforeScript
	if before == nil {
		before = byDefault.BeforeScript
	}
	shell := []string{"bash", "-eo", "pipefail"}
	j := job{name: name, shown: slices.DeleteFunc([]string{spec.Artifacts.Reports.JUnit, spec.Artifacts.Reports.CodeQuality}, func(s string) bool { return s == "" })}
	j.steps = append(j.steps, step{name: "script", script: strings.Join(append(slices.Clone(before), spec.Script...), "\n"), shell: shell, env: env})
	for status, when := range map[string]moment{"success": afterSuccess, "failed": afterFailure, "canceled": afterCancel} {
		j.steps = append(j.steps, step{
			name: "after_script", script: strings.Join(spec.AfterScript, "\n"), shell: shell, env: merged(env, map[string]string{"CI_JOB_STATUS": status}), when: when, hook: true,
		})
	}
	return j
}

// merged is what several maps say, the later ones winning.
func merged(from ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, m := range from {
		maps.Copy(all, m)
	}
	return all
}
