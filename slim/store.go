package slim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/slimci/dbtcloud"
)

// Sentinels for errors.Is.
var (
	ErrNotFound = errors.New("slim: not found")      // there is no object under the key
	ErrExists   = errors.New("slim: already exists") // of PutNew: another writer was first
)

// Store keeps objects under keys. A key is one that [CheckKey] takes; any other is an error that is dbtcloud.ErrInvalid. All
// methods may be called at the same time, by any number of processes.
type Store interface {
	// Put stores what r gives, whole or not at all: nobody ever reads a part of it, and where r or the store fails, or ctx
	// ends, the key has what it had before. An error of r is wrapped.
	Put(ctx context.Context, key string, r io.Reader) error
	// Get opens an object; the caller closes it. One that is not there is ErrNotFound. What is read is what one Put stored.
	Get(ctx context.Context, key string) (io.ReadCloser, error)
	// List gives the objects whose keys begin with prefix, in any order. It can be ranged over again, and ends with its first error.
	List(ctx context.Context, prefix string) iter.Seq2[Object, error]
	// Delete removes an object. One that is not there is no error.
	Delete(ctx context.Context, key string) error
}

// Exclusive is a store in which one of several writers wins, so that it can hold a lock. Not every store can.
type Exclusive interface {
	Store
	// PutNew is Put where the key is free, and otherwise an error that is ErrExists: of all writers of one key one succeeds.
	PutNew(ctx context.Context, key string, r io.Reader) error
}

// Object is what a list says of an object.
type Object struct {
	Key      string
	Size     int64 // bytes
	Modified time.Time
}

// maxKey is how long a key may be, in bytes: what fits a path on every system, below a directory with a long name.
const maxKey = 512

// CheckKey refuses what is no key, with an error that is dbtcloud.ErrInvalid. A key is made of parts with a slash between them,
// a part of ASCII letters, digits and any of - _ . = +, and neither the first nor the last character of a part is a dot. It has at most 512
// bytes, so that it is a name in every store.
func CheckKey(key string) error {
	if len(key) > maxKey {
		return fmt.Errorf("%w: a key of %d bytes, at most %d fit: it begins with %.80q", dbtcloud.ErrInvalid, len(key), maxKey, key)
	}
	for part := range strings.SplitSeq(key, "/") {
		if part == "" || strings.Trim(part, ".") != part || strings.ContainsFunc(part, notOfKey) {
			return fmt.Errorf("%w: the key %.80q: its parts, with a slash between them, are ASCII letters, digits and - _ . = +, without a dot at either end", dbtcloud.ErrInvalid, key)
		}
	}
	return nil
}

func notOfKey(c rune) bool {
	return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-_.=+", c)
}

// OpenStore opens the store at a location: the path of a directory, or a file: URL of one, such as file:///srv/dbt. A
// location of any other kind is an error that is dbtcloud.ErrInvalid.
func OpenStore(location string) (Store, error) {
	scheme, _, isURL := strings.Cut(location, "://")
	switch {
	case location == "":
		return nil, fmt.Errorf("%w: no store: give the path of a directory", dbtcloud.ErrInvalid)
	case !isURL:
		return Directory(location), nil
	case scheme != "file":
		return nil, fmt.Errorf("%w: a store of the kind %.40q: here a store is the path of a directory, or file:///PATH", dbtcloud.ErrInvalid, scheme)
	}
	u, err := url.Parse(location)
	if err != nil || u.Path == "" || u.Host != "" && u.Host != "localhost" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%w: the URL of the store: one of a directory is file:///PATH", dbtcloud.ErrInvalid)
	}
	path := filepath.FromSlash(u.Path)
	if inside := strings.TrimPrefix(path, string(filepath.Separator)); filepath.VolumeName(inside) != "" {
		path = inside // file:///C:/PATH
	}
	return Directory(path), nil
}
