package main

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
)

// TestQuickstart is the whole command, a little faster. How busy the machine is decides
// how much is saved, so this looks at what always holds, and recounts the figures.
func TestQuickstart(t *testing.T) {
	t.Parallel()
	var out, problems strings.Builder
	if status := run(t.Context(), []string{"--prs", "4", "--slots", "3", "--json"}, 4*time.Second, &out, &problems); status != exitOK {
		t.Fatalf("status %d: %s", status, problems.String())
	}
	var d document
	decoder := json.NewDecoder(strings.NewReader(out.String()))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		t.Fatal(err)
	}
	if decoder.More() {
		t.Error("more than one JSON document")
	}
	checkSlim(t, d.SlimCI)
	checkEnd(t, d.AutoscalingCI)
	if diff := cmp.Diff(d.SlimCI.Pushes, d.AutoscalingCI.Pushes); diff != "" {
		t.Errorf("the modes got different pushes: %s", diff)
	}
	if d.AutoscalingCI.Figures.ClonesMade == 0 {
		t.Error("autoscaling made no clone, although the job is busy and slots are free")
	}
	text := report(d, pen{})
	checkWidth(t, text)
	checkTable(t, out.String(), text)
}

// TestModes is both modes in virtual time, without sockets: there every promise of
// Autoscaling CI can be held to.
func TestModes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		prs, slots int
		seed       uint64
	}{{1, 1, 1}, {2, 1, 2}, {4, 3, 1}, {6, 4, 1}, {7, 2, 3}} {
		t.Run(fmt.Sprintf("%d prs, %d slots, seed %d", tt.prs, tt.slots, tt.seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				pushes := newScenario(tt.prs, tt.seed)
				d := document{PullRequests: tt.prs, Slots: tt.slots, Seed: tt.seed, MinutesPerSecond: 20}
				d.SlimCI = virtually(t, d, pushes, triggerOnly)
				d.AutoscalingCI = virtually(t, d, pushes, autoscale)
				if err := d.count(); err != nil {
					t.Fatal(err)
				}
				checkSlim(t, d.SlimCI)
				checkEnd(t, d.AutoscalingCI)
				checkAutoscaling(t, d, tt.slots)
				checkFaster(t, d)
				checkWidth(t, report(d, pen{}))
			})
		})
	}
}

