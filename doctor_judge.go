package dbtcloud

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"github.com/slimci/dbtcloud/internal/hosts"
)

// check is one thing that is looked at.
type check struct {
	name  string
	ofJob bool // has no meaning before the job was read
	judge func(*checkup) verdict
}

// verdict is a finding before it has the name of its check.
type verdict struct {
	level      FindingLevel
	text, mend string
}

// checks are all of them, in the order in which they are told.
func checks() []check {
	return []check{
		{"host", false, (*checkup).judgeHost},
		{"token", false, (*checkup).judgeToken},
		{"account", false, (*checkup).judgeAccount},
		{"account lock", false, (*checkup).judgeLock},
		{"plan", false, (*checkup).judgePlan},
		{"run slots", false, (*checkup).judgeSlots},
		{"read runs", false, (*checkup).judgeReadRuns},
		{"job", false, (*checkup).judgeJob},
		{"source job", true, (*checkup).judgeSource},
		{"job type", true, (*checkup).judgeType},
		{"own triggers", true, (*checkup).judgeTriggers},
		{"deferral", true, (*checkup).judgeDeferral},
		{"state selector", true, (*checkup).judgeSelector},
		{"commands", true, (*checkup).judgeCommands},
		{"environment", true, (*checkup).judgeEnvironment},
		{"cloneable", true, (*checkup).judgeCloneable},
		{"job settings", true, (*checkup).judgeSettings},
		{"trigger/cancel", true, (*checkup).judgeCancel},
		{"list clones", true, (*checkup).judgeClones},
		{"create clones", true, (*checkup).judgeCreate},
		{"read overrides", true, (*checkup).judgeReadOverrides},
		{"copy overrides", true, (*checkup).judgeCopyOverrides},
	}
}

// judge turns what was seen into findings.
func (c *checkup) judge() []Finding {
	var out []Finding
	for _, check := range checks() {
		var v verdict
		switch {
		case check.ofJob && c.jobID == 0:
			continue
		case check.ofJob && c.job.v == nil:
			v = notLookedAt("the job cannot be read")
		default:
			v = check.judge(c)
		}
		out = append(out, Finding{Check: check.name, Level: v.level, Text: inOneLine(v.text), Mend: inOneLine(v.mend)})
	}
	return out
}

// inOneLine takes out the line breaks, and whatever else steers a terminal, that a server
// may have written.
func inOneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
}

func fine(format string, args ...any) verdict {
	return verdict{level: FindingOK, text: fmt.Sprintf(format, args...)}
}

func unclear(format string, args ...any) verdict {
	return verdict{level: FindingUnknown, text: fmt.Sprintf(format, args...)}
}

func notLookedAt(because string) verdict { return unclear("not looked at, because %s", because) }

func note(text, mend string) verdict    { return verdict{FindingNote, text, mend} }
func problem(text, mend string) verdict { return verdict{FindingProblem, text, mend} }

// graver is a problem where something depends on it, else a note.
func graver(needed bool, text, mend string) verdict {
	if needed {
		return problem(text, mend)
	}
	return note(text, mend)
}

// reply is what an error tells of the question that was asked.
type reply int

const (
	replyYes     reply = iota // no error
	replyNo                   // refused: 401, 403, 404
	replyInvalid              // looked at, and found to be wrong: 400, 409, 422
	replyNone                 // nothing: not sent, lost, a failure of the server, or the answer of somebody else
)

// replyOf reads an error. Only what the API itself says counts, which is JSON: a
// proxy has pages for the same statuses.
func replyOf(err error) reply {
	e, ok := errors.AsType[*Error](err)
	switch {
	case err == nil:
		return replyYes
	case !ok || !bytes.HasPrefix(bytes.TrimSpace(e.Body), []byte("{")):
		return replyNone
	}
	switch e.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		return replyNo
	case http.StatusBadRequest, http.StatusConflict, http.StatusUnprocessableEntity:
		return replyInvalid
	}
	return replyNone
}

// short is an error without the request that it was, and without advice.
func short(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return fmt.Sprintf("%d %s", e.StatusCode, strings.TrimSuffix(e.Message, "."))
	}
	return strings.TrimPrefix(err.Error(), "dbtcloud: ")
}

// firstErrors are the outcomes of the requests that every examination begins with.
func (c *checkup) firstErrors() []error {
	out := []error{c.account.err, c.runs.err}
	if c.jobID != 0 {
		out = append(out, c.job.err)
	}
	return out
}

// unauthorized is the 401 that the API answered with; nil if it did not.
func (c *checkup) unauthorized() *Error {
	for _, err := range c.firstErrors() {
		if e, ok := errors.AsType[*Error](err); ok && e.StatusCode == http.StatusUnauthorized && replyOf(err) == replyNo {
			return e
		}
	}
	return nil
}

// unpaid tells whether a 401 is about the plan and not about the token.
func unpaid(e *Error) bool { return e != nil && strings.Contains(e.Message, "unpaid") }

const browserHost = "use the address in the browser's address bar when dbt Cloud is open (DBT_CLOUD_HOST)"

