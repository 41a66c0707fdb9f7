package dbtcloud

import "testing"

// TestBefore compares twins by the first runs of their changes, so that two runners agree on which one stays although
// one of the runs has moved.
func TestBefore(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		twin  *Run
		own   int64
		first int64
		want  bool
	}{
		"lower":                     {aRun(4), 5, 5, true},
		"higher":                    {aRun(6), 5, 5, false},
		"it has moved":              {aRun(9, marked(0, 4, true)), 5, 5, true},
		"we have moved":             {aRun(6), 9, 5, false},
		"of one first run, lower":   {aRun(7, marked(0, 3, true)), 8, 3, true},
		"of one first run, higher":  {aRun(9, marked(0, 3, true)), 8, 3, false},
		"sequences decide nothing":  {aRun(4, marked(9, 0, true)), 5, 5, true},
		"nobody's run is its first": {aRun(4, withCause("webhook")), 5, 5, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			us := ours(7)
			us.first = test.first
			if got := us.before(test.twin, test.own); got != test.want {
				t.Errorf("before = %t, want %t", got, test.want)
			}
		})
	}
}

// TestStayingTwin is adopted by its first run, not by its id.
func TestStayingTwin(t *testing.T) {
	t.Parallel()
	moved, later := aRun(8, atSHA(1000), marked(0, 3, true)), aRun(5, atSHA(1000))
	if got := ours(0).staying([]*Run{later, moved}); got != moved {
		t.Errorf("stays: %+v, want the run that moved from 3 to 8", got)
	}
}
