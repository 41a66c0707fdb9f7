package dbtcloud_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

const userToken = "dbtu_0123456789"

// patient is a fake account with a job, one run of it that has ended and one that runs, and an override.
type patient struct {
	*dbtcloudtest.Server
	client *dbtcloud.Client
	job    int64
}

func newPatient(t testing.TB, opts ...dbtcloudtest.Option) patient {
	t.Helper()
	opts = append([]dbtcloudtest.Option{dbtcloudtest.WithToken(userToken), dbtcloudtest.WithRunTime(func(dbtcloudtest.Run) dbtcloudtest.Outcome {
		return dbtcloudtest.Outcome{Duration: -1}
	})}, opts...)
	p := patient{Server: dbtcloudtest.New(opts...)}
	p.job = p.AddJob(dbtcloudtest.JobSpec{})
	p.AddEnvVarOverride(p.job, "DBT_TARGET_ROWS", "100")
	p.FinishRun(p.AddRun(dbtcloudtest.RunSpec{JobID: p.job}), dbtcloudtest.Success)
	p.AddRun(dbtcloudtest.RunSpec{JobID: p.job})
	p.use(t)
	return p
}

// use makes the patient's client anew, with these options.
func (p *patient) use(t testing.TB, opts ...dbtcloud.Option) {
	t.Helper()
	var err error
	if p.client, err = p.Client(opts...); err != nil {
		t.Fatal(err)
	}
}

func (p patient) doctor() *dbtcloud.AutoscaleCI {
	return &dbtcloud.AutoscaleCI{Client: p.client, JobID: p.job}
}

// examine returns what the doctor finds, without what is ok.
func (p patient) examine(t testing.TB) []dbtcloud.Finding {
	t.Helper()
	findings, err := p.doctor().Doctor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(findings, func(f dbtcloud.Finding) bool { return f.Level == dbtcloud.FindingOK })
}

// levels is one word for each finding: its check and level.
func levels(findings []dbtcloud.Finding) []string {
	out := []string{}
	for _, f := range findings {
		out = append(out, string(f.Level)+" "+f.Check)
	}
	return out
}

func TestDoctorPermissionSets(t *testing.T) {
	t.Parallel()
	noAccount := []string{"note account", "unknown account lock", "unknown plan", "note run slots"}
	for set, want := range map[string][]string{
		"":              {},
		"account_admin": {},
		"admin":         {},
		"job_admin":     noAccount,
		"job_creator":   append(slices.Clone(noAccount), "problem copy overrides"),
		"job_runner": append(slices.Clone(noAccount), "unknown cloneable", "problem create clones", "problem read overrides",
			"note copy overrides"),
		"job_viewer":     append(slices.Clone(noAccount), "problem trigger/cancel", "problem create clones", "problem copy overrides"),
		"account_viewer": {"problem trigger/cancel", "problem create clones", "problem copy overrides"},
		"metadata_only": {"problem account", "unknown account lock", "unknown plan", "unknown run slots", "problem read runs", "problem job",
			"unknown source job", "unknown job type", "unknown own triggers", "unknown deferral", "unknown state selector", "unknown commands",
			"unknown environment", "unknown cloneable", "unknown job settings", "unknown trigger/cancel", "unknown list clones",
			"unknown create clones", "unknown read overrides", "unknown copy overrides"},
	} {
		t.Run(set, func(t *testing.T) {
			t.Parallel()
			var opts []dbtcloudtest.Option
			if set != "" {
				opts = append(opts, dbtcloudtest.WithPermissionSet(set))
			}
			p := newPatient(t, opts...)
			found := p.examine(t)
			if diff := cmp.Diff(want, levels(found)); diff != "" {
				t.Errorf("(-want +got):\n%s\n%v", diff, found)
			}
			for _, f := range found {
				if f.Level == dbtcloud.FindingProblem && f.Mend == "" {
					t.Errorf("%s: nothing is said of what to do", f)
				}
			}
		})
	}
}

// defect is what can be wrong with an account or a job, and what is found of it.
type defect struct {
	opts []dbtcloudtest.Option
	set  func(t *testing.T, p *patient)
	want []string
}

