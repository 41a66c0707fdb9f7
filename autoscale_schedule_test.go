package dbtcloud_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

// schedule is everything that is random about one play of [play]: equal schedules are played equally.
type schedule struct {
	Seed    uint64
	Server  serverPlan
	Plans   []runnerPlan
	Foreign []foreignRun
	Faults  []dbtcloudtest.Fault
}

// serverPlan is how the account is and behaves. Durations are the longest.
type serverPlan struct {
	Slots, QueueLimit, PageSize                 int
	Lag, Cancel, Queued, Starting, Running, Net time.Duration
	ReadLag                                     time.Duration
	ReadMisses                                  int
	Forbidden, Native, Noise, StringIDs         bool
	Envelope, DeletedJobs                       bool
	Override, Secret                            bool
	Families                                    int // Slim CI jobs of the project that are autoscaled
}

// runnerPlan is one invocation: what it is asked for, and how it fares.
type runnerPlan struct {
	Start    time.Duration
	Family   int
	Change   dbtcloud.Change
	Settings settings
	KillAt   int  // at this request of its own; 0: never
	KillWork bool // after the server has done it
	OfWrites bool // of those that change something
	Leave    time.Duration
	Close    bool // closes the pull request instead, or ends what was begun for its commit
	Cleanup  bool // and cleans up
}

// settings are the fields of an AutoscaleCI that a schedule varies.
type settings struct {
	Mode           dbtcloud.Mode
	Schema         string
	Slots, Clones  int
	NoMove, NoWait bool
	Keep, Detach   bool
	Poll           time.Duration
}

// foreignRun is a run that nobody of us triggers.
type foreignRun struct {
	At   time.Duration
	Job  foreignJob
	PR   dbtcloudtest.PullRequest
	SHA  string
	Step time.Duration
}

// foreignJob says whose job a foreign run is on.
type foreignJob int

const (
	onSource       foreignJob = iota // the Slim CI job itself, by its webhook
	onProduction                     // a job of the same project
	onOtherProject                   // a Slim CI job of another project, whose pull requests have the same numbers
	onNamesake                       // a job whose name begins as our clones' names do
	foreignJobs
)

// weather is what a schedule has to survive.
type weather int

const (
	calm   weather = iota // fresh lists, nobody fails
	stale                 // lists lag
	deadly                // and runners die
	stormy                // and requests fail
	weathers
)

func schedules() *rapid.Generator[schedule] {
	return rapid.Custom(func(t *rapid.T) schedule {
		w := weather(rapid.IntRange(0, int(weathers)-1).Draw(t, "weather"))
		s := schedule{Seed: rapid.Uint64().Draw(t, "seed"), Server: drawServer(t, w)}
		span := drawUpTo(t, "span", 20*time.Minute)
		common := drawSettings(t)
		size := rapid.SampledFrom(sizes()).Draw(t, "pull requests")
		for i := range size {
			s.Plans = append(s.Plans, drawPullRequest(t, w, &s, i, size > 8, span, common)...)
		}
		for range rapid.SampledFrom([]int{0, 0, 1, 2, 5, 10}).Draw(t, "foreign runs") {
			s.Foreign = append(s.Foreign, drawForeign(t, s.Plans, span))
		}
		if w == stormy {
			s.Faults = drawFaults(t)
		}
		s.shorten()
		return s
	})
}

// sizes are numbers of pull requests: every fiftieth schedule has 30 of them, most have few.
func sizes() []int {
	var sizes []int
	for n := range 50 {
		sizes = append(sizes, 1+n%8)
	}
	return slices.Replace(sizes, 30, 34, 12, 12, 20, 30)
}

// shorten keeps what a schedule costs to play in bounds: where many runners wait for each other, runs are shorter and
// looks rarer.
func (s *schedule) shorten() {
	lanes := time.Duration(s.Server.Slots)
	if m := s.Plans[0].Settings.Mode; m == dbtcloud.ModeQueue || m == dbtcloud.ModeNative || s.Server.Secret {
		lanes = 1
	}
	runners := time.Duration(len(s.Plans))
	s.Server.Running = max(min(s.Server.Running, 30*time.Minute*lanes/runners), 5*time.Second)
	rare := min(s.Server.Running*runners*runners/lanes/300, time.Minute)
	for i := range s.Plans {
		s.Plans[i].Settings.Poll = max(s.Plans[i].Settings.Poll, rare)
	}
	if rare > 10*time.Second {
		s.Server.ReadMisses = 0 // the second look comes after the minute in which a run may be missing
	}
	if len(s.Plans) > 12 {
		s.Server.Noise, s.Server.StringIDs = false, false // they double the size of every answer
	}
}

