package pipelines

import (
	"fmt"
	"maps"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// circleci is the entry of CircleCI. A context has every setting. The values of a pipeline are those of the fixture, where they
// stand as the variables that the file makes of them.
func circleci() provider {
	return provider{
		name: "circleci", file: "config.yml", jobs: circleJobs,
		host: dbtcloudtest.GitHub, stop: signalGroup(syscall.SIGKILL), // no document says how
		fixtures: map[string]string{"pull_request": "github_app"},
		idle:     []string{"draft", "tag", "merge_queue"},
	}
}

type circleFile struct {
	Executors map[string]struct{ Environment map[string]string }
	Commands  map[string]struct{ Steps []circleStep }
	Jobs      map[string]struct {
		Executor    string
		Environment map[string]string
		Steps       []circleStep
	}
	Workflows map[string]struct {
		When string
		Jobs []map[string]circleUse
	}
}

// circleStep is a command of the file by its name, a script, or something that only CircleCI does.
type circleStep struct {
	Use   string
	Run   *struct{ Name, Command string }
	Store *struct{ Path string } `yaml:"store_test_results"` // whatever became of the steps before
}

func (s *circleStep) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		return node.Decode(&s.Use)
	}
	type plain circleStep
	return node.Decode((*plain)(s))
}

type circleUse struct {
	Context  string
	Requires []map[string]string
}

func circleJobs(t *testing.T, w *world) []job {
	t.Helper()
	var file circleFile
	parse(t, w.pipelineFile(), &file)
	values := w.circleValues()
	var jobs []job
	for _, name := range sorted(file.Workflows) {
		flow := file.Workflows[name]
		if condition := strings.ReplaceAll(flow.When, " and ", " && "); !truth(evaluate(t, condition, values.lookup(t))) {
			continue
		}
		for _, uses := range flow.Jobs {
			for name, use := range uses {
				j := file.job(t, name, use, w.settings, values)
				switch {
				case len(use.Requires) == 0:
					jobs = append(jobs, j)
				case len(use.Requires) == 1 && use.Requires[0][jobs[0].name] == "canceled": // a job of its own, behind the one that was cancelled
					for i := range j.steps {
						j.steps[i].when = afterCancel
					}
					jobs[0].steps = append(jobs[0].steps, j.steps...)
				default:
					t.Fatalf("job %s requires %v, which is beyond this test", name, use.Requires)
				}
			}
		}
	}
	return jobs
}

func (f circleFile) job(t *testing.T, name string, use circleUse, settings map[string]string, values circleValues) job {
	t.Helper()
	spec, ok := f.Jobs[name]
	if !ok || use.Context != "dbt-cloud" {
		t.Fatalf("job %s is not there (%v), or has no token: context %q", name, !ok, use.Context)
	}
	env := map[string]string{}
	for _, from := range []map[string]string{settings, f.Executors[spec.Executor].Environment, spec.Environment} {
		for key, value := range from {
			env[key] = values.text(t, value)
		}
	}
	j := job{name: name}
	for _, s := range spec.Steps {
		all := []circleStep{s}
		if s.Use != "" {
			all = f.Commands[s.Use].Steps
		}
		for _, s := range all {
			if s.Store != nil {
				j.shown = append(j.shown, s.Store.Path+"/*")
			}
			if s.Run == nil {
				continue
			}
			if strings.Contains(s.Run.Command, "<<") {
				t.Errorf("job %s, step %q: a value in a script is how a branch name becomes a command; put it into environment", name, s.Run.Name)
			}
			j.steps = append(j.steps, step{name: s.Run.Name, script: s.Run.Command, shell: []string{"bash", "-eo", "pipefail"}, env: env})
		}
	}
	return j
}

// circleValues are the values of a pipeline.
type circleValues map[string]string

func (w *world) circleValues() circleValues {
	values := circleValues{"pipeline.git.branch": w.env["CIRCLE_BRANCH"], "pipeline.event.name": "push", "pipeline.event.action": "push"}
	for name, variable := range map[string]string{
		"pipeline.number":                             "SEQUENCE",
		"pipeline.event.action":                       "ACTION",
		"pipeline.event.github.pull_request.number":   "PULL_REQUEST",
		"pipeline.event.github.pull_request.head.sha": "SHA",
		"pipeline.event.github.pull_request.head.ref": "BRANCH",
		"pipeline.event.github.pull_request.base.ref": "TARGET_BRANCH",
		"pipeline.event.github.pull_request.draft":    "DRAFT",
		"pipeline.event.github.pull_request.merged":   "MERGED",
	} {
		if value := w.env["DBT_CLOUD_CI_"+variable]; value != "" {
			values[name] = value
		}
	}
	if values["pipeline.event.github.pull_request.number"] != "" {
		maps.DeleteFunc(w.env, func(name, _ string) bool { return strings.HasPrefix(name, "DBT_CLOUD_CI_") }) // the file has to map them
		values["pipeline.event.name"] = "pull_request"
		values["pipeline.event.github.pull_request.head.ref"] = or(values["pipeline.event.github.pull_request.head.ref"], w.env["CIRCLE_BRANCH"])
	}
	for _, variable := range []string{"CIRCLE_REPOSITORY_URL", "CIRCLE_PULL_REQUEST"} { // of projects of GitHub OAuth only
		delete(w.env, variable)
	}
	return values
}

func (v circleValues) lookup(t *testing.T) func(name string) any {
	return func(name string) any {
		if !strings.HasPrefix(name, "pipeline.") {
			t.Errorf("%q is no value of a pipeline", name)
		}
		return v[name]
	}
}

// text puts the values of << ... >> in; one that is not there becomes <nil>, as the documents have it.
func (v circleValues) text(t *testing.T, text string) string {
	t.Helper()
	return regexp.MustCompile(`<<(.*?)>>`).ReplaceAllStringFunc(text, func(found string) string {
		value := v.lookup(t)(strings.Trim(found, "<> "))
		if value == "" {
			return "<nil>"
		}
		return fmt.Sprint(value)
	})
}
