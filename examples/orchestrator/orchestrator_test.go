package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// stage is an account that has what the plan names, in virtual time, and the log of the orchestrators on it.
type stage struct {
	*dbtcloudtest.Server
	t       *testing.T
	begun   time.Time
	changes chan change

	mu  sync.Mutex
	log bytes.Buffer
}

// onStage plays a test. Runs take a minute and succeed unless outcome says otherwise.
func onStage(t *testing.T, outcome func(dbtcloudtest.Run) dbtcloudtest.Outcome, play func(s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		fake := newFake(plan(), dbtcloudtest.WithRunTime(func(run dbtcloudtest.Run) dbtcloudtest.Outcome {
			if outcome == nil {
				return dbtcloudtest.Outcome{Duration: time.Minute}
			}
			return outcome(run)
		}))
		play(&stage{Server: fake, t: t, begun: time.Now(), changes: make(chan change)})
	})
}

// Write takes a line of the log.
func (s *stage) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(line)
}

// orchestrate has an orchestrator run for so long, and returns how long it then took to stop.
func (s *stage) orchestrate(d time.Duration) time.Duration {
	s.t.Helper()
	client, err := s.Client()
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(s.t.Context())
	defer stop()
	begun := time.Now()
	time.AfterFunc(d, stop)
	o := orchestrator{client: client, plan: plan(), log: slog.New(slog.NewJSONHandler(s, nil))}
	if err := o.run(ctx, s.changes); err != nil {
		s.t.Fatal(err)
	}
	return time.Since(begun) - d
}

// commit has a commit come after so long.
func (s *stage) commit(after time.Duration, project string, pr, n int64) {
	c := dbtcloud.Change{PullRequest: dbtcloud.PullRequest{Host: dbtcloud.GitHub, Number: pr}, SHA: fmt.Sprintf("%040x", n), Sequence: n}
	time.AfterFunc(after, func() { s.changes <- change{project, c} })
}

// logged returns the lines with that message: project, then job name or pull request, then status, as far as they are there.
func (s *stage) logged(message string) []string {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for d := json.NewDecoder(bytes.NewReader(s.log.Bytes())); ; {
		var line map[string]any
		if err := d.Decode(&line); err == io.EOF {
			return out
		} else if err != nil {
			s.t.Fatal(err)
		}
		if line["msg"] != message {
			continue
		}
		var words []string
		for _, name := range []string{"project", "pull_request", "job", "status"} {
			if word, ok := line[name].(string); ok {
				words = append(words, word)
			}
		}
		out = append(out, strings.Join(words, " "))
	}
}

// production returns when the runs of production jobs were queued, in minutes, by project and in their order.
func (s *stage) production(project string) []string {
	var out []string
	for _, p := range plan().Projects {
		for _, job := range p.Jobs {
			for _, run := range s.Runs() {
				if p.Name == project && run.JobID == job.ID {
					out = append(out, fmt.Sprintf("%02.0f %s", run.CreatedAt.Sub(s.begun).Minutes(), job.Name))
				}
			}
		}
	}
	slices.Sort(out)
	return out
}

