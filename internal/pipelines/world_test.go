package pipelines

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// provider is an entry of the table.
type provider struct {
	name     string                             // of its directories in examples and in testdata/events
	golden   string                             // of its directory in testdata/golden, where that is another one
	file     string                             // its pipeline file, in examples
	fixtures map[string]string                  // of events whose fixture has another name than the event
	jobs     func(t *testing.T, w *world) []job // what the provider would start
	several  bool                               // an event starts several jobs: plays name theirs
	places   func(t *testing.T, w *world)       // sets the variables that say where results are shown; nil: none
	shown    []string                           // the files that show them, below the working directory; * as in a shell
	host     dbtcloudtest.GitHost               // of the repository
	stop     func(pid int)                      // how a step that is cancelled is stopped, pid being its shell and its process group
	leaves   bool                               // that a job is stopped is the end of everything in it
	idle     []string                           // fixtures of events that start nothing
	also     []play                             // of this provider alone
}

// job is what a provider carries out in one directory.
type job struct {
	name  string
	steps []step
	shown []string // files of results that it tells the provider of, beside those of the provider's entry
}

// step is a script in a process of its own.
type step struct {
	name   string
	script string
	shell  []string // the name of the script is put behind
	env    map[string]string
	when   moment // 0: after success
	hook   bool   // its status is not that of the job
}

// moment is when a step is carried out. It may be more than one.
type moment int

const (
	afterSuccess moment = 1 << iota // of the steps before
	afterFailure
	afterCancel
	always = afterSuccess | afterFailure | afterCancel
)

// world is a provider, a dbt Cloud, and the directory of one pipeline.
type world struct {
	provider

	event     string // the name of the fixture, or what stands for it in provider.fixtures
	cloud     *dbtcloudtest.Server
	url       string
	ci, prod  int64             // jobs
	dir       string            // where the steps run
	env       map[string]string // of the event
	settings  map[string]string // what people store with the provider
	curl      string            // the directory of the curl that serves the release
	sum       string            // of the release, in the place of the one that the file pins; "": as it is
	workspace string            // the root of the repository
}

const token = "a-token-that-nobody-may-see"

// newWorld is the world of an event; each run on it goes as outcome says.
func newWorld(t *testing.T, p provider, event string, r release, outcome func(dbtcloudtest.Run) dbtcloudtest.Outcome) *world {
	t.Helper()
	cloud := dbtcloudtest.New(dbtcloudtest.WithToken(token), dbtcloudtest.WithRunTime(outcome))
	w := &world{provider: p, cloud: cloud, url: cloud.Start(t), workspace: filepath.Join("..", "..")}
	w.ci = cloud.AddJob(dbtcloudtest.JobSpec{Name: "Slim CI"})
	w.prod = cloud.AddJob(dbtcloudtest.JobSpec{Name: "Production", JobType: "other", EnvironmentID: dbtcloudtest.DefaultDeferringID})
	w.settings = map[string]string{
		"DBT_CLOUD_SERVICE_TOKEN": token,
		"DBT_CLOUD_HOST":          w.url,
		"DBT_CLOUD_ACCOUNT_ID":    strconv.FormatInt(cloud.AccountID(), 10),
		"DBT_CLOUD_JOB_ID":        strconv.FormatInt(w.ci, 10),
		"DBT_CLOUD_DEPLOY_JOB_ID": strconv.FormatInt(w.prod, 10),
	}
	w.curl, w.sum = writeCurl(t, r.dir), r.sum
	w.renew(t, event)
	return w
}

// renew begins another pipeline on the same dbt Cloud.
func (w *world) renew(t *testing.T, event string) {
	t.Helper()
	w.event, w.dir = event, t.TempDir()
	w.env = readEvent(t, filepath.Join(w.workspace, "testdata", "events", w.name, or(w.fixtures[event], event)+".env"))
	if w.places != nil {
		w.places(t, w)
	}
}

func (w *world) pipelineFile() string { return filepath.Join(w.workspace, "examples", w.name, w.file) }

// readEvent reads a fixture. A file that it names lies beside it.
func readEvent(t *testing.T, name string) map[string]string {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	for line := range strings.Lines(string(raw)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(key, "#") {
			env[key] = value
		}
	}
	if file := env["GITHUB_EVENT_PATH"]; file != "" {
		env["GITHUB_EVENT_PATH"], err = filepath.Abs(filepath.Join(filepath.Dir(name), file))
		if err != nil {
			t.Fatal(err)
		}
	}
	return env
}

// parse reads a file of YAML.
func parse(t *testing.T, name string, into any) {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(raw, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// commands makes a process of each step; nil of a step without a script. Nothing of the environment around the test is in theirs.
func (w *world) commands(t *testing.T, j job, log *journal) []*exec.Cmd {
	t.Helper()
	commands := make([]*exec.Cmd, len(j.steps))
	scripts, home := t.TempDir(), t.TempDir()
	for i, s := range j.steps {
		if s.script == "" {
			continue
		}
		script := filepath.Join(scripts, fmt.Sprintf("step%d.sh", i))
		if err := os.WriteFile(script, []byte(w.pin(s.script)), 0o600); err != nil {
			t.Fatal(err)
		}
		command := exec.Command(s.shell[0], append(slices.Clone(s.shell[1:]), script)...)
		command.Dir, command.Stdout, command.Stderr = w.dir, log, log
		command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		env := map[string]string{"PATH": w.curl + ":" + home + "/.local/bin:/usr/local/bin:/usr/bin:/bin", "HOME": home, "TMPDIR": home}
		maps.Copy(env, w.env)
		maps.Copy(env, s.env)
		for _, name := range sorted(env) {
			command.Env = append(command.Env, name+"="+w.pin(env[name]))
		}
		commands[i] = command
	}
	return commands
}

// pin puts the sum of the release in the place of the one that the file pins.
func (w *world) pin(text string) string {
	return regexp.MustCompile(`\b[0-9a-f]{64}\b`).ReplaceAllStringFunc(text, func(pinned string) string { return or(w.sum, pinned) })
}

// writeCurl makes the curl that comes first in PATH: it takes a release from a directory, and nothing from anywhere else.
func writeCurl(t *testing.T, release string) string {
	t.Helper()
	dir := t.TempDir()
	const script = `#!/usr/bin/env bash
set -eu
fails='' url='' to=''
while (($#)); do
  case $1 in
    -f*) fails=1 ;;
    -o) to=$2; shift ;;
    --retry) shift ;;
    https://github.com/slimci/dbtcloud/releases/download/v[0-9]*.[0-9]*.[0-9]*/*) url=$1 ;;
    *) echo "curl: $1 is beyond this test" >&2; exit 6 ;;
  esac
  shift
done
[[ -n $fails ]] || { echo 'curl: without -f a page that says 404 is a download' >&2; exit 2; }
cp %q/"${url##*/}" "$to"
`
	if err := os.WriteFile(filepath.Join(dir, "curl"), fmt.Appendf(nil, script, release), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// await waits for something that the fake shows.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !is() {
		select {
		case <-deadline.C:
			t.Fatalf("waited in vain until %s", what)
		case <-ticker.C:
		}
	}
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func among(name string, names []string) bool { return len(names) == 0 || slices.Contains(names, name) }

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
