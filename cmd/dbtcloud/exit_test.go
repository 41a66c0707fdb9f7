package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slimci/dbtcloud"
)

func TestExitStatus(t *testing.T) {
	t.Parallel()
	ended := func(status dbtcloud.RunStatus) error {
		return &dbtcloud.RunFailedError{Run: &dbtcloud.Run{ID: 5, Status: status}}
	}
	left := func(cause error) error { return fmt.Errorf("left run 5: %w", cause) }
	tests := []struct {
		name string
		err  error
		want int
	}{
		{"nothing", nil, 0},
		{"failed run", ended(dbtcloud.RunError), 1},
		{"failed run, and its result could not be written", errors.Join(ended(dbtcloud.RunError), errors.New("disk full")), 1},
		{"failed run, right at the deadline", fmt.Errorf("%w: %w", errDeadline, ended(dbtcloud.RunError)), 1},
		{"cancelled run", ended(dbtcloud.RunCancelled), 3},
		{"superseded", fmt.Errorf("run 9: %w", dbtcloud.ErrSuperseded), 3},
		{"a problem that doctor found", fmt.Errorf("%w: 1 of 2", errUnwell), 1},
		{"a contract that is broken", fmt.Errorf("%w: dbt refuses", errRefused), 1},
		{"bad input", fmt.Errorf("x: %w", dbtcloud.ErrInvalid), 2},
		{"bad flag", invalid("--x: %w", errors.New("wrong")), 2},
		{"deadline", fmt.Errorf("%w: %w", errDeadline, left(context.DeadlineExceeded)), 4},
		{"deadline while the API refused", fmt.Errorf("%w: %w", errDeadline, &dbtcloud.Error{StatusCode: 503}), 4},
		{"interrupted", fmt.Errorf("%w: %w", errInterrupted, left(context.Canceled)), 130},
		{"interrupted while the API refused", fmt.Errorf("%w: %w", errInterrupted, &dbtcloud.Error{StatusCode: 401}), 130},
		{"refused", &dbtcloud.Error{StatusCode: 401}, 5},
		{"uncertain", &dbtcloud.UncertainError{Err: errors.New("lost")}, 5},
		{"queue full", dbtcloud.ErrQueueFull, 5},
		{"a request that took too long", context.DeadlineExceeded, 5},
		{"unreachable", errors.New("connection refused"), 5},
	}
	for _, test := range tests {
		if got := exitStatus(test.err); got != test.want {
			t.Errorf("%s: exit status %d, want %d", test.name, got, test.want)
		}
	}
}

func TestBecause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		late, done := withDeadline(t.Context(), time.Minute)
		defer done()
		signalled, stop := context.WithCancelCause(t.Context())
		stop(errors.New("interrupt signal received"))
		endless, done := withDeadline(signalled, 0)
		defer done()
		failure := errors.New("failure")
		if err := because(late, failure); !errors.Is(err, failure) || exitStatus(err) != exitRefused {
			t.Errorf("before the deadline: %v", err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		tests := []struct {
			name string
			ctx  context.Context
			err  error
			want int
		}{
			{"nothing wrong", late, nil, 0},
			{"deadline", late, failure, 4},
			{"signal", endless, failure, 130},
			{"signal, told before", endless, because(endless, failure), 130},
			{"deadline, told before the signal", endless, because(late, failure), 4},
		}
		for _, test := range tests {
			err := because(test.ctx, test.err)
			if got := exitStatus(err); got != test.want {
				t.Errorf("%s: exit status %d, want %d", test.name, got, test.want)
			}
			if err != nil && strings.Count(err.Error(), errInterrupted.Error())+strings.Count(err.Error(), errDeadline.Error()) != 1 {
				t.Errorf("%s: it is not told once: %v", test.name, err)
			}
		}
	})
}
