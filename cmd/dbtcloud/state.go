package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slimci/dbtcloud/manifest"
	"github.com/spf13/cobra"
)

const stateHelp = `What a change of a project changes, as dbt's own state: selectors see it, from two
manifest.json alone: that of the last deploy (--state) and that of now (--manifest). No dbt
runs, nothing is sent anywhere, and no token is needed.`

func (a app) state(g *global) *cobra.Command {
	cmd := commands("state", "What changed between two manifests of dbt, and why", a.stateLs(g), a.stateDiff(g), a.stateExplain(g))
	cmd.Long = stateHelp
	return cmd
}

// stateFlags holds the flags that all commands about a state have.
type stateFlags struct {
	state, manifest          text
	selects, excludes        []string
	selector                 text
	indirect, command        choice
	engine                   choice
	moreUnrendered           *bool
	dependsOn                bool
	ignoreCosmetic           bool
	runResults               text
	sources, previousSources text
}

func (f *stateFlags) add(cmd *cobra.Command) {
	f.manifest.value = "target/manifest.json"
	f.indirect = choice{value: string(manifest.Eager), allowed: []string{"eager", "cautious", "buildable", "empty"}}
	f.command = choice{value: string(manifest.List), allowed: []string{"ls", "list", "build", "run", "test", "clone", "seed", "snapshot", "compile"}}
	f.engine = choice{allowed: []string{manifest.ProfileCore19, manifest.ProfileCore112}}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Var(&f.state, "state", "manifest.json[.gz] of the last deploy, or the directory that it is in (env DBT_STATE)")
	flags.Var(&f.manifest, "manifest", "manifest.json[.gz] of now, or the directory that it is in")
	flags.StringArrayVarP(&f.selects, "select", "s", nil, "what to select, as after dbt's --select; several are united")
	flags.StringArrayVar(&f.excludes, "exclude", nil, "what to leave out, as after dbt's --exclude")
	flags.Var(&f.selector, "selector", "a YAML selector of the project, in place of --select and --exclude")
	flags.Var(&f.indirect, "indirect-selection", "when a test is selected for what it tests: "+strings.Join(f.indirect.allowed, ", "))
	flags.Var(&f.command, "command", "keep what this command of dbt works on: "+strings.Join(f.command.allowed, ", "))
	flags.Var(&f.engine, "engine", "answer as which dbt: core-1.9 (to 1.11) or core-1.12 (and later; the default)")
	perhaps(flags, &f.moreUnrendered, "compare-more-unrendered-values", "the project's flag state_modified_compare_more_unrendered_values (default: that of the engine)")
	yes(flags, &f.dependsOn, "depends-on", "beyond dbt: what is built from other resources than before counts as modified")
	yes(flags, &f.ignoreCosmetic, "ignore-cosmetic", "beyond dbt: what differs by comments and white space of its SQL alone counts as unchanged, and is listed on stderr")
	flags.Var(&f.runResults, "run-results", "run_results.json for result: (default: the one beside --state)")
	flags.Var(&f.sources, "sources", "sources.json of now, for source_status: (default: the one beside --manifest)")
	flags.Var(&f.previousSources, "state-sources", "sources.json of the last deploy, for source_status: (default: the one beside --state)")
}

// compared is two manifests with what changed between them.
type compared struct {
	*manifest.Comparison
	oldPath, newPath string
	cosmetic         []string // unique ids of what --ignore-cosmetic has left out
}

// check refuses flags that do not fit each other, before anything is read.
func (f *stateFlags) check(a app) error {
	if f.state.value == "" {
		f.state.value = a.env("DBT_STATE")
	}
	if f.state.value == "" {
		return invalid("--state: is missing: give the manifest.json of the last deploy or the directory that it is in, or set DBT_STATE")
	}
	for _, expression := range f.selects {
		if strings.TrimSpace(expression) == "" {
			return invalid("--select: is empty: is the variable set that it comes from?")
		}
	}
	f.excludes = present(f.excludes)
	_, err := atMostOne(option{"--selector", f.selector.value != ""}, option{"--select or --exclude", len(f.selects)+len(f.excludes) > 0})
	if err != nil {
		return invalid("%w", err)
	}
	return nil
}

