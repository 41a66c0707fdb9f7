package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// Status is how one node of an invocation ended. Words that are not listed are kept.
type Status string

// Statuses: of what is built the first five, of tests pass, fail, warn and error, of source freshness also runtime error.
const (
	StatusSuccess        Status = "success"
	StatusError          Status = "error"
	StatusSkipped        Status = "skipped"
	StatusPartialSuccess Status = "partial success" // some batches of a microbatch model failed
	StatusNoOp           Status = "no-op"
	StatusPass           Status = "pass"
	StatusFail           Status = "fail"
	StatusWarn           Status = "warn"
	StatusRuntimeError   Status = "runtime error"
)

// Failed reports whether the status makes an invocation fail.
func (s Status) Failed() bool {
	return s == StatusError || s == StatusFail || s == StatusRuntimeError || s == StatusPartialSuccess
}

// RunResults is what run_results.json tells of one invocation of dbt.
type RunResults struct {
	Metadata    Metadata
	Command     string // args.which: build, run, test ...
	ElapsedTime time.Duration
	Results     []Result
}

// Result is how one node ended.
type Result struct {
	UniqueID        string
	Status          Status
	Message         string
	Failures        int64 // of a test: rows; 0 where there is none
	ExecutionTime   time.Duration
	ThreadID        string
	Timing          []Timing
	AdapterResponse json.RawMessage // as the adapter gave it, usually an object
}

// Timing is one phase of a node's execution: compile or execute.
type Timing struct {
	Name        string
	StartedAt   time.Time // zero if it never began
	CompletedAt time.Time
}

// ReadRunResults reads a run_results.json of any schema version from 1 to [MaxRunResultsVersion]. Its errors are those of [Read].
func ReadRunResults(r io.Reader) (*RunResults, error) {
	out := &RunResults{}
	s := newArtifact(r, "run-results", 1, MaxRunResultsVersion)
	err := s.document(&out.Metadata, func(key string) error {
		switch key {
		case "elapsed_time":
			var elapsed seconds
			err := s.decode(&elapsed)
			out.ElapsedTime = time.Duration(elapsed)
			return err
		case "args":
			return out.readArgs(s)
		case "results":
			return s.elements(func() error { return out.readResult(s) })
		}
		return s.pass()
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (r *RunResults) readArgs(s *artifact) error {
	var args struct {
		Which string `json:"which"`
	}
	err := s.decode(&args)
	r.Command = args.Which
	return err
}

func (r *RunResults) readResult(s *artifact) error {
	var wire struct {
		UniqueID        string          `json:"unique_id"`
		Status          Status          `json:"status"`
		Message         message         `json:"message"`
		Failures        count           `json:"failures"`
		ExecutionTime   seconds         `json:"execution_time"`
		ThreadID        string          `json:"thread_id"`
		AdapterResponse json.RawMessage `json:"adapter_response"`
		Timing          []struct {
			Name        string    `json:"name"`
			StartedAt   timestamp `json:"started_at"`
			CompletedAt timestamp `json:"completed_at"`
		} `json:"timing"`
	}
	if err := s.decode(&wire); err != nil {
		return err
	}
	if wire.UniqueID == "" {
		return errors.New("a result has no unique_id")
	}
	result := Result{
		UniqueID: wire.UniqueID, Status: wire.Status, Message: string(wire.Message), Failures: int64(wire.Failures),
		ExecutionTime: time.Duration(wire.ExecutionTime), ThreadID: wire.ThreadID, AdapterResponse: wire.AdapterResponse,
	}
	for _, t := range wire.Timing {
		result.Timing = append(result.Timing, Timing{Name: t.Name, StartedAt: time.Time(t.StartedAt), CompletedAt: time.Time(t.CompletedAt)})
	}
	r.Results = append(r.Results, result)
	return nil
}

// message is a text; the first versions of dbt put a test's number of failures in its place.
type message string

func (m *message) UnmarshalJSON(b []byte) error {
	if b[0] >= '0' && b[0] <= '9' {
		*m = message(b)
		return nil
	}
	return json.Unmarshal(b, (*string)(m))
}

// count is a whole number, which some engines write with a fraction.
type count int64

func (c *count) UnmarshalJSON(b []byte) error {
	var f float64
	if n, err := strconv.ParseInt(string(b), 10, 64); err == nil {
		*c = count(n)
		return nil
	}
	if err := json.Unmarshal(b, &f); err != nil {
		return err
	}
	*c = count(within(f))
	return nil
}

// seconds is a duration, written as a number of seconds.
type seconds time.Duration

func (s *seconds) UnmarshalJSON(b []byte) error {
	var f float64
	if err := json.Unmarshal(b, &f); err != nil {
		return err
	}
	*s = seconds(within(f * float64(time.Second)))
	return nil
}

// within is f as a whole number, or the nearest one that there is.
func within(f float64) int64 {
	switch {
	case f >= math.MaxInt64:
		return math.MaxInt64
	case f <= math.MinInt64:
		return math.MinInt64
	}
	return int64(f)
}

// timestamp is a point in time; the zero time for a text that is none, which is no reason to refuse an artifact.
type timestamp time.Time

func (t *timestamp) UnmarshalJSON(b []byte) error {
	var text string
	if bytes.Equal(b, []byte("null")) {
		return nil
	}
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05"} { // the second is UTC
		if parsed, err := time.Parse(layout, strings.Replace(text, " ", "T", 1)); err == nil {
			*t = timestamp(parsed.UTC())
			return nil
		}
	}
	return nil
}
