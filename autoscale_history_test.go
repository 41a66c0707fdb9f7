package dbtcloud_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/slimci/dbtcloud/dbtcloudtest"
	"github.com/slimci/dbtcloud/internal/invariants"
)

// causeMarker is what runs carry in their cause, read without the help of the code under test:
// tool and host, source, number, commit, sequence, nonce, first run and whether somebody waits.
var causeMarker = regexp.MustCompile(`^dci:[glao][0-9a-z]+\.[0-9a-z]+\.[0-9a-f-]+\.([0-9a-z]+)\.([0-9a-z]{8})\.([0-9a-z]+)[wn]( |$)`)

// cleanupMarker is the same of a cleanup: tool and host, source, number, sequence and nonce.
var cleanupMarker = regexp.MustCompile(`^dci-cleanup:([glao])[0-9a-z]+\.([0-9a-z]+)\.[0-9a-z]+\.([0-9a-z]{8})( |$)`)

// hosts are the git hosts by their letters in markers.
func hosts() map[string]dbtcloudtest.GitHost {
	return map[string]dbtcloudtest.GitHost{"g": dbtcloudtest.GitHub, "l": dbtcloudtest.GitLab, "a": dbtcloudtest.AzureRepos, "o": dbtcloudtest.OtherHost}
}

// writing is a request that is no GET, with who sent it.
type writing struct {
	exchange
	by     int
	id     int64 // in the path
	nonce  string
	create bool
	run    bool // it triggers
	cancel bool
}

// writings are the requests of all runners that change something, in the order of their arrival.
func (p *play) writings() []writing {
	var out []writing
	for i, r := range p.runners {
		for _, e := range r.tap.log {
			if e.method == http.MethodGet {
				continue
			}
			w := writing{exchange: e, by: i}
			if m := idInPath.FindStringSubmatch(e.path); m != nil {
				w.id, _ = strconv.ParseInt(m[2], 10, 64)
			}
			post := e.method == http.MethodPost
			w.create = post && strings.HasSuffix(e.path, "/jobs/")
			w.run = post && strings.HasSuffix(e.path, "/run/")
			w.cancel = post && strings.HasSuffix(e.path, "/cancel/")
			if w.run {
				var body struct{ Cause string }
				_ = json.Unmarshal(e.body, &body)
				if m := causeMarker.FindStringSubmatch(body.Cause); m != nil {
					w.nonce = m[2]
				}
				if m := cleanupMarker.FindStringSubmatch(body.Cause); m != nil {
					w.nonce = m[3]
				}
			}
			out = append(out, w)
		}
	}
	return out
}

// history is what happened to one of the autoscaled jobs.
func (p *play) history(family int) *invariants.History {
	s := p.s.Server
	h := &invariants.History{Source: p.sources[family], Timing: invariants.Timing{ListLag: s.Lag, CancelLatency: s.Cancel, Requests: 10*s.Net + s.ReadLag + 5*time.Second}}
	writings := p.writings()
	p.addJobs(h, writings)
	p.addRuns(h, writings)
	requests := p.server.Requests()
	faults := map[int64]bool{}
	for _, r := range requests {
		faults[r.At.UnixNano()] = r.Fault != ""
	}
	// The other family's invocations keep their places, but are none of this history's pull requests.
	for i, r := range p.runners {
		h.Invocations = append(h.Invocations, p.invocation(h, i, r, faults))
	}
	h.Requests = p.requests(requests)
	for _, w := range writings {
		if p.s.Plans[w.by].Family != family {
			continue
		}
		switch {
		case w.cancel:
			h.Cancels = append(h.Cancels, invariants.Cancel{By: w.by, At: w.at, Run: w.id})
		case w.create:
			h.Clonings = append(h.Clonings, p.cloning(w))
		case !w.run && strings.Contains(w.path, "/jobs/"):
			j, _ := p.server.Job(w.id)
			h.Writes = append(h.Writes, invariants.Write{By: w.by, At: w.at, Job: w.id, Delete: w.method == http.MethodDelete, Done: j.DeletedAt.Equal(w.at)})
		}
	}
	return h
}

// addJobs tells apart what our invocations created.
func (p *play) addJobs(h *invariants.History, writings []writing) {
	created := map[int64]int64{}
	for _, w := range writings {
		if w.create {
			created[w.at.UnixNano()] = p.sources[p.s.Plans[w.by].Family]
		}
	}
	for _, j := range p.server.Jobs() {
		h.Jobs = append(h.Jobs, invariants.Job{ID: j.ID, CloneOf: created[j.CreatedAt.UnixNano()], Kept: created[j.CreatedAt.UnixNano()] != 0 && p.s.Plans[0].Settings.Keep, Deleted: j.DeletedAt})
	}
}

