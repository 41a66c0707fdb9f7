package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/slim"
)

// objects are the demands on what lies in a store.
func objects() []check {
	return []check{
		{"what was put is what is got", roundTrip},
		{"missing objects", missing},
		{"deleted objects", deleted},
		{"lists", lists},
		{"wrong keys are refused", wrongKeys},
		{"an ended context", ended},
	}
}

func roundTrip(ctx context.Context, s slim.Store) error {
	contents := []string{"first", "", "a longer text than the first one", "\x00\xff\r\n\x1a", strings.Repeat("0123456789", 100_000), "short"}
	for _, key := range []string{"a", "project/prod/deploys/20260102T030405Z-abc_1.x=y+z/manifest.json"} {
		for _, want := range contents {
			if err := put(ctx, s, key, want); err != nil {
				return err
			}
			if err := holds(ctx, s, key, want); err != nil {
				return err
			}
		}
	}
	return nil
}

func missing(ctx context.Context, s slim.Store) error {
	if err := put(ctx, s, "dir/object", "x"); err != nil {
		return err
	}
	for _, key := range []string{"object", "dir", "dir/object2", "dir/object/below"} {
		if err := absent(ctx, s, key); err != nil {
			return err
		}
		if _, err := s.Get(ctx, key); !strings.Contains(err.Error(), key) {
			return fmt.Errorf("the error of Get(%q) does not name the key: %w", key, err)
		}
		if err := s.Delete(ctx, key); err != nil {
			return fmt.Errorf("Delete(%q) of what is not there: %w", key, err)
		}
	}
	return holds(ctx, s, "dir/object", "x")
}

func deleted(ctx context.Context, s slim.Store) error {
	for _, key := range []string{"dir/a", "dir/b"} {
		if err := put(ctx, s, key, key); err != nil {
			return err
		}
	}
	if err := s.Delete(ctx, "dir/a"); err != nil {
		return err
	}
	if err := absent(ctx, s, "dir/a"); err != nil {
		return err
	}
	if err := has(ctx, s, "", "dir/b"); err != nil {
		return err
	}
	if err := put(ctx, s, "dir/a", "again"); err != nil {
		return err
	}
	return holds(ctx, s, "dir/a", "again")
}

func lists(ctx context.Context, s slim.Store) error {
	if err := has(ctx, s, ""); err != nil {
		return err
	}
	keys := []string{"a/b/c", "a/b/d", "a/b-c", "a/bc/e", "ab", "b/a"}
	for i, key := range keys {
		if err := put(ctx, s, key, strings.Repeat("x", i)); err != nil {
			return err
		}
	}
	for prefix, want := range map[string][]string{
		"": keys, "a": keys[:5], "a/": keys[:4], "a/b": keys[:4], "a/b/": keys[:2], "a/b/c": keys[:1], "a/b/c/": nil, "c": nil, "a/b/cd": nil, "none/of/it": nil,
	} {
		if err := has(ctx, s, prefix, want...); err != nil {
			return err
		}
	}
	began := time.Now()
	for o, err := range s.List(ctx, "a") {
		if err != nil {
			return err
		}
		if want := int64(slices.Index(keys, o.Key)); o.Size != want {
			return fmt.Errorf("List says that %s has %d bytes, it has %d", o.Key, o.Size, want)
		}
		if off := began.Sub(o.Modified).Abs(); off > 24*time.Hour {
			return fmt.Errorf("List says that %s was written at %v, which is %v off", o.Key, o.Modified, off)
		}
	}
	for _, err := range s.List(ctx, "") {
		return err // an iterator that goes on after this panics
	}
	return errors.New("List gives nothing the second time")
}

// wrongKeys are refused by whatever writes, reads or deletes, so that no key means one thing here and another there.
func wrongKeys(ctx context.Context, s slim.Store) error {
	for _, key := range []string{"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", ".hidden", "a/b.", `a\b`, "a b", "a:b", "a?b", "é", "a\nb", strings.Repeat("x", 513)} {
		_, get := s.Get(ctx, key)
		attempts := map[string]error{"Put": s.Put(ctx, key, strings.NewReader("x")), "Get": get, "Delete": s.Delete(ctx, key)}
		if e, ok := s.(slim.Exclusive); ok {
			attempts["PutNew"] = e.PutNew(ctx, key, strings.NewReader("x"))
		}
		for method, err := range attempts {
			if !errors.Is(err, dbtcloud.ErrInvalid) {
				return fmt.Errorf("%s(%.20q) gives %w, which is not dbtcloud.ErrInvalid: call slim.CheckKey first", method, key, err)
			}
		}
	}
	return has(ctx, s, "")
}

func ended(ctx context.Context, s slim.Store) error {
	if err := put(ctx, s, "a", "before"); err != nil {
		return err
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	_, get := s.Get(over, "a")
	attempts := map[string]error{"Put": s.Put(over, "a", strings.NewReader("after")), "Get": get, "Delete": s.Delete(over, "a"), "List": nil}
	for _, err := range s.List(over, "") {
		attempts["List"] = err
	}
	for method, err := range attempts {
		if !errors.Is(err, context.Canceled) {
			return fmt.Errorf("%s with a context that has ended gives %w, want its error", method, err)
		}
	}
	return holds(ctx, s, "a", "before")
}

func put(ctx context.Context, s slim.Store, key, content string) error {
	if err := s.Put(ctx, key, strings.NewReader(content)); err != nil {
		return fmt.Errorf("Put(%q): %w", key, err)
	}
	return nil
}

func get(ctx context.Context, s slim.Store, key string) (string, error) {
	r, err := s.Get(ctx, key)
	if err != nil {
		return "", fmt.Errorf("Get(%q): %w", key, err)
	}
	content, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		return "", fmt.Errorf("read %q: %w", key, err)
	}
	return string(content), nil
}

// holds says why a key does not have that content.
func holds(ctx context.Context, s slim.Store, key, want string) error {
	got, err := get(ctx, s, key)
	if err == nil && got != want {
		err = fmt.Errorf("%s has %d bytes, which begin with %.40q, want the %d bytes that begin with %.40q", key, len(got), got, len(want), want)
	}
	return err
}

// absent says why a key is not free.
func absent(ctx context.Context, s slim.Store, key string) error {
	if _, err := get(ctx, s, key); !errors.Is(err, slim.ErrNotFound) {
		return fmt.Errorf("Get(%q) of what is not there gives %w, want slim.ErrNotFound", key, err)
	}
	for o, err := range s.List(ctx, key) {
		if err != nil || o.Key == key {
			return fmt.Errorf("List(%q) has what is not there, or fails: %w", key, err)
		}
	}
	return nil
}

// has says why the keys with a prefix are not those, in two lists by one iterator.
func has(ctx context.Context, s slim.Store, prefix string, want ...string) error {
	listed := s.List(ctx, prefix)
	for range 2 {
		var got []string
		for o, err := range listed {
			if err != nil {
				return fmt.Errorf("List(%q): %w", prefix, err)
			}
			got = append(got, o.Key)
		}
		slices.Sort(got)
		if !slices.Equal(got, slices.Sorted(slices.Values(want))) {
			return fmt.Errorf("List(%q) = %q, want %q", prefix, got, want)
		}
	}
	return nil
}

// pattern is a reader of n bytes of text; seed tells one from another.
func pattern(seed int, n int64) io.Reader {
	block := bytes.Repeat([]byte{"abcdefghijklmnopqrstuvwxyz"[seed]}, 4096)
	return io.LimitReader(endless(block), n)
}

type endless []byte

func (e endless) Read(p []byte) (int, error) { return copy(p, e), nil }
