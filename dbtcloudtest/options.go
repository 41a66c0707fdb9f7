package dbtcloudtest

import (
	"math/rand/v2"
	"strings"
	"time"
)

// The ids and the token of a server that was made without options. They are obviously not real.
const (
	DefaultAccountID     int64 = 70506183000001
	DefaultProjectID     int64 = 70506183000002
	DefaultEnvironmentID int64 = 70506183000003 // the environment of CI jobs
	DefaultDeferringID   int64 = 70506183000004 // the production environment that CI jobs defer to
	DefaultToken               = "fake-token"
)

const firstID = 70506183137150

// Delay is a length of time that may differ from one use to the next. It draws from the server's seeded source alone,
// so that a test can be repeated. Negative lengths count as zero.
type Delay func(r *rand.Rand) time.Duration

// Fixed is always d.
func Fixed(d time.Duration) Delay { return func(*rand.Rand) time.Duration { return d } }

// Between is evenly distributed over [low, high).
func Between(low, high time.Duration) Delay {
	return func(r *rand.Rand) time.Duration {
		if high <= low {
			return low
		}
		return low + time.Duration(r.Int64N(int64(high-low)))
	}
}

func (w *world) delay(d Delay) time.Duration {
	if d == nil {
		return 0
	}
	return max(d(w.rng), 0)
}

// Outcome says how a run goes once it runs.
type Outcome struct {
	Duration  time.Duration // from running to the end; negative: until [Server.FinishRun] or a cancel
	Status    RunStatus     // Success (also when zero), Error or Cancelled
	Message   string        // the run's status message
	Steps     []Step        // empty: made from the job's commands
	Artifacts []Artifact    // there from the end of the run on
}

// Writes says what the server does with request bodies that the API document does not allow.
type Writes int

// The ways to treat request bodies.
const (
	Strict  Writes = iota // refuse unknown and read-only keys, wrong types, lengths and combinations
	Lenient               // keep what is known, ignore the rest
)

// Deletes says what a DELETE answers.
type Deletes int

// The answers to a DELETE.
const (
	NoContent Deletes = iota // 204 without a body, as documented
	Envelope                 // 200 with what was deleted and "state": 2, as recorded
)

// Refusal is a reason for which a request is refused although it is well formed.
type Refusal int

// The reasons. What the service answers to them is not documented, so [WithRefusal] can change it.
const (
	RefuseQueueFull   Refusal = iota // of a trigger: default 400, names the queue limit
	RefuseDeactivated                // of a trigger: default 400
	RefuseLocked                     // of a trigger: default 403
	RefuseInUse                      // of the deletion of a project or an environment that has active jobs: default 400, names them
)

type refusal struct {
	status  int
	message string
}

type config struct {
	account         int64
	token           string
	host            string
	plan            string
	runSlots        int
	queueLimit      int
	ciConcurrency   bool
	queueDelay      Delay
	startDelay      Delay
	outcome         func(Run) Outcome
	cancelLatency   Delay
	listLag         Delay
	latency         Delay
	readLag         time.Duration
	readMisses      int
	artifactLag     time.Duration
	metadataLag     time.Duration
	discoveryRate   int
	complexityLimit int
	unauthorized200 bool
	writes          Writes
	deletes         Deletes
	nestedCancel    bool
	forbidden       bool
	permissions     []permissionSet // none: everything is allowed
	unpaid          bool
	deletedJobs     bool
	projectScope    []int64
	maxPageSize     int
	seed            uint64
	noise           bool
	stringIDs       bool
	refusals        map[Refusal]refusal
}

func defaults() config {
	return config{
		account: DefaultAccountID, token: DefaultToken, host: "ab123.us1.dbt.com", plan: "starter_2025",
		runSlots: 5, queueLimit: 50, maxPageSize: 100, nestedCancel: true,
		outcome: func(Run) Outcome { return Outcome{Duration: 5 * time.Minute} },
		refusals: map[Refusal]refusal{
			RefuseQueueFull:   {400, "The run was not queued because the queue limit of this account has been reached."},
			RefuseDeactivated: {400, "The job is deactivated. Run it manually or save it to reactivate it."},
			RefuseLocked:      {403, "The account is locked."},
			RefuseInUse:       {400, ""},
		},
	}
}

// Option sets up a [Server].
type Option func(*config)

// WithAccount sets the id of the one account (default [DefaultAccountID]).
func WithAccount(id int64) Option { return func(c *config) { c.account = id } }

// WithToken sets the token that requests must carry (default [DefaultToken]); any other is answered 401.
func WithToken(token string) Option { return func(c *config) { c.token = token } }

// WithAppHost sets the host in the links of runs (default ab123.us1.dbt.com): a name, or an origin such as
// http://127.0.0.1:8580.
func WithAppHost(host string) Option { return func(c *config) { c.host = host } }

// appURL is what the links of runs start with.
func (c *config) appURL() string {
	if strings.Contains(c.host, "://") {
		return c.host
	}
	return "https://" + c.host
}

// WithRunSlots sets how many runs may be starting or running at once (default 5); 0 is no limit.
func WithRunSlots(n int) Option { return func(c *config) { c.runSlots = max(n, 0) } }

// WithPlan sets the account's plan (default starter_2025). It is only shown; see [WithCIConcurrency].
func WithPlan(plan string) Option { return func(c *config) { c.plan = plan } }