// addRuns finds out who triggered each run, and what that runner had seen.
func (p *play) addRuns(h *invariants.History, writings []writing) {
	by := map[string]int{}
	trigger := map[int64]writing{}
	for _, w := range writings {
		if w.run {
			by[w.nonce], trigger[w.at.UnixNano()] = w.by, w
		}
	}
	for _, r := range p.server.Runs() {
		run := invariants.Run{ID: r.ID, JobID: r.JobID, SHA: r.SHA, Schema: r.Schema, First: r.ID, By: -1,
			Created: r.CreatedAt, Started: r.StartedAt, Finished: r.FinishedAt, Completed: r.Status == dbtcloudtest.Success || r.Status == dbtcloudtest.Error,
			Dying: !r.CancelRequestedAt.IsZero(), Platform: r.Native && r.CancelledBy == "platform"}
		if r.PullRequest.Number > 0 {
			run.PR = fmt.Sprintf("%s#%d", r.PullRequest.Host, r.PullRequest.Number)
		}
		if m := causeMarker.FindStringSubmatch(r.Cause); m != nil {
			run.Sequence, _ = strconv.ParseInt(m[1], 36, 64)
			if first, _ := strconv.ParseInt(m[3], 36, 64); first > 0 {
				run.First = first
			}
			if i, ok := by[m[2]]; ok {
				run.By = i
			}
		}
		if m := cleanupMarker.FindStringSubmatch(r.Cause); m != nil {
			number, _ := strconv.ParseInt(m[2], 36, 64)
			run.Cleans = fmt.Sprintf("%s#%d", hosts()[m[1]], number)
			if i, ok := by[m[3]]; ok {
				run.By = i
			}
		}
		if w, ok := trigger[r.CreatedAt.UnixNano()]; ok {
			for _, s := range w.shown() {
				if !p.knownOver(w, int64(s.ID)) {
					run.Seen = append(run.Seen, int64(s.ID))
				}
			}
		}
		h.Runs = append(h.Runs, run)
	}
}

// knownOver tells whether a runner had read a run after its end.
func (p *play) knownOver(w writing, run int64) bool {
	r, _ := p.server.Run(run)
	read, ok := w.known[run]
	return ok && !r.FinishedAt.IsZero() && !read.Before(r.FinishedAt)
}

func (p *play) cloning(w writing) invariants.Cloning {
	c := p.s.Plans[w.by].Settings
	out := invariants.Cloning{By: w.by, Auto: c.Mode == "" || c.Mode == "auto", Slots: w.runSlots(), Most: c.Slots}
	for _, s := range w.shown() {
		out.Active = append(out.Active, invariants.Active{ID: int64(s.ID), JobID: int64(s.JobID), Queued: s.Status == dbtcloudtest.Queued})
		if p.knownOver(w, int64(s.ID)) {
			out.Ended = append(out.Ended, int64(s.ID))
		}
	}
	return out
}

func (p *play) invocation(h *invariants.History, i int, r *runner, faults map[int64]bool) invariants.Invocation {
	inv := invariants.Invocation{Name: r.name, PR: r.Change.PullRequest.String(), SHA: r.Change.SHA, Schema: r.Settings.Schema, Sequence: r.Change.Sequence,
		Begun: r.begun, Ended: r.ended, Waits: !r.Settings.NoWait, Poll: r.Settings.Poll, Closes: r.Close}
	source := p.sources[r.Family]
	if source != h.Source {
		inv.PR = ""
	}
	if inv.Schema == "" {
		inv.Schema = fmt.Sprintf("dbt_cloud_pr_%d_%d", source, r.Change.PullRequest.Number)
	}
	if r.run != nil && r.run.Run != nil {
		inv.Run = r.run.Run.ID
	}
	if r.run != nil {
		inv.Instead = r.run.SupersededBy
	}
	if r.report.Cleanup != nil {
		inv.Run = r.report.Cleanup.ID
	}
	if inv.Fate, inv.Why = r.fate(); r.err != nil {
		inv.Text = r.err.Error()
	}
	for _, e := range r.tap.log {
		if faults[e.at.UnixNano()] {
			inv.Faults = append(inv.Faults, e.at)
		}
	}
	return inv
}

// senders are the runners by the instants at which their requests reached the server.
func (p *play) senders() map[int64]int {
	by := map[int64]int{}
	for i, r := range p.runners {
		for _, e := range r.tap.log {
			by[e.at.UnixNano()] = i
		}
	}
	return by
}

// requests are those of the runners, as the server judged them.
func (p *play) requests(all []dbtcloudtest.Request) []invariants.Request {
	by := p.senders()
	var out []invariants.Request
	for _, r := range all {
		if i, ok := by[r.At.UnixNano()]; ok {
			out = append(out, invariants.Request{By: i, Operation: r.Operation, Status: r.Status, Injected: r.Fault != "", Unknown: r.Unknown})
		}
	}
	return out
}