// present leaves out what is blank.
func present(texts []string) []string {
	var out []string
	for _, text := range texts {
		if strings.TrimSpace(text) != "" {
			out = append(out, text)
		}
	}
	return out
}

// asEngine is the engine that the flags ask for.
func (f *stateFlags) asEngine() manifest.Engine {
	e := manifest.Core112()
	if f.engine.value == manifest.ProfileCore19 {
		e = manifest.Core19()
	}
	if f.moreUnrendered != nil {
		e.CompareMoreUnrenderedValues = *f.moreUnrendered
	}
	e.Dependencies = f.dependsOn
	return e
}

// compare reads both manifests at once and compares them, if they can be compared.
func (f *stateFlags) compare(ctx context.Context, a app) (*compared, error) {
	if err := f.check(a); err != nil {
		return nil, err
	}
	oldPath, newPath := findArtifact(f.state.value, "manifest.json"), findArtifact(f.manifest.value, "manifest.json")
	type answer struct {
		m   *manifest.Manifest
		err error
	}
	before := make(chan answer, 1)
	go func() {
		m, err := readArtifact(ctx, "--state", oldPath, manifest.Read)
		before <- answer{m, err}
	}()
	now, err := readArtifact(ctx, "--manifest", newPath, manifest.Read)
	old := <-before
	if err := errors.Join(old.err, err); err != nil {
		return nil, err
	}
	c, err := manifest.Compare(old.m, now, f.asEngine())
	if err != nil {
		return nil, invalid("%w", err)
	}
	out := &compared{Comparison: c, oldPath: oldPath, newPath: newPath}
	if err := a.comparable(ctx, f, out); err != nil || !f.ignoreCosmetic {
		return out, err
	}
	return out, a.leaveOutCosmetic(ctx, out)
}

// leaveOutCosmetic lets what is cosmetic count as unchanged, and says so.
func (a app) leaveOutCosmetic(ctx context.Context, c *compared) error {
	in, err := openSources(ctx, c)
	if err != nil {
		return err
	}
	defer in.Close()
	if c.cosmetic, err = c.Cosmetic(in.old, in.now); err != nil {
		return invalid("--ignore-cosmetic: %w", err)
	}
	for _, id := range c.cosmetic {
		a.tell(inert("cosmetic: " + id + ": counts as unchanged, because only comments and white space differ"))
	}
	c.Comparison = c.Without(c.cosmetic...)
	return nil
}

// comparable refuses manifests that say nothing about each other, and tells of what looks odd.
func (a app) comparable(ctx context.Context, f *stateFlags, c *compared) error {
	before, now := c.Old.Metadata, c.New.Metadata
	if c.SameInvocation() {
		same, err := sameContents(ctx, c.oldPath, c.newPath)
		switch {
		case err != nil:
			return err
		case same:
			return invalid("--state and --manifest: both are the manifest of one invocation of dbt (%s), so nothing can have changed: "+
				"--state must be that of the last deploy, kept outside of target, which dbt writes over", now.InvocationID)
		}
		a.tell(inert(fmt.Sprintf("warning: both manifests say that they are of one invocation of dbt (%s): is --state that of the last deploy?", now.InvocationID)))
	}
	if otherProject(c.Old, c.New) {
		return invalid("--state and --manifest: are of different projects, %q and %q, which have next to nothing in common: give the manifests of one project",
			projectOf(before), projectOf(now))
	}
	if before.ProjectName != "" && now.ProjectName != "" && before.ProjectName != now.ProjectName {
		a.tell(inert(fmt.Sprintf("warning: the project was called %q and is called %q now: what is part of it counts as new", before.ProjectName, now.ProjectName)))
	}
	if f.engine.value == "" && before112(now.DbtVersion) {
		a.tell(inert(fmt.Sprintf("note: the manifest is of dbt %s; this is what dbt 1.12 answers, --engine=core-1.9 says what 1.9 to 1.11 do", now.DbtVersion)))
	}
	return nil
}

// before112 tells whether a version of dbt is one of 1.0 to 1.11.
func before112(version string) bool {
	const minor = 12
	var n int
	_, err := fmt.Sscanf(version, "1.%d", &n)
	return err == nil && n < minor
}