func drawServer(t *rapid.T, w weather) serverPlan {
	p := serverPlan{
		Slots:      rapid.IntRange(1, 8).Draw(t, "slots"),
		QueueLimit: rapid.SampledFrom([]int{0, 50, 50, 50, 12}).Draw(t, "queue limit"),
		PageSize:   rapid.SampledFrom([]int{100, 100, 100, 7, 3}).Draw(t, "page size"),
		Cancel:     rapid.SampledFrom([]time.Duration{0, 5 * time.Second, 30 * time.Second, 75 * time.Second, 3 * time.Minute}).Draw(t, "cancel latency"),
		Queued:     drawUpTo(t, "queued", 10*time.Second), Starting: drawUpTo(t, "starting", 20*time.Second),
		Running:    time.Duration(rapid.IntRange(5, 360).Draw(t, "running")) * time.Second,
		Net:        time.Duration(rapid.IntRange(2, 800).Draw(t, "net")) * time.Millisecond,
		ReadLag:    rapid.SampledFrom([]time.Duration{0, 0, 0, 3 * time.Second}).Draw(t, "read lag"),
		ReadMisses: rapid.SampledFrom([]int{0, 0, 0, 2}).Draw(t, "read misses"),
		Forbidden:  one(t, 6, "forbidden"), Native: one(t, 12, "native"), Noise: rapid.Bool().Draw(t, "noise"),
		StringIDs: one(t, 8, "string ids"), Envelope: rapid.Bool().Draw(t, "envelope"), DeletedJobs: rapid.Bool().Draw(t, "deleted jobs"),
		Override: one(t, 4, "override"), Secret: one(t, 10, "secret"),
		Families: 1 + rapid.SampledFrom([]int{0, 0, 1}).Draw(t, "families"),
	}
	if w != calm {
		p.Lag = rapid.SampledFrom([]time.Duration{time.Second, 5 * time.Second, 20 * time.Second}).Draw(t, "list lag")
	}
	return p
}

func drawSettings(t *rapid.T) settings {
	s := settings{
		Mode:   rapid.SampledFrom([]dbtcloud.Mode{"", "", "", "", dbtcloud.ModeClone, dbtcloud.ModeQueue, dbtcloud.ModeNative}).Draw(t, "mode"),
		Slots:  rapid.SampledFrom([]int{0, 0, 2, 5}).Draw(t, "max slots"),
		Clones: rapid.SampledFrom([]int{0, 0, 1, 4}).Draw(t, "max clones"),
		Keep:   one(t, 12, "keep"),
	}
	if one(t, 15, "schema") {
		s.Schema = "shared_by_all"
	}
	return s
}