func defects() map[string]defect {
	edit := func(key string, value any) func(*testing.T, *patient) {
		return func(_ *testing.T, p *patient) {
			p.EditJob(p.job, func(fields map[string]any) { fields[key] = value })
		}
	}
	return map[string]defect{
		"locked":                   {set: func(_ *testing.T, p *patient) { p.LockAccount("unpaid") }, want: []string{"problem account lock"}},
		"of a plan that is native": {opts: []dbtcloudtest.Option{dbtcloudtest.WithPlan("enterprise")}, want: []string{}},
		"of a plan of tomorrow":    {opts: []dbtcloudtest.Option{dbtcloudtest.WithPlan("usage_2026")}, want: []string{"note plan"}},
		"without a known limit":    {opts: []dbtcloudtest.Option{dbtcloudtest.WithRunSlots(0)}, want: []string{"note run slots"}},
		"on another address":       {opts: []dbtcloudtest.Option{dbtcloudtest.WithAppHost("cloud.getdbt.com")}, want: []string{"note host"}},
		"that is forbidden":        {opts: []dbtcloudtest.Option{dbtcloudtest.WithAccountForbidden()}, want: []string{"note account", "unknown account lock", "unknown plan", "note run slots"}},
		"noisy":                    {opts: []dbtcloudtest.Option{dbtcloudtest.WithNoise(), dbtcloudtest.WithStringIDs()}, want: []string{"note job settings"}},

		"deactivated": {set: func(_ *testing.T, p *patient) { p.DeactivateJob(p.job) }, want: []string{"problem job"}},
		"deleted": {opts: []dbtcloudtest.Option{dbtcloudtest.WithDeletedJobs()}, set: func(_ *testing.T, p *patient) { p.DeleteJob(p.job) },
			want: []string{"problem job", "unknown cloneable", "problem read overrides"}},
		"a clone": {set: func(_ *testing.T, p *patient) {
			p.EditJob(p.job, func(fields map[string]any) {
				fields["name"] = fmt.Sprintf("dbtcloud-ci:%d:github:8:abcdefgh:d x", p.job+1)
			})
		}, want: []string{"problem source job"}},
		"not ci":           {set: edit("job_type", "other"), want: []string{"note job type"}},
		"with a webhook":   {set: edit("triggers", map[string]any{"github_webhook": true}), want: []string{"problem own triggers"}},
		"without deferral": {set: edit("deferring_environment_id", nil), want: []string{"problem deferral"}},
		"without a state":  {set: edit("execute_steps", []string{"dbt build"}), want: []string{"problem state selector"}},
		"with a typo":      {set: edit("execute_steps", []string{"dbt build -s state:+modified"}), want: []string{"problem state selector", "problem commands"}},
		"with a secret":    {set: func(_ *testing.T, p *patient) { p.AddEnvVarOverride(p.job, "DBT_ENV_SECRET_X", "hunter2") }, want: []string{"problem cloneable"}},
		"in development": {set: func(_ *testing.T, p *patient) {
			p.EditEnvironment(dbtcloudtest.DefaultEnvironmentID, func(fields map[string]any) { fields["type"] = "development" })
		}, want: []string{"problem environment"}},
		"with more to it":   {set: edit("shiny_new_setting", 1), want: []string{"note job settings"}},
		"of nothing so far": {set: func(_ *testing.T, p *patient) { p.job = p.AddJob(dbtcloudtest.JobSpec{}) }, want: []string{"unknown trigger/cancel"}},
		"of nobody": {set: func(_ *testing.T, p *patient) { p.job++ }, want: []string{"problem job", "unknown source job", "unknown job type", "unknown own triggers",
			"unknown deferral", "unknown state selector", "unknown commands", "unknown environment", "unknown cloneable", "unknown job settings",
			"unknown trigger/cancel", "unknown list clones", "unknown create clones", "unknown read overrides", "unknown copy overrides"}},
	}
}

func TestDoctorDefects(t *testing.T) {
	t.Parallel()
	for name, d := range defects() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPatient(t, d.opts...)
			if d.set != nil {
				d.set(t, &p)
			}
			found := p.examine(t)
			if diff := cmp.Diff(d.want, levels(found)); diff != "" {
				t.Errorf("(-want +got):\n%s\n%v", diff, found)
			}
		})
	}
}

