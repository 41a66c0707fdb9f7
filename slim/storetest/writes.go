package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/slimci/dbtcloud/slim"
)

// piece is more than what a client of a store usually sends at once.
const piece = 3 << 20

var errTorn = errors.New("the source of the object failed")

// writes are the demands on writing: whole or not at all.
func writes() []check {
	return []check{
		{"a failed source stores nothing", tornSource},
		{"a context that ends stores nothing", tornContext},
		{"readers see one writer's object", wholeObjects},
	}
}

// exclusive are the demands on PutNew.
func exclusive(shared bool) []check {
	if shared {
		return []check{{"one winner is not promised", func(_ context.Context, s slim.Store) error {
			if _, ok := s.(slim.Exclusive); ok {
				return errors.New("the store has PutNew, which it cannot keep")
			}
			return nil
		}}}
	}
	return []check{{"one winner of sixteen writers", oneWinner}, {"a failed winner leaves the key free", failedWinner}}
}

func tornSource(ctx context.Context, s slim.Store) error {
	for _, size := range []int64{0, 1, piece} {
		torn := func() io.Reader { return io.MultiReader(pattern(1, size), failing{errTorn}) }
		if err := tearing(ctx, s, torn, errTorn); err != nil {
			return fmt.Errorf("a source that fails after %d bytes: %w", size, err)
		}
	}
	return nil
}

func tornContext(ctx context.Context, s slim.Store) error {
	for _, size := range []int64{1, piece} {
		ending, end := context.WithCancel(ctx)
		defer end()
		torn := func() io.Reader {
			return io.MultiReader(pattern(1, size), doing(end), pattern(2, size))
		}
		if err := tearingAs(ending, ctx, s, torn, context.Canceled); err != nil {
			return fmt.Errorf("a context that ends after %d bytes: %w", size, err)
		}
	}
	return nil
}

func tearing(ctx context.Context, s slim.Store, torn func() io.Reader, want error) error {
	return tearingAs(ctx, ctx, s, torn, want)
}

// tearingAs puts what fails under a free key and over an object, with a context of its own, and looks at what is there then.
func tearingAs(writing, ctx context.Context, s slim.Store, torn func() io.Reader, want error) error {
	if err := put(ctx, s, "torn/old", "before"); err != nil {
		return err
	}
	for _, key := range []string{"torn/new", "torn/old"} {
		if err := s.Put(writing, key, torn()); !errors.Is(err, want) {
			return fmt.Errorf("Put(%q) gives %w, want one that wraps the reason: %w", key, err, want)
		}
	}
	if err := absent(ctx, s, "torn/new"); err != nil {
		return err
	}
	if err := has(ctx, s, "", "torn/old"); err != nil {
		return err
	}
	return holds(ctx, s, "torn/old", "before")
}

// wholeObjects lets writers and readers meet under one key.
func wholeObjects(ctx context.Context, s slim.Store) error {
	const writers, rounds = 4, 5
	if err := s.Put(ctx, "a", pattern(0, piece)); err != nil {
		return err
	}
	problems := make([]error, 2*writers)
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			for range rounds {
				problems[i] = cmp.Or(problems[i], s.Put(ctx, "a", pattern(i, piece+int64(i))))
			}
		})
		all.Go(func() {
			for range rounds {
				problems[writers+i] = cmp.Or(problems[writers+i], whole(ctx, s, "a"))
			}
		})
	}
	all.Wait()
	return errors.Join(problems...)
}

// whole says why what is under the key is not all of one writer.
func whole(ctx context.Context, s slim.Store, key string) error {
	got, err := get(ctx, s, key)
	if err != nil {
		return err
	}
	if got == "" {
		return fmt.Errorf("%s is empty, nobody wrote that", key)
	}
	writer := got[0] - 'a'
	if size := piece + int(writer); len(got) != size || strings.Count(got, got[:1]) != size {
		return fmt.Errorf("%s has %d bytes, %d of them of writer %d, who wrote %d", key, len(got), strings.Count(got, got[:1]), writer, size)
	}
	return nil
}

