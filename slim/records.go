package slim

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/slimci/dbtcloud"
)

// ErrCorrupt is an object whose content is not what was stored. The error names it.
var ErrCorrupt = errors.New("slim: corrupt")

// Records are the deploys of one dbt project to one target, in a store. A record is never changed, and it is seen when its
// last object is there. So deploys may race, and a late upload of an older commit moves nothing back.
type Records struct {
	Store   Store
	Project string // dbt's name of the project
	Target  string // such as prod
}

// maxRecord bounds what is read of a record, in bytes.
const maxRecord = 16 << 20

// All gives every complete record, the oldest first.
func (r *Records) All(ctx context.Context) iter.Seq2[*Deploy, error] {
	return func(yield func(*Deploy, error) bool) {
		marks, err := r.marks(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, m := range marks {
			d, err := r.load(ctx, m)
			if !yield(d, err) || err != nil {
				return
			}
		}
	}
}

// Get returns the record with an id. One that is not there, or is not complete, is ErrNotFound.
func (r *Records) Get(ctx context.Context, id string) (*Deploy, error) {
	marks, err := r.marks(ctx)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(marks, func(m mark) bool { return m.id == id }); i >= 0 {
		return r.load(ctx, marks[i])
	}
	return nil, fmt.Errorf("%w: a deploy %.120q of the project %s to %s", ErrNotFound, id, r.Project, r.Target)
}

// marks lists the complete records, the oldest first.
func (r *Records) marks(ctx context.Context) ([]mark, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	var marks []mark
	for o, err := range r.Store.List(ctx, r.prefix()) {
		if err != nil {
			return nil, err
		}
		if m, ok := readMark(strings.TrimPrefix(o.Key, r.prefix())); ok {
			marks = append(marks, m)
		}
	}
	slices.SortFunc(marks, func(a, b mark) int { return strings.Compare(a.id, b.id) })
	return marks, nil
}

func (r *Records) load(ctx context.Context, m mark) (*Deploy, error) {
	key := r.key(m.id, m.record())
	in, err := r.Store.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxRecord))
	if err = errors.Join(err, in.Close()); err != nil {
		return nil, fmt.Errorf("slim: read %s: %w", key, err)
	}
	d, err := readDeploy(raw, m)
	if err == nil && (d.Project != r.Project || d.Target != r.Target) {
		err = fmt.Errorf("%w: it is of the project %.80q and the target %.80q", ErrCorrupt, d.Project, d.Target)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	return d, nil
}

// check refuses records without a place.
func (r *Records) check() error {
	if r.Store == nil || r.Project == "" || r.Target == "" {
		return fmt.Errorf("%w: Records need a store, a project and a target", dbtcloud.ErrInvalid)
	}
	return CheckKey(r.key("id", goodRecord))
}

func (r *Records) prefix() string { return part(r.Project) + "/" + part(r.Target) + "/deploys/" }

func (r *Records) key(id, name string) string { return r.prefix() + id + "/" + name }

// part makes a part of a key of any name, another one of each.
func part(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		if edge := i == 0 || i == len(name)-1; c == '=' || c == '.' && edge || c >= 0x80 || notOfKey(rune(c)) {
			fmt.Fprintf(&b, "=%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// store puts a file of a deploy and keeps its checksum.
func (r *Records) store(ctx context.Context, d *Deploy, name string, from io.Reader) error {
	sum := sha256.New()
	if err := r.Store.Put(ctx, r.key(d.ID, name), io.TeeReader(from, sum)); err != nil {
		return err
	}
	d.Files[name] = hex.EncodeToString(sum.Sum(nil))
	return nil
}

// complete writes the record, after which the deploy is seen.
func (r *Records) complete(ctx context.Context, d *Deploy) error {
	raw, err := d.marshal()
	if err != nil {
		return err
	}
	return r.Store.Put(ctx, r.key(d.ID, mark{good: d.Good}.record()), bytes.NewReader(raw))
}

// newID makes an id that no other deploy has.
func newID(d *Deploy) string {
	return d.Time.Format(idTime) + "-" + d.Commit + "-" + strings.ToLower(rand.Text()[:10])
}

// open reads a file of a deploy. What was not stored so ends in ErrCorrupt in the place of io.EOF.
func (r *Records) open(ctx context.Context, d *Deploy, name string) (io.ReadCloser, error) {
	key := r.key(d.ID, name)
	in, err := r.Store.Get(ctx, key)
	if errors.Is(err, ErrNotFound) {
		err = fmt.Errorf("%w: %s is missing, the record of the deploy has it", ErrCorrupt, key)
	}
	if err != nil {
		return nil, err
	}
	return &verified{ReadCloser: in, key: key, sum: sha256.New(), want: d.Files[name]}, nil
}

// verified is a reader that compares what it read with a checksum.
type verified struct {
	io.ReadCloser
	key, want string
	sum       hash.Hash
}

func (v *verified) Read(p []byte) (int, error) {
	n, err := v.ReadCloser.Read(p)
	v.sum.Write(p[:n])
	if errors.Is(err, io.EOF) && hex.EncodeToString(v.sum.Sum(nil)) != v.want {
		err = fmt.Errorf("%w: %s is not what was stored: its checksum is another", ErrCorrupt, v.key)
	}
	return n, err
}
