package pipelines

import (
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// azure is the entry of Azure Pipelines with Azure Repos. Variables are in the environment of every step, a secret only where the
// file maps it.
func azure() provider {
	return provider{
		name: "azure", file: "azure-pipelines.yml", jobs: azureJobs, several: true,
		host: dbtcloudtest.AzureRepos, stop: signalGroup(syscall.SIGKILL), // what the agent signals is not the shell
		fixtures: map[string]string{"closed": "push"},
		places: func(t *testing.T, w *world) {
			w.env["AGENT_TEMPDIRECTORY"] = w.dir
			w.env["BUILD_SOURCEVERSIONMESSAGE"] = map[string]string{
				"closed": "Merged PR 42: Orders (#7)", "push": "Orders",
			}[w.event]
		},
		shown: []string{"*.md"},
		idle:  []string{"manual", "schedule", "resource"},
		also: []play{
			{name: "merged_in_a_batch", event: "push_batched", job: "deploy", goes: ends(dbtcloudtest.Success), check: deployed},
			{name: "merged_only", event: "push", job: "close", goes: lasts, check: nothingWritten},
			{name: "fork", event: "fork", goes: lasts, status: 2, check: nothingAsked},
		},
	}
}

// azureGitHub is the entry of a repository on GitHub, with the same file.
func azureGitHub() provider {
	p := azure()
	p.golden, p.host = "azure_github", dbtcloudtest.GitHub
	p.fixtures = map[string]string{"pull_request": "github", "closed": "push"}
	p.places = func(t *testing.T, w *world) {
		w.env["AGENT_TEMPDIRECTORY"] = w.dir
		w.env["BUILD_REPOSITORY_PROVIDER"], w.env["BUILD_REPOSITORY_NAME"] = "GitHub", "acme/analytics"
		w.env["BUILD_SOURCEVERSIONMESSAGE"] = map[string]string{"closed": "Merge pull request #42 from acme/feature/orders"}[w.event]
	}
	p.also, p.idle = []play{{name: "squashed", event: "closed", job: "close", goes: lasts, act: squashed, check: closed}}, nil
	return p
}

// squashed is a pull request that was merged as one commit, with a message of several lines.
func squashed(t *testing.T, w *world, j job) *running {
	t.Helper()
	w.env["BUILD_SOURCEVERSIONMESSAGE"] = "Orders (#42)\n\nMerged PR 43: not this one\n"
	return closePullRequest(t, w, j)
}

func azureJobs(t *testing.T, w *world) []job {
	t.Helper()
	var file struct {
		Trigger, PR struct{ Branches struct{ Include []string } }
		Variables   map[string]string
		Jobs        []struct {
			Job, Condition string
			Steps          []struct {
				Bash, Script, DisplayName, Condition string
				Env, Inputs                          map[string]string
			}
		}
	}
	parse(t, w.pipelineFile(), &file)
	if branch, ok := strings.CutPrefix(w.env["BUILD_SOURCEBRANCH"], "refs/heads/"); ok && !among(branch, file.Trigger.Branches.Include) {
		return nil
	}
	var jobs []job
	for _, spec := range file.Jobs {
		if !truth(evaluate(t, spec.Condition, w.azure)) {
			continue
		}
		j := job{name: spec.Job}
		for _, s := range spec.Steps {
			env := merged(w.settings, file.Variables)
			delete(env, "DBT_CLOUD_SERVICE_TOKEN")
			for name, value := range s.Env {
				env[name] = w.azureText(value)
			}
			if s.Script != "" {
				t.Errorf("job %s: a step of sh, of which nobody knows which shell it is, instead of bash", j.name)
			}
			if regexp.MustCompile(`\$\([A-Za-z][\w.]*\)|\$\{\{`).MatchString(s.Bash) {
				t.Errorf("job %s: a macro in a script is how a branch name becomes a command; put it into env", j.name)
			}
			if results := s.Inputs["testResultsFiles"]; results != "" {
				j.shown = append(j.shown, results)
			}
			j.steps = append(j.steps, step{script: s.Bash, shell: []string{"bash", "--noprofile", "--norc"}, env: env, when: azureMoment(t, s.Condition)})
		}
		jobs = append(jobs, j)
	}
	return jobs
}

// azure is the value of variables['Build.Reason'] in a condition.
func (w *world) azure(name string) any {
	name = strings.TrimSuffix(strings.TrimPrefix(name, "variables['"), "']")
	return w.env[strings.ToUpper(strings.ReplaceAll(name, ".", "_"))]
}

// azureText puts the values of $(NAME) in.
func (w *world) azureText(text string) string {
	return regexp.MustCompile(`\$\(([\w.]+)\)`).ReplaceAllStringFunc(text, func(macro string) string {
		return or(w.settings[macro[2:len(macro)-1]], macro)
	})
}

func azureMoment(t *testing.T, condition string) moment {
	t.Helper()
	switch condition {
	case "":
		return afterSuccess
	case "succeededOrFailed()":
		return afterSuccess | afterFailure
	case "canceled()":
		return afterCancel
	case "always()":
		return always
	}
	t.Fatalf("the condition %q of a step is beyond this test", condition)
	return always
}