func (c *checkup) judgeHost() verdict {
	name, place := c.host.Host, hosts.Locate(c.host)
	if c.token.err != nil {
		return notLookedAt("there is no token to ask it with")
	}
	if v, bad := c.judgeReach(); bad {
		return v
	}
	text := name + ": " + describePlace(place)
	if place.Kind == hosts.Cell && place.Prefix == "" {
		return problem(text+" without the account's prefix", "put it in front, as in ab123."+name)
	}
	if e := c.unauthorized(); e != nil && !unpaid(e) {
		return unclear("%s; whether the account lives there is not known, because the token was refused", text)
	}
	if c.account.v == nil {
		return fine("%s", text)
	}
	return c.judgeSubdomain(text, place)
}

// judgeReach tells whether the host answers as dbt Cloud does; it does if one
// request was answered well.
func (c *checkup) judgeReach() (verdict, bool) {
	name := c.host.Host
	var last *Error
	for _, err := range c.firstErrors() {
		if r := replyOf(err); r != replyNone {
			return verdict{}, false
		}
		if e, ok := errors.AsType[*Error](err); ok {
			last = e
		}
	}
	switch {
	case last == nil:
		return problem(fmt.Sprintf("%s cannot be reached: %s", name, short(c.account.err)),
			"check the address (DBT_CLOUD_HOST), the network and the proxy (HTTPS_PROXY)"), true
	case last.StatusCode >= 500 || last.StatusCode == http.StatusTooManyRequests:
		return unclear("%s answers, but not with what was asked for: %s", name, short(last)), true
	}
	return problem(fmt.Sprintf("%s answers, but not as dbt Cloud does: %s", name, short(last)), browserHost), true
}

func describePlace(p hosts.Place) string {
	region := p.Region
	if region == "" {
		region = "a region that is not in the documentation"
	}
	switch p.Kind {
	case hosts.Cell:
		return fmt.Sprintf("the cell %s (%s)", p.Cell, region)
	case hosts.MultiTenant:
		return fmt.Sprintf("multi-tenant (%s)", region)
	case hosts.Local:
		return "a local address, not dbt Cloud itself"
	}
	return "single tenant, or an address of the account's own"
}

// judgeSubdomain compares the host with what the account calls itself.
func (c *checkup) judgeSubdomain(text string, place hosts.Place) verdict {
	var own []string
	for _, s := range []string{c.account.v.StaticSubdomain, c.account.v.VanitySubdomain} {
		if s != "" {
			own = append(own, s)
		}
	}
	names := strings.Join(own, " or ")
	switch {
	case len(own) == 0 || slices.Contains(own, place.Prefix) || place.Kind == hosts.Local || place.Kind == hosts.SingleTenant:
		return fine("%s", text)
	case place.Kind == hosts.Cell:
		return note(fmt.Sprintf("%s; it answers, but the account calls itself %s", text, names), "use "+own[0]+"."+place.Cell+" (DBT_CLOUD_HOST)")
	}
	return note(fmt.Sprintf("%s; it answers, but the account has an address of its own that begins with %s", text, names), browserHost)
}

func (c *checkup) judgeToken() verdict {
	if c.token.err != nil {
		return problem("there is none: "+short(c.token.err), "see to the source of the token")
	}
	kind, refused := c.token.v, c.unauthorized()
	starter := c.account.v != nil && strings.HasPrefix(c.account.v.Plan, "starter")
	switch {
	case unpaid(refused):
		return unclear("%s; whether it is valid is not known, because the account has no API", kind)
	case refused != nil && hosts.Locate(c.host).Kind == hosts.MultiTenant:
		return problem(fmt.Sprintf("%s, and refused: %s", kind, short(refused)),
			fmt.Sprintf("check the token; if it is right, the account lives on a cell (such as ab123.us1.dbt.com), which is unknown to %s: %s", c.host.Host, browserHost))
	case refused != nil:
		return problem(fmt.Sprintf("%s, and refused: %s", kind, short(refused)), "check the token: is it whole, of this account, and not expired? Else check the host: "+browserHost)
	case kind == kindService && starter:
		return note("a service token; on Starter it carries only Semantic Layer permissions", "use a personal access token if a permission is missing below")
	case kind == kindService && c.account.v == nil:
		return fine("a service token (on Starter it would carry only Semantic Layer permissions)")
	case kind == kindPersonal:
		return fine("a personal access token, with the permissions of its user")
	case kind == kindLegacy:
		return note("a token without a prefix, as user API keys were; dbt Cloud ends those", "if it is one, make a service token or a personal access token")
	case kind == kindUnknown:
		return unclear("it begins neither with dbtc_ (service token) nor with dbtu_ (personal access token)")
	}
	return fine("%s", kind)
}