// drawPullRequest draws the pushes of one pull request, and the runners of each.
func drawPullRequest(t *rapid.T, w weather, s *schedule, i int, many bool, span time.Duration, common settings) []runnerPlan {
	pr := dbtcloud.PullRequest{
		Host:   rapid.SampledFrom([]dbtcloud.GitHost{dbtcloud.GitHub, dbtcloud.GitHub, dbtcloud.GitLab, dbtcloud.AzureRepos, dbtcloud.OtherHost}).Draw(t, "host"),
		Number: int64(i + 1),
	}
	if one(t, 6, "same number") {
		pr.Number = int64(i/2 + 1)
	}
	family := rapid.IntRange(0, s.Server.Families-1).Draw(t, "family")
	numbered := rapid.SampledFrom([]int{0, 10, 10, 5}).Draw(t, "with sequence") // of ten pushes
	at := drawUpTo(t, "first push", span)
	var plans []runnerPlan
	pushes, runners := []int{1, 2, 2, 3, 5}, []int{1, 1, 1, 2, 3}
	if many {
		pushes, runners = []int{1, 1, 1, 2}, []int{1, 1, 1, 1, 2}
	}
	for n := range rapid.SampledFrom(pushes).Draw(t, "pushes") {
		change := dbtcloud.Change{PullRequest: pr, SHA: fmt.Sprintf("%08x%032x", 16*(i+1)+n, n+1)}
		if rapid.IntRange(1, 10).Draw(t, "numbered") <= numbered {
			change.Sequence = int64(n + 1)
		}
		for range rapid.SampledFrom(runners).Draw(t, "runners") {
			plans = append(plans, drawRunner(t, w, runnerPlan{Start: at, Family: family, Change: change, Settings: common}))
		}
		at += rapid.SampledFrom([]time.Duration{0, time.Second, 10 * time.Second, time.Minute, 5 * time.Minute}).Draw(t, "gap")
	}
	if one(t, 12, "close") {
		plans = append(plans, runnerPlan{Start: at, Family: family, Change: dbtcloud.Change{PullRequest: pr}, Settings: common, Close: true})
	}
	return plans
}

// closings are schedules of pull requests that are closed with a cleanup, and reopened, and of hooks of pipelines that
// were killed. Every pipeline has a sequence.
func closings() *rapid.Generator[schedule] {
	return rapid.Custom(func(t *rapid.T) schedule {
		w := weather(rapid.IntRange(0, int(weathers)-1).Draw(t, "weather"))
		s := schedule{Seed: rapid.Uint64().Draw(t, "seed"), Server: drawServer(t, w)}
		s.Server.Families = 1
		common := drawSettings(t)
		common.Schema, common.Keep = "", false
		for i := range rapid.IntRange(1, 3).Draw(t, "pull requests") {
			s.Plans = append(s.Plans, drawClosings(t, w, int64(i+1), common)...)
		}
		for range rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, "foreign runs") {
			s.Foreign = append(s.Foreign, drawForeign(t, s.Plans, 5*time.Minute))
		}
		if w == stormy {
			s.Faults = drawFaults(t)
		}
		s.shorten()
		return s
	})
}

// drawClosings draws the pipelines of one pull request: pushes, closes and hooks.
func drawClosings(t *rapid.T, w weather, number int64, common settings) []runnerPlan {
	pr := dbtcloud.PullRequest{Host: rapid.SampledFrom([]dbtcloud.GitHost{dbtcloud.GitHub, dbtcloud.OtherHost}).Draw(t, "host"), Number: number}
	at := drawUpTo(t, "first push", 2*time.Minute)
	var plans []runnerPlan
	last := dbtcloud.Change{PullRequest: pr}
	for n := range rapid.IntRange(2, 6).Draw(t, "pipelines") {
		p := runnerPlan{Start: at, Change: dbtcloud.Change{PullRequest: pr, Sequence: int64(n + 1)}, Settings: common}
		switch kind := rapid.SampledFrom([]string{"push", "push", "close", "close", "hook"}).Draw(t, "kind"); {
		case kind == "close":
			p.Close, p.Cleanup = true, true
		case kind == "hook" && last.SHA != "":
			p.Close, p.Change = true, last
		default:
			p.Change.SHA = fmt.Sprintf("%08x%032x", 16*number+int64(n), n+1)
			last = p.Change
		}
		plans = append(plans, drawRunner(t, w, p))
		at += rapid.SampledFrom([]time.Duration{0, time.Second, 5 * time.Second, 20 * time.Second, time.Minute, 5 * time.Minute}).Draw(t, "gap")
	}
	return plans
}

