package main

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"

	"github.com/spf13/cobra"
)

// thing is what the API has: a job, a project, an environment.
type thing interface{ Raw() json.RawMessage }

// resource is what the commands know of one kind of thing.
type resource[T thing] struct {
	kind          string // what one is called, such as job
	inProject     bool   // is only found in its project
	inEnvironment bool   // can be listed for one environment
	id            func(T) int64
	name          func(T) string
	project       func(T) int64 // that it belongs to; nil: to none
	columns       []column[T]   // of a list
	details       []column[T]   // what else there is to see of one
	all           func(ctx context.Context, s scope, nameContains string) iter.Seq2[T, error]
	get           func(ctx context.Context, s scope, id int64) (T, error)
	delete        func(ctx context.Context, s scope, id int64) error
}

// column is one field as people see it.
type column[T thing] struct {
	head string
	text func(T) string
}

// find is the thing that an argument or a flag names.
func (r resource[T]) find(ctx context.Context, s scope, ref reference) (T, error) {
	var none T
	if ref.id > 0 {
		item, err := r.get(ctx, s, ref.id)
		if err == nil {
			err = r.elsewhere(s, item)
		}
		if err != nil {
			return none, err
		}
		return item, nil
	}
	items, err := collect(r.all(ctx, s, ref.name))
	if err != nil {
		return none, err
	}
	if same, _ := compare(ref.name, r.candidates(items)); len(same) == 0 { // near misses need the whole list
		if items, err = collect(r.all(ctx, s, "")); err != nil {
			return none, err
		}
	}
	chosen, err := choose(r.kind, ref.name, r.candidates(items))
	if err != nil {
		return none, err
	}
	return items[slices.IndexFunc(items, func(item T) bool { return r.id(item) == chosen.id })], nil
}

// elsewhere is the problem of a thing that is not in the project that was said.
func (r resource[T]) elsewhere(s scope, item T) error {
	if r.project == nil || s.project == 0 || r.project(item) == s.project {
		return nil
	}
	return invalid("%s %d is in project %d, not in project %d: give another id or another --project", r.kind, r.id(item), r.project(item), s.project)
}

// idOf is find for who needs the id alone: it asks the API only for names.
func (r resource[T]) idOf(ctx context.Context, s scope, ref reference) (int64, error) {
	if ref.name == "" {
		return ref.id, nil
	}
	item, err := r.find(ctx, s, ref)
	if err != nil {
		return 0, err
	}
	return r.id(item), nil
}

func (r resource[T]) candidates(items []T) []candidate {
	out := make([]candidate, len(items))
	for i, item := range items {
		out[i] = candidate{id: r.id(item), name: r.name(item)}
		if r.project != nil && !r.inProject {
			out[i].where = fmt.Sprintf("project %d", r.project(item))
		}
	}
	return out
}

// describe is the thing in a sentence.
func (r resource[T]) describe(item T) string {
	return fmt.Sprintf("%s %d %q", r.kind, r.id(item), r.name(item))
}

// show writes one thing: a line for each field, or the API's own object.
func (r resource[T]) show(a app, g *global, item T) error {
	var rows [][]string
	for _, columns := range [][]column[T]{r.columns, r.details} {
		for _, c := range columns {
			rows = append(rows, []string{c.head, c.text(item)})
		}
	}
	return a.emit(g, item.Raw(), table(rows))
}

// showAll writes a list: a table, or one array of the API's own objects.
func (r resource[T]) showAll(a app, g *global, items []T) error {
	objects, rows := make([]json.RawMessage, len(items)), make([][]string, len(items)+1)
	for _, c := range r.columns {
		rows[0] = append(rows[0], c.head)
		for i, item := range items {
			objects[i] = item.Raw()
			rows[i+1] = append(rows[i+1], c.text(item))
		}
	}
	text := table(rows)
	if len(items) == 0 {
		a.tell("no " + r.kind + "s found")
		text = ""
	}
	return goneReader(a.emit(g, objects, text))
}

// listCommand is the command that lists the things of a kind.
func (r resource[T]) listCommand(a app, g *global) *cobra.Command {
	in := place{needed: r.inProject}
	var contains string
	cmd := command("list", "List "+r.kind+"s", func(ctx context.Context, cmd *cobra.Command, _ []string) error {
		s, err := a.scope(ctx, cmd, g, in)
		if err != nil {
			return err
		}
		items, err := collect(r.all(ctx, s, contains))
		if err != nil {
			return err
		}
		return r.showAll(a, g, items)
	})
	cmd.Args = noArgs
	r.addPlace(cmd, &in)
	if r.inEnvironment {
		in.addEnvironment(cmd)
	}
	cmd.Flags().StringVar(&contains, "name", "", "only those whose name contains this, ignoring case")
	return cmd
}

// getCommand is the command that shows one thing.
func (r resource[T]) getCommand(a app, g *global) *cobra.Command {
	return r.aboutOne(a, g, "get", "Show "+one(r.kind), func(_ context.Context, _ scope, item T) error {
		return goneReader(r.show(a, g, item))
	})
}

// deleteCommand is the command that deletes a thing. It asks nobody, because pipelines
// cannot answer: its argument must be an id or the whole name.
func (r resource[T]) deleteCommand(a app, g *global) *cobra.Command {
	return r.aboutOne(a, g, "delete", "Delete "+one(r.kind), func(ctx context.Context, s scope, item T) error {
		if err := r.delete(ctx, s, r.id(item)); err != nil {
			return err
		}
		a.tell(oneLine("deleted " + r.describe(item)))
		return r.show(a, g, item)
	})
}

// aboutOne makes a command whose one argument is a thing.
func (r resource[T]) aboutOne(a app, g *global, verb, short string, run func(context.Context, scope, T) error) *cobra.Command {
	in := place{needed: r.inProject}
	cmd := command(verb+" "+argument(r.kind), short, func(ctx context.Context, cmd *cobra.Command, args []string) error {
		ref, err := oneReference(cmd, r.kind, args)
		s, err := a.scope(ctx, cmd, g, in, err)
		if err != nil {
			return err
		}
		item, err := r.find(ctx, s, ref)
		if err != nil {
			return err
		}
		return run(ctx, s, item)
	})
	r.addPlace(cmd, &in)
	return cmd
}

func (r resource[T]) addPlace(cmd *cobra.Command, in *place) {
	if r.project != nil {
		in.addProject(cmd)
	}
}