func oneWinner(ctx context.Context, s slim.Store) error {
	e, ok := s.(slim.Exclusive)
	if !ok {
		return errors.New("the store has no PutNew: set Suite.Shared where it cannot have it")
	}
	for round := range 8 {
		key := fmt.Sprintf("locks/%d", round)
		var won, together sync.WaitGroup
		var wins atomic.Int64
		problems := make([]error, 16)
		together.Add(1)
		for i := range problems {
			won.Go(func() {
				together.Wait()
				err := e.PutNew(ctx, key, pattern(i, piece/8+int64(i)))
				switch {
				case err == nil:
					wins.Add(1)
				case !errors.Is(err, slim.ErrExists):
					problems[i] = fmt.Errorf("a PutNew that came too late gives %w, want slim.ErrExists", err)
				}
			})
		}
		together.Done()
		won.Wait()
		if err := errors.Join(problems...); err != nil {
			return err
		}
		if n := wins.Load(); n != 1 {
			return fmt.Errorf("%d of 16 writers won", n)
		}
	}
	return nil
}

func failedWinner(ctx context.Context, s slim.Store) error {
	e, ok := s.(slim.Exclusive)
	if !ok {
		return errors.New("the store has no PutNew")
	}
	if err := e.PutNew(ctx, "lock", io.MultiReader(pattern(0, piece), failing{errTorn})); !errors.Is(err, errTorn) {
		return fmt.Errorf("PutNew of a source that fails gives %w", err)
	}
	if err := absent(ctx, s, "lock"); err != nil {
		return err
	}
	if err := e.PutNew(ctx, "lock", strings.NewReader("first")); err != nil {
		return err
	}
	if err := e.PutNew(ctx, "lock", strings.NewReader("second")); !errors.Is(err, slim.ErrExists) {
		return fmt.Errorf("PutNew of a key that is there gives %w, want slim.ErrExists", err)
	}
	if err := holds(ctx, s, "lock", "first"); err != nil {
		return err
	}
	if err := s.Delete(ctx, "lock"); err != nil {
		return err
	}
	if err := e.PutNew(ctx, "lock", strings.NewReader("third")); err != nil {
		return err
	}
	return holds(ctx, s, "lock", "third")
}

// streams puts and gets a large object and watches the heap.
func streams(ctx context.Context, s slim.Store, size int64) error {
	size = cmp.Or(size, 64<<20)
	before := heap()
	watch := &watched{Reader: pattern(0, size)}
	if err := s.Put(ctx, "large", watch); err != nil {
		return err
	}
	r, err := s.Get(ctx, "large")
	if err != nil {
		return err
	}
	watch.Reader = r
	n, err := io.Copy(io.Discard, onlyReader{watch})
	if err = errors.Join(err, r.Close()); err != nil {
		return err
	}
	if n != size {
		return fmt.Errorf("put %d bytes, got %d", size, n)
	}
	if grown := int64(watch.most) - int64(before); grown > size/4 { //nolint:gosec // sizes of a heap
		return fmt.Errorf("the heap grew by %d bytes for an object of %d: it is held, not streamed", grown, size)
	}
	return nil
}

// heap is what lives on the heap now.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// watched looks at the heap once in a while.
type watched struct {
	io.Reader
	next, seen int64
	most       uint64
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if w.seen += int64(n); w.seen >= w.next {
		w.next = w.seen + 4<<20
		w.most = max(w.most, heap())
	}
	return n, err
}

// onlyReader hides every other method, so that a copy goes through Read.
type onlyReader struct{ io.Reader }

// failing is a reader that fails.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// doing is a reader of nothing that does something first.
type doing func()

func (d doing) Read([]byte) (int, error) {
	d()
	return 0, io.EOF
}
