package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		args    []string
		want    options
		problem string // a part of the error; "" for none
	}{
		{name: "defaults", want: options{prs: 6, slots: 4, seed: 1}},
		{name: "all", args: []string{"--prs", "30", "--slots=20", "-seed", "9", "--json"}, want: options{prs: 30, slots: 20, seed: 9, json: true}},
		{name: "least", args: []string{"--prs=1", "--slots=1", "--seed=0"}, want: options{prs: 1, slots: 1}},
		{name: "no pull request", args: []string{"--prs", "0"}, problem: "--prs: must be 1 to 30, not 0"},
		{name: "too many pull requests", args: []string{"--prs", "31"}, problem: "--prs: must be 1 to 30, not 31"},
		{name: "no slot", args: []string{"--slots", "0"}, problem: "--slots: must be 1 to 20, not 0"},
		{name: "too many slots", args: []string{"--slots", "21"}, problem: "--slots: must be 1 to 20, not 21"},
		{name: "not a number", args: []string{"--prs", "six"}, problem: `"six" for flag -prs`},
		{name: "negative seed", args: []string{"--seed", "-1"}, problem: `"-1" for flag -seed`},
		{name: "unknown flag", args: []string{"--fast"}, problem: "-fast"},
		{name: "argument", args: []string{"6"}, problem: `unexpected argument "6"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := parse(tt.args)
			if tt.problem != "" {
				if err == nil || !strings.Contains(err.Error(), tt.problem) {
					t.Fatalf("error = %v, want one with %q", err, tt.problem)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, withoutHelp(got), cmp.AllowUnexported(options{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func withoutHelp(o options) options {
	o.help = ""
	return o
}

func TestHelp(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if status := run(t.Context(), []string{"--help"}, time.Second, &out, io.Discard); status != exitOK {
		t.Errorf("status = %d, want %d", status, exitOK)
	}
	for _, name := range []string{"prs", "slots", "seed", "json"} {
		if !strings.Contains(out.String(), "-"+name) {
			t.Errorf("the help does not mention --%s:\n%s", name, out.String())
		}
	}
}

func TestRunStatus(t *testing.T) {
	t.Parallel()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name   string
		ctx    context.Context
		args   []string
		status int
		stderr string
	}{
		{"bad input", t.Context(), []string{"--slots", "99"}, exitUsage, "quickstart: --slots: must be 1 to 20, not 99 (--help lists the flags)\n"},
		{"interrupted", gone, nil, exitInterrupted, "quickstart: interrupted\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var stderr strings.Builder
			if got := run(tt.ctx, tt.args, time.Second, io.Discard, &stderr); got != tt.status {
				t.Errorf("status = %d, want %d", got, tt.status)
			}
			if diff := cmp.Diff(tt.stderr, stderr.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNoColoursOffTerminal(t *testing.T) {
	t.Parallel()
	none := func(string) string { return "" }
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	if colourful(file, none) || colourful(io.Discard, none) {
		t.Error("colours for something that is no terminal")
	}
	device, err := os.Open(os.DevNull) // a character device, as a terminal is
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = device.Close() })
	if !colourful(device, none) {
		t.Error("no colours for a character device")
	}
	for _, v := range []string{"NO_COLOR=1", "TERM=dumb"} {
		getenv := func(name string) string {
			value, _ := strings.CutPrefix(v, name+"=")
			if value == v {
				return ""
			}
			return value
		}
		if colourful(device, getenv) {
			t.Errorf("colours in spite of %s", v)
		}
	}
}
