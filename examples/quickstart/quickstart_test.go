package main

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestQuickstart is the whole command, a little faster: what it promises, and that its
// figures can be recounted from the records.
func TestQuickstart(t *testing.T) {
	t.Parallel()
	var out, problems strings.Builder
	if status := run(t.Context(), []string{"--prs", "4", "--slots", "3", "--json"}, 3*time.Second, &out, &problems); status != exitOK {
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
	checkAutoscaling(t, d.AutoscalingCI)
	if diff := cmp.Diff(d.SlimCI.Pushes, d.AutoscalingCI.Pushes); diff != "" {
		t.Errorf("the modes got different pushes: %s", diff)
	}
	if slim, auto := d.SlimCI.Figures, d.AutoscalingCI.Figures; auto.MeanResult >= slim.MeanResult || auto.MeanStart >= slim.MeanStart {
		t.Errorf("autoscaling waited no less: to the start %.0f, alone %.0f; to the result %.0f, alone %.0f", auto.MeanStart, slim.MeanStart, auto.MeanResult, slim.MeanResult)
	}
	text := report(d, pen{})
	checkWidth(t, text)
	checkTable(t, out.String(), text)
}

// checkSlim wants every commit run once to its end, in the order of the triggers,
// one at a time, for as long as the scenario says.
func checkSlim(t *testing.T, m mode) {
	t.Helper()
	if len(m.Runs) != len(m.Pushes) || len(m.Jobs) != 1 {
		t.Fatalf("%d runs for %d pushes, on %d jobs", len(m.Runs), len(m.Pushes), len(m.Jobs))
	}
	last := seconds(0)
	for i, r := range m.Runs {
		if r.Status != success || r.SHA != m.Pushes[i].SHA || *r.Started < last {
			t.Errorf("run %d is not the next one that ran: %+v, after %.1f", i, r, last)
		}
		if ran := *r.Finished - *r.Started; math.Abs(float64(ran-m.Pushes[i].RunLength)) > 0.01 {
			t.Errorf("the run of %s took %.2f s, want %.2f", m.Pushes[i].Commit, ran, m.Pushes[i].RunLength)
		}
		if late := *r.Queued - m.Pushes[i].At; late < 0 {
			t.Errorf("%s was triggered before it was pushed", m.Pushes[i].Commit)
		}
		last = *r.Finished
	}
}

// checkAutoscaling wants every last commit tested, older commits cancelled by newer
// ones, and no clone left.
func checkAutoscaling(t *testing.T, m mode) {
	t.Helper()
	for _, p := range lastCommits(m.Pushes) {
		if n := count(m.Runs, func(r runRecord) bool { return r.SHA == p.SHA && r.Status == success }); n != 1 {
			t.Errorf("the last commit %s has %d successful runs, want 1", p.Commit, n)
		}
	}
	for _, r := range m.Runs {
		if stale := outdated(m.Pushes, r.SHA); r.Status == success && *r.Finished > stale+minute {
			t.Errorf("the run of %s went on until %.0f, although there was a newer commit at %.0f", m.commit(r.SHA), *r.Finished, stale)
		}
	}
	if f := m.Figures; f.CancelledOutdated == 0 || f.ClonesMade == 0 || f.ClonesMade != f.ClonesDeleted {
		t.Errorf("want outdated runs cancelled, clones made and all of them deleted: %+v", f)
	}
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
