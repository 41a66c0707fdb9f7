package dbtcloudtest

import (
	"cmp"
	"io"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Artifact is a file that a run has made.
type Artifact struct {
	Path string           // such as manifest.json or compiled/analytics/models/orders.sql
	Step int              // of which step of the run, from 1; 0 is the last
	Data []byte           // the content
	Open func() io.Reader // instead of Data: makes the content anew for each reader, so that nobody holds a large one
	Size int64            // of what Open makes, in bytes; 0 when the answer shall not tell it
}

// AddArtifact gives a run a file; it can be read once the run has ended. An unknown run is ignored.
func (s *Server) AddArtifact(runID int64, name string, data []byte) {
	s.AddArtifacts(runID, Artifact{Path: name, Data: data})
}

// AddArtifacts gives a run files; they can be read once the run has ended. An unknown run is ignored.
func (s *Server) AddArtifacts(runID int64, artifacts ...Artifact) {
	s.change(func(w *world, _ time.Time) {
		if r := w.runs[runID]; r != nil {
			r.artifacts = append(r.artifacts, artifacts...)
		}
	})
}

// savedArtifacts is what can be read of the run's files by now.
func (w *world) savedArtifacts(r *run, c *call) []Artifact {
	finished := r.versions.last().finished
	if finished.IsZero() || c.now.Sub(finished) < w.cfg.artifactLag {
		return nil
	}
	return r.artifacts
}

// listArtifacts answers null when there are none.
func (w *world) listArtifacts(c *call) answer {
	r := w.visibleRun(c.id("id"))
	if r == nil {
		return w.notFound()
	}
	var names []string
	for _, a := range w.savedArtifacts(r, c) {
		names = append(names, a.Path)
	}
	slices.Sort(names)
	return w.ok(slices.Compact(names))
}

func (w *world) getArtifact(c *call) answer {
	r := w.visibleRun(c.id("id"))
	if r == nil {
		return w.notFound()
	}
	step, err := strconv.Atoi(cmp.Or(c.query.Get("step"), "0"))
	if err != nil {
		return w.invalid(map[string]any{"step": "expected int"})
	}
	return w.artifact(r, c, step)
}

// artifact answers the file of that step; the last step's when step is 0.
func (w *world) artifact(r *run, c *call, step int) answer {
	last := len(w.stepNames(r))
	for _, a := range slices.Backward(w.savedArtifacts(r, c)) {
		if a.Path != c.params["remainder"] || cmp.Or(a.Step, last) != cmp.Or(step, last) {
			continue
		}
		header := http.Header{"Content-Type": {artifactType(a.Path)}}
		return answer{status: http.StatusOK, header: header, body: a.Data, open: a.Open, size: a.Size}
	}
	return w.notFound()
}

func artifactType(name string) string {
	switch path.Ext(name) {
	case ".json":
		return jsonType
	case ".parquet":
		return "application/x-parquet"
	}
	return "text/plain; charset=utf-8"
}

// getJobArtifact answers the file of the job's latest run that has it.
func (w *world) getJobArtifact(c *call) answer {
	j := w.openJob(c.id("id"))
	if j == nil {
		return w.notFound()
	}
	for _, r := range slices.Backward(j.runs) {
		if a := w.artifact(r, c, 0); a.status == http.StatusOK {
			return a
		}
	}
	return w.notFound()
}

// logLines is how many lines of logs are shown unless debug logs are asked for.
const logLines = 1000

func lastLines(text string, n int) string {
	lines := strings.SplitAfter(text, "\n")
	if len(lines) > 0 && lines[len(lines)-1] == "" {
		n++
	}
	return strings.Join(lines[max(len(lines)-n, 0):], "")
}
