package dbtcloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// apiAnswered is the error of a request that the API answered with a status.
func apiAnswered(status int, message string) error {
	return &Error{StatusCode: status, Operation: "GET /x", Message: message, Body: []byte(`{"data":null}`)}
}

// pageOf is the error of a request that something else answered with a page.
func pageOf(status int) error {
	return &Error{StatusCode: status, Operation: "GET /x", Message: "a page", Body: []byte("<html>")}
}

// lost is the error of a request that got no answer.
func lost() error { return errors.New("dbtcloud: GET /x: connection refused") }

// jobWith is a good source job with other fields.
func jobWith(t testing.TB, more map[string]any) *Job {
	t.Helper()
	fields := map[string]any{
		"id": srcJob, "name": "Slim CI", "state": 1, "job_type": "ci", "project_id": 2, "environment_id": 3, "deferring_environment_id": 4,
		"execute_steps": []string{"dbt build --select state:modified+"}, "environment": map[string]any{"id": 3, "name": "CI", "type": "deployment", "state": 1},
	}
	maps.Copy(fields, more)
	b, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	job := new(Job)
	if err := json.Unmarshal(b, job); err != nil {
		t.Fatal(err)
	}
	return job
}

// healthy is a checkup without anything to mend.
func healthy(t testing.TB) *checkup {
	t.Helper()
	ended := &Run{ID: 5, JobID: srcJob, Status: RunCancelled}
	return &checkup{
		host: &url.URL{Scheme: "https", Host: "ab123.us1.dbt.com"}, accountID: 7, jobID: srcJob,
		rules: (&AutoscaleCI{}).rules(), now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		token:   see(kindPersonal, nil),
		account: see(&Account{ID: 7, Name: "Jaffle Shop", State: StateActive, Plan: "starter_2025", RunSlots: 5, StaticSubdomain: "ab123"}, nil),
		runs:    see([]*Run{}, nil), job: see(jobWith(t, nil), nil), clones: see([]*Job{}, nil), ended: see(ended, nil),
		overrides: see([]JobOverride{{Name: "DBT_X", Value: "1"}}, nil), cancelled: see(ended, nil),
		creating: probe{err: apiAnswered(400, "Invalid.")}, setting: probe{err: apiAnswered(400, "Invalid.")},
	}
}

// ailment is a change of a healthy checkup, and what is found then.
type ailment struct {
	name  string
	check string
	level FindingLevel
	text  string // part of the text
	mend  string // part of the mend; empty: there is none
	set   func(c *checkup)
}

func (a ailment) test(t *testing.T) {
	t.Parallel()
	c := healthy(t)
	a.set(c)
	for _, f := range c.judge() {
		if f.Check != a.check {
			continue
		}
		if f.Level != a.level || !strings.Contains(f.Text, a.text) || !strings.Contains(f.Mend, a.mend) || (a.mend == "") != (f.Mend == "") {
			t.Errorf("%s\nwant %s, %q and %q", f, a.level, a.text, a.mend)
		}
		return
	}
	t.Errorf("there is no check %q", a.check)
}

