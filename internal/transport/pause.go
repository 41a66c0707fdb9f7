package transport

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// PausedError is returned for a request that was not sent because the server had asked (429) for a pause that lasts
// longer than the request's context. It unwraps to context.DeadlineExceeded.
type PausedError struct {
	Until time.Time // when requests are sent again
}

func (e *PausedError) Error() string {
	return fmt.Sprintf("transport: dbt Cloud answered too many requests (429); nothing is sent until %s, which is after the context's deadline: allow more time or try again then",
		e.Until.Format(time.RFC3339))
}

// Unwrap returns context.DeadlineExceeded.
func (e *PausedError) Unwrap() error { return context.DeadlineExceeded }

// PausedUntil returns the instant before which nothing is sent, the zero time when there is no pause.
func (t *RoundTripper) PausedUntil() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !time.Now().Before(t.until) {
		return time.Time{}
	}
	return t.until
}

// pause holds every request back until the instant given. A longer pause that is already on stays.
func (t *RoundTripper) pause(until time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if until.After(t.until) {
		t.until = until
	}
}

// waitPause returns once there is no pause, at once with a [PausedError] if the pause outlasts the context.
func (t *RoundTripper) waitPause(ctx context.Context) error {
	for {
		if ctx.Err() != nil {
			return ended(ctx, nil)
		}
		until := t.PausedUntil()
		if until.IsZero() {
			return nil
		}
		wait := time.Until(until)
		if tooLong(ctx, wait) != nil {
			return &PausedError{Until: until}
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// tooLong returns the context's error if it has ended, DeadlineExceeded if it ends within the wait, else nil.
func tooLong(ctx context.Context, wait time.Duration) error {
	if ctx.Err() != nil {
		return ended(ctx, nil)
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
		return context.DeadlineExceeded
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ended(ctx, nil)
	}
}

// ended joins the error of an ended context, its cause, and err, each only once.
func ended(ctx context.Context, err error) error {
	all := ctx.Err()
	for _, e := range []error{context.Cause(ctx), err} {
		if e == nil || errors.Is(all, e) {
			continue
		}
		if errors.Is(e, all) {
			all = e
			continue
		}
		all = fmt.Errorf("%w: %w", all, e)
	}
	return all
}
