package main

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/slimci/dbtcloud"
)

// runStatuses is a flag for statuses of runs, by the words that the output has for them.
func runStatuses() several[dbtcloud.RunStatus] {
	known := map[string][]dbtcloud.RunStatus{"active": dbtcloud.Active()}
	for _, status := range append(dbtcloud.Active(), dbtcloud.RunSuccess, dbtcloud.RunError, dbtcloud.RunCancelled) {
		known[strings.ToLower(status.String())] = []dbtcloud.RunStatus{status}
	}
	return several[dbtcloud.RunStatus]{
		want: "some of queued, starting, running, success, error, cancelled, active",
		parse: func(word string) ([]dbtcloud.RunStatus, bool) {
			meant, ok := known[word]
			return meant, ok
		},
	}
}

// moment is a flag for a point in time: a date, or how long ago it was.
type moment struct {
	at  time.Time
	ago time.Duration
}

// Set reads 90m, 24h or 7d, and 2025-01-31 or 2025-01-31T06:00:00Z.
func (m *moment) Set(s string) error {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, s); err == nil {
			*m = moment{at: at}
			return nil
		}
	}
	ago, err := time.ParseDuration(s)
	if days, isDays := strings.CutSuffix(s, "d"); isDays {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 16)
		ago = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || ago <= 0 {
		return errors.New("must be a length of time such as 90m, 24h or 7d, or a date such as 2025-01-31 or 2025-01-31T06:00:00Z")
	}
	*m = moment{ago: ago}
	return nil
}

// Type is the placeholder in the help.
func (m *moment) Type() string { return "time" }

func (m *moment) String() string {
	switch {
	case m.ago > 0:
		return m.ago.String()
	case m.given():
		return m.at.Format(time.RFC3339)
	}
	return ""
}

func (m *moment) given() bool { return *m != moment{} }

// before is the point in time, where it is counted back from now.
func (m *moment) before(now time.Time) time.Time {
	if m.ago > 0 {
		return now.Add(-m.ago)
	}
	return m.at
}