// TestDoctorRefused: a token that is refused is one finding, and nothing else is said to be wrong.
func TestDoctorRefused(t *testing.T) {
	t.Parallel()
	const otherToken = "dbtc_hunter2-hunter2"
	for name, test := range map[string]struct {
		opts []dbtcloudtest.Option
		use  []dbtcloud.Option
		want string // the one problem
	}{
		"wrong token":    {nil, []dbtcloud.Option{dbtcloud.WithToken(otherToken)}, "token: a service token, and refused: 401 Invalid token -> check the token: is it whole"},
		"wrong cell":     {[]dbtcloudtest.Option{dbtcloudtest.WithAppHost("cloud.getdbt.com")}, []dbtcloud.Option{dbtcloud.WithToken(otherToken)}, "the account lives on a cell (such as ab123.us1.dbt.com), which is unknown to cloud.getdbt.com"},
		"unpaid account": {[]dbtcloudtest.Option{dbtcloudtest.WithUnpaidAccount()}, nil, "plan: 401 The API is not accessible to unpaid accounts -> the API needs a paid plan"},
		"no token": {nil, []dbtcloud.Option{dbtcloud.WithTokenSource(func(context.Context) (string, error) { return "", errors.New("the vault is closed") })},
			"token: there is none: the vault is closed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPatient(t, test.opts...)
			p.use(t, test.use...)
			var problems []string
			for _, f := range p.examine(t) {
				if f.Level == dbtcloud.FindingProblem {
					problems = append(problems, f.String())
				}
				if strings.Contains(f.String(), "hunter2") || strings.Contains(f.String(), userToken) {
					t.Errorf("%s shows a token", f)
				}
			}
			if len(problems) != 1 || !strings.Contains(problems[0], test.want) {
				t.Errorf("problems %q, want one with %q", problems, test.want)
			}
		})
	}
}

