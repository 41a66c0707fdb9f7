package slim

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/slimci/dbtcloud"
)

// LastGoodRun returns the newest run of a dbt Cloud job that succeeded and left artifacts. A job without one is ErrNoBaseline.
// API: List Runs.
func LastGoodRun(ctx context.Context, c *dbtcloud.Client, jobID int64) (*dbtcloud.Run, error) {
	if jobID <= 0 {
		return nil, fmt.Errorf("%w: the job %d has no id of a job", dbtcloud.ErrInvalid, jobID)
	}
	filter := dbtcloud.RunFilter{JobID: jobID, Statuses: []dbtcloud.RunStatus{dbtcloud.RunSuccess}, Newest: 100}
	for run, err := range c.Runs.All(ctx, filter) {
		if err != nil {
			return nil, err
		}
		if run.ArtifactsSaved {
			return run, nil
		}
	}
	return nil, fmt.Errorf("%w: none of the newest successful runs of job %d has artifacts: run it, or take another job", ErrNoBaseline, jobID)
}

// FetchRun writes the artifacts of a run of dbt Cloud into a directory, as [Records.Fetch] does those of a deploy. They are those
// of the run's last step that wrote them. project is dbt's name of the project, or empty for any. API: Retrieve Run Artifact.
func FetchRun(ctx context.Context, c *dbtcloud.Client, runID int64, project, dir string) (*State, error) {
	return appear(dir, func(temp string) error {
		for _, name := range []string{manifestFile, runResultsFile, sourcesFile, catalogFile} {
			in, err := c.Runs.OpenArtifact(ctx, runID, name)
			if errors.Is(err, dbtcloud.ErrNotFound) && name != manifestFile {
				continue
			}
			if err != nil {
				return err
			}
			if err := save(ctx, in, filepath.Join(temp, name)); err != nil {
				return fmt.Errorf("slim: fetch %s of run %d: %w", name, runID, err)
			}
		}
		note := fmt.Appendf(nil, "{\"dbt_cloud_run\": %d}\n", runID)
		return errors.Join(readable(temp, project), os.WriteFile(filepath.Join(temp, stateFile), note, 0o644)) //nolint:gosec // another user may run dbt
	})
}
