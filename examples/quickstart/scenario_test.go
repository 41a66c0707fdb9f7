package main

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestScenario(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		prs, seed := rapid.IntRange(1, 30).Draw(t, "prs"), rapid.Uint64().Draw(t, "seed")
		pushes := newScenario(prs, seed)
		if diff := cmp.Diff(pushes, newScenario(prs, seed)); diff != "" {
			t.Fatalf("the same seed gives other pushes: %s", diff)
		}
		if !slices.IsSortedFunc(pushes, func(a, b push) int { return int(a.At - b.At) }) {
			t.Fatalf("not in the order of time: %v", pushes)
		}
		commits, shas := map[int64]int64{}, map[string]bool{}
		for _, p := range pushes {
			commits[p.PullRequest]++
			if n := commits[p.PullRequest]; p.Sequence != n || p.Commit != fmt.Sprintf("%d%c", p.PullRequest, 'a'+n-1) {
				t.Fatalf("commit %d of pull request %d is %+v", n, p.PullRequest, p)
			}
			if len(p.SHA) != 40 || shas[p.SHA] {
				t.Fatalf("%s has not 40 digits of its own: %q", p.Commit, p.SHA)
			}
			shas[p.SHA] = true
			if p.At < 0 || p.RunLength < 3*minute || p.RunLength > 7*minute {
				t.Fatalf("%s has an odd time: %+v", p.Commit, p)
			}
		}
		checkWidth(t, introduction(document{PullRequests: prs, Slots: 20, MinutesPerSecond: 100}, pushes, pen{}))
		if len(commits) != prs {
			t.Fatalf("%d pull requests, want %d", len(commits), prs)
		}
		if first := pushes[0]; first.At != 0 || outdated(pushes, first.SHA) > first.RunLength {
			t.Fatalf("the run of the first commit would end before there is a second one: %v", pushes)
		}
	})
}

func TestMinutesPerSecond(t *testing.T) {
	t.Parallel()
	hour := []push{{PullRequest: 1, SHA: "1", RunLength: 60*minute - startDelay}}
	tests := []struct {
		took time.Duration
		want int
	}{
		{10 * time.Second, 6},
		{9 * time.Second, 7}, // rounded up, so that it takes no longer
		{time.Second, 60},
		{time.Hour, 2}, // never slower
	}
	for _, tt := range tests {
		if got := minutesPerSecond(hour, tt.took); got != tt.want {
			t.Errorf("an hour in %s: %d minutes per second, want %d", tt.took, got, tt.want)
		}
	}
}