func TestDoctorTokenKinds(t *testing.T) {
	t.Parallel()
	for token, want := range map[string]string{
		"dbtc_abcdefgh":                 "note: token: a service token; on Starter",
		"dbtu_abcdefgh":                 "ok: token: a personal access token",
		strings.Repeat("0af", 13) + "9": "note: token: a token without a prefix",
		strings.Repeat("0ag", 13) + "9": "unknown: token: ",
		"abcdefgh":                      "unknown: token: ",
	} {
		p := newPatient(t, dbtcloudtest.WithToken(token))
		findings, err := p.doctor().Doctor(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := findings[1].String(); !strings.HasPrefix(got, want) {
			t.Errorf("%s, want %s", got, want)
		}
		for _, f := range findings {
			if strings.Contains(f.String(), token) {
				t.Errorf("%s shows the token", f)
			}
		}
	}
}

// TestDoctorHidesTheToken also where a server gives it for a name.
func TestDoctorHidesTheToken(t *testing.T) {
	t.Parallel()
	c, _ := scripted(t, always(200, "application/json", envelope(`{"id":7,"name":`+quote(secret)+`,"static_subdomain":`+quote(secret)+`}`)))
	findings, err := (&dbtcloud.AutoscaleCI{Client: c}).Doctor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprint(findings); strings.Contains(text, secret) || !strings.Contains(text, "account: [redacted] (7)") {
		t.Errorf("findings %s", text)
	}
}

func TestDoctorInput(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	for name, a := range map[string]*dbtcloud.AutoscaleCI{
		"no client":       {JobID: 1},
		"negative job":    {Client: p.client, JobID: -1},
		"no such mode":    {Client: p.client, Mode: "fast"},
		"fewer than none": {Client: p.client, MaxRunSlots: -1},
	} {
		if findings, err := a.Doctor(t.Context()); !errors.Is(err, dbtcloud.ErrInvalid) || findings != nil {
			t.Errorf("%s: %v, %v, want ErrInvalid", name, findings, err)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	if findings, err := p.doctor().Doctor(ctx); !errors.Is(err, context.Canceled) || findings != nil || !strings.Contains(err.Error(), "enough") {
		t.Errorf("ended: %v, %v, want context.Canceled and why", findings, err)
	}
	if len(p.Requests()) > 0 {
		t.Errorf("%d requests", len(p.Requests()))
	}
	findings, err := (&dbtcloud.AutoscaleCI{Client: p.client}).Doctor(t.Context())
	if err != nil || len(findings) != 8 || findings[7].Check != "job" || findings[7].Level != dbtcloud.FindingNote || len(p.Requests()) != 2 {
		t.Errorf("without a job: %v, %v, after %d requests", findings, err, len(p.Requests()))
	}
}

// state is everything of an account that an examination could change.
func (p patient) state() []any {
	return []any{p.Jobs(), p.Runs(), p.Projects(), p.Environments(), p.EnvironmentVariables(), p.History()}
}

// mayAsk is the only requests of an examination.
func mayAsk() []string {
	return []string{
		"GET /api/v2/accounts/{account}/",
		"GET /api/v2/accounts/{account}/jobs/",
		"GET /api/v2/accounts/{account}/jobs/{id}/",
		"GET /api/v2/accounts/{account}/runs/",
		"GET /api/v3/accounts/{account}/projects/{project}/environment-variables/job/",
		"POST /api/v2/accounts/{account}/jobs/",
		"POST /api/v2/accounts/{account}/runs/{id}/cancel/",
		"POST /api/v3/accounts/{account}/projects/{project}/environment-variables/",
	}
}

// faultKinds are the faults that an examination must survive. The first of them are transient: nobody need mend anything.
func faultKinds() (kinds []dbtcloudtest.Fault, transient int) {
	add := func(afterWork bool, of ...dbtcloudtest.Kind) {
		for _, kind := range of {
			kinds = append(kinds, dbtcloudtest.Fault{Kind: kind, AfterWork: afterWork})
		}
	}
	outages := []dbtcloudtest.Kind{
		dbtcloudtest.Status(500, dbtcloudtest.EnvelopeBody), dbtcloudtest.Status(502, dbtcloudtest.HTMLBody), dbtcloudtest.Status(503, dbtcloudtest.NoBody),
		dbtcloudtest.TooManyRequests(5*time.Minute, 0), dbtcloudtest.TooManyRequests(time.Second, time.Second),
	}
	add(false, outages...)
	add(true, outages...)
	add(false, dbtcloudtest.LostRequest(), dbtcloudtest.LostAnswer(), dbtcloudtest.HTML200(), dbtcloudtest.Truncated(), dbtcloudtest.EmptyBody(),
		dbtcloudtest.Slow(20*time.Second), dbtcloudtest.Hang())
	transient = len(kinds)
	answers := []dbtcloudtest.Kind{
		dbtcloudtest.Status(400, dbtcloudtest.EnvelopeBody), dbtcloudtest.Status(401, dbtcloudtest.EnvelopeBody), dbtcloudtest.Status(403, dbtcloudtest.DetailBody),
		dbtcloudtest.Status(404, dbtcloudtest.EnvelopeBody), dbtcloudtest.Status(404, dbtcloudtest.HTMLBody),
	}
	add(false, answers...)
	add(true, answers...)
	add(false, dbtcloudtest.DataNull())
	return kinds, transient
}

// TestDoctorChangesNothing: whatever fails, and whether the server takes anything or not.
func TestDoctorChangesNothing(t *testing.T) {
	t.Parallel()
	faults, transient := faultKinds()
	for _, operation := range append([]string{""}, mayAsk()...) {
		for _, writes := range []dbtcloudtest.Writes{dbtcloudtest.Strict, dbtcloudtest.Lenient} {
			for i, fault := range faults {
				fault.Route = operation
				synctest.Test(t, func(t *testing.T) {
					changesNothing(t, fault, operation != "" && i < transient, dbtcloudtest.WithWrites(writes))
				})
			}
		}
	}
	for _, set := range []string{"account_admin", "job_admin", "job_creator", "job_runner", "job_viewer", "metadata_only"} {
		// A fault that passes everything.
		changesNothing(t, dbtcloudtest.Fault{}, false, dbtcloudtest.WithWrites(dbtcloudtest.Lenient), dbtcloudtest.WithPermissionSet(set))
	}
}

func changesNothing(t *testing.T, fault dbtcloudtest.Fault, transient bool, opts ...dbtcloudtest.Option) {
	t.Helper()
	p := newPatient(t, slices.Concat([]dbtcloudtest.Option{dbtcloudtest.WithPlan("enterprise")}, opts)...)
	before := p.state()
	p.Inject(fault)
	start := time.Now()
	findings, err := p.doctor().Doctor(t.Context())
	took := time.Since(start)
	p.ClearFaults()
	if err != nil || len(findings) != 22 || took > time.Minute+time.Second {
		t.Errorf("%s at %q: %d findings, error %v, after %s", fault.Kind, fault.Route, len(findings), err, took)
	}
	for _, f := range findings {
		if transient && f.Level == dbtcloud.FindingProblem {
			t.Errorf("%s at %q: %s", fault.Kind, fault.Route, f)
		}
	}
	for operation := range p.CountRequests() {
		if !slices.Contains(mayAsk(), operation) {
			t.Errorf("%s at %q: sent %s", fault.Kind, fault.Route, operation)
		}
	}
	if diff := cmp.Diff(before, p.state()); diff != "" {
		t.Errorf("%s at %q changed (-before +after):\n%s", fault.Kind, fault.Route, diff)
	}
}

// TestDoctorAsksForEverything: nothing that an examination may ask for is left out, and nothing is asked for twice.
func TestDoctorAsksForEverything(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	p.examine(t)
	want := map[string]int{}
	for _, operation := range mayAsk() {
		want[operation] = 1
	}
	want["GET /api/v2/accounts/{account}/runs/"] = 2 // the active ones, and those of the job that have ended
	if diff := cmp.Diff(want, p.CountRequests()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// through sends requests another way.
type through func(*http.Request) (*http.Response, error)

func (f through) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// cancelled is the runs that were asked to cancel.
func (p patient) cancelled() []string {
	out := []string{}
	for _, r := range p.Requests() {
		if path, ok := strings.CutSuffix(r.Path, "/cancel/"); ok {
			out = append(out, path[strings.LastIndex(path, "/")+1:])
		}
	}
	return out
}

// TestDoctorCancelsWhatHasEnded: a cancelled run first, and also at a server that lists runs that it was not asked for, none that is active
// or another job's.
func TestDoctorCancelsWhatHasEnded(t *testing.T) {
	t.Parallel()
	for _, filtering := range []bool{true, false} {
		p := newPatient(t)
		p.use(t, dbtcloud.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
			return through(func(r *http.Request) (*http.Response, error) {
				r = r.Clone(r.Context())
				query := r.URL.Query()
				if query.Has("job_definition_id") && strings.HasSuffix(r.URL.Path, "/runs/") && !filtering {
					query.Del("job_definition_id")
					query.Del("status__in")
					r.URL.RawQuery = query.Encode()
				}
				return next.RoundTrip(r)
			})
		}))
		ended := p.Runs()[0].ID
		other := p.AddRun(dbtcloudtest.RunSpec{JobID: p.AddJob(dbtcloudtest.JobSpec{})})
		p.FinishRun(other, dbtcloudtest.Cancelled)
		p.examine(t)
		first := p.AddRun(dbtcloudtest.RunSpec{JobID: p.job})
		p.FinishRun(first, dbtcloudtest.Cancelled)
		p.FinishRun(p.AddRun(dbtcloudtest.RunSpec{JobID: p.job}), dbtcloudtest.Error)
		p.examine(t)
		if diff := cmp.Diff([]string{fmt.Sprint(ended), fmt.Sprint(first)}, p.cancelled()); diff != "" {
			t.Errorf("filtering %v (-want +got):\n%s", filtering, diff)
		}
	}
}

// TestDoctorTaken: should a server take what asks for nothing, the finding says what came of it.
func TestDoctorTaken(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ answer, want string }{
		"number":  {`{"id":4711}`, "what came back has the id 4711"},
		"text":    {`{"id":"4712"}`, "what came back has the id 4712"},
		"another": {`{"new_var_id":4713}`, "what came back has the id 4713"},
		"nothing": {`null`, "what came back has no id"},
	} {
		p := newPatient(t)
		p.use(t, dbtcloud.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
			return through(func(r *http.Request) (*http.Response, error) {
				if r.Method == http.MethodGet || strings.HasSuffix(r.URL.Path, "/cancel/") {
					return next.RoundTrip(r)
				}
				_ = r.Body.Close()
				body := `{"status":{"code":200,"is_success":true},"data":` + test.answer + `}`
				return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
			})
		}))
		found := p.examine(t)
		if diff := cmp.Diff([]string{"problem create clones", "problem copy overrides"}, levels(found)); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", name, diff)
		}
		for _, f := range found {
			if !strings.Contains(f.Text, test.want) {
				t.Errorf("%s: %s, want %q", name, f, test.want)
			}
		}
	}
}

// Ask what is to be mended before pull requests come.
func ExampleAutoscaleCI_Doctor() {
	fake, client := newFake()
	jobID := fake.AddJob(dbtcloudtest.JobSpec{ExecuteSteps: []string{"dbt build --select state:+modified"}})

	findings, err := (&dbtcloud.AutoscaleCI{Client: client, JobID: jobID}).Doctor(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range findings {
		if f.Level == dbtcloud.FindingProblem {
			fmt.Printf("%s: %s\n  -> %s\n", f.Check, f.Text, f.Mend)
		}
	}
	// Output:
	// state selector: no step has one that dbt understands
	//   -> see commands
	// commands: step 1: "state:+modified" selects nothing: graph operators stand at the ends, as in state:modified+ and +state:modified
	//   -> edit the steps
}
