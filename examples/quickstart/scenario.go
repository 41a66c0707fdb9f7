package main

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// seconds are seconds of the time that is shown.
type seconds float64

const minute seconds = 60

// push is one commit of a pull request. Both modes get the same pushes.
type push struct {
	PullRequest int64   `json:"pull_request"`
	Commit      string  `json:"commit"` // number of the pull request and a letter
	SHA         string  `json:"sha"`
	Sequence    int64   `json:"sequence"` // counts the commits of the pull request
	At          seconds `json:"at"`
	RunLength   seconds `json:"run_length"` // from the start of its run to the end, if nobody cancels it
}

// newScenario invents the pushes, in the order of time. The first pull request gets
// a second commit so early that its run cannot have ended yet.
func newScenario(prs int, seed uint64) []push {
	r := rand.New(rand.NewPCG(seed, 0))
	between := func(low, high seconds) seconds {
		return seconds(math.Round(float64(low + (high-low)*seconds(r.Float64()))))
	}
	var pushes []push
	for pr := range prs {
		at := seconds(pr) * 80
		if pr > 0 {
			at += between(-30, 30)
		}
		commits, next, usual := 1+r.IntN(3)/2+r.IntN(2), between(2*minute, 6*minute), between(4*minute, 6*minute)
		if pr == 0 {
			commits, next = max(commits, 2), between(90, 150)
		}
		for i := range commits {
			pushes = append(pushes, push{
				PullRequest: int64(pr + 1),
				Commit:      fmt.Sprintf("%d%c", pr+1, 'a'+i),
				SHA:         fmt.Sprintf("%016x%016x%08x", r.Uint64(), r.Uint64(), r.Uint32()),
				Sequence:    int64(i + 1),
				At:          at,
				RunLength:   usual + between(-minute, minute),
			})
			at, next = at+next, between(2*minute, 6*minute)
		}
	}
	slices.SortStableFunc(pushes, func(a, b push) int { return cmp.Compare(a.At, b.At) })
	return pushes
}

// minutesPerSecond is how many minutes are shown for a second, so that Slim CI alone
// takes no longer than that.
func minutesPerSecond(pushes []push, took time.Duration) int {
	return max(2, int(math.Ceil(float64(alone(pushes)/minute)/took.Seconds())))
}

// outdated tells from when on there is a newer commit of the same pull request;
// +Inf for the last one.
func outdated(pushes []push, sha string) seconds {
	i := slices.IndexFunc(pushes, func(p push) bool { return p.SHA == sha })
	if i < 0 {
		return seconds(math.Inf(1))
	}
	for _, p := range pushes[i+1:] {
		if p.PullRequest == pushes[i].PullRequest {
			return p.At
		}
	}
	return seconds(math.Inf(1))
}

// lastCommits are the last pushes of each pull request, by its number.
func lastCommits(pushes []push) []push {
	last := map[int64]push{}
	for _, p := range pushes {
		last[p.PullRequest] = p
	}
	out := make([]push, 0, len(last))
	for _, p := range last {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b push) int { return cmp.Compare(a.PullRequest, b.PullRequest) })
	return out
}

// alone is when the last run ends if all take turns.
func alone(pushes []push) seconds {
	var end seconds
	for _, p := range pushes {
		end = max(end, p.At) + startDelay + p.RunLength
	}
	return end
}
