package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/slimci/dbtcloud/slim"
)

var errDead = errors.New("the publisher was killed")

// publishes are the demands on what package slim does with a store.
func publishes() []check {
	return []check{{"a deploy is published whole or not at all", wholeDeploys}, {"racing deploys are all recorded", racingDeploys}}
}

// wholeDeploys kills a publisher at its first call, at its second, and so on, each in three ways: before the call, in the
// middle of it, and after it. What others see then is all of the deploy or nothing.
func wholeDeploys(ctx context.Context, s slim.Store) error {
	dir, err := os.MkdirTemp("", "storetest")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a directory of the system
	for _, how := range []string{"before", "in", "after"} {
		for k := int64(1); ; k++ {
			target := fmt.Sprintf("%s-%d", how, k)
			dying := &mortal{Store: s, dies: k, how: how}
			published, err := publishOver(ctx, s, dying, target, dir)
			if err != nil {
				return fmt.Errorf("killed %s call %d: %w", how, k, err)
			}
			if published && dying.calls.Load() < k {
				break // it lived
			}
		}
	}
	return nil
}

// publishOver publishes a deploy, and with the dying store another one, and says what is wrong with what is seen then.
func publishOver(ctx context.Context, s, dying slim.Store, target, dir string) (published bool, err error) {
	if err := artifacts(dir); err != nil {
		return false, err
	}
	healthy := &slim.Records{Store: s, Project: "shop", Target: target}
	first, err := healthy.Publish(ctx, slim.Publication{Commit: strings.Repeat("a", 40), Dir: dir})
	if err != nil {
		return false, err
	}
	killed := &slim.Records{Store: dying, Project: "shop", Target: target}
	second, err := killed.Publish(ctx, slim.Publication{Commit: strings.Repeat("b", 40), Dir: dir})
	if err != nil && !errors.Is(err, errDead) {
		return false, fmt.Errorf("the error of Publish is %w, which hides that of the store", err)
	}
	seen, failed := deploys(ctx, healthy, dir)
	switch {
	case failed != nil:
		return false, failed
	case !slices.Contains(seen, first.ID):
		return false, errors.New("the deploy before is no longer there")
	case second != nil && !slices.Contains(seen, second.ID):
		return false, errors.New("the deploy was published, and is not there")
	}
	return second != nil, nil
}

// deploys fetches every deploy that is seen, and gives their ids.
func deploys(ctx context.Context, r *slim.Records, dir string) ([]string, error) {
	var seen []string
	for d, err := range r.All(ctx) {
		if err != nil {
			return nil, err
		}
		if _, err := r.Fetch(ctx, d, filepath.Join(dir, "state")); err != nil {
			return nil, err
		}
		seen = append(seen, d.ID)
	}
	return seen, nil
}

func racingDeploys(ctx context.Context, s slim.Store) error {
	dir, err := os.MkdirTemp("", "storetest")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // as above
	if err := artifacts(dir); err != nil {
		return err
	}
	r := &slim.Records{Store: s, Project: "shop", Target: "prod"}
	problems := make(chan error)
	for range 8 {
		go func() {
			_, err := r.Publish(ctx, slim.Publication{Commit: strings.Repeat("a", 40), Dir: dir})
			problems <- err
		}()
	}
	for range 8 {
		err = errors.Join(err, <-problems)
	}
	if err != nil {
		return err
	}
	if seen, err := deploys(ctx, r, dir); err != nil || len(seen) != 8 {
		return fmt.Errorf("of 8 deploys at the same time %d are recorded: %w", len(seen), err)
	}
	return nil
}

// artifacts writes what a small project leaves behind.
func artifacts(dir string) error {
	const head = `{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/%s.json", "project_name": "shop"}, %s}`
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "manifest.json"), fmt.Appendf(nil, head, "manifest/v12", `"nodes": {}, "macros": {}`), 0o600),
		os.WriteFile(filepath.Join(dir, "run_results.json"), fmt.Appendf(nil, head, "run-results/v6", `"results": [], "elapsed_time": 1`), 0o600),
	)
}

// mortal is the store of a process that is killed at one of its calls: from then on nothing comes of any.
type mortal struct {
	slim.Store
	how   string // before the call, in it or after it
	dies  int64
	calls atomic.Int64
}

// call carries out a call while the process lives. torn is what comes of it when it is killed in the middle.
func (m *mortal) call(whole, torn func() error) error {
	n := m.calls.Add(1)
	switch {
	case n < m.dies:
		return whole()
	case n > m.dies || m.how == "before":
		return errDead
	case m.how == "in":
		return errors.Join(torn(), errDead)
	default:
		return errors.Join(whole(), errDead)
	}
}

func nothing() error { return nil }

func (m *mortal) Put(ctx context.Context, key string, r io.Reader) error {
	return m.call(func() error { return m.Store.Put(ctx, key, r) }, func() error {
		return m.Store.Put(ctx, key, io.MultiReader(io.LimitReader(r, 20), failing{errDead}))
	})
}

func (m *mortal) Get(ctx context.Context, key string) (in io.ReadCloser, err error) {
	err = m.call(func() error { in, err = m.Store.Get(ctx, key); return err }, nothing)
	return in, err
}

func (m *mortal) List(ctx context.Context, prefix string) iter.Seq2[slim.Object, error] {
	return func(yield func(slim.Object, error) bool) {
		if err := m.call(nothing, nothing); err != nil {
			yield(slim.Object{}, err)
			return
		}
		m.Store.List(ctx, prefix)(yield)
	}
}

func (m *mortal) Delete(ctx context.Context, key string) error {
	return m.call(func() error { return m.Store.Delete(ctx, key) }, nothing)
}
