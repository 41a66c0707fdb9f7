package slim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// unfinished is the directory of what is being written. No key begins with a dot, so no object lies there.
const unfinished = ".unfinished"

// Directory returns the store of files below a directory, which is made by the first write. An object is a file with the key
// as its path, so a key cannot also be the beginning of another up to a slash. What a writer that was killed leaves behind lies in
// its directory .unfinished and may be deleted when nobody writes. PutNew needs a file system with hard links.
func Directory(path string) Exclusive { return directory{root: path} }

type directory struct{ root string }

func (d directory) Put(ctx context.Context, key string, r io.Reader) error {
	return d.write(ctx, key, r, func(temp, file string) error { return os.Rename(temp, file) })
}

func (d directory) PutNew(ctx context.Context, key string, r io.Reader) error {
	return d.write(ctx, key, r, func(temp, file string) error {
		// A link to an existing name fails, a rename would replace it.
		err := os.Link(temp, file)
		switch {
		case errors.Is(err, fs.ErrExist):
			return ErrExists
		case err != nil:
			return fmt.Errorf("%w: one winner needs a file system that has hard links", err)
		}
		_ = os.Remove(temp) // the object is there: the write has succeeded
		return nil
	})
}

// write makes a file beside the objects and lets finish give it the name of the object.
func (d directory) write(ctx context.Context, key string, r io.Reader, finish func(temp, file string) error) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	file := d.file(key)
	temp, err := d.fill(ctx, r)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o777) //nolint:gosec // the umask decides: several users may share a store
	}
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = finish(temp, file)
	}
	if err != nil {
		_ = os.Remove(temp) // nothing is left where nothing was made
		return fmt.Errorf("slim: store %s in %s: %w", key, d.root, err)
	}
	return nil
}

// fill writes what r gives to a new file and returns its path, with an error too.
func (d directory) fill(ctx context.Context, r io.Reader) (string, error) {
	dir := filepath.Join(d.root, unfinished)
	if err := os.MkdirAll(dir, 0o777); err != nil { //nolint:gosec // as above
		return "", err
	}
	name := filepath.Join(dir, strconv.FormatUint(rand.Uint64(), 36))
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666) //nolint:gosec // as above
	if err != nil {
		return "", err
	}
	_, err = io.Copy(f, untilDone{ctx, r})
	if err == nil {
		err = f.Sync() // the name must not outlive a crash that the content does not
	}
	return name, errors.Join(err, f.Close())
}

func (d directory) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	if err := errors.Join(CheckKey(key), ctx.Err()); err != nil {
		return nil, err
	}
	f, err := os.Open(d.file(key))
	if err == nil {
		info, failed := f.Stat()
		if err = failed; err == nil && info.IsDir() {
			err = fs.ErrNotExist
		}
	}
	if err == nil {
		return f, nil
	}
	if f != nil {
		_ = f.Close()
	}
	if absent(err) {
		return nil, fmt.Errorf("%w: %s in %s", ErrNotFound, key, d.root)
	}
	return nil, fmt.Errorf("slim: open %s in %s: %w", key, d.root, err)
}

func (d directory) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		// With the separator at its end a link to a directory is walked too.
		err := filepath.WalkDir(d.within(prefix)+string(filepath.Separator), func(file string, entry fs.DirEntry, err error) error {
			key, ok := d.key(file)
			switch {
			case absent(err):
				return nil // deleted since, or never there
			case err != nil || ctx.Err() != nil:
				return errors.Join(err, ctx.Err())
			case entry.IsDir() && entry.Name() == unfinished:
				return fs.SkipDir
			case !ok || entry.IsDir() || !strings.HasPrefix(key, prefix):
				return nil
			}
			info, err := entry.Info()
			if absent(err) {
				return nil
			}
			if err != nil {
				return err
			}
			if !yield(Object{Key: key, Size: info.Size(), Modified: info.ModTime()}, nil) {
				return fs.SkipAll
			}
			return nil
		})
		if err != nil {
			yield(Object{}, fmt.Errorf("slim: list %s: %w", d.root, err))
		}
	}
}

func (d directory) Delete(ctx context.Context, key string) error {
	if err := errors.Join(CheckKey(key), ctx.Err()); err != nil {
		return err
	}
	info, err := os.Stat(d.file(key))
	if err == nil && !info.IsDir() {
		err = os.Remove(d.file(key))
	}
	if err != nil && !absent(err) {
		return fmt.Errorf("slim: delete %s in %s: %w", key, d.root, err)
	}
	return nil
}

// absent reports whether there is no such file, or a file in the place of a directory above it.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

func (d directory) file(key string) string { return filepath.Join(d.root, filepath.FromSlash(key)) }

// key is the key of a file; false for files that are no objects.
func (d directory) key(file string) (string, bool) {
	relative, err := filepath.Rel(d.root, file)
	key := filepath.ToSlash(relative)
	return key, err == nil && CheckKey(key) == nil
}

// within is the deepest directory that has all keys with that prefix.
func (d directory) within(prefix string) string {
	if dir := path.Dir(prefix + "x"); CheckKey(dir) == nil {
		return d.file(dir)
	}
	return d.root
}

// untilDone is a reader that fails when the context ends.
type untilDone struct {
	ctx context.Context
	io.Reader
}

func (r untilDone) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}