// otherProject tells whether two manifests are of different projects. A project that was given another name still has
// most of what it had.
func otherProject(old, now *manifest.Manifest) bool {
	before, after := old.Metadata.ProjectName, now.Metadata.ProjectName
	if before == after && before != "" {
		return false
	}
	names, shared := map[[2]string]bool{}, map[[2]string]bool{}
	for _, n := range old.Nodes {
		names[[2]string{n.ResourceType, n.Name}] = true
	}
	all := map[[2]string]bool{}
	for _, n := range now.Nodes {
		key := [2]string{n.ResourceType, n.Name}
		all[key] = true
		if names[key] {
			shared[key] = true
		}
	}
	fewer := min(len(names), len(all))
	if before == "" || after == "" { // manifests before dbt 1.5 do not say it
		return fewer > 0 && len(shared) == 0
	}
	return 2*len(shared) < fewer
}

// projectOf is the name of the project as far as a manifest says it.
func projectOf(m manifest.Metadata) string {
	if m.ProjectName == "" {
		return "not named"
	}
	return m.ProjectName
}

// query is what the flags select, with what the selectors ask for beside the manifests.
func (f *stateFlags) query(ctx context.Context, c *compared) (manifest.Query, error) {
	q := manifest.Query{
		Select: f.selects, Exclude: f.excludes, Selector: f.selector.value, State: c.Comparison,
		Indirect: manifest.Indirect(f.indirect.value), Command: manifest.Command(f.command.value),
	}
	var errs [3]error
	q.Results, errs[0] = beside(ctx, "--run-results", f.runResults.value, c.oldPath, "run_results.json", f.asks(c, "result"), manifest.ReadRunResults)
	q.OldSources, errs[1] = beside(ctx, "--state-sources", f.previousSources.value, c.oldPath, "sources.json", f.asks(c, "source_status"), manifest.ReadSources)
	q.NewSources, errs[2] = beside(ctx, "--sources", f.sources.value, c.newPath, "sources.json", f.asks(c, "source_status"), manifest.ReadSources)
	return q, errors.Join(errs[:]...)
}

// asks tells whether a method may be among the selectors.
func (f *stateFlags) asks(c *compared, method string) bool {
	for _, expression := range append(f.selects, f.excludes...) {
		if strings.Contains(expression, method+":") || strings.Contains(expression, "selector:") {
			return true
		}
	}
	if len(f.selects)+len(f.excludes) > 0 {
		return false
	}
	for _, raw := range c.New.Selectors {
		if bytes.Contains(raw, []byte(method)) {
			return true
		}
	}
	return false
}

// knownSelector refuses a YAML selector that the project does not have.
func (f *stateFlags) knownSelector(c *compared) error {
	name := f.selector.value
	if _, known := c.New.Selectors[name]; known || name == "" {
		return nil
	}
	names := slices.Sorted(maps.Keys(c.New.Selectors))
	if near := nearest(name, names); near != "" {
		return invalid("--selector: the project has no YAML selector %q: did you mean %s?", name, near)
	}
	if len(names) == 0 {
		names = []string{"none"}
	}
	return invalid("--selector: the project has no YAML selector %q, it has %s", name, join(names[:min(len(names), maxListed)]))
}

// choose selects what the flags say, and tells what dbt would warn of.
func (f *stateFlags) choose(ctx context.Context, a app, c *compared) ([]string, error) {
	q, err := f.query(ctx, c)
	if err = cmp.Or(err, f.knownSelector(c)); err != nil {
		return nil, err
	}
	selection, err := c.New.Select(q)
	contract, broken := errors.AsType[*manifest.ContractError](err)
	if broken {
		for _, b := range contract.Breaking {
			a.tell(inert("ContractBreakingChangeError: " + b.String()))
		}
	}
	_, lost := errors.AsType[*manifest.MacroError](err)
	if broken || lost {
		return nil, fmt.Errorf("%w, as dbt would: %w", errRefused, err)
	}
	if err != nil {
		return nil, invalid("%w", err)
	}
	for _, w := range selection.Warnings {
		a.tell(inert("warning: " + warningText(w)))
	}
	return selection.IDs, nil
}

// errRefused is that dbt would refuse what changed, or that --fail-on does.
var errRefused = errors.New("refused")

func warningText(w manifest.Warning) string {
	if w.ID == "" {
		return w.Event + ": " + w.Message
	}
	return w.Event + ": " + w.ID + ": " + w.Message
}
