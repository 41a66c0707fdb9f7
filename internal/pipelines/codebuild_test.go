package pipelines

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// codebuild is the entry of AWS CodeBuild. The variables of the project are everything but the token. It has no events that
// start nothing: the filters of the webhook are no part of the file.
func codebuild() provider {
	return provider{
		name: "codebuild", file: "buildspec.yml", jobs: codebuildJobs,
		host: dbtcloudtest.GitHub, stop: signalGroup(syscall.SIGKILL), // no document says how
		leaves: true, places: writeGit,
	}
}

// buildspec has the keys that the build specification reference has, batches, proxies and caches left out.
type buildspec struct {
	Version string
	Env     struct {
		Shell               string
		Variables           map[string]string
		ParameterStore      map[string]string `yaml:"parameter-store"`
		ExportedVariables   []string          `yaml:"exported-variables"`
		SecretsManager      map[string]string `yaml:"secrets-manager"`
		GitCredentialHelper string            `yaml:"git-credential-helper"`
	}
	Phases struct {
		Install   buildspecPhase
		PreBuild  buildspecPhase `yaml:"pre_build"`
		Build     buildspecPhase
		PostBuild buildspecPhase `yaml:"post_build"`
	}
	Reports map[string]struct {
		Files         []string
		BaseDirectory string `yaml:"base-directory"`
		DiscardPaths  string `yaml:"discard-paths"`
		FileFormat    string `yaml:"file-format"`
	}
}

type buildspecPhase struct {
	RunAs           string            `yaml:"run-as"`
	OnFailure       string            `yaml:"on-failure"`
	RuntimeVersions map[string]string `yaml:"runtime-versions"`
	Commands        []string
	Finally         []string
}

// readBuildspec refuses what the reference does not have: no schema of buildspec files is at hand.
func readBuildspec(name string) (*buildspec, error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var file buildspec
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil {
		return nil, err
	}
	switch {
	case file.Version != "0.2":
		return nil, fmt.Errorf("version %q: before 0.2 each command has a shell of its own", file.Version)
	case !slices.Contains([]string{"", "bash", "/bin/sh", "powershell.exe", "pwsh.exe"}, file.Env.Shell):
		return nil, fmt.Errorf("there is no shell %q", file.Env.Shell)
	case !slices.Contains([]string{"", "yes", "no"}, file.Env.GitCredentialHelper):
		return nil, fmt.Errorf("git-credential-helper %q is neither yes nor no", file.Env.GitCredentialHelper)
	}
	for _, phase := range []buildspecPhase{file.Phases.Install, file.Phases.PreBuild, file.Phases.Build, file.Phases.PostBuild} {
		if !slices.Contains([]string{"", "ABORT", "CONTINUE"}, phase.OnFailure) {
			return nil, fmt.Errorf("on-failure %q is beyond this test", phase.OnFailure)
		}
	}
	for name, report := range file.Reports {
		formats := []string{"", "CUCUMBERJSON", "JUNITXML", "NUNITXML", "NUNIT3XML", "TESTNGXML", "VISUALSTUDIOTRX"}
		if len(report.Files) == 0 || !slices.Contains(formats, report.FileFormat) {
			return nil, fmt.Errorf("report %s: files %q of the format %q", name, report.Files, report.FileFormat)
		}
	}
	return &file, nil
}

func codebuildJobs(t *testing.T, w *world) []job {
	t.Helper()
	file, err := readBuildspec(w.pipelineFile())
	if err != nil {
		t.Fatal(err)
	}
	env := w.variables()
	maps.Copy(env, file.Env.Variables)
	for name, secret := range file.Env.SecretsManager {
		if secret != "dbt-cloud:DBT_CLOUD_SERVICE_TOKEN" {
			t.Errorf("%s comes from the secret %q", name, secret)
		}
		env[name] = w.settings["DBT_CLOUD_SERVICE_TOKEN"]
	}
	// All commands share a shell, which notices that one has failed only when it is over. What the file does afterwards is not of
	// interest: the phases that a build which is stopped still has are named in no document.
	var script strings.Builder
	for _, phase := range []buildspecPhase{file.Phases.Install, file.Phases.PreBuild, file.Phases.Build} {
		for _, command := range phase.Commands {
			if strings.Contains(command, "exec ") {
				t.Errorf("%q ends the shell that all commands share", command)
			}
			fmt.Fprintf(&script, "%s\nstatus=$?; [ $status = 0 ] || exit $status\n", strings.TrimSpace(command))
		}
	}
	j := job{name: "build", steps: []step{{name: "build", script: script.String(), shell: []string{file.Env.Shell}, env: w.head(env)}}}
	for _, name := range sorted(file.Reports) {
		j.shown = append(j.shown, file.Reports[name].Files...)
	}
	return []job{j}
}

// variables are the settings that are no secret.
func (w *world) variables() map[string]string {
	env := maps.Clone(w.settings)
	delete(env, "DBT_CLOUD_SERVICE_TOKEN")
	return env
}

// head hands the head commit of a pull request over to git alone.
func (w *world) head(env map[string]string) map[string]string {
	if w.event != "pull_request" {
		return env
	}
	env = with(env, "HEAD_IN_GIT", or(w.env["DBT_CLOUD_CI_SHA"], head))
	delete(w.env, "DBT_CLOUD_CI_SHA")
	return env
}

// writeGit makes the git of a checkout whose HEAD is a merge commit. It knows the head of the pull request under the names
// that the providers have for it, and nothing else.
func writeGit(t *testing.T, w *world) {
	t.Helper()
	const script = `#!/usr/bin/env bash
set -eu
case "$*" in
  'ls-remote https://github.com/acme/analytics.git refs/pull/42/head') printf '%s\trefs/pull/42/head\n' "$HEAD_IN_GIT" ;;
  'rev-parse refs/remotes/origin/PR-42') echo "$HEAD_IN_GIT" ;;
  *) echo "git: $* is beyond this test" >&2; exit 128 ;;
esac
`
	if err := os.WriteFile(filepath.Join(w.curl, "git"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
}