// WithQueueLimit sets how many runs may be queued before triggers are refused (default 50); 0 is no limit.
func WithQueueLimit(n int) Option { return func(c *config) { c.queueLimit = n } }

// WithCIConcurrency turns on what some plans offer: runs of a CI job that name a pull request and a commit or branch run beside
// each other without a run slot, and a newer commit of a pull request cancels the project's runs of older ones.
// Runs of one pull request still run one after the other.
func WithCIConcurrency(on bool) Option { return func(c *config) { c.ciConcurrency = on } }

// WithStartDelay sets how long a run is queued at least, and how long it is starting before it runs (default none).
func WithStartDelay(queued, starting Delay) Option {
	return func(c *config) { c.queueDelay, c.startDelay = queued, starting }
}

// WithRunTime sets how each run goes; f is asked once, when the run begins to run (default, and for nil: five minutes, success).
// f must not call the server.
func WithRunTime(f func(Run) Outcome) Option {
	return func(c *config) {
		if f != nil {
			c.outcome = f
		}
	}
}

// WithCancelLatency sets how long a starting or running run lives on after its cancel (default none). Its own end may come first.
func WithCancelLatency(d Delay) Option { return func(c *config) { c.cancelLatency = d } }

// WithListLag makes the lists of jobs and runs answer with the state of some time ago: what existed then, as it was then (default none).
func WithListLag(d Delay) Option { return func(c *config) { c.listLag = d } }

// WithReadLag makes GET of a run answer 404 until the run is so old (default 0).
func WithReadLag(d time.Duration) Option { return func(c *config) { c.readLag = d } }

// WithReadMisses makes the first k GETs of each run answer 404 (default 0).
func WithReadMisses(k int) Option { return func(c *config) { c.readMisses = k } }

// WithArtifactLag makes artifacts answer 404 until the run has been over for so long (default 0).
func WithArtifactLag(d time.Duration) Option { return func(c *config) { c.artifactLag = d } }

// WithMetadataLag makes the Discovery API know nothing of a run until it has been over for so long (default 0).
func WithMetadataLag(d time.Duration) Option { return func(c *config) { c.metadataLag = d } }

// WithDiscoveryRate limits the Discovery API to so many requests a minute (default 0, no limit; the service has 500). The one above
// the limit, and all for five minutes from then on, are answered 429.
func WithDiscoveryRate(perMinute int) Option { return func(c *config) { c.discoveryRate = perMinute } }

// WithComplexityLimit makes the Discovery API refuse documents that ask too much of a job (default 0, no limit). A field costs 1 and what is
// below it; code, columns and nested nodes cost ten times that; first does not count.
func WithComplexityLimit(n int) Option { return func(c *config) { c.complexityLimit = n } }

// WithUnauthorizedIn200 makes the Discovery API answer a request with a wrong token 200 with an error, instead of 401.
func WithUnauthorizedIn200() Option { return func(c *config) { c.unauthorized200 = true } }

// WithLatency sets how long a request takes through [Server.Transport], half of it before the work and half after (default none).
// Sockets have a latency of their own and no other.
func WithLatency(d Delay) Option { return func(c *config) { c.latency = d } }

// WithWrites chooses between strict (default) and lenient request bodies.
func WithWrites(mode Writes) Option { return func(c *config) { c.writes = mode } }

// WithDeletes chooses what a DELETE answers (default [NoContent]).
func WithDeletes(mode Deletes) Option { return func(c *config) { c.deletes = mode } }

// WithNestedCancel chooses whether cancelling a finished run answers {"data":{"data":{...}}}, as seen (default true), or one level.
func WithNestedCancel(on bool) Option { return func(c *config) { c.nestedCancel = on } }

// WithDeletedJobs makes GET of a deleted job answer 200 with "state": 2 instead of 404.
func WithDeletedJobs() Option { return func(c *config) { c.deletedJobs = true } }

// WithAccountForbidden makes GET of the account answer 404, as for a token without the permission to see account settings.
func WithAccountForbidden() Option { return func(c *config) { c.forbidden = true } }

// WithUnpaidAccount makes every request answer the 401 of an unpaid plan.
func WithUnpaidAccount() Option { return func(c *config) { c.unpaid = true } }

// WithProjectScope limits the token to these projects: others do not exist for it.
func WithProjectScope(projectIDs ...int64) Option {
	return func(c *config) { c.projectScope = projectIDs }
}

// WithMaxPageSize sets the largest page of a list (default 100, at least 1); a larger limit is cut to it.
func WithMaxPageSize(n int) Option { return func(c *config) { c.maxPageSize = max(n, 1) } }

// WithSeed sets the seed of every random choice (default 0).
func WithSeed(seed uint64) Option { return func(c *config) { c.seed = seed } }

// WithNoise puts unknown fields into every object and unknown values into the enums that nothing should depend on.
func WithNoise() Option { return func(c *config) { c.noise = true } }

// WithStringIDs writes every id as a string, as parts of the service do, and every BigInt of the Discovery API.
func WithStringIDs() Option { return func(c *config) { c.stringIDs = true } }

// WithRefusal sets what a refused request answers. A status of 0 refuses nothing: a trigger is queued all the same, and what is deleted
// while it is in use takes its jobs with it, as the product's pages say of environments. An empty message names what [RefuseInUse] found.
func WithRefusal(reason Refusal, status int, message string) Option {
	return func(c *config) { c.refusals[reason] = refusal{status, message} }
}
