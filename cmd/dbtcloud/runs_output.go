package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slimci/dbtcloud"
	"github.com/spf13/cobra"
)

const runsLogsHelp = `Print the console logs of a run, without colours: of all of its steps, each under its
name, or of one. --debug prints the debug logs instead. The token is masked, and what a CI
service would take for a command is broken by a space. With --output json: an array of the
API's own steps.

With --follow: print the logs while they are written, until the run has ended. The API shows
the last 1,000 lines of a step; where more came at once, a line says that some are missing.
How the run ends does not matter to the exit status: see runs wait --logs. With --output
json: an object per line, {"step", "step_name", "lines", "gap", "last"}.`

func (a app) runsLogs(g *global) *cobra.Command {
	step, debug, follow := number{min: 1}, false, false
	cmd := command("logs RUN_ID", "Print the logs of a run", func(ctx context.Context, cmd *cobra.Command, args []string) error {
		client, id, err := a.oneRun(cmd, g, args)
		if err != nil {
			return err
		}
		if follow && debug {
			return invalid("--follow: the debug logs cannot be followed: leave --debug out")
		}
		if follow {
			return a.followLogs(ctx, g, client, id, int(step.value))
		}
		include := []dbtcloud.RunInclude{dbtcloud.RunWithSteps}
		if debug {
			include = append(include, dbtcloud.RunWithDebugLogs)
		}
		run, err := client.Runs.Get(ctx, id, include...)
		if err != nil {
			return err
		}
		steps, err := stepsOf(run, int(step.value))
		if err != nil {
			return err
		}
		return goneReader(a.emit(g, a.rawSteps(run, steps), a.masked(logText(steps, debug))))
	})
	cmd.Long = runsLogsHelp
	cmd.Flags().Var(&step, "step", "only of this step, counted from 1")
	yes(cmd.Flags(), &follow, "follow", "go on until the run has ended")
	yes(cmd.Flags(), &debug, "debug", "the debug logs, whole")
	return cmd
}

// stepsOf are the steps of a run, or the one that is asked for.
func stepsOf(run *dbtcloud.Run, index int) ([]dbtcloud.RunStep, error) {
	if index == 0 {
		return run.Steps, nil
	}
	for _, step := range run.Steps {
		if step.Index == index {
			return []dbtcloud.RunStep{step}, nil
		}
	}
	return nil, invalid("--step: run %d has no step %d: it has begun %d", run.ID, index, len(run.Steps))
}

// rawSteps are the API's own objects of some steps of a run, without the token.
func (a app) rawSteps(run *dbtcloud.Run, steps []dbtcloud.RunStep) []json.RawMessage {
	var answer struct {
		Steps []json.RawMessage `json:"run_steps"`
	}
	_ = json.Unmarshal(run.Raw(), &answer) // it was decoded before
	raw := make([]json.RawMessage, 0, len(steps))
	for i, step := range run.Steps {
		if slices.ContainsFunc(steps, func(s dbtcloud.RunStep) bool { return s.ID == step.ID }) {
			raw = append(raw, json.RawMessage(a.masked(string(answer.Steps[i]))))
		}
	}
	return raw
}

