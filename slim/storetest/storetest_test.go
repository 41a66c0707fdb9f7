package storetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/slimci/dbtcloud/internal/testenv"
	"github.com/slimci/dbtcloud/slim"
)

// The tests of whole suites are not parallel: one check looks at the heap of the process.
func TestDirectory(t *testing.T) {
	Run(t, Suite{
		Open: func(t *testing.T) slim.Store {
			return slim.Directory(filepath.Join(t.TempDir(), "made", "by", "the store"))
		},
		Large: int64(testenv.Count(32<<20, 128<<20, 1<<30)),
	})
}

// A store directory may be a link to another place.
func TestDirectoryBehindALink(t *testing.T) {
	Run(t, Suite{
		Open: func(t *testing.T) slim.Store {
			link := filepath.Join(t.TempDir(), "link")
			if err := os.Symlink(t.TempDir(), link); err != nil {
				testenv.Skip(t, "no symbolic links here: %v", err)
			}
			return slim.Directory(link)
		},
		Large: 32 << 20,
	})
}

func TestShared(t *testing.T) {
	Run(t, Suite{Shared: true, Open: func(t *testing.T) slim.Store { return plainStore{slim.Directory(t.TempDir())} }, Large: 32 << 20})
}

// plainStore hides PutNew.
type plainStore struct{ slim.Store }

// broken is a store with a defect: a function that is not nil takes the place of the method.
type broken struct {
	slim.Exclusive
	put, putNew func(ctx context.Context, key string, r io.Reader) error
	get         func(ctx context.Context, key string) (io.ReadCloser, error)
	list        func(ctx context.Context, prefix string) iter.Seq2[slim.Object, error]
	del         func(ctx context.Context, key string) error
}

func (b *broken) Put(ctx context.Context, key string, r io.Reader) error {
	if b.put != nil {
		return b.put(ctx, key, r)
	}
	return b.Exclusive.Put(ctx, key, r)
}

func (b *broken) PutNew(ctx context.Context, key string, r io.Reader) error {
	if b.putNew != nil {
		return b.putNew(ctx, key, r)
	}
	return b.Exclusive.PutNew(ctx, key, r)
}

func (b *broken) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	if b.get != nil {
		return b.get(ctx, key)
	}
	return b.Exclusive.Get(ctx, key)
}

func (b *broken) List(ctx context.Context, prefix string) iter.Seq2[slim.Object, error] {
	if b.list != nil {
		return b.list(ctx, prefix)
	}
	return b.Exclusive.List(ctx, prefix)
}

func (b *broken) Delete(ctx context.Context, key string) error {
	if b.del != nil {
		return b.del(ctx, key)
	}
	return b.Exclusive.Delete(ctx, key)
}

// TestDefects shows that each demand finds a store that does not meet it.
func TestDefects(t *testing.T) {
	t.Parallel()
	checks := append(append(objects(), writes()...), exclusive(false)...)
	checks = append(append(checks, publishes()...), check{"large", func(ctx context.Context, s slim.Store) error { return streams(ctx, s, 16<<20) }})
	for name, defect := range defects() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check, _, _ := strings.Cut(name, ": ")
			for _, c := range checks {
				if c.name != check {
					continue
				}
				s := &broken{Exclusive: slim.Directory(t.TempDir())}
				defect(s)
				if err := c.run(t.Context(), s); err == nil {
					t.Errorf("%q found nothing wrong", c.name)
				}
				return
			}
			t.Errorf("no check %q", check)
		})
	}
}

