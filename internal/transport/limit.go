package transport

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/time/rate"
)

// Limit holds requests back before the server has to. A nil Limit holds nothing back.
type Limit struct {
	perMinute int
	bucket    *rate.Limiter
}

// NewLimit returns a limit of so many attempts, at least one, in every minute. A fifth of them may come at once.
func NewLimit(perMinute int) *Limit {
	perMinute = max(perMinute, 1)
	burst := max(perMinute/5, 1)
	// Whatever a minute begins with, burst plus refill stay within the limit. A second more than the minute, because
	// requests do not arrive as evenly as they left.
	refill := rate.Limit(float64(perMinute-burst+1) / 61)
	return &Limit{perMinute, rate.NewLimiter(refill, burst)}
}

// wait returns when it is the turn of one attempt, at once with a [LimitedError] if that outlasts the context.
func (l *Limit) wait(ctx context.Context, log logger) error {
	if l == nil {
		return nil
	}
	now := time.Now()
	turn := l.bucket.ReserveN(now, 1)
	wait := turn.DelayFrom(now)
	if wait == 0 {
		return nil
	}
	if err := tooLong(ctx, wait); err != nil {
		turn.CancelAt(now)
		if ctx.Err() != nil {
			return err
		}
		return &LimitedError{PerMinute: l.perMinute, Wait: wait}
	}
	log.turn(ctx, wait)
	err := sleep(ctx, wait)
	if err != nil {
		turn.Cancel()
	}
	return err
}

// LimitedError is returned for a request that was not sent because this client's own limit would have kept it waiting
// longer than its context lasts. It unwraps to context.DeadlineExceeded.
type LimitedError struct {
	PerMinute int           // the limit
	Wait      time.Duration // until its turn
}

func (e *LimitedError) Error() string {
	return fmt.Sprintf("transport: the limit of this client, %d requests a minute, leaves no turn for %s, which is after the context's deadline: allow more time, or ask for larger pages",
		e.PerMinute, e.Wait.Round(time.Millisecond))
}

// Unwrap returns context.DeadlineExceeded.
func (e *LimitedError) Unwrap() error { return context.DeadlineExceeded }
