package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// writer is how things of a kind are made and changed, by requests R.
type writer[T thing, R any] struct {
	flags    func() fields[R]
	required []field // what a create must be told
	create   func(ctx context.Context, s scope, req R) (T, error)
	update   func(ctx context.Context, s scope, id int64, req R) (T, error)
}

// fields are flags that stand for fields of a request.
type fields[R any] interface {
	add(fs *pflag.FlagSet)
	check() error                                     // what cannot be right, before any request
	apply(ctx context.Context, s scope, req *R) error // put what is given into the request
}

// field is a flag, and the field of a request that it stands for.
type field struct{ flag, name string }

// draft is a request that --file and flags make together. Flags win.
type draft[R any] struct {
	flags fields[R]
	set   *pflag.FlagSet
	file  string
	like  reflect.Type // of an answer, to tell read-only fields from unknown ones
	kind  string
}

func newDraft[R any](cmd *cobra.Command, flags fields[R], kind string, like reflect.Type) *draft[R] {
	d := &draft[R]{flags: flags, set: pflag.NewFlagSet("", pflag.ContinueOnError), kind: kind, like: like}
	flags.add(d.set)
	d.set.StringVarP(&d.file, "file", "f", "", "further fields by their API names: a `file` with a JSON object, or - for standard input; flags win")
	cmd.Flags().AddFlagSet(d.set)
	return d
}

// read is the request as far as --file says, and what cannot be right in it and in the flags.
func (d *draft[R]) read(ctx context.Context, a app) (R, error) {
	var req R
	if !d.set.Changed("file") {
		return req, d.flags.check()
	}
	text, err := a.readFile(ctx, d.file)
	if err == nil {
		err = parseRequest(strings.TrimPrefix(string(text), byteOrderMark), &req, d.like, d.kind)
	}
	if err != nil {
		return req, fmt.Errorf("--file: %w", err)
	}
	return req, d.flags.check()
}

// missing names what neither a flag nor the file says.
func (d *draft[R]) missing(cmd *cobra.Command, req R, required []field) error {
	var problems []error
	for _, f := range required {
		if !cmd.Flags().Changed(f.flag) && isZero(req, f.name) {
			problems = append(problems, fmt.Errorf("--%s: is missing: give it, or %s in --file", f.flag, f.name))
		}
	}
	return errors.Join(problems...)
}

// nothing is the problem of an update that changes nothing.
func (d *draft[R]) nothing(req R) error {
	given := !reflect.ValueOf(req).IsZero()
	d.set.VisitAll(func(f *pflag.Flag) { given = given || f.Changed && f.Name != "file" })
	if given {
		return nil
	}
	return fmt.Errorf("nothing to change: give a flag, or a field in --file, that says what of the %s shall be different", d.kind)
}

// byteOrderMark is what some editors and shells put in front of a file.
const byteOrderMark = "\ufeff"

// maxFile is how large a file may be.
const maxFile = 1 << 20

// readFile reads a file, or standard input for -.
func (a app) readFile(ctx context.Context, name string) ([]byte, error) {
	if name == "-" {
		return readSome(ctx, a.stdin)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return readSome(ctx, f)
}

// readSome reads up to 1 MiB, or until ctx ends: a read cannot be interrupted, so it is
// left to itself for as long as the process still lives.
func readSome(ctx context.Context, r io.Reader) ([]byte, error) {
	var b []byte
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		b, err = io.ReadAll(io.LimitReader(r, maxFile+1))
	}()
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-done:
	}
	if err == nil && len(b) > maxFile {
		err = errors.New("is larger than 1 MiB")
	}
	return b, err
}

const fileHelp = `Flags stand for what is usual. Every other field goes into --file: a JSON object with the
API's names of the fields. Fields that only the service sets are refused there, and so is
what is empty; an update empties an optional field that is null.`

// createCommand is the command that makes a thing.
func createCommand[T thing, R any](a app, g *global, r resource[T], w writer[T, R]) *cobra.Command {
	in := place{needed: r.inProject}
	var d *draft[R]
	cmd := command("create", "Create "+one(r.kind), func(ctx context.Context, cmd *cobra.Command, _ []string) error {
		req, err := d.read(ctx, a)
		if err == nil {
			err = d.missing(cmd, req, w.required)
		}
		s, err := a.scope(ctx, cmd, g, in, err)
		if err != nil {
			return err
		}
		if err := d.flags.apply(ctx, s, &req); err != nil {
			return err
		}
		item, err := w.create(ctx, s, req)
		if err != nil {
			return err
		}
		a.tell(oneLine("created " + r.describe(item)))
		return r.show(a, g, item)
	})
	cmd.Long, cmd.Args = "Create "+one(r.kind)+".\n\n"+fileHelp, noArgs
	cmd.Flags().SortFlags = false
	r.addPlace(cmd, &in)
	d = newDraft(cmd, w.flags(), r.kind, reflect.TypeFor[T]())
	return cmd
}

// updateCommand is the command that changes a thing: only what is given.
func updateCommand[T thing, R any](a app, g *global, r resource[T], w writer[T, R]) *cobra.Command {
	in := place{needed: r.inProject}
	var d *draft[R]
	cmd := command("update "+argument(r.kind), "Change "+one(r.kind), func(ctx context.Context, cmd *cobra.Command, args []string) error {
		ref, wrong := oneReference(cmd, r.kind, args)
		req, err := d.read(ctx, a)
		if err == nil {
			err = d.nothing(req)
		}
		s, err := a.scope(ctx, cmd, g, in, wrong, err)
		if err != nil {
			return err
		}
		item, err := r.find(ctx, s, ref)
		if err != nil {
			return err
		}
		if r.project != nil {
			s.project = r.project(item)
		}
		if err := d.flags.apply(ctx, s, &req); err != nil {
			return err
		}
		keepSet(&req)
		if item, err = w.update(ctx, s, r.id(item), req); err != nil {
			return err
		}
		a.tell(oneLine("updated " + r.describe(item)))
		return r.show(a, g, item)
	})
	cmd.Long = "Change " + one(r.kind) + ". Only what is given changes.\n\n" + fileHelp
	cmd.Flags().SortFlags = false
	r.addPlace(cmd, &in)
	d = newDraft(cmd, w.flags(), r.kind, reflect.TypeFor[T]())
	return cmd
}
