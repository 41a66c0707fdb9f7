package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestTable(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		rows [][]string
		want []string
	}{
		{"one line", [][]string{{"ID", "NAME"}}, []string{"ID  NAME"}},
		{"aligned", [][]string{{"ID", "NAME", "X"}, {"12345", "a", "y"}, {"1", "long name", ""}}, []string{"ID     NAME       X", "12345  a          y", "1      long name  -"}},
		{"empty cells", [][]string{{"A", "B"}, {"", " "}}, []string{"A  B", "-  -"}},
		{"wide runes", [][]string{{"夜間", "x"}, {"ab", "x"}, {"🚀", "x"}}, []string{"夜間  x", "ab    x", "🚀    x"}},
		{"combining runes", [][]string{{"e\u0301e", "x"}, {"abc", "x"}}, []string{"e\u0301e   x", "abc  x"}},
		{"control characters", [][]string{{"a\x1b[31mb\nc\td\u009be", "x"}}, []string{"ab c de  x"}},
		{"marks of direction", [][]string{{"a\u202eb\u2066c\u2028d", "x"}}, []string{"abc d  x"}},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, strings.Split(table(test.rows), "\n")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// TestTableProperties: whatever a server says, each row is one line, and its second cell begins in one column.
func TestTableProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		first := rapid.SliceOfN(rapid.String(), 1, 8).Draw(t, "cells")
		rows := make([][]string, len(first))
		for i, cell := range first {
			rows[i] = []string{cell, "\u2016"}
		}
		lines := strings.Split(table(rows), "\n")
		if len(lines) != len(rows) {
			t.Fatalf("%d lines for %d rows", len(lines), len(rows))
		}
		at := -1
		for _, line := range lines {
			before := strings.TrimSuffix(line, "\u2016")
			if before == line || at >= 0 && width(before) != at {
				t.Fatalf("%q is not aligned at %d", line, at)
			}
			at = width(before)
		}
	})
}
