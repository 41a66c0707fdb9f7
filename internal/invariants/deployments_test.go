package invariants

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// goodDeployments is a history in which everything is as it should be: 11 is deployed, 12 waits and is replaced by 13, 14
// is somebody's, 15 of another branch.
func goodDeployments() *Deployments {
	return &Deployments{
		Runs: []Deployed{
			{ID: 11, Line: "main", SHA: "a", Sequence: 1, By: 0, Created: at(1), Begun: at(2), Finished: at(100), Completed: true},
			{ID: 12, Line: "main", SHA: "b", Sequence: 2, By: 1, Created: at(10), Finished: at(25)},
			{ID: 13, Line: "main", SHA: "c", Sequence: 3, By: 2, Created: at(20), Begun: at(100), Finished: at(200), Completed: true},
			{ID: 14, SHA: "c", By: -1, Created: at(21), Begun: at(200), Finished: at(300), Completed: true},
			{ID: 15, Line: "release", SHA: "a", Sequence: 1, By: 3, Created: at(22), Begun: at(300), Finished: at(400), Completed: true},
		},
		Runners: []Deploying{
			{Name: "zero", Line: "main", SHA: "a", Sequence: 1, Waits: true, Begun: at(0), Run: 11, Poll: time.Second},
			{Name: "one", Line: "main", SHA: "b", Sequence: 2, Waits: true, Begun: at(9), Fate: Superseded, Run: 12, By: 13, Poll: time.Second},
			{Name: "two", Line: "main", SHA: "c", Sequence: 3, Begun: at(19), Run: 13, Poll: time.Second},
			{Name: "three", Line: "release", SHA: "a", Sequence: 1, Waits: true, Begun: at(21), Run: 15, Poll: time.Second},
		},
		Stops:  []Stop{{By: 2, At: at(25), Run: 12, Looked: at(24)}},
		Timing: Timing{ListLag: time.Second, Requests: time.Second},
	}
}

func complaintsAbout(d *Deployments) []string {
	newest, _, _ := d.Newest()
	return append(append(d.Always(), newest...), d.Order()...)
}

func TestGoodDeployments(t *testing.T) {
	t.Parallel()
	d := goodDeployments()
	if got := complaintsAbout(d); len(got) > 0 {
		t.Errorf("complaints %q", got)
	}
	if _, judged, exempt := d.Newest(); judged != 2 || exempt != 0 {
		t.Errorf("%d judged, %d exempt", judged, exempt)
	}
}

func TestBadDeployments(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		spoil func(*Deployments)
		want  []string
	}{
		{"a foreign run is cancelled", func(d *Deployments) { d.Stops = append(d.Stops, Stop{By: 2, At: at(30), Run: 14, Looked: at(29)}) },
			[]string{`two (main) cancels run 14 of ""`}},
		{"a run of another branch is cancelled", func(d *Deployments) { d.Stops = append(d.Stops, Stop{By: 2, At: at(30), Run: 15, Looked: at(29)}) },
			[]string{`two (main) cancels run 15 of "release"`}},
		{"a run that had begun", func(d *Deployments) { d.Stops = append(d.Stops, Stop{By: 2, At: at(30), Run: 11, Looked: at(29)}) },
			[]string{"two cancels run 11, which had begun when it was last looked at"}},
		{"a run that was not looked at", func(d *Deployments) { d.Stops[0].Looked = time.Time{} },
			[]string{"two cancels run 12, which had begun when it was last looked at"}},
		{"before the own run was accepted", func(d *Deployments) { d.Stops[0].At, d.Stops[0].Looked = at(19), at(18) },
			[]string{"two cancels run 12 and has none of its own"}},
		{"by a lower sequence", func(d *Deployments) { d.Runs[1].Sequence, d.Runners[1].Sequence, d.Runners[1].Fate = 4, 4, Gone },
			[]string{"two (sequence 3) cancels run 12 (sequence 4, every false)"}},
		{"one of every merge", func(d *Deployments) { d.Runs[1].Every = true }, []string{"two (sequence 3) cancels run 12 (sequence 2, every true)"}},
		{"gives way to an older one", func(d *Deployments) { d.Runners[1].By = 11 },
			[]string{`one (sequence 2, run 12) gives way to run 11 of "main", sequence 1`}},
		{"gives way to another branch", func(d *Deployments) { d.Runners[1].By = 15 },
			[]string{`one (sequence 2, run 12) gives way to run 15 of "release", sequence 1`}},
		{"gives up", func(d *Deployments) { d.Runners[0].Fate, d.Runners[0].Text = GaveUp, "cancelled" },
			[]string{"zero gives up though nothing failed: cancelled"}},
		{"the newest is not deployed", func(d *Deployments) { d.Runs[2].Completed = false }, []string{"two is the newest merge and is never deployed"}},
		{"the newest is deployed twice", func(d *Deployments) {
			d.Runs = append(d.Runs, Deployed{ID: 16, Line: "main", SHA: "c", Sequence: 3, By: 1, Created: at(30), Begun: at(400), Finished: at(500), Completed: true})
		}, []string{"two is deployed twice: by runs 13 and 16"}},
		{"the newest is deployed again after another merge", func(d *Deployments) {
			d.Runs = append(d.Runs, Deployed{ID: 16, Line: "main", SHA: "b", Sequence: 2, By: 1, Created: at(30), Finished: at(390)},
				Deployed{ID: 17, Line: "main", SHA: "c", Sequence: 3, By: 1, Created: at(31), Begun: at(400), Finished: at(500), Completed: true})
		}, nil},
		{"the newest gives way", func(d *Deployments) { d.Runners[2].Fate, d.Runners[2].By = Superseded, 12 }, []string{
			`two (sequence 3, run 13) gives way to run 12 of "main", sequence 2`, "two is the newest merge and gives way to run 12"}},
		{"an older one begins after a newer one", func(d *Deployments) {
			d.Runs[1].Begun, d.Runs[1].Finished, d.Runs[1].Completed, d.Stops = at(250), at(260), true, nil
		}, []string{"run 12 (sequence 2) begins after run 13 (sequence 3)"}},
	}
	for _, tt := range tests {
		d := goodDeployments()
		tt.spoil(d)
		if diff := cmp.Diff(tt.want, complaintsAbout(d)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestExemptDeployments: where the newest merge has no living runner nothing is promised for it.
func TestExemptDeployments(t *testing.T) {
	t.Parallel()
	for _, fate := range []Fate{Gone, GaveUp} {
		d := goodDeployments()
		d.Runners[2].Fate, d.Runners[2].Faulty, d.Runs[2].Completed = fate, true, false
		if problems, judged, exempt := d.Newest(); len(problems) > 0 || judged != 1 || exempt != 1 {
			t.Errorf("%d judged, %d exempt: %s", judged, exempt, strings.Join(problems, "; "))
		}
	}
}
