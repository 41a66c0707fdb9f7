package main

import (
	"strings"
	"testing"
)

func TestCount(t *testing.T) {
	t.Parallel()
	tests := []struct {
		input string
		want  int
		fails bool
	}{
		{`{"a":1}`, 1, false},
		{"[]\n{}\n", 2, false},
		{"", 0, true},
		{"\n", 0, true},
		{`{"a":`, 0, true},
		{`{} trailing`, 1, true},
	}
	for _, tt := range tests {
		t.Run(tt.input, func(t *testing.T) {
			t.Parallel()
			got, err := count(strings.NewReader(tt.input))
			if got != tt.want || (err != nil) != tt.fails {
				t.Errorf("count = %d, %v, want %d, error %t", got, err, tt.want, tt.fails)
			}
		})
	}
}