func defects() map[string]func(*broken) {
	return map[string]func(*broken){
		"what was put is what is got: text mode": func(b *broken) {
			b.put = func(ctx context.Context, key string, r io.Reader) error {
				all, err := io.ReadAll(r)
				return errors.Join(err, b.Exclusive.Put(ctx, key, bytes.NewReader(bytes.ReplaceAll(all, []byte("\r\n"), []byte("\n")))))
			}
		},
		"missing objects: another error": func(b *broken) {
			b.get = func(ctx context.Context, key string) (io.ReadCloser, error) {
				r, err := b.Exclusive.Get(ctx, key)
				if err != nil {
					err = errors.New("404: " + err.Error())
				}
				return r, err
			}
		},
		"missing objects: nameless": func(b *broken) {
			b.get = func(ctx context.Context, key string) (io.ReadCloser, error) {
				r, err := b.Exclusive.Get(ctx, key)
				if err != nil {
					err = slim.ErrNotFound
				}
				return r, err
			}
		},
		"deleted objects: kept": func(b *broken) { b.del = func(context.Context, string) error { return nil } },
		"lists: one page": func(b *broken) {
			b.list = func(ctx context.Context, prefix string) iter.Seq2[slim.Object, error] {
				return func(yield func(slim.Object, error) bool) {
					n := 0
					for o, err := range b.Exclusive.List(ctx, prefix) {
						if n++; n > 4 || !yield(o, err) {
							return
						}
					}
				}
			}
		},
		"lists: directories only": func(b *broken) {
			b.list = func(ctx context.Context, prefix string) iter.Seq2[slim.Object, error] {
				return func(yield func(slim.Object, error) bool) {
					for o, err := range b.Exclusive.List(ctx, "") {
						if (prefix == "" || strings.HasPrefix(o.Key, strings.TrimSuffix(prefix, "/")+"/")) && !yield(o, err) {
							return
						}
					}
				}
			}
		},
		"wrong keys are refused: cleaned": func(b *broken) {
			b.put = func(ctx context.Context, key string, r io.Reader) error {
				return b.Exclusive.Put(ctx, strings.Trim(key, "/"), r)
			}
		},
		"an ended context: ignored": func(b *broken) {
			b.put = func(ctx context.Context, key string, r io.Reader) error {
				return b.Exclusive.Put(context.WithoutCancel(ctx), key, r)
			}
		},
		"a failed source stores nothing: half": func(b *broken) { b.put = b.putHalf },
		"a context that ends stores nothing: whole": func(b *broken) {
			b.put = func(ctx context.Context, key string, r io.Reader) error {
				return errors.Join(b.Exclusive.Put(context.WithoutCancel(ctx), key, r), ctx.Err())
			}
		},
		"readers see one writer's object: in pieces": func(b *broken) {
			b.put = func(ctx context.Context, key string, r io.Reader) error {
				first, err := io.ReadAll(io.LimitReader(r, piece/2))
				err = errors.Join(err, b.Exclusive.Put(ctx, key, bytes.NewReader(first)))
				rest, failed := io.ReadAll(r)
				return errors.Join(err, failed, b.Exclusive.Put(ctx, key, bytes.NewReader(append(first, rest...))))
			}
			b.get = nil
		},
		"one winner of sixteen writers: looks first": func(b *broken) {
			b.putNew = func(ctx context.Context, key string, r io.Reader) error {
				if err := absent(ctx, b, key); err != nil {
					return slim.ErrExists
				}
				return b.Exclusive.Put(ctx, key, r)
			}
		},
		"one winner of sixteen writers: none": func(b *broken) {
			b.putNew = func(context.Context, string, io.Reader) error { return slim.ErrExists }
		},
		"a failed winner leaves the key free: half":       func(b *broken) { b.putNew = b.putHalf },
		"a deploy is published whole or not at all: half": func(b *broken) { b.put = b.putHalf },
		"a deploy is published whole or not at all: the first forgotten": func(b *broken) {
			b.put = func(ctx context.Context, key string, r io.Reader) error {
				if strings.HasSuffix(key, "run_results.json") {
					_, err := io.Copy(io.Discard, r)
					return err
				}
				return b.Exclusive.Put(ctx, key, r)
			}
		},
		"racing deploys are all recorded: a list that stops": func(b *broken) {
			b.list = func(ctx context.Context, prefix string) iter.Seq2[slim.Object, error] {
				return func(yield func(slim.Object, error) bool) {
					n := 0
					for o, err := range b.Exclusive.List(ctx, prefix) {
						if n++; n > 20 || !yield(o, err) {
							return
						}
					}
				}
			}
		},
		"large: held": func(b *broken) {
			var held sync.Map
			b.put = func(ctx context.Context, key string, r io.Reader) error {
				all, err := io.ReadAll(r)
				held.Store(key, all)
				return errors.Join(err, b.Exclusive.Put(ctx, key, bytes.NewReader(all)))
			}
			b.get = func(ctx context.Context, key string) (io.ReadCloser, error) {
				all, _ := held.Load(key)
				return io.NopCloser(bytes.NewReader(all.([]byte))), ctx.Err()
			}
		},
	}
}

// putHalf stores what it got before the source failed.
func (b *broken) putHalf(ctx context.Context, key string, r io.Reader) error {
	all, err := io.ReadAll(r)
	return errors.Join(err, b.Exclusive.Put(context.WithoutCancel(ctx), key, bytes.NewReader(all)))
}