func (c *checkup) judgeAccount() verdict {
	a, err := c.account.v, c.account.err
	switch {
	case a != nil && a.ID != c.accountID:
		return problem(fmt.Sprintf("asked for account %d, the server answered with %d", c.accountID, a.ID), "check the account id (DBT_CLOUD_ACCOUNT_ID) and the host")
	case a != nil && a.State == StateDeleted:
		return problem(fmt.Sprintf("%s (%d) is deleted", a.Name, a.ID), "check the account id (DBT_CLOUD_ACCOUNT_ID)")
	case a != nil && a.PendingCancel:
		return note(fmt.Sprintf("%s (%d) is about to be cancelled", a.Name, a.ID), "ask whoever owns the account")
	case a != nil:
		return fine("%s (%d)", a.Name, a.ID)
	case c.unauthorized() != nil:
		return notLookedAt("the token was refused")
	case replyOf(err) != replyNo:
		return notLookedAt("the request failed: " + short(err))
	case replyOf(c.runs.err) == replyNo:
		return problem(fmt.Sprintf("nothing of account %d is shown: %s", c.accountID, short(err)),
			"check the account id (DBT_CLOUD_ACCOUNT_ID) and the permissions of the token; on Starter a service token has none here")
	}
	text := fmt.Sprintf("cannot be read (%s), so plan and run slots are not known; Job Admin may be such a token", short(err))
	if c.rules.maxRunSlots > 0 {
		return note(text, "")
	}
	return note(text, "set MaxRunSlots (--max-run-slots) to the account's run slots, or give the token a permission set that reads account settings")
}

func (c *checkup) judgeLock() verdict {
	if c.account.v == nil {
		return notLookedAt("the account cannot be read")
	}
	if why := lockOf(c.account.v, c.now); why != "" {
		return problem("the account is locked and starts no runs: "+why, "have the account unlocked; its settings and its billing page tell why")
	}
	return fine("the account is not locked")
}

// onClones is what mode auto does where the platform does not do it.
const onClones = "a busy job is cloned while run slots are free, then runs queue"

func (c *checkup) judgePlan() verdict {
	if e := c.unauthorized(); unpaid(e) {
		return problem(short(e), "the API needs a paid plan; the free Developer plan has none")
	}
	a := c.account.v
	if a == nil {
		return notLookedAt("the account cannot be read; mode auto then takes it for one without native concurrency: " + onClones)
	}
	switch {
	case strings.HasPrefix(a.Plan, "cancelled"):
		return problem(a.Plan+": the plan has ended", "ask whoever owns the account")
	case c.rules.mode == ModeNative:
		return fine("%s; mode native: every run goes to the job itself, whatever the plan", a.Plan)
	case c.rules.mode == ModeQueue:
		return fine("%s; mode queue: one run of the job after the other", a.Plan)
	case c.rules.mode == ModeClone:
		return fine("%s; mode clone: a busy job is cloned, also without a free run slot", a.Plan)
	case slices.Contains(c.rules.nativePlans, a.Plan) && c.job.v != nil && c.job.v.Type != JobCI:
		return note(fmt.Sprintf("%s would run pull requests at the same time, but only those of a CI job; so %s", a.Plan, onClones), "use a job of the type ci")
	case slices.Contains(c.rules.nativePlans, a.Plan):
		return fine("%s: pull requests of a CI job run at the same time on the job itself", a.Plan)
	case slices.ContainsFunc([]string{"starter", "trial", "developer", "free"}, func(known string) bool { return strings.HasPrefix(a.Plan, known) }):
		return fine("%s: %s", a.Plan, onClones)
	}
	return note(fmt.Sprintf("%q is not a plan that this version knows: %s", a.Plan, onClones),
		"if it runs pull requests of a CI job at the same time when they are triggered through the API, use mode native (--mode native)")
}

func (c *checkup) judgeSlots() verdict {
	if c.runs.err != nil {
		return notLookedAt("the runs cannot be listed")
	}
	s := c.snapshot()
	slots := s.slots(c.rules)
	use := fmt.Sprintf("%d running, %d waiting for one", slots.Running, slots.Waiting)
	if s.native(c.rules) {
		use += " beside those of CI jobs, which take none"
	}
	switch {
	case slots.Limit == 0:
		return note(fmt.Sprintf("how many there are is not known (%s): cloning is allowed, up to %d clones, and a clone that must wait waits", use, c.rules.cloneLimit(slots)),
			"set MaxRunSlots (--max-run-slots) to the account's run slots")
	case slots.Limit == 1 && c.wantsClones():
		return note("1: the run that keeps the job busy takes it, so that no clone can ever run beside it", "")
	case slots.Free() == 0:
		return note(fmt.Sprintf("%d, none free now: %s", slots.Limit, use), "")
	}
	return fine("%d, %d free now: %s", slots.Limit, slots.Free(), use)
}

// snapshot is what the autoscaler would see.
func (c *checkup) snapshot() *snapshot {
	s := &snapshot{source: c.job.v, runs: c.runs.v, account: c.account.v}
	if s.source == nil {
		s.source = new(Job)
	}
	return s
}

// wantsClones tells whether the autoscaler would make clones of this job.
func (c *checkup) wantsClones() bool {
	return c.rules.mode == ModeClone || c.rules.mode == ModeAuto && !c.snapshot().native(c.rules)
}
