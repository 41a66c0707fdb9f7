package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
)

// refusing is a stdout that takes nothing.
type refusing struct{ err error }

func (r refusing) Write([]byte) (int, error) { return 0, r.err }

// What is no fault of the input ends like anywhere else in this program.
func TestStateEndsOtherwise(t *testing.T) {
	t.Parallel()
	over, end := context.WithCancel(t.Context())
	end()
	tests := []struct {
		name   string
		ctx    context.Context
		stdout io.Writer
		want   int
		stderr string
	}{
		{"interrupted", over, io.Discard, exitInterrupted, "dbtcloud: interrupted"},
		{"nowhere to write", t.Context(), refusing{errors.New("disk full")}, exitRefused, "writing the result to stdout: disk full"},
		{"a reader that is gone, as of a pipe to head", t.Context(), refusing{syscall.EPIPE}, exitSuccess, ""},
	}
	for _, test := range tests {
		for _, args := range [][]string{{"ls"}, {"diff"}, {"explain", "orders"}} {
			t.Run(test.name+", "+args[0], func(t *testing.T) {
				t.Parallel()
				var stderr bytes.Buffer
				a := app{getenv: func(string) string { return "" }, stdin: strings.NewReader(""), stdout: test.stdout, stderr: &stderr}
				status := a.run(test.ctx, stateArgs(t, args[0], aShop("1"), aShop("2", newBody()), args[1:]...))
				if status != test.want || !strings.Contains(stderr.String(), test.stderr) {
					t.Errorf("exit status %d, stderr %q, want %d and %q", status, stderr.String(), test.want, test.stderr)
				}
			})
		}
	}
}

// Nothing that others wrote is a command to a terminal or to a CI service, whatever shows it.
func TestStateIsInert(t *testing.T) {
	t.Parallel()
	const evil = "\x1b]0;title\x07::error::x\n  ::add-mask::y\r##vso[task.complete]\u202e"
	with := func(word string) object {
		text := evil + word
		odd := model(text, text, nil)
		odd["original_file_path"], odd["unrendered_config"] = text, object{text: text}
		return aShop("invocation"+text, put(odd, "nodes", evil), put(text, "metadata", "dbt_version"))
	}
	for _, args := range [][]string{{"ls"}, {"diff"}, {"diff", "--format=dot"}, {"diff", "--format=mermaid"}, {"diff", "--output=json"}, {"explain", evil}, {"explain", evil, "--output=json"}} {
		o := invoke(t, nil, stateArgs(t, args[0], with("1"), with("2"), args[1:]...)...).want(t, exitSuccess)
		if !strings.Contains(o.stdout, "add-mask") && args[0] != "ls" {
			t.Errorf("%v: %q does not show the resource", args, o.stdout)
		}
		for line := range strings.Lines(o.stdout + o.stderr) {
			if strings.HasPrefix(strings.TrimSpace(line), "::") || strings.Contains(line, "##vso[") || strings.ContainsAny(line, "\x1b\x07\r\u202e") {
				t.Errorf("%v: the line %q steers something", args, line)
			}
		}
	}
}
