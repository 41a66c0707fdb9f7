package pipelines

import (
	"bytes"
	"cmp"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slimci/dbtcloud/internal/testenv"
)

// toolsVariable names the directory of what others wrote to check pipeline files with.
const toolsVariable = "DBTCLOUD_PIPELINES"

// validators are programs that read pipeline files, each with a part of a file and what must not stand in its place. A validator
// that takes that is none.
func validators() []validator {
	return []validator{
		{"actionlint", actionlint, "github/dbt-cloud.yml", "runs-on: ", "runs: "},
		{"schema of GitHub", schema("vendor.github-workflows"), "github/dbt-cloud.yml", "runs-on: ", "runs: "},
		{"schema of GitLab", schema("vendor.gitlab-ci", "--data-transform", "gitlab-ci"), "gitlab/.gitlab-ci.yml", "interruptible: ", "interruptable: "},
		{"schema of Azure", schema("vendor.azure-pipelines", "--data-transform", "azure-pipelines", "--regex-variant", "nonunicode"), "azure/azure-pipelines.yml", "displayName: ", "title: "},
		{"schema of Bitbucket", schema("vendor.bitbucket-pipelines"), "bitbucket/bitbucket-pipelines.yml", "max-time: 120", "max-time: two hours"},
		{"schema of CircleCI", schema("vendor.circle-ci"), "circleci/config.yml", "no_output_timeout: 2h", "no_output_timeout: [2h]"},
		{"schema of Buildkite", schema("vendor.buildkite"), "buildkite/pipeline.yml", "timeout_in_minutes: 120", "timeout_in_minutes: -1"},
		{"grammar of a Jenkinsfile", jenkinsfile, "jenkins/Jenkinsfile", "changeRequest()", "changeRequest("},
		{"keys of a Jenkinsfile", jenkinsfile, "jenkins/Jenkinsfile", "aborted {", "cancelled {"},
		{"keys of a buildspec", codebuildFile, "codebuild/buildspec.yml", "secrets-manager:", "secret-manager:"},
		{"syntax of bash", bash, "buildkite/pre-exit", "fi\n", "\n"},
	}
}

type validator struct {
	name     string
	validate func(t *testing.T, file string) error
	file     string // in examples
	part     string
	broken   string
}

func TestValidators(t *testing.T) {
	t.Parallel()
	for _, v := range validators() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join("..", "..", "examples", filepath.FromSlash(v.file))
			if err := v.validate(t, file); err != nil {
				t.Error(err)
			}
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Contains(raw, []byte(v.part)) {
				t.Fatalf("%s has no %q to break", v.file, v.part)
			}
			worse := filepath.Join(t.TempDir(), filepath.Base(file))
			if err := os.WriteFile(worse, bytes.ReplaceAll(raw, []byte(v.part), []byte(v.broken)), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := v.validate(t, worse); err == nil {
				t.Errorf("with %q in the place of %q it is as good", v.broken, v.part)
			}
		})
	}
}

// TestWorkflows: actionlint on the workflows of this repository.
func TestWorkflows(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("..", "..", ".github", "workflows", "*.yml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no workflows: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			if err := actionlint(t, file); err != nil {
				t.Error(err)
			}
		})
	}
}

// actionlint leaves scripts to the tests that carry them out.
func actionlint(t *testing.T, file string) error {
	t.Helper()
	return carryOutTool(t, tool(t, "actionlint"), "-shellcheck=", "-pyflakes=", "-no-color", file)
}

// schema checks with one of the schemas that check-jsonschema brings along, so that nothing is asked of the network.
func schema(name string, transform ...string) func(t *testing.T, file string) error {
	return func(t *testing.T, file string) error {
		t.Helper()
		pins, err := os.ReadFile(filepath.Join("testdata", "check-jsonschema.txt"))
		if err != nil {
			t.Fatal(err)
		}
		path := tool(t, "check-jsonschema", "bin", "check-jsonschema")
		if got, _ := os.ReadFile(tool(t, "check-jsonschema", "pins.txt")); !bytes.Equal(got, pins) {
			testenv.Skip(t, "%s is not of the versions in testdata/check-jsonschema.txt: `bash .ci/run pipelines` installs them", path)
		}
		return carryOutTool(t, path, append(transform, "--force-filetype", "yaml", "--builtin-schema", name, file)...)
	}
}

func jenkinsfile(_ *testing.T, file string) error {
	_, err := readJenkinsfile(file)
	return err
}

func codebuildFile(_ *testing.T, file string) error {
	_, err := readBuildspec(file)
	return err
}

func bash(t *testing.T, file string) error {
	t.Helper()
	path, err := exec.LookPath("bash")
	if err != nil {
		testenv.Skip(t, "no bash: %v", err)
	}
	return carryOutTool(t, path, "-n", file)
}

// tool is the path of something that `bash .ci/run pipelines` makes.
func tool(t *testing.T, elem ...string) string {
	t.Helper()
	dir := os.Getenv(toolsVariable)
	if dir == "" {
		home, _ := os.UserHomeDir()
		dir = filepath.Join(cmp.Or(os.Getenv("XDG_CACHE_HOME"), filepath.Join(home, ".cache")), "dbtcloud-ci", "pipelines")
	}
	path := filepath.Join(append([]string{dir}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		testenv.Skip(t, "%v: `bash .ci/run pipelines` installs it, %s says where", err, toolsVariable)
	}
	return path
}

// carryOutTool fails with what the program said.
func carryOutTool(t *testing.T, path string, args ...string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, path, args...)
	out, err := command.CombinedOutput()
	if err != nil {
		return &refusal{strings.TrimSpace(string(out)), err}
	}
	return nil
}

type refusal struct {
	said string
	err  error
}

func (r *refusal) Error() string { return r.err.Error() + ":\n" + r.said }
