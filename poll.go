package dbtcloud

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

// Poll says how often something is looked at, and how much trouble is borne. The zero
// value is good for runs of minutes: the second look follows after a second, then
// each pause is half as long again as the one before, up to 30 seconds. Each is
// shortened by up to a fifth at random, so that many waiters spread out.
//
// A look that fails in passing is no news: a lost connection, 408, 429, 5xx, an
// answer that cannot be read. Any other failure, such as 401 or 403, ends the
// polling. How long it lasts at most is up to the context: at its deadline there is
// one more look, of at most two seconds, so that what ended in time is not reported
// as late. A context that is cancelled ends it at once.
type Poll struct {
	Interval time.Duration // longest time between two looks; default 30 s
	First    time.Duration // time before the second look; default 1 s, never over Interval
	Grace    time.Duration // how long "not found" means "not yet"; default 1 min
	Silence  time.Duration // how long looks may fail in passing before that is an error; default 15 min
}

func (p Poll) withDefaults() Poll {
	p.Interval = positive(p.Interval, 30*time.Second)
	p.First = min(positive(p.First, time.Second), p.Interval)
	p.Grace = positive(p.Grace, time.Minute)
	p.Silence = positive(p.Silence, 15*time.Minute)
	return p
}

func positive(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}

// lastLook is how long the look after a deadline may take.
const lastLook = 2 * time.Second

// until looks, with growing pauses, until look is done or fails for good. A look
// that fails in passing is no news.
func (p Poll) until(ctx context.Context, look func(context.Context) (done bool, err error)) error {
	return p.repeat(ctx, look, missed)
}

// untilLate is until with one more look when ctx reaches its deadline: what ended in
// time is not reported as late. Within another look it would take too long.
func (p Poll) untilLate(ctx context.Context, look func(context.Context) (done bool, err error)) error {
	return p.repeat(ctx, look, func(ctx context.Context, before error) error { return late(ctx, look, before) })
}

// repeat is until, with what is to be done when ctx ends after a look.
func (p Poll) repeat(ctx context.Context, look func(context.Context) (bool, error), end func(ctx context.Context, before error) error) error {
	p = p.withDefaults()
	begun, lastGood := time.Now(), time.Now()
	for pause := p.First; ; pause = min(pause*3/2, p.Interval) {
		done, err := look(ctx)
		if done {
			return err
		}
		switch {
		case errors.Is(err, errNews):
			lastGood, pause, err = time.Now(), p.First, nil
		case err == nil:
			lastGood = time.Now()
		case !p.passing(err, time.Since(begun)):
			return err
		case time.Since(lastGood) > p.Silence:
			return fmt.Errorf("dbtcloud: nothing could be learned for %s: %w", p.Silence, err)
		}
		if sleep(ctx, jitter(pause)) != nil {
			return end(ctx, err)
		}
	}
}

// late takes the last look after a deadline. A cancellation ends at once.
func late(ctx context.Context, look func(context.Context) (bool, error), before error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastLook)
		defer cancel()
		if done, err := look(last); done {
			return err
		}
	}
	return missed(ctx, before)
}

// missed is the error of an ended context, and of the last look unless it says the same.
func missed(ctx context.Context, before error) error {
	if before == nil || errors.Is(before, ctx.Err()) && !answered(before) {
		return ended(ctx)
	}
	return fmt.Errorf("%w; the last look: %w", ended(ctx), before)
}

func answered(err error) bool {
	_, ok := errors.AsType[*Error](err)
	return ok
}

// errLater marks an error that may go away by itself, whatever it is.
var errLater = errors.New("dbtcloud: not yet")

// errNews is no error: a look after which the pauses start over, because more news
// may follow soon.
var errNews = errors.New("dbtcloud: news")

// passing tells whether an error of a look may go away by itself.
func (p Poll) passing(err error, age time.Duration) bool {
	if errors.Is(err, errLater) {
		return true
	}
	if e, ok := errors.AsType[*Error](err); ok {
		switch {
		case e.StatusCode == http.StatusNotFound:
			return age < p.Grace
		case e.StatusCode == http.StatusTooManyRequests, e.StatusCode == http.StatusRequestTimeout, e.StatusCode < 400:
			return true
		}
		return e.StatusCode >= 500
	}
	return !errors.Is(err, ErrSuperseded) && !errors.Is(err, ErrInvalid)
}

// jitter takes up to a fifth off, so that many waiters spread out. It draws from the
// clock: what happens in virtual time can then be repeated exactly.
func jitter(d time.Duration) time.Duration {
	clock := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	return d - time.Duration(clock.Int64N(int64(d)/5+1))
}

// sleep waits for d, or for the end of ctx, whose error it returns.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ended(ctx)
	case <-timer.C:
		return ctx.Err()
	}
}

// ended is the error of a context that has ended, and its cause.
func ended(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}
