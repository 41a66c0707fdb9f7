package main

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slimci/dbtcloud"
)

func TestRead(t *testing.T) {
	t.Parallel()
	one, two := strings.Repeat("1", 40), strings.Repeat("2", 40)
	lines := "shop github#50 " + one + "\n\nshop github#x " + one + "\n  finance   gitlab#7 " + two
	var log strings.Builder
	changes := make(chan change)
	go read(strings.NewReader(lines), changes, slog.New(slog.NewTextHandler(&log, nil)))
	var got []change
	for c := range changes {
		got = append(got, c)
	}
	want := []change{
		{"shop", dbtcloud.Change{PullRequest: dbtcloud.PullRequest{Host: dbtcloud.GitHub, Number: 50}, SHA: one}},
		{"finance", dbtcloud.Change{PullRequest: dbtcloud.PullRequest{Host: dbtcloud.GitLab, Number: 7}, SHA: two}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(change{}), cmpopts.IgnoreFields(dbtcloud.Change{}, "Sequence")); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if len(got) == 2 && got[0].Sequence >= got[1].Sequence {
		t.Errorf("sequences %d and %d do not grow", got[0].Sequence, got[1].Sequence)
	}
	if n := strings.Count(log.String(), "not understood"); n != 2 {
		t.Errorf("%d lines were not understood, want two:\n%s", n, log.String())
	}
}

func TestReadFails(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	changes := make(chan change, 1)
	read(iotest.ErrReader(errors.New("no terminal")), changes, slog.New(slog.NewTextHandler(&log, nil)))
	if _, more := <-changes; more || !strings.Contains(log.String(), "no terminal") {
		t.Errorf("more changes: %t; log: %s", more, log.String())
	}
}

// Whatever a line says, what is understood of it says the same again.
func FuzzParse(f *testing.F) {
	for _, line := range []string{"shop github#50 0f3c", "shop github#-1 0f3c", "shop #50 0f3c", "a b c", "", "shop github#99999999999999999999 x"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		c, err := parse(line)
		if err != nil {
			return
		}
		again, err := parse(c.project + " " + c.PullRequest.String() + " " + c.SHA)
		if err != nil || again != c {
			t.Errorf("%q was read as %+v, which reads as %+v, %v", line, c, again, err)
		}
	})
}