func TestHealthy(t *testing.T) {
	t.Parallel()
	want := []Finding{
		{"host", FindingOK, "ab123.us1.dbt.com: the cell us1.dbt.com (US, AWS)", ""},
		{"token", FindingOK, "a personal access token, with the permissions of its user", ""},
		{"account", FindingOK, "Jaffle Shop (7)", ""},
		{"account lock", FindingOK, "the account is not locked", ""},
		{"plan", FindingOK, "starter_2025: a busy job is cloned while run slots are free, then runs queue", ""},
		{"run slots", FindingOK, "5, 5 free now: 0 running, 0 waiting for one", ""},
		{"read runs", FindingOK, "allowed; 0 are active", ""},
		{"job", FindingOK, "Slim CI (10)", ""},
		{"source job", FindingOK, "the job is no clone", ""},
		{"job type", FindingOK, "ci", ""},
		{"own triggers", FindingOK, "off", ""},
		{"deferral", FindingOK, "to environment 4", ""},
		{"state selector", FindingOK, "state:modified+", ""},
		{"commands", FindingOK, "1, and nothing odd about them", ""},
		{"environment", FindingOK, "CI (3), of type deployment", ""},
		{"cloneable", FindingOK, "yes, no override of an environment variable is secret", ""},
		{"job settings", FindingOK, "a clone has all of them", ""},
		{"trigger/cancel", FindingOK, "allowed, and so to trigger them", ""},
		{"list clones", FindingOK, "allowed; there are 0", ""},
		{"create clones", FindingOK, "allowed", ""},
		{"read overrides", FindingOK, "allowed; the job has 1", ""},
		{"copy overrides", FindingOK, "allowed", ""},
	}
	c := healthy(t)
	if diff := cmp.Diff(want, c.judge()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	c.jobID, c.job = 0, seen[*Job]{}
	want = append(want[:7:7], Finding{"job", FindingNote, "none was named, so neither a job nor the permissions for it were looked at", "set JobID (--job-id)"})
	if diff := cmp.Diff(want, c.judge()); diff != "" {
		t.Errorf("without a job (-want +got):\n%s", diff)
	}
}

// TestAilments: each check finds what is wrong, and says what to do.
func TestAilments(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	for _, a := range slices.Concat(hostAilments(), accountAilments(), jobAilments(t), permissionAilments()) {
		found[a.check] = found[a.check] || a.level != FindingOK
		t.Run(a.check+", "+a.name, a.test)
	}
	for _, check := range checks() {
		if !found[check.name] {
			t.Errorf("nothing ever fails the check %q here", check.name)
		}
	}
}

func at(host string) func(c *checkup) {
	return func(c *checkup) { c.host = &url.URL{Scheme: "https", Host: host} }
}

// every gives all of the first requests the same outcome.
func every(err error) func(c *checkup) {
	return func(c *checkup) {
		c.account, c.runs, c.job = seen[*Account]{err: err}, seen[[]*Run]{err: err}, seen[*Job]{err: err}
	}
}

func both(first, second func(c *checkup)) func(c *checkup) {
	return func(c *checkup) { first(c); second(c) }
}

func hostAilments() []ailment {
	unauthorized, unpaid := every(apiAnswered(401, "Invalid token.")), every(apiAnswered(401, "The API is not accessible to unpaid accounts."))
	kind := func(k tokenKind) func(c *checkup) { return func(c *checkup) { c.token.v = k } }
	return []ailment{
		{"another cell's prefix", "host", FindingNote, "the account calls itself ab123", "use ab123.us1.dbt.com", at("zz999.us1.dbt.com")},
		{"vanity prefix", "host", FindingOK, "the cell us1.dbt.com", "", both(at("jaffle.us1.dbt.com"), func(c *checkup) { c.account.v.VanitySubdomain = "jaffle" })},
		{"no prefix", "host", FindingProblem, "without the account's prefix", "ab123.us1.dbt.com", at("us1.dbt.com")},
		{"cell of tomorrow", "host", FindingOK, "the cell xx9.dbt.com (a region that is not in the documentation)", "", at("ab123.xx9.dbt.com")},
		{"multi-tenant", "host", FindingNote, "multi-tenant (US); it answers, but the account has an address of its own that begins with ab123", "browser", at("cloud.getdbt.com")},
		{"multi-tenant, as it should be", "host", FindingOK, "multi-tenant (EMEA)", "", both(at("emea.dbt.com"), func(c *checkup) { c.account.v.StaticSubdomain = "" })},
		{"single tenant", "host", FindingOK, "single tenant", "", at("dbt.example.com")},
		{"local", "host", FindingOK, "a local address", "", at("127.0.0.1:8580")},
		{"account not read", "host", FindingOK, "the cell us1", "", func(c *checkup) { c.account = seen[*Account]{err: apiAnswered(404, "No.")} }},
		{"unreachable", "host", FindingProblem, "ab123.us1.dbt.com cannot be reached: GET /x: connection refused", "DBT_CLOUD_HOST", every(lost())},
		{"a login page", "host", FindingProblem, "answers, but not as dbt Cloud does: 200 a page", "browser", every(pageOf(200))},
		{"a page for 404", "host", FindingProblem, "not as dbt Cloud does", "browser", every(pageOf(404))},
		{"a page for 401", "host", FindingProblem, "not as dbt Cloud does", "browser", every(pageOf(401))},
		{"down", "host", FindingUnknown, "503", "", every(pageOf(503))},
		{"rate limited", "host", FindingUnknown, "429", "", every(apiAnswered(429, "Slow."))},
		{"one page of three", "host", FindingOK, "the cell us1", "", func(c *checkup) { c.account = seen[*Account]{err: pageOf(502)} }},
		{"down, and then away", "host", FindingUnknown, "503", "", both(every(lost()), func(c *checkup) { c.account.err = pageOf(503) })},
		{"only the job answered", "host", FindingOK, "the cell us1", "", func(c *checkup) { c.account, c.runs = seen[*Account]{err: lost()}, seen[[]*Run]{err: lost()} }},
		{"unreachable, without a job", "host", FindingProblem, "cannot be reached", "DBT_CLOUD_HOST", both(every(lost()), func(c *checkup) { c.jobID, c.job = 0, seen[*Job]{} })},
		{"refused token", "host", FindingUnknown, "whether the account lives there is not known", "", unauthorized},
		{"no token", "host", FindingUnknown, "there is no token", "", both(every(lost()), func(c *checkup) { c.token.err = lost() })},

		{"no source", "token", FindingProblem, "there is none: GET /x: connection refused", "source", func(c *checkup) { c.token.err = lost() }},
		{"refused on a cell", "token", FindingProblem, "a personal access token, and refused: 401 Invalid token", "check the token: is it whole", unauthorized},
		{"refused on a multi-tenant host", "token", FindingProblem, "and refused: 401", "the account lives on a cell (such as ab123.us1.dbt.com), which is unknown to cloud.getdbt.com", both(at("cloud.getdbt.com"), unauthorized)},
		{"refused on one request only", "token", FindingProblem, "and refused", "check the token", func(c *checkup) { c.runs.err = apiAnswered(401, "Invalid token.") }},
		{"unpaid", "token", FindingUnknown, "whether it is valid is not known", "", unpaid},
		{"page", "token", FindingOK, "personal", "", every(pageOf(401))},
		{"service token on starter", "token", FindingNote, "on Starter it carries only Semantic Layer permissions", "use a personal access token", kind(kindService)},
		{"service token on another plan", "token", FindingOK, "a service token", "", both(kind(kindService), func(c *checkup) { c.account.v.Plan = "enterprise" })},
		{"service token, plan not known", "token", FindingOK, "on Starter it would carry only Semantic Layer", "", both(kind(kindService), func(c *checkup) { c.account = seen[*Account]{err: apiAnswered(404, "No.")} })},
		{"legacy", "token", FindingNote, "without a prefix", "make a service token", kind(kindLegacy)},
		{"unknown", "token", FindingUnknown, "neither with dbtc_ (service token) nor with dbtu_", "", kind(kindUnknown)},
	}
}

func accountAilments() []ailment {
	forbidden := func(c *checkup) { c.account = seen[*Account]{err: apiAnswered(403, "No.")} }
	plan := func(p string) func(c *checkup) { return func(c *checkup) { c.account.v.Plan = p } }
	mode := func(m Mode) func(c *checkup) { return func(c *checkup) { c.rules.mode = m } }
	busy := func(n int) func(c *checkup) {
		return func(c *checkup) {
			for i := range n {
				c.runs.v = append(c.runs.v, aRun(int64(100+i), onJob(int64(900+i))))
			}
			c.runs.v = append(c.runs.v, aRun(200, onJob(950), queued))
		}
	}
	slots := func(n int) func(c *checkup) { return func(c *checkup) { c.account.v.RunSlots = n } }
	return []ailment{
		{"another one", "account", FindingProblem, "asked for account 7, the server answered with 8", "check the account id", func(c *checkup) { c.account.v.ID = 8 }},
		{"deleted", "account", FindingProblem, "is deleted", "check the account id", func(c *checkup) { c.account.v.State = StateDeleted }},
		{"to be cancelled", "account", FindingNote, "is about to be cancelled", "ask", func(c *checkup) { c.account.v.PendingCancel = true }},
		{"forbidden", "account", FindingNote, "cannot be read (403 No), so plan and run slots are not known", "set MaxRunSlots (--max-run-slots)", forbidden},
		{"forbidden, slots said", "account", FindingNote, "cannot be read", "", both(forbidden, func(c *checkup) { c.rules.maxRunSlots = 3 })},
		{"nothing is shown", "account", FindingProblem, "nothing of account 7 is shown: 404", "DBT_CLOUD_ACCOUNT_ID", every(apiAnswered(404, "No."))},
		{"token refused", "account", FindingUnknown, "not looked at, because the token was refused", "", every(apiAnswered(401, "Invalid token."))},
		{"server error", "account", FindingUnknown, "the request failed: 500 Oh", "", func(c *checkup) { c.account = seen[*Account]{err: apiAnswered(500, "Oh\n oh")} }},

		{"locked", "account lock", FindingProblem, "starts no runs: unpaid bill", "unlocked", func(c *checkup) { c.account.v.Locked, c.account.v.LockReason = true, "unpaid bill" }},
		{"runs locked for a while", "account lock", FindingProblem, "starts no runs", "unlocked", func(c *checkup) { c.account.v.RunLockedUntil = Time{c.now.Add(time.Hour)} }},
		{"runs were locked", "account lock", FindingOK, "not locked", "", func(c *checkup) { c.account.v.RunLockedUntil = Time{c.now.Add(-time.Hour)} }},
		{"not read", "account lock", FindingUnknown, "not looked at", "", forbidden},

		{"unpaid", "plan", FindingProblem, "401 The API is not accessible to unpaid accounts", "paid plan", every(apiAnswered(401, "The API is not accessible to unpaid accounts."))},
		{"not read", "plan", FindingUnknown, "a busy job is cloned while run slots are free", "", forbidden},
		{"ended", "plan", FindingProblem, "the plan has ended", "ask", plan("cancelled_2022")},
		{"native", "plan", FindingOK, "at the same time on the job itself", "", plan("enterprise_2025")},
		{"native, job of another type", "plan", FindingNote, "but only those of a CI job", "type ci", both(plan("enterprise_2025"), func(c *checkup) { c.job.v.Type = JobOther })},
		{"of tomorrow", "plan", FindingNote, `"usage_2026" is not a plan that this version knows`, "mode native", plan("usage_2026")},
		{"mode native", "plan", FindingOK, "mode native", "", mode(ModeNative)},
		{"mode queue", "plan", FindingOK, "mode queue", "", mode(ModeQueue)},
		{"mode clone", "plan", FindingOK, "mode clone", "", mode(ModeClone)},

		{"in use", "run slots", FindingOK, "5, 2 free now: 2 running, 1 waiting for one", "", busy(2)},
		{"none free", "run slots", FindingNote, "5, none free now: 4 running, 1 waiting for one", "", busy(4)},
		{"none free of those that may be used", "run slots", FindingNote, "2, none free now", "", both(busy(1), func(c *checkup) { c.rules.maxRunSlots = 2 })},
		{"one", "run slots", FindingNote, "no clone can ever run", "", slots(1)},
		{"one, mode queue", "run slots", FindingOK, "1, 1 free now", "", both(slots(1), mode(ModeQueue))},
		{"not known", "run slots", FindingNote, "cloning is allowed, up to 10 clones", "--max-run-slots", slots(0)},
		{"native", "run slots", FindingOK, "5, 5 free now: 0 running, 0 waiting for one beside those of CI jobs, which take none", "",
			both(plan("enterprise"), func(c *checkup) { c.runs.v = []*Run{aRun(100)} })},
		{"runs not listed", "run slots", FindingUnknown, "the runs cannot be listed", "", func(c *checkup) { c.runs.err = apiAnswered(500, "Oh.") }},
		{"one, no job", "run slots", FindingNote, "no clone can ever run", "", both(slots(1), func(c *checkup) { c.jobID, c.job = 0, seen[*Job]{} })},
		{"no job", "run slots", FindingOK, "5, 5 free", "", func(c *checkup) { c.jobID, c.job = 0, seen[*Job]{} }},
	}
}

func jobAilments(t testing.TB) []ailment {
	with := func(key string, value any) func(c *checkup) {
		return func(c *checkup) { c.job.v = jobWith(t, map[string]any{key: value}) }
	}
	steps := func(s ...string) func(c *checkup) { return with("execute_steps", s) }
	native := func(c *checkup) { c.account.v.Plan = "enterprise" }
	secret := func(c *checkup) { c.overrides.v = []JobOverride{{Name: "DBT_ENV_SECRET_X", Value: "***"}} }
	environment := func(kind string, state int) func(c *checkup) {
		return with("environment", map[string]any{"id": 3, "name": "CI", "type": kind, "state": state})
	}
	return []ailment{
		{"not found", "job", FindingProblem, "job 10 cannot be read: 404 No", "check the job id", func(c *checkup) { c.job = seen[*Job]{err: apiAnswered(404, "No.")} }},
		{"not answered", "job", FindingUnknown, "the request failed: 502", "", func(c *checkup) { c.job = seen[*Job]{err: pageOf(502)} }},
		{"token refused", "job", FindingUnknown, "the token was refused", "", every(apiAnswered(401, "Invalid token."))},
		{"another one", "job", FindingProblem, "asked for job 10, the server answered with 11", "host", with("id", 11)},
		{"deleted", "job", FindingProblem, "Slim CI (10) is deleted", "exists", with("state", 2)},
		{"deactivated", "job", FindingProblem, "is deactivated after 0 failed runs", "save it", with("deactivated", true)},

		{"a clone", "source job", FindingProblem, "made for github#8", "use the job that it was cloned from: 99", with("name", "dbtcloud-ci:99:github:8:abcdefgh:d x")},
		{"not read", "source job", FindingUnknown, "not looked at, because the job cannot be read", "", func(c *checkup) { c.job = seen[*Job]{err: pageOf(502)} }},
		{"not ci", "job type", FindingNote, "other: the platform does not treat", "make a new job", with("job_type", "other")},
		{"not ci, plan with native", "job type", FindingProblem, "other: ", "make a new job", both(with("job_type", "other"), native)},
		{"webhook", "own triggers", FindingProblem, "every push starts two runs", "turn off", with("triggers", map[string]any{"github_webhook": true})},
		{"another webhook", "own triggers", FindingProblem, "every push starts two runs", "turn off", with("triggers", map[string]any{"git_provider_webhook": true})},
		{"schedule", "own triggers", FindingNote, "a schedule", "turn that trigger off", with("triggers", map[string]any{"schedule": true})},
		{"merge", "own triggers", FindingNote, "a merge", "turn that trigger off", with("triggers", map[string]any{"on_merge": true})},
		{"completion", "own triggers", FindingNote, "another job", "turn that trigger off", with("job_completion_trigger_condition", map[string]any{"condition": map[string]any{"job_id": 1}})},

		{"none", "deferral", FindingProblem, "defers to nothing", "production", with("deferring_environment_id", nil)},
		{"to its environment", "deferral", FindingNote, "in which it runs itself", "production", with("deferring_environment_id", 3)},
		{"to a job", "deferral", FindingNote, "to job 77", "production", func(c *checkup) {
			c.job.v = jobWith(t, map[string]any{"deferring_environment_id": nil, "deferring_job_definition_id": 77})
		}},
		{"to itself", "deferral", FindingProblem, "defers to itself", "production", func(c *checkup) {
			c.job.v = jobWith(t, map[string]any{"deferring_environment_id": nil, "deferring_job_definition_id": srcJob})
		}},

		{"none", "state selector", FindingProblem, "no step selects by state", "state:modified+", steps("dbt seed", "dbt build --select tag:x")},
		{"misspelt", "state selector", FindingProblem, "no step has one that dbt understands", "see commands", steps("dbt build --select state:+modified")},
		{"in a YAML selector", "state selector", FindingUnknown, "YAML selector slim", "", steps("dbt build --selector slim")},
		{"several", "state selector", FindingOK, "state:modified+, state:new", "", steps("dbt build -s state:modified+ state:new", "dbt test -s state:modified+")},
		{"overridden", "state selector", FindingProblem, "no step selects", "state:modified+", func(c *checkup) { c.steps = []string{"dbt build"} }},
		{"overridden well", "state selector", FindingOK, "state:new", "", both(steps("dbt build"), func(c *checkup) { c.steps = []string{"dbt build -s state:new"} })},

		{"none", "commands", FindingProblem, "the job has none", "add dbt build", steps()},
		{"typo", "commands", FindingProblem, `step 2: "state:+modified" selects nothing: graph operators stand at the ends`, "edit", steps("dbt deps", "dbt build --select state:+modified")},
		{"typo and more", "commands", FindingProblem, "step 2: dbt test without a selection", "edit", steps("dbt build -s state:modified+ state:modifed", "dbt test")},
		{"more", "commands", FindingNote, "step 2: dbt test without a selection takes the whole project", "not meant so", steps("dbt build -s state:modified+", "dbt test")},

		{"development", "environment", FindingProblem, "CI (3) is of type development", "deployment", environment("development", 1)},
		{"deleted", "environment", FindingProblem, "CI (3) is deleted", "deployment", environment("deployment", 2)},
		{"not there", "environment", FindingUnknown, "without its environment 3", "", with("environment", nil)},
		{"of no shape", "environment", FindingUnknown, "without its environment 3", "", with("environment", []int{1})},

		{"secret", "cloneable", FindingProblem, "the value of its secret override DBT_ENV_SECRET_X cannot be read", "instead of the job", secret},
		{"secret, native", "cloneable", FindingNote, "DBT_ENV_SECRET_X", "instead of the job", both(secret, native)},
		{"overrides not read", "cloneable", FindingUnknown, "cannot be read", "", func(c *checkup) { c.overrides = seen[[]JobOverride]{err: apiAnswered(404, "No.")} }},
		{"of tomorrow", "job settings", FindingNote, "clones lack: shiny", "newer version", with("shiny", 1)},
	}
}

func permissionAilments() []ailment {
	no, page := apiAnswered(403, "No."), pageOf(403)
	native := func(c *checkup) { c.account.v.Plan = "enterprise" }
	queue := func(c *checkup) { c.rules.mode = ModeQueue }
	runs := func(err error) func(c *checkup) { return func(c *checkup) { c.runs = seen[[]*Run]{err: err} } }
	clones := func(err error) func(c *checkup) { return func(c *checkup) { c.clones = seen[[]*Job]{err: err} } }
	cancel := func(err error) func(c *checkup) { return func(c *checkup) { c.cancelled = seen[*Run]{err: err} } }
	create := func(p probe) func(c *checkup) { return func(c *checkup) { c.creating = p } }
	read := func(err error) func(c *checkup) {
		return func(c *checkup) { c.overrides = seen[[]JobOverride]{err: err} }
	}
	copying := func(p probe) func(c *checkup) { return func(c *checkup) { c.setting = p } }
	none := func(c *checkup) { c.overrides.v = nil }
	uncertain := &UncertainError{Operation: "POST /x", Err: pageOf(200)}
	return []ailment{
		{"refused", "read runs", FindingProblem, "refused (403 No)", "Job Admin", runs(no)},
		{"a proxy's page", "read runs", FindingUnknown, "the request failed: 403 a page", "", runs(page)},
		{"ended", "read runs", FindingUnknown, "deadline exceeded", "", runs(context.DeadlineExceeded)},
		{"token refused", "read runs", FindingUnknown, "the token was refused", "", every(apiAnswered(401, "Invalid token."))},
		{"refused", "list clones", FindingProblem, "refused (403 No): clones that were left behind are never found", "Job Admin", clones(no)},
		{"refused, native", "list clones", FindingNote, "refused", "Job Admin", both(native, clones(no))},
		{"failed", "list clones", FindingUnknown, "the request failed: 429", "", clones(apiAnswered(429, "Slow."))},

		{"refused", "trigger/cancel", FindingProblem, "refused (403 No): nothing can be cancelled, nor triggered", "Job Runner", cancel(no)},
		{"refused, mode queue", "trigger/cancel", FindingProblem, "refused", "Job Runner", both(queue, cancel(no))},
		{"it has ended", "trigger/cancel", FindingOK, "allowed", "", cancel(apiAnswered(400, "The run has ended."))},
		{"failed", "trigger/cancel", FindingUnknown, "the request failed: 500", "", cancel(apiAnswered(500, "Oh."))},
		{"no run", "trigger/cancel", FindingUnknown, "not looked at, because no run of the job has ended", "", func(c *checkup) {
			c.ended, c.cancelled = seen[*Run]{err: errNoEndedRun}, seen[*Run]{err: errNoEndedRun}
		}},
		{"runs not listed", "trigger/cancel", FindingUnknown, "the runs of the job cannot be listed: 403 No", "", func(c *checkup) {
			c.ended, c.cancelled = seen[*Run]{err: no}, seen[*Run]{err: no}
		}},
		{"changed", "trigger/cancel", FindingProblem, "run 5 had ended with status Cancelled, and a cancel of it answers with run 5, Running", "look at that run", func(c *checkup) {
			c.cancelled = see(&Run{ID: 5, Status: RunRunning}, nil)
		}},
		{"another", "trigger/cancel", FindingProblem, "answers with run 6, Cancelled", "look at that run", func(c *checkup) {
			c.cancelled = see(&Run{ID: 6, Status: RunCancelled}, nil)
		}},

		{"refused", "create clones", FindingProblem, "refused (403 No): pull requests queue on the job itself", "Job Admin", create(probe{err: no})},
		{"refused as not found", "create clones", FindingProblem, "refused (404 No)", "Job Admin", create(probe{err: apiAnswered(404, "No.")})},
		{"refused, native", "create clones", FindingNote, "refused", "Job Admin", both(native, create(probe{err: no}))},
		{"refused, mode queue", "create clones", FindingNote, "refused", "Job Admin", both(queue, create(probe{err: no}))},
		{"unprocessable", "create clones", FindingOK, "allowed", "", create(probe{err: apiAnswered(422, "Invalid.")})},
		{"taken", "create clones", FindingProblem, "what came back has the id 4711", "delete it", create(probe{id: 4711})},
		{"method not allowed", "create clones", FindingUnknown, "405", "", create(probe{err: apiAnswered(405, "No.")})},
		{"a page for 400", "create clones", FindingUnknown, "400 a page", "", create(probe{err: pageOf(400)})},
		{"a page for 200", "create clones", FindingUnknown, "200 a page", "", create(probe{err: uncertain})},
		{"lost", "create clones", FindingUnknown, "connection refused", "", create(probe{err: &UncertainError{Operation: "POST /x", Err: lost()}})},

		{"refused", "read overrides", FindingProblem, "refused (403 No): the job is never cloned", "Job Admin", read(no)},
		{"refused, native", "read overrides", FindingNote, "refused", "Job Admin", both(native, read(no))},
		{"failed", "read overrides", FindingUnknown, "the request failed", "", read(lost())},
		{"refused", "copy overrides", FindingProblem, "a job with overrides is not cloned, and this one has 1", "Job Admin", copying(probe{err: no})},
		{"refused, without need", "copy overrides", FindingNote, "this one has none that the token sees", "Job Admin", both(none, copying(probe{err: no}))},
		{"refused, native", "copy overrides", FindingNote, "refused", "Job Admin", both(native, copying(probe{err: no}))},
		{"taken", "copy overrides", FindingProblem, "what came back has the id 4712", "delete it", copying(probe{id: 4712})},
		{"failed", "copy overrides", FindingUnknown, "the request failed", "", copying(probe{err: pageOf(502)})},
	}
}

// TestFindingsAreOneLine: whatever a server writes.
func TestFindingsAreOneLine(t *testing.T) {
	t.Parallel()
	c := healthy(t)
	c.account.v.Name = "Jaffle\nShop\x1b\x07\r\n\tInc"
	for _, f := range c.judge() {
		if f.Check == "account" && f.Text != "Jaffle Shop Inc (7)" {
			t.Errorf("text %q", f.Text)
		}
	}
	for want, f := range map[string]Finding{
		"note: job type: other -> use ci": {"job type", FindingNote, "other", "use ci"},
		"ok: job type: ci":                {"job type", FindingOK, "ci", ""},
	} {
		if got := fmt.Sprint(f); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