// drawRunner draws what is particular about one runner: it may come late, leave early, or die.
func drawRunner(t *rapid.T, w weather, p runnerPlan) runnerPlan {
	p.Start += rapid.SampledFrom([]time.Duration{0, 0, 300 * time.Millisecond, 2 * time.Second, 15 * time.Second, 2 * time.Minute}).Draw(t, "late")
	p.Settings.NoMove = one(t, 5, "no move")
	p.Settings.NoWait = one(t, 4, "no wait")
	p.Settings.Detach = one(t, 3, "detach")
	p.Settings.Poll = time.Duration(rapid.IntRange(2, 30).Draw(t, "poll")) * time.Second
	if one(t, 8, "leaves") {
		p.Leave = time.Second + drawUpTo(t, "leave", 5*time.Minute)
	}
	if w >= deadly && one(t, 3, "dies") {
		p.KillAt = rapid.IntRange(1, 25).Draw(t, "request")
		p.KillWork = rapid.Bool().Draw(t, "after work")
		if p.OfWrites = rapid.Bool().Draw(t, "of writes"); p.OfWrites {
			p.KillAt = rapid.SampledFrom([]int{1, 1, 2, 2, 3, 4, 5, 6}).Draw(t, "write")
		}
	}
	return p
}

func drawForeign(t *rapid.T, plans []runnerPlan, span time.Duration) foreignRun {
	like := rapid.SampledFrom(plans).Draw(t, "like")
	r := foreignRun{At: drawUpTo(t, "at", span+time.Minute), Job: foreignJob(rapid.IntRange(0, int(foreignJobs)-1).Draw(t, "job"))}
	if r.Job != onProduction {
		r.PR = dbtcloudtest.PullRequest{Host: dbtcloudtest.GitHost(like.Change.PullRequest.Host), Number: like.Change.PullRequest.Number}
		r.SHA = like.Change.SHA
	}
	if r.Job == onSource && !one(t, 5, "webhook") {
		r.PR, r.SHA = dbtcloudtest.PullRequest{Host: dbtcloudtest.GitHub, Number: 500}, "" // somebody's own
	}
	return r
}

func drawFaults(t *rapid.T) []dbtcloudtest.Fault {
	const account = "/api/v2/accounts/{account}/"
	kinds := []dbtcloudtest.Kind{
		dbtcloudtest.Status(500, dbtcloudtest.EnvelopeBody), dbtcloudtest.Status(502, dbtcloudtest.HTMLBody), dbtcloudtest.Status(504, dbtcloudtest.NoBody),
		dbtcloudtest.HTML200(), dbtcloudtest.LostAnswer(), dbtcloudtest.LostRequest(), dbtcloudtest.Truncated(), dbtcloudtest.DataNull(), dbtcloudtest.EmptyBody(),
		dbtcloudtest.Slow(5 * time.Second), dbtcloudtest.Slow(50 * time.Second), dbtcloudtest.Slow(80 * time.Second), dbtcloudtest.Hang(),
		dbtcloudtest.TooManyRequests(20*time.Second, 20*time.Second), dbtcloudtest.TooManyRequests(5*time.Minute, 0),
	}
	trigger := "POST " + account + "jobs/{id}/run/"
	routes := []string{
		"", trigger, trigger, trigger, "POST " + account + "jobs/", "POST " + account + "runs/{id}/cancel/", "DELETE " + account + "jobs/{id}/",
		"GET " + account + "runs/", "GET " + account + "runs/{id}/", "GET " + account + "jobs/{id}/",
	}
	var faults []dbtcloudtest.Fault
	for range rapid.IntRange(1, 4).Draw(t, "faults") {
		f := dbtcloudtest.Fault{
			Route: rapid.SampledFrom(routes).Draw(t, "route"), Kind: rapid.SampledFrom(kinds).Draw(t, "kind"),
			After: rapid.SampledFrom([]int{0, 0, 1, 3, 10}).Draw(t, "after"), Times: rapid.IntRange(1, 8).Draw(t, "times"),
			Probability: rapid.SampledFrom([]float64{0.05, 0.2, 0.5, 1}).Draw(t, "probability"), AfterWork: rapid.Bool().Draw(t, "after work"),
		}
		if !strings.HasPrefix(f.Kind.String(), "status") {
			f.AfterWork = false // a 429 and a refused connection prove that nothing was done
		}
		faults = append(faults, f)
	}
	return faults
}

// one is true once in n times.
func one(t *rapid.T, n int, label string) bool { return rapid.IntRange(1, n).Draw(t, label) == n }

func drawUpTo(t *rapid.T, label string, most time.Duration) time.Duration {
	return time.Duration(rapid.Int64Range(0, int64(most/time.Millisecond)).Draw(t, label)) * time.Millisecond
}