// virtually runs a mode within the process.
func virtually(t *testing.T, d document, pushes []push, do runner) mode {
	t.Helper()
	s := newStage(d, pushes)
	s.connect = func() (*dbtcloud.Client, error) { return s.fake.Client() }
	m, err := s.perform(t.Context(), pushes, do)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// checkFaster wants the results of autoscaling sooner.
func checkFaster(t *testing.T, d document) {
	t.Helper()
	if slim, auto := d.SlimCI.Figures, d.AutoscalingCI.Figures; auto.MeanResult >= slim.MeanResult {
		t.Errorf("with autoscaling a result took %.0f s on average, without %.0f s", auto.MeanResult, slim.MeanResult)
	}
}

// checkSlim wants every commit run once to its end, one at a time, for as long as the
// scenario says.
func checkSlim(t *testing.T, m mode) {
	t.Helper()
	if len(m.Runs) != len(m.Pushes) || len(m.Jobs) != 1 {
		t.Fatalf("%d runs for %d pushes, on %d jobs", len(m.Runs), len(m.Pushes), len(m.Jobs))
	}
	for _, p := range m.Pushes {
		i := slices.IndexFunc(m.Runs, func(r runRecord) bool { return r.SHA == p.SHA && r.Status == success })
		if i < 0 {
			t.Fatalf("%s has no successful run", p.Commit)
		}
		r := m.Runs[i]
		if *r.Queued < p.At || i > 0 && *r.Started < *m.Runs[i-1].Finished {
			t.Errorf("the run of %s came before its push or before its turn: %+v", p.Commit, r)
		}
		if ran := *r.Finished - *r.Started; math.Abs(float64(ran-p.RunLength)) > 0.01 {
			t.Errorf("the run of %s took %.2f s, want %.2f", p.Commit, ran, p.RunLength)
		}
	}
}

// checkEnd wants every last commit tested once, every run ended, and no clone left.
func checkEnd(t *testing.T, m mode) {
	t.Helper()
	for _, p := range lastCommits(m.Pushes) {
		if n := count(m.Runs, func(r runRecord) bool { return r.SHA == p.SHA && r.Status == success }); n != 1 {
			t.Errorf("the last commit %s has %d successful runs, want 1", p.Commit, n)
		}
	}
	for _, r := range m.Runs {
		if r.Finished == nil {
			t.Errorf("run %d has not ended", r.ID)
		}
	}
	for _, j := range m.Jobs {
		if (j.Deleted == nil) != (j.ID == m.JobID) {
			t.Errorf("of job %d and its clones only the job must be there: %+v", m.JobID, j)
		}
	}
}

// checkAutoscaling wants outdated runs cancelled before newer ones are triggered, and
// clones where slots allow.
func checkAutoscaling(t *testing.T, d document, slots int) {
	t.Helper()
	m, look := d.AutoscalingCI, seconds(looks(d.speed()).Seconds()*d.speed())
	for _, r := range m.Runs {
		stale := outdated(m.Pushes, r.SHA)
		if *r.Finished > stale+cancelDelay+look {
			t.Errorf("run %d of %s went on until %.0f, although there was a newer commit at %.0f", r.ID, m.commit(r.SHA), *r.Finished, stale)
		}
		for _, other := range m.Runs {
			if m.newer(other, r) && *other.Queued < *r.Finished {
				t.Errorf("run %d of %s was triggered before run %d of %s had ended", other.ID, m.commit(other.SHA), r.ID, m.commit(r.SHA))
			}
		}
	}
	if f := m.Figures; f.CancelledOutdated == 0 || (f.ClonesMade > 0) != (slots > 1) {
		t.Errorf("want outdated runs cancelled, and clones if there is more than one slot: %+v", f)
	}
}

// newer tells whether a run tests a newer commit of the pull request than another.
func (m mode) newer(r, than runRecord) bool {
	return r.PullRequest == than.PullRequest && m.commit(r.SHA) > m.commit(than.SHA)
}

func count[T any](all []T, is func(T) bool) (n int) {
	for _, one := range all {
		if is(one) {
			n++
		}
	}
	return n
}

var numbers = regexp.MustCompile(`pull request (\d+)\s+([\d.]+)\s+([\d.]+)\s+([\d.]+)\s+([\d.]+)\s+(-?[\d.]+)`)

// checkTable recounts what is printed from nothing but the JSON text.
func checkTable(t *testing.T, document, text string) {
	t.Helper()
	var raw map[string]any
	if err := json.Unmarshal([]byte(document), &raw); err != nil {
		t.Fatal(err)
	}
	var want [][]string
	for pr := 1; pr <= 4; pr++ {
		start, result := recount(raw["slim_ci"], pr)
		autoStart, autoResult := recount(raw["autoscaling_ci"], pr)
		row := []string{strconv.Itoa(pr)}
		for _, s := range []float64{start, result, autoStart, autoResult, result - autoResult} {
			row = append(row, fmt.Sprintf("%.1f", s/60))
		}
		want = append(want, row)
	}
	var got [][]string
	for _, found := range numbers.FindAllStringSubmatch(text, -1) {
		got = append(got, found[1:])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the printed waits are not those of the records: %s", diff)
	}
	checkConclusion(t, raw, text)
}

// recount is how long the last commit of a pull request waited, from the raw records.
func recount(m any, pr int) (start, result float64) {
	last := map[string]any{"at": -1.0}
	for _, p := range list(m, "pushes") {
		if p["pull_request"] == float64(pr) && p["at"].(float64) > last["at"].(float64) {
			last = p
		}
	}
	for _, r := range list(m, "runs") {
		if r["sha"] == last["sha"] && r["status"] == "Success" {
			return r["started"].(float64) - last["at"].(float64), r["finished"].(float64) - last["at"].(float64)
		}
	}
	return math.NaN(), math.NaN()
}

func list(m any, name string) (out []map[string]any) {
	for _, v := range m.(map[string]any)[name].([]any) {
		out = append(out, v.(map[string]any))
	}
	return out
}

// checkConclusion recounts the closing lines.
func checkConclusion(t *testing.T, raw map[string]any, text string) {
	t.Helper()
	auto := raw["autoscaling_ci"]
	deleted := count(list(auto, "jobs"), func(j map[string]any) bool { return j["deleted"] != nil })
	shas := map[any]int{}
	for _, r := range list(auto, "runs") {
		shas[r["sha"]]++
	}
	dropped := 0
	for _, r := range list(auto, "runs") {
		if shas[r["sha"]]--; r["status"] == "Cancelled" && shas[r["sha"]] == 0 {
			dropped++
		}
	}
	for _, part := range []string{
		counted(dropped, "outdated run") + " cancelled",
		fmt.Sprintf("took %.1f minutes instead of %.1f", running(auto)/60, running(raw["slim_ci"])/60),
		fmt.Sprintf("%s of the job made, %d deleted", counted(len(list(auto, "jobs"))-1, "clone"), deleted),
	} {
		if !strings.Contains(text, part) {
			t.Errorf("the report does not say %q:\n%s", part, text)
		}
	}
}

// running is how long all runs took together.
func running(m any) (sum float64) {
	for _, r := range list(m, "runs") {
		if r["started"] != nil {
			sum += r["finished"].(float64) - r["started"].(float64)
		}
	}
	return sum
}
