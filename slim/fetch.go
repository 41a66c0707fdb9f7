package slim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/manifest"
)

// State is a directory with the artifacts of a deploy, for dbt to compare with and to defer to.
type State struct {
	Dir   string   // absolute
	Flags []string // for dbt: --defer --state DIR
}

// Fetch writes the artifacts of a deploy into a directory, which appears when all of them are there and have been verified: each by
// its checksum, the manifest by reading it. Keep the directory out of dbt's target directory, which dbt writes to. What Fetch has
// made before is replaced; any other directory must be empty or absent, otherwise the error is dbtcloud.ErrInvalid. What
// is not as it was stored is ErrCorrupt, and nothing appears.
func (r *Records) Fetch(ctx context.Context, d *Deploy, dir string) (*State, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	return appear(dir, func(temp string) error {
		for _, name := range d.files() {
			in, err := r.open(ctx, d, name)
			if err != nil {
				return err
			}
			if err := save(ctx, in, filepath.Join(temp, name)); err != nil {
				return fmt.Errorf("slim: fetch %s: %w", r.key(d.ID, name), err)
			}
		}
		record, err := d.marshal()
		if err != nil {
			return err
		}
		return errors.Join(readable(temp, d.Project), os.WriteFile(filepath.Join(temp, stateFile), record, 0o644)) //nolint:gosec // another user may run dbt
	})
}

// stateFile says that a directory is one of ours.
const stateFile = "dbtcloud_state.json"

// appear fills a directory beside dir and gives it that name when it is whole.
func appear(dir string, fill func(temp string) error) (*State, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("slim: %w", err)
	}
	if err := replaceable(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil { //nolint:gosec // another user may run dbt
		return nil, fmt.Errorf("slim: %w", err)
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), ".state-")
	if err != nil {
		return nil, fmt.Errorf("slim: %w", err)
	}
	defer os.RemoveAll(temp) //nolint:errcheck // it has another name by then, or is of no use
	whole := filepath.Join(temp, "new")
	if err := os.Mkdir(whole, 0o755); err != nil { //nolint:gosec // as above
		return nil, fmt.Errorf("slim: %w", err)
	}
	if err := fill(whole); err != nil {
		return nil, err
	}
	if err := os.Rename(dir, filepath.Join(temp, "old")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("slim: replace %s: %w", dir, err)
	}
	if err := os.Rename(whole, dir); err != nil {
		return nil, fmt.Errorf("slim: %w", err)
	}
	return &State{Dir: dir, Flags: []string{"--defer", "--state", dir}}, nil
}

// replaceable refuses a directory that has something else than a state in it.
func replaceable(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: the state cannot be put into %s: %w", dbtcloud.ErrInvalid, dir, err)
	}
	ours := false
	for _, entry := range entries {
		switch name := entry.Name(); name {
		case stateFile:
			ours = true
		case manifestFile, runResultsFile, sourcesFile, catalogFile:
		default:
			return fmt.Errorf("%w: %s has %.80q in it: give a directory for the state alone", dbtcloud.ErrInvalid, dir, name)
		}
	}
	if !ours {
		return fmt.Errorf("%w: %s has artifacts of dbt that are no fetched state: give a directory for the state alone, never dbt's target directory", dbtcloud.ErrInvalid, dir)
	}
	return nil
}

// save writes what in gives to a new file, and closes both.
func save(ctx context.Context, in io.ReadCloser, name string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // another user may run dbt
	if err != nil {
		return errors.Join(err, in.Close())
	}
	_, err = io.Copy(f, untilDone{ctx, in})
	return errors.Join(err, f.Close(), in.Close())
}

// readable says why a fetched manifest is none that dbt could compare with.
func readable(dir, project string) error {
	m, err := readArtifact(filepath.Join(dir, manifestFile), manifest.Read)
	if err != nil {
		return fmt.Errorf("slim: the fetched state: %w", err)
	}
	if name := m.Metadata.ProjectName; project != "" && name != "" && name != project {
		return fmt.Errorf("%w: the fetched state is of the project %.80q, not of %s", dbtcloud.ErrInvalid, name, project)
	}
	return nil
}
