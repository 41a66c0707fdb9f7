package pipelines

import (
	"strings"
	"syscall"
	"testing"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// jenkins is the entry of Jenkins. The properties of the folder are everything but the token, which is a credential.
func jenkins() provider {
	return provider{
		name: "jenkins", file: "Jenkinsfile", jobs: jenkinsJobs,
		host: dbtcloudtest.GitHub, stop: signalGroup(syscall.SIGTERM),
		fixtures: map[string]string{"closed": "closed_by_parameter"},
		idle:     []string{"tag", "merge_queue"},
		places:   writeGit,
	}
}

// jenkinsJobs is one job, of the stages that are not skipped.
func jenkinsJobs(t *testing.T, w *world) []job {
	t.Helper()
	file, err := readJenkinsfile(w.pipelineFile())
	if err != nil {
		t.Fatal(err)
	}
	env := w.variables()
	for _, variable := range file.block("environment") {
		switch value := variable.value; {
		case value.name == "credentials" && value.args[0].value.text == "dbt-cloud-service-token":
			env[variable.name] = w.settings["DBT_CLOUD_SERVICE_TOKEN"]
		default:
			env[variable.name] = value.text
		}
	}
	env = w.head(env)
	j := job{name: w.env["BRANCH_NAME"]}
	var after []step
	for _, stage := range file.block("stages") {
		if !w.jenkinsWhen(t, stage.block("when")) {
			continue
		}
		name := stage.args[0].value.text
		j.steps = append(j.steps, shellSteps(name, stage.block("steps"), env, afterSuccess)...)
		for _, condition := range stage.block("post") {
			moment := map[string]moment{"always": always, "aborted": afterCancel}[condition.name]
			after = append(after, shellSteps(name+", "+condition.name, condition.body, env, moment)...)
			for _, s := range condition.body {
				if s.name == "junit" {
					j.shown = append(j.shown, s.args[0].value.text)
				}
			}
		}
	}
	if len(j.steps) == 0 {
		return nil
	}
	j.steps = append(j.steps, after...)
	return []job{j}
}

// shellSteps are the scripts of a block; what else stands in it, only Jenkins does. Its shell has -x too, which tells each command
// before it, those of a pipe in any order.
func shellSteps(name string, body []statement, env map[string]string, when moment) []step {
	var steps []step
	for _, s := range body {
		if s.name == "sh" {
			steps = append(steps, step{name: name, script: s.args[0].value.text, shell: []string{"sh", "-e"}, env: env, when: when})
		}
	}
	return steps
}

// jenkinsWhen tells whether all conditions hold.
func (w *world) jenkinsWhen(t *testing.T, conditions []statement) bool {
	t.Helper()
	holds := true
	for _, c := range conditions {
		switch c.name {
		case "changeRequest":
			holds = holds && w.env["CHANGE_ID"] != ""
		case "branch":
			holds = holds && w.env["BRANCH_NAME"] == c.args[0].value.text
		case "not":
			holds = holds && !w.jenkinsWhen(t, c.body)
		case "anyOf":
			some := false
			for i := range c.body {
				some = some || w.jenkinsWhen(t, c.body[i:i+1])
			}
			holds = holds && some
		case "expression":
			parameter, ok := strings.CutPrefix(c.body[0].name, "params.")
			if !ok || len(c.body) != 1 {
				t.Errorf("the condition %+v is beyond this test", c.body)
			}
			holds = holds && w.env[parameter] != ""
		default:
			t.Errorf("the condition %q is beyond this test", c.name)
		}
	}
	return holds
}
