package main

import (
	"fmt"
	"slices"
)

// figures is what the records of a mode come to.
type figures struct {
	Waits             []wait  `json:"waits"` // by pull request
	MeanStart         seconds `json:"mean_start"`
	MeanResult        seconds `json:"mean_result"`
	LongestStart      seconds `json:"longest_start"`
	LongestResult     seconds `json:"longest_result"`
	End               seconds `json:"end"`     // of the last run
	Running           seconds `json:"running"` // time that all runs took together
	CancelledOutdated int     `json:"cancelled_outdated"`
	CancelledMoved    int     `json:"cancelled_moved"`
	ClonesMade        int     `json:"clones_made"`
	ClonesDeleted     int     `json:"clones_deleted"`
}

// wait is how long the last commit of a pull request waited after it was pushed.
type wait struct {
	PullRequest int64   `json:"pull_request"`
	Start       seconds `json:"start"`  // for the start of its run
	Result      seconds `json:"result"` // for the end of its run
}

// count works out the figures of both modes.
func (d *document) count() (err error) {
	if d.SlimCI.Figures, err = d.SlimCI.count(); err != nil {
		return fmt.Errorf("with Slim CI alone: %w", err)
	}
	if d.AutoscalingCI.Figures, err = d.AutoscalingCI.count(); err != nil {
		return fmt.Errorf("with Autoscaling CI: %w", err)
	}
	return nil
}

// count works out the figures. A last commit without a run that succeeded is an error.
func (m mode) count() (figures, error) {
	var f figures
	for _, p := range lastCommits(m.Pushes) {
		i := slices.IndexFunc(m.Runs, func(r runRecord) bool { return r.SHA == p.SHA && r.Status == success })
		if i < 0 {
			return f, fmt.Errorf("commit %s has no run that succeeded", p.Commit)
		}
		f.addWait(wait{p.PullRequest, *m.Runs[i].Started - p.At, *m.Runs[i].Finished - p.At})
	}
	f.MeanStart /= seconds(len(f.Waits))
	f.MeanResult /= seconds(len(f.Waits))
	for _, r := range m.Runs {
		m.addRun(&f, r)
	}
	for _, j := range m.Jobs {
		if j.ID != m.JobID {
			f.ClonesMade++
			if j.Deleted != nil {
				f.ClonesDeleted++
			}
		}
	}
	return f, nil
}

func (f *figures) addWait(w wait) {
	f.Waits = append(f.Waits, w)
	f.MeanStart += w.Start
	f.MeanResult += w.Result
	f.LongestStart = max(f.LongestStart, w.Start)
	f.LongestResult = max(f.LongestResult, w.Result)
}

func (m mode) addRun(f *figures, r runRecord) {
	switch {
	case r.Status == cancelled && m.moved(r):
		f.CancelledMoved++
	case r.Status == cancelled:
		f.CancelledOutdated++
	}
	if r.Finished != nil {
		f.End = max(f.End, *r.Finished)
		if r.Started != nil {
			f.Running += *r.Finished - *r.Started
		}
	}
}

// moved tells whether a cancelled run was cancelled in order to run elsewhere.
func (m mode) moved(r runRecord) bool {
	return r.Status == cancelled && slices.ContainsFunc(m.Runs, func(later runRecord) bool { return later.SHA == r.SHA && later.ID > r.ID })
}
