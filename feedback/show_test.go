package feedback_test

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"testing"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
	"github.com/slimci/dbtcloud/feedback"
	"github.com/slimci/dbtcloud/report"
)

func TestShow(t *testing.T) {
	t.Parallel()
	fake := dbtcloudtest.New(dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome { return dbtcloudtest.Outcome{Duration: -1} }))
	client, err := fake.Client()
	if err != nil {
		t.Fatal(err)
	}
	run := fake.AddRun(dbtcloudtest.RunSpec{JobID: fake.AddJob(dbtcloudtest.JobSpec{Name: "Slim CI"})})
	files, event := feedback.Files{Digest: filepath.Join(t.TempDir(), "run.json")}, &dbtcloud.Event{Provider: dbtcloud.CircleCI, Change: dbtcloud.Change{SHA: sha}}
	checkLines(t, feedback.Show(t.Context(), client, event, run, files), []string{"has not ended"})
	fake.FinishRun(run, dbtcloudtest.Error)
	checkLines(t, feedback.Show(t.Context(), client, event, run, files), nil)
	var got report.Digest
	if err := json.Unmarshal([]byte(read(t, files.Digest)), &got); err != nil || got.Run.ID != run || got.Run.Status != "Error" {
		t.Errorf("%v: the digest is of %+v", err, got.Run)
	}
	bad := feedback.Files{Digest: t.TempDir()}
	event.Provider, event.SHA = dbtcloud.BitbucketPipelines, ""
	checkLines(t, feedback.Show(t.Context(), client, event, run, bad), []string{"writing " + bad.Digest, "the repository must be owner/name"})
	if err := feedback.Show(t.Context(), client, event, 987654, files); !errors.Is(err, dbtcloud.ErrNotFound) {
		t.Errorf("a run that is not there: %v", err)
	}
	if err := feedback.Show(t.Context(), client, nil, run, files); !errors.Is(err, dbtcloud.ErrInvalid) {
		t.Errorf("without an event: %v", err)
	}
}
