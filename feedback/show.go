package feedback

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/report"
)

// Show is all that most pipelines do with a run that has ended: it makes the digest of it ([report.Collect]), writes the files, and
// shows it in the places that the event's CI provider has ([Places.Publish]). The error is all that went wrong, one line each. A run that has not ended is one.
func Show(ctx context.Context, client *dbtcloud.Client, e *dbtcloud.Event, runID int64, files Files) error {
	if e == nil {
		return invalid("the event is nil: read it with EventFromEnv")
	}
	digest, err := report.Collect(ctx, client, runID)
	if err != nil {
		return err
	}
	if StatusOf(digest).State == StatePending {
		return fmt.Errorf("feedback: run %d has not ended: there is nothing to show yet", runID)
	}
	return errors.Join(files.Write(digest), Places{}.Publish(ctx, e.Provider, cmp.Or(e.SHA, digest.Run.SHA), digest))
}
