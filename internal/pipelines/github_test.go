package pipelines

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// github is the entry of GitHub Actions. Secrets and variables come only where the file maps them.
func github() provider {
	return provider{
		name: "github", file: "dbt-cloud.yml", jobs: githubJobs,
		host: dbtcloudtest.GitHub, stop: signalShell(syscall.SIGINT), // to the shell of the step alone
		idle:  []string{"draft", "merge_queue", "manual", "schedule", "tag", "push_deleted", "target", "comment"},
		also:  []play{{name: "fork", event: "fork", goes: lasts, status: 2, check: nothingAsked}},
		shown: []string{"summary.md", "output.txt"},
		places: func(t *testing.T, w *world) {
			w.env["GITHUB_STEP_SUMMARY"] = filepath.Join(w.dir, "summary.md")
			w.env["GITHUB_OUTPUT"] = filepath.Join(w.dir, "output.txt")
			w.env["GITHUB_PATH"] = filepath.Join(w.dir, "path.txt")
			if w.event == "fork" {
				delete(w.settings, "DBT_CLOUD_SERVICE_TOKEN") // pull requests of forks are given no secret
			}
		},
	}
}

// githubFile is the part of a workflow that decides what is run.
type githubFile struct {
	On map[string]struct {
		Types    []string
		Branches []string
	}
	Env      map[string]string
	Defaults struct{ Run struct{ Shell string } }
	Jobs     map[string]struct {
		If    string
		Env   map[string]string
		Steps []struct {
			Name, If, Run, Uses, Shell string
			Env                        map[string]string
		}
	}
}

func githubJobs(t *testing.T, w *world) []job {
	t.Helper()
	var file githubFile
	parse(t, w.pipelineFile(), &file)
	if !githubStarts(w, file) {
		return nil
	}
	var jobs []job
	for _, name := range sorted(file.Jobs) {
		spec := file.Jobs[name]
		if spec.If != "" && !truth(evaluate(t, strings.TrimSpace(spec.If), w.github)) {
			continue
		}
		j := job{name: name}
		for _, s := range spec.Steps {
			if strings.Contains(s.Run, "${{") {
				t.Errorf("job %s, step %q: an expression in a script is how a branch name becomes a command; put it into env", name, s.Name)
			}
			env := map[string]string{}
			for _, from := range []map[string]string{file.Env, spec.Env, s.Env} {
				for key, value := range from {
					env[key] = w.githubText(t, value)
				}
			}
			j.steps = append(j.steps, step{name: s.Name, script: s.Run, shell: githubShell(t, or(s.Shell, file.Defaults.Run.Shell)), env: env, when: githubMoment(t, s.If)})
		}
		jobs = append(jobs, j)
	}
	return jobs
}

// githubStarts tells whether the event starts the workflow at all.
func githubStarts(w *world, file githubFile) bool {
	on, ok := file.On[w.env["GITHUB_EVENT_NAME"]]
	if !ok {
		return false
	}
	branch := or(w.env["GITHUB_BASE_REF"], w.env["GITHUB_REF_NAME"])
	action, _ := w.github("github.event.action").(string)
	return among(branch, on.Branches) && (action == "" || len(on.Types) == 0 || among(action, on.Types))
}

func githubShell(t *testing.T, name string) []string {
	t.Helper()
	if name != "bash" {
		t.Fatalf("shell %q: without bash, named, a failing download within a pipe is no failure", name)
	}
	return []string{"bash", "--noprofile", "--norc", "-eo", "pipefail"}
}

func githubMoment(t *testing.T, condition string) moment {
	t.Helper()
	switch condition {
	case "":
		return afterSuccess
	case "!cancelled()":
		return afterSuccess | afterFailure
	case "always()":
		return always
	case "cancelled()":
		return afterCancel
	}
	t.Fatalf("the condition %q of a step is beyond this test", condition)
	return always
}

// githubText puts the values of ${{ ... }} in.
func (w *world) githubText(t *testing.T, text string) string {
	t.Helper()
	return regexp.MustCompile(`\$\{\{(.*?)\}\}`).ReplaceAllStringFunc(text, func(found string) string {
		value := evaluate(t, strings.Trim(found, "${} "), w.github)
		if value == nil {
			return ""
		}
		return fmt.Sprint(value)
	})
}

// github is the value of a name in an expression.
func (w *world) github(name string) any {
	scope, rest, _ := strings.Cut(name, ".")
	switch scope {
	case "secrets", "vars":
		return w.settings[rest]
	case "github":
		if path, ok := strings.CutPrefix(rest, "event."); ok {
			return w.githubEvent(strings.Split(path, "."))
		}
		return w.env["GITHUB_"+strings.ToUpper(rest)]
	}
	return nil
}

// githubEvent is a value of the event file.
func (w *world) githubEvent(path []string) any {
	raw, err := os.ReadFile(w.env["GITHUB_EVENT_PATH"])
	if err != nil {
		return nil
	}
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return nil
	}
	for _, name := range path {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}