// logText is the logs of steps, each under its name if there are several.
func logText(steps []dbtcloud.RunStep, debug bool) string {
	var parts []string
	for _, step := range steps {
		logs := step.Logs
		if debug {
			logs = step.DebugLogs
		}
		if len(steps) > 1 {
			logs = fmt.Sprintf("== %d. %s (%s)\n%s", step.Index, inert(step.Name), step.Status, logs)
		}
		if text := strings.TrimRight(unsteered(logs), "\n"); text != "" {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, "\n")
}

// masked is a text without the token, which a step may have printed.
func (a app) masked(text string) string {
	token := a.env(tokenVars()...)
	if token == "" {
		return text
	}
	quoted, _ := json.Marshal(token) // a string
	return strings.NewReplacer(token, "[redacted]", strings.Trim(string(quoted), `"`), "[redacted]").Replace(text)
}

const runsArtifactsHelp = `Without a PATH: list the paths of a run's artifacts. With a PATH: print that artifact, or
write it to the file that -o names. The file appears when all of it has arrived.

A run's artifacts may take a few seconds to appear after its end.`

const runsArtifactsExample = `  dbtcloud runs artifacts 123
  dbtcloud runs artifacts 123 run_results.json | jq .results
  dbtcloud runs artifacts 123 manifest.json -o target/manifest.json`

func (a app) runsArtifacts(g *global) *cobra.Command {
	step, to := number{min: 1}, ""
	cmd := command("artifacts RUN_ID [PATH]", "List the artifacts of a run, or download one", func(ctx context.Context, cmd *cobra.Command, args []string) error {
		if len(args) != 1 && len(args) != 2 {
			return invalid("%s takes the id of a run, and the path of an artifact to download, not %d arguments", cmd.CommandPath(), len(args))
		}
		if len(args) == 1 && (to != "" || step.value > 0) {
			return invalid("--to and --step are for the download of an artifact: give its path")
		}
		if cmd.Flags().Changed("to") && to == "" {
			return invalid("--to: is empty: is the variable set that it comes from?")
		}
		if err := noDirectory(to); err != nil {
			return err
		}
		client, id, err := a.oneRun(cmd, g, args[:1])
		if err != nil {
			return err
		}
		if len(args) == 2 {
			return a.download(ctx, client, id, int(step.value), args[1], to)
		}
		paths, err := client.Runs.Artifacts(ctx, id)
		if err != nil {
			return err
		}
		if len(paths) == 0 {
			a.tell(fmt.Sprintf("run %d has no artifacts", id))
		}
		text := make([]string, len(paths))
		for i, path := range paths {
			text[i] = inert(path)
		}
		return goneReader(a.emit(g, list(paths), strings.Join(text, "\n")))
	})
	cmd.Long, cmd.Example = runsArtifactsHelp, runsArtifactsExample
	cmd.Flags().Var(&step, "step", "as this step wrote it, counted from 1 (default: the last)")
	cmd.Flags().StringVarP(&to, "to", "o", "", "the `file` to write; - is stdout (default -)")
	return cmd
}

// noDirectory refuses what no file can be written to.
func noDirectory(to string) error {
	if info, err := os.Stat(to); err == nil && info.IsDir() {
		return invalid("--to: %s is a directory: give the name of a file", to)
	}
	return nil
}

// download writes an artifact to stdout or to a file.
func (a app) download(ctx context.Context, client *dbtcloud.Client, run int64, step int, path, to string) error {
	body, err := client.Runs.OpenStepArtifact(ctx, run, step, path)
	if err != nil {
		return nearArtifact(ctx, client, run, path, err)
	}
	defer func() { _ = body.Close() }()
	if to == "" || to == "-" {
		_, err := io.Copy(a.stdout, body)
		return goneReader(err)
	}
	n, err := writeWhole(to, body)
	if err != nil {
		return fmt.Errorf("writing %s: %w", to, err)
	}
	a.tell(fmt.Sprintf("wrote %s: %d bytes", oneLine(to), n))
	return nil
}

// nearArtifact says which artifact may have been meant by one that is not there.
func nearArtifact(ctx context.Context, client *dbtcloud.Client, run int64, path string, missing error) error {
	if !errors.Is(missing, dbtcloud.ErrNotFound) {
		return missing
	}
	paths, err := client.Runs.Artifacts(ctx, run)
	if near := nearest(path, paths); err == nil && near != "" && near != path {
		return fmt.Errorf("%w; did you mean %q?", missing, near)
	}
	return missing
}

// writeWhole writes a file that appears when all of it is there, with the permissions
// of the one that it replaces. What is no plain file, such as a device, is written to
// as it is.
func writeWhole(name string, from io.Reader) (int64, error) {
	old, missing := os.Stat(name)
	if missing == nil && !old.Mode().IsRegular() {
		return writeFile(name, from)
	}
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target
	}
	part := name + "." + strings.ToLower(rand.Text()[:8]) + ".part"
	n, err := writeFile(part, from)
	if err == nil && missing == nil {
		err = os.Chmod(part, old.Mode().Perm())
	}
	if err == nil {
		err = os.Rename(part, name)
	}
	if err != nil {
		_ = os.Remove(part)
	}
	return n, err
}

// writeFile opens for writing alone: who could read a pipe too would not be told that its
// reader has gone.
func writeFile(name string, from io.Reader) (int64, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666) //nolint:gosec // the umask decides, as for any download
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(f, from)
	return n, errors.Join(err, f.Close())
}
