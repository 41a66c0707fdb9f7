package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/slim"
)

// Exit statuses.
const (
	exitSuccess     = 0
	exitRunFailed   = 1 // also of doctor, when it found a problem, of state, when dbt would refuse what changed, and of slim fetch, when no deploy suits
	exitBadInput    = 2
	exitCancelled   = 3
	exitDeadline    = 4
	exitRefused     = 5
	exitInterrupted = 130
)

// Why a command ended before its work did.
var (
	errDeadline    = errors.New("the deadline of --timeout passed")
	errInterrupted = errors.New("interrupted")
)

// exitStatus is the exit status for what a command ended with. How the run ended
// counts before all else.
func exitStatus(err error) int {
	_, failed := errors.AsType[*dbtcloud.RunFailedError](err)
	switch {
	case err == nil:
		return exitSuccess
	case errors.Is(err, dbtcloud.ErrSuperseded), errors.Is(err, dbtcloud.ErrRunCancelled):
		return exitCancelled
	case failed, errors.Is(err, errUnwell), errors.Is(err, errRefused), errors.Is(err, slim.ErrNoBaseline):
		return exitRunFailed
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	case errors.Is(err, errDeadline):
		return exitDeadline
	case errors.Is(err, dbtcloud.ErrInvalid), errors.Is(err, dbtcloud.ErrNotTestable):
		return exitBadInput
	default:
		return exitRefused
	}
}

// withDeadline is ctx with the deadline of --timeout; 0 is none.
func withDeadline(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, timeout, errDeadline)
}

// cutShort is an error that says already what has cut the command short.
type cutShort struct{ error }

func (e *cutShort) Unwrap() error { return e.error }

// because says in an error, once, that the command was cut short, and by what.
func because(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	if _, said := errors.AsType[*cutShort](err); said {
		return err
	}
	why := errInterrupted
	if errors.Is(context.Cause(ctx), errDeadline) {
		why = errDeadline
	}
	return &cutShort{fmt.Errorf("%w: %w", why, err)}
}
