// Package storetest holds what every [slim.Store] must do, as tests that anyone can run over a store of their own:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, storetest.Suite{Open: func(t *testing.T) slim.Store { return mine.Open(t) }})
//	}
package storetest

import (
	"context"
	"testing"

	"github.com/slimci/dbtcloud/slim"
)

// Suite is a kind of store and how hard to try it.
type Suite struct {
	// Open returns an empty store of its own for each test.
	Open func(t *testing.T) slim.Store
	// Large is the size in bytes of the object that must pass without being held; 0 is 64 MiB. The heap may grow by a
	// quarter of it, so what else the process does at that time counts.
	Large int64
	// Shared says that a store cannot have one winner, so that one with PutNew fails. Without it a store without PutNew fails.
	Shared bool
}

// check is one demand. It is told the store, which is empty, and says what the store did wrong.
type check struct {
	name string
	run  func(ctx context.Context, s slim.Store) error
}

// Run tries a kind of store, each demand in a subtest.
func Run(t *testing.T, suite Suite) {
	t.Helper()
	checks := append(objects(), writes()...)
	checks = append(append(checks, publishes()...), exclusive(suite.Shared)...)
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if err := c.run(t.Context(), suite.Open(t)); err != nil {
				t.Error(err)
			}
		})
	}
	// Alone, since it looks at the heap of the process.
	t.Run("large objects are streamed", func(t *testing.T) {
		if err := streams(t.Context(), suite.Open(t), suite.Large); err != nil {
			t.Error(err)
		}
	})
}
