package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCount(t *testing.T) {
	t.Parallel()
	d := fixed()
	if err := d.count(); err != nil {
		t.Fatal(err)
	}
	want := figures{
		Waits:     []wait{{PullRequest: 1, Start: 525, Result: 825}, {PullRequest: 2, Start: 270, Result: 570}},
		MeanStart: 397.5, MeanResult: 697.5, LongestStart: 525, LongestResult: 825, End: 945, Running: 900,
	}
	if diff := cmp.Diff(want, d.SlimCI.Figures); diff != "" {
		t.Errorf("Slim CI alone: %s", diff)
	}
	want = figures{
		Waits:     []wait{{PullRequest: 1, Start: 25, Result: 325}, {PullRequest: 2, Start: 50, Result: 350}},
		MeanStart: 37.5, MeanResult: 337.5, LongestStart: 50, LongestResult: 350, End: 445, Running: 709,
		CancelledOutdated: 1, CancelledMoved: 1, ClonesMade: 2, ClonesDeleted: 2,
	}
	if diff := cmp.Diff(want, d.AutoscalingCI.Figures); diff != "" {
		t.Errorf("Autoscaling CI: %s", diff)
	}
}

func TestCountWantsEveryResult(t *testing.T) {
	t.Parallel()
	d := fixed()
	d.AutoscalingCI.Runs[2].Status = "Error"
	err := d.count()
	if err == nil || !strings.Contains(err.Error(), "with Autoscaling CI: commit 2a has no run that succeeded") {
		t.Errorf("error = %v, want one that names the commit", err)
	}
}

func TestConclusion(t *testing.T) {
	t.Parallel()
	d := fixed()
	d.SlimCI.Figures.MeanResult, d.AutoscalingCI.Figures.MeanResult = 100, 150
	if text := conclusion(d, pen{}); !strings.HasPrefix(text, "Nothing was saved.") {
		t.Errorf("a loss is praised: %s", text)
	}
}
