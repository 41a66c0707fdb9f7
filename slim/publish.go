package slim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/manifest"
)

// The artifacts of dbt. A deploy has the first two; the others are kept where dbt wrote them.
const (
	manifestFile   = "manifest.json"
	runResultsFile = "run_results.json"
	sourcesFile    = "sources.json"
	catalogFile    = "catalog.json"
)

// Publication is a deploy that is to be recorded.
type Publication struct {
	Commit string // full sha of what was deployed
	Branch string // may be empty
	Dir    string // dbt's target directory after the deploy, with manifest.json and run_results.json
	// Results are the run_results.json of the deploy's steps, in their order, where it had several. None: the one in Dir.
	Results []string
	// Before is the deploy on which this one was built, such as the [Baseline] of the commit. What failed stays in the state
	// as it is there. Nil for the first: then what failed is absent, as if it were new the next time.
	Before *Deploy
	// Aborted says that a step did not come to its end, so that a node without a result may not have been built. Such a
	// deploy is recorded, and is no baseline.
	Aborted bool
}

// Publish records a deploy. Its manifest.json becomes the state that is really there: each node that failed or was skipped
// has the entry that it had in Before. The record is seen when all is stored; an error leaves nothing that is seen. Input
// that cannot be right is dbtcloud.ErrInvalid: a wrong project, a dbt command that builds nothing, a commit that is no full sha.
func (r *Records) Publish(ctx context.Context, p Publication) (*Deploy, error) {
	if err := errors.Join(r.check(), p.check(r)); err != nil {
		return nil, err
	}
	m, err := readArtifact(filepath.Join(p.Dir, manifestFile), manifest.Read)
	if err != nil {
		return nil, wrongArtifact(err)
	}
	if name := m.Metadata.ProjectName; name != "" && name != r.Project {
		return nil, fmt.Errorf("%w: %s is of the project %.80q, not of %s", dbtcloud.ErrInvalid, filepath.Join(p.Dir, manifestFile), name, r.Project)
	}
	results, err := p.results()
	if err != nil {
		return nil, err
	}
	d := &Deploy{
		Project: r.Project, Target: r.Target, Commit: p.Commit, Branch: p.Branch, Time: time.Now().UTC(), DbtVersion: m.Metadata.DbtVersion,
		InvocationID: m.Metadata.InvocationID, Good: !p.Aborted, Failed: failed(m, results, p.Before), Files: map[string]string{},
	}
	d.ID = newID(d)
	if err := r.storeManifest(ctx, d, p); err != nil {
		return nil, err
	}
	steps := p.steps()
	if err := r.storeFile(ctx, d, runResultsFile, steps[len(steps)-1]); err != nil {
		return nil, err
	}
	for _, name := range []string{sourcesFile, catalogFile} {
		if err := r.storeFile(ctx, d, name, filepath.Join(p.Dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	if err := r.complete(ctx, d); err != nil {
		return nil, err
	}
	return d, nil
}

func (p Publication) check(r *Records) error {
	switch {
	case !isSHA(p.Commit):
		return fmt.Errorf("%w: the commit %.80q is no full sha, of 40 or 64 digits", dbtcloud.ErrInvalid, p.Commit)
	case p.Dir == "":
		return fmt.Errorf("%w: no directory: give dbt's target directory", dbtcloud.ErrInvalid)
	case p.Before != nil && (p.Before.Project != r.Project || p.Before.Target != r.Target):
		return fmt.Errorf("%w: the deploy before is of the project %s and the target %s", dbtcloud.ErrInvalid, p.Before.Project, p.Before.Target)
	}
	return nil
}

// steps are the files with what the steps of the deploy did, at least one.
func (p Publication) steps() []string {
	if len(p.Results) > 0 {
		return p.Results
	}
	return []string{filepath.Join(p.Dir, runResultsFile)}
}

// results reads what the steps of the deploy did.
func (p Publication) results() ([]*manifest.RunResults, error) {
	var all []*manifest.RunResults
	for _, name := range p.steps() {
		one, err := readArtifact(name, manifest.ReadRunResults)
		if err != nil {
			return nil, wrongArtifact(err)
		}
		if slices.Contains([]string{"compile", "generate", "list", "ls", "parse", "show"}, one.Command) {
			return nil, fmt.Errorf("%w: %s is of dbt %s, which builds nothing: publish before that command, or keep the file of the deploy and name it", dbtcloud.ErrInvalid, name, one.Command)
		}
		all = append(all, one)
	}
	return all, nil
}

func readArtifact[T any](name string, read func(io.Reader) (T, error)) (T, error) {
	var none T
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return none, fmt.Errorf("%w: no %s: publish after a deploy has run, from dbt's target directory", dbtcloud.ErrInvalid, name)
	}
	if err != nil {
		return none, fmt.Errorf("slim: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	out, err := read(f)
	if err != nil {
		return none, fmt.Errorf("%s: %w", name, err)
	}
	return out, nil
}

// wrongArtifact makes of an artifact that is none an invalid input, which it is where dbt has just left it behind.
func wrongArtifact(err error) error {
	_, format := errors.AsType[*manifest.FormatError](err)
	_, version := errors.AsType[*manifest.VersionError](err)
	if format || version {
		return fmt.Errorf("%w: %w", dbtcloud.ErrInvalid, err)
	}
	return err
}

// storeManifest stores the state that is there after the deploy.
func (r *Records) storeManifest(ctx context.Context, d *Deploy, p Publication) error {
	if len(d.Failed) == 0 || !d.Good {
		return r.storeFile(ctx, d, manifestFile, filepath.Join(p.Dir, manifestFile))
	}
	state, err := r.merged(ctx, d, p)
	if err != nil {
		return err
	}
	return r.store(ctx, d, manifestFile, state)
}

func (r *Records) storeFile(ctx context.Context, d *Deploy, name, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("slim: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	return r.store(ctx, d, name, f)
}
