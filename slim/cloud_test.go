package slim_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
	"github.com/slimci/dbtcloud/slim"
)

func TestDbtCloud(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := dbtcloudtest.New()
		c, err := s.Client()
		if err != nil {
			t.Fatal(err)
		}
		job := s.AddJob(dbtcloudtest.JobSpec{Name: "Production"})
		if _, err := slim.LastGoodRun(t.Context(), c, job); !errors.Is(err, slim.ErrNoBaseline) {
			t.Errorf("a job without runs gives %v, want ErrNoBaseline", err)
		}
		run, err := c.Jobs.Trigger(t.Context(), job, dbtcloud.Trigger{Cause: "deploy"})
		if err != nil {
			t.Fatal(err)
		}
		shop := project{models: map[string]string{"a": "select 1"}}
		s.AddArtifact(run.ID, "manifest.json", shop.manifest())
		s.AddArtifact(run.ID, "run_results.json", shop.runResults())
		if _, err := c.Runs.Wait(t.Context(), run.ID, dbtcloud.Poll{}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		good, err := slim.LastGoodRun(t.Context(), c, job)
		if err != nil || good.ID != run.ID {
			t.Fatalf("LastGoodRun = %v, %v, want run %d", good, err, run.ID)
		}
		dir := filepath.Join(t.TempDir(), "state")
		state, err := slim.FetchRun(t.Context(), c, run.ID, "shop", dir)
		if err != nil {
			t.Fatal(err)
		}
		if got := read(t, filepath.Join(state.Dir, "manifest.json")); got != string(shop.manifest()) {
			t.Error("manifest.json is not that of the run")
		}
		if _, err := os.Stat(filepath.Join(dir, "catalog.json")); err == nil {
			t.Error("a file came that the run does not have")
		}
		if _, err := slim.FetchRun(t.Context(), c, run.ID, "bank", dir); !errors.Is(err, dbtcloud.ErrInvalid) || !strings.Contains(err.Error(), `"shop", not of bank`) {
			t.Errorf("the run of another project gives %v, want ErrInvalid", err)
		}
		if read(t, filepath.Join(dir, "manifest.json")) == "" {
			t.Error("the state of before is gone")
		}
		if _, err := slim.FetchRun(t.Context(), c, run.ID+1, "shop", dir); !errors.Is(err, dbtcloud.ErrNotFound) {
			t.Errorf("an unknown run gives %v, want ErrNotFound", err)
		}
		if _, err := slim.LastGoodRun(t.Context(), c, 0); !errors.Is(err, dbtcloud.ErrInvalid) {
			t.Errorf("no job gives %v, want ErrInvalid", err)
		}
	})
}