func (s *stage) same(what string, got []string, want ...string) {
	s.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestProductionRunsInRounds(t *testing.T) {
	t.Parallel()
	onStage(t, nil, func(s *stage) {
		s.orchestrate(40 * time.Minute)
		s.same("shop", s.production("shop"),
			"00 sources", "01 models", "02 dashboards", "02 exports",
			"15 sources", "16 models", "17 dashboards", "17 exports",
			"30 sources", "31 models", "32 dashboards", "32 exports")
		s.same("finance", s.production("finance"), "00 ledger", "00 rates", "01 statements")
		if n := s.CountRequests()["GET /api/v2/accounts/{account}/runs/{id}/"]; n != 0 {
			t.Errorf("%d runs were looked at one by one", n)
		}
	})
}

func TestAFailedJobHoldsUpWhatDependsOnIt(t *testing.T) {
	t.Parallel()
	failed := false
	onStage(t, func(run dbtcloudtest.Run) dbtcloudtest.Outcome {
		o := dbtcloudtest.Outcome{Duration: time.Minute}
		if run.JobID == 102 && !failed {
			failed, o.Status = true, dbtcloudtest.Error
		}
		return o
	}, func(s *stage) {
		s.orchestrate(20 * time.Minute)
		s.same("shop", s.production("shop"), "00 sources", "01 models", "15 sources", "16 models", "17 dashboards", "17 exports")
		s.same("skipped", s.logged("skipped"), "shop dashboards", "shop exports")
	})
}

// A trigger whose answer is lost has started a run all the same: it is found, and the round goes on with it.
func TestALostAnswerStartsNoSecondRun(t *testing.T) {
	t.Parallel()
	onStage(t, func(run dbtcloudtest.Run) dbtcloudtest.Outcome {
		if run.JobID == 101 {
			return dbtcloudtest.Outcome{Duration: 20 * time.Minute}
		}
		return dbtcloudtest.Outcome{Duration: time.Minute}
	}, func(s *stage) {
		s.Inject(dbtcloudtest.Fault{Route: "POST /api/v2/accounts/{account}/jobs/101/run/", Times: 1, Kind: dbtcloudtest.LostAnswer()})
		s.orchestrate(21*time.Minute + 30*time.Second)
		s.same("shop", s.production("shop"), "00 sources", "20 models", "21 dashboards", "21 exports")
		s.same("not started", s.logged("not started"))
	})
}

func TestPullRequestsAreTestedBesideEachOther(t *testing.T) {
	t.Parallel()
	onStage(t, nil, func(s *stage) {
		s.commit(5*time.Minute, "shop", 50, 1)
		s.commit(5*time.Minute+20*time.Second, "shop", 51, 2)
		s.commit(5*time.Minute+30*time.Second, "shop", 50, 3)
		s.commit(5*time.Minute+40*time.Second, "finance", 50, 4)
		s.commit(5*time.Minute+50*time.Second, "marketing", 50, 5)
		s.orchestrate(14 * time.Minute)
		passed := s.logged("passed")
		slices.Sort(passed)
		s.same("passed", passed, "finance github#50 Success", "shop github#50 Success", "shop github#51 Success")
		s.same("superseded", s.logged("superseded"), "shop github#50 Cancelled")
		s.same("not in the plan", s.logged("not in the plan"), "marketing github#50")
		for _, job := range s.Jobs() {
			if job.ID > 1000 && job.DeletedAt.IsZero() {
				t.Errorf("job %d (%s) is left", job.ID, job.Name)
			}
		}
	})
}

// Whatever goes on and whatever the API does, stopping takes under five seconds, touches no run, and leaves a line about each.
func TestStop(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		fault dbtcloudtest.Fault
	}{
		{"while all is well", dbtcloudtest.Fault{}},
		{"while nothing answers", dbtcloudtest.Fault{Kind: dbtcloudtest.Hang()}},
		{"while everything fails", dbtcloudtest.Fault{Kind: dbtcloudtest.Status(503, dbtcloudtest.HTMLBody)}},
		{"in a pause after a 429", dbtcloudtest.Fault{Kind: dbtcloudtest.TooManyRequests(time.Minute, 0)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			endless := func(dbtcloudtest.Run) dbtcloudtest.Outcome { return dbtcloudtest.Outcome{Duration: -1} }
			onStage(t, endless, func(s *stage) {
				s.commit(time.Minute, "shop", 50, 1)
				s.At(s.begun.Add(10*time.Minute-30*time.Second), func(s *dbtcloudtest.Server) { s.Inject(tt.fault) })
				if took := s.orchestrate(10 * time.Minute); took > 5*time.Second {
					t.Errorf("stopping took %v", took)
				}
				said := s.logged("still running")
				slices.Sort(said)
				s.same("still running", said, "finance ledger Running", "finance rates Running", "shop github#50 Running", "shop sources Running")
				for _, run := range s.Runs() {
					if run.Status != dbtcloudtest.Running {
						t.Errorf("run %d is %s", run.ID, run.Status)
					}
				}
			})
		})
	}
}

// A trigger that is on its way when the stop comes is waited for, so that its run is known.
func TestStopDuringATrigger(t *testing.T) {
	t.Parallel()
	onStage(t, nil, func(s *stage) {
		s.Inject(dbtcloudtest.Fault{Route: "POST /api/v2/accounts/{account}/jobs/{id}/run/", Kind: dbtcloudtest.Slow(3 * time.Second)})
		if took := s.orchestrate(time.Second); took > 5*time.Second {
			t.Errorf("stopping took %v", took)
		}
		said := s.logged("still running")
		slices.Sort(said)
		s.same("still running", said, "finance ledger Queued", "shop sources Queued")
		if n := len(s.Runs()); n != 2 {
			t.Errorf("%d runs, want the two that had been triggered", n)
		}
	})
}

// Another process takes up what the first has left, and neither job nor pull request runs twice.
func TestStopAndStartAgain(t *testing.T) {
	t.Parallel()
	onStage(t, func(dbtcloudtest.Run) dbtcloudtest.Outcome { return dbtcloudtest.Outcome{Duration: 10 * time.Minute} }, func(s *stage) {
		s.commit(time.Minute, "shop", 50, 1)
		s.orchestrate(5 * time.Minute)
		s.commit(0, "shop", 50, 1)
		s.orchestrate(9 * time.Minute)
		s.same("shop", s.production("shop"), "00 sources", "10 models")
		s.same("finance", s.production("finance"), "00 ledger", "00 rates", "10 statements")
		s.same("passed", s.logged("passed"), "shop github#50 Success")
		if n := len(s.Runs()); n != 6 {
			t.Errorf("%d runs, want six", n)
		}
	})
}
