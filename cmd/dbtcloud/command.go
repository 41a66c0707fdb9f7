package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// commands groups the commands of a kind of thing.
func commands(use, short string, subcommands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short}
	group(cmd)
	cmd.AddCommand(subcommands...)
	return cmd
}

// command makes a command whose error tells what has cut it short.
func command(use, short string, run func(ctx context.Context, cmd *cobra.Command, args []string) error) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		return because(ctx, run(ctx, cmd, args))
	}
	return cmd
}

// oneReference is the id or the name that is the one argument of a command.
func oneReference(cmd *cobra.Command, kind string, args []string) (reference, error) {
	var ref reference
	if len(args) != 1 {
		return ref, fmt.Errorf("%s takes one argument, the id or the name of the %s, not %d: put quotes around a name", cmd.CommandPath(), kind, len(args))
	}
	if err := ref.Set(args[0]); err != nil {
		return ref, errors.New(kind + ": " + err.Error())
	}
	return ref, nil
}

// goneReader forgives an output that nobody reads to its end, as in a pipe to head.
func goneReader(err error) error {
	if errors.Is(err, syscall.EPIPE) {
		return nil
	}
	return err
}

// collect turns a list into a slice.
func collect[T any](seq iter.Seq2[T, error]) ([]T, error) {
	var items []T
	for item, err := range seq {
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

// one is a kind of thing with its article.
func one(kind string) string {
	if strings.ContainsRune("aeiou", rune(kind[0])) {
		return "an " + kind
	}
	return "a " + kind
}

// argument is the placeholder of a kind of thing in the help.
func argument(kind string) string { return strings.ToUpper(kind) }
