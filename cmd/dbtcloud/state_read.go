package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/slimci/dbtcloud/manifest"
)

// findArtifact is the file that a path stands for: in a directory the artifact of that name, or a gzip of it.
func findArtifact(path, name string) string {
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return path
	}
	plain := filepath.Join(path, name)
	if _, err := os.Stat(plain); err != nil {
		if _, err := os.Stat(plain + ".gz"); err == nil {
			return plain + ".gz"
		}
	}
	return plain
}

// readArtifact reads a file that a flag names. Its errors say what to do.
func readArtifact[T any](ctx context.Context, flag, path string, read func(io.Reader) (T, error)) (T, error) {
	var nothing T
	file, err := os.Open(path)
	if err != nil {
		return nothing, unreadable(flag, path, err)
	}
	defer func() { _ = file.Close() }() // it was only read
	artifact, err := read(&interruptible{ctx, file})
	if err != nil {
		return nothing, unreadable(flag, path, err)
	}
	return artifact, nil
}

// interruptible stops reading when the context ends.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (r *interruptible) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// unreadable says why a file cannot be used, and what to do.
func unreadable(flag, path string, err error) error {
	_, format := errors.AsType[*manifest.FormatError](err)
	_, version := errors.AsType[*manifest.VersionError](err)
	remedy := ""
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, fs.ErrNotExist) && flag == "--manifest":
		remedy = "run dbt parse, or say where the manifest of now is"
	case errors.Is(err, fs.ErrNotExist):
		remedy = "give the file, or the directory that it is in"
	case errors.Is(err, io.ErrUnexpectedEOF):
		remedy = "it ends too early: fetch it, or have dbt write it, once more"
	case format:
		remedy = "fetch it, or have dbt write it, once more"
	case version:
		remedy = "give the file that dbt 1.0 or a later version of dbt Core 1 has written"
	}
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathError.Err // the path is said already
	}
	if remedy != "" {
		remedy = ": " + remedy
	}
	return invalid("%s: %s: %w%s", flag, path, err, remedy)
}

// beside reads an artifact: the one that a flag names, or else, where it is asked for, the one in the directory of a
// manifest, if there is one.
func beside[T any](ctx context.Context, flag, path, besides, name string, asked bool, read func(io.Reader) (*T, error)) (*T, error) {
	if path == "" {
		path = findArtifact(filepath.Dir(besides), name)
		if _, err := os.Stat(path); !asked || err != nil {
			return nil, nil //nolint:nilnil // what is not there is for the selectors to ask for
		}
	}
	return readArtifact(ctx, flag, findArtifact(path, name), read)
}

// sameContents tells whether two files have the same in them, once what is a gzip is unpacked.
func sameContents(ctx context.Context, a, b string) (bool, error) {
	first, err := openContents(ctx, a)
	if err != nil {
		return false, unreadable("--state", a, err)
	}
	defer first.Close()
	second, err := openContents(ctx, b)
	if err != nil {
		return false, unreadable("--manifest", b, err)
	}
	defer second.Close()
	const window = 1 << 16
	x, y := make([]byte, window), make([]byte, window)
	for {
		n, errX := io.ReadFull(first, x)
		m, errY := io.ReadFull(second, y)
		if !bytes.Equal(x[:n], y[:m]) {
			return false, nil
		}
		if errX != nil || errY != nil {
			return true, ctx.Err()
		}
	}
}

// contents is what a file has in it.
type contents struct {
	io.Reader
	file   *os.File
	packed bool
}

// Close closes the file. It was only read.
func (c *contents) Close() { _ = c.file.Close() }

func openContents(ctx context.Context, path string) (*contents, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	in := bufio.NewReader(&interruptible{ctx, file})
	if start, _ := in.Peek(2); string(start) != "\x1f\x8b" {
		return &contents{in, file, false}, nil
	}
	unpacked, err := gzip.NewReader(in)
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("unpacking it: %w", err)
	}
	return &contents{unpacked, file, true}, nil
}
